"""Readers' programs that mean no good, at a real server: each gets a clear error or a bounded refusal, and another reader notices nothing."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from tests.post.server import Mailbox, mail_server
from tests.serving import Served
from tests.web.conftest import UNHURRIED

KEY = ECKey.generate_key("P-256", parameters={"kid": "1"})
STRANGER = ECKey.generate_key("P-256", parameters={"kid": "1"})
ISSUER, AUDIENCE = "https://news.example", "comments.example"
RUDE = 300
"""Connections that misbehave at once; test_rude_clients.py has more of them."""

USABLE_S = {"median": 0.1, "p99": 0.5}
"""
What another reader may wait, whatever calm was: nobody notices a tenth of a second.

Of a hundred answers the slowest is what a busy machine happens to be, so that its bound is wide: one that is refused or
has to wait for the rude ones takes seconds.
"""


@dataclass
class House:
    """A real server with mail and accounts, and how an onlooker fares there when all is calm."""

    served: Served
    box: Mailbox
    client: httpx.Client
    calm: dict[str, float]

    @property
    def url(self) -> str:
        return self.served.url

    @property
    def story(self) -> str:
        return f"{self.url}/stories/rude"

    def ask(self, method: str, path: str, **given: object) -> httpx.Response:
        self.client.cookies.clear()
        return self.client.request(method, path, **given)  # type: ignore[arg-type]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.served.port), timeout=10)

    def send(self, **changed: object) -> httpx.Response:
        body = {"story": {"url": self.story}, "name": "Nada", "text": "Thank you for this report."} | changed
        return self.ask("POST", "/api/v1/comments", json=body)

    @property
    def files(self) -> int:
        """How many files and connections the server has open."""
        return len(os.listdir(f"/proc/{self.served.pid}/fd"))


@contextlib.contextmanager
def onlooker(url: str, story: str) -> Iterator[dict[str, float]]:
    """Another reader, at work in the block; how long each was waited for is there when the block ends."""
    looking = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "onlooker.py"), url, story],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    told: dict[str, float] = {}
    yield told
    took = json.loads(looking.communicate("", timeout=60)[0])
    cuts = statistics.quantiles(took["reads"], n=100)
    told |= {"refused": took["refused"], "asked": len(took["reads"]), "median": cuts[49], "p99": cuts[98]}
    told["send"] = statistics.median(took["sends"]) if took["sends"] else 0.0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data = tmp_path_factory.mktemp("rude")
    keys = data / "accounts.json"
    keys.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    box = Mailbox()
    with mail_server(box) as mail:
        served = Served(
            data, mail_server=mail.url, mail_from="comments@square.example",
            account_keys=keys, account_issuer=ISSUER, account_audience=AUDIENCE, account_per_minute=10_000,
            cold=True, **UNHURRIED,
        )  # fmt: skip
        served.start()
        opened = House(
            served,
            box,
            httpx.Client(base_url=served.url, timeout=20, limits=httpx.Limits(max_keepalive_connections=0)),
            {},
        )
        assert opened.send().status_code == 201
        with onlooker(opened.url, opened.story) as opened.calm:
            time.sleep(2)
        yield opened
        opened.client.close()
        served.stop()


# -- what they do ---------------------------------------------------------------

REQUEST = "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n"
JSON = "Content-Type: application/json\r\n"


def request(method: str, path: str, headers: str = "", body: bytes = b"") -> bytes:
    return REQUEST.format(method=method, path=path, headers=headers).encode() + body


def status_of(wire: socket.socket) -> int:
    """The status that is answered with; 0 when the connection is closed without."""
    try:
        told = wire.recv(4096)
    except ConnectionError:
        return 0
    return int(told.split(b" ", 2)[1]) if told.startswith(b"HTTP/") else 0


def drip(house: House, begun: bytes, drops: bytes) -> None:
    """Many connections that begin something, and go on a byte at a time."""
    with contextlib.ExitStack() as held:
        wires = [held.enter_context(house.connect()) for _ in range(RUDE)]
        for wire in wires:
            wire.sendall(begun)
        for drop in range(4):
            for wire in wires:
                with contextlib.suppress(ConnectionError):
                    wire.sendall(drops[drop : drop + 1])
            time.sleep(0.2)


def slow_heads(house: House) -> None:
    drip(house, b"GET /comments HTTP/1.1\r\nHost: x\r\nX-Drop: ", b"drop")


def slow_bodies(house: House) -> None:
    drip(house, request("POST", "/api/v1/comments", f"{JSON}Content-Length: 900\r\n"), b"{   ")
    drip(house, request("POST", "/comments", "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 900\r\n"), b"--b\r")  # fmt: skip


def half_closed(house: House) -> None:
    """What was asked whole is answered to who sends no more; what was not is let go."""
    for _ in range(100):
        with house.connect() as wire:
            wire.sendall(request("GET", "/healthz"))
            wire.shutdown(socket.SHUT_WR)
            # Whether an end of sending is an end of listening is not told; both are bounded.
            assert status_of(wire) in (0, 200)
        with house.connect() as wire:
            wire.sendall(request("POST", "/api/v1/comments", f"{JSON}Content-Length: 900\r\n", b"{"))
            wire.shutdown(socket.SHUT_WR)
            assert status_of(wire) in (0, 400)


def floods_of_headers(house: House) -> None:
    for headers in (
        "X-Flood: a\r\n" * 9000,
        f"X-Flood: {'a' * 300_000}\r\n",
        f"Cookie: {'a=b; ' * 60_000}\r\n",
    ):
        for _ in range(10):
            with house.connect() as wire:
                try:
                    wire.sendall(request("GET", "/comments", headers))
                    assert status_of(wire) in (0, 431, 400)
                except ConnectionError:
                    pass


CHUNKED = f"{JSON}Transfer-Encoding: chunked\r\n"
LIES = [
    (CHUNKED, b"FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n"),
    (CHUNKED, b"FFFFFFFFFFFFFFFFFFFFFFFF\r\n{}"),
    (CHUNKED, b"-1\r\n{}\r\n0\r\n\r\n"),
    (CHUNKED, b"zz\r\n{}\r\n"),
    (CHUNKED, b"2;" + b"a=b;" * 50_000 + b"\r\n{}\r\n0\r\n\r\n"),
    (CHUNKED, b"1\r\n{}}}}}\r\n0\r\n\r\n"),
    (CHUNKED + "Content-Length: 3\r\n", b"2\r\n{}\r\n0\r\n\r\n"),
    (CHUNKED + "Transfer-Encoding: identity\r\n", b"{}"),
    (f"{JSON}Content-Length: -1\r\n", b"{}"),
    (f"{JSON}Content-Length: 2\r\nContent-Length: 3\r\n", b"{} "),
    (f"{JSON}Content-Length: 99999999999999999999\r\n", b"{}"),
    (f"{JSON}Content-Length: 900000000\r\n", b"{}"),
]


def lies_of_length(house: House) -> None:
    for headers, body in LIES * 5:
        with house.connect() as wire:
            wire.settimeout(0.2)
            with contextlib.suppress(ConnectionError):
                wire.sendall(request("POST", "/api/v1/comments", headers, body))
            # One that promises more than it sends is waited for, and hung up on here.
            with contextlib.suppress(TimeoutError):
                assert status_of(wire) in (0, 400, 413, 422), (headers, body[:40])
    with house.connect() as wire:
        told = 0
        with contextlib.suppress(ConnectionError):
            wire.sendall(request("POST", "/api/v1/comments", CHUNKED))
            for _ in range(100):
                wire.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
        told = status_of(wire)
        assert told in (0, 413)


def old_and_many_at_once(house: House) -> None:
    """HTTP/1.0 is spoken; hundreds of questions in one breath are answered in turn, also to who does not listen."""
    with house.connect() as wire:
        wire.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert status_of(wire) == 200
    with house.connect() as wire:
        wire.sendall(b"HELLO\r\n\r\n")
        assert status_of(wire) in (0, 400)
    breath = request("GET", "/api/v1/counts?story=http://127.0.0.1/a") * 100
    with contextlib.ExitStack() as held:
        deaf = [held.enter_context(house.connect()) for _ in range(4)]
        for wire in deaf:
            wire.sendall(breath)
        with house.connect() as wire:
            wire.sendall(breath)
            answers = b""
            while answers.count(b"HTTP/1.1 200") < 100:
                answers += (more := wire.recv(65_536))
                assert more, f"{answers.count(b'HTTP/1.1')} answers of 100"


def hundreds_of_tabs(house: House) -> None:
    """Of one address, thirty streams are taken, and the rest is told when to come back; another address has its own."""
    listen = request("GET", f"/embed/live?story={house.story}")
    with contextlib.ExitStack() as held:
        wires = [held.enter_context(house.connect()) for _ in range(RUDE)]
        for wire in wires:
            wire.sendall(listen)
        told = [status_of(wire) for wire in wires]
        # Of a round before, some may not have been let go yet.
        assert told.count(200) <= 30
        assert told.count(429) == RUDE - told.count(200)
        other = httpx.stream(
            "GET", f"{house.url}/embed/live", params={"story": house.story}, headers={"x-forwarded-for": "192.0.2.8"}
        )  # fmt: skip
        with other as live:
            assert "event: story" in next(live.iter_text())

    def taken_again() -> bool:
        with house.connect() as wire:
            wire.sendall(listen)
            return status_of(wire) == 200

    house.served.until(taken_again)


def heavy_bodies(house: House) -> None:
    """Packed, mistyped, deep and many-parted bodies."""
    whole = json.dumps({"story": {"url": house.story}, "name": "N", "text": "T"}).encode()
    parts = (
        b"".join(b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n' for _ in range(1100))
        + b"--b--\r\n"
    )
    form, multipart = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
    for path, kind, coding, body in (
        ("/api/v1/comments", "application/json", "gzip", gzip.compress(whole)),
        ("/api/v1/comments", "application/json", "gzip", gzip.compress(b" " * 50_000_000, 1)),
        ("/api/v1/comments", "application/json; charset=utf-16", "", whole.decode().encode("utf-16")),
        ("/api/v1/comments", form, "", b"text=a"),
        ("/api/v1/comments", multipart, "", parts),
        ("/api/v1/comments", "application/msgpack", "", b"\x80"),
        ("/api/v1/comments", "", "", whole),
        ("/api/v1/comments", "application/json", "", b'{"text":' * 8000),
        ("/comments", multipart, "", parts),
        ("/comments", multipart, "", b"--b\r\nnothing"),
        ("/comments", "multipart/form-data", "", parts),
        ("/comments", "multipart/form-data; boundary=" + "b" * 5000, "", parts),
        ("/comments", form, "", b"&".join(b"x=1" for _ in range(16_000))),
        ("/comments", form, "", b"text=%FF%FE&name=%00&story=%"),
        ("/comments", form, "gzip", gzip.compress(b"story=a&text=b&name=c")),
        ("/comments", "application/json", "", whole),
    ):
        headers = {"content-type": kind} | ({"content-encoding": coding} if coding else {})
        answer = house.ask("POST", path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (path, kind, coding, answer.status_code, answer.text[:300])


@pytest.mark.parametrize(
    "rude",
    [
        slow_heads, slow_bodies, half_closed, floods_of_headers, lies_of_length, old_and_many_at_once,
        hundreds_of_tabs, heavy_bodies,
    ],
    ids=lambda rude: rude.__name__.replace("_", "-"),
)  # fmt: skip
def test_another_reader_notices_nothing(house: House, rude: Callable[[House], None]) -> None:
    """If clients misbehave, then another reader is never refused and waits no longer than nobody notices, and what they held is given back."""
    before, said = house.files, len(house.served.log.read_text())
    with onlooker(house.url, house.story) as told:
        ends = time.monotonic() + 1.5
        while time.monotonic() < ends:
            rude(house)
    assert told["refused"] == 0
    for share in ("median", "p99"):
        assert told[share] < max(USABLE_S[share], 10 * house.calm[share]), (told, house.calm)
    Served.until(lambda: house.files <= before + 20)
    assert "unexpected" not in house.served.log.read_text()[said:]


# -- what they send ---------------------------------------------------------------

MALFORMED = [
    "", " ", "nowhere", "/stories/a", "//127.0.0.1/a", "http:", "http://", "http:///a", "https://?", "http://#", "ftp://127.0.0.1/a",
    "javascript:alert(1)", "data:text/html,a", "file:///etc/passwd", "mailto:a@b.example", "http://127.0.0.1:99999/", "http://127.0.0.1:a/",
    "http://127.0.0.1:-1/", "http://a@127.0.0.1/", "http://a:b@127.0.0.1/", "http://127.0.0.1\\@evil.example/", "http://[::1/a", "http://[::1]x/",
    "http://[fe80::1%25lo]/", "http://][v1.[/", "http://[v1.a]/", "http://a b/", "http://127.0.0.1/a b", "http://127.0.0.1/\ta", "http://127.0.0.1/\r\nx: y",
    "http://127.0.0.1/\x00", "http://127.0.0.1/\x85", "http://<b>/", "http://127.0.0.1%00/", "http://a%2eb/", "http://\u202e127.0.0.1/", "http://a\u200b/",
    "http://127.0.0.1/" + "a" * 2000, "http://" + "\u0130" * 1500, "http://evil.example/a", "http://127.0.0.1.evil.example/", "http://\u2100/", "\ufeffhttp://127.0.0.1/",
]  # fmt: skip
"""Addresses that are no story's, or no story of ours."""

TAKEN_BY = [
    ("GET", "/embed/comments"), ("GET", "/comments"), ("GET", "/api/v1/comments"), ("GET", "/embed/live"), ("GET", "/feeds/story.atom"),
    ("GET", "/feeds/story.json"), ("GET", "/comments/follow"), ("POST", "/api/v1/comments"), ("POST", "/api/v1/follows"), ("POST", "/comments"),
    ("POST", "/comments/follow"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), TAKEN_BY)
def test_no_other_address_is_a_storys(house: House, method: str, path: str) -> None:
    """If a story's address is malformed or somebody else's, in whatever way, then every door says so with a stable code."""
    with httpx.Client(base_url=house.url, timeout=20) as client:
        for url in MALFORMED:
            if method == "GET":
                answer = client.get(path, params={"story": url})
            elif path.startswith("/api/"):
                sent = {"story": {"url": url}, "name": "N", "text": "T", "email": "a@reader.example"}
                answer = client.post(path, json=sent)
            else:
                answer = client.post(
                    path, data={"story": url, "name": "N", "text": "T", "email": "a@reader.example"}
                )
            assert 400 <= answer.status_code < 500, (url, answer.status_code, answer.text[:200])
            if "json" in answer.headers["content-type"]:
                assert answer.json()["code"] in ("R104", "R106", "R113", "R102", "R105"), (url, answer.text)


def account(key: ECKey = KEY, **changed: object) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": now + 600, "sub": "u-17", "name": "Rojin"} | changed
    return jwt.encode({"alg": "ES256", "kid": "1"}, claims, key)  # type: ignore[arg-type]


def test_what_is_forged_or_over_opens_nothing(house: House) -> None:
    """If a token, a pass, a receipt or a link is forged, broken or over, then nothing opens, nothing is kept, and that is said with a stable code."""
    now = int(time.time())
    good = account()
    for forged in (
        account(STRANGER), account(exp=now - 120), account(exp=now + 90_000), account(iss="https://evil.example"), account(aud="other"),
        account(sub=""), account(nbf=now + 900), good[:-2], good + "A", good.replace(".", "..", 1), "a.b.c", "...", "mp1.", "mp1.a",
        "mp1." + "A" * 7000, "e30.e30.", "meydan_token_" + "a" * 40,
    ):  # fmt: skip
        answer = house.ask("POST", "/api/v1/comments", headers={"authorization": f"Bearer {forged}"},
                           json={"story": {"url": house.story}, "name": "N", "text": "A text of a forger."})  # fmt: skip
        assert (answer.status_code, answer.json()["code"]) == (401, "R122"), (forged[:60], answer.text)
        assert "www-authenticate" in answer.headers
    assert house.ask("POST", "/api/v1/comments", headers={"authorization": f"Bearer {good}"},
                     json={"story": {"url": house.story}, "name": "N", "text": "A text of an account."}).status_code == 201  # fmt: skip
    sent = house.send(text="A text with a receipt.").json()
    receipt, id = sent["receipt"], sent["id"]
    other = house.send(text="Another text with a receipt.").json()
    # A character in the middle, which is not only padding.
    bent = receipt[:40] + ("A" if receipt[40] != "A" else "B") + receipt[41:]
    forgeries = [
        "",
        "mr1.",
        "mr1.e30",
        bent,
        receipt[:-9],
        "mr1." + "A" * 50_000,
        "\u202e",
        good,
        "mr1." + "W1" * 9000,
    ]
    told = house.ask(
        "POST", "/api/v1/receipts", json={"receipts": forgeries[:5] + forgeries[6:8] + [receipt]}
    )
    assert told.status_code == 200
    assert [standing and standing["id"] for standing in told.json()["comments"]] == [None] * 7 + [id]
    for given in [*forgeries, other["receipt"]]:
        shown = house.ask("GET", f"/status/{id}", params={"receipt": given[:3000]})
        assert shown.status_code < 500
        assert "A text with a receipt." not in shown.text
        for what in ("appeal", "withdraw"):
            answer = house.ask(
                "POST", f"/status/{id}/{what}", data={"receipt": given[:3000], "text": "Mine."}
            )
            assert 400 <= answer.status_code < 500, (what, given[:40], answer.status_code)
    assert "A text with a receipt." in house.ask("GET", f"/status/{id}", params={"receipt": receipt}).text
    for named in ("a", "A" * 3000, "..%2f..", "%00", "%F0%9F%98%80", "%ff", "%E2%80%AE", "ml1.e30", good):
        for path in (
            "/me/link/",
            "/me/confirm/",
            "/me/feed/",
            "/follow/",
            "/unfollow/",
            "/comments/",
            "/status/",
            "/me/comments/",
        ):
            for method in ("GET", "POST"):
                answer = house.ask(method, path + named)
                # A page that only shows a button looks at nothing yet.
                most = 400 if path == "/me/link/" and method == "GET" else 300
                assert most <= answer.status_code < 500 or answer.status_code in (200, 303), (
                    path,
                    named,
                    answer.status_code,
                )
                assert "R" in answer.text or answer.status_code != 200
    assert "unexpected" not in house.served.log.read_text()


def test_a_link_that_was_used_opens_nothing(house: House) -> None:
    """If a mailed link is used again, by whoever, then nobody is let in a second time."""
    with httpx.Client(base_url=house.url, timeout=20, headers={"origin": house.url}) as reader:
        already = len(house.box.messages)
        assert reader.post("/me/sign-in", data={"email": "zin@reader.example"}).status_code == 200
        Served.until(lambda: len(house.box.messages) > already, timeout_s=30)
        words = house.box.messages[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
        path = re.findall(rf"{re.escape(house.url)}(/me/link/\S+)", words)[0]
        assert reader.post(path, data={"go": ""}).status_code == 303
    with httpx.Client(base_url=house.url, timeout=20, headers={"origin": house.url}) as thief:
        for _ in range(3):
            again = thief.post(path, data={"go": ""})
            assert 400 <= again.status_code < 500
            assert "set-cookie" not in again.headers


HOSTILE = {
    "zero width": "a\u200bb\u200c\u200d\u2060\ufeffc",
    "overrides": "\u202e\u202d\u202b\u2066\u2067\u2068 txet \u2069\u202c" + "\u202e" * 200,
    "piled up": "a" + "\u0301\u0489\u0e47" * 1500,
    "composed": "\u00e9\u1e9b\u0323 \uac00",
    "taken apart": "e\u0301\u017f\u0323\u0307 \u1100\u1161",
    "four bytes": "\U0001f600\U0001f469\u200d\U0001f469\u200d\U0001f467\U0001f3fd\U000e0041\U0010ffff",
    "tags and separators": "a\u2028b\u2029c\u00add\u3164\U000e0001",
    "markup": "<script>alert(1)</script>\"'><img src=x onerror=1> {{7*7}} ${7} %s \\u003c",
    "controls": "a\x01\x08\x7f\x9fb",
    "lines": "one\n\ntwo\n   three\tfour",
    "long line": "\ufdfd" * 5000,
}
REFUSED = ["a\x00b", "\x00", "\ud800", "\udc00\ud800", "ab\udfff"]


def test_hostile_characters_are_kept_or_refused(house: House) -> None:
    """If a text is made of characters that deceive, then it is kept and shown as it was sent, by a form as by JSON; half a character and NUL are refused."""
    shown = {}
    for what, text in HOSTILE.items():
        sent = house.send(text=text)
        assert sent.status_code == 201, (what, sent.text)
        shown[sent.json()["id"]] = text
        # A browser's form ends lines with CRLF, and JSON with LF.
        form = {"story": house.story, "name": "Nada", "text": text.replace("\n", "\r\n"), "lang": "ku"}
        assert house.ask("POST", "/comments", data=form, headers={"origin": house.url}).status_code == 201, (
            what
        )
        receipt = house.ask("GET", f"/status/{sent.json()['id']}", params={"receipt": sent.json()["receipt"]})
        assert receipt.status_code == 200
        assert "<script>alert" not in receipt.text
    for page in ("/comments", "/embed/comments", "/feeds/story.atom", "/feeds/story.json"):
        answer = house.ask("GET", page, params={"story": house.story})
        assert answer.status_code == 200
        assert "json" in page or "<script>alert" not in answer.text
    listed = house.ask(
        "GET", "/api/v1/comments", params={"story": house.story, "limit": "200", "sort": "newest"}
    )
    for comment in listed.json()["comments"]:
        assert comment["text"] == shown.get(comment["id"], comment["text"])
    for text in REFUSED:
        for field in ("text", "name", "email", "parent", "language", "website", "proof"):
            # Escapes, as only a program would write them.
            sent = {"story": {"url": house.story}, "name": "N", "text": "T"} | {field: text}
            answer = house.ask(
                "POST",
                "/api/v1/comments",
                content=json.dumps(sent),
                headers={"content-type": "application/json"},
            )
            assert (answer.status_code, answer.json()["code"]) == (422, "R105"), (field, text, answer.text)
            assert answer.json()["fields"] == [field]
    for text, name in (
        ("T" * 60_000, "N"),
        ("T", "N" * 60_000),
        ("\u202e" * 5001, "N"),
        ("T", "\u0301" * 81),
    ):
        answer = house.send(text=text, name=name)
        assert (answer.status_code, answer.json()["code"]) in ((422, "R102"), (422, "R104"))
    assert house.send(text="T" * 200_000).status_code == 413
    assert "unexpected" not in house.served.log.read_text()
