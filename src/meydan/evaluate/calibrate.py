"""
From decided comments to thresholds that bound the machine's error. Pure; no store.

Two problems, one for each kind of error, each on its own kind of comment: of the acceptable ones
the machine may reject at most such a share, of the violations it may approve at most such a share.
For each, thresholds are tested from the strictest on, until one cannot be shown to keep the bound;
the laxest that was shown is taken, so that the machine decides as much as it may.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meydan.comment import Evidence
from meydan.errors import BadCalibration
from meydan.judge.calibration import NEVER, Calibration
from meydan.judge.decide import standing_of
from meydan.judge.watch import Interval, interval_of
from meydan.policy import Automation, Guidelines

GRID: Final = np.unique(np.round(1 / (1 + np.exp(-np.arange(-9.2, 9.2001, 0.05))), 6))
"""The thresholds that are tried: fixed before any comment is seen, even in log-odds, from 0.0001 to 0.9999."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """
    One comment whose truth is known, as far as thresholds matter to it.

    It is approved where people decide from a score above `doubt` (infinite: never), and rejected
    where the machine rejects from `breach` or a lower score (negative: never).
    """

    doubt: float
    breach: float
    violation: bool


@dataclass(frozen=True, slots=True)
class Side:
    """
    One kind of error: the threshold that bounds it (None: none does, or it would decide nothing), and
    what was seen with it.

    `seen` counts errors among the comments of the kind that can be decided wrongly. `missing` is
    how many more of these are needed before any threshold can be shown, if none of them errs;
    None where the bound is 0, which no number of comments shows.
    """

    threshold: float | None
    bound: float
    seen: Interval
    missing: int | None


@dataclass(frozen=True, slots=True)
class Fitted:
    """Both sides of one language, and the share of all its comments that the machine would decide."""

    comments: int
    rejecting: Side
    approving: Side
    automated: float
    confidence: float

    @property
    def any(self) -> bool:
        """Whether the machine may decide anything."""
        return self.rejecting.threshold is not None or self.approving.threshold is not None

    @property
    def complete(self) -> bool:
        """Whether there were comments enough for both sides, whatever they showed."""
        return bool(self.comments) and not self.rejecting.missing and not self.approving.missing


def reviewed_of(evidence: Evidence, guidelines: Guidelines, *, violation: bool) -> Reviewed:
    """A decided comment, from what the judge knows of it."""
    standing = standing_of(evidence, guidelines)
    return Reviewed(standing.doubt, standing.breach, violation)


def fit(
    reviewed: Sequence[Reviewed], promised: Automation, *, worth: tuple[float, float] = (1.0, 1.0)
) -> Fitted:
    """
    Find the thresholds of one language.

    Both bounds hold together with the confidence that is promised, for comments like these: each
    is tested with half of what is left of it.

    Args:
        worth: what one acceptable comment, and one violation, tells beside one that has nothing to do with any
            other, in (0, 1]: less than 1 where comments of one thread stand or fall together.

    Raises:
        BadCalibration: the extra `calibrate` is not installed.

    Source:
        Learn then Test: Angelopoulos, Bates, Candès, Jordan and Lei (2021), with its fixed
        sequence of hypotheses. For errors that happen or do not, its p-value is the exact
        binomial tail.
    """
    truth = np.array([one.violation for one in reviewed], bool)
    doubt = np.array([one.doubt for one in reviewed], float)
    breach = np.array([one.breach for one in reviewed], float)
    chance = (1 - promised.confidence) / 2
    # An innocent comment is rejected from its breach down: the higher the threshold, the stricter.
    rejecting = _side(
        np.sort(breach[~truth]),
        GRID[::-1],
        promised.wrongly_rejected,
        chance,
        from_above=True,
        worth=worth[0],
    )
    approving = _side(
        np.sort(doubt[truth]), GRID, promised.wrongly_approved, chance, from_above=False, worth=worth[1]
    )
    rejected = breach >= (NEVER if rejecting.threshold is None else rejecting.threshold)
    approved = doubt < (0.0 if approving.threshold is None else approving.threshold)
    # Whoever decides nothing errs in nothing: where the judge has no scores, that shows no bound.
    if not rejected.any():
        rejecting = replace(rejecting, threshold=None)
    if not approved.any():
        approving = replace(approving, threshold=None)
    decided = rejected | approved
    return Fitted(
        comments=len(reviewed),
        rejecting=rejecting,
        approving=approving,
        automated=float(decided.mean()) if len(decided) else 0.0,
        confidence=promised.confidence,
    )


def calibration_of(
    fitted: Fitted, language: str, guidelines: Guidelines, *, model: str, source: str, made_on: date
) -> Calibration:
    """
    What was found, as an entry of the calibration file.

    By label, and never laxer than the guidelines were: on comments that they did not decide, nothing
    was measured, whatever a later file says.
    """
    hold_from = reject_from = None
    rules = [(rule, label) for rule in guidelines.rules for label in rule.labels]
    if fitted.approving.threshold is not None:
        hold_from = {label: min(rule.hold_from, fitted.approving.threshold) for rule, label in rules}
    if fitted.rejecting.threshold is not None:
        reject_from = {label: max(rule.reject_from, fitted.rejecting.threshold) for rule, label in rules}
    return Calibration(
        language,
        hold_from,
        reject_from,
        model=model,
        guidelines=guidelines.digest,
        source=source,
        made_on=made_on,
        acceptable=fitted.rejecting.seen.of,
        violations=fitted.approving.seen.of,
        rejected=fitted.rejecting.seen.wrong,
        approved=fitted.approving.seen.wrong,
        automated=round(fitted.automated, 6),
        wrongly_rejected=fitted.rejecting.bound,
        wrongly_approved=fitted.approving.bound,
        confidence=fitted.confidence,
    )


def fewest(bound: float, chance: float) -> int | None:
    """How many comments without any error show a bound, up to this chance of being fooled; None: no number does."""
    if bound <= 0.0:
        return None
    return math.ceil(math.log(chance) / math.log1p(-bound))


def label_truth(labels: Mapping[str, float], guidelines: Guidelines) -> bool | None:
    """
    Whether raters found a violation: a share of at least a half, of any label that the guidelines ask for.

    `toxic` and `hate` are nobody's rule, and where raters saw them some rule was breached. None where
    what is known says neither.
    """
    asked = {label for rule in guidelines.rules for label in rule.labels}
    told = {label: share for label, share in labels.items() if label in asked or label in ("toxic", "hate")}
    if any(share >= 0.5 for share in told.values()):
        return True
    # Nobody who rates insults is asked about advertising.
    return False if "toxic" in told or asked - {"promotion"} <= set(told) else None


def _side(
    ordered: NDArray[np.float64],
    grid: NDArray[np.float64],
    bound: float,
    chance: float,
    *,
    from_above: bool,
    worth: float,
) -> Side:
    """Test one kind of error on the comments that can suffer it, their scores in order, from the strictest threshold on."""
    all_of_them = len(ordered)
    needed = fewest(bound, chance)
    # Below a threshold lie the comments with a lower score; from it on, it and the higher ones.
    below = np.searchsorted(ordered, grid, side="left")
    wrong = all_of_them - below if from_above else below
    of = math.floor(all_of_them * worth)
    if of < all_of_them:
        # As many errors of as many comments as tell the same, rounded against ourselves.
        wrong = np.ceil(wrong * (of / all_of_them) - 1e-9).astype(int)
    shown: NDArray[np.int_] = np.zeros(0, int)
    if of and needed is not None:
        p_value, control_fwer = _tests()
        p_values = p_value(wrong / of, of, bound, binary=True)[:, 0]
        shown = control_fwer(p_values, chance, "fixed_sequence")
    best = int(shown[-1]) if len(shown) else None
    errors = int(wrong[0 if best is None else best])
    return Side(
        threshold=None if best is None else float(grid[best]),
        bound=bound,
        seen=interval_of(errors, of, confidence=1 - 2 * chance),
        missing=None if needed is None else math.ceil(max(0, needed - of) / worth),
    )


def _tests() -> tuple[Any, Any]:
    """mapie's p-value and its control over many tests; imported only where something is calibrated."""
    try:
        from mapie.risk_control import control_fwer
        from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value
    except ModuleNotFoundError as error:
        raise BadCalibration(f"Calibrating needs {error.name}: pip install 'meydan[calibrate]'.") from error
    return compute_hoeffding_bentkus_p_value, control_fwer
