"""Archives from anybody: whatever is in them, an operator gets a report or a code, no traceback, and nothing acts on the terminal."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import click.testing
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from meydan.bulk.run import MANIFEST
from meydan.cli.scoring import score
from meydan.cli.trying import trial
from meydan.errors import BadArchive
from meydan.evaluate.trial_rows import COLUMNS
from meydan.text.visible import visible
from tests.bulk.archive import rules, scored

# Both verbs as they are, without the forty others that would be put together for each call.
app = typer.Typer()
app.command()(trial)
app.command()(score)

ESCAPE = "\x1b]0;taken\x07\x1b[2J"
OVERRIDE = "\u202egnihton\u2066"
SCRIPT = "</title></p></bdi><script>document.title='taken'</script>"
GOOD = [
    {"text": f"{text} {number}", "decision": decision, "story": f"s{number}"}
    for number, (text, decision) in enumerate(
        [("Thank you for this report.", "approved"), ("You are an idiot.", "rejected")] * 6
    )
]

words = st.text(st.characters() | st.sampled_from('\x00\x1b\u202e\ud800<&"\n'), max_size=8) | st.sampled_from(
    [ESCAPE, OVERRIDE, SCRIPT, "approved", "rejected", "2026-01-01", "9999-12-31T23:59:59-23:59"]
)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.sampled_from([10**400, -(10**20), 1e300])
    | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=4,
)
entries = st.one_of(
    st.dictionaries(st.sampled_from(list(COLUMNS)), anything, max_size=4).map(lambda row: {**GOOD[0], **row}),
    st.dictionaries(st.sampled_from(["title", "id", "at", "rules"]), anything).map(
        lambda row: {**row, "text": "Well said.", "decision": "approved"}
    ),
    anything,
)  # fmt: skip
fields = st.sampled_from(
    [b"Well said.", b"approved", b"rejected", b"", b'"', b'""', b",", b"\n", b"\r\n", b"\xff", b"\x00", b"\xef\xbb\xbf",
     b"\x1b[2J", "هذا رأي".encode(), b"\xed\xa0\x80", b"=1+1", b";", b"\t"]
)  # fmt: skip
lines = st.lists(st.lists(fields, min_size=1, max_size=6).map(b"".join), max_size=8).map(b"\n".join)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where trials are made, one after another: what was judged once is not judged again."""
    return tmp_path_factory.mktemp("hostile")


def tried(room: Path, file: Path, *more: str) -> click.testing.Result:
    """A trial; it ended with a report or a code, and said nothing that acts."""
    report = room / "trial" / "report.html"
    report.unlink(missing_ok=True)
    given = [
        "trial",
        str(file),
        "--folder",
        str(room / "trial"),
        "--workers",
        "1",
        "--data",
        str(room / "data"),
    ]
    ran = CliRunner().invoke(app, [*given, *more])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    assert "Traceback" not in ran.output
    assert visible(ran.output) == ran.output
    if ran.exit_code:
        told = ran.stderr.strip()
        assert re.match(r'[MRU]\d{3}  |\{"code": "[MRU]\d{3}"', told), told
        assert not report.exists()
    else:
        HTMLParser().feed(report.read_text(encoding="utf-8"))
    return ran


quick = settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@quick
@given(st.lists(entries, max_size=6), st.booleans())
def test_any_json_gives_a_report_or_a_code(room: Path, hostile: list[Any], as_json: bool) -> None:
    """If lines of JSON hold any value anywhere beside good rows, then the good rows are tried, and the others used or told."""
    file = room / "past.jsonl"
    rows = [*GOOD, *hostile]
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    ran = tried(room, file, "--split", "row", *(["--json"] if as_json else []))
    assert ran.exit_code == 0, ran.output
    if as_json:
        told = json.loads(ran.stdout)["archive"]
        assert told["rows"] == len(rows)
        assert told["decided"] >= len(GOOD)
    _score(room, file, len(rows))


@quick
@given(lines, st.sampled_from([b"text,decision\n", b"text,decision,at,story\n", b""]))
def test_any_csv_gives_a_report_or_a_code(room: Path, hostile: bytes, head: bytes) -> None:
    """If a file holds any bytes, then there is a report or a code, and of scores as well."""
    file = room / "past.csv"
    good = [f"{row['text']},{row['decision']}{',' * (head.count(b',') - 1)}\n".encode() for row in GOOD]
    file.write_bytes(head + b"".join(good if head else ()) + hostile)
    tried(room, file)
    _score(room, file, None)


_rules = cache(rules)


def _score(room: Path, file: Path, rows: int | None) -> None:
    out = room / "scores" / str(len(list(room.glob("scores/*"))))
    try:
        manifest = scored(file, out, given=_rules())
    except BadArchive:
        assert not out.exists()
        return
    counts = manifest["counts"]
    assert counts["scored"] + counts["rejected"] + counts["blank"] == counts["rows"]
    assert rows is None or counts["rows"] == rows
    assert (out / MANIFEST).exists()


def test_words_of_a_file_do_not_act(room: Path) -> None:
    """If ids, decisions, columns and reasons are escapes and overrides, then they are written out, on the terminal and on the page."""
    file = room / "named.jsonl"
    rows = [{**row, "decision": ESCAPE} for row in GOOD]
    file.write_text("\n".join(map(json.dumps, rows)))
    assert "unknown-decision" not in tried(room, file).output
    file.write_text(json.dumps({ESCAPE: 1, OVERRIDE: 2}))
    assert "M342" in tried(room, file).output
    # What another system exported: its comments' ids are where rows stand.
    isso = [{"id": f"{ESCAPE}{OVERRIDE}{number}", "action_type": "x"} for number in range(3)]
    file.write_text("\n".join(map(json.dumps, isso)))
    for format in ("coral", "meydan", "remark42"):
        tried(room, file, "--format", format)
    reasons = [{**row, "rules": [SCRIPT, OVERRIDE, ESCAPE], "title": SCRIPT + OVERRIDE} for row in GOOD]
    file.write_text("\n".join(map(json.dumps, [*reasons, {**GOOD[0], "author": "x" * 100_000}])))
    assert tried(room, file, "--split", "row").exit_code == 0
    page = (room / "trial" / "report.html").read_text()
    assert "<script" not in page
    assert "too-long" in page
    assert not [letter for letter in "\x1b\x07\x00" if letter in page]


LINKS = ["same", "symbolic", "hard", "by another path"]


def _named(file: Path, how: str) -> Path:
    """Another name of a file."""
    other = file.with_name(f"other-{file.name}")
    if how == "same":
        return file
    if how == "by another path":
        return file.parent / "none" / ".." / file.name
    (other.symlink_to if how == "symbolic" else other.hardlink_to)(file)
    return other


@pytest.mark.parametrize("how", LINKS)
@pytest.mark.parametrize("option", ["--rows", "--out", "report", "evidence", "guidelines"])
def test_a_trial_never_writes_over_what_it_reads(tmp_path: Path, how: str, option: str) -> None:
    """If an output of a trial is its input, by whatever name, then it is refused before anything is opened."""
    (tmp_path / "none").mkdir()
    file = tmp_path / {"report": "report.html", "evidence": "evidence.jsonl"}.get(option, "past.jsonl")
    file.write_text("\n".join(map(json.dumps, GOOD)))
    if option in ("report", "evidence"):
        named = _named(file, how)
        folder = tmp_path / "trial"
        folder.mkdir()
        (folder / file.name).symlink_to(named)
        given = ["--format", "jsonl", "--folder", str(folder)]
    elif option == "guidelines":
        rules = tmp_path / "guidelines.toml"
        rules.write_bytes(_guidelines())
        given = ["--guidelines", str(rules), "--rows", str(_named(rules, how))]
    else:
        given = [option, str(_named(file, how))]
    before = _all(tmp_path)
    ran = CliRunner().invoke(app, ["trial", str(file), "--data", str(tmp_path / "data"), *given])
    assert (ran.exit_code, ran.stderr[:4]) == (2, "M356"), ran.output
    assert _all(tmp_path) == before


def test_two_outputs_of_a_trial_are_two_files(tmp_path: Path) -> None:
    """If two things would be written to one file, then it is refused."""
    file = tmp_path / "past.jsonl"
    file.write_text("\n".join(map(json.dumps, GOOD)))
    one = str(tmp_path / "one")
    ran = CliRunner().invoke(
        app, ["trial", str(file), "--rows", one, "--out", one, "--data", str(tmp_path / "data")]
    )
    assert (ran.exit_code, ran.stderr[:4]) == (2, "M302"), ran.output


def test_a_calibration_that_cannot_be_read_is_known_before_anything_is_judged(tmp_path: Path) -> None:
    """If the file for the calibration holds something else, then it is refused at once, and stays as it was."""
    file = tmp_path / "past.jsonl"
    file.write_text("\n".join(map(json.dumps, GOOD)))
    (tmp_path / "mine").write_text("mine")
    before = _all(tmp_path)
    ran = CliRunner().invoke(
        app, ["trial", str(file), "--out", str(tmp_path / "mine"), "--data", str(tmp_path / "data")]
    )
    assert (ran.exit_code, ran.stderr[:4]) == (2, "M306"), ran.output
    assert _all(tmp_path) == before


@pytest.mark.parametrize("how", LINKS)
@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("in.csv", "in.csv"), ("in.rejected.jsonl", "in.csv"), ("folder", "folder"), ("folder", "folder/scores.csv"),
        ("folder", "folder/deep/scores"), ("folder/deep", "folder"), ("folder/deep/b.csv", "folder"), ("in.csv", "."),
    ],
)  # fmt: skip
def test_scores_are_never_written_over_what_is_read(tmp_path: Path, source: str, out: str, how: str) -> None:
    """If scores would go to the input, or into its folder, or around it, then it is refused before anything is opened."""
    (tmp_path / "none").mkdir()
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    for name in ("in.csv", "folder/a.csv", "folder/deep/b.csv"):
        (tmp_path / name).write_text("text\nWell said.\n")
    (tmp_path / "in.rejected.jsonl").write_text('{"text": "Well said."}\n')
    to = tmp_path / out
    if source.endswith(".jsonl"):
        # What is written over is a name that is made of the output's.
        to = _named(tmp_path / source, how).with_name(
            "other-in.csv" if how in ("symbolic", "hard") else "in.csv"
        )
    elif to.exists() and not (to.is_dir() and how == "hard"):
        to = _named(to, how) if out != "." else tmp_path
    before = _all(tmp_path)
    ran = CliRunner().invoke(app, ["score", str(tmp_path / source), "-o", str(to)])
    assert (ran.exit_code, ran.stderr[:4]) == (2, "M356"), ran.output
    assert _all(tmp_path) == before


def _guidelines() -> bytes:
    from meydan.policy import load

    return load().source


def _all(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
        if os.path.lexists(path)
    }
