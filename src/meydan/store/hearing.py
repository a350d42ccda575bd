"""
What other nodes changed, heard at once: one connection of a node that listens and does nothing else.

PostgreSQL only. A transaction that changed what readers see tells the number of its change (see store.py). Hearing
makes it quick, not certain: a connection may break unseen, so whoever needs to know keeps asking, more slowly. On any
doubt, a connection made anew or long silence, it is as if something had been heard.

Needs a session of its own: a pooler that hands out connections by transaction loses what is listened for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import structlog

from meydan.errors import MeydanError
from meydan.store import statements as sql
from meydan.store.database import Database

LISTEN: Final = "LISTEN meydan"

SILENCE_S: Final = 5.0
"""After so long without a word it is looked whether the connection still is one."""

FIRST_REST_S: Final = 0.1
LONGEST_REST_S: Final = 5.0
"""How long after a failure it is tried again: twice as long each time."""

log = structlog.get_logger("meydan.store")


class Hearing:
    """
    Listens in a thread of its own until it is closed.

    Args:
        told: called from that thread with the number of a change, or None where one may have been missed: look.
    """

    def __init__(self, database: Database, told: Callable[[int | None], None]) -> None:
        self._database = database
        self._failures: tuple[type[Exception], ...] = (*database.trouble, MeydanError)
        self._told = told
        self._ended = threading.Event()
        self._session: Any = None
        self.hears = False
        """Whether the connection stands, as far as anybody knows."""
        self._thread = threading.Thread(target=self._run, name="meydan-hearing", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening. Where a connection is just being made, it is let go of when it stands."""
        self._ended.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        rest_s = FIRST_REST_S
        while not self._ended.is_set():
            try:
                with self._database.session("hearing") as session:
                    session.execute(LISTEN)
                    self.hears, rest_s = True, FIRST_REST_S
                    # What was said before this connection stood was said to nobody.
                    self._told(None)
                    self._listen(session)
            except self._failures as error:
                if self.hears:
                    log.warning("hearing_lost", error=type(error).__name__)
                self.hears = False
                self._told(None)
                self._ended.wait(rest_s)
                rest_s = min(2 * rest_s, LONGEST_REST_S)
            except Exception as error:  # noqa: BLE001
                # Whatever it was: without this thread the node goes on by asking, and nobody would know why it is slower.
                log.error("hearing_failed", error=type(error).__name__)
                self.hears = False
                self._ended.wait(LONGEST_REST_S)
        self.hears = False

    def _listen(self, session: Any) -> None:
        silent_s = 0.0
        while not self._ended.is_set():
            heard = False
            for notice in session.notifies(timeout=0.5, stop_after=1):
                heard = True
                self._told(int(notice.payload) if notice.payload.isdecimal() else None)
            silent_s = 0.0 if heard else silent_s + 0.5
            if silent_s >= SILENCE_S:
                session.execute(sql.ALIVE[self._database.dialect])
                silent_s = 0.0
