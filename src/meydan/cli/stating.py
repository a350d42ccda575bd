"""`meydan statements`: statements of reasons, as the DSA Transparency Database takes them, in a file."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
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
from meydan.errors import AlreadyExists, BadSettings

AT_ONCE: Final = 100
"""Statements in one file of JSON: as many as the database takes at once."""

FORMATS: Final = ("json", "jsonl", "csv")


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
        from meydan.transparency import Statements, load_categories
        from meydan.wiring import guidelines_in_force, open_store

        given = settings_of(settings, data=data, database=database)
        since, until = _day("--from", begin), _day("--to", end or f"{datetime.now(UTC):%Y-%m-%d}")
        if until < since:
            raise BadSettings("--to is before --from.", fields=("to",))
        form = form or {".jsonl": "jsonl", ".csv": "csv"}.get(out.suffix.lower(), "json")
        if form not in FORMATS:
            raise BadSettings(f"--format is one of: {', '.join(FORMATS)}.", fields=("format",))
        if out.exists():
            raise AlreadyExists(f"{out} is there already. Name another; none is written over.")
        categories = load_categories(given.statement_categories)
        guidelines = guidelines_in_force(given)
        store = open_store(given)
        try:
            made = Statements(store, categories, guidelines=guidelines)
            stated = _watched(
                made.between(_midnight(since), _midnight(until + timedelta(days=1))), shown=not as_json
            )
            number = _WRITERS[form](stated, out)
        except OSError as error:
            raise BadSettings(f"{out} cannot be written: {error.strerror}.", fields=("out",)) from error
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
        return date.fromisoformat(written)
    except ValueError:
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
    aside = out.with_name(f"{out.name}.unfinished")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True, mode=0o700)
    number = 0
    try:
        while piece := list(islice(stated, AT_ONCE)):
            path = aside / f"statements-{number // AT_ONCE + 1:06d}.json"
            path.write_text(json.dumps({"statements": piece}, ensure_ascii=False) + "\n", encoding="utf-8")
            number += len(piece)
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
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
    # A title of the guidelines that begins so is not a formula.
    return f"'{value}" if str(value).startswith(("=", "+", "-", "@", "\t", "\r")) else str(value)


def _written(out: Path, lines: Iterator[str]) -> int:
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f"{out.name}.unfinished")
    number = 0
    try:
        with open(aside, "w", encoding="utf-8", newline="", opener=_private) as opened:
            for line in lines:
                opened.write(line)
                number += 1
        aside.rename(out)
    finally:
        aside.unlink(missing_ok=True)
    return number


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


_WRITERS: Final = {"json": _as_json, "jsonl": _as_lines, "csv": _as_table}
