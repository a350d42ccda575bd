"""
Running the doors: one process, one event loop, one housekeeping thread.

On SQLite a lock file keeps a second server off the same data: two group-committing
writers would lock each other out. The command line beside a server is welcome.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import json
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO, cast

import msgspec
import structlog
import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.embed import Server

from meydan.errors import AlreadyServing, BadSettings, Unavailable
from meydan.web.front import Front
from meydan.wiring import Meydan

log = structlog.get_logger("meydan.serve")

CONNECTIONS = 8192
"""Connections at once besides readers' streams, as far as the system gives files to open."""

SWITCH_S = 0.001
"""
After how long a thread that computes lets another one on. The interpreter's own 5 ms are as long as judging a comment:
whoever only had to pass an answer on waited for all who judge.
"""

HEAD_PATIENCE_MS = 15_000
HEAD_BYTES = 65_536
FILES_OF_OURS = 256


def serve(
    meydan: Meydan,
    app: Front,
    *,
    on_ready: Callable[[str], None] = lambda address: None,
    beside: Callable[[threading.Event], None] | None = None,
) -> None:
    """
    Serve an ASGI app until SIGINT or SIGTERM; requests under way are finished first.

    After SIGTERM it says for `drain_seconds` that it is not ready and answers everybody as before; then it stops.

    Args:
        app: the application, as `create_app` builds it.
        beside: what works in a thread of its own meanwhile, until the event it is given is set: the courier.
        on_ready: called once with the address, when connections are accepted.

    Raises:
        AlreadyServing: another server has this data folder's SQLite file.
        BadSettings: the address cannot be bound.
    """
    settings = meydan.settings
    with _only_server(meydan):
        _open_more_files(settings.live_readers + CONNECTIONS + FILES_OF_OURS)
        check_address(settings.host, settings.port)
        if recovered := meydan.recover():
            log.info("recovered", comments=recovered)
        # What was loaded so far stays: it need not be looked through again and again for what can be thrown away.
        gc.collect()
        gc.freeze()
        gc.enable()
        sys.setswitchinterval(SWITCH_S)
        uvloop.run(_serve(meydan, app, on_ready, beside))


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on right now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def check_address(host: str, port: int) -> None:
    """Raise BadSettings when nobody could listen at this address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise BadSettings(
                f"Cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}. Choose another with --port.",
                fields=("port",),
            ) from error


class _Lines:
    """
    Where log lines go. One that cannot be written is lost, and nothing else is.

    A full disk is no fault of who says that it is full: an error here would end the thread that says it.
    """

    def __init__(self, to: TextIO) -> None:
        self._to = to

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._to.write(line)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._to.flush()


_encode = msgspec.json.Encoder(enc_hook=repr).encode
# Made once: `json.dumps` with a default makes one for each line.
_encode_escaped = json.JSONEncoder(default=repr, separators=(",", ":")).encode


def _encode_line(facts: Mapping[str, Any], **_: object) -> str:
    with contextlib.suppress(UnicodeEncodeError, OverflowError):
        line = _encode(facts)
        if line.isascii():
            return line.decode()
    # Whatever a terminal could take for more than letters is written as its number.
    return _encode_escaped(facts)


def configure_logs(*, quiet: bool = False) -> None:
    """Structured lines on standard error: ids and codes, never a reader's words."""
    level = logging.WARNING if quiet else logging.INFO
    pretty = sys.stderr.isatty()
    # As structlog knows it, a file: it flushes each line that it writes.
    lines = cast("TextIO", _Lines(sys.stderr))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer() if pretty else structlog.processors.JSONRenderer(_encode_line),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(lines),
        cache_logger_on_first_use=True,
    )


_SERVER_LOG = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "[%(levelname)s] %(name)s %(message)s"}},
    # Standard output is for answers.
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}
    },
    "loggers": {
        name: {"handlers": ["stderr"], "level": "ERROR", "propagate": False}
        for name in ("_granian", "granian.access")
    },
}


async def _serve(
    meydan: Meydan,
    app: Front,
    on_ready: Callable[[str], None],
    beside: Callable[[threading.Event], None] | None,
) -> None:
    settings = meydan.settings
    server = Server(
        app,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        # What is promised of slow and large heads holds for HTTP/1 only. HTTP/2 is a reverse proxy's to speak.
        http=HTTPModes.http1,
        websockets=False,
        backlog=1024,
        # Connections at once, readers' streams among them; by default no more than may wait to be taken, which streams
        # alone would fill, and idle or slow clients would keep everybody else outside.
        backpressure=settings.live_readers + CONNECTIONS,
        http1_settings=HTTP1Settings(
            # Who sends a request's head drop by drop, or says nothing for so long, has had a place for long enough.
            header_read_timeout=HEAD_PATIENCE_MS,
            # What one connection may fill with headers before it is refused; they have no use for the 400 kB of the default.
            max_buffer_size=HEAD_BYTES,
        ),
        # Its warning that embedding is new would stand in every operator's log; its errors should.
        log_level=LogLevels.error,
        log_dictconfig=_SERVER_LOG,
    )
    stopping, at_once = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop_now() -> None:
        at_once.set()
        stopping.set()

    def stop_gently() -> None:
        # Who asks a second time has waited long enough.
        stop_now() if stopping.is_set() else stopping.set()

    loop.add_signal_handler(signal.SIGINT, stop_now)
    loop.add_signal_handler(signal.SIGTERM, stop_gently)
    housekeeping = threading.Event()
    loop.add_signal_handler(signal.SIGHUP, housekeeping.set)
    ended = threading.Event()
    thread = threading.Thread(
        target=_keep_house, args=(meydan, housekeeping, ended), name="housekeeping", daemon=True
    )
    # What requests let go of is judged beside them, whenever there is room.
    # Where that is left to workers, nothing is judged here.
    judges = settings.judge == "here"
    sweeper = judges and threading.Thread(
        target=meydan.desk.work_off, args=(ended,), name="sweeper", daemon=True
    )
    publisher = threading.Thread(target=meydan.publish_until, args=(ended,), name="ledger", daemon=True)
    helper = beside and threading.Thread(target=beside, args=(ended,), name="courier", daemon=True)
    serving = asyncio.create_task(server.serve())
    try:
        await _accepts(settings.host, settings.port, serving)
        thread.start()
        publisher.start()
        if sweeper:
            sweeper.start()
        if helper is not None:
            helper.start()
        on_ready(settings.own_url)
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        app.drain()
        if stopping.is_set() and settings.drain_seconds and not at_once.is_set():
            # Whoever sends requests here learns from /readyz that they should go elsewhere; until they do, they are answered.
            log.info("draining", seconds=settings.drain_seconds)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(at_once.wait(), timeout=settings.drain_seconds)
    finally:
        ended.set()
        housekeeping.set()
        # Requests are finished, and a stream would only be finished when whoever listens goes home.
        app.end_streams()
        server.stop()  # type: ignore[no-untyped-call]
        with contextlib.suppress(asyncio.CancelledError, TimeoutError):
            await asyncio.wait_for(serving, timeout=10)
        # The loop has nothing left to do, and its executor is gone: wait here.
        for busy in (thread, publisher, sweeper, helper):
            if busy and busy.is_alive():
                busy.join(10)


async def _accepts(host: str, port: int, serving: asyncio.Task[None]) -> None:
    """Wait until the server takes connections; a server that ended instead is an error."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    while not serving.done():
        try:
            _, writer = await asyncio.open_connection(reachable, port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
    serving.result()
    raise BadSettings(f"The server on {host} port {port} ended before it took a connection.")


def _keep_house(meydan: Meydan, woken: threading.Event, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            meydan.tend()
        except Unavailable as error:
            log.warning("housekeeping_put_off", code=error.code, cause=error.message)
        except Exception as error:  # noqa: BLE001
            # Whatever it was, the next round has to come: without it nothing is swept or expired.
            log.error("housekeeping_failed", error=type(error).__name__)
        woken.wait(timeout=meydan.settings.sweep_seconds)
        woken.clear()


def _open_more_files(wanted: int) -> None:
    """A connection is an open file, and many systems give a process 1,024 unless it asks for what it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        # Some systems promise more than they give.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    if soft != resource.RLIM_INFINITY and soft < wanted:
        log.warning("few_files", wanted=wanted, given=soft)


@contextlib.contextmanager
def _only_server(meydan: Meydan) -> Iterator[None]:
    path = meydan.serving_lock
    if path is None:
        yield
        return
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyServing(
                f"Another server has {path.with_suffix('').name} open. Stop it, or choose another --data folder; "
                "several servers share one PostgreSQL database, not one SQLite file."
            ) from error
        yield
