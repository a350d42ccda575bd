"""
Scoring an archive: `meydan score` by every engine, row for row; killed and gone on with; one worker and two; memory.

    python -m benchmarks score [--rows N] [--runs N]

Rows are made of sentences of our own training rows, plainly written: nine of ten in English, one of ten with something abusive in it, about
130 characters each; hardly any comes twice. Each time by the command that operators have, its start and the looking through included.

* `fast`: every row, with the fast tier, by every engine with two workers: its own processes, also killed twice and gone on
  with; Daft; Daft on a Ray cluster of two nodes. What each writes is compared byte for byte.
* `full`: the same, but for the kills, with the full judge, of one row in FULL_OF_ALL: it would take hours for all of them.
* `fast_workers`, `full_workers`: one worker and two in turn, `--runs` times each, of one row in WORKERS_OF_ALL of those; medians
  are compared, and every run is told. All outputs are the same bytes too.

Of 1,000,000 rows it takes about half an hour on two cores. Fewer rows weigh the start more: it is the same for each run.
"""

from __future__ import annotations

import csv
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from tests.bulk.cluster import a_cluster

from meydan.bulk.engines import QUIET
from meydan.text import fold

ROWS = 1_000_000
PARTS = 100
FULL_OF_ALL = 20
"""The full tier scores one of so many rows, and FEWEST at least."""
WORKERS_OF_ALL = 10
"""One worker is set beside two on one of so many of a tier's rows, and FEWEST at least."""
FEWEST = 400

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
    del seconds  # a run is one pass over the rows, however long that takes
    with tempfile.TemporaryDirectory(prefix="meydan-score-") as folder:
        return _run(Path(folder), rows, runs)


def _run(folder: Path, rows: int, runs: int) -> dict[str, Any]:
    sizes = {"fast": rows, "full": min(rows, max(FEWEST, rows // FULL_OF_ALL))}
    archives = {tier: _archive(folder, size) for tier, size in sizes.items()}
    found: dict[str, Any] = {
        "rows": rows,
        "mean_characters": archives["fast"].characters,
        "distinct": archives["fast"].distinct,
    }
    whole = {}
    for tier, archive in archives.items():
        part = _archive(folder, min(archive.rows, max(FEWEST, archive.rows // WORKERS_OF_ALL)))
        found[f"{tier}_workers"] = _workers(part, tier, runs)
        local = _scored(archive, f"{tier}-local", tier, "--workers", "2")
        found[tier] = {"rows": archive.rows, "verdicts": local.pop("verdicts"), "agree": {}, "local": local}
        whole[tier] = _files(folder / f"{tier}-local")
        if tier == "fast":
            found[tier]["killed"] = _killed(archive, tier)
            found[tier]["agree"]["killed"] = _files(folder / "killed") == whole[tier]
        daft = _scored(archive, f"{tier}-daft", tier, "--workers", "2", "--engine", "daft")
        found[tier]["agree"]["daft"] = _files(folder / f"{tier}-daft") == whole[tier]
        found[tier]["daft"] = daft
    try:
        begin = time.perf_counter()
        with a_cluster(nodes=2) as address:
            found["two_ray_nodes_start_s"] = round(time.perf_counter() - begin, 1)
            for tier, archive in archives.items():
                on_ray = ("--workers", "2", "--engine", "daft", "--ray", address)
                found[tier]["ray"] = _scored(archive, f"{tier}-ray", tier, *on_ray)
                found[tier]["agree"]["ray"] = _files(folder / f"{tier}-ray") == whole[tier]
    except Exception as fault:  # noqa: BLE001 - what was measured before is not lost to a cluster that did not start
        found["ray_not_measured"] = f"{type(fault).__name__}: {fault}"[:300]
    for tier in archives:
        print(f"  {tier}, agree row for row: {found[tier]['agree']}", file=sys.stderr)
    return found


def _workers(archive: Archive, tier: str, runs: int) -> dict[str, Any]:
    """One worker and two in turn, so that whatever else the machine does befalls both; medians, and every run."""
    made: dict[str, list[dict[str, Any]]] = {"1": [], "2": []}
    files = []
    for number in range(runs):
        # Each goes first as often as the other, as nearly as the number of runs has it.
        for workers in ("1", "2") if number % 2 == 0 else ("2", "1"):
            out = f"{tier}-workers-{workers}-{number}"
            made[workers].append(_scored(archive, out, tier, "--workers", workers))
            files.append(_files(archive.path.parent / out))
            shutil.rmtree(archive.path.parent / out)
    rates = {
        what: {workers: [one[what] for one in all_runs] for workers, all_runs in made.items()}
        for what in ("rows_per_s", "scoring_rows_per_s")
    }
    return {
        "rows": archive.rows,
        **{what: {f"{workers}_workers": {"median": median(some), "runs": some} for workers, some in by.items()} for what, by in rates.items()},
        "two_against_one": round(median(rates["rows_per_s"]["2"]) / median(rates["rows_per_s"]["1"]), 2),
        "two_against_one_scoring_alone": round(
            median(rates["scoring_rows_per_s"]["2"]) / median(rates["scoring_rows_per_s"]["1"]), 2
        ),
        "agree": all(one == files[0] for one in files),
    }  # fmt: skip


@dataclass(frozen=True)
class Archive:
    """A file of rows, the mean of their characters, how many differ, and into parts of how many rows it is cut."""

    path: Path
    rows: int
    characters: int
    distinct: int

    @property
    def each(self) -> int:
        return min(10_000, max(100, self.rows // PARTS))


def _archive(folder: Path, rows: int) -> Archive:
    path = folder / f"archive-{rows}.csv"
    characters, distinct = _write(path, texts(rows))
    return Archive(path, rows, round(characters / rows), distinct)


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


def _command(archive: Archive, out: str, tier: str, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "meydan", "score", str(archive.path), "-o", str(archive.path.parent / out),
        "--tier", tier, "--rows-per-part", str(archive.each), "--json", *more,
    ]  # fmt: skip


def _scored(archive: Archive, out: str, tier: str, *more: str) -> dict[str, Any]:
    """One pass by the command of operators; `scoring_…` leaves out its start and the looking through."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    running = subprocess.Popen(
        _command(archive, out, tier, *more),
        stdout=subprocess.PIPE,
        env={**os.environ, **QUIET},
    )
    with _watched(running.pid) as memory:
        said = json.loads(running.communicate()[0])
    took = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert running.returncode == 0
    rows = said["counts"]["rows"]
    print(f"  {out}: {rows / took:.0f} rows/s", file=sys.stderr)
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


def _killed(archive: Archive, tier: str) -> dict[str, Any]:
    """Killed when a third is done, and once more when two thirds are, each time with its workers; then gone on with."""
    out = archive.path.parent / "killed"
    command = _command(archive, "killed", tier, "--workers", "2")
    parts = -(-archive.rows // archive.each)
    kept = []
    for third in (1, 2):
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while len(list(out.glob("part-*"))) < max(1, parts * third // 3) and running.poll() is None:
            time.sleep(0.05)
        running.kill()
        running.wait()
        kept.append(len(list(out.glob("part-*"))))
    said = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
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
