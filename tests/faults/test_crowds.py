"""Ten thousand connections at once, and requests of every wrong shape, at a real server: it stays up, others are answered, memory stays flat."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import resource
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.sending import SIZE, STORY, report
from tests.serving import Served
from tests.web.conftest import UNHURRIED

CROWD = 10_000
RESERVE = 500
FLAT_MB = 150
"""What the second crowd may add to the memory that the first one took."""


@pytest.fixture
def most() -> Iterator[int]:
    """How many connections this process may open, after asking for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + RESERVE
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield min(CROWD, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - RESERVE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = Served(tmp_path_factory.mktemp("crowds"), cold=True, **UNHURRIED)
    running.start()
    yield running
    running.stop()
    assert '"unexpected"' not in running.log.read_text()


def memory_mb(served: Served) -> float:
    told = Path(f"/proc/{served.pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", told)[0]) / 1024


def others_are_answered(served: Served, text: str) -> None:
    sent = {"story": {"url": STORY}, "name": "Nada", "text": text}
    with httpx.Client(base_url=served.url, timeout=30) as reader:
        assert reader.get("/embed/comments", params={"story": STORY}).status_code == 200
        assert reader.post("/api/v1/comments", json=sent).status_code == 201


def test_ten_thousand_connections(served: Served, most: int) -> None:
    """If thousands of connections are open at once, idle or half-way through a head or a body, then others are answered, and all is given back."""
    address = ("127.0.0.1", served.port)
    before = files = len(list(Path(f"/proc/{served.pid}/fd").iterdir()))
    weighed, reached = [memory_mb(served)], []
    begun = [
        b"",
        b"GET /comments HTTP/1.1\r\nHost: x\r\nX-Drop: ",
        b"POST /api/v1/comments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{",
    ]
    for turn in range(1 + SIZE):
        with contextlib.ExitStack() as held:
            for number in range(most):
                wire = held.enter_context(socket.create_connection(address, timeout=30))
                with contextlib.suppress(ConnectionError):
                    wire.sendall(begun[number % 3])
            files = len(list(Path(f"/proc/{served.pid}/fd").iterdir())) - before
            others_are_answered(served, f"Among the crowd, {turn}.")
            reached.append(files)
            weighed.append(memory_mb(served))
        served.until(lambda: len(list(Path(f"/proc/{served.pid}/fd").iterdir())) <= before + 50, timeout_s=60)
    assert weighed[-1] < weighed[1] + FLAT_MB, weighed
    report(
        "a crowd", opened=most, open_at_the_server=reached, memory_mb=[round(mb) for mb in weighed],
    )  # fmt: skip


JSON = b"Host: x\r\nContent-Type: application/json\r\n"
POST = b"POST /api/v1/comments HTTP/1.1\r\n" + JSON
CHUNKED = b"Transfer-Encoding: chunked\r\n"
HIDDEN = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
"""What a smuggler hides behind a request whose end two programs see in two places: it must not be answered."""

NO_SECOND = {(400,), (422,), ()}
CLEAR = {(400,), (404,), (405,), (413,), (414,), (422,), (431,), ()}
SHAPES: dict[str, tuple[bytes, set[tuple[int, ...]]]] = {
    "both lengths": (POST + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + HIDDEN, NO_SECOND),
    "both, the other way": (POST + CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n" + HIDDEN, NO_SECOND),
    "two lengths": (POST + b"Content-Length: 2\r\nContent-Length: 30\r\n\r\n{}" + HIDDEN, NO_SECOND),
    "a list of lengths": (POST + b"Content-Length: 2, 30\r\n\r\n{}" + HIDDEN, NO_SECOND),
    "a signed length": (POST + b"Content-Length: +2\r\n\r\n{}" + HIDDEN, NO_SECOND),
    "a coding of no name": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + HIDDEN, NO_SECOND),
    "chunked and not last": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + HIDDEN, NO_SECOND),
    "a blank before the colon": (POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + HIDDEN, NO_SECOND),
    "a folded header": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + HIDDEN, NO_SECOND),
    "chunked in HTTP/1.0": (POST.replace(b"/1.1", b"/1.0") + CHUNKED + b"\r\n0\r\n\r\n" + HIDDEN, NO_SECOND),
    "chunks ended by half": (POST + CHUNKED + b"\r\n2\n{}\n0\n\n" + HIDDEN, NO_SECOND),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", CLEAR),
    "HTTP/3.7": (b"GET /healthz HTTP/3.7\r\nHost: x\r\n\r\n", CLEAR),
    "HTTP/2, unasked": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", CLEAR),
    "TLS on the plain port": (bytes.fromhex("16030100f4010000f00303") + bytes(233), CLEAR),
    "bytes in the path": (b"GET /comments/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n", CLEAR),
    "escapes of no letter": (b"GET /comments?story=%ff%fe%00 HTTP/1.1\r\nHost: x\r\n\r\n", CLEAR),
    "bytes in headers": (
        b"GET /comments HTTP/1.1\r\nHost: x\r\n"
        + b"".join(name + b": \xff\xfe\r\n" for name in (b"Accept-Language", b"User-Agent", b"Origin", b"Cookie", b"X-Forwarded-For", b"If-None-Match", b"Authorization"))
        + b"\r\n", CLEAR,
    ),
    "bytes in a sending's headers": (POST.replace(b"application/json", b"\xff") + b"Authorization: Bearer \xff\r\nIdempotency-Key: \xff\r\nContent-Length: 2\r\n\r\n{}", CLEAR | {(401,)}),
    "NUL in a header": (b"GET /comments HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n", CLEAR),
    "a long address": (b"GET /comments?story=" + b"a" * 60_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", CLEAR),
    "a longer one": (b"GET /comments?story=" + b"a" * 600_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", CLEAR),
    "thousands of parameters": (b"GET /api/v1/counts?" + b"&".join(b"story=http://x/%d" % n for n in range(3000)) + b" HTTP/1.1\r\nHost: x\r\n\r\n", CLEAR),
    "thousands of unknown ones": (b"GET /comments?" + b"&".join(b"%d=1" % n for n in range(7000)) + b" HTTP/1.1\r\nHost: x\r\n\r\n", CLEAR),
    "a flood of headers": (b"GET /comments HTTP/1.1\r\nHost: x\r\n" + b"X-F: a\r\n" * 9000 + b"\r\n", CLEAR),
    "a flood of trailers": (POST + CHUNKED + b"\r\n2\r\n{}\r\n0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", CLEAR),
    "a proxy's request": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", CLEAR),
    "out of the folder": (b"GET /static/..%2f..%2f..%2fetc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", CLEAR),
    "deep JSON": (POST + b"Content-Length: 60000\r\n\r\n" + b'{"a":' * 12_000, CLEAR),
    "a list of lists": (POST + b"Content-Length: 60000\r\n\r\n" + b"[" * 60_000, CLEAR),
    "expecting what is no such thing": (POST + b"Expect: 200-ok\r\nContent-Length: 2\r\n\r\n{}", CLEAR | {(417,)}),
    "a packed bomb": (
        (bomb := gzip.compress(b" " * 50_000_000, 9))
        and POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb, CLEAR,
    ),
}  # fmt: skip


QUIET_S = 0.3
"""After an answer, how long another one is waited for."""


def answers_to(served: Served, said: bytes) -> tuple[int, ...]:
    """The statuses of what is answered, until the server hangs up or says no more; a reset is no answer."""
    told = b""
    with (
        socket.create_connection(("127.0.0.1", served.port), timeout=30) as wire,
        contextlib.suppress(OSError),
    ):
        with contextlib.suppress(ConnectionError):
            # What is too large is refused before it is all there.
            wire.sendall(said)
        while more := wire.recv(65_536):
            told += more
            wire.settimeout(QUIET_S)
    return tuple(map(int, re.findall(rb"HTTP/1.1 (\d+)", told)))


def test_requests_of_wrong_shapes(served: Served) -> None:
    """If a request is of a wrong shape, then it gets one clear refusal or none, nothing hidden behind it is answered, and others notice nothing."""
    weighed = memory_mb(served)
    told = {}
    for _ in range(SIZE):
        for name, (said, allowed) in SHAPES.items():
            told[name] = answers_to(served, said)
            assert told[name] in allowed, (name, told[name])
        others_are_answered(served, "After all of these.")
    assert memory_mb(served) < weighed + FLAT_MB
    report("wrong shapes", tried=len(SHAPES) * SIZE, answered=dict(Counter(map(str, told.values()))))


def test_a_body_that_never_ends(served: Served) -> None:
    """If chunks come without end, then the sender is refused once they are too many; who waits to be told to go on is told."""
    body = json.dumps({"story": {"url": STORY}, "name": "Nada", "text": "Told to go on."}).encode()
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as wire:
        wire.sendall(POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert wire.recv(100).startswith(b"HTTP/1.1 100")
        wire.sendall(body)
        assert wire.recv(1000).startswith(b"HTTP/1.1 201")
    weighed, sent = memory_mb(served), 0
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as wire:
        wire.sendall(POST + CHUNKED + b"\r\n")
        with contextlib.suppress(OSError):
            while sent < 100_000:
                wire.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")
                sent += 1
    assert sent < 100_000
    assert memory_mb(served) < weighed + FLAT_MB
    others_are_answered(served, "After a body without end.")
