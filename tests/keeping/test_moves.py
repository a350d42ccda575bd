"""A database is carried into another of either kind, whole, while nobody uses it."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from meydan import keeping
from meydan.errors import BeingServed, NotRestorable
from meydan.store import Store
from tests.keeping.lived import check_everything_hashes, fill_the_rest, live, meydan, room_at, rows_of
from tests.keeping.test_backups import back_up
from tests.postgresql import PostgreSQL
from tests.serving import Served


def test_everything_moves(database_url: str, tmp_path: Path, postgresql: PostgreSQL) -> None:
    """If a database is moved, into the other kind and back, then each row is there, sign-ins too, and the first is as it was."""
    room = room_at(database_url)
    live(room)
    room.store.close()
    fill_the_rest(database_url)
    before = rows_of(database_url)
    to = postgresql.new_database(empty=True), f"sqlite:///{tmp_path / 'back.db'}"
    if not database_url.startswith("sqlite"):
        to = to[1], to[0]
    ran = meydan("move", database_url, to[0], "--json", data=tmp_path)
    assert ran.returncode == 0, ran.stderr
    keeping.move(to[0], to[1])
    for url in (*to, database_url):
        assert rows_of(url) == before
        check_everything_hashes(url)
    told = json.loads(ran.stdout)
    assert told["rows"]["session"] == 1
    assert told["comments"] == len(before["comment"])
    room = room_at(to[1])
    room.send("The first after the move.")
    room.store.close()
    check_everything_hashes(to[1])
    with pytest.raises(NotRestorable, match="not empty"):
        keeping.move(database_url, to[0])


def test_what_is_in_use_is_not_moved(database_url: str, tmp_path: Path, postgresql: PostgreSQL) -> None:
    """If a server has the database, then it is not moved: what is sent meanwhile would be lost."""
    target = f"sqlite:///{tmp_path / 'target.db'}"
    if database_url.startswith("sqlite"):
        Store.open(database_url).close()
        with Path(database_url.removeprefix("sqlite:///") + ".serving").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(BeingServed):
                keeping.move(database_url, target)
    else:
        store = Store.open(database_url)
        with pytest.raises(BeingServed):
            keeping.move(database_url, target)
        store.close()
    assert not (tmp_path / "target.db").exists()
    keeping.move(database_url, target)


def test_a_real_server_keeps_its_database(tmp_path: Path) -> None:
    """If `meydan serve` runs on an SQLite file, then it is not moved, and a backup is made all the same."""
    served = Served(tmp_path / "data")
    (tmp_path / "data").mkdir()
    served.start()
    url = f"sqlite:///{tmp_path / 'data' / 'meydan.db'}"
    try:
        with pytest.raises(BeingServed):
            keeping.move(url, f"sqlite:///{tmp_path / 'new.db'}")
        back_up(url, tmp_path / "backup")
    finally:
        served.stop()
