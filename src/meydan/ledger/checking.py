"""
Whether one receipt, or one comment as it is shown, is what a ledger says of it: point for point, in plain words.

Pure: what is served is fetched by a function that is given. Each point is proved, false, not known, or was not asked for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from meydan.comment import Verdict
from meydan.errors import BadReceipt, NotALedger
from meydan.ledger import checkpoint as checkpoints
from meydan.ledger.checkpoint import Checkpoint
from meydan.ledger.leaf import commitment_with, is_committed, receipt_leaf
from meydan.ledger.note import BadNote, Note, Signature, VerifyingKey
from meydan.ledger.reading import BadLeaf, Kind, Leaf, read_leaf, time_of
from meydan.ledger.receipt import Told
from meydan.ledger.tiles import ENTRIES as BUNDLE
from meydan.ledger.tiles import WIDTH, BadTile, Tile, TileReader, decode_entries, tile_in
from meydan.ledger.tree import BadProof, check_inclusion, inclusion_path, leaf_hash
from meydan.ledger.verify import CHECKPOINT, Fetch, Missing, Outcome, Withheld, fetch_tile

LATE_S: Final = 3600.0
"""After how long a receipt's leaf that is not published is no longer merely on its way."""


class Proved(StrEnum):
    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"
    NOT_ASKED = "not asked"


@dataclass(frozen=True, slots=True)
class Point:
    proved: Proved
    told: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found, in its order."""

    points: tuple[Point, ...]

    @property
    def outcome(self) -> Outcome:
        """False if anything is; not told if anything that was asked for is not known."""
        found = {point.proved for point in self.points}
        if Proved.NO in found:
            return Outcome.TAMPERED
        return Outcome.CANNOT_TELL if Proved.UNKNOWN in found else Outcome.SOUND

    @property
    def exit_code(self) -> int:
        return {Outcome.SOUND: 0, Outcome.TAMPERED: 1, Outcome.CANNOT_TELL: 2}[self.outcome]


@dataclass(frozen=True, slots=True)
class Proof:
    """What a server gives to check a shown comment by; nothing of it is believed."""

    id: str
    status: str
    text: str = ""
    opening: bytes | None = None
    commitment: bytes = b""
    leaves: tuple[tuple[int, bytes], ...] = ()
    ledger: str = ""


class _Ended(Exception):
    """Nothing further can be checked."""


def read_proof(data: bytes | None, id: str) -> Proof:
    """
    Read what a server gave for a comment.

    Raises:
        BadReceipt: it gave nothing: no such comment is shown. NotALedger: it gave something else.
    """
    if data is None:
        raise BadReceipt("No such comment is shown there.")
    try:
        told: dict[str, Any] = json.loads(data)
        if told["id"] != id:
            raise ValueError
        if told["status"] in ("erased", "withdrawn"):
            return Proof(id, told["status"])
        opening = told["opening"]
        return Proof(
            id=id,
            status={"approved": "approved"}[told["status"]],
            text=_text(told["text"]),
            opening=None if opening is None else bytes.fromhex(opening),
            commitment=bytes.fromhex(told["commitment"]),
            leaves=tuple((_number(one["number"]), _text(one["body"]).encode()) for one in told["leaves"]),
            ledger=_text(told["ledger"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotALedger("What is served there is not the proof of this comment.") from None


def check_receipt(
    told: Told,
    fetch: Fetch,
    keys: Sequence[VerifyingKey],
    *,
    known: bool,
    text: str | None,
    now: datetime,
) -> Checked:
    """
    Check a receipt against its ledger.

    Args:
        known: whether the keys were known beforehand, and not told by the ledger itself.
        text: the words that it is to be for; None: nobody asks.

    Raises:
        LedgerUnreachable, NotALedger
    """
    look = _Look(fetch, keys)
    try:
        look.keys(known=known)
        look.signature(told)
        if text is None:
            look.says(Proved.NOT_ASKED, "Whether it is for certain words: give them with --text.")
        else:
            look.words(told, text)
        state = look.checkpoint()
        look.receipt_leaf(told, state, now)
    except _Ended:
        pass
    return Checked(tuple(look.points))


def check_comment(proof: Proof, fetch: Fetch, keys: Sequence[VerifyingKey], *, known: bool) -> Checked:
    """
    Check a comment as it is shown against the ledger.

    Raises:
        LedgerUnreachable, NotALedger
    """
    look = _Look(fetch, keys)
    if proof.status != "approved":
        look.says(
            Proved.UNKNOWN,
            f"The comment was {proof.status}: it is not shown, and there is nothing left here to check it by.",
        )
        return Checked(tuple(look.points))
    try:
        look.keys(known=known)
        look.shown_text(proof)
        leaves = look.said_leaves(proof)
        state = look.checkpoint()
        for number, body in proof.leaves:
            look.included(number, body, state, f"Leaf {number} ({leaves[number].kind}) is in the ledger.")
        look.says(
            Proved.NOT_ASKED,
            "Whether the ledger has further decisions of it, and is the same for everybody: meydan ledger verify.",
        )
    except _Ended:
        pass
    return Checked(tuple(look.points))


class _Look:
    def __init__(self, fetch: Fetch, keys: Sequence[VerifyingKey]) -> None:
        self.points: list[Point] = []
        self._fetch = fetch
        self._keys = keys
        self._reader: TileReader | None = None

    def says(self, proved: Proved, told: str) -> None:
        self.points.append(Point(proved, told))

    def keys(self, *, known: bool) -> None:
        if not known:
            told = ", ".join(map(str, self._keys))
            self.says(
                Proved.NOT_ASKED,
                f"Whose key it is: the ledger itself told it ({told}). Compare it with one that you have from elsewhere.",
            )

    def signature(self, told: Told) -> None:
        if not told.sig:
            self.says(Proved.NOT_ASKED, "Whether the ledger gave it: this receipt is not signed.")
            return
        try:
            signature = Signature.of(told.log, told.sig)
        except BadNote:
            self.says(Proved.NO, "Forged receipt: what should be the ledger's signature is none.")
            raise _Ended from None
        by = [key for key in self._keys if key.made(signature)]
        if not by:
            self.says(Proved.NO, "Wrong key: the receipt is not signed by the key you know.")
            raise _Ended
        if not any(key.verifies(told.text, signature) for key in by):
            self.says(Proved.NO, "Forged receipt: the ledger's key did not sign what it says.")
            raise _Ended
        self.says(Proved.YES, f"The ledger {told.log} gave this receipt at {told.at}.")

    def words(self, told: Told, text: str) -> None:
        if is_committed(told.commitment, told.salt, text):
            self.says(Proved.YES, "It is for exactly these words.")
        elif text.endswith("\n") and is_committed(told.commitment, told.salt, text.removesuffix("\n")):
            self.says(
                Proved.YES, "It is for exactly these words, without the line's end at the end of the file."
            )
        else:
            self.says(Proved.NO, "Changed text: it is for other words than these.")

    def checkpoint(self) -> Checkpoint:
        try:
            note = Note.parse(self._fetch(CHECKPOINT))
            state, opened = checkpoints.open(str(note), self._keys)
        except Missing:
            self.says(Proved.UNKNOWN, "The ledger has published nothing yet.")
            raise _Ended from None
        except BadNote as error:
            self.says(
                Proved.NO, f"Wrong key: the ledger's checkpoint is not signed by the key you know. {error}"
            )
            raise _Ended from None
        if all(state.origin != key.name for key in opened.by):
            self.says(Proved.NO, "Wrong key: the checkpoint is another ledger's.")
            raise _Ended
        self.says(Proved.YES, f"The ledger {state.origin} is signed, with {state.size} leaves.")
        return state

    def receipt_leaf(self, told: Told, state: Checkpoint, now: datetime) -> None:
        if told.leaf >= state.size:
            late = ""
            if told.at and (now - time_of(told.at)).total_seconds() > LATE_S:
                late = " It should be long since: keep the receipt, it is signed."
            self.says(
                Proved.UNKNOWN,
                f"Stale checkpoint: leaf {told.leaf} is not published yet, there are {state.size} leaves.{late}",
            )
            return
        if told.at:
            body = receipt_leaf(told.commitment, time_of(told.at))
        else:
            # An old receipt does not say its time: the ledger does.
            body = self._served(told.leaf, state)
            try:
                leaf = read_leaf(body)
            except BadLeaf as error:
                self.says(Proved.NO, f"Changed leaf: leaf {told.leaf} is none of Meydan's: {error}.")
                return
            if leaf.kind is not Kind.RECEIPT or leaf.commitment != told.commitment:
                self.says(Proved.NO, f"Changed leaf: leaf {told.leaf} is not this receipt's.")
                return
        self.included(told.leaf, body, state, f"The comment's receipt is in the ledger, as leaf {told.leaf}.")

    def included(self, number: int, body: bytes, state: Checkpoint, told: str) -> None:
        if number >= state.size:
            self.says(Proved.UNKNOWN, f"Stale checkpoint: leaf {number} is not published yet.")
            return
        try:
            if self._reader is None:
                self._reader = TileReader(
                    state.size, lambda tile: fetch_tile(self._fetch, tile), root=state.root
                )
            path = inclusion_path(number, state.size, self._reader)
            check_inclusion(leaf_hash(body), number, state.size, path, state.root)
        except BadProof:
            self.says(Proved.NO, f"Changed leaf: leaf {number} of the ledger says something else.")
        except BadTile as error:
            self.says(Proved.NO, f"Swapped tile: {error}")
            raise _Ended from None
        except Withheld as hole:
            self.says(Proved.NO, f"Hole: {hole.told}")
            raise _Ended from None
        else:
            self.says(Proved.YES, told)

    def _served(self, number: int, state: Checkpoint) -> bytes:
        hashes = tile_in(0, number // WIDTH, state.size)
        try:
            data = fetch_tile(self._fetch, Tile(BUNDLE, hashes.index, hashes.width))
            return decode_entries(data, hashes.width)[number % WIDTH]
        except BadTile as error:
            self.says(Proved.NO, f"Changed leaf: {error}")
        except Withheld as hole:
            self.says(Proved.NO, f"Hole: {hole.told}")
        raise _Ended

    def shown_text(self, proof: Proof) -> None:
        if proof.opening is None:
            self.says(
                Proved.UNKNOWN,
                "Whether the words are those that were sent: only the author can check this one.",
            )
            return
        try:
            fits = commitment_with(proof.opening, proof.text) == proof.commitment
        except ValueError:
            fits = False
        if fits:
            self.says(
                Proved.YES, "The words that are shown are those that were committed to when they were sent."
            )
        else:
            self.says(Proved.NO, "Changed text: other words are shown than were sent.")

    def said_leaves(self, proof: Proof) -> dict[int, Leaf]:
        """What the comment's leaves say; whether they are in the ledger is another question."""
        leaves: dict[int, Leaf] = {}
        for number, body in proof.leaves:
            try:
                leaves[number] = read_leaf(body)
            except BadLeaf as error:
                self.says(Proved.NO, f"Changed leaf: leaf {number} is none of Meydan's: {error}.")
                raise _Ended from None
        told = list(leaves.values())
        ordered = list(leaves) == sorted(leaves) and len(leaves) == len(proof.leaves)
        if (
            not ordered
            or not told
            or told[0].kind is not Kind.RECEIPT
            or any(leaf.commitment != proof.commitment for leaf in told)
        ):
            self.says(
                Proved.NO, "Changed leaf: these leaves are not this comment's receipt and its decisions."
            )
            raise _Ended
        if (
            any(leaf.kind is not Kind.DECISION for leaf in told[1:])
            or told[-1].verdict is not Verdict.APPROVE
        ):
            self.says(Proved.NO, "What is shown as approved was not: its last leaf says something else.")
        else:
            self.says(
                Proved.YES,
                f"It was received at {told[0].at}, and its last decision, of {told[-1].at}, approves it.",
            )
        return leaves


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # lone surrogates have no bytes
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError
    return value
