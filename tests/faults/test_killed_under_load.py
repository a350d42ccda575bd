"""A real server, killed at random moments while readers send and letters leave."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from meydan.comment import Status
from meydan.settings import Settings
from meydan.wiring import build
from tests.post.server import Mailbox, mail_server
from tests.serving import Served
from tests.web.conftest import UNHURRIED

SUBMISSIONS = 600
SENDERS = 8
KILLS = 3
FOLLOWING = 10
"""Every which submission asks to be told by e-mail."""

STORY = "http://localhost/story"
TEXTS = [
    "Thank you for the careful reporting, I learned a lot from this.",
    "You are a complete idiot and everybody knows it.",
    "Bu haber çok iyi yazılmış, elinize sağlık.",
    "The minister should answer these questions in parliament.",
]


def check_what_is_shown(data: Path) -> None:
    """Just after a kill, before anything is mended: readers are shown what was approved, and nothing else."""
    meydan = build(Settings(data=data))
    try:
        after = None
        while True:
            page = meydan.desk.page(STORY, limit=200, after=after)
            for comment in page.comments:
                assert comment.status is Status.APPROVED
                assert comment.judged_at is not None
                assert len(meydan.store.decisions(comment.id)) == 1
            after = page.next
            if after is None:
                return
    finally:
        meydan.close()


def following(number: int) -> dict[str, object]:
    if number % FOLLOWING:
        return {}
    return {"email": f"reader-{number}@reader.example", "follow": True}


@pytest.fixture
def mails() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as held:
        yield held


def test_a_server_killed_at_random_loses_nothing_it_answered(
    tmp_path: Path, mails: contextlib.ExitStack
) -> None:
    """If the server is killed while 2,000 comments are sent, then each one answered 201 is there once, settled at most once, never shown before, and no letter is lost."""
    seed = 20261123
    chance = random.Random(seed)
    todo = list(range(SUBMISSIONS))
    answered: dict[str, tuple[str, str]] = {}
    lock = threading.Lock()
    box = Mailbox()
    mail = mails.enter_context(mail_server(box))
    served = Served(tmp_path, mail_server=mail.url, mail_from="comments@square.example", **UNHURRIED)
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
                        json={"story": {"url": STORY}, "name": "Reader", "text": text} | following(number),
                        # As the component does: who does not know whether it was kept sends the same again.
                        headers={"idempotency-key": f"sending-{number}"},
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
        check_what_is_shown(tmp_path)
        served.start()
    for sender in senders:
        sender.join(timeout=300)
    served.stop()
    mails.close()
    named: dict[str, set[str]] = {}
    for (to,), message in zip(box.recipients, box.messages, strict=True):
        named.setdefault(to, set()).add(message["message-id"])
    assert all(len(ids) == 1 for ids in named.values()), "a letter that came twice was not the same one"

    assert len(answered) == SUBMISSIONS, f"seed {seed}"
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
        # A letter that its worker held when it was killed waits until it may be taken up again.
        later = datetime.now(UTC) + timedelta(hours=1)
        waiting = meydan.store.outbox.lease(at=later, until=later + timedelta(hours=1), limit=SUBMISSIONS)
        wanted = {f"reader-{number}@reader.example" for number in range(0, SUBMISSIONS, FOLLOWING)}
        told = [meydan.letters.told_of(job) for job in waiting if job.kind == "mail.confirm-follow"]
        left = {str(letter["to"]) for letter in told if letter is not None}
        assert set(named) | left == wanted, f"seed {seed}: a letter is lost"
        assert named, "no letter was sent at all"
        kept = sum(b'"kind":"receipt"' in body for _, body in numbered)
        assert kept == SUBMISSIONS, f"seed {seed}: a sending that was repeated was kept twice"
        kinds = Counter(b'"kind":"decision"' in body for _, body in numbered)
        everyone = meydan.desk.counts([STORY])[STORY]
        rejected = kinds[True] - everyone
        assert rejected > 0
        assert everyone > 0
    finally:
        meydan.close()
