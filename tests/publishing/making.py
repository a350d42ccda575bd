"""A publisher over a store, and a way to look at what it published with nothing but the doors' answers."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meydan.ledger import checkpoint as checkpoints
from meydan.ledger.checkpoint import Checkpoint
from meydan.ledger.note import SigningKey, VerifyingKey
from meydan.ledger.tiles import ENTRIES, Tile, TileReader, decode_entries, tile_in, tiles_of
from meydan.ledger.tree import check_consistency, consistency_path, leaf_hash, root_of
from meydan.publishing import Memory, Publishing
from meydan.store import Store
from tests.store.making import around, later

NAME = "comments.example/ledger"
SEED = b"k" * 32


@dataclass
class Node:
    """One node's publisher, its keys and its data folder."""

    store: Store
    folder: Path
    seeds: list[bytes] = field(default_factory=lambda: [SEED])

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.begin()

    def begin(self) -> Publishing:
        """As a program that was started anew."""
        self.publishing = Publishing(
            self.store, name=NAME, seeds=lambda: tuple(self.seeds), memory=self.memory, clock=later
        )
        return self.publishing

    @property
    def memory(self) -> Memory:
        return Memory(self.folder / "ledger.checkpoint")

    def keys(self, name: str = NAME) -> list[SigningKey]:
        return [SigningKey(name, seed) for seed in self.seeds]

    def remember(self, size: int, root: bytes, name: str = NAME) -> None:
        """Remember a checkpoint that the database does not have."""
        self.memory.keep(checkpoints.sign(Checkpoint(name, size, root), self.keys(name)))


def checked(node: Node, before: Checkpoint | None = None, number: int | None = None) -> Checkpoint:
    """What stands published, verified from checkpoint, tiles and leaves alone, and as going on from `before`."""
    row = node.publishing.checkpoint(number)
    assert row is not None
    words = [VerifyingKey.parse(word) for word in node.publishing.keys_of(number)]
    found, opened = checkpoints.open(row.note, words)
    assert opened.by

    def tile(asked: Tile) -> bytes:
        data = node.publishing.tile(asked, number)
        assert data is not None
        return data

    hashes: list[bytes] = []
    for at in range(0, found.size, 256):
        bundle = tile_in(ENTRIES, at // 256, found.size)
        hashes += map(leaf_hash, decode_entries(tile(bundle), bundle.width))
    assert root_of(hashes) == found.root
    reader = TileReader(found.size, tile)
    for one in tiles_of(found.size):
        assert len(tile(one)) == one.width * 32
    if before is not None:
        path = consistency_path(before.size, found.size, reader)
        check_consistency(before.size, found.size, path, before.root, found.root)
    return found


def leaves(store: Store) -> list[bytes]:
    return [body for _, body in store.leaves(0, 1_000_000)]


def root_over(bodies: Sequence[bytes]) -> bytes:
    return root_of(map(leaf_hash, bodies))


def unguarded(url: str, *statements: str) -> None:
    """Do what the guards refuse, as whoever owns the database can."""
    with around(url) as connection:
        if url.startswith("sqlite"):
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
        else:
            connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement)


def sizes(url: str) -> list[Any]:
    with around(url) as connection:
        return [
            row[0] for row in connection.execute("SELECT size FROM checkpoint ORDER BY log, size").fetchall()
        ]


def another_seed() -> bytes:
    return secrets.token_bytes(32)
