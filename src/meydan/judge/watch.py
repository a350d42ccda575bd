"""
Whether the machine keeps what it promised: a test that may be read after every audit.

A share of all that the machine judges is put before a person as well. Of the comments that the
person finds acceptable, the machine may have rejected so many; of the violations it may have
approved so many. As soon as it was wrong too often for that to be chance, an alarm is raised.
Pure.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from meydan.comment import Audited, Verdict
from meydan.judge.calibration import APPROVALS
from meydan.policy import Automation, Guidelines

EVERY_RULE: Final = "rejections"
"""What stands for all rules together."""

_STAKES: Final = np.array([1.5, 2.0, 3.0, 5.0, 8.0, 16.0, 32.0])


@dataclass(frozen=True, slots=True)
class Interval:
    """`wrong` of `of`, and between which shares the truth lies, surely enough."""

    wrong: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share that was seen; not a number where nothing was."""
        return self.wrong / self.of if self.of else math.nan


@dataclass(frozen=True, slots=True)
class Kept:
    """
    How one promise stands: for a rule, all rules (EVERY_RULE) or approvals (APPROVALS).

    `bound` is the share promised at most, `seen` what audits have shown, `against` the odds
    against the promise: at most so many to one by chance.
    """

    what: str
    bound: float
    seen: Interval
    against: float


@dataclass(frozen=True, slots=True)
class Watch:
    """One language: how its promises stand, and what the machine should no longer do there."""

    kept: tuple[Kept, ...]
    withdraw: frozenset[str]


def watch_of(audited: Sequence[Audited], guidelines: Guidelines) -> Watch:
    """
    Test the promises of one language on its audits, in the order they were drawn.

    Too many wrong rejections withdraw the rule that was named in most of them, and then the next,
    until what is left keeps the promise; too many wrong approvals withdraw approving.

    Source:
        Betting on a Bernoulli mean: Waudby-Smith and Ramdas (2023); Ville's inequality (1939)
        lets it be read at any time. The alarm is false with a chance of at most 1 - confidence.
    """
    promised = guidelines.automation
    acceptable: list[Audited] = []
    violations: list[Audited] = []
    for one in audited:
        truth = is_violation(one.truth, one.breached, guidelines)
        if truth is not None:
            (violations if truth else acceptable).append(one)
    # Two promises are watched, and share the chance of a false alarm.
    alarm = 2 / (1 - promised.confidence)

    kept = [
        _kept(
            APPROVALS, promised.wrongly_approved, [o.verdict is Verdict.APPROVE for o in violations], promised
        )
    ]
    withdraw = {APPROVALS} if kept[0].against >= alarm else set()

    rejected = [o.rules if o.verdict is Verdict.REJECT else () for o in acceptable]
    kept.append(_kept(EVERY_RULE, promised.wrongly_rejected, [bool(rules) for rules in rejected], promised))
    by_rule = {
        rule: _kept(rule, promised.wrongly_rejected, [rule in rules for rules in rejected], promised)
        for rule in sorted({rule for rules in rejected for rule in rules})
    }
    left = dict(by_rule)
    while left:
        wrong = [any(rule in left for rule in rules) for rules in rejected]
        if odds_against(wrong, promised.wrongly_rejected) < alarm:
            break
        worst = max(left, key=lambda rule: (left[rule].seen.wrong, rule))
        withdraw.add(worst)
        del left[worst]
    return Watch((*kept, *by_rule.values()), frozenset(withdraw))


def is_violation(truth: Verdict, breached: Collection[str], guidelines: Guidelines) -> bool | None:
    """
    Whether a person's verdict says that a comment breaches what the machine judges by.

    None where it says neither: rejected for rules alone that only people apply.
    """
    if truth is Verdict.APPROVE:
        return False
    people = {rule.id for rule in guidelines.rules if rule.people_only}
    return None if breached and set(breached) <= people else True


def odds_against(wrong: Sequence[bool] | NDArray[np.bool_], bound: float) -> float:
    """
    The most that betting against "at most this share is wrong" has ever won, starting from 1.

    If the promise is kept, this exceeds x with a chance of at most 1/x, however long one watches.

    Args:
        wrong: one for each comment, in order.
        bound: the share promised, from 0 to 1; 0 is broken by the first that is wrong.
    """
    outcomes = np.asarray(wrong, bool)
    if not outcomes.any():
        return 1.0
    if bound <= 0.0:
        return math.inf
    if bound >= 1.0:
        return 1.0
    # Equal stakes on several worse shares: what one does not know need not be guessed.
    odds = _STAKES * bound / (1 - bound)
    worse = odds / (1 + odds)
    errors = np.cumsum(outcomes)[:, None]
    right = np.arange(1, len(outcomes) + 1)[:, None] - errors
    won = errors * np.log(worse / bound) + right * np.log((1 - worse) / (1 - bound))
    highest = float(np.logaddexp.reduce(won, axis=1).max()) - math.log(len(_STAKES))
    return max(1.0, math.exp(min(highest, 700.0)))


def interval_of(wrong: int, of: int, *, confidence: float) -> Interval:
    """
    The exact interval of a share, both ends together at this confidence; from 0 to 1 where nothing was seen.

    Source:
        Clopper and Pearson (1934).
    """
    if not of:
        return Interval(0, 0, 0.0, 1.0)
    tail = (1 - confidence) / 2
    low = 0.0 if wrong == 0 else 1 - _highest(of - wrong, of, tail)
    high = 1.0 if wrong == of else _highest(wrong, of, tail)
    return Interval(wrong, of, low, high)


def _kept(what: str, bound: float, wrong: list[bool], promised: Automation) -> Kept:
    seen = interval_of(sum(wrong), len(wrong), confidence=promised.confidence)
    return Kept(what, bound, seen, odds_against(wrong, bound))


def _highest(wrong: int, of: int, tail: float) -> float:
    """The share at which so few wrong ones or fewer have just the chance `tail`."""
    i = np.arange(wrong + 1)
    ways = np.concatenate(([0.0], np.cumsum(np.log((of - i[1:] + 1) / i[1:]))))
    low, high = 0.0, 1.0
    for _ in range(60):
        share = (low + high) / 2
        chance = float(np.logaddexp.reduce(ways + i * math.log(share) + (of - i) * math.log1p(-share)))
        low, high = (low, share) if chance < math.log(tail) else (share, high)
    return high
