"""What is looked through is the same by the short way for plain text as by folding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meydan.text.fold import fold
from meydan.text.search import searchable, searchable_folded

texts = st.text(st.characters(max_codepoint=0x7F), max_size=30) | st.lists(
    st.sampled_from(
        ["Bus", "0ne", "_", "`", "\n", "\n\n", "  ", "\t", "\r", "\x00", "\x1c", "\x7f", "-", "é", "@"]
    ),
    max_size=8,
).map("".join)


@given(name=texts, text=texts)
def test_plain_text_is_found_by_the_same_words(name: str, text: str) -> None:
    """
    If a text is plain ASCII, then it is found by the words that folding it would give.
    """
    assert searchable(name, text) == searchable_folded(name, fold(text).text)
