"""
What takes long in a large table, for migrations: indexes, and filling a column.

On SQLite, and where the table is still empty, it is done at once, in the
migration's transaction. Else it is only put down, in `meta` as `unfinished`,
and done after the commit without keeping anybody from the table: indexes
CONCURRENTLY, rows a piece at a time (store/migrating.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from alembic import op


def index(name: str, table: str, columns: Sequence[str], *, where: str | None = None) -> None:
    """An index on `columns`, over the rows of `where`, which is constant SQL."""
    condition = f" WHERE {where}" if where else ""
    listed = ", ".join(columns)
    at_once = f"CREATE INDEX {name} ON {table} ({listed}){condition}"
    if _at_once(table):
        op.get_bind().exec_driver_sql(at_once)
        return
    parts = [
        row[0]
        for row in op.get_bind().exec_driver_sql(
            f"SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = '{table}'::regclass"  # noqa: S608
        )
    ]
    if not parts:
        # One that a crash left half made is there, and is used by nobody.
        statements = [
            f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
            at_once.replace("INDEX", "INDEX CONCURRENTLY", 1),
        ]
    else:
        # A divided table takes none CONCURRENTLY: one in each part, then one over them, to which they are joined.
        statements = [f"DROP INDEX IF EXISTS {name}"]
        for part in parts:
            statements += [
                f"DROP INDEX CONCURRENTLY IF EXISTS {name}_{part}",
                f"CREATE INDEX CONCURRENTLY {name}_{part} ON {part} ({listed}){condition}",
            ]
        statements.append(f"CREATE INDEX {name} ON {table} ({listed}){condition}")
    _put_down({"kind": "statements", "caption": f"the index {name}", "statements": statements})


def fill(table: str, values: str, *, where: str, by: str = "number") -> None:
    """
    `UPDATE table SET values WHERE where`, constant SQL; `where` is true only of rows that are not yet filled.

    Programs of before go on writing rows without it: give the column a default that is right for them, or fill again
    with the step that comes to rely on it.
    """
    if _at_once(table):
        op.get_bind().exec_driver_sql(f"UPDATE {table} SET {values} WHERE {where}")  # noqa: S608
        return
    _put_down(
        {
            "kind": "fill",
            "caption": f"filling {table}",
            "table": table,
            "set": values,
            "where": where,
            "by": by,
        }
    )


def _at_once(table: str) -> bool:
    if op.get_context().dialect.name == "sqlite":
        return True
    return op.get_bind().exec_driver_sql(f"SELECT 1 FROM {table} LIMIT 1").first() is None  # noqa: S608


def _put_down(job: dict[str, Any]) -> None:
    connection = op.get_bind()
    kept = connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'unfinished'").scalar()
    jobs = [*json.loads(kept or "[]"), job]
    connection.exec_driver_sql(
        "INSERT INTO meta (key, value) VALUES ('unfinished', %(jobs)s) "
        "ON CONFLICT (key) DO UPDATE SET value = %(jobs)s",
        {"jobs": json.dumps(jobs)},
    )
