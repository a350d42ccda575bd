"""
Evidence and decisions in plain English, for the desk and for `meydan check`.

Readers are told the rule's own words; these are for the people who decide.
Total: a label, kind or cause that is not known here is named as it stands.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

from meydan.comment import Decision, Evidence, Finding, Hold, Reason, Verdict

LABELS: Mapping[str, str] = {
    "profanity": "swearing",
    "vulgarity": "crude talk",
    "threat": "a threat",
    "personal_attack": "a personal attack",
    "sexism": "sexism",
    "racism": "racism",
    "homophobia": "homophobia",
    "xenophobia": "hatred of foreigners",
    "religion_hate": "hatred of a religion's people",
    "disability_hate": "contempt for disabled people",
    "promotion": "advertising",
    "relevance": "relevance to the story",
    "constructive": "constructive criticism",
}
"""What each label means, so that it can follow "likely"."""

HOLDS: Mapping[Hold, str] = {
    Hold.UNCERTAIN: "the evidence is neither clear enough to reject nor to approve",
    Hold.NO_SCORE: "something that the guidelines ask about was not measured",
    Hold.LANGUAGE_NOT_MEASURED: "the judge's quality is not measured in this language, or in part of it",
    Hold.WITHDRAWN: "the machine was wrong here more often than was promised, and decides it no longer",
    Hold.AUTOMATION_OFF: "the guidelines leave every decision to people",
    Hold.STORY_SETTING: "this story's comments are all decided by people",
    Hold.FLOOD: "many comments, or the same one again, arrived in a short time",
    Hold.SUSPICIOUS_FORM: "a field that people do not see was filled in",
    Hold.OBFUSCATED: "much of it is written in disguise",
    Hold.OFF_TOPIC: "it seems to be about something else than the story",
    Hold.ALLEGATION: "it alleges a crime of a named person",
    Hold.NAME: "the display name needs a look",
    Hold.LENGTH: "it is longer than the judge reads",
    Hold.FIRST_TIME: "its author has hardly written here yet",
    Hold.OFTEN_REJECTED: "its author's comments were often rejected",
    Hold.JUDGE_FAILED: "the judge did not answer",
    Hold.APPEAL: "its author appealed",
    Hold.REPORT: "readers reported it",
    Hold.DISPOSABLE: "its author's e-mail address is one of those given away for minutes",
    Hold.UNVERIFIED: "its author has not confirmed their address yet",
}
"""Why a comment waits, so that it can follow "Waiting, because"."""

FINDINGS: Mapping[str, str] = {
    "link": "a link",
    "hidden-link": "a link in disguise",
    "email": "an e-mail address",
    "invite": "an invitation to a channel or chat",
    "handle": "an account's name",
    "phone": "a telephone number",
    "price": "an amount of money",
    "shouting": "capitals throughout",
    "exclaiming": "a row of exclamation marks",
    "obfuscated": "disguised writing",
    "no-letters": "no letters at all",
    "direction": "invisible direction controls",
    "stacked-marks": "stacked marks",
    "allegation": "a crime alleged of a named person",
    "repeated": "the same comment as before",
    "near-repeated": "nearly the same comment as before",
    "flood": "many comments within a minute",
    "language": "language",
    "long": "length",
}
"""What each kind of finding is."""

_DEGREES = ((0.9, "clearly"), (0.6, "likely"), (0.3, "perhaps"), (0.0, "hardly"))


def label(name: str) -> str:
    """What a label means."""
    return LABELS.get(name, name.replace("_", " "))


def hold(cause: Hold | str) -> str:
    """Why a comment waits."""
    try:
        return HOLDS[Hold(cause)]
    except (ValueError, KeyError):
        return str(cause).replace("-", " ")


def score(name: str, probability: float | None) -> str:
    """A score in words and figures: "likely a personal attack: 0.93"."""
    if probability is None:
        return f"{label(name)}: not measured"
    degree = next((word for least, word in _DEGREES if probability >= least), "hardly")
    return f"{degree} {label(name)}: {probability:.2f}"


def because(name: str, probability: float | None, words: Sequence[str]) -> str:
    """A score and the words that weighed for it: "likely a personal attack: 0.93, because of: “idiot”"."""
    said = score(name, probability)
    if not words:
        return said
    # Isolated: a quotation from the right to the left must not turn the sentence around it.
    return f"{said}, because of: " + ", ".join(f"“\u2068{shown(one)}\u2069”" for one in words)


def marked(text: str, places: Sequence[tuple[int, int]]) -> str:
    """A text for a terminal with [brackets] around stretches, (begin, end) in code points; overlapping ones are one."""
    pieces, done = [], 0
    for begin, end in _joined(places):
        pieces += [shown(text[done:begin]), "[", shown(text[begin:end]), "]"]
        done = end
    return "".join(pieces) + shown(text[done:])


def shown(text: str) -> str:
    """A text that cannot steer a terminal: control characters and direction controls become U+FFFD, lines stay."""
    return "".join(
        letter
        if letter in "\n\u200c\u200d" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs")
        else "\ufffd"
        for letter in text
    )


def _joined(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(places):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def finding(found: Finding) -> str:
    """What was seen, and what it means if more than its kind is known."""
    kind = FINDINGS.get(found.kind, found.kind.replace("-", " "))
    return kind if not found.detail or found.detail == kind else f"{kind} ({found.detail})"


def reason(given: Reason) -> str:
    """The rule that was breached, with its ground and score where there are any."""
    ground = f" ({given.ground})" if given.ground else ""
    if given.label is None or given.score is None:
        return f"{given.rule}{ground}"
    return f"{given.rule}{ground}: {score(given.label, given.score)}"


def decision(made: Decision) -> str:
    """One sentence on what was decided and why."""
    if made.verdict is Verdict.REJECT:
        return f"Rejected for {'; '.join(map(reason, made.reasons))}."
    if made.verdict is Verdict.HOLD:
        return f"Waiting, because {'; '.join(map(hold, made.holds)) or 'a person has to decide'}."
    return "Approved: nothing in it is against the guidelines."


def evidence(known: Evidence, *, at_least: float = 0.1) -> list[str]:
    """Lines for a person, strongest first: scores from `at_least` on, what was not measured, what was seen."""
    measured = [(name, p) for name, p in known.scores.items() if p is not None and p >= at_least]
    lines = [score(name, p) for name, p in sorted(measured, key=lambda pair: -pair[1])]
    missing = [label(name) for name, p in known.scores.items() if p is None]
    if missing:
        lines.append("not measured: " + ", ".join(missing))
    return lines + [finding(found) for found in known.findings]
