"""`meydan import` as an operator runs it: a report, exit codes, and a kill in its middle."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from benchmarks.importing import write_disqus
from typer.testing import CliRunner

from meydan.cli.main import app
from tests.exchange.made import SAMPLES
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
    assert not data.exists()
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


def archive_of(path: Path, *posts: str) -> Path:
    path.write_text(DISQUS.format(posts="".join(posts)).replace("https://news.example", "http://localhost"))
    return path


def test_a_report_is_never_written_over_anything_else(tmp_path: Path) -> None:
    """
    If the report is named as what is to be imported, by any name of it, or as another file that is there, then that is refused
    with M352 and the file is as it was; an earlier report is written anew.
    """
    file = archive_of(tmp_path / "disqus.xml", post())
    (tmp_path / "linked.csv").symlink_to(file)
    (tmp_path / "same.csv").hardlink_to(file)
    folder = tmp_path / "coral"
    shutil.copytree(SAMPLES / "coral-csv", folder)
    other = tmp_path / "accounts.csv"
    other.write_text("id,name\n1,Rojin\n")
    before = {path: path.read_bytes() for path in (file, other, *folder.iterdir())}
    for format, archive, report in [
        ("disqus", file, file),
        ("disqus", file, tmp_path / "linked.csv"),
        ("disqus", file, tmp_path / "same.csv"),
        ("coral", folder, folder / "comments.csv"),
        ("disqus", file, other),
        ("disqus", file, tmp_path),
    ]:
        refused = run(format, archive, "--data", tmp_path / "data", "--report", report, "--json")
        assert refused.exit_code == 2, refused.output
        assert json.loads(refused.stderr)["code"] == "M352"
    assert {path: path.read_bytes() for path in before} == before
    assert not (tmp_path / "data").exists()
    report = tmp_path / "report.csv"
    for _ in range(2):
        assert run("disqus", file, "--data", tmp_path / "data", "--report", report).exit_code == 1
    assert len(report.read_text().splitlines()) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_report_without_room_is_told_as_such(tmp_path: Path) -> None:
    """
    If there is no room for the report, then that is said of the report, and what was taken stays.
    """
    file = archive_of(tmp_path / "disqus.xml", post())
    full = run("disqus", file, "--data", tmp_path / "data", "--report", "/dev/full", "--json")
    assert full.exit_code == 2
    assert json.loads(full.stderr)["code"] == "M352"
    assert "1 are here already" in run("disqus", file, "--data", tmp_path / "data").stdout


def test_what_fails_beside_a_report_is_not_the_reports_fault(tmp_path: Path) -> None:
    """
    If the data folder cannot keep what waits while a report is written, then the error is of the folder and not of the report.
    """
    file = archive_of(tmp_path / "disqus.xml", post())
    environment = {"MEYDAN_SECRET": "long enough to be a secret, and only for this test"}
    failed = RUN.invoke(
        app,
        [
            *("import", "disqus", str(file), "--report", str(tmp_path / "report.csv"), "--json"),
            # A folder in which nobody can make a file.
            *("--data", "/proc/self", "--database", f"sqlite:///{tmp_path / 'meydan.db'}"),
        ],
        env=environment,
    )
    assert failed.exit_code == 75, failed.output
    told = json.loads(failed.stderr)
    assert told["code"] == "U201"
    assert "data folder" in told["message"]
    assert "report" not in told["message"]


COMMANDS = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\u2066\u200f"


def test_words_of_a_file_command_no_terminal(tmp_path: Path) -> None:
    """
    If ids and addresses of a file hold what commands a terminal or turns its direction, then it is told spelled out: in the
    answer, in JSON, and in a report of either kind.
    """
    header = {"kind": "header", "format": 1, "program": "x", "at": "2020-01-01T00:00:00Z"}
    comment = {"kind": "comment", "state": "approved", "submitted_at": "2020-01-01T00:00:00Z", "text": "So."}
    lines = [
        header,
        {"kind": "story", "url": "http://localhost/a"},
        {"kind": "story", "url": COMMANDS, "title": "One"},
        {"kind": "story", "url": COMMANDS, "title": "Two"},
        comment | {"id": COMMANDS, "story": "http://localhost/a", "submitted_at": "1980-01-01T00:00:00Z"},
        comment | {"id": "2", "story": COMMANDS},
    ]
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    said = run("meydan", file, "--data", tmp_path / "data").output
    assert "\\x1b[2J" in said
    assert "\\u202e" in said
    reports = [tmp_path / "report.csv", tmp_path / "report.jsonl"]
    for report in reports:
        said += run("meydan", file, "--data", tmp_path / "data", "--report", report, "--json").output
        said += report.read_text()
    # A newer program's name is in an error.
    file.write_text(json.dumps(header | {"format": 2, "program": COMMANDS}) + "\n")
    refused = [run("meydan", file, "--data", tmp_path / "data", *more) for more in ((), ("--json",))]
    assert [one.exit_code for one in refused] == [2, 2]
    said += "".join(one.output + one.stderr for one in refused)
    assert [c for c in said if not c.isprintable() and c not in "\r\n"] == []
    told = [json.loads(line) for line in reports[1].read_text().splitlines()]
    assert COMMANDS in [one["id"] for one in told]


@pytest.mark.parametrize(
    ("name", "format"), [("a.jsonl", "meydan"), ("a.xml", "disqus"), ("b.xml", "wordpress")]
)
def test_an_export_that_comes_home_doubles_nothing(tmp_path: Path, name: str, format: str) -> None:
    """
    If a server is given its own export, in any format, then all that is here still is known, and what was erased since then
    stays erased.
    """
    data, file = tmp_path / "data", tmp_path / name
    archive_of(
        tmp_path / "disqus.xml",
        post(),
        post('dsq:id="p3"', thread='<thread dsq:id="t1"/><parent dsq:id="p1"/>'),
        post('dsq:id="p4"', isSpam="true"),
    )
    run("disqus", tmp_path / "disqus.xml", "--data", data)
    as_format = (
        ["--format", "wxr"] if format == "wordpress" else ["--format", "disqus"] if format == "disqus" else []
    )
    left = RUN.invoke(app, ["export", str(file), *as_format, "--data", str(data)])
    assert left.exit_code == 0, left.output
    with sqlite3.connect(data / "meydan.db") as database:
        (id,) = database.execute("SELECT id FROM comment WHERE parent IS NOT NULL").fetchone()
    (data / ".importing-left").write_text("Words of a reader, by a version that left them.")
    assert RUN.invoke(app, ["erase", id, "--yes", "--data", str(data)]).exit_code == 0
    assert not (data / ".importing-left").exists()
    for more in (["--dry-run"], []):
        told = json.loads(run(format, file, "--data", data, "--json", *more).stdout)
        assert (told["already"], sum(told["taken"].values()), told["complete"]) == (3, 0, True)
    with sqlite3.connect(data / "meydan.db") as database:
        assert database.execute("SELECT count(*) FROM comment").fetchone() == (3,)
        assert database.execute("SELECT count(*) FROM words").fetchone() == (2,)
    if format == "wordpress":
        assert "<wp:comment_approved>spam</wp:comment_approved>" in file.read_text()


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
