"""`meydan ledger key|publish`: the keys that sign the ledger, and publishing it by hand."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import structlog
import typer

from meydan.cli.speech import (
    DatabaseOption,
    DataOption,
    JsonOption,
    SettingsOption,
    refusals,
    say,
    settings_of,
)


def key(
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new key; the one before it goes on signing beside it.")
    ] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print what the ledger is verified with, the current key first."""
    from meydan.wiring import build_ledger, rotate_ledger_key

    _keep_logs_apart()
    with refusals(as_json=as_json):
        given = settings_of(settings, data=data, database=database)
        if rotate:
            rotate_ledger_key(given)
        ledger, store = build_ledger(given)
        try:
            keys = ledger.keys_of(None)
        finally:
            store.close()
        say({"keys": list(keys)}, as_json=as_json, text="\n".join(keys))


def publish(
    new_log: Annotated[
        bool,
        typer.Option(
            "--new-log",
            help="Begin a new ledger under another name, with all that there is; the one before it ends for good.",
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Publish what was received and decided since, once; beside a running server too."""
    from meydan.wiring import build_ledger

    _keep_logs_apart()
    with refusals(as_json=as_json):
        if new_log and not yes and not as_json:
            typer.confirm("End the ledger that readers have followed, and begin another", abort=True)
        ledger, store = build_ledger(settings_of(settings, data=data, database=database))
        try:
            if new_log:
                ledger.begin_anew()
                published = ledger.standing.published
            else:
                published = ledger.publish()
            standing = ledger.standing
        finally:
            store.close()
        told = {"ledger": standing.name, "published": published, "size": standing.published}
        text = f"{standing.name}: {published} leaves more were published, {standing.published} in all."
        say(told, as_json=as_json, text=text)


def _keep_logs_apart() -> None:
    """Standard output is for answers, and what stops the ledger is told as the refusal that it is."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
