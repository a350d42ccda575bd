"""
What grows: a story from 100 comments to 100,000, a database from 1,000 comments to 5,000,000, on SQLite and PostgreSQL.

    python -m benchmarks growth [--comments 1000,100000,5000000]

Small and large are open side by side and asked in turn, so that whatever else the machine does falls on both; what is quoted
is large divided by small. Each is asked as the program asks: the first page as the store reads it and as HTML, a comment
submitted to the desk, which receives, judges and settles it (its receiving alone, too); and the store's own share of that.
"""

from __future__ import annotations

import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.archive import SITE, archive
from benchmarks.databases import KEPT, a_server_on_disk
from benchmarks.peers import text_of
from benchmarks.store import received_and_settled
from meydan.comment import Submission
from meydan.desk import Visitor
from meydan.locale import words
from meydan.settings import Settings
from meydan.web import reading
from meydan.web.reading import View
from meydan.wiring import Meydan, build

COMMENTS = (1_000, 100_000, 5_000_000)
IN_A_STORY = (100, 1_000, 10_000, 100_000)
TIMES = 200
LIMITS = {"name": 80, "text": 5000}
ALIKE = "SELECT url FROM story ORDER BY abs(shown - 50), id DESC LIMIT :limit"


def run(
    seconds: int, runs: int, *, comments: Sequence[int] = COMMENTS, in_a_story: Sequence[int] = IN_A_STORY
) -> dict[str, Any]:
    times = TIMES * runs if seconds > 1 else 5
    results: dict[str, Any] = {}
    for name, database in _databases():
        with database as place:
            made = {size: archive(place, size) for size in comments}
            stories = archive(place, 0, in_a_story)
            results[name] = {
                "in_a_story": _in_a_story(str(stories), in_a_story, times),
                "in_the_database": _in_the_database({size: str(url) for size, url in made.items()}, times),
            }
    return results


def _databases() -> Iterator[tuple[str, contextlib.AbstractContextManager[str]]]:
    yield "sqlite", contextlib.nullcontext("sqlite")
    yield "postgresql", a_server_on_disk(KEPT / "postgresql")


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Meydan]:
    """The whole program over a database, in this process."""
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        meydan = build(Settings(data=Path(folder), database=url, flood_per_minute=10**8, near_repeats=10**8))
        try:
            yield meydan
        finally:
            meydan.close()


def _in_turn(asked: dict[int, Callable[[int], object]], times: int) -> dict[str, Any]:
    """Each asked so often, one after another in changing order; medians, and how much more the large take than the smallest."""
    took: dict[int, list[float]] = {size: [] for size in asked}
    cpu: dict[int, list[float]] = {size: [] for size in asked}
    order = list(asked)
    for number in range(times + 5):
        random.Random(number).shuffle(order)
        for size in order:
            begin, used = time.perf_counter(), time.process_time()
            asked[size](number)
            if number >= 5:
                took[size].append(time.perf_counter() - begin)
                cpu[size].append(time.process_time() - used)
    smallest = min(asked)
    medians = {size: statistics.median(found) for size, found in took.items()}
    costs = {size: statistics.median(found) for size, found in cpu.items()}
    return {
        "ms": {str(size): round(median * 1e3, 3) for size, median in medians.items()},
        "p90_ms": {
            str(size): round(sorted(found)[int(len(found) * 0.9)] * 1e3, 3) for size, found in took.items()
        },
        "processor_ms": {str(size): round(cost * 1e3, 3) for size, cost in costs.items()},
        "ratio": {str(size): round(median / medians[smallest], 3) for size, median in medians.items()},
        "processor_ratio": {str(size): round(cost / costs[smallest], 3) for size, cost in costs.items()},
    }


def _in_a_story(url: str, sizes: Sequence[int], times: int) -> dict[str, Any]:
    with _opened(url) as meydan:
        stories = {size: f"{SITE}/{number}" for number, size in enumerate(sizes)}
        guidelines = meydan.desk.guidelines
        store = meydan.store
        visitor = Visitor(address_key="b" * 32)

        def html(story: str) -> object:
            thread = store.thread(story, sort="oldest")
            return reading.fragment(thread, View(story, words("en"), "oldest"), guidelines, LIMITS)

        return {
            "first_page": _in_turn(
                {size: lambda _, story=story: store.thread(story, sort="oldest") for size, story in stories.items()}, times
            ),
            "first_page_html": _in_turn({size: lambda _, story=story: html(story) for size, story in stories.items()}, times),
            "received_and_settled": _in_turn(
                {size: lambda _, story=story: received_and_settled(store, story) for size, story in stories.items()}, times
            ),
            "submitted": _in_turn(
                {size: lambda number, story=story: _submit(meydan, story, number, visitor) for size, story in stories.items()}, times
            ),
        }  # fmt: skip


def _in_the_database(urls: dict[int, str], times: int) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        opened = {size: stack.enter_context(_opened(url)) for size, url in urls.items()}
        # Of the same length in every database, or one would read more than the other.
        alike = {
            size: meydan.store._database.all(ALIKE, limit=5 if size < 100_000 else 500)
            for size, meydan in opened.items()
        }
        visitor = Visitor(address_key="b" * 32)

        def story(size: int, number: int) -> str:
            return str(alike[size][number % min(5, len(alike[size]))][0])

        def any_story(size: int, number: int) -> str:
            return str(random.Random(number).choice(alike[size])[0])

        asked: dict[str, Callable[[int, int], object]] = {
            "first_page": lambda size, number: opened[size].store.thread(story(size, number), sort="oldest"),
            "first_page_of_any_story": lambda size, number: opened[size].store.thread(any_story(size, number), sort="oldest"),
            "received_and_settled": lambda size, number: received_and_settled(opened[size].store, story(size, number)),
            "received": lambda size, number: _submit(opened[size], story(size, number), number, visitor, judged=False),
            "submitted": lambda size, number: _submit(opened[size], story(size, number), number, visitor),
        }  # fmt: skip
        found = {}
        for name, ask in asked.items():
            found[name] = _in_turn(
                {size: (lambda number, size=size, ask=ask: ask(size, number)) for size in urls}, times
            )
            print(f"  {name}: {found[name]['ratio']}", file=sys.stderr)
        return found


def _submit(meydan: Meydan, story: str, number: int, visitor: Visitor, *, judged: bool = True) -> object:
    text = text_of(int(datetime.now(UTC).timestamp() * 1e6) + number)
    submission = Submission(story, f"Reader {number % 300}", text)
    return meydan.desk.submit(submission, visitor) if judged else meydan.desk.receive(submission, visitor)
