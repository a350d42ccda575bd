"""
Letters: what the newsroom writes to readers, and what becomes of it.

    lease, finish, put_off, bury   for whoever carries letters out (post/)
    told_of                        what a letter has to tell, looked up at the last moment
    standing, dead, ...            for the people who look after them

Posting happens in the store, in the transaction of what a letter tells of. Knows no mail server and no web.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from meydan.policy import Guidelines
from meydan.store import DeadJob as DeadJob
from meydan.store import Job as Job
from meydan.store import Standing as Standing
from meydan.store import Store

HELD_FOR: Final = timedelta(minutes=5)
"""For how long a worker has letters to itself; afterwards they are anybody's again."""

ATTEMPTS: Final = 14
"""How often a letter is tried: over about a day, at growing distances."""

FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=4)

TOO_LATE: Final[Mapping[str, timedelta]] = {"mail.sign-in": timedelta(minutes=30)}
"""After how long a letter of a kind is of no use any more."""

TOO_LATE_FOR_ALL: Final = timedelta(days=3)


class Letters:
    """
    The outbox as the rooms above the store see it. Safe to use from many threads.

    Args:
        works: whether mail is sent here; where it is not, nothing that needs it is offered.
        own_url: where readers reach this server, without a slash at its end.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        secret: bytes,
        guidelines: Callable[[], Guidelines],
        own_url: str,
        works: bool,
    ) -> None:
        self.works = works
        self.own_url = own_url
        self._store = store
        self._outbox = store.outbox
        self._clock = clock
        self._entropy = entropy
        self._secret = secret
        self._guidelines = guidelines

    @property
    def publication(self) -> str:
        """The name that letters come from."""
        return self._guidelines().publication.name

    def now(self) -> datetime:
        """The time by the house's clock."""
        return self._clock()

    # -- carrying out ---------------------------------------------------------

    def lease(self, *, limit: int = 20) -> tuple[Job, ...]:
        """Take what is due, to be finished within HELD_FOR."""
        now = self._clock()
        return self._outbox.lease(at=now, until=now + HELD_FOR, limit=limit)

    def told_of(self, job: Job) -> Mapping[str, Any] | None:
        """What a letter tells, as post.mail.compose takes it; None where there is nobody to tell any more."""
        return job.body if job.body.get("to") else None

    def is_too_late(self, job: Job) -> bool:
        """Whether it would be of no use any more."""
        return self._clock() - job.at > TOO_LATE.get(job.kind, TOO_LATE_FOR_ALL)

    def finish(self, job: Job) -> bool:
        """It has left. False where another worker has it by now."""
        return self._outbox.finish(job, at=self._clock())

    def put_off(self, job: Job, cause: str) -> bool:
        """It has not left: later again, or after ATTEMPTS a dead letter; returns whether it is one now."""
        now = self._clock()
        if job.attempt >= ATTEMPTS:
            self._outbox.bury(job, error=cause, at=now)
            return True
        self._outbox.fail(job, error=cause, again_at=now + self._wait(job.attempt))
        return False

    def bury(self, job: Job, cause: str) -> None:
        """It has not left and never will by itself."""
        self._outbox.bury(job, error=cause, at=self._clock())

    def let_go(self, jobs: Iterable[Job], *, after: timedelta) -> None:
        """Give back what was not tried."""
        self._outbox.let_go(jobs, again_at=self._clock() + after)

    def _wait(self, attempt: int) -> timedelta:
        """Twice as long after each attempt, between half and all of that: letters that failed together come back apart."""
        longest = min(FIRST_WAIT * (1 << min(attempt - 1, 16)), LONGEST_WAIT)
        return longest * (0.5 + int.from_bytes(self._entropy(2)) / 2**17)

    # -- looking after --------------------------------------------------------

    def standing(self) -> Standing:
        """How much waits, is due, and is dead."""
        return self._outbox.standing(self._clock())

    def dead(self, *, limit: int = 100) -> Sequence[DeadJob]:
        """Letters that were given up by the machine, the latest first."""
        return self._outbox.dead(limit=limit)

    def try_again(self, number: int, *, by: str) -> None:
        """Let a dead letter be tried anew; NotFound where there is none."""
        self._outbox.try_again(number, by=by, at=self._clock())

    def give_up(self, number: int, *, by: str) -> None:
        """Take a dead letter away, with the address it holds; NotFound where there is none."""
        self._outbox.give_up(number, by=by, at=self._clock())

    def expire(self) -> None:
        """Forget what has served."""
        self._outbox.expire(self._clock())
