"""What is published grows from what was signed: the same tree and tiles as all leaves at once make, or nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meydan.errors import LeafChanged, LeafMissing
from meydan.ledger.publish import Grown, grow, root_at, tile_of
from meydan.ledger.tiles import ENTRIES, Tile, decode_entries, tile_in, tiles_of
from meydan.ledger.tree import EMPTY, leaf_hash, root_of, subtree_hash

STEPS = st.lists(st.sampled_from((1, 2, 3, 254, 255, 256, 257, 300)), min_size=1, max_size=5)


class Kept:
    """Leaves and full tiles, as a store has them."""

    def __init__(self) -> None:
        self.bodies: list[bytes | None] = []
        self.tiles: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        self.size, self.root = 0, EMPTY

    def leaves(self, begin: int, end: int) -> Sequence[bytes]:
        found = [body for body in self.bodies[begin:end] if body is not None]
        if len(found) != end - begin:
            raise LeafMissing("A leaf is missing.")
        return found

    def full(self, level: int, number: int) -> bytes | None:
        found = self.tiles.get((level, number))
        return found[1] if found else None

    def roots(self, level: int, begin: int, end: int) -> Sequence[bytes]:
        return [self.tiles[level, number][0] for number in range(begin, end) if (level, number) in self.tiles]

    def publish(self, more: int) -> Grown:
        self.bodies += [f"leaf {number}".encode() for number in range(self.size, self.size + more)]
        grown = grow(self.size, self.root, len(self.bodies), self)
        self.tiles |= {(tile.level, tile.number): (tile.root, tile.hashes) for tile in grown.tiles}
        self.size, self.root = grown.size, grown.root
        return grown

    def hashes(self, size: int) -> list[bytes]:
        return [leaf_hash(body or b"") for body in self.bodies[:size]]

    def level(self, level: int, size: int) -> list[bytes]:
        hashes = self.hashes(size)
        for _ in range(level):
            hashes = [subtree_hash(hashes[at : at + 256]) for at in range(0, len(hashes) // 256 * 256, 256)]
        return hashes


@settings(max_examples=30)
@given(STEPS)
def test_it_grows_to_the_tree_over_all_leaves(steps: list[int]) -> None:
    """If leaves are published in whatever steps, then roots and tiles are those of all of them at once."""
    kept, sizes = Kept(), [0]
    for more in steps:
        assert kept.publish(more).root == root_of(kept.hashes(kept.size))
        sizes.append(kept.size)
    for size in sizes:
        assert root_at(size, kept) == root_of(kept.hashes(size))
    for tile in tiles_of(kept.size):
        hashes = kept.level(tile.level, kept.size)[tile.index * 256 : tile.end]
        assert tile_of(tile, kept) == b"".join(hashes)
    last = tile_in(ENTRIES, (kept.size - 1) // 256, kept.size)
    assert decode_entries(tile_of(last, kept), last.width) == kept.bodies[last.index * 256 :]


def test_it_grows_past_a_full_tile_of_the_second_level() -> None:
    """If there are more than 65,536 leaves, then three levels are right, before and after the tile became full."""
    kept = Kept()
    kept.publish(65_535)
    assert (1, 0) not in kept.tiles
    kept.publish(2)
    assert kept.tiles[1, 0][0] == root_of(kept.hashes(65_536))
    assert kept.root == root_of(kept.hashes(65_537))
    assert tile_of(Tile(2, 0, 1), kept) == kept.tiles[1, 0][0]
    assert root_at(65_535, kept) == root_of(kept.hashes(65_535))


@pytest.mark.parametrize("number", [512, 599])
def test_a_changed_leaf_of_the_edge_is_seen(number: int) -> None:
    """If a leaf of the tile that is not full yet was changed, then nothing goes on from there."""
    kept = Kept()
    kept.publish(600)
    kept.bodies[number] = b"another"
    with pytest.raises(LeafChanged):
        kept.publish(1)


@pytest.mark.parametrize("gone", [(0, 0), (0, 1)])
def test_a_tile_that_is_gone_is_seen(gone: tuple[int, int]) -> None:
    """If a full tile was deleted, then nothing goes on from there."""
    kept = Kept()
    kept.publish(600)
    del kept.tiles[gone]
    with pytest.raises(LeafChanged):
        kept.publish(1)
    with pytest.raises(LeafChanged):
        tile_of(Tile(*gone), kept)


@pytest.mark.parametrize("number", [598, 600, 700])
def test_a_missing_leaf_is_seen(number: int) -> None:
    """If a number has no leaf, published or not, then nothing goes on over it."""
    kept = Kept()
    kept.publish(600)
    kept.bodies += [b"new"] * 101
    kept.bodies[number] = None
    with pytest.raises(LeafMissing):
        grow(kept.size, kept.root, len(kept.bodies), kept)
