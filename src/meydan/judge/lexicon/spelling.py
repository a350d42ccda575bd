"""
How a listed word may be written by a reader: letters without their marks, endings, words in front.

Forgiving goes one way only: a plain letter stands for the listed one with a mark
(s for ş, ر for ڕ), never the reverse, so that "sık" is no other word. Two forms that
could be meant by the same letters share a `key_of`; `spelled` tells them apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from meydan.judge.lexicon.grammar import BadLexicon
from meydan.text.fold import fold

_PLAIN: Final = dict(
    zip(
        "çğışöüâîûê" + "ێۆڕڵەگچپڤژئ",
        "cgisouaiue" + "یورلهکجبفزی",
        strict=True,
    )
)
"""What may be typed in place of a letter."""

_KEY: Final = str.maketrans({**_PLAIN, "ء": None, "'": None})
_HAMZA: Final = "ئ"


def key_of(word: str) -> str:
    """What a folded word and all that may be typed for it have in common."""
    return word.lstrip(_HAMZA).translate(_KEY)


def spelled(word: str, *, exact: bool = False) -> str:
    """A regular expression for a folded word as readers write it; `exact`: with its own letters."""
    if exact:
        return re.escape(word)
    first = ""
    if word.startswith(_HAMZA):
        first, word = f"[{_HAMZA}ی]?", word[1:]
    return first + "".join(map(_letter, word))


def _letter(letter: str) -> str:
    if letter == "ء":
        return "ء?"
    plain = _PLAIN.get(letter)
    return f"[{letter}{plain}]" if plain else re.escape(letter)


def affixes_of(slots: Sequence[str], letters: Mapping[str, str]) -> str:
    """
    A regular expression for one alternative of each slot at most, in their order.

    Args:
        slots: alternatives divided by spaces; `(x)` may be missing, a capital is any of its `letters`.

    Raises:
        BadLexicon: a capital without letters, or a bracket that does not match.
    """
    written = ""
    for slot in slots:
        alternatives = "|".join(_affix(affix, letters) for affix in slot.split())
        written += f"(?:{alternatives})?"
    return written


def _affix(affix: str, letters: Mapping[str, str]) -> str:
    if not re.fullmatch(r"(?:[^\W\d_]|\([^\W\d_]+\))+", affix):
        raise BadLexicon(f"not an affix: {affix}")
    written = ""
    for sign in affix:
        if sign in "()":
            written += "(?:" if sign == "(" else ")?"
        elif "A" <= sign <= "Z":
            if sign not in letters:
                raise BadLexicon(f"[letters] does not say what {sign} is in the affix {affix}")
            written += "[" + "".join(sorted({c + _PLAIN.get(c, "") for c in letters[sign]})) + "]"
        else:
            written += _letter(fold(sign).text)
    return written
