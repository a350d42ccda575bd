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

USABLE_S = 0.1
"""What another reader waits at most, in the middle and at the slow end, whatever calm was: nobody notices a tenth of a second."""


@dataclass
class House:
    """A real server with mail and accounts, and how an onlooker fares there when all is calm."""

    served: Served
    box: Mailbox
    calm: dict[str, float]

    @property
    def url(self) -> str:
        return self.served.url

    @property
    def story(self) -> str:
        return f"{self.url}/stories/rude"

    def ask(self, method: str, path: str, **given: object) -> httpx.Response:
        return httpx.request(method, self.url + path, timeout=20, **given)  # type: ignore[arg-type]

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
            **UNHURRIED,
        )  # fmt: skip
        served.start()
        opened = House(served, box, {})
        assert opened.send().status_code == 201
        with onlooker(opened.url, opened.story) as opened.calm:
            time.sleep(2)
        yield opened
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
    for headers in ("X-Flood: a\r\n" * 9000, f"X-Flood: {'a' * 300_000}\r\n", f"Cookie: {'a=b; ' * 60_000}\r\n"):
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
    breath = request("GET", "/api/v1/counts?story=http://127.0.0.1/a") * 200
    with contextlib.ExitStack() as held:
        deaf = [held.enter_context(house.connect()) for _ in range(10)]
        for wire in deaf:
            wire.sendall(breath)
        with house.connect() as wire:
            wire.sendall(breath)
            answers = b""
            while answers.count(b"HTTP/1.1 200") < 200:
                answers += (more := wire.recv(65_536))
                assert more, f"{answers.count(b'HTTP/1.1')} answers of 200"


def hundreds_of_tabs(house: House) -> None:
    """Of one address, thirty streams are taken, and the rest is told when to come back; another address has its own."""
    listen = request("GET", f"/embed/live?story={house.story}")
    with contextlib.ExitStack() as held:
        wires = [held.enter_context(house.connect()) for _ in range(RUDE)]
        for wire in wires:
            wire.sendall(listen)
        told = [status_of(wire) for wire in wires]
        assert (told.count(200), told.count(429)) == (30, RUDE - 30)
        other = httpx.stream(
            "GET", f"{house.url}/embed/live", params={"story": house.story}, headers={"x-forwarded-for": "192.0.2.8"}
        )  # fmt: skip
        with other as live:
            assert "event: story" in next(live.iter_text())


def heavy_bodies(house: House) -> None:
    """Packed, mistyped, deep and many-parted bodies."""
    whole = json.dumps({"story": {"url": house.story}, "name": "N", "text": "T"}).encode()
    parts = b"".join(b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n' for _ in range(1100)) + b"--b--\r\n"
    form, multipart = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
    if True:
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
    print(rude.__name__, {k: round(v * 1000, 1) if k in ("median", "p99", "send") else v for k, v in told.items()}, "calm", {k: round(v * 1000, 1) for k, v in house.calm.items()})
    assert told["refused"] == 0
    for share in ("median", "p99"):
        assert told[share] < max(USABLE_S, 10 * house.calm[share]), (told, house.calm)
    Served.until(lambda: house.files <= before + 20)
    assert "unexpected" not in house.served.log.read_text()[said:]
