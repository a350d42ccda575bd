"""Audits on both databases: drawn once, answered once, kept; and what the machine was withdrawn from."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from meydan.comment import Audited, DecidedBy, Decision, Reason, Verdict
from meydan.errors import AlreadyDecided, NotFound
from meydan.store import Sought, Store
from tests.postgresql import PostgreSQL
from tests.store.making import APPROVE, EVIDENCE, HOLD, REJECT, around, decide, later, receive

REFUSED = (sqlite3.DatabaseError, psycopg.Error)
LANGUAGE = EVIDENCE.language
MACHINE_REJECTS = replace(REJECT, decided_by=DecidedBy.MACHINE, by="machine")


def drawn(store: Store, decision: Decision = APPROVE, calibration: str = "sha256:c") -> str:
    """A comment that the machine judged and that is audited."""
    id = receive(store)
    if decision.verdict is Verdict.HOLD:
        store.hold(id, decision, evidence=EVIDENCE, at=later(), audited_under=calibration)
    else:
        decide(store, id, decision, evidence=EVIDENCE, audited_under=calibration)
    return id


def test_what_is_drawn_waits_in_the_order_it_came(store: Store) -> None:
    """If machine decisions are drawn, then they wait as audits, oldest first; what it held does not."""
    ids = [drawn(store), drawn(store, MACHINE_REJECTS)]
    drawn(store, HOLD)
    assert store.audits(10) == tuple(ids)
    assert store.audits(1) == tuple(ids[:1])
    assert store.audits_count() == 2
    assert store.audited(LANGUAGE, "sha256:c") == ()
    assert store.audit(receive(store)) is None


def test_answers_are_kept_in_the_order_of_comments(store: Store) -> None:
    """If audits are answered, by agreeing, by another decision or in the queue, then each is there with both opinions."""
    agreed, overturned, held = drawn(store), drawn(store, MACHINE_REJECTS), drawn(store, HOLD)
    other = drawn(store, calibration="sha256:other")
    decide(store, held, replace(REJECT, reasons=(Reason("threats"), Reason("abuse", ground="racism"))))
    decide(store, overturned, replace(APPROVE, decided_by=DecidedBy.MODERATOR, by="Mem"), expected_seq=1)
    store.confirm(agreed, Verdict.APPROVE, (), by="Mem", at=later())
    store.confirm(other, Verdict.APPROVE, (), by="Mem", at=later())
    assert store.audits(10) == ()
    assert store.audited(LANGUAGE, "sha256:c") == (
        Audited(Verdict.APPROVE, (), Verdict.APPROVE),
        Audited(Verdict.REJECT, ("abuse", "profanity"), Verdict.APPROVE),
        Audited(Verdict.HOLD, (), Verdict.REJECT, ("threats", "abuse")),
    )
    assert len(store.audited(LANGUAGE, "sha256:other")) == 1
    assert [settled.seq for settled in store.decisions(agreed)] == [1]


def test_an_audit_is_answered_once(store: Store) -> None:
    """If somebody has answered, or decided meanwhile, then a second answer is refused, and the first is kept."""
    first, second = drawn(store), drawn(store)
    store.confirm(first, Verdict.APPROVE, (), by="Mem", at=later())
    decide(store, second, REJECT)
    for id in (first, second):
        with pytest.raises(AlreadyDecided):
            store.confirm(id, Verdict.APPROVE, (), by="Zîn", at=later())
    decide(store, first, REJECT)
    assert [one.truth for one in store.audited(LANGUAGE, "sha256:c")] == [Verdict.APPROVE, Verdict.REJECT]
    with pytest.raises(NotFound):
        store.confirm(receive(store), Verdict.APPROVE, (), by="Zîn", at=later())


def test_withdrawals_are_kept_once(store: Store) -> None:
    """If the machine is withdrawn from the same twice, as two nodes may do, then it is on record once."""
    for rule, calibration in (("threats", "c"), ("threats", "c"), ("approvals", "c"), ("threats", "d")):
        store.withdraw_machine("ckb", rule, calibration, wrong=3, audits=9, at=later())
    kept = [(one.language, one.rule, one.calibration, one.wrong, one.audits) for one in store.withdrawals()]
    assert kept == [
        ("ckb", "threats", "c", 3, 9),
        ("ckb", "approvals", "c", 3, 9),
        ("ckb", "threats", "d", 3, 9),
    ]


def test_decisions_are_read_in_order(store: Store) -> None:
    """If decisions are read in pieces, then each comes once, in order, with what its audit said."""
    machine, person = drawn(store), receive(store)
    decide(store, person, REJECT, evidence=EVIDENCE)
    store.confirm(machine, Verdict.APPROVE, (), by="Mem", at=later())
    erased = drawn(store)
    store.erase(erased, leaf=b"erasure", at=later())
    rows = store.decided(after=-1, limit=1)
    rows += store.decided(after=rows[-1].leaf, limit=10)
    assert [(row.id, row.decided_by, row.verdict, row.drawn, row.answer) for row in rows] == [
        (machine, DecidedBy.MACHINE, Verdict.APPROVE, True, Verdict.APPROVE),
        (person, DecidedBy.MODERATOR, Verdict.REJECT, False, None),
    ]
    assert rows[1].rules == ("abuse", "profanity")
    assert store.decided(after=rows[-1].leaf, limit=10) == ()


ATTACKS = {
    "delete an audit": "DELETE FROM audit",
    "turn the machine's verdict": "UPDATE audit SET verdict = 'hold'",
    "move it to another calibration": "UPDATE audit SET calibration = 'sha256:kinder'",
    "answer it again": "UPDATE audit SET answer = 'approve' WHERE answered_at IS NOT NULL",
    "take the answer back": "UPDATE audit SET answered_at = NULL WHERE answered_at IS NOT NULL",
    "delete a withdrawal": "DELETE FROM withdrawal",
    "turn a withdrawal": "UPDATE withdrawal SET rule = 'promotion'",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_record_is_guarded(store: Store, database_url: str, attack: str) -> None:
    """If someone goes around the program to make the machine look better, then the database refuses."""
    drawn(store)
    decide(store, drawn(store), REJECT)
    store.withdraw_machine("ckb", "threats", "c", wrong=3, audits=9, at=later())

    def everything(connection: Any) -> list[Any]:
        return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("audit", "withdrawal")]

    with around(database_url) as connection:
        before = everything(connection)
        with pytest.raises(REFUSED):
            connection.execute(ATTACKS[attack])
        if database_url.startswith("sqlite"):
            for table in ("audit", "withdrawal"):
                with pytest.raises(REFUSED):
                    connection.execute(f"REPLACE INTO {table} SELECT * FROM {table}")
        assert everything(connection) == before


def test_a_database_of_the_first_version_is_brought_up(
    database_url: str, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    """If a database is as the first version made it, then opening it adds what came since and keeps what is there."""
    sqlite = database_url.startswith("sqlite")
    url = f"sqlite:///{tmp_path / 'first.db'}" if sqlite else postgresql.new_database(empty=True)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    config = Config()
    config.set_main_option("script_location", str(files("meydan.store") / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in (
            "INSERT INTO leaf (number, body) VALUES (0, :bytes), (1, :bytes)",
            "INSERT INTO story (id, url) VALUES (1, 'https://news.example/1')",
            "INSERT INTO comment (number, id, story, submitted_at, commitment, receipt)"
            " VALUES (1, 'old', 1, 1000, :bytes, 0)",
            "INSERT INTO words (comment, text, name, salt) VALUES (1, 'Words of long ago', 'Rojin', :bytes)",
            "INSERT INTO decision (comment, seq, leaf, decided_at, verdict, decided_by, actor, reasons, guidelines, model)"
            " VALUES (1, 1, 1, 2000, 'reject', 'moderator', 'Hiwa', :reasons, '', '')",
            "UPDATE comment SET status = 'rejected', seq = 1, waiting = 0 WHERE number = 1",
            "INSERT INTO moderator (name, added_at) VALUES ('Hiwa', 1000)",
        ):
            given = {"bytes": b"x" * 32, "reasons": '[{"rule": "promotion"}]'}
            named = {name: value for name, value in given.items() if f":{name}" in statement}
            connection.execute(text(statement), named)
    engine.dispose()
    store = Store.open(url)
    try:
        comment = store.comment("old")
        assert comment is not None
        assert comment.text == "Words of long ago"
        assert store.audits_count() == 0
        assert store.withdrawals() == ()
        assert store.find(Sought(words=("ago",)), limit=5)[0] == ("old",)
        assert store.find(Sought(rule="promotion"), limit=5)[0] == ("old",)
        (moderator,) = store.people.moderators()
        assert (moderator.name, moderator.role) == ("Hiwa", "moderator")
    finally:
        store.close()
