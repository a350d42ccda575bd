"""Our own formats are lossless: what was written is what is read, field for field, as lines of JSON and as Parquet."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meydan.errors import FileCutShort, NotThatFormat
from meydan.exchange.meydan import (
    FORMAT,
    Header,
    Told,
    Written,
    header_of,
    read_meydan,
    read_whole,
    record_of,
    write_jsonl,
)
from meydan.exchange.parquet import write_parquet
from meydan.exchange.reading import Taken
from meydan.exchange.record import CommentRecord, Fault, StoryRecord
from meydan.whole import Whole, WholeComment, WholeEvidence, WholeStory
from tests.exchange.strategies import comments, stories

Writer = Callable[[BinaryIO, Header, Iterable[Whole], Told], Written]

NOW = datetime(2026, 11, 29, 12, 0, 0, 5, tzinfo=UTC)
HEADER = Header(FORMAT, "0.1.0", NOW, emails=False, since=NOW, only=("approved", "held"))
WRITERS: dict[str, Writer] = {"jsonl": write_jsonl, "parquet": write_parquet}

whole = st.tuples(st.lists(stories, max_size=3), st.lists(comments, max_size=3)).map(
    lambda both: [*both[0], *both[1]]
)


@pytest.fixture(params=sorted(WRITERS))
def writer(request: pytest.FixtureRequest) -> Writer:
    return WRITERS[request.param]


def written(writer: Writer, items: list[Whole], path: Path) -> tuple[Path, Written]:
    out = io.BytesIO()
    told: list[int] = []
    made = writer(out, HEADER, items, told.append)
    assert sum(told) == made.comments
    path.write_bytes(out.getvalue())
    return path, made


def plain(items: Iterable[Whole | Fault]) -> list[object]:
    """Every field, evidence as the bytes that it is."""
    return [
        msgspec.structs.replace(
            item,
            evidence=tuple(WholeEvidence(one.at, bytes(one.body)) for one in item.evidence),  # type: ignore[arg-type]
        )
        if isinstance(item, WholeComment)
        else item
        for item in items
    ]


@pytest.mark.parametrize("kind", sorted(WRITERS))
@settings(max_examples=30)
@given(whole)
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, kind: str, items: list[Whole]
) -> None:
    """If anything is exported losslessly, then reading gives back every field of it, and the neutral records of it."""
    path, made = written(WRITERS[kind], items, tmp_path_factory.mktemp("whole") / "a")
    assert plain(read_whole(path)) == plain(items)
    assert (made.stories, made.comments) == (
        sum(isinstance(item, WholeStory) for item in items),
        sum(isinstance(item, WholeComment) for item in items),
    )
    assert header_of(path) == HEADER
    taken = list(read_meydan(path))
    assert [one for one in taken if isinstance(one, Fault)] == []
    records = {one.place: one for one in taken if isinstance(one, CommentRecord)}
    assert list(records.values()) == [
        record_of(item, place)
        for item, place in zip(
            (item for item in items if isinstance(item, WholeComment)), records, strict=True
        )
    ]
    assert [(one.url, one.title, one.closed) for one in taken if isinstance(one, StoryRecord)] == [
        (item.url, item.title, not item.open) for item in items if isinstance(item, WholeStory)
    ]


STORY = WholeStory("https://news.example/a", title="A")
COMMENT = WholeComment("c1", STORY.url, "approved", NOW, text="Well said.", name="Naz", status="approved")


def test_lines_are_what_the_page_says(tmp_path: Path) -> None:
    """If an export is read without us, then each line is an object that says its kind, with times in RFC 3339."""
    path, _ = written(write_jsonl, [STORY, COMMENT], tmp_path / "a.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["header", "story", "comment", "end"]
    assert (lines[0]["format"], lines[0]["emails"], lines[0]["proofs"]) == (1, False, False)
    assert lines[2]["submitted_at"] == "2026-11-29T12:00:00.000005Z"
    assert lines[2]["text"] == "Well said."
    assert (lines[3]["stories"], lines[3]["comments"]) == (1, 1)


def test_columns_are_what_the_page_says(tmp_path: Path) -> None:
    """If an export is read as a table, then a comment's text, time and story stand in columns of these names."""
    path, _ = written(write_parquet, [STORY, COMMENT], tmp_path / "a.parquet")
    rows = pq.read_table(path, columns=["kind", "story", "story_title", "text", "submitted_at"]).to_pylist()
    assert rows == [
        {"kind": "story", "story": STORY.url, "story_title": "A", "text": None, "submitted_at": None},
        {
            "kind": "comment",
            "story": STORY.url,
            "story_title": None,
            "text": "Well said.",
            "submitted_at": NOW,
        },
    ]


def test_rows_are_written_group_by_group(tmp_path: Path) -> None:
    """If there are more rows than are held at once, then the table has several groups, and every row once."""
    many = [msgspec.structs.replace(COMMENT, id=f"c{number}") for number in range(11_000)]
    path, made = written(write_parquet, [STORY, *many], tmp_path / "a.parquet")
    assert made.comments == len(many)
    assert pq.ParquetFile(path).num_row_groups == 3
    assert [item.id for item in read_whole(path) if isinstance(item, WholeComment)] == [
        one.id for one in many
    ]


def test_an_export_that_ends_in_its_middle_is_told(tmp_path: Path, writer: Writer) -> None:
    """If an export is cut anywhere, or changed, then reading it says so, packed or not."""
    path, _ = written(writer, [STORY, COMMENT, msgspec.structs.replace(COMMENT, id="c2")], tmp_path / "a")
    sound = path.read_bytes()
    for cut in (len(sound) - 1, len(sound) - 9, len(sound) * 2 // 3):
        if writer is write_jsonl and cut == len(sound) - 1:
            continue  # only the last line's end
        path.write_bytes(sound[:cut])
        with pytest.raises(FileCutShort):
            list(read_whole(path))
    if writer is write_jsonl:
        for changed in (
            sound.replace(b"Well said.", b"Ill said."),
            b"".join(sound.splitlines(keepends=True)[:2] + sound.splitlines(keepends=True)[3:]),
            sound + sound,
            b"\n".join(sound.splitlines()[:-1]),
        ):
            path.write_bytes(changed)
            with pytest.raises(FileCutShort):
                list(read_meydan(path))
        path.write_bytes(gzip.compress(sound)[:-9])
        with pytest.raises(FileCutShort):
            list(read_meydan(path))
        path.write_bytes(gzip.compress(sound))
        assert len(list(read_meydan(path))) == 3


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    """If lines of an export cannot be read, then each is a fault with its number, and the end says that it was changed."""
    path, _ = written(write_jsonl, [STORY, COMMENT], tmp_path / "a.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    bad = [
        b'{"kind":"comment","id":1}\n',
        b'{"kind":"like"}\n',
        b"<xml/>\n",
        b"\xff\n",
        lines[2].replace(b"Well", b"\\ud800"),
    ]
    path.write_bytes(b"".join([*lines[:2], *bad, *lines[2:]]))
    taken: list[Taken] = []
    with pytest.raises(FileCutShort, match="last line"):
        taken.extend(read_meydan(path))
    assert [(one.place, one.kind) for one in taken if isinstance(one, Fault)] == [
        (f"line {number}", "not-a-line") for number in range(3, 8)
    ]
    assert [one.key for one in taken if isinstance(one, CommentRecord)] == ["c1"]


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    """If a file is no export of ours, or of a later format, then it is refused and said why."""
    path = tmp_path / "a.jsonl"
    for bad in (
        b"",
        b"{}\n",
        b"<disqus/>",
        b'{"version":1}\n',
        b'{"kind":"end","stories":0,"comments":0,"sha256":""}\n',
    ):
        path.write_bytes(bad)
        with pytest.raises(NotThatFormat):
            list(read_meydan(path))
    path.write_bytes(msgspec.json.encode(Header(2, "9.0", NOW)) + b"\n")
    with pytest.raises(NotThatFormat, match=r"Meydan 9\.0"):
        list(read_meydan(path))
    table = tmp_path / "b.parquet"
    out = io.BytesIO()
    import pyarrow as pa

    pq.write_table(pa.table({"text": ["a"]}), out)
    table.write_bytes(out.getvalue())
    with pytest.raises(NotThatFormat, match="columns"):
        list(read_meydan(table))


def test_covered_words_come_over_as_a_tombstone() -> None:
    """If a comment's words were escalated and kept back, then what comes over is a tombstone, whatever was decided."""
    covered = msgspec.structs.replace(COMMENT, text=None, name=None, escalated=True, covered=True)
    assert record_of(covered).state == "erased"
    assert record_of(covered).body == ""
