"""
A file read by a process of its own: while the database writes, the next rows are taken apart.

What is hard work and needs no database is done there, with nothing of the database and the judge loaded: the format, the text of HTML, and what it is found by. The two
hand each other rows by the hundred. Whoever reads is some thousands ahead of whoever writes, so that neither stands still while the other works, and
no further, so that memory does not grow with the file.
"""

from __future__ import annotations

import gc
import pickle
from collections.abc import Generator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Final

from meydan.errors import FileCutShort, MeydanError, StoreUnavailable
from meydan.exchange.formats import READERS, Asked
from meydan.exchange.reading import Taken
from meydan.exchange.record import CommentRecord
from meydan.text.search import looked_through

Looked = tuple[CommentRecord, str]
"""A comment, and what it is found by (text.search)."""

_ROWS: Final = 250
_CHARACTERS: Final = 1_000_000
_AHEAD: Final = 6
"""How many such pieces wait here for whoever writes: a pipe alone has room for a hundred rows."""


def read_apart(format: str, path: Path, asked: Asked) -> Generator[Taken | Looked, None, None]:
    """
    What a reader of formats.READERS gives.

    Raises:
        NotThatFormat, FileCutShort, BadSettings: as the reader does; FileCutShort also where it fails. StoreUnavailable: the other process was killed.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    reading = context.Process(
        target=_read, args=(theirs, format, path, asked), name="meydan-reading", daemon=True
    )
    reading.start()
    theirs.close()
    ahead: Queue[bytes | None] = Queue(_AHEAD)
    fetching = Thread(target=_fetch, args=(ours, ahead), name="meydan-fetching", daemon=True)
    try:
        fetching.start()
        while (piece := ahead.get()) is not None:
            rows = pickle.loads(piece)  # noqa: S301  (a process of this program's own wrote it)
            if rows is None:
                return
            if isinstance(rows, MeydanError):
                raise rows
            yield from rows
        raise StoreUnavailable(
            "The process that read the file is gone; perhaps memory ran out. Run it again: it goes on from here."
        )
    finally:
        reading.terminate()
        reading.join()
        # It may be waiting for room.
        while fetching.is_alive():
            with suppress(Empty):
                ahead.get(timeout=0.01)
        ours.close()


def _fetch(ours: Connection, ahead: Queue[bytes | None]) -> None:
    """What comes, as it comes; None once nothing more does."""
    try:
        with suppress(EOFError, OSError):
            while True:
                ahead.put(ours.recv_bytes())
    finally:
        ahead.put(None)


def _read(out: Connection, format: str, path: Path, asked: Asked) -> None:
    # What is loaded stays, and what a row leaves behind is little: it need not be looked for with every few of them.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    rows: list[Taken | Looked] = []
    characters = 0
    # Whoever asked may be gone, or have heard enough.
    with suppress(BrokenPipeError, KeyboardInterrupt):
        try:
            for record in READERS[format](path, asked):
                if isinstance(record, CommentRecord):
                    rows.append((record, looked_through(record.name, record.body, record.body_format)))
                    characters += len(record.body)
                else:
                    rows.append(record)
                if len(rows) >= _ROWS or characters > _CHARACTERS:
                    out.send(rows)
                    rows, characters = [], 0
        except MeydanError as error:
            out.send(rows)
            out.send(error)
            return
        except BrokenPipeError:
            raise
        except Exception as fault:  # noqa: BLE001  (its message and its lines may hold a reader's words)
            out.send(rows)
            out.send(
                FileCutShort(
                    f"{path} holds what this program did not expect ({type(fault).__name__}), and is not read on. What came "
                    "before was read. Please report it."
                )
            )
            return
        out.send(rows)
        out.send(None)
