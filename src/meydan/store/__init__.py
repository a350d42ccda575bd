"""
Where comments are kept, on SQLite or PostgreSQL: `Store`, and the values it takes and gives.

Nothing here knows a rule, a model or the web; nothing above here knows SQL.
"""

from __future__ import annotations

from meydan.store.figures import Counted, Figures
from meydan.store.following import NEWS
from meydan.store.guidelines import Draft, Past, Version, Versions
from meydan.store.outbox import DeadJob, Job, Standing
from meydan.store.people import A_READER, OPERATOR, People
from meydan.store.readers import Readers
from meydan.store.store import Store
from meydan.store.values import (
    Appeal,
    Attempts,
    Audit,
    Became,
    Block,
    Claim,
    Confirmation,
    DecidedRow,
    Doorway,
    Ending,
    Entry,
    Escalated,
    Escalation,
    Follow,
    Kept,
    LookedTwice,
    ModeratorRow,
    NewComment,
    NewFollow,
    News,
    OpenSession,
    Page,
    Pulse,
    Record,
    Reports,
    Scored,
    SessionRow,
    Sought,
    Tally,
    TokenRow,
    Told,
    Withdrawal,
)

__all__ = [
    "A_READER",
    "NEWS",
    "OPERATOR",
    "Appeal",
    "Attempts",
    "Audit",
    "Became",
    "Block",
    "Claim",
    "Confirmation",
    "Counted",
    "DeadJob",
    "DecidedRow",
    "Doorway",
    "Draft",
    "Ending",
    "Entry",
    "Escalated",
    "Escalation",
    "Figures",
    "Follow",
    "Job",
    "Kept",
    "LookedTwice",
    "ModeratorRow",
    "NewComment",
    "NewFollow",
    "News",
    "OpenSession",
    "Page",
    "Past",
    "People",
    "Pulse",
    "Readers",
    "Record",
    "Reports",
    "Scored",
    "SessionRow",
    "Sought",
    "Standing",
    "Store",
    "Tally",
    "TokenRow",
    "Told",
    "Version",
    "Versions",
    "Withdrawal",
]
