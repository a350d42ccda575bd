"""
The readers' doors to verifying: the words that a browser needs for it, and the pages where it is done.

    /comments/<id>/proof     a shown comment, verified by the reader's browser
    /status/<id>/receipt     an author's receipt, as a file
    /ledger                  what the public record is, its key, how it stands, how to verify it
    /ledger/check            checks a receipt, in the browser alone
    /embed/verify            the sentences for what a browser finds, as JSON

What is found is found by `static/verify.js`, from the doors of `ledger.py`; nothing here says that anything is true.
"""

from __future__ import annotations

import contextlib

import msgspec
from litestar import MediaType, Response, get
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from meydan.errors import OtherLedgerKey, SignInNeeded
from meydan.locale import Words, accepted
from meydan.web import reading
from meydan.web.access import AnyRequest
from meydan.web.doors import Doors
from meydan.web.embed import PRIVATE, query_of
from meydan.web.ledger import current_base

PREFIX = "verify."
"""How the keys begin of the sentences that a browser puts together."""

FOR_A_WHILE = "public, max-age=300"


class Sentences(msgspec.Struct, omit_defaults=True):
    """The words for what is found, by key, and how dates and numbers in them are written; as `locale.Words.dating`."""

    language: str
    direction: str
    said: dict[str, str]
    months: str
    moment: str
    digits: str = ""
    calendar: str = ""
    era: str = ""


def routes(doors: Doors) -> list[HTTPRouteHandler]:
    """The pages of verifying, for the application to include."""
    desk, ledger, own_url = doors.meydan.desk, doors.meydan.ledger, doors.meydan.settings.own_url

    def said_to(request: AnyRequest, asked: dict[str, str]) -> Words:
        language = asked.get("lang") or accepted(request.headers.get("accept-language", ""))
        return reading.words_for(language, desk.guidelines)

    @get("/embed/verify", include_in_schema=False, sync_to_thread=False)
    def sentences(request: AnyRequest) -> Response[bytes]:
        said = said_to(request, query_of(request))
        told = {key.removeprefix(PREFIX): said[key] for key in said.keys() if key.startswith(PREFIX)}  # noqa: SIM118
        body = Sentences(language=said.language, direction=said.direction, said=told, **said.dating)
        headers = {"cache-control": FOR_A_WHILE, "vary": "Accept-Language"}
        return Response(msgspec.json.encode(body), media_type=MediaType.JSON, headers=headers)

    @get("/comments/{comment_id:str}/proof", include_in_schema=False)
    async def proof(request: AnyRequest, comment_id: FromPath[str]) -> Response[str]:
        said = said_to(request, query_of(request))
        comment = await sync_to_thread(desk.reportable, comment_id)
        page = reading.proof_page(comment, said, desk.guidelines, own_url)
        return Response(page, media_type=MediaType.HTML, headers=PRIVATE)

    @get("/status/{comment_id:str}/receipt", include_in_schema=False)
    async def receipt(request: AnyRequest, comment_id: FromPath[str]) -> Response[str]:
        given = query_of(request).get("receipt")
        outcome = await sync_to_thread(desk.status, comment_id, receipt=given or None)
        if outcome.receipt is None:
            raise SignInNeeded(
                "This needs the receipt that came when the comment was sent.", fields=("receipt",)
            )
        headers = PRIVATE | {"content-disposition": 'attachment; filename="receipt.txt"'}
        return Response(f"{outcome.receipt}\n", media_type=MediaType.TEXT, headers=headers)

    @get("/ledger", include_in_schema=False)
    async def record(request: AnyRequest) -> Response[str]:
        said = said_to(request, query_of(request))

        def made() -> str:
            latest = ledger.checkpoint()
            note, size = (latest.note, latest.size) if latest else (None, 0)
            base = current_base(ledger, own_url)
            keys: tuple[str, ...] = ()
            with contextlib.suppress(OtherLedgerKey):
                keys = ledger.keys_of(None)
            return reading.ledger_page(said, desk.guidelines, base, keys, note, size)

        return Response(
            await sync_to_thread(made), media_type=MediaType.HTML, headers={"cache-control": "no-cache"}
        )

    @get("/ledger/check", include_in_schema=False)
    async def check(request: AnyRequest) -> Response[str]:
        said = said_to(request, query_of(request))
        page = await sync_to_thread(
            lambda: reading.check_page(said, desk.guidelines, current_base(ledger, own_url))
        )
        return Response(page, media_type=MediaType.HTML, headers={"cache-control": "no-cache"})

    return [sentences, proof, receipt, record, check]
