"""
What is looked for in comments, and what is looked through: both folded alike, so that spelling keeps nobody from finding.

A disguise, an accent, an Arabic letter's variant or a capital is no difference here. Nothing of this is shown.
"""

from __future__ import annotations

import re
from typing import Final

from meydan.text.fold import fold

LONGEST: Final = 200
"""Characters of a search that are read."""

MOST_WORDS: Final = 12

_WORD: Final = re.compile(r"\w+")


def searchable(name: str, text: str) -> str:
    """A comment's name and text as they are looked through."""
    return searchable_folded(name, fold(text).text)


def searchable_folded(name: str, folded: str) -> str:
    """The same, of a text that was folded already."""
    # Words alone: what parts them, an index may read otherwise than we do.
    return " ".join(_WORD.findall(f"{fold(name).text} {folded}"))


def asked_for(search: str) -> tuple[str, ...]:
    """The words that all have to be there, in the order they were typed; none where nothing can be looked for."""
    words = _WORD.findall(fold(search[:LONGEST]).text)
    return tuple(dict.fromkeys(words))[:MOST_WORDS]
