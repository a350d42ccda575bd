"""
How one file differs from another, line by line, for the desk and the command line.

Pure. Lines that stay are shown around those that change, and what lies further off is left out and counted.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

CONTEXT: Final = 3
"""Lines that stay, shown before and after each change."""


@dataclass(frozen=True, slots=True)
class Line:
    """
    One line of a comparison.

    `kind` is "same", "removed", "added" or "left-out". `old` and `new` are its numbers in the two files, from 1, None
    where it is not in that file. Of what is left out, `count` says how many lines; it is 1 for every other.
    """

    kind: str
    text: str
    old: int | None
    new: int | None
    count: int = 1

    @property
    def sign(self) -> str:
        """How a terminal marks it."""
        return {"added": "+", "removed": "-"}.get(self.kind, " ")


def lines_of(source: bytes) -> list[str]:
    """A file's lines without their ends; bytes that are no UTF-8 are shown as U+FFFD."""
    text = source.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    return lines[:-1] if lines and lines[-1] == "" else lines


def difference(old: bytes, new: bytes, *, context: int = CONTEXT) -> tuple[Line, ...]:
    """What changes from one file to another, in order; nothing where their lines are the same."""
    before, after = lines_of(old), lines_of(new)
    if before == after:
        return ()
    return tuple(_shown(list(_compared(before, after)), context))


def _compared(before: Sequence[str], after: Sequence[str]) -> Iterator[Line]:
    # What two versions have in common at their ends is most of them, and needs no search.
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    old, new = before[head : len(before) - tail], after[head : len(after) - tail]
    yield from (Line("same", before[at], at + 1, at + 1) for at in range(head))
    for what, i, j, k, m in difflib.SequenceMatcher(None, old, new).get_opcodes():
        if what == "equal":
            yield from (
                Line("same", old[i + step], head + i + step + 1, head + k + step + 1) for step in range(j - i)
            )
            continue
        yield from (Line("removed", old[at], head + at + 1, None) for at in range(i, j))
        yield from (Line("added", new[at], None, head + at + 1) for at in range(k, m))
    for step in range(tail, 0, -1):
        yield Line("same", before[-step], len(before) - step + 1, len(after) - step + 1)


def _shown(lines: Sequence[Line], context: int) -> Iterator[Line]:
    near = {
        at
        for place, line in enumerate(lines)
        if line.kind != "same"
        for at in range(place - context, place + context + 1)
    }
    left_out = 0
    for place, line in enumerate(lines):
        if place in near:
            if left_out:
                yield Line("left-out", "", None, None, left_out)
                left_out = 0
            yield line
        else:
            left_out += 1
    if left_out:
        yield Line("left-out", "", None, None, left_out)
