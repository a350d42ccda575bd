"""
Readers' live news: how many comments a story has, told to whoever has it open.

`GET /embed/live?story=URL` is a stream of server-sent events. Every event says how things stand, not what changed; so
whoever lost one, or comes back after an hour, needs nothing but the next.

    story   {"count": 12, "revision": 34}, when the stream opens and after each change

One fan-out in each server process, stirred by the shelf when it takes a story's answers down: whoever is told of a
change and asks, is answered with what is new. A stream costs no thread, no timer and no connection to the database.
To a reader who does not take what is sent nothing more is sent, and after a while the stream ends.

Used from the event loop only, but for `close`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from litestar.concurrency import sync_to_thread

from meydan.desk import Announced
from meydan.errors import ForgedForm, Overloaded, TooFast
from meydan.web.access import Origins, Proxies, same_host
from meydan.web.embed import decoded, story_of
from meydan.web.shelf import RawHeaders, Send
from meydan.wiring import Meydan

LIVE: Final = "/embed/live"

BEAT_S: Final = 25.0
"""How often a stream gives a sign of life when it has nothing to say: proxies close what is silent for 30 or 60 s."""

GAP_S: Final = 0.25
"""What changes within this time is told together, so that a lively story is no flood of events."""

PATIENCE_S: Final = 10.0
"""For how long an event may be under way to a reader before the reader is given up."""

AGAIN_S: Final = 1.0
RETRY_MS: Final = 5000
SPREAD_MS: Final = 15_000
"""When a server stops, its readers come back over this time, not all in the same second."""

PER_ADDRESS: Final = 30
"""Streams of one address at once. Who shares an address with more readers asks for the count now and then instead."""

AT_A_TIME: Final = 50
"""Readers told before other requests have a turn."""

HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    # Some proxies keep an answer until it is whole, unless they are told.
    (b"x-accel-buffering", b"no"),
)
BEAT: Final = b": still here\n\n"

Receive = Callable[[], Awaitable[Any]]

log = structlog.get_logger("meydan.web.stream")


@dataclass(eq=False, slots=True)
class Listener:
    """
    One open stream. At most one event is under way to it; what came after is told when that has arrived.

    Attributes:
        due: when it has to be given a sign of life (the loop's time).
        since: since when an event is under way, meaningful while `passing` is.
        ended: done once the stream is to end; True when its last words may still be sent.
    """

    send: Send
    ended: asyncio.Future[bool]
    due: float
    told: bytes = b""
    since: float = 0.0
    passing: asyncio.Task[None] | None = None

    def end(self, *, gently: bool = False) -> None:
        if not self.ended.done():
            self.ended.set_result(gently)


@dataclass(eq=False, slots=True)
class _Followed:
    """A story that somebody has open: the event that says how it stands, and who is told."""

    event: asyncio.Future[bytes] | None = None
    now: bytes = b""
    expected: int = 0
    listeners: set[Listener] = field(default_factory=set)


class Stream:
    """
    Every reader's stream of this process, and the fan-out behind them.

    At most the setting `live_readers` at once, and PER_ADDRESS of them at one address.
    """

    def __init__(self, meydan: Meydan, origins: Origins, proxies: Proxies) -> None:
        self._desk = meydan.desk
        self._address_key = meydan.address_key
        self._most = meydan.settings.live_readers
        self._origins = origins
        self._proxies = proxies
        self._open = 0
        self._by_address: dict[str, int] = {}
        self._stories: dict[str, _Followed] = {}
        self._changed: set[str] = set()
        self._stirred = asyncio.Event()
        # In the order in which they are due, because every sign of life puts its listener at the end.
        self._due: dict[Listener, _Followed] = {}
        self._telling: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def listening(self) -> int:
        """How many streams are open."""
        return self._open

    @property
    def following(self) -> int:
        """How many stories are followed for them."""
        return len(self._stories)

    def stir(self, stories: Collection[str] | None) -> None:
        """These stories changed (None: perhaps all of them); whoever has one open is told how it stands."""
        changed = self._stories.keys() if stories is None else self._stories.keys() & set(stories)
        if changed:
            self._changed |= changed
            self._stirred.set()

    def close(self) -> None:
        """End every stream and take no more, so that the server can stop. From any thread."""
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end_all)

    def _end_all(self) -> None:
        for listener in tuple(self._due):
            listener.end(gently=True)

    # -- one stream --------------------------------------------------------------

    async def answer(self, scope: Any, receive: Receive, send: Send) -> None:
        """
        A reader's stream, from its first line until the reader leaves or it is ended; of a HEAD its headers only.

        Raises, while nothing was sent yet:
            MissingFields, Malformed, ForeignStory: the story's address. ForgedForm: another site's page.
            TooFast, Overloaded: no place. Unavailable: how the story stands cannot be read.
        """
        self._check_page(scope["headers"])
        url = story_of(decoded(scope["query_string"]), self._desk.guidelines, self._origins.own)
        key = self._key_of(scope)
        self._admit(key)
        try:
            if scope["method"] == "HEAD":
                await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS]})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await self._run(url, receive, send)
        finally:
            self._leave(key)

    def _key_of(self, scope: Any) -> str:
        client = scope.get("client")
        forwarded = [
            value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"
        ]
        return self._address_key(self._proxies.client(str(client[0]) if client else "", forwarded))

    def _check_page(self, headers: RawHeaders) -> None:
        """
        Refuse a page of somebody else's: it could have its visitors take every place.

        Raises:
            ForgedForm: the page's origin is neither ours nor in the guidelines.
        """
        said = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}
        origin, site = said.get("origin"), said.get("sec-fetch-site", "none")
        if origin is None:
            ours = site in ("same-origin", "none")
        else:
            ours = self._origins.allow(origin) or same_host(origin, said.get("host", ""))
        if not ours:
            raise ForgedForm("This page may not listen: its origin is not in the guidelines.")

    def _admit(self, address_key: str) -> None:
        """
        Give a place to an address; `_leave` gives it back.

        Raises:
            TooFast: the address has as many streams as it may. Overloaded: the server has.
        """
        if self._closed or self._open >= self._most:
            raise Overloaded(
                "As many readers listen for news as this server takes on. Ask for the count instead.",
                retry_after_s=30,
            )
        if self._by_address.get(address_key, 0) >= PER_ADDRESS:
            raise TooFast(
                f"{PER_ADDRESS} pages at this address listen for news already. Ask for the count instead.",
                retry_after_s=30,
            )
        self._open += 1
        self._by_address[address_key] = self._by_address.get(address_key, 0) + 1

    def _leave(self, address_key: str) -> None:
        self._open -= 1
        self._by_address[address_key] -= 1
        if not self._by_address[address_key]:
            del self._by_address[address_key]

    async def _run(self, url: str, receive: Receive, send: Send) -> None:
        self._loop = asyncio.get_running_loop()
        story = self._stories.setdefault(url, _Followed())
        story.expected += 1
        listener = Listener(send, self._loop.create_future(), self._loop.time() + BEAT_S)
        gone: asyncio.Task[None] | None = None
        try:
            event = await self._how_it_stands(url, story)
            await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS]})
            await _pass(send, b"retry: %d\n\n%b" % (RETRY_MS, event))
            gone = asyncio.ensure_future(_hung_up(receive))
            gone.add_done_callback(lambda _: listener.end())
            listener.told = event
            story.listeners.add(listener)
            self._due[listener] = story
            if self._telling is None:
                self._telling = asyncio.create_task(self._tell_all())
            self._tell(listener, story)
            if self._closed:
                listener.end(gently=True)
            if await listener.ended and listener.passing is None:
                await _pass(send, b"retry: %d\n\n" % random.randint(RETRY_MS, SPREAD_MS))  # noqa: S311
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            if gone is not None:
                gone.cancel()
            if listener.passing is not None:
                listener.passing.cancel()
            self._forget(url, story, listener)

    async def _how_it_stands(self, url: str, story: _Followed) -> bytes:
        """The event for a story: as it was told last, or read now, once for all who come meanwhile."""
        if not story.now:
            if story.event is None:
                story.event = asyncio.ensure_future(self._read(url, story))
                story.event.add_done_callback(_heard)
            await asyncio.shield(story.event)
        return story.now

    async def _read(self, url: str, story: _Followed) -> bytes:
        try:
            found = await sync_to_thread(self._desk.announced, [url])
        finally:
            story.event = None
        # What changed meanwhile was read by the fan-out, and is newer.
        story.now = story.now or _event(found[url])
        return story.now

    def _forget(self, url: str, story: _Followed, listener: Listener) -> None:
        story.listeners.discard(listener)
        self._due.pop(listener, None)
        story.expected -= 1
        if not story.expected and self._stories.get(url) is story:
            del self._stories[url]
            self._changed.discard(url)
        if not self._due and self._telling is not None:
            self._telling.cancel()
            self._telling = None

    # -- all of them -------------------------------------------------------------

    async def _tell_all(self) -> None:
        """Tell of what changed, and give signs of life, for as long as anybody listens."""
        loop = asyncio.get_running_loop()
        failing = False
        while True:
            if self._stirred.is_set():
                try:
                    await self._tell_of_changes()
                    failing = False
                except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
                    if not failing:
                        log.warning("news_unknown", error=type(error).__name__)
                    failing = True
            await self._give_signs()
            await asyncio.sleep(AGAIN_S if failing else GAP_S)
            if not self._stirred.is_set():
                rest = max(0.0, min(self._next_due() - loop.time(), BEAT_S))
                try:
                    async with asyncio.timeout(rest):
                        await self._stirred.wait()
                except TimeoutError:
                    continue

    async def _tell_of_changes(self) -> None:
        self._stirred.clear()
        changed, self._changed = self._changed, set()
        try:
            found = await sync_to_thread(self._desk.announced, changed)
        except BaseException:
            # Not read, or nobody is left to tell: whoever comes next is.
            self._changed |= changed & self._stories.keys()
            self._stirred.set()
            raise
        told = 0
        for url, announced in found.items():
            story = self._stories.get(url)
            if story is None:
                continue
            event = _event(announced)
            if event == story.now:
                continue
            story.now = event
            for listener in tuple(story.listeners):
                self._tell(listener, story)
                told += 1
                if told % AT_A_TIME == 0:
                    await asyncio.sleep(0)

    async def _give_signs(self) -> None:
        now = asyncio.get_running_loop().time()
        for told, (listener, story) in enumerate(tuple(self._due.items()), 1):
            if listener.due > now:
                break
            self._say(listener, story, BEAT)
            if told % AT_A_TIME == 0:
                await asyncio.sleep(0)

    def _next_due(self) -> float:
        return next(iter(self._due)).due if self._due else float("inf")

    def _tell(self, listener: Listener, story: _Followed) -> None:
        if listener.told != story.now:
            self._say(listener, story, story.now)

    def _say(self, listener: Listener, story: _Followed, words: bytes) -> None:
        """Begin to send, unless something is under way; who has not taken that for too long is given up."""
        assert self._loop is not None
        now = self._loop.time()
        if listener.ended.done():
            return
        if listener.passing is not None:
            if now - listener.since > PATIENCE_S:
                listener.end()
            return
        listener.since = now
        listener.due = now + BEAT_S
        if self._due.pop(listener, None) is not None:
            self._due[listener] = story
        listener.passing = asyncio.create_task(self._hand_over(listener, story, words))

    async def _hand_over(self, listener: Listener, story: _Followed, words: bytes) -> None:
        try:
            while words:
                if words is not BEAT:
                    listener.told = words
                await _pass(listener.send, words)
                # What changed while this was under way, in its newest state only.
                words = story.now if listener.told != story.now else b""
        except Exception:  # noqa: BLE001 - whatever the server says of it, this reader is gone
            listener.end()
        finally:
            listener.passing = None


def _event(announced: Announced) -> bytes:
    return b'event: story\ndata: {"count": %d, "revision": %d}\n\n' % (announced.count, announced.revision)


async def _pass(send: Send, words: bytes) -> None:
    await send({"type": "http.response.body", "body": words, "more_body": True})


async def _hung_up(receive: Receive) -> None:
    """Wait until whoever listens goes away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _heard(task: asyncio.Future[Any]) -> None:
    """Whoever waits for it is told of a failure; one that nobody waited for is not worth a warning."""
    if not task.cancelled():
        task.exception()
