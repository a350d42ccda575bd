"""
One thread writes; what arrives while it commits is committed together.

Making a transaction durable costs a wait for the disk, whatever is in it. So
callers hand over their work and wait; the thread takes all work that is there,
does each piece inside its own savepoint, and commits once. A piece that fails
undoes itself alone. Nobody is answered before the commit has returned.

Other processes may write too: a batch begins by taking the database's own lock.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from meydan.errors import MeydanError, StoreUnavailable
from meydan.store.database import TROUBLE, Database, Hand, unavailable

T = TypeVar("T")
Work = Callable[[Hand], Any]

BATCH = 64
"""Pieces of work in one commit at most: PostgreSQL remembers so many savepoints without spilling."""

SCRUB_RETRY_S = 0.5

_log = logging.getLogger(__name__)


class Writer:
    """
    Runs work in the order it came, many pieces to one commit.

    Work is a function of a `Hand`. It must touch nothing but the database: it
    may be done and undone again because of its neighbours.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: SimpleQueue[tuple[Work, Future[Any], bool] | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._hand: Hand | None = None
        self._scrub_due = False
        self._thread = threading.Thread(target=self._run, name="meydan-store-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[Hand], T], *, scrub: bool = False) -> T:
        """
        Do `work` and return its result once it is durable.

        With `scrub`, what the work deleted is also driven out of the journal
        before this returns (or soon after, if a long reading is under way).

        Raises:
            MeydanError: what the work itself raised; nothing of it was kept.
            StoreUnavailable: the database failed; nothing of it was kept.
        """
        future: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise StoreUnavailable("The store is closed; nothing was written. Try again.")
            self._queue.put((work, future, scrub))
        return future.result()

    def close(self) -> None:
        """Finish the work that is there, then stop. Closing twice does nothing more."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_for_work = True
        while open_for_work:
            batch, open_for_work = self._gather()
            if batch:
                self._settle(batch)
            if self._scrub_due:
                self._scrub()
        self._drop()

    def _gather(self) -> tuple[list[tuple[Work, Future[Any], bool]], bool]:
        """The work that is there, at most BATCH pieces, and whether more may come."""
        batch: list[tuple[Work, Future[Any], bool]] = []
        try:
            item = self._queue.get(timeout=SCRUB_RETRY_S) if self._scrub_due else self._queue.get()
            while item is not None:
                batch.append(item)
                if len(batch) == BATCH:
                    return batch, True
                item = self._queue.get_nowait()
        except Empty:
            return batch, True
        return batch, False

    def _settle(self, batch: list[tuple[Work, Future[Any], bool]]) -> None:
        """Do a batch and answer everyone in it; never raises."""
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], BaseException]] = []
        scrub = False
        try:
            hand = self._hand
            if hand is None:
                hand = self._hand = self._database.writing_hand()
            hand.run(self._database.begin_write)
            for work, future, wants_scrub in batch:
                hand.run("SAVEPOINT piece")
                try:
                    result = work(hand)
                    hand.run("RELEASE SAVEPOINT piece")
                except BaseException as error:  # noqa: BLE001  (whatever it was, someone waits for the answer)
                    # If even this fails the transaction is gone, and with it the whole batch.
                    hand.run("ROLLBACK TO SAVEPOINT piece")
                    hand.run("RELEASE SAVEPOINT piece")
                    failed.append((future, error))
                else:
                    done.append((future, result))
                    scrub = scrub or wants_scrub
            if done:
                hand.run("COMMIT")
                # Durable from here: a crash after this line loses nothing.
            else:
                hand.run("ROLLBACK")
        except BaseException as error:  # noqa: BLE001  (whatever it was, someone waits for the answer)
            self._drop()
            trouble = unavailable(error)
            _log.error("store_write_failed", extra={"pieces": len(batch), "cause": trouble.message})
            refused = {id(future): reason for future, reason in failed if isinstance(reason, MeydanError)}
            for _, future, _ in batch:
                future.set_exception(refused.get(id(future)) or unavailable(error))
            return
        if scrub:
            self._scrub_due = True
            self._scrub()
        for future, result in done:
            future.set_result(result)
        for future, reason in failed:
            future.set_exception(unavailable(reason) if isinstance(reason, TROUBLE) else reason)

    def _scrub(self) -> None:
        """Drive deleted words out of the journal; tried again later if a reader still holds it."""
        try:
            if self._hand is None:
                self._hand = self._database.writing_hand()
            self._scrub_due = not self._database.scrub(self._hand)
        except TROUBLE as error:
            _log.error("store_scrub_failed", extra={"cause": unavailable(error).message})
            self._drop()

    def _drop(self) -> None:
        hand, self._hand = self._hand, None
        if hand is not None:
            try:
                hand.close()
            except TROUBLE:
                _log.warning("store_close_failed")
