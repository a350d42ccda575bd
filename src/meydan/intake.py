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
from meydan.text.derived import derived
from meydan.text.exact import is_exact
from meydan.text.fold import fold
from meydan.text.search import searchable_folded

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

    def now(self) -> datetime:
        return self._clock()

    def newest(self) -> int:
        """What is put in from now on has a higher number."""
        return self._store.arrivals.newest()

    def prepare(self) -> None:
        """Make ready for much."""
        self._store.arrivals.prepare()

    def known(self, keys: Iterable[str]) -> dict[str, Known]:
        """What came from there before, by its name there."""
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
        said = (
            url, one.name, one.body, one.body_format, one.email, one.submitted_at.isoformat(), one.state
        )  # fmt: skip
        return hashlib.blake2b(json.dumps(said).encode(), key=self._digest_key, digest_size=16).digest()

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
        reasons: tuple[Reason, ...] = ()
        rules: tuple[str, ...] = ()
        decision = end = None
        if status is not Status.HELD:
            if status is Status.REJECTED:
                rules = tuple(rule for rule in dict.fromkeys(one.rules) if rule in self._rules)
                reasons = tuple(Reason(rule=rule) for rule in rules)
            verdict = Verdict.REJECT if status is Status.REJECTED else Verdict.APPROVE
            said = Decision(verdict, reasons=reasons, decided_by=DecidedBy.IMPORT, by=BY)
            decision = decision_leaf(commitment, said, decided_at)
        if gone:
            end = (erasure_leaf if text is None else withdrawal_leaf)(commitment, decided_at)
        return Arrival(
            key=one.key,
            digest=digest,
            id=base64.b32encode(self._some(_ID_BYTES)).decode("ascii").lower(),
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
            lookup="" if text is None else looked_through(one) if looked is None else looked,
            receipt=receipt_leaf(commitment, one.submitted_at),
            decision=decision,
            reasons=json.dumps(
                [{"rule": rule, "ground": None, "label": None, "score": None} for rule in rules]
            ),
            rules=rules,
            end=end,
            gone=gone,
        )

    def put(self, arrivals: Sequence[Arrival], stories: Sequence[ArrivingStory]) -> None:
        """
        Put them in, all or none; durable when this returns.

        Raises:
            Met: another import put some of them in meanwhile. StoreUnavailable: nothing was kept.
        """
        self._store.arrivals.put(self.source, arrivals, stories)

    def _author_key(self, one: Foreign) -> str | None:
        """As the desk's: who writes here under the same address later is the same author."""
        if one.email:
            who = one.email.casefold()
        elif one.author_key:
            who = f"import\x00{self.source}\x00{one.author_key}"
        else:
            return None
        message = f"author\x00{who}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, message, "sha256").hex()[:32]

    def _some(self, size: int) -> bytes:
        if len(self._random) < size:
            # Asked of the machine seldom.
            self._random = memoryview(self._entropy(16_384))
        some, self._random = bytes(self._random[:size]), self._random[size:]
        return some


@lru_cache(maxsize=4096)
def _name_looked_through(name: str) -> str:
    return searchable_folded(name, "")


def looked_through(one: Foreign) -> str:
    """What a comment is found by, as text.search has it. Pure; half of the work of an import."""
    if not is_exact(one.body) or not is_exact(one.name):
        return ""
    # The same people write again and again.
    own = _name_looked_through(one.name)
    text = derived(one.body, one.body_format)
    return f"{own} {searchable_folded('', fold(text).text)}".strip()
