"""
What parts cost: a comment kept and settled, a page, and a look by id, with whole tables and with tables of N parts.

`python -m benchmarks.months`: each in a database of its own on one PostgreSQL, with the same comments, spread over the
parts; rounds in alternation; processor time of the server and of this process, so that a busy machine matters little.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from unittest.mock import patch

import psutil
import psycopg
from tests.postgresql import PostgreSQL, a_server
from tests.store.making import EVIDENCE, NOON, STORY, approved, around, decide, receive

from meydan.store import Store, months

PARTS = (0, 3, 12, 60)
COMMENTS = 240
ROUNDS = 3
TIMES = 60


def made(server: PostgreSQL, parts: int) -> tuple[Store, str, list[str]]:
    """A store whose comments are spread over so many parts (0: whole tables), its URL, and their ids."""
    url = server.new_database(by_month=False)
    now = datetime.now(UTC)
    ids: list[str] = []
    if parts:
        # As if it had been divided so many months ago.
        with patch.object(months, "AHEAD", parts - 1):
            year, month = divmod(now.year * 12 + now.month - parts, 12)
            months.change(url, by_month=True, at=datetime(year, month + 1, 1, tzinfo=UTC))
    store = Store.open(url)
    for number in range(COMMENTS):
        if parts and number % (COMMENTS // parts) == 0:
            begin = months.first_number(months.month_of(now, number // (COMMENTS // parts) - parts + 1))
            with around(url) as connection:
                connection.execute(f"SELECT setval('comment_number_seq', {begin}, false)")
        # A story a month or so, as news has it.
        story = f"{STORY}/{number // 20}"
        ids.append(approved(store, f"comment {number}", story_url=story, submitted_at=NOON))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
    return store, url, ids


def server_s(url: str) -> float:
    """Processor seconds that the connections to a database have used."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    spent = 0.0
    for (pid,) in rows:
        times = psutil.Process(pid).cpu_times()
        spent += times.user + times.system
    return spent


def main() -> None:
    with a_server() as server:
        rooms = {parts: made(server, parts) for parts in PARTS}
        figures: dict[str, dict[int, list[tuple[float, float]]]] = {}
        for _ in range(ROUNDS):
            for parts, (store, url, ids) in rooms.items():

                def pair(store: Store = store) -> None:
                    decide(store, receive(store, story_url=f"{STORY}/new"), evidence=EVIDENCE)

                def page(store: Store = store) -> None:
                    store.thread(f"{STORY}/{COMMENTS // 20 - 1}", sort="oldest")

                def by_id(store: Store = store, ids: list[str] = ids) -> None:
                    store.comment(ids[len(ids) // 2])

                works: dict[str, Callable[[], None]] = {"pair": pair, "page": page, "by id": by_id}
                for name, work in works.items():
                    work()
                    before, here = server_s(url), time.process_time()
                    for _ in range(TIMES):
                        work()
                    spent = (server_s(url) - before) / TIMES * 1000
                    own = (time.process_time() - here) / TIMES * 1000
                    figures.setdefault(name, {}).setdefault(parts, []).append((spent, own))
        print(
            json.dumps(
                {
                    name: {
                        parts: {
                            "server_ms": round(statistics.median(spent for spent, _ in rounds), 3),
                            "program_ms": round(statistics.median(own for _, own in rounds), 3),
                        }
                        for parts, rounds in by_parts.items()
                    }
                    for name, by_parts in figures.items()
                }
            )
        )
        for store, _, _ in rooms.values():
            store.close()


if __name__ == "__main__":
    main()
