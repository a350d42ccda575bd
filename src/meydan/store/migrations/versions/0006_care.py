"""
Which severe words were shown to whom: for the person themselves, and so that nobody is given too many.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "exposure",
        sa.Column("moderator", sa.Text(), nullable=False),
        sa.Column("comment", BIG, autoincrement=False, nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["moderator"], ["moderator.name"], name=op.f("fk_exposure_moderator")),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_exposure_comment")),
        sa.PrimaryKeyConstraint("moderator", "comment", name=op.f("pk_exposure")),
    )
    op.create_index("ix_exposure_shift", "exposure", ["moderator", "at"], unique=False)
