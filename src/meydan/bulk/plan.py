"""
The plan: which files, and where each is cut into partitions.

The cuts follow from the files alone, never from who will judge or how many: a partition is so many rows of one file,
fewer where they are long. So its part is the same whoever makes it, and is known by name before it is made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from meydan.bulk.rows import FORMATS, PARQUET, Columns, Source, first_byte, header, opened, parquet, records
from meydan.errors import BadArchive
from meydan.text.exact import is_exact

ROWS_PER_PART: Final = 10_000

BYTES_PER_PART: Final = 16 * 2**20
"""Bytes of a file after which a partition ends, however few rows it has: they are in memory at once."""

USUAL: Final = {
    "id": ("id",), "language": ("language", "lang"), "title": ("story_title",), "story": ("story_text",),
}  # fmt: skip
"""What columns are called that are read where they are there and nobody said otherwise."""

_PIECE: Final = 2**20
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator asked to be read: of each column its name, or None for what is usual."""

    text: str = "text"
    id: str | None = None
    language: str | None = None
    title: str | None = None
    story: str | None = None
    delimiter: str | None = None
    rows_per_part: int = ROWS_PER_PART


@dataclass(frozen=True, slots=True)
class Partition:
    """
    Rows of one file that become one part.

    `number` counts from 0 over all files; `begin` is the first row's byte (0 where the format has none), `first` its
    number in the file, from 1, and `rows` how many there are, blank ones counted.
    """

    number: int
    file: int
    begin: int
    first: int
    rows: int


@dataclass(frozen=True, slots=True)
class Input:
    """A file as it was found: `name` within what was asked for, `digest` its SHA-256, `rows` with the blank ones."""

    name: str
    source: Source
    bytes: int
    digest: str
    rows: int
    changed_ns: int


@dataclass(frozen=True, slots=True)
class Plan:
    inputs: tuple[Input, ...]
    partitions: tuple[Partition, ...]


def files_of(path: Path) -> list[Path]:
    """
    The files of an archive, in the order of their names: the file itself, or all in a folder and below that can be read.

    Raises:
        BadArchive: there are none.
    """
    if path.is_file():
        if path.suffix.lower() not in FORMATS:
            raise BadArchive(f"{path}: what it is cannot be told from its name. {_ENDINGS}")
        return [path]
    if not path.is_dir():
        raise BadArchive(f"{path} is not there.")
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in FORMATS
        and not any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
        and file.is_file()
    )
    if not found:
        raise BadArchive(f"{path} has no file to be scored in it. {_ENDINGS}")
    return found


_ENDINGS: Final = f"Names end in {', '.join(FORMATS)}; unpack what is packed first."


def plan(path: Path, asked: Asked, told: Told = lambda _: None) -> Plan:
    """
    Look through an archive once.

    Args:
        path: a file or a folder.
        told: is told how many more bytes were looked through.

    Raises:
        BadArchive: a file cannot be read, or lacks a column that was asked for.
    """
    inputs: list[Input] = []
    partitions: list[Partition] = []
    for place, file in enumerate(files_of(path)):
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
        if not is_exact(name):
            raise BadArchive(f"A file's name is no UTF-8: {name!r}. Rename it.")
        source = source_of(file, asked)
        about = file.stat()
        digest = _digest(file, told)
        rows = 0
        for begin, first, number in _cuts(source, asked.rows_per_part):
            partitions.append(Partition(len(partitions), place, begin, first, number))
            rows += number
        inputs.append(Input(name, source, about.st_size, digest, rows, about.st_mtime_ns))
    return Plan(tuple(inputs), tuple(partitions))


def changed(inputs: Sequence[Input]) -> str | None:
    """
    Look whether files are as they were when they were planned.

    Returns:
        One that is not; None where they all are. One that was written anew with the same bytes is what it was.

    Raises:
        BadArchive: one is gone.
    """
    for one in inputs:
        try:
            about = Path(one.source.path).stat()
        except OSError:
            raise BadArchive(f"{one.source.path} is gone. Put it back, and score again.") from None
        if (about.st_size, about.st_mtime_ns) == (one.bytes, one.changed_ns):
            continue
        if about.st_size != one.bytes or _digest(Path(one.source.path), lambda _: None) != one.digest:
            return one.source.path
    return None


def source_of(file: Path, asked: Asked) -> Source:
    """
    How a file is read.

    Raises:
        BadArchive: it is not what its name says, or lacks a column.
    """
    format = FORMATS[file.suffix.lower()]
    delimiter = asked.delimiter or ("\t" if file.suffix.lower() == ".tsv" else ",")
    with opened(file) as begun:
        start = begun.read(4)
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadArchive(f"{file} is UTF-16. Convert it to UTF-8 first.")
    if start[:2] == b"\x1f\x8b":
        raise BadArchive(f"{file} is packed (gzip). Unpack it first.")
    if (start == PARQUET) != (format == "parquet"):
        other = "is no Parquet file" if format == "parquet" else "is a Parquet file"
        raise BadArchive(f"{file} {other}, whatever its name says. Rename it. {_ENDINGS}")
    given = Source(str(file.resolve()), format, Columns(asked.text), delimiter)
    # Keys of JSON are looked for in every line anew.
    names = None if format == "jsonl" else _names(given)
    return Source(given.path, format, _columns(file, names, asked), delimiter)


def _names(source: Source) -> list[str]:
    if source.format == "parquet":
        about = parquet(source.path).schema_arrow
        text = about.field(source.columns.text).type if source.columns.text in about.names else pa.string()
        kind = text.value_type if pa.types.is_dictionary(text) else text
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)):
            raise BadArchive(f"{source.path}: its column {source.columns.text!r} is no text ({text}).")
        return list(about.names)
    with opened(source.path) as file:
        return header(source, file)[0]


def _columns(file: Path, names: list[str] | None, asked: Asked) -> Columns:
    wanted = {
        "text": asked.text, "id": asked.id, "language": asked.language, "title": asked.title, "story": asked.story,
    }  # fmt: skip
    if names is not None:
        for name in filter(None, wanted.values()):
            if names.count(name) != 1:
                what = "no column" if name not in names else "more than one column"
                there = ", ".join(names[:20])[:300]
                raise BadArchive(
                    f"{file} has {what} {name!r}; it has: {there}. Say with --text, --id and the like which are meant, and "
                    "with --delimiter what parts them, where it is no comma.",
                    fields=(name,),
                )
    for what, usual in USUAL.items():
        if wanted[what] is None:
            there_is = usual[:1] if names is None else [name for name in usual if names.count(name) == 1]
            wanted[what] = there_is[0] if there_is else None
    return Columns(**{what: name for what, name in wanted.items() if name is not None})


def _digest(file: Path, told: Told) -> str:
    made = hashlib.sha256()
    with opened(file) as source:
        while piece := source.read(_PIECE):
            made.update(piece)
            told(len(piece))
    return f"sha256:{made.hexdigest()}"


def _cuts(source: Source, most: int) -> Iterator[tuple[int, int, int]]:
    """(byte, first row, rows) of each partition of a file."""
    if source.format == "parquet":
        total = parquet(source.path).metadata.num_rows
        for first in range(0, total, most):
            yield 0, first + 1, min(most, total - first)
        return
    with opened(source.path) as file:
        begin = header(source, file)[1] if source.format == "csv" else first_byte(file)
        first = 1
        rows = 0
        for record in records(file, begin, format=source.format, delimiter=source.delimiter):
            rows += 1
            if rows == most or record.end - begin >= BYTES_PER_PART:
                yield begin, first, rows
                begin, first, rows = record.end, first + rows, 0
        if rows:
            yield begin, first, rows
