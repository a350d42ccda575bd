"""What editors choose, answer and say of a story: from the desk and the API, to readers in every form."""

from __future__ import annotations

import html
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.newsroom import COURTEOUS, Chair, Newsroom, newsroom
from tests.web.conftest import Reader


@pytest.fixture(scope="module")
def baghdad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with newsroom(tmp_path_factory.mktemp("baghdad"), time_zone="Asia/Baghdad") as opened:
        opened.meydan.staff.add_moderator("Zîn", role="editor")
        yield opened


@pytest.fixture
def chair(baghdad: Newsroom) -> Iterator[Chair]:
    with Chair(baghdad) as opened:
        yield opened.sign_in("Zîn")


def forms(reader: Reader, **asked: str) -> tuple[str, str]:
    """The fragment and the page without JavaScript, as text with entities undone."""
    query = {"story": reader.story, "lang": "en", **asked}
    return tuple(
        html.unescape(reader.client.get(path, params=query).text) for path in ("/embed/comments", "/comments")
    )  # type: ignore[return-value]


def test_readers_are_shown_what_editors_did(reader: Reader) -> None:
    """If editors choose a comment, answer, ask and close, then fragment, page and JSON say so, in words and escaped."""
    chosen, other = reader.approved(), reader.approved("The maps are clear. Thank you for them.")
    picks = f"/api/v1/comments/{chosen}/pick"
    assert reader.client.post(picks, json={"picked": True}).status_code == 401
    answer = reader.client.post(picks, json={"picked": True}, headers=reader.staff)
    assert (answer.status_code, answer.json()) == (200, {"id": chosen, "picked": True})
    assert reader.client.post(picks, json={}, headers=reader.staff).json()["code"] == "R104"
    reader.room.meydan.desk.answer(other, "It is from 1974.", by="Mem")
    told = {
        "url": reader.story,
        "question": "<b>Why?</b>",
        "open": False,
        "closed_reason": "<i>It is late.</i>",
    }
    kept = reader.client.put("/api/v1/stories", json=told, headers=reader.staff)
    assert (kept.status_code, kept.json()["question"]) == (200, "<b>Why?</b>")

    def settled() -> bool:
        return "It is late." in forms(reader)[0]

    Reader.until(settled, within_s=3)
    publication = reader.room.meydan.desk.guidelines.publication.name
    for shown in forms(reader):
        assert shown.count('class="m-pick"') == 1
        assert f'<span class="m-badge">Staff of <bdi>{publication}</bdi></span>' in shown
        assert '<p class="m-question" dir="auto"><b>Why?</b></p>' in shown
        assert "The newsroom’s reason: <bdi><i>It is late.</i></bdi>" in shown
        assert "<form" not in shown
    raw = reader.client.get("/comments", params={"story": reader.story}).text
    assert "<b>Why" not in raw
    assert "<i>It" not in raw
    for shown in forms(reader, picks="1"):
        # What the component shows of a reader's own comments is made from a template.
        listed = shown.partition("<template")[0]
        assert (listed.count("<article"), f"meydan-{chosen}" in listed) == (1, True)
    listed = reader.client.get("/api/v1/comments", params={"story": reader.story}).json()
    assert (listed["open"], listed["closed_reason"], listed["question"], listed["picks"]) == (
        False,
        "<i>It is late.</i>",
        "<b>Why?</b>",
        1,
    )
    assert [(one["picked"], one["badge"]) for one in listed["comments"]] == [
        (True, None),
        (False, None),
        (False, "staff"),
    ]
    only = reader.client.get("/api/v1/comments", params={"story": reader.story, "picks": "true"}).json()
    assert [one["id"] for one in only["comments"]] == [chosen]
    refused = reader.post()
    assert (refused.status_code, refused.json()["code"]) == (409, "R101")
    assert "It is late." in refused.json()["message"]


def test_what_is_kept_opens_and_closes_by_itself(reader: Reader) -> None:
    """If a story opens and closes at a time, then the kept bytes say so from that moment, though nothing changes anything."""
    opens = datetime.now(UTC) + timedelta(seconds=1.2)
    closes = opens + timedelta(seconds=1.2)
    told = {"url": reader.story, "opens_at": opens.isoformat(), "closes_at": closes.isoformat()}
    assert reader.client.put("/api/v1/stories", json=told, headers=reader.staff).status_code == 200

    def states() -> tuple[bool, bool, bool]:
        fragment, page = forms(reader)
        answer = reader.client.get("/api/v1/comments", params={"story": reader.story}).json()
        return "<form" in fragment, "<form" in page, answer["open"]

    assert states() == (False, False, False)
    assert "Comments open on" in forms(reader)[0]
    assert reader.post().json()["code"] == "R140"
    time.sleep(max(0.0, (opens - datetime.now(UTC)).total_seconds()) + 0.05)
    assert states() == (True, True, True)
    assert "Comments close on" in forms(reader)[1]
    time.sleep(max(0.0, (closes - datetime.now(UTC)).total_seconds()) + 0.05)
    assert states() == (False, False, False)
    assert "This story takes no more comments." in forms(reader)[0]


def test_an_editor_changes_a_story_without_a_script(baghdad: Newsroom, chair: Chair) -> None:
    """If an editor sets times in the newsroom's zone, then they are kept as these moments, and only what was changed is."""
    story = f"{baghdad.url}/stories/not-yet-commented"
    assert "Set up the story" in chair.get("/desk/stories", params={"sought": story}).text
    page = chair.get("/desk/stories/change", params={"story": story})
    assert "Opens at, in <bdi>Asia/Baghdad</bdi>" in page.text
    shown = {
        "open": "yes",
        "closed_reason": "",
        "opens_at": "",
        "closes_at": "",
        "guests": "",
        "question": "",
    }
    form = {
        "csrf": chair.csrf,
        "story": story,
        **{f"was_{name}": value for name, value in shown.items()},
        **shown,
    }
    baghdad.meydan.desk.change_story(
        story, {"title": "The dam", "guests": "off"}, by="cms", own=(baghdad.url,)
    )
    late = chair.post(
        "/desk/stories/change", data=form | {"opens_at": "2099-03-01T09:30", "closes_at": "2099-03-01T09:00"}
    )
    assert late.status_code == 400
    assert "A story closes after it opens." in late.text
    assert 'value="2099-03-01T09:30"' in late.text
    done = chair.post(
        "/desk/stories/change", data=form | {"opens_at": "2099-03-01T09:30", "question": "Why?"}
    )
    assert done.status_code == 303
    kept = baghdad.meydan.desk.story(story)
    assert kept is not None
    assert (kept.opens_at, kept.question, kept.guests) == (
        datetime(2099, 3, 1, 6, 30, tzinfo=UTC),
        "Why?",
        "off",
    )
    again = chair.get(done.headers["location"]).text
    assert 'value="2099-03-01T09:30"' in again
    assert "1 March 2099, 06:30 UTC" in again
    assert "The dam" in chair.get("/desk/stories", params={"sought": "DAM"}).text
    assert (
        chair.get("/desk/stories/change", params={"story": "https://elsewhere.example/a"}).status_code == 404
    )
    assert story in chair.get("/desk/journal").text
    with Chair(baghdad) as other:
        other.sign_in("Mem")
        assert "Opens on" in other.get("/desk/stories", params={"sought": "dam"}).text
        assert other.post("/desk/stories/change", data=form | {"csrf": other.csrf}).status_code == 403


def test_a_moderator_answers_and_chooses_without_a_script(
    baghdad: Newsroom, chair: Chair, tmp_path: Path
) -> None:
    """If a moderator answers from the desk, then it is on the page under the publication's name; a story that is closed keeps what was typed."""
    asked = baghdad.send(COURTEOUS)
    address = f"/desk/comments/{asked}"
    done = chair.post(f"{address}/answer", data={"csrf": chair.csrf, "answer": "It is from 1974."})
    assert done.status_code == 303
    assert "Written for" in chair.get(done.headers["location"]).text
    assert baghdad.shown() == [COURTEOUS, "It is from 1974."]
    assert chair.post(f"{address}/pick", data={"csrf": chair.csrf, "picked": "1"}).status_code == 303
    assert "Choose it no longer" in chair.get(address).text
    baghdad.meydan.desk.change_story(
        baghdad.story, {"open": False, "closed_reason": "Late."}, by="Zîn", own=(baghdad.url,)
    )
    refused = chair.post(f"{address}/answer", data={"csrf": chair.csrf, "answer": "And <rebuilt>."})
    assert refused.status_code == 409
    assert "Late." in refused.text
    assert "And &lt;rebuilt&gt;." in refused.text
    own = done.headers["location"].partition("?")[0]
    again = chair.post(own, data={"csrf": chair.csrf, "seen": "1", "next": "", "verdict": "approve"})
    assert again.status_code == 403
    assert "decided by another person" in again.text
