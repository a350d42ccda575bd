"""
What this process counts, as Prometheus reads it. docs/watching.md says what each figure means and when to worry.

The one room that knows the metrics library. Whoever counts calls a method here; what is asked of the database comes in
as a value at each reading. Labels are from fixed sets: doors, status classes, codes, reasons, the guidelines' rules and
languages. No address of a story, no name and nothing a reader can make up is ever a label.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from meydan.desk import Backlog, Condition, Promises
from meydan.onlooker import Onlooker
from meydan.publishing import Standing

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

# When each counter was made is one more line for each, and tells what process_start_time_seconds does.
disable_created_metrics()  # type: ignore[no-untyped-call]

DOORS: Final = (
    ("/api/", "api"),
    ("/embed", "embed"),
    ("/comments", "comments"),
    ("/desk", "desk"),
    ("/me", "me"),
    ("/feeds/", "feeds"),
    ("/ledger", "ledger"),
    ("/status/", "status"),
    ("/v1/", "openai"),
    ("/coral/", "coral"),
    ("/v1alpha1/", "perspective"),
    ("/$discovery/", "perspective"),
    ("/healthz", "operator"),
    ("/readyz", "operator"),
    ("/metrics", "operator"),
)
UNKNOWN: Final = "unknown"
"""The door of an address that there is not, whatever it was."""

REQUEST_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
JUDGE_S: Final = (0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
COMMIT_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15)
PIECES: Final = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Known:
    """
    How this node stands at one moment.

    Attributes:
        up: the database answered when it was asked last.
        backlog, promises: what it said; None where it could not be asked.
        now: the moment that the backlog is of.
        unsure_s: for how long it has been unknown whether kept pages are the newest.
        kept_found, kept_made, kept_stale: pages that were found among the kept, but not by the front; pages that had
            to be made; and those found while it was unknown whether they were the newest.
        kept_bytes: what the kept pages weigh.
        streams: readers' streams that are open.
        leads: this node does what only one may do.
        ledger: how what is published of the ledger stands here.
    """

    up: bool
    condition: Condition
    backlog: Backlog | None
    promises: tuple[Promises, ...] | None
    now: datetime
    unsure_s: float
    kept_found: int
    kept_made: int
    kept_stale: int
    kept_bytes: int
    streams: int
    leads: bool
    ledger: Standing
    draining: bool
    guidelines: str
    model: str
    version: str


@dataclass(slots=True)
class Fronted:
    """What the raw handler in front counts by itself, on its hot path: one addition a request. Of the event loop alone."""

    pages: dict[int, int] = field(default_factory=lambda: {200: 0, 304: 0})
    files: dict[int, int] = field(default_factory=lambda: {200: 0, 304: 0})
    stale: int = 0
    under_way: int = 0


class Metrics(Onlooker):
    """The figures of one application; counts from any thread."""

    def __init__(self) -> None:
        self.fronted = Fronted()
        self._known: Known | None = None
        self._registry = registry = CollectorRegistry()
        self._requests = Counter(
            "meydan_http_requests",
            "Requests answered beyond the kept pages, by door and class of status.",
            ("door", "status"),
            registry=registry,
        )
        self._request_s = Histogram(
            "meydan_http_request_duration_seconds",
            "How long requests beyond the kept pages took.",
            ("door",),
            buckets=REQUEST_S,
            registry=registry,
        )
        self._refusals = Counter(
            "meydan_refusals",
            "Requests refused, by the code of docs/errors.md.",
            ("code",),
            registry=registry,
        )
        self._submissions = Counter(
            "meydan_submissions",
            "Comments sent: approved, held or rejected, or refused with a code before they were kept.",
            ("outcome", "code"),
            registry=registry,
        )
        for outcome in ("approved", "held", "rejected"):
            self._submissions.labels(outcome, "")
        self._judge_s = Histogram(
            "meydan_judge_duration_seconds",
            "How long judging one comment took.",
            buckets=JUDGE_S,
            registry=registry,
        )
        self._judge_errors = Counter(
            "meydan_judge_errors", "Comments that were held because judging broke.", registry=registry
        )
        self._commit_s = Histogram(
            "meydan_commit_duration_seconds",
            "How long a batch of work took until it was durable.",
            buckets=COMMIT_S,
            registry=registry,
        )
        self._commit_pieces = Histogram(
            "meydan_commit_pieces", "Pieces of work in one commit.", buckets=PIECES, registry=registry
        )
        self._unwritten = Counter(
            "meydan_commits_failed", "Batches of work that the database could not do.", registry=registry
        )
        self._turned_away = Counter(
            "meydan_writes_turned_away",
            "Pieces of work refused because the database does not keep up.",
            registry=registry,
        )
        registry.register(_Fronted(self.fronted))
        registry.register(_Standing(self.fronted, lambda: self._known))
        ProcessCollector(registry=registry)

    # -- what happens at the doors ---------------------------------------------

    def answered(self, door: str, status: int, seconds: float) -> None:
        """A request was answered; `door` as `door_of` names it, `status` 0 where its asker was gone first."""
        self._requests.labels(door, f"{status // 100}xx" if status else "gone").inc()
        self._request_s.labels(door).observe(seconds)

    def refused(self, code: str, *, submission: bool) -> None:
        """A request was refused with a code; with `submission`, it was a comment."""
        self._refusals.labels(code).inc()
        if submission:
            self._submissions.labels("refused", code).inc()

    # -- what happens behind them ----------------------------------------------

    def submitted(self, outcome: str) -> None:
        self._submissions.labels(outcome, "").inc()

    @contextmanager
    def judging(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self._judge_s.observe(time.perf_counter() - began)

    def judge_failed(self) -> None:
        self._judge_errors.inc()

    def committed(self, pieces: int, seconds: float) -> None:
        self._commit_s.observe(seconds)
        self._commit_pieces.observe(pieces)

    def write_failed(self) -> None:
        self._unwritten.inc()

    def turned_away(self) -> None:
        self._turned_away.inc()

    # -- reading ---------------------------------------------------------------

    def text(self, known: Known) -> bytes:
        """Everything counted so far and how the node stands, in Prometheus' text format."""
        self._known = known
        return generate_latest(self._registry)


def door_of(route: str | None) -> str:
    """The door of a route's pattern; None is an address that there is not."""
    if route is None:
        return UNKNOWN
    return next((door for begins, door in DOORS if route.startswith(begins)), "other")


class _Fronted(Collector):
    """Requests that were answered from kept bytes."""

    def __init__(self, fronted: Fronted) -> None:
        self._fronted = fronted

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        requests = CounterMetricFamily(
            "meydan_kept_requests", "Requests answered from kept bytes, by what they were and status.",
            labels=("kind", "status"),
        )  # fmt: skip
        for kind, counted in (("page", self._fronted.pages), ("file", self._fronted.files)):
            for status, number in sorted(counted.items()):
                requests.add_metric((kind, str(status)), number)
        yield requests
        yield _gauge(
            "meydan_http_requests_under_way", "Requests being answered now.", self._fronted.under_way
        )


class _Standing(Collector):
    """How the node stands, and what the database said when it was asked last."""

    def __init__(self, fronted: Fronted, known: Callable[[], Known | None]) -> None:
        self._fronted = fronted
        self._now = known

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        known = self._now()
        if known is None:
            return
        build = InfoMetricFamily("meydan_build", "This program, and what it judges by.")
        build.add_metric((), {"version": known.version, "guidelines": known.guidelines, "model": known.model})
        yield build
        pages = CounterMetricFamily(
            "meydan_kept_pages",
            "Pages asked for by readers: found among the kept, made anew, or sent though nobody knows whether they are the newest.",
            labels=("result",),
        )
        stale = self._fronted.stale + known.kept_stale
        found = sum(self._fronted.pages.values()) + known.kept_found
        for result, number in (("hit", found - stale), ("miss", known.kept_made), ("stale", stale)):
            pages.add_metric((result,), number)
        yield pages
        yield _gauge("meydan_kept_bytes", "What the kept pages weigh.", known.kept_bytes)
        yield _gauge(
            "meydan_pages_unsure_seconds", "Since when kept pages may not be the newest.", known.unsure_s
        )
        yield _gauge("meydan_live_streams", "Readers' streams that are open.", known.streams)
        yield _gauge("meydan_database_up", "Whether the database answers.", known.up)
        yield _gauge("meydan_leader", "Whether this node does what only one may do.", known.leads)
        yield _gauge("meydan_draining", "Whether this node is being stopped.", known.draining)
        ledger = known.ledger
        yield _gauge("meydan_ledger_published", "Leaves under the last checkpoint.", ledger.published)
        yield _gauge(
            "meydan_ledger_lag_seconds", "For how long leaves have waited to be published.", ledger.lag_s
        )
        yield _gauge(
            "meydan_ledger_stopped",
            "Whether nothing of the ledger is published until an operator has looked.",
            ledger.stopped is not None,
        )
        condition = known.condition
        yield _gauge("meydan_writer_queued", "Pieces of work that wait to be written.", condition.queued)
        yield _gauge(
            "meydan_writer_batch_age_seconds", "How long the batch under way has been.", condition.stuck_s
        )
        yield _gauge(
            "meydan_writer_failing", "Whether the last batch could not be written.", condition.failing
        )
        if known.backlog is not None:
            yield from _waiting(known.backlog, known.now)
        if known.promises is not None:
            yield from _promised(known.promises)


def _waiting(backlog: Backlog, now: datetime) -> Iterable[Metric]:
    def age(since: datetime | None) -> float:
        return 0.0 if since is None else max(0.0, (now - since).total_seconds())

    yield _gauge(
        "meydan_comments_waiting", "Comments that wait for a person, or are being judged.", backlog.waiting
    )
    yield _gauge(
        "meydan_comments_waiting_oldest_seconds", "Age of the oldest that waits.", age(backlog.waiting_since)
    )
    yield _gauge("meydan_comments_unjudged", "Comments that nothing has judged yet.", backlog.unjudged)
    yield _gauge(
        "meydan_comments_unjudged_oldest_seconds",
        "Age of the oldest unjudged one.",
        age(backlog.unjudged_since),
    )
    yield _gauge("meydan_appeals_waiting", "Appeals that wait for a person.", backlog.appeals)
    yield _gauge("meydan_outbox_waiting", "Letters that have not left yet.", backlog.letters)
    yield _gauge("meydan_outbox_due", "Letters that should have left.", backlog.letters_due)
    yield _gauge("meydan_outbox_dead", "Letters that could not be delivered.", backlog.letters_dead)
    yield _gauge(
        "meydan_outbox_lag_seconds",
        "For how long the oldest letter has been due.",
        age(backlog.letters_since),
    )
    yield _gauge("meydan_ledger_leaves", "Leaves of the ledger.", backlog.leaves)


def _promised(promises: Iterable[Promises]) -> Iterable[Metric]:
    labels = ("language", "promise")
    bound = GaugeMetricFamily(
        "meydan_promise_bound_ratio", "The share of errors promised at most.", labels=labels
    )
    low = GaugeMetricFamily("meydan_promise_error_low_ratio", "The lowest share of errors that fits the audits.", labels=labels)  # fmt: skip
    high = GaugeMetricFamily("meydan_promise_error_high_ratio", "The highest share of errors that fits the audits.", labels=labels)  # fmt: skip
    audits = GaugeMetricFamily("meydan_promise_audits", "Audits answered for this promise.", labels=labels)
    odds = GaugeMetricFamily("meydan_promise_odds_against", "The odds that audits have raised against the promise.", labels=labels)  # fmt: skip
    withdrawn = GaugeMetricFamily(
        "meydan_automation_withdrawn", "What the machine was withdrawn from.", labels=labels
    )
    for one in promises:
        for kept in one.kept:
            told = (one.language, kept.what)
            bound.add_metric(told, kept.bound)
            low.add_metric(told, kept.seen.low)
            high.add_metric(told, kept.seen.high)
            audits.add_metric(told, kept.seen.of)
            odds.add_metric(told, kept.against)
        for what in sorted(one.withdrawn):
            withdrawn.add_metric((one.language, what), 1)
    return (bound, low, high, audits, odds, withdrawn)


def _gauge(name: str, said: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, said, value=value)
