"""
What was said last of each comment in a ledger, by its commitment: for whoever verifies, and has to see that nothing is said
twice or too late.

Pure. A table of 16 bytes a place in one piece of memory, of which at most two thirds are taken: some 30 bytes a comment,
whatever the number, and no object for any. Places are found by a keyed hash, so that whoever chooses commitments cannot
choose places.
"""

from __future__ import annotations

import hashlib
from typing import Final

KEY_BYTES: Final = 16
_PLACE: Final = 16
_FIRST: Final = 1 << 10
_FORM: Final = b"meydan.book.v1\x00\x00"
_HEAD: Final = len(_FORM) + KEY_BYTES + 8

NOTHING: Final = 0
"""Stands for a comment of which nothing was said. Whatever else is said is a number from 1 to 255."""


class BadBook(ValueError):
    """Bytes that are no book."""


class Book:
    """
    Commitments and what was said of them last.

    Args:
        key: 16 random bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a book's key has {KEY_BYTES} bytes, not {len(key)}")
        self._key = key
        self._taken = 0
        self._places = bytearray(_FIRST * _PLACE)
        # Whoever looks somebody up enters something next.
        self._last: tuple[bytes, bytes, int] = (b"", b"", -1)

    def __len__(self) -> int:
        return self._taken

    def put(self, commitment: bytes, said: int) -> None:
        """Enter what is said of a comment now (1 to 255)."""
        mark, at = self._find(commitment)
        if self._places[at + _PLACE - 1] == NOTHING:
            self._taken += 1
            self._places[at : at + _PLACE - 1] = mark
        self._places[at + _PLACE - 1] = said
        if self._taken * 3 > len(self._places) // _PLACE * 2:
            self._grow()

    def get(self, commitment: bytes) -> int:
        """What was said last; NOTHING for an unknown one."""
        return self._places[self._find(commitment)[1] + _PLACE - 1]

    def to_bytes(self) -> bytes:
        """All of it, for a file."""
        return b"".join((_FORM, self._key, self._taken.to_bytes(8, "big"), self._places))

    @classmethod
    def from_bytes(cls, data: bytes) -> Book:
        """
        A book from its file.

        Raises:
            BadBook: it is none, or cut short.
        """
        size = len(data) - _HEAD
        places, odd = divmod(size, _PLACE)
        if not data.startswith(_FORM) or size < _FIRST * _PLACE or odd or places & (places - 1):
            raise BadBook("This is not a book of a ledger.")
        book = cls(data[len(_FORM) : len(_FORM) + KEY_BYTES])
        book._taken = int.from_bytes(data[_HEAD - 8 : _HEAD], "big")
        book._places = bytearray(memoryview(data)[_HEAD:])
        if (
            book._taken != places - book._places[_PLACE - 1 :: _PLACE].count(NOTHING)
            or book._taken * 3 > places * 2
        ):
            raise BadBook("This is not a book of a ledger.")
        return book

    def _find(self, commitment: bytes) -> tuple[bytes, int]:
        if self._last[0] is commitment and self._last[2] >= 0:
            return self._last[1:]
        mark = hashlib.blake2b(commitment, digest_size=_PLACE - 1, key=self._key).digest()
        at = self._place_of(mark)
        self._last = commitment, mark, at
        return mark, at

    def _place_of(self, mark: bytes) -> int:
        """Where it stands, or where it would."""
        places = self._places
        end = len(places)
        at = int.from_bytes(mark[:8], "big") * _PLACE & (end - 1)
        while places[at + _PLACE - 1] != NOTHING and places[at : at + _PLACE - 1] != mark:
            at = (at + _PLACE) & (end - 1)
        return at

    def _grow(self) -> None:
        self._last = (b"", b"", -1)
        former = self._places
        self._places = bytearray(len(former) * 2)
        for at in range(0, len(former), _PLACE):
            if former[at + _PLACE - 1] != NOTHING:
                mark = bytes(former[at : at + _PLACE - 1])
                to = self._place_of(mark)
                self._places[to : to + _PLACE] = former[at : at + _PLACE]
