"""Files of decided comments: what is a row is read, what is none is told by its place, and no file brings memory down."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pytest
from pyarrow import parquet

from meydan.errors import ArchiveUnreadable, ColumnsMissing
from meydan.evaluate.trial_rows import LONGEST_BESIDE, NotTaken, Past, Reading, format_of, read_rows

ROWS = [
    {"id": "1", "text": "Well said,\nin two lines", "decision": "approved", "story": "s1", "at": "2025-03-01T10:00:00+03:00"},
    {"id": "2", "text": "هذا رأي في الخبر", "decision": "Rejected", "rules": "insult; spam", "story": "s1", "at": "2025-03-02"},
]  # fmt: skip


def write(path: Path, kind: str, rows: list[dict[str, str]]) -> Path:
    names = list(dict.fromkeys(name for row in rows for name in row))
    if kind == "csv":
        quoted = [['"' + row.get(name, "").replace('"', '""') + '"' for name in names] for row in rows]
        path.write_text(
            "\n".join([",".join(names), *(",".join(row) for row in quoted)]) + "\n", encoding="utf-8-sig"
        )
    elif kind == "jsonl":
        path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    else:
        parquet.write_table(arrow.table({name: [row.get(name) for row in rows] for name in names}), path)
    return path


def read(path: Path, kind: str | None = None, **more: Any) -> tuple[list[Past], list[NotTaken]]:
    found = list(read_rows(path, kind or format_of(path) or "csv", Reading(**more)))
    return [one for one in found if isinstance(one, Past)], [
        one for one in found if isinstance(one, NotTaken)
    ]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_the_same_rows_in_every_format(tmp_path: Path, kind: str) -> None:
    """If the same comments come as CSV, JSON lines or Parquet, packed or not, then the same is read."""
    path = write(tmp_path / f"past.{kind}", kind, ROWS)
    past, faults = read(path)
    assert faults == []
    assert [(one.text, one.approved, one.rules, one.story) for one in past] == [
        ("Well said,\nin two lines", True, (), "s1"),
        ("هذا رأي في الخبر", False, ("insult", "spam"), "s1"),
    ]
    assert [one.at for one in past] == [datetime(2025, 3, 1, 7, tzinfo=UTC), datetime(2025, 3, 2, tzinfo=UTC)]
    if kind != "parquet":
        packed = tmp_path / f"past.{kind}.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        assert read(packed)[0] == past


def test_other_names_and_words(tmp_path: Path) -> None:
    """If columns and decisions have other names, then they are read once it is said what they mean, and not guessed before."""
    path = tmp_path / "past.csv"
    path.write_text("bericht;ergebnis\nGuten Tag;1\nHallo;0\n")
    with pytest.raises(ColumnsMissing, match=r"bericht, ergebnis.* --column THEIRS=text"):
        read(path)
    named = {"bericht": "text", "ergebnis": "decision"}
    with pytest.raises(ColumnsMissing, match='no column "absent"'):
        read(path, columns={"absent": "text"})
    past, faults = read(path, columns=named)
    assert past == []
    assert {one.kind for one in faults} == {"unknown-decision"}
    assert "--approved" in faults[0].message
    past, _ = read(path, columns=named, approved=frozenset({"1"}), rejected=frozenset({"0"}))
    assert [(one.text, one.approved, one.place) for one in past] == [
        ("Guten Tag", True, "line 2"),
        ("Hallo", False, "line 3"),
    ]


def test_rows_that_are_none_are_told_by_place(tmp_path: Path) -> None:
    """If rows lack something, or are not text, or are not rows, then each is told with its line, and the others are read."""
    lines = [
        b'{"text": "fine", "decision": "approved"}',
        b"not json",
        b"[1]",
        b'{"text": "", "decision": "approved"}',
        b'{"text": 5, "decision": "approved"}',
        b'{"text": "half \\ud800", "decision": "approved"}',
        b'{"text": "latin \xe9", "decision": "approved"}',
        b'{"text": "waiting", "decision": "pending"}',
        b'{"text": "nothing said"}',
        b'{"text": "odd", "decision": "perhaps"}',
        b'{"text": "odd time", "decision": "approved", "at": "yesterday"}',
        b'{"text": "far time", "decision": "approved", "at": 1e300}',
        b'{"text": "' + b"x" * 20_001 + b'", "decision": "approved"}',
        b"[" * 100_000,
        b'{"text": "the last", "decision": "spam", "story": {"url": "https://news.example/1", "title": "One"}, "rules": ["a", "b"]}',
    ]
    path = tmp_path / "past.jsonl"
    path.write_bytes(b"\n".join(lines))
    past, faults = read(path)
    assert [(one.text, one.place) for one in past] == [("fine", "line 1"), ("the last", "line 15")]
    assert (past[1].story, past[1].title, past[1].rules) == ("https://news.example/1", "One", ("a", "b"))
    assert [(one.place, one.kind) for one in faults] == [
        ("line 2", "not-json"), ("line 3", "not-json"), ("line 4", "no-text"), ("line 5", "no-text"), ("line 6", "not-text"),
        ("line 7", "not-utf-8"), ("line 8", "undecided"), ("line 9", "undecided"), ("line 10", "unknown-decision"),
        ("line 11", "bad-time"), ("line 12", "bad-time"), ("line 13", "too-long"), ("line 14", "not-json"),
    ]  # fmt: skip
    assert all("fine" not in one.message for one in faults)
    table = tmp_path / "past.csv"
    table.write_text(
        'text,decision\nfine,approved\none,two,three\n\x00,approved\n"open,approved\nfine too,approved\n'
    )
    past, faults = read(table)
    assert [one.place for one in past] == ["line 2"]
    assert [one.kind for one in faults] == ["not-csv", "not-text", "not-csv"]


def test_a_long_text_is_never_split_into_rows(tmp_path: Path) -> None:
    """If a text of a table is longer than is read, in one line or in many, then it is one row, and no line of it is another."""
    forged = "forged,rejected\n"
    path = tmp_path / "past.csv"
    for long in (
        "x" * 2**20 + "\n" + forged * 3,
        ("x" * 200_000 + "\n" + forged) * 8,
        "x\n" + forged * 90_000,
    ):
        path.write_text(f'text,decision\nfine,approved\n"{long}",approved\n"fine\ntoo",approved\n')
        past, faults = read(path)
        assert [one.text for one in past] == ["fine", "fine\ntoo"]
        assert [(one.place, one.kind) for one in faults] == [("line 3", "line-too-long")]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_line_of_fifty_megabytes_is_passed_over(tmp_path: Path, kind: str) -> None:
    """If a line has 50 MB, then it is told, what follows is read, and memory stays small."""
    path = tmp_path / f"past.{kind}"
    good = b"fine,approved\n" if kind == "csv" else b'{"text": "fine", "decision": "approved"}\n'
    with path.open("wb") as made:
        made.write((b"text,decision\n" if kind == "csv" else b"") + good)
        for _ in range(50):
            made.write(b"x" * 1_000_000)
        made.write(b"\n" + good)
    tracemalloc.start()
    try:
        past, faults = read(path)
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()
    assert len(past) == 2
    assert [one.kind for one in faults] == ["line-too-long"]


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("past.csv", "text,decision\nإلى,approved\n".encode("utf-16"), "UTF-16"),
        ("past.csv", b"PK\x03\x04 a spreadsheet", "Export it as CSV"),
        (
            "past.csv.gz",
            gzip.compress(b"text,decision\n" + b"fine,approved\n" * 5_000)[:-20],
            "ends before its end",
        ),
        ("past.csv.gz", b"\x1f\x8bnot really", "cannot be read"),
        ("past.parquet", b"PAR1 and no more", "no Parquet file"),
        ("past.jsonl", None, "cannot be read"),
    ],
)
def test_files_that_are_not_what_they_are_called(
    tmp_path: Path, name: str, body: bytes | None, says: str
) -> None:
    """If a file is damaged, or something else, or not there, then that is said, with what to do."""
    path = tmp_path / name
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(ArchiveUnreadable, match=says):
        read(path)


@pytest.mark.parametrize("name", ["past.csv", "past.jsonl", "past.parquet"])
def test_an_empty_file_has_no_rows(tmp_path: Path, name: str) -> None:
    """If a file is empty, then there are no rows in it, and no error."""
    (tmp_path / name).write_bytes(b"")
    assert read(tmp_path / name) == ([], [])


@pytest.mark.parametrize("field", ["id", "title", "story", "story_text", "author", "moderator", "language"])
@pytest.mark.parametrize("half", ["half \ud800", "nothing \x00"])
def test_what_stands_beside_a_text_has_to_be_text_too(tmp_path: Path, field: str, half: str) -> None:
    """If half a character or a null byte stands beside a text, then the row is told before it is judged, and the others are read."""
    path = tmp_path / "past.jsonl"
    rows = [
        {"text": "one", "decision": "approved"},
        {"text": "two", "decision": "approved", field: half},
        {"text": "three", "decision": "approved", "rules": [half]},
        {"text": "four", "decision": "approved", "title": "x" * (LONGEST_BESIDE + 1)},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    past, faults = read(path)
    assert [one.text for one in past] == ["one", "three"]
    assert [(one.place, one.kind) for one in faults] == [("line 2", "not-text"), ("line 4", "too-long")]
    assert field.replace("_", " ") in faults[0].message
    # A reason is only ever shown.
    assert past[1].rules == (half[:-1].strip(),)


TIMES = [
    (arrow.timestamp("s"), 86_400, 9_467_000_000_000),
    (arrow.timestamp("ms", "Asia/Baghdad"), 86_400_000, -(2**62)),
    (arrow.timestamp("us", "Nowhere/Atall"), 86_400_000_000, 2**62),
    (arrow.timestamp("ns"), 86_400_000_000_001, None),
    (arrow.date32(), 1, 2**31 - 1),
    (arrow.date64(), 86_400_000, -(2**62)),
    (arrow.time64("ns"), None, 86_399_999_999_999),
    (arrow.duration("s"), None, 2**62),
]


@pytest.mark.parametrize(("kind", "good", "bad"), TIMES, ids=[str(kind) for kind, _, _ in TIMES])
def test_times_that_no_calendar_has(
    tmp_path: Path, kind: arrow.DataType, good: int | None, bad: int | None
) -> None:
    """If a Parquet file holds a time that cannot be, then its row is told, and the others are read."""
    whole = arrow.int32() if kind.bit_width == 32 else arrow.int64()
    at = arrow.array([good, bad, None], whole).view(kind)
    table = arrow.table({"text": ["one", "two", "three"], "status": ["approved"] * 3, "at": at})
    path = tmp_path / "past.parquet"
    parquet.write_table(table, path)
    past, faults = read(path)
    times = {one.text: one.at for one in past}
    assert times.get("one") == (datetime(1970, 1, 2, tzinfo=UTC) if good is not None else None)
    assert times["three"] is None
    assert [(one.place, one.kind) for one in faults] == ([("row 2", "bad-time")] if bad is not None else [])


def test_parquet_that_calls_bytes_text(tmp_path: Path) -> None:
    """If bytes that are no UTF-8 are called text, then their rows are told, and the file is no damaged one."""
    raw = arrow.array([b"good", b"\xff\xfe", b"fine"], arrow.binary()).view(arrow.string())
    beside = arrow.array([b"a", b"b", b"\xff"], arrow.binary()).view(arrow.string())
    path = tmp_path / "past.parquet"
    parquet.write_table(arrow.table({"text": raw, "status": ["approved"] * 3, "author": beside}), path)
    past, faults = read(path)
    assert [one.text for one in past] == ["good"]
    assert [(one.place, one.kind) for one in faults] == [("row 2", "no-text"), ("row 3", "not-text")]
