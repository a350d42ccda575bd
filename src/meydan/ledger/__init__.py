"""The transparency log: what a leaf says, how a text is committed to, and how the whole is proved, signed and published."""

from meydan.ledger.checkpoint import Checkpoint
from meydan.ledger.dossier import Dossier, dossier_of
from meydan.ledger.leaf import (
    commitment_of,
    commitment_with,
    decision_leaf,
    erasure_leaf,
    is_committed,
    is_former,
    opening_of,
    receipt_leaf,
    withdrawal_leaf,
)
from meydan.ledger.note import BadNote, Note, SigningKey, VerifyingKey
from meydan.ledger.receipt import Receipt, id_in, salt_in
from meydan.ledger.tiles import BadTile, Tile, TileReader
from meydan.ledger.tree import BadProof, Tree, leaf_hash

__all__ = [
    "BadNote",
    "BadProof",
    "BadTile",
    "Checkpoint",
    "Dossier",
    "Note",
    "Receipt",
    "SigningKey",
    "Tile",
    "TileReader",
    "Tree",
    "VerifyingKey",
    "commitment_of",
    "commitment_with",
    "decision_leaf",
    "dossier_of",
    "erasure_leaf",
    "id_in",
    "is_committed",
    "is_former",
    "leaf_hash",
    "opening_of",
    "receipt_leaf",
    "salt_in",
    "withdrawal_leaf",
]
