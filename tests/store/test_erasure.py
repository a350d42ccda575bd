"""After an erasure: not a byte of the words, in any file of the data folder."""

from __future__ import annotations

import random
import re
import secrets
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from meydan.errors import NotErasable
from meydan.store import Store, database
from tests.store.making import (
    EVIDENCE,
    HOLD,
    NOON,
    REJECT,
    approved,
    around,
    decide,
    later,
    new_comment,
    receive,
    report,
)

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


class Marked:
    """A comment each of whose words and keys can be told from everything else."""

    def __init__(self, size: int) -> None:
        self.mark = secrets.token_hex(12)
        self.new = new_comment(
            (f"text-{self.mark} " * size)[: max(size * 8, 32)],
            name=f"name-{self.mark}",
            email=f"mail-{self.mark}@example.org",
            fingerprint=f"print-{self.mark}",
            author_key=f"author-{self.mark}",
            address_key=f"address-{self.mark}",
            lookup=f"look-{self.mark} {self.mark}",
        )

    def live(self, store: Store) -> None:
        """Received, held with evidence, approved and reported, rejected with a note, and appealed."""
        store.receive(self.new)
        found = EVIDENCE.__class__(model=f"evidence-{self.mark}", spans=EVIDENCE.spans)
        store.hold(self.new.id, HOLD, evidence=found, at=later())
        decide(store, self.new.id)
        report(store, self.new.id, words=f"report-{self.mark} " * 40, address_key=f"reporter-{self.mark}")
        decide(store, self.new.id, REJECT, note=f"note-{self.mark}", evidence=found)
        store.appeal(self.new.id, words=f"appeal-{self.mark}", at=later())

    def erase(self, store: Store) -> None:
        store.erase(self.new.id, leaf=b"erasure", at=later())

    def release(self, store: Store) -> None:
        """Escalated, asked in vain to be erased, and erased as the hold ends."""
        store.escalate(self.new.id, kind="threat", told="", by="Zîn", at=later())
        with pytest.raises(NotErasable):
            self.erase(store)
        assert store.end_hold(self.new.id, reason="It is over.", leaf=b"erasure", by="Mem", at=later())

    def traces(self, folder: Path) -> list[str]:
        """Files of the folder, the journal among them, that still hold any of it."""
        return [
            path.name
            for path in sorted(folder.iterdir())
            for content in [path.read_bytes()]
            if self.mark.encode() in content or self.new.salt in content
        ]


@SQLITE
@pytest.mark.parametrize("erase", [Marked.erase, Marked.release])
def test_no_byte_is_left(store: Store, tmp_path: Path, erase: Callable[[Marked, Store], None]) -> None:
    """
    If a comment is erased, at once or when its legal hold ends, then the data folder holds none of its words, keys,
    evidence, notes, appeals or readers' reports.
    """
    gone, stays = Marked(10), Marked(10)
    gone.live(store)
    stays.live(store)
    assert gone.traces(tmp_path), "the search finds what is there"
    erase(gone, store)
    assert gone.traces(tmp_path) == []
    assert stays.traces(tmp_path) != []


def erased_from_among_others(store: Store, seed: int) -> list[Marked]:
    """Comments of many sizes, nearly all of them erased, so that SQLite moves rows from page to page."""
    chance = random.Random(seed)
    comments = [Marked(chance.choice([1, 20, 60, 120, 200])) for _ in range(80)]
    for comment in comments:
        store.receive(comment.new)
    gone = chance.sample(comments, 75)
    for comment in gone:
        comment.erase(store)
    return gone


def traces_of(comments: list[Marked], folder: Path) -> list[str]:
    everything = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    return [one.mark for one in comments if one.mark.encode() in everything or one.new.salt in everything]


# With these, a moved row leaves a copy that overwriting does not reach.
SEEDS = [1, 4, 13]


@SQLITE
@pytest.mark.parametrize("seed", SEEDS)
def test_no_copy_is_left_in_any_gap(store: Store, tmp_path: Path, seed: int) -> None:
    """If rows were moved about before they were erased, then no page keeps an old copy of them."""
    assert traces_of(erased_from_among_others(store, seed), tmp_path) == []


@SQLITE
@pytest.mark.parametrize("seed", SEEDS)
def test_a_large_file_is_written_anew_later(
    store: Store, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the file is too large to be written anew at once, then the next upkeep does it, and once a day."""
    monkeypatch.setattr(database, "REWRITE_AT_ONCE_BYTES", 0)
    gone = erased_from_among_others(store, seed)
    assert traces_of(gone, tmp_path) != []
    store.expire(before=NOON)
    assert traces_of(gone, tmp_path) == []
    receive(store, "kept")
    gone = erased_from_among_others(store, seed)
    before = (tmp_path / "meydan.db").stat().st_size
    store.expire(before=NOON + timedelta(hours=23))
    assert (tmp_path / "meydan.db").stat().st_size == before
    store.expire(before=NOON + timedelta(hours=24))
    assert (tmp_path / "meydan.db").stat().st_size < before
    assert traces_of(gone, tmp_path) == []


@SQLITE
@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_left_to_do_is_done_on_opening(
    store: Store, database_url: str, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the program ended before the file was written anew, then opening the store does it."""
    with monkeypatch.context() as interrupted:
        interrupted.setattr(database, "REWRITE_AT_ONCE_BYTES", 0)
        gone = erased_from_among_others(store, seed)
        store.close()
    assert traces_of(gone, tmp_path) != []
    again = Store.open(database_url)
    assert traces_of(gone, tmp_path) == []
    again.close()


@SQLITE
def test_a_reader_delays_but_does_not_prevent(store: Store, database_url: str, tmp_path: Path) -> None:
    """If somebody reads an older state during an erasure, then the journal is emptied once they are done."""
    comment = Marked(10)
    comment.live(store)
    with around(database_url) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM words").fetchone()
        comment.erase(store)
        assert store.comment(comment.new.id).text is None  # type: ignore[union-attr]
        reader.execute("COMMIT")
    deadline = time.monotonic() + 20
    while comment.traces(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@SQLITE
def test_another_process_finishes_what_an_erasure_left(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    """If who erased is gone before a reader let go of the journal, then the next round of housekeeping empties it."""
    marked = Marked(40)
    marked.live(store)
    reader = sqlite3.connect(tmp_path / "meydan.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM words").fetchone()
    hand = Store.open(database_url)
    marked.erase(hand)
    hand.close()
    assert marked.traces(tmp_path), "nothing was left to do: the reader held nothing up"
    reader.execute("COMMIT")
    reader.close()
    store.expire(before=NOON)
    assert marked.traces(tmp_path) == []


@SQLITE
def test_killed_between_erasing_and_emptying(store: Store, database_url: str, tmp_path: Path) -> None:
    """If the program dies after an erasure was durable and before the journal was emptied, then opening empties it."""
    comment = Marked(10)
    comment.live(store)
    store.close()
    script = (
        "import os, signal, sys\n"
        "from meydan.store import Store\n"
        "from meydan.store.database import Database\n"
        "from tests.store.making import later\n"
        "store = Store.open(sys.argv[1])\n"
        "Database.scrub = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store.erase(sys.argv[2], leaf=b'erasure', at=later())\n"
    )
    root = Path(__file__).parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", script, database_url, comment.new.id],
        cwd=root,
        env={"PYTHONPATH": f"{root / 'src'}:{root}", "PATH": "/usr/bin:/bin"},
        timeout=120,
    )
    assert killed.returncode == -9
    assert comment.traces(tmp_path) != []
    again = Store.open(database_url)
    erased = again.comment(comment.new.id)
    assert erased is not None
    assert erased.erased_at is not None
    assert comment.traces(tmp_path) == []
    again.close()


@SQLITE
def test_forgotten_addresses_leave_no_byte(store: Store, tmp_path: Path) -> None:
    """If address keys expire, then the data folder does not hold them either."""
    keys = [f"address-{secrets.token_hex(12)}" for _ in range(40)]
    for key in keys:
        receive(store, address_key=key)
        report(store, approved(store), address_key=f"reporter-{key}")
    store.expire(before=later())
    everything = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert [key for key in keys if key.encode() in everything] == []


@POSTGRESQL
def test_no_row_is_left(store: Store, database_url: str) -> None:
    """If a comment is erased on PostgreSQL, then no row of any table holds any of it."""
    gone, stays = Marked(10), Marked(10)
    gone.live(store)
    stays.live(store)

    def traces(connection: Any, mark: str) -> list[str]:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return sorted(
            re.sub(r"_(before|\d{4}_\d\d)$", "", table)
            for (table,) in tables
            for (row,) in connection.execute(f"SELECT row_to_json(t)::text FROM {table} t").fetchall()
            if mark in row or mark.encode().hex() in row
        )

    with around(database_url) as connection:
        assert set(traces(connection, gone.mark)) == {
            "comment",
            "words",
            "lookup",
            "evidence",
            "note",
            "appeal",
            "report",
        }
        gone.erase(store)
        assert traces(connection, gone.mark) == []
        assert traces(connection, gone.new.salt.hex()) == []
        assert traces(connection, stays.mark) != []


def test_erasing_asks_for_overwriting(store: Store) -> None:
    """If SQLite is written to, then deleted content is overwritten and every commit waits for the disk."""
    if store.dialect == "postgresql":
        hand = store._database.writing_hand()
        assert hand.one("SHOW synchronous_commit") == ("on",)
        hand.close()
        return
    hand = store._database.writing_hand()
    settings = {
        name: hand.one(f"PRAGMA {name}")
        for name in (
            "secure_delete",
            "synchronous",
            "foreign_keys",
            "trusted_schema",
            "journal_mode",
            "temp_store",
        )
    }
    hand.close()
    assert settings == {
        "secure_delete": (1,),
        "synchronous": (2,),
        "foreign_keys": (1,),
        "trusted_schema": (0,),
        "journal_mode": ("wal",),
        "temp_store": (2,),
    }
    with store._database.reading() as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.run("DELETE FROM story")
