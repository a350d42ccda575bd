"""The tables: what migrations make is what schema.py says, and what statements ask has an index."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import subprocess
import sys
from importlib.resources import files
from typing import Any

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from meydan.comment import LEGAL_MOVES, Status
from meydan.store import Store, schema, statements
from meydan.store.database import Database, Hand
from tests.postgresql import PostgreSQL
from tests.store.making import STORY, approved, around, receive

DESCRIPTIONS = {
    "sqlite": (
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND tbl_name <> 'alembic_version'",
    ),
    "postgresql": (
        "SELECT table_name, column_name, ordinal_position, data_type, is_nullable, column_default, "
        "col_description((table_schema || '.' || table_name)::regclass, ordinal_position) "
        "FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'",
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass",
    ),
}


def described(url: str) -> list[list[tuple[Any, ...]]]:
    """Every table, column, index and constraint, as the database tells it."""
    with around(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num text)")
        return [
            sorted([tuple(normal(field) for field in row) for row in connection.execute(query)], key=repr)
            for query in DESCRIPTIONS["sqlite" if url.startswith("sqlite") else "postgresql"]
        ]


def normal(field: object) -> str | tuple[str, ...]:
    """A field without what means nothing: blanks, and the order of a CREATE TABLE's constraints."""
    told = re.sub(r"\s+", " ", str(field))
    return tuple(sorted(told.removesuffix(" )").split(", "))) if told.startswith("CREATE TABLE") else told


def test_migrations_make_what_the_schema_says(
    store: Store, database_url: str, postgresql: PostgreSQL, tmp_path: Any
) -> None:
    """If a database is made by migrations, then its tables, columns, indexes and constraints are the schema's."""
    if store.dialect == "sqlite":
        directly = f"sqlite:///{tmp_path / 'directly.db'}"
        engine = create_engine(directly)
    else:
        directly = postgresql.new_database(empty=True)
        engine = create_engine(directly.replace("postgresql://", "postgresql+psycopg://"))
    schema.metadata.create_all(engine)
    engine.dispose()
    assert described(database_url) == described(directly)


def test_the_newest_migration_is_known() -> None:
    """If a migration is added, then schema.HEAD names it, or an old database would never be brought up to it."""
    config = Config()
    config.set_main_option("script_location", str(files("meydan.store") / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


SOUGHT = ("words", "story", "author", "language", "status", "by", "rule", "since", "until", "reported")


def is_of(name: str, hand: Hand) -> bool:
    """Whether a statement is one that this database is ever asked."""
    if name in ("MERGE_LOOKUP", "SEEN_LATELY"):
        return (name == "MERGE_LOOKUP") == (hand._adapted is None)
    other = "postgresql" if hand._adapted is None else "sqlite"
    return f"[{other}" not in name


STATEMENTS = {
    f"{name}{'' if number is None else f'[{number}]'}": statement
    for name, value in vars(statements).items()
    if name.isupper() and not name.startswith("_")
    for number, statement in (
        value.items()
        if isinstance(value, dict)
        else [(None, value)]
        if isinstance(value, str)
        # What names statements that stand there under names of their own.
        else ()
        if isinstance(value, frozenset)
        else enumerate(value)
    )
} | {
    f"find[{dialect}]{'+'.join(sorted(given))}{' rare' * rare}": statements.find(dialect, given, rare=rare)
    for dialect, rare in (("sqlite", False), ("postgresql", False), ("postgresql", True))
    for given in map(frozenset, [(), SOUGHT, *([name] for name in SOUGHT)])
}

_TEXTS = {
    "id", "url", "title", "text", "language", "mode", "holds", "status", "name", "email", "verdict", "decided_by",
    "actor", "reasons", "guidelines", "model", "calibration", "words", "kind", "told", "fingerprint", "author_key",
    "address_key", "former", "reader_key", "digest", "csrf", "scopes", "parent", "besides", "moderator",
    "rules", "rule", "answer", "breached", "role", "languages", "password", "second", "issuer", "subject", "who",
    "closed_reason", "guests", "question", "badge", "written_by", "like", "office", "channel", "reference", "sentence", "reason",
    "key", "error", "form", "place", "sealed", "events", "recipient", "nonce", "verifier", "back", "how", "device", "action", "detail", "why", "others", "label", "old", "story", "author", "by",
    "origin", "note",
}  # fmt: skip
# What the last step hands over for a whole batch.
_LISTS = {
    "bodies",
    "numbers",
    "nth",
    "seqs",
    "replies",
    "branches",
    "stories",
    "revisions",
    "numbered",
    "shown",
    "picked",
}
_BYTES = {"body", "source", "salt", "commitment", "likeness", "hashed"}


def values_for(name: str, statement: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for parameter in set(re.findall(r"(?<!:):([a-z_]+)", statement)):
        if f"json_each(:{parameter})" in statement:
            given[parameter] = "[1]"
        elif parameter == "keys":
            given[parameter] = ["x"]
        elif parameter in _LISTS:
            given[parameter] = [b"" if parameter == "bodies" else 1]
        elif parameter in _BYTES:
            given[parameter] = b"\0" * 32
        elif parameter in _TEXTS or name == "NOW_REWRITTEN":
            given[parameter] = "x"
        else:
            given[parameter] = 1
    if name == "POST" or name.startswith("ANNOUNCE"):
        given["body"] = "{}"
    if name == "ADD_ENDPOINT":
        given["words"] = 1
    # Story ids are numbers, everywhere.
    if name in ("SET_STORY", "STORY_CHANGED", "STORY_PICKED"):
        given["id"] = 1
    if name in (
        "ADD_COMMENT",
        "LATEST_SHOWN_ON",
        "ADD_FOLLOW",
        "TO_BE_TOLD",
        "NEWS_SINCE",
        "FOLLOWERS",
        "POST_NEWS[postgresql]",
        "CROWD",
    ) or name.startswith(("PAGE_", "BRANCH")):
        given["story"] = 1
    return given


@pytest.fixture
def hand(store: Store) -> Any:
    hand = store._database.writing_hand()
    yield hand
    hand.close()


def plan(hand: Hand, name: str, statement: str) -> str:
    explain = "EXPLAIN QUERY PLAN" if hand._adapted is None else "EXPLAIN"
    return "\n".join(str(row) for row in hand.all(f"{explain} {statement}", **values_for(name, statement)))


def test_every_statement_is_understood(hand: Hand) -> None:
    """If a statement names a table, column or parameter wrongly, then no database could plan it."""
    assert len(STATEMENTS) > 60
    for name, statement in STATEMENTS.items():
        if not is_of(name, hand):
            continue
        assert plan(hand, name, statement) or "INSERT" in statement, name


INDEXED = {
    "PAGE_OLDEST": "ix_comment_page",
    "PAGE_OLDEST_AFTER": "ix_comment_page",
    "PAGE_NEWEST": "ix_comment_page",
    "PAGE_NEWEST_AFTER": "ix_comment_page",
    "PAGE_REPLIED": "ix_comment_replied",
    "PAGE_REPLIED_AFTER": "ix_comment_replied",
    "BRANCHES_OLDEST": "ix_comment_branches",
    "BRANCHES_OLDEST_AFTER": "ix_comment_branches",
    "BRANCHES_NEWEST": "ix_comment_branches",
    "BRANCHES_NEWEST_AFTER": "ix_comment_branches",
    "BRANCHES_REPLIED": "ix_comment_branches_replied",
    "BRANCHES_REPLIED_AFTER": "ix_comment_branches_replied",
    "BRANCHES_WHOLE": "ix_comment_branch",
    "BRANCH_AFTER": "ix_comment_branch",
    "BRANCH_BEFORE": "ix_comment_branch",
    "PAGE_PICKED": "ix_comment_picked",
    "LATEST_SHOWN": "ix_decision_leaf",
    "LATEST_SHOWN_ON": "ix_comment_page",
    "QUEUE_OLDEST": "ix_comment_queue",
    "QUEUE_OLDEST_AFTER": "ix_comment_queue",
    "QUEUE_NEWEST": "ix_comment_queue",
    "QUEUE_NEWEST_AFTER": "ix_comment_queue",
    "QUEUE_COUNT": "ix_comment_queue",
    "UNJUDGED": "ix_comment_unjudged",
    "FORGET_JUDGING": "ix_judging_until",
    "WAITING_SINCE": "ix_comment_queue",
    "UNJUDGED_SINCE": "ix_comment_unjudged",
    "CAME_BEFORE": "ix_comment_fingerprint",
    "ON_STORY": "ix_comment_flood",
    "HAS_REPLIES": "ix_comment_replies",
    "LIKENESSES": "ix_comment_likeness",
    "CROWD": "ix_comment_time",
    "FORGET_SENDINGS[sqlite]": "ix_sending_time",
    "FORGET_PROOFS[sqlite]": "ix_proof_expired",
    "OLD_ADDRESS": "ix_comment_address",
    "FORGET_ADDRESSES[sqlite]": "ix_comment_address",
    "CHANGED_SINCE": "ix_story_changed",
    "EVIDENCE": "ix_evidence_comment",
    "ESCALATIONS": "ix_escalation_comment",
    "ESCALATED": "ix_escalation_comment",
    "TOLD": "ix_told_comment",
    "ENDINGS": "ix_ending_comment",
    "FOUND_BY_PEOPLE": "ix_decision_people",
    "AGREED_BY_PEOPLE": "ix_audit_latest",
    "RECENTLY_DECIDED": "ix_decision_leaf",
    "DECIDED": "ix_decision_leaf",
    "AUDITS": "ix_audit_waiting",
    "AUDITS_COUNT": "ix_audit_waiting",
    "AUDITED": "ix_audit_answered",
    "REPORTS_SENT": "ix_report_sent",
    "REPORTED_BY": "ix_report_reader",
    "REPORT_ANSWERED": "ix_report_reader",
    "REPORTS_OPEN": "ix_report_reader",
    "CLOSE_REPORTS": "ix_report_reader",
    "OLD_REPORTER": "ix_report_address",
    "FORGET_REPORTERS[sqlite]": "ix_report_address",
    "QUEUE_DUE": "ix_comment_due",
    "QUEUE_MINE_OLDEST": "ix_comment_queue",
    "QUEUE_MINE_NEWEST": "ix_comment_queue",
    "JOURNAL_OF_ACTOR": "ix_journal_actor",
    "JOURNAL_OF_ACTION": "ix_journal_action",
    "JOURNAL_OF_SUBJECT": "ix_journal_subject",
    "NEWEST_VERSION_OF": "ix_guidelines_actor",
    "VERSION_SOURCE": "ix_guidelines_digest",
    "DECIDED_UNDER": "ix_decision_guidelines",
    "PAST": "ix_decision_leaf",
    "LEASE": "ix_outbox_lane",
    "LEASE_FOR": "ix_outbox_lane",
    "LEASED[sqlite]": "ix_outbox_lane",
    "LEASED_FOR[sqlite]": "ix_outbox_lane",
    "END_NOTICES": "ix_outbox_lane",
    "LATEST_DECISIONS": "ix_decision_leaf",
    "REJECTED_BETWEEN": "ix_decision_time",
    "OUTBOX_DUE": "ix_outbox_lane",
    "OUTBOX_SINCE": "ix_outbox_due",
    "PULL_BACK": "ix_outbox_lane",
    "OUTBOX_DEAD": "ix_outbox_dead",
    "DEAD": "ix_outbox_dead",
    "FORGET_DONE": "ix_outbox_done",
    "FORGET_DEAD": "ix_outbox_dead",
    "COMMENTS_OF_READER": "ix_comment_reader",
    "READER_LINKS_SENT": "ix_reader_link_who",
    "UNCONFIRMED": "ix_reader_link_open",
    "FOLLOWS_BY": "ix_follow_recipient",
    "TO_BE_TOLD": "ix_follow_story",
    "AUTHORS_FOLLOW": "ix_follow_comment",
    "NEWS_SINCE": "ix_decision_leaf",
    "FOLLOWERS": "ix_follow_story",
    "FORGET_ASKED": "ix_follow_asked",
    "FORGET_FOLLOWS": "ix_follow_written",
    "ERASED_SINCE": "ix_comment_erased",
    "SUGGESTED": "ix_suggestion_text",
    "FORGET_SUGGESTED": "ix_suggestion_text",
    "OLD_SUGGESTION": "ix_suggestion_time",
    "FORGET_SUGGESTIONS": "ix_suggestion_time",
}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_asked_often_has_an_index(hand: Hand) -> None:
    """If a question is asked while readers wait, then an index answers it and nothing is sorted."""
    for name, index in INDEXED.items():
        told = plan(hand, name, STATEMENTS[name])
        assert index in told, (name, told)
        # The last evidence of one comment, a page that was found by index, and what was decided in one microsecond, are sorted again: a handful.
        assert "TEMP B-TREE" not in told or name in ("EVIDENCE", "QUEUE_DUE", "PAST", "REJECTED_BETWEEN"), (
            name,
            told,
        )


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_reads_a_whole_table(hand: Hand) -> None:
    """If a statement runs for each comment or reader, then it never walks through all comments, stories or leaves."""
    for name, statement in STATEMENTS.items():
        # SQLite lists, for an INSERT, the check of rows that refer to it; it makes it only if one is pending.
        if not is_of(name, hand) or statement.lstrip().startswith("INSERT"):
            continue
        for line in plan(hand, name, statement).splitlines():
            # Read from its end, by number, no further than it is asked for.
            if name == "LATEST_SENT":
                continue
            whole = re.search(r"SCAN (\w+)\b(?! USING)", line)
            assert whole is None or whole[1] in (
                "moderator",
                "token",
                "session",
                "link",
                "seen",
                "withdrawal",
                "recovery",
                "attempt",
                "doorway",
                "claim",
                "exposure",
                "endpoint",
                "n",
                "escalation",
                "a",
                "log",
                # One row.
                "alembic_version",
                # From its end, by number.
                "journal",
                "guidelines",
                # The page that was just found, and what the index of words found.
                "q",
                "lookup",
                "k",
                # A thousand at most, found by index, to be counted.
                "repeated",
                "there",
                # Two answers in one row.
                "CONSTANT",
            ), (
                name,
                line,
            )


def test_pages_are_found_by_index(store: Store, database_url: str, postgresql: PostgreSQL) -> None:
    """If there are many comments, then on both databases a story's first page and the feeds come from an index, unsorted."""
    for _ in range(3):
        approved(store)
    asked = {
        "PAGE_OLDEST": ("ix_comment_page", {"story": 1, "limit": 5}),
        "LATEST_SHOWN": ("ix_decision_leaf", {"limit": 5}),
        "LATEST_SHOWN_ON": ("ix_comment_page", {"story": 1, "limit": 5}),
    }
    with around(database_url) as connection:
        if store.dialect != "sqlite":
            connection.execute("SET enable_seqscan = off")
            connection.execute("SET enable_bitmapscan = off")
            # Of a handful, sorting is cheaper: what counts is that it can be done without.
            connection.execute("SET enable_sort = off")
        for name, (index, parameters) in asked.items():
            if store.dialect == "sqlite":
                query = f"EXPLAIN QUERY PLAN {STATEMENTS[name]}"
            else:
                query = "EXPLAIN " + re.sub(r":([a-z]+)", r"%(\1)s", STATEMENTS[name])
            told = str(connection.execute(query, parameters).fetchall())
            assert index in told, (name, told)
            assert not re.search(r"Sort  \(|TEMP B-TREE", told), (name, told)


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("after", Status)
def test_the_database_knows_the_legal_moves(
    store: Store, database_url: str, before: Status, after: Status
) -> None:
    """If comment.LEGAL_MOVES allows a move, then the database lets a new decision make it, and no other."""
    receive(store)
    with around(database_url) as connection:
        if before is not Status.HELD:
            connection.execute(f"UPDATE comment SET status = '{before}', seq = 1")
        move = f"UPDATE comment SET status = '{after}', seq = seq + 1"
        if (before, after) in LEGAL_MOVES or before is after is Status.HELD:
            connection.execute(move)
        else:
            with pytest.raises(Exception, match="never back to held"):
                connection.execute(move)


def test_migrations_are_part_of_the_package() -> None:
    """If the package is installed, then its migrations come with it."""
    migrations = files("meydan.store") / "migrations"
    assert (migrations / "env.py").is_file()
    versions = (path.name for path in (migrations / "versions").iterdir())
    assert sorted(name for name in versions if name.endswith(".py")) == [
        "0001_first_tables.py",
        "0002_audits.py",
        "0003_people.py",
        "0004_queue.py",
        "0005_authors.py",
        "0006_care.py",
        "0007_figures.py",
        "0008_second_looks.py",
        "0009_reports.py",
        "0010_guidelines.py",
        "0011_escalation.py",
        "0012_branches.py",
        "0013_outbox.py",
        "0014_readers.py",
        "0015_editors.py",
        "0016_form.py",
        "0017_numbers.py",
        "0018_nodes.py",
        "0019_erasures.py",
        "0020_beside.py",
        "0021_fingerprints.py",
        "0022_suggestions.py",
        "0023_imported.py",
        "0024_endpoints.py",
        "0025_ledger.py",
    ]


def test_a_migration_that_fails_leaves_nothing(
    tmp_path: Any, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a migration breaks half-way, then the database is as it was, and the next attempt succeeds."""
    from alembic import op
    from sqlalchemy.exc import OperationalError

    from meydan.errors import StoreUnavailable

    def planted(*_: object, **__: object) -> None:
        raise OperationalError("planted", None, Exception("planted"))

    for url in (f"sqlite:///{tmp_path / 'new.db'}", postgresql.new_database(empty=True)):
        with monkeypatch.context() as broken:
            broken.setattr(op, "create_index", planted)
            with pytest.raises(StoreUnavailable):
                Store.open(url)
        with around(url) as connection:
            left = connection.execute(
                "SELECT name FROM sqlite_master"
                if url.startswith("sqlite")
                else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
        assert left == []
        store = Store.open(url)
        approved(store)
        assert store.counts([STORY]) == {STORY: 1}
        store.close()


def test_parameters_are_adapted() -> None:
    """If a statement casts or names a parameter, then only the parameter is adapted for PostgreSQL."""
    seen: list[str] = []

    class Cursor:
        rowcount = 0

        def execute(self, sql: str, parameters: Any, /) -> None:
            seen.append(sql)

        def fetchone(self) -> None: ...
        def fetchall(self) -> None: ...

    class Connection:
        def close(self) -> None: ...

    Hand(Connection(), Cursor(), {}).run("SELECT :a_b, x::text FROM t WHERE c = :c", a_b=1, c=2)
    assert seen == ["SELECT %(a_b)s, x::text FROM t WHERE c = %(c)s"]
    assert isinstance(Database, type)


def test_sqlite_needs_no_other_driver(tmp_path: Any) -> None:
    """If comments are kept in SQLite, then PostgreSQL's driver is not loaded, nor Alembic once all is migrated."""
    url = f"sqlite:///{tmp_path / 'meydan.db'}"
    Store.open(url).close()
    script = (
        "import sys\nfrom meydan.store import Store\nStore.open(sys.argv[1]).close()\n"
        "print([name for name in ('psycopg', 'alembic') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_asked_beside_added_rows_touches_none_of_them(store: Store, database_url: str) -> None:
    """
    If rows wait to be put in together, then what is asked meanwhile reads and changes no table of theirs, nor do its triggers.
    """
    touched: set[str] = set()

    def sees(action: int, table: str | None, *_: object) -> int:
        if action in (
            sqlite3.SQLITE_READ,
            sqlite3.SQLITE_INSERT,
            sqlite3.SQLITE_UPDATE,
            sqlite3.SQLITE_DELETE,
        ):
            touched.add(str(table))
        return sqlite3.SQLITE_OK

    with contextlib.closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
        connection.set_authorizer(sees)
        for statement in statements.BESIDE_ADDED:
            touched.clear()
            connection.execute(f"EXPLAIN {statement}", dict.fromkeys(re.findall(r":([a-z_]+)", statement)))
            assert touched, statement
            assert not {name for name in touched if name.startswith(("words", "evidence", "lookup"))}, (
                statement
            )
