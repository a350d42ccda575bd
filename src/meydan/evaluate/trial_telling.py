"""
What a trial found, told to programs, and what it cannot know, told to people.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from typing import Any, Final

from meydan.evaluate.trial import FEW, NOT_OURS, Share, Trial
from meydan.judge.agreement import ENOUGH
from meydan.text.visible import cell

CERTAIN: Final = 100
"""Threads below which intervals rest on too few of them to be sure of."""

ROW: Final = (
    "place", "id", "part", "language", "moderators", "reasons", "meydan", "rules", "holds", "doubt", "breach",
)  # fmt: skip
"""The columns of the file of rows."""


def answer_of(found: Trial) -> dict[str, Any]:
    """Every figure, for programs; no word of a reader, and a null where a figure has no meaning."""
    chosen = found.chosen
    return {
        "archive": {
            "rows": chosen.rows,
            "decided": chosen.decided,
            "approved": chosen.approved,
            "rejected": chosen.decided - chosen.approved,
            "tried": len(chosen.past),
            "copies": chosen.copies,
            "copies_decided_both_ways": chosen.both_ways,
            "untaken": [_plain(one) for one in chosen.untaken],
        },
        "plan": {
            "split": found.plan.split,
            "hold_out": found.plan.hold_out,
            "seed": found.plan.seed,
            "threads": found.groups,
            "calibrated_on": found.calibrated_on,
            "held_out": found.held_out,
        },
        "promised": {
            "wrongly_rejected": found.promised.wrongly_rejected,
            "wrongly_approved": found.promised.wrongly_approved,
            "confidence": found.promised.confidence,
        },
        "overall": {
            **_plain(found.overall),
            "wrongly_rejected": _plain(found.wrongly_rejected),
            "wrongly_approved": _plain(found.wrongly_approved),
        },
        "languages": [_plain(one) for one in found.tongues],
        "rules": [_plain(one) for one in found.rules],
        "years": [_plain(one) for one in found.years],
        "within": [_plain(one) for one in found.within],
        "at_base_rates": [{"violations": rate, "alone": _number(alone)} for rate, alone in found.at_base_rates],
        "cost": _plain(found.cost),
        "holds": dict(found.holds),
        "moderators": _plain(found.moderators) if found.moderators else None,
        "disagreements": {
            kind: sum(one.kind == kind for one in found.disagreements)
            for kind in ("wrongly_rejected", "wrongly_approved")
        },
        "not_known": [{"about": about, "message": message} for about, message in limits_of(found)],
    }  # fmt: skip


def limits_of(found: Trial) -> list[tuple[str, str]]:
    """What the trial does not know: a stable word for what it is about, and a sentence or two with what to do."""
    told: list[tuple[str, str]] = []
    chosen = found.chosen

    def tell(about: str, *sentences: str) -> None:
        told.append((about, " ".join(sentences)))

    tell(
        "truth",
        "Right and wrong mean here: as your moderators decided, or otherwise. Where they erred, so does this page.",
        "Read the disagreements: often the machine is wrong, and sometimes it is not.",
    )
    if found.moderators is None:
        tell(
            "moderators",
            "How far your moderators agree with each other is not known: no comment was decided by two of them.",
            "Nothing can agree with them more than they do. With a column for the moderator, and comments that two decided, it is told here.",
        )
    else:
        told_alpha = f", alpha {found.moderators.alpha:.2f}" if found.moderators.alpha is not None else ""
        tell(
            "moderators",
            f"Of {_many(found.moderators.comments, 'comment')} that two moderators decided, they decided"
            f" {found.moderators.same:,} alike ({found.moderators.same / found.moderators.comments:.0%}{told_alpha}).",
            "Nothing can agree with them more than they do."
            if found.moderators.comments >= ENOUGH
            else "That is too few to say how far they agree.",
        )
    if chosen.both_ways:
        tell(
            "same-words",
            f"{_many(chosen.both_ways, 'text')} stood in the archive more than once and {'was' if chosen.both_ways == 1 else 'were'}"
            " approved in one place and rejected in another. What decided that is not in the words.",
        )
    rare: list[str] = []
    for tongue in found.tongues:
        size = tongue.acceptable.of + tongue.violations.of
        name = _language(tongue.language)
        missing = _missing(tongue.rejecting.missing, tongue.approving.missing)
        if tongue.calibration == "none" and size < FEW:
            rare.append(f"{name} ({size:,})")
        elif tongue.calibration == "none":
            tell(
                f"language {tongue.language}",
                f"{name}: not calibrated, so all of its {_many(size, 'held-out comment')} would wait for a person.",
                *missing,
            )
        elif tongue.calibration == "before":
            tell(
                f"language {tongue.language}",
                f"{name}: too little here to calibrate on, so what was in force already decided. It was made from other"
                " comments than yours; only what was seen on yours counts.",
                *missing,
            )
        elif tongue.acceptable.of < FEW or tongue.violations.of < FEW:
            tell(
                f"language {tongue.language}",
                f"{name}: {_many(tongue.acceptable.of, 'acceptable comment')} and {_many(tongue.violations.of, 'violation')}"
                " held out are too few to see whether its bounds hold.",
            )
    if rare:
        tell("rare languages", f"Not calibrated, so all of it would wait for a person: {', '.join(rare)}.")
    if found.unseen_rules:
        tell(
            "rules",
            f"Too few examples to say anything of: {', '.join(map(_isolated, found.unseen_rules))} (fewer than {FEW} held-out comments were rejected for it).",
        )
    if found.unknown_reasons:
        named = ", ".join(
            f"{_isolated(f'“{reason}”')} ({times:,})" for reason, times in found.unknown_reasons[:8]
        )
        tell(
            "reasons",
            f"Your moderators' reasons that no rule of the guidelines is called by: {named}. Comments rejected for them count"
            f' as violations. Say which rule each means, --rule "THEIRS=RULE", or that no machine could know: --rule "THEIRS={NOT_OURS}".',
        )
    if not any(one.rules for one in chosen.past if not one.approved):
        tell(
            "reasons",
            "The archive does not say for which rule a comment was rejected, so nothing is told by rule.",
        )
    if found.beyond.of:
        tell(
            "people-only",
            f"{_many(found.beyond.of, 'held-out comment')} {'was' if found.beyond.of == 1 else 'were'} rejected for what only people"
            f" judge by; they are in no figure of errors. Meydan would have approved {found.beyond.approved:,} of them:"
            " readers' reports, and your own reading, are what finds these.",
        )
    rate = 1 - chosen.approved / chosen.decided
    tell(
        "base-rate",
        f"In this archive {_percent(rate)} of the comments were rejected; in news threads mostly 2 to 11 % are. The two kinds of"
        " error do not depend on it, the share decided alone and the hours do: see the table above.",
        *(
            [
                "It looks like a selection rather than everything that readers wrote: then expect other comments in life."
            ]
            if rate > 0.3 or rate < 0.005
            else []
        ),
    )
    if found.other_language:
        tell(
            "language-told",
            f"{_many(found.other_language, 'comment')} {'is' if found.other_language == 1 else 'are'} in another language than the archive"
            " says, as the judge sees it. What it sees is what counts, here as in life.",
        )
    if found.groups < CERTAIN:
        tell(
            "threads",
            f"The comments come from {_many(found.groups, 'thread')} or authors only. Those of one thread are alike, so the intervals are wide"
            " and rest on little. A larger sample, or more threads, helps.",
        )
    if not any(one.story for one in chosen.past) and not any(one.author for one in chosen.past):
        tell(
            "threads",
            "Neither stories nor authors are in the archive, so each comment was taken by itself: where those of one thread are"
            " alike, errors come in clumps, and the intervals are too narrow.",
        )
    if not any(one.title for one in chosen.past):
        tell(
            "stories",
            "The archive has no titles of stories, so nothing was held as off the subject. With titles, a little more is held.",
        )
    tell(
        "time",
        "The newest threads were held out: what is seen is how a calibration lasts. Its bounds promise nothing for a time that differs."
        if found.plan.split == "time"
        else "Held-out comments are of the same time as the others. What readers write changes: --split time holds out the newest."
        " Audits go on measuring, once it runs.",
    )
    tell(
        "life",
        "Not in an archive: floods, repeats, what an author wrote before, a form filled in by a program, names, pictures. In life they hold more.",
    )
    if found.promised.confidence < 1:
        tell(
            "confidence",
            f"Bounds and intervals hold with {found.promised.confidence:.0%} confidence in each language by itself, both kinds of error"
            f" together. Of {_many(len(found.tongues), 'language')} and many small tables some interval is wrong by chance.",
        )
    return told


def rows_of(found: Trial) -> Iterator[str]:
    """A file of CSV, line by line: what became of each comment that was tried; none of its words."""
    yield _csv(ROW)
    for one, outcome in zip(found.chosen.past, found.outcomes, strict=True):
        decision = outcome.decision
        yield _csv(
            (
                one.place,
                one.id,
                "held out" if outcome.held_out else "calibration",
                outcome.language,
                "approved" if one.approved else "rejected",
                "; ".join(one.rules),
                decision.verdict.value if decision else "",
                "; ".join(reason.rule for reason in decision.reasons) if decision else "",
                "; ".join(hold.value for hold in decision.holds) if decision else "",
                f"{outcome.standing.doubt:.6f}" if math.isfinite(outcome.standing.doubt) else "",
                f"{outcome.standing.breach:.6f}" if outcome.standing.breach >= 0 else "",
            )
        )


def _missing(rejecting: int | None, approving: int | None) -> list[str]:
    """How many more comments it takes."""
    more = [
        f"{_many(number, 'more ' + noun)} {doing}"
        for number, noun, doing in (
            (rejecting, "acceptable comment", "before anything is rejected alone"),
            (approving, "violation", "before anything is approved alone"),
        )
        if number
    ]
    return [f"It takes {' and '.join(more)}, if none of them is judged wrongly."] if more else []


def _language(tag: str) -> str:
    return "what is in no language that is recognised" if tag == "und" else tag


def _isolated(word: str) -> str:
    """A word of the newsroom's own, which may run from the right, so that the numbers behind it stay behind it."""
    return f"\u2068{word}\u2069"


def _csv(values: tuple[str, ...]) -> str:
    line = io.StringIO()
    # Reasons and ids are somebody else's words.
    csv.writer(line).writerow(map(cell, values))
    return line.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, Share):
        return {**{name: _plain(each) for name, each in asdict(value).items()}, "share": _number(value.value)}
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return _number(value) if isinstance(value, float) else value


def _number(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
