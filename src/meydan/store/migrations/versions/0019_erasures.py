"""
What was erased is found without reading every comment: it is listed outside the database too, for restores.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    erased = sa.text("erased_at IS NOT NULL")
    op.create_index(
        "ix_comment_erased",
        "comment",
        ["erased_at"],
        unique=False,
        sqlite_where=erased,
        postgresql_where=erased,
    )
