"""
Who knocks, how often, from which page, and with what right.

Addresses are turned into keyed hashes here and go no further. What a proxy says
of an address is believed only from the proxies that the operator trusts.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from meydan.errors import ForgedForm, SignInNeeded, TooFast, Unavailable
from meydan.policy import Guidelines
from meydan.staff import Session, Staff, same_secret

SESSION_COOKIE = "meydan_session"
CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
MOST_HOPS = 32
LONGEST_ORIGIN = 300

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
AnyRequest = Request[Any, Any, Any]
AnyConnection = ASGIConnection[Any, Any, Any, Any]


# -- who ----------------------------------------------------------------------


class Proxies:
    """The proxies whose X-Forwarded-For is believed."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._networks: tuple[Network, ...] = tuple(
            ipaddress.ip_network(entry, strict=False) for entry in trusted if entry
        )
        self._peers: dict[str, bool] = {}

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """
        The reader's address: the nearest hop that is not one of our proxies.

        Args:
            peer: who holds the connection. "" stands for a local socket and is trusted.
            forwarded: the values of X-Forwarded-For, in order. Each proxy adds its
                peer at the right, so it is read from there; anything left of a
                hop we do not trust is what a stranger claims.
        """
        client = peer
        if not self.trusts(peer):
            return client
        hops = ",".join(forwarded).split(",")[-MOST_HOPS:]
        for hop in reversed(hops):
            address = _address(hop)
            if address is None:
                break
            client = str(address)
            if not self._trusts(address):
                break
        return client

    def trusts(self, peer: str) -> bool:
        """Whether who holds the connection is one of these; "" stands for a local socket, and is."""
        known = self._peers.get(peer)
        if known is None:
            # Anybody may connect, from many addresses.
            if len(self._peers) > 1000:
                self._peers.clear()
            known = self._peers[peer] = not peer or self._trusts(_address(peer))
        return known

    def _trusts(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def _address(said: str) -> Address | None:
    said = said.strip()
    if said.startswith("["):
        said = said[1:].partition("]")[0]
    elif said.count(":") == 1:
        said = said.partition(":")[0]
    try:
        address = ipaddress.ip_address(said.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


# -- how often ----------------------------------------------------------------


class Pace:
    """
    A token bucket for every address hash: `burst` at once, then `per_minute`.

    Keeps at most `most` buckets; the one unused longest is forgotten first, and a
    forgotten bucket is a full one.

    Args:
        shared: counts for all nodes together (key, per minute, burst) -> seconds to wait; asked only where this node
            alone would say yes, so that a flood does not reach the database. While it fails, each node counts alone.
            It takes the time of a question to the database: not for the event loop.
    """

    def __init__(
        self,
        *,
        per_minute: int,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        most: int = 100_000,
        shared: Callable[[str, int, int], float] | None = None,
    ) -> None:
        self._shared = shared
        self._per_minute = per_minute
        self._per_second = per_minute / 60
        self._burst = float(burst)
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    @property
    def is_shared(self) -> bool:
        """Whether `check` asks the database."""
        return self._shared is not None

    def check(self, key: str) -> None:
        """Take one token; TooFast, with the seconds until there is one, when the bucket is empty."""
        now = self._clock()
        with self._lock:
            left, since = self._buckets.pop(key, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._per_second)
            enough = left >= 1
            self._buckets[key] = (left - 1 if enough else left, now)
            while len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
        wait_s = 0.0 if enough else (1 - left) / self._per_second
        if enough and self._shared is not None:
            # While the database is away, what is sent is refused or counted by each node; nobody is kept out for it.
            with contextlib.suppress(Unavailable):
                wait_s = self._shared(key, self._per_minute, int(self._burst))
            if wait_s:
                self._give_back(key)
        if wait_s:
            wait = max(1, int(wait_s + 0.999))
            raise TooFast(f"That was quick. Wait {wait} s, then send it again.", retry_after_s=wait)

    def _give_back(self, key: str) -> None:
        """What another node refused was not taken here."""
        with self._lock:
            if key in self._buckets:
                left, since = self._buckets[key]
                self._buckets[key] = (min(self._burst, left + 1), since)


# -- from which page ----------------------------------------------------------


class Origins:
    """
    Which pages may speak to this server from a browser: exactly the guidelines' origins.

    Remembers answers, because every request of a reader asks; forgets them when
    the guidelines change.
    """

    def __init__(self, guidelines: Callable[[], Guidelines], own: tuple[str, ...]) -> None:
        self._guidelines = guidelines
        self.own = own
        self._known: dict[str, bool] = {}
        self._digest = ""
        self._ancestors = ""

    def allow(self, origin: str) -> bool:
        """Whether a page of this origin may read answers and send comments."""
        guidelines = self._current()
        if len(origin) > LONGEST_ORIGIN:
            return False
        known = self._known.get(origin)
        if known is None:
            # A page that makes up origins must not fill the memory.
            if len(self._known) > 1000:
                self._known.clear()
            known = self._known[origin] = guidelines.allows(origin, self.own)
        return known

    @property
    def ancestors(self) -> str:
        """The frame-ancestors of a Content-Security-Policy for pages that may be framed."""
        self._current()
        return self._ancestors

    def check_form(self, request: AnyRequest) -> None:
        """
        Refuse a form that another site's page has sent.

        Browsers say where a form comes from in Sec-Fetch-Site and Origin, and no
        page can forge these. What sends neither is no browser with a victim in it.

        Raises:
            ForgedForm: from a page that is neither ours nor in the guidelines' origins.
        """
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site")
        if site == "same-origin":
            return
        if origin is None:
            if site in (None, "none"):
                return
        elif self.allow(origin) or same_host(origin, request.headers.get("host", "")):
            return
        raise ForgedForm(
            "This form was sent from a page that is not ours. Open the comments and send it from there."
        )

    def check_script(self, request: AnyRequest) -> None:
        """Refuse what another site's script sends; programs, which send no Origin, pass."""
        origin = request.headers.get("origin")
        if origin is not None and not (
            self.allow(origin) or same_host(origin, request.headers.get("host", ""))
        ):
            raise ForgedForm("This page may not send comments: its origin is not in the guidelines.")

    def _current(self) -> Guidelines:
        guidelines = self._guidelines()
        if guidelines.digest != self._digest:
            self._known = {}
            self._ancestors = _frame_ancestors(guidelines)
            self._digest = guidelines.digest
        return guidelines


def same_host(origin: str, host: str) -> bool:
    """Whether an Origin header names the host (and port) that was asked."""
    try:
        return bool(host) and urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def _frame_ancestors(guidelines: Guidelines) -> str:
    sources = ["'self'"]
    for origin in guidelines.publication.origins:
        if origin == "self":
            continue
        parts = urlsplit(origin)
        loopback = parts.hostname in ("localhost", "127.0.0.1") and ":" not in parts.netloc
        # CSP cannot name an IPv6 host; a page there frames nothing, and reads all the same.
        if "[" not in origin and not any(c in origin for c in " ;,'"):
            sources.append(f"{origin.rstrip('/')}:*" if loopback else origin.rstrip("/"))
    return " ".join(sources)


# -- headers on every answer --------------------------------------------------


def security_headers(*, https: bool, ancestors: str = "'none'") -> Mapping[str, str]:
    """
    Headers that every answer carries.

    Nothing inline, nothing from elsewhere, no plug-ins; `ancestors` says which pages
    may frame the answer. HSTS only where the public address is https.
    """
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        f"form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors {ancestors}"
    )
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        # Not no-referrer: a browser would then send "Origin: null" with our own forms.
        "referrer-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
        "cross-origin-opener-policy": "same-origin",
    }
    if https:
        headers["strict-transport-security"] = "max-age=31536000"
    return headers


# -- with what right ----------------------------------------------------------


def bearer_of(request: AnyConnection) -> str | None:
    """The secret of an Authorization: Bearer header."""
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" and secret.strip() else None


def feed_token_of(request: AnyConnection) -> str | None:
    """A token as a program that reads feeds can give it: as Bearer, or as the password of HTTP's Basic scheme."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return bearer_of(request)
    try:
        _, _, secret = base64.b64decode(given.strip(), validate=True).decode("utf-8").partition(":")
    except (ValueError, UnicodeDecodeError):
        raise SignInNeeded("This needs a token: as Bearer, or as a password.") from None
    return secret


def session_of(request: AnyRequest, staff: Staff) -> Session:
    """The signed-in moderator's session; SignInNeeded when there is none."""
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        raise SignInNeeded("Sign in to use the desk.")
    return staff.session(token)


def check_csrf(session: Session, given: str | None) -> None:
    """Refuse a form or a call that does not carry the session's CSRF token."""
    if not given or not same_secret(given, session.csrf):
        raise ForgedForm(
            "This form is out of date or was sent from another page. Reload the desk and try again."
        )


def session_cookie(session: Session, *, https: bool) -> Cookie:
    """The cookie that carries a session: out of scripts' reach, never sent across sites."""
    return Cookie(
        key=SESSION_COOKIE,
        value=session.token,
        path="/",
        httponly=True,
        secure=https,
        # Lax, so that a link to a comment in a message opens it; no form of the desk relies on this alone.
        samesite="lax",
    )


def token_holder(request: AnyConnection, staff: Staff, scope: str) -> str:
    """The name of the token that a program presents for `scope`; SignInNeeded or NotAllowed otherwise."""
    secret = bearer_of(request)
    if secret is None:
        raise SignInNeeded("This needs a token: Authorization: Bearer <token>.")
    return staff.bearer(secret, scope)


def decider(request: AnyRequest, staff: Staff, *, changes: bool, own: tuple[str, ...] = ()) -> str:
    """
    Who decides: the name of a token with scope `moderate`, or of a signed-in moderator.

    Args:
        changes: the request changes something, so a session must carry its CSRF token, and come from our own pages.
        own: this server's own origins, besides the host that was asked.
    """
    if bearer_of(request) is not None:
        return token_holder(request, staff, "moderate")
    session = session_of(request, staff)
    if changes:
        origin = request.headers.get("origin")
        elsewhere = (
            origin is not None
            and origin not in own
            and not same_host(origin, request.headers.get("host", ""))
        )
        if elsewhere or request.headers.get("sec-fetch-site") not in (None, "same-origin", "none"):
            raise ForgedForm("Decisions are sent from the desk itself.")
        check_csrf(session, request.headers.get(CSRF_HEADER))
    staff.check(session, "decide" if changes else "read")
    return session.moderator
