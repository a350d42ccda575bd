"""
How one score is made of what the lexicon, the signals and the model say. All of it, here.

* The lexicon knows what is clear: a listed word or phrase, its company considered.
* The fast tier, a linear model that takes the naming of a group for hatred of it,
  never rejects alone. It puts before a person what the lexicon overlooks, and it
  seconds a doubt of the lexicon's, which together can be clear.
* The full model reads words in their company, and is a stronger second. Alone it rejects where
  it is also sure that the comment offends at all, the more the surer: of a people named in sorrow
  or a bullet bitten it is sure of one label and not of the offence. And what is clear to the
  lexicon waits for a person where it means nothing to the model, or offends nobody: a bird's name.
* An approval needs both to be low.

The constants were chosen on development data; docs/decisions/0006-lexicon.md and
0018-other-spellings.md have the figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from meydan.judge.lexicon import Hit

ALONE_AT_MOST = 0.89
"""What doubts add up to at most, and what the fast tier says at most: a person decides, nobody is rejected."""

WARINESS = 0.4
"""
Log-odds added to the classifier's word before it is weighed for holding: a breach that nobody sees costs
more than a look by a person. A calibration of the thresholds will take its place.
"""

SECONDED_FROM = 0.6
"""A doubt of the lexicon's from which the classifier's agreement makes it clear, and how sure it must be."""

SURE_FROM = 0.8
"""How sure the full model must be both of a label and that the comment offends in any way, to reject alone."""

OFFENDS_FROM = 0.4
"""How sure the full model must be that a comment offends in any way, or the sentence that is listed does, for the lexicon to reject it."""

ADVERTISES_FROM = (0.5, 0.98)
"""
How much certain signs must say, as a telephone number does, and how sure the full model must be, for the two to reject
an advertisement with words that are not listed. The model alone is too sure: "Subscribe to that theory if you like".
"""

OFFENCE_COUNTS = 1.5
"""
What the log-odds of an offence of any kind count beside those of the label, where the full model alone rejects.

More than the label's own: many more rows taught what offends. Of what was tried on development rows this rejected the
most violations in English at the rate of wrong rejections that the guidelines promise.
"""

UNSURE_AT_LEAST = 0.5
"""
What a passage that is clear to the lexicon comes to where the full model finds nothing in the comment: a person looks.

From there it rises with the model's word, to ALONE_AT_MOST where the two agree. On development rows with a clear slur that
the model put below SECONDED_FROM, 157 were innocent and 32 were not: words say less than their company.
"""

EXCUSES = frozenset({"condemned", "suffered", "negated", "denied", "distanced", "of oneself"})
"""Company that says that the words are not the writer's own attack."""

EXCUSED_SHARE = 0.35
"""What the fast tier's word is worth about an excused passage: it sees the words and not their company."""

_FURTHEST = 16.0


def fuse(
    hits: Sequence[Hit],
    signal: float,
    classified: float,
    *,
    full: bool = False,
    offence: float | None = None,
    at_once: bool = True,
) -> float:
    """
    The probability that a comment breaches one label.

    Args:
        hits: what the lexicon found for this label.
        signal: what certain signs alone say, in [0, 1].
        classified: the model's calibrated probability, its worst window.
        full: whether the full model said it, which reads words in their company, or the fast tier.
        offence: the full model's probability that the comment offends in any way; None of a label that offends
            nobody, such as advertising.
        at_once: whether the full model read the comment at once; of a longer one the number may stand elsewhere than
            what seems to advertise.

    Returns:
        A probability in [0, 1], which never falls when `signal`, `classified`, `offence` or the
        score of a hit rises and the company stays.
    """
    if full:
        alone = min(classified, ALONE_AT_MOST)
        # What is not a number is no second opinion, and without one nothing is rejected.
        if offence is not None and offence >= SURE_FROM and classified >= SURE_FROM:
            alone = max(alone, _agreed(classified, offence))
    else:
        alone = min(_warily(classified), ALONE_AT_MOST)
        classified = min(classified, ALONE_AT_MOST)
    if not hits and not signal:
        return alone
    strongest = max((hit.score for hit in hits), default=0.0)
    doubts = 1.0 - math.prod(1.0 - score for score in _of_stretches(hits))
    listed = max(strongest, min(doubts, ALONE_AT_MOST))
    listed = 1.0 - (1.0 - listed) * (1.0 - signal)
    if full and at_once and signal >= ADVERTISES_FROM[0] and classified >= ADVERTISES_FROM[1]:
        listed = 1.0 - (1.0 - listed) * (1.0 - classified)
    elif strongest < SECONDED_FROM:
        # A telephone number or a link is no advertisement without words that advertise.
        listed = min(listed, ALONE_AT_MOST)
    if full and not classified >= SECONDED_FROM:
        share = classified / SECONDED_FROM if classified > 0.0 else 0.0
        listed = min(listed, UNSURE_AT_LEAST + (ALONE_AT_MOST - UNSURE_AT_LEAST) * share)
    if not full and listed < SECONDED_FROM and any(hit.company in EXCUSES for hit in hits):
        alone *= EXCUSED_SHARE
    if classified >= SECONDED_FROM and any(map(is_clear, hits)):
        # Two witnesses who do not know each other.
        listed = 1.0 - (1.0 - listed) * (1.0 - classified)
    if full and offence is not None and not offence >= OFFENDS_FROM:
        listed = min(listed, ALONE_AT_MOST)
    return max(listed, alone)


def is_clear(hit: Hit) -> bool:
    """Whether what is listed, its company considered, may reject where a model seconds it."""
    return hit.score >= SECONDED_FROM and not hit.company


def _agreed(classified: float, offence: float) -> float:
    """What the full model's word on a label comes to beside its word on offence of any kind."""
    odds = _log_odds(classified) + OFFENCE_COUNTS * _log_odds(offence)
    return 1.0 / (1.0 + math.exp(-odds))


def _log_odds(probability: float) -> float:
    """In [-16, 16]."""
    if probability <= 0.0:
        return -_FURTHEST
    return max(-_FURTHEST, math.log(probability / (1.0 - probability))) if probability < 1.0 else _FURTHEST


def _warily(probability: float) -> float:
    """The probability, raised by WARINESS in log-odds; 0 and 1 stay."""
    odds = probability * math.exp(WARINESS)
    return odds / (1.0 - probability + odds)


def _of_stretches(hits: Sequence[Hit]) -> list[float]:
    """The highest score of each stretch of the text; what overlaps is one thing seen twice."""
    best: list[float] = []
    last = -1
    for hit in sorted(hits, key=lambda hit: (hit.begin, hit.end)):
        if hit.begin < last:
            best[-1] = max(best[-1], hit.score)
        else:
            best.append(hit.score)
        last = max(last, hit.end)
    return best
