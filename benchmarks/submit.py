"""Submitting: sent over HTTP, judged by the whole judge, answered once durable (synchronous=FULL)."""

from __future__ import annotations

import statistics
import threading
import time
from typing import Any

import httpx

from benchmarks.judge import texts
from benchmarks.site import STORY, served

CONNECTIONS = 16


def run(seconds: int, runs: int) -> dict[str, Any]:
    lines = texts()
    rates, took = [], []
    with served(comments=0) as (server, _, _):
        for _ in range(runs):
            done: list[float] = []
            until = time.perf_counter() + seconds
            senders = [
                threading.Thread(target=_send, args=(server.url, lines, number, until, done))
                for number in range(CONNECTIONS)
            ]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            rates.append(len(done) / seconds)
            took += done
    took.sort()
    return {
        "connections": CONNECTIONS,
        "submissions_per_s": round(statistics.median(rates)),
        "submissions_per_s_runs": [round(rate) for rate in rates],
        "p50_ms": round(took[len(took) // 2] * 1000, 1),
        "p99_ms": round(took[int(len(took) * 0.99)] * 1000, 1),
        "generator": "httpx, beside the server on the same cores",
    }


def _send(url: str, lines: list[str], number: int, until: float, done: list[float]) -> None:
    count = 0
    with httpx.Client(timeout=30) as client:
        while (begin := time.perf_counter()) < until:
            count += 1
            text = f"{lines[(number * 61 + count) % len(lines)]} {number}.{count}"
            body = {"story": {"url": f"{STORY}/{count % 50}"}, "name": f"Reader {number}", "text": text}
            answer = client.post(f"{url}/api/v1/comments", json=body)
            answer.raise_for_status()
            done.append(time.perf_counter() - begin)
