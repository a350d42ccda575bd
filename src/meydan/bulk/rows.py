"""
Reading archives: CSV, JSON Lines and Parquet as rows with a place, and what is no row as a fault with a place.

A file is read from any row on whose byte is known, so that many may read it. Nothing is repaired and nothing is
guessed; memory is bounded whatever the file is. No reader's word is ever in a fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from meydan.errors import BadArchive
from meydan.text.exact import is_exact
from meydan.text.table import fields_of

FORMATS: Final[Mapping[str, str]] = {
    ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet",
}  # fmt: skip
"""How a file's name ends, and what it then is."""

LONGEST_LINE: Final = 2**20
"""Bytes of a line, or of a row of CSV over several lines; a longer one is set aside."""

SKIPPED_AT_ONCE: Final = 2**16
PARQUET_ROWS: Final = 512
"""Rows of a Parquet file in memory at once, beside what of its pages pyarrow holds."""

PARQUET: Final = b"PAR1"
_MARK: Final = b"\xef\xbb\xbf"  # of UTF-8, which some programs put before everything

FAULTS: Final[Mapping[str, str]] = {
    "not-utf-8": "It is not UTF-8.",
    "not-json": "It is not one JSON object.",
    "not-csv": "It is no row of CSV.",
    "columns": "It has more or fewer fields than the first line names.",
    "unclosed-quote": "A quotation mark that opens a field is not closed.",
    "long-line": f"It is longer than {LONGEST_LINE} bytes.",
    "no-text": "There is no text in it.",
    "too-long": "The text is longer than is judged.",
    "not-text": "The text has a null byte, or half of a character.",
}
"""Why a row is set aside, and in words."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns (of JSON, the keys) are called that are read; None: not read."""

    text: str = "text"
    id: str | None = None
    language: str | None = None
    title: str | None = None
    story: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        return tuple(name for name in (self.text, self.id, self.language, self.title, self.story) if name)


@dataclass(frozen=True, slots=True)
class Source:
    """One file: what it is, and how it is read. `delimiter` matters for CSV only."""

    path: str
    format: str
    columns: Columns
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class Row:
    """
    One row as it was read, or its `fault` (a key of FAULTS).

    `number` counts the file's rows from 1, those that are blank and faulty too; `byte` is where it begins, None where
    a file has no such thing.
    """

    number: int
    byte: int | None
    text: str | None = None
    id: str | None = None
    language: str | None = None
    title: str | None = None
    story: str | None = None
    fault: str | None = None


ROWS: Final = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("byte", pa.int64()),
        pa.field("text", pa.string()),
        pa.field("id", pa.string()),
        pa.field("language", pa.string()),
        pa.field("title", pa.string()),
        pa.field("story", pa.string()),
        pa.field("fault", pa.string()),
    ]
)
"""Rows as a batch: what the judge is given."""


def batch_of(rows: Sequence[Row]) -> pa.RecordBatch:
    """Rows as one Arrow batch with the schema ROWS."""
    columns = [
        [row.number for row in rows],
        [row.byte for row in rows],
        [row.text for row in rows],
        [row.id for row in rows],
        [row.language for row in rows],
        [row.title for row in rows],
        [row.story for row in rows],
        [row.fault for row in rows],
    ]
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, ROWS, strict=True)], schema=ROWS
    )


@dataclass(frozen=True, slots=True)
class Record:
    """A line, or a row of CSV: where it begins and ends, its bytes, or why they are none."""

    begin: int
    end: int
    line: bytes = b""
    fault: str | None = None


def read(source: Source, *, begin: int, first: int, number: int) -> Iterator[Row]:
    """
    Read rows of a file, in order, leaving out those that are blank.

    Args:
        begin: the byte of the first, where the format has bytes; as `records` or `first_byte` said it.
        first: the number of the first.
        number: how many, the blank ones counted.

    Raises:
        BadArchive: the file cannot be read.
    """
    if source.format == "parquet":
        yield from _of_parquet(source, first, number)
        return
    with opened(source.path) as file:
        make = _Csv(source, file) if source.format == "csv" else _Jsonl(source.columns)
        found = islice(records(file, begin, format=source.format, delimiter=source.delimiter), number)
        for at, record in enumerate(found, first):
            if record.fault is not None:
                yield Row(at, record.begin, fault=record.fault)
            elif record.line.strip():
                yield make.row(at, record)


# ---- lines and rows of CSV ---------------------------------------------------


def opened(path: str | Path) -> BinaryIO:
    """
    A file, to be read.

    Raises:
        BadArchive: it cannot be.
    """
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise BadArchive(f"{path} cannot be read: {error.strerror}.") from None


def records(file: BinaryIO, begin: int, *, format: str, delimiter: str = ",") -> Iterator[Record]:
    """
    The lines of a file from a byte on, or its rows where quoted fields of CSV go over several lines.

    A quotation mark that is never closed, or not within LONGEST_LINE, costs its own line: reading goes on with the next.
    """
    if format != "csv":
        yield from _lines(file, begin)
        return
    sign = delimiter.encode()
    while True:
        again = None
        for record in _lines(file, begin):
            ends = "closed" if record.fault is not None else _end_of(record.line, sign, inside=False)
            if ends == "closed":
                yield record
                continue
            if ends == "amiss":
                yield Record(record.begin, record.end, fault="not-csv")
                continue
            whole = _closed(file, record, sign) or Record(record.begin, record.end, fault="unclosed-quote")
            yield whole
            again = whole.end
            break
        if again is None:
            return
        begin = again


def _lines(file: BinaryIO, begin: int) -> Iterator[Record]:
    file.seek(begin)
    at = begin
    while line := file.readline(LONGEST_LINE + 1):
        start, at = at, at + len(line)
        if len(line) <= LONGEST_LINE:
            yield Record(start, at, line)
            continue
        while not line.endswith(b"\n") and (line := file.readline(SKIPPED_AT_ONCE)):
            at += len(line)
        yield Record(start, at, fault="long-line")


def _closed(file: BinaryIO, first: Record, delimiter: bytes) -> Record | None:
    """
    A row whose first line leaves a quoted field open, with the lines up to where it is closed.

    None where it is closed nowhere near, or amid a word: a mark that was never closed would otherwise swallow the rows up
    to the next one.
    """
    pieces, size = [first.line], len(first.line)
    file.seek(first.end)
    while size <= LONGEST_LINE and (line := file.readline(LONGEST_LINE + 1)):
        pieces.append(line)
        size += len(line)
        ends = _end_of(line, delimiter, inside=True)
        if ends == "amiss":
            return None
        if size <= LONGEST_LINE and ends == "closed":
            return Record(first.begin, first.begin + size, b"".join(pieces))
    return None


def _end_of(line: bytes, delimiter: bytes, *, inside: bool) -> Literal["open", "closed", "amiss"]:
    """
    How a line ends, begun `inside` a quoted field or not: with one open, with none, or it has one that something follows.
    """
    if b'"' not in line:
        return "open" if inside else "closed"
    at = 0
    if not inside and line.startswith(b'"'):
        inside, at = True, 1
    opening = delimiter + b'"'
    while True:
        if inside:
            while True:
                quote = line.find(b'"', at)
                if quote < 0:
                    return "open"
                at = quote + 1
                # Two are one that is meant.
                if line[at : at + 1] != b'"':
                    break
                at += 1
            if line[at : at + 1] not in (delimiter, b"\n", b"") and line[at:] != b"\r\n":
                return "amiss"
        begun = line.find(opening, at)
        if begun < 0:
            return "closed"
        inside, at = True, begun + len(opening)


def first_byte(file: BinaryIO) -> int:
    """Where a file's first line begins: after a mark of UTF-8."""
    file.seek(0)
    return len(_MARK) if file.read(len(_MARK)) == _MARK else 0


def header(source: Source, file: BinaryIO) -> tuple[list[str], int]:
    """
    The names in the first line of a CSV file, and the byte after it.

    Raises:
        BadArchive: there is none.
    """
    for record in records(file, first_byte(file), format="csv", delimiter=source.delimiter):
        if record.fault is None and record.line.strip():
            fields = _fields(record.line, source.delimiter)
            if isinstance(fields, list):
                return fields, record.end
        break
    raise BadArchive(
        f"{source.path}: its first line names no columns. A CSV file begins with the names of its columns, in UTF-8."
    )


def _fields(line: bytes, delimiter: str) -> list[str] | str:
    """The fields of a row, or its fault."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return "not-utf-8"
    fields = fields_of(text, delimiter=delimiter)
    return "not-csv" if fields is None else fields


class _Csv:
    """Makes rows of the lines of one file."""

    def __init__(self, source: Source, file: BinaryIO) -> None:
        names, _ = header(source, file)
        self._delimiter = source.delimiter
        self._size = len(names)
        columns = source.columns
        self._text = names.index(columns.text)
        self._id, self._language, self._title, self._story = (
            names.index(name) if name in names else None
            for name in (columns.id, columns.language, columns.title, columns.story)
        )

    def row(self, number: int, record: Record) -> Row:
        fields = _fields(record.line, self._delimiter)
        if isinstance(fields, str):
            return Row(number, record.begin, fault=fields)
        if len(fields) != self._size:
            return Row(number, record.begin, fault="columns")

        def of(place: int | None) -> str | None:
            # CSV cannot tell nothing from nothing there.
            return None if place is None else fields[place] or None

        return Row(
            number, record.begin, fields[self._text], of(self._id), of(self._language), of(self._title), of(self._story)
        )  # fmt: skip


class _Jsonl:
    """Makes rows of lines of JSON."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def row(self, number: int, record: Record) -> Row:
        try:
            found = msgspec.json.decode(record.line)
        except (msgspec.DecodeError, RecursionError, ValueError):
            return Row(number, record.begin, fault="not-json" if _is_utf8(record.line) else "not-utf-8")
        if not isinstance(found, dict):
            return Row(number, record.begin, fault="not-json")
        return _row_of(number, record.begin, found, self._columns)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _row_of(number: int, byte: int | None, found: Mapping[str, Any], columns: Columns) -> Row:
    text = found.get(columns.text)
    if not isinstance(text, str):
        return Row(number, byte, fault="no-text")
    beside = [
        _word(found.get(name)) if name else None
        for name in (columns.id, columns.language, columns.title, columns.story)
    ]
    return Row(number, byte, text, *beside) if is_exact(text) else Row(number, byte, fault="not-text")


def _word(value: object) -> str | None:
    """What is said beside a text; of a kind that cannot be said in a word, nothing."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) and value and is_exact(value) else None


# ---- Parquet -----------------------------------------------------------------


def parquet(path: str) -> pq.ParquetFile:
    """
    A Parquet file, opened.

    Raises:
        BadArchive: it is none, or is cut off.
    """
    try:
        return pq.ParquetFile(path, pre_buffer=False)
    except OSError as error:
        raise BadArchive(f"{path} cannot be read: {error.strerror or 'it is not a Parquet file'}.") from None
    except pa.ArrowException:
        raise BadArchive(f"{path} is not a Parquet file, or is cut off.") from None


class _Reading:
    """A Parquet file that is being read on, from one partition to a later one."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.at = 0
        self._file = parquet(source.path)
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._rest: pa.RecordBatch | None = None

    def seek(self, row: int) -> None:
        """Go to a row (from 0): on from here where it lies ahead in the same group of rows, else to its group's beginning."""
        about = self._file.metadata
        begin = group = 0
        while group < about.num_row_groups and begin + about.row_group(group).num_rows <= row:
            begin += about.row_group(group).num_rows
            group += 1
        if not (self._rest is not None and begin <= self.at <= row):
            groups = list(range(group, about.num_row_groups))
            columns = list(dict.fromkeys(self.source.columns.named))
            self._batches = self._file.iter_batches(
                PARQUET_ROWS, row_groups=groups, columns=columns, use_threads=False
            )
            self.at, self._rest = begin, None
        while self.at < row:
            batch = self.take(row - self.at)
            if batch is None:
                return

    def take(self, most: int) -> pa.RecordBatch | None:
        """The next rows, `most` of them or fewer; None where there are no more."""
        if self._rest is None or not self._rest.num_rows:
            self._rest = next(self._batches, None)
            if self._rest is None:
                return None
        taken, self._rest = self._rest.slice(0, most), self._rest.slice(most)
        self.at += taken.num_rows
        return taken


_reading: _Reading | None = None
"""The file that this process reads on, so that a group of rows is unpacked once and not for every partition in it."""


def _of_parquet(source: Source, first: int, number: int) -> Iterator[Row]:
    global _reading
    reading = _reading if _reading is not None and _reading.source == source else _Reading(source)
    # Whoever stops half-way leaves nothing behind that a later partition would go on from.
    _reading = None
    done = 0
    try:
        reading.seek(first - 1)
        while done < number and (batch := reading.take(number - done)) is not None:
            columns = {name: batch.column(i) for i, name in enumerate(batch.schema.names)}
            for i in range(batch.num_rows):
                yield _of_cells(first + done + i, columns, i, source.columns)
            done += batch.num_rows
    except (OSError, pa.ArrowException):
        raise BadArchive(
            f"{source.path} is damaged at row {first + done} or soon after. Write it anew, or leave it out."
        ) from None
    _reading = reading


def _of_cells(number: int, columns: Mapping[str, Any], at: int, named: Columns) -> Row:
    found: dict[str, Any] = {}
    for name, column in columns.items():
        try:
            found[name] = column[at].as_py()
        except (ValueError, ArithmeticError, LookupError, NotImplementedError):
            # Arrow does not look into what calls itself text, and has times that no calendar has.
            if name == named.text:
                return Row(number, None, fault="not-utf-8")
    return _row_of(number, None, found, named)
