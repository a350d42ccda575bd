"""What an author's record means for their next comment, and blocks that are told; on both databases."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import pytest

from meydan.comment import Hold, Status, Verdict
from meydan.desk import Visitor
from meydan.errors import BadGuidelines, Blocked, Malformed, MissingFields, NotFound
from meydan.policy import Authors, Guidelines, load, parse
from tests.desk.conftest import COURTEOUS, Room

OTHER = Visitor(address_key="b" * 32)


def under(guidelines: Guidelines, **asked: object) -> Guidelines:
    return dataclasses.replace(guidelines, authors=Authors(**asked))  # type: ignore[arg-type]


@pytest.fixture
def strict(room: Room) -> Callable[..., None]:
    """Put guidelines in force that hold for who sent a comment."""
    return lambda **asked: room.desk.adopt(under(room.desk.guidelines, **asked))


def test_a_first_comment_waits_where_the_guidelines_say_so(room: Room, strict: Callable[..., None]) -> None:
    """If an author's first comments are a person's to decide, then they wait until so many were approved, and no longer."""
    assert room.send().status is Status.APPROVED
    strict(first=2)
    first, second = (room.send(f"{COURTEOUS} {n}", name="Berîvan") for n in (1, 2))
    for sent in (first, second):
        assert sent.status is Status.HELD
        assert Hold.FIRST_TIME in room.desk.item(sent.id).comment.holds
        room.desk.review(sent.id, Verdict.APPROVE, by="Zîn")
    assert room.send(f"{COURTEOUS} 3", name="Berîvan").status is Status.APPROVED
    # The same name from elsewhere is somebody else.
    assert room.send(f"{COURTEOUS} 4", name="Berîvan", visitor=OTHER).status is Status.HELD


def test_who_was_often_rejected_waits(room: Room, strict: Callable[..., None]) -> None:
    """If half of an author's comments were rejected, then a person decides the next, once enough were decided."""
    strict(rejected=0.5, of_at_least=4)
    for number in range(4):
        sent = room.send(f"{COURTEOUS} {number}")
        assert sent.status is Status.APPROVED
        if number % 2:
            room.desk.review(sent.id, Verdict.REJECT, rules=["promotion"], by="Zîn")
    sent = room.send(f"{COURTEOUS} 5")
    assert sent.status is Status.HELD
    assert Hold.OFTEN_REJECTED in room.desk.item(sent.id).comment.holds
    record = room.desk.record(sent.id)
    assert record is not None
    assert (record.approved, record.rejected, record.held) == (2, 2, 0)


def test_a_blocked_author_is_told(room: Room) -> None:
    """If an author is blocked, then what they send is refused with the reason and the end, and nothing is kept."""
    sent = room.send()
    until = room.clock.now + timedelta(days=7)
    room.desk.block(sent.id, by="Zîn", reason="Five threats in one night.", until=until)
    waiting = room.desk.held_count()
    with pytest.raises(Blocked) as told:
        room.send("Anything at all.")
    assert told.value.reason == "Five threats in one night."
    assert told.value.until == until
    assert room.desk.held_count() == waiting
    assert room.send(name="Somebody else").status is Status.APPROVED
    record = room.desk.record(sent.id)
    assert record is not None
    assert record.block is not None
    assert record.block.by == "Zîn"
    room.clock.forward(days=7)
    assert room.send(f"{COURTEOUS} Again.").status is Status.APPROVED


def test_a_block_is_lifted_and_renewed(room: Room) -> None:
    """If a block is lifted, then comments are taken again; a new one takes the place of the old."""
    sent = room.send()
    room.desk.block(sent.id, by="Zîn", reason="Advertising.")
    room.desk.block(sent.id, by="Mem", reason="Advertising, again.")
    with pytest.raises(Blocked, match="again"):
        room.send("Anything at all.")
    room.desk.unblock(sent.id, by="Zîn")
    assert room.send(f"{COURTEOUS} Again.").status is Status.APPROVED
    with pytest.raises(NotFound):
        room.desk.unblock(sent.id, by="Zîn")
    said = [(entry.actor, entry.action) for entry in room.store.people.journal(limit=9, subject=sent.id)]
    assert said == [("Zîn", "author-unblocked"), ("Mem", "author-blocked"), ("Zîn", "author-blocked")]


def test_a_block_without_a_reason_or_in_the_past_is_none(room: Room) -> None:
    """If there is no reason that can be told, or the end is past, then nobody is blocked."""
    sent = room.send()
    with pytest.raises(MissingFields):
        room.desk.block(sent.id, by="Zîn", reason="  ")
    with pytest.raises(Malformed):
        room.desk.block(sent.id, by="Zîn", reason="Late.", until=room.clock.now)
    with pytest.raises(NotFound):
        room.desk.block("nothing", by="Zîn", reason="Nobody.")
    room.desk.erase(sent.id)
    with pytest.raises(NotFound):
        room.desk.block(sent.id, by="Zîn", reason="Erased.")
    assert room.send(f"{COURTEOUS} Again.").status is Status.APPROVED


def test_the_guidelines_say_it_in_a_table_that_may_be_left_out() -> None:
    """If the table is written, then it is read; what is wrong in it is a fault with a remedy."""
    source = load().source
    assert load().authors == Authors()
    written = parse(source + b"\n[authors]\nfirst = 1\nrejected = 0.5\n", "x.toml")
    assert written.authors == Authors(first=1, rejected=0.5, of_at_least=4)
    for wrong in (
        b"first = -1",
        b"first = 1.5",
        b"rejected = 0",
        b"rejected = 2",
        b"of_at_least = 0",
        b"firts = 1",
        b'first = "1"',
    ):
        with pytest.raises(BadGuidelines):
            parse(source + b"\n[authors]\n" + wrong + b"\n", "x.toml")
