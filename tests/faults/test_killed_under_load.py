"""A real server, killed at random moments while readers send."""

from __future__ import annotations

import random
import threading
from collections import Counter
from pathlib import Path

import httpx

from meydan.settings import Settings
from meydan.wiring import build
from tests.serving import Served

SUBMISSIONS = 2000
SENDERS = 8
KILLS = 5
STORY = "http://localhost/story"
TEXTS = [
    "Thank you for the careful reporting, I learned a lot from this.",
    "You are a complete idiot and everybody knows it.",
    "Bu haber çok iyi yazılmış, elinize sağlık.",
    "The minister should answer these questions in parliament.",
]


def test_a_server_killed_at_random_loses_nothing_it_answered(tmp_path: Path) -> None:
    """If the server is killed while 2,000 comments are sent, then each one answered 201 is there, settled at most once."""
    seed = 20261123
    chance = random.Random(seed)
    todo = list(range(SUBMISSIONS))
    answered: dict[str, tuple[str, str]] = {}
    lock = threading.Lock()
    served = Served(tmp_path, submissions_per_minute=1_000_000, submission_burst=1_000_000)
    served.start()

    def send() -> None:
        with httpx.Client(timeout=10) as client:
            while True:
                with lock:
                    if not todo:
                        return
                    number = todo.pop()
                text = f"{TEXTS[number % len(TEXTS)]} ({number})"
                try:
                    answer = client.post(
                        f"{served.url}/api/v1/comments",
                        json={"story": {"url": STORY}, "name": "Reader", "text": text},
                    )
                except httpx.HTTPError:
                    with lock:
                        todo.append(number)
                    served.alive.wait(timeout=60)
                    continue
                assert answer.status_code == 201, answer.text
                with lock:
                    answered[answer.json()["id"]] = (text, answer.json()["status"])

    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for kill in range(1, KILLS + 1):
        mark = SUBMISSIONS * kill // (KILLS + 1) + chance.randrange(40)
        while len(answered) < mark and any(sender.is_alive() for sender in senders):
            threading.Event().wait(0.005 * chance.random())
        served.kill()
        served.start()
    for sender in senders:
        sender.join(timeout=300)
    served.stop()

    assert len(answered) >= SUBMISSIONS, f"seed {seed}"
    meydan = build(Settings(data=tmp_path))
    try:
        meydan.recover()
        numbered = meydan.store.leaves(0, 10 * SUBMISSIONS)
        assert [number for number, _ in numbered] == list(range(len(numbered)))
        for id, (text, status) in answered.items():
            comment = meydan.store.comment(id)
            assert comment is not None, f"seed {seed}: a comment that was answered 201 is gone"
            assert comment.text == text
            assert comment.judged_at is not None or comment.seq == 1
            assert status in ("held", comment.status.value)
            assert len(meydan.store.decisions(id)) == comment.seq <= 1
        kinds = Counter(b'"kind":"decision"' in body for _, body in numbered)
        everyone = meydan.desk.counts([STORY])[STORY]
        rejected = kinds[True] - everyone
        assert rejected > 0
        assert everyone > 0
    finally:
        meydan.close()
