"""
Measure the shipped fast tier and write its card.

    python -m meydan.evaluate --data FOLDER --own FOLDER [--test] [--card FILE] [--model FOLDER]
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from meydan.evaluate.card import write_card


def main() -> None:
    ask = argparse.ArgumentParser(prog="python -m meydan.evaluate", description="Write the fast tier's card.")
    ask.add_argument("--data", type=Path, required=True, help="the data folder")
    ask.add_argument("--own", type=Path, default=Path("src/meydan/train/corpus"), help="our own rows")
    ask.add_argument("--card", type=Path, default=Path("docs/model-card.md"))
    ask.add_argument(
        "--model", type=Path, default=None, help="a model folder; the shipped one when not given"
    )
    ask.add_argument(
        "--test", action="store_true", help="measure the test rows too, and log that it was done"
    )
    given = ask.parse_args()
    reports = write_card(
        given.card, given.data, own=given.own, test=given.test, model=given.model, at=datetime.now(UTC)
    )
    for name, report in reports:
        Console().print(f"{name}: {report.rows} rows, {len(report.labels)} labels")
    Console().print(f"Written: {given.card}")


if __name__ == "__main__":
    main()
