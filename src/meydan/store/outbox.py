"""
The outbox: what is to leave the building, kept in the transaction of what it tells of.

    post       inside any writing: nothing is told that did not happen, and nothing that happened is not told
    lease      a worker takes some for a while; whoever falls with them in hand gives them back by that
    finish     it has left, and its body is emptied
    fail       it has not: later again, or dead, for a person to look at

At least once: a worker may fall after sending and before finishing. The job's key goes along, so that whoever
receives it twice can tell. A body holds no reader's words, and an e-mail address only where the mail needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from meydan.errors import NotFound
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.exact import check_text, micros, time_of
from meydan.store.hand import Hand, Row
from meydan.store.people import enter
from meydan.store.writer import Writer

DONE_KEPT: Final = timedelta(days=7)
"""How long it is remembered that a key has left, so that it does not leave again; the body is gone at once."""

NEVER_AHEAD: Final = timedelta(days=1)
"""Longer than anything waits or is leased: what is further ahead is so by a clock that was set back since."""

DEAD_KEPT: Final = timedelta(days=30)
"""How long a dead letter waits for somebody to look at it."""

_encode = msgspec.json.Encoder(order="sorted").encode
_body_of = msgspec.json.Decoder(dict[str, Any]).decode


@dataclass(frozen=True, slots=True)
class Job:
    """
    One thing that is to leave, as a worker has it in hand. `attempt` counts from 1; `key` is the same at each.

    `endpoint` is the number of the one that it is for; None for a letter, which goes by mail.
    """

    number: int
    kind: str
    subject: str
    body: Mapping[str, Any] = field(repr=False)
    key: str
    at: datetime
    attempt: int
    until: datetime
    endpoint: int | None = None


@dataclass(frozen=True, slots=True)
class DeadJob:
    """What did not leave and is tried no more: why, in a word, and without what it holds."""

    number: int
    kind: str
    subject: str
    at: datetime
    attempts: int
    dead_at: datetime
    error: str
    endpoint: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How many letters wait in all, how many of them are due now, and how many are dead."""

    waiting: int
    due: int
    dead: int


def post(
    hand: Hand,
    kind: str,
    subject: str,
    body: Mapping[str, Any],
    at: int,
    key: str,
    not_before: int | None = None,
) -> bool:
    """
    Let something leave, if the transaction that this is called in is committed.

    Args:
        kind: what it is, such as "mail.verify"; whoever carries it out knows what that asks for.
        subject: a comment's id: the job is gone with its words. Else whatever it is about.
        body: small, as JSON, no reader's words.
        at, not_before: microseconds, as store.exact.micros makes them; None: at once.
        key: once under this key, however often it is posted (for DONE_KEPT).

    Returns:
        Whether it was posted now; False where the key was taken.
    """
    for name, value in (("kind", kind), ("subject", subject), ("key", key)):
        check_text(name, value)
    due = at if not_before is None else max(at, not_before)
    posted = hand.run(
        sql.POST, kind=kind, subject=subject, body=_encode(body).decode(), key=key, at=at, due=due
    )
    return posted == 1


class Outbox:
    """What leaves, for those who carry it out and those who look after them. Safe to use from many threads and nodes."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def post(
        self,
        kind: str,
        subject: str,
        body: Mapping[str, Any],
        *,
        at: datetime,
        key: str,
        not_before: datetime | None = None,
    ) -> bool:
        """As the function `post`, in a transaction of its own."""
        since = None if not_before is None else micros(not_before)
        return self._writer.write(lambda hand: post(hand, kind, subject, body, micros(at), key, since))

    # -- carrying out ---------------------------------------------------------

    def lease(
        self, *, at: datetime, until: datetime, limit: int, endpoint: int | None = None
    ) -> tuple[Job, ...]:
        """
        Take what is due, the longest waiting first: until then nobody else is given it.

        What somebody took and neither finished nor failed until their time was over is due again.

        Args:
            endpoint: the number of the one whose notices are taken; None for letters.
        """
        when, end = micros(at), micros(until)
        lane = {} if endpoint is None else {"endpoint": endpoint}
        # Asked without writing first: most rounds find nothing.
        if not self._database.all(sql.LEASE if endpoint is None else sql.LEASE_FOR, at=when, limit=1, **lane):
            return ()

        given = {"at": when, "until": end, "limit": max(1, min(limit, 1000)), **lane}
        statement = (sql.LEASED if endpoint is None else sql.LEASED_FOR)[self._database.dialect]
        rows: list[Row] = (
            self._writer.write(lambda hand: hand.all(statement, **given))
            if self._database.dialect == "sqlite"
            # A transaction of its own, which is over before anybody could wait for it.
            else self._database.all(statement, **given)
        )
        return tuple(
            Job(number, kind, subject, _body_of(body or "{}"), key, time_of(posted), attempt, until, endpoint)
            for number, kind, subject, body, key, posted, attempt, _ in sorted(
                rows, key=lambda row: (row[-1], row[0])
            )
        )

    def finish(self, job: Job, *, at: datetime) -> bool:
        """It has left; returns False where somebody else has it in hand by now, or its subject was erased."""
        done: int = self._writer.write(
            lambda hand: hand.run(sql.FINISH, number=job.number, attempts=job.attempt, at=micros(at))
        )
        return done == 1

    def fail(self, job: Job, *, error: str, again_at: datetime) -> None:
        """It has not left, for a reason told in a word; it is due again then."""
        self._writer.write(
            lambda hand: hand.run(
                sql.PUT_OFF, number=job.number, attempts=job.attempt, due=micros(again_at), error=error
            )
        )

    def bury(self, job: Job, *, error: str, at: datetime) -> None:
        """It has not left and is tried no more: a dead letter, until a person decides."""
        self._writer.write(
            lambda hand: hand.run(
                sql.BURY, number=job.number, attempts=job.attempt, at=micros(at), error=error
            )
        )

    def let_go(self, jobs: Iterable[Job], *, again_at: datetime) -> None:
        """Give back what was not tried; it does not count as an attempt."""
        given_back = list(jobs)

        def work(hand: Hand) -> None:
            for job in given_back:
                hand.run(sql.LET_GO_JOB, number=job.number, attempts=job.attempt, due=micros(again_at))

        if given_back:
            self._writer.write(work)

    # -- looking after --------------------------------------------------------

    def standing(self, at: datetime) -> Standing:
        """How many letters wait, are due, and are dead."""
        waiting, due = self._database.one(sql.LETTERS_DUE, at=micros(at)) or (0, 0)
        dead = self._database.one(sql.LETTERS_DEAD) or (0,)
        return Standing(waiting, due, dead[0])

    def dead(self, *, limit: int = 100) -> Sequence[DeadJob]:
        """Dead letters and notices, the latest first."""
        return [
            DeadJob(number, kind, subject, time_of(at), attempts, time_of(dead_at), error, endpoint)
            for number, kind, subject, at, attempts, dead_at, error, endpoint in self._database.all(
                sql.DEAD, limit=max(1, min(limit, 1000))
            )
        ]

    def try_again(self, number: int, *, by: str, at: datetime) -> None:
        """
        Let a dead letter be tried as a new one, from now on.

        Raises:
            NotFound: no such dead letter.
        """
        self._tend(sql.TRY_AGAIN, "letter-tried-again", number, by=by, at=at)

    def give_up(self, number: int, *, by: str, at: datetime) -> None:
        """
        Take a dead letter away, with what it holds.

        Raises:
            NotFound: no such dead letter.
        """
        self._tend(sql.GIVE_UP, "letter-given-up", number, by=by, at=at)

    def _tend(self, statement: str, action: str, number: int, *, by: str, at: datetime) -> None:
        when = micros(at)

        def work(hand: Hand) -> None:
            given = {"at": when} if statement is sql.TRY_AGAIN else {}
            row = hand.one(statement, number=number, **given)
            if row is None:
                raise NotFound("There is no such dead letter.")
            # Not what it is about: that could tell who is written to.
            enter(hand, when, by, action, str(number), letter=row[0])

        self._writer.write(work)

    def expire(self, at: datetime) -> None:
        """
        Forget what left long ago, and the dead letters that nobody looked at.

        What waits for a day that is far ahead, because the clock was there and was set back, is due now.
        """
        done, dead = micros(at - DONE_KEPT), micros(at - DEAD_KEPT)

        def work(hand: Hand) -> None:
            hand.run(sql.FORGET_DONE, before=done)
            hand.run(sql.FORGET_DEAD, before=dead)
            hand.run(sql.PULL_BACK, at=micros(at), ahead=micros(at + NEVER_AHEAD))

        self._writer.write(work)
