"""
The raw ASGI handler in front of the framework: kept answers, and what every answer carries.

A read that was answered before is one dictionary lookup and two sends. All
else goes through to the framework, and passes back through here for its
security and CORS headers, its log line, and the news of what it changed.
"""

from __future__ import annotations

import asyncio
import functools
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec
import structlog
from structlog.contextvars import bound_contextvars

from meydan.errors import Malformed, Overloaded
from meydan.locale import accepted, words
from meydan.web.access import Origins, Proxies, security_headers
from meydan.web.errors import CODE_HEADER, WrongMethod, headers_of, problem_of, status_of
from meydan.web.metrics import Metrics, door_of
from meydan.web.sending import PATH as SENT
from meydan.web.sending import ROUTE, UNSEEN
from meydan.web.shelf import Kept, RawHeaders, Shelf
from meydan.web.stream import LIVE, Stream
from meydan.web.watching import ALWAYS

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

PUBLIC = re.compile(r"/ledger/(?:[1-9]\d*/)?(?:checkpoint|key|tile/)|/api/v1/comments/[^/]+/proof\Z")
"""What pages of any site may read (CORS): it is for everybody to check, and asked for without cookies."""

SHARED = ("/api/", "/embed/", "/embed.js", "/static/", "/feeds/")
"""Addresses that pages of the guidelines' origins may read from a browser (CORS)."""

PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"content-type, accept-language, authorization, idempotency-key"),
    (b"access-control-max-age", b"600"),
)
VARIES: RawHeaders = [(b"vary", b"Origin")]
TO_ALL: RawHeaders = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"etag, retry-after"),
]
MOST_AT_ONCE = 512
STREAMED = "/desk/live"
"""What is open for hours and idle: once it has begun it is not under way any more, because its room has a limit of its own."""

BODY_PATIENCE_S = 20.0
SLOWEST_BYTES_S = 4096
"""After BODY_PATIENCE_S a body has to come at least this fast: one byte now and then would be waited for for ever."""

LOOKS = 20
"""How often within BODY_PATIENCE_S it is looked who has waited too long for a body."""

NOT_ARRIVED = "The request's body did not arrive. Nothing was kept; send it again."
FRAMED = ("/comments", "/status/")
LONGEST_PATH = 2048
LONGEST_QUERY = 8192
"""Characters of an address, without its query, and bytes of the query: a story's address as a browser writes it, and a receipt."""

LONGEST_QUERIES = {"/api/v1/counts": 65_536}
"""Where an address names many stories at once; a head of a request has no more anyway."""

LONGEST_COOKIES = 8192
"""Bytes of all cookies together, the page's own among them: as many as other servers take."""

SUBMITTED = ("/api/v1/comments", "/comments")
"""Where comments are sent to."""

HEARD_S = 3.0
"""How long who changed something waits until no page shows what was before; it takes milliseconds, but for a silent database."""

REQUEST_ID = b"x-request-id"
ID_SHAPE = re.compile(rb"[A-Za-z0-9._-]{8,64}")

log = structlog.get_logger("meydan.access")


class Other(Protocol):
    """A door with a form of its own, for all addresses that begin alike: past the framework, its refusals included."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    async def refuse(self, error: Exception, send: Send) -> None:
        """Say what kept a request from being asked at all."""


class Front:
    """
    The application as the server sees it.

    Args:
        inner: the framework's application.
        fixed: answers that never change, by path (the component, a sample newspaper).
        sending: what answers comments sent as JSON, before the framework sees them.
        others: doors with a form of their own, by how their addresses begin.
        news: what tells readers of new comments; without it nobody listens here.
        end_streams: ends what would otherwise stay open for as long as somebody looks.
        proxies: whose X-Request-Id is taken; nobody's without them.
        drain: tells who asks that no more requests should be sent here.
    """

    def __init__(
        self,
        inner: App,
        *,
        shelf: Shelf,
        origins: Origins,
        https: bool,
        fixed: Mapping[str, Kept],
        sending: App | None = None,
        others: Mapping[str, Other] | None = None,
        news: Stream | None = None,
        end_streams: Callable[[], None] = lambda: None,
        metrics: Metrics | None = None,
        proxies: Proxies | None = None,
        drain: Callable[[], None] = lambda: None,
    ) -> None:
        self._metrics = metrics or Metrics()
        self._fronted = self._metrics.fronted
        self._proxies = proxies or Proxies(())
        self._ids = (secrets.token_hex(6).encode(), iter(range(1, 2**62)))
        self.drain = drain
        self._news = news
        self._inner = inner
        self._sending = sending or inner
        self._others = tuple((others or {}).items())
        self._shelf = shelf
        self._origins = origins
        self._https = https
        self._fixed = fixed
        self.end_streams = end_streams
        self._patience = _Patience()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        method: str = scope["method"]
        path: str = scope["path"]
        if method in ("GET", "HEAD"):
            kept = self._shelf.find(path, scope["query_string"])
            counted = self._fronted.pages
            if kept is None:
                kept, counted = self._fixed.get(path), self._fronted.files
            elif self._shelf.unsure:
                self._fronted.stale += 1
            if kept is not None:
                headers = scope["headers"]
                more = [*self._cors(path, headers), (REQUEST_ID, self._id_of(scope))]
                if counted is self._fronted.pages and self._shelf.unsure:
                    more += self._shelf.doubts()
                counted[await kept.send(headers, send, more=more, head=method == "HEAD")] += 1
                return
        elif method == "OPTIONS" and await self._preflight(path, scope, send):
            return
        if path == LIVE and self._news is not None:
            await self._listen(self._news, scope, receive, send)
            return
        await self._through(scope, receive, send)

    async def _listen(self, news: Stream, scope: Scope, receive: Receive, send: Send) -> None:
        """A reader's stream: idle for hours and limited by itself, so it is never among what is under way."""
        id = self._id_of(scope)
        headers = [*self.standard(LIVE), *self._cors(LIVE, scope["headers"]), (REQUEST_ID, id)]
        status = 0
        began = time.perf_counter()

        async def pass_back(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                log.info("request", method=scope["method"], route=LIVE, status=status)
                self._count("embed", status, time.perf_counter() - began, _code_in(message))
                message = {**message, "headers": [*message["headers"], *headers]}
            await send(message)

        with bound_contextvars(request_id=id.decode()):
            try:
                _check_head(scope)
                if scope["method"] not in ("GET", "HEAD"):
                    raise WrongMethod("This address does not take that method.")
                await news.answer(scope, receive, pass_back)
            except Exception as error:
                if status:
                    raise
                if status_of(error) == 500:
                    log.error("unexpected", error=type(error).__name__)
                await self._refuse(error, scope["headers"], pass_back)

    async def _through(self, scope: Scope, receive: Receive, send: Send) -> None:
        id = self._id_of(scope)
        # Threads that work for this request take these along: each line they log says which one it was.
        with bound_contextvars(request_id=id.decode()):
            await self._pass_through(scope, receive, send, id)

    async def _pass_through(self, scope: Scope, receive: Receive, send: Send, id: bytes) -> None:
        began = time.perf_counter()
        path: str = scope["path"]
        streamed = path == STREAMED
        head = scope["method"] == "HEAD" and not streamed
        if head:
            scope = {**scope, "method": "GET"}
        changes = scope["method"] not in ("GET", "OPTIONS")
        sent = path == SENT and scope["method"] == "POST"
        other = next((door for begins, door in self._others if path.startswith(begins)), None)
        inner = self._sending if sent else other or self._inner
        more = [*self._cors(path, scope["headers"]), (REQUEST_ID, id)]
        status = counted = 0
        code: str | None = None

        async def pass_back(message: Any) -> None:
            nonlocal status, counted, code
            if message["type"] == "http.response.start":
                if streamed:
                    count(False)
                status = message["status"]
                if changes and status < 400 and not scope.get(UNSEEN):
                    # Before the asker learns of a change, nobody can read what was before it.
                    # Where that cannot be known now, the change is made all the same, and its answer goes out.
                    await self._shelf.try_to_catch_up(within_s=HEARD_S)
                code = _code_in(message)
                message = {**message, "headers": [*self._completed(path, message["headers"]), *more]}
            elif head:
                message = {**message, "body": b"", "more_body": False}
            await send(message)

        def count(under_way: bool) -> None:
            nonlocal counted
            if streamed and status:
                return
            if under_way and not counted and self._fronted.under_way >= MOST_AT_ONCE:
                raise Overloaded(
                    "More requests are under way than can be answered. Nothing was kept; try again.",
                    retry_after_s=2,
                )
            self._fronted.under_way += under_way - counted
            counted = int(under_way)

        try:
            _check_head(scope)
            if path not in ALWAYS:
                count(True)
        except (Malformed, Overloaded) as error:
            if other is not None:
                await other.refuse(error, pass_back)
            else:
                await self._refuse(error, scope["headers"], pass_back)
            self._count(
                door_of(None),
                status,
                time.perf_counter() - began,
                code,
                submission=changes and path in SUBMITTED,
            )
            log.info("request", method=scope["method"], route="?", status=status, code=code)
            return
        try:
            await inner(scope, _patient(receive, count, self._patience) if changes else receive, pass_back)
        finally:
            self._fronted.under_way -= counted
            # The route's pattern, not the address: an address may hold a receipt.
            handler = scope.get("route_handler")
            known = SENT if sent else scope.get(ROUTE)
            route = next(iter(sorted(handler.paths)), None) if handler is not None else known
            seconds = time.perf_counter() - began
            self._count(door_of(route), status, seconds, code, submission=changes and path in SUBMITTED)
            # Asked every second, and of no interest while all is well.
            tell = log.debug if path in ALWAYS and status < 400 else log.info
            tell(
                "request",
                method="HEAD" if head else scope["method"],
                route=route or "?",
                status=status,
                ms=round(seconds * 1000, 1),
                **({"code": code} if code else {}),
            )

    def _count(
        self, door: str, status: int, seconds: float, code: str | None, *, submission: bool = False
    ) -> None:
        self._metrics.answered(door, status, seconds)
        if code:
            self._metrics.refused(code, submission=submission)

    def _id_of(self, scope: Scope) -> bytes:
        """The request's id: as a trusted proxy gave it, where it is of a safe shape, else one that was never used."""
        for name, value in scope["headers"]:
            if name == REQUEST_ID:
                client = scope.get("client")
                if self._proxies.trusts(str(client[0]) if client else "") and ID_SHAPE.fullmatch(value):
                    return bytes(value)
                break
        prefix, numbers = self._ids
        return b"%b-%x" % (prefix, next(numbers))

    def _completed(self, path: str, headers: Any) -> RawHeaders:
        given: RawHeaders = [(bytes(name), bytes(value)) for name, value in headers]
        names = {name for name, _ in given}
        given.extend(header for header in self.standard(path) if header[0] not in names)
        return given

    def standard(self, path: str) -> RawHeaders:
        """The security headers for an answer at this path."""
        ancestors = self._origins.ancestors if path.startswith(FRAMED) else "'none'"
        raw = list(_raw_security_headers(self._https, ancestors))
        if path.startswith(SHARED) or PUBLIC.match(path):
            raw.append((b"cross-origin-resource-policy", b"cross-origin"))
        elif not path.startswith(FRAMED):
            raw.append((b"cross-origin-resource-policy", b"same-origin"))
        return raw

    def _cors(self, path: str, headers: RawHeaders) -> RawHeaders:
        if PUBLIC.match(path):
            return TO_ALL
        if not path.startswith(SHARED):
            return []
        for name, value in headers:
            if name == b"origin":
                origin = value.decode("latin-1")
                if self._origins.allow(origin):
                    return [
                        (b"access-control-allow-origin", value),
                        (b"access-control-expose-headers", b"etag, retry-after"),
                        (b"vary", b"Origin"),
                    ]
                return VARIES
        return VARIES

    async def _preflight(self, path: str, scope: Scope, send: Send) -> bool:
        headers: RawHeaders = scope["headers"]
        asked = any(name == b"access-control-request-method" for name, _ in headers)
        if not asked or not path.startswith(SHARED):
            return False
        cors = self._cors(path, headers)
        allowed = any(name == b"access-control-allow-origin" for name, _ in cors)
        answer = [*self.standard(path), *cors, *(PREFLIGHT if allowed else ())]
        answer.append((REQUEST_ID, self._id_of(scope)))
        await send({"type": "http.response.start", "status": 204 if allowed else 403, "headers": answer})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return True

    async def _refuse(self, error: Exception, headers: RawHeaders, send: Send) -> None:
        """The refusal as JSON, in the language that the browser prefers."""
        preferred = next((value for name, value in headers if name == b"accept-language"), b"")
        body = msgspec.json.encode(problem_of(error, words(accepted(preferred.decode("latin-1")))))
        given = {"content-type": "application/json", **headers_of(error)}
        if isinstance(error, WrongMethod):
            given["allow"] = "GET, HEAD"
        raw = [(name.encode(), value.encode()) for name, value in given.items()]
        await send({"type": "http.response.start", "status": status_of(error), "headers": raw})
        await send({"type": "http.response.body", "body": body, "more_body": False})


@functools.lru_cache(maxsize=16)
def _raw_security_headers(https: bool, ancestors: str) -> tuple[tuple[bytes, bytes], ...]:
    headers = security_headers(https=https, ancestors=ancestors)
    return tuple((name.encode(), value.encode()) for name, value in headers.items())


def _check_head(scope: Scope) -> None:
    """
    Refuse an address or cookies that are longer than any of ours: whatever is behind here may take them apart, and hold
    them for as long as the request lasts.

    Raises:
        Malformed: it says which of them, and how long they may be.
    """
    if len(scope["path"]) > LONGEST_PATH:
        raise Malformed(
            f"The address has more than {LONGEST_PATH} characters. Follow a link to it instead of typing it."
        )
    longest = LONGEST_QUERIES.get(scope["path"], LONGEST_QUERY)
    if len(scope["query_string"]) > longest:
        raise Malformed(
            f"What is asked for in the address has more than {longest} bytes. Ask for less at once, or leave out what is not ours."
        )
    if sum(len(value) for name, value in scope["headers"] if name == b"cookie") > LONGEST_COOKIES:
        raise Malformed(
            f"The cookies sent along have more than {LONGEST_COOKIES} bytes. Remove this site's cookies in the browser, and try again."
        )


def _code_in(message: Any) -> str | None:
    """The code of the refusal that this answer is, which Coral is told with a 200; None where it is none."""
    name = CODE_HEADER.encode()
    return next((bytes(value).decode() for key, value in message["headers"] if key == name), None)


class _Patience:
    """
    Who waits for what, until when: one look now and then at all of them, because nearly nobody waits so long, and a timer
    for each who does not would cost more than all else that is done for them.
    """

    def __init__(self) -> None:
        self._until: dict[asyncio.Task[Any], float] = {}
        self._ended: set[asyncio.Task[Any]] = set()
        self._looking = False

    def waits(self, task: asyncio.Task[Any], until: float) -> None:
        """From now on `task` waits, until then at most; after that it is cancelled."""
        self._until[task] = until
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_later(BODY_PATIENCE_S / LOOKS, self._look)

    def has(self, task: asyncio.Task[Any]) -> None:
        """It waits no longer."""
        self._until.pop(task, None)
        self._ended.discard(task)

    def ended(self, task: asyncio.Task[Any]) -> bool:
        """Whether it was cancelled here."""
        return task in self._ended

    def _look(self) -> None:
        now = time.monotonic()
        for task, until in list(self._until.items()):
            if now >= until and task not in self._ended:
                self._ended.add(task)
                task.cancel()
        self._looking = bool(self._until)
        if self._looking:
            asyncio.get_running_loop().call_later(BODY_PATIENCE_S / LOOKS, self._look)


def _patient(receive: Receive, count: Callable[[bool], None], patience: _Patience) -> Receive:
    """
    `receive`, but a body that stops coming, or hardly comes, is refused, so that idle senders cannot fill the house.

    Who waits for its sender is not under way: however many send slowly, they keep nobody else outside. Once the
    body is whole there is nothing to wait for but the asker hanging up, however long.

    Args:
        count: told when the request is under way and when it waits for its sender; raises Overloaded when there is no room.
    """
    whole = False
    until = time.monotonic() + BODY_PATIENCE_S

    async def receiving() -> Any:
        nonlocal whole, until
        if whole:
            return await receive()
        count(False)
        task = asyncio.current_task()
        assert task is not None
        patience.waits(task, until)
        try:
            message = await receive()
        except asyncio.CancelledError:
            if not patience.ended(task):
                raise
            task.uncancel()
            raise Malformed(NOT_ARRIVED) from None
        finally:
            patience.has(task)
        if message["type"] == "http.disconnect":
            # Not a fault of ours, which is what the framework would make of it.
            raise Malformed(NOT_ARRIVED)
        count(True)
        whole = not message.get("more_body", False)
        until += len(message.get("body", b"")) / SLOWEST_BYTES_S
        return message

    return receiving
