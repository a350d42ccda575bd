"""The courier: what is posted arrives at least once, as the same message; what cannot arrive waits for a person."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from meydan.letters import ATTEMPTS, HELD_FOR, TOO_LATE_FOR_ALL, Job, Letters
from meydan.policy import load
from meydan.post.courier import Courier
from meydan.post.mail import Mailer
from meydan.settings import load_settings
from meydan.store import Store
from tests.post.server import Mailbox, Server, mail_server
from tests.ready import with_tables

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENDER = "comments@news.example"


class Office:
    """A store, its letters, a clock that the test moves, and couriers to a server."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOON
        guidelines = load()
        self.letters = Letters(
            store,
            clock=lambda: self.now,
            entropy=secrets.token_bytes,
            secret=b"s" * 32,
            guidelines=lambda: guidelines,
            own_url="https://comments.example",
            works=True,
        )

    def post(self, key: str, **told: object) -> None:
        body = {"to": f"{key}@reader.example", "language": "en", "link": "https://x.example", **told}
        self.store.outbox.post("mail.verify", key, body, at=self.now, key=key)

    def courier(self, url: str) -> Courier:
        mail = load_settings(environment={}, given={"mail_server": url, "mail_from": SENDER}).mail
        assert mail is not None
        return Courier(self.letters, Mailer(mail, SENDER, timeout_s=2))


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    store = Store.open(f"sqlite:///{with_tables(tmp_path / 'meydan.db')}")
    yield Office(store)
    store.close()


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(box: Mailbox) -> Iterator[Server]:
    with mail_server(box) as server:
        yield server


def test_what_is_posted_arrives_once(office: Office, box: Mailbox, server: Server) -> None:
    """If letters are due, then each arrives once, and nothing of the address is kept or logged."""
    for key in ("zin", "mem", "dilan"):
        office.post(key)
    courier = office.courier(server.url)
    with structlog.testing.capture_logs() as logged:
        assert courier.carry_out() == 3
        assert courier.carry_out() == 0
    assert sorted(box.recipients) == [[f"{key}@reader.example"] for key in ("dilan", "mem", "zin")]
    assert "reader.example" not in repr(logged)
    assert office.letters.standing().waiting == 0


def test_a_worker_that_falls_sends_the_same_again(
    office: Office, box: Mailbox, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a worker is gone between sending and finishing, then it is sent again, with the same Message-ID, and not lost."""
    office.post("zin")

    def falls(_: object) -> bool:
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(office.letters, "finish", falls)
        with pytest.raises(SystemExit):
            office.courier(server.url).carry_out()
    assert office.courier(server.url).carry_out() == 0
    office.now += HELD_FOR
    assert office.courier(server.url).carry_out() == 1
    assert len(box.messages) == 2
    assert len({message["message-id"] for message in box.messages}) == 1
    assert office.letters.standing().waiting == 0


def test_what_is_refused_for_now_is_tried_later(office: Office, box: Mailbox, server: Server) -> None:
    """If the server says "later", then the letter waits, longer each time, and arrives; the others are not kept waiting."""
    office.post("zin")
    office.post("mem")
    box.answers = ["451 later", "250 taken", "451 later", "250 taken"]
    courier = office.courier(server.url)
    courier.carry_out()
    assert box.recipients == [["mem@reader.example"]]
    assert courier.carry_out() == 0
    office.now += timedelta(minutes=1)
    courier.carry_out()
    office.now += timedelta(minutes=2)
    courier.carry_out()
    assert box.recipients == [["mem@reader.example"], ["zin@reader.example"]]


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda office, box: box.answers.append("550 nobody"), "answered-550"),
        (lambda office, box: setattr(office, "now", office.now + TOO_LATE_FOR_ALL * 2), "too-late"),
        (lambda office, box: office.post("bad", to="a@b.example\r\nBcc: c@d.example"), "not-an-address"),
    ],
)
def test_what_cannot_arrive_is_a_dead_letter(
    office: Office, box: Mailbox, server: Server, spoil: Callable[[Office, Mailbox], None], cause: str
) -> None:
    """If a letter is refused for good, too late or to no address, then it is dead at once, and says why in a word."""
    office.post("zin")
    spoil(office, box)
    office.courier(server.url).carry_out()
    assert [dead.error for dead in office.letters.dead()] == [cause]


def test_what_is_never_taken_dies_after_a_day(office: Office, box: Mailbox, server: Server) -> None:
    """If a letter is put off again and again, then it is a dead letter after about a day, and no sooner."""
    office.post("zin")
    box.answers = ["451 later"] * 50
    courier = office.courier(server.url)
    while not office.letters.dead():
        office.now += timedelta(minutes=20)
        courier.carry_out()
    assert timedelta(hours=12) < office.now - NOON < timedelta(days=2)
    assert office.letters.dead()[0].attempts == ATTEMPTS


def test_a_letter_with_an_unforeseen_fault_dies_alone(
    office: Office, box: Mailbox, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If one letter cannot be made for whatever reason, then only that one dies, and those behind it arrive."""
    for key in ("bad", "zin", "mem"):
        office.post(key)
    told_of = office.letters.told_of

    def breaks(job: Job) -> Mapping[str, Any] | None:
        if job.key == "bad":
            raise ZeroDivisionError("zin@reader.example")
        return told_of(job)

    monkeypatch.setattr(office.letters, "told_of", breaks)
    courier = office.courier(server.url)
    with structlog.testing.capture_logs() as logged:
        for _ in range(2):
            courier.carry_out()
    assert sorted(box.recipients) == [["mem@reader.example"], ["zin@reader.example"]]
    while not office.letters.dead():
        office.now += timedelta(hours=4)
        courier.carry_out()
    assert [(dead.kind, dead.error) for dead in office.letters.dead()] == [
        ("mail.verify", "ZeroDivisionError")
    ]
    assert "reader.example" not in repr(logged)


def test_an_absent_server_costs_no_letter_an_attempt(office: Office, box: Mailbox) -> None:
    """If the server cannot be reached, however long, then nothing dies of it, and all arrives once it is back."""
    with mail_server(box) as server:
        url = server.url
    for key in ("zin", "mem"):
        office.post(key)
    courier = office.courier(url)
    for _ in range(ATTEMPTS * 2):
        assert courier.carry_out() == 0
        office.now += timedelta(minutes=2)
    assert office.letters.standing() == office.letters.standing().__class__(2, 2, 0)
    back = Server(box)
    back.port = int(url.rpartition(":")[2])
    back.start()
    try:
        assert courier.carry_out() == 2
    finally:
        back.stop()
    assert len(box.messages) == 2


def test_a_connection_lost_in_the_middle_loses_nothing(office: Office, box: Mailbox, server: Server) -> None:
    """If the server goes away in the middle of a batch, then the rest waits for the next, and every letter arrives."""
    for number in range(4):
        office.post(f"reader{number}")
    box.answers = ["250 taken", "disconnect"]
    courier = office.courier(server.url)
    for _ in range(4):
        courier.carry_out()
        office.now += timedelta(minutes=2)
    assert sorted(box.recipients) == [[f"reader{number}@reader.example"] for number in range(4)]


def test_two_couriers_share_the_work(office: Office, box: Mailbox, server: Server) -> None:
    """If two couriers work at once, then every letter arrives exactly once."""
    for number in range(50):
        office.post(f"reader{number}")
    ended = threading.Event()
    threads = [threading.Thread(target=office.courier(server.url).work, args=(ended,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    while office.letters.standing().waiting:
        ended.wait(0.02)
    ended.set()
    for thread in threads:
        thread.join()
    assert len(box.messages) == len({to[0] for to in box.recipients}) == 50
