"""
The decision: evidence and guidelines in, a verdict with its reasons out.

Pure and total: no clock, no file, no chance, and an answer for every evidence.
Fail-closed: what is missing, not a number or not understood holds the comment.
Approval is the only verdict that needs everything to be known and low; a
rejection needs one rule that is clearly breached.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meydan.comment import GROUNDS, Decision, Evidence, Hold, Reason, Verdict
from meydan.policy import Guidelines, Rule

MEASURED = frozenset({"en"})
"""Languages that may be decided on the guidelines' own thresholds while nothing is calibrated."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """
    Thresholds that bound the machine's error rate in one language, by label, each in [0, 1].

    A label that is absent is not bounded, and is neither approved nor rejected on.
    """

    digest: str
    hold_from: Mapping[str, float] = field(default_factory=dict)
    reject_from: Mapping[str, float] = field(default_factory=dict)


def decide(
    evidence: Evidence,
    guidelines: Guidelines,
    *,
    mode: str | None = None,
    name_evidence: Evidence | None = None,
    calibration: Calibration | None = None,
) -> Decision:
    """
    Decide one comment.

    Args:
        mode: the story's own setting, which goes before the guidelines'. Any
            word but "assisted" leaves the decision to a person.
        name_evidence: what is known about the display name; it can hold, never reject.
        calibration: stricter thresholds for `evidence.language`, once measured.

    Returns:
        REJECT with every clearly breached rule as a reason, strongest first; HOLD
        with every cause; or APPROVE, which has neither.
    """
    holds: dict[Hold, None] = {}
    if (mode or guidelines.automation.mode) != "assisted":
        holds[Hold.STORY_SETTING if mode else Hold.AUTOMATION_OFF] = None
    by_hand = bool(holds)
    if calibration is None and evidence.language not in MEASURED:
        holds[Hold.LANGUAGE_NOT_MEASURED] = None

    breaches: list[Reason] = []
    # Rules that only people apply have no labels.
    asked = [(rule, label) for rule in guidelines.rules for label in rule.labels]
    if not asked:
        holds[Hold.NO_SCORE] = None
    for rule, label in asked:
        score = score_of(evidence, label)
        hold_from, reject_from = _thresholds(rule, label, calibration)
        if score is None:
            holds[Hold.NO_SCORE] = None
        elif score >= reject_from:
            breaches.append(Reason(rule.id, GROUNDS.get(label), label, score))
        elif not score < hold_from:
            holds[Hold.UNCERTAIN] = None
    for welcome in guidelines.welcomes:
        for label in welcome.labels:
            # Not measured is no opinion here: relevance cannot be known without the story.
            welcomed = score_of(evidence, label)
            if welcome.hold_below is not None and welcomed is not None and welcomed < welcome.hold_below:
                holds[Hold.OFF_TOPIC] = None
    for finding in evidence.findings:
        if finding.hold is not None:
            holds[finding.hold] = None
    if name_evidence is not None and _names_badly(name_evidence, guidelines):
        holds[Hold.NAME] = None

    if Hold.LANGUAGE_NOT_MEASURED in holds:
        # It says why there are no scores; the second reason would be the first again.
        holds.pop(Hold.NO_SCORE, None)

    rejected = bool(breaches) and not by_hand
    return Decision(
        verdict=Verdict.REJECT if rejected else Verdict.HOLD if holds else Verdict.APPROVE,
        reasons=tuple(sorted(breaches, key=_strongest_first)) if rejected else (),
        holds=() if rejected else tuple(holds),
        guidelines=guidelines.digest,
        model=evidence.model,
        calibration=calibration.digest if calibration is not None else None,
    )


def score_of(evidence: Evidence, label: str) -> float | None:
    """The label's probability, or None if it is absent, not a number or outside [0, 1]."""
    score = evidence.scores.get(label)
    # NaN fails this comparison too, so a broken model reads as no score.
    return score if score is not None and 0.0 <= score <= 1.0 else None


def _thresholds(rule: Rule, label: str, calibration: Calibration | None) -> tuple[float, float]:
    """(hold_from, reject_from): the stricter of the file's and the calibrated ones."""
    if calibration is None:
        return rule.hold_from, rule.reject_from
    return (
        min(rule.hold_from, calibration.hold_from.get(label, 0.0)),
        max(rule.reject_from, calibration.reject_from.get(label, float("inf"))),
    )


def _names_badly(name: Evidence, guidelines: Guidelines) -> bool:
    """
    Whether a display name needs a person's eye.

    Only what is seen counts: names are too short to recognise a language by,
    so scores that are not measured say nothing here.
    """
    for rule in guidelines.rules:
        for label in rule.labels:
            score = score_of(name, label)
            if score is not None and score >= rule.hold_from:
                return True
    asked = {label for rule in guidelines.rules for label in rule.labels}
    return any(span.label in asked for span in name.spans) or any(
        finding.label is not None or finding.hold is Hold.OBFUSCATED or finding.kind in {"link", "handle"}
        for finding in name.findings
    )


def _strongest_first(reason: Reason) -> float:
    return -(reason.score or 0.0)
