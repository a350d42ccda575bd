"""
The shared words: what a reader sends, what is kept, what is known, what is decided.

Values only: nothing here reads, writes or asks the time. Every type is frozen,
and `Submission` has no field that only the server may set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

RULE_LABELS = (
    "profanity",
    "vulgarity",
    "threat",
    "personal_attack",
    "sexism",
    "racism",
    "homophobia",
    "xenophobia",
    "religion_hate",
    "disability_hate",
    "promotion",
)
"""Labels whose score can breach a rule, in the order every score array uses."""

WELCOME_LABELS = ("relevance", "constructive")
"""Labels of what is welcome; low values can hold, never reject."""

GROUNDS: Mapping[str, str] = MappingProxyType(
    {
        "sexism": "sexism",
        "racism": "racism",
        "homophobia": "homophobia",
        "xenophobia": "xenophobia",
        "religion_hate": "religion",
        "disability_hate": "disability",
    }
)
"""The ground that a rejection for abuse names, by label."""

LANGUAGES = ("en", "ar", "tr", "ckb", "kmr-Latn", "kmr-Arab", "fa")
"""Languages with their script that Meydan knows by name."""

CALENDARS = ("gregorian", "kurdish", "jalali")
"""Calendars that a publication can go by."""

DIGITS = ("own", "latin")
"""Digits that readers are shown: those their language is written with, or 0 to 9 in every language."""

UNKNOWN_LANGUAGE = "und"
"""The honest answer (BCP 47) when no language is recognised well enough."""


class Status(StrEnum):
    """Where a comment stands. `held` is waiting, not an outcome."""

    HELD = "held"
    APPROVED = "approved"
    REJECTED = "rejected"


class Verdict(StrEnum):
    """What a decision says. `hold` is only ever the machine handing over to a person."""

    APPROVE = "approve"
    HOLD = "hold"
    REJECT = "reject"

    @property
    def status(self) -> Status:
        """The status that a comment has once this verdict is settled."""
        return _STATUS_OF[self]


_STATUS_OF = {
    Verdict.APPROVE: Status.APPROVED,
    Verdict.HOLD: Status.HELD,
    Verdict.REJECT: Status.REJECTED,
}

LEGAL_MOVES: frozenset[tuple[Status, Status]] = frozenset(
    {
        (Status.HELD, Status.APPROVED),
        (Status.HELD, Status.REJECTED),
        # Superseded by a moderator or an appeal; the earlier decision stays on record.
        (Status.APPROVED, Status.REJECTED),
        (Status.REJECTED, Status.APPROVED),
        (Status.APPROVED, Status.APPROVED),
        (Status.REJECTED, Status.REJECTED),
    }
)
"""Every move a decision may make; nothing goes back to held."""


class DecidedBy(StrEnum):
    MACHINE = "machine"
    MODERATOR = "moderator"
    IMPORT = "import"


class Hold(StrEnum):
    """Why a comment waits for a person; a comment may wait for several reasons."""

    UNCERTAIN = "uncertain"
    NO_SCORE = "no-score"
    LANGUAGE_NOT_MEASURED = "language-not-measured"
    WITHDRAWN = "withdrawn"
    AUTOMATION_OFF = "automation-off"
    STORY_SETTING = "story-setting"
    FLOOD = "flood"
    SUSPICIOUS_FORM = "suspicious-form"
    OBFUSCATED = "obfuscated"
    OFF_TOPIC = "off-topic"
    ALLEGATION = "allegation"
    NAME = "name"
    LENGTH = "length"
    FIRST_TIME = "first-time"
    OFTEN_REJECTED = "often-rejected"
    JUDGE_FAILED = "judge-failed"
    APPEAL = "appeal"
    REPORT = "report"
    DISPOSABLE = "disposable"
    UNVERIFIED = "unverified"
    """Its author has not confirmed their address; until then it is neither judged nor shown to anybody."""


@dataclass(frozen=True, slots=True)
class Reader:
    """
    Somebody who has proved who they are, which is known by `key` alone.

    `kind` is "account" (the publication's own, with `staff` as it says) or "verified" (a guest whose address is proved
    to be theirs). `email` is believed to be theirs only where `email_verified`.
    """

    key: str
    name: str = field(repr=False)
    email: str | None = field(default=None, repr=False)
    email_verified: bool = False
    staff: bool = False
    kind: Literal["account", "verified"] = "account"


@dataclass(frozen=True, slots=True)
class Submission:
    """
    What a reader sends, decoded and otherwise untouched.

    `story_url` is the address of the story, `parent` the public id of the
    comment replied to, `language` what the page claims (a hint, not believed),
    `suspicious` true when the hidden honeypot field came back filled, `follow` that
    they want to be told by e-mail what becomes of it. `reader` is who proved to have sent it,
    None for a guest; their name and address count then, and not what the form says.
    `proof` is the proof of work: None from who cannot make one, "" from who can and was not
    asked. `sending_key` names this sending, so that sending it again is not a second comment.
    """

    story_url: str
    name: str
    text: str
    email: str | None = None
    parent: str | None = None
    language: str | None = None
    suspicious: bool = False
    reader: Reader | None = None
    follow: bool = False
    proof: str | None = None
    sending_key: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """
    An article, known by its URL.

    `title` and `text` were registered by the newsroom (PUT /api/v1/stories) and
    are None otherwise: what a page or a reader claims is never kept here.
    `mode` overrides the guidelines' automation ("off" or "assisted"), or is None.
    `revision` grows with every change that readers can see.
    Comments are taken while it is `open`, from `opens_at` and until `closes_at`; `closed_reason` is what readers are
    told where they are not. `guests` overrides who may write without an account ("named", "verified", "off"), or is None.
    `question` stands above the comments; `picked` counts those that the editors chose.
    """

    id: int
    url: str
    title: str | None = None
    text: str | None = None
    language: str | None = None
    open: bool = True
    closes_at: datetime | None = None
    mode: str | None = None
    revision: int = 0
    opens_at: datetime | None = None
    closed_reason: str | None = None
    guests: str | None = None
    question: str | None = None
    picked: int = 0


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the text as sent, `begin` <= offset < `end` in code points, that weighed for `label`."""

    label: str
    begin: int
    end: int
    source: str


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Something certain that was seen: a link, a telephone number, shouting.

    `detail` is for people and holds no words of the reader. `label` is the label
    that it speaks for, if any; `hold` is set when seeing it means a person decides.
    """

    kind: str
    detail: str
    label: str | None = None
    begin: int | None = None
    end: int | None = None
    hold: Hold | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """
    All that is known about one comment before deciding.

    `scores` maps every label of RULE_LABELS and WELCOME_LABELS to a probability in
    [0, 1], or to None where it was not measured: None is never read as zero.
    `language` is a tag of LANGUAGES, another BCP 47 tag, or "und"; `model` is the
    digest of what produced the scores ("" when nothing did).
    """

    language: str = UNKNOWN_LANGUAGE
    language_score: float = 0.0
    scores: Mapping[str, float | None] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()
    findings: tuple[Finding, ...] = ()
    model: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """One breached rule. `ground` is set for abuse (a value of GROUNDS); `score` is None for a person's reason."""

    rule: str
    ground: str | None = None
    label: str | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """
    A verdict, its reasons and what it rests on. Never altered; a later one supersedes it.

    `holds` is empty unless the verdict is HOLD. `by` names the moderator or token,
    and is "machine" for the machine. `guidelines`, `model` and `calibration` are
    digests; `calibration` is None where the guidelines' own thresholds ruled.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    holds: tuple[Hold, ...] = ()
    decided_by: DecidedBy = DecidedBy.MACHINE
    by: str = "machine"
    guidelines: str = ""
    model: str = ""
    calibration: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """A decision as it was recorded: its number among this comment's decisions (from 1), its time, its leaf."""

    seq: int
    decided_at: datetime
    leaf: int
    decision: Decision
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Audited:
    """
    A comment that the machine judged and a person decided without seeing what it had made of it.

    `verdict` is the machine's (HOLD where it left the comment to people anyway) with the `rules`
    that it named; `truth` is the person's, with the rules that they found `breached`.
    """

    verdict: Verdict
    rules: tuple[str, ...]
    truth: Verdict
    breached: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comment:
    """
    What is kept. `text` is character for character what was sent.

    `name`, `text` and `email` are None once erased. `seq` is the number of the
    current decision, 0 while there is none. `holds` says why it waits. `replies`
    counts the answers to it that readers see. `badge` is "staff" for the publication's
    own people; `written_by` names who at the desk answered for it. `picked` while the
    editors have chosen it.

    Of what another system kept in a `format` of its own ("html", "markdown"), `kept` is what is kept, character for
    character, and `text` what people read of it (text/derived.py). None for what is text.
    """

    id: str
    story_url: str
    parent: str | None
    name: str | None
    text: str | None
    status: Status
    submitted_at: datetime
    language: str = UNKNOWN_LANGUAGE
    email: str | None = None
    seq: int = 0
    holds: tuple[Hold, ...] = ()
    judged_at: datetime | None = None
    withdrawn_at: datetime | None = None
    erased_at: datetime | None = None
    escalated: bool = False
    replies: int = 0
    picked: bool = False
    badge: str | None = None
    written_by: str | None = None
    format: str | None = None
    kept: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class History:
    """
    What the judge may know of what came before, read by desk.py.

    `repeats` counts recent comments with the same folded text (any story),
    `on_story` comments received on the story in the last minute. From `flood_from`
    of these on, every comment on the story waits for a person. `near_repeats` counts recent
    comments with nearly the same letters (any story); from `near_from` of these on, the next one waits.
    """

    repeats: int = 0
    on_story: int = 0
    flood_from: int = 120
    near_repeats: int = 0
    near_from: int = 3
