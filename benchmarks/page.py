"""
The results as one HTML page: bars and curves as SVG inside it, the numbers in tables below them, nothing from elsewhere.

    python -m benchmarks page RESULTS.json [RESULTS.json …] -o PAGE.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, Final

WIDTH: Final = 420
NAMES: Final = 104
ROW: Final = 30

_STYLE: Final = """
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1b1b; --quiet: #5c5c5c; --line: #d9d9d9; --ours: #0b5394; --theirs: #a8a8a8; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #15171a; --ink: #ececec; --quiet: #a5a5a5; --line: #3a3d42; --ours: #7db7ee; --theirs: #6b7078; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 16px 64px; max-width: 44rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 Georgia, "Times New Roman", serif; overflow-wrap: break-word; }
h1 { font-size: 28px; line-height: 1.2; } h2 { font-size: 20px; margin: 48px 0 8px; } h3 { font-size: 16px; margin: 24px 0 0; }
p, dd, li { max-width: 68ch; } .quiet, figcaption, dt { color: var(--quiet); }
figure { margin: 8px 0 0; } svg { width: 100%; max-width: 520px; height: auto; display: block; } svg text { fill: var(--ink); font: 13px Georgia, serif; }
svg .name { text-anchor: end; } svg .quiet { fill: var(--quiet); } svg .ours { fill: var(--ours); } svg .theirs { fill: var(--theirs); }
svg .axis { stroke: var(--line); } svg .curve { fill: none; stroke: var(--ours); stroke-width: 2; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; margin-top: 8px; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
summary { cursor: pointer; min-height: 44px; padding-top: 10px; color: var(--quiet); }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0 16px; margin: 8px 0; } dd { margin: 0; }
"""

TITLES: Final = {
    "read": "Reading a story of 200 comments while one lands every second",
    "submit": "Sending comments",
    "submit_peers": "Sending comments, beside others",
    "mixed": "Reading and sending, 98 to 2, over hundreds of stories",
    "growth": "What grows",
    "soak": "Half an hour of mixed load",
    "live": "Readers told of news",
    "judge": "Judging",
    "start": "Starting, and memory when idle",
    "store": "The store alone",
    "desk": "The desk over an archive",
    "threads": "Long stories",
    "newsroom": "Promises of the machine",
    "embed": "The component in a browser",
}
TENS: Final = ("1", "10", "100", "1k", "10k", "100k", "1M")
RATES: Final = {"read": "requests_per_s", "mixed": "requests_per_s", "submit_peers": "submissions_per_s"}


def page(results: dict[str, Any]) -> str:
    """The whole page, from what `python -m benchmarks --json` wrote."""
    machine = results.get("machine", {})
    parts = [
        "<!doctype html>",
        '<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Meydan measured, {escape(str(machine.get('commit', '')))}</title><style>{_STYLE}</style>",
        "<main><h1>Meydan measured</h1>",
        "<p>Every figure is the median of its runs, taken in turn on one machine that the load shares with the server. Compare"
        " what stands in one drawing; absolute rates belong to the machine.</p>",
        "<dl>",
        *(f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in machine.items()),
        "</dl>",
    ]
    for name, result in results.items():
        if name == "machine" or not isinstance(result, dict):
            continue
        parts.append(f"<section><h2>{escape(TITLES.get(name, name))}</h2>")
        if name in RATES:
            parts.append(_rates(result, RATES[name]))
        if name == "growth":
            parts.append(_growth(result))
        if name == "soak":
            parts.append(_soak(result))
        parts.append(_conditions(result))
        parts.append(f"<details><summary>Every number of it</summary>{_table(result)}</details></section>")
    parts.append("</main></html>")
    return "\n".join(parts) + "\n"


def _rates(result: dict[str, Any], rate: str) -> str:
    rows = [(name, one) for name, one in result.items() if isinstance(one, dict) and rate in one]
    bars = [
        (
            name,
            float(one[rate]),
            f"{_short(one[rate])}/s, p99 {_short(one.get('p99_ms', one.get('read_p99_ms')))} ms",
            name.startswith("meydan"),
        )
        for name, one in rows
    ]
    ratios = ", ".join(f"{name} {_short(value)}" for name, value in result.get("ratios", {}).items())
    said = f"<p>In the same run, times as many: {escape(ratios)}.</p>" if ratios else ""
    return _bars(bars, "in a second, on a scale of tens") + said


def _bars(bars: Sequence[tuple[str, float, str, bool]], about: str) -> str:
    """Lengths by the logarithm: what differs a hundredfold would leave nothing to see of the smaller."""
    most = max((value for _, value, _, _ in bars), default=1.0)
    top = math.ceil(math.log10(max(most, 10)))
    long = WIDTH - NAMES - 146
    lines = [
        f'<line class="axis" x1="{NAMES + long * ten / top:.1f}" x2="{NAMES + long * ten / top:.1f}" y1="0" y2="{len(bars) * ROW}"/>'
        f'<text class="quiet" x="{NAMES + long * ten / top:.1f}" y="{len(bars) * ROW + 16}" text-anchor="middle">{TENS[min(ten, 6)]}</text>'
        for ten in range(top + 1)
    ]
    for number, (name, value, note, ours) in enumerate(bars):
        y = number * ROW + 5
        length = long * max(0.0, math.log10(max(value, 1.0))) / top
        lines.append(
            f'<text class="name" x="{NAMES - 10}" y="{y + 15}">{escape(_spoken(name))}</text>'
            f'<rect class="{"ours" if ours else "theirs"}" x="{NAMES}" y="{y}" width="{length:.1f}" height="20"/>'
            f'<text x="{NAMES + length + 8:.1f}" y="{y + 15}">{escape(note)}</text>'
        )
    return _figure(len(bars) * ROW + 22, lines, about)


def _growth(result: dict[str, Any]) -> str:
    drawn = []
    for database, parts in result.items():
        for part, asked in parts.items():
            bars = [
                (
                    f"{_spoken(name)}",
                    ratio["ratio"][largest],
                    f"{ratio['ratio'][largest]:.2f} x, {ratio['ms'][largest]:.2f} ms",
                    True,
                )
                for name, ratio in asked.items()
                for largest in (max(ratio["ratio"], key=int),)
            ]
            first = next(iter(asked.values()))["ratio"]
            drawn.append(
                f"<h3>{escape(database)}, {escape(_spoken(part))}: {int(max(first, key=int)):,} comments against {int(min(first, key=int)):,}</h3>"
                + _ratios(bars)
            )
    return "".join(drawn)


def _ratios(bars: Sequence[tuple[str, float, str, bool]]) -> str:
    """Lengths as they are; the line is at 1.2, which is what is allowed."""
    names, most = 150, max(1.4, *(value for _, value, _, _ in bars))
    long = WIDTH - names - 112
    allowed = names + long * 1.2 / most
    lines = [f'<line class="axis" x1="{allowed:.1f}" x2="{allowed:.1f}" y1="0" y2="{len(bars) * ROW}"/>']
    lines += [
        f'<text class="quiet" x="{allowed:.1f}" y="{len(bars) * ROW + 16}" text-anchor="middle">1.2</text>'
    ]
    for number, (name, value, note, _) in enumerate(bars):
        y = number * ROW + 5
        lines.append(
            f'<text class="name" x="{names - 10}" y="{y + 15}">{escape(name)}</text>'
            f'<rect class="ours" x="{names}" y="{y}" width="{long * value / most:.1f}" height="20"/>'
            f'<text x="{max(names + long * value / most, allowed) + 8:.1f}" y="{y + 15}">{escape(note)}</text>'
        )
    return _figure(len(bars) * ROW + 22, lines, "large divided by small; the line is what is allowed")


def _soak(result: dict[str, Any]) -> str:
    drawn = [
        ("read_p99_ms_by_minute", "99 of 100 readings took so many ms at most, minute by minute"),
        ("send_p99_ms_by_minute", "99 of 100 sendings took so many ms at most, minute by minute"),
        ("memory_mb_by_minute", "memory in MB, minute by minute"),
    ]
    return "".join(
        _curve([value for value in result.get(name, []) if value is not None], about) for name, about in drawn
    )


def _curve(values: Sequence[float], about: str) -> str:
    if len(values) < 2:
        return ""
    high, left, top = 110, 44, max(values) * 1.1 or 1.0
    across = (WIDTH - left - 10) / (len(values) - 1)
    points = " ".join(
        f"{left + at * across:.1f},{high - value / top * high:.1f}" for at, value in enumerate(values)
    )
    lines = [
        f'<line class="axis" x1="{left}" x2="{WIDTH - 10}" y1="{high}" y2="{high}"/>'
        f'<text class="name quiet" x="{left - 8}" y="{high}">0</text>'
        f'<text class="name quiet" x="{left - 8}" y="{high - max(values) / top * high + 5:.1f}">{_short(max(values))}</text>'
        f'<polyline class="curve" points="{points}"/>'
    ]
    return _figure(high + 8, lines, about)


def _figure(height: float, lines: Sequence[str], about: str) -> str:
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(about)}">{"".join(lines)}</svg>'
        f"<figcaption>{escape(about)}</figcaption></figure>"
    )


def _conditions(result: dict[str, Any]) -> str:
    rows = [
        f"<h3>{escape(_spoken(name))}</h3><dl>"
        + "".join(
            f"<dt>{escape(what)}</dt><dd>{escape(str(how))}</dd>" for what, how in one["conditions"].items()
        )
        + "</dl>"
        for name, one in result.items()
        if isinstance(one, dict) and "conditions" in one
    ]
    return f"<details><summary>How each was set and run</summary>{''.join(rows)}</details>" if rows else ""


def _table(result: dict[str, Any]) -> str:
    lines = "".join(
        f"<tr><td>{escape(name)}</td><td class='number'>{escape(value)}</td></tr>"
        for name, value in _flat(result, "")
    )
    return f'<div class="wide"><table>{lines}</table></div>'


def _flat(value: Any, name: str) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [
            row
            for key, inner in value.items()
            if key != "conditions"
            for row in _flat(inner, f"{name} {_spoken(str(key))}".strip())
        ]
    if isinstance(value, list):
        return [(name, ", ".join(_short(one) for one in value[:40]))]
    return [(name, _short(value))]


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _short(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
