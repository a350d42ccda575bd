"""
PostgreSQL that waits for its disk: the server that tests use, set as one is that must not lose anything.

Tests run theirs without fsync; what is quoted is durable. With a home, its databases stay for the next run.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import URL, make_url
from tests import postgresql

from meydan.store.schema import HEAD

KEPT = Path(__file__).resolve().parent.parent / ".benchmarks" / f"archive-{HEAD}"
"""Where archives lie between two runs: gigabytes, which git does not know."""

SETTINGS = {"shared_buffers": "1GB", "max_wal_size": "8GB", "max_connections": "200"}
"""What is set beside the defaults; all that makes a commit durable stands as PostgreSQL ships it."""

START_S = 120


@contextmanager
def a_server_on_disk(home: Path | None = None) -> Iterator[str]:
    """
    The URL of a server that waits for its disk: of `home`, made there unless it is there, or one that leaves nothing.

    Raises:
        RuntimeError: none can be had; says how to get one.
    """
    if home is None or os.environ.get("MEYDAN_TEST_DATABASE"):
        with postgresql.a_server() as server:
            for setting in ("fsync = on", "full_page_writes = on"):
                server.run(f"ALTER SYSTEM SET {setting}")
            server.run("SELECT pg_reload_conf()")
            yield server.url.render_as_string(hide_password=False)
        return
    binaries = next(iter(postgresql._installations()), None)
    if binaries is None:
        raise RuntimeError(postgresql.HOW_TO)
    # A socket's path has to be short, so it does not lie with the data.
    place = Path(tempfile.mkdtemp(prefix="meydan-pg-"))
    process = None
    try:
        owner = postgresql._ordinary_user()
        user, group, groups = (
            (None, None, None) if owner is None else (owner.pw_uid, owner.pw_gid, list[int]())
        )
        if owner is not None:
            os.chown(place, owner.pw_uid, owner.pw_gid)
            if not postgresql._can_run(binaries, owner):
                shutil.copytree(binaries.parent, place / "server", symlinks=True)
                subprocess.run(["chmod", "-R", "a+rX", place / "server"], check=True)
                binaries = place / "server" / binaries.name
        if not (home / "PG_VERSION").exists():
            home.mkdir(parents=True, exist_ok=True)
            if owner is not None:
                os.chown(home, owner.pw_uid, owner.pw_gid)
            subprocess.run(
                [binaries / "initdb", "-D", home, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"],
                check=True, cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                user=user, group=group, extra_groups=groups,
            )  # fmt: skip
        given = {
            **SETTINGS,
            "listen_addresses": "127.0.0.1",
            "port": str(_free_port()),
            "unix_socket_directories": str(place),
        }
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", home, *(part for name, value in given.items() for part in ("-c", f"{name}={value}"))],
                cwd=place, stdout=log, stderr=log, user=user, group=group, extra_groups=groups,
            )  # fmt: skip
        url = URL.create(
            "postgresql", username="postgres", host="127.0.0.1", port=int(given["port"]), database="postgres"
        ).render_as_string(hide_password=False)
        _until_it_answers(url, process, place / "log")
        yield url
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=START_S)
        shutil.rmtree(place, ignore_errors=True)


def new_database(server: str, name: str) -> str:
    """The URL of an empty database on a server; one of that name before it is dropped."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0")
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError(log.read_text(errors="replace")[-2000:]) from None
            time.sleep(0.1)
        else:
            return
