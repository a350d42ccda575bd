"""`meydan score`: archives judged, from one file to billions of rows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from meydan.cli.judging import Tier
from meydan.cli.speech import (
    GuidelinesOption,
    JsonOption,
    SettingsOption,
    check_spared,
    errors,
    refusals,
    say,
    settings_of,
)
from meydan.errors import BadSettings, WouldOverwrite

if TYPE_CHECKING:
    from meydan.bulk.engines import Engine
    from meydan.bulk.part import Entry
    from meydan.bulk.run import Place


EXIT_STOPPED: Final = 130
"""What a program that was stopped with Ctrl-C ends with."""


class EngineName(Enum):
    """Who makes the parts."""

    LOCAL = "local"
    DAFT = "daft"


class Output(Enum):
    """What parts are written as."""

    PARQUET = "parquet"
    CSV = "csv"
    JSONL = "jsonl"


def score(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|FOLDER", help="CSV, JSON Lines or Parquet; a folder is read with all below it."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("-o", "--out", help="A folder for the parts, or one file: ….parquet, ….csv, ….jsonl."),
    ],
    text: Annotated[str, typer.Option("--text", help="The column the comment is in.")] = "text",
    id_column: Annotated[
        str | None, typer.Option("--id", help="The column with an id, handed on (id).")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            "--language-column", help="The column with the language that is claimed; a hint (language)."
        ),
    ] = None,
    title: Annotated[
        str | None,
        typer.Option("--title", help="The column with the story's title, for relevance (story_title)."),
    ] = None,
    story: Annotated[
        str | None,
        typer.Option("--story", help="The column with the story's text, beside its title (story_text)."),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option("--delimiter", help="What parts the fields of CSV: a comma, in .tsv a tabulator."),
    ] = None,
    tier: Annotated[
        Tier,
        typer.Option(
            "--tier",
            help="full: the judge that decides. fast: without the encoder, several times as fast; English only, all else is held.",
        ),
    ] = Tier.FULL,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Processes, each on a core; as many as there are cores, of a cluster in all.",
        ),
    ] = None,
    engine: Annotated[
        EngineName, typer.Option("--engine", help="local: processes of its own. daft: Daft's (extra `bulk`).")
    ] = EngineName.LOCAL,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray", metavar="ADDRESS", help="With --engine daft: on the Ray cluster at this address."
        ),
    ] = None,
    output: Annotated[
        Output | None, typer.Option("--format", help="What parts are written as (parquet).")
    ] = None,
    rows_per_part: Annotated[
        int, typer.Option("--rows-per-part", min=1, max=1_000_000, help="Rows of the input in each part.")
    ] = 10_000,
    guidelines: GuidelinesOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge an archive, and write a verdict and scores for each row; goes on where it was stopped."""
    with refusals(as_json=as_json):
        if ray is not None and engine is not EngineName.DAFT:
            raise BadSettings("--ray is for --engine daft.")
        if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n' or not delimiter.isascii()):
            raise BadSettings("--delimiter is one ASCII character, and no quotation mark.")
        from meydan.bulk.engines import Daft, Processes, cores, model_of
        from meydan.bulk.plan import Asked, files_of, plan
        from meydan.bulk.run import Place, Rules
        from meydan.bulk.run import score as score_archive
        from meydan.judge.calibration import in_force, uncalibrated
        from meydan.judge.judge import FAST_ALONE
        from meydan.policy import load

        given = settings_of(settings, guidelines=guidelines)
        rules = load(given.guidelines)
        place = Place.of(out, output.value if output else None)
        files = files_of(source)
        _check_apart(source, files, place, given.guidelines)
        asked = Asked(text, id_column, language, title, story, delimiter, rows_per_part)
        with _stoppable(), _bar(as_json=as_json) as bar:
            looking = bar.begin("Looking through", sum(file.stat().st_size for file in files))
            planned = plan(source, asked, lambda size: bar.move(looking, size))
            bar.end(looking)
            model = model_of(tier.value)
            # No calibration was made with the fast tier alone.
            known = uncalibrated(FAST_ALONE) if tier is Tier.FAST else in_force(given.calibration_file, model)
            made_by: Engine = Processes(workers or cores())
            if engine is EngineName.DAFT:
                made_by = Daft(workers or 0, ray)
            manifest = score_archive(
                planned,
                Rules(tier.value, model, rules, known),
                place,
                made_by,
                began=bar.scoring,
                told=bar.scored,
            )
        say(
            _told(manifest),
            as_json=as_json,
            text=_sentence(manifest, place.merged or place.parts, place.manifest),
        )


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        errors.print("Stopped. What is finished is kept: run the same again to go on.")
        raise typer.Exit(EXIT_STOPPED) from None


def _check_apart(source: Path, files: list[Path], place: Place, guidelines: Path | None) -> None:
    """
    Raises:
        WouldOverwrite: what is to be written is what is read, or lies in the folder that is read, or around it.
    """
    outputs = (place.merged, place.manifest, place.rejected)
    folder = _real(source)
    for out in filter(None, (place.parts, *outputs)):
        if source.is_dir() and _real(out).is_relative_to(folder):
            raise WouldOverwrite(
                f"{out} lies in {source}, and would be scored the next time. Name an output elsewhere."
            )
    parts = _real(place.parts)
    for file in files:
        check_spared(file, *outputs)
        if _real(file).is_relative_to(parts):
            raise WouldOverwrite(
                f"{file} is to be read, and lies where parts are written. Name an output elsewhere."
            )
    if guidelines is not None:
        check_spared(guidelines, *outputs)


def _real(path: Path) -> Path:
    """Where a path leads, links followed; one that goes round in a circle leads to itself."""
    return Path(os.path.realpath(path))


def _told(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest without its long lists."""
    return {
        name: value for name, value in manifest.items() if name not in ("parts", "files", "inputs", "cuts")
    }


def _sentence(manifest: dict[str, Any], out: Path, where: Path) -> str:
    counts, run = manifest["counts"], manifest["run"]
    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in counts["verdicts"].items())
    told = f"{counts['scored']} rows were scored ({verdicts or 'none'}) into {out}; {where} says by what."
    if counts["rejected"]:
        faults = ", ".join(f"{number} {fault}" for fault, number in counts["faults"].items())
        told += f"\n{counts['rejected']} rows were set aside ({faults}): see rejected-*.jsonl, or ….rejected.jsonl beside one file."
    return f"{told}\n{run['seconds']} s with {run['workers']} workers ({run['engine']})."


class _Bar:
    """How far it is, where a person looks on."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._scoring: TaskID | None = None

    def begin(self, what: str, total: int) -> TaskID | None:
        return self._progress.add_task(what, total=total) if self._progress else None

    def move(self, task: TaskID | None, by: int) -> None:
        if self._progress is not None and task is not None:
            self._progress.advance(task, by)

    def end(self, task: TaskID | None) -> None:
        if self._progress is not None and task is not None:
            self._progress.remove_task(task)

    def scoring(self, rows: int, before: int) -> None:
        self._scoring = self.begin("Scoring rows", rows)
        self.move(self._scoring, before)

    def scored(self, entry: Entry) -> None:
        self.move(self._scoring, entry.rows)


@contextlib.contextmanager
def _bar(*, as_json: bool) -> Iterator[_Bar]:
    if as_json or not errors.is_terminal:
        yield _Bar(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        yield _Bar(progress)
