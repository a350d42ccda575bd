"""
Who looks on while comments are kept and judged, and counts.

An onlooker changes nothing and is told no words, names, ids or addresses: an outcome, a number, how long it took.
This one counts nothing; whoever counts overrides what they count (web/metrics.py). Called from many threads; a call
takes no time to speak of and raises nothing.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


class Onlooker:
    """Sees everything and keeps nothing."""

    def submitted(self, outcome: str) -> None:
        """A comment was kept, and its author told `outcome`: approved, held or rejected."""

    def judging(self) -> AbstractContextManager[None]:
        """Around the judging of one comment, from its words to its decision."""
        return nullcontext()

    def judge_failed(self) -> None:
        """Judging broke, whatever it was; the comment waits for a person."""

    def committed(self, pieces: int, seconds: float) -> None:
        """So many pieces of work were made durable in one commit, which took so long with the work itself."""

    def write_failed(self) -> None:
        """The database could not do a batch of work; nothing of it was kept."""

    def turned_away(self) -> None:
        """A piece of work was refused because those before it take too long."""


UNWATCHED = Onlooker()
