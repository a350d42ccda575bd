"""
One hash over all leaves: the root of the tree of RFC 6962, section 2.1.

Pure. Leaves come one after another and are forgotten; what is kept grows with the logarithm of their number.
"""

from __future__ import annotations

import hashlib


def leaf_hash(body: bytes) -> bytes:
    """32 bytes for one leaf; no inner node has the same input."""
    return hashlib.sha256(b"\x00" + body).digest()


class Tree:
    """The tree over the leaves so far."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, hashed: bytes) -> None:
        """Append a leaf by its `leaf_hash`."""
        self.size += 1
        # As many full trees end with this leaf as its number has zeros at its end.
        number = self.size
        while number % 2 == 0:
            hashed = _node(self._peaks.pop(), hashed)
            number //= 2
        self._peaks.append(hashed)

    def root(self) -> bytes:
        """32 bytes; of no leaves, the hash of nothing."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        *rest, root = self._peaks
        for peak in reversed(rest):
            root = _node(peak, root)
        return root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
