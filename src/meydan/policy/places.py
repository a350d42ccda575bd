"""
Where each key and value of a TOML document stands.

`tomllib` knows what a document says and forgets where. This walks the same
characters again and remembers line and column of every key path. It decides
nothing: a document that tomllib refuses is walked as far as it makes sense,
which is enough to say where it stopped making sense. Total, never raises.

Source: the grammar of https://toml.io/en/v1.0.0.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]
"""From the document's root: names of keys, and numbers (from 0) in arrays and arrays of tables."""

MOST_PARTS = 32
"""Parts of one dotted key; tomllib's time grows with their square."""

_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL = re.compile(r"'[^'\n]*'")
_LONG_BASIC = re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''(?:[^']|'{1,2}(?!'))*'{3,5}", re.DOTALL)
_SCALAR = re.compile(r"[^,\]}\n#]+")


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of the document, in code points: `begin` <= offset < `end`."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A `[header]` or a `key = value`, with everything its value spans."""

    begin: int
    end: int
    header: bool


@dataclass(frozen=True, slots=True)
class Twice:
    """A key or table that is given a second time."""

    path: KeyPath
    first: Place
    second: Place


class _Lost(Exception):
    """The document stops making sense here."""


class Places:
    """
    The places of one document. `text` has "\\n" for every line break.

    `statements` are in order; the last one may be cut short where the document
    stops making sense. `twice` lists what is given a second time, in order.
    `overdotted` is where a key of absurdly many parts begins, if one does.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.statements: list[Statement] = []
        self.twice: list[Twice] = []
        self.overdotted: int | None = None
        self._lines = [0, *(m.end() for m in re.finditer("\n", text))]
        self._keys: dict[KeyPath, Place] = {}
        self._values: dict[KeyPath, Place] = {}
        self._headers: dict[KeyPath, Place] = {}
        self._implied: dict[KeyPath, Place] = {}
        self._counts: dict[KeyPath, int] = {}
        self._table: KeyPath = ()
        self._at = 0
        self._walk()

    def of_key(self, path: KeyPath) -> Place:
        """Where the last key of the path is written; the nearest table above it where it is not."""
        return self._keys.get(path) or self._values.get(path) or self.of_table(path)

    def of_value(self, path: KeyPath) -> Place:
        """Where the value is written; its key, or the nearest table above it, where it is not."""
        return self._values.get(path) or self.of_key(path)

    def of_table(self, path: KeyPath) -> Place:
        """The header of a table, or the inline table; the nearest one above it, or the first character."""
        while path:
            place = (
                self._headers.get(path)
                or self._values.get(path)
                or self._keys.get(path)
                or self._implied.get(path)
            )
            if place is not None:
                return place
            path = path[:-1]
        return Place(0, 1)

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """Line and column, both from 1, of an offset into the text."""
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    def offset_of(self, line: int, column: int) -> int:
        """The offset of a line and column, both from 1; the end of the text where there is no such line."""
        if line > len(self._lines):
            return len(self.text)
        return min(self._lines[line - 1] + column - 1, len(self.text))

    def line(self, number: int) -> str:
        """The characters of a line (from 1), without its line break."""
        begin = self._lines[number - 1]
        end = self._lines[number] - 1 if number < len(self._lines) else len(self.text)
        return self.text[begin:end]

    def _walk(self) -> None:
        begin = 0
        header = False
        try:
            while True:
                self._skip(_BLANK_LINES)
                if self._at >= len(self.text):
                    return
                begin = self._at
                header = self.text[begin] == "["
                if header:
                    self._header()
                else:
                    self._pair(self._table)
                self.statements.append(Statement(begin, self._at, header))
                self._skip(_BLANK)
                if self._at < len(self.text) and self.text[self._at] not in "\n#":
                    return
        except (_Lost, RecursionError):
            self.statements.append(Statement(begin, len(self.text), header))

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self._at)
        if match:
            self._at = match.end()

    def _take(self, token: str) -> None:
        if not self.text.startswith(token, self._at):
            raise _Lost
        self._at += len(token)

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self._at)
        if match is None:
            raise _Lost
        self._at = match.end()
        return match.group()

    def _key_part(self) -> tuple[str, Place]:
        self._skip(_BLANK)
        begin = self._at
        start = self.text[begin : begin + 1]
        if start not in ('"', "'"):
            return self._match(_BARE_KEY), Place(begin, self._at)
        written = self._match(_BASIC if start == '"' else _LITERAL)
        try:
            (name,) = tomllib.loads(f"{written} = 0")
        except ValueError:
            raise _Lost from None
        return name, Place(begin, self._at)

    def _dotted(self) -> list[tuple[str, Place]]:
        parts = [self._key_part()]
        while True:
            self._skip(_BLANK)
            if not self.text.startswith(".", self._at):
                return parts
            self._at += 1
            if len(parts) == MOST_PARTS:
                self.overdotted = parts[0][1].begin
                raise _Lost
            parts.append(self._key_part())

    def _header(self) -> None:
        begin = self._at
        array = self.text.startswith("[[", begin)
        self._take("[[" if array else "[")
        *parents, (last, _) = self._dotted()
        self._skip(_BLANK)
        self._take("]]" if array else "]")
        path: KeyPath = ()
        place = Place(begin, self._at)
        for part, _ in parents:
            path = self._latest((*path, part))
            self._implied.setdefault(path, place)
        path = (*path, last)
        if array:
            self._headers.setdefault(path, place)
            self._counts[path] = self._counts.get(path, 0) + 1
            path = self._latest(path)
        else:
            path = self._latest(path)
        if path in self._headers:
            self.twice.append(Twice(path, self._headers[path], place))
        self._headers[path] = place
        self._table = path

    def _latest(self, path: KeyPath) -> KeyPath:
        """The path with the number of its latest element added, where it names an array of tables."""
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _pair(self, table: KeyPath) -> None:
        path = table
        parts = self._dotted()
        for name, place in parts[:-1]:
            path = (*path, name)
            self._keys.setdefault(path, place)
        name, place = parts[-1]
        path = (*path, name)
        if path in self._keys or path in self._headers:
            first = self._keys.get(path) or self._headers[path]
            self.twice.append(Twice(path, first, place))
        self._keys.setdefault(path, place)
        self._skip(_BLANK)
        self._take("=")
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        begin = self._at
        start = self.text[begin : begin + 1]
        if start == "[":
            self._array(path)
        elif start == "{":
            self._inline_table(path)
        elif self.text.startswith('"""', begin):
            self._match(_LONG_BASIC)
        elif self.text.startswith("'''", begin):
            self._match(_LONG_LITERAL)
        elif start == '"':
            self._match(_BASIC)
        elif start == "'":
            self._match(_LITERAL)
        else:
            written = self._match(_SCALAR)
            self._at -= len(written) - len(written.rstrip(" \t"))
            if self._at == begin:
                raise _Lost
        self._values.setdefault(path, Place(begin, self._at))

    def _array(self, path: KeyPath) -> None:
        self._take("[")
        number = 0
        while True:
            self._skip(_BLANK_LINES)
            if self.text.startswith("]", self._at):
                self._at += 1
                return
            self._value((*path, number))
            number += 1
            self._skip(_BLANK_LINES)
            if not self.text.startswith("]", self._at):
                self._take(",")

    def _inline_table(self, path: KeyPath) -> None:
        self._take("{")
        while True:
            # Line breaks in an inline table are an error to TOML 1.0 and fine to 1.1;
            # which of the two applies is tomllib's to say.
            self._skip(_BLANK_LINES)
            if self.text.startswith("}", self._at):
                self._at += 1
                return
            self._pair(path)
            self._skip(_BLANK_LINES)
            if not self.text.startswith("}", self._at):
                self._take(",")
