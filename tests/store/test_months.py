"""
The large tables in parts, one a month: the store is the same, and the database guards the same.

Chosen tests of the other files run here on a divided database whose first comments fall into three parts; all of them
do with MEYDAN_TEST_BY_MONTH=1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from meydan.errors import BadSchema, BadSettings
from meydan.store import Store, months
from meydan.store.database import Hand
from meydan.store.months import change, first_number, month_of
from tests.postgresql import PostgreSQL
from tests.store.making import (
    EVIDENCE,
    REJECT,
    approved,
    around,
    check_branches,
    decide,
    leaf_numbers,
    new_comment,
    receive,
    shown,
)
from tests.store.test_contract import test_an_id_is_taken_once, test_replies_keep_a_tombstone
from tests.store.test_erasure import test_no_row_is_left
from tests.store.test_guards import ATTACKS, POSTGRESQL_ATTACKS, REFUSED, everything
from tests.store.test_queue import test_comments_are_found_by_all_that_is_known
from tests.store.test_schema import (
    STATEMENTS,
    hand,
    plan,
    test_every_statement_is_understood,
    test_pages_are_found_by_index,
)

__all__ = [
    "hand",
    "test_an_id_is_taken_once",
    "test_comments_are_found_by_all_that_is_known",
    "test_every_statement_is_understood",
    "test_no_row_is_left",
    "test_pages_are_found_by_index",
    "test_replies_keep_a_tombstone",
]

NOVEMBER = datetime(2026, 11, 29, 23, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.fixture
def database_url(postgresql: PostgreSQL) -> Iterator[str]:
    """A database of the test's own, in parts."""
    url = postgresql.new_database(by_month=True)
    yield url
    postgresql.drop(url)


@pytest.fixture
def whole(postgresql: PostgreSQL) -> Iterator[str]:
    """A database of the test's own, with whole tables."""
    url = postgresql.new_database(by_month=False)
    yield url
    postgresql.drop(url)


AROUND_THE_PARTS = {
    "a comment of an id that another part has": (
        "INSERT INTO comment (id, story, submitted_at, commitment, receipt) "
        "SELECT min(id), min(story), 1, min(commitment::text)::bytea, min(receipt) FROM comment_before"
    ),
    "the same straight into the other part": (
        "INSERT INTO {part} (number, id, story, submitted_at, commitment, receipt) "
        "SELECT {begin} + 900, min(id), min(story), 1, min(commitment::text)::bytea, min(receipt) FROM comment_before"
    ),
    "an answer to what is not there": (
        "INSERT INTO comment (id, parent, story, submitted_at, commitment, receipt) "
        "SELECT 'new', 'nobody', min(story), 1, min(commitment::text)::bytea, min(receipt) FROM comment"
    ),
    "a decision of a leaf that another part has": (
        "INSERT INTO decision (comment, seq, leaf, decided_at, verdict, decided_by, actor, reasons, guidelines, model) "
        "SELECT (SELECT max(number) FROM comment), 9, leaf, 1, verdict, decided_by, actor, reasons, guidelines, model "
        "FROM decision_before LIMIT 1"
    ),
    "changing a part's words": "UPDATE words_before SET text = 'other'",
    "emptying a part": "TRUNCATE words_before",
    "emptying a later part": "TRUNCATE {words}",
    "deleting from a part": "DELETE FROM {part}",
}


def test_the_database_refuses_in_parts(store: Store, database_url: str) -> None:
    """If someone goes around the program, through the whole or through a part, then the database refuses and nothing changed."""
    for number in range(6):
        decide(store, receive(store, f"comment {number}"), REJECT) if number % 2 else approved(store)
    receive(store, "held")
    now = datetime.now(UTC)
    part = f"comment_{month_of(now, 1).replace('-', '_')}"
    names = {
        "part": part,
        "begin": first_number(month_of(now, 1)),
        "words": part.replace("comment", "words"),
    }
    with around(database_url) as connection:
        parts = connection.execute("SELECT count(DISTINCT tableoid) FROM comment").fetchone()
        assert parts == (3,)
        before = everything(connection)
        for name, attack in {**ATTACKS, **POSTGRESQL_ATTACKS, **AROUND_THE_PARTS}.items():
            try:
                with pytest.raises(REFUSED):
                    connection.execute(attack.format(**names))
            except BaseException as error:
                raise AssertionError(name) from error
        assert everything(connection) == before


def test_what_is_asked_by_number_looks_into_one_part(hand: Hand) -> None:
    """If a statement names a comment by its number, then only that month's part is looked into."""
    for name in ("SETTLE", "WITHDRAW", "SHOW", "DECISION", "ERASE", "TOP_OF", "WRITTEN_BY"):
        told = plan(hand, name, STATEMENTS[name])
        parts = set(re.findall(r" on (\w+?_(?:before|\d{4}_\d\d))\b", told))
        assert len(parts) == 1, (name, told)


def test_nothing_is_scanned_for_what_is_asked_often(store: Store, database_url: str) -> None:
    """If readers or the queue ask, then every part is asked by its index, and none is read whole."""
    for _ in range(6):
        approved(store)
    asked = (
        "COMMENT",
        "STANDING",
        "PAGE_NEWEST",
        "BRANCHES_REPLIED",
        "EVIDENCE",
        "QUEUE_DUE",
        "LATEST_SHOWN",
        "CAME_BEFORE",
    )
    with around(database_url) as connection:
        # Of a handful of rows reading all is cheaper: what counts is that it need not be.
        connection.execute("SET enable_seqscan = off")
        for name in asked:
            query = re.sub(r"(?<!:):([a-z_]+)", "NULL", STATEMENTS[name])
            query = query.replace("= NULL", "= '1'").replace("LIMIT NULL", "LIMIT 5")
            told = "\n".join(row[0] for row in connection.execute("EXPLAIN " + query))
            assert not re.search(r"Seq Scan on (comment|decision|words|evidence)_", told), (name, told)


def test_dividing_keeps_everything(whole: str) -> None:
    """If tables are divided under a program that runs, then all is as it was, not a row moved, and both halves go on as one."""
    store = Store.open(whole)
    first = approved(store, "the first")
    decide(store, receive(store, "the second", parent=first), evidence=EVIDENCE)
    with around(whole) as connection:
        before = everything(connection)
        (file,) = connection.execute("SELECT pg_relation_filenode('comment')").fetchone()
    outlook = change(whole, by_month=True, at=NOVEMBER)
    assert (outlook.by_month, outlook.unfinished) == ("2027-01", ())
    with around(whole) as connection:
        assert everything(connection) == before
        assert connection.execute("SELECT pg_relation_filenode('comment_before')").fetchone() == (file,)
        unchecked = connection.execute(
            "SELECT conname FROM pg_constraint WHERE NOT convalidated AND conparentid = 0"
        ).fetchall()
        assert unchecked == []
    third = approved(store, "the third", parent=first)
    decide(store, first, REJECT)
    store.erase(third, leaf=b"erasure", at=NOVEMBER)
    assert len(shown(store)) == 1
    assert leaf_numbers(store) == list(range(8))
    check_branches(whole)
    # Asked for again, there is nothing to do.
    assert change(whole, by_month=True, at=NOVEMBER) == outlook
    store.close()
    Store.open(whole, migrate=False).close()


def test_a_new_month_begins(whole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a month begins, then housekeeping lets its numbers begin and makes a part ahead; late, early or kept out, no comment is refused."""
    change(whole, by_month=True, at=NOVEMBER)
    store = Store.open(whole)
    receive(store)
    assert store.months_ahead(NOVEMBER) == "the tables are divided, up to 2027-01"
    # Nobody keeps house over the turn of the month.
    late = receive(store)
    with around(whole) as other, monkeypatch.context() as hasty:
        # Somebody keeps a table locked: housekeeping goes on to its other work.
        hasty.setattr("meydan.store.migrating.LOCK_TRY_S", 0.1)
        hasty.setattr(months, "HOUSEKEEPING_TRIES", 1)
        other.execute("BEGIN")
        other.execute("LOCK TABLE words IN SHARE MODE")
        store.keep_months(DECEMBER)
        other.execute("ROLLBACK")
    assert store.months_ahead(DECEMBER).endswith("2027-01")
    store.keep_months(DECEMBER)
    first = receive(store)
    store.keep_months(DECEMBER)
    second = receive(store)
    # A clock that goes back takes no number back.
    store.keep_months(NOVEMBER)
    third = receive(store)
    with around(whole) as connection:
        numbers = dict(connection.execute("SELECT id, number FROM comment").fetchall())
        made = {
            row[0]
            for row in connection.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'words'::regclass"
            )
        }
    begin = first_number("2026-12")
    assert numbers[late] < begin
    assert [numbers[id] for id in (first, second, third)] == [begin, begin + 1, begin + 2]
    assert made == {
        "words_before",
        *(f"words_{month}" for month in ("2026_11", "2026_12", "2027_01", "2027_02")),
    }
    with pytest.raises(BadSchema, match="2027-04"):
        store.months_ahead(datetime(2027, 3, 1, tzinfo=UTC))
    assert receive(store) != late
    store.close()


@pytest.mark.parametrize("reached", ["2026-11", "2027-01"])
def test_dividing_what_came_from_divided_tables(whole: str, reached: str) -> None:
    """If numbers have come into this month's or a later one already, as after a restore, then what comes is not refused, and months begin after it."""
    store = Store.open(whole)
    with around(whole) as connection:
        connection.execute(f"SELECT setval('comment_number_seq', {first_number(reached) + 7})")
    first = approved(store, "the first")
    assert change(whole, by_month=True, at=NOVEMBER).by_month == "2027-01"
    second = receive(store, "the second", parent=first)
    store.keep_months(DECEMBER)
    decide(store, second)
    third = approved(store, "the third")
    later_on = datetime(2027, 2, 1, tzinfo=UTC)
    store.keep_months(later_on)
    fourth = approved(store, "the fourth")
    with around(whole) as connection:
        numbers = dict(connection.execute("SELECT id, number FROM comment").fetchall())
        begin = first_number(reached)
        assert [numbers[id] for id in (first, second)] == [begin + 8, begin + 9]
        assert numbers[third] == (first_number("2026-12") if reached == "2026-11" else begin + 10)
        assert numbers[fourth] == first_number("2027-02")
        (inside,) = connection.execute("SELECT count(*) FROM comment_before").fetchone()
    assert inside == (2 if reached == "2026-11" else 3)
    store.close()


def test_only_postgresql_is_divided(tmp_path: object) -> None:
    """If dividing is asked for on SQLite, then it is refused, and housekeeping and the doctor have nothing to do."""
    url = f"sqlite:///{tmp_path}/meydan.db"
    with pytest.raises(BadSettings, match="PostgreSQL"):
        change(url, by_month=True, at=NOVEMBER)
    store = Store.open(url)
    store.keep_months(NOVEMBER)
    assert "SQLite" in store.months_ahead(NOVEMBER)
    store.receive(new_comment())
    store.close()


@pytest.mark.parametrize(
    ("at", "later", "month"),
    [(NOVEMBER, 0, "2026-11"), (NOVEMBER, 2, "2027-01"), (DECEMBER, 0, "2026-12"), (DECEMBER, -1, "2026-11")],
)
def test_months_are_counted(at: datetime, later: int, month: str) -> None:
    """If months are added to one, then the year turns with them, and its numbers come after those before."""
    assert month_of(at, later) == month
    assert first_number(month_of(at, later + 1)) - first_number(month) == months.ROOM
    assert first_number("9999-12") < 2**53
