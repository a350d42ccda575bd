"""
Our own format as Parquet: the columns of the JSON lines, a row for each story and each comment, `kind` says which.

A story's columns begin with `story_`, and `story` is its URL in either kind of row. What is a list in a line is a list
of structs; evidence is its JSON. The header of the lines is in the file's own metadata, under `meydan`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from meydan.errors import FileCutShort, NotThatFormat
from meydan.exchange.meydan import FORMAT, Header, Told, Written
from meydan.exchange.reading import NO_JSON
from meydan.exchange.record import Fault
from meydan.whole import Whole, WholeComment, WholeStory

ROWS: Final = 5_000
"""Rows that are held at once, and make a row group."""

_AT = pa.timestamp("us", tz="UTC")
_TEXTS = pa.list_(pa.string())
_REASON = pa.struct(
    [("rule", pa.string()), ("ground", pa.string()), ("label", pa.string()), ("score", pa.float64())]
)
_DECISION = pa.struct(
    [
        ("seq", pa.int32()),
        ("at", _AT),
        ("verdict", pa.string()),
        ("decided_by", pa.string()),
        ("by", pa.string()),
        ("reasons", pa.list_(_REASON)),
        ("guidelines", pa.string()),
        ("model", pa.string()),
        ("calibration", pa.string()),
        ("note", pa.string()),
    ]
)
_EVIDENCE = pa.struct([("at", _AT), ("body", pa.string())])
_APPEAL = pa.struct([("seq", pa.int32()), ("at", _AT), ("words", pa.string())])
_REPORT = pa.struct(
    [
        ("rule", pa.string()),
        ("at", _AT),
        ("words", pa.string()),
        ("closed_at", _AT),
        ("seq", pa.int32()),
        ("upheld", pa.bool_()),
    ]
)
_LOOK = pa.struct(
    [
        ("kind", pa.string()),
        ("seq", pa.int32()),
        ("drawn_at", _AT),
        ("verdict", pa.string()),
        ("rules", _TEXTS),
        ("answered_at", _AT),
        ("answer", pa.string()),
        ("breached", _TEXTS),
        ("by", pa.string()),
    ]
)
_PROOF = pa.struct([("salt", pa.string()), ("commitment", pa.string()), ("leaf", pa.int64())])

_STORY: Final[Mapping[str, Any]] = {
    "title": pa.string(),
    "text": pa.string(),
    "language": pa.string(),
    "open": pa.bool_(),
    "opens_at": _AT,
    "closes_at": _AT,
    "closed_reason": pa.string(),
    "mode": pa.string(),
    "guests": pa.string(),
    "question": pa.string(),
}
_COMMENT: Final[Mapping[str, Any]] = {
    "id": pa.string(),
    "state": pa.string(),
    "submitted_at": _AT,
    "parent": pa.string(),
    "name": pa.string(),
    "text": pa.string(),
    "text_format": pa.string(),
    "email": pa.string(),
    "author": pa.string(),
    "language": pa.string(),
    "status": pa.string(),
    "seq": pa.int32(),
    "holds": _TEXTS,
    "judged_at": _AT,
    "withdrawn_at": _AT,
    "erased_at": _AT,
    "escalated": pa.bool_(),
    "covered": pa.bool_(),
    "picked_at": _AT,
    "picked_by": pa.string(),
    "badge": pa.string(),
    "written_by": pa.string(),
    "source": pa.string(),
    "source_key": pa.string(),
    "decisions": pa.list_(_DECISION),
    "evidence": pa.list_(_EVIDENCE),
    "appeals": pa.list_(_APPEAL),
    "reports": pa.list_(_REPORT),
    "looks": pa.list_(_LOOK),
    "proof": _PROOF,
}
SCHEMA: Final = pa.schema(
    [
        ("kind", pa.string()),
        ("story", pa.string()),
        *((f"story_{name}", kind) for name, kind in _STORY.items()),
        *_COMMENT.items(),
    ]
)


def write_parquet(out: BinaryIO, header: Header, items: Iterable[Whole], told: Told) -> Written:
    """Write stories and comments as they come, ROWS at a time."""
    written = Written()
    schema = SCHEMA.with_metadata({"meydan": msgspec.json.encode(header)})
    coming = iter(items)
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        while piece := list(islice(coming, ROWS)):
            # Row by row into columns: pyarrow fills in what a kind of row does not have.
            writer.write_batch(pa.RecordBatch.from_pylist([_row_of(item) for item in piece], schema=SCHEMA))
            comments = sum(isinstance(item, WholeComment) for item in piece)
            written.comments += comments
            written.stories += len(piece) - comments
            told(comments)
    return written


def read_parquet(path: Path) -> Iterator[Header | Whole | Fault]:
    """
    What `write_parquet` wrote.

    Raises:
        NotThatFormat: it is another program's. FileCutShort: it is damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            said = (file.schema_arrow.metadata or {}).get(b"meydan")
            if said is None or not file.schema_arrow.equals(SCHEMA):
                raise NotThatFormat(
                    f"{path} has not the columns of an export of Meydan. `meydan trial` and `meydan score` read other tables."
                )
            header = msgspec.json.decode(said, type=Header)
            if header.format != FORMAT:
                raise NotThatFormat(
                    f"{path} is of format {header.format}; this Meydan reads format {FORMAT}."
                )
            yield header
            for batch in file.iter_batches(batch_size=1_000):
                for row in batch.to_pylist():
                    yield _item_of(row)
    except (pa.ArrowException, OSError, *NO_JSON, OverflowError, ValueError):
        # The last two: times and texts that Arrow carries, though they are none.
        raise FileCutShort(
            f"{path} cannot be read as Parquet to its end: it is damaged. Fetch it again."
        ) from None


def _row_of(item: Whole) -> dict[str, Any]:
    row: dict[str, Any] = {field: getattr(item, field) for field in item.__struct_fields__}
    if isinstance(item, WholeStory):
        return {"kind": "story", "story": row.pop("url")} | {
            f"story_{name}": value for name, value in row.items()
        }
    for many in ("decisions", "appeals", "reports", "looks"):
        row[many] = [msgspec.to_builtins(one, builtin_types=(datetime,)) for one in row[many]]
    row["evidence"] = [{"at": one.at, "body": bytes(one.body).decode()} for one in row["evidence"]]
    if row["proof"] is not None:
        row["proof"] = msgspec.to_builtins(row["proof"])
    row["kind"] = "comment"
    return row


def _item_of(row: dict[str, Any]) -> Whole | Fault:
    kind = row.pop("kind")
    try:
        if kind == "story":
            told = {name: row[f"story_{name}"] for name in _STORY}
            return msgspec.convert({"kind": kind, "url": row["story"], **told}, WholeStory)
        told = {"kind": kind, "story": row["story"], **{name: row[name] for name in _COMMENT}}
        told["evidence"] = [
            {"at": one["at"], "body": msgspec.Raw(one["body"].encode())} for one in told["evidence"]
        ]
        return msgspec.convert(told, WholeComment)
    except (msgspec.ValidationError, TypeError, AttributeError):
        return Fault("", "not-a-line", "It is no row that an export of ours has.")
