"""
The two databases behind one face: connections, their settings, their failures.

SQLite stands in a file: write-ahead journal, synchronous=FULL, deleted content
overwritten with zeros. PostgreSQL is reached through psycopg 3. SQLAlchemy keeps
the pool and the schema; statements are plain SQL that both understand, with
`:name` parameters, so that a submission costs no statement building.

No driver's error leaves this room: PostgreSQL writes the values of the failing
row into it, and those are a reader's words.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from meydan.errors import BadSchema, BadSettings, MeydanError, StoreUnavailable
from meydan.store import statements
from meydan.store.schema import HEAD
from meydan.text.exact import is_exact

BUSY_S = 10
"""How long SQLite waits for another process's write."""

SCRUB_BUSY_MS = 100
"""How long emptying the journal waits for readers of an older state, before it lets writers go on."""

REWRITE_AT_ONCE_BYTES = 64 * 2**20
"""Up to this size SQLite's file is written anew with each erasure: under a second."""

STATEMENT_S = 15
LOCK_S = 10
CONNECT_S = 5

SILENCE_S = 20.0
"""After which a PostgreSQL server that says nothing is given up: by its own clock it had ended any statement before."""

OLDEST_SQLITE = (3, 35, 0)
"""The first with RETURNING."""

MIGRATION_LOCK = 0x6D657964
"""The advisory lock that lets one process at a time migrate a PostgreSQL database."""

_SQLITE_SETTINGS = (
    f"PRAGMA busy_timeout = {BUSY_S * 1000}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
    # Temporary copies of rows belong in memory, where an erasure need not look for them.
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -4000",
)

_POSTGRESQL_SETTINGS = (
    f"SET statement_timeout = '{STATEMENT_S}s'",
    f"SET lock_timeout = '{LOCK_S}s'",
    "SET idle_in_transaction_session_timeout = '60s'",
    "SET synchronous_commit = on",
    "SET client_encoding = 'UTF8'",
)

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")

Row = tuple[Any, ...]


class _Cursor(Protocol):
    @property
    def rowcount(self) -> int: ...
    def execute(self, sql: str, parameters: Mapping[str, Any], /) -> Any: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> Any: ...


class _Closes(Protocol):
    def close(self) -> Any: ...


class Hand:
    """One connection's cursor, and SQL with `:name` parameters for either database."""

    __slots__ = ("_adapted", "_connection", "_cursor")

    def __init__(self, connection: _Closes, cursor: _Cursor, adapted: dict[str, str] | None) -> None:
        self._connection = connection
        self._cursor = cursor
        self._adapted = adapted

    def _execute(self, sql: str, parameters: Mapping[str, Any]) -> None:
        if self._adapted is not None:
            adapted = self._adapted.get(sql)
            if adapted is None:
                adapted = self._adapted[sql] = _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))
            sql = adapted
        self._cursor.execute(sql, parameters)

    def run(self, sql: str, /, **parameters: Any) -> int:
        """Execute; returns the number of rows it touched."""
        self._execute(sql, parameters)
        return self._cursor.rowcount

    def one(self, sql: str, /, **parameters: Any) -> Row | None:
        """The first row, or None."""
        self._execute(sql, parameters)
        row: Row | None = self._cursor.fetchone()
        return row

    def all(self, sql: str, /, **parameters: Any) -> list[Row]:
        self._execute(sql, parameters)
        rows: list[Row] = self._cursor.fetchall()
        return rows

    def close(self) -> None:
        self._connection.close()


class Database:
    """
    Connections to one database.

    Args:
        url: `sqlite:///file` or `postgresql://user@host/name`.

    Raises:
        BadSettings: another kind of URL, an SQLite older than 3.35, or a
            PostgreSQL database that is not in UTF-8.
        StoreUnavailable: it cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self._url = _url_of(url)
        self.dialect = self._url.get_backend_name()
        self.begin_write = (
            ("BEGIN IMMEDIATE",) if self.dialect == "sqlite" else ("BEGIN", statements.WRITE_ALONE)
        )
        self._begin_read = (
            "BEGIN" if self.dialect == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        )
        self._adapted: dict[str, str] | None = None if self.dialect == "sqlite" else {}
        self._scheme = "sqlite://" if self.dialect == "sqlite" else "postgresql+psycopg://"
        self._conninfo = ""
        self.trouble: tuple[type[Exception], ...] = (sqlite3.Error, SQLAlchemyError, OSError)
        """What this database raises when it cannot answer."""
        self.lost: tuple[type[Exception], ...] = ()
        """What it raises when the server went away."""
        if self.dialect == "sqlite":
            if sqlite3.sqlite_version_info < OLDEST_SQLITE:
                raise BadSettings(
                    f"SQLite {sqlite3.sqlite_version} is too old; 3.35 or newer is needed.",
                    fields=("database",),
                )
            _touch(Path(self._url.database or ""))
        else:
            # Imported for those alone who use PostgreSQL.
            import psycopg
            from psycopg.conninfo import make_conninfo

            class Attended(psycopg.Connection[Any]):
                """
                A connection that is not waited on for ever.

                The server keeps its time-outs only while it runs and can be heard. One that was halted, or is behind a
                network that swallows what is sent, would keep every thread of ours. Only a migration is waited for
                (`silence_s` None): it takes as long as the tables are large.
                """

                silence_s: float | None = SILENCE_S

                def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
                    return super().wait(gen, interval, self.silence_s if timeout is None else timeout)

            self._attended = Attended
            self.trouble = (*self.trouble, psycopg.Error)
            self.lost = (psycopg.OperationalError,)
            self._conninfo = make_conninfo(
                "",
                **{
                    "connect_timeout": CONNECT_S,
                    "application_name": "meydan",
                    **{key: value for key, value in self._url.query.items() if isinstance(value, str)},
                    **self._url.translate_connect_args(username="user", database="dbname"),
                },
            )
        self._engine = create_engine(
            self._scheme,
            creator=lambda: self._connect(reading=True),
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=8,
            pool_timeout=CONNECT_S,
            pool_pre_ping=self.dialect == "postgresql",
        )
        self._closed = threading.Event()

    def _connect(self, *, reading: bool) -> Any:
        if self.dialect == "sqlite":
            connection = sqlite3.connect(
                self._url.database or "",
                timeout=BUSY_S,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
            try:
                for setting in _SQLITE_SETTINGS:
                    connection.execute(setting)
                if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                    raise BadSettings(
                        "SQLite cannot keep its journal beside the database; is it a network drive?",
                        fields=("database",),
                    )
                # In KiB: the writer's pages are worth keeping, sixteen readers' copies of them are not.
                connection.execute("PRAGMA query_only = ON" if reading else "PRAGMA cache_size = -16000")
            except BaseException:
                connection.close()
                raise
            return connection
        import psycopg

        try:
            server = self._attended.connect(self._conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            raise StoreUnavailable(self._unreached(str(error))) from None
        try:
            for setting in _POSTGRESQL_SETTINGS:
                server.execute(setting)
        except BaseException:
            server.close()
            raise
        return server

    def writing_hand(self) -> Hand:
        """A connection of the caller's own that may write."""
        connection = self._connect(reading=False)
        return Hand(connection, connection.cursor(), self._adapted)

    @contextmanager
    def reading(self, *, snapshot: bool = False) -> Iterator[Hand]:
        """
        A connection from the pool that can only read.

        With `snapshot`, all its statements see one and the same moment.

        Raises:
            StoreUnavailable: the database failed, or the store is closed.
        """
        if self._closed.is_set():
            raise StoreUnavailable("The store is closed.")
        try:
            connection = self._engine.raw_connection()
            try:
                hand = Hand(connection, connection.cursor(), self._adapted)
                if snapshot:
                    hand.run(self._begin_read)
                yield hand
                if snapshot:
                    hand.run("COMMIT")
            except MeydanError:
                # The connection is sound, the question was refused; the pool rolls back.
                raise
            except BaseException:
                connection.invalidate()
                raise
            finally:
                connection.close()
        except self.trouble as error:
            raise unavailable(error) from None

    def _unreached(self, said: str) -> str:
        """Why PostgreSQL took no connection, for the operator: no statement was sent, so no reader's words are in it."""
        causes = ("Connection refused", "does not exist", "authentication failed", "timeout", "No such file")
        why = next((cause for cause in causes if cause in said), "no connection")
        where = f"{self._url.host or 'the local socket'} port {self._url.port or 5432}"
        return f"PostgreSQL at {where}, database {self._url.database!r}, cannot be reached: {why}. Nothing was written."

    def scrub(self, hand: Hand, *, large: bool = False) -> bool:
        """
        On SQLite, leave nothing of what was erased, in the file or its journal.

        secure_delete overwrites a row where it stands. But when rows are moved
        to fill up a page, SQLite leaves their old copy in the gap of the page
        they came from, and an erased row may have been moved before (seen: once
        in 1,500 erasures). So after an erasure the file is also written anew: at
        once while it is small, and with `large` whatever its size.

        Returns:
            False if somebody was still reading an older state; try again later.
        """
        if self.dialect != "sqlite":
            return True
        small = os.path.getsize(self._url.database or "") <= REWRITE_AT_ONCE_BYTES
        if (small or large) and hand.one(statements.STALE) is not None:
            # A copy of a large file does not belong in memory, where all other temporary rows are.
            hand.run(f"PRAGMA temp_store = {'MEMORY' if small else 'FILE'}")
            try:
                # The index of words marks what was deleted and keeps it until its pieces are merged.
                hand.run(statements.MERGE_LOOKUP)
                hand.run("VACUUM")
            finally:
                hand.run("PRAGMA temp_store = MEMORY")
            hand.run(statements.REWRITTEN_NOW)
        # Those who write wait meanwhile: better soon again than long now.
        hand.one(f"PRAGMA busy_timeout = {SCRUB_BUSY_MS}")
        try:
            row = hand.one("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            hand.one(f"PRAGMA busy_timeout = {BUSY_S * 1000}")
        emptied = row is not None and row[0] == 0
        # Written down until it is done: whoever erased may be a process that is gone by then.
        if emptied and hand.one(statements.JOURNAL_STALE) is not None:
            hand.run(statements.NOT_STALE)
        return emptied

    def one(self, statement: str, **parameters: Any) -> Row | None:
        """The first row of a question; None too when a parameter holds what no row can."""
        if any(isinstance(value, str) and not is_exact(value) for value in parameters.values()):
            return None
        with self.reading() as hand:
            return hand.one(statement, **parameters)

    def all(self, statement: str, **parameters: Any) -> list[Row]:
        """Every row of a question; none when a parameter holds what no row can."""
        if any(isinstance(value, str) and not is_exact(value) for value in parameters.values()):
            return []
        with self.reading() as hand:
            return hand.all(statement, **parameters)

    def migrate(self, *, allowed: bool) -> None:
        """
        Bring the schema to what this program knows.

        Raises:
            BadSchema: the database is newer than this program, or behind it and not `allowed` to change.
            BadSettings: a PostgreSQL database that is not in UTF-8.
            StoreUnavailable: the database failed; the schema is as it was.
        """
        try:
            with self._migrating_engine().connect() as connection:
                if self.dialect == "postgresql":
                    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
                    if encoding != "UTF8":
                        raise BadSettings(
                            f"The database keeps text as {encoding}; create it with ENCODING 'UTF8'.",
                            fields=("database",),
                        )
                if _version_of(connection, self.dialect) == HEAD:
                    return
                if not allowed:
                    raise BadSchema("The database's tables are not this program's. Run `meydan migrate`.")
                self._upgrade(connection)
        except self.trouble as error:
            raise unavailable(error) from None

    def _migrating_engine(self) -> Engine:
        def connect() -> Any:
            connection = self._connect(reading=False)
            if self.dialect == "postgresql":
                connection.silence_s = None
            return connection

        return create_engine(self._scheme, creator=connect, poolclass=NullPool)

    def _upgrade(self, connection: Connection) -> None:
        # Slow to import, and needed once in a database's life.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        if self.dialect == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("SET lock_timeout = 0")
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        try:
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.exec_driver_sql("COMMIT")
        except CommandError:
            raise BadSchema(
                "The database was made by a newer Meydan. Install that version, or restore an older copy."
            ) from None

    def close(self) -> None:
        self._closed.set()
        self._engine.dispose()


_REMEDIES = {
    "The disk is full: make room, and it goes on by itself.": (
        "SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE", "53100",
    ),
    "The database is damaged: stop the server, keep a copy of the files, and restore the last backup.": (
        "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_CORRUPT_VTAB", "SQLITE_CORRUPT_INDEX", "XX001", "XX002",
    ),
    "The disk fails: look at the system's log, and keep a copy of the files.": (
        "SQLITE_IOERR", "SQLITE_IOERR_READ", "SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_FSYNC", "58030",
    ),
    "PostgreSQL did not answer in time: is it running, and can it be reached?": ("_WaitTimeout",),
}  # fmt: skip
_REMEDY_OF = {code: remedy for remedy, codes in _REMEDIES.items() for code in codes}
"""What helps, by SQLite's name of an error, PostgreSQL's code, or the kind of exception. Else it is tried again."""


def unavailable(error: BaseException) -> StoreUnavailable:
    """The refusal that stands for a database's failure: its kind and code and what to do, never its text."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    original = getattr(error, "orig", None)
    if code is None and original is not None:
        code = getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None)
    kind = type(error).__name__
    remedy = _REMEDY_OF.get(code or kind, "Try again.")
    told = f"{kind}, {code}" if code else kind
    return StoreUnavailable(f"The database could not do it ({told}); nothing was half-written. {remedy}")


def _url_of(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is not None and parsed.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    if (
        parsed is not None
        and parsed.drivername in ("sqlite", "sqlite+pysqlite")
        and parsed.database not in (None, "", ":memory:")
    ):
        return parsed
    raise BadSettings(
        "The database must be sqlite:///FILE or postgresql://USER@HOST/NAME.", fields=("database",)
    )


def _touch(path: Path) -> None:
    """Make the file readable to its owner alone; SQLite gives its journal the same rights."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(
            f"The database file {path} cannot be opened for writing: {error.strerror}."
        ) from None


def _version_of(connection: Connection, dialect: str) -> str | None:
    known = (
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
        if dialect == "sqlite"
        else "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'alembic_version'"
    )
    if connection.exec_driver_sql(known).first() is None:
        return None
    version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return str(version) if version is not None else None
