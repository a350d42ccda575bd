"""
The words of transparency reports, in the six languages that readers are spoken to.

One catalogue per language; a test holds them to the same keys and the same blanks. Months are Gregorian ones, in every
calendar that a newsroom goes by: a report is counted by them.
"""

from __future__ import annotations

from dataclasses import replace

from meydan.locale import Words
from meydan.locale import words as readers_words
from meydan.locale.catalogue import read


def report_words(language: str | None, *, digits: str = "own") -> Words:
    """The catalogue for a language tag, English where there is none of ours; `digits` as `locale.words` has them."""
    readers = readers_words(language, digits=digits)
    said = {"moment": readers["moment"], **read(__package__, readers.language)}
    return replace(readers, _said=said)
