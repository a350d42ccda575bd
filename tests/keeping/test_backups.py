"""A backup holds everything, is proved, and comes back whole or not at all; on both databases."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from meydan import keeping
from meydan.comment import Verdict
from meydan.errors import (
    AlreadyDecided,
    AlreadyExists,
    BackupDamaged,
    BadSettings,
    NotFound,
    NotRestorable,
    StoreUnavailable,
)
from meydan.ledger import Tree, leaf_hash
from meydan.store import Erased, Erasures, Sought, Store, database, months
from meydan.store.carrying import LEFT_OUT, empty, snapshot
from meydan.store.schema import HEAD
from meydan.text.search import asked_for
from tests.desk.conftest import ABUSIVE, COURTEOUS, STORY, Clock
from tests.keeping.lived import (
    check_everything_hashes,
    fill_the_rest,
    live,
    meydan,
    remade,
    room_at,
    rows_of,
)
from tests.postgresql import PostgreSQL
from tests.publishing.making import unguarded
from tests.serving import Served
from tests.store.making import around, decide, receive


def back_up(url: str, file: Path, **more: Any) -> keeping.Manifest:
    with keeping.whole_file(file) as out, snapshot(url) as source:
        return keeping.back_up(source, out, clock=Clock(), **more)


def restore(
    file: Path, url: str, folder: Path, erased: list[Erased] | None = None, **more: Any
) -> keeping.Restored:
    with file.open("rb") as opened:
        return keeping.restore(
            keeping.Backup(opened), url, erased=erased, erasures=Erasures(folder / "restored.jsonl"), **more
        )


def verify(file: Path) -> keeping.Manifest:
    with file.open("rb") as opened:
        return keeping.verify(keeping.Backup(opened))


@pytest.fixture
def others(tmp_path: Path, postgresql: PostgreSQL) -> list[str]:
    """A new database of each kind, to restore into."""
    return [f"sqlite:///{tmp_path / 'another.db'}", postgresql.new_database(empty=True)]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str], Path]:
    """A database in which much was done, the comments in it, and its backup; nobody writes it any more."""
    folder = tmp_path_factory.mktemp("lived")
    url = f"sqlite:///{folder / 'meydan.db'}"
    room = room_at(url)
    ids = live(room)
    for number in range(30):
        room.send(f"{COURTEOUS} {number}")
    room.store.close()
    back_up(url, folder / "backup")
    return url, ids, folder / "backup"


def test_every_row_comes_back(database_url: str, others: list[str], tmp_path: Path) -> None:
    """If a backup is restored, into either kind, then every row of every table is there, but for those that are left out on purpose."""
    room = room_at(database_url)
    ids = live(room)
    room.store.close()
    fill_the_rest(database_url)
    before = rows_of(database_url)
    assert all(before.values()), [name for name, rows in before.items() if not rows]
    manifest = back_up(database_url, tmp_path / "backup")
    assert manifest == verify(tmp_path / "backup")
    assert manifest.left_out == LEFT_OUT
    for url in others:
        # Of a table that holds links to sign in and links to confirm, only these are carried.
        expected = {name: [] if name in LEFT_OUT else rows for name, rows in before.items()}
        expected["reader_link"] = [row for row in before["reader_link"] if row[2] is not None]
        assert len(before["reader_link"]) == 2
        restore(tmp_path / "backup", url, tmp_path)
        assert rows_of(url) == expected
        assert check_everything_hashes(url) == len(before["words"])
        room = room_at(url)
        # What derives from the words was made anew, and numbers go on after the highest.
        found, _ = room.store.find(Sought(words=asked_for("هەواڵە")), limit=9)
        assert found == (ids["odd"],)
        sent = room.send(f"{COURTEOUS} After the restore.", parent=ids["approved"])
        assert room.desk.status(sent.id).status.value == "approved"
        room.desk.erase(ids["odd"])
        room.store.close()
        assert check_everything_hashes(url) == len(before["words"])


def test_the_same_moment_is_the_same_rows(database_url: str, others: list[str], tmp_path: Path) -> None:
    """If a database and what was restored of it are backed up, then the tables have the same digests, whatever their kind."""
    room = room_at(database_url)
    live(room)
    room.store.close()
    first = back_up(database_url, tmp_path / "first")
    for number, url in enumerate(others):
        restore(tmp_path / "first", url, tmp_path)
        again = back_up(url, tmp_path / f"again-{number}")
        assert (again.tables, again.root) == (first.tables, first.root)


def test_a_backup_under_load(database_url: str, others: list[str], tmp_path: Path) -> None:
    """If a backup is taken while comments are sent, decided and erased, then it restores to a moment of it: every comment re-hashes, and what was erased stays erased."""
    listed = tmp_path / "erasures.jsonl"
    room = room_at(database_url, listed)
    stop = threading.Event()
    answered: list[str] = []
    erased: list[str] = []
    failed: list[BaseException] = []

    def sending(number: int) -> None:
        while not stop.is_set():
            text = ABUSIVE if len(answered) % 5 == 0 else COURTEOUS
            answered.append(room.send(f"{text} {number} {len(answered)}").id)

    def moderating() -> None:
        while not stop.is_set():
            with_words = [id for id in answered[-20:] if id not in erased]
            for id in with_words[:3]:
                try:
                    room.desk.review(id, Verdict.REJECT, by="Zîn", rules=["abuse"])
                except (NotFound, AlreadyDecided):
                    continue
            stop.wait(0.01)

    def erasing() -> None:
        chance = random.Random(6)
        while not stop.is_set():
            if len(answered) > 10:
                id = chance.choice(answered)
                room.desk.erase(id)
                erased.append(id)
            stop.wait(0.05)

    def until_told(work: Any, *given: Any) -> None:
        try:
            work(*given)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=until_told, args=(sending, number)) for number in range(3)]
    threads += [threading.Thread(target=until_told, args=(work,)) for work in (moderating, erasing)]
    for thread in threads:
        thread.start()
    try:
        Served.until(lambda: len(answered) >= 60 or bool(failed), timeout_s=60)
        before = list(answered)
        # Another process, as an operator's: the real command, beside whoever writes.
        ran = meydan("backup", tmp_path / "backup", "--database", database_url, "--json", data=tmp_path)
        mark = len(erased)
        Served.until(lambda: len(erased) >= mark + 5 or bool(failed), timeout_s=60)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert ran.returncode == 0, ran.stderr
    assert failed == []
    room.store.close()
    assert {one.id for one in Erasures(listed).read()} == set(erased)
    told = json.loads(ran.stdout)
    assert len(before) <= told["comments"] <= len(answered)
    for url in others:
        done = restore(tmp_path / "backup", url, tmp_path, Erasures(listed).read())
        assert done.erased > 0
        assert done.erased + told["erased"] + done.unknown == len(set(erased))
        assert check_everything_hashes(url) == told["comments"] - told["erased"] - done.erased
        store = Store.open(url)
        try:
            for id in before:
                comment = store.comment(id)
                assert comment is not None
                assert (comment.text is None) == (id in erased)
            page = store.page(STORY, sort="oldest", after=None, limit=1000)
            assert not {comment.id for comment in page.comments if comment.text} & set(erased)
        finally:
            store.close()


def test_a_damaged_file_restores_nothing(lived: Any, others: list[str], tmp_path: Path) -> None:
    """If a backup is cut short or a bit of it is turned, then it is refused by name, and the database stays empty."""
    whole = lived[2].read_bytes()
    chance = random.Random(20261128)
    broken = [whole[:length] for length in (0, 1, 9, 10, len(whole) // 2, len(whole) - 9, len(whole) - 1)]
    for _ in range(60):
        turned = bytearray(whole)
        turned[chance.randrange(10, len(whole))] ^= 1 << chance.randrange(8)
        broken.append(bytes(turned))
    broken += [
        whole + b"x",
        whole + whole,
        b"SQLite format 3\0" * 99,
        gzip.compress(b"[1]\n"),
        gzip.compress(b"\n" * 99),
    ]
    file = tmp_path / "broken"
    for number, content in enumerate(broken):
        file.write_bytes(content)
        with pytest.raises((BackupDamaged, NotRestorable)):
            verify(file)
        if number % 12 == 4:
            for url in others:
                with pytest.raises((BackupDamaged, NotRestorable)):
                    restore(file, url, tmp_path)
                assert not any(rows for name, rows in rows_of(url).items() if name != "counter")
    for url in others:
        restore(lived[2], url, tmp_path)


def edited(table: str, edit: Any) -> Any:
    """A change of every row of one table, given as a dictionary; None takes the row out."""

    def change(lines: list[Any]) -> list[Any]:
        kept: list[Any] = []
        names, here = [], ""
        for line in lines:
            if isinstance(line, dict) and "table" in line:
                here, names = line["table"], [name for name, _ in line["columns"]]
            if isinstance(line, list) and here == table:
                row = edit(dict(zip(names, line, strict=True)))
                if row is None:
                    continue
                line = list(row.values())
            kept.append(line)
        return kept

    return change


@pytest.mark.parametrize(
    ("table", "edit", "named"),
    [
        (
            "words",
            lambda row: row | ({"text": "Another."} if "tamarind" in row["text"] else {}),
            "later erased",
        ),
        ("words", lambda row: None if "tamarind" in row["text"] else row, "later erased"),
        ("comment", lambda row: row | ({"status": "approved"} if row["status"] == "held" else {}), "held"),
        ("comment", lambda row: row | ({"showing": 1} if row["status"] == "held" else {}), "held"),
        ("comment", lambda row: row | ({"submitted_at": 1} if row["status"] == "held" else {}), "held"),
        ("comment", lambda row: row | ({"erased_at": None} if row["erased_at"] else {}), "erased"),
        ("decision", lambda row: row | ({"verdict": "approve"} if row["seq"] == 2 else {}), "superseded"),
        ("decision", lambda row: None if row["seq"] == 2 else row, "superseded"),
        ("leaf", lambda row: None if row["number"] == 3 else row, None),
        ("counter", lambda row: row | {"leaf": row["leaf"] + 1}, None),
    ],
)
def test_a_forged_backup_names_the_comment(
    lived: Any, tmp_path: Path, table: str, edit: Any, named: str | None
) -> None:
    """If somebody changes a backup and mends all its digests, then what no longer adds up is found, and the comment is named."""
    _, ids, file = lived
    (tmp_path / "forged").write_bytes(file.read_bytes())
    assert verify(remade(tmp_path / "forged", lambda lines: lines)).comments > 0
    with pytest.raises(BackupDamaged) as refused:
        verify(remade(tmp_path / "forged", edited(table, edit)))
    if named is not None:
        # Several are held.
        assert ids[named] in refused.value.comments
        assert len(refused.value.comments) == 1 or named == "held"
        assert ids[named] in refused.value.message
    with pytest.raises(BackupDamaged):
        restore(tmp_path / "remade-forged", f"sqlite:///{tmp_path / 'new.db'}", tmp_path)
    assert rows_of(f"sqlite:///{tmp_path / 'new.db'}")["comment"] == []


def test_another_version_is_refused(lived: Any, tmp_path: Path) -> None:
    """If a backup is of another format or other tables, then it is refused, and the message says which Meydan reads it."""
    (tmp_path / "other").write_bytes(lived[2].read_bytes())
    for change in ({"format": 2}, {"schema": "0001"}):
        file = remade(tmp_path / "other", lambda lines, change=change: [lines[0] | change, *lines[1:]])
        with pytest.raises(NotRestorable, match=r"Meydan 0\.1\.0"):
            restore(file, f"sqlite:///{tmp_path / 'new.db'}", tmp_path)
    assert HEAD != "0001"


def test_nothing_is_restored_over_anything(lived: Any, database_url: str, tmp_path: Path) -> None:
    """If a database was used, by so much as a moderator, then nothing is restored into it."""
    store = Store.open(database_url)
    store.people.add_moderator("Zîn", Clock()(), by="operator")
    store.close()
    before = rows_of(database_url)
    with pytest.raises(NotRestorable, match="not empty"):
        restore(lived[2], database_url, tmp_path)
    assert rows_of(database_url) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from meydan import keeping
from meydan.store import Erasures, Store
from meydan.store.carrying import Target
_, point, file, url, listed = sys.argv
def at(number, work):
    count = 0
    def counted(*given, **more):
        nonlocal count
        count += 1
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*given, **more)
    return counted
if point == "putting": Target.put = at(9, Target.put)
if point == "proving": Target.pieces = at(9, Target.pieces)
if point == "listing": Erasures.add = at(1, Erasures.add)
if point == "erasing": Store.erase = at(2, Store.erase)
before = at(1 if point == "before" else 0, lambda: None)
erased = Erasures(Path(listed)).read()
own = Erasures(Path(listed + ".new"))
keeping.restore(keeping.Backup(open(file, "rb")), url, erased=erased, erasures=own, before=before)
"""


def test_a_restore_that_is_killed(lived: Any, tmp_path: Path, postgresql: PostgreSQL) -> None:
    """If a restore is killed anywhere, then its database is empty, or opened by nobody until the same restore was run to its end."""
    _, ids, file = lived
    listed = Erasures(tmp_path / "erasures.jsonl")
    with snapshot(lived[0]) as source:
        known = {row[1]: row for rows in source.pieces("comment") for row in rows}
    at = {
        name: number
        for number, name in enumerate(["number", "id", "story", "parent", "submitted_at", "commitment"])
    }
    gone = [ids["later erased"], ids["reply"], ids["approved"]]
    listed.add(Erased(id, known[id][at["commitment"]], known[id][at["submitted_at"]] + 10**9) for id in gone)
    points = ("putting", "proving", "before", "listing", "erasing")
    places = [(point, f"sqlite:///{tmp_path / point}.db") for point in points]
    places += [(point, postgresql.new_database(empty=True)) for point in ("putting", "erasing")]
    running = [
        (point, url, subprocess.Popen([sys.executable, "-c", KILLED, point, file, url, listed.path]))
        for point, url in places
    ]
    for point, url, process in running:
        assert process.wait(60) == -9, point
        if point in ("putting", "proving", "before"):
            assert not any(rows for name, rows in rows_of(url).items() if name != "counter")
        else:
            with pytest.raises(NotRestorable, match="not finished"):
                Store.open(url)
            with pytest.raises(NotRestorable, match="not finished"), snapshot(url):
                pass
            other = tmp_path / f"other-{point}"
            if not other.exists():
                other.write_bytes(remade_copy(file, tmp_path))
            with pytest.raises(NotRestorable, match="another backup"):
                restore(other, url, tmp_path, listed.read())
        restore(file, url, tmp_path, listed.read())
        store = Store.open(url)
        assert [store.comment(id).text for id in gone] == [None, None, None]  # type: ignore[union-attr]
        store.close()
        check_everything_hashes(url)


def remade_copy(file: Path, folder: Path) -> bytes:
    (folder / "copy").write_bytes(file.read_bytes())
    return remade(
        folder / "copy", lambda lines: [lines[0] | {"at": "2026-01-01T00:00:00.000000Z"}, *lines[1:]]
    ).read_bytes()


def test_a_full_disk_leaves_no_backup(lived: Any, tmp_path: Path) -> None:
    """If the disk is full before the end, then the verb says so and leaves no file that could be taken for a backup."""
    url = lived[0]
    with Path("/dev/full").open("wb") as full:
        ran = meydan(
            "backup",
            "-",
            "--database",
            url,
            data=tmp_path,
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert (ran.returncode, ran.stderr[:4]) == (75, b"U201")
    ran = meydan(
        "backup", tmp_path / "backup", "--database", url, data=tmp_path,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )  # fmt: skip
    assert (ran.returncode, ran.stderr[:4]) == (75, b"U201")
    assert list(tmp_path.iterdir()) == []


def test_a_backup_is_never_written_over(lived: Any, tmp_path: Path) -> None:
    """If a file of that name is there, then it stays; and what is written is its owner's alone."""
    back_up(lived[0], tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o600
    before = (tmp_path / "backup").read_bytes()
    with pytest.raises(AlreadyExists):
        back_up(lived[0], tmp_path / "backup")
    assert (tmp_path / "backup").read_bytes() == before
    with pytest.raises(BadSettings):
        back_up(f"sqlite:///{tmp_path / 'missing.db'}", tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["backup"]


def test_a_backup_that_ends_as_another_begins_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a backup gets its name between another's opening of the file beside it and locking that, then it stays whole."""
    file, flock = tmp_path / "backup", fcntl.flock
    with contextlib.ExitStack() as first:
        first.enter_context(keeping.whole_file(file)).write(b"whole")

        def late(out: Any, how: int) -> None:
            monkeypatch.setattr(fcntl, "flock", flock)
            first.close()
            flock(out, how)

        monkeypatch.setattr(fcntl, "flock", late)
        with pytest.raises(AlreadyExists), keeping.whole_file(file):
            pass
    assert file.read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [file]


def test_a_backup_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    """If a backup of that name is being written, then another is told to wait, and the first ends as if alone."""
    file = tmp_path / "backup"
    with keeping.whole_file(file) as out:
        out.write(b"whole")
        with pytest.raises(StoreUnavailable, match="Wait"), keeping.whole_file(file):
            pass
    assert file.read_bytes() == b"whole"


def test_a_folder_that_ends_as_another_begins_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a folder gets its name between another's opening and locking it, then it stays whole, and the other is refused."""
    folder, flock = tmp_path / "out", fcntl.flock
    with contextlib.ExitStack() as first:
        (first.enter_context(keeping.whole_folder(folder, "list")) / "one").write_bytes(b"whole")

        def late(out: Any, how: int) -> None:
            monkeypatch.setattr(fcntl, "flock", flock)
            first.close()
            flock(out, how)

        monkeypatch.setattr(fcntl, "flock", late)
        with pytest.raises(AlreadyExists), keeping.whole_folder(folder, "list"):
            pass
    assert (folder / "one").read_bytes() == b"whole"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_is_there_with_all_of_it_or_not_at_all(tmp_path: Path) -> None:
    """If something fails while a folder is filled, then there is none; and what a crash left aside is in no later one."""
    folder, aside = tmp_path / "out", tmp_path / "out.unfinished"
    with pytest.raises(IsADirectoryError), keeping.whole_folder(folder, "list") as filled:
        filled.write_bytes(b"half")
    assert list(tmp_path.iterdir()) == []
    aside.mkdir()
    (aside / "left").write_bytes(b"half")
    with keeping.whole_folder(folder, "list") as filled:
        (filled / "one").write_bytes(b"whole")
        with pytest.raises(StoreUnavailable, match="Wait"), keeping.whole_folder(folder, "list"):
            pass
    assert [path.name for path in folder.iterdir()] == ["one"]
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("taken", [False, True])
def test_where_no_file_has_two_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool) -> None:
    """If a file is written to a stick that knows no second names, then it is there whole, and over nothing that came meanwhile."""

    def link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    file = tmp_path / "list"
    with (
        pytest.raises(StoreUnavailable, match="exists") if taken else contextlib.nullcontext(),
        keeping.whole_file(file, "list") as out,
    ):
        out.write(b"whole")
        if taken:
            file.write_bytes(b"another's")
    assert file.read_bytes() == (b"another's" if taken else b"whole")
    assert list(tmp_path.iterdir()) == [file]


def test_a_backup_with_two_names_is_not_written_into(tmp_path: Path) -> None:
    """If a crash left a backup its unfinished name beside its own, and it was moved, then the next one leaves it as it is."""
    file, moved = tmp_path / "backup", tmp_path / "moved"
    moved.write_bytes(b"whole")
    (tmp_path / "backup.unfinished").hardlink_to(moved)
    with keeping.whole_file(file) as out:
        out.write(b"next")
    assert (moved.read_bytes(), file.read_bytes()) == (b"whole", b"next")
    assert sorted(tmp_path.iterdir()) == [file, moved]


def test_a_database_that_does_not_add_up_is_not_backed_up(lived: Any, tmp_path: Path) -> None:
    """If somebody changed a text past the triggers, then the backup says which, and is not made."""
    _, ids, file = lived
    url = f"sqlite:///{tmp_path / 'meydan.db'}"
    restore(file, url, tmp_path)
    with around(url) as connection:
        connection.execute("DROP TRIGGER words_never_change")
        connection.execute("UPDATE words SET text = text || '!' WHERE text LIKE '%tamarind%'")
    with pytest.raises(BackupDamaged) as refused:
        back_up(url, tmp_path / "backup")
    assert refused.value.comments == (ids["later erased"],)
    assert not (tmp_path / "backup").exists()


def test_the_command_line_keeps_a_newsroom(lived: Any, tmp_path: Path) -> None:
    """If a backup goes through a pipe with the secret, then it comes back with it; without a list of erasures nothing is restored unless that is said."""
    url, ids, _ = lived
    data, new = tmp_path / "data", tmp_path / "new"
    data.mkdir()
    (data / "secret.key").write_text("ab" * 32)
    (data / "ledger.key").write_text("cd" * 32)
    (data / "calibration.json").write_text("{}")
    ran = meydan("backup", "-", "--with-secret", "--database", url, data=data)
    assert (ran.returncode, ran.stderr.split()[0]) == (0, b"The"), ran.stderr
    backup = ran.stdout
    refused = meydan("restore", "-", data=new, given=backup)
    assert (refused.returncode, refused.stderr[:4]) == (2, b"M308")
    assert b"--without-erasures" in refused.stderr
    ran = meydan("restore", "-", "--erasures", url, "--json", data=new, given=backup)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["comments"], told["ledger_checkpoint"]) == (len(rows_of(url)["comment"]), False)
    assert (new / "secret.key").read_text() == "ab" * 32
    assert (new / "ledger.key").read_text() == "cd" * 32
    assert (new / "secret.key").stat().st_mode & 0o777 == 0o600
    assert rows_of(f"sqlite:///{new / 'meydan.db'}")["words"] == rows_of(url)["words"]
    (tmp_path / "file").write_bytes(backup)
    ran = meydan("backup", tmp_path / "file", "--verify", "--json", data=tmp_path / "nothing")
    assert json.loads(ran.stdout)["erased"] == 1
    assert ids["erased"] in (new / "erasures.jsonl").read_text()
    assert not (tmp_path / "nothing").exists()


ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")


def test_the_root_is_that_of_rfc_6962() -> None:
    """If leaves are added one by one, then each root is the one that other people's implementations have."""
    tree = Tree()
    assert tree.root().hex() == ROOTS[0]
    for leaf, root in zip(LEAVES, ROOTS[1:], strict=True):
        tree.add(leaf_hash(bytes.fromhex(leaf)))
        assert tree.root().hex() == root


def test_a_restore_into_parts(
    lived: tuple[str, dict[str, str], Path], tmp_path: Path, postgresql: PostgreSQL
) -> None:
    """If a backup is restored into tables that are divided by month, then each row is there, and comments go on coming."""
    url, _, backup = lived
    now = datetime.now(UTC)
    target = postgresql.new_database(by_month=False)
    months.change(target, by_month=True, at=now)
    restore(backup, target, tmp_path)
    told = rows_of(url, without=("meta", *LEFT_OUT))
    assert rows_of(target, without=("meta", *LEFT_OUT))["comment"] == told["comment"]
    check_everything_hashes(target)
    store = Store.open(target)
    try:
        store.keep_months(now)
        decide(store, receive(store))
    finally:
        store.close()
    with around(target) as connection:
        (newest,) = connection.execute("SELECT max(number) FROM comment").fetchone()
    assert newest == months.first_number(months.month_of(now))


def test_replies_to_a_month_that_was_taken_away(
    lived: tuple[str, dict[str, str], Path], tmp_path: Path, postgresql: PostgreSQL
) -> None:
    """If a reply is to a comment that is gone with its month, then its backup goes into a divided database, and any other says so."""
    _, ids, file = lived
    source = f"sqlite:///{tmp_path / 'meydan.db'}"
    restore(file, source, tmp_path)
    unguarded(
        source, "PRAGMA foreign_keys = OFF", f"UPDATE comment SET parent = 'gone' WHERE id = '{ids['reply']}'"
    )
    back_up(source, tmp_path / "backup")
    whole, divided = (postgresql.new_database(by_month=False) for _ in range(2))
    months.change(divided, by_month=True, at=datetime.now(UTC))
    for target in (f"sqlite:///{tmp_path / 'other.db'}", whole):
        with pytest.raises(BackupDamaged, match="migrate --by-month"):
            restore(tmp_path / "backup", target, tmp_path)
        with around(target) as connection:
            assert connection.execute("SELECT count(*) FROM comment").fetchone() == (0,)
    restore(tmp_path / "backup", divided, tmp_path)
    check_everything_hashes(divided)


def test_no_statement_takes_too_long(postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a large database has an index or a table that takes longer than a server is waited for, then it is waited for."""
    target = postgresql.new_database()
    # Each index takes a second and a half, and nobody else waits for longer than one.
    with around(target) as connection:
        connection.execute(
            "CREATE FUNCTION slowly() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(1.5); END $$"
        )
        connection.execute(
            "CREATE EVENT TRIGGER slow ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION slowly()"
        )
    monkeypatch.setattr(database, "SILENCE_S", 1.0)
    with empty(target) as filled:
        filled.open_up()
        filled._taken_off = filled._taken_off[:1]
        filled.close_up()
