"""What every door needs, in one value, and who is standing at one."""

from __future__ import annotations

from dataclasses import dataclass

from meydan.desk import Visitor
from meydan.web.access import AnyRequest, Origins, Pace, Proxies
from meydan.web.shelf import Shelf
from meydan.wiring import Meydan


@dataclass(frozen=True, slots=True)
class Doors:
    """A built Meydan and what stands between it and the street. `https` is the public address's scheme."""

    meydan: Meydan
    origins: Origins
    proxies: Proxies
    pace: Pace
    shelf: Shelf
    https: bool

    def visitor(self, request: AnyRequest) -> Visitor:
        """Who knocks, as the desk may know it: a keyed hash of the address, and our own origins."""
        client = request.scope.get("client")
        peer = str(client[0]) if client else ""
        forwarded = request.headers.getall("x-forwarded-for", [])
        address = self.proxies.client(peer, forwarded)
        return Visitor(address_key=self.meydan.address_key(address), own=self.origins.own)

    def sender(self, request: AnyRequest) -> Visitor:
        """Who sends something: as `visitor`, and TooFast when this address has sent too much of late."""
        visitor = self.visitor(request)
        self.pace.check(visitor.address_key)
        return visitor
