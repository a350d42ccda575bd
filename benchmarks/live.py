"""
Readers' live news: 2,000 open streams on one server while comments are approved.

How long after the moderator's verdict is sent the last reader has been told, what one open stream costs the server
in memory, and whether a page is read as fast meanwhile. Readers are real sockets in another process, each from an
address of its own as a trusted proxy tells it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import statistics
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from benchmarks.load import get
from benchmarks.site import STORY, served

READERS = 2000
APPROVALS = 20
AT_A_TIME = 100
REST_S = 1.0
CONNECTIONS = 16
OUR_FILES = 256


def run(seconds: int, runs: int) -> dict[str, Any]:
    more_files(READERS + OUR_FILES)
    with served(comments=200, waiting=APPROVALS * runs) as (server, token, held):
        path = f"/embed/live?story={quote(STORY, safe='')}"
        fragment = f"{server.url}/embed/comments?story={quote(STORY, safe='')}"
        alone = get(fragment, connections=CONNECTIONS, seconds=seconds, headers={"Accept-Encoding": "gzip"})
        before = resident(server.pid)
        own, theirs = multiprocessing.Pipe()
        readers = multiprocessing.get_context("spawn").Process(
            target=_read, args=(theirs, server.url, path, READERS)
        )
        readers.start()
        opened_s = _next(own, "open")
        time.sleep(REST_S)
        after = resident(server.pid)
        print(f"  {READERS} streams open after {opened_s:.1f} s", file=sys.stderr)
        took: list[list[float]] = []
        for _ in range(APPROVALS * runs):
            own.send("expect")
            _next(own, "ready")
            sent = _approve(server.url, token, held.pop())
            arrived: list[float] = _next(own, "arrived")
            took.append([at - sent for at in arrived])
            time.sleep(REST_S / 2)
        beside = get(fragment, connections=CONNECTIONS, seconds=seconds, headers={"Accept-Encoding": "gzip"})
        after_all = resident(server.pid)
        own.send("end")
        readers.join()
        assert any(took), "nobody was told of anything"
        every = sorted(latency for approval in took for latency in approval)
        return {
            "readers": READERS,
            "opened_s": round(opened_s, 2),
            "approvals": len(took),
            "events": len(every),
            "missed": READERS * len(took) - len(every),
            "arrival_ms_median": round(statistics.median(every) * 1000, 1),
            "arrival_ms_p99": round(every[int(len(every) * 0.99)] * 1000, 1),
            "arrival_ms_max": round(every[-1] * 1000, 1),
            "last_reader_ms_median": round(statistics.median(max(one) for one in took) * 1000, 1),
            "server_mb_before": round(before / 1024, 1),
            "server_mb_with_readers": round(after / 1024, 1),
            "server_mb_after_all": round(after_all / 1024, 1),
            "kb_per_reader": round((after - before) / READERS, 1),
            "kb_per_reader_after_all": round((after_all - before) / READERS, 1),
            "reads_per_s_alone": round(alone.requests_per_s),
            "reads_per_s_beside": round(beside.requests_per_s),
            "reads_p99_ms_alone": round(alone.p99_ms, 2),
            "reads_p99_ms_beside": round(beside.p99_ms, 2),
        }


def more_files(wanted: int) -> None:
    """Let this process, and those it starts, open so many files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def resident(pid: int) -> int:
    """The memory that a process has in use, in kB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no such process")


def _next(pipe: Connection, name: str) -> Any:
    assert pipe.poll(120), f"{name!r} did not come"
    told, value = pipe.recv()
    assert told == name, told
    return value


def _approve(url: str, token: str, id: str) -> float:
    began = time.monotonic()
    httpx.post(
        f"{url}/api/v1/comments/{id}/decisions",
        json={"verdict": "approve", "rules": []},
        headers={"Authorization": f"Bearer {token}"},
    ).raise_for_status()
    return began


def _read(out: Connection, url: str, path: str, readers: int) -> None:
    more_files(readers + OUR_FILES)
    asyncio.run(_listen(out, url, path, readers))


async def _listen(out: Connection, url: str, path: str, readers: int) -> None:
    parts = urlsplit(url)
    arrived: list[float] = []
    all_told = asyncio.Event()
    lines: list[asyncio.StreamReader] = []
    began = time.monotonic()
    opened = 0

    async def open_one(number: int) -> None:
        nonlocal opened
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nX-Forwarded-For: {address}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        await reader.readuntil(b"event: story")
        await reader.readuntil(b"\n\n")
        lines.append(reader)
        opened += 1
        tasks.append(asyncio.create_task(follow(reader, writer)))

    async def follow(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"event: story"):
            arrived.append(time.monotonic())
            if len(arrived) >= readers:
                all_told.set()

    tasks: list[asyncio.Task[None]] = []
    for first in range(0, readers, AT_A_TIME):
        await asyncio.gather(*(open_one(n) for n in range(first, min(first + AT_A_TIME, readers))))
    out.send(("open", time.monotonic() - began))
    while await asyncio.to_thread(out.recv) == "expect":
        arrived.clear()
        all_told.clear()
        out.send(("ready", None))
        try:
            async with asyncio.timeout(10):
                await all_told.wait()
        except TimeoutError:
            pass
        out.send(("arrived", list(arrived)))
    for task in tasks:
        task.cancel()
