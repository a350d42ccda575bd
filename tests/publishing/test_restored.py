"""What was published is carried with everything else, and gone on from where it was restored; older commitments too."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from meydan import keeping
from meydan.errors import BackupDamaged, NotErasable
from meydan.ledger import commitment_of, opening_of, receipt_leaf
from meydan.ledger.tiles import parse
from meydan.ledger.verify import CHECKPOINT, Outcome, Verifier
from meydan.store import Erasures, Store
from meydan.store.carrying import snapshot
from tests.desk.conftest import Clock, Room
from tests.keeping.lived import GUIDELINES, JUDGE, live, rows_of
from tests.postgresql import PostgreSQL
from tests.publishing.making import NAME, Node, checked, leaves, unguarded
from tests.store.making import later, receive

SALT, TEXT = b"\7" * 32, "Well said."


def former(salt: bytes, text: str) -> bytes:
    return hashlib.sha256(b"meydan.comment.v1\0" + salt + text.encode()).digest()


def committed(store: Store, commitment: bytes, id: str) -> None:
    at = later()
    receive(
        store,
        TEXT,
        id=id,
        salt=SALT,
        commitment=commitment,
        submitted_at=at,
        leaf=receipt_leaf(commitment, at),
    )


def back_up(url: str, file: Path) -> None:
    with keeping.whole_file(file) as out, snapshot(url) as source:
        keeping.back_up(source, out, clock=Clock())


def test_a_restored_newsroom_goes_on(
    store: Store, database_url: str, tmp_path: Path, postgresql: PostgreSQL
) -> None:
    """If a backup is restored into a database of the other kind, then the ledger there goes on from its last checkpoint."""
    node = Node(store, tmp_path / "node")
    committed(store, commitment_of(SALT, TEXT), "today")
    committed(store, former(SALT, TEXT), "before")
    store._writer.write(lambda hand: hand.leaves([b"{}"] * 300) and None)
    node.publishing.round()
    before = checked(node)
    back_up(database_url, tmp_path / "backup")
    other = (
        postgresql.new_database(empty=True)
        if store.dialect == "sqlite"
        else f"sqlite:///{tmp_path / 'restored.db'}"
    )
    with (tmp_path / "backup").open("rb") as opened:
        keeping.restore(
            keeping.Backup(opened), other, erased=None, erasures=Erasures(tmp_path / "restored.jsonl")
        )
    published = ("log", "checkpoint", "tile")
    assert {name: rows_of(other)[name] for name in published} == {
        name: rows_of(database_url)[name] for name in published
    }
    restored = Store.open(other)
    try:
        # In the folder that saw the last checkpoint, and in one that saw nothing.
        for folder in (node.folder, tmp_path / "new"):
            again = Node(restored, folder)
            receive(restored)
            assert again.publishing.round() == 1
            assert checked(again, before).size > before.size
    finally:
        restored.close()


@pytest.mark.parametrize("commitment", [commitment_of(SALT, "other"), former(SALT, "other"), b"\0" * 32])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_another_commitment_is_not_backed_up(
    store: Store, database_url: str, tmp_path: Path, commitment: bytes
) -> None:
    """If a text is not what was committed to, in either form, then there is no backup of it."""
    committed(store, commitment, "changed")
    with pytest.raises(BackupDamaged):
        back_up(database_url, tmp_path / "backup")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_its_author_opens_a_commitment_of_before(store: Store, database_url: str) -> None:
    """If a comment is of before openings, then its proof has none; a changed text is told with one, and does not fit."""
    room = Room(store, JUDGE, GUIDELINES)
    sent = room.send()
    assert room.desk.proof(sent.id).opening is not None
    text = room.desk.proof(sent.id).text
    kept = store.kept_of(sent.id)
    assert kept is not None
    unguarded(
        database_url,
        f"UPDATE comment SET commitment = x'{former(kept.salt, text).hex()}' WHERE id = '{sent.id}'",
    )
    assert room.desk.proof(sent.id).opening is None
    unguarded(database_url, "UPDATE words SET text = text || '!'")
    told = room.desk.proof(sent.id)
    assert (told.text, told.opening) == (f"{text}!", opening_of(kept.salt))


def test_nobody_honest_is_accused(store: Store, tmp_path: Path) -> None:
    """If something of everything was done to comments, then who verifies finds nothing, not even a warning."""
    room = Room(store, JUDGE, GUIDELINES)
    ids = live(room)
    # What the law asks for in between: asked for, held, and carried out when the hold ends.
    with pytest.raises(NotErasable):
        room.desk.erase(ids["escalated"])
    room.desk.end_hold(ids["escalated"], reason="No danger.", by="Mem")
    room.desk.erase(ids["withdrawn"])
    for _ in range(2):
        room.desk.erase(ids["later erased"])
    node = Node(store, tmp_path / "node")
    node.publishing.round()

    def fetch(path: str) -> bytes:
        row = node.publishing.checkpoint()
        assert row is not None
        found = row.note.encode() if path == CHECKPOINT else node.publishing.tile(parse(path))
        assert found is not None
        return found

    keys = [key.verifying for key in node.keys(NAME)]
    report = Verifier(fetch, keys).verify(now=room.clock.now, book_key=b"k" * 16)
    assert (report.outcome, report.findings) == (Outcome.SOUND, ())
    assert report.leaves == len(leaves(store)) > 20
