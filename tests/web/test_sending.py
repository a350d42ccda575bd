"""Sending at the door: once however often it is sent, with some work in a flood, and whatever else may come in."""

from __future__ import annotations

import dataclasses
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from meydan.comment import Hold, Reader
from meydan.desk import folded_of
from meydan.errors import TooFast
from meydan.policy import Form
from meydan.web.access import Pace
from meydan.web.doors import Doors
from tests.newsroom import ABUSIVE, Newsroom, newsroom
from tests.test_proof import solved
from tests.web import conftest
from tests.web.conftest import UNHURRIED, Server

KEY = {"idempotency-key": "0b5a1a52-6f0e-4a52-9a5e-7e2d34f0c1aa"}


def send(reader: conftest.Reader, headers: dict[str, str] | None = None, **changed: object) -> httpx.Response:
    body = {"story": {"url": reader.story}, "name": "Nada", "text": "Thank you,\nall of you."} | changed
    return reader.client.post("/api/v1/comments", json=body, headers=headers or {})


def test_sent_again_it_is_answered_again(reader: conftest.Reader) -> None:
    """If a comment is sent again under its key, with CRLF for LF, then the answer is the same and readers see it once."""
    first = send(reader, KEY)
    again = send(reader, KEY, text="Thank you,\r\nall of you.")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    kept = reader.room.item(first.json()["id"]).comment
    assert kept.text == "Thank you,\nall of you."
    reader.decide(kept.id)
    # What became of it since is told; it is still the same comment.
    assert send(reader, KEY).json() | {"status": "", "decided_by": ""} == first.json() | {
        "status": "",
        "decided_by": "",
    }
    assert [comment["id"] for comment in reader.shown()] == [kept.id]
    other = send(reader, KEY, text="Another.")
    assert (other.status_code, other.json()["code"]) == (422, "R120")
    assert send(reader).json()["id"] != kept.id


def test_what_a_form_and_json_end_lines_with_is_kept(reader: conftest.Reader) -> None:
    """If a browser's form ends lines in CRLF and JSON in LF, then each is kept as it was sent, and both count as the same text."""
    desk = reader.room.meydan.desk
    reader.fill_in(text="One line of this comment\r\nand another of it.")
    send(reader, text="One line of this comment\nand another of it.")
    kept = desk.held(limit=200, newest=True)[0][:2] + desk.page(reader.story).comments
    texts = {comment.text for comment in kept if comment.story_url == reader.story}
    assert texts == {
        "One line of this comment\r\nand another of it.",
        "One line of this comment\nand another of it.",
    }
    assert len({folded_of(text or "") for text in texts}) == 1


@pytest.mark.parametrize("key", ["short", "x" * 101, "with a space in it", "naïve-naïve", "tab\tbed-key"])
def test_a_key_that_is_none_is_refused(reader: conftest.Reader, key: str) -> None:
    """If an Idempotency-Key is not 8 to 100 visible ASCII characters, then it is refused as malformed and nothing is kept."""
    answer = reader.client.post(
        "/api/v1/comments",
        json={"story": {"url": reader.story}, "name": "Nada", "text": "Thank you."},
        headers={"idempotency-key": key.encode("latin-1")},  # type: ignore[dict-item]
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "R113")
    assert reader.shown() == []


def test_two_keys_are_none(reader: conftest.Reader) -> None:
    """If two keys come with one comment, then it is refused: which of them is meant, nobody can tell."""
    answer = reader.client.post(
        "/api/v1/comments",
        json={"story": {"url": reader.story}, "name": "Nada", "text": "Thank you."},
        headers=[("idempotency-key", "a" * 20), ("idempotency-key", "b" * 20)],
    )
    assert (answer.status_code, answer.json()["fields"]) == (400, ["Idempotency-Key"])


@pytest.mark.parametrize("field", ["proof", "text", "name", "parent", "language", "website", "story"])
@pytest.mark.parametrize("wrong", [1, True, [], [[]], {"a": "b"}], ids=repr)
def test_a_wrong_type_is_named(reader: conftest.Reader, field: str, wrong: object) -> None:
    """If a field is of the wrong type, then the answer is 400 and not a fault."""
    if (field, wrong) == ("story", {"a": "b"}):
        assert send(reader, story=wrong).status_code == 422
        return
    answer = send(reader, **{field: wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "R113")


@pytest.fixture(scope="module")
def flooded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """A newsroom whose one address has sent as much as is calm."""
    settings = UNHURRIED | {"submissions_per_minute": 40, "disposable_addresses": "refuse"}
    with newsroom(tmp_path_factory.mktemp("flooded"), **settings) as room:
        for number in range(10):
            answer = post(room, text=f"The {number}. comment of a calm minute.")
            assert answer.status_code == 201
        yield room


def post(room: Newsroom, **changed: object) -> httpx.Response:
    body: dict[str, object] = {
        "story": {"url": room.story},
        "name": "Nada",
        "text": "Who paid for it?",
        "proof": "",
    }
    told = {name: value for name, value in (body | changed).items() if value is not None}
    return httpx.post(f"{room.url}/api/v1/comments", json=told, headers={"accept-language": "tr"}, timeout=30)


def test_a_flood_asks_browsers_for_a_proof(flooded: Newsroom) -> None:
    """If there is a flood, then 428 brings a challenge, its solution is taken once, a forged one never, and none is kept meanwhile."""
    needed = post(flooded)
    assert (needed.status_code, needed.json()["code"]) == (428, "R121")
    assert needed.headers["cache-control"] == "no-store"
    assert "Şu anda" in needed.json()["message"]
    challenge = needed.json()["challenge"]
    assert challenge["parameters"]["algorithm"] == "PBKDF2/SHA-256"
    proof = solved(challenge)
    assert post(flooded, proof=proof).status_code == 201
    for used in (proof, proof[:-4], "x", "A" * 5000):
        again = post(flooded, proof=used)
        assert (again.status_code, again.json()["challenge"] != challenge) == (428, True)


def test_without_javascript_nobody_is_refused(flooded: Newsroom) -> None:
    """If there is a flood, then the form without JavaScript, and a program that cannot prove, are taken and held."""
    form = {"story": flooded.story, "name": "Nada", "text": "By the form, without a script.", "lang": "en"}
    page = httpx.post(f"{flooded.url}/comments", data=form, headers={"origin": flooded.url})
    sent = post(flooded, proof=None, text="By a program that knows no proof.")
    assert (page.status_code, sent.status_code, sent.json()["status"]) == (201, 201, "held")
    held = {comment.text: comment.holds for comment in flooded.meydan.desk.held(limit=200)[0]}
    for text in ("By the form, without a script.", "By a program that knows no proof."):
        assert Hold.FLOOD in held[text]


def test_an_address_that_lasts_minutes_is_told(flooded: Newsroom) -> None:
    """If such addresses are refused, then the field is named, by the API and on the form's page, where what was typed is kept."""
    answer = post(flooded, email="nada@yopmail.com")
    assert (answer.status_code, answer.json()["code"], answer.json()["fields"]) == (422, "R124", ["email"])
    form = {"story": flooded.story, "name": "Nada", "text": "Kept as typed.", "email": "nada@yopmail.com"}
    page = httpx.post(f"{flooded.url}/comments", data=form, headers={"origin": flooded.url})
    assert page.status_code == 422
    assert "Kept as typed." in page.text
    assert "R124" in page.text


def test_a_draft_is_looked_at_and_not_kept(reader: conftest.Reader) -> None:
    """If the guidelines ask for it, then a draft's rule is said in the reader's language, nothing is kept, and too many are too fast."""
    desk = reader.room.meydan.desk

    def nudge(**asked: Any) -> httpx.Response:
        return reader.client.post("/api/v1/nudge", json={"text": ABUSIVE, "language": "tr"} | asked)

    assert nudge().json() == {"nudge": None}
    before = desk.guidelines
    desk.adopt(dataclasses.replace(before, form=Form(nudge=True)))
    try:
        told = nudge(story={"url": reader.story})
        rule = before.rule("personal-attacks")
        assert told.json() == {
            "nudge": {"rule": "personal-attacks", "title": rule.title["tr"], "text": rule.text["tr"]}
        }
        assert told.headers["cache-control"] == "no-store"
        assert nudge(text="Thank you.").json() == nudge(text="").json() == {"nudge": None}
        assert nudge(text="x" * 5001).status_code == 422
        assert nudge(story={"url": "https://elsewhere.example/"}).status_code == 403
        statuses = {nudge(text="").status_code for _ in range(40)}
        assert statuses == {200, 429}
    finally:
        desk.adopt(before)
    assert desk.held_count() == len(desk.held(limit=200)[0])
    assert reader.shown() == []


def test_an_account_has_a_pace_of_its_own() -> None:
    """If an account sends too much, from wherever, then it is too fast, and another one and guests are not."""
    accounts = {
        name: Reader(name * 32, name, None, email_verified=False, staff=False, kind="account")
        for name in "ab"
    }

    class Knock:
        def __init__(self, name: str) -> None:
            self.headers = {"authorization": name}

    slow = Pace(per_minute=1, burst=2, clock=lambda: 0.0)
    doors = Doors(
        *([None] * 3),
        pace=slow,
        reader_pace=slow,
        nudge_pace=slow,
        judge_pace=slow,
        desk_pace=slow,
        receipts_pace=slow,
        shelf=None,
        https=False,
        identify=accounts.get,  # type: ignore[arg-type]
    )
    for name in ("a", "a", "b", "none", "none", "none"):
        doors.reader(Knock(name))  # type: ignore[arg-type]
    with pytest.raises(TooFast):
        doors.reader(Knock("a"))  # type: ignore[arg-type]


@pytest.mark.parametrize("header", ["idempotency-key", "x-forwarded-for"])
def test_a_flood_of_headers_is_turned_away(server: Server, header: str) -> None:
    """If a request brings thousands of headers, or one without an end, then it is refused or cut off, and others notice nothing."""
    port = server.served.port
    for headers in (f"{header}: {'a' * 8}\r\n" * 5000, f"{header}: {'a' * 600_000}\r\n"):
        body = json.dumps({"story": {"url": f"{server.url}/a"}, "name": "N", "text": "T"})
        with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
            try:
                wire.sendall(
                    f"POST /api/v1/comments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    f"{headers}Content-Length: {len(body)}\r\n\r\n{body}".encode()
                )
                answer = wire.recv(200)
            except (ConnectionError, TimeoutError):
                answer = b""
        assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer
        assert httpx.get(f"{server.url}/healthz", timeout=5).status_code == 200


def test_a_page_may_send_a_key(reader: conftest.Reader) -> None:
    """If a page of the guidelines' origins asks first, then it may send an Idempotency-Key and an account's Authorization."""
    asked = {
        "origin": reader.room.url,
        "access-control-request-method": "POST",
        "access-control-request-headers": "idempotency-key,authorization,content-type",
    }
    allowed = reader.client.options("/api/v1/comments", headers=asked).headers["access-control-allow-headers"]
    assert {"idempotency-key", "authorization", "content-type"} <= set(allowed.split(", "))


def test_what_is_said_of_a_draft_is_in_no_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """If a draft is looked at and the judge fails, then the answer is null and the log has none of its words."""
    with newsroom(tmp_path, **UNHURRIED) as room:
        desk = room.meydan.desk
        desk.adopt(dataclasses.replace(desk.guidelines, form=Form(nudge=True)))
        desk._judge = None  # type: ignore[assignment]
        answer = httpx.post(f"{room.url}/api/v1/nudge", json={"text": "plover-7731"}, timeout=30)
        assert (answer.status_code, answer.json()) == (200, {"nudge": None})
    told = "".join(capfd.readouterr())
    assert "nudge_failed" in told
    assert "plover" not in told


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"text": ABUSIVE},
        {"text": ""},
        {"text": "x" * 6000},
        {"name": None},
        {"story": {"url": "no address"}},
        {"story": {"url": "https://elsewhere.example/a"}},
        {"parent": "none"},
        {"email": "nobody"},
        {"text": "half\u0000"},
    ],
)
@pytest.mark.parametrize("origin", [None, "https://elsewhere.example"])
def test_the_short_way_and_the_framework_answer_alike(
    reader: conftest.Reader, changed: dict[str, object], origin: str | None
) -> None:
    """If a body has a field that nobody asked for, then it goes the framework's way, and is answered as without it."""
    body = {"story": {"url": reader.story}, "name": "Nada", "text": conftest.courteous()} | changed
    headers = {"accept-language": "tr", **({"origin": origin} if origin else {})}
    short, long = (
        reader.client.post("/api/v1/comments", json=body | more, headers=headers)
        for more in ({}, {"unasked": 1})
    )
    own = ("id", "receipt", "status_url")
    told = [
        {key: value for key, value in answer.json().items() if key not in own} for answer in (short, long)
    ]
    assert told[0] == told[1]
    assert short.status_code == long.status_code
    heads = [
        dict(answer.headers) | {"date": "", "content-length": "", "x-request-id": ""}
        for answer in (short, long)
    ]
    assert heads[0] == heads[1]
