"""
What is looked for in comments, and what is looked through: both folded alike, so that spelling keeps nobody from finding.

A disguise, an accent, an Arabic letter's variant or a capital is no difference here. Nothing of this is shown.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from meydan.text.derived import derived
from meydan.text.exact import is_exact
from meydan.text.fold import fold

LONGEST: Final = 200
"""Characters of a search that are read."""

MOST_WORDS: Final = 12

_WORD: Final = re.compile(r"\w+")
_DISGUISING: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f`]")
"""Of ASCII, what folding takes for more than it is; see text.fold."""

_PARTING: Final = "".join(c if c.isalnum() or c == "_" else " " for c in map(chr, range(128)))


def searchable(name: str, text: str) -> str:
    """A comment's name and text as they are looked through."""
    if text.isascii() and not _DISGUISING.search(text):
        # Folding it would change the blanks between its words, and capitals; half of an archive is so.
        words = text.lower().translate(_PARTING).split()
        return " ".join([*searchable_folded(name, "").split(), *words] if name else words)
    return searchable_folded(name, fold(text).text)


def searchable_folded(name: str, folded: str) -> str:
    """The same, of a text that was folded already."""
    # Words alone: what parts them, an index may read otherwise than we do.
    return " ".join(_WORD.findall(f"{fold(name).text} {folded}"))


def looked_through(name: str, kept: str, format: str | None) -> str:
    """What a comment of another system is found by, as it was kept (see text.derived); "" of what cannot be. Half of the work of an import."""
    if not is_exact(kept) or not is_exact(name):
        return ""
    return f"{_name_looked_through(name)} {searchable('', derived(kept, format))}".strip()


# The same people write again and again.
@lru_cache(maxsize=4096)
def _name_looked_through(name: str) -> str:
    return searchable(name, "")


def asked_for(search: str) -> tuple[str, ...]:
    """The words that all have to be there, in the order they were typed; none where nothing can be looked for."""
    words = _WORD.findall(fold(search[:LONGEST]).text)
    return tuple(dict.fromkeys(words))[:MOST_WORDS]
