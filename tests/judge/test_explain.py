"""
Explaining: every label, cause and kind has plain words, and none of the reader's.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from meydan.comment import RULE_LABELS, WELCOME_LABELS, Decision, Evidence, Finding, Hold, Reason, Verdict
from meydan.judge import explain, judge, signals


@pytest.mark.parametrize("name", RULE_LABELS + WELCOME_LABELS)
def test_every_label_has_words(name):
    """If there is a label, then there are words for it."""
    assert name in explain.LABELS


@pytest.mark.parametrize("cause", Hold)
def test_every_hold_has_words(cause):
    """If a comment can wait for something, then there are words for that."""
    assert explain.hold(cause) == explain.HOLDS[cause] == explain.hold(cause.value)


def test_every_kind_of_finding_has_words():
    """If the judge's files can make a kind of finding, then there are words for it."""
    sources = Path(signals.__file__).read_text() + Path(judge.__file__).read_text()
    kinds = set(re.findall(r'Finding\(\s*"([a-z-]+)"', sources))
    assert len(kinds) >= 15
    assert kinds <= set(explain.FINDINGS)


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.93, "clearly a personal attack: 0.93"),
        (0.7, "likely a personal attack: 0.70"),
        (0.3, "perhaps a personal attack: 0.30"),
        (0.0, "hardly a personal attack: 0.00"),
        (None, "a personal attack: not measured"),
    ],
)
def test_a_score_is_said_in_words_and_figures(probability, said):
    """If there is a score, then its degree and its figure are said; if there is none, that is said."""
    assert explain.score("personal_attack", probability) == said


def test_a_decision_is_one_sentence():
    """If a decision was made, then one sentence says what and why."""
    reason = Reason("abuse", "racism", "racism", 0.98)
    assert explain.decision(Decision(Verdict.REJECT, reasons=(reason,))) == (
        "Rejected for abuse (racism): clearly racism: 0.98."
    )
    held = Decision(Verdict.HOLD, holds=(Hold.FLOOD, Hold.NAME))
    assert (
        explain.decision(held) == f"Waiting, because {explain.hold(Hold.FLOOD)}; {explain.hold(Hold.NAME)}."
    )
    assert explain.decision(Decision(Verdict.APPROVE)).startswith("Approved")
    assert explain.reason(Reason("unlawful")) == "unlawful"


def test_evidence_is_told_strongest_first():
    """If evidence is told, then the strongest score comes first, then what was not measured, then what was seen."""
    known = Evidence(
        scores={"threat": 0.4, "racism": 0.9, "sexism": 0.01, "relevance": None},
        findings=(Finding("phone", "a telephone number"), Finding("language", "partly Turkish")),
    )
    assert explain.evidence(known) == [
        "clearly racism: 0.90",
        "perhaps a threat: 0.40",
        "not measured: relevance to the story",
        "a telephone number",
        "language (partly Turkish)",
    ]


def test_what_is_not_known_is_named_as_it_stands():
    """If a label, cause or kind is new, then it is named, and nothing fails."""
    assert explain.label("new_label") == "new label"
    assert explain.hold("new-cause") == "new cause"
    assert explain.finding(Finding("new-kind", "")) == "new kind"


def test_words_that_weighed_are_quoted_and_isolated():
    """If words weighed, then the sentence quotes them; a quotation cannot turn the sentence or steer the terminal."""
    said = explain.because("personal_attack", 0.93, ["idiot", "\u202eكلب\x1b[2J"])
    assert (
        said
        == "clearly a personal attack: 0.93, because of: “\u2068idiot\u2069”, “\u2068\ufffdكلب\ufffd[2J\u2069”"
    )
    assert explain.because("threat", 0.4, []) == "perhaps a threat: 0.40"


def test_words_are_marked_in_their_place():
    """If stretches overlap or meet, then one pair of brackets is around them; lines stay lines."""
    assert explain.marked("ab cd\nef gh", [(3, 5), (4, 8), (9, 11)]) == "ab [cd\nef] [gh]"
    assert explain.marked("زبڵ\u200cخۆر", []) == "زبڵ\u200cخۆر"
    assert explain.marked("a\x07", []) == "a\ufffd"
