"""`meydan import`: comments of another system, with their threads and what became of them."""

from __future__ import annotations

import contextlib
import csv
import gc
import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, TextIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from meydan.cli.speech import (
    EXIT_MISCONFIGURED,
    EXIT_REFUSED,
    DatabaseOption,
    DataOption,
    GuidelinesOption,
    JsonOption,
    SettingsOption,
    complain,
    errors,
    is_same_file,
    json_line,
    refusals,
    say,
    settings_of,
)
from meydan.errors import BadSettings, Malformed, ReportNotWritten
from meydan.policy.address import site_of, story_address
from meydan.text.visible import cell, visible, visible_line

if TYPE_CHECKING:
    from meydan.exchange.taking import Line, Summary

_NAMED = 12
"""Rows that are shown where there is no report file."""

_LONGEST_SOURCE = 60
_LONGEST_SHOWN = 200


def import_(
    format: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="What the file is of: disqus, wordpress, isso, remark42, coral, or meydan for an export of ours.",
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            help="The file, packed with gzip or not; of coral a folder or a zip of one.", show_default=False
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Put nothing in; report what would be taken and what would not.")
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Write a line for each row that is not taken, or otherwise than it stood: CSV, or JSON lines for *.jsonl. "
            "A report that is there is written anew, and no other file.",
        ),
    ] = None,
    origin_map: Annotated[
        list[str] | None,
        typer.Option(
            "--origin-map",
            metavar="OLD=NEW",
            help="Stories of OLD are at NEW now, such as http://news.example=https://news.example; may be repeated.",
        ),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(
            "--zone",
            help="The zone of times that say none, such as Asia/Baghdad or UTC (wordpress, and isso's generic JSON).",
        ),
    ] = None,
    site: Annotated[
        str,
        typer.Option("--site", help="Where the pages are, which isso does not say: https://news.example."),
    ] = "",
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            help="What this file is called here, if you import several of one format whose ids have nothing to do with each other.",
        ),
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    guidelines: GuidelinesOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """
    Take in the comments of another system, beside a running server or without one.

    Run again, it adds what is missing and nothing twice, wherever it was cut short before. What went out from here in an
    export, and is here still, is known by its id and not taken again.
    """
    from meydan.exchange.apart import read_apart
    from meydan.exchange.formats import READERS, Asked
    from meydan.exchange.taking import take
    from meydan.wiring import build_intake

    with refusals(as_json=as_json):
        if format not in READERS:
            raise BadSettings(f"There is no format {format!r}. There are: {', '.join(sorted(READERS))}.")
        name = source or format
        if not (name.isprintable() and 0 < len(name) <= _LONGEST_SOURCE):
            raise BadSettings(f"--source has at most {_LONGEST_SOURCE} characters that print.")
        asked = Asked(zone=_zone(zone), site=site)
        origins = _origins(origin_map or [])
        given = settings_of(settings, data=data, database=database, guidelines=guidelines)
        with contextlib.ExitStack() as held:
            records = held.enter_context(contextlib.closing(read_apart(format, file, asked)))
            lines = held.enter_context(_reported(report, file))
            if dry_run and not given.database and not given.data.exists():
                # Where there is nothing yet, trying leaves nothing: no key, no empty database.
                given = replace(given, data=Path(held.enter_context(TemporaryDirectory(prefix="meydan-"))))
            intake, store = build_intake(given, name)
            held.callback(store.close)
            held.enter_context(_seldom_thrown_away())
            told = held.enter_context(_progress(as_json, "Looking at" if dry_run else "Taking in"))
            summary = take(
                records,
                intake,
                report=lines,
                origins=origins,
                dry=dry_run,
                folder=given.data,
                told=told,
            )
        say(
            _told_of(summary, name, dry=dry_run),
            as_json=as_json,
            text=_sentences(summary, lines, report, dry=dry_run),
        )
        if summary.broken is not None:
            complain(summary.broken)
            raise typer.Exit(EXIT_MISCONFIGURED)
        if not summary.complete:
            raise typer.Exit(EXIT_REFUSED)


@contextlib.contextmanager
def _seldom_thrown_away() -> Iterator[None]:
    """A batch of rows stays until it is written: looking through it for what can go, every few rows, finds nothing."""
    before = gc.get_threshold()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSettings(
            f"There is no time zone {name!r}. Zones are called as Asia/Baghdad, Europe/Istanbul or UTC."
        ) from None


def _origins(given: list[str]) -> dict[str, str]:
    origins = {}
    for one in given:
        old, found, new = one.partition("=")
        try:
            if not found:
                raise Malformed("")
            origins[site_of(story_address(old))] = site_of(story_address(new))
        except Malformed:
            raise BadSettings(
                f"--origin-map {one!r} is not OLD=NEW, as in http://old.example=https://news.example."
            ) from None
    return origins


class _Lines:
    """Takes the report's lines: into a file, and the first of them for who looks on."""

    def __init__(self, path: Path | None = None, write: Callable[[Line], None] | None = None) -> None:
        self._path = path
        self._write = write
        self.first: list[Line] = []
        self.more = 0

    def __call__(self, line: Line) -> None:
        if len(self.first) < _NAMED:
            self.first.append(line)
        else:
            self.more += 1
        if self._write is None:
            return
        try:
            self._write(line)
        except OSError as error:
            raise _unwritable(self._path, error) from None


@contextlib.contextmanager
def _reported(path: Path | None, file: Path) -> Iterator[_Lines]:
    """
    Where the report's lines go.

    Raises:
        ReportNotWritten: it cannot be written; or there is something else already, first of all what is to be imported.
    """
    if path is None:
        yield _Lines()
        return
    try:
        _check_free(path, file)
        out = os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline=""
        )
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        # Errors of all else that happens meanwhile are told as what they are.
        yield _Lines(path, _json_lines(out) if path.suffix == ".jsonl" else _csv_lines(out))
    except BaseException:
        with contextlib.suppress(OSError):
            out.close()
        raise
    try:
        out.close()
    except OSError as error:
        raise _unwritable(path, error) from None


def _check_free(path: Path, file: Path) -> None:
    """Whether a report may be written there: over an earlier one, and over nothing that somebody wants to keep."""
    if not path.exists():
        return
    inside = list(file.iterdir()) if file.is_dir() else []
    if any(is_same_file(path, one) for one in (file, *inside)):
        raise ReportNotWritten(
            f"The report {path} is the file that is to be imported, by this or another name. Name another.",
            fields=("report",),
        )
    if stat.S_ISREG(path.stat().st_mode):
        with path.open("rb") as there:
            begin = there.read(len(_CSV_BEGIN))
        if begin and not begin.startswith((_CSV_BEGIN, _JSON_BEGIN)):
            raise ReportNotWritten(
                f"There is a file {path} already, and it is no report of an import. Name another.",
                fields=("report",),
            )


def _unwritable(path: Path | None, error: OSError) -> ReportNotWritten:
    return ReportNotWritten(
        f"The report {path} cannot be written: {error.strerror or type(error).__name__}. What was taken before that stays; "
        "run it again, with a report elsewhere.",
        fields=("report",),
    )


_COLUMNS = ("place", "id", "kind", "taken", "message")
_CSV_BEGIN = ",".join(_COLUMNS).encode()
_JSON_BEGIN = b'{"place": '


def _json_lines(out: TextIO) -> Callable[[Line], None]:
    def write(line: Line) -> None:
        told = {
            "place": line.place,
            "id": line.key,
            "kind": line.kind,
            "taken": line.taken,
            "message": line.message,
        }
        out.write(json_line(told) + "\n")

    return write


def _csv_lines(out: TextIO) -> Callable[[Line], None]:
    rows = csv.writer(out)
    rows.writerow(_COLUMNS)

    def write(line: Line) -> None:
        rows.writerow(
            (
                visible_line(line.place, _LONGEST_SHOWN),
                # An id is anybody's.
                cell(visible_line(line.key or "", _LONGEST_SHOWN)),
                line.kind,
                "yes" if line.taken else "no",
                line.message,
            )
        )

    return write


@contextlib.contextmanager
def _progress(as_json: bool, what: str) -> Iterator[Callable[[int], None]]:
    """Counts comments where a person looks on; how many there will be nobody knows before the end of the file."""
    if as_json or not errors.is_terminal:
        yield lambda _: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task(f"{what} comments", total=None)
        lock = threading.Lock()

        def told(done: int) -> None:
            with lock:
                progress.advance(task, done)

        yield told


def _told_of(summary: Summary, source: str, *, dry: bool) -> dict[str, object]:
    return {
        "source": source,
        "dry_run": dry,
        "taken": {
            state: summary.taken[state] for state in ("approved", "rejected", "held", "withdrawn", "erased")
        },
        "already": summary.already,
        "stories": summary.stories,
        "not_taken": dict(sorted(summary.not_taken.items())),
        "notes": dict(sorted(summary.notes.items())),
        "complete": summary.complete,
        "broken": None
        if summary.broken is None
        else {"code": summary.broken.code, "message": summary.broken.message},
    }


_STATES = {
    "approved": "approved: readers see them",
    "rejected": "rejected: kept as history, never shown",
    "held": "held: they wait for people at the desk",
    "withdrawn": "withdrawn: kept, not shown",
    "erased": "erased: only their place is left",
}


def _sentences(summary: Summary, lines: _Lines, report: Path | None, *, dry: bool) -> str:
    taken = summary.taken.total()
    would = "would be taken" if dry else "were taken"
    told = [f"{taken} comments {would} on {summary.stories} stories; {summary.already} are here already."]
    told += [
        f"  {summary.taken[state]:>9}  {words}" for state, words in _STATES.items() if summary.taken[state]
    ]
    for counted, words in (
        (summary.notes, "taken otherwise than they stood"),
        (summary.not_taken, "not taken"),
    ):
        if counted:
            told.append(f"{counted.total()} {words}:")
            told += [f"  {count:>9}  {kind}" for kind, count in sorted(counted.items())]
    if lines.first and report is not None:
        told.append(f"{report} has a line for each of them.")
    elif lines.first:
        # Places and ids are the file's words, and so anybody's.
        told += [
            f"  {visible_line(line.place, _LONGEST_SHOWN)}  {visible_line(line.key or '', _LONGEST_SHOWN)}  {line.kind}  {visible(line.message)}"
            for line in lines.first
        ]
        if lines.more:
            told.append(f"  and {lines.more} more; --report FILE writes them all.")
    return "\n".join(told)
