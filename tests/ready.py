"""
What every test would otherwise make anew, made once in each process: the shipped judge, and an SQLite file with its tables.

Neither changes what is tested: a loaded judge is immutable and shared between threads in life as well, and a copied file
is what migrating an empty one gives. Tests of loading and of migrating do these themselves, with folders and files of
their own.
"""

from __future__ import annotations

import functools
import gc
import os
import tempfile
import threading
from pathlib import Path

from meydan.judge import Judge
from meydan.store import Store

# Whoever comes while it is made waits: two at once would migrate one program's modules twice.
_making = threading.Lock()
IN_MEMORY = Path("/dev/shm")
ROOM_BYTES = 3 * 2**30
_load = Judge.load.__func__  # type: ignore[attr-defined]


def keep_files_in_memory() -> None:
    """
    From now on temporary files, databases above all, lie in memory, where there is room and programs may be run.

    They are written and synced as ever, which costs nothing there; nobody pulls the plug on them, and what a killed
    process has written is there afterwards as on a disk. Whoever wants them elsewhere sets TMPDIR.
    """
    if "TMPDIR" in os.environ or not (IN_MEMORY.is_dir() and os.access(IN_MEMORY, os.W_OK | os.X_OK)):
        return
    found = os.statvfs(IN_MEMORY)
    if not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize >= ROOM_BYTES:
        os.environ["TMPDIR"] = tempfile.tempdir = str(IN_MEMORY)


@functools.cache
def _shipped(tier: str) -> Judge:
    judge = _load(Judge, tier=tier)
    # It stays: half a million objects that need not be looked through again and again for what can be thrown away.
    gc.collect()
    gc.freeze()
    return judge  # type: ignore[no-any-return]


def _kept(cls: type[Judge], directory: Path | None = None, *, tier: str = "full") -> Judge:
    return _shipped(tier) if directory is None and cls is Judge else _load(cls, directory, tier=tier)


def keep_the_judge() -> None:
    """From now on the shipped models are loaded once in this process: a second's work, and 150 MB."""
    Judge.load = classmethod(_kept)  # type: ignore[method-assign, assignment]


@functools.cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory(prefix="meydan-tables-") as folder:
        file = Path(folder) / "meydan.db"
        Store.open(f"sqlite:///{file}").close()
        return file.read_bytes()


def with_tables(file: Path) -> Path:
    """A new SQLite file with all tables, nothing in them."""
    with _making:
        tables = _migrated()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(tables)
    # As the program makes it.
    file.chmod(0o600)
    return file
