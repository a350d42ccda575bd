"""
The command line for tests that call it often, and their servers: forked from a process that has it loaded.

Each command still runs in a process of its own, with its own environment, files and end; only that a second and a half
of importing and of reading models was done before. What is about starting itself starts `python -m meydan`, as
tests/serving.py does.
"""

from __future__ import annotations

import contextlib
import functools
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import types
from collections.abc import Iterator, Mapping
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

# What stands for `meydan` where a shell looks for it: it says what it was asked for, and ends as that has ended. When it is
# gone before, that is ended.
ASKING = """\
#!{python} -ISs
import json, os, socket, sys
asked = {{
    "command": sys.argv[1:],
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "files": [f"/proc/{{os.getpid()}}/fd/{{number}}" for number in range(3)],
}}
with socket.socket(socket.AF_UNIX) as there:
    there.connect({socket!r})
    there.sendall(json.dumps(asked).encode() + b"\\n")
    sys.exit(int(there.recv(16) or b"1"))
"""


@functools.cache
def _loaded() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.loaded"])
    return context


def _run(
    command: tuple[str, ...],
    environment: dict[str, str],
    folder: str,
    files: tuple[str, ...],
    forking: bool = False,
) -> None:
    for number, file in enumerate(files):
        opened = os.open(file, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["meydan", *command]
    # What starts processes of its own gives them this module to import: not the tests' one, which they do not need.
    sys.modules["__main__"] = types.ModuleType("__main__")
    if forking:
        methods = multiprocessing.context._concrete_contexts  # type: ignore[attr-defined]
        methods["spawn"] = methods["fork"]
    from meydan.cli.main import app

    app(prog_name="meydan")


def meydan(
    *command: str, environment: Mapping[str, str], given: bytes | None = None, timeout_s: float = 120
) -> subprocess.CompletedProcess[bytes]:
    """
    Run `meydan …` to its end.

    Args:
        environment: all of it.
        given: standard input; None: nothing.
    """
    with tempfile.TemporaryDirectory(prefix="meydan-said-") as folder:
        files = [Path(folder) / name for name in ("given", "said", "complained")]
        for file, content in zip(files, (given or b"", b"", b""), strict=True):
            file.write_bytes(content)
        process = _loaded().Process(
            target=_run, args=(command, dict(environment), os.getcwd(), tuple(map(str, files)))
        )
        process.start()
        process.join(timeout_s)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(command, timeout_s)
        assert process.exitcode is not None
        return subprocess.CompletedProcess(
            command, process.exitcode, files[1].read_bytes(), files[2].read_bytes()
        )


class Begun:
    """A command that runs, as much as a test asks of `subprocess.Popen`; it ends with the process that began it."""

    def __init__(self, command: tuple[str, ...], environment: Mapping[str, str], said: Path) -> None:
        self.args = command
        files = (os.devnull, str(said), str(said))
        self._process = _loaded().Process(
            target=_run, args=(command, dict(environment), os.getcwd(), files), daemon=True
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """How it ended (less than 0: by that signal), or None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code


@contextlib.contextmanager
def at_hand(folder: Path) -> Iterator[None]:
    """
    In the block, a program `meydan` is in `folder`, for shells: what it is asked runs as above, with its standard files.

    Where it needs processes of its own (to judge an archive, to read a file) these are forked, too, and not started anew: that they
    can be is for the tests of these verbs.

    What still runs at the end, a server above all, is ended.
    """
    place = str(folder / "asked")
    program = folder / "meydan"
    program.write_text(ASKING.format(python=sys.executable, socket=place), encoding="utf-8")
    program.chmod(0o700)
    running: list[ForkServerProcess] = []

    def run(asking: socket.socket) -> None:
        with asking, asking.makefile("rb") as said:
            asked = json.loads(said.readline())
            process = _loaded().Process(
                target=_run,
                args=(
                    tuple(asked["command"]),
                    asked["environment"],
                    asked["folder"],
                    tuple(asked["files"]),
                    True,
                ),
            )
            process.start()
            running.append(process)
            if process.sentinel not in wait([process.sentinel, asking]):
                process.terminate()
            process.join()
            code = process.exitcode or 0
            # Whoever asked may have been ended before.
            with contextlib.suppress(OSError):
                asking.sendall(str(code if code >= 0 else 128 - code).encode())

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                asking, _ = listening.accept()
                threading.Thread(target=run, args=(asking,), daemon=True).start()

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()
        threading.Thread(target=listen, daemon=True).start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for process in running:
                process.terminate()
            for process in running:
                process.join(30)
