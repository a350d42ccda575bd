"""
The tree of RFC 6962, section 2.1: one hash over all leaves, and short proofs of what is under it.

Pure. A hash has 32 bytes. A *node* is a full subtree: node (level, index) is the root over the 2**level leaves that begin
with leaf index * 2**level; whoever makes a proof is handed a function that gives nodes, from tiles or from anywhere else.

    Tree                                     leaves come one after another and are forgotten
    inclusion_path, consistency_path         made from nodes
    check_inclusion, check_consistency       hold against two roots; BadProof where they do not

Source: RFC 6962, section 2.1; the checks as RFC 9162, sections 2.1.3.2 and 2.1.4.2, describes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY: Final = hashlib.sha256(b"").digest()
"""The root over no leaves."""

Nodes = Callable[[int, int], bytes]
"""Level and index of a node -> its hash."""


class BadProof(ValueError):
    """A proof that does not lead to the root that it was to lead to."""


def leaf_hash(body: bytes) -> bytes:
    """32 bytes for one leaf; no inner node has the same input."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """32 bytes for two neighbours."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """
    The tree over the leaves so far; what is kept grows with the logarithm of their number.

    Args:
        size: how many leaves there are already.
        peaks: the full subtrees that they make, from the largest, as `peaks` gives them.
    """

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)
        if len(self._peaks) != size.bit_count():
            raise ValueError(f"{size} leaves make {size.bit_count()} full subtrees, not {len(self._peaks)}")

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The roots of the full subtrees, from the largest: all that is needed to go on."""
        return tuple(self._peaks)

    def add(self, hashed: bytes) -> None:
        """Append a leaf by its `leaf_hash`."""
        self.size += 1
        # As many full trees end with this leaf as its number has zeros at its end.
        number = self.size
        while number % 2 == 0:
            hashed = node_hash(self._peaks.pop(), hashed)
            number //= 2
        self._peaks.append(hashed)

    def root(self) -> bytes:
        """32 bytes; of no leaves, the hash of nothing."""
        if not self._peaks:
            return EMPTY
        *rest, root = self._peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The root over leaves, given by their `leaf_hash`."""
    tree = Tree()
    for hashed in hashes:
        tree.add(hashed)
    return tree.root()


def subtree_hash(hashes: Sequence[bytes]) -> bytes:
    """The node over 2**k neighbouring nodes of one level."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def tree_at(size: int, nodes: Nodes) -> Tree:
    """The tree of `size` leaves, to go on with."""
    return Tree(size, [nodes(level, index) for level, index in _cover(0, size)])


def inclusion_path(number: int, size: int, nodes: Nodes) -> list[bytes]:
    """
    The proof that leaf `number` (from 0) is in the tree of `size` leaves, from the leaf upwards.

    Raises:
        ValueError: there is no such leaf in that tree.
    """
    if not 0 <= number < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {number}")
    begin, end, path = 0, size, []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if number < middle:
            path.append(_root(middle, end, nodes))
            end = middle
        else:
            path.append(_root(begin, middle, nodes))
            begin = middle
    return path[::-1]


def consistency_path(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """
    The proof that the tree of `new` leaves begins with all leaves of the tree of `old`; none for the same or an empty tree.

    Raises:
        ValueError: the old tree is the larger one.
    """
    if not 0 <= old <= new:
        raise ValueError(f"no tree of {new} leaves begins with one of {old}")
    if old in (0, new):
        return []
    begin, end, path = 0, new, []
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(_root(middle, end, nodes))
            end = middle
        else:
            path.append(_root(begin, middle, nodes))
            begin = middle
    if begin:  # else the old tree is a node of the new one, and whoever checks has its root
        path.append(_root(begin, end, nodes))
    return path[::-1]


def check_inclusion(hashed: bytes, number: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """
    Refuse a proof of inclusion that does not lead from the leaf to the root.

    Args:
        hashed: the leaf's `leaf_hash`.
        number: which leaf it is to be, from 0.

    Raises:
        BadProof
    """
    if not 0 <= number < size:
        raise BadProof(f"A tree of {size} leaves has no leaf {number}.")
    at, last = number, size - 1
    for sibling in path:
        if last == 0:
            raise BadProof("The proof of inclusion is longer than the tree is high.")
        if at % 2 or at == last:
            hashed = node_hash(sibling, hashed)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            hashed = node_hash(hashed, sibling)
        at, last = at // 2, last // 2
    if last:
        raise BadProof("The proof of inclusion ends below the root.")
    if hashed != root:
        raise BadProof(f"Leaf {number} is not what the tree of {size} leaves has there.")


def check_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """
    Refuse a proof of consistency that does not lead to both roots.

    Raises:
        BadProof: or the old tree is the larger one.
    """
    if not 0 <= old <= new:
        raise BadProof(f"The tree of {new} leaves is smaller than the one of {old}.")
    if old in (0, new):
        if path:
            raise BadProof("The proof of consistency is longer than it has to be.")
        if old_root != (new_root if old else EMPTY):
            raise BadProof(f"There are two trees of {old} leaves.")
        return
    at, last = old - 1, new - 1
    while at % 2:
        at, last = at // 2, last // 2
    way = list(path) if at else [old_root, *path]
    if not way:
        raise BadProof("The proof of consistency is missing.")
    old_made = new_made = way[0]
    for sibling in way[1:]:
        if last == 0:
            raise BadProof("The proof of consistency is longer than the tree is high.")
        if at % 2 or at == last:
            old_made, new_made = node_hash(sibling, old_made), node_hash(sibling, new_made)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            new_made = node_hash(new_made, sibling)
        at, last = at // 2, last // 2
    if last:
        raise BadProof("The proof of consistency ends below the root.")
    if old_made != old_root or new_made != new_root:
        raise BadProof(f"The tree of {new} leaves does not begin with the one of {old}.")


def _split(width: int) -> int:
    """The largest power of two below `width`, which is at least 2."""
    return 1 << (width - 1).bit_length() - 1


def _cover(begin: int, end: int) -> list[tuple[int, int]]:
    """The fewest nodes over leaves `begin` to `end`, from the largest; `begin` is where a subtree of their width may begin."""
    nodes = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        nodes.append((level, begin >> level))
        begin += 1 << level
    return nodes


def _root(begin: int, end: int, nodes: Nodes) -> bytes:
    return Tree(end - begin, [nodes(level, index) for level, index in _cover(begin, end)]).root()
