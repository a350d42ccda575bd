"""Agreement beyond chance, against worked examples."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.judge.agreement import ENOUGH, Twice, alpha, between_pairs, on_rules, on_verdicts

NOTHING: frozenset[str] = frozenset()


def test_the_worked_examples() -> None:
    """If alpha is taken of Krippendorff's own examples (2011, A and C), then it is what he works out by hand."""
    meg = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    owen = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert alpha(zip(meg, owen, strict=True)) == pytest.approx(0.095, abs=5e-4)
    four = [
        [1, 1, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4], [4, 4, 4, 4], [1, 1, 2, 1],
        [2, 2, 2, 2], [5, 5, 5], [1, 1], [3],
    ]  # fmt: skip
    assert alpha(four) == pytest.approx(0.743, abs=5e-4)


def test_what_says_nothing_is_none() -> None:
    """If nothing was judged twice, or everybody always said the same, then there is no alpha."""
    assert alpha([]) is None
    assert alpha([[1], [2]]) is None
    assert alpha([[1, 1], [1, 1]]) is None
    assert alpha([[1, 1], [0, 0]]) == 1.0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_alpha_does_not_mind_who_was_first(units: list[tuple[int, int]]) -> None:
    """If the two change places or the values their names, then alpha is the same, and never above 1."""
    found = alpha(units)
    swapped = alpha([(b, a) for a, b in units])
    renamed = alpha([(f"v{a}", f"v{b}") for a, b in units])
    if found is None:
        assert swapped is renamed is None
    else:
        assert found == pytest.approx(swapped)
        assert found == pytest.approx(renamed)
        assert found <= 1.0
        assert (found == 1.0) == all(a == b for a, b in units)


def test_a_rule_that_is_understood_differently_comes_first() -> None:
    """If two agree on threats and not on personal attacks, then the second rule is the one to talk about."""
    judged = [
        Twice(
            "Zîn",
            frozenset({"threats"}) if n % 2 else NOTHING,
            "Mem",
            frozenset({"threats"}) if n % 2 else NOTHING,
        )
        for n in range(ENOUGH)
    ]
    judged += [
        Twice(
            "Zîn",
            frozenset({"personal-attacks"}),
            "Mem",
            frozenset({"personal-attacks"}) if n % 2 else NOTHING,
        )
        for n in range(ENOUGH)
    ]
    rules = on_rules(judged)
    assert [one.about for one in rules] == ["personal-attacks", "threats"]
    assert rules[0].advice == "talk"
    assert rules[1].advice == "good"
    (pair,) = between_pairs(judged)
    assert (pair.about, pair.comments) == ("Mem and Zîn", 2 * ENOUGH)
    assert on_verdicts(judged).same == 1.5 * ENOUGH
    assert on_verdicts(judged[:3]).advice == "too few"
