"""
Where comments are kept, on SQLite or PostgreSQL: `Store`, and the values it takes and gives.

Nothing here knows a rule, a model or the web; nothing above here knows SQL.
"""

from __future__ import annotations

from meydan.store.store import Store
from meydan.store.values import (
    Appeal,
    Audit,
    DecidedRow,
    Escalation,
    ModeratorRow,
    NewComment,
    Page,
    SessionRow,
    TokenRow,
    Withdrawal,
)

__all__ = [
    "Appeal",
    "Audit",
    "DecidedRow",
    "Escalation",
    "ModeratorRow",
    "NewComment",
    "Page",
    "SessionRow",
    "Store",
    "TokenRow",
    "Withdrawal",
]
