"""
Judging: 1,000 lines through `meydan check -` on one core, with the full judge and with the fast tier, and one comment at a time.

The lines are generated here: about 130 characters, or 35 tokens, of news-comment English each.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from typing import Any

from meydan.judge import Judge, decide
from meydan.judge.classifier import Classifier
from meydan.policy import load
from meydan.text import fold

LINES = 1000
PARTS = [
    "Thank you for the report", "I do not believe the ministry", "who paid for all of this?",
    "the attack last week killed two soldiers", "my cousin works at that hospital",
    "this article leaves out the other party", "salaries are late again", "you are an idiot",
    "read the second paragraph", "the border was closed in May", "everyone in Erbil knows it",
    "I agree with the first comment", "subscribe to my channel for more", "shame on the company",
]  # fmt: skip


def texts(count: int = LINES) -> list[str]:
    """Lines of about 130 characters, the same every time."""
    chance = random.Random(7)
    return [", ".join(chance.sample(PARTS, chance.choice((4, 4, 5)))) + "." for _ in range(count)]


def run(seconds: int, runs: int) -> dict[str, Any]:
    del seconds  # a run is one pass over the lines, however long that takes
    lines = texts()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    whole, inside, single, fast, alone = [], [], [], [], []
    judge, quick, guidelines = Judge.load(), Judge.load(tier="fast"), load()
    judge.evidence_of(lines[:50])
    quick.evidence_of(lines[:50])
    words = Classifier.load()
    for _ in range(runs):
        begin = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "meydan", "check", "--json", "-"],
            input="\n".join(lines).encode(), stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip
        whole.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        for evidence in judge.evidence_of(lines, expected=("en",)):
            decide(evidence, guidelines)
        inside.append(LINES / (time.perf_counter() - begin))
        begin = time.perf_counter()
        for evidence in quick.evidence_of(lines, expected=("en",)):
            decide(evidence, guidelines)
        fast.append(round(LINES / (time.perf_counter() - begin)))
        begin = time.perf_counter()
        words.score([fold(line).text for line in lines])
        alone.append(round(LINES / (time.perf_counter() - begin)))
        for line in lines:
            begin = time.perf_counter()
            decide(judge.evidence(line, expected=("en",)), guidelines)
            single.append(time.perf_counter() - begin)
    many = {
        tier: float(
            subprocess.run(
                [sys.executable, "-c", _MANY, tier],
                input="\n".join(lines * 20).encode(), capture_output=True, check=True,
            ).stdout
        )
        for tier in ("full", "fast")
    }  # fmt: skip
    loaded = [
        json.loads(subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, check=True).stdout)
        for _ in range(runs)
    ]
    single.sort()
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    return {
        "lines": LINES,
        "mean_characters": round(statistics.mean(map(len, lines))),
        "cores": 1,
        "comments_per_s": round(statistics.median(inside)),
        "comments_per_s_runs": [round(rate) for rate in inside],
        "check_command_s_with_start": round(statistics.median(whole), 2),
        "check_command_comments_per_s_20000_lines_with_start": round(many["full"]),
        "fast_tier_comments_per_s": statistics.median(fast),
        "fast_tier_alone_with_folding_comments_per_s": statistics.median(alone),
        "check_command_fast_tier_comments_per_s_20000_lines_with_start": round(many["fast"]),
        "one_comment_p50_ms": round(single[len(single) // 2] * 1000, 2),
        "one_comment_p99_ms": round(single[int(len(single) * 0.99)] * 1000, 2),
        "load_s": round(statistics.median(one["load_s"] for one in loaded), 2),
        "resident_mb_after_200_comments": round(statistics.median(one["resident_mb"] for one in loaded)),
    }


_MANY = """
import subprocess, sys, time
lines = sys.stdin.buffer.read()
begin = time.perf_counter()
subprocess.run([sys.executable, "-m", "meydan", "check", "--json", "--tier", sys.argv[1], "-"], input=lines, stdout=subprocess.DEVNULL, check=True)
print((lines.count(b"\\n") + 1) / (time.perf_counter() - begin))
"""

_LOADED = """
import json, time
begin = time.perf_counter()
from meydan.judge import Judge
imported = time.perf_counter()
judge = Judge.load()
loaded = time.perf_counter()
for i in range(200):
    judge.evidence(f"The ministry said on day {i} that the road will be open again, and nobody believes it.")
import psutil
print(json.dumps({"import_s": imported - begin, "load_s": loaded - imported, "resident_mb": psutil.Process().memory_info().rss / 1e6}))
"""
