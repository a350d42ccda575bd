"""Every engine makes the same files; what ends one of them, by force too, costs nothing that was finished."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from meydan.bulk.engines import QUIET, Processes
from meydan.bulk.run import ASIDE
from tests.bulk.archive import Here, files, scored, written
from tests.bulk.cluster import a_cluster


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("archive") / "years.csv", 240)


@pytest.fixture(scope="module")
def whole(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("whole") / "out"
    scored(archive, out, Here())
    return files(out)


def _command(archive: Path, out: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "meydan", "score", str(archive), "-o", str(out), "--tier", "fast",
        "--rows-per-part", "8", "--workers", "2", *more,
    ]  # fmt: skip


def test_if_two_processes_share_the_work_then_the_files_are_those_of_one(
    archive: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    manifest = scored(archive, tmp_path / "out", Processes(2))
    assert (manifest["run"]["engine"], manifest["run"]["workers"]) == ("local", 2)
    assert files(tmp_path / "out") == whole


def test_if_a_worker_or_all_of_them_are_killed_then_the_same_again_ends_the_same(
    archive: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    """
    If a worker is killed, then that is said with a code and what is finished stays; if the run is killed, then its workers
    end too; and whoever goes on makes what is missing, and no row twice.
    """
    out = tmp_path / "out"
    begun = subprocess.Popen(_command(archive, out, "--json"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _wait_for_parts(out, 1)
    # The first child of a spawning parent looks after what is shared; the others are workers.
    workers = [one for one in psutil.Process(begun.pid).children() if "spawn_main" in " ".join(one.cmdline())]
    assert len(workers) == 2
    workers[0].kill()
    _, told = begun.communicate(timeout=600)
    assert begun.returncode == 2
    assert json.loads(told.splitlines()[-1])["code"] == "M347"
    psutil.wait_procs(workers, timeout=300)
    kept = len(_entries(out))
    assert kept < len([name for name in whole if name.startswith("part-")])

    again = subprocess.Popen(_command(archive, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _wait_for_parts(out, kept + 1)
    workers = psutil.Process(again.pid).children()
    again.send_signal(signal.SIGKILL)
    again.wait()
    assert not psutil.wait_procs(workers, timeout=300)[1], "workers outlive whom they work for"
    manifest = scored(archive, out, Here())
    assert manifest["run"]["parts_from_before"] > kept
    assert files(out) == whole


_LISTENS = """
import os, sys
def told(event, given):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect"):
        where = given[1] if event == "socket.connect" else given[0]
        host = where[0] if isinstance(where, tuple) else where
        if event == "socket.connect" and not isinstance(where, tuple) or str(host) in ("127.0.0.1", "localhost", "::1"):
            return
        with open(os.environ["TOLD"], "a") as out:
            print(event, host, file=out)
        raise OSError("Nothing leaves the machine.")
sys.addaudithook(told)
"""


def test_if_daft_scores_then_the_files_are_the_same_and_nothing_leaves_the_machine(
    archive: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(_LISTENS)
    said = tmp_path / "said"
    inherited = {name: value for name, value in os.environ.items() if name not in QUIET}
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**inherited, "PYTHONPATH": path, "TOLD": str(said), "HOME": str(tmp_path / "home")}
    ran = subprocess.run(
        _command(archive, tmp_path / "out", "--engine", "daft", "--json"),
        env=environment, capture_output=True, timeout=600, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["run"]["engine"] == "daft"
    assert files(tmp_path / "out") == whole
    assert not said.exists(), said.read_text()
    assert not (tmp_path / "home").exists()
    # What listens does hear: without our word, Daft does tell its maker that it was loaded.
    subprocess.run(
        [sys.executable, "-c", "import daft, time; time.sleep(0.5)"],
        env=environment,
        check=True,
        capture_output=True,
    )
    assert "scarf" in said.read_text()


@pytest.mark.slow
def test_if_a_ray_cluster_of_two_nodes_scores_then_the_files_are_the_same(
    archive: Path, whole: dict[str, bytes], tmp_path: Path
) -> None:
    with a_cluster(nodes=2) as address:
        ran = subprocess.run(
            _command(archive, tmp_path / "out", "--engine", "daft", "--ray", address, "--json"),
            env={**os.environ, **QUIET}, capture_output=True, timeout=600, check=False,
        )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["run"]["engine"] == "daft-ray"
    assert files(tmp_path / "out") == whole


def test_if_no_cluster_is_there_then_how_to_start_one_is_said(archive: Path, tmp_path: Path) -> None:
    """If `--ray` is given without Daft, then it is refused before anything is read."""
    ran = subprocess.run(
        _command(archive, tmp_path / "out", "--ray", "127.0.0.1:1", "--json"),
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 2
    assert json.loads(ran.stderr)["code"] == "M302"
    assert not (tmp_path / "out").exists()


def _entries(out: Path) -> list[Path]:
    """Of parts that count: one that stands there without is made again."""
    return list((out / ASIDE).glob("part-*.json"))


def _wait_for_parts(out: Path, number: int) -> None:
    until = time.monotonic() + 600
    while len(_entries(out)) < number:
        assert time.monotonic() < until, "no part is made"
        time.sleep(0.01)
