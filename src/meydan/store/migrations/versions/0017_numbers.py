"""
Numbers last: on PostgreSQL a comment's receipt and a decision's leaf are numbered once, at the end of their transaction.

Until then a number below zero stands there, which is no leaf's: the foreign keys are checked at the commit, so what was
not numbered cannot be committed. An older program, which numbers first, goes on as it did. SQLite, where whoever writes
is alone, numbers first as well; there nothing changes but that the counter has the same columns.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

FIXED = ("number", "id", "story", "parent", "submitted_at", "commitment")

POSTGRESQL_GUARDS = (
    "ALTER TABLE comment ALTER CONSTRAINT fk_comment_receipt DEFERRABLE INITIALLY DEFERRED",
    "ALTER TABLE decision ALTER CONSTRAINT fk_decision_leaf DEFERRABLE INITIALLY DEFERRED",
    f"""
    CREATE OR REPLACE FUNCTION meydan_comment_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {" OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in FIXED)}
            OR (NEW.receipt IS DISTINCT FROM OLD.receipt AND (OLD.receipt >= 0 OR NEW.receipt < 0))
            OR NEW.worded < OLD.worded
            OR (OLD.erased_at IS NOT NULL AND NEW.erased_at IS DISTINCT FROM OLD.erased_at)
        THEN RAISE EXCEPTION 'what identifies a comment never changes'; END IF;
        IF (NEW.status = 'held' AND OLD.status <> 'held')
            OR (NEW.status <> OLD.status AND NEW.seq <= OLD.seq)
            OR NEW.seq < OLD.seq
        THEN RAISE EXCEPTION 'a status moves by a decision, and never back to held'; END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION meydan_decision_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        number BIGINT := NEW.leaf;
    BEGIN
        NEW.leaf := OLD.leaf;
        IF OLD.leaf >= 0 OR number < 0 OR NEW IS DISTINCT FROM OLD THEN
            RAISE EXCEPTION 'a decision is never altered';
        END IF;
        NEW.leaf := number;
        RETURN NEW;
    END $$
    """,
    "DROP TRIGGER decision_never_changes ON decision",
    """
    CREATE TRIGGER decision_never_changes BEFORE UPDATE ON decision
    FOR EACH ROW EXECUTE FUNCTION meydan_decision_changes()
    """,
    """
    CREATE TRIGGER decision_stays BEFORE DELETE ON decision
    FOR EACH ROW EXECUTE FUNCTION meydan_refuse('a decision is never altered')
    """,
)


def upgrade() -> None:
    op.add_column(
        "counter",
        sa.Column(
            "pulse",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="news for the desk that no leaf tells; PostgreSQL only",
        ),
    )
    if op.get_context().dialect.name == "postgresql":
        for guard in POSTGRESQL_GUARDS:
            op.get_bind().exec_driver_sql(guard)
