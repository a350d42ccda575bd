"""
Whether a score means what it says: of the comments that were given a score, the share that people found in breach.

Pure. A score of 0.7 is right when people reject seven of ten such comments.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

STEPS: Final = 10
FEWEST: Final = 30
"""So many decisions at least, or nothing is drawn and nothing said."""

DRAWN_Z: Final = 1.959964
"""Intervals as they are drawn: each by itself at 95 %."""

SAID_Z: Final = 2.807034
"""What is said of all the steps together is as sure: 95 % shared among ten of them (Bonferroni)."""

Said = Literal["few", "fits", "fewer", "more", "both"]


@dataclass(frozen=True, slots=True)
class Step:
    """
    Scores from `low` up to `high`: of `of` comments people found `found` in breach, and the scores' mean was `score`.

    `between` is where the true share lies; `off` is +1 where it is surely above the score, -1 surely below, else 0.
    """

    low: float
    high: float
    of: int
    found: int
    score: float
    between: tuple[float, float]
    off: int

    @property
    def share(self) -> float:
        """The share that people found in breach."""
        return self.found / self.of


@dataclass(frozen=True, slots=True)
class Reliability:
    """One language ("" for all together): the steps in which there is anything, and the number of decisions."""

    language: str
    of: int
    steps: tuple[Step, ...]

    @property
    def said(self) -> Said:
        """What it says: too few to say, that the scores fit, or that people find fewer, more, or both."""
        if self.of < FEWEST:
            return "few"
        off = {step.off for step in self.steps} - {0}
        if not off:
            return "fits"
        return "both" if len(off) == 2 else "more" if 1 in off else "fewer"


def reliability_of(seen: Iterable[tuple[str, float, bool]]) -> tuple[Reliability, ...]:
    """
    Set scores against what people found.

    Args:
        seen: of each comment its language, its score in [0, 1], and whether people found it in breach.

    Returns:
        All languages together, then each, the one with the most decisions first.
    """
    by_language: dict[str, list[tuple[float, bool]]] = {"": []}
    for language, score, breach in seen:
        by_language[""].append((score, breach))
        by_language.setdefault(language, []).append((score, breach))
    rest = sorted((name for name in by_language if name), key=lambda name: (-len(by_language[name]), name))
    return tuple(_one(language, by_language[language]) for language in ("", *rest))


def wilson(found: int, of: int, z: float = DRAWN_Z) -> tuple[float, float]:
    """
    Between which shares the truth lies; from 0 to 1 where nothing was seen.

    Source:
        Wilson (1927).
    """
    if not of:
        return 0.0, 1.0
    share, weight = found / of, z * z / of
    middle = (share + weight / 2) / (1 + weight)
    half = z * math.sqrt(share * (1 - share) / of + weight / (4 * of)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def _one(language: str, seen: list[tuple[float, bool]]) -> Reliability:
    placed: list[list[tuple[float, bool]]] = [[] for _ in range(STEPS)]
    for pair in seen:
        placed[min(int(pair[0] * STEPS), STEPS - 1)].append(pair)
    steps = []
    for place, here in enumerate(placed):
        if not here:
            continue
        of, found = len(here), sum(breach for _, breach in here)
        score = math.fsum(score for score, _ in here) / of
        low, high = wilson(found, of, SAID_Z)
        off = 1 if score < low else -1 if score > high else 0
        steps.append(Step(place / STEPS, (place + 1) / STEPS, of, found, score, wilson(found, of), off))
    return Reliability(language, len(seen), tuple(steps))
