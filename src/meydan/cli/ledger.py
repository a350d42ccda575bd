"""`meydan ledger …`: the public record of what was received and decided."""

from __future__ import annotations

import typer

from meydan.cli import publishing, verifying

app = typer.Typer(no_args_is_help=True, help="The public record of what was received and decided.")
app.command("verify")(verifying.verify)
app.command("check")(verifying.check)
app.command("key")(publishing.key)
app.command("publish")(publishing.publish)
