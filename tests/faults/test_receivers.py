"""Receivers of what leaves the building that hang, refuse, redirect or drop: nothing else is delayed, and no letter is lost."""

from __future__ import annotations

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from meydan.letters import HELD_FOR
from meydan.outgoing import Outgoing
from meydan.post.courier import Courier
from meydan.post.mail import Mailer
from meydan.post.webhooks import Webhooks
from meydan.settings import Settings, load_settings
from meydan.store import Bounds, Store
from tests.faults.receivers import HTTP, MAIL, Script, receiver
from tests.faults.sending import SIZE, STORY, check_kept, report, sending
from tests.post.hooks import hook
from tests.post.server import Mailbox, mail_server
from tests.post.test_courier import SENDER, Office
from tests.post.test_webhooks import Office as Notified
from tests.ready import with_tables
from tests.serving import Served
from tests.web.conftest import UNHURRIED

LETTERS = 3


def courier(office: Office, url: str) -> Courier:
    """One with less patience than the program's, which no test has."""
    mail = load_settings(environment={}, given={"mail_server": url, "mail_from": SENDER}).mail
    assert mail is not None
    return Courier(office.letters, Mailer(mail, SENDER, timeout_s=0.2, deadline_s=0.4))


def test_a_receiver_at_fault_loses_nothing(tmp_path: Path) -> None:
    """If a receiver of mail is at fault, in any way of the list, then each letter waits, is put off, or is dead where trying again is no help; and all that may still arrive does so once it is well."""

    def meet(number: int) -> int:
        script = MAIL[number]
        # What is tested is not the database's patience.
        bounds = Bounds(patience_s=60)
        store = Store.open(f"sqlite:///{with_tables(tmp_path / f'{number}.db')}", bounds=bounds)
        with contextlib.closing(store):
            return carry_to(script, Office(store))

    # Most of this is waiting for who hangs, which several can do at once.
    with ThreadPoolExecutor(4) as several:
        dead = sum(several.map(meet, range(len(MAIL))))
    report("a mail server at fault", ways=len(MAIL), letters=LETTERS * len(MAIL), dead=dead)


def carry_to(script: Script, office: Office) -> int:
    """Letters to a receiver at fault, and then to one that is well; how many are dead."""
    keys = [f"{script.name.replace(' ', '-')}-{number}" for number in range(LETTERS)]
    for key in keys:
        office.post(key)
    with receiver(script) as (port, told):
        carrying = courier(office, f"smtp://127.0.0.1:{port}?tls=off")
        for _ in range(2):
            carrying.carry_out()
            office.now += timedelta(minutes=2)
    standing = office.letters.standing()
    dead = LETTERS if script.then == "dead" else 0
    assert (standing.waiting, standing.dead) == (LETTERS - dead, dead), (script.name, standing, told)
    office.now += timedelta(hours=5)
    box = Mailbox()
    with mail_server(box) as server:
        well = office.courier(f"{server.url}?tls=off")
        # A worker that fell has nothing in hand for longer than this.
        for _ in range(3):
            well.carry_out()
            office.now += HELD_FOR
    arrived = sorted(to for (to,) in box.recipients)
    assert arrived == sorted(f"{key}@reader.example" for key in keys[dead:]), script.name
    assert office.letters.standing().waiting == 0
    assert all(letter.error.startswith("answered-55") for letter in office.letters.dead())
    return dead


def test_an_endpoint_at_fault_loses_nothing(tmp_path: Path) -> None:
    """If a receiver of notices is at fault, in any way of the list, then each notice rests, is put off or is taken as it says, nothing is followed or read that should not be, and all of it arrives once it is well; where it is gone, nothing is sent any more."""
    store = Store.open(f"sqlite:///{tmp_path / 'meydan.db'}")
    office = Notified(store, out=Outgoing(("127.0.0.0/8",), timeout_s=0.2, deadline_s=0.4, reads=False))
    for number, script in enumerate(HTTP):
        with receiver(script) as (port, _):
            name = f"endpoint-{number}"
            office.add(name, f"http://127.0.0.1:{port}/hook", ["comment.approved"])
            for _ in range(LETTERS):
                office.decide(office.receive())
            Webhooks(office.notices).carry_out()
        standing = next(one for one in office.notices.standings() if one.endpoint.name == name)
        tried = [
            row[0]
            for row in store._database.all(
                "SELECT attempts FROM outbox WHERE endpoint = :number AND done_at IS NULL ORDER BY number",
                number=standing.endpoint.number,
            )
        ]
        expected = {"rests": [1, 0, 0], "put off": [1, 1, 1], "taken": [], "gone": []}[script.then]
        assert tried == expected, script.name
        assert (standing.endpoint.ended_why == "gone") is (script.then == "gone"), script.name
        if script.then == "gone":
            continue
        with hook() as well:
            url = well.url
            endpoint = standing.endpoint
            # The same receiver, mended: at the address that it had.
            sealed = office.notices._closed(
                url, [(one, None) for one in office.notices.where(endpoint).secrets]
            )
            store.endpoints.seal(endpoint, sealed)
            office.now += timedelta(days=1, minutes=1)
            while Webhooks(office.notices).carry_out():
                pass
            assert len(set(well.ids)) == len(expected), script.name
            office.notices.remove(name, by="operator")
    store.close()
    report("an endpoint at fault", ways=len(HTTP), notices=LETTERS * len(HTTP))


def test_readers_do_not_wait_for_a_receiver(tmp_path: Path) -> None:
    """If the mail server takes connections and says nothing, then comments are received and shown meanwhile, and the log says what waits."""
    with receiver(MAIL[0]) as (port, _):
        served = Served(
            tmp_path, mail_server=f"smtp://127.0.0.1:{port}?tls=off", mail_from=SENDER, **UNHURRIED
        )
        served.start()
        with sending(served.url, 60 * SIZE, more=lambda number: {"email": f"r{number}@reader.example", "follow": True}) as sent:  # fmt: skip
            sent.reach(1)
        assert httpx.get(f"{served.url}/api/v1/counts", params={"story": STORY}).json()["counts"][STORY] > 0
        served.until(lambda: "mail_unavailable" in served.log.read_text(), timeout_s=40)
        served.stop()
    said = next(
        json.loads(line) for line in served.log.read_text().splitlines() if "mail_unavailable" in line
    )
    assert (said["code"], said["cause"]) == ("U205", "no-answer")
    check_kept(Settings(data=tmp_path), sent)
    store = Store.open(Settings(data=tmp_path).database_url)
    assert store.outbox.standing(datetime.now(UTC)).waiting == 60 * SIZE
    store.close()
    report("a mail server that says nothing", letters_waiting=60 * SIZE, **sent.told)
