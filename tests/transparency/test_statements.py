"""Statements of reasons: each field as the schema asks, of every rejection one, and of no reader anything."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from meydan.cli.main import app
from meydan.comment import DecidedBy, Decision, Reason, Verdict
from meydan.errors import BadCategories, BadStatement
from meydan.keeping import whole_file, whole_folder
from meydan.policy import load
from meydan.store import Rejection, Store
from meydan.transparency import Statements, faults_of, load_categories
from meydan.transparency.schema import FIELDS, REQUIRED
from meydan.transparency.statements import puid_of
from tests.store.making import APPROVE, EVIDENCE, HOLD, REJECT, decide, receive, report

WORDS, NAME, EMAIL = "Hûn hemû derewîn in!", "Dilşad", "dilsad@reader.example"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BY_MACHINE = replace(REJECT, decided_by=DecidedBy.MACHINE, by="machine")

GOOD: dict[str, Any] = {
    "puid": "meydan-1",
    "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"],
    "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
    "incompatible_content_ground": "Guideline “Profanity”",
    "incompatible_content_explanation": "No swearing.",
    "content_type": ["CONTENT_TYPE_TEXT"],
    "category": "STATEMENT_CATEGORY_OTHER_VIOLATION_TC",
    "content_date": "2026-11-20",
    "application_date": "2026-11-20",
    "decision_facts": "Facts.",
    "source_type": "SOURCE_VOLUNTARY",
    "automated_detection": "Yes",
    "automated_decision": "AUTOMATED_DECISION_FULLY",
}

BAD: dict[str, list[Any]] = {
    "puid": ["", "a b", "a/b", "ä", "x" * 501, 7],
    "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED", [], ["CONTENT_REMOVED"], ["DECISION_VISIBILITY_CONTENT_REMOVED"] * 2],
    "decision_visibility_other": ["", " ", "x" * 501],
    "end_date_visibility_restriction": ["2026-11-19", "20.11.2026", "2026-13-01", "2026-11-20T00:00"],
    "decision_monetary": ["STOPPED", ["DECISION_MONETARY_SUSPENSION"]],
    "decision_monetary_other": ["", "x" * 501],
    "end_date_monetary_restriction": ["2026-11-19", "soon"],
    "decision_provision": ["DECISION_PROVISION_SUSPENSION"],
    "end_date_service_restriction": ["2026-11-19", ""],
    "decision_account": ["DECISION_ACCOUNT_CLOSED"],
    "account_type": ["BUSINESS"],
    "end_date_account_restriction": ["2026-11-19", 20261121],
    "decision_ground": ["OTHER", "", None],
    "decision_ground_reference_url": ["news.example", "javascript:1", "https://" + "x" * 500],
    "illegal_content_legal_ground": ["", "x" * 501],
    "illegal_content_explanation": ["", "x" * 2001],
    "incompatible_content_ground": ["", "x" * 501, None],
    "incompatible_content_explanation": ["", "x" * 2001, None],
    "incompatible_content_illegal": ["yes", True],
    "content_type": ["CONTENT_TYPE_TEXT", [], ["TEXT"], None],
    "content_type_other": ["", "x" * 501],
    "content_date": ["2026-02-30", "2019-12-31", None],
    "content_language": ["en", "ckb", "EN-GB", "QQ"],
    "category": ["OTHER_VIOLATION_TC", "", None],
    "category_addition": ["STATEMENT_CATEGORY_VIOLENCE", ["VIOLENCE"], []],
    "category_specification": ["KEYWORD_HATE_SPEECH", ["HATE_SPEECH"], []],
    "category_specification_other": ["", "x" * 501],
    "territorial_scope": ["DE", ["IQ"], ["DE", "DE"], []],
    "application_date": ["2026-11-20-12", "2019-01-01", None],
    "decision_facts": ["", "\n", "x" * 5001, None],
    "source_type": ["SOURCE_READER", None],
    "source_identity": ["", "x" * 501],
    "automated_detection": ["yes", True, None],
    "automated_decision": ["Yes", "FULLY", None],
}  # fmt: skip


def test_every_field_is_checked() -> None:
    """If a field holds what the schema does not take, or a required one is missing, then exactly that field is named; and every field is tried."""
    assert faults_of(GOOD) == []
    assert BAD.keys() == FIELDS.keys()
    for name, values in BAD.items():
        for value in values:
            assert faults_of({**GOOD, name: value}) == [name], (name, value)
    for name in REQUIRED:
        assert name in faults_of({key: value for key, value in GOOD.items() if key != name})


def test_what_belongs_together_is_asked_for_together() -> None:
    """If one field calls for another, then the other is missing where it is not there; and a field that nobody knows is a fault."""
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"decision_visibility": None}, ["decision_visibility"]),
        ({"decision_visibility": None, "decision_account": "DECISION_ACCOUNT_SUSPENDED"}, []),
        ({"decision_visibility": ["DECISION_VISIBILITY_OTHER"]}, ["decision_visibility_other"]),
        ({"decision_monetary": "DECISION_MONETARY_OTHER"}, ["decision_monetary_other"]),
        ({"content_type": ["CONTENT_TYPE_TEXT", "CONTENT_TYPE_OTHER"]}, ["content_type_other"]),
        ({"category_specification": ["KEYWORD_OTHER"]}, ["category_specification_other"]),
        (
            {"decision_ground": "DECISION_GROUND_ILLEGAL_CONTENT"},
            ["illegal_content_legal_ground", "illegal_content_explanation"],
        ),
        ({"email": EMAIL}, ["email"]),
    ]
    for changed, faults in cases:
        assert faults_of({**GOOD, **changed}) == faults, changed


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path / 'meydan.db'}")
    yield store
    store.close()


def sent(store: Store, **more: Any) -> str:
    given = {"name": NAME, "email": EMAIL, "submitted_at": NOON, "story_url": "https://news.example/s"}
    return receive(store, WORDS, **{**given, **more})


def stated(store: Store, **given: Any) -> list[dict[str, Any]]:
    made = Statements(store, given.pop("categories", load_categories()), guidelines=load())
    return list(made.between(given.get("since", NOON - DAY), given.get("until", NOON + 5 * DAY)))


def test_every_rejection_is_stated_and_nothing_of_the_reader(store: Store) -> None:
    """If comments are rejected by the machine, by a person, after a report, and one is approved later, then each rejection is one statement as the schema asks, and nothing of a reader is in it."""
    by_machine, by_person, reported, shown, reversed_later = (sent(store) for _ in range(5))
    decide(store, by_machine, BY_MACHINE, at=NOON, evidence=EVIDENCE)
    store.hold(by_person, HOLD, evidence=EVIDENCE, at=NOON)
    decide(store, by_person, REJECT, at=NOON + DAY, note=WORDS)
    decide(store, reported, at=NOON, evidence=EVIDENCE)
    report(store, reported, words=WORDS, at=NOON)
    decide(store, reported, REJECT, at=NOON + 2 * DAY)
    decide(store, shown, at=NOON)
    decide(store, reversed_later, REJECT, at=NOON + 3 * DAY)
    decide(
        store, reversed_later, replace(APPROVE, decided_by=DecidedBy.MODERATOR, by="Mem"), at=NOON + 4 * DAY
    )

    told = stated(store)
    assert [faults_of(one) for one in told] == [[]] * 4
    assert [(one["automated_detection"], one["automated_decision"], one["source_type"]) for one in told] == [
        ("Yes", "AUTOMATED_DECISION_FULLY", "SOURCE_VOLUNTARY"),
        ("Yes", "AUTOMATED_DECISION_PARTIALLY", "SOURCE_VOLUNTARY"),
        ("No", "AUTOMATED_DECISION_PARTIALLY", "SOURCE_TYPE_OTHER_NOTIFICATION"),
        ("No", "AUTOMATED_DECISION_NOT_AUTOMATED", "SOURCE_VOLUNTARY"),
    ]
    assert [one.get("end_date_visibility_restriction") for one in told] == [None, None, None, "2026-11-24"]
    assert told[0]["category"] == "STATEMENT_CATEGORY_ILLEGAL_OR_HARMFUL_SPEECH"
    assert told[0]["category_addition"] == ["STATEMENT_CATEGORY_OTHER_VIOLATION_TC"]
    assert told[0]["category_specification"] == [
        "KEYWORD_HATE_SPEECH",
        "KEYWORD_DISCRIMINATION",
        "KEYWORD_LANGUAGE_REQUIREMENTS",
    ]
    assert told[0]["content_language"] == "KU"
    assert "by automated means alone" in told[0]["decision_facts"]
    everywhere = json.dumps(told, ensure_ascii=False)
    people = (WORDS, NAME, EMAIL, "Zîn", "Mem", by_machine, by_person, reported, reversed_later)
    assert not any(one in everywhere for one in people)


def test_a_number_is_the_same_whenever_it_is_made(store: Store) -> None:
    """If statements are made again, after an erasure too, then each has the same number as before, and no two have one."""
    ids = [sent(store) for _ in range(5)]
    for id in ids:
        decide(store, id, REJECT, at=NOON)
        decide(store, id, replace(REJECT, by="Mem"), at=NOON + DAY)
    before = [one["puid"] for one in stated(store)]
    store.erase(ids[0], leaf=b"erased", at=NOON + DAY)
    assert [one["puid"] for one in stated(store)] == before
    assert len(set(before)) == 10


def test_a_period_takes_each_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """If many are decided in the same microsecond, then, however few are read at a time, each is stated once, in the period that it belongs to."""
    monkeypatch.setattr("meydan.store.verdicts.AT_ONCE", 3)
    for number in range(20):
        decide(store, sent(store), REJECT, at=NOON + (number // 10) * DAY)
    assert len({one["puid"] for one in stated(store)}) == len(stated(store)) == 20
    assert len(stated(store, since=NOON, until=NOON + DAY)) == 10
    assert stated(store, since=NOON + 2 * DAY) == []


def test_an_import_was_decided_elsewhere(store: Store) -> None:
    """If a comment came here rejected, then whoever decided it has stated it, and we do not."""
    decide(store, sent(store), replace(REJECT, decided_by=DecidedBy.IMPORT, by="import"), at=NOON)
    assert stated(store) == []


def own_categories(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "categories.toml"
    path.write_text(text)
    return path


def test_an_editor_files_rules_otherwise(store: Store, tmp_path: Path) -> None:
    """If a file puts a rule under another category, or under a law, then statements follow it, and all other rules stay as they were."""
    decide(store, sent(store), REJECT, at=NOON)
    decide(
        store,
        sent(store),
        Decision(Verdict.REJECT, (Reason("own-rule"),), decided_by=DecidedBy.MODERATOR, by="Z"),
        at=NOON,
    )
    path = own_categories(
        tmp_path,
        '[rule.abuse]\ncategory = "CYBER_VIOLENCE"\nlegal_ground = "StGB §185"\n[place]\nterritorial_scope = ["SE", "DE"]\n',
    )
    first, second = stated(store, categories=load_categories(path))
    assert first["decision_ground"] == "DECISION_GROUND_ILLEGAL_CONTENT"
    assert first["illegal_content_legal_ground"] == "StGB §185"
    assert first["category_addition"] == ["STATEMENT_CATEGORY_OTHER_VIOLATION_TC"]
    assert first["territorial_scope"] == ["DE", "SE"]
    assert second["category"] == "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
    assert second["incompatible_content_illegal"] == "No"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[rule.abuse", "is not TOML"),
        ('[rule.abuse]\ncategory = "RUDE"', r"\[rule.abuse\]: its category is one of"),
        ('[rule.abuse]\ncategory = "VIOLENCE"\nkeywords = ["LOUD"]', "its keywords are of"),
        ('[rule.abuse]\ncategory = "VIOLENCE"\nlegal = "x"', "nothing called legal"),
        ('[rule.abuse]\ncategory = "VIOLENCE"\nillegal = 1', "illegal is true or false"),
        ("[rule]\nabuse = 7", "has to say a category"),
        ("[rules.abuse]\n", r"\[rules\]: there is no such part"),
        ('[place]\nterritorial_scope = ["IQ"]', "countries of the EEA"),
    ],
)
def test_a_file_with_a_fault_says_where(tmp_path: Path, text: str, said: str) -> None:
    """If the newsroom's file of categories has a fault, then the error names the part and what may stand there."""
    with pytest.raises(BadCategories, match=said):
        load_categories(own_categories(tmp_path, text))


def test_every_shipped_rule_is_filed() -> None:
    """If the shipped guidelines have a rule, then the table names it."""
    assert {rule.id for rule in load().rules} <= load_categories().rules.keys()


def test_what_would_not_be_taken_is_not_written(store: Store, tmp_path: Path) -> None:
    """If one statement breaks the schema, then the error names it and its field, and no file is left."""
    decide(store, sent(store), REJECT, at=datetime(2019, 1, 1, tzinfo=UTC))
    with pytest.raises(BadStatement, match="application_date"):
        stated(store, since=datetime(2018, 1, 1, tzinfo=UTC))
    store.close()
    out = tmp_path / "out"
    asked = ["statements", "--data", str(tmp_path), "--from", "2018-01-01", "-o"]
    for path in (out, tmp_path / "out.csv"):
        answer = CliRunner().invoke(app, [*asked, str(path)])
        assert answer.exit_code == 2, answer.output
        assert "M351" in answer.output
    assert {path.name for path in tmp_path.iterdir()} & {
        "out",
        "out.csv",
        "out.unfinished",
        "out.csv.unfinished",
    } == set()


def test_three_formats_say_the_same(store: Store, tmp_path: Path) -> None:
    """If statements are written as JSON, JSON Lines and CSV, then all three hold the same, JSON a hundred to a file; what is there is not written over."""
    for _ in range(101):
        decide(store, sent(store), REJECT, at=NOON)
    store.close()
    asked = [
        "statements",
        "--data",
        str(tmp_path),
        "--from",
        "2026-11-20",
        "--to",
        "2026-11-20",
        "--json",
        "-o",
    ]
    for name in ("json", "all.jsonl", "all.csv"):
        answer = CliRunner().invoke(app, [*asked, str(tmp_path / name)])
        assert answer.exit_code == 0, answer.output
        assert json.loads(answer.stdout)["statements"] == 101
    files = sorted((tmp_path / "json").iterdir())
    pieces = [json.loads(file.read_text())["statements"] for file in files]
    assert [len(piece) for piece in pieces] == [100, 1]
    whole = pieces[0] + pieces[1]
    assert [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()] == whole
    with (tmp_path / "all.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    for row, one in zip(rows, whole, strict=True):
        written = {
            name: json.dumps(value) if isinstance(value, list) else value for name, value in one.items()
        }
        assert {name: value for name, value in row.items() if value} == written
    again = CliRunner().invoke(app, [*asked, str(tmp_path / "all.csv")])
    assert again.exit_code == 1
    assert "R118" in again.output


@pytest.mark.parametrize("name", ["json", "all.jsonl", "all.csv"])
def test_statements_are_on_disk_before_they_have_their_name(
    name: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If statements are written, then each file is on the disk, then it or its folder has its name, and then that is on the disk."""
    decide(store, sent(store), REJECT, at=NOON)
    store.close()
    out, fsync = tmp_path / "out" / name, os.fsync
    before: set[int] = set()
    after: set[int] = set()

    def counted(handle: int) -> None:
        fsync(handle)
        (after if out.exists() else before).add(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", counted)
    answer = CliRunner().invoke(
        app, ["statements", "--data", str(tmp_path), "--from", "2026-11-20", "-o", str(out)]
    )
    assert answer.exit_code == 0, answer.output
    made = [out, *out.iterdir()] if out.is_dir() else [out]
    assert before >= {path.stat().st_ino for path in made}
    assert out.parent.stat().st_ino in after


@pytest.mark.parametrize("name", ["json", "all.jsonl"])
def test_two_who_write_the_same_statements_do_not_meet(name: str, store: Store, tmp_path: Path) -> None:
    """If statements are being written somewhere, then another run to that place is told to wait, and the first ends whole."""
    store.close()
    out = tmp_path / name
    asked = ["statements", "--data", str(tmp_path), "--from", "2026-11-20", "-o", str(out)]
    whole = whole_folder(out, "list") if name == "json" else whole_file(out, "list")
    with whole as made:
        if isinstance(made, Path):
            (made / "one").write_bytes(b"whole")
        else:
            made.write(b"whole")
        answer = CliRunner().invoke(app, asked)
        assert (answer.exit_code, answer.stderr[:4]) == (75, "U201"), answer.output
    assert (out / "one" if out.is_dir() else out).read_bytes() == b"whole"


def test_a_number_tells_nothing_of_a_comment() -> None:
    """If two rejections differ in the commitment or the number of the decision, then so do their numbers, and in nothing else."""
    one = Rejection(NOON, 1, 1, DecidedBy.MACHINE, (), "", b"c" * 32, NOON, "en", True, None, False)
    same = replace(one, decided_at=NOON + DAY, leaf=9, language="tr", superseded_at=NOON + DAY)
    assert puid_of(one) == puid_of(same)
    assert puid_of(one) != puid_of(replace(one, seq=2)) != puid_of(replace(one, commitment=b"d" * 32))
