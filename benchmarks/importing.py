"""
python -m benchmarks importing [--comments N] [--database URL] [--no-kill] [--keep FOLDER] [--json FILE]

A generated Disqus export comes in: comments a second and memory at its highest, of `meydan import` as an operator runs it.
Then once more, killed at a random point, and run again: what is there afterwards is what is in the file, once.

The file has threads of replies three deep and deeper, one parent in fifty after its reply, some deleted, spam and circles.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import psutil

WORDS = [
    "the",
    "council",
    "has",
    "asked",
    "people",
    "of",
    "that",
    "quarter",
    "about",
    "its",
    "street",
    "before",
    "it",
    "closed",
    "shops",
    "and",
    "nobody",
    "told",
    "them",
    "why",
    "a",
    "bus",
    "goes",
    "there",
    "twice",
    "an",
    "hour",
    "but",
    "who",
    "has",
    "time",
    "to",
    "wait",
    "for",
    "it",
    "in",
    "winter",
    "when",
    "water",
    "stands",
    "on",
    "every",
    "corner",
]
NAMES = [
    f"{first} {last}"
    for first in ("Rojin", "Azad", "Shilan", "Hiwa", "Nermin")
    for last in "ABCDEFGHIJKLMNOPQRST"
]
BEGAN = datetime(2014, 3, 1, tzinfo=UTC)

GUIDELINES_ORIGIN = "http://localhost"


def write_disqus(path: Path, comments: int, *, seed: int = 6) -> Counter[str]:
    """A Disqus export of so many posts; returns how many of each state there are to be."""
    chance = random.Random(seed)
    stories = max(1, comments // 50)
    states: Counter[str] = Counter()
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as out:
        out.write(
            '<?xml version="1.0" encoding="utf-8"?>\n<disqus xmlns="http://disqus.com" '
            'xmlns:dsq="http://disqus.com/disqus-internals">\n<category dsq:id="1"><forum>f</forum></category>\n'
        )
        for story in range(stories):
            out.write(
                f'<thread dsq:id="{story}"><id/><forum>f</forum><category dsq:id="1"/>'
                f"<link>{GUIDELINES_ORIGIN}/stories/{story}</link><title>Story {story}</title><message/>"
                "<createdAt>2014-03-01T08:00:00Z</createdAt><author><name>Desk</name><isAnonymous>false</isAnonymous></author>"
                "<isClosed>false</isClosed><isDeleted>false</isDeleted></thread>\n"
            )
        for number in range(comments):
            out.write(_post(chance, number, comments, stories, states))
        out.write("</disqus>\n")
    return states


def _post(chance: random.Random, number: int, comments: int, stories: int, states: Counter[str]) -> str:
    # Posts of a story stand near each other, as they were written near each other.
    story = (number // 200 * 4 + number % 4) % stories
    parent = ""
    if chance.random() < 0.6:
        # One in fifty answers what comes later in the file.
        step = 4 * chance.randrange(1, 12)
        other = number + step if chance.random() < 0.02 else number - step
        if 0 <= other < comments and other // 200 == number // 200:
            parent = f'<parent dsq:id="{other}"/>'
    lot = chance.random()
    deleted, spam = lot < 0.03, 0.03 <= lot < 0.06
    states["withdrawn" if deleted else "rejected" if spam else "approved"] += 1
    words = " ".join(chance.choices(WORDS, k=chance.randrange(5, 60)))
    link = ' <a href="https://news.example/more" rel="nofollow">more of it</a>' if lot > 0.9 else ""
    name = chance.choice(NAMES)
    at = BEGAN + timedelta(seconds=37 * number)
    return (
        f'<post dsq:id="{number}"><id/><message><![CDATA[<p>{number} {words}.</p><p>{words[:40]} &amp; so on.{link}</p>]]></message>'
        f"<createdAt>{at:%Y-%m-%dT%H:%M:%SZ}</createdAt><isDeleted>{str(deleted).lower()}</isDeleted><isSpam>{str(spam).lower()}</isSpam>"
        f"<author><email>{name.replace(' ', '.').lower()}@mail.example</email><name>{escape(name)}</name><isAnonymous>false</isAnonymous>"
        f"<username>{name.replace(' ', '').lower()}</username></author><ipAddress>192.0.2.1</ipAddress>"
        f'<thread dsq:id="{story}"/>{parent}</post>\n'
    )


def run(arguments: list[str]) -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks importing")
    parser.add_argument("--comments", type=int, default=1_000_000)
    parser.add_argument("--database")
    parser.add_argument("--no-kill", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="importing-") as made:
        folder = asked.keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / f"disqus-{asked.comments}.xml.gz"
        states = write_disqus(archive, asked.comments)
        told = {
            "comments": asked.comments,
            "archive_mb": round(archive.stat().st_size / 1e6, 1),
            "cores": os.cpu_count(),
        }
        told["load"] = os.getloadavg()[0]
        told["whole"] = _whole(archive, folder / "whole", asked.database, states)
        if not asked.no_kill and asked.database is None:
            told["killed"] = _killed(archive, folder / "killed", states, told["whole"]["seconds"])
    print(json.dumps(told))
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return told


def _command(archive: Path, data: Path, database: str | None = None) -> list[str]:
    where = [] if database is None else ["--database", database]
    return [
        sys.executable,
        "-m",
        "meydan",
        "import",
        "disqus",
        str(archive),
        "--data",
        str(data),
        *where,
        "--json",
    ]


def _whole(archive: Path, data: Path, database: str | None, states: Counter[str]) -> dict[str, Any]:
    begun = time.perf_counter()
    running = subprocess.Popen(_command(archive, data, database), stdout=subprocess.PIPE)
    assert running.stdout is not None
    most: list[float] = [0.0]
    watching = threading.Thread(target=_watch, args=(running.pid, most), daemon=True)
    watching.start()
    said = running.stdout.read()
    _, status, used = os.wait4(running.pid, 0)
    seconds = time.perf_counter() - begun
    told = json.loads(said)
    if status or {key: n for key, n in told["taken"].items() if n} != dict(states):
        raise SystemExit(f"not all was taken: {status} {told} instead of {dict(states)}")
    return {
        "seconds": round(seconds, 1),
        "comments_per_s": round(states.total() / seconds),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_mb_of_both": round(most[0]),
        "peak_mb_of_who_writes": round(used.ru_maxrss / 1024),
        "notes": told["notes"],
    }


def _watch(pid: int, most: list[float]) -> None:
    """Twice a second, the memory of a process and its children: what they share is counted once (Linux: PSS)."""
    with suppress(psutil.Error):
        whole = psutil.Process(pid)
        while True:
            held = 0
            for one in (whole, *whole.children()):
                with suppress(psutil.Error):
                    held += one.memory_full_info().pss
            most[0] = max(most[0], held / 2**20)
            if not whole.is_running() or whole.status() == psutil.STATUS_ZOMBIE:
                return
            time.sleep(0.5)


def _killed(archive: Path, data: Path, states: Counter[str], seconds: float) -> dict[str, Any]:
    running = subprocess.Popen(_command(archive, data), stdout=subprocess.PIPE)
    after = random.uniform(0.2, 0.9) * seconds
    time.sleep(after)
    running.send_signal(signal.SIGKILL)
    running.wait()
    again = subprocess.run(_command(archive, data), stdout=subprocess.PIPE, check=False)
    told = json.loads(again.stdout)
    once_more = subprocess.run(_command(archive, data), stdout=subprocess.PIPE, check=True)
    third = json.loads(once_more.stdout)
    taken = sum(told["taken"].values())
    if (
        taken + told["already"] != states.total()
        or third["already"] != states.total()
        or sum(third["taken"].values())
    ):
        raise SystemExit(f"not completed, or doubled: {told} {third}")
    return {"killed_after_s": round(after, 1), "there_then": told["already"], "added_by_second_run": taken}
