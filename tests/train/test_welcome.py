"""What is learned of relevance and constructiveness: from rows that say it, and not from rows that do not."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meydan.train import constructive, relevance
from meydan.train.logistic import auc, auc_interval, fit
from meydan.train.rows import Row

LANGUAGES = ("en", "ar", "tr", "ckb", "kmr-Latn")


def test_a_number_becomes_a_probability() -> None:
    """If the positives' numbers are larger, then the slope is positive and the middle is between them; else it is 0."""
    chance = np.random.default_rng(1)
    truth = np.arange(400) < 100
    numbers = chance.normal(0, 1, 400) + 3 * truth + 20
    slope, bias = fit(numbers, truth)
    assert slope > 1
    assert 20.5 < -bias / slope < 22.5
    assert fit(-numbers, truth)[0] == 0.0
    low, high = auc_interval(numbers, truth, [str(i // 4) for i in range(400)])
    assert low < auc(numbers, truth) < high
    assert np.isnan(auc(numbers, truth | True))


def rows(difference: float) -> tuple[list[Row], Any]:
    chance = np.random.default_rng(2)
    made = [Row("x", "en", "meydan", {"constructive": float(i % 2)}, group=str(i // 2)) for i in range(120)]
    odds = np.array([chance.normal(difference * (i % 2), 1.0) for i in range(120)], np.float32)
    return made, odds


def test_constructiveness_that_is_not_known_is_not_measured() -> None:
    """If the encoder parts the rows, then it is measured; if it does not, then not."""
    known = constructive.learn(*rows(2.0))
    assert known["measured"]
    assert known["interval"][0] < known["auc"] < known["interval"][1]
    assert not constructive.learn(*rows(0.0))["measured"]


def pairs(difference: float) -> relevance.Pairs:
    chance = np.random.default_rng(3)
    stories = chance.normal(0, 1, (12, 2, 16)).astype(np.float32)
    story = np.repeat(np.arange(12), 11)
    relevant = np.tile(np.arange(11) < 8, 12)
    comments = chance.normal(0, 1, (132, 16)).astype(np.float32)
    comments[relevant] += difference * stories[story[relevant], 0]
    dev = np.arange(12) >= 8
    return relevance.Pairs(comments, story, stories, relevant, dev)


def test_relevance_that_is_not_known_is_not_measured() -> None:
    """If comments are near their stories, then that is measured and hardly one of them waits; else it is not."""
    measure, about = relevance.learn(pairs(2.0))
    assert about["measured"]
    assert about["relevant_held"] <= 0.03
    assert about["others_held"] > 0.3
    assert measure.slope > 0
    assert not relevance.learn(pairs(0.0))[1]["measured"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_stories_are_sound(language: str) -> None:
    """If a story is read, then it has eight comments on its subject, three off it, and stays on one side."""
    folder = Path(relevance.STORIES)
    read = [json.loads(line) for line in (folder / f"{language}.jsonl").read_text("utf-8").splitlines()]
    groups: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in read:
        assert set(row) == {"story", "comment", "lang", "relevant", "group", "split", "provenance"}
        assert row["lang"] == language
        assert row["comment"].strip() == row["comment"] != ""
        groups[row["group"]].append(row)
    assert len(groups) == (40 if language == "en" else 12)
    for group in groups.values():
        assert [row["relevant"] for row in group] == [1] * 8 + [0] * 3
        assert len({row["split"] for row in group}) == len({row["story"]["title"] for row in group}) == 1
    comments = [row["comment"] for row in read]
    assert len(set(comments)) == len(comments)
