"""
What cannot be taken yet: replies that stand in the file before what they reply to, and before their story.

A file of its own in the data folder, without a name: it is gone when the import ends, however it ends, and memory stays
the same however much has to wait. It is not a record: what was in it when a crash came is read from the archive again.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from meydan.exchange.record import CommentRecord

_PREFIX: Final = ".importing-"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(CommentRecord).decode

_TABLES = """
CREATE TABLE story (key TEXT PRIMARY KEY, url TEXT, title TEXT, open INTEGER NOT NULL, fault TEXT) WITHOUT ROWID;
CREATE TABLE waiting (n INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, parent TEXT, at INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX waiting_parent ON waiting (parent) WHERE parent IS NOT NULL;
CREATE TABLE turn (place INTEGER PRIMARY KEY, n INTEGER NOT NULL UNIQUE, alone INTEGER NOT NULL);
CREATE TABLE tried (key TEXT PRIMARY KEY, url TEXT NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID;
"""

# From what replies to nothing that waits, down: whatever waits for something comes after it.
_BELOW = """
WITH RECURSIVE below (n, key) AS (
    {begin}
    UNION ALL
    SELECT w.n, w.key FROM below b JOIN waiting w ON w.parent = b.key
)
INSERT INTO turn (n, alone) SELECT n, :alone FROM below WHERE true ON CONFLICT (n) DO NOTHING
"""
_FROM_TOPS = """
SELECT n, key FROM waiting w
 WHERE w.parent IS NULL OR NOT EXISTS (SELECT 1 FROM waiting p WHERE p.key = w.parent)"""


class AsideStory(NamedTuple):
    """A story of the archive by its address here, or why its comments are not taken."""

    url: str | None
    title: str | None
    open: bool
    fault: str | None


def clear_left(folder: Path) -> int:
    """
    Delete what a killed import of an earlier version left in the data folder: readers' words, which no erasure would find.

    An import that is under way has its file open, and goes on without its name.

    Returns:
        How many files there were.
    """
    cleared = 0
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            left.unlink()
            cleared += 1
    return cleared


class Aside:
    """
    Stories by their keys, and comments that wait for others.

    Raises:
        OSError, sqlite3.Error: the folder cannot be written, or has no room; from any method, and when it is made.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is not None:
            clear_left(folder)
        made, name = tempfile.mkstemp(dir=folder, prefix=_PREFIX)
        os.close(made)
        try:
            self._db = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
        finally:
            # Before a word is in it. SQLite has it open, so no crash leaves a reader's words where an erasure does not look.
            # Another import that begins just now may have cleared it.
            Path(name).unlink(missing_ok=True)
        # Without a journal, which could not be beside a file without a name.
        for setting in ("journal_mode = OFF", "synchronous = OFF", "temp_store = FILE", "cache_size = -8000"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.executescript(_TABLES)
        self._stories: dict[str, AsideStory] = {}
        self._db.execute("BEGIN")

    def close(self) -> None:
        self._db.close()

    # -- stories -----------------------------------------------------------------

    def add_story(self, key: str, story: AsideStory) -> bool:
        """Remember a story; False where its key stands for another already."""
        added = self._db.execute(
            "INSERT INTO story VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING", (key, *story)
        ).rowcount
        return bool(added) or self.story(key) == story

    def story(self, key: str) -> AsideStory | None:
        known = self._stories.get(key)
        if known is None:
            row = self._db.execute(
                "SELECT url, title, open, fault FROM story WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                return None
            known = AsideStory(row[0], row[1], bool(row[2]), row[3])
            if len(self._stories) > 10_000:
                self._stories.clear()
            self._stories[key] = known
        return known

    # -- comments ------------------------------------------------------------------

    def add(self, one: CommentRecord) -> bool:
        """Put a comment aside; False where another of its key waits already."""
        at = int(one.submitted_at.timestamp())
        return bool(
            self._db.execute(
                "INSERT INTO waiting (key, parent, at, body) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                (one.key, one.parent, at, _encode(one)),
            ).rowcount
        )

    def waiting(self) -> Iterator[tuple[CommentRecord, bool]]:
        """
        All that waits, each after what it replies to.

        Where replies go round in a circle, the oldest of them comes first; the second value says so of it.
        """
        self._db.execute(_BELOW.format(begin=_FROM_TOPS), {"alone": 0})
        self._db.execute(
            "CREATE TABLE rest AS SELECT n FROM waiting WHERE n NOT IN (SELECT n FROM turn) ORDER BY at, n"
        )
        with closing(self._db.cursor()) as rest:
            for (n,) in rest.execute("SELECT n FROM rest ORDER BY rowid"):
                self._open_circle(n)
        with closing(self._db.cursor()) as turns:
            turns.execute(
                "SELECT w.body, t.alone, w.n FROM turn t JOIN waiting w ON w.n = t.n ORDER BY t.place"
            )
            for body, alone, n in turns:
                yield _decode(body), alone == n

    def _open_circle(self, n: int) -> None:
        if self._db.execute("SELECT 1 FROM turn WHERE n = ?", (n,)).fetchone() is not None:
            return
        n = self._oldest_of_circle(n)
        # Cut above this one: then it is a top, and what is below it is walked once.
        self._db.execute("UPDATE waiting SET parent = NULL WHERE n = ?", (n,))
        self._db.execute(_BELOW.format(begin="SELECT n, key FROM waiting WHERE n = :alone"), {"alone": n})

    def _oldest_of_circle(self, n: int) -> int:
        """In the circle that is reached from here upwards, without remembering the way: one walks, another runs (Floyd)."""
        walking, running = self._above(n), self._above(self._above(n))
        while walking != running:
            walking, running = self._above(walking), self._above(self._above(running))
        oldest = min_at = None
        here = walking
        while True:
            (at,) = self._db.execute("SELECT at FROM waiting WHERE n = ?", (here,)).fetchone()
            if oldest is None or (at, here) < (min_at, oldest):
                oldest, min_at = here, at
            here = self._above(here)
            if here == walking:
                return oldest

    def _above(self, n: int) -> int:
        row = self._db.execute(
            "SELECT p.n FROM waiting w JOIN waiting p ON p.key = w.parent WHERE w.n = ?", (n,)
        ).fetchone()
        return int(row[0])

    # -- what a dry run took ---------------------------------------------------------

    def try_keys(self, taken: Sequence[tuple[str, str, bytes]]) -> None:
        """Remember keys, with their story's address and digest, as if they had been put in."""
        self._db.executemany("INSERT OR IGNORE INTO tried VALUES (?, ?, ?)", taken)

    def tried(self, keys: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        marks = ",".join("?" * len(keys))
        rows = self._db.execute(f"SELECT key, url, digest FROM tried WHERE key IN ({marks})", tuple(keys))  # noqa: S608
        return {key: (url, digest) for key, url, digest in rows}
