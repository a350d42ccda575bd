"""
Everything of every story and comment, in order of number, for whoever takes it along.

All of it is of one moment (a `carrying.Snapshot`), read beside whoever writes, PIECE comments at a time. What waits for
its author to confirm an address is not there: until then nobody reads it. The words of what was escalated are covered,
unless they are asked for.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from meydan.comment import Hold
from meydan.store.carrying import Snapshot
from meydan.store.exact import micros, time_of, time_or_none
from meydan.store.hand import Row
from meydan.whole import (
    STATES,
    State,
    WholeAppeal,
    WholeComment,
    WholeDecision,
    WholeEvidence,
    WholeLook,
    WholeProof,
    WholeReason,
    WholeReport,
    WholeStory,
)

PIECE: Final = 500
"""Comments that are held at once, with all that belongs to them."""

_reasons_of = msgspec.json.Decoder(tuple[WholeReason, ...]).decode

_STATE = "CASE WHEN c.erased_at IS NOT NULL THEN 'erased' WHEN c.withdrawn_at IS NOT NULL THEN 'withdrawn' ELSE c.status END"
_STORIES = (
    "SELECT id, url, title, text, language, open, opens_at, closes_at, closed_reason, mode, guests, question "
    "FROM story WHERE id > :after{where} ORDER BY id LIMIT {piece}"
)
_COMMENTS = (
    "SELECT c.number, c.id, s.url, c.parent, w.name, w.text, w.email, c.author_key, c.submitted_at, c.language, c.status, "
    "c.seq, c.holds, c.judged_at, c.withdrawn_at, c.erased_at, c.escalated, c.picked_at, c.picked_by, c.badge, c.written_by, "
    "w.salt, c.commitment, c.receipt, w.format, i.source, i.key "
    "FROM comment c JOIN story s ON s.id = c.story LEFT JOIN words w ON w.comment = c.number "
    "LEFT JOIN imported i ON i.comment = c.number "
    "WHERE c.number > :after{where} ORDER BY c.number LIMIT {piece}"
)
_COUNT = "SELECT count(*) FROM comment c JOIN story s ON s.id = c.story WHERE 1 = 1{where}"
_CONFIRMED = f" AND c.holds NOT LIKE '{Hold.UNVERIFIED}%'"

_BELONGING: Final = {
    "decision": (
        "SELECT d.comment, d.seq, d.decided_at, d.verdict, d.decided_by, d.actor, d.reasons, d.guidelines, d.model, "
        "d.calibration, n.words FROM decision d LEFT JOIN note n ON n.comment = d.comment AND n.seq = d.seq "
        "WHERE d.comment IN ({numbers}) ORDER BY d.comment, d.seq"
    ),
    "evidence": "SELECT comment, at, body FROM evidence WHERE comment IN ({numbers}) ORDER BY comment, number",
    "appeal": "SELECT comment, seq, at, words FROM appeal WHERE comment IN ({numbers}) ORDER BY comment, seq",
    "report": (
        "SELECT comment, rule, at, words, closed_at, seq, upheld FROM report WHERE comment IN ({numbers}) "
        "ORDER BY comment, number"
    ),
    "audit": (
        "SELECT comment, seq, drawn_at, verdict, rules, answered_at, answer, breached, actor FROM audit "
        "WHERE comment IN ({numbers}) ORDER BY comment"
    ),
    "second": (
        "SELECT comment, seq, drawn_at, answered_at, answer, breached, answered_by FROM second "
        "WHERE comment IN ({numbers}) ORDER BY comment, seq"
    ),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    Which comments are taken along, and what of them.

    `story` is one story's URL; `since` <= submitted_at < `until`; `only` comments of these states, empty: of all.
    `emails` and `proofs`: addresses; salts and commitments. `escalated`: also the words of what was escalated.
    """

    story: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    only: Collection[State] = ()
    emails: bool = True
    proofs: bool = False
    escalated: bool = False


class Exports:
    """What a snapshot holds of what is wanted. `stories` and `comments` are read one after the other, not at once."""

    def __init__(self, source: Snapshot, wanted: Wanted) -> None:
        self._hand = source.hand
        self._wanted = wanted
        self._where, self._given = _filter(wanted)

    def count(self) -> int:
        """How many comments will come, for who looks on."""
        row = self._hand.one(_COUNT.format(where=self._where), **self._given)
        return 0 if row is None else int(row[0])

    def unconfirmed(self) -> int:
        """How many comments are not among them, because their authors have not confirmed an address."""
        where = self._where.replace(_CONFIRMED, _CONFIRMED.replace("NOT LIKE", "LIKE"))
        row = self._hand.one(_COUNT.format(where=where), **self._given)
        return 0 if row is None else int(row[0])

    def stories(self) -> Iterator[WholeStory]:
        """Every story, or the one that is wanted."""
        where, given = (
            ("", {}) if self._wanted.story is None else (" AND url = :url", {"url": self._wanted.story})
        )
        after = 0
        while rows := self._hand.all(_STORIES.format(where=where, piece=PIECE), after=after, **given):
            after = rows[-1][0]
            yield from map(_story_of, rows)

    def comments(self, story: str | None = None) -> Iterator[WholeComment]:
        """Of all that is wanted, or of one story by its URL; in the order received, so parents before their replies."""
        after = 0
        where, given = self._where, self._given
        if story is not None:
            where, given = where + " AND s.url = :on", {**given, "on": story}
        question = _COMMENTS.format(where=where, piece=PIECE)
        while rows := self._hand.all(question, after=after, **given):
            after = rows[-1][0]
            belonging = self._belonging([row[0] for row in rows])
            for row in rows:
                yield self._comment_of(row, {kind: found[row[0]] for kind, found in belonging.items()})

    def _belonging(self, numbers: Sequence[int]) -> dict[str, defaultdict[int, list[Row]]]:
        listed = ", ".join(str(int(number)) for number in numbers)
        belonging: dict[str, defaultdict[int, list[Row]]] = {}
        for kind, question in _BELONGING.items():
            found = belonging[kind] = defaultdict(list)
            for row in self._hand.all(question.format(numbers=listed)):
                found[row[0]].append(row[1:])
        return belonging

    def _comment_of(self, row: Row, belonging: dict[str, list[Row]]) -> WholeComment:
        (_, id, url, parent, name, text, email, author_key, submitted_at, language, status, seq, holds, judged_at,
         withdrawn_at, erased_at, escalated, picked_at, picked_by, badge, written_by, salt, commitment, receipt, text_format, source, source_key) = row  # fmt: skip
        covered = bool(escalated) and not self._wanted.escalated
        return WholeComment(
            id=id,
            story=url,
            state="erased" if erased_at is not None else "withdrawn" if withdrawn_at is not None else status,
            submitted_at=time_of(submitted_at),
            parent=parent,
            name=None if covered else name,
            text=None if covered else text,
            text_format=text_format or "text",
            email=email if self._wanted.emails and not covered else None,
            author=None if author_key is None else _author_of(author_key),
            language=language,
            status=status,
            seq=seq,
            holds=tuple(holds.split(",")) if holds else (),
            judged_at=time_or_none(judged_at),
            withdrawn_at=time_or_none(withdrawn_at),
            erased_at=time_or_none(erased_at),
            escalated=bool(escalated),
            covered=covered and erased_at is None,
            picked_at=time_or_none(picked_at),
            picked_by=picked_by,
            badge=badge,
            written_by=written_by,
            source=source,
            source_key=source_key,
            decisions=tuple(_decision_of(one, covered=covered) for one in belonging["decision"]),
            evidence=() if covered else tuple(_evidence_of(one) for one in belonging["evidence"]),
            appeals=tuple(WholeAppeal(one[0], time_of(one[1]), None if covered else one[2]) for one in belonging["appeal"]),
            reports=tuple(_report_of(one, covered=covered) for one in belonging["report"]),
            looks=(*map(_audit_of, belonging["audit"]), *map(_second_of, belonging["second"])),
            proof=WholeProof(None if salt is None or covered else bytes(salt).hex(), bytes(commitment).hex(), receipt)
            if self._wanted.proofs
            else None,
        )  # fmt: skip


def _filter(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    where = _CONFIRMED
    given: dict[str, Any] = {}
    if wanted.story is not None:
        where += " AND s.url = :url"
        given["url"] = wanted.story
    if wanted.since is not None:
        where += " AND c.submitted_at >= :since"
        given["since"] = micros(wanted.since)
    if wanted.until is not None:
        where += " AND c.submitted_at < :until"
        given["until"] = micros(wanted.until)
    if wanted.only:
        states = ", ".join(f"'{state}'" for state in STATES if state in wanted.only)
        where += f" AND {_STATE} IN ({states})"
    return where, given


def _author_of(author_key: str) -> str:
    # Of the key by which the desk finds an author: alike for like, and nothing is found by it.
    return hashlib.sha256(b"export\x00" + author_key.encode()).hexdigest()[:32]


def _story_of(row: Row) -> WholeStory:
    _, url, title, text, language, open, opens_at, closes_at, closed_reason, mode, guests, question = row
    return WholeStory(
        url=url,
        title=title,
        text=text,
        language=language,
        open=bool(open),
        opens_at=time_or_none(opens_at),
        closes_at=time_or_none(closes_at),
        closed_reason=closed_reason,
        mode=mode,
        guests=guests,
        question=question,
    )


def _decision_of(row: Row, *, covered: bool) -> WholeDecision:
    seq, at, verdict, decided_by, by, reasons, guidelines, model, calibration, note = row
    return WholeDecision(
        seq=seq,
        at=time_of(at),
        verdict=verdict,
        decided_by=decided_by,
        by=by,
        reasons=_reasons_of(reasons),
        guidelines=guidelines,
        model=model,
        calibration=calibration,
        # What a moderator wrote beside it may quote it.
        note=None if covered else note,
    )


def _evidence_of(row: Row) -> WholeEvidence:
    return WholeEvidence(time_of(row[0]), msgspec.Raw(bytes(row[1])))


def _report_of(row: Row, *, covered: bool) -> WholeReport:
    rule, at, words, closed_at, seq, upheld = row
    return WholeReport(
        rule=rule,
        at=time_of(at),
        words=None if covered else words,
        closed_at=time_or_none(closed_at),
        seq=seq,
        upheld=None if upheld is None else bool(upheld),
    )


def _audit_of(row: Row) -> WholeLook:
    seq, drawn_at, verdict, rules, answered_at, answer, breached, actor = row
    return WholeLook(
        kind="audit",
        seq=seq,
        drawn_at=time_of(drawn_at),
        verdict=verdict,
        rules=_listed(rules),
        answered_at=time_or_none(answered_at),
        answer=answer,
        breached=_listed(breached),
        by=actor,
    )


def _second_of(row: Row) -> WholeLook:
    seq, drawn_at, answered_at, answer, breached, answered_by = row
    return WholeLook(
        kind="second",
        seq=seq,
        drawn_at=time_of(drawn_at),
        answered_at=time_or_none(answered_at),
        answer=answer,
        breached=_listed(breached),
        by=answered_by,
    )


def _listed(ids: str | None) -> tuple[str, ...]:
    return tuple(ids.split(",")) if ids else ()
