"""
The raw ASGI handler in front of the framework: kept answers, and what every answer carries.

A read that was answered before is one dictionary lookup and two sends. All
else goes through to the framework, and passes back through here for its
security and CORS headers, its log line, and the news of what it changed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import structlog

from meydan.errors import Malformed, Overloaded
from meydan.locale import accepted, words
from meydan.web.access import Origins, security_headers
from meydan.web.errors import WrongMethod, headers_of, problem_of, status_of
from meydan.web.sending import PATH as SENT
from meydan.web.sending import UNSEEN
from meydan.web.shelf import Kept, RawHeaders, Shelf
from meydan.web.stream import LIVE, Stream

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

SHARED = ("/api/", "/embed/", "/embed.js", "/static/", "/feeds/")
"""Addresses that pages of the guidelines' origins may read from a browser (CORS)."""

PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"content-type, accept-language, authorization, idempotency-key"),
    (b"access-control-max-age", b"600"),
)
VARIES: RawHeaders = [(b"vary", b"Origin")]
MOST_AT_ONCE = 512
STREAMED = "/desk/live"
"""What is open for hours and idle: once it has begun it is not under way any more, because its room has a limit of its own."""

BODY_PATIENCE_S = 20.0
SLOWEST_BYTES_S = 4096
"""After BODY_PATIENCE_S a body has to come at least this fast: one byte now and then would be waited for for ever."""

NOT_ARRIVED = "The request's body did not arrive. Nothing was kept; send it again."
FRAMED = ("/comments", "/status/")

log = structlog.get_logger("meydan.access")


class Front:
    """
    The application as the server sees it.

    Args:
        inner: the framework's application.
        fixed: answers that never change, by path (the component, a sample newspaper).
        sending: what answers comments sent as JSON, before the framework sees them.
        news: what tells readers of new comments; without it nobody listens here.
        end_streams: ends what would otherwise stay open for as long as somebody looks.
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
        news: Stream | None = None,
        end_streams: Callable[[], None] = lambda: None,
    ) -> None:
        self._news = news
        self._inner = inner
        self._sending = sending or inner
        self._shelf = shelf
        self._origins = origins
        self._https = https
        self._fixed = fixed
        self.end_streams = end_streams
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        method: str = scope["method"]
        path: str = scope["path"]
        if method in ("GET", "HEAD"):
            kept = self._shelf.find(path, scope["query_string"]) or self._fixed.get(path)
            if kept is not None:
                await kept.send(
                    scope["headers"], send, more=self._cors(path, scope["headers"]), head=method == "HEAD"
                )
                return
        elif method == "OPTIONS" and await self._preflight(path, scope["headers"], send):
            return
        if path == LIVE and self._news is not None:
            await self._listen(self._news, scope, receive, send)
            return
        await self._through(scope, receive, send)

    async def _listen(self, news: Stream, scope: Scope, receive: Receive, send: Send) -> None:
        """A reader's stream: idle for hours and limited by itself, so it is never among what is under way."""
        headers = [*self.standard(LIVE), *self._cors(LIVE, scope["headers"])]
        status = 0

        async def pass_back(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                log.info("request", method=scope["method"], route=LIVE, status=status)
                message = {**message, "headers": [*message["headers"], *headers]}
            await send(message)

        try:
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
        began = time.perf_counter()
        path: str = scope["path"]
        streamed = path == STREAMED
        head = scope["method"] == "HEAD" and not streamed
        if head:
            scope = {**scope, "method": "GET"}
        changes = scope["method"] not in ("GET", "OPTIONS")
        sent = path == SENT and scope["method"] == "POST"
        inner = self._sending if sent else self._inner
        cors = self._cors(path, scope["headers"])
        status = counted = 0

        async def pass_back(message: Any) -> None:
            nonlocal status, counted
            if message["type"] == "http.response.start":
                if streamed:
                    count(False)
                status = message["status"]
                if changes and status < 400 and not scope.get(UNSEEN):
                    # Before the asker learns of a change, nobody can read what was before it.
                    await self._hear_of_changes()
                message = {**message, "headers": [*self._completed(path, message["headers"]), *cors]}
            elif head:
                message = {**message, "body": b"", "more_body": False}
            await send(message)

        def count(under_way: bool) -> None:
            nonlocal counted
            if streamed and status:
                return
            if under_way and not counted and self._under_way >= MOST_AT_ONCE:
                raise Overloaded(
                    "More requests are under way than can be answered. Nothing was kept; try again.",
                    retry_after_s=2,
                )
            self._under_way += under_way - counted
            counted = int(under_way)

        try:
            count(True)
        except Overloaded as error:
            await self._refuse(error, scope["headers"], pass_back)
            return
        try:
            await inner(scope, _patient(receive, count) if changes else receive, pass_back)
        finally:
            self._under_way -= counted
            # The route's pattern, not the address: an address may hold a receipt.
            handler = scope.get("route_handler")
            route = SENT if sent else "?"
            log.info(
                "request",
                method="HEAD" if head else scope["method"],
                route=next(iter(sorted(handler.paths)), "?") if handler is not None else route,
                status=status,
                ms=round((time.perf_counter() - began) * 1000, 1),
            )

    async def _hear_of_changes(self) -> None:
        try:
            await self._shelf.catch_up()
        except Exception as error:  # noqa: BLE001 - the change is made; its answer has to go out
            # What changed is unknown, so nothing kept can be trusted.
            log.warning("changes_unknown", error=type(error).__name__)
            self._shelf.clear()

    def _completed(self, path: str, headers: Any) -> RawHeaders:
        given: RawHeaders = [(bytes(name), bytes(value)) for name, value in headers]
        names = {name for name, _ in given}
        given.extend(header for header in self.standard(path) if header[0] not in names)
        return given

    def standard(self, path: str) -> RawHeaders:
        """The security headers for an answer at this path."""
        ancestors = self._origins.ancestors if path.startswith(FRAMED) else "'none'"
        headers = security_headers(https=self._https, ancestors=ancestors)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        if path.startswith(SHARED):
            raw.append((b"cross-origin-resource-policy", b"cross-origin"))
        return raw

    def _cors(self, path: str, headers: RawHeaders) -> RawHeaders:
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

    async def _preflight(self, path: str, headers: RawHeaders, send: Send) -> bool:
        asked = any(name == b"access-control-request-method" for name, _ in headers)
        if not asked or not path.startswith(SHARED):
            return False
        cors = self._cors(path, headers)
        allowed = any(name == b"access-control-allow-origin" for name, _ in cors)
        answer = [*self.standard(path), *cors, *(PREFLIGHT if allowed else ())]
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


def _patient(receive: Receive, count: Callable[[bool], None]) -> Receive:
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
        try:
            async with asyncio.timeout(until - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise Malformed(NOT_ARRIVED) from None
        if message["type"] == "http.disconnect":
            # Not a fault of ours, which is what the framework would make of it.
            raise Malformed(NOT_ARRIVED)
        count(True)
        whole = not message.get("more_body", False)
        until += len(message.get("body", b"")) / SLOWEST_BYTES_S
        return message

    return receiving
