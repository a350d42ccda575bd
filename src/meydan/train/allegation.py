"""
Learn from which log-odds on the encoder reads a crime alleged of a named private person.

Such a comment breaches no rule and is held for a person, since the publisher answers for it. So the
line is drawn where few other comments would wait with it, on our own development rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meydan.comment import RULE_LABELS
from meydan.judge.encoder import ALLEGATION, Encoder
from meydan.judge.reading import as_written
from meydan.train.rows import Row

HELD_AT_MOST: Final = 0.04
"""The share of innocent rows without an allegation that may wait for it; among development rows these are its twins."""

LEAST: Final = 25
"""Development rows with an allegation below which nothing is learned."""


def learn(rows: Sequence[Row], odds: NDArray[np.float32]) -> dict[str, Any] | None:
    """
    Draw the line.

    Args:
        rows: development rows with the label "allegation".
        odds: float32 (n,), the encoder's log-odds of it.

    Returns:
        `from`, and what it rests on: numbers of rows, and the shares found and falsely held, in all and by language.
        None where there are too few.
    """
    alleging = np.array([row.labels[ALLEGATION] >= 0.5 for row in rows])
    innocent = ~alleging & np.array([not _breaches(row) for row in rows])
    if alleging.sum() < LEAST or not innocent.any():
        return None
    ordered = np.sort(odds[innocent])
    begin = float(ordered[-1 - int(HELD_AT_MOST * len(ordered))]) + 1e-4
    found = odds >= begin
    languages = np.array([row.language for row in rows])
    return {
        "from": round(begin, 4),
        "rows": [int(alleging.sum()), int(innocent.sum())],
        "found": round(float(found[alleging].mean()), 3),
        "falsely_held": round(float(found[innocent].mean()), 4),
        "by_language": {
            language: [
                int((alleging & (languages == language)).sum()),
                int((found & alleging & (languages == language)).sum()),
            ]
            for language in sorted(set(languages.tolist()))
        },
    }


def learn_from(encoder: Encoder, rows: Sequence[Row]) -> dict[str, Any] | None:
    """Learn from those of our own development rows that say whether a crime is alleged, as this encoder reads them."""
    known = [row for row in rows if ALLEGATION in row.labels]
    if not known:
        return None
    odds = encoder.read([as_written(row.text) for row in known]).odds
    return learn(known, odds[:, encoder.labels.index(ALLEGATION)])


def _breaches(row: Row) -> bool:
    return any(row.labels.get(label, 0.0) >= 0.5 for label in RULE_LABELS)
