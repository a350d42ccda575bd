"""Several nodes on one PostgreSQL: what they hear of each other, who leads, what they count and take up together."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from meydan.errors import BadSecret, BadSettings, StoreUnavailable, TooFast
from meydan.store import Store, counting, leading, replica
from meydan.web.access import Pace
from tests.postgresql import PostgreSQL
from tests.replica import Standby, following
from tests.store.making import STORY, approved, around, later, receive


def until(condition: Callable[[], bool], *, within_s: float = 15) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)


@pytest.fixture
def url(postgresql: PostgreSQL) -> Iterator[str]:
    url = postgresql.new_database()
    yield url
    postgresql.drop(url)


@pytest.fixture
def nodes(url: str) -> Iterator[tuple[Store, Store]]:
    one, other = Store.open(url), Store.open(url)
    yield one, other
    one.close()
    other.close()


def hang_up(url: str, name: str) -> int:
    """End the connections of that name, as a network or a restarted database would; how many there were."""
    with around(url) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            (f"meydan {name}",),
        )
        return len(ended.fetchall())


def test_what_one_node_changes_another_hears(nodes: tuple[Store, Store], url: str) -> None:
    """If readers see something new on one node, then the other is told its number, also after the connection was lost."""
    one, other = nodes
    heard: list[int | None] = []
    ears = other.hear(heard.append)
    assert ears is not None
    until(lambda: ears.hears)
    assert heard == [None]
    approved(one)
    until(lambda: one.changes(0)[0] in heard)
    # Held: readers see nothing of it.
    receive(one)
    approved(one)
    until(lambda: heard[-1] == 2)
    assert heard == [None, 1, 2]
    assert hang_up(url, "hearing") == 1
    # It may have missed something: once as it was lost, and once as it came back.
    until(lambda: heard.count(None) == 3 and ears.hears)
    approved(one)
    until(lambda: heard[-1] == 3)


def test_one_node_leads_until_it_is_gone(
    nodes: tuple[Store, Store], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If several nodes ask, then one leads; if its connection is lost it knows before it goes on, and another leads."""
    monkeypatch.setattr(leading, "SURE_S", 0.0)
    monkeypatch.setattr(leading, "REST_S", 0.0)
    one, other = nodes
    assert one.leading.leads()
    assert one.leading.leads()
    assert not other.leading.leads()
    with around(url) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        )
    until(other.leading.leads)
    assert not one.leading.leads()
    other.close()
    until(one.leading.leads)


def test_all_nodes_count_together(nodes: tuple[Store, Store], url: str, postgresql: PostgreSQL) -> None:
    """If somebody sends to two nodes, then both count it; if the database is away, then each counts alone and lets nobody wait."""

    def pace(store: Store) -> Pace:
        return Pace(
            per_minute=6,
            burst=4,
            shared=lambda key, per_minute, burst: store.pacing.take(key, per_minute=per_minute, burst=burst),
        )

    here, there = (pace(store) for store in nodes)
    for _ in range(2):
        here.check("reader")
        there.check("reader")
    with pytest.raises(TooFast) as refused:
        there.check("reader")
    assert 5 <= (refused.value.retry_after_s or 0) <= 10
    here.check("somebody else")
    with around(url) as connection:
        # The bucket fills as time goes by; who was refused has lost nothing.
        connection.execute("UPDATE pace SET full_at = full_at - 10500000")
    there.check("reader")
    nodes[0].tidy(later())
    postgresql.shut_out(url)
    try:
        for _ in range(3):
            here.check("a third")
        with pytest.raises(StoreUnavailable):
            nodes[0].pacing.take("a third", per_minute=6, burst=4)
        here.check("a third")
        with pytest.raises(TooFast):
            here.check("a third")
    finally:
        postgresql.let_in(url)


def test_a_clock_that_went_back_keeps_nobody_outside(nodes: tuple[Store, Store], url: str) -> None:
    """If the database's clock goes back by an hour, then who sent a moment before is counted anew."""
    for _ in range(3):
        assert nodes[0].pacing.take("before", per_minute=6, burst=3) == 0
    assert nodes[0].pacing.take("before", per_minute=6, burst=3) > 0
    with around(url) as connection:
        connection.execute("UPDATE pace SET full_at = full_at + 3600000000")
    for _ in range(3):
        assert nodes[1].pacing.take("before", per_minute=6, burst=3) == 0
    assert 5 <= nodes[1].pacing.take("before", per_minute=6, burst=3) <= 10


def test_nobody_is_forgotten_while_he_is_fast(nodes: tuple[Store, Store]) -> None:
    """If buckets are tidied away, then only full ones."""
    for _ in range(3):
        assert nodes[0].pacing.take("fast", per_minute=6, burst=3) == 0
    nodes[0].tidy(later())
    assert nodes[1].pacing.take("fast", per_minute=6, burst=3) > 0


def test_workers_never_take_up_the_same(nodes: tuple[Store, Store]) -> None:
    """If workers on two nodes take up what waits at the same moment, then each comment is taken up once, and all are."""
    waiting = {receive(nodes[0]) for _ in range(60)}
    at, taken = later(), list[str]()
    line = threading.Barrier(4)

    def work(store: Store) -> None:
        line.wait()
        for _ in range(60):
            ids = store.take_up(5, before=at, at=at, until=at + timedelta(minutes=1))
            taken.extend(ids)
            if len(taken) >= 60:
                return

    workers = [threading.Thread(target=work, args=(store,)) for store in (*nodes, *nodes)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(taken) == sorted(waiting)


def test_another_secret_is_refused(nodes: tuple[Store, Store]) -> None:
    """If a node comes with another secret than the first one's, then it is refused, and says what to do."""
    nodes[0].check_secret("ours")
    nodes[1].check_secret("ours")
    with pytest.raises(BadSecret, match="MEYDAN_SECRET") as refused:
        nodes[1].check_secret("another")
    assert refused.value.code == "M307"
    # Whoever names the one that was, changes it for all.
    with pytest.raises(BadSecret):
        nodes[1].check_secret("another", former="neither")
    nodes[1].check_secret("another", former="ours")
    nodes[0].check_secret("another")
    with pytest.raises(BadSecret):
        nodes[0].check_secret("ours")


@pytest.fixture(scope="module")
def standby(postgresql: PostgreSQL) -> Iterator[Standby]:
    with following(postgresql) as standby:
        if standby is None:
            pytest.skip("the server that was given has no standby of ours")
        yield standby


def texts(store: Store) -> list[str | None]:
    return [comment.text for comment in store.page(STORY, sort="oldest", after=None, limit=50).comments]


def test_a_report_is_counted_in_a_replica_that_has_everything(
    url: str, postgresql: PostgreSQL, standby: Standby
) -> None:
    """If a replica has all that the database has, then a report is counted there; if it is behind, unreachable or another newsroom's, then in the database, with the same counts."""
    store = Store.open(url)
    store.check_secret("ours")
    approved(store, "The first.")
    foreign = postgresql.new_database()
    others = Store.open(foreign)
    others.check_secret("theirs")
    approved(others, "Not ours.")
    approved(others, "Not ours either.")

    def asked(copy: str) -> tuple[bool, int, int]:
        return counting.counted(
            url,
            lambda seen: (
                seen._hand.one("SELECT pg_is_in_recovery()")[0],
                seen.sent(0, 2**62),
                len(list(seen.leaves())),
            ),  # type: ignore[index]
            replica=copy,
        )

    try:
        until(lambda: asked(standby.url_of(url)) == (True, 1, 2))
        for copy in ("", "postgresql://nobody@127.0.0.1:1/none", foreign):
            assert asked(copy) == (False, 1, 2)
        standby.ask("SELECT pg_wal_replay_pause()")
        until(lambda: standby.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")
        approved(store, "The second.")
        assert asked(standby.url_of(url)) == (False, 2, 4)
        standby.ask("SELECT pg_wal_replay_resume()")
        until(lambda: asked(standby.url_of(url)) == (True, 2, 4))
    finally:
        others.close()
        store.close()
        postgresql.drop(foreign)


def test_readers_are_served_by_a_replica_that_has_what_they_know(
    url: str, standby: Standby, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a replica is behind, silent, gone or another's, then the database itself is read; once it has caught up it is read again."""
    monkeypatch.setattr(replica, "REST_S", 0.2)
    monkeypatch.setattr(replica, "PATIENCE_S", 1.0)
    writer = Store.open(url)
    writer.check_secret("ours")
    approved(writer, "The first.")
    reader = Store.open(url, replica=standby.url_of(url))
    eye = reader._replica
    assert eye is not None

    def read_there() -> bool:
        before = eye.read_there
        reader.changes(0)
        assert texts(reader)
        return eye.read_there == before + 1

    try:
        # Nothing is known yet of what the replica has to have.
        assert texts(reader) == ["The first."]
        assert not eye.read_there
        until(read_there)
        standby.ask("SELECT pg_wal_replay_pause()")
        until(lambda: standby.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")
        approved(writer, "The second.")
        assert texts(reader) == ["The first."], "nobody on this node knows of it yet"
        assert reader.changes(1) == (2, (STORY,))
        assert texts(reader) == ["The first.", "The second."]
        assert reader.counts([STORY]) == {STORY: 2}
        assert reader.announced([STORY])[STORY].count == 2
        assert len(reader.latest(limit=5, url=STORY).comments) == len(reader.latest(limit=5).comments) == 2
        assert reader.thread(STORY, sort="oldest").count == 2
        standby.ask("SELECT pg_wal_replay_resume()")
        until(read_there)
        assert texts(reader) == ["The first.", "The second."]
        # Silent: it neither answers nor hangs up.
        standby.signal(signal.SIGSTOP)
        assert texts(reader) == ["The first.", "The second."]
        assert texts(reader) == ["The first.", "The second."]
        standby.signal(signal.SIGCONT)
        until(read_there)
        standby.signal(signal.SIGKILL)
        assert texts(reader) == ["The first.", "The second."]
        approved(writer, "The third.")
        reader.changes(2)
        assert len(texts(reader)) == 3
    finally:
        reader.close()
        writer.close()


def test_what_is_no_copy_of_this_database_is_never_shown(
    url: str, postgresql: PostgreSQL, tmp_path: object
) -> None:
    """If the replica is another newsroom's database, then nothing of it is shown; if it is no PostgreSQL, then it is refused."""
    foreign = postgresql.new_database()
    try:
        others = Store.open(foreign)
        others.check_secret("theirs")
        approved(others, "Not ours.")
        others.close()
        store = Store.open(url, replica=foreign)
        store.check_secret("ours")
        store.changes(0)
        assert texts(store) == []
        store.close()
    finally:
        postgresql.drop(foreign)
    with pytest.raises(BadSettings) as refused:
        Store.open(url, replica=f"sqlite:///{tmp_path}/copy.db")
    assert refused.value.fields == ("replica",)
