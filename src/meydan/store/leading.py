"""
Which node looks after the house: sweeps what was left unjudged, forgets what has expired, carries letters.

On PostgreSQL whoever holds one advisory lock, on a connection of its own; with the connection the lock is gone, and
whoever asks next has it. On SQLite the one server. It saves work, no more: who lost the connection may not know it for
a moment, so whatever a leader does must be harmless when it is done twice, and has a lease or is the same again.

Needs a session of its own: a pooler that hands out connections by transaction would lose the lock.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

import structlog

from meydan.errors import MeydanError
from meydan.store import statements as sql
from meydan.store.database import Database

SURE_S: Final = 1.0
"""For how long an answer holds before the database is asked again."""

REST_S: Final = 5.0
"""How long after a failure the database is left alone."""

log = structlog.get_logger("meydan.store")


class Leading:
    """Whether this node leads. Safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._failures: tuple[type[Exception], ...] = (*database.trouble, MeydanError)
        self._alone = database.dialect == "sqlite"
        self._lock = threading.Lock()
        self._session: Any = None
        self._asked_at = float("-inf")
        self._resting_until = float("-inf")
        self._closed = False
        self.now = self._alone
        """What `leads` said last."""

    def leads(self) -> bool:
        """Ask before each piece of a leader's work: the lock is taken if nobody has it; False while the database is away."""
        if self._alone:
            return True
        with self._lock:
            at = time.monotonic()
            if self._closed or at < self._resting_until:
                return False
            if not self.now or at - self._asked_at >= SURE_S:
                before, self.now = self.now, self._ask()
                self._asked_at = at
                if self.now != before:
                    log.info("leading" if self.now else "not_leading")
            return self.now

    def _ask(self) -> bool:
        try:
            if self._session is None:
                self._session = self._database.session("leading")
            if self.now:
                # The lock lives as long as its connection does.
                self._session.execute(sql.ALIVE[self._database.dialect])
                return True
            taken = self._session.execute(sql.LEAD[self._database.dialect]).fetchone()
            return bool(taken and taken[0])
        except self._failures:
            self._drop()
            self._resting_until = time.monotonic() + REST_S
            return False

    def close(self) -> None:
        """Let another node lead."""
        with self._lock:
            self._closed, self.now = True, False
            self._drop()

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()
