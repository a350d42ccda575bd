"""
Where comments are kept, on SQLite or PostgreSQL: `Store`, and the values it takes and gives.

Nothing here knows a rule, a model or the web; nothing above here knows SQL.
"""

from __future__ import annotations

from meydan.store.figures import Counted, Figures
from meydan.store.people import People
from meydan.store.store import Store
from meydan.store.values import (
    Appeal,
    Attempts,
    Audit,
    Block,
    Claim,
    DecidedRow,
    Doorway,
    Ending,
    Entry,
    Escalated,
    Escalation,
    Kept,
    LookedTwice,
    ModeratorRow,
    NewComment,
    OpenSession,
    Page,
    Record,
    Scored,
    SessionRow,
    Sought,
    TokenRow,
    Told,
    Withdrawal,
)

__all__ = [
    "Appeal",
    "Attempts",
    "Audit",
    "Block",
    "Claim",
    "Counted",
    "DecidedRow",
    "Doorway",
    "Ending",
    "Entry",
    "Escalated",
    "Escalation",
    "Figures",
    "Kept",
    "LookedTwice",
    "ModeratorRow",
    "NewComment",
    "OpenSession",
    "Page",
    "People",
    "Record",
    "Scored",
    "SessionRow",
    "Sought",
    "Store",
    "TokenRow",
    "Told",
    "Withdrawal",
]
