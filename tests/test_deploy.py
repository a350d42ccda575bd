"""What a node is run with: the unit and the container file name what there is, and ask for no more than is needed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from meydan.cli.main import app

ROOT = Path(__file__).parents[1]
UNITS = sorted((ROOT / "deploy").glob("*.service"))
CONTAINER = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:
    """If systemd runs what a unit says, then it is a verb of ours with options that the verb has."""
    lines = unit.read_text(encoding="utf-8")
    [command] = re.findall(r"^ExecStart=/opt/meydan/bin/meydan (.+)$", lines, re.M)
    verb, *options = shlex.split(command)
    told = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert told.exit_code == 0, told.output
    assert all(option in told.output for option in options)
    for asked in (
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=\n",
        "UMask=0077",
        "RestartPreventExitStatus=2",
    ):
        assert asked in lines
    if shutil.which("systemd-analyze"):
        told_of = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
        # The program is not installed where the unit looks for it; of all else it has nothing to say.
        assert [
            line
            for line in told_of.stderr.splitlines()
            if unit.name in line and "is not executable" not in line
        ] == []


def test_the_image_takes_what_there_is_and_runs_as_nobody() -> None:
    """If an image is built, then from the lock with its hashes, of files that exist, and it runs as a number that is not root."""
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINER, re.M):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert f"!{source}" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "--require-hashes -r requirements.lock" in CONTAINER
    [user] = re.findall(r"^USER (\d+):\d+$", CONTAINER, re.M)
    assert int(user) > 0
    assert CONTAINER.index("\nUSER ") < CONTAINER.index("\nENTRYPOINT ")
    assert "ADD " not in CONTAINER
    assert 'ENTRYPOINT ["meydan", "serve"]' in CONTAINER


def test_a_node_writes_to_its_data_folder_alone(tmp_path: Path) -> None:
    """If a node serves and ends, then it left nothing in its home, where it was started, or among temporary files."""
    elsewhere = {name: tmp_path / name for name in ("home", "temporary", "started")}
    for folder in (data := tmp_path / "data", *elsewhere.values()):
        folder.mkdir(mode=0o700)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(elsewhere["home"]), "TMPDIR": str(elsewhere["temporary"]), "MEYDAN_DATA": str(data),
        "MEYDAN_PORT": str(port),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "meydan", "serve", "--json"],
        env=environment, cwd=elsewhere["started"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 60
        while time.monotonic() < until and process.poll() is None:
            try:
                if httpx.get(f"{url}/healthz", timeout=1).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.05)
        sent = {"story": {"url": f"{url}/story"}, "name": "Zîn", "text": "Thank you for this report."}
        assert httpx.post(f"{url}/api/v1/comments", json=sent, timeout=30).status_code == 201
    finally:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=30)[0].decode()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert [path for folder in elsewhere.values() for path in folder.rglob("*")] == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in data.glob("*.db*") if path.suffix != ".serving")
