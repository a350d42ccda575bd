"""The verifying that readers' browsers do, run by node: it says "proved" of what is so, and of nothing else."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meydan.ledger import tiles
from meydan.ledger.note import SigningKey
from meydan.ledger.tree import leaf_hash, root_of
from tests import npm
from tests.ledger.published import KEY, ORIGIN, Files, Published, canonical, encoded

SCRIPT = Path(__file__).parents[2] / "src/meydan/web/static/verify.js"
DRIVER = Path(__file__).with_name("verifier.mjs")
AT = "2026-05-03T11:02:03.000004Z"
ID = "AbCdEfGhIjK"
SALT = bytes(range(100, 132))
PROOF = f"/api/v1/comments/{ID}/proof"

pytestmark = pytest.mark.skipif(not (npm.TOOLS / "node").exists(), reason="node is a development dependency")


class Browser:
    """verify.js in one process for all questions."""

    def __init__(self) -> None:
        self._node = subprocess.Popen(
            [npm.TOOLS / "node", DRIVER, SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, call: str, *args: Any, files: Files | None = None, **more: Any) -> dict[str, Any]:
        question = {"call": call, "args": args, "files": encoded(files or {}), **more}
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(question) + "\n")
        self._node.stdin.flush()
        answer: dict[str, Any] = json.loads(self._node.stdout.readline())
        return answer

    def facts(self, call: str, *args: Any, **more: Any) -> Any:
        return self.ask(call, *args, **more)["told"]

    def close(self) -> None:
        assert self._node.stdin is not None
        self._node.stdin.close()
        self._node.wait(10)


@pytest.fixture(scope="module")
def browser_of() -> Iterator[Browser]:
    made = Browser()
    yield made
    made.close()


def opening_of(salt: bytes) -> bytes:
    return hashlib.sha256(b"meydan.opening.v1\0" + salt).digest()


def commitment_of(salt: bytes, text: str) -> bytes:
    return hashlib.sha256(b"meydan.comment.v2\0" + opening_of(salt) + text.encode()).digest()


@dataclass
class Shown:
    """A comment that readers are shown, with its entries among others, and what the server says of it."""

    text: str = "What was said.\r\nتسلم 👍 \u202eend"
    salt: bytes = SALT
    others: int = 5
    after: int = 3
    verdicts: tuple[str, ...] = ("approve",)
    said: dict[str, Any] = field(default_factory=dict)
    size: int = -1
    keys: tuple[SigningKey, ...] = (KEY,)

    @property
    def commitment(self) -> bytes:
        return commitment_of(self.salt, self.text)

    @property
    def bodies(self) -> list[bytes]:
        filler = [canonical(kind="receipt", commitment=f"{n:064x}", at=AT) for n in range(self.others)]
        own = [canonical(kind="receipt", commitment=self.commitment.hex(), at=AT)]
        own += [
            canonical(
                kind="decision",
                commitment=self.commitment.hex(),
                at=AT.replace("03T", "04T"),
                verdict=verdict,
                decided_by="moderator",
            )
            for verdict in self.verdicts
        ]
        later = [canonical(kind="receipt", commitment=f"{n:063x}f", at=AT) for n in range(self.after)]
        return [*filler, *own, *later]

    @property
    def record(self) -> Published:
        return Published(self.bodies, size=self.size, keys=self.keys)

    @property
    def proof(self) -> dict[str, Any]:
        own = range(self.others, self.others + 1 + len(self.verdicts))
        bodies = self.bodies
        return {
            "id": ID,
            "status": "approved",
            "name": "Rojin",
            "text": self.text,
            "opening": opening_of(self.salt).hex(),
            "commitment": self.commitment.hex(),
            "leaves": [{"number": number, "body": bodies[number].decode()} for number in own],
            "ledger": "https://news.example/ledger/",
            "origin": ORIGIN,
        } | self.said

    @property
    def files(self) -> Files:
        return {**self.record.files, PROOF: json.dumps(self.proof).encode()}


def receipt_word(shown: Shown, *, version: str = "mr2", key: SigningKey = KEY, **changed: Any) -> str:
    facts = {"id": ID, "salt": shown.salt.hex(), "commitment": shown.commitment.hex(), "leaf": shown.others}
    if version == "mr2":
        signed = f"meydan receipt v1\n{ORIGIN}\n{facts['commitment']}\n{facts['leaf']}\n{AT}\n"
        facts |= {"at": AT, "log": ORIGIN, "sig": key.signature(signed).payload}
    body = base64.urlsafe_b64encode(json.dumps(facts | changed).encode()).rstrip(b"=").decode()
    return f"{version}.{body}"


# -- the parts, against our own modules ----------------------------------------------------------------------


def test_tiles_lie_where_they_lie(browser_of: Browser) -> None:
    """If a tile is asked for, then its path is the one that the format has for it."""
    for level, index, width in [
        (0, 0, 1),
        (0, 999, 256),
        (1, 1000, 256),
        (0, 1234067, 256),
        (2, 1234067, 17),
    ]:
        told = browser_of.facts("tilePath", level, index, width)
        assert told == tiles.Tile(level, index, width).path
    assert browser_of.facts("tilePath", "entries", 1234067, 5) == "tile/entries/x001/x234/067.p/5"
    assert browser_of.facts("tilePath", 0, 2**45, 256) == tiles.Tile(0, 2**45, 256).path


def test_roots_are_those_of_our_tree(browser_of: Browser) -> None:
    """If a root or a part of a tree is computed from tiles, then it is what the tree over the leaves themselves has."""
    bodies = [b"%d" % n for n in range(66_000)]
    for size in (1, 2, 3, 255, 256, 257, 513, 66_000):
        record = Published(bodies, size=size)
        root = base64.b64encode(root_of(record.hashes)).decode()
        assert browser_of.facts("tree", size, "span", 0, size, files=record.files) == root, size
    files = {path: body for path, body in record.files.items() if "entries/257" in path}
    assert (
        browser_of.facts("tree", 66_000, "entry", 65_999, files=files) == base64.b64encode(b"65999").decode()
    )


@pytest.fixture(scope="module")
def few() -> list[Published]:
    """A record at each of its first sizes."""
    bodies = [b"%d" % n for n in range(40)]
    return [Published(bodies, size=size) for size in range(41)]


def b64(body: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(body).decode()}


def test_proofs_hold_and_bent_ones_do_not(browser_of: Browser, few: list[Published]) -> None:
    """If a leaf is in a tree, or a tree in a larger one, then the proof says so; with any one thing changed, it does not."""
    dice = random.Random(8)
    for size in [1, 2, 3, 4, 7, 8, 9, 31, 32, 33, 40]:
        now, root = few[size], root_of(few[size].hashes)
        for number in {0, size // 2, size - 1}:
            path = browser_of.facts("tree", size, "path", number, files=now.files)
            given_ = [{"base64": one} for one in path]
            leaf = leaf_hash(b"%d" % number)
            told = browser_of.facts("rootByInclusion", b64(leaf), number, size, given_)
            assert told == base64.b64encode(root).decode()
            for bent in _bent(dice, given_):
                assert browser_of.facts("rootByInclusion", b64(leaf), number, size, bent) != told
            for elsewhere in {0, size // 2, size - 1, size} - {number}:
                assert browser_of.facts("rootByInclusion", b64(leaf), elsewhere, size, given_) != told
        for old in {1, size // 2, size - 1, size} - {0}:
            before = {"size": old, "root": b64(root_of(few[old].hashes))}
            after = {"size": size, "root": b64(root)}
            proof = browser_of.facts("tree", size, "consistency", old, files=now.files) if old < size else []
            given_ = [{"base64": one} for one in proof]
            assert browser_of.facts("isConsistent", before, after, given_) is True, (old, size)
            for bent in _bent(dice, given_):
                assert browser_of.facts("isConsistent", before, after, bent) is False
            forked = before | {"root": b64(root_of([*few[old].hashes[:-1], leaf_hash(b"another")]))}
            assert browser_of.facts("isConsistent", forked, after, given_) is False


def _bent(dice: random.Random, proof: list[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    yield [*proof, b64(bytes(32))]
    if proof:
        yield proof[:-1]
        at = dice.randrange(len(proof))
        body = bytearray(base64.b64decode(proof[at]["base64"]))
        body[dice.randrange(32)] ^= 1 << dice.randrange(8)
        yield [*proof[:at], b64(bytes(body)), *proof[at + 1 :]]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary(min_size=32, max_size=32))
@settings(max_examples=40)
def test_commitments_are_ours_to_the_byte(browser_of: Browser, text: str, salt: bytes) -> None:
    """If a text is committed to, then the browser computes the same commitment, whatever characters it has."""
    opening = base64.b64decode(browser_of.facts("openingOf", b64(salt)))
    assert opening == opening_of(salt)
    told = browser_of.facts("commitmentWith", b64(opening), text)
    assert base64.b64decode(told) == commitment_of(salt, text)


def test_what_has_no_utf_8_form_is_committed_to_by_nobody(browser_of: Browser) -> None:
    """If a text has half a surrogate pair, then it is refused rather than another one hashed in its place."""
    assert browser_of.facts("commitmentWith", b64(bytes(32)), "a\ud800b") == {"thrown": "Stopped"}
    shown = Shown()
    half = json.dumps(shown.proof).replace("What", "What\\ud800").encode()
    assert browser_of.facts("verifyComment", ID, files=shown.files | {PROOF: half})["result"] == "unreadable"


# -- a comment ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("others", [0, 1, 255, 256, 300, 700])
def test_what_is_so_is_proved(browser_of: Browser, others: int) -> None:
    """If a comment is shown as it was sent and the record says it was approved, then that is what is found."""
    shown = Shown(others=others, verdicts=("reject", "approve"))
    answer = browser_of.ask("verifyComment", ID, files=shown.files)
    assert answer["told"] == {
        "result": "proved",
        "faults": [],
        "text": "same",
        "sent": AT,
        "decided": {"at": AT.replace("03T", "04T"), "by": "moderator"},
        "record": {"origin": ORIGIN, "size": others + 6, "signature": "signed", "since": "first"},
    }
    assert all(path == PROOF or path.startswith("/ledger/") for path in answer["asked"])
    again = browser_of.facts("verifyComment", ID, files=shown.files, memory=answer["memory"])
    assert again["record"]["since"] == "grown"
    grown = replace(shown, after=900)
    later = browser_of.facts("verifyComment", ID, files=grown.files, memory=answer["memory"])
    assert (later["result"], later["record"]["since"], later["record"]["before"]) == (
        "proved",
        "grown",
        others + 6,
    )


OTHER = SigningKey(ORIGIN, bytes(32))
ELSEWHERE = SigningKey("other.example/ledger", bytes(32))
WRONG = [
    # what is wrong with it                        the result     and why
    (Shown(said={"text": "What was sayd."}), "differs", ["text"]),
    (Shown(said={"text": Shown().text + " "}), "differs", ["text"]),
    (Shown(said={"text": Shown().text.replace("\r\n", "\n")}), "differs", ["text"]),
    (Shown(said={"opening": "00" * 32}), "differs", ["text"]),
    (Shown(said={"commitment": "00" * 32}), "differs", ["text", "leaf"]),
    (Shown(verdicts=("approve", "reject")), "contradicted", ["verdict"]),
    (Shown(verdicts=()), "contradicted", ["verdict"]),
    (Shown(verdicts=("hold",)), "contradicted", ["verdict"]),
    (Shown(said={"leaves": Shown().proof["leaves"][1:]}), "contradicted", ["leaf"]),
    (Shown(said={"leaves": Shown().proof["leaves"][::-1]}), "contradicted", ["leaf"]),
    (Shown(said={"origin": "other.example/ledger"}), "contradicted", ["log"]),
    (Shown(said={"leaves": []}), "contradicted", ["leaf"]),
    (Shown(said={"leaves": None}), "unreadable", []),
    (Shown(said={"leaves": [{"number": -1, "body": "{}"}]}), "unreadable", []),
    (Shown(said={"leaves": [{"number": 5, "body": "[1"}]}), "unreadable", []),
    (Shown(said={"opening": "zz"}), "unreadable", []),
    (Shown(said={"text": 7}), "unreadable", []),
    (Shown(said={"id": "another"}), "unreadable", []),
    (Shown(said={"status": "held"}), "unreadable", []),
    (Shown(said={"status": "erased"}), "erased", []),
    (Shown(said={"status": "withdrawn"}), "withdrawn", []),
    (Shown(size=6), "unpublished", []),
    (Shown(size=6, said={"text": "Other"}), "differs", ["text"]),
]  # fmt: skip


@pytest.mark.parametrize(("shown", "result", "faults"), WRONG)
def test_what_is_not_so_is_not_proved(
    browser_of: Browser, shown: Shown, result: str, faults: list[str]
) -> None:
    """If a text, a leaf or a decision is not what the record has, then that is said, and no more than is known."""
    told = browser_of.facts("verifyComment", ID, files=shown.files)
    assert (told["result"], told["faults"]) == (result, faults)


def test_words_that_only_their_author_can_check(browser_of: Browser) -> None:
    """If no opening is public, as for the older form, then what the record says is proved, and of the words nothing."""
    told = browser_of.facts("verifyComment", ID, files=Shown(said={"opening": None}).files)
    assert (told["result"], told["text"]) == ("proved", "closed")


def bent_files(dice: random.Random, files: Files) -> Iterator[tuple[str, Files]]:
    """One change to one thing that was served, each kind."""
    for path, body in files.items():
        if path == PROOF or "entries" in path:
            continue
        bent = bytearray(body)
        bent[dice.randrange(len(bent))] ^= 1 << dice.randrange(7)
        yield path, files | {path: bytes(bent)}
        yield path, files | {path: body[:-2]}
        yield path, {name: one for name, one in files.items() if name != path}


def test_with_any_one_byte_changed_nothing_is_proved(browser_of: Browser) -> None:
    """If a byte of what is served is another, or one is missing, or a file, then nothing is proved, and nothing remembered."""
    dice = random.Random(8)
    for _ in range(4):
        shown = Shown(others=dice.randrange(300), after=dice.randrange(300))
        good = browser_of.ask("verifyComment", ID, files=shown.files)
        needed = {path: body for path, body in shown.files.items() if path in good["asked"]}
        assert browser_of.facts("verifyComment", ID, files=needed)["result"] == "proved"
        for path, files in bent_files(dice, needed):
            # Text of a checkpoint that is not bound by its form, its signature or its root would pass here.
            answer = browser_of.ask("verifyComment", ID, files=files)
            assert answer["told"]["result"] != "proved", path
            if path != "/ledger/key" and "/tile/" not in path:
                assert answer["memory"] is None, path


def test_a_leaf_that_is_not_where_it_is_said_to_be(browser_of: Browser) -> None:
    """If a leaf was changed, dropped or moved in what was published, then the record is found not to hold it."""
    shown = Shown(others=300, after=20)
    own = shown.others
    good = shown.bodies
    for bodies in (
        [*good[:own], b"{}", *good[own + 1 :]],
        [*good[: own + 1], *good[own + 2 :]],
        [*good[:own], good[own + 1], good[own], *good[own + 2 :]],
        [b"{}", *good],
    ):
        files = shown.files | Published(bodies).files
        told = browser_of.facts("verifyComment", ID, files=files)
        assert (told["result"], told["faults"]) == ("contradicted", ["inclusion"])


# -- the record, and what was seen of it ----------------------------------------------------------------------------


def seen(browser_of: Browser, record: Published) -> str:
    memory: str = browser_of.ask("verifyRecord", files=record.files)["memory"]
    return memory


BODIES = [b"%d" % n for n in range(600)]


@pytest.mark.parametrize("sizes", list(itertools.pairwise([1, 2, 3, 200, 256, 300, 512, 600])))
def test_a_record_that_grew_is_followed_and_one_that_forked_is_not(
    browser_of: Browser, sizes: tuple[int, int]
) -> None:
    """If a record grew, then that is seen, and remembered; if it forgot or forked, then that, with both states as evidence."""
    old, new = sizes
    before, after = Published(BODIES, size=old), Published(BODIES, size=new)
    memory = seen(browser_of, before)
    grown = browser_of.ask("verifyRecord", files=after.files, memory=memory)
    assert grown["told"]["record"] | {"since": "grown", "before": old, "size": new} == grown["told"]["record"]
    assert after.checkpoint in json.loads(grown["memory"])["https://news.example/ledger/"]["note"]

    rolled = browser_of.ask("verifyRecord", files=before.files, memory=grown["memory"])
    assert (rolled["told"]["result"], rolled["told"]["faults"]) == ("contradicted", ["rollback"])
    assert rolled["told"]["record"]["evidence"] == [after.checkpoint, before.checkpoint]
    # What it was measured by stays what it is measured by.
    assert rolled["memory"] == grown["memory"]

    for size in (old, new):
        fork = Published([b"another", *BODIES[1:]], size=size)
        forked = browser_of.ask("verifyRecord", files=fork.files, memory=memory)
        assert forked["told"]["faults"] == ["fork"], size
        assert forked["told"]["record"]["evidence"] == [before.checkpoint, fork.checkpoint]
        assert forked["memory"] == memory


def test_a_record_that_is_gone(browser_of: Browser) -> None:
    """If there is no record yet, then that is said; if there was one, then that it had so many entries."""
    assert browser_of.facts("verifyRecord", files={})["result"] == "unpublished"
    memory = seen(browser_of, Published(BODIES))
    told = browser_of.facts("verifyRecord", files={}, memory=memory)
    assert (told["result"], told["faults"], told["record"]["before"]) == ("contradicted", ["rollback"], 600)


def test_keys(browser_of: Browser) -> None:
    """
    If the record is signed with another key than its own, or with none that this browser saw before, then that is said;
    if an old and a new one sign, then the new one is believed from then on.
    """
    memory = seen(browser_of, Published(BODIES, size=300))
    forged = Published(BODIES, keys=[OTHER]).files | {"/ledger/key": f"{KEY.verifying}\n".encode()}
    assert browser_of.facts("verifyRecord", files=forged)["faults"] == ["signature"]
    swapped = browser_of.ask("verifyRecord", files=Published(BODIES, keys=[OTHER]).files, memory=memory)
    assert swapped["told"]["faults"] == ["key"]
    assert swapped["memory"] == memory
    both = browser_of.ask("verifyRecord", files=Published(BODIES, keys=[OTHER, KEY]).files, memory=memory)
    assert both["told"]["result"] == "proved"
    alone = browser_of.facts(
        "verifyRecord", files=Published(BODIES, keys=[OTHER]).files, memory=both["memory"]
    )
    assert alone["result"] == "proved"


def test_a_record_of_another_name(browser_of: Browser) -> None:
    """If there is another record where there was one, then that is told, and it is not said to be a continuation."""
    memory = seen(browser_of, Published(BODIES))
    new = Published(
        BODIES[:5], origin="news.example/ledger/2", keys=[SigningKey("news.example/ledger/2", bytes(32))]
    )
    told = browser_of.facts("verifyRecord", files=new.files, memory=memory)
    assert (told["result"], told["record"]["since"]) == ("proved", "another")


def test_a_record_that_was_begun_anew_is_found_where_it_is(browser_of: Browser) -> None:
    """If the server goes on in a second record, then it is read at that one's address, and told to be another one."""
    memory = seen(browser_of, Published(BODIES))
    name = f"{ORIGIN}/2"
    key = SigningKey(name, bytes(range(32)))
    shown = Shown(said={"ledger": "https://news.example/ledger/2/", "origin": name})
    record = Published(shown.bodies, origin=name, keys=[key]).files
    files = {path.replace("/ledger/", "/ledger/2/"): body for path, body in record.items()}
    answer = browser_of.ask("verifyComment", ID, files=files | {PROOF: shown.files[PROOF]}, memory=memory)
    assert (answer["told"]["result"], answer["told"]["record"]["since"]) == ("proved", "another")
    again = browser_of.facts(
        "verifyRecord", {"ledger": "https://news.example/ledger/2/"}, files=files, memory=answer["memory"]
    )
    assert (again["result"], again["record"]["since"]) == ("proved", "grown")
    assert (
        browser_of.facts(
            "verifyComment", ID, files=files | {PROOF: Shown(said={"ledger": "https://x/"}).files[PROOF]}
        )["result"]
        == "unreadable"
    )


def test_a_browser_without_ed25519_says_so(browser_of: Browser) -> None:
    """If a browser knows no Ed25519, then the rest is checked, and it is said that signatures were not."""
    shown = Shown()
    told = browser_of.facts("verifyComment", ID, files=shown.files, noEd25519=True)
    assert (told["result"], told["record"]["signature"]) == ("proved", "unchecked")
    told = browser_of.facts("verifyReceipt", receipt_word(shown), files=shown.files, noEd25519=True)
    assert (told["result"], told["receipt"]) == ("proved", "unchecked")


@pytest.mark.parametrize(
    "memory", ["", "{", "[]", "null", '"x"', '{"https://news.example/ledger/": {"note": "x", "keys": []}}']
)
def test_a_memory_that_cannot_be_read_is_none(browser_of: Browser, memory: str) -> None:
    """If what was remembered is not what was written, then the record is seen for the first time."""
    told = browser_of.facts("verifyRecord", files=Published(BODIES).files, memory=memory)
    assert (told["result"], told["record"]["since"]) == ("proved", "first")


def test_no_network_and_no_comment(browser_of: Browser) -> None:
    """If the server cannot be reached, or shows no such comment, then that is said; what was found before stays found."""
    shown = Shown(said={"text": "Changed"})
    assert browser_of.facts("verifyComment", ID, files=shown.files, lost=[PROOF])["result"] == "offline"
    assert browser_of.facts("verifyComment", "nothing", files=shown.files)["result"] == "unknown"
    told = browser_of.facts("verifyComment", ID, files=shown.files, lost=["/ledger/checkpoint"])
    assert told["result"] == "differs"


def test_a_partial_tile_that_was_filled_meanwhile(browser_of: Browser) -> None:
    """If a partial tile is gone since it is full, then the full one is read, and only as far as the checkpoint goes."""
    record, full = Published(BODIES, size=200), Published(BODIES, size=256).files
    files = {path: body for path, body in record.files.items() if ".p/" not in path} | {
        "/ledger/tile/0/000": full["/ledger/tile/0/000"]
    }
    root = base64.b64encode(root_of(record.hashes)).decode()
    assert browser_of.facts("tree", 200, "span", 0, 200, files=files) == root


# -- receipts ------------------------------------------------------------------------------------------------------


def test_a_receipt_is_checked_with_nothing_but_the_record(browser_of: Browser) -> None:
    """If a receipt is good, then it is found so from the public record alone, with the text that it is what was sent."""
    shown = Shown(others=300)
    answer = browser_of.ask(
        "verifyReceipt", receipt_word(shown), {"text": shown.text}, files=shown.record.files
    )
    told = answer["told"]
    assert (told["result"], told["text"], told["receipt"], told["leaf"], told["sent"]) == (
        "proved", "same", "signed", 300, AT,
    )  # fmt: skip
    assert all(path.startswith("/ledger/") for path in answer["asked"])
    # As a file with other words around it; as a field keeps line ends; without the text.
    file = f"Keep this.\r\n\r\n{receipt_word(shown)}\r\n"
    pasted = shown.text.replace("\r\n", "\n")
    assert browser_of.facts("verifyReceipt", file, {"text": pasted}, files=shown.files)["text"] == "same"
    for one in (f"{pasted}\n", f"{shown.text}\r\n"):
        assert browser_of.facts("verifyReceipt", file, {"text": one}, files=shown.files)["text"] == "same"
    for other in (f"{pasted}\n\n", f"{pasted} "):
        assert (
            browser_of.facts("verifyReceipt", file, {"text": other}, files=shown.files)["text"] == "differs"
        )
    assert browser_of.facts("verifyReceipt", file, files=shown.files)["text"] == "untold"
    # The older form, of the older commitment too.
    older = browser_of.facts(
        "verifyReceipt", receipt_word(shown, version="mr1"), {"text": shown.text}, files=shown.files
    )
    assert (older["result"], older["receipt"], older["sent"], older["text"]) == ("proved", "none", AT, "same")
    former = hashlib.sha256(b"meydan.comment.v1\0" + SALT + shown.text.encode()).digest()
    word = receipt_word(shown, version="mr1", commitment=former.hex(), leaf=0)
    files = Published([canonical(kind="receipt", commitment=former.hex(), at=AT)]).files
    assert browser_of.facts("verifyReceipt", word, {"text": shown.text}, files=files)["text"] == "same"


def test_receipts_that_are_not_good(browser_of: Browser) -> None:
    """If a receipt is forged, changed, of another record, not published yet or none at all, then it is named so."""
    shown = Shown(others=300)

    def told(word: str, text: str | None = None, files: Files | None = None) -> tuple[str, list[str]]:
        more = {} if text is None else {"text": text}
        facts = browser_of.facts("verifyReceipt", word, more, files=files or shown.files)
        return facts["result"], facts["faults"]

    assert told(receipt_word(shown), "Another text") == ("differs", ["text"])
    assert told(receipt_word(shown, key=OTHER)) == ("contradicted", ["receipt"])
    assert told(receipt_word(shown, key=ELSEWHERE)) == ("contradicted", ["receipt"])
    assert told(receipt_word(shown, leaf=301)) == ("contradicted", ["receipt", "inclusion"])
    assert told(receipt_word(shown, at=AT.replace("03T", "02T"))) == (
        "contradicted",
        ["receipt", "inclusion"],
    )
    assert told(receipt_word(shown, log="other.example/ledger")) == ("contradicted", ["log"])
    assert told(receipt_word(shown, version="mr1", leaf=299)) == ("contradicted", ["inclusion"])
    assert told(receipt_word(shown), files=replace(shown, size=300).files) == ("unpublished", [])
    for word in (
        "",
        "mr2.",
        "mr2.e30",
        "mr3.abc",
        "mr2.%%%",
        "x" * 5000,
        receipt_word(shown, salt="00"),
        receipt_word(shown, leaf=-1),
        receipt_word(shown, at="2026-13-45T00:00:00.000000Z"),
    ):
        assert told(word) == ("no_receipt", [])
