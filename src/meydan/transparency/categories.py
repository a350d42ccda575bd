"""
Which of the schema's categories a rule of the guidelines is filed under: our proposal, and what an editor puts in its place.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from meydan.errors import BadCategories
from meydan.transparency.schema import CATEGORIES, COUNTRIES, KEYWORDS, SHORT

MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Filed:
    """Under what a rule is filed; `legal_ground` is the law that it rests on, "" for the guidelines."""

    category: str
    keywords: tuple[str, ...] = ()
    illegal: bool = False
    legal_ground: str = ""


@dataclass(frozen=True, slots=True)
class Categories:
    """What each rule is filed under; `other` for a rule that is not named. `countries` are the territorial scope, if any is given."""

    rules: Mapping[str, Filed]
    other: Filed
    countries: tuple[str, ...] = ()

    def of(self, rule: str) -> Filed:
        return self.rules.get(rule, self.other)


def load_categories(path: Path | None = None) -> Categories:
    """
    The shipped table, and over it the newsroom's own file, if it has one.

    Raises:
        BadCategories: the file cannot be read or is not as its form asks; says where.
    """
    shipped = _read((files("meydan.transparency") / "categories.toml").read_bytes(), "categories.toml", None)
    if path is None:
        return shipped
    try:
        with path.open("rb") as opened:
            source = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadCategories(
            f"The file of categories {path} cannot be read: {error.strerror}.",
            fields=("statement_categories",),
        ) from error
    return _read(source, str(path), shipped)


def _read(source: bytes, name: str, before: Categories | None) -> Categories:
    if len(source) > MOST_BYTES:
        raise BadCategories(f"{name} has more than {MOST_BYTES} bytes.", fields=("statement_categories",))
    try:
        told = tomllib.loads(source.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadCategories(f"{name} is not TOML: {error}.", fields=("statement_categories",)) from error
    if strangers := sorted(set(told) - {"rule", "other", "place"}):
        raise _bad(name, strangers[0], "there is no such part; there are [rule.ID], [other] and [place]")
    rules = told.get("rule", {})
    if not isinstance(rules, dict):
        raise _bad(name, "rule", "it is written as [rule.ID]")
    read = {str(rule): _filed(name, f"rule.{rule}", one) for rule, one in rules.items()}
    other = _filed(name, "other", told["other"]) if "other" in told else before.other if before else None
    if other is None:
        raise _bad(name, "other", "it is missing")
    countries = before.countries if before else ()
    if "place" in told:
        place = told["place"]
        listed = place.get("territorial_scope") if isinstance(place, dict) else None
        if not isinstance(listed, list) or not all(one in COUNTRIES for one in map(str, listed)):
            raise _bad(name, "place", "its territorial_scope lists countries of the EEA, such as DE")
        countries = tuple(sorted(set(map(str, listed))))
    if before is not None:
        return replace(before, rules={**before.rules, **read}, other=other, countries=countries)
    return Categories(read, other, countries)


def _filed(name: str, where: str, told: Any) -> Filed:
    if not isinstance(told, dict):
        raise _bad(name, where, "it has to say a category")
    if strangers := sorted(set(told) - {"category", "keywords", "illegal", "legal_ground"}):
        raise _bad(name, where, f"there is nothing called {strangers[0]}")
    category = f"STATEMENT_CATEGORY_{told.get('category', '')}"
    if category not in CATEGORIES:
        known = ", ".join(sorted(one.removeprefix("STATEMENT_CATEGORY_") for one in CATEGORIES))
        raise _bad(name, where, f"its category is one of: {known}")
    keywords = told.get("keywords", [])
    if not isinstance(keywords, list) or not all(
        f"KEYWORD_{one}" in KEYWORDS - {"KEYWORD_OTHER"} for one in keywords
    ):
        known = ", ".join(sorted(one.removeprefix("KEYWORD_") for one in KEYWORDS - {"KEYWORD_OTHER"}))
        raise _bad(name, where, f"its keywords are of: {known}")
    illegal, ground = told.get("illegal", False), told.get("legal_ground", "")
    if not isinstance(illegal, bool):
        raise _bad(name, where, "illegal is true or false")
    if not isinstance(ground, str) or len(ground) > SHORT:
        raise _bad(name, where, f"legal_ground is a text of at most {SHORT} characters")
    return Filed(
        category,
        tuple(dict.fromkeys(f"KEYWORD_{one}" for one in keywords)),
        illegal or bool(ground.strip()),
        ground.strip(),
    )


def _bad(name: str, where: str, what: str) -> BadCategories:
    return BadCategories(f"{name}, [{where}]: {what}.", fields=("statement_categories",))
