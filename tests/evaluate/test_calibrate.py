"""Calibration: the bounds hold as often as is promised, in a newsroom whose truth is known."""

from __future__ import annotations

import builtins
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks import newsroom
from hypothesis import given
from hypothesis import strategies as st

from meydan.comment import RULE_LABELS, Evidence, Finding, Hold
from meydan.errors import BadCalibration, Malformed
from meydan.evaluate.calibrate import (
    GRID,
    Reviewed,
    Side,
    calibration_of,
    fewest,
    fit,
    label_truth,
    reviewed_of,
)
from meydan.evaluate.decided import Known, judged_of, load_known
from meydan.policy import Automation, load

PROMISED = Automation("assisted", 0.01, 0.05, 0.9, 0.02)
NOWHERE = math.inf


def scored(score: float, *, violation: bool) -> Reviewed:
    return Reviewed(score, score, violation)


def promise(*, rejected: float = 0.01, approved: float = 0.05, confidence: float = 0.9) -> Automation:
    return Automation("assisted", rejected, approved, confidence, 0.02)


def tail(wrong: int, of: int, bound: float) -> float:
    """The chance of so few errors or fewer, if the bound were just reached."""
    return math.fsum(math.comb(of, i) * bound**i * (1 - bound) ** (of - i) for i in range(wrong + 1))


# -- the guarantee -----------------------------------------------------------


def test_the_bounds_hold_in_a_simulated_newsroom() -> None:
    """If newsrooms calibrate on their decisions, then in nine of ten both bounds hold, and most is automated."""
    found = newsroom.bounds(40, seed=5)
    assert np.mean(list(found["both_bounds_hold"].values())) >= 0.9
    assert min(found["both_bounds_hold"].values()) >= 0.86
    assert found["automated_of_all"] >= 0.5


@pytest.mark.parametrize("confidence", [0.6, 0.8])
def test_the_confidence_is_worth_what_it_says(confidence: float) -> None:
    """If less confidence is asked for, then the bounds break more often, though no oftener than was said."""
    chance = np.random.default_rng(3)
    tongue, held = newsroom.TONGUES["ckb"], 0
    for _ in range(300):
        scores, truth = newsroom.drawn(tongue, 2_000, chance)
        rows = [Reviewed(s, s, t) for s, t in zip(scores.tolist(), truth.tolist(), strict=True)]
        rejected, approved, _ = newsroom.truth_of(tongue, fit(rows, promise(confidence=confidence)))
        held += rejected <= 0.01 and approved <= 0.05
    # Four deviations of chance below what was promised would be no chance; and it is not hiding behind caution.
    assert confidence - 4 * math.sqrt(confidence * (1 - confidence) / 300) <= held / 300 < 1.0


def test_audits_notice_a_change_for_the_worse() -> None:
    """If violations begin to look innocent, then audits withdraw the machine; if nothing changes, they seldom do."""
    tongue, chance, guidelines = newsroom.TONGUES["en"], np.random.default_rng(7), load()
    alarms = noticed = 0
    for _ in range(20):
        fitted = newsroom.calibrated(tongue, 8_000, chance, guidelines)
        alarms += newsroom.withdrawn_after(tongue, fitted, 8_000, chance, guidelines) is not None
        after = newsroom.withdrawn_after(tongue, fitted, 8_000, chance, guidelines, disguised=0.5)
        noticed += after is not None
    assert alarms <= 4
    assert noticed >= 18


# -- the thresholds ----------------------------------------------------------


@given(
    st.lists(st.sampled_from((0.001, 0.02, 0.3, 0.6, 0.95, 0.9999)), min_size=0, max_size=120),
    st.lists(st.sampled_from((0.001, 0.02, 0.3, 0.6, 0.95, 0.9999)), min_size=0, max_size=120),
    st.sampled_from((0.0, 0.02, 0.1, 0.3)),
    st.sampled_from((0.0, 0.02, 0.1, 0.3)),
    st.sampled_from((0.5, 0.9)),
)
def test_the_laxest_threshold_that_is_shown_is_taken(
    innocent: list[float], guilty: list[float], rejected: float, approved: float, confidence: float
) -> None:
    """If a threshold is taken, then it and all stricter ones show the bound by the exact tail, and the next does not."""
    rows = [scored(s, violation=False) for s in innocent] + [scored(s, violation=True) for s in guilty]
    fitted = fit(rows, promise(rejected=rejected, approved=approved, confidence=confidence))
    chance = (1 - confidence) / 2

    def check(side: Side, errors_at: Any, of: int, bound: float, grid: list[float], *, decides: Any) -> None:
        if side.threshold is None:
            # Not even the strictest is shown, or the laxest that is would decide nothing.
            shown = bound > 0 and of > 0 and tail(errors_at(grid[0]), of, bound) <= chance
            assert not shown or not decides(grid[0])
            return
        at = grid.index(side.threshold)
        assert all(tail(errors_at(t), of, bound) <= chance + 1e-9 for t in grid[: at + 1])
        assert decides(side.threshold)
        if at + 1 < len(grid):
            assert tail(errors_at(grid[at + 1]), of, bound) > chance - 1e-9

    everything = [*innocent, *guilty]
    check(
        fitted.rejecting,
        lambda t: sum(s >= t for s in innocent),
        len(innocent),
        rejected,
        GRID[::-1].tolist(),
        decides=lambda t: any(s >= t for s in everything),
    )
    check(
        fitted.approving,
        lambda t: sum(s < t for s in guilty),
        len(guilty),
        approved,
        GRID.tolist(),
        decides=lambda t: any(s < t for s in everything),
    )


@pytest.mark.parametrize(
    ("bound", "chance", "needed"),
    [
        (0.01, 0.1, 230),
        (0.01, 0.05, 299),
        (0.02, 0.05, 149),
        (0.005, 0.05, 598),
        (0.05, 0.05, 59),
        (0, 0.1, None),
    ],
)
def test_how_many_comments_are_needed(bound: float, chance: float, needed: int | None) -> None:
    """If no comment is judged wrongly, then so many show the bound, and one fewer does not."""
    assert fewest(bound, chance) == needed
    if needed is not None:
        assert (1 - bound) ** needed <= chance < (1 - bound) ** (needed - 1)


def test_too_few_comments_bound_nothing() -> None:
    """If there are one comment too few, then nothing is decided, and it says how many more there have to be."""
    rows = [scored(0.001, violation=False)] * 298 + [scored(0.999, violation=True)] * 58
    fitted = fit(rows, PROMISED)
    assert (fitted.rejecting.threshold, fitted.rejecting.missing) == (None, 1)
    assert (fitted.approving.threshold, fitted.approving.missing) == (None, 1)
    assert (fitted.any, fitted.complete, fitted.automated) == (False, False, 0.0)
    enough = fit([*rows, scored(0.001, violation=False), scored(0.999, violation=True)], PROMISED)
    assert (enough.any, enough.complete, enough.automated) == (True, True, 1.0)
    assert fit([], PROMISED).automated == 0.0


def test_one_side_may_be_left_to_people() -> None:
    """If acceptable comments are scored like the worst, then nothing is rejected, and the clear ones still approved."""
    rows = [scored(0.9999, violation=False)] * 30 + [scored(0.001, violation=False)] * 500
    fitted = fit([*rows, *[scored(0.99, violation=True)] * 100], PROMISED)
    assert fitted.rejecting.threshold is None
    assert (fitted.rejecting.seen.wrong, fitted.rejecting.seen.of) == (30, 530)
    assert fitted.approving.threshold is not None
    made = calibration_of(fitted, "en", load(), model="m", source="s", made_on=None)  # type: ignore[arg-type]
    assert made.reject_from is None
    assert made.holds_from("threat") <= load().rule("threats").hold_from


def test_what_has_no_scores_bounds_nothing() -> None:
    """If the judge has no scores in a language, then it makes no error, and that is no calibration."""
    rows = [Reviewed(NOWHERE, -1.0, i % 3 == 0) for i in range(3_000)]
    fitted = fit(rows, PROMISED)
    assert (fitted.any, fitted.complete, fitted.automated) == (False, True, 0.0)


def test_a_calibration_is_never_laxer_than_the_guidelines_were() -> None:
    """If the guidelines are made laxer afterwards, then the calibration keeps to what was measured."""
    guidelines = load()
    rows = [scored(0.01, violation=False)] * 900 + [scored(0.999, violation=True)] * 900
    made = calibration_of(
        fit(rows, PROMISED),
        "en",
        guidelines,
        model="m",
        source="s",
        made_on=None,  # type: ignore[arg-type]
    )
    for rule in guidelines.rules:
        for label in rule.labels:
            assert made.holds_from(label) <= rule.hold_from
            assert made.rejects_from(label) >= rule.reject_from
    assert (made.wrongly_rejected, made.wrongly_approved, made.confidence) == (0.01, 0.05, 0.9)
    assert (made.acceptable, made.violations) == (900, 900)


def test_calibrating_names_the_extra_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """If mapie is not installed, then the refusal says which extra to install."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("mapie"):
            raise ModuleNotFoundError("No module named 'mapie'", name="mapie")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BadCalibration, match=r"meydan\[calibrate\]"):
        fit([scored(0.1, violation=False)] * 400, PROMISED)


# -- what it rests on --------------------------------------------------------


def test_what_holds_a_comment_keeps_it_from_approval() -> None:
    """If something seen would hold a comment, then no threshold approves it; a clear breach is rejected all the same."""
    scores = {**dict.fromkeys(RULE_LABELS, 0.0), "threat": 0.95}
    seen = Evidence(language="en", scores=scores, findings=(Finding("flood", "", hold=Hold.FLOOD),))
    assert reviewed_of(seen, load(), violation=True) == Reviewed(NOWHERE, 0.95, True)
    calm = Evidence(language="en", scores=dict.fromkeys(RULE_LABELS, 0.1))
    assert reviewed_of(calm, load(), violation=False) == Reviewed(0.1, -1.0, False)


@pytest.mark.parametrize(
    ("labels", "truth"),
    [
        ({"threat": 0.5}, True),
        ({"toxic": 0.6}, True),
        ({"toxic": 0.4, "hate": 0.0}, False),
        ({"toxic": 0.0, "racism": 0.7}, True),
        ({"hate": 0.0}, None),
        ({}, None),
        ({label: 0.0 for label in RULE_LABELS if label != "promotion"}, False),
        ({"sarcasm": 1.0}, None),
    ],
)
def test_what_raters_said_is_a_truth_or_none(labels: dict[str, float], truth: bool | None) -> None:
    """If raters saw any breach, then it is a violation; if they were not asked about it, then it is neither."""
    assert label_truth(labels, load()) is truth


def test_a_file_of_decisions_is_read(tmp_path: Path) -> None:
    """If a file has verdicts or labels, then each row that says something counts."""
    rows: list[dict[str, Any]] = [
        {"text": "One &amp; two", "lang": "en", "verdict": "approve"},
        {"text": "Three", "verdict": "reject"},
        {"text": "Four", "lang": "en", "verdict": "hold"},
        {"text": "Five &amp; six", "lang": "tr", "labels": {"threat": 1}},
        {"text": "Seven", "lang": "tr", "labels": {}},
    ]
    file = tmp_path / "decided.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    assert load_known(file, load()) == [
        Known("One &amp; two", violation=False, language="en"),
        Known("Three", violation=True),
        Known("Five & six", violation=True, language="tr"),
    ]
    file.write_text(json.dumps(rows[0]) + '\n{"text": "x", "verdict": "maybe"}\n')
    with pytest.raises(Malformed, match="line 2"):
        load_known(file, load())
    with pytest.raises(Malformed, match=r"nowhere\.jsonl"):
        load_known(tmp_path / "nowhere.jsonl", load())


def test_rows_that_are_not_independent_count_once(tmp_path: Path) -> None:
    """If rows come from one template, then one stands for all; what the judge learned from is left out."""
    rows: list[dict[str, Any]] = [
        {"text": f"Row {i}", "verdict": "approve", "group": "one"} for i in range(9)
    ]
    rows += [{"text": "Alone", "verdict": "reject"}, {"text": "Alone", "verdict": "reject"}]
    rows += [{"text": "Learned", "verdict": "reject", "split": "train"}]
    rows += [{"text": "Kept apart", "verdict": "reject", "use": "test"}]
    rows += [{"text": "Ours", "verdict": "reject", "use": "dev", "split": "train"}]
    file = tmp_path / "decided.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    found = load_known(file, load())
    assert [known.violation for known in found] == [False, True, True, True]
    assert {known.text for known in found[1:]} == {"Alone", "Ours"}
    file.write_text("\n".join(json.dumps(row) for row in reversed(rows)) + "\n")
    assert {known.text for known in load_known(file, load())} == {known.text for known in found}


def test_comments_count_in_the_language_the_judge_sees() -> None:
    """If a file says one language and the judge sees another, then the judge's counts, as it does in life."""

    class Seeing:
        model = "m"

        def evidence_of(self, texts: Any, **_: Any) -> list[Evidence]:
            return [Evidence(language=text, scores=dict.fromkeys(RULE_LABELS, 0.0)) for text in texts]

    found = judged_of(Seeing(), load(), [Known("ckb", violation=False, language="ar")])
    assert list(found) == ["ckb"]
