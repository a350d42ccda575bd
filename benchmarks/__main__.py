"""
python -m benchmarks [SCENARIO …] [--seconds N] [--runs N] [--json FILE]

Scenarios: judge, read, submit, start, store, newsroom, desk, threads, live, embed, nodes (all eleven when none is named), soak.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import desk, embed, judge, live, newsroom, nodes, read, start, store, submit, threads

SCENARIOS: dict[str, Callable[[int, int], dict[str, Any]]] = {
    "judge": judge.run,
    "read": read.run,
    "submit": submit.run,
    "start": start.run,
    "store": store.run,
    "newsroom": newsroom.run,
    "desk": desk.run,
    "threads": threads.run,
    "live": live.run,
    "embed": embed.run,
    "nodes": nodes.run,
}


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
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join([*SCENARIOS, "soak"]))
    parser.add_argument("--seconds", type=int, default=10, help="how long one run takes")
    parser.add_argument("--runs", type=int, default=3, help="runs of each; the median is quoted")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    given = parser.parse_args()
    names = given.scenarios or list(SCENARIOS)
    seconds = given.seconds
    if "soak" in names:
        names = ["submit" if name == "soak" else name for name in names]
        seconds = max(seconds, 1800)
    unknown = [name for name in names if name not in SCENARIOS]
    if unknown:
        parser.error(f"no scenario {unknown[0]!r}; there are {', '.join(SCENARIOS)} and soak")
    results: dict[str, Any] = {"machine": machine()}
    print(json.dumps(results["machine"], indent=1), file=sys.stderr)
    for name in names:
        print(f"\n{name}", file=sys.stderr)
        results[name] = SCENARIOS[name](seconds, given.runs)
        print(json.dumps({name: results[name]}, indent=1))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
