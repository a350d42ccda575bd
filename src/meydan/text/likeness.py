"""
Whether two comments say nearly the same: a short signature of the letters, for finding floods.

Of the folded text only letters count, so that other numbers, emoji, punctuation and invisible
characters make no difference. Their stretches of five are hashed; of each of 64 keyed orders of
the hashes the first is kept, as one byte. The share of bytes that two signatures have in common
estimates how much the texts share. Without the key nobody can try whether a text fits a signature.

Source: Broder (1997), min-wise hashing; one byte of each as in Li and König (2010).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meydan.text.fold import fold

SIZE: Final = 64
"""Bytes of a signature."""

NEAR: Final = 0.4
"""The share of what two texts have in common, of all that either has, from which they are nearly the same."""

SHORTEST: Final = 12
"""Letters below which a text has no signature: too many readers thank in the same two words."""

_STRETCH = 5
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_ENOUGH: Final = round(NEAR * SIZE)


class Likeness:
    """Signatures under one key. Safe to use from many threads."""

    def __init__(self, keyed: Callable[[str, str], str]) -> None:
        """
        Args:
            keyed: a keyed hash of a purpose and a value, in hexadecimal.
        """
        drawn = "".join(keyed("likeness", str(number)) for number in range(SIZE))
        numbers = np.frombuffer(bytes.fromhex(drawn), dtype=np.uint64)[: 2 * SIZE].reshape(SIZE, 2)
        self._factors = numbers[:, :1] | np.uint64(1)
        self._shifts = numbers[:, 1:]

    def of(self, text: str) -> bytes | None:
        """A text's signature, `SIZE` bytes; None where it is too short to be told apart by."""
        return self.of_folded(fold(text).text)

    def of_folded(self, folded: str) -> bytes | None:
        """The same, of a text that was folded already."""
        words = _LETTERS.findall(folded)
        if sum(map(len, words)) < SHORTEST:
            return None
        line = " ".join(words)
        hashed = np.array([zlib.crc32(stretch) for stretch in _stretches_of(line)], dtype=np.uint64)
        orders = hashed * self._factors + self._shifts
        # The low bits of a product are poorly mixed: the order is by the high ones.
        first: np.ndarray[Any, np.dtype[np.uint64]] = (orders >> np.uint64(24)).min(axis=1)
        return (first & np.uint64(0xFF)).astype(np.uint8).tobytes()


def _stretches_of(line: str) -> set[bytes]:
    places = range(len(line) - _STRETCH + 1)
    if line.isascii():
        # A letter is a byte: the line is encoded once instead of every stretch of it.
        plain = line.encode("ascii")
        return {plain[at : at + _STRETCH] for at in places}
    return {line[at : at + _STRETCH].encode("utf-8", "surrogatepass") for at in places}


def count_near(mine: bytes, others: Sequence[bytes]) -> int:
    """How many signatures are nearly this one."""
    fitting = [other for other in others if len(other) == SIZE]
    if not fitting:
        return 0
    rows = np.frombuffer(b"".join(fitting), dtype=np.uint8).reshape(-1, SIZE)
    return int(np.count_nonzero(is_near(mine, rows.T)))


def is_near(mine: bytes, others: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """
    Which signatures are nearly this one.

    Args:
        others: uint8 (SIZE, n), a signature in each column.

    Returns:
        bool (n,).
    """
    same = (others == np.frombuffer(mine, dtype=np.uint8)[:, None]).view(np.uint8)
    # There are few enough to be counted in a byte, which many processors do for 32 columns at once.
    found: NDArray[np.bool_] = np.add.reduce(same, axis=0, dtype=np.uint8) >= _ENOUGH
    return found
