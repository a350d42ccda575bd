"""Comments and decisions by time, for the figures of a period."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_comment_time", "comment", ["submitted_at"], unique=False)
    op.create_index("ix_decision_time", "decision", ["decided_at"], unique=False)
