"""
Editors' touches: when a story opens, why it is closed, who may write there and its question; comments that the editors
chose, and those of the publication's own people.

A comment is chosen only while readers see it. Its badge and who wrote it are put in with it and never change.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SQLITE_GUARDS = (
    """
    CREATE TRIGGER comment_chosen_while_shown BEFORE UPDATE ON comment
    WHEN NEW.picked_at IS NOT NULL AND NEW.showing <> 1
    BEGIN SELECT RAISE(ABORT, 'a comment is chosen only while readers see it'); END
    """,
    """
    CREATE TRIGGER comment_keeps_its_badge BEFORE UPDATE ON comment
    WHEN NEW.badge IS NOT OLD.badge OR NEW.written_by IS NOT OLD.written_by
    BEGIN SELECT RAISE(ABORT, 'the badge of a comment never changes'); END
    """,
)

POSTGRESQL_GUARDS = (
    """
    CREATE TRIGGER comment_chosen_while_shown BEFORE UPDATE ON comment FOR EACH ROW
    WHEN (NEW.picked_at IS NOT NULL AND NEW.showing <> 1)
    EXECUTE FUNCTION meydan_refuse('a comment is chosen only while readers see it')
    """,
    """
    CREATE TRIGGER comment_keeps_its_badge BEFORE UPDATE ON comment FOR EACH ROW
    WHEN (NEW.badge IS DISTINCT FROM OLD.badge OR NEW.written_by IS DISTINCT FROM OLD.written_by)
    EXECUTE FUNCTION meydan_refuse('the badge of a comment never changes')
    """,
)


def upgrade() -> None:
    guests = sa.CheckConstraint("guests IN ('named', 'verified', 'off')", name=op.f("ck_story_guests"))
    for column in (
        sa.Column("opens_at", sa.BigInteger(), nullable=True),
        sa.Column(
            "closed_reason",
            sa.Text(),
            nullable=True,
            comment="what readers are told where it takes no comments",
        ),
        sa.Column(
            "guests",
            sa.Text(),
            guests,
            nullable=True,
            comment="who may write without an account; NULL: as the guidelines say",
        ),
        sa.Column("question", sa.Text(), nullable=True, comment="stands above the comments"),
        sa.Column(
            "picked",
            sa.Integer(),
            nullable=False,
            server_default="0",
            comment="comments that editors chose",
        ),
    ):
        op.add_column("story", column)
    badge = sa.CheckConstraint("badge IN ('staff')", name=op.f("ck_comment_badge"))
    for column in (
        sa.Column("picked_at", sa.BigInteger(), nullable=True, comment="NULL: not chosen by the editors"),
        sa.Column("picked_by", sa.Text(), nullable=True),
        sa.Column("badge", sa.Text(), badge, nullable=True),
        sa.Column(
            "written_by", sa.Text(), nullable=True, comment="who at the desk answered as the publication"
        ),
    ):
        op.add_column("comment", column)
    chosen = sa.text("picked_at IS NOT NULL")
    op.create_index(
        "ix_comment_picked",
        "comment",
        ["story", "submitted_at", "number"],
        unique=False,
        sqlite_where=chosen,
        postgresql_where=chosen,
    )
    sqlite = op.get_context().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS:
        op.get_bind().exec_driver_sql(guard)
