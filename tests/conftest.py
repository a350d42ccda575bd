"""Fixtures for every room: a store on each database that is shipped, one after another."""

from __future__ import annotations

import contextlib
import gc
import gzip
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, cast

import pytest
import structlog
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser

from meydan.store import Store
from meydan.web.pages import static_bytes
from tests.chromium import a_browser
from tests.postgresql import PostgreSQL, a_server
from tests.ready import keep_files_in_memory, keep_the_judge, with_tables
from tests.serving import Served

# A busy machine is not a failing test: examples are bounded by their number, not by the clock.
settings.register_profile("meydan", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("meydan")

keep_files_in_memory()
keep_the_judge()
Served.forks = True


class _Lines:
    """
    Where standard output goes when a line is written.

    A server in a thread logs a request after it has answered it, when the test that asked may be over: structlog by itself
    would write to what captured that test's output, and end the connection when that is closed.
    """

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(line)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()


structlog.configure(logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Lines())))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """
    Browser tests come last, others keep their order.

    The browser's driver leaves an event loop running in this thread, in which
    no other test can run one of its own.
    """
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


def pytest_collection_finish() -> None:
    """What was collected stays, as what a server has loaded does: it need not be looked through again and again."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print at every run what the component weighs; a test in tests/browser holds it to its limit."""
    size = len(gzip.compress(static_bytes("embed.js"), compresslevel=6, mtime=0))
    terminalreporter.write_line(f"embed.js, styles and words in it: {size} bytes gzip")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for every test that needs one."""
    with a_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A real server; a test that needs it fails where there is none, and says how to get one."""
    with a_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of the test's own, on each kind of database."""
    if request.param == "sqlite":
        yield f"sqlite:///{with_tables(tmp_path / 'meydan.db')}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open store on each kind of database."""
    store = Store.open(database_url)
    yield store
    store.close()
