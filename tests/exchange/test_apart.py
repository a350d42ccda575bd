"""A file read by a process of its own: the same rows in the same order, no further ahead than there is room, and nothing left behind."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from benchmarks.importing import write_disqus

from meydan.errors import NotThatFormat, StoreUnavailable
from meydan.exchange.apart import read_apart
from meydan.exchange.disqus import read_disqus
from meydan.exchange.formats import Asked
from meydan.exchange.record import CommentRecord

COMMENTS = 12_000


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "disqus.xml.gz"
    write_disqus(path, COMMENTS)
    return path


def readers() -> list[psutil.Process]:
    """Processes of this one that read a file for it."""
    found = []
    for one in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "spawn_main" in " ".join(one.cmdline()):
                found.append(one)
    return found


@contextlib.contextmanager
def reading(path: Path) -> Iterator[tuple[Iterator[object], psutil.Process]]:
    """The rows that come and who reads them; afterwards neither that process nor the thread that took them is there."""
    before = readers()
    rows = read_apart("disqus", path, Asked())
    with contextlib.closing(rows):
        first = next(rows)
        (reader,) = [one for one in readers() if one not in before]
        yield itertools.chain([first], rows), reader
    assert not reader.is_running() or reader.status() == psutil.STATUS_ZOMBIE
    assert not [one for one in threading.enumerate() if one.name == "meydan-fetching"]


def test_what_comes_is_what_is_in_the_file(archive: Path) -> None:
    """If a file is read apart, then its rows come as they stand there, each comment with what it is found by."""
    with reading(archive) as (rows, _):
        came = [row[0] if isinstance(row, tuple) else row for row in rows]
    assert came == list(read_disqus(archive))
    assert sum(isinstance(row, CommentRecord) for row in came) == COMMENTS


def test_who_reads_is_not_far_ahead(archive: Path) -> None:
    """
    If whoever takes the rows pauses, then the reader comes to rest, long before it has read all. If it is killed then, what it
    had handed over is had, and then that is said with a code.
    """
    with reading(archive) as (rows, reader):
        until = time.monotonic() + 60
        spent, rested = -1.0, 0
        while rested < 4:
            assert time.monotonic() < until, "it never rests"
            time.sleep(0.3)
            now = sum(reader.cpu_times()[:2])
            spent, rested = now, rested + 1 if now == spent else 0
        reader.kill()
        had: list[object] = []
        with pytest.raises(StoreUnavailable, match="goes on from here"):
            had.extend(map(next, itertools.repeat(rows)))
        assert 250 < len(had) < COMMENTS / 3


def test_who_has_heard_enough_leaves_nothing_behind(archive: Path) -> None:
    """If only some rows are taken, then the reader ends although it has more to say."""
    with reading(archive) as (rows, reader):
        assert len(list(itertools.islice(rows, 700))) == 700
        assert reader.is_running()


def test_another_file_is_refused_as_it_would_be_here(tmp_path: Path) -> None:
    """If the file is none of that format, then the error is the reader's own."""
    path = tmp_path / "other.xml"
    path.write_text("<html/>")
    with pytest.raises(NotThatFormat):
        list(read_apart("disqus", path, Asked()))
