"""
Whether PostgreSQL answers: found out by one thread, known to all of them at once.

A server that was killed refuses a connection in no time. One that is stopped, or cut off, says nothing at all: without
this, every thread would find out by itself, each in its own time-out, and whoever waits for a statement under way would
wait for ever. So one prober looks after every call that takes longer than it should. Where the server does not answer
the prober either, all lines are cut, whoever waits is refused, and who comes next is refused at once, until the
prober has been answered again.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from meydan.errors import StoreUnavailable

LONG_S = 1.0
"""A call that has taken longer than this is a reason to ask whether the server answers at all."""

LOOK_EVERY_S = 0.25
"""How often the prober looks at the calls under way, and how soon it asks again while there is no answer."""

log = structlog.get_logger("meydan.store")


class Reach:
    """
    One database server, and whether it can be reached.

    Args:
        answers: asks the server over a connection of its own, in bounded time.
    """

    def __init__(self, answers: Callable[[], bool]) -> None:
        self._answers = answers
        self._away_since: float | None = None
        self._under_way: dict[int, float] = {}
        self._lines: weakref.WeakKeyDictionary[Any, socket.socket] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()
        self._stirred = threading.Event()
        self._ended = threading.Event()
        self._ever = False
        self._asked_at = 0.0
        self._prober = threading.Thread(target=self._look_on, name="meydan-store-prober", daemon=True)
        self._prober.start()

    @property
    def away(self) -> bool:
        """Whether the server is known not to answer."""
        return self._away_since is not None

    def check(self) -> None:
        """Raises StoreUnavailable, at once, while the server is known not to answer."""
        if self._away_since is not None:
            raise StoreUnavailable("The database does not answer; nothing was written. Try again.")

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around whatever waits for the server: it is looked after when it takes long."""
        thread = threading.get_ident()
        outer = self._under_way.get(thread)
        self._under_way[thread] = time.monotonic()
        try:
            yield
        finally:
            if outer is None:
                self._under_way.pop(thread, None)
            else:
                self._under_way[thread] = outer

    def joined(self, connection: Any, descriptor: int) -> None:
        """A connection was made: it is cut when the server is found away."""
        # A descriptor of our own to the same socket: closing theirs may give its number to another file at any time.
        line = socket.socket(fileno=os.dup(descriptor))
        with self._lock:
            self._ever = True
            self._lines[connection] = line
        weakref.finalize(connection, line.close)

    def lost(self) -> None:
        """No connection could be made: known to all from now on, until the prober is answered."""
        # Whoever has never been answered is told by the caller; there is nothing yet to be gone.
        if self._ended.is_set() or not self._ever:
            return
        with self._lock:
            first = self._away_since is None
            if first:
                self._away_since = time.monotonic()
        if first:
            log.error("database_away")
        self._stirred.set()

    def close(self) -> None:
        self._ended.set()
        self._stirred.set()

    def _look_on(self) -> None:
        while not self._ended.is_set():
            self._stirred.wait(timeout=LOOK_EVERY_S)
            self._stirred.clear()
            if self._ended.is_set():
                return
            if self.away or self._long_under_way():
                self._ask()
                if self.away:
                    # Not over and over: asking costs the server a process each time.
                    time.sleep(LOOK_EVERY_S)

    def _long_under_way(self) -> bool:
        now = time.monotonic()
        # Somebody waits for a lock, or a long statement: one look at a time is enough.
        return now - self._asked_at > LONG_S and any(
            now - since > LONG_S for since in tuple(self._under_way.values())
        )

    def _ask(self) -> None:
        self._asked_at = time.monotonic()
        try:
            answered = self._answers()
        except Exception as error:  # noqa: BLE001 - without the prober nobody would ever be told that it is back
            log.error("database_not_asked", error=type(error).__name__)
            answered = False
        if not answered:
            self.lost()
            self._cut()
            return
        with self._lock:
            since, self._away_since = self._away_since, None
        if since is not None:
            log.info("database_back", away_s=round(time.monotonic() - since, 1))

    def _cut(self) -> None:
        """End every call under way: whoever waits on one of these lines is told that it broke."""
        with self._lock:
            lines = list(self._lines.values())
            self._lines.clear()
        for line in lines:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
