"""
The ledger's doors: checkpoints, tiles and keys as C2SP tlog-tiles has them, and what a comment can be checked by.

    /ledger/checkpoint                       the newest, as a signed note
    /ledger/tile/<L>/<N>[.p/<W>]             hashes
    /ledger/tile/entries/<N>[.p/<W>]         leaves
    /ledger/key                              what to verify with, one key a line, the current first
    /ledger/<number>/…                       the same of a later ledger, where one was begun anew
    /api/v1/comments/<id>/proof              the commitment, what opens it, and the leaves

For everybody, from any page (CORS), without cookies; GET and HEAD alone. What was published once stays as it is, so tiles
are kept by whoever wants to. Nothing is told that no checkpoint covers.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Final, Literal, TypeVar

import msgspec
import structlog
from litestar import Response, get
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath
from litestar.response import Response as AnyResponse

from meydan.errors import LeafChanged, LeafMissing, NotFound, OtherLedgerKey
from meydan.publishing import BadTile, Publishing, parse_tile
from meydan.web.access import AnyRequest, Pace
from meydan.web.doors import Doors
from meydan.web.errors import Problem

FOR_EVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"
BINARY: Final = "application/octet-stream"
PLAIN: Final = "text/plain"

AT_ONCE: Final = 4
"""Threads of the desk's that the ledger's readers have at most, however many they are: a comment that is sent has the rest."""

PER_MINUTE: Final = 60_000
BURST: Final = 20_000
"""How often one address asks: a million leaves are some eight thousand questions, which somebody asks at once and rarely."""

T = TypeVar("T")

log = structlog.get_logger("meydan.web")


class LeafTold(msgspec.Struct):
    """A leaf of the ledger: its number, and its body, which is JSON, as it was hashed."""

    number: int
    body: str


class Proof(msgspec.Struct, omit_defaults=True):
    """
    What a comment can be checked by. Of one that was `erased` or `withdrawn` there is the status alone.

    `opening` and `commitment` are hexadecimal; `opening` is null where only its author can open it. `leaves` has the receipt's
    first, then the decisions'. `ledger` is where the ledger is, `origin` its name.
    """

    id: str
    status: Literal["approved", "erased", "withdrawn"]
    name: str | msgspec.UnsetType = msgspec.UNSET
    text: str | msgspec.UnsetType = msgspec.UNSET
    opening: str | msgspec.UnsetType | None = msgspec.UNSET
    commitment: str | msgspec.UnsetType = msgspec.UNSET
    leaves: list[LeafTold] | msgspec.UnsetType = msgspec.UNSET
    ledger: str | msgspec.UnsetType = msgspec.UNSET
    origin: str | msgspec.UnsetType = msgspec.UNSET


def base_of(own_url: str, number: int) -> str:
    """Where a ledger is, with a slash at its end; each has an address of its own, because its tiles are kept for ever."""
    return f"{own_url}/ledger/" + (f"{number}/" if number > 1 else "")


def current_base(ledger: Publishing, own_url: str) -> str:
    """`base_of` the current ledger."""
    current = ledger.log()
    return base_of(own_url, current.number if current else 1)


def routes(doors: Doors) -> list[HTTPRouteHandler]:
    """The ledger's doors, for the application to include."""
    ledger, desk, own_url = doors.meydan.ledger, doors.meydan.desk, doors.meydan.settings.own_url
    pace = Pace(per_minute=PER_MINUTE, burst=BURST)
    room: list[asyncio.Semaphore] = []

    async def asked(request: AnyRequest, work: Callable[[], T]) -> T:
        pace.check(doors.visitor(request).address_key)
        if not room:
            # Of the loop that serves, which is not there yet when doors are made.
            room.append(asyncio.Semaphore(AT_ONCE))
        async with room[0]:
            return await sync_to_thread(work)

    async def checkpoint_of(request: AnyRequest, number: int) -> Response[bytes]:
        found = await asked(request, lambda: ledger.checkpoint(number))
        if found is None:
            raise NotFound("There is no checkpoint of the ledger yet.")
        body = found.note.encode()
        mark = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"cache-control": ASK_AGAIN, "etag": mark}
        if mark in request.headers.get("if-none-match", ""):
            return Response(b"", status_code=304, headers=headers, media_type=PLAIN)
        return Response(body, headers=headers, media_type=PLAIN)

    async def tile_of(request: AnyRequest, number: int, path: str) -> Response[bytes]:
        try:
            tile = parse_tile(f"tile{path}")
        except BadTile:
            raise NotFound("There is no such tile.") from None
        try:
            body = await asked(request, lambda: ledger.tile(tile, number))
        except (LeafChanged, LeafMissing) as error:
            # Signed, and gone: whoever verifies is to see the hole that it is, not a server that is out of order just now.
            log.error("ledger_hole", code=error.code, cause=error.message)
            raise NotFound("This part of the ledger was published, and is gone from the database.") from None
        if body is None:
            raise NotFound("No checkpoint covers such a tile yet.")
        return Response(body, headers={"cache-control": FOR_EVER}, media_type=BINARY)

    async def keys_of(request: AnyRequest, number: int) -> Response[str]:
        try:
            found = await asked(request, lambda: ledger.keys_of(number))
        except OtherLedgerKey:
            raise NotFound("The key that this ledger is signed with is not known here.") from None
        if not found:
            raise NotFound("There is no such ledger.")
        body = "".join(f"{key}\n" for key in found)
        return Response(body, headers={"cache-control": ASK_AGAIN}, media_type=PLAIN)

    @get("/ledger/checkpoint", include_in_schema=False)
    async def checkpoint(request: AnyRequest) -> Response[bytes]:
        return await checkpoint_of(request, 1)

    @get("/ledger/tile/{tile:path}", include_in_schema=False)
    async def tile(request: AnyRequest, tile: FromPath[str]) -> Response[bytes]:
        return await tile_of(request, 1, _path(tile))

    @get("/ledger/key", include_in_schema=False)
    async def key(request: AnyRequest) -> Response[str]:
        return await keys_of(request, 1)

    @get("/ledger/{number:str}/checkpoint", include_in_schema=False)
    async def later_checkpoint(request: AnyRequest, number: FromPath[str]) -> Response[bytes]:
        return await checkpoint_of(request, _number(number))

    @get("/ledger/{number:str}/tile/{tile:path}", include_in_schema=False)
    async def later_tile(request: AnyRequest, number: FromPath[str], tile: FromPath[str]) -> Response[bytes]:
        return await tile_of(request, _number(number), _path(tile))

    @get("/ledger/{number:str}/key", include_in_schema=False)
    async def later_key(request: AnyRequest, number: FromPath[str]) -> Response[str]:
        return await keys_of(request, _number(number))

    @get(
        "/api/v1/comments/{comment_id:str}/proof",
        operation_id="proof",
        summary="What a comment can be checked by",
        tags=["readers"],
        responses={
            200: ResponseSpec(Proof, generate_examples=False, description="What it can be checked by"),
            **{
                status: ResponseSpec(Problem, generate_examples=False, description=said)
                for status, said in (
                    (400, "It could not be read"),
                    (404, "No such comment is shown"),
                    (429, "Too many questions"),
                    (503, "Try again"),
                )
            },
        },
    )
    async def proof(request: AnyRequest, comment_id: FromPath[str]) -> AnyResponse[Proof]:
        def made() -> Proof:
            found = desk.proof(comment_id)
            if found.status != "approved":
                return Proof(found.id, "erased" if found.status == "erased" else "withdrawn")
            return Proof(
                found.id,
                "approved",
                found.name,
                found.text,
                None if found.opening is None else found.opening.hex(),
                found.commitment.hex(),
                [LeafTold(number, body.decode("ascii")) for number, body in found.leaves],
                current_base(ledger, own_url),
                ledger.standing.name,
            )

        return Response(await asked(request, made), headers={"cache-control": "no-store"})

    return [checkpoint, tile, key, later_checkpoint, later_tile, later_key, proof]


def _path(given: Any) -> str:
    path = str(given)
    return path if path.startswith("/") else f"/{path}"


def _number(given: str) -> int:
    """The number of a later ledger; NotFound where it is none. The first has no number in its address."""
    if not given.isascii() or not given.isdigit() or given.startswith("0") or len(given) > 9 or given == "1":
        raise NotFound("There is no such ledger.")
    return int(given)
