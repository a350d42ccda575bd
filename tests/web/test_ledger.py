"""The ledger's doors: whoever has nothing but their answers can verify everything, and nobody learns more."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from meydan.comment import Verdict
from meydan.ledger import checkpoint as checkpoints
from meydan.ledger import receipt as receipts
from meydan.ledger.checkpoint import Checkpoint
from meydan.ledger.leaf import commitment_with, opening_of
from meydan.ledger.note import Signature, VerifyingKey
from meydan.ledger.receipt import Told
from meydan.ledger.tiles import ENTRIES, Tile, TileReader, decode_entries, tile_in
from meydan.ledger.tree import check_inclusion, inclusion_path, leaf_hash
from tests import warm
from tests.newsroom import ABUSIVE, UNMEASURED, Newsroom, newsroom
from tests.web.conftest import UNHURRIED, courteous

ELSEWHERE = {"origin": "https://elsewhere.example"}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with newsroom(tmp_path_factory.mktemp("room"), **UNHURRIED) as opened:
        assert httpx.get(f"{opened.url}/ledger/checkpoint").json()["code"] == "R108"
        opened.send(courteous())
        opened.meydan.ledger.round()
        yield opened


class Ledger:
    """A ledger as a stranger has it: by address and keys alone."""

    def __init__(self, url: str) -> None:
        self.url = url
        words = self.get("key").text.splitlines()
        self.keys = [VerifyingKey.parse(word) for word in words]

    def get(self, path: str) -> httpx.Response:
        answer = httpx.get(f"{self.url}{path}", headers=ELSEWHERE)
        assert answer.status_code == 200, answer.text
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "set-cookie" not in answer.headers
        return answer

    def checkpoint(self) -> Checkpoint:
        answer = self.get("checkpoint")
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["cache-control"] == "no-cache"
        return checkpoints.open(answer.content, self.keys)[0]

    def tile(self, tile: Tile) -> bytes:
        answer = self.get(tile.path)
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        return answer.content

    def check(self, number: int, body: bytes) -> None:
        """That leaf `number` is these bytes, by a proof of inclusion from tiles."""
        now = self.checkpoint()
        path = inclusion_path(number, now.size, TileReader(now.size, self.tile))
        check_inclusion(leaf_hash(body), number, now.size, path, now.root)


def proof(room: Newsroom, id: str) -> httpx.Response:
    return httpx.get(f"{room.url}/api/v1/comments/{id}/proof", headers=ELSEWHERE)


def test_a_shown_comment_can_be_checked_by_anybody(room: Newsroom) -> None:
    """If readers see a comment, then its text opens the commitment in leaves that are in the ledger."""
    text = f"{courteous()} Zor spas، بۆ ئەم هەواڵە\r\n\u2028 🙂"
    id = room.send(text)
    room.meydan.ledger.round()
    answer = proof(room, id)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] == "*"
    told = answer.json()
    assert (told["id"], told["status"], told["name"], told["text"]) == (id, "approved", "Rojin", text)
    assert commitment_with(bytes.fromhex(told["opening"]), told["text"]).hex() == told["commitment"]
    assert told["ledger"] == f"{room.url}/ledger/"
    ledger = Ledger(told["ledger"])
    assert told["origin"] == ledger.checkpoint().origin == f"{room.url.removeprefix('http://')}/ledger"
    said = [json.loads(leaf["body"]) for leaf in told["leaves"]]
    assert [(one["kind"], one.get("verdict")) for one in said] == [("receipt", None), ("decision", "approve")]
    assert {one["commitment"] for one in said} == {told["commitment"]}
    for leaf in told["leaves"]:
        ledger.check(leaf["number"], leaf["body"].encode())
    bundle = tile_in(ENTRIES, 0, ledger.checkpoint().size)
    bodies = decode_entries(ledger.tile(bundle), bundle.width)
    assert bodies[told["leaves"][0]["number"]] == told["leaves"][0]["body"].encode()


def test_the_salt_stays_the_authors(room: Newsroom) -> None:
    """If anybody asks for the proof, then nothing in it is the salt, which withdraws."""
    answer = httpx.post(
        f"{room.url}/api/v1/comments",
        json={"story": {"url": room.story}, "name": "Nada", "text": courteous()},
    ).json()
    receipt = receipts.read(answer["receipt"])
    assert receipt is not None
    told = proof(room, answer["id"])
    assert told.json()["opening"] == opening_of(receipt.salt).hex()
    assert receipt.salt.hex() not in told.text


def test_a_receipt_is_signed(room: Newsroom) -> None:
    """If a comment is taken, then its receipt is signed by the ledger's key, and what was changed in it is not."""
    told = receipts.read(
        httpx.post(
            f"{room.url}/api/v1/comments",
            json={"story": {"url": room.story}, "name": "Nada", "text": courteous()},
        ).json()["receipt"]
    )
    assert told is not None
    (key,) = Ledger(f"{room.url}/ledger/").keys
    assert key.name == told.log

    def signed(one: Told) -> bool:
        return key.verifies(one.text, Signature.of(one.log, one.sig))

    assert signed(told)
    assert not signed(Told(told.id, told.salt, told.commitment, told.leaf + 1, told.at, told.log, told.sig))
    assert not signed(Told(told.id, told.salt, b"\0" * 32, told.leaf, told.at, told.log, told.sig))
    room.meydan.ledger.round()
    Ledger(f"{room.url}/ledger/").check(told.leaf, _receipt_leaf(told))


NOBODYS: dict[str, Callable[[Newsroom], str]] = {
    "nothing": lambda _: "made-up",
    "held": lambda room: room.send(UNMEASURED),
    "rejected": lambda room: room.send(ABUSIVE),
}


@pytest.mark.parametrize("what", NOBODYS)
def test_what_readers_never_saw_is_not_told_of(room: Newsroom, what: str) -> None:
    """If readers never saw a comment, then its proof is refused as if there were none."""
    refused = proof(room, NOBODYS[what](room))
    assert (refused.status_code, refused.json()) == (404, proof(room, "made-up").json())


def test_what_is_decided_meanwhile_is_not_told(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a comment is rejected while its proof is put together, then it is not told as shown, nor with a rejection."""
    id = room.send(courteous())
    assert proof(room, id).status_code == 200
    store = room.meydan.store
    kept_of = store.kept_of

    def rejected_first(asked: str) -> Any:
        monkeypatch.setattr(store, "kept_of", kept_of)
        token = {"authorization": f"Bearer {room.meydan.staff.add_token('rejects')}"}
        body = {"verdict": "reject", "rules": ["abuse"]}
        answer = httpx.post(f"{room.url}/api/v1/comments/{id}/decisions", json=body, headers=token)
        assert answer.status_code == 201, answer.text
        return kept_of(asked)

    monkeypatch.setattr(store, "kept_of", rejected_first)
    assert proof(room, id).status_code == 404


def test_of_what_is_gone_only_that_is_told(room: Newsroom) -> None:
    """If a comment was erased, withdrawn or escalated, then neither words nor opening nor leaves are told any more."""
    desk = room.meydan.desk
    erased, rejected = room.send(courteous()), room.send(courteous())
    desk.erase(erased)
    assert proof(room, erased).json() == {"id": erased, "status": "erased"}
    sent = httpx.post(
        f"{room.url}/api/v1/comments",
        json={"story": {"url": room.story}, "name": "Nada", "text": courteous()},
    ).json()
    desk.withdraw(sent["id"], receipt=sent["receipt"])
    assert proof(room, sent["id"]).json() == {"id": sent["id"], "status": "withdrawn"}
    room.meydan.staff.add_moderator("Zîn", role="editor")
    desk.review(rejected, Verdict.REJECT, by="Zîn", rules=["abuse"])
    assert proof(room, rejected).status_code == 404
    desk.erase(rejected)
    assert proof(room, rejected).status_code == 404
    escalated = room.send(courteous())
    desk.escalate(escalated, kind="threat-to-life", told="", by="Zîn")
    assert proof(room, escalated).status_code == 404


REFUSED = (
    "tile/0/001", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/00", "tile/0/x000/000", "tile/1/000.p/1", "tile/-1/000",
    "tile/entries/001.p/1", "tile/0/999999999", "tile/64/000", "tile", "tile/", "tile/0/000.p/5/..", "tile/0/%00",
    "2/checkpoint", "1/checkpoint", "0/key", "01/key", "x/key", "9999999999/tile/0/000.p/1", "checkpoint/",
)  # fmt: skip


@pytest.mark.parametrize("path", REFUSED)
def test_what_no_checkpoint_covers_is_not_there(room: Newsroom, path: str) -> None:
    """If a tile is not covered, or has another name, or the ledger is not there, then it is 404 with a code, as JSON."""
    refused = httpx.get(f"{room.url}/ledger/{path}")
    if path == "checkpoint/":
        assert refused.status_code in (200, 404)
        return
    assert (refused.status_code, refused.headers["x-meydan-code"]) == (404, "R108"), refused.text
    assert "immutable" not in refused.headers["cache-control"]


def test_unpublished_leaves_are_not_told(room: Newsroom) -> None:
    """If leaves came since the checkpoint, then no door tells of them until the next."""
    before = Ledger(f"{room.url}/ledger/").checkpoint().size
    room.send(courteous())
    bundle = Tile(ENTRIES, before // 256, before % 256 + 1)
    assert httpx.get(f"{room.url}/ledger/{bundle.path}").status_code == 404
    room.meydan.ledger.round()
    assert httpx.get(f"{room.url}/ledger/{bundle.path}").status_code == 200


def test_the_checkpoint_is_asked_for_again(room: Newsroom) -> None:
    """If a checkpoint is the one that the asker has, then it is not sent again; HEAD sends none; nothing else is taken."""
    url = f"{room.url}/ledger/checkpoint"
    first = httpx.get(url)
    same = httpx.get(url, headers={"if-none-match": first.headers["etag"]})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
    head = httpx.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert httpx.post(url).status_code == 405
    room.send(courteous())
    room.meydan.ledger.round()
    assert httpx.get(url, headers={"if-none-match": first.headers["etag"]}).status_code == 200


def test_the_command_line_verifies_it(room: Newsroom, tmp_path: Path) -> None:
    """If somebody has the address and the key alone, then `meydan ledger` verifies all of it, a receipt and a comment."""
    sent = httpx.post(
        f"{room.url}/api/v1/comments",
        json={"story": {"url": room.story}, "name": "Nada", "text": courteous()},
    ).json()
    room.meydan.ledger.round()
    key = httpx.get(f"{room.url}/ledger/key").text.strip()

    def ran(*command: str) -> tuple[int, str]:
        done = warm.meydan("ledger", *command, "--key", key, environment={"HOME": str(tmp_path)})
        return done.returncode, (done.stdout + done.stderr).decode()

    code, said = ran("verify", f"{room.url}/ledger/", "--state", str(tmp_path / "state"))
    assert code == 0, said
    code, said = ran("check", sent["receipt"], "--ledger", f"{room.url}/ledger/")
    assert code == 0, said
    code, said = ran("check", f"{room.url}/comments/{sent['id']}")
    assert code == 0, said


def test_a_rolled_back_newsroom_says_so_and_goes_on(tmp_path: Path) -> None:
    """If an older database is put back, then nothing is published until a new ledger is begun; comments go on all along."""
    given = {**UNHURRIED, "public_url": "https://comments.example"}
    database, older = tmp_path / "meydan.db", tmp_path / "older.db"
    environment = {"MEYDAN_DATA": str(tmp_path), "MEYDAN_PUBLIC_URL": "https://comments.example"}
    story = "https://comments.example/stories/a-story"

    def meydan(*command: str) -> tuple[int, str]:
        ran = warm.meydan(*command, environment=environment)
        assert b"Traceback" not in ran.stderr, ran.stderr
        return ran.returncode, (ran.stdout + ran.stderr).decode()

    def send(room: Newsroom) -> str:
        sent = httpx.post(
            f"{room.url}/api/v1/comments", json={"story": {"url": story}, "name": "N", "text": courteous()}
        )
        assert sent.status_code == 201, sent.text
        return str(sent.json()["receipt"])

    with newsroom(tmp_path, **given) as room:
        assert send(room).startswith("mr2.")
        room.meydan.ledger.round()
    shutil.copy(database, older)
    with newsroom(tmp_path, **given) as room:
        send(room)
        room.meydan.ledger.round()
        key = httpx.get(f"{room.url}/ledger/key").text
    seen = (tmp_path / "ledger.checkpoint").read_text()
    for beside in tmp_path.glob("meydan.db*"):
        beside.unlink()
    shutil.copy(older, database)
    with newsroom(tmp_path, **given) as room:
        # A signature would promise a number that is another comment's already.
        assert send(room).startswith("mr1.")
        room.meydan.ledger.round()
        figures = httpx.get(f"{room.url}/metrics").text
        assert "meydan_ledger_stopped 1.0" in figures
        assert httpx.get(f"{room.url}/ledger/checkpoint").text.splitlines()[1] == "2"
    code, said = meydan("doctor")
    assert code == 1
    assert "MEND  ledger: M367" in said
    assert "--new-log" in said
    code, said = meydan("ledger", "publish")
    assert (code, "M367" in said) == (2, True)
    assert (tmp_path / "ledger.checkpoint").read_text() == seen
    code, said = meydan("ledger", "publish", "--new-log", "--json")
    assert (code, json.loads(said)["ledger"]) == (0, "comments.example/ledger/2"), said
    code, said = meydan("doctor")
    assert "ok    ledger: 4 leaves are published as comments.example/ledger/2" in said
    with newsroom(tmp_path, **given) as room:
        told = receipts.read(send(room))
        assert told is not None
        assert told.log == "comments.example/ledger/2"
        room.meydan.ledger.round()
        later = Ledger(f"{room.url}/ledger/2/")
        assert later.checkpoint().size == 6
        later.check(told.leaf, _receipt_leaf(told))
        # The one before is still there, as it ended.
        assert httpx.get(f"{room.url}/ledger/checkpoint").text.splitlines()[1] == "2"
        assert httpx.get(f"{room.url}/ledger/key").text == key
        assert meydan("ledger", "key")[1].strip() == str(later.keys[0])
    secret = (tmp_path / "ledger.key").read_text()
    assert (tmp_path / "ledger.key").stat().st_mode & 0o777 == 0o600
    code, said = meydan("ledger", "key", "--rotate", "--json")
    assert code == 0
    assert json.loads(said)["keys"][1:] == [str(later.keys[0])]
    assert (tmp_path / "ledger.key").read_text().splitlines()[1:] == secret.splitlines()
    assert secret.strip() not in said
    (tmp_path / "ledger.key").write_text("damaged")
    code, said = meydan("ledger", "key")
    assert (code, "M371" in said) == (2, True)


def _receipt_leaf(told: Told) -> bytes:
    facts = {"at": told.at, "commitment": told.commitment.hex(), "kind": "receipt", "v": 1}
    return json.dumps(facts, separators=(",", ":"), sort_keys=True).encode()


def test_the_dossiers_way_of_checking_is_true() -> None:
    """If a commitment is made by the two steps that the file for the authorities tells, then it is ours."""
    salt, text = b"\7" * 32, "Zîn"
    opening = hashlib.sha256(b"meydan.opening.v1\0" + salt).digest()
    commitment = hashlib.sha256(b"meydan.comment.v2\0" + opening + text.encode()).digest()
    assert commitment == commitment_with(opening_of(salt), text)
