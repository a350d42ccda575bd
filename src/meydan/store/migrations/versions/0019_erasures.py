"""
What was erased is found without reading every comment: it is listed outside the database too, for restores.
"""

from __future__ import annotations

from meydan.store.migrations import gently

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    gently.index("ix_comment_erased", "comment", ["erased_at"], where="erased_at IS NOT NULL")
