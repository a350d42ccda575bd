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
from collections.abc import Callable, Sequence
from typing import Final

from meydan.text._disguise import (
    Edit,
    addresses,
    count_disguised,
    is_suspect,
    join_halves,
    join_letters,
    outside,
    read_leet,
    squeeze,
    strip_accents,
)
from meydan.text._letters import INVISIBLE, LATIN_OF, MARKS, REWRITTEN, to_cyrillic


class Folded:
    """
    One reading of a text, folded for judging only.

    Attributes:
        original: the code points as they were sent.
        text: this reading. Words are parted by one space, lines by one newline.
    """

    __slots__ = (
        "_chain",
        "_imitated",
        "_obfuscation",
        "_offsets",
        "_unmasked",
        "_variants",
        "original",
        "text",
    )

    def __init__(
        self,
        original: str,
        text: str,
        chain: tuple[_Stage, ...],
        *,
        unmasked: bool = False,
        imitated: int = 0,
    ) -> None:
        self.original: Final = original
        self.text: Final = text
        self._chain = chain
        self._offsets: tuple[Sequence[int], Sequence[int]] | None = None
        self._unmasked: Folded | None = self if unmasked else None
        self._variants: tuple[Folded, ...] | None = None
        self._obfuscation: float | None = None
        self._imitated = imitated

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
    def is_undone(self) -> bool:
        """Whether nothing in `unmasked` is seen to be disguised still: stars, for one, hide letters that nobody can restore."""
        return not count_disguised(self.unmasked.text)

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
        if self._obfuscation is None:
            self._obfuscation = _obfuscation_of(self)
        return self._obfuscation

    def _is_wide(self, index: int) -> bool:
        starts, ends = self._both()
        return ends[index] - starts[index] > 1

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

    def __init__(self, edits: list[Edit] | None) -> None:
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
    imitated: list[Edit] = []
    if not now.isascii() and _IMITATING.search(now):
        imitated = _imitation_edits(now)
        now = _apply(now, imitated, chain)
    return Folded(text, now, tuple(chain), imitated=len(imitated))


def respelled(reading: Folded, edits: list[Edit]) -> Folded:
    """
    Another reading of the same text, with stretches of this one replaced.

    Args:
        edits: (begin, end, new) in code points of `reading.text`, in order and apart.
    """
    chain = list(reading._chain)
    now = _apply(reading.text, edits, chain)
    return Folded(reading.original, now, tuple(chain), unmasked=True)


def _apply(text: str, edits: list[Edit], chain: list[_Stage]) -> str:
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


def _mark_edits(text: str) -> list[Edit]:
    edits: list[Edit] = []
    for match in _MARKED.finditer(text):
        # No letter in use carries more than two marks; the rest of a pile is a disguise.
        head = match.group()[:3]
        base = unicodedata.normalize("NFC", head)[0]
        edits.append((match.start(), match.end(), "" if base in MARKS else REWRITTEN[base]))
    return edits


def _space_edits(text: str) -> list[Edit]:
    edits: list[Edit] = []
    for match in _UNEVEN_SPACE.finditer(text):
        begin, end = match.span()
        new = "" if begin == 0 or end == len(text) else "\n" if "\n" in match.group() else " "
        if new != match.group():
            edits.append((begin, end, new))
    return edits


def _imitation_edits(text: str) -> list[Edit]:
    """
    Turn look-alikes into the letters they imitate: inside words that mix scripts,
    and words made of look-alikes only when nothing else says that another
    language is being written.
    """
    edits: list[Edit] = []
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
            edits.append((*match.span(), latinised := "".join(LATIN_OF.get(c, c) for c in word)))
            # Digits count as they do in a word that was Latin already: another folding has to find as much.
            latin += len(latinised) if latinised.isascii() else own + imitating
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


def _unmask(plain: Folded, *, ones: str, repeats: int) -> Folded:
    if not is_suspect(plain.text):
        return plain
    steps: tuple[Callable[[str], list[Edit]], ...] = (
        lambda text: join_letters(text, plain._is_wide),
        join_halves,
        lambda text: read_leet(text, ones),
        lambda text: squeeze(text, repeats),
        strip_accents,
    )
    chain = list(plain._chain)
    now = plain.text
    for step in steps:
        edits = step(now)
        if edits:
            # Found anew each time: an edit moves what follows it.
            now = _apply(now, outside(edits, addresses(now)), chain)
    if now == plain.text:
        return plain
    return Folded(plain.original, now, tuple(chain), unmasked=True)


# ---- how much was undone ----------------------------------------------------

_HIDDEN_IN_WORD = re.compile(rf"([^\W_])([{re.escape(INVISIBLE)}]+)(?=[^\W_])|[\u202d\u202e]")
_PILED = re.compile(f"[{re.escape(MARKS)}]{{2,}}|[\u0334-\u0338\u20d0-\u20ea\u0489]")
_STYLED = re.compile("[\uff21-\uff5a\u24b6-\u24e9\u2100-\u214f\U0001d400-\U0001d7ff\U0001f130-\U0001f189]")
_STRETCHED_OUT = re.compile("(?:[\u0620-\u064a\u066e-\u06d3]\u0640+){3}")
_MAYBE_HIDDEN = re.compile(
    f"[{re.escape(INVISIBLE + MARKS)}\u0640\uff21-\uff5a\u24b6-\u24e9\u2100-\u214f\U0001d400-\U0001d7ff\U0001f130-\U0001f189]"
)
_TOKEN = re.compile(r"\S+")


def _obfuscation_of(folded: Folded) -> float:
    text = folded.text
    disguised = folded._imitated
    if not folded.original.isascii() and _MAYBE_HIDDEN.search(folded.original):
        disguised += sum(_is_hidden(word) for word in _TOKEN.findall(folded.original) if not word.isascii())
    if folded.unmasked is not folded or any(sign in text for sign in "*#%"):
        disguised += count_disguised(text)
    return min(1.0, disguised / max(1, len(_WORD.findall(text)))) if disguised else 0.0


def _is_hidden(word: str) -> bool:
    """Tell whether a word as sent is broken by invisible characters, piled with marks or in styled letters."""
    if _PILED.search(word) or _STRETCHED_OUT.search(word) or len(_STYLED.findall(word)) > 1:
        return True
    # Joiners and direction marks are orthography from Hebrew and Arabic eastwards.
    return any(
        match.group(1) is None
        or match.group(1) < "\u0590"
        or not set(match.group(2)) <= set("\u200c\u200d\u200e\u200f")
        for match in _HIDDEN_IN_WORD.finditer(word)
    )
