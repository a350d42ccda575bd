"""
Scoring an archive: `meydan score` by every engine, row for row; killed and gone on with; one worker and two; memory.

    python -m benchmarks score [--rows N]

Rows are made of sentences of our own training rows, plainly written: nine of ten in English, one of ten with something abusive in it, about
130 characters each; hardly any comes twice. Every engine scores them with the fast tier, by the command that operators have,
its start and the looking through included; the full tier scores a hundredth of them. What each writes is compared byte for byte.
"""

from __future__ import annotations

import csv
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from tests.bulk.cluster import a_cluster

from meydan.bulk.engines import QUIET
from meydan.text import fold

ROWS = 1_000_000
PARTS = 100
FULL_OF_ALL = 100
"""The full tier scores one of so many rows."""

CORPUS = Path(__file__).parent.parent / "src/meydan/train/corpus"
INNOCENT = ("en-news", "en-plain", "en-more-news", "en-long", "en-more-long", "en-quotes", "en-more-quotes")
ABUSIVE = (
    "en-attack",
    "en-more-attack",
    "en-more-abuse",
    "en-threat",
    "en-swear",
    "en-more-spoken",
    "en-promo",
)
OTHERS = ("ar-news", "tr-news", "ckb-news")
LONGEST_SENTENCE = 90


def texts(count: int, *, seed: int = 7) -> Iterator[str]:
    """Comments, the same every time."""
    chance = random.Random(seed)
    innocent, abusive = [text for text in _said(INNOCENT) if _is_plain(text)], _said(ABUSIVE)
    others = [_said((name,)) for name in OTHERS]
    for _ in range(count):
        draw = chance.random()
        if draw < 0.1:
            yield " ".join(chance.choices(chance.choice(others), k=2))
            continue
        said = chance.choices(innocent, k=chance.choice((2, 2, 3, 4)))
        if draw > 0.9:
            said[-1] = chance.choice(abusive)
        yield " ".join(said)


def _said(names: Sequence[str]) -> list[str]:
    found = [
        str(json.loads(line)["text"])
        for name in names
        for line in (CORPUS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return [text for text in found if len(text) <= LONGEST_SENTENCE]


def run(seconds: int, runs: int, *, rows: int = ROWS) -> dict[str, Any]:
    del seconds, runs  # a run is one pass over the rows, however long that takes
    with tempfile.TemporaryDirectory(prefix="meydan-score-") as folder:
        return _run(Path(folder), rows)


def _run(folder: Path, rows: int) -> dict[str, Any]:
    archive = folder / "archive.csv"
    each = min(10_000, max(100, rows // PARTS))
    characters, distinct = _write(archive, texts(rows))
    few = folder / "few.csv"
    _write(few, texts(max(400, rows // FULL_OF_ALL)))
    two = _scored(folder, archive, each, "two", "--workers", "2")
    whole = _files(folder / "two")
    found: dict[str, Any] = {
        "rows": rows,
        "mean_characters": round(characters / rows),
        "distinct": distinct,
        "verdicts": two.pop("verdicts"),
        "two_workers": two,
    }
    one = found["one_worker"] = _scored(folder, archive, each, "one", "--workers", "1")
    found["two_against_one"] = round(two["rows_per_s"] / one["rows_per_s"], 2)
    found["two_against_one_scoring_alone"] = round(two["scoring_rows_per_s"] / one["scoring_rows_per_s"], 2)
    found["killed"] = _killed(folder, archive, each)
    found["daft"] = _scored(folder, archive, each, "daft", "--workers", "2", "--engine", "daft")
    found["full_tier"] = _scored(folder, few, each, "full", "--workers", "1", tier="full")
    found["full_tier"]["rows"] = max(400, rows // FULL_OF_ALL)
    found["agree"] = {name: _files(folder / name) == whole for name in ("one", "killed", "daft")}
    try:
        begin = time.perf_counter()
        with a_cluster(nodes=2) as address:
            started = time.perf_counter() - begin
            on_ray = ("--engine", "daft", "--ray", address)
            found["ray"] = _scored(folder, archive, each, "ray", "--workers", "2", *on_ray)
        found["ray"]["two_nodes_start_s"] = round(started, 1)
        found["agree"]["ray"] = _files(folder / "ray") == whole
    except Exception as fault:  # noqa: BLE001 - what was measured before is not lost to a cluster that did not start
        found["ray"] = {"not_measured": f"{type(fault).__name__}: {fault}"[:300]}
    print(f"  agree row for row: {found['agree']}", file=sys.stderr)
    return found


def _is_plain(text: str) -> bool:
    """Whether nothing in it is disguised, as in most that people write; many training rows are, on purpose."""
    folded = fold(text)
    return folded.unmasked is folded


def _write(path: Path, said: Iterator[str]) -> tuple[int, int]:
    """Returns the characters of all rows, and how many differ."""
    characters, seen = 0, set()
    with path.open("w", encoding="utf-8", newline="") as file:
        into = csv.writer(file)
        into.writerow(["id", "text"])
        for i, text in enumerate(said):
            into.writerow([i, text])
            characters += len(text)
            seen.add(hash(text))
    return characters, len(seen)


def _command(archive: Path, out: Path, each: int, *more: str, tier: str = "fast") -> list[str]:
    more = ("--rows-per-part", str(each), *more)
    return [
        sys.executable,
        "-m",
        "meydan",
        "score",
        str(archive),
        "-o",
        str(out),
        "--tier",
        tier,
        "--json",
        *more,
    ]


def _scored(
    folder: Path, archive: Path, each: int, name: str, *more: str, tier: str = "fast"
) -> dict[str, Any]:
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    running = subprocess.Popen(
        _command(archive, folder / name, each, *more, tier=tier),
        stdout=subprocess.PIPE,
        env={**os.environ, **QUIET},
    )
    with _watched(running.pid) as memory:
        said = json.loads(running.communicate()[0])
    took = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert running.returncode == 0
    rows = said["counts"]["rows"]
    print(f"  {name}: {rows / took:.0f} rows/s", file=sys.stderr)
    return {
        "seconds": round(took, 1),
        "rows_per_s": round(rows / took, 1),
        "scoring_rows_per_s": round(rows / said["run"]["seconds"], 1),
        # Of what waited for its own children; Ray's are somebody else's.
        "processor_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "largest_process_mb": round(max(memory, default=(0, 0))[0] / 1e6),
        "all_processes_mb": round(max((one[1] for one in memory), default=0) / 1e6),
        "verdicts": said["counts"]["verdicts"],
    }


def _killed(folder: Path, archive: Path, each: int) -> dict[str, Any]:
    """Killed when a third is done, and once more when two thirds are, each time with its workers; then gone on with."""
    out = folder / "killed"
    parts = len(list((folder / "two").glob("part-*")))
    kept = []
    for third in (1, 2):
        running = subprocess.Popen(_command(archive, out, each, "--workers", "2"), stdout=subprocess.DEVNULL)
        while len(list(out.glob("part-*"))) < max(1, parts * third // 3) and running.poll() is None:
            time.sleep(0.05)
        running.kill()
        running.wait()
        kept.append(len(list(out.glob("part-*"))))
    said = json.loads(
        subprocess.run(
            _command(archive, out, each, "--workers", "2"), stdout=subprocess.PIPE, check=True
        ).stdout
    )
    return {"parts": parts, "kept_after_each": kept, "from_before": said["run"]["parts_from_before"]}


def _files(folder: Path) -> dict[str, bytes]:
    """What was written, but for what the manifest tells of the one run."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    manifest = json.loads(found["manifest.json"])
    del manifest["run"]
    return {**found, "manifest.json": json.dumps(manifest).encode()}


@contextmanager
def _watched(pid: int) -> Iterator[list[tuple[int, int]]]:
    """The memory of a process and its children every quarter of a second: of the largest, and of all together."""
    seen: list[tuple[int, int]] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.25):
            try:
                whole = psutil.Process(pid)
                sizes = [one.memory_info().rss for one in (whole, *whole.children(recursive=True))]
            except psutil.Error:
                continue
            seen.append((max(sizes), sum(sizes)))

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield seen
    finally:
        ended.set()
        looking.join()
