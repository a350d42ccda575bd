"""
What other guidelines would have made of comments that are decided: from the evidence that was kept, judging nothing anew.

Pure. Each comment is decided twice from the same evidence, by the guidelines in force and by the others, with
`decide.decide`, its story's mode and the calibrations of today: whatever differs is the guidelines' doing. What the
evidence does not hold is left out of both: the display name, and what was known of the author.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from meydan.comment import DecidedBy, Decision, Evidence, Hold, Verdict
from meydan.judge.calibration import Calibrations
from meydan.judge.decide import decide
from meydan.policy import Guidelines

ERASED = "erased"
NO_EVIDENCE = "no-evidence"
JUDGE_FAILED = "judge-failed"
"""Why a comment cannot be decided again."""


class Kept(Protocol):
    """A decided comment as it was kept; `rules` are those that its decision names."""

    @property
    def id(self) -> str: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def decided_by(self) -> DecidedBy: ...
    @property
    def rules(self) -> tuple[str, ...]: ...
    @property
    def mode(self) -> str | None: ...
    @property
    def evidence(self) -> Evidence | None: ...
    @property
    def erased(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Change:
    """
    A comment that would be decided otherwise.

    `before` and `after` are the machine's decisions by the guidelines in force and by the others; `rules_before` and
    `rules_after` the rules that speak against it in each: those it would be rejected for, or is in doubt of. `rules` are
    those that make the difference, none where it is the automation or what is welcome. `stands` is what was decided in
    truth, and `by_person` whether a person did.
    """

    id: str
    before: Decision
    after: Decision
    rules_before: tuple[str, ...]
    rules_after: tuple[str, ...]
    rules: frozenset[str]
    stands: Verdict
    by_person: bool


@dataclass(frozen=True, slots=True)
class Backtest:
    """
    What became of decided comments under other guidelines.

    Attributes:
        decided: how many were decided twice.
        changes: those that would be decided otherwise, the latest decided first.
        not_decided: how many could not be, by why.
        other_model: how many of those decided were judged by another judge than today's: their scores are of then.
        people: of the comments that a person decided, (how many, how many the machine would decide alone and alike by
            the guidelines in force, how many by the others).
    """

    decided: int
    changes: tuple[Change, ...]
    not_decided: Mapping[str, int]
    other_model: int
    people: tuple[int, int, int]
    moves: Mapping[tuple[Verdict, Verdict], int] = field(init=False)
    by_rule: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        moves = Counter((change.before.verdict, change.after.verdict) for change in self.changes)
        rules = Counter(rule for change in self.changes for rule in (change.rules or {""}))
        object.__setattr__(self, "moves", dict(sorted(moves.items(), key=lambda one: (-one[1], one[0]))))
        object.__setattr__(self, "by_rule", dict(sorted(rules.items(), key=lambda one: (-one[1], one[0]))))


def backtest(
    kept: Iterable[Kept],
    before: Guidelines,
    after: Guidelines,
    *,
    calibrations: Calibrations,
    model: str,
) -> Backtest:
    """
    Decide every comment by both guidelines.

    Args:
        calibrations: those of today, with what the machine was withdrawn from.
        model: the digest of today's judge.
    """
    changes: list[Change] = []
    not_decided: Counter[str] = Counter()
    decided = other_model = of_people = alike_before = alike_after = 0
    alone_before, alone_after = _one_by_one(before), _one_by_one(after)
    for one in kept:
        why = _why_not(one)
        if why:
            not_decided[why] += 1
            continue
        evidence = one.evidence
        assert evidence is not None
        decided += 1
        other_model += evidence.model != model
        was = decide(evidence, before, mode=one.mode, calibrations=calibrations)
        now = decide(evidence, after, mode=one.mode, calibrations=calibrations)
        by_person = one.decided_by is DecidedBy.MODERATOR
        if by_person:
            of_people += 1
            alike_before += was.verdict is one.verdict
            alike_after += now.verdict is one.verdict
        if was.verdict is now.verdict and _named(was) == _named(now):
            continue
        each_before = _each(evidence, alone_before, calibrations)
        each_after = _each(evidence, alone_after, calibrations)
        changes.append(
            Change(
                one.id,
                was,
                now,
                _against(was, each_before),
                _against(now, each_after),
                frozenset(
                    rule
                    for rule in each_before.keys() | each_after.keys()
                    if each_before.get(rule) is not each_after.get(rule)
                ),
                one.verdict,
                by_person,
            )
        )
    people = (of_people, alike_before, alike_after)
    return Backtest(decided, tuple(changes), dict(not_decided), other_model, people)


def _why_not(one: Kept) -> str:
    if one.erased:
        return ERASED
    if one.evidence is None:
        return NO_EVIDENCE
    # What a failing judge leaves behind: no model, and nothing seen.
    return "" if one.evidence.model or one.evidence.scores or one.evidence.findings else JUDGE_FAILED


def _named(decision: Decision) -> frozenset[str]:
    return frozenset(reason.rule for reason in decision.reasons)


def _one_by_one(guidelines: Guidelines) -> dict[str, Guidelines]:
    """The guidelines of each rule that a machine applies, as if there were no other."""
    automation = replace(guidelines.automation, mode="assisted")
    return {
        rule.id: replace(guidelines, rules=(rule,), welcomes=(), automation=automation)
        for rule in guidelines.rules
        if rule.labels
    }


def _each(
    evidence: Evidence, alone: Mapping[str, Guidelines], calibrations: Calibrations
) -> dict[str, Verdict]:
    """What every rule by itself would do: REJECT or HOLD; those that would do neither are left out."""
    found = {}
    for rule, guidelines in alone.items():
        by_it = decide(evidence, guidelines, calibrations=calibrations)
        if by_it.reasons:
            found[rule] = Verdict.REJECT
        elif Hold.UNCERTAIN in by_it.holds:
            found[rule] = Verdict.HOLD
    return found


def _against(decision: Decision, each: Mapping[str, Verdict]) -> tuple[str, ...]:
    """The rules that a rejection names; those that a held comment is in doubt of, or breaches."""
    if decision.verdict is Verdict.HOLD:
        return tuple(each)
    return tuple(dict.fromkeys(reason.rule for reason in decision.reasons))
