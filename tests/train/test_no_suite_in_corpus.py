"""
No row that we train on is nearly a case that we are measured by.

Compared are sets of four letters in a row. A failure names the row and the case's
number only: whoever writes rows has not read the cases, and should not have to.
The row's template is what goes, never the case.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import meydan
from meydan.text import fold
from meydan.train.corpus import generate

SUITES = Path(meydan.__file__).parent / "evaluate" / "suites" / "newsroom"

NEAR = 0.6
"""The share of shingles in common (Jaccard) from which two texts are nearly one."""

LONG = 25
"""Up to so many characters a text has too few shingles: only the same words count."""

SHORT = 12
"""Up to so many ("thank you", "source?") everybody writes the same."""

_NO_WORD = re.compile(r"[\W_]+")


def read(folder: Path) -> Iterator[tuple[str, str]]:
    """Every text of a folder's jsonl files, and where it stands."""
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if line.strip():
                entry = json.loads(line)
                text = entry["text"] if "text" in entry else entry["comment"]
                yield str(text), str(entry.get("id") or f"{path.name}:{number}")


@cache
def plain(text: str) -> str:
    """A text as it is compared: folded, words and nothing else."""
    return _NO_WORD.sub(" ", fold(text).text).strip()


def shingles_of(text: str) -> frozenset[str]:
    """Its sets of four characters in a row."""
    return frozenset(text[at : at + 4] for at in range(len(text) - 3))


def near_duplicates(
    rows: Iterable[tuple[str, str]], cases: Iterable[tuple[str, str]]
) -> list[tuple[str, str, str]]:
    """(where the row stands, its text, the case's number) of every row that is nearly a case."""
    same: dict[str, str] = {}
    long: list[tuple[frozenset[str], str]] = []
    for text, number in cases:
        text = plain(text)
        if len(text) > SHORT:
            same.setdefault(text, number)
        if len(text) > LONG:
            long.append((shingles_of(text), number))
    common = Counter(shingle for shingles, _ in long for shingle in shingles)
    index: defaultdict[str, list[int]] = defaultdict(list)
    for at, (shingles, _) in enumerate(long):
        # Two sets as near as that share one of the rarest, all but NEAR of them being looked up.
        looked_up = len(shingles) - math.ceil(NEAR * len(shingles)) + 1
        for shingle in sorted(shingles, key=lambda s: (common[s], s))[:looked_up]:
            index[shingle].append(at)
    indexed = frozenset(index)

    found: list[tuple[str, str, str]] = []
    for text, place in rows:
        words = plain(text)
        if words in same:
            found.append((place, text, same[words]))
            continue
        if len(words) <= LONG * NEAR:
            continue
        mine = shingles_of(words)
        for at in {at for shingle in mine & indexed for at in index[shingle]}:
            theirs, number = long[at]
            shared = len(mine & theirs)
            if shared >= NEAR * (len(mine) + len(theirs) - shared):
                found.append((place, text, number))
                break
    return found


def test_no_row_is_nearly_a_case() -> None:
    """If a row of our corpus is compared with every case of the suites, then none is nearly the same."""
    folders = (generate.HERE, generate.HERE / "constructive", generate.HERE / "stories")
    rows = chain.from_iterable(read(folder) for folder in folders)
    assert near_duplicates(rows, read(SUITES)) == []


PLANTED = [
    # a row                                                          a case                                                 near?
    ("The minister sold the hospital to his cousin!", "the minister SOLD the hospital to his cousins", True),
    (
        "The minister sold the hospital to his cousin!",
        "The minister sold the school to a friend of hers.",
        False,
    ),
    ("You absolute coward...", "you absolute coward", True),
    ("You absolute coward", "You absolute cowards", False),
    ("Thank you", "thank you!", False),
    ("ئەم وەزیرە نەخۆشخانەکەی فرۆشت بە ئامۆزاکەی", "ئه‌م وه‌زیره‌ نه‌خۆشخانه‌که‌ی فرۆشت به‌ ئامۆزاکانی", True),
    (
        "Bakan hastaneyi yeğenine sattı, kimse sormadı",
        "Bakan okulu kapattı ve kimse bir şey söylemedi",
        False,
    ),
]


def test_a_planted_copy_is_found() -> None:
    """If a row is a case with a few letters changed, then it is found; another sentence of the same words is not."""
    for row, case, near in PLANTED:
        found = near_duplicates([(row, "planted")], [(case, "c1")])
        assert found == ([("planted", row, "c1")] if near else []), row


def test_a_copy_among_all_rows_is_found() -> None:
    """If real rows are taken for cases, then each of them is found again among all rows: the look-up loses none."""
    rows = list(read(generate.HERE))
    cases = rows[:: max(1, len(rows) // 200)]
    found = {place for place, _, _ in near_duplicates(rows, cases)}
    assert {place for text, place in cases if len(plain(text)) > SHORT} <= found
