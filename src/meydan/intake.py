"""
What another system kept, made into what is kept here: the desk's part of an import.

A comment of another system gets its salt, its commitment and its leaves as any other; what was decided there is a decision
"by import", under no guidelines of ours. Nothing is judged: what was pending there waits for people.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted
from typing import Final, Protocol
from urllib.parse import urlsplit

import msgspec

from meydan.comment import DecidedBy, Decision, Hold, Reason, Status, Verdict
from meydan.errors import ForeignStory
from meydan.ledger import commitment_of, decision_leaf, erasure_leaf, receipt_leaf, withdrawal_leaf
from meydan.policy import Guidelines
from meydan.policy.address import story_address
from meydan.store import Store
from meydan.store.arriving import Arrival, ArrivingStory, Known, Met
from meydan.store.exact import micros
from meydan.text.search import looked_through

__all__ = ["BY", "Arrival", "ArrivingStory", "Intake", "Known", "Met"]

BY: Final = "import"
_STATUS: Final = {
    "approved": Status.APPROVED,
    "rejected": Status.REJECTED,
    "held": Status.HELD,
    # They were there: readers saw them until they went.
    "withdrawn": Status.APPROVED,
    "erased": Status.APPROVED,
}
_ID_BYTES, _SALT_BYTES = 15, 32
_ID_LENGTH = _ID_BYTES * 8 // 5
_IDS_AT_ONCE, _SHARED = 2048, 4
_AUTHORS_REMEMBERED = 20_000


def _reasons_of(reasons: tuple[Reason, ...]) -> str:
    return msgspec.json.encode(reasons).decode() if reasons else "[]"


class Foreign(Protocol):
    """A comment as another system had it; exchange/record.py says what each means."""

    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def body(self) -> str: ...
    @property
    def body_format(self) -> str: ...
    @property
    def email(self) -> str | None: ...
    @property
    def author_key(self) -> str | None: ...
    @property
    def language(self) -> str | None: ...
    @property
    def submitted_at(self) -> datetime: ...
    @property
    def decided_at(self) -> datetime | None: ...
    @property
    def state(self) -> str: ...
    @property
    def parent(self) -> str | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def rules(self) -> tuple[str, ...]: ...


class Intake:
    """The way in for comments of one other system."""

    def __init__(
        self,
        store: Store,
        *,
        source: str,
        guidelines: Guidelines,
        clock: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        secret: bytes,
    ) -> None:
        self.source = source
        self._store = store
        self._guidelines = guidelines
        self._rules = {rule.id for rule in guidelines.rules}
        self._clock = clock
        self._entropy = entropy
        self._secret = secret
        self._digest_key = hmac.digest(secret, f"import\x00{source}".encode(), "sha256")
        self._random = memoryview(b"")
        self._ids: list[str] = []
        self._authors: dict[str, str] = {}

    def now(self) -> datetime:
        return self._clock()

    def newest(self) -> int:
        """What is put in from now on has a higher number."""
        return self._store.arrivals.newest()

    def prepare(self) -> None:
        """Make ready for much."""
        self._store.arrivals.prepare()

    def known(self, keys: Iterable[str]) -> dict[str, Known]:
        """What came from there before, by its name there; and what went out from here and comes back under its own id."""
        return self._store.arrivals.known(self.source, keys)

    def address_of(self, url: str, origins: Mapping[str, str]) -> str:
        """
        The one address that a story has here.

        Args:
            origins: what an origin of before is called now: "http://old.example" -> "https://new.example".

        Raises:
            Malformed: no address of a story. ForeignStory: it is not of this publication.
        """
        address = story_address(url)
        parts = urlsplit(address)
        now = origins.get(f"{parts.scheme}://{parts.netloc}")
        if now is not None:
            address = story_address(now + parts._replace(scheme="", netloc="").geturl())
        if not self._guidelines.allows(address):
            raise ForeignStory("It is not a story of this publication.")
        return address

    def digest_of(self, one: Foreign, url: str) -> bytes:
        """By which it is seen that something else came under the same name; tells nobody else anything."""
        # As a list in JSON, spelled by hand: it is compared with what was kept of earlier imports.
        email = "null" if one.email is None else _quoted(one.email)
        said = (
            f"[{_quoted(url)}, {_quoted(one.name)}, {_quoted(one.body)}, {_quoted(one.body_format)}, {email}, "
            f"{_quoted(one.submitted_at.isoformat())}, {_quoted(one.state)}]"
        )
        return hashlib.blake2b(said.encode("ascii"), key=self._digest_key, digest_size=16).digest()

    def ready(
        self,
        one: Foreign,
        *,
        digest: bytes,
        url: str,
        above: Arrival | Known | None,
        looked: str | None = None,
    ) -> Arrival:
        """
        A comment as it is to be put in; it may be named as what others reply to from now on.

        Args:
            looked: `looked_through` of it, where that was done already.
        """
        status = _STATUS[one.state]
        gone = one.state in ("withdrawn", "erased")
        # Words that were deleted without a trace have none to keep.
        text = None if gone and not one.body else one.body
        salt, kept_as = self._some(_SALT_BYTES), None if one.body_format == "text" else one.body_format
        commitment = commitment_of(salt, text or "")
        decided_at = one.decided_at or one.submitted_at
        rules: tuple[str, ...] = ()
        decision = end = None
        if status is not Status.HELD:
            if status is Status.REJECTED and one.rules:
                rules = tuple(rule for rule in dict.fromkeys(one.rules) if rule in self._rules)
            decision = decision_leaf(commitment, _decision(status, rules), decided_at)
        if gone:
            end = (erasure_leaf if text is None else withdrawal_leaf)(commitment, decided_at)
        return Arrival(
            key=one.key,
            digest=digest,
            id=self._id(),
            url=url,
            above=above,
            submitted_at=micros(one.submitted_at),
            decided_at=micros(decided_at),
            status=status,
            name=one.name,
            text=text,
            format=kept_as,
            email=None if text is None else one.email or None,
            salt=salt,
            commitment=commitment,
            language=one.language or "und",
            author_key=None if text is None else self._author_key(one),
            holds=Hold.AUTOMATION_OFF.value if status is Status.HELD else "",
            lookup=""
            if text is None
            else looked_through(one.name, one.body, one.body_format)
            if looked is None
            else looked,
            receipt=receipt_leaf(commitment, one.submitted_at),
            decision=decision,
            reasons="[]"
            if not rules
            else json.dumps([{"rule": rule, "ground": None, "label": None, "score": None} for rule in rules]),
            rules=rules,
            note=one.reason if decision is not None and text is not None else None,
            end=end,
            gone=gone,
        )

    def hand_over(self, arrivals: Sequence[Arrival], stories: Sequence[ArrivingStory]) -> Callable[[], None]:
        """
        Put them in, all or none. Returns once they are written, so that more can be made ready meanwhile.

        Returns:
            What waits until they are durable, and is to be called before more is handed over. Raises Met where another
            import put some of them in meanwhile, StoreUnavailable where nothing was kept.

        Raises:
            StoreUnavailable: nothing was kept.
        """
        return self._store.arrivals.hand_over(self.source, arrivals, stories)

    def _author_key(self, one: Foreign) -> str | None:
        """As the desk's: who writes here under the same address later is the same author."""
        if one.email:
            who = one.email.casefold()
        elif one.author_key:
            who = f"import\x00{self.source}\x00{one.author_key}"
        else:
            return None
        # The same people write again and again.
        key = self._authors.get(who)
        if key is None:
            if len(self._authors) >= _AUTHORS_REMEMBERED:
                self._authors.clear()
            message = f"author\x00{who}".encode("utf-8", "surrogatepass")
            key = self._authors[who] = hmac.digest(self._secret, message, "sha256").hex()[:32]
        return key

    def _id(self) -> str:
        if not self._ids:
            # Fifteen bytes are twenty-four letters without a rest, so many are spelled as one. Those that come together begin
            # alike: their rows in the index are near each other, where otherwise each would write a page of its own.
            # A hundred random bits are left to each.
            spelled = base64.b32encode(self._entropy(_IDS_AT_ONCE * _ID_BYTES)).decode("ascii").lower()
            self._ids = [
                spelled[:_SHARED] + spelled[at + _SHARED : at + _ID_LENGTH]
                for at in range(0, len(spelled), _ID_LENGTH)
            ]
        return self._ids.pop()

    def _some(self, size: int) -> bytes:
        if len(self._random) < size:
            # Asked of the machine seldom.
            self._random = memoryview(self._entropy(16_384))
        some, self._random = bytes(self._random[:size]), self._random[size:]
        return some


@lru_cache(maxsize=1024)
def _decision(status: Status, rules: tuple[str, ...]) -> Decision:
    verdict = Verdict.REJECT if status is Status.REJECTED else Verdict.APPROVE
    return Decision(
        verdict, reasons=tuple(Reason(rule=rule) for rule in rules), decided_by=DecidedBy.IMPORT, by=BY
    )
