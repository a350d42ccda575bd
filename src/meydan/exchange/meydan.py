"""
Our own format, lossless: lines of JSON, read again by `read_meydan` (docs/export.md describes each).

    {"kind": "header", …}       what it is, of when, and what was left out
    {"kind": "story", …}        whole.WholeStory
    {"kind": "comment", …}      whole.WholeComment, parents before their replies
    {"kind": "end", …}          how many there were, and SHA-256 over all before

Text is the text, character for character; times are UTC, to the microsecond. The same as Parquet: parquet.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from meydan.errors import FileCutShort, NotThatFormat
from meydan.exchange.reading import NO_JSON, Taken, cut_short, kept_exactly, lines_of, too_long
from meydan.exchange.record import CommentRecord, Fault, StoryRecord
from meydan.whole import Whole, WholeComment, WholeStory

FORMAT: Final = 1

_PARQUET: Final = b"PAR1"


class Header(msgspec.Struct, frozen=True, tag="header", tag_field="kind"):
    """The first line. What was left out is said by `emails`, `proofs`, `escalated` (false: left out) and the filters."""

    format: int
    program: str
    at: datetime
    emails: bool = True
    proofs: bool = False
    escalated: bool = False
    story: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    only: tuple[str, ...] = ()


class End(msgspec.Struct, frozen=True, tag="end", tag_field="kind"):
    """The last line; without it the file was cut short."""

    stories: int
    comments: int
    sha256: str


class Written(msgspec.Struct):
    """What a file holds, and of what its format has no place for."""

    stories: int = 0
    comments: int = 0
    left_out: dict[str, int] = msgspec.field(default_factory=dict)
    respelled: int = 0

    def leave_out(self, why: str) -> None:
        self.left_out[why] = self.left_out.get(why, 0) + 1


Told = Callable[[int], None]
"""Is told, as it goes, of how many comments more were written."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Header | WholeStory | WholeComment | End).decode


def write_jsonl(out: BinaryIO, header: Header, items: Iterable[Whole], told: Told) -> Written:
    """Write stories and comments as they come."""
    written, digest = Written(), hashlib.sha256()

    def say(value: object) -> None:
        line = _encode(value) + b"\n"
        digest.update(line)
        out.write(line)

    say(header)
    for item in items:
        say(item)
        if isinstance(item, WholeComment):
            written.comments += 1
            told(1)
        else:
            written.stories += 1
    say(End(written.stories, written.comments, digest.hexdigest()))
    return written


def read_whole(path: Path) -> Iterator[Whole | Fault]:
    """
    Everything that an export of ours says, JSON lines or Parquet.

    Raises:
        NotThatFormat: it is none, or a newer program's. FileCutShort: its end is missing, or is not of this file.
    """
    for item, place in _placed(path):
        if isinstance(item, Header):
            continue
        yield item if not isinstance(item, Fault) else Fault(place, item.kind, item.message, item.key)


def header_of(path: Path) -> Header:
    """What an export says of itself; raises as `read_whole`."""
    for item, _ in _placed(path):
        if isinstance(item, Header):
            return item
    raise cut_short(path)


def read_meydan(path: Path) -> Iterator[Taken]:
    """
    Stories and comments of an export of ours, as neutral records.

    Raises:
        NotThatFormat: it is none, or a newer program's. FileCutShort: its end is missing, or is not of this file.
    """
    for item, place in _placed(path):
        match item:
            case Fault():
                yield Fault(place, item.kind, item.message, item.key)
            case WholeStory():
                yield story_record_of(item)
            case WholeComment():
                yield kept_exactly(record_of(item, place))
            case _:
                pass


def story_record_of(story: WholeStory) -> StoryRecord:
    """A story as the neutral record has it; its URL is its key."""
    return StoryRecord(key=story.url, url=story.url, title=story.title, closed=not story.open)


def record_of(comment: WholeComment, place: str = "") -> CommentRecord:
    """
    A comment as the neutral record has it.

    Covered words are not there, so neither is the comment: what is left is a tombstone, as of what was erased.
    """
    decision = next((one for one in comment.decisions if one.seq == comment.seq), None)
    state = "erased" if comment.covered else comment.state
    return CommentRecord(
        key=comment.id,
        story=comment.story,
        name=comment.name or "",
        body=comment.text or "",
        submitted_at=comment.submitted_at,
        state=state,
        parent=comment.parent,
        body_format=comment.text_format,
        email=comment.email,
        author_key=comment.author,
        language=None if comment.language == "und" else comment.language,
        # Of its own decisions a publication notes what it likes; of another system's, the word that that had for why.
        reason=decision.note if decision is not None and decision.decided_by == "import" else None,
        rules=() if decision is None else tuple(dict.fromkeys(one.rule for one in decision.reasons)),
        decided_at=None if decision is None else decision.at,
        place=place,
    )


def _placed(path: Path) -> Iterator[tuple[Header | Whole | Fault, str]]:
    if _is_parquet(path):
        from meydan.exchange.parquet import read_parquet

        for number, row in enumerate(read_parquet(path)):
            yield row, f"row {number}"
        return
    digest, stories, comments, begun, end = hashlib.sha256(), 0, 0, False, None
    item: Header | Whole | End | Fault
    for line in lines_of(path):
        if end is not None:
            raise FileCutShort(
                f"{path} goes on after its end: two files were put together. Import each by itself."
            )
        if line.body is None:
            item = too_long(line.place)
        else:
            try:
                item = _decode(line.body)
            except NO_JSON:
                item = Fault(
                    line.place, "not-a-line", "It is no line that an export of ours has, or is damaged."
                )
        if not begun:
            if not isinstance(item, Header):
                raise _no_export(path)
            if item.format != FORMAT:
                raise NotThatFormat(
                    f"{path} is of format {item.format}, by Meydan {item.program}; this Meydan reads format {FORMAT}. "
                    "Import it with that one."
                )
            begun = True
        if isinstance(item, End):
            end = item
            if (item.stories, item.comments) != (stories, comments) or item.sha256 != digest.hexdigest():
                raise FileCutShort(
                    f"{path} does not hold what its last line says: it was changed or damaged. What could be read was read."
                )
            continue
        if line.body is not None:
            digest.update(line.body + b"\n")
        stories += isinstance(item, WholeStory)
        comments += isinstance(item, WholeComment)
        yield item, line.place
    if end is None:
        raise cut_short(path) if begun else _no_export(path)


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == _PARQUET
    except OSError as error:
        raise NotThatFormat(f"{path} cannot be read: {error.strerror or type(error).__name__}.") from None


def _no_export(path: Path) -> NotThatFormat:
    return NotThatFormat(
        f"{path} is no export of Meydan: its first line is not an export's. `meydan import` names the other formats."
    )
