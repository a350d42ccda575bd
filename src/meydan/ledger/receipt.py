"""
An author's receipt: what was committed to, where it stands in the ledger, the salt that opens it, and the ledger's signature.

Whoever holds the salt is the author, as far as anybody can tell: it is told once, with the answer to the submission, and
deleted here with the words. The signature promises that the leaf will be published; what it covers holds no secret.

A receipt is one word: `mr2.` and its facts as JSON in base64url. `mr1` had no signature; it is read for ever, and given
where nothing can be promised: without a key, and while the ledger is stopped.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import msgspec

from meydan.ledger.leaf import instant_of
from meydan.ledger.note import SigningKey
from meydan.ledger.reading import is_instant

VERSION: Final = "mr2"
FORMER: Final = "mr1"
LONGEST: Final = 2000

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Receipt:
    """
    The receipt of a comment; `str` is the word that is given to its author.

    It is signed when it is read first, so by whoever tells it and not by the thread that keeps comments.

    Args:
        salt, commitment: 32 bytes each.
        leaf: the number of the receipt's leaf.
        at: when it was received, as the leaf says.
        key: of the ledger, under its name; None: unsigned.
    """

    id: str
    salt: bytes = field(repr=False)
    commitment: bytes
    leaf: int
    at: datetime
    key: SigningKey | None = field(default=None, repr=False, compare=False)
    _word: str = field(default="", init=False, repr=False, compare=False)

    def __str__(self) -> str:
        if not self._word:
            object.__setattr__(self, "_word", self._written())
        return self._word

    def _written(self) -> str:
        facts: dict[str, object] = {
            "id": self.id,
            "salt": self.salt.hex(),
            "commitment": self.commitment.hex(),
            "leaf": self.leaf,
        }
        version = FORMER
        if self.key is not None:
            version, at = VERSION, instant_of(self.at)
            text = signed_text(self.key.name, self.commitment, self.leaf, at)
            facts |= {"at": at, "log": self.key.name, "sig": self.key.signature(text).payload}
        return f"{version}." + base64.urlsafe_b64encode(_encode(facts)).rstrip(b"=").decode("ascii")


@dataclass(frozen=True, slots=True)
class Told:
    """
    What a receipt says; nothing of it is checked.

    `at`, `log` (the ledger's name) and `sig` (a signature's payload, base64) are "" in one that is unsigned.
    """

    id: str
    salt: bytes = field(repr=False)
    commitment: bytes
    leaf: int
    at: str = ""
    log: str = ""
    sig: str = ""

    @property
    def text(self) -> str:
        """What `sig` has to be over, by a key of the name `log`."""
        return signed_text(self.log, self.commitment, self.leaf, self.at)


def signed_text(log: str, commitment: bytes, leaf: int, at: str) -> str:
    """What the ledger signs of a receipt: its own name, the commitment, the leaf's number and its time."""
    return f"meydan receipt v1\n{log}\n{commitment.hex()}\n{leaf}\n{at}\n"


def read(receipt: str) -> Told | None:
    """What a receipt says, of either form; None for anything that is not one."""
    facts = _facts(receipt)
    signed = receipt.startswith(f"{VERSION}.")
    try:
        salt, commitment = bytes.fromhex(facts["salt"]), bytes.fromhex(facts["commitment"])
        id, leaf = facts["id"], facts["leaf"]
        at, log, sig = (facts[name] if signed else "" for name in ("at", "log", "sig"))
    except (ValueError, KeyError, TypeError):
        return None
    texts = all(isinstance(one, str) for one in (id, at, log, sig))
    if signed and (not texts or not log or not sig or not is_instant(at)):
        return None
    number = isinstance(leaf, int) and not isinstance(leaf, bool) and leaf >= 0
    if not texts or not number or len(salt) != 32 or len(commitment) != 32:
        return None
    return Told(id, salt, commitment, leaf, at, log, sig)


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
    if version not in (VERSION, FORMER) or len(body) > LONGEST or not body.isascii():
        return {}
    try:
        facts = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}
