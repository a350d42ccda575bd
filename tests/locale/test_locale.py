"""The interface's words: every language says everything, and a tag finds its language."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from meydan.locale import INTERFACE, accepted, direction_of, interface_of, words


@pytest.mark.parametrize("tag", INTERFACE)
def test_every_catalogue_says_everything(tag: str) -> None:
    """If English has a key, then every language has it, with the same blanks and not empty."""
    english, other = words("en"), words(tag)
    assert other.language == tag
    assert set(other.keys()) == set(english.keys())
    for key in set(english.keys()):
        assert other[key].strip(), key
        assert other.blanks(key) == english.blanks(key), key


@pytest.mark.parametrize(
    ("sent", "ours"),
    [
        ("en", "en"),
        ("en-GB", "en"),
        ("ar-IQ", "ar"),
        ("CKB_IQ", "ckb"),
        ("ku", "kmr-Latn"),
        ("kmr-Latn-TR", "kmr-Latn"),
        ("kmr-Arab", None),
        ("fa", None),
        ("", None),
        (None, None),
        ("\ud800", None),
        ("-" * 300, None),
    ],
)
def test_a_tag_finds_its_language(sent: str | None, ours: str | None) -> None:
    """If a page names a language, then its nearest interface is found, or none, never a wrong one."""
    assert interface_of(sent) == ours
    assert words(sent).language == (ours or "en")


def test_the_browser_s_favourite_wins() -> None:
    """If a browser names several languages, then the one of ours it likes best is taken."""
    assert accepted("de, tr;q=0.5, ckb;q=0.8, *;q=0.1") == "ckb"
    assert accepted("de, fr;q=0.9") is None
    assert accepted("ar;q=oops, en;q=0.2") == "en"
    assert accepted("ar;q=0, ;;;,") is None


@pytest.mark.parametrize(
    ("tag", "direction"),
    [
        ("ar", "rtl"),
        ("ckb", "rtl"),
        ("kmr-Arab", "rtl"),
        ("kmr-Latn", "ltr"),
        ("fa-IR", "rtl"),
        ("az-Latn", "ltr"),
        (None, "ltr"),
    ],
)
def test_a_language_has_its_direction(tag: str | None, direction: str) -> None:
    """If a language is written in Arabic or Hebrew letters, then it runs from right to left."""
    assert direction_of(tag) == direction


def test_dates_are_written_for_people() -> None:
    """If a moment is shown, then it is in UTC, to the minute, with the month's name."""
    at = datetime(2026, 11, 23, 16, 3, 59, tzinfo=UTC)
    assert words("en").date(at) == "23 November 2026, 16:03 UTC"
    assert words("kmr-Latn").date(at) == "23 Mijdar 2026, 16:03 UTC"
