"""Bounded automation in life: what is audited, what a moderator is told of it, and when the machine is withdrawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from meydan.comment import RULE_LABELS, Evidence, Hold, Status, Verdict
from meydan.errors import AlreadyDecided, MissingFields, NotAllowed, NotFound
from meydan.judge.calibration import APPROVALS, Calibration, Calibrations
from meydan.policy import Guidelines, parse
from meydan.store import Store
from tests.desk.conftest import Room

PROMISE = {"wrongly_rejected": 0.01, "wrongly_approved": 0.05, "confidence": 0.9}


class Told:
    """A judge that believes what a comment says of itself: "threat 0.95" scores as much."""

    model = "sha256:told"

    def evidence(self, text: str, **_: Any) -> Evidence:
        said = text.split()
        scores: dict[str, float | None] = dict.fromkeys(RULE_LABELS, 0.0)
        scores |= {label: float(said[said.index(label) + 1]) for label in RULE_LABELS if label in said[:-1]}
        return Evidence(language="tr" if "tr" in said else "en", scores=scores, model=self.model)

    def name_evidence(self, name: str) -> Evidence:
        return Evidence()


def promising(guidelines: Guidelines, audit: float) -> Guidelines:
    source = guidelines.source.replace(b"audit = 0.02", f"audit = {audit}".encode())
    assert source != guidelines.source
    return parse(source, "test.toml")


@pytest.fixture
def audited(room_with: Callable[..., Room], guidelines: Guidelines) -> Room:
    """A room where every comment is drawn, and English is calibrated."""
    room = room_with(judge=Told(), guidelines=promising(guidelines, 1.0))
    room.desk.adopt_calibrations(Calibrations({"en": Calibration("en", 0.5, 0.5, **PROMISE)}))
    return room


def say(room: Room, words: str, times: int = 1) -> list[str]:
    """Send comments that are told apart, and return their ids."""
    return [room.send(f"{words} number {room.clock.forward(seconds=90) or i}").id for i in range(times)]


def watching(room: Room, language: str = "en") -> dict[str, tuple[int, int]]:
    """What is watched in a language: how often it went wrong, of how many."""
    promises = {each.language: each for each in room.desk.promises()}
    return {kept.what: (kept.seen.wrong, kept.seen.of) for kept in promises[language].kept}


def test_an_audited_comment_keeps_its_decision(audited: Room) -> None:
    """If a decision is drawn for an audit, then readers go on seeing what it decided, and nobody waits."""
    approved, rejected = say(audited, "fine") + say(audited, "threat 0.95")
    assert [comment.id for comment in audited.desk.audits()] == [approved, rejected]
    assert audited.desk.held_count() == 0
    assert audited.desk.audits_count() == 2
    assert len(audited.shown()) == 1
    assert audited.desk.status(rejected).status is Status.REJECTED


def test_a_moderator_is_not_told_what_the_machine_made_of_it(audited: Room) -> None:
    """If a comment is audited, then nothing in what the moderator is given differs by the machine's verdict."""
    given = [audited.desk.audit_item(say(audited, words)[0]) for words in ("fine", "threat 0.95")]
    bare = [
        replace(
            item, comment=replace(item.comment, id="", text="", submitted_at=item.comment.submitted_at.min)
        )
        for item in given
    ]
    assert bare[0] == bare[1]
    assert all(not item.decisions and item.evidence is None for item in given)


def test_agreeing_leaves_the_decision_alone(audited: Room) -> None:
    """If the moderator decides as the machine did, then no decision is added and the audit is answered."""
    approved, rejected = say(audited, "fine") + say(audited, "threat 0.95")
    told = audited.desk.audit(approved, Verdict.APPROVE, by="Leyla")
    assert (told.machine, told.superseded) == (Verdict.APPROVE, False)
    told = audited.desk.audit(rejected, Verdict.REJECT, by="Leyla", rules=["profanity", "threats"])
    assert (told.machine, told.rules, told.superseded) == (Verdict.REJECT, ("threats",), False)
    for id in (approved, rejected):
        assert [settled.decision.by for settled in audited.desk.item(id).decisions] == ["machine"]
    assert audited.desk.audits() == ()
    assert watching(audited) == {APPROVALS: (0, 1), "rejections": (0, 1)}


def test_disagreeing_supersedes(audited: Room) -> None:
    """If the moderator decides otherwise, then their decision supersedes the machine's, and it counts as an error."""
    approved, rejected = say(audited, "fine") + say(audited, "threat 0.95")
    assert audited.desk.audit(approved, Verdict.REJECT, by="Leyla", rules=["threats"]).superseded
    assert audited.desk.audit(rejected, Verdict.APPROVE, by="Leyla").superseded
    assert audited.desk.status(approved).status is Status.REJECTED
    assert audited.desk.status(rejected).status is Status.APPROVED
    assert watching(audited) == {APPROVALS: (1, 1), "rejections": (1, 1), "threats": (1, 1)}


def test_another_rule_is_another_reason(audited: Room) -> None:
    """If both reject, for different rules, then the author is told the person's, and no error is counted."""
    id = say(audited, "threat 0.95")[0]
    assert audited.desk.audit(id, Verdict.REJECT, by="Leyla", rules=["profanity"]).superseded
    assert [reason.rule for reason in audited.desk.status(id).reasons] == ["profanity"]
    assert watching(audited) == {APPROVALS: (0, 1), "rejections": (0, 0)}


def test_what_people_alone_judge_is_not_the_machines_error(audited: Room) -> None:
    """If a person rejects for a rule that only people apply, then the machine has not broken its promise."""
    id = say(audited, "fine")[0]
    assert audited.desk.audit(id, Verdict.REJECT, by="Leyla", rules=["private-data"]).superseded
    assert watching(audited) == {APPROVALS: (0, 0), "rejections": (0, 0)}


def test_what_was_held_is_part_of_the_sample(audited: Room) -> None:
    """If a drawn comment was held, then it is no audit to do, and its ordinary decision counts as one."""
    held = say(audited, "racism 0.4")[0]
    assert audited.desk.audits() == ()
    with pytest.raises(NotFound):
        audited.desk.audit(held, Verdict.APPROVE, by="Leyla")
    audited.desk.review(held, Verdict.APPROVE, by="Leyla")
    assert watching(audited)["rejections"] == (0, 1)


def test_an_appeal_answers_the_audit(audited: Room) -> None:
    """If somebody decides a drawn comment before its audit, then that is its answer, and it waits for no other."""
    id = say(audited, "threat 0.95")[0]
    audited.desk.review(id, Verdict.APPROVE, by="Leyla", seen=1)
    assert audited.desk.audits() == ()
    assert watching(audited)["rejections"] == (1, 1)
    with pytest.raises(AlreadyDecided):
        audited.desk.audit(id, Verdict.REJECT, by="Hiwa", rules=["threats"])
    with pytest.raises(NotFound):
        audited.desk.audit_item(id)


def test_an_incomplete_answer_is_none(audited: Room) -> None:
    """If a moderator rejects without a rule, then nothing is recorded and the audit waits."""
    id = say(audited, "fine")[0]
    with pytest.raises(MissingFields):
        audited.desk.audit(id, Verdict.REJECT, by="Leyla")
    assert audited.desk.audits_count() == 1


def test_nothing_is_drawn_where_nothing_is_promised(audited: Room) -> None:
    """If a language has no calibration, or people decide the whole story, then its comments are no audits."""
    ids = say(audited, "tr fine")
    audited.desk.register_story("http://localhost/story", mode="off")
    ids += say(audited, "fine")
    for id in ids:
        audited.desk.review(id, Verdict.APPROVE, by="Leyla")
    assert watching(audited) == {APPROVALS: (0, 0), "rejections": (0, 0)}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_share_is_drawn(room_with: Callable[..., Room], guidelines: Guidelines) -> None:
    """If a share is audited, then about so many are drawn; if none is, then none."""
    for audit, least, most in ((0.0, 0, 0), (0.3, 30, 90)):
        room = room_with(judge=Told(), guidelines=promising(guidelines, audit), flood_per_minute=10_000)
        before = room.desk.audits_count()
        for i in range(200):
            room.clock.forward(hours=2)
            room.send(f"fine {i}")
        assert least <= room.desk.audits_count() - before <= most


def disagree(room: Room, words: str, verdict: Verdict, rules: Sequence[str] = (), most: int = 40) -> int:
    """Let moderators overturn the machine's decisions on such comments until one is held; how many it took."""
    for i in range(most):
        id = say(room, words)[0]
        if room.desk.status(id).status is Status.HELD:
            return i
        room.desk.audit(id, verdict, by="Leyla", rules=rules)
    raise AssertionError("the machine was not withdrawn")


def test_the_walk_to_a_withdrawal(audited: Room, store: Store) -> None:
    """
    If moderators find that the machine approves violations, then it approves no more, and the next comment is held.

    What it rejects it goes on rejecting, another start knows of it, and a new calibration lifts it.
    """
    for id in say(audited, "fine", 20):
        audited.desk.audit(id, Verdict.APPROVE, by="Leyla")
    taken = disagree(audited, "innocent looking", Verdict.REJECT, ["threats"])
    assert 1 < taken < 10
    outcome = audited.desk.status(say(audited, "fine")[0])
    assert (outcome.status, outcome.holds) == (Status.HELD, (Hold.WITHDRAWN,))
    assert audited.desk.status(say(audited, "threat 0.95")[0]).status is Status.REJECTED
    assert audited.desk.promises()[0].withdrawn == {APPROVALS}
    kept = store.withdrawals()
    assert [(one.language, one.rule, one.wrong, one.audits) for one in kept] == [
        ("en", APPROVALS, taken, taken)
    ]

    known = audited.desk.calibrations
    audited.desk.adopt_calibrations(known.without(()))
    audited.desk.refresh_withdrawn()
    assert audited.desk.status(say(audited, "fine")[0]).status is Status.HELD

    new = Calibration("en", 0.5, 0.5, source="made anew", **PROMISE)
    audited.desk.adopt_calibrations(replace(audited.desk.calibrations, by_language={"en": new}))
    assert audited.desk.status(say(audited, "fine")[0]).status is Status.APPROVED
    assert store.withdrawals() == kept


def test_only_the_rule_that_goes_wrong_is_withdrawn(audited: Room) -> None:
    """If the machine wrongly rejects on one rule, then that rule is people's again, and the others stay the machine's."""
    for id in say(audited, "fine", 30):
        audited.desk.audit(id, Verdict.APPROVE, by="Leyla")
    disagree(audited, "promotion 0.97", Verdict.APPROVE)
    assert audited.desk.promises()[0].withdrawn == {"promotion"}
    assert audited.desk.status(say(audited, "promotion 0.97")[0]).holds == (Hold.WITHDRAWN,)
    assert audited.desk.status(say(audited, "threat 0.95")[0]).status is Status.REJECTED
    assert audited.desk.status(say(audited, "fine")[0]).status is Status.APPROVED


def test_a_watch_that_fails_loses_no_decision(audited: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the promises cannot be looked at, then the moderator's decision stands, and the next look catches up."""
    ids = say(audited, "innocent looking", 8)

    def broken(*_: Any) -> None:
        raise KeyError("planted")

    with monkeypatch.context() as planted:
        planted.setattr(audited.store, "audited", broken)
        for id in ids:
            audited.desk.audit(id, Verdict.REJECT, by="Leyla", rules=["threats"])
    assert all(audited.desk.status(id).status is Status.REJECTED for id in ids)
    assert audited.desk.calibrations.withdrawn == frozenset()
    audited.desk.watch()
    assert audited.desk.promises()[0].withdrawn == {APPROVALS}


def test_a_withdrawn_or_erased_comment_waits_for_no_audit(audited: Room) -> None:
    """If its author or the law takes a comment back, then nobody is asked to audit it."""
    first = audited.send("fine one")
    second = audited.send("fine two")
    assert audited.desk.audits_count() == 2
    assert first.receipt is not None
    audited.desk.withdraw(first.id, receipt=first.receipt)
    audited.desk.erase(second.id)
    assert audited.desk.audits() == ()
    for id in (first.id, second.id):
        with pytest.raises(NotFound):
            audited.desk.audit(id, Verdict.APPROVE, by="Leyla")


def test_who_agreed_blind_does_not_decide_the_appeal(audited: Room) -> None:
    """If somebody agreed with the machine's rejection in an audit, then its appeal is for somebody else."""
    sent = audited.send("threat 0.95 you")
    assert sent.status is Status.REJECTED
    assert sent.receipt is not None
    audited.desk.audit(sent.id, Verdict.REJECT, by="Zîn", rules=["threats"])
    audited.desk.appeal(sent.id, receipt=sent.receipt, words="It was a line of a song.")
    with pytest.raises(NotAllowed):
        audited.desk.review(sent.id, Verdict.REJECT, rules=["threats"], by="Zîn")
    audited.desk.review(sent.id, Verdict.APPROVE, by="Mem")
    assert audited.desk.item(sent.id).comment.status is Status.APPROVED


def test_scores_are_set_against_what_people_found(audited: Room) -> None:
    """If people decide or audit what was scored, then each counts once, by its highest score; what only people apply does not."""
    desk = audited.desk
    (polite,), (rude,) = say(audited, "threat 0.05"), say(audited, "threat 0.95 vulgarity 0.3")
    assert desk.reliability()[0].of == 0
    desk.audit(polite, Verdict.APPROVE, by="shler")
    desk.audit(rude, Verdict.REJECT, by="shler", rules=["threats"])
    every, english = desk.reliability()
    assert (every.of, english.language, english.of) == (2, "en", 2)
    assert [(step.low, step.of, step.found) for step in every.steps] == [(0.0, 1, 0), (0.9, 1, 1)]
    # What stands now is what counts, once.
    desk.review(rude, Verdict.APPROVE, by="azad")
    assert [(step.low, step.of, step.found) for step in desk.reliability()[0].steps] == [
        (0.0, 1, 0),
        (0.9, 1, 0),
    ]
    desk.review(rude, Verdict.REJECT, by="azad", rules=["unlawful"])
    assert desk.reliability()[0].of == 1
    desk.escalate(polite, kind="terrorism", told="", by="azad")
    assert desk.reliability()[0].of == 0
