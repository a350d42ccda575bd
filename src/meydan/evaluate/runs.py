"""
The log of runs on test sets, beside the models: every run, one a line, never rewritten.

Whoever measures on test rows leaves a trace, so that nobody can try until a figure is fine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from meydan.errors import Malformed
from meydan.evaluate.figures import plain
from meydan.evaluate.scores import MODELS

LOG: Final = MODELS / "test-runs.jsonl"


def log_run(
    what: str, figures: Mapping[str, Any], *, model: str, at: datetime, log: Path = LOG
) -> dict[str, Any]:
    """
    Keep one run: when, of which commit and model, on which set, with which headline figures.

    Raises:
        Malformed: the log cannot be written; a run that leaves no trace is not made.
    """
    run = {
        "at": at.strftime("%Y-%m-%d %H:%M"),
        "commit": commit_of(Path(__file__).parent),
        "model": model,
        "set": what,
        "figures": plain(figures),
    }
    _append(log, json.dumps(run, ensure_ascii=False) + "\n")
    return run


def read_runs(log: Path) -> list[dict[str, Any]]:
    """The runs of a log, oldest first; none where there is no log."""
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []


def check_log(log: Path) -> None:
    """
    Find out before anything is measured whether the run can be kept.

    Raises:
        Malformed: the log cannot be written.
    """
    _append(log, "")


def commit_of(folder: Path) -> str | None:
    """The commit that a folder is checked out from, marked `-dirty` where something is changed; None outside of git."""
    git = shutil.which("git")
    if git is None:
        return None
    asked = subprocess.run(  # noqa: S603 - a fixed command on our own folder
        [git, "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    return asked.stdout.strip() or None if asked.returncode == 0 else None


def _append(log: Path, line: str) -> None:
    try:
        with log.open("a", encoding="utf-8") as out:
            out.write(line)
    except OSError as error:
        raise Malformed(
            f"The log of test runs cannot be written ({type(error).__name__}): name another with --log.",
            fields=("log",),
        ) from error
