"""
The ledger's attacks, each at a running server with its own database: who catches it, and what it is called.

Whoever attacks owns the database, and where it says so the ledger's key and the node's memory too. Who is attacked has an
address, a key, and what was verified before. Each attack is undone after its test.
"""

from __future__ import annotations

import base64
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from typer.main import get_command

from meydan.cli import ledger, verifying
from meydan.errors import LeafChanged, LeafMissing, LedgerRolledBack, MeydanError, OtherLedgerKey
from meydan.ledger import receipt as receipts
from meydan.ledger.leaf import receipt_leaf
from meydan.ledger.note import SigningKey
from meydan.ledger.receipt import Receipt
from tests.ledger.served import BEGAN, leaves_of
from tests.newsroom import UNMEASURED, Newsroom, newsroom
from tests.publishing.making import unguarded
from tests.web.conftest import UNHURRIED, courteous

LEDGER = get_command(ledger.app)
FORGET = ("DELETE FROM tile", "DELETE FROM checkpoint")


@dataclass
class Attacked:
    """A newsroom with more leaves than a tile has; its readers, and whoever owns its database."""

    room: Newsroom
    data: Path
    state: Path
    key: str
    told: dict[str, Any] = field(default_factory=dict)

    # -- readers ---------------------------------------------------------------

    def send(self, text: str = "") -> dict[str, Any]:
        """Send a comment, which is approved; what its author was told."""
        body = {"story": {"url": self.room.story}, "name": "Rojin", "text": text or courteous()}
        told: dict[str, Any] = httpx.post(f"{self.room.url}/api/v1/comments", json=body, timeout=30).json()
        return told

    def ran(self, *command: str, key: str | None = None) -> tuple[int, dict[str, Any]]:
        """`meydan ledger …`: its exit code, and what it said as JSON."""
        run = CliRunner().invoke(LEDGER, [*command, "--key", key or self.key, "--json"])
        assert run.exception is None or isinstance(run.exception, SystemExit), run.exception
        # The server, which is in this process, may log beside it.
        (answer,) = [line for line in run.output.splitlines() if line.startswith("{")]
        return run.exit_code, json.loads(answer)

    def verified(self, *more: str) -> tuple[int, set[str]]:
        """Verify as somebody who verified before: the exit code, and the names of what was found."""
        code, told = self.ran("verify", f"{self.room.url}/ledger/", "--state", str(self.state), *more)
        return code, set(told["counts"])

    def checked(self, what: str, *more: str) -> tuple[int, list[str]]:
        """Check a receipt or a comment: the exit code, and how what is false or not known begins."""
        place = () if what.startswith("http") else ("--ledger", f"{self.room.url}/ledger/")
        code, told = self.ran("check", what, *place, *more)
        points = [point for point in told["points"] if point["proved"] in ("no", "unknown")]
        return code, [point["told"].split(":")[0] for point in points]

    def address(self, told: dict[str, Any]) -> str:
        return f"{self.room.url}/comments/{told['id']}"

    # -- the newsroom -----------------------------------------------------------

    def publish(self) -> MeydanError | None:
        """What the server does every two seconds; what stops it, which is told in its figures too."""
        self.room.meydan.ledger.round()
        stopped = self.room.meydan.ledger.standing.stopped
        figures = httpx.get(f"{self.room.url}/metrics").text
        assert f"meydan_ledger_stopped {float(stopped is not None)}" in figures
        return stopped

    # -- who attacks ------------------------------------------------------------

    def behind(self, *statements: str) -> None:
        unguarded(f"sqlite:///{self.data / 'meydan.db'}", *statements)

    def forget(self) -> None:
        """What was published, also what this node remembers of it."""
        self.behind(*FORGET)
        self.memory.unlink()

    @property
    def memory(self) -> Path:
        return self.data / "ledger.checkpoint"

    @property
    def remembered(self) -> tuple[Path, ...]:
        """By whoever verified."""
        return self.state, self.state.with_suffix(".book")

    @property
    def keys(self) -> Path:
        return self.data / "ledger.key"

    def leaf(self, told: dict[str, Any], kind: str) -> dict[str, Any]:
        """The first leaf of a kind about a comment."""
        proof = httpx.get(f"{self.room.url}/api/v1/comments/{told['id']}/proof").json()
        return next(leaf for leaf in proof["leaves"] if json.loads(leaf["body"])["kind"] == kind)


@pytest.fixture(scope="module")
def newspaper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    data = tmp_path_factory.mktemp("attacked")
    with newsroom(data, **UNHURRIED) as room:
        # Two of them lie in the first tile, which becomes full, and two in the one that does not.
        many = leaves_of(200)
        made = Attacked(room, data, data / "verified.json", "")
        with pytest.MonkeyPatch.context() as earlier:
            earlier.setattr(room.meydan.desk, "_clock", lambda: BEGAN)
            made.told["old"] = made.send()
        room.meydan.store._writer.write(lambda hand: hand.leaves(many) and None)
        made.told["new"] = made.send()
        room.meydan.ledger.round()
        made.key = httpx.get(f"{room.url}/ledger/key").text.strip()
        assert made.publish() is None
        assert made.verified() == (0, set())
        for told in made.told.values():
            assert made.checked(made.address(told)) == (0, [])
            assert made.checked(told["receipt"]) == (0, [])
        yield made


@pytest.fixture
def under(newspaper: Attacked, monkeypatch: pytest.MonkeyPatch) -> Iterator[Attacked]:
    """The newsroom, sound, and verified by somebody; as it was again afterwards."""
    monkeypatch.setattr(verifying, "BEHIND_S", 0.01)
    files = {path: path.read_bytes() for path in (newspaper.memory, newspaper.keys, *newspaper.remembered)}
    with closing(sqlite3.connect(":memory:")) as kept:
        copy(newspaper, kept)
        yield newspaper
        put_back(newspaper, kept)
    for path, content in files.items():
        path.write_bytes(content)
    shutil.rmtree(newspaper.data / "verified.evidence", ignore_errors=True)
    assert newspaper.publish() is None


def copy(newspaper: Attacked, to: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(newspaper.data / "meydan.db", timeout=20)) as base:
        base.backup(to)


def put_back(newspaper: Attacked, kept: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(newspaper.data / "meydan.db", timeout=20)) as base:
        kept.backup(base)


def test_a_forked_tree(under: Attacked) -> None:
    """If history is written anew and signed with the true key, then who verified before says that it forked."""
    leaf = under.leaf(under.told["old"], "decision")
    other = leaf["body"].replace('"rules":[]', '"rules":["threats"]').replace('"approve"', '"reject"')
    assert other != leaf["body"]
    under.behind(f"UPDATE leaf SET body = CAST('{other}' AS BLOB) WHERE number = {leaf['number']}")
    under.forget()
    assert under.publish() is None
    assert under.verified() == (1, {"forked tree"})
    # Grown since, it is found as well: by a proof between the two.
    under.send()
    under.publish()
    assert under.verified() == (1, {"forked tree"})
    assert (
        under.ran("verify", f"{under.room.url}/ledger/", "--state", str(under.data / "another.json"))[0] == 0
    )
    # Nobody's word but the signatures': two trees of one size are put by.
    trees = {
        tuple(path.read_text().split("\n")[1:3]) for path in (under.data / "verified.evidence").glob("*.txt")
    }
    sizes = [size for size, _ in trees]
    assert (len(sizes), len(set(sizes))) == (3, 2)


def test_a_restored_database(under: Attacked) -> None:
    """If an older database is put back, then the publisher stops and says how to go on, and who verified says it too."""
    with closing(sqlite3.connect(":memory:")) as older:
        copy(under, older)
        sent = under.send()
        assert under.publish() is None
        assert under.verified() == (0, set())
        put_back(under, older)
    stopped = under.publish()
    assert isinstance(stopped, LedgerRolledBack)
    assert "--new-log" in stopped.message
    assert under.verified() == (1, {"rolled back"})
    assert under.checked(sent["receipt"]) == (2, ["Stale checkpoint"])
    # Comments go on, and nothing is promised that may never be published.
    assert under.send()["receipt"].startswith("mr1.")
    # Nor does it help to go on as if nothing had been: the promised place is another comment's then.
    under.memory.unlink()
    assert under.publish() is None
    assert under.verified() == (1, {"forked tree"})
    assert under.checked(sent["receipt"]) == (1, ["Changed leaf"])


def test_a_changed_byte(under: Attacked) -> None:
    """If one byte of a stored text is changed, then the comment's check says that other words are shown."""
    id = under.told["old"]["id"]
    assert under.checked(under.address(under.told["old"])) == (0, [])
    under.behind(
        f"UPDATE words SET text = replace(text, 'T', 't') WHERE comment = (SELECT number FROM comment WHERE id = '{id}')"
    )
    assert under.checked(under.address(under.told["old"])) == (1, ["Changed text"])


@pytest.mark.parametrize("which", ["old", "new"])
def test_a_deleted_decision(under: Attacked, which: str) -> None:
    """
    If a decision is deleted, then the comment is not what was decided; if its leaf is too, then there is a hole, for who
    verifies everything, and for the publisher, if it has not gone by.
    """
    told = under.told[which]
    leaf = under.leaf(told, "decision")
    under.behind(f"DELETE FROM decision WHERE leaf = {leaf['number']}")
    code, found = under.checked(under.address(told))
    assert (code, found) == (1, ["What is shown as approved was not"])
    under.behind(f"DELETE FROM leaf WHERE number = {leaf['number']}")
    assert under.verified("--all") == (1, {"hole"})
    under.send()
    stopped = under.publish()
    assert isinstance(stopped, LeafMissing) == (which == "new")


@pytest.mark.parametrize(
    ("kind", "finding"),
    [("receipt", "Changed leaf"), ("decision", "What is shown as approved was not")],
)
def test_a_deleted_leaf(under: Attacked, kind: str, finding: str) -> None:
    """If only a leaf of a shown comment is deleted, then the comment's check says what is missing of it."""
    told = under.told["old"]
    under.behind(f"DELETE FROM leaf WHERE number = {under.leaf(told, kind)['number']}")
    assert under.checked(under.address(told)) == (1, [finding])
    assert under.verified("--all") == (1, {"hole"})


def test_a_changed_decision(under: Attacked) -> None:
    """If a decision's leaf is changed, then whoever verifies everything names it, and the comment's check too."""
    told = under.told["new"]
    number = under.leaf(told, "decision")["number"]
    under.behind(
        f'UPDATE leaf SET body = CAST(replace(CAST(body AS TEXT), \'"rules":[]\', \'"rules":["x"]\') AS BLOB) WHERE number = {number}'
    )
    # Of a tile that is not full the hashes are made of the leaves: they lead to another root than was signed.
    assert under.verified("--all") == (1, {"swapped tile"})
    code, found = under.checked(under.address(told))
    assert (code, found) == (1, ["Swapped tile"])
    under.send()
    assert isinstance(under.publish(), LeafChanged)


def test_a_changed_decision_of_long_ago(under: Attacked) -> None:
    """If it lies under a full tile, then the leaf itself is named; the publisher has gone by."""
    told = under.told["old"]
    number = under.leaf(told, "decision")["number"]
    under.behind(
        f'UPDATE leaf SET body = CAST(replace(CAST(body AS TEXT), \'"rules":[]\', \'"rules":["x"]\') AS BLOB) WHERE number = {number}'
    )
    assert under.verified("--all") == (1, {"changed leaf"})
    assert under.checked(under.address(told)) == (1, ["Changed leaf"])


def test_a_swapped_tile(under: Attacked) -> None:
    """If a tile is another one, then whoever needs it says so."""
    hashes = httpx.get(f"{under.room.url}/ledger/tile/0/000").content
    other = (hashes[32:] + hashes[:32]).hex()
    under.behind(f"UPDATE tile SET hashes = x'{other}' WHERE level = 0 AND number = 0")
    assert under.verified("--all") == (1, {"swapped tile"})
    assert under.checked(under.address(under.told["old"])) == (1, ["Swapped tile"])


def test_a_forged_receipt(under: Attacked) -> None:
    """If a receipt is made or changed by somebody else, then it is forged, or by another key; without its signature it is none."""
    told = receipts.read(under.told["old"]["receipt"])
    assert told is not None
    at = datetime.fromisoformat(told.at)

    def word(**changed: Any) -> str:
        facts = {
            "id": told.id,
            "salt": told.salt.hex(),
            "commitment": told.commitment.hex(),
            "leaf": told.leaf,
        }
        facts |= {"at": told.at, "log": told.log, "sig": told.sig, **changed}
        return "mr2." + base64.urlsafe_b64encode(json.dumps(facts).encode()).rstrip(b"=").decode()

    assert under.checked(word()) == (0, [])
    assert under.checked(word(leaf=told.leaf + 1)) == (1, ["Forged receipt"])
    assert under.checked(word(at="2026-01-01T00:00:00.000000Z")) == (1, ["Forged receipt"])
    other = Receipt(told.id, told.salt, told.commitment, told.leaf, at, SigningKey(told.log, b"o" * 32))
    assert under.checked(str(other)) == (1, ["Wrong key"])
    # Damaged ones are none, whatever is wrong with them.
    for bad in ({"sig": ""}, {"at": ""}, {"at": "soon"}, {"at": "2026-02-30T00:00:00.000000Z"}, {"log": ""}):
        code, answer = under.ran("check", word(**bad), "--ledger", f"{under.room.url}/ledger/")
        assert (code, answer["code"]) == (2, "M363"), bad


def test_a_forged_receipt_that_is_signed(under: Attacked) -> None:
    """If the newsroom itself signed a receipt for what it never wrote down, then its own ledger says so."""
    told = receipts.read(under.told["old"]["receipt"])
    assert told is not None
    key = under.room.meydan.ledger.receipt_key()
    forged = Receipt(told.id, told.salt, bytes(32), told.leaf, datetime.fromisoformat(told.at), key)
    assert under.checked(str(forged)) == (1, ["Changed leaf"])


def test_a_stale_checkpoint(under: Attacked) -> None:
    """If an old checkpoint is shown, then it cannot be told whether that is all: by the age of what is newest, and by receipts."""
    sent = under.send()
    assert under.checked(sent["receipt"]) == (2, ["Stale checkpoint"])
    assert under.checked(under.address(sent)) == (2, ["Stale checkpoint"] * 2)
    assert under.verified("--stale-after", "3600") == (0, set())
    assert under.verified("--stale-after", "0") == (2, {"stale checkpoint"})
    under.publish()
    assert under.checked(sent["receipt"]) == (0, [])


def test_a_wrong_key(under: Attacked) -> None:
    """If another key signs, then the publisher stops; where it was made to forget, who knows the key says that it is another."""
    under.keys.write_text("f0" * 32 + "\n")
    under.send()
    stopped = under.publish()
    assert isinstance(stopped, OtherLedgerKey)
    assert "--new-log" in stopped.message
    told = httpx.get(f"{under.room.url}/ledger/key")
    assert (told.status_code, told.json()["message"]) == (
        404,
        "The key that this ledger is signed with is not known here.",
    )
    page = httpx.get(f"{under.room.url}/ledger")
    assert (page.status_code, "meydan ledger verify" in page.text) == (200, False)
    assert under.verified() == (0, set())
    under.forget()
    assert under.publish() is None
    assert httpx.get(f"{under.room.url}/ledger/key").text.strip() != under.key
    assert under.verified() == (1, {"wrong key"})
    assert under.checked(under.address(under.told["old"])) == (1, ["Wrong key"])


def test_a_clock_that_is_set_back(under: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the server's clock is set back, then who verifies is warned, and how often it happened is counted."""
    desk = under.room.meydan.desk
    monkeypatch.setattr(desk, "_clock", lambda: datetime.now(UTC) - timedelta(days=1))
    under.send(UNMEASURED)
    monkeypatch.undo()
    monkeypatch.setattr(verifying, "BEHIND_S", 0.01)
    assert under.publish() is None
    assert under.verified("--all") == (0, {"clock set back"})


def test_leaves_that_were_never_sent(under: Attacked) -> None:
    """If a receipt is written into the ledger for a comment that has one, then the order is impossible."""
    told = receipts.read(under.told["old"]["receipt"])
    assert told is not None
    body = receipt_leaf(told.commitment, datetime.now(UTC))
    under.room.meydan.store._writer.write(lambda hand: hand.leaves([body]) and None)
    assert under.publish() is None
    assert under.verified() == (1, {"impossible order"})
