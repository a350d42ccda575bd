"""
How far people who judge the same comments agree, beyond what chance would have them agree.

Source: Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), for nominal values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

GOOD_FROM: Final = 0.8
FAIR_FROM: Final = 0.667
"""From which alpha conclusions are safe, and from which they may be tentative (Krippendorff 2004, p. 241)."""

ENOUGH: Final = 20
"""Comments judged twice from which an alpha says anything."""


@dataclass(frozen=True, slots=True)
class Twice:
    """One comment as two people judged it, the second without knowing of the first: who, and the rules that each found breached."""

    first_by: str
    first: frozenset[str]
    second_by: str
    second: frozenset[str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement on one question: of how many comments, how often the two said the same, and alpha; None where it says nothing."""

    about: str
    comments: int
    same: int
    alpha: float | None

    @property
    def advice(self) -> str:
        """What to do about it: "too few", "good", "fair", or "talk" where people understand a rule differently."""
        if self.alpha is None or self.comments < ENOUGH:
            return "too few"
        return "good" if self.alpha >= GOOD_FROM else "fair" if self.alpha >= FAIR_FROM else "talk"


def alpha(units: Iterable[Sequence[Hashable]]) -> float | None:
    """
    Krippendorff's alpha for nominal values.

    Args:
        units: for each thing judged, the values that it was given; those with fewer than two say nothing.

    Returns:
        At most 1, for perfect agreement; 0 for as much as chance gives. None where nothing was judged twice, or where
        everybody always said the same one thing: then there was nothing to tell apart.
    """
    totals: Counter[Hashable] = Counter()
    weight: dict[tuple[Hashable, Hashable], float] = {}
    for values in units:
        if len(values) < 2:
            continue
        totals.update(values)
        each = 1 / (len(values) - 1)
        for i, one in enumerate(values):
            for j, other in enumerate(values):
                if i != j:
                    weight[one, other] = weight.get((one, other), 0.0) + each
    n = sum(totals.values())
    expected = n * n - sum(number * number for number in totals.values())
    if not n or not expected:
        return None
    observed = sum(w for (one, other), w in weight.items() if one != other)
    return 1 - (n - 1) * observed / expected


def on_verdicts(judged: Sequence[Twice]) -> Agreement:
    """On whether comments are to be rejected at all."""
    units = [(bool(one.first), bool(one.second)) for one in judged]
    return Agreement("", len(units), sum(a == b for a, b in units), alpha(units))


def on_rules(judged: Sequence[Twice]) -> tuple[Agreement, ...]:
    """On each rule that anybody found breached: what agreement is worst on comes first."""
    found = []
    for rule in sorted({rule for one in judged for rule in one.first | one.second}):
        units = [(rule in one.first, rule in one.second) for one in judged]
        found.append(Agreement(rule, len(units), sum(a == b for a, b in units), alpha(units)))
    return tuple(sorted(found, key=lambda one: (2.0 if one.alpha is None else one.alpha, one.about)))


def between_pairs(judged: Sequence[Twice]) -> tuple[Agreement, ...]:
    """Between each two people, on whether comments are to be rejected at all."""
    by_pair: dict[tuple[str, str], list[Twice]] = {}
    for one in judged:
        low, high = sorted((one.first_by, one.second_by))
        by_pair.setdefault((low, high), []).append(one)
    found = []
    for (low, high), some in by_pair.items():
        told = on_verdicts(some)
        found.append(Agreement(f"{low} and {high}", told.comments, told.same, told.alpha))
    return tuple(sorted(found, key=lambda one: (2.0 if one.alpha is None else one.alpha, one.about)))
