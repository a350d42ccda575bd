"""
Proofs of work: a browser does a little work before its comment is taken, more of it the more is being sent.

Nothing is kept for a challenge: it carries how hard it is and until when it counts, signed. The one who
issues it has solved it first (one derivation), so that looking at an answer costs a hash, and the longest search
has an end on an old telephone too. Whether a proof was used before, only the database knows.

Source: altcha, version 2, PBKDF2/SHA-256; a browser solves it with WebCrypto.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import altcha

ALGORITHM: Final = "PBKDF2/SHA-256"
ROUNDS: Final = 2000
"""Of one derivation: half a millisecond in Chromium on a computer of two cores."""

FEWEST: Final = 50
"""Derivations of the easiest proof, at least; at most twice as many. Each level doubles both."""

HARDEST: Final = 8
"""The highest level: some four seconds of the same computer."""

LASTS: Final = timedelta(minutes=10)
LONGEST: Final = 2000
"""Characters of a proof that are read."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A challenge that was solved: its nonce, how hard it was, and until when it counts."""

    nonce: str
    level: int
    expires_at: datetime


class Proofs:
    """Challenges and their answers under one secret; nodes that share it take each other's."""

    def __init__(self, secret: bytes) -> None:
        self._signing = _derived(secret, b"challenge")
        self._answering = _derived(secret, b"answer")

    def challenge(self, level: int, now: datetime, *, drawn: bytes) -> dict[str, Any]:
        """
        A challenge to solve, as a browser is given it.

        Args:
            level: from 1 to HARDEST.
            drawn: 8 random bytes, from which the place of the answer is drawn.
        """
        least = FEWEST << (level - 1)
        made = altcha.create_challenge(
            ALGORITHM,
            ROUNDS,
            counter=least + int.from_bytes(drawn, "big") % least,
            # Of our own clock, which need not be the library's: it looks at its own `expires_at` otherwise.
            data={"level": level, "until": int((now + LASTS).timestamp())},
            hmac_secret=self._signing,
            hmac_key_secret=self._answering,
        )
        return dict(made.to_dict())

    def check(self, proof: str, now: datetime) -> Proved | None:
        """What a proof proves; None where it is forged, wrong, expired or no proof at all. Total on any string."""
        if not proof or len(proof) > LONGEST:
            return None
        try:
            given = altcha.Payload.from_dict(json.loads(base64.b64decode(proof).decode()))
            result = altcha.verify_solution(given, self._signing, hmac_key_secret=self._answering)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
            return None
        if not result.verified:
            return None
        # Signed by us, so it is what we wrote.
        parameters = given.challenge.parameters
        data = parameters.data or {}
        expires_at = datetime.fromtimestamp(data["until"], UTC)
        if expires_at < now:
            return None
        return Proved(parameters.nonce, data["level"], expires_at)


def _derived(secret: bytes, purpose: bytes) -> str:
    return hmac.new(secret, b"proof\x00" + purpose, hashlib.sha256).hexdigest()
