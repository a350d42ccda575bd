"""
Charts of the desk, drawn here as SVG: bars with their words and numbers on them.

Read without colour and without the picture: every chart stands beside the table that it is made of, and is hidden from
who is read to. Where lines run from the right, so do bars and time. Sizes are attributes, not styles, so that the strictest policy on styles lets them through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape

WIDTH: Final = 560
ROW: Final = 24
LABEL: Final = 190
TIGHT: Final = 64


def bars(rows: Sequence[tuple[str, float, str]], *, direction: str = "ltr") -> Markup:
    """
    Horizontal bars, one a row, the longest as wide as there is room.

    Args:
        rows: what each is called, its size (0 or more) and how that is written.
        direction: "ltr", or "rtl" for bars that begin at the right.
    """
    most = max((size for _, size, _ in rows), default=0.0) or 1.0
    room = WIDTH - LABEL - TIGHT
    drawn = []
    # The drawing itself always counts from the left, so the mirror is made here.
    rtl = direction == "rtl"
    before, after = ("start", "end") if rtl else ("end", "start")
    for number, (called, size, written) in enumerate(rows):
        y = number * ROW
        wide = round(room * max(0.0, size) / most, 1)
        drawn.append(
            Markup(
                '<text x="{}" y="{}" text-anchor="{}">{}</text><rect x="{}" y="{}" width="{}" height="{}"/>'
                '<text x="{}" y="{}" text-anchor="{}">{}</text>'
            ).format(
                _at(LABEL - 8, direction),
                y + 17,
                before,
                _short(called),
                _at(LABEL + wide, direction) if rtl else LABEL,
                y + 5,
                wide,
                ROW - 10,
                _at(LABEL + wide + 6, direction),
                y + 17,
                after,
                written,
            )
        )
    return _svg(WIDTH, max(1, len(rows)) * ROW, Markup("").join(drawn))


def columns(
    numbers: Sequence[int], *, first: str, last: str, height: int = 96, direction: str = "ltr"
) -> Markup:
    """
    Upright bars side by side, for what changes with time.

    Args:
        numbers: one a step of time.
        first, last: what the ends of the time are called.
        direction: "ltr", or "rtl" for time that begins at the right.
    """
    most = max(numbers, default=0) or 1
    wide = WIDTH / max(1, len(numbers))
    drawn = []
    from_the_left, left, right = numbers, first, last
    if direction == "rtl":
        from_the_left, left, right = numbers[::-1], last, first
    for place, number in enumerate(from_the_left):
        high = round(height * number / most, 1)
        drawn.append(
            Markup('<rect x="{}" y="{}" width="{}" height="{}"/>').format(
                round(place * wide, 2), round(height - high, 1), round(max(0.5, wide - 0.5), 2), high
            )
        )
    drawn.append(
        Markup('<text x="0" y="{0}">{1}</text><text x="{2}" y="{0}" text-anchor="end">{3}</text>').format(
            height + 18, left, WIDTH, right
        )
    )
    return _svg(WIDTH, height + 24, Markup("").join(drawn))


def _svg(width: int, height: int, inner: Markup) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="presentation" aria-hidden="true">{}</svg>'
    ).format(width, height, inner)


def _at(x: float, direction: str) -> float:
    """A place counted from where lines begin, as one counted from the left."""
    return round(WIDTH - x, 1) if direction == "rtl" else x


def _short(called: str) -> Markup:
    # Isolated: a title that runs the other way keeps its own order, whatever stands around it.
    return escape(f"\u2068{called if len(called) <= 28 else called[:27] + '…'}\u2069")
