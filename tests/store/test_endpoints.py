"""Endpoints, on each database: what happens is posted once to who asked for it, in its transaction, and leased lane by lane."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from meydan.errors import AlreadyExists, NotFound
from meydan.store import NewEndpoint, Store
from tests.store.making import (
    APPROVE,
    EVIDENCE,
    HOLD,
    REJECT,
    decide,
    later,
    receive,
    report,
)

ALL = (
    "comment.held",
    "comment.approved",
    "comment.rejected",
    "decision.superseded",
    "comment.withdrawn",
    "comment.erased",
    "comment.reported",
    "comment.appealed",
    "comment.escalated",
    "machine.withdrawn",
    "queue.waiting",
)


def add(store: Store, name: str, *events: str, form: Any = "standard") -> Any:
    new = NewEndpoint(name, name, form, "https://x.example", "sealed", events, words=False, language="en")
    return store.endpoints.add(new, at=later(), by="operator")


def leased(store: Store, endpoint: Any = None, **span: float) -> list[str]:
    at = later(**span)
    number = None if endpoint is None else endpoint.number
    jobs = store.outbox.lease(at=at, until=at + timedelta(minutes=5), limit=100, endpoint=number)
    return [job.kind for job in jobs]


def test_everything_is_posted_once_to_who_asked(store: Store) -> None:
    """If everything happens that can be told, then each endpoint has a job for each that it asked for, and letters have a lane of their own."""
    whole, some, channel = (
        add(store, "whole", *ALL),
        add(store, "some", "comment.erased"),
        add(store, "channel", "comment.escalated", "machine.withdrawn", form="slack"),
    )
    held, shown, refused, danger = (receive(store) for _ in range(4))
    store.hold(held, HOLD, evidence=EVIDENCE, at=later())
    store.hold(held, HOLD, evidence=EVIDENCE, at=later())
    decide(store, shown)
    decide(store, refused, REJECT)
    store.appeal(refused, words="x", at=later())
    decide(store, refused, replace(APPROVE, decided_by=REJECT.decided_by, by="Mem"))
    report(store, shown)
    store.withdraw(shown, leaf=b"w", at=later())
    store.escalate(danger, kind="life", told="", by="Zîn", at=later())
    for _ in range(2):
        store.withdraw_machine("en", "abuse", "sha256:3", wrong=1, audits=9, at=later())
    store.outbox.post("mail.verify", "x", {}, at=later(), key="letter")
    expected = {*ALL} - {"comment.erased", "queue.waiting"}
    assert sorted(leased(store, whole)) == sorted([*expected, "comment.approved"])
    store.erase(held, leaf=b"e", at=later())
    assert leased(store, whole) == leased(store, some) == ["comment.erased"]
    assert leased(store, channel) == []
    assert sorted(leased(store, channel, minutes=2)) == ["comment.escalated", "machine.withdrawn"]
    assert leased(store) == ["mail.verify"]


def test_a_refused_decision_posts_nothing(store: Store) -> None:
    """If a transaction is undone, then what it posted is undone with it."""
    endpoint = add(store, "cms", *ALL)
    id = receive(store)
    with pytest.raises(Exception, match="came first"):
        decide(store, id, expected_seq=3)
    assert leased(store, endpoint) == []


def test_how_things_stand_is_told_quietly(store: Store) -> None:
    """If how something stands is told again within the quiet, then only to who was not told yet."""
    first = add(store, "first", "queue.waiting")

    def tell() -> bool:
        return store.endpoints.announce_quietly(
            "queue.waiting", {"waiting": 3}, at=later(), quiet=timedelta(hours=1)
        )

    assert [tell(), tell()] == [True, False]
    second = add(store, "second", "queue.waiting")
    assert [tell(), tell()] == [True, False]
    assert leased(store, first) == leased(store, second) == ["queue.waiting"]


def test_who_ended_is_forgotten_with_what_waited(store: Store) -> None:
    """If an endpoint is ended, then its secrets, what waited and what was dead are gone, others keep theirs, and its name can be had again."""
    gone, stays = add(store, "gone", *ALL), add(store, "stays", *ALL)
    decide(store, receive(store))
    decide(store, receive(store))
    at = later()
    job, _ = store.outbox.lease(at=at, until=at, limit=5, endpoint=gone.number)
    store.outbox.bury(job, error="answered-500", at=at)
    assert store.endpoints.standing() == {gone.number: (1, 1), stays.number: (2, 0)}
    with pytest.raises(AlreadyExists):
        add(store, "gone")
    assert store.endpoints.end(gone.number, why="gone", by="machine", at=later())
    assert not store.endpoints.end(gone.number, why="removed", by="machine", at=later())
    assert store.endpoints.standing() == {stays.number: (2, 0)}
    assert store.outbox.dead() == []
    with pytest.raises(NotFound):
        store.endpoints.named("gone")
    assert not store.endpoints.seal(gone, "another")
    new = NewEndpoint("another-id", "gone", "standard", "", "s", ALL, words=False, language="en")
    assert store.endpoints.add(new, at=later(), by="operator").sealed == "s"


def test_what_died_is_tried_anew_with_time_enough(store: Store) -> None:
    """If all that died on its way to an endpoint is tried again, then as if it had been posted now, under the keys that it had."""
    endpoint = add(store, "cms", *ALL)
    decide(store, receive(store))
    at = later()
    (job,) = store.outbox.lease(at=at, until=at, limit=5, endpoint=endpoint.number)
    store.outbox.bury(job, error="answered-500", at=at)
    again = later(days=20)
    assert store.endpoints.try_all_again(endpoint.number, by="Zîn", at=again) == 1
    (anew,) = store.outbox.lease(at=again, until=again, limit=5, endpoint=endpoint.number)
    assert (anew.key, anew.attempt, anew.at) == (job.key, 1, again)
    assert "." not in anew.key
