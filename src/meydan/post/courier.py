"""
The courier takes letters out of the outbox and hands them to the mail server, one after another.

    lease -> told_of -> compose -> send -> finish
    lease -> spread                     -> finish   (what is new on a story: a letter for each follower)

A crash between sending and finishing sends the letter again, under the same Message-ID: at least once, never lost.
Of several nodes the one that leads carries; should two believe that they do, what one has in hand no other is given.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Final

import structlog

from meydan.errors import MailUnavailable, MeydanError
from meydan.letters import ATTEMPTS, NEWS, Job, Letters
from meydan.post.mail import DEADLINE_S, Line, Mailer, NotSent, compose, message_of

BATCH: Final = 20
"""Letters in one connection."""

REST: Final = timedelta(minutes=1)
"""After which the server is tried again when it could not be reached."""

EVERY_S: Final = 5.0
"""How often it is looked whether something is due."""

log = structlog.get_logger("meydan.post")


class Courier:
    """
    Carries letters out; one is enough for a node.

    Args:
        leads: whether this node is the one that does, asked before each round.
    """

    def __init__(self, letters: Letters, mailer: Mailer, *, leads: Callable[[], bool] = lambda: True) -> None:
        self._leads = leads
        self._letters = letters
        self._mailer = mailer

    def carry_out(self) -> int:
        """
        One round: all that is due, at most BATCH.

        Returns:
            How many letters there were to carry; 0 when none is due, or while the server cannot be reached.

        Raises:
            StoreUnavailable: the database did not answer. What was sent meanwhile may be sent once more.
        """
        jobs = self._letters.lease(limit=BATCH)
        waiting = list(jobs)
        try:
            with ExitStack() as stack:
                line: Line | None = None
                while waiting:
                    job = waiting[0]
                    if job.until - self._letters.now() < timedelta(seconds=DEADLINE_S):
                        # Soon others may take them: what has not been begun by now is theirs.
                        break
                    try:
                        line = self._carry(job, line, stack)
                    except NotSent as error:
                        waiting.pop(0)
                        self._not_sent(job, error)
                        if error.line:
                            break
                    except MeydanError:
                        raise
                    except Exception as error:  # noqa: BLE001
                        # What nobody foresaw in one letter is not to keep the others, which would never be tried and
                        # die of it. Its message could hold an address. The connection may be in the middle of it.
                        waiting.pop(0)
                        self._not_sent(job, NotSent(type(error).__name__))
                        break
                    else:
                        waiting.pop(0)
        except MailUnavailable as error:
            # No letter's fault, and none of them has been tried.
            log.warning("mail_unavailable", code=error.code, cause=error.cause, waiting=len(waiting))
            self._give_back(waiting, after=REST)
            return 0
        self._give_back(waiting, after=timedelta(0))
        return len(jobs)

    def _carry(self, job: Job, line: Line | None, stack: ExitStack) -> Line | None:
        """Send one letter, over the connection that is open or a new one; returns the connection."""
        letters = self._letters
        if job.attempt > ATTEMPTS:
            # Whoever had it in hand fell each time.
            raise NotSent("never-finished", final=True)
        if letters.is_too_late(job):
            raise NotSent("too-late", final=True)
        if job.kind == NEWS:
            letters.spread(job)
            letters.finish(job)
            return line
        told = letters.told_of(job)
        if told is not None:
            publication = letters.publication
            letter = compose(job.kind, told, publication=publication)
            message = message_of(
                letter, sender=self._mailer.sender, publication=publication, key=job.key, at=job.at
            )
            if line is None:
                line = stack.enter_context(self._mailer.line())
            line.send(message)
            # A crash here sends it once more, as the same message.
        letters.finish(job)
        log.info("letter_sent" if told is not None else "letter_not_needed", kind=job.kind, number=job.number)
        return line

    def _not_sent(self, job: Job, error: NotSent) -> None:
        dead = error.final
        if dead:
            self._letters.bury(job, error.cause)
        else:
            dead = self._letters.put_off(job, error.cause)
        log.warning(
            "letter_dead" if dead else "letter_put_off",
            kind=job.kind,
            number=job.number,
            cause=error.cause,
            attempt=job.attempt,
        )

    def _give_back(self, jobs: list[Job], *, after: timedelta) -> None:
        if jobs:
            self._letters.let_go(jobs, after=after)

    def work(self, ended: threading.Event) -> None:
        """Carry out until told to end; an outage is waited out."""
        while not ended.is_set():
            carried = 0
            try:
                if self._leads():
                    carried = self.carry_out()
            except MeydanError as error:
                log.warning("courier_put_off", code=error.code)
            except Exception as error:  # noqa: BLE001
                # Whatever it was, the next round has to come. Its message could hold an address.
                log.error("courier_failed", error=type(error).__name__)
            if not carried:
                ended.wait(EVERY_S)
