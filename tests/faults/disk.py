"""A small disk of the test's own, which it fills up and empties again."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


class Disk:
    """
    A tmpfs of a few megabytes.

    Attributes:
        folder: where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._ballast.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(4096))

    def make_room(self) -> None:
        self._ballast.unlink(missing_ok=True)

    @property
    def free_bytes(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize


@contextlib.contextmanager
def a_disk(*, size_mb: int) -> Iterator[Disk]:
    """Mount one; skips the test where that is not allowed (see `short_of_room` for another way)."""
    # Not in a folder of pytest's, which PostgreSQL's user cannot enter.
    folder = Path(tempfile.mkdtemp(prefix="meydan-disk-"))
    options = f"size={size_mb}m,mode=0755"
    mounting = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
    try:
        if subprocess.run(mounting, capture_output=True, check=False).returncode:
            pytest.skip("a file system cannot be mounted here: run it as root")
        try:
            yield Disk(folder)
        finally:
            # Whatever still has a file open there keeps it until it ends.
            subprocess.run(["umount", "--lazy", folder], check=True)
    finally:
        folder.rmdir()


@contextlib.contextmanager
def short_of_room(pid: int) -> Iterator[None]:
    """
    In the block, no file of a process can grow beyond its first page: for where nothing can be mounted.

    The system refuses the write itself, as it does when the disk is full, with another errno (EFBIG).
    """
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
