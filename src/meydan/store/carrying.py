"""
All rows of a database, out of one and into another, of either kind: what backups, restores and moves are made of.

Tables and columns are those of the schema, in the order in which rows refer to each other; a table that is added to
it is carried without a word here. A row is carried as it is: its times, numbers and bytes.

Going out, all is of one moment: a reading transaction on SQLite, REPEATABLE READ on PostgreSQL. Nobody who writes waits
for it. Going in, all is one transaction: a crash leaves an empty database. The triggers that guard the tables do not
know of rows that were decided elsewhere, so they are taken off inside that transaction and are back before its end; that
nothing else came in is for the caller to prove, by reading all of it again.
"""

# ruff: noqa: S608  (SQL put together from the schema's own names)

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import LargeBinary, Table
from sqlalchemy import Text as TextType

from meydan.errors import BackupDamaged, BadSchema, BadSettings, BeingServed, NotRestorable
from meydan.store import statements as sql
from meydan.store.database import Database, serving_lock, unavailable
from meydan.store.erasures import Erased
from meydan.store.hand import Hand, Row
from meydan.store.migrating import make, migrate
from meydan.store.schema import HEAD, metadata
from meydan.text.derived import derived
from meydan.text.search import searchable

PIECE: Final = 1000
"""Rows that are held at once."""

LEFT_OUT: Final[Mapping[str, str]] = {
    "session": "who works at the desk signs in again",
    "link": "a sign-in link that was used since would open again",
    "doorway": "a sign-in under way",
    "attempt": "failed sign-ins of the last minutes",
    "claim": "who has a comment before them just now",
    "proof": "proofs of work of the last minutes",
    "reader_session": "readers sign in again",
    "judging": "who judges what just now",
    "pace": "how often somebody sent something within the last minutes",
    "suggestion": "copies of what is kept by another system, with words that nothing could take out of a backup again",
}
"""What no backup holds, and why: it is over by the time of a restore, or would open what was closed since."""

ONLY: Final[Mapping[str, str]] = {"reader_link": "comment IS NOT NULL"}
"""Of these, a backup holds only some rows: links that confirm a comment, and not those that sign in."""

NEVER: Final = frozenset({"meta"})
"""What each database knows of itself alone."""

_USED: Final = ("comment", "story", "leaf", "moderator", "guidelines", "journal", "token")
"""What has rows as soon as a database was used."""


class Columns(NamedTuple):
    """A table's columns in order: their names, the Python type of each, and whether it may be None."""

    names: tuple[str, ...]
    types: tuple[type, ...]
    optional: tuple[bool, ...]


def tables() -> tuple[str, ...]:
    """The tables that are carried, each after those that its rows refer to."""
    return tuple(str(table.name) for table in metadata.sorted_tables if table.name not in NEVER)


def columns_of(table: str) -> Columns:
    columns = metadata.tables[table].columns
    types = tuple(
        bytes if isinstance(column.type, LargeBinary) else str if isinstance(column.type, TextType) else int
        for column in columns
    )
    return Columns(
        tuple(str(column.name) for column in columns),
        types,
        tuple(bool(column.nullable) for column in columns),
    )


class Snapshot:
    """A database as it was at one moment, or as a transaction has it before its end."""

    def __init__(
        self, hand: Hand, dialect: str, *, everything: bool, check_alone: Callable[[], None] = lambda: None
    ) -> None:
        self._hand = hand
        self.check_alone = check_alone
        """Raises BeingServed if somebody else came to use it, where it is to be read alone."""
        self.dialect = dialect
        self.schema = HEAD
        self.everything = everything

    @property
    def hand(self) -> Hand:
        """To ask something else of the same moment, but not while `pieces` are being taken."""
        return self._hand

    def tables(self) -> tuple[str, ...]:
        """The tables that are carried; without `everything`, none that LEFT_OUT names."""
        return tuple(name for name in tables() if self.everything or name not in LEFT_OUT)

    def count(self) -> int:
        """How many rows there are to carry, for who looks on."""
        counted = (
            self._hand.one(f'SELECT count(*) FROM "{name}"{self._where(name)}') for name in self.tables()
        )
        return sum(row[0] for row in counted if row is not None)

    def pieces(self, table: str) -> Iterator[list[Row]]:
        """A table's rows by its key, the same order on either database, PIECE at a time."""
        names = ", ".join(f'"{name}"' for name in columns_of(table).names)
        order = ", ".join(self._ordered(metadata.tables[table]))
        return self._hand.pieces(f'SELECT {names} FROM "{table}"{self._where(table)} ORDER BY {order}', PIECE)

    def erased(self) -> list[Erased]:
        """Every comment that was erased by then."""
        rows = self._hand.all(sql.ERASED_SINCE, since=0)
        return [Erased(id, bytes(commitment), at) for id, commitment, at in rows]

    def _where(self, table: str) -> str:
        return f" WHERE {ONLY[table]}" if table in ONLY and not self.everything else ""

    def _ordered(self, table: Table) -> Iterator[str]:
        # Letters by their bytes: a PostgreSQL database may compare them by another rule.
        collate = "" if self.dialect == "sqlite" else ' COLLATE "C"'
        for column in table.primary_key.columns:
            yield f'"{column.name}"{collate if isinstance(column.type, TextType) else ""}'


@contextmanager
def snapshot(url: str, *, alone: bool = False) -> Iterator[Snapshot]:
    """
    A database at one moment.

    Args:
        alone: for a move: all is carried, nobody may be using the database, and nobody can write it meanwhile.
            Nothing is written to it.

    Raises:
        BadSettings: no such database. BadSchema: its tables are not this program's.
        BeingServed: with `alone`, somebody is using it. StoreUnavailable: it cannot be reached.
    """
    database = Database(_there(url), unhurried=True)
    try:
        migrate(database, allowed=False)
        if not alone:
            with database.reading(snapshot=True) as hand:
                _patient(hand, database.dialect)
                # The first question: from here on, this moment.
                if hand.one(sql.RESTORING) is not None:
                    raise NotRestorable(_UNFINISHED)
                yield Snapshot(hand, database.dialect, everything=False)
            return
        with _alone(database, url) as (hand, check_alone):
            if hand.one(sql.RESTORING) is not None:
                raise NotRestorable(_UNFINISHED)
            yield Snapshot(hand, database.dialect, everything=True, check_alone=check_alone)
    except database.trouble as error:
        raise unavailable(error) from None
    finally:
        database.close()


_UNFINISHED = "A restore was begun in this database and is not finished. Run the same `meydan restore` again."


@contextmanager
def _alone(database: Database, url: str) -> Iterator[tuple[Hand, Callable[[], None]]]:
    """A hand that reads a database which nobody else can write until it is let go."""
    in_use = BeingServed(
        "The database to be moved is in use. Stop every `meydan serve` and other verb on it, then move it again."
    )
    if database.dialect == "sqlite":
        file = _file_of(url)
        assert file is not None
        with serving_lock(file).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise in_use from None
            hand = database.writing_hand()
            try:
                # Who writes has SQLite to themselves; that nothing is written is seen to at the end.
                hand.run("BEGIN IMMEDIATE")
                yield hand, lambda: None
                hand.run("ROLLBACK")
            finally:
                hand.close()
        return
    hand = database.writing_hand()
    try:
        hand.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
        _patient(hand, database.dialect)
        # Before the first question, which is what the moment is of: writers wait, or are waited for.
        hand.run(f"LOCK TABLE {_all_tables()} IN SHARE MODE")
        _check_alone(hand, in_use)
        yield hand, lambda: _check_alone(hand, in_use)
        hand.run("ROLLBACK")
    finally:
        hand.close()


def _check_alone(hand: Hand, in_use: BeingServed) -> None:
    # A connection that was just closed, our own too, is listed for a moment longer.
    for _ in range(_LEAVING_S * 10):
        hand.one("SELECT pg_stat_clear_snapshot()")
        if hand.one(_OTHERS) is None:
            return
        time.sleep(0.1)
    raise in_use


_LEAVING_S = 2
_OTHERS = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND application_name = current_setting('application_name') LIMIT 1"
)


class Target(Snapshot):
    """An empty database that is being filled, in one transaction."""

    def __init__(self, hand: Hand, dialect: str) -> None:
        super().__init__(hand, dialect, everything=True)
        self._taken_off: list[str] = []

    def open_up(self) -> None:
        """Take off the triggers, and the indexes that are made faster at the end."""
        if self.dialect == "sqlite":
            self._hand.run("PRAGMA defer_foreign_keys = ON")
            for kind, name, made in self._hand.all(
                "SELECT type, name, sql FROM sqlite_master WHERE type IN ('trigger', 'index') AND sql IS NOT NULL"
            ):
                self._hand.run(f'DROP {kind} "{name}"')
                self._taken_off.append(made)
        else:
            # What is put off until the commit elsewhere would wait in memory here, row by row, and no index be made before.
            self._hand.run("SET CONSTRAINTS ALL IMMEDIATE")
            for name in metadata.tables:
                self._hand.run(f'ALTER TABLE "{name}" DISABLE TRIGGER USER')
            for name, made in self._hand.all(_PLAIN_INDEXES):
                self._hand.run(f'DROP INDEX "{name}"')
                # Of a table in parts, the whole index is made again, and with it each part's.
                self._taken_off.append(made.replace(" ON ONLY ", " ON ", 1))
        for name in tables():
            # What migrations put in: the counter.
            self._hand.run(f'DELETE FROM "{name}"')

    def put(self, table: str, rows: Sequence[Row]) -> None:
        """Put rows in, and into the index of words what a comment says."""
        try:
            self._hand.put(table, columns_of(table).names, rows)
        except Exception as error:
            if _broken_by(error) == "fk_comment_parent":
                raise BackupDamaged(_NO_PARENT) from None
            raise
        if table != "words":
            return
        names = columns_of(table).names
        comment, text, name, kept = (names.index(one) for one in ("comment", "text", "name", "format"))
        looked = [
            (row[comment], words)
            for row in rows
            if (words := searchable(row[name], derived(row[text], row[kept]))) != ""
        ]
        if self.dialect == "sqlite":
            self._hand.put("lookup", ("rowid", "words"), looked)
            return
        self._hand.run(
            "CREATE TEMPORARY TABLE IF NOT EXISTS looked (comment BIGINT, words TEXT) ON COMMIT DROP"
        )
        self._hand.put("looked", ("comment", "words"), looked)
        self._hand.run("INSERT INTO lookup SELECT comment, to_tsvector('simple', words) FROM looked")
        self._hand.run("TRUNCATE looked")

    def close_up(self) -> None:
        """Put triggers and indexes back, and let numbers go on after the highest that came in."""
        for made in self._taken_off:
            self._hand.run(made)
        if self.dialect == "sqlite":
            self._check_parents()
            self._hand.run(sql.MERGE_LOOKUP)
            if self._hand.all("PRAGMA foreign_key_check"):
                raise BackupDamaged("Rows refer to rows that are not there. Nothing was kept.")
            return
        for table in metadata.sorted_tables:
            self._hand.run(f'ALTER TABLE "{table.name}" ENABLE TRIGGER USER')
            for column in table.primary_key.columns:
                row = self._hand.one(
                    "SELECT pg_get_serial_sequence(:named, :col)", named=f'"{table.name}"', col=column.name
                )
                if row is not None and row[0] is not None:
                    self._hand.one(
                        f'SELECT setval(:sequence, max("{column.name}")) FROM "{table.name}"', sequence=row[0]
                    )

    def _check_parents(self) -> None:
        """Refuse replies to what is not there; what PostgreSQL refuses of them is in `put`."""
        orphan = self._hand.one(
            "SELECT 1 FROM comment c WHERE c.parent IS NOT NULL "
            "AND NOT EXISTS (SELECT 1 FROM comment p WHERE p.id = c.parent) LIMIT 1"
        )
        if orphan is not None:
            raise BackupDamaged(_NO_PARENT)

    def mark(self, seal: str) -> None:
        """Say in the database that the restore of this backup is not finished; nothing opens it until it is."""
        self._hand.run("INSERT INTO meta (key, value) VALUES ('restoring', :seal)", seal=seal)


_NO_PARENT = (
    "Some replies are to comments that are not there, as where an old month was taken away. Only a PostgreSQL database that is "
    "divided by month keeps them: make an empty one, run `meydan migrate --by-month` on it, and begin again. Nothing was kept."
)

# Every index that only finds: not those that refuse a second row, nor the parts of a table's in parts.
_PLAIN_INDEXES = (
    "SELECT c.relname, pg_get_indexdef(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "JOIN pg_class t ON t.oid = i.indrelid WHERE c.relnamespace = current_schema()::regnamespace "
    "AND NOT i.indisunique AND NOT c.relispartition AND t.relname <> 'alembic_version'"
)


def _broken_by(error: Exception) -> str | None:
    """The constraint that PostgreSQL says was broken; None where it was something else."""
    return getattr(getattr(error, "diag", None), "constraint_name", None)


@contextmanager
def empty(url: str) -> Iterator[Target]:
    """
    An empty database to be filled: made if it is not there, kept if all went well, else empty again.

    Raises:
        NotRestorable: it is not empty. StoreUnavailable: it failed; it is as empty as before.
    """
    database = Database(url, unhurried=True)
    try:
        _make(database)
        if database.one(sql.RESTORING) is not None:
            raise NotRestorable(_UNFINISHED)
        hand = database.writing_hand()
        try:
            if database.dialect == "sqlite":
                # What sorts an index may be larger than memory. No reader's words are in it.
                hand.run("PRAGMA temp_store = FILE")
                # In KiB, and as much again while an index is sorted.
                hand.run("PRAGMA cache_size = -16000")
                hand.run("BEGIN IMMEDIATE")
            else:
                hand.run("BEGIN")
                _patient(hand, database.dialect)
                hand.run(f"LOCK TABLE {_all_tables()} IN EXCLUSIVE MODE")
            for name in _USED:
                if hand.one(f'SELECT 1 FROM "{name}" LIMIT 1') is not None:
                    raise NotRestorable(_NOT_EMPTY)
            target = Target(hand, database.dialect)
            target.open_up()
            yield target
            hand.run("COMMIT")
            # Durable from here: what follows only makes it quick.
            with contextlib.suppress(*database.trouble):
                if database.dialect == "postgresql":
                    hand.run("SET statement_timeout = 0")
                    hand.run("ANALYZE")
                else:
                    hand.one("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            # What was not committed is undone with it.
            hand.close()
    except database.trouble as error:
        raise unavailable(error) from None
    finally:
        database.close()


def restoring(url: str) -> str | None:
    """The seal of the backup whose restore was begun in a database and is not finished; None where none is."""
    if (file := _file_of(url)) is not None and not file.exists():
        return None
    database = Database(url)
    try:
        _make(database)
        row = database.one(sql.RESTORING)
        return None if row is None else str(row[0])
    finally:
        database.close()


_NOT_EMPTY = (
    "The database is not empty: it was served from, or restored into. Name a new one with --database, or another folder "
    "with --data; nothing is ever restored or moved over what is there."
)


def _make(database: Database) -> None:
    try:
        make(database)
    except BadSchema:
        # Of another version: so it was used, and is not to be migrated in passing.
        raise NotRestorable(_NOT_EMPTY) from None


def finish(url: str) -> None:
    """Say that the restore in a database is finished."""
    database = Database(url)
    try:
        hand = database.writing_hand()
        try:
            hand.run("DELETE FROM meta WHERE key = 'restoring'")
        finally:
            hand.close()
    except database.trouble as error:
        raise unavailable(error) from None
    finally:
        database.close()


def _patient(hand: Hand, dialect: str) -> None:
    """No statement of this transaction is too long for it: a million rows take their time."""
    if dialect == "postgresql":
        hand.run("SET LOCAL statement_timeout = 0")
        hand.run("SET LOCAL idle_in_transaction_session_timeout = 0")


def _all_tables() -> str:
    return ", ".join(f'"{name}"' for name in sorted(metadata.tables))


def _file_of(url: str) -> Path | None:
    scheme, _, path = url.partition(":///")
    return Path(path) if scheme.startswith("sqlite") and path else None


def _there(url: str) -> str:
    """The same URL, of a database that exists: opening SQLite's would make one."""
    file = _file_of(url)
    if file is not None and not (file.exists() and os.path.getsize(file)):
        raise BadSettings(f"There is no database at {file}.", fields=("database",))
    return url
