"""
A tree in files of its own: tiles of 256 hashes, and the leaves beside them in bundles of as many.

Pure. A tile at level L holds nodes of level 8 * L. What is at the right edge is partial; a tree grows by adding tiles, and
a full one never changes. Where they are served, `path` is where, below the ledger's address.

    Tile             which one: level (or ENTRIES), index and width
    tiles_of         all that a tree of some size adds to a smaller one
    TileReader       nodes out of tiles that somebody fetches: for proofs

Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from meydan.ledger.tree import HASH_BYTES, subtree_hash, tree_at

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
"""Hashes of a full tile, and leaves of a full bundle."""

ENTRIES: Final = -1
"""Stands for the level of a bundle of leaves."""

LAST_LEVEL: Final = 63
MOST_BODY_BYTES: Final = 65535
"""A leaf's length is written in two bytes."""

KEPT_TILES: Final = 64

_PATH: Final = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class BadTile(ValueError):
    """Bytes that are not the tile or the bundle that they were to be."""


class SwappedTile(BadTile):
    """A tile of the right length that is not the one under the root; `tile` says which."""

    def __init__(self, tile: Tile) -> None:
        super().__init__(f"{tile.path} is not the tile that is under the root.")
        self.tile = tile


@dataclass(frozen=True, slots=True)
class Tile:
    """
    Which tile.

    Args:
        level: 0 to 63, or ENTRIES.
        index: from 0.
        width: of its hashes, or leaves, 1 to 256; below 256 it is partial.
    """

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Such as "tile/0/x001/234.p/5"."""
        last = f"{self.index % 1000:03}"
        above, more = "", self.index // 1000
        while more:
            above, more = f"x{more % 1000:03}/{above}", more // 1000
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{above}{last}" + ("" if self.width == WIDTH else f".p/{self.width}")

    @property
    def end(self) -> int:
        """How many hashes (or leaves) its level has up to its end."""
        return self.index * WIDTH + self.width

    def is_in(self, size: int) -> bool:
        """Whether a tree of `size` leaves has all of it."""
        return self.end <= size >> HEIGHT * max(self.level, 0)


def parse(path: str) -> Tile:
    """
    The tile at a path.

    Raises:
        BadTile: there is no such path; each tile has exactly one.
    """
    found = _PATH.fullmatch(path)
    if not found:
        raise BadTile("No tile has such a path.")
    digits = found["index"].replace("x", "").replace("/", "")
    tile = Tile(
        ENTRIES if found["level"] == "entries" else int(found["level"]),
        int(digits) if len(digits) <= 18 else -1,
        int(found["width"] or WIDTH),
    )
    # "x000/001" and ".p/256" are other names of what has one already.
    if tile.level > LAST_LEVEL or tile.index < 0 or tile.path != path:
        raise BadTile("No tile has such a path.")
    return tile


def entries_path(index: int, width: int = WIDTH) -> str:
    """Where a bundle of leaves is."""
    return Tile(ENTRIES, index, width).path


def tile_in(level: int, index: int, size: int) -> Tile:
    """The tile of this level and index as a tree of `size` leaves has it; ValueError where it has none."""
    width = min(WIDTH, (size >> HEIGHT * max(level, 0)) - index * WIDTH)
    if width <= 0:
        raise ValueError(f"a tree of {size} leaves has no tile {index} at level {level}")
    return Tile(level, index, width)


def tiles_of(size: int, *, since: int = 0) -> Iterator[Tile]:
    """The tiles of a tree of `size` leaves, from the leaves upwards, without those that one of `since` has as well."""
    level = 0
    while size >> HEIGHT * level:
        count, before = size >> HEIGHT * level, since >> HEIGHT * level
        if count > before:
            for index in range(before // WIDTH, -(-count // WIDTH)):
                yield tile_in(level, index, size)
        level += 1


def split_hashes(data: bytes, tile: Tile) -> list[bytes]:
    """
    The hashes of a tile.

    Raises:
        BadTile: there are more or fewer than its width.
    """
    if len(data) != tile.width * HASH_BYTES:
        raise BadTile(f"{tile.path} has {len(data)} bytes, not {tile.width * HASH_BYTES}.")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def encode_entries(bodies: Iterable[bytes]) -> bytes:
    """
    A bundle of leaves: each after its length.

    Raises:
        ValueError: a leaf is longer than 65,535 bytes.
    """
    parts = []
    for body in bodies:
        if len(body) > MOST_BODY_BYTES:
            raise ValueError(f"a leaf has at most {MOST_BODY_BYTES} bytes, not {len(body)}")
        parts += [len(body).to_bytes(2, "big"), body]
    return b"".join(parts)


def decode_entries(data: bytes, width: int) -> list[bytes]:
    """
    The leaves of a bundle.

    Raises:
        BadTile: there are more or fewer than `width`, or the last is cut short.
    """
    bodies: list[bytes] = []
    at = 0
    while at < len(data):
        begin = at + 2
        at = begin + int.from_bytes(data[at:begin], "big")
        if begin > len(data) or at > len(data):
            raise BadTile(f"Leaf {len(bodies)} of the bundle is cut short.")
        bodies.append(data[begin:at])
        if len(bodies) > width:
            break
    if len(bodies) != width:
        raise BadTile(f"The bundle has {'more' if len(bodies) > width else len(bodies)} leaves, not {width}.")
    return bodies


class TileReader:
    """
    The nodes of a tree of `size` leaves, out of its tiles: hand it to `inclusion_path` and `consistency_path`.

    Args:
        read: a tile -> its bytes; asked once for each, while it is among the last few dozen.
        root: where it is given, every tile is proved to be under this root before anything is taken from it. Where it
            is not, what a tile says is to be believed by nobody until a proof made from it leads to a root that is.

    Raises:
        SwappedTile: the tiles at the right edge do not lead to that root. It names the lowest of them; which of them it
            is nobody can know.
    """

    def __init__(self, size: int, read: Callable[[Tile], bytes], *, root: bytes | None = None) -> None:
        self.size = size
        self._read = read
        self._kept: OrderedDict[Tile, list[bytes]] = OrderedDict()
        self._edge: dict[Tile, list[bytes]] = {}
        self._proves = False
        if root is not None:
            # What is partial has no node above it: all of that together has to give the root.
            if tree_at(size, self).root() != root:
                raise SwappedTile(next((t for t in tiles_of(size) if t.width < WIDTH), Tile(0, 0)))
            self._edge = dict(self._kept)
            self._kept.clear()
            self._proves = True

    def __call__(self, level: int, index: int) -> bytes:
        """
        A node's hash.

        Raises:
            BadTile: the tile does not have the length that it has to have.
            SwappedTile: it is not under the root.
            ValueError: the tree has no such node.
        """
        below = level % HEIGHT
        first = index << below
        tile = tile_in(level // HEIGHT, first // WIDTH, self.size)
        at = first % WIDTH
        if at + (1 << below) > tile.width:
            raise ValueError(f"a tree of {self.size} leaves has no node {index} at level {level}")
        return subtree_hash(self._hashes(tile)[at : at + (1 << below)])

    def prove(self, tile: Tile, data: bytes) -> list[bytes]:
        """
        The hashes of a tile that somebody has fetched already, once it is proved to be under the root.

        Raises:
            BadTile, SwappedTile
        """
        hashes = split_hashes(data, tile)
        if not self._proves:
            return hashes
        if tile.width == WIDTH:
            proved = subtree_hash(hashes) == self(HEIGHT * (tile.level + 1), tile.index)
        else:
            proved = hashes == self._edge.get(tile)
        if not proved:
            raise SwappedTile(tile)
        return hashes

    def _hashes(self, tile: Tile) -> list[bytes]:
        hashes = self._kept.get(tile)
        if hashes is None:
            if self._proves and tile.width < WIDTH:
                return self._edge[tile]
            hashes = self._kept[tile] = self.prove(tile, self._read(tile))
            if len(self._kept) > KEPT_TILES:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(tile)
        return hashes
