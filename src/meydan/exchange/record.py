"""
What every system of comments has in common: a story, a comment, and what became of it.

Readers of other people's formats make these; writers take them. Nothing is corrected on the way: a body is kept exactly
as the file spells it, and what cannot be a comment is a `Fault` with its place and the reason, never left out silently.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

State = Literal["approved", "rejected", "held", "withdrawn", "erased"]
"""
approved: readers could see it. rejected: moderators, or a filter, took it down (spam too). held: waited for a decision.
withdrawn: it was there and is deleted, by its author or nobody knows by whom, with or without its words; it is not shown, its replies keep a tombstone.
erased: deleted with its words: an empty body, only a tombstone where replies hang on it.
"""

Format = Literal["text", "html", "markdown"]


@dataclass(frozen=True, slots=True)
class StoryRecord:
    """An article. `key` is the file's own id for it, by which its comments name it; `url` absolute."""

    key: str
    url: str
    title: str | None = None
    closed: bool = False
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CommentRecord:
    """
    One comment of another system.

    Args:
        key: the file's id of it, one per source system; `parent` is another comment's key, before or after it in the file, or missing.
        story: the key of its StoryRecord, which may come later in the file.
        body: exactly as in the file, in `body_format`.
        submitted_at: aware, UTC.
        state, reason: what became of it; the other system's word for why, if it says.
        decided_at: when that was decided, where it is known.
        author_key: the other system's id of its author, where it has one.
        place: for people: "line 12", "post 1234".
    """

    key: str
    story: str
    name: str
    body: str = field(repr=False)
    submitted_at: datetime
    state: State
    parent: str | None = None
    body_format: Format = "text"
    email: str | None = field(default=None, repr=False)
    author_key: str | None = None
    language: str | None = None
    reason: str | None = None
    rules: tuple[str, ...] = ()
    decided_at: datetime | None = None
    place: str = ""

    def __reduce__(self) -> tuple[type[CommentRecord], tuple[Any, ...]]:
        # By the thousand from process to process (apart.py): as values, which costs a third of what dataclasses do by themselves.
        return CommentRecord, _values_of(self)


_values_of = attrgetter(*(one.name for one in fields(CommentRecord)))


@dataclass(frozen=True, slots=True)
class Fault:
    """What was not taken: where, a stable word for why (`no-time`, `no-story`, `duplicate-id`, `too-long`, …), and a sentence with what to do. Never a reader's words."""

    place: str
    kind: str
    message: str
    key: str | None = None
