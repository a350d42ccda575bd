"""The promises of docs/promises.md, each kept here on every database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meydan.comment import DecidedBy, Evidence, Hold, Status, Submission, Verdict
from meydan.desk import Visitor
from meydan.errors import (
    AlreadyDecided,
    ClassifierUnavailable,
    ForeignStory,
    Malformed,
    MissingFields,
    NoSuchParent,
    NotAllowed,
    NotAppealable,
    NotErasable,
    NotFound,
    NotText,
    SignInNeeded,
    StoryClosed,
    TooLong,
    UnknownRule,
)
from tests.desk.conftest import ABUSIVE, COURTEOUS, STORY, UNMEASURED, VISITOR, Room

TEXTS = st.text(
    alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=200
)


class Broken:
    """A judge whose every opinion fails as told."""

    model = ""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def evidence(self, *_: Any, **__: Any) -> Evidence:
        raise self._error


# 1. Every comment is moderated first -----------------------------------------


def test_received_is_held(room: Room) -> None:
    """If a comment is received and not yet judged, then nobody is shown it."""
    received = room.desk.receive(Submission(story_url=STORY, name="Rojin", text=COURTEOUS), VISITOR)
    assert received.status is Status.HELD
    assert room.shown() == []
    assert room.desk.counts([STORY]) == {STORY: 0}


@pytest.mark.parametrize("error", [ClassifierUnavailable("planted"), ValueError("planted"), MemoryError()])
def test_a_broken_checker_holds(room_with: Callable[..., Room], error: Exception) -> None:
    """If any checker fails in any way, then the comment is held for a person and the author is answered."""
    room = room_with(judge=Broken(error))
    outcome = room.send()
    assert (outcome.status, outcome.holds) == (Status.HELD, (Hold.JUDGE_FAILED,))
    assert room.shown() == []


def test_once_kept_no_failure_is_told(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """If something breaks after the comment is kept, then its author is answered "held", and a sweep decides it."""

    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("planted")

    monkeypatch.setattr(room.store, "settle", broken)
    outcome = room.send()
    assert (outcome.status, outcome.receipt is not None) == (Status.HELD, True)
    monkeypatch.undo()
    assert room.desk.sweep() == 1
    assert room.shown() == [COURTEOUS]


def test_what_nobody_measured_is_held(room: Room) -> None:
    """If a comment is in a language without a measured judge, then it is held, with that as the reason."""
    outcome = room.send(UNMEASURED)
    assert outcome.status is Status.HELD
    assert Hold.LANGUAGE_NOT_MEASURED in outcome.holds
    assert room.shown() == []


def test_a_filled_honeypot_holds(room: Room) -> None:
    """If the hidden field came back filled, then the comment is held, not refused: it may be a person's browser."""
    outcome = room.send(suspicious=True)
    assert outcome.status is Status.HELD
    assert Hold.SUSPICIOUS_FORM in outcome.holds


def test_a_filled_honeypot_holds_after_a_crash_too(room: Room) -> None:
    """If the process dies before judging, then the sweep still knows that the hidden field was filled."""
    room.desk.receive(Submission(story_url=STORY, name="Rojin", text=COURTEOUS, suspicious=True), VISITOR)
    assert room.desk.sweep() == 1
    assert room.shown() == []
    assert room.desk.held()[0][0].holds == (Hold.SUSPICIOUS_FORM,)


def test_a_story_that_people_decide_is_never_automated(room: Room) -> None:
    """If a story's mode is off, then even the clearest comment waits for a person."""
    room.desk.register_story(STORY, title="A story", mode="off")
    assert room.send().holds == (Hold.STORY_SETTING,)
    assert room.send(ABUSIVE).status is Status.HELD


def test_a_flood_is_held_not_refused(room_with: Callable[..., Room]) -> None:
    """If a story gets more comments in a minute than its limit, then the rest are held, none refused."""
    room = room_with(flood_per_minute=3)
    outcomes = [room.send(f"{COURTEOUS} {number}") for number in range(5)]
    assert [outcome.status for outcome in outcomes[:3]] == [Status.APPROVED] * 3
    assert all(Hold.FLOOD in outcome.holds for outcome in outcomes[3:])


# 2. Two outcomes -------------------------------------------------------------


def test_out_of_the_box_the_clear_is_decided(room: Room) -> None:
    """If a comment is plainly welcome or plainly abusive, then the machine approves or rejects it at once."""
    assert room.send(COURTEOUS).status is Status.APPROVED
    rejected = room.send(ABUSIVE)
    assert rejected.status is Status.REJECTED
    assert [reason.rule for reason in rejected.reasons] == ["personal-attacks"]
    assert room.shown() == [COURTEOUS]


def test_a_later_decision_supersedes_and_keeps_the_first(room: Room) -> None:
    """If a moderator decides otherwise, then both decisions stay on record and the later one counts."""
    id = room.send(ABUSIVE).id
    room.desk.review(id, Verdict.APPROVE, by="shler", seen=1)
    assert room.shown() == [ABUSIVE]
    room.desk.review(id, Verdict.REJECT, rules=["abuse:racism"], by="azad", note="Read the rules, please.")
    assert room.shown() == []
    decisions = room.desk.item(id).decisions
    assert [(d.seq, d.decision.verdict, d.decision.by) for d in decisions] == [
        (1, Verdict.REJECT, "machine"),
        (2, Verdict.APPROVE, "shler"),
        (3, Verdict.REJECT, "azad"),
    ]
    assert decisions[2].decision.reasons[0].ground == "racism"


def test_the_second_to_decide_is_told_who_was_first(room: Room) -> None:
    """If somebody decided since, then the second moderator learns who and what, and nothing is overwritten."""
    id = room.send(UNMEASURED).id
    room.desk.review(id, Verdict.APPROVE, by="shler", seen=0)
    with pytest.raises(AlreadyDecided) as caught:
        room.desk.review(id, Verdict.REJECT, rules=["abuse"], by="azad", seen=0)
    assert (caught.value.by, caught.value.verdict, caught.value.seq) == ("shler", "approve", 1)
    assert room.shown() == [UNMEASURED]


@pytest.mark.parametrize(
    ("verdict", "rules", "error"),
    [
        (Verdict.REJECT, [], MissingFields),
        (Verdict.REJECT, ["nonsense"], UnknownRule),
        (Verdict.REJECT, ["profanity:racism"], UnknownRule),
        (Verdict.HOLD, [], Malformed),
    ],
)
def test_an_incomplete_verdict_changes_nothing(
    room: Room, verdict: Verdict, rules: list[str], error: type[Exception]
) -> None:
    """If a verdict lacks a rule, names an unknown one, or would put a comment back, then it is refused."""
    id = room.send(UNMEASURED).id
    with pytest.raises(error):
        room.desk.review(id, verdict, rules=rules, by="shler")
    assert room.desk.item(id).decisions == ()


def test_withdrawn_is_shown_no_more(room: Room) -> None:
    """If its author withdraws a comment, then it is shown no more, and a reply keeps a place that says so."""
    outcome = room.send()
    room.send("I agree with that, thank you very much.", parent=outcome.id)
    assert outcome.receipt is not None
    room.desk.withdraw(outcome.id, receipt=outcome.receipt)
    room.desk.withdraw(outcome.id, receipt=outcome.receipt)
    shown = room.desk.page(STORY).comments
    assert COURTEOUS not in [comment.text for comment in shown]
    assert room.desk.counts([STORY]) == {STORY: 1}
    with pytest.raises(NotFound):
        room.desk.review(outcome.id, Verdict.APPROVE, by="shler")


def test_only_the_author_can_withdraw(room: Room) -> None:
    """If somebody without the receipt, or with another comment's, asks to withdraw, then nothing happens."""
    mine, theirs = room.send(), room.send("Another thought, on the same subject as before.")
    assert theirs.receipt is not None
    for receipt in ("", "mr1.", "mr1.!!!", theirs.receipt, "mr1." + "A" * 5000):
        with pytest.raises(SignInNeeded):
            room.desk.withdraw(mine.id, receipt=receipt)
    assert len(room.shown()) == 2


# 3. Never edited ---------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
def test_what_is_shown_is_what_was_sent(room: Room, text: str) -> None:
    """If a text is kept at all, then it is shown character for character."""
    try:
        outcome = room.send(text)
    except MissingFields:
        return
    if outcome.status is not Status.APPROVED:
        room.desk.review(outcome.id, Verdict.APPROVE, by="shler")
    assert text in room.shown()


@pytest.mark.parametrize("text", ["null \x00 byte", "half \ud83d of a character"])
def test_what_cannot_be_kept_exactly_is_refused(room: Room, text: str) -> None:
    """If characters cannot be kept exactly, then the comment is refused rather than changed."""
    with pytest.raises(NotText):
        room.send(text)


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b\u2060", "\u3164\u2800", "\u0301"])
def test_a_comment_that_shows_nothing_is_missing(room: Room, text: str) -> None:
    """If a text has nothing that could be read, then it counts as missing."""
    with pytest.raises(MissingFields) as caught:
        room.send(text, name="")
    assert caught.value.fields == ("name", "text")


def test_a_text_at_the_limit_is_kept_and_one_longer_is_not(room: Room) -> None:
    """If a text is longer than the limit, then the refusal says the limit and the size, counted in characters."""
    assert room.desk.item(room.send("ە" * 5000).id) is not None
    with pytest.raises(TooLong) as caught:
        room.send("ە" * 5001)
    assert (caught.value.limit, caught.value.size, caught.value.fields) == (5000, 5001, ("text",))


# 4. Reasons are given ----------------------------------------------------------


def test_a_rejection_names_its_rule_and_who_decided(room: Room) -> None:
    """If a comment is rejected, then its author learns the rule in words, that a machine decided, and may appeal."""
    told = room.send(ABUSIVE)
    assert told.decided_by is DecidedBy.MACHINE
    assert told.reasons[0].title
    assert told.reasons[0].text
    assert told.appealable
    assert room.desk.status(told.id).text is None, "without the receipt the words are nobody's to read"
    assert room.desk.status(told.id, receipt=told.receipt).text == ABUSIVE


def test_an_appeal_is_decided_by_another_person(room: Room) -> None:
    """If a rejection is appealed, then whoever rejected cannot decide it, and one appeal per decision is taken."""
    outcome = room.send(UNMEASURED)
    assert outcome.receipt is not None
    with pytest.raises(NotAppealable):
        room.desk.appeal(outcome.id, receipt=outcome.receipt, words="Why?")
    room.desk.review(outcome.id, Verdict.REJECT, rules=["abuse"], by="azad")
    room.desk.appeal(outcome.id, receipt=outcome.receipt, words="I only thanked the journalists.")
    with pytest.raises(NotAppealable):
        room.desk.appeal(outcome.id, receipt=outcome.receipt, words="Again.")
    waiting, _ = room.desk.held()
    assert [(comment.id, Hold.APPEAL in comment.holds) for comment in waiting] == [(outcome.id, True)]
    assert room.desk.item(outcome.id).appeal == "I only thanked the journalists."
    with pytest.raises(NotAllowed):
        room.desk.review(outcome.id, Verdict.REJECT, rules=["abuse"], by="azad")
    room.desk.review(outcome.id, Verdict.APPROVE, by="shler")
    assert room.shown() == [UNMEASURED]
    assert room.desk.held() == ((), None)


# 6. and 7. The machine's limits; nothing is lost -----------------------------------


def test_the_sweep_takes_up_what_was_left(room: Room) -> None:
    """If a comment was received and its judging never happened, then the sweep judges it by the same walk, once."""
    room.desk.receive(Submission(story_url=STORY, name="Rojin", text=COURTEOUS), VISITOR)
    assert room.desk.sweep(older_than_s=60) == 0
    room.clock.forward(seconds=61)
    assert room.desk.sweep(older_than_s=60) == 1
    assert room.shown() == [COURTEOUS]
    assert room.desk.sweep() == 0


def test_erased_while_it_was_judged_stays_erased(room_with: Callable[..., Room], judge: Any) -> None:
    """If a comment is erased between the sweep's reading and its settling, then the sweep goes on with the next."""

    class Meanwhile:
        erased = False

        def __getattr__(self, name: str) -> Any:
            return getattr(judge, name)

        def evidence(self, *given: Any, **named: Any) -> Evidence:
            if not self.erased:
                self.erased = True
                room.desk.erase(first.id)
            found: Evidence = judge.evidence(*given, **named)
            return found

    room = room_with(judge=Meanwhile())
    first = room.desk.receive(Submission(story_url=STORY, name="Rojin", text=ABUSIVE), VISITOR)
    room.desk.receive(Submission(story_url=STORY, name="Rojin", text=COURTEOUS), VISITOR)
    assert room.desk.sweep() == 2
    assert room.shown() == [COURTEOUS]
    assert room.desk.status(first.id).erased


def test_judging_twice_decides_once(room: Room) -> None:
    """If a request and a sweep judge the same comment, then one decision and one leaf come of it."""
    outcome = room.send()
    room.desk.judge(outcome.id)
    assert len(room.desk.item(outcome.id).decisions) == 1
    assert sum(b'"kind":"decision"' in body for _, body in room.store.leaves(0, 10)) == 1


def test_a_repeated_text_is_noticed(room: Room) -> None:
    """If the same words are sent again and again, then the later ones are not approved by the machine."""
    outcomes = [room.send(visitor=Visitor(address_key=str(n) * 32)) for n in range(6)]
    assert outcomes[0].status is Status.APPROVED
    assert outcomes[-1].status is Status.HELD


# 8. Words stay in the building ---------------------------------------------------


def test_nothing_of_the_reader_is_logged(room_with: Callable[..., Room]) -> None:
    """If judging fails with a message that quotes the reader, then the log has the comment's id and no words."""
    secret_words = "Zanyar secret sentence about Hewler"
    room = room_with(judge=Broken(ValueError(secret_words)))
    with structlog.testing.capture_logs() as lines:
        outcome = room.send(secret_words, name="Zanyar", email="zanyar@example.org")
    assert [line["comment"] for line in lines] == [outcome.id]
    assert "Zanyar" not in str(lines)
    assert "zanyar" not in str(lines)
    assert "secret" not in str(lines)


def test_erased_is_gone(room: Room) -> None:
    """If a comment is erased, then its words, name, receipt and evidence are gone, and its status says so."""
    outcome = room.send(ABUSIVE, email="someone@example.org")
    room.desk.erase(outcome.id)
    room.desk.erase(outcome.id)
    told = room.desk.status(outcome.id, receipt=outcome.receipt)
    assert told.erased
    assert told.text is None
    assert told.name is None
    item = room.desk.item(outcome.id)
    assert item.evidence is None
    assert item.comment.email is None
    assert outcome.receipt is not None
    with pytest.raises(SignInNeeded):
        room.desk.appeal(outcome.id, receipt=outcome.receipt, words="Why?")


def test_leaves_hold_no_words(room: Room) -> None:
    """If leaves are published, then they hold no word, no name and no public id."""
    outcome = room.send(ABUSIVE, name="Zanyar")
    room.desk.review(outcome.id, Verdict.REJECT, rules=["personal-attacks"], by="shler", note="a note")
    everything = b"".join(body for _, body in room.store.leaves(0, 100)).decode()
    for private in ("idiot", "Zanyar", outcome.id, "shler", "a note", STORY):
        assert private not in everything


# Escalated -----------------------------------------------------------------------


def test_escalated_is_hidden_kept_and_restricted(room: Room) -> None:
    """If a comment is escalated, then readers and the queue no longer see it, and it cannot be erased."""
    outcome = room.send()
    room.desk.escalate(outcome.id, kind="threat-to-life", told="the police, by telephone", by="shler")
    assert room.shown() == []
    assert room.desk.status(outcome.id).reasons[0].rule == "unlawful"
    with pytest.raises(NotFound):
        room.desk.item(outcome.id)
    with pytest.raises(NotErasable):
        room.desk.erase(outcome.id)
    with pytest.raises(Malformed):
        room.desk.escalate(outcome.id, kind="dislike", told="", by="shler")


def test_an_escalated_comment_is_decided_no_more(room: Room) -> None:
    """If a comment is escalated, then no verdict is taken on it, no appeal offered, and a reply does not quote it."""
    outcome = room.send()
    reply = room.send("این حرف کاملاً درست است و باید گفته شود.", parent=outcome.id)
    room.desk.escalate(outcome.id, kind="private-data", told="", by="shler")
    with pytest.raises(NotFound):
        room.desk.review(outcome.id, Verdict.APPROVE, by="azad")
    assert not room.desk.status(outcome.id).appealable
    parent = room.desk.item(reply.id).parent
    assert parent is not None
    assert parent.text is None
    assert parent.name is None
    with pytest.raises(NoSuchParent):
        room.desk.shown(outcome.id, story_url=STORY)


def test_escalating_needs_no_rule_in_the_guidelines(room_with: Callable[..., Room], guidelines: Any) -> None:
    """If the guidelines file has dropped the rule, then an escalated comment still leaves the page."""
    from dataclasses import replace

    fewer = replace(guidelines, rules=tuple(rule for rule in guidelines.rules if not rule.people_only))
    room = room_with(guidelines=fewer)
    outcome = room.send()
    room.desk.escalate(outcome.id, kind="terrorism", told="", by="shler")
    assert room.shown() == []
    assert room.desk.status(outcome.id).reasons[0].rule == "unlawful"


# Refused at the door ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("https://elsewhere.example/story", ForeignStory),
        ("http://localhost.evil.example/", ForeignStory),
        ("javascript:alert(1)", Malformed),
        ("/story", Malformed),
        ("http://user:password@localhost/story", Malformed),
        ("http://[::1", Malformed),
        ("http://localhost:99999/", Malformed),
        ("http://localhost/\n", Malformed),
        ("http://localhost/" + "a" * 3000, Malformed),
        ("", Malformed),
    ],
)
def test_a_story_elsewhere_is_refused(room: Room, url: str, error: type[Exception]) -> None:
    """If a story is not this publication's, or its address is none, then the comment is refused."""
    with pytest.raises(error):
        room.send(story_url=url)


def test_one_story_has_one_address(room: Room) -> None:
    """If the same story is named with a fragment, capitals or a default port, then it is the same story."""
    for url in ("HTTP://LOCALHOST/story", "http://localhost:80/story#comments", STORY):
        room.send(f"{COURTEOUS} {url}"[:100], story_url=url)
    assert len(room.shown()) == room.desk.counts([STORY])[STORY] > 0


def test_a_closed_story_takes_no_more(room: Room) -> None:
    """If a story is closed, or its time is over, then nothing more is taken and what is there stays."""
    room.send()
    room.desk.register_story(STORY, closes_at=room.clock.now)
    with pytest.raises(StoryClosed):
        room.send("One more thought on this, if I may.")
    room.desk.register_story(STORY, open=False)
    with pytest.raises(StoryClosed):
        room.send("One more thought on this, if I may.")
    assert room.shown() == [COURTEOUS]


def test_replies_go_to_what_readers_see(room: Room) -> None:
    """If the parent is unknown, rejected, held or elsewhere, then the reply is refused."""
    rejected, held = room.send(ABUSIVE), room.send(UNMEASURED)
    elsewhere = room.send(story_url="http://localhost/another")
    for parent in (rejected.id, held.id, elsewhere.id, "nobody"):
        with pytest.raises(NoSuchParent):
            room.send("I would like to answer that, politely.", parent=parent)


def test_a_required_email_is_required(room_with: Callable[..., Room], guidelines: Any) -> None:
    """If the guidelines require an e-mail address, then a comment without one names that field."""
    from meydan.policy import parse

    source = guidelines.source.replace(
        b'required = ["name", "text"]', b'required = ["name", "text", "email"]'
    )
    assert source != guidelines.source
    room = room_with(guidelines=parse(source, "test.toml"))
    with pytest.raises(MissingFields) as caught:
        room.send()
    assert caught.value.fields == ("email",)
    with pytest.raises(Malformed):
        room.send(email="not an address")
    assert room.send(email="rojin@example.org").status is Status.APPROVED


def test_many_are_counted_now_and_then(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """If few comments wait, then their number is that of this moment; if many do, then that of the last seconds."""

    def waiting() -> int:
        return room.desk.tally().waiting(None, ())

    room.desk.register_story(STORY, title="A story", mode="off")
    for number in range(3):
        room.send(f"Sent as number {number}.")
        assert waiting() == number + 1
    monkeypatch.setattr("meydan.desk.COUNTED_ANEW_UP_TO", 2)
    assert waiting() == 3
    room.send("One more.")
    assert waiting() == 3
    room.clock.forward(seconds=6)
    assert waiting() == 4
