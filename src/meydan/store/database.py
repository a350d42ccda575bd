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

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from meydan.errors import BadSettings, MeydanError, StoreUnavailable
from meydan.store import statements
from meydan.store.hand import FarHand, Hand, Row
from meydan.store.reach import Reach
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
SESSION_S = 5
COUNT_S = 2
"""How long a server may say nothing to whoever listens or leads, and to whoever counts."""
PROBE_S = 3
"""How long the prober waits for a new connection before the server counts as away; psycopg knows no less than 2."""

SILENCE_S = 20.0
"""After which a PostgreSQL server that says nothing is given up: by its own clock it had ended any statement before."""

OLDEST_SQLITE = (3, 35, 0)
"""The first with RETURNING."""

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

IDLE_S = 10
"""How long a node may keep the server waiting within a transaction; then it is undone, and its locks are free."""

# All in one: each round trip to a far server counts. The last four find out that a node was cut off, and undo what it
# had begun; on a local socket the server passes over them.
_POSTGRESQL_SETTINGS = f"""
SET statement_timeout = '{STATEMENT_S}s';
SET lock_timeout = '{LOCK_S}s';
SET idle_in_transaction_session_timeout = '{IDLE_S}s';
SET synchronous_commit = on;
SET client_encoding = 'UTF8';
SET tcp_keepalives_idle = 5;
SET tcp_keepalives_interval = 2;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = '{IDLE_S}s'
"""
# The same seen from here: a server that was cut off is noticed, and nobody waits for it for minutes.
_KEEPALIVES = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": IDLE_S * 1000,
}


def serving_lock(file: str | Path) -> Path:
    """Beside an SQLite file, what a server has locked as long as it serves from that."""
    return Path(f"{file}.serving")


class Database:
    """
    Connections to one database.

    Args:
        url: `sqlite:///file` or `postgresql://user@host/name`.
        patience_s: after how long a PostgreSQL server that says nothing is given up; None: after SILENCE_S.
        unhurried: for whoever carries all of it: no statement is given up, however long it takes.

    Raises:
        BadSettings: another kind of URL, an SQLite older than 3.35, or a
            PostgreSQL database that is not in UTF-8.
        StoreUnavailable: it cannot be reached.
    """

    def __init__(self, url: str, *, patience_s: float | None = None, unhurried: bool = False) -> None:
        self._url = _url_of(url)
        self._unhurried = unhurried
        self._patience_s = patience_s
        self.dialect = self._url.get_backend_name()
        self._begin_read = (
            "BEGIN" if self.dialect == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        )
        self._adapted: dict[str, str] | None = None if self.dialect == "sqlite" else {}
        self._scheme = "sqlite://" if self.dialect == "sqlite" else "postgresql+psycopg://"
        self._conninfo = ""
        self._reach: Reach | None = None
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
                network that swallows what is sent, would keep every thread of ours. What takes as long as the tables are
                large, a migration or a backup, is waited for (`silence_s` None).
                """

                silence_s: float | None = SILENCE_S

                def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
                    if timeout is not None:
                        return super().wait(gen, interval, timeout)
                    try:
                        return super().wait(gen, interval, self.silence_s)
                    except psycopg.errors._WaitTimeout:
                        # What it says later must not be taken for the answer to another question.
                        self.close()
                        raise

            self._attended = Attended
            self.trouble = (*self.trouble, psycopg.Error)
            self.lost = (psycopg.OperationalError,)
            self._conninfo = make_conninfo(
                "",
                **{
                    "connect_timeout": CONNECT_S if patience_s is None else max(2, int(patience_s)),
                    "application_name": "meydan",
                    **_KEEPALIVES,
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
        # On PostgreSQL, for what is counted there: none is opened until something is.
        self._small = create_engine(
            self._scheme,
            creator=lambda: self._connect(reading=False, patience_s=COUNT_S),
            poolclass=QueuePool,
            pool_size=2,
            max_overflow=2,
            pool_timeout=1,
            pool_pre_ping=True,
        )
        self._closed = threading.Event()
        # Whoever has little patience finds out by themselves, and nobody else is told: that is another server.
        if self.dialect == "postgresql" and patience_s is None:
            self._reach = Reach(self._answers)

    def _connect(self, *, reading: bool, patience_s: float | None = None) -> Any:
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

        patience_s = patience_s or self._patience_s
        self.check_reach()
        try:
            with self._watched():
                server = self._attended.connect(self._conninfo, autocommit=True)
        except psycopg.OperationalError as error:
            if self._reach is not None and not _is_full(error):
                self._reach.lost()
            raise StoreUnavailable(self._unreached(str(error))) from None
        if patience_s is not None:
            server.silence_s = patience_s
        if self._reach is not None:
            self._reach.joined(server, server.fileno())
        try:
            server.execute(_POSTGRESQL_SETTINGS)
        except BaseException:
            server.close()
            raise
        if self._unhurried:
            server.silence_s = None
        return server

    def _answers(self) -> bool:
        """Whether a PostgreSQL server takes a new connection, in PROBE_S at most."""
        import psycopg

        try:
            psycopg.connect(self._conninfo, connect_timeout=PROBE_S).close()
        except psycopg.Error as error:
            return _is_full(error)
        return True

    @property
    def away(self) -> bool:
        """Whether it is known not to answer. Asks nothing; SQLite's file is never away."""
        return self._reach is not None and self._reach.away

    def _watched(self) -> AbstractContextManager[None]:
        """Around whatever waits for the server."""
        return nullcontext() if self._reach is None else self._reach.waiting()

    def check_reach(self) -> None:
        """Raises StoreUnavailable, at once, while it is known not to answer."""
        if self._reach is not None:
            self._reach.check()

    def writing_hand(self) -> Hand:
        """A connection of the caller's own that may write."""
        connection = self._connect(reading=False)
        if self._adapted is None:
            return Hand(connection, connection.cursor(), None)
        return FarHand(connection, self._adapted, self._spare_hand, self._reach)

    def _spare_hand(self) -> Hand:
        """Each of its statements is a transaction of its own."""
        connection = self._connect(reading=False)
        return Hand(connection, connection.cursor(), self._adapted, self._reach)

    def wait_for_numbers(self) -> None:
        """Let who gives numbers at this moment finish: what they wrote is seen from now on."""
        self.one(statements.AFTER_NUMBERS[self.dialect])

    def session(self, name: str) -> Any:
        """
        A PostgreSQL connection of the caller's own, to listen or to hold a lock for as long as it lives.

        Args:
            name: under which the operator finds it in pg_stat_activity, after "meydan".

        Should this machine be cut off, both ends notice within some ten seconds.
        """
        connection = self._connect(reading=False, patience_s=SESSION_S)
        try:
            # Whoever only listens is idle by trade.
            connection.execute("SET idle_session_timeout = 0")
            connection.execute(f"SET application_name = 'meydan {name}'")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def at_once(self) -> Iterator[Hand]:
        """A connection whose statements are each a transaction, for what is neither a record nor worth the writer's turn."""
        if self._closed.is_set():
            raise StoreUnavailable("The store is closed.")
        try:
            connection = self._small.raw_connection()
            try:
                yield Hand(connection, connection.cursor(), self._adapted, self._reach)
            except BaseException:
                connection.invalidate()
                raise
            finally:
                connection.close()
        except self.trouble as error:
            raise unavailable(error) from None

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
        self.check_reach()
        try:
            # The pool asks too, whether a connection is alive still, and takes back what was begun.
            with self._watched():
                connection = self._engine.raw_connection()
                try:
                    hand = Hand(connection, connection.cursor(), self._adapted, self._reach)
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

    def is_served(self) -> bool:
        """Whether a server has this SQLite file."""
        if self.dialect != "sqlite":
            return False
        try:
            with serving_lock(self._url.database or "").open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

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

    def version(self) -> str | None:
        """
        The number of the last migration that the tables have been through, None where there are none.

        Raises:
            StoreUnavailable: the database failed.
        """
        row = self.one(statements.SCHEMA_VERSION)
        return None if row is None else str(row[0])

    def migrating_engine(self) -> Engine:
        """Connections of their own for whoever changes tables; see migrating.py. They are waited for as long as it takes."""

        def connect() -> Any:
            connection = self._connect(reading=False)
            if self.dialect == "postgresql":
                connection.silence_s = None
            return connection

        return create_engine(self._scheme, creator=connect, poolclass=NullPool)

    def close(self) -> None:
        self._closed.set()
        if self._reach is not None:
            self._reach.close()
        self._engine.dispose()
        self._small.dispose()


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


def _is_full(error: BaseException) -> bool:
    """Whether a PostgreSQL server takes no connection because it has too many: then it answers."""
    return any(
        said in str(error) for said in ("too many clients", "too many connections", "connection slots")
    )


def _url_of(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # A port that is no number is the second; its message has part of the address in it.
        parsed = None
    if parsed is not None and parsed.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        _check_options(parsed)
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


def _check_options(url: URL) -> None:
    """Refuse what stands after the "?" and is no option of PostgreSQL's, before a connection is tried with it."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    try:
        make_conninfo(**dict.fromkeys(url.query, "1"))
    except psycopg.ProgrammingError:
        raise BadSettings(
            "The database's address has something after its '?' that is no option of PostgreSQL's.",
            fields=("database",),
        ) from None


def _touch(path: Path) -> None:
    """Make the file readable to its owner alone; SQLite gives its journal the same rights."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreUnavailable(
            f"The database file {path} cannot be opened for writing: {error.strerror}."
        ) from None
