"""Reports and the card: unknown labels stay out, test runs are shown, every figure is a figure."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.dom import minidom

import numpy as np
import pytest

from meydan.comment import RULE_LABELS, Decision, Evidence, Reason, Verdict
from meydan.errors import Malformed
from meydan.evaluate import write_card
from meydan.evaluate.judged import Outcome
from meydan.evaluate.peers import Peer
from meydan.evaluate.report import (
    ASSUMED,
    COLLECTED,
    SELF_WRITTEN,
    VerdictFigures,
    read_dev,
    reliability_of,
    report_of,
)
from meydan.evaluate.rows import Row
from meydan.evaluate.runs import LOG
from meydan.evaluate.scores import LABELS, MODELS
from meydan.evaluate.suite import Case
from meydan.judge import Judge
from meydan.policy import load
from meydan.train.blend import PREVALENCE

ROOT = Path(__file__).parents[2]
CARD = ROOT / "docs" / "model-card.md"
AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
GUIDELINES = load(None)
CLEAN = dict.fromkeys(RULE_LABELS, 0.0)


def _entry(text: str, labels: dict[str, float], **more: Any) -> dict[str, Any]:
    return {"text": text, "lang": "en", "source": "letters", "split": "dev", "labels": labels, **more}


def _write(path: Path, entries: list[dict[str, Any]]) -> Path:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(entry) + "\n" for entry in entries)
    return path


def _outcome(verdict: Verdict) -> Outcome:
    reasons = (Reason("threats", None, "threat", 0.9),) if verdict is Verdict.REJECT else ()
    decision = Decision(verdict, reasons, (), guidelines="", model="")
    return Outcome(Evidence(), decision)


def test_figures_are_those_of_the_known_rows() -> None:
    """If a label is unknown on a row, then the row takes no part in its figures; what nobody scored counts as nothing."""
    rows = [
        Row("a", "en", {"threat": 1.0, "promotion": 1}, "1"),
        Row("b", "en", {"threat": 0.667}, "2"),
        Row("c", "en", {"threat": 0.333}, "3"),
        Row("d", "en", {"sexism": 1}, "4"),
        Row("e", "en", CLEAN, "5"),
        Row("f", "tr", {**CLEAN, "threat": 1}, "6", source=SELF_WRITTEN),
        Row("g", "tr", {"toxic": 1}, "7"),
    ]
    said = [0.95, 0.4, 0.2, 0.99, 0.1, float("nan"), 0.7]
    outcomes = [
        _outcome(verdict)
        for verdict in (
            Verdict.REJECT,
            Verdict.HOLD,
            Verdict.REJECT,
            Verdict.APPROVE,
            Verdict.APPROVE,
            Verdict.HOLD,
            Verdict.HOLD,
        )
    ]
    report = report_of(rows, dict.fromkeys(LABELS, said), outcomes, GUIDELINES)
    by_part = {(one.language, one.origin, one.label): one for one in report.labels}
    threat = by_part["en", COLLECTED, "threat"]
    assert (threat.violations, threat.others, threat.unscored) == (2, 2, 0)
    assert (threat.auc.value, threat.precision.value) == (1, 1)
    assert by_part["tr", SELF_WRITTEN, "threat"].unscored == 1
    assert ("tr", COLLECTED, "threat") not in by_part
    verdicts = {(one.language, one.origin, one.violations): one for one in report.verdicts}
    # Row c is neither: nobody said of it more than that it hardly threatens. Nor is g, of which no rule is known.
    assert set(verdicts) == {
        ("en", COLLECTED, True),
        ("en", COLLECTED, False),
        ("tr", SELF_WRITTEN, True),
    }

    def shares(one: VerdictFigures) -> tuple[float, ...]:
        return one.rows, one.approved.value, one.held.value, one.rejected.value

    assert shares(verdicts["en", COLLECTED, True]) == (3, *[pytest.approx(1 / 3)] * 3)
    assert shares(verdicts["en", COLLECTED, False]) == (1, 1, 0, 0)


def test_a_probability_is_compared_with_the_share_it_assumes() -> None:
    """If violations are half of the rows of one language, then they count as few as probabilities assume."""
    rows = [Row(str(i), "en", {"threat": float(i % 2)}, str(i)) for i in range(40)]
    found = reliability_of("threat", rows, [0.35] * 40)
    assert found is not None
    assert (found.violations, found.rows) == (20, 40)
    assert [tenth is not None for tenth in found.bins] == [i == 3 for i in range(10)]
    assert found.bins[3] is not None
    assert (found.bins[3].rows, found.bins[3].seen) == (40, pytest.approx(ASSUMED))
    one_kind = [replace(row, labels={"threat": 1.0}) for row in rows]
    assert reliability_of("threat", one_kind, [0.35] * 40) is None
    assert reliability_of("threat", rows, [float("nan")] * 40) is None


def test_what_probabilities_assume_is_what_the_blend_learned() -> None:
    """If the blend is learned for another share of violations, then reliability is drawn for that share."""
    assert ASSUMED == PREVALENCE


def test_rows_never_judged_clean_are_not_clean(tmp_path: Path) -> None:
    """If a row of toxic_spans has no toxic words marked, then whether it is toxic is unknown."""
    entries = [_entry("a", {"toxic": value}, source="toxic_spans") for value in (0, 1)]
    _write(tmp_path / "dev.jsonl.gz", entries)
    rows, _ = read_dev(tmp_path, tmp_path / "none")
    assert [row.labels for row in rows] == [{}, {"toxic": 1.0}]


def test_own_rows_are_marked_and_only_unknown_ones_are_measured(tmp_path: Path) -> None:
    """If a file of our own is another than a model learned from, then its rows are left out; training rows always are."""
    _write(tmp_path / "dev.jsonl.gz", [_entry("a", {}), _entry("b", {}, lang="xx")])
    own = tmp_path / "own"
    own.mkdir()
    for name in ("one", "two"):
        entries = [_entry(name, {}), _entry("c", {}, split="train"), _entry("d", {}, group="g")]
        _write(own / f"{name}.jsonl", entries)
    rows, left_out = read_dev(tmp_path, own)
    assert left_out == 0
    assert [(row.text, row.source) for row in rows] == [
        ("a", "letters"),
        *((text, SELF_WRITTEN) for text in ("one", "d", "two", "d")),
    ]
    # Two files' first rows have nothing in common, and rows of one group belong together wherever they are.
    assert rows[1].group != rows[3].group
    assert rows[2].group == rows[4].group == "g"
    rows, left_out = read_dev(tmp_path, own, [{"one.jsonl": "sha256:other"}, {}])
    assert (len(rows), left_out) == (3, 2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with dev rows, one row of our own, and the shipped models with no log and no figures."""
    sentences = [("you are a stupid idiot", 1), ("thank you for the careful piece", 0)]
    _write(
        tmp_path / "dev.jsonl.gz",
        [
            _entry(f"{text} {i}", {**CLEAN, "personal_attack": bad, "toxic": bad, "hate": 0})
            for i in range(12)
            for text, bad in sentences
        ],
    )
    (tmp_path / "own").mkdir()
    _write(tmp_path / "own" / "letters.jsonl", [_entry("a lovely day", {**CLEAN, "toxic": 0, "hate": 0})])
    models = tmp_path / "models"
    models.mkdir()
    for name in ("fast", "encoder"):
        shutil.copytree(MODELS / name, models / name, ignore=shutil.ignore_patterns(LOG.name))
    for path in MODELS.glob("*.json"):
        if path.name != "card.json":
            shutil.copy(path, models)
    return tmp_path


CASES = [
    Case(
        "1", "en", "insult_commenter", "You are a stupid idiot.", Verdict.REJECT, rules=("personal-attacks",)
    ),
    Case("2", "en", "grief", "Rest in peace.", Verdict.APPROVE),
]


def _card(folder: Path, *, measured: bool = True, peers: Sequence[Peer] = ()) -> str:
    card = folder / "card.md"
    write_card(
        card,
        data=folder if measured else None,
        own=folder / "own",
        cases=CASES,
        at=AT,
        models=folder / "models",
        peers=peers,
    )
    return card.read_text()


def _log(folder: Path, *runs: dict[str, Any]) -> None:
    with (folder / "models" / LOG.name).open("a") as log:
        log.writelines(json.dumps(run) + "\n" for run in runs)


def _interval(value: float) -> dict[str, float]:
    return {"value": value, "low": value / 2, "high": (1 + value) / 2}


def _run(minute: int, right: float) -> dict[str, Any]:
    kind = {"functionality": "some_h", "hateful": True, "cases": 7, "right": _interval(right)}
    figures = {
        "threshold": 0.5,
        "cases": 7,
        "unscored": 0,
        **{
            name: _interval(right)
            for name in ("accuracy", "hateful_right", "not_hateful_right", "macro_f1", "auc")
        },
        "functionalities": [kind],
        "peers": {"a peer 1": {"macro_f1": _interval(0.25), "auc": _interval(0.5)}},
    }
    return {
        "at": f"2026-01-02 03:0{minute}",
        "commit": "abc",
        "model": "sha256:other",
        "set": "hatecheck",
        "figures": {"en": figures},
    }


@pytest.mark.slow
def test_a_card_is_written_from_figures_that_are_kept(folder: Path) -> None:
    """If the card was measured, then it can be written anew without measuring, with the same words and every logged run."""
    peer = Peer("a peer", "1", "MIT", "English only", lambda texts: [1.0 for _ in texts])
    first = _card(folder, peers=[peer])
    assert "### English, self-written" in first
    assert "| personal_attack | 12 | 12 | 0 | 1.000 (1.000 to 1.000) |" in first
    assert "| a peer 1 | English only | English | 100.0 % (" in first
    assert "Not measured yet." in first
    assert _card(folder, measured=False) == first
    minidom.parse(str(folder / "card-reliability.svg"))

    _log(folder, _run(4, 0.75), _run(5, 0.25))
    second = _card(folder)
    assert "| some_h | 7 | 25.0 % (12.5 to 62.5) |" in second
    assert "right less often than 60.0 %: some_h 25.0 %." in second
    assert second.count("| `other` | the judge, hatecheck |") == 2
    assert "75.0 % (37.5 to 87.5)" not in second
    # What other filters said is kept from the last run that had them.
    assert "| a peer 1 | English only | English | 100.0 % (" in second
    assert "| English | a peer 1 | 0.500" in second

    kept = folder / "models" / "card.json"
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "model": "sha256:other"}))
    with pytest.raises(Malformed, match="--data"):
        _card(folder, measured=False)
    kept.unlink()
    with pytest.raises(Malformed, match="--data"):
        _card(folder, measured=False)


def test_the_card_is_about_the_shipped_judge() -> None:
    """If the card is read, then it names the judge that ships, and the files it is made of, by digest."""
    card = CARD.read_text()
    assert Judge.load().model in card
    manifest = json.loads((MODELS / "encoder" / "manifest.json").read_bytes())
    assert all(one["digest"].removeprefix("sha256:") in card for one in manifest["files"].values())


def test_the_card_shows_every_run_on_test_rows() -> None:
    """If a run on test rows is logged, then the card has its line."""
    card = CARD.read_text().split("## Every run on test rows")[1]
    for log in (MODELS / LOG.name, MODELS / "fast" / LOG.name):
        for line in log.read_text().splitlines() if log.exists() else ():
            run = json.loads(line)
            assert f"| {run['at']} | {run.get('commit') or '–'} | `{run['model'][7:19]}` |" in card


def test_the_card_is_whole() -> None:
    """If the card is read, then failures come first, and figures, data, licences, training and test runs are there."""
    headings = re.findall(r"^## (.+)$", CARD.read_text(), re.M)
    assert headings == [
        "Known failures",
        "Use",
        "What it is",
        "The newsroom suite",
        "Test sets",
        "Development rows",
        "What a probability is worth",
        "Shipped calibration",
        "Other filters on the same rows",
        "What it learned from",
        "How it was trained",
        "Every run on test rows",
    ]
    minidom.parse(str(CARD.with_name("model-card-reliability.svg")))


def test_every_figure_of_the_card_parses() -> None:
    """If a label has a line among the development rows, then each cell is a figure with its interval, or a dash."""
    text = CARD.read_text().split("## Development rows\n")[1].split("\n## ")[0]
    figure = r"(?:–|\d\.\d{3}(?: \(\d\.\d{3} to \d\.\d{3}\))?)"
    line = re.compile(rf"\| [a-z_]+(?: \(self-written\))? (?:\| [\d,]+ ){{3}}(?:\| {figure} ){{2}}\|")
    names = "|".join((*RULE_LABELS, "toxic", "hate"))
    lines = [one for one in text.splitlines() if re.match(rf"\| (?:{names}) [|(]", one)]
    assert len(lines) >= 6 * len(RULE_LABELS)
    assert [one for one in lines if not line.fullmatch(one)] == []
    found = re.findall(r"(\d\.\d{3}) \((\d\.\d{3}) to (\d\.\d{3})\)", "\n".join(lines))
    for value, low, high in np.array(found, float):
        assert 0 <= low <= high <= 1
        assert low - 0.02 <= value <= high + 0.02
