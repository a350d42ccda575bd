"""A small archive with all that is in large ones, and an engine that scores it here, with a judge that is loaded once."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from meydan.bulk.engines import Engine
from meydan.bulk.part import Entry, Maker, Work
from meydan.bulk.plan import Asked, Partition, plan
from meydan.bulk.run import Place, Rules, score
from meydan.judge import Judge
from meydan.judge.calibration import uncalibrated
from meydan.judge.judge import FAST_ALONE
from meydan.policy import Guidelines, load

SAID = [
    "Thank you for this careful report on the water prices.",
    "You are a complete idiot and everybody knows it.",
    "Who paid for the new bridge, and when will it open?",
    "شكرا على هذا المقال المهم عن المدينة",
    "Call 0750 123 4567 now, best prices for your sofa, visit our shop!",
    "What a st*pid l1ar he is, the w0rst of all.",
    "The minister stole the money, said the report on page four, and nobody answered.",
    'He said: "I will, or I will not",\nand left.',
]


@cache
def fast() -> Judge:
    return Judge.load(tier="fast")


def rules(guidelines: Guidelines | None = None) -> Rules:
    return Rules("fast", fast().model, guidelines or load(), uncalibrated(FAST_ALONE))


def written(path: Path, rows: int = 60) -> Path:
    """An archive as CSV; every row another text, and each twentieth of them none."""
    with path.open("w", encoding="utf-8", newline="") as file:
        into = csv.writer(file)
        into.writerow(["id", "text", "language"])
        for i in range(rows):
            text = "" if i % 20 == 7 else f"{SAID[i % len(SAID)]} ({i})"
            into.writerow([f"c{i}", text, ("", "en", "ar")[i % 3]])
    return path


@dataclass(frozen=True)
class Here:
    """Makes parts in this process, one after another; `most` of them, then it fails as something might."""

    most: int = 1_000_000
    workers: int = 1
    name: str = "here"

    def made(self, work: Work, partitions: Sequence[Partition]) -> Iterator[Entry]:
        maker = Maker(work, fast())
        for i, one in enumerate(partitions):
            if i == self.most:
                raise KeyboardInterrupt
            yield maker.make(one)


def scored(
    path: Path, out: Path, engine: Engine = Here(), *, given: Rules | None = None, format: str | None = None, asked: Asked = Asked(rows_per_part=8)
) -> dict[str, Any]:  # fmt: skip
    return score(plan(path, asked), given or rules(), Place.of(out, format), engine)


def files(folder: Path) -> dict[str, bytes]:
    """What a folder holds, byte for byte; of the manifest all but what tells of the one run."""
    found = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    manifest = json.loads(found["manifest.json"])
    del manifest["run"]
    return {**found, "manifest.json": json.dumps(manifest).encode()}
