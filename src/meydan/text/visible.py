"""
Somebody else's words on an operator's terminal, or in a spreadsheet: what would act there is shown instead.

A terminal obeys what begins with an escape, and turns what stands beside a direction control. Neither may come out of a
file, an export or a reader's comment; nor may half a character, which no terminal can be sent.
A spreadsheet computes what begins like a formula.
"""

from __future__ import annotations

import re
from typing import Final

# Controls of both kinds but the line's end and the tabulator; of direction; invisible ones that no language is written
# with (a joiner and a non-joiner are); separators of lines and paragraphs; half characters; tags.
_ACTING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)

_FORMULA: Final = re.compile(r"[=@\t\r]|[+-](?![0-9]+(?:\.[0-9]+)?\Z)")
"""How a formula begins; a plain number, such as -12 or +3.5, is none."""


def visible(text: str) -> str:
    """A text with all that would act on a terminal written out, as `\\x1b` or `\\u202e`; the rest is as it was."""
    return _ACTING.sub(lambda found: ascii(found[0])[1:-1], text)


def visible_line(word: str, longest: int) -> str:
    """A word as `visible` gives it, in one line, and of a longer one the beginning (so many characters, and an ellipsis)."""
    shown = visible(word[: longest + 1]).replace("\n", "\\n").replace("\t", "\\t")
    return shown if len(shown) <= longest else f"{shown[:longest]}…"


def cell(word: str) -> str:
    """A word as a cell of CSV: with a ' before what a spreadsheet would take for a formula, and otherwise as it is."""
    return f"'{word}" if _FORMULA.match(word) else word


def visible_json(document: str) -> str:
    """A JSON document that says the same, with all that would act on a terminal as escapes of JSON."""
    # Outside of strings JSON is ASCII, and inside none of its own controls stands bare.
    return _ACTING.sub(lambda found: _units(found[0]), document)


def _units(letter: str) -> str:
    pair = letter.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{pair[at : at + 4]}" for at in range(0, len(pair), 4))
