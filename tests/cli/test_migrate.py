"""`meydan migrate`, as an operator uses it."""

from __future__ import annotations

import json
from pathlib import Path

from meydan.store import schema
from tests.cli.test_cli import answer, run
from tests.store.making import around


def test_migrate_says_first_and_does_then(tmp_path: Path) -> None:
    """If tables are behind, then `--check` says what is to be done and does nothing, a server that may not change them refuses, and `migrate` does it once."""
    folder = tmp_path / "data"
    asked = run("migrate", "--check", "--json", data=folder)
    told = json.loads(asked.stdout)
    assert asked.returncode == 1
    assert [step["revision"] for step in told["steps"]][:: len(told["steps"]) - 1] == ["0001", schema.HEAD]
    assert not folder.exists()

    refused = run("serve", "--no-migrate", "--port", "0", data=folder)
    assert refused.returncode == 2
    assert "M304" in refused.stderr

    assert answer("migrate", "--json", data=folder)["version"] == schema.HEAD
    again = run("migrate", "--check", data=folder)
    assert (again.returncode, again.stdout[:14]) == (0, "Nothing to do:")

    with around(f"sqlite:///{folder / 'meydan.db'}") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "a newer Meydan" in run("migrate", data=folder).stdout
    divided = run("migrate", "--by-month", "--json", data=folder)
    assert divided.returncode == 2
    assert json.loads(divided.stderr)["code"] == "M302"
