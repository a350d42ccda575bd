"""A real server in a process of its own, for tests that need one to be killed, restarted or loaded."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests import warm


class Served:
    """
    `meydan serve` on a port of its own; settings are given by name. `alive` is set while it answers.

    Args:
        log: where its log goes, if not into the data folder.
        program: what Python runs instead of `-m meydan`.
        source: the folder of another Meydan than the one that is tested.
        cold: it is started as an operator starts it, and nothing was loaded before, as outside of tests (benchmarks measure that):
            two seconds more, for tests of starting, of memory, and of what the machine shows of the process.
    """

    # tests/conftest.py says so.
    forks = False

    def __init__(
        self,
        data: Path,
        *,
        database: str = "",
        log: Path | None = None,
        program: tuple[str, ...] = ("-m", "meydan"),
        source: Path | None = None,
        cold: bool = False,
        **settings: object,
    ) -> None:
        self.data = data
        self.log = log or data / "server.log"
        self._program = program
        self._warm = self.forks and not cold and source is None and program == ("-m", "meydan")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.alive = threading.Event()
        self._environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("MEYDAN_")},
            **{f"MEYDAN_{key.upper()}": str(value) for key, value in settings.items()},
            "MEYDAN_DATA": str(data),
            "MEYDAN_DATABASE": database,
        }
        if source is not None:
            self._environment["PYTHONPATH"] = str(source)
        self._process: subprocess.Popen[bytes] | warm.Begun | None = None

    def start(self, *, timeout_s: float = 120) -> None:
        command = ("serve", "--port", str(self.port), "--json")
        with self.log.open("ab") as log:
            if self._warm:
                self._process = warm.Begun(command, self._environment, self.log)
            else:
                self._process = subprocess.Popen(
                    [sys.executable, *self._program, *command], env=self._environment, stdout=log, stderr=log
                )
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended: {self.log.read_text()[-2000:]}")
            try:
                if httpx.get(f"{self.url}/healthz", timeout=1).status_code == 200:
                    self.alive.set()
                    return
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError(f"the server did not answer in {timeout_s} s: {self.log.read_text()[-2000:]}")

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is said."""
        assert self._process is not None
        self.alive.clear()
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=30)

    def stop(self) -> None:
        """SIGTERM, and wait for a clean end."""
        assert self._process is not None
        self.alive.clear()
        self._process.terminate()
        self._process.wait(timeout=30)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @staticmethod
    def until(condition: Callable[[], bool], *, timeout_s: float = 15) -> None:
        """Wait until a condition holds; fails when it does not come to hold in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "what was waited for did not come"
            time.sleep(0.02)
