"""
Misspelled English: a letter dropped, added, changed or exchanged with its neighbour, and words run together.

A word that no dictionary has and that is one slip away from a word of the lexicon is read as
that word; letters without a gap are read as the commonest words that make them up; of a text that
is disguised, digits and stars among letters are read as the word that they make. Innocent
slips are mended too, sometimes wrongly, so this reading may only raise a suspicion: what the
lexicon finds in it counts as a doubt (`lexicon.MENDED_AT_MOST`). Capitalised words may be names, and stay.

The dictionary, words with how often they occur, is that of the package pyspellchecker.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Final

from meydan.text.fold import Folded, respelled

SHORTEST: Final = 5
"""Letters of a word that slips are mended to: shorter ones are a slip away from too much."""

RIVALRY: Final = 0.1
"""How common a word must be, against the commonest that the same slip could mean, to be read as meant."""

EVERYDAY: Final = 200_000
"""How often a word occurs in the dictionary's source to which other slips of a mended text are mended too."""

RUN_TOGETHER_FROM: Final = 8
"""Letters from which a word that nobody knows may be several."""

A_SENTENCE_FROM: Final = 14
"""Letters from which a run is no name: whoever writes so many has left gaps out, and may name somebody among them."""

UNKNOWN_AT_MOST: Final = 0.3
"""The share of a sentence's letters that may be in words that nobody knows, such as names."""

_EVERYDAY_FROM: Final = 2
_EVERYDAY_SHARE: Final = 0.4
_LONGEST_WORD: Final = 15
_LONGEST_SLIP: Final = 20
_LONGEST_RUN: Final = 120
_COMMON: Final = 2_000
"""How often a word occurs in the dictionary's source that may be part of a run."""

_LONG: Final = 6
"""Letters from which a rare word may be part of a run too: no two others make it up by chance."""

_UNKNOWN_COUNT: Final = 2_000
"""What a word of the lexicon counts that the dictionary does not have."""

_CONTRACTED: Final = 100_000
"""What a contraction counts at least: the dictionary's source was mostly without apostrophes."""

_WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
_LEETED = re.compile(r"(?<![\w@#/.])[a-z0-9@$!|]{3,20}(?![\w@/])")
_LEET: Final = str.maketrans(
    {"4": "a", "@": "a", "8": "b", "3": "e", "9": "g", "0": "o", "5": "s", "$": "s", "7": "t"}
)
_STARRED = re.compile(r"(?<![\w*#%])[a-z*#%]{3,20}(?![\w*#%])")
_STAR = re.compile(r"[*#%]")
_STARS_AT_MOST: Final = 2
_ONES: Final = str.maketrans("1!|", "iii"), str.maketrans("1!|", "lll")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


_FORM: Final = "mending/4"


class Mending:
    """The words that are known and those that slips are mended to. Immutable after loading; shared between threads."""

    def __init__(self, targets: Collection[str], counts: Mapping[str, int]) -> None:
        """
        Args:
            targets: the lexicon's words.
            counts: how often each word of the dictionary occurs.
        """
        self._counts = dict(counts)
        for word in targets:
            if word.isalpha():
                self._counts.setdefault(word, _UNKNOWN_COUNT)
        self._targets = frozenset(
            word for word in targets if len(word) >= SHORTEST and word.isascii() and word.isalpha()
        )
        self._lacking: dict[str, tuple[str, ...]] = {}
        for word in sorted(self._targets):
            for short in {word[:at] + word[at + 1 :] for at in range(1, len(word))}:
                self._lacking[short] = (*self._lacking.get(short, ()), word)
        self._total = math.log(sum(self._counts.values()))
        self.form = f"{_FORM} {_digest_of(counts)}"
        """What decides how slips are read, beside the lexicon: these rules and the dictionary's words."""

    @classmethod
    def load(cls, targets: Collection[str]) -> Mending:
        """With the shipped dictionary."""
        return cls(targets, _dictionary())

    def mended(self, folded: Folded) -> Folded | None:
        """
        Read a text with its slips mended, on top of its other disguises undone.

        Returns:
            A reading with the way back to the text as sent; None where nothing was mended.
        """
        reading = folded.unmasked
        edits: list[tuple[int, int, str]] = []
        for pattern, undone in ((_LEETED, self._unleeted), (_STARRED, self._unstarred)):
            for match in pattern.finditer(reading.text) if folded.obfuscation else ():
                read = undone(match[0])
                if read is not None:
                    edits.append((*match.span(), read))
        undone_at = {at for begin, end, _ in edits for at in range(begin, end)}
        others: list[tuple[int, int, str]] = []
        for match in _WORD.finditer(reading.text):
            word = match[0]
            begin, end = match.span()
            if not 3 <= len(word) <= _LONGEST_RUN or word in self._counts or begin in undone_at:
                continue
            if len(word) >= A_SENTENCE_FROM:
                if _is_handle(reading.text, begin, end):
                    continue
            elif "'" in word or _is_part(reading.text, begin, end) or _is_name(reading, begin, end):
                continue
            meant = None if len(word) < SHORTEST - 1 else self._meant(word) or self._parted(word)
            (others if meant is None else edits).append((begin, end, meant or word))
        if not edits:
            return None
        # Whoever hides one word may have hidden its neighbours: "yuo mroon".
        for begin, end, word in others:
            everyday = self._everyday(word)
            if everyday is not None:
                edits.append((begin, end, everyday))
        return respelled(reading, sorted(edits))

    def _unstarred(self, token: str) -> str | None:
        """The word of the lexicon or of every day in which stars stand for single letters, or None."""
        stars = len(_STAR.findall(token))
        # "*very*" is loud, and "word*" has a footnote.
        if (
            not 1 <= stars <= _STARS_AT_MOST
            or stars * 2 > len(token)
            or self._counts.get(_STAR.sub("", token), 0) >= _COMMON
        ):
            return None
        filled = [""]
        for c in token:
            filled = [begun + letter for begun in filled for letter in (_LETTERS if _STAR.match(c) else c)]
        known = [word for word in filled if word in self._counts]
        commonest = max((self._counts[word] for word in known), default=0)
        meant = [
            word for word in known if word in self._targets and self._counts[word] >= RIVALRY * commonest
        ]
        best = max(meant or known, key=lambda word: (self._counts[word], word), default="")
        return best if meant or self._counts.get(best, 0) >= EVERYDAY else None

    def is_english(self, text: str) -> bool:
        """Whether enough of a text's words are everyday English for its other words to be slips of it."""
        words = _WORD.findall(text)
        everyday = sum(self._counts.get(word, 0) >= EVERYDAY for word in words)
        return everyday >= _EVERYDAY_FROM and everyday >= _EVERYDAY_SHARE * len(words)

    def _unleeted(self, token: str) -> str | None:
        """The everyday word that digits and signs among letters make, or None."""
        if token.isalpha() or not any(map(str.isalpha, token)):
            return None
        bare = token.rstrip("!|")
        read = [bare.translate(ones).translate(_LEET) for ones in _ONES]
        known = [word for word in read if self._counts.get(word, 0) >= EVERYDAY]
        return max(known, key=lambda word: self._counts[word]) + token[len(bare) :] if known else None

    def _everyday(self, word: str) -> str | None:
        """The commonest everyday word one slip away that begins alike."""
        if len(word) > _LONGEST_SLIP:
            return None
        near = [one for one in _slips_of(word) if self._counts.get(one, 0) >= EVERYDAY]
        return max(near, key=lambda one: (self._counts[one], one)) if near else None

    def _meant(self, word: str) -> str | None:
        """The lexicon's word that a slip stands for."""
        near = set(self._near(word)) if len(word) <= _LONGEST_SLIP else set()
        if not near:
            return None
        best = max(near, key=lambda one: (self._counts[one], one))
        commonest = max((self._counts.get(one, 0) for one in _slips_of(word)), default=0)
        return best if self._counts[best] >= RIVALRY * commonest else None

    def _near(self, word: str) -> Iterator[str]:
        """Targets one slip away, with the same first letter or the first two exchanged."""
        yield from self._lacking.get(word, ())
        if (turned := _begun_otherwise(word)) in self._targets:
            yield turned
        for at in range(1, len(word)):
            short = word[:at] + word[at + 1 :]
            if short in self._targets:
                yield short
            for other in self._lacking.get(short, ()):
                if len(other) == len(word) and sum(map(str.__ne__, other, word)) <= 1:
                    yield other
            if at + 1 < len(word):
                turned = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
                if turned in self._targets:
                    yield turned

    def _parted(self, word: str) -> str | None:
        """The commonest words that a run of letters is made of, or None."""
        size = len(word)
        if size < RUN_TOGETHER_FROM:
            return None
        sentence = size >= A_SENTENCE_FROM
        best = [0.0, *[math.inf] * size]
        back = [0] * (size + 1)
        for end in range(1, size + 1):
            for begin in range(max(0, end - _LONGEST_WORD), end):
                cost = best[begin] + self._cost(word[begin:end], sentence)
                if cost < best[end]:
                    best[end], back[end] = cost, begin
        if math.isinf(best[size]):
            return None
        parts = []
        end = size
        while end:
            parts.append(word[back[end] : end])
            end = back[end]
        unknown = sum(len(part) for part in parts if not self._is_word(part))
        # Names and foreign words fall into scraps; sentences fall into words.
        long_enough = size >= (2.5 if sentence and not unknown else 3.0) * len(parts)
        good = len(parts) > 1 and long_enough and unknown <= UNKNOWN_AT_MOST * size
        return " ".join(reversed(parts)) if good else None

    def _cost(self, part: str, sentence: bool) -> float:
        """What a stretch of a run costs as a word: its rarity; in a sentence one that nobody knows costs more by the letter."""
        if self._is_word(part):
            return self._total - math.log(self._count_of(part))
        never = len(part) == 1 or not part.isalpha() or not sentence
        return math.inf if never else self._total + math.log(10.0) * (len(part) - 1)

    def _is_word(self, part: str) -> bool:
        if len(part) == 1:
            return part in "ai"
        least = _COMMON if len(part) < _LONG else 1
        return part in self._targets or self._count_of(part) >= least

    def _count_of(self, part: str) -> int:
        count = self._counts.get(part, 0)
        return max(count, _CONTRACTED) if count and "'" in part else count


def _slips_of(word: str) -> Iterator[str]:
    """Everything one slip away from a word that begins with the same letter, or with its first two exchanged."""
    yield _begun_otherwise(word)
    for at in range(1, len(word) + 1):
        head, tail = word[:at], word[at:]
        if tail:
            yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in _LETTERS:
            if tail:
                yield head + letter + tail[1:]
            yield head + letter + tail


def _begun_otherwise(word: str) -> str:
    return word[1] + word[0] + word[2:]


def _is_part(text: str, begin: int, end: int) -> bool:
    """Whether a stretch is part of an address, a handle or a word in another script."""
    before, after = text[begin - 1 : begin], text[end : end + 2]
    return (
        before in ("@", "#", "/", ".", "_")
        or before.isalnum()
        or after[:1] in ("@", "/", "_")
        or (after[:1].isalnum() or (after[:1] == "." and after[1:].isalnum()))
    )


def _is_handle(text: str, begin: int, end: int) -> bool:
    """Whether a long stretch belongs to an address, a tag or somebody's handle."""
    return text[begin - 1 : begin] in ("@", "#", "/", "_") or text[end : end + 1] in ("@", "/", "_")


def _is_name(reading: Folded, begin: int, end: int) -> bool:
    """Whether a word was sent with a capital, as names are, and not all in capitals."""
    sent = reading.original[slice(*reading.span(begin, end))]
    return sent[:1].isupper() and sent[1:].islower()


def _digest_of(counts: Mapping[str, int]) -> str:
    # Of the words, not of the package's version: another release with the same dictionary reads alike.
    words = "\n".join(counts) + "\n" + ",".join(map(str, counts.values()))
    return hashlib.sha256(words.encode()).hexdigest()[:16]


@cache
def _dictionary() -> Mapping[str, int]:
    from spellchecker import SpellChecker

    return dict(SpellChecker(language="en", distance=1).word_frequency.dictionary)
