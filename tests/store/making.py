"""What the store's tests put into it: comments, decisions, evidence, and a way around the store."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url

from meydan.comment import DecidedBy, Decision, Evidence, Finding, Hold, Reason, Span, Verdict
from meydan.store import NewComment, Store, schema

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
STORY = "https://news.example/story"

APPROVE = Decision(Verdict.APPROVE, guidelines="sha256:1", model="sha256:2")
REJECT = Decision(
    Verdict.REJECT,
    reasons=(Reason("abuse", ground="racism", label="racism", score=0.97), Reason("profanity")),
    decided_by=DecidedBy.MODERATOR,
    by="Zîn",
    guidelines="sha256:1",
    calibration="sha256:3",
)
REJECT_BY_ANOTHER = replace(REJECT, by="Mem")
HOLD = Decision(Verdict.HOLD, holds=(Hold.UNCERTAIN, Hold.NAME))
EVIDENCE = Evidence(
    language="kmr-Latn",
    language_score=0.75,
    scores={"threat": 0.125, "profanity": None, "relevance": 1.0},
    spans=(Span("threat", 2, 5, "lexicon"),),
    findings=(
        Finding("link", "one link", label="promotion", begin=0, end=4, hold=Hold.NAME),
        Finding("x", "y"),
    ),
    model="sha256:2",
)

_ticks = itertools.count()


def later(**span: float) -> datetime:
    """A moment after every earlier one, and `span` more."""
    return NOON + timedelta(milliseconds=next(_ticks)) + timedelta(**span)


def new_comment(text: str = "Well said.", **changed: Any) -> NewComment:
    salt = secrets.token_bytes(16)
    given: dict[str, Any] = {
        "id": secrets.token_urlsafe(12),
        "story_url": STORY,
        "parent": None,
        "name": "Dilan",
        "text": text,
        "email": None,
        "salt": salt,
        "commitment": hashlib.sha256(salt + text.encode("utf-8", "surrogatepass")).digest(),
        "submitted_at": later(),
        "address_key": secrets.token_hex(16),
        "author_key": secrets.token_hex(16),
        "fingerprint": secrets.token_hex(16),
        "leaf": b"receipt " + secrets.token_bytes(8),
    }
    return NewComment(**{**given, **changed})


def receive(store: Store, text: str = "Well said.", **changed: Any) -> str:
    new = new_comment(text, **changed)
    store.receive(new)
    return new.id


def decide(store: Store, id: str, decision: Decision = APPROVE, **more: Any) -> Any:
    return store.settle(id, decision, **{"leaf": b"decision", "at": later(), "expected_seq": None, **more})


def approved(store: Store, text: str = "Well said.", **changed: Any) -> str:
    id = receive(store, text, **changed)
    decide(store, id)
    return id


def report(store: Store, id: str, rule: str = "abuse", **more: Any) -> None:
    """A report by a reader nobody else is, as the desk hands it on."""
    given: dict[str, Any] = {
        "words": None,
        "address_key": secrets.token_hex(16),
        "at": later(),
        "at_most": 50,
    }
    store.report(id, rule=rule, **{**given, **more})


def shown(store: Store, url: str = STORY) -> list[str]:
    """Ids on the reader's page, oldest first; a tombstone's in brackets."""
    page = store.page(url, sort="oldest", after=None, limit=1000)
    return [comment.id if comment.text is not None else f"[{comment.id}]" for comment in page.comments]


def leaf_numbers(store: Store) -> list[int]:
    return [number for number, _ in store.leaves(0, 1_000_000)]


@contextmanager
def around(url: str) -> Iterator[Any]:
    """A connection that knows nothing of the store's rules or settings, as an operator's shell would be."""
    connection: Any
    if url.startswith("sqlite"):
        connection = sqlite3.connect(make_url(url).database or "", timeout=10, isolation_level=None)
    else:
        connection = psycopg.connect(make_url(url).render_as_string(hide_password=False), autocommit=True)
    try:
        yield connection
    finally:
        connection.close()


def as_it_was(url: str, now: str, revision: str) -> None:
    """Make a database as an older program left it, with the rows of another, as far as it had columns for them."""
    config = Config()
    config.set_main_option("script_location", str(files("meydan.store") / "migrations"))
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        known = inspect(connection)
        tables = {
            table: ", ".join(column["name"] for column in known.get_columns(table))
            for table in schema.metadata.tables
            if known.has_table(table)
        }
    engine.dispose()
    with around(url) as new, around(now) as source:
        if url.startswith("sqlite"):
            new.execute("ATTACH ? AS source", (make_url(now).database,))
            guards = new.execute("SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'").fetchall()
            for name, _ in guards:
                new.execute(f"DROP TRIGGER {name}")
            for table, columns in tables.items():
                new.execute(f"DELETE FROM main.{table}")
                new.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}")
            for _, guard in guards:
                new.execute(guard)
        else:
            new.execute("SET session_replication_role = replica")
            for table, columns in tables.items():
                new.execute(f"DELETE FROM {table}")
                with (
                    source.cursor().copy(f"COPY (SELECT {columns} FROM {table}) TO STDOUT") as rows,
                    new.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as kept,
                ):
                    for row in rows:
                        kept.write(row)
        # What programs of before never wrote there.
        new.execute("DELETE FROM meta WHERE key IN ('oldest', 'unfinished', 'by_month', 'secret')")


def read_through(store: Store, sort: str, url: str = STORY) -> list[str]:
    """Every id that a reader meets who follows each link to more, branch by branch; a tombstone's in brackets."""
    seen: list[str] = []
    after: str | None = None
    while True:
        page = store.thread(url, sort=sort, after=after)
        for branch in page.branches:
            met = [*([branch.comment] if branch.comment else []), *branch.replies]
            rest = branch.next
            while rest is not None:
                (more,) = store.thread(url, sort=sort, branch=branch.id, after=rest).branches
                met += more.replies
                rest = more.next
            seen += [one.id if one.text is not None else f"[{one.id}]" for one in met]
        after = page.next
        if after is None:
            return seen


def check_branches(url: str) -> None:
    """What is kept of branches, answers and stories is what counting gives now."""
    with around(url) as connection:
        rows = connection.execute(
            "SELECT number, id, parent, story, showing, root, replies, branch FROM comment"
        ).fetchall()
        kept = dict(connection.execute("SELECT id, shown FROM story").fetchall())
    of = {row[1]: row for row in rows}

    def top(row: Any) -> Any:
        while row[2] is not None:
            row = of[row[2]]
        return row

    for number, id, parent, _, _, root, replies, branch in rows:
        begins = top(of[id])[0]
        below = [row for row in rows if top(row)[0] == number]
        assert root == (None if parent is None else begins), "which branch it belongs to"
        assert replies == sum(row[2] == id and row[4] == 1 for row in rows), "how many answers are shown"
        assert branch == sum(row[4] > 0 for row in below), "how much of its branch is shown"
    for story, shown_there in kept.items():
        assert shown_there == sum(row[3] == story and row[4] == 1 for row in rows)
