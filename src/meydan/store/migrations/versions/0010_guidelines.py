"""
Guidelines: every version that ever took effect, append-only; an editor's draft; decisions by the version that ruled them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

SQLITE_GUARDS = (
    """
    CREATE TRIGGER guidelines_is_new BEFORE INSERT ON guidelines
    WHEN EXISTS (SELECT 1 FROM guidelines WHERE number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'a version of the guidelines is never replaced'); END
    """,
    """
    CREATE TRIGGER guidelines_unaltered BEFORE UPDATE ON guidelines
    BEGIN SELECT RAISE(ABORT, 'a version of the guidelines is never altered'); END
    """,
    """
    CREATE TRIGGER guidelines_stays BEFORE DELETE ON guidelines
    BEGIN SELECT RAISE(ABORT, 'a version of the guidelines is never deleted'); END
    """,
)

POSTGRESQL_GUARDS = (
    """
    CREATE TRIGGER guidelines_unaltered BEFORE UPDATE ON guidelines
    FOR EACH ROW EXECUTE FUNCTION meydan_refuse('a version of the guidelines is never altered')
    """,
    """
    CREATE TRIGGER guidelines_stays BEFORE DELETE ON guidelines
    FOR EACH ROW EXECUTE FUNCTION meydan_refuse('a version of the guidelines is never deleted')
    """,
    """
    CREATE TRIGGER guidelines_not_emptied BEFORE TRUNCATE ON guidelines
    FOR EACH STATEMENT EXECUTE FUNCTION meydan_refuse('guidelines is never emptied')
    """,
)


def upgrade() -> None:
    op.create_table(
        "guidelines",
        sa.Column("number", BIG, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("source", sa.LargeBinary(), nullable=False, comment="the file's bytes"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False, comment="an editor; 'operator': the operator's file"),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=True, comment="the digest that ruled until then"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_guidelines")),
    )
    op.create_index("ix_guidelines_digest", "guidelines", ["digest", "number"], unique=False)
    op.create_index("ix_guidelines_actor", "guidelines", ["actor", "number"], unique=False)
    op.create_table(
        "draft",
        sa.Column("moderator", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="store.guidelines.Draft as JSON"),
        sa.ForeignKeyConstraint(["moderator"], ["moderator.name"], name=op.f("fk_draft_moderator")),
        sa.PrimaryKeyConstraint("moderator", name=op.f("pk_draft")),
    )
    op.create_index("ix_decision_guidelines", "decision", ["guidelines"], unique=False)
    sqlite = op.get_context().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS:
        op.get_bind().exec_driver_sql(guard)
