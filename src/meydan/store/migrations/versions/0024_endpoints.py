"""
Where the newsroom's own programs and channels are told what happens, and which of them a job in the outbox is for.

Programs of before know mail alone: a notice that one of them takes in hand is put off, and carried out by a newer one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from meydan.store.migrations import gently

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "endpoint",
        sa.Column("number", BIG, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False, comment="scheme, host and port, for people"),
        sa.Column("sealed", sa.Text(), nullable=False, comment="address and secrets, under the server's key"),
        sa.Column("events", sa.Text(), nullable=False, comment="each between spaces"),
        sa.Column("words", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("language", sa.Text(), server_default="en", nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        sa.CheckConstraint("form IN ('standard', 'slack')", name=op.f("ck_endpoint_form")),
        sa.CheckConstraint("ended_why IN ('removed', 'gone')", name=op.f("ck_endpoint_ended_why")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_endpoint")),
        sa.UniqueConstraint("id", name=op.f("uq_endpoint_id")),
    )
    live = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_endpoint_name", "endpoint", ["name"], unique=True, sqlite_where=live, postgresql_where=live
    )
    op.add_column(
        "outbox",
        sa.Column(
            "endpoint", sa.BigInteger(), nullable=True, comment="endpoint.number; NULL: a letter, by mail"
        ),
    )
    gently.index(
        "ix_outbox_lane",
        "outbox",
        ["endpoint", "due_at", "number"],
        where="done_at IS NULL AND dead_at IS NULL",
    )
