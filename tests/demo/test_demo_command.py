"""`meydan demo` as a newsroom starts it: two addresses, no questions, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from meydan import demo
from tests.newsroom import ABUSIVE

ENGLISH = demo.load_stories()[0]


@contextmanager
def started(*arguments: str, folder: Path) -> Iterator[dict[str, str]]:
    """Run `meydan demo` until the block ends, then stop it with Ctrl+C; yields what it printed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MEYDAN_")}
    environment["TMPDIR"] = str(folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "meydan", "demo", "--json", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def post(reader: str, text: str) -> dict[str, object]:
    story = {"url": f"{reader.rstrip('/')}{ENGLISH.path}"}
    answer = httpx.post(
        f"{reader}api/v1/comments", json={"story": story, "name": "Rojin", "text": text}, timeout=30
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_the_demo_is_ready_to_click_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """If the demo is started, then it prints where to read and where to moderate, and judges a comment in under a second."""
    with started(folder=tmp_path) as told:
        assert ENGLISH.headline in httpx.get(told["reader"]).text
        assert "Sign in" in httpx.get(told["desk"]).text
        began = time.perf_counter()
        answer = post(told["reader"], ABUSIVE)
        assert time.perf_counter() - began < 1
        assert answer["status"] == "rejected"
        assert [reason["rule"] for reason in answer["reasons"]] == ["personal-attacks"]  # type: ignore[attr-defined]
    assert list(tmp_path.glob("meydan-demo-*")) == []


def test_the_demo_keeps_its_folder_when_asked(tmp_path: Path) -> None:
    """If the demo is started twice on one folder, then what was posted the first time is there the second time, once."""
    text = "Thank you, this was a good read, and I agree with most of it."
    counts = []
    for _ in range(2):
        with started("--data", str(tmp_path / "kept"), folder=tmp_path) as told:
            story = f"{told['reader'].rstrip('/')}{ENGLISH.path}"
            if not counts:
                post(told["reader"], text)
            shown = httpx.get(f"{told['reader']}api/v1/comments", params={"story": story}).json()
            counts.append((shown["count"], [comment["text"] for comment in shown["comments"]].count(text)))
    assert counts[0] == counts[1]
    assert counts[0][1] == 1
