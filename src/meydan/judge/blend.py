"""
How the encoder's word and the fast tier's become one probability for each label.

A logistic rule per label, with weights that are never negative, so that more evidence
never means less; for offence and hatred of any kind, which no rule asks for, what the worst of
many stretches says counts for less than the word on a short text; and a shift per language where development data had enough to learn
one. Learned on development rows only (train/blend), written down in the encoder's
manifest, and applied here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meydan.comment import RULE_LABELS

LABELS: Final = (*RULE_LABELS, "toxic", "hate")
"""What is blended: the rules' labels, and offence and hatred of any kind, which are no rule's own."""

FURTHEST: Final = 12.0
"""Log-odds beyond which a word is no surer."""

Floats = NDArray[np.float32]


class Blend:
    """The rule as numbers. Immutable."""

    def __init__(
        self,
        weights: Floats,
        bias: Floats,
        shifts: Mapping[str, Floats],
        length: Floats | None = None,
    ) -> None:
        """
        Args:
            weights: float32 (k, 2), what one unit of the encoder's and of the fast tier's log-odds adds.
            bias: float32 (k,).
            length: float32 (k,), 0 or more: what each doubling of a text's windows takes off; None: nothing.
            shifts: by language, float32 (k,), added to the log-odds.
        """
        self._weights, self._bias, self._shifts = weights, bias, dict(shifts)
        self._length = np.zeros_like(bias) if length is None else length

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Blend:
        """
        Read what `to_dict` wrote.

        Raises:
            KeyError, ValueError: it is something else.
        """
        if list(stored["labels"]) != list(LABELS):
            raise ValueError("The blend is for other labels.")
        weights = np.array(stored["weights"], np.float32).reshape(len(LABELS), 2)
        shifts = {str(k): np.array(v, np.float32).reshape(len(LABELS)) for k, v in stored["shifts"].items()}
        bias, length = (
            np.array(stored[name], np.float32).reshape(len(LABELS)) for name in ("bias", "length")
        )
        if (length < 0).any():
            raise ValueError("A longer text would weigh more for being long.")
        return cls(weights, bias, shifts, length)

    def to_dict(self) -> dict[str, Any]:
        """The rule for a manifest."""
        return {
            "labels": list(LABELS),
            "weights": [[round(float(x), 5) for x in row] for row in self._weights],
            "bias": [round(float(x), 5) for x in self._bias],
            "length": [round(float(x), 5) for x in self._length],
            "shifts": {k: [round(float(x), 5) for x in v] for k, v in sorted(self._shifts.items())},
        }

    def probabilities(
        self, encoder: Floats, fast: Floats, languages: Sequence[str], windows: NDArray[np.int64]
    ) -> Floats:
        """
        Blend the log-odds of n texts.

        Args:
            encoder: float32 (n, k), in the order of LABELS.
            fast: float32 (n, k); NaN where the fast tier has no opinion, which counts as none either way.
            languages: n tags.
            windows: int (n,), in how many windows the encoder read each.

        Returns:
            float32 (n, k) in [0, 1].
        """
        shift = np.stack([self._shifts.get(language, np.zeros_like(self._bias)) for language in languages])
        odds = (
            np.clip(encoder, -FURTHEST, FURTHEST) * self._weights[:, 0]
            + np.nan_to_num(np.clip(fast, -FURTHEST, FURTHEST), nan=0.0) * self._weights[:, 1]
            + self._bias
            + shift
            - np.log2(np.maximum(windows, 1))[:, None] * self._length
        )
        probabilities: Floats = (1.0 / (1.0 + np.exp(-odds))).astype(np.float32)
        return probabilities


def odds_of(probabilities: Floats) -> Floats:
    """Log-odds of probabilities, no further than FURTHEST from none; NaN stays."""
    p = probabilities.astype(np.float64)
    with np.errstate(divide="ignore"):
        odds = np.log(p) - np.log1p(-p)
    clipped: Floats = np.clip(odds, -FURTHEST, FURTHEST).astype(np.float32)
    return clipped
