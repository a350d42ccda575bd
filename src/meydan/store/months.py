"""
The large tables of PostgreSQL in parts, one a month: for newsrooms of many millions of comments, once they ask for it.

A part is a range of comment.number. Every month has room for ROOM numbers of
its own, and at its start the sequence is moved to where they begin: so which
month a comment was sent in stands in its number, and a part that is late
refuses nobody, because the month before goes on taking comments.

What was there before becomes the first part as it stands. Not a row is written
anew: a CHECK on the numbers is validated while everybody works, then the tables
change names in one short transaction. What PostgreSQL no longer enforces across
parts (that a comment's id, and the leaf of a decision, is there once; that a
reply's parent is there) a guard refuses before INSERT.
"""

# ruff: noqa: S608  (names of tables and constants put together; nothing here is a reader's)

from __future__ import annotations

import json
import re
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from meydan.errors import BadSchema, BadSettings, MigrationHeldUp
from meydan.store.database import Database, unavailable
from meydan.store.migrating import LOCK_TRIES, Outlook, alone, in_one_go, look, migrate

TABLES = {
    "comment": "number",
    "words": "comment",
    "lookup": "comment",
    "evidence": "comment",
    "decision": "comment",
    "breach": "comment",
}
"""
What is divided, and by which column. Not `leaf`: nothing of it is ever dropped, and its one index grows at its end.
"""

ROOM = 10**10
"""Numbers of a month: three hundred million comments a day. A browser's numbers hold it for sixty thousand years."""

AHEAD = 2
"""For how many months after this one there are parts."""

FIRST_PART = "before"
HOUSEKEEPING_TRIES = 3

# Two INSERTs of one id, or one leaf, at once wait for each other; no others do.
GUARDS = (
    """
    CREATE FUNCTION meydan_comment_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(1668246893, hashtext(NEW.id));
        IF EXISTS (SELECT 1 FROM comment WHERE id = NEW.id) THEN
            RAISE EXCEPTION 'a comment is never replaced';
        END IF;
        -- No comment ever leaves or changes its id: once is enough.
        IF NEW.parent IS NOT NULL AND NOT EXISTS (SELECT 1 FROM comment WHERE id = NEW.parent) THEN
            RAISE EXCEPTION 'the comment replied to is not there';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE FUNCTION meydan_decision_is_new() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(1684366185, hashint8(NEW.leaf));
        IF EXISTS (SELECT 1 FROM decision WHERE leaf = NEW.leaf) THEN
            RAISE EXCEPTION 'a decision is never replaced';
        END IF;
        RETURN NEW;
    END $$
    """,
    "CREATE TRIGGER comment_is_new BEFORE INSERT ON comment FOR EACH ROW EXECUTE FUNCTION meydan_comment_is_new()",
    "CREATE TRIGGER decision_is_new BEFORE INSERT ON decision FOR EACH ROW EXECUTE FUNCTION meydan_decision_is_new()",
)

# Asked of the table itself too: rows of `meta` may have come from another database with a backup.
_BY_MONTH = """
SELECT value FROM meta
 WHERE key = 'by_month' AND (SELECT relkind FROM pg_class WHERE oid = to_regclass('comment')) = 'p'"""
_REACHED = "SELECT last_value FROM comment_number_seq"

log = structlog.get_logger("meydan.store")


def month_of(at: datetime, later: int = 0) -> str:
    """A month as 2026-12, some months later."""
    year, month = divmod(at.year * 12 + at.month - 1 + later, 12)
    return f"{year:04}-{month + 1:02}"


def first_number(month: str) -> int:
    """Where the numbers of a month begin."""
    year, within = month.split("-")
    return (int(year) * 12 + int(within) - 1) * ROOM


def month_before(number: int) -> str:
    """The month before the one whose numbers begin with this one."""
    year, within = divmod(number // ROOM - 1, 12)
    return f"{year:04}-{within + 1:02}"


def divide(database: Database, at: datetime) -> None:
    """
    Divide the large tables, beside running servers, and make parts from this month on; for good.

    Nothing to do where it was done; what a crash cut short is begun again.

    Raises:
        BadSettings: the database is SQLite.
        MigrationHeldUp: somebody kept a table locked; the tables are whole, as they were.
        StoreUnavailable: the database failed.
    """
    if database.dialect != "postgresql":
        raise BadSettings(
            "Only PostgreSQL divides tables by month; SQLite has no need of it.", fields=("database",)
        )
    try:
        with database.migrating_engine().connect() as connection, alone(connection, database.dialect):
            if connection.exec_driver_sql(_BY_MONTH).scalar() is not None:
                return
            begin = _beginning(connection, at)
            for table, column in TABLES.items():
                check = f"ck_{table}_before_months"
                anew = (
                    f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check}",
                    f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} < {begin}) NOT VALID",
                )
                in_one_go(connection, partial(_run, connection, *anew))
                # Reads the whole table, and keeps nobody from it.
                _run(connection, "SET lock_timeout = 0", f"ALTER TABLE {table} VALIDATE CONSTRAINT {check}")
            in_one_go(connection, lambda: _divide(connection, begin))
            # Until it is done, comments go on into the first part.
            _go_on(connection, at, tries=LOCK_TRIES)
    except database.trouble as error:
        raise unavailable(error) from None


def change(url: str, *, by_month: bool, at: datetime) -> Outlook:
    """
    Bring a database's tables to what this program knows, contracting steps included; with `by_month`, divide them.

    Raises:
        BadSchema, BadSettings, MigrationHeldUp, StoreUnavailable: as `migrate` and `divide` do.
    """
    database = Database(url)
    try:
        migrate(database, allowed=True, contracting=True)
        if by_month:
            divide(database, at)
            # What dividing left to be looked through.
            migrate(database, allowed=True)
        keep(database, at)
    finally:
        database.close()
    return look(url)


def keep(database: Database, at: datetime) -> None:
    """
    Make the parts of the months to come, and let a new month's numbers begin; nothing where tables are not divided.

    Somebody who keeps a table locked is not waited for: there is time until the next round.

    Raises:
        StoreUnavailable: the database failed.
    """
    if database.dialect != "postgresql" or (kept := database.one(_BY_MONTH)) is None:
        return
    reached = database.one(_REACHED)
    begun = reached is not None and reached[0] >= first_number(month_of(at))
    if begun and kept[0] >= month_of(at, AHEAD):
        return
    try:
        with (
            database.migrating_engine().connect() as connection,
            alone(connection, database.dialect, patient=False) as mine,
        ):
            if mine:
                _go_on(connection, at, tries=HOUSEKEEPING_TRIES)
                _run(connection, *(f"ANALYZE {table}" for table in TABLES))
    except MigrationHeldUp:
        log.warning("months_held_up", until=kept[0])
    except database.trouble as error:
        raise unavailable(error) from None


def ahead(database: Database, at: datetime) -> str:
    """
    Whether there are parts for the months to come, for the operator.

    Raises:
        BadSchema: there are not.
        StoreUnavailable: the database did not answer.
    """
    if database.dialect != "postgresql":
        return "SQLite keeps each table whole"
    kept = database.one(_BY_MONTH)
    if kept is None:
        return (
            "each table is whole; docs/upgrading.md says from when on `meydan migrate --by-month` is worth it"
        )
    if kept[0] < month_of(at, 1):
        raise BadSchema(
            f"The tables have no part for {month_of(at, 1)}: {month_of(at) if kept[0] < month_of(at) else kept[0]} "
            "goes on taking comments. A running `meydan serve` makes the parts; `meydan migrate` does it now."
        )
    return f"the tables are divided, up to {kept[0]}"


def _beginning(connection: Connection, at: datetime) -> int:
    """
    The number that the first month of its own begins with: this month's, or a later one's where numbers have come so far.

    So they have where the rows were carried here from tables that were divided. A check that they are below holds for
    what comes next too, and would refuse every comment.
    """
    reached, later = int(connection.exec_driver_sql(_REACHED).scalar() or 0), 0
    while first_number(month_of(at, later)) <= reached:
        later += 1
    return first_number(month_of(at, later))


def _divide(connection: Connection, begin: int) -> None:
    _run(connection, f"LOCK TABLE {', '.join(TABLES)} IN ACCESS EXCLUSIVE MODE")
    referring = connection.exec_driver_sql(
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype = 'f' AND confrelid = 'comment'::regclass"
    ).fetchall()
    # Their own references to other tables stay theirs; PostgreSQL joins them to the whole's.
    referred = {
        table: connection.exec_driver_sql(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            f"WHERE contype = 'f' AND conrelid = '{table}'::regclass AND confrelid <> 'comment'::regclass"
        ).fetchall()
        for table in TABLES
    }
    for table, name, _ in referring:
        _run(connection, f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for table, column in TABLES.items():
        _make_whole(connection, table, column, referred[table], begin)
    _run(connection, *GUARDS)
    to_check = []
    for table, name, definition in referring:
        if table == "comment":
            continue  # The parent of a reply, which the guard looks for.
        part = f"{table}_{FIRST_PART}" if table in TABLES else table
        _run(connection, f"ALTER TABLE {part} ADD CONSTRAINT {name} {definition} NOT VALID")
        to_check.append(f"ALTER TABLE {part} VALIDATE CONSTRAINT {name}")
    job = {
        "kind": "statements",
        "caption": "looking through what refers to comments",
        "statements": [*to_check, *(f"ANALYZE {table}" for table in TABLES)],
    }
    kept = connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'unfinished'").scalar()
    for key, value in (
        ("unfinished", json.dumps([*json.loads(kept or "[]"), job])),
        ("by_month", month_before(begin)),
    ):
        connection.exec_driver_sql(
            "INSERT INTO meta (key, value) VALUES (%(key)s, %(value)s) "
            "ON CONFLICT (key) DO UPDATE SET value = %(value)s",
            {"key": key, "value": value},
        )


def _make_whole(connection: Connection, table: str, column: str, referred: Any, begin: int) -> None:
    """Put a table of parts in a table's place, with all that it had, and the table itself as the first part."""
    first = f"{table}_{FIRST_PART}"
    indexes = connection.exec_driver_sql(
        "SELECT c.relname, x.indisprimary, x.indisunique, pg_get_indexdef(x.indexrelid), "
        "       ARRAY(SELECT a.attname::text FROM unnest(x.indkey) WITH ORDINALITY k (place, nth) "
        "             JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.place ORDER BY k.nth) "
        "  FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid "
        f" WHERE x.indrelid = '{table}'::regclass"
    ).fetchall()
    triggers = connection.exec_driver_sql(
        "SELECT tgname, pg_get_triggerdef(oid), tgtype & 1 FROM pg_trigger "
        f"WHERE tgrelid = '{table}'::regclass AND NOT tgisinternal"
    ).fetchall()
    sequences = connection.exec_driver_sql(
        "SELECT a.attname, pg_get_serial_sequence(c.oid::regclass::text, a.attname) FROM pg_attribute a "
        "JOIN pg_class c ON c.oid = a.attrelid "
        f"WHERE c.oid = '{table}'::regclass AND a.attnum > 0 AND NOT a.attisdropped"
    ).fetchall()
    allowed = connection.exec_driver_sql(
        "SELECT grantee, privilege_type FROM information_schema.role_table_grants "
        f"WHERE table_schema = current_schema() AND table_name = '{table}' AND grantee <> current_user"
    ).fetchall()
    _run(
        connection,
        f"ALTER TABLE {table} RENAME TO {first}",
        *(f"ALTER INDEX {name} RENAME TO {name}_{FIRST_PART}" for name, *_ in indexes),
        f"CREATE TABLE {table} (LIKE {first} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS "
        f"INCLUDING STORAGE) PARTITION BY RANGE ({column})",
        f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_before_months",
        *(f"ALTER SEQUENCE {sequence} OWNED BY {table}.{of}" for of, sequence in sequences if sequence),
        *(
            f"GRANT {privilege} ON {table} TO {'PUBLIC' if to == 'PUBLIC' else quoted(to)}"
            for to, privilege in allowed
        ),
    )
    for name, primary, unique, definition, columns in indexes:
        if primary and column in columns:
            _run(connection, f"ALTER TABLE {table} ADD CONSTRAINT {name} PRIMARY KEY ({', '.join(columns)})")
        elif not unique or column in columns:
            # As it was told before the table changed its name: so it is of the whole.
            _run(connection, definition)
    for name, definition in referred:
        _run(connection, f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    for name, definition, of_row in triggers:
        if of_row:
            # The whole hands it on to every part.
            _run(connection, f"DROP TRIGGER {name} ON {first}")
        _run(connection, definition)
    _run(
        connection,
        f"ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ({begin})",
        f"ALTER TABLE {first} DROP CONSTRAINT ck_{table}_before_months",
    )


def _go_on(connection: Connection, at: datetime, *, tries: int) -> None:
    """
    Make the parts that are missing up to AHEAD months from now, and begin this month's numbers.

    A transaction for each part: whoever writes waits for one at a time. Cut short, the next round makes the others.
    """
    kept = str(connection.exec_driver_sql(_BY_MONTH).scalar())
    missing = [month for later in range(AHEAD + 1) if (month := month_of(at, later)) > kept]
    for month in missing:
        for table in TABLES:
            in_one_go(connection, partial(_make_part, connection, table, month), tries=tries)
    in_one_go(connection, partial(_begin, connection, at, missing), tries=tries)


def _begin(connection: Connection, at: datetime, made: list[str]) -> None:
    if made:
        _run(connection, f"UPDATE meta SET value = '{made[-1]}' WHERE key = 'by_month'")
    # Looked at in here: two who did it at once, one late, would give numbers out twice.
    begin = first_number(month_of(at))
    if int(connection.exec_driver_sql(_REACHED).scalar() or 0) < begin:
        _run(connection, f"SELECT setval('comment_number_seq', {begin}, false)")


def _make_part(connection: Connection, table: str, month: str) -> None:
    """A month's part of one table, made as its newest part is."""
    suffix = month.replace("-", "_")
    part = f"{table}_{suffix}"
    if connection.exec_driver_sql(f"SELECT to_regclass('{part}')").scalar() is not None:
        return
    pattern = str(
        connection.exec_driver_sql(
            "SELECT inhrelid::regclass::text FROM pg_inherits "
            f"WHERE inhparent = '{table}'::regclass ORDER BY inhrelid DESC LIMIT 1"
        ).scalar()
    )
    begin = first_number(month)
    _run(connection, f"CREATE TABLE {part} (LIKE {pattern} INCLUDING ALL EXCLUDING INDEXES)")
    # Unique within each part alone, so the whole has none to hand on.
    for name, definition in connection.exec_driver_sql(
        "SELECT c.relname, pg_get_indexdef(x.indexrelid) FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid "
        f"WHERE x.indrelid = '{pattern}'::regclass AND x.indisunique "
        "AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhrelid = x.indexrelid)"
    ).fetchall():
        whole = re.sub(rf"_({FIRST_PART}|\d{{4}}_\d\d)$", "", name)
        _run(connection, _of(definition.replace(f" {name} ", f" {whole}_{suffix} ", 1), pattern, part))
    _run(
        connection,
        f"ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ({begin}) TO ({begin + ROOM})",
    )
    for name, whole in connection.exec_driver_sql(
        "SELECT c.relname, w.relname FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid "
        "JOIN pg_inherits i ON i.inhrelid = x.indexrelid JOIN pg_class w ON w.oid = i.inhparent "
        f"WHERE x.indrelid = '{part}'::regclass"
    ).fetchall():
        _run(connection, f"ALTER INDEX {name} RENAME TO {whole}_{suffix}")
    for name, definition in connection.exec_driver_sql(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
        f"WHERE contype = 'f' AND conrelid = '{pattern}'::regclass AND confrelid = 'comment'::regclass"
    ).fetchall():
        _run(
            connection,
            f"ALTER TABLE {part} ADD CONSTRAINT {name} {definition.replace(' NOT VALID', '')}",
        )
    for definition in (
        connection.exec_driver_sql(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger "
            f"WHERE tgrelid = '{pattern}'::regclass AND NOT tgisinternal AND tgtype & 1 = 0"
        )
        .scalars()
        .all()
    ):
        _run(connection, _of(definition, pattern, part))


def _of(definition: str, pattern: str, part: str) -> str:
    """An index's or trigger's definition, for another table than the one it was told of."""
    return re.sub(rf" ON (\w+\.)?{pattern} ", f" ON {part} ", definition, count=1)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)
