"""
The newsroom suite: comments as readers write them, each with what a fair editor would do.

Shipped with the program, one file a language, so that anybody can repeat the figures.
Written by hand for this purpose; the judge never learns from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from meydan.comment import GROUNDS, LANGUAGES, Verdict
from meydan.errors import Malformed

NEWSROOM: Final = Path(__file__).parent / "suites" / "newsroom"

RULES: Final = ("profanity", "threats", "personal-attacks", "vulgarity", "abuse", "promotion")
"""The default guidelines' rules that a violation of the suite breaches."""

_ATTACKS: Final = ("leet", "spaces", "swap", "drop", "repeat", "joined", "marks", "lookalike")

VIOLATIONS: Final = (
    "threat_direct", "threat_veiled", "threat_call", "threat_wish",
    "insult_commenter", "insult_author", "insult_politician", "insult_private",
    "profanity_strong", "profanity_at_person", "vulgar_sexual",
    "abuse_sexism", "abuse_racism", "abuse_homophobia", "abuse_xenophobia", "abuse_religion", "abuse_disability",
    "abuse_slur", "abuse_dehumanising", "abuse_implicit", "abuse_question_or_opinion", "abuse_long",
    "promo_commercial", "promo_personal", "promo_scam", "mixed_good_then_bad",
    *(f"spell_{attack}" for attack in _ATTACKS),
)  # fmt: skip

INNOCENT: Final = (
    "report_violence", "report_crime", "report_court", "history_violence", "condemn_violence",
    "quote_condemn", "quote_report", "negate_abuse", "counter_speech",
    "criticise_work", "criticise_government", "criticise_party", "criticise_army_police",
    "criticise_religion_idea", "criticise_publisher", "criticise_policy_migration",
    "disagree_commenter", "disagree_sharp", "identity_neutral", "identity_proud", "identity_positive",
    "grief", "prayer_or_greeting", "idiom_violent", "idiom_body", "figurative_death", "sports_talk",
    "title_or_work", "homonym", "reclaimed", "self_deprecation", "question_genuine", "ask_help",
    "correct_fact", "cite_source", "share_experience", "sarcasm_mild", "emoji_plain", "code_switching",
    "short_reaction", "long_thoughtful", "numbers_prices", "legal_name",
    *(f"spell_clean_{attack}" for attack in _ATTACKS),
)  # fmt: skip

FOR_A_PERSON: Final = ("crime_alleged_private", "off_topic")

FUNCTIONALITIES: Final[Mapping[str, Verdict]] = {
    **dict.fromkeys(VIOLATIONS, Verdict.REJECT),
    **dict.fromkeys(INNOCENT, Verdict.APPROVE),
    **dict.fromkeys(FOR_A_PERSON, Verdict.HOLD),
}
"""What each functionality's cases expect."""

_KEYS = {"id", "lang", "functionality", "text", "expect", "rule", "ground", "pair", "story", "also"}


@dataclass(frozen=True, slots=True)
class Case:
    """
    One comment of the suite.

    `expect` APPROVE is innocent and must not be rejected, REJECT a violation that must
    not be approved, HOLD for a person to see. `rules` are the rules that are right for a
    violation, the primary one first; `pair` names what differs from it in one thing.
    """

    id: str
    lang: str
    functionality: str
    text: str
    expect: Verdict
    rules: tuple[str, ...] = ()
    ground: str | None = None
    pair: str | None = None
    story: str | None = None

    @property
    def group(self) -> str:
        """What is drawn together when figures are resampled."""
        return self.pair or self.id


def load_suite(languages: Iterable[str] = (), *, folder: Path = NEWSROOM) -> list[Case]:
    """
    The cases of some languages (none named: of all), in the order of the files.

    Raises:
        Malformed: there is no case in a language, or a file is not a suite.
    """
    wanted = tuple(languages)
    cases = [case for path in sorted(folder.glob("*.jsonl")) for case in _read(path)]
    ids = [case.id for case in cases]
    if twice := sorted({id for id in ids if ids.count(id) > 1} if len(set(ids)) < len(ids) else ()):
        raise Malformed(f"Suite: the id {twice[0]} is used twice.", fields=("id",))
    known = tuple(dict.fromkeys(case.lang for case in cases))
    for language in wanted or known:
        if language not in known:
            raise Malformed(
                f"The suite has no {language!r}; it has {', '.join(known) or 'no cases'}.",
                fields=("language",),
            )
    return [case for case in cases if not wanted or case.lang in wanted]


def _read(path: Path) -> list[Case]:
    cases = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            cases.append(_case_of(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            told = fault.args[0] if isinstance(fault, ValueError) and fault.args else type(fault).__name__
            raise Malformed(f"Suite: {path.name}, line {number}: {told}.", fields=("suite",)) from None
    return cases


def _case_of(row: Mapping[str, Any]) -> Case:
    expect = Verdict(row["expect"])
    functionality = row["functionality"]
    rules = ((row["rule"],) if row["rule"] else ()) + tuple(row.get("also", ()))
    for right, what in (
        (set(row) <= _KEYS, "an unknown key"),
        (row["lang"] in LANGUAGES, "an unknown language"),
        (functionality in FUNCTIONALITIES, "an unknown functionality"),
        (FUNCTIONALITIES.get(functionality) is expect, "not what its functionality expects"),
        (set(rules) <= set(RULES), "an unknown rule"),
        (bool(row["rule"]) == (expect is Verdict.REJECT), "a rule without a violation, or the reverse"),
        (row["ground"] is None or row["ground"] in GROUNDS.values(), "an unknown ground"),
        (row["ground"] is None or "abuse" in rules, "a ground without abuse"),
        (bool(row["text"].strip()), "no text"),
    ):
        if not right:
            raise ValueError(what)
    return Case(
        id=row["id"],
        lang=row["lang"],
        functionality=functionality,
        text=row["text"],
        expect=expect,
        rules=rules,
        ground=row["ground"],
        pair=row.get("pair"),
        story=row.get("story"),
    )
