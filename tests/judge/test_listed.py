"""
The lexicons of the languages without a grammar of their own: how they read, on a small file written here.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meydan.judge.lexicon import BadLexicon, Hit, Lexicon, Lexicons, Listed
from meydan.text import fold

TURKISH = """
[language]
tags = "tr"
[severity]
mild = 0.45
likely = 0.75
strong = 0.93
[letters]
A = "ae"
I = "ıiuü"
D = "dt"
[affixes.noun]
after = [
  "lAr",
  "(I)m (I)n (s)I (I)mIz (I)nIz lArI",
  "(y)I (n)I (y)A (n)A DA nDA DAn nDAn (n)In (y)lA",
  "DIr (y)Im sIn sInIz (y)Iz",
]
[classes.INSULT]
words = "aptal salak geri+zekalı"
affixes = "noun"
[groups.racism]
words = "arap kürt"
affixes = "noun"
[groups.religion_hate]
words = "alevi"
affixes = "noun"

[[words]]
label = "profanity"
severity = "strong"
words = "siktir amk orospu+çocuğu"
[[words]]
labels = ["profanity", "personal_attack"]
severity = "strong"
words = "piç"
affixes = "noun"
innocent = "piç mantar*"
[[words]]
label = "vulgarity"
severity = "strong"
words = "sik"
exact = true
anywhere = true
[[words]]
label = "threat"
severity = "strong"
words = "gebertirim"
firm = true
[[words]]
label = "threat"
severity = "strong"
words = "kurşunlarım"
always = true

[[phrases]]
label = "threat"
severity = "strong"
patterns = '''
# a note
seni ~2 (öldür|gebert)*
^ =vur , vur $
'''
[[phrases]]
label = "ground"
severity = "likely"
affixes = "noun"
patterns = '''
PEOPLE [hep|hepsi] INSULT
PEOPLE_RACISM pis+
'''
[company]
negating = '''
değil
'''
reporting = '''
(dedi|diyor|diye bağırdı)
'''
condemning = '''
ayıp+noun
'''
nothing = '''
değil mi
'''
[innocent]
words = "piçti"
phrases = '''
sik sik
'''
"""

KURDISH = """
[language]
tags = "ckb kmr-Arab"
[severity]
strong = 0.93
[affixes.noun]
before = ["و", "ب"]
after = ["ە ەکە ەکان ێک", "م ت ی مان تان یان"]
[[words]]
label = "personal_attack"
severity = "strong"
words = "گەوج ئەحمەق بێءار"
affixes = "noun"
"""

LISTED = Listed({"tr": TURKISH.encode(), "ckb": KURDISH.encode()})


def find(text: str, tag: str | None = "tr") -> list[Hit]:
    """What is listed in a text."""
    return LISTED.find(fold(text), tag)


def found(text: str, tag: str | None = "tr") -> list[tuple[str, str, float]]:
    """The same, as (label, the reader's characters, score)."""
    return [(hit.label, text[hit.begin : hit.end], hit.score) for hit in find(text, tag)]


def words(text: str, tag: str | None = "tr") -> list[str]:
    """The reader's characters of each hit that rejects."""
    return [written for _, written, score in found(text, tag) if score >= 0.9]


@pytest.mark.parametrize(
    "text",
    [
        "siktir", "SİKTİR!", "SIKTIR", "Siktir git", "siktiiiir", "s i k t i r", "s1ktir", "or*spuçocuğu", "sik#ir",
        "orospu çocuğu", "orospuçocuğu", "orospu-çocuğu", "orospu'çocuğu", "orospu cocugu", "OROSPU ÇOCUĞU",
        "piç", "Pic", "piçler", "piçlerden", "piçsiniz", "piç'ler", "sik", "SİK",
        "seni öldürürüm", "seni bir gün öldüreceğim", "seni gebertmek", "vur, vur!", "Yeter. Vur, vur",
    ],
)  # fmt: skip
def test_listed_words_are_found_as_readers_write_them(text: str) -> None:
    """If a listed word or phrase is written with its endings, without its marks or in disguise, then it is found."""
    assert words(text)


@pytest.mark.parametrize(
    "text",
    [
        "sık sık", "SIK", "sıktı", "klasik", "siktirmek", "amkara", "orospu", "çocuğu", "orospu. çocuğu",
        "pıç", "piçlik", "piçti", "piç mantarları", "sik sik gelir", "seni seven bir anne öldürmek istemez",
        "seni seviyorum, öldürmek yok", "vur vur", "vur, vur bakalım", "VUR", "*", "**", "a**", "", "salak",
    ],
)  # fmt: skip
def test_other_words_are_not(text: str) -> None:
    """If a word only resembles a listed one, or is innocent where it stands, then nothing is found."""
    assert found(text) == []


def test_marks_are_forgiven_one_way() -> None:
    """If Kurdish is typed with Arabic letters, then it is found; and joined words in front and endings are."""
    for text in [
        "گەوج",
        "گه‌وج",
        "كهوج",
        "گەوجەکان",
        "وگەوجێکی",
        "ئەحمەق",
        "ەحمەق",
        "ئه‌حمه‌ق",
        "بێءار",
        "بێار",
        "بيار",
    ]:
        assert words(text, "ckb") == [text], text
    for text in ["گەوجستان", "حەمەق", "دەگەوج", "بگ", "گوج"]:
        assert found(text, "ckb") == [], text


def test_company_leaves_a_doubt() -> None:
    """If a negation, a report, a condemnation or quotation marks surround a hit, then a person decides."""
    for text, company in {
        "piç değil": "negated nearby",
        "piç dedi": "reported",
        "O adam bize piç, hain diye bağırdı": "reported",
        "Piç demek ayıptır": "condemned nearby",
        "Piç yazmışlar. Çok ayıp.": "condemned nearby",
        "Adam “piçsin” yazmış": "reported",
        "kurşunlarım dedi": "",
        "gebertirim dedi": "",
        "gebertirim değil": "",
        '"gebertirim"': "reported",
    }.items():
        hits = find(text)
        assert {hit.company for hit in hits} == {company}, text
        assert all(hit.score == (0.55 if company else 0.93) and hit.alone == 0.93 for hit in hits), text


def test_company_elsewhere_excuses_nothing() -> None:
    """If the negation stands in another clause, or means none, then the hit counts in full."""
    for text in ["Bu doğru değil, piç", "piç değil mi", "Dedi. Piç", 'Siktir "git', 'o "dedim" siktir']:
        assert words(text), text


def test_a_ground_is_that_of_whoever_is_named() -> None:
    """If a phrase of hatred names a people, then the label is its ground."""
    assert found("Kürtler hepsi geri zekalıdır") == [("racism", "Kürtler hepsi geri zekalıdır", 0.75)]
    assert [label for label, _, _ in found("alevilerin aptal")] == ["religion_hate"]
    assert [label for label, _, _ in found("alevi pis")] == []
    assert [label for label, _, _ in found("arabın pisi")] == []
    assert [label for label, _, _ in found("arap pisi")] == ["racism"]


def test_languages_are_mixed_with_care() -> None:
    """If a text is in another language, then only the unmistakable counts; in none that is known, the rest is a doubt."""
    assert [hit.label for hit in find("amk sik", "en")] == ["vulgarity"]
    assert [hit.label for hit in find("amk sik", "")] == ["vulgarity"]
    assert [(hit.label, hit.score) for hit in find("amk sik", "und")] == [
        ("profanity", 0.55),
        ("vulgarity", 0.93),
    ]
    assert words("گەوج amk", "kmr-Arab") == ["گەوج"]
    assert words("گەوج amk", None) == ["گەوج", "amk"]
    assert words("گەوج değil", None) == ["گەوج"]
    assert find("گەوج", "ar") == []


@given(st.text(st.sampled_from('siktr piç değil mi.,"\n*#1اگەوج‌ئء😀ıIİ'), max_size=60))
@settings(max_examples=300)
def test_spans_lie_inside_the_text(text: str) -> None:
    """If anything is found, then its span is a stretch of the text as sent and its score a probability."""
    for hit in find(text, None):
        assert 0 <= hit.begin < hit.end <= len(text)
        assert 0.0 <= hit.score <= hit.alone <= 1.0


@given(
    st.lists(
        st.sampled_from(
            [
                "bugün",
                "hava",
                "çok",
                "güzel",
                "okul",
                "haber",
                "bakan",
                "maaş",
                "dedi",
                "değil",
                "ayıp",
                "سڵاو",
                "دەنگ",
            ]
        ),
        max_size=30,
    )
)
def test_innocent_words_have_no_hits(some: list[str]) -> None:
    """If no listed word stands in a text, then nothing is found, whatever company there is."""
    assert find(" ".join(some), None) == []


@pytest.mark.parametrize(
    "piece",
    [
        "seni ", "siktir ", "seni öldür ", "sik", "değil amk ", '"amk', "or*", "a'", "*", "ء", "pis arap ", "arap ",
        "و", "amk değil mi ", "amk, ", "amk. dedi ", "sik sik ", "piç mantar ",
    ],
)  # fmt: skip
def test_the_work_grows_with_the_length(piece: str) -> None:
    """If a hostile text is four times as long, then reading it takes nowhere near sixteen times as long."""

    def seconds_for(size: int) -> float:
        folded = fold((piece * size)[:size])
        assert folded.variants
        best = float("inf")
        for _ in range(3):
            begin = time.process_time()
            LISTED.find(folded, "tr")
            best = min(best, time.process_time() - begin)
        return best

    seconds_for(2_500)
    assert seconds_for(10_000) < 9 * seconds_for(2_500) + 0.02


HEAD = '[severity]\nstrong = 0.93\n[affixes.noun]\nafter = ["ler"]\n'
WORDS = '[[words]]\nlabel = "threat"\nseverity = "strong"\n'
PHRASES = '[[phrases]]\nlabel = "threat"\nseverity = "strong"\npatterns = "{}"\n'
FAULTS = [
    ("[[words", "tr.toml:"),
    ("[other]\n", "there is no other"),
    (HEAD + WORDS + 'words = "a b"\nanywere = true', r"tr.toml \[\[words\]\] 1: there is no anywere"),
    (HEAD + WORDS + 'words = "a"\naffixes = "verb"', "no affixes are named verb"),
    (HEAD + WORDS + 'words = "a-b"', r"a-b is not one word; a\+b"),
    (HEAD + '[[words]]\nlabel = "rude"\nseverity = "strong"\nwords = "a"', "no such label: rude"),
    (HEAD + '[[words]]\nlabel = "ground"\nseverity = "strong"\nwords = "a"', "words name their label"),
    (HEAD + '[[words]]\nlabel = "threat"\nseverity = "hard"\nwords = "a"', "no such severity: hard"),
    (HEAD + '[affixes.x]\nafter = ["lEr"]', "does not say what E is"),
    (HEAD + '[affixes.x]\nafter = ["(ler"]', "not an affix"),
    (HEAD + '[classes.Low]\nwords = "a"', "a class has a name"),
    (HEAD + '[groups.food]\nwords = "a"', "no ground has the label food"),
    (HEAD + PHRASES.format("seni (öldür"), "a bracket is not closed"),
    (HEAD + PHRASES.format("seni [öldür)"), "brackets do not match"),
    (HEAD + PHRASES.format("seni ) öldür"), "closes nothing"),
    (HEAD + PHRASES.format("seni | öldür"), "stands outside brackets"),
    (HEAD + PHRASES.format("(seni|) öldür"), "an alternative is empty"),
    (HEAD + PHRASES.format("seni ~9 öldür"), "a gap is 6 words at most"),
    (HEAD + PHRASES.format("[seni] ~2"), "needs a word that cannot be missing"),
    (HEAD + PHRASES.format("seni WHO"), "no class is named WHO"),
    (HEAD + PHRASES.format("seni a+"), r"a\+ asks for the affixes of its entry"),
    (HEAD + PHRASES.format("seni").replace('"threat"', '"ground"'), "none is named: seni"),
    (HEAD + '[company]\ndenying = "x"', "there is no denying"),
]


@pytest.mark.parametrize(("source", "told"), FAULTS, ids=[told for _, told in FAULTS])
def test_a_fault_in_a_file_is_told(source: str, told: str) -> None:
    """If a file says what its format does not know, then it is not loaded, and the place is named."""
    with pytest.raises(BadLexicon, match=told):
        Listed({"tr": source.encode()})


def test_the_digest_covers_every_file() -> None:
    """If a file changes or one more is read, then so does the digest."""
    one, other = {"tr": TURKISH.encode()}, {"tr": TURKISH.encode(), "ckb": KURDISH.encode()}
    changed = {"tr": TURKISH.encode() + b"\n"}
    digests = {Listed(sources).digest for sources in (one, other, changed, {})}
    assert len(digests) == 4
    assert Listed(one).digest == Listed(dict(one)).digest


def test_all_lexicons_together_read_english_as_ever() -> None:
    """If all languages are asked, then English hits are those of the English lexicon, in text order with the others."""
    both = Lexicons(Lexicon.load("en"), LISTED)
    text = "You are an idiot, siktir, you idiot"
    hits = both.find(fold(text), "tr")
    assert [text[hit.begin : hit.end] for hit in hits if hit.label == "profanity"] == ["siktir"]
    assert [hit for hit in hits if hit.label != "profanity"] == Lexicon.load("en").find(fold(text))
    assert hits == sorted(hits, key=lambda hit: (hit.begin, hit.end, hit.label))
    assert both.digest != Lexicon.load("en").digest


def test_slight_english_words_are_words_of_other_languages() -> None:
    """If a text is in another language, then English words that are hardly rude say nothing in it; others still do."""
    both = Lexicons(Lexicon.load("en"), LISTED)
    assert both.find(fold("Git buradan"), "tr") == []
    assert both.find(fold("Git buradan"), "en") != []
    assert [hit.label for hit in both.find(fold("bu ne fucking haber"), "tr")] == ["profanity"]
