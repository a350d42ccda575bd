"""What the encoder reads of a text."""

from __future__ import annotations

import pytest

from meydan.comment import Hold
from meydan.judge import Judge
from meydan.judge.reading import as_written, opened, undisguised_otherwise
from meydan.text.fold import fold

HUNG_ON = "nobody would miss you"


@pytest.mark.parametrize("sign", [",", "—", "،", "؛", "\u2800", "'"])
def test_what_is_hung_on_an_address_is_read(sign: str) -> None:
    """If words follow an address without a gap, by a sign that no address has, then they are read."""
    read = as_written(f"Good read. www.x.example{sign}{HUNG_ON.replace(' ', sign)}")
    assert "nobody" in read
    assert "miss" in read


@pytest.mark.parametrize(
    "text",
    [
        "Good read. https://x.example/nobody-would-miss-you",
        "Good read. www.x.example/a?q=nobody+would+miss+you",
        "@nobody_would_miss_you good read",
    ],
)
def test_words_inside_addresses_are_read_a_second_time(text: str) -> None:
    """If an address or a handle is made of words, then the first reading is without them and the second with them."""
    again = opened(text)
    assert "nobody" not in as_written(text)
    assert again is not None
    assert HUNG_ON in again


@pytest.mark.parametrize(
    "text", ["", "No address here.", "See www.bbc.com/news/1234 and @hana", "a@b.example"]
)
def test_what_holds_no_words_is_read_once(text: str) -> None:
    """If no address holds several words, then there is no second reading."""
    assert opened(text) is None


def test_a_sign_that_stands_for_two_letters_is_read_both_ways() -> None:
    """If a sign may stand for two letters, then the reading with the other one is there too."""
    assert undisguised_otherwise(fold("th3y sh0u1d a11 b3 k1ll3d")) not in (None, fold("x").text)
    assert undisguised_otherwise(fold("They should all stay.")) is None


def test_stars_are_not_undone() -> None:
    """If letters are hidden behind stars, then the text is not undone; where signs stand for letters, it is."""
    assert not fold("We sh*uld s*nd th*m b*ck in b*xes").is_undone
    assert fold("gr34t r3p0rt, th4nk y0u").is_undone


def test_what_is_too_long_to_be_read_waits() -> None:
    """If a text has more tokens than are read, as a sign that stands for many words makes it, then a person reads it."""
    evidence = Judge.load().evidence("\ufdfa" * 1700 + " هؤلاء الناس لا يستحقون الحياة")
    assert Hold.LENGTH in {finding.hold for finding in evidence.findings}
