"""
Reports: readers who say that a comment breaches a rule. Kept once a reader and comment, closed once by a person's
decision; only what could tell of the reader leaves.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

FIXED = ("number", "comment", "rule", "at")
CLOSED = ("closed_at", "seq", "upheld")
LEAVING = ("address_key", "words")

SQLITE_GUARDS = (
    """
    CREATE TRIGGER report_is_new BEFORE INSERT ON report
    WHEN EXISTS (SELECT 1 FROM report WHERE number = NEW.number)
      OR EXISTS (SELECT 1 FROM report WHERE comment = NEW.comment AND address_key = NEW.address_key)
    BEGIN SELECT RAISE(ABORT, 'a report is never replaced'); END
    """,
    f"""
    CREATE TRIGGER report_closed_once BEFORE UPDATE ON report
    WHEN {" OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in FIXED)}
      OR (OLD.closed_at IS NOT NULL AND ({" OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in CLOSED)}))
      OR {" OR ".join(f"(NEW.{column} IS NOT NULL AND NEW.{column} IS NOT OLD.{column})" for column in LEAVING)}
    BEGIN SELECT RAISE(ABORT, 'a report is closed once, and never altered'); END
    """,
    """
    CREATE TRIGGER report_stays BEFORE DELETE ON report
    BEGIN SELECT RAISE(ABORT, 'a report is never deleted'); END
    """,
)

POSTGRESQL_GUARDS = (
    f"""
    CREATE FUNCTION meydan_report_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {" OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in FIXED)}
            OR (OLD.closed_at IS NOT NULL
                AND ({" OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in CLOSED)}))
            OR {" OR ".join(f"(NEW.{column} IS NOT NULL AND NEW.{column} IS DISTINCT FROM OLD.{column})" for column in LEAVING)}
        THEN RAISE EXCEPTION 'a report is closed once, and never altered'; END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER report_closed_once BEFORE UPDATE ON report FOR EACH ROW EXECUTE FUNCTION meydan_report_changes()",
    """
    CREATE TRIGGER report_stays BEFORE DELETE ON report
    FOR EACH ROW EXECUTE FUNCTION meydan_refuse('a report is never deleted')
    """,
    """
    CREATE TRIGGER report_not_emptied BEFORE TRUNCATE ON report
    FOR EACH STATEMENT EXECUTE FUNCTION meydan_refuse('report is never emptied')
    """,
)


def upgrade() -> None:
    op.create_table(
        "report",
        sa.Column("number", BIG, nullable=False),
        sa.Column("comment", BIG, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column(
            "address_key", sa.Text(), nullable=True, comment="the reader's; NULL once forgotten or erased"
        ),
        sa.Column(
            "words", sa.Text(), nullable=True, comment="the reader's; NULL without any, and once erased"
        ),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.Integer(), nullable=True, comment="the decision that closed it"),
        sa.Column(
            "upheld", sa.SmallInteger(), nullable=True, comment="1: the comment was rejected, 0: it was kept"
        ),
        sa.CheckConstraint("upheld IN (0, 1)", name=op.f("ck_report_upheld")),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_report_comment")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_report")),
    )
    op.create_index("ix_report_reader", "report", ["comment", "address_key"], unique=True)
    op.create_index("ix_report_sent", "report", ["address_key", "at"], unique=False)
    op.create_index("ix_report_time", "report", ["at"], unique=False)
    known = sa.text("address_key IS NOT NULL")
    op.create_index(
        "ix_report_address",
        "report",
        ["at"],
        unique=False,
        sqlite_where=known,
        postgresql_where=known,
    )
    sqlite = op.get_context().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS:
        op.get_bind().exec_driver_sql(guard)
