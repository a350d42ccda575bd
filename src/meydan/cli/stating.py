"""`meydan statements`: statements of reasons, as the DSA Transparency Database takes them, in a file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn

from meydan.cli.speech import (
    DatabaseOption,
    DataOption,
    JsonOption,
    SettingsOption,
    errors,
    refusals,
    say,
    settings_of,
)
from meydan.errors import BadSettings
from meydan.text.visible import cell

AT_ONCE: Final = 100
"""Statements in one file of JSON: as many as the database takes at once."""

FORMATS: Final = ("json", "jsonl", "csv")

WHAT: Final = "list of statements"
"""That is written, for messages."""


def statements(
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="A folder for JSON, or a file whose name ends in .jsonl or .csv."),
    ],
    begin: Annotated[str, typer.Option("--from", help="The first day, as 2026-11-01 (UTC).")],
    end: Annotated[str | None, typer.Option("--to", help="The last day; today when left out.")] = None,
    form: Annotated[
        str | None, typer.Option("--format", help="json, jsonl or csv; as the name ends when left out.")
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a statement of reasons for every rejection of some days, without readers' words; nothing is sent."""
    with refusals(as_json=as_json):
        from meydan.keeping import check_free
        from meydan.transparency import Statements, load_categories
        from meydan.wiring import guidelines_in_force, open_store

        given = settings_of(settings, data=data, database=database)
        since, until = _day("--from", begin), _day("--to", end or f"{datetime.now(UTC):%Y-%m-%d}")
        if until < since:
            raise BadSettings("--to is before --from.", fields=("to",))
        form = form or {".jsonl": "jsonl", ".csv": "csv"}.get(out.suffix.lower(), "json")
        if form not in FORMATS:
            raise BadSettings(f"--format is one of: {', '.join(FORMATS)}.", fields=("format",))
        check_free(out, WHAT)
        categories = load_categories(given.statement_categories)
        guidelines = guidelines_in_force(given)
        store = open_store(given)
        try:
            made = Statements(store, categories, guidelines=guidelines)
            stated = _watched(
                made.between(_midnight(since), _midnight(until + timedelta(days=1))), shown=not as_json
            )
            number = _WRITERS[form](stated, out)
        finally:
            store.close()
        answer = {"out": str(out), "format": form, "from": f"{since}", "to": f"{until}", "statements": number}
        say(
            answer,
            as_json=as_json,
            text=f"{number} statements from {since} to {until} are in {out}. None was sent.",
        )


def _day(option: str, written: str) -> date:
    try:
        day = date.fromisoformat(written)
        # What is asked for ends with the day after.
        _ = day + timedelta(days=1)
        return day
    except (ValueError, OverflowError):
        raise BadSettings(f"{option} is a day, such as 2026-11-01.", fields=(option.lstrip("-"),)) from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _watched(stated: Iterator[dict[str, Any]], *, shown: bool) -> Iterator[dict[str, Any]]:
    bar = Progress(
        SpinnerColumn(),
        TextColumn("Writing statements: {task.completed}"),
        console=errors,
        transient=True,
        disable=not shown or not errors.is_terminal,
    )
    with bar:
        task = bar.add_task("", total=None)
        for statement in stated:
            yield statement
            bar.advance(task)


def _as_json(stated: Iterator[dict[str, Any]], out: Path) -> int:
    """A folder of files that can each be handed in as they are; there whole or not at all."""
    from meydan.keeping import whole_folder, writing

    number = 0
    _make_parent(out)
    with whole_folder(out, WHAT) as aside:
        while piece := list(islice(stated, AT_ONCE)):
            path = aside / f"statements-{number // AT_ONCE + 1:06d}.json"
            with writing(out, WHAT):
                path.write_text(
                    json.dumps({"statements": piece}, ensure_ascii=False) + "\n", encoding="utf-8"
                )
            number += len(piece)
    return number


def _as_lines(stated: Iterator[dict[str, Any]], out: Path) -> int:
    return _written(out, (json.dumps(one, ensure_ascii=False) + "\n" for one in stated))


def _as_table(stated: Iterator[dict[str, Any]], out: Path) -> int:
    """Lists are written as JSON: `["DECISION_VISIBILITY_CONTENT_REMOVED"]`."""
    from meydan.transparency.schema import FIELDS

    def lines() -> Iterator[str]:
        yield ",".join(FIELDS) + "\r\n"
        for statement in stated:
            text = io.StringIO()
            csv.writer(text).writerow([_cell(statement, name) for name in FIELDS])
            yield text.getvalue()

    return _written(out, lines()) - 1


def _cell(statement: Mapping[str, Any], name: str) -> str:
    value = statement.get(name, "")
    if isinstance(value, list):
        return json.dumps(value)
    return cell(str(value))


def _written(out: Path, lines: Iterator[str]) -> int:
    from meydan.keeping import whole_file, writing

    number = 0
    _make_parent(out)
    with whole_file(out, WHAT) as opened:
        for line in lines:
            with writing(out, WHAT):
                opened.write(line.encode())
            number += 1
    return number


def _make_parent(out: Path) -> None:
    from meydan.keeping import writing

    with writing(out, WHAT):
        out.parent.mkdir(parents=True, exist_ok=True)


_WRITERS: Final = {"json": _as_json, "jsonl": _as_lines, "csv": _as_table}
