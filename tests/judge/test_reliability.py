"""Scores against what people found."""

from __future__ import annotations

import math

import pytest

from meydan.judge.reliability import FEWEST, reliability_of, wilson


def seen(language: str, score: float, found: int, of: int) -> list[tuple[str, float, bool]]:
    return [(language, score, number < found) for number in range(of)]


@pytest.mark.parametrize(
    ("found", "of", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (1, 10, 0.0179, 0.4042),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_intervals_are_wilsons(found: int, of: int, low: float, high: float) -> None:
    """If so many of so many were found, then the interval is the published one, and turns over with the question."""
    assert wilson(found, of) == pytest.approx((low, high), abs=5e-4)
    assert wilson(of - found, of) == pytest.approx((1 - high, 1 - low), abs=5e-4)
    assert wilson(0, 0) == (0.0, 1.0)


def test_each_comment_stands_in_one_step() -> None:
    """If comments have scores at the edges, then each is in the step above, the highest in the last, and none is lost."""
    scores = [0.0, 0.1, 0.3, 0.7, 0.999, 1.0]
    (every, one) = reliability_of([("en", score, True) for score in scores])
    assert (every.language, every.of, one.language, one.of) == ("", 6, "en", 6)
    assert [(step.low, step.of) for step in one.steps] == [(0.0, 1), (0.1, 1), (0.3, 1), (0.7, 1), (0.9, 2)]
    assert all(step.low <= step.score <= step.high for step in one.steps)
    assert reliability_of([])[0].steps == ()


def test_what_is_said_is_what_was_seen() -> None:
    """If people find what the scores say, fewer or more, then it is said so; of too few, nothing is."""
    fits = seen("en", 0.25, 25, 100) + seen("en", 0.85, 85, 100)
    fewer = seen("ar", 0.85, 20, 100)
    more = seen("tr", 0.15, 80, 100)
    few = seen("ckb", 0.85, 0, FEWEST - 1)
    said = {one.language: one.said for one in reliability_of(fits + fewer + more + few)}
    assert said == {"": "both", "en": "fits", "ar": "fewer", "tr": "more", "ckb": "few"}
    assert {one.language: one.of for one in reliability_of(few)} == {"": FEWEST - 1, "ckb": FEWEST - 1}


def test_chance_alone_is_not_taken_for_a_fault() -> None:
    """If the scores are right in ten steps, then a step that chance puts two standard errors off changes nothing that is said."""
    of = 100
    pairs: list[tuple[str, float, bool]] = []
    for place in range(10):
        score = place / 10 + 0.05
        found = (
            round(of * score + 2.0 * math.sqrt(of * score * (1 - score))) if place == 4 else round(of * score)
        )
        pairs += seen("en", score, found, of)
    assert reliability_of(pairs)[0].said == "fits"
