"""
Comments of other systems: where they came from, and the form that their words are kept in.

Programs of before read such words as they stand: markup as text, escaped.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "imported",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="its id in the system that it comes from"),
        sa.Column("comment", BIG, nullable=False),
        sa.Column(
            "digest", sa.LargeBinary(), nullable=True, comment="a keyed hash of what came; NULL once erased"
        ),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_imported_comment")),
        sa.PrimaryKeyConstraint("source", "key", name=op.f("pk_imported")),
    )
    op.create_index("ix_imported_comment", "imported", ["comment"], unique=False)
    op.add_column(
        "words",
        sa.Column(
            "format",
            sa.Text(),
            nullable=True,
            comment="html or markdown: of the text as kept, where another system had it so; NULL: text",
        ),
    )
