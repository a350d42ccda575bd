"""Starting: from the command to the first answer, and the memory held when idle."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from tests.serving import Served


def run(seconds: int, runs: int) -> dict[str, Any]:
    first, resident = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
            server = Served(Path(folder))
            begin = time.perf_counter()
            server.start()
            first.append(time.perf_counter() - begin)
            time.sleep(min(seconds, 2))
            resident.append(psutil.Process(server.pid).memory_info().rss / 1e6)
            server.stop()
    return {
        "first_answer_s": round(statistics.median(first), 2),
        "resident_mb": round(statistics.median(resident)),
    }
