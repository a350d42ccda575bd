"""
Learn how the encoder's word and the fast tier's become one: on development rows only.

For each label a logistic rule with two weights that are not negative, what length takes off, and a shift for
each language that has enough development rows of that label. Rows are weighted so that
violations make up PREVALENCE of them: the collections' own shares are those of their collectors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from meydan.comment import GROUNDS, RULE_LABELS
from meydan.judge.blend import FURTHEST, LABELS, Blend
from meydan.train.rows import OWN, SOURCES, Row, Source

PREVALENCE: Final = 0.25
"""
The share of violations that a probability assumes. Real threads lose 2 to 11 % in all; it is higher here so that
the guidelines' thresholds leave room on both sides, and the calibration, which bounds the errors, moves inward.
"""

SHIFTED_FROM: Final = (25, 100)
"""Violations and innocent rows of a label that a language needs for a shift of its own."""

OWN_WEIGHT: Final = 3.0
"""How much a row of our own counts: it follows the guidelines, a collection's follows its collectors."""

JUDGED_FROM: Final = 100
"""Hateful and other rows of our own that a language needs for a threshold of its own."""

LONGER_AT_MOST: Final = 0.5
"""What a doubling of a text's windows may take off at most, of offence and hatred of any kind, which no rule asks for."""

_ASSUMED: Final = 0.5
_STIFFNESS: Final = 0.0005

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Learned:
    """The blend, and how many violations and innocent rows each label had, by language."""

    blend: Blend
    evidence: dict[str, Any]


def learn(rows: Sequence[Row], encoder: Floats, fast: Floats, windows: NDArray[np.int64]) -> Learned:
    """
    Learn the blend.

    Args:
        rows: development rows.
        encoder, fast: float32 (n, k), both witnesses' log-odds, in the order of LABELS; NaN without an opinion.
        windows: int (n,), in how many windows the encoder read each.
    """
    weights = np.zeros((len(LABELS), 2), np.float32)
    bias = np.zeros(len(LABELS), np.float32)
    length = np.zeros(len(LABELS), np.float32)
    doublings = np.log2(np.maximum(windows, 1))
    shifts: dict[str, Floats] = {}
    evidence: dict[str, Any] = {}
    heard = np.stack(
        [
            np.clip(encoder, -FURTHEST, FURTHEST),
            np.nan_to_num(np.clip(fast, -FURTHEST, FURTHEST), nan=0.0),
        ],
        axis=2,
    ).astype(np.float64)
    for column, label in enumerate(LABELS):
        known = [i for i, row in enumerate(rows) if label in row.labels]
        positive = np.array([rows[i].labels[label] >= 0.5 for i in known])
        weight = np.array(
            [
                (OWN_WEIGHT if rows[i].source == OWN else SOURCES.get(rows[i].source, Source()).weight)
                * (_ASSUMED if label in rows[i].assumed else 1.0)
                for i in known
            ]
        )
        languages = [rows[i].language for i in known]
        numbers = Counter(zip(languages, positive.tolist(), strict=True))
        evidence[label] = {
            language: [numbers[language, True], numbers[language, False]]
            for language in sorted(set(languages))
        }
        shifted = sorted(
            language
            for language in set(languages)
            if numbers[language, True] >= SHIFTED_FROM[0] and numbers[language, False] >= SHIFTED_FROM[1]
        )
        # A rule is breached by one stretch, however much else there is.
        longer = 0.0 if label in RULE_LABELS else LONGER_AT_MOST
        found = _fit(heard[known, column], doublings[known], positive, weight, languages, shifted, longer)
        weights[column], bias[column], length[column] = found[:2], found[2], found[3]
        for language, shift in zip(shifted, found[4:], strict=True):
            shifts.setdefault(language, np.zeros(len(LABELS), np.float32))[column] = shift
    return Learned(Blend(weights, bias, shifts, length), evidence)


def abuse_thresholds(
    rows: Sequence[Row], learned: Blend, encoder: Floats, fast: Floats, windows: NDArray[np.int64]
) -> tuple[float, dict[str, float]]:
    """
    From which score a text counts as hatred of a group, where a test asks for yes or no.

    The score is the largest over the grounds and "hate", as evaluate/hatecheck takes it; the
    threshold the one with the best macro-F1 on our own development rows, which hold hatred
    against its opposites as such tests do. In all languages, and in each that has enough rows.
    """
    own = [i for i, row in enumerate(rows) if row.source == OWN and "hate" in row.labels]
    languages = np.array([rows[i].language for i in own])
    said = learned.probabilities(encoder[own], fast[own], languages.tolist(), windows[own])
    score = said[:, [LABELS.index(label) for label in (*GROUNDS, "hate")]].max(axis=1)
    truth = np.array([rows[i].labels["hate"] >= 0.5 for i in own])
    by_language = {}
    for language in sorted(set(languages.tolist())):
        here = languages == language
        if min((here & truth).sum(), (here & ~truth).sum()) >= JUDGED_FROM:
            by_language[language] = _best_threshold(score[here], truth[here])
    return _best_threshold(score, truth), by_language


def _best_threshold(score: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    def macro_f1(threshold: float) -> float:
        parts = []
        for side in (True, False):
            found, wanted = (score >= threshold) == side, truth == side
            parts.append(2 * (found & wanted).sum() / max(1, found.sum() + wanted.sum()))
        return float(np.mean(parts))

    grid = np.linspace(0.02, 0.98, 97)
    return round(float(max(grid, key=macro_f1)), 3)


def _fit(
    heard: NDArray[np.float64],
    doublings: NDArray[np.float64],
    positive: NDArray[np.bool_],
    weight: NDArray[np.float64],
    languages: Sequence[str],
    shifted: Sequence[str],
    longer: float,
) -> NDArray[np.float64]:
    """Two weights, a bias, what a doubling of length takes off and a shift a language, by maximum likelihood with a little stiffness."""
    w = weight.copy()
    # Each language's violations make up the same share of its rows.
    for language in set(languages):
        here = np.array([one == language for one in languages])
        for yes, share in ((True, PREVALENCE), (False, 1 - PREVALENCE)):
            some = here & (positive == yes)
            if some.any():
                w[some] *= share * weight[here].sum() / weight[some].sum()
    w /= w.sum()
    where = np.array([[one == language for language in shifted] for one in languages], np.float64)
    design = np.concatenate(
        [heard, np.ones((len(w), 1)), -doublings[:, None], where.reshape(len(w), len(shifted))], axis=1
    )
    target = positive.astype(np.float64)
    stiff = np.concatenate([[_STIFFNESS, _STIFFNESS, 0.0, _STIFFNESS], np.full(len(shifted), _STIFFNESS)])

    def loss(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = design @ theta
        value = float((w * (np.logaddexp(0, z) - target * z)).sum() + (stiff * theta**2).sum() / 2)
        gradient = design.T @ (w * (1 / (1 + np.exp(-z)) - target)) + stiff * theta
        return value, gradient

    begin = np.concatenate([[0.8, 0.2, -1.0, 0.0], np.zeros(len(shifted))])
    bounds = [(0.0, None), (0.0, None), (None, None), (0.0, longer), *[(None, None)] * len(shifted)]
    found: NDArray[np.float64] = minimize(loss, begin, jac=True, bounds=bounds, method="L-BFGS-B").x
    return found
