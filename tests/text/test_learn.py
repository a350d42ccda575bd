"""The tables are learned from our own sentences, the same way every time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from meydan.comment import LANGUAGES
from meydan.text import learn
from meydan.text.language import _tables, identify


def test_no_sentence_it_is_tested_on_was_learned() -> None:
    """If a test sentence has three words or more, then it is none of the sentences learned from."""
    learned = {tuple(line) for lines in learn.read_sentences().values() for line in lines}
    cases = Path(__file__).with_name("language_cases.jsonl").read_text(encoding="utf-8").splitlines()
    asked = [tuple(learn.words_of(json.loads(line)["text"])) for line in cases]
    assert [words for words in asked if len(words) >= 3 and words in learned] == []


def test_every_language_with_sentences_is_in_the_tables() -> None:
    """If sentences of a language are there, then the shipped tables know its tag, and nothing else but noise."""
    known = {tag for table in _tables().of.values() for tag in table.tags}
    assert set(learn.read_sentences()) == known - {"zxx"}
    assert set(LANGUAGES) <= known


def test_main_languages_have_hundreds_of_sentences() -> None:
    """If a language is one that Meydan judges, then it has well over a hundred lines of its own."""
    for tag in LANGUAGES:
        assert len(learn.read_sentences()[tag]) >= 120, tag


def test_learning_is_repeatable_and_tells_spelling_apart() -> None:
    """If the same examples are learned twice, then the weights are the same, and each example finds its language."""
    examples = [["the", "house"], ["haus", "das"], ["our", "houses"], ["häuser", "der"]] * 40
    answers = np.array([0, 1, 0, 1] * 40)
    vocabulary, weights, bias = learn._fit(examples, answers, 2)
    again = learn._fit(examples, answers, 2)
    assert vocabulary == again[0]
    assert np.array_equal(weights, again[1])
    assert np.array_equal(bias, again[2])
    index = {gram: i for i, gram in enumerate(vocabulary)}
    for words, answer in zip(examples[:4], answers, strict=False):
        rows = [index[gram] for word in words for gram in learn.grams(word) if gram in index]
        assert int((weights[rows].sum(axis=0) + bias).argmax()) == answer


def test_kurmanji_is_also_read_into_arabic_letters() -> None:
    """If Kurmanji is written in Latin letters, then learning also sees it as Duhok writes it."""
    assert learn.in_arabic_letters("ez") == "ئەز"
    assert learn.in_arabic_letters("kurdistan") == "کوردستان"
    assert (
        identify(" ".join(map(learn.in_arabic_letters, ["ez", "dixwazim", "we", "hemûyan", "bibînim"]))).tag
        == "kmr-Arab"
    )
