"""
What the public ledger says of a span of days: counts that anybody can make again from its leaves alone.

Pure. A newsroom's report names how many leaves it rests on; whoever has these leaves counts them here and sets the one
beside the other. Counts are kept by name (the table below), for each month that the span touches and for all of it.

    sent                            receipts: every comment that came, whatever became of it
    approved.WHO, rejected.WHO      decisions; WHO is machine, moderator or import (decided in another system)
    rule.RULE.WHO                   rejections that name the rule; one that names two counts for both
    overturned.WHO.approved         what WHO had approved and a later decision rejected, when that was; and the other
    overturned.WHO.rejected         way round
    withdrawn, erased               by their authors; by law or by request
    wait.all.median                 microseconds from a receipt to the first decision, of all that were decided here;
    wait.people.ninety …            and of what people decided; half, or nine in ten, took no longer
    waiting                         at the end of the span, neither decided nor withdrawn nor erased; not by month

A count that is not there is 0, but for `wait`: nothing was decided then.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from meydan.comment import Verdict
from meydan.errors import BadLeaf, BadSpan, CountsDiffer, NotAReport
from meydan.ledger.reading import Kind, Leaf, read_leaf, time_of

TOTAL: Final = "total"
"""What stands for all of the span, beside its months."""

MOST_MONTHS: Final = 120
REPORT_FORMAT: Final = 1
REPORT_KIND: Final = "meydan.transparency-report"
MACHINE, MODERATOR, IMPORT = "machine", "moderator", "import"
WHO: Final = (MACHINE, MODERATOR, IMPORT)

Counts = Mapping[str, Mapping[str, int]]
"""For each month ("2026-11") and TOTAL, how many of what, by name."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_KEPT: Final = {"approve": "approved", "reject": "rejected"}
_KEPT_OF: Final = ("approved", "rejected")
_INSTANT: Final = 27
"""Characters of a leaf's time: 2026-11-29T08:55:00.000000Z."""

_RECEIPT, _END, _DECISION = 0, 1, 2
_WITHOUT_VERDICT: Final = {Kind.RECEIPT: "sent", Kind.WITHDRAWAL: "withdrawn", Kind.ERASURE: "erased"}
_TELLING: Final = 16
"""Bytes of a commitment that are kept."""

_NEVER: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Span:
    """
    From `since` to before `until`, both midnights in UTC.

    Raises:
        BadSpan: it ends before it begins, or has more months than a report takes.
    """

    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        for end in (self.since, self.until):
            if end.utcoffset() != timedelta(0) or end != end.replace(
                hour=0, minute=0, second=0, microsecond=0
            ):
                raise BadSpan("A report is of whole days in UTC.", fields=("from", "to"))
        if self.until <= self.since:
            raise BadSpan(
                "The span ends where it begins, or before: --to is the first day after it.", fields=("to",)
            )
        if len(self.months) > MOST_MONTHS:
            raise BadSpan(
                f"A report is of {MOST_MONTHS} months at most; make two of it.", fields=("from", "to")
            )

    @property
    def months(self) -> tuple[str, ...]:
        """The months that it touches, in order: "2026-11". The first and the last may be there in part only."""
        first = self.since.year * 12 + self.since.month - 1
        last = self.until - _MICROSECOND
        return tuple(
            f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(first, last.year * 12 + last.month)
        )

    @property
    def bounds(self) -> tuple[int, ...]:
        """Where its months begin, and where the last one ends, in microseconds since 1970."""
        begins = [datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC) for month in self.months[1:]]
        return tuple((at - _EPOCH) // _MICROSECOND for at in (self.since, *begins, self.until))


class Tally:
    """Counts under way. What both sides have to count in the same way, they count here."""

    def __init__(self, span: Span) -> None:
        self._months = span.months
        self._bounds = np.array(span.bounds, np.int64)
        self._counted: dict[str, dict[str, int]] = {part: defaultdict(int) for part in (*self._months, TOTAL)}
        self._waits: dict[str, list[tuple[NDArray[np.int16], NDArray[np.int64]]]] = {"all": [], "people": []}

    def months_of(self, at: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which of the span's months moments (in microseconds) fall into, from 0; -1 outside of it."""
        place = np.searchsorted(self._bounds, at, "right").astype(np.int64) - 1
        place[place == len(self._months)] = -1
        return place

    def add(self, name: str, month: int, number: int = 1) -> None:
        if number:
            self._counted[self._months[month]][name] += number
            self._counted[TOTAL][name] += number

    def add_at(self, names: Sequence[str], at: NDArray[np.int64]) -> None:
        """One of each name, at its moment; none outside of the span."""
        for name, month in zip(names, self.months_of(at).tolist(), strict=True):
            if month >= 0:
                self.add(name, month)

    def waited(
        self, decided_at: NDArray[np.int64], took: NDArray[np.int64], people: NDArray[np.bool_]
    ) -> None:
        """
        First decisions of comments: when they were made, how long after the comment came, and which of them people made.

        A clock that was set back makes a wait of 0. What was decided outside of the span does not count.
        """
        months = self.months_of(decided_at)
        inside = months >= 0
        took = np.maximum(took, 0)
        for kind, wanted in (("all", inside), ("people", inside & people)):
            self._waits[kind].append((months[wanted].astype(np.int16), took[wanted]))

    def waiting(self, number: int) -> None:
        self._counted[TOTAL]["waiting"] += number

    def done(self) -> Counts:
        for kind, pieces in self._waits.items():
            months = np.concatenate([piece[0] for piece in pieces]) if pieces else np.zeros(0, np.int16)
            took = np.concatenate([piece[1] for piece in pieces]) if pieces else np.zeros(0, np.int64)
            for place, month in enumerate(self._months):
                self._quantiles(month, kind, took[months == place])
            self._quantiles(TOTAL, kind, took)
        return {
            part: {
                name: number for name, number in sorted(counted.items()) if number or name.startswith("wait.")
            }
            for part, counted in self._counted.items()
        }

    def _quantiles(self, part: str, kind: str, took: NDArray[np.int64]) -> None:
        if not len(took):
            return
        for name, tenths in (("median", 5), ("ninety", 9)):
            # The smallest that so many tenths do not exceed: one that was really waited, so both sides find the same.
            place = (len(took) * tenths + 9) // 10 - 1
            self._counted[part][f"wait.{kind}.{name}"] = int(np.partition(took, place)[place])


def rules_in(reasons: Iterable[str]) -> tuple[str, ...]:
    """The rules that a decision names, each once; a leaf writes "abuse:racism" where there is a ground."""
    return tuple(dict.fromkeys(reason.partition(":")[0] for reason in reasons))


class Recount:
    """
    Counts leaves again, which come one after another from number 0 on; some 25 bytes of each are kept.

    A `span` is what is counted of; leaves of other days are listened to as well.
    """

    def __init__(self, span: Span) -> None:
        self.leaves = 0
        self._span = span
        self._seen = _Seen()
        self._counted: dict[tuple[str, str], int] = defaultdict(int)
        self._begin, self._end = (
            f"{at:%Y-%m-%dT%H:%M:%S}.000000Z".zfill(_INSTANT) for at in (span.since, span.until)
        )

    def read(self, body: bytes) -> None:
        """`add` of the next leaf's bytes. Raises BadLeaf where they are none that this program writes; says its number."""
        try:
            leaf = read_leaf(body)
        except ValueError as error:
            raise self._bad() from error
        self.add(leaf)

    def add(self, leaf: Leaf) -> None:
        """
        The next leaf.

        Raises:
            BadLeaf: it says what no leaf does; says its number.
        """
        at = leaf.at
        try:
            code = _code_of(leaf)
        except ValueError as error:
            raise self._bad() from error
        self._seen.add(leaf.commitment, (time_of(at) - _EPOCH) // _MICROSECOND, code)
        self.leaves += 1
        # All times are written alike, so letters tell which came first.
        if self._begin <= at < self._end:
            month = at[:7]
            if code < _DECISION:
                self._counted[month, _WITHOUT_VERDICT[leaf.kind]] += 1
            else:
                who = leaf.decided_by
                self._counted[month, f"{_KEPT[str(leaf.verdict)]}.{who}"] += 1
                if leaf.verdict is Verdict.REJECT:
                    for rule in rules_in(leaf.rules):
                        self._counted[month, f"rule.{rule}.{who}"] += 1

    def _bad(self) -> BadLeaf:
        return BadLeaf(
            f"Leaf {self.leaves} of the ledger is none that this program knows how to count. "
            "`meydan ledger verify` says what is wrong with it; a newer program may know it."
        )

    def done(self) -> Counts:
        """What all of them come to."""
        tally = Tally(self._span)
        for (month, name), many in self._counted.items():
            tally.add(name, self._span.months.index(month), many)
        self._seen.compare(tally, self._span)
        return tally.done()


def recounted(leaves: Iterable[bytes], span: Span) -> Counts:
    """As `Recount`, of the bodies of all leaves that a report rests on; they are read once, one at a time."""
    recount = Recount(span)
    for body in leaves:
        recount.read(body)
    return recount.done()


def _code_of(leaf: Leaf) -> int:
    if leaf.kind is Kind.DECISION:
        return _DECISION + 2 * WHO.index(str(leaf.decided_by)) + tuple(_KEPT).index(str(leaf.verdict))
    return _RECEIPT if leaf.kind is Kind.RECEIPT else _END


class _Seen:
    """Of every leaf, as little as tells which ones are of one comment and in which order."""

    def __init__(self) -> None:
        self._comment, self._at, self._code = bytearray(), array("q"), array("B")

    def add(self, commitment: bytes, at: int, code: int) -> None:
        # Half of it tells comments from each other: nobody finds two that share 128 bits.
        self._comment += commitment[:_TELLING]
        self._at.append(at)
        self._code.append(code)

    def compare(self, tally: Tally, span: Span) -> None:
        """What a comment's leaves say only together: how long it waited, whether it waits, what was decided otherwise."""
        head, tail = np.frombuffer(self._comment, np.uint64).reshape(-1, 2).T
        # Stable: the leaves of a comment stay in the order of their numbers.
        order = np.lexsort((tail, head))
        head, tail = head[order], tail[order]
        at, code = np.frombuffer(self._at, np.int64)[order], np.frombuffer(self._code, np.uint8)[order]
        if not len(order):
            return
        begins = np.ones(len(order), bool)
        begins[1:] = (head[1:] != head[:-1]) | (tail[1:] != tail[:-1])
        comment = np.cumsum(begins) - 1
        sent = np.full(int(comment[-1]) + 1, _NEVER, np.int64)
        ended = sent.copy()
        received = code == _RECEIPT
        sent[comment[received]] = at[received]

        decided = np.flatnonzero(code >= _DECISION)
        again = np.zeros(len(decided), bool)
        again[1:] = comment[decided[1:]] == comment[decided[:-1]]
        firsts = decided[~again]
        ends = np.concatenate((firsts, np.flatnonzero(code == _END)))
        np.minimum.at(ended, comment[ends], at[ends])
        until = span.bounds[-1]
        tally.waiting(int(((sent < until) & (ended >= until)).sum()))

        who = (code.astype(np.int64) - _DECISION) // 2
        here = firsts[(who[firsts] != WHO.index(IMPORT)) & (sent[comment[firsts]] != _NEVER)]
        tally.waited(at[here], at[here] - sent[comment[here]], who[here] == WHO.index(MODERATOR))
        now, before = decided[1:][again[1:]], decided[:-1][again[1:]]
        otherwise = (code[now] % 2) != (code[before] % 2)
        now, before = now[otherwise], before[otherwise]
        tally.add_at(
            [
                f"overturned.{WHO[(one - _DECISION) // 2]}.{_KEPT_OF[one % 2]}"
                for one in code[before].tolist()
            ],
            at[now],
        )


# -- a report, as its JSON says it ------------------------------------------------


@dataclass(frozen=True, slots=True)
class Claim:
    """What a report says can be recounted: over which span, from the first so many `leaves`, under which `root` (hexadecimal)."""

    span: Span
    leaves: int
    root: str
    counts: Counts


class _Ledger(msgspec.Struct):
    leaves: int
    root: str


class _Count(msgspec.Struct):
    name: str
    source: str = msgspec.field(name="from")
    total: int | None = None
    months: dict[str, int] = {}


class _Report(msgspec.Struct):
    kind: str
    format: int
    since: datetime = msgspec.field(name="from")
    until: datetime = msgspec.field(name="to")
    ledger: _Ledger
    counts: list[_Count]


_read_report = msgspec.json.Decoder(_Report).decode


def claim_in(report: bytes) -> Claim:
    """
    What a report (the JSON of `meydan report --json`) claims of the ledger.

    Raises:
        NotAReport: it is none, or one of a version that is not known here.
    """
    try:
        told = _read_report(report)
        if told.kind != REPORT_KIND or told.format != REPORT_FORMAT or told.ledger.leaves < 0:
            raise ValueError("another kind")
        span = Span(told.since, told.until)
        counts: dict[str, dict[str, int]] = {part: {} for part in (*span.months, TOTAL)}
        for one in told.counts:
            if one.source == "ledger":
                parts: Iterator[tuple[str, int]] = iter(one.months.items())
                for month, number in parts:
                    counts[month][one.name] = number
                if one.total is not None:
                    counts[TOTAL][one.name] = one.total
        if len(bytes.fromhex(told.ledger.root)) != 32:
            raise ValueError("its root")
    except (ValueError, KeyError, msgspec.DecodeError, BadSpan) as error:
        raise NotAReport(
            "This is no report that this program can read: `meydan report --json` makes one, of format "
            f"{REPORT_FORMAT}. A newer one needs a newer program."
        ) from error
    return Claim(span, told.ledger.leaves, told.ledger.root.lower(), counts)


def disagreements(report: Counts, counts: Counts) -> tuple[str, ...]:
    """Where two counts of one span differ, each in a sentence; none where they agree in everything."""
    return tuple(
        f"{part}, {name}: the report says {_shown(one)}, the ledger {_shown(other)}"
        for part in dict.fromkeys((*report, *counts))
        for name in sorted({*report.get(part, {}), *counts.get(part, {})})
        if (one := report.get(part, {}).get(name, _nothing(name)))
        != (other := counts.get(part, {}).get(name, _nothing(name)))
    )


def check_agreement(report: Counts, counts: Counts, *, shown: int = 5) -> None:
    """Raises CountsDiffer where a report does not say what the ledger says; names the first `shown` differences."""
    if found := disagreements(report, counts):
        more = f"; and {len(found) - shown} more" if len(found) > shown else ""
        raise CountsDiffer(f"The counts and the ledger do not agree. {'; '.join(found[:shown])}{more}.")


def _nothing(name: str) -> int | None:
    return None if name.startswith("wait.") else 0


def _shown(number: int | None) -> str:
    return "nothing" if number is None else str(number)


def names_in(counts: Counts) -> Sequence[str]:
    """Every name that is counted anywhere in it, in order."""
    return sorted({name for counted in counts.values() for name in counted})


def rules_counted(counts: Counts) -> dict[str, dict[str, int]]:
    """For each rule that rejections of the span name, by whom how often; the commonest first."""
    found: dict[str, dict[str, int]] = {}
    for name, number in counts[TOTAL].items():
        if name.startswith("rule."):
            rule, _, who = name.removeprefix("rule.").rpartition(".")
            found.setdefault(rule, {})[who] = number
    return dict(sorted(found.items(), key=lambda one: (-sum(one[1].values()), one[0])))


__all__: Sequence[Any] = (
    "IMPORT", "MACHINE", "MODERATOR", "TOTAL", "WHO", "Claim", "Counts", "Span", "Tally", "check_agreement", "claim_in",
    "disagreements", "names_in", "recounted", "rules_counted", "rules_in",
)  # fmt: skip
