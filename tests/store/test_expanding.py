"""
Migrations widen the tables: what the release of before cannot live with is not made without saying so.

Tables are compared as the database tells them before and after each migration, so it does not matter how a migration
makes its changes. What it means for a program that runs: tests/store/test_previous_release.py.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, inspect, text

from meydan.errors import BadSchema, MigrationHeldUp
from meydan.store import Store, migrating
from meydan.store.migrating import Step, migrate, steps_after, tables_of
from tests.postgresql import PostgreSQL
from tests.store.making import approved, around, as_it_was, receive

RULE_SINCE = "0016"
"""Up to here migrations are older than the rule."""

WIDER = {("INTEGER", "BIGINT"), ("SMALLINT", "INTEGER"), ("SMALLINT", "BIGINT"), ("VARCHAR", "TEXT")}


def told(connection: Connection) -> dict[str, Any]:
    """Every table, as far as a program that writes into it can tell."""
    known = inspect(connection)
    return {
        table: SimpleNamespace(
            columns={column["name"]: column for column in known.get_columns(table)},
            checks={one["name"]: one["sqltext"] for one in known.get_check_constraints(table)},
            unique={tuple(one["column_names"]) for one in known.get_unique_constraints(table)}
            | {tuple(one["column_names"]) for one in known.get_indexes(table) if one["unique"]},
            references={tuple(one["constrained_columns"]) for one in known.get_foreign_keys(table)},
        )
        for table in known.get_table_names()
        if table != "alembic_version"
    }


def contracted(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What a program that knows the tables as they were before cannot live with."""
    found = [f"{table} is gone" for table in before if table not in after]
    for table, was in before.items():
        if table not in after:
            continue
        now = after[table]
        for name, column in was.columns.items():
            if name not in now.columns:
                found.append(f"{table}.{name} is gone")
                continue
            kinds = str(column["type"]), str(now.columns[name]["type"])
            if kinds[0] != kinds[1] and kinds not in WIDER:
                found.append(f"{table}.{name} is {kinds[1]} instead of {kinds[0]}")
            if column["nullable"] and not now.columns[name]["nullable"]:
                found.append(f"{table}.{name} may not be NULL any more")
            if column["default"] is not None and now.columns[name]["default"] is None:
                found.append(f"{table}.{name} has no default any more")
        for name, column in now.columns.items():
            if name not in was.columns and not column["nullable"] and column["default"] is None:
                found.append(f"{table}.{name} has to be given")
        old = set(was.columns)
        for name, check in now.checks.items():
            if name not in was.checks and old & set(re.findall(r"\w+", check)):
                found.append(f"{table} is checked for {name}")
        found += [f"{table}{columns} is unique" for columns in now.unique - was.unique if set(columns) <= old]
        found += [
            f"{table}{columns} refers" for columns in now.references - was.references if set(columns) <= old
        ]
    return found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migrations_widen(kind: str, tmp_path: Path, postgresql: PostgreSQL) -> None:
    """If a migration takes away what older programs need, then it names the oldest program that gets along without."""
    url = f"sqlite:///{tmp_path / 'new.db'}" if kind == "sqlite" else postgresql.new_database(empty=True)
    config = Config()
    config.set_main_option("script_location", str(files("meydan.store") / "migrations"))
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, RULE_SINCE)
        before = told(connection)
        assert len(before) > 25
        for step in steps_after(RULE_SINCE):
            command.upgrade(config, step.revision)
            after = told(connection)
            if step.contracts is None:
                assert contracted(before, after) == [], step.revision
            else:
                assert step.contracts < step.revision, "a later release than the one that stopped using it"
            before = after
    engine.dispose()


PLANTED = {
    "DROP TABLE proof": "proof is gone",
    "ALTER TABLE proof RENAME TO proofs": "proof is gone",
    "ALTER TABLE comment DROP COLUMN likeness": "comment.likeness is gone",
    "ALTER TABLE comment RENAME COLUMN likeness TO signature": "comment.likeness is gone",
    "ALTER TABLE comment ALTER likeness SET NOT NULL": "comment.likeness may not be NULL any more",
    "ALTER TABLE comment ADD COLUMN planted TEXT NOT NULL": "comment.planted has to be given",
    "ALTER TABLE comment ALTER holds DROP DEFAULT": "comment.holds has no default any more",
    "ALTER TABLE comment ALTER seq TYPE SMALLINT": "comment.seq is SMALLINT instead of INTEGER",
    "ALTER TABLE comment ADD CONSTRAINT planted CHECK (language <> '')": "comment is checked for planted",
    "CREATE UNIQUE INDEX planted ON comment (fingerprint)": "comment('fingerprint',) is unique",
    "ALTER TABLE comment ADD FOREIGN KEY (root) REFERENCES comment (number)": "comment('root',) refers",
}
WIDENING = (
    "ALTER TABLE comment ADD COLUMN more TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE comment ADD COLUMN few TEXT CHECK (few <> '')",
    "CREATE INDEX more ON comment (fingerprint)",
    "CREATE TABLE more (number BIGINT PRIMARY KEY)",
    "ALTER TABLE comment ALTER replies TYPE BIGINT",
)


def test_what_is_taken_away_is_seen(postgresql: PostgreSQL) -> None:
    """If a migration drops, renames, narrows or forbids something, then it is seen; if it adds, nothing is."""
    engine = create_engine(
        postgresql.new_database(by_month=False).replace("postgresql://", "postgresql+psycopg://")
    )
    with engine.connect() as connection:
        before = told(connection)
        connection.rollback()
        for change, seen in {**PLANTED, **dict.fromkeys(WIDENING)}.items():
            connection.execute(text(change))
            assert contracted(before, told(connection)) == ([] if seen is None else [seen]), change
            connection.rollback()
    engine.dispose()


def test_what_older_programs_need_goes_when_asked_to(
    postgresql: PostgreSQL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a step takes something away, then on PostgreSQL only `meydan migrate` makes it, and older programs are refused from then on."""
    for url in (f"sqlite:///{tmp_path / 'meydan.db'}", postgresql.new_database(by_month=False)):
        Store.open(url).close()
        with around(url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '0016'")
            connection.execute("DELETE FROM meta WHERE key = 'oldest'")
        with monkeypatch.context() as planted:
            last = steps_after("0016")[-1]
            steps = [*steps_after("0016")[:-1], Step(last.revision, last.caption, "0019")]
            planted.setattr(migrating, "steps_after", dict.fromkeys(("0016", migrating.HEAD), steps).get)
            planted.setattr("alembic.command.upgrade", made(url))
            if url.startswith("postgresql"):
                with pytest.raises(BadSchema, match="meydan migrate"):
                    Store.open(url)
            store = Store.open(url) if url.startswith("sqlite") else None
            database = store._database if store else migrating.Database(url)
            migrate(database, allowed=True, contracting=True)
            assert tables_of(database).oldest == "0019"
            if store:
                store.close()
            database.close()


def made(url: str) -> Any:
    """The migrations from 0016 on, as far as they matter here."""

    def upgrade(config: Config, _: str) -> None:
        connection = config.attributes["connection"]
        connection.exec_driver_sql("INSERT INTO meta (key, value) VALUES ('oldest', '0016')")
        connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{migrating.HEAD}'")

    return upgrade


GENTLE = """
from meydan.store.migrations import gently
from alembic import op

revision = "9998"
down_revision = "{before}"

def upgrade():
    op.get_bind().exec_driver_sql("ALTER TABLE comment ADD COLUMN planted BIGINT NOT NULL DEFAULT 0")
    gently.fill("comment", "planted = submitted_at", where="planted = 0")
    gently.index("ix_comment_planted", "comment", ["planted", "number"], where="planted > 0")
"""


@pytest.fixture
def a_gentle_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more migration, which fills a column and makes an index."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    shipped = Path(str(files("meydan.store") / "migrations"))
    for file in [*shipped.glob("versions/*.py"), shipped / "env.py", shipped / "script.py.mako"]:
        (folder / file.relative_to(shipped)).write_bytes(file.read_bytes())
    (folder / "versions" / "9998_gentle.py").write_text(GENTLE.format(before=migrating.HEAD))
    monkeypatch.setattr(migrating, "MIGRATIONS", folder)
    monkeypatch.setattr(migrating, "HEAD", "9998")
    monkeypatch.setattr(migrating, "PIECE", 2)


@pytest.mark.parametrize("kind", ["sqlite", "whole", "by month"])
def test_what_takes_long_is_done_beside_everybody(
    kind: str, tmp_path: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch, request: Any
) -> None:
    """If a migration fills a column and makes an index, then it is done after its commit; and cut short, by whoever opens next."""
    url = (
        f"sqlite:///{tmp_path / 'meydan.db'}"
        if kind == "sqlite"
        else postgresql.new_database(by_month=kind == "by month")
    )
    store = Store.open(url)
    for _ in range(7):
        approved(store)
    request.getfixturevalue("a_gentle_step")
    if kind != "sqlite":
        with monkeypatch.context() as cut:
            cut.setattr(migrating, "_fill", killed)
            with pytest.raises(SystemExit):
                migrate(store._database, allowed=True)
        assert tables_of(store._database).unfinished == (
            "filling comment",
            "the index ix_comment_planted",
        )
        # Who wrote before goes on meanwhile.
        receive(store)
    migrate(store._database, allowed=True)
    assert tables_of(store._database)[0:3:2] == ("9998", ())
    store.close()
    with around(url) as connection:
        assert connection.execute(
            "SELECT count(*) FROM comment WHERE planted <> submitted_at"
        ).fetchone() == (0,)
        if kind != "sqlite":
            valid = connection.execute(
                "SELECT bool_and(indisvalid) FROM pg_index WHERE indexrelid::regclass::text LIKE 'ix_comment_planted%'"
            )
            assert valid.fetchone() == (True,)


def killed(*_: object) -> None:
    raise SystemExit


def test_a_step_waits_in_front_of_nobody(
    postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch, a_gentle_step: None
) -> None:
    """If somebody keeps a table locked, then a migration gives up and lets readers pass, and says so when it has tried enough."""
    monkeypatch.setattr(migrating, "LOCK_TRY_S", 0.1)
    url = postgresql.new_database()
    database = migrating.Database(url)
    with around(url) as other, around(url) as reader:
        other.execute("BEGIN")
        other.execute("SELECT 1 FROM comment")
        with pytest.raises(MigrationHeldUp):
            migrating.in_one_go(
                connection := database.migrating_engine().connect(),
                lambda: connection.exec_driver_sql("ALTER TABLE comment ADD COLUMN planted TEXT"),
                tries=2,
            )
        connection.close()
        reader.execute("SET lock_timeout = '5s'")
        assert reader.execute("SELECT count(*) FROM comment").fetchone() == (0,)
        other.execute("ROLLBACK")
    migrate(database, allowed=True)
    assert tables_of(database).version == "9998"
    database.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_large_database_of_before(
    kind: str, tmp_path: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a program of before forgot addresses but no fingerprints, then they are forgotten, and its tables stay open meanwhile."""
    url, old = (
        (
            f"sqlite:///{tmp_path / name}.db"
            if kind == "sqlite"
            else postgresql.new_database(empty=name == "old")
        )
        for name in ("new", "old")
    )
    store = Store.open(url)
    forgotten = receive(store, address_key=None, fingerprint="kept")
    receive(store, address_key="a", fingerprint="recent")
    assert store.comment(forgotten) is not None
    store.close()
    as_it_was(old, url, "0018")
    asked = []
    with monkeypatch.context() as looked:
        looked.setattr(migrating, "_finish", lambda connection: asked.extend(_captions(connection)))
        Store.open(old).close()
    assert asked == ([] if kind == "sqlite" else ["the index ix_comment_erased", "filling comment"])
    Store.open(old).close()
    with around(old) as connection:
        assert connection.execute("SELECT fingerprint FROM comment ORDER BY number").fetchall() == [
            (None,),
            ("recent",),
        ]


def _captions(connection: Connection) -> list[str]:
    return [job["caption"] for job in migrating._unfinished(connection)]
