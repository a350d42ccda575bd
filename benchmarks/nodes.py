"""
Three nodes on one PostgreSQL, behind a balancer that notices: one is killed under load, in the middle of the run.

What was answered 201 and is lost or doubled, how soon an approved comment is on every other node, and how long the
slowest hundredth of readers waits, second by second, before and after. Servers, database and readers share the machine.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.postgresql import a_server
from tests.serving import Served
from tests.store.making import around

from benchmarks.site import THOUGHTS
from meydan.settings import Settings
from meydan.wiring import build

NODES = 3
READERS = 4
SENDERS = 3
SENT_EVERY_S = 0.05
READ_EVERY_S = 0.01
APPROVED_EVERY_S = 0.5
STORY = "http://localhost/a-story"
BY_PEOPLE = "http://localhost/decided-by-people"
SECRET = "a secret that all nodes of the benchmark share"
UNHURRIED = {
    "submissions_per_minute": 1_000_000, "submission_burst": 1_000_000, "flood_per_minute": 10_000_000,
    "near_repeats": 10_000_000, "sweep_seconds": 2,
}  # fmt: skip


def run(seconds: int, runs: int) -> dict[str, Any]:
    each = []
    with a_server() as server:
        for number in range(runs):
            database = server.new_database()
            with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
                each.append(_one(Path(folder), database, max(seconds, 15)))
            server.drop(database)
            print(f"  run {number + 1}: {json.dumps(each[-1])}", file=sys.stderr)
    return {
        "nodes": NODES,
        "answered_201": sum(one["answered_201"] for one in each),
        "lost": sum(one["lost"] for one in each),
        "doubled": sum(one["doubled"] for one in each),
        "unjudged_after_30_s": sum(one["unjudged_after_30_s"] for one in each),
        **{
            key: statistics.median(one[key] for one in each)
            for key in ("visible_ms_median", "visible_ms_max", "read_p99_ms_before", "normal_again_after_s")
        },
        "visible_ms_max_of_all": max(one["visible_ms_max"] for one in each),
        "runs": each,
    }


class _Node:
    """A node as the balancer sees it; `up` is False from the first failure on."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.up = True

    def line(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.served.port, timeout=30)


def _ask(line: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str) -> Any:
    text = None if body is None else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    line.request(method, path, text, {"content-type": "application/json", **named})
    answer = line.getresponse()
    return answer.status, answer.read()


def _one(folder: Path, database: str, seconds: int) -> dict[str, Any]:
    nodes = [
        _Node(Served(folder / f"node-{number}", database=database, secret=SECRET, **UNHURRIED))
        for number in range(NODES)
    ]
    for node in nodes:
        node.served.data.mkdir()
    looking = build(Settings(data=folder / "looking", database=database, secret=SECRET))
    token = looking.staff.add_token("benchmark")
    looking.desk.register_story(BY_PEOPLE, mode="off")
    with ThreadPoolExecutor(NODES) as starting:
        list(starting.map(lambda node: node.served.start(timeout_s=120), nodes))
    ended = threading.Event()
    turn = itertools.count()
    read: list[tuple[float, float]] = []
    answered: set[str] = set()
    visible: list[float] = []

    def any_node() -> _Node:
        return next(node for _ in nodes if (node := nodes[next(turn) % NODES]).up)

    def reading() -> None:
        path = f"/embed/comments?story={quote(STORY, safe='')}"
        lines: dict[_Node, http.client.HTTPConnection] = {}
        while not ended.is_set():
            node = any_node()
            line = lines.setdefault(node, node.line())
            began = time.monotonic()
            try:
                _ask(line, "GET", path)
            except (OSError, http.client.HTTPException):
                node.up = False
                continue
            read.append((began, time.monotonic() - began))
            ended.wait(READ_EVERY_S)

    def sending(sender: int) -> None:
        for number in itertools.count():
            key, text = (
                f"sending-{sender}-{number}",
                f"{THOUGHTS[number % len(THOUGHTS)]} ({sender}, {number})",
            )
            body = {"story": {"url": STORY}, "name": "Reader", "text": text}
            while not ended.is_set():
                node = any_node()
                try:
                    with contextlib.closing(node.line()) as line:
                        status, told = _ask(line, "POST", "/api/v1/comments", body, idempotency_key=key)
                except (OSError, http.client.HTTPException):
                    node.up = False
                    continue
                if status == 201:
                    answered.add(json.loads(told)["id"])
                    break
                if status < 500:
                    raise AssertionError(f"a comment was refused: {told!r}")
            if ended.wait(SENT_EVERY_S):
                return

    def approving() -> None:
        for number in itertools.count():
            if ended.wait(APPROVED_EVERY_S):
                return
            by = any_node()
            body = {"story": {"url": BY_PEOPLE}, "name": "Reader", "text": f"Decided by people ({number})."}
            try:
                with contextlib.closing(by.line()) as line:
                    _, told = _ask(line, "POST", "/api/v1/comments", body, idempotency_key=f"people-{number}")
                    id = json.loads(told)["id"]
                    # Read first, so that what is read next comes from a kept page unless it was taken down.
                    for node in nodes:
                        if node.up:
                            _shows(node, id)
                    _ask(
                        line, "POST", f"/api/v1/comments/{id}/decisions", {"verdict": "approve"},
                        authorization=f"Bearer {token}",
                    )  # fmt: skip
            except (OSError, http.client.HTTPException):
                by.up = False
                continue
            since = time.monotonic()
            for node in nodes:
                while node.up and not _shows(node, id):
                    time.sleep(0.005)
            visible.append(time.monotonic() - since)

    threads = [threading.Thread(target=reading) for _ in range(READERS)]
    threads += [threading.Thread(target=sending, args=(number,)) for number in range(SENDERS)]
    threads.append(threading.Thread(target=approving))
    began = time.monotonic()
    for thread in threads:
        thread.start()
    time.sleep(seconds / 2)
    fallen = next((node for node in nodes if '"leading"' in node.served.log.read_text()), nodes[0])
    killed_at = time.monotonic() - began
    fallen.served.kill()
    time.sleep(seconds / 2)
    ended.set()
    for thread in threads:
        thread.join()
    try:
        deadline = time.monotonic() + 30
        while (unjudged := _unjudged(database)) and time.monotonic() < deadline:
            time.sleep(0.5)
        with around(database) as connection:
            (sent,) = connection.execute("SELECT count(*) FROM sending WHERE comment IS NOT NULL").fetchone()
            (kept,) = connection.execute("SELECT count(*) FROM comment").fetchone()
            known = {row[0] for row in connection.execute("SELECT id FROM comment")}
    finally:
        looking.close()
        for node in nodes:
            if node is not fallen:
                node.served.stop()
    by_second: dict[int, list[float]] = defaultdict(list)
    for at, took in read:
        by_second[int(at - began)].append(took)
    p99 = {second: round(_p99(took) * 1000, 1) for second, took in sorted(by_second.items())}
    before = [value for second, value in p99.items() if 1 <= second < int(killed_at)]
    assert answered, "nothing was sent"
    usual = statistics.median(before)
    # Normal is what was usual before; a second that is twice as slow is not.
    slow = [
        second
        for second, value in p99.items()
        if second >= int(killed_at) and value > max(2 * usual, max(before))
    ]
    return {
        "answered_201": len(answered),
        "lost": len(answered - known),
        "doubled": kept - sent,
        "unjudged_after_30_s": unjudged,
        "approvals": len(visible),
        "visible_ms_median": round(statistics.median(visible) * 1000, 1),
        "visible_ms_max": round(max(visible) * 1000, 1),
        "read_p99_ms_before": usual,
        "normal_again_after_s": max(slow) + 1 - int(killed_at) if slow else 0,
        "killed_in_second": int(killed_at),
        "read_p99_ms_by_second": p99,
    }


def _shows(node: _Node, id: str) -> bool:
    try:
        with contextlib.closing(node.line()) as line:
            _, told = _ask(
                line, "GET", f"/api/v1/comments?story={quote(BY_PEOPLE, safe='')}&sort=newest&limit=50"
            )
    except (OSError, http.client.HTTPException):
        node.up = False
        return True
    return id.encode() in told


def _unjudged(database: str) -> int:
    with around(database) as connection:
        (count,) = connection.execute(
            "SELECT count(*) FROM comment WHERE status = 'held' AND judged_at IS NULL"
        ).fetchone()
        return int(count)


def _p99(took: list[float]) -> float:
    ordered = sorted(took)
    return ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
