"""
Listed words and phrases: what they say, about whom, and in which company.

One file a language (`en.toml`, beside this one) holds the words, the phrases and
the contexts; this module reads a folded text with it. A phrase is written in a
small language of its own:

    you are [such] (a|an) INSULT     words, optional, alternatives, a class of words
    ~2                               up to two words, none of them a negation
    $who                             a macro

Every text is turned once into a row of elements, `word/classes `, and phrases are
regular expressions over that row, each tried only where one of its rarer words
occurs. Gaps are bounded, so the work grows linearly with the text.
"""

from __future__ import annotations

from meydan.judge.lexicon.grammar import BadLexicon
from meydan.judge.lexicon.lexicon import Hit, Lexicon

__all__ = ["BadLexicon", "Hit", "Lexicon"]
