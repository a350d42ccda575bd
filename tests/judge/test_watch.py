"""The watch over a promise: seldom a false alarm however long one looks, and never late for what is plain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.comment import Audited, Verdict
from meydan.judge.calibration import APPROVALS
from meydan.judge.watch import EVERY_RULE, interval_of, is_violation, odds_against, watch_of
from meydan.policy import load

outcomes = st.lists(st.booleans(), max_size=60)
bounds = st.sampled_from((0.0, 0.01, 0.05, 0.5, 1.0))


@pytest.mark.parametrize("bound", [0.01, 0.05, 0.3])
def test_a_kept_promise_is_seldom_doubted(bound: float) -> None:
    """If just the promised share is wrong, then however often one looks, the odds pass ten in a tenth of all runs at most."""
    chance = np.random.default_rng(11)
    alarms = sum(odds_against(chance.random(1_500) < bound, bound) >= 10 for _ in range(800))
    assert alarms / 800 <= 0.1


@pytest.mark.parametrize(("bound", "really", "within"), [(0.01, 0.1, 100), (0.05, 0.3, 60), (0.01, 1.0, 2)])
def test_a_broken_promise_is_noticed(bound: float, really: float, within: int) -> None:
    """If many more are wrong than promised, then it is noticed within so many, nearly always."""
    chance = np.random.default_rng(12)
    noticed = sum(odds_against(chance.random(within) < really, bound) >= 10 for _ in range(200))
    assert noticed >= 160


@given(outcomes, bounds, st.booleans())
def test_the_odds_never_fall(wrong: list[bool], bound: float, after: bool) -> None:
    """If one more audit is answered, then what was won before is not lost: an alarm stays an alarm."""
    assert odds_against([*wrong, after], bound) >= odds_against(wrong, bound) >= 1.0


@given(outcomes, st.sampled_from((0.01, 0.05, 0.2)), st.sampled_from((0.01, 0.05, 0.2)))
def test_a_stricter_promise_is_broken_sooner(wrong: list[bool], one: float, other: float) -> None:
    """If less was promised to go wrong, then the same audits speak no less against it."""
    assert odds_against(wrong, min(one, other)) >= odds_against(wrong, max(one, other)) * (1 - 1e-9)


def test_a_promise_of_never_is_broken_by_one() -> None:
    """If nothing was to go wrong, then the first that does is the end of it."""
    assert odds_against([False, True], 0.0) == math.inf
    assert odds_against([False] * 9, 0.0) == 1.0


@pytest.mark.parametrize(
    ("wrong", "of", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        # Exact tails: 0.95 of 1 - 0.05 ** (1 / n), and tables of Clopper and Pearson at 0.9.
        (0, 59, 0.0, 0.04951),
        (1, 10, 0.00512, 0.39416),
        (10, 10, 0.74113, 1.0),
        (5, 100, 0.01991, 0.10225),
    ],
)
def test_the_interval_is_exact(wrong: int, of: int, low: float, high: float) -> None:
    """If so many of so many were wrong, then the interval is the one of the books."""
    found = interval_of(wrong, of, confidence=0.9)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def audits(machine: Verdict, truth: Verdict, times: int, *rules: str) -> list[Audited]:
    breached = ("threats",) if truth is Verdict.REJECT else ()
    return [Audited(machine, rules, truth, breached)] * times


def test_rules_are_withdrawn_until_the_rest_keeps_the_promise() -> None:
    """If two rules go wrong, then both are withdrawn and the third is not."""
    fine = audits(Verdict.APPROVE, Verdict.APPROVE, 300)
    wrong = [
        *audits(Verdict.REJECT, Verdict.APPROVE, 12, "promotion"),
        *audits(Verdict.REJECT, Verdict.APPROVE, 10, "profanity"),
        *audits(Verdict.REJECT, Verdict.APPROVE, 1, "abuse"),
        *audits(Verdict.REJECT, Verdict.REJECT, 80, "threats"),
    ]
    watch = watch_of([*fine, *wrong], load())
    assert watch.withdraw == {"promotion", "profanity"}
    seen = {kept.what: (kept.seen.wrong, kept.seen.of) for kept in watch.kept}
    assert seen == {
        APPROVALS: (0, 80),
        EVERY_RULE: (23, 323),
        "promotion": (12, 323),
        "profanity": (10, 323),
        "abuse": (1, 323),
    }


def test_errors_that_no_rule_explains_alone_are_found_together() -> None:
    """If each rule goes wrong a little, then together they break the promise, and the worst go first."""
    wrong = [
        one
        for rule in ("promotion", "profanity", "abuse", "threats")
        for one in audits(Verdict.REJECT, Verdict.APPROVE, 2, rule)
    ]
    watch = watch_of([*audits(Verdict.HOLD, Verdict.APPROVE, 60), *wrong], load())
    assert watch.withdraw
    assert watch.withdraw < {"promotion", "profanity", "abuse", "threats"}


def test_what_is_left_to_people_is_no_error() -> None:
    """If the machine held a comment, then it was not wrong about it, whatever a person says."""
    held = audits(Verdict.HOLD, Verdict.REJECT, 50) + audits(Verdict.HOLD, Verdict.APPROVE, 50)
    assert watch_of(held, load()).withdraw == frozenset()


@pytest.mark.parametrize(
    ("truth", "breached", "violation"),
    [
        (Verdict.APPROVE, (), False),
        (Verdict.REJECT, ("threats",), True),
        (Verdict.REJECT, ("private-data",), None),
        (Verdict.REJECT, ("private-data", "threats"), True),
        (Verdict.REJECT, ("a-rule-that-is-gone",), True),
        (Verdict.REJECT, (), True),
    ],
)
def test_a_violation_is_of_a_rule_the_machine_applies(
    truth: Verdict, breached: tuple[str, ...], violation: bool | None
) -> None:
    """If only rules that people apply were breached, then the machine promised nothing about it."""
    assert is_violation(truth, breached, load()) is violation
