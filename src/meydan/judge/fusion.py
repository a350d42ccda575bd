"""
How one score is made of what the lexicon, the signals and the classifier say. All of it, here.

A rejection needs a listed word or phrase that stands in no excusing company, or
a classifier that is all but certain where nothing excuses; an approval needs all
of them low. The classifier alone, a linear model that mistakes the naming of a
group for hatred of it, can otherwise only put a comment before a person.
"""

from __future__ import annotations

from collections.abc import Sequence

from meydan.judge.lexicon import Hit

ALONE_AT_MOST = 0.89
"""What the classifier can reach without the lexicon's support: below any sensible `reject_from`."""

ALONE_FROM = 0.985
"""From here the classifier is believed without support."""

EXCUSED = frozenset({"condemned", "suffered", "negated", "denied", "distanced", "of oneself"})
"""Company that says the words are not the writer's own attack."""


def fuse(hits: Sequence[Hit], signal: float, classified: float) -> float:
    """
    The probability that a comment breaches one label.

    Args:
        hits: what the lexicon found for this label.
        signal: what certain signs alone say, in [0, 1].
        classified: the classifier's calibrated probability, its worst window.

    Returns:
        A probability in [0, 1]; it never falls when an argument's scores rise,
        company being equal.
    """
    listed = max((hit.score for hit in hits), default=0.0)
    # Several doubtful things together are more than one, but never a clear breach.
    if listed < ALONE_AT_MOST:
        doubt = 1.0
        for score in _of_stretches(hits):
            doubt *= 1.0 - score
        listed = max(listed, min(1.0 - doubt, ALONE_AT_MOST))
    listed = 1.0 - (1.0 - listed) * (1.0 - signal)
    excused = any(hit.company in EXCUSED for hit in hits)
    if excused and listed < 0.3:
        # The words that alarm the classifier are the ones whose company excuses them.
        classified = min(classified * 0.3, 0.6)
    elif classified < ALONE_FROM or excused:
        classified = min(classified, ALONE_AT_MOST)
    if listed >= 0.5 and classified >= 0.5 and not excused:
        # Two witnesses who do not know each other.
        return 1.0 - (1.0 - listed) * (1.0 - min(classified, 0.8))
    return max(listed, classified)


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
