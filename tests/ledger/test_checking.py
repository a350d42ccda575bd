"""One receipt, or one comment, against its ledger: what is proved, what is false, and what nobody can know."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from meydan.errors import BadReceipt, NotALedger
from meydan.ledger.checking import Checked, Proved, check_comment, check_receipt, read_proof
from meydan.ledger.leaf import commitment_of, decision_leaf, opening_of, receipt_leaf
from meydan.ledger.receipt import Receipt, Told, read
from meydan.ledger.tiles import encode_entries
from tests.ledger.served import APPROVED, KEY, ORIGIN, OTHER, REJECTED, Served, at, leaves_of

SALT = b"s" * 32
TEXT = "Was ist hier los?\u202e\n"
COMMITMENT = commitment_of(SALT, TEXT)
BEFORE = leaves_of(150)
NUMBER = len(BEFORE)
OWN = [
    receipt_leaf(COMMITMENT, at(200)),
    decision_leaf(COMMITMENT, REJECTED, at(201)),
    decision_leaf(COMMITMENT, APPROVED, at(202)),
]
ID = "abc234"


def served(bodies: list[bytes] | None = None) -> Served:
    return Served([*BEFORE, *OWN] if bodies is None else bodies)


def receipt(key: Any = KEY) -> Told:
    told = read(str(Receipt(ID, SALT, COMMITMENT, NUMBER, at(200), key)))
    assert told is not None
    return told


def check(
    told: Told, ledger: Served, *, keys: tuple[Any, ...] = (KEY,), text: str | None = TEXT, late_s: float = 60
) -> Checked:
    verifying = [key.verifying for key in keys]
    return check_receipt(
        told, ledger, verifying, known=True, text=text, now=at(200) + timedelta(seconds=late_s)
    )


def false_in(checked: Checked) -> list[str]:
    return [point.told.split(":")[0] for point in checked.points if point.proved is Proved.NO]


def test_if_a_receipt_is_true_then_everything_of_it_is_proved() -> None:
    checked = check(receipt(), served())
    assert [point.proved for point in checked.points] == [Proved.YES] * 4
    assert checked.exit_code == 0


def test_if_a_receipt_is_of_before_signatures_then_its_leaf_proves_it_all_the_same() -> None:
    checked = check(receipt(None), served())
    assert (checked.exit_code, checked.points[0].proved) == (0, Proved.NOT_ASKED)
    other = replace(receipt(None), leaf=3)
    assert false_in(check(other, served())) == ["Changed leaf"]


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"commitment": bytes(32)}, "Forged receipt"),
        ({"leaf": 3}, "Forged receipt"),
        ({"at": "2026-03-01T12:00:00.000000Z"}, "Forged receipt"),
        ({"sig": "AAAA"}, "Forged receipt"),
        ({"log": "other.example/ledger"}, "Wrong key"),
    ],
)
def test_if_anything_that_was_signed_is_changed_then_the_receipt_is_forged(
    changed: dict[str, Any], named: str
) -> None:
    checked = check(replace(receipt(), **changed), served())
    assert false_in(checked) == [named]
    assert checked.exit_code == 1


def test_if_it_is_signed_by_another_key_then_that_is_said() -> None:
    assert false_in(check(receipt(OTHER), served())) == ["Wrong key"]
    assert false_in(check(receipt(OTHER), served(), keys=(OTHER,))) == ["Wrong key"]  # the checkpoint


def test_if_other_words_are_given_then_it_is_not_for_them() -> None:
    assert false_in(check(receipt(), served(), text="Was ist hier los?\n")) == ["Changed text"]
    assert check(receipt(), served(), text=TEXT + "\n").exit_code == 0
    assert check(receipt(), served(), text=None).exit_code == 0


def test_if_its_leaf_is_not_published_yet_then_it_cannot_be_told() -> None:
    soon = check(receipt(), served(BEFORE))
    late = check(receipt(), served(BEFORE), late_s=100_000)
    assert (soon.exit_code, late.exit_code) == (2, 2)
    assert "long since" in late.points[-1].told
    assert "long since" not in soon.points[-1].told
    empty = served()
    del empty.files["checkpoint"]
    assert check(receipt(), empty).exit_code == 2


def test_if_the_ledger_has_another_leaf_there_then_the_ledger_is_false() -> None:
    assert false_in(check(receipt(), served([*BEFORE, *OWN[1:], OWN[0]]))) == ["Changed leaf"]


def test_if_tiles_are_swapped_or_withheld_then_that_is_said() -> None:
    swapped = served()
    swapped.files[f"tile/0/001.p/{len(swapped.bodies) - 256}"] = bytes(32) * (len(swapped.bodies) - 256)
    assert false_in(check(receipt(), swapped)) == ["Swapped tile"]
    withheld = served()
    del withheld.files[f"tile/0/001.p/{len(withheld.bodies) - 256}"]
    assert false_in(check(receipt(), withheld)) == ["Hole"]
    # Of an old receipt the leaf itself is fetched.
    cut = served()
    cut.files[f"tile/entries/001.p/{len(cut.bodies) - 256}"] = encode_entries(cut.bodies[256:-1])
    assert false_in(check(receipt(None), cut)) == ["Changed leaf"]


def proof_of(**changed: Any) -> dict[str, Any]:
    told = {
        "id": ID,
        "status": "approved",
        "name": "Ada",
        "text": TEXT,
        "opening": opening_of(SALT).hex(),
        "commitment": COMMITMENT.hex(),
        "leaves": [{"number": NUMBER + i, "body": body.decode()} for i, body in enumerate(OWN)],
        "ledger": "https://news.example/ledger/",
        "origin": ORIGIN,
        **changed,
    }
    return {name: value for name, value in told.items() if value is not ...}


def shown(ledger: Served, **changed: Any) -> Checked:
    proof = read_proof(json.dumps(proof_of(**changed)).encode(), ID)
    return check_comment(proof, ledger, [KEY.verifying], known=True)


def test_if_a_comment_is_shown_as_it_was_sent_and_decided_then_that_is_proved() -> None:
    checked = shown(served())
    assert checked.exit_code == 0
    assert [point.proved for point in checked.points] == [Proved.YES] * 6 + [Proved.NOT_ASKED]


LEAF = proof_of()["leaves"]
ATTACKS: list[tuple[dict[str, Any], str]] = [
    ({"text": TEXT[:-1]}, "Changed text"),
    ({"opening": "00" * 32}, "Changed text"),
    ({"opening": "00"}, "Changed text"),
    ({"leaves": LEAF[:2]}, "What is shown as approved was not"),
    ({"leaves": LEAF[1:]}, "Changed leaf"),
    ({"leaves": []}, "Changed leaf"),
    ({"leaves": [LEAF[0], LEAF[2], LEAF[1]]}, "Changed leaf"),
    ({"leaves": [LEAF[0], {"number": NUMBER + 1, "body": "{}"}]}, "Changed leaf"),
    ({"leaves": [{"number": 0, "body": BEFORE[0].decode()}, LEAF[2]]}, "Changed leaf"),
    ({"leaves": [LEAF[0], {"number": NUMBER + 1, "body": LEAF[2]["body"]}]}, "Changed leaf"),
]


@pytest.mark.parametrize(("changed", "named"), ATTACKS, ids=range(len(ATTACKS)))
def test_if_something_else_is_shown_then_it_is_named(changed: dict[str, Any], named: str) -> None:
    checked = shown(served(), **changed)
    assert false_in(checked) == [named]
    assert checked.exit_code == 1


def test_if_only_the_author_can_open_it_then_the_rest_is_checked_and_it_is_said() -> None:
    checked = shown(served(), opening=None)
    assert checked.exit_code == 2
    assert [point.proved for point in checked.points].count(Proved.YES) == 5


def test_if_it_was_erased_or_withdrawn_then_that_is_all_there_is_to_say() -> None:
    for status in ("erased", "withdrawn"):
        proof = read_proof(json.dumps({"id": ID, "status": status}).encode(), ID)
        checked = check_comment(proof, served(), (), known=True)
        assert (checked.exit_code, len(checked.points)) == (2, 1)
        assert status in checked.points[0].told


def without(name: str) -> Callable[[], bytes]:
    return lambda: json.dumps(proof_of(**{name: ...})).encode()


@pytest.mark.parametrize(
    "given",
    [
        *(without(name) for name in ("id", "status", "text", "opening", "commitment", "leaves", "ledger")),
        lambda: b"<p>",
        lambda: b"[]",
        lambda: b"[" * 100_000,
        lambda: json.dumps(proof_of(id="other")).encode(),
        lambda: json.dumps(proof_of(status="held")).encode(),
        lambda: json.dumps(proof_of(status=["erased"])).encode(),
        lambda: json.dumps(proof_of(text=7)).encode(),
        lambda: json.dumps(proof_of(text="\ud800")).encode(),
        lambda: json.dumps(proof_of(commitment="xy")).encode(),
        lambda: json.dumps(proof_of(leaves=[{"number": -1, "body": ""}])).encode(),
        lambda: json.dumps(proof_of(leaves=[{"number": True, "body": ""}])).encode(),
        lambda: json.dumps(proof_of(leaves={"number": 1})).encode(),
    ],
)
def test_if_what_is_given_is_no_proof_then_it_is_refused(given: Callable[[], bytes]) -> None:
    with pytest.raises(NotALedger):
        read_proof(given(), ID)


def test_if_no_such_comment_is_shown_then_that_is_said() -> None:
    with pytest.raises(BadReceipt):
        read_proof(None, ID)


def test_if_the_key_was_told_by_the_ledger_itself_then_it_is_said_that_this_proves_less() -> None:
    checked = check_receipt(receipt(), served(), [KEY.verifying], known=False, text=TEXT, now=at(300))
    assert checked.points[0].proved is Proved.NOT_ASKED
    assert str(KEY.verifying) in checked.points[0].told


@pytest.mark.parametrize(
    "changed", [{"sig": ""}, {"log": ""}, {"at": ""}, {"at": "soon"}, {"at": "2026-02-30T00:00:00.000000Z"}]
)
def test_if_a_signed_receipt_lacks_what_is_signed_then_it_is_none(changed: dict[str, str]) -> None:
    told = receipt()
    facts = {"id": ID, "salt": SALT.hex(), "commitment": COMMITMENT.hex(), "leaf": NUMBER}
    facts |= {"at": told.at, "log": told.log, "sig": told.sig}

    def word(facts: dict[str, Any]) -> str:
        return "mr2." + base64.urlsafe_b64encode(json.dumps(facts).encode()).rstrip(b"=").decode()

    assert read(word(facts)) == told
    assert read(word({**facts, **changed})) is None
