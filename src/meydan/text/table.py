"""
Rows of a table in CSV, cut from a file where they end, before anything reads what is in them.

What stands between quotation marks belongs to the row that they are in, however long it is and whatever it says: a row is
whole, or it is none, and no part of one is ever a row of its own. Memory is bounded by the longest row that is read.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import IO, Final, NamedTuple

_QUOTE: Final = ord('"')
_MARK: Final = b"\xef\xbb\xbf"  # of UTF-8, which some programs put before everything
_PIECE: Final = 2**18
"""Bytes of a line that are looked at in one go."""


class Cut(NamedTuple):
    """
    A row from its first line to its last one, counted from 1.

    `body` is None where it is longer than is read. `closed` is false where the file ends inside of a quotation: of the last row.
    """

    begin: int
    end: int
    body: bytes | None
    closed: bool = True


def rows_of(file: IO[bytes], *, longest: int, delimiter: bytes = b",", first: int = 1) -> Iterator[Cut]:
    """
    The rows of a file from where it stands.

    Args:
        longest: bytes of a row that are read.
        delimiter: one byte that parts fields.
        first: the number of the line that it stands at.
    """
    signs, pieces, size = _Signs(delimiter), list[bytes](), 0
    line = begin = last = first
    while piece := file.readline(_PIECE):
        if not size:
            begin = line
            if line == 1:
                piece = piece.removeprefix(_MARK)
        signs.pass_over(piece)
        last = line
        size += len(piece)
        if size <= longest:
            pieces.append(piece)
        else:
            pieces.clear()
        if not piece.endswith(b"\n"):
            continue
        line += 1
        if not signs.quoted:
            yield Cut(begin, last, b"".join(pieces) if size <= longest else None)
            signs, size = _Signs(delimiter), 0
            pieces.clear()
    if size:
        yield Cut(begin, last, b"".join(pieces) if size <= longest else None, closed=not signs.quoted)


def fields_of(row: str, *, delimiter: str = ",", strict: bool = True) -> list[str] | None:
    """The fields of one row, none of which is too long; None where it is no row, or more than one."""
    # The limit is the whole process's, so it is only ever raised, and here alone: who cuts rows bounds them.
    if len(row) > csv.field_size_limit():
        csv.field_size_limit(len(row))
    try:
        rows = list(csv.reader([row], delimiter=delimiter, strict=strict))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


class _Signs:
    """Where a row stands after each piece of it, by its delimiters and quotation marks, as csv.reader has it; nothing is kept."""

    __slots__ = ("_closed", "_delimiter", "_fresh", "quoted")

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self.quoted = False
        """Whether a field's quotation is open, so that the row goes on in the next line."""
        self._fresh = True  # at the begin of a field, where alone a mark opens a quotation
        self._closed = False  # just after a mark in a quotation: its end, unless another follows

    def pass_over(self, piece: bytes) -> None:
        at, size = 0, len(piece)
        while at < size:
            if self.quoted:
                at = piece.find(b'"', at) + 1
                if at == 0:
                    return
                self.quoted, self._closed = False, True
            elif piece[at] == _QUOTE and (self._fresh or self._closed):
                self.quoted, self._fresh, self._closed = True, False, False
                at += 1
            else:
                at = piece.find(self._delimiter, at) + 1
                self._fresh, self._closed = at > 0, False
                if at == 0:
                    return
