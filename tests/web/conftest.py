"""Doors to knock at: a newsroom in this process, and a real server in another."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from tests import warm
from tests.newsroom import Newsroom, newsroom
from tests.serving import Served

UNHURRIED = {
    "submissions_per_minute": 1_000_000,
    "submission_burst": 1_000_000,
    "flood_per_minute": 1_000_000,
    "near_repeats": 1_000_000,
}
"""Settings under which nobody is too fast: what is tested is something else."""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """A newsroom for a whole module; a test uses a story of its own."""
    with newsroom(tmp_path_factory.mktemp("room"), **UNHURRIED) as opened:
        yield opened


# The same words again and again are a finding of their own, so each test's courtesy is a little different.
_COURTESIES = (
    f"Thank you for this careful article. I learned a lot about the history of the {place} from {source}."
    for source in itertools.cycle(("the maps", "the letters", "the interview", "the numbers"))
    for place in (
        "valley",
        "river",
        "old town",
        "harbour",
        "railway",
        "library",
        "orchards",
        "market",
        "bridge",
        "school",
    )
)


def courteous() -> str:
    """A courteous English comment that was not sent before."""
    return next(_COURTESIES)


@dataclass
class Reader:
    """A reader's program and the newsroom's, at one door."""

    room: Newsroom
    client: httpx.Client
    token: str
    story: str
    receipts: dict[str, str] = field(default_factory=dict)

    @property
    def staff(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def post(self, **changed: object) -> httpx.Response:
        """Send a comment by the API; a field that is changed to None is left out."""
        body = {"story": {"url": self.story}, "name": "Nada", "text": "Thank you for this report."} | changed
        return self.client.post(
            "/api/v1/comments", json={key: value for key, value in body.items() if value is not None}
        )

    def fill_in(self, **changed: str) -> httpx.Response:
        """Send the form as a browser without JavaScript does."""
        fields = {
            "story": self.story,
            "name": "Nada",
            "text": "Thank you for this report.",
            "parent": "",
            "lang": "en",
            "website": "",
        }
        return self.client.post("/comments", data=fields | changed, headers={"origin": self.room.url})

    def decide(self, id: str, verdict: str = "approve", **more: object) -> httpx.Response:
        return self.client.post(
            f"/api/v1/comments/{id}/decisions", json={"verdict": verdict, **more}, headers=self.staff
        )

    def approved(self, text: str = "Thank you for this report.", **more: object) -> str:
        """A comment that readers see; its id."""
        sent = self.post(text=text, **more)
        assert sent.status_code == 201, sent.text
        id = sent.json()["id"]
        self.receipts[id] = sent.json()["receipt"]
        if sent.json()["status"] != "approved":
            assert self.decide(id).status_code == 201
        return str(id)

    def rejected(self, text: str = "You are an idiot.", *, rule: str = "personal-attacks") -> dict[str, str]:
        """A comment that is not published; the API's answer, with its receipt."""
        sent = self.post(text=text)
        assert sent.status_code == 201, sent.text
        if sent.json()["status"] != "rejected":
            assert self.decide(sent.json()["id"], "reject", rules=[rule]).status_code == 201
        return dict(sent.json())

    def held(self, text: str = "A text that a person has to read.") -> str:
        """A comment that waits for a person."""
        self.room.meydan.desk.register_story(self.story, mode="off", own=(self.room.url,))
        sent = self.post(text=text)
        assert sent.json()["status"] == "held", sent.text
        return str(sent.json()["id"])

    @staticmethod
    def until(condition: Callable[[], bool], *, within_s: float = 1.0) -> None:
        """Wait until a condition holds; fails when it does not come to hold in time."""
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, f"it took more than {within_s} s"
            time.sleep(0.01)

    def shown(self, **asked: object) -> list[dict[str, object]]:
        """What readers are given of the story, as JSON."""
        answer = self.client.get("/api/v1/comments", params={"story": self.story, "limit": 200, **asked})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["comments"])


@pytest.fixture
def reader(room: Newsroom, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """Somebody at the newsroom's door, with a story of the test's own."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:80]
    token = room.meydan.staff.add_token(name)
    with httpx.Client(base_url=room.url, timeout=60) as client:
        yield Reader(room, client, token, f"{room.url}/stories/{name}")
    room.meydan.staff.revoke_token(name)


@dataclass
class Server:
    """`meydan serve` in a process of its own, on granian, and the command line beside it."""

    served: Served
    url: str
    token: str

    def meydan(self, *arguments: str) -> str:
        """Run `meydan …` on the same data folder; what it printed."""
        return _meydan(self.served.data, *arguments)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One real server for every test that needs one."""
    data = tmp_path_factory.mktemp("server")
    # Nothing listens there: letters wait, and the doors offer what needs mail.
    served = Served(data, mail_server="smtp://127.0.0.1:9", mail_from="comments@news.example", **UNHURRIED)
    served.start()
    token = json.loads(_meydan(data, "tokens", "add", "tests", "--json"))["token"]
    yield Server(served, served.url, token)
    served.stop()


def _meydan(data: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MEYDAN_")}
    done = warm.meydan(*arguments, environment=environment | {"MEYDAN_DATA": str(data)}, timeout_s=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()
