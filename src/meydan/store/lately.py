"""
What was sent lately, kept in memory: how many came from where, and which say nearly the same.

Every submission asks both. Read anew each time, that was the largest read of a submission, and it grew with the hour;
here each asks only for what is new since the last one did. The database stays what counts: other processes' comments
come in by the same question, and what is older than what is kept is asked of it. Where one process receives, it tells
what it received itself, and asks now and then only.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.hand import Row
from meydan.text.likeness import SIZE, is_near

KEPT: Final = 4096
"""Comments in memory: twice as many as are ever looked at, so that those between which a late one is judged are there too."""

GAP_S: Final = 10.0
"""How long a number that is missing may still come: no transaction that writes a comment takes so long."""


ASKED_EVERY_S: Final = 0.2
"""How often it is asked for what others received, where this process receives nearly all."""


class Lately:
    """The newest KEPT comments as numbers and signatures, no words. Safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._every_s = ASKED_EVERY_S if database.dialect == "sqlite" else 0.0
        self._told: deque[Row] = deque(maxlen=KEPT)
        """What this process received, and nobody has taken in yet; what has no room here, the next question finds."""
        self._begin()

    def received(
        self, number: int, at: int, story: int, address_key: str | None, signature: bytes | None
    ) -> None:
        """This process received a comment, and it is durable."""
        # Before the first question nothing is known that this could be added to.
        if self._every_s and self._after is not None:
            # Without the lock: who holds it may be waiting for the database, and this is told by the thread that writes.
            self._told.append((number, at, story, address_key, signature))

    def forget(self) -> None:
        """Forget the signature and the address of what has none in the database any more, whichever node took them."""
        with self._lock:
            self._take_in()
            if not self._count:
                return
            kept = self._numbers[: self._count]
            rows = self._database.all(sql.BARE, begin=int(kept.min()), end=int(kept.max()))
            bare = np.isin(self._numbers, np.array([row[0] for row in rows], np.int64))
            self._addresses[bare] = 0
            self._signed[bare] = False
            self._signatures[:, bare] = 0

    def crowd(
        self, story: int, address_key: str, *, since: int, until: int, most: int
    ) -> tuple[int, int, int] | None:
        """
        How many of the `most` sent last within a time came on the site, on a story (its id) and from an address.

        Returns:
            None where not all of that time is in memory. `since` and `until` are in microseconds.
        """
        with self._lock:
            self._refresh()
            within = self._within(self._times, since, until, most)
            if within is None:
                return None
            return (
                int(np.count_nonzero(within)),
                int(np.count_nonzero(within & (self._stories == story))),
                int(np.count_nonzero(within & (self._addresses == hash(address_key)))),
            )

    def near(self, mine: bytes, *, since: int, until: int, most: int) -> int | None:
        """How many of the `most` signatures sent last within a time are nearly this one; None as for `crowd`."""
        with self._lock:
            self._refresh()
            within = self._within(np.where(self._signed, self._times, -1), since, until, most)
            return None if within is None else int(np.count_nonzero(within & is_near(mine, self._signatures)))

    def _begin(self) -> None:
        self._numbers: NDArray[np.int64] = np.full(KEPT, -1, np.int64)
        self._times: NDArray[np.int64] = np.full(KEPT, -1, np.int64)
        self._stories: NDArray[np.int64] = np.zeros(KEPT, np.int64)
        self._addresses: NDArray[np.int64] = np.zeros(KEPT, np.int64)
        self._signed: NDArray[np.bool_] = np.zeros(KEPT, np.bool_)
        self._signatures: NDArray[np.uint8] = np.zeros((SIZE, KEPT), np.uint8)
        self._count = 0
        self._oldest = 0
        """From when on everything is in memory."""
        self._after: int | None = None
        """Up to which number nothing new can come; None before anything was read."""
        self._beyond: set[int] = set()
        self._gap_since = time.monotonic()
        self._asked_at = 0.0

    def _within(
        self, times: NDArray[np.int64], since: int, until: int, most: int
    ) -> NDArray[np.bool_] | None:
        within: NDArray[np.bool_] = (times >= since) & (times <= until) & (times >= 0)
        found = int(np.count_nonzero(within))
        if found >= most:
            within &= times >= np.partition(times[within], found - most)[found - most]
        elif since < self._oldest:
            return None
        return within

    def _take_in(self) -> None:
        """What this process was told of itself."""
        while self._told:
            row = self._told.popleft()
            if self._after is not None and row[0] > self._after and row[0] not in self._beyond:
                self._came([row])

    def _refresh(self) -> None:
        self._take_in()
        after = self._after
        asked = time.monotonic()
        if after is not None and asked < self._asked_at + self._every_s:
            return
        self._asked_at = asked
        rows = [] if after is None else self._database.all(sql.LATELY, after=after, limit=KEPT)
        if after is None or len(rows) == KEPT:
            self._begin()
            rows = self._database.all(sql.LATEST_SENT, limit=KEPT)[::-1]
            self._after = int(rows[0][0]) - 1 if rows else 0
        if rows:
            self._came([row for row in rows if row[0] not in self._beyond])

    def _came(self, rows: Sequence[Row]) -> None:
        before = after = self._after or 0
        self._take(rows)
        whole = not self._beyond
        self._beyond.update(int(row[0]) for row in rows)
        while after + 1 in self._beyond:
            after += 1
            self._beyond.discard(after)
        # A missing number may belong to a transaction that is not committed yet, or to one that never will be.
        now = time.monotonic()
        if whole or after > before or not self._beyond:
            # What is missing now is not what was missing before.
            self._gap_since = now
        elif now > self._gap_since + GAP_S:
            after = max(self._beyond)
            self._beyond.clear()
            self._gap_since = now
        self._after = after

    def _take(self, rows: Sequence[Row]) -> None:
        for number, at, story, address_key, signature in rows:
            place = self._count % KEPT
            if self._count >= KEPT:
                self._oldest = max(self._oldest, int(self._times[place]) + 1)
            self._count += 1
            self._numbers[place] = number
            self._times[place] = at
            self._stories[place] = story
            self._addresses[place] = 0 if address_key is None else hash(address_key)
            self._signed[place] = signature is not None and len(signature) == SIZE
            if self._signed[place]:
                self._signatures[:, place] = np.frombuffer(signature, np.uint8)
        if self._count == len(rows) == KEPT:
            # There may be more before these, of which nothing is known here.
            self._oldest = int(self._times.min())
