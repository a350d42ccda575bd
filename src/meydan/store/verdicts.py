"""
Decisions as those read them who are told of them elsewhere: the latest ones, and the rejections of a period.

No reader's words, no name and no one at the desk by name: what was decided, why, by whom in kind, and when.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from meydan.comment import DecidedBy, Reason, Verdict
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.exact import micros, time_of, time_or_none

AT_ONCE: Final = 1000
_LARGEST: Final = 2**63 - 1

_reasons_of = msgspec.json.Decoder(tuple[Reason, ...]).decode


@dataclass(frozen=True, slots=True)
class Told:
    """A decision and what it is about; `leaf` numbers all decisions in their order."""

    leaf: int
    comment: str
    seq: int
    decided_at: datetime
    verdict: Verdict
    reasons: tuple[Reason, ...]
    decided_by: DecidedBy
    guidelines: str
    language: str
    story_url: str
    story_title: str | None


@dataclass(frozen=True, slots=True)
class Rejection:
    """
    A rejection, as long as it was the decision in force.

    `judged`: the machine had looked at the comment before. `reported`: it answers readers' reports. `commitment` is the
    comment's in the ledger, which tells nothing of it.
    """

    decided_at: datetime
    leaf: int
    seq: int
    decided_by: DecidedBy
    reasons: tuple[Reason, ...]
    guidelines: str
    commitment: bytes
    submitted_at: datetime
    language: str
    judged: bool
    superseded_at: datetime | None
    reported: bool


class Verdicts:
    """Reads decisions. Safe to use from many threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, *, limit: int, before: int | None = None) -> Sequence[Told]:
        """The latest decisions, first those made last; what was escalated is left out. `before`: only of leaves below it."""
        return [
            Told(
                leaf,
                comment,
                seq,
                time_of(decided_at),
                Verdict(verdict),
                _reasons_of(reasons),
                DecidedBy(decided_by),
                guidelines,
                language,
                url,
                title,
            )
            for leaf, comment, seq, decided_at, verdict, reasons, decided_by, guidelines, language, url, title in self._database.all(
                sql.LATEST_DECISIONS,
                before=_LARGEST if before is None else min(before, _LARGEST),
                limit=max(1, min(limit, AT_ONCE)),
            )
        ]

    def rejections(self, since: datetime, until: datetime) -> Iterator[Rejection]:
        """All rejections from `since` to before `until`, in their order, some at a time; none that was decided elsewhere."""
        position, after, end = micros(since), -1, micros(until)
        while rows := self._database.all(
            sql.REJECTED_BETWEEN, since=position, after=after, until=end, limit=AT_ONCE
        ):
            for row in rows:
                (
                    at,
                    leaf,
                    seq,
                    by,
                    reasons,
                    guidelines,
                    commitment,
                    sent,
                    language,
                    judged,
                    ended,
                    reported,
                ) = row
                yield Rejection(
                    time_of(at),
                    leaf,
                    seq,
                    DecidedBy(by),
                    _reasons_of(reasons),
                    guidelines,
                    bytes(commitment),
                    time_of(sent),
                    language,
                    bool(judged),
                    time_or_none(ended),
                    bool(reported),
                )
            position, after = rows[-1][0], rows[-1][1]
