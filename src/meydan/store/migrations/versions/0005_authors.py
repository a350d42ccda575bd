"""
Authors whose comments are not taken, who said so, why and until when.

A block is put in once and lifted once; it names its author by the same keyed hash as their comments do.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "block",
        sa.Column("number", BIG, nullable=False),
        sa.Column("author_key", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False, comment="as the author is told it"),
        sa.Column("until", sa.BigInteger(), nullable=True, comment="NULL: until it is lifted"),
        sa.Column("lifted_at", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_block")),
    )
    standing = sa.text("lifted_at IS NULL")
    op.create_index(
        "ix_block_standing",
        "block",
        ["author_key"],
        unique=False,
        sqlite_where=standing,
        postgresql_where=standing,
    )
