"""Reports and the card: unknown labels stay out, test runs are logged, every figure is a figure."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meydan.comment import RULE_LABELS
from meydan.evaluate import classifier_report, join, load_rows, write_card
from meydan.judge.classifier import SHIPPED, Classifier

ROOT = Path(__file__).parents[2]
CARD = ROOT / "docs" / "model-card.md"
AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


class Oracle:
    """Scores a text by the number it ends with, on every label but the last, which it cannot measure."""

    labels = RULE_LABELS
    aux = ("toxic", "hate")

    def score_all(self, texts: Sequence[str]) -> np.ndarray:
        scores = np.repeat([[float(text.split()[-1])] for text in texts], 13, axis=1).astype(np.float32)
        scores[:, RULE_LABELS.index("promotion")] = np.nan
        return scores.reshape(len(texts), 13)


def _entry(text: str, labels: dict[str, float], **more: Any) -> dict[str, Any]:
    return {"text": text, "lang": "en", "source": "letters", "split": "dev", "labels": labels, **more}


def _write(path: Path, entries: list[dict[str, Any]]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(entry) + "\n" for entry in entries)
    return path


def test_figures_are_those_of_the_known_rows(tmp_path: Path) -> None:
    """If a label is unknown on a row, then the row takes no part in its figures."""
    rows = load_rows(
        _write(
            tmp_path / "dev.jsonl.gz",
            [
                _entry("a 0.95", {"threat": 1.0, "promotion": 1}),
                _entry("b 0.4", {"threat": 0.667}),
                _entry("c 0.2", {"threat": 0.333}),
                _entry("d 0.99", {"sexism": 1}),
                _entry("e 0.1", dict.fromkeys(RULE_LABELS, 0)),
            ],
        )
    )
    report = classifier_report(Oracle(), rows.texts, rows)
    by_label = {figures.label: figures for figures in report.labels}
    threat = by_label["threat"]
    assert (threat.positives, threat.negatives) == (2, 2)
    assert threat.auc.value == 1
    assert (threat.found_from_hold, threat.found_from_reject) == (1, 0.5)
    assert (threat.wrong_from_hold, threat.wrong_from_reject) == (0, 0)
    assert "promotion" not in by_label
    assert (report.violations, report.clean) == (3, 1)
    assert (report.caught.value, report.rejected.value, report.clean_held.value) == (
        1,
        pytest.approx(2 / 3),
        0,
    )


def test_rows_never_judged_clean_are_not_clean(tmp_path: Path) -> None:
    """If a row of toxic_spans has no toxic words marked, then whether it is toxic is unknown."""
    entries = [_entry("a 0", {"toxic": value}, source="toxic_spans") for value in (0, 1)]
    rows = load_rows(_write(tmp_path / "dev.jsonl.gz", entries))
    assert np.isnan(rows.values["toxic"][0])
    assert rows.values["toxic"][1] == 1


def test_parts_join_with_their_gaps(tmp_path: Path) -> None:
    """If parts know different labels, then joined rows are unknown where a part did not know."""
    one = load_rows(_write(tmp_path / "a.jsonl.gz", [_entry("a 0", {"threat": 1})]))
    two = load_rows(_write(tmp_path / "b.jsonl.gz", [_entry("b 0", {"sexism": 0})]))
    both = join([one, two])
    assert both.texts == ("a 0", "b 0")
    assert np.isnan(both.values["threat"][1])
    assert np.isnan(both.values["sexism"][0])
    assert len(join([])) == 0


def test_splits_and_languages_are_kept_apart(tmp_path: Path) -> None:
    """If rows are of another split or language, then they are not read."""
    entries = [_entry("a", {}), _entry("b", {}, split="train"), _entry("c", {}, lang="tr")]
    path = tmp_path / "own.jsonl"
    path.write_text("\n".join(map(json.dumps, entries)))
    assert load_rows(path, split="dev").texts == ("a",)
    assert load_rows(path, language="tr").texts == ("c",)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with a dev and a test file, and a copy of the shipped model."""
    sentences = [("you are a stupid idiot", 1), ("thank you for the careful piece", 0)]
    entries = [
        _entry(
            f"{text} {i}",
            {**dict.fromkeys(RULE_LABELS, 0), "personal_attack": bad, "toxic": bad},
            source="hatecheck" if i % 2 else "letters",
            meta={"functionality": "some_h" if bad else "some_nh"},
        )
        for i in range(24)
        for text, bad in sentences
    ]
    _write(tmp_path / "dev.jsonl.gz", entries)
    _write(tmp_path / "test.jsonl.gz", entries)
    shutil.copytree(SHIPPED, tmp_path / "model")
    (tmp_path / "model" / "test-runs.jsonl").unlink(missing_ok=True)
    return tmp_path


def test_a_run_on_test_rows_is_logged_every_time(folder: Path) -> None:
    """If test rows are measured, then the card's log has one line more; if not, then none, and the old ones stay."""
    card = folder / "card.md"
    model = folder / "model"

    def runs() -> int:
        return card.read_text().split("## Every run on test rows")[1].count("| 2026-01-02 03:04 |")

    write_card(card, folder, own=folder / "none", model=model, at=AT)
    assert runs() == 0
    assert "Not measured for this model." in card.read_text()
    for expected in (1, 2):
        write_card(card, folder, own=folder / "none", test=True, model=model, at=AT)
        assert runs() == expected
    write_card(card, folder, own=folder / "none", model=model, at=AT)
    assert runs() == 2
    text = card.read_text()
    assert "### letters (24 rows)" in text
    assert "| some_nh | 12 |" in text


def test_the_card_is_about_the_shipped_model() -> None:
    """If the card is read, then it names the model that ships, by its digest."""
    assert Classifier.load().model in CARD.read_text()


def test_the_card_is_whole() -> None:
    """If the card is read, then failures come first, and data, licences and test runs are there."""
    headings = re.findall(r"^## (.+)$", CARD.read_text(), re.M)
    assert headings[0] == "Known failures"
    assert {"Use", "Where it comes from", "Every run on test rows"} <= set(headings)


def test_every_figure_of_the_card_parses() -> None:
    """If a label has a line in a table of figures, then each cell is a figure with its interval, or a dash."""
    figure = r"(?:–|\d\.\d{3}(?: \(\d\.\d{3} to \d\.\d{3}\))?)"
    shares = r"(?:–|\d+\.\d %) / (?:–|\d+\.\d %)"
    line = re.compile(rf"\| [a-z_]+ \| [\d,]+ \| [\d,]+ (?:\| {figure} ){{5}}\| {shares} \| {shares} \|")
    lines = [
        text
        for text in CARD.read_text().split("## The model\n")[0].splitlines()
        if re.match(rf"\| (?:{'|'.join((*RULE_LABELS, 'toxic', 'hate'))}) \|", text)
    ]
    assert len(lines) >= 2 * len(RULE_LABELS)
    assert [text for text in lines if not line.fullmatch(text)] == []
    for value, low, high in re.findall(r"(\d\.\d{3}) \((\d\.\d{3}) to (\d\.\d{3})\)", "\n".join(lines)):
        assert 0 <= float(low) <= float(high) <= 1
        assert float(low) - 0.02 <= float(value) <= float(high) + 0.02
