"""
python -m benchmarks.keeping [--comments N] [--json FILE]

Backup, verify, restore and move on both databases: comments a second, seconds of processor, memory at its highest.

Each verb is a process of its own, as an operator runs it. The database is made by the way that restores take, of
comments with evidence, a decision and two leaves each, which all re-hash.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from tests.postgresql import a_server

from meydan.comment import RULE_LABELS, Decision, Evidence, Verdict
from meydan.ledger import commitment_of, decision_leaf, receipt_leaf
from meydan.store.carrying import PIECE, columns_of, empty
from meydan.store.exact import micros, time_of

STORIES = 500
WORDS = [
    "the",
    "minister",
    "answered",
    "these",
    "questions",
    "in",
    "parliament",
    "today",
    "and",
    "nobody",
    "was",
    "surprised",
    "by",
    "what",
    "she",
    "said",
    "of",
    "roads",
]
APPROVE = Decision(Verdict.APPROVE, guidelines="sha256:" + "0" * 64, model="sha256:" + "1" * 64)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def fill(url: str, comments: int) -> None:
    """A database of so many approved comments."""
    chance = random.Random(30)
    salts = [secrets.token_bytes(32) for _ in range(1000)]

    def text(number: int) -> str:
        return f"{number} " + " ".join(chance.choices(WORDS, k=35))

    texts = [text(number) for number in range(1000)]
    said = [
        commitment_of(salts[number % 1000], f"{number} {texts[number % 1000]}") for number in range(comments)
    ]
    begin = micros(BEGAN)
    body = msgspec.json.encode(
        Evidence(language="en", language_score=1.0, scores=dict.fromkeys(RULE_LABELS, 0.125))
    )

    def at(number: int) -> int:
        return begin + number * 1_000_000

    def leaves() -> Iterator[dict[str, Any]]:
        for number in range(comments):
            yield {"number": 2 * number, "body": receipt_leaf(said[number], time_of(at(number)))}
            yield {
                "number": 2 * number + 1,
                "body": decision_leaf(said[number], APPROVE, time_of(at(number))),
            }

    tables: dict[str, Iterator[dict[str, Any]]] = {
        "counter": iter([{"id": 1, "leaf": 2 * comments, "change": comments, "pulse": 0}]),
        "leaf": leaves(),
        "story": (
            {"id": n, "url": f"https://news.example/{n}", "open": 1, "revision": 1, "changed": n, "shown": comments // STORIES, "picked": 0}
            for n in range(1, STORIES + 1)
        ),
        "comment": (
            {
                "number": n + 1, "id": f"{n * 7919 % comments:024x}", "story": n % STORIES + 1, "submitted_at": at(n),
                "commitment": said[n], "receipt": 2 * n, "worded": 1, "status": "approved", "seq": 1, "holds": "", "language": "en",
                "judged_at": at(n), "escalated": 0, "waiting": 0, "showing": 1, "due": at(n), "replies": 0, "branch": 1,
                "fingerprint": f"{n:032x}", "author_key": f"{n % 50_000:032x}",
            }
            for n in range(comments)
        ),
        "words": (
            {"comment": n + 1, "text": f"{n} {texts[n % 1000]}", "name": "Reader", "salt": salts[n % 1000]} for n in range(comments)
        ),
        "evidence": ({"number": n + 1, "comment": n + 1, "at": at(n), "body": body} for n in range(comments)),
        "decision": (
            {
                "comment": n + 1, "seq": 1, "leaf": 2 * n + 1, "decided_at": at(n), "verdict": "approve", "decided_by": "machine",
                "actor": "machine", "reasons": "[]", "guidelines": APPROVE.guidelines, "model": APPROVE.model,
            }
            for n in range(comments)
        ),
    }  # fmt: skip
    with empty(url) as target:
        for table, rows in tables.items():
            names = columns_of(table).names
            piece: list[tuple[Any, ...]] = []
            for row in rows:
                piece.append(tuple(row.get(name) for name in names))
                if len(piece) == PIECE:
                    target.put(table, piece)
                    piece = []
            if piece:
                target.put(table, piece)
        target.close_up()


def measured(comments: int, *verb: object) -> dict[str, float]:
    """One verb in a process of its own."""
    begin = time.perf_counter()
    highest = 0
    command = [sys.executable, "-m", "meydan", *map(str, verb), "--json"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        # What wait4 tells of memory is also that of the process it was forked from.
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            with contextlib.suppress(OSError, IndexError):
                told = Path(f"/proc/{process.pid}/status").read_text().partition("VmHWM:")[2]
                highest = max(highest, int(told.split()[0]))
            time.sleep(0.05)
        _, status, used = ended
        process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - begin
    if process.returncode:
        raise RuntimeError(f"{verb[0]} ended with {process.returncode}")
    return {
        "comments_per_s": round(comments / took),
        "seconds": round(took, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "memory_mb": round(highest / 1024),
    }


def run(comments: int) -> dict[str, Any]:
    results: dict[str, Any] = {"comments": comments}
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as name, a_server() as server:
        folder = Path(name)
        server.run("ALTER SYSTEM SET fsync = on")
        server.run("SELECT pg_reload_conf()")
        sqlite, other, back = (f"sqlite:///{folder / file}.db" for file in ("first", "other", "back"))
        moved, restored = server.new_database(empty=True), server.new_database(empty=True)
        fill(sqlite, comments)
        results["sqlite_mb"] = round((folder / "first.db").stat().st_size / 2**20)
        data = ("--data", folder / "data")
        file = folder / "one"
        none = "--without-erasures"
        for what, command in (
            ("backup sqlite", ("backup", file, "--database", sqlite, *data)),
            ("verify", ("backup", file, "--verify")),
            ("restore sqlite", ("restore", file, none, "--database", other, *data)),
            ("move sqlite to postgresql", ("move", sqlite, moved)),
            ("backup postgresql", ("backup", folder / "two", "--database", moved, *data)),
            ("restore postgresql", ("restore", folder / "two", none, "--database", restored, *data)),
            ("move postgresql to sqlite", ("move", moved, back)),
        ):
            results[what] = measured(comments, *command)
            print(f"{what}: {results[what]}", file=sys.stderr, flush=True)
        results["file_mb"] = round(file.stat().st_size / 2**20)
    return results


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--comments", type=int, default=1_000_000)
    asked.add_argument("--json", type=Path)
    given = asked.parse_args()
    from benchmarks.__main__ import machine

    told = {"machine": machine(), "keeping": run(given.comments)}
    print(json.dumps(told, indent=2))
    if given.json:
        given.json.write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main()
