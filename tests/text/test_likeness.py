"""What is nearly the same, and what only sounds so."""

from __future__ import annotations

import hashlib
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.text.likeness import SIZE, Likeness, count_near


def keyed(purpose: str, value: str, key: str = "secret") -> str:
    return hashlib.sha256(f"{key}\x00{purpose}\x00{value}".encode()).hexdigest()[:32]


LIKENESS = Likeness(keyed)


def near(a: str, b: str) -> bool:
    first, second = LIKENESS.of(a), LIKENESS.of(b)
    return first is not None and second is not None and count_near(first, [second]) == 1


EARN = (
    "Earn 500 dollars a day from home, write to Karim on the channel and begin today, hundreds already did it"
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (EARN, EARN.replace("500", "9,350").upper()),
        (EARN, EARN.replace("Karim", "Selma").replace("today", "tonight")),
        (EARN, EARN.replace(" ", " \u200b").replace("e", "e\u200d") + " 🔥🔥 #4711"),
        (EARN, EARN.replace("a", "а").replace("\n", "\r\n")),
        ("هذا الخبر كاذب والصحيفة تأخذ أموالها من الحكومة، انشروا هذا الكلام في كل مكان قبل أن يحذفوه",
         "هذا الخبر كاذب والصحيفة تأخذ أموالها من الوزارة، انشروا هـــذا الكلام في كل مكان قبل أن يحذفوه 123"),
        ("Bu haber yalan, gazete parasını hükümetten alıyor, silmeden önce herkese gönderin arkadaşlar",
         "BU HABER YALAN, gazete parasını bakanlıktan alıyor, silmeden önce herkese gönderin arkadaşlar!!!"),
    ],
)  # fmt: skip
def test_a_changed_word_hides_nothing(one: str, other: str) -> None:
    """If some words, numbers, invisible letters or emoji of a text are changed, then it is nearly the same."""
    assert near(one, other)


INNOCENT = [
    "I have lived in this street for twenty years and nothing has changed since the flood of the old bridge.",
    "I have lived here for thirty years and I have never seen the river as low as it was this autumn, never.",
    "The minister should explain why the road was closed for a year without a word to the people who live there.",
    "Nobody explained to us why the school was closed for a month; the people of the town heard it on the radio.",
    "Thank you for this report. I would like to read more about who signed the contract and what it cost us.",
    "Thank you for the interview, I would like to hear the other side of it too, and what the workers think.",
    "شكراً على هذا التحقيق، أتمنى أن تكتبوا المزيد عن العقد وعمن وقّع عليه وكم كلّف أهل المدينة من مال",
    "شكراً على المقابلة، أتمنى أن نسمع رأي العمال أيضاً وما يقوله أهل الحي عن إغلاق الطريق طوال السنة",
]


def test_what_many_write_is_not_the_same() -> None:
    """If readers write of the same thing in words of their own, then no two of their comments are nearly the same."""
    assert [pair for pair in combinations(INNOCENT, 2) if near(*pair)] == []


@pytest.mark.parametrize(
    "text", ["", "Thank you!", "Well said 👏👏👏", "+1 " * 400, "دەستخۆش", "\u200b" * 50, "12345 67890 12345"]
)
def test_what_is_too_short_has_no_signature(text: str) -> None:
    """If a text has hardly a letter, then it has no signature: nobody's thanks are a flood."""
    assert LIKENESS.of(text) is None


@given(st.text(max_size=200))
def test_any_text_has_a_signature_or_none(text: str) -> None:
    """If any text is signed, then its signature is of its size and the same each time, and CRLF is as LF."""
    signature = LIKENESS.of(text)
    assert signature is None or len(signature) == SIZE
    assert LIKENESS.of(text.replace("\n", "\r\n")) == LIKENESS.of(text)
    assert count_near(bytes(SIZE), [b"", b"short"]) == 0


def test_without_the_key_nothing_fits() -> None:
    """If somebody has another key, then the same text has another signature."""
    mine = LIKENESS.of(EARN)
    theirs = Likeness(lambda purpose, value: keyed(purpose, value, "other")).of(EARN)
    assert mine is not None
    assert theirs is not None
    assert count_near(mine, [theirs]) == 0
