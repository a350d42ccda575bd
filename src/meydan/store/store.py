"""
Where comments are kept: one class for SQLite and PostgreSQL.

Every method that changes something is one transaction and returns when it is
durable; every method that reads sees one moment. Whatever a database cannot do
is a StoreUnavailable, with nothing half-written. Thread-safe.

What readers see is written down, not worked out at each reading: `showing` says
of each comment whether its story's page shows it, `story.shown` counts them,
`branch` and `replies` count them by branch and by comment answered, and each
change takes the next number of `changes()` in its own transaction.
"""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import msgspec

from meydan.comment import (
    LEGAL_MOVES,
    UNKNOWN_LANGUAGE,
    Audited,
    Comment,
    DecidedBy,
    Decision,
    Evidence,
    History,
    Hold,
    Reason,
    Settled,
    Status,
    Story,
    Verdict,
)
from meydan.errors import (
    AlreadyDecided,
    AlreadyExists,
    BadSchema,
    BadSecret,
    KeyReused,
    Malformed,
    NoSuchParent,
    NotAllowed,
    NotAppealable,
    NotErasable,
    NotFound,
    NotRestorable,
    TooFast,
)
from meydan.onlooker import Onlooker
from meydan.store import months
from meydan.store import statements as sql
from meydan.store.arriving import HIDDEN, SHOWN, TOMBSTONE, Arrivals
from meydan.store.database import Database
from meydan.store.endpoints import Endpoints, announce, announce_decided
from meydan.store.erasures import Erased, Erasures
from meydan.store.exact import AHEAD, MICROSECOND, check_text, micros, time_of, time_or_none
from meydan.store.figures import Figures, figures_of
from meydan.store.following import Followers, ask, tell
from meydan.store.guidelines import Versions
from meydan.store.hand import Hand, Row
from meydan.store.hearing import Hearing
from meydan.store.lately import Lately
from meydan.store.leading import Leading
from meydan.store.logs import Logs
from meydan.store.migrating import migrate as bring_up
from meydan.store.outbox import Outbox
from meydan.store.pacing import Pacing
from meydan.store.people import A_READER, OPERATOR, People, enter
from meydan.store.readers import Readers, await_confirmation
from meydan.store.replica import Replica
from meydan.store.schema import HEAD
from meydan.store.suggestions import Suggestions
from meydan.store.values import (
    Announced,
    Appeal,
    Audit,
    Backlog,
    Became,
    Block,
    Branch,
    Claim,
    Condition,
    Crowd,
    DecidedRow,
    Ending,
    Escalated,
    Escalation,
    Kept,
    Latest,
    LookedTwice,
    NewComment,
    News,
    Page,
    Pulse,
    Received,
    Record,
    Reports,
    Scored,
    Sending,
    Sought,
    StoryLine,
    Tally,
    Thread,
    Told,
    Waits,
    Withdrawal,
)
from meydan.store.verdicts import Verdicts
from meydan.store.writer import Bounds, Then, Writer
from meydan.text.derived import derived
from meydan.text.exact import is_exact
from meydan.text.likeness import count_near

T = TypeVar("T")

_LARGEST = 2**63 - 1

LATEST = 5000
"""Of how many comments sent last the new ones are counted, however long ago somebody looked."""

LATELY = 20_000
"""Of how many comments sent last it is seen whether a word is rare."""

LIKENESSES_READ = 2000
"""With how many comments sent last a new one is compared: in calm times all of an hour, in a flood the flood."""

CROWD_READ = 2000
"""Of how many comments sent last it is counted where they came from."""

RARE_UP_TO = 20
"""In fewer of them a word is rare: then all that have it are few, and are looked up first."""

BRANCHES_ON_A_PAGE = 50
COMMENTS_ON_A_PAGE = 200
"""How much of a thread is one page, tombstones counted."""

STORY_FIELDS = (
    "title",
    "text",
    "language",
    "open",
    "closes_at",
    "mode",
    "opens_at",
    "closed_reason",
    "guests",
    "question",
)
"""What the newsroom says of a story."""

_UNSEEN = frozenset({"text", "mode"})
_FORGET_AT_ONCE = 1000
_REPORTS_READ = 100
_DAY = timedelta(days=1) // MICROSECOND
_SECOND = timedelta(seconds=1) // MICROSECOND
FRESH_S = 0.2
"""How old what a submission is checked against may be where one process serves: nobody else changes it but by hand."""
STORIES_KEPT = 1000
NEVER_TAKEN_FOR = timedelta(hours=1)
"""Longer than anybody takes a comment up for: what is taken for longer was taken before the clock was set back."""

_PAGES = {
    "oldest": (sql.PAGE_OLDEST, sql.PAGE_OLDEST_AFTER),
    "newest": (sql.PAGE_NEWEST, sql.PAGE_NEWEST_AFTER),
    "replied": (sql.PAGE_REPLIED, sql.PAGE_REPLIED_AFTER),
}
_BRANCHES = {
    "oldest": (sql.BRANCHES_OLDEST, sql.BRANCHES_OLDEST_AFTER),
    "newest": (sql.BRANCHES_NEWEST, sql.BRANCHES_NEWEST_AFTER),
    "replied": (sql.BRANCHES_REPLIED, sql.BRANCHES_REPLIED_AFTER),
}

_QUEUES = {
    "pressing": sql.QUEUE_DUE,
    "oldest": sql.QUEUE_MINE_OLDEST,
    "newest": sql.QUEUE_MINE_NEWEST,
}

_encode = msgspec.json.Encoder().encode
_evidence_of = msgspec.json.Decoder(Evidence).decode
_reasons_of = msgspec.json.Decoder(tuple[Reason, ...]).decode


class _Scores(msgspec.Struct):
    """Of an Evidence, what is read where thousands are."""

    scores: dict[str, float | None]
    model: str = ""


_scores_of = msgspec.json.Decoder(_Scores).decode


class _Standing(NamedTuple):
    """What decides where a comment stands, as statements.STANDING reads it."""

    number: int
    id: str
    story: int
    parent: str | None
    status: str
    seq: int
    withdrawn_at: int | None
    erased_at: int | None
    escalated: int
    showing: int
    waiting: int
    root: int | None
    judged_at: int | None

    @property
    def top(self) -> int:
        """The number of the comment that its branch begins with."""
        return self.number if self.root is None else self.root


class ProofUsed(Exception):
    """A proof of work that was used for another comment; who asks for proofs turns it into a new challenge."""


class Store:
    """
    The comments, decisions, leaves and staff of one publication.

    Readers use a small pool of connections; all writing goes through one thread
    (see writer.py).
    """

    def __init__(
        self,
        database: Database,
        replica: Replica | None = None,
        bounds: Bounds | None = None,
        erasures: Erasures | None = None,
    ) -> None:
        self._database = database
        self._replica = replica
        self._erasures = erasures
        self._known: int | None = None
        self._hearing: list[Hearing] = []
        self._writer = Writer(database, bounds)
        self.leading = Leading(database)
        self.pacing = Pacing(database)
        self.people = People(database, self._writer)
        self.guidelines = Versions(database, self._writer)
        self.outbox = Outbox(database, self._writer)
        self.endpoints = Endpoints(database, self._writer)
        self.readers = Readers(database, self._writer)
        self.followers = Followers(database, self._writer)
        self.suggestions = Suggestions(database, self._writer)
        self.arrivals = Arrivals(database, self._writer, _stand_again)
        self.verdicts = Verdicts(database)
        self.logs = Logs(database, self._writer)
        self._lately = Lately(database)
        self._stories: dict[str, tuple[float, Story]] = {}
        self._unblocked_until = 0.0

    # -- opening and closing ------------------------------------------------

    @classmethod
    def open(
        cls,
        url: str,
        *,
        migrate: bool = True,
        replica: str = "",
        bounds: Bounds | None = None,
        erasures: Erasures | None = None,
        finishing: bool = False,
    ) -> Store:
        """
        Connect, and bring the tables to what this program knows.

        Args:
            url: `sqlite:///FILE` (made when it is not there; its folder is not)
                or `postgresql://USER@HOST/NAME`.
            migrate: False to refuse a database that would have to change.
            replica: a PostgreSQL server that follows this one; what readers see is read there, see replica.py.
            bounds: how much work may wait to be written, and for how long.
            erasures: where erasures are listed outside the database; None to list them nowhere.
            finishing: True for the restore alone that is to be finished in it.

        Raises:
            BadSettings: another kind of URL or database.
            BadSchema: newer than this program can work with, or behind it and `migrate` False.
            NotRestorable: a restore was begun in it and is not finished.
            StoreUnavailable: it cannot be reached or written.
        """
        database = Database(url)
        try:
            bring_up(database, allowed=migrate)
            if not finishing and database.one(sql.RESTORING) is not None:
                raise NotRestorable(
                    "A restore was begun in this database and is not finished: words that were erased since may be in it. "
                    "Run the same `meydan restore` again."
                )
            store = cls(database, Replica(replica, database) if replica else None, bounds, erasures)
        except BaseException:
            database.close()
            raise
        try:
            # An erasure that a crash cut short after its commit is driven out of the journal now.
            store._writer.write(lambda _hand: None, scrub=True)
        except BaseException:
            store.close()
            raise
        return store

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._database.dialect

    @property
    def patience_s(self) -> float:
        """How long what is to be written waits for that, at most."""
        return self._writer.patience_s

    def close(self) -> None:
        """Finish the writing under way, then let go of the database."""
        for hearing in self._hearing:
            hearing.close()
        self.leading.close()
        self._writer.close()
        self._database.close()
        if self._replica is not None:
            self._replica.close()

    def hear(self, told: Callable[[int | None], None]) -> Hearing | None:
        """
        Be told of what other nodes change, see hearing.py; None on SQLite, where there are none.

        It ends with the store.
        """
        if self._database.dialect != "postgresql":
            return None
        hearing = Hearing(self._database, told)
        self._hearing.append(hearing)
        return hearing

    def is_alone(self) -> bool:
        """Whether no other node is up; asked by one that neither listens nor leads yet. An SQLite file has one server."""
        return self.dialect == "sqlite" or self._database.one(sql.OTHERS[self.dialect]) is None

    def check_secret(self, mark: str, *, former: str | None = None) -> None:
        """
        Refuse a node whose secret is not that of the others; the first one's is theirs.

        Args:
            mark: a keyed hash that tells nothing of the secret.
            former: that of the secret before it, which this one takes the place of.

        Raises:
            BadSecret: the database was begun with another.
        """
        row = self._database.one(sql.SECRET)
        if row is None:
            self._writer.write(lambda hand: hand.run(sql.KEEP_SECRET, value=mark))
            row = self._database.one(sql.SECRET)
        elif former is not None and _first(row) == former:
            self._writer.write(lambda hand: hand.run(sql.CHANGE_SECRET, value=mark, former=former))
            row = self._database.one(sql.SECRET)
        if _first(row) != mark:
            raise BadSecret(
                "This node's secret is not the one that the database was begun with: keyed hashes, links and passes of "
                "the other nodes would count for nothing here. Give every node the same MEYDAN_SECRET, or the "
                "secret.key of the data folder that was first.",
                fields=("secret",),
            )

    def _read_shown(self, read: Callable[[Hand], T]) -> T:
        """What readers see, in one moment: from the replica while it has all that this node knows of."""
        if self._replica is not None:
            return self._replica.read(read, known=self._known)
        with self._database.reading(snapshot=True) as hand:
            return read(hand)

    def ping(self) -> None:
        """Raises StoreUnavailable unless the database can be read and written now."""
        self._writer.write(lambda hand: hand.apart(sql.WRITE))
        with self._database.reading() as hand:
            hand.one(sql.LATEST_CHANGE)

    # -- looking after it ---------------------------------------------------

    def be_watched(self, onlooker: Onlooker) -> None:
        """From now on `onlooker` is told of every commit."""
        self._writer.onlooker = onlooker

    @property
    def condition(self) -> Condition:
        """What is known of the database without asking it, in no time."""
        writer = self._writer
        return Condition(
            away=self._database.away,
            queued=writer.queued,
            stuck_s=writer.stuck_s,
            failing=writer.failing,
            ended=writer.ended,
        )

    def check_read(self) -> None:
        """
        Ask the database something, without the thread that writes.

        Raises:
            BadSchema: its tables are behind this program. Newer ones are taken: a later program only adds to them.
            StoreUnavailable: it does not answer.
        """
        version = self._database.version()
        if version is None or version < HEAD:
            raise BadSchema("The database's tables are behind this program. Run `meydan migrate`.")

    def backlog(self, at: datetime) -> Backlog:
        """How much waits, all of one moment."""
        with self._database.reading(snapshot=True) as hand:
            waiting, waiting_since = _present(hand.one(sql.WAITING_SINCE))
            unjudged, unjudged_since = _present(hand.one(sql.UNJUDGED_SINCE))
            tally = Tally(tuple(_waits_of(*row) for row in hand.all(sql.QUEUE_TALLY)))
            letters, due = _present(hand.one(sql.OUTBOX_DUE, at=micros(at)))
            letters_since = _first(hand.one(sql.OUTBOX_SINCE))
            dead = _first(hand.one(sql.OUTBOX_DEAD))
            leaves = _first(hand.one(sql.LEAF_COUNT))
        return Backlog(
            waiting=waiting,
            waiting_since=time_or_none(waiting_since),
            unjudged=unjudged,
            unjudged_since=time_or_none(unjudged_since),
            appeals=tally.waiting(Hold.APPEAL, ()),
            letters=letters,
            letters_due=due,
            letters_dead=dead,
            letters_since=time_or_none(letters_since),
            leaves=leaves,
        )

    # -- a comment's way ----------------------------------------------------

    def receive(self, new: NewComment) -> Received:
        """
        Keep a submission: its words, its commitment and its receipt leaf; it is HELD.

        Returns:
            Its id and the number of its receipt leaf; the earlier comment's where its sending was kept before, here
            or by another process at the same moment.

        Raises:
            KeyReused: the sending's key came with other words before.
            ProofUsed: the proof was used for another comment.
            NoSuchParent: `parent` is not a comment that readers see on this story.
            NotText: a NUL or a lone surrogate, which no database keeps exactly.
            AlreadyExists: the id was taken.
            TooFast: enough was mailed to the address that is to be confirmed.
            StoreUnavailable: nothing was kept.
        """
        return self._writer.write(self._receiving(new))()

    def receive_soon(
        self, new: NewComment, then: Callable[[Received | None, BaseException | None], None]
    ) -> Callable[[], None]:
        """As `receive`, without waiting for it: see Writer.write_soon."""
        return self._writer.write_soon(self._receiving(new), _kept_then(then))

    def _receiving(self, new: NewComment) -> Callable[[Hand], Callable[[], Received]]:
        check_text("text", new.text)
        check_text("name", new.name)
        check_text("email", new.email)
        check_text("story", new.story_url)
        if len(new.commitment) != 32:
            raise ValueError("a commitment has 32 bytes")
        submitted_at = micros(new.submitted_at)

        def work(hand: Hand) -> Callable[[], Received]:
            if new.sending is not None:
                # Nobody else keeps this sending, here or on another node, between this look and the commit. Nor does
                # another piece of this batch: what that one's receipt is nobody knows before its end.
                hand.lock_key("sending", new.sending.key, once=True)
                before = _sent_before(hand.one, new.sending)
                if before is not None:
                    return lambda: before
            if new.proof is not None:
                hand.send(sql.FORGET_PROOFS[self.dialect], at=submitted_at)
                if not hand.run(
                    sql.USE_PROOF, nonce=new.proof.nonce, expires_at=micros(new.proof.expires_at)
                ):
                    raise ProofUsed
            story: int | None
            taken: int | None
            looked_up = None if hand.careful else self._stories.get(new.story_url)
            if looked_up is not None:
                # However long ago that was: a story keeps its number. And an id that is taken is refused by the table.
                story, taken = looked_up[1].id, None
            else:
                story, taken = _present(hand.one(sql.NEW_PLACE, url=new.story_url, id=new.id))
            if story is None:
                story = hand.story(new.story_url)
            root = None
            if new.parent is not None:
                parent = _standing(hand, new.parent)
                if parent is None or parent.showing != SHOWN or parent.story != story:
                    raise NoSuchParent(
                        "The comment replied to is not on this story's page.", fields=("parent",)
                    )
                root = parent.top
            if taken is not None:
                raise AlreadyExists("The comment's id is taken.", fields=("id",))
            leaf = hand.leaf(new.leaf, added=True)
            number = hand.comment(
                leaf,
                id=new.id,
                story=story,
                parent=new.parent,
                root=root,
                submitted_at=submitted_at,
                commitment=new.commitment,
                holds=",".join(hold.value for hold in new.holds),
                address_key=new.address_key,
                author_key=new.author_key,
                fingerprint=new.fingerprint,
                badge=new.badge,
                written_by=new.written_by,
                likeness=new.likeness,
                reader_key=new.reader_key,
                # Outside the queue, until its author has confirmed their address.
                waiting=int(new.confirmation is None),
            )
            if new.sending is not None:
                since = micros(new.sending.since)
                hand.send(sql.FORGET_SENDINGS[self.dialect], since=since)
                hand.send(sql.END_SENDING, key=new.sending.key, since=since)
                hand.send(
                    sql.ADD_SENDING,
                    key=new.sending.key,
                    words=new.sending.words,
                    comment=number,
                    at=submitted_at,
                )
            hand.add(
                sql.ADD_WORDS, comment=number, text=new.text, name=new.name, email=new.email, salt=new.salt
            )
            if new.confirmation is not None:
                await_confirmation(hand, number, new.confirmation, submitted_at)
            if new.left:
                hand.send(sql.LEAVE, comment=number)
            if new.lookup:
                hand.add(sql.ADD_LOOKUP[self.dialect], comment=number, words=new.lookup)
            if new.follow is not None:
                ask(hand, new.follow, story=story, comment=number, subject=new.id, at=submitted_at)

            def kept() -> Received:
                self._lately.received(number, submitted_at, story, new.address_key, new.likeness)
                return Received(new.id, leaf.number)

            return kept

        return work

    def sent_before(self, sending: Sending) -> Received | None:
        """
        The comment that a sending was kept as, None where it was not yet; `receive` looks again.

        Raises:
            KeyReused: its key came with other words.
        """
        return _sent_before(self._database.one, sending)

    def settle(
        self,
        id: str,
        decision: Decision,
        *,
        leaf: bytes,
        at: datetime,
        expected_seq: int | None,
        evidence: Evidence | None = None,
        note: str | None = None,
        audited_under: str | None = None,
        second_look: bool = False,
    ) -> Settled:
        """
        Make a decision durable: the comment's status, the decision and its leaf, together.

        A person's decision also answers the comment's audit, if it was drawn for one, and closes its reports.

        Args:
            expected_seq: the decision seen before this one was made (0: none);
                None when it does not matter.
            evidence: what the decision rests on; becomes the latest evidence.
            note: a moderator's words, for moderators.
            audited_under: the comment is drawn for an audit of the machine under the
                calibration of this digest; None if it is not.
            second_look: it is drawn to be decided again, blind, by another person.

        Raises:
            AlreadyDecided: the current decision is not number `expected_seq`.
            NotFound: no such comment, or it was erased or escalated.
            NotAllowed: an appeal, by whoever made the decision that is appealed against; or one's own words,
                but to take them back.
            ValueError: the verdict is HOLD, which settles nothing.
            StoreUnavailable: nothing was kept.
        """
        return self._writer.write(
            self._settling(
                id,
                decision,
                leaf=leaf,
                at=at,
                expected_seq=expected_seq,
                evidence=evidence,
                note=note,
                audited_under=audited_under,
                second_look=second_look,
            )
        )()

    def settle_soon(
        self,
        id: str,
        decision: Decision,
        then: Callable[[Settled | None, BaseException | None], None],
        *,
        leaf: bytes,
        at: datetime,
        evidence: Evidence,
        audited_under: str | None,
    ) -> Callable[[], None]:
        """The machine's `settle` of what nobody has decided before, without waiting for it: see Writer.write_soon."""
        work = self._settling(
            id,
            decision,
            leaf=leaf,
            at=at,
            expected_seq=0,
            evidence=evidence,
            audited_under=audited_under,
        )
        return self._writer.write_soon(work, _kept_then(then))

    def _settling(
        self,
        id: str,
        decision: Decision,
        *,
        leaf: bytes,
        at: datetime,
        expected_seq: int | None,
        evidence: Evidence | None,
        note: str | None = None,
        audited_under: str | None,
        second_look: bool = False,
    ) -> Callable[[Hand], Callable[[], Settled]]:
        if decision.verdict is Verdict.HOLD:
            raise ValueError("a hold settles nothing; use hold()")
        check_text("note", note)
        decided_at = micros(at)
        status = decision.verdict.status
        reasons = _encode(decision.reasons).decode()
        body = None if evidence is None else _encode(evidence)

        def work(hand: Hand) -> Callable[[], Settled]:
            before = _deciding(hand, id)
            if before is None or before.erased_at is not None:
                raise NotFound("There is no such comment.", fields=("id",))
            if expected_seq is not None and before.seq != expected_seq:
                raise _already_decided(hand, before)
            machine = decision.decided_by is DecidedBy.MACHINE
            if machine and expected_seq == 0 and before.judged_at is not None:
                # The machine judges once: what it left to people, another look of its own, begun before, does not settle.
                raise _already_decided(hand, before)
            if before.escalated:
                raise NotFound(
                    "This comment is escalated; only editors can open it, at Escalated.", fields=("id",)
                )
            if decision.decided_by is DecidedBy.MODERATOR:
                _check_not_own(hand, before, decision)
                _check_another_person(hand, before, decision.by)
            if (Status(before.status), status) not in LEGAL_MOVES:
                raise ValueError(f"a comment does not go from {before.status} to {status}")
            seq, put = before.seq + 1, hand.leaf(leaf)
            hand.send(
                sql.ADD_DECISION,
                comment=before.number,
                seq=seq,
                leaf=hand.decided(put, before.number, seq),
                at=decided_at,
                verdict=decision.verdict.value,
                decided_by=decision.decided_by.value,
                actor=decision.by,
                reasons=reasons,
                guidelines=decision.guidelines,
                model=decision.model,
                calibration=decision.calibration,
            )
            after = before._replace(status=status.value)
            showing = _showing(hand, after)
            _end_pick(hand, before, showing)
            hand.send(
                sql.SETTLE,
                showing=showing,
                places=_place(before, showing) if before.root is None else 0,
                status=status.value,
                seq=seq,
                at=decided_at,
                language=None if evidence is None else evidence.language,
                number=before.number,
            )
            if body is not None:
                hand.add(sql.ADD_EVIDENCE, comment=before.number, at=decided_at, body=body)
            if note is not None:
                hand.send(sql.ADD_NOTE, comment=before.number, seq=seq, words=note)
            rules = _rules_of(decision)
            for rule in rules:
                hand.send(sql.ADD_BREACH, rule=rule, comment=before.number, seq=seq)
            hand.send(sql.END_CLAIM, number=before.number)
            if decision.decided_by is DecidedBy.MODERATOR:
                _answer(hand, before.number, decision.verdict, rules, decision.by, decided_at)
                enter(
                    hand,
                    decided_at,
                    decision.by,
                    "decided",
                    id,
                    verdict=decision.verdict.value,
                    rules=list(rules),
                    seq=seq,
                    noted=note is not None,
                )
                _close_reports(hand, before, seq, decision, decided_at)
                if second_look:
                    hand.send(
                        sql.DRAW_SECOND, comment=before.number, seq=seq, actor=decision.by, at=decided_at
                    )
            elif audited_under is not None:
                _draw(hand, before.number, seq, decision, evidence, audited_under, decided_at)
            _stand(hand, before, after, written=showing)
            tell(
                hand,
                before.number,
                id,
                story=before.story,
                seq=seq,
                by=decision.decided_by,
                at=decided_at,
                leaf=put,
                shown=showing == SHOWN != before.showing,
            )
            announce_decided(hand, id, seq=seq, verdict=decision.verdict.value, at=decided_at)
            return lambda: Settled(seq=seq, decided_at=at, leaf=put.number, decision=decision, note=note)

        return work

    def hold(
        self,
        id: str,
        decision: Decision,
        *,
        evidence: Evidence,
        at: datetime,
        audited_under: str | None = None,
        sooner: timedelta = timedelta(0),
    ) -> bool:
        """
        Keep why a comment waits for a person, and what is known about it; returns whether it waits.

        Does nothing when it was decided, erased, or never received. `audited_under` as for `settle`; in the queue's
        own order it stands as if it had been sent `sooner` by so much.
        """
        return self._writer.write(
            self._holding(id, decision, evidence=evidence, at=at, audited_under=audited_under, sooner=sooner)
        )

    def hold_soon(
        self,
        id: str,
        decision: Decision,
        then: Callable[[bool | None, BaseException | None], None],
        *,
        evidence: Evidence,
        at: datetime,
        audited_under: str | None,
        sooner: timedelta,
    ) -> Callable[[], None]:
        """As `hold`, without waiting for it: see Writer.write_soon."""
        work = self._holding(
            id, decision, evidence=evidence, at=at, audited_under=audited_under, sooner=sooner
        )
        return self._writer.write_soon(work, then)

    def _holding(
        self,
        id: str,
        decision: Decision,
        *,
        evidence: Evidence,
        at: datetime,
        audited_under: str | None,
        sooner: timedelta,
    ) -> Callable[[Hand], bool]:
        if decision.verdict is not Verdict.HOLD:
            raise ValueError("only a HOLD holds; use settle()")
        holds = ",".join(hold.value for hold in decision.holds)
        body = _encode(evidence)
        judged_at = micros(at)

        def work(hand: Hand) -> bool:
            if not is_exact(id):
                return False
            hand.lock_comment(id)
            row = hand.one(
                sql.HOLD,
                id=id,
                holds=holds,
                at=judged_at,
                language=evidence.language,
                sooner=sooner // MICROSECOND,
            )
            if row is not None:
                hand.add(sql.ADD_EVIDENCE, comment=_first(row), at=judged_at, body=body)
                hand.stirs()
                announce(hand, "comment.held", id, f"held-{id}", judged_at, {"holds": holds.split(",")})
                if audited_under is not None:
                    _draw(hand, _first(row), 0, decision, evidence, audited_under, judged_at)
            return row is not None

        return work

    def withdraw(self, id: str, *, leaf: bytes, at: datetime) -> None:
        """
        End a comment's showing because its author asked. Again changes nothing, and takes no leaf.

        Raises:
            NotFound: no such comment, or it was erased.
        """
        withdrawn_at = micros(at)

        def work(hand: Hand) -> None:
            before = _deciding(hand, id)
            if before is None or before.erased_at is not None:
                raise NotFound("There is no such comment.", fields=("id",))
            if before.withdrawn_at is not None:
                return
            hand.leaf(leaf)
            hand.send(sql.WITHDRAW, at=withdrawn_at, number=before.number)
            _stand(hand, before, before._replace(withdrawn_at=withdrawn_at))
            announce(hand, "comment.withdrawn", id, f"withdrawn-{id}", withdrawn_at)

        self._writer.write(work)

    def erase(
        self, id: str, *, leaf: bytes, at: datetime, by: str = OPERATOR, unless_confirmed: bool = False
    ) -> None:
        """
        Delete a comment's words and all that was kept about them; identity, decisions and leaves stay.

        Gone with the text: name, e-mail, salt, evidence, notes, the words of
        appeals, the fingerprint and the keys of author and address; who followed it,
        and what was to be sent about it. On SQLite
        their bytes are overwritten and the journal is emptied; copies that moving
        rows may have left go at once, or with the next `expire` if the file is large.
        Again changes nothing, and takes no leaf.

        What was erased is also in the list of erasures, outside the database, before this returns.

        Args:
            unless_confirmed: only what still waits for its author to confirm their address.

        Raises:
            NotFound: no such comment, or, where it was asked for so, its author has confirmed it meanwhile.
            NotErasable: it was escalated, and is kept as the law asks; that this was asked for is
                remembered, and carried out when the hold ends.
            StoreUnavailable: it is not erased; or, as the message says, erased and not listed: again lists it.
        """
        erased_at = micros(at)

        def work(hand: Hand) -> bool:
            before = _deciding(hand, id)
            if before is None:
                raise NotFound("There is no such comment.", fields=("id",))
            if unless_confirmed and hand.one(sql.IS_UNCONFIRMED, number=before.number) is None:
                raise NotFound("This comment was confirmed meanwhile.", fields=("id",))
            if before.escalated:
                if hand.one(sql.POSTPONED, id=id) is None:
                    hand.send(sql.POSTPONE, comment=before.number, at=erased_at, actor=by)
                    enter(hand, erased_at, by, "erasure-postponed", id)
                return False
            if before.erased_at is None:
                self._erase(hand, before, leaf, erased_at, by)
            return True

        # The refusal is told only after what it remembers is durable.
        erased = self._writer.write(work, scrub=True)
        self._lately.forget()
        if not erased:
            raise NotErasable(
                "The comment was escalated and must be kept. That its erasure was asked for is remembered: "
                "it is carried out when an editor ends the hold."
            )
        self._list(id)

    def forget_lately(self) -> None:
        """
        Keep nothing in memory of what another node erased or forgot.

        Raises:
            StoreUnavailable: the database failed.
        """
        self._lately.forget()

    def list_erasures(self, since: datetime | None = None) -> int:
        """
        Enter into the list of erasures what it lacks: what other nodes erased, or a crash kept from it.

        Args:
            since: look at what was erased from then on; None for all that there ever was.

        Returns:
            How many were entered.

        Raises:
            StoreUnavailable: the database or the list cannot be reached.
        """
        if self._erasures is None:
            return 0
        rows = self._database.all(sql.ERASED_SINCE, since=0 if since is None else micros(since))
        return self._erasures.add(Erased(id, bytes(commitment), at) for id, commitment, at in rows)

    def _list(self, id: str) -> None:
        # After the commit: what is listed is erased in truth, and what a crash kept from the list enters it at the next start.
        if self._erasures is not None and (row := self._database.one(sql.ERASED, id=id)) is not None:
            self._erasures.add([Erased(row[0], bytes(row[1]), row[2])])

    def _erase(self, hand: Hand, before: _Standing, leaf: bytes, at: int, by: str) -> None:
        """Take out a comment's words and all that was made of them, within a writing that scrubs."""
        hand.leaf(leaf)
        hand.send(sql.ERASE, at=at, number=before.number)
        for statement in sql.ERASED_WITH_IT:
            hand.send(statement, number=before.number)
        hand.send(sql.END_LOOKUP[self.dialect], number=before.number)
        enter(hand, at, by, "erased", before.id)
        _goes_stale(hand)
        _stand(hand, before, before._replace(erased_at=at))
        # After what waited to be told of it is gone.
        announce(hand, "comment.erased", before.id, f"erased-{before.id}", at)

    def escalate(
        self, id: str, *, kind: str, told: str, by: str, at: datetime, expected_seq: int | None = None
    ) -> None:
        """
        Record who was told of a comment, end its showing, and keep it from erasure.

        Args:
            expected_seq: the decision that rejected it; None when it does not matter.

        Raises:
            NotFound: no such comment, or it was erased.
            AlreadyDecided: the current decision is not number `expected_seq`.
        """
        check_text("kind", kind)
        check_text("told", told)
        when = micros(at)

        def work(hand: Hand) -> None:
            before = _deciding(hand, id)
            if before is None or before.erased_at is not None:
                raise NotFound("There is no such comment.", fields=("id",))
            if expected_seq is not None and before.seq != expected_seq:
                raise _already_decided(hand, before)
            hand.send(sql.ADD_ESCALATION, comment=before.number, kind=kind, told=told, actor=by, at=when)
            hand.send(sql.ESCALATE, number=before.number)
            enter(hand, when, by, "escalated", id, kind=kind)
            _stand(hand, before, before._replace(escalated=1))
            announce(hand, "comment.escalated", id, f"escalated-{id}-{when}", when)

        self._writer.write(work)

    def escalated(self, *, limit: int, before: int | None = None) -> tuple[tuple[Escalated, ...], int | None]:
        """
        Every comment that was ever escalated, the latest first; none of their words.

        Returns:
            The lines, and what to give as `before` for those after them; None at the end.
        """
        rows = self._database.all(
            sql.ESCALATED,
            before=_LARGEST if before is None else _bounded(before),
            limit=_limit(limit) + 1,
        )
        more = len(rows) > limit
        del rows[limit:]
        lines = tuple(
            Escalated(
                id,
                kind,
                by,
                time_of(at),
                url,
                title,
                bool(held),
                time_or_none(ended_at),
                erased_at is not None,
            )
            for _, id, kind, by, at, url, title, held, erased_at, ended_at in rows
        )
        return lines, rows[-1][0] if more else None

    def held_by(self, id: str, *, ways_last: timedelta = timedelta(0)) -> tuple[str | None, frozenset[str]]:
        """Who began the legal hold that stands, and who may not end it, see `end_hold`; None and nobody where none does."""
        with self._database.reading(snapshot=True) as hand:
            before = _standing(hand, id)
            if before is None or not before.escalated:
                return None, frozenset()
            begun_by, begun_at, _ = _hold(hand, before)
            reached = _within_reach(hand, begun_by, since=begun_at - ways_last // MICROSECOND)
        return begun_by, frozenset(reached)

    def tell(self, id: str, told: Told) -> None:
        """
        Add to the record of who was told of an escalated comment; nothing in it is ever altered.

        Raises:
            NotFound: no such comment, or it was never escalated.
        """
        for field in ("office", "channel", "reference", "sentence"):
            check_text(field, getattr(told, field))
        at = micros(told.at)

        def work(hand: Hand) -> None:
            before = _standing(hand, id)
            # Also after the hold has ended: an answer may come late.
            if before is None or not hand.all(sql.ESCALATIONS, id=id):
                raise NotFound("There is no such comment among the escalated ones.", fields=("id",))
            hand.run(
                sql.ADD_TOLD,
                comment=before.number,
                told_at=micros(told.told_at),
                office=told.office,
                channel=told.channel,
                reference=told.reference,
                sentence=told.sentence,
                actor=told.by,
                at=at,
            )
            enter(hand, at, told.by, "told", id)

        self._writer.write(work)

    def told(self, id: str) -> tuple[Told, ...]:
        """Who was told of a comment, in the order it was entered."""
        return tuple(
            Told(office, time_of(told_at), channel, reference, sentence, by, time_of(at))
            for office, told_at, channel, reference, sentence, by, at in self._database.all(sql.TOLD, id=id)
        )

    def see_escalated(self, id: str, *, label: str, by: str, at: datetime) -> None:
        """
        Keep that somebody asked for an escalated comment's words: every time in the journal, once as shown to them.

        Raises:
            NotFound: no such comment, or no hold stands.
        """

        def work(hand: Hand) -> None:
            _escalated_now(hand, id)
            hand.run(sql.EXPOSE, id=id, name=by, label=label, at=micros(at))
            enter(hand, micros(at), by, "escalated-seen", id)

        self._writer.write(work)

    def hand_out(self, id: str, *, digest: str, by: str, at: datetime) -> None:
        """
        Keep that somebody took the file for the authorities, and which one, by its digest.

        Raises:
            NotFound: no such comment, or no hold stands.
        """

        def work(hand: Hand) -> None:
            _escalated_now(hand, id)
            enter(hand, micros(at), by, "escalated-exported", id, sha256=digest)

        self._writer.write(work)

    def end_hold(
        self,
        id: str,
        *,
        reason: str,
        leaf: bytes,
        by: str,
        at: datetime,
        ways_last: timedelta = timedelta(0),
    ) -> bool:
        """
        End a legal hold: the comment stays rejected, is found again, and can be erased.

        An erasure that was asked for meanwhile is carried out in the same transaction, with `leaf`.

        Args:
            ways_last: for how long after a way in was opened somebody can act by it.

        Returns:
            Whether it was erased so.

        Raises:
            NotFound: no such comment, or no hold stands.
            NotAllowed: whoever began the hold ends it, or somebody as whom they can have come in since.
        """
        check_text("reason", reason)
        ended_at = micros(at)

        def work(hand: Hand) -> bool:
            before = _escalated_now(hand, id)
            begun_by, begun_at, last = _hold(hand, before)
            if by in _within_reach(hand, begun_by, since=begun_at - ways_last // MICROSECOND):
                raise NotAllowed("A legal hold is ended by another person than the one who escalated.")
            hand.send(
                sql.ADD_ENDING,
                comment=before.number,
                escalation=last,
                actor=by,
                at=ended_at,
                reason=reason,
            )
            hand.send(sql.END_HOLD, number=before.number)
            enter(hand, ended_at, by, "hold-ended", id)
            after = before._replace(escalated=0)
            _stand(hand, before, after)
            if hand.one(sql.POSTPONED, id=id) is None:
                return False
            self._erase(hand, _present_standing(hand, id), leaf, ended_at, by)
            return True

        erased = self._writer.write(work, scrub=True)
        if erased:
            self._lately.forget()
            self._list(id)
        return erased

    def endings(self, id: str) -> tuple[Ending, ...]:
        """Who ended a comment's legal holds, first to last."""
        return tuple(
            Ending(by, time_of(at), reason) for by, at, reason in self._database.all(sql.ENDINGS, id=id)
        )

    def erasure_postponed(self, id: str) -> datetime | None:
        """When the erasure of a comment under legal hold was first asked for; None if it was not."""
        row = self._database.one(sql.POSTPONED, id=id)
        return None if row is None else time_of(row[0])

    def kept_of(self, id: str) -> Kept | None:
        """What is kept of a comment beside its words, its receipt's and decisions' leaves among it; None once erased."""
        with self._database.reading(snapshot=True) as hand:
            row = None if not is_exact(id) else hand.one(sql.KEPT_OF, id=id)
            if row is None:
                return None
            address_key, commitment, salt, receipt = row
            numbers = [receipt, *(one[2] for one in hand.all(sql.DECISIONS, id=id))]
            found = {number: hand.one(sql.LEAF, number=number) for number in numbers}
        leaves = {number: bytes(row[0]) for number, row in found.items() if row is not None}
        return Kept(address_key, bytes(commitment), bytes(salt), receipt, leaves)

    def found_by_people(self, limit: int) -> tuple[Scored, ...]:
        """
        What people found of comments that were scored: their latest decisions, and the latest audits in which they agreed.

        At most `limit` of each; what is escalated or erased is left out.
        """
        with self._database.reading(snapshot=True) as hand:
            decided = [
                (
                    language,
                    verdict,
                    tuple(dict.fromkeys(reason.rule for reason in _reasons_of(reasons))),
                    body,
                )
                for language, verdict, reasons, body in hand.all(sql.FOUND_BY_PEOPLE, limit=_limit(limit))
            ]
            decided += [
                (language, verdict, _listed(breached), body)
                for language, verdict, breached, body in hand.all(sql.AGREED_BY_PEOPLE, limit=_limit(limit))
            ]
        found = []
        for language, verdict, breached, body in decided:
            scored = _scores_of(body)
            found.append(Scored(language, Verdict(verdict), breached, scored.scores, scored.model))
        return tuple(found)

    def appeal(self, id: str, *, words: str, at: datetime, sooner: timedelta = timedelta(0)) -> None:
        """
        Keep an author's appeal against the current rejection, and put the comment in the queue.

        In the queue's own order it stands as if it had been made `sooner` by so much.

        Raises:
            NotFound: no such comment, or it was erased.
            NotAppealable: it is not rejected, was withdrawn or escalated, or this
                decision was appealed before.
        """
        check_text("words", words)
        when = micros(at)

        def work(hand: Hand) -> None:
            before = _deciding(hand, id)
            if before is None or before.erased_at is not None:
                raise NotFound("There is no such comment.", fields=("id",))
            closed = before.withdrawn_at is not None or before.escalated
            if before.status != Status.REJECTED.value or closed:
                raise NotAppealable("Only a comment that stands rejected can be appealed.")
            if hand.one(sql.APPEALED, comment=before.number, seq=before.seq) is not None:
                raise NotAppealable("This decision was appealed before; one appeal is heard.")
            hand.send(sql.ADD_APPEAL, comment=before.number, seq=before.seq, at=when, words=words)
            hand.send(
                sql.WAITS_AGAIN,
                holds=Hold.APPEAL.value,
                due=when - sooner // MICROSECOND,
                number=before.number,
            )
            announce(hand, "comment.appealed", id, f"appealed-{id}-{before.seq}", when, {"seq": before.seq})

        self._writer.write(work)

    def report(
        self,
        id: str,
        *,
        rule: str,
        words: str | None,
        address_key: str,
        at: datetime,
        from_readers: int = 1,
        at_most: int,
        sooner: timedelta = timedelta(0),
    ) -> None:
        """
        Keep a reader's report of a comment that is shown; from so many readers on it joins the queue, and stays as it is.

        A second report by the same reader changes nothing. One under a rule that a person has looked at it under
        already is answered by their decision, and does not bring it back.

        Args:
            at_most: reports within a day that are taken from one address.
            from_readers: how many readers' open reports it takes.
            sooner: in the queue's own order it stands as if this had come by so much earlier.

        Raises:
            TooFast: that many came from this address within a day.
            NotFound: readers do not see such a comment; why is not told.
        """
        check_text("words", words)
        when = micros(at)

        def work(hand: Hand) -> None:
            # Before the comment is looked at: whether there is one must not be learned here.
            hand.lock_key("reporter", address_key)
            sent, first = hand.one(
                sql.REPORTS_SENT, address_key=address_key, since=when - _DAY, until=when + AHEAD
            ) or (0, None)
            if sent >= at_most:
                wait = max(1, (first + _DAY - when) // _SECOND)
                raise TooFast(
                    f"At most {at_most} reports a day are taken from one address; nothing was kept.",
                    retry_after_s=wait,
                )
            before = _deciding(hand, id)
            if before is None or before.showing != SHOWN:
                raise NotFound("There is no comment here that can be reported.")
            if hand.one(sql.REPORTED_BY, comment=before.number, address_key=address_key) is not None:
                return
            answered = hand.one(sql.REPORT_ANSWERED, comment=before.number, rule=rule) is not None
            hand.send(
                sql.ADD_REPORT,
                comment=before.number,
                rule=rule,
                at=when,
                address_key=address_key,
                words=words,
                closed_at=when if answered else None,
                seq=before.seq if answered else None,
                upheld=0 if answered else None,
            )
            enter(hand, when, A_READER, "reported", id, rule=rule)
            if answered or before.waiting:
                return
            reports = _first(hand.one(sql.REPORTS_OPEN, comment=before.number))
            if reports >= from_readers:
                due = when - sooner // MICROSECOND
                hand.send(sql.WAITS_AGAIN, holds=Hold.REPORT.value, due=due, number=before.number)
                told = {"rule": rule, "reports": reports}
                announce(hand, "comment.reported", id, f"reported-{id}-{when}", when, told)

        self._writer.write(work)

    def expire(self, *, before: datetime) -> int:
        """
        Forget the address keys of what readers sent before then, and links and sessions that ended before then.

        At most once a day it also writes a large SQLite file anew, if something
        was erased since; those who write wait meanwhile (some ten seconds a gigabyte).
        And it finishes what another process's erasure could not: emptying the journal
        while somebody was reading.

        Returns:
            How many address keys were forgotten.
        """
        limit = micros(before)
        forgotten = 0
        # In pieces, so that comments arriving meanwhile do not wait for all of it.
        for old, forget in (
            (sql.OLD_ADDRESS, sql.FORGET_ADDRESSES),
            (sql.OLD_REPORTER, sql.FORGET_REPORTERS),
        ):
            while self._database.one(old, before=limit) is not None:
                number = self._forget(forget[self.dialect], limit)
                forgotten += number
                if not number:
                    # What is left another node has in hand just now; the next time.
                    break

        def work(hand: Hand) -> None:
            hand.run(sql.FORGET_SESSIONS, before=limit)
            hand.run(sql.FORGET_LINKS, before=limit)
            hand.run(sql.FORGET_ATTEMPTS, before=limit)
            hand.run(sql.FORGET_DOORWAYS, before=limit)
            hand.run(sql.FORGET_CLAIMS, before=limit)
            # Both are forgotten with the next of their kind; after a flood, none may come.
            hand.run(sql.FORGET_SENDINGS[self.dialect], since=limit)
            hand.run(sql.FORGET_PROOFS[self.dialect], at=limit)
            # What somebody was shown within a week is told to them, however soon addresses are forgotten.
            hand.run(sql.FORGET_EXPOSURES, before=limit - 7 * _DAY)

        self._writer.write(work)
        if (
            self._database.one(sql.STALE) is not None
            # Also where the clock went back.
            and abs(limit - int(_first(self._database.one(sql.REWRITTEN)))) >= _DAY
        ):
            self._writer.write(
                lambda hand: hand.run(sql.NOW_REWRITTEN, at=str(limit)), scrub=True, large=True
            )
        if self._database.one(sql.JOURNAL_STALE) is not None:
            self._writer.write(lambda _hand: None, scrub=True)
        if forgotten:
            self._lately.forget()
        return forgotten

    def keep_months(self, at: datetime) -> None:
        """
        Where the tables are divided by month, make the parts of the months to come.

        Raises:
            StoreUnavailable: the database failed.
        """
        months.keep(self._database, at)

    def months_ahead(self, at: datetime) -> str:
        """
        Whether there are parts for the months to come, for the operator.

        Raises:
            BadSchema: there are not; says what to do.
            StoreUnavailable: the database did not answer.
        """
        return months.ahead(self._database, at)

    def _forget(self, statement: str, before: int) -> int:
        # Apart, so that no comment's row is kept from those who number while they hold the counter.
        return self._writer.write(
            lambda hand: int(_first(hand.apart(statement, before=before, limit=_FORGET_AT_ONCE))), scrub=True
        )

    # -- audits -------------------------------------------------------------

    def audit(self, id: str) -> Audit | None:
        """The audit that a comment was drawn for; None if it was not."""
        row = self._database.one(sql.AUDIT, id=id)
        if row is None:
            return None
        seq, verdict, rules, language, answer = row
        return Audit(
            seq, Verdict(verdict), _listed(rules), language, None if answer is None else Verdict(answer)
        )

    def audits(self, limit: int) -> tuple[str, ...]:
        """Ids of comments whose machine decision waits for a person's blind one, oldest first."""
        return tuple(row[0] for row in self._database.all(sql.AUDITS, limit=_limit(limit)))

    def audits_count(self) -> int:
        """How many there are of `audits`."""
        count: int = _first(self._database.one(sql.AUDITS_COUNT))
        return count

    def confirm(self, id: str, verdict: Verdict, rules: Sequence[str], *, by: str, at: datetime) -> None:
        """
        Answer an audit by the machine's own verdict: nothing changes but that a person agreed.

        Raises:
            NotFound: the comment waits for no audit, or its words are gone.
            AlreadyDecided: somebody decided meanwhile.
        """
        answered_at = micros(at)

        def work(hand: Hand) -> None:
            before = _deciding(hand, id)
            row = None if before is None else hand.one(sql.AUDIT, id=id)
            if before is None or row is None or before.escalated:
                raise NotFound("This comment waits for no audit.", fields=("id",))
            if before.withdrawn_at is not None or before.erased_at is not None:
                raise NotFound("This comment was withdrawn or erased; there is nothing to decide.")
            if row[4] is not None or before.seq != row[0]:
                raise _already_decided(hand, before)
            _answer(hand, before.number, verdict, tuple(rules), by, answered_at)
            enter(hand, answered_at, by, "audit-agreed", id, verdict=verdict.value, rules=list(rules))

        self._writer.write(work)

    def audited(self, language: str, calibration: str) -> tuple[Audited, ...]:
        """Every answered audit of a language under one calibration, in the order the comments were received."""
        return tuple(
            Audited(Verdict(verdict), _listed(rules), Verdict(answer), _listed(breached))
            for verdict, rules, answer, breached in self._database.all(
                sql.AUDITED, language=language, calibration=calibration
            )
        )

    # -- second looks -------------------------------------------------------

    def seconds(self, name: str, limit: int) -> tuple[str, ...]:
        """Ids of comments that wait for a second look by this person: never one at their own decision."""
        return tuple(row[0] for row in self._database.all(sql.SECONDS, name=name, limit=_limit(limit)))

    def seconds_count(self, name: str) -> int:
        """How many there are of `seconds`."""
        counted: int = _first(self._database.one(sql.SECONDS_COUNT, name=name))
        return counted

    def awaits_second(self, id: str, name: str) -> bool:
        """Whether a comment waits for a second look by this person."""
        return self._database.one(sql.SECOND, id=id, name=name) is not None

    def answer_second(
        self, id: str, verdict: Verdict, rules: Sequence[str], *, by: str, at: datetime
    ) -> LookedTwice:
        """
        Keep what another person found; the decision stays as it was.

        Returns:
            Both looks, now that they are made.

        Raises:
            NotFound: the comment waits for no second look by this person.
        """

        def work(hand: Hand) -> LookedTwice:
            row = None
            if is_exact(id):
                hand.lock_comment(id)
                row = hand.one(sql.SECOND, id=id, name=by)
            if row is None:
                raise NotFound("This comment waits for no second look of yours.", fields=("id",))
            number, seq, actor = row
            hand.run(
                sql.ANSWER_SECOND,
                comment=number,
                seq=seq,
                answer=verdict.value,
                breached=",".join(rules),
                name=by,
                at=micros(at),
            )
            enter(hand, micros(at), by, "looked-again", id, verdict=verdict.value, rules=list(rules))
            settled = [_settled_of(one) for one in hand.all(sql.DECISIONS, id=id)]
            first = next(one.decision for one in settled if one.seq == seq)
            return LookedTwice(id, actor, _rules_of(first), by, tuple(rules))

        return self._writer.write(work)

    def looked_twice(self, *, since: datetime, limit: int = 10_000) -> tuple[LookedTwice, ...]:
        """What two people decided each without the other since then, the latest first."""
        return tuple(
            LookedTwice(
                id,
                actor,
                tuple(dict.fromkeys(reason.rule for reason in _reasons_of(reasons))),
                second,
                _listed(breached),
            )
            for actor, _, reasons, second, _, breached, id in self._database.all(
                sql.LOOKED_TWICE, since=micros(since), limit=_limit(limit)
            )
        )

    def withdraw_machine(
        self, language: str, rule: str, calibration: str, *, wrong: int, audits: int, at: datetime
    ) -> None:
        """Keep that the machine no longer decides something in a language; again changes nothing."""
        when = micros(at)

        def work(hand: Hand) -> None:
            withdrawn = hand.run(
                sql.WITHDRAW_MACHINE,
                language=language,
                rule=rule,
                calibration=calibration,
                wrong=wrong,
                audits=audits,
                at=when,
            )
            if withdrawn:
                told = {"language": language, "rule": rule, "wrong": wrong, "audits": audits}
                key = f"machine-{language}-{rule}-{when}".replace(".", "-")
                announce(hand, "machine.withdrawn", "", key, when, told)

        self._writer.write(work)

    def withdrawals(self) -> tuple[Withdrawal, ...]:
        """Everything the machine was ever withdrawn from, first to last."""
        return tuple(
            Withdrawal(language, rule, calibration, wrong, audits, time_of(at))
            for language, rule, calibration, wrong, audits, at in self._database.all(sql.WITHDRAWALS)
        )

    def decided(self, *, after: int, limit: int) -> tuple[DecidedRow, ...]:
        """Decisions with a leaf above `after`, in order; those of erased and escalated comments are left out."""
        return tuple(
            DecidedRow(
                leaf,
                id,
                language,
                DecidedBy(decided_by),
                Verdict(verdict),
                tuple(dict.fromkeys(reason.rule for reason in _reasons_of(reasons))),
                bool(drawn),
                None if answer is None else Verdict(answer),
                _listed(breached),
            )
            for leaf, id, language, decided_by, verdict, reasons, answer, breached, drawn in self._database.all(
                sql.DECIDED, after=_bounded(after), limit=_limit(limit)
            )
        )

    # -- one comment --------------------------------------------------------

    def comment(self, id: str) -> Comment | None:
        """A comment as it stands, whatever its status; None if it was never received."""
        row = self._database.one(sql.COMMENT, id=id)
        return None if row is None else _comment_of(row)

    def commitment(self, id: str) -> bytes | None:
        """The 32 bytes that bind a comment's words; they outlive the words."""
        row = self._database.one(sql.COMMITMENT, id=id)
        return None if row is None else bytes(row[0])

    def words_proof(self, id: str) -> tuple[bytes, bytes] | None:
        """Salt and commitment of a comment's words; None once erased."""
        row = self._database.one(sql.PROOF, id=id)
        return None if row is None else (bytes(row[0]), bytes(row[1]))

    def evidence(self, id: str) -> Evidence | None:
        """The latest evidence; None before judging and after erasure."""
        row = self._database.one(sql.EVIDENCE, id=id)
        return None if row is None else _evidence_of(row[0])

    def decisions(self, id: str) -> tuple[Settled, ...]:
        """Every decision on a comment, first to current."""
        return tuple(_settled_of(row) for row in self._database.all(sql.DECISIONS, id=id))

    def appeals(self, id: str) -> tuple[Appeal, ...]:
        """Every appeal its author made, oldest first."""
        return tuple(
            Appeal(seq=seq, at=time_of(at), words=words, open=bool(stands))
            for seq, at, words, stands in self._database.all(sql.APPEALS, id=id)
        )

    def reports(self, id: str) -> Reports | None:
        """What readers reported of a comment; None where nobody did. Of their words, the first hundred."""
        counted = self._database.all(sql.REPORTS, id=id)
        if not counted:
            return None
        words = self._database.all(sql.REPORTS_WORDS, id=id, limit=_REPORTS_READ)
        return Reports(
            rules=tuple((rule, number) for rule, is_open, number in counted if is_open),
            words=tuple((rule, said) for rule, said in words),
            closed=sum(number for _, is_open, number in counted if not is_open),
        )

    def escalations(self, id: str) -> tuple[Escalation, ...]:
        """Who was told of a comment, oldest first."""
        return tuple(
            Escalation(kind=kind, told=told, by=actor, at=time_of(at))
            for kind, told, actor, at in self._database.all(sql.ESCALATIONS, id=id)
        )

    # -- stories and their readers ------------------------------------------

    def story(self, url: str) -> Story | None:
        row = self._database.one(sql.STORY, url=url)
        return None if row is None else _story_of(row)

    def story_of_late(self, url: str) -> Story | None:
        """
        A story as it is, for whoever sends to it. Where one process serves, perhaps as it was a moment ago (FRESH_S), but
        never as it was before a change that this process made.
        """
        if self.dialect != "sqlite":
            return self.story(url)
        now = time.monotonic()
        found = self._stories.get(url)
        if found is None or found[0] < now:
            if len(self._stories) >= STORIES_KEPT:
                self._stories.clear()
            story = self.story(url)
            if story is None:
                # It is made with the first comment on it, which the next one has to find.
                return None
            found = self._stories[url] = (now + FRESH_S, story)
        return found[1]

    def upsert_story(
        self,
        url: str,
        *,
        title: str | None,
        text: str | None,
        language: str | None,
        open: bool,
        closes_at: datetime | None,
        mode: str | None,
        at: datetime,
        by: str = OPERATOR,
    ) -> Story:
        """Register a story, or replace what was registered of it; its other states stay."""
        told = {
            "title": title,
            "text": text,
            "language": language,
            "open": open,
            "closes_at": closes_at,
            "mode": mode,
        }
        return self.change_story(url, told, at=at, by=by)

    def change_story(
        self,
        url: str,
        changed: Mapping[str, Any],
        *,
        at: datetime,
        by: str,
        check: Callable[[Story], None] = lambda _: None,
    ) -> Story:
        """
        Change what the newsroom says of a story, which is registered with it if it was not known.

        A difference that readers can see is a change; which fields differ is a line of the journal, without their words.

        Args:
            changed: fields of STORY_FIELDS and what they are from now on; the others stay as they are at that moment.
            check: may refuse what the story would become; then nothing is kept.
        """
        for field in ("title", "text", "language", "closed_reason", "guests", "question"):
            check_text(field, changed.get(field))
        check_text("url", url)
        when = micros(at)

        def work(hand: Hand) -> Story:
            id = hand.story(url)
            hand.lock_key("story", url, once=True)
            before = _story_of(_present(hand.one(sql.STORY, url=url)))
            after = replace(before, **changed)
            check(after)
            differing = [name for name in STORY_FIELDS if getattr(before, name) != getattr(after, name)]
            if not differing:
                return before
            hand.later(
                sql.SET_STORY,
                id=id,
                title=after.title,
                text=after.text,
                language=after.language,
                open=int(after.open),
                closes_at=None if after.closes_at is None else micros(after.closes_at),
                mode=after.mode,
                opens_at=None if after.opens_at is None else micros(after.opens_at),
                closed_reason=after.closed_reason,
                guests=after.guests,
                question=after.question,
            )
            enter(hand, when, by, "story-changed", url, fields=differing)
            if not _UNSEEN.issuperset(differing):
                hand.changed(id)
                return replace(after, revision=before.revision + 1)
            return after

        story = self._writer.write(work)
        self._stories.pop(url, None)
        return story

    def stories(
        self, like: str, *, since: datetime, limit: int, before: int | None = None
    ) -> tuple[tuple[StoryLine, ...], int | None]:
        """
        Stories whose address or title holds what was typed, the newest first; without it the busiest, then the newest.

        Args:
            since: from when on comments are counted as sent lately.

        Returns:
            The lines, and what to give as `before` for those after them; None at the end.
        """
        first = before is None
        given = {"since": micros(since), "before": _LARGEST if before is None else _bounded(before)}
        more = _limit(limit) + 1
        with self._database.reading(snapshot=True) as hand:
            if like:
                escaped = re.sub(r"([!%_])", r"!\1", like) if is_exact(like) else ""
                rows = hand.all(sql.STORIES_FOUND, like=f"%{escaped}%", limit=more, **given)
            else:
                rows = hand.all(sql.STORIES_NEW, limit=more, **given)
            busy = (
                hand.all(sql.STORIES_BUSY, since=given["since"], limit=_limit(limit))
                if first and not like
                else []
            )
        further = rows[limit - 1][0] if len(rows) > limit else None
        seen = {row[0] for row in busy}
        lines = [*busy, *(row for row in rows[:limit] if row[0] not in seen)]
        return tuple(StoryLine(_story_of(row[:-2]), row[-2], row[-1]) for row in lines), further

    def pick(self, id: str, *, picked: bool, by: str, at: datetime) -> bool:
        """
        Choose a comment that readers see, or take that back. It ends by itself when the comment is no longer shown.

        Returns:
            Whether that changed anything.

        Raises:
            NotFound: readers do not see such a comment.
        """
        when = micros(at)

        def work(hand: Hand) -> bool:
            before = _deciding(hand, id)
            if before is None or before.showing != SHOWN:
                raise NotFound("Only a comment that readers see can be chosen.", fields=("id",))
            if not (
                hand.run(sql.PICK, number=before.number, at=when, actor=by)
                if picked
                else hand.run(sql.END_PICK, number=before.number)
            ):
                return False
            hand.picks(before.story, 1 if picked else -1)
            enter(hand, when, by, "picked" if picked else "pick-ended", id)
            hand.changed(before.story)
            return True

        return self._writer.write(work)

    def picks(self, url: str, *, limit: int) -> Page:
        """The comments of a story that the editors chose, the newest first, as `page` has them; `count` is of the whole story."""

        def read(hand: Hand) -> Page:
            found = hand.one(sql.STORY_SHOWN, url=url) if is_exact(url) else None
            if found is None:
                return Page(story=None, comments=(), count=0, next=None)
            rows = hand.all(sql.PAGE_PICKED, story=found[0], limit=_limit(limit))
            return Page(_story_of(found[:-1]), tuple(_shown_of(row, url) for row in rows), found[-1], None)

        return self._read_shown(read)

    def page(self, url: str, *, sort: str, after: str | None, limit: int) -> Page:
        """
        What readers see on a story: approved, not withdrawn, not erased, not escalated.

        A withdrawn or erased comment with replies that are shown stands in its
        place as a tombstone, `name` and `text` None. E-mail is never read here.

        Args:
            sort: by time of submission, "oldest" or "newest" first; or "replied", those with the most
                replies first, and of as many the newest.
            after: the `next` of an earlier page in the same order, or None.
            limit: comments and tombstones at most, from 1.

        Raises:
            Malformed: another order, or a cursor that no page of this order gave.
        """
        check_sort(sort)
        statement, following = _PAGES[sort]
        parameters = {}
        if after is not None:
            statement, parameters = following, _after(_position_of(after, sort))
        if not is_exact(url):
            return Page(story=None, comments=(), count=0, next=None)

        def read(hand: Hand) -> tuple[Row, list[Row]] | None:
            found = hand.one(sql.STORY_SHOWN, url=url)
            if found is None:
                return None
            return found, hand.all(statement, story=found[0], limit=_limit(limit) + 1, **parameters)

        seen = self._read_shown(read)
        if seen is None:
            return Page(story=None, comments=(), count=0, next=None)
        found, rows = seen
        more = len(rows) > limit
        del rows[limit:]
        return Page(
            story=_story_of(found[:-1]),
            comments=tuple(_shown_of(row, url) for row in rows),
            count=found[-1],
            next=_cursor_of(sort, rows[-1][_REPLIES if sort == "replied" else 1], rows[-1][0])
            if more
            else None,
        )

    def thread(
        self,
        url: str,
        *,
        sort: str,
        after: str | None = None,
        at: str | None = None,
        branch: str | None = None,
    ) -> Thread:
        """
        What readers see on a story, by branches: whole ones, of the last one on a page as many replies as fit.

        At most BRANCHES_ON_A_PAGE of them and COMMENTS_ON_A_PAGE comments and tombstones. What `page` says of these
        is true here too.

        Args:
            sort: by the time of what begins a branch, "oldest" or "newest" first; or "replied", those with
                the most comments first. Replies stand in the order in which they came.
            after: the `next` of an earlier page in the same order, or of a branch if `branch` is given; or None.
            at: the id of a comment: the page on which it stands. `after` and `branch` count for nothing then.
            branch: the id of what begins a branch: of this branch only.

        Raises:
            Malformed: another order, or a cursor that no page of this order, or of this branch, gave.
            NotFound: readers do not see the comment `at`, or anything of this `branch`, on this story.
        """
        check_sort(sort)
        position = None
        if after is not None and at is None:
            position = _position_of(after, "Branch" if branch is not None else sort.capitalize())
        nothing = Thread(None, (), 0, None)

        def read(hand: Hand) -> Thread:
            found = hand.one(sql.STORY_SHOWN, url=url) if is_exact(url) else None
            if at is not None:
                return self._at(hand, found, sort, _seen(hand, found, at))
            if branch is not None:
                top = _seen(hand, found, branch, branch=True)
                if position is not None and position[0] != top.number:
                    raise _no_cursor()
                return self._rest(hand, _present(found), top.number, 0 if position is None else position[1])
            return nothing if found is None else self._branches(hand, found, sort, position)

        return self._read_shown(read)

    def _branches(self, hand: Hand, found: Row, sort: str, position: tuple[int, int] | None) -> Thread:
        """A page of branches, after a position in their order."""
        statement, following = _BRANCHES[sort]
        parameters = {}
        if position is not None:
            statement, parameters = following, _after(position)
        rows = hand.all(statement, story=found[0], limit=BRANCHES_ON_A_PAGE + 1, **parameters)
        left, on_page, whole = COMMENTS_ON_A_PAGE, rows[:BRANCHES_ON_A_PAGE], []
        for number, row in enumerate(on_page):
            if left <= 0:
                del on_page[number:]
                break
            # How much there is of it is known before it is read.
            left -= row[-1]
            if left >= 0 and _below(row):
                whole.append(row[0])
        replies: dict[int, list[Row]] = {number: [] for number in whole}
        if whole:
            for row in hand.all(sql.BRANCHES_WHOLE, **sql.whole(whole)):
                replies[row[-1]].append(row)
        url = found[1]
        branches = [_branch_of(row, sorted(replies.get(row[0], ())), url, more=False) for row in on_page]
        if left < 0:
            # Only the last one: what is left below zero is what does not fit of it.
            cut = on_page[-1]
            fits = _below(cut) + left
            some = hand.all(sql.BRANCH_AFTER, root=cut[0], number=cut[0], limit=fits) if fits else []
            branches[-1] = _branch_of(cut, some, url, more=True)
        last = on_page[-1] if len(on_page) < len(rows) else None
        at = {"replied": -1}.get(sort, 1)
        return Thread(
            story=_story_of(found[:-1]),
            branches=tuple(branches),
            count=found[-1],
            next=None if last is None else _cursor_of(sort.capitalize(), last[at], last[0]),
            at_start=position is None,
        )

    def _at(self, hand: Hand, found: Row | None, sort: str, sought: _Standing) -> Thread:
        """The page on which a comment stands: the first one if it does there, else one that begins with its branch."""
        found = _present(found)
        first = self._branches(hand, found, sort, None)
        if any(comment.id == sought.id for comment in first.comments):
            return first
        number, submitted_at, comments = _present(hand.one(sql.TOP_OF, number=sought.top))
        if sought.root is not None:
            before = hand.one(sql.BRANCH_BEFORE, root=number, number=sought.number, limit=COMMENTS_ON_A_PAGE)
            if _first(before) >= COMMENTS_ON_A_PAGE - 1:
                return self._rest(hand, found, number, sought.number - 1)
        # Of whole numbers, the one beside it: so the page begins with the branch, not after it.
        beside = number - 1 if sort == "oldest" else number + 1
        return self._branches(hand, found, sort, (comments if sort == "replied" else submitted_at, beside))

    def _rest(self, hand: Hand, found: Row, top: int, number: int) -> Thread:
        """One branch: what begins it, and its replies after a number."""
        row = _present(hand.one(sql.BRANCH, story=found[0], number=top))
        fits = COMMENTS_ON_A_PAGE - (row[_SHOWING] != HIDDEN)
        some = hand.all(sql.BRANCH_AFTER, root=top, number=number, limit=fits + 1)
        more = len(some) > fits
        del some[fits:]
        branch = _branch_of(row, some, found[1], more=more)
        return Thread(_story_of(found[:-1]), (branch,), found[-1], None, at_start=False)

    def counts(self, urls: Iterable[str]) -> dict[str, int]:
        """How many comments readers see on each story; 0 for a URL that is not known."""
        asked = tuple(urls)
        found = self._read_shown(
            lambda hand: {url: hand.one(sql.SHOWN, url=url) if is_exact(url) else None for url in asked}
        )
        return {url: 0 if row is None else _first(row) for url, row in found.items()}

    def announced(self, urls: Iterable[str]) -> dict[str, Announced]:
        """How each story stands for its readers; nothing and revision 0 for a URL that is not known."""
        asked = tuple(urls)
        found = self._read_shown(
            lambda hand: {url: hand.one(sql.ANNOUNCED, url=url) if is_exact(url) else None for url in asked}
        )
        return {url: Announced() if row is None else Announced(*row) for url, row in found.items()}

    def latest(self, *, limit: int, url: str | None = None) -> Latest:
        """
        The comments that readers see and that are newest: of one story by submission, of all by approval.

        E-mail is never read here.
        """
        if url is None:
            rows = self._read_shown(lambda hand: hand.all(sql.LATEST_SHOWN, limit=_limit(limit)))
            stories = {
                row[-3]: Story(id=row[-4], url=row[-3], title=row[-2], language=row[-1]) for row in rows
            }
            return Latest(tuple(_shown_of(row[:-4], row[-3]) for row in rows), stories)

        def read(hand: Hand) -> Latest:
            found = hand.one(sql.STORY, url=url) if is_exact(url) else None
            if found is None:
                return Latest((), {})
            rows = hand.all(sql.LATEST_SHOWN_ON, story=found[0], limit=_limit(limit))
            return Latest(tuple(_shown_of(row, url) for row in rows), {url: _story_of(found)})

        return self._read_shown(read)

    def changes(self, since: int) -> tuple[int, tuple[str, ...]]:
        """
        The latest change number, and the stories that readers see otherwise than after change `since`.

        Numbers grow in the order of commits: what is not in an answer has a
        number above that answer's latest.
        """
        # Never from a replica. Mostly nothing has changed, which one question tells.
        latest: int = _first(self._database.one(sql.LATEST_CHANGE))
        changed: tuple[str, ...] = ()
        if latest > since:
            with self._database.reading(snapshot=True) as hand:
                latest = _first(hand.one(sql.LATEST_CHANGE))
                changed = tuple(row[0] for row in hand.all(sql.CHANGED_SINCE, since=_bounded(since)))
        self._known = latest
        return latest, changed

    # -- the queue ----------------------------------------------------------

    def held(
        self, *, after: str | None, limit: int, newest: bool = False
    ) -> tuple[tuple[Comment, ...], str | None]:
        """
        The moderators' queue: what is held, judged or not, rejections under appeal, and what readers reported.

        A rejection under appeal has Hold.APPEAL among its `holds`, an approved comment that was reported Hold.REPORT.

        Returns:
            The comments, oldest submission first (or newest), and the next cursor.

        Raises:
            Malformed: a cursor that no answer in this order gave.
        """
        sort = "newest" if newest else "oldest"
        if after is None:
            statement = sql.QUEUE_NEWEST if newest else sql.QUEUE_OLDEST
            rows = self._database.all(statement, limit=_limit(limit) + 1)
        else:
            at, number = _position_of(after, sort)
            statement = sql.QUEUE_NEWEST_AFTER if newest else sql.QUEUE_OLDEST_AFTER
            rows = self._database.all(statement, limit=_limit(limit) + 1, at=at, number=number)
        more = len(rows) > limit
        del rows[limit:]
        comments = tuple(_comment_of(row[1:-1]) for row in rows)
        return comments, _cursor_of(sort, rows[-1][7], rows[-1][0]) if more else None

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
        What waits for a person, as the desk goes through it.

        Args:
            order: "pressing" first (the earlier the more uncertain and the more read the story), "oldest" or "newest".
            after: the cursor of an earlier answer in this order.
            why: only what waits for this reason, among others perhaps.
            others: languages that are assigned to others, and left out.

        Raises:
            Malformed: another order, or a cursor that no answer in this order gave.
        """
        if order not in _QUEUES:
            raise Malformed("Order by 'pressing', 'oldest' or 'newest'.", fields=("order",))
        first = (_LARGEST, _LARGEST) if order == "newest" else (-_LARGEST, -_LARGEST)
        at, number = first if after is None else _position_of(after, order)
        rows = self._database.all(
            _QUEUES[order],
            at=at,
            number=number,
            why="" if why is None else why.value,
            others=" ".join(others),
            limit=_limit(limit) + 1,
        )
        more = len(rows) > limit
        del rows[limit:]
        comments = tuple(_comment_of(row[1:-1]) for row in rows)
        if not more:
            return comments, None
        return comments, _cursor_of(order, rows[-1][-1] if order == "pressing" else rows[-1][7], rows[-1][0])

    # -- news for the desk --------------------------------------------------

    def pulse(self, at: datetime) -> Pulse:
        """
        What is another value whenever there may be news for the desk: something was received, judged, decided, withdrawn,
        erased or escalated, somebody looks at another comment, somebody's session or role changed. Not an appeal.
        """
        with self._database.reading() as hand:
            numbers = _present(hand.one(sql.PULSE))
            claims = hand.all(sql.CLAIMS, at=micros(at))
        return Pulse(
            tuple(numbers), tuple(Claim(id, name, time_of(since)) for id, name, since in sorted(claims))
        )

    def tally(self) -> Tally:
        """How many comments wait for a person, by language and reasons."""
        return Tally(tuple(_waits_of(*row) for row in self._database.all(sql.QUEUE_TALLY)))

    def newest(self) -> int:
        """The number of the comment that was received last; 0 before the first."""
        newest: int = _first(self._database.one(sql.NEWEST))
        return newest

    def news(self, *, since: int, about: Iterable[str]) -> News:
        """
        How the desk stands now.

        Args:
            since: which comments are new: those with a greater number, of the last LATEST.
            about: ids of the comments somebody has before them.
        """
        with self._database.reading(snapshot=True) as hand:
            newest: int = _first(hand.one(sql.NEWEST))
            arrived = hand.all(sql.ARRIVED, since=max(_bounded(since), newest - LATEST))
            became = {id: hand.one(sql.BECAME, id=id) for id in about if is_exact(id)}
            tally = hand.all(sql.QUEUE_TALLY)
        return News(
            Tally(tuple(_waits_of(*row) for row in tally)),
            tuple(_waits_of(language, holds, number) for number, language, holds in arrived),
            {id: _became_of(row) for id, row in became.items() if row is not None},
        )

    # -- who is looking -----------------------------------------------------

    def claim(self, id: str, moderator: str, at: datetime, *, until: datetime) -> None:
        """Keep that somebody has a comment before them; does nothing while somebody else has."""
        if not is_exact(id):
            return
        self._writer.write(
            lambda hand: hand.run(sql.CLAIM, id=id, name=moderator, at=micros(at), expires_at=micros(until))
        )

    def let_go(self, id: str, moderator: str) -> None:
        """End somebody's own claim; another's stays."""
        if is_exact(id):
            self._writer.write(lambda hand: hand.run(sql.LET_GO, id=id, name=moderator))

    def claims(self, at: datetime) -> dict[str, Claim]:
        """Who has which comment before them now, by the comment's id."""
        return {
            id: Claim(id, moderator, time_of(since))
            for id, moderator, since in self._database.all(sql.CLAIMS, at=micros(at))
        }

    def figures(self, since: datetime, until: datetime) -> Figures:
        """What came and what was decided from `since` on and before `until`; see store/figures."""
        return figures_of(self._database, since, until)

    # -- care ---------------------------------------------------------------

    def expose(self, id: str, moderator: str, label: str, at: datetime) -> None:
        """Keep that somebody was shown severe words; the same comment again counts once."""
        if is_exact(id):
            self._writer.write(
                lambda hand: hand.run(sql.EXPOSE, id=id, name=moderator, label=label, at=micros(at))
            )

    def exposed(self, id: str, moderator: str) -> bool:
        """Whether they were shown this comment's words before."""
        return self._database.one(sql.EXPOSED, id=id, name=moderator) is not None

    def exposures(self, moderator: str, *, since: datetime) -> dict[str, int]:
        """How many severe comments somebody was shown since then, by what they were severe for."""
        return dict(self._database.all(sql.EXPOSURES, name=moderator, since=micros(since)))

    def at_work(self, moderator: str, *, since: datetime) -> tuple[datetime, ...]:
        """When somebody decided since then, the latest first; the last two thousand times at most."""
        return tuple(
            time_of(row[0]) for row in self._database.all(sql.AT_WORK, name=moderator, since=micros(since))
        )

    # -- authors ------------------------------------------------------------

    def record(self, id: str, at: datetime) -> Record | None:
        """How the other comments of a comment's author stand that came before it; None where its author is not known any more."""
        key = self._database.one(sql.AUTHOR, id=id)
        before = self._database.one(sql.RECORD_BEFORE, id=id)
        if key is None or before is None:
            return None
        counted, since = {}, None
        for status, number, first in self._database.all(sql.RECORD, author_key=key[0], before=before[0]):
            counted[status] = number
            since = first if since is None else min(since, first)
        return Record(
            approved=counted.get(Status.APPROVED.value, 0),
            rejected=counted.get(Status.REJECTED.value, 0),
            held=counted.get(Status.HELD.value, 0),
            since=time_or_none(since),
            block=self.blocked(key[0], at),
        )

    def blocked(self, author_key: str, at: datetime) -> Block | None:
        """The block that stands against an author now; of another process on SQLite, from FRESH_S after it was made."""
        if time.monotonic() < self._unblocked_until:
            return None
        row = self._database.one(sql.BLOCKED, author_key=author_key, at=micros(at))
        if row is None:
            # Mostly nobody is blocked at all, and then nobody has to be looked for.
            if self.dialect == "sqlite" and self._database.one(sql.ANYBODY_BLOCKED) is None:
                self._unblocked_until = time.monotonic() + FRESH_S
            return None
        begun, by, reason, until = row
        return Block(time_of(begun), by, reason, time_or_none(until))

    def block(self, id: str, *, by: str, reason: str, until: datetime | None, at: datetime) -> None:
        """
        Take no more comments of a comment's author.

        Raises:
            NotFound: no such comment, or its author is not known any more.
        """
        check_text("reason", reason)

        def work(hand: Hand) -> None:
            key = None if not is_exact(id) else hand.one(sql.AUTHOR, id=id)
            if key is None:
                raise NotFound("The author of this comment is not known any more.")
            hand.lock_key("author", key[0])
            hand.run(sql.LIFT, author_key=key[0], at=micros(at), actor=by)
            hand.run(
                sql.BLOCK,
                author_key=key[0],
                at=micros(at),
                actor=by,
                reason=reason,
                until=None if until is None else micros(until),
            )
            end = None if until is None else until.isoformat()
            enter(hand, micros(at), by, "author-blocked", id, until=end)

        self._writer.write(work)
        self._unblocked_until = 0.0

    def unblock(self, id: str, *, by: str, at: datetime) -> None:
        """
        Take an author's comments again.

        Raises:
            NotFound: no block stands against the author of this comment.
        """

        def work(hand: Hand) -> None:
            key = None if not is_exact(id) else hand.one(sql.AUTHOR, id=id)
            if key is None or not hand.run(sql.LIFT, author_key=key[0], at=micros(at), actor=by):
                raise NotFound("No block stands against the author of this comment.")
            enter(hand, micros(at), by, "author-unblocked", id)

        self._writer.write(work)

    # -- finding ------------------------------------------------------------

    def find(
        self, sought: Sought, *, limit: int, before: int | None = None
    ) -> tuple[tuple[str, ...], int | None]:
        """
        Ids of the comments that are sought, waiting and decided ones alike, the newest first.

        Escalated ones are never found; erased ones are, but not by their words.

        Returns:
            The ids, and what to give as `before` for those after them; None at the end.
        """
        given: dict[str, Any] = {
            "words": _match_of(sought.words, self.dialect) if sought.words else None,
            "story": sought.story,
            "author": sought.author,
            "language": sought.language,
            "status": None if sought.status is None else sought.status.value,
            "by": sought.by,
            "rule": sought.rule,
            "since": None if sought.since is None else micros(sought.since),
            "until": None if sought.until is None else micros(sought.until),
        }
        given = {name: value for name, value in given.items() if value is not None}
        names = frozenset([*given, *(["reported"] if sought.reported else [])])
        rows = self._database.all(
            sql.find(self.dialect, names, rare=self._is_rare(given.get("words"))),
            before=_LARGEST if before is None else _bounded(before),
            limit=_limit(limit) + 1,
            **given,
        )
        more = len(rows) > limit
        del rows[limit:]
        return tuple(row[0] for row in rows), rows[-1][1] if more else None

    def _is_rare(self, match: str | None) -> bool:
        """Whether hardly any of the latest comments has such words; asked where the database cannot tell by itself."""
        if match is None or self.dialect != "postgresql":
            return False
        seen: int = _first(self._database.one(sql.SEEN_LATELY, latest=LATELY, words=match))
        return seen < RARE_UP_TO

    def held_count(self) -> int:
        """How long the queue of `held` is."""
        count: int = _first(self._database.one(sql.QUEUE_COUNT))
        return count

    def take_up(
        self, limit: int, *, before: datetime, after: datetime | None = None, at: datetime, until: datetime
    ) -> tuple[str, ...]:
        """
        Take held comments that no judging has reached, oldest first: those submitted before then, or after the other, and
        those left to whoever comes. Until `until` nobody else is given them, on any node; then, if nothing came of it,
        they are again.

        Returns:
            Their ids.
        """
        asked = {
            "before": micros(before),
            "after": micros(after) if after else _LARGEST,
            "at": micros(at),
            "ahead": micros(at + NEVER_TAKEN_FOR),
            "limit": _limit(limit),
        }
        # Asked without writing first: mostly there are none.
        if not self._database.all(sql.UNJUDGED, **{**asked, "limit": 1}):
            return ()

        def work(hand: Hand) -> tuple[str, ...]:
            rows = hand.all(sql.UNJUDGED_NOW[self.dialect], **asked)
            return tuple(
                id
                for number, id in rows
                if hand.run(
                    sql.TAKE_UP, comment=number, until=micros(until), at=asked["at"], ahead=asked["ahead"]
                )
            )

        return self._writer.write(work)

    def leave(self, id: str) -> None:
        """Let whoever comes first take a comment up that has not been judged, however young it is."""
        if is_exact(id):
            self._writer.write(lambda hand: hand.run(sql.LEAVE, comment=_present_standing(hand, id).number))

    def free_all(self) -> None:
        """Nobody has anything in hand: for a server that starts and is alone."""
        self._writer.write(lambda hand: hand.run(sql.FREE_JUDGING))

    def tidy(self, at: datetime) -> None:
        """Forget who took up what has been judged, and whoever has not been fast of late."""
        self._writer.write(lambda hand: hand.run(sql.FORGET_JUDGING, at=micros(at)))
        self.pacing.forget()

    def recently_decided(self, limit: int) -> tuple[str, ...]:
        """Ids of the comments decided last, newest first; erased and escalated ones are left out."""
        return tuple(row[0] for row in self._database.all(sql.RECENTLY_DECIDED, limit=_limit(limit)))

    def history(
        self,
        *,
        story_url: str,
        fingerprint: str,
        since: datetime,
        story_since: datetime | None = None,
        besides: str | None = None,
    ) -> History:
        """
        What came before: each count stops at 1,000.

        Args:
            since: repeats of `fingerprint`, on any story, are counted from here.
            story_since: comments on the story are counted from here; None: from `since`.
            besides: the id of a comment not to count, the one being judged.
        """
        repeats, on_story = self._database.one(
            sql.CAME_BEFORE,
            fingerprint=fingerprint,
            since=micros(since),
            url=story_url,
            story_since=micros(since if story_since is None else story_since),
            besides=besides or "",
        ) or (0, 0)
        return History(repeats=repeats, on_story=on_story)

    def near(self, mine: bytes, *, since: datetime, until: datetime) -> int:
        """How many of what was sent within a time say nearly the same as this signature; of the latest `LIKENESSES_READ`."""
        begin, end = micros(since), micros(until)
        found = self._lately.near(mine, since=begin, until=end, most=LIKENESSES_READ)
        if found is None:
            rows = self._database.all(sql.LIKENESSES, since=begin, until=end, limit=LIKENESSES_READ)
            found = count_near(mine, [bytes(row[0]) for row in rows])
        return found

    def crowd(self, story: int | None, address_key: str, *, since: datetime, until: datetime) -> Crowd:
        """
        How many comments came within a time, on the site, on a story and from an address; counting stops at 2,000.

        Args:
            story: its id; None for one that nobody has commented on or registered.
        """
        begin, end, id = micros(since), micros(until), -1 if story is None else story
        found = self._lately.crowd(id, address_key, since=begin, until=end, most=CROWD_READ)
        if found is None:
            row = self._database.one(
                sql.CROWD, story=id, address_key=address_key, since=begin, until=end, limit=CROWD_READ
            )
            return Crowd(*map(int, _present(row)))
        return Crowd(*found)

    def on_story(self, url: str, *, since: datetime) -> int:
        """How many comments a story received since then; counting stops at 1,000."""
        # No row where the address is none that a story can have.
        row = self._database.one(sql.ON_STORY, url=url, since=micros(since))
        return 0 if row is None else int(row[0])

    def leaves(self, start: int, limit: int) -> list[tuple[int, bytes]]:
        """Leaves from number `start`, in order, without a gap."""
        rows = self._database.all(sql.LEAVES, start=_bounded(start), limit=_limit(limit))
        return [(number, bytes(body)) for number, body in rows]


# -- within a transaction ---------------------------------------------------


def _kept_then(then: Callable[[T | None, BaseException | None], None]) -> Then:
    """For what is known of a piece of work only once it is durable."""

    def told(result: Callable[[], T] | None, error: BaseException | None) -> None:
        known = None
        if result is not None:
            try:
                known = result()
            except Exception as raised:  # noqa: BLE001  (whoever is waiting has to be told something)
                error = raised
        then(known, error)

    return told


def _sent_before(one: Callable[..., Row | None], sending: Sending) -> Received | None:
    row = one(sql.SENT_BEFORE, key=sending.key, since=micros(sending.since))
    if row is None:
        return None
    id, leaf, words = row
    # Of an erased comment nobody knows the words any more; it is not sent anew by who kept its key.
    if words not in (None, sending.words):
        raise KeyReused(
            "This Idempotency-Key came with another comment before. Use a new one for each comment.",
            fields=("Idempotency-Key",),
        )
    return Received(id, leaf)


def _goes_stale(hand: Hand) -> None:
    # Only an SQLite file is written anew; on PostgreSQL it would be one row that all who erase wait for.
    if hand.dialect == "sqlite":
        hand.run(sql.NOW_STALE)


def _standing(hand: Hand, id: str) -> _Standing | None:
    row = None if not is_exact(id) else hand.one(sql.STANDING, id=id)
    return None if row is None else _Standing._make(row)


def _deciding(hand: Hand, id: str) -> _Standing | None:
    """Where a comment stands; until the commit nobody else decides upon it."""
    if not is_exact(id):
        return None
    hand.lock_comment(id)
    return _standing(hand, id)


def _above(hand: Hand, id: str) -> _Standing:
    """
    Where a comment stands whose replies change: so it stands until the commit.

    Of an ordinary one others may change the replies too, as what they do is added up. Where it could come to be a
    tombstone, or cease to, only one at a time looks whether anything below it is shown.
    """
    hand.lock_above(id)
    standing = _present_standing(hand, id)
    if standing.withdrawn_at is None and standing.erased_at is None:
        return standing
    hand.lock_comment(id)
    return _present_standing(hand, id)


def _present_standing(hand: Hand, id: str) -> _Standing:
    return _Standing._make(_present(hand.one(sql.STANDING, id=id)))


def _seen(hand: Hand, found: Row | None, id: str, *, branch: bool = False) -> _Standing:
    """Where a comment of this story stands that readers see; with `branch`, one that begins what they see."""
    standing = None if found is None else _standing(hand, id)
    here = standing is not None and found is not None and standing.story == found[0]
    if standing is None or not here:
        raise NotFound("There is no such comment on this story.")
    if branch:
        row = hand.one(sql.TOP_OF, number=standing.number)
        if standing.root is not None or not _present(row)[2]:
            raise NotFound("There is no such comment on this story.")
    elif standing.showing != SHOWN:
        raise NotFound("There is no such comment on this story.")
    return standing


def _escalated_now(hand: Hand, id: str) -> _Standing:
    """Where a comment under legal hold stands; NotFound for every other."""
    before = _deciding(hand, id)
    if before is None or not before.escalated:
        raise NotFound("No legal hold stands on such a comment.", fields=("id",))
    return before


def _hold(hand: Hand, before: _Standing) -> tuple[str, int, int]:
    """Who began the hold that stands and when, and the number of the last escalation that belongs to it."""
    begun = hand.all(sql.HELD_BY, number=before.number)
    return begun[0][0], begun[0][1], begun[-1][2]


def _within_reach(hand: Hand, somebody: str, *, since: int) -> set[str]:
    """
    Somebody, and all for whom they opened a way in since then, themselves or as one of these: they may have taken it.

    Whoever was removed and then added by another person is out of reach again.
    """
    reached = {somebody}
    for actor, action, subject in hand.all(sql.WAYS_IN, since=since):
        if actor in reached:
            reached.add(subject)
        elif action == "moderator-added" and subject != somebody:
            reached.discard(subject)
    return reached


def _already_decided(hand: Hand, before: _Standing) -> AlreadyDecided:
    verdict, by = hand.one(sql.DECISION, comment=before.number, seq=before.seq) or ("hold", "")
    return AlreadyDecided(
        f"Decision {before.seq} came first.", seq=before.seq, verdict=str(verdict), by=str(by)
    )


def _check_not_own(hand: Hand, before: _Standing, decision: Decision) -> None:
    """Whoever answered as the publication approves their own words once, as they send them; later they take them back at most."""
    if not before.seq or _first(hand.one(sql.WRITTEN_BY, number=before.number)) != decision.by:
        return
    appealed = hand.one(sql.APPEALED, comment=before.number, seq=before.seq) is not None
    if appealed or decision.verdict is Verdict.APPROVE:
        raise NotAllowed("What somebody wrote themselves is decided by another person.", fields=("own",))


def _check_another_person(hand: Hand, before: _Standing, by: str) -> None:
    # Inside the transaction: an appeal may have arrived after the moderator looked.
    if hand.one(sql.APPEALED, comment=before.number, seq=before.seq) is None:
        return
    _, decided_by = hand.one(sql.DECISION, comment=before.number, seq=before.seq) or ("", "")
    agreed = hand.one(sql.AGREED_BY, comment=before.number, seq=before.seq, name=by)
    if decided_by == by or agreed is not None:
        raise NotAllowed("An appeal is decided by another person than the one who decided before.")


def _draw(
    hand: Hand,
    comment: int,
    seq: int,
    decision: Decision,
    evidence: Evidence | None,
    calibration: str,
    at: int,
) -> None:
    hand.send(
        sql.DRAW,
        comment=comment,
        seq=seq,
        verdict=decision.verdict.value,
        rules=",".join(_rules_of(decision)),
        language=UNKNOWN_LANGUAGE if evidence is None else evidence.language,
        calibration=calibration,
        at=at,
    )


def _answer(hand: Hand, comment: int, verdict: Verdict, rules: Sequence[str], by: str, at: int) -> None:
    """Take a person's verdict for the answer to the comment's audit, if it was drawn for one that waits."""
    hand.send(sql.ANSWER, comment=comment, answer=verdict.value, breached=",".join(rules), actor=by, at=at)


def _close_reports(hand: Hand, before: _Standing, seq: int, decision: Decision, at: int) -> None:
    """Take a person's decision for the answer to all that readers reported of the comment until now."""
    upheld = int(decision.verdict is Verdict.REJECT)
    closed = hand.run(sql.CLOSE_REPORTS, comment=before.number, at=at, seq=seq, upheld=upheld)
    if closed:
        enter(
            hand, at, decision.by, "reports-closed", before.id, seq=seq, reports=closed, upheld=bool(upheld)
        )


def _rules_of(decision: Decision) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason.rule for reason in decision.reasons))


def _listed(ids: str | None) -> tuple[str, ...]:
    return tuple(ids.split(",")) if ids else ()


def _stand(hand: Hand, before: _Standing, after: _Standing, *, written: int | None = None) -> None:
    """
    Write where a comment stands now, and what that does to its ancestors' tombstones, its branch and its story.

    `before` is what the transaction read, `after` what it wrote; `written` is how the comment shows from now on, where
    its own row says so already.
    """
    delta, places, seen, top = 0, 0, False, before.top
    while True:
        showing = _showing(hand, after) if written is None else written
        if showing == before.showing:
            break
        if before.root is not None and not seen:
            hand.lock_top(top)
        seen = True
        shown = (showing == SHOWN) - (before.showing == SHOWN)
        delta += shown
        # What begins the branch carries its own place with it; those of the replies below it are added at the end.
        place, own = _place(before, showing), after.number == top
        if written is None:
            _end_pick(hand, before, showing)
            hand.send(sql.SHOW, showing=showing, places=place if own else 0, number=after.number)
        written = None
        places += 0 if own else place
        if after.parent is None or not (shown or place):
            break
        above = _above(hand, after.parent)
        hand.counts(above.number, replies=shown)
        if not place:
            break
        # A tombstone stands while something below it does; one may come or go with this comment.
        before = after = above
    hand.counts(top, branch=places)
    if seen:
        hand.changed(after.story, shown=delta)


def _stand_again(hand: Hand, id: str) -> None:
    """Let a comment stand as it has to, after others came below it."""
    standing = _above(hand, id)
    _stand(hand, standing, standing)


def _place(before: _Standing, showing: int) -> int:
    """By how many places its branch grows when a comment shows so from now on."""
    return (showing != HIDDEN) - (before.showing != HIDDEN)


def _end_pick(hand: Hand, before: _Standing, showing: int) -> None:
    """What readers do not see any more is not chosen any more."""
    if before.showing == SHOWN != showing and hand.run(sql.END_PICK, number=before.number):
        hand.picks(before.story, -1)


def _showing(hand: Hand, standing: _Standing) -> int:
    if standing.status != Status.APPROVED.value or standing.escalated:
        return HIDDEN
    if standing.withdrawn_at is None and standing.erased_at is None:
        return SHOWN
    return HIDDEN if hand.one(sql.HAS_REPLIES, id=standing.id) is None else TOMBSTONE


# -- rows and values --------------------------------------------------------


def _present(row: Row | None) -> Row:
    if row is None:
        raise RuntimeError("a row that this transaction wrote is not there")
    return row


def _first(row: Row | None) -> Any:
    return _present(row)[0]


def _limit(limit: int) -> int:
    if limit < 1:
        raise ValueError("a limit is at least 1")
    return min(limit, 1_000_000)


def _bounded(number: int) -> int:
    """The nearest number that a database's integer holds."""
    return max(-_LARGEST, min(number, _LARGEST))


def _match_of(words: Sequence[str], dialect: str) -> str:
    """All of the words, as the database's own index asks; they are letters and digits only, so nothing to escape."""
    if dialect == "sqlite":
        return " ".join(f'"{word}"' for word in words)
    return " & ".join(f"'{word}'" for word in words)


def check_sort(sort: str) -> None:
    """Malformed for an order that no list of a story has."""
    if sort not in _PAGES:
        raise Malformed("Sort by 'oldest', 'newest' or 'replied'.", fields=("sort",))


def _cursor_of(sort: str, at: int, number: int) -> str:
    raw = f"{sort[0]}.{at}.{number}".encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _position_of(cursor: str, sort: str) -> tuple[int, int]:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        order, at, number = raw.decode("ascii").split(".")
        position = int(at), int(number)
    except (ValueError, binascii.Error):
        position, order = (0, 0), ""
    if order != sort[0] or any(abs(value) > _LARGEST for value in position):
        raise _no_cursor()
    return position


def _no_cursor() -> Malformed:
    return Malformed("The cursor is not one that this list gave; start again without it.", fields=("after",))


def _after(position: tuple[int, int]) -> dict[str, int]:
    return {"at": position[0], "number": position[1]}


def _waits_of(language: str, holds: str, number: int) -> Waits:
    return Waits(number, language, _listed(holds))


def _became_of(row: Row) -> Became:
    seq, verdict, decided_by, by, at, withdrawn_at, erased_at, escalated = row
    return Became(
        seq,
        None if verdict is None else Verdict(verdict),
        None if decided_by is None else DecidedBy(decided_by),
        by or "",
        time_or_none(at),
        withdrawn_at is not None,
        erased_at is not None,
        bool(escalated),
    )


def _comment_of(row: Sequence[Any]) -> Comment:
    (
        id,
        url,
        parent,
        name,
        text,
        status,
        submitted_at,
        language,
        email,
        seq,
        holds,
        judged_at,
        withdrawn_at,
        erased_at,
        escalated,
        replies,
        picked_at,
        badge,
        written_by,
        format,
    ) = row
    return Comment(
        id=id,
        story_url=url,
        parent=parent,
        name=name,
        text=text if text is None else derived(text, format),
        kept=None if format is None else text,
        format=format,
        status=Status(status),
        submitted_at=time_of(submitted_at),
        language=language,
        email=email,
        seq=seq,
        holds=tuple(Hold(hold) for hold in holds.split(",")) if holds else (),
        judged_at=time_or_none(judged_at),
        withdrawn_at=time_or_none(withdrawn_at),
        erased_at=time_or_none(erased_at),
        escalated=bool(escalated),
        replies=replies,
        picked=picked_at is not None,
        badge=badge,
        written_by=written_by,
    )


_SHOWING, _REPLIES = 11, 12
"""Where they stand in a row of a page."""


def _below(row: Row) -> int:
    """Of what begins a branch: how many comments and tombstones are below it."""
    below: int = row[-1] - (row[_SHOWING] != HIDDEN)
    return below


def _branch_of(row: Row, replies: Sequence[Row], url: str, *, more: bool) -> Branch:
    last = replies[-1][0] if replies else row[0]
    return Branch(
        id=row[2],
        comment=None if row[_SHOWING] == HIDDEN else _shown_of(row, url),
        replies=tuple(_shown_of(reply, url) for reply in replies),
        next=_cursor_of("Branch", row[0], last) if more else None,
    )


def _shown_of(row: Row, url: str) -> Comment:
    """A row of a page; a tombstone keeps its place and its times, not its words."""
    (
        _,
        submitted_at,
        id,
        parent,
        name,
        text,
        language,
        seq,
        judged_at,
        withdrawn_at,
        erased_at,
        showing,
        replies,
        picked_at,
        badge,
        format,
    ) = row[:16]
    shown = showing == SHOWN
    return Comment(
        id=id,
        story_url=url,
        parent=parent,
        name=name if shown else None,
        text=derived(text, format) if shown else None,
        kept=None if format is None or not shown else text,
        format=format,
        status=Status.APPROVED,
        submitted_at=time_of(submitted_at),
        language=language,
        seq=seq,
        judged_at=time_or_none(judged_at),
        withdrawn_at=time_or_none(withdrawn_at),
        erased_at=time_or_none(erased_at),
        replies=replies,
        picked=picked_at is not None,
        badge=badge if shown else None,
    )


def _story_of(row: Sequence[Any]) -> Story:
    (
        id,
        url,
        title,
        text,
        language,
        open,
        closes_at,
        mode,
        revision,
        opens_at,
        closed_reason,
        guests,
        question,
        picked,
    ) = row
    return Story(
        id=id,
        url=url,
        title=title,
        text=text,
        language=language,
        open=bool(open),
        closes_at=time_or_none(closes_at),
        mode=mode,
        revision=revision,
        opens_at=time_or_none(opens_at),
        closed_reason=closed_reason,
        guests=guests,
        question=question,
        picked=picked,
    )


def _settled_of(row: Row) -> Settled:
    (seq, decided_at, leaf, verdict, reasons, decided_by, actor, guidelines, model, calibration, note) = row
    return Settled(
        seq=seq,
        decided_at=time_of(decided_at),
        leaf=leaf,
        decision=Decision(
            verdict=Verdict(verdict),
            reasons=_reasons_of(reasons),
            decided_by=DecidedBy(decided_by),
            by=actor,
            guidelines=guidelines,
            model=model,
            calibration=calibration,
        ),
        note=note,
    )
