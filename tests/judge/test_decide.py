"""
decide: pure, total, fail-closed. Drawn from few values, so that edges meet.
"""

from __future__ import annotations

import math
from dataclasses import replace

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
from meydan.judge.decide import Calibration, decide
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
calibrations = st.one_of(
    st.none(),
    st.builds(
        Calibration,
        digest=st.just("sha256:calibration"),
        hold_from=st.dictionaries(labels, quarters),
        reject_from=st.dictionaries(labels, quarters),
    ),
)
languages = st.sampled_from(("en", "ar", "tr", "und", ""))
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
            calibration=calibration,
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
        calibration=calibration,
    )
    assert bool(decision.reasons) == (decision.verdict is Verdict.REJECT)
    assert bool(decision.holds) == (decision.verdict is Verdict.HOLD)
    assert len(set(decision.holds)) == len(decision.holds)
    assert decision.guidelines == "sha256:guidelines"
    assert decision.model == "sha256:model"
    assert decision.calibration == (calibration.digest if calibration else None)


@given(bands, scores_with_gaps, findings, calibrations)
def test_approved_means_all_known_and_low(bands, scores, found, calibration):
    """If a comment is approved, then every asked score is known and below both thresholds, and nothing held it."""
    guidelines = guidelines_of(bands)
    evidence = Evidence(language="en", scores=scores, findings=tuple(found))
    decision = decide(evidence, guidelines, calibration=calibration)
    if decision.verdict is not Verdict.APPROVE:
        return
    for rule in guidelines.rules:
        for label in rule.labels:
            score = scores[label]
            assert score is not None
            assert score < rule.hold_from
            if calibration is not None:
                assert score < calibration.hold_from[label]
    assert not any(finding.hold for finding in found)


@given(bands, scores_with_gaps, calibrations)
def test_rejected_names_exactly_the_breached_rules(bands, scores, calibration):
    """If a comment is rejected, then its reasons are the rules whose label reaches both thresholds, with grounds."""
    guidelines = guidelines_of(bands)
    decision = decide(Evidence(language="en", scores=scores), guidelines, calibration=calibration)
    expected = {
        (rule.id, label)
        for rule in guidelines.rules
        for label in rule.labels
        if scores[label] is not None
        and scores[label] >= rule.reject_from
        and (calibration is None or scores[label] >= calibration.reject_from.get(label, 2.0))
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
    calibration = Calibration(
        "sha256:calibration", dict.fromkeys(RULE_LABELS, hold_from), dict.fromkeys(RULE_LABELS, reject_from)
    )
    turkish = replace(evidence_of(threat=score), language="tr")
    assert decide(turkish, guidelines_of(), calibration=calibration).verdict is verdict


def test_a_mode_nobody_knows_is_off():
    """If the mode is a word that means nothing here, then a person decides."""
    assert decide(evidence_of(), guidelines_of(), mode="surprise").holds == (Hold.STORY_SETTING,)


def test_a_label_without_calibrated_thresholds_is_not_decided_on():
    """If a calibration does not bound a label, then that label neither lets through nor rejects."""
    calibration = Calibration("sha256:calibration", {}, {})
    for score in (0.0, 1.0):
        assert decide(evidence_of(threat=score), guidelines_of(), calibration=calibration).holds == (
            Hold.UNCERTAIN,
        )


@pytest.mark.parametrize("hold", Hold)
def test_a_finding_that_holds_keeps_from_approval(hold):
    """If something was seen that a person must look at, then nothing is approved."""
    seen = replace(evidence_of(), findings=(Finding("seen", "", hold=hold),))
    assert decide(seen, guidelines_of()).holds == (hold,)


@pytest.mark.parametrize("hold", [Hold.FLOOD, Hold.ALLEGATION, Hold.OBFUSCATED])
def test_a_clear_breach_is_rejected_whatever_else_was_seen(hold):
    """If a rule is clearly breached, then a flood or a disguise does not put it before a person instead."""
    seen = replace(evidence_of(threat=0.9), findings=(Finding("seen", "", hold=hold),))
    assert decide(seen, guidelines_of()).verdict is Verdict.REJECT


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
