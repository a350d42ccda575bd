"""Calibrations: what a file may say, which entry is in force, and what a withdrawal is bound to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.comment import RULE_LABELS
from meydan.errors import BadCalibration
from meydan.judge import calibration as calibrations
from meydan.judge.calibration import (
    NEVER,
    Calibration,
    Calibrations,
    Withdrawn,
    in_force,
    load,
    save,
    shipped,
)
from meydan.judge.judge import Judge

ENTRY: dict[str, Any] = {
    "hold_from": {"threat": 0.2},
    "reject_from": 0.95,
    "model": "sha256:m",
    "source": "1,000 decisions of our own",
    "made_on": "2026-11-23",
    "acceptable": 900,
    "violations": 100,
    "rejected": 3,
    "approved": 1,
    "automated": 0.75,
    "wrongly_rejected": 0.01,
    "wrongly_approved": 0.05,
    "confidence": 0.9,
}

probabilities = st.floats(0, 1)
thresholds = st.one_of(
    st.none(), probabilities, st.dictionaries(st.sampled_from(RULE_LABELS), probabilities, max_size=3)
)


def written(path: Path, **languages: Any) -> Path:
    path.write_text(json.dumps({"format": 1, "languages": languages}), encoding="utf-8")
    return path


@given(thresholds, thresholds, st.text(max_size=20), st.one_of(st.none(), st.dates()))
def test_what_is_kept_is_what_was_made(
    tmp_path_factory: pytest.TempPathFactory, hold_from: Any, reject_from: Any, source: str, day: date | None
) -> None:
    """If a calibration is written and read again, then it is the same, down to its digest."""
    path = tmp_path_factory.mktemp("kept") / "calibration.json"
    made = Calibrations(
        {"ckb": Calibration("ckb", hold_from, reject_from, source=source, made_on=day, confidence=None)}
    )
    save(made, path)
    assert load(path) == made
    assert load(path).of("ckb").digest == made.of("ckb").digest  # type: ignore[union-attr]
    assert [each.name for each in path.parent.iterdir()] == ["calibration.json"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"hold_from": 1.5}, "en.hold_from"),
        ({"hold_from": {"threat": True}}, "en.hold_from.threat"),
        ({"hold_from": {"thraet": 0.5}}, "thraet"),
        ({"reject_from": float("nan")}, "en.reject_from"),
        ({"reject_from": "high"}, "en.reject_from"),
        ({"rejects_from": 0.5}, "rejects_from"),
        ({"acceptable": -1}, "en.acceptable"),
        ({"model": 3}, "en.model"),
        ({"made_on": "yesterday"}, "yesterday"),
        ({"confidence": None}, "without"),
    ],
)
def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    """If an entry says what no calibration says, then it is refused, and the message names the place."""
    with pytest.raises(BadCalibration, match=named.replace(".", r"\.")):
        load(written(tmp_path / "calibration.json", en={**ENTRY, **change}))


@pytest.mark.parametrize("source", ["", "{", "[]", '{"format": 2, "languages": {}}', '{"format": 1}', "\xff"])
def test_what_is_no_calibration_file_is_refused(tmp_path: Path, source: str) -> None:
    """If a file is something else, then it is refused and named."""
    path = tmp_path / "calibration.json"
    path.write_bytes(source.encode("latin-1"))
    with pytest.raises(BadCalibration, match=r"calibration\.json"):
        load(path)
    with pytest.raises(BadCalibration):
        load(tmp_path / "nowhere.json")


def test_a_label_that_is_absent_is_not_decided_on(tmp_path: Path) -> None:
    """If thresholds are given by label, then other labels are neither approved nor rejected on."""
    entry = load(written(tmp_path / "calibration.json", en={**ENTRY, "reject_from": {"threat": 0.9}})).of(
        "en"
    )
    assert entry is not None
    assert (entry.holds_from("threat"), entry.rejects_from("threat")) == (0.2, 0.9)
    assert (entry.holds_from("racism"), entry.rejects_from("racism")) == (0.0, NEVER)


def test_a_newsrooms_own_take_the_shipped_places(tmp_path: Path) -> None:
    """If a newsroom has calibrated a language with this judge, then its entry rules there; another judge's does not."""
    path = written(tmp_path / "calibration.json", ckb=ENTRY, en={**ENTRY, "model": "sha256:another"})
    own = load(path).of("ckb")
    assert own is not None
    entry = shipped().of("en")
    assert entry is not None
    path.write_text(path.read_text().replace('sha256:m"', f'{entry.model}"'))
    known = in_force(path, entry.model)
    assert known.measured == shipped().measured | {"ckb"}
    assert known.of("en") == shipped().of("en")
    assert known.of("ckb") == load(path).of("ckb") != shipped().of("ckb")
    assert in_force(tmp_path / "nowhere.json", entry.model) == shipped()


def test_what_another_judge_was_measured_by_rules_nowhere(tmp_path: Path) -> None:
    """If neither the shipped entries nor a newsroom's own were made with this judge, then every language is held."""
    path = written(tmp_path / "calibration.json", ckb={**ENTRY, "model": "sha256:another"})
    assert not in_force(path, "sha256:m").measured
    assert not in_force(tmp_path / "nowhere.json", "sha256:m").measured


def test_a_new_calibration_lifts_a_withdrawal() -> None:
    """If a language is calibrated anew, then what was withdrawn under the old calibration is not any longer."""
    old = Calibration("en", 0.2, 0.9)
    new = replace(old, source="made anew")
    assert old.digest != new.digest
    withdrawn = {Withdrawn("en", "threats", old.digest)}
    assert Calibrations({"en": old}).without(withdrawn).withdrawn_in("en") == {"threats"}
    assert Calibrations({"en": new}).without(withdrawn).withdrawn_in("en") == frozenset()
    assert Calibrations({"en": old}).without(withdrawn).withdrawn_in("ar") == frozenset()


def test_the_shipped_calibration_is_of_the_shipped_judge() -> None:
    """If the shipped entries were measured, then with the judge that ships: anything else bounds nothing."""
    assert shipped().measured >= {"en"}
    model = Judge.load().model
    assert shipped().made_for(model) == shipped()
    assert calibrations.SHIPPED.is_file()
