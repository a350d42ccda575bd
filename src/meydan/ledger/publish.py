"""
Publishing: new leaves become tiles and a checkpoint.

Pure over `Books`, which give leaves and full tiles. Nothing is remembered from one time to the next: what is continued is
read again and has to hash to the root that was signed, the partial tile's leaves included. So what begins after a crash is
what goes on every few seconds.

    tile_of      any tile's bytes, full or partial, from leaves and full tiles
    root_at      the root over the first leaves
    grow         from a checkpoint to a larger tree: its root, and the tiles that became full
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from meydan.errors import LeafChanged
from meydan.ledger.tiles import ENTRIES, HEIGHT, WIDTH, Tile, TileReader, encode_entries, split_hashes
from meydan.ledger.tree import leaf_hash, subtree_hash, tree_at

AT_ONCE: Final = 4096
"""Leaves that are held at once."""


class Books(Protocol):
    """Where leaves and full tiles are kept."""

    def leaves(self, begin: int, end: int) -> Sequence[bytes]:
        """The bodies of the leaves from `begin` to before `end`; LeafMissing where there is a hole."""

    def full(self, level: int, number: int) -> bytes | None:
        """The hashes of a full tile; None where it is not kept."""

    def roots(self, level: int, begin: int, end: int) -> Sequence[bytes]:
        """The roots of full tiles from `begin` to before `end`; fewer where one is not kept."""


class FullTile(NamedTuple):
    """A tile that became full: its hashes, 8,192 bytes, and the root over them."""

    level: int
    number: int
    root: bytes
    hashes: bytes


@dataclass(frozen=True, slots=True)
class Grown:
    """A larger tree: its size and root, and the tiles that were not full before."""

    size: int
    root: bytes
    tiles: tuple[FullTile, ...] = field(repr=False)


def tile_of(tile: Tile, books: Books) -> bytes:
    """
    A tile's bytes, or a bundle's.

    Args:
        tile: one that a checkpoint covers.

    Raises:
        LeafMissing: a leaf of it is not there. LeafChanged: a full tile that was kept is not there.
    """
    begin = tile.index * WIDTH
    if tile.level == ENTRIES:
        return encode_entries(books.leaves(begin, tile.end))
    if tile.width == WIDTH:
        full = books.full(tile.level, tile.index)
        if full is None:
            raise _changed(f"the tile at level {tile.level}, number {tile.index}, is gone")
        return full
    if tile.level == 0:
        return b"".join(map(leaf_hash, books.leaves(begin, tile.end)))
    roots = books.roots(tile.level - 1, begin, tile.end)
    if len(roots) != tile.width:
        raise _changed(f"the tile at level {tile.level - 1}, number {begin + len(roots)}, is gone")
    return b"".join(roots)


def nodes_of(size: int, books: Books) -> TileReader:
    """The nodes of the tree of `size` leaves, for proofs."""
    return TileReader(size, lambda tile: tile_of(tile, books))


def root_at(size: int, books: Books) -> bytes:
    """The root over the first `size` leaves, of which every full tile is kept; raises as `tile_of`."""
    return tree_at(size, nodes_of(size, books)).root()


def grow(size: int, root: bytes, end: int, books: Books) -> Grown:
    """
    Go on from a tree that was signed.

    Args:
        size: its leaves, and `root` what was signed.
        end: how many leaves the larger tree is to have.

    Raises:
        LeafChanged: what is kept is not what was signed.
        LeafMissing: a leaf is not there.
    """
    tree = tree_at(size, nodes_of(size, books))
    if size and tree.root() != root:
        raise _changed(f"the first {size} leaves do not have the root that was signed")
    rows = _edge(size, books)
    tiles: list[FullTile] = []
    for begin in range(size, end, AT_ONCE):
        for body in books.leaves(begin, min(end, begin + AT_ONCE)):
            hashed = leaf_hash(body)
            tree.add(hashed)
            _append(rows, hashed, tree.size, tiles)
    return Grown(tree.size, tree.root(), tuple(tiles))


def _edge(size: int, books: Books) -> list[list[bytes]]:
    """The hashes of each level's partial tile, from the leaves upwards."""
    rows = []
    level = 0
    while size >> HEIGHT * level:
        index, width = divmod(size >> HEIGHT * level, WIDTH)
        tile = Tile(level, index, width)
        rows.append(split_hashes(tile_of(tile, books), tile) if width else [])
        level += 1
    return rows


def _append(rows: list[list[bytes]], hashed: bytes, size: int, tiles: list[FullTile]) -> None:
    """Put a leaf's hash at the right edge of the tree, which has `size` leaves with it."""
    level = 0
    while True:
        if level == len(rows):
            rows.append([])
        row = rows[level]
        row.append(hashed)
        if len(row) < WIDTH:
            return
        hashed = subtree_hash(row)
        tiles.append(FullTile(level, (size >> HEIGHT * (level + 1)) - 1, hashed, b"".join(row)))
        row.clear()
        level += 1


def _changed(how: str) -> LeafChanged:
    return LeafChanged(
        f"What was published of the ledger is not what the database has: {how}. It is not published any further."
    )
