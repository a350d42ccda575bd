"""
A checkpoint: which ledger, how many leaves, and the root over them, in three lines that are signed.

Pure. Source: C2SP tlog-checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from meydan.ledger import note
from meydan.ledger.note import BadNote, Opened, SigningKey, VerifyingKey
from meydan.ledger.tree import HASH_BYTES

_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """
    The state of a ledger.

    Args:
        origin: the name of the ledger, such as "news.example/ledger".
        size: how many leaves it has.
        root: 32 bytes.
        extensions: further lines that were signed with it; none of ours have any.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """What is signed."""
        lines = (self.origin, str(self.size), base64.b64encode(self.root).decode("ascii"), *self.extensions)
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """
        A checkpoint from the text of a note.

        Raises:
            BadNote: it is none.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines) or not _SIZE.fullmatch(lines[1]):
            raise BadNote("This is not a checkpoint.")
        origin, size, written, *extensions = lines
        try:
            root = base64.b64decode(written, validate=True)
        except (binascii.Error, ValueError):
            raise BadNote("This is not a checkpoint.") from None
        made = cls(origin, int(size), root, tuple(extensions))
        # One text for one checkpoint: no bits beyond the root's last byte.
        if len(root) != HASH_BYTES or made.text != text:
            raise BadNote("This is not a checkpoint.")
        return made


def sign(checkpoint: Checkpoint, keys: Sequence[SigningKey]) -> str:
    """The checkpoint as a signed note, by each of the keys."""
    return note.sign(checkpoint.text, keys)


def open(written: str | bytes, keys: Iterable[VerifyingKey]) -> tuple[Checkpoint, Opened]:
    """
    A checkpoint that at least one of the keys signed.

    Raises:
        BadNote: it is none, or none of them signed it.
    """
    opened = note.open(written, keys)
    return Checkpoint.parse(opened.text), opened
