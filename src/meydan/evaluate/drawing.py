"""
Drawings for reports, as SVG inside the page: bars, what spelling changes, reliability.

Colours come from the page's style, so that they are right in light and in dark. Words
from outside are escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meydan.evaluate.figures import percent
from meydan.evaluate.metrics import Scores, Truth

_WIDTH: Final = 480
_NAMES: Final = 188
_ROW: Final = 22
_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Bar:
    """
    One bar: its name, how much is right, what is said beside it, and of which kind it is.

    `rest` is a second part that is drawn faintly after the first: what is neither right nor wrong.
    """

    name: str
    value: float
    note: str
    kind: str = "right"
    rest: float = 0.0


def bars(items: Sequence[Bar], *, about: str) -> str:
    """Horizontal bars of shares, worst first; `about` is the drawing's text for those who cannot see it."""
    ordered = sorted(items, key=lambda bar: (bar.value, bar.name))
    long = _WIDTH - _NAMES - 92
    lines = []
    for i, bar in enumerate(ordered):
        y = i * _ROW + 4
        width, rest = long * bar.value, long * min(bar.rest, 1 - bar.value)
        lines.append(
            f'<text x="{_NAMES - 8}" y="{y + 12}" class="name">{escape(bar.name)}</text>'
            f'<rect x="{_NAMES}" y="{y}" width="{long}" height="15" class="track"/>'
            f'<rect x="{_NAMES}" y="{y}" width="{width:.1f}" height="15" class="{bar.kind}"/>'
            f'<rect x="{_NAMES + width:.1f}" y="{y}" width="{rest:.1f}" height="15" class="rest"/>'
            f'<text x="{_NAMES + long + 6}" y="{y + 12}">{escape(bar.note)}</text>'
        )
    return _svg(_WIDTH, len(ordered) * _ROW + 8, about, lines)


@dataclass(frozen=True, slots=True)
class Twin:
    """One way of spelling: the share before and after, and what is said beside it."""

    name: str
    before: float
    after: float
    note: str


def twins(items: Sequence[Twin], *, about: str) -> str:
    """A line for each way of spelling, from the plain share (a ring) to the other (a disc)."""
    long = _WIDTH - _NAMES - 152
    lines = []
    for i, twin in enumerate(items):
        y = i * _ROW + 14
        before, after = (_NAMES + 8 + long * share for share in (twin.before, twin.after))
        lines.append(
            f'<text x="{_NAMES - 8}" y="{y + 4}" class="name">{escape(twin.name)}</text>'
            f'<line x1="{_NAMES + 8}" x2="{_NAMES + 8 + long}" y1="{y}" y2="{y}" class="grid"/>'
            f'<line x1="{before:.1f}" x2="{after:.1f}" y1="{y}" y2="{y}" class="moved"/>'
            f'<circle cx="{after:.1f}" cy="{y}" r="5" class="after"/>'
            f'<circle cx="{before:.1f}" cy="{y}" r="6" class="before"/>'
            f'<text x="{_NAMES + long + 24}" y="{y + 4}">{escape(twin.note)}</text>'
        )
    return _svg(_WIDTH, len(items) * _ROW + 10, about, lines)


def reliability(positive: Truth, score: Scores, *, about: str) -> str:
    """Of the rows scored about so much, how many are positive: on the diagonal, a probability means what it says."""
    size, left, top = 300, 44, 10

    def x(share: float) -> float:
        return left + size * share

    def y(share: float) -> float:
        return top + size * (1 - share)

    lines = [f'<line x1="{x(0)}" y1="{y(0)}" x2="{x(1)}" y2="{y(1)}" class="ideal"/>']
    lines += [
        f'<line x1="{x(0)}" x2="{x(1)}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" class="grid"/>'
        f'<text x="{left - 6}" y="{y(tick) + 4:.1f}" class="name">{tick:.0%}</text>'
        f'<text x="{x(tick):.1f}" y="{top + size + 18}" class="middle">{tick:g}</text>'
        for tick in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    binned = reliability_bins(positive, score)
    if binned:
        path = " ".join(f"{x(said):.1f},{y(seen):.1f}" for said, seen, _ in binned)
        lines.append(f'<polyline points="{path}" class="curve"/>')
    most = max((number for _, _, number in binned), default=1)
    for said, seen, number in binned:
        radius = 3 + 6 * (number / most) ** 0.5
        lines.append(
            f'<circle cx="{x(said):.1f}" cy="{y(seen):.1f}" r="{radius:.1f}" class="after">'
            f"<title>{number} rows: scored {said:.2f}, positive {percent(seen)}</title></circle>"
        )
    return _svg(left + size + 16, top + size + 26, about, lines, css="square")


def reliability_bins(positive: Truth, score: Scores) -> list[tuple[float, float, int]]:
    """For each tenth of the scale that has rows: the mean score, the share of positives, and how many rows."""
    place: NDArray[Any] = np.minimum((score * _BINS).astype(int), _BINS - 1)
    return [
        (float(score[here].mean()), float(positive[here].mean()), int(here.sum()))
        for here in (place == i for i in range(_BINS))
        if here.any()
    ]


def reliabilities(curves: Mapping[str, Sequence[tuple[float, float, int]]], *, about: str) -> str:
    """
    Small curves side by side, one a name, as a file of its own: its colours are in it, for light and for dark.

    Args:
        curves: by name, for each bin the mean score, the share of positives, and how many rows.
    """
    size, gap, across = 128, 34, 4
    lines = [f"<style>{_STYLE}</style>"]
    for i, (name, binned) in enumerate(curves.items()):
        left, top = gap + i % across * (size + gap), 30 + i // across * (size + 2 * gap)
        lines.append(
            f'<text x="{left}" y="{top - 8}" class="title">{escape(name)}</text>'
            f'<rect x="{left}" y="{top}" width="{size}" height="{size}" class="frame"/>'
            f'<line x1="{left}" y1="{top + size}" x2="{left + size}" y2="{top}" class="ideal"/>'
            + "".join(
                f'<text x="{left - 4}" y="{top + size * (1 - tick) + 4:.0f}" class="tick end">{tick:g}</text>'
                f'<text x="{left + size * tick:.0f}" y="{top + size + 14}" class="tick middle">{tick:g}</text>'
                for tick in (0.0, 0.5, 1.0)
            )
        )
        places = [(left + size * said, top + size * (1 - seen), number) for said, seen, number in binned]
        lines.append(
            f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)}" class="curve"/>'
        )
        lines += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{number} rows</title></circle>'
            for x, y, number in places
        ]
    width = across * (size + gap) + gap
    height = math.ceil(len(curves) / across) * (size + 2 * gap)
    return _svg(width, height, about, lines).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


_STYLE: Final = (
    "text{font:11px sans-serif;fill:#333}.title{font-weight:600}.tick{font-size:9px}.end{text-anchor:end}"
    ".middle{text-anchor:middle}.frame{fill:none;stroke:#bbb}.ideal{stroke:#999;stroke-dasharray:3 3}"
    ".curve{fill:none;stroke:#0b6e69;stroke-width:1.5}circle{fill:#0b6e69}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.frame{stroke:#555}.ideal{stroke:#888}"
    ".curve{stroke:#5fc9c1}circle{fill:#5fc9c1}}"
)


def _svg(width: int, height: int, about: str, lines: Sequence[str], *, css: str = "wide") -> str:
    return (
        f'<svg class="{css}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(about)}">'
        + "".join(lines)
        + "</svg>"
    )
