"""The desk's words: every language says everything, what is asked for is there, and what is refused is said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import Markup

from meydan import errors
from meydan.comment import GROUNDS, LANGUAGES, Hold
from meydan.desk import ESCALATIONS
from meydan.judge import explain
from meydan.locale.desk import DESK, DeskWords, desk_words
from meydan.locale.plurals import forms_in, without_form
from meydan.notices import EVENTS
from meydan.staff import NO_PERSON, ROLES
from meydan.web.desk import tongue
from meydan.web.desk.people import ACTIONS

SOURCE = Path(errors.__file__).parent
ASKED = re.compile(r'"([a-z_]+\.[A-Za-z0-9_-]+)"')
NOT_WORDS = ("desk.css", "desk.js", "guidelines.toml", "guidelines.entered")
# Nobody at the desk can be told these: they are the readers', the API's, or keep the server from starting.
NOT_AT_THE_DESK = {
    *("R101", "R106", "R107", "R116", "R119", "R120", "R121", "R122", "R123", "R124", "R127", "R128", "R129"),
    *("U202", "U203", "U206"),
}


def plain_keys(said: DeskWords) -> set[str]:
    """Every key, those of the forms of a number once."""
    return {without_form(key) for key in said.keys()}  # noqa: SIM118


@pytest.mark.parametrize("tag", DESK)
def test_every_language_says_everything(tag: str) -> None:
    """If English has a key, then every language has it, with the same blanks, not empty, and in every form of a number."""
    english, other = desk_words("en"), desk_words(tag)
    assert other.language == tag
    assert plain_keys(other) == plain_keys(english)
    for key in other.keys():  # noqa: SIM118
        assert other[key].strip(), key
    for key in english.keys():  # noqa: SIM118
        base = without_form(key)
        if base == key:
            assert other.blanks(key) == english.blanks(key), key
        else:
            for form in forms_in(tag):
                assert other.blanks(f"{base}.{form}") <= {"number"}, key
            assert other.blanks(f"{base}.other") == {"number"}, key


@pytest.mark.parametrize("tag", [tag for tag in DESK if tag != "en"])
def test_nothing_is_left_in_english(tag: str) -> None:
    """If a sentence stands in a catalogue, then it is not the English one."""
    english, other = desk_words("en"), desk_words(tag)
    same = [key for key in plain_keys(english) if key in other and other[key] == english[key]]
    # What is left over has no words in it, or a word that both languages write alike.
    assert [
        key for key in same if re.search(r"[a-z]{3,}\W+[a-z]{3,}", re.sub(r"\{\w+\}", "", english[key]))
    ] == []


@pytest.mark.parametrize("tag", DESK)
def test_no_catalogue_holds_markup(tag: str) -> None:
    """If words are looked for HTML, then there is none: what is bold or a link is the page's to say."""
    said = desk_words(tag)
    assert [key for key in said.keys() if re.search(r"[<>&]", said[key])] == []  # noqa: SIM118


def test_what_pages_ask_for_is_there() -> None:
    """If a page or its template names a key, then the catalogue has it."""
    english = desk_words("en")
    groups = {key.partition(".")[0] for key in english.keys()}  # noqa: SIM118
    places = [
        *(SOURCE / "web" / "desk").glob("*.py"),
        *(SOURCE / "web" / "templates" / "desk").glob("*.html"),
    ]
    asked = {key for place in places for key in ASKED.findall(place.read_text(encoding="utf-8"))}
    wanted = {key for key in asked if key.partition(".")[0] in groups and not key.endswith("_")}
    assert {key for key in wanted if key not in plain_keys(english)} - set(NOT_WORDS) == set()


def test_everything_that_people_are_told_of_has_a_name() -> None:
    """If the program knows a label, a ground, a reason to wait, a finding, a role or an action, then the desk names it."""
    english = desk_words("en")
    named = [
        *(f"labels.{label}" for label in explain.LABELS),
        *(f"grounds.{ground}" for ground in GROUNDS.values()),
        *(f"holds.{hold}" for hold in Hold),
        *(f"findings.{kind}" for kind in explain.FINDINGS if kind != "language"),
        *(f"languages.{tag}" for tag in (*LANGUAGES, "und")),
        *(f"roles.{role}" for role in ROLES),
        *(f"roles.{role}_may" for role in ROLES),
        *(f"actions.{action}" for action in ACTIONS),
        *(f"actors.{name}" for name in NO_PERSON),
        *(f"room.{kind}" for kind in ESCALATIONS),
        *(f"events.{event.replace('.', '-')}" for event in EVENTS),
    ]
    assert [key for key in named if key not in english] == []


# -- errors ---------------------------------------------------------------------


def leaves(kind: type[errors.MeydanError]) -> Iterator[type[errors.MeydanError]]:
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from leaves(child)


def test_every_code_that_a_page_can_show_has_words() -> None:
    """If an error can be shown at the desk, then its code has words in the catalogue."""
    english = desk_words("en")
    told = {kind.code for root in (errors.Refused, errors.Unavailable) for kind in leaves(root)}
    missing = {code for code in told - NOT_AT_THE_DESK if f"errors.{code}" not in english}
    assert missing == set()


def test_no_words_are_kept_for_what_nobody_says() -> None:
    """If the catalogue has words for one of a code's sentences, then the program still says that sentence."""
    english = desk_words("en")
    said = "".join(re.sub(r'"\s+f?"', "", file.read_text(encoding="utf-8")) for file in SOURCE.rglob("*.py"))
    gone = []
    for key in english.keys():  # noqa: SIM118
        if key.startswith("errors.") and "-" in key:
            longest = max(re.split(r"\{\w+\}", english[key]), key=len)
            if longest not in said:
                gone.append(key)
    assert gone == []


@pytest.mark.parametrize(
    ("error", "turkish"),
    [
        (errors.TooLong("note", limit=2000, size=2500), "Çok uzun: not, 2500 karakter; sınır 2000. Kısaltıp yeniden gönderin."),
        (errors.MissingFields(["reason", "rules"]), "Zorunlu ve eksik: gerekçe, kurallar."),
        (errors.Malformed("The two new passwords are not the same."), "İki yeni parola aynı değil."),
        (errors.NotFound("Something nobody has words for."), "Bu adreste bir şey yok."),
        (errors.NoSuchParent("Only a reader is told this."), "Only a reader is told this."),
    ],
)  # fmt: skip
def test_an_error_is_said_in_the_desk_s_language(error: errors.MeydanError, turkish: str) -> None:
    """If an error is shown, then it is said with its own blanks, else by its code, else as it was made."""
    with tongue.speaking("tr"):
        assert tongue.sentence_of(error) == turkish
    assert tongue.sentence_of(error) == error.message


# -- saying something -----------------------------------------------------------


def test_what_fills_a_blank_is_escaped_and_isolated() -> None:
    """If a name fills a blank on a page, then it is text of its own: no markup, and it turns nothing around it."""
    said = desk_words("ar").html("desk.signed_in_as", name="<b>Leyla")
    assert said == Markup("الدخول باسم <bdi>&lt;b&gt;Leyla</bdi>")
    assert desk_words("en").html("find.reports", number=3) == Markup("Reports by readers: 3.")
    assert "<kbd>" in desk_words("en").html("keys.long_n", esc=Markup("<kbd>Esc</kbd>"))


def test_a_number_is_counted_with_its_word() -> None:
    """If there is a word for one form of a number only, then the other numbers take the general one."""
    assert desk_words("ar").count("figures.days", 3) == "3 أيام"
    assert desk_words("ar").count("figures.days", 2) == "يومان"
    assert desk_words("ar").count("figures.seconds", 0) == "0 ثانية"
    assert desk_words("en").count("figures.hours", 1) == "1 hour"
    assert desk_words("tr").capital("itiraz") == "İtiraz"


def test_who_reads_kurmanji_in_arabic_letters_is_spoken_to_in_latin_ones() -> None:
    """If the desk has no catalogue in a reader's script, then it speaks their language in the script that it has."""
    assert desk_words("kmr-Arab") is desk_words("kmr-Latn")
    assert desk_words("ku-IQ").language == "ckb"
    assert "3" in desk_words("ckb").count("figures.days", 3)
