"""The figures of a period, counted by hand; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from meydan.comment import DecidedBy, Verdict
from meydan.store import Store
from tests.store.making import APPROVE, NOON, REJECT, STORY, new_comment, report

PERSON = replace(APPROVE, decided_by=DecidedBy.MODERATOR, by="Mem")


def sent(store: Store, minutes: float, story: str = STORY) -> str:
    new = new_comment(submitted_at=NOON + timedelta(minutes=minutes), story_url=story)
    store.receive(new)
    return new.id


def settle(store: Store, id: str, decision: object, minutes: float) -> None:
    store.settle(
        id,
        decision,  # type: ignore[arg-type]
        leaf=b"decision",
        at=NOON + timedelta(minutes=minutes),
        expected_seq=None,
    )


def test_a_period_is_counted(store: Store) -> None:
    """If comments came and were decided, then every figure is what a person would count, at the period's bounds too."""
    before = sent(store, -1)
    first, second, third = sent(store, 0), sent(store, 10), sent(store, 70, f"{STORY}/2")
    sent(store, 120)
    settle(store, before, APPROVE, -0.5)
    settle(store, first, APPROVE, 1)
    settle(store, first, REJECT, 30)
    settle(store, second, REJECT, 15)
    settle(store, third, PERSON, 90)
    store.appeal(second, words="I quoted it.", at=NOON + timedelta(minutes=20))
    settle(store, second, PERSON, 40)
    store.appeal(first, words="So did I.", at=NOON + timedelta(minutes=50))
    found = store.figures(NOON, NOON + timedelta(hours=2))
    assert found.received == ((NOON, 2), (NOON + timedelta(hours=1), 1))
    assert {(one.by, one.verdict): one.number for one in found.decided} == {
        (DecidedBy.MACHINE, Verdict.APPROVE): 1,
        (DecidedBy.MODERATOR, Verdict.REJECT): 2,
        (DecidedBy.MODERATOR, Verdict.APPROVE): 2,
    }
    # Only first decisions by a person were waited for.
    assert found.waited == (timedelta(minutes=5), timedelta(minutes=20))
    assert dict(found.rules) == {"abuse": 2, "profanity": 2}
    assert [(url, number) for url, _, number in found.stories] == [(STORY, 2), (f"{STORY}/2", 1)]
    assert {by: (otherwise, of) for by, otherwise, of in found.superseded} == {
        DecidedBy.MACHINE: (1, 1),
        DecidedBy.MODERATOR: (1, 4),
    }
    assert found.appeals == (2, 1, 1)


def test_reports_are_counted(store: Store) -> None:
    """If readers reported, then it is counted how many did, how many a person answered, and how many were right."""
    kept, fell, waits = (sent(store, number) for number in range(3))
    for id in (kept, fell, waits):
        settle(store, id, APPROVE, 3)
        report(store, id, at=NOON + timedelta(minutes=4))
    report(store, fell, "promotion", at=NOON + timedelta(minutes=5))
    settle(store, kept, PERSON, 6)
    settle(store, fell, REJECT, 7)
    # After a person kept it under this rule, a report is answered as it comes.
    report(store, kept, at=NOON + timedelta(minutes=8))
    report(store, waits, at=NOON + timedelta(hours=2))
    assert store.figures(NOON, NOON + timedelta(hours=2)).reports == (5, 4, 2)


def test_a_period_without_anything_has_no_figures(store: Store) -> None:
    """If nothing came, then nothing is counted and nothing breaks."""
    found = store.figures(NOON, NOON + timedelta(days=1))
    assert (found.received, found.decided, found.waited, found.appeals) == ((), (), (), (0, 0, 0))
    assert found.reports == (0, 0, 0)
