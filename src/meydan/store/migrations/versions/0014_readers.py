"""
Readers who prove who they are: whose a comment is, by a keyed hash, and their links and sessions, by digests.

A comment is put under a reader's key once, and the key leaves only with the words.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

SQLITE_GUARD = """
    CREATE TRIGGER reader_of_comment_stays BEFORE UPDATE ON comment
    WHEN OLD.reader_key IS NOT NULL AND NEW.reader_key IS NOT OLD.reader_key
      AND (NEW.reader_key IS NOT NULL OR NEW.erased_at IS NULL)
    BEGIN SELECT RAISE(ABORT, 'a comment never comes to be somebody else''s'); END
    """

POSTGRESQL_GUARDS = (
    """
    CREATE FUNCTION meydan_reader_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF OLD.reader_key IS NOT NULL AND NEW.reader_key IS DISTINCT FROM OLD.reader_key
            AND (NEW.reader_key IS NOT NULL OR NEW.erased_at IS NULL)
        THEN RAISE EXCEPTION 'a comment never comes to be somebody else''s'; END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER reader_of_comment_stays BEFORE UPDATE ON comment FOR EACH ROW EXECUTE FUNCTION meydan_reader_stays()",
)


def upgrade() -> None:
    op.add_column(
        "comment",
        sa.Column(
            "reader_key",
            sa.Text(),
            nullable=True,
            comment="of whoever proved that it is theirs; NULL for a guest's",
        ),
    )
    theirs = sa.text("reader_key IS NOT NULL")
    op.create_index(
        "ix_comment_reader",
        "comment",
        ["reader_key", "number"],
        unique=False,
        sqlite_where=theirs,
        postgresql_where=theirs,
    )
    op.create_table(
        "reader",
        sa.Column("reader_key", sa.Text(), nullable=False),
        sa.Column("counts_from", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reader_key", name=op.f("pk_reader")),
    )
    op.create_table(
        "reader_link",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False, comment="the key of the mailbox that it was sent to"),
        sa.Column("comment", BIG, nullable=True, comment="what it confirms; NULL: it signs in"),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_reader_link_comment")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_reader_link")),
    )
    op.create_index("ix_reader_link_who", "reader_link", ["who", "added_at"], unique=False)
    op.create_index("ix_reader_link_time", "reader_link", ["added_at"], unique=False)
    for name, column, condition in (
        ("ix_reader_link_comment", "comment", "comment IS NOT NULL"),
        ("ix_reader_link_open", "added_at", "comment IS NOT NULL AND used_at IS NULL"),
    ):
        where = sa.text(condition)
        op.create_index(
            name, "reader_link", [column], unique=False, sqlite_where=where, postgresql_where=where
        )
    op.create_table(
        "reader_session",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("reader_key", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_reader_session")),
    )
    op.create_index("ix_reader_session_reader", "reader_session", ["reader_key"], unique=False)
    op.create_index("ix_reader_session_end", "reader_session", ["expires_at"], unique=False)
    sqlite = op.get_context().dialect.name == "sqlite"
    for guard in (SQLITE_GUARD,) if sqlite else POSTGRESQL_GUARDS:
        op.get_bind().exec_driver_sql(guard)
