"""
Figures of a period: how much came, who decided it how and how soon, and what was decided otherwise afterwards.

Counts only. Erased comments count: that they came is no secret, what they said is gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from meydan.comment import DecidedBy, Verdict
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.exact import MICROSECOND, micros, time_of

HOUR: Final = timedelta(hours=1)
WAITS_READ: Final = 50_000
"""Waiting times that are read, the latest: enough for a median of any month."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Decisions of one kind: who decided, what, in which language, and how many."""

    by: DecidedBy
    verdict: Verdict
    language: str
    number: int


@dataclass(frozen=True, slots=True)
class Figures:
    """
    A period in numbers.

    Attributes:
        received: comments that came, by the hour they came in, in order; hours without any are left out.
        decided: decisions by kind.
        waited: how long comments waited for a person's first decision, sorted.
        rules: how often each rule was named in a rejection, the commonest first.
        stories: the stories with the most comments (address, title, number), the busiest first.
        superseded: decisions that a later one made otherwise: (who had decided, how many, of how many).
        appeals: (made, decided, overturned).
        reports: (made by readers, answered by a person's decision, upheld).
    """

    received: tuple[tuple[datetime, int], ...]
    decided: tuple[Counted, ...]
    waited: tuple[timedelta, ...]
    rules: tuple[tuple[str, int], ...]
    stories: tuple[tuple[str, str | None, int], ...]
    superseded: tuple[tuple[DecidedBy, int, int], ...]
    appeals: tuple[int, int, int]
    reports: tuple[int, int, int]


def figures_of(database: Database, since: datetime, until: datetime) -> Figures:
    """The figures from `since` on and before `until`, all of one moment."""
    period: dict[str, Any] = {"since": micros(since), "until": micros(until)}
    with database.reading(snapshot=True) as hand:
        received = hand.all(sql.RECEIVED_BY_HOUR, **period)
        decided = hand.all(sql.DECIDED_BY_KIND, **period)
        waited = hand.all(sql.WAITED, limit=WAITS_READ, **period)
        rules = hand.all(sql.RULES_NAMED, **period)
        stories = hand.all(sql.BUSIEST, limit=20, **period)
        superseded = hand.all(sql.SUPERSEDED, **period)
        appeals = hand.one(sql.APPEALS_OF, **period) or (0, 0, 0)
        reports = hand.one(sql.REPORTS_OF, **period) or (0, 0, 0)
    return Figures(
        received=tuple((time_of(hour * (HOUR // MICROSECOND)), number) for hour, number in received),
        decided=tuple(
            Counted(DecidedBy(by), Verdict(verdict), language, number)
            for by, verdict, language, number in decided
        ),
        waited=tuple(sorted(row[0] * MICROSECOND for row in waited)),
        rules=tuple((rule, number) for rule, number in rules),
        stories=tuple((url, title, number) for url, title, number in stories),
        superseded=tuple((DecidedBy(by), otherwise or 0, number) for by, otherwise, number in superseded),
        appeals=(int(appeals[0]), int(appeals[1] or 0), int(appeals[2] or 0)),
        reports=(int(reports[0]), int(reports[1] or 0), int(reports[2] or 0)),
    )
