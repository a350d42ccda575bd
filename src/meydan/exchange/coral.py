"""
Coral's comments: the three tables of its CSV strategy, or its collections as `mongoexport` writes them.

    CSV     users.csv, stories.csv, comments.csv: no header, all columns; a row may go over many lines
    Mongo   users.json, stories.json, comments.json, and commentModerationActions.json if it is there: a document a line

Either in a folder, or in a zip of it; files may be gzip. A body is HTML, of the last revision, and is kept as it is.
What has to be looked up (users, decisions) is kept on disk meanwhile, in a file without a name that is gone at the end.

    APPROVED, NONE             readers saw it                           approved
    REJECTED                   moderators took it down                  rejected, with their reason
    PREMOD, SYSTEM_WITHHELD    waited for a moderator                   held
    deletedAt, or no body      its author deleted it or their account   erased
"""

from __future__ import annotations

import gzip
import io
import lzma
import re
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, BinaryIO, Final, NamedTuple, cast

import msgspec

from meydan.errors import FileCutShort, NotThatFormat
from meydan.exchange.reading import (
    LONGEST_LINE,
    NO_JSON,
    NoTime,
    Taken,
    cut_short,
    kept_exactly,
    time_in,
    too_long,
)
from meydan.exchange.record import CommentRecord, Fault, State, StoryRecord
from meydan.text.table import fields_of, rows_of

RULES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "OFFENSIVE": ("vulgarity",),
        "ABUSIVE": ("personal-attacks",),
        "HARASSMENT_BULLYING": ("personal-attacks",),
        "HATE_SPEECH": ("abuse",),
        "BANNED_WORD": ("profanity",),
        "SPAM": ("promotion",),
        "AD": ("promotion",),
        "ILLEGAL_CONTENT": ("unlawful",),
        "MISINFORMATION": (),
        "IRRELEVANT_CONTENT": (),
        "OTHER": (),
    }
)
"""
The rule of the default guidelines that a reason of Coral's moderators breaches.

Empty where we have none: what is false or off the subject is no reason to reject here. The reason's own word is kept.
"""

_STATES: Final[Mapping[str, State]] = MappingProxyType(
    {
        "APPROVED": "approved",
        "NONE": "approved",
        "REJECTED": "rejected",
        "PREMOD": "held",
        "SYSTEM_WITHHELD": "held",
    }
)
_CSV: Final = {"users": 6, "stories": 7, "comments": 8}
_COLLECTIONS: Final = ("users", "stories", "comments")
_ACTIONS: Final = "commentModerationActions"
_GZIP: Final = b"\x1f\x8b"
_INTEGER: Final = re.compile("-?[0-9]{1,19}")
_MARK: Final = b"\xef\xbb\xbf"


def read_coral(path: Path) -> Iterator[Taken]:
    """
    Stories, then comments, of a Coral.

    Args:
        path: a folder, or a zip of one.

    Raises:
        NotThatFormat: a file is missing, or both kinds are there. FileCutShort: one ends in its middle.
    """
    with _Files(path) as files, _Looked() as looked:
        if files.has("comments", ".csv"):
            yield from _tables(files, looked)
        else:
            yield from _documents(files, looked)


# -- the files ----------------------------------------------------------------


class _Files:
    """What is in a folder or a zip, by the name of the collection."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._zip: zipfile.ZipFile | None = None
        self._names: dict[str, str] = {}

    def __enter__(self) -> _Files:
        try:
            if self._path.is_dir():
                names = [entry.name for entry in self._path.iterdir() if entry.is_file()]
            else:
                self._zip = zipfile.ZipFile(self._path)
                names = [name for name in self._zip.namelist() if not name.endswith("/")]
        except (zipfile.BadZipFile, NotImplementedError):
            raise NotThatFormat(
                f"{self._path} is neither a folder nor a zip. Coral's export is several files: put them into one folder."
            ) from None
        except OSError as error:
            raise NotThatFormat(
                f"{self._path} cannot be read: {error.strerror or type(error).__name__}."
            ) from None
        for name in sorted(names):
            short = name.rpartition("/")[2].lower().removesuffix(".gz")
            stem, dot, kind = short.rpartition(".")
            if dot and kind in ("csv", "json", "jsonl") and not short.startswith("."):
                self._names.setdefault(f"{stem}.{'csv' if kind == 'csv' else 'json'}", name)
        self._check()
        return self

    def _check(self) -> None:
        kinds = [kind for kind in (".csv", ".json") if self.has("comments", kind)]
        if not kinds:
            raise NotThatFormat(
                f"{self._path} has neither comments.csv nor comments.json in it. See docs/from-coral.md for how they are made."
            )
        if len(kinds) == 2:
            raise NotThatFormat(
                f"{self._path} has both CSV and JSON in it. Leave one of them there: they may say the same twice."
            )
        missing = [name for name in _COLLECTIONS if not self.has(name, kinds[0])]
        if missing:
            raise NotThatFormat(f"{self._path} lacks {', '.join(f'{name}{kinds[0]}' for name in missing)}.")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._zip is not None:
            self._zip.close()

    def has(self, collection: str, kind: str) -> bool:
        return f"{collection.lower()}{kind}" in self._names

    @contextmanager
    def opened(self, collection: str, kind: str) -> Iterator[BinaryIO]:
        name = self._names[f"{collection.lower()}{kind}"]
        try:
            with self._raw(name) as file:
                begin = file.peek(2)[:2]
                if begin in (b"\xff\xfe", b"\xfe\xff"):
                    raise NotThatFormat(
                        f"{name} is in UTF-16. Make it UTF-8 first: iconv -f UTF-16 -t UTF-8."
                    )
                if begin != _GZIP:
                    yield cast(BinaryIO, file)
                    return
                with gzip.GzipFile(fileobj=file, mode="rb") as unpacked:
                    yield cast(BinaryIO, unpacked)
        except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, lzma.LZMAError, EOFError):
            raise cut_short(self._path / name) from None
        except NotImplementedError:
            # What packs files of many gigabytes may do so in a way that only few programs know.
            raise NotThatFormat(
                f"{self._path} is packed in a way that is not known here. Unpack it into a folder, and import that."
            ) from None
        except RuntimeError as error:
            if "password" in str(error) or "encrypted" in str(error):
                raise NotThatFormat(
                    f"{self._path} is encrypted. Unpack it into a folder, and import that."
                ) from None
            raise
        except OSError as error:
            raise NotThatFormat(f"{name} cannot be read: {error.strerror or type(error).__name__}.") from None

    def _raw(self, name: str) -> io.BufferedReader:
        if self._zip is not None:
            return io.BufferedReader(cast(io.RawIOBase, self._zip.open(name)))
        return (self._path / name).open("rb")


class _User(NamedTuple):
    name: str
    email: str | None


class _Action(NamedTuple):
    """What a moderator decided: when, and their reason."""

    status: str
    at: datetime
    reason: str | None


class _Looked:
    """Users and decisions by their ids: on disk, because a site may have millions."""

    def __enter__(self) -> _Looked:
        # A file without a name, which SQLite deletes at the end, whatever that is.
        self._kept = sqlite3.connect("", isolation_level=None)
        self._kept.execute("PRAGMA synchronous = OFF")
        self._kept.execute("PRAGMA journal_mode = OFF")
        self._kept.execute("CREATE TABLE user (id TEXT PRIMARY KEY, name TEXT, email TEXT) WITHOUT ROWID")
        self._kept.execute(
            "CREATE TABLE action (id TEXT PRIMARY KEY, status TEXT, at TEXT, reason TEXT) WITHOUT ROWID"
        )
        self._kept.execute("BEGIN")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._kept.close()

    def add_user(self, id: str, name: str, email: str | None) -> None:
        self._kept.execute("INSERT OR REPLACE INTO user VALUES (?, ?, ?)", (id, name, email))

    def add_action(self, comment: str, action: _Action) -> None:
        """Of several on one comment, the last one counts."""
        self._kept.execute(
            "INSERT INTO action VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET status = excluded.status, "
            "at = excluded.at, reason = excluded.reason WHERE excluded.at >= at",
            (comment, action.status, action.at.isoformat(timespec="microseconds"), action.reason),
        )

    def user(self, id: str | None) -> _User | None:
        row = self._kept.execute("SELECT name, email FROM user WHERE id = ?", (id,)).fetchone()
        return None if row is None else _User(*row)

    def action(self, comment: str) -> _Action | None:
        row = self._kept.execute("SELECT status, at, reason FROM action WHERE id = ?", (comment,)).fetchone()
        return None if row is None else _Action(row[0], datetime.fromisoformat(row[1]), row[2])


# -- CSV ----------------------------------------------------------------------


@dataclass(slots=True)
class _Row:
    """A row of a table, or why there is none; `place` is its last line."""

    place: str
    fields: list[str]
    fault: str | None = None


def _tables(files: _Files, looked: _Looked) -> Iterator[Taken]:
    for row in _rows(files, "users"):
        if row.fault is not None:
            yield _row_fault(row)
            continue
        id, email, username, *_ = row.fields
        if not _encodable(id, email, username):
            yield _row_fault(_Row(row.place, [], "not-text"))
            continue
        looked.add_user(id, username, email or None)
    for row in _rows(files, "stories"):
        if row.fault is not None:
            yield _row_fault(row)
            continue
        id, url, title, _author, published_at, closed_at, _mode = row.fields
        yield _story(id, url, title or None, published_at or None, closed=bool(closed_at), place=row.place)
    for row in _rows(files, "comments"):
        if row.fault is not None:
            yield _row_fault(row)
            continue
        id, author_id, story_id, created_at, body, parent_id, status, _rating = row.fields
        yield _record(
            _Said(
                id=id,
                story=story_id,
                author=author_id or None,
                parent=parent_id or None,
                body=body,
                status=status,
                created_at=created_at,
                place=row.place,
            ),
            looked,
        )


def _rows(files: _Files, table: str) -> Iterator[_Row]:
    """The rows of a table that are not empty, each whole or at fault whole."""
    with files.opened(table, ".csv") as file:
        for cut in rows_of(file, longest=LONGEST_LINE):
            place = f"{table}.csv, line {cut.end}"
            if not cut.closed:
                raise FileCutShort(
                    f"{place}: the table ends inside of a quotation, in the row that begins at line {cut.begin}. What came "
                    "before that row was read."
                )
            if cut.body is None:
                yield _Row(place, [], "too-long")
            elif cut.body.strip(b"\r\n"):
                yield _parsed(table, cut.body, place)


def _parsed(table: str, row: bytes, place: str) -> _Row:
    try:
        fields = fields_of(row.decode())
    except UnicodeDecodeError:
        return _Row(place, [], "not-utf8")
    if fields is None or len(fields) != _CSV[table]:
        return _Row(place, [], "not-a-row")
    return _Row(place, fields)


def _row_fault(row: _Row) -> Fault:
    match row.fault:
        case "too-long":
            return too_long(row.place)
        case "not-utf8":
            return Fault(row.place, "not-utf8", "It is not UTF-8, so what it says is not known.")
        case "not-text":
            return Fault(row.place, "not-text", "It holds characters that are not text.")
        case _:
            table = row.place.partition(".")[0]
            return Fault(
                row.place,
                "not-a-row",
                f"It is no row of {table}: {_CSV.get(table, 0)} columns by comma, quoted where needed.",
            )


# -- mongoexport --------------------------------------------------------------


def _documents(files: _Files, looked: _Looked) -> Iterator[Taken]:
    for place, document in _lines(files, "users"):
        if isinstance(document, Fault):
            yield document
        elif isinstance(id := document.get("id"), str):
            looked.add_user(id, _said(document, "username") or "", _said(document, "email"))
        else:
            yield Fault(place, "no-id", "It is a user without an id.")
    if files.has(_ACTIONS, ".json"):
        for place, document in _lines(files, _ACTIONS):
            if isinstance(document, Fault):
                yield document
            elif (fault := _take_action(document, looked, place)) is not None:
                yield fault
    for place, document in _lines(files, "stories"):
        if isinstance(document, Fault):
            yield document
            continue
        metadata = document.get("metadata")
        title = _said(metadata, "title") if isinstance(metadata, dict) else None
        yield _story(
            _said(document, "id") or "",
            _said(document, "url") or "",
            title,
            document.get("createdAt"),
            closed=document.get("closedAt") not in (None, False),
            place=place,
        )
    for place, document in _lines(files, "comments"):
        yield document if isinstance(document, Fault) else _document(document, looked, place)


def _lines(files: _Files, collection: str) -> Iterator[tuple[str, dict[str, Any] | Fault]]:
    with files.opened(collection, ".json") as file:
        number = 0
        while body := file.readline(LONGEST_LINE + 1):
            number += 1
            place = f"{collection}.json, line {number}"
            if len(body) > LONGEST_LINE and not body.endswith(b"\n"):
                while (rest := file.readline(2**20)) and not rest.endswith(b"\n"):
                    pass
                yield place, too_long(place)
                continue
            if number == 1:
                body = body.removeprefix(_MARK)
            if not body.strip():
                continue
            if number == 1 and body.lstrip().startswith(b"["):
                raise NotThatFormat(
                    f"{collection}.json is one array. Export it a document a line: mongoexport without --jsonArray."
                )
            try:
                yield place, msgspec.json.decode(body, type=dict[str, Any])
            except NO_JSON:
                yield (
                    place,
                    Fault(
                        place,
                        "not-a-document",
                        "It is no document as mongoexport writes it: not JSON, or not UTF-8.",
                    ),
                )


def _take_action(document: dict[str, Any], looked: _Looked, place: str) -> Fault | None:
    comment, status = _said(document, "commentID"), _said(document, "status")
    if comment is None or status is None:
        return Fault(place, "no-id", "It is a decision that does not say on which comment, or what.")
    try:
        at = _when(document.get("createdAt"))
    except NoTime as error:
        return Fault(place, error.kind, error.message)
    given = document.get("rejectionReason")
    # `code` in its interface, `reason` in its database.
    reason = (_said(given, "code") or _said(given, "reason")) if isinstance(given, dict) else None
    looked.add_action(comment, _Action(status, at, reason))
    return None


def _document(document: dict[str, Any], looked: _Looked, place: str) -> CommentRecord | Fault:
    revisions = document.get("revisions")
    last = revisions[-1] if isinstance(revisions, list) and revisions else None
    return _record(
        _Said(
            id=_said(document, "id") or "",
            story=_said(document, "storyID") or "",
            author=_said(document, "authorID"),
            parent=_said(document, "parentID"),
            body=_said(last, "body") or "" if isinstance(last, dict) else "",
            status=_said(document, "status") or "",
            created_at=document.get("createdAt"),
            place=place,
            deleted=document.get("deletedAt") is not None,
            by_hand=True,
        ),
        looked,
    )


def _said(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    return value if isinstance(value, str) and value else None


def _when(value: object) -> datetime:
    """A time as mongoexport writes it: {"$date": text, milliseconds, or {"$numberLong": …}}."""
    if isinstance(value, dict):
        value = value.get("$date")
    if isinstance(value, dict):
        value = value.get("$numberLong")
        value = int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)
        except OverflowError:
            raise NoTime("no-time", "Its time is none that there was.") from None
    return time_in(value)


# -- both ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Said:
    id: str
    story: str
    author: str | None
    parent: str | None
    body: str
    status: str
    created_at: object
    place: str
    deleted: bool = False
    by_hand: bool = False


def _story(
    key: str, url: str, title: str | None, created_at: object, *, closed: bool, place: str
) -> StoryRecord | Fault:
    if not key or not url:
        return Fault(place, "no-url", "It is a story without an id or without an address.", key or None)
    try:
        at = None if created_at is None else _when(created_at)
    except NoTime as error:
        return Fault(place, error.kind, error.message, key)
    return StoryRecord(key=key, url=url, title=title, closed=closed, created_at=at)


def _record(said: _Said, looked: _Looked) -> CommentRecord | Fault:
    place, key = said.place, said.id
    if not key:
        return Fault(
            place, "no-id", "It has no id, so nothing could reply to it and a second run would take it twice."
        )
    if not said.story:
        return Fault(place, "no-story", "It does not say on which story it was.", key)
    state = _STATES.get(said.status)
    if state is None:
        return Fault(place, "unknown-state", "Its status is none that Coral is known to have.", key)
    try:
        at = _when(said.created_at)
    except NoTime as error:
        return Fault(place, error.kind, error.message, key)
    if not said.body and not (said.deleted or said.by_hand):
        return Fault(place, "no-body", "It has no text; a rating alone is no comment here.", key)
    if said.deleted or not said.body:
        state = "erased"
    user = looked.user(said.author) if _encodable(said.author or "") else None
    action = looked.action(key) if state in ("approved", "rejected") and _encodable(key) else None
    if action is not None and _STATES.get(action.status) != state:
        # It was decided otherwise since, by whatever leaves no action behind.
        action = None
    reason = None if action is None else action.reason
    return kept_exactly(
        CommentRecord(
            key=key,
            story=said.story,
            name=user.name if user is not None else "",
            body="" if state == "erased" else said.body,
            submitted_at=at,
            state=state,
            parent=said.parent,
            body_format="html",
            email=user.email if user is not None else None,
            author_key=said.author,
            reason=reason,
            rules=RULES.get(reason or "", ()),
            decided_at=None if action is None else action.at,
            place=place,
        )
    )


def _encodable(*values: str) -> bool:
    try:
        for value in values:
            value.encode()
    except UnicodeEncodeError:
        return False
    return True
