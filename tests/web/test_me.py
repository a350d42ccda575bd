"""A reader's own pages: coming in, seeing what is theirs and nothing else, taking it along and erasing it."""

from __future__ import annotations

import json
import re
import socket
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from meydan.comment import Hold, Reader, Submission, Verdict
from meydan.desk import Visitor
from meydan.errors import IssuerUnavailable
from meydan.locale import INTERFACE, words
from meydan.web import issuer
from tests.newsroom import COURTEOUS, Newsroom, newsroom
from tests.web.conftest import UNHURRIED
from tests.web.pages import Read

with warnings.catch_warnings():
    # It uses a part of its OAuth library that is on its way out; not ours to mend.
    warnings.simplefilter("ignore")
    from oidc_provider_mock import run_server_in_thread

KEY = ECKey.generate_key("P-256", parameters={"kid": "1"})
ISSUER, AUDIENCE = "https://news.example", "comments.example"
HOSTILE = "<script>alert(1)</script>\r\n  \u202eabc \u200f & “ê”\n\ttabs"


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with run_server_in_thread(require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture(scope="module")
def room(provider: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """A newsroom with every way in; its letters are taken from the outbox."""
    data = tmp_path_factory.mktemp("me")
    keys = data / "accounts.json"
    keys.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    given: dict[str, Any] = {
        "account_keys": keys,
        "account_issuer": ISSUER,
        "account_audience": AUDIENCE,
        "reader_issuer": provider,
        "reader_issuer_client": "meydan",
        "reader_issuer_secret": "known to both",
        "mail_server": "smtp://127.0.0.1:9",
        "mail_from": "comments@square.example",
    }
    with newsroom(data, **given, **UNHURRIED) as opened:
        yield opened


class Browser(httpx.Client):
    """A reader's browser, as far as HTTP goes."""

    def __init__(self, room: Newsroom, **headers: str) -> None:
        super().__init__(base_url=room.url, headers={"origin": room.url, **headers}, timeout=60)
        self.room = room

    def mailed(self) -> dict[str, Any]:
        """The last letter that was posted."""
        now = datetime.now(UTC)
        jobs = self.room.meydan.store.outbox.lease(at=now, until=now + timedelta(days=9), limit=100)
        return dict(jobs[-1].body)

    def sign_in(self, email: str = "zara@square.example") -> Browser:
        assert self.post("/me/sign-in", data={"email": email}).status_code == 200
        path = self.mailed()["link"].removeprefix(self.room.url)
        answer = self.post(path, data={"go": ""})
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/me"), answer.text
        return self

    @property
    def csrf(self) -> str:
        return str(re.findall(r'name="csrf" value="([^"]+)"', self.get("/me").text)[0])

    def comment(self, text: str = COURTEOUS, *, bearer: str = "", **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        body = {"story": {"url": self.room.story}, "name": "Mallory", "text": text} | more
        return self.post("/api/v1/comments", json=body, headers=headers)


@pytest.fixture
def browser(room: Newsroom) -> Iterator[Browser]:
    with Browser(room) as browser:
        yield browser


def account(subject: str = "u-17", **changed: Any) -> str:
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": int(time.time()) + 600,
        "sub": subject,
        "name": "Rojîn",
        "email": "rojin@square.example",
    }
    return jwt.encode({"alg": "ES256", "kid": "1"}, claims | changed, KEY)


def test_the_way_in_says_the_same_to_everybody(browser: Browser) -> None:
    """If a link is asked for, then the answer is one and the same whether anything is known of the address."""
    browser.comment(bearer=account(email="known@square.example", email_verified=True))
    known = browser.post("/me/sign-in", data={"email": "known@square.example"})
    stranger = browser.post("/me/sign-in", data={"email": "stranger@square.example"})
    assert (known.status_code, known.text) == (stranger.status_code, stranger.text)
    assert "set-cookie" not in known.headers
    for _ in range(6):
        assert browser.post("/me/sign-in", data={"email": "known@square.example"}).text == known.text
    wrong = browser.post("/me/sign-in", data={"email": "a@b.example\r\nBcc: c@d.example"})
    assert wrong.status_code == 400
    assert words("en")["me_email_wrong"] in wrong.text


def test_looking_at_a_link_changes_nothing(browser: Browser, room: Newsroom) -> None:
    """If a mail scanner opens a link, then it signs nobody in and still works; once it was used, it opens nothing."""
    browser.post("/me/sign-in", data={"email": "scan@square.example"})
    path = browser.mailed()["link"].removeprefix(room.url)
    with Browser(room) as scanner:
        for _ in range(3):
            seen = scanner.get(path)
            assert seen.status_code == 200
            assert "set-cookie" not in seen.headers
        assert "scan@square.example" in seen.text
    assert browser.get("/me").text.count("sign-out") == 0
    answer = browser.post(path, data={"go": ""})
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 303
    assert all(part in cookie for part in ("HttpOnly", "SameSite=lax", "Path=/me"))
    assert "scan@square.example" in browser.get("/me").text
    with Browser(room) as thief:
        for attempt in (thief.post(path, data={"go": ""}), thief.get(path)):
            assert attempt.status_code == 401
            assert "set-cookie" not in attempt.headers


def test_a_prepared_session_is_not_taken_over(browser: Browser, room: Newsroom) -> None:
    """If a browser comes with a cookie that somebody prepared, then signing in gives another, and the old one is over."""
    with Browser(room) as attacker:
        attacker.sign_in("attacker@square.example")
        prepared = attacker.cookies["meydan_reader"]
        browser.cookies.set("meydan_reader", prepared, domain="127.0.0.1", path="/me")
        browser.sign_in("victim@square.example")
        assert browser.cookies["meydan_reader"] != prepared
        assert "sign-out" not in attacker.get("/me").text
    assert "victim@square.example" in browser.get("/me").text


def test_an_account_writes_and_sees_what_is_its_own(browser: Browser, room: Newsroom) -> None:
    """If a page of the publication hands an account over, then it sees its comments, exactly, and nobody else's."""
    sent = browser.comment(HOSTILE, bearer=account("own"), name="Mallory")
    assert sent.status_code == 201
    theirs = browser.comment(bearer=account("theirs")).json()["id"]
    refused = browser.post(
        "/me/account", data={"account": account("own")}, headers={"origin": "https://evil.example"}
    )
    assert refused.status_code == 403
    forged = browser.post("/me/account", data={"account": account("own", aud="another")})
    assert forged.status_code == 401
    assert "set-cookie" not in forged.headers
    assert browser.post("/me/account", data={"account": account("own")}).status_code == 303
    page = browser.get("/me")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex"
    assert "<script>alert" not in page.text
    assert "alert(1)" in Read(page.text).text
    assert theirs not in page.text
    export = browser.get("/me/export").json()
    (own,) = export["comments"]
    assert (own["text"], own["name"], own["email"]) == (HOSTILE, "Rojîn", "rojin@square.example")
    assert own["receipt"] == sent.json()["receipt"]
    assert own["status"] == sent.json()["status"]
    receipts = browser.get("/me/receipts").json()["receipts"]
    assert [one["receipt"] for one in receipts] == [own["receipt"]]
    token = browser.csrf
    for path in (
        f"/me/comments/{theirs}/erase",
        f"/me/comments/{theirs}/withdraw",
        "/me/comments/none/erase",
    ):
        assert browser.post(path, data={"csrf": token}).status_code == 404
    assert browser.get(f"/me/comments/{theirs}/erase").status_code == 404


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {account(exp=int(time.time()) - 600)}",
        "Bearer mp1.made-up",
        "Bearer x",
        f"Bearer {account()}x",
    ],
)
def test_who_is_not_believed_sends_nothing(browser: Browser, authorization: str) -> None:
    """If what says who a reader is is expired, forged or unknown, then nothing is kept, and a stable code says so."""
    body = {"story": {"url": browser.room.story}, "name": "N", "text": COURTEOUS}
    answer = browser.post("/api/v1/comments", json=body, headers={"authorization": authorization})
    assert (answer.status_code, answer.json()["code"]) == (401, "R122")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    # What stands before this server may want words of its own.
    assert (
        browser.post("/api/v1/comments", json=body, headers={"authorization": "Basic eDp5"}).status_code
        == 201
    )


def test_a_comment_is_withdrawn_and_erased(browser: Browser, room: Newsroom) -> None:
    """If readers withdraw or erase what is theirs, then it is done after they were asked, and only by their own form."""
    first, second, third = (
        browser.comment(f"{COURTEOUS} {n}", bearer=account("erasing")).json()["id"] for n in range(3)
    )
    browser.post("/me/account", data={"account": account("erasing")})
    token = browser.csrf
    path = f"/me/comments/{first}/erase"
    asked = browser.get(path)
    assert words("en")["me_erase_ask"] in asked.text
    for form, headers in (
        ({"csrf": ""}, {}),
        ({"csrf": "made-up"}, {}),
        ({"csrf": token}, {"origin": "https://evil.example"}),
        ({"csrf": token}, {"sec-fetch-site": "cross-site"}),
    ):
        assert browser.post(path, data=form, headers=headers).status_code == 403
    assert room.meydan.store.comment(first).text is not None  # type: ignore[union-attr]
    assert browser.post(f"/me/comments/{second}/withdraw", data={"csrf": token}).status_code == 303
    assert room.meydan.store.comment(second).withdrawn_at is not None  # type: ignore[union-attr]
    assert browser.post(path, data={"csrf": token}).status_code == 200
    assert room.meydan.store.comment(first).text is None  # type: ignore[union-attr]
    assert browser.post("/me/erase", data={"csrf": token}).status_code == 200
    for id in (second, third):
        assert room.meydan.store.comment(id).text is None  # type: ignore[union-attr]
    assert browser.get("/me/export").json()["comments"] == []


def test_a_feed_is_private_and_ends(browser: Browser, room: Newsroom) -> None:
    """If a reader follows their own feed, then it holds what is published of theirs, until they sign out everywhere."""
    shown = browser.comment(f"{COURTEOUS}\u0008 & <b>", bearer=account("feed")).json()["id"]
    browser.comment("You are a complete idiot and everybody knows it.", bearer=account("feed"))
    room.meydan.staff.add_moderator("Zîn")
    room.meydan.desk.review(shown, Verdict.APPROVE, by="Zîn")
    browser.post("/me/account", data={"account": account("feed")})
    address = re.findall(r'href="(http[^"]+/me/feed/[^"]+)"', browser.get("/me").text)[0]
    with Browser(room) as program:
        feed = program.get(address)
        assert feed.headers["content-type"].startswith("application/atom+xml")
        texts = [
            e.text for e in ElementTree.fromstring(feed.text).iter("{http://www.w3.org/2005/Atom}content")
        ]
        assert texts == [f"{COURTEOUS}\ufffd & <b>"]
        assert program.get(f"{address}x").status_code == 404
        out = browser.post("/me/sign-out/everywhere", data={"csrf": browser.csrf})
        assert out.status_code == 200
        assert browser.get("/me/export").status_code == 401
        assert program.get(address).status_code == 404


def test_a_guest_confirms_an_address(browser: Browser, room: Newsroom) -> None:
    """If the guidelines ask for it, then the mailed link shows the comment, and confirming it there has it judged."""
    desk = room.meydan.desk
    before = desk.guidelines
    desk.adopt(replace(before, digest="verified", publication=replace(before.publication, guests="verified")))
    try:
        assert browser.comment(HOSTILE).json()["fields"] == ["email"]
        assert 'name="email"' in browser.get("/comments", params={"story": room.story}).text
        sent = browser.comment(HOSTILE, email="guest@square.example").json()
        assert sent["status"] == "held"
        status = browser.get(f"/status/{sent['id']}").text
        assert words("en")["unverified"] in status
        mail = browser.mailed()
        path = mail["link"].removeprefix(room.url)
        seen = browser.get(path)
        assert "&lt;script&gt;" in seen.text
        assert browser.get(path).text == seen.text
        assert (
            browser.post(path, data={"mine": "yes"}, headers={"origin": "https://evil.example"}).status_code
            == 403
        )
        assert browser.post(path, data={"mine": "yes"}).status_code == 200
        assert Hold.UNVERIFIED not in room.item(sent["id"]).comment.holds
        assert browser.post(path, data={"mine": "yes"}).status_code == 404
        given = desk.pass_for(sent["id"])
        assert browser.comment(bearer=str(given), name="Else").status_code == 201
        room.meydan.letters.ask(
            room.story, comment=None, email="guest@square.example", language="en", confirmed=True
        )
        own = browser.sign_in("GUEST@square.example").get("/me").text
        assert own.count('class="r-own"') == 2
        end = re.findall(r'href="(/unfollow/[^"]+)"', own)
        assert browser.get(end[0]).status_code == 200
        other = browser.comment(email="notme@square.example").json()["id"]
        path = browser.mailed()["link"].removeprefix(room.url)
        assert browser.post(path, data={"mine": "no"}).status_code == 200
        assert desk.status(other).erased
    finally:
        desk.adopt(before)


def test_an_issuer_vouches_for_a_reader(browser: Browser, room: Newsroom, provider: str) -> None:
    """If the readers' issuer vouches for somebody, then they are in; with another browser's sign-in nobody is."""
    httpx.put(
        f"{provider}/users/r1", json={"email": "r1@square.example", "email_verified": True, "name": "Zîn"}
    )
    away = browser.get("/me/issuer").headers["location"]
    back = httpx.post(away, data={"sub": "r1"}).headers["location"]
    with Browser(room) as victim:
        assert victim.get(back).status_code == 401
    answer = browser.get(back)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/me")
    assert "Zîn" in browser.get("/me").text
    assert browser.get(back).status_code == 401
    desk_door = browser.get(back.replace("/me/back", "/desk/sign-in/back"))
    assert desk_door.status_code in (401, 404)


def test_pages_without_a_session_show_the_way_in(browser: Browser) -> None:
    """If nobody is signed in, then every page of one's own is the way in, with a 401, and nothing is changed."""
    for path in ("/me/export", "/me/receipts", "/me/erase", "/me/comments/x/erase"):
        answer = browser.get(path)
        assert (answer.status_code, "/me/sign-in" in answer.text) == (401, True), path
        assert answer.headers["cache-control"] == "no-store"
    for path in ("/me/erase", "/me/comments/x/erase", "/me/comments/x/withdraw", "/me/sign-out"):
        assert browser.post(path, data={"csrf": "x"}).status_code == 401
    for forged in (b"x", b"mp1.x", "\u00e9".encode(), b"x" * 5000):
        assert browser.get("/me", headers={b"cookie": b"meydan_reader=" + forged}).status_code == 200


@pytest.mark.parametrize("tag", INTERFACE)
def test_every_page_speaks_every_language(browser: Browser, tag: str) -> None:
    """If a language is asked for, then one's own pages speak it, in its direction, and lead on in it."""
    said = words(tag)
    door = browser.get("/me", params={"lang": tag}).text
    assert said["me_door"] in door
    assert f'dir="{said.direction}"' in door
    assert f"lang={tag}" in door
    browser.comment(bearer=account(f"tongue-{tag}"))
    browser.post("/me/account", params={"lang": tag}, data={"account": account(f"tongue-{tag}")})
    page = browser.get("/me", params={"lang": tag}).text
    assert said["me_export"] in page
    assert f"/erase?lang={tag}" in page


def test_an_issuer_that_hangs_holds_few_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    """If an issuer takes connections and says nothing, then one sign-in waits for it, and the others are told soon."""
    monkeypatch.setattr(issuer, "TIMEOUT_S", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        asked = issuer.Issuer(f"http://127.0.0.1:{silent.getsockname()[1]}", "meydan", "known", back="")

        def begin(_: int) -> float:
            began = time.monotonic()
            with pytest.raises(IssuerUnavailable):
                asked.begin(issuer.new_doorway("")[1], "state")
            return time.monotonic() - began

        with ThreadPoolExecutor(8) as hands:
            waited = sorted(hands.map(begin, range(16)))
    assert waited[-2] < 1.5 < waited[-1]


def test_nobody_sends_for_the_issuer_again_and_again(provider: str, tmp_path: Path) -> None:
    """If one address begins to sign in too often, then it is too fast: the issuer is not asked, and nothing is kept."""
    given = {
        "reader_issuer": provider,
        "reader_issuer_client": "meydan",
        "reader_issuer_secret": "known to both",
    }
    with (
        newsroom(tmp_path, **given, submissions_per_minute=1, submission_burst=1) as room,
        Browser(room) as browser,
    ):
        assert browser.get("/me/issuer").status_code == 303
        answer = browser.get("/me/issuer")
        assert (answer.status_code, "retry-after" in answer.headers) == (429, True)


def test_where_there_is_no_way_in_it_is_said(tmp_path: Path) -> None:
    """If a server sends no mail and knows no accounts, then the page says so, and nothing is offered."""
    with newsroom(tmp_path) as room, Browser(room) as browser:
        assert words("en")["me_no_way"] in browser.get("/me").text
        assert browser.post("/me/sign-in", data={"email": "a@b.example"}).status_code == 404
        assert browser.get("/me/issuer").status_code == 404
        reader = Reader("k" * 32, "Zîn")
        sent = room.meydan.desk.submit(
            Submission(room.story, "x", COURTEOUS, reader=reader), Visitor("a" * 32, (room.url,))
        )
        assert room.item(sent.id).comment.name == "Zîn"
