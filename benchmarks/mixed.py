"""
Mixed: 98 of 100 requests read, two send, over hundreds of stories; Meydan judging, beside its peers.

Some stories are read far more than others. `soak` is the same on Meydan alone for half an hour at an even pace, below what
it could take: the times of its first and its last minute, what it has in memory each minute, and every error. A time
counts from when its request was due, so that what waits behind a slow answer is counted too.
"""

from __future__ import annotations

import contextlib
import functools
import statistics
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import psutil

from benchmarks import peers
from benchmarks.load import GENERATOR, Asked, Asking, Driven, drive, request
from benchmarks.peers import Peer, sent
from benchmarks.site import as_peer, served

CONNECTIONS = 16
STORIES = 300
COMMENTS_EACH = 5
ONE_IN = 50
SOAK_S = 1800
SOAK_PER_S = 500
PARTS = 30
"""A soak is looked at in so many parts: minutes, in half an hour."""


def run(seconds: int, runs: int, *, stories: int = STORIES) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        server, _, _ = stack.enter_context(served(comments=COMMENTS_EACH, stories=stories))
        measured = [as_peer(server)]
        for name in peers.installed():
            peer = stack.enter_context(peers.PEERS[name]())
            for number in range(stories * COMMENTS_EACH):
                peer.send(f"/{number % stories}", number)
            measured.append(peer)
        found: dict[str, list[Driven]] = {peer.name: [] for peer in measured}
        for turn in range(runs):
            for peer in measured:
                first = 1_000_000 * (turn + 1)
                found[peer.name].append(
                    drive(
                        peer.url, asking(peer, stories), connections=CONNECTIONS, seconds=seconds, first=first
                    )
                )
        result: dict[str, Any] = {
            "connections": CONNECTIONS,
            "stories": stories,
            "sent": f"1 in {ONE_IN}",
            "generator": GENERATOR,
        }
        for peer in measured:
            loads = [driven.load() for driven in found[peer.name]]
            kinds = {kind: [driven.load(kind) for driven in found[peer.name]] for kind in ("read", "send")}
            result[peer.name] = {
                "requests_per_s": round(statistics.median(load.requests_per_s for load in loads), 1),
                "requests_per_s_runs": [round(load.requests_per_s, 1) for load in loads],
                **{
                    f"{kind}_{share}_ms": round(
                        statistics.median(getattr(load, f"{share}_ms") for load in loads), 2
                    )
                    for kind, loads in kinds.items()
                    for share in ("p50", "p99")
                },
                "errors": sum(load.errors for load in loads),
                "conditions": peer.conditions,
            }
        ours = result["meydan"]["requests_per_s"]
        result["ratios"] = {
            f"meydan/{peer.name}": round(ours / max(result[peer.name]["requests_per_s"], 0.1), 1)
            for peer in measured[1:]
        }
        return result


def soak(seconds: int, runs: int, *, per_s: float = SOAK_PER_S, stories: int = STORIES) -> dict[str, Any]:
    del runs  # one, and that is long enough
    with served(comments=COMMENTS_EACH, stories=stories) as (server, _, _):
        ours = as_peer(server)
        process = psutil.Process(server.pid)
        memory: list[float] = []
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(seconds / PARTS):
                memory.append(round(process.memory_info().rss / 1e6, 1))

        looking = threading.Thread(target=look)
        looking.start()
        driven = drive(ours.url, asking(ours, stories), connections=CONNECTIONS, seconds=seconds, per_s=per_s)
        ended.set()
        looking.join()
        part = seconds / PARTS
        parts = [
            driven.load("read", since=number * part, until=(number + 1) * part) for number in range(PARTS)
        ]
        sends = [
            driven.load("send", since=number * part, until=(number + 1) * part) for number in range(PARTS)
        ]
        return {
            "seconds": seconds,
            "asked_per_s": per_s,
            "answered_per_s": round(driven.load().requests_per_s, 1),
            "errors": sum(driven.refused.values()),
            "refused": {str(status): number for status, number in driven.refused.items()},
            "read_p99_ms_by_minute": [round(load.p99_ms, 2) for load in parts],
            "send_p99_ms_by_minute": [round(load.p99_ms, 2) for load in sends],
            "read_p99_last_to_first": round(parts[-1].p99_ms / parts[0].p99_ms, 2),
            "send_p99_last_to_first": round(sends[-1].p99_ms / sends[0].p99_ms, 2),
            "memory_mb_by_minute": memory,
            "generator": GENERATOR,
        }


def asking(peer: Peer, stories: int) -> Asking:
    return partial(_asked, peer.url, peer.page, peer.sending, peer.headers, stories)


def _asked(
    url: str,
    page: Callable[[str], str],
    sending: Callable[[str, int], tuple[str, dict[str, Any]]],
    headers: dict[str, str],
    stories: int,
    number: int,
) -> Asked:
    if number % ONE_IN == 0:
        return sent(url, sending, tuple(f"/{story}" for story in range(1, stories)), number)
    # The square of an even draw: a tenth of the stories is read by a third of the readers.
    drawn = number * 2654435761 % 2**32 / 2**32
    story = 1 + int(drawn * drawn * (stories - 1))
    return _known(url, page(f"/{min(story, stories - 1)}"), tuple(headers.items()))


@functools.cache
def _known(url: str, path: str, headers: tuple[tuple[str, str], ...]) -> Asked:
    return Asked("read", request("GET", url, path, dict(headers)))
