"""
The short way of a comment sent as JSON: past the framework, where there is nothing for it to do.

What is plainly a submission goes straight to the reception, and no thread waits for it. Whatever is not (another type, not
JSON, a field of another kind, an address with parameters) goes the framework's way, which says what is wrong with it.
Both do the same with a submission: `Submitting` of web/api.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

import msgspec
import structlog

from meydan.desk import Outcome
from meydan.errors import MeydanError
from meydan.locale import accepted, words
from meydan.web.api import ApiRequest, Sent, StoryRef, Submitting
from meydan.web.doors import Doors
from meydan.web.errors import headers_of, problem_of, status_of, where

T = TypeVar("T")
Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

PATH = "/api/v1/comments"
UNSEEN = "meydan.unseen"
"""Set in a request's scope whose answer changed nothing that readers see."""

ROUTE = "meydan.route"
"""Where the scope of a request that the framework never saw says which address it was for."""

_KEY = re.compile(rb"[\x21-\x7e]{8,100}")
_NUL = rb"\u0000"
"""How JSON spells what is in no text. The framework's way looks closer."""

log = structlog.get_logger("meydan.web")


class _PlainStory(StoryRef, forbid_unknown_fields=True):
    """A story with nothing beside what is asked for: what would be passed over is not looked at either."""


class _Plain(Sent, forbid_unknown_fields=True):
    """A submission with nothing beside what is asked for."""

    story: _PlainStory = msgspec.field(default_factory=_PlainStory)


class Sending:
    """
    What answers POST /api/v1/comments.

    Args:
        inner: the framework's application, for what is not plainly a submission.
    """

    def __init__(self, doors: Doors, inner: App) -> None:
        self._submitting = Submitting(doors)
        self._submit = doors.meydan.reception.submit
        self._inner = inner
        self._answers: deque[tuple[asyncio.Future[Outcome], Outcome | BaseException]] = deque()
        self._waking = False
        self._most = doors.meydan.settings.body_bytes
        self._read = msgspec.json.Decoder(_Plain)
        self._write = msgspec.json.Encoder()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        plain, key = self._head(scope)
        if not plain:
            await self._inner(scope, receive, send)
            return
        came: list[Any] = []
        size = 0
        try:
            while size <= self._most:
                message = await receive()
                came.append(message)
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    break
        except MeydanError as error:
            # It did not come in time, or there is no room for it.
            await self._refuse(error, scope, send)
            return
        sent = (
            self._sent(b"".join(message.get("body", b"") for message in came)) if size <= self._most else None
        )
        if sent is None:
            await self._inner(scope, _again(came, receive), send)
            return

        request = ApiRequest(scope)
        try:
            outcome = await self._received(request, sent, key)
            told = self._submitting.told(request, sent, outcome)
        except Exception as error:  # noqa: BLE001 - the one table says what each is answered with
            await self._refuse(error, scope, send)
            return
        if told.status != "approved":
            scope[UNSEEN] = True
        await answer(201, {"content-type": "application/json"}, self._write.encode(told), send)

    def _received(self, request: ApiRequest, sent: Sent, key: str | None) -> asyncio.Future[Outcome]:
        """What becomes of a submission, once that is known."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        asked = partial(self._submitting.asked, request, sent, key)

        def then(what: Outcome | BaseException) -> None:
            # The loop is woken once for all who are answered at the same time.
            self._answers.append((future, what))
            if not self._waking:
                self._waking = True
                loop.call_soon_threadsafe(self._answer_all)

        self._submit(asked, then)
        return future

    def _answer_all(self) -> None:
        # Before the first is taken: whoever comes from now on wakes the loop again.
        self._waking = False
        while self._answers:
            future, what = self._answers.popleft()
            if future.done():
                # Whoever sent it has hung up.
                continue
            if isinstance(what, BaseException):
                future.set_exception(what)
            else:
                future.set_result(what)

    def _head(self, scope: Scope) -> tuple[bool, str | None]:
        """Whether a request's head is that of a plain submission, and the key of its sending."""
        if scope["query_string"]:
            return False, None
        plain, key = False, None
        for name, value in scope["headers"]:
            if name == b"content-type":
                plain = value == b"application/json"
            elif name == b"idempotency-key":
                if key is not None or not _KEY.fullmatch(value):
                    return False, None
                key = value.decode("ascii")
            elif name == b"content-length" and not (
                value.isdigit() and len(value) < 10 and int(value) <= self._most
            ):
                return False, None
        return plain, key

    def _sent(self, body: bytes) -> Sent | None:
        """The submission; None for what is not plainly one."""
        if _NUL in body:
            return None
        try:
            return self._read.decode(body)
        except (ValueError, RecursionError):
            return None

    async def _refuse(self, error: Exception, scope: Scope, send: Send) -> None:
        status = status_of(error)
        if status == 500:
            log.error("unexpected", error=type(error).__name__, at=where(error))
        said = words(accepted(ApiRequest(scope).headers.get("accept-language", "")))
        body = self._write.encode(problem_of(error, said))
        await answer(status, {"content-type": "application/json", **headers_of(error)}, body, send)


def in_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    """Do `work` off the event loop, with the request's id for what is logged there."""
    return asyncio.get_running_loop().run_in_executor(None, copy_context().run, work)


async def answer(status: int, headers: dict[str, str], body: bytes, send: Send) -> None:
    """Send a whole answer."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def body_of(receive: Receive, most: int) -> bytes | None:
    """
    A request's body; None where it has more than `most` bytes.

    Raises:
        Malformed, Overloaded: it did not come in time, or there is no room for it.
    """
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _again(came: list[Any], receive: Receive) -> Receive:
    """`receive` that first gives once more what came."""
    left = iter(came)

    async def receiving() -> Any:
        message = next(left, None)
        return await receive() if message is None else message

    return receiving
