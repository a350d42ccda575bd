"""An archive comes in whole: threads, states and counts are what they would be by the ordinary way; on both databases."""

from __future__ import annotations

import contextlib
import copy
import fcntl
import io
import itertools
import json
import secrets
import sqlite3
import statistics
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meydan import keeping
from meydan.comment import Comment, DecidedBy, Status, Verdict
from meydan.errors import FileCutShort, StoreUnavailable
from meydan.exchange.meydan import read_meydan
from meydan.exchange.record import CommentRecord, Fault, StoryRecord
from meydan.exchange.taking import Line, Summary, take
from meydan.intake import Intake
from meydan.policy import load
from meydan.store import Erasures, Store
from meydan.store.carrying import snapshot
from meydan.store.hand import FarHand, Hand
from meydan.whole import WholeComment, WholeDecision

STORY = StoryRecord("s", "http://localhost/stories/one", "One")
OTHER = StoryRecord("t", "http://localhost/stories/two", "Two")
BEGAN = datetime(2015, 6, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 29, tzinfo=UTC)
GUIDELINES = load(None)


def comment(key: str, parent: str | None = None, **given: Any) -> CommentRecord:
    said: dict[str, Any] = {
        "key": key,
        "story": "s",
        "name": "Rojin",
        "body": f"<p>Number {key} &amp; more.</p>",
        "submitted_at": BEGAN + timedelta(seconds=len(key)),
        "state": "approved",
        "parent": parent,
        "body_format": "html",
        "place": f"line {key}",
    }
    return CommentRecord(**{**said, **given})


class Archive:
    """Takes records into a store as source "other"; the report's lines are in `lines`."""

    def __init__(self, store: Store, source: str = "other") -> None:
        self.store = store
        self.lines: list[Line] = []
        self.intake = Intake(
            store,
            source=source,
            guidelines=GUIDELINES,
            clock=lambda: NOW,
            entropy=secrets.token_bytes,
            secret=b"s" * 32,
        )

    def take(self, *given: Any, batch: int = 3, records: Iterator[Any] | None = None, **more: Any) -> Summary:
        self.lines = []
        return take(records or iter(given), self.intake, report=self.lines.append, batch=batch, **more)

    def comment(self, key: str) -> Comment:
        found = self.store.comment(self.intake.known([key])[key].id)
        assert found is not None
        return found

    def shape(self, url: str = STORY.url) -> dict[str, tuple[str | None, str | None]]:
        """What readers see of a story, by the keys of before: parent and text, None for a tombstone."""
        keys = {one.id: key for key, one in self.intake.known([f"{n}" for n in range(100)]).items()}
        page = self.store.page(url, sort="oldest", after=None, limit=200)
        return {
            keys[one.id]: (None if one.parent is None else keys[one.parent], one.text)
            for one in page.comments
        }

    def kinds(self) -> list[tuple[str | None, str]]:
        return [(line.key, line.kind) for line in self.lines]


@pytest.fixture
def archive(store: Store) -> Archive:
    return Archive(store)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('shared') / 'meydan.db'}")
    yield store
    store.close()


def test_each_state_arrives_as_what_it_was(archive: Archive) -> None:
    """
    If comments of every state come in, then they are approved, rejected, held, withdrawn or erased here, with their times.
    """
    summary = archive.take(
        STORY,
        comment("1", decided_at=BEGAN + timedelta(days=1), email="rojin@mail.example"),
        comment("2", state="rejected", reason="spam"),
        comment("3", state="held"),
        comment("4", state="withdrawn"),
        comment("5", "4"),
        comment("6", state="erased", body=""),
        comment("7", "6"),
        comment("8", state="withdrawn"),
        comment("9", state="rejected", rules=("abuse", "no-rule-of-ours")),
    )
    assert summary.complete
    assert summary.taken == {"approved": 3, "rejected": 2, "held": 1, "withdrawn": 2, "erased": 1}
    assert archive.shape() == {
        "1": (None, "Number 1 & more."),
        "4": (None, None),
        "5": ("4", "Number 5 & more."),
        "6": (None, None),
        "7": ("6", "Number 7 & more."),
    }
    first = archive.comment("1")
    assert (first.kept, first.format, first.email) == (
        "<p>Number 1 &amp; more.</p>",
        "html",
        "rojin@mail.example",
    )
    assert first.submitted_at == BEGAN + timedelta(seconds=1)
    (decided,) = archive.store.decisions(first.id)
    assert decided.decision.decided_by is DecidedBy.IMPORT
    assert (decided.decision.verdict, decided.decided_at) == (Verdict.APPROVE, BEGAN + timedelta(days=1))
    held = archive.comment("3")
    assert held.status is Status.HELD
    assert [one.id for one in archive.store.queue(limit=10)[0]] == [held.id]
    (rejected,) = archive.store.decisions(archive.comment("9").id)
    assert [reason.rule for reason in rejected.decision.reasons] == ["abuse"]
    assert archive.comment("6").text is None
    assert archive.store.counts([STORY.url]) == {STORY.url: 3}
    assert _proved(archive.store) == 9


def test_an_archive_is_taken_once(archive: Archive) -> None:
    """
    If an archive comes again, whole or with more in it, then only what is missing is added.
    """
    records = [STORY, comment("1"), comment("2", "1"), comment("3", "2"), comment("4")]
    archive.take(*records[:3])
    summary = archive.take(*records)
    assert (summary.already, summary.taken.total()) == (2, 2)
    again = archive.take(*records)
    assert (again.already, again.taken.total(), again.complete) == (4, 0, True)
    archive.store.erase(archive.comment("1").id, leaf=b"gone", at=NOW)
    assert archive.take(*records).already == 4
    assert archive.comment("1").text is None
    changed = archive.take(STORY, comment("2", "1", body="other words"))
    assert archive.kinds() == [("2", "changed")]
    assert not changed.complete
    assert Archive(archive.store, "elsewhere").take(*records).taken.total() == 4


def test_what_cannot_be_taken_is_told(archive: Archive) -> None:
    """
    If rows are of no use, then each has a line with its place and why, and all others are taken.
    """
    summary = archive.take(
        STORY,
        StoryRecord("foreign", "https://elsewhere.example/a"),
        StoryRecord("none", "not an address"),
        StoryRecord("s", "http://localhost/another"),
        comment("1"),
        comment("1", body="twice"),
        comment("2", story="foreign"),
        comment("3", story="none"),
        comment("4", story="nobody's"),
        comment("5", body="x" * 100_001),
        comment("6", body="a\x00b"),
        comment("7", body="a\ud800b"),
        comment("8", submitted_at=BEGAN.replace(tzinfo=None)),
        comment("9", submitted_at=NOW + timedelta(days=400)),
        comment("10", body=" \u200b "),
        Fault("line 77", "no-id", "It has no id."),
        comment("11", "missing"),
        comment("12", "13", story="t"),
        comment("13"),
        OTHER,
        batch=100,
    )
    assert sorted(archive.kinds(), key=str) == sorted(
        [
            ("s", "duplicate-id"), ("1", "duplicate-id"), ("2", "foreign-story"), ("3", "no-address"), ("4", "no-story"),
            ("5", "too-long"), ("6", "not-text"), ("7", "not-text"), ("8", "no-zone"), ("9", "no-time"), ("10", "empty"),
            (None, "no-id"), ("11", "parent-missing"), ("12", "parent-elsewhere"),
        ],
        key=str,
    )  # fmt: skip
    assert summary.taken == {"approved": 4}
    assert all("Number" not in line.message for line in archive.lines)
    assert archive.shape() == {key: (None, f"Number {key} & more.") for key in ("1", "11", "13")}


def test_replies_that_go_in_a_circle_lose_one_step(archive: Archive) -> None:
    """
    If replies go round in a circle, then the oldest of it stands at the top, with the others and what hangs on them below.
    """
    summary = archive.take(
        STORY,
        comment("1", "3", submitted_at=BEGAN + timedelta(hours=1)),
        comment("2", "1", submitted_at=BEGAN),
        comment("3", "2", submitted_at=BEGAN + timedelta(hours=2)),
        comment("4", "3", submitted_at=BEGAN - timedelta(hours=2)),
        comment("5", "5"),
    )
    assert summary.complete
    assert {key: parent for key, (parent, _) in archive.shape().items()} == {
        "2": None, "3": "2", "1": "3", "4": "3", "5": None,
    }  # fmt: skip
    assert archive.kinds() == [("5", "parent-missing"), ("2", "parent-circle")] or sorted(
        archive.kinds()
    ) == [
        ("2", "parent-circle"),
        ("5", "parent-circle"),
    ]


def test_a_dry_run_says_the_same_and_writes_nothing(archive: Archive) -> None:
    """
    If an import is tried dry, then its report is that of the real one, and the database is as it was.
    """
    records = [comment("3", "2"), STORY, comment("1"), comment("1"), comment("2", "1"), comment("4", "zz")]
    dry = archive.take(*records, dry=True)
    told = archive.lines
    assert archive.store.leaves(0, 10) == []
    assert archive.intake.known(["1", "2"]) == {}
    wet = archive.take(*records)
    assert (wet.taken, wet.notes, wet.not_taken, archive.lines) == (dry.taken, dry.notes, dry.not_taken, told)
    again = archive.take(*records[:2], dry=True)
    assert (again.already, again.taken.total()) == (1, 0)


def test_origins_of_before_are_known_by_those_of_now(archive: Archive) -> None:
    """
    If stories were at another origin then, then --origin-map finds them where they are.
    """
    old = StoryRecord("s", "https://old.example/stories/one?p=1")
    archive.take(old, comment("1"), origins={"https://old.example": "http://localhost"})
    assert archive.comment("1").story_url == "http://localhost/stories/one?p=1"


def test_what_was_read_before_a_damage_is_kept(archive: Archive) -> None:
    """
    If a file ends in its middle, then what was read before is here, parents before replies, and the whole file completes it.
    """

    def damaged() -> Iterator[Any]:
        yield from (STORY, comment("2", "1"), comment("1"))
        raise FileCutShort("It ends in its middle.")

    summary = take(damaged(), archive.intake, report=archive.lines.append)
    assert summary.broken is not None
    assert not summary.complete
    assert {key: parent for key, (parent, _) in archive.shape().items()} == {"1": None, "2": "1"}
    assert archive.take(STORY, comment("2", "1"), comment("1"), comment("3", "2")).taken == {"approved": 1}


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every commit takes longer than what comes next needs to be made ready."""
    for kind in (Hand, FarHand):

        def commit(hand: Any, whole: Any = kind.commit) -> None:
            time.sleep(0.1)
            whole(hand)

        monkeypatch.setattr(kind, "commit", commit)


def test_what_the_disk_still_has_is_known(archive: Archive, slow_disk: None) -> None:
    """If a batch is made ready before the one before is durable, then replies to that are replies, and doubles doubles."""
    given = [
        STORY,
        comment("1"),
        comment("1", body="Another."),
        comment("2", "1"),
        comment("3", "2"),
        comment("4", "3"),
    ]
    summary = archive.take(*given, batch=1)
    assert archive.kinds() == [("1", "duplicate-id")]
    assert summary.taken == {"approved": 4}
    assert {key: parent for key, (parent, _) in archive.shape().items()} == {
        "1": None,
        "2": "1",
        "3": "2",
        "4": "3",
    }
    assert archive.store.page(STORY.url, sort="oldest", after=None, limit=10).count == 4


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_beside_an_import_has_its_turns(
    archive: Archive, database_url: str, slow_disk: None
) -> None:
    """If the disk is what an import waits for, and a server has the same file, then whoever writes there waits no second."""
    file = Path(database_url.removeprefix("sqlite:///"))
    waits: list[float] = []
    ended = threading.Event()

    def write() -> None:
        with contextlib.closing(sqlite3.connect(file, timeout=10, isolation_level=None)) as other:
            while not ended.is_set():
                begun = time.monotonic()
                other.execute("BEGIN IMMEDIATE")
                waits.append(time.monotonic() - begun)
                other.execute("ROLLBACK")
                time.sleep(0.05)

    with Path(f"{file}.serving").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        beside = threading.Thread(target=write)
        beside.start()
        try:
            summary = archive.take(STORY, *(comment(str(number)) for number in range(30)), batch=1)
        finally:
            ended.set()
            beside.join()
    assert summary.taken == {"approved": 30}
    assert statistics.mean(waits) < 0.5, waits


def test_what_does_not_become_durable_is_not_counted(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a commit fails, then the import ends there with what is to be done, having counted what was durable before."""
    told: list[int] = []
    commits = itertools.count(1)
    for kind in (Hand, FarHand):

        def commit(hand: Any, whole: Any = kind.commit) -> None:
            time.sleep(0.05)
            # The first commit lets this thread take more memory; the third is the second batch's.
            if next(commits) >= 3:
                raise (
                    sqlite3.OperationalError("disk I/O error")
                    if hand.dialect == "sqlite"
                    else OSError("planted")
                )
            whole(hand)

        monkeypatch.setattr(kind, "commit", commit)
    with pytest.raises(StoreUnavailable):
        archive.take(STORY, *(comment(str(number)) for number in range(1, 9)), batch=2, told=told.append)
    monkeypatch.undo()
    assert told == [2]
    assert set(archive.intake.known([str(number) for number in range(1, 9)])) == {"1", "2"}
    # The same again completes it.
    assert archive.take(STORY, *(comment(str(number)) for number in range(1, 9)), batch=2).taken == {
        "approved": 6
    }


def test_two_imports_at_once_do_not_double(archive: Archive) -> None:
    """
    If another import puts a comment in meanwhile, then this one stops, and doubles nothing.
    """
    other = Archive(archive.store)

    def meanwhile() -> Iterator[Any]:
        yield STORY
        yield comment("1")

    known = archive.intake.known
    archive.intake.known = lambda keys: (known(keys), other.take(STORY, comment("1")))[0]  # type: ignore[method-assign]
    with pytest.raises(StoreUnavailable, match="Another import"):
        take(meanwhile(), archive.intake, report=archive.lines.append)
    assert archive.store.counts([STORY.url]) == {STORY.url: 1}


class Killed(Exception):
    """Ends an import as a kill does: nothing is done after it."""


STATES = st.sampled_from(["approved", "approved", "approved", "withdrawn", "erased", "rejected", "held"])


@st.composite
def forests(draw: st.DrawFn) -> tuple[list[CommentRecord], int, int]:
    """Comments whose parents are any of them, in any order; a batch's size; where the first run is cut."""
    size = draw(st.integers(1, 12))
    records = []
    for number in range(size):
        state = draw(STATES)
        records.append(
            comment(
                f"{number}",
                draw(st.sampled_from([None, *(f"{other}" for other in range(size) if other < number)])),
                state=state,
                body="" if state == "erased" else f"words {number}",
                submitted_at=BEGAN + timedelta(seconds=draw(st.integers(0, 3))),
            )
        )
    return draw(st.permutations(records)), draw(st.integers(1, 5)), draw(st.integers(0, size))


def _expected(records: list[CommentRecord]) -> dict[str, tuple[str | None, str | None]]:
    by_key = {one.key: one for one in records}
    below: dict[str, list[str]] = {}
    for one in records:
        if one.parent is not None:
            below.setdefault(one.parent, []).append(one.key)

    def showing(key: str) -> bool:
        one = by_key[key]
        if one.state == "approved":
            return True
        return one.state in ("withdrawn", "erased") and any(map(showing, below.get(key, ())))

    return {
        key: (one.parent, one.body if one.state == "approved" else None)
        for key, one in by_key.items()
        if showing(key)
    }


@settings(max_examples=25)
@given(forests())
def test_threads_stay_whole_in_any_order(shared: Store, forest: tuple[list[CommentRecord], int, int]) -> None:
    """
    If comments come in any order, in batches of any size, in one run or two, then readers see each below what it replies to,
    and every count is what counting says.
    """
    records, batch, cut = forest
    url = f"http://localhost/{secrets.token_hex(8)}"
    archive = Archive(shared, source=url)
    story = StoryRecord("s", url)

    def killed() -> Iterator[Any]:
        yield story
        yield from records[:cut]
        raise Killed

    with contextlib.suppress(Killed):
        archive.take(batch=batch, records=killed())
    archive.take(*records, story, batch=batch)
    assert archive.shape(url) == _expected(records)
    wrong = shared._database.all(_MISCOUNTED)
    assert wrong == []


_MISCOUNTED = """
SELECT c.id FROM comment c WHERE
   c.replies <> (SELECT count(*) FROM comment r WHERE r.parent = c.id AND r.showing = 1)
   OR c.branch <> CASE WHEN c.root IS NULL THEN (c.showing > 0) + (
        SELECT count(*) FROM comment r WHERE r.root = c.number AND r.showing > 0) ELSE 0 END
UNION ALL
SELECT s.url FROM story s WHERE s.shown <> (SELECT count(*) FROM comment c WHERE c.story = s.id AND c.showing = 1)
"""


def _proved(store: Store) -> int:
    """Every comment hashes to what was committed to, and every decision is a leaf; how many there are."""
    url = store._database._url.render_as_string(hide_password=False)
    with snapshot(url) as source:
        return keeping.back_up(source, io.BytesIO(), clock=lambda: NOW).comments


def test_a_backup_brings_imported_comments_back(archive: Archive, tmp_path: Path) -> None:
    """
    If a database with imported comments is backed up and restored, then their words are found, and a second import adds nothing.
    """
    archive.take(STORY, comment("1", body='<a href="https://news.example/">Diwan</a>'), comment("2", "1"))
    file = tmp_path / "backup"
    url = archive.store._database._url.render_as_string(hide_password=False)
    with file.open("wb") as out, snapshot(url) as source:
        keeping.back_up(source, out, clock=lambda: NOW)
    fresh = f"sqlite:///{tmp_path / 'fresh.db'}"
    with file.open("rb") as opened:
        keeping.restore(
            keeping.Backup(opened), fresh, erased=None, erasures=Erasures(tmp_path / "erased.jsonl")
        )
    restored = Store.open(fresh)
    try:
        again = Archive(restored)
        assert again.take(STORY, comment("2", "1")).already == 1
        assert again.comment("1").text == "Diwan (https://news.example/)"
        assert restored._database.all("SELECT words FROM lookup ORDER BY rowid") == [
            ("rojin diwan https news example",),
            ("rojin number 2 more",),
        ]
    finally:
        restored.close()


HOSTILE_WORDS = ("\x00", "\ud800", "\udfff\ud800", "x" * 5000, "\x1b[2J\u202e")
WORDED = ("key", "story", "parent", "name", "body", "email", "author_key", "language", "reason", "rules")


@pytest.mark.parametrize("words", HOSTILE_WORDS, ids=ascii)
def test_words_that_nothing_can_keep_cost_their_own_row(archive: Archive, words: str) -> None:
    """
    If any field of a comment is what no database keeps, or is far too long, then it is taken or told of, and the rest is here.
    """
    given: list[dict[str, Any]] = [
        {"key": f"1{number}", name: (words,) if name == "rules" else words, "place": f"line {number}"}
        for number, name in enumerate(WORDED)
    ]
    hostile = [comment(**one) for one in given]
    stories = [StoryRecord(words, STORY.url), StoryRecord("w", words), StoryRecord("v", OTHER.url, words)]
    summary = archive.take(STORY, *stories, comment("1"), *hostile, comment("2", "1"), batch=100)
    assert archive.comment("2").parent == archive.comment("1").id
    told = sum(summary.not_taken.values())
    assert summary.taken.total() + told >= len(hostile) + 2
    languages = {line.kind for line in archive.lines if line.key == f"1{WORDED.index('language')}"}
    assert languages & {"no-language", "not-text"}
    for line in archive.lines:
        assert line.key is None or (len(line.key) <= 200 and line.key.encode())
        assert line.place.encode()


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        [*HOSTILE_WORDS, "", "und", "en", "2020-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "held", "html"]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
_GOOD: dict[str, Any] = {
    "kind": "comment",
    "story": STORY.url,
    "state": "rejected",
    "status": "rejected",
    "submitted_at": "2020-01-01T00:00:00Z",
    "name": "Rojin",
    "text": "Words.",
    "seq": 1,
    "decisions": [
        {
            "seq": 1,
            "at": "2020-01-02T00:00:00Z",
            "verdict": "reject",
            "decided_by": "import",
            "by": "import",
            "reasons": [{"rule": "abuse"}],
            "note": "spam",
        }
    ],
}
_FIELDS = (
    *((name,) for name in WholeComment.__struct_fields__),
    ("kind",),
    *(("decisions", 0, name) for name in WholeDecision.__struct_fields__),
    ("decisions", 0, "reasons", 0, "rule"),
)


@settings(max_examples=60)
@given(st.data())
def test_no_value_of_a_line_stops_the_file(
    shared: Store, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """
    If any field of a line of ours is any JSON, then that row is taken or told of with its reason, and the rest of the file is
    here.
    """
    source = secrets.token_hex(8)
    bad = copy.deepcopy(_GOOD) | {"id": f"{source}-bad"}
    for _ in range(data.draw(st.integers(1, 2))):
        *way, last = data.draw(st.sampled_from(_FIELDS))
        inner: Any = bad
        for step in way:
            inner = inner[step] if isinstance(inner, list | dict) and _has(inner, step) else {}
        if isinstance(inner, dict):
            inner[last] = data.draw(json_values)
    path = tmp_path_factory.mktemp("lines") / "a.jsonl"
    lines = [
        {"kind": "header", "format": 1, "program": "x", "at": "2020-01-01T00:00:00Z"},
        {"kind": "story", "url": STORY.url},
        _GOOD | {"id": f"{source}-1"},
        bad,
        _GOOD | {"id": f"{source}-2", "parent": f"{source}-1"},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    archive = Archive(shared, source=source)
    summary = archive.take(records=read_meydan(path), batch=100)
    assert isinstance(summary.broken, FileCutShort)
    here = archive.intake.known([f"{source}-1", f"{source}-2", f"{source}-bad"])
    assert {f"{source}-1", f"{source}-2"} <= here.keys()
    refused = [line for line in archive.lines if not line.taken]
    assert len(refused) + summary.taken.total() == 3
    assert all(line.kind and line.message for line in refused)


def _has(inner: Any, step: Any) -> bool:
    return step in inner if isinstance(inner, dict) else isinstance(step, int) and step < len(inner)


def test_the_other_systems_word_for_why_is_kept(archive: Archive) -> None:
    """
    If a comment was rejected for a reason that the other system has a word for, then its decision has that for a note, as long
    as the comment has its words; what waits has no decision that could have one.
    """
    archive.take(
        STORY,
        comment("1", state="rejected", reason="spam"),
        comment("2", state="held", reason="spam"),
        comment("3", state="rejected"),
    )
    notes = {
        key: [one.note for one in archive.store.decisions(archive.comment(key).id)] for key in ("1", "2", "3")
    }
    assert notes == {"1": ["spam"], "2": [], "3": [None]}
    archive.store.erase(archive.comment("1").id, leaf=b"gone", at=NOW)
    assert [one.note for one in archive.store.decisions(archive.comment("1").id)] == [None]


def test_what_went_out_from_here_is_not_taken_again(archive: Archive) -> None:
    """
    If an export comes back to where it was made, under whatever source, then what is here is known by its own id: nothing is
    doubled, what was erased since stays erased, and a reply that is missing finds what it replies to.
    """
    archive.take(STORY, comment("1"), comment("2", "1"), comment("3"))
    first, second, third = (archive.comment(key).id for key in ("1", "2", "3"))
    archive.store.erase(third, leaf=b"gone", at=NOW)
    back = Archive(archive.store, source="meydan")
    for dry in (True, False):
        summary = back.take(
            STORY,
            comment(second, first),
            comment(first),
            comment(third, body="Words that were erased."),
            comment("a" * 24, second),
            dry=dry,
        )
        assert (summary.already, summary.taken.total(), summary.complete) == (3, 1, True)
    assert archive.comment("3").text is None
    assert back.comment("a" * 24).parent == second
    assert archive.store.counts([STORY.url]) == {STORY.url: 3}
