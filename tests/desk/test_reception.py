"""The reception: many who send, few who serve them, and nobody who waits for ever or is told twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meydan.comment import Hold, Status, Submission
from meydan.desk import Desk, Limits, Outcome, Visitor
from meydan.errors import MeydanError, NotText, Overloaded, StoreUnavailable
from meydan.judge import Judge, Turns
from meydan.reception import Reception
from tests.desk.conftest import ABUSIVE, COURTEOUS, STORY, Room
from tests.desk.test_turns import PATIENCE_S, Counting
from tests.serving import Served

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Waiting:
    """Who sent something, and what they were told."""

    def __init__(self) -> None:
        self.told: list[Outcome | BaseException] = []
        self._heard = threading.Event()

    def __call__(self, what: Outcome | BaseException) -> None:
        self.told.append(what)
        self._heard.set()

    @property
    def what(self) -> Outcome | BaseException:
        assert self._heard.wait(PATIENCE_S), "nobody was told"
        return self.told[0]

    @property
    def outcome(self) -> Outcome:
        what = self.what
        assert isinstance(what, Outcome), what
        return what


def send(reception: Reception, text: str, **more: Any) -> Waiting:
    waiting = Waiting()
    submission = Submission(story_url=STORY, name="Nada", text=text, **more)
    reception.submit(lambda: (submission, Visitor("an address", ())), waiting)
    return waiting


@pytest.fixture
def counting(judge: Judge) -> Counting:
    return Counting(judge)


def opened(desk: Desk, request: pytest.FixtureRequest) -> Reception:
    reception = Reception(desk)
    request.addfinalizer(reception.close)
    return reception


def test_it_does_what_the_desk_does(room: Room, request: pytest.FixtureRequest) -> None:
    """If something is sent through the reception, then it becomes what it becomes at the desk: approved, rejected, or refused."""
    reception = opened(room.desk, request)
    sent = [send(reception, text) for text in (COURTEOUS, ABUSIVE, "half \ud800", " ")]
    approved, rejected = sent[0].outcome, sent[1].outcome
    assert approved.status is Status.APPROVED
    assert rejected.status is Status.REJECTED
    assert [reason.rule for reason in rejected.reasons] == ["personal-attacks"]
    assert approved.receipt
    assert rejected.receipt
    assert isinstance(sent[2].what, NotText)
    assert isinstance(sent[3].what, MeydanError)
    assert [comment.id for comment in room.desk.page(STORY).comments] == [approved.id]


def test_sent_again_it_is_told_again(room: Room, request: pytest.FixtureRequest) -> None:
    """If the same sending comes several times at once, then each is told of the same comment."""
    reception = opened(room.desk, request)
    sent = [send(reception, COURTEOUS, sending_key="a key of its own") for _ in range(8)]
    assert len({one.outcome.id for one in sent}) == 1
    assert len({one.outcome.receipt for one in sent}) == 1


def test_a_judge_that_hangs_keeps_nobody(
    room_with: Callable[..., Room], counting: Counting, request: pytest.FixtureRequest
) -> None:
    """If the judge does not come back, then who sent is told in time that it waits, it is judged later, and nobody is told twice."""
    room = room_with(judge=counting)
    room.desk.limits = Limits(near_repeats=1_000, judged_within_s=0.2)
    room.desk._turns = Turns(1)
    reception = opened(room.desk, request)
    counting.go_on.clear()
    first = send(reception, COURTEOUS)
    assert counting.begun.wait(PATIENCE_S)
    others = [send(reception, f"{COURTEOUS} {number}") for number in range(5)]
    told = [one.outcome for one in others]
    assert {outcome.status for outcome in told} == {Status.HELD}
    assert not first.told
    counting.go_on.set()
    assert first.outcome.status is Status.APPROVED
    reception.close()
    assert [len(one.told) for one in (first, *others)] == [1] * 6
    Served.until(lambda: room.desk.sweep() == 0 and room.desk.held_count() == 0)
    shown = {comment.id for comment in room.desk.page(STORY).comments}
    assert shown == {first.outcome.id, *(outcome.id for outcome in told)}


def test_a_judge_that_fails_holds(
    room_with: Callable[..., Room], judge: Judge, request: pytest.FixtureRequest
) -> None:
    """If the judge fails, then what was sent is kept and held for a person."""

    class Failing:
        def __getattr__(self, name: str) -> Any:
            return getattr(judge, name)

        def evidence(self, text: str, **more: Any) -> Any:
            raise RuntimeError("whatever")

    reception = opened(room_with(judge=Failing()).desk, request)
    outcome = send(reception, COURTEOUS).outcome
    assert (outcome.status, outcome.holds) == (Status.HELD, (Hold.JUDGE_FAILED,))


def test_a_store_that_is_stuck_turns_away(room: Room, request: pytest.FixtureRequest) -> None:
    """If nothing is written for longer than anybody waits, then who sent is turned away, and nothing of it is kept later."""
    desk = room.desk
    writer: Any = desk._store._writer
    writer._bounds = type(writer._bounds)(patience_s=0.3)
    reception = opened(desk, request)
    begun, go_on = threading.Event(), threading.Event()

    def blocking(hand: Any) -> None:
        begun.set()
        assert go_on.wait(PATIENCE_S)

    blocker = threading.Thread(target=lambda: writer.write(blocking))
    blocker.start()
    assert begun.wait(PATIENCE_S)
    sent = [send(reception, f"{COURTEOUS} {number}") for number in range(4)]
    try:
        assert all(isinstance(one.what, Overloaded) for one in sent)
    finally:
        go_on.set()
        blocker.join()
    reception.close()
    assert desk.page(STORY).comments == ()
    assert [len(one.told) for one in sent] == [1] * 4


class Stuck:
    """A store's writer that is kept from going on: a first piece of work takes as long as it is told to."""

    def __init__(self, desk: Desk) -> None:
        self._writer: Any = desk._store._writer
        self._threads: list[threading.Thread] = []

    def hold_up(self, *, queued: bool = False) -> threading.Event:
        """Until the event that is returned: at once, or as soon as what is being written before has ended."""
        begun, go_on = threading.Event(), threading.Event()

        def work(hand: Any) -> None:
            begun.set()
            assert go_on.wait(PATIENCE_S)

        waiting = self._writer.queued
        thread = threading.Thread(target=lambda: self._writer.write(work))
        thread.start()
        self._threads.append(thread)
        if queued:
            Served.until(lambda: self._writer.queued > waiting)
        else:
            assert begun.wait(PATIENCE_S)
        return go_on

    def end(self) -> None:
        for thread in self._threads:
            thread.join()


def test_what_fails_once_it_is_kept_is_told(room: Room, request: pytest.FixtureRequest) -> None:
    """If it cannot be looked up what was sent before, at the moment that this shows, then who sent it is told so, and not left waiting."""
    desk, stuck = room.desk, Stuck(room.desk)
    reception = opened(desk, request)
    go_on = stuck.hold_up()
    sent = [send(reception, COURTEOUS, sending_key="a key of its own") for _ in range(2)]
    Served.until(lambda: desk._store._writer.queued == 2)

    def fails(id: str) -> Any:
        raise StoreUnavailable("It is away.")

    desk._sent_before = fails  # type: ignore[method-assign]
    go_on.set()
    stuck.end()
    assert {type(one.what) for one in sent} == {Outcome, StoreUnavailable}
    reception.close()
    assert [len(one.told) for one in sent] == [1, 1]


def test_a_store_that_is_stuck_after_judging_keeps_nobody(
    room_with: Callable[..., Room], counting: Counting, request: pytest.FixtureRequest
) -> None:
    """If what the judge found cannot be written for longer than anybody waits, then who sent is told that it waits, once, and it is judged later."""
    room = room_with(judge=counting)
    desk, stuck = room.desk, Stuck(room.desk)
    writer: Any = desk._store._writer
    writer._bounds = type(writer._bounds)(patience_s=0.3)
    reception = opened(desk, request)
    counting.go_on.clear()
    sent = send(reception, COURTEOUS)
    assert counting.begun.wait(PATIENCE_S)
    go_on = stuck.hold_up()
    counting.go_on.set()
    try:
        assert sent.outcome.status is Status.HELD
    finally:
        go_on.set()
        stuck.end()
    reception.close()
    assert len(sent.told) == 1
    room.clock.forward(minutes=1)
    Served.until(lambda: desk.sweep() == 0 and room.shown() == [COURTEOUS])


@pytest.mark.parametrize("begun", [False, True])
def test_closed_nobody_is_told_what_is_not_so(
    room: Room, request: pytest.FixtureRequest, begun: bool
) -> None:
    """
    If it is closed while the store has something in hand, then nobody is told that it was not kept while it was, nor twice.
    """
    desk, stuck = room.desk, Stuck(room.desk)
    reception = opened(desk, request)
    first = stuck.hold_up()
    second = stuck.hold_up(queued=True)
    sent = send(reception, COURTEOUS)
    Served.until(lambda: desk._store._writer.queued == 2)
    if begun:
        first.set()
        Served.until(lambda: desk._store._writer.queued == 0)
    reception.close()
    first.set()
    second.set()
    stuck.end()
    told = sent.what
    assert isinstance(told, Outcome) == begun
    room.clock.forward(minutes=1)
    while desk.sweep():
        pass
    assert room.shown() == [COURTEOUS] * begun
    assert len(sent.told) == 1


def test_closed_it_takes_nothing(room: Room, request: pytest.FixtureRequest) -> None:
    """If it is closed, then what was sent before was told what became of it, and nothing more is taken."""
    reception = opened(room.desk, request)
    sent = [send(reception, f"{COURTEOUS} {number}") for number in range(10)]
    reception.close()
    with pytest.raises(Overloaded):
        send(reception, COURTEOUS)
    room.desk._store.close()
    assert [len(one.told) for one in sent] == [1] * 10


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["fine", "again", "broken", "foreign", "reply to nobody"]), max_size=12))
def test_everybody_is_told_once(room: Room, ways: list[str]) -> None:
    """If many send at once, good and bad, then each is told exactly once, and what was kept is what was told."""
    reception = Reception(room.desk)
    before = room.desk.counts([STORY])[STORY]
    sent = []
    for number, way in enumerate(ways):
        submission = Submission(
            story_url="https://elsewhere.example/x" if way == "foreign" else STORY,
            name="Nada",
            text="\x00" if way == "broken" else f"{COURTEOUS} {room.desk.now()} {number}",
            parent="nobody" if way == "reply to nobody" else None,
            sending_key=f"key-{id(ways)}-of-all" if way == "again" else None,
        )
        waiting = Waiting()
        reception.submit(lambda it=submission: (it, Visitor("an address", ())), waiting)  # type: ignore[misc]
        sent.append((way, waiting))
    for _, waiting in sent:
        assert waiting.what is not None
    reception.close()
    assert all(len(waiting.told) == 1 for _, waiting in sent)
    approved = {
        waiting.outcome.id
        for way, waiting in sent
        if isinstance(waiting.what, Outcome) and waiting.outcome.status is Status.APPROVED
    }
    assert room.desk.counts([STORY])[STORY] == before + len(approved)
