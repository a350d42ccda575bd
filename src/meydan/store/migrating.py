"""
Bringing a database's tables to what a program knows, while others go on working with it.

Each migration is a step that widens the tables: programs of before go on beside
the new one. A step that takes something away says `contracts`: the oldest
program that never needs it. The database keeps that in `meta` as `oldest`, so
that an older program knows whether it may work with tables newer than its own.
A program is named by the newest migration that it knows.

On PostgreSQL nobody is made to wait behind a step that waits: a lock that does
not come within LOCK_TRY_S is given up, everything is undone, and it is tried
again. What takes long (indexes, filling columns) is put down in `meta` as
`unfinished` with the step, and done after its commit, piece by piece; whoever
migrates next finishes what a crash left (migrations/gently.py).
"""

# ruff: noqa: S608  (names of tables and constants put together; nothing here is a reader's)

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from meydan.errors import BadSchema, BadSettings, MigrationHeldUp
from meydan.store.database import Database, unavailable
from meydan.store.schema import HEAD

MIGRATION_LOCK = 0x6D657964
"""The advisory lock that lets one process at a time migrate a PostgreSQL database."""

LOCK_TRY_S = 0.8
"""How long a step waits for a lock. Less than PostgreSQL's deadlock_timeout: of two who wait for each other, it gives up."""

LOCK_TRIES = 60
"""How often a step is tried before it is put off: a minute or two in all."""

PIECE = 1000
"""Rows filled in one transaction."""

MIGRATIONS = Path(__file__).parent / "migrations"

NEWER = (
    "The database was made by a newer Meydan, beside which this one cannot work. "
    "Install that version, or restore an older copy."
)

_KNOWN = {
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('alembic_version', 'meta')",
    "postgresql": (
        "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename IN ('alembic_version', 'meta')"
    ),
}
_LOCK_NOT_AVAILABLE = "55P03"
_DEADLOCK = "40P01"


class Step(NamedTuple):
    """One migration: its number, what it is for, and the oldest program that can live with it, if not every one of before."""

    revision: str
    caption: str
    contracts: str | None


class Tables(NamedTuple):
    """How a database's tables stand to this program."""

    version: str | None
    """The newest migration that was made; None in a database that has no tables yet."""
    oldest: str | None
    unfinished: tuple[str, ...]
    """What is still to be done after steps that were made: captions."""
    by_month: str | None
    """The last month that there is a part for, as 2026-12; None where the tables are not divided."""

    @property
    def newer(self) -> bool:
        """Whether a newer program has migrated them."""
        return self.version is not None and self.version > HEAD

    @property
    def fitting(self) -> bool:
        """Whether this program can work with them as they are."""
        if self.newer:
            return self.oldest is not None and self.oldest <= HEAD
        return self.version == HEAD


NO_TABLES = Tables(None, None, (), None)


class Outlook(NamedTuple):
    """What migrating would do, for the operator; the last four are those of Tables."""

    dialect: str
    program: str
    steps: tuple[Step, ...]
    version: str | None
    oldest: str | None
    unfinished: tuple[str, ...]
    by_month: str | None


def tables_of(database: Database) -> Tables:
    """
    How the tables stand; changes nothing.

    Raises:
        StoreUnavailable: the database did not answer.
    """
    try:
        with database.migrating_engine().connect() as connection:
            return _tables_of(connection, database.dialect)
    except database.trouble as error:
        raise unavailable(error) from None


def steps_after(version: str | None) -> list[Step]:
    """The migrations that this program knows and a database of that version has not made, the next one first."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(MIGRATIONS))
    steps = [
        Step(made.revision, _caption(made.doc), getattr(made.module, "contracts", None))
        for made in script.walk_revisions()
    ]
    return [step for step in reversed(steps) if version is None or step.revision > version]


def unmade(dialect: str) -> Outlook:
    """The outlook of a database that is not there yet."""
    return Outlook(dialect, HEAD, tuple(steps_after(None)), *NO_TABLES)


def look(url: str) -> Outlook:
    """
    What migrating would do; changes nothing.

    Raises:
        BadSchema: a newer program migrated the database, and this one cannot work with it.
        StoreUnavailable: it did not answer.
    """
    database = Database(url)
    try:
        tables = tables_of(database)
    finally:
        database.close()
    if tables.newer and not tables.fitting:
        raise BadSchema(NEWER)
    return Outlook(database.dialect, HEAD, tuple(steps_after(tables.version)), *tables)


def migrate(database: Database, *, allowed: bool, contracting: bool = False) -> None:
    """
    Bring the tables to what this program knows; tables that are newer and can be worked with are left as they are.

    Args:
        allowed: False to refuse a database that would have to change.
        contracting: whether steps that older programs cannot live with are made on PostgreSQL, where some may be
            running; on SQLite there is one program.

    Raises:
        BadSchema: made by a newer program that this one cannot work beside; or behind this program and not `allowed`
            to change, or only by a contracting step.
        BadSettings: a PostgreSQL database that is not in UTF-8.
        MigrationHeldUp: somebody kept a table locked; the tables are as they were.
        StoreUnavailable: the database failed; no step was half made.
    """
    try:
        with database.migrating_engine().connect() as connection:
            if database.dialect == "postgresql":
                encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
                if encoding != "UTF8":
                    raise BadSettings(
                        f"The database keeps text as {encoding}; create it with ENCODING 'UTF8'.",
                        fields=("database",),
                    )
            tables = _tables_of(connection, database.dialect)
            if tables.fitting and (tables.newer or not tables.unfinished):
                return
            if tables.newer:
                raise BadSchema(NEWER)
            if not allowed:
                raise BadSchema("The database's tables are not this program's. Run `meydan migrate`.")
            with alone(connection, database.dialect):
                _bring_up(connection, database.dialect, contracting=contracting)
    except database.trouble as error:
        raise unavailable(error) from None


@contextmanager
def alone(connection: Connection, dialect: str, *, patient: bool = True) -> Iterator[bool]:
    """
    Nobody else migrates meanwhile; on PostgreSQL whoever does is waited for, or, if not `patient`, False is yielded.
    Statements may take long.

    Asked for again and again, not waited for inside PostgreSQL: CREATE INDEX CONCURRENTLY waits for every statement
    that is under way, also for one that waits for it.
    """
    if dialect == "sqlite":
        yield True
        return
    connection.exec_driver_sql("SET statement_timeout = 0")
    connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
    while not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({MIGRATION_LOCK})").scalar():
        if not patient:
            yield False
            return
        time.sleep(0.2)
    try:
        yield True
    finally:
        if not connection.invalidated:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})")


def in_one_go(connection: Connection, work: Any, *, tries: int = LOCK_TRIES) -> None:
    """
    Do `work` in one transaction on PostgreSQL, in front of nobody who works with the tables for long.

    Whoever writes has a hold on `comment` before any other table: work that needs several locks that one first.

    Raises:
        MigrationHeldUp: the locks did not come in so many tries; nothing of it was done.
    """
    connection.exec_driver_sql(f"SET lock_timeout = '{int(LOCK_TRY_S * 1000)}ms'")
    for attempt in range(tries):
        try:
            connection.exec_driver_sql("BEGIN")
            work()
            connection.exec_driver_sql("COMMIT")
        except BaseException as error:
            if not connection.invalidated:
                connection.exec_driver_sql("ROLLBACK")
            if not _held_up(error):
                raise
        else:
            return
        if attempt < tries - 1:
            time.sleep(random.uniform(0.2, 1.0))  # noqa: S311  (so that two who wait do not meet again)
    raise MigrationHeldUp(
        "The database's tables were in use all the time, so they are as they were. "
        "Run `meydan migrate` again; pg_stat_activity tells who keeps a transaction open."
    )


def _bring_up(connection: Connection, dialect: str, *, contracting: bool) -> None:
    if dialect == "sqlite":
        # Looked at again inside: two processes may have begun at once.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        _upgrade(connection, dialect)
        connection.exec_driver_sql("COMMIT")
        return
    tables = _tables_of(connection, dialect)
    if not tables.fitting:
        contracts = [step.revision for step in steps_after(tables.version) if step.contracts]
        if tables.version is not None and contracts and not contracting:
            raise BadSchema(
                f"Migration {contracts[0]} takes away what older programs need. Once every node runs this release, "
                "run `meydan migrate`."
            )
        in_one_go(connection, lambda: _upgrade(connection, dialect))
    _finish(connection)


def _upgrade(connection: Connection, dialect: str) -> None:
    # Slow to import, and needed once in a database's life.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    before = _tables_of(connection, dialect).version
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise BadSchema(NEWER) from None
    for step in steps_after(before):
        if step.contracts is not None:
            connection.exec_driver_sql(
                f"UPDATE meta SET value = '{step.contracts}' WHERE key = 'oldest' AND value < '{step.contracts}'"
            )


def _finish(connection: Connection) -> None:
    """Do what steps left to be done after their commit, piece by piece; each piece may be done again."""
    for job in _unfinished(connection):
        if job["kind"] == "statements":
            for statement in job["statements"]:
                if re.search("CONCURRENTLY|VALIDATE|ANALYZE", statement):
                    # It waits for transactions that began before it, and keeps nobody waiting.
                    connection.exec_driver_sql("SET lock_timeout = 0")
                    connection.exec_driver_sql(statement)
                else:
                    in_one_go(connection, partial(connection.exec_driver_sql, statement))
        else:
            _fill(connection, job)
        left = [other for other in _unfinished(connection) if other != job]
        connection.exec_driver_sql(
            "UPDATE meta SET value = %(left)s WHERE key = 'unfinished'", {"left": json.dumps(left)}
        )


def _fill(connection: Connection, job: dict[str, Any]) -> None:
    """Fill a column from the first row to the last, so that no row is looked at twice."""
    after: int | None = -(2**63)
    while after is not None:
        found: list[int | None] = []
        # A writer may have some of the rows, and wait for one of ours: then this gives up first.
        in_one_go(connection, partial(_fill_piece, connection, job, after, found))
        after = found[-1]


def _fill_piece(connection: Connection, job: dict[str, Any], after: int, found: list[int | None]) -> None:
    table, key = job["table"], job["by"]
    found.append(
        connection.exec_driver_sql(
            f"WITH piece AS (SELECT {key} AS place FROM {table} WHERE {key} > {after} ORDER BY {key} LIMIT {PIECE}), "
            f"filled AS (UPDATE {table} SET {job['set']} FROM piece WHERE {table}.{key} = piece.place AND ({job['where']})) "
            "SELECT max(place) FROM piece"
        ).scalar()
    )


def _tables_of(connection: Connection, dialect: str) -> Tables:
    if connection.exec_driver_sql(_KNOWN[dialect]).scalar() != 2:
        return NO_TABLES
    version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if version is None:
        return NO_TABLES
    kept: dict[str, str] = {
        row[0]: row[1]
        for row in connection.exec_driver_sql(
            "SELECT key, value FROM meta WHERE key IN ('oldest', 'unfinished', 'by_month')"
        )
    }
    return Tables(
        str(version),
        kept.get("oldest"),
        tuple(job["caption"] for job in json.loads(kept.get("unfinished", "[]"))),
        kept.get("by_month"),
    )


def _unfinished(connection: Connection) -> list[dict[str, Any]]:
    kept = connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'unfinished'").scalar()
    jobs: list[dict[str, Any]] = json.loads(kept or "[]")
    return jobs


def _held_up(error: BaseException) -> bool:
    original = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "sqlstate", None) in (_LOCK_NOT_AVAILABLE, _DEADLOCK)


def _caption(doc: str) -> str:
    return " ".join(doc.split())


def make(database: Database) -> None:
    """
    Make the tables where there are none; a database that has some is not changed.

    Raises:
        BadSchema: there are tables of another version. BadSettings, StoreUnavailable: as for migrate.
    """
    migrate(database, allowed=tables_of(database).version is None)
