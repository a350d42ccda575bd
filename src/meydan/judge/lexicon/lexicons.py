"""
All lexicons that are shipped, asked together: readers mix their languages.
"""

from __future__ import annotations

import hashlib
from functools import cache

from meydan.judge.lexicon.hit import Hit
from meydan.judge.lexicon.lexicon import Lexicon
from meydan.judge.lexicon.listed import Listed
from meydan.text.fold import Folded


class Lexicons:
    """The English lexicon, and those of all other languages. Safe to share between threads."""

    def __init__(self, english: Lexicon, listed: Listed) -> None:
        self._english = english
        self._listed = listed
        self.digest = "sha256:" + hashlib.sha256(f"{english.digest}\n{listed.digest}".encode()).hexdigest()
        """Digest of all their files."""

    @classmethod
    @cache
    def load(cls) -> Lexicons:
        """Every shipped lexicon."""
        return cls(Lexicon.load("en"), Listed.load())

    def find(self, folded: Folded, language_tag: str = "") -> list[Hit]:
        """
        Find everything listed in any language, in text order.

        Args:
            language_tag: the language of the text. Of the other languages only what is
                unmistakable counts; in a text of no known language ("und") the rest
                raises a doubt. "" is none of them: a name.
        """
        hits = self._english.find(folded)
        others = self._listed.find(folded, language_tag)
        return sorted([*hits, *others], key=lambda hit: (hit.begin, hit.end, hit.label)) if others else hits
