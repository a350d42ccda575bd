"""
The Perspective API's door: 50 comments a second, evenly, as a site sends them that has moved over.

The texts are those of `submit`: 35 tokens in the mean, five languages, no two alike. Each is asked for three attributes, as
Coral and its kind ask, with the claim that it is English. A request takes time from when it was due.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
from tests.serving import Served

from benchmarks.load import GENERATOR, Asked, Driven, drive, request
from benchmarks.submit import text_of
from meydan.settings import Settings
from meydan.wiring import build_staff

PER_S = 50
CONNECTIONS = 16
ATTRIBUTES = ("TOXICITY", "SEVERE_TOXICITY", "INSULT")
GATE_MS = 30
"""What 99 of 100 have to be answered within."""


def asking(url: str, key: str, spans: bool, number: int) -> Asked:
    """The request of this number."""
    asked = {
        "comment": {"text": text_of(number)},
        "requestedAttributes": {name: {} for name in ATTRIBUTES},
        "languages": ["en"],
        "doNotStore": True,
        **({"spanAnnotations": True} if spans else {}),
    }
    body = json.dumps(asked).encode()
    path = f"/v1alpha1/comments:analyze?key={quote(key)}&alt=json"
    return Asked("analyze", request("POST", url, path, body=body))


def run(seconds: int, runs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        data = Path(folder)
        staff, store = build_staff(Settings(data=data))
        key = staff.add_token("bench", ["judge"])
        store.close()
        server = Served(data, judged_per_minute=10_000_000)
        server.start()
        process = psutil.Process(server.pid)
        try:
            result: dict[str, Any] = {"per_s": PER_S, "connections": CONNECTIONS, "generator": GENERATOR}
            number = 0
            for kind, spans in (("whole", False), ("with_spans", True)):
                done: list[Driven] = []
                spent: list[float] = []
                for measured in range(runs + 1):
                    # At first everything is used once: patterns of listed words are compiled when a text resembles them.
                    length = seconds if measured else 10
                    before = sum(process.cpu_times()[:2])
                    driven = drive(
                        server.url,
                        partial(asking, server.url, key, spans),
                        connections=CONNECTIONS,
                        seconds=length,
                        first=number,
                        per_s=PER_S,
                    )
                    number += PER_S * length + CONNECTIONS
                    if measured:
                        done.append(driven)
                        answered = max(1, len(driven.took.get("analyze", ())))
                        spent.append((sum(process.cpu_times()[:2]) - before) / answered * 1000)
                result[kind] = _told(done, spent)
        finally:
            server.stop()
    return result


def _told(done: list[Driven], spent: list[float]) -> dict[str, Any]:
    loads = [driven.load("analyze") for driven in done]
    p99 = statistics.median(load.p99_ms for load in loads)
    return {
        "answered_per_s": round(statistics.median(load.requests_per_s for load in loads), 1),
        "p50_ms": round(statistics.median(load.p50_ms for load in loads), 1),
        "p99_ms": round(p99, 1),
        "p99_ms_runs": [round(load.p99_ms, 1) for load in loads],
        "within_gate": p99 <= GATE_MS,
        "server_cpu_ms_each": round(statistics.median(spent), 2),
        "refused": [driven.refused for driven in done],
    }
