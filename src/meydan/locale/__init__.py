"""
The interface's words, by language, and their lookup.

One TOML catalogue per language of the interface; a test holds them to the same
keys and the same blanks. What a newsroom writes (guidelines) and what readers
write (comments) is never in here.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files

INTERFACE = ("en", "ar", "ckb", "tr", "kmr-Latn")
"""The languages the interface speaks, by tag; the first is what remains when none fits."""

_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "fa", "ur", "he", "ps", "sd", "ug", "yi", "dv", "syr"})
_RIGHT_TO_LEFT_SCRIPTS = frozenset({"arab", "hebr", "syrc", "thaa"})
_ALSO_CALLED = {"ku": "kmr-Latn", "kmr": "kmr-Latn", "kmr-latn": "kmr-Latn", "ku-latn": "kmr-Latn"}
# Written in Arabic letters but read by Kurmanji speakers: Latin Kurmanji words would
# sit wrongly in such a page, and Sorani is another language. English is honest.
_NOT_OURS = frozenset({"kmr-arab", "ku-arab"})


@dataclass(frozen=True)
class Words:
    """One language's catalogue. `language` is its BCP 47 tag, `direction` "ltr" or "rtl"."""

    language: str
    direction: str
    _said: Mapping[str, str] = field(repr=False)
    months: tuple[str, ...] = field(repr=False)

    def __getitem__(self, key: str) -> str:
        """The words for a key; KeyError for a key no catalogue has."""
        return self._said[key]

    def __contains__(self, key: object) -> bool:
        return key in self._said

    def fill(self, key: str, **blanks: object) -> str:
        """The words for a key with its `{blanks}` filled in; the result is text, not HTML."""
        return self._said[key].format(**blanks)

    def date(self, at: datetime) -> str:
        """A moment in UTC for people, to the minute: "23 November 2026, 16:03 UTC"."""
        at = at.astimezone(UTC)
        return self.fill(
            "moment", day=at.day, month=self.months[at.month - 1], year=at.year, time=f"{at:%H:%M}"
        )

    def keys(self) -> Iterable[str]:
        return self._said.keys()

    def blanks(self, key: str) -> frozenset[str]:
        """The names of the blanks in a key's words."""
        return frozenset(name for _, name, _, _ in string.Formatter().parse(self._said[key]) if name)


def words(language: str | None) -> Words:
    """
    The catalogue for a language tag; never fails.

    The exact tag, else the same language in the script we have, else English.
    """
    return _catalogue(interface_of(language) or INTERFACE[0])


def interface_of(language: str | None) -> str | None:
    """The interface's language for a tag a page or a browser sends; None when there is none of ours."""
    tag = (language or "").strip().replace("_", "-").lower()
    while tag:
        if tag in _NOT_OURS:
            return None
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
    return "rtl" if parts[0] in _RIGHT_TO_LEFT else "ltr"


@lru_cache(maxsize=len(INTERFACE))
def _catalogue(tag: str) -> Words:
    source = tomllib.loads(files(__package__).joinpath(f"{tag}.toml").read_text(encoding="utf-8"))
    months = tuple(source.pop("months"))
    errors = {f"errors.{code}": said for code, said in source.pop("errors").items()}
    return Words(tag, direction_of(tag), {**source, **errors}, months)
