"""
The small language that phrases are written in, and how it becomes a regular expression.

    pattern  :=  item+
    item     :=  word | CLASS | $macro | ~n | ( pattern | pattern … ) | [ pattern | pattern … ]

Round brackets are alternatives, square ones are optional alternatives, `~n` is a
gap of up to n words. Elements of a row look like `word/classes `: a word, a
slash, one character per class that it belongs to, a space.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

NEGATIONS = ("not", "never", "no", "nobody", "none", "neither", "nor", "hardly", "cannot", "without")
"""Words that a gap never swallows: "you are not an idiot" is no insult."""

_PIECE = re.compile(r"\s*(?:(~\d)|(\$[a-z_0-9]+)|([A-Z][A-Z_]+)|([()\[\]|])|([^\s()\[\]|]+))")
_GAP = rf"(?:(?!(?:{'|'.join(NEGATIONS)})/)(?:'s|[^\W_][^ /]*)/[^ ]* )"


class BadLexicon(ValueError):
    """A lexicon file that says something its own grammar does not know: a fault of ours, not of a reader."""


@dataclass(frozen=True)
class Pattern:
    """
    One phrase, compiled when it is first tried.

    Of each set in `needs`, every row that the phrase matches holds at least one
    word; the rarest set comes first.
    """

    source: str
    needs: tuple[frozenset[str], ...]

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.source)

    @cached_property
    def at_end(self) -> re.Pattern[str]:
        """The same, with nothing after it."""
        return re.compile(self.source + r"\Z")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Classes of words: their members, and the one character that marks them in a row."""

    members: Mapping[str, frozenset[str]]
    mark: Mapping[str, str]
    macros: Mapping[str, str]
    common: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Part:
    source: str
    needs: tuple[frozenset[str], ...]  # of each set at least one word is there


def compile_pattern(written: str, vocabulary: Vocabulary) -> Pattern:
    """
    Compile one phrase.

    Raises:
        BadLexicon: an unknown class or macro, or brackets that do not meet.
    """
    pieces = _pieces(written, vocabulary, depth=0)
    part, rest = _sequence(pieces, 0, vocabulary, written)
    if rest != len(pieces):
        raise BadLexicon(f"a bracket too many in the phrase {written!r}")
    if not part.needs:
        raise BadLexicon(f"nothing in the phrase {written!r} is sure to be there")
    return Pattern("(?<= )" + part.source, tuple(sorted(part.needs, key=lambda n: _cost(n, vocabulary))))


def _pieces(written: str, vocabulary: Vocabulary, depth: int) -> list[str]:
    pieces: list[str] = []
    for match in _PIECE.finditer(written):
        piece = match[0].strip()
        if not match[2]:
            pieces.append(piece)
        elif piece[1:] in vocabulary.macros and depth < 5:
            pieces += ["(", *_pieces(vocabulary.macros[piece[1:]], vocabulary, depth + 1), ")"]
        else:
            raise BadLexicon(f"no macro {piece} (or one that contains itself), in the phrase {written!r}")
    return pieces


def _sequence(pieces: list[str], at: int, vocabulary: Vocabulary, written: str) -> tuple[_Part, int]:
    source: list[str] = []
    needs: list[frozenset[str]] = []
    while at < len(pieces) and pieces[at] not in ")]|":
        piece = pieces[at]
        if piece in "([":
            part, at = _bracket(pieces, at, vocabulary, written)
        else:
            part, at = _atom(piece, vocabulary, written), at + 1
        source.append(part.source)
        needs += part.needs
    if not source:
        raise BadLexicon(f"an empty alternative in the phrase {written!r}")
    return _Part("".join(source), tuple(needs)), at


def _bracket(pieces: list[str], at: int, vocabulary: Vocabulary, written: str) -> tuple[_Part, int]:
    optional = pieces[at] == "["
    choices: list[_Part] = []
    while True:
        part, at = _sequence(pieces, at + 1, vocabulary, written)
        choices.append(part)
        if at >= len(pieces):
            raise BadLexicon(f"a bracket is not closed in the phrase {written!r}")
        if pieces[at] != "|":
            break
    if pieces[at] != ("]" if optional else ")"):
        raise BadLexicon(f"brackets that do not match in the phrase {written!r}")
    needs: tuple[frozenset[str], ...] = ()
    if not optional and all(choice.needs for choice in choices):
        # Whichever alternative it is, its rarest set is there.
        rarest = (min(choice.needs, key=lambda n: _cost(n, vocabulary)) for choice in choices)
        needs = (frozenset[str]().union(*rarest),)
    body = "|".join(choice.source for choice in choices)
    return _Part(f"(?:{body})" + ("?" if optional else ""), needs), at + 1


def _atom(piece: str, vocabulary: Vocabulary, written: str) -> _Part:
    if piece[0] == "~":
        return _Part(f"{_GAP}{{0,{piece[1]}}}?", ())
    if piece.isupper() and len(piece) > 1:
        if piece not in vocabulary.members:
            raise BadLexicon(f"no class {piece}, in the phrase {written!r}")
        return _Part(rf"[^ /]+/[^ ]*{vocabulary.mark[piece]}[^ ]* ", (vocabulary.members[piece],))
    return _Part(rf"{re.escape(piece)}/[^ ]* ", (frozenset({piece}),))


def _cost(needs: frozenset[str], vocabulary: Vocabulary) -> float:
    """How often one of these words can be expected: common ones count a thousandfold."""
    return len(needs) + 1000 * len(needs & vocabulary.common)
