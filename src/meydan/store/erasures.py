"""
The list of what was erased, outside the database: a backup that is older than an erasure must not undo it.

One line of JSON for each comment, in a file of its own that is only ever appended to and is on disk before the
erasure is answered: the comment's public id, its commitment and when it was erased, nothing of what it said. Every
process that has the data folder may write it, one at a time.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from meydan.durable import sync_folder
from meydan.errors import BackupDamaged, StoreUnavailable
from meydan.store.exact import micros, time_of

LONGEST_LINE = 4096


class Erased(NamedTuple):
    """A comment that was erased: its public id, its commitment (32 bytes), and when, in microseconds since 1970."""

    id: str
    commitment: bytes
    at: int


class _Line(msgspec.Struct):
    id: str
    commitment: str
    at: str


class Erasures:
    """The list in one file; a file that is not there is a list that nobody has begun."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: set[str] = set()
        self._read_to = 0
        self._last = b""

    @property
    def begun(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def add(self, erased: Iterable[Erased]) -> int:
        """
        Append what is not in the list yet; it is on disk when this returns.

        Returns:
            How many were new.

        Raises:
            StoreUnavailable: the file cannot be written; nothing is half-listed.
            BackupDamaged: what is there already cannot be read.
        """
        try:
            made = not self.path.exists()
            with os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                whole, unended = self._refresh(file)
                new = {one.id: one for one in erased if one.id not in self._known}
                if new or os.fstat(file.fileno()).st_size != whole:
                    # A line that a crash cut short was answered to nobody.
                    file.truncate(whole)
                    file.seek(whole)
                    lines = [_line_of(one) for one in new.values()]
                    file.write((b"\n" if unended and lines else b"") + b"".join(lines))
                    file.flush()
                    os.fsync(file.fileno())
                    # Known only now: what could not be written is tried again.
                    self._known.update(new)
                    if lines:
                        self._read_to, self._last = file.tell(), lines[-1]
            if made:
                sync_folder(self.path.parent)
        except OSError as error:
            raise StoreUnavailable(
                f"The list of erasures {self.path} cannot be written ({error.strerror}). What was erased stays erased, "
                "but a restore would not know of it: make room, and it is listed at the next attempt."
            ) from None
        return len(new)

    def read(self) -> list[Erased]:
        """
        All of the list, in order.

        Raises:
            BackupDamaged: a line cannot be read; says which.
            StoreUnavailable: the file cannot be opened.
        """
        try:
            with self.path.open("rb") as file:
                return [one for one, _ in _lines(file, self.path)]
        except OSError as error:
            raise StoreUnavailable(
                f"The list of erasures {self.path} cannot be read: {error.strerror}."
            ) from None

    def _refresh(self, file: BinaryIO) -> tuple[int, bool]:
        """
        Take up what others appended.

        Returns:
            Where the last whole line ends, and whether it is whole but for its end: somebody mended the list by hand, or a crash
            came there. Such a line is read again the next time, as others may end it.
        """
        file.seek(max(0, self._read_to - len(self._last)))
        if file.read(len(self._last)) != self._last:
            # Somebody put another file in its place, or mended this one.
            self._known, self._read_to, self._last = set(), 0, b""
        file.seek(self._read_to)
        whole, unended = self._read_to, False
        for one, line in _lines(file, self.path, begin=self._read_to):
            self._known.add(one.id)
            whole += len(line)
            unended = not line.endswith(b"\n")
            if not unended:
                self._read_to, self._last = whole, line
        return whole, unended


def _lines(file: BinaryIO, path: Path, *, begin: int = 0) -> Iterator[tuple[Erased, bytes]]:
    at, number = begin, 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        at += len(line)
        try:
            told = _decode(line)
            erased = Erased(told.id, bytes.fromhex(told.commitment), _micros_of(told.at))
            if len(erased.commitment) != 32:
                raise ValueError
        except (msgspec.DecodeError, ValueError):
            if not line.endswith(b"\n") and len(line) < LONGEST_LINE:
                # A crash cut it short.
                return
            where = f"line {number}" if not begin else f"byte {at - len(line)}"
            raise BackupDamaged(
                f"The list of erasures {path} cannot be read at {where}. Mend that line, or fetch the list from another copy."
            ) from None
        yield erased, line


_decode = msgspec.json.Decoder(_Line).decode


def _line_of(erased: Erased) -> bytes:
    at = time_of(erased.at).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return msgspec.json.encode(_Line(erased.id, erased.commitment.hex(), at)) + b"\n"


def _micros_of(at: str) -> int:
    return micros(datetime.fromisoformat(at))
