"""The store alone: receive and settle from 16 threads, and reading a page of 200, on both databases."""

from __future__ import annotations

import secrets
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.postgresql import a_server

from meydan.comment import RULE_LABELS, Decision, Evidence, Verdict
from meydan.store import NewComment, Store

THREADS = 16
STORIES = 50
APPROVE = Decision(Verdict.APPROVE, guidelines="sha256:" + "0" * 64)
EVIDENCE = Evidence(language="en", language_score=1.0, scores=dict.fromkeys(RULE_LABELS, 0.125))


def run(seconds: int, runs: int) -> dict[str, Any]:
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        for number in range(runs):
            measured = _measure(f"sqlite:///{Path(folder) / f'{number}.db'}", seconds)
            results.setdefault("sqlite", []).append(measured)
    with a_server() as server:
        # Tests do without; what is quoted here waits for the disk.
        server.run("ALTER SYSTEM SET fsync = on")
        server.run("ALTER SYSTEM SET full_page_writes = on")
        server.run("SELECT pg_reload_conf()")
        for _ in range(runs):
            results.setdefault("postgresql", []).append(_measure(server.new_database(), seconds))
    return {
        database: {
            **{name: statistics.median(one[name] for one in measured) for name in measured[0]},
            "runs": [one["pairs_per_s"] for one in measured],
        }
        for database, measured in results.items()
    }


def _measure(url: str, seconds: int) -> dict[str, float]:
    store = Store.open(url)
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    def work(thread: int) -> None:
        number = thread
        while time.perf_counter() < end:
            begin = time.perf_counter()
            received_and_settled(store, f"https://news.example/{number % STORIES}")
            latencies.append(time.perf_counter() - begin)
            number += 1

    begin = time.perf_counter()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - begin
    for _ in range(250):
        received_and_settled(store, "https://news.example/read")
    pages = []
    for _ in range(200):
        begin = time.perf_counter()
        store.page("https://news.example/read", sort="newest", after=None, limit=200)
        pages.append(time.perf_counter() - begin)
    store.close()
    latencies.sort()
    return {
        "pairs_per_s": round(len(latencies) / took),
        "pair_p50_ms": round(statistics.median(latencies) * 1e3, 1),
        "pair_p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1e3, 1),
        "page_of_200_ms": round(statistics.median(pages) * 1e3, 2),
    }


def received_and_settled(store: Store, story: str) -> None:
    """One comment's way through the store."""
    now = datetime.now(UTC)
    new = NewComment(
        id=secrets.token_urlsafe(12),
        story_url=story,
        parent=None,
        name="Dilan",
        text="Thank you for this careful article. I learned a lot about the history of the region. " * 3,
        email=None,
        salt=secrets.token_bytes(16),
        commitment=secrets.token_bytes(32),
        submitted_at=now,
        address_key=secrets.token_hex(16),
        author_key=secrets.token_hex(16),
        fingerprint=secrets.token_hex(16),
        leaf=secrets.token_bytes(120),
    )
    store.receive(new)
    store.settle(new.id, APPROVE, leaf=secrets.token_bytes(160), at=now, expected_seq=0, evidence=EVIDENCE)
