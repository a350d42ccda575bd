"""Notices: what happens is told to who asked for it, signed, at least once, without readers' words; what cannot be told waits for a person."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from standardwebhooks import WebhookVerificationError
from typer.testing import CliRunner

from meydan.cli.main import app
from meydan.errors import AlreadyExists, Malformed, WebhookRefused
from meydan.notices import ATTEMPTS, EVENTS, HELD_FOR, TO_CHANNELS, TOO_LATE, WAITS, Notices, Thresholds
from meydan.outgoing import Outgoing
from meydan.post.webhooks import REST, Webhooks
from meydan.store import Store
from tests.faults.receivers import HANG, Script, receiver
from tests.post.hooks import Hook, hook
from tests.serving import Served
from tests.store.making import (
    APPROVE,
    EVIDENCE,
    HOLD,
    REJECT,
    decide,
    receive,
    report,
)
from tests.web.conftest import UNHURRIED

OWN = "https://comments.example"
WORDS = "Xanî çêkirin, 12 nebûn!"
NAME, EMAIL = "Dilşad", "dilsad@reader.example"


class Office:
    """A store, its notices, a clock that the test moves, and a way out to this machine alone."""

    def __init__(self, store: Store, **given: Any) -> None:
        self.store = store
        self.now = datetime.now(UTC).replace(second=5, microsecond=0)
        settings: dict[str, Any] = {
            "secret": b"s" * 32,
            "out": Outgoing(("127.0.0.0/8",), timeout_s=0.5, deadline_s=0.5, reads=False),
        }
        self.notices = Notices(
            store,
            clock=lambda: self.now,
            entropy=secrets.token_bytes,
            own_url=OWN,
            publication=lambda: "The <Square>",
            thresholds=Thresholds(waiting=3, oldest=timedelta(hours=2), quiet=timedelta(hours=1)),
            **{**settings, **given},
        )
        self.webhooks = Webhooks(self.notices)

    def add(self, name: str, url: str, events: Sequence[str] = (), **more: Any) -> str:
        return self.notices.add(name, url, by="operator", events=events, **more)[1] or ""

    def receive(self, **more: Any) -> str:
        # An id as the desk makes them: letters and digits.
        given = {"id": secrets.token_hex(12), "name": NAME, "email": EMAIL, "submitted_at": self.now}
        return receive(self.store, WORDS, **{**given, **more})

    def decide(self, id: str, decision: Any = APPROVE, **more: Any) -> None:
        decide(self.store, id, decision, at=self.now, **more)

    def jobs(self) -> int:
        return sum(one.waiting for one in self.notices.standings())

    def dead(self) -> list[str]:
        return [dead.error for dead in self.store.outbox.dead()]


@pytest.fixture
def office(store_here: Store) -> Office:
    return Office(store_here)


@pytest.fixture
def store_here(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(f"sqlite:///{tmp_path / 'meydan.db'}")
    yield store
    store.close()


@pytest.fixture
def there() -> Iterator[Hook]:
    with hook() as opened:
        yield opened


def everything(office: Office) -> dict[str, str]:
    """Let everything happen that can be told, and return the comments that it happened to."""
    held, shown, refused, gone, danger, *_ = (office.receive() for _ in range(8))
    office.store.hold(held, HOLD, evidence=EVIDENCE, at=office.now)
    office.decide(shown)
    office.decide(refused, REJECT)
    office.store.appeal(refused, words=WORDS, at=office.now)
    office.now += timedelta(seconds=1)
    office.decide(refused, replace(APPROVE, decided_by=REJECT.decided_by, by="Mem"))
    report(office.store, shown, words=WORDS, at=office.now)
    office.decide(gone)
    office.store.withdraw(gone, leaf=b"withdrawn", at=office.now)
    office.store.escalate(danger, kind="life", told="", by="Zîn", at=office.now)
    office.store.withdraw_machine("en", "abuse", "sha256:3", wrong=4, audits=20, at=office.now)
    office.notices.look()
    return {"held": held, "shown": shown, "refused": refused, "gone": gone, "danger": danger}


def test_what_happens_is_told_and_receivers_can_prove_it(office: Office, there: Hook) -> None:
    """If anything of the list happens, then an endpoint that asked for all of it is told once, signed so that the library of Standard Webhooks takes it, and no reader's words, name or address go along."""
    secret = office.add("cms", there.url)
    happened = everything(office)
    # What waits for too long, and what died on its way.
    office.store.outbox.post("mail.verify", "x", {}, at=office.now, key="letter")
    (letter,) = office.store.outbox.lease(at=office.now, until=office.now + HELD_FOR, limit=5)
    office.store.outbox.bury(letter, error="answered-550", at=office.now)
    office.notices.look()
    with structlog.testing.capture_logs() as logged:
        office.webhooks.carry_out()
        office.webhooks.carry_out()
    office.store.erase(happened["gone"], leaf=b"erased", at=office.now)
    office.webhooks.carry_out()

    told = there.verified(secret)
    assert {one["type"] for one in told} == set(EVENTS)
    assert len(set(there.ids)) == len(told) == len(EVENTS) + 2
    assert all("." not in id for id in there.ids)
    everywhere = b"".join(there.bodies).decode() + repr(there.headers) + repr(logged)
    assert not any(words in everywhere for words in (WORDS, json.dumps(WORDS), NAME, EMAIL, "Zîn", "Mem"))
    by_type = {one["type"]: one["data"] for one in told}
    superseded = by_type["decision.superseded"]
    assert (superseded["comment"], superseded["story"]) == (
        happened["refused"],
        "https://news.example/story",
    )
    assert superseded["superseded"]["rules"] == ["abuse", "profanity"]
    assert (superseded["superseded"]["verdict"], superseded["decision"]["verdict"]) == ("reject", "approve")
    assert by_type["comment.held"]["holds"] == ["uncertain", "name"]
    assert by_type["comment.escalated"] == {
        "comment": happened["danger"],
        "desk": f"{OWN}/desk/escalated/{happened['danger']}",
    }
    assert by_type["machine.withdrawn"]["audits"] == 20
    assert by_type["letters.dead"]["dead"] == 1
    assert office.jobs() == 0


def test_a_secret_of_another_proves_nothing(office: Office, there: Hook) -> None:
    """If a body is changed on its way, or checked with another secret, then the receiver's library refuses it."""
    secret = office.add("cms", there.url)
    office.decide(office.receive())
    office.webhooks.carry_out()
    with pytest.raises(WebhookVerificationError):
        there.verified("whsec_" + "A" * 43 + "=")
    there.bodies[0] = there.bodies[0].replace(b"approve", b"rejectx")
    with pytest.raises(WebhookVerificationError):
        there.verified(secret)


def test_a_new_secret_signs_beside_the_one_before(office: Office, there: Hook) -> None:
    """If a secret is changed, then both sign until the one before is over, and then the new one alone; a receiver misses nothing."""
    first = office.add("cms", there.url)
    second = office.notices.rotate("cms", by="operator", kept=timedelta(hours=1))
    office.decide(office.receive())
    office.webhooks.carry_out()
    assert len(there.verified(first)) == len(there.verified(second)) == 1
    office.now += timedelta(hours=2)
    third = office.notices.rotate("cms", by="operator", kept=timedelta(0))
    signed = there.headers[0]["webhook-signature"].split()
    assert len(signed) == 2
    office.now -= timedelta(hours=2)
    there.bodies.clear()
    there.headers.clear()
    office.decide(office.receive())
    office.webhooks.carry_out()
    assert len(there.verified(third)) == 1
    with pytest.raises(WebhookVerificationError):
        there.verified(first)
    assert office.notices.where(office.notices.named("cms")).secrets == (third,)


def test_another_server_secret_opens_what_the_former_sealed(
    office: Office, store_here: Store, there: Hook
) -> None:
    """If the server's secret is changed, then endpoints sealed with the former one are told as before, and sealed anew; without the former one each says so, and nothing is sent."""
    signs = office.add("cms", there.url)
    office.decide(office.receive())
    stranger = Office(store_here, secret=b"t" * 32)
    stranger.webhooks.carry_out()
    assert there.bodies == []
    assert stranger.jobs() == 1
    after = Office(store_here, secret=b"t" * 32, former=b"s" * 32)
    after.now = office.now + timedelta(minutes=1)
    after.webhooks.carry_out()
    assert len(there.verified(signs)) == 1
    alone = Office(store_here, secret=b"t" * 32)
    assert alone.notices.where(alone.notices.named("cms")).secrets == (signs,)


def test_nothing_secret_is_kept_as_it_is(office: Office, there: Hook, store_here: Store) -> None:
    """If the database is read by somebody, then no secret of an endpoint and no path of a channel's address is in it; once it is removed, nothing of either is."""
    secret = office.add("cms", there.url)
    office.add("channel", f"{there.url}/T0/B0/as-good-as-a-password", form="slack")
    rows = store_here._database.all("SELECT sealed FROM endpoint") + store_here._database.all(
        "SELECT detail FROM journal"
    )
    kept = repr((rows, office.notices.endpoints(), office.notices.where(office.notices.named("cms"))))
    assert secret not in kept
    assert "as-good-as" not in kept
    office.notices.remove("cms", by="operator")
    assert store_here._database.all("SELECT sealed FROM endpoint WHERE name = 'cms'") == [("",)]


def test_nobody_is_told_where_nobody_asked(office: Office, there: Hook) -> None:
    """If there is no endpoint, or none that asked for what happens, then nothing is kept to be told."""
    everything(office)
    assert office.store._database.all("SELECT count(*) FROM outbox") == [(0,)]
    office.add("cms", there.url, ["comment.withdrawn"])
    office.decide(office.receive())
    assert office.jobs() == 0


def test_what_is_undone_was_never_told(office: Office, there: Hook) -> None:
    """If a decision is refused, then nothing is told of it."""
    office.add("cms", there.url)
    id = office.receive()
    with pytest.raises(Exception, match="came first"):
        office.decide(id, expected_seq=7)
    assert office.jobs() == 0


def test_words_are_given_only_where_asked_for_and_shown(office: Office, there: Hook) -> None:
    """If an endpoint is given words, then those of comments that readers see at that moment, exactly, and of no other."""
    office.add("mirror", there.url, ["comment.approved", "comment.rejected"], words=True)
    shown, refused, withdrawn = (office.receive() for _ in range(3))
    office.decide(shown)
    office.decide(refused, REJECT)
    office.decide(withdrawn)
    office.store.withdraw(withdrawn, leaf=b"withdrawn", at=office.now)
    office.webhooks.carry_out()
    given = {one["data"]["comment"]: one["data"].get("words") for one in there.told}
    assert given == {shown: {"name": NAME, "text": WORDS}, refused: None, withdrawn: None}


def test_a_worker_that_falls_tells_the_same_again(
    office: Office, there: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a worker is gone between sending and finishing, then it is sent again under the same id, and not lost."""
    office.add("cms", there.url)
    office.decide(office.receive())

    def falls(_: object) -> bool:
        raise SystemExit

    with monkeypatch.context() as broken:
        broken.setattr(office.notices, "finish", falls)
        with pytest.raises(SystemExit):
            office.webhooks.carry_out()
    office.now += HELD_FOR
    office.webhooks.carry_out()
    assert len(there.bodies) == 2
    assert len(set(there.ids)) == 1
    assert there.bodies[0] == there.bodies[1]
    assert office.jobs() == 0


def test_the_schedule_is_the_recommended_one(office: Office, there: Hook) -> None:
    """If a receiver fails each time, then it is asked again as Standard Webhooks recommends, ten times over about three days, and then a person has to look; who tries again is heard."""
    secret = office.add("cms", there.url)
    office.decide(office.receive())
    there.answers = [(500, {})] * ATTEMPTS
    begun, tried = office.now, []
    office.webhooks.carry_out()
    for wait in WAITS:
        tried.append(office.now - begun)
        office.now += wait * 0.89
        office.webhooks.carry_out()
        assert len(there.bodies) == len(tried), wait
        office.now += wait * 0.11
        office.webhooks.carry_out()
    assert len(there.bodies) == ATTEMPTS == 10
    assert office.dead() == ["answered-500"]
    assert timedelta(days=3) < office.now - begun < TOO_LATE
    (standing,) = office.notices.standings()
    assert (standing.waiting, standing.dead) == (0, 1)
    assert office.notices.try_all_again(standing.endpoint.number, by="Zîn") == 1
    office.webhooks.carry_out()
    assert len(set(there.ids)) == 1
    assert office.jobs() == 0
    assert office.dead() == []
    there.bodies, there.headers = there.bodies[:1], there.headers[:1]
    assert len(there.verified(secret)) == 1


def test_who_asks_for_time_is_given_it(office: Office, there: Hook) -> None:
    """If a receiver is overloaded and says for how long, in seconds or as a date, then nothing is sent to it until then, and what was not tried counts for nothing."""
    for name in ("a", "b"):
        until = (office.now + timedelta(minutes=20)).strftime("%a, %d %b %Y %H:%M:%S GMT")
        asked = "1200" if name == "a" else until
        office.add(name, there.url, ["comment.approved"])
        for _ in range(3):
            office.decide(office.receive())
        there.answers = [(429, {"Retry-After": asked})]
        office.webhooks.carry_out()
        assert len(there.bodies) == 1
        office.now += timedelta(minutes=19)
        office.webhooks.carry_out()
        assert len(there.bodies) == 1
        office.now += timedelta(minutes=2)
        office.webhooks.carry_out()
        assert len(there.bodies) == 4
        attempts = office.store._database.all("SELECT max(attempts), min(attempts) FROM outbox")
        assert attempts == [(2, 1)]
        office.notices.remove(name, by="operator")
        there.bodies.clear()


def test_who_says_it_is_gone_is_told_nothing_more(office: Office, there: Hook) -> None:
    """If a receiver answers 410, then its endpoint ends, what waited for it is gone with its secrets, the desk says so, and its name is free."""
    office.add("cms", there.url)
    for _ in range(3):
        office.decide(office.receive())
    there.answers = [(410, {})]
    office.webhooks.carry_out()
    office.decide(office.receive())
    office.webhooks.carry_out()
    assert len(there.bodies) == 1
    (standing,) = office.notices.standings()
    assert (standing.endpoint.ended_why, standing.endpoint.sealed, standing.waiting) == ("gone", "", 0)
    office.add("cms", there.url)
    with pytest.raises(AlreadyExists):
        office.add("cms", there.url)


def test_a_redirect_is_not_followed(office: Office, there: Hook) -> None:
    """If a receiver sends elsewhere, then nobody goes there, and it counts as not taken."""
    with hook() as elsewhere:
        office.add("cms", there.url)
        office.decide(office.receive())
        there.answers = [(307, {"Location": elsewhere.url})]
        office.webhooks.carry_out()
        assert elsewhere.bodies == []
        assert office.jobs() == 1
        assert office.store._database.all("SELECT error FROM outbox") == [("answered-307",)]


def test_an_answer_without_end_is_not_read(office: Office) -> None:
    """If a receiver takes a notice and then talks without end, then it has taken it, and nobody listens."""
    talks = Script("talks", "", b"", {"": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000}, otherwise=b"")
    with receiver(talks) as (port, _):
        office.add("cms", f"http://127.0.0.1:{port}/hook")
        office.decide(office.receive())
        begun = time.monotonic()
        office.webhooks.carry_out()
        # Who listened to the end would wait for the time-out.
        assert time.monotonic() - begun < 5
        assert office.jobs() == 0


INSIDE = [
    "http://127.0.0.1:9/hook",
    "https://127.0.0.1/hook",
    "https://[::1]/hook",
    "https://169.254.169.254/latest/meta-data",
    "https://10.0.0.7/hook",
    "https://0x7f.1/hook",
    "https://localhost:8443/hook",
    "https://user:password@news.example/hook",
    "ftp://news.example/hook",
    "gopher://x",
    "https://",
    "no address",
]


def test_nothing_is_sent_into_the_house(store_here: Store) -> None:
    """If an address leads into this machine or network, or is none, then no endpoint is added there, and the error says why without repeating it."""
    shut = Office(store_here, out=Outgoing((), reads=False))
    for url in INSIDE:
        with pytest.raises(WebhookRefused) as refused:
            shut.add("cms", url)
        assert "user:" not in str(refused.value), url
    assert shut.notices.endpoints() == []


def test_a_name_that_moves_into_the_house_is_not_followed(store_here: Store, there: Hook) -> None:
    """If a host's name leads elsewhere by the time that something is sent, then it is checked again, nothing is sent, and the notice waits."""
    leads = ["93.184.215.14"]
    office = Office(store_here, out=Outgoing((), resolve=lambda _host, _port: leads, reads=False))
    office.add("cms", "https://hook.example/x")
    leads[0] = "127.0.0.1"
    office.decide(office.receive())
    office.webhooks.carry_out()
    assert there.bodies == []
    assert office.jobs() == 1
    assert office.store._database.all("SELECT error FROM outbox") == [("not-let-out-network",)]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"events": ["comment.eaten"]}, "comment.eaten"),
    ({"form": "fax"}, "standard, slack"),
    ({"form": "slack", "events": ["comment.approved"]}, "a channel"),
    ({"form": "slack", "words": True}, "no readers' words"),
    ({"language": "tlh"}, "en, ar"),
]


def test_what_cannot_be_told_is_refused(office: Office, there: Hook) -> None:
    """If somebody asks for what is not told, or not so, then they hear what there is, and nothing is added."""
    for given, said in REFUSED:
        with pytest.raises(Malformed, match=said):
            office.add("cms", there.url, **given)
    assert office.notices.endpoints() == []


def test_an_endpoint_that_hangs_keeps_no_other_waiting(store_here: Store, there: Hook) -> None:
    """If one receiver takes connections and says nothing, then others are told meanwhile, and it rests before the next attempt."""
    office = Office(store_here, out=Outgoing(("127.0.0.0/8",), timeout_s=5, deadline_s=5, reads=False))
    ended = threading.Event()
    with receiver(Script("hangs", "", HANG)) as (port, _):
        office.add("hangs", f"http://127.0.0.1:{port}/hook")
        office.add("well", there.url)
        for _ in range(3):
            office.decide(office.receive())
        working = threading.Thread(target=office.webhooks.work, args=(ended,))
        working.start()
        deadline = time.monotonic() + 4.5
        while len(there.bodies) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(there.bodies) == 3
        ended.set()
    working.join(10)
    assert not working.is_alive()


def test_two_workers_share_the_work(office: Office, there: Hook) -> None:
    """If two nodes believe that they lead, then each notice is sent once."""
    office.add("cms", there.url)
    for _ in range(40):
        office.decide(office.receive())
    threads = [threading.Thread(target=office.webhooks.carry_out) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while office.webhooks.carry_out():
        pass
    assert len(there.ids) == len(set(there.ids)) == 40


def test_what_nobody_takes_is_given_up_after_days(office: Office, there: Hook) -> None:
    """If a receiver is away for so long that most notices were never tried, then they are dead after TOO_LATE, all the same, and can be tried again."""
    office.add("cms", there.url)
    for _ in range(3):
        office.decide(office.receive())
    office.now += TOO_LATE + timedelta(minutes=1)
    office.webhooks.carry_out()
    assert office.dead() == ["too-late"] * 3
    assert there.bodies == []
    (standing,) = office.notices.standings()
    office.notices.try_all_again(standing.endpoint.number, by="Zîn")
    office.webhooks.carry_out()
    assert len(there.bodies) == 3


def test_erasure_takes_along_what_was_to_be_told(office: Office, there: Hook) -> None:
    """If a comment is erased before its notices left, then only that it was erased is told."""
    office.add("cms", there.url)
    id = office.receive()
    office.decide(id)
    office.store.erase(id, leaf=b"erased", at=office.now)
    office.webhooks.carry_out()
    assert [one["type"] for one in there.told] == ["comment.erased"]


# -- channels ---------------------------------------------------------------------


def test_a_channel_is_told_in_a_sentence(office: Office, there: Hook) -> None:
    """If a channel is told, then as one JSON object with a text in its language, escaped, with where to look, unsigned and without readers' words."""
    office.add("channel", there.url, form="slack", language="tr")
    everything(office)
    office.now += REST
    office.webhooks.carry_out()
    assert {tuple(one) for one in there.told} == {("text",)}
    texts = [one["text"] for one in there.told]
    assert all(text.startswith("\u2068The &lt;Square&gt;\u2069: ") for text in texts)
    assert any(f"\n{OWN}/desk/escalated" in text and "1" in text for text in texts)
    assert any("abuse" in text and "4" in text for text in texts)
    everywhere = b"".join(there.bodies).decode()
    assert not any(words in everywhere for words in (json.dumps(WORDS), NAME, EMAIL))
    assert "webhook-signature" not in there.headers[0]


def test_what_comes_together_is_one_message(office: Office, there: Hook) -> None:
    """If much is escalated within a minute, then a channel hears of it once, with the number; what comes later, in the next."""
    office.add("channel", there.url, ["comment.escalated"], form="slack")
    for _ in range(7):
        office.store.escalate(office.receive(), kind="life", told="", by="Zîn", at=office.now)
    office.webhooks.carry_out()
    assert there.bodies == []
    office.now += timedelta(minutes=1)
    office.store.escalate(office.receive(), kind="life", told="", by="Zîn", at=office.now)
    office.webhooks.carry_out()
    office.now += timedelta(minutes=1)
    office.webhooks.carry_out()
    assert ["7" in one["text"] for one in there.told] == [True, False]


def test_what_waits_is_told_once_in_a_while(office: Office, there: Hook) -> None:
    """If much waits, or for long, then who asked is told, and not again within the hour, however often it is looked; and what died of telling that is told of no more."""
    office.add("channel", there.url, form="slack")
    ids = [office.receive() for _ in range(2)]
    office.notices.look()
    assert office.jobs() == 0
    ids.append(office.receive())
    for _ in range(3):
        office.notices.look()
        office.now += timedelta(minutes=15)
    office.webhooks.carry_out()
    assert len(there.bodies) == 1
    assert "3" in there.told[0]["text"]
    for id in ids[1:]:
        office.decide(id)
    office.now += timedelta(minutes=30)
    office.notices.look()
    assert office.jobs() == 0
    office.now += timedelta(hours=1)
    office.notices.look()
    office.webhooks.carry_out()
    assert len(there.bodies) == 2

    # It tells of what died; should that die too, nothing tells of it.
    office.store.outbox.post("mail.verify", "x", {}, at=office.now, key="letter")
    for _ in range(2):
        jobs = office.store.outbox.lease(at=office.now, until=office.now + HELD_FOR, limit=5)
        jobs += office.notices.lease(office.notices.named("channel"))
        for job in jobs:
            office.store.outbox.bury(job, error="answered-500", at=office.now)
        office.notices.look()
    assert [dead.kind for dead in office.store.outbox.dead()] == ["letters.dead", "mail.verify"]
    office.now += timedelta(minutes=61)
    office.notices.look()
    assert [
        one for one in office.notices.lease(office.notices.named("channel")) if one.kind == "letters.dead"
    ] == []


def test_channels_are_told_only_what_is_to_be_done() -> None:
    """If a channel could be told each comment, then it would be a log; so it is told only what asks for somebody."""
    assert set(TO_CHANNELS) < set(EVENTS)
    assert "comment.approved" not in TO_CHANNELS


def test_deciding_costs_one_statement(office: Office, database_statements: list[str]) -> None:
    """If nobody asked for anything, then a decision asks the database one question more for it, and writes nothing."""
    id = office.receive()
    database_statements.clear()
    office.decide(id)
    assert len([one for one in database_statements if "FROM endpoint" in one]) == 1


@pytest.fixture
def database_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    from meydan.store.hand import Hand

    asked: list[str] = []
    ask = Hand._ask

    def listening(self: Any, statement: str, parameters: Any) -> Any:
        asked.append(statement)
        return ask(self, statement, parameters)

    monkeypatch.setattr(Hand, "_ask", listening)
    return asked


def test_a_server_tells_what_happens(tmp_path: Path, there: Hook) -> None:
    """If `meydan serve` runs and a comment is sent and decided, then an endpoint that was added beside it hears of it within seconds, and the log holds no word of it."""
    served = Served(tmp_path, outgoing_networks="127.0.0.0/8", **UNHURRIED)
    served.start()
    try:
        asked = ["webhooks", "add", "cms", there.url, "--data", str(tmp_path), "--json"]
        environment = {"MEYDAN_OUTGOING_NETWORKS": "127.0.0.0/8"}
        added = CliRunner().invoke(app, asked, env=environment)
        assert added.exit_code == 0, added.output
        body = {"story": {"url": f"{served.url}/a"}, "name": NAME, "text": WORDS}
        sent = httpx.post(f"{served.url}/api/v1/comments", json=body, timeout=60).json()
        served.until(lambda: bool(there.bodies), timeout_s=60)
    finally:
        served.stop()
    (told,) = there.verified(json.loads(added.stdout)["secret"])
    assert told["data"]["comment"] == sent["id"]
    assert told["type"] == f"comment.{sent['status']}"
    assert WORDS not in served.log.read_text()
