"""
`meydan trial`: what Meydan would have made of an archive of decided comments. Nothing leaves the machine.

    read, and choose by lot     -> judge on every core, keeping the evidence
    hold out, calibrate, decide -> one page, and what else was asked for
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from meydan.cli.speech import (
    DataOption,
    GuidelinesOption,
    JsonOption,
    SettingsOption,
    check_spared,
    errors,
    refusals,
    say,
    settings_of,
)
from meydan.errors import ArchiveUnreadable, BadSettings, NothingDecided, TrialNotWritten
from meydan.exchange.record import CommentRecord, Fault, StoryRecord
from meydan.text.exact import is_exact
from meydan.text.visible import visible, visible_line

if TYPE_CHECKING:
    from meydan.evaluate.judged import Advance
    from meydan.evaluate.trial import Trial
    from meydan.evaluate.trial_rows import NotTaken, Past, Reading
    from meydan.evaluate.trial_sample import Chosen

EXIT_STOPPED: Final = 130
"""What a shell calls a program that Ctrl+C ended."""

SAMPLE: Final = 50_000

REPORT: Final = "report.html"

LONGEST_PLACE: Final = 80
"""Characters of a place in another system's export, which is the id of a comment there."""


class Format(Enum):
    """What a file is: rows with columns, or what another system of comments exports."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"
    DISQUS = "disqus"
    WORDPRESS = "wordpress"
    ISSO = "isso"
    REMARK42 = "remark42"
    CORAL = "coral"
    MEYDAN = "meydan"


class SplitBy(Enum):
    """What is not torn apart when a part is held out."""

    STORY = "story"
    AUTHOR = "author"
    ROW = "row"
    TIME = "time"


def trial(
    file: Annotated[
        Path, typer.Argument(help="Decided comments: CSV, JSON lines, Parquet, or another system's export.")
    ],
    format: Annotated[
        Format | None, typer.Option("--format", help="What the file is; told by its name when left out.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            help="Where the report and the judge's evidence are written; FILE-trial when left out.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--column", help="THEIRS=OURS: what a column is, such as bericht=text; repeatable."),
    ] = None,
    approved: Annotated[
        list[str] | None, typer.Option("--approved", help="A word for approved in the file; repeatable.")
    ] = None,
    rejected: Annotated[
        list[str] | None, typer.Option("--rejected", help="A word for rejected in the file; repeatable.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule",
            help="THEIRS=OURS: which rule a reason of the file means, such as spam=promotion; - for none that a machine "
            "could know; repeatable.",
        ),
    ] = None,
    sample: Annotated[
        int, typer.Option("--sample", min=0, help="Try so many comments, drawn by lot; 0 for all.")
    ] = SAMPLE,
    split: Annotated[
        SplitBy,
        typer.Option(
            "--split",
            help="What is not torn apart when a part is held out; time: threads, and the newest are held out.",
        ),
    ] = SplitBy.STORY,
    hold_out: Annotated[
        float, typer.Option("--hold-out", min=0.05, max=0.95, help="The share that is held out.")
    ] = 1 / 3,
    seed: Annotated[int, typer.Option("--seed", help="Another number draws other lots.")] = 0,
    seconds_per_comment: Annotated[
        float,
        typer.Option(
            "--seconds-per-comment", min=0, max=3600, help="What a moderator needs for one comment."
        ),
    ] = 20.0,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes that judge; one a core when left out.")
    ] = None,
    disagreements: Annotated[
        int,
        typer.Option("--disagreements", min=0, max=10_000, help="Disagreements of each kind on the page."),
    ] = 25,
    without_words: Annotated[
        bool, typer.Option("--without-words", help="Leave readers' words out of the page.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Write the calibration that was made, as `meydan calibrate` does, to this file."
        ),
    ] = None,
    rows: Annotated[
        Path | None,
        typer.Option("--rows", help="Write what became of each comment, as CSV without words, to this file."),
    ] = None,
    data: DataOption = None,
    guidelines: GuidelinesOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try Meydan on your archive: what it would have decided, beside what people decided."""
    from meydan.evaluate.trial import Plan, check_sides, trial_of
    from meydan.evaluate.trial_evidence import FILE, gather
    from meydan.evaluate.trial_page import trial_page
    from meydan.evaluate.trial_rows import Reading
    from meydan.evaluate.trial_sample import choose
    from meydan.evaluate.trial_telling import answer_of, rows_of
    from meydan.judge import Calibrations, Judge
    from meydan.judge.calibration import in_force, load_if_there, save
    from meydan.policy import load as load_guidelines

    with refusals(as_json=as_json), _stoppable():
        given = settings_of(settings, data=data, guidelines=guidelines)
        rules = load_guidelines(given.guidelines)
        mapped = _pairs(rule, "--rule")
        _check_rules(mapped, [one.id for one in rules.rules])
        reading = Reading(
            _columns(column),
            frozenset(word.casefold() for word in approved or ()),
            frozenset(word.casefold() for word in rejected or ()),
        )
        if folder is None and not file.name:
            raise ArchiveUnreadable(
                f"{file} has no name to call the trial after. Name a folder for it: --folder."
            )
        there = folder or file.with_name(f"{file.name.partition('.')[0]}-trial")
        page = there / REPORT
        for source in filter(None, (file, given.guidelines)):
            check_spared(source, page, there / FILE, rows, out)
        _check_names(file, page, there / FILE, rows, out)
        records = records_of(file, format, reading)
        # A calibration that cannot be read is known before an hour of judging.
        kept = Calibrations() if out is None else load_if_there(out)
        begin = time.monotonic()
        with _progress("Reading", None, shown=not as_json) as advance:
            chosen = choose(records, sample=sample or None, seed=seed, advance=advance)
        _check_chosen(chosen, file.name)
        plan = Plan(hold_out, split.value, seed, mapped, seconds_per_comment)
        check_sides(chosen.past, rules, plan)
        # Made only now: a file that cannot be used leaves no folder behind.
        _make(there)
        judge = Judge.load()
        with _progress("Judging", len(chosen.past), shown=not as_json) as advance:
            gathered = gather(
                chosen.past,
                judge,
                there,
                expected=rules.publication.languages,
                workers=workers,
                advance=advance,
            )
        now = datetime.now(UTC)
        found = trial_of(
            chosen,
            gathered.evidence,
            rules,
            plan,
            before=in_force(given.calibration_file, judge.model),
            model=judge.model,
            source=f"{visible(file.name)}, a trial",
            today=now.date(),
            measured_seconds=gathered.seconds,
        )
        told = trial_page(
            found,
            rules,
            name=visible(file.name),
            facts=[
                ("judge", judge.model.removeprefix("sha256:")[:12]),
                ("guidelines", rules.digest.removeprefix("sha256:")[:12]),
                ("made", f"{now:%Y-%m-%d %H:%M} UTC"),
            ],
            words=not without_words,
            shown=disagreements,
        )
        _write(page, [told])
        if rows is not None:
            _write(rows, rows_of(found))
        if out is not None and found.calibrations.by_language:
            save(kept.replaced_by(found.calibrations), out)
        answer = {
            "report": str(page),
            "rows": str(rows) if rows else None,
            "calibration": str(out) if out and found.calibrations.by_language else None,
            "seconds": round(time.monotonic() - begin, 3),
            "judged_before": gathered.before,
            **answer_of(found),
        }
        say(answer, as_json=as_json, text=_told(found, page, out))


def records_of(path: Path, format: Format | None, reading: Reading) -> Iterator[Past | NotTaken]:
    """
    The decided comments of a file, one after another, and every row that is none.

    Args:
        format: None: told by the file's name.

    Raises:
        ArchiveUnreadable: the file is not there, or not what it is said to be; some of it only on the way.
    """
    from meydan.evaluate.trial_rows import format_of, read_rows

    if not path.exists():
        raise ArchiveUnreadable(f"There is no file {path}. Check its name.")
    told = format.value if format is not None else format_of(path)
    if told is None:
        known = ", ".join(one.value for one in Format)
        raise ArchiveUnreadable(
            f"What {path.name} is, its name does not tell. Say it: --format, one of {known}."
        )
    if told in ("csv", "jsonl", "parquet"):
        return read_rows(path, told, reading)
    return past_of_records(_exported(path, Format(told)))


def _exported(path: Path, format: Format) -> Iterator[StoryRecord | CommentRecord | Fault]:
    from meydan.exchange.formats import READERS, Asked

    # An Isso does not know its pages' addresses, nor WordPress and Isso always the zone of a time; neither matters here.
    asked = Asked(UTC, "http://localhost")
    try:
        yield from READERS[format.value](path, asked)
    except OSError as error:
        raise ArchiveUnreadable(
            f"{path.name} cannot be read: {error.strerror or type(error).__name__}."
        ) from error


def past_of_records(records: Iterator[StoryRecord | CommentRecord | Fault]) -> Iterator[Past | NotTaken]:
    """Another system's comments as rows of a trial: published and taken down, not what was never decided or is gone."""
    from meydan.evaluate.trial_rows import NotTaken, Reading, past_of
    from meydan.text.derived import derived

    titles: dict[str, str] = {}
    words = {"approved": "approved", "rejected": "rejected"}
    for one in records:
        if isinstance(one, Fault):
            yield NotTaken(visible_line(one.place, LONGEST_PLACE), one.kind, visible(one.message))
        elif isinstance(one, StoryRecord):
            if one.title:
                titles[one.key] = one.title
        else:
            yield past_of(
                {
                    "text": derived(one.body, one.body_format),
                    "decision": words.get(one.state, "held"),
                    "rules": one.rules or ((one.reason,) if one.reason else ()),
                    "language": one.language,
                    "story": one.story,
                    "title": titles.get(one.story),
                    "author": one.author_key,
                    "at": one.submitted_at,
                    "id": one.key,
                },
                visible_line(one.place, LONGEST_PLACE),
                Reading(),
            )


# -- what was asked for ----------------------------------------------------------


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    found = {}
    for one in given or ():
        theirs, equals, ours = one.rpartition("=")
        if not equals or not theirs or not ours:
            raise BadSettings(f"{option} wants THEIRS=OURS, and {one!r} is not that.")
        found[theirs.strip()] = ours.strip()
    return found


def _columns(given: list[str] | None) -> dict[str, str]:
    from meydan.evaluate.trial_rows import COLUMNS

    found = _pairs(given, "--column")
    if unknown := sorted(set(found.values()) - set(COLUMNS)):
        raise BadSettings(f"No column is called {unknown[0]!r}. There are: {', '.join(COLUMNS)}.")
    return found


def _check_rules(mapped: dict[str, str], known: list[str]) -> None:
    if unknown := sorted(set(mapped.values()) - {*known, "-"}):
        raise BadSettings(
            f"The guidelines have no rule {unknown[0]!r}. They have: {', '.join(known)}; - is for none."
        )


def _check_names(file: Path, *outputs: Path | None) -> None:
    """
    Raises:
        ArchiveUnreadable: the file has a name that no report can tell.
        BadSettings: two outputs would go to one file.
    """
    if not is_exact(file.name):
        raise ArchiveUnreadable(f"The file's name is no UTF-8: {file}. Rename it.")
    named = [os.path.realpath(one) for one in outputs if one is not None]
    if twice := next((one for one in named if named.count(one) > 1), None):
        raise BadSettings(
            f"Two things would be written to {twice}. Name another file: --rows, --out or --folder."
        )


def _check_chosen(chosen: Chosen, name: str) -> None:
    if chosen.past:
        return
    if not chosen.rows:
        raise NothingDecided(
            f"{name} has no rows. Export it again, with a line of column names and decided comments."
        )
    worst = chosen.untaken[0]
    raise NothingDecided(
        f"None of the {chosen.rows:,} rows of {name} can be used. {worst.rows:,} of them, as {worst.places[0]}:"
        f" {worst.message}"
    )


# -- what is written -------------------------------------------------------------


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise TrialNotWritten(
            f"The folder {folder} cannot be made: {error.strerror}. Name another: --folder."
        ) from error


def _write(path: Path, parts: Iterator[str] | list[str]) -> None:
    """A whole file or none, which nobody else can read: it holds what readers wrote, or who they are."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(
            os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8", newline=""
        ) as made:
            made.writelines(parts)
            made.flush()
            os.fsync(made.fileno())
        aside.replace(path)
    except OSError as error:
        raise TrialNotWritten(f"{path} cannot be written: {error.strerror}.") from error
    except UnicodeEncodeError as error:
        # Every row is looked at before it is judged; what was judged is kept, whatever was overlooked there.
        raise TrialNotWritten(
            f"{path} cannot be written: something of the archive is no text. What was judged is kept. Please report it."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def _told(found: Trial, page: Path, out: Path | None) -> str:
    from meydan.evaluate.trial_page import STANDINGS

    alone = found.overall.alone
    lines = [
        f"{found.chosen.decided:,} decided comments; {found.calibrated_on:,} calibrated, {found.held_out:,} held out.",
        f"Decided alone: {_share(alone.value, alone.low, alone.high)}.",
    ]
    for tongue in found.tongues:
        lines.append(f"{tongue.language}: {tongue.acceptable.of + tongue.violations.of:,} held out")
        for side, what in (
            (tongue.rejecting, "acceptable rejected"),
            (tongue.approving, "violations approved"),
        ):
            seen = side.seen
            if side.standing == "idle":
                lines.append(f"  {what}: none, nothing is decided on this side")
            else:
                lines.append(
                    f"  {what}: {seen.count:,} of {seen.of:,}, {_share(seen.value, seen.low, seen.high)}; promised at most"
                    f" {100 * side.promised:.3g} %: {STANDINGS[side.standing]}"
                )
    if found.chosen.untaken:
        lines.append(
            "Not used: " + ", ".join(f"{one.kind} {one.rows:,}" for one in found.chosen.untaken) + "."
        )
    if out is not None:
        made = ", ".join(sorted(found.calibrations.by_language))
        lines.append(
            f"The calibration ({made}) is in {out}."
            if made
            else "No language could be calibrated; none is written."
        )
    lines.append(f"The report is in {page}.")
    return "\n".join(lines)


def _share(value: float, low: float, high: float) -> str:
    return f"{100 * value:.3g} % ({100 * low:.3g} to {100 * high:.3g})"


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        errors.print("Stopped. What was judged is kept: the same command goes on from there.")
        raise typer.Exit(EXIT_STOPPED) from None


@contextlib.contextmanager
def _progress(what: str, total: int | None, *, shown: bool) -> Iterator[Advance]:
    """How far it is, for who waits at a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=errors, transient=True, disable=not shown or not errors.is_terminal
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
