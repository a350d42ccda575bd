"""The verifier: nothing is wrong with a sound ledger, every attack is found, and called by its name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meydan.errors import LedgerUnreachable, NotALedger
from meydan.ledger import checkpoint
from meydan.ledger.checkpoint import Checkpoint
from meydan.ledger.leaf import decision_leaf, erasure_leaf, receipt_leaf, withdrawal_leaf
from meydan.ledger.tiles import decode_entries, encode_entries, tiles_of
from meydan.ledger.tree import leaf_hash, root_of
from meydan.ledger.verify import Name, Outcome, Report, State, Verifier
from tests.ledger.served import (
    APPROVED,
    BEGAN,
    IMPORTED,
    KEY,
    OTHER,
    REJECTED,
    Served,
    at,
    commitment,
    files_of,
    leaves_of,
)

NOW = BEGAN + timedelta(days=1)
LEAVES = leaves_of(400)


def look(
    served: Callable[[str], bytes],
    before: State | None = None,
    *,
    keys: tuple[object, ...] = (KEY,),
    now: datetime = NOW,
    stale_after_s: float | None = None,
    everything: bool = False,
) -> Report:
    verifier = Verifier(served, [key.verifying for key in keys], stale_after_s=stale_after_s, threads=2)  # type: ignore[attr-defined]
    return verifier.verify(before, now=now, book_key=bytes(16), everything=everything)


def names(report: Report) -> set[Name]:
    return set(report.counts)


def test_if_a_ledger_is_sound_then_every_leaf_and_tile_was_looked_at_and_nothing_is_found() -> None:
    served = Served(LEAVES)
    report = look(served)
    assert (report.outcome, report.findings, report.leaves) == (Outcome.SOUND, (), len(LEAVES))
    assert report.signed_by == (KEY.verifying,)
    assert set(served.asked) == set(served.files)
    assert len(LEAVES) > 900


@pytest.mark.parametrize("comments", [0, 1, 2, 110, 111, 112])
def test_for_any_number_of_leaves_a_sound_ledger_is_sound(comments: int) -> None:
    report = look(Served(leaves_of(comments)))
    assert (report.outcome, report.leaves) == (Outcome.SOUND, len(leaves_of(comments)))


def test_if_a_ledger_grew_then_only_what_is_new_is_looked_at() -> None:
    served = Served(LEAVES[:700])
    first = look(served)
    served.grow(LEAVES[700:])
    served.asked.clear()
    second = look(served, first.state)
    assert (second.outcome, second.begun, second.leaves) == (Outcome.SOUND, 700, len(LEAVES) - 700)
    assert "tile/entries/000" not in served.asked
    third = look(served, second.state)
    assert (third.outcome, third.leaves) == (Outcome.SOUND, 0)
    assert look(served, third.state, everything=True).leaves == len(LEAVES)


def changed_leaf(served: Served) -> None:
    body = LEAVES[300].replace(b'"approve"', b'"reject"').replace(b'"threats"', b'"profanity"')
    bodies = decode_entries(served.files["tile/entries/001"], 256)
    bodies[300 - 256] = body if body != LEAVES[300] else LEAVES[301]
    served.files["tile/entries/001"] = encode_entries(bodies)


def swapped_tile(served: Served) -> None:
    served.files["tile/0/000"], served.files["tile/0/001"] = (
        served.files["tile/0/001"],
        served.files["tile/0/000"],
    )


def swapped_edge(served: Served) -> None:
    other = Served(LEAVES[::-1])
    for tile in tiles_of(len(LEAVES)):
        served.files[tile.path] = other.files[tile.path]


def hole_in_tiles(served: Served) -> None:
    del served.files["tile/0/001"]


def hole_in_leaves(served: Served) -> None:
    del served.files["tile/entries/002"]


def hole_at_the_edge(served: Served) -> None:
    del served.files["tile/1/000.p/3"]


def missing_leaf(served: Served) -> None:
    """One leaf fewer than was signed, the bundle otherwise whole."""
    bodies = decode_entries(served.files["tile/entries/001"], 256)
    served.files["tile/entries/001"] = encode_entries(bodies[:-1])


def other_root(served: Served) -> None:
    served.sign(len(LEAVES), bytes(32))


def other_key(served: Served) -> None:
    served.keys = (OTHER,)
    served.publish()


def touched_signature(served: Served) -> None:
    note = served.files["checkpoint"].decode()
    served.files["checkpoint"] = note.replace(f"\n{len(LEAVES)}\n", f"\n{len(LEAVES) - 1}\n").encode()


def other_ledger(served: Served) -> None:
    served.origin = "other.example/ledger"
    served.publish()


def foreign_leaf(served: Served) -> None:
    served.grow([b'{"kind":"receipt"}'])


def leaf_in_another_spelling(served: Served) -> None:
    served.grow([receipt_leaf(commitment(9999), at(9)).replace(b'","', b'", "')])


def two_receipts(served: Served) -> None:
    served.grow([receipt_leaf(commitment(1), at(500))])


def no_receipt(served: Served) -> None:
    served.grow([decision_leaf(commitment(9999), APPROVED, at(500))])


def decided_before_received(served: Served) -> None:
    served.grow([decision_leaf(commitment(9999), APPROVED, at(500)), receipt_leaf(commitment(9999), at(500))])


def decided_after_erasure(served: Served) -> None:
    served.grow([erasure_leaf(commitment(1), at(500)), decision_leaf(commitment(1), APPROVED, at(501))])


def withdrawn_twice(served: Served) -> None:
    served.grow([withdrawal_leaf(commitment(1), at(500)), withdrawal_leaf(commitment(1), at(501))])


ATTACKS = [
    (changed_leaf, Name.CHANGED_LEAF),
    (missing_leaf, Name.CHANGED_LEAF),
    (swapped_tile, Name.SWAPPED_TILE),
    (swapped_edge, Name.SWAPPED_TILE),
    (other_root, Name.SWAPPED_TILE),
    (hole_in_tiles, Name.HOLE),
    (hole_in_leaves, Name.HOLE),
    (hole_at_the_edge, Name.HOLE),
    (other_key, Name.WRONG_KEY),
    (touched_signature, Name.WRONG_KEY),
    (other_ledger, Name.WRONG_KEY),
    (foreign_leaf, Name.BAD_LEAF),
    (leaf_in_another_spelling, Name.BAD_LEAF),
    (two_receipts, Name.BAD_ORDER),
    (no_receipt, Name.BAD_ORDER),
    (decided_before_received, Name.BAD_ORDER),
    (decided_after_erasure, Name.BAD_ORDER),
    (withdrawn_twice, Name.BAD_ORDER),
]


@pytest.mark.parametrize(("attack", "name"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_if_a_ledger_is_attacked_then_the_attack_is_named_and_nothing_of_it_is_remembered(
    attack: Callable[[Served], None], name: Name
) -> None:
    served = Served(LEAVES)
    attack(served)
    report = look(served)
    assert (report.outcome, report.state) == (Outcome.TAMPERED, None)
    assert names(report) == {name}


@pytest.mark.parametrize(
    ("size", "name"),
    [(650, Name.ROLLED_BACK), (700, Name.FORKED), (701, Name.FORKED), (900, Name.FORKED)],
)
def test_if_a_ledger_was_rewritten_since_then_it_is_found_whatever_its_size(size: int, name: Name) -> None:
    before = look(Served(LEAVES[:700])).state
    rewritten = [*LEAVES[:500], *LEAVES[501:], LEAVES[500]]
    report = look(Served(rewritten[:size]), before)
    assert (report.outcome, names(report)) == (Outcome.TAMPERED, {name})


def test_if_an_older_checkpoint_is_shown_then_it_is_said_also_where_it_is_a_true_one() -> None:
    before = look(Served(LEAVES[:700])).state
    assert names(look(Served(LEAVES[:600]), before)) == {Name.ROLLED_BACK}


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_if_any_one_bit_that_is_served_is_changed_then_the_ledger_is_not_sound(data: st.DataObject) -> None:
    served = Served(SMALL, files=dict(SMALL_FILES))
    path = data.draw(st.sampled_from(sorted(served.files)))
    changed = bytearray(served.files[path])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    served.files[path] = bytes(changed)
    try:
        report = look(served)
    except NotALedger:
        assert path == "checkpoint"
    else:
        assert report.outcome is Outcome.TAMPERED


SMALL = leaves_of(130)
SMALL_FILES = files_of(SMALL)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 299), st.integers(1, 300), st.data())
def test_if_any_leaf_of_the_past_is_changed_and_all_is_signed_anew_then_it_is_a_fork(
    old: int, more: int, data: st.DataObject
) -> None:
    old = max(old, 1)
    before = look(Served(LEAVES[:old])).state
    rewritten = list(LEAVES[: old + more])
    number = data.draw(st.integers(0, old - 1))
    rewritten[number] = receipt_leaf(commitment(5000), at(number / 2))
    assert Name.FORKED in names(look(Served(rewritten), before))


def test_if_keys_are_changed_then_either_is_enough_while_both_sign() -> None:
    served = Served(LEAVES, keys=(KEY, OTHER))
    assert look(served, keys=(KEY,)).outcome is Outcome.SOUND
    assert look(served, keys=(OTHER,)).outcome is Outcome.SOUND
    assert look(served, keys=(KEY, OTHER)).signed_by == (KEY.verifying, OTHER.verifying)


def test_if_nothing_is_published_or_something_else_is_then_it_is_no_verdict() -> None:
    served = Served(LEAVES)
    served.files["checkpoint"] = b"<!doctype html><p>Not found"
    with pytest.raises(NotALedger):
        look(served)
    del served.files["checkpoint"]
    with pytest.raises(LedgerUnreachable):
        look(served)


def test_if_the_server_falls_silent_in_the_middle_then_it_is_no_verdict() -> None:
    served = Served(LEAVES)

    def fetch(path: str) -> bytes:
        if path == "tile/entries/002":
            raise LedgerUnreachable("silence")
        return served(path)

    with pytest.raises(LedgerUnreachable):
        look(fetch)


def test_if_a_partial_tile_has_become_full_then_it_is_cut_from_that() -> None:
    whole = Served(LEAVES)
    served = Served(LEAVES[:300])
    for path in [path for path in served.files if path.startswith(("tile/0/001", "tile/entries/001"))]:
        del served.files[path]
    served.files["tile/0/001"] = whole.files["tile/0/001"]
    served.files["tile/entries/001"] = whole.files["tile/entries/001"]
    assert look(served).outcome is Outcome.SOUND


def test_if_a_clock_was_set_back_then_it_is_a_warning_told_once_and_counted() -> None:
    late = [receipt_leaf(commitment(1000 + i), at(-i)) for i in range(3)]
    report = look(Served([*LEAVES, *late]))
    assert (report.outcome, report.counts) == (Outcome.SOUND, {Name.CLOCK_SET_BACK: 3})
    assert [finding.leaf for finding in report.findings] == [len(LEAVES)]
    # Within what clocks of nodes differ, nothing is said.
    near = [receipt_leaf(commitment(1000), at(399 - 250))]
    assert look(Served([*LEAVES, *near])).findings == ()


def test_if_a_time_is_still_to_come_then_it_is_a_warning_and_later_leaves_are_not_blamed() -> None:
    ahead = receipt_leaf(commitment(1000), NOW + timedelta(hours=1))
    after = receipt_leaf(commitment(1001), at(500))
    report = look(Served([*LEAVES, ahead, after]))
    assert (report.outcome, report.counts) == (Outcome.SOUND, {Name.CLOCK_AHEAD: 1})


def test_if_comments_were_moved_in_with_their_times_then_no_clock_was_set_back() -> None:
    moved = []
    for number in range(1000, 1010):
        moved += [
            receipt_leaf(commitment(number), at(-10_000)),
            decision_leaf(commitment(number), IMPORTED, at(-9_000)),
        ]
    moved.append(withdrawal_leaf(commitment(1009), at(-9_000)))
    assert look(Served([*LEAVES, *moved])).findings == ()
    # Only by an import, and only its own receipt.
    alone = [receipt_leaf(commitment(2000), at(-10_000)), *moved]
    assert look(Served([*LEAVES, *alone])).counts == {Name.CLOCK_SET_BACK: 1}
    by_hand = [
        receipt_leaf(commitment(2000), at(-9000)),
        decision_leaf(commitment(2000), REJECTED, at(-9000)),
    ]
    assert look(Served([*LEAVES, *by_hand])).counts == {Name.CLOCK_SET_BACK: 2}


def test_if_the_newest_leaf_is_older_than_allowed_then_it_cannot_be_told_and_is_remembered() -> None:
    served = Served(LEAVES)
    report = look(served, stale_after_s=3600)
    assert (report.outcome, names(report)) == (Outcome.CANNOT_TELL, {Name.STALE})
    assert report.state is not None
    assert look(served, stale_after_s=2 * 86400).outcome is Outcome.SOUND


def test_if_much_is_wrong_then_the_looking_ends_after_a_hundred_findings() -> None:
    bodies = [b"{}" for _ in range(5000)]
    served = Served(bodies)
    report = look(served)
    assert len(report.findings) == 100
    assert report.leaves < 5000


def test_if_a_tree_was_signed_that_nobody_can_see_then_that_is_a_hole() -> None:
    served = Served(LEAVES)
    more = [*LEAVES, *leaves_of(2)]
    served.files["checkpoint"] = checkpoint.sign(
        Checkpoint("news.example/ledger", len(more), root_of(map(leaf_hash, more))), [KEY]
    ).encode()
    assert names(look(served)) == {Name.HOLE}
