"""`meydan import` as an operator runs it: a report, exit codes, and a kill in its middle."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.importing import write_disqus
from typer.testing import CliRunner

from meydan.cli.main import app
from tests.exchange.test_formats import DISQUS, post

RUN = CliRunner()


def run(*arguments: object) -> Any:
    return RUN.invoke(app, ["import", *map(str, arguments)])


def test_an_archive_is_taken_with_a_report(tmp_path: Path) -> None:
    """
    If a file has rows that cannot be taken, then the exit code is 1, the report names each, and the rest is here.
    """
    data, report = tmp_path / "data", tmp_path / "report.csv"
    file = tmp_path / "disqus.xml"
    posts = [
        post(),
        post('dsq:id="=2"', createdAt="then"),
        post('dsq:id="p3"', thread='<thread dsq:id="t1"/><parent dsq:id="p1"/>'),
    ]
    file.write_text(DISQUS.format(posts="".join(posts)).replace("https://news.example", "http://localhost"))
    tried = run("disqus", file, "--data", data, "--dry-run", "--json")
    done = run("disqus", file, "--data", data, "--report", report, "--json")
    assert (tried.exit_code, done.exit_code) == (1, 1)
    told = json.loads(done.stdout)
    assert told["taken"]["approved"] == 2
    assert told["not_taken"] == {"no-id": 1, "no-time": 1}
    assert {**json.loads(tried.stdout), "dry_run": False} == told
    rows = list(csv.DictReader(report.open()))
    assert [(row["id"], row["kind"], row["taken"]) for row in rows] == [
        ("", "no-id", "no"),
        ("'=2", "no-time", "no"),
    ]
    again = run("disqus", file, "--data", data)
    assert "0 comments were taken" in again.stdout
    assert "2 are here already" in again.stdout


def test_misuse_says_what_to_do(tmp_path: Path) -> None:
    """
    If the format, the file, a zone or a mapping is none, then the exit code is 2 and the message says what to do.
    """
    file = tmp_path / "file.xml"
    file.write_text("<rss/>")
    for arguments, said in [
        (("nosuch", file), "There are: coral"),
        (("disqus", file), "not with <disqus>"),
        (("disqus", tmp_path / "missing.xml"), "cannot be read"),
        (("wordpress", file, "--zone", "Mars/Olympus"), "Asia/Baghdad"),
        (("disqus", file, "--origin-map", "x"), "OLD=NEW"),
        (("disqus", file, "--source", "a\nb"), "--source"),
    ]:
        refused = run(*arguments, "--data", tmp_path / "data")
        assert refused.exit_code == 2, refused.output
        assert said in refused.output.replace("\n", " ")


def test_a_killed_import_is_completed_by_the_next(tmp_path: Path) -> None:
    """
    If an import is killed in its middle, then the next adds what is missing, and nothing is there twice.
    """
    file, data = tmp_path / "disqus.xml.gz", tmp_path / "data"
    states = write_disqus(file, 6000)
    command = [sys.executable, "-m", "meydan", "import", "disqus", str(file), "--data", str(data), "--json"]
    killed = subprocess.Popen(command, stdout=subprocess.PIPE)
    _wait_for_some(data / "meydan.db")
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    done = subprocess.run(command, check=True, capture_output=True, env=os.environ)
    told = json.loads(done.stdout)
    taken = sum(told["taken"].values())
    assert told["already"] > 0
    assert taken + told["already"] == 6000
    with sqlite3.connect(data / "meydan.db") as database:
        status = dict(
            database.execute("SELECT status, count(*) FROM comment WHERE withdrawn_at IS NULL GROUP BY 1")
        )
        keys = database.execute("SELECT count(*), count(DISTINCT key) FROM imported").fetchone()
        leaves = database.execute(
            "SELECT count(*), max(number) + 1, (SELECT leaf FROM counter) FROM leaf"
        ).fetchone()
    assert status == {"approved": states["approved"], "rejected": states["rejected"]}
    assert keys == (6000, 6000)
    assert len(set(leaves)) == 1


def _wait_for_some(database: Path) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if database.exists():
            try:
                with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as looking:
                    if looking.execute("SELECT count(*) FROM comment").fetchone()[0]:
                        return
            except sqlite3.Error:
                pass
        time.sleep(0.02)
    raise AssertionError("nothing came in")
