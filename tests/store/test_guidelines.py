"""Versions of the guidelines as they are kept, on each database; and the decided comments that others are tried on."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from meydan.comment import DecidedBy, Verdict
from meydan.errors import GuidelinesChanged, NotText
from meydan.store import Draft, Store
from tests.store.making import APPROVE, EVIDENCE, REJECT, approved, around, decide, later, receive

REFUSED = (sqlite3.IntegrityError, psycopg.errors.RaiseException)
ONE, TWO, THREE = "sha256:1", "sha256:2", "sha256:3"


def enter(store: Store, digest: str, *, shipped: bool = False) -> bool:
    return (
        store.guidelines.enter_file(
            digest, digest.encode(), by="operator", note="the file", at=later(), shipped=shipped
        )
        is not None
    )


def accept(store: Store, digest: str, base: str, *, by: str = "Zîn", note: str = "Because.") -> None:
    store.guidelines.take_effect(digest, digest.encode(), base=base, by=by, note=note, at=later())


def ruled(store: Store) -> list[tuple[str, str, str | None]]:
    return [(version.digest, version.by, version.before) for version in store.guidelines.history(limit=50)]


@pytest.fixture
def begun(store: Store) -> Store:
    store.people.add_moderator("Zîn", later(), by="operator", role="editor")
    enter(store, ONE)
    return store


def test_the_newest_version_rules(begun: Store) -> None:
    """If an editor accepts a version, then it rules, with who, when, why and what ruled before; and its draft is done with."""
    begun.guidelines.keep_draft("Zîn", Draft("typed \x00 ê", "why", ONE, later()))
    kept = begun.guidelines.draft("Zîn")
    assert kept is not None
    assert kept.text == "typed \x00 ê"
    accept(begun, TWO, ONE)
    newest = begun.guidelines.newest()
    assert newest is not None
    assert (newest.digest, newest.by, newest.note, newest.before) == (TWO, "Zîn", "Because.", ONE)
    assert begun.guidelines.ruling() == (TWO, TWO.encode())
    assert begun.guidelines.source(ONE) == ONE.encode()
    assert begun.guidelines.draft("Zîn") is None
    told = begun.people.journal(limit=10, action="guidelines-changed")
    assert [(entry.actor, entry.subject, entry.detail["before"]) for entry in told] == [
        ("Zîn", TWO, ONE),
        ("operator", ONE, ""),
    ]
    assert "Because" not in repr(told)


def test_a_change_from_an_older_version_is_refused(begun: Store) -> None:
    """If another version rules by now, then a change is refused with who and when, and the draft stays."""
    accept(begun, TWO, ONE)
    begun.guidelines.keep_draft("Zîn", Draft("typed", "", ONE, later()))
    with pytest.raises(GuidelinesChanged) as refused:
        accept(begun, THREE, ONE, by="Zîn")
    assert refused.value.by == "Zîn"
    with pytest.raises(NotText):
        accept(begun, THREE, TWO, note="\x00")
    assert [digest for digest, *_ in ruled(begun)] == [TWO, ONE]
    assert begun.guidelines.draft("Zîn") is not None
    assert len(begun.people.journal(limit=10, action="guidelines-changed")) == 2


# what happens, in order                                     what rules at the end
FILES = [
    (["file 1"], ONE),
    (["file 1", "file 1"], ONE),
    (["file 1", "desk 2", "file 1"], TWO),
    (["file 1", "desk 2", "file 3"], THREE),
    (["file 1", "desk 2", "file 2", "desk 3", "file 2"], THREE),
    (["file 1", "file 2", "file 1"], ONE),
    (["shipped 1", "shipped 2"], TWO),
    (["shipped 1", "desk 2", "shipped 3"], TWO),
    (["shipped 1", "desk 2", "file 3"], THREE),
]


@pytest.mark.parametrize(("steps", "expected"), FILES, ids=lambda value: str(value))
def test_what_the_file_says_and_what_the_desk_accepted(store: Store, steps: list[str], expected: str) -> None:
    """If file and desk change in turn, then a file rules only once it has changed, and the shipped one takes nothing from an editor."""
    for step in steps:
        who, number = step.split()
        digest = f"sha256:{number}"
        if who == "desk":
            newest = store.guidelines.newest()
            assert newest is not None
            accept(store, digest, newest.digest)
        else:
            enter(store, digest, shipped=who == "shipped")
    assert ruled(store)[0][0] == expected


ATTACKS = (
    "UPDATE guidelines SET note = 'other'",
    "UPDATE guidelines SET at = at + 1",
    "DELETE FROM guidelines",
    "INSERT OR REPLACE INTO guidelines SELECT * FROM guidelines",
    "TRUNCATE guidelines",
)


def test_a_version_is_never_altered(begun: Store, database_url: str) -> None:
    """If someone goes around the program to alter, replace or delete a version, then the database refuses."""
    mine = "TRUNCATE" if begun.dialect == "sqlite" else "OR REPLACE"
    with around(database_url) as connection:
        for attack in ATTACKS:
            if mine not in attack:
                with pytest.raises(REFUSED):
                    connection.execute(attack)
    assert ruled(begun) == [(ONE, "operator", None)]


def test_what_others_are_tried_on(store: Store) -> None:
    """If comments are decided, then each is there once as it stands, the latest first, with its evidence; an escalated one is not."""
    imported = approved(store)
    judged = receive(store)
    decide(store, judged, APPROVE, evidence=EVIDENCE)
    decide(store, judged, REJECT)
    erased = receive(store)
    decide(store, erased, APPROVE, evidence=EVIDENCE)
    store.erase(erased, leaf=b"erasure", at=later())
    escalated = receive(store)
    decide(store, escalated, REJECT, evidence=EVIDENCE)
    store.escalate(escalated, kind="threat", told="", by="Zîn", at=later())
    receive(store)
    past = store.guidelines.past(50)
    assert [(one.id, one.verdict, one.evidence, one.erased) for one in past] == [
        (erased, Verdict.APPROVE, None, True),
        (judged, Verdict.REJECT, EVIDENCE, False),
        (imported, Verdict.APPROVE, None, False),
    ]
    assert (past[1].decided_by, past[1].rules) == (DecidedBy.MODERATOR, ("abuse", "profanity"))
    assert [one.id for one in store.guidelines.past(1)] == [erased]
    assert store.guidelines.decided_under(ONE) == 5
    assert store.guidelines.decided_under(TWO) == 0
