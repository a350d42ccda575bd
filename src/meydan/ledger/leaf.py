"""
A leaf's bytes: canonical JSON that proves much and tells nothing.

Pure. A leaf holds no words, no name and no public comment id: a commitment,
what was decided, under which guidelines, and when. The same facts always give
the same bytes, so that anyone can hash them again.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import lru_cache

from meydan.comment import Decision

SALT_BYTES = 32
_DOMAIN = b"meydan.comment.v1\x00"
# Made once: an archive of a million comments has two million leaves.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def commitment_of(salt: bytes, text: str) -> bytes:
    """
    Commit to a text without telling it.

    Args:
        salt: exactly 32 random bytes, of this comment alone.
        text: the text as sent, without lone surrogates.

    Returns:
        32 bytes: SHA-256 over a domain string, the salt and the text's UTF-8 bytes.
        The salt has a fixed length, so no other salt and text share the input.

    Raises:
        ValueError: the salt has another length, or the text has no UTF-8 form.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return hashlib.sha256(_DOMAIN + salt + text.encode("utf-8")).digest()


def receipt_leaf(commitment: bytes, at: datetime) -> bytes:
    """The leaf that says: a comment was received."""
    return _fact("receipt", commitment, at)


def decision_leaf(commitment: bytes, decision: Decision, at: datetime) -> bytes:
    """The leaf that says: it was decided so, by a machine or a person, for these rules."""
    before, after = _decided(
        decision.verdict.value,
        tuple(
            reason.rule if reason.ground is None else f"{reason.rule}:{reason.ground}"
            for reason in decision.reasons
        ),
        decision.decided_by.value,
        decision.guidelines,
        decision.model,
        decision.calibration,
    )
    return f'{{"at":"{_instant(at)}",{before},"commitment":"{commitment.hex()}",{after}'.encode("ascii")


def withdrawal_leaf(commitment: bytes, at: datetime) -> bytes:
    """The leaf that says: its author withdrew it."""
    return _fact("withdrawal", commitment, at)


def erasure_leaf(commitment: bytes, at: datetime) -> bytes:
    """The leaf that says: its words were erased; from here on the commitment proves nothing here."""
    return _fact("erasure", commitment, at)


def _instant(at: datetime) -> str:
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(timespec="microseconds")[:-6] + "Z"


# Canonical JSON, keys in their order: all of it that is the same in many leaves is spelled once.


def _fact(kind: str, commitment: bytes, at: datetime) -> bytes:
    return f'{{"at":"{_instant(at)}","commitment":"{commitment.hex()}","kind":"{kind}","v":1}}'.encode(
        "ascii"
    )


@lru_cache(maxsize=1024)
def _decided(
    verdict: str,
    rules: tuple[str, ...],
    decided_by: str,
    guidelines: str,
    model: str,
    calibration: str | None,
) -> tuple[str, str]:
    """What stands before a decision's commitment, and what stands after it."""
    after = {
        "kind": "decision",
        "verdict": verdict,
        "rules": rules,
        "decided_by": decided_by,
        "guidelines": guidelines,
        "model": model,
        "v": 1,
    }
    return _encode({"calibration": calibration})[1:-1], _encode(after)[1:]
