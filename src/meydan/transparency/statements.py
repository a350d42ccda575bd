"""
A rejection becomes a statement of reasons.

It says what the author was told, and how the decision came about; never the comment's words, its author's name, its
address or who at the desk decided. Whether refusing to publish is a restriction of visibility is for lawyers to say; here
it is treated as one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from meydan.comment import DecidedBy
from meydan.errors import BadGuidelines, BadStatement
from meydan.policy import Guidelines, parse, words
from meydan.store import Rejection, Store
from meydan.transparency.categories import Categories
from meydan.transparency.schema import ILLEGAL, INCOMPATIBLE, LANGUAGES, MIDDLE, SHORT, faults_of

LANGUAGE: Final = "en"
"""In which statements are written; what an author is told is in the author's."""

MACRO: Final = {"ckb": "KU", "kmr-Latn": "KU", "kmr-Arab": "KU"}
"""Languages that have two letters only together."""

KEPT: Final = 20
"""Versions of the guidelines that are held at once."""


class Statements:
    """
    The statements of reasons of a period.

    Args:
        guidelines: those in force, for decisions whose own version is not kept.
    """

    def __init__(
        self,
        store: Store,
        categories: Categories,
        *,
        guidelines: Guidelines,
    ) -> None:
        self._store = store
        self._categories = categories
        self._current = guidelines
        self._versions: dict[str, Guidelines] = {}

    def between(self, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
        """
        A statement for every rejection from `since` to before `until`, in their order, one at a time.

        Raises:
            BadStatement: one would not be taken; it names the fields, and nothing of the comment.
        """
        for rejection in self._store.verdicts.rejections(since, until):
            statement = self.of(rejection)
            if faults := faults_of(statement):
                raise BadStatement(
                    f"The statement {statement['puid']} would not be taken: {', '.join(faults)}. "
                    "Look at the guidelines' titles and texts, and at the setting 'statement_categories'.",
                    fields=faults,
                )
            yield statement

    def of(self, rejection: Rejection) -> dict[str, Any]:
        """One statement; fields that say nothing are left out."""
        guidelines = self._version(rejection.guidelines)
        rules = list(dict.fromkeys(reason.rule for reason in rejection.reasons)) or [""]
        filed = [self._categories.of(rule) for rule in rules]
        main = filed[0]
        further = [one for one in dict.fromkeys(one.category for one in filed) if one != main.category]
        keywords = list(dict.fromkeys(word for one in filed for word in one.keywords))
        titles = [_title(guidelines, rule) for rule in rules]
        told = {
            "puid": puid_of(rejection),
            "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"],
            "end_date_visibility_restriction": _day(rejection.superseded_at),
            "decision_ground": ILLEGAL if main.legal_ground else INCOMPATIBLE,
            "content_type": ["CONTENT_TYPE_TEXT"],
            "content_date": _day(rejection.submitted_at),
            "content_language": _language(rejection.language),
            "category": main.category,
            "category_addition": further or None,
            "category_specification": keywords or None,
            "territorial_scope": list(self._categories.countries) or None,
            "application_date": _day(rejection.decided_at),
            "decision_facts": _facts(rejection, guidelines.publication.name, titles),
            "source_type": "SOURCE_TYPE_OTHER_NOTIFICATION" if rejection.reported else "SOURCE_VOLUNTARY",
            "automated_detection": "Yes" if _detected(rejection) else "No",
            "automated_decision": _automated(rejection),
        }
        if main.legal_ground:
            told["illegal_content_legal_ground"] = main.legal_ground
            told["illegal_content_explanation"] = _text(guidelines, rules[0])
        else:
            ground = "; ".join(f"Guideline “{title}”" for title in titles)
            told["incompatible_content_ground"] = _cut(ground, SHORT)
            told["incompatible_content_explanation"] = _text(guidelines, rules[0])
            told["incompatible_content_illegal"] = "Yes" if any(one.illegal for one in filed) else "No"
        return {name: value for name, value in told.items() if value is not None}

    def _version(self, digest: str) -> Guidelines:
        known = self._versions.get(digest)
        if known is None:
            known = self._current
            if digest != known.digest and (source := self._store.guidelines.source(digest)) is not None:
                try:
                    known = parse(source, "guidelines")
                except BadGuidelines:
                    # Accepted by another version of the program.
                    known = self._current
            if len(self._versions) >= KEPT:
                self._versions.clear()
            self._versions[digest] = known
        return known


def puid_of(rejection: Rejection) -> str:
    """
    The statement's own number: the same whenever it is made, another for each decision, and of nobody.

    Made of the commitment, which is a hash with a salt that only the author has, and which outlives an erasure.
    """
    mark = hashlib.sha256(b"statement of reasons\x00" + rejection.commitment + str(rejection.seq).encode())
    return f"meydan-{mark.hexdigest()[:40]}"


def _title(guidelines: Guidelines, rule: str) -> str:
    try:
        return words(guidelines.rule(rule).title, LANGUAGE)
    except KeyError:
        # Taken out of the guidelines since, and their version is not kept.
        return rule or "not named"


def _text(guidelines: Guidelines, rule: str) -> str:
    try:
        return _cut(words(guidelines.rule(rule).text, LANGUAGE), MIDDLE)
    except KeyError:
        return "The comment breaches the publication's guidelines."


def _facts(rejection: Rejection, publication: str, titles: list[str]) -> str:
    found = (
        "It was looked at after readers had reported it."
        if rejection.reported
        else "It was looked at before publication, as every comment is."
    )
    decided = {
        True: "The decision was made by automated means alone, within error bounds that are measured by audits.",
        False: "The decision was made by a person"
        + (", who had an automated assessment at hand." if rejection.judged else "."),
    }[rejection.decided_by is DecidedBy.MACHINE]
    return (
        f"A comment that a reader sent to the comment section of {publication} is not shown, because it breaches "
        f"{'the guideline' if len(titles) == 1 else 'the guidelines'} {', '.join(f'“{title}”' for title in titles)}. "
        f"{found} {decided} Its author was told the reasons, whether a machine or a person decided, and how to appeal; "
        "an appeal is decided by another person."
    )


def _detected(rejection: Rejection) -> bool:
    return rejection.decided_by is DecidedBy.MACHINE or (rejection.judged and not rejection.reported)


def _automated(rejection: Rejection) -> str:
    if rejection.decided_by is DecidedBy.MACHINE:
        return "AUTOMATED_DECISION_FULLY"
    return "AUTOMATED_DECISION_PARTIALLY" if rejection.judged else "AUTOMATED_DECISION_NOT_AUTOMATED"


def _language(tag: str) -> str | None:
    code = MACRO.get(tag) or tag.partition("-")[0].upper()
    return code if code in LANGUAGES else None


def _day(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).date().isoformat()


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
