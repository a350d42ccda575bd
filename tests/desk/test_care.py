"""What severe comments and long hours mean for whoever decides; on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from meydan.comment import Verdict
from meydan.desk import Care
from tests.desk.conftest import COURTEOUS, UNMEASURED, Room

THREAT = "I will find you and kill you, and your children too."


@pytest.fixture
def moderators(room: Room) -> Room:
    for name in ("Zîn", "Mem"):
        room.store.people.add_moderator(name, room.clock.now, by="operator")
    return room


def test_severe_words_are_covered_and_others_are_not(moderators: Room) -> None:
    """If a comment is likely a threat, then it is severe for that; praise and rudeness are not."""
    room = moderators
    severe = room.desk.severe(room.desk.item(room.send(THREAT).id))
    assert severe is not None
    label, score = severe
    assert label == "threat"
    assert 0.8 <= score <= 1.0
    assert room.desk.severe(room.desk.item(room.send(COURTEOUS).id)) is None
    assert room.desk.severe(room.desk.item(room.send("You are a complete idiot.").id)) is None
    assert room.desk.severe(room.desk.item(room.send(UNMEASURED).id)) is None


def test_what_was_shown_is_counted_once_and_for_oneself(moderators: Room) -> None:
    """If somebody asks for severe words, then it is counted for them, once a comment, and for nobody else."""
    room = moderators
    threat, polite = room.send(THREAT).id, room.send(COURTEOUS).id
    assert not room.desk.uncovered(threat, by="Zîn")
    for id in (threat, threat, polite):
        room.desk.uncover(id, by="Zîn")
    assert room.desk.uncovered(threat, by="Zîn")
    assert not room.desk.uncovered(threat, by="Mem")
    assert room.desk.strain("Zîn").severe == 1
    assert room.desk.strain("Zîn").of_week == {"threat": 1}
    assert room.desk.strain("Mem").severe == 0
    room.clock.forward(hours=13)
    assert room.desk.strain("Zîn").severe == 0
    assert room.desk.strain("Zîn").of_week == {"threat": 1}


def test_enough_is_enough(moderators: Room) -> None:
    """If somebody was shown as many severe comments as are given in a shift, then it is said that this is enough."""
    room = moderators
    room.desk.care = Care(severe_per_shift=2)
    for number in range(2):
        assert not room.desk.strain("Zîn").enough
        room.desk.uncover(room.send(f"{THREAT} {number}").id, by="Zîn")
    assert room.desk.strain("Zîn").enough
    assert not room.desk.strain("Mem").enough


def test_a_pause_is_due_after_long_and_taken_by_pausing(
    moderators: Room, decide_at: Callable[[float], None]
) -> None:
    """If somebody decides for fifty minutes without ten of pause, then one is due; ten minutes of nothing are one."""
    room = moderators
    assert room.desk.strain("Zîn").working_since is None
    for _ in range(10):
        decide_at(5)
    assert not room.desk.strain("Zîn").pause_due
    decide_at(6)
    assert room.desk.strain("Zîn").pause_due
    assert not room.desk.strain("Mem").pause_due
    room.clock.forward(minutes=11)
    assert room.desk.strain("Zîn").working_since is None
    decide_at(0)
    assert not room.desk.strain("Zîn").pause_due


@pytest.fixture
def decide_at(room: Room) -> Callable[[float], None]:
    """Let minutes pass, then let Zîn decide something."""
    numbers = iter(range(1000))

    def decide(minutes: float) -> None:
        room.clock.now += timedelta(minutes=minutes)
        sent = room.send(f"{UNMEASURED} {next(numbers)}")
        room.desk.review(sent.id, Verdict.APPROVE, by="Zîn")

    return decide
