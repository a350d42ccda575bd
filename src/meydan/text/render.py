"""
The only place where HTML is made from a reader's words.

Escapes and isolates, nothing else: `textContent` of what these functions return
is, character for character, what the reader sent. Carriage returns travel as
`&#13;`, because an HTML parser would turn a bare one into a newline. What HTML
cannot carry at all, U+0000 and lone surrogates, is refused before anything is kept.

The page's stylesheet must include `CSS`: it is what keeps line breaks, piled
marks and unmatched direction controls inside the comment.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Literal

from markupsafe import Markup, escape

from meydan.comment import Span

CSS: Final = """\
.meydan-text {
  overflow: clip;
  overflow-wrap: anywhere;
  white-space: break-spaces;
  unicode-bidi: plaintext;
}
.meydan-name {
  display: inline-block;
  max-inline-size: 100%;
  vertical-align: bottom;
  overflow: clip;
  overflow-wrap: anywhere;
  white-space: break-spaces;
  unicode-bidi: isolate;
}
"""
"""
Rules for the elements made here.

Each is a formatting context of its own: a direction override or a stray PDI ends
where the element ends, and marks piled a page high are clipped at its edge. In a
comment every paragraph (what a line break ends) is set in its own direction, and
begins where its own lines begin, while the text stays as it was sent.
"""

_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z")


def comment(text: str, *, language: str | None = None) -> Markup:
    """
    Render a comment's text as one block, `<p class="meydan-text" dir="…">`.

    Args:
        text: the text as sent.
        language: its language tag, for fonts and screen readers; "und" and
            anything that is not a tag is left out.
    """
    return _block(_escaped(text), text, language)


def name(name: str) -> Markup:
    """Render an author's name as an isolated inline element, `<bdi class="meydan-name" dir="…">`."""
    return Markup('<bdi class="meydan-name" dir="{}">{}</bdi>').format(direction(name), _escaped(name))


def highlighted(text: str, spans: Sequence[Span], *, language: str | None = None) -> Markup:
    """
    Render a comment for the desk, with what weighed in the judgement marked.

    Args:
        text: the text as sent.
        spans: stretches in code points, in any order; overlapping ones are cut
            where they meet, out-of-range ends are clamped, empty ones ignored.
        language: as for `comment`.

    Returns:
        The block of `comment`, with `<mark data-label="…">` around each stretch;
        where several labels meet, they stand in one attribute, parted by spaces.
    """
    size = len(text)
    opening: dict[int, list[str]] = {}
    closing: dict[int, list[str]] = {}
    for span in spans:
        begin, end = max(0, span.begin), min(size, span.end)
        if begin < end:
            opening.setdefault(begin, []).append(span.label)
            closing.setdefault(end, []).append(span.label)
    pieces: list[Markup] = []
    active: dict[str, int] = {}
    done = 0
    for cut in sorted({*opening, *closing, size}):
        if done < cut:
            piece = _escaped(text[done:cut])
            if active:
                piece = Markup('<mark data-label="{}">{}</mark>').format(" ".join(sorted(active)), piece)
            pieces.append(piece)
        for label in closing.get(cut, ()):
            active[label] -= 1
            if not active[label]:
                del active[label]
        for label in opening.get(cut, ()):
            active[label] = active.get(label, 0) + 1
        done = cut
    return _block(Markup("").join(pieces), text, language)


def direction(text: str) -> Literal["ltr", "rtl"]:
    """Return the direction of the first strong character outside isolates; "ltr" where there is none."""
    depth = 0
    for letter in text:
        kind = unicodedata.bidirectional(letter)
        if kind in ("LRI", "RLI", "FSI"):
            depth += 1
        elif kind == "PDI":
            depth = max(0, depth - 1)
        elif depth == 0:
            if kind == "L":
                return "ltr"
            if kind in ("R", "AL"):
                return "rtl"
    return "ltr"


def _block(inner: Markup, text: str, language: str | None) -> Markup:
    lang = Markup("")
    if language and language != "und" and _TAG.match(language):
        lang = Markup(' lang="{}"').format(language)
    return Markup('<p class="meydan-text" dir="{}"{}>{}</p>').format(direction(text), lang, inner)


def _escaped(text: str) -> Markup:
    # Markup.replace would escape the reference again, so the plain string is replaced.
    return Markup(str(escape(text)).replace("\r", "&#13;"))  # noqa: S704 - escaped on this very line
