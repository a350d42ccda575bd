"""What readers report: kept once, closed by a person's decision, never changed and never anybody's; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from meydan.comment import DecidedBy, Hold, Status
from meydan.errors import NotFound, TooFast
from meydan.store import Reports, Sought, Store
from tests.store.making import (
    APPROVE,
    REJECT,
    approved,
    around,
    decide,
    later,
    receive,
    report,
    shown,
)

KEPT = replace(APPROVE, decided_by=DecidedBy.MODERATOR, by="Mem")


def waiting(store: Store) -> list[str]:
    return [comment.id for comment in store.queue()[0]]


def journalled(store: Store, action: str) -> list[dict[str, object]]:
    return [dict(entry.detail) for entry in store.people.journal(limit=100, action=action)]


def test_a_report_changes_nothing_but_the_queue(store: Store) -> None:
    """If a comment is reported, then readers see it as before, and it waits for a person with what was said of it."""
    id = approved(store)
    before = store.changes(0)
    report(store, id, "abuse", words="He means <b>us</b>.")
    report(store, id, "promotion")
    report(store, id, "abuse")
    assert shown(store) == [id]
    assert store.changes(0) == before
    (comment,) = store.queue(why=Hold.REPORT)[0]
    assert (comment.id, comment.status, comment.holds) == (id, Status.APPROVED, (Hold.REPORT,))
    assert store.tally().reasons() == {Hold.REPORT: 1}
    assert store.reports(id) == Reports(
        (("abuse", 2), ("promotion", 1)), (("abuse", "He means <b>us</b>."),), 0
    )
    assert [entry["rule"] for entry in journalled(store, "reported")] == ["abuse", "promotion", "abuse"]
    assert store.find(Sought(reported=True), limit=10)[0] == (id,)


def test_one_reader_reports_a_comment_once(store: Store) -> None:
    """If the same reader reports it again, under whatever rule, then nothing is kept, and nobody counts twice."""
    id = approved(store)
    for rule in ("abuse", "abuse", "promotion"):
        report(store, id, rule, address_key="one", from_readers=2)
    assert store.reports(id) == Reports((("abuse", 1),), (), 0)
    assert waiting(store) == []
    report(store, id, "promotion", address_key="another", from_readers=2)
    assert waiting(store) == [id]
    assert len(journalled(store, "reported")) == 2


def test_a_person_closes_every_report(store: Store) -> None:
    """If a person decides, then every report is closed with it, and only a rule that nobody has looked at brings it back."""
    id = approved(store)
    for rule in ("abuse", "promotion"):
        report(store, id, rule, words="Look.")
    decide(store, id, KEPT)
    assert waiting(store) == []
    assert store.reports(id) == Reports((), (), 2)
    assert journalled(store, "reports-closed") == [{"seq": 2, "reports": 2, "upheld": False}]
    report(store, id, "abuse")
    assert waiting(store) == []
    assert store.reports(id) == Reports((), (), 3)
    report(store, id, "profanity")
    assert waiting(store) == [id]
    decide(store, id, REJECT)
    assert (waiting(store), shown(store)) == ([], [])
    assert journalled(store, "reports-closed")[0] == {"seq": 3, "reports": 1, "upheld": True}


def test_what_readers_do_not_see_cannot_be_reported(store: Store) -> None:
    """If a comment is held, rejected, withdrawn, erased, escalated or unknown, then all are refused in the same words."""
    held, rejected, withdrawn, erased, escalated = (
        receive(store),
        approved(store),
        approved(store),
        approved(store),
        approved(store),
    )
    decide(store, rejected, REJECT)
    store.withdraw(withdrawn, leaf=b"withdrawal", at=later())
    store.erase(erased, leaf=b"erasure", at=later())
    store.escalate(escalated, kind="terrorism", told="", by="Zîn", at=later())
    said = set()
    for id in (held, rejected, withdrawn, erased, escalated, "nothing", "\x00", "\ud800"):
        with pytest.raises(NotFound) as refused:
            report(store, id)
        said.add((refused.value.message, refused.value.fields))
    assert len(said) == 1
    assert journalled(store, "reported") == []


def test_one_address_reports_so_much_a_day(store: Store) -> None:
    """If an address has sent a day's reports, then no more are taken until the first of them is a day old."""
    begin = later()
    for minutes in (0, 10):
        report(store, approved(store), address_key="eager", at=begin + timedelta(minutes=minutes), at_most=2)
    with pytest.raises(TooFast) as refused:
        # Not even for what is not there: who asks learns nothing.
        report(store, "nothing", address_key="eager", at=begin + timedelta(minutes=20), at_most=2)
    assert refused.value.retry_after_s == (24 * 60 - 20) * 60
    report(store, approved(store), address_key="calm", at=begin + timedelta(minutes=20), at_most=2)
    report(store, approved(store), address_key="eager", at=begin + timedelta(days=1), at_most=2)


def test_who_reported_is_forgotten(store: Store) -> None:
    """If a report is older than addresses are kept, then who sent it is not known any more, and it counts as before."""
    id = approved(store)
    report(store, id, address_key="one")
    # Two: the comment's own, and the report's.
    assert store.expire(before=later()) == 2
    assert store.reports(id) == Reports((("abuse", 1),), (), 0)


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE report SET rule = 'promotion'",
        "UPDATE report SET words = 'other'",
        "UPDATE report SET address_key = 'other'",
        "UPDATE report SET upheld = 1",
        "UPDATE report SET closed_at = NULL, seq = NULL, upheld = NULL",
        "DELETE FROM report",
    ],
)
def test_the_database_keeps_a_report_as_it_was(store: Store, database_url: str, attack: str) -> None:
    """If somebody alters a report behind the store's back, then the database refuses."""
    id = approved(store)
    report(store, id, words="Look.")
    decide(store, id, KEPT)
    with around(database_url) as connection, pytest.raises(Exception, match="report is"):
        connection.execute(attack)
