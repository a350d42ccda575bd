"""The training corpus we wrote: its rows are sound, its sides apart, its labels all there."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from meydan.comment import RULE_LABELS
from meydan.train.corpus import generate

FOLDER = Path(generate.__file__).parent
FIELDS = {"text", "lang", "labels", "group", "split", "provenance"}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(FOLDER.glob("en-*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]


def test_rows_have_the_agreed_fields(rows: list[dict[str, Any]]) -> None:
    """If a row is read, then it has exactly the agreed fields and every label as 0 or 1."""
    for row in rows:
        assert set(row) == FIELDS
        assert row["text"].strip() == row["text"] != ""
        assert row["lang"] == "en"
        assert row["split"] in ("train", "dev")
        assert row["provenance"] == "written for Meydan"
        known = {"allegation"} if generate.WRITTEN in row["group"] else set()
        assert set(row["labels"]) == {*RULE_LABELS, "toxic", "hate", *known}
        assert set(row["labels"].values()) <= {0, 1}


def test_nothing_of_the_templates_is_left_in_the_words(rows: list[dict[str, Any]]) -> None:
    """If a row is read, then no slot, bracket or article mark of its template shows."""
    for row in rows:
        if generate.WRITTEN in row["group"]:
            continue
        assert not set("{}[]|") & set(row["text"]), row["text"]
        assert "a(n)" not in row["text"].lower(), row["text"]


def test_no_words_stand_twice(rows: list[dict[str, Any]]) -> None:
    """If two rows are compared, then their words differ in more than case, spaces and stops."""
    counts = Counter(generate.key_of(row["text"]) for row in rows)
    assert [text for text, n in counts.items() if n > 1] == []


def test_groups_stay_on_one_side(rows: list[dict[str, Any]]) -> None:
    """If a group is split, then all its rows are train or all are dev."""
    sides: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        sides[row["group"]].add(row["split"])
    assert [group for group, side in sides.items() if len(side) > 1] == []


def test_there_is_enough_of_everything(rows: list[dict[str, Any]]) -> None:
    """If labels are counted, then each has 250 positives, 40 of them dev, and 45 % of rows are clean."""
    assert len(rows) >= 6000
    clean = sum(not any(row["labels"].values()) for row in rows)
    assert 0.45 <= clean / len(rows) <= 0.75
    dev = sum(row["split"] == "dev" for row in rows)
    assert 0.12 <= dev / len(rows) <= 0.18
    for label in RULE_LABELS:
        positive = [row for row in rows if row["labels"][label]]
        assert len(positive) >= 250, label
        assert sum(row["split"] == "dev" for row in positive) >= 40, label


def test_training_heads_follow_from_the_rules(rows: list[dict[str, Any]]) -> None:
    """If a ground is marked, then hate and toxic are; if only promotion is, then neither."""
    for row in rows:
        labels = row["labels"]
        assert labels["hate"] == max(labels[ground] for ground in generate.GROUNDS)
        assert labels["toxic"] == max(labels[label] for label in RULE_LABELS if label != "promotion")


def test_no_template_makes_too_many_rows() -> None:
    """If a template has many readings, then at most 60 become rows."""
    fillers = generate.load_fillers(FOLDER / "fillers.txt")
    for path in sorted(FOLDER.glob("*.txt")):
        if path.stem in generate.NOT_TEMPLATES or path.stem.startswith(generate.WRITTEN):
            continue
        for block in generate.load_blocks(path):
            for template in block.templates:
                one = generate.Block(block.file, block.name, (template,))
                assert len(generate.rows_of([one], fillers)) <= generate.MOST_ROWS_PER_TEMPLATE


def test_the_files_are_what_the_templates_make(rows: list[dict[str, Any]]) -> None:
    """If the corpus is made again, then it is row for row what is committed."""
    made = generate.make()
    assert [row for name in sorted(made, key=lambda n: f"en-{n}.jsonl") for row in made[name]] == rows


def test_disguise_is_no_label(rows: list[dict[str, Any]]) -> None:
    """If digits or signs stand inside words, then a third of such rows are clean, and each rule has some."""
    noisy = [row for row in rows if re.search(r"[A-Za-z][013457@$!_*]+[A-Za-z]", row["text"])]
    assert len(noisy) >= 300
    assert sum(not any(row["labels"].values()) for row in noisy) / len(noisy) >= 0.33
    assert all(any(row["labels"][label] for row in noisy) for label in RULE_LABELS)


def test_a_line_without_codes_is_refused(tmp_path: Path) -> None:
    """If a template line names no known code, then loading says so."""
    path = tmp_path / "wrong.txt"
    path.write_text("Q: what is this\n", "utf-8")
    with pytest.raises(ValueError, match="not a template line"):
        generate.load_blocks(path)
