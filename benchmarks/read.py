"""
Reading a 200-comment thread at 16 connections while one approval a second lands.

Besides the rate: how long after each approval's answer the comment is first read by
another reader (it has to be under a second), and the same load answered by 304.
"""

from __future__ import annotations

import statistics
import threading
import time
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks.load import Load, get
from benchmarks.site import STORY, served

CONNECTIONS = 16


def run(seconds: int, runs: int) -> dict[str, Any]:
    with served(comments=200, waiting=(seconds + 5) * runs * 3) as (server, token, held):
        fragment = f"{server.url}/embed/comments?story={quote(STORY, safe='')}"
        listing = f"{server.url}/api/v1/comments?story={quote(STORY, safe='')}&limit=200"
        gzip = {"Accept-Encoding": "gzip"}
        sizes = {
            name: len(httpx.get(url).content) for name, url in (("fragment", fragment), ("api", listing))
        }
        return {
            "connections": CONNECTIONS,
            "bytes": sizes,
            "fragment_gzip": _while_approving(server.url, token, held, fragment, gzip, seconds, runs),
            "fragment_plain": _while_approving(server.url, token, held, fragment, {}, seconds, runs),
            "api_gzip": _while_approving(server.url, token, held, listing, gzip, seconds, runs),
            "not_modified": _summary([_unmodified(fragment, seconds) for _ in range(runs)], []),
        }


def _while_approving(
    url: str, token: str, held: list[str], target: str, headers: dict[str, str], seconds: int, runs: int
) -> dict[str, Any]:
    loads: list[Load] = []
    visible: list[float] = []
    for _ in range(runs):
        ended = threading.Event()
        approving = threading.Thread(target=_approve_each_second, args=(url, token, held, visible, ended))
        approving.start()
        loads.append(get(target, connections=CONNECTIONS, seconds=seconds, headers=headers))
        ended.set()
        approving.join()
    return _summary(loads, visible)


def _approve_each_second(
    url: str, token: str, held: list[str], visible: list[float], ended: threading.Event
) -> None:
    listing = f"{url}/api/v1/comments?story={quote(STORY, safe='')}&sort=newest&limit=200"
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as moderator, httpx.Client() as reader:
        while not ended.wait(1.0) and held:
            id = held.pop()
            moderator.post(
                f"{url}/api/v1/comments/{id}/decisions", json={"verdict": "approve", "rules": []}
            ).raise_for_status()
            begin = time.perf_counter()
            while id not in reader.get(listing).text:
                if time.perf_counter() - begin > 10:
                    break
            visible.append(time.perf_counter() - begin)


def _unmodified(target: str, seconds: int) -> Load:
    etag = httpx.get(target, headers={"Accept-Encoding": "gzip"}).headers["etag"]
    return get(
        target,
        connections=CONNECTIONS,
        seconds=seconds,
        headers={"If-None-Match": etag, "Accept-Encoding": "gzip"},
    )


def _summary(loads: list[Load], visible: list[float]) -> dict[str, Any]:
    summary: dict[str, Any] = {
        "requests_per_s": round(statistics.median(load.requests_per_s for load in loads)),
        "requests_per_s_runs": [round(load.requests_per_s) for load in loads],
        "p50_ms": round(statistics.median(load.p50_ms for load in loads), 2),
        "p99_ms": round(statistics.median(load.p99_ms for load in loads), 2),
        "errors": sum(load.errors for load in loads),
        "generator": loads[0].generator,
    }
    if visible:
        summary["approvals"] = len(visible)
        summary["visible_after_ms_median"] = round(statistics.median(visible) * 1000, 1)
        summary["visible_after_ms_max"] = round(max(visible) * 1000, 1)
    return summary
