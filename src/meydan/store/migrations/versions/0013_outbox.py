"""
What is to leave the building, kept with what it tells of; and who asked to be written to.

Neither is a record: a job is empty once it is done, and a follow is gone once its reader ends it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("number", BIG, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "subject",
            sa.Text(),
            nullable=False,
            comment="a comment's id, or another's whose end ends the job",
        ),
        sa.Column("body", sa.Text(), nullable=True, comment="JSON; NULL once done or given up"),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("leased_until", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("dead_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "error",
            sa.Text(),
            server_default="",
            nullable=False,
            comment="what went wrong last, without words",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outbox")),
        sa.UniqueConstraint("key", name=op.f("uq_outbox_key")),
    )
    due = sa.text("done_at IS NULL AND dead_at IS NULL")
    op.create_index(
        "ix_outbox_due", "outbox", ["due_at", "number"], unique=False, sqlite_where=due, postgresql_where=due
    )
    dead = sa.text("dead_at IS NOT NULL")
    op.create_index(
        "ix_outbox_dead", "outbox", ["dead_at"], unique=False, sqlite_where=dead, postgresql_where=dead
    )
    done = sa.text("done_at IS NOT NULL")
    op.create_index(
        "ix_outbox_done", "outbox", ["done_at"], unique=False, sqlite_where=done, postgresql_where=done
    )
    op.create_index("ix_outbox_subject", "outbox", ["subject"], unique=False)
    op.create_table(
        "follow",
        sa.Column("number", BIG, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("story", BIG, nullable=False),
        sa.Column("comment", BIG, nullable=True, comment="the replies under it; NULL: the whole story"),
        sa.Column(
            "own",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="1: asked for by who wrote it",
        ),
        sa.Column("recipient", sa.Text(), nullable=False, comment="a keyed hash of the address"),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("written_at", sa.BigInteger(), nullable=False, comment="when a mail was last posted"),
        sa.Column(
            "told",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="the leaf up to which they were told",
        ),
        sa.ForeignKeyConstraint(["story"], ["story.id"], name=op.f("fk_follow_story")),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_follow_comment")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_follow")),
        sa.UniqueConstraint("id", name=op.f("uq_follow_id")),
    )
    confirmed, asked = sa.text("confirmed_at IS NOT NULL"), sa.text("confirmed_at IS NULL")
    op.create_index(
        "ix_follow_story",
        "follow",
        ["story", "number"],
        unique=False,
        sqlite_where=confirmed,
        postgresql_where=confirmed,
    )
    op.create_index("ix_follow_comment", "follow", ["comment"], unique=False)
    op.create_index("ix_follow_recipient", "follow", ["recipient", "asked_at"], unique=False)
    op.create_index(
        "ix_follow_asked", "follow", ["asked_at"], unique=False, sqlite_where=asked, postgresql_where=asked
    )
    op.create_index("ix_follow_written", "follow", ["written_at"], unique=False)
