"""
What guards the form: sendings known by their key, so that one sent twice is one comment; proofs of work that were
used; and the signatures by which floods of nearly the same words are found. All of it is forgotten after a while.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "sending",
        sa.Column("key", sa.Text(), nullable=False, comment="a keyed hash of the Idempotency-Key"),
        sa.Column(
            "words", sa.Text(), nullable=True, comment="a keyed hash of what came with it; NULL once erased"
        ),
        sa.Column("comment", BIG, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_sending_comment")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sending")),
    )
    op.create_index("ix_sending_comment", "sending", ["comment"], unique=False)
    op.create_index("ix_sending_time", "sending", ["at"], unique=False)
    op.create_table(
        "proof",
        sa.Column("nonce", sa.Text(), nullable=False, comment="of a challenge whose proof was used"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_proof")),
    )
    op.create_index("ix_proof_expired", "proof", ["expires_at"], unique=False)
    op.add_column(
        "comment",
        sa.Column(
            "likeness",
            sa.LargeBinary(),
            nullable=True,
            comment="text.likeness; NULL once forgotten or erased",
        ),
    )
    known = sa.text("likeness IS NOT NULL")
    op.create_index(
        "ix_comment_likeness",
        "comment",
        ["submitted_at", "likeness"],
        unique=False,
        sqlite_where=known,
        postgresql_where=known,
    )
