"""
Programs of before beside newer ones: the database says which is the oldest that can work with its tables.
"""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

FIRST = "0016"
"""The newest migration of the first program that asks for this."""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(f"INSERT INTO meta (key, value) VALUES ('oldest', '{FIRST}')")  # noqa: S608
