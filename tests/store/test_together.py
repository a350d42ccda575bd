"""Many at once: threads, processes, and a process that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from meydan.comment import Status
from meydan.errors import AlreadyDecided, AlreadyExists, NoSuchParent, NotAppealable, NotFound
from meydan.store import Sending, Store, statements
from meydan.store.hand import Hand
from meydan.store.writer import LANES
from tests.postgresql import PostgreSQL
from tests.serving import Served
from tests.store.making import (
    APPROVE,
    EVIDENCE,
    HOLD,
    REJECT,
    STORY,
    approved,
    around,
    decide,
    later,
    leaf_numbers,
    new_comment,
    receive,
    shown,
)

THREADS = 16


def at_once(*tasks: Callable[[], Any]) -> list[Any]:
    """Run all tasks from one starting line; returns each one's answer, or what it raised."""
    line = threading.Barrier(len(tasks))

    def run(task: Callable[[], Any]) -> Any:
        line.wait()
        try:
            return task()
        except Exception as error:  # noqa: BLE001
            return error

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(run, tasks))


def in_one_batch(store: Store, *tasks: Callable[[], Any]) -> list[Future[Any]]:
    """What becomes of tasks that one thread writes together, in this order."""
    lanes = LANES[store.dialect]
    ends = [threading.Event() for _ in range(lanes)]
    with ThreadPoolExecutor(lanes) as busy:
        threads = ThreadPoolExecutor(len(tasks))
        try:
            for end in ends:
                busy.submit(store._writer.write, lambda _hand, end=end: end.wait(30))
                Served.until(lambda: store.condition.queued == 0)
            Served.until(lambda: all(lane.since is not None for lane in store._writer._lanes))
            told = []
            for number, task in enumerate(tasks, 1):
                told.append(threads.submit(task))
                Served.until(lambda number=number: store.condition.queued == number)
            ends[0].set()
            Served.until(lambda: store.condition.queued == 0)
        finally:
            for end in ends:
                end.set()
            threads.shutdown(wait=False)
    return told


def test_one_batch_takes_an_id_once(store: Store) -> None:
    """
    If of comments that are committed together two have one id, then the later is refused, and those beside them are kept,
    with numbers and leaves in a row; a decision in their midst stands.
    """
    earlier = receive(store, "so that the story is known")
    assert store.story_of_late(STORY) is not None
    ids = ["b" * 24, "a" * 24, "a" * 24, "c" * 24]
    told = in_one_batch(
        store,
        lambda: receive(store, "0", id=ids[0]),
        lambda: receive(store, "1", id=ids[1]),
        lambda: decide(store, earlier),
        lambda: receive(store, "2", id=ids[2]),
        lambda: receive(store, "3", id=ids[3]),
    )
    errors = [one.exception() for one in told]
    assert [type(error) for error in errors if error is not None] == [AlreadyExists]
    if store.dialect == "sqlite":
        assert errors[3] is not None
    kept = [found.text for id in ids if (found := store.comment(id)) is not None]
    assert sorted(kept) in (["0", "1", "1", "3"], ["0", "2", "2", "3"])
    assert shown(store) == [earlier]
    assert leaf_numbers(store) == list(range(5))


def test_leaves_have_no_gap(store: Store) -> None:
    """If many write at once and some of them fail after taking a number, then the numbers have no gap."""

    def work(thread: int) -> list[int]:
        taken = []
        for number in range(12):
            try:
                if number % 3 == 0:
                    receive(store, parent="nobody")
                elif number % 3 == 1:
                    decide(store, "nobody")
                else:
                    id = receive(store, story_url=f"{STORY}/{thread % 4}")
                    settled = decide(store, id)
                    taken.append(settled.leaf)
            except (NoSuchParent, NotFound):
                pass
        return taken

    answers = at_once(*(lambda thread=thread: work(thread) for thread in range(THREADS)))
    taken = [leaf for leaves in answers for leaf in leaves]
    assert len(taken) == len(set(taken)) == THREADS * 4
    assert leaf_numbers(store) == list(range(THREADS * 4 * 2))
    assert store.changes(0)[0] == THREADS * 4
    assert sum(store.counts([f"{STORY}/{number}" for number in range(4)]).values()) == THREADS * 4


@pytest.mark.parametrize("round", range(3))
def test_one_of_many_decisions_wins(store: Store, round: int) -> None:
    """If several people decide on what each saw undecided, then exactly one wins, and the others hear of it."""
    id = receive(store)
    answers = at_once(
        *(
            lambda number=number: decide(store, id, APPROVE if number % 2 else REJECT, expected_seq=0)
            for number in range(8)
        )
    )
    won = [answer for answer in answers if not isinstance(answer, Exception)]
    lost = [answer for answer in answers if isinstance(answer, AlreadyDecided)]
    assert (len(won), len(lost)) == (1, 7)
    assert store.decisions(id) == (won[0],)
    assert {refusal.verdict for refusal in lost} == {won[0].decision.verdict.value}
    assert leaf_numbers(store) == [0, 1]


def test_a_machine_and_a_person_at_once(store: Store) -> None:
    """If the machine holds or decides while a person decides, then the person's decision stands with its reasons."""
    for number in range(8):
        id = receive(store)
        machine = (
            partial(decide, store, id, APPROVE, expected_seq=0)
            if number % 2
            else partial(store.hold, id, HOLD, evidence=EVIDENCE, at=later())
        )
        at_once(machine, partial(decide, store, id, REJECT))
        comment = store.comment(id)
        assert comment is not None
        assert store.decisions(id)[-1].seq == comment.seq
        assert comment.status is store.decisions(id)[-1].decision.verdict.status
        assert comment.holds == ()


def test_a_link_signs_in_one_of_many(store: Store) -> None:
    """If a sign-in link is opened many times at the same moment, then one of them gets in."""
    store.people.add_moderator("Zîn", later(), by="operator")
    store.people.add_link("Zîn", "link", later(hours=1), later(), by="operator")
    answers = at_once(*(lambda: store.people.use_link("link", later()) for _ in range(THREADS)))
    assert sorted(answers, key=str) == [None] * (THREADS - 1) + ["Zîn"]


def test_one_of_many_appeals_is_kept(store: Store) -> None:
    """If an appeal is sent twice at the same moment, then one is kept."""
    id = receive(store)
    decide(store, id, REJECT)
    answers = at_once(*(lambda: store.appeal(id, words="why?", at=later()) for _ in range(8)))
    assert answers.count(None) == 1
    assert sum(isinstance(answer, NotAppealable) for answer in answers) == 7
    assert len(store.appeals(id)) == 1


def test_withdrawn_by_many_takes_one_leaf(store: Store) -> None:
    """If a withdrawal and an erasure are asked for many times at once, then each takes one leaf at most."""
    id = approved(store)
    at_once(*(lambda: store.withdraw(id, leaf=b"w", at=later()) for _ in range(8)))
    at_once(*(lambda: store.erase(id, leaf=b"e", at=later()) for _ in range(8)))
    assert [body for _, body in store.leaves(2, 10)] == [b"w", b"e"]


def test_a_new_story_is_made_once(store: Store) -> None:
    """If the first comments on a story arrive at once, then there is one story and all are on it."""
    at_once(*(lambda: approved(store) for _ in range(THREADS)))
    assert store.counts([STORY]) == {STORY: THREADS}
    assert len(shown(store)) == THREADS


def test_changes_miss_nothing(store: Store) -> None:
    """If someone follows changes while others write, then each change is told, and none is told too early."""
    done = threading.Event()
    seen: dict[str, int] = {}

    def follow() -> None:
        since = 0
        while True:
            last = done.is_set()
            since, urls = store.changes(since)
            for url in urls:
                seen[url] = store.counts([url])[url]
            if last:
                return

    follower = threading.Thread(target=follow)
    follower.start()
    at_once(
        *(
            lambda thread=thread: [approved(store, story_url=f"{STORY}/{thread % 5}") for _ in range(8)]
            for thread in range(10)
        )
    )
    done.set()
    follower.join()
    assert seen == {f"{STORY}/{number}": 16 for number in range(5)}


def test_sent_twice_in_one_batch(store: Store) -> None:
    """If a comment is sent twice and both are written together, then both are told the number of its receipt."""
    receive(store)
    sending = Sending(key="k" * 32, words="w" * 32, since=later(hours=-1))
    one, other = in_one_batch(store, *[lambda: store.receive(new_comment(sending=sending))] * 2)
    assert one.result() == other.result()
    assert one.result().leaf == 1


def test_who_waits_for_a_lock_keeps_nobody_waiting(postgresql: PostgreSQL) -> None:
    """If one of those who are written together has to wait for another node, then the others are answered meanwhile."""
    url = postgresql.new_database()
    store = Store.open(url)
    try:
        id = approved(store)
        with around(url) as elsewhere:
            elsewhere.execute("BEGIN")
            asked = statements.LOCK_COMMENT["postgresql"].replace(":id", "%(id)s")
            elsewhere.execute(asked, {"id": id})
            waits, goes_on = in_one_batch(
                store, lambda: store.withdraw(id, leaf=b"w", at=later()), lambda: receive(store)
            )
            kept = goes_on.result(timeout=5)
            assert store.comment(kept) is not None
            assert not waits.done()
            elsewhere.execute("ROLLBACK")
        waits.result(timeout=30)
        assert shown(store) == []
        assert leaf_numbers(store) == [0, 1, 2, 3]
    finally:
        store.close()
        postgresql.drop(url)


def test_a_lock_that_a_failed_piece_asked_for_is_nobodys(postgresql: PostgreSQL) -> None:
    """If the last piece of a commit fails before its lock was had, then the others are answered as kept."""
    url = postgresql.new_database()
    store = Store.open(url)
    try:
        id = receive(store)

        def fails(hand: Hand) -> None:
            hand.lock_comment(id)
            raise NotFound("It is not there.")

        with around(url) as other:
            other.execute("BEGIN")
            other.execute(statements.LOCK_COMMENT["postgresql"].replace(":id", "%s"), (id,))
            kept, failed = in_one_batch(
                store, lambda: receive(store, "Kept."), lambda: store._writer.write(fails)
            )
            other.execute("ROLLBACK")
        assert store.comment(kept.result()) is not None
        assert isinstance(failed.exception(), NotFound)
    finally:
        store.close()
        postgresql.drop(url)


def test_readers_see_one_moment(store: Store) -> None:
    """If a page is read while comments are approved and withdrawn, then its count is that of its comments."""
    done = threading.Event()
    wrong: list[tuple[int, int]] = []

    def read() -> None:
        while not done.is_set():
            page = store.page(STORY, sort="oldest", after=None, limit=1000)
            if page.count != len(page.comments):
                wrong.append((page.count, len(page.comments)))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(30):
        store.withdraw(approved(store), leaf=b"", at=later())
        approved(store)
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []


def test_who_decides_is_alone(store: Store, database_url: str) -> None:
    """If one writer decides upon a comment, then no other's commit comes between what it reads and what it writes."""
    other = Store.open(database_url)
    id = receive(store)
    begun, done = threading.Event(), threading.Event()

    def read_twice(hand: Hand) -> tuple[Any, Any]:
        hand.lock_comment(id)
        first = hand.all(statements.STANDING, id=id)
        begun.set()
        # Long enough for the other to get through, if it could.
        done.wait(0.5)
        second = hand.all(statements.STANDING, id=id)
        hand.run(statements.WRITE)
        return first, second

    def decide_meanwhile() -> None:
        begun.wait(10)
        decide(other, id)
        done.set()

    with ThreadPoolExecutor(2) as threads:
        reading = threads.submit(store._writer.write, read_twice)
        deciding = threads.submit(decide_meanwhile)
        first, second = reading.result()
        deciding.result()
    assert first == second
    assert shown(store) == [id]
    other.close()


# -- several processes ----------------------------------------------------------

WRITER = """
import sys
from meydan.store import Store
from tests.store.making import approved
url, count = sys.argv[1], int(sys.argv[2])
store = Store.open(url)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(count):
    print(approved(store), flush=True)
store.close()
"""


def start(url: str, count: int) -> subprocess.Popen[str]:
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"},
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_several_processes_write_one_ledger(store: Store, database_url: str) -> None:
    """If several processes write to one database, then all is kept and the numbers have no gap."""
    processes = [start(database_url, 25) for _ in range(3)]
    for process in processes:
        assert line_of(process) == "ready"
    for process in processes:
        go(process)
    mine = [approved(store) for _ in range(25)]
    theirs = [line_of(process) for process in processes for _ in range(25)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert sorted(shown(store)) == sorted(mine + theirs)
    assert leaf_numbers(store) == list(range(4 * 25 * 2))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_opened_by_several_for_the_first_time(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """If several processes open a database that does not exist yet, then each finds it made, once."""
    url = (
        f"sqlite:///{tmp_path / 'new.db'}"
        if kind == "sqlite"
        else request.getfixturevalue("postgresql").new_database(empty=True)
    )
    processes = [start(url, 2) for _ in range(3)]
    for process in processes:
        assert line_of(process) == "ready"
        go(process)
    assert [process.wait(timeout=60) for process in processes] == [0] * 3
    store = Store.open(url, migrate=False)
    assert leaf_numbers(store) == list(range(12))
    store.close()


LOAD = """
import sys, threading
from meydan.store import Store
from tests.store.making import APPROVE, decide, receive
store = Store.open(sys.argv[1])
lock = threading.Lock()
def tell(line):
    with lock:
        sys.stdout.write(line + "\\n")
        sys.stdout.flush()
def work():
    while True:
        id = receive(store)
        tell("received " + id)
        leaf = decide(store, id).leaf
        tell(f"settled {id} {leaf}")
for _ in range(8):
    threading.Thread(target=work).start()
"""


@pytest.mark.parametrize("after", [1, 40, 150])
def test_killed_under_load(store: Store, database_url: str, after: int) -> None:
    """If the process is killed while many write, then all that was answered is kept, once, and nothing is half."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", LOAD, database_url],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"},
    )
    assert process.stdout is not None
    told = [process.stdout.readline().split() for _ in range(after)]
    process.send_signal(signal.SIGKILL)
    told += [line.split() for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    process.wait(timeout=30)
    received = {line[1] for line in told if line[0] == "received"}
    settled = {line[1]: int(line[2]) for line in told if line[0] == "settled"}
    if store.dialect == "postgresql":
        wait_until_alone(database_url)
    again = Store.open(database_url)
    for id in received:
        comment = again.comment(id)
        assert comment is not None
        assert comment.text == "Well said."
        assert comment.status in (Status.HELD, Status.APPROVED)
        assert len(again.decisions(id)) == comment.seq == (comment.status is Status.APPROVED)
    for id, leaf in settled.items():
        assert [one.leaf for one in again.decisions(id)] == [leaf]
    numbers = leaf_numbers(again)
    assert numbers == list(range(len(numbers)))
    with around(database_url) as connection:
        (comments,) = connection.execute("SELECT count(*) FROM comment").fetchone()
        (words,) = connection.execute("SELECT count(*) FROM words").fetchone()
        (decisions,) = connection.execute("SELECT count(*) FROM decision").fetchone()
    assert comments == words >= len(received)
    assert len(numbers) == comments + decisions
    assert len(shown(again)) == decisions
    id = receive(again)
    assert decide(again, id).leaf == len(numbers) + 1
    again.close()


def wait_until_alone(url: str) -> None:
    """Until the server has noticed that the killed client is gone, and has undone what it was doing."""
    deadline = time.monotonic() + 30
    with around(url) as connection:
        while connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = 'meydan' AND state <> 'idle'"
        ).fetchone() != (0,):
            assert time.monotonic() < deadline
            time.sleep(0.02)
