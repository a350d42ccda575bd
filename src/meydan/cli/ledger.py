"""`meydan ledger …`: the public record of what was received and decided."""

from __future__ import annotations

import typer

from meydan.cli import publishing

app = typer.Typer(no_args_is_help=True, help="The public record of what was received and decided.")
app.command("key")(publishing.key)
app.command("publish")(publishing.publish)
