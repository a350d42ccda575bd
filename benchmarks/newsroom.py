"""
A simulated newsroom: do the bounds hold, how much is automated, and is a change for the worse noticed?

Comments in four languages with known truth, their scores drawn from a plausible judge. A newsroom's
own decisions calibrate it; what it then does wrongly is known exactly, because the scores' laws are.
Then the machine goes on under audit, once as before and once with violations that look innocent.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meydan.comment import Audited, Verdict
from meydan.evaluate.calibrate import Fitted, Reviewed, fit
from meydan.judge.watch import watch_of
from meydan.policy import Guidelines, load

COMMENTS = 20_000
REPETITIONS = 200
DISGUISED = 0.5
"""After the change: the share of violations that look like acceptable comments."""


@dataclass(frozen=True)
class Tongue:
    """One language: its share of comments, of violations in it, and the log-odds scored: (mean, deviation) of each kind."""

    share: float
    violations: float
    innocent: tuple[float, float]
    guilty: tuple[float, float]


TONGUES = {
    "en": Tongue(0.40, 0.12, (-4.0, 1.8), (2.6, 2.4)),
    "ar": Tongue(0.25, 0.15, (-3.6, 1.9), (2.2, 2.4)),
    "ckb": Tongue(0.20, 0.10, (-3.2, 2.0), (1.8, 2.5)),
    "tr": Tongue(0.15, 0.20, (-3.5, 1.8), (2.4, 2.2)),
}

Draw = tuple[NDArray[np.float64], NDArray[np.bool_]]


def drawn(tongue: Tongue, comments: int, chance: np.random.Generator, *, disguised: float = 0.0) -> Draw:
    """Scores and truths of comments, in the order they were sent."""
    truth = chance.random(comments) < tongue.violations
    looks = truth & (chance.random(comments) >= disguised)
    odds = np.where(looks, chance.normal(*tongue.guilty, comments), chance.normal(*tongue.innocent, comments))
    return 1 / (1 + np.exp(-odds)), truth


def calibrated(tongue: Tongue, comments: int, chance: np.random.Generator, guidelines: Guidelines) -> Fitted:
    """One language, calibrated on so many decided comments; the guidelines' own thresholds do not help it."""
    scores, truth = drawn(tongue, comments, chance)
    known = zip(scores.tolist(), truth.tolist(), strict=True)
    return fit([Reviewed(score, score, guilty) for score, guilty in known], guidelines.automation)


def truth_of(tongue: Tongue, fitted: Fitted) -> tuple[float, float, float]:
    """What really goes wrong: the acceptable rejected, the violations approved, and the share of all that is automated."""
    low = -math.inf if fitted.approving.threshold is None else _odds(fitted.approving.threshold)
    high = math.inf if fitted.rejecting.threshold is None else _odds(fitted.rejecting.threshold)
    # Rejecting goes before approving, where the two meet.
    low = min(low, high)
    rejected, approved = 1 - _below(high, tongue.innocent), _below(low, tongue.guilty)
    innocent = rejected + _below(low, tongue.innocent)
    guilty = approved + 1 - _below(high, tongue.guilty)
    automated = (1 - tongue.violations) * innocent + tongue.violations * guilty
    return rejected, approved, automated


def bounds(repetitions: int, comments: int = COMMENTS, *, seed: int = 0) -> dict[str, Any]:
    """How often both bounds hold, by language, and how much is automated."""
    guidelines = load()
    promised = guidelines.automation
    chance = np.random.default_rng(seed)
    held = dict.fromkeys(TONGUES, 0)
    shares: dict[str, list[float]] = {name: [] for name in TONGUES}
    for _ in range(repetitions):
        for name, tongue in TONGUES.items():
            fitted = calibrated(tongue, round(comments * tongue.share), chance, guidelines)
            rejected, approved, automated = truth_of(tongue, fitted)
            held[name] += rejected <= promised.wrongly_rejected and approved <= promised.wrongly_approved
            shares[name].append(automated)
    return {
        "both_bounds_hold": {name: round(held[name] / repetitions, 3) for name in TONGUES},
        "automated": {name: round(float(np.mean(shares[name])), 3) for name in TONGUES},
        "automated_of_all": round(sum(t.share * float(np.mean(shares[n])) for n, t in TONGUES.items()), 3),
        "confidence": promised.confidence,
    }


def audits(repetitions: int, comments: int = COMMENTS, *, seed: int = 0) -> dict[str, Any]:
    """How often audits withdraw the machine while nothing changes, and how soon once violations look innocent."""
    guidelines = load()
    chance = np.random.default_rng(seed)
    found = {}
    for name, tongue in TONGUES.items():
        some = round(comments * tongue.share)
        alarms, after = 0, list[int]()
        for _ in range(repetitions):
            fitted = calibrated(tongue, some, chance, guidelines)
            alarms += withdrawn_after(tongue, fitted, some, chance, guidelines) is not None
            at = withdrawn_after(tongue, fitted, some, chance, guidelines, disguised=DISGUISED)
            if at is not None:
                after.append(at)
        found[name] = {
            "false_alarms": round(alarms / repetitions, 3),
            "noticed": round(len(after) / repetitions, 3),
            "comments_until_withdrawn_median": int(np.median(after)) if after else None,
            "of": some,
        }
    return found


def withdrawn_after(
    tongue: Tongue,
    fitted: Fitted,
    comments: int,
    chance: np.random.Generator,
    guidelines: Guidelines,
    *,
    disguised: float = 0.0,
) -> int | None:
    """After how many comments of the language the audits withdraw the machine from something; None if they do not."""
    scores, truth = drawn(tongue, comments, chance, disguised=disguised)
    lots = np.flatnonzero(chance.random(comments) < guidelines.automation.audit)
    audited = [_audited(fitted, float(scores[i]), bool(truth[i])) for i in lots]
    if not watch_of(audited, guidelines).withdraw:
        return None
    # Once withdrawn, always withdrawn: the first time is found by halving.
    few, many = 0, len(audited)
    while many - few > 1:
        half = (few + many) // 2
        few, many = (few, half) if watch_of(audited[:half], guidelines).withdraw else (half, many)
    return int(lots[many - 1]) + 1


def run(seconds: int, runs: int) -> dict[str, Any]:
    del seconds, runs  # repetitions are what makes these figures sure, not time
    begin = time.perf_counter()
    told = {"comments": COMMENTS, "repetitions": REPETITIONS, **bounds(REPETITIONS)}
    print(f"  bounds after {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    return {**told, "audits": audits(REPETITIONS), "seconds": round(time.perf_counter() - begin)}


def _audited(fitted: Fitted, score: float, guilty: bool) -> Audited:
    verdict = Verdict.HOLD
    if fitted.rejecting.threshold is not None and score >= fitted.rejecting.threshold:
        verdict = Verdict.REJECT
    elif fitted.approving.threshold is not None and score < fitted.approving.threshold:
        verdict = Verdict.APPROVE
    return Audited(
        verdict,
        ("abuse",) if verdict is Verdict.REJECT else (),
        Verdict.REJECT if guilty else Verdict.APPROVE,
        ("abuse",) if guilty else (),
    )


def _odds(score: float) -> float:
    return math.log(score / (1 - score))


def _below(odds: float, law: tuple[float, float]) -> float:
    """The share of a normal law below a value."""
    mean, deviation = law
    return 0.5 * math.erfc((mean - odds) / (deviation * math.sqrt(2)))
