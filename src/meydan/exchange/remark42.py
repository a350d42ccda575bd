"""
Remark42's backup: gzip or not, one JSON object a line; the first describes users and pages, each other one is a comment.

It keeps what was typed (`orig`, Markdown) beside what it made of it (`text`, HTML). What was typed is what a reader said,
so that is taken where it is there; what Remark42 itself had imported from elsewhere has HTML alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from meydan.errors import NotThatFormat
from meydan.exchange.reading import (
    LONGEST_FIRST,
    NO_JSON,
    NoTime,
    Taken,
    kept_exactly,
    lines_of,
    time_in,
    too_long,
)
from meydan.exchange.record import CommentRecord, Fault, StoryRecord

VERSIONS: Final = (0, 1)


class _Details(msgspec.Struct):
    email: str | None = None


class _User(msgspec.Struct):
    id: str
    details: _Details | None = None


class _Post(msgspec.Struct):
    url: str
    read_only: bool = False


class _Meta(msgspec.Struct):
    version: int
    users: list[_User] | None = None
    posts: list[_Post] | None = None


class _Writer(msgspec.Struct):
    name: str = ""
    id: str = ""


class _Locator(msgspec.Struct):
    url: str = ""


class _Comment(msgspec.Struct):
    id: str
    time: str
    locator: _Locator
    pid: str = ""
    text: str = ""
    orig: str = ""
    user: _Writer = msgspec.field(default_factory=_Writer)
    delete: bool = False
    imported: bool = False
    title: str = ""


_meta_of = msgspec.json.Decoder(_Meta).decode
_comment_of = msgspec.json.Decoder(_Comment).decode


def read_remark42(path: Path) -> Iterator[Taken]:
    """
    Pages and comments of a Remark42's backup.

    A page comes before its first comment; those without any come last.

    Raises:
        NotThatFormat: its first line is not that of a backup. FileCutShort: it ends in its middle.
    """
    lines = lines_of(path, longest_first=LONGEST_FIRST)
    meta = _meta(path, next(lines, None))
    closed = {post.url: post.read_only for post in meta.posts or ()}
    emails = {user.id: user.details.email for user in meta.users or () if user.details and user.details.email}
    seen: set[str] = set()
    for line in lines:
        if line.body is None:
            yield too_long(line.place)
            continue
        try:
            said = _comment_of(line.body)
        except NO_JSON:
            yield Fault(
                line.place,
                "not-a-comment",
                "It is no comment of Remark42: not JSON, not UTF-8, or without id, time or page.",
            )
            continue
        url = said.locator.url
        if url and url not in seen:
            seen.add(url)
            yield StoryRecord(key=url, url=url, title=said.title or None, closed=closed.get(url, False))
        yield _record(said, emails.get(said.user.id), line.place)
    for url, is_closed in closed.items():
        if url not in seen:
            yield StoryRecord(key=url, url=url, closed=is_closed)


def _meta(path: Path, line: object) -> _Meta:
    body = getattr(line, "body", None)
    try:
        meta = None if body is None else _meta_of(body)
    except NO_JSON:
        meta = None
    if meta is None:
        raise NotThatFormat(
            f"{path} is no backup of Remark42: its first line should be an object with `version`, `users` and `posts`."
        )
    if meta.version not in VERSIONS:
        raise NotThatFormat(
            f"{path} is of version {meta.version}; this Meydan knows versions 0 and 1 of Remark42's backup."
        )
    return meta


def _record(said: _Comment, email: str | None, place: str) -> CommentRecord | Fault:
    if not said.id:
        return Fault(
            place, "no-id", "It has no id, so nothing could reply to it and a second run would take it twice."
        )
    if not said.locator.url:
        return Fault(place, "no-story", "It does not say on which page it was.", said.id)
    try:
        at = time_in(said.time)
    except NoTime as error:
        return Fault(place, error.kind, error.message, said.id)
    if at.year == 1:
        # How Go writes that there is none.
        return Fault(place, "no-time", "It does not say when it was written.", said.id)
    typed = bool(said.orig) and not said.imported
    body = said.orig if typed else said.text
    return kept_exactly(
        CommentRecord(
            key=said.id,
            story=said.locator.url,
            name=said.user.name,
            body=body,
            submitted_at=at,
            state="approved" if not said.delete else "withdrawn" if body else "erased",
            parent=said.pid or None,
            body_format="markdown" if typed else "html",
            email=email,
            author_key=said.user.id or None,
            place=place,
        )
    )
