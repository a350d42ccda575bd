"""
Many who send at once, and few who serve them: each submission is handed on, and no thread waits for one of them.

    line        what came, in order                        -> a receiver checks it and hands it to the store
    judging     what the store kept, if it is judged now   -> a judge weighs it and hands that to the store
    then        whoever sent it is answered, by a thread of the store's

It does what `Desk.submit` does, with as many threads as there is work for at once instead of one for each who waits:
threads that only hand on to one another take the interpreter from those that work. Nobody waits for ever: what nobody
has begun to keep in time is refused, and what nobody has begun to judge in time, or to keep the judgement of, is left
to the sweep.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, TypeVar

import structlog

from meydan.comment import Submission
from meydan.desk import Desk, Outcome, Received, Visitor
from meydan.errors import Overloaded

T = TypeVar("T")
Asked = Callable[[], tuple[Submission, Visitor]]
"""What tells what was sent and by whom; may refuse, and may ask the database. Called by a receiver."""

Then = Callable[[Outcome | BaseException], None]
"""Who is told once what became of it: what its author is answered, or why nothing was kept."""

FAR_RECEIVERS: Final = 8
"""Where each look at the database is a round trip, so many wait for one at once."""

LOOK_S: Final = 0.1
"""How often it is looked whether somebody has waited too long."""

log = structlog.get_logger("meydan.desk")


class _Ticket:
    """One submission on its way. Whoever takes a step first takes it alone: who goes on with it, or who ends its waiting."""

    __slots__ = ("_context", "_step", "asked", "keep_no_longer", "received", "since", "take_back", "then")

    def __init__(self, asked: Asked, then: Then) -> None:
        self.asked = asked
        self.then = then
        self.since = time.monotonic()
        self.take_back: Callable[[], None] | None = None
        self.received: Received | None = None
        self.keep_no_longer: Callable[[], None] | None = None
        """Takes back what the judge found, where nobody has begun to keep that."""
        self._step = threading.Lock()
        self._context = copy_context()

    def within(self, work: Callable[..., T], *given: Any, **named: Any) -> T:
        """Do `work` where it is known for which request that is: what is logged there says so."""
        # A copy: two threads may be at work for one, the end of a step and what it calls.
        return self._context.copy().run(work, *given, **named)

    def take(self) -> bool:
        """Whether the step that it waits for is the caller's."""
        return self._step.acquire(blocking=False)

    def wait_on(self) -> None:
        """It waits for the next step, from now on."""
        self.since = time.monotonic()
        self._step = threading.Lock()


class Reception:
    """
    Takes submissions and answers them when they are kept and judged. Safe to use from many threads.

    Args:
        desk: what is done with each.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._line: SimpleQueue[_Ticket | None] = SimpleQueue()
        self._judging: SimpleQueue[_Ticket | None] = SimpleQueue()
        self._waiting: set[_Ticket] = set()
        self._threads: list[threading.Thread] = []
        self._opening = threading.Lock()
        self._closed = threading.Event()
        self._busy = threading.Event()

    def submit(self, asked: Asked, then: Then) -> None:
        """
        Receive a submission and judge it, as `Desk.submit` does and with what it raises, without waiting for it.

        `then` is called by another thread; it should be short.

        Raises:
            Overloaded: it is closed; nothing was kept.
        """
        if not self._threads:
            self._open()
        ticket = _Ticket(asked, then)
        self._desk.arrived()
        self._waiting.add(ticket)
        self._busy.set()
        self._line.put(ticket)
        if self._closed.is_set() and ticket.take():
            # It was closed meanwhile, and perhaps nobody will come for it.
            self._answer(ticket, _refused())

    def close(self) -> None:
        """
        End the threads, after what is under way; what still waits is refused.

        What the store has in hand by then is answered when it is kept: at the latest, when the store is closed.
        """
        with self._opening:
            self._closed.set()
            threads, self._threads = self._threads, []
        self._busy.set()
        for _ in threads:
            self._line.put(None)
            self._judging.put(None)
        for thread in threads:
            thread.join()
        for ticket in list(self._waiting):
            if ticket.received is None and (take_back := ticket.take_back) is not None:
                take_back()
            elif ticket.take():
                self._answer(ticket, ticket.received.outcome if ticket.received else _refused())

    def _open(self) -> None:
        with self._opening:
            if self._closed.is_set():
                raise _refused()
            if self._threads:
                return
            receivers = FAR_RECEIVERS if self._desk.is_far else 1
            works = [self._receive] * receivers + [self._judge] * self._desk.judges_at_once + [self._look]
            threads = [threading.Thread(target=work, name="meydan-reception", daemon=True) for work in works]
            for thread in threads:
                thread.start()
            self._threads = threads

    def _receive(self) -> None:
        while (ticket := self._line.get()) is not None:
            if not ticket.take():
                continue
            try:
                ready = ticket.within(lambda t=ticket: self._desk.get_ready(*t.asked()))
                if isinstance(ready, Received):
                    self._received(ticket, ready)
                    continue
                # The step stays ours: from now on it is ended by whoever ends it at the store.
                ticket.since = time.monotonic()
                ticket.take_back = self._desk.receive_soon(ready, partial(self._received, ticket))
            except Exception as error:  # noqa: BLE001  (whoever sent it is told, and the next has to come)
                self._answer(ticket, error)

    def _received(self, ticket: _Ticket, what: Received | BaseException) -> None:
        if isinstance(what, BaseException):
            self._answer(ticket, what)
        elif self._desk.awaits_judge(what):
            ticket.received, ticket.take_back = what, None
            ticket.wait_on()
            self._judging.put(ticket)
            if self._closed.is_set() and ticket.take():
                # Perhaps nobody will judge it any more: it is left to the sweep.
                self._answer(ticket, what.outcome)
        else:
            self._answer(ticket, what.outcome)

    def _judge(self) -> None:
        within_s = self._desk.limits.judged_within_s
        while (ticket := self._judging.get()) is not None:
            if not ticket.take():
                continue
            assert ticket.received is not None
            left_s = max(0.0, ticket.since + within_s - time.monotonic())
            keep_no_longer = ticket.within(
                self._desk.judge_soon, ticket.received, partial(self._answer, ticket), within_s=left_s
            )
            ticket.since = time.monotonic()
            ticket.keep_no_longer = keep_no_longer

    def _look(self) -> None:
        """End the waiting of whoever has waited too long."""
        while not self._closed.is_set():
            self._busy.wait()
            self._busy.clear()
            while self._waiting and not self._closed.wait(LOOK_S):
                try:
                    self._end_long_waits(time.monotonic())
                except Exception as error:  # noqa: BLE001  (whatever it was, somebody has to go on looking)
                    log.error("reception_look_failed", error=type(error).__name__)

    def _end_long_waits(self, now: float) -> None:
        for ticket in list(self._waiting):
            received = ticket.received
            if ticket.keep_no_longer is not None:
                if now - ticket.since > self._desk.patience_s:
                    ticket.keep_no_longer()
            elif received is not None:
                if now - ticket.since > self._desk.limits.judged_within_s and ticket.take():
                    self._desk.put_off(received.outcome)
                    self._answer(ticket, received.outcome)
            elif now - ticket.since > self._desk.patience_s:
                if (take_back := ticket.take_back) is not None:
                    take_back()
                elif ticket.take():
                    self._answer(ticket, _refused())

    def _answer(self, ticket: _Ticket, what: Outcome | BaseException) -> None:
        self._waiting.discard(ticket)
        ticket.within(self._desk.answered, what if isinstance(what, Outcome) else None)
        try:
            ticket.then(what)
        except Exception as error:  # noqa: BLE001  (who hung up is no reason to keep the next waiting)
            log.warning("reception_told_nobody", error=type(error).__name__)


def _refused() -> Overloaded:
    return Overloaded("More is sent than can be received. Nothing was kept; try again.", retry_after_s=2)
