"""Whether work takes time in proportion to its input: asked by comparing two sizes, as no machine's speed is known."""

from __future__ import annotations

import time
from collections.abc import Callable

SMALL = 8
"""How many times smaller the small input is."""

MOST = 3
"""How many times more than in proportion the large input may take. Quadratic work takes `SMALL` times more."""

TRIES = 5

QUICK_S = 0.02
"""What is done in less is not asked further: a page's first touch and a garbage collection weigh more than it."""


def in_proportion(work: Callable[[str], object], made: Callable[[int], str], largest: int) -> bool:
    """
    Whether `work` on an input of `largest` takes at most `MOST` times what is in proportion to one `SMALL` times smaller.

    `made` gives an input of a size. What counts is the thread's own time on a processor, and the least of a few tries:
    others on the machine make a try longer, never shorter.
    """
    little, large = made(largest // SMALL), made(largest)
    work(little)
    took = []
    for _ in range(TRIES):
        took.append(_seconds(work, large))
        if min(took) <= max(QUICK_S, MOST * SMALL * _seconds(work, little)):
            return True
    return False


def _seconds(work: Callable[[str], object], given: str) -> float:
    began = time.thread_time()
    work(given)
    return time.thread_time() - began
