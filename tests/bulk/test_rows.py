"""Archives as they come: what is a row, what is none, and where each begins."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meydan.bulk.plan import Asked, plan
from meydan.bulk.rows import LONGEST_LINE, Row, read, records
from meydan.errors import BadArchive


def _all(path: Path, asked: Asked = Asked()) -> list[Row]:
    """Every row of an archive, partition by partition."""
    planned = plan(path, asked)
    return [
        row
        for one in planned.partitions
        for row in read(planned.inputs[one.file].source, begin=one.begin, first=one.first, number=one.rows)
    ]


FIELDS = st.lists(
    st.lists(st.text(alphabet='a",\né ', max_size=6), min_size=2, max_size=2), min_size=1, max_size=12
)


@given(FIELDS, st.integers(1, 5))
@example([['a\n"', ",\n"], ["", "\n"]], 1)
def test_if_fields_hold_quotation_marks_and_line_ends_then_rows_are_those_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], each: int
) -> None:
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["id", "text"], *rows])
    # Cut anywhere, they are the same rows.
    found = [(row.id or "", row.text) for row in _all(path, Asked(rows_per_part=each))]
    assert found == [tuple(row) for row in rows]


@given(st.text(alphabet='a",\n', max_size=40))
@example('"a"a\n')
def test_if_csv_is_untidy_then_it_is_cut_where_csv_says_or_set_aside(text: str) -> None:
    found = list(records(io.BytesIO(text.encode()), 0, format="csv"))
    assert "".join(text[one.begin : one.end] for one in found) == text
    if any(one.fault for one in found):
        return
    ours = [row for one in found for row in csv.reader([one.line.decode()], strict=True)]
    assert ours == list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_if_a_quotation_mark_is_never_closed_then_it_costs_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"never closed\n2,good\n3,"with\ntwo lines"\n')
    assert [(row.number, row.text, row.fault) for row in _all(path)] == [
        (1, None, "unclosed-quote"),
        (2, "good", None),
        (3, "with\ntwo lines", None),
    ]


def test_if_lines_of_json_are_bad_then_each_is_set_aside_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        b'\xef\xbb\xbf{"text": "good", "id": 7, "language": "en"}', b"", b'{"text": "cut', b'["text"]', b"\xff{}",
        b'{"text": 5}', b'{"words": "x"}', b'{"text": "half \\ud800"}', b'{"text": "null \\u0000"}',
        b"[" * 5000, b'{"text": "last", "language": 3.5}',
    ]  # fmt: skip
    path.write_bytes(b"\n".join(lines))
    rows = _all(path)
    assert [(row.number, row.fault) for row in rows] == [
        (1, None), (3, "not-json"), (4, "not-json"), (5, "not-utf-8"), (6, "no-text"), (7, "no-text"),
        (8, rows[6].fault), (9, "not-text"), (10, "not-json"), (11, None),
    ]  # fmt: skip
    assert rows[6].fault in ("not-text", "not-json")
    assert (rows[0].text, rows[0].id, rows[0].language) == ("good", "7", "en")
    whole = path.read_bytes()
    for row in rows:
        assert row.byte is not None
        assert row.byte == 3 or whole[row.byte - 1 : row.byte] == b"\n"


def test_if_a_line_has_fifty_megabytes_then_it_is_set_aside_and_memory_stays(tmp_path: Path) -> None:
    import tracemalloc

    path = tmp_path / "a.jsonl"
    with path.open("wb") as file:
        file.write(b'{"text": "before"}\n{"text": "')
        for _ in range(50):
            file.write(b"x" * 2**20)
        file.write(b'"}\n{"text": "after"}\n')
    tracemalloc.start()
    rows = _all(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(row.text, row.fault) for row in rows] == [("before", None), (None, "long-line"), ("after", None)]
    assert most < 8 * LONGEST_LINE


def test_if_groups_of_rows_do_not_fit_partitions_then_parquet_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    texts = [f"comment {i}" for i in range(2500)]
    table = pa.table(
        {"text": pa.array(texts).dictionary_encode(), "language": ["en"] * 2500, "more": list(range(2500))}
    )
    pq.write_table(table, path, row_group_size=900)
    assert [row.text for row in _all(path, Asked(rows_per_part=700))] == texts
    planned = plan(path, Asked(rows_per_part=700))
    # In any order, as other workers take them.
    for one in reversed(planned.partitions):
        rows = list(read(planned.inputs[0].source, begin=0, first=one.first, number=one.rows))
        assert [row.text for row in rows] == texts[one.first - 1 : one.first - 1 + one.rows]
        assert [row.number for row in rows] == list(range(one.first, one.first + one.rows))


def test_if_text_in_parquet_is_none_or_no_utf_8_then_the_row_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    raw = pa.array([b"good", b"\xff\xfe", None, b"nul\x00"], pa.binary())
    pq.write_table(pa.table({"text": raw.view(pa.string())}), path)
    assert [row.fault for row in _all(path)] == [None, "not-utf-8", "no-text", "not-text"]


def test_if_a_time_stands_beside_a_text_that_no_calendar_has_then_the_row_is_read_without(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    at = pa.array([0, 2**62], pa.int64()).view(pa.timestamp("us"))
    pq.write_table(pa.table({"text": ["one", "two"], "id": at, "language": ["en", "ar"]}), path)
    assert [(row.text, row.id, row.language, row.fault) for row in _all(path)] == [
        ("one", None, "en", None),
        ("two", None, "ar", None),
    ]


@pytest.mark.parametrize(
    ("name", "holds", "told"),
    [
        ("a.csv", b"id;text\n1;x\n", "id;text"),
        ("a.csv", b"text,text\nx,y\n", "more than one"),
        ("a.csv", b"", "names no columns"),
        ("a.csv", b"\xff\xfet\x00e\x00", "UTF-16"),
        ("a.csv", b"PAR1....PAR1", "Rename"),
        ("a.jsonl", b"\x1f\x8b\x08\x00", "Unpack"),
        ("a.parquet", b"id,text\n", "Rename"),
        ("a.parquet", b"PAR1 and then nothing", "cut off"),
        ("a.txt", b"words", "Names end in"),
    ],
)
def test_if_a_file_is_not_what_it_says_then_what_to_do_is_said(
    tmp_path: Path, name: str, holds: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(holds)
    with pytest.raises(BadArchive, match=told):
        plan(tmp_path / name, Asked())


def test_if_a_parquet_file_is_damaged_inside_then_the_row_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"text": [f"number {i} of many" for i in range(4000)]}), path, row_group_size=1000
    )
    whole = bytearray(path.read_bytes())
    about = pq.ParquetFile(path).metadata.row_group(2).column(0)
    begin = about.dictionary_page_offset or about.data_page_offset
    whole[begin : begin + about.total_compressed_size] = b"\xa5" * about.total_compressed_size
    path.write_bytes(whole)
    with pytest.raises(BadArchive, match="damaged at row"):
        _all(path, Asked(rows_per_part=700))


def test_if_a_folder_is_scored_then_its_files_are_taken_by_name_and_others_are_left(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a/c.jsonl", ".hidden.jsonl", "notes.txt", "_part/x.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"text": name}) + "\n")
    assert [one.name for one in plan(tmp_path, Asked()).inputs] == ["a/c.jsonl", "b.jsonl"]
