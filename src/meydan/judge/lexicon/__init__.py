"""
Listed words and phrases: what they say, about whom, and in which company.

One file a language, beside this one, holds the words, the phrases and the contexts.
English has a grammar of its own (`lexicon.py`, `grammar.py`); the other languages
are read by `listed.py`, and `Lexicons` asks them all. An English phrase is written
in a small language:

    you are [such] (a|an) INSULT     words, optional, alternatives, a class of words
    ~2                               up to two words, none of them a negation
    $who                             a macro

Every English text is turned once into a row of elements, `word/classes `, and phrases are
regular expressions over that row, each tried only where one of its rarer words
occurs. Gaps are bounded, so the work grows linearly with the text.
"""

from __future__ import annotations

from meydan.judge.lexicon.grammar import BadLexicon
from meydan.judge.lexicon.hit import Hit
from meydan.judge.lexicon.lexicon import Lexicon
from meydan.judge.lexicon.lexicons import Lexicons
from meydan.judge.lexicon.listed import Listed

__all__ = ["BadLexicon", "Hit", "Lexicon", "Lexicons", "Listed"]
