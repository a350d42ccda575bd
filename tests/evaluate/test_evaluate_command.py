"""`meydan evaluate` as an operator uses it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from meydan.cli.main import app
from meydan.errors import BadModel

ROWS = [
    {"text": "You are a complete idiot and everybody knows it.", "labels": {"toxic": 1}, "lang": "en"},
    {"text": "Thank you for this careful article.", "labels": {"toxic": 0}, "lang": "en"},
]


def run(*command: object, fails: int = 0) -> Any:
    ran = CliRunner().invoke(app, ["evaluate", *map(str, command)])
    assert ran.exit_code == fails, ran.output
    return ran


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, ROWS)))
    return path


def test_the_newsroom_suite_in_json_and_as_a_page(tmp_path: Path) -> None:
    """If the suite is measured, then programs get every figure by name, and the page is written."""
    page = tmp_path / "page.html"
    told = json.loads(run("newsroom", "--language", "kmr-Arab", "--json", "--html", page, "--peers").stdout)
    assert set(told) == {
        "set", "model", "guidelines", "calibrations", "cases", "headlines", "functionalities", "twins", "mistakes", "peers",
        "peers_missing",
    }  # fmt: skip
    (headline,) = told["headlines"]
    assert headline["language"] == "kmr-Arab"
    assert set(headline["wrongly_rejected"]) == {"value", "low", "high"}
    assert page.read_text().startswith("<!doctype html>")
    assert run("newsroom", "--language", "xx", fails=1)
    assert run("newsroom", "--html", tmp_path / "no" / "page.html", fails=1)


def test_a_page_that_cannot_be_written_is_told_before_anything_is_judged(
    rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the report cannot be written, then a code says so before a judge is loaded; and one that is there stays until then."""
    kept = tmp_path / "kept.html"
    kept.write_text("kept")

    def load(**_: object) -> None:
        raise BadModel("The judge was loaded.")

    with monkeypatch.context() as here:
        here.setattr("meydan.judge.Judge.load", load)
        for page in (
            tmp_path,
            tmp_path / ("x" * 300),
            kept / "page.html",
            tmp_path / ("x" * 300) / "page.html",
        ):
            ran = run("rows", rows, "--html", page, fails=1)
            assert "R113" in ran.stderr, ran.stderr
        for page in (kept, tmp_path / "new.html"):
            assert "M303" in run("rows", rows, "--html", page, fails=2).stderr
    assert kept.read_text() == "kept"
    assert not (tmp_path / "new.html").exists()
    # And one that could be written then, and cannot any more.
    monkeypatch.setattr(Path, "write_text", refuses)
    assert "R113" in run("rows", rows, "--html", kept, fails=1).stderr


def refuses(path: Path, *_: object, **__: object) -> None:
    raise OSError(28, "No space left on device", str(path))


def test_a_name_that_no_file_has_is_no_verb() -> None:
    """If what follows is no verb and no file can be called so, then that is said as of any unknown verb."""
    assert run("x" * 300, fails=2)


def test_a_file_needs_no_verb(rows: Path, tmp_path: Path) -> None:
    """If a file follows, then its rows are measured; a test run is logged, and any other is not."""
    log = tmp_path / "log.jsonl"
    told = json.loads(run(rows, "--json", "--label", "toxic", "--label", "odd", "--log", log).stdout)
    assert (told["set"], told["rows"], told["skipped"]) == ("rows.jsonl", 2, ["odd"])
    assert told["figures"][0]["auc"]["value"] == 1
    assert not log.exists()
    shown = run(rows, "--test", "--log", log, "--html", tmp_path / "page.html", "--progress").stdout
    assert "By label" in shown
    assert len(log.read_text().splitlines()) == 1
    assert "idiot" not in (tmp_path / "page.html").read_text()
    run(rows, "--html", tmp_path / "page.html", "--threshold", "0.999")
    assert "idiot" in (tmp_path / "page.html").read_text()
    run("newsrom", fails=2)
    run(tmp_path / "none.jsonl", fails=1)


def test_hatecheck_is_logged_and_needs_its_rows(tmp_path: Path) -> None:
    """If HateCheck is measured, then the run is in the log; without its rows, or a log, nothing is measured."""
    import gzip

    entries = [
        {**row, "source": "hatecheck", "meta": {"functionality": kind}, "labels": {}}
        for row, kind in zip(ROWS, ("insult_h", "thanks_nh"), strict=True)
    ]
    log = tmp_path / "log.jsonl"
    run("hatecheck", "--data", tmp_path, "--log", log, fails=1)
    with gzip.open(tmp_path / "test.jsonl.gz", "wt") as out:
        out.write("\n".join(map(json.dumps, entries)))
    run("hatecheck", "--data", tmp_path, "--log", tmp_path / "no" / "log.jsonl", fails=1)
    told = json.loads(
        run("hatecheck", "--data", tmp_path, "--log", log, "--threshold", "0.5", "--json").stdout
    )
    assert (told["threshold"], told["languages"][0]["cases"]) == (0.5, 2)
    assert len(log.read_text().splitlines()) == 1
    shown = run(
        "hatecheck", "--data", tmp_path, "--log", log, "--peers", "--html", tmp_path / "page.html"
    ).stdout
    assert "insult_h" in shown
    assert [json.loads(line)["set"] for line in log.read_text().splitlines()] == ["hatecheck"] * 2
