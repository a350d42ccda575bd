"""
A transparency report as one page of HTML, for readers: figures, drawings, and where each figure is known from.

Nothing is fetched and nothing runs. Names of the publication and of its rules are escaped and isolated; a page in a language
that is written from the right to the left runs so, its drawings too. As wide as a telephone it stays readable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import Final

from meydan.locale import Words
from meydan.locale.report import report_words
from meydan.transparency.recount import IMPORT, MACHINE, MODERATOR, TOTAL, WHO, rules_counted
from meydan.transparency.report import FEW, LEDGER, OTHER, STORE, Bound, Language, Report

_STYLE: Final = """\
:root{color-scheme:light dark;--ink:#1b1d20;--soft:#5c636d;--paper:#fdfdfb;--line:#dcdfe3;--track:#eceef1;
--ma:#8db8dc;--pa:#2b6cb0;--mr:#e6a47f;--pr:#b0400c;--mark:#2b6cb0}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a9b1bb;--paper:#16181b;--line:#33383f;--track:#24282d;
--ma:#34618d;--pa:#7db6ec;--mr:#8a4a25;--pr:#f0955f;--mark:#7db6ec}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--paper:#fff;--line:#bbb;--track:#eee;
--ma:#8db8dc;--pa:#2b6cb0;--mr:#e6a47f;--pr:#b0400c;--mark:#2b6cb0}body{max-width:none}section,figure{break-inside:avoid}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
body.wide-lines{line-height:1.8}
h1{font-size:1.5rem;line-height:1.3;margin:.5rem 0}h2{font-size:1.2rem;line-height:1.4;margin:2.5rem 0 .5rem}
p{max-width:44rem}.soft,figcaption{color:var(--soft);font-size:.9rem}
dl.look{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:1rem;margin:1rem 0}
dl.look div{border-block-start:2px solid var(--ink);padding-block-start:.4rem}
dl.look dt{color:var(--soft)}dl.look dd{margin:0}dl.look dd.large{font-size:1.7rem;line-height:1.3;font-variant-numeric:tabular-nums}
.from{display:inline-block;font-size:.75rem;font-weight:400;color:var(--soft);border:1px solid var(--line);border-radius:.2rem;padding:0 .3em}
.from.ledger{color:var(--mark);border-color:currentColor}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:end;vertical-align:bottom}
th{font-weight:600;min-width:5rem;max-width:10rem;overflow-wrap:normal}td{white-space:nowrap}tbody th{font-weight:400;white-space:nowrap;max-width:none}
th:first-child{text-align:start}thead th{color:var(--soft)}tbody tr:last-child.whole th,tr.whole td{font-weight:600}
td.words,th.words{white-space:normal;text-align:start;min-width:9rem}
figure{margin:.5rem 0 1rem;max-width:30rem}svg{display:block;width:100%;height:auto}
svg text{font:13px system-ui,sans-serif;fill:var(--ink)}svg text.soft{fill:var(--soft);font-size:12px}svg .end{text-anchor:end}svg .middle{text-anchor:middle}
svg .track{fill:var(--track)}svg .ma{fill:var(--ma)}svg .pa{fill:var(--pa)}svg .mr{fill:var(--mr)}svg .pr{fill:var(--pr)}svg .im{fill:var(--soft)}
svg .grid{stroke:var(--line)}svg .line{stroke:var(--pa);stroke-width:3;stroke-linecap:round}svg .dot{fill:var(--pa)}
ul.key{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding:0;margin:.5rem 0;font-size:.9rem}
ul.key i{display:inline-block;width:.9em;height:.9em;margin-inline-end:.4em;vertical-align:-.1em;border:1px solid var(--soft)}
ul.key .ma{background:var(--ma)}ul.key .pa{background:var(--pa)}ul.key .mr{background:var(--mr)}ul.key .pr{background:var(--pr)}ul.key .im{background:var(--soft)}
code,pre{direction:ltr;unicode-bidi:isolate;font:.85rem/1.5 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap;text-align:start}
"""

_WIDTH: Final = 360
_ROW: Final = 42
_KINDS: Final = (
    ("ma", f"approved.{MACHINE}", "machine_approved"),
    ("pa", f"approved.{MODERATOR}", "people_approved"),
    ("mr", f"rejected.{MACHINE}", "machine_rejected"),
    ("pr", f"rejected.{MODERATOR}", "people_rejected"),
)
_REJECTERS: Final = (("mr", MACHINE, "machine"), ("pr", MODERATOR, "people"), ("im", IMPORT, "elsewhere"))
_ELSEWHERE: Final = (
    (f"approved.{IMPORT}", "elsewhere_approved"),
    (f"rejected.{IMPORT}", "elsewhere_rejected"),
)


def report_page(
    report: Report, *, language: str, digits: str = "own", title_of: Callable[[str], str] = lambda rule: rule
) -> str:
    """
    The whole page.

    Args:
        language: a tag; what is not spoken here is English.
        title_of: what a rule is called in that language; of one that the guidelines have no longer, its id.
    """
    return _Page(report, report_words(language, digits=digits), title_of).whole()


class _Page:
    def __init__(self, report: Report, words: Words, title_of: Callable[[str], str]) -> None:
        self._report = report
        self._w = words
        self._title_of = title_of
        self._total = report.ledger[TOTAL]
        self._ltr = words.direction == "ltr"

    def whole(self) -> str:
        w, report = self._w, self._report
        last = report.span.until - timedelta(days=1)
        lead = _html(
            w["lead"], publication=report.publication, begin=self._day(report.span.since), end=self._day(last)
        )
        made = w.fill("made", moment=w.date(report.made_at))
        unfinished = "" if report.whole else f"<p><strong>{escape(w['unfinished'])}</strong></p>"
        wide = ' class="wide-lines"' if not self._ltr else ""
        parts = (
            self._glance(),
            self._monthly(),
            self._rules(),
            self._waits(),
            self._changed(),
            self._gone(),
            self._languages(),
            self._audits(),
            self._bounds(),
            self._check(),
        )
        return (
            f'<!doctype html>\n<html lang="{w.language}" dir="{w.direction}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
            f"<title>{escape(w['title'])} – {escape(report.publication)}</title><style>{_STYLE}</style></head>"
            f"<body{wide}><main><h1>{escape(w['title'])}</h1><p>{lead}</p>{unfinished}"
            f"<p>{escape(w['sources'])}</p><p class=soft>{escape(made)}</p>"
            + "\n".join(parts)
            + "</main></body></html>\n"
        )

    # -- sections ---------------------------------------------------------------

    def _glance(self) -> str:
        w, total = self._w, self._total
        decided = sum(
            total.get(f"{kind}.{who}", 0) for kind in ("approved", "rejected") for who in (MACHINE, MODERATOR)
        )
        machine = sum(total.get(f"{kind}.{MACHINE}", 0) for kind in ("approved", "rejected"))
        approved, rejected = (
            sum(total.get(f"{kind}.{who}", 0) for who in (MACHINE, MODERATOR))
            for kind in ("approved", "rejected")
        )
        share = w.fill("of_all", share=self._percent(machine / decided)) if decided else ""
        figures = (
            ("sent", self._number(total.get("sent", 0)), ""),
            ("approved", self._number(approved), ""),
            ("rejected", self._number(rejected), ""),
            # Else more were sent than anything became of.
            *((key, self._number(total[name]), "") for name, key in _ELSEWHERE if total.get(name)),
            ("waiting", self._number(total.get("waiting", 0)), ""),
            ("by_machine_share", self._number(machine), share),
            ("median_wait", self._wait(total.get("wait.all.median")), ""),
        )
        told = "".join(
            f'<div><dt>{escape(w[key])}</dt><dd class="large">{escape(number)}</dd>'
            f"<dd>{escape(note)} {self._mark(LEDGER)}</dd></div>"
            for key, number, note in figures
        )
        return self._section("glance", f'<dl class="look">{told}</dl>')

    def _monthly(self) -> str:
        report, w = self._report, self._w
        named = [("sent", "sent"), *((name, key) for _, name, key in _KINDS)]
        named += [(name, key) for name, key in _ELSEWHERE if self._total.get(name)]
        rows = [
            (self._part(part), [self._number(report.ledger[part].get(name, 0)) for name, _ in named])
            for part in (*report.span.months, TOTAL)
        ]
        key = "".join(f'<li><i class="{css}"></i>{escape(w[words])}</li>' for css, _, words in _KINDS)
        return self._section(
            "monthly",
            f'<ul class="key">{key}</ul>' + self._figure(self._stacks(), "decisions_drawn"),
            self._by_part("monthly", [(words, LEDGER) for _, words in named], rows),
            self._paragraph(w["monthly_note"]),
        )

    def _rules(self) -> str:
        w, found = self._w, rules_counted(self._report.ledger)
        if not found:
            return self._section("rules", self._paragraph(w["nothing"]))
        elsewhere = any(IMPORT in by for by in found.values())
        heads = [("machine", LEDGER), ("people", LEDGER), *([("elsewhere", LEDGER)] if elsewhere else [])]
        who = WHO if elsewhere else (MACHINE, MODERATOR)
        rows = [
            (self._title_of(rule), [self._number(by.get(one, 0)) for one in who])
            for rule, by in found.items()
        ]
        key = "".join(
            f'<li><i class="{css}"></i>{escape(w[words])}</li>'
            for css, one, words in _REJECTERS
            if one in who
        )
        return self._section(
            "rules",
            f'<ul class="key">{key}</ul>' + self._figure(self._rule_bars(found), "rules"),
            self._table("rules", "rule", heads, rows, whole=False, words_first=True),
            self._paragraph(w["rules_note"]),
        )

    def _waits(self) -> str:
        report, w = self._report, self._w
        if "wait.all.median" not in self._total:
            return self._section("waits", self._paragraph(w["nothing"]))
        named = (
            ("wait.all.median", "median_all"),
            ("wait.all.ninety", "ninety_all"),
            ("wait.people.median", "median_people"),
            ("wait.people.ninety", "ninety_people"),
        )
        rows = [
            (self._part(part), [self._wait(report.ledger[part].get(name)) for name, _ in named])
            for part in (*report.span.months, TOTAL)
        ]
        drawn = self._figure(self._lines(), "waits_drawn") if "wait.people.median" in self._total else ""
        return self._section(
            "waits",
            drawn,
            self._by_part("waits", [(words, LEDGER) for _, words in named], rows),
            self._paragraph(w["waits_note"]),
        )

    def _changed(self) -> str:
        elsewhere = sum(
            self._total.get(f"overturned.{IMPORT}.{kept}", 0) for kept in ("approved", "rejected")
        )
        known = self._report.store[TOTAL]
        rows = [
            ("machine_approved_undone", self._total.get(f"overturned.{MACHINE}.approved", 0), LEDGER),
            ("machine_rejected_undone", self._total.get(f"overturned.{MACHINE}.rejected", 0), LEDGER),
            ("people_approved_undone", self._total.get(f"overturned.{MODERATOR}.approved", 0), LEDGER),
            ("people_rejected_undone", self._total.get(f"overturned.{MODERATOR}.rejected", 0), LEDGER),
            *([("elsewhere_undone", elsewhere, LEDGER)] if elsewhere else []),
            ("appealed", known.get("appealed", 0), STORE),
            ("appeals_decided", known.get("appeals.decided", 0), STORE),
            ("appeals_approved", known.get("appeals.approved", 0), STORE),
        ]
        return self._section(
            "changed", self._list_of("changed", rows), self._paragraph(self._w["changed_note"])
        )

    def _gone(self) -> str:
        rows = [
            ("withdrawn", self._total.get("withdrawn", 0), LEDGER),
            ("erased", self._total.get("erased", 0), LEDGER),
            ("imported", self._report.store[TOTAL].get("imported", 0), STORE),
        ]
        return self._section("gone", self._list_of("gone", rows))

    def _languages(self) -> str:
        w, found = self._w, self._report.languages
        if not found:
            return self._section("by_language", self._paragraph(w["too_few"]))
        named = [("sent", "sent"), *((name, key) for _, name, key in _KINDS)]
        rows = [
            (self._language(one.tag), [self._number(one.counts.get(name, 0)) for name, _ in named])
            for one in found
        ]
        return self._section(
            "by_language",
            self._table(
                "by_language",
                "language",
                [(key, STORE) for _, key in named],
                rows,
                whole=False,
                words_first=True,
            ),
            self._paragraph(w.fill("languages_note", number=FEW)),
        )

    def _audits(self) -> str:
        w = self._w
        audited = [
            one for one in self._report.languages if any(name.startswith("audited.") for name in one.counts)
        ]
        if not audited:
            return self._section("audits", self._paragraph(w["nothing"]), self._paragraph(w["audits_note"]))
        heads = [
            (key, STORE)
            for key in (
                "audited_approved",
                "audited_approved_wrong",
                "audited_rejected",
                "audited_rejected_wrong",
                "audited_held",
            )
        ]
        return self._section(
            "audits",
            self._table(
                "audits",
                "language",
                heads,
                [(self._language(one.tag), self._audited(one)) for one in audited],
                whole=False,
                words_first=True,
            ),
            self._paragraph(w["audits_note"]),
        )

    def _audited(self, one: Language) -> list[str]:
        def seen(verdict: str, *answers: str) -> int:
            return sum(one.counts.get(f"audited.{verdict}.{answer}", 0) for answer in answers)

        figures = (
            seen("approve", "approve", "reject"),
            seen("approve", "reject"),
            seen("reject", "approve", "reject"),
            seen("reject", "approve"),
            seen("hold", "approve", "reject"),
        )
        return [self._number(number) for number in figures]

    def _bounds(self) -> str:
        w, bounds = self._w, self._report.bounds
        if not bounds:
            return self._section("bounds", self._paragraph(w["no_bounds"]))
        confidence = self._percent(bounds[0].confidence)
        heads = ("language", "promise", "at_most", "seen", "so_in_truth", "standing")
        told = "".join(
            f"<th scope=col{' class=words' if key in ('language', 'promise', 'standing') else ''}>{escape(w.fill(key, confidence=confidence))}"
            f"{'<br>' + self._mark(STORE) if key in ('seen', 'so_in_truth') else ''}</th>"
            for key in heads
        )
        body = "".join(self._bound(one) for one in bounds)
        return self._section(
            "bounds",
            self._scrolled("bounds", f"<table><thead><tr>{told}</tr></thead><tbody>{body}</tbody></table>"),
            self._paragraph(w.fill("bounds_note", number=FEW)),
        )

    def _bound(self, one: Bound) -> str:
        w = self._w
        seen = truth = "–"
        if one.of is not None and one.wrong is not None and one.low is not None and one.high is not None:
            seen = w.fill("seen_of", wrong=one.wrong, number=one.of)
            truth = w.fill("between", low=self._percent(one.low), high=self._percent(one.high))
        stands = w["does_not" if one.withdrawn else "does"]
        return (
            f'<tr><th scope=row class="words">{escape(self._language(one.language))}</th><td class="words">{escape(w[one.what])}</td>'
            f"<td>{escape(self._percent(one.at_most))}</td><td>{escape(seen)}</td><td>{escape(truth)}</td>"
            f'<td class="words">{escape(stands)}</td></tr>'
        )

    def _check(self) -> str:
        w, report = self._w, self._report
        return self._section(
            "check",
            self._paragraph(w.fill("check_note", number=self._number(report.leaves))),
            "<pre>meydan ledger verify URL --key KEY --report report.json</pre>",
            f"<p>{escape(w['check_root'])} <code>{report.root.hex()}</code></p>",
        )

    # -- drawings ---------------------------------------------------------------

    def _stacks(self) -> str:
        """A bar for each month, as long as it had decisions: who approved and who rejected."""
        report = self._report
        most = max(
            (sum(report.ledger[m].get(name, 0) for _, name, _ in _KINDS) for m in report.span.months),
            default=0,
        )
        lines = []
        for i, month in enumerate(report.span.months):
            counts = report.ledger[month]
            y, x = i * _ROW, 0.0
            of = sum(counts.get(name, 0) for _, name, _ in _KINDS)
            lines.append(self._named(y, self._part(month), self._number(of)))
            lines.append(f'<rect x="0" y="{y + 20}" width="{_WIDTH}" height="14" class="track"/>')
            for css, name, key in _KINDS:
                width = _WIDTH * counts.get(name, 0) / most if most else 0.0
                if width:
                    at = x if self._ltr else _WIDTH - x - width
                    said = f"{self._w[key]}: {self._number(counts[name])}"
                    lines.append(
                        f'<rect x="{at:.1f}" y="{y + 20}" width="{width:.1f}" height="14" class="{css}">'
                        f"<title>{escape(said)}</title></rect>"
                    )
                x += width
        return self._svg(len(report.span.months) * _ROW, self._w["decisions_drawn"], lines)

    def _rule_bars(self, found: Mapping[str, Mapping[str, int]]) -> str:
        most = max(sum(by.values()) for by in found.values())
        lines = []
        for i, (rule, by) in enumerate(found.items()):
            y, x = i * _ROW, 0.0
            lines.append(self._named(y, self._title_of(rule), self._number(sum(by.values()))))
            lines.append(f'<rect x="0" y="{y + 20}" width="{_WIDTH}" height="14" class="track"/>')
            for css, who, _ in _REJECTERS:
                width = _WIDTH * by.get(who, 0) / most
                at = x if self._ltr else _WIDTH - x - width
                if width:
                    lines.append(
                        f'<rect x="{at:.1f}" y="{y + 20}" width="{width:.1f}" height="14" class="{css}"/>'
                    )
                x += width
        return self._svg(len(found) * _ROW, self._w["rules"], lines)

    def _lines(self) -> str:
        """What people decided, each month: a line from the median to nine in ten, on a scale that grows tenfold."""
        report = self._report
        waits = [
            (month, counts["wait.people.median"], counts["wait.people.ninety"])
            for month in report.span.months
            if "wait.people.median" in (counts := report.ledger[month])
        ]
        ends = [max(1e6, float(wait)) for _, *both in waits for wait in both]
        low, high = math.floor(math.log10(min(ends))), math.log10(max(ends)) + 0.05
        low = min(low, math.floor(high))

        def x(wait: float) -> float:
            share = (math.log10(max(1e6, wait)) - low) / max(high - low, 0.1)
            place = 8 + (_WIDTH - 16) * min(1.0, max(0.0, share))
            return place if self._ltr else _WIDTH - place

        height = len(waits) * _ROW
        lines = []
        lines += [
            f'<line x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="18" y2="{height}" class="grid"/>'
            f'<text x="{x(tick):.1f}" y="{height + 14}" class="soft middle">{escape(self._wait(tick))}</text>'
            for tick in _TICKS
            if low <= math.log10(tick) <= high
        ]
        for i, (month, median, ninety) in enumerate(waits):
            y = i * _ROW
            said = self._w.fill("between", low=self._wait(median), high=self._wait(ninety))
            lines.append(
                self._named(y, self._part(month), said)
                + f'<line x1="{x(median):.1f}" x2="{x(ninety):.1f}" y1="{y + 28}" y2="{y + 28}" class="line"/>'
                f'<circle cx="{x(median):.1f}" cy="{y + 28}" r="5" class="dot"/>'
            )
        return self._svg(height + 20, self._w["waits_drawn"], lines)

    def _named(self, y: int, name: str, note: str) -> str:
        # The text runs as the page does: where it starts is at the right where that is from the right to the left.
        start, end = (0, _WIDTH) if self._ltr else (_WIDTH, 0)
        return (
            f'<text x="{start}" y="{y + 14}">{escape(_short(name, 38))}</text>'
            f'<text x="{end}" y="{y + 14}" class="end soft">{escape(note)}</text>'
        )

    def _svg(self, height: int, about: str, lines: Sequence[str]) -> str:
        return (
            f'<svg viewBox="0 0 {_WIDTH} {max(height, 1)}" role="img" direction="{self._w.direction}" '
            f'aria-label="{escape(about)}">{"".join(lines)}</svg>'
        )

    # -- parts of the page --------------------------------------------------------

    def _section(self, key: str, *parts: str) -> str:
        return f"<section><h2>{escape(self._w[key])}</h2>{''.join(parts)}</section>"

    def _paragraph(self, words: str) -> str:
        return f'<p class="soft">{escape(words)}</p>'

    def _figure(self, drawing: str, key: str) -> str:
        return f"<figure>{drawing}<figcaption>{escape(self._w[key])}</figcaption></figure>"

    def _mark(self, source: str) -> str:
        return f'<span class="from {source}">{escape(self._w[source])}</span>'

    def _by_part(
        self, about: str, heads: Sequence[tuple[str, str]], rows: Sequence[tuple[str, Sequence[str]]]
    ) -> str:
        return self._table(about, "month", heads, rows, whole=True)

    def _table(
        self,
        about: str,
        first: str,
        heads: Sequence[tuple[str, str]],
        rows: Sequence[tuple[str, Sequence[str]]],
        *,
        whole: bool,
        words_first: bool = False,
    ) -> str:
        """Rows by name. `about` is the key of what it is a table of; `heads` are keys with where they are known from; `whole`: the last row is of everything."""
        top = "".join(
            f"<th scope=col>{escape(self._w[key])}<br>{self._mark(source)}</th>" for key, source in heads
        )
        body = "".join(
            f"<tr{' class=whole' if whole and i == len(rows) - 1 else ''}>"
            f"<th scope=row{' class=words' if words_first else ''}><bdi>{escape(name)}</bdi></th>"
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            + "</tr>"
            for i, (name, cells) in enumerate(rows)
        )
        return self._scrolled(
            about,
            f"<table><thead><tr><th scope=col>{escape(self._w[first])}</th>{top}</tr></thead><tbody>{body}</tbody></table>",
        )

    def _list_of(self, about: str, rows: Sequence[tuple[str, int, str]]) -> str:
        w = self._w
        body = "".join(
            f'<tr><th scope=row class="words">{escape(w[key])}</th><td>{escape(self._number(number))}</td><td>{self._mark(source)}</td></tr>'
            for key, number, source in rows
        )
        heads = f"<td></td><th scope=col>{escape(w['count'])}</th><th scope=col>{escape(w['source'])}</th>"
        return self._scrolled(about, f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>")

    def _scrolled(self, about: str, table: str) -> str:
        return f'<div class="scroll" role="region" aria-label="{escape(self._w[about])}" tabindex="0">{table}</div>'

    # -- words ---------------------------------------------------------------------

    def _day(self, at: datetime) -> str:
        w = self._w
        return w.number(f"{at.day} {w.months[at.month - 1]} {at.year}")

    def _part(self, part: str) -> str:
        if part == TOTAL:
            return self._w["whole"]
        return self._w.number(f"{self._w.months[int(part[5:]) - 1]} {part[:4]}")

    def _language(self, tag: str) -> str:
        if tag == OTHER:
            return self._w["other"]
        if f"languages.{tag}" in self._w:
            return self._w[f"languages.{tag}"]
        return tag

    def _number(self, number: int) -> str:
        return self._digits(f"{number:,}")

    def _percent(self, share: float) -> str:
        shown = 100 * share
        said = (
            f"{shown:.0f}"
            if shown in (0, 100) or 10 <= shown < 99.5
            else f"{shown:.3g}"
            if shown >= 0.1
            else f"{shown:.1g}"
        )
        return self._digits(f"{said} %") if self._ltr else self._digits(f"{said}٪")

    def _digits(self, number: str) -> str:
        """A number as this language writes it, with its commas and points."""
        told = self._w.number(number)
        return told if told == number else told.replace(",", "٬").replace(".", "٫")

    def _wait(self, micros: float | None) -> str:
        if micros is None:
            return "–"
        seconds = micros / 1e6
        key, unit = next((key, unit) for key, unit, most in _UNITS if seconds < most)
        number = seconds / unit
        said = f"{number:.0f}" if number >= 10 or number == round(number) else f"{number:.2g}"
        return self._w.fill(key, number=self._digits(said))


_UNITS: Final = (
    ("seconds", 1, 60.0),
    ("minutes", 60, 3600.0),
    ("hours", 3600, 48 * 3600.0),
    ("days", 86400, math.inf),
)
_TICKS: Final = tuple(1e6 * seconds for seconds in (1, 60, 3600, 86400, 864000))


def _html(sentence: str, **blanks: str) -> str:
    """A sentence of ours with names of others in it, each escaped and isolated."""
    return escape(sentence).format(**{name: f"<bdi>{escape(told)}</bdi>" for name, told in blanks.items()})


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"
