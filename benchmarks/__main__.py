"""
python -m benchmarks [SCENARIO …] [--url URL …] [--seconds N] [--runs N] [--json FILE] [--page FILE]
python -m benchmarks peers install
python -m benchmarks archive [--comments N,N,…]
python -m benchmarks importing [--comments N] [--database URL]
python -m benchmarks page RESULTS.json … -o PAGE.html

Every day (what runs when none is named, in a quarter of an hour): read, submit, submit_peers, mixed, judge, live, start, store.
By name, as each takes long or writes much: growth, soak, newsroom, trial, desk, threads, embed, nodes, perspective, score, ledger.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import (
    desk,
    embed,
    growth,
    importing,
    judge,
    ledger,
    live,
    mixed,
    newsroom,
    nodes,
    peers,
    perspective,
    read,
    score,
    start,
    store,
    submit,
    submit_peers,
    threads,
    trial,
)
from benchmarks.archive import archive
from benchmarks.databases import KEPT, a_server_on_disk
from benchmarks.page import page

EVERY_DAY: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "read": read.run,
    "submit": submit.run,
    "submit_peers": submit_peers.run,
    "mixed": mixed.run,
    "judge": judge.run,
    "live": live.run,
    "start": start.run,
    "store": store.run,
}
BY_NAME: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "growth": growth.run,
    "soak": mixed.soak,
    "newsroom": newsroom.run,
    "trial": trial.run,
    "desk": desk.run,
    "threads": threads.run,
    "embed": embed.run,
    "nodes": nodes.run,
    "perspective": perspective.run,
    "score": score.run,
    "ledger": ledger.run,
}
SCENARIOS = {**EVERY_DAY, **BY_NAME}


def machine() -> dict[str, Any]:
    """Where the figures come from: without it they mean nothing."""
    model = "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            line.partition(":")[2].strip()
            for line in cpuinfo.read_text().splitlines()
            if "model name" in line
        ]
        model = names[0] if names else model
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "load_before": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": platform.platform(),
        "commit": commit.stdout.strip(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def main() -> None:
    if sys.argv[1:2] == ["importing"]:
        # It has options of its own.
        importing.run(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument(
        "--url", action="append", default=[], help="`read` gets this address too, under the same load"
    )
    parser.add_argument("--seconds", type=int, help="how long one run takes: 10, and a soak 1800")
    parser.add_argument("--runs", type=int, default=3, help="runs of each; the median is quoted")
    parser.add_argument(
        "--comments", help="sizes of archives, by comma", default=",".join(map(str, growth.COMMENTS))
    )
    parser.add_argument("--rows", type=int, default=score.ROWS, help="how many rows `score` is given")
    parser.add_argument("--leaves", type=int, default=ledger.LEAVES, help="how many leaves `ledger` is given")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--page", "-o", type=Path, help="write them to this file as a page")
    given = parser.parse_args()
    sizes = tuple(int(size) for size in given.comments.split(","))
    if given.scenarios[:1] == ["peers"]:
        peers.install()
        return
    if given.scenarios[:1] == ["archive"]:
        write_archives(sizes)
        return
    if given.scenarios[:1] == ["page"]:
        if given.page is None:
            parser.error("say with -o where the page goes")
        results = {}
        for path in given.scenarios[1:]:
            results |= json.loads(Path(path).read_text())
        given.page.write_text(page(results), encoding="utf-8")
        return
    names = given.scenarios or list(EVERY_DAY)
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {unknown[0]!r}; there are {', '.join(SCENARIOS)}")
    scenarios = {
        **SCENARIOS,
        "read": partial(read.run, given=tuple(given.url)),
        "growth": partial(growth.run, comments=sizes),
        "score": partial(score.run, rows=given.rows),
        "ledger": partial(ledger.run, leaves=given.leaves),
    }
    results = {"machine": machine()}
    print(json.dumps(results["machine"], indent=1), file=sys.stderr)
    for name in names:
        print(f"\n{name}", file=sys.stderr)
        seconds = given.seconds or (mixed.SOAK_S if name == "soak" else 10)
        results[name] = _without_nan(scenarios[name](seconds, given.runs))
        print(json.dumps({name: results[name]}, indent=1))
        # After each, so that what was measured is kept whatever happens to the next.
        if given.json:
            given.json.write_text(json.dumps(results, indent=1) + "\n")
        if given.page:
            given.page.write_text(page(results), encoding="utf-8")


def write_archives(sizes: tuple[int, ...]) -> None:
    for database in (nullcontext("sqlite"), a_server_on_disk(KEPT / "postgresql")):
        with database as place:
            for size in sizes:
                print(archive(place, size))


def _without_nan(value: Any) -> Any:
    """What was not measured is null: JSON has no other word for it."""
    if isinstance(value, dict):
        return {str(key): _without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    main()
