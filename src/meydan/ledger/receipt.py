"""
An author's receipt: what was committed to, where it stands, and the salt that opens it.

Whoever holds the salt is the author, as far as anybody can tell: it is told once, with the
answer to the submission, and deleted here with the words.
"""

from __future__ import annotations

import base64
import json
from typing import Any

VERSION = "mr1"
LONGEST = 1000

_encode = json.JSONEncoder(separators=(",", ":")).encode


def receipt_of(id: str, salt: bytes, commitment: bytes, leaf: int) -> str:
    """The receipt of a comment: its id, salt (32 bytes), commitment (32 bytes) and leaf number, as one word."""
    facts = {"id": id, "salt": salt.hex(), "commitment": commitment.hex(), "leaf": leaf}
    body = _encode(facts).encode("ascii")
    return f"{VERSION}." + base64.urlsafe_b64encode(body).rstrip(b"=").decode("ascii")


def salt_in(receipt: str, id: str) -> bytes | None:
    """The salt that a receipt for comment `id` carries; None for anything that is not one."""
    facts = _facts(receipt)
    try:
        return bytes.fromhex(facts["salt"]) if facts["id"] == id else None
    except (ValueError, KeyError, TypeError):
        return None


def id_in(receipt: str) -> str | None:
    """The id that a receipt claims to be of, for its salt to prove; None for anything that is not one."""
    id = _facts(receipt).get("id")
    return id if isinstance(id, str) else None


def _facts(receipt: str) -> dict[str, Any]:
    version, _, body = receipt.partition(".")
    if version != VERSION or len(body) > LONGEST or not body.isascii():
        return {}
    try:
        facts = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}
