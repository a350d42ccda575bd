"""
Isso's comments: its SQLite database (`user_version` up to 5), or the generic JSON that its own importer takes.

Isso does not keep the host of its pages, so it has to be said. A body is Markdown, and is kept as such.

    mode 1   readers saw it                    approved
    mode 2   waited for a moderator            held
    mode 4   deleted, kept for its replies     erased without words, withdrawn with them
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from meydan.errors import BadSettings, FileCutShort, Malformed, NotThatFormat
from meydan.exchange.reading import NO_JSON, NoTime, Taken, in_range, kept_exactly, opened, time_of_epoch
from meydan.exchange.record import CommentRecord, Fault, State, StoryRecord
from meydan.policy.address import site_of, story_address

NEWEST: Final = 5
"""The `user_version` of the database that this was written for."""

LARGEST_JSON: Final = 256 * 2**20
"""Bytes of a generic file, which is read whole; Isso's own importer does that, too."""

_MAGIC = b"SQLite format 3\x00"
_STATES: Final[dict[int, State]] = {1: "approved", 2: "held"}
_DELETED = 4

_THREADS = "SELECT id, uri, title FROM threads ORDER BY id"
_COMMENTS = "SELECT id, tid, parent, created, mode, text, author, email FROM comments ORDER BY id"


def read_isso(path: Path, *, site: str, zone: tzinfo | None = None) -> Iterator[Taken]:
    """
    Stories and comments of an Isso.

    Args:
        site: the address of the site that its pages are on, such as https://news.example.
        zone: of the times of a generic JSON file, which does not say it; a database's times need none.

    Raises:
        BadSettings: `site` is no address. NotThatFormat: it is no Isso's, a newer one's, or still being written.
        FileCutShort: it is damaged.
    """
    base = _base(site)
    with opened(path) as file:
        is_database = file.read(len(_MAGIC)) == _MAGIC
    return _database(path, base) if is_database else _generic(path, base, zone)


def _base(site: str) -> str:
    try:
        return site_of(story_address(site))
    except Malformed:
        raise BadSettings(
            "Isso does not keep the address of its site: say it with --site https://news.example.",
            fields=("site",),
        ) from None


# -- the database -------------------------------------------------------------


def _database(path: Path, base: str) -> Iterator[Taken]:
    for beside in ("-journal", "-wal"):
        left = path.with_name(path.name + beside)
        if left.exists() and left.stat().st_size:
            raise NotThatFormat(
                f"{path} is in use, or was left in the middle of a change ({left.name} is beside it). Stop Isso, or copy the "
                "database with `sqlite3 comments.db '.backup copy.db'`, and import the copy."
            )
    try:
        # Immutable: nothing is written beside it, not even a lock; other people's schemas are not trusted.
        with contextlib.closing(
            sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)
        ) as database:
            database.text_factory = bytes
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("PRAGMA query_only = ON")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version > NEWEST:
                raise NotThatFormat(
                    f"{path} was written by a newer Isso (user_version {version}; this Meydan knows {NEWEST})."
                )
            try:
                threads, comments = database.cursor().execute(_THREADS), database.cursor().execute(_COMMENTS)
            except sqlite3.OperationalError:
                raise NotThatFormat(
                    f"{path} is an SQLite database, but not Isso's: its tables are others."
                ) from None
            yield from (_thread(row, base) for row in threads)
            yield from map(_comment, comments)
    except sqlite3.Error:
        raise FileCutShort(f"{path} is damaged, as SQLite reads it. What came before was read.") from None


def _thread(row: tuple[Any, ...], base: str) -> StoryRecord | Fault:
    id, uri, title = row
    place = f"thread {id}"
    try:
        return _story(str(id), _text(uri) or "", _text(title), base, place)
    except UnicodeDecodeError:
        return _not_utf8(place, str(id))


def _comment(row: tuple[Any, ...]) -> CommentRecord | Fault:
    id, tid, parent, created, mode, text, author, email = row
    place, key = f"comment {id}", str(id)
    try:
        body, name, address = _text(text) or "", _text(author), _text(email)
    except UnicodeDecodeError:
        return _not_utf8(place, key)
    state = ("withdrawn" if body else "erased") if mode == _DELETED else _STATES.get(mode)
    if state is None:
        return Fault(
            place, "unknown-state", "Its mode is none of 1, 2 and 4, so what became of it is not known.", key
        )
    try:
        submitted_at = time_of_epoch(created)
    except NoTime as error:
        return Fault(place, error.kind, error.message, key)
    return kept_exactly(
        CommentRecord(
            key=key,
            story=str(tid),
            name=name or "",
            body=body,
            submitted_at=submitted_at,
            state=state,
            # 0 is what older ones wrote for none.
            parent=str(parent) if parent else None,
            body_format="markdown",
            email=address or None,
            place=place,
        )
    )


def _text(value: object) -> str | None:
    # A column of SQLite keeps whatever was put into it.
    if value is None:
        return None
    return value.decode() if isinstance(value, bytes) else str(value)


def _not_utf8(place: str, key: str) -> Fault:
    return Fault(place, "not-utf8", "Its text is not UTF-8, so what it says is not known.", key)


def _story(key: str, uri: str, title: str | None, base: str, place: str) -> StoryRecord | Fault:
    if not uri.startswith("/"):
        return Fault(
            place,
            "no-url",
            "Its page is named by something that is no path of the site, so its address is not known.",
            key,
        )
    return StoryRecord(key=key, url=base + uri, title=title or None)


# -- generic JSON -------------------------------------------------------------


class _Said(msgspec.Struct):
    id: int | str
    author: str | None = None
    email: str | None = None
    created: str | None = None
    text: str | None = None


class _Thread(msgspec.Struct):
    id: str
    title: str | None = None
    comments: list[msgspec.Raw] = []


def _generic(path: Path, base: str, zone: tzinfo | None) -> Iterator[Taken]:
    with opened(path) as file:
        body = file.read(LARGEST_JSON + 1)
    if len(body) > LARGEST_JSON:
        raise NotThatFormat(
            f"{path} is larger than {LARGEST_JSON // 2**20} MiB; split its list of threads into several."
        )
    try:
        threads = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=list[msgspec.Raw])
    except NO_JSON:
        raise NotThatFormat(
            f"{path} is neither Isso's database nor its generic JSON: a list of threads, each with its comments."
        ) from None
    for number, raw in enumerate(threads, 1):
        place = f"thread {number}"
        try:
            thread = msgspec.json.decode(raw, type=_Thread)
        except NO_JSON:
            yield Fault(
                place, "not-a-thread", "It is no thread with an id (the page's path) and a list of comments."
            )
            continue
        yield _story(thread.id, thread.id, thread.title, base, place)
        for index, said in enumerate(thread.comments, 1):
            yield _said(thread.id, said, f"{place}, comment {index}", zone)


def _said(thread: str, raw: msgspec.Raw, place: str, zone: tzinfo | None) -> CommentRecord | Fault:
    try:
        said = msgspec.json.decode(raw, type=_Said)
    except NO_JSON:
        return Fault(place, "not-a-comment", "It is no comment with an id, a time and a text.")
    # Its numbers may begin anew in each thread.
    key = f"{thread}#{said.id}"
    try:
        written = datetime.strptime(said.created or "", "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  (said below)
    except ValueError:
        return Fault(place, "no-time", "Its time is not as 2024-05-31 18:30:00.", key)
    if zone is None:
        return Fault(
            place,
            "no-zone",
            "Its time does not say its zone. Say of which it is with --zone, as Europe/Istanbul or UTC.",
            key,
        )
    try:
        at = in_range(written.replace(tzinfo=zone))
    except NoTime as error:
        return Fault(place, error.kind, error.message, key)
    return kept_exactly(
        CommentRecord(
            key=key,
            story=thread,
            name=said.author or "",
            body=said.text or "",
            submitted_at=at,
            state="approved",
            body_format="markdown",
            email=said.email or None,
            place=place,
        )
    )
