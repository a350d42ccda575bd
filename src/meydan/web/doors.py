"""What every door needs, in one value, and who is standing at one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from litestar.concurrency import sync_to_thread

from meydan.comment import Reader
from meydan.desk import Visitor
from meydan.web.access import AnyRequest, Origins, Pace, Proxies
from meydan.web.shelf import Shelf
from meydan.wiring import Meydan


def nobody(_: str | None) -> Reader | None:
    """Who an Authorization header names where no accounts are known."""
    return None


@dataclass(frozen=True, slots=True)
class Doors:
    """
    A built Meydan and what stands between it and the street.

    `judge_pace` is that of a token which other APIs' doors are asked with.
    `pace` is that of an address, `reader_pace` of an account or a verified address, `nudge_pace` and
    `receipts_pace` of drafts and of questions about one's own comments from an address, `desk_pace` of its coming in at
    the desk. `https` is the public address's scheme. `identify` says who an Authorization header names.
    """

    meydan: Meydan
    origins: Origins
    proxies: Proxies
    pace: Pace
    reader_pace: Pace
    nudge_pace: Pace
    receipts_pace: Pace
    judge_pace: Pace
    desk_pace: Pace
    shelf: Shelf
    https: bool
    identify: Callable[[str | None], Reader | None] = nobody

    def visitor(self, request: AnyRequest) -> Visitor:
        """Who knocks, as the desk may know it: a keyed hash of the address, and our own origins."""
        client = request.scope.get("client")
        peer = str(client[0]) if client else ""
        forwarded = request.headers.getall("x-forwarded-for", [])
        address = self.proxies.client(peer, forwarded)
        return Visitor(address_key=self.meydan.address_key(address), own=self.origins.own)

    def sender(self, request: AnyRequest) -> Visitor:
        """
        Who sends something: as `visitor`, and TooFast when this address has sent too much of late.

        Where nodes count together it asks the database: from a thread; from the event loop `sender_soon`.
        """
        visitor = self.visitor(request)
        self.pace.check(visitor.address_key)
        return visitor

    async def sender_soon(self, request: AnyRequest) -> Visitor:
        """As `sender`, without keeping the event loop waiting."""
        return await self._in_pace(request, self.pace)

    async def check_coming_in(self, request: AnyRequest, way: str) -> None:
        """TooFast when this address has tried to come in at the desk this way too often of late."""
        await self._in_pace(request, self.desk_pace, way)

    async def _in_pace(self, request: AnyRequest, pace: Pace, way: str = "") -> Visitor:
        visitor = self.visitor(request)
        key = f"{way} {visitor.address_key}" if way else visitor.address_key
        if pace.is_shared:
            await sync_to_thread(pace.check, key)
        else:
            pace.check(key)
        return visitor

    def reader(self, request: AnyRequest) -> Reader | None:
        """Who proved to be sending this, None for a guest; TooFast when they have sent too much of late, from anywhere."""
        reader = self.identify(request.headers.get("authorization"))
        if reader is not None:
            self.reader_pace.check(reader.key)
        return reader
