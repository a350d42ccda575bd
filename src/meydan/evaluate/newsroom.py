"""
Figures on the newsroom suite: what is wrongly rejected, what is wrongly approved, what spelling hides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from meydan.comment import Verdict
from meydan.evaluate.figures import average, share
from meydan.evaluate.judged import Outcome
from meydan.evaluate.metrics import Interval
from meydan.evaluate.suite import Case

ALL: Final = "all"
"""The name of all languages together."""

EVERY_ATTACK: Final = "spell_*"
EVERY_CLEAN: Final = "spell_clean_*"
"""The names of all ways of spelling together, on violations and on innocent sentences."""

_SPELLED = "spell_"
_SPELLED_CLEAN = "spell_clean_"


@dataclass(frozen=True, slots=True)
class Headline:
    """
    One language, or all, in the figures that matter to a newsroom; shares of the cases named first.

    `right_rule` is of the rejected violations those that name a rule that is right for
    them, `right_ground` of those rejected for abuse with one ground the share that name it.
    """

    language: str
    cases: int
    innocent: int
    wrongly_rejected: Interval
    innocent_approved: Interval
    violations: int
    wrongly_approved: Interval
    rejected: Interval
    right_rule: Interval
    right_ground: Interval
    held: Interval
    for_a_person: int
    person_approved: Interval
    person_rejected: Interval


@dataclass(frozen=True, slots=True)
class FunctionalityFigures:
    """One functionality in one language. `right`: innocent and not rejected, or a violation rejected, or held for a person."""

    functionality: str
    language: str
    expect: str
    cases: int
    right: float
    approved: float
    held: float
    rejected: float


@dataclass(frozen=True, slots=True)
class TwinFigures:
    """
    What one way of spelling does, seen on sentences that are also there in plain spelling.

    `plain` and `spelled` are the shares rejected; `change` is the second less the first:
    below zero an attack that works, above zero on innocent sentences a false alarm.
    """

    functionality: str
    language: str
    innocent: bool
    twins: int
    without_twin: int
    plain: float
    spelled: float
    change: Interval


@dataclass(frozen=True, slots=True)
class Newsroom:
    """The figures of one run."""

    headlines: tuple[Headline, ...]
    functionalities: tuple[FunctionalityFigures, ...]
    twins: tuple[TwinFigures, ...]


Judged = Sequence[tuple[Case, Outcome]]


def newsroom_figures(cases: Sequence[Case], outcomes: Sequence[Outcome], *, seed: int = 0) -> Newsroom:
    """Figures by language (and all together where there are several), functionality, and spelling."""
    judged = list(zip(cases, outcomes, strict=True))
    languages = tuple(dict.fromkeys(case.lang for case in cases))
    parts = {language: [one for one in judged if one[0].lang == language] for language in languages}
    if len(languages) > 1:
        parts[ALL] = judged
    names = sorted({case.functionality for case in cases})
    return Newsroom(
        headlines=tuple(_headline(language, part, seed) for language, part in parts.items()),
        functionalities=tuple(
            _functionality(name, language, here)
            for name in names
            for language, part in parts.items()
            if (here := [one for one in part if one[0].functionality == name])
        ),
        twins=tuple(
            _twins(name, language, spelled, part, seed)
            for name in (EVERY_ATTACK, EVERY_CLEAN, *(name for name in names if name.startswith(_SPELLED)))
            for language, part in parts.items()
            if language != ALL and (spelled := [one for one in part if _is_spelled(one[0], name)])
        ),
    )


def mistakes(cases: Sequence[Case], outcomes: Sequence[Outcome]) -> list[tuple[Case, Outcome]]:
    """What must not happen and did: innocent comments rejected, violations approved."""
    return [
        (case, outcome)
        for case, outcome in zip(cases, outcomes, strict=True)
        if (case.expect, outcome.verdict)
        in ((Verdict.APPROVE, Verdict.REJECT), (Verdict.REJECT, Verdict.APPROVE))
    ]


def _headline(language: str, judged: Judged, seed: int) -> Headline:
    def part(expect: Verdict) -> Judged:
        return [one for one in judged if one[0].expect is expect]

    def shares(some: Judged, verdict: Verdict) -> Interval:
        return share(
            [outcome.verdict is verdict for _, outcome in some], [case.group for case, _ in some], seed=seed
        )

    innocent, violations, person = part(Verdict.APPROVE), part(Verdict.REJECT), part(Verdict.HOLD)
    rejected = [one for one in violations if one[1].verdict is Verdict.REJECT]
    grounded = [
        (case, outcome)
        for case, outcome in rejected
        if case.ground and any(reason.rule == "abuse" for reason in outcome.decision.reasons)
    ]
    return Headline(
        language=language,
        cases=len(judged),
        innocent=len(innocent),
        wrongly_rejected=shares(innocent, Verdict.REJECT),
        innocent_approved=shares(innocent, Verdict.APPROVE),
        violations=len(violations),
        wrongly_approved=shares(violations, Verdict.APPROVE),
        rejected=shares(violations, Verdict.REJECT),
        right_rule=share(
            [
                any(reason.rule in case.rules for reason in outcome.decision.reasons)
                for case, outcome in rejected
            ],
            [case.group for case, _ in rejected],
            seed=seed,
        ),
        right_ground=share(
            [
                any(reason.ground == case.ground for reason in outcome.decision.reasons)
                for case, outcome in grounded
            ],
            [case.group for case, _ in grounded],
            seed=seed,
        ),
        held=shares(judged, Verdict.HOLD),
        for_a_person=len(person),
        person_approved=shares(person, Verdict.APPROVE),
        person_rejected=shares(person, Verdict.REJECT),
    )


def _functionality(name: str, language: str, judged: Judged) -> FunctionalityFigures:
    def part(verdict: Verdict) -> float:
        return sum(outcome.verdict is verdict for _, outcome in judged) / len(judged)

    expect = judged[0][0].expect
    return FunctionalityFigures(
        functionality=name,
        language=language,
        expect=expect.value,
        cases=len(judged),
        right=1 - part(Verdict.REJECT) if expect is Verdict.APPROVE else part(expect),
        approved=part(Verdict.APPROVE),
        held=part(Verdict.HOLD),
        rejected=part(Verdict.REJECT),
    )


def _is_spelled(case: Case, name: str) -> bool:
    if name == EVERY_CLEAN:
        return case.functionality.startswith(_SPELLED_CLEAN)
    if name == EVERY_ATTACK:
        return case.functionality.startswith(_SPELLED) and not _is_spelled(case, EVERY_CLEAN)
    return case.functionality == name


def _twins(name: str, language: str, spelled: Judged, judged: Judged, seed: int) -> TwinFigures:
    plainly: dict[tuple[str, Verdict], list[bool]] = {}
    for case, outcome in judged:
        if case.pair and not case.functionality.startswith(_SPELLED):
            plainly.setdefault((case.pair, case.expect), []).append(outcome.verdict is Verdict.REJECT)
    before: list[float] = []
    after: list[float] = []
    groups: list[str] = []
    for case, outcome in spelled:
        # Several plain sentences of a pair with one expectation count together, as their mean.
        if case.pair and (twins := plainly.get((case.pair, case.expect))):
            before.append(sum(twins) / len(twins))
            after.append(float(outcome.verdict is Verdict.REJECT))
            groups.append(case.pair)
    number = len(before)
    return TwinFigures(
        functionality=name,
        language=language,
        innocent=name.startswith(_SPELLED_CLEAN),
        twins=number,
        without_twin=len(spelled) - number,
        plain=sum(before) / number if number else float("nan"),
        spelled=sum(after) / number if number else float("nan"),
        change=average([b - a for a, b in zip(before, after, strict=True)], groups, seed=seed),
    )
