"""A server with a story of 200 approved comments, to be loaded."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.serving import Served

from meydan.comment import Status, Submission, Verdict
from meydan.desk import Visitor
from meydan.settings import Settings
from meydan.wiring import build

STORY = "http://localhost/a-story"
VISITOR = Visitor(address_key="b" * 32)
THOUGHTS = [
    "Thank you for this report; the part about the budget was new to me and well explained.",
    "I disagree with the ministry here. Salaries were promised in spring and are late again.",
    "Who paid for the bridge? The article does not say, and readers should know.",
    "My grandparents lived in that village before the war. Reading this moved me.",
    "The numbers in the second paragraph do not match last week's story. Could you check?",
]


@contextlib.contextmanager
def served(*, comments: int = 200, waiting: int = 0) -> Iterator[tuple[Served, str, list[str]]]:
    """
    A running server; yields it, a token that may do anything, and the ids of `waiting` held comments.
    """
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        data = Path(folder)
        meydan = build(Settings(data=data, flood_per_minute=10_000_000))
        for number in range(comments):
            outcome = meydan.desk.submit(
                Submission(STORY, f"Reader {number}", f"{THOUGHTS[number % len(THOUGHTS)]} ({number})"),
                VISITOR,
            )
            if outcome.status is not Status.APPROVED:
                meydan.desk.review(outcome.id, Verdict.APPROVE, by="benchmark")
        # While people decide all of a story, whatever the machine thinks of it waits.
        meydan.desk.register_story(STORY, mode="off")
        held = [
            meydan.desk.submit(Submission(STORY, "خوێنەر", f"سوپاس بۆ ئەم هەواڵە گرنگە {number}"), VISITOR).id
            for number in range(waiting)
        ]
        meydan.desk.register_story(STORY, mode=None)
        token = meydan.staff.add_token("benchmark")
        meydan.close()
        server = Served(
            data,
            submissions_per_minute=100_000_000,
            submission_burst=100_000_000,
            flood_per_minute=10_000_000,
        )
        server.start()
        try:
            yield server, token, held
        finally:
            server.stop()
