"""
What readers of different formats share: lines of a file however long, times with their zones, text that can be kept.

Nothing is corrected: what cannot be taken as it is becomes a `Fault` with its place. A file that ends in its middle is
an error of the file, after all that came before it was read.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, cast

import msgspec

from meydan.errors import FileCutShort, NotThatFormat
from meydan.exchange.record import CommentRecord, Fault, StoryRecord
from meydan.text.exact import is_exact

LONGEST_LINE: Final = 16 * 2**20
"""Bytes of one line that are read; a comment has some hundred."""

LONGEST_FIRST: Final = 256 * 2**20
"""Bytes of a first line that lists every user and page, as Remark42's does."""

_CHUNK: Final = 2**20
_GZIP: Final = b"\x1f\x8b"
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")

Taken = StoryRecord | CommentRecord | Fault
"""What every reader yields."""

NO_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Raised of what is no such JSON; the last, which is no error of msgspec's own, of what is nested a thousand deep."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line without its end; `body` is None where it is longer than is read."""

    number: int
    body: bytes | None = field(repr=False)

    @property
    def place(self) -> str:
        return f"line {self.number}"


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """
    A file, unpacked if it is gzip, whatever it is called.

    Raises:
        NotThatFormat: it cannot be read at all.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(2)
            file.seek(0)
            if begin in _UTF16_MARKS:
                raise NotThatFormat(f"{path} is in UTF-16. Make it UTF-8 first: iconv -f UTF-16 -t UTF-8.")
            if begin != _GZIP:
                yield file
                return
            with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
                # Buffered no further: what was unpacked before a damage is read.
                yield cast(BinaryIO, unpacked)
    except OSError as error:
        if isinstance(error, gzip.BadGzipFile):
            raise cut_short(path) from None
        raise NotThatFormat(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from None
    except (EOFError, zlib.error):
        raise cut_short(path) from None


def cut_short(path: Path) -> FileCutShort:
    """Said of a file that ends in its middle, or is damaged there."""
    return FileCutShort(
        f"{path} ends in its middle, or is damaged. What came before was read. Fetch it again and import it again: "
        "what came in already is not taken twice."
    )


def lines_of(path: Path, *, longest: int = LONGEST_LINE, longest_first: int = LONGEST_LINE) -> Iterator[Line]:
    """
    The lines of a file that are not empty, in constant memory.

    Raises:
        NotThatFormat: it cannot be read. FileCutShort: it ends in its middle.
    """
    with opened(path) as file:
        number = 0
        while True:
            number += 1
            most = longest_first if number == 1 else longest
            body = file.readline(most + 1)
            if not body:
                return
            if len(body) > most and not body.endswith(b"\n"):
                while (rest := file.readline(_CHUNK)) and not rest.endswith(b"\n"):
                    pass
                yield Line(number, None)
                continue
            if number == 1:
                body = body.removeprefix(_UTF8_MARK)
            body = body.rstrip(b"\r\n")
            if body.strip():
                yield Line(number, body)


def too_long(place: str) -> Fault:
    return Fault(
        place,
        "too-long",
        f"It has more than {LONGEST_LINE // 2**20} MiB; no comment has. Look at it by hand.",
    )


class NoTime(Exception):
    """Why a time cannot be taken, as a fault's kind and message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind)
        self.kind = kind
        self.message = message


def time_in(said: object) -> datetime:
    """
    A time of RFC 3339 as UTC; what is finer than a microsecond is cut off, as it is in the database.

    Raises:
        NoTime: there is none, it cannot be read, or it does not say its zone.
    """
    if said is None or said == "":
        raise NoTime("no-time", "It does not say when it was written.")
    try:
        at = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        at = None
    if at is None:
        raise NoTime("no-time", "Its time cannot be read; it should be as 2024-05-31T18:30:00Z.")
    if at.tzinfo is None:
        raise NoTime(
            "no-zone", "Its time does not say its zone, so when it was is not known. Add Z, or +03:00."
        )
    return in_range(at)


def time_of_epoch(seconds: object) -> datetime:
    """
    Seconds since 1970 as UTC, to the microsecond.

    Raises:
        NoTime: it is no number, or no time that there was.
    """
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        raise NoTime("no-time", "It does not say when it was written, in seconds since 1970.")
    try:
        return _EPOCH + timedelta(microseconds=round(seconds * 1_000_000))
    except (OverflowError, ValueError):
        raise NoTime("no-time", "Its time is none that there was.") from None


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def in_range(at: datetime) -> datetime:
    """
    An aware time as UTC.

    Raises:
        NoTime: in UTC it would be before the first year, or after the last.
    """
    try:
        return at.astimezone(UTC)
    except (OverflowError, ValueError):
        raise NoTime("no-time", "Its time is none that there was.") from None


def kept_exactly(record: CommentRecord) -> CommentRecord | Fault:
    """The record, or the fault that it holds what no database keeps as it is."""
    said = (record.key, record.story, record.name, record.body, record.parent, record.email, record.reason)
    if all(value is None or is_exact(value) for value in said):
        return record
    return Fault(
        record.place,
        "not-text",
        "It holds characters that are not text (a null byte, or half of a character); they cannot be kept exactly.",
        record.key if is_exact(record.key) else None,
    )
