"""
Submitting: sent over HTTP and answered once durable (synchronous=FULL), judged by the whole judge or left to people.

The texts are as readers write: one to four sentences of the newsroom suites, 35 tokens in the mean, no two alike, on 50
stories, of every hundred 50 in English, 20 in Arabic, 10 in Turkish, 10 in Central Kurdish and 10 in Kurmanji; of every
hundred sentences 93 that are to be approved. `alike` is the worst case for finding near-repeats: 60 lines, again and again.
"""

from __future__ import annotations

import functools
import json
import random
import sqlite3
import statistics
import tempfile
from contextlib import closing
from importlib.resources import files
from pathlib import Path
from typing import Any

import psutil
from tests.postgresql import a_server
from tests.serving import Served

from benchmarks.judge import texts
from benchmarks.sending import GENERATOR, Sending, sent

CONNECTIONS = 16
STORIES = 50
STORY = "http://localhost/a-story"
SHARES = {"en": 50, "ar": 20, "tr": 10, "ckb": 10, "kmr": 10}
MILD = 0.93
CHARACTERS = 12
"""From how many characters on a text takes no further sentence; makes 35 tokens in the mean."""

MODES = {"judged": "assisted", "off": "off"}
UNBOUNDED = 100_000_000


@functools.cache
def sentences() -> dict[str, tuple[list[str], list[str]]]:
    """By language what is to be approved and what is not, from the newsroom suites."""
    found: dict[str, tuple[list[str], list[str]]] = {}
    for language in SHARES:
        suite = files("meydan.evaluate").joinpath(f"suites/newsroom/{language}.jsonl")
        rows = [json.loads(line) for line in suite.read_text(encoding="utf-8").splitlines() if line]
        short = [row for row in rows if len(row["text"]) <= 300]
        found[language] = (
            [row["text"] for row in short if row["expect"] == "approve"],
            [row["text"] for row in short if row["expect"] != "approve"],
        )
    return found


def text_of(number: int) -> str:
    """The comment of this number: the same every time, and like no other."""
    chance = random.Random(number)
    language = chance.choices(list(SHARES), list(SHARES.values()))[0]
    mild, bad = sentences()[language]
    said: list[str] = []
    until = chance.expovariate(1 / CHARACTERS)
    while not said or sum(map(len, said)) < until:
        said.append(chance.choice(mild if chance.random() < MILD else bad))
    # Whoever writes the same sentence as another goes on in their own way.
    said.append(" ".join(chance.sample(" ".join(chance.sample(mild, 3)).split(), 3)))
    return " ".join(said)


def asking(number: int) -> tuple[str, bytes]:
    """A submission to Meydan's JSON API."""
    return _body(number, text_of(number))


def asking_alike(number: int) -> tuple[str, bytes]:
    """The same 60 lines again and again, with a number at the end."""
    return _body(number, f"{_lines()[number % 60]} {number}")


def _body(number: int, text: str) -> tuple[str, bytes]:
    sent_text = {
        "story": {"url": f"{STORY}/{number % STORIES}"},
        "name": f"Reader {number % 400}",
        "text": text,
    }
    return "/api/v1/comments", json.dumps(sent_text, ensure_ascii=False).encode()


@functools.cache
def _lines() -> list[str]:
    return texts(60)


def run(seconds: int, runs: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "connections": CONNECTIONS,
        "mean_tokens": _mean_tokens(),
        "generator": GENERATOR,
    }
    for mode in MODES:
        result[mode] = measured("", mode, seconds, runs)
    result["judged_alike"] = measured("", "judged", seconds, runs, alike=True)
    with a_server() as server:
        for mode in MODES:
            result[f"{mode}_postgresql"] = measured(server.new_database(), mode, seconds, runs)
    return result


def measured(database: str, mode: str, seconds: int, runs: int, *, alike: bool = False) -> dict[str, Any]:
    """Rates and times of a fresh server, after some seconds in which everything is used once."""
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        data = Path(folder)
        guidelines = _guidelines(data, MODES[mode])
        server = Served(
            data,
            database=database,
            guidelines=guidelines,
            submissions_per_minute=UNBOUNDED,
            submission_burst=UNBOUNDED,
            flood_per_minute=UNBOUNDED,
            near_repeats=UNBOUNDED,
        )
        server.start()
        process = psutil.Process(server.pid)
        try:
            idle_mb = process.memory_info().rss / 1e6
            number = 0
            done: list[Sending] = []
            spent: list[float] = []
            ways = asking_alike if alike else asking
            for measured_run in range(runs + 1):
                before = sum(process.cpu_times()[:2])
                one = sent(
                    server.url,
                    ways,
                    connections=CONNECTIONS,
                    seconds=seconds if measured_run else 2,
                    first=number,
                )
                number += len(one.answers) + CONNECTIONS
                if measured_run:
                    done.append(one)
                    spent.append((sum(process.cpu_times()[:2]) - before) / max(1, len(one.answers)) * 1000)
            left = None if database else _unjudged(data)
        finally:
            server.stop()
    rates = [one.per_s for one in done]
    return {
        "submissions_per_s": round(statistics.median(rates)),
        "submissions_per_s_runs": [round(rate) for rate in rates],
        "p50_ms": round(statistics.median(one.within_ms(0.50) for one in done), 1),
        "p99_ms": round(statistics.median(one.within_ms(0.99) for one in done), 1),
        "p99_ms_runs": [round(one.within_ms(0.99), 1) for one in done],
        "server_cpu_ms_each": round(statistics.median(spent), 2),
        "refused": [one.refused for one in done],
        "left_to_the_sweep": left,
        "sent": number,
        "idle_mb": round(idle_mb),
    }


def _guidelines(data: Path, mode: str) -> Path:
    source = files("meydan.policy").joinpath("default.toml").read_text(encoding="utf-8")
    assert source.count('\nmode = "assisted"') == 1
    path = data / "guidelines.toml"
    path.write_text(source.replace('\nmode = "assisted"', f'\nmode = "{mode}"'), encoding="utf-8")
    return path


def _unjudged(data: Path) -> int:
    """How many comments wait to be judged at the end of the runs: a gate let go of them, or people decide anyway."""
    with closing(sqlite3.connect(data / "meydan.db")) as database:
        return int(
            database.execute("SELECT count(*) FROM comment WHERE judged_at IS NULL AND seq = 0").fetchone()[0]
        )


def _mean_tokens() -> float:
    from tokenizers import Tokenizer

    from meydan.judge.encoder import SHIPPED

    tokenizer = Tokenizer.from_file(str(SHIPPED / "tokenizer.json"))
    return round(statistics.mean(len(tokenizer.encode(text_of(number)).ids) for number in range(1000)), 1)
