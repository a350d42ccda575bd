"""PostgreSQL killed, halted, cut off and short of room, under load: nothing answered is lost, and all goes on without a restart."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from meydan.settings import Settings
from tests.faults.sending import SIZE, STORY, Sent, check_kept, check_shown, report, sending
from tests.faults.wire import a_wire
from tests.postgresql import Cluster, a_cluster
from tests.serving import Served
from tests.web.conftest import UNHURRIED

BENT = (str(Path(__file__).parent / "bent.py"),)
SEED = 20261128


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with a_cluster() as running:
        yield running


def url_of(cluster: Cluster) -> str:
    return cluster.url.render_as_string(hide_password=False)


def terminate_some(cluster: Cluster, chance: random.Random) -> int:
    """End some of the program's connections, whatever they are in the middle of."""
    with psycopg.connect(url_of(cluster), autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'meydan' AND random() < %s",
            [chance.choice([0.3, 1.0])],
        ).fetchone()
    assert ended is not None
    return int(ended[0])


def test_server_and_database_killed_under_load(cluster: Cluster, tmp_path: Path) -> None:
    """If server and PostgreSQL are killed, halted and their connections ended in turn while comments are sent, then each one answered 201 is there once, and nobody waits for ever."""
    chance = random.Random(SEED)
    settings = Settings(data=tmp_path, database=url_of(cluster))
    served = Served(tmp_path, database=url_of(cluster), **UNHURRIED)
    served.start()
    turns = ["server", "database", "connections", "halt"] * SIZE
    ended = 0
    with sending(served.url, 160 * SIZE) as sent:
        for turn, what in enumerate(turns, 1):
            sent.reach((turn - 0.5 * chance.random()) / (len(turns) + 1))
            if what == "server":
                served.kill()
                check_shown(settings)
                served.start()
            elif what == "database":
                cluster.kill()
                # The doors stay open meanwhile, and a write is refused in so many words.
                answer = httpx.post(
                    f"{served.url}/api/v1/comments", timeout=30,
                    json={"story": {"url": STORY}, "name": "N", "text": "While there is none."},
                )  # fmt: skip
                assert (answer.status_code, answer.json()["code"]) == (503, "U201"), answer.text
                cluster.start()
                check_shown(settings)
            elif what == "connections":
                for _ in range(5):
                    ended += terminate_some(cluster, chance)
                    time.sleep(0.05 * chance.random())
            else:
                with cluster.halted():
                    time.sleep(1 + SIZE * chance.random())
    check_kept(settings, sent)
    served.stop()
    assert ended
    log = served.log.read_text()
    assert '"unexpected"' not in log
    assert "store_write_failed" in log
    report(
        "server and PostgreSQL killed, halted, cut", turns=len(turns), connections_ended=ended, **sent.told
    )


SILENCE_S = 1.5
"""How long the cut-off node listens to a silent database; less than the program's own 20 s, which no test has."""

BOUND_S = 12.0
"""
What an answer may take at most while the network is gone: it waits its turn at the writer, for a connection, and for one
more silence. The program's own figures are in docs/reliability.md.
"""


def test_a_node_cut_off_from_the_database(cluster: Cluster, tmp_path: Path) -> None:
    """If the network between one of two nodes and PostgreSQL delays, resets or swallows, then that node answers in bounded time, goes on showing what it has, and comes back by itself; the other notices nothing."""
    secret = "the two nodes share this secret of theirs"
    given = {"secret": secret} | UNHURRIED
    near = Served(make(tmp_path / "near"), database=url_of(cluster), **given)
    near.start()
    figures: dict[str, object] = {}
    all_sent: list[Sent] = []
    quiet = {"story": f"{STORY}/quiet"}
    with a_wire(cluster.socket) as wire, contextlib.ExitStack() as held:
        held.callback(near.stop)
        through = f"postgresql://postgres@127.0.0.1:{wire.port}/postgres"
        far = Served(
            make(tmp_path / "far"), database=through, program=BENT, test_silence_s=SILENCE_S, **given
        )
        far.start()
        held.callback(far.stop)
        for turn, trouble in enumerate(("delay", "reset", "swallow") * SIZE):
            page = httpx.get(f"{far.url}/embed/comments", params=quiet).raise_for_status()
            wire.trouble = trouble
            with (
                sending(near.url, 40, name=f"near-{turn}-") as by_near,
                sending(far.url, 40, name=f"far-{turn}-") as by_far,
            ):
                by_near.reach(1)
                assert httpx.get(f"{far.url}/embed/comments", params=quiet, timeout=1).content == page.content
                assert httpx.get(f"{near.url}/embed/comments", params=quiet).status_code == 200
                wire.trouble = ""
                by_far.reach(0.4)
                # And once more, with whatever is under way.
                wire.trouble = trouble
                time.sleep(1)
                wire.trouble = ""
            assert by_near.refused.total() == by_near.broken_off == by_far.broken_off == 0
            assert by_far.slowest_s < BOUND_S
            assert trouble == "delay" or by_far.refused["U201"] > 0
            all_sent += [by_near, by_far]
            figures[trouble] = by_far.told
    check_kept(Settings(data=tmp_path / "near", database=url_of(cluster), secret=secret), *all_sent)
    for node in (near, far):
        assert '"unexpected"' not in node.log.read_text()
    report("a node cut off", silence_s=SILENCE_S, **figures)


def make(folder: Path) -> Path:
    folder.mkdir()
    return folder
