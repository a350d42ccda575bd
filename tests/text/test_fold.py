"""Folding sees through disguises, leaves innocent text alone, and always finds the way back."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meydan.text.fold import fold
from tests.proportion import in_proportion

# Drawn from few letters, so that the ones that act on each other meet.
AWKWARD = st.text(
    st.sampled_from(
        "aAbio1350 \n\t.-*_@$!|(+"
        "\u0301\u0336\u0489\u0308\u0654\u3099\u200b\u200d\u200c\u00ad\u202e\u2066\ufe0f\ufeff\ud800\udfff\x00\r\x85"
        "аеорйжαοΣςİıßéïşＡ𝒶ﷺﬁ½№ªⒶ🅰🇮🇩ｶﾞ\uffa1\uffc2\u1100\u1161"
        "اأىيكةەێۆـهٱ\u064e\u0653٣ﻻक\u093cं"
    )
)
TEXTS = st.one_of(AWKWARD, st.text(), st.text(st.characters(codec=None)))


@given(TEXTS)
@example("1\n5ς½ςＡ")
def test_folding_twice(text: str) -> None:
    """If a folded text is folded again, then nothing changes."""
    folded = fold(text)
    again = fold(folded.text)
    assert again.text == folded.text


@given(TEXTS)
def test_the_way_back(text: str) -> None:
    """If any stretch of any reading is taken back, then it lies inside the original, in order."""
    for reading in fold(text).variants:
        assert reading.original == text
        assert len(reading.offsets) == len(reading.text)
        assert list(reading.offsets) == sorted(reading.offsets)
        assert all(0 <= offset < len(text) for offset in reading.offsets)
        ends = []
        for i in range(len(reading.text)):
            begin, end = reading.span(i, i + 1)
            assert begin == reading.offsets[i]
            assert 0 <= begin < end <= len(text)
            ends.append(end)
        assert ends == sorted(ends)
        whole = reading.span(0, len(reading.text))
        assert whole == ((reading.offsets[0], ends[-1]) if reading.text else whole)
        assert 0 <= whole[0] <= whole[1] <= len(text)


@given(TEXTS)
def test_what_a_reading_is(text: str) -> None:
    """If anything at all is folded, then every reading is storable text and the measure lies between 0 and 1."""
    folded = fold(text)
    assert 0.0 <= folded.obfuscation <= 1.0
    for reading in folded.variants:
        reading.text.encode("utf-8")
        assert "\x00" not in reading.text
    texts = [reading.text for reading in folded.variants]
    assert len(set(texts)) == len(texts)
    assert folded.unmasked.unmasked is folded.unmasked


@given(st.lists(st.text("abcdefghijklmnopqrstuvwxyz,.'?", min_size=1), min_size=1))
def test_plain_ascii_stays(words: list[str]) -> None:
    """If a text is lower-case ASCII with single spaces, then it is its own folding."""
    text = " ".join(words)
    folded = fold(text)
    assert folded.text == text
    assert list(folded.offsets) == list(range(len(text)))


@given(st.text("abcABC \n\t.-_\u200b\u0336", max_size=30))
def test_a_span_holds_its_letter(text: str) -> None:
    """If a letter of any reading is taken back, then the original has that letter there."""
    for reading in fold(text).variants:
        for i, letter in enumerate(reading.text):
            begin, end = reading.span(i, i + 1)
            assert letter.isspace() or letter in text[begin:end].lower()


@pytest.mark.parametrize(
    ("sent", "reads"),
    [
        ("Hello  World\n\n again ", "hello world\nagain"),
        ("ＩＤＩＯＴ", "idiot"),
        ("𝒾𝒹𝒾ℴ𝓉 Ⓘⓓⓘⓞⓣ 🅸🅳🅸🅾🆃", "idiot idiot idiot"),
        ("i\u200bd\u200bi\u200bo\u200bt", "idiot"),
        ("i\u00addi\u00adot", "idiot"),
        ("i\u202edi\u202cot", "idiot"),
        ("i\u0336d\u0336i\u0336o\u0336t\u0336", "idiot"),
        ("c\u0327afe\u0301", "çafé"),
        ("уоu аrе ѕtuріd", "you are stupid"),
        ("ідіот у Києві", "ідіот у києві"),
        ("Οne οf them", "one of them"),
        ("“smart” ‘quotes’ don’t", "\"smart\" 'quotes' don't"),
        ("Σωκράτης", "σωκράτης"),
        ("İSTANBUL", "istanbul"),
        ("أحمد إلى آخر", "احمد الی اخر"),
        ("السَّلَامُ عليـــكم", "السلام علیکم"),
        ("مدرسة", "مدرسه"),
        ("كتابي", "کتابی"),
        ("ﻻ ﷲ", "لا الله"),
        ("می\u200cخواهم", "میخواهم"),
        ("ئه\u200cم هه\u200cواڵه\u200c", "ئەم هەواڵە"),
        ("٢٠٢٤ و ۱۴۰۳", "2024 و 1403"),
        ("😀👨\u200d👩\u200d👧", "😀👨👩👧"),
        ("हिन्दी ไทย 한국어 日本語", "हिन्दी ไทย 한국어 日本語"),
        ("\ud800", "\ufffd"),
        ("", ""),
        (" \u200b\t", ""),
    ],
)
def test_what_the_careful_reading_undoes(sent: str, reads: str) -> None:
    """If letters imitate, hide or pile, then the careful reading shows the letters meant."""
    assert fold(sent).text == reads


@pytest.mark.parametrize(
    "innocent",
    [
        "привет, как дела? а у вас?",
        "він сказав правду про it і ай-ті",
        "ο πρωθυπουργός μίλησε χθες",
        "the α variant and δ9",
        "ێ ۆ ڕ ڵ ە ڤ گ چ پ ژ",
        "çok güzel olmuş, ağrı'da ığdır'da",
        "êzîdî û fileh li şingalê",
        "naïve café in são paulo",
    ],
)
def test_no_script_becomes_another(innocent: str) -> None:
    """If a text is honestly written in its own letters, then the careful reading keeps them."""
    assert fold(innocent).text == innocent
    assert fold(innocent).obfuscation == 0.0 or "ێ ۆ" in innocent


def test_kurdish_letters_stay_apart() -> None:
    """If Kurdish letters differ, then they differ folded: they part words from words."""
    letters = "یێوۆرڕلڵەهکگفڤ"
    assert len({fold(letter).text for letter in letters}) == len(letters)


@pytest.mark.parametrize(
    ("sent", "reads"),
    [
        ("you 1d10t", "you idiot"),
        ("S T U P I D man", "stupid man"),
        ("such an i.d.i.o.t", "such an idiot"),
        ("f-o-o-l", "fool"),
        ("st.up.id, id_iot, f-ool", "stupid, idiot, fool"),
        ("sh!t and $hit and @sshole", "shit and shit and asshole"),
        ("what a m0r0n!", "what a moron!"),
        ("stuuuuupid", "stupid"),
        ("ïdïôt", "idiot"),
        ("1 d 1 0 t", "idiot"),
        ("ح.م.ا.ر", "حمار"),
        ("s h u t  u p", "shut up"),
        ("s  h  u  t", "shut"),
        ("f*ck", "f*ck"),
    ],
)
def test_what_the_bold_reading_undoes(sent: str, reads: str) -> None:
    """If a word is written in leet, apart or stretched, then the unmasked reading joins and spells it."""
    assert fold(sent).unmasked.text == reads


@pytest.mark.parametrize(
    ("sent", "word"),
    [("what a 1oser", "loser"), ("asssshole", "asshole"), ("c1own", "clown"), ("b1tch", "bitch")],
)
def test_an_ambiguous_mask_has_two_readings(sent: str, word: str) -> None:
    """If a sign can be read in two ways, then some reading has the word."""
    assert any(word in reading.text for reading in fold(sent).variants)


@pytest.mark.parametrize(
    "innocent",
    [
        "in 2024 and covid19 and mh370 and the g20",
        "it costs $5m, 100k or 20€ for 3rd class at 10am",
        "b2b, 4x4, 1080p, a320neo, 5km, 90s",
        "see https://example.org/a1b2?c3=d4 or mail a.b1@example.org",
        "the vote was 10-5, then 3:2",
        "good, better. best? yes!",
        "don't, won't, it's and/or",
        "c++ and lgbtq+ people",
    ],
)
def test_numbers_and_addresses_stay(innocent: str) -> None:
    """If digits and signs are numbers, prices or addresses, then even the unmasked reading keeps them."""
    assert fold(innocent).unmasked.text == innocent
    assert fold(innocent).obfuscation == 0.0


def test_where_a_disguised_word_was() -> None:
    """If a disguised word is found, then its span is the word as the reader wrote it."""
    text = "Oh  you i.d.і\u200b.0\u0336.t!"
    reading = fold(text).unmasked
    begin = reading.text.index("idiot")
    b, e = reading.span(begin, begin + 5)
    assert text[b:e] == "i.d.і\u200b.0\u0336.t"


def test_a_mark_belongs_to_its_letter() -> None:
    """If the last letter of a stretch carried marks, then they belong to the stretch."""
    text = "zal\u0301\u0302\u0303go"
    assert fold(text).span(0, 3) == (0, 6)


@pytest.mark.parametrize(
    ("more", "less"),
    [
        ("1d10t 1d10ts 3v3ryw4ere", "idiot idiots everywhere"),
        ("ｙｏｕ ａｒｅ ｆｏｏｌｓ", "you are fools"),
        ("y\u200bo\u200bu f\u200bo\u200bo\u200bl", "you fool"),
        ("уоu fооl", "you fool"),
        ("s c u m, all of you", "scum, all of you"),
        ("f**k this sh*t", "fix this ship"),
    ],
)
def test_disguise_is_measured(more: str, less: str) -> None:
    """If words are disguised, then the measure says so; written plainly, it is zero."""
    assert fold(more).obfuscation >= 0.3
    assert fold(less).obfuscation == 0.0


@pytest.mark.parametrize(
    "honest",
    [
        "The U.S.A. and the E.U., e.g. at 5 p.m.",
        "NO WAY!!! sooooo good, yessss",
        "I said no.He said yes.",
        "می‌خواهم کتاب‌ها را بخوانم",
        "السَّلامُ عَلَيكُم",
        "مـــرحبا",
        "شێوەی **گرنگ**",
        "I love it ❤️🇹🇷👍🏽",
        "re-elect the co-op, e-mail @karwan",
    ],
)
def test_ordinary_writing_is_no_disguise(honest: str) -> None:
    """If abbreviations, joiners, vowel marks or emphasis are ordinary, then they are not measured as disguise."""
    assert fold(honest).obfuscation == 0.0


HOSTILE = [
    "a\u0301",
    "a.",
    "a ",
    "1a",
    "a*",
    "(",
    "a@",
    "://",
    "a-",
    "аa",
    "\n ",
    "'a",
    "\U0001f1e6",
    "a\u200b",
    "x@y.",
    "a.com ",
    "0x|",
    "ﷺ",
    "\ud800",
    "اـ",
    "! ",
    "a.b-",
]


@pytest.mark.parametrize("piece", [*HOSTILE, "a" + "\u0301" * 10_000])
def test_time_is_linear(piece: str) -> None:
    """If a text is hostile and long, then folding it takes time in proportion to its length."""

    def read(text: str) -> None:
        folded = fold(text)
        for reading in folded.variants:
            assert len(reading.offsets) == len(reading.text)
        assert folded.obfuscation >= 0

    assert in_proportion(read, lambda size: (piece * (size // len(piece) + 1))[:size], 100_000)


def test_a_reading_shows_no_words_in_a_traceback() -> None:
    """If a folded text is printed, then the reader's words are not."""
    assert "secret" not in repr(fold("my secret"))


@pytest.mark.parametrize("sign", ["\U0001d173", "\U0001bca0", "\ufff0", "\u180f", "\u0951", "\u0730"])
def test_what_is_not_seen_hides_nothing(sign: str) -> None:
    """If signs that show nothing, or marks of another script, stand between letters, then the word is read, and what shows nothing is known for a disguise."""
    folded = fold(sign.join("idiot"))
    assert folded.text == "idiot"
    # One mark on a letter may be a spelling.
    assert folded.obfuscation > 0 or unicodedata.category(sign) == "Mn"
