"""
The ASGI application: every door, put together.

    Front (kept answers, headers, ids) -> framework -> api | embed | follow | desk pages, live | watching -> desk

Follows other processes' changes while it runs, so that what one of them
approves is seen at this door within a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog
from litestar import Litestar, Response, route
from litestar.handlers import HTTPRouteHandler
from litestar.plugins.core import MsgspecDIPlugin

from meydan.web import (
    api,
    coral,
    decisions,
    desk,
    embed,
    feeds,
    follow,
    ledger,
    me,
    openai,
    verifying,
    watching,
)
from meydan.web.access import Origins, Pace, Proxies, security_headers
from meydan.web.desk.live import Live
from meydan.web.doors import Doors
from meydan.web.errors import answer_error
from meydan.web.front import Front
from meydan.web.metrics import Metrics
from meydan.web.pages import CONTENT_TYPES, static_bytes, static_names, static_path
from meydan.web.perspective import PREFIXES, Perspective
from meydan.web.sending import Sending
from meydan.web.shelf import Kept, Made, Shelf, Subject, surrogate_key
from meydan.web.stream import Stream
from meydan.web.watching import Watch
from meydan.wiring import Meydan

log = structlog.get_logger("meydan.web")

THREADS = 24
"""Desk calls at once. More would only wait for each other: there is one writer."""

NUDGES_PER_MINUTE = 30
"""Drafts from one address that are looked at: enough for a household that writes, too few to try out the judge."""

RECEIPTS_PER_MINUTE = 60
"""How often one address asks how its comments stand, up to 50 of them each time."""

COMING_IN_PER_MINUTE = 30
COMING_IN_AT_ONCE = 60
"""How often one address may try to come in at the desk: a whole newsroom sits behind one, and begins its shift at once."""

DEAF_S = 0.2
HEARING_S = 0.5
"""How often it is looked for other processes' changes: less often while a connection tells of them, but often enough that
one which has broken unseen makes nothing late."""

GUIDELINES_EVERY_S = 1.0
"""How soon a version that was accepted elsewhere is in force here, at most."""

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "public, no-cache"
AT_THE_EDGE = "max-age=1, stale-while-revalidate=4"
"""
For CDNs alone, which others take no notice of: a crowd is one question a second, and no old answer is given after five.

A browser always asks again. Whoever has just sent or withdrawn a comment must not be shown what was before.
"""


REMEMBERING = (
    ("connection.base", "parse_query_string"),
    ("connection.base", "parse_cookie_string"),
    ("connection.request", "parse_url_encoded_form_data"),
    ("_kwargs.extractors", "parse_query_string"),
    ("_kwargs.extractors", "parse_url_encoded_form_data"),
    ("_kwargs.extractors", "create_query_default_dict"),
    ("_asgi.routing_trie.traversal", "parse_path_params"),
)
"""Where the framework takes requests apart with functions that remember what they were given; a test holds them to be all."""


class Framework(Litestar):
    """
    Litestar without what it would load for classes of pydantic and attrs, merely because another dependency brings these
    along: bodies here are msgspec's, and importing pydantic takes a fifth of a second of every start.

    And without its memory of the last thousand addresses and cookies: as long as these may be, that is gigabytes for
    whoever wants to fill them; and the sessions, receipts and links in them would stay after everybody has gone.
    """

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        for module, name in REMEMBERING:
            kept_by = importlib.import_module(f"litestar.{module}")
            remembering = getattr(kept_by, name)
            setattr(kept_by, name, getattr(remembering, "__wrapped__", remembering))
        router: Any = self.asgi_router
        router.handle_routing = router.handle_routing.__wrapped__

    @staticmethod
    def _get_default_plugins(plugins: list[Any]) -> list[Any]:
        return [*plugins, MsgspecDIPlugin()]


def create_app(meydan: Meydan, *, site: Mapping[str, tuple[str, bytes]] | None = None) -> Front:
    """
    Build the application.

    Args:
        meydan: as wiring builds it.
        site: pages to serve beside the doors, path -> (content type, body); the
            sample newspaper. Their paths are not those of the doors.

    Returns:
        An ASGI application, for `serve` or any ASGI server.
    """
    settings = meydan.settings
    https = settings.own_url.startswith("https://")
    origins = Origins(lambda: meydan.desk.guidelines, (settings.own_url,))
    headers = _reading_headers(origins, https=https)
    proxies = Proxies(settings.trusted_proxies)
    news = Stream(meydan, origins, proxies)
    shelf = Shelf(
        changes=meydan.desk.changes,
        edition=lambda: meydan.desk.guidelines.digest,
        headers=headers,
        on_change=news.stir,
        most_stale_s=settings.stale_minutes * 60,
    )
    metrics = Metrics()
    meydan.desk.be_watched(metrics)
    watch = Watch(meydan, metrics, shelf=shelf, streams=news, leads=lambda: meydan.leading)
    doors = Doors(
        meydan=meydan,
        origins=origins,
        proxies=proxies,
        pace=Pace(
            per_minute=settings.submissions_per_minute,
            burst=settings.submission_burst,
            shared=meydan.pace("sent"),
        ),
        reader_pace=Pace(
            per_minute=settings.account_per_minute,
            burst=settings.account_per_minute,
            shared=meydan.pace("reader"),
        ),
        nudge_pace=Pace(per_minute=NUDGES_PER_MINUTE, burst=NUDGES_PER_MINUTE, shared=meydan.pace("nudge")),
        # Spares this node its own work, and tells nobody anything: each node counts alone.
        receipts_pace=Pace(per_minute=RECEIPTS_PER_MINUTE, burst=RECEIPTS_PER_MINUTE),
        judge_pace=Pace(
            per_minute=settings.judged_per_minute, burst=max(1, settings.judged_per_minute // 10)
        ),
        desk_pace=Pace(
            per_minute=COMING_IN_PER_MINUTE, burst=COMING_IN_AT_ONCE, shared=meydan.pace("coming-in")
        ),
        shelf=shelf,
        https=https,
        identify=meydan.readers.identify,
    )

    live = Live(meydan.desk, meydan.staff)

    @contextlib.asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        hands = ThreadPoolExecutor(THREADS, thread_name_prefix="desk")
        # The framework runs plain handlers on the loop's own executor, and so does the desk's room.
        asyncio.get_running_loop().set_default_executor(hands)
        ears = _listen(meydan, shelf)
        following = [
            asyncio.create_task(shelf.follow(every_s=lambda: HEARING_S if ears and ears.hears else DEAF_S)),
            asyncio.create_task(_follow_guidelines(meydan)),
            asyncio.create_task(watch.follow()),
        ]
        try:
            yield
        finally:
            if ears is not None:
                await asyncio.to_thread(ears.close)
            for task in following:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            # What was begun is finished: a comment half-way is kept or refused, not dropped.
            await asyncio.get_running_loop().shutdown_default_executor()

    def end_streams() -> None:
        live.close()
        news.close()

    handlers = [
        *api.routes(doors),
        *watching.routes(watch, watching.Readers(settings.metrics, settings.metrics_token)),
        *embed.routes(doors),
        *feeds.routes(doors),
        *decisions.routes(doors),
        *ledger.routes(doors),
        *verifying.routes(doors),
        *me.routes(doors),
        *follow.routes(doors),
        *desk.routes(doors),
        live.handler(),
    ]
    inner = Framework(
        route_handlers=[*_options(handlers), *handlers],
        request_class=api.ApiRequest,
        exception_handlers={Exception: answer_error},
        openapi_config=api.openapi_config(),
        request_max_body_size=settings.body_bytes,
        lifespan=[lifespan],
        logging_config=None,
        debug=False,
    )
    perspective = Perspective(doors)
    return Front(
        inner,
        shelf=shelf,
        origins=origins,
        https=https,
        fixed=_fixed(site or {}, https=https),
        sending=Sending(doors, inner),
        others={
            **dict.fromkeys(PREFIXES, perspective),
            openai.PREFIX: openai.Moderations(doors),
            coral.PREFIX: coral.Coral(doors),
        },
        news=news,
        end_streams=end_streams,
        metrics=metrics,
        proxies=proxies,
        drain=watch.drain,
    )


def _options(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """What answers OPTIONS where an address has several handlers: the framework's own names the last one's methods only."""
    methods: dict[str, list[str]] = {}
    for handler in handlers:
        for path in handler.paths:
            methods.setdefault(path, []).extend(map(str, handler.http_methods))

    def answering(path: str, allow: str) -> HTTPRouteHandler:
        @route(path, http_method="OPTIONS", status_code=204, include_in_schema=False, sync_to_thread=False)
        def options() -> Response[None]:
            return Response(None, headers={"allow": allow})

        return options

    return [
        answering(path, ", ".join(sorted([*taken, "OPTIONS"])))
        for path, taken in methods.items()
        if len(taken) > 1
    ]


def _listen(meydan: Meydan, shelf: Shelf) -> Any:
    """Have the shelf woken by what other nodes say; None on SQLite, where there are none."""
    loop = asyncio.get_running_loop()

    def told(change: int | None) -> None:
        # A loop that has ended has nobody to tell.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(shelf.hear, change)

    return meydan.hear(told)


async def _follow_guidelines(meydan: Meydan) -> None:
    """Take up what another node, or the command line, let take effect; an outage is waited out."""
    while True:
        await asyncio.sleep(GUIDELINES_EVERY_S)
        try:
            if await asyncio.to_thread(meydan.desk.refresh_guidelines):
                log.info("guidelines_adopted", digest=meydan.desk.guidelines.digest)
        except Exception as error:  # noqa: BLE001
            # Whatever it was, the next look has to come: the old version stays in force until then.
            log.warning("guidelines_not_followed", error=type(error).__name__)


def _reading_headers(origins: Origins, *, https: bool) -> Any:
    """Subject of an answer -> the headers it always carries."""

    def headers(subject: Subject) -> Mapping[str, str]:
        kind, story = subject[:2]
        given = dict(
            security_headers(https=https, ancestors=origins.ancestors if kind == "page" else "'none'")
        )
        given |= {"cache-control": ASK_AGAIN, "vary": "Accept-Encoding"}
        given |= dict.fromkeys(("cdn-cache-control", "surrogate-control"), AT_THE_EDGE)
        given["surrogate-key"] = f"meydan {surrogate_key(story)}"
        if kind != "page":
            given["cross-origin-resource-policy"] = "cross-origin"
        return given

    return headers


def _fixed(site: Mapping[str, tuple[str, bytes]], *, https: bool) -> dict[str, Kept]:
    """What never changes while this process runs, by path: pages given, static files, the component."""
    standard = dict(security_headers(https=https)) | {"vary": "Accept-Encoding"}
    shared = standard | {"cross-origin-resource-policy": "cross-origin"}
    fixed = {
        path: Kept(Made(body, content_type), standard | {"cache-control": ASK_AGAIN})
        for path, (content_type, body) in site.items()
    }
    for name in static_names():
        made = Made(static_bytes(name), CONTENT_TYPES[name.rsplit(".", 1)[-1]])
        fixed[static_path(name)] = Kept(made, shared | {"cache-control": FOR_EVER})
        if name in ("embed.js", "embed.d.ts"):
            # Sites write these addresses into their pages, so they stay the same and are asked about again.
            fixed[f"/{name}"] = Kept(made, shared | {"cache-control": "public, max-age=300, must-revalidate"})
    return fixed
