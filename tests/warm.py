"""
The command line for tests that call it often: forked from a process that has it loaded.

Each command still runs in a process of its own, with its own environment, files and end; only that a second and a half
of importing and of reading models was done before. What is about starting itself starts `python -m meydan`, as
tests/serving.py does.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from pathlib import Path


@functools.cache
def _loaded() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.loaded"])
    return context


def _run(command: tuple[str, ...], environment: dict[str, str], folder: str, files: tuple[str, ...]) -> None:
    for number, file in enumerate(files):
        opened = os.open(file, os.O_RDONLY if number == 0 else os.O_WRONLY)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["meydan", *command]
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
