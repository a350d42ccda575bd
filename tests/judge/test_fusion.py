"""
Fusion: the one rule by which a score is made.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.judge.fusion import ALONE_AT_MOST, EXCUSES, SURE_FROM, fuse
from meydan.judge.lexicon import Hit

quarters = st.sampled_from((0.0, 0.12, 0.25, 0.45, 0.5, 0.6, 0.75, 0.93, 0.98, 1.0))
hits = st.lists(
    st.builds(
        lambda score, begin, company: Hit("threat", score, begin, begin + 3, "phrase", 1.0, company),
        quarters,
        st.sampled_from((0, 2, 3, 6)),
        st.sampled_from(("", "reported", *sorted(EXCUSES))),
    ),
    max_size=3,
)


def hit(score: float, company: str = "", begin: int = 0) -> Hit:
    return Hit("threat", score, begin, begin + 3, "phrase", max(score, 0.93), company)


@given(hits, quarters, quarters)
def test_a_score_is_a_probability(found, signal, classified):
    """If evidence is fused, then the outcome lies in [0, 1] and is no lower than the clearest of the lexicon."""
    score = fuse(found, signal, classified)
    assert 0 <= score <= 1
    assert score >= max((h.score for h in found), default=0.0) - 1e-12


@given(hits, quarters, quarters, quarters, st.sampled_from(("signal", "classified", "hit")))
def test_more_evidence_never_lowers(found, signal, classified, higher, which):
    """If a witness says more and the company stays, then the score does not fall."""
    before = fuse(found, signal, classified)
    if which == "signal":
        after = fuse(found, max(signal, higher), classified)
    elif which == "classified":
        after = fuse(found, signal, max(classified, higher))
    elif found:
        first = found[0]
        raised = Hit("threat", max(first.score, higher), first.begin, first.end, "phrase", 1.0, first.company)
        after = fuse([raised, *found[1:]], signal, classified)
    else:
        after = before
    assert after >= before - 1e-12


@pytest.mark.parametrize("classified", [0.5, 0.9, 0.99, 1.0])
def test_the_classifier_never_rejects_alone(classified):
    """If only the classifier is sure, or the words are excused, then nobody is rejected."""
    assert fuse([], 0.0, classified) <= ALONE_AT_MOST
    assert fuse([hit(0.12, "condemned")], 0.0, classified) <= ALONE_AT_MOST


def test_the_classifier_seconds_a_doubt():
    """If the lexicon doubts and the classifier agrees, then the two are clear; a reported doubt stays one."""
    assert fuse([hit(0.75)], 0.0, 0.9) >= 0.9
    assert fuse([hit(0.75)], 0.0, 0.3) < 0.9
    assert fuse([hit(0.6, "reported")], 0.0, 1.0) < 0.9


def test_doubts_add_up_to_a_hold_at_most():
    """If several doubtful things stand apart, then together they hold; seen twice, one thing stays one."""
    apart = fuse([hit(0.45, begin=0), hit(0.45, begin=10), hit(0.45, begin=20)], 0.0, 0.0)
    together = fuse([hit(0.45), hit(0.45)], 0.0, 0.0)
    assert together == pytest.approx(0.45)
    assert 0.45 < apart <= ALONE_AT_MOST
    assert fuse([hit(0.75, begin=10 * n) for n in range(9)], 0.0, 0.0) <= ALONE_AT_MOST


@pytest.mark.parametrize("signal", [0.5, 0.95, 1.0])
def test_signs_never_reject_alone(signal):
    """If there is a telephone number or a link, but no words that advertise, then nobody is rejected."""
    assert fuse([], signal, 1.0) <= ALONE_AT_MOST
    assert fuse([hit(0.45)], signal, 1.0) <= ALONE_AT_MOST
    assert fuse([hit(0.75)], max(signal, 0.7), 0.0) > ALONE_AT_MOST


def test_nothing_said_is_nothing():
    """If no witness says anything, then the score is zero."""
    assert fuse([], 0.0, 0.0) == 0.0


@given(hits, quarters, quarters, quarters, quarters)
def test_a_surer_offence_never_lowers(found, signal, classified, offence, higher):
    """If the full model is surer that a comment offends at all, then no score falls."""
    before = fuse(found, signal, classified, full=True, offence=offence)
    assert fuse(found, signal, classified, full=True, offence=max(offence, higher)) >= before


@pytest.mark.parametrize("classified", [0.5, 0.9, 0.99, 1.0])
def test_the_full_model_rejects_alone_only_where_it_is_sure_twice(classified):
    """If the full model is sure of a label and not of an offence, then a person decides; if of both, it rejects."""
    assert fuse([], 0.0, classified, full=True, offence=SURE_FROM - 0.01) <= ALONE_AT_MOST
    assert fuse([], 0.0, classified, full=True, offence=float("nan")) <= ALONE_AT_MOST
    assert (fuse([], 0.0, classified, full=True, offence=0.95) > ALONE_AT_MOST) == (classified >= SURE_FROM)


def test_what_is_listed_and_offends_nobody_waits():
    """If a listed word stands in a comment that the full model takes for harmless, then a person decides."""
    clear = [hit(1.0)]
    assert fuse(clear, 0.0, 0.9, full=True, offence=0.6) > 0.9
    assert fuse(clear, 0.0, 0.9, full=True, offence=0.3) <= ALONE_AT_MOST
    assert fuse(clear, 0.0, 0.9, full=True, offence=float("nan")) <= ALONE_AT_MOST


def test_an_advertisement_takes_a_sign_and_the_model():
    """If words that are not listed advertise beside a telephone number, then it takes both, read at once, to reject."""
    assert fuse([], 0.5, 0.99, full=True) > 0.9
    for signal, classified, at_once in (
        (0.5, 0.97, True),
        (0.4, 0.99, True),
        (0.5, 0.99, False),
        (0.0, 1.0, True),
    ):
        assert fuse([], signal, classified, full=True, at_once=at_once) <= ALONE_AT_MOST


@given(hits, quarters, quarters, quarters)
def test_an_excuse_buys_nothing_from_the_full_model(found, signal, classified, offence):
    """If the full model speaks, then a hit that is excused, added to a comment, never lowers the score."""
    before = fuse(found, signal, classified, full=True, offence=offence)
    for company in sorted(EXCUSES):
        more = [*found, hit(0.12, company, begin=40)]
        assert fuse(more, signal, classified, full=True, offence=offence) >= before - 1e-12
