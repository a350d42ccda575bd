"""
A trial as one page of HTML, for who decides whether to switch: figures, drawings, and the disagreements to read.

Nothing is fetched and nothing runs. Readers' words are escaped and isolated by text/render.py, or left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from meydan.comment import Verdict
from meydan.evaluate import page
from meydan.evaluate.trial import Bounded, Counts, Disagreement, Part, Share, Trial
from meydan.evaluate.trial_telling import limits_of
from meydan.policy import Guidelines
from meydan.text import render

SHOWN: Final = 25
"""Disagreements of each kind that are shown, unless more are asked for."""

LONGEST_SHOWN: Final = 1_500
"""Characters of a comment; of a longer one the beginning is shown, and it says so."""

MOST_PARTS: Final = 20

STANDINGS: Final = {
    "kept": "kept, and shown to be",
    "open": "not shown: too few held out",
    "broken": "BROKEN on the held-out part",
    "idle": "does nothing here",
}

_STYLE: Final = (
    """\
body{font-size:1rem;line-height:1.5}
@media (max-width:30rem){body{font-size:1rem}}
h2{margin-top:2.5rem}p{overflow-wrap:anywhere}
dl.look{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:1rem;margin:1rem 0}
dl.look div{border-block-start:2px solid var(--ink);padding-block-start:.4rem;display:grid;grid-row:span 3;grid-template-rows:subgrid;row-gap:0;align-content:start}
dl.look dt{color:var(--soft)}dl.look dd{margin:0}dl.look dd.large{font-size:1.7rem;line-height:1.2;font-variant-numeric:tabular-nums}
svg.slim{max-width:30rem}svg .bad{fill:var(--bad)}svg .whisker{stroke:var(--ink);stroke-width:2}svg .dot{fill:var(--good)}
svg .worse{fill:var(--bad)}svg .bound{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:5 3}svg .end{text-anchor:end}
svg.slim text{font-size:13px}svg.slim text.soft{fill:var(--soft);font-size:12px}svg .edge{fill:none;stroke:var(--soft);stroke-width:1}
ul.key{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding:0;margin:.5rem 0;font-size:.9rem}
ul.key i{display:inline-block;width:.9em;height:.9em;margin-inline-end:.4em;vertical-align:-.1em;border:1px solid var(--soft)}
ul.key .right{background:var(--good2)}ul.key .rest{background:var(--rest)}ul.key .found{background:var(--good)}
figure{max-width:30rem}
.case{display:grid;grid-template-columns:minmax(0,1fr) 20rem;gap:.5rem 1.5rem;padding:1rem 0;border-block-start:1px solid var(--line);break-inside:avoid}
.case dl{margin:0;font-size:.9rem;display:grid;grid-template-columns:5.5rem minmax(0,1fr);gap:.15rem .5rem;align-content:start}.case dt{color:var(--soft)}.case dd{margin:0}
.case .meydan-text{margin:0;line-height:1.6}.case .meydan-text:lang(ar),.case .meydan-text:lang(ckb),.case .meydan-text:lang(kmr-Arab),.case .meydan-text:lang(fa){line-height:1.8}
.case .cut{margin:.3rem 0 0}
ul.limits{padding-inline-start:1.2rem;max-width:44rem}ul.limits li{margin:.4rem 0}
summary{min-height:2.75rem;display:flex;align-items:center;gap:.5em}summary::before{content:"+";width:1ch}details[open]>summary::before{content:"–"}
@media (max-width:40rem){.case{grid-template-columns:minmax(0,1fr)}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--paper:#fff;--line:#bbb;--track:#eee;--good:#2b6cb0;--good2:#2f855a;--rest:#b9c3cf;--bad:#b7410e}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}body{max-width:none;padding:0;font-size:10pt}h2,h3,figure,tr{break-inside:avoid}h2,h3{break-after:avoid}
details::details-content{content-visibility:visible;block-size:auto}summary::before{content:""}.scroll{overflow:visible}}
"""
    + render.CSS
)


def trial_page(
    found: Trial,
    guidelines: Guidelines,
    *,
    name: str,
    facts: Sequence[tuple[str, str]] = (),
    words: bool = True,
    shown: int = SHOWN,
) -> str:
    """
    The report.

    Args:
        name: of the file that was tried.
        facts: what the figures rest on, by name.
        words: whether disagreements are shown with readers' words.
        shown: disagreements of each kind.
    """
    chosen = found.chosen
    drawn = f" {len(chosen.past):,} were drawn by lot." if chosen.drawn else ""
    lead = (
        f"{name} holds {chosen.decided:,} decisions of people.{drawn} {found.calibrated_on:,} calibrated the machine."
        f" It then decided {found.held_out:,} others, held out by {_SPLIT[found.plan.split]}, which it had not seen."
    )
    sections = [
        _look(found),
        _kept(found),
        _within(found),
        _agreement(found),
        _disagreements(found, guidelines, words=words, shown=shown),
        _cost(found),
        page.section(
            "What this does not know",
            '<ul class="limits">'
            + "".join(f"<li>{escape(message)}</li>" for _, message in limits_of(found))
            + "</ul>",
        ),
        _untaken(found),
        _made(found, guidelines),
    ]
    return page.page(
        "What Meydan would have decided", lead, [one for one in sections if one], facts=facts, style=_STYLE
    )


# -- sections --------------------------------------------------------------------


def _look(found: Trial) -> str:
    cost, promised = found.cost, found.promised
    large = [
        ("Decided without a person", _percent(found.overall.alone.value), _between(found.overall.alone)),
        (
            "Acceptable comments rejected",
            _percent(found.wrongly_rejected.value),
            f"{_between(found.wrongly_rejected)}; promised at most {_percent(promised.wrongly_rejected)}",
        ),
        (
            "Violations approved",
            _percent(found.wrongly_approved.value),
            f"{_between(found.wrongly_approved)}; promised at most {_percent(promised.wrongly_approved)}",
        ),
        (
            "Moderators' hours saved",
            f"{_hours(cost.hours_without - cost.hours_with)} of {_hours(cost.hours_without)}",
            f"at {cost.seconds_per_comment:g} seconds a comment",
        ),
    ]
    boxes = "".join(
        f'<div><dt>{escape(title)}</dt><dd class="large">{escape(value)}</dd><dd class="soft">{escape(note)}</dd></div>'
        for title, value, note in large
    )
    return page.section(
        "At a glance",
        f'<dl class="look">{boxes}</dl>',
        _KEY,
        page.figure(
            _stacks(
                [
                    ("Moderators approved", found.overall.acceptable, f"{found.overall.acceptable.of:,}"),
                    ("Moderators rejected", found.overall.violations, f"{found.overall.violations.of:,}"),
                ],
                about="What Meydan would have made of what moderators approved, and of what they rejected",
            ),
            "What Meydan would have made of the held-out comments. Held ones wait for a moderator, as all do today.",
        ),
    )


def _kept(found: Trial) -> str:
    promised = found.promised
    confidence = _percent(promised.confidence)
    parts = [
        page.paragraph(
            f"Promised, by what calibrated the machine: of acceptable comments at most {_percent(promised.wrongly_rejected)} are"
            f" rejected, of violations at most {_percent(promised.wrongly_approved)} approved, both with {confidence} confidence."
            " Seen, on what was held out: the dot, and between which shares the truth lies. Left of the broken line is kept."
        )
    ]
    for title, side, bound in (
        ("Acceptable comments that would be rejected", "rejecting", promised.wrongly_rejected),
        ("Violations that would be approved", "approving", promised.wrongly_approved),
    ):
        items = [
            _Dot(_language(tongue.language), each.seen, bad=each.standing == "broken", note=_of(each.seen))
            for tongue in found.tongues
            if (each := getattr(tongue, side)).standing != "idle" and each.seen.of
        ]
        if items:
            parts.append(
                page.figure(
                    _dots(items, bound=bound, about=f"{title}, by language, beside what is promised"),
                    f"{title}.",
                )
            )
        else:
            parts.append(page.paragraph(f"{title}: none can be, as nothing is decided on this side."))
    head = (
        "language",
        "calibration",
        "acceptable rejected",
        "is the bound kept?",
        "violations approved",
        "is the bound kept?",
        "decided alone",
    )
    rows = [
        (
            _language(one.language),
            _CALIBRATION[one.calibration],
            _seen(one.rejecting),
            STANDINGS[one.rejecting.standing],
            _seen(one.approving),
            STANDINGS[one.approving.standing],
            _told(one.alone),
        )
        for one in found.tongues
    ]
    parts.append(page.folded_away("The figures, by language", page.table(head, rows), _counts_note(found)))
    return page.section("Whether the bounds hold", *parts)


def _counts_note(found: Trial) -> str:
    lines = [
        f"{_language(one.language)}: calibrated on {one.calibrated_on:,} comments, which tell as much as {one.rejecting.calibrated_on:,} acceptable"
        f" ones and {one.approving.calibrated_on:,} violations that have nothing to do with each other."
        for one in found.tongues
        if one.calibration == "made"
    ]
    return "".join(page.paragraph(line) for line in lines)


def _within(found: Trial) -> str:
    items = [
        (
            f"≤ {_exactly(one.wrongly_rejected)} rejected, ≤ {_exactly(one.wrongly_approved)} approved"
            + (" (yours)" if one.wrongly_rejected == found.promised.wrongly_rejected else ""),
            Counts(one.approved.count, one.alone.of - one.alone.count, one.rejected.count),
            f"{_percent(one.alone.value)} alone",
        )
        for one in found.within
    ]
    rows = [
        (
            f"≤ {_exactly(one.wrongly_rejected)}",
            f"≤ {_exactly(one.wrongly_approved)}",
            _told(one.alone),
            _percent(one.approved.value),
            _percent(one.rejected.value),
            _told(one.seen_rejected),
            _told(one.seen_approved),
        )
        for one in found.within
    ]
    base = [
        (f"{_percent(rate)} of all", _percent(alone))
        for rate, alone in (
            *found.at_base_rates,
            (1 - found.chosen.approved / found.chosen.decided, found.overall.alone.value),
        )
    ]
    return page.section(
        "How much it could decide alone",
        page.paragraph(
            "The stricter the bounds, the more waits for a person. Each line calibrates anew, in the languages that there is enough"
            " of here (in the others nothing is decided), and decides the held-out comments; the bounds are [automation] in the guidelines."
        ),
        _KEY,
        page.figure(
            _stacks(items, about="The share decided alone within stricter and laxer bounds"),
            "Of all held-out comments: approved and rejected alone. In words: at most so many acceptable comments rejected, and violations approved.",
        ),
        page.folded_away(
            "The figures, by bounds",
            page.table(
                (
                    "acceptable rejected",
                    "violations approved",
                    "decided alone",
                    "approved",
                    "rejected",
                    "seen rejected",
                    "seen approved",
                ),
                rows,
            ),
        ),
        page.paragraph(
            "How much that is also depends on how many comments are violations. The last line is this archive as it is."
        ),
        page.table(("violations", "decided alone"), base),
    )


def _agreement(found: Trial) -> str:
    parts = [
        page.paragraph(
            "Of what Meydan would decide alone: the share that moderators decided likewise. Behind it: what became of each kind."
        )
    ]
    languages = [
        Part(_language(one.language), one.acceptable, one.violations, one.alone, one.agreed)
        for one in found.tongues
    ]
    for title, some in (
        ("By your moderators' reasons", found.rules),
        ("By language", languages),
        ("By year", found.years),
    ):
        drawn = [part for part in some if part.agreed.of][:MOST_PARTS]
        if not some:
            continue
        inner = [f"<h3>{escape(title)}</h3>"]
        if drawn:
            inner.append(
                page.figure(
                    _dots(
                        [_Dot(part.name, part.agreed, note=_of(part.agreed)) for part in drawn],
                        about=f"Agreement with moderators. {title}",
                        whole=True,
                    ),
                    f"Agreement. {title}.",
                )
            )
        named = any(part.named is not None and part.named.of for part in some)
        head = [
            "which",
            "comments",
            "acceptable: approved",
            "held",
            "rejected",
            "violations: approved",
            "held",
            "rejected",
            "agreement",
        ]
        if named:
            head.append("names this rule")
        inner.append(
            page.folded_away(
                f"The figures. {title}",
                page.table(
                    head, [_part_row(part, named=named) for part in some[: 3 * MOST_PARTS]], words_from=None
                ),
                page.paragraph(
                    "Names this rule: of those that Meydan too would have rejected, the share for which it names it."
                )
                if named
                else "",
            )
        )
        parts += inner
    return page.section("Agreement with your moderators", *parts)


def _part_row(part: Part, *, named: bool) -> list[str]:
    def shares(counts: Counts) -> list[str]:
        return [
            _percent(some / counts.of) if counts.of else "–"
            for some in (counts.approved, counts.held, counts.rejected)
        ]

    row = [
        part.name,
        f"{part.acceptable.of + part.violations.of:,}",
        *shares(part.acceptable),
        *shares(part.violations),
        _told(part.agreed),
    ]
    return [*row, _told(part.named) if part.named is not None and part.named.of else "–"] if named else row


def _disagreements(found: Trial, guidelines: Guidelines, *, words: bool, shown: int) -> str:
    parts = []
    for kind, title, note in (
        (
            "wrongly_rejected",
            "Moderators approved, Meydan would have rejected",
            "The surest first. Ask of each: would you answer for showing it today?",
        ),
        (
            "wrongly_approved",
            "Moderators rejected, Meydan would have approved",
            "The surest first. Ask of each: which words of the guidelines does it breach?",
        ),
    ):
        some = [one for one in found.disagreements if one.kind == kind]
        parts.append(f"<h3>{escape(title)} ({len(some):,})</h3>")
        if not some:
            parts.append(page.paragraph("None among the held-out comments."))
            continue
        rest = (
            f" {len(some) - shown:,} more are not shown (--disagreements N shows more)."
            if len(some) > shown
            else ""
        )
        parts.append(page.paragraph(note + rest))
        parts += [_case(found, one, guidelines, words=words) for one in some[:shown]]
    if not words:
        parts.insert(
            0, page.paragraph("Made without readers' words: look each up by its place in the archive.")
        )
    return page.section("Where you disagree, to read side by side", *parts)


def _case(found: Trial, one: Disagreement, guidelines: Guidelines, *, words: bool) -> str:
    past, outcome = found.chosen.past[one.row], found.outcomes[one.row]
    text = ""
    if words:
        text = str(render.comment(past.text[:LONGEST_SHOWN], language=outcome.language))
        if len(past.text) > LONGEST_SHOWN:
            text += f'<p class="soft cut">… and {len(past.text) - LONGEST_SHOWN:,} more characters</p>'
    moderators = (
        "approved" if past.approved else f"rejected{': ' if past.rules else ''}{', '.join(past.rules)}"
    )
    if outcome.decision is not None and outcome.decision.verdict is Verdict.REJECT:
        rules = dict.fromkeys(
            f"{_rule(guidelines, rule)}{f' ({ground})' if ground else ''}" for rule, ground, _ in one.reasons
        )
        machine = f"would reject: {', '.join(rules)}; score {one.score:.3f}"
    else:
        machine = f"would approve; highest score {one.score:.3f}"
    facts = [("Moderators", escape(moderators)), ("Meydan", escape(machine))]
    if words and past.title:
        facts.append(("Story", f"<bdi>{escape(past.title[:200])}</bdi>"))
    where = ", ".join(
        filter(
            None,
            (past.place, _language(outcome.language), f"{past.at:%Y-%m-%d}" if past.at is not None else ""),
        )
    )
    facts.append(("Where", escape(where)))
    told = "".join(f"<dt>{name}</dt><dd><bdi>{value}</bdi></dd>" for name, value in facts)
    return f'<article class="case"><div>{text}</div><dl>{told}</dl></article>'


def _cost(found: Trial) -> str:
    cost = found.cost
    rows = [
        ("Comments that people decided", f"{cost.comments:,}"),
        ("Hours that took", _hours(cost.hours_without)),
        ("Hours it would take with Meydan", _hours(cost.hours_with)),
        (
            "Hours saved",
            f"{_hours(cost.hours_without - cost.hours_with)} ({_hours(cost.saved[0])} to {_hours(cost.saved[1])})",
        ),
        (
            "Of these, a month",
            _hours((cost.hours_without - cost.hours_with) / cost.months) if cost.months else "–",
        ),
        ("Acceptable comments rejected, of 1,000 of all", _thousandth(cost.wrongly_rejected)),
        ("Violations approved, of 1,000 of all", _thousandth(cost.wrongly_approved)),
        (
            "Computing, measured, for 1,000 comments",
            _seconds(1000 * cost.measured_seconds / cost.judged) + " of one processor core",
        ),
        ("Computing for the whole archive", _seconds(cost.compute_seconds) + " of one processor core"),
    ]
    return page.section(
        "What it would have cost, and saved",
        page.table(("what", "in this archive"), rows),
        page.paragraph(
            f"A moderator is taken to need {cost.seconds_per_comment:g} seconds for a comment (--seconds-per-comment). With Meydan people decide what is"
            f" held, and {_percent(cost.audit)} of the rest again, as audits. Not counted: appeals, reports, and reading the archive for this page."
        ),
    )


def _untaken(found: Trial) -> str:
    chosen = found.chosen
    if not chosen.untaken and not chosen.copies:
        return ""
    rows = [
        (one.kind, f"{one.rows:,}", ", ".join(one.places) + ("…" if one.rows > len(one.places) else ""))
        for one in chosen.untaken
    ]
    parts = [page.paragraph(f"{one.kind}: {one.message}") for one in chosen.untaken]
    if rows:
        parts.insert(0, page.table(("reason", "rows", "first places"), rows))
    if chosen.copies:
        parts.append(
            page.paragraph(
                f"{chosen.copies:,} more had the same words as another comment: one, by lot, stands for all, so that no text is on both sides."
            )
        )
    return page.section("Rows that were not used", *parts)


def _made(found: Trial, guidelines: Guidelines) -> str:
    plan = found.plan
    return page.section(
        "How this was made",
        page.paragraph(
            f"Split by {_SPLIT[plan.split]}, about {plan.hold_out:.0%} held out, lot number {plan.seed}: the same file and number give the same page."
            f" {_WHY[plan.split]} The machine was calibrated on the rest alone (Learn then Test, on as many comments as tell something on"
            " their own), and decided the held-out part as it would have in life, under the guidelines"
            f" {guidelines.digest.removeprefix('sha256:')[:12]}, allowed to decide. Intervals are exact (Clopper and Pearson), on"
            " as many comments as tell the same without threads (Korn and Graubard)."
        ),
        page.paragraph("Everything was computed on this machine; nothing was sent anywhere."),
    )


# -- drawings --------------------------------------------------------------------

# As wide as a telephone, so that its letters are there as large as those of the page.
_WIDTH: Final = 360
_ROW: Final = 44


@dataclass(frozen=True, slots=True)
class _Dot:
    """A share with its interval, and what is said beside it."""

    name: str
    share: Share
    bad: bool = False
    note: str = ""


def _stacks(items: Sequence[tuple[str, Counts, str]], *, about: str) -> str:
    """Bars of whole kinds, by name and with a note: approved, held, rejected, from the left."""
    lines = []
    for i, (name, counts, note) in enumerate(items):
        y, x = i * _ROW, 1.0
        lines.append(
            f'<text x="0" y="{y + 14}">{escape(_short(name, 42))}</text><text x="{_WIDTH}" y="{y + 14}" class="end soft">{escape(note)}</text>'
        )
        for some, kind, what in (
            (counts.approved, "right", "approved"),
            (counts.held, "rest", "held"),
            (counts.rejected, "found", "rejected"),
        ):
            width = (_WIDTH - 2) * some / counts.of if counts.of else 0.0
            if width:
                lines.append(
                    f'<rect x="{x:.1f}" y="{y + 20}" width="{width:.1f}" height="16" class="{kind}">'
                    f"<title>{escape(f'{what}: {some:,} ({_percent(some / counts.of)})')}</title></rect>"
                )
            x += width
        lines.append(f'<rect x="1" y="{y + 20}" width="{_WIDTH - 2}" height="16" class="edge"/>')
    return _svg(len(items) * _ROW, about, lines)


def _dots(items: Sequence[_Dot], *, about: str, bound: float | None = None, whole: bool = False) -> str:
    """Shares with their intervals on one scale; a broken line where the bound is. `whole`: the scale ends at 1."""
    if whole:
        low = min((one.share.low for one in items if one.share.of), default=0.0)
        begin, end = (0.0 if low < 0.5 else 0.5 if low < 0.8 else 0.8), 1.0
    else:
        high = max((one.share.high for one in items), default=1.0)
        begin, end = 0.0, min(1.0, max(2 * (bound or 0.0), min(1.05 * high, 6 * (bound or 1.0))))
    left, right = 6, _WIDTH - 6

    def x(share: float) -> float:
        return left + (right - left) * (min(max(share, begin), end) - begin) / (end - begin)

    height = len(items) * _ROW
    lines = []
    ticks = _ticks(begin, end)
    for tick in ticks:
        anchor = "" if tick == ticks[0] else " end" if x(tick) > right - 20 else " middle"
        lines.append(
            f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="18" y2="{height}" class="grid"/>'
            f'<text x="{x(tick):.1f}" y="{height + 16}" class="soft{anchor}">{_percent(tick)}</text>'
        )
    if bound is not None:
        lines.append(f'<line x1="{x(bound):.1f}" x2="{x(bound):.1f}" y1="18" y2="{height}" class="bound"/>')
    for i, one in enumerate(items):
        y = i * _ROW
        lines.append(
            f'<text x="0" y="{y + 14}">{escape(_short(one.name, 26))}</text><text x="{_WIDTH}" y="{y + 14}" class="end soft">{escape(one.note)}</text>'
            f'<line x1="{x(one.share.low):.1f}" x2="{x(one.share.high):.1f}" y1="{y + 28}" y2="{y + 28}" class="whisker"/>'
            f'<circle cx="{x(one.share.value):.1f}" cy="{y + 28}" r="5" class="{"worse" if one.bad else "dot"}">'
            f"<title>{escape(_told(one.share))}</title></circle>"
        )
        if one.share.high > end:
            lines.append(f'<text x="{right}" y="{y + 32}" class="end">→</text>')
    return _svg(height + 22, about, lines)


def _ticks(begin: float, end: float) -> list[float]:
    """Three to six round shares."""
    span = end - begin
    step = 10 ** math.floor(math.log10(span))
    for part in (1.0, 0.5, 0.2, 0.1):
        if span / (step * part) >= 3:
            step *= part
            break
    first = math.ceil(begin / step - 1e-9)
    return [round(i * step, 9) for i in range(first, math.floor(end / step + 1e-9) + 1)]


def _svg(height: int, about: str, lines: Sequence[str]) -> str:
    return (
        f'<svg class="slim" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(about)}">'
        + "".join(lines)
        + "</svg>"
    )


# -- words -----------------------------------------------------------------------

_KEY: Final = '<ul class="key"><li><i class="right"></i>approved</li><li><i class="rest"></i>held for a person</li><li><i class="found"></i>rejected</li></ul>'
_SPLIT: Final = {
    "story": "whole threads",
    "author": "whole authors",
    "row": "single comments",
    "time": "whole threads, the newest",
}
_WHY: Final = {
    "story": "So no thread is on both sides: what its comments have in common cannot help.",
    "author": "So no author is on both sides: what is peculiar to somebody cannot help.",
    "row": "Comments of one thread may be on both sides, and help each other a little.",
    "time": "So the machine is tried on what came after what it was calibrated on, as in life.",
}
_CALIBRATION: Final = {
    "made": "made here",
    "before": "in force before",
    "none": "none: all of it is held",
}


def _language(tag: str) -> str:
    return "not recognised" if tag == "und" else tag


def _rule(guidelines: Guidelines, rule: str) -> str:
    return next((one.title.get("en", one.id) for one in guidelines.rules if one.id == rule), rule)


def _seen(one: Bounded) -> str:
    return "–" if one.standing == "idle" else _told(one.seen)


def _told(share: Share) -> str:
    return f"{_percent(share.value)} {_between(share)}" if share.of else "–"


def _between(share: Share) -> str:
    return f"({_percent(share.low)} to {_percent(share.high)})" if share.of else ""


def _of(share: Share) -> str:
    return f"{share.count:,} of {share.of:,}"


def _percent(share: float) -> str:
    if not math.isfinite(share):
        return "–"
    shown = 100 * share
    if 0 < shown < 0.01:
        return f"{shown:.1g} %"
    return f"{shown:.0f} %" if shown >= 99.95 or shown == round(shown) else f"{shown:.1f} %" if shown >= 1 else f"{shown:.2g} %"  # fmt: skip


def _exactly(bound: float) -> str:
    return f"{100 * bound:.4g} %"


def _hours(hours: float) -> str:
    if not math.isfinite(hours):
        return "–"
    return f"{hours:,.0f} h" if hours >= 10 else f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def _seconds(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds < 120 else f"{seconds / 60:,.0f} min" if seconds < 7200 else f"{seconds / 3600:,.1f} h"  # fmt: skip


def _thousandth(share: Share) -> str:
    if not share.of:
        return "–"
    return f"{1000 * share.value:.1f} ({1000 * share.low:.1f} to {1000 * share.high:.1f})"


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"
