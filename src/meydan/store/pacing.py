"""
How often somebody does something, counted for all nodes together. PostgreSQL only; one server counts in memory.

A token bucket in one row and one statement: what is kept is when the bucket will be full again, by the database's
clock. The rows are in no journal and on no replica; after a crash of the database everybody begins with a full bucket.
"""

from __future__ import annotations

import time
from typing import Final

import structlog

from meydan.errors import StoreUnavailable
from meydan.store import statements as sql
from meydan.store.database import Database, unavailable

REST_S: Final = 5.0
"""After a failure the database is left alone for so long: those who wait would all wait for it."""

log = structlog.get_logger("meydan.store")


class Pacing:
    """Buckets that all nodes share. Safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._resting_until = float("-inf")

    @property
    def shared(self) -> bool:
        """Whether there is anybody to share with."""
        return self._database.dialect == "postgresql"

    def take(self, key: str, *, per_minute: int, burst: int) -> float:
        """
        Take one of `burst` at once, which come back at `per_minute`.

        Args:
            key: what is counted, and a keyed hash of who does it.

        Returns:
            0.0, or how many seconds later there is one, where none was left.

        Raises:
            StoreUnavailable: it could not be counted; the next few seconds it is not even tried.
        """
        dialect = self._database.dialect
        if time.monotonic() < self._resting_until:
            raise StoreUnavailable("The database did not answer a moment ago. Try again.")
        step = 60_000_000 // per_minute
        given = {"key": key, "step": step, "burst": step * burst}
        try:
            with self._database.at_once() as hand:
                if hand.run(sql.TAKE_PACE[dialect], **given):
                    return 0.0
                row = hand.one(sql.PACE_LEFT[dialect], **given)
        except self._database.trouble as error:
            self._resting_until = time.monotonic() + REST_S
            log.warning("pace_not_shared", cause=unavailable(error).message)
            raise unavailable(error) from None
        except StoreUnavailable:
            self._resting_until = time.monotonic() + REST_S
            raise
        # Forgotten between the two, or run out meanwhile: there is one by now.
        return max(0.001, int(row[0]) / 1_000_000) if row is not None else 0.001

    def forget(self) -> None:
        """Forget whose bucket is full."""
        if self.shared:
            with self._database.at_once() as hand:
                hand.run(sql.FORGET_PACE[self._database.dialect])
