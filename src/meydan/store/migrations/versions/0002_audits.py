"""
Audits of the machine's decisions, and what it was withdrawn from because of them.

An audit is drawn once and answered once; neither table forgets, and no words stand in them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What was drawn never changes; only an answer is added, once.
FIXED = ("comment", "seq", "verdict", "rules", "language", "calibration", "drawn_at")

SQLITE_GUARDS = (
    """
    CREATE TRIGGER audit_is_new BEFORE INSERT ON audit
    WHEN EXISTS (SELECT 1 FROM audit WHERE comment = NEW.comment)
    BEGIN SELECT RAISE(ABORT, 'an audit is never replaced'); END
    """,
    f"""
    CREATE TRIGGER audit_answered_once BEFORE UPDATE ON audit
    WHEN OLD.answered_at IS NOT NULL
      OR {" OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in FIXED)}
    BEGIN SELECT RAISE(ABORT, 'an audit is answered once, and never altered'); END
    """,
    """
    CREATE TRIGGER audit_stays BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'an audit is never deleted'); END
    """,
    """
    CREATE TRIGGER withdrawal_is_new BEFORE INSERT ON withdrawal
    WHEN EXISTS (SELECT 1 FROM withdrawal WHERE number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'a withdrawal is never replaced'); END
    """,
    """
    CREATE TRIGGER withdrawal_never_changes BEFORE UPDATE ON withdrawal
    BEGIN SELECT RAISE(ABORT, 'a withdrawal is never altered'); END
    """,
    """
    CREATE TRIGGER withdrawal_stays BEFORE DELETE ON withdrawal
    BEGIN SELECT RAISE(ABORT, 'a withdrawal is never altered'); END
    """,
)

POSTGRESQL_GUARDS = (
    f"""
    CREATE FUNCTION meydan_audit_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.answered_at IS NOT NULL
            OR {" OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in FIXED)}
        THEN RAISE EXCEPTION 'an audit is answered once, and never altered'; END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER audit_answered_once BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION meydan_audit_changes()",
    """
    CREATE TRIGGER audit_stays BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION meydan_refuse('an audit is never deleted')
    """,
    """
    CREATE TRIGGER withdrawal_never_changes BEFORE UPDATE OR DELETE ON withdrawal
    FOR EACH ROW EXECUTE FUNCTION meydan_refuse('a withdrawal is never altered')
    """,
    *(
        f"""
        CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION meydan_refuse('{table} is never emptied')
        """
        for table in ("audit", "withdrawal")
    ),
)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("comment", BIG, autoincrement=False, nullable=False),
        sa.Column(
            "seq",
            sa.Integer(),
            nullable=False,
            comment="the machine's decision; 0: it left the comment to people",
        ),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False, comment="ids, by comma"),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("calibration", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True, comment="a person's verdict"),
        sa.Column(
            "breached", sa.Text(), nullable=True, comment="the rules that the person named, ids, by comma"
        ),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.CheckConstraint("verdict IN ('approve', 'hold', 'reject')", name=op.f("ck_audit_verdict")),
        sa.CheckConstraint("answer IN ('approve', 'reject')", name=op.f("ck_audit_answer")),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_audit_comment")),
        sa.PrimaryKeyConstraint("comment", name=op.f("pk_audit")),
    )
    op.create_index(
        "ix_audit_waiting",
        "audit",
        ["comment"],
        unique=False,
        sqlite_where=sa.text("answered_at IS NULL AND seq > 0"),
        postgresql_where=sa.text("answered_at IS NULL AND seq > 0"),
    )
    op.create_index(
        "ix_audit_answered",
        "audit",
        ["language", "calibration", "comment"],
        unique=False,
        sqlite_where=sa.text("answered_at IS NOT NULL"),
        postgresql_where=sa.text("answered_at IS NOT NULL"),
    )
    op.create_table(
        "withdrawal",
        sa.Column("number", BIG, nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False, comment="a rule's id, or 'approvals'"),
        sa.Column("calibration", sa.Text(), nullable=False, comment="another one lifts it"),
        sa.Column("wrong", sa.Integer(), nullable=False, comment="of so many audits"),
        sa.Column("audits", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_withdrawal")),
    )
    op.create_index("ix_withdrawal_once", "withdrawal", ["language", "rule", "calibration"], unique=True)

    sqlite = op.get_context().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS:
        op.get_bind().exec_driver_sql(guard)
