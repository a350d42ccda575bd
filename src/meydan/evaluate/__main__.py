"""
Measure the shipped judge on development rows and the newsroom suite, and write its card.

    python -m meydan.evaluate --data FOLDER [--peers] [--progress]   measure, keep the figures, write
    python -m meydan.evaluate                                        write with the figures that are kept
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from meydan.errors import MeydanError
from meydan.evaluate.card import write_card
from meydan.evaluate.judged import Advance
from meydan.evaluate.measure import SILENT
from meydan.evaluate.peers import installed
from meydan.evaluate.scores import MODELS
from meydan.evaluate.suite import load_suite


def main() -> None:
    ask = argparse.ArgumentParser(prog="python -m meydan.evaluate", description="Write the judge's card.")
    ask.add_argument("--data", type=Path, help="the data folder; left out: nothing is measured")
    ask.add_argument(
        "--own",
        type=Path,
        default=Path("src/meydan/train/corpus"),
        help="our own rows, as the models learned from them",
    )
    ask.add_argument("--card", type=Path, default=Path("docs/model-card.md"))
    ask.add_argument("--models", type=Path, default=MODELS, help="the models' folder; else the shipped one")
    ask.add_argument("--peers", action="store_true", help="measure other filters too, on the newsroom suite")
    ask.add_argument("--progress", action="store_true", help="show how far it is")
    given = ask.parse_args()
    others, missing = installed() if given.peers else ([], [])
    told = Console(stderr=True)
    for name in missing:
        told.print(f"{name} is not installed: pip install 'meydan\\[peers]'.")
    try:
        figures = write_card(
            given.card,
            data=given.data,
            own=given.own,
            cases=load_suite(),
            at=datetime.now(UTC),
            models=given.models,
            peers=others,
            progress=_bar if given.progress else SILENT,
        )
    except MeydanError as error:
        told.print(str(error), markup=False)
        sys.exit(1)
    Console().print(
        f"Written: {given.card}, with {figures['development']['rows']} development rows measured on {figures['at']}.",
        markup=False,
        soft_wrap=True,
    )


@contextlib.contextmanager
def _bar(what: str, number: int) -> Iterator[Advance | None]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(what, total=number)
        yield lambda done: bars.advance(task, done)
        bars.update(task, completed=number)


if __name__ == "__main__":
    main()
