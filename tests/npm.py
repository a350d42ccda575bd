"""What tests need from npm: the type checker, and React for pages of its own."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

PAGES = Path(__file__).parent / "browser/pages"
TOOLS = Path(sys.executable).parent


def installed() -> Path:
    """What package-lock.json names, installed beside it: once, and anew when it changes."""
    lock, folder = PAGES / "package-lock.json", PAGES / "node_modules"
    mark = folder / "installed.json"
    # Tests run side by side; whoever comes second waits for what the first installs.
    with lock.open("rb") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        if not mark.exists() or mark.read_bytes() != lock.read_bytes():
            subprocess.run(
                [TOOLS / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=PAGES,
                check=True,
                # npm is a script that looks for node.
                env={**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"},
            )
            shutil.copy(lock, mark)
    return folder
