"""
The one way out by HTTP: whoever asks another server something goes through here.

What it may reach is decided by the very address that the connection is then made to, so that a name that leads
elsewhere a moment later is no way in. Everything is bounded: who is asked, at which port, for how long, how much.

    Outgoing       the rules, and clients that keep to them
    _Way           looks a name up once, checks what it leads to, and connects there
    _Bounds        what is left of one question's time, and of what is read of its answer
    _Line          a connection that ends at the deadline, however busily the other side talks

Source: special-purpose addresses by IANA (RFC 6890 and its registries, as of 2025); rebinding as in Jackson et al. (2007).
"""

from __future__ import annotations

import contextlib
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import httpcore
import httpx

PORTS: Final = frozenset({443, 8443})
"""Where others listen for https; elsewhere are mail servers, databases and the like."""

DEADLINE_S: Final = 20.0
"""For all of one question: looking up, connecting, asking and reading the answer."""

TIMEOUT_S: Final = 10.0
"""How long the other side may be silent."""

MOST_BYTES: Final = 1_000_000
"""Of an answer, its headers and framing included."""

PIECE_BYTES: Final = 4096
"""Of a question, written at once."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

# Lists of our own: what Python calls private has changed between its versions.
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
_NOT_THERE: Final[tuple[Network, ...]] = tuple(
    map(
        ipaddress.ip_network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",  # behind carriers
            "127.0.0.0/8",
            "169.254.0.0/16",  # link-local: where clouds keep machines' credentials
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            # Within 2000::/3, outside of which nothing is reached: loopback, private, link-local, multicast,
            # and what carries an IPv4 address in it (::ffff:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48).
            "2001::/23",  # among them Teredo, which carries one too
            "2001:db8::/32",
            "2002::/16",  # 6to4, and so does this
            "2620:4f:8000::/48",
            "3fff::/20",
        ),
    )
)


class NotLetOut(httpx.TransportError):
    """A question that may not be asked, or an answer that may not be read; `cause` says why in a word."""

    def __init__(self, message: str, *, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class Outgoing:
    """
    Who may be asked, and clients that ask.

    Of strangers' servers: by https, at PORTS, on the public Internet. What is in `networks` may be asked in the clear and
    at any port; and what the operator has `named` is asked as it was named, wherever it is.
    """

    def __init__(
        self,
        networks: Iterable[str] = (),
        *,
        named: Iterable[str] = (),
        resolve: Resolve | None = None,
        timeout_s: float = TIMEOUT_S,
        deadline_s: float = DEADLINE_S,
        most_bytes: int = MOST_BYTES,
        trust: ssl.SSLContext | None = None,
        reads: bool = True,
        keeps: bool = False,
    ) -> None:
        """
        Args:
            keeps: ask the same server many things in a row by one connection of each thread; only of what is `named`.
            reads: False where only the status and the headers of an answer count: its body is then not read at all.
            networks: such as "10.0.0.0/8".
            named: addresses that an operator wrote into the settings; scheme, host and port of each are let out.
            resolve: a host and a port -> the addresses there; the system's, where None.
            trust: whose certificates are believed; httpx's usual ones, where None.
        """
        self._networks: tuple[Network, ...] = tuple(
            ipaddress.ip_network(entry, strict=False) for entry in networks if entry
        )
        self._named = frozenset(_place_of(httpx.URL(address)) for address in named if address)
        self._resolve = resolve or resolved
        self._timeout_s = timeout_s
        self.deadline_s = deadline_s
        self._most_bytes = most_bytes
        self._trust = trust
        self.reads = reads
        self.keeps = keeps
        self._lock = threading.Lock()

    def client(self) -> httpx.Client:
        """
        A client that asks by these rules; it raises NotLetOut, and else what httpx does.

        No proxy of the environment is asked, no file of passwords is read, and no redirect is followed.
        """
        return httpx.Client(
            transport=_Door(self), trust_env=False, follow_redirects=False, timeout=self._timeout_s
        )

    def check(self, url: httpx.URL | str) -> None:
        """Refuse what can be seen of an address alone: another scheme, no host, a user's name or password in it."""
        try:
            url = httpx.URL(url)
        except httpx.InvalidURL:
            raise NotLetOut("This is not an address.", cause="address") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise NotLetOut("Only http and https addresses are asked.", cause="scheme")
        if url.userinfo:
            raise NotLetOut("An address that is asked holds no user and no password.", cause="credentials")

    def is_named(self, url: httpx.URL) -> bool:
        """Whether the operator has named this server."""
        return _place_of(url) in self._named

    def check_place(self, address: str, *, scheme: str, port: int) -> None:
        """
        Refuse an address that nobody has named, unless it is on the Internet or in the networks.

        Raises:
            NotLetOut: it is neither, or is asked in the clear or at a port for something else.
        """
        place = ipaddress.ip_address(address)
        if any(place in network for network in self._networks):
            return
        if not is_public(place):
            raise NotLetOut(
                "The address leads into a network that is not the Internet. Where that is meant, "
                "list the network in the setting 'outgoing_networks'.",
                cause="network",
            )
        if scheme != "https":
            raise NotLetOut("Others are asked by https only.", cause="scheme")
        if port not in PORTS:
            raise NotLetOut(
                f"Others are asked at the ports {', '.join(map(str, sorted(PORTS)))} only.", cause="port"
            )

    def look_up(self, host: str, port: int, *, within_s: float) -> Sequence[str]:
        """The addresses of a host; httpcore's own errors where there are none or none in time."""
        told: queue.SimpleQueue[Sequence[str] | BaseException] = queue.SimpleQueue()

        def ask() -> None:
            try:
                told.put(self._resolve(host, port))
            except (OSError, UnicodeError) as error:
                told.put(error)

        # The system's resolver knows no deadline; one that hangs ends by itself, and nobody waits for it.
        threading.Thread(target=ask, name="look-up", daemon=True).start()
        try:
            answer = told.get(timeout=max(0.0, within_s))
        except queue.Empty:
            raise httpcore.ConnectTimeout from None
        if isinstance(answer, BaseException) or not answer:
            raise httpcore.ConnectError("no such host")
        return answer

    def trust(self) -> ssl.SSLContext:
        """Whose certificates are believed; read once, because that takes a moment."""
        with self._lock:
            if self._trust is None:
                self._trust = httpx.create_ssl_context()
            return self._trust

    @property
    def most_bytes(self) -> int:
        """Of an answer."""
        return self._most_bytes


def is_public(address: Address) -> bool:
    """Whether it is one machine's address on the Internet, and holds no other address in it."""
    if isinstance(address, ipaddress.IPv6Address) and (address not in _GLOBAL_6 or address.scope_id):
        return False
    return not any(address in network for network in _NOT_THERE)


def resolved(host: str, port: int) -> Sequence[str]:
    """The system's answer to where a host is; also to a number written in another way, such as 0x7f.1."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def _place_of(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port


class _Door(httpx.BaseTransport):
    """
    Each question by a connection of its own: none that was checked for one server is used for another.

    Where connections are kept, each thread has its own to each server that is named, with the bounds of the question that
    is asked by it.
    """

    def __init__(self, out: Outgoing) -> None:
        self._out = out
        self._own = threading.local()
        self._kept: list[httpcore.ConnectionPool] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        with self._lock:
            kept, self._kept = self._kept, []
        for pool in kept:
            pool.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        self._out.check(url)
        # What is not packed cannot be a bomb.
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"accept-encoding"]
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=[*headers, (b"Accept-Encoding", b"identity")],
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            with self._pool(url) as pool:
                answer = pool.handle_request(asked)
                try:
                    body = answer.read() if self._out.reads else b""
                finally:
                    answer.close()
        except httpcore.TimeoutException:
            raise httpx.ReadTimeout("The other side took too long.", request=request) from None
        except httpcore.ConnectError:
            raise httpx.ConnectError("The other side cannot be reached.", request=request) from None
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            httpcore.ConnectionNotAvailable,
        ):
            raise httpx.TransportError(
                "The other side did not answer as HTTP does.", request=request
            ) from None
        given = httpx.Headers(answer.headers)
        if not self._out.reads:
            # None of it was taken, however long or packed it said that it is.
            for name in ("content-encoding", "content-length", "transfer-encoding"):
                given.pop(name, None)
        if given.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise NotLetOut("The answer is packed, though it was not to be.", cause="packed")
        return httpx.Response(answer.status, headers=given, stream=httpx.ByteStream(body), request=request)

    @contextlib.contextmanager
    def _pool(self, url: httpx.URL) -> Iterator[httpcore.ConnectionPool]:
        """The way by which one question is asked, with all of its time before it."""
        named = self._out.is_named(url)
        keeps = self._out.keeps and self._out.reads and named
        place = _place_of(url)
        kept: dict[tuple[str, bytes, int | None], tuple[_Bounds, httpcore.ConnectionPool]]
        kept = self._own.__dict__.setdefault("kept", {})
        if keeps and place in kept:
            bounds, pool = kept[place]
            bounds.begin()
            yield pool
            return
        bounds = _Bounds(self._out)
        pool = httpcore.ConnectionPool(
            ssl_context=self._out.trust() if url.scheme == "https" else None,
            max_keepalive_connections=1 if keeps else 0,
            network_backend=_Way(self._out, bounds, scheme=url.scheme, named=named),
        )
        if keeps:
            kept[place] = bounds, pool
            with self._lock:
                self._kept.append(pool)
            yield pool
            return
        with pool:
            yield pool


class _Bounds:
    """What is left of one question's time, and of the bytes that are read of its answer."""

    def __init__(self, out: Outgoing) -> None:
        self._out = out
        self.begin()

    def begin(self) -> None:
        self.until = time.monotonic() + self._out.deadline_s
        self.left_bytes = self._out.most_bytes

    def read(self, size_bytes: int) -> None:
        self.left_bytes -= size_bytes
        if self.left_bytes < 0:
            raise NotLetOut("The answer is longer than any that is read.", cause="size")


class _Way(httpcore.NetworkBackend):
    """One question's way to another server, with the deadline that belongs to it."""

    def __init__(self, out: Outgoing, bounds: _Bounds, *, scheme: str, named: bool) -> None:
        self._out = out
        self._scheme = scheme
        self._named = named
        self._bounds = bounds
        self._system = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        places = self._out.look_up(host, port, within_s=left_until(self._bounds.until, timeout))
        if not self._named:
            # All of them: a name that leads into this house as well is not to be trusted with either.
            for place in places:
                self._out.check_place(place, scheme=self._scheme, port=port)
        for place in places:
            try:
                # By the address, never by the name again: that could lead elsewhere by now.
                stream = self._system.connect_tcp(
                    place, port, left_until(self._bounds.until, timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
            return _Line(stream, self._bounds)
        raise httpcore.ConnectError("nobody there")

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, left_until(self._bounds.until, None)))


class _Line(httpcore.NetworkStream):
    """A connection of which no more is read than may be, and nothing after the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, bounds: _Bounds) -> None:
        self._stream = stream
        self._bounds = bounds

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        read = self._stream.read(max_bytes, left_until(self._bounds.until, timeout))
        self._bounds.read(len(read))
        return read

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # In pieces: who takes one byte at a time is waited for anew at each.
        for begin in range(0, len(buffer), PIECE_BYTES):
            self._stream.write(buffer[begin : begin + PIECE_BYTES], left_until(self._bounds.until, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._stream.start_tls(ssl_context, server_hostname, left_until(self._bounds.until, timeout))
        return _Line(inner, self._bounds)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def left_until(deadline: float, timeout_s: float | None) -> float:
    """Seconds that one step may take; httpcore's time-out where the deadline is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left if timeout_s is None else min(left, timeout_s)
