"""Which words weighed: a planted scorer for which only some words matter must yield exactly these."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from meydan.comment import RULE_LABELS, Evidence
from meydan.judge import Judge
from meydan.judge.lexicon import Lexicon
from meydan.judge.occlusion import READINGS, SHARE, Weighed, weigh, words_of

Read = Callable[[Sequence[str]], NDArray[np.float32]]

WORDS = st.lists(
    st.sampled_from(["water", "su", "ئاو", "ماء", "naïve", "don't", "👩‍👩‍👧", "e\u0301t\u0301"]), max_size=90
)
PLANTED = "zork"


def planted(*words: str) -> Read:
    """A scorer that is alarmed by these words and by nothing else, each adding to the alarm."""

    def read(texts: Sequence[str]) -> NDArray[np.float32]:
        found = [sum(text.split().count(word) for word in words) for text in texts]
        return np.array([1 - 0.5 / (1 + 9 * n) if n else 0.05 for n in found], np.float32)

    return read


def named(text: str, found: Sequence[Weighed]) -> list[str]:
    return [text[one.begin : one.end] for one in found]


@given(WORDS, st.integers(0, 90))
@settings(deadline=None)
def test_the_word_that_matters_is_named(words: list[str], at: int) -> None:
    """If only one word alarms, then it is named; alone, unless the text is too long to read word by word."""
    at = min(at, len(words))
    words.insert(at, PLANTED)
    text = " ".join(words)
    found = weigh(text, "threat", planted(PLANTED))
    assert len(found) == 1
    assert found[0].weight == 1.0
    if len(words) <= 48:
        assert named(text, found) == [PLANTED]
    else:
        assert PLANTED in named(text, found)[0].split()
        assert len(named(text, found)[0].split()) <= 3


@given(st.text(max_size=300), st.integers(1, READINGS))
@settings(deadline=None)
def test_places_are_in_the_text_and_readings_bounded(text: str, readings: int) -> None:
    """If any text is explained by any scorer, then every place is in it, in order, and the work is bounded."""
    asked: list[str] = []

    def read(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.extend(texts)
        return np.array([(hash(one) % 97) / 97 for one in texts], np.float32)

    found = weigh(text, "threat", read, readings=readings)
    assert len(asked) <= readings
    ends = 0
    for one in found:
        assert 0 <= ends <= one.begin < one.end <= len(text)
        assert 0.0 < one.weight <= 1.0
        assert one.weight >= SHARE - 0.001
        ends = one.end
    assert not found or max(one.weight for one in found) == 1.0


@pytest.mark.parametrize("size", [1, 47, 48, 49, 200, 3000, 10_000])
def test_a_long_text_costs_no_more(size: int) -> None:
    """If a text is as long as the judge reads, then it is read at most 64 times, and the place is found."""
    words = ["so"] * size
    words[size * 2 // 3] = PLANTED
    count = 0

    def read(texts: Sequence[str]) -> NDArray[np.float32]:
        nonlocal count
        count += len(texts)
        return planted(PLANTED)(texts)

    text = " ".join(words)
    found = weigh(text, "threat", read)
    assert count <= READINGS
    assert len(found) == 1
    assert PLANTED in named(text, found)[0].split()


def test_neighbours_are_one_stretch() -> None:
    """If two words beside each other matter, then they are one stretch, stops between them and all."""
    text = "well, you zork! blip, I say"

    def read(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([0.1 + 0.4 * ("zork" in one) + 0.4 * ("blip" in one) for one in texts], np.float32)

    assert named(text, weigh(text, "threat", read)) == ["zork! blip"]


def test_what_is_said_twice_is_found() -> None:
    """If the same is said twice, so that no single word changes the score, then both places are named."""

    def read(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([0.95 if "zork" in one else 0.05 for one in texts], np.float32)

    text = "zork is a word and zork is it again"
    assert named(text, weigh(text, "threat", read)) == ["zork", "zork"]


def test_nothing_is_named_where_nothing_matters() -> None:
    """If no word moves the score, then none is blamed; nor is anything in a text without words."""
    for text in ("", "  \n", "one two three"):
        assert weigh(text, "threat", lambda texts: np.full(len(texts), 0.9, np.float32)) == ()


CLINGS = ["\u0301", "\u200d", "\ufe0f", "\U0001f3fd", "\u0651"]


@given(st.text(alphabet=[*"ab .,!(", "ا", "👍", *CLINGS], max_size=40))
def test_no_grapheme_is_cut(text: str) -> None:
    """If a place begins or ends, then not before a mark that belongs to the letter before it."""
    for begin, end in words_of(text):
        assert begin < end
        for cut in (begin, end):
            inside = 0 < cut < len(text)
            assert not (inside and (unicodedata.category(text[cut])[0] == "M" or text[cut] in CLINGS))


class OneWord:
    """A classifier for which only one word matters."""

    labels = RULE_LABELS
    model = "sha256:one-word"

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        scores = np.full((len(texts), len(RULE_LABELS)), 0.01, np.float32)
        scores[:, RULE_LABELS.index("threat")] = [0.9 if PLANTED in text else 0.02 for text in texts]
        return scores

    def weigh(self, text: str, label: str) -> Sequence[tuple[int, int, float]]:
        return []


def test_the_judge_explains_what_scored() -> None:
    """If the judge is asked why, then the labels that may hold are explained, with places in the text as sent."""
    judge = Judge(OneWord(), Lexicon.load())
    text = "I walked to the market, and the Z\u200bORK was there as every day, my friends."
    evidence = judge.evidence(text)
    assert (evidence.scores["threat"] or 0) >= 0.3
    found = judge.why(text, evidence)
    assert [(one.label, text[one.begin : one.end]) for one in found] == [("threat", "Z\u200bORK")]
    assert judge.explain(text, "relevance") == ()
    assert judge.why(text, Evidence()) == ()
    assert Judge(None, Lexicon.load()).explain(text, "threat") == ()
