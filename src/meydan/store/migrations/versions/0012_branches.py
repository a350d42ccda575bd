"""
Branches: which one a comment belongs to, how many readers see in it, and how many answers each comment has.

What was there before is counted once, here; from then on the store keeps the numbers in the transaction that changes
what readers see. A comment's branch never changes, as its parent does not.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ROOTS = """
WITH RECURSIVE below (number, id, root) AS (
    SELECT c.number, c.id, p.number FROM comment c JOIN comment p ON p.id = c.parent WHERE p.parent IS NULL
    UNION ALL
    SELECT c.number, c.id, b.root FROM below b JOIN comment c ON c.parent = b.id
)
UPDATE comment SET root = below.root FROM below WHERE below.number = comment.number
"""
BRANCHES = """
UPDATE comment
   SET branch = CASE WHEN showing > 0 THEN 1 ELSE 0 END
                + (SELECT count(*) FROM comment r
                    WHERE r.root = comment.number AND r.showing > 0 AND r.root IS NOT NULL)
 WHERE root IS NULL
   AND (showing > 0 OR EXISTS (
       SELECT 1 FROM comment r WHERE r.root = comment.number AND r.showing > 0 AND r.root IS NOT NULL))
"""
REPLIES = """
UPDATE comment
   SET replies = (SELECT count(*) FROM comment r WHERE r.parent = comment.id AND r.showing = 1)
 WHERE EXISTS (SELECT 1 FROM comment r WHERE r.parent = comment.id AND r.showing = 1)
"""

SQLITE_GUARDS = (
    """
    CREATE TRIGGER comment_keeps_its_branch BEFORE UPDATE ON comment
    WHEN NEW.root IS NOT OLD.root
    BEGIN SELECT RAISE(ABORT, 'what identifies a comment never changes'); END
    """,
)
POSTGRESQL_GUARDS = (
    """
    CREATE FUNCTION meydan_comment_branch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.root IS DISTINCT FROM OLD.root THEN
            RAISE EXCEPTION 'what identifies a comment never changes';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER comment_keeps_its_branch BEFORE UPDATE ON comment
    FOR EACH ROW EXECUTE FUNCTION meydan_comment_branch()
    """,
)


def upgrade() -> None:
    op.add_column(
        "comment",
        sa.Column(
            "root",
            BIG,
            nullable=True,
            comment="number of the comment that its branch begins with; NULL: this one",
        ),
    )
    op.add_column(
        "comment",
        sa.Column(
            "replies",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="replies to it that readers see",
        ),
    )
    op.add_column(
        "comment",
        sa.Column(
            "branch",
            sa.Integer(),
            server_default="0",
            nullable=False,
            comment="of what begins a branch: comments and tombstones that readers see in it, itself included",
        ),
    )
    connection = op.get_bind()
    connection.exec_driver_sql(ROOTS)
    _index("ix_comment_branch", ["root", "number"], "showing > 0 AND root IS NOT NULL")
    connection.exec_driver_sql(BRANCHES)
    connection.exec_driver_sql(REPLIES)
    _index("ix_comment_branches", ["story", "submitted_at", "number"], "branch <> 0")
    _index("ix_comment_branches_replied", ["story", "branch", "number"], "branch <> 0")
    _index("ix_comment_replied", ["story", "replies", "number"], "showing > 0")
    sqlite = op.get_context().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS:
        connection.exec_driver_sql(guard)


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, "comment", columns, unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )
