"""The wall clock of a server set back and forward by hours and years while readers send."""

from __future__ import annotations

import secrets
import sqlite3
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from meydan.errors import SignInNeeded
from meydan.settings import Settings
from meydan.staff import Staff
from meydan.store import Store
from tests.faults.sending import SIZE, STORY, check_kept, check_shown, report, sending
from tests.serving import Served
from tests.store.making import NOON, receive
from tests.web.conftest import UNHURRIED

BENT = (str(Path(__file__).parent / "bent.py"),)
HOUR, YEAR = 3600, 31_557_600
JUMPS = [3 * HOUR, -5 * HOUR, 2 * YEAR, -3 * YEAR, 20 * YEAR]
"""In seconds from the real time; the last is where the server is killed, and where it wakes is the real time again."""


def test_a_clock_that_jumps(tmp_path: Path) -> None:
    """If the clock is set forward and back by hours and years under load, then nothing is lost or shown unjudged, pages keep their order, and what is from a day that is yet to come is judged all the same."""
    clock, data = tmp_path / "clock", tmp_path / "data"
    data.mkdir()

    def set_clock(seconds: float) -> None:
        aside = clock.with_suffix(".new")
        aside.write_text(str(seconds))
        aside.replace(clock)

    set_clock(0)
    served = Served(data, program=BENT, test_clock=clock, sweep_seconds=1, **UNHURRIED)
    served.start()
    with sending(served.url, 100 * SIZE) as sent:
        for turn, jump in enumerate(JUMPS, 1):
            sent.reach(turn / (len(JUMPS) + 1))
            set_clock(jump)
        sent.reach(0.95)
        served.kill()
        set_clock(0)
        check_shown(Settings(data=data))
        served.start()
    with sqlite3.connect(data / "meydan.db") as looking:

        def count(condition: str) -> int:
            found = looking.execute(f"SELECT count(*) FROM comment WHERE {condition}")
            return int(found.fetchone()[0])

        served.until(lambda: count("judged_at IS NULL") == 0)
        ahead = count("submitted_at > 1e6 * (strftime('%s', 'now') + 3600)")
    # A page is gone on from by number, whatever the times say: everybody is there once.
    seen: list[str] = []
    asked: dict[str, str] = {"story": STORY, "limit": "7"}
    while True:
        page = httpx.get(f"{served.url}/api/v1/comments", params=asked, timeout=20).json()
        seen += [comment["id"] for comment in page["comments"]]
        if page["next"] is None:
            break
        asked["after"] = page["next"]
    assert len(seen) == len(set(seen)) == page["count"]
    served.stop()
    assert ahead > 0
    assert '"unexpected"' not in served.log.read_text()
    check_kept(Settings(data=data), sent)
    report("the clock jumps", jumps=len(JUMPS) + 1, kept_from_the_future=ahead, **sent.told)


def test_what_is_from_the_future_does_not_wait_for_it(store: Store) -> None:
    """If the clock was ahead and is set back, then comments and letters from then are taken up now, and who signed in then is nobody."""
    ahead, now = NOON + timedelta(days=3653), [NOON + timedelta(days=3653)]
    staff = Staff(
        store, clock=lambda: now[0], entropy=secrets.token_bytes, secret=bytes(32), session_hours=12, link_hours=24
    )  # fmt: skip
    session = staff.sign_in(staff.add_moderator("dana"))
    id = receive(store, submitted_at=ahead)
    for key in ("waits", "in hand"):
        store.outbox.post("mail.verify", "", {}, at=ahead, key=key)
    assert len(store.outbox.lease(at=ahead, until=ahead + timedelta(minutes=5), limit=1)) == 1
    assert staff.session(session.token).moderator == "dana"
    now[0] = NOON
    assert store.take_up(5, before=NOON, after=NOON, at=NOON, until=NOON) == (id,)
    assert store.outbox.lease(at=NOON, until=NOON + timedelta(minutes=5), limit=5) == ()
    store.outbox.expire(NOON)
    assert len(store.outbox.lease(at=NOON, until=NOON + timedelta(minutes=5), limit=5)) == 2
    with pytest.raises(SignInNeeded):
        staff.session(session.token)
