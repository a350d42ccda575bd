"""A desk over a real store and the real judge, with a clock that the test moves."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meydan.comment import Submission
from meydan.desk import Desk, Limits, Outcome, Visitor
from meydan.judge import Judge
from meydan.policy import Guidelines, load
from meydan.store import Store

STORY = "http://localhost/story"
COURTEOUS = "Thank you for this careful article. I learned a lot about the history of the region."
ABUSIVE = "You are a complete idiot and everybody knows it."
UNMEASURED = "این خبر خیلی مهم است، از روزنامه‌نگاران سپاسگزارم."
VISITOR = Visitor(address_key="a" * 32)


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


class Room:
    """A desk, its clock and its store, and the shortest way to send a comment."""

    def __init__(self, store: Store, judge: Judge, guidelines: Guidelines, **limits: int) -> None:
        self.store = store
        self.clock = Clock()
        self.desk = Desk(
            store=store,
            judge=judge,
            guidelines=guidelines,
            clock=self.clock,
            entropy=secrets.token_bytes,
            secret=b"s" * 32,
            # The same courtesy with another number is what many tests send: no flood, unless one asks for it.
            limits=Limits(**{"near_repeats": 1_000, **limits}),
        )

    def send(
        self, text: str = COURTEOUS, *, name: str = "Rojin", visitor: Visitor = VISITOR, **more: Any
    ) -> Outcome:
        return self.desk.submit(
            Submission(story_url=more.pop("story_url", STORY), name=name, text=text, **more), visitor
        )

    def shown(self) -> list[str | None]:
        return [comment.text for comment in self.desk.page(STORY).comments]


@pytest.fixture(scope="session")
def judge() -> Judge:
    return Judge.load()


@pytest.fixture(scope="session")
def guidelines() -> Guidelines:
    return load()


@pytest.fixture
def room(store: Store, judge: Judge, guidelines: Guidelines) -> Room:
    return Room(store, judge, guidelines)


@pytest.fixture
def room_with(store: Store, judge: Judge, guidelines: Guidelines) -> Callable[..., Room]:
    return lambda **changed: Room(
        store, changed.pop("judge", judge), changed.pop("guidelines", guidelines), **changed
    )
