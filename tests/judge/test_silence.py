"""Nothing that judges tells anybody anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_if_a_comment_is_judged_then_no_library_keeps_an_id_of_this_machine_to_report_with(
    tmp_path: Path,
) -> None:
    home = {
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path),
    }
    inherited = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    told = subprocess.run(
        [sys.executable, "-m", "meydan", "check", "--json", "Thank you for this report."],
        env={**inherited, **home}, capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert '"verdict"' in told.stdout
    assert [str(path) for path in tmp_path.rglob("*") if path.is_file()] == []
