"""What becomes of an escalated comment: restricted, told, handed out, released; on both databases."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest

from meydan.comment import Status, Verdict
from meydan.desk import Reports, Sought, Visitor, asked_for
from meydan.errors import AlreadyDecided, Malformed, MissingFields, NotAllowed, NotErasable, NotFound
from meydan.ledger import commitment_of
from tests.desk.conftest import COURTEOUS, UNMEASURED, Room

THREAT = "I will find you <b>and</b> kill you, Xelîl. دەتکوژم"


@pytest.fixture
def case(room: Room) -> str:
    """A comment with a name and an address that Zîn has escalated."""
    for name in ("Zîn", "Mem", "Leyla"):
        room.store.people.add_moderator(name, room.clock.now, by="operator", role="editor")
    sent = room.send(THREAT, name="Bengîn <i>", email="bengin@home.example")
    if room.desk.status(sent.id).status is not Status.REJECTED:
        room.desk.review(sent.id, Verdict.REJECT, by="Leyla", rules=["threats"], note="Xelîl has read it.")
    room.desk.appeal(sent.id, receipt=sent.receipt or "", words="Xelîl deserves it.")
    room.desk.escalate(sent.id, kind="threat-to-life", told="the police, by telephone", by="Zîn")
    return sent.id


def test_a_case_holds_no_words_until_they_are_asked_for(room: Room, case: str) -> None:
    """If somebody opens a case, then no word of it is there; if they ask, each time is journalled, and counted once."""
    covered = room.desk.case(case)
    assert "Xelîl" not in repr(covered)
    assert (covered.item.comment.text, covered.item.comment.name, covered.item.comment.email) == (
        None,
        None,
        None,
    )
    for _ in range(2):
        read = room.desk.read_case(case, by="Mem").item
        assert (read.comment.text, read.appeal) == (THREAT, "Xelîl deserves it.")
    seen = room.store.people.journal(limit=9, subject=case, action="escalated-seen")
    assert [entry.actor for entry in seen] == ["Mem", "Mem"]
    assert room.desk.strain("Mem").severe == 1
    with pytest.raises(NotFound):
        room.desk.read_case(room.send(COURTEOUS).id, by="Mem")
    assert room.desk.strain("Mem").severe == 1


def test_who_was_told_is_only_ever_added_to(room: Room, case: str) -> None:
    """If offices are told, then each is on the record with its moment and ours; what names nobody or the future is refused."""
    told_at = room.clock.now - timedelta(hours=2)
    room.desk.tell(
        case,
        office="Police, Hewlêr",
        at=told_at,
        by="Mem",
        channel="telephone",
        reference="K 7/26",
        sentence="Will call.",
    )
    first, second = room.desk.case(case).told
    assert (first.office, first.by) == ("the police, by telephone", "Zîn")
    assert (second.office, second.told_at, second.reference) == ("Police, Hewlêr", told_at, "K 7/26")
    assert second.at > told_at
    with pytest.raises(MissingFields):
        room.desk.tell(case, office=" ", at=told_at, by="Mem")
    with pytest.raises(Malformed):
        room.desk.tell(case, office="Police", at=room.clock.now + timedelta(hours=1), by="Mem")
    with pytest.raises(NotFound):
        room.desk.tell(room.send(COURTEOUS).id, office="Police", at=told_at, by="Mem")
    assert len(room.desk.case(case).told) == 2


def test_the_file_for_the_authorities_can_be_checked(room: Room, case: str) -> None:
    """If the file is taken, then its sums, its commitment and the journal's digest agree, and it holds all that was kept."""
    dossier = room.desk.dossier(case, by="Mem")
    assert dossier.digest == hashlib.sha256(dossier.body).hexdigest()
    (entry,) = room.store.people.journal(limit=9, subject=case, action="escalated-exported")
    assert (entry.actor, entry.detail["sha256"]) == ("Mem", dossier.digest)
    with zipfile.ZipFile(io.BytesIO(dossier.body)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    sums = dict(reversed(line.split("  ")) for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {
        name: hashlib.sha256(body).hexdigest() for name, body in files.items() if name != "SHA256SUMS"
    }
    assert files["comment.txt"].decode() == THREAT
    facts = json.loads(files["case.json"])
    assert commitment_of(bytes.fromhex(facts["salt"]), THREAT).hex() == facts["commitment"]
    leaves = {name: json.loads(body) for name, body in files.items() if name.startswith("leaves/")}
    numbers = [facts["receipt_leaf"], *(one["leaf"] for one in facts["decisions"])]
    assert set(leaves) == {f"leaves/{number}.json" for number in numbers}
    assert {leaf["commitment"] for leaf in leaves.values()} == {facts["commitment"]}
    assert (facts["name"], facts["email"]) == ("Bengîn <i>", "bengin@home.example")
    assert facts["address_hash"] == "a" * 32
    assert facts["told"][0]["who"] == "the police, by telephone"
    page = files["case.html"].decode()
    assert "&lt;b&gt;and&lt;/b&gt;" in page
    assert "<b>and" not in page
    assert "Bengîn &lt;i&gt;" in page
    with pytest.raises(NotFound):
        room.desk.dossier(room.send(COURTEOUS).id, by="Mem")


def test_another_person_ends_the_hold(room: Room, case: str) -> None:
    """If another person ends the hold, then the comment stays rejected, is found again and can be erased; not by who began it."""
    with pytest.raises(NotAllowed):
        room.desk.end_hold(case, reason="A mistake.", by="Zîn")
    with pytest.raises(MissingFields):
        room.desk.end_hold(case, reason=" ", by="Mem")
    sought = Sought(words=asked_for("Xelîl"))
    assert room.desk.find(sought)[0] == ()
    assert room.desk.case(case).held_by == "Zîn"
    # A second who escalates it again does not become the one who may not end it.
    room.desk.escalate(case, kind="threat-to-life", told="", by="Mem")
    assert room.desk.end_hold(case, reason="The police have taken it.", by="Mem") is False
    ended = room.desk.case(case)
    assert (ended.held_by, ended.endings[0].reason) == (None, "The police have taken it.")
    assert [item.comment.id for item in room.desk.find(sought)[0]] == [case]
    assert room.desk.status(case).status is Status.REJECTED
    # The appeal that nobody had heard waits again.
    assert case in [comment.id for comment in room.desk.queue()[0]]
    with pytest.raises(NotFound):
        room.desk.read_case(case, by="Mem")
    with pytest.raises(NotFound):
        room.desk.end_hold(case, reason="Again.", by="Mem")
    # A new hold is a new beginning.
    room.desk.escalate(case, kind="terrorism", told="", by="Mem")
    with pytest.raises(NotAllowed):
        room.desk.end_hold(case, reason="Again.", by="Mem")
    room.desk.end_hold(case, reason="Again.", by="Zîn")
    room.desk.erase(case)
    assert [(line.id, line.held, line.erased) for line in room.desk.escalated()[0]] == [(case, False, True)]


@pytest.mark.parametrize(
    ("done", "may"),
    [
        # hours after the escalation, what, by whom, for whom                              whether Mem may end Zîn's hold
        ([(1, "link", "Zîn", "Mem")], False),
        ([(1, "address", "Zîn", "Mem")], False),
        ([(-30, "link", "Zîn", "Mem")], False),
        ([(-40, "link", "Zîn", "Mem")], True),  # what it began has ended
        ([(1, "link", "Zîn", "Leyla"), (2, "link", "Leyla", "Mem")], False),
        ([(1, "add", "Zîn", "Dara"), (2, "address", "Dara", "Mem")], False),
        ([(1, "link", "Leyla", "Mem"), (2, "link", "Zîn", "Leyla")], True),
        ([(1, "link", "operator", "Mem"), (2, "link", "Mem", "Zîn")], True),
        ([(1, "link", "Zîn", "Mem"), (2, "remove", "Leyla", "Mem"), (3, "add", "Leyla", "Mem")], True),
        ([(1, "link", "Zîn", "Mem"), (2, "remove", "Zîn", "Mem"), (3, "add", "Zîn", "Mem")], False),
        ([(1, "remove", "Leyla", "Zîn"), (2, "add", "Leyla", "Zîn"), (3, "link", "Zîn", "Mem")], False),
    ],
)
def test_nobody_ends_their_own_hold_as_somebody_else(
    room: Room, case: str, done: list[tuple[int, str, str, str]], may: bool
) -> None:
    """If whoever escalated can have come in as another, by a way they or those they came in as have made, then that one ends no hold."""
    people, begun = room.store.people, room.desk.case(case).escalations[0].at
    for number, (hours, what, by, name) in enumerate(done):
        at = begun + timedelta(hours=hours)
        if what == "link":
            people.add_link(name, f"{number:064d}", at + timedelta(hours=24), at, by=by)
        elif what == "address":
            people.set_email(name, "mem@square.example", at, by=by)
        elif what == "remove":
            people.remove_moderator(name, at, by=by)
        else:
            people.add_moderator(name, at, by=by, role="editor")
    room.clock.forward(hours=4)
    assert ("Mem" in room.desk.case(case).bound) is not may
    if may:
        room.desk.end_hold(case, reason="It is over.", by="Mem")
    else:
        with pytest.raises(NotAllowed):
            room.desk.end_hold(case, reason="It is over.", by="Mem")
    assert (room.desk.case(case).held_by is None) is may


def test_what_is_approved_meanwhile_is_not_escalated_as_it_stands(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If somebody approves a comment while it is being escalated, then whoever escalates is told, and no hold ends in showing it."""
    id = room.send(UNMEASURED).id
    escalate = room.store.escalate

    def approved_before(*args: Any, **named: Any) -> None:
        room.desk.review(id, Verdict.APPROVE, by="Mem", seen=1)
        escalate(*args, **named)

    monkeypatch.setattr(room.store, "escalate", approved_before)
    with pytest.raises(AlreadyDecided):
        room.desk.escalate(id, kind="threat-to-life", told="", by="Zîn")
    monkeypatch.undo()
    assert room.desk.escalated()[0] == ()
    room.desk.escalate(id, kind="threat-to-life", told="", by="Zîn")
    room.desk.end_hold(id, reason="The police have taken it.", by="Mem")
    assert room.shown() == []


def test_an_erasure_waits_for_the_end_of_the_hold(room: Room, case: str) -> None:
    """If an erasure is asked for under a hold, then it is refused and remembered, and carried out when the hold ends."""
    for _ in range(2):
        with pytest.raises(NotErasable):
            room.desk.erase(case)
    assert len(room.store.people.journal(limit=9, subject=case, action="erasure-postponed")) == 1
    assert room.desk.case(case).erasure_asked_at is not None
    assert room.desk.read_case(case, by="Mem").item.comment.text == THREAT
    assert room.desk.end_hold(case, reason="Six months are over.", by="Mem") is True
    comment = room.store.comment(case)
    assert comment is not None
    assert (comment.text, comment.erased_at is not None, comment.status) == (None, True, Status.REJECTED)
    assert room.store.kept_of(case) is None
    with pytest.raises(NotFound):
        room.desk.review(case, Verdict.APPROVE, by="Mem")
    # The record outlives the words.
    assert room.desk.case(case).told[0].office == "the police, by telephone"


def test_readers_reports_are_closed_and_covered_with_it(room: Room, case: str) -> None:
    """If a reported comment is escalated, then that answers the reports; the case and the file count them, and hold no word of them."""
    id = room.send(COURTEOUS).id
    for number, rule in enumerate(("threats", "threats", "abuse")):
        visitor = Visitor(address_key=f"{number:032d}")
        room.desk.report(id, rule=rule, visitor=visitor, words="Xelîl is meant.")
    room.desk.escalate(id, kind="threat-to-life", told="", by="Zîn")
    assert id not in [comment.id for comment in room.desk.queue()[0]]
    (closed,) = room.store.people.journal(limit=9, subject=id, action="reports-closed")
    assert (closed.actor, dict(closed.detail)) == ("Zîn", {"seq": 2, "reports": 3, "upheld": True})
    for opened in (room.desk.case(id), room.desk.read_case(id, by="Mem")):
        assert opened.item.reports == Reports((), (), 3)
    with zipfile.ZipFile(io.BytesIO(room.desk.dossier(id, by="Mem").body)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert json.loads(files["case.json"])["reports_by_readers"] == 3
    assert not any("Xelîl" in body for body in files.values())
    # What readers do not see cannot be reported, before the hold ends or after.
    for _ in range(2):
        with pytest.raises(NotFound):
            room.desk.report(id, rule="threats", visitor=Visitor(address_key="b" * 32))
        if room.desk.case(id).held_by:
            room.desk.end_hold(id, reason="A mistake.", by="Mem")
    assert id not in [comment.id for comment in room.desk.queue()[0]]


def test_the_address_hash_is_kept_as_long_as_the_hold(room: Room, case: str) -> None:
    """If addresses are forgotten, then a held comment's stays, and goes once the hold has ended."""
    room.clock.forward(days=60)
    room.desk.expire(address_days=30)
    assert room.store.kept_of(case).address_key == "a" * 32  # type: ignore[union-attr]
    room.desk.end_hold(case, reason="It is over.", by="Mem")
    room.desk.expire(address_days=30)
    assert room.store.kept_of(case).address_key is None  # type: ignore[union-attr]


def test_the_evidence_may_point_to_it(room: Room) -> None:
    """If a threat or a telephone number was seen, then the desk can say that escalating exists; of praise it says nothing."""
    threat = room.desk.item(room.send("I will find you and kill you, and your children too.").id)
    number = room.desk.item(room.send("She lives in Azadî street, call her: +964 750 123 4567").id)
    assert room.desk.could_be_escalated(threat) == "threat-to-life"
    assert room.desk.could_be_escalated(number) == "private-data"
    assert room.desk.could_be_escalated(room.desk.item(room.send(COURTEOUS).id)) is None
