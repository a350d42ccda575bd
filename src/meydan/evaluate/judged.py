"""
Comments through the judge as they go in life, many at once.

The language is not told, the display name plays no part, and the decision is that of
`meydan check`: the guidelines as loaded, the shipped calibration, the machine allowed to decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from meydan.comment import Decision, Evidence, Story, Verdict
from meydan.judge import Calibrations, decide
from meydan.policy import Guidelines

BATCH: Final = 128

Advance = Callable[[int], None]
"""Called with the number of comments that were just done."""


class Judging(Protocol):
    """What is measured; judge.Judge is one."""

    model: str

    def evidence_of(
        self,
        texts: Sequence[str],
        *,
        language: str | None = None,
        story: Story | None = None,
        expected: Sequence[str] = (),
    ) -> list[Evidence]: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the judge made of one comment."""

    evidence: Evidence
    decision: Decision

    @property
    def verdict(self) -> Verdict:
        """What was decided."""
        return self.decision.verdict


def judge_all(
    judge: Judging,
    guidelines: Guidelines,
    texts: Sequence[str],
    *,
    stories: Sequence[str | None] | None = None,
    calibrations: Calibrations | None = None,
    advance: Advance | None = None,
) -> list[Outcome]:
    """
    Judge comments; the outcomes are in the order of the texts.

    Args:
        stories: the title of the story that each comment is under, or None.
        calibrations: what bounds the machine's error; None: the shipped ones.
        advance: told of progress.

    Raises:
        ClassifierUnavailable: the model failed. Half a measurement is none.
    """
    titles = list(stories) if stories is not None else [None] * len(texts)
    by_title: dict[str | None, list[int]] = {}
    for i, title in enumerate(titles):
        by_title.setdefault(title, []).append(i)
    found: dict[int, Outcome] = {}
    for title, places in by_title.items():
        story = Story(id=0, url="", title=title) if title else None
        # Texts of about one length together: a batch takes as long as its longest.
        places.sort(key=lambda i: len(texts[i]))
        for begin in range(0, len(places), BATCH):
            some = places[begin : begin + BATCH]
            gathered = judge.evidence_of(
                [texts[i] for i in some], story=story, expected=guidelines.publication.languages
            )
            for i, evidence in zip(some, gathered, strict=True):
                decision = decide(evidence, guidelines, mode="assisted", calibrations=calibrations)
                found[i] = Outcome(evidence, decision)
            if advance is not None:
                advance(len(some))
    return [found[i] for i in range(len(texts))]
