"""What was sent before is one comment, what was proved is proved once, and what came lately is counted: on either database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from meydan.errors import KeyReused, NoSuchParent
from meydan.store import NewComment, ProofUsed, Sending, Store, UsedProof, lately
from meydan.store import store as store_module
from tests.store.making import NOON, STORY, around, leaf_numbers, new_comment, receive
from tests.store.test_together import at_once

DAY = timedelta(days=1)
KEYED = Sending(key="k" * 32, words="w" * 32, since=NOON - 2 * DAY)


def sent(text: str = "Well said.", sending: Sending = KEYED, **changed: object) -> NewComment:
    """The same sending again: with an id and a leaf of its own, as the desk makes them anew each time."""
    return new_comment(text, sending=sending, **changed)


def test_sent_twice_at_once_is_one_comment(store: Store, database_url: str) -> None:
    """If one sending arrives many times at once, by threads of two nodes, then it is one comment with one leaf, told to all."""
    node = Store.open(database_url)
    try:
        answers = at_once(*(lambda door=door: door.receive(sent()) for door in (store, node) * 6))
        assert len(set(answers)) == 1
        assert leaf_numbers(store) == [0]
        assert node.sent_before(KEYED) == store.sent_before(KEYED) == answers[0]
        with around(database_url) as connection:
            assert connection.execute("SELECT count(*) FROM words").fetchone()[0] == 1
    finally:
        node.close()


def test_a_key_belongs_to_its_words(store: Store) -> None:
    """If a key comes with other words, then it is refused, and neither changes nor keeps anything."""
    first = store.receive(sent())
    other = replace(KEYED, words="x" * 32)
    for asked in (lambda: store.sent_before(other), lambda: store.receive(sent("Other.", other))):
        with pytest.raises(KeyReused):
            asked()
    assert store.receive(sent()) == first
    assert leaf_numbers(store) == [0]


def test_a_key_is_forgotten(store: Store, database_url: str) -> None:
    """If a key is older than it is remembered, then it is free again, and its row is gone with the next one."""
    first = store.receive(sent(submitted_at=NOON))
    late = replace(KEYED, words="x" * 32, since=NOON)
    assert store.sent_before(late) is None
    assert store.receive(sent("Other.", late, submitted_at=NOON + 2 * DAY)).id != first.id
    with around(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM sending").fetchone()[0] == 1
    store.expire(before=NOON + 3 * DAY)
    with around(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM sending").fetchone()[0] == 0


def test_what_was_erased_is_not_sent_anew(store: Store, database_url: str) -> None:
    """If a comment is erased, then nothing made of its words is left, and its key still names it."""
    first = store.receive(sent(likeness=b"l" * 64))
    store.erase(first.id, leaf=b"erased", at=NOON)
    assert store.sent_before(KEYED) == first
    assert store.receive(sent()) == first
    with around(database_url) as connection:
        assert connection.execute("SELECT words FROM sending").fetchone()[0] is None
        assert connection.execute("SELECT likeness FROM comment").fetchone()[0] is None


def test_a_refused_sending_leaves_its_key_and_its_proof(store: Store) -> None:
    """If a comment is refused after all, then neither its key nor its proof is used up."""
    proof = UsedProof("n" * 32, NOON + DAY)
    with pytest.raises(NoSuchParent):
        store.receive(sent(parent="nobody", proof=proof))
    assert store.receive(sent(proof=proof)).leaf == 0


def test_a_proof_is_used_once(store: Store, database_url: str) -> None:
    """If one proof comes with many comments at once, to two nodes, then one comment is kept; once expired it is forgotten."""
    node = Store.open(database_url)
    try:
        proof = UsedProof("n" * 32, NOON + DAY)
        answers = at_once(
            *(
                lambda door=door: door.receive(new_comment(proof=proof, submitted_at=NOON))
                for door in (store, node) * 4
            )
        )
        assert sum(isinstance(answer, ProofUsed) for answer in answers) == 7
        assert leaf_numbers(store) == [0]
        other = UsedProof("o" * 32, NOON + 3 * DAY)
        store.receive(new_comment(proof=other, submitted_at=NOON + 2 * DAY))
        with around(database_url) as connection:
            assert connection.execute("SELECT nonce FROM proof").fetchall() == [("o" * 32,)]
    finally:
        node.close()


def test_a_crowd_is_counted_where_it_comes_from(store: Store) -> None:
    """If comments came within a time, then they are counted on the site, on their story and from their address."""
    for number in range(6):
        story = STORY if number % 2 else f"{STORY}-other"
        receive(store, story_url=story, address_key="a" if number < 2 else "b", submitted_at=NOON)
    receive(store, address_key="a", submitted_at=NOON - DAY)
    receive(store, address_key="a", submitted_at=NOON + DAY)
    minute = {"since": NOON - timedelta(minutes=1), "until": NOON}
    story = store.story(STORY)
    assert story is not None
    assert store.crowd(story.id, "a", **minute) == (6, 3, 2)
    assert store.crowd(None, "c", **minute) == (6, 0, 0)


def test_what_is_nearly_the_same_is_counted_within_its_time(store: Store) -> None:
    """If signatures are compared, then those of the time asked for are; forgotten with the address."""
    for hours in (3, 2, 1, 0):
        receive(store, likeness=bytes([7]) * 64, submitted_at=NOON - timedelta(hours=hours))
    receive(store, likeness=bytes([8]) * 64, submitted_at=NOON - timedelta(hours=1))
    receive(store, submitted_at=NOON)
    asked = {"since": NOON - timedelta(hours=2), "until": NOON - timedelta(minutes=1)}
    assert store.near(bytes([7]) * 64, **asked) == 2
    store.expire(before=NOON - timedelta(minutes=90))
    assert store.near(bytes([7]) * 64, **asked) == 1


def test_what_another_node_erased_is_forgotten(store: Store, database_url: str) -> None:
    """If another node erases a comment or forgets addresses, then nothing of it stays in this one's memory."""
    node = Store.open(database_url)
    try:
        signed = {"address_key": "a", "likeness": bytes([7]) * 64}
        ids = [receive(store, submitted_at=NOON + timedelta(minutes=number), **signed) for number in range(4)]
        story = store.story(STORY)
        assert story is not None
        ever = {"since": NOON - DAY, "until": NOON + DAY}
        assert store.crowd(story.id, "a", **ever) == (4, 4, 4)
        node.erase(ids[3], leaf=b"erased", at=NOON + DAY)
        node.expire(before=NOON + timedelta(seconds=90))
        store.forget_lately()
        assert np.count_nonzero(store._lately._signatures.any(axis=0)) == 1
        assert np.count_nonzero(store._lately._addresses) == 1
        # Exactly what the database says, from memory.
        assert store.crowd(story.id, "a", **ever) == (4, 4, 1)
        assert store.near(bytes([7]) * 64, **ever) == 1
    finally:
        node.close()


def test_a_number_that_comes_late_is_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """If nothing came for long, and then a later number is seen before an earlier one, then the earlier one counts once it is there."""
    moment = [1000.0]
    monkeypatch.setattr(lately.time, "monotonic", lambda: moment[0])
    monkeypatch.setattr(lately, "ASKED_EVERY_S", 0.0)
    counting = lately.Lately(store._database)
    receive(store, submitted_at=NOON)
    story = store.story(STORY)
    assert story is not None
    ever = {"since": 0, "until": 2**62, "most": 10}
    assert counting.crowd(story.id, "a", **ever) == (1, 1, 0)
    moment[0] += 60
    with counting._lock:
        counting._came([(3, 5, story.id, "a", None)])
        moment[0] += 1
        assert counting._after == 1
        counting._came([(2, 4, story.id, "a", None)])
        assert counting._after == 3
        # One that never comes is waited for no longer than its transaction could take.
        counting._came([(5, 5, story.id, "a", None)])
        moment[0] += lately.GAP_S + 1
        counting._came([(6, 5, story.id, "a", None)])
        assert counting._after == 6


def test_who_writes_waits_for_nobody_who_counts(store: Store) -> None:
    """If somebody who counts waits for the database, then the thread that writes tells what it kept and goes on."""
    receive(store)
    counting = store._lately
    with counting._lock:
        assert receive(store)


def test_lately_is_what_the_database_says(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If comments come by two processes, then both count the same as the database does, within memory and beyond it."""
    monkeypatch.setattr(lately, "KEPT", 8)
    # Another process's comments are asked for at once, and one's own are remembered as they are kept.
    monkeypatch.setattr(lately, "ASKED_EVERY_S", 1e-9)
    monkeypatch.setattr(store_module, "CROWD_READ", 4)
    monkeypatch.setattr(store_module, "LIKENESSES_READ", 4)
    node = Store.open(database_url)
    try:
        other = Store.open(database_url)
        sizes = (1, 3, 5, 9, 1, 20, 2)
        sent = 0
        for size in sizes:
            for _ in range(size):
                sent += 1
                receive(
                    (node, other)[sent % 2],
                    story_url=f"{STORY}/{sent % 3}",
                    address_key="ab"[sent % 2],
                    likeness=None if sent % 5 == 0 else bytes([sent % 2]) * 64,
                    submitted_at=NOON + timedelta(seconds=sent),
                )
            story = node.story(f"{STORY}/1")
            assert story is not None
            for begin, end in ((0, sent), (sent - 3, sent), (0, sent - 2), (sent - 12, sent - 9), (0, 3)):
                times = {"since": NOON + timedelta(seconds=begin), "until": NOON + timedelta(seconds=end)}
                numbers = [n for n in range(1, sent + 1) if begin <= n <= end][-4:]
                expected = (
                    len(numbers),
                    sum(n % 3 == 1 for n in numbers),
                    sum(n % 2 == 1 for n in numbers),
                )
                signed = [n for n in range(1, sent + 1) if begin <= n <= end and n % 5][-4:]
                for door in (node, other):
                    assert door.crowd(story.id, "b", **times) == expected
                    assert door.near(bytes([1]) * 64, **times) == sum(n % 2 for n in signed)
        other.close()
    finally:
        node.close()
