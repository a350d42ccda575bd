"""Benchmarks are not run here, but what they are made of is: they must not rot until somebody wants a figure."""

from __future__ import annotations

import contextlib
import html.parser
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks import __main__ as program
from benchmarks import archive, growth, ledger, mixed, peers, read, score, site, submit_peers
from benchmarks.page import page

from meydan.store import Store


@pytest.fixture
def _one_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One server for all scenarios, and no peers, which are in nobody's environment of testing."""
    monkeypatch.setattr(peers, "installed", tuple)
    with site.served(comments=2, stories=4, waiting=12) as shared:
        for scenario in (read, mixed, submit_peers):
            monkeypatch.setattr(scenario, "served", lambda **_: contextlib.nullcontext(shared))
        yield


@pytest.mark.usefixtures("_one_server")
def test_scenarios_over_http_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    If reading, mixed traffic, a soak and submitting run for a second, then each answers and none has errors.
    """
    monkeypatch.setattr(read, "COLD", 2)
    found = {
        "read": read.run(1, 1, comments=2),
        "mixed": mixed.run(1, 1, stories=4),
        "soak": mixed.soak(1, 1, per_s=40, stories=4),
        "submit_peers": submit_peers.run(1, 1),
    }
    assert found["read"]["meydan"]["requests_per_s"] > 0
    assert found["read"]["meydan_304"]["errors"] == found["mixed"]["meydan"]["errors"] == 0
    assert found["soak"]["errors"] == 0
    assert found["submit_peers"]["meydan_off"]["errors"] == 0
    _check_page(program._without_nan(found))


def test_a_ledger_is_published_proved_and_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """
    If a small ledger is measured, then it is published whole, its proofs hold, and it is found sound.
    """
    monkeypatch.setattr(ledger, "PROOFS", 5)
    found = ledger.logged(600)
    assert found["leaves"] == 600
    assert found["verification_s"] >= 0


def test_an_archive_is_as_the_program_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    If an archive was written past the store, then its schema, its guards and what it counts are those of the store.
    """
    monkeypatch.setattr(archive, "KEPT", tmp_path)
    url = str(archive.archive("sqlite", 300))
    Store.open(f"sqlite:///{tmp_path / 'fresh.db'}").close()
    schema = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
    with (
        sqlite3.connect(url.removeprefix("sqlite:///")) as made,
        sqlite3.connect(tmp_path / "fresh.db") as fresh,
    ):
        assert made.execute(schema).fetchall() == fresh.execute(schema).fetchall()
        assert made.execute("PRAGMA foreign_key_check").fetchall() == []
        wrong = "SELECT count(*) FROM story s WHERE shown <> (SELECT count(*) FROM comment WHERE story = s.id AND showing = 1)"
        assert made.execute(wrong).fetchone() == (0,)
        leaves = "SELECT count(*), max(number) + 1, (SELECT leaf FROM counter) FROM leaf"
        assert len(set(made.execute(leaves).fetchone())) == 1
    found = {"sqlite": {"in_the_database": growth._in_the_database({300: url}, 2)}}
    assert set(found["sqlite"]["in_the_database"]) >= {"first_page", "received_and_settled", "submitted"}
    _check_page({"growth": found})


def test_rows_to_score_are_the_same_every_time_and_hardly_ever_twice() -> None:
    """If rows are made for scoring, then another making makes the same, and repeats do no work for the judge."""
    made = list(score.texts(2000))
    assert made == list(score.texts(2000))
    assert len(set(made)) > 1950
    assert 100 < sum(map(len, made)) / len(made) < 180


def _check_page(results: dict[str, object]) -> None:
    """One document, that asks nobody for anything."""
    json.dumps(results, allow_nan=False)
    text = page({"machine": {"cpu": "<one>", "commit": "abc"}, **results})
    assert "<one>" not in text
    asked: list[str] = []

    class Reader(html.parser.HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            asked.extend(name for name, _ in attrs if name in ("src", "href"))

    Reader().feed(text)
    assert not asked
    assert "url(" not in text
