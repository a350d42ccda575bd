"""
XML from anybody, read a piece at a time: what a file declares or refers to is never followed, and nothing grows with it.

Only the elements that somebody asks for are kept, each until it was taken. A document that declares an entity is refused
(a few of them unfold to gigabytes), and so is one that is nested deeper, or has a longer piece between two signs, than
any archive of comments. Of a text only so much is kept; that it was longer is said.
"""

from __future__ import annotations

import xml.parsers.expat as expat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

from meydan.errors import FileCutShort, NotThatFormat
from meydan.exchange.reading import opened

LONGEST_TEXT: Final = 400_000
"""Characters of one element's text that are kept: more than any comment that is taken."""

DEEPEST: Final = 64
MOST_CHILDREN: Final = 2_000
LONGEST_TOKEN: Final = 8 * 2**20
_CHUNK: Final = 2**16
_MOST_TAGS: Final = 1000


# Most elements have none, and there are fifteen in every comment.
_NONE: Final[list[Any]] = []
_NOTHING: Final[list[str]] = []


class Element:
    """An element: its local `name`, its namespace (`space`), attributes by local name, and what was kept of its text."""

    __slots__ = ("attributes", "children", "cut", "line", "name", "parent", "parts", "size", "space")

    def __init__(
        self, space: str, name: str, attributes: dict[str, str], line: int, parent: Element | None
    ) -> None:
        self.space = space
        self.name = name
        self.attributes = attributes
        self.line = line
        self.parent = parent
        self.children: list[Element] = _NONE
        self.parts: list[str] = _NOTHING
        self.size = 0
        self.cut = False

    @property
    def text(self) -> str:
        return "".join(self.parts)

    def child(self, name: str, space: str = "") -> Element | None:
        """The first child of this name, in a namespace that begins so."""
        for child in self.children:
            if child.name == name and child.space.startswith(space):
                return child
        return None

    def said(self, name: str, space: str = "") -> str:
        """The text of a child, without blanks around it; "" where there is none."""
        child = self.child(name, space)
        return "" if child is None else child.text.strip()


def elements(path: Path, *, root: str, wanted: Mapping[str, str]) -> Iterator[Element]:
    """
    Elements of a file, unpacked if it is gzip, in the order in which they end.

    Args:
        root: the local name of the first element.
        wanted: which are given, by local name, and the local name of what they have to be in. One that is in another wanted one
            is not among that one's children, and has it, as far as it was read, as its `parent`.

    Raises:
        NotThatFormat: it is no such XML, or declares what is not followed. FileCutShort: it ends in its middle, or goes
            wrong there; all elements before that were given.
    """
    with opened(path) as source:
        yield from _Reading(path, root, wanted).read(source)


class _Reading:
    def __init__(self, path: Path, root: str, wanted: Mapping[str, str]) -> None:
        self._path = path
        self._root = root
        self._wanted = dict(wanted)
        self._names: list[str] = []
        self._open: list[Element] = []
        self._ready: list[Element] = []
        self._tags: dict[str, tuple[str, str, str | None]] = {}
        self._refused: str | None = None
        parser = self._parser = expat.ParserCreate(None, " ")
        parser.buffer_text = True
        parser.buffer_size = _CHUNK
        parser.StartElementHandler = self._begins
        parser.EndElementHandler = self._ends
        parser.CharacterDataHandler = self._says
        parser.EntityDeclHandler = self._declares
        parser.UnparsedEntityDeclHandler = self._declares
        parser.ExternalEntityRefHandler = self._refers
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def read(self, source: BinaryIO) -> Iterator[Element]:
        fed = 0
        while True:
            chunk = source.read(_CHUNK)
            fed += len(chunk)
            wrong = self._feed(chunk)
            ready, self._ready = self._ready, []
            yield from ready
            if wrong is not None:
                raise wrong
            if not chunk:
                return
            if fed - self._parser.CurrentByteIndex > LONGEST_TOKEN:
                raise FileCutShort(
                    f"{self._path}, line {self._parser.CurrentLineNumber}: a tag of more than {LONGEST_TOKEN // 2**20} MiB. "
                    "What came before it was read."
                )

    def _feed(self, chunk: bytes) -> Exception | None:
        try:
            self._parser.Parse(chunk, not chunk)
        except _Refused:
            return NotThatFormat(f"{self._path}, line {self._parser.CurrentLineNumber}: {self._refused}")
        except expat.ExpatError as error:
            begun = bool(self._names)
            why = expat.ErrorString(error.code) or "damaged"
            if not begun:
                return NotThatFormat(f"{self._path}, line {error.lineno}: it is no XML ({why}).")
            return FileCutShort(
                f"{self._path}, line {error.lineno}: it is not XML from there on ({why}). What came before was read. "
                "Get the file anew, or mend that line, and import it again: what is here already is not taken twice."
            )
        except (ValueError, LookupError):
            return NotThatFormat(
                f"{self._path} is in an encoding that is not known. Make it UTF-8 first, with iconv."
            )
        return None

    def _refuse(self, why: str) -> None:
        self._refused = why
        raise _Refused

    def _declares(self, *_: Any) -> None:
        self._refuse("it declares entities, which no export does; it is not read.")

    def _refers(self, *_: Any) -> int:
        self._refuse("it refers to another file; it is not read.")
        return 0

    def _begins(self, tag: str, attributes: dict[str, str]) -> None:
        known = self._tags.get(tag)
        if known is None:
            space, _, name = tag.rpartition(" ")
            known = (space, name, self._wanted.get(name))
            # What anybody may call an element is not remembered without end.
            if len(self._tags) < _MOST_TAGS:
                self._tags[tag] = known
        space, name, parent = known
        names = self._names
        if not names and name != self._root:
            self._refuse(f"it begins with <{name[:40]}>, not with <{self._root}>.")
        if len(names) >= DEEPEST:
            self._refuse(f"elements are nested more than {DEEPEST} deep, as in no export.")
        # Kept: what is wanted, and what is inside of it.
        open_ = self._open
        is_wanted = parent is not None and bool(names) and names[-1] == parent
        if open_ or is_wanted:
            if attributes:
                attributes = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
            line = self._parser.CurrentLineNumber if is_wanted else 0
            open_.append(Element(space, name, attributes, line, open_[-1] if open_ else None))
        names.append(name)

    def _ends(self, _: str) -> None:
        name = self._names.pop()
        if not self._open:
            return
        element = self._open.pop()
        parent = self._wanted.get(name)
        if parent is not None and self._names and self._names[-1] == parent:
            self._ready.append(element)
        elif element.parent is not None:
            above = element.parent
            if above.children is _NONE:
                above.children = [element]
            elif len(above.children) < MOST_CHILDREN:
                above.children.append(element)

    def _says(self, text: str) -> None:
        if not self._open:
            return
        element = self._open[-1]
        element.size += len(text)
        if element.parts is _NOTHING:
            element.parts = []
        if element.size <= LONGEST_TEXT:
            element.parts.append(text)
        else:
            element.cut = True


class _Refused(Exception):
    """Stops the parser."""
