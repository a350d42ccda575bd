"""
One partition made into a part: read, judged, and written so that it is there whole or not at all.

What is made and by what name follows from what was asked, so whoever makes it makes the same file. A part counts once
its entry is there, which is written last and says what the part's bytes have to be.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from meydan.bulk.partition import DECIMALS, SCORED, Scoring
from meydan.bulk.plan import Partition
from meydan.bulk.rows import FAULTS, Source, batch_of, read
from meydan.durable import sync_folder
from meydan.errors import EngineUnavailable, MeydanError, NotKept, WorkerLost
from meydan.judge import Judge
from meydan.judge.calibration import load as load_calibrations
from meydan.judge.judge import Tier
from meydan.policy import load as load_guidelines
from meydan.text.visible import cell

READ_AT_ONCE: Final = 1024
"""Rows in memory at once, as they are read."""

OUTPUTS: Final = ("parquet", "csv", "jsonl")

GUIDELINES: Final = "guidelines.toml"
CALIBRATION: Final = "calibration.json"
UNFINISHED: Final = ".unfinished"

PART: Final = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        *(field for field in SCORED if field.name not in ("byte", "fault")),
    ]
)
"""The columns of a part."""


@dataclass(frozen=True, slots=True)
class Work:
    """
    All that whoever makes parts has to know, on whatever machine.

    `folder` is where parts go and `aside` where the guidelines and the calibration lie that all go by; both have to be
    reached under these names from everywhere. `key` is a digest of all that was asked, `model` of the judge.
    """

    folder: str
    aside: str
    key: str
    tier: Tier
    model: str
    format: str
    sources: tuple[Source, ...]
    names: tuple[str, ...]

    def part_name(self, number: int) -> str:
        return f"part-{number:05d}-{self._of(number)}.{self.format}"

    def rejected_name(self, number: int) -> str:
        return f"rejected-{number:05d}-{self._of(number)}.jsonl"

    def entry_name(self, number: int) -> str:
        return f"part-{number:05d}-{self._of(number)}.json"

    def _of(self, number: int) -> str:
        return hashlib.sha256(f"{self.key} {number}".encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written: its name, size in bytes and SHA-256."""

    name: str
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What became of one partition.

    `scored` rows are in `part`; those of `faults`, by fault, are in `rejected`, None where there are none.
    """

    number: int
    file: int
    first: int
    rows: int
    scored: int
    blank: int
    part: Written
    rejected: Written | None
    faults: dict[str, int]
    verdicts: dict[str, int]
    languages: dict[str, int]
    seconds: float


class Maker:
    """Makes parts; holds a judge, loaded once."""

    def __init__(self, work: Work, judge: Judge | None = None) -> None:
        """
        Args:
            judge: one that is loaded already.

        Raises:
            EngineUnavailable: the judge here is another than the one that was asked for.
        """
        self._work = work
        judge = judge or Judge.load(tier=work.tier)
        if judge.model != work.model:
            raise EngineUnavailable(
                "A worker has another judge than the one that was asked for. Install the same version of Meydan everywhere."
            )
        aside = Path(work.aside)
        self._scoring = Scoring(
            judge, load_guidelines(aside / GUIDELINES), load_calibrations(aside / CALIBRATION)
        )

    def make(self, partition: Partition) -> Entry:
        """
        Make one part, with what was set aside beside it, and its entry last.

        Raises:
            BadArchive: the file cannot be read.
            NotKept: the part cannot be written.
            WorkerLost: it cannot be made for a reason that nobody thought of.
        """
        try:
            return self._made(partition)
        except MeydanError:
            raise
        except Exception as fault:  # noqa: BLE001 - its message may hold a reader's words
            last = partition.first + partition.rows - 1
            raise WorkerLost(
                f"Rows {partition.first} to {last} of {self._work.names[partition.file]} could not be scored "
                f"({type(fault).__name__}). What is finished is kept: run the same again, and report it if it stays so."
            ) from None

    def _made(self, partition: Partition) -> Entry:
        work = self._work
        began = time.perf_counter()
        name = work.names[partition.file]
        verdicts: Counter[str] = Counter()
        languages: Counter[str] = Counter()
        faults: Counter[str] = Counter()
        scored = seen = 0
        folder = Path(work.folder)
        set_aside = io.BytesIO()
        with (
            written(folder / work.part_name(partition.number)) as out,
            _writer(work.format, out.file) as write,
        ):
            for rows in self._rows(partition):
                seen += rows.num_rows
                found = self._scoring(rows)
                sound = found.filter(found.column("fault").is_null())
                scored += sound.num_rows
                verdicts.update(sound.column("verdict").to_pylist())
                languages.update(sound.column("language").to_pylist())
                faults.update(_set_aside(name, found, set_aside))
                files = pa.array([name] * sound.num_rows, pa.string())
                columns = [files, *(sound.column(column) for column in PART.names[1:])]
                write(pa.RecordBatch.from_arrays(columns, schema=PART))
        rejected = None
        if faults:
            with written(folder / work.rejected_name(partition.number)) as aside:
                aside.file.write(set_aside.getbuffer())
            rejected = aside.written
        entry = Entry(
            partition.number, partition.file, partition.first, partition.rows, scored, partition.rows - seen,
            out.written, rejected,
            _sorted(faults), _sorted(verdicts), _sorted(languages), round(time.perf_counter() - began, 3),
        )  # fmt: skip
        # From here on it counts: what stands before this line is durable.
        with written(Path(work.aside) / work.entry_name(partition.number)) as kept:
            kept.file.write(msgspec.json.encode(entry))
        return entry

    def _rows(self, partition: Partition) -> Iterator[pa.RecordBatch]:
        source = self._work.sources[partition.file]
        rows = read(source, begin=partition.begin, first=partition.first, number=partition.rows)
        together = []
        for row in rows:
            together.append(row)
            if len(together) == READ_AT_ONCE:
                yield batch_of(together)
                together = []
        if together:
            yield batch_of(together)


def entry_of(work: Work, number: int) -> Entry | None:
    """What became of a partition, where its entry is there and its files are those that it names; else None."""
    try:
        kept = (Path(work.aside) / work.entry_name(number)).read_bytes()
        entry = msgspec.json.decode(kept, type=Entry)
    except (OSError, msgspec.DecodeError):
        return None
    files = [entry.part, *([entry.rejected] if entry.rejected else [])]
    return entry if all(is_whole(Path(work.folder), one) for one in files) else None


def is_whole(folder: Path, one: Written) -> bool:
    """Whether a file is there as it was written."""
    try:
        with (folder / one.name).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == one.digest.removeprefix("sha256:")
    except OSError:
        return False


# ---- files ------------------------------------------------------------------


class _Out:
    """A file that is being written; `written` once it is there."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.written: Written


@contextlib.contextmanager
def written(path: Path) -> Iterator[_Out]:
    """
    A file that is there whole or not at all, and durably once this ends.

    Raises:
        NotKept: it cannot be written.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}{UNFINISHED}")
    try:
        with aside.open("xb") as file:
            out = _Out(file)
            yield out
            file.flush()
            os.fsync(file.fileno())
        with aside.open("rb") as file:
            digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            size = os.fstat(file.fileno()).st_size
        aside.replace(path)
        sync_folder(path.parent)
        out.written = Written(path.name, size, digest)
    except OSError as error:
        raise NotKept(
            f"{path} cannot be written: {error.strerror or type(error).__name__}. Make room or make it writable, and run "
            "the same again: what is finished is kept."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _set_aside(name: str, found: pa.RecordBatch, out: BinaryIO) -> list[str]:
    """Write the place and the reason of each row with a fault; never its words. Returns the faults."""
    bad = found.filter(found.column("fault").is_valid())
    faults: list[str] = bad.column("fault").to_pylist()
    for row, byte, fault in zip(
        bad.column("row").to_pylist(), bad.column("byte").to_pylist(), faults, strict=True
    ):
        told = {"file": name, "row": row, "byte": byte, "fault": fault, "reason": FAULTS[fault]}
        out.write(json.dumps(told, ensure_ascii=False).encode() + b"\n")
    return faults


def parquet_writer(file: BinaryIO) -> pq.ParquetWriter:
    """What writes parts as Parquet, and what is put together of them."""
    return pq.ParquetWriter(file, PART, compression="zstd")


Write = Callable[[pa.RecordBatch], None]


@contextlib.contextmanager
def _writer(format: str, file: BinaryIO) -> Iterator[Write]:
    if format == "parquet":
        # All at once: a part is small, and each writing would be a group of rows of its own.
        batches: list[pa.RecordBatch] = []
        yield batches.append
        with parquet_writer(file) as writer:
            writer.write_table(pa.Table.from_batches(batches, PART))
    elif format == "csv":
        lines = io.TextIOWrapper(file, "utf-8", newline="", write_through=False)
        into = csv.writer(lines, lineterminator="\n")
        into.writerow(PART.names)
        yield lambda batch: into.writerows(_flat(batch))
        lines.flush()
        lines.detach()
    else:
        yield lambda batch: _lines(batch, file)


def _values(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Rows as values, with scores of as many decimals as were kept: a float32 has more, which say nothing."""
    columns = []
    for column in batch.columns:
        values = column.to_pylist()
        if column.type == pa.float32():
            values = [None if value is None else round(value, DECIMALS) for value in values]
        columns.append(values)
    return zip(*columns, strict=True)


def _flat(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Rows as cells of CSV: an id, or the name of a file, is whatever somebody called it."""
    for values in _values(batch):
        flat = (" ".join(value) if isinstance(value, list) else value for value in values)
        yield tuple(cell(value) if isinstance(value, str) else value for value in flat)


def _lines(batch: pa.RecordBatch, file: BinaryIO) -> None:
    for values in _values(batch):
        file.write(msgspec.json.encode(dict(zip(PART.names, values, strict=True))) + b"\n")


def _sorted(counted: Counter[str]) -> dict[str, int]:
    return dict(sorted(counted.items()))
