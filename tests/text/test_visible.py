"""Words on a terminal: what would act there is written out, and nothing else is changed."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.text.visible import cell, visible, visible_json, visible_line

# Two halves that meet would be one letter in JSON.
ANY = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\ud800\x1b\u202e\x9b"), max_size=30)
HOSTILE = "\x1b]0;taken\x07 \u202eesrever\u2066 \x9b31m \ud800 \U000e0041\u2028"


@given(ANY | st.just(HOSTILE))
def test_nothing_that_acts_is_left(text: str) -> None:
    """If a text is anything at all, then what is shown of it has no control, direction or half character, and can be encoded."""
    shown = visible(text)
    shown.encode()
    for letter in shown:
        assert letter in "\n\t\u200c\u200d" or unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp")
        assert unicodedata.bidirectional(letter) not in (
            "LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI",
        )  # fmt: skip


@given(st.text("abcÇşئەڕ \u200c\n.,؟", max_size=30))
def test_what_people_write_stays(text: str) -> None:
    """If a text is plain, in any script, then it is shown as it is."""
    assert visible(text) == text


@given(st.recursive(ANY, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY, inner, max_size=3)))
def test_json_says_the_same(value: object) -> None:
    """If an answer is made harmless, then it is the same JSON, which any terminal can be sent."""
    document = json.dumps(value, ensure_ascii=False)
    shown = visible_json(document)
    assert json.loads(shown) == value
    assert visible(shown) == shown


def test_a_word_is_one_line() -> None:
    """If a word is long or has line ends, then its beginning is shown in one line."""
    assert visible_line("post\n1\x1b[2J", 40) == "post\\n1\\x1b[2J"
    assert visible_line("x" * 100_000, 5) == "xxxxx…"
    assert visible_line("\x1b" * 5, 5) == "\\x1b\\…"


@pytest.mark.parametrize("word", ["=1", "=HYPERLINK(1)", "@SUM(1)", "\t=1", "\r=1", "+1+1", "-1+1", "-", "+", "-a", "-12,3", "+1\n", "-1.", "=", "-१"])  # fmt: skip
def test_a_formula_is_told_not_to_be_one(word: str) -> None:
    """If a spreadsheet would take a word for a formula, then its cell begins with an apostrophe, and is otherwise the word."""
    assert cell(word) == f"'{word}"


@pytest.mark.parametrize("word", ["", "-12", "+3.5", "-0", "12", "a=b", " =1", "–", "c7", "'=1", "٣"])
def test_what_is_no_formula_stays(word: str) -> None:
    """If a word is a plain number, or begins as no formula does, then its cell is the word."""
    assert cell(word) == word
