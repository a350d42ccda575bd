"""
What the judge does on development rows: by language and label, by verdict, and what a probability is worth.

Rows of the collections and rows that we wrote ourselves are kept apart: the same hands
that wrote the second wrote what the judge learned from. Measures; writes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from meydan.comment import LANGUAGES, RULE_LABELS, Verdict
from meydan.evaluate.calibrate import label_truth
from meydan.evaluate.figures import share
from meydan.evaluate.judged import Judging, Outcome, judge_all
from meydan.evaluate.measure import SILENT, Progress
from meydan.evaluate.metrics import Interval, auc_and_precision
from meydan.evaluate.rows import Row, read_rows
from meydan.evaluate.scores import HATE, LABELS, TOXIC, abuse_scores, counted, label_score, toxic_scores
from meydan.judge import Calibrations
from meydan.policy import Guidelines

COLLECTED: Final = "collected"
SELF_WRITTEN: Final = "self-written"
"""Whose rows they are: other people's collections, or this project's."""

ASSUMED: Final = 0.25
"""The share of violations that the judge's probabilities assume, as train/blend has it."""

BINS: Final = 10

Scores = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class LabelFigures:
    """One label, one language, one origin. `unscored` rows were not measured and count as nothing found."""

    language: str
    origin: str
    label: str
    violations: int
    others: int
    unscored: int
    auc: Interval
    precision: Interval


@dataclass(frozen=True, slots=True)
class VerdictFigures:
    """What became of rows of one kind, violations or innocent ones, of one language and origin; shares of `rows`."""

    language: str
    origin: str
    violations: bool
    rows: int
    approved: Interval
    held: Interval
    rejected: Interval


@dataclass(frozen=True, slots=True)
class Bin:
    """A tenth of the scale: how many rows, their mean score, and the share of violations among them."""

    rows: int
    said: float
    seen: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """One label in all languages, tenth by tenth; None where a tenth has no row."""

    label: str
    violations: int
    rows: int
    bins: tuple[Bin | None, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `left_out` rows were not measured, since a model may have been trained on them."""

    rows: int
    left_out: int
    labels: tuple[LabelFigures, ...]
    verdicts: tuple[VerdictFigures, ...]
    reliability: tuple[Reliability, ...]


def read_dev(data: Path, own: Path, learned: Sequence[Mapping[str, str]] = ()) -> tuple[list[Row], int]:
    """
    The development rows of a data folder and of a folder of our own rows, in the languages that Meydan knows.

    `source` of the second is SELF_WRITTEN.

    Args:
        learned: for each model, the digests of the files that it learned from, by name. A file of our own
            that is another now is left out: its rows may have been on the other side of the split then.

    Returns:
        The rows, and how many were left out.

    Raises:
        Malformed: a file cannot be read, or a line is not a labelled row.
    """
    rows = read_rows(data / "dev.jsonl.gz", keep=lambda entry: entry["lang"] in LANGUAGES)
    left_out = 0
    for path in sorted(own.glob("*.jsonl")):
        here = read_rows(path, keep=lambda entry: entry["split"] == "dev" and entry["lang"] in LANGUAGES)
        if not as_learned(path, learned):
            left_out += len(here)
            continue
        for row in here:
            # What has no group of its own is numbered by its file, and every file has a first row.
            group = f"{path.stem} {row.group}" if row.group.startswith("row ") else row.group
            rows.append(replace(row, source=SELF_WRITTEN, group=group))
    return rows, left_out


def as_learned(path: Path, learned: Sequence[Mapping[str, str]]) -> bool:
    """Whether no model learned another state of a file; what a model never saw, it does not know."""
    digest = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    return all(files.get(path.name, digest) == digest for files in learned)


def measure_dev(
    judge: Judging,
    guidelines: Guidelines,
    rows: Sequence[Row],
    *,
    calibrations: Calibrations | None = None,
    left_out: int = 0,
    progress: Progress = SILENT,
) -> Report:
    """
    Judge development rows as `meydan check` would, and count.

    `toxic` is measured by what the judge knows of offence as such, `hate` as on HateCheck.

    Args:
        calibrations: what bounds the machine's error; None: the shipped ones.
        left_out: rows that `read_dev` left out.
    """
    texts = [row.text for row in rows]
    with progress("Judging development rows", len(rows)) as advance:
        outcomes = judge_all(judge, guidelines, texts, calibrations=calibrations, advance=advance)
    evidence = [outcome.evidence for outcome in outcomes]
    scores: dict[str, list[float]] = {
        label: [label_score(one, label) for one in evidence] for label in LABELS if label not in (HATE, TOXIC)
    }
    with progress("Asking for offence", len(rows)) as advance:
        scores[TOXIC] = toxic_scores(judge, texts, evidence, advance=advance)
    asked = [i for i, row in enumerate(rows) if HATE in row.labels]
    scores[HATE] = [float("nan")] * len(rows)
    with progress("Asking for hatred", len(asked)) as advance:
        hatred = abuse_scores(judge, [texts[i] for i in asked], [evidence[i] for i in asked], advance=advance)
    for i, score in zip(asked, hatred, strict=True):
        scores[HATE][i] = score
    with progress("Counting", len(rows)):
        return replace(report_of(rows, scores, outcomes, guidelines), left_out=left_out)


def report_of(
    rows: Sequence[Row], scores: Scores, outcomes: Sequence[Outcome], guidelines: Guidelines
) -> Report:
    """The figures of rows that are judged: `scores` by label, NaN where not measured, and `outcomes`, in their order."""
    parts: dict[tuple[str, str], list[int]] = {}
    for i, row in enumerate(rows):
        parts.setdefault((row.lang, _origin(row)), []).append(i)
    ordered = sorted(parts.items(), key=lambda item: (LANGUAGES.index(item[0][0]), item[0][1]))
    labels = [
        _label(label, language, origin, [rows[i] for i in here], [values[i] for i in here])
        for (language, origin), here in ordered
        for label, values in scores.items()
    ]
    verdicts = [
        _verdicts(language, origin, rows, outcomes, here, guidelines, violations=violations)
        for (language, origin), here in ordered
        for violations in (True, False)
    ]
    reliability = [reliability_of(label, rows, scores[label]) for label in RULE_LABELS]
    return Report(
        rows=len(rows),
        left_out=0,
        labels=tuple(one for one in labels if one is not None),
        verdicts=tuple(one for one in verdicts if one is not None),
        reliability=tuple(one for one in reliability if one is not None),
    )


def reliability_of(label: str, rows: Sequence[Row], values: Sequence[float]) -> Reliability | None:
    """
    Of the rows scored about so much, how many breach the label; None where no language has both kinds of rows.

    Rows are weighted so that in every language violations make up ASSUMED of them, as the
    probabilities assume: the collections' own shares are those of their collectors.
    """
    known = [
        i for i, row in enumerate(rows) if label in row.labels and not np.isnan(values[i])
    ]  # what was not measured has no probability
    truth = np.array([rows[i].labels[label] >= 0.5 for i in known], bool)
    languages = np.array([rows[i].lang for i in known], str)
    weight = np.zeros(len(known))
    for language in set(languages.tolist()):
        here = languages == language
        bad, good = here & truth, here & ~truth
        if bad.any() and good.any():
            weight[bad] = ASSUMED * here.sum() / bad.sum()
            weight[good] = (1 - ASSUMED) * here.sum() / good.sum()
    if not weight.any():
        return None
    score = np.array([values[i] for i in known], float)
    place = np.minimum((score * BINS).astype(int), BINS - 1)
    bins: list[Bin | None] = []
    for tenth in range(BINS):
        here = (place == tenth) & (weight > 0)
        total = float(weight[here].sum())
        bins.append(
            Bin(
                int(here.sum()),
                float((weight * score)[here].sum()) / total,
                float((weight * truth)[here].sum()) / total,
            )
            if total
            else None
        )
    return Reliability(label, int(truth[weight > 0].sum()), int((weight > 0).sum()), tuple(bins))


def _label(
    label: str, language: str, origin: str, rows: Sequence[Row], values: Sequence[float]
) -> LabelFigures | None:
    known = [i for i, row in enumerate(rows) if label in row.labels]
    if not known:
        return None
    truth = np.array([rows[i].labels[label] >= 0.5 for i in known], bool)
    score, unscored = counted([values[i] for i in known])
    auc, precision = auc_and_precision(truth, score, groups=[rows[i].group for i in known])
    return LabelFigures(
        language, origin, label, int(truth.sum()), int((~truth).sum()), unscored, auc, precision
    )


def _verdicts(
    language: str,
    origin: str,
    rows: Sequence[Row],
    outcomes: Sequence[Outcome],
    here: Sequence[int],
    guidelines: Guidelines,
    *,
    violations: bool,
) -> VerdictFigures | None:
    some = [i for i in here if _is_violation(rows[i], guidelines) is violations]
    if not some:
        return None
    groups = [rows[i].group for i in some]

    def part(verdict: Verdict) -> Interval:
        return share([outcomes[i].verdict is verdict for i in some], groups)

    return VerdictFigures(
        language,
        origin,
        violations,
        len(some),
        part(Verdict.APPROVE),
        part(Verdict.HOLD),
        part(Verdict.REJECT),
    )


def _is_violation(row: Row, guidelines: Guidelines) -> bool | None:
    """Whether a row breaches a rule; None where that is unknown: what raters called toxic, no guideline may forbid."""
    if any(row.labels.get(label, 0.0) >= 0.5 for label in RULE_LABELS):
        return True
    return False if label_truth(row.labels, guidelines) is False else None


def _origin(row: Row) -> str:
    return SELF_WRITTEN if row.source == SELF_WRITTEN else COLLECTED
