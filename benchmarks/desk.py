"""
The desk over a large archive: opening the queue, deciding, finding, with a million decided and 100,000 waiting comments.

The archive is written past the store, because a million submissions would take hours; the tables are those that the
store makes, and everything measured goes through the desk's own pages. On both databases.
"""

from __future__ import annotations

import contextlib
import json
import random
import secrets
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import make_url
from tests.newsroom import Chair, newsroom
from tests.postgresql import a_server

from meydan.store import Store
from meydan.text.search import searchable

DECIDED = 1_000_000
HELD = 100_000
STORIES = 2_000
AUTHORS = 50_000
CHUNK = 20_000
WORDS = [
    "ministry",
    "bridge",
    "salary",
    "electricity",
    "water",
    "road",
    "school",
    "exam",
    "hospital",
    "election",
    "court",
    "oil",
    "border",
    "football",
    "rain",
    "war",
    "party",
    "police",
    "teacher",
    "village",
    "dam",
    "river",
    "price",
    "bread",
    "winter",
    "summer",
    "market",
    "border",
    "team",
    "goal",
    "report",
    "editor",
    "question",
    "answer",
    "year",
]
RARE = "xylophone"
LANGUAGES = ("en", "ar", "ckb", "tr", "kmr-Latn", "und")
RULES = ("profanity", "threats", "personal-attacks", "abuse", "promotion")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)

COLUMNS = {
    "leaf": "number, body",
    "story": "id, url, title",
    "comment": "number, id, story, submitted_at, commitment, receipt, worded, status, seq, holds, language, judged_at,"
    " waiting, showing, author_key, due",
    "words": "comment, text, name, salt",
    "decision": "comment, seq, leaf, decided_at, verdict, decided_by, actor, reasons, guidelines, model",
    "breach": "rule, comment, seq",
    "lookup": "comment, words",
}
SETTLE = """
UPDATE comment SET seq = 1, status = CASE number % 10 WHEN 0 THEN 'rejected' ELSE 'approved' END,
       showing = CASE number % 10 WHEN 0 THEN 0 ELSE 1 END
 WHERE number >= {} AND number < {}"""


def run(seconds: int, runs: int) -> dict[str, Any]:
    del seconds  # a run is so many pages
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        found = {"sqlite": _measured(Path(folder), "", runs)}
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder, a_server() as server:
        found["postgresql"] = _measured(Path(folder), server.new_database(), runs)
    return found


def _measured(data: Path, url: str, runs: int) -> dict[str, Any]:
    database = url or f"sqlite:///{data / 'meydan.db'}"
    Store.open(database).close()
    begin = time.perf_counter()
    _fill(database)
    figures: dict[str, Any] = {
        "decided": DECIDED,
        "held": HELD,
        "filled_s": round(time.perf_counter() - begin),
    }
    settings = {"database": database} if url else {}
    with newsroom(data, **settings) as room, Chair(room) as chair:
        chair.sign_in()
        csrf = chair.csrf
        comments = [comment.id for comment in room.meydan.desk.queue(limit=200)[0]]

        def opened(path: str) -> Callable[[int], None]:
            def get(_: int) -> None:
                assert chair.get(path).status_code == 200

            return get

        def decide(number: int) -> None:
            form = {"csrf": csrf, "seen": "0", "next": "", "line": "", "verdict": "approve"}
            assert chair.post(f"/desk/comments/{comments[number]}", data=form).status_code == 303

        store, now = room.meydan.store, datetime.now(UTC)
        newest = store.newest()
        for name, work in {
            "pulse": lambda _: store.pulse(now),
            "news": lambda _: store.news(since=newest - 1000, about=comments[:20]),
            "queue_page": opened("/desk"),
            "queue_one_reason": opened("/desk?why=name"),
            "decision": decide,
            "find_common_word": opened("/desk/find?words=ministry"),
            "find_two_words": opened("/desk/find?words=xylophone+bridge"),
            "find_rare_word": opened(f"/desk/find?words={RARE}"),
            "find_rule": opened("/desk/find?rule=threats&language=ckb"),
            "find_by_person": opened("/desk/find?by=Moderator+7"),
        }.items():
            took = []
            for number in range(max(60, 30 * runs) if name != "decision" else min(150, 50 * runs)):
                begin = time.perf_counter()
                work(number)
                took.append((time.perf_counter() - begin) * 1e3)
            took.sort()
            figures[f"{name}_p50_ms"] = round(statistics.median(took), 1)
            figures[f"{name}_p99_ms"] = round(took[int(len(took) * 0.99)], 1)
    return figures


def _fill(database: str) -> None:
    chance = random.Random(7)
    began = int(BEGAN.timestamp() * 1e6)
    with _writing(database) as write:
        write("story", [(n + 1, f"https://news.example/{n}", f"Story {n}") for n in range(STORIES)])
        leaf = 0
        for first in range(1, DECIDED + HELD + 1, CHUNK):
            rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in COLUMNS}
            for number in range(first, min(first + CHUNK, DECIDED + HELD + 1)):
                held = number > DECIDED
                at = began + number * 20_000_000
                text = " ".join(chance.choices(WORDS, k=20)) + (f" {RARE}" if number % 100_000 == 7 else "")
                name = f"Reader {chance.randrange(AUTHORS)}"
                rejected = number % 10 == 0
                receipt, leaf = leaf, leaf + (1 if held else 2)
                rows["leaf"] += [(n, b"x" * 120) for n in range(receipt, leaf)]
                rows["comment"].append(
                    (
                        number, f"c{number}", 1 + chance.randrange(STORIES), at, secrets.token_bytes(32), receipt, 0, "held",
                        0, ("uncertain", "language-not-measured", "name")[number % 3] if held else "",
                        LANGUAGES[number % 6], at, int(held), 0, name, at - chance.randrange(10**10),
                    )
                )  # fmt: skip
                rows["words"].append((number, text, name, b"s" * 16))
                rows["lookup"].append((number, searchable(name, text)))
                if not held:
                    rule = RULES[number % 50 // 10]
                    reasons = json.dumps([{"rule": rule}]) if rejected else "[]"
                    by = ("machine", "machine") if number % 4 else ("moderator", f"Moderator {number % 9}")
                    verdict = "reject" if rejected else "approve"
                    rows["decision"].append(
                        (number, 1, receipt + 1, at, verdict, *by, reasons, "sha256:0", "sha256:1")
                    )
                    if rejected:
                        rows["breach"].append((rule, number, 1))
            for table, some in rows.items():
                write(table, some)
            # Every comment starts held, here too; then it is decided.
            write("", [(first, min(first + CHUNK, DECIDED + 1))])
        write("counter", [(leaf,)])


@contextlib.contextmanager
def _writing(database: str) -> Iterator[Callable[[str, list[tuple[Any, ...]]], None]]:
    """A way to write rows by the table, as fast as a database takes them."""
    if database.startswith("sqlite"):
        connection = sqlite3.connect(str(make_url(database).database), isolation_level=None)
        connection.execute("PRAGMA synchronous = OFF")

        def insert(table: str, rows: list[tuple[Any, ...]]) -> None:
            if table == "counter":
                connection.execute("UPDATE counter SET leaf = ?", rows[0])
                return
            if not rows:
                return
            if not table:
                connection.execute(SETTLE.format(*rows[0]))
                return
            columns = (
                COLUMNS[table].replace("comment, words", "rowid, words")
                if table == "lookup"
                else COLUMNS[table]
            )
            marks = ", ".join("?" * len(rows[0]))
            connection.execute("BEGIN")
            connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
            connection.execute("COMMIT")

        yield insert
        connection.execute("ANALYZE")
        connection.close()
        return
    with psycopg.connect(database, autocommit=True) as server:

        def copy(table: str, rows: list[tuple[Any, ...]]) -> None:
            if table == "counter":
                server.execute("UPDATE counter SET leaf = %s", rows[0])
                return
            if not table:
                server.execute(SETTLE.format(*rows[0]))
                return
            if table == "lookup":
                with server.cursor() as cursor:
                    cursor.executemany(
                        "INSERT INTO lookup (comment, words) VALUES (%s, to_tsvector('simple', %s))", rows
                    )
                return
            with (
                server.cursor() as cursor,
                cursor.copy(f"COPY {table} ({COLUMNS[table]}) FROM STDIN") as into,
            ):
                for row in rows:
                    into.write_row(row)

        yield copy
        server.execute("SELECT setval(pg_get_serial_sequence('comment', 'number'), %s)", (DECIDED + HELD,))
        server.execute("ANALYZE")
