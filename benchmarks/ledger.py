"""
The ledger: 1,000,000 leaves appended and published, proofs of inclusion, a whole verification, and submitting beside it.

`append` is what publishing makes of leaves that are there: hashed, signed, kept. `behind` is, while comments are sent at
16 connections, for how long a number that was answered was in no checkpoint: asked of the public door alone, ten times a
second. `submit` is the same load with publishing on and off, alternately, on a fresh server each time.
"""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from tests.serving import Served

from benchmarks.sending import GENERATOR, sent
from benchmarks.submit import CONNECTIONS, UNBOUNDED, asking
from meydan.comment import Decision, Verdict
from meydan.ledger.leaf import commitment_with, decision_leaf, receipt_leaf
from meydan.ledger.note import VerifyingKey
from meydan.ledger.publish import nodes_of
from meydan.ledger.receipt import read
from meydan.ledger.tiles import parse
from meydan.ledger.tree import check_inclusion, inclusion_path, leaf_hash
from meydan.ledger.verify import CHECKPOINT, Missing, Outcome, Verifier
from meydan.publishing import Memory, Publishing, _Books
from meydan.store import Store

LEAVES: Final = 1_000_000
PUT_AT_ONCE: Final = 10_000
PROOFS: Final = 200
LOOK_S: Final = 0.1
SEED: Final = b"benchmark of the ledger, no key."
DECIDED: Final = Decision(Verdict.APPROVE, guidelines=f"sha256:{'0' * 64}", model=f"sha256:{'1' * 64}")


def run(seconds: int, runs: int, *, leaves: int = LEAVES) -> dict[str, Any]:
    return {
        "generator": GENERATOR,
        "log": logged(leaves),
        "submit": alternately(seconds, runs),
        "behind": {f"every_{every_ms}_ms": behind(seconds, every_ms) for every_ms in (500, 2000)},
    }


def logged(leaves: int) -> dict[str, Any]:
    """Append, prove and verify so many leaves, two for each comment, in an SQLite file."""
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        store = Store.open(f"sqlite:///{Path(folder) / 'meydan.db'}")
        try:
            _fill(store, leaves)
            ledger = Publishing(
                store,
                name="benchmark.example/ledger",
                seeds=lambda: (SEED,),
                memory=Memory(Path(folder) / "ledger.checkpoint"),
                clock=lambda: datetime.now(UTC),
            )
            began = time.perf_counter()
            published = ledger.round()
            append_s = time.perf_counter() - began
            return {
                "leaves": published,
                "append_per_s": round(published / append_s),
                "round_of_500_ms": _round_ms(store, ledger, 500),
                **_proofs(store, ledger),
                **_verified(ledger),
            }
        finally:
            store.close()


def _fill(store: Store, leaves: int) -> None:
    at = datetime(2026, 11, 23, 12, tzinfo=UTC)
    put, first = 0, store.logs.leaves_count()
    while put < leaves:
        bodies: list[bytes] = []
        while len(bodies) < min(PUT_AT_ONCE, leaves - put):
            commitment = commitment_with(b"\0" * 32, str(first + put + len(bodies)))
            bodies += [receipt_leaf(commitment, at), decision_leaf(commitment, DECIDED, at)]
        store._writer.write(lambda hand, bodies=bodies[: leaves - put]: hand.leaves(bodies) and None)
        put += len(bodies[: leaves - put])


def _round_ms(store: Store, ledger: Publishing, leaves: int) -> float:
    """One round of what comes in two seconds, in milliseconds; the median of some."""
    took = []
    for _ in range(10):
        _fill(store, leaves)
        began = time.perf_counter()
        ledger.round()
        took.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(took), 1)


def _proofs(store: Store, ledger: Publishing) -> dict[str, float]:
    """Proofs of inclusion of leaves anywhere, made and checked, nothing kept from one to the next."""
    found = ledger.checkpoint()
    assert found is not None
    books = _Books(store, 1)
    chance = random.Random(1)
    took = []
    for _ in range(PROOFS):
        number = chance.randrange(found.size)
        began = time.perf_counter()
        path = inclusion_path(number, found.size, nodes_of(found.size, books))
        took.append((time.perf_counter() - began) * 1000)
        (body,) = books.leaves(number, number + 1)
        check_inclusion(leaf_hash(body), number, found.size, path, found.root)
    return {
        "inclusion_p50_ms": round(statistics.median(took), 2),
        "inclusion_p99_ms": round(sorted(took)[int(PROOFS * 0.99)], 2),
    }


def _verified(ledger: Publishing) -> dict[str, float]:
    """A whole verification in this process, asking what the doors would answer."""
    found = ledger.checkpoint()
    assert found is not None

    def fetch(path: str) -> bytes:
        if path == CHECKPOINT:
            return found.note.encode()
        body = ledger.tile(parse(path))
        if body is None:
            raise Missing
        return body

    keys = [VerifyingKey.parse(word) for word in ledger.keys_of(None)]
    began = time.perf_counter()
    report = Verifier(fetch, keys).verify(now=datetime.now(UTC), book_key=b"\0" * 16)
    took = time.perf_counter() - began
    if report.outcome is not Outcome.SOUND or report.leaves != found.size:
        raise RuntimeError(f"the ledger was not verified: {report.findings[:3]}")
    return {"verification_s": round(took, 1)}


def alternately(seconds: int, runs: int) -> dict[str, Any]:
    """Submissions a second with publishing on and off, in turn; `slower` is how many times as slow it is with it on."""
    rates: dict[str, list[float]] = {"on": [], "off": []}
    for number in range(max(1, runs)):
        for way in ("on", "off") if number % 2 else ("off", "on"):
            with _Serving(every_ms=500 if way == "on" else 0) as server:
                sent(server.url, asking, connections=CONNECTIONS, seconds=2, first=0)
                rates[way].append(
                    sent(server.url, asking, connections=CONNECTIONS, seconds=seconds, first=1_000_000).per_s
                )
    on, off = statistics.median(rates["on"]), statistics.median(rates["off"])
    return {
        "on_per_s": round(on),
        "off_per_s": round(off),
        "on_per_s_runs": [round(rate) for rate in rates["on"]],
        "off_per_s_runs": [round(rate) for rate in rates["off"]],
        "slower": round(off / on, 3),
    }


def behind(seconds: int, every_ms: int) -> dict[str, Any]:
    """While comments are sent: when a receipt was answered, and when the public checkpoint first covered its leaf."""
    with _Serving(every_ms=every_ms) as server:
        ended = threading.Event()
        answered: list[tuple[float, int]] = []
        seen: list[tuple[float, int]] = []

        def look() -> None:
            with httpx.Client() as client:
                number = 0
                while not ended.wait(LOOK_S):
                    path, body = asking(50_000_000 + (number := number + 1))
                    told = client.post(
                        server.url + path, content=body, headers={"content-type": "application/json"}
                    )
                    receipt = read(json.loads(told.content)["receipt"])
                    if receipt is not None:
                        answered.append((time.monotonic(), receipt.leaf))
                    checkpoint = client.get(f"{server.url}/ledger/checkpoint")
                    if checkpoint.status_code == 200:
                        seen.append((time.monotonic(), int(checkpoint.text.split("\n")[1])))

        looking = threading.Thread(target=look)
        looking.start()
        try:
            load = sent(server.url, asking, connections=CONNECTIONS, seconds=seconds, first=0)
            time.sleep(2 * every_ms / 1000)
        finally:
            ended.set()
            looking.join()
    waits = [
        next((at for at, size in seen if size > leaf and at >= since), float("nan")) - since
        for since, leaf in answered
    ]
    waits = sorted(wait for wait in waits if wait == wait)  # not of what was answered last
    return {
        "submissions_per_s": round(load.per_s),
        "receipts_followed": len(waits),
        "published_after_p50_s": round(statistics.median(waits), 2),
        "published_after_max_s": round(waits[-1], 2),
    }


class _Serving:
    """A fresh server in a folder of its own."""

    def __init__(self, *, every_ms: int) -> None:
        self._every_ms = every_ms

    def __enter__(self) -> Served:
        self._folder = tempfile.TemporaryDirectory(prefix="meydan-bench-")
        self._server = Served(
            Path(self._folder.name),
            ledger_ms=self._every_ms,
            submissions_per_minute=UNBOUNDED,
            submission_burst=UNBOUNDED,
            flood_per_minute=UNBOUNDED,
            near_repeats=UNBOUNDED,
        )
        self._server.start()
        return self._server

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._folder.cleanup()
