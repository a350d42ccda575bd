"""
What a transparency report counts, read at one moment, some rows at a time; and the leaves of that very moment.

Beside a running server, and from the replica where one is set and has all that the database had when this began. Rows
are read by the indexes of their times; nothing is held but what was asked for last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec
import structlog

from meydan.errors import BadLeaf, BadSchema, BadSettings, NotRestorable, StoreUnavailable
from meydan.store import statements as sql
from meydan.store.carrying import Snapshot, snapshot
from meydan.store.database import Database
from meydan.store.hand import Row

T = TypeVar("T")

PIECE: Final = 2000
"""Rows that are held at once."""

log = structlog.get_logger("meydan.store")

_SENT = "SELECT count(*) FROM comment WHERE submitted_at >= :since AND submitted_at < :until"
_DECIDED = """
SELECT decided_by, verdict, count(*) FROM decision
 WHERE decided_at >= :since AND decided_at < :until GROUP BY decided_by, verdict"""
_IMPORTED = """
SELECT count(*) FROM imported i JOIN comment c ON c.number = i.comment
 WHERE c.submitted_at >= :since AND c.submitted_at < :until"""
_BY_LANGUAGE = """
SELECT language, count(*) FROM comment WHERE submitted_at >= :since AND submitted_at < :until
 GROUP BY language"""
_AUDITED = """
SELECT language, verdict, answer, count(*) FROM audit
 WHERE answered_at >= :since AND answered_at < :until GROUP BY language, verdict, answer"""
_WAITING = """
SELECT count(*) FROM comment c LEFT JOIN decision d ON d.comment = c.number AND d.seq = 1
 WHERE c.submitted_at < :until AND (d.decided_at IS NULL OR d.decided_at >= :until)
   AND (c.withdrawn_at IS NULL OR c.withdrawn_at >= :until) AND (c.erased_at IS NULL OR c.erased_at >= :until)"""
# Of the span as a whole, with a cursor: {since} and {until} are microseconds.
_REASONS = """
SELECT decided_at, decided_by, reasons FROM decision
 WHERE decided_at >= {since} AND decided_at < {until} AND verdict = 'reject'"""
_WAITED = """
SELECT d.decided_at, d.decided_at - c.submitted_at, d.decided_by
  FROM decision d JOIN comment c ON c.number = d.comment
 WHERE d.decided_at >= {since} AND d.decided_at < {until} AND d.seq = 1 AND d.decided_by <> 'import'"""
_OVERTURNED = """
SELECT n.decided_at, p.decided_by, p.verdict
  FROM decision n JOIN decision p ON p.comment = n.comment AND p.seq = n.seq - 1
 WHERE n.decided_at >= {since} AND n.decided_at < {until} AND n.seq > 1 AND n.verdict <> p.verdict"""
_ENDED = """
SELECT {column} FROM comment WHERE {column} >= {since} AND {column} < {until}"""
_LEAVES = "SELECT number, body FROM leaf ORDER BY number"


class _Reason(msgspec.Struct):
    rule: str


_reasons_of = msgspec.json.Decoder(list[_Reason]).decode


@dataclass(frozen=True, slots=True)
class Appeals:
    """Appeals of a time: how many authors made, how many of these are decided by now, and how many by an approval."""

    made: int
    decided: int
    approved: int


class Counting:
    """Counts and rows of one moment. Times are microseconds since 1970; `since` is within, `until` is not."""

    def __init__(self, source: Snapshot) -> None:
        self._hand = source.hand

    def sent(self, since: int, until: int) -> int:
        """Comments that came, the imported ones by when they came where they come from."""
        return self._number(_SENT, since, until)

    def imported(self, since: int, until: int) -> int:
        """Of these, those that were brought along from another system."""
        return self._number(_IMPORTED, since, until)

    def decided(self, since: int, until: int) -> list[tuple[str, str, int]]:
        """Decisions: by whom (comment.DecidedBy), the verdict, how many."""
        return [(who, verdict, number) for who, verdict, number in self._all(_DECIDED, since, until)]

    def appeals(self, since: int, until: int) -> Appeals:
        ((made, decided, approved),) = self._all(sql.APPEALS_OF, since, until)
        return Appeals(int(made), int(decided or 0), int(approved or 0))

    def waiting(self, until: int) -> int:
        """Comments that had come by then, and were neither decided nor withdrawn nor erased."""
        row = self._hand.one(_WAITING, until=until)
        return 0 if row is None else int(row[0])

    def languages(self, since: int, until: int) -> dict[str, int]:
        """How many comments came in each language."""
        return dict(self._all(_BY_LANGUAGE, since, until))

    def decided_in(self, since: int, until: int) -> list[tuple[str, str, str, int]]:
        """Decisions: by whom, the verdict, the comment's language, how many."""
        return [
            (who, verdict, tag, number)
            for who, verdict, tag, number in self._all(sql.DECIDED_BY_KIND, since, until)
        ]

    def audited(self, since: int, until: int) -> list[tuple[str, str, str, int]]:
        """Audits that people answered: the language, the machine's verdict, the person's, how many."""
        return [
            (tag, verdict, answer, number)
            for tag, verdict, answer, number in self._all(_AUDITED, since, until)
        ]

    def rejections(self, since: int, until: int) -> Iterator[list[tuple[int, str, tuple[str, ...]]]]:
        """Every rejection: when, by whom, the rules that it names, each once."""
        for rows in self._pieces(_REASONS, since, until):
            yield [
                (at, who, tuple(dict.fromkeys(one.rule for one in _reasons_of(reasons))))
                for at, who, reasons in rows
            ]

    def waits(self, since: int, until: int) -> Iterator[list[Row]]:
        """Every first decision that was made here: when, how long after the comment came, by whom."""
        yield from self._pieces(_WAITED, since, until)

    def overturned(self, since: int, until: int) -> Iterator[list[Row]]:
        """Every decision that is another than the one before it: when it was made, whose that one was and what it said."""
        yield from self._pieces(_OVERTURNED, since, until)

    def withdrawn(self, since: int, until: int) -> Iterator[list[Row]]:
        """When comments were withdrawn."""
        yield from self._pieces(_ENDED.replace("{column}", "withdrawn_at"), since, until)

    def erased(self, since: int, until: int) -> Iterator[list[Row]]:
        """When comments were erased."""
        yield from self._pieces(_ENDED.replace("{column}", "erased_at"), since, until)

    def leaves(self) -> Iterator[bytes]:
        """
        The body of every leaf, from number 0 on.

        Raises:
            BadLeaf: one is missing.
        """
        number = 0
        for rows in self._hand.pieces(_LEAVES, PIECE):
            for found, body in rows:
                if found != number:
                    raise BadLeaf(
                        f"Leaf {number} of the ledger is missing: somebody took it out. Keep a copy of the database, and "
                        "restore a backup beside it to see what it was."
                    )
                # What was changed by hand in SQLite may be text by now; whoever counts says what is wrong with it.
                yield body.encode() if isinstance(body, str) else bytes(body)
                number += 1

    def _number(self, question: str, since: int, until: int) -> int:
        row = self._hand.one(question, since=since, until=until)
        return 0 if row is None else int(row[0])

    def _all(self, question: str, since: int, until: int) -> list[Row]:
        return self._hand.all(question, since=since, until=until)

    def _pieces(self, question: str, since: int, until: int) -> Iterator[list[Row]]:
        return self._hand.pieces(question.format(since=int(since), until=int(until)), PIECE)


def counted(url: str, body: Callable[[Counting], T], *, replica: str = "") -> T:
    """
    What `body` makes of one moment of a database.

    Args:
        replica: the URL of a copy that follows it, which is read instead where it is a copy of this database, has all that
            the database has now, and answers to the end; "" where there is none.

    Raises:
        BadSettings: there is no such database. BadSchema: its tables are not this program's.
        StoreUnavailable: it cannot be reached. Whatever `body` raises.
    """
    if replica:
        database = Database(url)
        try:
            leaves, secret = database.one(sql.LEAF_COUNT), database.one(sql.SECRET)
        finally:
            database.close()
        try:
            with snapshot(replica) as copy:
                there = copy.hand.one(sql.LEAF_COUNT)
                if (
                    there is not None
                    and leaves is not None
                    and there >= leaves
                    and copy.hand.one(sql.SECRET) == secret
                ):
                    return body(Counting(copy))
            log.info("replica_not_used", cause="it is behind, or is not a copy of this database")
        except (StoreUnavailable, BadSettings, BadSchema, NotRestorable) as error:
            # Also what it broke off because it had to go on following.
            log.info("replica_not_used", cause=error.message)
    with snapshot(url) as source:
        return body(Counting(source))
