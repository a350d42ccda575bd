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
from meydan.locale import words
from meydan.web.access import Origins, security_headers
from meydan.web.errors import headers_of, problem_of
from meydan.web.shelf import Kept, RawHeaders, Shelf

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

SHARED = ("/api/", "/embed/", "/embed.js", "/static/")
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
FRAMED = ("/comments", "/status/")

log = structlog.get_logger("meydan.access")


class Front:
    """
    The application as the server sees it.

    Args:
        inner: the framework's application.
        fixed: answers that never change, by path (the component, a sample newspaper).
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
        end_streams: Callable[[], None] = lambda: None,
    ) -> None:
        self._inner = inner
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
        await self._through(scope, receive, send)

    async def _through(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        path: str = scope["path"]
        streamed = path == STREAMED
        head = scope["method"] == "HEAD" and not streamed
        if head:
            scope = {**scope, "method": "GET"}
        changes = scope["method"] not in ("GET", "OPTIONS")
        cors = self._cors(path, scope["headers"])
        status = counted = 0

        async def pass_back(message: Any) -> None:
            nonlocal status, counted
            if message["type"] == "http.response.start":
                status = message["status"]
                if streamed:
                    self._under_way -= counted
                    counted = 0
                if changes and status < 400:
                    # Before the asker learns of a change, nobody can read what was before it.
                    await self._hear_of_changes()
                message = {**message, "headers": [*self._completed(path, message["headers"]), *cors]}
            elif head:
                message = {**message, "body": b"", "more_body": False}
            await send(message)

        if self._under_way >= MOST_AT_ONCE:
            await self._turn_away(pass_back)
            return
        counted = 1
        self._under_way += counted
        try:
            await self._inner(scope, _patient(receive), pass_back)
        finally:
            self._under_way -= counted
            # The route's pattern, not the address: an address may hold a receipt.
            handler = scope.get("route_handler")
            log.info(
                "request",
                method="HEAD" if head else scope["method"],
                route=next(iter(sorted(handler.paths)), "?") if handler is not None else "?",
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

    async def _turn_away(self, send: Send) -> None:
        error = Overloaded(
            "More requests are under way than can be answered. Nothing was kept; try again.", retry_after_s=2
        )
        body = msgspec.json.encode(problem_of(error, words("en")))
        headers = {"content-type": "application/json", **headers_of(error)}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 503, "headers": raw})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _patient(receive: Receive) -> Receive:
    """
    `receive`, but a body that stops coming is refused, so that idle senders cannot fill the house.

    Once the body is whole there is nothing to wait for but the asker hanging up, however long.
    """
    whole = False

    async def receiving() -> Any:
        nonlocal whole
        try:
            async with asyncio.timeout(None if whole else BODY_PATIENCE_S):
                message = await receive()
        except TimeoutError:
            raise Malformed("The request's body did not arrive. Nothing was kept; send it again.") from None
        whole = not message.get("more_body", False)
        return message

    return receiving
