"""`meydan export`: all that a publication keeps of its comments, as a file, from either database, beside who writes."""

from __future__ import annotations

import gzip
import json
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from meydan.cli.main import app
from meydan.comment import Evidence, Hold
from meydan.exchange.meydan import header_of, read_meydan, read_whole
from meydan.exchange.record import CommentRecord, Fault
from meydan.ledger import commitment_of
from meydan.store import Store, exports
from meydan.store.carrying import snapshot
from meydan.store.exports import Exports, Wanted
from meydan.whole import WholeComment, WholeStory
from tests.desk.conftest import ABUSIVE, STORY
from tests.keeping.lived import WORDS, live, room_at
from tests.postgresql import PostgreSQL
from tests.store import making
from tests.store.making import approved, new_comment

AWAY = "http://localhost/another"

ON_SQLITE = pytest.mark.parametrize("lived", ["sqlite"], indirect=True)
"""What does not depend on the kind of database."""


class Lived:
    """A database in which something of everything was done."""

    def __init__(self, url: str) -> None:
        self.url = url
        room = room_at(url)
        self.ids = live(room)
        self.ids["elsewhere"] = room.send(story_url=AWAY, email="dara@reader.example").id
        room.desk.pick(self.ids["reply"], picked=True, by="Zîn")
        room.store.upsert_story(
            AWAY, title="Another, with <b> & ]]>", text=None, language="en", open=False, closes_at=None, mode="off",
            at=room.clock.now,
        )  # fmt: skip
        unconfirmed = new_comment("Not confirmed: quince.", holds=(Hold.UNVERIFIED,), story_url=AWAY)
        room.store.receive(unconfirmed)
        self.unconfirmed = unconfirmed.id
        self.store = room.store


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    if request.param == "sqlite":
        lived = Lived(f"sqlite:///{tmp_path_factory.mktemp('lived') / 'meydan.db'}")
        yield lived
        lived.store.close()
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.new_database()
    lived = Lived(url)
    yield lived
    lived.store.close()
    server.drop(url)


def export(lived: Lived, to: Path | str, *options: str, expect: int = 0) -> Any:
    ran = CliRunner().invoke(
        app,
        ["export", str(to), "--database", lived.url, "--json", *options],
        env={"MEYDAN_DATA": str(Path(to).parent if to != "-" else Path()) + "/data"},
    )
    assert ran.exit_code == expect, ran.output
    assert ran.exception is None or isinstance(ran.exception, SystemExit)
    return ran.stdout_bytes if to == "-" else json.loads(ran.stdout if expect == 0 else ran.stderr)


def comments_in(path: Path) -> dict[str, WholeComment]:
    return {one.id: one for one in read_whole(path) if isinstance(one, WholeComment)}


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet"])
def test_an_export_holds_all_that_is_kept(lived: Lived, tmp_path: Path, name: str) -> None:
    """If everything is exported, then each comment is there as the store has it, with every decision and what it rests on."""
    path = tmp_path / name
    told = export(lived, path)
    assert (told["comments"], told["stories"], told["covered"]) == (11, 2, 1)
    assert told["left_out"] == {"unconfirmed": 1}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found, store = comments_in(path), lived.store
    assert set(found) >= set(lived.ids.values())
    assert found[lived.ids["odd"]].text == WORDS
    for id, whole in found.items():
        kept = store.comment(id)
        assert kept is not None
        same = ("id", "parent", "submitted_at", "language", "status", "seq", "judged_at", "withdrawn_at", "erased_at",
                "escalated", "badge", "written_by")  # fmt: skip
        assert {field: getattr(whole, field) for field in same} == {
            field: getattr(kept, field) for field in same
        }
        assert (whole.story, whole.holds) == (kept.story_url, tuple(kept.holds))
        assert (whole.picked_at is not None) == kept.picked
        hidden = (None, None, None) if whole.covered else (kept.name, kept.text, kept.email)
        assert (whole.name, whole.text, whole.email) == hidden
        assert [
            (one.seq, one.at, one.verdict, one.decided_by, one.by, [msgspec.to_builtins(why) for why in one.reasons],
             one.guidelines, one.model, one.calibration, None if whole.covered else one.note)
            for one in whole.decisions
        ] == [
            (one.seq, one.decided_at, one.decision.verdict, one.decision.decided_by, one.decision.by,
             msgspec.to_builtins(list(one.decision.reasons)), one.decision.guidelines, one.decision.model,
             one.decision.calibration, None if whole.covered else one.note)
            for one in store.decisions(id)
        ]  # fmt: skip
        evidence = store.evidence(id)
        if whole.covered or evidence is None:
            assert whole.evidence == ()
        else:
            assert msgspec.json.decode(whole.evidence[-1].body, type=Evidence) == evidence
        assert [(one.seq, one.at) for one in whole.appeals] == [
            (one.seq, one.at) for one in store.appeals(id)
        ]
    assert [one.words for one in found[lived.ids["approved"]].reports] == ["Is it?"]
    assert found[lived.ids["superseded"]].decisions[1].note == "On second thoughts."
    assert {one.url: one.open for one in read_whole(path) if isinstance(one, WholeStory)} == {
        STORY: True,
        AWAY: False,
    }


def test_no_export_holds_a_key(lived: Lived, tmp_path: Path) -> None:
    """If anything is exported, with proofs too, then no keyed hash of an author, address or session is in it."""
    path = tmp_path / "a.jsonl"
    export(lived, path, "--with-proofs", "--with-escalated")
    said = path.read_text()
    with making.around(lived.url) as connection:
        keys = [
            key
            for row in connection.execute(
                "SELECT author_key, address_key, fingerprint, reader_key FROM comment"
            ).fetchall()
            for key in row
            if key
        ]
    assert len(keys) > 20
    assert [key for key in keys if key in said] == []


@ON_SQLITE
def test_addresses_proofs_and_escalated_words_as_they_are_asked_for(lived: Lived, tmp_path: Path) -> None:
    """If addresses are left out they are gone; if proofs are asked for, they prove; what was escalated is there when asked for."""
    without = tmp_path / "without.jsonl"
    export(lived, without, "--without-emails")
    assert "reader.example" not in without.read_text()
    assert not header_of(without).emails
    assert all(one.proof is None for one in comments_in(without).values())
    path = tmp_path / "proofs.jsonl"
    assert export(lived, path, "--with-proofs", "--with-escalated")["covered"] == 0
    found = comments_in(path)
    assert found[lived.ids["escalated"]].text == "I will find you and kill you."
    for one in found.values():
        assert one.proof is not None
        assert (one.proof.salt is None) == (one.erased_at is not None)
        if one.proof.salt is not None:
            assert one.text is not None
            assert commitment_of(bytes.fromhex(one.proof.salt), one.text).hex() == one.proof.commitment


def test_only_what_is_asked_for_is_exported(lived: Lived, tmp_path: Path) -> None:
    """If states, a story or a time are named, then those comments are exported and no others."""
    path = tmp_path / "all.jsonl"
    export(lived, path)
    every = comments_in(path)
    middle = every[lived.ids["erased"]].submitted_at
    asked: list[tuple[tuple[str, ...], Callable[[WholeComment], bool]]] = [
        (("--only", "approved"), lambda one: one.state == "approved"),
        (("--only", "held", "--only", "erased"), lambda one: one.state in ("held", "erased")),
        (("--only", "withdrawn"), lambda one: one.state == "withdrawn"),
        (("--story", AWAY + "#top"), lambda one: one.story == AWAY),
        (("--since", "2026-11-24"), lambda one: False),
        (("--until", "2026-11-23T15:00:00.011+03:00"), lambda one: one.submitted_at < middle),
        (("--since", "2026-11-23T12:00:00.011Z"), lambda one: one.submitted_at >= middle),
    ]
    for number, (options, holds) in enumerate(asked):
        some = tmp_path / f"{number}.jsonl"
        export(lived, some, *options)
        assert set(comments_in(some)) == {id for id, one in every.items() if holds(one)}, options


@ON_SQLITE
@pytest.mark.parametrize(
    ("to", "options", "code"),
    [
        ("a.xml", (), "M302"),
        ("a.jsonl", ("--format", "csv"), "M302"),
        ("a.parquet.gz", (), "M302"),
        ("a.jsonl", ("--only", "shown"), "M302"),
        ("a.jsonl", ("--since", "yesterday"), "M302"),
        ("a.jsonl", ("--until", "2026-01-01T00:00:00"), "M302"),
        ("a.jsonl", ("--story", "news.example/a"), "R113"),
        ("a.jsonl", ("--story", "https://news.example/never"), "R108"),
        ("no/folder/a.jsonl", (), "U201"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    lived: Lived, tmp_path: Path, to: str, options: tuple[str, ...], code: str
) -> None:
    """If what is asked for cannot be, then the error has its code, and no file is left."""
    expect = {"M": 2, "R": 1, "U": 75}[code[0]]
    assert export(lived, tmp_path / to, *options, expect=expect)["code"] == code
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == []


@ON_SQLITE
def test_nothing_is_written_over(lived: Lived, tmp_path: Path) -> None:
    """If the file is there already, then it stays as it is."""
    path = tmp_path / "a.jsonl"
    path.write_text("mine")
    assert export(lived, path, expect=1)["code"] == "R118"
    assert path.read_text() == "mine"


@ON_SQLITE
@pytest.mark.parametrize("format", ["jsonl", "parquet", "wxr", "disqus"])
def test_standard_output_takes_every_format(lived: Lived, tmp_path: Path, format: str) -> None:
    """If an export goes to standard output, then it is the export that a file would hold, and the rest is said elsewhere."""
    body = export(lived, "-", "--format", format)
    if format in ("jsonl", "parquet"):
        path = tmp_path / "a"
        path.write_bytes(body)
        assert len(comments_in(path)) == 11
    else:
        assert body.startswith(b"<?xml")
        assert body.rstrip().endswith((b"</rss>", b"</disqus>"))


@ON_SQLITE
def test_xml_tells_what_it_left_out(lived: Lived, tmp_path: Path) -> None:
    """If comments go out as XML, then what waits is left out of Disqus', and characters that XML cannot spell are counted."""
    export(lived, tmp_path / "a.jsonl")
    held = sum(one.state == "held" for one in comments_in(tmp_path / "a.jsonl").values())
    told = export(lived, tmp_path / "d.xml", "--format", "disqus")
    assert told["left_out"] == {"held": held, "unconfirmed": 1}
    assert told["comments"] == 11 - held < 11
    told = export(lived, tmp_path / "w.xml.gz", "--format", "wxr")
    assert (told["left_out"], told["respelled"], told["stories"], told["comments"]) == (
        {"unconfirmed": 1},
        1,
        2,
        11,
    )
    assert gzip.decompress((tmp_path / "w.xml.gz").read_bytes()).startswith(b"<?xml")


@ON_SQLITE
def test_neutral_records_say_what_became_of_each(lived: Lived, tmp_path: Path) -> None:
    """If an export is imported elsewhere, then each comment says its state, rules and time of decision."""
    path = tmp_path / "a.jsonl"
    export(lived, path)
    taken = list(read_meydan(path))
    assert not any(isinstance(one, Fault) for one in taken)
    records = {one.key: one for one in taken if isinstance(one, CommentRecord)}
    states = {
        "approved": "approved", "odd": "held", "rejected": "rejected", "held": "held", "erased": "erased",
        "superseded": "rejected", "withdrawn": "withdrawn", "escalated": "erased",
    }  # fmt: skip
    assert {name: records[lived.ids[name]].state for name in states} == states
    assert records[lived.ids["superseded"]].rules == ("abuse",)
    assert records[lived.ids["reply"]].parent == lived.ids["approved"]
    assert records[lived.ids["rejected"]].body == ABUSIVE


def test_an_export_is_of_one_moment(store: Store, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If comments come and go while an export reads, then it holds what was there when it began, and nobody waited."""
    monkeypatch.setattr(exports, "PIECE", 5)
    ids = [approved(store, f"Number {number}.") for number in range(13)]
    with snapshot(database_url) as source:
        reading = Exports(source, Wanted())
        assert reading.count() == len(ids)
        coming = reading.comments()
        first = next(coming)

        def meanwhile() -> None:
            approved(store, "Later.")
            store.erase(ids[-1], leaf=b"erased", at=making.later())

        other = threading.Thread(target=meanwhile)
        other.start()
        other.join(timeout=10)
        assert not other.is_alive()
        found = [first, *coming]
    assert [one.id for one in found] == ids
    assert found[-1].text == "Number 12."
    with snapshot(database_url) as source:
        assert Exports(source, Wanted()).count() == len(ids) + 1
        gone = next(one for one in Exports(source, Wanted(only=("erased",))).comments())
        assert (gone.id, gone.text, gone.state) == (ids[-1], None, "erased")
        assert gone.erased_at is not None
        since = Wanted(since=gone.submitted_at, until=gone.submitted_at + timedelta(microseconds=1))
        assert [one.id for one in Exports(source, since).comments()] == [gone.id]
