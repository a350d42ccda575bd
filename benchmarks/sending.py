"""
Sending: POST requests over kept-alive connections, from one thread of a second process, to any server.

What is sent is made by a function of the request's number, which a scenario gives: for Meydan, for another server, for
the same words under other conditions. It costs some 60 µs of processor time a request, a twentieth of what a client
library costs, so that hardly more than the server is measured where both share the cores.
"""

from __future__ import annotations

import multiprocessing
import re
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NamedTuple
from urllib.parse import urlsplit

Asking = Callable[[int], tuple[str, bytes]]
"""From the number of a request, counted from 0, its path with its query and its body; importable by its name."""

GENERATOR = "sockets of its own, one thread of another process beside the server"


class Sent(NamedTuple):
    """When an answer was whole, in seconds from the first request; how long it took; its status, 0 for a broken connection."""

    at: float
    took: float
    status: int


@dataclass(frozen=True)
class Sending:
    """All answers of a run in the order they came."""

    answers: list[Sent]
    seconds: float

    @property
    def per_s(self) -> float:
        """Requests that were taken (2xx) in a second."""
        return len(self._taken()) / self.seconds

    def within_ms(self, share: float) -> float:
        """The time in which this share of what was taken was answered."""
        took = sorted(self._taken())
        return took[min(len(took) - 1, int(len(took) * share))] * 1000 if took else float("nan")

    @property
    def refused(self) -> dict[str, int]:
        """How many got another status than 2xx, by status; empty where all was well."""
        counted = Counter(answer.status for answer in self.answers if not 200 <= answer.status < 300)
        return {str(status): number for status, number in sorted(counted.items())}

    def _taken(self) -> list[float]:
        return [answer.took for answer in self.answers if 200 <= answer.status < 300]


def sent(
    url: str,
    asking: Asking,
    *,
    connections: int,
    seconds: float,
    content_type: str = "application/json",
    headers: dict[str, str] | None = None,
    first: int = 0,
    patience_s: float = 60.0,
) -> Sending:
    """
    Send over `connections` for `seconds`, each the next as soon as the one before is answered.

    Args:
        url: of the server; paths come from `asking`.
        first: the number of the first request, so that a later run sends other words.
        patience_s: how long the last answers are waited for. They count with when they came.
    """
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=_send,
        args=(theirs, url, asking, connections, seconds, content_type, headers or {}, first, patience_s),
    )
    process.start()
    theirs.close()
    try:
        answers = [Sent(*one) for one in ours.recv()]
    finally:
        process.join()
    return Sending([answer for answer in answers if answer.at <= seconds or not answer.status], seconds)


class _Line:
    """One connection: what it waits for and what has come of it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.began = 0.0
        self.came = b""
        self.wanted = -1

    def ask(self, request: bytes) -> None:
        self.came, self.wanted = b"", -1
        self.began = time.perf_counter()
        self.socket.sendall(request)

    def answered(self, data: bytes) -> bool:
        """Whether the answer is whole."""
        self.came += data
        if self.wanted < 0:
            end = self.came.find(b"\r\n\r\n")
            if end < 0:
                return False
            length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", self.came[: end + 2])
            if length is None:
                # In pieces, the last of which is empty.
                return self.came.endswith(b"\r\n0\r\n\r\n") or self.came.startswith((b"HTTP/1.1 204",))
            self.wanted = end + 4 + int(length[1])
        return len(self.came) >= self.wanted


def _send(
    out: Connection,
    url: str,
    asking: Asking,
    connections: int,
    seconds: float,
    content_type: str,
    headers: dict[str, str],
    number: int,
    patience_s: float,
) -> None:
    parts = urlsplit(url)
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    rest = f" HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: {content_type}\r\n{more}Content-Length: "

    def next_request() -> bytes:
        nonlocal number
        path, body = asking(number)
        number += 1
        return f"POST {path}{rest}{len(body)}\r\n\r\n".encode() + body

    waiting = selectors.DefaultSelector()
    for _ in range(connections):
        line = _Line(address)
        waiting.register(line.socket, selectors.EVENT_READ, line)
    next_request()  # whatever it loads once is loaded before anything is measured
    begun = time.perf_counter()
    found: list[tuple[float, float, int]] = []
    for key in list(waiting.get_map().values()):
        key.data.ask(next_request())
    open_lines = connections
    while open_lines and time.perf_counter() < begun + seconds + patience_s:
        for key, _ in waiting.select(timeout=1.0):
            line = key.data
            try:
                data = line.socket.recv(65536)
            except OSError:
                data = b""
            now = time.perf_counter()
            if data and not line.answered(data):
                continue
            found.append((now - begun, now - line.began, int(line.came[9:12]) if data else 0))
            if not data:
                waiting.unregister(line.socket)
                line.socket.close()
                if now < begun + seconds:
                    line = _Line(address)
                    waiting.register(line.socket, selectors.EVENT_READ, line)
            if now < begun + seconds:
                line.ask(next_request())
            else:
                open_lines -= 1
    out.send(found)
    out.close()
