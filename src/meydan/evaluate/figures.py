"""
Shares of rows with their intervals, and figures as programs read them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from meydan.evaluate.metrics import RESAMPLES, Interval

NOTHING = Interval(float("nan"), float("nan"), float("nan"))


def share(values: Sequence[float] | Sequence[bool], groups: Sequence[str], *, seed: int = 0) -> Interval:
    """
    The mean of n values in [0, 1] with its interval, rows of one group drawn together; NaN where there are none.

    What never or always happened is bounded by the exact binomial limit for as many trials
    as there are groups: drawing again cannot show what has not been seen.
    """
    found = average(values, groups, seed=seed)
    if found.value in (0.0, 1.0):
        rare = 1 - 0.025 ** (1 / len(set(groups)))
        return Interval(found.value, 0.0, rare) if found.value == 0 else Interval(found.value, 1 - rare, 1.0)
    return found


def average(values: Sequence[float] | Sequence[bool], groups: Sequence[str], *, seed: int = 0) -> Interval:
    """The mean of n values with its bootstrap interval, rows of one group drawn together; NaN where there are none."""
    if not len(values):
        return NOTHING
    score = np.asarray(values, float)
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    # A mean needs of each group no more than its sum and its size, however often it is drawn.
    sums, sizes = np.bincount(member, weights=score), np.bincount(member)
    rng = np.random.default_rng(seed)
    drawn = np.empty(RESAMPLES)
    for i in range(RESAMPLES):
        some = rng.integers(0, len(sums), len(sums))
        drawn[i] = sums[some].sum() / sizes[some].sum()
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(float(score.mean()), float(low), float(high))


def percent(share: Interval | float, *, short: bool = False) -> str:
    """A share for people, its interval beside it unless `short`; a dash where it has no meaning."""
    if isinstance(share, Interval):
        if short or np.isnan(share.value) or np.isnan(share.low):
            return percent(share.value)
        return f"{100 * share.value:.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def plain(value: Any) -> Any:
    """Figures as JSON keeps them: names to values, four digits, null where a figure has no meaning."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return None if np.isnan(value) else round(float(value), 4)
    return value
