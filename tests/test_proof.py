"""Proofs of work: what a browser solves, and what is no proof."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import altcha
import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.proof import FEWEST, HARDEST, LASTS, LONGEST, Proofs

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PROOFS = Proofs(b"s" * 32)


def solved(challenge: dict[str, Any]) -> str:
    """What a browser sends back."""
    given = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(given)
    assert solution is not None
    return altcha.Payload(given, solution).to_base64()


CHALLENGE = PROOFS.challenge(1, NOW, drawn=bytes(8))
PROOF = solved(CHALLENGE)


def test_what_was_solved_counts_until_it_expires() -> None:
    """If a challenge was solved, then any node with the secret takes it, until it expires, and knows how hard it was."""
    proved = Proofs(b"s" * 32).check(PROOF, NOW + LASTS)
    assert proved is not None
    assert (proved.level, proved.expires_at) == (1, NOW + LASTS)
    assert proved.nonce == CHALLENGE["parameters"]["nonce"]
    assert PROOFS.check(PROOF, NOW + LASTS + timedelta(seconds=1)) is None
    assert Proofs(b"t" * 32).check(PROOF, NOW) is None
    assert len(PROOF) <= LONGEST / 2


def test_each_level_doubles_the_work() -> None:
    """If the level rises by one, then the search begins to succeed only after twice as many derivations."""
    for level in (1, 2):
        challenge = altcha.Challenge.from_dict(PROOFS.challenge(level, NOW, drawn=bytes(8)))
        solution = altcha.solve_challenge(challenge)
        assert solution is not None
        assert solution.counter == FEWEST << (level - 1)
    assert HARDEST > 2


def changed(**parameters: object) -> str:
    told = json.loads(base64.b64decode(PROOF))
    told["challenge"]["parameters"] |= parameters
    return base64.b64encode(json.dumps(told).encode()).decode()


@pytest.mark.parametrize(
    "forged",
    [
        "",
        "x",
        "\ud800",
        "A" * (LONGEST + 1),
        PROOF[:-8],
        base64.b64encode(b"[" * 1500).decode(),
        base64.b64encode(b'{"challenge": 1, "solution": 2}').decode(),
        base64.b64encode(b'{"challenge": {"parameters": []}, "solution": {}}').decode(),
        changed(data={"level": HARDEST, "until": 4_000_000_000}),
        changed(data=[[[]]]),
        changed(cost=1),
        changed(keyPrefix=""),
        changed(keySignature=""),
        changed(expiresAt="never"),
        changed(nonce="1" + "9" * 600),
    ],
)
def test_what_was_not_solved_is_no_proof(forged: str) -> None:
    """If a proof is forged, damaged, made easier or longer-lived, or not one at all, then it proves nothing and breaks nothing."""
    assert PROOFS.check(forged, NOW) is None


@given(st.one_of(st.text(max_size=80), st.binary(max_size=80).map(lambda b: base64.b64encode(b).decode())))
def test_any_text_can_be_looked_at(text: str) -> None:
    """If any text stands for a proof, then it is looked at without a fault."""
    assert PROOFS.check(text, NOW) is None


def test_a_wrong_answer_is_no_proof() -> None:
    """If the solution is another than the challenge's, then it proves nothing."""
    told = json.loads(base64.b64decode(PROOF))
    for solution in ({"counter": FEWEST, "derivedKey": "00" * 32}, {"counter": 1, "derivedKey": None}):
        told["solution"] = solution
        assert PROOFS.check(base64.b64encode(json.dumps(told).encode()).decode(), NOW) is None
