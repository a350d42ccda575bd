"""
All lexicons that are shipped, asked together: readers mix their languages.
"""

from __future__ import annotations

import hashlib
from functools import cache

from meydan.comment import UNKNOWN_LANGUAGE
from meydan.judge.lexicon.hit import Hit
from meydan.judge.lexicon.lexicon import Lexicon
from meydan.judge.lexicon.listed import Listed
from meydan.text.fold import Folded

_READ_AS_ENGLISH = frozenset({"en", UNKNOWN_LANGUAGE, ""})

_LIKELY = 0.6
"""What an English word weighs at least that counts in other languages: "git" and "bs" are Turkish and Arabizi."""


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

    @property
    def english_words(self) -> frozenset[str]:
        """Every word that the English lexicon knows anything about."""
        return self._english.words

    def find(self, folded: Folded, language_tag: str = "", mended: Folded | None = None) -> list[Hit]:
        """
        Find everything listed in any language, in text order.

        Args:
            language_tag: the language of the text. Of the other languages only what is
                unmistakable counts; in a text of no known language ("und") the rest
                raises a doubt. "" is none of them: a name. English phrases and hard
                words count in every language.
            mended: one more reading, for the English lexicon.
        """
        hits = self._english.find(folded, mended=mended)
        if language_tag not in _READ_AS_ENGLISH:
            hits = [hit for hit in hits if hit.source != "word" or hit.alone >= _LIKELY]
        others = self._listed.find(folded, language_tag)
        return sorted([*hits, *others], key=lambda hit: (hit.begin, hit.end, hit.label)) if others else hits
