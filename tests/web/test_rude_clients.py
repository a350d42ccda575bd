"""Clients that mean no good, at a real server: whatever they do, other readers notice nothing."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.newsroom import newsroom
from tests.web.conftest import UNHURRIED, Server, courteous

SLOW = 1500
"""More than may wait to be taken by the server, and more than it takes at once unless it is told to."""

RESERVE = 200


@pytest.fixture
def many_files() -> Iterator[int]:
    """How many connections this process may open; it asks for more than many systems give at first."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = SLOW + RESERVE if hard == resource.RLIM_INFINITY else min(SLOW + RESERVE, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield max(soft, wanted) - RESERVE
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_slow_senders_and_floods_of_headers_hold_nobody_up(server: Server, many_files: int) -> None:
    """If more than a thousand clients send a head drop by drop, and others send one without end, then a reader is answered as ever."""
    story = {"story": f"{server.url}/stories/rude-clients"}
    with contextlib.ExitStack() as held, httpx.Client(base_url=server.url, timeout=5) as reader:
        for _ in range(min(SLOW, many_files)):
            slow = held.enter_context(socket.create_connection(("127.0.0.1", server.served.port)))
            slow.sendall(b"GET /comments HTTP/1.1\r\nHost: x\r\nX-Drop: ")
        refused = 0
        for _ in range(20):
            flood = held.enter_context(socket.create_connection(("127.0.0.1", server.served.port), timeout=5))
            with contextlib.suppress(ConnectionError):
                flood.sendall(b"GET /comments HTTP/1.1\r\nHost: x\r\n")
                for _ in range(100):
                    flood.sendall(b"X-Flood: " + b"a" * 4000 + b"\r\n")
            with contextlib.suppress(ConnectionError):
                refused += flood.recv(12) == b"HTTP/1.1 431"
        # A connection that is reset before its answer is read was refused too.
        assert refused > 0
        begun = time.monotonic()
        assert reader.get("/embed/comments", params=story).status_code == 200
        sent = {"story": {"url": story["story"]}, "name": "Nada", "text": courteous()}
        assert reader.post("/api/v1/comments", json=sent).status_code == 201
        with reader.stream("GET", "/embed/live", params=story) as live:
            assert "event: story" in next(live.iter_text())
        # Who waited for the rude ones would wait until they are given up.
        assert time.monotonic() - begun < 10.0


def test_behind_a_proxy_our_address_is_what_the_settings_say(tmp_path: Path) -> None:
    """If a proxy or a stranger names another host or scheme, then no kept answer, link or check follows it; only `public_url` counts."""
    public = "https://comments.example"
    told = {
        "host": "127.0.0.1:1",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "http",
        "x-forwarded-prefix": "/evil",
        "forwarded": "for=192.0.2.1;host=evil.example;proto=http",
        "x-original-url": "/evil",
    }
    with (
        newsroom(tmp_path, public_url=public, **UNHURRIED) as room,
        httpx.Client(base_url=room.url) as client,
    ):
        asked = {"story": f"{public}/stories/a-story"}
        for path in ("/embed/comments", "/comments", "/feeds/story.atom", "/feeds/site.json"):
            through = client.get(path, params=asked, headers=told)
            directly = client.get(path, params=asked)
            assert through.status_code == directly.status_code == 200
            assert through.text == directly.text, path
            assert "evil" not in through.text, path
            assert "strict-transport-security" in through.headers
        assert public in client.get("/embed/comments", params=asked).text
        # TLS ends at the proxy: the browser says https and our name, the proxy says another host.
        form = {"story": asked["story"], "name": "Nada", "text": courteous(), "lang": "en"}
        sent = client.post("/comments", data=form, headers=told | {"origin": public})
        assert sent.status_code == 201
        assert "evil" not in sent.text
        forged = client.post("/comments", data=form, headers=told | {"origin": "https://evil.example"})
        assert forged.status_code == 403


def test_parts_heads_and_what_is_known_through_a_cache(tmp_path: Path) -> None:
    """If a cache asks for a part, for the head, or whether its copy still stands, then it gets the whole, the same headers, or 304 with what it needs to keep it."""
    with newsroom(tmp_path, **UNHURRIED) as room, httpx.Client(base_url=room.url) as client:
        asked = {"story": room.story}
        for path in ("/embed/comments", "/comments", "/api/v1/comments", "/feeds/story.atom", "/embed.js"):
            whole = client.get(path, params=asked)
            part = client.get(path, params=asked, headers={"range": "bytes=0-9"})
            assert (part.status_code, part.content) == (200, whole.content)
            head = client.head(path, params=asked)
            assert (head.status_code, head.content) == (200, b"")
            same = {"date", "last-modified", "x-request-id"}
            assert {k: v for k, v in head.headers.items() if k not in same} == {
                k: v for k, v in whole.headers.items() if k not in same
            }
            for method in ("GET", "HEAD"):
                known = client.request(
                    method, path, params=asked, headers={"if-none-match": f"W/{whole.headers['etag']}"}
                )
                assert (known.status_code, known.content) == (304, b""), path
                assert known.headers["etag"] == whole.headers["etag"]
                assert known.headers["cache-control"] == whole.headers["cache-control"]
                assert known.headers.get_list("vary") == whole.headers.get_list("vary")
