"""What other systems' people found of their comments: kept to calibrate by, and no longer than it may be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meydan.desk import VIOLATION, Suggestion
from meydan.errors import Malformed, MissingFields, NotAllowed, NotErasable, NotText, TooLong
from meydan.evaluate.decided import Known, suggested
from tests.desk.conftest import ABUSIVE, COURTEOUS, Room

THERE = Suggestion(
    source="perspective:coral",
    text=ABUSIVE,
    labels={VIOLATION: 1.0},
    subject="Coral:https://t.example|comment:1",
)


def kept(room: Room) -> list[tuple[str, dict[str, float], str]]:
    return [(one.text, dict(one.labels), one.language) for one in room.store.suggestions.all()]


def test_what_was_found_last_of_a_comment_counts(room: Room) -> None:
    """If a comment there is decided again, then the later answer takes the place of the former; another's stays."""
    assert room.desk.suggest(THERE) == ("en",)
    room.desk.suggest(replace(THERE, subject="Coral:https://t.example|comment:2", text=COURTEOUS))
    room.desk.suggest(replace(THERE, labels={VIOLATION: 0.0}))
    assert sorted(kept(room)) == [
        (COURTEOUS, {VIOLATION: 1.0}, "en"), (ABUSIVE, {VIOLATION: 0.0}, "en")
    ]  # fmt: skip
    # Another system may call another comment the same.
    room.desk.suggest(replace(THERE, source="perspective:other"))
    assert len(kept(room)) == 3


def test_without_a_name_a_text_stands_for_its_comment(room: Room) -> None:
    """If no id is told, then what is found of the same words again takes the place of what was found before."""
    nameless = replace(THERE, subject="")
    for value in (1.0, 0.0):
        room.desk.suggest(replace(nameless, labels={"personal_attack": value}))
    assert kept(room) == [(ABUSIVE, {"personal_attack": 0.0}, "en")]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"text": ""}, MissingFields),
        ({"labels": {}}, MissingFields),
        ({"labels": {"kindness": 1.0}}, Malformed),
        ({"labels": {VIOLATION: 1.5}}, Malformed),
        ({"labels": {VIOLATION: float("nan")}}, Malformed),
        ({"text": "ö" * 10_241}, TooLong),
        ({"text": "a\x00"}, NotText),
        ({"text": "a\ud800"}, NotText),
        ({"subject": "s" * 2_001}, TooLong),
    ],
)
def test_what_cannot_be_kept_is_refused(room: Room, wrong: dict[str, object], error: type[Exception]) -> None:
    """If a suggestion has no words, no labels, or what are none, then it is refused and nothing is kept."""
    with pytest.raises(error):
        room.desk.suggest(replace(THERE, **wrong))
    assert kept(room) == []


def test_it_is_forgotten_in_time(room: Room) -> None:
    """If its days are over, then a suggestion is gone, words and all, and a younger one is not."""
    room.desk.suggest(THERE)
    room.clock.forward(days=20)
    room.desk.suggest(replace(THERE, subject="Coral:https://t.example|comment:2"))
    room.desk.expire(address_days=7, suggestion_days=30)
    assert len(kept(room)) == 2
    room.clock.forward(days=11)
    room.desk.expire(address_days=7, suggestion_days=30)
    assert len(kept(room)) == 1


def test_an_erasure_takes_it_along(room: Room) -> None:
    """If a comment is erased here, then what others found of exactly these words is forgotten too, and nothing else."""
    sent = room.send(ABUSIVE)
    room.desk.suggest(THERE)
    room.desk.suggest(replace(THERE, subject="", text=COURTEOUS))
    room.desk.erase(sent.id)
    assert [text for text, _, _ in kept(room)] == [COURTEOUS]


def test_an_erasure_that_waited_takes_it_along(room: Room) -> None:
    """If an erasure waits for the end of a legal hold, then what others find of these words meanwhile is forgotten with it."""
    for name in ("Zîn", "Mem"):
        room.store.people.add_moderator(name, room.clock.now, by="operator", role="editor")
    sent = room.send(ABUSIVE)
    room.desk.escalate(sent.id, kind="terrorism", told="", by="Zîn")
    room.desk.suggest(THERE)
    with pytest.raises(NotErasable):
        room.desk.erase(sent.id)
    # Whoever began the hold cannot end it: nothing is gone.
    with pytest.raises(NotAllowed):
        room.desk.end_hold(sent.id, reason="It is over.", by="Zîn")
    assert len(kept(room)) == 1
    assert room.desk.end_hold(sent.id, reason="It is over.", by="Mem")
    assert kept(room) == []


def test_only_what_says_so_is_a_violation_or_none(room: Room) -> None:
    """If labels say of a comment whether it breaches the guidelines, then calibration takes it so; if they do not, not at all."""
    said = [
        ({VIOLATION: 1.0}, True),
        ({VIOLATION: 0.0}, False),
        ({"toxic": 0.0}, False),
        ({"profanity": 0.9}, True),
        # Not profane is not yet acceptable.
        ({"profanity": 0.1}, None),
        ({"constructive": 1.0}, None),
    ]
    for number, (labels, _) in enumerate(said):
        room.desk.suggest(replace(THERE, subject=str(number), labels=labels))
    known = suggested(room.store, room.desk.guidelines)
    assert known == [Known(ABUSIVE, violation, "en") for _, violation in said if violation is not None]
