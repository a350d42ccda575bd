"""
A newsroom's transparency report: what came, what became of it, by whom and how soon, for a span of days.

Counted in the store at one moment, and set beside what the ledger's leaves of that moment say (`recount.py`): where the two
differ there is no report. Nothing in it is a reader's word, name or address, or a comment's id.

What the ledger tells anyway is told as it is, however few it is. What it does not tell, which is languages above all, is
told of so many comments at least that it is of nobody: languages with fewer than FEW stand together, and no count is by
language and rule at once.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import numpy as np

from meydan import __version__
from meydan.judge.calibration import APPROVALS
from meydan.judge.watch import EVERY_RULE
from meydan.ledger import Tree, leaf_hash
from meydan.store.counting import Counting
from meydan.text.visible import cell
from meydan.transparency.recount import (
    MODERATOR,
    REPORT_FORMAT,
    REPORT_KIND,
    TOTAL,
    Counts,
    Span,
    Tally,
    check_agreement,
    names_in,
    recounted,
)

FEW: Final = 10
"""Of fewer comments than this, or fewer audits, nothing is said by language."""

OTHER: Final = "other"
LEDGER, STORE = "ledger", "store"
_SETTLED: Final = {"approve": "approved", "reject": "rejected"}


@dataclass(frozen=True, slots=True)
class Language:
    """
    What became of comments in a language: `counts` by name as in recount.py, and `audited.VERDICT.ANSWER`.

    `tag` is OTHER for all together that have too few comments to stand by themselves.
    """

    tag: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Bound:
    """
    What the machine promises in a language, and what audits have shown of it until now.

    `what` is "rejections" (of acceptable comments, the share that it rejects) or "approvals" (of violations, the share
    that it approves); `at_most` the share promised. `wrong` of `of` is what audits found, and between `low` and `high`
    lies the truth at `confidence`; all four None of fewer than FEW audits. `withdrawn`: the machine does it no longer.
    """

    language: str
    what: str
    at_most: float
    confidence: float
    wrong: int | None
    of: int | None
    low: float | None
    high: float | None
    withdrawn: bool


@dataclass(frozen=True, slots=True)
class Report:
    """
    A report. `ledger` holds what can be recounted from its first `leaves` leaves, whose tree has this `root`; `store` the
    counts that only the newsroom knows, by the same months: imported, appealed, appeals.decided, appeals.approved.
    """

    publication: str
    span: Span
    made_at: datetime
    leaves: int
    root: bytes
    ledger: Counts
    store: Counts
    languages: tuple[Language, ...]
    bounds: tuple[Bound, ...]

    @property
    def whole(self) -> bool:
        """Whether the span was over when the report was made."""
        return self.made_at >= self.span.until


class _Interval(Protocol):
    @property
    def wrong(self) -> int: ...
    @property
    def of(self) -> int: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


class _Kept(Protocol):
    @property
    def what(self) -> str: ...
    @property
    def bound(self) -> float: ...
    @property
    def seen(self) -> _Interval: ...


class Promised(Protocol):
    """How promises stand in one language, as `desk.promises()` tells it."""

    @property
    def language(self) -> str: ...
    @property
    def kept(self) -> Sequence[_Kept]: ...
    @property
    def withdrawn(self) -> frozenset[str]: ...


def bounds_of(promised: Iterable[Promised], *, confidence: float) -> tuple[Bound, ...]:
    """Every language's promises on rejections together and on approvals; those on single rules are too few to tell."""
    found = []
    for one in promised:
        for kept in one.kept:
            if kept.what not in (EVERY_RULE, APPROVALS):
                continue
            told = kept.seen.of >= FEW
            approving = kept.what == APPROVALS
            gone = one.withdrawn & {APPROVALS} if approving else one.withdrawn - {APPROVALS}
            found.append(
                Bound(
                    one.language,
                    kept.what,
                    kept.bound,
                    confidence,
                    kept.seen.wrong if told else None,
                    kept.seen.of if told else None,
                    kept.seen.low if told else None,
                    kept.seen.high if told else None,
                    bool(gone),
                )
            )
    return tuple(found)


def report_of(
    counting: Counting, span: Span, *, publication: str, made_at: datetime, bounds: Sequence[Bound] = ()
) -> Report:
    """
    Count a span, in the store and in the ledger.

    Raises:
        CountsDiffer: they do not say the same. BadLeaf: a leaf is missing, or is none. StoreUnavailable: it cannot be read.
    """
    stored = _stored(counting, span)
    tree = Tree()
    counts = recounted(_grown(counting.leaves(), tree), span)
    check_agreement(stored, counts)
    return Report(
        publication,
        span,
        made_at,
        tree.size,
        tree.root(),
        counts,
        _known_here(counting, span),
        _languages(counting, span),
        tuple(bounds),
    )


def _grown(leaves: Iterator[bytes], tree: Tree) -> Iterator[bytes]:
    for body in leaves:
        tree.add(leaf_hash(body))
        yield body


def _stored(counting: Counting, span: Span) -> Counts:
    """The store's own count of all that the ledger tells too."""
    tally = Tally(span)
    since, until = span.bounds[0], span.bounds[-1]
    for month, (begin, end) in enumerate(zip(span.bounds, span.bounds[1:], strict=False)):
        tally.add("sent", month, counting.sent(begin, end))
        for who, verdict, number in counting.decided(begin, end):
            tally.add(f"{_SETTLED[verdict]}.{who}", month, number)
    for rejections in counting.rejections(since, until):
        names, times = [], []
        for at, who, rules in rejections:
            names += [f"rule.{rule}.{who}" for rule in rules]
            times += [at] * len(rules)
        tally.add_at(names, np.array(times, np.int64))
    for rows in counting.waits(since, until):
        tally.waited(
            np.array([row[0] for row in rows], np.int64),
            np.array([row[1] for row in rows], np.int64),
            np.array([row[2] == MODERATOR for row in rows], bool),
        )
    for rows in counting.overturned(since, until):
        tally.add_at(
            [f"overturned.{who}.{_SETTLED[verdict]}" for _, who, verdict in rows],
            np.array([row[0] for row in rows], np.int64),
        )
    for name, ended in (("withdrawn", counting.withdrawn), ("erased", counting.erased)):
        for rows in ended(since, until):
            tally.add_at([name] * len(rows), np.array([row[0] for row in rows], np.int64))
    tally.waiting(counting.waiting(until))
    return tally.done()


def _known_here(counting: Counting, span: Span) -> Counts:
    tally = Tally(span)
    for month, (begin, end) in enumerate(zip(span.bounds, span.bounds[1:], strict=False)):
        appeals = counting.appeals(begin, end)
        tally.add("imported", month, counting.imported(begin, end))
        tally.add("appealed", month, appeals.made)
        tally.add("appeals.decided", month, appeals.decided)
        tally.add("appeals.approved", month, appeals.approved)
    return tally.done()


def _languages(counting: Counting, span: Span) -> tuple[Language, ...]:
    since, until = span.bounds[0], span.bounds[-1]
    sent = counting.languages(since, until)
    counted: dict[str, dict[str, int]] = {tag: {"sent": number} for tag, number in sent.items()}
    decided = [
        (tag, f"{_SETTLED[v]}.{who}", number) for who, v, tag, number in counting.decided_in(since, until)
    ]
    audited = [
        (tag, f"audited.{v}.{answer}", number) for tag, v, answer, number in counting.audited(since, until)
    ]
    for tag, name, number in (*decided, *audited):
        counts = counted.setdefault(tag, {"sent": 0})
        counts[name] = counts.get(name, 0) + number
    return tuple(
        Language(tag, _summed(counted[one] for one in tags))
        for tag, tags in together({tag: counts["sent"] for tag, counts in counted.items()}).items()
    )


def together(sent: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """
    Which languages stand by themselves, the commonest first, and which together as OTHER, at the end.

    Args:
        sent: comments in each language.

    Nobody finds out by subtracting from the whole what became of few comments in some language: those that stand together
    have FEW at least, and take in the next smallest until they have. Where all languages have fewer, none is told.
    """
    ordered = sorted(sent, key=lambda tag: (-sent[tag], tag))
    alone = [tag for tag in ordered if sent[tag] >= FEW]
    rest = [tag for tag in ordered if sent[tag] < FEW]
    while rest and alone and sum(sent[tag] for tag in rest) < FEW:
        rest.insert(0, alone.pop())
    groups: dict[str, tuple[str, ...]] = {tag: (tag,) for tag in alone}
    return {**groups, OTHER: tuple(rest)} if rest and sum(sent[tag] for tag in rest) >= FEW else groups


def _summed(counted: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for counts in counted:
        for name, number in counts.items():
            total[name] = total.get(name, 0) + number
    return dict(sorted(total.items()))


# -- for programs ----------------------------------------------------------------


def told(report: Report) -> dict[str, Any]:
    """A report as JSON has it; `meydan ledger verify --report` reads it back (`recount.claim_in`)."""
    span = report.span
    return {
        "kind": REPORT_KIND,
        "format": REPORT_FORMAT,
        "publication": report.publication,
        "from": span.since.isoformat(),
        "to": span.until.isoformat(),
        "over": report.whole,
        "made_at": report.made_at.isoformat(timespec="seconds"),
        "program": __version__,
        "ledger": {"leaves": report.leaves, "root": report.root.hex()},
        "counts": [
            {
                "name": name,
                "from": source,
                **({"total": counts[TOTAL][name]} if name in counts[TOTAL] else {}),
                "months": {month: counts[month][name] for month in span.months if name in counts[month]},
            }
            for source, counts in ((LEDGER, report.ledger), (STORE, report.store))
            for name in names_in(counts)
        ],
        "languages": [
            {"language": one.tag, "from": STORE, "counts": dict(one.counts)} for one in report.languages
        ],
        "bounds": [
            {
                "language": one.language,
                "what": one.what,
                "from": STORE,
                "at_most": one.at_most,
                "confidence": one.confidence,
                "wrong": one.wrong,
                "of": one.of,
                "low": one.low,
                "high": one.high,
                "withdrawn": one.withdrawn,
            }
            for one in report.bounds
        ],
    }


def as_csv(report: Report) -> str:
    """
    A report as a table: period, name, language, value, from.

    A line for each count of each month and of the whole ("total"), with 0 where there is none; waits are in seconds.
    """
    out = io.StringIO()
    write = csv.writer(out).writerow
    write(("period", "name", "language", "value", "from"))
    for source, counts in ((LEDGER, report.ledger), (STORE, report.store)):
        for name in names_in(counts):
            wait = name.startswith("wait.")
            for part in (*report.span.months, TOTAL):
                number = counts[part].get(name)
                if name == "waiting" and part != TOTAL:
                    continue
                value: object = number or 0
                if wait:
                    value = "" if number is None else f"{number / 1e6:.6f}"
                write((part, cell(f"{name}_seconds" if wait else name), "", value, source))
    for one in report.languages:
        for name, number in one.counts.items():
            write((TOTAL, cell(name), cell(one.tag), number, STORE))
    for bound in report.bounds:
        for name in ("at_most", "wrong", "of", "low", "high", "withdrawn"):
            found = getattr(bound, name)
            value = "" if found is None else int(found) if isinstance(found, bool) else found
            write((TOTAL, f"bound.{bound.what}.{name}", cell(bound.language), value, STORE))
    return out.getvalue()


__all__ = ("Bound", "Language", "Report", "as_csv", "bounds_of", "report_of", "together", "told")
