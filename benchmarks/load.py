"""
Load on loopback: kept-alive connections driven by one thread of another process, the same for every server.

Each connection sends its next request as soon as the answer before is whole; none is sent ahead of an answer. A request
costs the generator some 15 µs of processor time, and how much of a core it had is told with every figure: where it had a
whole one, the server may be faster than is said.
"""

from __future__ import annotations

import multiprocessing
import select
import socket
import statistics
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from typing import NamedTuple
from urllib.parse import urlsplit

GENERATOR = "own sockets, one thread of another process"
GONE_S = 10
"""How long the last answers are waited for."""


class Asked(NamedTuple):
    """A request's bytes and the kind that its answer is counted under."""

    kind: str
    request: bytes


Asking = Callable[[int], Asked]
"""From the number of a request, counted from 0, what is sent; importable by its name, as the process is another."""


@dataclass(frozen=True)
class Load:
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    generator: str = GENERATOR
    generator_core: float = 0.0


@dataclass(frozen=True)
class Driven:
    """
    What came back: of each kind, in the order of their coming, the second from the beginning and how many it took.

    `refused` counts answers other than 2xx and 304 by status, and broken connections under 0.
    """

    seconds: float
    at: dict[str, Sequence[float]]
    took: dict[str, Sequence[float]]
    refused: dict[int, int] = field(default_factory=dict)
    bytes: int = 0
    generator_core: float = 0.0

    def load(self, *kinds: str, since: float = 0.0, until: float = float("inf")) -> Load:
        """The rate and the times of some kinds (of all where none is named) within a part of the run."""
        took = sorted(
            took
            for kind in kinds or self.took
            for at, took in zip(self.at.get(kind, ()), self.took.get(kind, ()), strict=True)
            if since <= at < until
        )
        span = min(until, self.seconds) - since
        if not took:
            return Load(0.0, float("nan"), float("nan"), sum(self.refused.values()))
        return Load(
            len(took) / span,
            statistics.median(took) * 1000,
            took[int(len(took) * 0.99)] * 1000,
            sum(self.refused.values()),
            generator_core=round(self.generator_core, 2),
        )


def request(
    method: str, url: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> bytes:
    """A request's bytes."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {urlsplit(url).netloc}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if method == "POST":
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get(url: str, *, connections: int, seconds: float, headers: dict[str, str] | None = None) -> Load:
    """GET one address over `connections` kept-alive connections for `seconds`."""
    parts = urlsplit(url)
    asked = Asked(
        "get", request("GET", url, parts.path + (f"?{parts.query}" if parts.query else ""), headers)
    )
    return drive(url, partial(_again, asked), connections=connections, seconds=seconds).load()


def drive(
    url: str, asking: Asking, *, connections: int, seconds: float, first: int = 0, per_s: float | None = None
) -> Driven:
    """
    Send over `connections` for `seconds`.

    Args:
        url: of the server; what is sent comes from `asking`.
        first: the number of the first request, so that a later run sends other words.
        per_s: so many requests are due in a second, evenly, and take time from when they were due; None for as many as
            are answered.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_generate, args=(theirs, url, asking, connections, seconds, first, per_s)
    )
    process.start()
    theirs.close()
    try:
        at, took, refused, size, core = ours.recv()
    finally:
        process.join()
    return Driven(seconds, at, took, refused, size, core)


def _again(asked: Asked, _number: int) -> Asked:
    return asked


class _Line:
    """One connection: the answer that it waits for and what has come of it."""

    __slots__ = ("began", "came", "kind", "socket", "wanted")

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.kind, self.began, self.came, self.wanted = "", 0.0, b"", -1

    def ask(self, asked: Asked, due: float | None = None) -> None:
        self.kind, self.came, self.wanted = asked.kind, b"", -1
        self.began = time.perf_counter() if due is None else due
        self.socket.sendall(asked.request)

    def whole(self, data: bytes) -> bool:
        """Whether the answer is all there."""
        came = self.came = self.came + data if self.came else data
        if self.wanted < 0:
            end = came.find(b"\r\n\r\n")
            if end < 0:
                return False
            head = came[: end + 2].lower()
            told = head.find(b"\r\ncontent-length:")
            if told >= 0:
                self.wanted = end + 4 + int(head[told + 17 : head.index(b"\r\n", told + 2)])
            elif b"\r\ntransfer-encoding:" in head:
                # In pieces, the last of which is empty.
                return came.endswith(b"\r\n0\r\n\r\n")
            else:
                self.wanted = end + 4
        return len(came) >= self.wanted


def _generate(
    out: Connection,
    url: str,
    asking: Asking,
    connections: int,
    seconds: float,
    number: int,
    per_s: float | None,
) -> None:
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    at: dict[str, array[float]] = {}
    took: dict[str, array[float]] = {}
    refused: dict[int, int] = {}
    size = 0
    ready = select.epoll()
    lines: dict[int, _Line] = {}

    def open_one() -> _Line:
        line = _Line(address)
        lines[line.socket.fileno()] = line
        ready.register(line.socket.fileno(), select.EPOLLIN)
        return line

    asking(number)  # whatever it loads once is loaded before anything is measured
    for _ in range(connections):
        open_one()
    clock, cpu = time.perf_counter, time.process_time()
    begun = clock()
    until = begun + seconds
    free = list(lines.values())
    sent = 0
    while lines and clock() < until + GONE_S:
        wait = 1.0
        while free and clock() < until:
            due = None if per_s is None else begun + sent / per_s
            if due is not None and due > clock():
                wait = due - clock()
                break
            free.pop().ask(asking(number), due)
            number, sent = number + 1, sent + 1
        if clock() >= until:
            for line in free:
                ready.unregister(line.socket.fileno())
                lines.pop(line.socket.fileno()).socket.close()
            free.clear()
            if not lines:
                break
        for file, _ in ready.poll(max(0.0, wait)):
            line = lines[file]
            try:
                data = line.socket.recv(262144)
            except OSError:
                data = b""
            if not data and line in free:
                # Nothing was asked of it for so long that the server let go of it.
                free.remove(line)
                ready.unregister(file)
                lines.pop(file).socket.close()
                free.append(open_one())
                continue
            if data and not line.whole(data):
                continue
            now = clock()
            size += len(line.came)
            status = line.came[9:12] if data else b"0"
            if status[:1] == b"2" or status == b"304":
                if now <= until:
                    kind = line.kind
                    if kind not in took:
                        at[kind], took[kind] = array("d"), array("d")
                    at[kind].append(now - begun)
                    took[kind].append(now - line.began)
            else:
                refused[int(status)] = refused.get(int(status), 0) + 1
            if not data:
                ready.unregister(file)
                lines.pop(file).socket.close()
                if now >= until:
                    continue
                line = open_one()
            free.append(line)
    core = (time.process_time() - cpu) / (clock() - begun)
    for line in lines.values():
        refused[0] = refused.get(0, 0) + 1
        line.socket.close()
    out.send((at, took, refused, size, core))
    out.close()
