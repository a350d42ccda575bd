"""A published record as files, made with our own modules: what a server's doors give, for whoever verifies without one."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from meydan.ledger import checkpoint, tiles
from meydan.ledger.checkpoint import Checkpoint
from meydan.ledger.note import SigningKey
from meydan.ledger.tree import leaf_hash, root_of, subtree_hash

ORIGIN = "news.example/ledger"
KEY = SigningKey(ORIGIN, bytes(range(32)))

Files = dict[str, bytes]


@dataclass
class Published:
    """A record of leaves; `files` are what is served of it below the server's address."""

    bodies: Sequence[bytes]
    origin: str = ORIGIN
    keys: Sequence[SigningKey] = (KEY,)
    size: int = field(default=-1)

    def __post_init__(self) -> None:
        if self.size < 0:
            self.size = len(self.bodies)
        self.hashes = [leaf_hash(body) for body in self.bodies[: self.size]]

    @property
    def checkpoint(self) -> str:
        return checkpoint.sign(Checkpoint(self.origin, self.size, root_of(self.hashes)), self.keys)

    @property
    def files(self) -> Files:
        files = {
            "/ledger/checkpoint": self.checkpoint.encode(),
            "/ledger/key": "".join(f"{key.verifying}\n" for key in self.keys).encode(),
        }
        row, level = self.hashes, 0
        while row:
            for begin in range(0, len(row), tiles.WIDTH):
                part = row[begin : begin + tiles.WIDTH]
                tile = tiles.Tile(level, begin // tiles.WIDTH, len(part))
                files[f"/ledger/{tile.path}"] = b"".join(part)
                if level == 0:
                    bundle = tiles.encode_entries(self.bodies[begin : begin + len(part)])
                    files[f"/ledger/{tiles.entries_path(tile.index, tile.width)}"] = bundle
            whole = len(row) - len(row) % tiles.WIDTH
            row = [subtree_hash(row[at : at + tiles.WIDTH]) for at in range(0, whole, tiles.WIDTH)]
            level += 1
        return files


def encoded(files: Files) -> dict[str, str]:
    """Files as JSON can carry them."""
    return {path: base64.b64encode(body).decode("ascii") for path, body in files.items()}


def canonical(**facts: object) -> bytes:
    """A leaf's bytes, whatever it says."""
    return json.dumps({"v": 1, **facts}, sort_keys=True, separators=(",", ":")).encode()
