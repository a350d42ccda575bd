"""
The forms of an English word, made by rule: plurals, -s, -ed, -ing, -er, -ly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

_VOWELS = "aeiou"


def noun(word: str) -> tuple[str, ...]:
    """The word and its plural."""
    return (word, _s(word))


def verb(word: str) -> tuple[str, ...]:
    """The word with -s, -ed, -ing (and -in, as people write it), -er and -ers."""
    stem = word[:-1] if word.endswith("e") else word + word[-1] if _doubles(word) else word
    past = _s(word)[:-2] + "ed" if word[-1] == "y" and word[-2:-1] not in _VOWELS else stem + "ed"
    ing = word if word.endswith("e") and len(word) < 4 else stem
    return (word, _s(word), past, ing + "ing", ing + "in", ing + "ings", stem + "er", stem + "ers")


def adjective(word: str) -> tuple[str, ...]:
    """The word with -er, -est and -ly."""
    if word.endswith("y"):
        return (word, word[:-1] + "ier", word[:-1] + "iest", word[:-1] + "ily")
    stem = word[:-1] if word.endswith("e") else word + word[-1] if _doubles(word) else word
    return (word, stem + "er", stem + "est", word + "ly")


def alone(word: str) -> tuple[str, ...]:
    """The word as it is."""
    return (word,)


FORMS: Mapping[str, Callable[[str], tuple[str, ...]]] = {
    "noun": noun,
    "verb": verb,
    "adjective": adjective,
    "alone": alone,
}
"""By the name that a lexicon file uses."""


def _s(word: str) -> str:
    if word.endswith("y") and word[-2:-1] not in _VOWELS:
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "z", "ch", "sh")) else "s")


def _doubles(word: str) -> bool:
    """One short vowel before one last consonant: shit, shitting."""
    return (
        2 < len(word) <= 5
        and word[-1] not in _VOWELS + "wxy"
        and word[-2] in _VOWELS
        and word[-3] not in _VOWELS
    )
