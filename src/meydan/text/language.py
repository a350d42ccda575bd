"""
Names the language of a comment, or says honestly that it does not know.

A false "en" is the worst error: an English model would judge, and could approve,
what it cannot read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from meydan.comment import UNKNOWN_LANGUAGE
from meydan.text.fold import Folded, fold

_LATIN_WORD = re.compile(r"[a-z\u00c0-\u024f'*]+")
_COMMON = frozenset(
    """the a an and or but if of to in on at by for from with without about into over after before this that these
    those is are was were be been being am do does did have has had will would can could should may might must not
    no yes i you he she it we they me him her us them my your his its our their who what when where why how which
    all any some every none more most much many few less least very so too just only even still also than then there
    here now never always again first time agree said well thanks thank good bad great nice lol way people think
    know want say says get got go going make made like love hate one two new old your you're i'm don't it's can't
    news article story government wrong right true false please sorry fuck shit idiot stupid kill die shut up scum
    """.split()
)


@dataclass(frozen=True, slots=True)
class Language:
    """
    What a text is written in.

    `tag` is one of comment.LANGUAGES, a neighbour's tag ("de", "ru", "he", …) or
    "und"; `score` is in [0, 1]; `others` are the tags of substantial segments in
    another language, most substantial first.
    """

    tag: str = UNKNOWN_LANGUAGE
    score: float = 0.0
    others: tuple[str, ...] = ()


def identify(text: str | Folded, hint: str | None = None, expected: Sequence[str] = ()) -> Language:
    """
    Name the language of a text.

    Args:
        text: as sent, or already folded (spares folding twice).
        hint: the language the page claims; raises its chance, never overrules clear text.
        expected: the publication's languages; likewise.
    """
    folded = text if isinstance(text, Folded) else fold(text)
    words = _LATIN_WORD.findall(folded.unmasked.text)
    if not words:
        return Language()
    known = sum(word in _COMMON for word in words)
    if folded.text.isascii() and known * 4 >= len(words):
        return Language("en", min(0.99, 0.5 + known / len(words) / 2))
    return Language()
