"""
The three measurements, from rows to figures: the newsroom suite, HateCheck, any labelled rows.

Each judges with what it is given, takes peers along on the very same rows, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from meydan.comment import RULE_LABELS, Verdict
from meydan.evaluate.figures import plain, share
from meydan.evaluate.hatecheck import HateCheck, hatecheck_figures
from meydan.evaluate.judged import BATCH, Advance, Judging, Outcome, judge_all
from meydan.evaluate.metrics import Interval
from meydan.evaluate.newsroom import ALL, Newsroom, mistakes, newsroom_figures
from meydan.evaluate.peers import FLAGGED_FROM, Peer
from meydan.evaluate.rows import IdentityFigures, PartFigures, Row, identity_figures, row_figures
from meydan.evaluate.scores import HATE, LABELS, TOXIC, abuse_scores, label_score, toxic_scores
from meydan.evaluate.suite import Case
from meydan.judge import Calibrations
from meydan.policy import Guidelines

Progress = Callable[[str, int], AbstractContextManager[Advance | None]]
"""Asked for what is done and how many comments it is about; gives what is told of progress."""

SILENT: Final[Progress] = lambda what, number: nullcontext(None)  # noqa: E731


@dataclass(frozen=True, slots=True)
class PeerNewsroom:
    """What a peer flags of one language's cases, or of all; a peer knows neither rules nor holding."""

    peer: str
    version: str
    speaks: str
    language: str
    innocent_flagged: Interval
    violations_flagged: Interval


@dataclass(frozen=True, slots=True)
class PeerHateCheck:
    """A peer on HateCheck."""

    peer: str
    version: str
    speaks: str
    figures: tuple[HateCheck, ...]


@dataclass(frozen=True, slots=True)
class PeerRows:
    """A peer on labelled rows: one score for every label."""

    peer: str
    version: str
    speaks: str
    figures: tuple[PartFigures, ...]


@dataclass(frozen=True, slots=True)
class NewsroomRun:
    """The newsroom suite, measured. `likely` is each case's largest score over the rules' labels, NaN if unmeasured."""

    model: str
    guidelines: str
    cases: tuple[Case, ...]
    outcomes: tuple[Outcome, ...]
    figures: Newsroom
    likely: tuple[float, ...]
    peers: tuple[PeerNewsroom, ...]

    def answer(self) -> dict[str, Any]:
        """The figures as programs get them."""
        return {
            "set": "newsroom",
            "model": self.model,
            "guidelines": self.guidelines,
            "calibrations": sorted(
                {one.decision.calibration for one in self.outcomes if one.decision.calibration is not None}
            ),
            "cases": len(self.cases),
            **plain(self.figures),
            "mistakes": [
                {
                    "id": case.id,
                    "expect": case.expect.value,
                    "verdict": outcome.verdict.value,
                    "rules": [reason.rule for reason in outcome.decision.reasons],
                }
                for case, outcome in mistakes(self.cases, self.outcomes)
            ],
            "peers": plain(self.peers),
        }


@dataclass(frozen=True, slots=True)
class HateCheckRun:
    """HateCheck, measured."""

    model: str
    rows: tuple[Row, ...]
    scores: tuple[float, ...]
    threshold: float
    figures: tuple[HateCheck, ...]
    peers: tuple[PeerHateCheck, ...]

    def answer(self) -> dict[str, Any]:
        """The figures as programs get them."""
        return {
            "set": "hatecheck",
            "model": self.model,
            "threshold": self.threshold,
            "languages": plain(self.figures),
            "peers": plain(self.peers),
        }

    def logged(self) -> dict[str, Any]:
        """What the log of test runs keeps."""
        return {
            one.language: {
                "threshold": one.threshold,
                "cases": one.cases,
                "unscored": one.unscored,
                "accuracy": one.accuracy,
                "hateful_right": one.hateful_right,
                "not_hateful_right": one.not_hateful_right,
                "macro_f1": one.macro_f1,
                "auc": one.auc,
                "functionalities": one.functionalities,
                "peers": {
                    f"{peer.peer} {peer.version}": {"macro_f1": figures.macro_f1, "auc": figures.auc}
                    for peer in self.peers
                    for figures in peer.figures
                    if figures.language == one.language
                },
            }
            for one in self.figures
        }


@dataclass(frozen=True, slots=True)
class RowsRun:
    """Labelled rows, measured. `skipped` are labels of the rows that the judge has no score for."""

    name: str
    model: str
    rows: tuple[Row, ...]
    scores: Mapping[str, Sequence[float]]
    skipped: tuple[str, ...]
    threshold: float
    figures: tuple[PartFigures, ...]
    identities: Mapping[str, tuple[IdentityFigures, ...]]
    peers: tuple[PeerRows, ...]

    def answer(self) -> dict[str, Any]:
        """The figures as programs get them."""
        return {
            "set": self.name,
            "model": self.model,
            "rows": len(self.rows),
            "threshold": self.threshold,
            "skipped": list(self.skipped),
            "figures": plain(self.figures),
            "identities": plain(self.identities),
            "peers": plain(self.peers),
        }

    def logged(self) -> dict[str, Any]:
        """What the log of test runs keeps."""
        return {
            one.label: {
                "rows": one.positives + one.negatives,
                "positives": one.positives,
                "unscored": one.unscored,
                "threshold": self.threshold,
                "auc": one.auc,
                "average_precision": one.average_precision,
                "macro_f1": one.macro_f1,
                "recall": one.recall,
                "right": one.right,
                "parts": [part for part in self.figures if part.label == one.label and part.by != "all"],
                "identities": self.identities.get(one.label, ()),
                "peers": {
                    f"{peer.peer} {peer.version}": {"macro_f1": figures.macro_f1, "auc": figures.auc}
                    for peer in self.peers
                    for figures in peer.figures
                    if (figures.label, figures.by) == (one.label, "all")
                },
            }
            for one in self.figures
            if one.by == "all"
        }


def measure_newsroom(
    judge: Judging,
    guidelines: Guidelines,
    cases: Sequence[Case],
    *,
    calibrations: Calibrations | None = None,
    peers: Sequence[Peer] = (),
    progress: Progress = SILENT,
) -> NewsroomRun:
    """Judge every case as `meydan check` would with these calibrations (None: the shipped ones), and count."""
    texts = [case.text for case in cases]
    with progress("Judging", len(cases)) as advance:
        outcomes = judge_all(
            judge,
            guidelines,
            texts,
            stories=[case.story for case in cases],
            calibrations=calibrations,
            advance=advance,
        )
    found: list[PeerNewsroom] = []
    for peer in peers:
        flagged = [score >= FLAGGED_FROM for score in _peer_scores(peer, texts, progress)]
        languages = tuple(dict.fromkeys(case.lang for case in cases))
        found += [
            _peer_newsroom(peer, language, cases, flagged)
            for language in (*languages, *([ALL] if len(languages) > 1 else []))
        ]
    with progress("Counting", len(cases)):
        figures = newsroom_figures(cases, outcomes)
    return NewsroomRun(
        model=judge.model,
        guidelines=guidelines.digest,
        cases=tuple(cases),
        outcomes=tuple(outcomes),
        figures=figures,
        likely=tuple(_likely(outcome) for outcome in outcomes),
        peers=tuple(found),
    )


def measure_hatecheck(
    judge: Judging,
    guidelines: Guidelines,
    rows: Sequence[Row],
    *,
    threshold: float,
    by_language: Mapping[str, float] = MappingProxyType({}),
    peers: Sequence[Peer] = (),
    progress: Progress = SILENT,
) -> HateCheckRun:
    """Score every row by the abuse criterion, and count; `by_language` as in `hatecheck_figures`."""
    texts = [row.text for row in rows]
    with progress("Judging", len(rows)) as advance:
        outcomes = judge_all(judge, guidelines, texts, advance=advance)
    with progress("Asking for hatred", len(rows)) as advance:
        scores = abuse_scores(judge, texts, [outcome.evidence for outcome in outcomes], advance=advance)
    found = [
        PeerHateCheck(
            peer.name,
            peer.version,
            peer.speaks,
            hatecheck_figures(rows, _peer_scores(peer, texts, progress), threshold=FLAGGED_FROM),
        )
        for peer in peers
    ]
    with progress("Counting", len(rows)):
        spoken = [outcome.evidence.language for outcome in outcomes]
        figures = hatecheck_figures(
            rows, scores, threshold=threshold, by_language=by_language, recognised=spoken
        )
    return HateCheckRun(judge.model, tuple(rows), tuple(scores), threshold, figures, tuple(found))


def measure_rows(
    judge: Judging,
    guidelines: Guidelines,
    rows: Sequence[Row],
    *,
    name: str,
    threshold: float,
    labels: Sequence[str] = (),
    peers: Sequence[Peer] = (),
    progress: Progress = SILENT,
) -> RowsRun:
    """
    Score every row by each of its labels, and count.

    Args:
        name: what the rows are called in the report.
        labels: only these; none named: all that the rows have.
    """
    texts = [row.text for row in rows]
    with progress("Judging", len(rows)) as advance:
        outcomes = judge_all(judge, guidelines, texts, advance=advance)
    present = sorted({label for row in rows for label in row.labels})
    wanted = [label for label in present if not labels or label in labels]
    measured = [label for label in wanted if label in LABELS]
    scores: dict[str, Sequence[float]] = {}
    for label in measured:
        if label == HATE:
            with progress("Asking for hatred", len(rows)) as advance:
                scores[label] = abuse_scores(
                    judge, texts, [one.evidence for one in outcomes], advance=advance
                )
        elif label == TOXIC:
            with progress("Asking for offence", len(rows)) as advance:
                scores[label] = toxic_scores(
                    judge, texts, [one.evidence for one in outcomes], advance=advance
                )
        else:
            scores[label] = [label_score(outcome.evidence, label) for outcome in outcomes]
    found = []
    for peer in peers:
        said = _peer_scores(peer, texts, progress)
        given = dict.fromkeys(measured, said)
        found.append(
            PeerRows(peer.name, peer.version, peer.speaks, row_figures(rows, given, threshold=FLAGGED_FROM))
        )
    with progress("Counting", len(rows)):
        figures = row_figures(rows, scores, threshold=threshold)
    identities: dict[str, tuple[IdentityFigures, ...]] = {
        label: listed
        for label in (TOXIC, HATE)
        if label in scores and (listed := identity_figures(rows, scores[label], label, threshold=threshold))
    }
    return RowsRun(
        name=name,
        model=judge.model,
        rows=tuple(rows),
        scores=scores,
        skipped=tuple(dict.fromkeys(label for label in (*wanted, *labels) if label not in measured)),
        threshold=threshold,
        figures=figures,
        identities=identities,
        peers=tuple(found),
    )


def _likely(outcome: Outcome) -> float:
    known = [score for label in RULE_LABELS if (score := outcome.evidence.scores.get(label)) is not None]
    return max(known, default=float("nan"))


def _peer_scores(peer: Peer, texts: Sequence[str], progress: Progress) -> list[float]:
    scores: list[float] = []
    with progress(peer.name, len(texts)) as advance:
        for begin in range(0, len(texts), BATCH):
            some = peer.score(texts[begin : begin + BATCH])
            scores += some
            if advance is not None:
                advance(len(some))
    return [min(max(score, 0.0), 1.0) for score in scores]


def _peer_newsroom(peer: Peer, language: str, cases: Sequence[Case], flagged: Sequence[bool]) -> PeerNewsroom:
    def part(expect: Verdict) -> Interval:
        here = [
            (said, case.group)
            for case, said in zip(cases, flagged, strict=True)
            if case.expect is expect and language in (ALL, case.lang)
        ]
        return share([said for said, _ in here], [group for _, group in here])

    return PeerNewsroom(
        peer.name, peer.version, peer.speaks, language, part(Verdict.APPROVE), part(Verdict.REJECT)
    )
