"""
What readers and evaders do to spelling, for training: a model has to have seen it to see through it.

Every function takes a text and a source of chance and gives back a text that a
person reads alike. None changes what a row says, so labels stay.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from meydan.text.learn import in_arabic_letters
from meydan.train.rows import Row

_WORD = re.compile(r"[^\W\d_]{3,}")
_LETTERS = re.compile(r"[^\W\d_]+")
_LEET: Final = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "g": "9", "b": "8", "l": "1"}
_LIKE: Final = {
    "a": "а",
    "e": "е",
    "o": "о",
    "p": "р",
    "c": "с",
    "x": "х",
    "y": "у",
    "i": "і",
    "k": "к",
    "h": "һ",
}
_TYPED: Final = {
    "tr": str.maketrans("şğıçöüŞĞİÇÖÜ", "sgicouSGICOU"),
    "kmr-Latn": str.maketrans("êîûşçÊÎÛŞÇ", "eiuscEIUSC"),
    "ar": str.maketrans("أإآةى", "اااهي"),
    "ckb": str.maketrans("یکەێۆڕڵڤ", "يكهيورلف"),
    "kmr-Arab": str.maketrans("یکەێۆڕڵڤ", "يكهيورلف"),
}
_MARKS: Final = ".*-_'"
_ARABIC_WORD = re.compile(r"[\u0621-\u0652\u0640]+")
_POINTING = re.compile(r"[\u064b-\u0652\u0640]")
_LATIN: Final[dict[str, tuple[str, ...]]] = {
    "ا": ("a", "a", "a", "aa", "e"),
    "أ": ("a", "a", "2a"),
    "إ": ("e", "i", "2i"),
    "آ": ("a", "aa", "2a"),
    "ء": ("2", "", "'"),
    "ؤ": ("o", "2", "2o"),
    "ئ": ("2", "e", "y"),
    "ب": ("b",),
    "ت": ("t",),
    "ث": ("th", "th", "s", "t"),
    "ج": ("j", "j", "g"),
    "ح": ("7", "7", "h"),
    "خ": ("kh", "kh", "5", "7'", "x"),
    "د": ("d",),
    "ذ": ("th", "z", "dh", "d"),
    "ر": ("r",),
    "ز": ("z",),
    "س": ("s",),
    "ش": ("sh", "sh", "ch", "$"),
    "ص": ("s", "s", "9"),
    "ض": ("d", "d", "dh", "9'"),
    "ط": ("t", "t", "6"),
    "ظ": ("z", "dh", "th", "6'"),
    "ع": ("3", "3", "a", ""),
    "غ": ("gh", "gh", "3'", "8", "8'"),
    "ف": ("f",),
    "ق": ("q", "8", "2", "k", "9", "g"),
    "ك": ("k",),
    "ل": ("l",),
    "م": ("m",),
    "ن": ("n",),
    "ه": ("h",),
    "ة": ("a", "a", "eh", "ah", "e", "h"),
    "ى": ("a", "a", "y"),
    "گ": ("g",),
    "چ": ("ch",),
    "پ": ("p",),
    "ڤ": ("v",),
}
_LATIN_SIGNS: Final = str.maketrans({"،": ",", "؛": ";", "؟": "?", "٪": "%"})
"""How Arabic letters are written in Latin ones by those who have no others at hand, the commonest ways repeated."""
_TATWEEL: Final = "\u0640"
_HARAKAT: Final = "\u064e\u064f\u0650\u0652"


def in_other_letters(text: str) -> str:
    """A Kurmanji text in Latin letters as it would be written in Arabic ones."""
    return _LETTERS.sub(lambda word: in_arabic_letters(word[0].lower()) or word[0], text)


def in_latin_letters(text: str, chance: random.Random) -> str:
    """
    An Arabic text as it is written in Latin letters and digits (Arabizi).

    A writer has one way for each letter and keeps it through the text. The short vowels, which Arabic letters do not
    say, are put in as they come: no two writers agree on them either.
    """
    ways = {letter: chance.choice(some) for letter, some in _LATIN.items()}
    article = chance.choice(("al", "el", "il", "l", "al-", "el-", "al ", "el "))
    vowels = chance.choice(("aaae", "aei", "aaeiou", "eeai", "aaaeiu"))
    vowelled = chance.choice((0.55, 0.7, 0.85))
    text = _POINTING.sub("", text).translate(_LATIN_SIGNS)
    return _ARABIC_WORD.sub(lambda word: _latin_word(word[0], ways, article, vowels, vowelled, chance), text)


def latin_rows(rows: Iterable[Row]) -> list[Row]:
    """The Arabic ones of some rows once more, in Latin letters, as rows of the language `ar-Latn`; the same row always alike."""
    return [
        replace(row, text=in_latin_letters(row.text, random.Random(row.text)), language="ar-Latn")  # noqa: S311
        for row in rows
        if row.language == "ar"
    ]


def _latin_word(
    word: str, ways: dict[str, str], article: str, vowels: str, vowelled: float, chance: random.Random
) -> str:
    begun = ""
    if word.startswith("وال") and len(word) > 5:
        begun, word = chance.choice(("w", "wa", "w ")) + article, word[3:]
    elif word.startswith(("بال", "فال", "كال")) and len(word) > 5:
        begun, word = ways[word[0]] + article, word[3:]
    elif word.startswith("لل") and len(word) > 4:
        begun, word = chance.choice(("lel", "lil", "l")), word[2:]
    elif word.startswith("ال") and len(word) > 4:
        begun, word = article, word[2:]
    said: list[str] = []
    after_consonant = False
    for i, letter in enumerate(word):
        first, last = i == 0, i == len(word) - 1
        if letter in "وي":
            long = {"و": ("o", "ou", "oo", "u"), "ي": ("i", "ee", "i", "y")}[letter]
            # Between vowels, at the beginning and before a long vowel it is a consonant.
            consonant = first or (not last and word[i + 1] in "اوية")
            said.append(({"و": "w", "ي": "y"}[letter]) if consonant else chance.choice(long))
            after_consonant = consonant
            continue
        sound = ways.get(letter, letter)
        vowel = sound[:1] in ("a", "e", "i", "")
        if (
            after_consonant
            and not vowel
            and chance.random() < vowelled
            and not (last and chance.random() < 0.4)
        ):
            said.append(chance.choice(vowels))
        said.append(sound)
        after_consonant = not vowel
    return begun + "".join(said)


def noisy(text: str, language: str, chance: random.Random, *, share: float) -> str:
    """The text as it is, or with probability `share` as somebody else would have typed it."""
    if chance.random() >= share:
        return text
    ways = _ways(language)
    text = chance.choice(ways)(text, chance)
    return chance.choice(ways)(text, chance) if chance.random() < 0.2 else text


def _ways(language: str) -> tuple[Callable[[str, random.Random], str], ...]:
    plain = (_swapped, _dropped, _stretched, _joined, _spaced, _parted)
    if language in ("ar", "ckb", "kmr-Arab"):
        return (*plain, _typed(language), _typed(language), _drawn_out, _pointed)
    if language in _TYPED:
        return (*plain, _leet, _marked, _imitated, _loud, _typed(language), _typed(language))
    return (*plain, _dropped, _joined, _leet, _leet, _leet, _marked, _imitated, _loud)


def _some_words(
    text: str, chance: random.Random, change: Callable[[str], str], *, at_most: int = 3, shortest: int = 3
) -> str:
    words = [word for word in _WORD.finditer(text) if word.end() - word.start() >= shortest]
    chosen = sorted(
        chance.sample(words, min(len(words), chance.randint(1, at_most))), key=lambda w: -w.start()
    )
    for word in chosen:
        text = text[: word.start()] + change(word[0]) + text[word.end() :]
    return text


def _swapped(text: str, chance: random.Random) -> str:
    def swap(word: str) -> str:
        i = chance.randrange(len(word) - 1)
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]

    return _some_words(text, chance, swap, shortest=4)


def _dropped(text: str, chance: random.Random) -> str:
    def drop(word: str) -> str:
        i = chance.randrange(1, len(word))
        return word[:i] + word[i + 1 :]

    return _some_words(text, chance, drop, shortest=4)


def _stretched(text: str, chance: random.Random) -> str:
    def stretch(word: str) -> str:
        i = chance.randrange(len(word))
        return word[:i] + word[i] * chance.randint(2, 5) + word[i + 1 :]

    return _some_words(text, chance, stretch)


def _joined(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    if len(words) < 3:
        return text
    if chance.random() < 0.5:
        return "".join(words)
    for _ in range(chance.randint(1, max(1, len(words) // 4))):
        i = chance.randrange(len(words) - 1)
        words[i : i + 2] = [words[i] + words[i + 1]]
        if len(words) < 3:
            break
    return " ".join(words)


def _spaced(text: str, chance: random.Random) -> str:
    if chance.random() < 0.2:
        return " ".join(text.replace(" ", ""))
    return _some_words(text, chance, " ".join, at_most=2)


def _parted(text: str, chance: random.Random) -> str:
    def part(word: str) -> str:
        i = chance.randrange(1, len(word) - 1)
        return f"{word[:i]} {word[i:]}"

    return _some_words(text, chance, part, shortest=4)


def _leet(text: str, chance: random.Random) -> str:
    def write(word: str) -> str:
        return "".join(
            chance.choice(_LEET[c.lower()]) if c.lower() in _LEET and chance.random() < 0.6 else c
            for c in word
        )

    return _some_words(text, chance, write, at_most=4)


def _marked(text: str, chance: random.Random) -> str:
    def mark(word: str) -> str:
        sign = chance.choice(_MARKS)
        if sign == "*" or chance.random() < 0.3:
            i = chance.randrange(1, len(word))
            return word[:i] + "*" + word[i + 1 :]
        i = chance.randrange(1, len(word))
        return sign.join(word) if chance.random() < 0.5 else word[:i] + sign + word[i:]

    return _some_words(text, chance, mark, at_most=2)


def _imitated(text: str, chance: random.Random) -> str:
    return _some_words(
        text, chance, lambda word: "".join(_LIKE.get(c, c) if chance.random() < 0.6 else c for c in word)
    )


def _loud(text: str, chance: random.Random) -> str:
    return (
        text.upper()
        if chance.random() < 0.7
        else text + chance.choice(["!!!", "!!", "...", " 😡", " 😂", " 🤬"])
    )


def _typed(language: str) -> Callable[[str, random.Random], str]:
    table = _TYPED[language]
    return lambda text, chance: text.translate(table)


def _drawn_out(text: str, chance: random.Random) -> str:
    return _some_words(text, chance, lambda word: _TATWEEL.join((word[:2], word[2:])), at_most=5)


def _pointed(text: str, chance: random.Random) -> str:
    return _some_words(
        text,
        chance,
        lambda word: "".join(c + (chance.choice(_HARAKAT) if chance.random() < 0.4 else "") for c in word),
        at_most=5,
    )
