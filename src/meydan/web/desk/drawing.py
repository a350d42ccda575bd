"""
Charts of the desk, drawn here as SVG: bars with their words and numbers on them.

Read without colour and without the picture: every chart stands beside the table that it is made of, and is hidden from
who is read to. Sizes are attributes, not styles, so that the strictest policy on styles lets them through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 560
ROW: Final = 24
LABEL: Final = 190
TIGHT: Final = 64


def bars(rows: Sequence[tuple[str, float, str]]) -> Markup:
    """
    Horizontal bars, one a row, the longest as wide as there is room.

    Args:
        rows: what each is called, its size (0 or more) and how that is written.
    """
    most = max((size for _, size, _ in rows), default=0.0) or 1.0
    room = WIDTH - LABEL - TIGHT
    drawn = []
    for number, (called, size, written) in enumerate(rows):
        y = number * ROW
        wide = round(room * max(0.0, size) / most, 1)
        drawn.append(
            Markup(
                '<text x="{}" y="{}" text-anchor="end">{}</text><rect x="{}" y="{}" width="{}" height="{}"/>'
                '<text x="{}" y="{}">{}</text>'
            ).format(
                LABEL - 8,
                y + 17,
                _short(called),
                LABEL,
                y + 5,
                wide,
                ROW - 10,
                LABEL + wide + 6,
                y + 17,
                written,
            )
        )
    return _svg(WIDTH, max(1, len(rows)) * ROW, Markup("").join(drawn))


def columns(numbers: Sequence[int], *, first: str, last: str, height: int = 96) -> Markup:
    """
    Upright bars side by side, for what changes with time.

    Args:
        numbers: one a step of time.
        first, last: what the ends of the time are called.
    """
    most = max(numbers, default=0) or 1
    wide = WIDTH / max(1, len(numbers))
    drawn = []
    for place, number in enumerate(numbers):
        high = round(height * number / most, 1)
        drawn.append(
            Markup('<rect x="{}" y="{}" width="{}" height="{}"/>').format(
                round(place * wide, 2), round(height - high, 1), round(max(0.5, wide - 0.5), 2), high
            )
        )
    drawn.append(
        Markup('<text x="0" y="{0}">{1}</text><text x="{2}" y="{0}" text-anchor="end">{3}</text>').format(
            height + 18, first, WIDTH, last
        )
    )
    return _svg(WIDTH, height + 24, Markup("").join(drawn))


def _svg(width: int, height: int, inner: Markup) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="presentation" aria-hidden="true">{}</svg>'
    ).format(width, height, inner)


def _short(called: str) -> Markup:
    return escape(called if len(called) <= 28 else f"{called[:27]}…")
