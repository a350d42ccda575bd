"""
The first page of a story with 200 comments and of one with 100,000, by branches in every order, on both databases.

A third of the comments begin branches; the rest answer one of the latest thousand, one branch in a hundred being
answered far more than others. Both stories are in the same database, written past the store and counted as the
migration counts what was there before it. Pages are read by the store, and made into HTML.
"""

from __future__ import annotations

import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.postgresql import a_server

from meydan.locale import words
from meydan.policy import load
from meydan.store import Store
from meydan.store import statements as sql
from meydan.web import reading
from meydan.web.reading import Sort, View

SMALL, LARGE = 200, 100_000
ORDERS: tuple[Sort, ...] = ("oldest", "newest", "replied")
TEXT = "Thank you for this careful article. I learned a lot about the history of the region. " * 3
LIMITS = {"name": 80, "text": 5000}


def run(seconds: int, runs: int) -> dict[str, Any]:  # noqa: ARG001 - as every scenario
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        results = {"sqlite": _measured(f"sqlite:///{Path(folder) / 'meydan.db'}", runs)}
    with a_server() as server:
        results["postgresql"] = _measured(server.new_database(), runs)
    return results


def _measured(url: str, runs: int) -> dict[str, Any]:
    store = Store.open(url)
    stories = {size: f"https://news.example/{size}" for size in (SMALL, LARGE)}
    _fill(store, stories)
    figures = {
        f"{size} {sort}": _figures(store, story, sort, 50 * runs)
        for size, story in stories.items()
        for sort in ORDERS
    }
    store.close()
    return figures


def _figures(store: Store, story: str, sort: Sort, times: int) -> dict[str, float]:
    thread = store.thread(story, sort=sort)
    after, last = _far(store, story, sort)
    view, guidelines = View(story, words("en"), sort), load()
    asked: dict[str, Callable[[], object]] = {
        "first_ms": lambda: store.thread(story, sort=sort),
        "flat_ms": lambda: store.page(story, sort=sort, after=None, limit=200),
        "far_ms": lambda: store.thread(story, sort=sort, after=after),
        "permalink_ms": lambda: store.thread(story, sort=sort, at=last),
        "html_ms": lambda: reading.fragment(thread, view, guidelines, LIMITS),
    }
    return {"comments": len(thread.comments), **{name: _median(ask, times) for name, ask in asked.items()}}


def _far(store: Store, story: str, sort: str) -> tuple[str | None, str]:
    """A cursor some pages on, and the last comment of the page before it."""
    after, last = None, ""
    for _ in range(20):
        page = store.thread(story, sort=sort, after=after)
        last = page.comments[-1].id
        if page.next is None:
            break
        after = page.next
    return after, last


def _median(ask: Callable[[], object], times: int) -> float:
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        ask()
        took.append(time.perf_counter() - begin)
    return round(statistics.median(took) * 1e3, 2)


def _fill(store: Store, stories: dict[int, str]) -> None:
    """Comments as they stand once they are received and approved."""
    counting = import_module("meydan.store.migrations.versions.0012_branches")
    chance = random.Random(1)
    hand = store._database.writing_hand()
    hand.begin()
    number = 0
    for size, url in stories.items():
        story = (hand.one(sql.ADD_STORY, url=url) or [0])[0]
        known: list[tuple[str, int]] = []
        beginning: list[tuple[str, int]] = []
        for at in range(size):
            parent, root = None, None
            if known and chance.random() < 2 / 3:
                often = beginning[:: max(1, len(beginning) // 100)]
                parent, root = chance.choice(often if chance.random() < 0.5 else known[-1000:])
            id = secrets.token_urlsafe(12)
            leaf, number = number, number + 1
            hand.run(sql.PUT_LEAF, number=leaf, body=b"receipt")
            hand.run(
                sql.ADD_COMMENT,
                id=id,
                story=story,
                parent=parent,
                root=root,
                submitted_at=at,
                commitment=secrets.token_bytes(32),
                receipt=leaf,
                holds="",
                address_key=None,
                author_key=None,
                fingerprint=None,
                badge=None,
                written_by=None,
                likeness=None,
            )
            hand.run(sql.ADD_WORDS, comment=number, text=TEXT, name="Dilan", email=None, salt=b"")
            known.append((id, number if root is None else root))
            if root is None:
                beginning.append((id, number))
        hand.run("UPDATE story SET shown = :shown WHERE id = :id", shown=size, id=story)
    hand.run("UPDATE comment SET status = 'approved', seq = 1, waiting = 0, judged_at = 1, showing = 1")
    hand.run(counting.BRANCHES)
    hand.run(counting.REPLIES)
    hand.run("COMMIT")
    hand.run("VACUUM ANALYZE" if store.dialect == "postgresql" else "PRAGMA optimize")
    hand.close()
