"""Remark42's backup comes over as it is, packed or not."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meydan.errors import FileCutShort, NotThatFormat
from meydan.exchange.reading import Taken
from meydan.exchange.record import CommentRecord, Fault, StoryRecord
from meydan.exchange.remark42 import read_remark42
from tests.exchange.made import SAMPLES

SAMPLE = SAMPLES / "remark42.jsonl"


def comments_in(taken: list[Taken]) -> dict[str, CommentRecord]:
    return {one.key: one for one in taken if isinstance(one, CommentRecord)}


def faults_in(taken: list[Taken]) -> list[Fault]:
    return [one for one in taken if isinstance(one, Fault)]


@pytest.mark.parametrize("packed", [False, True])
def test_a_backup_comes_over_as_it_is(tmp_path: Path, packed: bool) -> None:
    """If a backup is read, then pages, threads, words as typed, times and what was deleted are as they were."""
    path = tmp_path / "userbackup"
    path.write_bytes(gzip.compress(SAMPLE.read_bytes()) if packed else SAMPLE.read_bytes())
    taken = list(read_remark42(path))
    assert faults_in(taken) == []
    assert [(one.url, one.title, one.closed) for one in taken if isinstance(one, StoryRecord)] == [
        ("https://news.example/bridge", "A bridge for the valley", True),
        ("https://news.example/market", "The market moves", False),
        ("https://news.example/quiet", None, False),
    ]
    comments = comments_in(taken)
    assert {key: (one.parent, one.state) for key, one in comments.items()} == {
        "r-2": ("r-1", "approved"),
        "r-1": (None, "approved"),
        "r-3": ("r-2", "erased"),
        "r-4": ("r-3", "approved"),
        "r-5": (None, "withdrawn"),
    }
    assert (comments["r-2"].body, comments["r-2"].body_format) == ("Which one, *the old one*?", "markdown")
    assert comments["r-2"].submitted_at == datetime(2023, 4, 2, 6, 15, 30, 123456, tzinfo=UTC)
    assert (comments["r-2"].name, comments["r-2"].email, comments["r-2"].author_key) == (
        "Dara",
        "dara@reader.example",
        "github_5f01",
    )
    assert (comments["r-4"].body, comments["r-4"].body_format) == (
        "<p>Whoever deleted that: you were right.</p>",
        "html",
    )


def lines(*comments: object, first: object = {"version": 1}) -> bytes:
    return b"".join(
        one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in (first, *comments)
    )


def sound(**changed: object) -> dict[str, object]:
    return {
        "id": "a", "text": "<p>Hi</p>", "time": "2023-01-01T00:00:00Z", "user": {"name": "x", "id": "y"},
        "locator": {"url": "https://news.example/a"}, **changed,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (b"{not json\n", "not-a-comment"),
        (b'{"id": "\xff"}\n', "not-a-comment"),
        ({"id": "b"}, "not-a-comment"),
        (sound(id=""), "no-id"),
        (sound(locator={"url": ""}), "no-story"),
        (sound(time="yesterday"), "no-time"),
        (sound(time="0001-01-01T00:00:00Z"), "no-time"),
        (sound(time="2023-01-01T00:00:00"), "no-zone"),
        (sound(text="a\x00b"), "not-text"),
        (b'{"id":"b","text":"\\ud800","time":"2023-01-01T00:00:00Z","locator":{"url":"https://a.example/"}}\n', "not-a-comment"),
        (b"<post>of another format</post>\n", "not-a-comment"),
    ],
)  # fmt: skip
def test_a_bad_line_is_named_and_the_rest_comes_over(tmp_path: Path, bad: object, kind: str) -> None:
    """If a line cannot be taken, then it is a fault with its number, and the lines after it come over."""
    path = tmp_path / "backup.jsonl"
    path.write_bytes(lines(bad, sound()))
    taken = list(read_remark42(path))
    assert [(fault.place, fault.kind) for fault in faults_in(taken)] == [("line 2", kind)]
    assert list(comments_in(taken)) == ["a"]


def test_a_line_of_fifty_megabytes_is_passed_over(tmp_path: Path) -> None:
    """If a line has 50 MB, then it is a fault, what follows comes over, and it never was in memory."""
    path = tmp_path / "backup.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(lines())
        file.write(b'{"id": "' + b"x" * 50 * 2**20 + b'"}\n')
        file.write(json.dumps(sound()).encode())
    tracemalloc.start()
    taken = list(read_remark42(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [fault.kind for fault in faults_in(taken)] == ["too-long"]
    assert list(comments_in(taken)) == ["a"]
    assert peak < 45 * 2**20


def test_what_is_no_backup_is_refused(tmp_path: Path) -> None:
    """If the first line is not a backup's, of an unknown version, or in UTF-16, then the file is refused."""
    path = tmp_path / "backup.jsonl"
    for bad in (b"", b"\n", json.dumps(sound()).encode(), b"<?xml version='1.0'?>", "{}".encode("utf-16")):
        path.write_bytes(bad)
        with pytest.raises(NotThatFormat):
            list(read_remark42(path))
    path.write_bytes(lines(first={"version": 2}))
    with pytest.raises(NotThatFormat, match="version 2"):
        list(read_remark42(path))


def test_a_backup_that_ends_in_its_middle_is_told(tmp_path: Path) -> None:
    """If a packed backup is cut short or damaged, then what came before is read, and the error says that it was not all."""
    path = tmp_path / "backup.gz"
    many = lines(*(sound(id=f"c{number}", text=f"<p>{number * 7919}</p>") for number in range(3000)))
    whole = gzip.compress(many)
    path.write_bytes(whole[: len(whole) // 2])
    taken: list[Taken] = []
    with pytest.raises(FileCutShort):
        taken.extend(read_remark42(path))
    assert 100 < len(comments_in(taken)) < 3000
    assert faults_in(taken) == []
