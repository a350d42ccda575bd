"""
What becomes of an escalated comment: who was told and when, how its hold ended, and the erasures that wait for that end.

All of it is appended to, and nothing is altered. A hold ends only with a row that says who ended it and why.
With them come the indexes by which people's latest decisions are set against the machine's scores.
"""

# ruff: noqa: S608  (constants put together from constants)

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

KEPT = {"escalation": "number", "told": "number", "ending": "number", "postponed": "comment"}
"""The tables that are only ever appended to, with their keys."""

ENDED = """
    EXISTS (
        SELECT 1 FROM ending
         WHERE ending.comment = NEW.number
           AND ending.escalation = (SELECT max(number) FROM escalation WHERE escalation.comment = NEW.number)
    )
"""

SQLITE_GUARDS = (
    *(
        statement
        for table, key in KEPT.items()
        for statement in (
            f"""
            CREATE TRIGGER {table}_is_new BEFORE INSERT ON {table}
            WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key})
            BEGIN SELECT RAISE(ABORT, 'a line of {table} is never replaced'); END
            """,
            f"""
            CREATE TRIGGER {table}_never_changes BEFORE UPDATE ON {table}
            BEGIN SELECT RAISE(ABORT, 'a line of {table} is never altered'); END
            """,
            f"""
            CREATE TRIGGER {table}_stays BEFORE DELETE ON {table}
            BEGIN SELECT RAISE(ABORT, 'a line of {table} is never deleted'); END
            """,
        )
    ),
    f"""
    CREATE TRIGGER hold_ends_on_record BEFORE UPDATE ON comment
    WHEN OLD.escalated = 1 AND NEW.escalated <> 1 AND NOT {ENDED}
    BEGIN SELECT RAISE(ABORT, 'a legal hold ends only on record'); END
    """,
)

POSTGRESQL_GUARDS = (
    *(
        statement
        for table in KEPT
        for statement in (
            f"""
            CREATE TRIGGER {table}_never_changes BEFORE UPDATE OR DELETE ON {table}
            FOR EACH ROW EXECUTE FUNCTION meydan_refuse('a line of {table} is never altered')
            """,
            f"""
            CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION meydan_refuse('{table} is never emptied')
            """,
        )
    ),
    f"""
    CREATE FUNCTION meydan_hold_ends() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.escalated = 1 AND NEW.escalated <> 1 AND NOT {ENDED} THEN
            RAISE EXCEPTION 'a legal hold ends only on record';
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER hold_ends_on_record BEFORE UPDATE ON comment FOR EACH ROW EXECUTE FUNCTION meydan_hold_ends()",
)


def upgrade() -> None:
    op.create_table(
        "told",
        sa.Column("number", BIG, nullable=False),
        sa.Column("comment", BIG, nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False, comment="when they were told, as it was given"),
        sa.Column("office", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_told_comment")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_told")),
    )
    op.create_index("ix_told_comment", "told", ["comment"], unique=False)
    op.create_table(
        "ending",
        sa.Column("number", BIG, nullable=False),
        sa.Column("comment", BIG, nullable=False),
        sa.Column("escalation", BIG, nullable=False, comment="the last one that it ends"),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_ending_comment")),
        sa.ForeignKeyConstraint(["escalation"], ["escalation.number"], name=op.f("fk_ending_escalation")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_ending")),
    )
    op.create_index("ix_ending_comment", "ending", ["comment"], unique=False)
    op.create_table(
        "postponed",
        sa.Column("comment", BIG, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_postponed_comment")),
        sa.PrimaryKeyConstraint("comment", name=op.f("pk_postponed")),
    )
    people = sa.text("decided_by = 'moderator'")
    op.create_index(
        "ix_decision_people", "decision", ["leaf"], unique=False, sqlite_where=people, postgresql_where=people
    )
    answered = sa.text("answered_at IS NOT NULL")
    op.create_index(
        "ix_audit_latest",
        "audit",
        ["answered_at"],
        unique=False,
        sqlite_where=answered,
        postgresql_where=answered,
    )
    sqlite = op.get_context().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS:
        op.get_bind().exec_driver_sql(guard)
