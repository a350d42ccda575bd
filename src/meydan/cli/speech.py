"""
How the command line speaks: options that verbs share, answers, and refusals.

Answers go to standard output, everything else to standard error. Exit codes:
0 done; 1 refused, or a check failed; 2 misconfigured or misused; 75 try again later.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from meydan.errors import BadGuidelines, MeydanError, Misconfigured, Unavailable
from meydan.policy import Fault
from meydan.settings import Settings, load_settings

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


def visible(words: str) -> str:
    """
    Somebody else's words for a terminal: what commands it, or turns the direction of what follows, is spelled out.

    Everything but letters, marks, signs and plain blanks becomes its escape, such as \\x1b or \\u202e.
    """
    if words.isprintable():
        return words
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


def json_line(answer: Any) -> str:
    """An answer as one line of JSON that any terminal shows as it is: what does not print is escaped, as JSON does it."""
    line = json.dumps(answer, ensure_ascii=False)
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def say(answer: Any, *, as_json: bool, text: str) -> None:
    """Print one answer: as a line of JSON, or as text for people."""
    if as_json:
        print(json_line(answer))
    else:
        console.print(text, markup=False, soft_wrap=True)


@contextlib.contextmanager
def refusals(*, as_json: bool = False, name: str = "guidelines") -> Iterator[None]:
    """Turn an error of the tree into a message and an exit code; never a traceback."""
    try:
        yield
    except MeydanError as error:
        if as_json:
            told: dict[str, object] = {"code": error.code, "message": error.message}
            if error.fields:
                told["fields"] = list(error.fields)
            if isinstance(error, BadGuidelines):
                told["findings"] = [fault_of(f) for f in error.findings if isinstance(f, Fault)]
            print(json_line(told), file=sys.stderr)
        else:
            complain(error)
            if isinstance(error, BadGuidelines):
                for finding in error.findings:
                    if isinstance(finding, Fault):
                        errors.print(finding.render(name), markup=False, soft_wrap=True)
        raise typer.Exit(_exit_code(error)) from error
    except BrokenPipeError:
        # The reader of our output left, as `head` does; that is not a failure of ours.
        sys.stderr.close()
        raise typer.Exit(0) from None


def complain(error: MeydanError) -> None:
    """Print an error's code and message; a message may name what stands in a file."""
    message = "\n".join(map(visible, error.message.split("\n")))
    errors.print(f"{error.code}  {message}", markup=False, soft_wrap=True)


def fault_of(fault: Fault) -> dict[str, object]:
    """One finding of the guidelines checker, for programs."""
    return {"line": fault.line, "column": fault.column, "message": fault.message, "remedy": fault.remedy}


def _exit_code(error: MeydanError) -> int:
    if isinstance(error, Unavailable):
        return EXIT_TRY_AGAIN
    return EXIT_MISCONFIGURED if isinstance(error, Misconfigured) else EXIT_REFUSED
