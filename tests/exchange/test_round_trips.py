"""import(export(x)) = x: through a file of each format, and from one publication's database into another's."""

from __future__ import annotations

import io
import itertools
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from meydan.cli.main import app
from meydan.exchange.disqus import read_disqus
from meydan.exchange.formats import READERS, Asked
from meydan.exchange.meydan import read_meydan, read_whole, write_jsonl
from meydan.exchange.reading import Taken
from meydan.exchange.record import CommentRecord, Fault, StoryRecord
from meydan.exchange.taking import Line, Summary, take
from meydan.exchange.to_disqus import write_disqus
from meydan.exchange.to_wordpress import write_wxr
from meydan.exchange.wordpress import read_wordpress
from meydan.intake import Intake
from meydan.policy import load
from meydan.store import Store
from meydan.whole import WholeComment
from tests.exchange.strategies import threads
from tests.exchange.test_whole import HEADER
from tests.keeping.lived import live, room_at

Records = list[StoryRecord | CommentRecord]

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
GUIDELINES = load()
FILES = {
    "jsonl": ("a.jsonl", "meydan"),
    "parquet": ("a.parquet", "meydan"),
    "wxr": ("a.xml.gz", "wordpress"),
    "disqus": ("a.xml", "disqus"),
}


# -- records -> file -> records ---------------------------------------------------


def as_read(taken: list[Taken]) -> tuple[dict[str, StoryRecord], list[CommentRecord]]:
    """Stories by their addresses, and comments that name their story by its address, as ours do."""
    assert [one for one in taken if isinstance(one, Fault)] == []
    stories = {one.key: one for one in taken if isinstance(one, StoryRecord)}
    return (
        {one.url: one for one in stories.values()},
        [
            replace(one, story=stories[one.story].url, place="")
            for one in taken
            if isinstance(one, CommentRecord)
        ],
    )


@settings(max_examples=30)
@given(threads())
def test_what_went_out_as_wxr_comes_in_again(
    tmp_path_factory: pytest.TempPathFactory, records: Records
) -> None:
    """If records are written as WXR and read as WordPress' are, then every field of every comment is as it was."""
    path = tmp_path_factory.mktemp("wxr") / "a.xml"
    out = io.BytesIO()
    write_wxr(out, records, lambda _: None, at=NOW)
    path.write_bytes(out.getvalue())
    stories, comments = as_read(list(read_wordpress(path)))
    assert comments == [one for one in records if isinstance(one, CommentRecord)]
    written = {one.story for one in comments}
    for story in records:
        if isinstance(story, StoryRecord) and story.url in written:
            assert stories[story.url].closed == story.closed


@settings(max_examples=30)
@given(threads())
def test_what_went_out_as_disqus_xml_comes_in_again(
    tmp_path_factory: pytest.TempPathFactory, records: Records
) -> None:
    """If records are written as Disqus XML and read as Disqus' are, then every field of all that did not wait is as it was."""
    path = tmp_path_factory.mktemp("disqus") / "a.xml"
    out = io.BytesIO()
    write_disqus(out, sorted(records, key=lambda one: isinstance(one, CommentRecord)), lambda _: None, at=NOW)
    path.write_bytes(out.getvalue())
    stories, comments = as_read(list(read_disqus(path)))
    assert comments == [one for one in records if isinstance(one, CommentRecord) and one.state != "held"]
    assert {one.url: one.closed for one in records if isinstance(one, StoryRecord)} == {
        url: story.closed for url, story in stories.items()
    }


# -- database -> file -> database --------------------------------------------------


class Newsroom:
    """A publication's database, an empty one to begin with, and the way in and out by the command line's parts."""

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder / str(number)
        self.folder.mkdir()
        template = folder / "template.db"
        if not template.exists():
            Store.open(f"sqlite:///{template}").close()
        self.url = f"sqlite:///{self.folder / 'meydan.db'}"
        shutil.copy(template, self.folder / "meydan.db")

    def take(self, records: Iterator[Taken], source: str) -> tuple[Summary, list[Line]]:
        store = Store.open(self.url)
        lines: list[Line] = []
        try:
            intake = Intake(
                store, source=source, guidelines=GUIDELINES, clock=lambda: NOW, entropy=secrets.token_bytes, secret=b"s" * 32
            )  # fmt: skip
            return take(records, intake, report=lines.append, batch=7), lines
        finally:
            store.close()

    def export(self, format: str, *options: str) -> Path:
        path = self.folder / f"{len(list(self.folder.iterdir()))}-{FILES[format][0]}"
        ran = CliRunner().invoke(
            app, ["export", str(path), "--format", format, "--database", self.url, *options],
            env={"MEYDAN_DATA": str(self.folder)},
        )  # fmt: skip
        assert ran.exit_code == 0, ran.output
        return path

    def kept(self) -> dict[str, CommentRecord]:
        """Every comment as the neutral record has it, by its id here."""
        taken = list(read_meydan(self.export("jsonl")))
        return {one.key: replace(one, place="") for one in taken if isinstance(one, CommentRecord)}


@pytest.fixture(scope="module")
def newsrooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    folder = tmp_path_factory.mktemp("newsrooms")
    return (Newsroom(folder, number) for number in itertools.count())


def check_same(before: Newsroom, after: Newsroom, format: str) -> None:
    """All that one has, the other has: field by field, but for ids and authors, which are new and alike for like."""
    there, here = before.kept(), after.kept()
    names = _names(after)
    by_name = {names[key]: one for key, one in here.items()}
    expected = {key: one for key, one in there.items() if format != "disqus" or one.state != "held"}
    assert set(by_name) == set(expected)
    for key, one in expected.items():
        other = by_name[key]
        parent = None if other.parent is None else names[other.parent]
        # What waits does not travel as Disqus XML, so a reply to it begins a thread.
        assert parent == (one.parent if one.parent in expected else None)
        for field in fields(CommentRecord):
            if field.name not in ("key", "parent", "author_key"):
                assert getattr(other, field.name) == getattr(one, field.name), (field.name, one, other)
    authors = {(one.author_key, by_name[key].author_key) for key, one in expected.items()}
    assert len({one for one, _ in authors}) == len({other for _, other in authors}) == len(authors)


def _names(newsroom: Newsroom) -> dict[str, str]:
    """Where each comment came from, by its id here."""
    return {
        one.id: one.source_key or ""
        for one in read_whole(newsroom.export("jsonl"))
        if isinstance(one, WholeComment)
    }


@settings(max_examples=4)
@given(
    threads(
        site="http://localhost",
        times=st.integers(0, 36 * 365 * 24 * 3600 * 10**6).map(
            lambda micros: NOW - timedelta(microseconds=micros)
        ),
    ),
    st.sampled_from(sorted(FILES)),
)
def test_one_newsroom_becomes_another(newsrooms: Iterator[Newsroom], records: Records, format: str) -> None:
    """If what a publication has is exported and imported elsewhere, then all of it is there; and a second time adds nothing."""
    before, after = next(newsrooms), next(newsrooms)
    before.take(iter(records), "elsewhere")
    path, reader = before.export(format), READERS[FILES[format][1]]
    summary, lines = after.take(reader(path, Asked()), "before")
    assert not [line for line in lines if not line.taken]
    assert summary.complete
    check_same(before, after, format)
    again, _ = after.take(reader(path, Asked()), "before")
    assert (sum(again.taken.values()), again.already) == (0, sum(summary.taken.values()))


@pytest.mark.parametrize("format", sorted(FILES))
def test_a_lived_newsroom_moves_out(newsrooms: Iterator[Newsroom], format: str) -> None:
    """If a publication in which something of everything was done moves out and in, then all that may travel has travelled."""
    before, after = next(newsrooms), next(newsrooms)
    room = room_at(before.url)
    live(room)
    room.store.close()
    summary, lines = after.take(
        READERS[FILES[format][1]](before.export(format, "--with-escalated"), Asked()), "before"
    )
    assert not [line for line in lines if not line.taken]
    assert summary.complete
    there = {key: one for key, one in before.kept().items() if format != "disqus" or one.state != "held"}
    names = _names(after)
    here = {names[key]: one for key, one in after.kept().items()}
    assert set(here) == set(there)
    same = ("name", "body", "submitted_at", "email", "language", "rules", "decided_at", "body_format")
    for key, one in there.items():
        if one.state != "erased":
            assert {name: getattr(here[key], name) for name in same} == {
                name: getattr(one, name) for name in same
            }
            assert here[key].state == one.state


def test_a_file_of_lines_is_read_by_the_command(tmp_path: Path) -> None:
    """If the command line's table of formats is asked for ours, then it reads what we wrote."""
    path = tmp_path / "a.jsonl"
    out = io.BytesIO()
    write_jsonl(out, HEADER, [], lambda _: None)
    path.write_bytes(out.getvalue())
    assert list(READERS["meydan"](path, Asked())) == []
