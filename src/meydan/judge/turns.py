"""
Turns at the judge: so many judge at once, whoever asked first is next, and what can wait waits for all of them.

Judging is work for a processor, not waiting: more at once than there are cores take the cores from one another, and
each comment then waits for all. Knows nothing of comments; the clock is the system's, because what is bounded is how
long a living request may wait.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Iterator

LOOK_AGAIN_S = 0.02
"""How often what can wait looks for room."""

CALM_S = 0.1
"""
How long it has to be quiet before there is room. Those who send one after the other are answered together, and for a
moment nobody is being answered: to begin to judge in such a moment takes the core from whoever sends next.
"""


class Turns:
    """`at_once` turns. Safe to use from many threads."""

    def __init__(self, at_once: int = 0, *, desks: int = 0) -> None:
        """
        Args:
            at_once: how many judge at once; 0: as many as there are cores for this process.
            desks: how many get something ready at once; 0: as many as judge.
        """
        self.at_once = at_once if at_once > 0 else _cores()
        self._free = self.at_once
        self._under_way = 0
        self._crowded_at = -CALM_S
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._desks = threading.Semaphore(desks if desks > 0 else self.at_once)

    @contextlib.contextmanager
    def request(self) -> Iterator[None]:
        """What lasts as long as somebody is being answered: meanwhile there is less room for what can wait."""
        self.arrive()
        try:
            yield
        finally:
            self.leave()

    def arrive(self) -> None:
        """Somebody is being answered from now on, until `leave`."""
        with self._lock:
            self._under_way += 1
            self._note_crowd()

    def leave(self) -> None:
        """They were answered."""
        with self._lock:
            self._note_crowd()
            self._under_way -= 1

    def _note_crowd(self) -> None:
        if self._under_way >= self.at_once:
            self._crowded_at = time.monotonic()

    @contextlib.contextmanager
    def getting_ready(self) -> Iterator[None]:
        """One of the few places to check what came and get it ready to be kept."""
        self._desks.acquire()
        try:
            yield
        finally:
            self._desks.release()

    @contextlib.contextmanager
    def turn(self, within_s: float) -> Iterator[bool]:
        """A turn for as long as this lasts; False where none came within the time, and then there is none to end."""
        taken = self._take(within_s)
        try:
            yield taken
        finally:
            if taken:
                self._end()

    @contextlib.contextmanager
    def spare_turn(self) -> Iterator[bool]:
        """A turn for what can wait; False where there is no room for it now."""
        with self._lock:
            taken = self._has_room()
            self._free -= taken
        try:
            yield taken
        finally:
            if taken:
                self._end()

    def wait_for_room(self, ended: threading.Event, *, at_most_s: float) -> None:
        """Wait until there is room for what can wait, or the time is over, or it all is."""
        until = time.monotonic() + at_most_s
        while time.monotonic() < until:
            with self._lock:
                if self._has_room():
                    return
            if ended.wait(LOOK_AGAIN_S):
                return

    def _has_room(self) -> bool:
        # Only with a core for each who is being answered is there one for what can wait.
        calm = self._under_way < self.at_once and time.monotonic() - self._crowded_at >= CALM_S
        return self._free > 0 and calm

    def _take(self, within_s: float) -> bool:
        with self._lock:
            if self._free > 0:
                self._free -= 1
                return True
            if within_s <= 0:
                return False
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=within_s):
            return True
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        # It was handed over at the last moment.
        return True

    def _end(self) -> None:
        with self._lock:
            if self._waiting:
                # Handed over, not set free: nobody who comes later is first.
                self._waiting.popleft().release()
            else:
                self._free += 1


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
