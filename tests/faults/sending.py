"""
Readers' programs that send while something breaks, and what has to be true when it is over.

    with sending(served.url, 600) as sent:   # each sends until it is answered 201, as the component does
        ...break something...                # and mend it: the block ends when all were answered
    check_kept(settings, sent)

Every sending has an idempotency key and is sent again, the same, until it was answered; so what is answered has to
be there once, however often it was sent.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx

from meydan.comment import Status
from meydan.settings import Settings
from meydan.wiring import build

SIZE = int(os.environ.get("MEYDAN_FAULTS_SIZE", "1"))
"""How many times as much is sent, broken and tried as in the gate; docs/reliability.md has the figures of larger runs."""

STORY = "http://localhost/story"
TEXTS = [
    "Thank you for the careful reporting, I learned a lot from this.",
    "You are a complete idiot and everybody knows it.",
    "Bu haber çok iyi yazılmış, elinize sağlık.",
    "The minister should answer these questions in parliament.",
]
REFUSALS = {"U201", "U203"}
"""What a sender may be refused with while something is broken: nothing was kept, and it is told when to come back."""

PATIENCE_S = 60.0
"""How long a sender listens; longer than anything here may take, so that who reaches it was kept waiting."""


@dataclass
class Sent:
    """What the senders were told: by comment its text and how it stood, and how the others were answered."""

    wanted: int
    answered: dict[str, tuple[str, str]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    broken_off: int = 0
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def reach(self, share: float) -> None:
        """Wait until this share of all was answered."""
        deadline = time.monotonic() + 120
        while len(self.answered) < self.wanted * share and not self.faults:
            assert time.monotonic() < deadline, f"{len(self.answered)} of {self.wanted} were answered"
            time.sleep(0.005)

    @property
    def told(self) -> dict[str, object]:
        """For a line of figures."""
        return {
            "answered": len(self.answered), "refused": dict(self.refused), "broken_off": self.broken_off,
            "slowest_s": round(self.slowest_s, 2), "per_second": round(len(self.answered) / max(self.seconds, 1e-9)),
        }  # fmt: skip


@contextlib.contextmanager
def sending(
    url: str,
    count: int,
    *,
    name: str = "",
    senders: int = 8,
    more: Callable[[int], dict[str, object]] = lambda number: {},
) -> Iterator[Sent]:
    """
    In the block, readers send `count` comments to a server; it ends when every one of them was answered 201.

    Args:
        name: tells these sendings from others of the test.
        more: what the nth sending holds besides.
    """
    sent = Sent(count)
    todo = list(range(count))
    ended = threading.Event()

    def send() -> None:
        with httpx.Client(timeout=PATIENCE_S) as client:
            while not ended.is_set():
                with sent.lock:
                    if not todo:
                        return
                    number = todo.pop()
                text = f"{TEXTS[number % len(TEXTS)]} ({name}{number})"
                began = time.monotonic()
                code = "broken off"
                try:
                    answer = client.post(
                        f"{url}/api/v1/comments",
                        json={"story": {"url": STORY}, "name": "Reader", "text": text} | more(number),
                        headers={"idempotency-key": f"sending-{name}{number}"},
                    )
                    code = "" if answer.status_code == 201 else answer.json()["code"]
                    if code in REFUSALS and "retry-after" not in answer.headers:
                        code += " without Retry-After"
                    if code and code not in REFUSALS:
                        sent.faults.append(f"{answer.status_code} {code}")
                except httpx.TimeoutException:
                    sent.faults.append(f"no answer within {PATIENCE_S} s")
                except httpx.HTTPError:
                    pass
                except Exception as error:  # noqa: BLE001  (whatever it was, it is not to pass in silence)
                    sent.faults.append(repr(error))
                with sent.lock:
                    sent.slowest_s = max(sent.slowest_s, time.monotonic() - began)
                    if not code:
                        sent.answered[answer.json()["id"]] = (text, answer.json()["status"])
                        continue
                    todo.append(number)
                    if code == "broken off":
                        sent.broken_off += 1
                    else:
                        sent.refused[code] += 1
                # Sooner than they were told: what is tested is not their patience.
                ended.wait(0.05)

    threads = [threading.Thread(target=send, daemon=True) for _ in range(senders)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    try:
        yield sent
        for thread in threads:
            thread.join(timeout=60)
    finally:
        ended.set()
        sent.seconds = time.monotonic() - began
    assert not sent.faults, Counter(sent.faults)
    assert len(sent.answered) == count, f"{len(sent.answered)} of {count} were answered"


def check_shown(settings: Settings) -> int:
    """What readers are shown now, before anything is mended, was approved, by one decision; returns how much it is."""
    meydan = build(settings)
    try:
        after, shown = None, 0
        while True:
            page = meydan.desk.page(STORY, limit=200, after=after)
            for comment in page.comments:
                assert comment.status is Status.APPROVED
                assert comment.judged_at is not None
                assert len(meydan.store.decisions(comment.id)) == 1
            shown += len(page.comments)
            after = page.next
            if after is None:
                return shown
    finally:
        meydan.close()


def check_kept(settings: Settings, *all_sent: Sent) -> None:
    """What was answered is there once, as it was sent; settled once at most; and the ledger has no gap."""
    meydan = build(settings)
    try:
        # The database may not have noticed yet that the killed server is gone: whatever it had in hand is nobody's here.
        meydan.store.free_all()
        meydan.desk.sweep(limit=100_000)
        numbered = meydan.store.leaves(0, 10_000_000)
        assert [number for number, _ in numbered] == list(range(len(numbered)))
        for sent in all_sent:
            for id, (text, status) in sent.answered.items():
                comment = meydan.store.comment(id)
                assert comment is not None, "a comment that was answered 201 is gone"
                assert comment.text == text
                assert comment.judged_at is not None or comment.seq == 1
                assert status in ("held", comment.status.value)
                assert len(meydan.store.decisions(id)) == comment.seq <= 1
        kept = sum(b'"kind":"receipt"' in body for _, body in numbered)
        assert kept == sum(len(sent.answered) for sent in all_sent), (
            "a sending that was repeated was kept twice"
        )
        decided = sum(b'"kind":"decision"' in body for _, body in numbered)
        shown = meydan.desk.counts([STORY])[STORY]
        assert 0 < shown < decided, "neither all nor nothing is approved"
    finally:
        meydan.close()
    assert check_shown(settings) == shown


def report(fault: str, **figures: object) -> None:
    """One line of figures, which `pytest -s` shows."""
    print(json.dumps({"fault": fault, "size": SIZE} | figures), flush=True)
