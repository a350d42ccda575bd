"""
Phrases of the listed languages: their small grammar, compiled to regular expressions.

A phrase does not look at words but at marks. Whatever is listed anywhere (a word,
alone or with endings) is an atom with a number; a text is turned into a row in
which every word is the marks of the atoms it is, and a phrase asks for marks. So
forms and endings are looked up once a word, and a row is short.

    word  =word  word+noun  word+  word*    an atom: as it stands, exactly, with endings, with any ending
    (a|b c)  [a|b]  ~3  ,  ^  $  NAME       one of, one or none, a gap, a comma, both ends, a class
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from meydan.judge.lexicon.grammar import BadLexicon

WORD: Final = "_"
STOP: Final = ". "
COMMA: Final = ", "
QUOTE: Final = '" '
"""How a row is written: every word is `_`, its marks and a space; signs are themselves and a space."""

_FIRST_MARK: Final = 0xF0000
_WIDEST_GAP: Final = 6

_PIECE = re.compile(
    r"\s+|~(?P<gap>\d)(?!\S)|(?P<sign>[,^$|(\[])|(?P<close>[)\]])(?P<tail>\+[a-z_]*|\*)?"
    r"|(?P<exact>=)?(?P<word>[^\s()\[\]|,^$+*~=]+)(?P<ending>\+[a-z_]*|\*)?"
)
_CLASS = re.compile(r"[A-Z][A-Z0-9_]+")

Ending = str
"""How a word goes on: "" not at all, "*" anyhow, "+noun" with a class of affixes, "+" with the phrase's own."""

AtomOf = Callable[[str, Ending, bool], int]
"""Gives the number of an atom: (word, ending, exact)."""


def mark_of(atom: int) -> str:
    """The mark of an atom in a row."""
    return chr(_FIRST_MARK + atom)


@dataclass(frozen=True)
class Node:
    """
    A piece of a phrase: its regular expression over a row, what it needs, and words that it matches.

    Of each set in `needs`, every row that the piece matches holds at least one atom.
    """

    written: str
    needs: tuple[frozenset[int], ...] = ()
    sample: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Pattern:
    """One phrase. `source` is its line; see `Node` for the rest."""

    source: str
    node: Node = field(repr=False)

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Compiled when it is first tried."""
        return re.compile(self.node.written)

    @property
    def needs(self) -> tuple[frozenset[int], ...]:
        """Sets of atoms, of each of which a matching row holds one."""
        return self.node.needs

    @property
    def sample(self) -> str:
        """The shortest text that the phrase finds."""
        return " ".join(self.node.sample)


def one_of(atoms: Mapping[int, str]) -> Node:
    """Any one of these atoms (and a word that is it)."""
    marks = "".join(map(mark_of, atoms))
    first = next(iter(atoms))
    written = rf"_[^ ]*{marks if len(atoms) == 1 else f'[{marks}]'}[^ ]* "
    return Node(written, (frozenset(atoms),), (atoms[first],))


def in_row(nodes: Sequence[Node]) -> Node:
    """These, one after another."""
    return Node(
        "".join(node.written for node in nodes),
        tuple(need for node in nodes for need in node.needs),
        tuple(word for node in nodes for word in node.sample),
    )


def either(nodes: Sequence[Node]) -> Node:
    """One of these."""
    if len(nodes) == 1:
        return nodes[0]
    needs: tuple[frozenset[int], ...] = ()
    if all(node.needs for node in nodes):
        needs = (frozenset[int]().union(*[min(node.needs, key=len) for node in nodes]),)
    return Node(f"(?:{'|'.join(node.written for node in nodes)})", needs, nodes[0].sample)


def compile_pattern(line: str, classes: Mapping[str, Node], atom_of: AtomOf) -> Pattern:
    """
    Read one line.

    Raises:
        BadLexicon: it is no phrase, names no class, or every word of it may be missing.
    """
    node = _Reader(line, classes, atom_of).read()
    if not node.needs:
        raise BadLexicon(f"a phrase needs a word that cannot be missing: {line}")
    return Pattern(line, node)


class _Reader:
    """Reads one line; every bracket is a level of alternatives."""

    def __init__(self, line: str, classes: Mapping[str, Node], atom_of: AtomOf) -> None:
        self._line = line
        self._classes = classes
        self._atom_of = atom_of

    def read(self) -> Node:
        # Brackets get the ending written behind them, which is met last: so they are read inside out.
        pieces = list(self._pieces())
        node, at = self._options(pieces, 0, "", inside=False)
        if at != len(pieces):
            raise BadLexicon(f"a bracket closes nothing: {self._line}")
        return node

    def _pieces(self) -> list[re.Match[str]]:
        pieces: list[re.Match[str]] = []
        at = 0
        while at < len(self._line):
            match = _PIECE.match(self._line, at)
            if match is None or match.end() == at:
                raise BadLexicon(f"not understood from {self._line[at:]!r} on: {self._line}")
            at = match.end()
            if match[0].strip():
                pieces.append(match)
        return pieces

    def _closing(self, pieces: Sequence[re.Match[str]], at: int) -> re.Match[str]:
        depth = 1
        for piece in pieces[at:]:
            depth += (piece["sign"] in ("(", "[")) - bool(piece["close"])
            if not depth:
                return piece
        raise BadLexicon(f"a bracket is not closed: {self._line}")

    def _options(
        self, pieces: Sequence[re.Match[str]], at: int, tail: Ending, *, inside: bool
    ) -> tuple[Node, int]:
        """Alternatives up to the closing bracket or the end; `tail` is the ending of each one's last word."""
        options: list[Node] = []
        nodes: list[Node] = []
        while at < len(pieces) and not pieces[at]["close"]:
            piece = pieces[at]
            at += 1
            last = at == len(pieces) or bool(pieces[at]["close"]) or pieces[at]["sign"] == "|"
            if piece["sign"] == "|":
                if not inside:
                    raise BadLexicon(f"a | stands outside brackets: {self._line}")
                options.append(self._filled(nodes))
                nodes = []
            elif piece["sign"] in ("(", "["):
                closing = self._closing(pieces, at)
                own = closing["tail"] or (tail if last else "")
                node, at = self._options(pieces, at, own, inside=True)
                if at >= len(pieces) or (pieces[at]["close"] == ")") != (piece["sign"] == "("):
                    raise BadLexicon(f"brackets do not match: {self._line}")
                at += 1
                nodes.append(Node(f"(?:{node.written})?") if piece["sign"] == "[" else node)
            else:
                nodes.append(self._node(piece, tail if last else ""))
        options.append(self._filled(nodes))
        return either(options), at

    def _filled(self, nodes: Sequence[Node]) -> Node:
        if not nodes:
            raise BadLexicon(f"an alternative is empty: {self._line}")
        return in_row(nodes)

    def _node(self, piece: re.Match[str], tail: Ending) -> Node:
        if piece["gap"]:
            if int(piece["gap"]) > _WIDEST_GAP:
                raise BadLexicon(f"a gap is {_WIDEST_GAP} words at most: {self._line}")
            return Node(rf"(?:_[^ ]* ){{0,{piece['gap']}}}?")
        if piece["sign"]:
            return {
                ",": Node(COMMA, sample=(",",)),
                "^": Node(r"(?<=\. )"),
                "$": Node(r"(?=\. )"),
            }[piece["sign"]]
        word: str = piece["word"]
        if _CLASS.fullmatch(word):
            if word not in self._classes:
                raise BadLexicon(f"no class is named {word}: {self._line}")
            if piece["ending"]:
                raise BadLexicon(f"{word} has the endings of its class, no others: {self._line}")
            return self._classes[word]
        atom = self._atom_of(word, piece["ending"] or tail, bool(piece["exact"]))
        return one_of({atom: word})
