"""A disk that is full, under load: what does not fit is refused whole, readers go on reading, and room makes it work again without a restart."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx

from meydan.settings import Settings
from tests.faults.disk import a_disk, short_of_room
from tests.faults.sending import SIZE, STORY, check_kept, report, sending
from tests.postgresql import a_cluster
from tests.serving import Served
from tests.web.conftest import UNHURRIED

ROOM = "The disk is full: make room, and it goes on by itself."


def look_around(served: Served) -> None:
    """What has to work while nothing can be written: reading what was kept in memory, and what was not."""
    for path in ("/embed/comments", "/comments", f"/embed/comments?limit={time.time_ns() % 100 + 1}"):
        answer = httpx.get(f"{served.url}{path}{'&' if '?' in path else '?'}story={STORY}", timeout=20)
        assert answer.status_code == 200, path


def remedies(log: Path) -> set[str]:
    """What the log says is to be done."""
    told = log.read_text(errors="replace")
    return {cause.partition("written. ")[2] for cause in re.findall(r'"cause":"(The database [^"]+)"', told)}


def test_a_full_disk_under_sqlite(tmp_path: Path) -> None:
    """If the disk of the database fills up under load, then comments are refused as unavailable, the log says that room is needed, readers go on reading, and once there is room all goes on."""
    with a_disk(size_mb=16 + 8 * SIZE) as disk:
        settings = Settings(data=disk.folder / "data")
        settings.data.mkdir()
        served = Served(settings.data, log=tmp_path / "server.log", **UNHURRIED)
        served.start()
        with sending(served.url, 200 * SIZE) as sent:
            for turn in range(1, 2 * SIZE + 1):
                sent.reach(turn / (2 * SIZE + 1))
                disk.fill()
                already = sent.refused["U201"]
                served.until(lambda: sent.refused["U201"] >= already + 20)  # noqa: B023
                look_around(served)
                disk.make_room()
        served.stop()
        check_kept(settings, sent)
    assert remedies(served.log) == {ROOM}
    report("disk full under SQLite", filled=2 * SIZE, **sent.told)


def test_a_full_disk_of_data_and_log(tmp_path: Path) -> None:
    """If neither a database nor a log can grow, then what cannot be said ends nothing, and all goes on once it can."""
    served = Served(tmp_path, **UNHURRIED)
    served.start()
    with sending(served.url, 100 * SIZE) as sent:
        sent.reach(0.3)
        with short_of_room(served.pid):
            served.until(lambda: sent.refused["U201"] >= 50)
            look_around(served)
    served.stop()
    check_kept(Settings(data=tmp_path), sent)
    report("neither database nor log can grow", **sent.told)


def test_a_full_disk_under_postgresql(tmp_path: Path) -> None:
    """If PostgreSQL's disk fills up under load, then it is the same, also where PostgreSQL gives up itself and is started again."""
    fell = 0
    with (
        a_disk(size_mb=150) as disk,
        a_cluster(disk.folder, max_wal_size="32MB", min_wal_size="32MB") as cluster,
    ):
        url = cluster.url.render_as_string(hide_password=False)
        settings = Settings(data=tmp_path / "data", database=url)
        settings.data.mkdir()
        served = Served(settings.data, database=url, **UNHURRIED)
        served.start()
        with sending(served.url, 200 * SIZE) as sent:
            for turn in range(1, 2 * SIZE + 1):
                sent.reach(turn / (2 * SIZE + 1))
                disk.fill()
                already = sent.refused["U201"]
                served.until(
                    lambda: sent.refused["U201"] >= already + 20 or len(sent.answered) == sent.wanted  # noqa: B023
                )
                disk.make_room()
                if not cluster.running:
                    fell += 1
                    cluster.start()
        served.stop()
        check_kept(settings, sent)
    assert ROOM in remedies(served.log)
    report("disk full under PostgreSQL", filled=2 * SIZE, postgresql_fell=fell, **sent.told)
