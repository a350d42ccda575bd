"""
The first schema: tables, the two rows that must exist, and the guards.

The guards refuse what no program may do to a database of comments, this one
included: see the list in schema.py. They are written for both databases, rule
for rule. SQLite's REPLACE removes rows without firing DELETE triggers, so what
must not be replaced is also refused before INSERT.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# What must never change in a comment. A first writing (NULL or 0 before) is not a change of the last two.
FIXED = ("number", "id", "story", "parent", "submitted_at", "commitment", "receipt")

SQLITE_GUARDS = (
    """
    CREATE TRIGGER words_put_in_once BEFORE INSERT ON words
    WHEN (SELECT worded FROM comment WHERE number = NEW.comment) IS NOT 0
    BEGIN SELECT RAISE(ABORT, 'the words of a comment are put in once'); END
    """,
    """
    CREATE TRIGGER words_are_in AFTER INSERT ON words
    BEGIN UPDATE comment SET worded = 1 WHERE number = NEW.comment; END
    """,
    """
    CREATE TRIGGER words_never_change BEFORE UPDATE ON words
    BEGIN SELECT RAISE(ABORT, 'the words of a comment never change'); END
    """,
    """
    CREATE TRIGGER words_leave_by_erasure BEFORE DELETE ON words
    WHEN NOT EXISTS (
        SELECT 1 FROM comment WHERE number = OLD.comment AND erased_at IS NOT NULL AND escalated = 0
    )
    BEGIN SELECT RAISE(ABORT, 'the words of a comment leave only by its erasure'); END
    """,
    """
    CREATE TRIGGER comment_is_new BEFORE INSERT ON comment
    WHEN EXISTS (SELECT 1 FROM comment WHERE number = NEW.number)
      OR EXISTS (SELECT 1 FROM comment WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'a comment is never replaced'); END
    """,
    """
    CREATE TRIGGER comment_starts_held BEFORE INSERT ON comment
    WHEN NEW.status <> 'held' OR NEW.showing <> 0 OR NEW.worded <> 0
    BEGIN SELECT RAISE(ABORT, 'a comment starts held'); END
    """,
    f"""
    CREATE TRIGGER comment_keeps_its_identity BEFORE UPDATE ON comment
    WHEN {" OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in FIXED)}
      OR NEW.worded < OLD.worded
      OR (OLD.erased_at IS NOT NULL AND NEW.erased_at IS NOT OLD.erased_at)
    BEGIN SELECT RAISE(ABORT, 'what identifies a comment never changes'); END
    """,
    """
    CREATE TRIGGER comment_moves_legally BEFORE UPDATE ON comment
    WHEN (NEW.status = 'held' AND OLD.status <> 'held')
      OR (NEW.status <> OLD.status AND NEW.seq <= OLD.seq)
      OR NEW.seq < OLD.seq
    BEGIN SELECT RAISE(ABORT, 'a status moves by a decision, and never back to held'); END
    """,
    """
    CREATE TRIGGER comment_stays BEFORE DELETE ON comment
    BEGIN SELECT RAISE(ABORT, 'a comment is erased, never deleted'); END
    """,
    """
    CREATE TRIGGER decision_is_new BEFORE INSERT ON decision
    WHEN EXISTS (SELECT 1 FROM decision WHERE comment = NEW.comment AND seq = NEW.seq)
      OR EXISTS (SELECT 1 FROM decision WHERE leaf = NEW.leaf)
    BEGIN SELECT RAISE(ABORT, 'a decision is never replaced'); END
    """,
    """
    CREATE TRIGGER decision_never_changes BEFORE UPDATE ON decision
    BEGIN SELECT RAISE(ABORT, 'a decision is superseded, never altered'); END
    """,
    """
    CREATE TRIGGER decision_stays BEFORE DELETE ON decision
    BEGIN SELECT RAISE(ABORT, 'a decision is never deleted'); END
    """,
    """
    CREATE TRIGGER leaf_is_new BEFORE INSERT ON leaf
    WHEN EXISTS (SELECT 1 FROM leaf WHERE number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'a leaf is never replaced'); END
    """,
    """
    CREATE TRIGGER leaf_never_changes BEFORE UPDATE ON leaf
    BEGIN SELECT RAISE(ABORT, 'a leaf never changes'); END
    """,
    """
    CREATE TRIGGER leaf_stays BEFORE DELETE ON leaf
    BEGIN SELECT RAISE(ABORT, 'a leaf is never deleted'); END
    """,
)

POSTGRESQL_GUARDS = (
    """
    CREATE FUNCTION meydan_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION USING MESSAGE = TG_ARGV[0]; END $$
    """,
    """
    CREATE FUNCTION meydan_words_in() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        -- The row lock makes two first INSERTs at once wait for each other.
        UPDATE comment SET worded = 1 WHERE number = NEW.comment AND worded = 0;
        IF NOT FOUND THEN RAISE EXCEPTION 'the words of a comment are put in once'; END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION meydan_words_out() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (
            SELECT 1 FROM comment WHERE number = OLD.comment AND erased_at IS NOT NULL AND escalated = 0
        ) THEN
            RAISE EXCEPTION 'the words of a comment leave only by its erasure';
        END IF;
        RETURN OLD;
    END $$
    """,
    """
    CREATE FUNCTION meydan_comment_starts() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.status <> 'held' OR NEW.showing <> 0 OR NEW.worded <> 0 THEN
            RAISE EXCEPTION 'a comment starts held';
        END IF;
        RETURN NEW;
    END $$
    """,
    f"""
    CREATE FUNCTION meydan_comment_changes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {" OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in FIXED)}
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
    "CREATE TRIGGER words_put_in_once BEFORE INSERT ON words FOR EACH ROW EXECUTE FUNCTION meydan_words_in()",
    """
    CREATE TRIGGER words_never_change BEFORE UPDATE ON words
    FOR EACH ROW EXECUTE FUNCTION meydan_refuse('the words of a comment never change')
    """,
    "CREATE TRIGGER words_leave_by_erasure BEFORE DELETE ON words FOR EACH ROW EXECUTE FUNCTION meydan_words_out()",
    "CREATE TRIGGER comment_starts_held BEFORE INSERT ON comment FOR EACH ROW EXECUTE FUNCTION meydan_comment_starts()",
    "CREATE TRIGGER comment_changes BEFORE UPDATE ON comment FOR EACH ROW EXECUTE FUNCTION meydan_comment_changes()",
    """
    CREATE TRIGGER comment_stays BEFORE DELETE ON comment
    FOR EACH ROW EXECUTE FUNCTION meydan_refuse('a comment is erased, never deleted')
    """,
    *(
        f"""
        CREATE TRIGGER {table}_never_changes BEFORE UPDATE OR DELETE ON {table}
        FOR EACH ROW EXECUTE FUNCTION meydan_refuse('a {table} is never altered')
        """
        for table in ("decision", "leaf")
    ),
    *(
        f"""
        CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION meydan_refuse('{table} is never emptied')
        """
        for table in ("words", "comment", "decision", "leaf")
    ),
)


def upgrade() -> None:
    op.create_table(
        "counter",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.BigInteger(), nullable=False, comment="the number that the next leaf takes"),
        sa.Column(
            "change", sa.BigInteger(), nullable=False, comment="the newest change that readers can see"
        ),
        sa.CheckConstraint("id = 1", name=op.f("ck_counter_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counter")),
    )
    op.create_table(
        "leaf",
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_leaf")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "moderator",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_moderator")),
    )
    op.create_table(
        "story",
        sa.Column("id", BIG, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("open", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("closes_at", sa.BigInteger(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=True),
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "changed",
            sa.BigInteger(),
            server_default="0",
            nullable=False,
            comment="counter.change of the revision",
        ),
        sa.Column(
            "shown", sa.BigInteger(), server_default="0", nullable=False, comment="comments that readers see"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story")),
        sa.UniqueConstraint("url", name=op.f("uq_story_url")),
    )
    op.create_index("ix_story_changed", "story", ["changed"], unique=False)
    op.create_table(
        "token",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False, comment="by space"),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_token")),
    )
    op.create_index(
        "ix_token_name",
        "token",
        ["name"],
        unique=True,
        sqlite_where=sa.text("revoked_at IS NULL"),
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_table(
        "comment",
        sa.Column("number", BIG, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("story", BIG, nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.BigInteger(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=False),
        sa.Column("receipt", BIG, nullable=False, comment="the leaf of its receipt"),
        sa.Column(
            "worded",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="1 once its words were put in",
        ),
        sa.Column("status", sa.Text(), server_default="held", nullable=False),
        sa.Column(
            "seq", sa.Integer(), server_default="0", nullable=False, comment="the current decision; 0: none"
        ),
        sa.Column("holds", sa.Text(), server_default="", nullable=False, comment="values of Hold, by comma"),
        sa.Column("language", sa.Text(), server_default="und", nullable=False),
        sa.Column("judged_at", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_at", sa.BigInteger(), nullable=True),
        sa.Column("erased_at", sa.BigInteger(), nullable=True),
        sa.Column("escalated", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column(
            "waiting",
            sa.SmallInteger(),
            server_default="1",
            nullable=False,
            comment="1: in the moderators' queue",
        ),
        sa.Column(
            "showing",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="1: shown, 2: a tombstone",
        ),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("author_key", sa.Text(), nullable=True),
        sa.Column("address_key", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('held', 'approved', 'rejected')", name=op.f("ck_comment_status")),
        sa.CheckConstraint("length(commitment) = 32", name=op.f("ck_comment_commitment_size")),
        sa.ForeignKeyConstraint(["parent"], ["comment.id"], name=op.f("fk_comment_parent")),
        sa.ForeignKeyConstraint(["receipt"], ["leaf.number"], name=op.f("fk_comment_receipt")),
        sa.ForeignKeyConstraint(["story"], ["story.id"], name=op.f("fk_comment_story")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_comment")),
        sa.UniqueConstraint("id", name=op.f("uq_comment_id")),
    )
    op.create_index(
        "ix_comment_address",
        "comment",
        ["submitted_at"],
        unique=False,
        sqlite_where=sa.text("address_key IS NOT NULL"),
        postgresql_where=sa.text("address_key IS NOT NULL"),
    )
    op.create_index(
        "ix_comment_fingerprint",
        "comment",
        ["fingerprint", "submitted_at"],
        unique=False,
        sqlite_where=sa.text("fingerprint IS NOT NULL"),
        postgresql_where=sa.text("fingerprint IS NOT NULL"),
    )
    op.create_index("ix_comment_flood", "comment", ["story", "submitted_at"], unique=False)
    op.create_index(
        "ix_comment_page",
        "comment",
        ["story", "submitted_at", "number"],
        unique=False,
        sqlite_where=sa.text("showing > 0"),
        postgresql_where=sa.text("showing > 0"),
    )
    op.create_index(
        "ix_comment_queue",
        "comment",
        ["submitted_at", "number"],
        unique=False,
        sqlite_where=sa.text("waiting = 1"),
        postgresql_where=sa.text("waiting = 1"),
    )
    op.create_index(
        "ix_comment_replies",
        "comment",
        ["parent"],
        unique=False,
        sqlite_where=sa.text("parent IS NOT NULL"),
        postgresql_where=sa.text("parent IS NOT NULL"),
    )
    op.create_index(
        "ix_comment_unjudged",
        "comment",
        ["submitted_at"],
        unique=False,
        sqlite_where=sa.text("status = 'held' AND judged_at IS NULL"),
        postgresql_where=sa.text("status = 'held' AND judged_at IS NULL"),
    )
    op.create_table(
        "link",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("moderator", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["moderator"], ["moderator.name"], name=op.f("fk_link_moderator")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_link")),
    )
    op.create_table(
        "session",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("moderator", sa.Text(), nullable=False),
        sa.Column("csrf", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["moderator"], ["moderator.name"], name=op.f("fk_session_moderator")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_session")),
    )
    op.create_table(
        "appeal",
        sa.Column("comment", BIG, autoincrement=False, nullable=False),
        sa.Column(
            "seq", sa.Integer(), autoincrement=False, nullable=False, comment="the decision appealed against"
        ),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True, comment="NULL once erased"),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_appeal_comment")),
        sa.PrimaryKeyConstraint("comment", "seq", name=op.f("pk_appeal")),
    )
    op.create_table(
        "decision",
        sa.Column("comment", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("leaf", BIG, nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False, comment="comment.Reason values as JSON"),
        sa.Column("guidelines", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("calibration", sa.Text(), nullable=True),
        sa.CheckConstraint("verdict IN ('approve', 'reject')", name=op.f("ck_decision_verdict")),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_decision_comment")),
        sa.ForeignKeyConstraint(["leaf"], ["leaf.number"], name=op.f("fk_decision_leaf")),
        sa.PrimaryKeyConstraint("comment", "seq", name=op.f("pk_decision")),
    )
    op.create_index("ix_decision_leaf", "decision", ["leaf"], unique=True)
    op.create_table(
        "escalation",
        sa.Column("number", BIG, nullable=False),
        sa.Column("comment", BIG, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_escalation_comment")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_escalation")),
    )
    op.create_index("ix_escalation_comment", "escalation", ["comment"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("number", BIG, nullable=False),
        sa.Column("comment", BIG, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="comment.Evidence as JSON"),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_evidence_comment")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_evidence")),
    )
    op.create_index("ix_evidence_comment", "evidence", ["comment"], unique=False)
    op.create_table(
        "note",
        sa.Column("comment", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_note_comment")),
        sa.PrimaryKeyConstraint("comment", "seq", name=op.f("pk_note")),
    )
    op.create_table(
        "words",
        sa.Column("comment", BIG, autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["comment"], ["comment.number"], name=op.f("fk_words_comment")),
        sa.PrimaryKeyConstraint("comment", name=op.f("pk_words")),
    )

    op.execute("INSERT INTO counter (id, leaf, change) VALUES (1, 0, 0)")
    op.execute("INSERT INTO meta (key, value) VALUES ('written', '0'), ('stale', '0'), ('rewritten', '0')")
    sqlite = op.get_context().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS:
        op.get_bind().exec_driver_sql(guard)
