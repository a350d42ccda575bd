"""
Fingerprints go with the address: of what was forgotten by programs that kept them, they are forgotten now.
"""

from __future__ import annotations

from meydan.store.migrations import gently

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    gently.fill("comment", "fingerprint = NULL", where="address_key IS NULL AND fingerprint IS NOT NULL")
