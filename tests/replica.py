"""A real PostgreSQL that follows the tests' server, as a newsroom's replica does, and can be held back, stopped and killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import URL, make_url

from tests.postgresql import PostgreSQL, _ordinary_user


class Standby:
    """A server that follows another. `url_of` finds a database of the primary's on it."""

    def __init__(self, process: subprocess.Popen[bytes], home: Path) -> None:
        self._process = process
        self._home = home
        self._url = URL.create(
            "postgresql", username="postgres", database="postgres", query={"host": str(home)}
        )

    def url_of(self, primary: str) -> str:
        database = make_url(primary).database
        return self._url.set(database=database).render_as_string(hide_password=False)

    def ask(self, question: str) -> Any:
        url = self._url.render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            row = connection.execute(question).fetchone()
            return None if row is None else row[0]

    def signal(self, name: signal.Signals) -> None:
        """To the server and everything that it started."""
        for pid in (self._process.pid, *_children(self._process.pid)):
            os.kill(pid, name)


def _children(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if (
                folder.name.isdigit()
                and int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == parent
            ):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


@contextmanager
def following(server: PostgreSQL) -> Iterator[Standby | None]:
    """A standby of the server's; None where the server is one that was given, whose files are not ours."""
    host = server.url.query.get("host")
    if os.environ.get("MEYDAN_TEST_DATABASE") or not isinstance(host, str):
        yield None
        return
    pid = int((Path(host) / "data" / "postmaster.pid").read_text().splitlines()[0])
    binaries = Path(f"/proc/{pid}/exe").resolve().parent
    owner = _ordinary_user()
    who: dict[str, Any] = (
        {} if owner is None else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    )
    home = Path(tempfile.mkdtemp(prefix="meydan-standby-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        if owner is not None:
            os.chown(home, owner.pw_uid, owner.pw_gid)
        copying = [binaries / "pg_basebackup", "-h", host, "-U", "postgres", "-D", home / "data", "-R"]
        subprocess.run([*copying, "--checkpoint=fast", "--no-sync"], check=True, cwd=home, **who)
        with (home / "log").open("wb") as output:
            process = subprocess.Popen(
                [binaries / "postgres", "-D", home / "data", "-c", f"unix_socket_directories={home}",
                 "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"],
                cwd=home, stdout=output, stderr=output, **who,
            )  # fmt: skip
        standby = Standby(process, home)
        deadline = time.monotonic() + 60
        while True:
            try:
                assert standby.ask("SELECT pg_is_in_recovery()")
                break
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((home / "log").read_text()) from None
                time.sleep(0.05)
        yield standby
    finally:
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
        shutil.rmtree(home, ignore_errors=True)
