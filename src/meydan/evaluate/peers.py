"""
Other filters that anybody can install, on the same rows: what a newsroom would get elsewhere.

They are no part of Meydan: the extra `peers` installs them. Each answers one score a
text; most know words only, in English.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

ScoreTexts = Callable[[Sequence[str]], list[float]]

FLAGGED_FROM: Final = 0.5
"""The score from which a peer counts as saying no; those that only list words answer 0 or 1."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A filter that is installed: its package's name and version, its licence, and what it claims to speak."""

    name: str
    version: str
    licence: str
    speaks: str
    score: ScoreTexts


@dataclass(frozen=True, slots=True)
class _Known:
    name: str
    licence: str
    speaks: str
    load: Callable[[], ScoreTexts]


def installed() -> tuple[list[Peer], list[str]]:
    """The peers that are here, and the names of those that are not, or do not load."""
    here, missing = [], []
    for known in _KNOWN:
        try:
            here.append(Peer(known.name, version(known.name), known.licence, known.speaks, known.load()))
        except (PackageNotFoundError, ImportError, AttributeError, OSError):
            missing.append(known.name)
    return here, missing


def _alt_profanity_check() -> ScoreTexts:
    predict: Any = importlib.import_module("profanity_check").predict_prob
    return lambda texts: [float(score) for score in predict(list(texts))] if texts else []


def _better_profanity() -> ScoreTexts:
    profanity: Any = importlib.import_module("better_profanity").profanity
    profanity.load_censor_words()
    return lambda texts: [float(profanity.contains_profanity(text)) for text in texts]


def _glin_profanity() -> ScoreTexts:
    words: Any = importlib.import_module("glin_profanity").Filter({"all_languages": True})
    return lambda texts: [float(words.is_profane(text)) for text in texts]


_KNOWN: Final = (
    _Known("alt-profanity-check", "MIT", "English only", _alt_profanity_check),
    _Known("better-profanity", "MIT", "English only", _better_profanity),
    _Known("glin-profanity", "MIT", "its word lists, Arabic and Turkish among them", _glin_profanity),
)
