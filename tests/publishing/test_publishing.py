"""What is numbered is published, once and for good; a database that was rolled back or changed publishes nothing more."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import psycopg
import pytest

from meydan import publishing
from meydan.errors import (
    LeafChanged,
    LeafMissing,
    LedgerForgotten,
    LedgerRolledBack,
    Misconfigured,
    OtherLedgerKey,
)
from meydan.ledger.note import Note
from meydan.ledger.tiles import Tile
from meydan.store import Store
from tests.publishing.making import NAME, Node, another_seed, checked, leaves, root_over, sizes, unguarded
from tests.store.making import APPROVE, approved, around, decide, later, receive

REFUSED = (sqlite3.DatabaseError, psycopg.Error)
FORGED = b"\1" * 32


@pytest.fixture
def node(store: Store, tmp_path: Path) -> Node:
    return Node(store, tmp_path / "node")


def fill(store: Store, count: int) -> None:
    """Many leaves at once, as imports put them in."""
    store._writer.write(lambda hand: hand.leaves([b"leaf %d" % number for number in range(count)]) and None)


def test_what_is_numbered_is_published(node: Node) -> None:
    """If leaves were numbered, then a round publishes all of them, and the next one goes on from there."""
    assert node.publishing.round() == 0
    assert node.publishing.checkpoint() is None
    approved(node.store)
    receive(node.store)
    assert node.publishing.round() == 3
    first = checked(node)
    assert (first.origin, first.size) == (NAME, 3)
    assert node.publishing.round() == 0
    fill(node.store, 600)
    assert node.publishing.round() == 600
    assert checked(node, first).size == 603
    # What none covers is not told.
    assert node.publishing.tile(Tile(0, 2, 92)) is None
    assert node.publishing.tile(Tile(0, 3)) is None


def test_many_are_published_in_steps(node: Node, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If more leaves wait than one checkpoint adds, then several follow one another; and who leads no more ends."""
    monkeypatch.setattr(publishing, "STEP", 300)
    fill(node.store, 1000)
    turns = iter((True, True, False))
    assert node.publishing.round(leads=lambda: next(turns)) == 600
    before = checked(node)
    assert node.begin().round() == 400
    assert checked(node, before).size == 1000
    assert sizes(database_url) == [300, 600, 900, 1000]


def test_who_does_not_lead_follows(node: Node, tmp_path: Path) -> None:
    """If another node publishes, then this one publishes nothing, tells what there is, and remembers it."""
    follower = Node(node.store, tmp_path / "follower")
    approved(node.store)
    assert follower.publishing.round(leads=lambda: False) == 0
    assert follower.memory.read() is None
    node.publishing.round()
    assert follower.publishing.round(leads=lambda: False) == 0
    assert checked(follower) == checked(node) == follower.memory.read()


def test_nodes_publish_at_once(node: Node, database_url: str, tmp_path: Path) -> None:
    """If two believe that they lead while comments come, then what stands published is one growing tree all the same."""
    other_store = Store.open(database_url) if node.store.dialect == "postgresql" else node.store
    other = Node(other_store, tmp_path / "other")
    ended = threading.Event()

    def go_on(one: Node) -> None:
        while not ended.is_set():
            one.publishing.round()

    threads = [threading.Thread(target=go_on, args=(one,)) for one in (node, other)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(25):
            approved(node.store)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    node.publishing.round()
    other.publishing.round()
    assert node.publishing.standing.stopped is other.publishing.standing.stopped is None
    assert checked(node) == checked(other)
    all_leaves = leaves(node.store)
    with around(database_url) as connection:
        rows = connection.execute("SELECT size, root FROM checkpoint ORDER BY size").fetchall()
    assert rows[-1][0] == len(all_leaves) == 50
    for size, root in rows:
        assert bytes(root) == root_over(all_leaves[:size])
    if other_store is not node.store:
        other_store.close()


# -- what stops it -------------------------------------------------------------------


def stops(node: Node, error: type[Misconfigured], database_url: str) -> None:
    """It stops, says so, and goes on stopping after a restart; comments are taken as before."""
    before = sizes(database_url)
    for _ in range(2):
        assert node.begin().round() == 0
        stopped = node.publishing.standing.stopped
        assert isinstance(stopped, error), stopped
        assert node.publishing.receipt_key() is None
        with pytest.raises(error):
            node.publishing.publish()
        approved(node.store)
    assert sizes(database_url) == before


def goes_on_anew(node: Node) -> None:
    begun = node.publishing.begin_anew()
    assert (begun.number, begun.origin) == (2, f"{NAME}/2")
    assert node.publishing.standing.stopped is None
    found = checked(node)
    assert (found.origin, found.size) == (begun.origin, len(leaves(node.store)))
    assert node.memory.read() == found
    key = node.publishing.receipt_key()
    assert key is not None
    assert key.name == begun.origin
    approved(node.store)
    assert node.begin().round() == 2
    assert node.store.people.journal(limit=1)[0].action == "ledger-begun"


def test_a_database_behind_what_was_seen_stops(node: Node, database_url: str) -> None:
    """If this node saw more than the database has, then nothing is published until somebody begins anew."""
    approved(node.store)
    node.publishing.round()
    node.remember(100, FORGED)
    stops(node, LedgerRolledBack, database_url)
    goes_on_anew(node)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_database_other_than_what_was_seen_stops(node: Node, database_url: str, size: int) -> None:
    """If the database disagrees with what this node saw, be it older, as old or newer than its checkpoint, then it stops."""
    approved(node.store)
    node.publishing.round()
    approved(node.store)
    node.remember(size, FORGED)
    stops(node, LedgerRolledBack, database_url)


def test_a_database_of_before_a_new_ledger_stops(node: Node, database_url: str) -> None:
    """If a database knows nothing of the ledger that was begun over just as many leaves, then the one before it is not gone on with."""
    fill(node.store, 5)
    node.publishing.round()
    row = node.publishing.checkpoint()
    assert row is not None
    node.remember(row.size, row.root, f"{NAME}/2")
    stops(node, LedgerRolledBack, database_url)


def test_an_empty_database_where_something_was_published_stops(node: Node, database_url: str) -> None:
    """If the database is another one, then a ledger is not begun again under the same name."""
    node.remember(3, FORGED)
    approved(node.store)
    stops(node, LedgerRolledBack, database_url)
    goes_on_anew(node)


def test_a_lost_checkpoint_over_the_same_leaves_goes_on(node: Node) -> None:
    """If the checkpoint was lost and no leaf was, then what this node saw is reached again."""
    approved(node.store)
    node.publishing.round()
    approved(node.store)
    all_leaves = leaves(node.store)
    node.remember(3, root_over(all_leaves[:3]))
    assert node.begin().round() == 2
    assert checked(node).size == 4


def test_a_missing_leaf_stops(node: Node, database_url: str) -> None:
    """If a leaf was deleted before it was published, then it stops."""
    approved(node.store)
    node.publishing.round()
    fill(node.store, 10)
    unguarded(database_url, "DELETE FROM leaf WHERE number = 7")
    stops(node, LeafMissing, database_url)


def test_missing_last_leaves_stop(node: Node, database_url: str) -> None:
    """If the last leaves were deleted, then it stops."""
    fill(node.store, 10)
    unguarded(database_url, "DELETE FROM leaf WHERE number = 9")
    assert node.begin().round() == 0
    assert isinstance(node.publishing.standing.stopped, LeafMissing)


CHANGES = {
    "a leaf": "UPDATE leaf SET body = (SELECT body FROM leaf WHERE number = 299) WHERE number = 300",
    "a checkpoint's root": "UPDATE checkpoint SET root = (SELECT root FROM tile LIMIT 1)",
    "a checkpoint's note": "UPDATE checkpoint SET note = replace(note, '301', '300')",
    "a tile": "DELETE FROM tile",
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_changed_behind_it_stops(node: Node, database_url: str, change: str) -> None:
    """If what was published was changed, then it does not go on from there."""
    fill(node.store, 301)
    node.publishing.round()
    unguarded(database_url, CHANGES[change])
    (node.folder / "ledger.checkpoint").unlink()
    receive(node.store)
    stops(node, LeafChanged, database_url)


def test_another_key_stops(node: Node, database_url: str) -> None:
    """If a node has another key than signed the last checkpoint, then it publishes nothing and signs no receipt."""
    approved(node.store)
    node.publishing.round()
    before, node.seeds = node.seeds, [another_seed()]
    stops(node, OtherLedgerKey, database_url)
    node.seeds = before
    assert node.begin().round() == 4
    assert node.publishing.standing.stopped is None


def test_a_changed_key_signs_beside_the_former(node: Node) -> None:
    """If the key was changed, then both sign while the former is kept; and the new one alone after that."""
    approved(node.store)
    node.publishing.round()
    first, former = checked(node), node.publishing.keys_of(None)
    node.seeds = [another_seed(), *node.seeds]
    approved(node.store)
    assert node.publishing.round() == 2
    second = checked(node, first)
    row = node.publishing.checkpoint()
    assert row is not None
    assert len(Note.parse(row.note).signatures) == 2
    assert node.publishing.keys_of(None)[1:] == former
    node.seeds = node.seeds[:1]
    approved(node.store)
    assert node.begin().round() == 2
    checked(node, second)


def test_a_damaged_memory_stops(node: Node, database_url: str) -> None:
    """If what the node remembers is damaged, then it is not taken for nothing."""
    approved(node.store)
    node.publishing.round()
    (node.folder / "ledger.checkpoint").write_text("not a checkpoint")
    stops(node, LedgerForgotten, database_url)


def test_what_cannot_be_remembered_is_not_told(node: Node) -> None:
    """If the checkpoint cannot be kept outside the database, then this node tells nobody of it."""
    approved(node.store)
    node.publishing.round()
    before = checked(node)
    (node.folder / "ledger.checkpoint").unlink()
    (node.folder / "ledger.checkpoint").mkdir()
    approved(node.store)
    node.publishing.round()
    assert isinstance(node.publishing.standing.stopped, LedgerForgotten)
    assert checked(node) == before


# -- a crash ---------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from meydan import publishing
from meydan.store import Logs, Store
from tests.publishing.making import Node

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

where, url, folder = sys.argv[1:]
if where == "before the commit":
    Logs.add = die
elif where == "after the commit":
    publishing.Memory.keep = die
else:
    os.replace = Path.replace = die
Node(Store.open(url), Path(folder)).publishing.round()
"""


@pytest.mark.parametrize("where", ["before the commit", "after the commit", "while remembering"])
def test_a_killed_publisher_takes_nothing_back(node: Node, database_url: str, where: str) -> None:
    """If the publisher is killed at any step, then the next one goes on, from what was public if anything was."""
    approved(node.store)
    node.publishing.round()
    before = checked(node)
    approved(node.store)
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, where, database_url, str(node.folder)], check=False, timeout=60
    )
    assert ran.returncode == -9
    public = node.store.logs.latest(1)
    assert public is not None
    assert public.size == (2 if where == "before the commit" else 4)
    approved(node.store)
    node.begin().round()
    after = checked(node, before)
    assert after.size == 6
    assert node.publishing.standing.stopped is None
    assert node.memory.read() == after
    assert root_over(leaves(node.store)[: public.size]) == public.root


# -- the database guards it --------------------------------------------------------------

ATTACKS = (
    "UPDATE log SET origin = 'other'",
    "DELETE FROM log",
    "INSERT INTO log (number, origin, at) VALUES (1, 'other', 1)",
    "UPDATE checkpoint SET note = 'other'",
    "DELETE FROM checkpoint",
    "INSERT INTO checkpoint (log, size, root, at, note) SELECT log, size - 1, root, at, note FROM checkpoint",
    "INSERT INTO checkpoint (log, size, root, at, note) SELECT log, size, root, at, 'x' FROM checkpoint",
    "UPDATE tile SET hashes = hashes",
    "DELETE FROM tile",
    "INSERT INTO tile (log, level, number, root, hashes) SELECT log, level, number, root, hashes FROM tile",
)
SQLITE_ATTACKS = (
    "INSERT OR REPLACE INTO log (number, origin, at) SELECT 2, origin, at FROM log",
    "INSERT OR REPLACE INTO checkpoint (log, size, root, at, note) SELECT log, size, root, at, 'x' FROM checkpoint",
    "INSERT OR REPLACE INTO tile (log, level, number, root, hashes) SELECT log, level, number, hashes, hashes FROM tile",
)
POSTGRESQL_ATTACKS = ("TRUNCATE log CASCADE", "TRUNCATE checkpoint", "TRUNCATE tile")


def test_the_database_refuses(node: Node, database_url: str) -> None:
    """If someone goes around the program to alter what was published, then the database refuses."""
    fill(node.store, 300)
    node.publishing.round()
    others = SQLITE_ATTACKS if node.store.dialect == "sqlite" else POSTGRESQL_ATTACKS
    for attack in (*ATTACKS, *others):
        with around(database_url) as connection, pytest.raises(REFUSED):
            connection.execute(attack)
    checked(node)


def test_a_quicker_node_is_not_written_over(node: Node) -> None:
    """If another node published since it was looked, or a new log was begun, then nothing is kept."""
    decide(node.store, receive(node.store), APPROVE)
    node.publishing.round()
    row = node.store.logs.latest(1)
    assert row is not None
    assert not node.store.logs.add(1, row, (), since=0)
    node.publishing.begin_anew()
    assert not node.store.logs.add(1, row, (), since=row.size)
    assert not node.store.logs.begin(publishing.LogRow(2, "another", later()))


# -- several at once, and keys beneath a running server ---------------------------------


def test_a_program_that_publishes_beside_it_is_no_rollback(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another program of this folder publishes while this one looks, then the database is not said to be behind."""
    approved(node.store)
    node.publishing.round()
    logs, beside = node.store.logs, Node(node.store, node.folder)
    count = logs.leaves_count

    def slowly() -> int:
        found = count()
        monkeypatch.setattr(logs, "leaves_count", count)
        approved(node.store)
        assert beside.publishing.round() == 2
        return found

    monkeypatch.setattr(logs, "leaves_count", slowly)
    assert node.publishing.examine().stopped is None
    assert node.publishing.round() == 0
    assert checked(node).size == 4


def test_another_key_beneath_a_running_server_stops(node: Node, database_url: str) -> None:
    """If the key's file is another one while the server runs, then nothing is signed with it."""
    approved(node.store)
    node.publishing.round()
    node.publishing.round()
    before, key = sizes(database_url), node.seeds
    approved(node.store)
    node.seeds = [another_seed()]
    assert node.publishing.round() == 0
    assert isinstance(node.publishing.standing.stopped, OtherLedgerKey)
    assert node.publishing.receipt_key() is None
    with pytest.raises(OtherLedgerKey):
        node.publishing.keys_of(None)
    assert sizes(database_url) == before
    node.seeds = key
    assert node.publishing.round() == 2


def test_a_log_that_is_being_begun_is_not_told_with_the_one_before(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If somebody asks for a new log in the moment in which a node learns of it, then it is told nothing of the former."""
    approved(node.store)
    node.publishing.round()
    Node(node.store, tmp_path / "other").publishing.begin_anew()
    logs, told = node.store.logs, []
    count = logs.leaves_count

    def asked() -> int:
        told.append(node.publishing.checkpoint(2))
        return count()

    monkeypatch.setattr(logs, "leaves_count", asked)
    node.publishing.round()
    assert told
    assert all(one is None or one.note.startswith(f"{NAME}/2\n") for one in told)
    assert checked(node, number=2).size == 2
