"""
What Meydan would have made of a newsroom's past, beside what its moderators made of it. Pure.

    a part is held out, by whole threads     (evaluate/trial_sample.py)
    the rest calibrates                      (evaluate/calibrate.py, as `meydan calibrate` does)
    the held-out part is decided with that   (judge/decide.py, as a comment is in life)
    and counted

What is promised comes from the first part and what was seen from the second, so neither knows of the other. Every
share has an interval that allows for comments of one thread being alike.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meydan.comment import Decision, Evidence, Hold, Verdict
from meydan.errors import OneSided
from meydan.evaluate.calibrate import Fitted, Reviewed, Side, calibration_of, fit, reviewed_of
from meydan.evaluate.trial_rows import Past
from meydan.evaluate.trial_sample import Chosen, Split, groups_of, held_out
from meydan.judge import Calibrations, decide
from meydan.judge.agreement import Agreement, Twice, on_verdicts
from meydan.judge.calibration import NEVER
from meydan.judge.watch import interval_of, is_violation
from meydan.policy import Automation, Guidelines

HELD_OUT: Final = 1 / 3
FEW: Final = 30
"""Comments below which a share says little, and is marked so; groups, likewise."""

NOT_OURS: Final = "-"
"""What a reason of the newsroom is mapped to where no rule of ours means it: such comments are no violations, nor acceptable."""

STEPS: Final = (0.25, 0.5, 1.0, 2.0, 4.0)
"""The bounds that are tried besides those promised, as multiples of them."""

BASE_RATES: Final = (0.02, 0.05, 0.11)
"""Shares of comments that are removed in real news threads, from the tamest to the worst."""

_NEAR: Final = 20
"""Comments nearest to an error from which is learned how much errors clump."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Plan:
    """
    How a trial is made.

    `hold_out` is the share held out, by `split`; `rules` maps the newsroom's own reasons, in small letters, to ids of
    rules or NOT_OURS. `seconds_per_comment` is what a moderator needs for one.
    """

    hold_out: float = HELD_OUT
    split: Split = "story"
    seed: int = 0
    rules: Mapping[str, str] | None = None
    seconds_per_comment: float = 20.0


@dataclass(frozen=True, slots=True)
class Share:
    """
    `count` of `of`, and between which shares the truth lies; NaN to NaN where there is none.

    `worth` is how many comments that have nothing to do with each other would tell as much.
    """

    count: int
    of: int
    low: float
    high: float
    worth: int

    @property
    def value(self) -> float:
        """The share that was seen; not a number where nothing was."""
        return self.count / self.of if self.of else math.nan


@dataclass(frozen=True, slots=True)
class Counts:
    """What would have become of some comments."""

    approved: int
    held: int
    rejected: int

    @property
    def of(self) -> int:
        """All of them."""
        return self.approved + self.held + self.rejected


@dataclass(frozen=True, slots=True)
class Bounded:
    """
    One kind of error in one language: what is promised, and what the held-out part showed.

    `threshold` is the score that does it, None where the machine does nothing on this side. `calibrated_on` comments
    could be decided wrongly, as many as tell something on their own; `missing` is how many more are needed before anything
    can be promised. `standing` is "kept" (all of the interval below the bound), "open" (the bound is inside it: too few
    to say), "broken" (all of it above), or "idle" (nothing is decided on this side).
    """

    promised: float
    threshold: float | None
    calibrated_on: int
    missing: int | None
    seen: Share
    standing: str


@dataclass(frozen=True, slots=True)
class Tongue:
    """
    One language, as the judge sees it.

    `calibration` is "made" (here), "before" (what was in force already, as there is too little for a new one) or "none"
    (all of it waits for people).
    """

    language: str
    calibration: str
    calibrated_on: int
    rejecting: Bounded
    approving: Bounded
    acceptable: Counts
    violations: Counts
    alone: Share
    agreed: Share


@dataclass(frozen=True, slots=True)
class Part:
    """
    Some held-out comments: of a rule, a year or a language. `agreed` is the share of those decided alone that moderators
    decided likewise; `named`, of the violations rejected, the share rejected for this rule (None where it is no rule of ours).
    """

    name: str
    acceptable: Counts
    violations: Counts
    alone: Share
    agreed: Share
    named: Share | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """What could be decided alone within other bounds: shares of all held-out comments, and what went wrong among them."""

    wrongly_rejected: float
    wrongly_approved: float
    alone: Share
    approved: Share
    rejected: Share
    seen_rejected: Share
    seen_approved: Share


@dataclass(frozen=True, slots=True)
class Cost:
    """
    What it takes and saves, for the whole archive: hours of moderators without Meydan and with it (its audits included).

    `saved` is an interval of hours. `wrongly_rejected` and `wrongly_approved` are shares of all comments.
    `compute_seconds` is the time of one processor for all of the archive, from what was measured here on `judged` comments.
    """

    comments: int
    months: int
    seconds_per_comment: float
    hours_without: float
    hours_with: float
    saved: tuple[float, float]
    audit: float
    wrongly_rejected: Share
    wrongly_approved: Share
    judged: int
    measured_seconds: float
    compute_seconds: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A held-out comment that Meydan would have decided otherwise: its place among the trial's rows, and how sure the judge was."""

    row: int
    kind: str
    score: float
    reasons: tuple[tuple[str, str | None, float], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One comment of the trial: on which side it stood, its truth (None: neither), and what Meydan makes of it; None if not held out."""

    held_out: bool
    violation: bool | None
    language: str
    standing: Reviewed
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Trial:
    """All of it. `beyond` is what would become of comments rejected for reasons that only people judge by."""

    chosen: Chosen
    plan: Plan
    promised: Automation
    groups: int
    calibrated_on: int
    held_out: int
    overall: Part
    wrongly_rejected: Share
    wrongly_approved: Share
    tongues: tuple[Tongue, ...]
    rules: tuple[Part, ...]
    years: tuple[Part, ...]
    within: tuple[Within, ...]
    at_base_rates: tuple[tuple[float, float], ...]
    cost: Cost
    beyond: Counts
    unknown_reasons: tuple[tuple[str, int], ...]
    unseen_rules: tuple[str, ...]
    other_language: int
    moderators: Agreement | None
    holds: tuple[tuple[str, int], ...]
    disagreements: tuple[Disagreement, ...]
    calibrations: Calibrations
    outcomes: tuple[Outcome, ...]


def trial_of(
    chosen: Chosen,
    evidence: Sequence[Evidence],
    guidelines: Guidelines,
    plan: Plan = Plan(),
    *,
    before: Calibrations,
    model: str,
    source: str,
    today: date,
    measured_seconds: float = 0.0,
    steps: Sequence[float] = STEPS,
) -> Trial:
    """
    Hold out, calibrate, decide, count.

    Args:
        evidence: the judge's, for each of `chosen.past`.
        before: what is in force already, for languages that there is too little of.
        model: the digest of the judge.
        source: what the calibration says it was made from.
        measured_seconds: what judging these comments took of one processor.
        steps: which multiples of what is promised are tried besides.

    Raises:
        OneSided: only one kind of comment, or all on one side of the split.
        BadCalibration: the extra `calibrate` is not installed.
    """
    past = chosen.past
    mapped = _mapped(plan)
    truth, aside = check_sides(past, guidelines, plan)
    standing = [
        # What is neither counts as acceptable to nobody: it calibrates nothing.
        reviewed_of(found, guidelines, violation=bool(violation))
        for found, violation in zip(evidence, truth, strict=True)
    ]
    # However the comments are parted, those of one thread may be alike.
    threads = groups_of(past, "author" if plan.split == "author" else "story")
    place = {group: i for i, group in enumerate(dict.fromkeys(threads))}
    member = np.array([place[group] for group in threads], np.int64)
    languages = np.array([found.language for found in evidence], object)
    known = np.array([violation is not None for violation in truth], bool)
    guilty = np.array([violation is True for violation in truth], bool)
    out = np.array(aside, bool)

    def calibrated(promised: Automation) -> dict[str, Fitted]:
        """The thresholds of each language from what is not held out, and from nothing else."""
        made = {}
        for language in sorted(set(languages[~out & known].tolist())):
            here = np.flatnonzero(~out & known & (languages == language))
            rows = [standing[i] for i in here]
            made[language] = fit(rows, promised, worth=_worth_of(rows, member[here], promised))
        return made

    fitted = calibrated(guidelines.automation)
    made = {
        language: calibration_of(one, language, guidelines, model=model, source=source, made_on=today)
        for language, one in fitted.items()
        # As `meydan calibrate`: what is known to hold is given up for what comments show, not for want of them.
        if (one.complete and (one.any or before.of(language))) or (one.any and not before.of(language))
    }
    in_force = before.replaced_by(Calibrations(made))
    decisions: list[Decision | None] = [
        decide(found, guidelines, mode="assisted", calibrations=in_force) if held else None
        for found, held in zip(evidence, aside, strict=True)
    ]
    verdicts = np.array([decision.verdict.value if decision else "" for decision in decisions], object)
    told = _Told(verdicts, guilty, known, member, standing, _tail(guidelines.automation))

    def part(name: str, here: Flags, *, rule: str | None = None) -> Part:
        return told.part(name, here & out, decisions, rule)

    tongues = [
        told.tongue(
            language,
            "made" if language in made else "before" if before.of(language) else "none",
            fitted.get(language),
            out & (languages == language),
            guidelines,
            in_force,
        )
        for language, _ in Counter(languages[out].tolist()).most_common()
    ]
    reasons = [_reasons(one, mapped) for one in past]
    counted = Counter(reason for i, some in enumerate(reasons) if out[i] for reason in some)
    ours = {rule.id for rule in guidelines.rules}
    years = sorted(
        {one.at.year for one, held in zip(past, aside, strict=True) if held and one.at is not None}
    )
    overall = part("", np.ones(len(past), bool))
    return Trial(
        chosen=chosen,
        plan=plan,
        promised=guidelines.automation,
        groups=len(place),
        calibrated_on=int((~out & known).sum()),
        held_out=int(out.sum()),
        overall=overall,
        wrongly_rejected=told.wrongly_rejected(verdicts == "reject", out),
        wrongly_approved=told.wrongly_approved(verdicts == "approve", out),
        tongues=tuple(tongues),
        rules=tuple(
            part(reason, np.array([reason in some for some in reasons], bool), rule=reason if reason in ours else None)
            for reason, _ in counted.most_common()
        ),
        years=tuple(
            part(str(year), np.array([one.at is not None and one.at.year == year for one in past], bool)) for year in years
        ),
        within=tuple(
            told.within(step, guidelines.automation, calibrated, standing, languages, decisions, out) for step in steps
        ),
        at_base_rates=_at_base_rates(overall),
        cost=_cost(chosen, plan, guidelines.automation, told, out, measured_seconds),
        beyond=told.counts(out & ~known),
        unknown_reasons=tuple(
            Counter(
                reason for some in reasons for reason in some if reason not in ours and reason.casefold() not in mapped
            ).most_common(20)
        ),
        unseen_rules=tuple(
            rule.id for rule in guidelines.rules if rule.labels and counted[rule.id] < FEW
        ),
        other_language=sum(
            _differs(one.language, found.language) for one, found in zip(past, evidence, strict=True)
        ),
        moderators=_moderators(chosen),
        holds=tuple(
            Counter(
                hold.value for decision in decisions if decision is not None for hold in decision.holds
            ).most_common()
        ),
        disagreements=_disagreements(decisions, guilty, known, standing),
        calibrations=Calibrations(made),
        outcomes=tuple(
            Outcome(held, violation, found.language, stands, decision)
            for held, violation, found, stands, decision in zip(
                aside, truth, evidence, standing, decisions, strict=True
            )
        ),
    )  # fmt: skip


def check_sides(
    past: Sequence[Past], guidelines: Guidelines, plan: Plan
) -> tuple[list[bool | None], list[bool]]:
    """
    The truth about each comment, and whether it is held out; before anything is judged.

    Raises:
        OneSided: only one kind of comment, or all of a kind on one side.
    """
    mapped = _mapped(plan)
    truth = [truth_of(one, guidelines, mapped) for one in past]
    aside = held_out(past, groups_of(past, plan.split), plan.split, plan.hold_out, seed=plan.seed)
    kinds = (("approved", False, "rejected"), ("rejected", True, "approved"))
    for kind, violation, other in kinds:
        if violation not in truth:
            raise OneSided(
                f"Of {len(past):,} decided comments none was {kind} for a reason that the machine judges by: whether it"
                f" would be right cannot be seen on {other} ones alone. Export both kinds, or say what the decisions mean: --{kind}."
            )
    for kind, violation, _ in kinds:
        sides = {held for found, held in zip(truth, aside, strict=True) if found is violation}
        if len(sides) == 1:
            raise OneSided(
                f"All {kind} comments are on one side of the split, {'held out' if sides == {True} else 'in what calibrates'}:"
                " there are too few threads to part them. Divide by single comments: --split row; or export more."
            )
    return truth, aside


def truth_of(one: Past, guidelines: Guidelines, mapped: Mapping[str, str]) -> bool | None:
    """Whether people found a violation of what the machine judges by; None where their reasons are none that it could know."""
    if one.approved:
        return False
    reasons = [mapped.get(word.casefold(), word) for word in one.rules]
    ours = [reason for reason in reasons if reason != NOT_OURS]
    return None if reasons and not ours else is_violation(Verdict.REJECT, ours, guidelines)


def share_of(hit: Flags, member: NDArray[np.int64], tail: float, *, near: Flags | None = None) -> Share:
    """
    A share with its exact interval, each end wrong with at most the chance `tail`.

    Args:
        hit: for each of n comments whether it counts; n may be 0.
        member: which group each belongs to.
        near: what shows how much such comments clump by group, where there are too few of them to show it themselves.

    Source:
        Clopper and Pearson (1934) on as many comments as tell the same without groups: Korn and Graubard (1998).
    """
    of, count = len(hit), int(hit.sum())
    if not of:
        return Share(0, 0, math.nan, math.nan, 0)
    seen = hit if near is None or count >= _NEAR else near
    worth = max(1, math.floor(of * worth_of(seen, member, tail)))
    counted = count * worth / of
    low = interval_of(math.floor(counted + 1e-9), worth, confidence=1 - 2 * tail).low
    high = interval_of(min(worth, math.ceil(counted - 1e-9)), worth, confidence=1 - 2 * tail).high
    return Share(count, of, low, high, worth)


def worth_of(hit: Flags, member: NDArray[np.int64], tail: float) -> float:
    """
    What one comment tells beside one that has nothing to do with any other, in (0, 1].

    One divided by how many times the share of the hits varies more by groups than it would by single comments; and less
    again where there are few groups to see that on.
    """
    of = len(hit)
    _, member, sizes = np.unique(member, return_inverse=True, return_counts=True)
    number = len(sizes)
    if number == of:
        return 1.0
    # All in one thread is one observation; nothing shows how far it is like others.
    if number == 1:
        return 1.0 / of
    share = float(hit.mean())
    z = NormalDist().inv_cdf(1 - tail)
    freedom = number - 1
    # The quantile of Student's law, by its expansion in the degrees of freedom.
    t = z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    few = (z / t) ** 2
    if not 0.0 < share < 1.0:
        return max(1.0 / of, few)
    sums = np.bincount(member, weights=hit, minlength=number)
    grouped = number / freedom * float(((sums - share * sizes) ** 2).sum()) / of**2
    single = share * (1 - share) / of
    return max(1.0 / of, few / max(1.0, grouped / single))


# -- one part of the figures each ------------------------------------------------


class _Told:
    """Verdicts beside the truth, counted in any part of the rows."""

    def __init__(
        self,
        verdicts: NDArray[Any],
        guilty: Flags,
        known: Flags,
        member: NDArray[np.int64],
        standing: Sequence[Reviewed],
        tail: float,
    ) -> None:
        self._verdicts, self._guilty, self._known, self._member = verdicts, guilty, known, member
        self._alone = (verdicts == "approve") | (verdicts == "reject")
        self._agreed = (verdicts == "reject") == guilty
        self._worst, self._best = _nearness(standing)
        self._tail = tail

    def share(self, hit: Flags, here: Flags, *, nearness: NDArray[np.float64] | None = None) -> Share:
        near = None if nearness is None else _nearest(nearness[here], _NEAR)
        return share_of(hit[here], self._member[here], self._tail, near=near)

    def wrongly_rejected(self, rejected: Flags, here: Flags) -> Share:
        """Of the acceptable comments in a part, those rejected."""
        return self.share(rejected, here & self._known & ~self._guilty, nearness=self._worst)

    def wrongly_approved(self, approved: Flags, here: Flags) -> Share:
        """Of the violations in a part, those approved."""
        return self.share(approved, here & self._guilty, nearness=self._best)

    def counts(self, here: Flags) -> Counts:
        times = Counter(self._verdicts[here].tolist())
        return Counts(times["approve"], times["hold"], times["reject"])

    def part(self, name: str, here: Flags, decisions: Sequence[Decision | None], rule: str | None) -> Part:
        guilty = here & self._guilty
        named = None
        if rule is not None:
            says = np.array(
                [decision is not None and any(reason.rule == rule for reason in decision.reasons) for decision in decisions], bool
            )  # fmt: skip
            named = self.share(says, guilty & (self._verdicts == "reject"))
        return Part(
            name,
            self.counts(here & self._known & ~self._guilty),
            self.counts(guilty),
            self.share(self._alone, here),
            self.share(self._agreed, here & self._alone & self._known),
            named,
        )

    def tongue(
        self,
        language: str,
        calibration: str,
        fitted: Fitted | None,
        here: Flags,
        guidelines: Guidelines,
        in_force: Calibrations,
    ) -> Tongue:
        entry = in_force.of(language)
        asked = [(rule, label) for rule in guidelines.rules for label in rule.labels]
        # The laxest of what is in force: where every label's is out of reach, nothing is done on this side.
        rejects = (
            min((max(rule.reject_from, entry.rejects_from(label)) for rule, label in asked), default=NEVER)
            if entry
            else NEVER
        )
        approves = (
            max((min(rule.hold_from, entry.holds_from(label)) for rule, label in asked), default=0.0)
            if entry
            else 0.0
        )
        innocent, guilty = here & self._known & ~self._guilty, here & self._guilty
        promised = guidelines.automation
        return Tongue(
            language,
            calibration,
            fitted.comments if fitted else 0,
            _bounded(
                promised.wrongly_rejected,
                rejects if rejects < NEVER else None,
                fitted.rejecting if fitted else None,
                self.wrongly_rejected(self._verdicts == "reject", here),
            ),
            _bounded(
                promised.wrongly_approved,
                approves if approves > 0.0 else None,
                fitted.approving if fitted else None,
                self.wrongly_approved(self._verdicts == "approve", here),
            ),
            self.counts(innocent),
            self.counts(guilty),
            self.share(self._alone, here),
            self.share(self._agreed, here & self._alone & self._known),
        )

    def within(
        self,
        step: float,
        promised: Automation,
        calibrated: Any,
        standing: Sequence[Reviewed],
        languages: NDArray[Any],
        decisions: Sequence[Decision | None],
        out: Flags,
    ) -> Within:
        """What would be decided alone, were so many times what is promised allowed; by what can be calibrated here."""
        bounds = replace(
            promised,
            wrongly_rejected=min(1.0, step * promised.wrongly_rejected),
            wrongly_approved=min(1.0, step * promised.wrongly_approved),
        )
        fitted: dict[str, Fitted] = calibrated(bounds)
        here = np.flatnonzero(out)
        reject_from, hold_from = np.full(len(out), NEVER), np.zeros(len(out))
        for language, one in fitted.items():
            there = languages == language
            if one.rejecting.threshold is not None:
                reject_from[there] = one.rejecting.threshold
            if one.approving.threshold is not None:
                hold_from[there] = one.approving.threshold
        rejected, approved = np.zeros(len(out), bool), np.zeros(len(out), bool)
        for i in here.tolist():
            decision = decisions[i]
            rejected[i] = standing[i].breach >= reject_from[i]
            # What is off the subject waits, whatever the thresholds.
            waits = decision is not None and Hold.OFF_TOPIC in decision.holds
            approved[i] = not rejected[i] and standing[i].doubt < hold_from[i] and not waits
        return Within(
            bounds.wrongly_rejected,
            bounds.wrongly_approved,
            self.share(rejected | approved, out),
            self.share(approved, out),
            self.share(rejected, out),
            self.wrongly_rejected(rejected, out),
            self.wrongly_approved(approved, out),
        )


def _bounded(promised: float, threshold: float | None, fitted: Side | None, seen: Share) -> Bounded:
    if threshold is None:
        standing = "idle"
    elif seen.of and seen.low > promised:
        standing = "broken"
    else:
        standing = "kept" if seen.of and seen.high <= promised else "open"
    return Bounded(
        promised,
        threshold,
        fitted.seen.of if fitted else 0,
        fitted.missing if fitted else None,
        seen,
        standing,
    )


def _worth_of(
    rows: Sequence[Reviewed], member: NDArray[np.int64], promised: Automation
) -> tuple[float, float]:
    """What one acceptable comment, and one violation, tells: seen on those that a threshold at the bound would decide wrongly."""
    guilty = np.array([row.violation for row in rows], bool)
    worst, best = _nearness(rows)
    found = []
    for here, nearness, bound in (
        (~guilty, worst, promised.wrongly_rejected),
        (guilty, best, promised.wrongly_approved),
    ):
        near = _nearest(nearness[here], math.ceil(bound * int(here.sum())))
        found.append(worth_of(near, member[here], 2 * _tail(promised)) if near.any() else 1.0)
    return found[0], found[1]


def _nearness(rows: Sequence[Reviewed]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How near each comment is to being rejected, and to being approved; higher is nearer."""
    # Where the guidelines reject nothing, the most doubtful are the nearest to it.
    worst = np.array([row.breach if row.breach >= 0 else min(row.doubt, 1.0) - 2 for row in rows], float)
    return worst, np.array([-row.doubt for row in rows], float)


def _nearest(nearness: NDArray[np.float64], some: int) -> Flags:
    """So many of the nearest, or _NEAR where that is more, and never more than half."""
    hit = np.zeros(len(nearness), bool)
    hit[np.argsort(-nearness, kind="stable")[: min(len(nearness) // 2, max(_NEAR, some))]] = True
    return hit


def _tail(promised: Automation) -> float:
    """The chance that one end of one interval is wrong: two of them, with two ends each, hold together as promised."""
    return (1 - promised.confidence) / 4


def _mapped(plan: Plan) -> dict[str, str]:
    return {name.casefold(): rule for name, rule in (plan.rules or {}).items()}


def _reasons(one: Past, mapped: Mapping[str, str]) -> tuple[str, ...]:
    """Why people rejected a comment, in our rules' ids where they are known."""
    if one.approved:
        return ()
    meant = ((word, mapped.get(word.casefold(), word)) for word in one.rules)
    return tuple(dict.fromkeys(word if ours == NOT_OURS else ours for word, ours in meant))


def _at_base_rates(overall: Part) -> tuple[tuple[float, float], ...]:
    """The share decided alone, were so many of all comments violations."""

    def alone(counts: Counts) -> float:
        return (counts.approved + counts.rejected) / counts.of if counts.of else math.nan

    good, bad = alone(overall.acceptable), alone(overall.violations)
    return tuple((rate, (1 - rate) * good + rate * bad) for rate in BASE_RATES)


def _cost(
    chosen: Chosen, plan: Plan, promised: Automation, told: _Told, out: Flags, measured_seconds: float
) -> Cost:
    every = np.ones(len(out), bool)
    alone = told.share(told._alone, out)
    hours = chosen.decided * plan.seconds_per_comment / 3600
    left = 1 - promised.audit
    return Cost(
        comments=chosen.decided,
        months=len(chosen.months),
        seconds_per_comment=plan.seconds_per_comment,
        hours_without=hours,
        hours_with=hours * (1 - alone.value * left),
        saved=(hours * alone.low * left, hours * alone.high * left),
        audit=promised.audit,
        wrongly_rejected=told.share((told._verdicts == "reject") & ~told._guilty & told._known, out & every),
        wrongly_approved=told.share((told._verdicts == "approve") & told._guilty, out & every),
        judged=len(chosen.past),
        measured_seconds=measured_seconds,
        compute_seconds=measured_seconds * chosen.decided / len(chosen.past),
    )


def _differs(said: str, seen: str) -> bool:
    """Whether the archive names another language than the judge sees; "ku" is said of all Kurdish."""
    said, seen = (tag.replace("_", "-").split("-")[0].casefold() for tag in (said, seen))
    return 2 <= len(said) <= 3 and said != seen and not (said == "ku" and seen in ("ckb", "kmr"))


def _moderators(chosen: Chosen) -> Agreement | None:
    if not chosen.twice:
        return None
    return on_verdicts(
        [
            Twice(
                first.moderator,
                frozenset(() if first.approved else ("rejected",)),
                last.moderator,
                frozenset(() if last.approved else ("rejected",)),
            )
            for first, last in chosen.twice
        ]
    )


def _disagreements(
    decisions: Sequence[Decision | None], guilty: Flags, known: Flags, standing: Sequence[Reviewed]
) -> tuple[Disagreement, ...]:
    """Both kinds, of each the surest first."""
    rejected, approved = [], []
    for i, decision in enumerate(decisions):
        if decision is None or not known[i]:
            continue
        reasons = tuple((reason.rule, reason.ground, reason.score or 0.0) for reason in decision.reasons)
        if decision.verdict is Verdict.REJECT and not guilty[i]:
            rejected.append(Disagreement(i, "wrongly_rejected", standing[i].breach, reasons))
        elif decision.verdict is Verdict.APPROVE and guilty[i]:
            approved.append(Disagreement(i, "wrongly_approved", standing[i].doubt, reasons))
    rejected.sort(key=lambda one: (-one.score, one.row))
    approved.sort(key=lambda one: (one.score, one.row))
    return (*rejected, *approved)
