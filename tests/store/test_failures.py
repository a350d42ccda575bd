"""A database that cannot be written or reached: an honest refusal, and nothing half-written."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from meydan.errors import AlreadyDecided, BadSchema, BadSettings, NotFound, StoreUnavailable
from meydan.store import Store
from meydan.store.hand import FarHand, Hand
from tests.postgresql import PostgreSQL
from tests.serving import Served
from tests.store.making import (
    EVIDENCE,
    HOLD,
    NOON,
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

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

WRITES: dict[str, Callable[[Store, str], Any]] = {
    "receive": lambda store, id: receive(store),
    "settle": lambda store, id: decide(store, id),
    "hold": lambda store, id: store.hold(id, HOLD, evidence=EVIDENCE, at=later()),
    "withdraw": lambda store, id: store.withdraw(id, leaf=b"", at=later()),
    "erase": lambda store, id: store.erase(id, leaf=b"", at=later()),
    "escalate": lambda store, id: store.escalate(id, kind="threat", told="", by="Zîn", at=later()),
    "upsert_story": lambda store, id: store.upsert_story(
        STORY, title="T", text=None, language=None, open=True, closes_at=None, mode=None, at=later()
    ),
    "add_moderator": lambda store, id: store.people.add_moderator("Zîn", later(), by="operator"),
    "use_link": lambda store, id: store.people.use_link("digest", later()),
    "add_token": lambda store, id: store.people.add_token("name", "digest", (), later(), by="operator"),
    "ping": lambda store, id: store.ping(),
}

READS: dict[str, Callable[[Store, str], Any]] = {
    "comment": lambda store, id: store.comment(id),
    "page": lambda store, id: store.page(STORY, sort="oldest", after=None, limit=5),
    "counts": lambda store, id: store.counts([STORY]),
    "held": lambda store, id: store.held(after=None, limit=5),
    "take_up": lambda store, id: store.take_up(5, before=NOON, at=NOON, until=NOON),
    "history": lambda store, id: store.history(story_url=STORY, fingerprint="", since=NOON),
    "leaves": lambda store, id: store.leaves(0, 5),
    "changes": lambda store, id: store.changes(0),
    "session": lambda store, id: store.people.session("digest", NOON),
}


def state_of(url: str) -> list[Any]:
    """Every row of every table that a comment's way touches."""
    tables = ("counter", "story s", "comment", "words", "evidence", "decision", "note", "leaf", "appeal")
    # A story's row may come before its first comment, and stay without one.
    used = "WHERE EXISTS (SELECT 1 FROM comment c WHERE c.story = s.id)"
    with around(url) as connection:
        return [
            sorted(
                connection.execute(f"SELECT * FROM {table} {used if table == 'story s' else ''}").fetchall(),
                key=repr,
            )
            for table in tables
        ]


# Statements each of which may be the one that fails.
WRITTEN = ("counter", "leaf", "comment", "words", "decision", "evidence", "note", "story")


@pytest.mark.parametrize("table", WRITTEN)
def test_nothing_is_half_written(store: Store, database_url: str, table: str) -> None:
    """If any one of the rows of a step cannot be written, then none of them is, and the next step works."""
    id = receive(store)
    break_table(database_url, table)
    before = state_of(database_url)
    failed = 0
    for write in (
        lambda: receive(store, story_url=STORY + "/new"),
        lambda: decide(store, id, evidence=EVIDENCE, note="a note"),
    ):
        try:
            write()
        except StoreUnavailable:
            failed += 1
            assert state_of(database_url) == before
        else:
            before = state_of(database_url)
    assert failed >= 1
    mend_table(database_url, table)
    decide(store, receive(store), evidence=EVIDENCE, note="a note")
    numbers = leaf_numbers(store)
    assert numbers == list(range(len(numbers)))


def break_table(url: str, table: str) -> None:
    """Make every write to a table fail, as a full disk or a damaged page would."""
    with around(url) as connection:
        if url.startswith("sqlite"):
            for verb in ("INSERT", "UPDATE"):
                connection.execute(
                    f"CREATE TRIGGER broken_{verb} BEFORE {verb} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'planted'); END"
                )
        else:
            connection.execute(
                f"CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION meydan_refuse('planted')"
            )


def mend_table(url: str, table: str) -> None:
    with around(url) as connection:
        if url.startswith("sqlite"):
            connection.execute("DROP TRIGGER broken_INSERT")
            connection.execute("DROP TRIGGER broken_UPDATE")
        else:
            connection.execute(f"DROP TRIGGER broken ON {table}")


def test_one_that_fails_takes_no_other_with_it(store: Store, database_url: str) -> None:
    """If one of many writes that share a commit fails, then the others are kept and only it is refused."""
    good = [new_comment(f"good {number}") for number in range(20)]
    refused = 0

    def bad() -> None:
        nonlocal refused
        with pytest.raises(NotFound):
            decide(store, "nobody")

    with ThreadPoolExecutor(16) as threads:
        futures = [threads.submit(store.receive, new) for new in good[:10]]
        others = [threads.submit(bad) for _ in range(10)]
        futures += [threads.submit(store.receive, new) for new in good[10:]]
        leaves = sorted(future.result().leaf for future in futures)
        for other in others:
            other.result()
    assert leaves == list(range(20)) == leaf_numbers(store)


@pytest.mark.parametrize("after", [False, True])
def test_a_commit_that_fails(
    store: Store, database_url: str, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the commit itself fails, then nobody in it is told of success, and all of it is there or none."""
    real = store._database.writing_hand
    times = 1

    def planted() -> Hand:
        nonlocal times
        hand = real()
        kind = type(hand)

        class Faulty(kind):  # type: ignore[misc, valid-type]
            """A hand whose first COMMIT fails, before or after the database has done it."""

            __slots__ = ()

            def commit(self) -> None:
                nonlocal times
                if not times:
                    super().commit()
                    return
                times -= 1
                if after:
                    super().commit()
                elif isinstance(self, FarHand):
                    self.committing = True
                raise OSError("planted: the disk is gone")

        hand.__class__ = Faulty
        return hand

    store._writer._drop()
    monkeypatch.setattr(store._database, "writing_hand", planted)
    held = threading.Event()
    with ThreadPoolExecutor(5) as threads:
        # Held up, so that the four after it come to share one commit with it.
        first = threads.submit(store._writer.write, lambda hand: held.wait(10) and None)
        others = [threads.submit(receive, store) for _ in range(4)]
        held.set()
        outcomes = [future.exception() for future in others]
        # On PostgreSQL others may commit meanwhile, and be the ones whom it fails.
        refused = [outcome for outcome in (first.exception(), *outcomes) if outcome is not None]
        assert refused
        assert all(isinstance(outcome, StoreUnavailable) for outcome in refused)
    kept = len(leaf_numbers(store))
    answered = sum(outcome is None for outcome in outcomes)
    assert kept >= answered
    assert kept == answered or after
    assert leaf_numbers(store) == list(range(kept))
    receive(store)
    assert len(leaf_numbers(store)) == kept + 1


@pytest.mark.parametrize("name", [*WRITES, *READS])
def test_a_closed_store_refuses(store: Store, database_url: str, name: str) -> None:
    """If the store was closed, then everything is refused as unavailable, and closing again does nothing."""
    id = receive(store)
    store.close()
    store.close()
    before = state_of(database_url)
    with pytest.raises(StoreUnavailable):
        {**WRITES, **READS}[name](store, id)
    assert state_of(database_url) == before


def test_closing_finishes_what_was_begun(database_url: str) -> None:
    """If the store is closed while many write, then each was kept and told so, or was refused and not kept."""
    store = Store.open(database_url)
    begun = threading.Barrier(9)

    def work() -> list[str]:
        kept = []
        begun.wait()
        while True:
            try:
                kept.append(receive(store))
            except StoreUnavailable:
                return kept

    with ThreadPoolExecutor(8) as threads:
        futures = [threads.submit(work) for _ in range(8)]
        begun.wait()
        time.sleep(0.05)
        store.close()
        kept = sorted(id for future in futures for id in future.result(timeout=30))
    again = Store.open(database_url)
    comments, _ = again.held(after=None, limit=100_000)
    assert sorted(comment.id for comment in comments) == kept
    assert leaf_numbers(again) == list(range(len(kept)))
    again.close()


def test_a_failure_tells_no_words(store: Store, database_url: str) -> None:
    """If the database refuses a row, then neither the refusal nor what led to it holds the reader's words."""
    if store.dialect == "sqlite":
        break_table(database_url, "words")
    else:
        with around(database_url) as connection:
            # PostgreSQL quotes the whole row that breaks a constraint.
            connection.execute("ALTER TABLE words ADD CONSTRAINT planted CHECK (name = '') NOT VALID")
    words = {field: f"private-{secrets.token_hex(8)}" for field in ("text", "name", "email")}
    with pytest.raises(StoreUnavailable) as refusal:
        receive(store, **words)
    error: BaseException | None = refusal.value
    told = "".join(traceback.format_exception(refusal.value))
    while error is not None:
        told += repr(error) + repr(error.__dict__)
        error = error.__cause__ or error.__context__
    assert "IntegrityError" in told or "CheckViolation" in told
    assert [word for word in words.values() if word in told] == []


# -- SQLite ---------------------------------------------------------------------


@pytest.fixture
def as_nobody() -> Callable[[str, str], subprocess.CompletedProcess[str]]:
    """Runs a script as an ordinary user: for root, nothing is ever read-only."""
    root = Path(__file__).parents[2]

    def run(script: str, url: str) -> subprocess.CompletedProcess[str]:
        lowered = (
            "import os\nif os.geteuid() == 0:\n    os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        )
        # Imported first: afterwards the checkout may be out of reach.
        imports = "import sys\nfrom meydan.store import Store\nfrom meydan.errors import *\nfrom tests.store.making import *\nimport meydan.store.migrations\nimport alembic.command, alembic.config\n"
        return subprocess.run(
            [sys.executable, "-c", imports + lowered + script, url],
            cwd=root,
            env={**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@SQLITE
@pytest.mark.parametrize("what", ["folder", "file"])
def test_a_database_that_cannot_be_written(
    store: Store,
    database_url: str,
    tmp_path: Path,
    what: str,
    as_nobody: Callable[[str, str], subprocess.CompletedProcess[str]],
) -> None:
    """If file or folder are not ours to write, then opening is refused as unavailable and nothing is changed."""
    approved(store)
    store.close()
    # pytest keeps its folders to itself; everyone may look, none may write.
    for folder in (tmp_path, *tmp_path.parents[:3]):
        if folder.owner() == tmp_path.owner() and folder != Path(tempfile.gettempdir()):
            folder.chmod(folder.stat().st_mode | 0o555)
    database = tmp_path / "meydan.db"
    database.chmod(0o666 if what == "folder" else 0o444)
    tmp_path.chmod(0o555 if what == "folder" else 0o777)
    before = database.read_bytes()
    try:
        tried = as_nobody(
            "try:\n    Store.open(sys.argv[1])\n"
            "except StoreUnavailable as refusal:\n    print('refused', refusal.code, refusal.retry_after_s)\n",
            database_url,
        )
    finally:
        tmp_path.chmod(0o755)
        database.chmod(0o644)
    assert (tried.stdout.split(), tried.stderr) == (["refused", "U201", "5"], "")
    assert database.read_bytes() == before


@SQLITE
def test_a_full_disk(store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk is full, then what does not fit is refused whole, reading goes on, and room makes it work again."""
    kept = approved(store)
    before = state_of(database_url)
    pages = store._writer.write(lambda hand: hand.one("PRAGMA page_count"))
    assert pages is not None
    limited = store._database.writing_hand

    def full() -> Hand:
        hand = limited()
        hand.one(f"PRAGMA max_page_count = {pages[0]}")
        return hand

    store._writer._drop()
    monkeypatch.setattr(store._database, "writing_hand", full)
    with pytest.raises(StoreUnavailable, match="SQLITE_FULL"):
        receive(store, "x" * 100_000)
    assert state_of(database_url) == before
    assert shown(store) == [kept]
    monkeypatch.undo()
    store._writer._drop()
    receive(store, "x" * 100_000)
    assert leaf_numbers(store) == [0, 1, 2]


@SQLITE
def test_another_process_holds_the_lock(
    store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If another process keeps the database locked too long, then a write is refused, and later works."""
    id = receive(store)
    real = store._database.writing_hand

    def impatient() -> Hand:
        hand = real()
        hand.one("PRAGMA busy_timeout = 50")
        return hand

    store._writer._drop()
    monkeypatch.setattr(store._database, "writing_hand", impatient)
    with around(database_url) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="SQLITE_BUSY"):
            decide(store, id)
        assert store.comment(id) is not None
        other.execute("ROLLBACK")
    decide(store, id)
    assert shown(store) == [id]


@pytest.mark.parametrize("damage", ["a folder", "no folder", "not a database", "another program's"])
def test_what_is_no_database_of_ours(tmp_path: Path, damage: str) -> None:
    """If the path holds something else, then opening is refused and what is there is left alone."""
    path = tmp_path / "meydan.db"
    if damage == "a folder":
        path.mkdir()
    elif damage == "no folder":
        path = tmp_path / "missing" / "meydan.db"
    elif damage == "not a database":
        path.write_bytes(b"these are the accounts of 2025\n" * 400)
    before = path.read_bytes() if path.is_file() else None
    if damage == "another program's":
        url = f"sqlite:///{path}"
        with around(url) as connection:
            connection.execute("CREATE TABLE comment (mine TEXT)")
            connection.execute("INSERT INTO comment VALUES ('precious')")
        with pytest.raises(StoreUnavailable):
            Store.open(url)
        with around(url) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
            assert (tables, connection.execute("SELECT * FROM comment").fetchall()) == (
                [("comment",)],
                [("precious",)],
            )
        return
    with pytest.raises(StoreUnavailable):
        Store.open(f"sqlite:///{path}")
    assert (path.read_bytes() if path.is_file() else None) == before


# -- PostgreSQL -------------------------------------------------------------------


@POSTGRESQL
def test_a_server_that_goes_away(store: Store, database_url: str, postgresql: PostgreSQL) -> None:
    """If PostgreSQL goes away, then everything is refused as unavailable, and once it is back all works again."""
    id = receive(store)
    postgresql.shut_out(database_url)
    for task in (*WRITES.values(), *READS.values()):
        with pytest.raises(StoreUnavailable):
            task(store, id)
    with pytest.raises(StoreUnavailable):
        Store.open(database_url)
    postgresql.let_in(database_url)
    # Found out by one, who asks again and again.
    Served.until(lambda: not store.condition.away)
    store.ping()
    decide(store, id)
    assert shown(store) == [id]
    assert leaf_numbers(store) == [0, 1]


@POSTGRESQL
def test_connections_cut_between_writes(store: Store, database_url: str, postgresql: PostgreSQL) -> None:
    """If idle connections were cut, as by a server's restart, then nobody notices."""
    id = receive(store)
    store.comment(id)
    postgresql.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meydan' AND state = 'idle'"
    )
    decide(store, id)
    assert shown(store) == [id]


@POSTGRESQL
def test_a_lock_held_elsewhere(store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If another program keeps the counter locked, then a write is refused after the lock's time, and later works."""
    id = receive(store)
    real = store._database.writing_hand

    def impatient() -> Hand:
        hand = real()
        hand.run("SET lock_timeout = '100ms'")
        return hand

    store._writer._drop()
    monkeypatch.setattr(store._database, "writing_hand", impatient)
    with around(database_url) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM counter FOR UPDATE")
        with pytest.raises(StoreUnavailable, match="55P03"):
            decide(store, id)
        other.execute("ROLLBACK")
    decide(store, id)
    assert shown(store) == [id]


def test_a_database_in_another_encoding(postgresql: PostgreSQL) -> None:
    """If a PostgreSQL database is not in UTF-8, then it is refused before anything is made in it."""
    url = postgresql.new_database(empty=True, encoding="LATIN1")
    with pytest.raises(BadSettings, match="LATIN1"):
        Store.open(url)
    with around(url) as connection:
        assert connection.execute(
            "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        ).fetchone() == (0,)


def test_a_password_is_not_told() -> None:
    """If a PostgreSQL server cannot be reached, then the refusal names neither user nor password."""
    password = secrets.token_hex(8)
    with pytest.raises(StoreUnavailable) as refusal:
        Store.open(f"postgresql://someone:{password}@127.0.0.1:9/meydan")
    assert password not in "".join(traceback.format_exception(refusal.value))


def test_an_empty_database_without_leave_to_change_it(tmp_path: Path, postgresql: PostgreSQL) -> None:
    """If a database would have to be migrated and may not be, then it is refused and stays as it was."""
    for url in (f"sqlite:///{tmp_path / 'empty.db'}", postgresql.new_database(empty=True)):
        with pytest.raises(BadSchema):
            Store.open(url, migrate=False)
        Store.open(url).close()
        Store.open(url, migrate=False).close()


def test_a_decision_refused_is_not_unavailable(store: Store) -> None:
    """If a refusal is the asker's affair, then it is told as it is, not as a failing database."""
    id = approved(store)
    with pytest.raises(AlreadyDecided):
        decide(store, id, expected_seq=0)
