"""
All that a publication keeps of its stories and comments, as it is handed to whoever takes it along.

Values only. No secret is among them and no keyed hash that anything here is found by: `author` tells comments of one
author from those of another and opens nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

State = Literal["approved", "rejected", "held", "withdrawn", "erased"]
"""What became of a comment, in one word: its status, but for what was taken back or erased, whatever was decided of it."""

STATES: tuple[State, ...] = ("approved", "rejected", "held", "withdrawn", "erased")


class WholeStory(msgspec.Struct, frozen=True, tag="story", tag_field="kind"):
    """An article as the newsroom registered it; numbers that are counted again anywhere are left out."""

    url: str
    title: str | None = None
    text: str | None = None
    language: str | None = None
    open: bool = True
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    closed_reason: str | None = None
    mode: str | None = None
    guests: str | None = None
    question: str | None = None


class WholeReason(msgspec.Struct, frozen=True):
    """See comment.Reason."""

    rule: str
    ground: str | None = None
    label: str | None = None
    score: float | None = None


class WholeDecision(msgspec.Struct, frozen=True):
    """One decision, with what was noted beside it at the desk; see comment.Settled."""

    seq: int
    at: datetime
    verdict: str
    decided_by: str
    by: str
    reasons: tuple[WholeReason, ...] = ()
    guidelines: str = ""
    model: str = ""
    calibration: str | None = None
    note: str | None = None


class WholeEvidence(msgspec.Struct, frozen=True):
    """What was known before a decision: comment.Evidence, the very JSON that was kept."""

    at: datetime
    body: msgspec.Raw


class WholeAppeal(msgspec.Struct, frozen=True):
    """An author's appeal against decision `seq`; its words are None once erased."""

    seq: int
    at: datetime
    words: str | None = None


class WholeReport(msgspec.Struct, frozen=True):
    """A reader's report. `seq` is the decision that closed it, `upheld` whether the comment was rejected then."""

    rule: str
    at: datetime
    words: str | None = None
    closed_at: datetime | None = None
    seq: int | None = None
    upheld: bool | None = None


class WholeLook(msgspec.Struct, frozen=True):
    """
    A decision that somebody looked at again, blind: an audit of the machine's, or a second look at a person's.

    `seq` is the decision, 0 where the machine had left it to people. `answer` is None while nobody has answered.
    """

    kind: Literal["audit", "second"]
    seq: int
    drawn_at: datetime
    verdict: str | None = None
    rules: tuple[str, ...] = ()
    answered_at: datetime | None = None
    answer: str | None = None
    breached: tuple[str, ...] = ()
    by: str | None = None


class WholeProof(msgspec.Struct, frozen=True):
    """What proves the words: the salt and the commitment of both, hexadecimal, and the receipt's leaf."""

    salt: str | None
    commitment: str
    leaf: int


class WholeComment(msgspec.Struct, frozen=True, tag="comment", tag_field="kind"):
    """
    A comment and everything that happened to it.

    `name`, `text` and `email` are None once erased, where words are kept back (`covered`), and `email` where addresses are.
    `story` is the story's URL, `parent` the id of what it replies to, `seq` the decision that counts (0: none).
    `proof` is there only where it was asked for.
    """

    id: str
    story: str
    state: State
    submitted_at: datetime
    parent: str | None = None
    name: str | None = None
    text: str | None = None
    text_format: Literal["text", "html", "markdown"] = "text"
    email: str | None = None
    author: str | None = None
    language: str = "und"
    status: str = "held"
    seq: int = 0
    holds: tuple[str, ...] = ()
    judged_at: datetime | None = None
    withdrawn_at: datetime | None = None
    erased_at: datetime | None = None
    escalated: bool = False
    covered: bool = False
    picked_at: datetime | None = None
    picked_by: str | None = None
    badge: str | None = None
    written_by: str | None = None
    source: str | None = None
    source_key: str | None = None
    decisions: tuple[WholeDecision, ...] = ()
    evidence: tuple[WholeEvidence, ...] = ()
    appeals: tuple[WholeAppeal, ...] = ()
    reports: tuple[WholeReport, ...] = ()
    looks: tuple[WholeLook, ...] = ()
    proof: WholeProof | None = None


Whole = WholeStory | WholeComment
