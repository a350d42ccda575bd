"""Turns at the judge: who comes too late is kept and waits, what was let go of is judged later and once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from meydan.comment import Hold, Status
from meydan.desk import Limits
from meydan.judge import Judge, Turns
from meydan.judge.turns import CALM_S
from tests.desk.conftest import ABUSIVE, COURTEOUS, STORY, Room
from tests.serving import Served

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATIENCE_S = 30


class Counting:
    """The real judge, which counts what it is asked, and waits where it is told to."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self.asked: list[str] = []
        self.go_on = threading.Event()
        self.go_on.set()
        self.begun = threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._judge, name)

    def evidence(self, text: str, **more: Any) -> Any:
        self.asked.append(text)
        self.begun.set()
        assert self.go_on.wait(PATIENCE_S)
        return self._judge.evidence(text, **more)


@pytest.fixture
def counting(judge: Judge) -> Counting:
    return Counting(judge)


@pytest.fixture
def busy(room_with: Callable[..., Room], counting: Counting) -> Iterator[Room]:
    """A desk with one turn, which is taken as long as the test does not end it."""
    room = room_with(judge=counting)
    room.desk.limits = Limits(near_repeats=1_000, judged_within_s=0.01)
    room.desk._turns = Turns(1)
    with room.desk._turns.turn(0):
        yield room


@contextmanager
def working_off(room: Room) -> Iterator[None]:
    ended = threading.Event()
    worker = threading.Thread(target=room.desk.work_off, args=(ended,))
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join(PATIENCE_S)


def test_who_comes_too_late_is_kept_and_waits(busy: Room, counting: Counting) -> None:
    """If no turn comes in time, then the comment is kept, held, shown to nobody, and its author has a receipt."""
    sent = busy.send(ABUSIVE)
    assert (sent.status, sent.decided_by) == (Status.HELD, None)
    assert sent.receipt is not None
    assert counting.asked == []
    assert busy.shown() == []
    assert busy.store.evidence(sent.id) is None
    # What is in the queue can be decided all the same.
    assert [comment.id for comment in busy.desk.held(limit=10)[0]] == [sent.id]


def test_what_was_let_go_of_is_worked_off_once(room_with: Callable[..., Room], counting: Counting) -> None:
    """If there is room again, then what was let go of is judged, oldest first, each once, without waiting for its age."""
    room = room_with(judge=counting)
    room.desk.limits = Limits(near_repeats=1_000, judged_within_s=0.01)
    room.desk._turns = Turns(1)
    with room.desk._turns.turn(0):
        sent = [room.send(text) for text in (ABUSIVE, COURTEOUS)]
    with working_off(room):
        Served.until(lambda: len(counting.asked) == 2, timeout_s=PATIENCE_S)
        Served.until(lambda: room.shown() == [COURTEOUS], timeout_s=PATIENCE_S)
    assert counting.asked == [ABUSIVE, COURTEOUS]
    assert [room.desk.status(one.id).status for one in sent] == [Status.REJECTED, Status.APPROVED]
    assert room.desk.sweep() == 0


def test_a_sweep_leaves_what_a_request_is_judging(room_with: Callable[..., Room], counting: Counting) -> None:
    """If a request is still judging a comment, then no sweep takes it, however old it is."""
    room = room_with(judge=counting)
    room.desk._turns = Turns(4)
    counting.go_on.clear()
    sender = threading.Thread(target=room.send)
    sender.start()
    assert counting.begun.wait(PATIENCE_S)
    room.clock.forward(hours=1)
    try:
        room.desk.sweep(older_than_s=10)
        assert counting.asked == [COURTEOUS]
    finally:
        counting.go_on.set()
        sender.join(PATIENCE_S)
    assert room.shown() == [COURTEOUS]


def test_where_people_decide_the_author_does_not_wait(
    room_with: Callable[..., Room], counting: Counting
) -> None:
    """If people decide all of a story, then its author is answered before anything is judged, and the evidence comes later."""
    room = room_with(judge=counting)
    room.desk.register_story(STORY, mode="off")
    counting.go_on.clear()
    with working_off(room):
        Served.until(lambda: room.desk._works_off, timeout_s=PATIENCE_S)
        sent = room.send(ABUSIVE)
        assert (sent.status, sent.holds) == (Status.HELD, (Hold.STORY_SETTING,))
        assert room.store.evidence(sent.id) is None
        counting.go_on.set()
        Served.until(lambda: room.store.evidence(sent.id) is not None, timeout_s=PATIENCE_S)
    kept = room.store.comment(sent.id)
    assert kept is not None
    assert kept.status is Status.HELD
    assert kept.holds[0] is Hold.STORY_SETTING
    assert counting.asked == [ABUSIVE]


def test_what_was_sent_to_people_is_theirs(room_with: Callable[..., Room], counting: Counting) -> None:
    """If the machine decides again on a story, then what was sent before is still a person's to decide."""
    room = room_with(judge=counting)
    room.desk.register_story(STORY, mode="off")
    with room.desk._turns.turn(0):
        room.desk._works_off = True
        sent = room.send(COURTEOUS)
    room.desk.register_story(STORY, mode="assisted")
    assert room.desk.sweep() == 1
    assert room.desk.status(sent.id).status is Status.HELD
    assert room.store.evidence(sent.id) is not None


def test_whoever_asked_first_is_next(database_url: str) -> None:
    """If several wait for a turn, then they get it in the order in which they asked, and what can wait gets none."""
    turns = Turns(1)
    order: list[int] = []

    def take(number: int) -> None:
        with turns.turn(PATIENCE_S) as mine:
            assert mine
            order.append(number)

    with turns.turn(0) as mine:
        assert mine
        threads = []
        for number in range(5):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            Served.until(lambda: len(turns._waiting) == len(threads))
        with turns.spare_turn() as spare, turns.turn(0) as now:
            assert not spare
            assert not now
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == list(range(5))
    with turns.request(), turns.spare_turn() as spare:
        assert not spare
    # Not at once: between two answers nobody is being answered either.
    with turns.spare_turn() as spare:
        assert not spare
    time.sleep(CALM_S)
    with turns.spare_turn() as spare:
        assert spare
