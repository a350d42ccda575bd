"""
What a classifier does on labelled rows, label by label, with intervals.

Measures; judges nothing and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from meydan.comment import RULE_LABELS
from meydan.evaluate.labelled import Labelled
from meydan.evaluate.metrics import (
    Interval,
    auc,
    average_precision,
    bootstrap,
    macro_f1,
    recall_at_fpr,
    share_from,
)


class Scoring(Protocol):
    """What can be measured; judge.classifier.Classifier is one."""

    labels: tuple[str, ...]
    aux: tuple[str, ...]

    def score_all(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """
    One label on one set of rows. The intervals are NaN where a class is missing.

    `within` is the mean AUC over the sources that hold at least ten of each class:
    the pooled AUC flatters a model that merely tells the sources apart.
    """

    label: str
    positives: int
    negatives: int
    auc: Interval
    within: float
    precision: Interval
    recall: Interval
    macro_f1: Interval
    found_from_hold: float
    found_from_reject: float
    wrong_from_hold: float
    wrong_from_reject: float


@dataclass(frozen=True, slots=True)
class Report:
    """
    Figures for every label, and for the comment as a whole.

    `clean` rows carry every group-hate, attack and swearing label as 0; `clean_held` and
    `clean_rejected` are the shares of them on which any rule label reaches the
    thresholds. `violations` carry at least one rule label; `caught` is the share of
    them on which any rule label reaches `hold_from`, `rejected` `reject_from`.
    """

    rows: int
    labels: tuple[LabelFigures, ...]
    clean: int
    clean_held: Interval
    clean_rejected: Interval
    violations: int
    caught: Interval
    rejected: Interval


CLEAN_MEANS = tuple(label for label in RULE_LABELS if label not in ("promotion", "vulgarity"))


def classifier_report(
    classifier: Scoring,
    folded: Sequence[str],
    rows: Labelled,
    *,
    hold_from: float = 0.30,
    reject_from: float = 0.90,
    seed: int = 0,
) -> Report:
    """
    Measure a classifier.

    Args:
        folded: the texts of `rows`, folded for judging, in the same order.
        hold_from, reject_from: the thresholds at which shares are given; the
            defaults are those of the shipped guidelines.
    """
    scores = classifier.score_all(folded)
    figures = [
        _figures(label, scores[:, column], rows, hold_from, reject_from, seed)
        for column, label in enumerate((*classifier.labels, *classifier.aux))
        if label in rows.values and not np.isnan(scores[:, column]).any()
    ]
    rule_scores = scores[:, : len(classifier.labels)]
    worst = np.nan_to_num(rule_scores, nan=0.0).max(axis=1, initial=0.0)
    known = [rows.values[label] for label in CLEAN_MEANS if label in rows.values]
    everything = len(known) == len(CLEAN_MEANS)
    clean = np.all([values < 0.5 for values in known], axis=0) if everything else np.zeros(len(rows), bool)
    bad = np.any([rows.values[label] >= 0.5 for label in RULE_LABELS if label in rows.values], axis=0)
    bad = np.broadcast_to(bad, (len(rows),))
    clean = clean & ~bad

    def share(chosen: NDArray[np.bool_], threshold: float) -> Interval:
        return bootstrap(
            partial(share_from, threshold=threshold),
            chosen[chosen],
            worst[chosen],
            groups=rows.groups[chosen].tolist(),
            seed=seed,
        )

    return Report(
        rows=len(rows),
        labels=tuple(figures),
        clean=int(clean.sum()),
        clean_held=share(clean, hold_from),
        clean_rejected=share(clean, reject_from),
        violations=int(bad.sum()),
        caught=share(bad, hold_from),
        rejected=share(bad, reject_from),
    )


def _figures(
    label: str,
    score: NDArray[np.float32],
    rows: Labelled,
    hold_from: float,
    reject_from: float,
    seed: int,
) -> LabelFigures:
    known = ~np.isnan(rows.values[label])
    positive = rows.values[label][known] >= 0.5
    score, sources, groups = score[known], rows.sources[known], rows.groups[known].tolist()
    within = [
        auc(positive[here], score[here])
        for here in (sources == source for source in np.unique(sources))
        if positive[here].sum() >= 10 and (~positive[here]).sum() >= 10
    ]
    measure = partial(bootstrap, positive=positive, score=score, groups=groups, seed=seed)
    return LabelFigures(
        label=label,
        positives=int(positive.sum()),
        negatives=int((~positive).sum()),
        auc=measure(auc),
        within=float(np.mean(within)) if within else float("nan"),
        precision=measure(average_precision),
        recall=measure(recall_at_fpr),
        macro_f1=measure(macro_f1),
        found_from_hold=share_from(positive, score, threshold=hold_from),
        found_from_reject=share_from(positive, score, threshold=reject_from),
        wrong_from_hold=share_from(~positive, score, threshold=hold_from),
        wrong_from_reject=share_from(~positive, score, threshold=reject_from),
    )
