"""
The text of a comment that is kept in another form: what people read of it, and what is judged.

Pure, and total: whatever the markup is, something comes out, and none of it is markup. Nothing that was kept is changed
by this; text is derived on the way out, each time, and said to be.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

_BREAKS: Final = frozenset(
    [
        "address",
        "article",
        "aside",
        "caption",
        "center",
        "dd",
        "dir",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
        "option",
        "section",
        "summary",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
    ]
)
"""Elements that begin and end on a line of their own."""

_PARAGRAPHS: Final = frozenset(
    ["blockquote", "details", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "ol", "p", "pre", "ul"]
)
"""Elements with an empty line before and after them."""

_UNREAD: Final = frozenset(["script", "style", "template", "title", "textarea"])
"""Elements whose content no page shows as words of a comment."""

_SOURCES: Final = {
    "img": "src",
    "video": "src",
    "audio": "src",
    "iframe": "src",
    "embed": "src",
    "object": "data",
}
"""Elements that show something from elsewhere, and the attribute that says from where."""

_DEEPEST_QUOTE: Final = 8
_LONGEST_TAG: Final = 8192
_MOST_ATTRIBUTES: Final = 50
_NAME: Final = re.compile(r"[a-zA-Z][^\s/>]{0,63}")
_ATTRIBUTE: Final = re.compile(r"""[\s/]*([^\s/>][^\s/>=]*)(\s*=\s*(?:"[^"]*"|'[^']*'|(?!["'])[^\s>]*))?""")
_TAG_END: Final = re.compile(r"[\s/]*>")
_ENDS: Final = {tag: re.compile(f"</{tag}(?![a-z0-9])[^>]*>", re.IGNORECASE) for tag in _UNREAD}
_NO_PLACE: Final = ("javascript:", "data:", "vbscript:", "#")
_CUT: Final = re.compile(r"(?:\.\.\.|…)$")
_SCHEME: Final = re.compile(r"^(?:https?:)?//(?:www\.)?|^mailto:", re.IGNORECASE)
_LINE_ENDS: Final = re.compile(r"\r\n?")
_TOO_EMPTY: Final = re.compile(r"\n[ \t\xa0]*(?:\n[ \t\xa0]*)+\n|\n{3,}")


def text_of_html(body: str) -> str:
    """
    What somebody reads of a comment's HTML, as plain text.

    Paragraphs are parted by an empty line, other blocks and `<br>` by the end of a line; what is quoted begins with "> ", what is
    listed with "- ". A link is its words and, after them in brackets, its address where the words are another; a picture is its
    description and its address. Line ends of the source stay, as people typed them. Scripts and styles are not read.

    Args:
        body: as kept; markup of any kind, well-formed or not, or none.

    Returns:
        Text with "\\n" for the end of a line. Never raises; takes time in proportion to the length.
    """
    if "<" not in body and "&" not in body:
        return _LINE_ENDS.sub("\n", body) if "\r" in body else body
    reading = _Reading()
    _read(_LINE_ENDS.sub("\n", body), reading)
    return reading.text()


def derived(kept: str, format: str | None) -> str:
    """What is read of a text in the form that it is kept in: "html", or None (as text, Markdown too: it reads as it stands)."""
    return text_of_html(kept) if format == "html" else kept


def _read(body: str, reading: _Reading) -> None:
    """
    Tell `reading` of each tag and of the words between them.

    Not html.parser: of hostile markup it takes the square of the length. What never closes is no tag here but words, because
    many who wrote "a<b" meant no markup.
    """
    at, size, last = 0, len(body), body.rfind(">")
    comments_end = True
    while at < size:
        begin = body.find("<", at)
        if begin < 0 or begin > last:
            break
        reading.words(unescape(body[at:begin]))
        following = body[begin + 1 : begin + 2]
        end = -1
        if body.startswith("<!--", begin):
            if comments_end and (end := body.find("-->", begin + 4)) >= 0:
                end += 3
            else:
                comments_end = False
        elif following in ("!", "?") or (following == "/" and body[begin + 2 : begin + 3] != " "):
            end = body.find(">", begin) + 1
            if following == "/" and (name := _NAME.match(body, begin + 2)):
                reading.ends(name[0].lower())
        elif name := _NAME.match(body, begin + 1):
            end = _read_tag(body, name.end(), name[0].lower(), reading)
        if end < 0:
            reading.words("<")
            end = begin + 1
        at = end
    reading.words(unescape(body[at:]))


def _read_tag(body: str, at: int, tag: str, reading: _Reading) -> int:
    """Where a tag ends, which `reading` was told of; -1 where it never does."""
    attributes: dict[str, str] = {}
    longest = at + _LONGEST_TAG
    for _ in range(_MOST_ATTRIBUTES):
        closed = _TAG_END.match(body, at, longest)
        if closed is not None:
            break
        found = _ATTRIBUTE.match(body, at, longest)
        if found is None:
            return -1
        at = found.end()
        value = (found[2] or "").strip().removeprefix("=").strip()
        if value[:1] in ("'", '"'):
            value = value[1:-1]
        attributes.setdefault(found[1].lower(), unescape(value))
    else:
        return -1
    reading.begins(tag, attributes)
    if tag in _UNREAD:
        over = _ENDS[tag].search(body, closed.end())
        return len(body) if over is None else over.end()
    return closed.end()


class _Reading:
    """Puts lines together."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._line: list[str] = []
        self._quoted = 0
        self._links: list[tuple[str, int, int]] = []

    def text(self) -> str:
        self._end_line()
        return _TOO_EMPTY.sub("\n\n", "\n".join(self._lines)).strip("\n")

    # -- what is read ----------------------------------------------------------

    def begins(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "br":
            self._end_line()
        elif tag == "a":
            self._links.append((_address_in(attributes, "href"), len(self._lines), len(self._line)))
        elif tag in _SOURCES:
            self._shows(attributes, _SOURCES[tag])
        elif tag in _PARAGRAPHS:
            self._end_paragraph()
            if tag == "blockquote":
                self._quoted += 1
        elif tag in _BREAKS:
            self._end_block()
            if tag == "li":
                self._line.append("- ")
        elif tag in ("td", "th") and self._line:
            self._line.append(" ")

    def ends(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        elif tag in _PARAGRAPHS:
            self._end_paragraph()
            if tag == "blockquote":
                self._quoted = max(0, self._quoted - 1)
        elif tag in _BREAKS:
            self._end_block()

    def words(self, data: str) -> None:
        first, *others = data.replace("\x00", "").split("\n")
        if first:
            self._line.append(first)
        for line in others:
            self._end_line()
            if line:
                self._line.append(line)

    # -- lines -------------------------------------------------------------------

    def _end_line(self) -> None:
        line = "".join(self._line).rstrip(" \t")
        mark = "> " * min(self._quoted, _DEEPEST_QUOTE)
        self._lines.append(mark + line if line else "")
        self._line.clear()

    def _end_block(self) -> None:
        if "".join(self._line).strip():
            self._end_line()
        else:
            self._line.clear()

    def _end_paragraph(self) -> None:
        self._end_block()
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def _end_link(self) -> None:
        if not self._links:
            return
        address, line, place = self._links.pop()
        if not address:
            return
        if line != len(self._lines):
            self._line.append(f" ({address})" if self._line else address)
            return
        words = "".join(self._line[place:]).strip()
        if not words:
            self._line.append(address)
        elif _is_of(words, address):
            # The whole address once, in place of what may be a part of it.
            self._line[place:] = [address if len(address) > len(words) else words]
        else:
            self._line.append(f" ({address})")

    def _shows(self, attributes: dict[str, str], source: str) -> None:
        address, said = (
            _address_in(attributes, source),
            _told(attributes, "alt") or _told(attributes, "title"),
        )
        words = f"{said} ({address})" if said and address else said or address
        if words:
            self._line.append(words if not self._line or self._line[-1][-1:].isspace() else f" {words}")


def _told(attributes: dict[str, str], name: str) -> str:
    """An attribute's value on one line."""
    return " ".join(attributes.get(name, "").replace("\x00", "").split())


def _address_in(attributes: dict[str, str], name: str) -> str:
    address = _told(attributes, name)
    return "" if address.lower().startswith(_NO_PLACE) else address


def _is_of(words: str, address: str) -> bool:
    """Whether a link's words are its address, or the beginning of it with dots for the rest."""
    plain, whole = _SCHEME.sub("", words).rstrip("/"), _SCHEME.sub("", address).rstrip("/")
    if plain == whole:
        return True
    begun = _CUT.sub("", plain)
    return begun != plain and len(begun) >= 4 and whole.startswith(begun)
