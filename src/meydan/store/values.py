"""
What goes into the store and comes out of it, beyond the shared words.

Values only. Keys, digests and the fingerprint are keyed hashes made above: the
store never sees an address, a sign-in link or a token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from meydan.comment import Comment, DecidedBy, Hold, Status, Story, Verdict


@dataclass(frozen=True, slots=True)
class Sending:
    """
    One sending of a comment, and until when it is remembered: sent again after `since`, it is the same.

    `key` and `words` are keyed hashes of its key, and of everything that came with it.
    """

    key: str
    words: str
    since: datetime


@dataclass(frozen=True, slots=True)
class UsedProof:
    """A proof of work that is used up with the comment: the nonce of its challenge, and when that expires."""

    nonce: str
    expires_at: datetime


class Received(NamedTuple):
    """What became of a sending: the comment's id, that of an earlier one where it was sent before, and its receipt's leaf."""

    id: str
    leaf: int


class Crowd(NamedTuple):
    """How many comments came lately: on the whole site, on one story, from one address."""

    site: int
    story: int
    address: int


@dataclass(frozen=True, slots=True)
class Confirmation:
    """
    What a guest whose address is not proved has to do: open the link that `mail` (post's "mail.verify") brings them.

    `digest` is the link's, `who` the key of the mailbox, to which `at_most` links are mailed within an hour.
    """

    digest: str
    who: str
    expires_at: datetime
    at_most: int
    mail: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewFollow:
    """
    A wish to be written to.

    `id` is random, and letters small enough for an address; `recipient` the keyed hash by which the desk knows the
    author of this e-mail address. `own`: whoever wrote the comment.
    """

    id: str
    recipient: str
    email: str = field(repr=False)
    language: str
    own: bool = False


@dataclass(frozen=True, slots=True)
class Follow:
    """One follow as it stands. `comment` is the id of the comment whose replies are followed, None: the whole story."""

    id: str
    story_url: str
    story_title: str | None
    comment: str | None
    own: bool
    email: str = field(repr=False)
    language: str
    asked_at: datetime
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewComment:
    """
    A submission about to become a comment.

    `id` is random and public, `parent` the public id of what it replies to.
    `commitment` is 32 bytes; `leaf` the receipt's canonical bytes. What only
    the reader may say or see is left out of `repr`. `holds` are reasons to wait that
    were known before anything was judged; the judge has to respect them. By the words of
    `lookup` (text.search.searchable) it is found, by `likeness` (text.likeness) those that say nearly the same.
    `badge` is "staff" for the publication's own people; `written_by` names who of the desk answers for it, whose
    address is not kept. `follow` is its author's wish to be told of it. `reader_key` is of a reader who proved who
    they are; with a `confirmation` (and Hold.UNVERIFIED first among `holds`) it waits for its author to do so.
    `left`: whoever received it does not judge it, so that whoever comes first may.
    """

    id: str
    story_url: str
    parent: str | None
    name: str = field(repr=False)
    text: str = field(repr=False)
    email: str | None = field(repr=False)
    salt: bytes = field(repr=False)
    commitment: bytes = field(repr=False)
    submitted_at: datetime
    address_key: str | None = field(repr=False)
    author_key: str | None = field(repr=False)
    fingerprint: str = field(repr=False)
    leaf: bytes = field(repr=False)
    holds: tuple[Hold, ...] = ()
    lookup: str = field(default="", repr=False)
    badge: str | None = None
    written_by: str | None = None
    likeness: bytes | None = field(default=None, repr=False)
    sending: Sending | None = None
    proof: UsedProof | None = None
    reader_key: str | None = field(default=None, repr=False)
    confirmation: Confirmation | None = None
    follow: NewFollow | None = None
    left: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """
    Some of the comments on a story, in the order asked for.

    `count` is the number of comments that readers see on the whole story.
    Tombstones (`text` and `name` None) stand in `comments` but not in `count`.
    `next` is the cursor of what follows, None at the end. `story` is None, and
    nothing else is there, when nobody has commented on or registered the URL.
    """

    story: Story | None
    comments: tuple[Comment, ...]
    count: int
    next: str | None


@dataclass(frozen=True, slots=True)
class Branch:
    """
    A comment of a story that answers no other, and what readers see of the replies below it, parents before their replies.

    `id` is that comment's. `comment` is None where readers do not see it any more, nor a tombstone of it, and
    above the rest of a branch whose beginning was on another page it is there again. `next` is the cursor of the
    replies that follow, None at the end.
    """

    id: str
    comment: Comment | None
    replies: tuple[Comment, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Thread:
    """
    Some of the branches of a story, in the order asked for.

    `count`, `next` and `story` are as in `Page`. `at_start` tells whether it is the first page.
    """

    story: Story | None
    branches: tuple[Branch, ...]
    count: int
    next: str | None
    at_start: bool = True

    @property
    def comments(self) -> tuple[Comment, ...]:
        """All comments and tombstones on it."""
        return tuple(
            comment for branch in self.branches for comment in (branch.comment, *branch.replies) if comment
        )


@dataclass(frozen=True, slots=True)
class StoryLine:
    """A story in a list, without its text: how many of its comments readers see, and how many were sent `lately`."""

    story: Story
    shown: int
    lately: int


@dataclass(frozen=True, slots=True)
class Announced:
    """How a story stands: how many comments readers see on it, and a number that grows with every change they see."""

    count: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Latest:
    """Comments that readers see, newest first, and the stories that they are on, by address."""

    comments: tuple[Comment, ...]
    stories: Mapping[str, Story]


@dataclass(frozen=True, slots=True)
class Appeal:
    """An appeal against decision number `seq`; `words` is None once erased, `open` while that decision stands."""

    seq: int
    at: datetime
    words: str | None = field(repr=False)
    open: bool


@dataclass(frozen=True, slots=True)
class Reports:
    """
    What readers reported of a comment, never who did.

    `rules` are those that readers named since a person last decided, each with how many did, the commonest first;
    `words` are what they added, each with its rule, oldest first. `closed` counts the reports that a decision answered.
    """

    rules: tuple[tuple[str, int], ...]
    words: tuple[tuple[str, str], ...] = field(repr=False)
    closed: int

    @property
    def open(self) -> int:
        """How many readers wait for a person's decision."""
        return sum(number for _, number in self.rules)


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who was told of a comment that is more than a breach, when, and by whom."""

    kind: str
    told: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """
    That an office or a person was told of an escalated comment.

    `told_at` is when they were, `at` when `by` entered it. `channel` is how (a form, a telephone call), `reference` the
    number that they gave, `sentence` what else is to be known; "" for none.
    """

    office: str
    told_at: datetime
    channel: str
    reference: str
    sentence: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """Who ended a comment's legal hold, when and why."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Escalated:
    """
    One line of the list of escalated comments, none of their words in it.

    `held` while the legal hold stands, `ended_at` when the last one ended, None before; `erased` once its words are gone.
    """

    id: str
    kind: str
    by: str
    at: datetime
    story_url: str
    story_title: str | None
    held: bool
    ended_at: datetime | None
    erased: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """
    What is kept of one comment beside its words: for those whom the law lets ask for it.

    `leaves` are its receipt's and its decisions', in their order. One that somebody took out of the database is not among
    them: whoever checks the comment has to see that.
    """

    address_key: str | None = field(repr=False)
    commitment: bytes
    salt: bytes = field(repr=False)
    receipt: int
    leaves: Mapping[int, bytes]


@dataclass(frozen=True, slots=True)
class Scored:
    """What a person found of a comment, and the scores that the judge `model` had given it."""

    language: str
    verdict: Verdict
    breached: tuple[str, ...]
    scores: Mapping[str, float | None]
    model: str


@dataclass(frozen=True, slots=True)
class Audit:
    """
    One comment drawn for an audit: what the machine made of it, and what a person did, None until then.

    `seq` is the machine's decision, 0 where it left the comment to people.
    """

    seq: int
    verdict: Verdict
    rules: tuple[str, ...]
    language: str
    answer: Verdict | None


@dataclass(frozen=True, slots=True)
class LookedTwice:
    """A comment that one person decided and another decided again, blind, each with the rules that they named."""

    id: str
    first_by: str
    first: tuple[str, ...]
    second_by: str
    second: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """What the machine does no longer in a language: `rule` or approvals, after so many `wrong` in so many audits."""

    language: str
    rule: str
    calibration: str
    wrong: int
    audits: int
    at: datetime


@dataclass(frozen=True, slots=True)
class DecidedRow:
    """
    One decision on record, in the order of leaves, with what an audit of its comment said.

    `drawn` tells whether the comment is part of the random sample; `answer` and `breached`
    are then a person's verdict and rules, None and empty until there is one.
    """

    leaf: int
    id: str
    language: str
    decided_by: DecidedBy
    verdict: Verdict
    rules: tuple[str, ...]
    drawn: bool
    answer: Verdict | None
    breached: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModeratorRow:
    """
    One person of the desk.

    `languages` are those whose comments they are given, all when empty. `password` is an Argon2id hash, `second` the
    sealed secret of one-time codes, asked for once `second_on`. By `email` an issuer's account is bound to this person,
    and known by `issuer` and `subject` from then on.
    """

    name: str
    role: str
    languages: tuple[str, ...]
    added_at: datetime
    password: str | None = field(default=None, repr=False)
    second: str | None = field(default=None, repr=False)
    second_on: bool = False
    second_step: int = 0
    email: str | None = field(default=None, repr=False)
    issuer: str | None = None
    subject: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session in force; `how` it began (password, link, issuer), and on what `device`."""

    moderator: str
    csrf: str = field(repr=False)
    added_at: datetime
    expires_at: datetime
    how: str
    device: str
    seen_at: datetime
    role: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One of somebody's sessions, as they are shown to them; `handle` names it without opening it."""

    handle: str
    added_at: datetime
    expires_at: datetime
    how: str
    device: str
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Attempts:
    """Failed sign-ins under one name, until one succeeds; before `locked_until` none is tried."""

    failures: int
    at: datetime
    locked_until: datetime


@dataclass(frozen=True, slots=True)
class Doorway:
    """A sign-in that was sent to an issuer and has not come back."""

    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    back: str


@dataclass(frozen=True, slots=True)
class Block:
    """That an author's comments are not taken: who said so when, the reason as it is told, and the end, None without one."""

    at: datetime
    by: str
    reason: str = field(repr=False)
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Record:
    """How an author's last comments stand, up to a thousand of them, and since when there are any; and their block."""

    approved: int
    rejected: int
    held: int
    since: datetime | None
    block: Block | None = None

    @property
    def decided(self) -> int:
        """How many of them are decided."""
        return self.approved + self.rejected


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has a comment before them, since when."""

    comment: str
    moderator: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Pulse:
    """
    What is another value whenever there may be news for the desk, and cheap to ask for.

    Attributes:
        numbers: how far the leaves, the evidence and the journal have come; they only grow.
        claims: who has which comment before them.
    """

    numbers: tuple[int, ...]
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """
    How much waits, at one moment, and since when the oldest of it does (None where nothing waits).

    Attributes:
        waiting: comments that wait for a person, or are being judged.
        unjudged: those of them that nothing has judged yet.
        appeals: those that wait because of an appeal.
        letters, letters_due, letters_dead: of the outbox; `letters_since` is when the oldest that waits was due.
        leaves: how many leaves there are.
    """

    waiting: int
    waiting_since: datetime | None
    unjudged: int
    unjudged_since: datetime | None
    appeals: int
    letters: int
    letters_due: int
    letters_dead: int
    letters_since: datetime | None
    leaves: int


@dataclass(frozen=True, slots=True)
class Condition:
    """
    What a store knows of its database without asking it.

    Attributes:
        away: it is known not to answer.
        queued: pieces of work that wait to be written.
        stuck_s: for how long the batch under way has been, 0.0 where there is none.
        failing: the last batch could not be written.
        ended: nothing will be written any more, whatever becomes of the database.
    """

    away: bool
    queued: int
    stuck_s: float
    failing: bool
    ended: bool


@dataclass(frozen=True, slots=True)
class Became:
    """
    What became of a comment: its current decision by number, verdict, who made it and when (0 and None before there is
    one), and what took it off the desk.
    """

    seq: int
    verdict: Verdict | None
    decided_by: DecidedBy | None
    by: str
    decided_at: datetime | None
    withdrawn: bool
    erased: bool
    escalated: bool


@dataclass(frozen=True, slots=True)
class Waits:
    """One comment of the queue, or `number` of them: in which language, and for which reasons."""

    number: int
    language: str
    holds: tuple[str, ...]

    def within(self, why: Hold | None, others: Sequence[str]) -> bool:
        """Whether it is in a line that is narrowed as the queue can be; see store.Store.queue."""
        return (why is None or why.value in self.holds) and self.language not in others


@dataclass(frozen=True, slots=True)
class Tally:
    """How many wait for a person, by language and reasons."""

    counted: tuple[Waits, ...]

    def waiting(self, why: Hold | None, others: Sequence[str]) -> int:
        """How many wait in a line."""
        return sum(one.number for one in self.counted if one.within(why, others))

    def reasons(self, others: Sequence[str] = ()) -> dict[Hold, int]:
        """How many wait for each reason; one that waits for several counts for each."""
        found: dict[Hold, int] = {}
        for one in self.counted:
            for hold in one.holds if one.within(None, others) else ():
                found[Hold(hold)] = found.get(Hold(hold), 0) + one.number
        return found


@dataclass(frozen=True, slots=True)
class News:
    """
    How the desk stands at one moment.

    Attributes:
        tally: how many wait for a person.
        arrived: what waits of those sent last, each with its own number.
        became: what became of the comments that were asked about, by id; an unknown id is left out.
    """

    tally: Tally
    arrived: tuple[Waits, ...]
    became: Mapping[str, Became]

    def new(self, since: int, why: Hold | None, others: Sequence[str]) -> int:
        """How many came into a line after a comment's number."""
        return sum(one.number > since and one.within(why, others) for one in self.arrived)


@dataclass(frozen=True, slots=True)
class Sought:
    """
    What comments are found by; None where it does not matter.

    `words` are folded and all have to be there; `author` is the id of another comment of the same author, `by` whoever
    made the current decision ("machine" for the machine), `rule` one that it names; `reported` only what a reader ever
    reported.
    """

    words: tuple[str, ...] = ()
    story: str | None = None
    author: str | None = None
    language: str | None = None
    status: Status | None = None
    by: str | None = None
    rule: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    reported: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One line of the journal: who did what to whom, when.

    `subject` is a comment's id or a person's or token's name, "" where there is neither; `detail` holds names, numbers
    and ids, never a reader's words and never a secret.
    """

    number: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TokenRow:
    name: str
    scopes: tuple[str, ...]
    added_at: datetime
