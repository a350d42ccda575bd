"""
Decided comments of a newsroom's past, as files of rows hold them: CSV, JSON lines, Parquet.

Row after row, in memory that does not grow with the file. A row that cannot be used is told with its place and the
reason, and never a word of it; a file that cannot be used at all is refused, with what to do.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

from meydan.errors import ArchiveUnreadable, ColumnsMissing
from meydan.text.exact import is_blank, is_exact
from meydan.text.table import fields_of, rows_of

if TYPE_CHECKING:
    import pyarrow as arrow

FORMATS: Final = ("csv", "jsonl", "parquet")
"""Files of rows that are read here."""

LONGEST_LINE: Final = 2**20
"""Bytes; of a longer line nothing is read, and the rest of the file is."""

LONGEST: Final = 20_000
"""Characters, as many as the judge reads."""

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("text", "comment", "body", "comment_text", "comment_body", "message", "content"),
    "decision": ("decision", "verdict", "status", "state", "moderation", "outcome"),
    "rules": ("rules", "rule", "reasons", "reason"),
    "language": ("language", "lang"),
    "story": ("story", "story_url", "story_id", "article", "article_id", "article_url", "thread", "thread_id", "url"),
    "title": ("title", "story_title", "article_title", "headline"),
    "story_text": ("story_text", "article_text"),
    "author": ("author", "author_id", "user", "user_id", "author_key", "name"),
    "moderator": ("moderator", "moderator_id", "moderated_by", "decided_by"),
    "at": ("at", "submitted_at", "created_at", "created", "date", "time", "timestamp"),
    "id": ("id", "comment_id", "key"),
}  # fmt: skip
"""What a column may be called, by what it is; of several, the first that is there."""

_APPROVED = frozenset(
    [
        "approve",
        "approved",
        "accept",
        "accepted",
        "publish",
        "published",
        "allow",
        "allowed",
        "keep",
        "kept",
        "clean",
        "ham",
        "visible",
    ]
)
_REJECTED = frozenset(
    [
        "reject",
        "rejected",
        "remove",
        "removed",
        "block",
        "blocked",
        "deny",
        "denied",
        "decline",
        "declined",
        "refuse",
        "refused",
        "spam",
        "trash",
        "hidden",
    ]
)
_UNDECIDED = frozenset(
    [
        "hold",
        "held",
        "pending",
        "waiting",
        "queued",
        "new",
        "none",
        "deleted",
        "withdrawn",
        "erased",
        "unapproved",
        "undecided",
    ]
)

_BESIDE: Final = ("language", "story", "title", "story_text", "author", "moderator", "id")
"""What stands beside a text, as words that have to be text too."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_UNREADABLE: Final = object()
"""Stands for what a file holds and nobody can read: a time outside of every calendar, bytes that are no text."""

LONGEST_BESIDE: Final = 2_000
"""Characters of what stands beside a text, as long as an address may be; a story's text may have LONGEST_LINE bytes."""

_LONGEST_RULE = 100
_MOST_RULES = 20


@dataclass(frozen=True, slots=True)
class Past:
    """
    One comment, and what people decided of it.

    `rules` are the reasons in the newsroom's own words, `language` what the archive says of it, both for people to
    compare with. `story` and `author` are keys that say which comments belong together, "" where that is not known, as
    with the other words; `at` is aware, UTC. `place` is for people: "line 12".
    """

    text: str = field(repr=False)
    approved: bool
    rules: tuple[str, ...] = ()
    language: str = ""
    story: str = field(default="", repr=False)
    title: str = field(default="", repr=False)
    story_text: str = field(default="", repr=False)
    author: str = field(default="", repr=False)
    moderator: str = field(default="", repr=False)
    at: datetime | None = None
    id: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """A row that is not used: where it stands, a stable word for why, and a sentence with what to do."""

    place: str
    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read: `columns` says what its columns are, by their names in it; `approved` and `rejected` are its own words."""

    columns: Mapping[str, str] = field(default_factory=dict)
    approved: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()


def format_of(path: Path) -> str | None:
    """The format that a file's name tells, one of FORMATS; None where it tells none."""
    name = path.name.lower().removesuffix(".gz")
    ending = name.rpartition(".")[2]
    return {"csv": "csv", "tsv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "parquet": "parquet"}.get(ending)


def read_rows(path: Path, kind: str, reading: Reading = Reading()) -> Iterator[Past | NotTaken]:
    """
    Read the rows of a file, in its order.

    Args:
        kind: one of FORMATS. CSV and JSON lines may be packed with gzip.

    Raises:
        ArchiveUnreadable: the file is not there, or not what it is said to be.
        ColumnsMissing: it has no column for the text, or none for the decision.
    """
    try:
        if kind == "parquet":
            yield from _parquet(path, reading)
            return
        with _opened(path) as stream:
            yield from (_csv if kind == "csv" else _jsonl)(path.name, stream, reading)
    except OSError as error:
        raise ArchiveUnreadable(
            f"{path.name} cannot be read: {error.strerror or type(error).__name__}. Check the name and its permissions."
        ) from error
    except (EOFError, zlib.error) as error:
        raise ArchiveUnreadable(
            f"{path.name} is packed with gzip and ends before its end, or is damaged. Copy or export it again."
        ) from error


def past_of(values: Mapping[str, Any], place: str, reading: Reading) -> Past | NotTaken:
    """
    One row, or why it is none.

    Args:
        values: by the names of COLUMNS; what is absent or None is not known. `at` may be a datetime, an ISO 8601 text,
            or seconds or milliseconds since 1970.
    """
    text = values.get("text")
    if text is None or (isinstance(text, str) and is_blank(text)):
        return NotTaken(place, "no-text", "There is no text in it. Nothing to do, unless there should be.")
    if not isinstance(text, str):
        return NotTaken(place, "no-text", "Its text is not text. Export the column as text.")
    if len(text) > LONGEST:
        return NotTaken(
            place, "too-long", f"Its text has {len(text):,} characters, and {LONGEST:,} are read. Nothing to do."
        )  # fmt: skip
    if not is_exact(text):
        return NotTaken(
            place, "not-text", "Its text holds half a character or a null byte. Export it again as UTF-8."
        )
    word = _word(values.get("decision"))
    approved = _decided(word, reading)
    if approved is None:
        if not word:
            return NotTaken(place, "undecided", "No decision stands in it. Nothing to do.")
        if word.casefold() in _UNDECIDED:
            return NotTaken(place, "undecided", "It was not decided, or not by moderators. Nothing to do.")
        return NotTaken(
            place,
            "unknown-decision",
            f'Its decision is "{_shown(word)}", which says neither. Say what it means: --approved or --rejected with that word.',
        )
    at, fault = _time(values.get("at"), place)
    if fault is not None:
        return fault
    beside = {name: _word(values.get(name)) for name in _BESIDE}
    for name, said in beside.items():
        # Looked at before the judge spends an hour: half a character can be written to no report.
        if values.get(name) is _UNREADABLE or not is_exact(said):
            return NotTaken(
                place,
                "not-text",
                f"Its {name.replace('_', ' ')} holds half a character, a null byte or no text. Export it again as UTF-8.",
            )
        if len(said) > LONGEST_BESIDE and name != "story_text":
            return NotTaken(
                place,
                "too-long",
                f"Its {name} has {len(said):,} characters, and {LONGEST_BESIDE:,} are read. Name another column, or shorten it.",
            )
    beside["language"] = beside["language"][:35]
    return Past(text, approved, rules=_rules(values.get("rules")), at=at, place=place, **beside)


def columns_of(names: Iterable[str], reading: Reading, file: str) -> dict[str, str]:
    """
    Which column is what: by the names of COLUMNS, its name in the file.

    Raises:
        ColumnsMissing: none is the text or the decision, or one that was named is not there.
    """
    there = {name.strip().casefold(): name for name in reversed([str(name) for name in names])}
    found: dict[str, str] = {}
    for theirs, ours in reading.columns.items():
        if theirs.casefold() not in there:
            raise ColumnsMissing(
                f'{file} has no column "{theirs}". It has: {_list(there.values())}.', fields=("column",)
            )
        found[ours] = there[theirs.casefold()]
    for ours, known in COLUMNS.items():
        if ours not in found:
            name = next((there[one] for one in known if one in there), None)
            if name is not None and name not in found.values():
                found[ours] = name
    missing = [ours for ours in ("text", "decision") if ours not in found]
    if missing:
        raise ColumnsMissing(
            f"{file} has no column for the {' or the '.join(missing)}. It has: {_list(there.values())}."
            f" Say which it is: --column THEIRS={missing[0]}.",
            fields=("column",),
        )
    return found


# -- the three formats -----------------------------------------------------------


def _csv(file: str, stream: IO[bytes], reading: Reading) -> Iterator[Past | NotTaken]:
    lines = _Lines(stream, file)
    first = next(iter(lines), None)
    if first is None:
        yield from lines.faults()
        return
    if lines.number != 1:
        raise ArchiveUnreadable(
            f"The first line of {file}, which names the columns, is not UTF-8, or is too long. Convert it, as with:"
            " iconv -f WINDOWS-1256 -t UTF-8."
        )
    comma = max(",;\t", key=first.count)
    names = fields_of(first, delimiter=comma, strict=False) or []
    wanted = columns_of(names, reading, file)
    places = {ours: names.index(theirs) for ours, theirs in wanted.items()}
    for cut in rows_of(stream, longest=LONGEST_LINE, delimiter=comma.encode(), first=2):
        place = f"line {cut.begin}"
        if cut.body is None:
            yield _too_long(place)
        elif not cut.closed:
            yield NotTaken(
                place, "not-csv", "A quotation mark is not closed, down to the end. Mend the line."
            )
        elif isinstance(row := _text(cut.body, place), NotTaken):
            yield row
        elif row.strip("\r\n"):
            fields = fields_of(row, delimiter=comma, strict=False)
            if fields is None or len(fields) != len(names):
                there = "it cannot be parted" if fields is None else f"it has {len(fields)} columns"
                yield NotTaken(
                    place,
                    "not-csv",
                    f"The first line has {len(names)} columns, and {there}. Put quotation marks around texts.",
                )
            else:
                yield past_of({ours: fields[at] for ours, at in places.items()}, place, reading)


def _jsonl(file: str, stream: IO[bytes], reading: Reading) -> Iterator[Past | NotTaken]:
    lines = _Lines(stream, file)
    wanted: dict[str, str] | None = None
    for line in lines:
        yield from lines.faults()
        if not line.strip():
            continue
        place = f"line {lines.number}"
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            yield NotTaken(place, "not-json", "It is not a JSON object. One object a line is read.")
            continue
        story = entry.get("story")
        if isinstance(story, Mapping):
            # As the API takes them.
            entry = {
                **entry,
                "story": story.get("url") or story.get("id"),
                "title": entry.get("title", story.get("title")),
            }
        # The first row only says where to look; a later one may have columns that this one has not.
        if wanted is None or not wanted.keys() >= {
            ours for ours, names in COLUMNS.items() if entry.keys() & set(names)
        }:
            wanted = columns_of([*entry, *(wanted or {}).values()], reading, file)
        yield past_of({ours: entry.get(theirs) for ours, theirs in wanted.items()}, place, reading)
    yield from lines.faults()


def _parquet(path: Path, reading: Reading) -> Iterator[Past | NotTaken]:
    import pyarrow as arrow
    from pyarrow import parquet

    with path.open("rb") as begin:
        if not begin.read(1):
            return
    try:
        file = parquet.ParquetFile(path)
    except arrow.ArrowException as error:
        raise ArchiveUnreadable(f"{path.name} is no Parquet file, or is damaged. Export it again.") from error
    with contextlib.closing(file):
        wanted = columns_of(file.schema_arrow.names, reading, path.name)
        number = 0
        try:
            for batch in file.iter_batches(batch_size=512, columns=list(wanted.values())):
                names = batch.schema.names
                columns = {ours: _cells(batch.column(names.index(theirs))) for ours, theirs in wanted.items()}
                for row in zip(*columns.values(), strict=True):
                    number += 1
                    yield past_of(dict(zip(columns, row, strict=True)), f"row {number}", reading)
        except (arrow.ArrowException, OSError) as error:
            raise ArchiveUnreadable(
                f"{path.name} is damaged after row {number:,} ({type(error).__name__}). Export it again."
            ) from error


def _cells(column: arrow.Array) -> list[Any]:
    """
    What a column of Parquet holds, cell by cell: a time as an aware datetime in UTC, what cannot be read as _UNREADABLE.

    Arrow hands over a column of times whole or not at all, and has times that no calendar has.
    """
    import pyarrow as arrow

    kind = column.type
    if arrow.types.is_timestamp(kind):
        step = {"s": 1_000_000, "ms": 1_000, "us": 1, "ns": 0.001}[kind.unit]
        return [_since(count, step) for count in column.view(arrow.int64()).to_pylist()]
    if arrow.types.is_date32(kind):
        return [_since(count, 86_400_000_000) for count in column.view(arrow.int32()).to_pylist()]
    if arrow.types.is_date64(kind):
        return [_since(count, 1_000) for count in column.view(arrow.int64()).to_pylist()]
    try:
        found: list[Any] = column.to_pylist()
        return found
    except _NO_VALUE:
        return [_cell(one) for one in column]


def _cell(one: arrow.Scalar[Any]) -> Any:
    try:
        return one.as_py()
    except _NO_VALUE:
        return _UNREADABLE


def _since(count: int | None, step: float) -> Any:
    """A time so many steps (of `step` microseconds) after the beginning of 1970; what is finer than a microsecond is cut off."""
    if count is None:
        return None
    try:
        return _EPOCH + timedelta(microseconds=count // 1000 if step < 1 else count * int(step))
    except OverflowError:
        return _UNREADABLE


# What is no text, a number or a time that Python has not, a zone that nobody knows, a kind that Arrow has no value for.
_NO_VALUE: Final = (ValueError, ArithmeticError, LookupError, NotImplementedError)


class _Lines:
    """
    The lines of a stream as text, one after another; what is too long or not UTF-8 is passed over and told by `faults`.

    `number` is that of the line which was given last, from 1.
    """

    def __init__(self, stream: IO[bytes], file: str) -> None:
        self.number = 0
        self._stream = stream
        self._faults: list[NotTaken] = []
        begin = stream.peek(4)[:4] if isinstance(stream, io.BufferedReader) else b""
        if begin.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in begin[:2]:
            raise ArchiveUnreadable(
                f"{file} is UTF-16, and UTF-8 is read. Save it so, or: iconv -f UTF-16 -t UTF-8 OLD > NEW."
            )
        if begin.startswith((b"PK", b"PAR1")):
            raise ArchiveUnreadable(
                f"{file} is not a file of lines. Export it as CSV, or name its format: --format."
            )

    def __iter__(self) -> Iterator[str]:
        while line := self._stream.readline(LONGEST_LINE):
            self.number += 1
            place = f"line {self.number}"
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                while (rest := self._stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                self._faults.append(_too_long(place))
                continue
            if self.number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            text = _text(line, place)
            if isinstance(text, NotTaken):
                self._faults.append(text)
            else:
                yield text

    def faults(self) -> Iterator[NotTaken]:
        """What has been passed over since this was asked last."""
        told, self._faults = self._faults, []
        yield from told


def _text(line: bytes, place: str) -> str | NotTaken:
    """A line, or a row of several, as text; or why it is none."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return NotTaken(
            place,
            "not-utf-8",
            "It is not UTF-8. Find out what the file is written in, and convert it, as with: iconv -f WINDOWS-1256 -t UTF-8.",
        )
    return (
        NotTaken(place, "not-text", "It holds a null byte. Export it again as UTF-8.")
        if "\x00" in text
        else text
    )


def _too_long(place: str) -> NotTaken:
    return NotTaken(
        place,
        "line-too-long",
        f"The line, or the row over several, has more than {LONGEST_LINE:,} bytes. Is an end of line, or a quotation mark, missing?",
    )


def _opened(path: Path) -> IO[bytes]:
    packed = path.open("rb")
    try:
        if packed.peek(2)[:2] == b"\x1f\x8b":
            return io.BufferedReader(cast(io.RawIOBase, _Unpacked(packed)), 2**16)
    except BaseException:
        packed.close()
        raise
    return packed


class _Unpacked(gzip.GzipFile):
    """An unpacked stream that closes the packed one with it."""

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()


# -- values ----------------------------------------------------------------------


def _word(value: Any) -> str:
    return (
        "" if value is None or value is _UNREADABLE or isinstance(value, list | dict) else str(value).strip()
    )


def _decided(word: str, reading: Reading) -> bool | None:
    word = word.casefold()
    if word in reading.approved or word in reading.rejected:
        return word in reading.approved
    # The operator's own words go before, and replace nothing that they do not name.
    return True if word in _APPROVED else False if word in _REJECTED else None


def _rules(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.replace(";", ",").replace("|", ",").split(",")
    elif not isinstance(value, Collection) or isinstance(value, Mapping | bytes):
        value = () if value is None else (value,)
    named = dict.fromkeys(_shown(word, _LONGEST_RULE) for one in value if (word := _word(one)))
    return tuple(named)[:_MOST_RULES]


def _time(value: Any, place: str) -> tuple[datetime | None, NotTaken | None]:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None, None
    try:
        if isinstance(value, datetime):
            at = value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value / 1000 if abs(value) > 1e11 else value, UTC)
        else:
            at = datetime.fromisoformat(str(value).strip())
        # What has no zone is read as UTC: it only says which comes first, and in which year.
        at = at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None, NotTaken(place, "bad-time", "Its time is not one. Write it as 2026-11-29T12:00:00Z.")
    return at, None


def _shown(word: str, longest: int = 40) -> str:
    """A word of the file in one short line."""
    kept = "".join(letter if letter.isprintable() else " " for letter in word)
    return " ".join(kept[:longest].split())


def _list(names: Iterable[str]) -> str:
    """Names of columns; what is too long for one may be what somebody wrote, in a file without a line of names."""
    shown = {_shown(name) if re.fullmatch(r"[\w .:-]{1,30}", name) else "…" for name in names}
    return ", ".join(sorted(shown)[:30]) or "none"
