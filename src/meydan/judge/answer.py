"""
What the judge made of a comment, as authors and programs are told it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from meydan.comment import Decision, Evidence
from meydan.judge.occlusion import Weighed
from meydan.policy import Guidelines, words


@dataclass(frozen=True, slots=True)
class GivenReason:
    """A breached rule as an author is told it."""

    rule: str
    title: str
    text: str
    ground: str | None = None


def answer_of(
    evidence: Evidence, decision: Decision, guidelines: Guidelines, why: Sequence[Weighed] | None = None
) -> dict[str, object]:
    """
    The judge's answer as programs get it, from POST /api/v1/judge and `meydan check --json` alike.

    Spans are code-point offsets into the text as sent; an unmeasured score is null. `why`, the
    words that weighed, is left out where nobody asked (None).
    """
    answer: dict[str, object] = {
        "verdict": decision.verdict.value,
        "reasons": [
            {name: value for name, value in asdict(given).items() if value is not None}
            for given in reasons_given(decision, guidelines, evidence.language)
        ],
        "holds": [hold.value for hold in decision.holds],
        "scores": {
            label: None if score is None else round(score, 4) for label, score in evidence.scores.items()
        },
        "spans": [{"label": span.label, "begin": span.begin, "end": span.end} for span in evidence.spans],
        "language": evidence.language,
        "model": evidence.model,
        # Others may rule by now than when it was decided.
        "guidelines": decision.guidelines or guidelines.digest,
    }
    if why is not None:
        answer["why"] = [asdict(one) for one in why]
    return answer


def reasons_given(decision: Decision, guidelines: Guidelines, language: str) -> tuple[GivenReason, ...]:
    """A decision's breached rules in the guidelines' own words, in a language that they have."""
    given = []
    for reason in decision.reasons:
        try:
            rule = guidelines.rule(reason.rule)
        except KeyError:
            # The guidelines have changed since; the rule's id is still the reason.
            given.append(GivenReason(reason.rule, reason.rule, "", reason.ground))
            continue
        given.append(
            GivenReason(rule.id, words(rule.title, language), words(rule.text, language), reason.ground)
        )
    return tuple(given)
