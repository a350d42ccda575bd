"""
The judge as a whole, with the shipped model: evidence in, and what a decision makes of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from meydan import policy
from meydan.comment import RULE_LABELS, WELCOME_LABELS, History, Hold, Verdict
from meydan.errors import ClassifierUnavailable
from meydan.judge import Judge, decide, signals
from meydan.judge.judge import LONGEST
from meydan.judge.lexicon import Lexicon

POLITE = [
    "Thank you for this long and careful report on the water supply.",
    "I have lived in the old town for thirty years and know every well.",
    "The engineers warned the ministry in the spring of 2019.",
    "Nobody answered them, and the article explains why.",
    "My neighbour worked at the dam and says the same.",
    "I hope that the committee reads the third chapter.",
    "The map on the second page is very helpful.",
    "Please keep following the story.",
    "The children of our street carry water every morning.",
    "That is all I wanted to say.",
]


class Scripted:
    """A classifier that gives the same score for everything; for what no real text can bring about."""

    model = "sha256:scripted"

    def __init__(self, score: float, labels: Sequence[str] = RULE_LABELS) -> None:
        self.labels = tuple(labels)
        self._score = score

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.full((len(texts), len(self.labels)), self._score, np.float32)

    def weigh(self, text: str, label: str) -> Sequence[tuple[int, int, float]]:
        return [
            (match.start(), match.end(), match.end() - match.start()) for match in re.finditer(r"\w+", text)
        ]


class Broken(Scripted):
    """A classifier that fails, and says the reader's words when it does."""

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise RuntimeError(f"cannot score {texts[0]}")


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


@pytest.fixture(scope="module")
def guidelines() -> policy.Guidelines:
    return policy.load()


def with_classifier(score: float) -> Judge:
    return Judge(Scripted(score), Lexicon.load("en"))


def test_every_label_has_an_entry(judge):
    """If evidence is gathered, then every label of the guidelines has an entry, measured or not."""
    evidence = judge.evidence("Thank you, this was a good read.")
    assert set(evidence.scores) == set(RULE_LABELS + WELCOME_LABELS)
    assert evidence.scores["relevance"] is None
    assert evidence.model == judge.model
    assert judge.model.startswith("sha256:")


def test_without_a_classifier_nothing_is_scored(guidelines):
    """If no classifier is loaded, then every score is missing, and the comment is held."""
    evidence = Judge(None, Lexicon.load("en")).evidence("Thank you, this was a very good read.")
    assert set(evidence.scores.values()) == {None}
    assert decide(evidence, guidelines).holds == (Hold.NO_SCORE,)


def test_a_label_without_a_measured_model_is_missing(guidelines):
    """If the classifier has no measured model for a label, then its score is missing, however clear the words are."""
    evidence = with_classifier(float("nan")).evidence("You are an idiot and I will kill you.")
    assert set(evidence.scores.values()) == {None}
    assert evidence.spans
    assert decide(evidence, guidelines).verdict is Verdict.HOLD


def test_a_classifier_with_other_columns_is_read_by_name():
    """If a classifier knows fewer labels in another order, then each score goes to its label, and the rest are missing."""
    known = Judge(Scripted(0.5, ("threat", "profanity")), Lexicon.load("en"))
    scores = known.evidence("Thank you, this was a very good read.").scores
    assert {label for label, score in scores.items() if score is not None} == {"threat", "profanity"}


def test_a_broken_classifier_names_no_words():
    """If the classifier fails, then the caller is told to hold, without the reader's words."""
    with pytest.raises(ClassifierUnavailable) as told:
        Judge(Broken(0.0), Lexicon.load("en")).evidence("My secret words.")
    assert "secret" not in str(told.value)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


@pytest.mark.parametrize(
    "text",
    [
        "Denne artikel er meget forkert, og ministeren siger noget nyt hver dag.",
        "این مقاله بسیار خوب است و از نویسنده برای این کار تشکر می‌کنم",
        "Ich halte diesen Artikel für sehr gelungen und danke der Redaktion.",
        "I agree with the article completely. این مقاله بسیار خوب است و از نویسنده برای این کار تشکر می‌کنم",
        " ".join(POLITE) + " این مقاله بسیار خوب است و از نویسنده برای این کار و عکس‌های زیبا تشکر می‌کنم",
    ],
)
def test_what_nobody_measured_is_held(judge, guidelines, text):
    """If a comment is in a language that was not learned, wholly or in part, or in none, then it is held for that alone."""
    evidence = judge.evidence(text)
    assert all(evidence.scores[label] is None for label in RULE_LABELS)
    holds = decide(evidence, guidelines).holds
    assert Hold.LANGUAGE_NOT_MEASURED in holds
    assert set(holds) <= {Hold.LANGUAGE_NOT_MEASURED, Hold.ALLEGATION}


@pytest.mark.parametrize("text", ["Qwzx vfrt plmk.", "Sami"])
def test_what_has_no_language_is_scored_and_held(judge, guidelines, text):
    """If a comment is in no language that is recognised, then a person decides, and sees what the judge found."""
    evidence = judge.evidence(text)
    assert evidence.language == "und"
    assert all(evidence.scores[label] is not None for label in RULE_LABELS)
    decision = decide(evidence, guidelines)
    assert decision.verdict is Verdict.HOLD
    assert Hold.LANGUAGE_NOT_MEASURED in decision.holds


def test_listed_words_are_shown_in_any_language(judge):
    """If a comment in another language holds an English slur, then the desk sees where, though nothing is scored."""
    evidence = judge.evidence("Der Minister ist ein motherfucker, und das wissen hier doch alle seit Jahren.")
    assert "profanity" in {span.label for span in evidence.spans}
    assert all(evidence.scores[label] is None for label in RULE_LABELS)


@pytest.mark.parametrize("place", [0, 4, 10])
@pytest.mark.parametrize(
    ("vile", "label"),
    [
        ("You are a worthless piece of garbage.", "personal_attack"),
        ("All Arabs are filthy animals.", "racism"),
        ("I will find you and kill you.", "threat"),
    ],
)
def test_politeness_does_not_dilute(judge, guidelines, vile, label, place):
    """If one vile sentence stands among ten polite ones, then the comment is rejected for it."""
    text = " ".join([*POLITE[:place], vile, *POLITE[place:]])
    assert decide(judge.evidence(" ".join(POLITE)), guidelines).verdict is Verdict.APPROVE
    evidence = judge.evidence(text)
    assert decide(evidence, guidelines).verdict is Verdict.REJECT
    assert any(span.label == label and text[span.begin : span.end] in vile for span in evidence.spans)


def test_the_worst_window_counts():
    """If the classifier is alarmed by one sentence of a long comment only, then that score counts."""

    class Alarmed(Scripted):
        def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return np.array(
                [[0.8 * ("zebra" in text and len(text) < 300)] * 11 for text in texts], np.float32
            )

    alarmed = Judge(Alarmed(0.0), Lexicon.load("en"))
    plain = alarmed.evidence(" ".join(POLITE)).scores["threat"]
    striped = alarmed.evidence(" ".join([*POLITE, "A zebra came by."])).scores["threat"]
    assert plain == 0.0
    assert striped is not None
    assert striped > 0.5


def test_what_alarmed_the_classifier_is_shown():
    """If only the classifier is alarmed, then its heaviest words are shown; if it is calm, then nothing is."""
    text = "A WONDERFUL, ＬＯＮＧ word: extraordinary."
    alarmed, calm = (with_classifier(score).evidence(text).spans for score in (0.5, 0.1))
    shown = {(text[span.begin : span.end], span.source) for span in alarmed if span.label == "threat"}
    assert shown == {("WONDERFUL", "classifier"), ("extraordinary", "classifier")}
    assert calm == ()


def test_the_whole_counts_too():
    """If the classifier is alarmed by a long comment as a whole and by none of its sentences, then that counts."""

    class Alarmed(Scripted):
        def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
            return np.array([[0.8 * (len(text) > 400)] * 11 for text in texts], np.float32)

    score = Judge(Alarmed(0.0), Lexicon.load("en")).evidence(" ".join(POLITE)).scores["threat"]
    assert score is not None
    assert score > 0.5


def test_an_address_alone_makes_a_person_look(judge, guidelines):
    """If a comment gives an e-mail address and offers nothing, then it is held, not rejected."""
    text = "The clerk at the land office is clerk.name@example.org, and he does answer letters."
    assert decide(judge.evidence(text), guidelines).verdict is Verdict.HOLD


def test_what_is_excused_is_not_marked(judge):
    """If words are denied, then the lexicon does not show them as evidence; at most the model says what it fears."""
    spans = judge.evidence("You are not an idiot, and nobody here thinks so.").spans
    assert all(span.source == "classifier" for span in spans)


def test_a_batch_is_judged_as_its_parts(judge):
    """If comments are judged at once, then each gets the evidence that it gets alone."""
    texts = [
        "You are an idiot.",
        "",
        "Thank you.",
        " ".join(POLITE * 2),
        "هذا المقال ممتاز جدا",
        "f u c k this",
    ]
    together = judge.evidence_of(texts)
    for text, evidence in zip(texts, together, strict=True):
        alone = judge.evidence(text)
        assert evidence.findings == alone.findings
        assert evidence.spans == alone.spans
        for label, score in alone.scores.items():
            assert evidence.scores[label] == (score if score is None else pytest.approx(score, abs=1e-5))
    assert judge.evidence_of([]) == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120))
def test_any_text_has_evidence(text):
    """If any text is judged, then its scores are probabilities or missing, and spans and findings lie inside it."""
    evidence = with_classifier(0.1).evidence(text)
    assert all(score is None or 0 <= score <= 1 for score in evidence.scores.values())
    for span in evidence.spans:
        assert 0 <= span.begin < span.end <= len(text)
    decide(evidence, policy.load())


@pytest.mark.parametrize(
    "text", ["", " ", "\ud800", "\0", "a" * 30_000, "\u0301" * 10_000, "? " * 9_000, "." * 9_000]
)
def test_odd_texts_are_never_approved(judge, guidelines, text):
    """If a text is empty, broken, endless or all marks, then it is held, and nothing fails."""
    assert decide(judge.evidence(text), guidelines).verdict is Verdict.HOLD


def test_what_is_too_long_to_read_waits(judge):
    """If a text is longer than the judge reads, then a person decides."""
    long = " ".join(POLITE) + " "
    text = long * (LONGEST // len(long) + 1)
    assert Hold.LENGTH in {finding.hold for finding in judge.evidence(text).findings}


def test_a_flood_holds(judge, guidelines):
    """If a story is flooded, then a fine comment waits."""
    evidence = judge.evidence(POLITE[0], history=History(on_story=10_000))
    assert decide(evidence, guidelines).holds == (Hold.FLOOD,)


@pytest.mark.parametrize(
    ("name", "held"),
    [
        ("Dilan", False),
        ("Dick Cheney", False),
        ("Ms Hancock", False),
        ("ئازاد", False),
        ("A. B.", False),
        ("Fuck You", True),
        ("1d10t", True),
        ("All Kurds are dogs", True),
        ("buy at www.shoes.example.com", True),
        ("+964 750 123 4567", True),
        ("Z\u0300\u0301\u0302\u0303\u0304\u0305algo", True),
    ],
)
def test_names_are_looked_at(judge, guidelines, name, held):
    """If a display name is abusive or advertises, then its comment waits; other names, in any script, are let be."""
    decision = decide(judge.evidence(POLITE[0]), guidelines, name_evidence=judge.name_evidence(name))
    assert decision.holds == ((Hold.NAME,) if held else ())


def test_an_alleged_crime_waits(judge, guidelines):
    """If a crime is alleged of a named person, then the comment waits for that reason."""
    evidence = judge.evidence(
        "I tell you that Karim Rashid is a thief, and everybody in the street knows it."
    )
    assert Hold.ALLEGATION in decide(evidence, guidelines).holds


def test_an_allegation_that_no_pattern_knows_waits(judge, guidelines):
    """If the encoder reads a crime alleged of a named person, then the comment waits for that; without a name it does not."""
    sly = "Shwan Hadi at the customs office pockets half of what we pay, I've seen the envelopes."
    assert Hold.ALLEGATION not in {finding.hold for finding in signals.read(sly).findings}
    assert Hold.ALLEGATION in decide(judge.evidence(sly), guidelines).holds
    nobody = judge.evidence("Somebody at the customs office pockets half of what we pay.")
    assert Hold.ALLEGATION not in decide(nobody, guidelines).holds


def test_evidence_does_not_depend_on_company(judge: Judge) -> None:
    """If many are judged at once, together or by threads beside one another, then each gets what it gets alone."""
    suites = files("meydan.evaluate").joinpath("suites/newsroom")
    lines = [
        json.loads(line)["text"]
        for suite in ("en", "ar", "tr", "ckb", "kmr")
        for line in suites.joinpath(f"{suite}.jsonl").read_text(encoding="utf-8").splitlines()[:60:12]
    ]
    alone = [judge.evidence(line) for line in lines]
    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(judge.evidence, lines)) == alone
    assert judge.evidence_of(lines) == alone


HARMLESS = "I think the bridge over the river is a good thing for the people of the town. "


@pytest.mark.parametrize(
    "last", [" Karim Jabbar stole the money of the hospital.", " He said a\u202ebc\u202c.", " 杀光他们"]
)
def test_what_is_seen_late_in_a_long_text_holds_it_too(judge: Judge, last: str) -> None:
    """If a text is read in stretches, then what is seen in its last one holds it as it does alone, at its place in the whole."""
    text = HARMLESS * 58 + last
    assert len(text) > 4400
    whole = judge.whole(text)
    alone = judge.evidence(HARMLESS + last)
    wanted = {(one.kind, one.hold) for one in alone.findings if one.hold is not None}
    assert wanted <= {(one.kind, one.hold) for one in whole.findings}
    for one in whole.findings:
        if one.begin is not None and one.end is not None:
            assert 0 <= one.begin <= one.end <= len(text)
    assert len(set(whole.findings)) == len(whole.findings)
