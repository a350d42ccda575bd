"""
Two nodes on one PostgreSQL, which write at truly the same moment.

A state machine lets both do things to the same few comments at once, and after each round reads from the tables what has
to hold whatever came first. Beside it, what is decided by who came first, and a node that stops in the middle.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from meydan.errors import AlreadyDecided, MeydanError, NotFound
from meydan.store import NewComment, ProofUsed, Sending, Store
from tests.postgresql import PostgreSQL
from tests.store.making import (
    APPROVE,
    EVIDENCE,
    HOLD,
    NOON,
    REJECT,
    STORY,
    approved,
    around,
    check_branches,
    decide,
    later,
    leaf_numbers,
    new_comment,
    receive,
    report,
    shown,
)

STORIES = (STORY, f"{STORY}/2")


@pytest.fixture
def nodes(postgresql: PostgreSQL) -> Iterator[tuple[str, Store, Store]]:
    """A database and two stores on it, as two nodes have them."""
    url = postgresql.new_database()
    both = Store.open(url), Store.open(url)
    yield url, *both
    for store in both:
        store.close()
    postgresql.drop(url)


def at_once(*tasks: Callable[[], Any]) -> list[Any]:
    """Run all tasks from one starting line; each one's answer, or the refusal that it met."""
    line = threading.Barrier(len(tasks))

    def run(task: Callable[[], Any]) -> Any:
        line.wait()
        try:
            return task()
        except (MeydanError, ProofUsed) as refusal:
            return refusal

    with ThreadPoolExecutor(len(tasks)) as threads:
        return list(threads.map(run, tasks))


def check_tables(url: str) -> None:
    """What has to be so in the tables, whatever two nodes did in whatever order."""
    with around(url) as connection:
        ask = lambda query: connection.execute(query).fetchall()  # noqa: E731
        leaves = [row[0] for row in ask("SELECT number FROM leaf ORDER BY number")]
        (counter,) = ask("SELECT leaf, change FROM counter")
        named = [row[0] for row in ask("SELECT receipt FROM comment UNION ALL SELECT leaf FROM decision")]
        bodies = dict(ask("SELECT number, body FROM leaf"))
        receipts = ask("SELECT receipt, id FROM comment")
        wrong = ask(
            "SELECT c.id FROM comment c WHERE c.seq <> (SELECT count(*) FROM decision d WHERE d.comment = c.number)"
            " OR (c.seq > 0 AND c.status <> (SELECT CASE d.verdict WHEN 'approve' THEN 'approved' ELSE 'rejected' END"
            "                                  FROM decision d WHERE d.comment = c.number AND d.seq = c.seq))"
        )
        kept = ask(
            "SELECT c.id FROM comment c WHERE c.erased_at IS NOT NULL AND (EXISTS (SELECT 1 FROM words w WHERE "
            "w.comment = c.number) OR EXISTS (SELECT 1 FROM evidence e WHERE e.comment = c.number))"
        )
        seen = ask(
            "SELECT id FROM comment c WHERE (c.showing = 1) <> (c.status = 'approved' AND c.withdrawn_at IS NULL "
            "AND c.erased_at IS NULL AND c.escalated = 0) OR (c.showing = 2) <> (c.status = 'approved' AND "
            "c.escalated = 0 AND (c.withdrawn_at IS NOT NULL OR c.erased_at IS NOT NULL) AND EXISTS ("
            "SELECT 1 FROM comment r WHERE r.parent = c.id AND r.showing > 0))"
        )
        (changes,) = ask("SELECT COALESCE(max(changed), 0), COALESCE(sum(revision), 0) FROM story")
    assert leaves == list(range(counter[0])), "a hole in the ledger"
    assert len(named) == len(set(named)), "two rows name one leaf"
    assert set(named) <= set(leaves)
    assert all(bodies[number] == id.encode() for number, id in receipts), "a receipt names another's leaf"
    rest = {bytes(bodies[number]) for number in leaves if number not in named}
    assert rest <= {b"withdrawn", b"erased"}
    assert wrong == [], "decisions and status differ"
    assert kept == [], "something was left of what was erased"
    assert seen == [], "what is shown is not what should be"
    assert changes == (counter[1], counter[1]), "a change without its number"
    check_branches(url)


class TwoNodes(RuleBasedStateMachine):
    """Each rule is several things at the same moment, on two nodes; what became of them is then asked of the tables."""

    server: PostgreSQL

    @initialize()
    def open(self) -> None:
        self.url = self.server.new_database()
        self.nodes = Store.open(self.url), Store.open(self.url)
        self.chance = random.Random(1)
        self.ids = [self.new(0, STORY, None), self.new(1, STORIES[1], None)]
        for id in self.ids:
            decide(self.nodes[0], id, leaf=b"decision")
        self.polled = 0
        self.told: dict[str, int] = {}
        self.done = threading.Event()
        self.poller = threading.Thread(target=self.poll)
        self.poller.start()

    def poll(self) -> None:
        """Follow changes as a node does: what it was told of each story, when it last heard of it."""
        last = False
        while not last:
            last = self.done.wait(0.002)
            self.polled, urls = self.nodes[1].changes(self.polled)
            self.told |= self.nodes[1].counts(urls)

    def new(self, node: int, url: str, parent: str | None, sending: Sending | None = None) -> str:
        given: NewComment = new_comment(story_url=url, parent=parent, sending=sending)
        # Its leaf says whose receipt it is.
        leaf = given.id.encode()
        return (
            self.nodes[node]
            .receive(new_comment(id=given.id, story_url=url, parent=parent, sending=sending, leaf=leaf))
            .id
        )

    def some(self, number: int) -> str:
        return self.ids[number % len(self.ids)]

    @rule(parents=st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(0, 5)), min_size=2, max_size=5))
    def replies(self, parents: list[tuple[int, int]]) -> None:
        """Replies to shown comments are received and decided, while both do the same."""

        def one(node: int, parent: str) -> str | None:
            found = self.nodes[node].comment(parent)
            assert found is not None
            id = self.new(node, found.story_url, parent)
            decide(self.nodes[node], id, evidence=EVIDENCE, leaf=b"decision", expected_seq=0)
            return id

        answers = at_once(*(partial(one, node, self.some(number)) for node, number in parents))
        self.ids += [id for id in answers if isinstance(id, str)]

    @rule(
        what=st.lists(
            st.tuples(
                st.sampled_from([0, 1]),
                st.sampled_from(
                    ["approve", "reject", "withdraw", "erase", "hold", "escalate", "report", "pick"]
                ),
                st.integers(0, 7),
            ),
            min_size=2,
            max_size=8,
        )
    )
    def things(self, what: list[tuple[int, str, int]]) -> None:
        """Whatever can be done to a comment, to few comments, at once."""
        answers = at_once(*(partial(self.do, node, thing, self.some(number)) for node, thing, number in what))
        for answer in answers:
            assert not isinstance(answer, MeydanError) or answer.code[0] == "R", answer

    def do(self, node: int, thing: str, id: str) -> None:
        store = self.nodes[node]
        if thing == "approve":
            decide(store, id, APPROVE, leaf=b"decision", evidence=EVIDENCE)
        elif thing == "reject":
            decide(store, id, REJECT, leaf=b"decision")
        elif thing == "withdraw":
            store.withdraw(id, leaf=b"withdrawn", at=later())
        elif thing == "erase":
            store.erase(id, leaf=b"erased", at=later())
        elif thing == "hold":
            store.hold(id, HOLD, evidence=EVIDENCE, at=later(), audited_under="sha256:3")
        elif thing == "escalate":
            # Only what is rejected is escalated, as the desk does it.
            decide(store, id, REJECT, leaf=b"decision")
            store.escalate(id, kind="threat", told="", by="Zîn", at=later())
        elif thing == "report":
            report(store, id)
        else:
            store.pick(id, picked=True, by="Zîn", at=later())

    @rule(number=st.integers(0, 7))
    def one_decides(self, number: int) -> None:
        """Of several who saw the same, one decides; the others are told."""
        id = self.some(number)
        found = self.nodes[0].comment(id)
        assert found is not None
        answers = at_once(
            *(
                partial(
                    decide,
                    self.nodes[turn % 2],
                    id,
                    REJECT if turn % 3 else APPROVE,
                    leaf=b"decision",
                    expected_seq=found.seq,
                )
                for turn in range(4)
            )
        )
        won = [answer for answer in answers if not isinstance(answer, MeydanError)]
        assert len(won) == (0 if found.erased_at or found.escalated else 1), answers
        assert won or all(isinstance(answer, NotFound | AlreadyDecided) for answer in answers)

    @rule(key=st.integers(0, 3), url=st.sampled_from(STORIES))
    def sent_twice(self, key: int, url: str) -> None:
        """What is sent to both under one key is one comment."""
        sending = Sending(key=f"key {key} {url}", words="same", since=NOON - timedelta(days=1))
        answers = at_once(*(partial(self.new, node, url, None, sending) for node in (0, 1, 0, 1)))
        assert len(set(answers)) == 1, answers

    @invariant()
    def what_holds(self) -> None:
        if hasattr(self, "url"):
            check_tables(self.url)

    def teardown(self) -> None:
        if not hasattr(self, "url"):
            return
        self.done.set()
        self.poller.join()
        counted = {url: number for url, number in self.nodes[0].counts(STORIES).items() if url in self.told}
        for store in self.nodes:
            store.close()
        self.server.drop(self.url)
        assert self.told == counted, "a poller was not told of a change"


def test_two_nodes_settle(postgresql: PostgreSQL) -> None:
    """If two nodes do anything to the same comments at once, then ledger, decisions, counts and changes hold together."""
    TwoNodes.server = postgresql
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        TwoNodes,
        settings=settings(
            max_examples=6,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            # What came first cannot be told to come first again: a failure is shown as it was found.
            phases=(Phase.generate,),
        ),
    )


def test_tombstones_on_two_nodes(nodes: tuple[str, Store, Store]) -> None:
    """If two nodes change what is below one comment at once, then its place stands while something is shown there."""
    url, *stores = nodes

    def new(parent: str | None) -> str:
        given = new_comment(parent=parent)
        return stores[0].receive(new_comment(id=given.id, parent=parent, leaf=given.id.encode())).id

    for _ in range(2):
        top = new(None)
        decide(stores[0], top)
        above = new(top)
        decide(stores[0], above)
        below = [new(above) for _ in range(4)]
        withdrawing = partial(stores[0].withdraw, above, leaf=b"withdrawn", at=later())
        at_once(withdrawing, *(partial(decide, stores[n], below[n]) for n in (0, 1)))
        check_tables(url)
        at_once(*(partial(stores[n].withdraw, below[n], leaf=b"withdrawn", at=later()) for n in (0, 1)))
        check_tables(url)
        assert f"[{above}]" not in shown(stores[0])
        at_once(*(partial(decide, stores[n], below[2 + n]) for n in (0, 1)))
        check_tables(url)
        assert f"[{above}]" in shown(stores[1])


PAIRS = {
    "a reply is approved, its parent withdrawn": (("approve", "reply"), ("withdraw", "parent")),
    "the parent is withdrawn, a reply approved": (("withdraw", "parent"), ("approve", "reply")),
    "both replies are approved below a withdrawn one": (("approve", "reply"), ("approve", "other")),
    "it is approved and erased": (("approve", "reply"), ("erase", "reply")),
    "it is erased and held": (("erase", "reply"), ("hold", "reply")),
    "it is withdrawn twice": (("withdraw", "parent"), ("withdraw", "parent")),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_two_in_the_middle(nodes: tuple[str, Store, Store], pair: str) -> None:
    """If two nodes are in the middle of their work on the same comments, then what both wrote holds together."""
    url, *stores = nodes

    def new(parent: str | None) -> str:
        given = new_comment(parent=parent)
        return stores[0].receive(new_comment(id=given.id, parent=parent, leaf=given.id.encode())).id

    ids = {"parent": new(None)}
    decide(stores[0], ids["parent"])
    ids |= {name: new(ids["parent"]) for name in ("reply", "other")}
    if "below a withdrawn one" in pair:
        stores[0].withdraw(ids["parent"], leaf=b"withdrawn", at=later())
    do: dict[str, Callable[[Store, str], Any]] = {
        "approve": lambda store, id: decide(store, id, evidence=EVIDENCE),
        "withdraw": lambda store, id: store.withdraw(id, leaf=b"withdrawn", at=later()),
        "erase": lambda store, id: store.erase(id, leaf=b"erased", at=later()),
        "hold": lambda store, id: store.hold(id, HOLD, evidence=EVIDENCE, at=later()),
    }
    with around(url) as counter, around(url) as watch, ThreadPoolExecutor(2) as threads:
        # Who holds the counter keeps both from their last step, so that neither sees what the other wrote.
        counter.execute("BEGIN")
        counter.execute("SELECT * FROM counter FOR UPDATE")
        done = []
        for number, (thing, name) in enumerate(PAIRS[pair]):
            done.append(threads.submit(do[thing], stores[number], ids[name]))
            while watch.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone() != (number + 1,):
                pass
        counter.execute("ROLLBACK")
        for one in done:
            one.result(timeout=30)
    check_tables(url)


def test_a_new_story_on_two_nodes(nodes: tuple[str, Store, Store]) -> None:
    """If the first comments of a story reach two nodes at once, then there is one story with all of them."""
    url, *stores = nodes
    at_once(*(partial(approved, stores[number % 2], leaf=b"r") for number in range(12)))
    assert stores[0].counts([STORY]) == {STORY: 12}
    assert leaf_numbers(stores[1]) == list(range(24))
    with around(url) as connection:
        assert connection.execute("SELECT count(*) FROM story").fetchone() == (1,)


def test_one_of_each(nodes: tuple[str, Store, Store]) -> None:
    """If two nodes are asked the same at once, then what is given once is given once."""
    _, *stores = nodes
    people = [store.people for store in stores]
    id, other = receive(stores[0]), approved(stores[0])
    decide(stores[0], id, REJECT)
    for name in ("Zîn", "Mem"):
        people[0].add_moderator(name, later(), by="operator", role="editor")
    people[0].add_link("Zîn", "link", later(hours=1), later(), by="operator")
    for number in range(4):
        stores[0].outbox.post("mail.verify", "x", {}, at=NOON, key=f"{number}")
    stores[0].guidelines.take_effect("a", b"a", base=None, by="Zîn", note="", at=later())
    tries: dict[str, tuple[int, Callable[[int], Any]]] = {
        "a link": (1, lambda n: people[n].use_link("link", later())),
        "an appeal": (1, lambda n: stores[n].appeal(id, words="why?", at=later()) or True),
        "a story's pick": (1, lambda n: stores[n].pick(other, picked=True, by="Zîn", at=later())),
        "guidelines": (
            1,
            lambda n: stores[n].guidelines.take_effect("b", b"b", base="a", by="Zîn", note="", at=later()),
        ),
        "a token": (
            1,
            lambda n: people[n].add_token("t", os.urandom(8).hex(), (), later(), by="Zîn") or True,
        ),
        "a proof": (1, lambda n: stores[n].receive(new_comment(proof=a_proof()))),
    }
    for what, (given, ask) in tries.items():
        answers = at_once(*(partial(ask, turn % 2) for turn in range(6)))
        won = [answer for answer in answers if answer and not isinstance(answer, Exception)]
        assert len(won) == given, (what, answers)
    leased = at_once(
        *(
            partial(stores[turn % 2].outbox.lease, at=later(hours=1), until=later(hours=2), limit=2)
            for turn in range(4)
        )
    )
    numbers = [job.number for jobs in leased for job in jobs]
    assert len(numbers) == len(set(numbers)) == 4
    removed = at_once(
        *(
            partial(people[turn].remove_moderator, name, later(), by="operator", leave_editor=True)
            for turn, name in enumerate(("Zîn", "Mem"))
        )
    )
    assert sorted(answer is None for answer in removed) == [False, True], "there is an editor left"


def a_proof() -> Any:
    from meydan.store.values import UsedProof

    return UsedProof("nonce", NOON + timedelta(days=1))


STOPPED = """
import sys
from meydan.store import Store
from tests.store.making import *
store = Store.open(sys.argv[1])
def work(hand):
    # Longer than the server would bear, so that nobody is helped by its patience ending.
    hand.run("SET LOCAL idle_in_transaction_session_timeout = '300s'")
    hand.lock_comment(sys.argv[2])
    hand.one("SELECT 1 FROM comment WHERE id = :id", id=sys.argv[2])
    hand.run("UPDATE comment SET withdrawn_at = 1, waiting = 0 WHERE id = :id", id=sys.argv[2])
    hand.leaf(b"never")
    print("inside", flush=True)
    sys.stdin.readline()
store._writer.write(work)
"""


def test_a_node_that_stops(nodes: tuple[str, Store, Store]) -> None:
    """If a node stops in the middle of its work, then the others go on with all but the comment it had in hand."""
    url, store, other = nodes
    first, second = approved(store), approved(store)
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, url, first],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"},
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "inside"
    os.kill(process.pid, signal.SIGSTOP)
    try:
        for node in (other, store):
            receive(node, parent=first)
            decide(node, receive(node, parent=second))
            node.withdraw(approved(node, story_url=f"{STORY}/new"), leaf=b"", at=later())
            node.upsert_story(
                STORY, title="T", text=None, language=None, open=True, closes_at=None, mode=None, at=later()
            )
            node.ping()
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(store.withdraw, first, leaf=b"withdrawn", at=later())
            os.kill(process.pid, signal.SIGKILL)
            # What it had begun is undone, and who waited has their turn.
            waiting.result(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert leaf_numbers(other) == list(range(len(leaf_numbers(other))))
    assert b"never" not in [body for _, body in other.leaves(0, 1000)]
