"""Readers' reports at the desk: what they never do, what closes them, and what the guidelines say of them; on both databases."""

from __future__ import annotations

import dataclasses

import pytest

from meydan.comment import Hold, Status, Verdict
from meydan.desk import Reports, Visitor
from meydan.errors import MissingFields, NotFound, NotText, TooFast, TooLong, UnknownRule
from meydan.policy import People
from tests.desk.conftest import COURTEOUS, UNMEASURED, Room


def reader(number: int) -> Visitor:
    return Visitor(address_key=f"{number:032d}")


def test_a_report_never_hides_anything(room: Room) -> None:
    """If a dozen readers report a comment, then readers go on seeing it; it waits for a person, and its author is told nothing."""
    id = room.send().id
    for number in range(12):
        room.desk.report(id, rule="abuse", visitor=reader(number), words="Take it away!")
    assert room.shown() == [COURTEOUS]
    (waiting,), _ = room.desk.queue(why=Hold.REPORT)
    assert (waiting.id, waiting.status, waiting.seq) == (id, Status.APPROVED, 1)
    item = room.desk.item(id)
    assert item.reports is not None
    assert (item.reports.rules, len(item.reports.words)) == ((("abuse", 12),), 12)
    told = room.desk.status(id)
    assert (told.status, told.holds, told.reasons) == (Status.APPROVED, (), ())


def test_a_decision_closes_them(room: Room) -> None:
    """If a person decides, whoever decided before, then the reports are closed, and the journal says by which decision."""
    for verdict, rules in ((Verdict.APPROVE, ()), (Verdict.REJECT, ("abuse",))):
        id = room.send(UNMEASURED).id
        room.desk.review(id, Verdict.APPROVE, by="Zîn")
        room.desk.report(id, rule="abuse", visitor=reader(1))
        assert [one.id for one in room.desk.queue()[0]] == [id]
        # Not an appeal: nobody's decision is complained of, so the same person may decide.
        room.desk.review(id, verdict, rules=rules, by="Zîn", seen=1)
        assert room.desk.queue()[0] == ()
        assert room.desk.item(id).reports == Reports((), (), 1)
        assert room.desk.item(id).comment.status is verdict.status
    told = [(entry.actor, entry.action, dict(entry.detail)) for entry in room.store.people.journal(limit=100)]
    assert ("Zîn", "reports-closed", {"seq": 2, "reports": 1, "upheld": True}) in told
    assert ("Zîn", "reports-closed", {"seq": 2, "reports": 1, "upheld": False}) in told
    assert ("a reader", "reported", {"rule": "abuse"}) in told


def test_an_audit_that_agrees_leaves_them_open(room: Room) -> None:
    """If somebody agrees with the machine without having been shown the reports, then these still wait."""
    source = room.desk.guidelines
    room.desk.adopt(dataclasses.replace(source, automation=dataclasses.replace(source.automation, audit=1.0)))
    id = room.send().id
    room.desk.report(id, rule="abuse", visitor=reader(1))
    assert [one.id for one in room.desk.audits()] == [id]
    assert room.desk.audit_item(id).reports is None
    room.desk.audit(id, Verdict.APPROVE, by="Mem")
    assert [one.id for one in room.desk.queue()[0]] == [id]


def test_the_guidelines_say_from_how_many_readers(room: Room) -> None:
    """If the guidelines ask for three readers, then two bring nothing to the desk, one reader three times neither, a third does."""
    room.desk.adopt(dataclasses.replace(room.desk.guidelines, people=People(reports_from=3)))
    id = room.send().id
    for number in (1, 2, 2, 2):
        room.desk.report(id, rule="abuse", visitor=reader(number))
    assert room.desk.queue()[0] == ()
    room.desk.report(id, rule="promotion", visitor=reader(3))
    assert [one.id for one in room.desk.queue()[0]] == [id]


def test_what_is_no_report(room: Room) -> None:
    """If it names no rule, an unknown one, or words that are none or too many, then nothing is kept."""
    id = room.send().id
    for refused, given in (
        (MissingFields, {"rule": ""}),
        (MissingFields, {"rule": "\u200b"}),
        (UnknownRule, {"rule": "tastes"}),
        (UnknownRule, {"rule": "abuse:racism"}),
        (TooLong, {"rule": "abuse", "words": "x" * 501}),
        (NotText, {"rule": "abuse", "words": "\x00"}),
    ):
        with pytest.raises(refused):
            room.desk.report(id, visitor=reader(1), **given)
    assert room.desk.item(id).reports is None
    room.desk.report(id, rule="abuse", visitor=reader(1), words=" \n ")
    assert room.desk.item(id).reports == Reports((("abuse", 1),), (), 0)


def test_what_readers_do_not_see_is_not_theirs_to_report(room: Room) -> None:
    """If a comment waits or was taken back, then there is nothing to report, and no page to report it on."""
    held, taken_back = room.send(UNMEASURED), room.send()
    assert taken_back.receipt is not None
    room.desk.withdraw(taken_back.id, receipt=taken_back.receipt)
    for id in (held.id, taken_back.id, "nothing", "\x00"):
        with pytest.raises(NotFound):
            room.desk.report(id, rule="abuse", visitor=reader(1))
        with pytest.raises(NotFound):
            room.desk.reportable(id)


def test_one_address_is_limited_and_no_other(room: Room) -> None:
    """If an address has sent its day's reports, then it waits a day, and others do not."""
    room.desk.limits = dataclasses.replace(room.desk.limits, reports_per_day=2)
    sent = [room.send(f"{COURTEOUS} {number}").id for number in range(3)]
    for id in sent[:2]:
        room.desk.report(id, rule="abuse", visitor=reader(1))
    with pytest.raises(TooFast):
        room.desk.report(sent[2], rule="abuse", visitor=reader(1))
    room.desk.report(sent[2], rule="abuse", visitor=reader(2))
    room.clock.forward(days=1)
    room.desk.report(sent[2], rule="abuse", visitor=reader(1))


def test_erased_with_the_comment(room: Room) -> None:
    """If a comment is erased, then what readers wrote of it goes with it, and that it was reported stays."""
    id = room.send().id
    room.desk.report(id, rule="private-data", visitor=reader(1), words="That is my sister’s street.")
    room.desk.erase(id)
    assert room.desk.item(id).reports == Reports((("private-data", 1),), (), 0)
    assert room.desk.queue()[0] == ()
