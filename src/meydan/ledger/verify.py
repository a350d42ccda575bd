"""
Whether a ledger is what it says it is: asked by somebody who trusts nobody but a key.

Pure but for its threads: what is served is fetched by a function that is given, the time is given, and what was verified
before comes and goes as a value. Leaves stream through; what grows with their number is the book, by thirty bytes a comment.

    Verifier.verify      one look at the ledger, from its checkpoint to its last leaf -> Report
    State                what was verified, to go on from
    Finding              what is wrong, by a name that does not change

A finding either proves that somebody tampered, or that it cannot be told, or is a warning; `Name` says which.
"""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from meydan.comment import DecidedBy
from meydan.errors import LedgerUnreachable, NotALedger
from meydan.ledger.book import NOTHING, Book
from meydan.ledger.checkpoint import Checkpoint
from meydan.ledger.note import BadNote, Note, VerifyingKey
from meydan.ledger.reading import BadLeaf, Kind, Leaf, read_leaf, time_of
from meydan.ledger.tiles import (
    ENTRIES,
    WIDTH,
    BadTile,
    SwappedTile,
    Tile,
    TileReader,
    decode_entries,
    encode_entries,
    tile_in,
)
from meydan.ledger.tree import HASH_BYTES, BadProof, check_consistency, consistency_path, leaf_hash

SLACK_S: Final = 300
"""
How much earlier than the leaf before it a leaf may say it was: clocks of several nodes differ, and a time is taken when a
comment comes, a number when it is kept.
"""

THREADS: Final = 8
MOST_FINDINGS: Final = 100
"""Of tampering; whoever has found so many has seen enough."""

CHECKPOINT: Final = "checkpoint"

Fetch = Callable[[str], bytes]
"""A path below the ledger's address -> what is there; Missing where nothing is, LedgerUnreachable where nobody answers."""


class Missing(Exception):
    """The server answers, and says that there is nothing at this path."""


class Withheld(Exception):
    """A tile or a bundle that a signed checkpoint covers is not served; `told` says which."""

    def __init__(self, tile: Tile) -> None:
        what = "bundle of leaves" if tile.level == ENTRIES else "tile"
        self.told = f"The {what} {tile.path} is covered by the signed checkpoint and is not served."
        super().__init__(self.told)


class Name(StrEnum):
    """What a finding is called; programs may rely on it."""

    WRONG_KEY = "wrong key"
    FORKED = "forked tree"
    ROLLED_BACK = "rolled back"
    SWAPPED_TILE = "swapped tile"
    CHANGED_LEAF = "changed leaf"
    HOLE = "hole"
    BAD_LEAF = "malformed leaf"
    BAD_ORDER = "impossible order"
    STALE = "stale checkpoint"
    CLOCK_SET_BACK = "clock set back"
    CLOCK_AHEAD = "clock ahead"

    @property
    def is_tampering(self) -> bool:
        return self not in _CANNOT_TELL | _WARNINGS

    @property
    def is_warning(self) -> bool:
        return self in _WARNINGS


_CANNOT_TELL: Final = frozenset({Name.STALE})
_UNREAD: Final = frozenset({Name.SWAPPED_TILE, Name.CHANGED_LEAF, Name.HOLE, Name.BAD_LEAF})
_WARNINGS: Final = frozenset({Name.CLOCK_SET_BACK, Name.CLOCK_AHEAD})


class Outcome(StrEnum):
    SOUND = "sound"
    TAMPERED = "tampered"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, in a sentence; `leaf` is the number of the leaf it is about, if it is about one."""

    name: Name
    told: str
    leaf: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """
    What was verified.

    Args:
        checkpoint, note: the last one, as it was signed.
        newest: the latest time that a leaf said, "" for none.
        book: of the leaves so far; a look at the ledger goes on writing in it, so it is spent with that look. None: it was
            lost, and all leaves are looked at again.
    """

    checkpoint: Checkpoint
    note: Note
    newest: str
    book: Book | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """
    What one look at a ledger found.

    Args:
        shown: the checkpoint that was served, and its note; None where no known key signed it.
        begun: the number of the first leaf that was looked at.
        leaves: how many were.
        counts: of findings by name; `findings` holds no more than a hundred of them.
        state: to go on from; None where something is wrong with what is served.
    """

    shown: Checkpoint | None
    note: Note
    signed_by: tuple[VerifyingKey, ...]
    begun: int
    leaves: int
    findings: tuple[Finding, ...]
    counts: dict[Name, int]
    state: State | None

    @property
    def outcome(self) -> Outcome:
        if any(name.is_tampering for name in self.counts):
            return Outcome.TAMPERED
        return Outcome.CANNOT_TELL if Name.STALE in self.counts else Outcome.SOUND


# What the book says of a comment.
_RECEIVED, _DECIDED, _WITHDRAWN, _ERASED = 1, 2, 3, 4
_SAID: Final = {
    Kind.RECEIPT: _RECEIVED,
    Kind.DECISION: _DECIDED,
    Kind.WITHDRAWAL: _WITHDRAWN,
    Kind.ERASURE: _ERASED,
}


class _Enough(Exception):
    """There is no sense in looking further."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """
    Looks at one ledger.

    Args:
        fetch: asked from several threads at once.
        keys: of which one has to have signed.
        stale_after_s: how old the newest leaf may be; None: however old.
        threads: how many things are fetched at a time.
    """

    fetch: Fetch
    keys: Sequence[VerifyingKey]
    stale_after_s: float | None = None
    slack_s: float = SLACK_S
    threads: int = THREADS

    def verify(
        self,
        before: State | None = None,
        *,
        now: datetime,
        book_key: bytes,
        begun: Callable[[int, int], None] = lambda begin, size: None,
        told: Callable[[int], None] = lambda leaves: None,
        heard: Callable[[bytes, Leaf], None] = lambda hashed, leaf: None,
        everything: bool = False,
    ) -> Report:
        """
        Look at the ledger, from its checkpoint to its last leaf.

        Args:
            before: what was verified last; leaves up to there are not looked at again.
            book_key: 16 random bytes, for the book that is begun where nothing was verified before.
            begun: is told where the looking begins, and how many leaves there are.
            told: is told how many leaves were looked at, again and again.
            heard: is given each leaf that is one of ours, with its hash, in their order.
            everything: look at all leaves, also at those of before.

        Raises:
            LedgerUnreachable: nobody answers, or not all the way.
            NotALedger: what is served there is no checkpoint.
        """
        return _Look(self, before, now, book_key, heard, everything=everything).whole(begun, told)


class _Look:
    """One look, with what it has found so far."""

    def __init__(
        self,
        asked: Verifier,
        before: State | None,
        now: datetime,
        book_key: bytes,
        heard: Callable[[bytes, Leaf], None],
        *,
        everything: bool,
    ) -> None:
        self._heard = heard
        self._fetch = asked.fetch
        self._asked = asked
        self._before = before
        self._book, self._begin, self._newest = Book(book_key), 0, ""
        if before is not None and before.book is not None and not everything:
            self._book, self._begin, self._newest = before.book, before.checkpoint.size, before.newest
        self._now = now
        self._slack = timedelta(seconds=asked.slack_s)
        self._ahead = _written(now + self._slack)
        self._findings: list[Finding] = []
        self._counts: Counter[Name] = Counter()
        # A receipt that says an earlier time than the one before: moved in, if the next leaf is its decision by import.
        self._doubted: tuple[int, Leaf] | None = None
        self._moved_in = b""
        # Once a leaf could not be read, nobody knows what has a receipt.
        self._seen_all = True

    def whole(self, begun: Callable[[int, int], None], told: Callable[[int], None]) -> Report:
        note = self._served()
        shown, by = self._signed(note)
        looked = 0
        try:
            if shown is None:
                raise _Enough
            self._check_size(shown)
            reader = self._tiles(shown)
            self._check_growth(shown, reader)
            begun(self._begin, shown.size)
            for number in self._leaves(shown, reader):
                looked += number
                told(number)
            self._doubt_no_more()
            self._check_age()
        except _Enough:
            pass
        sound = shown is not None and not any(name.is_tampering for name in self._counts)
        return Report(
            shown=shown,
            note=note,
            signed_by=by,
            begun=self._begin,
            leaves=looked,
            findings=tuple(self._findings),
            counts=dict(self._counts),
            state=State(shown, note, self._newest, self._book) if sound and shown is not None else None,
        )

    # The checkpoint: who signed it, and does it go on from the one before?

    def _served(self) -> Note:
        try:
            return Note.parse(self._fetch(CHECKPOINT))
        except Missing:
            raise LedgerUnreachable(
                "Nothing has been published there: there is no checkpoint. A ledger's address mostly ends in /ledger."
            ) from None
        except BadNote as error:
            raise NotALedger(f"What is served as the checkpoint is none. {error}") from None

    def _signed(self, note: Note) -> tuple[Checkpoint | None, tuple[VerifyingKey, ...]]:
        try:
            by = note.signed_by(self._asked.keys)
        except BadNote as error:
            self._found(Name.WRONG_KEY, f"The checkpoint is not what was signed. {error}")
            return None, ()
        if not by:
            self._found(Name.WRONG_KEY, "The checkpoint is signed by another key than the one you know.")
            return None, ()
        try:
            shown = Checkpoint.parse(note.text)
        except BadNote as error:
            raise NotALedger(f"What is served as the checkpoint is none. {error}") from None
        if all(shown.origin != key.name for key in by):
            self._found(Name.WRONG_KEY, "The checkpoint is signed by your key, but it is another ledger's.")
            return None, by
        return shown, by

    def _check_size(self, shown: Checkpoint) -> None:
        if self._before is None:
            return
        known = self._before.checkpoint
        if shown.size < known.size:
            self._found(
                Name.ROLLED_BACK,
                f"The ledger had {known.size} leaves when it was verified last, and shows {shown.size} now.",
            )
            raise _Enough
        if shown.size == known.size and shown.root != known.root:
            self._found(Name.FORKED, f"Two different trees of {known.size} leaves were signed.")
            raise _Enough

    def _tiles(self, shown: Checkpoint) -> TileReader:
        try:
            return TileReader(shown.size, self._tile, root=shown.root)
        except SwappedTile:
            self._found(
                Name.SWAPPED_TILE, "The tiles at the ledger's end do not lead to the root that was signed."
            )
        except BadTile as error:
            self._found(Name.SWAPPED_TILE, str(error))
        except Withheld as hole:
            self._found(Name.HOLE, hole.told)
        raise _Enough

    def _check_growth(self, shown: Checkpoint, reader: TileReader) -> None:
        if self._before is None:
            return
        known = self._before.checkpoint
        try:
            path = consistency_path(known.size, shown.size, reader)
            check_consistency(known.size, shown.size, path, known.root, shown.root)
        except BadProof:
            self._found(
                Name.FORKED,
                f"The tree of {shown.size} leaves does not begin with the tree of {known.size} that was verified last.",
            )
        except BadTile as error:
            self._found(Name.SWAPPED_TILE, str(error))
        except Withheld as hole:
            self._found(Name.HOLE, hole.told)
        else:
            return
        raise _Enough

    # The leaves, a bundle at a time.

    def _leaves(self, shown: Checkpoint, reader: TileReader) -> Iterator[int]:
        """Look at all leaves; tells how many after each bundle."""
        indices = (
            range(self._begin // WIDTH, -(-shown.size // WIDTH)) if self._begin < shown.size else range(0)
        )
        tiles = (tile_in(0, index, shown.size) for index in indices)
        with contextlib.closing(self._fetched(tiles)) as fetched:
            for tile, hashes, bodies in fetched:
                first = max(self._begin, tile.index * WIDTH)
                try:
                    proved = reader.prove(tile, _given(hashes))
                except BadTile as error:
                    self._found(Name.SWAPPED_TILE, str(error), first)
                except Withheld as hole:
                    self._found(Name.HOLE, hole.told, first)
                else:
                    self._bundle(tile, proved, bodies, first)
                yield tile.end - first

    def _bundle(self, tile: Tile, proved: list[bytes], data: bytes | Withheld, first: int) -> None:
        try:
            bodies = decode_entries(_given(data), tile.width)
        except BadTile as error:
            self._found(Name.CHANGED_LEAF, f"{Tile(ENTRIES, tile.index, tile.width).path}: {error}", first)
            return
        except Withheld as hole:
            self._found(Name.HOLE, hole.told, first)
            return
        number = tile.index * WIDTH
        for body, hashed in zip(bodies, proved, strict=True):
            if leaf_hash(body) != hashed:
                self._found(
                    Name.CHANGED_LEAF, f"Leaf {number} is served with other words than were signed.", number
                )
            elif number >= first:
                self._leaf(number, body, hashed)
            number += 1

    def _leaf(self, number: int, body: bytes, hashed: bytes) -> None:
        try:
            leaf = read_leaf(body)
        except BadLeaf as error:
            self._found(Name.BAD_LEAF, f"Leaf {number} is none of Meydan's: {error}.", number)
            return
        self._check_order(number, leaf)
        self._check_time(number, leaf)
        self._heard(hashed, leaf)

    def _check_order(self, number: int, leaf: Leaf) -> None:
        said = self._book.get(leaf.commitment)
        if leaf.kind is Kind.RECEIPT:
            if said != NOTHING:
                self._found(Name.BAD_ORDER, f"Leaf {number} is a second receipt for one comment.", number)
                return
        elif said == NOTHING:
            if self._seen_all:
                told = f"Leaf {number} is a {leaf.kind} of a comment without a receipt."
                self._found(Name.BAD_ORDER, told, number)
        elif said == _ERASED:
            self._found(
                Name.BAD_ORDER, f"Leaf {number} is a {leaf.kind} of a comment that was erased.", number
            )
            return
        elif leaf.kind is Kind.WITHDRAWAL and said == _WITHDRAWN:
            self._found(Name.BAD_ORDER, f"Leaf {number} is a second withdrawal of one comment.", number)
        # What was withdrawn may still be decided; it stays withdrawn.
        self._book.put(leaf.commitment, max(said, _SAID[leaf.kind]))

    def _check_time(self, number: int, leaf: Leaf) -> None:
        doubted, self._doubted = self._doubted, None
        imports = leaf.decided_by is DecidedBy.IMPORT
        if doubted is not None and not (imports and doubted[1].commitment == leaf.commitment):
            self._set_back(*doubted)
        if imports:
            self._moved_in = leaf.commitment
        if leaf.at > self._ahead:
            self._found(Name.CLOCK_AHEAD, f"Leaf {number} says {leaf.at}, which is still to come.", number)
        elif leaf.at >= self._newest:
            self._newest = leaf.at
        elif time_of(leaf.at) + self._slack < time_of(self._newest) and self._moved_in != leaf.commitment:
            if leaf.kind is Kind.RECEIPT:
                self._doubted = number, leaf
            else:
                self._set_back(number, leaf)

    def _doubt_no_more(self) -> None:
        if self._doubted is not None:
            self._set_back(*self._doubted)

    def _set_back(self, number: int, leaf: Leaf) -> None:
        self._found(
            Name.CLOCK_SET_BACK,
            f"Leaf {number} says {leaf.at}, after one of {self._newest}: a clock was set back, or a comment was "
            "moved in from elsewhere that was not decided there.",
            number,
        )

    def _check_age(self) -> None:
        allowed = self._asked.stale_after_s
        if allowed is None or not self._newest:
            return
        age_s = (self._now - time_of(self._newest)).total_seconds()
        if age_s > allowed:
            self._found(
                Name.STALE,
                f"The newest leaf is of {self._newest}: nothing was sent since, or something is being kept from you.",
            )

    def _found(self, name: Name, told: str, leaf: int | None = None) -> None:
        self._counts[name] += 1
        if name in _UNREAD:
            self._seen_all = False
        # One warning of a kind says what there is to say; its count says how often.
        if not name.is_warning or self._counts[name] == 1:
            self._findings.append(Finding(name, told, leaf))
        if sum(count for kind, count in self._counts.items() if kind.is_tampering) >= MOST_FINDINGS:
            raise _Enough

    # What is served.

    def _tile(self, tile: Tile) -> bytes:
        return fetch_tile(self._fetch, tile)

    def _fetched(
        self, tiles: Iterable[Tile]
    ) -> Generator[tuple[Tile, bytes | Withheld, bytes | Withheld], None, None]:
        """Each tile with its bundle, in their order, some being fetched ahead."""

        def both(tile: Tile) -> tuple[bytes | Withheld, bytes | Withheld]:
            found: list[bytes | Withheld] = []
            for one in (tile, Tile(ENTRIES, tile.index, tile.width)):
                try:
                    found.append(self._tile(one))
                except Withheld as hole:
                    found.append(hole)
            return found[0], found[1]

        waiting: deque[tuple[Tile, Future[tuple[bytes | Withheld, bytes | Withheld]]]] = deque()
        pool = ThreadPoolExecutor(self._asked.threads, thread_name_prefix="fetch")
        try:
            for tile in tiles:
                waiting.append((tile, pool.submit(both, tile)))
                if len(waiting) > 2 * self._asked.threads:
                    first, coming = waiting.popleft()
                    yield first, *coming.result()
            for first, coming in waiting:
                yield first, *coming.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _given(data: bytes | Withheld) -> bytes:
    if isinstance(data, Withheld):
        raise data
    return data


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def fetch_tile(fetch: Fetch, tile: Tile) -> bytes:
    """
    A tile or a bundle; where a partial one is gone, cut from the full one that it has become.

    Raises:
        Withheld: neither is served.
    """
    with contextlib.suppress(Missing):
        return fetch(tile.path)
    if tile.width == WIDTH:
        raise Withheld(tile)
    try:
        data = fetch(Tile(tile.level, tile.index).path)
        if tile.level != ENTRIES:
            return data[: tile.width * HASH_BYTES]
        return encode_entries(decode_entries(data, WIDTH)[: tile.width])
    except (Missing, BadTile):
        raise Withheld(tile) from None
