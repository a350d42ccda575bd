"""
Evidence in plain English: what a moderator, or a person at a terminal, reads.

Words only; every label, hold and finding has its own, and a test says so. Nothing
here holds a word of the reader's.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from meydan.comment import Finding, Hold

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "profanity": "profanity",
        "vulgarity": "vulgarity",
        "threat": "a threat",
        "personal_attack": "a personal attack",
        "sexism": "sexism",
        "racism": "racism",
        "homophobia": "homophobia",
        "xenophobia": "xenophobia",
        "religion_hate": "hatred of a religion's followers",
        "disability_hate": "hatred of disabled people",
        "promotion": "promotion",
        "relevance": "relevant to the story",
        "constructive": "constructive",
    }
)
"""What each label is called in the middle of a sentence."""

HOLDS: Mapping[Hold, str] = MappingProxyType(
    {
        Hold.UNCERTAIN: "The machine is not certain enough to decide.",
        Hold.NO_SCORE: "The machine has no score for something the guidelines ask about.",
        Hold.LANGUAGE_NOT_MEASURED: "The judging of this language has not been measured.",
        Hold.AUTOMATION_OFF: "The guidelines leave every decision to people.",
        Hold.STORY_SETTING: "The story's setting leaves every decision to people.",
        Hold.FLOOD: "Many comments, or the same one, arrived at once.",
        Hold.SUSPICIOUS_FORM: "A field that people do not see was filled in.",
        Hold.OBFUSCATED: "Much of it is written in disguise.",
        Hold.OFF_TOPIC: "It may have nothing to do with the story.",
        Hold.ALLEGATION: "It alleges a crime of a named person.",
        Hold.NAME: "The name it is signed with needs a look.",
        Hold.LENGTH: "It is longer than the machine reads.",
        Hold.JUDGE_FAILED: "The machine failed to judge it.",
        Hold.APPEAL: "Its author has appealed against the rejection.",
    }
)
"""Why a comment waits, each as a sentence."""

_CERTAINTIES = ((0.9, "very likely"), (0.6, "likely"), (0.3, "possibly"), (0.0, "unlikely"))


def label(name: str) -> str:
    """What a label is called in the middle of a sentence; an unknown one by its own name."""
    return LABELS.get(name, name.replace("_", " "))


def hold(reason: Hold) -> str:
    """Why a comment waits, as a sentence."""
    return HOLDS[reason]


def score(name: str, probability: float) -> str:
    """A score in words with its figure, such as "likely a personal attack: 0.73"."""
    certainty = next(words for least, words in _CERTAINTIES if probability >= least)
    return f"{certainty} {label(name)}: {probability:.2f}"


def finding(seen: Finding) -> str:
    """What was seen, as a sentence."""
    return f"{seen.detail[:1].upper()}{seen.detail[1:]}."
