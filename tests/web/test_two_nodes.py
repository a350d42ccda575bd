"""Two nodes on one PostgreSQL behind a balancer that remembers nobody: every request goes to the other one."""

from __future__ import annotations

import contextlib
import itertools
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from meydan import wiring
from meydan.cli.working import work_until
from meydan.comment import Submission, Verdict
from meydan.desk import Visitor
from meydan.errors import BadSecret
from meydan.settings import Settings
from meydan.store import hearing
from meydan.wiring import build
from tests.newsroom import COURTEOUS, Newsroom, newsroom
from tests.postgresql import PostgreSQL
from tests.test_proof import solved
from tests.web.conftest import UNHURRIED

PUBLIC = "https://comments.example"
SHARED = {
    "secret": "one secret for all of the nodes of this newsroom",
    "ledger_key": ("5a" * 32,),
    "public_url": PUBLIC,
    **UNHURRIED,
}


@pytest.fixture(scope="module")
def database(postgresql: PostgreSQL) -> Iterator[str]:
    url = postgresql.new_database()
    yield url
    postgresql.drop(url)


@pytest.fixture(scope="module")
def rooms(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Newsroom]]:
    """Both nodes, as readers know them by one address."""
    with contextlib.ExitStack() as held:
        given = {**SHARED, "database": database, "submissions_per_minute": 1, "submission_burst": 14}
        yield [
            held.enter_context(newsroom(tmp_path_factory.mktemp(name), **given)) for name in ("one", "other")
        ]


STORY = f"{PUBLIC}/stories/two-nodes"


class Balanced:
    """A browser in front of a balancer that gives each request to the next node."""

    def __init__(self, rooms: list[Newsroom], address: str) -> None:
        self._turn = itertools.cycle(rooms)
        self._jar = httpx.Cookies()
        self._headers = {"origin": PUBLIC, "x-forwarded-for": address}

    @property
    def cookie(self) -> str:
        return "; ".join(f"{one.name}={one.value}" for one in self._jar.jar)

    def request(self, method: str, path: str, **given: object) -> httpx.Response:
        room = next(self._turn)
        headers = self._headers | dict(given.pop("headers", {}))  # type: ignore[call-overload]
        if self.cookie:
            headers["cookie"] = self.cookie
        answer = httpx.request(method, f"{room.url}{path}", headers=headers, timeout=30, **given)  # type: ignore[arg-type]
        for said in answer.headers.get_list("set-cookie"):
            name, _, value = said.split(";")[0].partition("=")
            self._jar.set(name, value)
        return answer

    def get(self, path: str, **asked: str) -> httpx.Response:
        return self.request("GET", path, params=asked)

    def post(self, path: str, **given: object) -> httpx.Response:
        return self.request("POST", path, **given)


def until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds. How soon it does is measured by `python -m benchmarks nodes`."""
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)


def send(room: Newsroom, text: str, story: str) -> str:
    submission = Submission(story_url=story, name="Nada", text=text, parent=None)
    return room.meydan.desk.submit(submission, Visitor(address_key="0" * 32, own=(PUBLIC,))).id


def texts(room: Newsroom) -> list[str]:
    answer = httpx.get(f"{room.url}/api/v1/comments", params={"story": STORY})
    assert answer.status_code == 200, answer.text
    return [comment["text"] for comment in answer.json()["comments"]]


def test_a_reader_and_a_moderator_never_notice(rooms: list[Newsroom]) -> None:
    """If each request goes to another node, then a comment is sent once, decided, read, reported and withdrawn as on one."""
    one, _ = rooms
    reader, leyla, hiwa = (Balanced(rooms, f"192.0.2.{number}") for number in (1, 2, 3))
    one.meydan.desk.register_story(STORY, title="A story", mode="off", own=(PUBLIC,))
    body = {"story": {"url": STORY}, "name": "Nada", "text": COURTEOUS}
    key = {"idempotency-key": "3f0e6a52-6f0e-4a52-9a5e-7e2d34f0c1bb"}
    sent = [reader.post("/api/v1/comments", json=body, headers=key) for _ in range(3)]
    assert [answer.status_code for answer in sent] == [201, 201, 201], sent[0].text
    assert sent[0].json() == sent[1].json() == sent[2].json()
    id, receipt = sent[0].json()["id"], sent[0].json()["receipt"]
    for _ in rooms:
        standing = reader.post("/api/v1/receipts", json={"receipts": [receipt]}).json()["comments"]
        assert [standing[0]["id"], standing[0]["status"]] == [id, "held"]
    # The link was made on one node, is used on another, and its session counts on both.
    for moderator, name in ((leyla, "Leyla"), (hiwa, "Hiwa")):
        signed_in = moderator.post("/desk/sign-in", data={"link": one.link(name)})
        assert signed_in.status_code == 303, signed_in.text
        assert [moderator.get("/desk/decided").status_code for _ in rooms] == [200, 200]
    assert id in leyla.get("/desk").text
    for _ in rooms:
        assert "Looked at by <bdi>Leyla" in hiwa.get(f"/desk/comments/{id}").text.replace(
            "Also looked", "Looked"
        )
    found = re.search(r'name="csrf" value="([^"]+)"', leyla.get("/desk/decided").text)
    assert found is not None
    verdict = {"csrf": found[1], "seen": "0", "next": "", "verdict": "approve"}
    assert leyla.post(f"/desk/comments/{id}", data=verdict).status_code == 303
    for room in rooms:
        until(lambda room=room: texts(room) == [COURTEOUS])
    for _ in rooms:
        assert reader.post(f"/api/v1/comments/{id}/reports", json={"rule": "abuse"}).status_code == 201
    reports = one.item(id).reports
    assert reports is not None
    assert reports.open == 1
    gone = reader.post(f"/status/{id}/withdraw", data={"receipt": receipt, "lang": "en"})
    assert gone.status_code in (200, 303), gone.text
    for room in rooms:
        until(lambda room=room: texts(room) == [])
    kept = leyla.cookie
    assert leyla.post("/desk/sign-out", data={"csrf": found[1]}).status_code == 200
    for room in rooms:
        # Whoever kept the cookie is signed out all the same.
        assert httpx.get(f"{room.url}/desk/decided", headers={"cookie": kept}).status_code != 200


def test_a_flood_is_one_flood(rooms: list[Newsroom]) -> None:
    """If somebody sends to both nodes, then a proof is asked for by both, counts on either, once, and who goes on is refused by both."""
    fast = Balanced(rooms, "192.0.2.9")
    body = {"story": {"url": STORY}, "name": "Nada", "proof": ""}
    calm = [fast.post("/api/v1/comments", json=body | {"text": f"This is number {n}."}) for n in range(11)]
    assert {answer.status_code for answer in calm[:10]} == {201}
    needed = calm[10]
    assert needed.status_code == 428, needed.text
    proof = solved(needed.json()["challenge"])
    tried = [fast.post("/api/v1/comments", json=body | {"text": "Proved.", "proof": proof}) for _ in range(4)]
    assert [answer.status_code for answer in tried[:2]] == [201, 428]
    # Fourteen at once, however many nodes there are.
    more = [fast.post("/api/v1/comments", json=body | {"text": "Faster."}).status_code for _ in range(4)]
    assert {answer.status_code for answer in tried[2:]} | set(more) >= {429}
    assert (
        Balanced(rooms, "192.0.2.10").post("/api/v1/comments", json=body | {"text": "Calm."}).status_code
        == 201
    )


@pytest.mark.parametrize("deaf", ["closed", "unnoticed"])
def test_what_is_not_heard_is_seen_all_the_same(
    database: str, rooms: list[Newsroom], tmp_path: Path, deaf: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the connection that listens is lost, or is deaf and does not know it, then a comment comes to other nodes all the same."""
    if deaf == "unnoticed":
        monkeypatch.setattr(hearing, "LISTEN", "LISTEN nobody")
    with newsroom(tmp_path, database=database, **SHARED) as third:
        # Whatever the machine would say, a person decides here.
        rooms[0].meydan.desk.register_story(STORY, title="A story", mode="off", own=(PUBLIC,))
        ears = third.meydan.store._hearing[0]
        until(lambda: ears.hears)
        if deaf == "closed":
            ears.close()
        for number in range(3):
            # What is kept is answered from memory.
            before = texts(third)
            id = send(rooms[0], f"{COURTEOUS} ({deaf}, {number})", STORY)
            rooms[0].meydan.desk.review(id, Verdict.APPROVE, by="Leyla", seen=0)
            until(lambda before=before: len(texts(third)) == len(before) + 1)


def test_what_is_sent_here_is_judged_elsewhere(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a node leaves judging to workers, then its readers are answered at once, and a worker judges what they sent."""
    # However young it is: it was left.
    monkeypatch.setattr(wiring, "SWEEP_AGE_S", 1_000_000.0)
    given = {"database": database, **SHARED}
    with newsroom(tmp_path / "web", **given, judge="elsewhere") as room:
        id = send(room, COURTEOUS, f"{PUBLIC}/stories/judged-elsewhere")
        comment = room.item(id).comment
        assert (comment.status.value, comment.judged_at) == ("held", None)
        room.meydan.tend()
        assert room.item(id).comment.judged_at is None
        assert not room.meydan.leads()
        worker = build(Settings(data=tmp_path / "worker", **given), worker=True)
        ended = threading.Event()
        working = threading.Thread(target=work_until, args=(worker, ended))
        working.start()
        try:
            until(lambda: room.item(id).comment.judged_at is not None or room.item(id).comment.seq == 1)
        finally:
            ended.set()
            working.join(30)
            worker.close()


def test_a_node_with_another_secret_does_not_start(
    database: str, rooms: list[Newsroom], tmp_path: Path
) -> None:
    """If a node's secret is not the others', then it does not start: its readers' keys and links would be worth nothing there."""
    with pytest.raises(BadSecret):
        build(Settings(data=tmp_path, database=database))
