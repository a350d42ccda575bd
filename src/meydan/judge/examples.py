"""
The guidelines' own tests: every example is judged, and what came out is held against what it expects.
"""

from __future__ import annotations

from dataclasses import dataclass

from meydan.comment import Decision, Story, Verdict
from meydan.judge.calibration import Calibrations
from meydan.judge.decide import decide
from meydan.judge.judge import Judge
from meydan.policy import Example, Guidelines, Rule


@dataclass(frozen=True, slots=True)
class Tried:
    """One example, the rule that it belongs to, and what was decided."""

    rule: Rule
    example: Example
    got: Decision

    @property
    def passes(self) -> bool:
        """Whether it is as expected: a rejection for another rule than its own was not asked for."""
        named = {reason.rule for reason in self.got.reasons}
        return self.got.verdict is self.example.expect and (
            self.example.expect is not Verdict.REJECT or self.rule.id in named
        )

    @property
    def held(self) -> bool:
        """Whether it was left to a person instead: never wrong, only more work, since the judge knows its limits."""
        return not self.passes and self.got.verdict is Verdict.HOLD

    @property
    def fails(self) -> bool:
        """Whether it was decided otherwise than expected."""
        return not self.passes and not self.held


def tried(guidelines: Guidelines, judge: Judge, calibrations: Calibrations) -> tuple[Tried, ...]:
    """Judge every example, in file order."""
    found = []
    for rule, example in guidelines.examples:
        story = Story(id=0, url="", title=example.story) if example.story else None
        evidence = judge.evidence(
            example.text, language=example.lang, story=story, expected=guidelines.publication.languages
        )
        found.append(Tried(rule, example, decide(evidence, guidelines, calibrations=calibrations)))
    return tuple(found)
