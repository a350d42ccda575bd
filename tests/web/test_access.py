"""Who knocks, how often, from which page: addresses behind proxies, paces, origins, headers, sizes."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.errors import TooFast
from meydan.web.access import Pace, Proxies, same_host
from tests.newsroom import newsroom
from tests.web.conftest import Reader, courteous

PROXIES = Proxies(["127.0.0.0/8", "::1/128", "10.1.0.0/16", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.7"], "203.0.113.9"),  # a stranger says what he likes
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["1.1.1.1, 198.51.100.7"], "198.51.100.7"),  # what the reader put in front
        ("127.0.0.1", ["1.1.1.1", "198.51.100.7, 10.1.2.3"], "198.51.100.7"),
        ("127.0.0.1", ["10.1.2.3, 10.1.2.4"], "10.1.2.3"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("127.0.0.1", ["[2001:db8:9::7]:4711"], "2001:db8:9::7"),
        ("::1", ["2001:db8:9::7, 2001:db8:1::2"], "2001:db8:9::7"),
        ("::ffff:127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("", ["198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", [","], "127.0.0.1"),
    ],
)
def test_the_nearest_hop_that_is_not_ours_is_the_reader(peer: str, forwarded: list[str], client: str) -> None:
    """If a request came through proxies, then the reader is the nearest hop that the operator does not trust."""
    assert PROXIES.client(peer, forwarded) == client


@given(st.text(max_size=40), st.lists(st.text(max_size=60), max_size=4))
def test_any_header_gives_some_address(peer: str, forwarded: list[str]) -> None:
    """If the headers are nonsense, then there is still an answer, and a stranger's peer stands."""
    assert isinstance(PROXIES.client(peer, forwarded), str)
    assert PROXIES.client("203.0.113.9", forwarded) == "203.0.113.9"


def test_a_pace_is_a_burst_and_then_a_rate() -> None:
    """If somebody sends faster than the pace, then the burst passes, the next waits as long as it is told, and others are free."""
    now = [0.0]
    pace = Pace(per_minute=30, burst=3, clock=lambda: now[0])
    for _ in range(3):
        pace.check("a")
    with pytest.raises(TooFast) as refused:
        pace.check("a")
    assert refused.value.retry_after_s == 2
    pace.check("b")
    now[0] += 1.9
    with pytest.raises(TooFast):
        pace.check("a")
    now[0] += 0.2
    pace.check("a")
    with pytest.raises(TooFast):
        pace.check("a")


def test_a_pace_forgets_the_idle_first() -> None:
    """If more addresses come than are remembered, then the one idle longest is forgotten, not the busy one."""
    pace = Pace(per_minute=1, burst=2, clock=lambda: 0.0, most=2)
    pace.check("busy")
    for number in range(5):
        pace.check(f"passer-by {number}")
        if number == 0:
            pace.check("busy")
        else:
            with pytest.raises(TooFast):
                pace.check("busy")


@pytest.mark.parametrize(
    ("origin", "host", "same"),
    [
        ("http://a.example:8080", "a.example:8080", True),
        ("https://A.example", "a.example", True),
        ("http://a.example", "a.example:8080", False),
        ("null", "a.example", False),
        ("null", "", False),
        ("http://a.example.evil", "a.example", False),
    ],
)
def test_an_origin_is_the_host_that_was_asked(origin: str, host: str, same: bool) -> None:
    """If an Origin names the host that was asked, then the page is ours; a name that begins like it is not."""
    assert same_host(origin, host) is same


def test_one_address_is_slowed_and_not_the_others(tmp_path: Path) -> None:
    """If an address sends too much, then it alone gets 429 and when to come back, at every door; nothing of it is kept."""
    with (
        newsroom(tmp_path, submissions_per_minute=6, submission_burst=2) as room,
        httpx.Client(base_url=room.url) as client,
    ):
        body = {"story": {"url": room.story}, "name": "Nada", "text": "Hello."}

        def send(address: str) -> httpx.Response:
            return client.post("/api/v1/comments", json=body, headers={"x-forwarded-for": address})

        assert [send("198.51.100.7").status_code for _ in range(3)] == [201, 201, 429]
        slowed = send("198.51.100.7")
        assert slowed.json()["code"] == "R103"
        assert 1 <= int(slowed.headers["retry-after"]) <= 10
        form = client.post(
            "/comments",
            data={"story": room.story, "name": "Nada", "text": "Kept text."},
            headers={"x-forwarded-for": "198.51.100.7"},
        )
        assert (form.status_code, "Kept text." in form.text) == (429, True)
        # What nobody typed needs not even be read.
        withdrawal = client.post(
            "/status/none/withdraw", content=b"\xff", headers={"x-forwarded-for": "198.51.100.7"}
        )
        assert withdrawal.status_code == 429
        assert send("198.51.100.8").status_code == 201
        assert client.get("/api/v1/comments", params={"story": room.story}).status_code == 200
        # The same household of IPv6, another address in its /64.
        assert [send(f"2001:db8::{number}").status_code for number in (1, 2, 3)] == [201, 201, 429]


# -- sizes ------------------------------------------------------------------------


def test_a_body_too_large_is_refused(reader: Reader) -> None:
    """If a body is larger than 64 KiB, then 413, whether its length was announced or not."""
    large = b'{"name": "' + b"x" * 70_000 + b'"}'
    kind = {"content-type": "application/json"}
    announced = reader.client.post("/api/v1/comments", content=large, headers=kind)
    streamed = reader.client.post(
        "/api/v1/comments", content=iter([large[:40_000], large[40_000:]]), headers=kind
    )
    form = reader.client.post(
        "/comments",
        content=b"text=" + b"x" * 70_000,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert (announced.status_code, announced.json()["code"]) == (413, "R114")
    assert (streamed.status_code, streamed.json()["code"]) == (413, "R114")
    assert (form.status_code, "R114" in form.text) == (413, True)


def test_a_storys_text_may_be_long(reader: Reader) -> None:
    """If the newsroom registers a long article, then it is taken: the small limit is for comments."""
    told = {"url": reader.story, "text": "Word. " * 20_000}
    assert reader.client.put("/api/v1/stories", json=told, headers=reader.staff).status_code == 200


# -- headers ----------------------------------------------------------------------


def every_kind_of_answer(reader: Reader) -> list[httpx.Response]:
    reader.approved()
    story = {"story": reader.story}
    first = [
        reader.client.get("/comments", params=story),
        reader.client.get("/embed/comments", params=story),
        reader.client.get("/api/v1/comments", params=story),
    ]
    return [
        *first,
        *(reader.client.get(answer.request.url.raw_path.decode()) for answer in first),
        reader.client.get("/api/v1/counts", params=story),
        reader.client.get("/embed.js"),
        reader.client.get("/status/nothing"),
        reader.client.get("/desk"),
        reader.client.get("/nothing"),
        reader.client.get("/healthz"),
        reader.client.get("/api/openapi.json"),
        reader.post(name=""),
        reader.fill_in(name=""),
        reader.client.post("/api/v1/comments", content=b"{"),
        reader.client.options("/comments"),
        reader.client.head("/comments", params=story),
    ]


def test_every_answer_carries_the_security_headers(reader: Reader) -> None:
    """If anything is answered, kept or made, right or wrong, then its policy allows nothing inline and nothing foreign."""
    for answer in every_kind_of_answer(reader):
        policy = dict(
            part.strip().partition(" ")[::2] for part in answer.headers["content-security-policy"].split(";")
        )
        assert policy["default-src"] == "'none'", answer.request.url
        assert policy["base-uri"] == "'none'"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert policy["frame-ancestors"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "camera=()" in answer.headers["permissions-policy"]
        assert "strict-transport-security" not in answer.headers
        assert "set-cookie" not in answer.headers


def test_the_desk_is_framed_by_nobody(reader: Reader) -> None:
    """If a page may be framed, then only by the guidelines' origins, and the desk never."""
    for path, framed in (
        ("/desk", False),
        ("/desk/sign-in", False),
        ("/me", False),
        ("/follow/nothing", False),
        ("/comments", True),
        ("/status/nothing", True),
    ):
        headers = reader.client.get(path, params={"story": reader.story}).headers
        assert ("frame-ancestors 'none'" in headers["content-security-policy"]) is not framed, path
        # Nor drawn into another site's page as if it were a picture.
        assert (headers.get("cross-origin-resource-policy") == "same-origin") is not framed, path


def test_https_is_asked_for_where_it_is_spoken(tmp_path: Path) -> None:
    """If the public address is https, then browsers are told to keep to it; the fragment's links lead there."""
    with newsroom(tmp_path, public_url="https://comments.example") as room:
        for path in ("/healthz", "/embed.js", "/comments?story=https://comments.example/a"):
            answer = httpx.get(f"{room.url}{path}")
            assert answer.status_code == 200
            assert answer.headers["strict-transport-security"].startswith("max-age=")
        with httpx.Client(base_url=room.url, headers={"origin": "https://comments.example"}) as browser:
            answers = [
                browser.post("/desk/sign-in", data={"link": room.link("Leyla")}),
                browser.post("/desk/language", data={"language": "tr", "back": "/desk"}),
            ]
            for answer in answers:
                for cookie in answer.headers.get_list("set-cookie"):
                    assert {"httponly", "secure", "samesite=lax"} <= {
                        part.strip().lower() for part in cookie.split(";")
                    }
            assert "set-cookie" in answers[0].headers
        fragment = httpx.get(f"{room.url}/embed/comments?story=https://comments.example/a").text
        assert 'action="https://comments.example/comments"' in fragment


@pytest.mark.parametrize("path", ["/api/v1/comments", "/api/v1/counts", "/embed/comments", "/embed.js"])
@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("http://localhost:3000", True), ("http://127.0.0.1:8000", True), ("{own}", True),
     ("https://evil.example", False), ("http://localhost.evil.example", False), ("null", False),
     ("https://localhost.evil", False), ("http://user@localhost", False)],
)  # fmt: skip
def test_only_the_guidelines_origins_may_read(reader: Reader, path: str, origin: str, allowed: bool) -> None:
    """If a page of a listed origin reads, then exactly that origin is allowed, without credentials; any other is not."""
    origin = origin.replace("{own}", reader.room.url)
    for _ in range(2):
        answer = reader.client.get(path, params={"story": reader.story}, headers={"origin": origin})
        assert answer.status_code == 200
        assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" in ", ".join(answer.headers.get_list("vary"))


@pytest.mark.parametrize(
    ("origin", "allowed"), [("http://localhost:3000", True), ("https://evil.example", False)]
)
def test_a_browser_asks_before_it_sends(reader: Reader, origin: str, allowed: bool) -> None:
    """If a browser asks whether a page may send JSON, then a listed origin may and another may not, and is refused if it does."""
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    answer = reader.client.options("/api/v1/comments", headers=asked)
    assert answer.is_success is allowed
    assert ("access-control-allow-methods" in answer.headers) is allowed
    body = {"story": {"url": reader.story}, "name": "Nada", "text": courteous()}
    sent = reader.client.post("/api/v1/comments", json=body, headers={"origin": origin})
    assert sent.status_code == (201 if allowed else 403)
    assert len(reader.shown()) == allowed


def test_programs_doors_are_shut_to_pages(reader: Reader) -> None:
    """If a page asks for what is not for readers, then no origin is allowed."""
    for path in ("/comments", "/desk", "/status/x", "/healthz"):
        asked = {"origin": "http://localhost:3000", "access-control-request-method": "GET"}
        for answer in (reader.client.get(path, headers=asked), reader.client.options(path, headers=asked)):
            assert "access-control-allow-origin" not in answer.headers


# -- what is not HTTP ---------------------------------------------------------------


def test_a_broken_request_breaks_only_itself(reader: Reader) -> None:
    """If a connection sends half a request and hangs up, then the next reader is served."""
    host, port = reader.room.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"POST /api/v1/comments HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{")
    assert reader.client.get("/healthz").status_code == 200
