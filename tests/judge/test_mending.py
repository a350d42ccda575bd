"""
Slips in English words, and words run together, as the judge reads them.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.judge import Judge
from meydan.judge.lexicon import Lexicons
from meydan.judge.mending import Mending
from meydan.text.fold import fold

MENDED = [
    # as sent                                as read
    ("You are an imbcile.", "you are an imbecile."),
    ("They are vermn, all of them", "they are vermin, all of them"),
    ("you stuipd man", "you stupid man"),
    ("youareanidiot and you know it", "you are an idiot and you know it"),
    ("yuo mroon", "you moron"),
    ("Send the refgees back in sacks", "send the refugees back in sacks"),
]

LEFT = [
    "Barzani and Talabani met in Qamishlo on Sunday.",
    "The Peshmerga held the ridge above Makhmour.",
    "He wrote it in https://news.example/vermn/idot and nowhere else.",
    "Ask @idot about it, or see #vermn.",
    "My uncle Moront came from Duhok.",
    "Faggin invented the microprocessor and they should thank him.",
    "Thanks, a good read.",
    "Teşekkürler, güzel bir haber olmuş.",
    "",
]


@pytest.fixture(scope="module")
def mending() -> Mending:
    return Mending.load(Lexicons.load().english_words)


@pytest.mark.parametrize(("sent", "meant"), MENDED)
def test_slips_are_read_as_the_words_they_hide(mending: Mending, sent: str, meant: str) -> None:
    """If a letter is lost, changed or exchanged, or words run together, then they are read as meant."""
    read = mending.mended(fold(sent))
    assert read is not None
    assert read.text == meant


@pytest.mark.parametrize("sent", LEFT)
def test_names_addresses_and_plain_words_are_left(mending: Mending, sent: str) -> None:
    """If a word is a name, part of an address or in the dictionary, then it is read as it is."""
    assert mending.mended(fold(sent)) is None


def test_what_was_mended_is_found_where_it_was_sent(mending: Mending) -> None:
    """If a listed word is found in a mended text, then its place is that of the letters that were sent."""
    sent = "Honestly, Sir: yuo are an IMBCILE, all of it."
    folded = fold(sent)
    hits = Lexicons.load().find(folded, "en", mending.mended(folded))
    assert any(sent[hit.begin : hit.end].endswith("IMBCILE") for hit in hits)
    assert not Lexicons.load().find(folded, "en")


@given(st.text(max_size=200))
def test_any_text_can_be_mended(mending: Mending, text: str) -> None:
    """If a text is anything at all, then reading it raises nothing, and its words lie within it."""
    read = mending.mended(fold(text))
    if read is not None:
        begin, end = read.span(0, len(read.text))
        assert 0 <= begin <= end <= len(text)


@pytest.mark.parametrize(
    "sent", ["idiotas", "moronos", "terroristes", "muslimani", "o autor", "dem dey tiff our moni"]
)
def test_a_mended_word_makes_no_english(sent: str) -> None:
    """If a foreign word looks like an English slip, then its text is called no English, and is held."""
    judge = Judge.load()
    assert judge.evidence(sent).language != "en"
    assert judge.evidence("killallofthem").language == "en"


def test_one_long_word_takes_no_longer(mending: Mending) -> None:
    """If a word is longer than any word is, then nothing is looked for in it."""
    assert mending.mended(fold("x" * 20_000)) is None
