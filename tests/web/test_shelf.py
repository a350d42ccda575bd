"""Kept answers: sent again unchanged, taken down when readers would see a difference, bounded."""

from __future__ import annotations

import asyncio
import gc
import gzip
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from meydan.errors import StoreUnavailable
from meydan.web.shelf import Kept, Made, Shelf, accepts_gzip
from tests.newsroom import newsroom
from tests.web.conftest import Reader, Server

POLICY = "content-security-policy"


class Changes:
    """A database's changes, as a test tells them."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.edition = "first"
        self.fails = False

    def since(self, number: int) -> tuple[int, tuple[str, ...]]:
        if self.fails:
            raise StoreUnavailable("It does not answer.")
        return len(self.log), tuple(self.log[number:])


def a_shelf(changes: Changes, **more: Any) -> Shelf:
    return Shelf(changes=changes.since, edition=lambda: changes.edition, headers=lambda kind: {}, **more)


def run(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(scene())


def says(words: str) -> Callable[[], Made]:
    return lambda: Made(words.encode(), "text/plain")


async def body_of(kept: Kept) -> bytes:
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await kept.send([], send)
    return bytes(sent[1]["body"])


def test_an_answer_is_made_once() -> None:
    """If many ask the same at once, then it is made once, and sent to all."""

    async def scene() -> None:
        made = []
        shelf = a_shelf(Changes())

        def make() -> Made:
            made.append(1)
            return Made(b"words", "text/plain")

        answers = await asyncio.gather(*(shelf.fetch(("page", "story"), make) for _ in range(20)))
        assert len(made) == 1
        assert {await body_of(answer) for answer in answers} == {b"words"}
        shelf.remember("/comments", b"story=story", answers[0])
        assert shelf.find("/comments", b"story=story") is answers[0]

    run(scene)


def test_a_change_takes_down_its_story_and_no_other() -> None:
    """If a story changes, then its answers are taken down at every address, and other stories' stay."""

    async def scene() -> None:
        changes = Changes()
        shelf = a_shelf(changes)
        await shelf.catch_up()
        for story in ("a", "b"):
            shelf.remember(f"/{story}", b"", await shelf.fetch(("page", story), says("old")))
        changes.log.append("a")
        await shelf.catch_up()
        assert shelf.find("/a", b"") is None
        assert shelf.find("/b", b"") is not None
        assert await body_of(await shelf.fetch(("page", "a"), says("new"))) == b"new"
        assert await body_of(await shelf.fetch(("page", "b"), says("new"))) == b"old"

    run(scene)


def test_an_answer_that_is_overtaken_is_not_kept() -> None:
    """If a story changes while its answer is made, then who asks afterwards gets a newer one."""

    async def scene() -> None:
        changes = Changes()
        shelf = a_shelf(changes)
        await shelf.catch_up()
        reading, go_on = threading.Event(), threading.Event()

        def slow() -> Made:
            reading.set()
            assert go_on.wait(10)
            return Made(b"old", "text/plain")

        early = asyncio.ensure_future(shelf.fetch(("page", "a"), slow))
        await asyncio.to_thread(reading.wait, 10)
        changes.log.append("a")
        await shelf.catch_up()
        late = asyncio.ensure_future(shelf.fetch(("page", "a"), says("new")))
        assert await body_of(await late) == b"new"
        go_on.set()
        overtaken = await early
        shelf.remember("/a", b"", overtaken)
        assert shelf.find("/a", b"") is None
        assert await body_of(await shelf.fetch(("page", "a"), says("newer"))) == b"new"

    run(scene)


def test_a_look_that_began_too_early_is_not_trusted() -> None:
    """If a change commits while the database is being asked, then catching up asks again."""

    async def scene() -> None:
        log: list[str] = []
        asked: list[int] = []
        looking, go_on = threading.Event(), threading.Event()

        def since(number: int) -> tuple[int, tuple[str, ...]]:
            answer = (len(log), tuple(log[number:]))
            asked.append(number)
            if len(asked) == 2:
                looking.set()
                assert go_on.wait(10)
            return answer

        shelf = Shelf(changes=since, edition=lambda: "", headers=lambda kind: {})
        await shelf.catch_up()
        kept = await shelf.fetch(("page", "a"), says("old"))
        early = asyncio.ensure_future(shelf.catch_up())
        await asyncio.to_thread(looking.wait, 10)
        log.append("a")
        late = [asyncio.ensure_future(shelf.catch_up()) for _ in range(5)]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(early, *late)
        assert not kept.up
        assert len(asked) == 3

    run(scene)


def test_new_guidelines_take_everything_down() -> None:
    """If the guidelines change, or an older database is put back, then nothing kept before is sent."""

    async def scene() -> None:
        changes = Changes()
        changes.log += ["a", "b"]
        shelf = a_shelf(changes)
        await shelf.catch_up()
        for upset in (lambda: setattr(changes, "edition", "second"), lambda: changes.log.clear()):
            kept = await shelf.fetch(("page", "c"), says("old"))
            upset()
            await shelf.catch_up()
            assert not kept.up

    run(scene)


def test_a_silent_database_is_asked_again() -> None:
    """If the database does not answer for a while, then following goes on, and catches up when it does."""

    async def scene() -> None:
        changes = Changes()
        shelf = a_shelf(changes)
        following = asyncio.create_task(shelf.follow(every_s=lambda: 0.001))
        await asyncio.sleep(0.02)
        kept = await shelf.fetch(("page", "a"), says("old"))
        changes.fails = True
        await asyncio.sleep(0.02)
        changes.log.append("a")
        changes.fails = False
        async with asyncio.timeout(5):
            while kept.up:
                await asyncio.sleep(0.001)
        following.cancel()

    run(scene)


def test_a_failure_is_told_to_who_asked_and_not_kept() -> None:
    """If an answer cannot be made, then whoever waits is told, and the next one asks afresh."""

    async def scene() -> None:
        shelf = a_shelf(Changes())

        def fail() -> Made:
            raise StoreUnavailable("It does not answer.")

        with pytest.raises(StoreUnavailable):
            await shelf.fetch(("page", "a"), fail)
        assert await body_of(await shelf.fetch(("page", "a"), says("words"))) == b"words"

    run(scene)


def test_the_shelf_is_bounded() -> None:
    """
    If more is asked for than fits, then the answer unread longest goes, and a giant one is not kept at all. The
    addresses that it was found at do not hold it.
    """

    async def scene() -> None:
        shelf = a_shelf(Changes(), most_bytes=20_000)
        answers = [await shelf.fetch(("page", str(number)), says(str(number) * 100)) for number in range(8)]
        assert all(answer.up for answer in answers)
        shelf.remember("/comments", b"story=1", answers[1])
        shelf.remember("/comments", b"story=1&lang=ckb", answers[1])
        await shelf.fetch(("page", "0"), says("not needed"))
        more = [await shelf.fetch(("page", f"more {number}"), says("y" * 100)) for number in range(12)]
        assert not answers[1].up
        assert not [owner for owner in gc.get_referrers(answers[1]) if isinstance(owner, dict)]
        assert answers[0].up
        assert more[-1].up
        assert not (await shelf.fetch(("page", "giant"), says("z" * 30_000))).up

    run(scene)


def test_an_answer_ends_when_its_story_closes() -> None:
    """If a story closes at a time, then its answers are made anew from that time on."""

    async def scene() -> None:
        now = [100.0]
        shelf = a_shelf(Changes(), clock=lambda: now[0])
        kept = await shelf.fetch(("page", "a"), lambda: Made(b"open", "text/plain", expires_at=101.0))
        shelf.remember("/a", b"", kept)
        assert shelf.find("/a", b"") is kept
        now[0] = 101.0
        assert shelf.find("/a", b"") is None
        assert await body_of(await shelf.fetch(("page", "a"), says("closed"))) == b"closed"

    run(scene)


@pytest.mark.parametrize(
    ("header", "takes"),
    [(b"gzip", True), (b"br, GZIP;q=0.5", True), (b"identity", False), (b"gzip;q=0", False), (b"x-gzip-not", False),
     (b"gzip; q=0.0, br", False), (b"", False)],
)  # fmt: skip
def test_gzip_is_sent_to_who_takes_it(header: bytes, takes: bool) -> None:
    """If a client takes gzip, then it may be sent; a quality of nought refuses it."""
    assert accepts_gzip(header) is takes


# -- at the door --------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/comments", "/embed/comments", "/api/v1/comments"])
def test_what_a_client_has_is_not_sent_again(reader: Reader, path: str) -> None:
    """If a client has the answer as it stands, then 304 without a body, for either form of it; after a change, 200."""
    reader.approved()
    asked = {"story": reader.story}
    plain = reader.client.get(path, params=asked, headers={"accept-encoding": "identity"})
    packed = reader.client.get(path, params=asked, headers={"accept-encoding": "gzip"})
    assert plain.text == packed.text
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.headers["etag"] != packed.headers["etag"]
    assert "Accept-Encoding" in ", ".join(plain.headers.get_list("vary"))
    for known in (plain.headers["etag"], packed.headers["etag"], f'"x", W/{plain.headers["etag"]}', "*"):
        again = reader.client.get(path, params=asked, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"]
        assert again.headers["x-content-type-options"] == "nosniff"
    reader.approved("Another thought on the same matter.")
    changed = reader.client.get(path, params=asked, headers={"if-none-match": plain.headers["etag"]})
    assert changed.status_code == 200
    assert "Another thought" in changed.text


def test_a_page_that_is_kept_is_framed_as_the_guidelines_say_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If an origin is taken off, then whoever has the same page already is told with the 304 who may frame it now."""
    with newsroom(tmp_path) as room, httpx.Client(base_url=room.url) as client:
        asked = {"story": room.story}
        # What is put in force here is in no database, where it would be looked for every second.
        monkeypatch.setattr(room.meydan.desk, "refresh_guidelines", lambda: False)

        def framed_by(*origins: str, digest: str, known: str = "") -> httpx.Response:
            ruling = room.meydan.desk.guidelines
            publication = replace(ruling.publication, origins=("self", *origins))
            room.meydan.desk.adopt(replace(ruling, publication=publication, digest=digest))
            headers = {"if-none-match": known} if known else {}
            Reader.until(lambda: client.get("/comments", params=asked).headers[POLICY].endswith(origins))
            return client.get("/comments", params=asked, headers=headers)

        before = framed_by("https://former.example", digest="a" * 64)
        now = framed_by("https://news.example", digest="b" * 64, known=before.headers["etag"])
        assert (now.status_code, now.headers["etag"]) == (304, before.headers["etag"])
        assert "frame-ancestors 'self' https://news.example" in now.headers[POLICY]
        assert "former" not in now.headers[POLICY]


@pytest.mark.parametrize("path", ["/comments", "/embed.js", "/api/v1/counts", "/healthz"])
def test_head_is_get_without_the_body(reader: Reader, path: str) -> None:
    """If only the headers are asked for, then they are those of the answer."""
    asked = {"story": reader.story}
    whole = reader.client.get(path, params=asked)
    head = reader.client.head(path, params=asked)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert head.headers["content-length"] == whole.headers["content-length"]


def test_static_files_are_kept_for_ever_under_their_digest(reader: Reader) -> None:
    """If a page names a static file, then by its digest, to be kept for ever; the component's own address is asked again."""
    page = reader.client.get("/comments", params={"story": reader.story}).text
    styles = [part.split('"')[0] for part in page.split('rel="stylesheet" href="')[1:]]
    assert len(styles) == 2
    for path in styles:
        answer = reader.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
        assert "immutable" in answer.headers["cache-control"]
    component = reader.client.get("/embed.js")
    assert "immutable" not in component.headers["cache-control"]
    known = {"if-none-match": component.headers["etag"]}
    assert reader.client.get("/embed.js", headers=known).status_code == 304
    assert reader.client.get("/static/0000000000000000/thread.css").status_code == 404
    assert reader.client.get("/static/../app.py").status_code == 404


def test_the_component_is_light(reader: Reader) -> None:
    """If a site embeds the component, then its script and style together are at most 8 kB gzipped."""
    packed = reader.client.get("/embed.js", headers={"accept-encoding": "gzip"})
    size = int(packed.headers["content-length"])
    print(f"embed.js with its style: {size} bytes gzipped")
    assert size <= 8_000
    assert gzip.compress(packed.content).__len__() > 1_000
    assert "import " not in packed.text
    assert ".m-list" in packed.text


# -- two processes --------------------------------------------------------------------


def test_another_process_is_heard_within_a_second(server: Server) -> None:
    """If the command line erases a comment beside a running server, then readers see it gone within a second."""
    story = f"{server.url}/stories/two-processes"
    with httpx.Client(base_url=server.url, timeout=30) as client:
        body = {"story": {"url": story}, "name": "Nada", "text": "A remark about the bridge."}
        told = client.post("/api/v1/comments", json=body).json()
        if told["status"] != "approved":
            staff = {"authorization": f"Bearer {server.token}"}
            client.post(
                f"/api/v1/comments/{told['id']}/decisions", json={"verdict": "approve"}, headers=staff
            )

        def shown(path: str) -> bool:
            return "A remark about the bridge." in client.get(path, params={"story": story}).text

        doors = ("/comments", "/embed/comments", "/api/v1/comments")
        assert all(shown(door) for door in doors)
        server.meydan("erase", told["id"], "--yes")
        Reader.until(lambda: not any(shown(door) for door in doors))


def test_a_look_that_nobody_waits_for_any_more_ends_quietly() -> None:
    """If following ends during a look, and the look then fails as the store is closed, then nobody is alarmed."""

    async def scene() -> None:
        alarms: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, alarm: alarms.append(alarm))
        looking, go_on = threading.Event(), threading.Event()

        def since(number: int) -> tuple[int, tuple[str, ...]]:
            looking.set()
            assert go_on.wait(10)
            raise StoreUnavailable("The store is closed.")

        shelf = Shelf(changes=since, edition=lambda: "", headers=lambda kind: {})
        following = asyncio.create_task(shelf.follow())
        await asyncio.to_thread(looking.wait, 10)
        following.cancel()
        await asyncio.wait({following})
        go_on.set()
        await asyncio.sleep(0.1)
        del following, shelf
        gc.collect()
        assert not alarms

    run(scene)


def test_an_old_answer_is_sent_marked_and_not_for_ever() -> None:
    """If nobody can say whether a kept answer is the newest, then it is sent with how old the doubt is, for so long and no longer."""

    async def scene() -> None:
        changes, now = Changes(), [100.0]
        shelf = a_shelf(changes, most_stale_s=600.0, ticks=lambda: now[0], clock=lambda: now[0])
        await shelf.catch_up()
        made = Made(b"seen", "text/plain", expires_at=110.0)
        kept = await shelf.fetch(("page", "a"), lambda: made)
        shelf.remember("/a", b"", kept)
        assert (shelf.find("/a", b""), shelf.doubts()) == (kept, [])
        changes.fails = True
        now[0] += 400
        assert not await shelf.try_to_catch_up()
        # Its time is over too; what would take its place cannot be made.
        assert (shelf.find("/a", b""), shelf.doubts()) == (kept, [(b"x-meydan-stale", b"400")])
        assert await shelf.fetch(("page", "a"), says("never asked for")) is kept
        # A change was made meanwhile, and is seen as soon as somebody can look.
        changes.log.append("a")
        changes.fails = False
        assert await shelf.try_to_catch_up()
        assert (shelf.find("/a", b""), shelf.doubts()) == (None, [])
        shelf.remember("/b", b"", await shelf.fetch(("page", "b"), says("b")))
        changes.fails = True
        now[0] += 600
        await shelf.try_to_catch_up()
        assert shelf.find("/b", b"") is not None
        now[0] += 1
        await shelf.try_to_catch_up()
        assert (shelf.find("/b", b""), shelf.size_bytes) == (None, 0)

    run(scene)


def test_a_look_that_does_not_end_is_not_waited_for() -> None:
    """If the database says nothing at all, then whoever changed something is answered, and what is kept counts as old."""
    looking, released = threading.Event(), threading.Event()

    def silent(since: int) -> tuple[int, tuple[str, ...]]:
        looking.set()
        released.wait(30)
        return 0, ()

    async def scene() -> None:
        shelf = Shelf(changes=silent, edition=lambda: "", headers=lambda kind: {})
        assert not await shelf.try_to_catch_up(within_s=0.01)
        assert (looking.is_set(), shelf.unsure) == (True, True)
        released.set()
        assert await shelf.try_to_catch_up(within_s=30)
        assert not shelf.unsure

    run(scene)
