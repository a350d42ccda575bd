"""`meydan trial` as an operator uses it: with the real judge, killed half-way, and with nothing leaving the machine."""

from __future__ import annotations

import csv
import json
import os
import signal
import stat
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from meydan.cli.trying import past_of_records
from meydan.evaluate.trial_rows import NotTaken, Past
from meydan.exchange.record import CommentRecord, Fault, State, StoryRecord
from meydan.judge.calibration import load
from tests.cli.test_cli import ABUSIVE, COURTEOUS, answer, run

# Loaded by every Python that is started, so by the processes that judge as well.
LISTENING = """
import os, sys
def heard(event, given):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.bind", "urllib.Request"):
        with open(os.environ["HEARD"], "a") as told:
            told.write(f"{event} {given[1:]}\\n")
sys.addaudithook(heard)
with open(os.environ["HEARD"], "a") as told:
    told.write(f"started {os.getpid()}\\n")
"""


def archive(path: Path, approved: int, rejected: int) -> Path:
    with path.open("w", newline="", encoding="utf-8") as made:
        rows = csv.writer(made)
        rows.writerow(("comment_id", "comment_text", "status", "reason", "thread", "created_at"))
        for i in range(approved + rejected):
            bad = i % ((approved + rejected) // rejected) == 0
            text = f"{ABUSIVE} I said it {i} times." if bad else f"{COURTEOUS} That was in {i}."
            rows.writerow(
                (
                    i,
                    text,
                    "rejected" if bad else "published",
                    "insult" if bad else "",
                    f"t{i // 3}",
                    f"20{20 + i % 3}-05-01",
                )
            )
    return path


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, list[str]]:
    """One trial with two processes that judge, overheard."""
    here = tmp_path_factory.mktemp("trial")
    file = archive(here / "comments.csv", 200, 50)
    (here / "sitecustomize.py").write_text(LISTENING)
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MEYDAN_")}
    ran = subprocess.run(
        [
            sys.executable, "-m", "meydan", "trial", str(file), "--rule", "insult=personal-attacks", "--workers", "2", "--json",
            "--out", str(here / "calibration.json"), "--rows", str(here / "rows.csv"), "--data", str(here / "data"),
        ],
        capture_output=True, text=True, timeout=500, check=False,
        env={**clean, "PYTHONPATH": os.pathsep.join([str(here), *sys.path]), "HEARD": str(here / "heard")},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return here, json.loads(ran.stdout), (here / "heard").read_text().splitlines()


def test_nothing_leaves_the_machine(tried: tuple[Path, Any, list[str]]) -> None:
    """If an archive is tried, then no process of it opens a connection or asks for a name; and the page fetches nothing."""
    here, _, heard = tried
    assert sum(line.startswith("started") for line in heard) >= 3
    assert [line for line in heard if not line.startswith("started")] == []
    page = (here / "comments-trial" / "report.html").read_text()
    assert "default-src 'none'" in page
    assert not [
        word for word in ("<script", "src=", "@import", "url(", "http://", "https://") if word in page
    ]


def test_what_is_told_and_written(tried: tuple[Path, Any, list[str]]) -> None:
    """If an archive is tried, then figures, page, rows and calibration say the same, and only their owner can read them."""
    here, told, _ = tried
    assert (told["archive"]["decided"], told["archive"]["approved"]) == (250, 200)
    assert told["plan"]["calibrated_on"] + told["plan"]["held_out"] == 250
    assert told["languages"][0]["language"] == "en"
    assert [part["name"] for part in told["rules"]] == ["personal-attacks"]
    assert [part["name"] for part in told["years"]] == ["2020", "2021", "2022"]
    assert told["cost"]["measured_seconds"] > 0
    rows = list(csv.DictReader((here / "rows.csv").open()))
    assert sum(row["part"] == "held out" for row in rows) == told["plan"]["held_out"]
    assert COURTEOUS not in (here / "rows.csv").read_text() + json.dumps(told)
    folder = here / "comments-trial"
    assert sorted(path.name for path in folder.iterdir()) == ["evidence.jsonl", "report.html"]
    assert COURTEOUS[:20] not in (folder / "evidence.jsonl").read_text()
    for path in (*folder.iterdir(), here / "rows.csv"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    if told["calibration"]:
        assert set(load(here / "calibration.json").by_language) == {
            one["language"] for one in told["languages"] if one["calibration"] == "made"
        }
    # Nothing that is in force was changed.
    assert not (here / "data").exists()


def test_a_kill_loses_little_and_changes_nothing(tried: tuple[Path, Any, list[str]]) -> None:
    """If a trial is killed half-way, then the same command goes on where it stood, and says what it would have said."""
    here, told, _ = tried
    folder = here / "killed"
    evidence = folder / "evidence.jsonl"
    command = [
        "trial",
        str(here / "comments.csv"),
        "--rule",
        "insult=personal-attacks",
        "--folder",
        str(folder),
        "--json",
    ]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MEYDAN_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "meydan", *command, "--workers", "2"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**clean, "MEYDAN_DATA": str(here / "data")},
    )  # fmt: skip
    try:
        until = time.monotonic() + 100
        while not (evidence.exists() and evidence.stat().st_size):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.01)
        judging = psutil.Process(process.pid).children(recursive=True)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert psutil.wait_procs(judging, timeout=60)[1] == []
    kept = evidence.read_bytes()
    # As if it had been killed in the middle of a line.
    evidence.write_bytes(kept[: len(kept) * 3 // 4])
    again = answer(*command, data=here / "data")
    assert 0 < again["judged_before"] < 250
    for each in (again, told):
        each["cost"].pop("measured_seconds", None)
        each["cost"].pop("compute_seconds", None)
    same = [
        name for name in told if name not in ("report", "rows", "calibration", "seconds", "judged_before")
    ]
    assert {name: again[name] for name in same} == {name: told[name] for name in same}


def test_words_can_be_left_out_and_the_rest_is_kept(tried: tuple[Path, Any, list[str]]) -> None:
    """If it is tried again without words, then nothing is judged again, and the page holds none of them."""
    here, _, _ = tried
    shown = run(
        "trial", str(here / "comments.csv"), "--without-words", "--split", "time", data=here / "data"
    ).stdout
    assert "The report is in" in shown
    page = (here / "comments-trial" / "report.html").read_text()
    assert "idiot" not in page
    assert "careful article" not in page
    assert "which no rule" not in page
    assert "“insult”" in page


@pytest.mark.parametrize(
    ("name", "body", "code", "says"),
    [
        ("nothing.csv", b"", "M341", "no rows"),
        ("heads.csv", b"text,decision\n", "M341", "no rows"),
        ("held.csv", b"text,decision\nWait,pending\n", "M341", "not decided"),
        ("latin.csv", "text,decision\nÇok güzel,approved\n".encode("iso8859-9"), "M341", "iconv"),
        ("wide.csv", "text,decision\n".encode("utf-16"), "M340", "UTF-16"),
        ("first.csv", b"te\xe9xt,decision\nfine,approved\n", "M340", "names the columns"),
        ("odd.csv", b"words,what\na,b\n", "M342", "It has: what, words"),
        ("odd.xlsx", b"PK", "M340", "--format"),
        ("one.csv", b"text,decision\nGood day,approved\nWell said,approved\n", "M343", "none was rejected"),
    ],
)
def test_bad_files_say_what_to_do(tmp_path: Path, name: str, body: bytes, code: str, says: str) -> None:
    """If a file cannot be tried, then it says so in a line with its code and what to do next, and leaves no folder."""
    from typer.testing import CliRunner

    from meydan.cli.main import app

    (tmp_path / name).write_bytes(body)
    ran = CliRunner().invoke(app, ["trial", str(tmp_path / name), "--data", str(tmp_path / "data")])
    assert ran.exit_code == 2, ran.output
    assert code in ran.output
    assert says in ran.output
    assert "Traceback" not in ran.output
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    """If a rule, a column or a folder is none, then it is refused before anything is judged."""
    from typer.testing import CliRunner

    from meydan.cli.main import app

    file = archive(tmp_path / "comments.csv", 60, 30)
    (tmp_path / "taken").write_text("")
    for options, code in (
        (["--rule", "insult=nonsense"], "M302"),
        (["--rule", "insult"], "M302"),
        (["--column", "status=nonsense"], "M302"),
        (["--column", "absent=text"], "M342"),
        (["--folder", str(tmp_path / "taken")], "M344"),
    ):
        ran = CliRunner().invoke(app, ["trial", str(file), "--data", str(tmp_path / "data"), *options])
        assert (ran.exit_code, code in ran.output) == (2, True), ran.output
    ran = CliRunner().invoke(app, ["trial", str(tmp_path / "absent.csv")])
    assert (ran.exit_code, "M340" in ran.output) == (2, True)


def test_what_other_systems_kept_is_read_as_decisions() -> None:
    """If another system's export is tried, then what readers saw was approved, what was taken down rejected, and nothing else decided."""

    def comment(key: str, state: State, body: str = "Words", **more: Any) -> CommentRecord:
        at = datetime(2025, 1, 1, tzinfo=UTC)
        return CommentRecord(key, "s1", "Rojin", body, at, state, place=f"post {key}", **more)

    records = [
        StoryRecord("s1", "https://news.example/1", title="The road"),
        comment("1", "approved", "<p>Well said &amp; true.</p>", body_format="html", author_key="a1"),
        comment("2", "rejected", "Buy now", reason="spam"),
        comment("3", "rejected", "Off with you", reason="toxic", rules=("personal-attacks",)),
        comment("4", "held"),
        comment("5", "withdrawn"),
        comment("6", "erased", ""),
        Fault("post 7", "no-time", "It has no time."),
    ]
    found = list(past_of_records(iter(records)))
    past = [one for one in found if isinstance(one, Past)]
    assert [(one.id, one.text, one.approved, one.rules, one.title) for one in past] == [
        ("1", "Well said & true.", True, (), "The road"),
        ("2", "Buy now", False, ("spam",), "The road"),
        ("3", "Off with you", False, ("personal-attacks",), "The road"),
    ]
    assert (past[0].story, past[0].author) == ("s1", "a1")
    assert [(one.place, one.kind) for one in found if isinstance(one, NotTaken)] == [
        ("post 4", "undecided"), ("post 5", "undecided"), ("post 6", "no-text"), ("post 7", "no-time"),
    ]  # fmt: skip
