"""
One number becomes a probability (Platt's rule), and how well it parts two kinds, with an interval.

Source:
    Platt (1999). The interval: percentile bootstrap over groups, which stay whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import rankdata

_STIFFNESS: Final = 1e-4
_DRAWS: Final = 500

Floats = NDArray[np.float64]


def fit(numbers: Floats, positive: NDArray[np.bool_], weight: Floats | None = None) -> tuple[float, float]:
    """Slope (never negative) and bias, by maximum likelihood; both sides weigh alike in all."""
    w = np.ones(len(numbers)) if weight is None else weight.astype(np.float64)
    for side in (positive, ~positive):
        w = np.where(side, w / w[side].sum(), w)
    middle, width = float(numbers.mean()), float(numbers.std()) or 1.0
    x, y = (numbers - middle) / width, positive.astype(np.float64)

    def loss(theta: Floats) -> tuple[float, Floats]:
        z = theta[0] * x + theta[1]
        apart = w * (1.0 / (1.0 + np.exp(-z)) - y)
        value = float((w * (np.logaddexp(0, z) - y * z)).sum() + _STIFFNESS * theta[0] ** 2)
        return value, np.array([(apart * x).sum() + 2 * _STIFFNESS * theta[0], apart.sum()])

    found = minimize(
        loss, np.array([1.0, 0.0]), jac=True, bounds=[(0.0, None), (None, None)], method="L-BFGS-B"
    ).x
    slope = float(found[0]) / width
    return slope, float(found[1]) - slope * middle


def auc(numbers: Floats, positive: NDArray[np.bool_]) -> float:
    """The chance that a positive has the larger number; NaN where a side is empty."""
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return float("nan")
    return float((rankdata(numbers)[positive].sum() - n * (n + 1) / 2) / (n * m))


def auc_interval(
    numbers: Floats, positive: NDArray[np.bool_], groups: Sequence[str], *, seed: int = 0
) -> tuple[float, float]:
    """95 % of the AUC, drawing whole groups again."""
    names = sorted(set(groups))
    rows = {name: np.array([i for i, group in enumerate(groups) if group == name]) for name in names}
    chance = np.random.default_rng(seed)
    drawn = []
    for _ in range(_DRAWS):
        some = np.concatenate([rows[names[i]] for i in chance.integers(0, len(names), len(names))])
        drawn.append(auc(numbers[some], positive[some]))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)
