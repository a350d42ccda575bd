"""
One thread writes; what arrives while it commits is committed together.

Making a transaction durable costs a wait for the disk, whatever is in it. So
callers hand over their work and wait; the thread takes all work that is there,
does each piece inside its own savepoint, and commits once. A piece that fails
undoes itself alone. Nobody is answered before the commit has returned.

Other processes may write too, and to PostgreSQL a few threads of this one. On SQLite a batch begins by taking the database's
own lock. On PostgreSQL they work at the same time (see hand.py): a piece that
meets another's lock, and every piece of a batch that the server refused, is done
anew, alone. So two that were in each other's way come one after the other.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import structlog

from meydan.errors import Overloaded, StoreUnavailable
from meydan.onlooker import UNWATCHED, Onlooker
from meydan.store.database import Database, unavailable
from meydan.store.hand import Busy, FarHand, Hand

T = TypeVar("T")
Work = Callable[[Hand], Any]
Then = Callable[[Any, BaseException | None], None]

BATCH = 64
"""Pieces of work in one commit at most: PostgreSQL remembers so many savepoints without spilling."""

LANES = {"sqlite": 1, "postgresql": 4}
"""How many threads write. A far PostgreSQL is waited for most of the time, in which another batch can be on its way."""

TRIES = 5
"""How often a piece of work is begun anew on PostgreSQL because another node was in its way."""

_IN_THE_WAY = frozenset({"40001", "40P01", "23505"})
"""Not serializable, a deadlock, and a row that another node put in first: done anew, it is seen."""

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


class _Piece:
    """
    Some work and whoever waits for it: two locks, because a Future wakes its waiter through three; or nobody waits, and
    `then` is called with the result and the error.
    """

    __slots__ = ("_claimed", "_done", "_then", "error", "large", "result", "scrub", "work")

    def __init__(self, work: Work, scrub: bool, large: bool, then: Then | None = None) -> None:
        self.work = work
        self.scrub = scrub
        self.large = large
        self._then = then
        self.result: Any = None
        self.error: BaseException | None = None
        self._claimed = threading.Lock()
        self._done = threading.Lock()
        self._done.acquire()

    def claim(self) -> bool:
        """Take it up, or take it back; whoever comes first. Once."""
        return self._claimed.acquire(blocking=False)

    def ends(self, result: Any, error: BaseException | None) -> None:
        if self._then is None:
            self.result, self.error = result, error
            self._done.release()
            return
        try:
            self._then(result, error)
        except Exception as raised:  # noqa: BLE001  (what was kept is kept, and the next has to be told as well)
            log.error("store_told_nobody", error=type(raised).__name__)

    def wait(self, timeout_s: float) -> bool:
        return self._done.acquire(timeout=timeout_s)

    def outcome(self) -> Any:
        """What came of it, once `wait` said that it ended."""
        if self.error is not None:
            try:
                raise self.error
            finally:
                # The error holds this frame, and would hold itself through the piece.
                self.error = None
        return self.result


class _Again(Exception):
    """Nothing was kept of a piece of work because of others; it may be done anew."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__()
        self.cause = cause
        self.code = getattr(cause, "sqlstate", None)


_Outcome = tuple[Any, BaseException | None]


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
        self.failing = False
        self._queue: SimpleQueue[_Piece | None] = SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._lanes = [_Lane(database, self._queue, self) for _ in range(LANES[database.dialect])]
        self._left = len(self._lanes)
        self._threads = [
            threading.Thread(target=self._run, args=(lane,), name="meydan-store-writer", daemon=True)
            for lane in self._lanes
        ]
        for thread in self._threads:
            thread.start()

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
        piece = _Piece(work, scrub, large)
        self._put(piece)
        if not piece.wait(self._bounds.patience_s):
            if piece.claim():
                raise self._turned_away()
            # It is being written: whether it is kept is known only when that has ended.
            piece.wait(-1)
        result: T = piece.outcome()
        return result

    def write_soon(self, work: Callable[[Hand], T], then: Then) -> Callable[[], None]:
        """
        As `write`, without waiting: `then` is called with the result, or with what `write` would have raised.

        It is called once, by a thread that others wait for too: it should be short, and must not wait for the writer.

        Returns:
            What takes the work back if nobody has begun it, so that `then` is told that it was turned away; nothing
            happens where it is being done already.

        Raises:
            Overloaded, StoreUnavailable: nothing was kept, and `then` is not called.
        """
        piece = _Piece(work, False, False, then)
        self._put(piece)

        def take_back() -> None:
            if piece.claim():
                piece.ends(None, self._turned_away())

        return take_back

    @property
    def patience_s(self) -> float:
        """How long a piece waits before its work begins, at most."""
        return self._bounds.patience_s

    def _put(self, piece: _Piece) -> None:
        self._database.check_reach()
        if self.queued >= self._bounds.pieces or self.stuck_s > self._bounds.patience_s:
            raise self._turned_away()
        with self._gate:
            if self._closed:
                raise StoreUnavailable("The store is closed; nothing was written. Try again.")
            self._queue.put(piece)

    @property
    def queued(self) -> int:
        """How many pieces wait to be written."""
        return self._queue.qsize()

    @property
    def stuck_s(self) -> float:
        """For how long nothing more has been taken up, every lane being busy; 0.0 where one is free."""
        since = [lane.since for lane in self._lanes]
        latest = [at for at in since if at is not None]
        return time.monotonic() - max(latest) if len(latest) == len(since) else 0.0

    @property
    def ended(self) -> bool:
        """Whether nothing is written any more."""
        return self._closed or not any(thread.is_alive() for thread in self._threads)

    def committed(self, pieces: int, seconds: float) -> None:
        """A lane wrote a batch."""
        self.failing = False
        self.onlooker.committed(pieces, seconds)

    def failed(self) -> None:
        """A lane could not write a batch: the database would not."""
        self.failing = True
        self.onlooker.write_failed()

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
                for _ in self._lanes:
                    self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _run(self, lane: _Lane) -> None:
        try:
            lane.work()
        finally:
            # However this ends, nobody may be left waiting.
            with self._gate:
                self._left -= 1
                last = not self._left
                self._closed = self._closed or last
            while last and not self._queue.empty():
                item = self._queue.get()
                if item is not None and item.claim():
                    item.ends(None, StoreUnavailable("The store is closed; nothing was written."))
            lane.drop()

    def _drop(self) -> None:
        for lane in self._lanes:
            lane.drop()


class _Lane:
    """One thread that writes, and its connection."""

    def __init__(self, database: Database, queue: SimpleQueue[_Piece | None], writer: Writer) -> None:
        self._database = database
        self._queue = queue
        self._writer = writer
        self.since: float | None = None
        """When the batch under way was begun; None where there is none."""
        self._hand: Hand | None = None
        self._scrub_at: float | None = None
        self._scrub_wait_s = SCRUB_RETRY_S

    def work(self) -> None:
        """Do what comes, until there will be no more."""
        open_for_work = True
        while open_for_work:
            batch, open_for_work = self._gather()
            # From here on a piece is under way and cannot be taken back; who has not waited for it is left out.
            batch = [piece for piece in batch if piece.claim()]
            if batch:
                self.since = time.monotonic()
                self._settle(batch)
                self.since = None
            if self._scrub_at is not None and time.monotonic() >= self._scrub_at:
                self._scrub()

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
        try:
            outcomes = self._attempt(batch)
        except BaseException as raised:  # noqa: BLE001  (whatever it was, someone waits for the answer)
            outcomes = [(None, raised)] * len(batch)
        done = [piece for piece, (_, error) in zip(batch, outcomes, strict=True) if error is None]
        if any(piece.scrub for piece in done):
            self._scrub(large=any(piece.large for piece in done))
        again = [
            piece for piece, (_, error) in zip(batch, outcomes, strict=True) if isinstance(error, _Again)
        ]
        if not again:
            # Who is answered may have the next piece ready, and is not to find this thread at work on the last.
            self.since = None
        for piece, outcome in zip(batch, outcomes, strict=True):
            if not isinstance(outcome[1], _Again):
                self._answer(piece, outcome)
        # Last, because it may wait for others: what was kept is answered by then.
        for piece in again:
            self._answer(piece, self._alone(piece))

    def _answer(self, piece: _Piece, outcome: _Outcome) -> None:
        result, error = outcome
        piece.ends(result, unavailable(error) if isinstance(error, self._database.trouble) else error)

    def _alone(self, piece: _Piece) -> _Outcome:
        """Do a piece in a transaction of its own, anew where another node was in its way."""
        tried = 1
        while True:
            try:
                (outcome,) = self._attempt([piece], alone=True)
            except BaseException as raised:  # noqa: BLE001
                return None, raised
            error = outcome[1]
            if not isinstance(error, _Again):
                return outcome
            if error.code not in _IN_THE_WAY or tried == TRIES:
                self._writer.failed()
                log.error("store_write_failed", pieces=1, cause=unavailable(error.cause).message)
                return None, error.cause
            # Not for as long as the other waits, or they would meet again.
            time.sleep(random.uniform(0, 0.01 * 2**tried))  # noqa: S311  (no secret)
            tried += 1

    def _attempt(self, batch: list[_Piece], *, alone: bool = False) -> list[_Outcome]:
        """
        Do a batch in one transaction.

        Returns:
            What became of each piece, in order. `_Again`, on PostgreSQL, is what nothing was kept of and may be done
            alone.
        """
        for first in (True, False):
            outcomes: list[_Outcome] = []
            hand, begun = None, time.monotonic()
            try:
                hand = self._begin()
                if isinstance(hand, FarHand):
                    hand.alone = alone or len(batch) == 1
                if not isinstance(hand, FarHand) and (results := self._all_at_once(hand, batch)) is not None:
                    outcomes = results
                else:
                    for piece in batch:
                        outcomes.append(self._do(hand, piece))
                hand.commit()
                # Durable from here: a crash after this line loses nothing.
                self._writer.committed(len(batch), time.monotonic() - begun)
            except BaseException as raised:  # noqa: BLE001
                if isinstance(hand, FarHand) and isinstance(raised, (*self._database.trouble, Busy)):
                    # Once a COMMIT was sent, only the server itself can say that nothing was kept.
                    known = not hand.committing or getattr(raised, "sqlstate", None) is not None
                    if known and self._undone(hand):
                        if not isinstance(raised, Busy):
                            # What was being prepared when the server refused is not, whatever the driver believes.
                            self.drop()
                        return [(None, _Again(raised))] * len(batch)
                    if first and not hand.committing and isinstance(raised, self._database.lost):
                        # The server went away, and had not been told to commit; perhaps it is back.
                        self.drop()
                        continue
                self.drop()
                self._writer.failed()
                log.error("store_write_failed", pieces=len(batch), cause=unavailable(raised).message)
                outcomes = [(None, error or raised) for _, error in outcomes]
                outcomes += [(None, raised)] * (len(batch) - len(outcomes))
            return outcomes
        raise AssertionError("unreachable")

    def _all_at_once(self, hand: Hand, batch: list[_Piece]) -> list[_Outcome] | None:
        """
        Do a batch without a savepoint for each piece, as all but one in a thousand can be.

        Returns:
            None where one was refused: everything is undone, in a transaction that is to be begun anew with savepoints.
        """
        hand.careful = False
        try:
            done: list[_Outcome] = [(piece.work(hand), None) for piece in batch]
            hand.put_added()
            return done
        except Exception:  # noqa: BLE001  (it is done once more, where each answers for itself)
            hand.abandon()
            hand.begin()
            return None
        finally:
            hand.careful = True

    def _do(self, hand: Hand, piece: _Piece) -> _Outcome:
        """Do one piece in its savepoint; raises only what takes the whole transaction with it."""
        far = isinstance(hand, FarHand)
        mark = hand.mark()
        hand.send("SAVEPOINT piece")
        result, error = None, None
        try:
            result = piece.work(hand)
            if isinstance(hand, FarHand):
                hand.finish()
            else:
                hand.put_added()
        except BaseException as raised:
            # On PostgreSQL it may be what was sent for the piece before that the server refuses only now.
            if far and isinstance(raised, self._database.trouble):
                raise
            error = raised if not isinstance(raised, Busy) else _Again(raised)
            hand.drop_added()
            # If even this fails the transaction is gone, and with it the whole batch.
            hand.send("ROLLBACK TO SAVEPOINT piece")
            hand.undo(mark)
        hand.send("RELEASE SAVEPOINT piece")
        return result, error

    def _undone(self, hand: FarHand) -> bool:
        """Whether the server says that a transaction that failed left nothing; False where it does not answer."""
        try:
            hand.abandon()
        except Exception:  # noqa: BLE001
            return False
        return True

    def _begin(self) -> Hand:
        """A transaction; on SQLite, one that no other process writes beside."""
        if self._hand is None:
            self._hand = self._database.writing_hand()
        self._hand.begin()
        return self._hand

    def _scrub(self, *, large: bool = False) -> None:
        """Drive erased words out of the files; tried again later if a reader still holds them."""
        done = False
        try:
            if self._hand is None:
                self._hand = self._database.writing_hand()
            done = self._database.scrub(self._hand, large=large)
        except Exception as error:  # noqa: BLE001  (the erasure stands; those who wait for it must be answered)
            log.error("store_scrub_failed", cause=unavailable(error).message)
            self.drop()
        if done:
            self._scrub_at, self._scrub_wait_s = None, SCRUB_RETRY_S
        else:
            self._scrub_at = time.monotonic() + self._scrub_wait_s
            self._scrub_wait_s = min(2 * self._scrub_wait_s, 60)

    def drop(self) -> None:
        hand, self._hand = self._hand, None
        if hand is not None:
            try:
                hand.close()
            except Exception as error:  # noqa: BLE001  (it is let go of in any case)
                log.warning("store_close_failed", cause=unavailable(error).message)
