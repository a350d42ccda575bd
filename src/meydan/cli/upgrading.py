"""`meydan migrate`: bringing the database's tables to what this program knows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from meydan.cli.speech import (
    EXIT_REFUSED,
    DatabaseOption,
    DataOption,
    JsonOption,
    SettingsOption,
    refusals,
    say,
    settings_of,
)


def migrate(
    check: Annotated[
        bool, typer.Option("--check", help="Only say what would be done; exit code 1 if there is something.")
    ] = False,
    by_month: Annotated[
        bool,
        typer.Option(
            "--by-month", help="Divide the large tables by month, for good (PostgreSQL; see upgrading.md)."
        ),
    ] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring the database's tables to what this program knows, beside running servers."""
    from meydan.wiring import change_tables, look_at_tables

    with refusals(as_json=as_json):
        given = settings_of(settings, data=data, database=database)
        before = look_at_tables(given)
        steps = [step._asdict() for step in before.steps]
        dividing = by_month and before.by_month is None
        to_do = bool(steps or before.unfinished or dividing)
        told = {
            "database": before.dialect,
            "version": before.version,
            "program": before.program,
            "oldest": before.oldest,
            "steps": steps,
            "unfinished": list(before.unfinished),
            "by_month": before.by_month,
            "divide": dividing,
            "done": False,
        }
        lines = [f"{step['revision']}  {step['caption']}" for step in steps]
        lines += [
            f"      takes away what programs before {step['contracts']} need"
            for step in steps
            if step["contracts"]
        ]
        lines += [f"still to be finished: {job}" for job in before.unfinished]
        lines += ["dividing the large tables by month"] * dividing
        if check:
            say(told, as_json=as_json, text="\n".join(lines) or _standing(before.version, before.program))
            if to_do:
                raise typer.Exit(EXIT_REFUSED)
            return
        if not as_json and lines:
            say(None, as_json=False, text="\n".join(lines))
        after = change_tables(given, by_month=by_month, at=datetime.now(UTC))
        told |= {"version": after.version, "oldest": after.oldest, "by_month": after.by_month, "done": to_do}
        text = "Done." if to_do else _standing(after.version, after.program)
        if after.by_month is not None:
            text += f" The tables are divided by month, up to {after.by_month}."
        say(told, as_json=as_json, text=text)


def _standing(version: str | None, program: str) -> str:
    if version is not None and version > program:
        return f"Nothing to do: a newer Meydan migrated the database (to {version}), and this one can work with it."
    return f"Nothing to do: the database is at {version}, as this program is."
