"""The function of one batch: pure, total, and blind to what is beside a row."""

from __future__ import annotations

from functools import cache

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meydan.bulk.partition import SCORED, Scoring
from meydan.bulk.rows import Row, batch_of
from meydan.comment import Hold
from meydan.errors import ClassifierUnavailable
from meydan.judge import Judge, decide
from meydan.judge.calibration import shipped, uncalibrated
from meydan.judge.judge import FAST_ALONE, LONGEST
from meydan.policy import load
from tests.bulk.archive import SAID, fast

ROWS = [
    Row(i, None, text, f"c{i}", language, title)
    for i, (text, language, title) in enumerate(
        [
            (text, language, title)
            for text in (*SAID, "Idiot.", "no", "x" * 3000)
            for language, title in ((None, None), ("tr", "A bridge for the old town"))
        ],
        1,
    )
]


@cache
def _scoring() -> Scoring:
    return Scoring(fast(), load(), uncalibrated(FAST_ALONE))


@cache
def _alone() -> list[pa.RecordBatch]:
    return [_scoring()(batch_of([row])) for row in ROWS]


@settings(max_examples=15)
@given(st.lists(st.integers(0, len(ROWS) - 1), max_size=40))
def test_if_rows_are_judged_together_then_each_is_judged_as_it_is_alone(places: list[int]) -> None:
    """If rows are judged in any company and order, then each gets bit for bit what it gets by itself."""
    together = _scoring()(batch_of([ROWS[place] for place in places]))
    assert together.num_rows == len(places)
    alone = pa.Table.from_batches([_alone()[place] for place in places], SCORED)
    assert pa.Table.from_batches([together]).combine_chunks().equals(alone.combine_chunks())


def test_if_the_full_judge_reads_then_neighbours_change_nothing_either() -> None:
    scoring = Scoring(Judge.load(), load(), shipped())
    some = [row for row in ROWS if len(row.text or "") < 200][:6]
    together = scoring(batch_of(some)).to_pylist()
    assert together == [scoring(batch_of([row])).to_pylist()[0] for row in some]
    assert any(row["score_constructive"] is not None for row in together)


def test_if_a_row_is_judged_then_it_says_what_the_judge_says() -> None:
    row = ROWS[2]
    (found,) = _scoring()(batch_of([row])).to_pylist()
    evidence = fast().evidence(row.text or "", expected=load().publication.languages)
    decision = decide(evidence, load(), calibrations=uncalibrated(FAST_ALONE))
    assert found["verdict"] == decision.verdict.value == "reject"
    assert found["reasons"] == [reason.rule for reason in decision.reasons]
    scores = {label: None if score is None else round(score, 4) for label, score in evidence.scores.items()}
    assert {label: found[f"score_{label}"] for label in scores} == pytest.approx(scores, abs=1e-7)
    assert found["score_relevance"] is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, "no-text"),
        ("", "no-text"),
        (" \u2800\n", "no-text"),
        ("x" * (LONGEST + 1), "too-long"),
        ("a\x00b", "not-text"),
    ],
)
def test_if_a_text_cannot_be_judged_then_it_has_a_fault_and_no_verdict(text: str | None, fault: str) -> None:
    bad, good, known = _scoring()(
        batch_of([Row(1, None, text), Row(2, None, SAID[0]), Row(3, 9, fault="not-csv")])
    ).to_pylist()
    assert (bad["fault"], bad["verdict"], bad["score_threat"]) == (fault, None, None)
    assert (good["fault"], good["verdict"]) == (None, "approve")
    assert (known["fault"], known["byte"]) == ("not-csv", 9)


def test_if_the_judge_fails_on_one_row_then_that_one_is_held_and_the_others_are_judged() -> None:
    class Fails(Judge):
        def evidence_of(self, texts, **given):  # type: ignore[no-untyped-def, override]
            if any("bridge" in text for text in texts):
                raise ClassifierUnavailable("It failed.")
            return super().evidence_of(texts, **given)

    kept = fast()
    failing = Fails.__new__(Fails)
    failing.__dict__.update(kept.__dict__)
    rows = batch_of([Row(i, None, text) for i, text in enumerate(SAID[:3], 1)])
    found = Scoring(failing, load(), uncalibrated(FAST_ALONE))(rows).to_pylist()
    sound = _scoring()(rows).to_pylist()
    assert found[:2] == sound[:2]
    assert found[2]["verdict"] == "hold"
    assert Hold.JUDGE_FAILED.value in found[2]["holds"]
    assert found[2]["score_threat"] is None


def test_if_places_are_not_asked_for_then_nothing_else_differs() -> None:
    texts = list(SAID)
    with_places = fast().evidence_of(texts)
    without = fast().evidence_of(texts, places=False)
    assert any(one.spans for one in with_places)
    for one, other in zip(with_places, without, strict=True):
        assert (one.scores, one.findings, one.language) == (other.scores, other.findings, other.language)
        assert other.spans == ()
