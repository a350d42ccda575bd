"""
The queue in the order of what presses, who is looking at what, and every comment found by its words.

The index of words holds them folded. It is a second place with a reader's words in it: erasing empties it too.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from meydan.store.schema import LOOKUP
from meydan.store.statements import ADD_LOOKUP
from meydan.text.search import searchable

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("waiting = 1")


def upgrade() -> None:
    due = sa.Column(
        "due",
        sa.BigInteger(),
        nullable=False,
        server_default="0",
        comment="the queue's order: the time of submission, earlier by what makes it pressing",
    )
    op.add_column("comment", due)
    op.execute("UPDATE comment SET due = submitted_at")
    op.create_index(
        "ix_comment_due",
        "comment",
        ["due", "number", "language", "holds"],
        unique=False,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )
    op.create_index("ix_comment_language", "comment", ["language", "number"], unique=False)
    known = sa.text("author_key IS NOT NULL")
    op.create_index(
        "ix_comment_author",
        "comment",
        ["author_key", "number"],
        unique=False,
        sqlite_where=known,
        postgresql_where=known,
    )
    op.create_index("ix_comment_story", "comment", ["story", "number"], unique=False)
    op.create_index("ix_decision_actor", "decision", ["actor", "comment"], unique=False)
    op.create_table(
        "breach",
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("comment", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_breach_comment")),
        sa.PrimaryKeyConstraint("rule", "comment", "seq", name=op.f("pk_breach")),
    )
    op.create_table(
        "claim",
        sa.Column("comment", BIG, autoincrement=False, nullable=False),
        sa.Column("moderator", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_claim_comment")),
        sa.ForeignKeyConstraint(["moderator"], ["moderator.name"], name=op.f("fk_claim_moderator")),
        sa.PrimaryKeyConstraint("comment", name=op.f("pk_claim")),
    )
    dialect = op.get_context().dialect.name
    for statement in LOOKUP[dialect]:
        op.get_bind().exec_driver_sql(statement)
    _look_up_what_is_there(op.get_bind(), ADD_LOOKUP[dialect])


def _look_up_what_is_there(connection: sa.Connection, add: str) -> None:
    """Comments and decisions that were there before there was a way to find them."""
    last = 0
    while True:
        rows = connection.execute(
            sa.text(
                "SELECT comment, name, text FROM words WHERE comment > :last ORDER BY comment LIMIT 1000"
            ),
            {"last": last},
        ).all()
        if not rows:
            break
        last = rows[-1][0]
        connection.execute(
            sa.text(add), [{"comment": row[0], "words": searchable(row[1], row[2])} for row in rows]
        )
    for comment, seq, reasons in connection.execute(
        sa.text("SELECT comment, seq, reasons FROM decision WHERE reasons <> '[]'")
    ).all():
        for rule in sorted({str(reason["rule"]) for reason in json.loads(reasons)}):
            connection.execute(
                sa.text("INSERT INTO breach (rule, comment, seq) VALUES (:rule, :comment, :seq)"),
                {"rule": rule, "comment": comment, "seq": seq},
            )
