"""
Ask an advisory database about every locked version: `make audit`.

Ends with 1 for a known weakness that accepted.txt does not name, and with 0 where nobody could be asked, loudly: a
service elsewhere that is away must not stop a mend from landing. With --strict that is an error (2), for releases.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
ACCEPTED = Path(__file__).with_name("accepted.txt")
WITHIN_S = 300


def accepted() -> set[str]:
    """Weaknesses that were looked at and do not touch us: an id and the reason on each line."""
    lines = ACCEPTED.read_text().splitlines()
    return {line.split()[0] for line in lines if line.strip() and not line.startswith("#")}


def ask() -> list[dict[str, object]] | None:
    """What the database knows of each locked version; None where it could not be asked."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "--timeout", "10"]
        command += ["--progress-spinner", "off", "--format", "json", "--output", str(answer)]
        for lock in LOCKS:
            command += ["-r", str(ROOT / lock)]
        try:
            subprocess.run(command, timeout=WITHIN_S, check=False, stderr=subprocess.DEVNULL)  # noqa: S603
            told = json.loads(answer.read_text())["dependencies"]
        except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
            return None
    return list(told)


def main() -> int:
    """Say what was found; the exit code."""
    told = ask() or []
    # A database that does not know a package says nothing of it, which is no "none".
    asked = [one for one in told if "skip_reason" not in one]
    known = accepted()
    found = [
        (str(one["name"]), str(one.get("version")), str(weak["id"]), " ".join(weak.get("fix_versions", ())))
        for one in asked
        for weak in one.get("vulns", ())  # type: ignore[attr-defined]
        if not known & {weak["id"], *weak.get("aliases", ())}
    ]
    for name, version, id, mended in found:
        print(f"WEAK  {name} {version}: {id}; mended in: {mended or 'no version yet'}")
    print(f"{len(asked)} locked versions were asked about; {len(found)} known weaknesses.")
    if found:
        return 1
    if not asked or len(asked) < len(told):
        print("=" * 78)
        print(
            f"NOT AUDITED: of {len(told) - len(asked) or 'all'} locked versions the advisory database told nothing."
        )
        print("They may have known weaknesses. Run `make audit` where it can be reached,")
        print("before anything is released.")
        print("=" * 78)
        return 2 if "--strict" in sys.argv else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
