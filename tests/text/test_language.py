"""English is shown twice before it is believed; what is not known is not guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.comment import LANGUAGES, UNKNOWN_LANGUAGE
from meydan.text.fold import fold
from meydan.text.language import Language, identify
from tests.proportion import in_proportion

CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in Path(__file__).with_name("language_cases.jsonl").read_text(encoding="utf-8").splitlines()
]
# What must be reached, of sentences no table was learned from (docs/decisions/0005 has the figures).
LEAST_RIGHT = {"en": 0.95, "tr": 0.9, "kmr-Latn": 0.9, "ckb": 0.88, "kmr-Arab": 0.92, "ar": 0.95, "fa": 0.85}


@pytest.mark.parametrize("tag", LANGUAGES)
def test_each_language_is_known(tag: str) -> None:
    """If a sentence is held out from learning, then its language is named as often as the record says."""
    for part in ("development", "held-out"):
        texts = [case["text"] for case in CASES if case["tag"] == tag and case["part"] == part]
        assert len(texts) >= 40 or (part == "development" and tag == "mixed")
        right = sum(identify(text).tag == tag for text in texts)
        # The development sentences hold more single words, which two languages share.
        assert right / len(texts) >= LEAST_RIGHT[tag] - (0.1 if part == "development" else 0.0)


def test_english_is_not_claimed_falsely() -> None:
    """If a text in Latin letters is not English, then fewer than one in two hundred is called English."""
    texts = [
        case["text"]
        for case in CASES
        if case["tag"] != "en"
        and case["set"] != "mixed"
        and any("a" <= c <= "z" for c in case["text"].lower())
    ]
    assert len(texts) >= 500
    wrong = [text for text in texts if identify(text).tag == "en"]
    assert len(wrong) / len(texts) < 0.005, wrong


def test_a_hint_never_makes_clear_text_english() -> None:
    """If a page claims English over clear Turkish, Kurmanji or Arabizi, then the claim changes nothing."""
    clear = [
        case["text"]
        for case in CASES
        if case["tag"] in ("tr", "kmr-Latn", "de", "fr", None) and len(case["text"].split()) >= 3
    ]
    assert len(clear) >= 150
    wrong = [
        text for text in clear if identify(text, "en", ("en",)).tag == "en" and identify(text).tag != "en"
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        "Well said.",
        "Agree!",
        "lol no way",
        "First time I agree.",
        "thanks",
        "Shame!",
        "Fuck you",
        "Go to hell",
        "y0u are an 1d10t",
        "YOU ARE ALL S C U M",
        "уоu аrе stuріd",
        "s h u t  u p you m0r0n",
        "ｙｏｕ ａｒｅ ａ ｌｉａｒ",
        "u r a st*pid f*cking cow",
        "Kill them allllll!!!!",
        "Barzani met Öcalan's lawyers in Erbil and nobody in Ağrı cares",
        "I was born in Şırnak, my wife in Qamişlo.",
        "The PKK, the KDP and the PUK should all disarm 🙏",
        "naïve question: why is the café closed?",
    ],
)
def test_english_as_readers_write_it(text: str) -> None:
    """If English is short, disguised, shouted or full of Kurdish names, then it is still English, and only that."""
    found = identify(text)
    assert (found.tag, found.others) == ("en", ())


def test_a_short_word_that_two_languages_have_follows_the_page() -> None:
    """If one word could be several languages', then the page's claim decides, and without one nobody does."""
    assert identify("No.").tag == UNKNOWN_LANGUAGE
    assert identify("No.", "en").tag == "en"


@pytest.mark.parametrize(
    ("text", "both"),
    [(case["text"], {case["tag"], case["other"]}) for case in CASES if case["set"] == "mixed"],
)
def test_a_second_language_is_noticed(text: str, both: set[str]) -> None:
    """If a comment changes its language for a clause, then both languages are named."""
    found = identify(text)
    # Two words are no substantial part: "Nice article." beside a sentence in Arabic.
    assert both <= {found.tag, *found.others} or text.startswith("Nice article")
    assert found.tag != "en" or found.others


@pytest.mark.parametrize(
    "text",
    [
        "He wrote «لا أحد يصدق هذا الكلام الفارغ» under my comment.",
        "I agree with you completely but sizin gibi aptallara laf anlatamazsın and that is all",
        "Good. Em ê tu carî ji bîr nekin û nebexşînin. Bye.",
        "This is what I think: всё это ложь и пропаганда",
    ],
)
def test_a_hidden_sentence_is_noticed(text: str) -> None:
    """If a sentence in another language hides in English, then it does not pass as English alone."""
    found = identify(text)
    assert found.tag != "en" or found.others


@pytest.mark.parametrize(
    "text", ["Only \u0628\u0633 and سڵاو", "I said شكرا and left", "The word «да» means yes"]
)
def test_a_foreign_word_is_no_second_language(text: str) -> None:
    """If an English sentence quotes a word or two, then it stays English alone."""
    assert identify(text) == Language("en", identify(text).score, ())


@pytest.mark.parametrize(
    "text", ["", "   ", "\n", "😂😂", "!!!", "1234", "https://example.org/the-and-are", "@you #the"]
)
def test_nothing_to_read_is_unknown(text: str) -> None:
    """If there are no words, then the language is unknown, whatever the page claims."""
    assert identify(text, "en", ("en", "ar")).tag == UNKNOWN_LANGUAGE


@pytest.mark.parametrize(
    "text", ["asdkjh qwlekj zxmcn", "Barzani", "Erbil Duhok Kirkuk", "xqzt", "kjh kjh kjh kjh kjh"]
)
def test_names_and_noise_are_no_language(text: str) -> None:
    """If letters make no words of a language, then none is named as English."""
    assert identify(text).tag != "en"


@given(st.text(), st.sampled_from([None, "en", "ckb", "nonsense"]))
def test_any_text_has_an_answer(text: str, hint: str | None) -> None:
    """If anything at all is asked, then the answer is a tag and a score between 0 and 1."""
    found = identify(text, hint, ("en", "ar"))
    assert found.tag
    assert found.tag not in found.others
    assert 0.0 <= found.score <= 1.0


@given(st.sampled_from(CASES))
def test_a_folded_text_is_the_same_question(case: dict[str, Any]) -> None:
    """If the text comes folded, then the answer is the same."""
    assert identify(fold(case["text"])) == identify(case["text"])


@pytest.mark.parametrize(
    "piece",
    ["a.", "a-", ". ", "x ", "asdf qwer ", "http://a ", "ا ", "ё", "'a", "1a", "\u0301", "好", "the "],
)
def test_hostile_text_takes_time_in_proportion(piece: str) -> None:
    """If a text is long and hostile, then naming its language takes time in proportion to its length."""
    assert in_proportion(identify, lambda size: piece * (size // len(piece)), 100_000)


@pytest.mark.parametrize(
    ("said", "tag"),
    [
        ("杀光他们", "zh"),
        ("死ね、馬鹿", "ja"),
        ("죽어라", "ko"),
        ("מות להם", "he"),
        ("\U00010437\U0001042d", "und"),
        ("\u283d\u2815\u2825", "und"),
        ("\u2d30\u2d31", "und"),
    ],
)
def test_a_few_words_in_a_script_that_nobody_reads_are_named(said: str, tag: str) -> None:
    """If a text has a few letters in a script that no model reads, then it is partly in another language, however short that part."""
    for base in (
        "I think the minister is right and the people should read this article.",
        "أشكركم على هذا المقال المفيد جدا عن المدينة.",
    ):
        for text in (f"{base} {said}", f"{said} {base}", base.replace(" ", f" {said} ", 1)):
            assert tag in identify(text).others


@pytest.mark.parametrize("drawn", ["¯\\_(ツ)_/¯", "Ω", "µ ½ ™", "Beyoncé and Şêx", "🙂👍🏽", "⠿"])
def test_one_letter_may_be_drawing(drawn: str) -> None:
    """If a text has one letter of another script, or signs, then it is in one language."""
    assert identify(f"I think the minister is right and the people should read this. {drawn}").others == ()
