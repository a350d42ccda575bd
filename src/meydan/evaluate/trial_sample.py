"""
Which of an archive's comments a trial looks at, and on which side of it each stands. Pure, and the same every time.

Chosen by lots that are drawn from a number and from the comment's own id, so that neither the order of the file nor a
second run changes anything, and memory does not grow with the archive.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

from meydan.evaluate.judged import Advance
from meydan.evaluate.trial_rows import NotTaken, Past

Split = Literal["story", "author", "row", "time"]
SPLITS: Final[tuple[Split, ...]] = ("story", "author", "row", "time")
"""What must not be torn apart: a thread, an author's comments, a row; or a thread, and the later ones are held out."""

PLACES: Final = 5
"""Places told of each kind of row that was not taken."""

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Untaken:
    """Rows that were not used for one reason: how many, what to do, and where the first of them stand."""

    kind: str
    rows: int
    message: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """
    The comments that a trial looks at, in the order of the file, each id once and each text once.

    `rows` counts those of the file, `decided` those of them that people decided, approved or rejected. `twice` are pairs
    of decisions of one comment by different people, (the first, the last). `copies` had the same words as another, and
    `both_ways` counts texts that were approved in one place and rejected in another. `months` counts decided comments by
    month, for those whose time is known. `drawn` says whether there were more than were asked for.
    """

    past: tuple[Past, ...]
    rows: int
    decided: int
    approved: int
    untaken: tuple[Untaken, ...]
    twice: tuple[tuple[Past, Past], ...] = ()
    copies: int = 0
    both_ways: int = 0
    months: Mapping[str, int] = field(default_factory=dict)
    drawn: bool = False


def choose(
    rows: Iterable[Past | NotTaken], *, sample: int | None, seed: int = 0, advance: Advance | None = None
) -> Chosen:
    """
    Choose comments by lot, of a stream that is read once.

    Args:
        sample: at most so many; None: all.
        advance: told of rows read.
    """
    lots: list[tuple[int, str]] = []
    kept: dict[str, list[tuple[int, Past]]] = {}
    untaken: dict[str, list[NotTaken]] = {}
    counts: Counter[str] = Counter()
    months: Counter[str] = Counter()
    number = decided = approved = 0
    drawn = False
    for number, row in enumerate(rows, 1):
        if advance is not None and number % 1000 == 0:
            advance(1000)
        if isinstance(row, NotTaken):
            counts[row.kind] += 1
            some = untaken.setdefault(row.kind, [])
            if len(some) < PLACES:
                some.append(row)
            continue
        decided += 1
        approved += row.approved
        if row.at is not None:
            months[f"{row.at:%Y-%m}"] += 1
        key = f"id {row.id}" if row.id else f"at {row.place}"
        if key in kept:
            # The first decision of a comment and the last of it.
            kept[key][1:] = [(number, row)]
            continue
        lot = lot_of(key, seed)
        if sample is not None and len(kept) >= sample:
            drawn = True
            if -lot <= lots[0][0]:
                continue
            del kept[heapq.heappushpop(lots, (-lot, key))[1]]
        else:
            heapq.heappush(lots, (-lot, key))
        kept[key] = [(number, row)]
    twice = tuple(
        (some[0][1], some[-1][1])
        for some in kept.values()
        if len(some) > 1 and "" not in (first := some[0][1].moderator, last := some[-1][1].moderator) and first != last
    )  # fmt: skip
    once, copies, both_ways = _once([some[-1] for some in kept.values()], seed)
    return Chosen(
        past=tuple(row for _, row in sorted(once, key=lambda pair: pair[0])),
        rows=number,
        decided=decided,
        approved=approved,
        untaken=tuple(
            Untaken(kind, counts[kind], some[0].message, tuple(one.place for one in some))
            for kind, some in sorted(untaken.items(), key=lambda pair: -counts[pair[0]])
        ),
        twice=twice,
        copies=copies,
        both_ways=both_ways,
        months=dict(sorted(months.items())),
        drawn=drawn,
    )


def groups_of(past: Sequence[Past], split: Split) -> list[str]:
    """What each comment must not be torn from: its story, else its author, else itself; in the order of `split`."""
    first: Callable[[Past], str]
    second: Callable[[Past], str]

    def story(one: Past) -> str:
        return f"story {one.story}" if one.story else ""

    def author(one: Past) -> str:
        return f"author {one.author}" if one.author else ""

    first, second = (author, story) if split == "author" else (story, author)
    if split == "row":
        return [f"row {i}" for i in range(len(past))]
    return [first(one) or second(one) or f"row {i}" for i, one in enumerate(past)]


def held_out(
    past: Sequence[Past], groups: Sequence[str], split: Split, share: float, *, seed: int = 0
) -> list[bool]:
    """
    Which comments are held out, about such a share of them; no group is on both sides.

    By lot; of "time" those whose group began last, a group without any time counting as old.
    """
    if split != "time":
        return [lot_of(f"side {group}", seed) < share * 2**64 for group in groups]
    began: dict[str, datetime] = {}
    sizes = Counter(groups)
    for one, group in zip(past, groups, strict=True):
        began[group] = min(began.get(group, one.at or _NEVER), one.at or _NEVER)
    newest: set[str] = set()
    enough = share * len(past)
    for group in sorted(
        (group for group in began if began[group] > _NEVER),
        key=lambda group: (began[group], group),
        reverse=True,
    ):
        if enough < sizes[group] / 2:
            break
        newest.add(group)
        enough -= sizes[group]
    return [group in newest for group in groups]


def lot_of(key: str, seed: int) -> int:
    """A number from 0 to 2**64 - 1, as if drawn by chance."""
    drawn = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8, key=str(seed).encode())
    return int.from_bytes(drawn.digest(), "big")


def _once(rows: Sequence[tuple[int, Past]], seed: int) -> tuple[list[tuple[int, Past]], int, int]:
    """Each text once, the one that the lot falls on; how many copies that leaves out, and how many texts were decided both ways."""
    by_text: dict[bytes, tuple[int, int, Past]] = {}
    ways: dict[bytes, set[bool]] = {}
    for number, row in rows:
        words = " ".join(row.text.split()).casefold()
        key = hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        ways.setdefault(key, set()).add(row.approved)
        lot = lot_of(f"copy {row.id or row.place}", seed)
        if key not in by_text or lot < by_text[key][0]:
            by_text[key] = lot, number, row
    once = [(number, row) for _, number, row in by_text.values()]
    return once, len(rows) - len(once), sum(len(said) > 1 for said in ways.values())
