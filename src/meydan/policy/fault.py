"""
A fault in the guidelines file: where it is, what is wrong, what to write instead.

`render` draws it for a terminal. The file is untrusted: control characters and
bidirectional overrides never reach the screen.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

_WINDOW = 96
"""Characters of a line that are drawn; a longer line is cut around the fault."""

_LEAD = 40
"""Characters drawn before the fault when the line is cut."""


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One thing to mend. `line` and `column` count from 1, columns in code points.

    `excerpt` is the whole line as it stands in the file, without its line break,
    and `width` the number of code points at fault, at least 1.
    """

    line: int
    column: int
    message: str
    remedy: str
    excerpt: str
    width: int = 1

    def render(self, name: str) -> str:
        """Draw the fault under the file's `name`, with a caret; several lines, no final line break."""
        shown, column = self._window()
        width = max(1, min(self.width, len(shown) - column + 1))
        gutter = " " * len(str(self.line))
        padding = _blank(shown[: column - 1])
        caret = "^" * max(1, _cells(shown[column - 1 : column - 1 + width]))
        return "\n".join(
            [
                f"{name}:{self.line}:{self.column}: {self.message}",
                f"  {self.line} | {shown}".rstrip(),
                f"  {gutter} | {padding}{caret}",
                f"  {gutter} = {self.remedy}",
            ]
        )

    def _window(self) -> tuple[str, int]:
        """The part of the line that is drawn, made harmless, and the column of the fault in it."""
        line = "".join(c if _harmless(c) else "\N{REPLACEMENT CHARACTER}" for c in self.excerpt)
        if len(line) <= _WINDOW:
            return line, self.column
        begin = max(0, min(self.column - 1 - _LEAD, len(line) - _WINDOW))
        end = begin + _WINDOW
        head = "…" if begin else ""
        tail = "…" if end < len(line) else ""
        return head + line[begin:end] + tail, self.column - begin + len(head)


def brief(text: str) -> str:
    """A text of the file made short and harmless enough to stand in a message on one line."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:61])
    return shown if len(shown) <= 60 else f"{shown[:59]}…"


def _harmless(character: str) -> bool:
    """Tell whether a character can be drawn in a terminal without moving anything."""
    if character == "\t":
        return True
    return unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"} and (
        unicodedata.bidirectional(character)
        not in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    )


def _cells(text: str) -> int:
    """Terminal cells that a text covers: none for a combining mark, two for a wide character."""
    return sum(
        0
        if unicodedata.combining(c) or unicodedata.category(c) == "Cf"
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def _blank(text: str) -> str:
    """Blanks as wide as the text; a tab stays a tab, so that the caret lands under its character."""
    return "".join("\t" if c == "\t" else " " * _cells(c) for c in text)
