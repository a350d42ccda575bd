"""Three real servers on one PostgreSQL under load, and the one that leads is killed."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from meydan.settings import Settings
from meydan.wiring import build
from tests.postgresql import PostgreSQL
from tests.serving import Served
from tests.store.making import around
from tests.web.conftest import UNHURRIED

NODES = 3
SUBMISSIONS = 180
SENDERS = 6
STORY = "http://localhost/three-nodes"
DECIDED = "http://localhost/decided-by-people"
SHARED = {"secret": "the one secret of these three nodes, which is long enough"}
TEXTS = [
    "Thank you for the careful reporting, I learned a lot from this.",
    "You are a complete idiot and everybody knows it.",
    "Bu haber çok iyi yazılmış, elinize sağlık.",
    "The minister should answer these questions in parliament.",
]


def until(condition: Callable[[], bool], *, within_s: float = 60) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.02)


@pytest.fixture
def database(postgresql: PostgreSQL) -> Iterator[str]:
    url = postgresql.new_database()
    yield url
    postgresql.drop(url)


def send(node: Served, key: str, text: str, story: str) -> httpx.Response:
    body = {"story": {"url": story}, "name": "Reader", "text": text}
    headers = {"idempotency-key": key}
    return httpx.post(f"{node.url}/api/v1/comments", json=body, headers=headers, timeout=60)


def shown(node: Served, story: str) -> set[str]:
    found: set[str] = set()
    after: str | None = None
    while True:
        asked = {"story": story, "limit": "200"} | ({} if after is None else {"after": after})
        answer = httpx.get(f"{node.url}/api/v1/comments", params=asked, timeout=60).json()
        found |= {comment["id"] for comment in answer["comments"]}
        after = answer["next"]
        if after is None:
            return found


def test_one_of_three_nodes_is_killed(database: str, tmp_path: Path) -> None:
    """If the node that leads is killed under load, then what was answered 201 is there once, is shown on both others as it is approved, and another leads."""
    settings = UNHURRIED | SHARED | {"sweep_seconds": 1}
    nodes = [Served(tmp_path / f"node-{number}", database=database, **settings) for number in range(NODES)]
    for node in nodes:
        node.data.mkdir()
    with ThreadPoolExecutor(NODES) as starting:
        list(starting.map(lambda node: node.start(timeout_s=300), nodes))
    looking = build(Settings(data=tmp_path / "looking", database=database, secret=SHARED["secret"]))
    try:
        token = looking.staff.add_token("tests")
        looking.desk.register_story(DECIDED, mode="off")
        leaders = [node for node in nodes if '"leading"' in node.log.read_text()]
        assert len(leaders) == 1
        fallen, others = leaders[0], [node for node in nodes if node is not leaders[0]]

        todo = list(range(SUBMISSIONS))
        answered: dict[str, str] = {}
        lock = threading.Lock()

        def sending(first: int) -> None:
            for node in itertools.cycle([*nodes[first:], *nodes[:first]]):
                with lock:
                    if not todo:
                        return
                    number = todo.pop()
                try:
                    text = f"{TEXTS[number % len(TEXTS)]} ({number})"
                    answer = send(node, f"sending-{number}", text, STORY)
                except httpx.HTTPError:
                    # As the component does: who does not know whether it was kept sends the same again, to whoever answers.
                    with lock:
                        todo.append(number)
                    continue
                assert answer.status_code == 201, answer.text
                with lock:
                    answered[answer.json()["id"]] = text

        def approve(by: Served, number: int) -> None:
            """Send and approve at one node; every other that stands shows it."""
            id = send(by, f"approved-{number}", f"Decided by people ({number}).", DECIDED).json()["id"]
            decided = httpx.post(
                f"{by.url}/api/v1/comments/{id}/decisions", json={"verdict": "approve"},
                headers={"authorization": f"Bearer {token}"}, timeout=60,
            )  # fmt: skip
            assert decided.status_code == 201, decided.text
            for node in nodes:
                if node.alive.is_set():
                    until(lambda node=node: id in shown(node, DECIDED))

        with ThreadPoolExecutor(SENDERS) as senders:
            under_way = [senders.submit(sending, number % NODES) for number in range(SENDERS)]
            approve(fallen, 0)
            until(lambda: len(answered) > SUBMISSIONS // 3, within_s=240)
            fallen.kill()
            for number in (1, 2):
                approve(others[number % 2], number)
            for one in under_way:
                one.result()

        assert len(answered) == SUBMISSIONS
        assert any('"leading"' in node.log.read_text() for node in others)
        # What the killed node had received and not judged is judged by whoever leads now.
        until(lambda: all(is_judged(looking.store.comment(id)) for id in answered))
        with around(database) as connection:
            kept = connection.execute("SELECT count(*), count(DISTINCT id) FROM comment").fetchone()
        assert kept == (SUBMISSIONS + 3, SUBMISSIONS + 3), "a comment is lost, or was kept twice"
        approved = set()
        for id, text in answered.items():
            comment = looking.store.comment(id)
            assert comment is not None
            assert comment.text == text
            assert len(looking.store.decisions(id)) == comment.seq <= 1
            if comment.status.value == "approved":
                approved.add(id)
        assert approved
        for node in others:
            until(lambda node=node: shown(node, STORY) == approved)
        numbers = [number for number, _ in looking.store.leaves(0, 10 * SUBMISSIONS)]
        assert numbers == list(range(len(numbers)))
    finally:
        looking.close()
        for node in nodes:
            if node.alive.is_set():
                node.stop()


def is_judged(comment: object) -> bool:
    return getattr(comment, "judged_at", None) is not None or getattr(comment, "seq", 0) == 1
