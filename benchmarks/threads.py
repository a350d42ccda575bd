"""
The first page of a story with 200 comments and of one with 100,000, by branches in every order, on both databases.

A third of the comments begin branches; the rest answer one of the latest thousand, one branch in a hundred being
answered far more than others. Both stories are in the same database. Pages are read by the store, and made into HTML.
"""

from __future__ import annotations

import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.postgresql import a_server

from meydan.locale import words
from meydan.policy import load
from meydan.store import Store
from meydan.store import statements as sql
from meydan.store.database import Hand
from meydan.store.store import _stand, _Standing
from meydan.web import reading
from meydan.web.reading import View

SMALL, LARGE = 200, 100_000
ORDERS = ("oldest", "newest", "replied")
CHUNK = 2_000
TEXT = "Thank you for this careful article. I learned a lot about the history of the region. " * 3


def run(seconds: int, runs: int) -> dict[str, Any]:  # noqa: ARG001 - as every scenario
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        results = {"sqlite": _measured(f"sqlite:///{Path(folder) / 'meydan.db'}", runs)}
    with a_server() as server:
        results["postgresql"] = _measured(server.new_database(), runs)
    return results


def _measured(url: str, runs: int) -> dict[str, Any]:
    store = Store.open(url)
    for size in (SMALL, LARGE):
        _fill(store, f"https://news.example/{size}", size)
    if store.dialect == "postgresql":
        hand = store._database.writing_hand()
        hand.run("ANALYZE")
        hand.close()
    limits = {"name": 80, "text": 5000}
    guidelines = load()
    figures: dict[str, Any] = {}
    for size in (SMALL, LARGE):
        story = f"https://news.example/{size}"
        deep = {sort: _far(store, story, sort) for sort in ORDERS}
        for sort in ORDERS:
            view = View(story, words("en"), "oldest")
            thread = store.thread(story, sort=sort)
            asked: dict[str, Callable[[], object]] = {
                "first_ms": lambda story=story, sort=sort: store.thread(story, sort=sort),
                "flat_ms": lambda story=story, sort=sort: store.page(story, sort=sort, after=None, limit=200),
                "far_ms": lambda story=story, sort=sort, deep=deep: store.thread(
                    story, sort=sort, after=deep[sort][0]
                ),
                "permalink_ms": lambda story=story, sort=sort, deep=deep: store.thread(
                    story, sort=sort, at=deep[sort][1]
                ),
                "html_ms": lambda thread=thread, view=view: reading.fragment(
                    thread, view, guidelines, limits
                ),
            }
            figures[f"{size} {sort}"] = {
                "comments": len(thread.comments),
                **{name: _median(ask, 50 * runs) for name, ask in asked.items()},
            }
    store.close()
    return figures


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


def _fill(store: Store, url: str, size: int) -> None:
    """Comments as receiving and approving them leaves them, many in one transaction."""
    chance = random.Random(size)
    latest: list[tuple[str, int]] = []
    beginning: list[tuple[str, int]] = []
    for first in range(0, size, CHUNK):

        def work(hand: Hand, first: int = first) -> None:
            row = hand.one(sql.STORY_ID, url=url) or hand.one(sql.ADD_STORY, url=url)
            assert row
            for at in range(first, min(first + CHUNK, size)):
                parent, root = None, None
                if latest and chance.random() < 2 / 3:
                    often = beginning[:: max(1, len(beginning) // 100)]
                    parent, root = chance.choice(often if chance.random() < 0.5 else latest[-1000:])
                id = secrets.token_urlsafe(12)
                leaf = hand.one(sql.NEXT_LEAF)
                assert leaf
                hand.run(sql.PUT_LEAF, number=leaf[0], body=b"receipt")
                added = hand.one(
                    sql.ADD_COMMENT,
                    id=id,
                    story=row[0],
                    parent=parent,
                    root=root,
                    submitted_at=at,
                    commitment=secrets.token_bytes(32),
                    receipt=leaf[0],
                    holds="",
                    address_key=None,
                    author_key=None,
                    fingerprint=None,
                )
                assert added
                number = added[0]
                hand.run(sql.ADD_WORDS, comment=number, text=TEXT, name="Dilan", email=None, salt=b"")
                hand.run(sql.SETTLE, status="approved", seq=1, at=at, language="en", number=number)
                before = hand.one(sql.STANDING, id=id)
                assert before
                stands = _Standing._make(before)
                _stand(hand, stands, stands)
                latest.append((id, number if root is None else root))
                if root is None:
                    beginning.append((id, number))

        store._writer.write(work)
