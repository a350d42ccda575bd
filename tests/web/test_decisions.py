"""The feed of decisions: what was decided, in pages that miss nothing, for the newsroom alone, and without readers' words."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import feedparser
import httpx
import pytest

from meydan.comment import Verdict
from tests.newsroom import ABUSIVE, COURTEOUS, Chair, Newsroom, newsroom
from tests.web.conftest import UNHURRIED

NAME = "Berfîn Kedkar"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with newsroom(tmp_path_factory.mktemp("decisions"), **UNHURRIED) as opened:
        yield opened


@pytest.fixture(scope="module")
def token(room: Newsroom) -> str:
    return room.meydan.staff.add_token("feeds", ["decisions"])


def asked(room: Newsroom, token: str, url: str = "/api/v1/decisions.atom", **headers: str) -> httpx.Response:
    return httpx.get(
        httpx.URL(room.url).join(url), headers={"authorization": f"Bearer {token}", **headers}, timeout=30
    )


def test_decisions_are_told_without_words(room: Newsroom, token: str) -> None:
    """If comments are decided by the machine and at the desk, then each decision is an entry that says so, with its rules and where to look, in the language that is asked for, and no words or names of readers."""
    machine = room.send(ABUSIVE, name=NAME)
    person = room.hand_over(COURTEOUS, name=NAME)
    room.meydan.desk.review(person, Verdict.REJECT, by="Zîn", rules=["abuse:racism"], note="A note")
    room.meydan.desk.review(person, Verdict.APPROVE, by="Mem")
    answer = asked(room, token)
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    feed = feedparser.parse(answer.content)
    assert not feed.bozo, feed.get("bozo_exception")
    first, second, third = feed.entries[:3]
    assert [entry.id.rpartition("/")[2] for entry in (first, second, third)] == [
        f"{person}%2F2",
        f"{person}%2F1",
        f"{machine}%2F1",
    ]
    assert [entry.title.split(":")[0] for entry in (first, second, third)] == [
        "Approved",
        "Rejected",
        "Rejected",
    ]
    terms = [{tag.term for tag in entry.tags} for entry in (first, second, third)]
    assert {"approve", "moderator"} <= terms[0]
    assert {"reject", "moderator", "abuse"} <= terms[1]
    assert {"reject", "machine", "en"} <= terms[2]
    assert second.link == f"{room.url}/desk/comments/{person}"
    assert "takes the place of decision 1" in first.summary
    turkish = asked(room, token, "/api/v1/decisions.atom?lang=tr").text
    assert "Onaylandı" in turkish
    for words in (ABUSIVE, COURTEOUS, NAME, "Zîn", "Mem", "A note"):
        assert words not in answer.text + turkish


def test_pages_miss_nothing(room: Newsroom, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a feed reader follows the links to the next page, then it has every decision once, though some are made meanwhile."""
    monkeypatch.setattr("meydan.web.decisions.PAGE", 4)
    for _ in range(10):
        room.meydan.desk.review(room.hand_over(COURTEOUS), Verdict.APPROVE, by="Zîn")
    known = [told.leaf for told in room.meydan.desk.decisions_told(limit=1000)]
    ids: list[str] = []
    url: str | None = "/api/v1/decisions.atom"
    while url:
        feed = feedparser.parse(asked(room, token, url).content)
        assert not feed.bozo
        ids += [entry.id for entry in feed.entries]
        links = {link.rel: link.href for link in feed.feed.links}
        assert links["first"].endswith("decisions.atom?lang=en")
        url = links.get("next")
        room.meydan.desk.review(room.hand_over(COURTEOUS), Verdict.APPROVE, by="Zîn")
    assert len(ids) == len(set(ids)) == len(known)


def test_what_was_escalated_is_not_in_it(room: Newsroom, token: str) -> None:
    """If a comment is escalated, then its decisions are for editors alone, and the feed says nothing of them."""
    id = room.hand_over(COURTEOUS)
    room.meydan.desk.review(id, Verdict.REJECT, by="Zîn", rules=["unlawful"])
    assert id in asked(room, token).text
    room.meydan.desk.escalate(id, kind="threat-to-life", told="The police.", by="Zîn")
    assert id not in asked(room, token).text


def test_who_may_read_it(room: Newsroom, token: str) -> None:
    """If a reader of feeds gives its token as Bearer or as a password, or somebody is signed in at the desk, then they get the feed; nobody else does, and what has not changed is not sent again."""
    basic = base64.b64encode(f"feeds:{token}".encode()).decode()
    url = f"{room.url}/api/v1/decisions.atom"
    assert httpx.get(url, headers={"authorization": f"Basic {basic}"}).status_code == 200
    assert Chair(room).sign_in("Leyla").get("/api/v1/decisions.atom").status_code == 200
    other = room.meydan.staff.add_token("judging", ["judge", "moderate", "stories"])
    for headers, status in (
        ({}, 401),
        ({"authorization": "Bearer made-up"}, 401),
        ({"authorization": "Basic !!"}, 401),
        ({"authorization": f"Bearer {other}"}, 403),
    ):
        assert httpx.get(url, headers=headers).status_code == status
    whole = asked(room, token)
    assert whole.headers["cache-control"] == "private, no-cache"
    again = asked(room, token, **{"if-none-match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert asked(room, token, "/api/v1/decisions.atom?before=x").status_code == 400
