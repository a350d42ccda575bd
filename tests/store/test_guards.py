"""What the database itself refuses, to anyone with a connection to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import psycopg
import pytest

from meydan.errors import NotErasable
from meydan.store import Store, Told
from tests.store.making import APPROVE, REJECT, STORY, approved, around, decide, later, receive

REFUSED = (sqlite3.IntegrityError, psycopg.errors.RaiseException, psycopg.errors.ForeignKeyViolation)

WORDS = "INSERT INTO words (comment, text, name, email, salt) SELECT number, 'other', 'Mallory', NULL, salt FROM ("
OF_KEPT = "SELECT c.number, w.salt FROM comment c JOIN words w ON w.comment = c.number) AS kept"

ATTACKS = {
    "update": "UPDATE words SET text = 'other'",
    "update of the name": "UPDATE words SET name = 'Mallory'",
    "update of the salt": "UPDATE words SET salt = commitment FROM comment WHERE number = comment",
    "update to the same": "UPDATE words SET text = text",
    "moving to another comment": "UPDATE words SET comment = comment + 1",
    "a second insert": f"{WORDS}{OF_KEPT}",
    "insert, on conflict update": (
        f"{WORDS}{OF_KEPT} WHERE true ON CONFLICT (comment) DO UPDATE SET text = excluded.text"
    ),
    "delete": "DELETE FROM words",
    "another commitment": "UPDATE comment SET commitment = (SELECT commitment FROM comment ORDER BY number DESC LIMIT 1)",
    "another id": "UPDATE comment SET id = id || 'x'",
    "another time": "UPDATE comment SET submitted_at = submitted_at + 1",
    "another number": "UPDATE comment SET number = number + 1000",
    "another story": "UPDATE comment SET story = story + 1",
    "another parent": "UPDATE comment SET parent = (SELECT max(id) FROM comment)",
    "another receipt": "UPDATE comment SET receipt = receipt + 1",
    "back to wordless": "UPDATE comment SET worded = 0",
    "deleting a comment": "DELETE FROM comment",
    "back to held": "UPDATE comment SET status = 'held', seq = seq + 1",
    "a status without a decision": "UPDATE comment SET status = 'rejected'",
    "forgetting a decision": "UPDATE comment SET seq = 0",
    "altering a decision": "UPDATE decision SET verdict = 'reject'",
    "altering who decided": "UPDATE decision SET actor = 'Mallory'",
    "deleting a decision": "DELETE FROM decision",
    "altering a leaf": "UPDATE leaf SET number = number + 1000",
    "deleting a leaf": "DELETE FROM leaf",
    "choosing what nobody sees": "UPDATE comment SET picked_at = 1 WHERE showing <> 1",
    "giving a badge": "UPDATE comment SET badge = 'staff'",
    "giving words another writer": "UPDATE comment SET written_by = 'Mallory'",
    "starting approved": (
        "INSERT INTO comment (id, story, submitted_at, commitment, receipt, status) "
        "SELECT 'new', story, submitted_at, commitment, receipt, 'approved' FROM comment WHERE seq = 1"
    ),
    "starting shown": (
        "INSERT INTO comment (id, story, submitted_at, commitment, receipt, showing) "
        "SELECT 'new', story, submitted_at, commitment, receipt, 1 FROM comment WHERE seq = 1"
    ),
}

SQLITE_ATTACKS = {
    "replace": f"REPLACE {WORDS.removeprefix('INSERT ')}{OF_KEPT}",
    "insert or replace": f"INSERT OR REPLACE {WORDS.removeprefix('INSERT ')}{OF_KEPT}",
    "insert or ignore": f"INSERT OR IGNORE {WORDS.removeprefix('INSERT ')}{OF_KEPT}",
    "update or replace": "UPDATE OR REPLACE words SET text = 'other'",
    "update or ignore": "UPDATE OR IGNORE words SET text = 'other'",
    "moving by rowid": "UPDATE words SET rowid = rowid + 1000",
    "renumbering by rowid": "UPDATE comment SET rowid = rowid + 1000",
    "replacing a comment": (
        "INSERT OR REPLACE INTO comment (number, id, story, submitted_at, commitment, receipt) "
        "SELECT number, id, story, submitted_at, zeroblob(32), receipt FROM comment"
    ),
    "replacing a comment of the same id": (
        "INSERT OR REPLACE INTO comment (id, story, submitted_at, commitment, receipt) "
        "SELECT id, story, submitted_at, zeroblob(32), receipt FROM comment"
    ),
    "replacing a comment of the same number": (
        "INSERT OR REPLACE INTO comment (number, id, story, submitted_at, commitment, receipt) "
        "SELECT number, id || 'x', story, submitted_at, zeroblob(32), receipt FROM comment"
    ),
    "replacing a decision": (
        "INSERT OR REPLACE INTO decision (comment, seq, leaf, decided_at, verdict, decided_by, actor, reasons, "
        "guidelines, model) SELECT comment, seq, leaf, decided_at, 'reject', decided_by, actor, reasons, "
        "guidelines, model FROM decision"
    ),
    "replacing a decision of the same leaf": (
        "INSERT OR REPLACE INTO decision (comment, seq, leaf, decided_at, verdict, decided_by, actor, reasons, "
        "guidelines, model) SELECT comment, seq + 1, leaf, decided_at, 'reject', decided_by, actor, reasons, "
        "guidelines, model FROM decision"
    ),
    "replacing a leaf": "INSERT OR REPLACE INTO leaf (number, body) SELECT number, zeroblob(4) FROM leaf",
}

POSTGRESQL_ATTACKS = {
    "emptying words": "TRUNCATE words",
    "emptying comments": "TRUNCATE comment CASCADE",
    "emptying decisions": "TRUNCATE decision",
    "emptying leaves": "TRUNCATE leaf CASCADE",
    "a receipt without a leaf": (
        "INSERT INTO comment (id, story, submitted_at, commitment, receipt) "
        "SELECT 'new', story, submitted_at, commitment, -1 FROM comment WHERE seq = 0"
    ),
    "a decision without a leaf": (
        "INSERT INTO decision (comment, seq, leaf, decided_at, verdict, decided_by, actor, reasons, guidelines, model) "
        "SELECT comment, seq + 1, -1, decided_at, verdict, decided_by, actor, reasons, guidelines, model FROM decision"
        " WHERE verdict = 'approve'"
    ),
    "taking a decision's leaf away": "UPDATE decision SET leaf = -1",
    "taking a receipt's leaf away": "UPDATE comment SET receipt = -1",
    "merge": (
        "MERGE INTO words w USING comment c ON w.comment = c.number "
        "WHEN MATCHED THEN UPDATE SET text = 'other'"
    ),
    "merge by deleting": (
        "MERGE INTO words w USING comment c ON w.comment = c.number WHEN MATCHED THEN DELETE"
    ),
}


def everything(connection: Any) -> list[list[tuple[Any, ...]]]:
    tables = ("comment", "words", "decision", "leaf")
    return [sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables]


@pytest.fixture
def kept(store: Store) -> Store:
    """A store with an approved comment, a held one, and one rejected by a person."""
    approved(store, "the first")
    receive(store, "the second")
    decide(store, receive(store, "the third"), REJECT)
    return store


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_database_refuses(kept: Store, database_url: str, attack: str) -> None:
    """If someone goes around the program to alter what is kept, then the database refuses and nothing changed."""
    with around(database_url) as connection:
        before = everything(connection)
        with pytest.raises(REFUSED):
            connection.execute(ATTACKS[attack])
        assert everything(connection) == before


@pytest.mark.parametrize("attack", SQLITE_ATTACKS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_refuses(kept: Store, database_url: str, attack: str) -> None:
    """If someone uses SQLite's own ways to replace rows, then they are refused as well."""
    with around(database_url) as connection:
        before = everything(connection)
        with pytest.raises(REFUSED):
            connection.execute(SQLITE_ATTACKS[attack])
        assert everything(connection) == before


@pytest.mark.parametrize("attack", POSTGRESQL_ATTACKS)
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_refuses(kept: Store, database_url: str, attack: str) -> None:
    """If someone uses PostgreSQL's own ways to replace or empty, then they are refused as well."""
    with around(database_url) as connection:
        before = everything(connection)
        with pytest.raises(REFUSED):
            connection.execute(POSTGRESQL_ATTACKS[attack])
        assert everything(connection) == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_refuses_with_foreign_keys_off(kept: Store, database_url: str) -> None:
    """If foreign keys are off and triggers do not recurse, as a shell has it, then REPLACE is refused still."""
    with around(database_url) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("PRAGMA recursive_triggers = OFF")
        before = everything(connection)
        for attack in SQLITE_ATTACKS.values():
            with pytest.raises(REFUSED):
                connection.execute(attack)
        assert everything(connection) == before


def test_delete_and_insert_in_one_transaction(kept: Store, database_url: str) -> None:
    """If words are deleted and put in again in one transaction, then the delete is refused."""
    with around(database_url) as connection:
        before = everything(connection)
        connection.execute("BEGIN")
        with pytest.raises(REFUSED):
            connection.execute("DELETE FROM words")
        connection.execute("ROLLBACK")
        assert everything(connection) == before


def test_words_are_put_in_once_ever(store: Store, database_url: str) -> None:
    """If a comment was erased, then no words can be put in their place, and the erasure cannot be undone."""
    id = approved(store, "gone")
    store.erase(id, leaf=b"erasure", at=later())
    with around(database_url) as connection:
        before = everything(connection)
        for attack in (
            "INSERT INTO words (comment, text, name, salt) SELECT number, 'forged', 'Dilan', commitment FROM comment",
            "UPDATE comment SET erased_at = NULL",
            "UPDATE comment SET erased_at = erased_at + 1",
            "UPDATE comment SET worded = 0",
        ):
            with pytest.raises(REFUSED):
                connection.execute(attack)
        assert everything(connection) == before


def test_an_escalated_comments_words_stay(store: Store, database_url: str) -> None:
    """If a comment is escalated and someone marks it erased by hand, then its words cannot be deleted."""
    id = receive(store, "kept for the court")
    store.escalate(id, kind="threat", told="the police", by="Zîn", at=later())
    with around(database_url) as connection:
        connection.execute("UPDATE comment SET erased_at = 1")
        with pytest.raises(REFUSED):
            connection.execute("DELETE FROM words")
        assert connection.execute("SELECT text FROM words").fetchall() == [("kept for the court",)]


def test_a_hold_ends_only_on_record(store: Store, database_url: str) -> None:
    """If someone lifts a legal hold by hand, or alters what was done about it, then it is refused."""
    id = receive(store)
    store.escalate(id, kind="threat", told="the police", by="Zîn", at=later())
    store.tell(id, Told("Police", later(), "", "", "", "Mem", later()))
    with pytest.raises(NotErasable):
        store.erase(id, leaf=b"erasure", at=later())
    with around(database_url) as connection:
        with pytest.raises(REFUSED):
            connection.execute("UPDATE comment SET escalated = 0")
        store.end_hold(id, reason="It is over.", leaf=b"erasure", by="Mem", at=later())
        other = receive(store, story_url=f"{STORY}/2")
        store.escalate(other, kind="threat", told="", by="Zîn", at=later())
        for table in ("escalation", "told", "ending", "postponed"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for attack in (f"DELETE FROM {table}", f"UPDATE {table} SET at = at + 1"):
                with pytest.raises(REFUSED):
                    connection.execute(attack)
        # An ending of another hold ends none.
        with pytest.raises(REFUSED):
            connection.execute("UPDATE comment SET escalated = 0 WHERE escalated = 1")


def test_words_without_a_comment(store: Store, database_url: str) -> None:
    """If words are put in for a comment that was never received, then they are refused."""
    with around(database_url) as connection, pytest.raises(REFUSED):
        connection.execute(
            "INSERT INTO words (comment, text, name, salt) SELECT 7, 'x', 'y', 'z' FROM counter"
        )


def test_a_settled_status_moves_by_a_new_decision(store: Store) -> None:
    """If a later decision supersedes an earlier one, then the guards let it: they stop tampering, not moderation."""
    id = approved(store)
    decide(store, id, REJECT)
    decide(store, id, APPROVE)
    decide(store, id, APPROVE)
    assert [settled.seq for settled in store.decisions(id)] == [1, 2, 3, 4]
    assert store.page(STORY, sort="oldest", after=None, limit=5).count == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_file_is_its_owners(store: Store, database_url: str, tmp_path: Path) -> None:
    """If the store makes SQLite's files, then nobody but their owner can read them."""
    receive(store)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == {"meydan.db": 0o600, "meydan.db-wal": 0o600, "meydan.db-shm": 0o600}


@pytest.mark.parametrize("change", ["'b'", "NULL"])
def test_a_comment_never_comes_to_be_somebody_elses(store: Store, database_url: str, change: str) -> None:
    """If a comment is a reader's, then the database puts it under nobody else, and lets it go only when it is erased."""
    id = receive(store, reader_key="a")
    with around(database_url) as connection, pytest.raises(REFUSED):
        connection.execute(f"UPDATE comment SET reader_key = {change}")
    assert store.readers.reader_of(id) == "a"
    store.erase(id, leaf=b"erasure", at=later())
    assert store.readers.reader_of(id) is None
