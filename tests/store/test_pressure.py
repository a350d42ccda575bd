"""A database that does not keep up: who waits, for how long, and that whoever is turned away left nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from meydan.errors import Overloaded, StoreUnavailable
from meydan.store import Bounds, Store
from meydan.store.writer import LANES
from tests.postgresql import PostgreSQL
from tests.serving import Served
from tests.store.making import around, later, new_comment, receive

MANY = 12


@contextmanager
def held_up(url: str) -> Iterator[None]:
    """Somebody else writes, and does not come to an end."""
    with around(url) as connection:
        if url.startswith("sqlite"):
            connection.execute("BEGIN IMMEDIATE")
        else:
            connection.execute("BEGIN")
            connection.execute("LOCK TABLE counter, comment, meta IN ACCESS EXCLUSIVE MODE")
        yield
        connection.execute("ROLLBACK")


def kept(store: Store) -> set[str]:
    return {comment.id for comment in store.held(after=None, limit=200)[0]}


def busy(store: Store) -> int:
    return sum(lane.since is not None for lane in store._writer._lanes)


def test_who_waits_too_long_is_turned_away_and_nothing_is_kept(database_url: str) -> None:
    """If the database is held up, then who waits longer than they should, or as one too many, is refused, and kept is who was told so."""
    store = Store.open(database_url, bounds=Bounds(pieces=4, patience_s=0.3))
    answered: set[str] = set()
    refused: list[Exception] = []

    def send() -> None:
        new = new_comment()
        try:
            answered.add(store.receive(new).id)
        except (Overloaded, StoreUnavailable) as error:
            refused.append(error)

    try:
        with ThreadPoolExecutor(MANY) as senders:
            with held_up(database_url):
                # Their work has begun: they wait for the lock, as long as the database lets them.
                first = []
                for _ in range(LANES[store.dialect]):
                    first.append(senders.submit(send))
                    Served.until(lambda: busy(store) == len(first))
                Served.until(lambda: store.condition.stuck_s > 0)
                others = [senders.submit(send) for _ in range(MANY - len(first))]
                for other in others:
                    other.result()
                assert [type(error) for error in refused] == [Overloaded] * len(others)
                assert all(error.retry_after_s >= 1 for error in refused if isinstance(error, Overloaded))
                Served.until(lambda: store.condition.stuck_s > 0.3)
                # Nobody waits any more for what does not move, not even for a moment.
                with pytest.raises(Overloaded):
                    receive(store)
                assert store.condition.queued == 0 or all(other.done() for other in others)
            for one in first:
                one.result()
        # All goes on by itself, and whoever was refused is nowhere.
        answered.add(receive(store))
        assert kept(store) == answered
        assert len(answered) == len(first) + 1
        assert [number for number, _ in store.leaves(0, 100)] == list(range(len(answered)))
    finally:
        store.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_all_learn_at_once_of_a_server_that_is_gone(
    store: Store, database_url: str, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the server is known to be gone, then nobody tries a connection of their own; one asks again, and all know when it is back."""
    id = receive(store)
    tried: list[str] = []
    connect = type(store._database)._connect

    def counting(self: object, *, reading: bool) -> object:
        tried.append(threading.current_thread().name)
        return connect(self, reading=reading)  # type: ignore[arg-type]

    postgresql.shut_out(database_url)
    with pytest.raises(StoreUnavailable):
        store.comment(id)
    assert store.condition.away
    monkeypatch.setattr(type(store._database), "_connect", counting)
    with ThreadPoolExecutor(16) as readers:
        for asked in [readers.submit(store.comment, id) for _ in range(64)]:
            assert isinstance(asked.exception(), StoreUnavailable)
        for asked in [readers.submit(store.withdraw, id, leaf=b"", at=later()) for _ in range(64)]:
            assert isinstance(asked.exception(), StoreUnavailable)
    assert tried == []
    postgresql.let_in(database_url)
    Served.until(lambda: not store.condition.away)
    assert store.comment(id) is not None
