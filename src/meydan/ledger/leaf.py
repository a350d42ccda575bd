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
OPENING_BYTES = 32
_OPENING = b"meydan.opening.v1\x00"
_COMMITMENT = b"meydan.comment.v2\x00"
_FORMER = b"meydan.comment.v1\x00"
# Made once: an archive of a million comments has two million leaves.
canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode
"""The one spelling of a leaf's facts: keys in their order, no blanks, ASCII."""


def opening_of(salt: bytes) -> bytes:
    """
    What opens a comment's commitment to everybody who reads it, and proves nothing else.

    The salt proves authorship, so it stays the author's; this is derived from it and leads nowhere back.

    Args:
        salt: exactly 32 random bytes, of this comment alone.

    Returns:
        32 bytes: SHA-256 over a domain string and the salt.

    Raises:
        ValueError: the salt has another length.
    """
    return hashlib.sha256(_OPENING + _checked("salt", salt, SALT_BYTES)).digest()


def commitment_with(opening: bytes, text: str) -> bytes:
    """
    The commitment that an opening and a text make.

    Args:
        opening: 32 bytes, of `opening_of`.
        text: the text as sent, without lone surrogates.

    Returns:
        32 bytes: SHA-256 over a domain string, the opening and the text's UTF-8 bytes.
        The opening has a fixed length, so no other opening and text share the input.

    Raises:
        ValueError: the opening has another length, or the text has no UTF-8 form.
    """
    opening = _checked("opening", opening, OPENING_BYTES)
    return hashlib.sha256(_COMMITMENT + opening + text.encode("utf-8")).digest()


def commitment_of(salt: bytes, text: str) -> bytes:
    """Commit to a text without telling it: `commitment_with` the opening of `salt`, with the same errors."""
    return commitment_with(opening_of(salt), text)


def is_committed(commitment: bytes, salt: bytes, text: str) -> bool:
    """
    Whether a stored commitment is to this text, under this salt: of today's form, or of the one before openings.

    False too for a salt or a text of which there is no commitment.
    """
    try:
        return commitment == commitment_of(salt, text) or is_former(commitment, salt, text)
    except ValueError:
        return False


def is_former(commitment: bytes, salt: bytes, text: str) -> bool:
    """Whether it is of the form before openings, under the salt itself: only its author can open it to anybody."""
    return commitment == hashlib.sha256(_FORMER + salt + text.encode("utf-8")).digest()


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
    return f'{{"at":"{instant_of(at)}",{before},"commitment":"{commitment.hex()}",{after}'.encode("ascii")


def withdrawal_leaf(commitment: bytes, at: datetime) -> bytes:
    """The leaf that says: its author withdrew it."""
    return _fact("withdrawal", commitment, at)


def erasure_leaf(commitment: bytes, at: datetime) -> bytes:
    """The leaf that says: its words were erased; from here on the commitment proves nothing here."""
    return _fact("erasure", commitment, at)


def instant_of(at: datetime) -> str:
    """A time as leaves have it: UTC, to the microsecond, with a Z."""
    return (at if at.tzinfo is UTC else at.astimezone(UTC)).isoformat(timespec="microseconds")[:-6] + "Z"


# Canonical JSON, keys in their order: all of it that is the same in many leaves is spelled once.


def _fact(kind: str, commitment: bytes, at: datetime) -> bytes:
    return f'{{"at":"{instant_of(at)}","commitment":"{commitment.hex()}","kind":"{kind}","v":1}}'.encode(
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
    return canonical({"calibration": calibration})[1:-1], canonical(after)[1:]


def _checked(what: str, value: bytes, size: int) -> bytes:
    if len(value) != size:
        raise ValueError(f"a commitment's {what} has {size} bytes, not {len(value)}")
    return value
