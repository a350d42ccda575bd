"""Editors' touches: picks, answers as the publication, and stories that open, close and ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from meydan.comment import DecidedBy, Status, Verdict
from meydan.errors import (
    Malformed,
    MissingFields,
    NoSuchParent,
    NotAllowed,
    NotFound,
    StoryClosed,
    StoryNotOpen,
)
from meydan.ledger.receipt import salt_in
from tests.desk.conftest import COURTEOUS, STORY, UNMEASURED, Room

ENDS: dict[str, Callable[[Room, Any], None]] = {
    "withdrawn": lambda room, sent: room.desk.withdraw(sent.id, receipt=sent.receipt),
    "rejected": lambda room, sent: reject(room, sent.id, by="Zîn"),
    "escalated": lambda room, sent: room.desk.escalate(sent.id, kind="terrorism", told="", by="Zîn"),
    "erased": lambda room, sent: room.desk.erase(sent.id),
}


def reject(room: Room, id: str, *, by: str) -> None:
    room.desk.review(id, Verdict.REJECT, by=by, rules=["personal-attacks"])


def done(room: Room, action: str) -> list[tuple[str, str, dict[str, object]]]:
    """Who did something, to what and how, as the journal has it."""
    return [
        (entry.actor, entry.subject, dict(entry.detail))
        for entry in room.store.people.journal(limit=50)
        if entry.action == action
    ]


def picked(room: Room) -> list[str]:
    page = room.desk.picks(STORY)
    assert page.story is not None
    assert (
        page.story.picked == len(page.comments) == sum(one.picked for one in room.desk.page(STORY).comments)
    )
    return [comment.id for comment in page.comments]


@pytest.mark.parametrize("ended", ENDS)
def test_a_pick_ends_with_the_showing(room: Room, ended: str) -> None:
    """If editors choose a comment, then readers see that until it is taken back or the comment is no longer shown."""
    sent, other = room.send(), room.send("The maps in this article are clear. Thank you for them.")
    room.send("I agree with this.", parent=sent.id)
    before, _ = room.desk.changes(0)
    assert room.desk.pick(sent.id, picked=True, by="Mem")
    assert not room.desk.pick(sent.id, picked=True, by="Zîn")
    assert room.desk.pick(other.id, picked=True, by="Zîn")
    assert room.desk.changes(before)[1] == (STORY,)
    assert picked(room) == [other.id, sent.id]
    assert room.desk.pick(other.id, picked=False, by="Mem")
    ENDS[ended](room, sent)
    assert picked(room) == []
    with pytest.raises(NotFound):
        room.desk.pick(sent.id, picked=True, by="Mem")
    assert done(room, "picked") == [("Zîn", other.id, {}), ("Mem", sent.id, {})]
    assert done(room, "pick-ended") == [("Mem", other.id, {})]


def test_the_publication_answers_the_whole_way(room: Room) -> None:
    """If somebody answers as the publication, then it is received, judged and approved under their name, exactly as written."""
    asked = room.send()
    text = "شكراً.  The dam is from 1974,\r\nnot 1984. "
    told = room.desk.answer(asked.id, text, by="Mem")
    item = room.desk.item(told.id)
    (settled,) = item.decisions
    assert (settled.decision.verdict, settled.decision.decided_by, settled.decision.by) == (
        Verdict.APPROVE,
        DecidedBy.MODERATOR,
        "Mem",
    )
    assert item.evidence is not None
    assert item.evidence.scores
    comment = item.comment
    assert (comment.text, comment.parent, comment.badge, comment.written_by) == (
        text,
        asked.id,
        "staff",
        "Mem",
    )
    assert comment.name == room.desk.guidelines.publication.name
    assert told.receipt is not None
    assert salt_in(told.receipt, told.id) is not None
    assert room.shown() == [COURTEOUS, text]
    assert room.desk.page(STORY).comments[1].badge == "staff"
    # Nobody's address stands beside it, and what one writes oneself teaches nothing about the judge.
    assert room.desk.record(told.id) is None
    assert told.id not in {row.id for row in room.store.decided(after=-1, limit=100)}
    for refused, error in ((" ", MissingFields), ("Yes.", NoSuchParent)):
        with pytest.raises(error):
            room.desk.answer(asked.id if error is MissingFields else "nobody", refused, by="Mem")
    assert len(room.shown()) == 2


def test_nobody_decides_their_own_words_again(room: Room) -> None:
    """If somebody answered as the publication, then they may take it back, and approving it again or hearing its appeal is for others."""
    told = room.desk.answer(room.send().id, "The dam is from 1974.", by="Mem")
    assert told.receipt is not None
    with pytest.raises(NotAllowed):
        room.desk.review(told.id, Verdict.APPROVE, by="Mem")
    reject(room, told.id, by="Zîn")
    with pytest.raises(NotAllowed):
        room.desk.review(told.id, Verdict.APPROVE, by="Mem")
    room.desk.appeal(told.id, receipt=told.receipt, words="It is right.")
    for verdict, rules in ((Verdict.APPROVE, []), (Verdict.REJECT, ["personal-attacks"])):
        with pytest.raises(NotAllowed):
            room.desk.review(told.id, verdict, by="Mem", rules=rules)
    room.desk.review(told.id, Verdict.APPROVE, by="Leyla")
    reject(room, told.id, by="Mem")
    assert room.desk.item(told.id).comment.status is Status.REJECTED


def test_a_story_opens_and_closes_with_its_reason(room: Room) -> None:
    """If a story opens later or is over, then nothing is taken, and why is told; what is told only then."""
    asked = room.send()
    now = room.clock.now
    room.desk.change_story(
        STORY,
        {
            "opens_at": now + timedelta(hours=1),
            "closes_at": now + timedelta(hours=2),
            "closed_reason": " The editors have gone home. ",
            "question": "What would you have built?",
        },
        by="Zîn",
    )
    with pytest.raises(StoryNotOpen) as early:
        room.send(UNMEASURED)
    assert early.value.code == "R140"
    assert early.value.opens_at == now + timedelta(hours=1)
    with pytest.raises(StoryNotOpen):
        room.desk.answer(asked.id, "Not yet.", by="Mem")
    room.clock.forward(hours=1)
    room.send(UNMEASURED)
    room.clock.forward(hours=1)
    with pytest.raises(StoryClosed) as late:
        room.send(UNMEASURED)
    assert (late.value.code, late.value.reason) == ("R101", "The editors have gone home.")


def test_a_change_of_a_story_touches_nothing_else(room: Room) -> None:
    """If two editors change different things of a story, then both stand; the journal names what changed, and no words of it."""
    room.desk.register_story(STORY, title="The dam", text="Long.", mode="off", by="cms")
    room.desk.change_story(STORY, {"question": "Why?"}, by="Zîn")
    story = room.desk.change_story(STORY, {"guests": "verified", "question": "Why?"}, by="Mem")
    assert (story.title, story.mode, story.question, story.guests) == ("The dam", "off", "Why?", "verified")
    assert [(by, detail["fields"]) for by, _, detail in done(room, "story-changed")] == [
        ("Mem", ["guests"]),
        ("Zîn", ["question"]),
        ("cms", ["title", "text", "mode"]),
    ]
    opens = room.clock.now
    room.desk.change_story(STORY, {"opens_at": opens}, by="Zîn")
    for wrong in ({"closes_at": opens}, {"guests": "everybody"}, {"mode": "on"}):
        with pytest.raises(Malformed):
            room.desk.change_story(STORY, wrong, by="Mem")
    assert room.desk.story(STORY) == room.desk.change_story(STORY, {}, by="Mem")


def test_stories_are_found(room: Room) -> None:
    """If stories are listed, then the busiest come first; a part of an address or title, as it is, finds them."""
    for name, title in (("one", "Su 100% temiz"), ("two", "The dam_1"), ("three", None)):
        room.desk.register_story(f"{STORY}/{name}", title=title)
    for words in (COURTEOUS, "The maps are clear, and the letters even more so."):
        room.send(words, story_url=f"{STORY}/one")
    room.send(UNMEASURED, story_url=f"{STORY}/two")

    def found(sought: str = "", **more: Any) -> list[str]:
        return [line.story.url.rpartition("/")[2] for line in room.desk.stories(sought, **more)[0]]

    assert found() == ["one", "two", "three"]
    assert [line.lately for line in room.desk.stories()[0]] == [2, 1, 0]
    assert found("DAM_") == ["two"]
    assert found("100%") == found("HTTP://localhost:80/story/one#comments") == ["one"]
    assert found("%") == ["one"]
    assert found("story/t") == ["three", "two"]
    first, further = room.desk.stories("story", limit=1)
    assert (first[0].story.url, found("story", before=further)) == (f"{STORY}/three", ["two", "one"])
    room.clock.forward(days=2)
    assert found() == ["three", "two", "one"]
