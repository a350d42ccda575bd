"""
Judging a batch of rows: the whole of what an engine computes.

Pure: one Arrow batch in, one with as many rows out, in the same order. No row's verdict or score depends on the rows
beside it, so it does not matter how an archive is cut or who judges which piece. A row that cannot be judged has a
fault and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from meydan.bulk.rows import ROWS
from meydan.comment import RULE_LABELS, WELCOME_LABELS, Decision, Evidence, Finding, Hold, Story
from meydan.errors import ClassifierUnavailable
from meydan.judge import Calibrations, Judge, decide
from meydan.judge.judge import LONGEST
from meydan.policy import Guidelines
from meydan.text.exact import is_blank

DECIMALS: Final = 4
"""
Decimals of a score, as the judge's answers have them everywhere. Verdicts go by the score before it is rounded.
"""

LABELS: Final = (*RULE_LABELS, *WELCOME_LABELS)

SCORED: Final = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("id", pa.string()),
        pa.field("verdict", pa.string()),
        pa.field("reasons", pa.list_(pa.string())),
        pa.field("holds", pa.list_(pa.string())),
        pa.field("language", pa.string()),
        pa.field("language_score", pa.float32()),
        *(pa.field(f"score_{label}", pa.float32()) for label in LABELS),
        pa.field("byte", pa.int64()),
        pa.field("fault", pa.string()),
    ]
)
"""
What becomes of rows. `reasons` are the breached rules, with the ground behind a colon where there is one; a score is
null where the label was not measured; `fault` is null where the row was judged.
"""

_TOGETHER: Final = 256
"""Rows whose evidence is in memory at once."""


class Scoring:
    """A judge, the guidelines and what bounds its error: a function of one batch."""

    def __init__(self, judge: Judge, guidelines: Guidelines, calibrations: Calibrations) -> None:
        self._judge = judge
        self._guidelines = guidelines
        self._calibrations = calibrations

    def __call__(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """
        Judge rows.

        Args:
            rows: n rows with the schema ROWS; n may be 0.

        Returns:
            n rows with the schema SCORED: row i is what became of rows[i].
        """
        if rows.schema != ROWS:
            raise ValueError("These are no rows as they are read.")
        texts = rows.column("text").to_pylist()
        faults = [
            fault or _fault_of(text)
            for fault, text in zip(rows.column("fault").to_pylist(), texts, strict=True)
        ]
        made = _Made(faults)
        beside = [rows.column(name).to_pylist() for name in ("language", "title", "story")]
        for begin in range(0, len(texts), _TOGETHER):
            # What is claimed of several comments at once is asked for at once; it changes no score.
            alike: dict[tuple[str | None, ...], list[int]] = {}
            for i in range(begin, min(begin + _TOGETHER, len(texts))):
                if faults[i] is None:
                    alike.setdefault(tuple(column[i] for column in beside), []).append(i)
            for (language, title, story), places in alike.items():
                found = self._evidence([texts[i] for i in places], language, _story_of(title, story))
                for i, evidence in zip(places, found, strict=True):
                    decision = decide(evidence, self._guidelines, calibrations=self._calibrations)
                    made.put(i, evidence, decision)
        return made.batch(rows)

    def _evidence(self, texts: Sequence[str], language: str | None, story: Story | None) -> list[Evidence]:
        expected = self._guidelines.publication.languages
        try:
            return self._judge.evidence_of(
                texts, language=language, story=story, expected=expected, places=False
            )
        except ClassifierUnavailable:
            if len(texts) == 1:
                # Whatever it is about this one, a person has to look at it; the others are judged.
                return [_FAILED]
            return [self._evidence([text], language, story)[0] for text in texts]


_FAILED: Final = Evidence(findings=(Finding("judge-failed", "the judge failed", hold=Hold.JUDGE_FAILED),))


class _Made:
    """The columns as they are filled."""

    def __init__(self, faults: list[str | None]) -> None:
        n = len(faults)
        self._faults = faults
        self._verdicts: list[str | None] = [None] * n
        self._reasons: list[list[str] | None] = [None] * n
        self._holds: list[list[str] | None] = [None] * n
        self._languages: list[str | None] = [None] * n
        self._sure = np.full(n, np.nan)
        self._scores = np.full((len(LABELS), n), np.nan)

    def put(self, at: int, evidence: Evidence, decision: Decision) -> None:
        self._verdicts[at] = decision.verdict.value
        self._reasons[at] = [
            reason.rule if reason.ground is None else f"{reason.rule}:{reason.ground}"
            for reason in decision.reasons
        ]
        self._holds[at] = [hold.value for hold in decision.holds]
        self._languages[at] = evidence.language
        self._sure[at] = evidence.language_score
        scores = evidence.scores
        self._scores[:, at] = [
            np.nan if (score := scores.get(label)) is None else round(score, DECIMALS) for label in LABELS
        ]

    def batch(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        def numbers(values: Any) -> pa.Array:
            return pa.array(values.astype(np.float32), pa.float32(), from_pandas=True)

        columns = [
            rows.column("row"),
            rows.column("id"),
            pa.array(self._verdicts, pa.string()),
            pa.array(self._reasons, pa.list_(pa.string())),
            pa.array(self._holds, pa.list_(pa.string())),
            pa.array(self._languages, pa.string()),
            numbers(self._sure),
            *(numbers(column) for column in self._scores),
            rows.column("byte"),
            pa.array(self._faults, pa.string()),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SCORED)


def _fault_of(text: str | None) -> str | None:
    """Why a text cannot be judged; None where it can."""
    if text is None or is_blank(text):
        return "no-text"
    if len(text) > LONGEST:
        return "too-long"
    return "not-text" if "\x00" in text else None


def _story_of(title: str | None, text: str | None) -> Story | None:
    return Story(0, "", title=title, text=text) if title else None
