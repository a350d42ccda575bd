"""
Certain signs: what is seen, what it points at, and what it must not be taken for.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.comment import History, Hold
from meydan.judge import signals


def kinds(text: str) -> list[str]:
    return [finding.kind for finding in signals.read(text).findings]


@pytest.mark.parametrize(
    ("text", "kind", "stretch"),
    [
        ("see https://example.org/a?b=c now", "link", "https://example.org/a?b=c"),
        ("see www.example.org now", "link", "www.example.org"),
        ("go to cheap-shoes.shop/now please", "link", "cheap-shoes.shop/now"),
        ("it was on bbc.com.", "link", "bbc.com"),
        ("visit example dot com today", "hidden-link", "example dot com"),
        ("visit example[.]com today", "hidden-link", "example[.]com"),
        ("write to me.you@example.org", "email", "me.you@example.org"),
        ("write to me (at) example (dot) org", "email", "me (at) example (dot) org"),
        ("join t.me/signals", "invite", "t.me/signals"),
        ("add @some.body there", "handle", "@some.body"),
        ("call +964 750 123 4567", "phone", "+964 750 123 4567"),
        ("call 00964-750-123-4567", "phone", "00964-750-123-4567"),
        ("call 0750 123 4567 now", "phone", "0750 123 4567"),
        ("call 0532 123 45 67", "phone", "0532 123 45 67"),
        ("call (555) 010-0199", "phone", "(555) 010-0199"),
        ("call ٠٧٥٠ ١٢٣ ٤٥٦٧", "phone", "٠٧٥٠ ١٢٣ ٤٥٦٧"),
        ("only $500!", "price", "$500"),
        ("only 50,000 IQD", "price", "50,000 IQD"),
        ("why?!?!", "exclaiming", "?!?!"),
    ],
)
def test_a_sign_is_seen_where_it_is(text, kind, stretch):
    """If there is a link, an address, a number or a price, then the finding points at exactly it."""
    found = [f for f in signals.read(text).findings if f.kind == kind]
    assert [text[f.begin : f.end] for f in found] == [stretch]


@pytest.mark.parametrize(
    "text",
    [
        "From 2003 to 2011, and again in 2014 and 2017.",
        "The match ended 3-0, then 2-1, and 45 000 people watched.",
        "On 05.12.2020 at 14:30, 1,200,000 people were without power.",
        "They killed 32, wounded 110 and captured 2,450.",
        "Resolution 2254, article 140, page 1234567.",
        "It ended.Nobody knew why.It was late.",
        "e.g. the U.S. and the U.K., i.e. both",
        "He is 1.85 m tall, born 12/05/1990.",
        "IBAN is not a word, 12345678901234567890 is a number.",
    ],
)
def test_figures_are_not_telephone_numbers(text):
    """If there are years, scores, dates and casualties, then no number and no link is seen in them."""
    assert not {"phone", "link", "email", "hidden-link", "invite"} & set(kinds(text))


def test_one_link_is_how_a_reader_cites():
    """If there is one link, then it is hardly advertising; with four it may be."""
    one = signals.read("The report: https://example.org/report.pdf").promotion
    four = signals.read(" ".join(f"https://example.org/{n}" for n in range(4))).promotion
    assert one < 0.1
    assert 0.3 <= four < 0.9


@pytest.mark.parametrize(
    ("text", "history", "hold"),
    [
        ("A comment that is long enough to repeat.", History(repeats=2), Hold.FLOOD),
        ("A comment that is long enough to repeat.", History(repeats=1), None),
        ("Rest in peace.", History(repeats=50), None),
        ("Anything.", History(on_story=30, flood_from=30), Hold.FLOOD),
        ("Anything.", History(on_story=29, flood_from=30), None),
    ],
)
def test_floods_and_repeats_wait(text, history, hold):
    """If many comments arrive, or a longer one again and again, then they wait; short condolences do not."""
    assert {f.hold for f in signals.read(text, history=history).findings} == ({hold} if hold else set())


@pytest.mark.parametrize(
    ("text", "obfuscation", "kind", "hold"),
    [
        ("plain words", 0.5, "obfuscated", Hold.OBFUSCATED),
        ("z\u0300\u0301\u0302\u0303\u0304algo", 0.0, "stacked-marks", Hold.OBFUSCATED),
        ("left \u202eright\u202c", 0.0, "direction", Hold.OBFUSCATED),
        ("quoted \u2067اقتباس\u2069 here", 0.0, "direction", None),
        ("1234 !!! 👍", 0.0, "no-letters", Hold.UNCERTAIN),
        ("THIS IS AN OUTRAGE AND YOU KNOW IT", 0.0, "shouting", None),
    ],
)
def test_form_can_hold_and_shouting_cannot(text, obfuscation, kind, hold):
    """If much is disguised, piled up, reversed or without letters, then a person looks; shouting alone decides nothing."""
    found = {f.kind: f.hold for f in signals.read(text, obfuscation=obfuscation).findings}
    assert found[kind] is hold


@pytest.mark.parametrize(
    "text",
    ["Tiếng Việt có dấu", "كِتَابٌ جَمِيلٌ جِدًّا", "e\u0301te\u0301", "می‌خواهم"],
)
def test_marks_that_languages_use_are_no_disguise(text):
    """If a language writes marks and joiners, then they are not taken for a disguise."""
    assert not {"stacked-marks", "direction"} & set(kinds(text))


@pytest.mark.parametrize(
    "text",
    [
        "Karim Rashid is a thief.",
        "Everyone knows that Sara Aziz stole the money.",
        "Hiwa Karim raped a girl in 2019.",
        "The owner, Dler Hassan, took bribes for years. Dler Hassan took bribes.",
        "Anna Maria Lopez is the murderer.",
        "Veli Şahin derneğin parasını zimmetine geçirdi.",
        "بە چاوی خۆم بینیم ئازاد کەریم بەرتیلی وەرگرت",
    ],
)
def test_a_crime_alleged_of_a_named_person_waits(text):
    """If a crime is alleged of a person by first and last name, then a person decides."""
    assert Hold.ALLEGATION in {f.hold for f in signals.read(text).findings}


@pytest.mark.parametrize(
    "text",
    [
        "Donald Trump is a criminal.",
        "President Karim Rashid is a thief.",
        "Islamic State is a killer.",
        "The Ruling Party stole the election.",
        "The killer was Karim's neighbour.",
        "Whoever did this is a thief.",
        "Saddam Hussein murdered thousands.",
        "Karim Rashid is a teacher.",
        "Müdürün biri parayı zimmetine geçirdi.",
        "بە چاوی خۆم بینیم ئازاد کەریم نانی دابەش کرد",
    ],
)
def test_the_powerful_and_the_nameless_may_be_accused(text):
    """If a crime is alleged of a head of state, a party or nobody by name, then it does not wait for that."""
    assert Hold.ALLEGATION not in {f.hold for f in signals.read(text).findings}


@given(st.text(max_size=300), st.floats(0, 1))
def test_any_text_can_be_read(text, obfuscation):
    """If any text is read, then findings lie inside it and hold none of its words."""
    read = signals.read(text, obfuscation=obfuscation)
    assert 0 <= read.promotion <= 1
    for found in read.findings:
        assert (found.begin is None) == (found.end is None)
        if found.begin is not None:
            assert 0 <= found.begin < found.end <= len(text)
        assert found.detail in DETAILS


DETAILS = {
    "a link",
    "an e-mail address",
    "an invitation to a channel or chat",
    "a link written so as not to look like one",
    "the name of an account",
    "a telephone number",
    "an amount of money",
    "written almost wholly in capitals",
    "four or more exclamation or question marks in a row",
    "much of it is written in disguise",
    "not one letter in it",
    "invisible controls of reading direction",
    "marks stacked on letters",
    "a crime alleged of a named person",
}


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a.",
        "1",
        "1,",
        "1 ",
        "@",
        "a@",
        "www.",
        "http://",
        "$1",
        "Aa ",
        "Abc Def is a ",
        "\u0301",
        "!",
        "(",
        "+1 ",
        "-",
    ],
)
def test_reading_time_grows_no_faster_than_the_text(piece):
    """If the same piece is repeated four times as often, then reading takes far less than sixteen times as long."""

    def seconds(times: int) -> float:
        best = 9.0
        for _ in range(3):
            begin = time.process_time()
            signals.read(piece * times)
            best = min(best, time.process_time() - begin)
        return best

    size = 5000 // len(piece)
    assert seconds(4 * size) < 10 * seconds(size) + 0.02
