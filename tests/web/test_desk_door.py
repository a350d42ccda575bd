"""Coming in at the desk over HTTP: passwords, codes, the way back, and everybody's own account and right."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import httpx
import pyotp
import pytest
from argon2.exceptions import VerificationError

from meydan.comment import Status
from meydan.locale.desk import desk_words
from meydan.web.app import COMING_IN_AT_ONCE, THREADS
from meydan.web.desk.frame import MOST_WAITING, way_back
from tests.newsroom import CHEAP_PASSWORDS, Chair, Newsroom, newsroom
from tests.web.conftest import Reader

PASSWORD = "three words and a river"


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path) as opened:
        yield opened


@pytest.fixture
def chair(room: Newsroom) -> Iterator[Chair]:
    with Chair(room) as chair:
        yield chair


def with_password(room: Newsroom, name: str = "Leyla", role: str = "moderator") -> None:
    room.meydan.staff.add_moderator(name, role=role)
    room.meydan.staff.set_password(name, PASSWORD, by="operator")


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
    assert found is not None, name
    return unescape(found[1])


def come_in(chair: Chair, name: str = "Leyla", **more: str) -> None:
    answer = chair.post("/desk/sign-in", data={"name": name, "password": PASSWORD, **more})
    assert answer.status_code == 303, answer.text


def test_a_password_signs_in_and_a_code_after_it(room: Newsroom, chair: Chair) -> None:
    """If somebody has a password and an app, then they set codes up on their account's page and sign in with both."""
    with_password(room)
    come_in(chair)
    assert chair.post("/desk/account/codes", data={"csrf": chair.csrf}).status_code == 303
    page = chair.get("/desk/account").text
    assert "<svg" in page
    secret = re.search(r"<code dir=\"ltr\">([A-Z2-7 ]+)</code>", page)
    assert secret is not None
    app = pyotp.TOTP(secret[1].replace(" ", ""))
    page = chair.post("/desk/account/codes/confirm", data={"csrf": chair.csrf, "code": app.now()}).text
    recovery = re.findall(r"<code>([a-z2-7-]{19})</code>", page)
    assert len(recovery) == 10
    assert not re.search(r"<code>[a-z2-7-]{19}</code>", chair.get("/desk/account").text)
    with Chair(room) as again:
        page = again.post("/desk/sign-in", data={"name": "Leyla", "password": PASSWORD}).text
        assert "set-cookie" not in again.cookies
        half_way = field(page, "half_way")
        assert again.get("/desk").status_code == 303
        wrong = again.post("/desk/sign-in/code", data={"half_way": half_way, "code": "000000"})
        assert wrong.status_code == 401
        assert "One more step" in wrong.text
        code = app.at(datetime.now(UTC) + timedelta(seconds=30))
        assert again.post("/desk/sign-in/code", data={"half_way": half_way, "code": code}).status_code == 303
        assert again.get("/desk").status_code == 200
    with Chair(room) as lost:
        half_way = field(
            lost.post("/desk/sign-in", data={"name": "Leyla", "password": PASSWORD}).text, "half_way"
        )
        assert (
            lost.post("/desk/sign-in/code", data={"half_way": half_way, "code": recovery[3]}).status_code
            == 303
        )


def test_nobody_learns_who_works_here(room: Newsroom, chair: Chair) -> None:
    """If a stranger tries names, then a moderator's and nobody's are answered alike, and both are locked alike."""
    with_password(room)
    for name in ("Leyla", "Nobody"):
        answers = [
            chair.post("/desk/sign-in", data={"name": name, "password": secrets.token_hex(8)})
            for _ in range(6)
        ]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429]
        assert "retry-after" in answers[-1].headers
        assert {re.sub(r'value="[^"]*"', "", answer.text) for answer in answers[:5]} != set()
        told = {re.sub(r'value="[^"]*"|\b\d+ s\b', "", answer.text) for answer in answers[:5]}
        assert len(told) == 1


def test_a_link_leads_to_the_code(room: Newsroom, chair: Chair) -> None:
    """If an editor makes a link for somebody who has set up codes, then it shows the field for the code, and opens with one."""
    staff = room.meydan.staff
    session = staff.sign_in(staff.add_moderator("Leyla"))
    secret = staff.begin_second(session, "The Square").secret
    app = pyotp.TOTP(secret)
    staff.confirm_second(session, app.now())
    page = chair.post("/desk/sign-in", data={"link": room.link("Leyla"), "back": "/desk/decided"})
    assert (page.status_code, "meydan_session" in chair.cookies) == (200, False)
    form = {"half_way": field(page.text, "half_way"), "back": field(page.text, "back")}
    code = app.at(datetime.now(UTC) + timedelta(seconds=30))
    answer = chair.post("/desk/sign-in/code", data={**form, "code": code})
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/decided")


def test_an_address_tries_to_come_in_at_a_pace(room: Newsroom, chair: Chair) -> None:
    """If one address tries name after name, then it is told on the form when to go on, in its language, and others come in."""
    with_password(room)
    chair.headers["x-forwarded-for"] = "198.51.100.7"
    chair.cookies.set("meydan_desk_language", "tr")

    def guess(**more: str) -> httpx.Response:
        return chair.post("/desk/sign-in", data={"name": secrets.token_hex(8), "password": PASSWORD, **more})

    answers = [guess() for _ in range(COMING_IN_AT_ONCE)]
    assert {answer.status_code for answer in answers} == {401}
    until = 2 * COMING_IN_AT_ONCE
    slowed = next(answer for _ in range(until) if (answer := guess(kept="note=x")).status_code != 401)
    said = desk_words("tr")
    assert (slowed.status_code, slowed.headers["x-meydan-code"]) == (429, "R103")
    wait = slowed.headers["retry-after"]
    assert said.fill("errors.R103", wait=wait) in unescape(slowed.text)
    assert said["sign_in.heading"] in slowed.text
    assert field(slowed.text, "kept") == "note=x"
    # Every way in that costs something counts, and what was come with is not lost. The next place that comes free is taken
    # first, so that none does for two seconds.
    while guess().status_code == 429:
        time.sleep(0.05)
    link = chair.post("/desk/sign-in", data={"link": room.link("Leyla")})
    code = chair.post("/desk/sign-in/code", data={"half_way": "x", "code": "000000"})
    assert [answer.status_code for answer in (link, code)] == [429] * 2
    assert field(code.text, "half_way") == "x"
    # There is no issuer, so nothing is counted of it: any page may have a browser ask for these.
    gone = [chair.get("/desk/sign-in/issuer").status_code for _ in range(COMING_IN_AT_ONCE + 1)]
    assert set(gone) == {404}
    assert chair.get("/desk/sign-in").status_code == 200
    chair.headers["x-forwarded-for"] = "198.51.100.8"
    assert chair.post("/desk/sign-in", data={"link": field(link.text, "link")}).status_code == 303


def test_whoever_waits_for_a_hash_keeps_no_reader_waiting(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If more try to come in at once than can be, then readers are answered meanwhile, and those without room are told on the form."""
    go, sent = threading.Event(), MOST_WAITING + THREADS
    told: list[httpx.Response] = []

    class Slow:
        hash = CHEAP_PASSWORDS.hash

        def verify(self, *_: str) -> bool:
            go.wait(60)
            raise VerificationError

    monkeypatch.setattr(room.meydan.staff, "_hasher", Slow())

    def guess(number: int) -> None:
        with Chair(room) as chair:
            chair.timeout = 90
            chair.headers["x-forwarded-for"] = f"198.51.100.{number}"
            form = {"name": secrets.token_hex(8), "password": PASSWORD, "kept": "note=x"}
            told.append(chair.post("/desk/sign-in", data=form))

    with ThreadPoolExecutor(sent) as crowd:
        guesses = [crowd.submit(guess, number) for number in range(sent)]
        try:
            Reader.until(lambda: len(told) == THREADS, within_s=20)
            assert httpx.get(f"{room.url}/comments", params={"story": room.story}, timeout=10).is_success
            assert {answer.status_code for answer in told} == {503}
            assert {field(answer.text, "kept") for answer in told} == {"note=x"}
            assert {answer.headers["x-meydan-code"] for answer in told} == {"U203"}
        finally:
            go.set()
        for one in guesses:
            one.result()
    assert sorted(answer.status_code for answer in told) == [401] * MOST_WAITING + [503] * THREADS


def test_a_session_that_ends_loses_nothing_typed(room: Newsroom, chair: Chair) -> None:
    """If a session is over when a verdict is sent, then after signing in the page is back with all that was typed."""
    with_password(room)
    comment = room.send()
    come_in(chair)
    csrf = chair.csrf
    room.meydan.staff.sign_out(chair.cookies["meydan_session"])
    typed = {"seen": "0", "verdict": "reject", "rules": "threats", "note": "Çok <üzgünüm> & «بە داخەوە»"}
    over = chair.post(f"/desk/comments/{comment}", data={"csrf": csrf, **typed})
    assert over.status_code == 401
    assert room.item(comment).comment.status is Status.HELD
    again = chair.post(
        "/desk/sign-in",
        data={
            "name": "Leyla",
            "password": PASSWORD,
            "back": field(over.text, "back"),
            "kept": field(over.text, "kept"),
        },
    )
    assert again.status_code == 200
    assert room.item(comment).comment.status is Status.HELD
    assert typed["note"] in unescape(again.text)
    assert re.search(r'value="threats"[^>]* checked', again.text)
    sent = chair.post(f"/desk/comments/{comment}", data={"csrf": chair.csrf, **typed})
    assert sent.status_code == 303
    assert room.item(comment).comment.status is Status.REJECTED


def test_whoever_was_sent_to_the_door_lands_where_they_were_going(room: Newsroom, chair: Chair) -> None:
    """If a page of the desk is asked for without a session, then signing in leads to it."""
    with_password(room)
    comment = room.send()
    door = chair.get(f"/desk/comments/{comment}?after=x").headers["location"]
    page = chair.get(door).text
    answer = chair.post(
        "/desk/sign-in", data={"name": "Leyla", "password": PASSWORD, "back": field(page, "back")}
    )
    assert answer.headers["location"] == f"/desk/comments/{comment}?after=x"


@pytest.mark.parametrize(
    "asked",
    [
        "https://evil.example/desk", "//evil.example/desk", "/\\evil.example", "/desk/../api", "/desk//evil.example",
        "javascript:alert(1)", "/desk\r\nset-cookie: a=b", "/desk/sign-out", "/desk/sign-in?back=/desk", "/deskevil",
        "/desk/é", "http:/desk", "", "/desk/" + "x" * 600, "https:///desk", "[", "/desk/%2e%2e/x\t",
    ],
)  # fmt: skip
def test_no_way_leads_out_of_the_desk(room: Newsroom, chair: Chair, asked: str) -> None:
    """If an address asks to be led elsewhere after signing in, then it leads to the desk."""
    assert way_back(asked) == "/desk"
    with_password(room)
    answer = chair.post("/desk/sign-in", data={"name": "Leyla", "password": PASSWORD, "back": asked})
    assert answer.headers["location"] == "/desk"


def test_a_session_is_never_one_that_was_given_before(room: Newsroom, chair: Chair) -> None:
    """If a cookie was planted before signing in, then it is worth nothing afterwards."""
    with_password(room)
    chair.cookies.set("meydan_session", "planted", domain="127.0.0.1", path="/")
    come_in(chair)
    assert "planted" not in chair.get("/desk").text
    with Chair(room) as thief:
        thief.cookies.set("meydan_session", "planted")
        assert thief.get("/desk").status_code == 303


def test_sessions_are_seen_and_ended(room: Newsroom, chair: Chair) -> None:
    """If somebody finds a session of theirs that they do not know, then they end it, and it is over at once."""
    with_password(room)
    come_in(chair)
    with Chair(room) as other:
        other.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        come_in(other)
        page = chair.get("/desk/account").text
        assert "Firefox on Linux" in page
        handle = field(page, "session")
        chair.post("/desk/account/sessions", data={"csrf": chair.csrf, "session": handle})
        assert other.get("/desk").status_code == 303
    assert chair.get("/desk").status_code == 200


@pytest.mark.parametrize(
    ("role", "pages"),
    [
        ("moderator", {"/desk": 200, "/desk/account": 200, "/desk/people": 403, "/desk/journal": 403}),
        ("auditor", {"/desk": 200, "/desk/account": 200, "/desk/people": 403, "/desk/journal": 200}),
        ("editor", {"/desk": 200, "/desk/account": 200, "/desk/people": 200, "/desk/journal": 200}),
    ],
)
def test_each_role_sees_its_pages(room: Newsroom, chair: Chair, role: str, pages: dict[str, int]) -> None:
    """If a page is not for a role, then it is refused, and the journal has it."""
    with_password(room, role=role)
    come_in(chair)
    assert {path: chair.get(path).status_code for path in pages} == pages
    refused = {entry.subject for entry in room.meydan.staff.journal(actor="Leyla", action="refused")}
    assert refused == {path.removeprefix("/desk/") for path, status in pages.items() if status == 403}


def test_an_auditor_decides_nothing(room: Newsroom, chair: Chair) -> None:
    """If an auditor sends a verdict, an escalation or an audit's answer, then it is refused and nothing changes."""
    with_password(room, role="auditor")
    comment = room.send()
    come_in(chair)
    assert "Approve</button>" not in chair.get(f"/desk/comments/{comment}").text
    csrf = chair.csrf
    for path, form in (
        (f"/desk/comments/{comment}", {"seen": "0", "verdict": "approve"}),
        (f"/desk/comments/{comment}/escalate", {"kind": "terrorism", "told": ""}),
        (f"/desk/audits/{comment}", {"verdict": "approve"}),
    ):
        assert chair.post(path, data={"csrf": csrf, **form}).status_code == 403
    assert room.item(comment).comment.status is Status.HELD
    assert not room.item(comment).comment.escalated
    api = chair.post(
        f"/api/v1/comments/{comment}/decisions", json={"verdict": "approve"}, headers={"x-csrf-token": csrf}
    )
    assert api.status_code == 403
    assert room.item(comment).comment.status is Status.HELD


def test_an_editor_adds_changes_and_removes_people(room: Newsroom, chair: Chair) -> None:
    """If an editor adds somebody, then their link signs in; a role holds at once; who is removed is out at once."""
    with_password(room, role="editor")
    come_in(chair)
    page = chair.post(
        "/desk/people",
        data={"csrf": chair.csrf, "name": "Hîwa <b>", "role": "moderator", "languages": ["ckb", "ar"]},
    ).text
    assert "Hîwa &lt;b&gt;" in page
    link = re.search(r"sign-in\?link=([\w%-]+)", page)
    assert link is not None
    with Chair(room) as hiwa:
        assert hiwa.post("/desk/sign-in", data={"link": link[1]}).status_code == 303
        assert hiwa.get("/desk/journal").status_code == 403
        change = {"csrf": chair.csrf, "name": "Hîwa <b>"}
        chair.post("/desk/people/change", data={**change, "what": "role", "role": "auditor"})
        assert hiwa.get("/desk/journal").status_code == 200
        chair.post("/desk/people/change", data={**change, "what": "remove"})
        assert hiwa.get("/desk").status_code == 303
    for what in ("remove", "role"):
        own = {"csrf": chair.csrf, "name": "Leyla", "what": what, "role": "moderator"}
        assert chair.post("/desk/people/change", data=own).status_code == 403
    journal = unescape(chair.get("/desk/journal", params={"subject": "Hîwa <b>"}).text)
    assert "gave another role to Hîwa <b>" in re.sub(r"<(?!b>)[^>]*>|\s+", " ", journal).replace("  ", " ")


def test_a_forged_form_changes_nobody(room: Newsroom, chair: Chair) -> None:
    """If a form comes without the session's token or from elsewhere, then nothing of an account changes."""
    with_password(room, role="editor")
    come_in(chair)
    forms = {
        "/desk/account/password": {
            "old": PASSWORD,
            "new": "x" * 5 + "another one",
            "again": "x" * 5 + "another one",
        },
        "/desk/account/codes": {"x": "1"},
        "/desk/people": {"name": "Mallory", "role": "editor"},
        "/desk/people/change": {"name": "Leyla", "what": "link"},
        "/desk/sign-out": {"x": "1"},
    }
    for path, form in forms.items():
        assert chair.post(path, data=form).status_code == 403
        assert chair.post(path, data={"csrf": "x" * 43, **form}).status_code == 403
        elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert chair.post(path, data={"csrf": chair.csrf, **form}, headers=elsewhere).status_code == 403
    assert [row.name for row in room.meydan.staff.moderators()] == ["Leyla"]
    assert chair.get("/desk").status_code == 200


@pytest.mark.parametrize(
    ("path", "form", "back"),
    [
        ("/desk/comments/ID/author", {"reason": "x", "days": "7", "what": "block"}, "/desk/comments/ID"),
        ("/desk/comments/ID/uncover", {"line": ""}, "/desk/comments/ID"),
        ("/desk/several/decide", {"comments": "ID", "verdict": "approve"}, "/desk/find"),
        ("/desk/people/change", {"name": "Leyla", "what": "link"}, "/desk/people"),
        ("/desk/account/password", {"old": PASSWORD, "new": "a new one, and long"}, "/desk/account"),
    ],
)
def test_an_ended_session_leads_to_the_forms_page_and_keeps_no_password(
    room: Newsroom, chair: Chair, path: str, form: dict[str, str], back: str
) -> None:
    """If a session ends at any form, then signing in leads to the page it stands on, and no password is in any page."""
    with_password(room, role="editor")
    comment = room.send()
    come_in(chair)
    csrf = chair.csrf
    room.meydan.staff.sign_out(chair.cookies["meydan_session"])
    over = chair.post(path.replace("ID", comment), data={"csrf": csrf, **form})
    assert over.status_code == 401
    assert PASSWORD not in over.text
    assert "a new one" not in over.text
    form = {
        "name": "Leyla",
        "password": PASSWORD,
        "back": field(over.text, "back"),
        "kept": field(over.text, "kept"),
    }
    answer = chair.post("/desk/sign-in", data=form)
    assert answer.headers["location"] == back.replace("ID", comment)
    assert chair.get(answer.headers["location"]).status_code == 200
