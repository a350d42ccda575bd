"""
The side of Coral that asks an external moderation phase, as its server does it: how it signs, and what it makes of an answer.

Coral itself cannot be installed here (it is no package of a registry), so this is ours, from its documentation and its
behaviour: a status other than 2xx, silence, or an answer of another shape is logged, and the comment goes on as if nobody
had been asked. In a newsroom that moderates afterwards that publishes it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

PUBLISHED = "NONE"
"""What becomes of a comment that no phase had an opinion on: readers see it."""

STATUSES = {"NONE", "APPROVED", "REJECTED", "PREMOD", "SYSTEM_WITHHELD"}
CODES = {
    "OFFENSIVE", "ABUSIVE", "SPAM", "BANNED_WORD", "AD", "ILLEGAL_CONTENT", "HARASSMENT_BULLYING", "MISINFORMATION",
    "HATE_SPEECH", "IRRELEVANT_CONTENT", "OTHER",
}  # fmt: skip
FLAGS = {"COMMENT_DETECTED_TOXIC", "COMMENT_DETECTED_SPAM"}


@dataclass
class Moderated:
    """What became of a comment in Coral, what was answered, and how long that took."""

    status: str
    answer: httpx.Response | None
    seconds: float

    @property
    def told(self) -> dict[str, Any]:
        assert self.answer is not None
        return dict(self.answer.json())

    @property
    def why(self) -> str | None:
        """The code that Meydan put it off with."""
        assert self.answer is not None
        return self.answer.headers.get("x-meydan-code")


@dataclass
class CoralServer:
    """A Coral with one external phase; `secrets` are those that are valid still, the newest last."""

    url: str
    secrets: Sequence[str]
    timeout_s: float = 10.0
    client: httpx.Client = field(default_factory=httpx.Client)

    def asks(
        self,
        body: str,
        *,
        story: str = "https://elsewhere.example/a",
        action: str = "NEW",
        parent: str | None = None,
    ) -> dict[str, Any]:
        """What Coral sends of a comment."""
        return {
            "action": action,
            "comment": {"body": body, "parentID": parent},
            "author": {"id": "baf4", "role": "COMMENTER"},
            "story": {"id": "245b", "url": story},
            "site": {"id": "a4be"},
            "tenantID": "19ba",
            "tenantDomain": "comments.elsewhere.example",
        }

    def signatures(self, raw: bytes) -> str:
        """The header's value: one signature for each secret."""
        return ",".join(
            f"sha256={hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()}" for secret in self.secrets
        )

    def moderate(self, body: str, **more: Any) -> Moderated:
        """Ask the phase about a comment, and do with the answer what Coral does."""
        raw = json.dumps(self.asks(body, **more), indent=2, ensure_ascii=False).encode()
        return self.post(raw, self.signatures(raw))

    def post(self, raw: bytes, signature: str | None) -> Moderated:
        headers = {"content-type": b"application/json", "user-agent": b"Coral Moderation/9.0.0"}
        if signature is not None:
            headers["x-coral-signature"] = signature.encode()
        began = time.perf_counter()
        try:
            answer = self.client.post(self.url, content=raw, headers=headers, timeout=self.timeout_s)
        except httpx.HTTPError:
            return Moderated(PUBLISHED, None, time.perf_counter() - began)
        seconds = time.perf_counter() - began
        return Moderated(status_of(answer), answer, seconds)


def status_of(answer: httpx.Response) -> str:
    """What Coral reads in an answer; what it does not understand is no opinion."""
    if not answer.is_success or answer.status_code == 204 or answer.text in ("", "{}"):
        return PUBLISHED
    try:
        told = answer.json()
    except ValueError:
        return PUBLISHED
    return str(told.get("status", PUBLISHED)) if is_valid(told) else PUBLISHED


def is_valid(told: Any) -> bool:
    """Whether Coral's schema takes it: known words where it has a list, no empty text anywhere, other fields dropped."""
    if not isinstance(told, dict) or told.get("status", "NONE") not in STATUSES:
        return False
    actions = told.get("actions", [])
    if not isinstance(actions, list):
        return False
    for action in actions:
        if (
            not isinstance(action, dict)
            or action.get("actionType") != "FLAG"
            or action.get("reason") not in FLAGS
        ):
            return False
    moderation = told.get("moderationAction", {})
    if not isinstance(moderation, dict) or moderation.get("status", "NONE") not in STATUSES:
        return False
    reason = moderation.get("rejectionReason", {})
    if not isinstance(reason, dict) or reason.get("code", "OTHER") not in CODES:
        return False
    texts = [reason[key] for key in ("legalGrounds", "detailedExplanation", "customReason") if key in reason]
    return all(isinstance(text, str) and text for text in texts)
