"""
What a newsroom would pick instead: Isso and Waline, in folders of their own, set so that they do their best.

    python -m benchmarks peers install

They come from PyPI and npm in the versions named here, into `.benchmarks/`, and nothing of them into Meydan's environment.
Both take comments without moderation, proof of address, pace or spam check. How each is run is told with its figures.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psycopg
from sqlalchemy.engine import make_url

from benchmarks.databases import a_server_on_disk, new_database
from benchmarks.judge import texts
from benchmarks.load import Asked, Asking, request

HOME = Path(__file__).resolve().parent.parent / ".benchmarks"
ISSO = {"isso": "0.14.0", "gunicorn": "27.0.1"}
WALINE = {"@waline/vercel": "1.39.3"}
START_S = 60
LINES = 997


@dataclass(frozen=True)
class Peer:
    """
    A server to be measured.

    Args:
        page: from a story's path (`/story`), the path with which a client of its own reads the story's first page.
        sending: from a story's path and a number, the path and body of a new comment, like no other.
        headers: that its client sends with every reading.
        conditions: how it is set and run, for who reads the figures.
    """

    name: str
    url: str
    page: Callable[[str], str]
    sending: Callable[[str, int], tuple[str, dict[str, Any]]]
    pids: tuple[int, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)

    def send(self, story: str, number: int) -> httpx.Response:
        """Send one comment and wait until it is taken."""
        path, body = self.sending(story, number)
        # Isso gives a cookie for every comment; who sends them all is many readers.
        _client().cookies.clear()
        answer = _client().post(self.url + path, json=body)
        answer.raise_for_status()
        return answer

    def asking(self, stories: tuple[str, ...]) -> Asking:
        """New comments on these stories, one after another."""
        return partial(sent, self.url, self.sending, stories)

    def reading(self, story: str) -> Asking:
        return partial(_reading, Asked("read", request("GET", self.url, self.page(story), self.headers)))


def sent(
    url: str, sending: Callable[[str, int], tuple[str, dict[str, Any]]], stories: tuple[str, ...], number: int
) -> Asked:
    """The request that brings a new comment."""
    path, body = sending(stories[number % len(stories)], number)
    return Asked("send", request("POST", url, path, body=json.dumps(body, ensure_ascii=False).encode()))


def _reading(asked: Asked, _number: int) -> Asked:
    return asked


def text_of(number: int) -> str:
    """About 35 tokens, like no other."""
    lines = _lines()
    return f"{lines[number % len(lines)]} {lines[number // len(lines) % len(lines)].split(',')[0]} {number}"


@functools.cache
def _lines() -> list[str]:
    return texts(LINES)


@functools.cache
def _client() -> httpx.Client:
    """One for all: making one costs more than an answer does."""
    return httpx.Client(timeout=30)


# -- Isso -------------------------------------------------------------------

ISSO_SETTINGS = """[general]
dbpath = {folder}/comments.db
host = http://localhost/
[server]
listen = http://127.0.0.1:{port}/
[guard]
enabled = false
[moderation]
enabled = false
[hash]
algorithm = none
"""


def isso_page(story: str) -> str:
    return f"/?uri={quote(story, safe='')}&nested_limit=5"


def isso_sending(story: str, number: int) -> tuple[str, dict[str, Any]]:
    return f"/new?uri={quote(story, safe='')}", {
        "author": f"Reader {number % 400}", "text": text_of(number), "title": "A story",
    }  # fmt: skip


@contextlib.contextmanager
def isso() -> Iterator[Peer]:
    """Isso under gunicorn, as its documentation shows: two workers, for two cores, in one SQLite file."""
    python = HOME / "isso" / "bin" / "python"
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        port = _free_port()
        settings = Path(folder) / "isso.cfg"
        settings.write_text(ISSO_SETTINGS.format(folder=folder, port=port))
        command = [
            python,
            "-m",
            "gunicorn",
            "-b",
            f"127.0.0.1:{port}",
            "-w",
            "2",
            "-k",
            "gthread",
            "--threads",
            "8",
            "--preload",
            "isso.run",
        ]
        conditions = {
            "version": ISSO["isso"],
            "server": f"gunicorn {ISSO['gunicorn']}, 2 workers of 8 threads",
            "database": "SQLite, as it sets it",
            "off": "moderation, guard (pace), hashing of addresses",
            "page": "all comments of the story, at most five answers to each: its client's own request",
        }
        with _running(
            command, {"ISSO_SETTINGS": str(settings)}, Path(folder), f"http://127.0.0.1:{port}/latest"
        ) as pids:
            yield Peer("isso", f"http://127.0.0.1:{port}", isso_page, isso_sending, pids, {}, conditions)


# -- Waline -----------------------------------------------------------------

WALINE_TABLES = """
CREATE TABLE wl_comment (id SERIAL PRIMARY KEY, user_id INT, comment TEXT, insertedat TIMESTAMP, ip VARCHAR(100),
    link VARCHAR(255), mail VARCHAR(255), nick VARCHAR(255), pid INT, rid INT, sticky NUMERIC, status VARCHAR(50),
    "like" INT, ua TEXT, url VARCHAR(255), createdat TIMESTAMP, updatedat TIMESTAMP);
CREATE TABLE wl_counter (id SERIAL PRIMARY KEY, time INT, reaction0 INT, reaction1 INT, reaction2 INT, reaction3 INT,
    reaction4 INT, reaction5 INT, reaction6 INT, reaction7 INT, reaction8 INT, url VARCHAR(255), createdat TIMESTAMP,
    updatedat TIMESTAMP);
CREATE TABLE wl_users (id SERIAL PRIMARY KEY, display_name VARCHAR(255), email VARCHAR(255), password VARCHAR(255),
    type VARCHAR(50), label VARCHAR(255), url VARCHAR(255), avatar VARCHAR(255), github VARCHAR(255),
    twitter VARCHAR(255), facebook VARCHAR(255), google VARCHAR(255), weibo VARCHAR(255), qq VARCHAR(255),
    oidc VARCHAR(255), huawei VARCHAR(255), "2fa" VARCHAR(32), createdat TIMESTAMP, updatedat TIMESTAMP);
CREATE INDEX ix_wl_comment_url ON wl_comment (url);
CREATE INDEX ix_wl_comment_ip ON wl_comment (ip, insertedat);
"""
"""The tables of its data model; both indexes are ours, so that its questions do not read every comment there is."""

NOBODY_SIGNS_IN = """
require('http').createServer((asked, answer) => {
  answer.setHeader('content-type', 'application/json');
  answer.end('{"services":[]}');
}).listen(Number(process.argv[1]), '127.0.0.1');
"""


def waline_page(story: str) -> str:
    return f"/api/comment?path={quote(story, safe='')}&pageSize=10&page=1&lang=en&sortBy=insertedAt_desc"


def waline_sending(story: str, number: int) -> tuple[str, dict[str, Any]]:
    return "/api/comment?lang=en", {
        "comment": text_of(number), "nick": f"Reader {number % 400}", "mail": f"reader{number % 400}@example.org",
        "link": "", "url": story, "ua": "Mozilla/5.0",
    }  # fmt: skip


@contextlib.contextmanager
def waline() -> Iterator[Peer]:
    """Waline's server on node, its comments in PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder, a_server_on_disk() as server:
        base = new_database(server, "waline")
        with psycopg.connect(base, autocommit=True) as connection:
            connection.execute(WALINE_TABLES)
        at = make_url(base)
        port, near = _free_port(), _free_port()
        settings = {
            "PG_DB": "waline", "PG_USER": at.username or "postgres", "PG_PASSWORD": at.password or "x",
            "PG_HOST": at.host or str(at.query.get("host")), "PG_PORT": str(at.port or 5432), "JWT_TOKEN": "benchmark",
            "IPQPS": "0", "AKISMET_KEY": "false", "DISABLE_REGION": "true", "DISABLE_USERAGENT": "true",
            "OAUTH_URL": f"http://127.0.0.1:{near}/", "MARKDOWN_TEX": "false", "MARKDOWN_HIGHLIGHT": "false", "GRAVATAR_STR": "https://avatars.invalid/0", "LEVELS": "false",
        }  # fmt: skip
        command = ["node", HOME / "waline" / "node_modules" / "@waline" / "vercel" / "vanilla.js", str(port)]
        conditions = {
            "version": WALINE["@waline/vercel"],
            "server": f"node {_told('node', '--version')}, vanilla.js, one worker as it is shipped",
            "database": "PostgreSQL (fsync on), tables of its model and two indexes of ours",
            "off": "review, pace (IPQPS), Akismet, region, user agent, TeX, highlighting, levels",
            "near": "the service that it asks at every request who may sign in is answered on this machine, by node, with nobody",
            "page": "10 branches of the story, with how many there are: its client's own request",
        }
        with (
            _running(
                ["node", "-e", NOBODY_SIGNS_IN, str(near)], {}, Path(folder), f"http://127.0.0.1:{near}/"
            ),
            _running(
                command,
                settings,
                Path(folder),
                f"http://127.0.0.1:{port}/api/comment?type=count&url=/none&lang=en",
            ) as pids,
        ):
            yield Peer(
                "waline", f"http://127.0.0.1:{port}", waline_page, waline_sending, pids, {}, conditions
            )


# -- all of them ------------------------------------------------------------

PEERS: dict[str, Callable[[], contextlib.AbstractContextManager[Peer]]] = {"isso": isso, "waline": waline}


def installed() -> tuple[str, ...]:
    """Which of them are there."""
    places = {"isso": HOME / "isso" / "installed", "waline": HOME / "waline" / "installed"}
    return tuple(name for name, place in places.items() if place.exists())


def install() -> None:
    """Fetch both, from the registries alone; what a package would run while it is installed is not run."""
    python = HOME / "isso"
    if not (python / "installed").exists():
        shutil.rmtree(python, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", python], check=True)
        wanted = [f"{name}=={version}" for name, version in ISSO.items()]
        subprocess.run([python / "bin" / "python", "-m", "pip", "install", "--quiet", *wanted], check=True)
        (python / "installed").touch()
    node = HOME / "waline"
    if not (node / "installed").exists():
        if shutil.which("npm") is None:
            print("Waline needs node and npm, which are not here; Isso is installed.", file=sys.stderr)
            return
        shutil.rmtree(node, ignore_errors=True)
        node.mkdir(parents=True)
        wanted = [f"{name}@{version}" for name, version in WALINE.items()]
        subprocess.run(
            [
                "npm",
                "install",
                "--silent",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
                node,
                *wanted,
            ],
            check=True,
        )
        (node / "installed").touch()
    print(f"installed in {HOME}: {', '.join(installed())}", file=sys.stderr)


@contextlib.contextmanager
def _running(
    command: list[Any], settings: dict[str, str], folder: Path, alive: str
) -> Iterator[tuple[int, ...]]:
    """Run a server until it answers, and end it with all that it started."""
    log = folder / "peer.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={"PATH": os.environ["PATH"], "HOME": str(folder), **settings}, cwd=folder,
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + START_S
        while True:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it did not start: {log.read_text(errors='replace')[-2000:]}")
            try:
                if httpx.get(alive, timeout=2).status_code < 500:
                    break
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        yield (process.pid,)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _told(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
