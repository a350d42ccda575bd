"""The outbox: posted with what it tells, taken by one worker at a time, given up only to a person; on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from meydan.errors import NotFound
from meydan.store import Job, Store
from meydan.store.outbox import post
from tests.store.making import NOON, around, receive

SOON = timedelta(minutes=5)


def put(store: Store, key: str, **more: Any) -> bool:
    given: dict[str, Any] = {"subject": "nobody", "body": {"to": "zin@reader.example"}, "at": NOON}
    return store.outbox.post("mail.verify", **{**given, **more}, key=key)


def lease(store: Store, *, after: timedelta = timedelta(0), limit: int = 10) -> tuple[Job, ...]:
    return store.outbox.lease(at=NOON + after, until=NOON + after + SOON, limit=limit)


def bodies(url: str) -> list[str | None]:
    with around(url) as connection:
        return [row[0] for row in connection.execute("SELECT body FROM outbox ORDER BY number").fetchall()]


def test_what_was_undone_is_not_told(store: Store) -> None:
    """If the transaction that a job was posted in is undone, then there is no job."""

    def work(hand: Any) -> None:
        post(hand, "mail.verify", "x", {}, 1, "undone")
        raise NotFound("planted")

    with pytest.raises(NotFound):
        store._writer.write(work)
    assert lease(store) == ()


def test_a_key_leaves_once(store: Store, database_url: str) -> None:
    """If a job is posted again under its key, before or after it left, then it is one job; and once it left it is empty."""
    assert [put(store, "one"), put(store, "one")] == [True, False]
    (job,) = lease(store)
    assert (job.kind, job.key, job.attempt, dict(job.body)) == (
        "mail.verify", "one", 1, {"to": "zin@reader.example"},
    )  # fmt: skip
    assert store.outbox.finish(job, at=NOON)
    assert not put(store, "one")
    assert lease(store, after=timedelta(days=1)) == ()
    assert bodies(database_url) == [None]


def test_a_fallen_worker_gives_back(store: Store) -> None:
    """If whoever took a job does not come back, then another is given it; and the first one's word counts no more."""
    put(store, "one")
    (first,) = lease(store)
    assert lease(store, after=timedelta(minutes=4)) == ()
    (second,) = lease(store, after=SOON)
    assert (second.key, second.attempt) == (first.key, 2)
    assert not store.outbox.finish(first, at=NOON + SOON)
    store.outbox.bury(first, error="late", at=NOON)
    assert store.outbox.dead() == []
    assert store.outbox.finish(second, at=NOON + SOON)


def test_two_workers_never_hold_the_same(store: Store, database_url: str) -> None:
    """If two processes take jobs at once, then each job is given to one of them."""
    for number in range(60):
        put(store, f"{number}")
    other = Store.open(database_url)
    taken: list[str] = []
    start = threading.Barrier(4)

    def work(of: Store) -> None:
        start.wait()
        while jobs := lease(of, limit=3):
            taken.extend(job.key for job in jobs)

    threads = [threading.Thread(target=work, args=(of,)) for of in (store, other, store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sorted(taken) == sorted(f"{number}" for number in range(60))


def test_what_failed_comes_back_when_it_was_told_to(store: Store) -> None:
    """If a job fails, then it is due again at its time, counted; what is let go was not tried, and is not counted."""
    put(store, "one")
    (job,) = lease(store)
    store.outbox.fail(job, error="answered-451", again_at=NOON + timedelta(minutes=2))
    assert lease(store, after=timedelta(minutes=1)) == ()
    (job,) = lease(store, after=timedelta(minutes=2))
    assert job.attempt == 2
    store.outbox.let_go([job], again_at=NOON + timedelta(minutes=3))
    (job,) = lease(store, after=timedelta(minutes=3))
    assert job.attempt == 2


def test_a_dead_letter_waits_for_a_person(store: Store, database_url: str) -> None:
    """If a job is buried, then it is not tried until somebody says so, or gives it up with all it holds; both are journalled."""
    for key in ("one", "two"):
        put(store, key)
    for job in lease(store):
        store.outbox.bury(job, error="answered-550", at=NOON)
    assert lease(store, after=timedelta(days=2)) == ()
    assert (store.outbox.standing(NOON).waiting, store.outbox.standing(NOON).dead) == (0, 2)
    one, two = sorted(dead.number for dead in store.outbox.dead())
    store.outbox.try_again(one, by="Mem", at=NOON)
    store.outbox.give_up(two, by="Mem", at=NOON)
    (job,) = lease(store)
    assert (job.key, job.attempt) == ("one", 1)
    for tend in (store.outbox.try_again, store.outbox.give_up):
        with pytest.raises(NotFound):
            tend(two, by="Mem", at=NOON)
    assert len(bodies(database_url)) == 1
    entries = store.people.journal(limit=10)
    assert [entry.action for entry in entries] == ["letter-given-up", "letter-tried-again"]
    assert "reader.example" not in repr(entries)


def test_erasing_a_comment_ends_what_hangs_on_it(store: Store, database_url: str) -> None:
    """If a comment is erased, then jobs about it are gone, waiting and dead ones alike, and others stay."""
    id, other = receive(store), receive(store)
    for number, subject in enumerate((id, id, other)):
        put(store, f"{number}", subject=subject)
    store.outbox.bury(lease(store, limit=1)[0], error="x", at=NOON)
    store.erase(id, leaf=b"erasure", at=NOON)
    assert [job.subject for job in lease(store)] == [other]
    assert len(bodies(database_url)) == 1


def test_what_has_served_is_forgotten(store: Store, database_url: str) -> None:
    """If a job left a week ago, or nobody looked at a dead letter for a month, then nothing is kept of it."""
    for key in ("done", "dead", "waiting"):
        put(store, key)
    done, dead, _ = lease(store)
    store.outbox.finish(done, at=NOON)
    store.outbox.bury(dead, error="x", at=NOON)
    store.outbox.expire(NOON + timedelta(days=8))
    assert len(bodies(database_url)) == 2
    store.outbox.expire(NOON + timedelta(days=31))
    assert len(bodies(database_url)) == 1
