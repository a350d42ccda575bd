"""
`meydan evaluate newsroom|hatecheck|FILE`: how good the judge is, on this machine, for anybody to repeat.

Figures go to standard output, progress to standard error. A run on test rows is logged
before its figures are shown.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table as RichTable
from typer.core import TyperGroup

from meydan.cli.speech import GuidelinesOption, JsonOption, console, errors, refusals, say, settings_of
from meydan.errors import Malformed

if TYPE_CHECKING:
    from meydan.evaluate.judged import Advance
    from meydan.evaluate.measure import Progress
    from meydan.evaluate.peers import Peer
    from meydan.evaluate.telling import Table


WIDE = 160


class _FilesToo(TyperGroup):
    """A group whose verb may be left out before a file: `meydan evaluate rows.jsonl`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.commands and ("." in args[0] or os.path.exists(args[0])):
            return "rows", self.commands["rows"], args
        return super().resolve_command(ctx, args)


app = typer.Typer(
    help="Measure the judge: on the newsroom suite, on HateCheck, on labelled rows of your own.",
    no_args_is_help=True,
    cls=_FilesToo,
)

HtmlOption = Annotated[Path | None, typer.Option("--html", help="Write the report as one page to this file.")]
PeersOption = Annotated[
    bool,
    typer.Option("--peers", help="Measure other filters too (pip install meydan\\[peers])."),
]
ProgressOption = Annotated[bool, typer.Option("--progress", help="Show how far it is.")]
LogOption = Annotated[
    Path | None, typer.Option("--log", help="The log of test runs; the one beside the models when left out.")
]


@app.callback()
def evaluate() -> None:
    """Measure the judge: on the newsroom suite, on HateCheck, on labelled rows of your own."""


@app.command("newsroom")
def newsroom(
    language: Annotated[
        list[str] | None, typer.Option("--language", help="Only this language's cases; repeatable.")
    ] = None,
    html: HtmlOption = None,
    guidelines: GuidelinesOption = None,
    peers: PeersOption = False,
    progress: ProgressOption = False,
    as_json: JsonOption = False,
) -> None:
    """The newsroom suite, judged as a comment is in life: what is wrongly rejected, what is wrongly approved."""
    from meydan.evaluate.measure import measure_newsroom
    from meydan.evaluate.suite import load_suite
    from meydan.evaluate.telling import newsroom_page, newsroom_tables
    from meydan.judge import Judge
    from meydan.policy import load

    with refusals(as_json=as_json):
        _check_page(html)
        cases = load_suite(language or ())
        others, missing = _peers(peers)
        run = measure_newsroom(
            Judge.load(),
            load(settings_of(guidelines=guidelines).guidelines),
            cases,
            peers=others,
            progress=_progress(shown=progress),
        )
        if html is not None:
            _write_page(html, newsroom_page(run, _facts(run.model)))
        _tell(run.answer(), newsroom_tables(run), missing, html, as_json=as_json)


@app.command("hatecheck")
def hatecheck(
    data: Annotated[Path, typer.Option("--data", help="The folder with test.jsonl.gz.")],
    threshold: Annotated[
        float | None,
        typer.Option(
            "--threshold", min=0, max=1, help="Hateful from here on; the model's own when left out."
        ),
    ] = None,
    html: HtmlOption = None,
    peers: PeersOption = False,
    progress: ProgressOption = False,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """HateCheck in English and Arabic, by the abuse criterion; every run is logged."""
    from meydan.evaluate.hatecheck import read_hatecheck
    from meydan.evaluate.measure import measure_hatecheck
    from meydan.evaluate.runs import LOG, check_log, log_run
    from meydan.evaluate.scores import abuse_threshold, abuse_thresholds
    from meydan.evaluate.telling import hatecheck_page, hatecheck_tables
    from meydan.judge import Judge
    from meydan.policy import load

    with refusals(as_json=as_json):
        _check_page(html)
        check_log(log or LOG)
        rows = read_hatecheck(data)
        others, missing = _peers(peers)
        run = measure_hatecheck(
            Judge.load(),
            load(None),
            rows,
            threshold=abuse_threshold() if threshold is None else threshold,
            by_language=abuse_thresholds() if threshold is None else {},
            peers=others,
            progress=_progress(shown=progress),
        )
        log_run("hatecheck", run.logged(), model=run.model, at=datetime.now(UTC), log=log or LOG)
        if html is not None:
            _write_page(html, hatecheck_page(run, _facts(run.model)))
        _tell(run.answer(), hatecheck_tables(run), missing, html, as_json=as_json)


@app.command("rows")
def rows(
    file: Annotated[Path, typer.Argument(help="Labelled rows, *.jsonl or *.jsonl.gz.")],
    label: Annotated[
        list[str] | None, typer.Option("--label", help="Only this label; repeatable. All when left out.")
    ] = None,
    threshold: Annotated[
        float, typer.Option("--threshold", min=0, max=1, help="A score counts from here on.")
    ] = 0.5,
    test: Annotated[
        bool, typer.Option("--test", help="These are test rows: log the run, show none of their words.")
    ] = False,
    html: HtmlOption = None,
    peers: PeersOption = False,
    progress: ProgressOption = False,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Labelled rows of any kind: how well each label's score tells them apart."""
    from meydan.evaluate.measure import measure_rows
    from meydan.evaluate.rows import read_rows
    from meydan.evaluate.runs import LOG, check_log, log_run
    from meydan.evaluate.telling import rows_page, rows_tables
    from meydan.judge import Judge
    from meydan.policy import load

    with refusals(as_json=as_json):
        _check_page(html)
        if test:
            check_log(log or LOG)
        read = read_rows(file)
        if not read:
            raise Malformed(f"{file.name} has no rows.", fields=("file",))
        others, missing = _peers(peers)
        run = measure_rows(
            Judge.load(),
            load(None),
            read,
            name=file.name,
            threshold=threshold,
            labels=label or (),
            peers=others,
            progress=_progress(shown=progress),
        )
        if test:
            log_run(file.name, run.logged(), model=run.model, at=datetime.now(UTC), log=log or LOG)
        if html is not None:
            _write_page(html, rows_page(run, _facts(run.model), words=not test))
        _tell(run.answer(), rows_tables(run), missing, html, as_json=as_json)
        if run.skipped and not as_json:
            console.print(f"No score for: {', '.join(run.skipped)}.", markup=False, soft_wrap=True)


def _tell(
    answer: dict[str, Any],
    tables: Sequence[Table],
    missing: Sequence[str],
    html: Path | None,
    *,
    as_json: bool,
) -> None:
    """The figures, as one line of JSON or as tables."""
    if as_json:
        say({**answer, "peers_missing": list(missing)}, as_json=True, text="")
        return
    # Into a file or a pipe there is no screen whose width would matter.
    out = console if console.is_terminal else Console(width=WIDE, highlight=False)
    for table in tables:
        drawn = RichTable(title=escape(table.title), title_justify="left", box=None, pad_edge=False)
        for i, name in enumerate(table.head):
            drawn.add_column(escape(name), justify="left" if i == 0 else "right", no_wrap=i == 0)
        for row in table.rows:
            drawn.add_row(*map(escape, row))
        out.print(drawn)
        if table.note:
            console.print(table.note, markup=False, style="dim")
        console.print()
    for name in missing:
        console.print(f"{name} is not installed: pip install 'meydan[peers]'.", markup=False, soft_wrap=True)
    if html is not None:
        console.print(f"The report is in {html}.", markup=False, soft_wrap=True)


def _peers(wanted: bool) -> tuple[list[Peer], list[str]]:
    if not wanted:
        return [], []
    from meydan.evaluate.peers import installed

    return installed()


def _facts(model: str) -> list[tuple[str, str]]:
    from meydan.evaluate.runs import commit_of

    return [
        ("model", model.removeprefix("sha256:")[:12]),
        ("commit", commit_of(Path(__file__).parent) or "none"),
        ("made", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]


def _check_page(html: Path | None) -> None:
    """
    Find out before minutes of work whether the report can be written; one that is there stays as it is until then.

    Raises:
        Malformed: it cannot.
    """
    if html is None:
        return
    try:
        if not html.parent.is_dir():
            raise Malformed(f"There is no folder {html.parent} for the report.", fields=("html",))
        was_there = os.path.lexists(html)
        with html.open("ab"):
            pass
        if not was_there:
            html.unlink()
    except OSError as error:
        raise _unwritable(html, error) from error


def _write_page(html: Path, page: str) -> None:
    try:
        html.write_text(page, encoding="utf-8")
    except OSError as error:
        raise _unwritable(html, error) from error


def _unwritable(html: Path, error: OSError) -> Malformed:
    return Malformed(
        f"The report {html} cannot be written: {error.strerror or type(error).__name__}. Name another with --html.",
        fields=("html",),
    )


def _progress(*, shown: bool) -> Progress:
    from meydan.evaluate.measure import SILENT

    if not shown:
        return SILENT

    @contextlib.contextmanager
    def bar(what: str, number: int) -> Iterator[Advance | None]:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Bars(*columns, console=errors, transient=False) as bars:
            task = bars.add_task(what, total=number)
            yield lambda done: bars.advance(task, done)
            bars.update(task, completed=number)

    return bar
