"""The doors of following by e-mail: the page, the API and the links; and a real server whose letters arrive, killed in between."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from meydan.comment import Verdict
from meydan.locale import INTERFACE, words
from meydan.post.courier import Courier
from meydan.post.mail import Mailer
from tests.newsroom import Chair, Newsroom, newsroom
from tests.post.server import Mailbox, Server, mail_server
from tests.serving import Served
from tests.web.conftest import UNHURRIED

SENDER = "comments@news.example"
ADDRESS = "zin@reader.example"


@pytest.fixture(scope="module")
def box() -> Mailbox:
    return Mailbox()


@pytest.fixture(scope="module")
def server(box: Mailbox) -> Iterator[Server]:
    with mail_server(box) as server:
        yield server


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[Newsroom]:
    given = {"mail_server": server.url, "mail_from": SENDER}
    with newsroom(tmp_path_factory.mktemp("follow"), **UNHURRIED, **given) as opened:
        yield opened


@pytest.fixture
def client(room: Newsroom) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=room.url, timeout=30) as client:
        yield client


def carry(room: Newsroom) -> None:
    mail = room.meydan.settings.mail
    assert mail is not None
    courier = Courier(room.meydan.letters, Mailer(mail, SENDER))
    while courier.carry_out():
        pass


def link(box: Mailbox, what: str) -> str:
    """The path of a link in the letter that came last."""
    text = box.messages[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    found = re.search(rf"(/{what}/\S+)", text)
    assert found is not None, text
    return found[1]


def follow(client: httpx.Client, url: str, **more: Any) -> httpx.Response:
    body = {"story": {"url": url}, "email": ADDRESS, "language": "en", **more}
    return client.post("/api/v1/follows", json=body)


def test_following_without_a_script(room: Newsroom, client: httpx.Client, box: Mailbox) -> None:
    """If a browser without JavaScript fills in the form, then a letter asks back, a button says yes, and one ends it."""
    asked = {"story": room.story, "lang": "ckb"}
    page = client.get("/comments/follow", params=asked)
    assert words("ckb")["follow_note"] in page.text
    wrong = client.post(
        "/comments/follow", data={**asked, "email": "zin@reader"}, headers={"origin": room.url}
    )
    assert wrong.status_code == 400
    assert 'value="zin@reader"' in wrong.text
    sent = client.post("/comments/follow", data={**asked, "email": ADDRESS}, headers={"origin": room.url})
    assert sent.status_code == 202
    assert words("ckb")["follow_sent_note"] in sent.text
    assert sent.headers.get("set-cookie") is None
    carry(room)
    path = link(box, "follow")
    opened = client.get(path)
    assert words("ckb")["follow_ask"] in opened.text
    assert opened.headers["cache-control"] == "no-store"
    assert room.meydan.letters.followed_by(ADDRESS) == []
    assert words("ckb")["follow_confirmed"] in client.post(path).text
    ((one, token),) = room.meydan.letters.followed_by(ADDRESS)
    assert one.story_url == room.story
    assert words("ckb")["unfollow_ask"] in client.get(f"/unfollow/{token}").text
    assert len(room.meydan.letters.followed_by(ADDRESS)) == 1
    assert client.post(f"/unfollow/{token}").status_code == 200
    assert room.meydan.letters.followed_by(ADDRESS) == []


def test_one_tap_unsubscribes(room: Newsroom, client: httpx.Client) -> None:
    """If a mail provider sends what RFC 8058 says, from anywhere, without a cookie or an origin, then it has ended; again too."""
    room.meydan.letters.ask(room.story, comment=None, email=ADDRESS, language="en", confirmed=True)
    ((_, token),) = room.meydan.letters.followed_by(ADDRESS)
    for given in (
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"data": {"List-Unsubscribe": "One-Click"}, "headers": {"origin": "https://mail.example", "sec-fetch-site": "cross-site"}},
    ):  # fmt: skip
        assert client.post(f"/unfollow/{token}", **given).status_code == 200
        assert room.meydan.letters.followed_by(ADDRESS) == []
    assert client.get(f"/unfollow/{token}").status_code == 200


def test_nobody_learns_who_follows(room: Newsroom, client: httpx.Client) -> None:
    """If an address follows already, was asked before or is new, then the answer is the same to the byte."""
    story = f"{room.url}/stories/oracle"
    first, second = follow(client, story), follow(client, story)
    room.meydan.letters.ask(story, comment=None, email="mem@reader.example", language="en", confirmed=True)
    third = follow(client, story, email="mem@reader.example")
    assert [answer.status_code for answer in (first, second, third)] == [202] * 3
    assert first.content == second.content == third.content == b'{"status":"confirm"}'


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"story": {}}, 422, "R104"),
        ({"email": " "}, 422, "R104"),
        ({"email": "a@b.example\r\nBcc: c@d.example"}, 400, "R113"),
        ({"email": "a@b.example" + "x" * 400}, 400, "R113"),
        ({"email": "\x00@b.example"}, 422, "R105"),
        ({"story": {"url": "https://elsewhere.example/x"}}, 403, "R106"),
        ({"comment": "none"}, 404, "R107"),
        ({"comment": "\x00"}, 422, "R105"),
    ],
)
def test_what_cannot_be_followed(
    room: Newsroom, client: httpx.Client, changed: dict[str, object], status: int, code: str
) -> None:
    """If a wish is not complete or about nothing of ours, then it is refused with a code, and nothing is kept."""
    answer = follow(client, room.story, **changed)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("path", ["/follow/", "/unfollow/"])
@pytest.mark.parametrize("token", ["x" * 56, "%00", "%F0%9F%98%80", "é" * 56])
def test_a_forged_link_is_not_found(client: httpx.Client, path: str, token: str) -> None:
    """If a link was made up, then there is nothing at it, asked or sent."""
    assert client.get(path + token).status_code in (400, 404)
    assert client.post(path + token).status_code in (400, 404)


def test_another_site_cannot_say_yes(room: Newsroom, client: httpx.Client, box: Mailbox) -> None:
    """If another site's page sends the form for somebody, then it is refused."""
    evil = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    data = {"story": room.story, "email": ADDRESS}
    assert client.post("/comments/follow", data=data, headers=evil).status_code == 403
    assert client.post("/follow/" + "x" * 56, headers=evil).status_code == 403


def test_the_form_offers_it(room: Newsroom, client: httpx.Client, box: Mailbox) -> None:
    """If mail is sent here, then the form has the box and the thread the link, in every language; ticking it asks back."""
    for language in INTERFACE:
        page = client.get("/comments", params={"story": room.story, "lang": language}).text
        assert 'name="follow"' in page
        assert "/comments/follow?" in page
    sent = client.post(
        "/comments",
        data={"story": room.story, "name": "Zîn", "text": "Well said, all of it.", "email": "new@reader.example", "follow": "on"},
        headers={"origin": room.url},
    )  # fmt: skip
    assert sent.status_code == 201
    carry(room)
    assert box.recipients[-1] == ["new@reader.example"]
    assert "Zîn" not in str(box.messages[-1])


def test_a_letter_that_asks_holds_nothing_a_stranger_wrote(
    room: Newsroom, client: httpx.Client, box: Mailbox
) -> None:
    """If somebody types an address of a story that says something, then whoever is asked does not read it in a letter of ours."""
    made_up = f"{room.url}/you-won/claim-it-at/evil.example"
    assert follow(client, made_up, email="somebody@reader.example").status_code == 202
    carry(room)
    letter = box.messages[-1]
    assert letter["To"] == "somebody@reader.example"
    for kind in ("plain", "html"):
        said = letter.get_body((kind,)).get_content()  # type: ignore[union-attr]
        assert room.url in said
        assert "evil" not in said
    named = f"{room.url}/stories/named"
    room.meydan.desk.change_story(named, {"title": "The dam"}, by="cms", own=(room.url,))
    assert follow(client, named, email="nobody@reader.example").status_code == 202
    carry(room)
    assert "The dam" in box.messages[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_without_mail_it_is_not_offered(tmp_path: Path) -> None:
    """If no mail server is set, then no page offers what needs one, and its doors say that there is nothing."""
    with newsroom(tmp_path, **UNHURRIED) as room, httpx.Client(base_url=room.url) as client:
        page = client.get("/comments", params={"story": room.story}).text
        assert "follow" not in page
        assert client.get("/comments/follow", params={"story": room.story}).status_code == 404
        assert follow(client, room.story).status_code == 404


def test_editors_see_what_was_not_delivered(room: Newsroom, box: Mailbox) -> None:
    """If a letter is dead, then editors see that and why, never to whom, and try it again or give it up, journalled."""
    letters, outbox = room.meydan.letters, room.meydan.store.outbox
    for key in ("one", "two"):
        body = {"to": "gone@reader.example", "language": "en", "link": "https://x.example"}
        outbox.post("mail.verify", key, body, at=letters.now(), key=key)
        box.answers.append("550 nobody")
    carry(room)
    with Chair(room) as editor, Chair(room) as moderator:
        room.meydan.staff.add_moderator("Mem", role="editor")
        room.meydan.staff.add_moderator("Leyla")
        assert moderator.sign_in("Leyla").get("/desk/letters").status_code == 403
        page = editor.sign_in("Mem").get("/desk/letters").text
        assert "answered-550" in page
        assert "gone@reader.example" not in page
        one, two = (letter.number for letter in letters.dead())
        for number, do in ((one, "again"), (two, "give-up")):
            form = {"csrf": editor.csrf, "number": str(number), "do": do}
            assert editor.post("/desk/letters", data=form).status_code == 303
        assert editor.post("/desk/letters", data=form).status_code == 404
        assert letters.standing().dead == 0
        journal = editor.get("/desk/journal").text
        assert "had something undelivered tried again" in journal
    carry(room)
    assert box.recipients[-1] == ["gone@reader.example"]


def test_editors_see_which_endpoints_are_told(room: Newsroom) -> None:
    """If notices to an endpoint are dead, then editors see to which, of what and why, never its whole address, and try one or all again; who said that it is gone is shown as gone."""
    notices, desk = room.meydan.notices, room.meydan.desk
    for name in ("CMS <b>", "Old"):
        notices.add(name, "https://192.0.9.1/secret-path", by="operator", events=["comment.approved"])
    notices.is_gone(notices.named("Old"))
    endpoint = notices.named("CMS <b>")
    for _ in range(3):
        desk.review(room.hand_over("Spas."), Verdict.APPROVE, by="Zîn")
    for job in notices.lease(endpoint):
        notices.bury(job, "answered-500")
    with Chair(room) as editor:
        room.meydan.staff.add_moderator("Rona", role="editor")
        page = editor.sign_in("Rona").get("/desk/letters").text
        assert page.count("To <bdi>CMS &lt;b&gt;</bdi>.") == 3
        assert "A comment was approved" in page
        assert "https://192.0.9.1" in page
        assert "secret-path" not in page
        assert "that it is gone" in page
        one, *_ = (dead.number for dead in room.meydan.letters.dead() if dead.endpoint == endpoint.number)
        for number, do in ((one, "again"), (endpoint.number, "all-again")):
            form = {"csrf": editor.csrf, "number": str(number), "do": do}
            assert editor.post("/desk/letters", data=form).status_code == 303
        assert editor.post("/desk/letters", data=form).status_code == 404
        assert [one.waiting for one in notices.standings() if one.endpoint.number == endpoint.number] == [3]
        assert "had all notices tried again" in editor.get("/desk/journal").text
    for name in ("CMS <b>",):
        notices.remove(name, by="operator")


def test_a_server_that_is_killed_loses_no_letter(tmp_path: Path) -> None:
    """If `meydan serve` is killed while letters wait, then after a restart they arrive, and no log has an address."""
    box = Mailbox()
    with mail_server(box) as mail:
        served = Served(tmp_path, mail_server=mail.url, mail_from=SENDER, **UNHURRIED)
        served.start()
        with httpx.Client(base_url=served.url, timeout=30) as client:
            assert follow(client, f"{served.url}/stories/a").status_code == 202
        served.kill()
        doctor = subprocess.run(
            [sys.executable, "-m", "meydan", "doctor", "--json", "--data", str(tmp_path)],
            env={**os.environ, "MEYDAN_MAIL_SERVER": mail.url, "MEYDAN_MAIL_FROM": SENDER},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        told = {finding["what"]: finding["detail"] for finding in json.loads(doctor.stdout)}
        assert "takes mail" in told["mail"]
        assert "wait to be sent" in told["letters"]
        served.start()
        deadline = time.monotonic() + 60
        while not box.messages:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        served.stop()
    # Killed between sending and noting it, it comes twice, as the same.
    assert {message["message-id"] for message in box.messages} == {box.messages[0]["message-id"]}
    assert box.recipients[0] == [ADDRESS]
    assert "reader.example" not in served.log.read_text()
