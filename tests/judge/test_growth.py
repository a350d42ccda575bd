"""
Hostile texts: the work grows with the length and no faster, and padding hides nothing.
"""

from __future__ import annotations

import time

import pytest

from meydan import policy
from meydan.comment import Verdict
from meydan.judge import Judge, decide
from meydan.judge.classifier import Classifier
from meydan.judge.judge import SPANS_AT_MOST
from meydan.judge.lexicon import Lexicons
from meydan.judge.mending import Mending

SHORT = 2_500
LONG = 4 * SHORT


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


@pytest.fixture(scope="module")
def around_the_encoder() -> Judge:
    """
    All of the full judge but its encoder, which reads a long text in windows of one size: whatever grew too fast beside
    so much work that does not would be seen later.
    """
    lexicons = Lexicons.load()
    return Judge(Classifier.load(), lexicons, mending=Mending.load(lexicons.english_words))


def seconds_for(judge: Judge, text: str) -> float:
    """Processor time of the faster of two readings: what else runs here does not count."""
    best = float("inf")
    for _ in range(2):
        begin = time.process_time()
        judge.evidence(text)
        best = min(best, time.process_time() - begin)
    return best


# Each is repeated; after an opening quotation mark, those of which what is quoted is read apart.
PIECES = [
    "7.", "7,", "0.", "0", "1 ", "5% ", "$5 ", "0-", "+9 ", "a.", "a.com ", "www.", "@a ", "a@b.", "*", "f*",
    "fuck ", "1d10t ", "f u c k ", "you are an idiot ", "i will kill ", "I am a fool. ", "all muslims are ",
    "not ", "but ", "if you ", '"a" ', "'", '" ', "blue tit ", "Bob Smith is a very ", "call 0750 ", "\u0301",
    "f\u200bu\u200bc\u200bk", "\u4e00", "\n", "! ",
]  # fmt: skip
QUOTED = [
    "7.",
    "a.com ",
    "fuck ",
    "you are an idiot ",
    "all muslims are ",
    "not ",
    '"a" ',
    "Bob Smith is a very ",
]


WHOLE = ["7.", "a@b.", "1d10t ", "\u0301", "\u4e00", "f u c k "]
"""Of which the windows are made, too."""


def assert_grows_with_the_length(judge: Judge, piece: str, opening: str) -> None:
    short, long = (opening + (piece * size)[:size] for size in (SHORT, LONG))
    judge.evidence(short)
    assert seconds_for(judge, long) < 9 * seconds_for(judge, short) + 0.02


@pytest.mark.parametrize(
    ("opening", "piece"), [*(("", piece) for piece in PIECES), *(('"', piece) for piece in QUOTED)]
)
def test_the_work_grows_with_the_length(around_the_encoder, piece, opening):
    """If a hostile text is four times as long, then judging it takes nowhere near sixteen times as long."""
    assert_grows_with_the_length(around_the_encoder, piece, opening)


@pytest.mark.parametrize("piece", WHOLE)
def test_the_encoders_work_grows_with_the_length(judge, piece):
    """If the encoder reads it too, then the same is true."""
    assert_grows_with_the_length(judge, piece, "")


@pytest.mark.parametrize(
    "padding",
    ["I am a fool. ", '"I will stab you" is a vile thing to hear. ', "I felt like an idiot. ", "Shit. "],
)
def test_padding_hides_no_threat(judge, padding):
    """If a threat follows hundreds of harmless or lesser hits, then the comment is still rejected."""
    made = decide(
        judge.evidence(padding * (4_000 // len(padding)) + "I will break your neck."), policy.load()
    )
    assert made.verdict is Verdict.REJECT
    assert "threats" in {reason.rule for reason in made.reasons}


def test_padding_by_its_own_kind_reaches_a_person(judge):
    """If hundreds of excused phrases come before the same phrase in earnest, then a person looks at least."""
    text = "I am not racist, I say. Nobody should claim that all Turks are vermin, it is false. " * 240
    made = decide(judge.evidence(text[:19_000] + "All Turks are vermin."), policy.load())
    assert made.verdict is not Verdict.APPROVE


def test_what_is_shown_is_bounded(judge):
    """If thousands of words are listed, then no more is kept of where they are than a person can read."""
    listed = [span for span in judge.evidence("shit fuck " * 1_000).spans if span.source != "classifier"]
    assert 0 < len(listed) <= SPANS_AT_MOST
