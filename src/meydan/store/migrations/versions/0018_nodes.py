"""
What several nodes share besides comments: who judges what just now, and who sent how much within minutes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "judging",
        sa.Column("comment", BIG, autoincrement=False, nullable=False),
        sa.Column(
            "until",
            sa.BigInteger(),
            nullable=False,
            comment="0: nobody has it, whoever comes first may take it",
        ),
        sa.PrimaryKeyConstraint("comment", name=op.f("pk_judging")),
    )
    op.create_index("ix_judging_until", "judging", ["until"], unique=False)
    op.create_table(
        "pace",
        sa.Column(
            "key", sa.Text(), nullable=False, comment="what is counted, and a keyed hash of who does it"
        ),
        sa.Column(
            "full_at",
            sa.BigInteger(),
            nullable=False,
            comment="when all of it may be done at once again",
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_pace")),
    )
    op.create_index("ix_pace_full", "pace", ["full_at"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        # Nothing of it is worth the disk, nor a replica's time.
        op.execute("ALTER TABLE pace SET UNLOGGED")
