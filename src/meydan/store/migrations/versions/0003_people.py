"""
Who works at the desk: roles, passwords, second factors, other sign-in doors; and the journal of what they did.

The journal only grows. No words of a reader stand in it, and no secret.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

SQLITE_GUARDS = (
    """
    CREATE TRIGGER journal_is_new BEFORE INSERT ON journal
    WHEN EXISTS (SELECT 1 FROM journal WHERE number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'an entry of the journal is never replaced'); END
    """,
    """
    CREATE TRIGGER journal_never_changes BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, 'an entry of the journal is never altered'); END
    """,
    """
    CREATE TRIGGER journal_stays BEFORE DELETE ON journal
    BEGIN SELECT RAISE(ABORT, 'an entry of the journal is never deleted'); END
    """,
)

POSTGRESQL_GUARDS = (
    """
    CREATE TRIGGER journal_never_changes BEFORE UPDATE OR DELETE ON journal
    FOR EACH ROW EXECUTE FUNCTION meydan_refuse('an entry of the journal is never altered')
    """,
    """
    CREATE TRIGGER journal_not_emptied BEFORE TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION meydan_refuse('journal is never emptied')
    """,
)


def upgrade() -> None:
    role = sa.CheckConstraint("role IN ('moderator', 'editor', 'auditor')", name=op.f("ck_moderator_role"))
    for column in (
        sa.Column("role", sa.Text(), role, nullable=False, server_default="moderator"),
        sa.Column("languages", sa.Text(), nullable=False, server_default=""),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("second", sa.Text(), nullable=True),
        sa.Column("second_on", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("second_step", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("issuer", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
    ):
        op.add_column("moderator", column)
    for column in (
        sa.Column("how", sa.Text(), nullable=False, server_default="link"),
        sa.Column("device", sa.Text(), nullable=False, server_default=""),
        sa.Column("seen_at", sa.BigInteger(), nullable=False, server_default="0"),
    ):
        op.add_column("session", column)
    op.create_index("ix_moderator_identity", "moderator", ["issuer", "subject"], unique=True)
    op.create_index("ix_session_moderator", "session", ["moderator"], unique=False)
    op.create_table(
        "recovery",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("moderator", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["moderator"], ["moderator.name"], name=op.f("fk_recovery_moderator")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_recovery")),
    )
    op.create_table(
        "attempt",
        sa.Column("who", sa.Text(), nullable=False, comment="a keyed hash of the name that was given"),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("who", name=op.f("pk_attempt")),
    )
    op.create_table(
        "doorway",
        sa.Column("digest", sa.Text(), nullable=False, comment="of the state that an issuer gives back"),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("verifier", sa.Text(), nullable=False),
        sa.Column("back", sa.Text(), nullable=False, comment="the desk's page to land on"),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_doorway")),
    )
    op.create_table(
        "journal",
        sa.Column("number", BIG, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False, comment="a comment's id or a person's name"),
        sa.Column("detail", sa.Text(), nullable=False, comment="JSON; no reader's words, no secret"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_journal")),
    )
    op.create_index("ix_journal_actor", "journal", ["actor", "number"], unique=False)
    op.create_index("ix_journal_action", "journal", ["action", "number"], unique=False)
    op.create_index("ix_journal_subject", "journal", ["subject", "number"], unique=False)
    op.create_index("ix_journal_shift", "journal", ["actor", "at"], unique=False)

    sqlite = op.get_context().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS:
        op.get_bind().exec_driver_sql(guard)
