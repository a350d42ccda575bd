"""
Trials of archives whose truth is known: do the bounds that are reported hold as often as is said?

Comments in four languages under stories of very different sizes, their scores drawn from a plausible judge. In `alike`
archives a story has something of its own that moves the scores of all its comments, so that errors come in clumps, as
they do in life. A trial is made of each archive; what it promised and what it saw is held beside the truth, which is
known exactly, because the laws of the scores are.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from benchmarks.newsroom import TONGUES, Tongue
from meydan.comment import RULE_LABELS, Evidence
from meydan.evaluate.trial import Plan, Trial, trial_of
from meydan.evaluate.trial_rows import Past
from meydan.evaluate.trial_sample import Chosen, choose
from meydan.judge import Calibrations
from meydan.policy import Guidelines, load

COMMENTS = 12_000
REPETITIONS = 200
ALIKE = 0.7
VERY_ALIKE = 1.5
"""The deviation, in log-odds, of what a story adds to all its comments' scores."""

LABEL = "threat"
_BEGAN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Archive:
    """Comments with their evidence, in the order of the file."""

    chosen: Chosen
    evidence: tuple[Evidence, ...]


def archive(
    comments: int,
    chance: np.random.Generator,
    *,
    alike: float = 0.0,
    tongues: tuple[str, ...] = tuple(TONGUES),
) -> Archive:
    """So many decided comments, about 25 a story and some with hundreds; `alike` is as ALIKE."""
    shares = np.array([TONGUES[name].share for name in tongues])
    past: list[Past] = []
    evidence: list[Evidence] = []
    story = 0
    nothing = dict.fromkeys(RULE_LABELS, 0.0)
    while len(past) < comments:
        story += 1
        name = tongues[int(chance.choice(len(tongues), p=shares / shares.sum()))]
        tongue = TONGUES[name]
        size = min(comments - len(past), int(chance.lognormal(2.5, 1.2)) + 1)
        own = chance.normal(0.0, alike)
        guilty = chance.random(size) < tongue.violations
        odds = (
            np.where(guilty, chance.normal(*tongue.guilty, size), chance.normal(*tongue.innocent, size)) + own
        )
        for score, violation in zip((1 / (1 + np.exp(-odds))).tolist(), guilty.tolist(), strict=True):
            number = len(past)
            past.append(
                Past(
                    f"comment {number}",
                    not violation,
                    rules=("threats",) if violation else (),
                    language=name,
                    story=f"story {story}",
                    at=_BEGAN + timedelta(hours=number),
                    place=f"row {number + 1}",
                )
            )
            evidence.append(Evidence(language=name, scores={**nothing, LABEL: score}, model="simulated"))
    return Archive(choose(past, sample=None), tuple(evidence))


def trial(made: Archive, guidelines: Guidelines, plan: Plan) -> Trial:
    """The trial of an archive, on nothing that was calibrated before."""
    return trial_of(
        made.chosen, made.evidence, guidelines, plan,
        before=Calibrations(), model="simulated", source="simulated", today=date(2026, 11, 29), steps=(),
    )  # fmt: skip


def truth_of(
    language: str, found: Trial, guidelines: Guidelines, *, alike: float
) -> tuple[float, float] | None:
    """What really goes wrong in a language: the acceptable rejected, the violations approved; None where nothing is decided."""
    entry = found.calibrations.of(language)
    if entry is None:
        return None
    rule = next(rule for rule in guidelines.rules if LABEL in rule.labels)
    tongue = _alike(TONGUES[language], alike)
    rejects = max(rule.reject_from, entry.rejects_from(LABEL))
    approves = min(rule.hold_from, entry.holds_from(LABEL))
    return (
        1 - _below(rejects, tongue.innocent) if rejects < math.inf else 0.0,
        _below(approves, tongue.guilty) if approves > 0 else 0.0,
    )


def bounds(
    repetitions: int,
    comments: int = COMMENTS,
    *,
    alike: float = 0.0,
    seed: int = 0,
    plan: Plan = Plan(),
    tongues: tuple[str, ...] = tuple(TONGUES),
) -> dict[str, Any]:
    """
    How often what is promised holds, and how often both intervals hold the truth, by language.

    `kept_though_broken` is the share of all bounds that the report called kept while they are not.
    """
    guidelines = load()
    promised = guidelines.automation
    chance = np.random.default_rng(seed)
    held, within, told, false = (dict.fromkeys(TONGUES, 0) for _ in range(4))
    alone, claims = [], 0
    for repetition in range(repetitions):
        made = archive(comments, chance, alike=alike, tongues=tongues)
        found = trial(made, guidelines, replace(plan, seed=repetition))
        alone.append(found.overall.alone.value)
        for tongue in found.tongues:
            truth = truth_of(tongue.language, found, guidelines, alike=alike)
            if truth is None:
                continue
            told[tongue.language] += 1
            sides = list(zip((tongue.rejecting, tongue.approving), truth, strict=True))
            held[tongue.language] += all(real <= side.promised for side, real in sides)
            within[tongue.language] += all(
                side.standing == "idle" or side.seen.low <= real <= side.seen.high for side, real in sides
            )
            claims += sum(side.standing == "kept" for side, _ in sides)
            false[tongue.language] += sum(
                side.standing == "kept" and real > side.promised for side, real in sides
            )
    return {
        "bounds_hold": {name: round(held[name] / told[name], 3) for name in TONGUES if told[name]},
        "intervals_hold": {name: round(within[name] / told[name], 3) for name in TONGUES if told[name]},
        "told": told,
        "kept": claims,
        "kept_though_broken": sum(false.values()),
        "alone": round(float(np.mean(alone)), 3),
        "confidence": promised.confidence,
    }


def run(seconds: int, runs: int) -> dict[str, Any]:
    del seconds, runs  # repetitions are what makes these figures sure, not time
    begin = time.perf_counter()
    told: dict[str, Any] = {"comments": COMMENTS, "repetitions": REPETITIONS}
    for name, alike in (("strangers", 0.0), ("alike", ALIKE), ("very_alike", VERY_ALIKE)):
        told[name] = bounds(REPETITIONS, alike=alike)
        print(f"  {name} after {time.perf_counter() - begin:.0f} s", file=sys.stderr)
    told["alike_by_time"] = bounds(REPETITIONS // 2, alike=ALIKE, plan=Plan(split="time"))
    return {**told, "seconds": round(time.perf_counter() - begin)}


def _alike(tongue: Tongue, alike: float) -> Tongue:
    """The law of one comment's score, whatever its story."""

    def wider(law: tuple[float, float]) -> tuple[float, float]:
        return law[0], math.hypot(law[1], alike)

    return replace(tongue, innocent=wider(tongue.innocent), guilty=wider(tongue.guilty))


def _below(score: float, law: tuple[float, float]) -> float:
    mean, deviation = law
    return 0.5 * math.erfc((mean - math.log(score / (1 - score))) / (deviation * math.sqrt(2)))
