"""Readers' live news over HTTP: who is told what and when, who is not taken, and how it ends; on both databases and servers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from meydan.comment import Verdict
from meydan.settings import Settings
from meydan.web import front, stream
from meydan.web.access import Origins, Proxies
from meydan.web.stream import LIVE, Stream
from meydan.wiring import build
from tests.newsroom import Newsroom, newsroom
from tests.serving import Served

TO_COME_S = 20.0


@pytest.fixture
def room(database_url: str, tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path, database=database_url, secret="s" * 40) as opened:
        yield opened


class Ear:
    """An open stream, read as it comes."""

    def __init__(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.read()
        self.answer = answer
        self._lines = answer.iter_lines()
        self._until = time.monotonic() + TO_COME_S

    def parts(self) -> Iterator[tuple[str, str]]:
        """Every line of the stream as field and value; a comment's field is ""."""
        for line in self._lines:
            assert time.monotonic() < self._until, "it was not told"
            field, _, value = line.partition(":")
            if line:
                yield field, value.strip()

    def hear(self) -> dict[str, int]:
        """The next event."""
        for field, value in self.parts():
            if field == "data":
                return dict(json.loads(value))
        raise AssertionError("the stream ended")


@contextlib.contextmanager
def listening(url: str, story: str, **headers: str) -> Iterator[Ear]:
    with httpx.stream(
        "GET", url + LIVE, params={"story": story}, headers=headers, timeout=TO_COME_S
    ) as answer:
        yield Ear(answer)


def knock(url: str, story: str, **headers: str) -> httpx.Response:
    """The beginning of an answer; all of it where it is a refusal."""
    with httpx.stream(
        "GET", url + LIVE, params={"story": story}, headers=headers, timeout=TO_COME_S
    ) as answer:
        if answer.status_code != 200:
            answer.read()
    return answer


def test_an_approved_comment_reaches_everybody_everywhere(
    room: Newsroom, tmp_path: Path, database_url: str
) -> None:
    """If a comment is approved, here or at another node, then whoever has its story open is told within a second, and can read it."""
    waiting = [room.hand_over(f"Something to say, number {number}.") for number in range(2)]
    unheard_of = f"{room.url}/stories/unheard-of"
    with contextlib.ExitStack() as house:
        # On PostgreSQL the moderator sits at another server, on SQLite in another process's shoes.
        there = (
            house.enter_context(newsroom(tmp_path / "there", database=database_url, secret="s" * 40)).meydan
            if database_url.startswith("postgresql")
            else house.enter_context(contextlib.closing(build(Settings(data=tmp_path))))
        )
        ears = [house.enter_context(listening(room.url, room.story)) for _ in range(5)]
        other = house.enter_context(listening(room.url, unheard_of))
        head = ears[0].answer.headers
        assert head["content-type"].startswith("text/event-stream")
        assert (head["cache-control"], head["x-accel-buffering"]) == ("no-store, no-transform", "no")
        assert next(ears[0].parts()) == ("retry", "5000")
        before = [ear.hear() for ear in ears]
        assert {one["count"] for one in before} == {0}
        assert other.hear() == {"count": 0, "revision": 0}
        for desk, id in ((room.meydan.desk, waiting[0]), (there.desk, waiting[1])):
            begun = time.monotonic()
            desk.review(id, Verdict.APPROVE, by="Leyla")
            after = [ear.hear() for ear in ears]
            # How soon is measured (`benchmarks live`); here only that nobody waits for a beat of the stream.
            assert time.monotonic() - begun < 5.0
            assert all(now["count"] == was["count"] + 1 for now, was in zip(after, before, strict=True))
            assert all(now["revision"] > was["revision"] for now, was in zip(after, before, strict=True))
            page = httpx.get(f"{room.url}/embed/comments", params={"story": room.story}).text
            assert f"meydan-{id}" in page
            before = after


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_is_not_taken_is_told_what_to_do(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """If an address or the server has as many streams as it may, or the page or the story is not ours, then that is said, and when to come back."""
    monkeypatch.setattr(stream, "PER_ADDRESS", 3)
    monkeypatch.setattr(front, "MOST_AT_ONCE", 2)
    from_elsewhere = {"x-forwarded-for": "203.0.113.9"}
    with contextlib.ExitStack() as tabs:
        ears = [tabs.enter_context(listening(room.url, room.story)) for _ in range(3)]
        assert [ear.hear()["count"] for ear in ears] == [0] * 3
        # Nobody's tabs keep others from reading, or from listening.
        assert httpx.get(f"{room.url}/comments", params={"story": room.story}).status_code == 200
        refused = knock(room.url, room.story)
        assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
            429,
            "R103",
            "30",
        )
        assert knock(room.url, room.story, **from_elsewhere).status_code == 200
    Served.until(lambda: knock(room.url, room.story).status_code == 200)

    page = "http://localhost:5000"
    allowed = knock(room.url, room.story, origin=page)
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, page)
    assert "Origin" in allowed.headers["vary"]
    for stranger in ({"origin": "https://other.example"}, {"sec-fetch-site": "cross-site"}):
        refused = knock(room.url, room.story, **stranger)
        assert (refused.status_code, refused.json()["code"]) == (403, "R115")
        assert "access-control-allow-origin" not in refused.headers
    for story, status, code in (
        ("https://other.example/a", 403, "R106"),
        ("", 422, "R104"),
        ("a", 400, "R113"),
    ):
        refused = knock(room.url, story)
        assert (refused.status_code, refused.json()["code"]) == (status, code), story
        assert refused.headers["x-content-type-options"] == "nosniff"
    asked = {"story": room.story}
    head = httpx.head(room.url + LIVE, params=asked)
    assert (head.status_code, head.content) == (200, b"")
    assert "event-stream" in head.headers["content-type"]
    wrong = httpx.post(room.url + LIVE, params=asked)
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")


def test_a_reader_who_does_not_listen_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a reader takes nothing any more, then others are told as ever, at most one event is under way to that one, and then the stream ends."""
    monkeypatch.setattr(stream, "BEAT_S", 0.4)
    monkeypatch.setattr(stream, "GAP_S", 0.01)
    monkeypatch.setattr(stream, "PATIENCE_S", 0.6)
    with contextlib.closing(build(Settings(data=tmp_path, live_readers=2))) as meydan:
        story = "http://localhost/a-story"

        async def scene() -> None:
            news = Stream(meydan, Origins(lambda: meydan.desk.guidelines, ()), Proxies(()))
            taken: dict[str, list[bytes]] = {"quick": [], "slow": []}

            def reader(name: str, *, stuck_after: int) -> asyncio.Task[None]:
                async def send(message: Any) -> None:
                    taken[name].append(message.get("body", b""))
                    if len(taken[name]) > stuck_after:
                        await asyncio.Event().wait()

                async def receive() -> Any:
                    await asyncio.Event().wait()

                scope = {
                    "method": "GET",
                    "query_string": f"story={story}".encode(),
                    "headers": [],
                    "client": (name, 1),
                }
                return asyncio.create_task(news.answer(scope, receive, send))

            async def until(name: str, words: bytes) -> None:
                async with asyncio.timeout(10):
                    while words not in b"".join(taken[name]):
                        await asyncio.sleep(0.01)

            quick, slow = reader("quick", stuck_after=10_000), reader("slow", stuck_after=2)
            for number in range(8):
                await asyncio.to_thread(meydan.desk.register_story, story, title=f"Title {number}")
                news.stir([story])
                await asyncio.sleep(0.03)
            newest = b'"revision": %d}' % meydan.desk.announced([story])[story].revision
            await until("quick", newest)
            assert newest not in b"".join(taken["slow"])
            # The header, the first event, and one that is under way.
            assert len(taken["slow"]) == 3
            async with asyncio.timeout(10):
                await slow
            assert (news.listening, len(taken["slow"]), quick.done()) == (1, 3, False)
            await until("quick", b": still here")
            news.close()
            async with asyncio.timeout(5):
                await quick
            assert b"retry: " in taken["quick"][-2]
            assert (news.listening, news.following) == (0, 0)

        asyncio.run(asyncio.wait_for(scene(), 60))


def test_a_stopping_server_lets_its_readers_go(tmp_path: Path) -> None:
    """If the server stops while many read, then each is told when to come back, not all at once, and the server has ended within seconds; whoever hung up before had left room."""
    served = Served(tmp_path, live_readers=40)
    served.start()
    story = f"{served.url}/stories/a-story"
    with contextlib.ExitStack() as tabs:
        ears = [
            tabs.enter_context(listening(served.url, story, **{"x-forwarded-for": f"203.0.113.{number}"}))
            for number in range(40)
        ]
        assert [ear.hear()["count"] for ear in ears] == [0] * 40
        full = knock(served.url, story)
        assert (full.status_code, full.json()["code"], full.headers["retry-after"]) == (503, "U203", "30")
        ears.pop().answer.close()
        Served.until(lambda: knock(served.url, story).status_code == 200)
        begun = time.monotonic()
        with ThreadPoolExecutor(len(ears)) as hands:
            ends = [hands.submit(lambda ear=ear: list(ear.parts())) for ear in ears]
            served.stop()
            assert time.monotonic() - begun < 5
            last = [end.result(timeout=5) for end in ends]
    assert all(len(parts) == 1 and parts[0][0] == "retry" for parts in last), last
    assert len({parts[0][1] for parts in last}) > 10
