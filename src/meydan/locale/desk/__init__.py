"""
The desk's words, by language: what whoever decides, answers for the rules or reads along is told.

One catalogue per language of the desk, its keys grouped by page; a test holds them to the same keys and the same
blanks. Loaded when a page of the desk first asks: readers' pages pay nothing for them.

The desk speaks five of the interface's languages. Who reads Kurmanji in Arabic letters is spoken to in Latin ones: it is
their language, whole, and from the left to the right. Its digits are Latin ones everywhere, as on its keys and drawings.

Three ways to say something, for three places:

* `words["room.approve"]`              the words as they are
* `words.fill("room.record", …)`       with its blanks filled, as text: for a file, an option, a drawing
* `words.html("room.looked_at", …)`    the same for a page: everything is escaped, and what fills a blank is isolated
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape

from meydan.locale import Words, interface_of
from meydan.locale import words as readers_words
from meydan.locale.catalogue import read

DESK = ("en", "ar", "ckb", "tr", "kmr-Latn")
"""The languages that the desk speaks, by tag; the first is what remains when none fits."""

_BLANK = re.compile(r"\{(\w+)\}")
_INSTEAD = {"kmr-Arab": "kmr-Latn"}
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
        if self.language == DESK[0]:
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
    return _catalogue(spoken_for(language) or DESK[0])


def spoken_for(language: str | None) -> str | None:
    """The desk's language for a tag; None when there is none of ours."""
    ours = interface_of(language)
    return _INSTEAD.get(ours, ours) if ours else None


@lru_cache(maxsize=len(DESK))
def _catalogue(tag: str) -> DeskWords:
    readers = readers_words(tag)
    said = {"moment": readers["moment"], **read(__package__, tag)}
    return DeskWords(tag, readers.direction, said, {"gregorian": readers.months})


@lru_cache(maxsize=64)
def _patterns(group: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The English sentences of a group as patterns that find what stands in their blanks; those without any first."""
    english = _catalogue(DESK[0])
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
