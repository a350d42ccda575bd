"""Files that somebody made to do harm: each is told of by row or as a whole, and the rows beside a bad one come over."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from meydan.errors import FileCutShort, NotThatFormat
from meydan.exchange import apart
from meydan.exchange.coral import read_coral
from meydan.exchange.formats import READERS, Asked
from meydan.exchange.meydan import Header, read_meydan
from meydan.exchange.parquet import SCHEMA, write_parquet
from meydan.exchange.record import CommentRecord, Fault
from meydan.whole import WholeComment
from tests.exchange.made import SAMPLES

DEEP = "[" * 100_000 + "]" * 100_000
SITE = "https://news.example"
AT = "2020-01-01T00:00:00Z"


def mongo(folder: Path, *comments: str) -> Path:
    folder.mkdir()
    for name, lines in (("users", ()), ("stories", ()), ("comments", comments)):
        (folder / f"{name}.json").write_text("".join(f"{line}\n" for line in lines))
    return folder


def coral_comment(at: object = AT, **more: object) -> str:
    told = {
        "id": "c",
        "storyID": "s",
        "status": "NONE",
        "createdAt": {"$date": at},
        "revisions": [{"body": "So."}],
    }
    return json.dumps(told | more)


def remark42(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(('{"version": 1, "users": [], "posts": []}', *lines)))
    return path


def ours(path: Path, *lines: str) -> Path:
    path.write_text("\n".join((f'{{"kind": "header", "format": 1, "program": "x", "at": "{AT}"}}', *lines)))
    return path


DEEPLY: dict[str, Callable[[Path], tuple[str, Path]]] = {
    "coral": lambda folder: ("coral", mongo(folder / "c", f'{{"id": "d", "x": {DEEP}}}', coral_comment())),
    "remark42": lambda folder: (
        "remark42",
        remark42(
            folder / "r",
            f'{{"id": "d", "time": "{AT}", "locator": {{"url": "{SITE}"}}, "x": {DEEP}}}',
            f'{{"id": "c", "time": "{AT}", "locator": {{"url": "{SITE}"}}, "text": "So."}}',
        ),
    ),
}  # fmt: skip


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize("peer", ["coral", "remark42"])
def test_what_is_nested_without_end_costs_its_own_line(tmp_path: Path, peer: str) -> None:
    """If a line nests a hundred thousand deep, then it is a fault, and the comment after it comes over."""
    name, path = DEEPLY[peer](tmp_path)
    taken = list(READERS[name](path, Asked(zone=UTC, site=SITE)))
    assert [one.kind for one in taken if isinstance(one, Fault)] in (["not-a-document"], ["not-a-comment"])
    assert [one.key for one in taken if isinstance(one, CommentRecord)] == ["c"]


def test_a_whole_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    """If what cannot be taken line by line nests a hundred thousand deep, then the file is refused, or cut short there."""
    with pytest.raises(NotThatFormat):
        list(READERS["isso"](write(tmp_path / "i", f'[{{"id": "/a", "x": {DEEP}}}]'), Asked(UTC, SITE)))
    with pytest.raises(NotThatFormat):
        list(READERS["remark42"](write(tmp_path / "r", f'{{"version": 1, "x": {DEEP}}}'), Asked()))
    taken = read_meydan(ours(tmp_path / "m", f'{{"kind": "comment", "x": {DEEP}}}'))
    first = next(taken)
    assert isinstance(first, Fault)
    assert (first.place, first.kind) == ("line 2", "not-a-line")


@pytest.mark.parametrize(
    "at", [{"$numberLong": "²"}, {"$numberLong": "--1"}, {"$numberLong": "9" * 5000}, 10**30]
)
def test_a_number_that_is_no_time_is_a_fault(tmp_path: Path, at: object) -> None:
    """If Coral's milliseconds are no number, or one that is too large, then that is a comment without a time."""
    taken = list(read_coral(mongo(tmp_path / "c", coral_comment(at))))
    assert [one.kind for one in taken if isinstance(one, Fault)] == ["no-time"]


def test_a_time_before_all_times_is_a_fault(tmp_path: Path) -> None:
    """If a time is in the first year, and before it in UTC, then that is a comment without a time."""
    thread = {"id": "/a", "comments": [{"id": 1, "created": "0001-01-01 00:00:00", "text": "So."}]}
    path = write(tmp_path / "i", json.dumps([thread]))
    taken = list(READERS["isso"](path, Asked(ZoneInfo("Asia/Baghdad"), SITE)))
    assert [one.kind for one in taken if isinstance(one, Fault)] == ["no-time"]


def test_a_zip_that_cannot_be_unpacked_is_told(tmp_path: Path) -> None:
    """If a zip is packed in a way that is not known, or damaged inside, then that is said, with what to do."""
    path = tmp_path / "c.zip"
    for packing, damage, error in (
        (zipfile.ZIP_STORED, "method", NotThatFormat),
        (zipfile.ZIP_LZMA, "body", FileCutShort),
    ):
        with zipfile.ZipFile(path, "w", packing) as packed:
            for name in ("users", "stories", "comments"):
                packed.writestr(f"{name}.csv", "x,y\n" * 500)
        body = bytearray(path.read_bytes())
        if damage == "method":
            # 9: as Windows packs what is large.
            body = bytearray(
                body.replace(b"PK\x03\x04\x14\x00\x00\x00\x00\x00", b"PK\x03\x04\x14\x00\x00\x00\x09\x00")
            )
            body = bytearray(
                body.replace(
                    b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x00\x00",
                    b"PK\x01\x02\x14\x03\x14\x00\x00\x00\x09\x00",
                )
            )
        else:
            body[60:90] = bytes(byte ^ 0x55 for byte in body[60:90])
        path.write_bytes(body)
        with pytest.raises(error):
            list(read_coral(path))


def test_columns_that_hold_no_times_are_damage(tmp_path: Path) -> None:
    """If a Parquet file of ours holds a time or a text that is none, then it is said to be damaged."""
    path = tmp_path / "c.parquet"
    comment = WholeComment("c", f"{SITE}/a", "approved", datetime(2020, 1, 1, tzinfo=UTC), text="So.")
    with path.open("wb") as out:
        write_parquet(out, Header(1, "x", datetime(2020, 1, 1, tzinfo=UTC)), [comment], lambda _: None)
    sound = pq.read_table(path)
    assert sound.schema.equals(SCHEMA)
    late = pa.array([2**62], pa.int64()).cast(SCHEMA.field("submitted_at").type)
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0"), pa.py_buffer(b"\xff")]
    )
    for column, value in (("submitted_at", late), ("text", broken)):
        place = SCHEMA.get_field_index(column)
        pq.write_table(sound.set_column(place, SCHEMA.field(column), value), path)
        with pytest.raises(FileCutShort):
            list(read_meydan(path))


def test_a_reader_that_fails_says_nothing_of_what_it_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a reader fails in a way that nobody thought of, then what came before is taken, and no word of the file is said."""
    whole = list(READERS["coral"](SAMPLES / "coral-mongo", Asked()))

    def reader(path: Path, asked: Asked) -> object:
        yield from whole
        raise KeyError("a reader's words")

    class Out:
        def __init__(self) -> None:
            self.sent: list[object] = []

        def send(self, what: object) -> None:
            self.sent.append(what)

    monkeypatch.setitem(READERS, "coral", reader)  # type: ignore[arg-type]
    out = Out()
    apart._read(out, "coral", tmp_path, Asked())  # type: ignore[arg-type]
    rows, error = out.sent
    assert isinstance(rows, list)
    assert [one[0] if isinstance(one, tuple) else one for one in rows] == whole
    assert isinstance(error, FileCutShort)
    assert "words" not in error.message
