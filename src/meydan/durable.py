"""
Small files that have to be there whole after a crash: keys, and what a node or a witness remembers.

    write        in place of what is there
    make_once    only if nobody else has made it
    sync_folder  a name that was given or taken away is so after a crash, too

Each file is readable to its owner alone. What is written aside, under a name with a dot, is gone whatever happens.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """
    Put `data` in place of what is there; durable when this returns, and the one or the other whatever happens.

    Raises:
        OSError: it could not be written, and what was there stays.
    """
    with _aside(path, data) as aside:
        aside.replace(path)
        sync_folder(path.parent)


def make_once(path: Path, data: bytes) -> None:
    """
    Make a file, unless it is there: whoever was first has made it, so that two who begin at once agree on one.

    Raises:
        OSError: it could not be written.
    """
    with _aside(path, data) as aside:
        try:
            os.link(aside, path)
        except FileExistsError:
            return
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Raises OSError where the disk does not have the folder's names."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _aside(path: Path, data: bytes) -> Iterator[Path]:
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as made:
            made.write(data)
            made.flush()
            os.fsync(made.fileno())
        yield aside
    finally:
        aside.unlink(missing_ok=True)
