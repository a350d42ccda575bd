"""The tree and its proofs: published vectors, and that no other tree, leaf or proof is taken for it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from meydan.ledger.tree import (
    EMPTY,
    BadProof,
    Nodes,
    Tree,
    check_consistency,
    check_inclusion,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_of,
    subtree_hash,
    tree_at,
)

# The tree of eight leaves that implementations of Certificate Transparency have agreed on since 2012.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SECOND = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
THIRD_AND_FOURTH = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
LAST_FOUR = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
FIFTH = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
LAST_TWO = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
FIFTH_AND_SIXTH = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"

INCLUSIONS = [
    # leaf  size  path
    (0, 1, []),
    (0, 8, [SECOND, THIRD_AND_FOURTH, LAST_FOUR]),
    (5, 8, [FIFTH, LAST_TWO, ROOTS[4]]),
    (2, 3, [ROOTS[2]]),
]
CONSISTENCIES = [
    # old  new  path
    (1, 1, []),
    (1, 8, [SECOND, THIRD_AND_FOURTH, LAST_FOUR]),
    (6, 8, [FIFTH_AND_SIXTH, LAST_TWO, ROOTS[4]]),
    (2, 5, [THIRD_AND_FOURTH, FIFTH]),
]


def nodes_over(hashes: Sequence[bytes]) -> Nodes:
    """Nodes straight from the definition."""

    def node(level: int, index: int) -> bytes:
        begin, end = index << level, (index + 1) << level
        assert end <= len(hashes), "only full subtrees are asked for"
        return subtree_hash(hashes[begin:end])

    return node


def by_definition(hashes: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962, as it is written there."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256(b"").digest()
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return node_hash(by_definition(hashes[:k]), by_definition(hashes[k:]))


def leaves_of(number: int, salt: int = 0) -> list[bytes]:
    return [leaf_hash(b"%d,%d" % (salt, i)) for i in range(number)]


@pytest.mark.parametrize("size", range(9))
def test_if_leaves_are_those_of_the_published_tree_then_so_are_its_roots(size: int) -> None:
    assert root_of(map(leaf_hash, LEAVES[:size])).hex() == ROOTS[size]


@pytest.mark.parametrize(("number", "size", "path"), INCLUSIONS)
def test_if_a_leaf_is_in_the_published_tree_then_its_proof_is_the_published_one(
    number: int, size: int, path: list[str]
) -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    assert [one.hex() for one in inclusion_path(number, size, nodes_over(hashes))] == path
    check_inclusion(
        hashes[number], number, size, [bytes.fromhex(p) for p in path], bytes.fromhex(ROOTS[size])
    )


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENCIES)
def test_if_the_published_tree_grew_then_the_proof_is_the_published_one(
    old: int, new: int, path: list[str]
) -> None:
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    assert [one.hex() for one in consistency_path(old, new, nodes_over(hashes))] == path
    way = [bytes.fromhex(one) for one in path]
    check_consistency(old, new, way, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]))


def test_for_every_tree_up_to_forty_leaves_every_true_proof_holds() -> None:
    hashes = leaves_of(40)
    node = nodes_over(hashes)
    roots = [by_definition(hashes[:size]) for size in range(41)]
    for size in range(41):
        tree = tree_at(size, node)
        assert tree.root() == roots[size]
        assert Tree(size, tree.peaks).root() == roots[size]
        for number in range(size):
            check_inclusion(hashes[number], number, size, inclusion_path(number, size, node), roots[size])
        for old in range(size + 1):
            check_consistency(old, size, consistency_path(old, size, node), roots[old], roots[size])


def test_if_a_tree_is_continued_from_its_peaks_then_it_is_the_same_tree() -> None:
    hashes = leaves_of(21)
    for stop in range(21):
        first = tree_at(stop, nodes_over(hashes))
        for hashed in hashes[stop:]:
            first.add(hashed)
        assert first.root() == by_definition(hashes)


def test_if_peaks_and_size_do_not_belong_together_then_there_is_no_tree() -> None:
    with pytest.raises(ValueError, match="full subtrees"):
        Tree(5, leaves_of(1))


SIZES = st.integers(1, 40)


@given(st.data(), SIZES)
def test_if_one_byte_of_an_inclusion_is_changed_then_it_does_not_hold(data: st.DataObject, size: int) -> None:
    hashes = leaves_of(size)
    number = data.draw(st.integers(0, size - 1))
    parts = [hashes[number], by_definition(hashes), *inclusion_path(number, size, nodes_over(hashes))]
    at, bit = data.draw(st.integers(0, len(parts) * 32 - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(b"".join(parts))
    changed[at] ^= 1 << bit
    leaf, root, *path = (bytes(changed[i : i + 32]) for i in range(0, len(changed), 32))
    with pytest.raises(BadProof):
        check_inclusion(leaf, number, size, path, root)


@given(st.data(), SIZES)
def test_if_an_inclusion_is_said_of_another_place_or_tree_then_it_does_not_hold(
    data: st.DataObject, size: int
) -> None:
    hashes = leaves_of(size)
    number = data.draw(st.integers(0, size - 1))
    path = inclusion_path(number, size, nodes_over(hashes))
    other = data.draw(st.integers(-2, size + 2))
    assume(other != number)
    with pytest.raises(BadProof):
        check_inclusion(hashes[number], other, size, path, by_definition(hashes))
    for wrong in (path[:-1], [*path, EMPTY], path[1:], path[::-1]):
        if wrong != path:
            with pytest.raises(BadProof):
                check_inclusion(hashes[number], number, size, wrong, by_definition(hashes))


@given(st.data(), st.integers(2, 40))
def test_if_a_tree_was_rewritten_then_no_proof_of_consistency_holds(data: st.DataObject, new: int) -> None:
    """A fork: the larger tree changed one leaf that the smaller one had, and proves with its own nodes."""
    old = data.draw(st.integers(1, new - 1))
    hashes = leaves_of(new)
    old_root = by_definition(hashes[:old])
    hashes[data.draw(st.integers(0, old - 1))] = leaf_hash(b"another")
    with pytest.raises(BadProof):
        check_consistency(
            old, new, consistency_path(old, new, nodes_over(hashes)), old_root, by_definition(hashes)
        )


@given(st.data(), st.integers(2, 40))
def test_if_one_byte_of_a_consistency_is_changed_then_it_does_not_hold(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new))
    hashes = leaves_of(new)
    parts = [by_definition(hashes[:old]), by_definition(hashes)]
    parts += consistency_path(old, new, nodes_over(hashes))
    at, bit = data.draw(st.integers(0, len(parts) * 32 - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(b"".join(parts))
    changed[at] ^= 1 << bit
    old_root, new_root, *path = (bytes(changed[i : i + 32]) for i in range(0, len(changed), 32))
    with pytest.raises(BadProof):
        check_consistency(old, new, path, old_root, new_root)


@given(st.data(), st.integers(2, 40))
def test_if_a_consistency_is_cut_longer_or_of_other_sizes_then_it_does_not_hold(
    data: st.DataObject, new: int
) -> None:
    old = data.draw(st.integers(1, new - 1))
    hashes = leaves_of(new)
    path = consistency_path(old, new, nodes_over(hashes))
    roots = by_definition(hashes[:old]), by_definition(hashes)
    for wrong in (path[:-1], [*path, EMPTY], []):
        if wrong != path:
            with pytest.raises(BadProof):
                check_consistency(old, new, wrong, *roots)
    for sizes in ((new, old), (-1, new), (new, new)):
        with pytest.raises(BadProof):
            check_consistency(*sizes, path, *roots)
