"""Isso's database and its generic JSON come over as they are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from meydan.errors import BadSettings, FileCutShort, NotThatFormat
from meydan.exchange.isso import read_isso
from meydan.exchange.record import CommentRecord, Fault, StoryRecord
from tests.exchange.made import ISSO_COMMENTS, SAMPLES, isso

SITE = "https://news.example"


def read(path: Path, **given: object) -> tuple[list[StoryRecord], dict[str, CommentRecord], list[Fault]]:
    taken = list(read_isso(path, site=SITE, **given))  # type: ignore[arg-type]
    return (
        [one for one in taken if isinstance(one, StoryRecord)],
        {one.key: one for one in taken if isinstance(one, CommentRecord)},
        [one for one in taken if isinstance(one, Fault)],
    )


def test_a_database_comes_over_as_it_is(tmp_path: Path) -> None:
    """If an Isso's database is read, then each comment has its words, time, place in the thread and state as they were."""
    stories, comments, faults = read(isso(tmp_path / "comments.db"))
    assert [(story.url, story.title) for story in stories] == [
        ("https://news.example/water/", "Water in the summer"),
        ("https://news.example/schools/?grade=1", None),
    ]
    assert {key: comment.state for key, comment in comments.items()} == {
        "1": "approved",
        "2": "approved",
        "3": "held",
        "4": "erased",
        "5": "approved",
        "6": "withdrawn",
    }
    assert [(fault.key, fault.kind) for fault in faults] == [("3", "no-url"), ("7", "unknown-state")]
    for tid, id, parent, created, _, text, author, email in ISSO_COMMENTS[:6]:
        comment = comments[str(id)]
        assert (comment.story, comment.body, comment.body_format) == (str(tid), text, "markdown")
        assert (comment.name, comment.email) == (author or "", email or None)
        assert comment.parent == (None if parent is None else str(parent))
        assert abs(comment.submitted_at.timestamp() - float(created)) < 1e-6  # type: ignore[arg-type]
    assert comments["2"].submitted_at.microsecond == 123456


def test_nothing_is_written_beside_a_database(tmp_path: Path) -> None:
    """If a database lies where nothing can be written, then it is read, and no file appears beside it."""
    folder = tmp_path / "read only"
    folder.mkdir()
    path = isso(folder / "comments #1?.db")
    before = path.read_bytes()
    folder.chmod(0o500)
    try:
        assert len(read(path)[1]) == 6
        assert [one.name for one in folder.iterdir()] == [path.name]
    finally:
        folder.chmod(0o700)
    assert path.read_bytes() == before


def test_text_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    """If a comment's words are not UTF-8 or cannot be kept exactly, then its row is named and the others come over."""
    path = isso(
        tmp_path / "comments.db",
        comments=[
            (1, 1, None, 1.0, 1, b"\xff\xfe", "x", None),
            (1, 2, None, 1.0, 1, "a\x00b", "x", None),
            (1, 3, None, "soon", 1, "When?", "x", None),
            (1, 4, None, 1e300, 1, "Never.", "x", None),
            (1, 5, 0, 1.0, 1, "Sound.", "x", None),
        ],
    )
    _, comments, faults = read(path)
    assert list(comments) == ["5"]
    assert comments["5"].parent is None
    assert [(fault.key, fault.kind) for fault in faults[1:]] == [
        ("1", "not-utf8"),
        ("2", "not-text"),
        ("3", "no-time"),
        ("4", "no-time"),
    ]


@pytest.mark.parametrize("site", ["", "news.example", "ftp://news.example", "https://"])
def test_the_site_has_to_be_said(tmp_path: Path, site: str) -> None:
    """If the site is not said, or is no address, then it is refused before anything is read."""
    with pytest.raises(BadSettings, match="--site"):
        read_isso(isso(tmp_path / "comments.db"), site=site)


def test_what_is_no_database_of_isso_is_refused(tmp_path: Path) -> None:
    """If the file is of a newer Isso, of something else, in use, or damaged, then the error says which."""
    with pytest.raises(NotThatFormat, match="newer Isso"):
        read(isso(tmp_path / "newer.db", version=6))
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE comments (id INTEGER)")
    with pytest.raises(NotThatFormat, match="not Isso's"):
        read(other)
    used = isso(tmp_path / "used.db")
    (tmp_path / "used.db-wal").write_bytes(b"more")
    with pytest.raises(NotThatFormat, match="in use"):
        read(used)
    cut = isso(tmp_path / "cut.db")
    cut.write_bytes(cut.read_bytes()[:8192])
    with pytest.raises(FileCutShort):
        read(cut)
    with pytest.raises(NotThatFormat):
        read(tmp_path / "missing.db")


def test_generic_json_comes_over_in_its_zone() -> None:
    """If generic JSON is read with a zone, then its times are of that zone; without one, each row says so."""
    stories, comments, faults = read(SAMPLES / "isso.json", zone=ZoneInfo("Asia/Baghdad"))
    assert faults == []
    assert [story.url for story in stories] == [
        "https://news.example/water/",
        "https://news.example/schools/",
    ]
    assert set(comments) == {"/water/#1", "/water/#2", "/schools/#1"}
    assert comments["/water/#1"].submitted_at == datetime(2022, 7, 1, 17, 30, tzinfo=UTC)
    assert comments["/water/#1"].body == "Our street had **none** for nine days."
    _, comments, faults = read(SAMPLES / "isso.json")
    assert comments == {}
    assert [fault.kind for fault in faults] == ["no-zone"] * 3


def test_damaged_json_names_its_rows(tmp_path: Path) -> None:
    """If some of a generic file is damaged, then that is named and the rest comes over; all of it, then the file is."""
    path = tmp_path / "isso.json"
    path.write_text(
        '[{"id": 1}, {"id": "/a", "comments": [{"id": 1}, {"author": "x"}, {"id": 2, "text": "b", "created": "x"}]}]'
    )
    stories, comments, faults = read(path, zone=UTC)
    assert (len(stories), comments) == (1, {})
    assert [fault.kind for fault in faults] == ["not-a-thread", "no-time", "not-a-comment", "no-time"]
    path.write_text('{"id": "/a"}')
    with pytest.raises(NotThatFormat, match="generic JSON"):
        read(path)
