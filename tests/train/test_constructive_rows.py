"""The rows on which constructiveness is learned: sound, in pairs, and no longer for being constructive."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from meydan.comment import RULE_LABELS
from meydan.train.corpus import generate
from meydan.train.rows import HEADS, read_own

FOLDER = Path(generate.__file__).parent / "constructive"
LANGUAGES = ("en", "ar", "tr", "ckb", "kmr-Latn")


@pytest.fixture(scope="module")
def rows() -> dict[str, list[dict[str, Any]]]:
    return {
        language: [
            json.loads(line) for line in (FOLDER / f"{language}.jsonl").read_text("utf-8").splitlines()
        ]
        for language in LANGUAGES
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_rows_are_sound(rows: dict[str, list[dict[str, Any]]], language: str) -> None:
    """If a row is read, then its fields are the agreed ones, it breaks no rule, and its words stand once."""
    assert len(rows[language]) >= (300 if language == "en" else 100)
    for row in rows[language]:
        assert set(row) == {"text", "lang", "labels", "group", "split", "provenance"}
        assert row["lang"] == language
        assert row["text"].strip() == row["text"] != ""
        assert set(row["labels"]) == {*RULE_LABELS, "toxic", "hate", "constructive"}
        assert not any(value for name, value in row["labels"].items() if name != "constructive")
    texts = [generate.key_of(row["text"]) for row in rows[language]]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_length_says_nothing(rows: dict[str, list[dict[str, Any]]], language: str) -> None:
    """If a row is constructive, then one of its group is not, as long within 15 %, and on the same side."""
    groups: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows[language]:
        groups[row["group"]].append(row)
    for pair in groups.values():
        assert [row["labels"]["constructive"] for row in pair] == [1, 0]
        assert pair[0]["split"] == pair[1]["split"]
        assert 0.85 <= len(pair[1]["text"]) / len(pair[0]["text"]) <= 1 / 0.85, pair[0]["text"]
    assert mean(pair[0]["split"] == "dev" for pair in groups.values()) == pytest.approx(0.2, abs=0.01)


def test_only_who_asks_gets_the_label() -> None:
    """If the folder is read for the fast tier's labels, then "constructive" is none of them."""
    languages = frozenset(LANGUAGES)
    assert not any("constructive" in row.labels for row in read_own(FOLDER, "train", languages))
    asked = list(read_own(FOLDER, "train", languages, (*HEADS, "constructive")))
    assert {row.labels["constructive"] for row in asked} == {0.0, 1.0}
    assert all("constructive" not in row.labels for row in read_own(FOLDER.parent, "dev", frozenset({"en"})))
