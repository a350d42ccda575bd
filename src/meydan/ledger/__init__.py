"""The transparency log's material: what a leaf says, and how a text is committed to."""

from meydan.ledger.dossier import Dossier, dossier_of
from meydan.ledger.leaf import commitment_of, decision_leaf, erasure_leaf, receipt_leaf, withdrawal_leaf
from meydan.ledger.receipt import id_in, receipt_of, salt_in
from meydan.ledger.tree import Tree, leaf_hash

__all__ = [
    "Dossier",
    "Tree",
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
