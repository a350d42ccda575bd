"""
The store alone: receive and settle from 16 threads, and reading a page of 200, on both databases; and the same from one,
two and three processes on one PostgreSQL, beside it and a millisecond away each way.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url
from tests.postgresql import a_server

from meydan.comment import RULE_LABELS, Decision, Evidence, Verdict
from meydan.store import NewComment, Store

THREADS = 16
NODES = (1, 2, 3)
AWAY_S = 0.001
"""How long a byte to a far database takes, and one from it."""
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
            for nodes in NODES:
                url = server.new_database()
                beside = f"postgresql, {nodes} nodes"
                results.setdefault(beside, []).append(_several(url, nodes, seconds))
                with _far(url) as far:
                    results.setdefault(f"{beside}, 1 ms away", []).append(_several(far, nodes, seconds))
    return {
        database: {
            **{name: statistics.median(one[name] for one in measured) for name in measured[0]},
            "runs": [one["pairs_per_s"] for one in measured],
        }
        for database, measured in results.items()
    }


def _several(url: str, nodes: int, seconds: int) -> dict[str, float]:
    """As `_measure`, from so many processes with 16 threads each."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", "from benchmarks.store import _node; _node()", url, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(nodes)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [json.loads(process.communicate()[0]) for process in processes]
    return _figures(
        [latency for latencies, _ in told for latency in latencies], max(took for _, took in told)
    )


def _node() -> None:
    """One of several processes: says when it is ready, waits for a line, and prints how long each pair took."""
    store = Store.open(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(_load(store, int(sys.argv[2]))), flush=True)
    store.close()


@contextmanager
def _far(url: str) -> Iterator[str]:
    """The same database a millisecond away each way: a proxy that keeps what passes for so long."""
    at = make_url(url)
    ready, loop = threading.Event(), asyncio.new_event_loop()
    port = 0

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            loop.call_later(AWAY_S, writer.write, data)
        loop.call_later(AWAY_S, writer.close)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        folder = str(at.query.get("host", at.host or ""))
        if folder.startswith("/"):
            there = await asyncio.open_unix_connection(
                f"{folder}/.s.PGSQL.{at.query.get('port', at.port or 5432)}"
            )
        else:
            there = await asyncio.open_connection(folder, at.port or 5432)
        await asyncio.gather(carry(reader, there[1]), carry(there[0], writer))

    async def listen() -> None:
        nonlocal port
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        ready.set()

    loop.create_task(listen())
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    ready.wait()
    try:
        far = at.set(host="127.0.0.1", port=port, query={})
        yield far.render_as_string(hide_password=False)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def _load(store: Store, seconds: int) -> tuple[list[float], float]:
    """How long each pair took, and all of it."""
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
    return latencies, time.perf_counter() - begin


def _measure(url: str, seconds: int) -> dict[str, float]:
    store = Store.open(url)
    latencies, took = _load(store, seconds)
    for _ in range(250):
        received_and_settled(store, "https://news.example/read")
    pages = []
    for _ in range(200):
        begin = time.perf_counter()
        store.page("https://news.example/read", sort="newest", after=None, limit=200)
        pages.append(time.perf_counter() - begin)
    store.close()
    return {**_figures(latencies, took), "page_of_200_ms": round(statistics.median(pages) * 1e3, 2)}


def _figures(latencies: list[float], took: float) -> dict[str, float]:
    latencies.sort()
    return {
        "pairs_per_s": round(len(latencies) / took),
        "pair_p50_ms": round(statistics.median(latencies) * 1e3, 1),
        "pair_p99_ms": round(latencies[int(len(latencies) * 0.99)] * 1e3, 1),
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
