"""Meydan as it is measured: a real server with a story of approved comments, alone or beside others under the same traffic."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.serving import Served

from benchmarks.peers import Peer, text_of
from meydan import __version__
from meydan.comment import Status, Submission, Verdict
from meydan.desk import Visitor
from meydan.settings import Settings
from meydan.wiring import build

SITE = "http://localhost"
STORY = f"{SITE}/a-story"
VISITOR = Visitor(address_key="b" * 32)
UNBOUNDED = 100_000_000
THOUGHTS = [
    "Thank you for this report; the part about the budget was new to me and well explained.",
    "I disagree with the ministry here. Salaries were promised in spring and are late again.",
    "Who paid for the bridge? The article does not say, and readers should know.",
    "My grandparents lived in that village before the war. Reading this moved me.",
    "The numbers in the second paragraph do not match last week's story. Could you check?",
]


@contextlib.contextmanager
def served(
    *, comments: int = 200, waiting: int = 0, stories: int = 1, automation: str = "assisted"
) -> Iterator[tuple[Served, str, list[str]]]:
    """
    A running server; yields it, a token that may do anything, and the ids of `waiting` held comments.

    Args:
        comments: shown on each story.
        stories: how many; from the second on they are `/1`, `/2`, ….
        automation: `off` where people decide all.
    """
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        data = Path(folder)
        meydan = build(Settings(data=data, flood_per_minute=10_000_000, near_repeats=10_000_000))
        for story in [STORY, *(f"{SITE}/{number}" for number in range(1, stories))]:
            for number in range(comments):
                outcome = meydan.desk.submit(
                    Submission(story, f"Reader {number}", f"{THOUGHTS[number % len(THOUGHTS)]} ({number})"),
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
            guidelines=guidelines(data, automation),
            submissions_per_minute=UNBOUNDED,
            submission_burst=UNBOUNDED,
            flood_per_minute=UNBOUNDED,
            near_repeats=UNBOUNDED,
        )
        server.start()
        try:
            yield server, token, held
        finally:
            server.stop()


def guidelines(data: Path, automation: str) -> Path:
    """The shipped guidelines in a file, with another word for what the machine may do."""
    shipped = files("meydan.policy").joinpath("default.toml").read_text(encoding="utf-8")
    assert 'mode = "assisted"' in shipped
    path = data / "guidelines.toml"
    path.write_text(shipped.replace('mode = "assisted"', f'mode = "{automation}"'), encoding="utf-8")
    return path


def page(story: str) -> str:
    """What the component asks for: the story's comments as a fragment."""
    return f"/embed/comments?story={quote(SITE + story, safe='')}"


def sending(story: str, number: int) -> tuple[str, dict[str, Any]]:
    return "/api/v1/comments", {
        "story": {"url": SITE + story}, "name": f"Reader {number % 400}", "text": text_of(number),
    }  # fmt: skip


def as_peer(server: Served, *, name: str = "meydan", automation: str = "assisted") -> Peer:
    """Meydan, to be measured as the others are."""
    conditions = {
        "version": __version__,
        "server": "meydan serve, one process",
        "database": "SQLite, synchronous=FULL",
        "off": "pace and limits of floods",
        "page": "up to 50 branches or 200 comments as HTML, compressed: its component's own request",
        "automation": automation,
    }
    return Peer(name, server.url, page, sending, (server.pid,), {"Accept-Encoding": "gzip"}, conditions)
