"""A ledger as a newsroom would serve it, with leaves of comments that never were; and ways to tamper with it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from meydan.comment import DecidedBy, Decision, Reason, Verdict
from meydan.ledger import checkpoint
from meydan.ledger.checkpoint import Checkpoint
from meydan.ledger.leaf import decision_leaf, erasure_leaf, receipt_leaf, withdrawal_leaf
from meydan.ledger.note import SigningKey
from meydan.ledger.tiles import ENTRIES, WIDTH, Tile, encode_entries, tiles_of
from meydan.ledger.tree import leaf_hash, root_of, subtree_hash
from meydan.ledger.verify import Missing

ORIGIN = "news.example/ledger"
KEY = SigningKey(ORIGIN, b"k" * 32)
OTHER = SigningKey(ORIGIN, b"o" * 32)
BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
APPROVED = Decision(Verdict.APPROVE, guidelines="g" * 64, model="m" * 64)
REJECTED = Decision(
    Verdict.REJECT,
    (Reason(rule="threats"),),
    decided_by=DecidedBy.MODERATOR,
    guidelines="g" * 64,
    model="m" * 64,
)
IMPORTED = Decision(Verdict.APPROVE, decided_by=DecidedBy.IMPORT, by="import")


def commitment(number: int) -> bytes:
    return sha256(b"comment %d" % number).digest()


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def leaves_of(comments: int) -> list[bytes]:
    """Each comment with its receipt and its decision, now and then with more."""
    bodies = []
    for number in range(comments):
        bodies.append(receipt_leaf(commitment(number), at(number)))
        bodies.append(
            decision_leaf(commitment(number), REJECTED if number % 3 else APPROVED, at(number + 0.5))
        )
        if number % 7 == 6:
            bodies.append(decision_leaf(commitment(number - 5), APPROVED, at(number + 0.6)))
        if number % 11 == 10:
            bodies.append(withdrawal_leaf(commitment(number - 3), at(number + 0.7)))
        if number % 13 == 12:
            bodies.append(erasure_leaf(commitment(number - 7), at(number + 0.8)))
    return bodies


def files_of(bodies: Sequence[bytes]) -> dict[str, bytes]:
    """All tiles and bundles over leaves, by path."""
    levels = [[leaf_hash(body) for body in bodies]]
    while len(levels[-1]) >= WIDTH:
        row = levels[-1]
        levels.append([subtree_hash(row[i : i + WIDTH]) for i in range(0, len(row) - WIDTH + 1, WIDTH)])
    files = {}
    for tile in tiles_of(len(bodies)):
        begin = tile.index * WIDTH
        files[tile.path] = b"".join(levels[tile.level][begin : begin + tile.width])
        if tile.level == 0:
            bundle = encode_entries(bodies[begin : begin + tile.width])
            files[Tile(ENTRIES, tile.index, tile.width).path] = bundle
    return files


@dataclass
class Served:
    """
    A ledger in memory; call it to fetch. `files` may be tampered with, `asked` says what was fetched.
    """

    bodies: list[bytes]
    keys: Sequence[SigningKey] = (KEY,)
    origin: str = ORIGIN
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.publish()

    def publish(self) -> None:
        self.files = {**self.files, **files_of(self.bodies)}
        self.sign(len(self.bodies), root_of(map(leaf_hash, self.bodies)))

    def sign(self, size: int, root: bytes) -> None:
        self.files["checkpoint"] = checkpoint.sign(Checkpoint(self.origin, size, root), self.keys).encode()

    def grow(self, bodies: Sequence[bytes]) -> None:
        self.bodies = [*self.bodies, *bodies]
        self.publish()

    def __call__(self, path: str) -> bytes:
        self.asked.append(path)
        if path not in self.files:
            raise Missing
        return self.files[path]


def paths(served: Served) -> list[str]:
    return sorted(itertools.chain(served.files))
