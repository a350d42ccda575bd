"""Words on a terminal: what would act there is written out, and nothing else is changed."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from meydan.text.visible import visible, visible_json, visible_line

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
