"""
What is published of the leaves: under which name, up to which checkpoints, and the tiles that are full.

Programs of before go on adding leaves, and publish nothing. The guards are those of leaves: append only.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

KINDS = ("log", "checkpoint", "tile")

SQLITE_GUARDS = (
    """
    CREATE TRIGGER log_is_new BEFORE INSERT ON log
    WHEN EXISTS (SELECT 1 FROM log WHERE number >= NEW.number)
      OR EXISTS (SELECT 1 FROM log WHERE origin = NEW.origin)
    BEGIN SELECT RAISE(ABORT, 'a log comes after those before it'); END
    """,
    """
    CREATE TRIGGER checkpoint_is_larger BEFORE INSERT ON checkpoint
    WHEN EXISTS (SELECT 1 FROM checkpoint WHERE log = NEW.log AND size >= NEW.size)
    BEGIN SELECT RAISE(ABORT, 'a checkpoint is larger than those before it'); END
    """,
    """
    CREATE TRIGGER tile_is_new BEFORE INSERT ON tile
    WHEN EXISTS (SELECT 1 FROM tile WHERE log = NEW.log AND level = NEW.level AND number = NEW.number)
    BEGIN SELECT RAISE(ABORT, 'a tile is never replaced'); END
    """,
    *(
        f"""
        CREATE TRIGGER {kind}_never_changes BEFORE UPDATE ON {kind}
        BEGIN SELECT RAISE(ABORT, 'a {kind} is never altered'); END
        """
        for kind in KINDS
    ),
    *(
        f"""
        CREATE TRIGGER {kind}_stays BEFORE DELETE ON {kind}
        BEGIN SELECT RAISE(ABORT, 'a {kind} is never deleted'); END
        """
        for kind in KINDS
    ),
)

POSTGRESQL_GUARDS = (
    """
    CREATE FUNCTION meydan_log_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM log WHERE number >= NEW.number) THEN
            RAISE EXCEPTION 'a log comes after those before it';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION meydan_checkpoint_is_larger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM checkpoint WHERE log = NEW.log AND size >= NEW.size) THEN
            RAISE EXCEPTION 'a checkpoint is larger than those before it';
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER log_is_new BEFORE INSERT ON log FOR EACH ROW EXECUTE FUNCTION meydan_log_is_new()",
    """
    CREATE TRIGGER checkpoint_is_larger BEFORE INSERT ON checkpoint
    FOR EACH ROW EXECUTE FUNCTION meydan_checkpoint_is_larger()
    """,
    *(
        f"""
        CREATE TRIGGER {kind}_never_changes BEFORE UPDATE OR DELETE ON {kind}
        FOR EACH ROW EXECUTE FUNCTION meydan_refuse('a {kind} is never altered')
        """
        for kind in KINDS
    ),
    *(
        f"""
        CREATE TRIGGER {kind}_not_emptied BEFORE TRUNCATE ON {kind}
        FOR EACH STATEMENT EXECUTE FUNCTION meydan_refuse('{kind} is never emptied')
        """
        for kind in KINDS
    ),
)


def upgrade() -> None:
    op.create_table(
        "log",
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False, comment="its name in every checkpoint"),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_log")),
        sa.UniqueConstraint("origin", name=op.f("uq_log_origin")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("log", BIG, autoincrement=False, nullable=False),
        sa.Column("size", BIG, autoincrement=False, nullable=False, comment="leaves"),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, comment="as it was signed"),
        sa.CheckConstraint("size > 0", name=op.f("ck_checkpoint_size")),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_checkpoint_root_size")),
        sa.ForeignKeyConstraint(["log"], ["log.number"], name=op.f("fk_checkpoint_log")),
        sa.PrimaryKeyConstraint("log", "size", name=op.f("pk_checkpoint")),
    )
    op.create_table(
        "tile",
        sa.Column("log", BIG, autoincrement=False, nullable=False),
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", BIG, autoincrement=False, nullable=False),
        sa.Column(
            "root", sa.LargeBinary(), nullable=False, comment="over its hashes: one hash of the level above"
        ),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(root) = 32", name=op.f("ck_tile_root_size")),
        sa.CheckConstraint("length(hashes) = 8192", name=op.f("ck_tile_full")),
        sa.ForeignKeyConstraint(["log"], ["log.number"], name=op.f("fk_tile_log")),
        sa.PrimaryKeyConstraint("log", "level", "number", name=op.f("pk_tile")),
    )
    sqlite = op.get_context().dialect.name == "sqlite"
    for guard in SQLITE_GUARDS if sqlite else POSTGRESQL_GUARDS:
        op.get_bind().exec_driver_sql(guard)
