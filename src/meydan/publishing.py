"""
The ledger as it is published: what the store numbered becomes tiles and a signed checkpoint, every few seconds.

    round        look, and where this node leads, publish              from committed leaves only
                 committed: tiles and checkpoint, in one transaction   <- public from here on
                 remembered, in a file of the data folder              <- and then told at this node's doors

Nothing is kept in memory that the next round goes on from: a restart is the next round. What a node remembers outside the
database is the last checkpoint that it published or saw. A database that is behind it, or other than it, was rolled back:
then nothing is published any more, and an operator has to say how it goes on. Comments are taken and shown as before.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from meydan import durable
from meydan.errors import (
    LeafChanged,
    LedgerForgotten,
    LedgerRolledBack,
    MeydanError,
    Misconfigured,
    OtherLedgerKey,
)
from meydan.ledger import checkpoint as checkpoints
from meydan.ledger.checkpoint import Checkpoint
from meydan.ledger.note import BadNote, Note, SigningKey
from meydan.ledger.publish import grow, root_at, tile_of
from meydan.ledger.tiles import BadTile as BadTile
from meydan.ledger.tiles import Tile
from meydan.ledger.tiles import parse as parse_tile
from meydan.store import CheckpointRow, LogRow, Store, TileRow

__all__ = ["BadTile", "CheckpointRow", "LogRow", "Memory", "Publishing", "Standing", "parse_tile"]

STEP: Final = 65_536
"""Leaves that one checkpoint adds at most, where there are many: so that no transaction is long, and no memory large."""

FRESH_S: Final = 0.5
"""How old what the doors tell may be."""

MOST_REMEMBERED: Final = 64_000
HOW_TO_GO_ON: Final = (
    "Nothing is published until this is settled: restore the database that is newer, or begin a new ledger with "
    "`meydan ledger publish --new-log`."
)

_NUMBER: Final = re.compile(r"/ledger/([1-9][0-9]{0,8})")

log = structlog.get_logger("meydan.publishing")


class Memory:
    """
    The last checkpoint that this node published or saw, in a file of its own.

    Args:
        path: of the file; its folder is there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Checkpoint | None:
        """
        The checkpoint; None where nothing was seen yet.

        Raises:
            LedgerForgotten: the file is damaged or cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                written = file.read(MOST_REMEMBERED + 1)
            return Checkpoint.parse(Note.parse(written).text)
        except FileNotFoundError:
            return None
        except (OSError, BadNote) as error:
            raise LedgerForgotten(
                f"The last checkpoint of the ledger, in {self._path}, cannot be read ({type(error).__name__}). Nothing is "
                "published meanwhile."
            ) from None

    def keep(self, note: str) -> None:
        """
        Remember a checkpoint instead of the one before; durable when this returns, and whole whatever happens.

        Raises:
            LedgerForgotten: it could not be written.
        """
        try:
            durable.write(self._path, note.encode())
        except OSError as error:
            raise LedgerForgotten(
                f"The last checkpoint of the ledger cannot be written to {self._path} ({type(error).__name__}). Nothing more "
                "is published meanwhile."
            ) from None


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How the ledger stands at this node.

    Attributes:
        name: of the current log, in its checkpoints.
        published: leaves under its last checkpoint, which is of `at`.
        lag_s: for how long leaves have waited to be published, as far as this node has seen.
        stopped: why nothing is published; None while all is well.
    """

    name: str
    published: int
    at: datetime | None
    lag_s: float
    stopped: MeydanError | None


class Publishing:
    """
    Publishes, and knows what was published. Safe to use from many threads and nodes.

    Args:
        name: what the first log is called.
        seeds: the keys that sign, 32 bytes each, the current first; asked each time, may raise BadSigningKey.
        clock: the time that a checkpoint is kept with.
    """

    def __init__(
        self,
        store: Store,
        *,
        name: str,
        seeds: Callable[[], Sequence[bytes]],
        memory: Memory,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._name = name
        self._seeds = seeds
        self._memory = memory
        self._clock = clock
        self._turn = threading.Lock()
        self._logs: tuple[LogRow, ...] = ()
        self._latest: CheckpointRow | None = None
        self._keys: tuple[SigningKey, ...] = ()
        self._keys_of: tuple[str, tuple[bytes, ...]] | None = None
        self._checked: CheckpointRow | None = None
        self._unseen: MeydanError | None = None
        self._unpublished: MeydanError | None = None
        self._behind_since: float | None = None
        self._looked_at = float("-inf")

    # -- publishing ------------------------------------------------------------

    def round(self, *, leads: Callable[[], bool] = lambda: True) -> int:
        """
        See how it stands, and where this node leads, publish what there is.

        Args:
            leads: asked before each checkpoint.

        Returns:
            How many leaves were published. What stops it is in `standing`, and is not raised.

        Raises:
            StoreUnavailable: the database did not answer; the next round tries again.
        """
        with self._turn:
            if not self._see():
                return 0
            before = self._latest.size if self._latest else 0
            unpublished = None
            try:
                while leads() and self._publish_step():
                    pass
            except Misconfigured as error:
                unpublished = error
            self._now_stopped(self._unseen, unpublished)
            return (self._latest.size if self._latest else 0) - before

    def publish(self) -> int:
        """As `round`, of whoever does it by hand: raises what stops it."""
        published = self.round()
        if (stopped := self.standing.stopped) is not None:
            raise stopped
        return published

    def begin_anew(self) -> LogRow:
        """
        Begin a new log under a name of its own, with all leaves that there are, and publish it.

        Whoever followed the one before sees that it ended; that it did is in the journal.

        Raises:
            BadSigningKey, LeafMissing, LedgerForgotten: a new one could not be published either.
            StoreUnavailable: the database did not answer.
        """
        with self._turn:
            logs = self._store.logs.all()
            seen = self._memory.read()
            numbers = [one.number for one in logs]
            if seen is not None:
                numbers.append(_number_of(seen.origin, logs))
            number = max(numbers, default=0) + 1
            begun = LogRow(number, self._name if number == 1 else f"{self._name}/{number}", self._clock())
            self._store.logs.begin(begun)
            log.info("ledger_begun", ledger=begun.origin)
        self.publish()
        return begun

    def _publish_step(self) -> bool:
        """Publish some leaves; returns whether there are more."""
        leaves = self._store.logs.leaves_count()
        size, root = (self._latest.size, self._latest.root) if self._latest else (0, b"")
        if leaves == size:
            return False
        if leaves < size:
            raise LedgerRolledBack(
                f"The database has {leaves} leaves; {size} were published as {self._current_name}. {HOW_TO_GO_ON}"
            )
        if not self._logs:
            self._store.logs.begin(LogRow(1, self._name, self._clock()))
            self._logs = self._store.logs.all()
            self._sign_as(self._current_name)
        current = self._logs[-1]
        grown = grow(size, root, min(leaves, size + STEP), _Books(self._store, current.number))
        note = checkpoints.sign(Checkpoint(current.origin, grown.size, grown.root), self._keys)
        row = CheckpointRow(grown.size, grown.root, self._clock(), note)
        tiles = [TileRow(*tile) for tile in grown.tiles]
        if not self._store.logs.add(current.number, row, tiles, since=size):
            return False
        # Public from here on: whoever asks another node is told of it.
        self._memory.keep(note)
        self._latest = row
        if grown.size == leaves:
            self._behind_since = None
        return grown.size < leaves

    def _look(self, *, keeping: bool = True) -> None:
        """
        Read how it stands, and hold it against what this node remembers.

        Raises:
            Misconfigured: nothing may be published.
        """
        # Before the database: a program beside this one may publish meanwhile, and the database would be said to be behind.
        seen = self._memory.read()
        self._logs = self._store.logs.all()
        self._sign_as(self._current_name)
        current = self._logs[-1] if self._logs else None
        latest = self._store.logs.latest(current.number) if current else None
        leaves = self._store.logs.leaves_count()
        if leaves == (latest.size if latest else 0):
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = time.monotonic()
        self._looked_at = time.monotonic()
        try:
            if seen is not None and (
                current is None
                or latest is None
                or (seen.origin, seen.size, seen.root) != (current.origin, latest.size, latest.root)
            ):
                self._check_seen(seen, current, latest, leaves)
            if latest is not None and latest != self._checked:
                self._check_signed(latest)
                self._checked = latest
        except Misconfigured:
            # Signed once, and not taken back: who asks is told what there is, and sees for themselves.
            self._latest = latest
            raise
        newer = (
            seen is None
            or seen.origin != self._current_name
            or (latest is not None and seen.size < latest.size)
        )
        if keeping and latest is not None and newer:
            self._memory.keep(latest.note)
        self._latest = latest

    def _check_seen(
        self, seen: Checkpoint, current: LogRow | None, latest: CheckpointRow | None, leaves: int
    ) -> None:
        """Refuse a database that does not go on from what this node remembers."""
        if current is not None and _number_of(seen.origin, self._logs) < current.number:
            return
        size, root = (latest.size, latest.root) if latest else (0, b"")
        if current is None or seen.origin != current.origin:
            raise _rolled_back(seen, "does not know of it")
        if seen.size > leaves:
            raise _rolled_back(seen, f"has {leaves} leaves")
        books = _Books(self._store, current.number)
        if seen.size == size:
            found = root
        elif seen.size < size:
            found = root_at(seen.size, books)
        else:
            # The checkpoint was lost and the leaves were not: then they lead to it again.
            found = grow(size, root, seen.size, books).root
        if found != seen.root:
            raise _rolled_back(seen, "has other leaves there")

    def _check_signed(self, latest: CheckpointRow) -> None:
        """Refuse to go on from what this node's keys did not sign."""
        try:
            note = Note.parse(latest.note)
            by = note.signed_by([key.verifying for key in self._keys])
            said = Checkpoint.parse(note.text)
        except BadNote:
            by, said = (), None
        if said is None or (said.origin, said.size, said.root) != (
            self._current_name,
            latest.size,
            latest.root,
        ):
            raise LeafChanged(
                f"The checkpoint over {latest.size} leaves is not what was signed. {HOW_TO_GO_ON}"
            )
        if not by:
            raise _other_key(self._current_name)

    @property
    def _current_name(self) -> str:
        return self._logs[-1].origin if self._logs else self._name

    def _sign_as(self, name: str) -> None:
        seeds = tuple(self._seeds())
        if self._keys_of != (name, seeds):
            self._keys = tuple(SigningKey(name, seed) for seed in seeds)
            self._keys_of = (name, seeds)
            # Who did not sign what stands published may not go on from it, also where the key was changed beneath a running server.
            self._checked = None

    def _see(self) -> bool:
        """Look; returns whether anything may be published."""
        try:
            self._look()
        except Misconfigured as error:
            self._now_stopped(error, self._unpublished)
            return False
        self._now_stopped(None, self._unpublished)
        return True

    def _now_stopped(self, unseen: MeydanError | None, unpublished: MeydanError | None) -> None:
        before, now = self._unseen or self._unpublished, unseen or unpublished
        self._unseen, self._unpublished = unseen, unpublished
        if now is not None and (before is None or before.code != now.code):
            log.error("ledger_stopped", code=now.code, cause=now.message)
        elif now is None and before is not None:
            log.info("ledger_goes_on", ledger=self._current_name)

    # -- what others are told ----------------------------------------------------

    @property
    def standing(self) -> Standing:
        """How it stood when it was looked at last; asks nobody."""
        latest, since = self._latest, self._behind_since
        return Standing(
            self._current_name,
            latest.size if latest else 0,
            latest.at if latest else None,
            0.0 if since is None else time.monotonic() - since,
            self._unseen or self._unpublished,
        )

    def examine(self) -> Standing:
        """How it stands now; publishes nothing and remembers nothing. Raises what would stop it."""
        with self._turn:
            self._look(keeping=False)
            return self.standing

    def receipt_key(self) -> SigningKey | None:
        """What signs receipts now; None while what is numbered may never be published under that number."""
        return self._keys[0] if self._keys and self.standing.stopped is None else None

    def keys_of(self, number: int | None) -> tuple[str, ...]:
        """
        The keys to verify a log with, as words, the current first; none for a log that there is not.

        Raises:
            OtherLedgerKey: none of this node's keys signed it. Who was given one of them would think that it is forged.
        """
        one = self.log(number)
        if one is None and (self._logs or number not in (None, 1)):
            return ()
        name = self._name if one is None else one.origin
        keys = [SigningKey(name, key.seed).verifying for key in self._keys]
        latest = self.checkpoint(number)
        if latest is not None:
            # What is no note any more is verified with the keys all the same, and found out.
            with contextlib.suppress(BadNote):
                if not Note.parse(latest.note).signed_by(keys):
                    raise _other_key(name)
        return tuple(map(str, keys))

    def log(self, number: int | None = None) -> LogRow | None:
        """A log by its number, None for the current one; None where there is none."""
        self._refresh()
        if number is None:
            return self._logs[-1] if self._logs else None
        return next((one for one in self._logs if one.number == number), None)

    def logs(self) -> tuple[LogRow, ...]:
        """Every log, the current one last."""
        self._refresh()
        return self._logs

    def checkpoint(self, number: int | None = None) -> CheckpointRow | None:
        """The last checkpoint of a log, None for the current one; None before its first."""
        one = self.log(number)
        if one is None:
            return None
        if one != self._logs[-1]:
            return self._store.logs.latest(one.number)
        # While another log is begun, what was seen last is of the one before, for a moment.
        latest = self._latest
        return latest if latest is not None and latest.note.startswith(f"{one.origin}\n") else None

    def tile(self, tile: Tile, number: int | None = None) -> bytes | None:
        """
        A tile's bytes, or a bundle's; None for one that the last checkpoint does not cover.

        Raises:
            LeafMissing, LeafChanged: what was published is not there any more.
        """
        one, latest = self.log(number), self.checkpoint(number)
        if one is None or latest is None or not tile.is_in(latest.size):
            return None
        return tile_of(tile, _Books(self._store, one.number))

    def _refresh(self) -> None:
        """Look again, where it is long ago and nobody else does just now; what is known is told while nobody can be asked."""
        if time.monotonic() - self._looked_at < FRESH_S or not self._turn.acquire(blocking=False):
            return
        try:
            self._see()
        except MeydanError as error:
            log.warning("ledger_not_seen", code=error.code)
        finally:
            self._looked_at = time.monotonic()
            self._turn.release()


class _Books:
    """The store as what publishing goes on from."""

    def __init__(self, store: Store, log: int) -> None:
        self._logs = store.logs
        self._log = log

    def leaves(self, begin: int, end: int) -> Sequence[bytes]:
        return self._logs.leaves(begin, end)

    def full(self, level: int, number: int) -> bytes | None:
        return self._logs.tile(self._log, level, number)

    def roots(self, level: int, begin: int, end: int) -> Sequence[bytes]:
        return self._logs.tile_roots(self._log, level, begin, end)


def _number_of(origin: str, logs: Sequence[LogRow]) -> int:
    """Which log a name is of; by what the name says where the database does not know it."""
    known = next((one.number for one in logs if one.origin == origin), None)
    if known is not None:
        return known
    found = _NUMBER.search(origin)
    return int(found[1]) if found else 1


def _other_key(name: str) -> OtherLedgerKey:
    return OtherLedgerKey(
        f"This node's key did not sign the last checkpoint of {name}. Give it the ledger.key of the node that did, or the "
        "setting ledger_key. Where that key is lost, begin a new ledger with `meydan ledger publish --new-log`."
    )


def _rolled_back(seen: Checkpoint, how: str) -> LedgerRolledBack:
    return LedgerRolledBack(
        f"{seen.size} leaves were published as {seen.origin}, and the database {how}: it was rolled back, or restored from an "
        f"older backup. {HOW_TO_GO_ON}"
    )
