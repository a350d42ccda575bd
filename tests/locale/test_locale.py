"""The interface's words: every language says everything, a tag finds its language, and dates and numbers are its own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from babel.core import Locale

from meydan.comment import CALENDARS, DIGITS
from meydan.locale import INTERFACE, accepted, direction_of, interface_of, words
from meydan.locale.calendars import SOLAR, day_in
from meydan.locale.plurals import form_of, forms_in, without_form
from tests.proportion import in_proportion


@pytest.mark.parametrize("tag", INTERFACE)
def test_every_catalogue_says_everything(tag: str) -> None:
    """If English has a key, then every language has it, not empty, with the same blanks and in every form of a number."""
    english, other = words("en"), words(tag)
    assert other.language == tag
    assert {without_form(key) for key in other.keys()} == {without_form(key) for key in english.keys()}  # noqa: SIM118
    for key in set(other.keys()):
        assert other[key].strip(), key
        base = without_form(key)
        if base == key:
            assert other.blanks(key) == english.blanks(key), key
        else:
            # "one comment" may say it in words; the form for most numbers names the number.
            assert other.blanks(key) <= {"number"}, key
            assert other.blanks(f"{base}.other") == {"number"}, key
            assert {f"{base}.{form}" for form in forms_in(tag)} <= set(other.keys()), key


@pytest.mark.parametrize(
    ("sent", "ours"),
    [
        ("en", "en"),
        ("en-GB", "en"),
        ("ar-IQ", "ar"),
        ("CKB_IQ", "ckb"),
        ("ku", "kmr-Latn"),
        ("ku-TR", "kmr-Latn"),
        ("kmr-Latn-TR", "kmr-Latn"),
        ("kmr-Arab", "kmr-Arab"),
        ("kmr-Arab-IQ", "kmr-Arab"),
        ("kmr-IQ", "kmr-Arab"),
        # What Windows calls Sorani, and what most Kurdish pages of Iraq are written in.
        ("ku-Arab-IQ", "ckb"),
        ("ku-IQ", "ckb"),
        ("fa", None),
        ("", None),
        (None, None),
        ("\ud800", None),
        ("-" * 300, None),
        ("tr" + "-x" * 16, "tr"),
        ("tr" + "-x" * 17, None),
    ],
)
def test_a_tag_finds_its_language(sent: str | None, ours: str | None) -> None:
    """If a page names a language, then its nearest interface is found, or none, never a wrong one."""
    assert interface_of(sent) == ours
    assert words(sent).language == (ours or "en")


def test_a_tag_of_hyphens_takes_time_in_proportion() -> None:
    """If somebody sends a tag of nothing but hyphens, then it takes no more time than its length."""
    assert in_proportion(interface_of, lambda size: "en" + "-" * size, 100_000)


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
        ("ku", "ltr"),
        ("ku-IQ", "rtl"),
        ("fa-IR", "rtl"),
        ("az-Latn", "ltr"),
        (None, "ltr"),
    ],
)
def test_a_language_has_its_direction(tag: str | None, direction: str) -> None:
    """If a language is written in Arabic or Hebrew letters, then it runs from right to left."""
    assert direction_of(tag) == direction


# -- numbers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "form"),
    [(0, "zero"), (1, "one"), (2, "two"), (3, "few"), (10, "few"), (11, "many"), (99, "many"), (100, "other"), (103, "few")],
)  # fmt: skip
def test_arabic_numbers_have_their_forms(number: int, form: str) -> None:
    """If a number is counted in Arabic, then its word stands in one of six forms."""
    assert form_of(number, "ar") == form


def test_a_number_stands_with_its_word() -> None:
    """If something is counted, then its word has the form that goes with the number, in the digits of the language."""
    assert [words("en").count("comments_counted", n) for n in (0, 1, 2)] == [
        "0 comments",
        "1 comment",
        "2 comments",
    ]
    assert [words("ar").count("comments_counted", n) for n in (1, 2, 3, 11, 100)] == [
        "تعليق واحد", "تعليقان", "٣ تعليقات", "١١ تعليقاً", "١٠٠ تعليق",
    ]  # fmt: skip
    assert words("ckb").count("comments_counted", 12) == "١٢ لێدوان"
    assert words("ckb", digits="latin").count("comments_counted", 12) == "12 لێدوان"


# -- dates ----------------------------------------------------------------------


AT = datetime(2026, 11, 23, 16, 3, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "calendar", "digits", "told"),
    [
        ("en", "gregorian", "own", "23 November 2026, 16:03 UTC"),
        ("kmr-Latn", "gregorian", "own", "23 Mijdar 2026, 16:03 UTC"),
        ("ar", "gregorian", "own", "٢٣ تشرين الثاني ٢٠٢٦، ١٦:٠٣ UTC"),
        ("kmr-Arab", "gregorian", "latin", "23 چریا دووێ 2026، 16:03 UTC"),
        ("ckb", "kurdish", "own", "٢ سەرماوەز ٢٧٢٦، ١٦:٠٣ UTC"),
        ("ckb", "jalali", "own", "۲ ئازەر ۱۴۰۵، ۱۶:۰۳ UTC"),
        ("en", "jalali", "own", "2 Azar 1405, 16:03 UTC"),
    ],
)
def test_dates_are_written_for_people(tag: str, calendar: str, digits: str, told: str) -> None:
    """If a moment is shown, then it is in UTC, to the minute, with the month's name, in the newsroom's calendar."""
    assert words(tag, calendar=calendar, digits=digits).date(AT) == told


def test_every_calendar_and_choice_of_digits_has_words() -> None:
    """If the guidelines can ask for a calendar or for digits, then every language has them."""
    for tag in INTERFACE:
        for calendar in CALENDARS:
            for digits in DIGITS:
                said = words(tag, calendar=calendar, digits=digits)
                assert len(set(said.months)) == 12
                assert len(set(said.digits)) == 10


@pytest.mark.parametrize(("tag", "cldr"), [("en", "en"), ("ar", "ar_IQ"), ("tr", "tr")])
def test_months_are_those_of_cldr_where_it_is_right(tag: str, cldr: str) -> None:
    """If CLDR names the months as readers know them, then so does the catalogue."""
    assert list(words(tag).months) == list(Locale.parse(cldr).months["format"]["wide"].values())


NEW_YEARS = [
    # As published: the Jalali year, its first day. The one before a 20 March that follows a 21 March is a leap year.
    (1375, date(1996, 3, 20)), (1376, date(1997, 3, 21)), (1395, date(2016, 3, 20)), (1396, date(2017, 3, 21)),
    (1397, date(2018, 3, 21)), (1398, date(2019, 3, 21)), (1399, date(2020, 3, 20)), (1400, date(2021, 3, 21)),
    (1401, date(2022, 3, 21)), (1402, date(2023, 3, 21)), (1403, date(2024, 3, 20)), (1404, date(2025, 3, 21)),
    (1405, date(2026, 3, 21)), (1408, date(2029, 3, 20)), (1409, date(2030, 3, 21)),
]  # fmt: skip


@pytest.mark.parametrize(("year", "first"), NEW_YEARS)
def test_a_solar_year_begins_at_nowruz(year: int, first: date) -> None:
    """If it is Nowruz, then the year begins in both solar calendars, and the day before ended the last one."""
    assert day_in("jalali", first) == (year, 1, 1)
    assert day_in("kurdish", first) == (year + SOLAR["kurdish"], 1, 1)
    last = day_in("jalali", first - timedelta(days=1))
    assert last[:2] == (year - 1, 12)
    assert last[2] in (29, 30)


def test_no_day_is_lost_between_months() -> None:
    """If days follow one another for forty years, then each is one day after the last in the solar calendar."""
    day, before = date(1990, 1, 1), day_in("jalali", date(1989, 12, 31))
    for _ in range(40 * 366):
        now = day_in("jalali", day)
        assert now == (before[0], before[1], before[2] + 1) or now[2] == 1
        if now[2] == 1:
            assert before[2] == (31 if before[1] <= 6 else 30) or before[1:] == (12, 29)
            assert now[:2] == ((before[0], before[1] + 1) if before[1] < 12 else (before[0] + 1, 1))
        day, before = day + timedelta(days=1), now
    assert day_in("gregorian", day) == (day.year, day.month, day.day)
