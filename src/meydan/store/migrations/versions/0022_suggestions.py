"""
What other systems' people found of comments that are kept elsewhere, for calibration.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "suggestion",
        sa.Column("number", BIG, nullable=False),
        sa.Column(
            "key",
            sa.Text(),
            nullable=False,
            comment="a keyed hash of which comment of which system it is about",
        ),
        sa.Column("fingerprint", sa.Text(), nullable=False, comment="a keyed hash of the text"),
        sa.Column("source", sa.Text(), nullable=False, comment="the door and the token's name"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False, comment="JSON: label -> 0 to 1"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_suggestion")),
        sa.UniqueConstraint("key", name=op.f("uq_suggestion_key")),
    )
    op.create_index("ix_suggestion_text", "suggestion", ["fingerprint"], unique=False)
    op.create_index("ix_suggestion_time", "suggestion", ["at"], unique=False)
