"""
`meydan`: the verbs, each in the file of its subject.

Heavy parts are imported by the verb that needs them, so that `meydan --help` is instant.
"""

from __future__ import annotations

from typing import Annotated

import typer

import meydan
from meydan.cli import (
    calibrating,
    evaluating,
    exporting,
    guidelines,
    importing,
    judging,
    keeping,
    ledger,
    operating,
    people,
    reporting,
    scoring,
    stating,
    telling,
    training,
    trying,
    upgrading,
    working,
)

app = typer.Typer(
    name="meydan",
    help="The comment section a newsroom owns: approved or rejected, never edited.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(operating.demo)
app.command("serve")(operating.serve)
app.command("work")(working.work)
app.command("check")(judging.check)
app.command("score")(scoring.score)
app.add_typer(guidelines.app, name="guidelines")
app.add_typer(people.moderators, name="moderators")
app.add_typer(people.tokens, name="tokens")
app.add_typer(telling.app, name="webhooks")
app.add_typer(ledger.app, name="ledger")
app.command("calibrate")(calibrating.calibrate)
app.command("trial")(trying.trial)
app.command("migrate")(upgrading.migrate)
app.command("statements")(stating.statements)
app.command("report")(reporting.report)
app.command("erase")(operating.erase)
app.add_typer(training.app, name="train")
app.add_typer(evaluating.app, name="evaluate")
app.command("backup")(keeping.backup)
app.command("restore")(keeping.restore)
app.command("move")(keeping.move)
app.command("export")(exporting.export)
app.command("import")(importing.import_)
app.command("doctor")(operating.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"meydan {meydan.__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The comment section a newsroom owns: approved or rejected, never edited."""


if __name__ == "__main__":
    app()
