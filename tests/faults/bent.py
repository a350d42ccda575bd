"""
`meydan serve` with a clock of the test's own, or less patience than usual.

    python bent.py serve ...            with MEYDAN_TEST_CLOCK=FILE or MEYDAN_TEST_SILENCE_S=SECONDS

The clock is the system's, moved by the seconds in FILE whenever it is asked: what a wall clock does that is set under
a running program. What measures a duration goes by another clock, as on a real machine, and is not moved.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

clock = os.environ.get("MEYDAN_TEST_CLOCK")
_real = time.time


def _moved() -> float:
    assert clock is not None
    return _real() + float(Path(clock).read_text() or 0)


class Moved(datetime):
    """Asked for now, it goes by the moved clock; and answers with an ordinary datetime."""

    @classmethod
    def now(cls, tz=None):  # type: ignore[no-untyped-def]
        return datetime.fromtimestamp(_moved(), tz)


if clock:
    # Before the program is there: it takes hold of the clock as it is imported.
    time.time = _moved

import meydan.store.database  # noqa: E402
import meydan.web.reading  # noqa: E402
import meydan.wiring  # noqa: E402
from meydan.cli.main import app  # noqa: E402

if __name__ == "__main__":
    if clock:
        meydan.wiring._now = lambda: datetime.fromtimestamp(_moved(), UTC)
        meydan.web.reading.datetime = Moved  # type: ignore[attr-defined]
    if silence := os.environ.get("MEYDAN_TEST_SILENCE_S"):
        meydan.store.database.SILENCE_S = float(silence)
    app(sys.argv[1:])
