"""
What other systems' people found of comments that are kept elsewhere: labels to calibrate by.

A text is kept because a judge of tomorrow has to read it again; for so long as the operator says, and no longer than an
equal text is kept here once somebody has that erased. One comment there has one row here: what was found of it last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import msgspec

from meydan.comment import RULE_LABELS, UNKNOWN_LANGUAGE, WELCOME_LABELS
from meydan.errors import Malformed, MissingFields, TooLong
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.exact import check_text, micros
from meydan.store.hand import Hand
from meydan.store.writer import Writer

VIOLATION: Final = "violation"
"""The label of who says of a whole comment whether it breaches the guidelines: a moderator's verdict."""

SUGGESTIBLE: Final = frozenset({*RULE_LABELS, *WELCOME_LABELS, "toxic", "hate", VIOLATION})
"""What can be suggested: our labels, what raters are asked instead of them, and the verdict."""

LONGEST_BYTES: Final = 20_480
"""A text that is kept, in UTF-8."""

LONGEST_SUBJECT: Final = 2_000
"""What a comment is called elsewhere, in characters."""

_PIECE: Final = 1_000

_write = msgspec.json.Encoder(order="sorted").encode
_read = msgspec.json.Decoder(dict[str, float]).decode


@dataclass(frozen=True, slots=True)
class Suggestion:
    """
    What somebody else's people found of a comment that is kept elsewhere.

    Attributes:
        source: who says so, as "<door>:<name of the token>".
        text: as it was sent there.
        labels: one of SUGGESTIBLE -> 0 to 1, at least one.
        subject: what the comment is called there; a later suggestion of this source on it takes the place of the former.
            "": nothing; then the text stands for it.
    """

    source: str
    text: str = field(repr=False)
    labels: Mapping[str, float]
    subject: str = field(default="", repr=False)
    language: str = UNKNOWN_LANGUAGE

    def check(self) -> None:
        """
        Refuse what cannot be kept.

        Raises:
            MissingFields, TooLong, NotText: no such text. Malformed: labels or values that there are not.
        """
        missing = {"text": not self.text, "labels": not self.labels}
        if any(missing.values()):
            raise MissingFields([name for name, is_missing in missing.items() if is_missing])
        for name, value in (("source", self.source), ("text", self.text), ("subject", self.subject)):
            check_text(name, value)
        if len(self.text.encode()) > LONGEST_BYTES:
            raise TooLong("text", limit=LONGEST_BYTES, size=len(self.text.encode()))
        if len(self.subject) > LONGEST_SUBJECT:
            raise TooLong("subject", limit=LONGEST_SUBJECT, size=len(self.subject))
        if not self.labels.keys() <= SUGGESTIBLE:
            raise Malformed("There is no such label.", fields=("labels",))
        if not all(math.isfinite(value) and 0 <= value <= 1 for value in self.labels.values()):
            raise Malformed("A label's value is a number from 0 to 1.", fields=("labels",))


@dataclass(frozen=True, slots=True)
class Suggested:
    """A suggestion as it is kept."""

    text: str = field(repr=False)
    labels: Mapping[str, float]
    language: str


class Suggestions:
    """What was suggested. Safe to use from many threads and nodes."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def keep(self, suggestion: Suggestion, *, key: str, fingerprint: str, at: datetime) -> None:
        """
        Keep one, in the place of the one of the same key.

        Args:
            key: a keyed hash of what it is about. fingerprint: a keyed hash of its text.

        Raises:
            StoreUnavailable: nothing was kept.
        """
        suggestion.check()
        row = {
            "key": key,
            "fingerprint": fingerprint,
            "source": suggestion.source,
            "text": suggestion.text,
            "language": suggestion.language,
            "labels": _write(dict(suggestion.labels)).decode(),
            "at": micros(at),
        }
        self._writer.write(lambda hand: hand.run(sql.KEEP_SUGGESTION, **row))

    def all(self) -> Iterator[Suggested]:
        """Every one, the oldest first; read a piece at a time."""
        after = 0
        while rows := self._database.all(sql.SUGGESTIONS, after=after, limit=_PIECE):
            for _, text, language, labels in rows:
                yield Suggested(text, _read(labels), language)
            after = rows[-1][0]

    def forget_text(self, fingerprint: str) -> None:
        """Forget what was suggested of exactly such a text: it was erased here."""
        if self._database.one(sql.SUGGESTED, fingerprint=fingerprint) is not None:
            self._delete(sql.FORGET_SUGGESTED, fingerprint=fingerprint)

    def expire(self, at: datetime, *, days: int) -> None:
        """Forget what is older than `days`."""
        before = micros(at - timedelta(days=days))
        if self._database.one(sql.OLD_SUGGESTION, before=before) is not None:
            self._delete(sql.FORGET_SUGGESTIONS, before=before)

    def _delete(self, statement: str, **parameters: object) -> None:
        def work(hand: Hand) -> None:
            if hand.run(statement, **parameters) and hand.dialect == "sqlite":
                hand.run(sql.NOW_STALE)

        self._writer.write(work, scrub=True)
