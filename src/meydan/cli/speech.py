"""
How the command line speaks: options that verbs share, answers, and refusals.

Answers go to standard output, everything else to standard error. Exit codes:
0 done; 1 refused, or a check failed; 2 misconfigured or misused; 75 try again later.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from meydan.errors import (
    BadGuidelines,
    BadSettings,
    MeydanError,
    Misconfigured,
    Unavailable,
    WouldOverwrite,
)
from meydan.policy import Fault
from meydan.settings import Settings, load_settings
from meydan.text.visible import visible, visible_json

EXIT_REFUSED = 1
EXIT_MISCONFIGURED = 2
EXIT_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits(3)

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)

DataOption = Annotated[
    Path | None, typer.Option("--data", help="The data folder (MEYDAN_DATA; ./meydan-data).")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", help="The database's URL (MEYDAN_DATABASE; SQLite in the data folder)."),
]
GuidelinesOption = Annotated[
    Path | None,
    typer.Option("--guidelines", help="The guidelines file (MEYDAN_GUIDELINES; the shipped one)."),
]
SettingsOption = Annotated[
    Path | None,
    typer.Option("--settings", help="A settings file (MEYDAN_SETTINGS); docs/settings.md lists the keys."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]


def settings_of(settings: Path | None = None, **given: object) -> Settings:
    """The settings in force, from file, environment and what this command line said."""
    return load_settings(settings, given=given)


def json_line(answer: Any) -> str:
    """An answer as one line of JSON that any terminal shows as it is."""
    return visible_json(json.dumps(answer, ensure_ascii=False))


def say(answer: Any, *, as_json: bool, text: str) -> None:
    """Print one answer: as a line of JSON, or as text for people. What a file or a reader said acts in neither."""
    if as_json:
        print(json_line(answer))
    else:
        console.print(visible(text), markup=False, soft_wrap=True)


def check_spared(source: Path, *outputs: Path | None) -> None:
    """
    Look, before anything is opened, whether something would be written over the file that is to be read.

    Args:
        source: a file that is read.
        outputs: files that are to be written; None: not asked for.

    Raises:
        WouldOverwrite: one of them is the source, by whatever name, link or path.
    """
    for out in outputs:
        if out is not None and is_same_file(source, out):
            raise WouldOverwrite(
                f"{out} is what is to be read, and would be written over. Name another output."
            )


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two names are of one file: the same path, one a symbolic link to the other, or both of the same inode."""
    try:
        return os.path.realpath(one) == os.path.realpath(other) or one.samefile(other)
    except (OSError, ValueError):
        # One of them is not there (or no name at all), so they are not the same.
        return False


@contextlib.contextmanager
def refusals(*, as_json: bool = False, name: str = "guidelines") -> Iterator[None]:
    """
    Turn an error of the tree, or one of the system, into a message and an exit code; never a traceback.

    Faults of ours (AttributeError, TypeError, …) go on, and are seen.
    """
    try:
        yield
    except MeydanError as error:
        _refuse(error, as_json=as_json, name=name)
        raise typer.Exit(_exit_code(error)) from error
    except BrokenPipeError:
        # The reader of our output left, as `head` does; that is not a failure of ours.
        sys.stderr.close()
        raise typer.Exit(0) from None
    except OSError as error:
        # A folder that may not be entered, a name that is too long: whoever could say more of it has said it before.
        refused = of_system(error)
        _refuse(refused, as_json=as_json, name=name)
        raise typer.Exit(_exit_code(refused)) from error


def of_system(error: OSError) -> BadSettings:
    """What the system would not do, with its own words: which file, and why."""
    why = error.strerror or type(error).__name__
    if isinstance(error.filename, str | bytes):
        return BadSettings(
            f"{os.fsdecode(error.filename)} cannot be used: {why}. Check its name, and what this user may do there."
        )
    return BadSettings(f"The system would not do what is needed here: {why}.")


def _refuse(error: MeydanError, *, as_json: bool, name: str) -> None:
    findings = error.findings if isinstance(error, BadGuidelines) else ()
    faults = [one for one in findings if isinstance(one, Fault)]
    if as_json:
        told: dict[str, object] = {"code": error.code, "message": error.message}
        if error.fields:
            told["fields"] = list(error.fields)
        if isinstance(error, BadGuidelines):
            told["findings"] = [fault_of(one) for one in faults]
        print(json_line(told), file=sys.stderr)
        return
    complain(error)
    for fault in faults:
        errors.print(visible(fault.render(name)), markup=False, soft_wrap=True)


def complain(error: MeydanError) -> None:
    """Print an error's code and message; a message may name what stands in a file."""
    errors.print(f"{error.code}  {visible(error.message)}", markup=False, soft_wrap=True)


def fault_of(fault: Fault) -> dict[str, object]:
    """One finding of the guidelines checker, for programs."""
    return {"line": fault.line, "column": fault.column, "message": fault.message, "remedy": fault.remedy}


def _exit_code(error: MeydanError) -> int:
    if isinstance(error, Unavailable):
        return EXIT_TRY_AGAIN
    return EXIT_MISCONFIGURED if isinstance(error, Misconfigured) else EXIT_REFUSED
