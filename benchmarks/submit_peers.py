"""
Sending new comments to Meydan and its peers in the same run, in turn: judged by the whole judge, left to people, and theirs.

Every text is like no other, about 35 tokens, on 50 stories, at 16 connections; answered by Meydan once durable
(synchronous=FULL). The others moderate nothing and take every comment.
"""

from __future__ import annotations

import contextlib
import statistics
from typing import Any

from benchmarks import peers
from benchmarks.load import GENERATOR, Load, drive
from benchmarks.site import as_peer, served

CONNECTIONS = 16
STORIES = tuple(f"/{number}" for number in range(50))


def run(seconds: int, runs: int) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        measured = [
            as_peer(
                stack.enter_context(served(comments=0, automation=automation))[0],
                name=name,
                automation=automation,
            )
            for name, automation in (("meydan_judged", "assisted"), ("meydan_off", "off"))
        ]
        measured += [stack.enter_context(peers.PEERS[name]()) for name in peers.installed()]
        found: dict[str, list[Load]] = {peer.name: [] for peer in measured}
        for turn in range(runs):
            for peer in measured:
                driven = drive(
                    peer.url,
                    peer.asking(STORIES),
                    connections=CONNECTIONS,
                    seconds=seconds,
                    first=100_000 * turn,
                )
                found[peer.name].append(driven.load())
        result: dict[str, Any] = {"connections": CONNECTIONS, "generator": GENERATOR}
        for peer in measured:
            loads = found[peer.name]
            result[peer.name] = {
                "submissions_per_s": round(statistics.median(load.requests_per_s for load in loads), 1),
                "submissions_per_s_runs": [round(load.requests_per_s, 1) for load in loads],
                "p50_ms": round(statistics.median(load.p50_ms for load in loads), 1),
                "p99_ms": round(statistics.median(load.p99_ms for load in loads), 1),
                "errors": sum(load.errors for load in loads),
                "conditions": peer.conditions,
            }
        result["ratios"] = {
            f"{ours}/{peer.name}": round(
                result[ours]["submissions_per_s"] / max(result[peer.name]["submissions_per_s"], 0.1), 1
            )
            for ours in ("meydan_judged", "meydan_off")
            for peer in measured[2:]
        }
        return result
