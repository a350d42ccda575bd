"""
decide: pure, total, fail-closed. Drawn from few values, so that edges meet.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.comment import (
    GROUNDS,
    RULE_LABELS,
    WELCOME_LABELS,
    Decision,
    Evidence,
    Finding,
    Hold,
    Span,
    Verdict,
)
from meydan.judge.calibration import APPROVALS, Calibration, Calibrations, Withdrawn
from meydan.judge.decide import decide as decide_as_shipped
from meydan.judge.decide import doubted_in, standing_of
from meydan.policy.guidelines import Automation, Guidelines, Publication, Rule, Welcome

ABUSE = ("sexism", "racism", "homophobia", "xenophobia", "religion_hate", "disability_hate")
RULES = {
    "profanity": ("profanity",),
    "threats": ("threat",),
    "personal-attacks": ("personal_attack",),
    "vulgarity": ("vulgarity",),
    "abuse": ABUSE,
    "promotion": ("promotion",),
    "unlawful": (),
    "private-data": (),
}
UNCALIBRATED = Calibrations({"en": Calibration("en", 1.0, 0.0)})
"""English on the guidelines' own thresholds, and nothing else."""

decide = partial(decide_as_shipped, calibrations=UNCALIBRATED)
TOWARDS_REJECTION = (Verdict.APPROVE, Verdict.HOLD, Verdict.REJECT)


def guidelines_of(
    bands: dict[str, tuple[float, float]] | None = None, *, mode: str = "assisted"
) -> Guidelines:
    """Guidelines with the default rules and these (hold_from, reject_from) bands, .25 and .75 if not given."""
    bands = bands or {}
    return Guidelines(
        name="test",
        source=b"",
        digest="sha256:guidelines",
        publication=Publication("Test", ("self",), ("en",), ("name", "text")),
        intro={"en": ""},
        welcomes=(Welcome("relevance", {"en": ""}, {"en": ""}, ("relevance",), 0.25),),
        rules=tuple(
            Rule(
                rule,
                {"en": rule},
                {"en": rule},
                labels,
                *(bands.get(rule, (0.25, 0.75)) if labels else (1.0, 1.0)),
            )
            for rule, labels in RULES.items()
        ),
        automation=Automation(mode, 0.01, 0.05, 0.9, 0.02),
    )


def evidence_of(**scores: float | None) -> Evidence:
    """English evidence: nothing wrong with it but what is said."""
    return Evidence(
        language="en",
        language_score=1.0,
        scores={**dict.fromkeys(RULE_LABELS, 0.0), **dict.fromkeys(WELCOME_LABELS), **scores},
        model="sha256:model",
    )


quarters = st.sampled_from((0.0, 0.25, 0.5, 0.75, 1.0))
maybe_lost = st.one_of(st.none(), quarters)
labels = st.sampled_from(RULE_LABELS)
scores = st.fixed_dictionaries(dict.fromkeys(RULE_LABELS, quarters))
scores_with_gaps = st.fixed_dictionaries(
    dict.fromkeys((*RULE_LABELS, *WELCOME_LABELS), maybe_lost),
)
bands = st.dictionaries(
    st.sampled_from([rule for rule, asked in RULES.items() if asked]),
    st.tuples(quarters, quarters).map(lambda pair: (min(pair), max(pair))),
)
findings = st.lists(
    st.builds(
        Finding, kind=st.just("seen"), detail=st.just(""), hold=st.one_of(st.none(), st.sampled_from(Hold))
    ),
    max_size=2,
)
languages = st.sampled_from(("en", "ar", "tr", "und", ""))
thresholds = st.one_of(st.none(), quarters, st.dictionaries(labels, quarters))


def calibrated(
    language: str = "en", hold_from=1.0, reject_from=0.0, *, withdrawn=(), **known
) -> Calibrations:
    """One language calibrated, and what has been withdrawn in it."""
    entry = Calibration(language, hold_from, reject_from, **known)
    return Calibrations(
        {language: entry}, frozenset(Withdrawn(language, rule, entry.digest) for rule in withdrawn)
    )


calibrations = st.one_of(
    st.none(),
    st.builds(
        calibrated,
        language=st.sampled_from(("en", "en", "tr")),
        hold_from=thresholds,
        reject_from=thresholds,
        withdrawn=st.sets(st.sampled_from((APPROVALS, *RULES)), max_size=2),
    ),
)
modes = st.sampled_from((None, "off", "assisted", "surprise"))


def severity(decision: Decision) -> int:
    return TOWARDS_REJECTION.index(decision.verdict)


@given(bands, scores, labels)
def test_losing_a_score_never_approves(bands, scores, lost):
    """If a score the guidelines ask about is lost, then the comment is not approved."""
    for gap in ({**scores, lost: None}, {label: p for label, p in scores.items() if label != lost}):
        decision = decide(Evidence(language="en", scores=gap), guidelines_of(bands))
        assert decision.verdict is not Verdict.APPROVE
        if decision.verdict is Verdict.HOLD:
            assert Hold.NO_SCORE in decision.holds


def test_one_reason_is_enough():
    """If the language is not measured, then that is the reason, and missing scores are not a second one."""
    unread = Evidence(language="tr", scores=dict.fromkeys(RULE_LABELS))
    assert decide(unread, guidelines_of()).holds == (Hold.LANGUAGE_NOT_MEASURED,)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf, -0.1, 1.1])
@pytest.mark.parametrize("label", RULE_LABELS)
def test_a_score_that_is_no_probability_holds(label, broken):
    """If a score is no probability, then it counts as lost: the comment is held."""
    decision = decide(evidence_of(**{label: broken}), guidelines_of())
    assert decision.verdict is Verdict.HOLD
    assert decision.holds == (Hold.NO_SCORE,)


@given(bands, scores_with_gaps, labels, quarters, findings, calibrations, languages, modes)
def test_raising_a_score_never_moves_towards_approval(
    bands, scores, label, higher, found, calibration, language, mode
):
    """If a rule's score rises, then the verdict stays or moves towards rejection."""
    guidelines = guidelines_of(bands)
    lower = min(higher, scores[label] if scores[label] is not None else higher)
    before, after = (
        decide(
            Evidence(language=language, scores={**scores, label: p}, findings=tuple(found)),
            guidelines,
            mode=mode,
            calibrations=calibration,
        )
        for p in (lower, higher)
    )
    assert severity(after) >= severity(before)


@given(bands, scores_with_gaps, findings, calibrations, languages, modes)
def test_every_evidence_has_an_answer(bands, scores, found, calibration, language, mode):
    """If evidence is given, then there is a verdict, with reasons only to reject and holds only to hold."""
    guidelines = guidelines_of(bands)
    decision = decide(
        Evidence(language=language, scores=scores, findings=tuple(found), model="sha256:model"),
        guidelines,
        mode=mode,
        calibrations=calibration,
    )
    assert bool(decision.reasons) == (decision.verdict is Verdict.REJECT)
    assert bool(decision.holds) == (decision.verdict is Verdict.HOLD)
    assert len(set(decision.holds)) == len(decision.holds)
    assert decision.guidelines == "sha256:guidelines"
    assert decision.model == "sha256:model"


@given(bands, scores_with_gaps, calibrations, languages)
def test_what_is_doubted_is_what_keeps_from_approval(bands, scores, known, language):
    """If a label is doubted, then it was measured and nothing is approved; if a comment is rejected or in doubt, then a label says so."""
    guidelines, calibrations = guidelines_of(bands), known or UNCALIBRATED
    evidence = Evidence(language=language, scores=scores)
    decision = decide(evidence, guidelines, calibrations=calibrations)
    doubted = doubted_in(evidence, guidelines, calibrations=calibrations)
    assert all(scores[label] is not None for label in doubted)
    assert not (doubted and decision.verdict is Verdict.APPROVE)
    if decision.verdict is Verdict.REJECT or Hold.UNCERTAIN in decision.holds:
        assert doubted
    assert {reason.label for reason in decision.reasons} <= doubted


@given(bands, scores_with_gaps, findings, calibrations)
def test_approved_means_all_known_and_low(bands, scores, found, known):
    """If a comment is approved, then every asked score is known and below both thresholds, and nothing held it."""
    guidelines = guidelines_of(bands)
    evidence = Evidence(language="en", scores=scores, findings=tuple(found))
    decision = decide(evidence, guidelines, calibrations=known or UNCALIBRATED)
    if decision.verdict is not Verdict.APPROVE:
        return
    for rule in guidelines.rules:
        for label in rule.labels:
            score = scores[label]
            assert score is not None
            assert score < rule.hold_from
            if known is not None:
                assert score < known.of("en").holds_from(label)
    assert known is None or APPROVALS not in known.withdrawn_in("en")
    assert not any(finding.hold for finding in found)


@given(bands, scores_with_gaps, calibrations)
def test_rejected_names_exactly_the_breached_rules(bands, scores, known):
    """If a comment is rejected, then its reasons are the rules whose label reaches both thresholds, with grounds."""
    guidelines = guidelines_of(bands)
    decision = decide(Evidence(language="en", scores=scores), guidelines, calibrations=known or UNCALIBRATED)
    english = None if known is None else known.of("en")
    expected = {
        (rule.id, label)
        for rule in guidelines.rules
        for label in rule.labels
        if scores[label] is not None
        and scores[label] >= rule.reject_from
        and (
            known is None
            or (
                english is not None
                and scores[label] >= english.rejects_from(label)
                and rule.id not in known.withdrawn_in("en")
            )
        )
    }
    assert {(reason.rule, reason.label) for reason in decision.reasons} == expected
    for reason in decision.reasons:
        assert reason.ground == (GROUNDS[reason.label] if reason.rule == "abuse" else None)
        assert reason.score == scores[reason.label]
    strengths = [reason.score for reason in decision.reasons]
    assert strengths == sorted(strengths, reverse=True)


@pytest.mark.parametrize(
    ("score", "verdict"),
    [
        (0.0, Verdict.APPROVE),
        (0.2499, Verdict.APPROVE),
        (0.25, Verdict.HOLD),
        (0.7499, Verdict.HOLD),
        (0.75, Verdict.REJECT),
        (1.0, Verdict.REJECT),
    ],
)
@pytest.mark.parametrize("label", RULE_LABELS)
def test_thresholds_belong_to_the_stricter_side(label, score, verdict):
    """If a score equals a threshold, then the stricter side has it."""
    assert decide(evidence_of(**{label: score}), guidelines_of()).verdict is verdict


@given(bands, scores_with_gaps, findings, languages)
def test_off_means_a_person_decides_all(bands, scores, found, language):
    """If automation is off, in the guidelines or for the story, then every comment is held."""
    evidence = Evidence(language=language, scores=scores, findings=tuple(found))
    by_guidelines = decide(evidence, guidelines_of(bands, mode="off"))
    by_story = decide(evidence, guidelines_of(bands), mode="off")
    assert by_guidelines.verdict is by_story.verdict is Verdict.HOLD
    assert Hold.AUTOMATION_OFF in by_guidelines.holds
    assert Hold.STORY_SETTING in by_story.holds


def test_a_story_goes_before_the_guidelines():
    """If the guidelines say off and the story says assisted, then the machine decides."""
    assert decide(evidence_of(), guidelines_of(mode="off"), mode="assisted").verdict is Verdict.APPROVE


@pytest.mark.parametrize("language", ["ar", "tr", "ckb", "und", "", "EN"])
def test_a_language_without_calibration_is_held(language):
    """If the language is neither English nor calibrated, then the comment is held for that."""
    decision = decide(replace(evidence_of(), language=language), guidelines_of())
    assert decision.holds == (Hold.LANGUAGE_NOT_MEASURED,)


@pytest.mark.parametrize(
    ("hold_from", "reject_from", "score", "verdict"),
    [
        # calibrated bands       score  stricter than the file's .25 and .75, or not
        (0.1, 0.9, 0.2, Verdict.HOLD),
        (0.1, 0.9, 0.8, Verdict.HOLD),
        (0.1, 0.9, 0.9, Verdict.REJECT),
        (0.5, 0.6, 0.3, Verdict.HOLD),
        (0.5, 0.6, 0.7, Verdict.HOLD),
        (0.5, 0.6, 0.8, Verdict.REJECT),
        (0.5, 0.6, 0.2, Verdict.APPROVE),
    ],
)
def test_the_stricter_threshold_wins(hold_from, reject_from, score, verdict):
    """If the file and the calibration differ, then the stricter one of each pair rules, in any language."""
    turkish = replace(evidence_of(threat=score), language="tr")
    for pair in (
        (hold_from, reject_from),
        (dict.fromkeys(RULE_LABELS, hold_from), dict.fromkeys(RULE_LABELS, reject_from)),
    ):
        assert decide(turkish, guidelines_of(), calibrations=calibrated("tr", *pair)).verdict is verdict


@given(bands, scores_with_gaps, findings, thresholds, thresholds, quarters)
def test_a_stricter_calibration_never_decides_more(bands, scores, found, hold_from, reject_from, by):
    """If calibrated thresholds become stricter, then nothing is decided that was held, and nothing otherwise."""

    def moved(values, towards):
        if isinstance(values, dict):
            return {label: towards(value, by) for label, value in values.items()}
        return None if values is None else towards(values, by)

    guidelines = guidelines_of(bands)
    evidence = Evidence(language="en", scores=scores, findings=tuple(found))
    before = decide(evidence, guidelines, calibrations=calibrated("en", hold_from, reject_from))
    after = decide(
        evidence, guidelines, calibrations=calibrated("en", moved(hold_from, min), moved(reject_from, max))
    )
    assert after.verdict in (before.verdict, Verdict.HOLD)


@given(bands, scores_with_gaps, findings, quarters, quarters)
def test_a_standing_foretells_every_decision(bands, scores, found, hold_from, reject_from):
    """If one pair of thresholds rules, then the comment's standing says what is decided."""
    guidelines = replace_welcomes(guidelines_of(bands))
    evidence = Evidence(language="en", scores=scores, findings=tuple(found))
    standing = standing_of(evidence, guidelines)
    decision = decide(evidence, guidelines, calibrations=calibrated("en", hold_from, reject_from))
    assert (decision.verdict is Verdict.REJECT) == (standing.breach >= reject_from)
    if decision.verdict is not Verdict.REJECT:
        assert (decision.verdict is Verdict.APPROVE) == (standing.doubt < hold_from)


@pytest.mark.parametrize(
    ("promise", "threat", "verdict"),
    [
        ({"wrongly_rejected": 0.01, "wrongly_approved": 0.05, "confidence": 0.9}, 0.9, Verdict.REJECT),
        ({"wrongly_rejected": 0.01, "wrongly_approved": 0.05, "confidence": 0.9}, 0.0, Verdict.APPROVE),
        ({"wrongly_rejected": 0.02, "wrongly_approved": 0.05, "confidence": 0.9}, 0.9, Verdict.HOLD),
        ({"wrongly_rejected": 0.02, "wrongly_approved": 0.05, "confidence": 0.9}, 0.0, Verdict.APPROVE),
        ({"wrongly_rejected": 0.01, "wrongly_approved": 0.06, "confidence": 0.9}, 0.9, Verdict.REJECT),
        ({"wrongly_rejected": 0.01, "wrongly_approved": 0.06, "confidence": 0.9}, 0.0, Verdict.HOLD),
        ({"wrongly_rejected": 0.01, "wrongly_approved": 0.05, "confidence": 0.8}, 0.9, Verdict.HOLD),
        ({"wrongly_rejected": 0.01, "wrongly_approved": 0.05, "confidence": 0.8}, 0.0, Verdict.HOLD),
    ],
)
def test_a_laxer_promise_does_not_keep_a_stricter_one(promise, threat, verdict):
    """If the guidelines promise more than a calibration was made for, then people decide on that side."""
    known = calibrated("en", 1.0, 0.0, **promise)
    assert (
        decide(evidence_of(threat=threat), guidelines_of(), calibrations=known or UNCALIBRATED).verdict
        is verdict
    )


def test_a_decision_names_the_calibration_that_bounds_it():
    """If thresholds were measured, then the decision names them; the guidelines' own are no calibration."""
    promise = {"wrongly_rejected": 0.01, "wrongly_approved": 0.05, "confidence": 0.9}
    known = calibrated("en", **promise)
    assert (
        decide(evidence_of(), guidelines_of(), calibrations=known or UNCALIBRATED).calibration
        == known.of("en").digest
    )
    assert decide(evidence_of(), guidelines_of(), calibrations=calibrated("en")).calibration is None


def test_a_withdrawn_rule_is_peoples_again():
    """If the machine has been wrong on a rule too often, then a breach of it is held, and of others rejected."""
    known = calibrated("en", withdrawn=["threats"])
    held = decide(evidence_of(threat=1.0), guidelines_of(), calibrations=known or UNCALIBRATED)
    assert held.holds == (Hold.WITHDRAWN,)
    both = decide(evidence_of(threat=1.0, racism=0.9), guidelines_of(), calibrations=known or UNCALIBRATED)
    assert [reason.rule for reason in both.reasons] == ["abuse"]
    assert (
        decide(evidence_of(), guidelines_of(), calibrations=known or UNCALIBRATED).verdict is Verdict.APPROVE
    )


def test_withdrawn_approvals_are_peoples_again():
    """If the machine has let through too much in a language, then nothing is approved there, and breaches are rejected."""
    known = calibrated("en", withdrawn=[APPROVALS])
    assert decide(evidence_of(), guidelines_of(), calibrations=known or UNCALIBRATED).holds == (
        Hold.WITHDRAWN,
    )
    assert (
        decide(evidence_of(threat=1.0), guidelines_of(), calibrations=known or UNCALIBRATED).verdict
        is Verdict.REJECT
    )
    renewed = replace(calibrated("en", source="made anew"), withdrawn=known.withdrawn)
    assert decide(evidence_of(), guidelines_of(), calibrations=renewed).verdict is Verdict.APPROVE


def test_a_mode_nobody_knows_is_off():
    """If the mode is a word that means nothing here, then a person decides."""
    assert decide(evidence_of(), guidelines_of(), mode="surprise").holds == (Hold.STORY_SETTING,)


def test_a_label_without_calibrated_thresholds_is_not_decided_on():
    """If a calibration does not bound a label, then that label neither lets through nor rejects."""
    for nothing in ({}, None):
        known = calibrated("en", nothing, nothing)
        for score in (0.0, 1.0):
            assert decide(
                evidence_of(threat=score), guidelines_of(), calibrations=known or UNCALIBRATED
            ).holds == (Hold.UNCERTAIN,)


def test_a_language_without_calibration_is_never_rejected():
    """If nobody measured the machine in a language, then even a certain breach waits for a person."""
    turkish = replace(evidence_of(threat=1.0), language="tr")
    assert decide(turkish, guidelines_of()).verdict is Verdict.HOLD


@pytest.mark.parametrize("hold", Hold)
def test_a_finding_that_holds_keeps_from_approval(hold):
    """If something was seen that a person must look at, then nothing is approved."""
    seen = replace(evidence_of(), findings=(Finding("seen", "", hold=hold),))
    assert decide(seen, guidelines_of()).holds == (hold,)


@pytest.mark.parametrize("hold", [Hold.FLOOD, Hold.LENGTH, Hold.OBFUSCATED])
def test_a_clear_breach_is_rejected_whatever_else_was_seen(hold):
    """If a rule is clearly breached, then a flood or a disguise does not put it before a person instead."""
    seen = replace(evidence_of(threat=0.9), findings=(Finding("seen", "", hold=hold),))
    assert decide(seen, guidelines_of()).verdict is Verdict.REJECT


def test_an_alleged_crime_is_never_rejected_by_the_machine():
    """If a crime is alleged of somebody who is named, then a person reads it, whatever rule it breaches beside that."""
    seen = replace(evidence_of(threat=1.0), findings=(Finding("seen", "", hold=Hold.ALLEGATION),))
    made = decide(seen, guidelines_of())
    assert made.verdict is Verdict.HOLD
    assert made.holds == (Hold.ALLEGATION,)
    assert standing_of(seen, guidelines_of()).breach < 0


@pytest.mark.parametrize(
    ("relevance", "verdict"),
    [(None, Verdict.APPROVE), (0.1, Verdict.HOLD), (0.25, Verdict.APPROVE), (1.0, Verdict.APPROVE)],
)
def test_relevance_can_hold_and_never_reject(relevance, verdict):
    """If relevance is low, then a person looks; if it is not measured, then it says nothing."""
    decision = decide(evidence_of(relevance=relevance), guidelines_of())
    assert decision.verdict is verdict
    assert decision.holds == ((Hold.OFF_TOPIC,) if verdict is Verdict.HOLD else ())


@pytest.mark.parametrize(
    ("name", "held"),
    [
        (Evidence(), False),
        (Evidence(scores=dict.fromkeys(RULE_LABELS)), False),
        (Evidence(scores={"profanity": 0.2}), False),
        (Evidence(scores={"profanity": 0.25}), True),
        (Evidence(scores={"racism": 1.0}), True),
        (Evidence(spans=(Span("racism", 0, 3, "lexicon"),)), True),
        (Evidence(findings=(Finding("language", "", hold=Hold.LANGUAGE_NOT_MEASURED),)), False),
        (Evidence(findings=(Finding("link", ""),)), True),
        (Evidence(findings=(Finding("price", ""),)), False),
        (Evidence(findings=(Finding("phone", "", label="promotion"),)), True),
        (Evidence(findings=(Finding("stacked-marks", "", hold=Hold.OBFUSCATED),)), True),
    ],
)
def test_an_abusive_name_holds(name, held):
    """If the display name is abusive or advertises, then the comment is held for its name, and not rejected."""
    decision = decide(evidence_of(), guidelines_of(), name_evidence=name)
    assert decision.holds == ((Hold.NAME,) if held else ())


def test_people_only_rules_are_never_the_machines():
    """If every score is certain, then the rules that only people apply are still not among the reasons."""
    decision = decide(evidence_of(**dict.fromkeys(RULE_LABELS, 1.0)), guidelines_of())
    assert {reason.rule for reason in decision.reasons} == {rule for rule, asked in RULES.items() if asked}


def test_guidelines_that_ask_nothing_hold():
    """If no rule asks for a score, then nothing is known to be fine, and the comment is held."""
    silent = replace_rules(guidelines_of(), ())
    assert decide(evidence_of(), silent).holds == (Hold.NO_SCORE,)


def replace_welcomes(guidelines: Guidelines) -> Guidelines:
    """The guidelines without what is welcome: it holds by other scores than the rules'."""
    return Guidelines(
        **{
            name: getattr(guidelines, name)
            for name in ("name", "source", "digest", "publication", "intro", "rules", "automation")
        },
        welcomes=(),
    )


def replace_rules(guidelines: Guidelines, rules: tuple[Rule, ...]) -> Guidelines:
    return Guidelines(
        name=guidelines.name,
        source=guidelines.source,
        digest=guidelines.digest,
        publication=guidelines.publication,
        intro=guidelines.intro,
        welcomes=guidelines.welcomes,
        rules=rules,
        automation=guidelines.automation,
    )


def test_limits_are_those_of_what_is_in_force() -> None:
    """If guidelines and calibrations come and go, also at places in memory where others were, then each comment goes by its own."""
    half = evidence_of(threat=0.5)
    for number in range(300):
        laxer = number % 3 == 0
        hold_from = 0.75 if laxer else 0.25
        # Neither outlives its turn, but for what decide itself remembers.
        file, known = guidelines_of({"threats": (hold_from, 1.0)}), calibrated(hold_from=1.0, reject_from=1.0)
        assert decide(half, file, calibrations=known).verdict is (Verdict.APPROVE if laxer else Verdict.HOLD)
        stricter = calibrated(hold_from=0.5, reject_from=1.0)
        assert decide(half, file, calibrations=stricter).verdict is Verdict.HOLD
