"""
By what a reader is known: a mailbox, the key that names them, and the pass that they carry.

Pure; the server's secret and the time are given. A key is a keyed hash: the same for one person whatever their network
address, and nobody can make it, or turn it back, without the secret. A pass is sealed with the secret, so that its
bearer can neither read nor change it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from meydan.comment import Reader
from meydan.errors import Malformed

VERSION: Final = "mp1"
LONGEST: Final = 8000
"""Characters of what is sealed at most; longer ones are not looked into."""

GOOD_FOR: Final = timedelta(days=180)
"""How long a pass is believed after it was given."""

LONGEST_EMAIL: Final = 254
COMPOSED_OF: Final = 4
"""
Code points that one of a composed text is made of, at most. What is too long even so is never composed: putting a pile
of marks in order takes time by its square, and lets nobody else work meanwhile.
"""

NO_MAILBOX: Final = "The e-mail address is not of the form name@example.org."

# What no plain mailbox has, and what could name a second one or begin another header.
_NOT_IN_A_MAILBOX: Final = frozenset('@,;:<>()[]"\\')


@dataclass(frozen=True, slots=True)
class Pass:
    """Whom a pass stands for, and when it was given."""

    reader: Reader
    given_at: datetime


class Seal:
    """
    What the server's secret makes: keys of readers, and passes. Safe to use from many threads.

    Args:
        former: the secret before this one; what was sealed with it is still opened, nothing is sealed with it any more.
    """

    def __init__(self, secret: bytes, *, former: bytes | None = None) -> None:
        self._secret = secret
        self._box = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"reader\x00" + secret).digest()))
        self._former = Seal(former) if former else None

    def key_of_account(self, issuer: str, subject: str) -> str:
        """The key of whom an issuer calls `subject`."""
        return self.keyed("reader", f"account\x00{issuer.rstrip('/')}\x00{subject}")

    def key_of_mailbox(self, mailbox: str) -> str:
        """The key of whoever reads a mailbox, as `mailbox_of` writes it."""
        return self.keyed("reader", f"mailbox\x00{mailbox}")

    def verified(self, email: str, name: str) -> Reader:
        """
        A guest whose address is proved to be theirs.

        Raises:
            Malformed: it is no address.
        """
        mailbox = mailbox_of(email)
        return Reader(self.key_of_mailbox(mailbox), name, mailbox, email_verified=True, kind="verified")

    def pass_of(self, reader: Reader, at: datetime) -> str:
        """The pass of a verified guest, as given at a time."""
        sealed = self.close("pass", {"email": reader.email, "name": reader.name}, at)
        return f"{VERSION}.{sealed}"

    def read_pass(self, given: str, now: datetime) -> Pass | None:
        """What a pass says; None for one that is not ours, or too old."""
        version, _, sealed = given.partition(".")
        opened = self._opened("pass", sealed, now, good_for=GOOD_FOR) if version == VERSION else None
        if opened is None:
            # Under the key that its reader had then: so that what they wrote stays theirs, and what they ended stays ended.
            return self._former.read_pass(given, now) if self._former else None
        told, at = opened
        return Pass(self.verified(told["email"] or "", told["name"] or ""), at)

    def close(self, purpose: str, told: Mapping[str, str | None], at: datetime) -> str:
        """Seal what is told, for a purpose and as of a time; another word each time, of letters, digits, - and _."""
        body = json.dumps({**told, "for": purpose}, ensure_ascii=False).encode()
        return self._box.encrypt_at_time(body, int(at.timestamp())).decode("ascii").rstrip("=")

    def open(
        self, purpose: str, sealed: str, now: datetime, *, good_for: timedelta
    ) -> tuple[Mapping[str, str | None], datetime] | None:
        """What was sealed for this purpose, and when; None for what was not, or longer ago than `good_for`."""
        opened = self._opened(purpose, sealed, now, good_for=good_for)
        if opened is None and self._former is not None:
            return self._former.open(purpose, sealed, now, good_for=good_for)
        return opened

    def _opened(
        self, purpose: str, sealed: str, now: datetime, *, good_for: timedelta
    ) -> tuple[Mapping[str, str | None], datetime] | None:
        if len(sealed) > LONGEST or not sealed.isascii():
            return None
        token = (sealed + "=" * (-len(sealed) % 4)).encode("ascii")
        try:
            body = self._box.decrypt_at_time(
                token, ttl=int(good_for.total_seconds()), current_time=int(now.timestamp())
            )
            at = datetime.fromtimestamp(self._box.extract_timestamp(token), UTC)
        except (InvalidToken, ValueError):
            return None
        told: dict[str, str | None] = json.loads(body)
        return (told, at) if told.pop("for") == purpose else None

    def keyed(self, purpose: str, value: str) -> str:
        """A keyed hash of a value, another for every purpose."""
        message = f"{purpose}\x00{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()[:32]


def mailbox_of(email: str) -> str:
    """
    An address as it is known and written to here: composed, its ASCII letters small.

    No other letter is folded: two addresses that a mail server may tell apart are never taken for one, and mail goes to
    exactly the address that is known. So nobody comes to be somebody else by a letter that looks alike.

    Raises:
        Malformed: it is not one plain address.
    """
    email = email.strip()
    if len(email) > COMPOSED_OF * LONGEST_EMAIL:
        raise Malformed(NO_MAILBOX, fields=("email",))
    written = unicodedata.normalize("NFC", email)
    local, at, domain = written.rpartition("@")
    whole = (
        bool(local and at and "." in domain.strip("."))
        and not domain.startswith((".", "-"))
        and not any(
            c in _NOT_IN_A_MAILBOX or c.isspace() or unicodedata.category(c)[0] == "C" for c in local + domain
        )
    )
    if not whole or len(written) > LONGEST_EMAIL:
        raise Malformed(NO_MAILBOX, fields=("email",))
    return "".join(c.lower() if c.isascii() else c for c in written)
