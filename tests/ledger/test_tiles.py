"""Tiles: their paths, what a growing tree adds, and proofs made from nothing else."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from meydan.ledger.tiles import (
    ENTRIES,
    BadTile,
    Tile,
    TileReader,
    decode_entries,
    encode_entries,
    entries_path,
    parse,
    tile_in,
    tiles_of,
)
from meydan.ledger.tree import (
    BadProof,
    Tree,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_of,
    subtree_hash,
    tree_at,
)

PATHS = [
    (Tile(0, 1234067), "tile/0/x001/x234/067"),
    (Tile(0, 0), "tile/0/000"),
    (Tile(1, 999, 17), "tile/1/999.p/17"),
    (Tile(2, 1000, 1), "tile/2/x001/000.p/1"),
    (Tile(63, 5, 255), "tile/63/005.p/255"),
    (Tile(ENTRIES, 1234067, 3), "tile/entries/x001/x234/067.p/3"),
]
NO_PATHS = [
    "tile/0/1", "tile/0/0000", "tile/00/000", "tile/64/000", "tile/-1/000", "tile/0/x000/001", "tile/0/001/002",
    "tile/0/x001", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/000.p/01", "tile/0/000.p", "/tile/0/000",
    "tile/0/000/", "tile/0/٠٠١", "tile/data/000", "tile/0/../../000", "tile/0/000\n", "",
    "tile/0/" + "x999/" * 7 + "999",
]  # fmt: skip


def tiles_over(hashes: list[bytes]) -> dict[Tile, bytes]:
    """All tiles of a tree, straight from the specification."""
    tiles, level, row = {}, 0, hashes
    while row:
        for begin in range(0, len(row), 256):
            part = row[begin : begin + 256]
            tiles[Tile(level, begin // 256, len(part))] = b"".join(part)
        row = [subtree_hash(row[i : i + 256]) for i in range(0, len(row) - 255, 256)]
        level += 1
    return tiles


HASHES = [leaf_hash(b"%d" % i) for i in range(70_000)]


@pytest.mark.parametrize(("tile", "path"), PATHS)
def test_if_a_tile_has_a_path_then_that_path_is_of_that_tile(tile: Tile, path: str) -> None:
    assert tile.path == path
    assert parse(path) == tile
    if tile.level == ENTRIES:
        assert entries_path(tile.index, tile.width) == path


@pytest.mark.parametrize("path", NO_PATHS)
def test_if_a_path_is_not_the_one_that_a_tile_has_then_there_is_none(path: str) -> None:
    with pytest.raises(BadTile):
        parse(path)


@given(st.integers(-1, 63), st.integers(0, 10**15), st.integers(1, 256))
def test_for_any_tile_its_path_is_read_back(level: int, index: int, width: int) -> None:
    assert parse(Tile(level, index, width).path) == Tile(level, index, width)


def test_if_a_tree_has_seventy_thousand_leaves_then_its_tiles_are_those_that_the_specification_counts() -> (
    None
):
    tiles = list(tiles_of(70_000))
    assert sum(tile.level == 0 and tile.width == 256 for tile in tiles) == 273
    assert [tile for tile in tiles if tile.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert Tile(1, 0) in tiles
    assert len(tiles) == 277
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert not list(tiles_of(0))


@pytest.mark.parametrize(
    ("old", "new"), [(0, 1), (1, 255), (255, 256), (256, 257), (300, 66_000), (70_000, 70_000)]
)
def test_if_a_tree_grows_then_the_tiles_that_come_are_all_that_it_did_not_have(old: int, new: int) -> None:
    before, after = tiles_over(HASHES[:old]), tiles_over(HASHES[:new])
    assert set(tiles_of(new, since=old)) == {tile for tile in after if tile not in before}
    assert all(tile.is_in(new) for tile in after)
    assert not any(tile.is_in(old) for tile in after if tile not in before)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 512, 65_535, 65_536, 65_537, 70_000])
def test_if_proofs_are_made_from_tiles_then_they_hold(size: int) -> None:
    tiles = tiles_over(HASHES[:size])
    root = root_of(HASHES[:size])
    reader = TileReader(size, tiles.__getitem__)
    assert tree_at(size, reader).root() == root
    for number in {0, size // 2, size // 3, size - 1}:
        check_inclusion(HASHES[number], number, size, inclusion_path(number, size, reader), root)
    for old in {1, size // 2, max(size - 1, 1), size // 256 * 256} - {0}:
        check_consistency(old, size, consistency_path(old, size, reader), root_of(HASHES[:old]), root)


@given(st.data(), st.sampled_from([3, 256, 300, 700]))
def test_if_one_bit_of_a_tile_is_changed_then_a_proof_that_reads_it_does_not_hold(
    data: st.DataObject, size: int
) -> None:
    tiles = tiles_over(HASHES[:size])
    number = data.draw(st.integers(0, size - 1))
    asked: list[Tile] = []

    def read(tile: Tile) -> bytes:
        asked.append(tile)
        return tiles[tile]

    good = inclusion_path(number, size, TileReader(size, read))
    wrong = data.draw(st.sampled_from(asked))
    changed = bytearray(tiles[wrong])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = inclusion_path(number, size, TileReader(size, {**tiles, wrong: bytes(changed)}.__getitem__))
    assume(path != good)  # the changed hash is the leaf's own, or below another node of the proof
    with pytest.raises(BadProof):
        check_inclusion(HASHES[number], number, size, path, root_of(HASHES[:size]))


def test_if_a_tile_is_cut_or_a_node_is_beyond_the_tree_then_the_reader_says_so() -> None:
    tiles = tiles_over(HASHES[:300])
    with pytest.raises(BadTile):
        TileReader(300, lambda tile: tiles[tile][:-1])(0, 3)
    reader = TileReader(300, tiles.__getitem__)
    for level, index in ((0, 300), (8, 1), (9, 0), (2, 75)):
        with pytest.raises(ValueError, match="has no"):
            reader(level, index)
    with pytest.raises(ValueError, match="has no tile"):
        tile_in(0, 2, 300)


def test_if_a_tile_is_read_again_soon_then_it_is_not_asked_for_again() -> None:
    asked: list[Tile] = []
    tiles = tiles_over(HASHES[:300])

    def read(tile: Tile) -> bytes:
        asked.append(tile)
        return tiles[tile]

    reader = TileReader(300, read)
    for index in range(300):
        reader(0, index)
    assert asked == [Tile(0, 0), Tile(0, 1, 44)]


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_for_any_leaves_their_bundle_gives_them_back_and_no_part_of_it_does(bodies: list[bytes]) -> None:
    data = encode_entries(bodies)
    assert decode_entries(data, len(bodies)) == bodies
    for wrong in (data[:-1], data + b"\0", data + b"\0\0"):
        if wrong != data:
            with pytest.raises(BadTile):
                decode_entries(wrong, len(bodies))


def test_if_a_leaf_is_as_long_as_can_be_written_then_it_is_taken_and_no_longer_one() -> None:
    assert decode_entries(encode_entries([b"x" * 65_535]), 1) == [b"x" * 65_535]
    with pytest.raises(ValueError, match="65535"):
        encode_entries([b"x" * 65_536])


def test_if_the_tree_goes_on_from_tiles_then_it_ends_as_if_it_had_never_stopped() -> None:
    tree = tree_at(66_000, TileReader(66_000, tiles_over(HASHES[:66_000]).__getitem__))
    for hashed in HASHES[66_000:]:
        tree.add(hashed)
    whole = Tree()
    for hashed in HASHES:
        whole.add(hashed)
    assert tree.root() == whole.root()
