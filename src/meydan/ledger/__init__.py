"""The transparency log: what a leaf says, how a text is committed to, and how the whole is proved and signed."""

from meydan.ledger.checkpoint import Checkpoint
from meydan.ledger.dossier import Dossier, dossier_of
from meydan.ledger.leaf import commitment_of, decision_leaf, erasure_leaf, receipt_leaf, withdrawal_leaf
from meydan.ledger.note import BadNote, Note, SigningKey, VerifyingKey
from meydan.ledger.receipt import id_in, receipt_of, salt_in
from meydan.ledger.tiles import BadTile, Tile, TileReader
from meydan.ledger.tree import BadProof, Tree, leaf_hash

__all__ = [
    "BadNote",
    "BadProof",
    "BadTile",
    "Checkpoint",
    "Dossier",
    "Note",
    "SigningKey",
    "Tile",
    "TileReader",
    "Tree",
    "VerifyingKey",
    "commitment_of",
    "decision_leaf",
    "dossier_of",
    "erasure_leaf",
    "id_in",
    "leaf_hash",
    "receipt_leaf",
    "receipt_of",
    "salt_in",
    "withdrawal_leaf",
]
