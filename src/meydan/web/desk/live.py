"""
The desk while it is looked at: what happens elsewhere is told, and nothing moves.

A page of the room listens to `/desk/live`, one stream of server-sent events. Every event says how things stand, not
what changed; so whoever lost one, or comes back after an hour, needs nothing but the next.

    news    how many wait, how many of them are new, what became of the comment before this person, who else looks at it
    over    the session has ended, and the stream with it

While anybody listens, one watcher in each server process asks the desk for its pulse, and looks closer only when that
is another. A stream that has nothing to say holds no thread and no connection to the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Final

import msgspec
import structlog
from litestar import get
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from meydan.comment import DecidedBy
from meydan.desk import Became, Claim, Desk, Pulse
from meydan.errors import ForgedForm, Overloaded, SignInNeeded, TooFast
from meydan.staff import Session, Staff
from meydan.web import access
from meydan.web.desk.frame import AnyRequest
from meydan.web.desk.room import Line, comment_address, line_address
from meydan.web.desk.tongue import by_of, said, speaking, tongue_of

EVERY_S: Final = 1.0
SELDOM_S: Final = 5.0
RESTS: Final = 20
"""How often the watcher asks for the pulse: the longer a look took the longer it rests, RESTS times as long, within these bounds."""

BEAT_S: Final = 15.0
"""How often a stream gives a sign of life, and the watcher looks whatever the pulse: appeals and ends of sessions have none."""

RETRY_MS: Final = 3000
PER_SESSION: Final = 4
"""Streams of one session at once. A browser opens six connections to one server, and needs some to decide with."""

AT_ONCE: Final = 200
LONGEST_ID: Final = 100
LARGEST: Final = 2**53

HEADERS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    # Some proxies keep an answer until it is whole, unless they are told.
    (b"x-accel-buffering", b"no"),
)

log = structlog.get_logger("meydan.desk.live")


class Said(msgspec.Struct, frozen=True):
    """One sentence for the person, and where to go from it."""

    said: str
    way: str = ""
    to: str = ""


class Told(msgspec.Struct, frozen=True):
    """An event: the count for the navigation, and a sentence or none for each place of the page."""

    waiting: int
    about: Said | None = None
    also: Said | None = None
    new: Said | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """
    What a page was made of, as it says in the address it listens to.

    Attributes:
        line: how the person goes through the queue.
        mark: the newest comment when the page was made; None where new ones are not told of.
        comment: the id of the one before them, "" for none; `seen` the number of its decision on the page.
        told: who else the page already says is looking.
    """

    line: Line
    mark: int | None = None
    comment: str = ""
    seen: int = 0
    told: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Page:
        """What an address says; what it says and cannot be is left out."""
        comment = query.get("comment", "")
        return cls(
            Line.of(query),
            _number(query.get("mark", "")),
            comment if len(comment) <= LONGEST_ID else "",
            _number(query.get("seen", "")) or 0,
            query.get("told", ""),
        )


@dataclass(eq=False, slots=True)
class Listener:
    """One open stream: whose, of which page, in which language, what is to be sent next and what was sent last."""

    session: Session
    page: Page
    language: str
    next: bytes = b""
    last: bytes = b""
    over: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, event: bytes) -> None:
        """Have an event sent unless it is what was sent last; one that is not sent yet makes place for it."""
        if event != self.last:
            self.next = self.last = event
            self.woken.set()

    def end(self, event: bytes = b"") -> None:
        self.next, self.over = event, True
        self.woken.set()


class Live:
    """Every stream of this process, and the watcher behind them."""

    def __init__(self, desk: Desk, staff: Staff) -> None:
        self._desk = desk
        self._staff = staff
        self._listeners: set[Listener] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._stirred = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def listening(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    @property
    def watching(self) -> bool:
        """Whether the database is being asked."""
        return self._watcher is not None

    def handler(self) -> HTTPRouteHandler:
        """The stream's address, for the application to include."""

        async def live(request: AnyRequest) -> ASGIApp:
            return await self._answer(request)

        return get("/desk/live", include_in_schema=False)(live)

    def close(self) -> None:
        """End every stream and take no more, so that the server can stop. From any thread."""
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._end_all)

    def _end_all(self) -> None:
        for listener in tuple(self._listeners):
            listener.end()

    # -- one stream --------------------------------------------------------------

    async def _answer(self, request: AnyRequest) -> ASGIApp:
        """
        The stream for who asks; it begins when the server runs it.

        Raises:
            SignInNeeded, NotAllowed: as every page of the desk. ForgedForm: another site's page asks.
        """
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise ForgedForm("Only a page of the desk can listen here.")
        session = await sync_to_thread(self._admitted, request)
        page, language = Page.of(dict(request.query_params)), tongue_of(request)

        async def stream(_: Scope, receive: Receive, send: Send) -> None:
            await self._stream(Listener(session, page, language), receive, send)

        return stream

    def _admitted(self, request: AnyRequest) -> Session:
        session = access.session_of(request, self._staff)
        self._staff.check(session, "read")
        return session

    async def _stream(self, listener: Listener, receive: Receive, send: Send) -> None:
        self._join(listener)
        gone = asyncio.ensure_future(_hung_up(receive))
        gone.add_done_callback(lambda _: listener.woken.set())
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await _send(send, b"retry: %d\n\n" % RETRY_MS)
            while not gone.done():
                try:
                    async with asyncio.timeout(BEAT_S):
                        await listener.woken.wait()
                except TimeoutError:
                    await _send(send, b": still here\n\n")
                    continue
                listener.woken.clear()
                said, listener.next = listener.next, b""
                if said and not gone.done():
                    await _send(send, said)
                if listener.over:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    break
        except TimeoutError:
            # Who does not take what is sent is not listening any more.
            pass
        finally:
            gone.cancel()
            self._leave(listener)

    def _join(self, listener: Listener) -> None:
        """
        Take somebody in, and see that they are told how things stand.

        Raises:
            TooFast: their session has as many streams as it may. Overloaded: the server has.
        """
        if self._closed or len(self._listeners) >= AT_ONCE:
            raise Overloaded(
                "As many pages listen for news as this server takes on. The desk works without; load a page to see more.",
                retry_after_s=30,
            )
        if sum(one.session.token == listener.session.token for one in self._listeners) >= PER_SESSION:
            raise TooFast(
                f"{PER_SESSION} pages of this session listen for news already. Close one, and this one will.",
                retry_after_s=30,
            )
        self._listeners.add(listener)
        self._loop = asyncio.get_running_loop()
        self._stirred = True
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())

    def _leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        self._stirred = True
        if not self._listeners and self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    # -- the watcher -------------------------------------------------------------

    async def _watch(self) -> None:
        """Ask for the pulse until nobody listens, and tell everybody how things stand when it is another."""
        loop = asyncio.get_running_loop()
        last: Pulse | None = None
        look_at = 0.0
        failing = False
        while True:
            begun = loop.time()
            try:
                stirred, self._stirred = self._stirred, False
                pulse = await sync_to_thread(self._desk.pulse)
                if stirred or pulse != last or begun >= look_at:
                    listeners = tuple(self._listeners)
                    for listener, event in await sync_to_thread(self._looked, pulse, listeners):
                        listener.tell(event) if event else listener.end(_over(listener.language))
                    last, look_at = pulse, begun + BEAT_S
                failing = False
            except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
                # Nobody is told anything meanwhile; who decides is refused by the page itself.
                if not failing:
                    log.warning("news_unknown", error=type(error).__name__)
                failing, look_at = True, 0.0
            await asyncio.sleep(min(max(EVERY_S, RESTS * (loop.time() - begun)), SELDOM_S))

    def _looked(self, pulse: Pulse, listeners: Collection[Listener]) -> list[tuple[Listener, bytes]]:
        """What to tell each listener now; b"" to whoever is not signed in any more, or may not read."""
        sessions = {token: self._still(token) for token in {one.session.token for one in listeners}}
        marks = [one.page.mark for one in listeners if one.page.mark is not None]
        news = self._desk.news(
            since=min(marks, default=LARGEST),
            about={one.page.comment for one in listeners if one.page.comment},
        )
        told: list[tuple[Listener, bytes]] = []
        for listener in listeners:
            found = sessions[listener.session.token]
            if found is None:
                told.append((listener, b""))
                continue
            session, others = found
            page = listener.page
            narrowed = page.line.why, () if page.line.every else others
            waiting = news.tally.waiting(*narrowed)
            # The watcher answers no request: whoever listens is spoken to as their page was.
            with speaking(listener.language):
                event = Told(
                    waiting,
                    about=_about(page, news.became.get(page.comment), session.moderator),
                    also=_also(page, session.moderator, pulse.claims, listeners),
                    new=_new(page, waiting, 0 if page.mark is None else news.new(page.mark, *narrowed)),
                )
            told.append((listener, _event("news", event)))
        return told

    def _still(self, token: str) -> tuple[Session, tuple[str, ...]] | None:
        """A session that is still in force and may read, with the languages that are for others."""
        try:
            session = self._staff.session(token)
        except SignInNeeded:
            return None
        return (session, self._staff.others_languages(session)) if session.may("read") else None


# -- what is said --------------------------------------------------------------


def _about(page: Page, became: Became | None, me: str) -> Said | None:
    """What became of the comment before somebody since their page was made; never a word of it."""
    if became is None:
        return None
    w = said()
    look = w["live.look"], comment_address(page.comment, page.line)
    if became.erased:
        return Said(w["room.closed_erased"], *look)
    if became.withdrawn:
        return Said(w["room.closed_withdrawn"], *look)
    if became.escalated:
        return Said(w["live.escalated"], w["room.go_on"], line_address(page.line))
    if became.seq <= page.seen or became.verdict is None or became.decided_at is None:
        return None
    who = "machine" if became.decided_by is DecidedBy.MACHINE else "you" if became.by == me else "other"
    at = f"{became.decided_at.astimezone(UTC):%H:%M} UTC"
    return Said(w.fill(f"live.{who}_{became.verdict.value}", by=_isolated(by_of(became.by)), time=at), *look)


def _also(page: Page, me: str, claims: Collection[Claim], listeners: Collection[Listener]) -> Said | None:
    """
    Who else has the comment before them: who the desk names, and who listens here.

    The desk names only who came first, so that the first learns of a second only where both are at the same server.
    """
    if not page.comment:
        return None
    names = {claim.moderator for claim in claims if claim.comment == page.comment}
    names |= {
        one.session.moderator
        for one in listeners
        if one.page.comment == page.comment and one.session.may("decide")
    }
    names -= {me, page.told}
    w = said()
    return Said(w.fill("live.also", names=w.listed(map(_isolated, sorted(names))))) if names else None


def _new(page: Page, waiting: int, new: int) -> Said | None:
    if page.mark is None:
        return None
    w = said()
    if not page.comment:
        return Said(w["live.waits"], w["live.look_waits"], line_address(page.line)) if waiting else None
    if not new:
        return None
    return Said(w.fill("live.new", number=new), w["live.show"], comment_address(page.comment, page.line))


def _isolated(name: str) -> str:
    """A name within a sentence, whatever direction it is written in."""
    return f"\u2068{name}\u2069"


# -- the wire ------------------------------------------------------------------


def _event(name: str, value: msgspec.Struct) -> bytes:
    """A server-sent event; JSON has no line breaks that could end it."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(value))


def _over(language: str) -> bytes:
    """What is said when a session ends; the stream ends with it."""
    with speaking(language):
        return _event("over", Said(said()["live.over"]))


async def _send(send: Send, body: bytes) -> None:
    """Send a part of the stream; TimeoutError when it is not taken in time."""
    async with asyncio.timeout(BEAT_S):
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def _hung_up(receive: Callable[[], Any]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _number(written: str) -> int | None:
    return int(written) if written.isascii() and written.isdigit() and len(written) < 16 else None
