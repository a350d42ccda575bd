"""
THE WALK. What happens to a comment, in order, and nothing else.

    receive    checked, given a number and a receipt, kept as HELD
    confirm    a guest proves that the address is theirs, where the guidelines ask for it
    judge      evidence gathered, decided by the guidelines, settled or held
    review     a person decides
    appeal     the author asks for another person
    report     a reader says that a shown comment breaches a rule: it stays, and a person decides
    withdraw   the author takes it back
    erase      the law takes it out
    answer     the publication answers: the same way, approved by whoever writes it
    pick       the editors choose a shown comment; it ends with its showing
    audit      a person decides again, blind, what the machine decided
    escalate   unlawful or a danger to life: restricted, kept, told
    end_hold   another person lets it be found and erased again

Synchronous; knows no web and no SQL; clock, randomness and secret are given.
Every step that changes the world is one transaction of the store. A crash
between two steps leaves a comment held, and `sweep` takes it up by the same
road as a new one.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import math
import re
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import quote

import structlog

from meydan.comment import (
    GROUNDS,
    RULE_LABELS,
    UNKNOWN_LANGUAGE,
    Comment,
    DecidedBy,
    Decision,
    Evidence,
    History,
    Hold,
    Reader,
    Reason,
    Settled,
    Status,
    Story,
    Submission,
    Verdict,
)
from meydan.errors import (
    AccountNeeded,
    AlreadyDecided,
    BadGuidelines,
    Blocked,
    DisposableAddress,
    ForeignStory,
    Malformed,
    MissingFields,
    NoSuchParent,
    NotAllowed,
    NotAppealable,
    NotErasable,
    NotFound,
    Overloaded,
    ProofNeeded,
    Refused,
    SignInNeeded,
    StoryClosed,
    StoryNotOpen,
    Unavailable,
    UnknownRule,
)
from meydan.judge import Calibrations, Judge, Turns, decide
from meydan.judge import explain as explain
from meydan.judge.agreement import Agreement as Agreement
from meydan.judge.agreement import Twice, between_pairs, on_rules, on_verdicts
from meydan.judge.answer import GivenReason, reasons_given
from meydan.judge.answer import answer_of as answer_of
from meydan.judge.backtest import ERASED as ERASED
from meydan.judge.backtest import JUDGE_FAILED as JUDGE_FAILED
from meydan.judge.backtest import NO_EVIDENCE as NO_EVIDENCE
from meydan.judge.backtest import Backtest as Backtest
from meydan.judge.backtest import Change as Change
from meydan.judge.backtest import backtest
from meydan.judge.calibration import APPROVALS as APPROVALS
from meydan.judge.calibration import Calibration, Withdrawn, shipped
from meydan.judge.decide import doubted_in, left_to_people
from meydan.judge.examples import Tried as Tried
from meydan.judge.examples import tried
from meydan.judge.occlusion import Weighed as Weighed
from meydan.judge.relevance import FEWEST_WORDS as FEWEST_WORDS
from meydan.judge.reliability import FEWEST as FEWEST
from meydan.judge.reliability import Reliability as Reliability
from meydan.judge.reliability import reliability_of
from meydan.judge.watch import EVERY_RULE as EVERY_RULE
from meydan.judge.watch import Kept, is_violation, watch_of
from meydan.ledger import Dossier as Dossier
from meydan.ledger import (
    Receipt,
    SigningKey,
    commitment_of,
    decision_leaf,
    dossier_of,
    erasure_leaf,
    id_in,
    is_former,
    opening_of,
    receipt_leaf,
    salt_in,
    withdrawal_leaf,
)
from meydan.locale import INTERFACE, interface_of
from meydan.onlooker import UNWATCHED, Onlooker
from meydan.passes import GOOD_FOR, Seal, mailbox_of
from meydan.policy import Guidelines, parse
from meydan.policy.address import story_address as story_address
from meydan.proof import HARDEST, Proofs
from meydan.settings import is_address
from meydan.store import (
    A_READER,
    Confirmation,
    Ending,
    Escalation,
    NewComment,
    NewFollow,
    ProofUsed,
    Sending,
    Store,
    Told,
    UsedProof,
)
from meydan.store import OPERATOR as OPERATOR
from meydan.store import STORY_FIELDS as STORY_FIELDS
from meydan.store import VIOLATION as VIOLATION
from meydan.store import Announced as Announced
from meydan.store import Backlog as Backlog
from meydan.store import Became as Became
from meydan.store import Branch as Branch
from meydan.store import Claim as Claim
from meydan.store import Condition as Condition
from meydan.store import Draft as Draft
from meydan.store import Escalated as Escalated
from meydan.store import Figures as Figures
from meydan.store import Kept as KeptBeside
from meydan.store import Latest as Latest
from meydan.store import LookedTwice as LookedTwice
from meydan.store import News as News
from meydan.store import Page as Page
from meydan.store import Pulse as Pulse
from meydan.store import Record as Record
from meydan.store import Reports as Reports
from meydan.store import Sought as Sought
from meydan.store import StoryLine as StoryLine
from meydan.store import Suggestion as Suggestion
from meydan.store import Tally as Tally
from meydan.store import Thread as Thread
from meydan.store import ToldDecision as ToldDecision
from meydan.store import Version as Version
from meydan.text import fold
from meydan.text.exact import check_text, check_words, is_blank, looks_like_email
from meydan.text.hosts import is_disposable
from meydan.text.language import identify
from meydan.text.likeness import Likeness
from meydan.text.search import asked_for as asked_for
from meydan.text.search import searchable_folded

LONGEST_EMAIL = 254
LONGEST_NOTE = 2000
LONGEST_REASON = 500
LONGEST_REPORT = 500
REPEAT_WINDOW = timedelta(hours=1)
REMEMBERED = timedelta(hours=48)
"""How long a sending is known by its key: sent again, it is the same comment."""

CALM = 10
"""Comments a minute, on a story or from an address, for which nobody is asked for a proof, whatever the limits are."""

UNNUDGED = frozenset({"promotion"})
"""Labels of which nothing is said before sending: who advertises would be shown the way around the judge."""

CONFIRMED_WITHIN = timedelta(days=7)
"""How long a comment waits for its author to confirm their address; then it is erased, and nobody has read it."""

MAILS_AN_HOUR = 5
"""Links that are mailed to one address within an hour at most, whoever gives that address."""

FAR_DESKS = 16
"""How many get ready at once what is to be kept, where each look at the database is a round trip."""

TAKEN_UP_AT_ONCE = 10
TAKEN_UP_FOR = timedelta(seconds=30)
"""Who judges what others left has so many of them at a time, to themselves for so long; all are judged in a second."""

ERASED_AT_ONCE = 200
"""Comments of one reader that are erased in one request; the rest in the next."""

BACKTEST = (50, 500, 5000)
"""On how many of the comments decided last other guidelines are tried: at least, usually, at most."""

GUIDELINES_NAME = "guidelines.toml"
"""What the file of a version is called."""

ESCALATIONS = {
    "child-abuse": "unlawful",
    "terrorism": "unlawful",
    "threat-to-life": "unlawful",
    "private-data": "private-data",
}
"""Why a comment is escalated, and the rule that it is rejected under."""

LONGEST_LINE = 200
"""Characters of an office, a channel or a reference number on the record of who was told."""

LATELY = timedelta(days=1)
"""How long ago a comment was sent at most, to count for how busy its story is now."""

PICKS_SHOWN = 200
"""Comments that the editors chose, on one page."""

STAFF = "staff"
"""The badge of the publication's own people."""

GUESTS = ("named", "verified", "off")
"""Who may write on a story without an account: anybody under a name, those whose address is verified, nobody."""

STORY_LENGTHS = {"title": 1000, "text": 200_000, "closed_reason": 200, "question": 300}
"""Characters of what the newsroom says of a story, at most."""

EXPOSES = frozenset({"phone", "email"})
"""Findings that may be a private person's."""

SCORES_READ = 5000
"""People's latest decisions, and as many audits, that scores are set against: enough for every step, and soon read."""

_PEOPLES = frozenset({Hold.AUTOMATION_OFF, Hold.STORY_SETTING, Hold.JUDGE_FAILED})
"""Holds under which the machine had no say, so that nothing is learned of it."""

_LINE_END = re.compile(r"\r\n?")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4}")

SOONER_BY_DOUBT = timedelta(hours=2)
SOONER_BY_TRAFFIC = timedelta(hours=2)
"""How much earlier a comment stands in the queue than it came, at most: in what only a person can tell, and where many read."""

BUSY_FROM = (25, 50, 100, 200)
"""Comments on a story within an hour from which it counts as busier: in steps, so that on one story the earlier stay first."""

SEVERE = frozenset(RULE_LABELS) - {"profanity", "personal_attack", "promotion"}
SEVERE_FROM = 0.8
"""Labels whose words can hurt who has to read them all day, and from which score they are covered until asked for."""

SHIFT = timedelta(hours=12)
PAUSE = timedelta(minutes=10)
"""Who decides nothing for so long has paused."""

CLAIMED_FOR = timedelta(minutes=2)
"""How long a comment is shown as being looked at, unless whoever does says so again."""

COUNTED_ANEW_UP_TO = 5_000
"""How many wait at most for them to be counted anew whenever a page asks."""

COUNTED_AGAIN_AFTER = timedelta(seconds=5)
"""How long the number of more than these is believed."""

ALLOWED_KNOWN = 1000
"""Stories' addresses of which it is remembered that they are the publication's."""

LET_GO_AT_MOST = 10_000
"""Comments that this process remembers to judge later; more are found in the database once they are ten seconds old."""

ONE_AT_LEAST_S = 1.0
"""However much is being sent, one comment that was let go of is judged so often."""

ASSESSED_WITHIN_S = 0.5
"""How long another program's text waits for its turn at the judge: whoever asks has a time limit of their own."""

SUGGESTED_TEXT = "suggested-text"

log = structlog.get_logger("meydan.desk")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who knocks: a keyed hash of the network address, and the origins that are this server's own."""

    address_key: str
    own: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """
    The longest name and text, in characters; from how many comments a minute a story is flooded, and how many are
    taken from one address; from how many nearly the same within an hour the next waits; what is done with e-mail
    addresses that last minutes ("take", "hold", "refuse"); how many reports of comments are taken from one address
    within a day; how many seconds a comment waits for its turn at the judge before its author is answered that it waits.
    """

    name: int = 80
    text: int = 5000
    flood_per_minute: int = 120
    address_per_minute: int = 120
    near_repeats: int = 3
    disposable_addresses: str = "take"
    reports_per_day: int = 50
    judged_within_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Care:
    """After how long somebody is reminded to pause, and how many severe comments they are given within a shift."""

    pause_after: timedelta = timedelta(minutes=50)
    severe_per_shift: int = 40


@dataclass(frozen=True, slots=True)
class Strain:
    """
    What deciding has meant for somebody: `severe` comments shown within this shift and by label within a week,
    since when they have decided without a pause, None where they have not; whether it is time for one, and
    whether they are given no more severe ones.
    """

    severe: int
    of_week: dict[str, int]
    working_since: datetime | None
    pause_due: bool
    enough: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What an author is told about a comment of theirs.

    `name` and `text` are there only for who holds the receipt. `decided_by` is None
    while it is held. `appealable` says whether an appeal would be taken now.
    """

    id: str
    status: Status
    reasons: tuple[GivenReason, ...]
    decided_by: DecidedBy | None
    submitted_at: datetime
    story_url: str
    holds: tuple[Hold, ...] = ()
    decided_at: datetime | None = None
    note: str | None = None
    receipt_given: Receipt | str | None = None
    name: str | None = None
    text: str | None = None
    withdrawn: bool = False
    erased: bool = False
    appealed: bool = False
    appealable: bool = False

    @property
    def receipt(self) -> str | None:
        """Its receipt, for who has a right to it. It is signed when it is first asked for."""
        return None if self.receipt_given is None else str(self.receipt_given)

    @property
    def status_path(self) -> str:
        """Where its author can see what became of it."""
        return f"/status/{self.id if self.id.isalnum() and self.id.isascii() else quote(self.id, safe='')}"


@dataclass(frozen=True, slots=True)
class Proof:
    """
    What anybody can check a comment by, against the ledger.

    Attributes:
        status: "approved"; or "erased" or "withdrawn", of what readers saw once, and then nothing else is told.
        opening: what opens its commitment, 32 bytes; None where only its author can.
        leaves: numbers and bodies, its receipt's first, then its decisions', in their order.
    """

    id: str
    status: str
    name: str = ""
    text: str = ""
    opening: bytes | None = None
    commitment: bytes = b""
    leaves: tuple[tuple[int, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Assessed:
    """
    What the judge makes of a text that another program asks about, and of each of its parts alone.

    `languages` are those it is written in, the surest first; none where that is not known. `decision` is what would be
    decided by the guidelines.
    """

    evidence: Evidence
    parts: tuple[Evidence, ...]
    languages: tuple[str, ...]
    decision: Decision


@dataclass(frozen=True, slots=True)
class Own:
    """One of a reader's own comments: as kept, how it stands with its receipt, and when and with what words they appealed."""

    comment: Comment
    outcome: Outcome
    appeals: tuple[tuple[datetime, str], ...]


@dataclass(frozen=True, slots=True)
class DeskItem:
    """All a person needs to decide one comment."""

    comment: Comment
    story: Story | None
    parent: Comment | None
    evidence: Evidence | None
    decisions: tuple[Settled, ...]
    appeal: str | None = None
    reports: Reports | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """
    An escalated comment, with all that was done about it.

    `item` is without any words, of the comment, its author's appeal, those who reported it, the notes and what it replies
    to, unless they were asked for. `held_by` began the legal hold that stands, None where none does, and `bound` are those who may not end it;
    `erasure_asked_at` is when its erasure was asked for meanwhile.
    """

    item: DeskItem
    escalations: tuple[Escalation, ...]
    told: tuple[Told, ...]
    endings: tuple[Ending, ...]
    held_by: str | None
    bound: frozenset[str]
    erasure_asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class AuditOutcome:
    """What the machine had decided, told once a person has; whether its decision was superseded by theirs."""

    machine: Verdict
    rules: tuple[str, ...]
    superseded: bool


@dataclass(frozen=True, slots=True)
class Promises:
    """How the machine keeps its promises in one language, and what it no longer does there (rules, or approvals)."""

    language: str
    calibration: Calibration
    kept: tuple[Kept, ...]
    withdrawn: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ruled:
    """A version of the guidelines: its file, each time it took effect (the latest first), and how many decisions name it."""

    guidelines: Guidelines
    times: tuple[Version, ...]
    decisions: int


@dataclass(frozen=True, slots=True)
class _Marks:
    """By what the words of a comment are known again without them, and what binds them."""

    fingerprint: str
    likeness: bytes | None
    commitment: bytes


@dataclass(frozen=True, slots=True)
class _Held:
    """It was judged, and waits for a person."""

    decision: Decision


@dataclass(frozen=True, slots=True)
class _Ended:
    """It was judged and settled; the language that it is in."""

    settled: Settled
    language: str


class _Late:
    """No turn to judge it came in time."""


_Became = _Held | _Ended | type[_Late] | None


@dataclass(frozen=True, slots=True)
class _Kept:
    """A comment that was kept this moment: nobody has to ask the database about it."""

    comment: Comment
    story: Story | None
    marks: _Marks


@dataclass(frozen=True, slots=True)
class Ready:
    """A submission that was checked, by whom it was sent and on which story: to be kept, and then it is received."""

    new: NewComment
    story: Story | None
    visitor: Visitor


@dataclass(frozen=True, slots=True)
class Received:
    """What was received: what its author is told so far, and what is known of it; None where it was received before."""

    outcome: Outcome
    kept: _Kept | None


@dataclass(frozen=True, slots=True)
class _Weighed:
    """What the judge made of a comment, when; and under which calibration it is drawn for an audit."""

    evidence: Evidence
    decision: Decision
    at: datetime
    under: str | None
    sooner: timedelta


class Desk:
    """The room where comments are decided, by machine and by people. Safe to use from many threads."""

    def __init__(
        self,
        *,
        store: Store,
        judge: Judge,
        guidelines: Guidelines,
        clock: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        secret: bytes,
        limits: Limits | None = None,
        calibrations: Calibrations | None = None,
        care: Care | None = None,
        mail_works: bool = False,
        judges: bool = True,
        turns: Turns | None = None,
        ledger_key: Callable[[], SigningKey | None] = lambda: None,
        ways_last: timedelta = timedelta(hours=36),
    ) -> None:
        """
        Args:
            ways_last: how long after a sign-in link was made a session that it began can last.
            ledger_key: what signs receipts now, under the ledger's name; None where nothing can be promised.
            judges: whether what is received here is judged here, or left to `meydan work`.
            turns: how many judge at once; None: as many as there are cores.
        """
        self._store = store
        self._ledger_key = ledger_key
        self._ways_last = ways_last
        self._judges = judges
        self._judge = judge
        self._guidelines = guidelines
        self._adopting = threading.Lock()
        self._not_understood = ""
        self._clock = clock
        self._counted: tuple[datetime, Tally] | None = None
        self._entropy = entropy
        self._secret = secret
        self._seal = Seal(secret)
        self.limits = limits or Limits()
        self.care = care or Care()
        self.mail_works = mail_works
        self._calibrations = shipped() if calibrations is None else calibrations
        self._onlooker: Onlooker = UNWATCHED
        self._proofs = Proofs(secret)
        self._likeness = Likeness(self._keyed)
        # A far database is waited for with every look: more have to wait at once.
        self._turns = turns or Turns(desks=FAR_DESKS if self.is_far else 0)
        self._let_go: SimpleQueue[str] = SimpleQueue()
        self._allowed: dict[tuple[str, str, tuple[str, ...]], str] = {}
        self._in_hand: set[str] = set()
        self._taking = threading.Lock()
        self._works_off = False

    # -- guidelines ----------------------------------------------------------

    @property
    def guidelines(self) -> Guidelines:
        """The guidelines in force now."""
        return self._guidelines

    def adopt(self, guidelines: Guidelines) -> None:
        """Put checked guidelines in force for everything decided from here on."""
        self._guidelines = guidelines

    def enter_file(self, guidelines: Guidelines, *, shipped: bool) -> bool:
        """
        Let the operator's file rule, if it is another than it was when it was last entered; returns whether it does.

        Args:
            shipped: no file was named, and these came with the program: they take nothing from an editor.

        Raises:
            StoreUnavailable: it could not be kept, and does not rule.
        """
        note = (
            "The guidelines that come with the program." if shipped else "The file that the server is given."
        )
        entered = self._store.guidelines.enter_file(
            guidelines.digest, guidelines.source, by=OPERATOR, note=note, at=self._clock(), shipped=shipped
        )
        if entered is not None:
            log.info("guidelines_entered", by=OPERATOR, digest=entered.digest, before=entered.before)
        self.refresh_guidelines()
        return entered is not None

    def refresh_guidelines(self) -> bool:
        """
        Put the newest version in force, whoever accepted it, here or on another node; returns whether it is another.

        A version that this program does not understand (a newer one accepted it) is not taken up: the one before it rules
        on, also after a restart.
        """
        # Read and put in force by one at a time, or an older answer could come after a newer one.
        with self._adopting:
            newest = self._store.guidelines.newest()
            if newest is None or newest.digest in (self._guidelines.digest, self._not_understood):
                return False
            ruling = self._store.guidelines.ruling()
            assert ruling is not None
            digest, source = ruling
            before = self._guidelines.digest
            try:
                self._guidelines = parse(source, GUIDELINES_NAME)
            except BadGuidelines as error:
                self._guidelines = self._newest_understood()
                self._not_understood = digest
                log.error("guidelines_refused", code=error.code, digest=digest, kept=self._guidelines.digest)
            return self._guidelines.digest != before

    def _newest_understood(self) -> Guidelines:
        """The newest version that this program understands, of the latest fifty; what rules here already where there is none."""
        for version in self._store.guidelines.history(limit=50):
            source = self._store.guidelines.source(version.digest)
            if version.digest == self._guidelines.digest or source is None:
                break
            with contextlib.suppress(BadGuidelines):
                return parse(source, GUIDELINES_NAME)
        return self._guidelines

    def take_effect(self, source: bytes, *, base: str, by: str, note: str) -> Version:
        """
        Let guidelines rule from now on: kept for good, with who, when and why, and in the journal.

        Args:
            base: the digest of the version that they were made from.

        Raises:
            BadGuidelines: they have faults; `findings` lists them.
            MissingFields, TooLong, NotText: no note that can be kept.
            GuidelinesChanged: another version than `base` rules by now.
            StoreUnavailable: they could not be kept, and do not rule.
        """
        guidelines = parse(source, GUIDELINES_NAME)
        if is_blank(note):
            raise MissingFields(["note"])
        check_text("note", note, LONGEST_REASON)
        version = self._store.guidelines.take_effect(
            guidelines.digest, source, base=base, by=by, note=note.strip(), at=self._clock()
        )
        # In force for everybody from here on; this node need not wait to hear of it.
        try:
            self.refresh_guidelines()
        except Unavailable as error:
            # It has taken effect; whoever follows the versions takes it up here.
            log.warning("guidelines_not_followed", error=type(error).__name__)
        log.info("guidelines_adopted", by=by, digest=version.digest)
        return version

    def versions(self, *, limit: int = 50, before: int | None = None) -> tuple[Version, ...]:
        """What took effect, the newest first."""
        return self._store.guidelines.history(limit=limit, before=before)

    def ruled(self, digest: str) -> Ruled:
        """A version by its digest; NotFound if none of it ever took effect, or this program does not understand it."""
        source = self._store.guidelines.source(digest)
        if source is None:
            raise NotFound("No guidelines of this digest are kept here.")
        try:
            guidelines = parse(source, GUIDELINES_NAME)
        except BadGuidelines:
            raise NotFound("These guidelines were accepted by another version of the program.") from None
        versions = self._store.guidelines
        return Ruled(guidelines, versions.of(digest), versions.decided_under(digest))

    def knows_version(self, digest: str) -> bool:
        """Whether guidelines of this digest are kept: those of before versions were are not."""
        return bool(self._store.guidelines.of(digest))

    def source_of(self, digest: str) -> bytes | None:
        """The file of a version, as it took effect; None if none of this digest ever did."""
        return self._store.guidelines.source(digest)

    def draft(self, name: str) -> Draft | None:
        """What somebody has typed of the next version; None if nothing."""
        return self._store.guidelines.draft(name)

    def keep_draft(self, name: str, text: str, *, note: str, base: str) -> None:
        """Keep what somebody has typed, whatever it is; nobody goes by it."""
        self._store.guidelines.keep_draft(name, Draft(text, note, base, self._clock()))

    def end_draft(self, name: str) -> None:
        """Forget what somebody has typed."""
        self._store.guidelines.end_draft(name)

    def try_examples(self, guidelines: Guidelines) -> tuple[Tried, ...]:
        """What the judge makes of the guidelines' own examples; takes seconds, so only when somebody asks."""
        return tried(guidelines, self._judge, self._calibrations)

    def backtest(self, guidelines: Guidelines, *, last: int = BACKTEST[1]) -> Backtest:
        """
        What these guidelines would have made of the comments decided last; nothing is judged anew, and nothing written.

        Raises:
            Malformed: `last` outside BACKTEST.
        """
        least, _, most = BACKTEST
        if not least <= last <= most:
            raise Malformed(f"Guidelines are tried on {least} to {most:,} comments.", fields=("last",))
        return backtest(
            self._store.guidelines.past(last),
            self._guidelines,
            guidelines,
            calibrations=self._calibrations,
            model=self._judge.model,
        )

    def now(self) -> datetime:
        """The time by the desk's clock."""
        return self._clock()

    @property
    def calibrations(self) -> Calibrations:
        """What bounds the machine's error now, and what it has been withdrawn from."""
        return self._calibrations

    def adopt_calibrations(self, calibrations: Calibrations) -> None:
        """Put calibrations in force for everything decided from here on."""
        self._calibrations = calibrations

    @property
    def model(self) -> str:
        """The digest of the judge that scores here."""
        return self._judge.model

    # -- who looks after the server -------------------------------------------

    def be_watched(self, onlooker: Onlooker) -> None:
        """From now on `onlooker` is told of what is kept, judged and committed."""
        self._onlooker = onlooker
        self._store.be_watched(onlooker)

    @property
    def condition(self) -> Condition:
        """What is known of the database without asking it, in no time."""
        return self._store.condition

    def check_read(self) -> None:
        """Raises BadSchema or StoreUnavailable unless the database can be read, and has the tables of this program."""
        self._store.check_read()

    def backlog(self) -> Backlog:
        """How much waits now, and since when."""
        return self._store.backlog(self._clock())

    # -- the walk ------------------------------------------------------------

    def submit(self, submission: Submission, visitor: Visitor) -> Outcome:
        """
        Receive a submission and judge it: the whole walk, as one request takes it.

        Raises:
            Refused: nothing was kept. StoreUnavailable: nothing was kept.
            Once it is kept, no failure is raised: the comment is held.
        """
        with self._turns.request():
            received = self._receive(submission, visitor)
            judged = outcome = received.outcome
            if self._judges:
                try:
                    judged = self._judged(received)
                except Exception as error:  # noqa: BLE001
                    self._put_off(outcome, error)
        self._onlooker.submitted(judged.status.value)
        return judged

    def receive(self, submission: Submission, visitor: Visitor) -> Outcome:
        """
        Check a submission and keep it, HELD, with a receipt. Sent again under its key, it is the comment that it became.

        Raises:
            MissingFields, TooLong, NotText, Malformed, ForeignStory, StoryClosed, StoryNotOpen,
            DisposableAddress, NoSuchParent: refused, nothing kept.
            AccountNeeded: guests are not taken here. TooFast: enough was mailed to the address to confirm.
            KeyReused: its key came with other words.
            ProofNeeded: much is being sent, and its sender can prove some work; carries the challenge.
            StoreUnavailable: the database cannot be written, nothing kept.
        """
        return self._receive(submission, visitor).outcome

    def _receive(self, submission: Submission, visitor: Visitor) -> Received:
        ready = self.get_ready(submission, visitor)
        if isinstance(ready, Received):
            return ready
        try:
            kept = self._store.receive(ready.new)
        except ProofUsed:
            raise self._used_up(ready) from None
        # Durable from here: a crash after this line loses nothing.
        return self._received_as(ready, kept.id, kept.leaf)

    # The same in steps, for whoever answers many at once and waits for none of them: see reception.py.

    def get_ready(self, submission: Submission, visitor: Visitor) -> Ready | Received:
        """Check a submission, as `receive` does and with what it raises; nothing is kept yet. `Received` where it was sent before."""
        # Many who get something ready at once only take the interpreter from one another; waiting for the disk they can.
        with self._turns.getting_ready():
            return self._ready(submission, visitor)

    def receive_soon(
        self, ready: Ready, then: Callable[[Received | BaseException], None]
    ) -> Callable[[], None]:
        """
        Keep what is ready, without waiting for it; `then` is told, by a thread of the store's, once it is durable or was refused.

        Returns:
            What takes it back, if nobody has begun to keep it.

        Raises:
            Overloaded, StoreUnavailable: nothing was kept, and `then` is not called.
        """

        def told(kept: Any, error: BaseException | None) -> None:
            what: Received | BaseException
            try:
                if isinstance(error, ProofUsed):
                    what = self._used_up(ready)
                elif error is not None:
                    what = error
                else:
                    # Durable from here: a crash after this line loses nothing.
                    what = self._received_as(ready, kept.id, kept.leaf)
            except Exception as raised:  # noqa: BLE001  (whoever is waiting has to be told something)
                what = raised
            then(what)

        return self._store.receive_soon(ready.new, told)

    def awaits_judge(self, received: Received) -> bool:
        """Whether what was received is judged before its author is answered; leaves to the sweep what is judged later."""
        if not self._judges:
            return False
        return received.kept is None or self._unjudged(received.outcome, received.kept) is None

    def judge_soon(
        self, received: Received, then: Callable[[Outcome], None], *, within_s: float
    ) -> Callable[[], None] | None:
        """
        Judge what awaits it, when its turn comes, without waiting until that is durable; `then` is called once, with what
        its author is told. Never raises: whatever fails, the comment is kept and held.

        Returns:
            What takes the opinion back, if nobody has begun to keep it: then its author is told that it waits. None where
            they were told already.
        """
        outcome, kept = received.outcome, received.kept
        answer = outcome
        try:
            if kept is None:
                answer = self._judged(received)
            else:
                self._in_hand.add(outcome.id)
                weighed = self._weighed(kept, within_s)
                if weighed is None:
                    self.put_off(outcome)
                else:
                    return self._keep_opinion_soon(outcome, kept, weighed, then)
        except Exception as error:  # noqa: BLE001
            self._put_off(outcome, error)
        self._in_hand.discard(outcome.id)
        then(answer)
        return None

    def _keep_opinion_soon(
        self, outcome: Outcome, kept: _Kept, weighed: _Weighed, then: Callable[[Outcome], None]
    ) -> Callable[[], None]:
        id = kept.comment.id

        def told(ended: Settled | bool | None, error: BaseException | None) -> None:
            self._in_hand.discard(id)
            answer = outcome
            try:
                if isinstance(error, (AlreadyDecided, NotFound)):
                    log.info("settled_meanwhile", comment=id)
                elif error is not None:
                    raise error
                answer = self._told(outcome, _became(weighed, ended))
            except Exception as raised:  # noqa: BLE001
                self._put_off(outcome, raised)
            then(answer)

        if weighed.decision.verdict is Verdict.HOLD:
            return self._store.hold_soon(
                id,
                weighed.decision,
                told,
                evidence=weighed.evidence,
                at=weighed.at,
                audited_under=weighed.under,
                sooner=weighed.sooner,
            )
        return self._store.settle_soon(
            id,
            weighed.decision,
            told,
            leaf=decision_leaf(kept.marks.commitment, weighed.decision, weighed.at),
            at=weighed.at,
            evidence=weighed.evidence,
            audited_under=weighed.under,
        )

    @property
    def patience_s(self) -> float:
        """How long anybody waits for the store to begin keeping what they sent."""
        return self._store.patience_s

    @property
    def judges_at_once(self) -> int:
        """How many comments are judged at once."""
        return self._turns.at_once

    @property
    def is_far(self) -> bool:
        """Whether each look at the database is a round trip to a server."""
        return self._store.dialect != "sqlite"

    def arrived(self) -> None:
        """Somebody is waiting for an answer to what they sent: there is less room for what can wait. Then `answered`."""
        self._turns.arrive()

    def answered(self, outcome: Outcome | None) -> None:
        """They were answered: with this, or refused."""
        self._turns.leave()
        if outcome is not None:
            self._onlooker.submitted(outcome.status.value)

    def put_off(self, outcome: Outcome) -> None:
        """Leave to the sweep what could not be judged in time; its author is told that it waits."""
        log.info("judging_put_off", comment=outcome.id, error="busy")
        self._let_it_go(outcome.id)

    def _put_off(self, outcome: Outcome, error: Exception) -> None:
        # Kept and held; the sweep comes back to it. Whatever it was, the author is not
        # told "failed": nothing of theirs was lost, and a second sending would double it.
        log.warning("judging_put_off", comment=outcome.id, error=type(error).__name__)

    def _used_up(self, ready: Ready) -> ProofNeeded:
        now = self._clock()
        return self._challenge(self._effort(ready.story, ready.visitor, now), now)

    def _received_as(self, ready: Ready, id: str, leaf: int) -> Received:
        """What was kept, by now durably: or before, by another process at the same moment."""
        new = ready.new
        if id != new.id:
            return Received(self._sent_before(id), None)
        marks = _Marks(new.fingerprint, new.likeness, new.commitment)
        return Received(self._received(new, leaf), _Kept(_comment_of(new), ready.story, marks))

    def _ready(self, submission: Submission, visitor: Visitor) -> Ready | Received:
        reader = submission.reader
        if reader is not None:
            # Whatever the form says: who has proved who they are writes under that name.
            submission = replace(submission, name=reader.name, email=reader.email)
        url = self._story_url(submission.story_url, visitor.own)
        # One look at the story: whoever changes it meanwhile changes it for the next.
        story = self._store.story_of_late(url)
        guests = (story.guests if story else None) or self._guidelines.publication.guests
        self._check_words(submission, addressed=guests == "verified")
        now = self._clock()
        sending = self._sending(submission, url, now)
        if sending is not None and (before := self._store.sent_before(sending)) is not None:
            return Received(self._sent_before(before.id), None)
        self._check_open(story, now)
        self._check_welcome(reader, guests)
        author_key = self._author_key(submission, visitor)
        self._check_not_blocked(author_key, now)
        unconfirmed = guests == "verified" and reader is None
        if unconfirmed:
            # Who is blocked under an address they have proved is not to begin anew as a guest.
            proved = self._seal.key_of_mailbox(mailbox_of(submission.email or ""))
            self._check_not_blocked(self.author_key_of(proved), now)
        proof, holds = self._proved(submission, story, visitor, now)
        # Whatever becomes of the guidelines meanwhile: what was sent to people is theirs.
        by_hand = left_to_people(self._guidelines, story.mode if story else None)
        new = self._new(submission, url, now)
        new = replace(
            new,
            address_key=visitor.address_key,
            author_key=author_key,
            sending=sending,
            proof=proof,
            holds=(
                *[Hold.UNVERIFIED] * unconfirmed,
                *self._senders_holds(submission),
                *holds,
                *([by_hand] if by_hand else ()),
            ),
            badge=STAFF if reader is not None and reader.staff else None,
            reader_key=reader.key if reader else None,
            confirmation=self._confirmation(new.id, submission, visitor, now) if unconfirmed else None,
            follow=self._follow(submission),
            left=not self._judges,
        )
        return Ready(new, story, visitor)

    def answer(self, id: str, text: str, *, by: str) -> Outcome:
        """
        Answer a comment that readers see as the publication, in one action of whoever writes it.

        It goes the whole way: received as it is with a receipt, judged for the evidence, and approved under the writer's
        name. From then on they may take it back by rejecting it, and everything else about it is for others to decide.

        Raises:
            NoSuchParent: readers do not see such a comment. MissingFields, TooLong, NotText: no text that can be kept.
            StoryClosed, StoryNotOpen: the story takes no comments now. Nothing was kept.
            StoreUnavailable: nothing was kept, or the answer is held as any comment is.
        """
        parent = self._store.comment(id)
        if parent is None or not _is_shown(parent):
            raise NoSuchParent("The comment you reply to is not shown.", fields=("parent",))
        if is_blank(text):
            raise MissingFields(["text"])
        check_text("text", text, self.limits.text)
        url, now = parent.story_url, self._clock()
        story = self._store.story(url)
        self._check_open(story, now)
        guidelines = self._guidelines
        submission = Submission(story_url=url, name=guidelines.publication.name, text=text, parent=id)
        new = replace(self._new(submission, url, now), likeness=None, badge=STAFF, written_by=by)
        outcome = self._received(new, self._store.receive(new).leaf)
        marks = _Marks(new.fingerprint, self._likeness.of(text), new.commitment)
        evidence, _ = self._opinion(_comment_of(new), story, guidelines, marks)
        decision = Decision(
            verdict=Verdict.APPROVE, decided_by=DecidedBy.MODERATOR, by=by, guidelines=guidelines.digest
        )
        # No audit of the machine and no second look: nothing was judged here but one's own words.
        self._settle(outcome.id, decision, expected_seq=0, evidence=evidence, at=self._clock())
        return self._stands(self._comment(outcome.id), outcome.receipt_given)

    def _new(self, submission: Submission, url: str, now: datetime) -> NewComment:
        """What was checked, as it is to be kept; without keys of who sent it, which the desk's own people have none of."""
        salt = self._entropy(32)
        commitment = commitment_of(salt, submission.text)
        folded = folded_of(submission.text)
        return NewComment(
            # Lower-case letters and digits only: safe in an address and on a command line.
            id=base64.b32encode(self._entropy(15)).decode("ascii").lower(),
            story_url=url,
            parent=submission.parent or None,
            name=submission.name,
            text=submission.text,
            email=submission.email or None,
            salt=salt,
            commitment=commitment,
            submitted_at=now,
            address_key=None,
            author_key=None,
            fingerprint=self._keyed("text", folded),
            leaf=receipt_leaf(commitment, now),
            lookup=searchable_folded(submission.name, folded),
            likeness=self._likeness.of_folded(folded),
        )

    def _received(self, new: NewComment, leaf: int) -> Outcome:
        """What its author is told of a comment that was kept this moment."""
        return Outcome(
            id=new.id,
            status=Status.HELD,
            reasons=(),
            decided_by=None,
            submitted_at=new.submitted_at,
            story_url=new.story_url,
            holds=new.holds,
            receipt_given=Receipt(
                new.id, new.salt, new.commitment, leaf, new.submitted_at, self._ledger_key()
            ),
            name=new.name,
            text=new.text,
        )

    def nudge(
        self, text: str, *, story_url: str | None = None, language: str | None = None, own: Sequence[str] = ()
    ) -> str | None:
        """
        The rule that a draft may read as a breach of, None where the judge would not stop at one. Nothing is kept.

        A rule counts where its score reaches what would reject the comment, or `hold_from`; not for what only advertises.

        Raises:
            TooLong, NotText: not a text that could be sent. ForeignStory.
        """
        guidelines = self._guidelines
        if not guidelines.form.nudge or is_blank(text):
            return None
        check_words(text, longest=self.limits.text)
        url = self._story_url(story_url, tuple(own)) if story_url else None
        try:
            story = self._store.story(url) if url else None
            evidence = self._judge.evidence(
                text,
                language=language or (story.language if story else None),
                story=story,
                expected=guidelines.publication.languages,
            )
        except Exception as error:  # noqa: BLE001
            # A draft is the reader's to send: nothing that fails here may keep them from it.
            log.warning("nudge_failed", error=type(error).__name__)
            return None
        found = [
            (score - rule.hold_from, rule.id)
            for rule in guidelines.rules
            for label in rule.labels
            if label not in UNNUDGED
            and (score := evidence.scores.get(label)) is not None
            and score >= rule.hold_from
        ]
        return max(found, key=lambda one: one[0])[1] if found else None

    def to_confirm(self, token: str) -> Comment | None:
        """The comment whose author a mailed link would confirm, which this does not; None where it opens nothing."""
        found = self._store.readers.awaits(_link_digest(token), self._clock())
        return None if found is None else self._store.comment(found[0])

    def confirm(self, token: str) -> Outcome:
        """
        Take a guest's address for proved, by the link that was mailed there, and judge their comment like any other.

        Raises:
            NotFound: the link was used already or is too old, or the comment is gone.
            Blocked: comments from this address are not taken.
        """
        digest, now = _link_digest(token), self._clock()
        found = self._store.readers.awaits(digest, now)
        if found is None:
            raise NotFound("This link was used already, or it is too old.")
        author_key = self.author_key_of(found[1])
        self._check_not_blocked(author_key, now)
        # Blocked meanwhile for what they sent from this address as a guest: confirming it is no way around that.
        self._check_not_blocked(found[2], now)
        id = self._store.readers.confirm(digest, author_key=author_key, at=now)
        # Durable from here: should judging fail, the sweep comes back to it.
        try:
            if self._judges:
                with self._turns.request():
                    self._judge_in_turn(id)
        except Exception as error:  # noqa: BLE001
            # As for what was just sent: the link is used up, and whoever used it is not told that it failed.
            log.warning("judging_put_off", comment=id, error=type(error).__name__)
        return self._stands(self._comment(id), None)

    def disown(self, token: str) -> None:
        """
        Erase, unread, what somebody sent under another's address, by the link that was mailed there.

        Raises:
            NotFound: the link was used already or is too old, or the comment is gone.
        """
        found = self._store.readers.awaits(_link_digest(token), self._clock())
        if found is None:
            raise NotFound("This link was used already, or it is too old.")
        # Confirmed in between, by whoever else has the letter, it is no longer for this link to take away.
        self._erase(found[0], by=A_READER, unless_confirmed=True)

    def judge(self, id: str) -> None:
        """
        Gather evidence on a held comment and settle it, or hand it to a person.

        Does nothing for a comment that is decided, judged already, withdrawn or
        erased: a sweep and a request may meet here, and the first one wins.

        Raises:
            StoreUnavailable: the opinion could not be kept; the comment stays held.
        """
        comment = self._store.comment(id)
        if comment is not None and _awaits_judge(comment):
            self._judge_kept(_Kept(comment, self._store.story(comment.story_url), self._marks_of(comment)))

    def _judge_in_turn(self, id: str) -> None:
        """As `judge`, when its turn comes; where none comes in time, or people decide anyway, later."""
        comment = self._store.comment(id)
        if comment is not None and _awaits_judge(comment):
            kept = _Kept(comment, self._store.story(comment.story_url), self._marks_of(comment))
            if self._may_wait(kept) or self._judge_kept(kept, within_s=self.limits.judged_within_s) is _Late:
                self._let_it_go(id)

    def _judged(self, received: Received) -> Outcome:
        """What the author of a comment that was just received is told once it was judged; where that takes too long, before."""
        outcome, kept = received.outcome, received.kept
        if kept is None:
            if outcome.status is Status.HELD:
                self._judge_in_turn(outcome.id)
            return self._stands(self._comment(outcome.id), outcome.receipt_given)
        unjudged = self._unjudged(outcome, kept)
        if unjudged is not None:
            return unjudged
        became = self._judge_kept(kept, within_s=self.limits.judged_within_s)
        if became is _Late:
            self.put_off(outcome)
            return outcome
        return self._told(outcome, became)

    def _unjudged(self, outcome: Outcome, kept: _Kept) -> Outcome | None:
        """What its author is told at once, where they need not wait for the judge; None where they do."""
        if not _awaits_judge(kept.comment):
            return outcome
        if self._may_wait(kept):
            self._let_it_go(outcome.id)
            return outcome
        return None

    def _told(self, outcome: Outcome, became: _Became) -> Outcome:
        if isinstance(became, _Held):
            return replace(outcome, holds=became.decision.holds)
        if isinstance(became, _Ended):
            settled = became.settled
            return replace(
                outcome,
                status=settled.decision.verdict.status,
                reasons=reasons_given(settled.decision, self._guidelines, became.language),
                holds=(),
                decided_by=settled.decision.decided_by,
                decided_at=settled.decided_at,
                appealable=settled.decision.verdict is Verdict.REJECT,
            )
        return self._stands(self._comment(outcome.id), outcome.receipt_given)

    def _may_wait(self, kept: _Kept) -> bool:
        """Whether people decide it whatever the evidence is, and somebody gathers that once there is time."""
        mode = kept.story.mode if kept.story else None
        return self._works_off and left_to_people(self._guidelines, mode) is not None

    def _judge_kept(self, kept: _Kept, *, within_s: float | None = None) -> _Became:
        """
        Gather evidence on a comment and settle it, or hand it to a person.

        Args:
            within_s: how long it waits for its turn; None: it has one already.

        Returns:
            What became of it; None where a person decided, or it was erased, while it was being judged: that stands.
        """
        id = kept.comment.id
        self._in_hand.add(id)
        try:
            weighed = self._weighed(kept, within_s)
            if weighed is None:
                return _Late
            ended: Settled | bool
            if weighed.decision.verdict is Verdict.HOLD:
                ended = self._store.hold(
                    id,
                    weighed.decision,
                    evidence=weighed.evidence,
                    at=weighed.at,
                    audited_under=weighed.under,
                    sooner=weighed.sooner,
                )
            else:
                ended = self._store.settle(
                    id,
                    weighed.decision,
                    leaf=decision_leaf(kept.marks.commitment, weighed.decision, weighed.at),
                    at=weighed.at,
                    expected_seq=0,
                    evidence=weighed.evidence,
                    audited_under=weighed.under,
                )
            return _became(weighed, ended)
        except (AlreadyDecided, NotFound):
            # A person decided, or it was erased, while it was being judged: that stands.
            log.info("settled_meanwhile", comment=id)
            return None
        finally:
            self._in_hand.discard(id)

    def _weighed(self, kept: _Kept, within_s: float | None) -> _Weighed | None:
        """The judge's opinion of a comment, once its turn has come; None where none came in time."""
        # Others may take effect meanwhile: one comment is judged by one version, from beginning to end.
        guidelines = self._guidelines
        with self._turns.turn(within_s) if within_s is not None else contextlib.nullcontext(True) as mine:
            if not mine:
                return None
            evidence, decision = self._opinion(kept.comment, kept.story, guidelines, kept.marks)
            under = self._audited_under(kept.comment.id, evidence, decision, guidelines)
        # Whoever waits for the disk needs no processor.
        sooner = timedelta(0)
        if decision.verdict is Verdict.HOLD:
            sooner = self._sooner(kept.comment, evidence, guidelines)
        return _Weighed(evidence, decision, self._clock(), under, sooner)

    def _let_it_go(self, id: str) -> None:
        """Leave a comment to the sweep; what it does not remember it finds in the database."""
        if self._let_go.qsize() < LET_GO_AT_MOST:
            self._let_go.put(id)

    def review(
        self,
        id: str,
        verdict: Verdict,
        *,
        by: str,
        rules: Sequence[str] = (),
        note: str | None = None,
        seen: int | None = None,
    ) -> Settled:
        """
        Settle a comment by a person's verdict; a later one supersedes an earlier one.

        Args:
            verdict: APPROVE or REJECT.
            by: the moderator's name, or the token's.
            rules: rule ids, at least one to reject; "abuse:racism" also names the ground.
            note: words to the author, kept apart from the decision so that they can be erased.
            seen: the number of the decision that the moderator was looking at, 0 for none.

        Raises:
            Malformed, UnknownRule, TooLong, NotText: the verdict is not complete.
            NotFound: no such comment, its words are gone, or it is escalated.
            AlreadyDecided: somebody decided since `seen`.
            NotAllowed: an appeal against one's own decision, or one's own words (but to take them back).
        """
        guidelines = self._guidelines
        reasons = self._reasons(verdict, rules, guidelines)
        if note:
            check_text("note", note, LONGEST_NOTE)
        comment = self._comment(id)
        if comment.withdrawn_at is not None or comment.erased_at is not None:
            raise NotFound("This comment was withdrawn or erased; there is nothing to decide.")
        self._check_confirmed(comment)
        decision = Decision(
            verdict=verdict,
            reasons=reasons,
            decided_by=DecidedBy.MODERATOR,
            by=by,
            guidelines=guidelines.digest,
        )
        settled = self._settle(
            id,
            decision,
            expected_seq=seen,
            note=note or None,
            at=self._clock(),
            second_look=self._is_drawn("second", f"{id} {comment.seq + 1}", guidelines.people.second),
        )
        self._look_after(id)
        return settled

    def audit(
        self,
        id: str,
        verdict: Verdict,
        *,
        by: str,
        rules: Sequence[str] = (),
        note: str | None = None,
    ) -> AuditOutcome:
        """
        Decide what the machine decided, without having seen what; where it was wrong, this supersedes it.

        A rejection that shares no rule with the machine's supersedes it too: its author is told another reason.

        Raises:
            As `review`; NotFound also where the comment waits for no audit.
        """
        reasons = self._reasons(verdict, rules, self._guidelines)
        drawn = self._store.audit(id)
        if drawn is None or not drawn.seq:
            raise NotFound("This comment waits for no audit.")
        if self._comment(id).written_by == by:
            raise NotAllowed("What somebody wrote themselves is decided by another person.", fields=("own",))
        named = {reason.rule for reason in reasons}
        if verdict is drawn.verdict and (verdict is Verdict.APPROVE or named & set(drawn.rules)):
            self._store.confirm(id, verdict, sorted(named), by=by, at=self._clock())
            self._look_after(id)
            return AuditOutcome(drawn.verdict, drawn.rules, superseded=False)
        self.review(id, verdict, by=by, rules=rules, note=note, seen=drawn.seq)
        return AuditOutcome(drawn.verdict, drawn.rules, superseded=True)

    def look_again(self, id: str, verdict: Verdict, *, by: str, rules: Sequence[str] = ()) -> LookedTwice:
        """
        Decide again what another person decided, without having seen how. Their decision stays; both looks are kept.

        Raises:
            Malformed, UnknownRule, MissingFields: the verdict is not complete.
            NotFound: the comment waits for no second look of this person.
        """
        named = tuple(
            dict.fromkeys(reason.rule for reason in self._reasons(verdict, rules, self._guidelines))
        )
        return self._store.answer_second(id, verdict, named, by=by, at=self._clock())

    def appeal(self, id: str, *, receipt: str, words: str) -> None:
        """
        Ask for another person's decision on a rejection, once per decision.

        Raises:
            SignInNeeded: the receipt is not this comment's. NotAppealable: not rejected,
            or appealed already. MissingFields, TooLong, NotText: no words that can be kept.
        """
        self._check_receipt(id, receipt)
        if is_blank(words):
            raise MissingFields(["words"])
        check_text("words", words, self.limits.text)
        comment = self._comment(id)
        if comment.status is not Status.REJECTED or comment.withdrawn_at is not None:
            raise NotAppealable("Only a rejected comment can be appealed.")
        # A decision was made here already, and somebody waits to hear whether it was right.
        self._store.appeal(id, words=words, at=self._clock(), sooner=SOONER_BY_DOUBT)

    def report(self, id: str, *, rule: str, visitor: Visitor, words: str | None = None) -> None:
        """
        Take a reader's word that a comment breaches a rule. The comment stays as it is; a person decides.

        Once a reader and comment: again changes nothing, and is answered alike.

        Args:
            rule: a rule's id. words: what the reader adds, for the people of the desk.

        Raises:
            MissingFields, UnknownRule, TooLong, NotText: the report is not complete.
            TooFast: enough reports came from this address within a day.
            NotFound: readers do not see such a comment; whether it is held, gone or never was is not told.
        """
        if is_blank(rule):
            raise MissingFields(["rule"])
        guidelines = self._guidelines
        if rule not in {known.id for known in guidelines.rules}:
            raise UnknownRule("The guidelines have no such rule.", fields=("rule",))
        if words:
            check_text("note", words, LONGEST_REPORT)
        self._store.report(
            id,
            rule=rule,
            words=words if words and not is_blank(words) else None,
            address_key=visitor.address_key,
            at=self._clock(),
            from_readers=guidelines.people.reports_from,
            at_most=self.limits.reports_per_day,
            # Readers see it meanwhile.
            sooner=SOONER_BY_DOUBT,
        )

    def proof(self, id: str) -> Proof:
        """
        What a comment that readers see can be checked by; of one that they saw, only what became of it.

        Raises:
            NotFound: no such comment, or one that readers never saw, or that is kept from them for the law.
        """
        comment = self._comment(id)
        while True:
            before, kept = comment, self._store.kept_of(id)
            # Decided in between, its leaves would contradict what is shown, and that would look like tampering.
            if (comment := self._comment(id)) == before:
                break
        if comment.status is Status.APPROVED and not comment.escalated:
            if comment.erased_at is not None or kept is None:
                return Proof(id, "erased")
            if comment.withdrawn_at is not None:
                return Proof(id, "withdrawn")
            # What is committed to is what was sent, with the markup that another system had; readers see what it says.
            sent = comment.text if comment.kept is None else comment.kept
            if sent is not None:
                return Proof(
                    id,
                    "approved",
                    comment.name or "",
                    sent,
                    None if is_former(kept.commitment, kept.salt, sent) else opening_of(kept.salt),
                    kept.commitment,
                    tuple(kept.leaves.items()),
                )
        raise NotFound("There is no such comment.")

    def withdraw(self, id: str, *, receipt: str) -> None:
        """Take one's own comment back: it is shown no more, its decision stays as it was."""
        self._check_receipt(id, receipt)
        self._withdraw(id)

    def _withdraw(self, id: str) -> None:
        comment = self._comment(id)
        if comment.withdrawn_at is not None:
            return
        now = self._clock()
        self._store.withdraw(id, leaf=withdrawal_leaf(self._commitment(id), now), at=now)

    def erase(self, id: str, *, by: str = OPERATOR) -> None:
        """
        Delete a comment's words, name, address, salt and everything derived from them, for good.

        Raises:
            NotFound: no such comment. NotErasable: it is escalated and kept for the authorities; that this was
            asked for is remembered, and done when the hold ends.
        """
        self._erase(id, by=by)

    def _erase(self, id: str, *, by: str, unless_confirmed: bool = False) -> None:
        now = self._clock()
        with self._forgetting(id):
            # Also of one that is erased: it may not be in the list of erasures yet.
            leaf = erasure_leaf(self._commitment(id), now)
            self._store.erase(id, leaf=leaf, at=now, by=by, unless_confirmed=unless_confirmed)

    @contextlib.contextmanager
    def _forgetting(self, id: str) -> Iterator[None]:
        """What other systems' moderators said of the same words goes once the words are gone, also where that could not be listed."""
        comment = self._store.comment(id)
        # While it is known which words these are.
        fingerprint = (
            self._keyed(SUGGESTED_TEXT, comment.text) if comment and comment.text is not None else None
        )
        try:
            yield
        finally:
            if fingerprint is not None:
                try:
                    left = self._store.comment(id)
                    if left is None or left.text is None:
                        self._store.suggestions.forget_text(fingerprint)
                except Unavailable as error:
                    # They are erased, and that is what is told.
                    log.error("suggestions_not_forgotten", comment=id, code=error.code)

    def escalate(self, id: str, *, kind: str, told: str, by: str) -> None:
        """
        Restrict a comment that is unlawful or a danger, keep it from deletion, record who was told.

        Args:
            kind: a key of ESCALATIONS. told: the office or person informed, "" for none yet.

        Raises:
            Malformed: no such kind. NotFound: no such comment, or its words are gone.
            AlreadyDecided: somebody decided meanwhile; what was approved would be shown again when the hold ends.
        """
        if kind not in ESCALATIONS:
            raise Malformed(f"Escalate as one of: {', '.join(ESCALATIONS)}.", fields=("kind",))
        check_text("told", told, LONGEST_NOTE)
        comment = self._comment(id)
        if comment.erased_at is not None:
            raise NotFound("This comment was erased; nothing is left to escalate.")
        self._check_confirmed(comment)
        # Rejected first: a crash between the two leaves it hidden, never shown.
        seq = comment.seq
        if comment.status is not Status.REJECTED:
            decision = Decision(
                verdict=Verdict.REJECT,
                # Not looked up: a guidelines file without this rule must not keep the comment on the page.
                reasons=(Reason(ESCALATIONS[kind]),),
                decided_by=DecidedBy.MODERATOR,
                by=by,
                guidelines=self._guidelines.digest,
            )
            seq = self._settle(id, decision, expected_seq=seq, at=self._clock()).seq
        self._store.escalate(id, kind=kind, told=told, by=by, at=self._clock(), expected_seq=seq)

    def pick(self, id: str, *, picked: bool, by: str) -> bool:
        """
        Choose a comment for readers to see as chosen by the editors, or take that back; returns whether it changed anything.

        Raises:
            NotFound: readers do not see such a comment.
        """
        return self._store.pick(id, picked=picked, by=by, at=self._clock())

    # -- what was escalated ----------------------------------------------------

    def escalated(
        self, *, limit: int = 50, before: int | None = None
    ) -> tuple[tuple[Escalated, ...], int | None]:
        """Every comment that was ever escalated, without words, the latest first; and what to go on from."""
        return self._store.escalated(limit=limit, before=before)

    def case(self, id: str) -> Case:
        """
        One escalated comment without a word of it, and the record.

        Raises:
            NotFound: no such comment, or it was never escalated.
        """
        case = self._case(id)
        comment = replace(case.item.comment, name=None, text=None, email=None)
        decisions = tuple(replace(one, note=None) for one in case.item.decisions)
        reports = case.item.reports and replace(case.item.reports, words=())
        item = replace(
            case.item, comment=comment, parent=None, decisions=decisions, appeal=None, reports=reports
        )
        return replace(case, item=item)

    def read_case(self, id: str, *, by: str) -> Case:
        """
        The same with the words, for somebody who asks for them: that they did is journalled, and counted for them.

        Raises:
            NotFound: no such comment, or no legal hold stands. StoreUnavailable: it could not be journalled; nothing is shown.
        """
        case = self._case(id)
        severe = self.severe(case.item)
        label = severe[0] if severe else case.escalations[-1].kind
        self._store.see_escalated(id, label=label, by=by, at=self._clock())
        return case

    def tell(
        self,
        id: str,
        *,
        office: str,
        at: datetime,
        by: str,
        channel: str = "",
        reference: str = "",
        sentence: str = "",
    ) -> None:
        """
        Add to the record that an office or a person was told, when, how, and under which number of theirs.

        Raises:
            MissingFields: nobody is named. TooLong, NotText: it cannot be kept. Malformed: a moment that has not come.
            NotFound: no such comment, or it was never escalated.
        """
        if is_blank(office):
            raise MissingFields(["office"])
        for name, words in (("office", office), ("channel", channel), ("reference", reference)):
            check_text(name, words, LONGEST_LINE)
        check_text("sentence", sentence, LONGEST_REASON)
        now = self._clock()
        if at > now:
            raise Malformed("They were told in the past, or now.", fields=("at",))
        told = Told(office.strip(), at, channel.strip(), reference.strip(), sentence.strip(), by, now)
        self._store.tell(id, told)

    def end_hold(self, id: str, *, reason: str, by: str) -> bool:
        """
        End a legal hold: the comment stays rejected, can be found and erased again. It takes another person than the one
        who escalated, so that nobody makes something disappear alone: nobody either for whom that one has made a sign-in
        link or given an address since, or shortly before.

        Returns:
            Whether it was erased now, because that had been asked for meanwhile.

        Raises:
            MissingFields, TooLong, NotText: no reason that can be kept. NotFound: no legal hold stands.
            NotAllowed: whoever began the hold, or somebody as whom they can have come in.
        """
        if is_blank(reason):
            raise MissingFields(["reason"])
        check_text("reason", reason, LONGEST_REASON)
        now = self._clock()
        leaf = erasure_leaf(self._commitment(id), now)
        with self._forgetting(id):
            return self._store.end_hold(
                id, reason=reason.strip(), leaf=leaf, by=by, at=now, ways_last=self._ways_last
            )

    def dossier(self, id: str, *, by: str) -> Dossier:
        """
        The file for the authorities: the comment as sent, and all that was kept and done about it.

        Raises:
            NotFound: no such comment, or no legal hold stands.
            StoreUnavailable: that it was taken could not be journalled; nothing is given out.
        """
        case = self._case(id)
        comment, reports, kept = case.item.comment, case.item.reports, self._store.kept_of(id)
        if case.held_by is None or comment.text is None or kept is None:
            raise NotFound("No legal hold stands on such a comment.")
        now = self._clock()
        facts = {
            "publication": self._guidelines.publication.name,
            "taken_at": now.isoformat(),
            "taken_by": by,
            "comment": comment.id,
            "story": comment.story_url,
            "story_title": case.item.story.title if case.item.story else None,
            "in_reply_to": comment.parent,
            "name": comment.name,
            "email": comment.email,
            "sent_at": comment.submitted_at.isoformat(),
            "language": comment.language,
            "withdrawn_by_its_author_at": comment.withdrawn_at.isoformat() if comment.withdrawn_at else None,
            "address_hash": kept.address_key,
            "commitment": kept.commitment.hex(),
            "salt": kept.salt.hex(),
            "receipt_leaf": kept.receipt,
            "decisions": [
                {
                    "number": one.seq,
                    "at": one.decided_at.isoformat(),
                    "verdict": one.decision.verdict.value,
                    "rules": [
                        reason.rule if reason.ground is None else f"{reason.rule}:{reason.ground}"
                        for reason in one.decision.reasons
                    ],
                    "by": one.decision.by,
                    "note_to_the_author": one.note,
                    "leaf": one.leaf,
                    "guidelines": one.decision.guidelines,
                    "model": one.decision.model,
                    "calibration": one.decision.calibration,
                }
                for one in case.item.decisions
            ],
            "evidence": explain.evidence(case.item.evidence) if case.item.evidence else [],
            "escalated": [
                {"kind": one.kind, "at": one.at.isoformat(), "by": one.by} for one in case.escalations
            ],
            "reports_by_readers": reports.open + reports.closed if reports else 0,
            "told": [
                {
                    "who": one.office,
                    "when": one.told_at.isoformat(),
                    "how": one.channel,
                    "reference": one.reference,
                    "sentence": one.sentence,
                    "entered_by": one.by,
                    "entered_at": one.at.isoformat(),
                }
                for one in case.told
            ],
        }
        dossier = dossier_of(
            # What was committed to, character for character.
            facts,
            text=comment.text if comment.kept is None else comment.kept,
            leaves=kept.leaves,
            called=f"case-{id}-{now:%Y%m%d-%H%M%S}",
            at=now,
        )
        self._store.hand_out(id, digest=dossier.digest, by=by, at=now)
        return dossier

    def could_be_escalated(self, item: DeskItem) -> str | None:
        """What the evidence may point to (a key of ESCALATIONS), for a person to think of; None for most."""
        evidence = item.evidence or Evidence()
        if (evidence.scores.get("threat") or 0.0) >= SEVERE_FROM:
            return "threat-to-life"
        return "private-data" if any(finding.kind in EXPOSES for finding in evidence.findings) else None

    def _case(self, id: str) -> Case:
        comment = self._comment(id)
        escalations = self._store.escalations(id)
        if not escalations:
            raise NotFound("There is no such comment among the escalated ones.")
        # Who was told when it was escalated was told at that moment, as far as is known.
        at_once = (Told(one.told, one.at, "", "", "", one.by, one.at) for one in escalations if one.told)
        told = sorted((*at_once, *self._store.told(id)), key=lambda one: one.at)
        held_by, bound = self._store.held_by(id, ways_last=self._ways_last)
        return Case(
            item=self._item_of(comment),
            escalations=escalations,
            told=tuple(told),
            endings=self._store.endings(id),
            held_by=held_by,
            bound=bound,
            erasure_asked_at=self._store.erasure_postponed(id),
        )

    def sweep(self, *, limit: int = 100, older_than_s: float = 0.0) -> int:
        """
        Judge what a crash, an outage or a web node left held and unjudged, oldest first; what another node has taken up
        is its own, what a request of this process is still judging is left to it, and where there is no room for what can
        wait, the rest is left for later.

        Args:
            older_than_s: younger ones are in the hands of the request that received them, unless it left them.

        Returns:
            How many were taken up.
        """
        taken = 0
        while taken < limit:
            with self._turns.spare_turn() as mine:
                if not mine:
                    break
                now = self._clock()
                young = timedelta(seconds=older_than_s)
                # What is from later than now was received before the clock was set back: it would wait until it is that late
                # again. And few at a time: who is killed keeps them from the others until their time is over.
                wanted = min(TAKEN_UP_AT_ONCE, limit - taken)
                ids = self._store.take_up(
                    wanted, before=now - young, after=now + young, at=now, until=now + TAKEN_UP_FOR
                )
                for id in ids:
                    self._sweep_up(id)
            taken += len(ids)
            if not ids:
                break
        return taken

    def work_off(self, ended: threading.Event) -> None:
        """
        Judge what was let go of here, oldest first and one at a time, whenever there is room, until it all ends.

        As long as this runs, the author of a comment that people decide anyway is answered as soon as it is kept, and
        the evidence on it is gathered here.
        """
        self._works_off = True
        try:
            while not ended.is_set():
                try:
                    id = self._let_go.get(timeout=ONE_AT_LEAST_S / 2)
                except Empty:
                    continue
                self._turns.wait_for_room(ended, at_most_s=ONE_AT_LEAST_S)
                if ended.is_set():
                    break
                try:
                    # In a queue with all others: where there is no room for long, it comes all the same.
                    with self._turns.turn(ONE_AT_LEAST_S) as mine:
                        if mine:
                            self._sweep_up(id)
                        else:
                            self._let_it_go(id)
                except Unavailable as error:
                    # It is found in the database once that answers again.
                    log.warning("judging_put_off", comment=id, error=type(error).__name__)
                except Exception as error:  # noqa: BLE001
                    # Whatever it was, the next has to come.
                    log.error("sweep_failed", comment=id, error=type(error).__name__)
        finally:
            self._works_off = False

    def _sweep_up(self, id: str) -> None:
        with self._taking:
            # Two may be sweeping: the housekeeping, and whoever works off what was let go of.
            if id in self._in_hand:
                return
            self._in_hand.add(id)
        try:
            self.judge(id)
        except Refused as error:
            # One comment that cannot be taken up must not keep the others waiting.
            log.error("sweep_passed_over", comment=id, code=error.code)
        except Unavailable:
            # So would every other.
            raise
        except Exception as error:  # noqa: BLE001  (whatever it was with this one, the next has to come)
            log.error("sweep_failed", comment=id, error=type(error).__name__)
        finally:
            self._in_hand.discard(id)

    def expire(self, *, address_days: int, suggestion_days: int = 365) -> None:
        """
        Forget the address hashes of comments older than `address_days` and suggestions older than `suggestion_days`, and
        erase, unread, what nobody confirmed within CONFIRMED_WITHIN.
        """
        now = self._clock()
        self._store.suggestions.expire(now, days=suggestion_days)
        for id in self._store.readers.unconfirmed(ERASED_AT_ONCE, before=now - CONFIRMED_WITHIN):
            # Another node, or whoever got the letter, may be erasing it at this moment.
            with contextlib.suppress(NotFound):
                self._erase(id, by="machine", unless_confirmed=True)
        self._store.readers.expire(now)
        self._store.tidy(now)
        self._store.expire(before=now - timedelta(days=address_days))

    # -- what readers see of their own ------------------------------------------

    def comments_of(
        self, reader: str, *, limit: int = 20, before: int | None = None
    ) -> tuple[tuple[Own, ...], int | None]:
        """
        A reader's own comments by their key, with words and receipts, the latest first; and what to go on from.

        Only what they proved to be theirs when they sent it, or confirmed since: an address that somebody typed
        into a form proves nothing.
        """
        if not 1 <= limit <= 200:
            raise Malformed("A page has 1 to 200 comments.", fields=("limit",))
        ids, further = self._store.readers.comments(reader, limit=limit, before=before)
        found = []
        for id in ids:
            # Erased by somebody meanwhile, it is nobody's any more.
            with contextlib.suppress(NotFound):
                found.append(self.own_comment(id, reader=reader))
        return tuple(found), further

    def own_comment(self, id: str, *, reader: str) -> Own:
        """One of a reader's own comments; NotFound for everybody else's, held, gone or never there, all alike."""
        self._check_owner(id, reader)
        comment, kept = self._comment(id), self._store.kept_of(id)
        if comment.erased_at is not None or kept is None:
            raise NotFound("There is no such comment of yours.")
        receipt = self._receipt(comment, kept)
        appeals = tuple((one.at, one.words or "") for one in self._store.appeals(id))
        return Own(comment, self._stands(comment, receipt), appeals)

    def withdraw_own(self, id: str, *, reader: str) -> None:
        """Take one's own comment back, as `withdraw`; NotFound for everybody else's."""
        self._check_owner(id, reader)
        self._withdraw(id)

    def erase_own(self, id: str, *, reader: str) -> None:
        """
        Erase one's own comment, as `erase`.

        Raises:
            NotFound: somebody else's, or none. NotErasable: it is kept for the law until its hold ends.
        """
        self._check_owner(id, reader)
        self.erase(id, by=A_READER)

    def erase_all_own(self, reader: str) -> tuple[int, int, bool]:
        """
        Erase a reader's comments, ERASED_AT_ONCE of them at most.

        Returns:
            How many are erased, how many are kept for the law until their hold ends, and whether others are left.
        """
        erased = postponed = 0
        before: int | None = None
        while True:
            ids, before = self._store.readers.comments(reader, limit=50, before=before)
            for id in ids:
                try:
                    self.erase_own(id, reader=reader)
                    erased += 1
                except NotErasable:
                    postponed += 1
                except NotFound:
                    # Erased by another request meanwhile.
                    continue
            if before is None or erased >= ERASED_AT_ONCE:
                return erased, postponed, before is not None

    def pass_for(self, id: str) -> str | None:
        """
        The pass of the guest whose comment it is, once their address is proved; None for every other comment.

        For whoever holds the comment's receipt, which the caller has checked. It is as old as the comment, and so
        ends with those given before when its reader signs out everywhere.
        """
        comment = self._store.comment(id)
        key = self._store.readers.reader_of(id)
        if comment is None or key is None or not comment.email or comment.name is None:
            return None
        try:
            reader = self._seal.verified(comment.email, comment.name)
        except Malformed:
            return None
        at = comment.submitted_at
        # An account's comment carries the account's address, and is under another key.
        if reader.key != key or not self._store.readers.counts(key, at) or self._clock() - at >= GOOD_FOR:
            return None
        return self._seal.pass_of(reader, at)

    def _check_owner(self, id: str, reader: str) -> None:
        key = self._store.readers.reader_of(id)
        if key is None or not hmac.compare_digest(key.encode(), reader.encode()):
            raise NotFound("There is no such comment of yours.")

    # -- what readers see ----------------------------------------------------

    def page(self, url: str, *, sort: str = "oldest", after: str | None = None, limit: int = 50) -> Page:
        """Approved comments of a story, one after the other, `limit` from 1 to 200; an unknown story has none."""
        if not 1 <= limit <= 200:
            raise Malformed("A page has 1 to 200 comments.", fields=("limit",))
        return self._store.page(story_address(url), sort=sort, after=after, limit=limit)

    def thread(
        self,
        url: str,
        *,
        sort: str = "oldest",
        after: str | None = None,
        at: str | None = None,
        branch: str | None = None,
    ) -> Thread:
        """
        Approved comments of a story by branches, a page of them; see store.Store.thread.

        Raises:
            NotFound: readers see no such comment on the story, where one is asked for.
        """
        return self._store.thread(story_address(url), sort=sort, after=after, at=at, branch=branch)

    def picks(self, url: str) -> Page:
        """The comments of a story that the editors chose, the newest first, PICKS_SHOWN at most; all on one page."""
        return self._store.picks(story_address(url), limit=PICKS_SHOWN)

    def counts(self, urls: Sequence[str]) -> dict[str, int]:
        """How many approved comments each story has, under the addresses as they were asked."""
        addresses = {url: story_address(url) for url in urls}
        found = self._store.counts(list(addresses.values()))
        return {url: found.get(address, 0) for url, address in addresses.items()}

    def announced(self, urls: Collection[str]) -> dict[str, Announced]:
        """How stories stand for whoever has one open: the comments that readers see, and a number that grows with every change."""
        return self._store.announced(urls)

    def latest(self, *, url: str | None = None, limit: int = 50) -> Latest:
        """
        The newest of what readers see: of one story by submission, of all of them by approval.

        Args:
            url: the story's address, or None for all stories.
            limit: from 1 to 200.
        """
        if not 1 <= limit <= 200:
            raise Malformed("A page has 1 to 200 comments.", fields=("limit",))
        return self._store.latest(limit=limit, url=None if url is None else story_address(url))

    def status(self, id: str, *, receipt: str | None = None) -> Outcome:
        """
        What became of a comment: anyone with its id sees the outcome, the receipt's holder also the words.

        Raises:
            NotFound: no such comment. SignInNeeded: a receipt was given and is not this comment's.
        """
        comment = self._comment(id)
        if comment.erased_at is not None:
            receipt = None
        if receipt is not None:
            self._check_receipt(id, receipt)
        return self._stands(comment, receipt)

    def held_by(self, receipts: Sequence[str]) -> list[Outcome | None]:
        """How the comments of these receipts stand, for who holds them; None for a receipt that is none of ours, or no more."""
        found: list[Outcome | None] = []
        for receipt in receipts:
            id = id_in(receipt) or ""
            try:
                self._check_receipt(id, receipt)
                found.append(self._stands(self._comment(id), receipt))
            except (SignInNeeded, NotFound):
                found.append(None)
        return found

    def _stands(self, comment: Comment, receipt: Receipt | str | None) -> Outcome:
        """How a comment stands; with a receipt, which the caller has checked or just made, its words too."""
        id = comment.id
        holder = receipt is not None
        settled = self._store.decisions(id)
        current = settled[-1] if settled else None
        appealed = Hold.APPEAL in comment.holds
        return Outcome(
            id=id,
            status=comment.status,
            reasons=reasons_given(current.decision, self._guidelines, comment.language) if current else (),
            decided_by=current.decision.decided_by if current else None,
            decided_at=current.decided_at if current else None,
            note=current.note if current and holder else None,
            submitted_at=comment.submitted_at,
            story_url=comment.story_url,
            # That somebody reported it is the desk's to know until a person has decided.
            holds=tuple(hold for hold in comment.holds if hold is not Hold.REPORT),
            receipt_given=receipt,
            name=comment.name if holder else None,
            text=comment.text if holder else None,
            withdrawn=comment.withdrawn_at is not None,
            erased=comment.erased_at is not None,
            appealed=appealed,
            appealable=(
                comment.status is Status.REJECTED
                and not appealed
                and comment.withdrawn_at is None
                and comment.erased_at is None
                and not comment.escalated
                and not any(appeal.seq == comment.seq for appeal in self._store.appeals(id))
            ),
        )

    def shown(self, id: str, *, story_url: str) -> Comment:
        """A comment that readers of the story see, to be replied to; NoSuchParent for every other."""
        comment = self._store.comment(id)
        if comment is None or not _is_shown(comment) or comment.story_url != story_address(story_url):
            raise NoSuchParent("The comment you reply to is not shown.", fields=("parent",))
        return comment

    def reportable(self, id: str) -> Comment:
        """A comment that readers see, to be reported or led to; NotFound for every other, all alike."""
        comment = self._store.comment(id)
        if comment is None or not _is_shown(comment):
            raise NotFound("There is no such comment that readers see.")
        return comment

    def changes(self, since: int) -> tuple[int, tuple[str, ...]]:
        """The newest change number, and the stories that readers see differently since `since`."""
        return self._store.changes(since)

    # -- what the newsroom sees ----------------------------------------------

    def held(
        self, *, after: str | None = None, limit: int = 50, newest: bool = False
    ) -> tuple[tuple[Comment, ...], str | None]:
        """What waits for a person: held, appealed and reported, oldest first unless `newest`; and the next cursor."""
        if not 1 <= limit <= 200:
            raise Malformed("A page has 1 to 200 comments.", fields=("limit",))
        return self._store.held(after=after, limit=limit, newest=newest)

    def held_count(self) -> int:
        """How many comments wait for a person."""
        return self._store.held_count()

    def queue(
        self,
        *,
        order: str = "pressing",
        after: str | None = None,
        limit: int = 50,
        why: Hold | None = None,
        others: Sequence[str] = (),
    ) -> tuple[tuple[Comment, ...], str | None]:
        """
        What waits, as the desk goes through it; see store.Store.queue.

        Raises:
            Malformed: no such order or cursor, or a limit outside 1 to 200.
        """
        if not 1 <= limit <= 200:
            raise Malformed("A page has 1 to 200 comments.", fields=("limit",))
        return self._store.queue(order=order, after=after, limit=limit, why=why, others=others)

    def tally(self) -> Tally:
        """How many comments wait for a person, by what the queue can be narrowed to; of many, as of some seconds ago."""
        now, counted = self._clock(), self._counted
        if counted is not None and abs(now - counted[0]) < COUNTED_AGAIN_AFTER:
            return counted[1]
        tally = self._store.tally()
        # Of thousands nobody sees the last one come or go, and a page without counting opens in half the time.
        many = tally.waiting(None, ()) > COUNTED_ANEW_UP_TO
        self._counted = (now, tally) if many else None
        return tally

    def newest(self) -> int:
        """The number of the comment that was received last, to ask for `news` since."""
        return self._store.newest()

    def pulse(self) -> Pulse:
        """What is another value whenever there may be news; cheap enough to be asked for every second."""
        return self._store.pulse(self._clock())

    def news(self, *, since: int, about: Collection[str]) -> News:
        """How the desk stands now: what waits, what of it came since a comment's number, and what became of some comments."""
        return self._store.news(since=since, about=about)

    def look_at(self, id: str, *, by: str) -> None:
        """Say that somebody has a comment before them, for CLAIMED_FOR; whoever was first stays named."""
        now = self._clock()
        self._store.claim(id, by, now, until=now + CLAIMED_FOR)

    def look_away(self, id: str, *, by: str) -> None:
        """Say that somebody has it before them no more."""
        self._store.let_go(id, by)

    def figures(self, *, days: int) -> tuple[Figures, datetime, datetime]:
        """
        The last `days` days in numbers, until now, with their bounds.

        Raises:
            Malformed: not from 1 to 366 days.
        """
        if not 1 <= days <= 366:
            raise Malformed("Figures are of 1 to 366 days.", fields=("days",))
        until = self._clock()
        since = until - timedelta(days=days)
        return self._store.figures(since, until), since, until

    def severe(self, item: DeskItem) -> tuple[str, float] | None:
        """The label for which a comment's words are covered until somebody asks for them, and its score; None for most."""
        scores = item.evidence.scores if item.evidence else {}
        worst = max(((scores.get(label) or 0.0, label) for label in SEVERE), default=(0.0, ""))
        return (worst[1], worst[0]) if worst[0] >= SEVERE_FROM else None

    def uncover(self, id: str, *, by: str) -> None:
        """Show somebody the words of a severe comment, and count it for them."""
        found = self.severe(self.item(id))
        if found is not None:
            self._store.expose(id, by, found[0], self._clock())

    def uncovered(self, id: str, *, by: str) -> bool:
        """Whether they asked for its words before."""
        return self._store.exposed(id, by)

    def strain(self, name: str) -> Strain:
        """What deciding has meant for somebody lately; for themselves to see, and to spare them."""
        now = self._clock()
        severe = sum(self._store.exposures(name, since=now - SHIFT).values())
        since, last = None, now
        for at in self._store.at_work(name, since=now - SHIFT):
            if last - at > PAUSE:
                break
            since = last = at
        return Strain(
            severe=severe,
            of_week=self._store.exposures(name, since=now - timedelta(days=7)),
            working_since=since,
            pause_due=since is not None and now - since >= self.care.pause_after,
            enough=severe >= self.care.severe_per_shift,
        )

    def record(self, id: str) -> Record | None:
        """How the earlier comments of a comment's author stand, and whether they are blocked."""
        return self._store.record(id, self._clock())

    def block(self, id: str, *, by: str, reason: str, until: datetime | None = None) -> None:
        """
        Take no more comments of a comment's author; they are told the reason and the end.

        Raises:
            MissingFields, TooLong, NotText: no reason that can be told. Malformed: an end that is past.
            NotFound: no such comment, or its author is not known any more.
        """
        if is_blank(reason):
            raise MissingFields(["reason"])
        check_text("reason", reason, LONGEST_REASON)
        now = self._clock()
        if until is not None and until <= now:
            raise Malformed("A block ends in the future, or has no end.", fields=("until",))
        self._comment(id)
        self._store.block(id, by=by, reason=reason.strip(), until=until, at=now)

    def unblock(self, id: str, *, by: str) -> None:
        """Take their comments again; NotFound where no block stands."""
        self._comment(id)
        self._store.unblock(id, by=by, at=self._clock())

    def claims(self) -> dict[str, Claim]:
        """Who has which comment before them now, by the comment's id."""
        return self._store.claims(self._clock())

    def find(
        self, sought: Sought, *, limit: int = 50, before: int | None = None
    ) -> tuple[tuple[DeskItem, ...], int | None]:
        """
        Comments by what is known of them, waiting and decided, the newest first; and what to go on from.

        Raises:
            Malformed: a limit outside 1 to 200.
        """
        if not 1 <= limit <= 200:
            raise Malformed("A page has 1 to 200 comments.", fields=("limit",))
        ids, further = self._store.find(sought, limit=limit, before=before)
        return tuple(self.item(id) for id in ids), further

    def audits(self, *, limit: int = 50) -> tuple[Comment, ...]:
        """What waits for a blind decision, oldest first; nothing in it tells what the machine made of it."""
        return tuple(self.audit_item(id).comment for id in self._store.audits(limit))

    def audits_count(self) -> int:
        """How many comments wait for a blind decision."""
        return self._store.audits_count()

    def audit_item(self, id: str) -> DeskItem:
        """One comment to decide blind: as if nobody had judged it. NotFound if it waits for no audit."""
        drawn = self._store.audit(id)
        item = self.item(id)
        if drawn is None or drawn.answer is not None or item.comment.seq != drawn.seq or not drawn.seq:
            raise NotFound("This comment waits for no audit.")
        return self._blind(item)

    @staticmethod
    def _blind(item: DeskItem) -> DeskItem:
        """A comment as if nobody had judged it."""
        comment = replace(item.comment, status=Status.HELD, seq=0, holds=(), judged_at=None)
        return replace(item, comment=comment, evidence=None, decisions=(), appeal=None, reports=None)

    def seconds(self, name: str, *, limit: int = 50) -> tuple[Comment, ...]:
        """What waits for a second look by this person, blind, oldest first."""
        return tuple(self._blind(self.item(id)).comment for id in self._store.seconds(name, limit))

    def seconds_count(self, name: str) -> int:
        """How many comments wait for a second look by this person."""
        return self._store.seconds_count(name)

    def second_item(self, id: str, name: str) -> DeskItem:
        """One comment to look at again, as if nobody had; NotFound if it waits for no second look of this person."""
        if not self._store.awaits_second(id, name):
            raise NotFound("This comment waits for no second look of yours.")
        return self._blind(self.item(id))

    def looked_twice(self, *, days: int = 90) -> tuple[LookedTwice, ...]:
        """What two people decided each without the other, within some days, the latest first."""
        return self._store.looked_twice(since=self._clock() - timedelta(days=days))

    def promises(self) -> tuple[Promises, ...]:
        """How the machine keeps its promises, by language, as the audits so far have it."""
        known = self._calibrations
        found = []
        for language in sorted(known.measured):
            calibration = known.by_language[language]
            audited = self._store.audited(language, calibration.digest)
            watch = watch_of(audited, self._guidelines)
            found.append(Promises(language, calibration, watch.kept, known.withdrawn_in(language)))
        return tuple(found)

    def reliability(self) -> tuple[Reliability, ...]:
        """
        Whether the judge's scores mean what they say: all languages together, then each.

        Of every comment that people decided lately and that this judge had scored: its highest score among the labels
        that the guidelines ask about, and whether people found a breach of what the machine judges by.
        """
        guidelines = self._guidelines
        labels = [label for rule in guidelines.rules for label in rule.labels]
        seen = []
        for one in self._store.found_by_people(SCORES_READ):
            breach = is_violation(one.verdict, one.breached, guidelines)
            known = [score for label in labels if (score := one.scores.get(label)) is not None]
            # What another judge made of it says nothing of this one.
            if breach is not None and known and one.model == self._judge.model:
                seen.append((one.language, max(known), breach))
        return reliability_of(seen)

    def watch(self) -> None:
        """
        Test every promise on the audits so far, and leave to people what is not kept.

        Raises:
            StoreUnavailable: what was found could not be kept.
        """
        for language in self._calibrations.measured:
            self._watch(language)
        self.refresh_withdrawn()

    def refresh_withdrawn(self) -> None:
        """Take up what the machine was withdrawn from, here or on another node."""
        withdrawn = frozenset(
            Withdrawn(one.language, one.rule, one.calibration) for one in self._store.withdrawals()
        )
        if withdrawn != self._calibrations.withdrawn:
            self._calibrations = self._calibrations.without(withdrawn)

    def decisions_told(self, *, limit: int, before: int | None = None) -> Sequence[ToldDecision]:
        """The latest decisions, without readers' words; what was escalated is left out. `before`: only of leaves below it."""
        return self._store.verdicts.latest(limit=limit, before=before)

    def recent(self, *, limit: int = 20) -> tuple[DeskItem, ...]:
        """The comments decided last, newest first."""
        return tuple(self.item(id) for id in self._store.recently_decided(limit))

    def item(self, id: str) -> DeskItem:
        """One comment with all that bears on it; NotFound if there is none, or it is restricted."""
        comment = self._comment(id)
        if comment.escalated:
            raise NotFound("This comment is escalated; only editors can open it, at Escalated.")
        self._check_confirmed(comment)
        return self._item_of(comment)

    def _item_of(self, comment: Comment) -> DeskItem:
        id = comment.id
        parent = self._store.comment(comment.parent) if comment.parent else None
        if parent is not None and parent.escalated:
            parent = replace(parent, name=None, text=None, email=None)
        return DeskItem(
            comment=comment,
            story=self._store.story(comment.story_url),
            parent=parent,
            evidence=self._store.evidence(id),
            decisions=self._store.decisions(id),
            appeal=next((appeal.words for appeal in self._store.appeals(id) if appeal.open), None),
            reports=self._store.reports(id),
        )

    def story(self, url: str) -> Story | None:
        """A story as it is known here, by any of its addresses."""
        return self._store.story(story_address(url))

    def stories(
        self, sought: str = "", *, limit: int = 50, before: int | None = None
    ) -> tuple[tuple[StoryLine, ...], int | None]:
        """
        Stories by their address or title; without anything sought those with most comments within LATELY, then the newest.

        An address finds its story however it is written. Returns also what to go on from.
        """
        since = self._clock() - LATELY
        with contextlib.suppress(Refused):
            known = self._store.story(story_address(sought)) if "://" in sought else None
            if known is not None:
                sought = known.url
        return self._store.stories(sought, since=since, limit=limit, before=before)

    def register_story(
        self,
        url: str,
        *,
        title: str | None = None,
        text: str | None = None,
        language: str | None = None,
        open: bool = True,
        closes_at: datetime | None = None,
        mode: str | None = None,
        own: Sequence[str] = (),
        by: str = OPERATOR,
    ) -> Story:
        """Register what the newsroom says of a story, in place of what it said before; raises as `change_story`."""
        told = {
            "title": title,
            "text": text,
            "language": language,
            "open": open,
            "closes_at": closes_at,
            "mode": mode,
        }
        return self.change_story(url, told, by=by, own=own)

    def change_story(
        self, url: str, changed: Mapping[str, Any], *, by: str, own: Sequence[str] = ()
    ) -> Story:
        """
        Change what the newsroom says of a story, the only source of its title and text; what is left out stays.

        Args:
            changed: by the names of Story's fields, those of STORY_FIELDS alone.
            by: who changes it, or the token's name, for the journal.

        Raises:
            ForeignStory: outside the guidelines' origins. NotText, TooLong: words that cannot be kept.
            Malformed: no such mode, language or kind of guests, no URL, or it would close before it opens.
        """
        told = {name: changed[name] for name in STORY_FIELDS if name in changed}
        for name, longest in STORY_LENGTHS.items():
            if told.get(name) is not None:
                check_text(name, told[name], longest)
                if name in ("closed_reason", "question"):
                    told[name] = told[name].strip() or None
        if told.get("mode") not in (None, "off", "assisted"):
            raise Malformed("A story's mode is 'off', 'assisted', or none.", fields=("mode",))
        if told.get("guests") not in (None, *GUESTS):
            raise Malformed("A story's guests are 'named', 'verified', 'off', or none.", fields=("guests",))
        if told.get("language") is not None and not _LANGUAGE_TAG.fullmatch(told["language"]):
            raise Malformed("A language is a tag such as en, ckb or kmr-Latn.", fields=("language",))
        return self._store.change_story(
            self._story_url(url, tuple(own)), told, at=self._clock(), by=by, check=_check_times
        )

    def check(
        self,
        text: str,
        *,
        story_title: str | None = None,
        story_text: str | None = None,
        language: str | None = None,
    ) -> tuple[Evidence, Decision]:
        """What the judge makes of a text; nothing is kept."""
        check_words(text, longest=self.limits.text)
        story = Story(id=0, url="", title=story_title, text=story_text) if story_title or story_text else None
        guidelines = self._guidelines
        evidence = self._judge.evidence(
            text, language=language, story=story, expected=guidelines.publication.languages
        )
        return evidence, decide(evidence, guidelines, calibrations=self._calibrations)

    def assess(
        self,
        text: str,
        *,
        parts: Sequence[str] = (),
        title: str | None = None,
        story: str | None = None,
        language: str | None = None,
        within_s: float = ASSESSED_WITHIN_S,
    ) -> Assessed:
        """
        Judge a text for another program at a turn of the same judge that readers' comments wait for; nothing is kept.

        Args:
            text: any string, the whole of which is read.
            parts: stretches of it, each judged as if it had been sent alone.
            title, story: what it is about; without a title, relevance is not measured.
            language: what is claimed of it; a hint.
            within_s: how long it waits for its turn.

        Raises:
            Overloaded: none came within that time. ClassifierUnavailable: the model failed.
        """
        guidelines = self._guidelines
        expected = guidelines.publication.languages
        about = Story(id=0, url="", title=title, text=story) if title else None
        with self._turns.request(), self._turns.turn(within_s) as mine:
            if not mine:
                raise Overloaded(
                    "More is being judged than there is time for. Nothing was kept; try again.",
                    retry_after_s=1,
                )
            with self._onlooker.judging():
                evidence = self._judge.whole(
                    text, language=language, story=about, expected=expected, places=False
                )
                tongue = language if evidence.language == UNKNOWN_LANGUAGE else evidence.language
                apart = self._judge.evidence_of(parts, language=tongue, expected=expected, places=False)
                others = identify(fold(text), language, expected).others
        return Assessed(
            evidence=evidence,
            parts=tuple(apart),
            languages=tuple(
                tag for tag in dict.fromkeys((evidence.language, *others)) if tag != UNKNOWN_LANGUAGE
            ),
            decision=decide(evidence, guidelines, calibrations=self._calibrations),
        )

    @property
    def languages_judged(self) -> frozenset[str]:
        """The languages in which texts get scores, whether or not the machine may decide in them."""
        return self._judge.languages

    def written_in(self, text: str) -> tuple[str, ...]:
        """The languages that a text is written in, the surest first; none where that is not known."""
        seen = identify(fold(text), None, self._guidelines.publication.languages)
        return tuple(tag for tag in (seen.tag, *seen.others) if tag != UNKNOWN_LANGUAGE)

    def suggest(self, suggestion: Suggestion) -> tuple[str, ...]:
        """
        Keep what another system's people found of a comment of theirs; durable once this returns.

        Returns:
            The languages that it is written in, as far as they are known.

        Raises:
            MissingFields, TooLong, NotText, Malformed: nothing was kept. StoreUnavailable.
        """
        suggestion.check()
        languages = self.written_in(suggestion.text)
        about = f"{suggestion.source}\x00{suggestion.subject or suggestion.text}"
        self._store.suggestions.keep(
            replace(suggestion, language=languages[0] if languages else UNKNOWN_LANGUAGE),
            key=self._keyed("suggested", about),
            fingerprint=self._keyed(SUGGESTED_TEXT, suggestion.text),
            at=self._clock(),
        )
        return languages

    def why(self, text: str, evidence: Evidence) -> tuple[Weighed, ...]:
        """
        Which words of a text weighed for its high scores; reads it many times, so only when somebody asks.

        Raises:
            ClassifierUnavailable: the model failed.
        """
        return self._judge.why(text, evidence, expected=self._guidelines.publication.languages)

    def doubted(self, evidence: Evidence) -> frozenset[str]:
        """The rules' labels whose score alone keeps a comment from being approved by machine."""
        return doubted_in(evidence, self._guidelines, calibrations=self._calibrations)

    def given_reasons(self, decision: Decision, language: str = "en") -> tuple[GivenReason, ...]:
        """A decision's rules in the words that readers are given."""
        return reasons_given(decision, self._guidelines, language)

    # -- inside --------------------------------------------------------------

    def _opinion(
        self, comment: Comment, story: Story | None, guidelines: Guidelines, marks: _Marks
    ) -> tuple[Evidence, Decision]:
        assert comment.text is not None
        assert comment.name is not None
        try:
            with self._onlooker.judging():
                evidence = self._judge.evidence(
                    comment.text,
                    language=story.language if story else None,
                    story=story,
                    history=self._history(comment, marks),
                    expected=guidelines.publication.languages,
                )
                name_evidence = self._judge.name_evidence(comment.name)
                decision = decide(
                    evidence,
                    guidelines,
                    mode=story.mode if story else None,
                    name_evidence=name_evidence,
                    calibrations=self._calibrations,
                )
        except Exception as error:  # noqa: BLE001
            # Whatever breaks in a checker, known or not, holds the comment for a person.
            # Only the kind of error is logged: its message could quote the reader.
            log.error("judge_failed", comment=comment.id, error=type(error).__name__)
            self._onlooker.judge_failed()
            return Evidence(), Decision(
                verdict=Verdict.HOLD, holds=(Hold.JUDGE_FAILED,), guidelines=guidelines.digest
            )
        holds = (*comment.holds, *self._authors_holds(comment, guidelines))
        if holds:
            # Known when it was received, and not for the machine to overrule.
            decision = replace(
                decision,
                verdict=Verdict.HOLD,
                reasons=(),
                holds=tuple(dict.fromkeys((*holds, *decision.holds))),
            )
        return evidence, decision

    def _audited_under(
        self, id: str, evidence: Evidence, decision: Decision, guidelines: Guidelines
    ) -> str | None:
        """
        The calibration whose promise this comment tests; None if it is not drawn, or nothing was promised.

        What the machine holds is drawn as well: only a sample of everything tells its share of errors.
        """
        calibration = self._calibrations.of(evidence.language)
        if calibration is None or not _PEOPLES.isdisjoint(decision.holds):
            return None
        drawn = self._is_drawn("audit", id, guidelines.automation.audit)
        return calibration.digest if drawn else None

    def _is_drawn(self, purpose: str, what: str, share: float) -> bool:
        """By a keyed hash: nobody can tell before, and no second time draws again."""
        return int(self._keyed(purpose, what)[:13], 16) / 16**13 < share

    def _look_after(self, id: str) -> None:
        """After a person's decision: if it answered an audit, see whether the promises are kept still."""
        try:
            drawn = self._store.audit(id)
            if drawn is not None and self._watch(drawn.language):
                self.refresh_withdrawn()
        except Exception as error:  # noqa: BLE001
            # The decision is durable; whoever made it is not told that it failed. The next one looks again.
            log.warning("watch_put_off", comment=id, error=type(error).__name__)

    def _watch(self, language: str) -> bool:
        """Whether something was withdrawn that was not before."""
        calibration = self._calibrations.of(language)
        if calibration is None:
            return False
        watch = watch_of(self._store.audited(language, calibration.digest), self._guidelines)
        seen = {kept.what: kept.seen for kept in watch.kept}
        fresh = watch.withdraw - self._calibrations.withdrawn_in(language)
        for rule in sorted(fresh):
            log.error(
                "machine_withdrawn", language=language, rule=rule, wrong=seen[rule].wrong, of=seen[rule].of
            )
            self._store.withdraw_machine(
                language,
                rule,
                calibration.digest,
                wrong=seen[rule].wrong,
                audits=seen[rule].of,
                at=self._clock(),
            )
        return bool(fresh)

    def _authors_holds(self, comment: Comment, guidelines: Guidelines) -> tuple[Hold, ...]:
        """Why a comment waits because of who sent it, as the guidelines say."""
        asked = guidelines.authors
        if not asked.first and asked.rejected is None:
            return ()
        record = self._store.record(comment.id, self._clock())
        if record is None:
            return ()
        holds = []
        # What still waits counts: of ten sent at once by a stranger, not nine are decided by machine.
        if record.approved < asked.first:
            holds.append(Hold.FIRST_TIME)
        if (
            asked.rejected is not None
            and record.decided >= asked.of_at_least
            and record.rejected >= asked.rejected * record.decided
        ):
            holds.append(Hold.OFTEN_REJECTED)
        return tuple(holds)

    def _sooner(self, comment: Comment, evidence: Evidence, guidelines: Guidelines) -> timedelta:
        """
        How much sooner a held comment is to be looked at than it came: the most where its worst score lies
        in the middle of what people decide, and where its story is busiest. Neither can make one wait longer.
        """
        doubt = 0.0
        for rule in guidelines.rules:
            for label in rule.labels:
                score = evidence.scores.get(label)
                if score is None:
                    # Nothing is known of it, so there is half as much to learn as there can be.
                    doubt = max(doubt, 0.5)
                elif rule.hold_from < rule.reject_from:
                    place = (score - rule.hold_from) / (rule.reject_from - rule.hold_from)
                    doubt = max(doubt, 1.0 - abs(2.0 * place - 1.0))
        on_story = self._store.on_story(comment.story_url, since=comment.submitted_at - timedelta(hours=1))
        busy = sum(on_story >= step for step in BUSY_FROM) / len(BUSY_FROM)
        return SOONER_BY_DOUBT * doubt + SOONER_BY_TRAFFIC * busy

    def _history(self, comment: Comment, marks: _Marks) -> History:
        sent = comment.submitted_at
        seen = self._store.history(
            story_url=comment.story_url,
            fingerprint=marks.fingerprint,
            since=sent - REPEAT_WINDOW,
            story_since=sent - timedelta(minutes=1),
            besides=comment.id,
        )
        near = 0
        if marks.likeness is not None:
            near = self._store.near(marks.likeness, since=sent - REPEAT_WINDOW, until=sent)
        return replace(
            seen,
            flood_from=self.limits.flood_per_minute,
            # It is among them itself.
            near_repeats=max(0, near - 1),
            near_from=self.limits.near_repeats,
        )

    def _marks_of(self, comment: Comment) -> _Marks:
        assert comment.text is not None
        folded = folded_of(comment.text)
        return _Marks(
            self._keyed("text", folded), self._likeness.of_folded(folded), self._commitment(comment.id)
        )

    def _sending(self, submission: Submission, url: str, now: datetime) -> Sending | None:
        """By what a sending is known again; not by the address it comes from, which changes on the way."""
        if submission.sending_key is None:
            return None
        reader = submission.reader
        told = (
            url,
            submission.parent or "",
            submission.name,
            submission.email or "",
            reader.key if reader else "",
            # A form ends its lines in CRLF, JSON as the page had them: it is the same text sent again.
            _LINE_END.sub("\n", submission.text),
        )
        return Sending(
            key=self._keyed("sending", submission.sending_key),
            words=self._keyed("sent", "\x00".join(told)),
            since=now - REMEMBERED,
        )

    def _sent_before(self, id: str) -> Outcome:
        """What its author was, or would have been, answered; without a receipt once it is erased."""
        kept, comment = self._store.kept_of(id), self._comment(id)
        return self._stands(comment, self._receipt(comment, kept) if kept else None)

    def _receipt(self, comment: Comment, kept: KeptBeside) -> Receipt:
        return Receipt(
            comment.id, kept.salt, kept.commitment, kept.receipt, comment.submitted_at, self._ledger_key()
        )

    def _senders_holds(self, submission: Submission) -> tuple[Hold, ...]:
        """Why a comment waits for what came with it."""
        holds = [Hold.SUSPICIOUS_FORM] if submission.suspicious else []
        if self.limits.disposable_addresses == "hold" and _gives_disposable(submission):
            holds.append(Hold.DISPOSABLE)
        return tuple(holds)

    def _effort(self, story: Story | None, visitor: Visitor, now: datetime) -> int:
        """How hard a proof is now: 0 in calm times, and one more whenever what comes in a minute has doubled."""
        crowd = self._store.crowd(
            story.id if story else None, visitor.address_key, since=now - timedelta(minutes=1), until=now
        )
        limits = self.limits
        # A flood is held or refused; from a quarter of one on, a browser can do something about it.
        pressure = max(
            crowd.story / max(CALM, limits.flood_per_minute / 4),
            crowd.address / max(CALM, limits.address_per_minute / 4),
            crowd.site / max(CALM, limits.flood_per_minute),
        )
        return 0 if pressure < 1 else min(HARDEST, 1 + int(math.log2(pressure)))

    def _challenge(self, level: int, now: datetime) -> ProofNeeded:
        return ProofNeeded(self._proofs.challenge(max(1, level), now, drawn=self._entropy(8)))

    def _proved(
        self, submission: Submission, story: Story | None, visitor: Visitor, now: datetime
    ) -> tuple[UsedProof | None, tuple[Hold, ...]]:
        """
        The proof that is used up with a comment, and why it waits where none can be made.

        Raises:
            ProofNeeded: one is needed now, and none came that counts.
        """
        level = self._effort(story, visitor, now)
        if level == 0:
            return None, ()
        if submission.proof is None:
            # Without JavaScript nobody is refused for it: a person decides.
            return None, (Hold.FLOOD,)
        proved = self._proofs.check(submission.proof, now)
        # While it was being solved the flood may have risen: one level less counts, not a stock of easy ones.
        if proved is None or proved.level < level - 1:
            raise self._challenge(level, now)
        return UsedProof(proved.nonce, proved.expires_at), ()

    def _settle(
        self,
        id: str,
        decision: Decision,
        *,
        expected_seq: int | None,
        at: datetime,
        evidence: Evidence | None = None,
        note: str | None = None,
        audited_under: str | None = None,
        second_look: bool = False,
    ) -> Settled:
        return self._store.settle(
            id,
            decision,
            leaf=decision_leaf(self._commitment(id), decision, at),
            at=at,
            expected_seq=expected_seq,
            evidence=evidence,
            note=note,
            audited_under=audited_under,
            second_look=second_look,
        )

    @staticmethod
    def _check_confirmed(comment: Comment) -> None:
        """Nobody at the desk reads or decides what its author has not confirmed; NotFound, as for what is not there."""
        if Hold.UNVERIFIED in comment.holds:
            raise NotFound("The author of this comment has not confirmed their address yet.")

    def _check_words(self, submission: Submission, *, addressed: bool) -> None:
        required = {"name", "text", *self._guidelines.publication.required}
        if submission.reader is not None:
            # An account may have no address, and has shown who it is without one.
            required -= {"email"}
        elif addressed:
            required |= {"email"}
        given = {"name": submission.name, "text": submission.text, "email": submission.email or ""}
        missing = [
            field for field in ("name", "text", "email") if field in required and is_blank(given[field])
        ]
        if missing:
            raise MissingFields(missing)
        check_text("name", submission.name, self.limits.name)
        check_text("text", submission.text, self.limits.text)
        if submission.email:
            check_text("email", submission.email, LONGEST_EMAIL)
            if not looks_like_email(submission.email):
                raise Malformed("The e-mail address is not of the form name@example.org.", fields=("email",))
            if self.limits.disposable_addresses == "refuse" and _gives_disposable(submission):
                raise DisposableAddress(
                    "This e-mail address is one that lasts only minutes. Give another one.", fields=("email",)
                )
        if submission.parent:
            check_text("parent", submission.parent, 64)

    def _check_welcome(self, reader: Reader | None, guests: str) -> None:
        if guests == "off" and (reader is None or reader.kind != "account"):
            raise AccountNeeded("Comments are taken here from accounts of this publication only.")
        if guests == "verified" and reader is None and not self.mail_works:
            # Nobody could ever confirm it: what is sent would be kept in vain.
            raise AccountNeeded("Your address cannot be confirmed: this server sends no mail.")

    def _confirmation(self, id: str, submission: Submission, visitor: Visitor, now: datetime) -> Confirmation:
        mailbox = mailbox_of(submission.email or "")
        token = base64.urlsafe_b64encode(self._entropy(32)).decode("ascii").rstrip("=")
        # What a page claims goes into a letter only as a language that we speak.
        asked = (submission.language, *self._guidelines.publication.languages)
        language = next(filter(None, map(interface_of, asked)), INTERFACE[0])
        return Confirmation(
            digest=_link_digest(token),
            who=self._seal.key_of_mailbox(mailbox),
            expires_at=now + CONFIRMED_WITHIN,
            at_most=MAILS_AN_HOUR,
            mail={
                "to": mailbox,
                "language": language,
                "comment": id,
                "link": f"{next(iter(visitor.own), '')}/me/confirm/{token}?lang={language}",
            },
        )

    @staticmethod
    def _check_open(story: Story | None, now: datetime) -> None:
        if story is None:
            return
        if not story.open or (story.closes_at is not None and story.closes_at <= now):
            raise StoryClosed(reason=story.closed_reason)
        if story.opens_at is not None and story.opens_at > now:
            raise StoryNotOpen(opens_at=story.opens_at)

    def _check_not_blocked(self, author_key: str, now: datetime) -> None:
        """A blocked author is told so, why and until when: nobody is made to write to nobody."""
        block = self._store.blocked(author_key, now)
        if block is not None:
            raise Blocked(reason=block.reason, until=block.until)

    def _story_url(self, url: str, own: tuple[str, ...]) -> str:
        # Most who send do so on the few stories of the day: found once, it is known.
        guidelines, known = self._guidelines, self._allowed
        asked = (guidelines.digest, url, own)
        if (address := known.get(asked)) is not None:
            return address
        address = story_address(url)
        if guidelines.allows(address, own):
            if len(known) >= ALLOWED_KNOWN:
                known.clear()
            known[asked] = address
        else:
            raise ForeignStory("Comments are taken only for stories of this publication.", fields=("story",))
        return address

    def _comment(self, id: str) -> Comment:
        comment = self._store.comment(id)
        if comment is None:
            raise NotFound("There is no such comment.")
        return comment

    def _commitment(self, id: str) -> bytes:
        commitment = self._store.commitment(id)
        if commitment is None:
            raise NotFound("There is no such comment.")
        return commitment

    @staticmethod
    def _reasons(verdict: Verdict, rules: Sequence[str], guidelines: Guidelines) -> tuple[Reason, ...]:
        """What a person's verdict names; refused where it is not complete."""
        if verdict not in (Verdict.APPROVE, Verdict.REJECT):
            raise Malformed("A verdict is 'approve' or 'reject'.", fields=("verdict",))
        if verdict is Verdict.REJECT and not rules:
            raise MissingFields(["rules"])
        if verdict is Verdict.APPROVE and rules:
            raise Malformed("An approval names no rules.", fields=("rules",))
        return tuple(Desk._reason(rule, guidelines) for rule in dict.fromkeys(rules))

    @staticmethod
    def _reason(rule: str, guidelines: Guidelines) -> Reason:
        id, _, ground = rule.partition(":")
        try:
            known = guidelines.rule(id)
        except KeyError:
            raise UnknownRule("The guidelines have no such rule.", fields=("rules",)) from None
        if ground and ground not in {GROUNDS[label] for label in known.labels if label in GROUNDS}:
            raise UnknownRule(f"The rule {id!r} has no such ground.", fields=("rules",))
        return Reason(rule=id, ground=ground or None)

    def _check_receipt(self, id: str, receipt: str) -> None:
        proof = self._store.words_proof(id)
        salt = salt_in(receipt, id)
        if proof is None or salt is None or not hmac.compare_digest(salt, proof[0]):
            raise SignInNeeded("The receipt is not this comment's.", fields=("receipt",))

    def author_key_of(self, key: str) -> str:
        """Under which the comments of a reader who proved who they are stand together, by their key, wherever they write from."""
        return self._keyed("author", f"reader\x00{key}")

    def _author_key(self, submission: Submission, visitor: Visitor) -> str:
        if submission.reader is not None:
            return self.author_key_of(submission.reader.key)
        who = (
            submission.email.casefold() if submission.email else f"{submission.name}\x00{visitor.address_key}"
        )
        return self._keyed("author", who)

    def _follow(self, submission: Submission) -> NewFollow | None:
        """Their wish to be told by e-mail what becomes of it; to what cannot be written to, or without mail, there is none."""
        email = submission.email
        if not (submission.follow and self.mail_works and email and is_address(email)):
            return None
        return NewFollow(
            id=base64.b32encode(self._entropy(15)).decode("ascii").lower(),
            # By the address, as who asks on a page: so that one address is asked seldom, and told once.
            recipient=self._keyed("author", email.casefold()),
            email=email,
            language=interface_of(submission.language) or INTERFACE[0],
            own=True,
        )

    def _keyed(self, purpose: str, value: str) -> str:
        message = f"{purpose}\x00{value}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, message, "sha256").hex()[:32]


def folded_of(text: str) -> str:
    """A text as it is compared with others and looked through."""
    # A form ends its lines in CRLF, JSON as the page had them.
    return fold(_LINE_END.sub("\n", text)).text


def _comment_of(new: NewComment) -> Comment:
    """A comment as the store keeps what it was just given."""
    return Comment(
        id=new.id,
        story_url=new.story_url,
        parent=new.parent,
        name=new.name,
        text=new.text,
        status=Status.HELD,
        submitted_at=new.submitted_at,
        email=new.email,
        holds=new.holds,
        badge=new.badge,
        written_by=new.written_by,
    )


def _became(weighed: _Weighed, ended: Settled | bool | None) -> _Became:
    """What became of a comment that was judged, by what the store says of keeping that."""
    if isinstance(ended, Settled):
        return _Ended(ended, weighed.evidence.language)
    return _Held(weighed.decision) if ended else None


def _awaits_judge(comment: Comment) -> bool:
    """Whether it is held, unjudged, confirmed, and still there."""
    return (
        comment.text is not None
        and comment.withdrawn_at is None
        and comment.status is Status.HELD
        and not comment.seq
        and comment.judged_at is None
        and Hold.UNVERIFIED not in comment.holds
    )


def _check_times(story: Story) -> None:
    """Within the change: of two editors, one may have set when it opens and the other when it closes."""
    if story.opens_at and story.closes_at and story.closes_at <= story.opens_at:
        raise Malformed("A story closes after it opens.", fields=("closes_at",))


def _gives_disposable(submission: Submission) -> bool:
    # An account's address is the publication's to judge.
    return bool(submission.email) and submission.reader is None and is_disposable(submission.email or "")


def _link_digest(token: str) -> str:
    # 256 random bits, so a plain digest is enough: there is nothing to guess.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _is_shown(comment: Comment) -> bool:
    return (
        comment.status is Status.APPROVED
        and comment.text is not None
        and comment.withdrawn_at is None
        and not comment.escalated
    )


# -- how far people agree -----------------------------------------------------


def agreement_on_verdicts(looks: Sequence[LookedTwice]) -> Agreement:
    """How far people agree on whether comments are to be rejected at all."""
    return on_verdicts(_twice(looks))


def agreement_on_rules(looks: Sequence[LookedTwice]) -> tuple[Agreement, ...]:
    """How far they agree on each rule, the worst first."""
    return on_rules(_twice(looks))


def agreement_between(looks: Sequence[LookedTwice]) -> tuple[Agreement, ...]:
    """How far each two of them agree, the worst first."""
    return between_pairs(_twice(looks))


def _twice(looks: Sequence[LookedTwice]) -> list[Twice]:
    return [
        Twice(look.first_by, frozenset(look.first), look.second_by, frozenset(look.second)) for look in looks
    ]
