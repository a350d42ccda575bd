"""
Folds what a reader wrote so that a judge sees through disguises; nothing else ever reads it.

Two readings. `Folded.text` is conservative: compatibility forms, case, look-alike
letters, invisible characters, piled marks and Arabic letter variants are undone,
and innocent text stays as it is. `Folded.unmasked` also undoes leet, spaced-out
letters and stretched words; it may distort innocent text, so it may only raise a
suspicion. Every reading keeps the way back to the code points as they were sent.

Total on any str, lone surrogates included, and linear in its length.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Final

from meydan.text._letters import (
    ACCENTS_IN_USE,
    INVISIBLE,
    LATIN_OF,
    LEET,
    MARKS,
    REWRITTEN,
    to_cyrillic,
)

_Edit = tuple[int, int, str]
_Edits = list[_Edit]


class Folded:
    """
    One reading of a text, folded for judging only.

    Attributes:
        original: the code points as they were sent.
        text: this reading. Words are parted by one space, lines by one newline.
    """

    __slots__ = ("_chain", "_marks", "_offsets", "_unmasked", "_variants", "original", "text")

    def __init__(
        self, original: str, text: str, chain: tuple[_Stage, ...], *, unmasked: bool = False
    ) -> None:
        self.original: Final = original
        self.text: Final = text
        self._chain = chain
        self._offsets: tuple[Sequence[int], Sequence[int]] | None = None
        self._unmasked: Folded | None = self if unmasked else None
        self._variants: tuple[Folded, ...] | None = None
        self._marks: float | None = None

    def __repr__(self) -> str:
        # A reader's words must not reach a log through a traceback.
        return f"Folded({len(self.original)} -> {len(self.text)} code points)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Folded) and (self.original, self.text) == (other.original, other.text)

    def __hash__(self) -> int:
        return hash((self.original, self.text))

    @property
    def offsets(self) -> Sequence[int]:
        """For each index of `text`, where its origin begins in `original` (code points); never falling."""
        return self._both()[0]

    def span(self, begin: int, end: int) -> tuple[int, int]:
        """
        Find the stretch of `original` that became `text[begin:end]`.

        Returns:
            (begin, end) in code points of `original`, marks on the last letter
            included. Out-of-range ends are clamped; an empty stretch stays empty.
        """
        starts, ends = self._both()
        size = len(self.text)
        begin, end = max(0, min(begin, size)), max(0, min(end, size))
        if begin >= end:
            at = starts[begin] if begin < size else len(self.original)
            return at, at
        last = ends[end - 1]
        # Marks folded away belong to the letter under them: half a letter cannot be highlighted.
        while last < len(self.original) and self.original[last] in MARKS:
            last += 1
        return starts[begin], last

    @property
    def unmasked(self) -> Folded:
        """The aggressive reading: leet, separated letters, stretched words undone ("1d10t", "s t u p i d")."""
        if self._unmasked is None:
            self._unmasked = _unmask(self, ones="i", repeats=1)
        return self._unmasked

    @property
    def variants(self) -> tuple[Folded, ...]:
        """
        Every reading worth searching, each text once: this one, `unmasked`, and one
        more where a mask is ambiguous ("1" as l instead of i, "asss" as "ass").
        """
        if self._variants is None:
            found = [self]
            if self.unmasked.text != self.text:
                found.append(self.unmasked)
                other = _unmask(self, ones="l", repeats=2)
                if other.text not in (self.text, self.unmasked.text):
                    found.append(other)
            self._variants = tuple(found)
        return self._variants

    @property
    def obfuscation(self) -> float:
        """The share of words, in [0, 1], in which something beyond case had to be undone."""
        if self._marks is None:
            self._marks = _obfuscation_of(self)
        return self._marks

    def _both(self) -> tuple[Sequence[int], Sequence[int]]:
        if self._offsets is None:
            starts: Sequence[int] = range(len(self.original))
            ends: Sequence[int] = range(1, len(self.original) + 1)
            source = self.original
            for stage in self._chain:
                source, starts, ends = stage.trace(source, starts, ends)
            self._offsets = (starts, ends)
        return self._offsets


class _Stage:
    """One step of folding that can be followed back: a list of edits, or a rewriting of single letters."""

    __slots__ = ("_edits",)

    def __init__(self, edits: _Edits | None) -> None:
        self._edits = edits

    def trace(
        self, source: str, starts: Sequence[int], ends: Sequence[int]
    ) -> tuple[str, Sequence[int], Sequence[int]]:
        pieces: list[str] = []
        new_starts: list[int] = []
        new_ends: list[int] = []
        if self._edits is None:
            for i, letter in enumerate(source):
                new = REWRITTEN[letter]
                pieces.append(new)
                for _ in new:
                    new_starts.append(starts[i])
                    new_ends.append(ends[i])
            return "".join(pieces), new_starts, new_ends
        done = 0
        for begin, end, new in self._edits:
            pieces.append(source[done:begin])
            new_starts.extend(starts[done:begin])
            new_ends.extend(ends[done:begin])
            pieces.append(new)
            if len(new) == end - begin:
                new_starts.extend(starts[begin:end])
                new_ends.extend(ends[begin:end])
            else:
                for _ in new:
                    new_starts.append(starts[begin])
                    new_ends.append(ends[end - 1])
            done = end
        pieces.append(source[done:])
        new_starts.extend(starts[done:])
        new_ends.extend(ends[done:])
        return "".join(pieces), new_starts, new_ends


_LETTERWISE: Final = _Stage(None)

# Words with one separator between them and no other way to match: linear on any input.
_NOT_PLAIN_ASCII = re.compile(r"\s\s|\A\s|\s\Z|[\x00-\x09\x0b-\x1f\x7f`]")
_UNEVEN_SPACE = re.compile(r"\s{2,}|\A\s+|\s+\Z|[^\S \n]")
_MARKED = re.compile(f"[^{re.escape(MARKS)}]?[{re.escape(MARKS)}]+")
_JAMO = re.compile("[\u1100-\u11ff\ud7b0-\ud7ff]{2,}")
_WORD = re.compile(r"[^\W_]+")
_IMITATING = re.compile("[" + re.escape("".join(LATIN_OF)) + "]")
_KURDISH_ONLY = re.compile("[ێۆڕڵڤە]")
_HEH_BEFORE_JOINER = re.compile("ه\u200c")


def fold(text: str) -> Folded:
    """
    Fold a text for judging.

    Args:
        text: any str; lone surrogates fold to U+FFFD.

    Returns:
        The conservative reading; `.unmasked` and `.variants` hold the others.
        Folding a folded text changes nothing.
    """
    if text.isascii() and not _NOT_PLAIN_ASCII.search(text):
        return Folded(text, text.lower(), ())
    chain: list[_Stage] = []
    now = text
    if "ه\u200c" in now and _KURDISH_ONLY.search(now):
        # Older Sorani keyboards write the vowel ە as heh and a non-joiner.
        now = _apply(now, [(m.start(), m.end(), "ە") for m in _HEH_BEFORE_JOINER.finditer(now)], chain)
    rewritten = "".join(map(REWRITTEN.__getitem__, now))
    if rewritten != now:
        chain.append(_LETTERWISE)
        now = rewritten
    if not now.isascii():
        now = _apply(now, _mark_edits(now), chain)
        if _JAMO.search(now):
            now = _apply(
                now,
                [
                    (m.start(), m.end(), composed)
                    for m in _JAMO.finditer(now)
                    if (composed := unicodedata.normalize("NFC", m.group())) != m.group()
                ],
                chain,
            )
    now = _apply(now, _space_edits(now), chain)
    if not now.isascii() and _IMITATING.search(now):
        now = _apply(now, _imitation_edits(now), chain)
    return Folded(text, now, tuple(chain))


def _apply(text: str, edits: _Edits, chain: list[_Stage]) -> str:
    """Apply edits (in order, not overlapping), remember them in the chain, and return the new text."""
    if not edits:
        return text
    pieces: list[str] = []
    done = 0
    for begin, end, new in edits:
        pieces += (text[done:begin], new)
        done = end
    pieces.append(text[done:])
    chain.append(_Stage(edits))
    return "".join(pieces)


def _mark_edits(text: str) -> _Edits:
    edits: _Edits = []
    for match in _MARKED.finditer(text):
        # No letter in use carries more than two marks; the rest of a pile is a disguise.
        head = match.group()[:3]
        base = unicodedata.normalize("NFC", head)[0]
        edits.append((match.start(), match.end(), "" if base in MARKS else REWRITTEN[base]))
    return edits


def _space_edits(text: str) -> _Edits:
    edits: _Edits = []
    for match in _UNEVEN_SPACE.finditer(text):
        begin, end = match.span()
        new = "" if begin == 0 or end == len(text) else "\n" if "\n" in match.group() else " "
        if new != match.group():
            edits.append((begin, end, new))
    return edits


def _imitation_edits(text: str) -> _Edits:
    """
    Turn look-alikes into the letters they imitate: inside words that mix scripts,
    and words made of look-alikes only when nothing else says that another
    language is being written.
    """
    edits: _Edits = []
    whole: list[re.Match[str]] = []
    latin = foreign = 0
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isascii():
            latin += len(word) if not word.isdigit() else 0
            continue
        own = imitating = other = 0
        for letter in word:
            if letter in LATIN_OF:
                imitating += 1
            elif _is_latin(letter):
                own += 1
            elif letter.isalpha():
                other += 1
        if not imitating:
            latin, foreign = latin + own, foreign + other
        elif own and not other:
            edits.append((*match.span(), "".join(LATIN_OF.get(c, c) for c in word)))
            latin += own + imitating
        elif other:
            foreign += other
            # A Russian or Greek word with a Latin letter slipped in is still that word.
            if own and (mended := to_cyrillic(word)) is not None:
                edits.append((*match.span(), mended))
        else:
            whole.append(match)
    if latin and not foreign:
        # A lone Greek letter is a variable or a variant of a virus.
        likely = [m for m in whole if len(m.group()) > 1 or not "\u0370" <= m.group() <= "\u03ff"]
        if sum(len(m.group()) for m in likely) <= latin:
            edits += [(*m.span(), "".join(LATIN_OF.get(c, c) for c in m.group())) for m in likely]
            edits.sort()
    return edits


def _is_latin(letter: str) -> bool:
    return (letter < "\u0250" and letter.isalpha()) or "\u1e00" <= letter <= "\u1eff"


# ---- the aggressive reading -------------------------------------------------

_SUSPECT = re.compile(
    r"""[^\W\d_][0-9@$!|+€£¢¥§(<*#%_.~^·•-]+[^\W\d_]   # something inside a word
      | (?<![^\W_])[0-9@$€£!|][^\W\d_]                 # or before one
      | [^\W\d_][0-9$]                                 # or after one
      | (?<![^\W_])[^\W_][ \n][^\W_][ \n][^\W_](?![^\W_])  # letters standing alone
      | ([^\W\d_])\1\1                                 # stretched
      | [\U0001f1e6-\U0001f1ff]
      | [\u00c0-\u024f\u1e00-\u1eff]
    """,
    re.VERBOSE,
)
_TOKEN = re.compile(r"\S+")
_DOMAIN = re.compile(
    r"[^\W_]\.(?:com|net|org|info|io|co|tv|me|ly|gov|edu|krd|iq|tr|ir|uk|de|fr|eu|us|ru|nl|xyz|shop|online"
    r"|site|app|dev|ai|news|biz|club|store|link|live|gl|be)(?![^\W_])"
)
_MAILBOX = re.compile(r"[^\W_]@[^\W_][\w-]*\.")
_SEPARATED = re.compile(
    r"(?<![^\W_])(?<!['@$])[^\W_@$]?(?:(?<=[^\W_])|[@$])"
    r"(?:(?:[ \n]|[ ]?[-._*~^|/,'`·•+:=][ ]?)(?:[^\W_]|[@$!])(?![^\W_])){2,}"
)
_INNER_DOT = re.compile(r"(?<=[^\W\d_])[._*~^|`´·•]{1,3}(?=[^\W\d_])")
_HYPHENED = re.compile(r"(?<![^\W_-])([^\W\d_]+)-([^\W\d_]+)(?![^\W_-])")
_LEET_WORD = re.compile(r"[\w@$!|+€£¢¥§(<]*[^\W_](?:[\w@$!|+€£¢¥§(<]*[\w@$])?")
_QUANTITY = re.compile(r"[$€£¥]?\d[\d.,]*(?:[a-z]{0,3}|years?|min|hrs?)\Z")
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")
_FLAGS = re.compile("[\U0001f1e6-\U0001f1ff]+")


def _unmask(plain: Folded, *, ones: str, repeats: int) -> Folded:
    text = plain.text
    if not _SUSPECT.search(text):
        return plain
    chain = list(plain._chain)
    now = text
    guard = addresses(now)
    steps: tuple[Callable[[str], _Edits], ...] = (
        _separated_edits,
        _inner_edits,
        lambda t: _leet_edits(t, ones),
        lambda t: [(m.start(), m.end(), m.group(1) * repeats) for m in _STRETCHED.finditer(t)],
        _accent_edits,
    )
    for step in steps:
        edits = step(now)
        if edits and guard:
            edits = [e for e in edits if not _within(guard, e[0], e[1])]
        if edits:
            now = _apply(now, edits, chain)
            guard = addresses(now) if guard else guard
    if now == text:
        return plain
    return Folded(plain.original, now, tuple(chain), unmasked=True)


def addresses(text: str) -> list[tuple[int, int]]:
    """
    Find web and mail addresses: their dots and digits are spelling, not disguise.

    Args:
        text: a folded text.

    Returns:
        (begin, end) of each, in code points of `text`, in order.
    """
    if "." not in text and "/" not in text:
        return []
    return [
        match.span()
        for match in _TOKEN.finditer(text)
        if (token := match.group())
        and ("." in token or "/" in token)
        and ("://" in token or "www." in token or _DOMAIN.search(token) or _MAILBOX.search(token))
    ]


def _within(spans: list[tuple[int, int]], begin: int, end: int) -> bool:
    """Tell whether a stretch meets one of the spans, which are in order and apart."""
    at = bisect_left(spans, (end, end))
    return at > 0 and spans[at - 1][1] > begin


def _separated_edits(text: str) -> _Edits:
    edits: _Edits = []
    for match in _SEPARATED.finditer(text):
        kept = "".join(c for c in match.group() if c.isalnum() or c in "@$!|+")
        if sum(c.isalpha() for c in kept) >= 2 and kept != match.group():
            edits.append((*match.span(), kept))
    return edits


def _inner_edits(text: str) -> _Edits:
    edits: _Edits = []
    for match in _INNER_DOT.finditer(text):
        # Stars stay: they stand for letters that only a word list can guess.
        if "*" not in match.group():
            edits.append((*match.span(), ""))
    for match in _HYPHENED.finditer(text):
        if min(len(match.group(1)), len(match.group(2))) <= 2:
            edits.append((match.end(1), match.end(1) + 1, ""))
    edits.sort()
    return edits


def _leet_edits(text: str, ones: str) -> _Edits:
    edits: _Edits = []
    for match in _LEET_WORD.finditer(text):
        word = match.group()
        if word.isalpha() or not (new := _unleet(word, ones)):
            continue
        if new != word:
            edits.append((*match.span(), new))
    return edits


def _unleet(word: str, ones: str) -> str:
    """Read a word with leet in it, or return it unchanged where digits are just digits."""
    if word.isdigit() or _QUANTITY.match(word):
        return word
    body = word
    tail = ""
    stripped = body.rstrip("0123456789")
    if stripped.isalpha():
        return word  # covid19, g20, mh370
    if len(body) - len(stripped) > 1:
        body, tail = stripped, body[len(stripped) :]
    if "(" in body and not body.endswith(("(", ")")) and word.count("(") > 1:
        return word
    out: list[str] = []
    for i, letter in enumerate(body):
        if letter in "1|!":
            out.append(ones)
        else:
            out.append(LEET.get(letter, letter))
        if letter.isdigit() and i + 2 < len(body) and body[i : i + 3].isdigit():
            return word  # a320neo: a number, not a spelling
    return "".join(out) + tail


def _accent_edits(text: str) -> _Edits:
    edits: _Edits = []
    if not text.isascii():
        for match in _WORD.finditer(text):
            word = match.group()
            if word.isascii():
                continue
            accents = [c for c in word if "\u00c0" <= c <= "\u024f" or "\u1e00" <= c <= "\u1eff"]
            if len(accents) > 1 and any(c not in ACCENTS_IN_USE for c in accents):
                bare = "".join(_bare(c) for c in word)
                if bare != word:
                    edits.append((*match.span(), bare))
        for match in _FLAGS.finditer(text):
            # Two indicators are a flag; an odd number of them spells.
            if len(match.group()) % 2:
                edits.append((*match.span(), "".join(chr(ord(c) - 0x1F1E6 + 97) for c in match.group())))
        edits.sort()
    return edits


def _bare(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]


# ---- how much was undone ----------------------------------------------------

_HIDDEN_IN_WORD = re.compile(rf"[^\W_][{re.escape(INVISIBLE)}]+(?=[^\W_])|[\u202a\u202b\u202d\u202e]")
_PILED = re.compile(f"[{re.escape(MARKS)}]{{2,}}|[\u0334-\u0338\u20d0-\u20ea\u0489]")
_STYLED = re.compile("[\uff21-\uff5a\u24b6-\u24e9\u2100-\u214f\U0001d400-\U0001d7ff\U0001f130-\U0001f189]")
_STARRED = re.compile(r"[^\W\d_][*#%]+[^\W\d_]|[^\W\d_]\*{2,}")
_ROUGH_WORD = re.compile(r"\S+")
_ACRONYM = re.compile(r"(?:[^\W_]\.){2,4}[^\W_]?\Z")


def _obfuscation_of(folded: Folded) -> float:
    text, original = folded.text, folded.original
    words = len(_WORD.findall(text))
    if not words:
        return 0.0
    touched = 0
    if not original.isascii():
        for match in _ROUGH_WORD.finditer(original):
            word = match.group()
            if word.isascii():
                continue
            touched += bool(
                _PILED.search(word)
                or (len(_STYLED.findall(word)) > 1)
                or any(
                    not ("\u200c" <= m.group()[1:] <= "\u200d" and m.group()[0] > "\u0590")
                    for m in _HIDDEN_IN_WORD.finditer(word)
                )
            )
        touched += len(_imitation_edits(_before_imitation(folded)))
    touched += len(_STARRED.findall(text))
    if folded.unmasked is not folded:
        touched += _unmasked_words(text)
    return min(1.0, touched / words)


def _before_imitation(folded: Folded) -> str:
    return "".join(map(REWRITTEN.__getitem__, folded.original))


def _unmasked_words(text: str) -> int:
    guard = addresses(text)

    def free(begin: int, end: int) -> bool:
        return not _within(guard, begin, end)

    count = 0
    for match in _SEPARATED.finditer(text):
        letters = sum(c.isalnum() for c in match.group())
        if letters >= 4 and free(*match.span()) and not _ACRONYM.match(match.group()):
            count += letters
    for match in _LEET_WORD.finditer(text):
        word = match.group()
        if len(word) > 3 and not word.isalpha() and free(*match.span()) and _unleet(word, "i") != word:
            count += sum(c.isalpha() for c in word) >= 3 or len(word) > 4
    for match in _INNER_DOT.finditer(text):
        count += "*" not in match.group() and free(*match.span())
    return count
