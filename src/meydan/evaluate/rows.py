"""
Figures on any labelled rows: how well each label's score tells its rows apart.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meydan.errors import Malformed
from meydan.evaluate.figures import share
from meydan.evaluate.labelled import known_labels, read_entries
from meydan.evaluate.metrics import (
    Interval,
    Metric,
    Scores,
    Truth,
    auc,
    average_precision,
    bootstrap,
    macro_f1,
    recall_at_fpr,
)
from meydan.evaluate.scores import counted

FEWEST: Final = 20
"""Innocent rows that name an identity, below which nothing is said about it."""

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Row:
    """
    One labelled text. A label that is absent is unknown; a value is a share of raters.

    `kind` is a test suite's name for what the row tries, "" where it has none.
    """

    text: str
    lang: str
    labels: Mapping[str, float]
    group: str
    kind: str = ""
    source: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PartFigures:
    """
    One label on one part of the rows: all of them, a language's or a functionality's.

    `right` is the share on the right side of the threshold; it is there where a class is
    missing and the others are NaN. `unscored` rows were not measured and count as 0.
    """

    label: str
    by: str
    part: str
    positives: int
    negatives: int
    unscored: int
    auc: Interval
    average_precision: Interval
    macro_f1: Interval
    recall: Interval
    right: Interval


@dataclass(frozen=True, slots=True)
class IdentityFigures:
    """How often innocent sentences of one template are flagged when they name an identity, and how far from the mean."""

    identity: str
    innocent: int
    flagged: Interval
    against_mean: float


def read_rows(path: Path, *, keep: Callable[[Mapping[str, Any]], bool] | None = None) -> list[Row]:
    """
    Read labelled rows, *.jsonl or *.jsonl.gz; `keep` says which.

    Raises:
        Malformed: the file cannot be read, or a line is not a labelled row.
    """
    rows: list[Row] = []
    number = 0
    try:
        for number, entry in enumerate(read_entries(path), 1):
            if keep is None or keep(entry):
                rows.append(_row_of(entry, number))
    except OSError as error:
        raise Malformed(f"{path.name} cannot be read ({type(error).__name__}).", fields=("file",)) from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise Malformed(
            f"{path.name}: row {number or 1} is not a labelled row, an object with text and labels.",
            fields=("file",),
        ) from error
    return rows


def row_figures(
    rows: Sequence[Row],
    scores: Mapping[str, Sequence[float]],
    *,
    threshold: float,
    seed: int = 0,
) -> tuple[PartFigures, ...]:
    """
    Figures of each label that has scores: on all rows that know it, by language, by functionality.

    Args:
        scores: by label, one for each row; NaN where it was not measured.
        threshold: from which a score counts as positive.
    """
    languages = [row.lang for row in rows]
    kinds = [row.kind for row in rows]
    found = []
    for label, values in scores.items():
        truth = np.array([row.labels.get(label, np.nan) for row in rows], float)
        for by, parts in (("all", ["all"] * len(rows)), ("language", languages), ("functionality", kinds)):
            names = sorted({part for part in parts if part})
            if by == "language" and len(names) < 2:
                continue
            for name in names:
                here = np.flatnonzero([part == name for part in parts] & ~np.isnan(truth)).tolist()
                if here:
                    found.append(
                        _part(label, by, name, truth[here] >= 0.5, [values[i] for i in here],
                              [rows[i].group for i in here], threshold, seed)
                    )  # fmt: skip
    return tuple(found)


def identity_figures(
    rows: Sequence[Row], values: Sequence[float], label: str, *, threshold: float, seed: int = 0
) -> tuple[IdentityFigures, ...]:
    """
    False alarms by the identity that a template was filled with, the most alarming first.

    Empty where the rows are no templates. The identity is `meta.identity` where the rows have
    it; else every word by which sentences of one `meta.template` differ counts as one.
    """
    scored, _ = counted(values)
    named = identities_of(rows)
    innocent = [
        (named[i], bool(scored[i] >= threshold), row.group)
        for i, row in enumerate(rows)
        if row.labels.get(label, 1.0) < 0.5 and named[i]
    ]
    if not innocent:
        return ()
    mean = sum(flagged for _, flagged, _ in innocent) / len(innocent)
    by_name: dict[str, list[tuple[bool, str]]] = {}
    for names, flagged, group in innocent:
        for name in names:
            by_name.setdefault(name, []).append((flagged, group))
    found = []
    for name, some in by_name.items():
        if len(some) >= FEWEST:
            rate = share([flagged for flagged, _ in some], [group for _, group in some], seed=seed)
            found.append(IdentityFigures(name, len(some), rate, rate.value - mean))
    return tuple(sorted(found, key=lambda one: (-one.flagged.value, one.identity)))


def identities_of(rows: Sequence[Row]) -> list[frozenset[str]]:
    """What each row's template was filled with, in small letters; empty for a row without a template."""
    words = [frozenset(_WORD.findall(row.text.lower())) for row in rows]
    templates: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        if row.meta.get("template") is not None:
            templates.setdefault(str(row.meta["template"]), []).append(i)
    found: list[frozenset[str]] = [frozenset()] * len(rows)
    for template, places in templates.items():
        times = Counter(word for i in places for word in words[i])
        own = set(_WORD.findall(template.lower()))
        for i in places:
            differing = {word for word in words[i] if len(places) > 1 and times[word] < len(places)}
            found[i] = frozenset(words[i] - own if own & words[i] else differing)
    for i, row in enumerate(rows):
        if row.meta.get("identity"):
            found[i] = frozenset({str(row.meta["identity"]).lower()})
    return found


def _part(
    label: str,
    by: str,
    name: str,
    positive: Truth,
    values: Sequence[float],
    groups: Sequence[str],
    threshold: float,
    seed: int,
) -> PartFigures:
    score, unscored = counted(values)

    def measured(metric: Metric) -> Interval:
        return bootstrap(metric, positive, score, groups=groups, seed=seed)

    return PartFigures(
        label=label,
        by=by,
        part=name,
        positives=int(positive.sum()),
        negatives=int((~positive).sum()),
        unscored=unscored,
        auc=measured(auc),
        average_precision=measured(average_precision),
        macro_f1=measured(partial(macro_f1, threshold=threshold)),
        recall=measured(recall_at_fpr),
        right=share(right_of(positive, score, threshold).tolist(), groups, seed=seed),
    )


def right_of(positive: Truth, score: Scores, threshold: float) -> NDArray[np.bool_]:
    """Which rows are on the right side of the threshold."""
    right: NDArray[np.bool_] = (score >= threshold) == positive
    return right


def _row_of(entry: Mapping[str, Any], number: int) -> Row:
    meta = entry.get("meta") or {}
    text = entry["text"]
    if not isinstance(text, str):
        raise TypeError("text")
    return Row(
        text=html.unescape(text),
        lang=str(entry.get("lang", "")),
        labels={name: float(value) for name, value in known_labels(entry).items() if value is not None},
        group=str(meta.get("template") or entry.get("group") or f"row {number}"),
        kind=str(meta.get("functionality") or ""),
        source=str(entry.get("source", "")),
        meta=meta,
    )
