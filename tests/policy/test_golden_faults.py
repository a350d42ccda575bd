"""
The rendered faults of golden/*.toml, kept word for word in golden/*.txt.

After a deliberate change, `python tests/policy/test_golden_faults.py` writes them
again; read the difference before committing it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from meydan.policy import check

GOLDEN = Path(__file__).with_name("golden")
CASES = sorted(GOLDEN.glob("*.toml"))


def rendered(path: Path) -> str:
    """All faults of a file as a terminal shows them."""
    faults = check(path.read_bytes(), path.name)
    return "\n".join(fault.render(path.name) for fault in faults) + "\n" if faults else "no faults\n"


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_each_fault_reads_as_agreed(path: Path) -> None:
    """If a guidelines file has these faults, then an editor is told exactly this."""
    assert rendered(path) == path.with_suffix(".txt").read_text(encoding="utf-8")


def test_there_are_enough_cases() -> None:
    """If golden cases are lost, then this says so: at least twenty files, each with its text."""
    assert len(CASES) >= 20
    assert {path.stem for path in CASES} == {path.stem for path in GOLDEN.glob("*.txt")}


if __name__ == "__main__":
    for case in CASES:
        case.with_suffix(".txt").write_text(rendered(case), encoding="utf-8")
