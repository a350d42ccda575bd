"""What happens to every request: overload, slow senders, a database that does not answer, and the log."""

from __future__ import annotations

import asyncio
import functools
import gc
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from meydan.errors import Overloaded
from meydan.policy import load
from meydan.web import front
from meydan.web.access import Origins
from meydan.web.front import Front
from meydan.web.shelf import Kept, Made, Shelf
from tests.newsroom import ABUSIVE, newsroom
from tests.web.conftest import UNHURRIED, Reader, Server, courteous
from tests.web.pages import Read


def a_front(inner: Any) -> Front:
    shelf = Shelf(changes=lambda since: (0, ()), edition=lambda: "", headers=lambda kind: {})
    origins = Origins(load, ("http://127.0.0.1:1",))
    return Front(
        inner, shelf=shelf, origins=origins, https=False, fixed={"/kept": Kept(Made(b"x", "text/plain"), {})}
    )


async def ask(
    app: Front, path: str, *, method: str = "GET", receive: Any = None
) -> tuple[int, dict[str, str], bytes]:
    """One request; status, headers and body of the answer."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def nothing() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": []}
    await app(scope, receive or nothing, send)
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


def test_more_than_can_be_answered_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """If too many requests are under way, then the next is told so, with when to come back, while kept answers go on."""
    monkeypatch.setattr(front, "MOST_AT_ONCE", 3)

    async def scene() -> None:
        released = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await released.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"done"})

        app = a_front(slow)
        waiting = [asyncio.create_task(ask(app, "/slow")) for _ in range(3)]
        await asyncio.sleep(0)
        status, headers, body = await ask(app, "/slow")
        assert (status, int(headers["retry-after"]) >= 1, b"U203" in body) == (503, True, True)
        assert headers["x-content-type-options"] == "nosniff"
        assert (await ask(app, "/kept"))[0] == 200
        released.set()
        assert [answer[0] for answer in await asyncio.gather(*waiting)] == [200] * 3
        assert (await ask(app, "/slow"))[0] == 200

    asyncio.run(scene())


def test_a_stream_is_under_way_until_it_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """If many knock at the stream at once, then they are turned away as everywhere; streams that are open take no place."""
    monkeypatch.setattr(front, "MOST_AT_ONCE", 3)

    async def scene() -> None:
        admitted, ended = asyncio.Event(), asyncio.Event()

        async def streaming(scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] == front.STREAMED:
                await admitted.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            if scope["path"] == front.STREAMED:
                await ended.wait()
            await send({"type": "http.response.body", "body": b"done"})

        app = a_front(streaming)
        listening = [asyncio.create_task(ask(app, front.STREAMED)) for _ in range(3)]
        await asyncio.sleep(0)
        assert (await ask(app, front.STREAMED))[0] == 503
        admitted.set()
        await asyncio.sleep(0.01)
        assert (await ask(app, "/other"))[0] == 200
        ended.set()
        assert [answer[0] for answer in await asyncio.gather(*listening)] == [200] * 3
        monkeypatch.setattr(front, "MOST_AT_ONCE", 1)
        assert (await ask(app, "/other"))[0] == 200

    asyncio.run(asyncio.wait_for(scene(), 30))


def test_a_body_that_does_not_come_is_not_waited_for(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a sender announces a body and stops sending, then it is refused after a while, and holds nothing up."""
    monkeypatch.setattr(front, "BODY_PATIENCE_S", 0.2)

    def half() -> Iterator[bytes]:
        yield b'{"name": '
        time.sleep(1.0)
        yield b'"x"}'

    answer = reader.client.post(
        "/api/v1/comments", content=half(), headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "R113")


def test_a_body_that_comes_drop_by_drop_is_not_waited_for(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a sender goes on sending, but a byte at a time, then it is refused after the same while, and not when it likes to end."""
    monkeypatch.setattr(front, "BODY_PATIENCE_S", 0.3)

    def drops() -> Iterator[bytes]:
        for _ in range(20):
            yield b" "
            time.sleep(0.1)
        yield b"{}"

    answer = reader.client.post(
        "/api/v1/comments", content=drops(), headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "R113")


def test_who_waits_for_its_sender_takes_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """If more bodies come slowly than requests may be under way, then others are answered meanwhile, and of the slow ones only as many as there is room for."""
    monkeypatch.setattr(front, "MOST_AT_ONCE", 2)

    async def scene() -> None:
        came, released = asyncio.Event(), asyncio.Event()

        async def slowly() -> Any:
            await came.wait()
            return {"type": "http.request", "body": b"x", "more_body": False}

        async def taking(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            if scope["method"] == "POST":
                await released.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"done"})

        app = a_front(taking)
        senders = [asyncio.create_task(ask(app, "/slow", method="POST", receive=slowly)) for _ in range(4)]
        await asyncio.sleep(0)
        assert (await ask(app, "/other"))[0] == 200
        came.set()
        await asyncio.sleep(0.01)
        assert (await ask(app, "/other"))[0] == 503
        released.set()
        answered = await asyncio.gather(*senders, return_exceptions=True)
        told = [answer[0] if isinstance(answer, tuple) else type(answer) for answer in answered]
        assert told == [200, 200, Overloaded, Overloaded]
        assert (await ask(app, "/other"))[0] == 200

    asyncio.run(asyncio.wait_for(scene(), 30))


@pytest.mark.parametrize(
    "path",
    ["/comments", "/embed/comments", "/embed/live", "/api/v1/comments", "/status/x", "/desk", "/me", "/coral/moderate", "/v1/moderations", "/v1alpha1/comments:analyze"],
)  # fmt: skip
def test_a_head_longer_than_any_of_ours_is_refused(reader: Reader, path: str) -> None:
    """If an address's query or the cookies are longer than any of ours, then every door refuses them; those of its own form, in that."""
    long, client = "x" * 9000, reader.client
    # A stream that is let in would go on for ever.
    client.timeout = httpx.Timeout(10)
    for answer in (
        client.get(path, params={"story": reader.story, "more": long}),
        client.post(path, params={"more": long}, json={}),
        client.get(path, params={"story": reader.story}, headers={"cookie": f"meydan_session={long}"}),
    ):
        assert answer.headers["x-meydan-code"] == "R113", answer.text
        assert answer.status_code == (200 if path.startswith("/coral") else 400)
        assert long not in answer.text


def test_what_is_long_for_a_reason_is_taken(reader: Reader) -> None:
    """If a head is as long as any of ours, or counts are asked of many stories at once, then it is answered."""
    asked = {"story": f"{reader.story}?{'%41' * 600}", "more": "x" * 3000}
    assert (
        reader.client.get("/comments", params=asked, headers={"cookie": "a=" + "x" * 8000}).status_code == 200
    )
    many = [f"{reader.story}/{number}-{'x' * 400}" for number in range(100)]
    assert len(reader.client.get("/api/v1/counts", params={"story": many}).json()["counts"]) == 100
    assert reader.client.get(f"/status/{'x' * 2000}").headers["x-meydan-code"] == "R108"
    assert reader.client.get(f"/status/{'x' * 2100}").headers["x-meydan-code"] == "R113"


def remembered() -> dict[str, int]:
    """What each of the framework's memories holds."""
    return {
        f"{one.__module__}.{one.__qualname__}": one.cache_info().currsize
        for one in gc.get_objects()
        if isinstance(one, functools._lru_cache_wrapper) and (one.__module__ or "").startswith("litestar")
    }


def test_nothing_that_was_sent_is_remembered(reader: Reader) -> None:
    """If requests come with ever other addresses, cookies and forms, then the framework holds none of them afterwards."""

    def ask_all(mark: str) -> None:
        with httpx.Client(base_url=reader.room.url, cookies={"meydan_session": mark}) as client:
            for path in (
                f"/status/{mark}?receipt={mark}",
                f"/comments?story={reader.story}&at={mark}",
                f"/api/v1/comments?story={reader.story}-{mark}&after={mark}",
                f"/api/v1/comments?nothing={mark}",
                f"/desk?before={mark}",
                f"/desk/comments/{mark}",
                f"/desk/live?page={mark}",
                f"/me?lang={mark}",
                f"/me/link/{mark}",
                f"/follow/{mark}",
                f"/nowhere/{mark}?x={mark}",
            ):
                client.get(path)
            client.post(f"/me/link/{mark}", data={"go": mark}, headers={"origin": reader.room.url})
            client.post(f"/comments?x={mark}", data={"text": mark})
            client.post(f"/api/v1/comments?x={mark}", json={"text": mark})
            files = {"file": ("x", mark.encode())}
            client.post("/desk/guidelines/change", files=files, headers={"origin": reader.room.url})

    ask_all("first")
    before = remembered()
    for number in range(3):
        ask_all(f"mark-{number}")
    assert remembered() == before


@pytest.mark.parametrize("host", ["news.example:x", "news.example:99999", "[news.example:-1"])
def test_a_host_that_is_none_changes_nothing(reader: Reader, host: str) -> None:
    """If the Host header names a port that is none, then the desk shows its door and the API what is missing, as ever."""
    headers = {"host": host}
    door = reader.client.get("/desk/find?q=bridge", headers=headers)
    assert (door.status_code, door.headers["location"]) == (
        303,
        "/desk/sign-in?back=%2Fdesk%2Ffind%3Fq%3Dbridge",
    )
    assert reader.client.get("/api/v1/counts", headers=headers).json()["code"] == "R104"
    assert reader.client.get("/comments", params={"story": reader.story}, headers=headers).status_code == 200


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Somebody else holds the database, and does not let go."""
    with closing(sqlite3.connect(data / "meydan.db", isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def test_a_database_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    """If the database cannot be written, then 503 and when to come back, at every door; what was typed is kept, and nothing is half-written."""
    with newsroom(tmp_path, **UNHURRIED) as room, httpx.Client(base_url=room.url, timeout=60) as client:
        body = {"story": {"url": room.story}, "name": "Nada", "text": courteous()}
        assert client.post("/api/v1/comments", json=body).status_code == 201
        before = client.get("/api/v1/comments", params={"story": room.story}).json()
        leaves = len(room.meydan.store.leaves(0, 100))
        with locked(tmp_path):
            # Whoever starts servers anew is told that this one lives, and does not wait for the database to say so.
            assert client.get("/healthz", timeout=5).status_code == 200
            typed = {"story": room.story, "name": "Nada", "text": "Kept <here>."}
            with ThreadPoolExecutor() as together:
                refused, form = (
                    asked.result()
                    for asked in (
                        together.submit(client.post, "/api/v1/comments", json=body),
                        together.submit(client.post, "/comments", data=typed),
                    )
                )
            # What readers have read goes on being read.
            assert client.get("/api/v1/comments", params={"story": room.story}).json() == before
        for answer in (refused, form):
            assert (answer.status_code, int(answer.headers["retry-after"]) >= 1) == (503, True)
            # Which of them: the database said so itself, or it was not waited for any longer.
            assert "U201" in answer.text or "U203" in answer.text
        assert Read(form.text).fields["text"] == "Kept <here>."
        assert client.get("/healthz").status_code == 200
        assert client.get("/api/v1/comments", params={"story": room.story}).json() == before
        assert len(room.meydan.store.leaves(0, 100)) == leaves


def test_the_log_holds_no_words_names_or_addresses(server: Server) -> None:
    """If comments are sent, refused, judged and read, then the server's log has no word, name, e-mail, address or receipt of anybody."""
    story = f"{server.url}/stories/the-log"
    words = {"name": "Quagga Zebrowska", "text": f"Axolotl. {ABUSIVE}", "email": "quagga@zebrowska.example"}
    address = {"x-forwarded-for": "203.0.113.77"}
    with httpx.Client(base_url=server.url, headers=address, timeout=30) as client:
        told = client.post("/api/v1/comments", json={"story": {"url": story}} | words).json()
        client.post("/api/v1/comments", json={"story": {"url": story}} | words | {"text": "Axolotl" * 2000})
        client.post(
            "/api/v1/comments",
            content=b'{"name": "Quagga Axolotl',
            headers={"content-type": "application/json"},
        )
        client.post("/comments", data={"story": story} | words)
        client.post("/comments", data={"story": story, "name": "Quagga", "text": "Axolotl\x00"})
        client.get("/comments", params={"story": story, "q": "Axolotl"})
        client.get(f"/status/{told['id']}", params={"receipt": told["receipt"]})
        client.get("/Axolotl/Quagga")
        client.post(f"/status/{told['id']}/appeal", data={"receipt": told["receipt"], "words": "Axolotl"})
    log = server.served.log.read_text()
    assert '"request"' in log or "request" in log
    for secret in (
        "Axolotl",
        "Quagga",
        "Zebrowska",
        "zebrowska",
        "203.0.113.77",
        told["receipt"][:24],
        server.token,
    ):
        assert secret not in log


@pytest.mark.parametrize("path", ["/status/%00", "/status/%FF", "/status/%ED%A0%80", "/status/" + "a" * 3000, "/desk/comments/%00",
                                  "/status/a?receipt=%00", "/comments?story=%00", "/embed/comments?story=http://127.0.0.1/%00&lang=%F0",
                                  "/api/v1/counts?story=%00", "/api/v1/counts?story=%FF", "/%FF%00", "//", "/api/v1/comments?story=http://127.0.0.1/\u202e"])  # fmt: skip
def test_no_address_breaks_the_server(reader: Reader, path: str) -> None:
    """If an address is nonsense, then it is refused, never a fault of ours."""
    assert 300 <= reader.client.get(path).status_code < 500 or path.startswith(("/api/v1/comments", "//"))
    assert reader.client.get(path).status_code < 500


def test_a_language_we_do_not_have_changes_nobody_elses_page(reader: Reader) -> None:
    """If a page is asked for in a language that we do not have, then it is in the story's, and English stays English."""
    reader.client.put("/api/v1/stories", json={"url": reader.story, "language": "ar"}, headers=reader.staff)
    for path in ("/comments", "/embed/comments"):
        for asked, got in (("xx", "ar"), ("en", "en"), ("xx", "ar"), ("ku", "kmr-Latn"), ("", "ar")):
            page = reader.client.get(path, params={"story": reader.story, "lang": asked}).text
            assert f'<section class="meydan" lang="{got}"' in page, asked


def test_what_the_newsroom_changes_is_seen_at_once(reader: Reader) -> None:
    """If a story is registered anew after its page was read, then the next reader sees it as it is now."""
    asked = {"story": reader.story}
    assert "<form" in reader.client.get("/comments", params=asked).text
    reader.client.put(
        "/api/v1/stories", json={"url": reader.story, "title": "A new title"}, headers=reader.staff
    )
    assert "A new title" in reader.client.get("/comments", params=asked).text
    reader.client.put("/api/v1/stories", json={"url": reader.story, "open": False}, headers=reader.staff)
    assert "<form" not in reader.client.get("/comments", params=asked).text
    assert "<form" not in reader.client.get("/embed/comments", params=asked).text
