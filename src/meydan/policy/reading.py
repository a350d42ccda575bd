"""
From a file's bytes to a TOML document, its places, and the faults of its syntax.

One broken line does not hide the next: a broken statement that stands on its own
is set aside and the rest is read. Where setting aside would be guessing, reading
ends. Work is bounded: after MOST_FAULTS faults nothing more is looked for.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from typing import Any

from meydan.policy.fault import Fault, brief
from meydan.policy.places import Place, Places, Statement, Twice

MOST_FAULTS = 1000
_MOST_SET_ASIDE = 25
_MOST_READ_AGAIN = 1_000_000
"""Characters that are read again, all readings together: a small file is read until nothing new is broken."""

_ERROR = re.compile(
    r"(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)
_UNREADABLE = "unreadable"
_NESTED = "nested"


class EnoughFaults(Exception):
    """So much is wrong that looking further would help nobody."""


class Reading:
    """
    One file's characters, their places, and the faults found so far (not yet in order).

    `whole` is False once a statement was set aside: then what is missing may be in it.
    """

    def __init__(self, source: bytes) -> None:
        self.faults: list[Fault] = []
        self.whole = True
        self._lines: dict[int, str] = {}
        marked = source.startswith(codecs.BOM_UTF8)
        if marked:
            source = source[len(codecs.BOM_UTF8) :]
        # Undecodable bytes and NUL become replacement characters, so that one of
        # them does not hide every other fault in the file.
        text = (
            source.decode("utf-8", "replace").replace("\r\n", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
        )
        self.places = Places(text)
        if marked:
            self.add(
                Place(0, 1),
                "The file begins with a byte-order mark.",
                "Save it as UTF-8 without a byte-order mark.",
            )
        self._source = source

    def add(self, place: Place, message: str, remedy: str) -> None:
        """Note a fault; it is underlined up to the end of its first line."""
        if len(self.faults) >= MOST_FAULTS:
            raise EnoughFaults
        line, column = self.places.line_and_column(min(place.begin, len(self.places.text)))
        # One line can hold many faults and be long: it is cut out once.
        excerpt = self._lines.setdefault(line, "") or self.places.line(line)
        self._lines[line] = excerpt
        width = max(1, min(place.end - place.begin, len(excerpt) - column + 1))
        self.faults.append(Fault(line, column, message, remedy, excerpt, width))

    def check_bytes(self) -> None:
        """Name the first byte of each line that is not UTF-8, and its first NUL."""
        for number, line in enumerate(self._source.split(b"\n"), start=1):
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                column = len(line[: error.start].decode("utf-8")) + 1
                byte = line[error.start]
                self._add_at(
                    number, column, f"The byte 0x{byte:02x} here is not UTF-8.", "Save the file as UTF-8."
                )
                text = line.decode("utf-8", "replace")
            if "\0" in text:
                self._add_at(number, text.index("\0") + 1, "A NUL character stands here.", "Delete it.")

    def _add_at(self, line: int, column: int, message: str, remedy: str) -> None:
        offset = self.places.offset_of(line, column)
        self.add(Place(offset, offset + 1), message, remedy)

    def document(self) -> dict[str, Any] | None:
        """
        Parse the document, noting every fault of syntax that stands on its own.

        Returns:
            What could be read; None where the document stops making sense.
        """
        text, places = self.places.text, self.places
        seen: set[Place] = set()
        for _ in range(max(2, min(_MOST_SET_ASIDE, _MOST_READ_AGAIN // (len(text) + 1)))):
            if places.overdotted is not None:
                at, what = places.overdotted, _NESTED
            else:
                try:
                    return tomllib.loads(text)
                except (ValueError, RecursionError) as error:
                    at, what = _where_of(error, places)
            statement = next((s for s in reversed(places.statements) if s.begin <= at), None)
            twice = _repeated(what, at, places, seen)
            if twice is not None:
                seen.add(twice.second)
                self._note_repeated(twice)
                if statement is None or statement.header or not statement.begin <= twice.second.begin:
                    return None
                end = statement.end
            else:
                place = _shown(what, at, statement, text)
                self.add(place, *_words_of(what, text[at : at + 1]))
                if statement is None or statement.header or not _stands_alone(statement, at, text):
                    return None
                end = _end_of_line(text, at)
            self.whole = False
            # Blanks keep every later offset, and so every later line and column.
            text = text[: statement.begin] + re.sub(r"[^\n]", " ", text[statement.begin : end]) + text[end:]
            places = Places(text)
        return None

    def _note_repeated(self, twice: Twice) -> None:
        line, _ = self.places.line_and_column(twice.first.begin)
        name = ".".join(str(part) for part in twice.path if isinstance(part, str))
        self.add(
            twice.second,
            f"“{brief(name)}” is given twice; the first is on line {line}.",
            "Keep one of the two.",
        )


def _where_of(error: ValueError | RecursionError, places: Places) -> tuple[int, str]:
    """The offset of an error, and what tomllib says of it."""
    if isinstance(error, RecursionError):
        return _first_to_raise(RecursionError, places), _NESTED
    match = _ERROR.fullmatch(str(error))
    if match is None:
        # Not an error of the grammar: a number with thousands of digits.
        return _first_to_raise(ValueError, places), _UNREADABLE
    if match["line"] is None:
        return len(places.text.rstrip()), match["what"]
    return places.offset_of(int(match["line"]), int(match["column"])), match["what"]


def _first_to_raise(kind: type[Exception], places: Places) -> int:
    """Where the first statement begins that raises this by itself; the last one's beginning otherwise."""
    for statement in places.statements:
        try:
            tomllib.loads(places.text[statement.begin : statement.end])
        except tomllib.TOMLDecodeError:
            continue
        except kind:
            return statement.begin
    return places.statements[-1].begin if places.statements else 0


def _repeated(what: str, at: int, places: Places, seen: set[Place]) -> Twice | None:
    """The key or table that is given a second time, where that is what the error says."""
    if not what.startswith(("Cannot", "Duplicate")):
        return None
    found = [twice for twice in places.twice if twice.second.begin <= at and twice.second not in seen]
    return found[-1] if found else None


def _shown(what: str, at: int, statement: Statement | None, text: str) -> Place:
    """Where the fault is drawn: what was never closed is shown where it was opened."""
    if statement is not None and "\n" in text[statement.begin : at] and what.startswith(_NEVER_CLOSED):
        begin = statement.begin
        return Place(begin, _end_of_line(text, begin))
    if at < len(text) and text[at] == "\n" and at > 0 and text[at - 1] != "\n":
        at -= 1
    return Place(at, at + 1)


def _stands_alone(statement: Statement, at: int, text: str) -> bool:
    """Tell whether a broken statement is one line, so that the next line is a new beginning."""
    line = text[statement.begin : _end_of_line(text, statement.begin)]
    return "\n" not in text[statement.begin : at] and all(line.count(q) % 2 == 0 for q in ('"""', "'''"))


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _words_of(what: str, found: str) -> tuple[str, str]:
    """Our words for what tomllib found; its own differ between versions of Python."""
    if what.startswith("Expected newline") and found == ",":
        return "A comma follows a value that is already complete.", "Decimals are written with a point: 0.30."
    for begins, message, remedy in _WORDS:
        if what.startswith(begins):
            return message, remedy
    return "This is not TOML.", 'Write key = value, with text in double quotes: name = "The Square".'


_NEVER_CLOSED = ("Unterminated", "Expected \"'", "Unclosed", "Invalid value")

_CLOSE_TEXT = ("A text is not closed.", "End it with the quote that it begins with.")
_TWICE = ("This table or key is given twice.", "Keep one of the two.")
_NO_CHARACTER = ("No character has this code.", "Write the character itself.")

_WORDS = (
    (
        "Invalid value",
        "No value can be read here.",
        'Put text in double quotes; write numbers plainly (0.30) and lists as ["a", "b"].',
    ),
    ("Invalid date", "There is no such date.", "Nothing in this file is a date; put text in double quotes."),
    ("Expected '='", "A key stands here without a value.", "Write key = value on one line."),
    (
        "Expected newline",
        "Something follows a value that is already complete.",
        'One key a line. A double quote inside text is written \\".',
    ),
    ("Unterminated string", *_CLOSE_TEXT),
    ("Expected \"'", *_CLOSE_TEXT),
    (
        "Illegal character '\\n'",
        "A text is not closed on its line.",
        'End it with the quote that it begins with; a long text stands between """ and """.',
    ),
    ("Illegal character", "A control character stands here.", "Delete it."),
    ("Found invalid character", "A control character stands here.", "Delete it."),
    ("Unclosed array", "A comma is missing here, or the list is not closed.", 'Write lists as ["a", "b"].'),
    (
        "Unclosed inline table",
        "A comma is missing here, or the braces are not closed.",
        'Write it on one line: { en = "…", tr = "…" }. A double quote inside text is written \\".',
    ),
    ("Unescaped '\\'", "A backslash stands alone in a text.", "Write it twice: \\\\"),
    (
        "Invalid initial character for a key part",
        "No key can be read here.",
        "A key is letters, digits, hyphens and underscores: kmr-Latn",
    ),
    ("Invalid statement", "No key can be read here.", "Write key = value; a note begins with #."),
    ("Expected ']", "A header is not closed.", "Write [publication] or [[rule]]."),
    ("Escaped character is not", *_NO_CHARACTER),
    ("Invalid hex value", *_NO_CHARACTER),
    ("Cannot", *_TWICE),
    ("Duplicate", *_TWICE),
    (_NESTED, "Tables or lists are nested too deeply here.", "Nothing in this file needs nesting."),
    (_UNREADABLE, "A value here cannot be read.", "Write numbers plainly: 0.30."),
)
