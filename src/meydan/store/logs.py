"""
What is published of the leaves: logs, their checkpoints, and the tiles that are full.

A log's checkpoint and its new tiles come in one transaction, after those before it and after nothing else. What is read
here to be published is committed, and so durable: SQLite lets nobody read what it has not synced, and PostgreSQL, with
synchronous_commit as this program sets it, shows a transaction to others only when its own disk has it. It is never read
from a replica.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from meydan.errors import LeafMissing
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.exact import micros, time_of
from meydan.store.hand import Hand
from meydan.store.people import OPERATOR, enter
from meydan.store.writer import Writer

_TILE_COLUMNS = ("log", "level", "number", "root", "hashes")


@dataclass(frozen=True, slots=True)
class LogRow:
    """A log: its `origin` is its name in every checkpoint, `at` when it was begun."""

    number: int
    origin: str
    at: datetime


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A checkpoint as it was published: over `size` leaves, `root` of 32 bytes, `note` as it was signed."""

    size: int
    root: bytes
    at: datetime
    note: str = field(repr=False)


class TileRow(NamedTuple):
    """A full tile: its hashes, 8,192 bytes, and the root over them."""

    level: int
    number: int
    root: bytes
    hashes: bytes


class Logs:
    """Safe to use from many threads and nodes."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def all(self) -> tuple[LogRow, ...]:
        """Every log, the current one last."""
        return tuple(
            LogRow(number, origin, time_of(at)) for number, origin, at in self._database.all(sql.LOGS)
        )

    def latest(self, log: int) -> CheckpointRow | None:
        """A log's newest checkpoint; None before its first."""
        row = self._database.one(sql.LATEST_CHECKPOINT, log=log)
        return None if row is None else CheckpointRow(row[0], bytes(row[1]), time_of(row[2]), row[3])

    def leaves_count(self) -> int:
        """How many leaves there are: those below it are all committed."""
        row = self._database.one(sql.LEAF_COUNT)
        return 0 if row is None else int(row[0])

    def leaves(self, begin: int, end: int) -> list[bytes]:
        """
        The bodies of the leaves from `begin` to before `end`.

        Raises:
            LeafMissing: one of them is not there.
        """
        rows = self._database.all(sql.LEAVES_BETWEEN, begin=begin, end=end)
        for expected, (number, _) in enumerate(rows, begin):
            if number != expected:
                raise _missing(expected)
        if len(rows) != max(0, end - begin):
            raise _missing(begin + len(rows))
        return [bytes(body) for _, body in rows]

    def tile(self, log: int, level: int, number: int) -> bytes | None:
        """A full tile's hashes; None where that tile is not full, or not there."""
        row = self._database.one(sql.TILE, log=log, level=level, number=number)
        return None if row is None else bytes(row[0])

    def tile_roots(self, log: int, level: int, begin: int, end: int) -> list[bytes]:
        """The roots of the full tiles of a level from `begin` to before `end`, up to the first that is not there."""
        rows = self._database.all(sql.TILE_ROOTS, log=log, level=level, begin=begin, end=end)
        return [bytes(root) for expected, (number, root) in enumerate(rows, begin) if number == expected]

    def begin(self, log: LogRow) -> bool:
        """Begin a log; False where another node was quicker."""

        def work(hand: Hand) -> bool:
            hand.lock_key("ledger")
            current = hand.one(sql.LATEST_LOG)
            if current is not None and current[0] >= log.number:
                return False
            hand.run(sql.BEGIN_LOG, number=log.number, origin=log.origin, at=micros(log.at))
            if log.number > 1:
                # The first begins by itself; another only where an operator says so.
                enter(hand, micros(log.at), OPERATOR, "ledger-begun", log.origin)
            return True

        return self._writer.write(work)

    def add(self, log: int, checkpoint: CheckpointRow, tiles: Sequence[TileRow], *, since: int) -> bool:
        """
        Keep a checkpoint and the tiles that became full with it.

        Args:
            since: the size of the checkpoint that it continues, 0 for none.

        Returns:
            False where another node was quicker, or another log is current; nothing was kept then.

        Raises:
            StoreUnavailable: nothing was kept.
        """

        def work(hand: Hand) -> bool:
            hand.lock_key("ledger")
            current = hand.one(sql.LATEST_LOG)
            latest = hand.one(sql.LATEST_CHECKPOINT, log=log)
            if current is None or current[0] != log or (0 if latest is None else latest[0]) != since:
                return False
            if tiles:
                hand.put("tile", _TILE_COLUMNS, [(log, *tile) for tile in tiles])
            hand.run(
                sql.ADD_CHECKPOINT,
                log=log,
                size=checkpoint.size,
                hashed=checkpoint.root,
                at=micros(checkpoint.at),
                note=checkpoint.note,
            )
            return True

        return self._writer.write(work)


def _missing(number: int) -> LeafMissing:
    return LeafMissing(f"Leaf {number} is missing in the database. The ledger is not published any further.")
