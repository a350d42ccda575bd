"""A process killed at every step of the walk, and what a restart finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from meydan.comment import Hold, Status
from meydan.settings import Settings
from meydan.wiring import build

CLEAR = "Thank you for this careful article. I learned a lot about the history of the region."

CRASHES = [
    # step that breaks   when      answered?  after a restart the comment is
    ("store.receive", "before", False, "never received"),
    ("store.receive", "after", False, "held, then judged"),
    ("judge.evidence", "before", False, "held, then judged"),
    ("judge.evidence", "after", False, "held, then judged"),
    ("judge.evidence", "raises", True, "held for a person"),
    ("store.settle", "before", False, "held, then judged"),
    ("store.settle", "after", False, "settled once"),
]


@pytest.mark.parametrize(
    ("step", "when", "answered", "then"), CRASHES, ids=lambda value: str(value).replace(" ", "-")
)
def test_a_killed_walk_loses_nothing(
    database_url: str, tmp_path: Path, step: str, when: str, answered: bool, then: str
) -> None:
    """If the process dies at any step, then a restart finds the comment held or settled, once, or never received."""
    ran = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "walker.py"), database_url, str(tmp_path), step, when, CLEAR],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ran.returncode == 0) is answered, ran.stderr
    meydan = build(Settings(data=tmp_path, database=database_url))
    try:
        before = meydan.desk.page("http://localhost/story").comments
        assert len(before) == (1 if then == "settled once" else 0), "an unsettled comment was shown"
        swept = meydan.recover()
        leaves = [body for _, body in meydan.store.leaves(0, 100)]
        decisions = sum(b'"kind":"decision"' in body for body in leaves)
        shown = meydan.desk.page("http://localhost/story").comments
        if then == "never received":
            assert leaves == []
            assert swept == 0
        elif then == "held for a person":
            waiting, _ = meydan.desk.held()
            assert [(c.status, c.holds) for c in waiting] == [(Status.HELD, (Hold.JUDGE_FAILED,))]
            assert shown == ()
        else:
            assert swept == (0 if then == "settled once" else 1)
            assert [c.text for c in shown] == [CLEAR]
            assert decisions == 1
            assert meydan.recover() == 0, "a second sweep took it up again"
    finally:
        meydan.close()
