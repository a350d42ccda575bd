"""
The decision: evidence and guidelines in, a verdict with its reasons out.

Pure and total: no clock, no file, no chance, and an answer for every evidence.
Fail-closed: what is missing, not a number or not understood holds the comment.
Approval is the only verdict that needs everything to be known and low; a
rejection needs one rule that is clearly breached.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from meydan.comment import GROUNDS, Decision, Evidence, Hold, Reason, Verdict
from meydan.judge.calibration import APPROVALS, NEVER, Calibration, Calibrations, shipped
from meydan.policy import Automation, Guidelines, Rule


def decide(
    evidence: Evidence,
    guidelines: Guidelines,
    *,
    mode: str | None = None,
    name_evidence: Evidence | None = None,
    calibrations: Calibrations | None = None,
) -> Decision:
    """
    Decide one comment.

    Args:
        mode: the story's own setting, which goes before the guidelines'. Any
            word but "assisted" leaves the decision to a person.
        name_evidence: what is known about the display name; it can hold, never reject.
        calibrations: what bounds the machine's error, by language; None: the shipped ones.
            A language without one is held. Of its thresholds and the file's, the stricter wins.

    Returns:
        REJECT with every clearly breached rule as a reason, strongest first; HOLD
        with every cause; or APPROVE, which has neither. A crime alleged of a named
        person is held even where a rule is clearly breached.
    """
    holds: dict[Hold, None] = {}
    by_hand = left_to_people(guidelines, mode)
    if by_hand is not None:
        holds[by_hand] = None
    known = shipped() if calibrations is None else calibrations
    calibration = known.of(evidence.language)
    withdrawn = known.withdrawn_in(evidence.language)
    if calibration is None:
        holds[Hold.LANGUAGE_NOT_MEASURED] = None
    if APPROVALS in withdrawn:
        holds[Hold.WITHDRAWN] = None

    breaches: list[Reason] = []
    asked = _limits_of(guidelines, calibration)
    if not asked:
        holds[Hold.NO_SCORE] = None
    for rule, label, hold_from, reject_from in asked:
        score = score_of(evidence, label)
        if score is None:
            holds[Hold.NO_SCORE] = None
        elif score >= reject_from and rule.id in withdrawn:
            holds[Hold.WITHDRAWN] = None
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

    # The publisher answers for what is alleged of somebody who is named: a person reads it, whatever else it breaches.
    rejected = bool(breaches) and by_hand is None and Hold.ALLEGATION not in holds
    return Decision(
        verdict=Verdict.REJECT if rejected else Verdict.HOLD if holds else Verdict.APPROVE,
        reasons=tuple(sorted(breaches, key=_strongest_first)) if rejected else (),
        holds=() if rejected else tuple(holds),
        guidelines=guidelines.digest,
        model=evidence.model,
        calibration=calibration.digest if calibration is not None and calibration.bounded else None,
    )


def doubted_in(
    evidence: Evidence, guidelines: Guidelines, *, calibrations: Calibrations | None = None
) -> frozenset[str]:
    """
    The rules' labels whose score alone keeps a comment from being approved by machine.

    What was not measured is not among them: it holds a comment too, and says nothing against it.
    """
    calibration = (shipped() if calibrations is None else calibrations).of(evidence.language)
    return frozenset(
        label
        for rule in guidelines.rules
        for label in rule.labels
        if (score := score_of(evidence, label)) is not None
        and score >= _thresholds(rule, label, calibration, guidelines.automation)[0]
    )


def left_to_people(guidelines: Guidelines, mode: str | None) -> Hold | None:
    """Why the machine decides nothing on a story of this mode, whatever the evidence; None where it may decide."""
    if (mode or guidelines.automation.mode) == "assisted":
        return None
    return Hold.STORY_SETTING if mode else Hold.AUTOMATION_OFF


def score_of(evidence: Evidence, label: str) -> float | None:
    """The label's probability, or None if it is absent, not a number or outside [0, 1]."""
    score = evidence.scores.get(label)
    # NaN fails this comparison too, so a broken model reads as no score.
    return score if score is not None and 0.0 <= score <= 1.0 else None


class Standing(NamedTuple):
    """
    Between which thresholds a comment's verdict lies, whatever they are.

    `doubt` is its highest score: it is approved only where people decide from a higher one;
    infinite where it is never approved. `breach` is the highest score on which the guidelines
    themselves would reject: it is rejected where the machine rejects from this or a lower
    score; negative where it is never rejected.
    """

    doubt: float
    breach: float


def standing_of(evidence: Evidence, guidelines: Guidelines) -> Standing:
    """What `decide` would make of the evidence under one pair of thresholds for all labels, for every such pair."""
    doubt, breach = 0.0, -1.0
    asked = False
    for rule in guidelines.rules:
        for label in rule.labels:
            asked = True
            score = score_of(evidence, label)
            if score is None or not score < rule.hold_from:
                doubt = NEVER
            if score is not None:
                doubt = max(doubt, score)
                if score >= rule.reject_from:
                    breach = max(breach, score)
    if not asked or any(finding.hold is not None for finding in evidence.findings):
        doubt = NEVER
    if any(finding.hold is Hold.ALLEGATION for finding in evidence.findings):
        breach = -1.0
    return Standing(doubt, breach)


_Limits = tuple[tuple[Rule, str, float, float], ...]

_LIMITS_AT_MOST: Final = 64
_limits: Final[dict[tuple[int, int], tuple[Guidelines, Calibration | None, _Limits]]] = {}
"""The limits under guidelines and a calibration that were asked for lately: the same for every comment, and both immutable."""


def _limits_of(guidelines: Guidelines, calibration: Calibration | None) -> _Limits:
    """Each rule's labels with (hold_from, reject_from), in the order of the file; rules that only people apply have none."""
    key = id(guidelines), id(calibration)
    known = _limits.get(key)
    # Both are held on to here, so that nothing else can have their place in memory.
    if known is not None and known[0] is guidelines and known[1] is calibration:
        return known[2]
    made = tuple(
        (rule, label, *_thresholds(rule, label, calibration, guidelines.automation))
        for rule in guidelines.rules
        for label in rule.labels
    )
    if len(_limits) >= _LIMITS_AT_MOST:
        _limits.clear()
    _limits[key] = guidelines, calibration, made
    return made


def _thresholds(
    rule: Rule, label: str, calibration: Calibration | None, promised: Automation
) -> tuple[float, float]:
    """(hold_from, reject_from): the stricter of the file's and the calibrated ones."""
    if calibration is None:
        # Held for its language in any case.
        return rule.hold_from, NEVER
    hold_from, reject_from = calibration.holds_from(label), calibration.rejects_from(label)
    # What was measured for a laxer promise does not keep a stricter one.
    if _laxer(calibration.wrongly_approved, promised.wrongly_approved, calibration, promised):
        hold_from = 0.0
    if _laxer(calibration.wrongly_rejected, promised.wrongly_rejected, calibration, promised):
        reject_from = NEVER
    return min(rule.hold_from, hold_from), max(rule.reject_from, reject_from)


def _laxer(bound: float | None, promised: float, calibration: Calibration, automation: Automation) -> bool:
    if bound is None or calibration.confidence is None:
        return False
    return bound > promised or calibration.confidence < automation.confidence


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
