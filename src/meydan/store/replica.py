"""
Reading from a copy of the database that follows it, so that readers do not ask where comments are written.

Only what readers see is read there, never what a write depends on, and only while the copy has what this node knows
to have changed: who was just shown an approval is not shown the page of before. Behind, unreachable or silent, the
database itself is asked, and after a failure the copy is left alone for a while: it is no reason for anything to fail.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from meydan.errors import BadSettings, StoreUnavailable
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.hand import Hand

T = TypeVar("T")

PATIENCE_S: Final = 2.0
"""How long the copy may take to say anything: readers wait meanwhile."""

REST_S: Final = 10.0

log = structlog.get_logger("meydan.store")


class Replica:
    """
    Args:
        url: of a PostgreSQL server that follows the primary's; need not be reachable.
        primary: where it is read otherwise.

    Raises:
        BadSettings: another kind of URL, or a primary that is no PostgreSQL.
    """

    def __init__(self, url: str, primary: Database) -> None:
        try:
            self._copy = Database(url, patience_s=PATIENCE_S)
        except BadSettings as error:
            raise BadSettings(
                "The replica must be postgresql://USER@HOST/NAME.", fields=("replica",)
            ) from error
        if self._copy.dialect != "postgresql" or primary.dialect != "postgresql":
            self._copy.close()
            raise BadSettings("Only PostgreSQL is read from a replica.", fields=("replica",))
        self._primary = primary
        self._lock = threading.Lock()
        self._resting_until = float("-inf")
        self._ours = False
        self.read_there = self.read_here = 0
        """How many times it was read from the copy, and how many times the primary had to do."""

    def read(self, body: Callable[[Hand], T], *, known: int | None) -> T:
        """
        What `body` reads in one moment of the copy, or of the primary.

        Args:
            known: the newest change that this node has heard of; None where it has not asked yet.
        """
        if known is not None and time.monotonic() >= self._resting_until:
            try:
                with self._copy.reading(snapshot=True) as hand:
                    if self._is_ours(hand) and self._change(hand) >= known:
                        found = body(hand)
                        self.read_there += 1
                        return found
            except StoreUnavailable as error:
                # Also a question that the copy broke off, because it had to go on following.
                self._rest(error.message)
        with self._primary.reading(snapshot=True) as hand:
            self.read_here += 1
            return body(hand)

    @staticmethod
    def _change(hand: Hand) -> int:
        row = hand.one(sql.LATEST_CHANGE)
        return -1 if row is None else int(row[0])

    def _is_ours(self, hand: Hand) -> bool:
        """Whether it is a copy of this database: another newsroom's comments would be shown otherwise."""
        if not self._ours:
            here = self._primary.one(sql.SECRET)
            there = hand.one(sql.SECRET)
            if there != here:
                self._rest("it is not a copy of this database, or has none of its tables yet")
                return False
            self._ours = True
        return True

    def _rest(self, cause: str) -> None:
        with self._lock:
            at = time.monotonic()
            if at >= self._resting_until:
                log.warning("replica_not_used", cause=cause, for_s=REST_S)
            self._resting_until = at + REST_S
            # Whatever is there next time may be another one.
            self._ours = False

    def close(self) -> None:
        self._copy.close()
