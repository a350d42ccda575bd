"""
What this node says of itself to those who look after it: /healthz, /readyz and /metrics.

Each is answered from what is known already, on the event loop: no thread of the desk's, no wait for the database, so
they answer within a second whatever is broken. What has to be asked is asked beside them, in threads of their own.

    /healthz   it is alive: 503 only where starting it anew would help
    /readyz    it should be sent requests: its database answers and has the right tables, and nobody is stopping it
    /metrics   figures, for this machine and for who has the token
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import msgspec
import structlog
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec

import meydan
from meydan.desk import Backlog, Promises
from meydan.errors import BadSchema, NotAllowed, NotReady, SignInNeeded
from meydan.staff import same_secret
from meydan.web.access import AnyRequest, Proxies, bearer_of
from meydan.web.errors import Problem, headers_of
from meydan.web.metrics import CONTENT_TYPE, Known, Metrics
from meydan.web.shelf import Shelf
from meydan.web.stream import Stream
from meydan.wiring import Meydan

ALWAYS: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Addresses that are answered however much is under way."""

LOOK_EVERY_S: Final = 1.0
"""How often the database is asked whether it answers."""

SILENT_S: Final = 5.0
"""For how long it may leave that open before it counts as not reachable."""

BACKLOG_FOR_S: Final = 5.0
PROMISES_FOR_S: Final = 60.0
"""How old an answer may be that goes into the figures: audits are answered by people, and reading them all takes a moment."""

PATIENCE_S: Final = 0.7
"""How long a reading of the figures waits for the database."""

FORWARDED: Final = ("x-forwarded-for", "forwarded", "via", "x-real-ip")
"""What says that somebody else is asking through whoever holds the connection."""

T = TypeVar("T")

log = structlog.get_logger("meydan.web.watching")


class Health(msgspec.Struct):
    """This node is alive. `database` says whether it answers: starting this node anew would not change that."""

    status: str
    version: str
    database: str


class Ready(msgspec.Struct):
    """This node should be sent requests."""

    status: str
    version: str


class Watch:
    """What one node knows of itself. Of the event loop, but for `drain`."""

    def __init__(
        self,
        meydan: Meydan,
        metrics: Metrics,
        *,
        shelf: Shelf,
        streams: Stream,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        self.metrics = metrics
        self.draining = False
        self._desk = meydan.desk
        self._ledger = meydan.ledger
        self._shelf = shelf
        self._streams = streams
        self._leads = leads
        self._hands = ThreadPoolExecutor(2, thread_name_prefix="watch")
        self._behind = ""
        self._answered_at: float | None = None
        self._backlog: tuple[float, Backlog] | None = None
        self._promises: tuple[float, tuple[Promises, ...]] | None = None
        self._reading: asyncio.Future[None] | None = None

    def drain(self) -> None:
        """From now on this node is not ready; it answers whoever comes all the same. From any thread."""
        self.draining = True

    async def follow(self) -> None:
        """Ask the database now and then whether it answers, until cancelled."""
        failing = False
        try:
            while True:
                behind = ""
                try:
                    await self._ask(self._desk.check_read)
                except BadSchema as error:
                    behind, self._answered_at = error.message, time.monotonic()
                except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
                    self._answered_at = None
                    if not failing:
                        log.warning("database_silent", error=type(error).__name__)
                else:
                    self._answered_at = time.monotonic()
                self._behind, failing = behind, self._answered_at is None
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            self._hands.shutdown(wait=False, cancel_futures=True)

    @property
    def up(self) -> bool:
        """Whether the database answers, as far as is known."""
        if self._desk.condition.away or self._answered_at is None:
            return False
        return time.monotonic() - self._answered_at <= SILENT_S

    def alive(self) -> bool:
        """Whether this process can go on; if not, only starting it anew helps."""
        return not self._desk.condition.ended

    def wrong(self) -> dict[str, str]:
        """Why this node should be sent no requests now, in words; empty when it should."""
        found: dict[str, str] = {}
        if not self.up:
            found["database"] = (
                "The database does not answer. Pages that are kept are still served; `meydan doctor` says why."
            )
        if self._behind:
            found["schema"] = self._behind
        if self.draining:
            found["draining"] = "This node is being stopped."
        return found

    async def figures(self) -> bytes:
        """Everything counted, and what the database says of it if it says so within PATIENCE_S."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(self._read())
        await asyncio.wait({self._reading}, timeout=PATIENCE_S)
        desk, shelf = self._desk, self._shelf
        known = Known(
            up=self.up,
            condition=desk.condition,
            # What was asked long ago is no figure of now.
            backlog=_fresh(self._backlog, 2 * BACKLOG_FOR_S),
            promises=_fresh(self._promises, 2 * PROMISES_FOR_S),
            now=desk.now(),
            unsure_s=shelf.unsure_s,
            kept_found=shelf.found,
            kept_made=shelf.made,
            kept_stale=shelf.found_unsure,
            kept_bytes=shelf.size_bytes,
            streams=self._streams.listening,
            leads=self._leads(),
            ledger=self._ledger.standing,
            draining=self.draining,
            guidelines=desk.guidelines.digest,
            model=desk.model,
            version=meydan.__version__,
        )
        return self.metrics.text(known)

    async def _read(self) -> None:
        try:
            if _fresh(self._backlog, BACKLOG_FOR_S) is None:
                self._backlog = (time.monotonic(), await self._ask(self._desk.backlog))
            if _fresh(self._promises, PROMISES_FOR_S) is None:
                self._promises = (time.monotonic(), await self._ask(self._desk.promises))
        except Exception as error:  # noqa: BLE001 - the figures are told without it
            log.debug("figures_unknown", error=type(error).__name__)

    async def _ask(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._hands, question)


def _fresh(known: tuple[float, T] | None, for_s: float) -> T | None:
    return known[1] if known is not None and time.monotonic() - known[0] <= for_s else None


class Readers:
    """
    Who may read the figures: the networks of the setting `metrics`, and who has `metrics_token`.

    Somebody behind a proxy is never this machine itself, whatever the proxy says of them.
    """

    def __init__(self, networks: Iterable[str], token: str) -> None:
        self._near = Proxies(networks)
        self._token = token

    def check(self, request: AnyRequest) -> None:
        """
        Raises:
            SignInNeeded: not the token. NotAllowed: there is none, and the asker is not from these networks.
        """
        given = bearer_of(request)
        if self._token and given is not None and same_secret(given, self._token):
            return
        client = request.scope.get("client")
        through = any(name in request.headers for name in FORWARDED)
        if not through and self._near.trusts(str(client[0]) if client else ""):
            return
        if self._token:
            raise SignInNeeded(
                "The figures are for who has the token: Authorization: Bearer <metrics_token>."
            )
        raise NotAllowed("The figures are for the networks of the setting 'metrics'.")


def routes(watch: Watch, readers: Readers) -> list[HTTPRouteHandler]:
    """What operators and their balancers ask, for the application to include."""
    no_store = {"cache-control": "no-store"}

    @get(
        "/healthz",
        operation_id="health",
        summary="Whether this server is alive",
        tags=["operator"],
        responses={503: ResponseSpec(Problem, generate_examples=False, description="Start it anew")},
    )
    async def health() -> Response[Health]:
        if not watch.alive():
            raise NotReady("Nothing is written any more. Start this server anew.", fields=("writer",))
        told = Health("ok", meydan.__version__, "ok" if watch.up else "away")
        return Response(told, headers=no_store)

    @get(
        "/readyz",
        operation_id="ready",
        summary="Whether this server should be sent requests",
        tags=["operator"],
        responses={503: ResponseSpec(Problem, generate_examples=False, description="Send it none now")},
    )
    async def ready() -> Response[Ready]:
        wrong = watch.wrong()
        if not wrong:
            return Response(Ready("ready", meydan.__version__), headers=no_store)
        # Neither in the reader's language nor logged as a fault: it is asked every second, by a program.
        error = NotReady(f"Send this node no requests now: {', '.join(wrong)}.", fields=tuple(wrong))
        told: Any = Problem(error.code, error.message, list(error.fields), wrong=wrong)
        return Response(told, status_code=503, headers=headers_of(error))

    @get("/metrics", include_in_schema=False)
    async def figures(request: AnyRequest) -> Response[bytes]:
        readers.check(request)
        return Response(
            await watch.figures(),
            # The framework says the charset.
            media_type=CONTENT_TYPE.partition("; charset")[0],
            headers={**no_store, "x-robots-tag": "noindex"},
        )

    return [health, ready, figures]
