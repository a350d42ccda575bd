"""The desk's stream of news over HTTP: who may listen, what is told and when it ends; on both databases and servers."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from meydan.settings import Settings
from meydan.web.desk import live
from meydan.wiring import build_staff
from tests.newsroom import COURTEOUS, Chair, Newsroom, newsroom
from tests.serving import Served

TO_COME_S = 60.0


@pytest.fixture
def room(database_url: str, tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path, database=database_url, secret="s" * 40) as opened:
        yield opened


@pytest.fixture
def chair(room: Newsroom) -> Iterator[Chair]:
    with Chair(room) as chair:
        yield chair.sign_in()


class Ear:
    """An open stream, read as it comes, for TO_COME_S at most."""

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

    def hear(self, fits: Callable[[dict[str, Any]], bool] = lambda told: True) -> dict[str, Any]:
        """The next event that fits; fails when it does not come."""
        for field, value in self.parts():
            if field == "data" and fits(json.loads(value)):
                return json.loads(value)
        raise AssertionError("the stream ended")


@contextlib.contextmanager
def listening(client: httpx.Client, **asked: object) -> Iterator[Ear]:
    with client.stream("GET", "/desk/live", params=asked, timeout=TO_COME_S) as answer:  # type: ignore[arg-type]
        yield Ear(answer)


def knock(client: httpx.Client) -> httpx.Response:
    """The beginning of an answer; all of it where it is a refusal."""
    with client.stream("GET", "/desk/live", timeout=TO_COME_S) as answer:
        if answer.status_code != 200:
            answer.read()
    return answer


def about(told: dict[str, Any]) -> str:
    return told["about"]["said"] if told.get("about") else ""


def test_what_happens_elsewhere_is_told(
    room: Newsroom, chair: Chair, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If somebody sends, looks at or decides a comment, then who listens is told who did what, and none of the words."""
    monkeypatch.setattr(live, "EVERY_S", 0.1)
    desk = room.meydan.desk
    mark, mine = desk.newest(), room.hand_over(COURTEOUS, name="Nesrîn")
    told: list[dict[str, Any]] = []
    with contextlib.ExitStack() as house:
        # On PostgreSQL the other person sits at another server.
        there = room
        if database_url.startswith("postgresql"):
            there = house.enter_context(newsroom(tmp_path / "there", database=database_url, secret="s" * 40))
        hiwa = house.enter_context(Chair(there)).sign_in("Hiwa")
        ear = house.enter_context(listening(chair, mark=mark, comment=mine, seen=0))
        assert ear.answer.headers["content-type"].startswith("text/event-stream")
        assert ear.answer.headers["cache-control"] == "no-store, no-transform"
        assert ear.answer.headers["x-accel-buffering"] == "no"
        assert "connect-src 'self'" in ear.answer.headers["content-security-policy"]
        told.append(ear.hear())
        assert (told[-1]["waiting"], told[-1]["about"], told[-1]["also"]) == (1, None, None)
        room.hand_over(f"{COURTEOUS} And more.")
        told.append(ear.hear(lambda one: one["waiting"] == 2))
        assert told[-1]["new"]["said"].endswith(": 2")
        hiwa.get(f"/desk/comments/{mine}")
        told.append(ear.hear(lambda one: one["also"] is not None))
        assert "Hiwa" in told[-1]["also"]["said"]
        assert hiwa.decide(mine, "reject", rules="profanity").status_code == 303
        told.append(ear.hear(lambda one: one["about"] is not None))
        assert "Hiwa\u2069 rejected this comment" in about(told[-1])
        assert told[-1]["waiting"] == 1
        # Whoever comes back is told the same, whatever they had heard before.
        with listening(chair, mark=mark, comment=mine, seen=0) as again:
            assert about(again.hear()) == about(told[-1])
        with listening(chair, mark=mark, comment=mine, seen=1) as knowing:
            assert about(knowing.hear()) == ""
        desk.erase(mine)
        assert "erased" in about(ear.hear(lambda one: "erased" in about(one)))
    assert not any(part in json.dumps(told) for part in ("careful", "Nesr"))


def test_an_escalation_is_told_without_a_name(room: Newsroom, chair: Chair) -> None:
    """If the comment before somebody is escalated, then they are told that it is gone, and not by whom or why."""
    comment = room.hand_over(COURTEOUS)
    with listening(chair, comment=comment, seen=0) as ear:
        ear.hear()
        room.meydan.desk.escalate(comment, kind="threat-to-life", told="the police", by="Hiwa")
        said = about(ear.hear(lambda one: "escalated" in about(one)))
    assert "Hiwa" not in said
    assert "threat" not in said


def test_the_stream_is_for_who_is_signed_in(
    room: Newsroom, chair: Chair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a session ends or was never begun, then nothing is told; while it lasts and nothing happens, there are signs of life."""
    monkeypatch.setattr(live, "BEAT_S", 0.3)
    with Chair(room) as stranger:
        refused = knock(stranger)
        assert (refused.status_code, refused.json()["code"]) == (401, "R109")
    chair.headers["sec-fetch-site"] = "cross-site"
    elsewhere = knock(chair)
    del chair.headers["sec-fetch-site"]
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "R115")
    assert chair.head("/desk/live").status_code == 405
    with (
        chair.stream(
            "GET", "/desk/live?why=no-such&mark=x&seen=-1", headers={"last-event-id": "\x7f"}
        ) as open,
        Chair(room) as other,
    ):
        ear = Ear(open)
        parts = ear.parts()
        assert next(parts) == ("retry", "3000")
        assert next(parts) == ("event", "news")
        assert ("", "still here") in (next(parts) for _ in range(4))
        # The same session, ended from another window.
        other.cookies = chair.cookies
        other.post("/desk/sign-out", data={"csrf": other.csrf})
        *_, event, said = parts
    assert event == ("event", "over")
    assert "Your session has ended" in said[1]
    assert knock(chair).status_code == 401


def test_streams_are_bounded_and_the_watcher_rests(
    room: Newsroom, chair: Chair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a session or the server has as many streams as it may, then one more is refused; when the last goes, nobody asks."""
    asked = []
    pulse = room.meydan.desk.pulse
    monkeypatch.setattr(room.meydan.desk, "pulse", lambda: asked.append(1) or pulse())  # type: ignore[func-returns-value]
    with contextlib.ExitStack() as pages, Chair(room) as hiwa:
        # Kept by name: a stream that nobody holds is closed.
        ears = [pages.enter_context(listening(chair)) for _ in range(live.PER_SESSION)]
        assert [ear.hear()["waiting"] for ear in ears] == [0] * live.PER_SESSION
        refused = knock(chair)
        assert (refused.status_code, refused.json()["code"]) == (429, "R103")
        assert int(refused.headers["retry-after"]) > 0
        monkeypatch.setattr(live, "AT_ONCE", live.PER_SESSION)
        full = knock(hiwa.sign_in("Hiwa"))
        assert (full.status_code, full.json()["code"]) == (503, "U203")
    deadline = time.monotonic() + TO_COME_S
    before = -1
    while before != len(asked):
        assert time.monotonic() < deadline, "somebody asks still"
        before = len(asked)
        time.sleep(1.5 * live.EVERY_S)
    # Who left has made place.
    with listening(chair) as ear:
        ear.hear()
    assert len(asked) > before


def test_the_server_stops_while_somebody_listens(tmp_path: Path) -> None:
    """If the server is stopped while streams are open, then they end and so does it, at once."""
    staff, store = build_staff(Settings(data=tmp_path))
    link = staff.add_moderator("Leyla")
    store.close()
    served = Served(tmp_path)
    served.start()
    with httpx.Client(base_url=served.url, headers={"origin": served.url}, timeout=TO_COME_S) as client:
        assert client.post("/desk/sign-in", data={"link": link}).status_code == 303
        with contextlib.ExitStack() as pages:
            ears = [pages.enter_context(listening(client)) for _ in range(live.PER_SESSION)]
            assert [ear.hear()["waiting"] for ear in ears] == [0] * live.PER_SESSION
            assert knock(client).status_code == 429
        # Who hangs up is noticed by this server too, and makes place.
        Served.until(lambda: knock(client).status_code == 200, timeout_s=TO_COME_S)
        with listening(client) as ear:
            ear.hear()
            begun = time.monotonic()
            served.stop()
            assert time.monotonic() - begun < 5
            assert list(ear.parts()) == []
