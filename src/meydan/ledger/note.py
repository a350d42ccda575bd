"""
Signed notes: a text with the signatures of those who vouch for it, as lines under it.

Pure; seeds and times are given. Two kinds of signatures are known: a plain one (Ed25519 over the text), and a witness's
cosignature (over the text and the time at which it was seen).

    SigningKey -> VerifyingKey      a name and an Ed25519 key; written as one word
    sign, cosign                    make notes, and add to them
    open                            the text of a note, and who of the known signed it; BadNote where none did

Source: C2SP signed-note and tlog-cosignature (cosignature/v1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04

SEED_BYTES: Final = 32
MOST_BYTES: Final = 64_000
"""Of a note; longer ones are not looked into."""

MOST_SIGNATURES: Final = 64
_MOST_SECONDS: Final = 2**63 - 1
_PRIVATE: Final = "PRIVATE+KEY+"
_WORD: Final = re.compile(r"(?P<name>[^\s+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]+=*)")


class BadNote(ValueError):
    """Not a signed note, not a key, or signed by nobody who is known."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: whose it says it is, the four bytes that name the key, and the rest."""

    name: str
    id: bytes
    body: bytes

    @property
    def payload(self) -> str:
        """What stands behind the name, base64."""
        return base64.b64encode(self.id + self.body).decode("ascii")

    @property
    def line(self) -> str:
        return f"— {self.name} {self.payload}\n"

    @property
    def at(self) -> int:
        """When a witness says it saw the text, in seconds since 1970; of a cosignature only."""
        return int.from_bytes(self.body[:8], "big")

    @classmethod
    def of(cls, name: str, payload: str) -> Signature:
        """
        A signature from its payload.

        Raises:
            BadNote: it is no base64 of more than four bytes.
        """
        data = _decoded(payload)
        if len(data) <= 4:
            raise BadNote("A signature is too short.")
        return cls(name, data[:4], data[4:])


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """What checks signatures; `str` of it is the word that is given to others."""

    name: str
    key: bytes
    kind: int = ED25519
    id: bytes = field(init=False, repr=False, compare=False)
    """Four bytes that, with the name, say which key it was."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.key) != 32 or self.kind not in (ED25519, COSIGNATURE):
            raise BadNote("Only Ed25519 keys of 32 bytes are known here.")
        digest = hashlib.sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.key).digest()
        object.__setattr__(self, "id", digest[:4])

    def __str__(self) -> str:
        return (
            f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.key).decode('ascii')}"
        )

    @classmethod
    def parse(cls, word: str) -> VerifyingKey:
        """
        A key from its word.

        Raises:
            BadNote: it is none, is damaged, or of a kind that is not known.
        """
        name, id, kind, body = _parts(word)
        key = cls(name, body, kind)
        if key.id.hex() != id:
            raise BadNote("The key is damaged: its parts do not belong together.")
        return key

    def made(self, signature: Signature) -> bool:
        """Whether a signature says that it is by this key."""
        return signature.name == self.name and signature.id == self.id

    def verifies(self, text: str, signature: Signature) -> bool:
        """Whether this key signed this text."""
        body = signature.body
        message = text.encode()
        if self.kind == COSIGNATURE:
            if len(body) != 72 or signature.at > _MOST_SECONDS:
                return False
            message, body = _seen(signature.at) + message, body[8:]
        if not self.made(signature) or len(body) != 64:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(body, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """
    What makes signatures; `word` of it is a secret.

    Args:
        seed: 32 random bytes.
        kind: ED25519 signs texts, COSIGNATURE signs that a text was seen; one seed is never used for both.
    """

    name: str
    seed: bytes = field(repr=False)
    kind: int = ED25519
    _key: Ed25519PrivateKey = field(init=False, repr=False, compare=False)
    verifying: VerifyingKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_BYTES:
            raise BadNote(f"A signing key is made from {SEED_BYTES} bytes.")
        key = Ed25519PrivateKey.from_private_bytes(self.seed)
        object.__setattr__(self, "_key", key)
        public = key.public_key().public_bytes_raw()
        object.__setattr__(self, "verifying", VerifyingKey(self.name, public, self.kind))

    @property
    def word(self) -> str:
        """The key as one word, for its file."""
        body = base64.b64encode(bytes([self.kind]) + self.seed).decode("ascii")
        return f"{_PRIVATE}{self.name}+{self.verifying.id.hex()}+{body}"

    @classmethod
    def parse(cls, word: str) -> SigningKey:
        """
        A key from its word.

        Raises:
            BadNote: it is none, or damaged; the message does not repeat it.
        """
        if not word.startswith(_PRIVATE):
            raise BadNote("This is not a signing key.")
        name, id, kind, seed = _parts(word.removeprefix(_PRIVATE))
        key = cls(name, seed, kind)
        if key.verifying.id.hex() != id:
            raise BadNote("The signing key is damaged: its parts do not belong together.")
        return key

    def signature(self, text: str, *, at: int | None = None) -> Signature:
        """
        Sign a text.

        Args:
            at: when it was seen, in whole seconds since 1970; a cosignature's, and only that.
        """
        if (self.kind == COSIGNATURE) != (at is not None):
            raise ValueError("a cosignature says when, and nothing else does")
        message, stamp = text.encode(), b""
        if at is not None:
            message, stamp = _seen(at) + message, at.to_bytes(8, "big")
        return Signature(self.name, self.verifying.id, stamp + self._key.sign(message))


@dataclass(frozen=True, slots=True)
class Note:
    """
    A text and the signature lines under it, believed or not; `str` is how it is written.

    Args:
        text: ends with a newline.
    """

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n" + "".join(signature.line for signature in self.signatures)

    @classmethod
    def parse(cls, written: str | bytes) -> Note:
        """
        Read a note; nothing is checked but its form.

        Raises:
            BadNote: it is not one, or longer than any that is looked into.
        """
        if len(written) > MOST_BYTES:
            raise BadNote("The note is longer than any that is read.")
        if isinstance(written, bytes):
            try:
                written = written.decode("utf-8")
            except UnicodeDecodeError:
                raise BadNote("The note is not UTF-8.") from None
        if any(character < " " and character != "\n" for character in written):
            raise BadNote("The note holds control characters.")
        text, blank, lines = written.rpartition("\n\n")
        if not blank or not text or not lines.endswith("\n"):
            raise BadNote("This is not a signed note.")
        signatures = []
        for line in lines[:-1].split("\n"):
            dash, name, payload, *more = [*line.split(" "), "", "", ""]
            if dash != "—" or not payload or any(more):
                raise BadNote("A signature line does not have its form.")
            _check_name(name)
            signatures.append(Signature.of(name, payload))
        if len(signatures) > MOST_SIGNATURES:
            raise BadNote("The note has more signatures than are looked at.")
        return cls(text + "\n", tuple(signatures))

    def signed_by(self, keys: Iterable[VerifyingKey]) -> tuple[VerifyingKey, ...]:
        """
        Which of the keys signed it.

        Raises:
            BadNote: a signature that says it is by one of them is not.
        """
        found = []
        for key in keys:
            by_it = [signature for signature in self.signatures if key.made(signature)]
            if not all(key.verifies(self.text, signature) for signature in by_it):
                raise BadNote(
                    f"The signature that names the key {key.name}+{key.id.hex()} was not made with it."
                )
            if by_it:
                found.append(key)
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Opened:
    """A note that somebody known signed."""

    text: str
    by: tuple[VerifyingKey, ...]
    note: Note


def sign(text: str, keys: Sequence[SigningKey]) -> str:
    """
    A note over a text, signed with each of the keys.

    Raises:
        ValueError: the text does not end with a newline, or holds control characters.
    """
    if not text.endswith("\n") or any(character < " " and character != "\n" for character in text):
        raise ValueError("the text of a note is lines, each with its end")
    return str(Note(text, tuple(key.signature(text) for key in keys)))


def cosign(note: Note, key: SigningKey, *, at: int) -> Note:
    """The note with a witness's cosignature under it, in the place of one that it gave before."""
    others = tuple(signature for signature in note.signatures if not key.verifying.made(signature))
    return replace(note, signatures=(*others, key.signature(note.text, at=at)))


def open(written: str | bytes, keys: Iterable[VerifyingKey]) -> Opened:
    """
    The text of a note that at least one of the keys signed.

    Raises:
        BadNote: it is no note, none of them signed it, or a signature that names one of them is not its.
    """
    note = Note.parse(written)
    by = note.signed_by(keys)
    if not by:
        raise BadNote("None of the known keys signed this note.")
    return Opened(note.text, by, note)


def _seen(at: int) -> bytes:
    return f"cosignature/v1\ntime {at}\n".encode()


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() or character < " " for character in name):
        raise BadNote("A key's name has letters, no spaces and no plus sign.")


def _parts(word: str) -> tuple[str, str, int, bytes]:
    found = _WORD.fullmatch(word) if len(word) <= 1000 else None
    if not found:
        raise BadNote("A key has the form name+hash+key.")
    data = _decoded(found["key"])
    if len(data) != 33:
        raise BadNote("Only Ed25519 keys of 32 bytes are known here.")
    return found["name"], found["id"], data[0], data[1:]


def _decoded(payload: str) -> bytes:
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        raise BadNote("What should be base64 is not.") from None
    # Bits beyond the last byte would let one signature be written in several ways.
    if base64.b64encode(data).decode("ascii") != payload:
        raise BadNote("What should be base64 is not.")
    return data
