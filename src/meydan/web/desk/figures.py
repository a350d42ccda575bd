"""
Figures: how much comes, who decides it and how soon, and what is decided otherwise afterwards.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from markupsafe import Markup

from meydan.comment import DecidedBy, Verdict
from meydan.desk import Figures
from meydan.policy import words
from meydan.staff import Session
from meydan.text.visible import cell
from meydan.web.desk.drawing import bars, columns
from meydan.web.desk.frame import Answer, Asked, Frame, Page, when
from meydan.web.desk.tongue import said

PERIODS: Final = ("7", "30", "90", "365")


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its head and its rows of text, and the chart that is made of it, if any."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    chart: Markup | None


def pages(frame: Frame) -> list[Page]:
    """The figures, as a page and as a file."""
    figures = _Figures(frame)
    return [
        Page("GET", "/desk/figures", figures.look),
        Page("GET", "/desk/figures.csv", figures.take, "export"),
    ]


class _Figures:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._desk = frame.desk

    def look(self, asked: Asked, session: Session) -> Answer:
        days = _days(asked)
        found, since, until = self._desk.figures(days=days)
        return Answer(
            self._frame.rendered(
                "figures",
                session,
                here="figures",
                days=str(days),
                periods=[(days, said()[f"figures.days_{days}"]) for days in PERIODS],
                since=when(since),
                until=when(until),
                tables=self._tables(found, since, until),
                export=session.may("export"),
            )
        )

    def take(self, asked: Asked, session: Session) -> Answer:
        """The same tables as one file; who took it is written down."""
        days = _days(asked)
        found, since, until = self._desk.figures(days=days)
        self._frame.staff.enter(session, "exported", "figures", days=days)
        text = io.StringIO()
        writer = csv.writer(text)
        for table in self._tables(found, since, until):
            for row in table.rows:
                writer.writerow([cell(text) for text in (table.title, *row)])
        headers = {"content-disposition": f'attachment; filename="figures-{until:%Y-%m-%d}.csv"'}
        return Answer(text.getvalue(), headers=headers, media_type="text/csv")

    def _tables(self, found: Figures, since: datetime, until: datetime) -> list[Table]:
        """Every table with its head, its rows of text, and its chart."""
        decided = Counter[tuple[DecidedBy, Verdict]]()
        languages = Counter[str]()
        for one in found.decided:
            decided[one.by, one.verdict] += one.number
            languages[one.language] += one.number
        total = sum(decided.values())
        machine = sum(number for (by, _), number in decided.items() if by is DecidedBy.MACHINE)
        waited, w = found.waited, said()
        known = {rule.id: words(rule.title, w.language) for rule in self._desk.guidelines.rules}
        days = _by_day(found.received, since, until)
        hours = [0] * 24
        for hour, number in found.received:
            hours[hour.hour] += number
        return [
            _table(
                w["figures.short"],
                ("", "", ""),
                [
                    (w["figures.received"], f"{sum(n for _, n in found.received):,}", ""),
                    (w["figures.decisions"], f"{total:,}", ""),
                    (w["figures.alone"], _share(machine, total), f"{machine:,}"),
                    (
                        w["figures.middle"],
                        _lasting(_at(waited, 0.5)),
                        w.fill("figures.of_waited", number=f"{len(waited):,}"),
                    ),
                    (w["figures.nine"], _lasting(_at(waited, 0.9)), ""),
                    (
                        w["figures.appeals"],
                        f"{found.appeals[0]:,}",
                        w.fill("figures.appeals_decided", number=f"{found.appeals[1]:,}"),
                    ),
                    (
                        w["figures.appeals_changed"],
                        _share(found.appeals[2], found.appeals[1]),
                        f"{found.appeals[2]:,}",
                    ),
                    (
                        w["figures.reports"],
                        f"{found.reports[0]:,}",
                        w.fill("figures.reports_answered", number=f"{found.reports[1]:,}"),
                    ),
                    (
                        w["figures.reports_rejected"],
                        _share(found.reports[2], found.reports[1]),
                        f"{found.reports[2]:,}",
                    ),
                    *(
                        (
                            w[f"figures.changed_{by.value}"],
                            _share(otherwise, number),
                            f"{otherwise:,}",
                        )
                        for by, otherwise, number in found.superseded
                    ),
                ],
            ),
            _table(
                w["figures.by_day"],
                (w["figures.day"], w["figures.comments"]),
                [(f"{day:%Y-%m-%d}", f"{number:,}") for day, number in days],
                columns(
                    [n for _, n in days],
                    first=f"{since:%Y-%m-%d}",
                    last=f"{until:%Y-%m-%d}",
                    direction=w.direction,
                ),
            ),
            _table(
                w["figures.by_hour"],
                (w["figures.hour"], w["figures.comments"]),
                [(f"{hour:02d}", f"{number:,}") for hour, number in enumerate(hours)],
                columns(hours, first="00", last="23", direction=w.direction),
            ),
            self._counted(
                w["figures.by_whom"],
                w["figures.by"],
                [
                    (w[f"figures.{by.value}_{verdict.value}"], number)
                    for (by, verdict), number in decided.most_common()
                ],
            ),
            self._counted(
                w["figures.by_language"],
                w["figures.language"],
                [(w.called("languages", tag), number) for tag, number in languages.most_common()],
            ),
            self._counted(
                w["figures.by_rule"],
                w["figures.rule"],
                [(known.get(rule, rule), n) for rule, n in found.rules],
            ),
            self._counted(
                w["figures.by_story"],
                w["figures.story"],
                [(title or url, n) for url, title, n in found.stories],
            ),
        ]

    @staticmethod
    def _counted(title: str, head: str, rows: Sequence[tuple[str, int]]) -> Table:
        total = sum(number for _, number in rows)
        return _table(
            title,
            (head, said()["figures.number"], said()["figures.share"]),
            [(called, f"{number:,}", _share(number, total)) for called, number in rows],
            bars([(called, number, f"{number:,}") for called, number in rows], direction=said().direction)
            if rows
            else None,
        )


def _table(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]], chart: Markup | None = None
) -> Table:
    return Table(title, head, rows, chart)


def _by_day(
    received: Sequence[tuple[datetime, int]], since: datetime, until: datetime
) -> list[tuple[datetime, int]]:
    """Every day of the period, those on which nothing came among them."""
    counted = Counter[datetime]()
    for hour, number in received:
        counted[hour.replace(hour=0)] += number
    day = since.replace(hour=0, minute=0, second=0, microsecond=0)
    days = []
    while day < until:
        days.append((day, counted[day]))
        day += timedelta(days=1)
    return days


def _at(waited: Sequence[timedelta], share: float) -> timedelta | None:
    """The waiting time below which that share of them lies."""
    return waited[min(len(waited) - 1, int(len(waited) * share))] if waited else None


def _lasting(span: timedelta | None) -> str:
    if span is None:
        return "–"
    seconds = span.total_seconds()
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return said().count(f"figures.{unit}", round(seconds / size))
    return said().count("figures.seconds", round(seconds))


def _share(part: int, whole: int) -> str:
    return said().fill("desk.percent", number=f"{100 * part / whole:.1f}") if whole else "–"


def _days(asked: Asked) -> int:
    written = asked.query.get("days", "")
    return int(written) if written in PERIODS else 30
