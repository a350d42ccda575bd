"""A whole Meydan on a port of its own, in this process, so that a test can also ask the desk what became true."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from meydan import demo
from meydan.comment import Submission
from meydan.desk import DeskItem, Visitor
from meydan.settings import Settings
from meydan.web.app import create_app
from meydan.wiring import Meydan, build
from tests.ready import with_tables

UNMEASURED = "این خبر خیلی مهم است، از روزنامه‌نگاران سپاسگزارم."
ABUSIVE = "You are a complete idiot and everybody knows it."
COURTEOUS = "Thank you for this careful article. I learned a lot about the history of the region."

CHEAP_PASSWORDS = PasswordHasher.from_parameters(CHEAPEST)

FEW_EXAMPLES = re.compile(r"\[\[rule\.example\]\]\n(?:(?!\n\n).)*?\n\n", re.S)


def without_examples(source: str) -> str:
    """Guidelines that are read and judged in a moment: three hundred examples take seconds, and most tests are of something else."""
    return FEW_EXAMPLES.sub("", source + "\n\n")


@dataclass
class Newsroom:
    """A served Meydan; `url` has no trailing slash."""

    meydan: Meydan
    url: str
    sent: int = field(default=0)

    @property
    def story(self) -> str:
        return f"{self.url}/stories/a-story"

    def send(
        self,
        text: str = UNMEASURED,
        *,
        name: str = "Rojin",
        story: str | None = None,
        parent: str | None = None,
    ) -> str:
        """Send a comment the way a reader does; its id."""
        self.sent += 1
        submission = Submission(story_url=story or self.story, name=name, text=text, parent=parent)
        visitor = Visitor(address_key=f"{self.sent:032d}", own=(self.url,))
        return self.meydan.desk.submit(submission, visitor).id

    def hand_over(self, text: str, *, name: str = "Rojin") -> str:
        """Send a comment on a story that people decide, so that it waits whatever the machine thinks of it."""
        self.meydan.desk.register_story(self.story, title="A story", mode="off", own=(self.url,))
        return self.send(text, name=name)

    def item(self, comment: str) -> DeskItem:
        return self.meydan.desk.item(comment)

    def shown(self) -> list[str | None]:
        """What readers see on the story."""
        return [comment.text for comment in self.meydan.desk.page(self.story).comments]

    def link(self, moderator: str) -> str:
        """A one-time sign-in token for a moderator, added if need be."""
        if not any(row.name == moderator for row in self.meydan.staff.moderators()):
            return self.meydan.staff.add_moderator(moderator)
        return self.meydan.staff.new_link(moderator)


@contextlib.contextmanager
def newsroom(data: Path, *, with_demo: bool = False, **settings: Any) -> Iterator[Newsroom]:
    """Build, serve, and take down again. `with_demo` adds the sample newspaper and its comments."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    if "database" not in settings and not (data / "meydan.db").exists():
        with_tables(data / "meydan.db")
    # Tests send nearly the same courtesies over and over: no flood, unless one asks for it.
    meydan = build(Settings(data=data, port=port, **{"near_repeats": 1_000_000, **settings}))
    # A password costs half a second of both cores, as it has to outside; tests/staff pays that.
    meydan.staff._hasher = CHEAP_PASSWORDS
    url = f"http://127.0.0.1:{port}"
    pages = {}
    if with_demo:
        demo.seed(meydan)
        pages = demo.pages(url)
    app = create_app(meydan, site=pages)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="auto")
    )
    thread = threading.Thread(target=server.run, name="newsroom", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 30
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise AssertionError("the newsroom did not open")
            time.sleep(0.01)
        yield Newsroom(meydan, url)
    finally:
        app.end_streams()
        server.should_exit = True
        thread.join(30)
        meydan.close()


class Chair(httpx.Client):
    """A moderator's browser, as far as HTTP goes: keeps cookies, says its origin, follows nothing by itself."""

    def __init__(self, room: Newsroom) -> None:
        super().__init__(base_url=room.url, headers={"origin": room.url}, timeout=30)
        self.room = room

    def sign_in(self, moderator: str = "Leyla") -> Chair:
        answer = self.post("/desk/sign-in", data={"link": self.room.link(moderator)})
        assert answer.status_code == 303, answer.text
        return self

    @property
    def csrf(self) -> str:
        """The CSRF token that the desk's pages carry."""
        page = self.get("/desk/decided").text
        return page.split('name="csrf" value="')[1].split('"')[0]

    def decide(self, comment: str, verdict: str, *, seen: int = 0, **more: object) -> httpx.Response:
        form = {"csrf": self.csrf, "seen": str(seen), "next": "", "verdict": verdict, **more}
        return self.post(f"/desk/comments/{comment}", data=form)
