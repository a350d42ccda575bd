"""`python -m meydan` is `meydan`."""

from meydan.cli.main import app

app(prog_name="meydan")
