"""
Second looks: decisions of people that another person decides again, blind. Drawn once, answered once, and they stay.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

FIXED = ("comment", "seq", "actor", "drawn_at")

SQLITE_GUARDS = (
    """
    CREATE TRIGGER second_is_new BEFORE INSERT ON second
    WHEN EXISTS (SELECT 1 FROM second WHERE comment = NEW.comment AND seq = NEW.seq)
    BEGIN SELECT RAISE(ABORT, 'a second look is never replaced'); END
    """,
    f"""
    CREATE TRIGGER second_answered_once BEFORE UPDATE ON second
    WHEN OLD.answered_at IS NOT NULL
      OR {" OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in FIXED)}
    BEGIN SELECT RAISE(ABORT, 'a second look is answered once, and never altered'); END
    """,
    """
    CREATE TRIGGER second_stays BEFORE DELETE ON second
    BEGIN SELECT RAISE(ABORT, 'a second look is never deleted'); END
    """,
)

POSTGRESQL_GUARDS = (
    f"""
    CREATE FUNCTION meydan_second_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.answered_at IS NOT NULL
            OR {" OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in FIXED)}
        THEN RAISE EXCEPTION 'a second look is answered once, and never altered'; END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER second_answered_once BEFORE UPDATE ON second FOR EACH ROW EXECUTE FUNCTION meydan_second_changes()",
    """
    CREATE TRIGGER second_stays BEFORE DELETE ON second
    FOR EACH ROW EXECUTE FUNCTION meydan_refuse('a second look is never deleted')
    """,
    """
    CREATE TRIGGER second_not_emptied BEFORE TRUNCATE ON second
    FOR EACH STATEMENT EXECUTE FUNCTION meydan_refuse('second is never emptied')
    """,
)


def upgrade() -> None:
    op.create_table(
        "second",
        sa.Column("comment", BIG, autoincrement=False, nullable=False),
        sa.Column(
            "seq", sa.Integer(), autoincrement=False, nullable=False, comment="the decision looked at again"
        ),
        sa.Column("actor", sa.Text(), nullable=False, comment="who made it"),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True, comment="the other person's verdict"),
        sa.Column("breached", sa.Text(), nullable=True, comment="the rules that they named, ids, by comma"),
        sa.Column("answered_by", sa.Text(), nullable=True),
        sa.CheckConstraint("answer IN ('approve', 'reject')", name=op.f("ck_second_answer")),
        sa.CheckConstraint("answered_by <> actor", name=op.f("ck_second_another_person")),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_second_comment")),
        sa.PrimaryKeyConstraint("comment", "seq", name=op.f("pk_second")),
    )
    waiting = sa.text("answered_at IS NULL")
    op.create_index(
        "ix_second_waiting",
        "second",
        ["drawn_at"],
        unique=False,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("ix_second_answered", "second", ["answered_at"], unique=False)
    sqlite = op.get_context().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS:
        op.get_bind().exec_driver_sql(guard)
