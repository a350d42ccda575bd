"""
What a lexicon answers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hit:
    """
    One thing that was found.

    `begin` and `end` are code points of the text as sent. `score` is the
    probability in [0, 1] that the comment breaches `label` because of it, its
    company considered; `alone` is what it would be without. `company` names what
    lowered it, or is "". `source` is "word" or "phrase".
    """

    label: str
    score: float
    begin: int
    end: int
    source: str
    alone: float
    company: str = ""
