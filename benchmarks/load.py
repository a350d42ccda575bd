"""
Load on loopback: wrk where it is installed, else plain sockets of our own in a second process.

Our own generator costs more of the machine than wrk does, so its figures are lower bounds.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import re
import shutil
import socket
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Load:
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int
    generator: str


def get(url: str, *, connections: int, seconds: int, headers: dict[str, str] | None = None) -> Load:
    """GET one address over `connections` kept-alive connections for `seconds`."""
    if shutil.which("wrk"):
        return _wrk(url, connections, seconds, headers or {})
    return _sockets(url, connections, seconds, headers or {})


def _wrk(url: str, connections: int, seconds: int, headers: dict[str, str]) -> Load:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    told = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout

    def latency(share: str) -> float:
        found = re.search(rf"\s{share}%\s+([\d.]+)(us|ms|s)", told)
        assert found, told
        return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]

    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    assert rate, told
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    return Load(float(rate[1]), latency("50"), latency("99"), int(wrong[1]) if wrong else 0, "wrk, 1 thread")


def _sockets(url: str, connections: int, seconds: int, headers: dict[str, str]) -> Load:
    own, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_generate, args=(theirs, url, connections, seconds, headers)
    )
    process.start()
    took, errors = own.recv()
    process.join()
    ordered = sorted(took)
    return Load(
        len(ordered) / seconds,
        statistics.median(ordered) * 1000,
        ordered[int(len(ordered) * 0.99)] * 1000,
        errors,
        "own sockets",
    )


def _generate(out: object, url: str, connections: int, seconds: int, headers: dict[str, str]) -> None:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    lines = [f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", *(f"{k}: {v}" for k, v in headers.items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    took: list[float] = []
    errors = [0]
    until = time.perf_counter() + seconds

    def visit() -> None:
        with socket.create_connection((parts.hostname, parts.port)) as line:
            while (begin := time.perf_counter()) < until:
                line.sendall(request)
                answer = b""
                while b"\r\n\r\n" not in answer:
                    answer += line.recv(65536)
                head, _, body = answer.partition(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: (\d+)", head)
                rest = (int(length[1]) if length else 0) - len(body)
                while rest > 0:
                    rest -= len(line.recv(min(rest, 1 << 20)))
                took.append(time.perf_counter() - begin)
                errors[0] += not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 304"))

    threads = [threading.Thread(target=visit) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with contextlib.closing(out):  # type: ignore[type-var]
        out.send((took, errors[0]))  # type: ignore[attr-defined]
