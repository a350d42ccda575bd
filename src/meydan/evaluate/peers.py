"""
Other filters that anybody can install, on the same rows: what a newsroom would get elsewhere.

They are no part of Meydan: the extra `peers` installs them. Each answers one score a
text; most know words only, in English.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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
    package: str
    name: str
    licence: str
    speaks: str
    load: Callable[[], ScoreTexts]


def installed() -> tuple[list[Peer], list[str]]:
    """The peers that are here, and the packages of those that are not, or do not load."""
    here: list[Peer] = []
    missing: dict[str, None] = {}
    for known in _KNOWN:
        try:
            here.append(Peer(known.name, version(known.package), known.licence, known.speaks, known.load()))
        except (PackageNotFoundError, ImportError, AttributeError, OSError):
            missing[known.package] = None
    return here, list(missing)


def _alt_profanity_check() -> ScoreTexts:
    predict: Any = importlib.import_module("profanity_check").predict_prob
    return lambda texts: [float(score) for score in predict(list(texts))] if texts else []


def _better_profanity() -> ScoreTexts:
    profanity: Any = importlib.import_module("better_profanity").profanity
    profanity.load_censor_words()
    return lambda texts: [float(profanity.contains_profanity(text)) for text in texts]


def _glin_profanity(*, every_language: bool) -> ScoreTexts:
    set_up = {"all_languages": True} if every_language else {"languages": ["english"]}
    words: Any = importlib.import_module("glin_profanity").Filter(set_up)
    return lambda texts: [float(words.is_profane(text)) for text in texts]


_KNOWN: Final = (
    _Known("alt-profanity-check", "alt-profanity-check", "MIT", "English only", _alt_profanity_check),
    _Known("better-profanity", "better-profanity", "MIT", "English only", _better_profanity),
    _Known(
        "glin-profanity", "glin-profanity (English)", "MIT", "set to English",
        partial(_glin_profanity, every_language=False),
    ),
    _Known(
        "glin-profanity", "glin-profanity (all)", "MIT", "24 word lists; Arabic, Turkish, no Kurdish",
        partial(_glin_profanity, every_language=True),
    ),
)  # fmt: skip
"""Each also sees the rows that it does not speak the language of; the tables say what it speaks."""
