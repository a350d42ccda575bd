"""What was erased is listed outside the database, and a restore does not bring it back."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from meydan import wiring
from meydan.errors import BackupDamaged, StoreUnavailable
from meydan.ledger import erasure_leaf
from meydan.settings import Settings
from meydan.store import Erased, Erasures, Store
from meydan.store.exact import time_of
from meydan.wiring import build
from tests.keeping.lived import check_everything_hashes, live, meydan, room_at, rows_of
from tests.keeping.test_backups import back_up, restore


def test_an_erasure_is_listed_before_it_is_answered(database_url: str, tmp_path: Path) -> None:
    """If a comment is erased, by whatever way, then its line is in the list when that is answered: no words, for its owner alone."""
    listed = Erasures(tmp_path / "erasures.jsonl")
    room = room_at(database_url, listed.path)
    ids = live(room)
    assert [one.id for one in listed.read()] == [ids["erased"]]
    assert listed.path.stat().st_mode & 0o777 == 0o600
    room.desk.erase(ids["erased"])
    assert len(listed.read()) == 1
    with pytest.raises(Exception, match="must be kept"):
        room.desk.erase(ids["escalated"])
    assert len(listed.read()) == 1
    room.desk.end_hold(ids["escalated"], reason="The court has it.", by="Mem")
    last = listed.read()[-1]
    assert last.id == ids["escalated"]
    assert last.commitment == room.store.commitment(last.id)
    assert set(listed.path.read_text().split('"')[1::2]) & {"id", "commitment", "at"}
    assert "omegranate" not in listed.path.read_text()
    room.store.close()


def test_what_could_not_be_listed_is_not_answered(tmp_path: Path) -> None:
    """If the list cannot be written, then the erasure is not answered as done; asked again, or at the next start, it is listed."""
    listed = tmp_path / "erasures.jsonl"
    listed.mkdir()
    room = room_at(f"sqlite:///{tmp_path / 'meydan.db'}", listed)
    sent = room.send().id
    with pytest.raises(StoreUnavailable, match="list of erasures"):
        room.desk.erase(sent)
    assert room.desk.status(sent).text is None
    listed.rmdir()
    room.desk.erase(sent)
    assert [one.id for one in Erasures(listed).read()] == [sent]
    leaves = len(rows_of(f"sqlite:///{tmp_path / 'meydan.db'}")["leaf"])
    listed.unlink()
    room.store.close()
    meydan = build(Settings(data=tmp_path))
    meydan.close()
    assert [one.id for one in Erasures(listed).read()] == [sent]
    assert len(rows_of(f"sqlite:///{tmp_path / 'meydan.db'}")["leaf"]) == leaves


def test_each_node_lists_what_another_erased(database_url: str, tmp_path: Path) -> None:
    """If two nodes share a database, then each one's list comes to have what the other erased, once."""
    here, there = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    room = room_at(database_url, here)
    other = Store.open(database_url, erasures=Erasures(there))
    ids = live(room)
    assert not there.exists()
    assert [other.list_erasures(), other.list_erasures(), room.store.list_erasures()] == [1, 0, 0]
    assert there.read_text() == here.read_text()
    assert [one.id for one in Erasures(there).read()] == [ids["erased"]]
    room.store.close()
    other.close()


def test_what_could_not_be_listed_for_long_is_listed_once_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the list cannot be written for longer than a day, then whatever was erased meanwhile is in it once it can be."""
    listed = tmp_path / "erasures.jsonl"
    meydan = build(Settings(data=tmp_path, flood_per_minute=1000))
    try:
        listed.unlink(missing_ok=True)
        listed.mkdir()
        room = room_at(f"sqlite:///{tmp_path / 'meydan.db'}", listed)
        sent = room.send().id
        with pytest.raises(StoreUnavailable):
            room.desk.erase(sent)
        meydan.tend()
        room.store.close()
        later = datetime.now(UTC) + timedelta(days=3)
        monkeypatch.setattr(wiring, "_now", lambda: later)
        listed.rmdir()
        meydan.tend()
        assert [one.id for one in Erasures(listed).read()] == [sent]
    finally:
        meydan.close()


def test_a_list_that_was_put_in_place_of_another(tmp_path: Path) -> None:
    """If the file is another one while a process has it in hand, whatever its length, then it is read from its beginning."""
    names = ("a", "bb", "ccc", "dddd")
    first, second, third, fourth = (Erased(name, name[:1].encode() * 32, 10**15 + 1) for name in names)
    listed, other = Erasures(tmp_path / "erasures.jsonl"), Erasures(tmp_path / "other.jsonl")
    listed.add([first, second])
    other.add([third, second, fourth])
    listed.path.write_bytes(other.path.read_bytes())
    assert listed.add([first, second, third, fourth]) == 1
    assert listed.read() == [third, second, fourth, first]


def test_a_list_whose_last_line_has_no_end(tmp_path: Path) -> None:
    """If the last line is whole but for its end, as an editor leaves it, then it counts, and the next begins a line of its own."""
    listed = Erasures(tmp_path / "erasures.jsonl")
    first, second, third = (Erased(name, name.encode() * 32, 10**15 + 1) for name in "abc")
    listed.add([first, second])
    listed.path.write_bytes(listed.path.read_bytes().removesuffix(b"\n"))
    for again in (Erasures(listed.path), listed):
        assert again.read() == [first, second]
        assert again.add([second]) == 0
    assert listed.add([third]) == 1
    assert Erasures(listed.path).add([first, second, third]) == 0
    assert listed.read() == [first, second, third]
    assert listed.path.read_bytes().count(b"\n") == 3


def test_a_line_that_another_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If one process read a line without its end, and another ends it, or its own ending fails, then it goes on from there."""
    first, second, third, fourth = (Erased(name, name.encode() * 32, 10**15 + 1) for name in "abcd")
    listed = Erasures(tmp_path / "erasures.jsonl")
    listed.add([first])
    listed.path.write_bytes(listed.path.read_bytes().removesuffix(b"\n"))
    here, there = Erasures(listed.path), Erasures(listed.path)
    assert here.add([first]) == 0
    assert there.add([second]) == 1
    assert here.add([third]) == 1
    listed.path.write_bytes(listed.path.read_bytes().removesuffix(b"\n"))
    assert here.add([third]) == 0
    with monkeypatch.context() as full:

        def fails(_: int) -> None:
            raise OSError(28, "No space left on device")

        full.setattr("meydan.store.erasures.os.fsync", fails)
        with pytest.raises(StoreUnavailable):
            here.add([fourth])
    assert here.add([fourth]) == 0
    assert Erasures(listed.path).read() == [first, second, third, fourth]


def test_a_list_that_a_crash_cut_short(tmp_path: Path) -> None:
    """If a line was cut short, then the lines before it count and the next one takes its place; any other fault is named by its line."""
    listed = Erasures(tmp_path / "erasures.jsonl")
    first, second, third = (Erased(name, name.encode() * 32, 10**15 + 1) for name in "abc")
    assert listed.add([first, second, first]) == 2
    whole = listed.path.read_bytes()
    listed.path.write_bytes(whole[:-5])
    assert Erasures(listed.path).read() == [first]
    assert Erasures(listed.path).add([second, third]) == 2
    assert Erasures(listed.path).read() == [first, second, third]
    # The same object, while another process appended and a crash cut.
    assert listed.add([third]) == 0
    listed.path.write_bytes(whole.replace(b'"id":"a"', b'"id":6 '))
    for attempt in (Erasures(listed.path).read, lambda: Erasures(listed.path).add([third])):
        with pytest.raises(BackupDamaged, match="line 1"):
            attempt()


@pytest.mark.parametrize("says", ["list", "backup", "database"])
def test_what_was_erased_stays_erased(database_url: str, tmp_path: Path, says: str) -> None:
    """If comments were erased after a backup, then it restores without their words, whoever says so: the list, a later backup, or the living database; what is held for the law waits for its end."""
    folder, new = tmp_path / "data", tmp_path / "new"
    folder.mkdir()
    room = room_at(database_url, folder / "erasures.jsonl")
    ids = live(room)
    back_up(database_url, tmp_path / "backup")
    room.desk.erase(ids["later erased"])
    room.desk.end_hold(ids["escalated"], reason="The court has it.", by="Mem")
    room.desk.erase(ids["escalated"])
    unknown = room.send("Sent after the backup, and gone before the restore.").id
    room.desk.erase(unknown)
    back_up(database_url, tmp_path / "later")
    leaf = dict(room.store.leaves(0, 1000))
    gone = [one for one in Erasures(folder / "erasures.jsonl").read() if one.id == ids["later erased"]]
    room.store.close()
    where = {"list": folder / "erasures.jsonl", "backup": tmp_path / "later", "database": database_url}[says]
    if says == "database":
        ran = meydan("restore", tmp_path / "backup", "--erasures", where, data=new)
        assert ran.returncode == 0, ran.stderr
        assert b"1 comments that were erased since" in ran.stdout
        assert b"1 are held for the law" in ran.stdout
        assert b"1 are not in this backup" in ran.stdout
    else:
        from meydan.keeping import erasures_in

        new.mkdir()
        done = restore(tmp_path / "backup", f"sqlite:///{new / 'meydan.db'}", new, erasures_in(str(where)))
        assert (done.listed, done.erased, done.held, done.unknown) == (4, 1, 1, 1)
        shutil.move(new / "restored.jsonl", new / "erasures.jsonl")
    url = f"sqlite:///{new / 'meydan.db'}"
    room = room_at(url, new / "erasures.jsonl")
    assert room.desk.status(ids["later erased"]).text is None
    assert erasure_leaf(gone[0].commitment, time_of(gone[0].at)) in dict(room.store.leaves(0, 1000)).values()
    assert erasure_leaf(gone[0].commitment, time_of(gone[0].at)) in leaf.values()
    # Another erased it at the same time as before; its hold stood when the backup was made, and stands again.
    assert room.store.erasure_postponed(ids["escalated"]) is not None
    assert room.desk.end_hold(ids["escalated"], reason="Again.", by="Mem")
    room.store.close()
    check_everything_hashes(url)
    kept = b"".join(path.read_bytes() for path in new.iterdir())
    assert b"tamarind" not in kept
    # What is not in this backup may be in another: the new list names all that the old one did.
    assert unknown in (new / "erasures.jsonl").read_text()


def test_another_publications_list_is_refused(tmp_path: Path) -> None:
    """If a list names a comment with another commitment, then it is not this publication's, and the restore is not finished."""
    url = f"sqlite:///{tmp_path / 'meydan.db'}"
    room = room_at(url)
    ids = live(room)
    room.store.close()
    back_up(url, tmp_path / "backup")
    new: Any = f"sqlite:///{tmp_path / 'new.db'}"
    with pytest.raises(BackupDamaged, match="not this publication's"):
        restore(tmp_path / "backup", new, tmp_path, [Erased(ids["approved"], bytes(32), 10**15)])
    # The list here was not led astray by it.
    assert not (tmp_path / "restored.jsonl").exists()
    restore(tmp_path / "backup", new, tmp_path, [])
    assert rows_of(new)["comment"] == rows_of(url)["comment"]


@pytest.mark.parametrize("fault", ["cannot be written", "cannot be read"])
def test_a_list_at_fault_keeps_nothing_else_waiting(tmp_path: Path, fault: str) -> None:
    """If the list of erasures is at fault, then that is told, and what is to be forgotten is forgotten all the same."""
    url = f"sqlite:///{tmp_path / 'meydan.db'}"
    meydan = build(Settings(data=tmp_path))
    try:
        listed = tmp_path / "erasures.jsonl"
        listed.unlink(missing_ok=True)
        if fault == "cannot be written":
            listed.mkdir()
        else:
            listed.write_bytes(b"no line of ours\n")
        long_ago = time_of(10**15)
        meydan.store.readers.add_session("digest", "key", at=long_ago, expires_at=long_ago)
        with capture_logs() as logs:
            meydan.tend()
        assert [line["code"] for line in logs if line["event"] == "erasures_not_listed"] == [
            "U201" if fault == "cannot be written" else "T402"
        ]
    finally:
        meydan.close()
    assert rows_of(url)["reader_session"] == []
