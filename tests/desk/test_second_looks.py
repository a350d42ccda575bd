"""Second looks: drawn by lot, by another person, blind, and changing nothing; on both databases."""

from __future__ import annotations

import dataclasses

import pytest

from meydan.comment import Status, Verdict
from meydan.errors import MissingFields, NotFound
from meydan.policy import People
from tests.desk.conftest import UNMEASURED, Room


@pytest.fixture
def drawn(room: Room) -> Room:
    """Guidelines under which every decision is looked at again."""
    room.desk.adopt(dataclasses.replace(room.desk.guidelines, people=People(second=1.0)))
    return room


def test_another_person_looks_again_and_nothing_changes(drawn: Room) -> None:
    """If a decision is drawn, then another person decides it blind; the decision stays, and both are kept."""
    room = drawn
    sent = room.send(UNMEASURED)
    room.desk.review(sent.id, Verdict.REJECT, rules=["promotion"], by="Zîn")
    assert room.desk.seconds("Zîn") == ()
    (waiting,) = room.desk.seconds("Mem")
    assert (waiting.id, waiting.status, waiting.seq) == (sent.id, Status.HELD, 0)
    item = room.desk.second_item(sent.id, "Mem")
    assert item.decisions == ()
    assert item.evidence is None
    both = room.desk.look_again(sent.id, Verdict.APPROVE, by="Mem")
    assert (both.first_by, both.first, both.second_by, both.second) == ("Zîn", ("promotion",), "Mem", ())
    assert room.desk.item(sent.id).comment.status is Status.REJECTED
    assert len(room.desk.item(sent.id).decisions) == 1
    assert room.desk.looked_twice() == (both,)
    assert room.desk.seconds_count("Mem") == 0


def test_nobody_looks_again_at_their_own_or_twice(drawn: Room) -> None:
    """If it is one's own decision, or was looked at already, or superseded since, then there is nothing to look at."""
    room = drawn
    own, done, changed = (room.send(f"{UNMEASURED} {n}").id for n in range(3))
    for id in (own, done, changed):
        room.desk.review(id, Verdict.APPROVE, by="Zîn")
    room.desk.look_again(done, Verdict.APPROVE, by="Mem")
    room.desk.review(changed, Verdict.REJECT, rules=["promotion"], by="Mem")
    for id, who in ((own, "Zîn"), (done, "Mem"), (done, "Berfîn"), (changed, "Mem"), ("nothing", "Mem")):
        with pytest.raises(NotFound):
            room.desk.look_again(id, Verdict.APPROVE, by=who)
        with pytest.raises(NotFound):
            room.desk.second_item(id, who)
    # The later decision was drawn too; both have decided this comment before, so it is for a third.
    assert room.desk.seconds("Zîn") == ()
    assert [one.id for one in room.desk.seconds("Berfîn")] == [own, changed]
    with pytest.raises(MissingFields):
        room.desk.look_again(changed, Verdict.REJECT, by="Berfîn")


def test_the_share_is_drawn_by_lot(room: Room) -> None:
    """If a fifth of the decisions is to be looked at again, then about a fifth is, and none where none is asked for."""
    sent = [room.send(f"{UNMEASURED} {n}").id for n in range(120)]
    for id in sent[:20]:
        room.desk.review(id, Verdict.APPROVE, by="Zîn")
    assert room.desk.seconds_count("Mem") == 0
    room.desk.adopt(dataclasses.replace(room.desk.guidelines, people=People(second=0.2)))
    for id in sent[20:]:
        room.desk.review(id, Verdict.APPROVE, by="Zîn")
    assert 8 <= room.desk.seconds_count("Mem") <= 34
