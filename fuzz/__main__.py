"""
Drive one target with atheris: `python -m fuzz text --seconds 300`.

Inputs that reach new code are kept in a folder of the run's own (--kept); what breaks something is written beside it and
told. A finding is mended with a test, and its input goes to fuzz/corpus.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run it; ends with an error where something was found."""
    asked = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    asked.add_argument("target", choices=("text", "address", "guidelines", "body"))
    asked.add_argument("--seconds", type=int, default=60, help="for how long (60)")
    asked.add_argument(
        "--kept", type=Path, default=Path(".fuzz"), help="the folder for what is found (.fuzz)"
    )
    given = asked.parse_args()

    import atheris

    # What is loaded in here is watched: every branch that an input reaches for the first time is seen.
    # The library's reading of addresses was loaded before, unwatched; it is the half of ours that matters most.
    sys.modules.pop("urllib.parse", None)
    with atheris.instrument_imports(include=["meydan.text", "meydan.policy", "fuzz.targets", "urllib.parse"]):
        from fuzz.targets import TARGETS

    kept = given.kept / given.target
    kept.mkdir(parents=True, exist_ok=True)
    seeds = HERE / "corpus" / given.target
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={given.seconds}",
            "-max_len=6000",
            "-timeout=20",
            "-print_final_stats=1",
            f"-artifact_prefix={given.kept}/{given.target}-",
            str(kept),
            str(seeds),
        ],
        TARGETS[given.target],
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
