"""
The interface's words, by language, with their plurals, dates and digits.

One catalogue (`catalogue.py`) per language of the interface; a test holds them to
the same keys and the same blanks. What a newsroom writes (guidelines) and what readers
write (comments) is never in here.

* `words["reply"]`                  the words as they are
* `words.fill("reply_to", name=…)`  with their blanks filled; whole numbers in the language's digits
* `words.count("replies", 3)`       the form that goes with a number, with the number in it: "3 replies"
* `words.date(at)`                  a moment, in the newsroom's calendar
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from meydan.locale.calendars import SOLAR, day_in
from meydan.locale.catalogue import read
from meydan.locale.plurals import form_of

INTERFACE = ("en", "ar", "ckb", "tr", "kmr-Latn", "kmr-Arab")
"""The languages the interface speaks, by tag; the first is what remains when none fits."""

LONGEST_TAG: Final = 35
"""Characters of a language's tag that anything has to have room for (RFC 5646, 4.4.1); a longer one is none of ours."""

_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "fa", "ur", "he", "ps", "sd", "ug", "yi", "dv", "syr"})
_RIGHT_TO_LEFT_SCRIPTS = frozenset({"arab", "hebr", "syrc", "thaa"})
# "ku" is Kurmanji, as in CLDR, except where Sorani is what the tag stands for in life: Windows calls it ku-Arab-IQ,
# and most who write Kurdish in Iraq and Iran write Sorani. Kurmanji of Iraq (Badini) is kmr-IQ, in Arabic letters.
_ALSO_CALLED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ku": "kmr-Latn",
        "ku-arab": "ckb",
        "ku-iq": "ckb",
        "ku-ir": "ckb",
        "kmr": "kmr-Latn",
        "kmr-latn": "kmr-Latn",
        "kmr-arab": "kmr-Arab",
        "kmr-iq": "kmr-Arab",
    }
)
_LATIN: Final = "0123456789"
_ARABIC: Final = "٠١٢٣٤٥٦٧٨٩"
_PERSIAN: Final = "۰۱۲۳۴۵۶۷۸۹"


@dataclass(frozen=True)
class Words:
    """
    One language's catalogue, and how its dates and numbers are written.

    `language` is its BCP 47 tag, `direction` "ltr" or "rtl", `digits` the ten digits from zero on, `calendar`
    "gregorian" or one of `calendars.SOLAR`.
    """

    language: str
    direction: str
    _said: Mapping[str, str] = field(repr=False)
    _months: Mapping[str, tuple[str, ...]] = field(repr=False)
    digits: str = _LATIN
    calendar: str = "gregorian"

    def __getitem__(self, key: str) -> str:
        """The words for a key; KeyError for a key no catalogue has."""
        return self._said[key]

    def __contains__(self, key: object) -> bool:
        return key in self._said

    def fill(self, key: str, **blanks: object) -> str:
        """The words for a key with its `{blanks}` filled in, whole numbers in this language's digits; text, not HTML."""
        return self._said[key].format(
            **{name: self.number(given) if type(given) is int else given for name, given in blanks.items()}
        )

    def count(self, key: str, number: int) -> str:
        """The form of a key that goes with a number, with the number in it: "3 days"."""
        form = f"{key}.{form_of(number, self.language)}"
        return self.fill(form if form in self._said else f"{key}.other", number=number)

    def number(self, number: int | str) -> str:
        """A number in this language's digits."""
        return str(number) if self.digits == _LATIN else str(number).translate(_written_in(self.digits))

    @property
    def months(self) -> tuple[str, ...]:
        """The names of the calendar's twelve months."""
        return self._months[self.calendar]

    def date(self, at: datetime) -> str:
        """A moment in UTC for people, to the minute: "23 November 2026, 16:03 UTC"."""
        at = at.astimezone(UTC)
        year, month, day = day_in(self.calendar, at.date())
        # The year is put in as text: all digits are turned at once, those of the time too.
        told = self._said["moment"].format(
            day=day, month=self.months[month - 1], year=year, time=f"{at:%H:%M}"
        )
        return self.number(told)

    @property
    def dating(self) -> Mapping[str, str]:
        """
        What a script needs to write a moment in the reader's own time zone, by the name of the data attribute.

        `months` parted by bars, `moment` with its blanks, `digits` where they are not Latin, and where the calendar is
        not Gregorian its name for Intl and the years to add (`era`).
        """
        told = {"months": "|".join(self.months), "moment": self._said["moment"].replace(" UTC", "")}
        if self.digits != _LATIN:
            told["digits"] = self.digits
        if self.calendar in SOLAR:
            told |= {"calendar": "persian", "era": str(SOLAR[self.calendar])}
        return told

    def keys(self) -> Iterable[str]:
        return self._said.keys()

    def blanks(self, key: str) -> frozenset[str]:
        """The names of the blanks in a key's words."""
        return frozenset(name for _, name, _, _ in string.Formatter().parse(self._said[key]) if name)


def words(language: str | None, *, calendar: str = "gregorian", digits: str = "own") -> Words:
    """
    The catalogue for a language tag; never fails.

    The exact tag, else the same language in the script we have, else English.

    Args:
        calendar: the one that dates are told in.
        digits: "own", those that the language is written with, or "latin".
    """
    return _written(interface_of(language) or INTERFACE[0], calendar, digits)


def interface_of(language: str | None) -> str | None:
    """The interface's language for a tag a page or a browser sends; None when there is none of ours."""
    tag = (language or "").strip()
    # Readers send it, of any length, and each of its parts costs a copy of all before it.
    if len(tag) > LONGEST_TAG:
        return None
    tag = tag.replace("_", "-").lower()
    while tag:
        if tag in _ALSO_CALLED:
            return _ALSO_CALLED[tag]
        if tag in INTERFACE:
            return tag
        tag = tag.rpartition("-")[0]
    return None


def accepted(header: str) -> str | None:
    """
    The interface's language that an Accept-Language header likes best.

    None when it likes none of ours; unreadable parts of the header count for nothing.
    """
    best: tuple[float, str] | None = None
    for part in header[:1000].split(","):
        tag, _, quality = part.partition(";")
        ours = interface_of(tag)
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality.strip() else 1.0
        except ValueError:
            continue
        if ours is not None and 0 < weight <= 1 and (best is None or weight > best[0]):
            best = (weight, ours)
    return best[1] if best else None


def direction_of(language: str | None) -> str:
    """ "rtl" for languages and scripts written from right to left, else "ltr"."""
    parts = (language or "").replace("_", "-").lower().split("-")
    scripts = [part for part in parts[1:] if len(part) == 4 and part.isalpha()]
    if scripts:
        return "rtl" if scripts[0] in _RIGHT_TO_LEFT_SCRIPTS else "ltr"
    if parts[0] in ("ku", "kmr"):
        return "ltr" if interface_of(language) == "kmr-Latn" else "rtl"
    return "rtl" if parts[0] in _RIGHT_TO_LEFT else "ltr"


@lru_cache(maxsize=len(INTERFACE))
def _catalogue(tag: str) -> Words:
    said = read(__package__, tag)
    months = {
        calendar: tuple(said[f"months.{calendar}.{month}"] for month in range(1, 13))
        for calendar in ("gregorian", *SOLAR)
    }
    return Words(tag, direction_of(tag), said, months)


@lru_cache(maxsize=64)
def _written(tag: str, calendar: str, digits: str) -> Words:
    said = _catalogue(tag)
    own = _LATIN
    if digits == "own" and said.direction == "rtl":
        # Who goes by the Jalali calendar writes Kurdish with the digits of Persian.
        own = _PERSIAN if calendar == "jalali" and said.language != "ar" else _ARABIC
    return replace(said, digits=own, calendar=calendar)


@lru_cache(maxsize=4)
def _written_in(digits: str) -> Mapping[int, str]:
    return {ord(latin): own for latin, own in zip(_LATIN, digits, strict=True)}
