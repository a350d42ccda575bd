"""
What an existing Coral asks before it publishes: its external moderation phase, signed by it, judged by our guidelines.

Coral publishes wherever it gets no answer that it understands: after an error of any kind, an answer that comes too late,
or none. So whatever happens here is answered, in time, as a 200 that hands the comment to Coral's moderators. Nothing is
kept. docs/from-coral.md says how the two are put together.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
import structlog

from meydan import errors
from meydan.comment import Decision, Story, Verdict
from meydan.desk import Assessed, Desk
from meydan.text.derived import text_of_html
from meydan.text.exact import check_text
from meydan.web.doors import Doors
from meydan.web.errors import CODE_HEADER, WrongMethod, code_of, headers_of, status_of, where
from meydan.web.sending import ROUTE, UNSEEN, answer, body_of, in_thread

PREFIX: Final = "/coral/"
PATH: Final = "/coral/moderate"
SIGNATURE: Final = b"x-coral-signature"

CODES: Final[Mapping[str, str]] = {
    "profanity": "OFFENSIVE",
    "vulgarity": "OFFENSIVE",
    "threat": "ABUSIVE",
    "personal_attack": "HARASSMENT_BULLYING",
    "sexism": "HATE_SPEECH",
    "racism": "HATE_SPEECH",
    "homophobia": "HATE_SPEECH",
    "xenophobia": "HATE_SPEECH",
    "religion_hate": "HATE_SPEECH",
    "disability_hate": "HATE_SPEECH",
    "promotion": "AD",
}
"""The label that a comment is rejected for, the strongest of them -> Coral's code for the reason."""

ANOTHER: Final = "OTHER"
"""Coral's code for a reason that it has none for; it goes with the rule's title."""

SPAM: Final = frozenset({"promotion"})
"""What Coral's moderators are shown as spam; every other label as toxic."""

MOST_SIGNATURES: Final = 16
"""Coral sends one for each secret that is valid still: two, while one is being changed."""

LONGEST: Final = 10_000
"""Characters of a body that can be judged while Coral waits; what is longer is for its moderators."""

AT_ONCE: Final = 4
"""Comments of Coral's that are in hand, at most; one more is for its moderators at once."""

_ANSWERED_WITHIN: Final = 0.75
"""The share of the time that a comment waits for its turn; the rest is for judging it."""

_SIGNED: Final = re.compile(rb"sha256=([0-9A-Fa-f]{64})")

_PLAIN: Final = re.compile(
    r"</?(?:b|strong|i|em|u|s|strike|del|blockquote|ul|ol|li|br|div|p)\s*/?>"
    r'|<span(?: class="coral-[\w-]{1,40}")?>|</span>|</a>'
    r'|<a(?: (?:href="(?:https?://|mailto:)[^"<>]*"|target="_blank"|rel="(?:nofollow|noopener|noreferrer|ugc| )+"))+>',
    re.IGNORECASE,
)
"""The markup of Coral's own editor, in which no words can be hidden from who reads what is derived of it."""

_OPENS: Final = re.compile(r"<[A-Za-z/!?]")

Scope = Any
Receive = Callable[[], Any]
Send = Callable[[Any], Any]

log = structlog.get_logger("meydan.web")


class _Comment(msgspec.Struct):
    body: str
    parentID: str | None = None  # noqa: N815 - as Coral spells it


class _Story(msgspec.Struct):
    url: str = ""


class _Asked(msgspec.Struct):
    """What Coral sends, as far as it is asked here. Who writes is Coral's to judge, and is not looked at."""

    action: Literal["NEW", "EDIT"]
    comment: _Comment
    story: _Story = msgspec.field(default_factory=_Story)


class Coral:
    """What answers all addresses that begin with /coral/."""

    def __init__(self, doors: Doors) -> None:
        settings = doors.meydan.settings
        self._desk = doors.meydan.desk
        self._secrets = tuple(secret.encode() for secret in settings.coral_secrets)
        self._within_s = settings.coral_within_ms / 1000
        self._most = settings.body_bytes
        self._read = msgspec.json.Decoder(_Asked)
        self._in_hand = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[UNSEEN] = True
        if scope["path"] == PATH:
            scope[ROUTE] = PATH
        try:
            async with asyncio.timeout(self._within_s):
                told = await self._answer(scope, receive)
        except Exception as error:  # noqa: BLE001 - whatever it is, the comment is not published for it
            await self.refuse(error, send)
            return
        await _tell(told, {}, send)

    async def refuse(self, error: Exception, send: Send) -> None:
        """Hand the comment to Coral's moderators, and say why in a header; a status of 4xx or 5xx would publish it."""
        if isinstance(error, TimeoutError):
            error = errors.Overloaded("It was not judged in time.")
        headers = {CODE_HEADER: code_of(error)}
        if isinstance(error, WrongMethod):
            await answer(405, {**headers_of(error), "allow": "POST"}, b"", send)
            return
        if status_of(error) == 500:
            log.error("unexpected", error=type(error).__name__, at=where(error))
        elif isinstance(error, errors.StoreUnavailable):
            # The asker learns that it does not answer; what to do about it is the operator's.
            log.warning("unavailable", code=error.code, cause=error.message)
        await _tell(PUT_OFF, headers, send)

    async def _answer(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        if scope["method"] != "POST":
            raise WrongMethod("This address takes POST.")
        within = asyncio.get_running_loop().time() + self._within_s * _ANSWERED_WITHIN
        body = await body_of(receive, self._most)
        if body is None:
            raise errors.TooLarge(f"It has more than {self._most} bytes.")
        given = [value for name, value in scope["headers"] if name == SIGNATURE]
        if not is_signed(body, given, self._secrets):
            raise errors.BadSignature(
                "It is not signed with any of coral_secrets, which are the signing secrets that Coral shows for this phase."
            )
        if scope["path"] != PATH:
            raise errors.NotFound(f"There is nothing at this address; Coral's phase is {PATH}.")
        try:
            asked = self._read.decode(body)
        except (ValueError, RecursionError):
            raise errors.Malformed("It is not what Coral asks an external moderation phase.") from None
        check_text("comment", asked.comment.body, LONGEST)
        if self._in_hand >= AT_ONCE:
            raise errors.Overloaded("More comments of Coral's are in hand than are taken at once.")
        self._in_hand += 1
        # Counted until the thread is done with it: who asked may have stopped waiting long before.
        left_s = within - asyncio.get_running_loop().time()
        judging = in_thread(lambda: self._judged(asked, left_s))
        judging.add_done_callback(self._done)
        return await asyncio.shield(judging)

    def _done(self, judging: asyncio.Future[dict[str, Any]]) -> None:
        self._in_hand -= 1
        if not judging.cancelled():
            # Nobody may be waiting for it any more.
            judging.exception()

    def _judged(self, asked: _Asked, within_s: float) -> dict[str, Any]:
        story = self._known(asked.story.url)
        found = []
        for text in readings_of(asked.comment.body):
            assessed = self._desk.assess(
                text,
                title=story.title if story else None,
                story=story.text if story else None,
                language=story.language if story else None,
                within_s=max(0.0, within_s),
            )
            found.append(verdict_of(assessed, self._desk, people_decide=_is_left_to_people(story)))
        first, *others = found
        if all(other["status"] == first["status"] for other in others):
            return first
        # What readers will see of it is not known: only what both readings say is decided by machine.
        flags = [flag for one in found for flag in one["actions"]]
        return {"status": "PREMOD", "actions": [f for i, f in enumerate(flags) if f not in flags[:i]]}

    def _known(self, url: str) -> Story | None:
        """The story as the newsroom has told it here; None where it has not, or the address is none."""
        try:
            return self._desk.story(url) if url else None
        except errors.Refused:
            return None


PUT_OFF: Final[Mapping[str, Any]] = {"status": "PREMOD", "actions": []}
"""For Coral's moderators, with nothing to show them."""


def is_signed(body: bytes, given: Sequence[bytes], secrets: Sequence[bytes]) -> bool:
    """
    Whether a body is signed with one of our secrets; takes as long whichever it is, or none.

    Args:
        given: the values of the signature's header, each "sha256=<hex>" and more of these after commas.
    """
    signatures = [
        match[1].lower()
        for part in b",".join(given).split(b",")
        if (match := _SIGNED.fullmatch(part.strip()))
    ]
    expected = [hmac.new(secret, body, hashlib.sha256).hexdigest().encode() for secret in secrets]
    signed = False
    for signature in signatures[:MOST_SIGNATURES]:
        for ours in expected:
            signed |= hmac.compare_digest(signature, ours)
    return signed


def readings_of(body: str) -> tuple[str, ...]:
    """
    What readers may see of a body; nothing is decided by machine on which these differ.

    Coral does not say whether it sends HTML or plain text. Where something in it looks like markup that Coral's editor
    does not make, it may be words that somebody typed between the brackets, and is read as such too.
    """
    derived = text_of_html(body)
    if derived != body and _OPENS.search(_PLAIN.sub("", body)):
        return derived, body
    return (derived,)


def verdict_of(assessed: Assessed, desk: Desk, *, people_decide: bool = False) -> dict[str, Any]:
    """
    What Coral is told: APPROVED or REJECTED where the machine may decide alone, else PREMOD with what was found.

    The machine decides alone where its error is bounded in that language (`Decision.calibration`), on the guidelines' terms.
    No text in it is ever empty: Coral would not understand the answer, and publish.

    Args:
        people_decide: on this story people decide everything.
    """
    decision = assessed.decision
    doubted = desk.doubted(assessed.evidence)
    flags = [
        {"actionType": "FLAG", "reason": reason}
        for reason, is_so in (
            ("COMMENT_DETECTED_TOXIC", bool(doubted - SPAM)),
            ("COMMENT_DETECTED_SPAM", bool(doubted & SPAM)),
        )
        if is_so
    ]
    if people_decide or decision.calibration is None or decision.verdict is Verdict.HOLD:
        return {"status": "PREMOD", "actions": flags}
    if decision.verdict is Verdict.APPROVE:
        return {"status": "APPROVED", "actions": []}
    return {
        "status": "REJECTED",
        "actions": flags,
        "moderationAction": {
            "status": "REJECTED",
            "rejectionReason": reason_of(decision, desk, assessed.evidence.language),
        },
    }


def reason_of(decision: Decision, desk: Desk, language: str) -> dict[str, str]:
    """The reason of a rejection in Coral's terms: a code for the strongest, and every rule in the guidelines' words."""
    code = CODES.get(decision.reasons[0].label or "", ANOTHER)
    given = desk.given_reasons(decision, language)
    explained = "\n".join(f"{one.title}: {one.text}" if one.text else one.title for one in given)
    reason = {"code": code}
    if code == ANOTHER and given[0].title:
        reason["customReason"] = given[0].title
    if explained:
        reason["detailedExplanation"] = explained
    return reason


def _is_left_to_people(story: Story | None) -> bool:
    return story is not None and story.mode not in (None, "assisted")


async def _tell(told: Mapping[str, Any], headers: Mapping[str, str], send: Send) -> None:
    given = {"content-type": "application/json", "cache-control": "no-store", **headers}
    await answer(200, given, json.dumps(dict(told), ensure_ascii=False).encode(), send)
