"""
One thread writes; what arrives while it commits is committed together.

Making a transaction durable costs a wait for the disk, whatever is in it. So
callers hand over their work and wait; the thread takes all work that is there,
does each piece inside its own savepoint, and commits once. A piece that fails
undoes itself alone. Nobody is answered before the commit has returned.

Other processes may write too: a batch begins by taking the database's own lock.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

import structlog

from meydan.errors import Overloaded, StoreUnavailable
from meydan.onlooker import UNWATCHED, Onlooker
from meydan.store.database import Database, Hand, unavailable

T = TypeVar("T")
Work = Callable[[Hand], Any]

BATCH = 64
"""Pieces of work in one commit at most: PostgreSQL remembers so many savepoints without spilling."""

SCRUB_RETRY_S = 0.5
"""How soon after a failed emptying of the journal the next is tried; twice as long after each, up to a minute."""

log = structlog.get_logger("meydan.store")


@dataclass(frozen=True, slots=True)
class Bounds:
    """
    How much work may wait to be written, and for how long; beyond, it is refused at once and nothing of it is kept.

    Attributes:
        pieces: pieces of work that wait, at most: four full commits.
        patience_s: seconds that a piece waits before its work begins, at most. An author waits so long in front of
            a page; a commit takes milliseconds, so whatever takes this long will not be over in a moment.
    """

    pieces: int = 4 * BATCH
    patience_s: float = 5.0


class _Piece(NamedTuple):
    work: Work
    future: Future[Any]
    scrub: bool
    large: bool


class Writer:
    """
    Runs work in the order it came, many pieces to one commit.

    Work is a function of a `Hand`. It must touch nothing but the database: it
    may be done and undone again because of its neighbours.
    """

    def __init__(self, database: Database, bounds: Bounds | None = None) -> None:
        self._database = database
        self._bounds = bounds or Bounds()
        self.onlooker: Onlooker = UNWATCHED
        self._batch_since: float | None = None
        self.failing = False
        self._queue: SimpleQueue[_Piece | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._hand: Hand | None = None
        self._scrub_at: float | None = None
        self._scrub_wait_s = SCRUB_RETRY_S
        self._thread = threading.Thread(target=self._run, name="meydan-store-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[Hand], T], *, scrub: bool = False, large: bool = False) -> T:
        """
        Do `work` and return its result once it is durable.

        With `scrub`, what the work erased is also driven out of SQLite's files
        before this returns (or soon after, if a long reading is under way); with
        `large`, whatever it takes. See Database.scrub.

        Raises:
            MeydanError: what the work itself raised; nothing of it was kept.
            Overloaded: what came before takes too long; nothing of it was kept.
            StoreUnavailable: the database failed; nothing of it was kept (or, if
                the connection broke while it committed, perhaps all of it: never a part).
        """
        future: Future[T] = Future()
        self._database.check_reach()
        if self.queued >= self._bounds.pieces or self.stuck_s > self._bounds.patience_s:
            raise self._turned_away()
        with self._gate:
            if self._closed:
                raise StoreUnavailable("The store is closed; nothing was written. Try again.")
            self._queue.put(_Piece(work, future, scrub, large))
        try:
            return future.result(timeout=self._bounds.patience_s)
        except TimeoutError:
            # Its own, when it is done: what the work raised, which may be a time-out too.
            if future.done() or not future.cancel():
                # It is being written: whether it is kept is known only when that has ended.
                return future.result()
            raise self._turned_away() from None

    @property
    def queued(self) -> int:
        """How many pieces wait to be written."""
        return self._queue.qsize()

    @property
    def stuck_s(self) -> float:
        """For how long the batch under way has been; 0.0 where there is none."""
        since = self._batch_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def ended(self) -> bool:
        """Whether nothing is written any more."""
        return self._closed or not self._thread.is_alive()

    def _turned_away(self) -> Overloaded:
        self.onlooker.turned_away()
        return Overloaded(
            "More is to be written than the database keeps up with. Nothing was kept; try again.",
            retry_after_s=max(1, round(self._bounds.patience_s)),
        )

    def close(self) -> None:
        """Finish the work that is there, then stop. Closing twice does nothing more."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        open_for_work = True
        try:
            while open_for_work:
                batch, open_for_work = self._gather()
                # From here on a piece is under way and cannot be taken back; who has not waited for it is left out.
                batch = [piece for piece in batch if piece.future.set_running_or_notify_cancel()]
                if batch:
                    self._batch_since = time.monotonic()
                    self._settle(batch)
                    self._batch_since = None
                if self._scrub_at is not None and time.monotonic() >= self._scrub_at:
                    self._scrub()
        finally:
            # However this ends, nobody may be left waiting.
            with self._gate:
                self._closed = True
            while not self._queue.empty():
                item = self._queue.get()
                if item is not None and item.future.set_running_or_notify_cancel():
                    item.future.set_exception(StoreUnavailable("The store is closed; nothing was written."))
            self._drop()

    def _gather(self) -> tuple[list[_Piece], bool]:
        """The work that is there, at most BATCH pieces, and whether more may come."""
        batch: list[_Piece] = []
        try:
            item = self._queue.get(timeout=None if self._scrub_at is None else SCRUB_RETRY_S)
            while item is not None:
                batch.append(item)
                if len(batch) == BATCH:
                    return batch, True
                item = self._queue.get_nowait()
        except Empty:
            return batch, True
        return batch, False

    def _settle(self, batch: list[_Piece]) -> None:
        """Do a batch and answer everyone in it; never raises."""
        results: list[Any] = []
        errors: list[BaseException | None] = []
        try:
            hand = self._begin()
            for piece in batch:
                hand.run("SAVEPOINT piece")
                result, error = None, None
                try:
                    result = piece.work(hand)
                except BaseException as raised:  # noqa: BLE001  (whatever it was, someone waits for the answer)
                    error = raised
                    # If even this fails the transaction is gone, and with it the whole batch.
                    hand.run("ROLLBACK TO SAVEPOINT piece")
                hand.run("RELEASE SAVEPOINT piece")
                results.append(result)
                errors.append(error)
            hand.run("COMMIT")
            # Durable from here: a crash after this line loses nothing.
        except BaseException as raised:  # noqa: BLE001
            self._drop()
            log.error("store_write_failed", pieces=len(batch), cause=unavailable(raised).message)
            self.failing = True
            self.onlooker.write_failed()
            errors = [error or raised for error in errors]
            errors += [raised] * (len(batch) - len(errors))
        else:
            self.failing = False
            self.onlooker.committed(len(batch), self.stuck_s)
            done = [piece for piece, error in zip(batch, errors, strict=True) if error is None]
            if any(piece.scrub for piece in done):
                self._scrub(large=any(piece.large for piece in done))
        for number, piece in enumerate(batch):
            error = errors[number]
            if error is None:
                piece.future.set_result(results[number])
            else:
                piece.future.set_exception(
                    unavailable(error) if isinstance(error, self._database.trouble) else error
                )

    def _begin(self) -> Hand:
        """A transaction that no other process writes beside."""
        hand = self._hand
        if hand is not None:
            try:
                for statement in self._database.begin_write:
                    hand.run(statement)
            except self._database.lost:
                # The server went away while nothing was under way; perhaps it is back.
                self._drop()
            else:
                return hand
        hand = self._hand = self._database.writing_hand()
        for statement in self._database.begin_write:
            hand.run(statement)
        return hand

    def _scrub(self, *, large: bool = False) -> None:
        """Drive erased words out of the files; tried again later if a reader still holds them."""
        done = False
        try:
            if self._hand is None:
                self._hand = self._database.writing_hand()
            done = self._database.scrub(self._hand, large=large)
        except Exception as error:  # noqa: BLE001  (the erasure stands; those who wait for it must be answered)
            log.error("store_scrub_failed", cause=unavailable(error).message)
            self._drop()
        if done:
            self._scrub_at, self._scrub_wait_s = None, SCRUB_RETRY_S
        else:
            self._scrub_at = time.monotonic() + self._scrub_wait_s
            self._scrub_wait_s = min(2 * self._scrub_wait_s, 60)

    def _drop(self) -> None:
        hand, self._hand = self._hand, None
        if hand is not None:
            try:
                hand.close()
            except Exception as error:  # noqa: BLE001  (it is let go of in any case)
                log.warning("store_close_failed", cause=unavailable(error).message)
