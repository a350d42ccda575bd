"""
The guidelines as they were: every version that ever took effect, what editors are drafting, and what was decided.

The newest version rules. It takes effect in one transaction with its line in the journal, and only over the version
that whoever changed it had before them. Versions are never altered or deleted; a version that comes back is a new row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from meydan.comment import DecidedBy, Evidence, Reason, Verdict
from meydan.errors import GuidelinesChanged
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.exact import check_text, micros, time_of
from meydan.store.hand import Hand, Row
from meydan.store.people import enter
from meydan.store.writer import Writer

_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Version:
    """
    Guidelines that took effect: the file's `digest`, by whom, when and why, and the digest `before`, None for the first.
    """

    number: int
    digest: str
    at: datetime
    by: str
    note: str
    before: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What an editor has typed and nobody goes by: the file, the note, and the digest of the version it began from."""

    text: str = field(repr=False)
    note: str = field(repr=False)
    base: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Past:
    """
    A decided comment as it is kept: its current decision, its story's mode, and its latest evidence, None without.
    """

    id: str
    verdict: Verdict
    decided_by: DecidedBy
    rules: tuple[str, ...]
    mode: str | None
    evidence: Evidence | None
    erased: bool


_encode = msgspec.json.Encoder().encode
_draft_of = msgspec.json.Decoder(Draft).decode
_evidence_of = msgspec.json.Decoder(Evidence).decode
_reasons_of = msgspec.json.Decoder(tuple[Reason, ...]).decode


class Versions:
    """Versions of the guidelines, drafts of the next one, and the decisions to try it on."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def newest(self) -> Version | None:
        """The version that rules; None before there is any."""
        return _version_or_none(self._database.one(sql.NEWEST_VERSION))

    def ruling(self) -> tuple[str, bytes] | None:
        """Its digest and the file's bytes, both of one moment."""
        row = self._database.one(sql.NEWEST_SOURCE)
        return None if row is None else (row[0], bytes(row[1]))

    def source(self, digest: str) -> bytes | None:
        """The bytes of a version; None if none of this digest ever took effect."""
        row = self._database.one(sql.VERSION_SOURCE, digest=digest)
        return None if row is None else bytes(row[0])

    def of(self, digest: str) -> tuple[Version, ...]:
        """Each time that a version took effect, the latest first."""
        return tuple(_version_of(row) for row in self._database.all(sql.VERSIONS_OF, digest=digest))

    def history(self, *, limit: int, before: int | None = None) -> tuple[Version, ...]:
        """What took effect, the newest first, with numbers below `before`."""
        limit = max(1, min(limit, 10_000))
        before = _LARGEST if before is None else max(0, min(before, _LARGEST))
        return tuple(_version_of(row) for row in self._database.all(sql.VERSIONS, limit=limit, before=before))

    def decided_under(self, digest: str) -> int:
        """How many decisions, superseded ones too, say that they were made by this version."""
        row = self._database.one(sql.DECIDED_UNDER, digest=digest)
        return int(row[0]) if row else 0

    def take_effect(
        self, digest: str, source: bytes, *, base: str | None, by: str, note: str, at: datetime
    ) -> Version:
        """
        Let a version rule from now on; its draft is done with.

        Args:
            source: the bytes of a file without faults. base: the digest of the version that it was made from.

        Raises:
            GuidelinesChanged: another version rules by now.
            NotText: a note that cannot be kept.
        """
        check_text("note", note)
        when = micros(at)

        def work(hand: Hand) -> Version:
            hand.lock_key("guidelines")
            newest = _version_or_none(hand.one(sql.NEWEST_VERSION))
            ruling = newest.digest if newest else None
            if newest is not None and ruling != base:
                raise GuidelinesChanged(by=newest.by, at=newest.at)
            hand.run(sql.END_DRAFT, name=by)
            return _add(hand, digest, source, before=ruling, by=by, note=note, at=when)

        return self._writer.write(work)

    def enter_file(
        self, digest: str, source: bytes, *, by: str, note: str, at: datetime, shipped: bool
    ) -> Version | None:
        """
        Let the operator's file rule if it is another than it was when it was last entered; None where it is not.

        What editors accepted since is over then. Guidelines that merely come with the program (`shipped`) take
        nothing from an editor: they rule only where no editor has accepted any since the operator's last.
        """
        when = micros(at)

        def work(hand: Hand) -> Version | None:
            hand.lock_key("guidelines")
            newest = _version_or_none(hand.one(sql.NEWEST_VERSION))
            last = _version_or_none(hand.one(sql.NEWEST_VERSION_OF, actor=by))
            if last is not None and last.digest == digest:
                return None
            if shipped and newest is not None and newest.by != by:
                return None
            before = newest.digest if newest else None
            return _add(hand, digest, source, before=before, by=by, note=note, at=when)

        return self._writer.write(work)

    # -- drafts ---------------------------------------------------------------

    def draft(self, name: str) -> Draft | None:
        """What somebody has typed; None if they have no draft."""
        row = self._database.one(sql.DRAFT, name=name)
        return None if row is None else _draft_of(bytes(row[0]))

    def keep_draft(self, name: str, draft: Draft) -> None:
        """Keep what somebody has typed, in place of what they had before."""
        body = _encode(draft)
        self._writer.write(lambda hand: hand.run(sql.KEEP_DRAFT, name=name, body=body))

    def end_draft(self, name: str) -> None:
        """Forget what somebody has typed."""
        self._writer.write(lambda hand: hand.run(sql.END_DRAFT, name=name))

    # -- what was decided -------------------------------------------------------

    def past(self, limit: int) -> tuple[Past, ...]:
        """The comments decided last, the latest first, each once; escalated ones are left out."""
        rows = self._database.all(sql.PAST, limit=max(1, min(limit, 100_000)))
        return tuple(
            Past(
                id=id,
                verdict=Verdict(verdict),
                decided_by=DecidedBy(decided_by),
                rules=tuple(dict.fromkeys(reason.rule for reason in _reasons_of(reasons))),
                mode=mode,
                evidence=None if body is None or erased_at is not None else _evidence_of(body),
                erased=erased_at is not None,
            )
            for id, verdict, decided_by, reasons, erased_at, mode, body in rows
        )


def _add(
    hand: Hand, digest: str, source: bytes, *, before: str | None, by: str, note: str, at: int
) -> Version:
    row = hand.one(sql.ADD_VERSION, digest=digest, source=source, at=at, actor=by, note=note, before=before)
    assert row is not None
    # The note is an editor's prose, and could quote a reader: it stays with the version.
    enter(hand, at, by, "guidelines-changed", digest, before=before or "", number=row[0])
    return Version(row[0], digest, time_of(at), by, note, before)


def _version_of(row: Row) -> Version:
    number, digest, at, by, note, before = row
    return Version(number, digest, time_of(at), by, note, before)


def _version_or_none(row: Row | None) -> Version | None:
    return None if row is None else _version_of(row)
