"""
Which words weighed for a label: a text is read again without each of them.

A word that makes the score fall when it is left out is why the score was high. Where
no single word does that (the same is said twice), each is read alone instead. At most
`READINGS` readings whatever the length: of a long text only the worst stretch is
looked into, a few words at a time. Asked for, never done for every submission.

Source:
    Leaving out one feature at a time: Zeiler and Fergus (2014), section 4.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

READINGS: Final = 64
"""Times that a text is read at most, to explain one label."""

LONGEST_RUN: Final = 3
"""Words that are left out together at most."""

STRETCH: Final = 48
"""Words that are looked into; of a longer text the worst stretch of so many."""

SHARE: Final = 0.4
"""What weighs less than this share of the heaviest is not named."""

MOVED_FROM: Final = 0.25
"""Log-odds that leaving out a word must take away to count; less is noise."""

_PARTS: Final = 8
_TOKEN = re.compile(r"\S+")
_EDGE: Final = frozenset(".,;:!?…\"'()[]{}<>«»“”‘’‹›„،؛؟۔-–—")

Read = Callable[[Sequence[str]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A stretch of the text as sent, in code points, that weighed for `label`; `weight` in (0, 1], 1 the heaviest."""

    label: str
    begin: int
    end: int
    weight: float


def words_of(text: str) -> list[tuple[int, int]]:
    """
    Where the words of a text are, (begin, end) in code points, without the stops around them.

    Cut at spaces and stops only, and never before a mark that belongs to what precedes it,
    so that every stretch holds whole graphemes.
    """
    places: list[tuple[int, int]] = []
    for token in _TOKEN.finditer(text):
        begin, end = token.span()
        if places and places[-1][1] >= begin - 1 and _clings(text[begin]):
            # A mark on a space is one grapheme with it: what follows goes with what precedes.
            places[-1] = (places[-1][0], end)
            continue
        if _clings(text[begin]):
            begin = max(0, begin - 1)
        places.append((begin, end))
    return [_without_stops(text, *place) for place in places]


def weigh(text: str, label: str, read: Read, *, readings: int = READINGS) -> tuple[Weighed, ...]:
    """
    Find the words that weighed for a label.

    Args:
        text: as sent.
        read: probabilities of texts for this label, float32 (n,), in their order.
        readings: texts that `read` is given at most, in all calls together.

    Returns:
        Stretches in text order, neighbours merged; none where no word moves the score.
    """
    words = words_of(text)
    left = readings
    begin, end = 0, len(text)
    while len(words) > STRETCH and left > 2 * _PARTS:
        parts = _parts(words)
        begin, end, words = _worst(text, parts, read)
        left -= len(parts)
    left -= 1
    words = words[: max(0, left * LONGEST_RUN)]
    if not words:
        return ()
    run = -(-len(words) // left)
    units = [words[i : i + run] for i in range(0, len(words), run)]
    places = [(unit[0][0], unit[-1][1]) for unit in units]
    odds = _odds(read([text[begin:end], *(text[begin:a] + text[b:end] for a, b in places)]))
    left -= len(places)
    fallen = odds[0] - odds[1:]
    if fallen.max() < MOVED_FROM:
        if left < len(places) + 1 or len(places) < 2:
            return ()
        odds = _odds(read(["", *(text[a:b] for a, b in places)]))
        fallen = odds[1:] - odds[0]
        if fallen.max() < MOVED_FROM:
            return ()
    return _merged(label, places, fallen)


def _parts(words: Sequence[tuple[int, int]]) -> list[Sequence[tuple[int, int]]]:
    """Stretches that overlap by a third, so that what is said on a cut is whole in one; at most 12 of them."""
    size = max(STRETCH, -(-len(words) // _PARTS))
    step = -(-size * 2 // 3)
    return [words[i : i + size] for i in range(0, max(1, len(words) - size + step), step)]


def _worst(
    text: str, parts: Sequence[Sequence[tuple[int, int]]], read: Read
) -> tuple[int, int, list[tuple[int, int]]]:
    said = read([text[part[0][0] : part[-1][1]] for part in parts])
    worst = parts[int(np.argmax(said))]
    return worst[0][0], worst[-1][1], list(worst)


def _merged(
    label: str, places: Sequence[tuple[int, int]], fallen: NDArray[np.float64]
) -> tuple[Weighed, ...]:
    heaviest = float(fallen.max())
    found: list[Weighed] = []
    before = -2
    for i, ((begin, end), fall) in enumerate(zip(places, fallen.tolist(), strict=True)):
        if fall < max(MOVED_FROM, SHARE * heaviest):
            continue
        weight = round(fall / heaviest, 3)
        if before == i - 1:
            last = found.pop()
            begin, weight = last.begin, max(last.weight, weight)
        found.append(Weighed(label, begin, end, weight))
        before = i
    return tuple(found)


def _odds(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    p = np.clip(np.nan_to_num(probabilities.astype(np.float64)), 1e-6, 1 - 1e-6)
    odds: NDArray[np.float64] = np.log(p) - np.log1p(-p)
    return odds


def _without_stops(text: str, begin: int, end: int) -> tuple[int, int]:
    """The stretch without stops at its edges; one of nothing but stops stays as it is."""
    a, b = begin, end
    while a < b and text[a] in _EDGE and not (a + 1 < len(text) and _clings(text[a + 1])):
        a += 1
    while b > a and text[b - 1] in _EDGE and not (b < len(text) and _clings(text[b])):
        b -= 1
    return (a, b) if a < b else (begin, end)


def _clings(letter: str) -> bool:
    """Whether a character belongs to the one before it: a mark, a joiner, a variation or a skin's colour."""
    return (
        unicodedata.category(letter) in ("Mn", "Mc", "Me")
        or letter in "\u200c\u200d"
        or "\U0001f3fb" <= letter <= "\U0001f3ff"
        or "\U000e0020" <= letter <= "\U000e007f"
    )
