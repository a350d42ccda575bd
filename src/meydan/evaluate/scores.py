"""
One number for one question about a comment, from the judge's evidence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from meydan.comment import GROUNDS, RULE_LABELS, Evidence
from meydan.evaluate.judged import BATCH, Advance
from meydan.judge import classifier

MODELS: Final = classifier.SHIPPED.parent
"""Where the models that ship are, each a folder with a manifest."""

THRESHOLD: Final = 0.5
"""What counts as positive where no model says otherwise."""

HATE: Final = "hate"
TOXIC: Final = "toxic"
"""Labels of test sets that are no rule's own; a judge may offer a score of that name."""

LABELS: Final = (*RULE_LABELS, TOXIC, HATE)
"""Labels of a test set that the judge can be measured on."""


@runtime_checkable
class KnowsHatred(Protocol):
    """A judge that has a score for hatred of any group, which no rule asks for."""

    def hatred(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


def abuse_scores(
    judge: object, texts: Sequence[str], evidence: Sequence[Evidence], *, advance: Advance | None = None
) -> list[float]:
    """
    How surely each text is abuse of a group: by its evidence, or by what the judge knows of hatred besides.

    Args:
        judge: what gathered the evidence.
        advance: told of progress.
    """
    scores = np.array([abuse_score(one) for one in evidence], float)
    if isinstance(judge, KnowsHatred):
        scores = np.fmax(scores, _asked(judge.hatred, texts, advance))
    listed: list[float] = scores.tolist()
    return listed


@runtime_checkable
class KnowsOffence(Protocol):
    """A judge that has a score for offence of any kind, which no rule asks for."""

    def offence(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


def toxic_scores(
    judge: object, texts: Sequence[str], evidence: Sequence[Evidence], *, advance: Advance | None = None
) -> list[float]:
    """
    How surely each text offends in any way: by what the judge knows of offence as such, where it does, or by its evidence.

    The evidence of languages that are not scored is not overruled: such texts stay NaN.
    """
    scores = np.array([toxic_score(one) for one in evidence], float)
    if isinstance(judge, KnowsOffence):
        said = _asked(judge.offence, texts, advance)
        scores = np.where(np.isnan(scores) | np.isnan(said), scores, said)
    listed: list[float] = scores.tolist()
    return listed


def _asked(
    ask: Callable[[Sequence[str]], NDArray[np.float32]], texts: Sequence[str], advance: Advance | None
) -> NDArray[np.float64]:
    """What the judge answers on each text, asked in batches."""
    said = np.full(len(texts), np.nan)
    for begin in range(0, len(texts), BATCH):
        some = texts[begin : begin + BATCH]
        said[begin : begin + len(some)] = ask(some)
        if advance is not None:
            advance(len(some))
    return said


def abuse_score(evidence: Evidence) -> float:
    """
    How surely a comment is abuse of a people or a group: the largest score over the grounds of abuse.

    Where the judge offers a score for hatred as such, it counts too. NaN where nothing was measured.
    """
    return _largest(evidence, (*GROUNDS, HATE))


def toxic_score(evidence: Evidence) -> float:
    """How surely a comment breaches any rule on how people are spoken to; advertising is no such thing."""
    if evidence.scores.get(TOXIC) is not None:
        return _largest(evidence, (TOXIC,))
    return _largest(evidence, [label for label in RULE_LABELS if label != "promotion"])


def label_score(evidence: Evidence, label: str) -> float:
    """The score that a test set's label is compared with; NaN where it was not measured, or no such label is known."""
    if label == HATE:
        return abuse_score(evidence)
    return toxic_score(evidence) if label == TOXIC else _largest(evidence, (label,))


def abuse_threshold(models: Path = MODELS) -> float:
    """
    The abuse score from which a comment counts as hateful, chosen on development rows.

    A model's manifest names it as `thresholds.abuse`; the encoder's goes before the fast tier's.
    """
    for name in ("encoder", "fast"):
        path = models / name / "manifest.json"
        if path.exists():
            manifest: dict[str, Any] = json.loads(path.read_bytes())
            chosen = (manifest.get("thresholds") or {}).get("abuse")
            if isinstance(chosen, int | float) and 0 <= chosen <= 1:
                return float(chosen)
    return THRESHOLD


def abuse_thresholds(models: Path = MODELS) -> dict[str, float]:
    """The languages with a threshold of their own, where development rows were enough for one: `thresholds.abuse_in`."""
    path = models / "encoder" / "manifest.json"
    manifest: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    chosen = (manifest.get("thresholds") or {}).get("abuse_in") or {}
    return {str(language): float(begin) for language, begin in chosen.items()}


def counted(scores: Sequence[float]) -> tuple[NDArray[np.float64], int]:
    """Scores to measure with, and how many of them were not measured: those count as nothing found, 0."""
    values = np.asarray(scores, float)
    return np.nan_to_num(values, nan=0.0), int(np.isnan(values).sum())


def _largest(evidence: Evidence, labels: Sequence[str]) -> float:
    known = [score for label in labels if (score := evidence.scores.get(label)) is not None]
    return max(known, default=float("nan"))
