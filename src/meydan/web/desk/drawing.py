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
SQUARE: Final = 300
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


def against(points: Sequence[tuple[float, float, float, float]], *, across: str, up: str) -> Markup:
    """
    A square in which shares stand against scores, both from 0 to 1, with the line on which they agree. Numbers grow to
    the right in every language, so it is never mirrored.

    Args:
        points: score, share, and between which shares the truth lies.
        across, up: what the two sides are called.
    """
    left, top = 46, 12

    def x(score: float) -> float:
        return round(left + SQUARE * score, 1)

    def y(share: float) -> float:
        return round(top + SQUARE * (1 - share), 1)

    drawn = [
        Markup(
            '<path d="M{0} {1}V{2}H{3}" fill="none" stroke="currentColor"/>'
            '<path d="M{0} {2}L{3} {1}" fill="none" stroke="currentColor" stroke-dasharray="6 4"/>'
        ).format(x(0), y(1), y(0), x(1))
    ]
    drawn += [
        Markup(
            '<text x="{}" y="{}" text-anchor="middle">{}</text><text x="{}" y="{}" text-anchor="end">{:.0f} %</text>'
        ).format(x(step), y(0) + 18, step, x(0) - 6, y(step) + 4, 100 * step)
        for step in (0.0, 0.5, 1.0)
    ]
    for score, share, low, high in points:
        drawn.append(
            Markup(
                '<path d="M{0} {1}V{2}M{3} {1}h8M{3} {2}h8" fill="none" stroke="currentColor"/>'
                '<circle cx="{0}" cy="{4}" r="4.5" fill="currentColor"/>'
            ).format(x(score), y(low), y(high), x(score) - 4, y(share))
        )
    drawn.append(
        Markup('<text x="{}" y="{}" text-anchor="middle">{}</text><text x="{}" y="{}">{}</text>').format(
            x(0.5), y(0) + 38, f"\u2068{across}\u2069", x(0) + 8, y(1) + 10, f"\u2068{up}\u2069"
        )
    )
    return _svg(left + SQUARE + 74, SQUARE + top + 46, Markup("").join(drawn))


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
