"""
The desk's words, by language: what whoever decides, answers for the rules or reads along is told.

One TOML catalogue per language of the interface, its keys grouped by page; a test holds them to the same keys and the
same blanks. Loaded when a page of the desk first asks: readers' pages pay nothing for them.

Three ways to say something, for three places:

* `words["room.approve"]`              the words as they are
* `words.fill("room.record", …)`       with its blanks filled, as text: for a file, an option, a drawing
* `words.html("room.looked_at", …)`    the same for a page: everything is escaped, and what fills a blank is isolated
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from markupsafe import Markup, escape

from meydan.locale import INTERFACE, Words, interface_of
from meydan.locale import words as readers_words

_BLANK = re.compile(r"\{(\w+)\}")
_FORM = re.compile(r"\.(zero|one|two|few|many|other)$")
_NAMES = {"field": "fields", "fields": "fields", "tag": "languages", "tags": "languages"}
"""Blanks of a sentence of the program's that hold names of ours, and the group that says what they are called."""


@dataclass(frozen=True)
class DeskWords(Words):
    """One language's catalogue for the desk. A key is its group and name: "room.approve"."""

    def html(self, key: str, **blanks: object) -> Markup:
        """
        The words for a key as HTML, its blanks filled in.

        What fills a blank is escaped and isolated (`<bdi>`), so that a name from the right to the left turns nothing
        around it; Markup and numbers are taken as they are.
        """
        filled = {
            name: Markup("<bdi>{}</bdi>").format(given)
            if isinstance(given, str) and not isinstance(given, Markup)
            else given
            for name, given in blanks.items()
        }
        return Markup(escape(self[key])).format(**filled)  # noqa: S704

    def own(self, words: str) -> Markup:
        """Words of the desk's own for a page, isolated in its direction, though a foreign name may begin them."""
        return Markup('<bdi dir="{}">{}</bdi>').format(self.direction, words)

    def counted(self, key: str, number: int) -> str:
        """The form of a key that goes with a number, with the number in it: "3 days"."""
        form = f"{key}.{form_of(number, self.language)}"
        return self.fill(form if form in self else f"{key}.other", number=number)

    def capital(self, words: str) -> str:
        """Words as a line begins with them, in scripts that have capitals."""
        first = "İ" if self.language == "tr" and words[:1] == "i" else words[:1].upper()
        return first + words[1:]

    def listed(self, things: Iterable[str]) -> str:
        """Names one after another, with the comma of this language."""
        return self["desk.comma"].join(things)

    def called(self, group: str, name: str) -> str:
        """What a thing is called by its name in the program; a name that is not known here stands for itself."""
        key = f"{group}.{name}"
        return self[key] if key in self else name.replace("_", " ").replace("-", " ")

    def again(self, group: str, sentence: str) -> str:
        """
        An English sentence that the program made, said in this language.

        Args:
            group: how the keys begin that it may be, such as "errors.R113".
            sentence: what was said. Where no key of the group says it, the group's own words are said if there are
                any, and else the sentence as it is.
        """
        if self.language == INTERFACE[0]:
            return sentence
        for key, pattern in _patterns(group):
            found = pattern.fullmatch(sentence)
            if found is not None:
                blanks = {
                    name: self.listed(self.called(_NAMES[name], one) for one in told.split(", "))
                    if name in _NAMES
                    else told
                    for name, told in found.groupdict().items()
                }
                return self.fill(key, **blanks)
        return self[group] if group in self and not self.blanks(group) else sentence


def desk_words(language: str | None) -> DeskWords:
    """The desk's catalogue for a language tag; English where there is none of ours."""
    return _catalogue(interface_of(language) or INTERFACE[0])


def form_of(number: int, language: str) -> str:
    """
    The form of a word that goes with a whole number: zero, one, two, few, many or other.

    Source: Unicode CLDR, plural rules (cardinals).
    """
    if language != "ar":
        return "one" if number == 1 else "other"
    if number in (0, 1, 2):
        return ("zero", "one", "two")[number]
    rest = number % 100
    return "few" if 3 <= rest <= 10 else "many" if rest >= 11 else "other"


def forms_of(key: str) -> str:
    """A key without the form of a number that it ends with."""
    return _FORM.sub("", key)


@lru_cache(maxsize=len(INTERFACE))
def _catalogue(tag: str) -> DeskWords:
    source = tomllib.loads(files(__package__).joinpath(f"{tag}.toml").read_text(encoding="utf-8"))
    readers = readers_words(tag)
    said = {"moment": readers["moment"], **_flat(source)}
    return DeskWords(tag, readers.direction, said, readers.months)


def _flat(source: Mapping[str, object], under: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in source.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{under}{name}.")
        else:
            flat[under + name] = str(value)
    return flat


@lru_cache(maxsize=64)
def _patterns(group: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The English sentences of a group as patterns that find what stands in their blanks; those without any first."""
    english = _catalogue(INTERFACE[0])
    keys = sorted(english.keys(), key=lambda key: len(english.blanks(key)))
    return tuple(
        (key, _pattern(english[key]))
        for key in keys
        if key == group or key.startswith((f"{group}-", f"{group}."))
    )


def _pattern(words: str) -> re.Pattern[str]:
    pieces = _BLANK.split(words)
    return re.compile(
        "".join(f"(?P<{piece}>.*)" if place % 2 else re.escape(piece) for place, piece in enumerate(pieces)),
        re.DOTALL,
    )
