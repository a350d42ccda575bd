"""Moderators, authors, readers, editors, the law and restarts in any order: what has to be true whatever happens."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from meydan.comment import Hold, Reader, Status, Submission, Verdict
from meydan.desk import CONFIRMED_WITHIN, Visitor
from meydan.errors import (
    AlreadyDecided,
    KeyReused,
    NoSuchParent,
    NotAllowed,
    NotErasable,
    NotFound,
    Refused,
)
from meydan.judge import Judge
from meydan.policy import digest_of, load, parse
from meydan.store import Sought, Store
from tests.desk.conftest import ABUSIVE, COURTEOUS, STORY, UNMEASURED, Room
from tests.newsroom import without_examples
from tests.ready import with_tables
from tests.store.making import check_branches, read_through

PEOPLE = ("Zîn", "Mem", "Berfîn")
READERS = tuple(Reader(letter * 32, f"Rojîn {letter}", f"{letter}@square.example") for letter in "ab")
JUDGE = Judge.load()
GUIDELINES = parse(without_examples(load().source.decode()).encode(), "guidelines.toml")
VERSIONS = tuple(GUIDELINES.source + f"\n# {number}\n".encode() for number in range(3))


class Reported:
    """What the journal says of one comment's reports."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.answered: set[str] = set()
        self.closed = 0

    def take(self, rule: str) -> None:
        """One more; under a rule that a person has answered it is closed as it comes."""
        if rule in self.answered:
            self.closed += 1
        else:
            self.open.append(rule)

    def close(self) -> int:
        """All that are open, by a person's decision; how many they were."""
        closed = len(self.open)
        self.closed += closed
        self.answered.update(self.open)
        self.open.clear()
        return closed

    @property
    def told(self) -> tuple[int, int]:
        return len(self.open), self.closed


class Newsroom(RuleBasedStateMachine):
    """A newsroom in which anything may happen next."""

    comments = Bundle("comments")

    @initialize()
    def open(self) -> None:
        self.folder = TemporaryDirectory(prefix="meydan-")
        self.url = f"sqlite:///{with_tables(Path(self.folder.name) / 'meydan.db')}"
        self.room = Room(Store.open(self.url), JUDGE, GUIDELINES)
        self.room.desk.mail_works = True
        self.others = 0
        self.receipts: dict[str, str] = {}
        self.sent: dict[str, Submission] = {}
        self.owners: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.unconfirmed: set[str] = set()
        for name in PEOPLE:
            self.room.store.people.add_moderator(name, self.room.clock.now, by="operator")
        self.room.desk.enter_file(GUIDELINES, shipped=True)

    def teardown(self) -> None:
        if hasattr(self, "room"):
            self.room.store.close()
            self.folder.cleanup()

    def another(self) -> str:
        """A word that was not used yet; the same in every run of the same moves, as what the machine makes of it."""
        self.others += 1
        return hashlib.sha256(str(self.others).encode()).hexdigest()[:6]

    @rule(target=comments, text=st.sampled_from((COURTEOUS, ABUSIVE, UNMEASURED)))
    def send(self, text: str) -> str:
        outcome = self.room.send(f"{text} {self.another()}", name=self.another())
        assert outcome.receipt is not None
        self.receipts[outcome.id] = outcome.receipt
        return outcome.id

    @rule(target=comments, to=comments, text=st.sampled_from((COURTEOUS, COURTEOUS, UNMEASURED)))
    def answer(self, to: str, text: str) -> Any:
        """A reader answers a comment, if readers see it."""
        try:
            outcome = self.room.send(f"{text} {self.another()}", name=self.another(), parent=to)
        except NoSuchParent:
            return multiple()
        assert outcome.receipt is not None
        self.receipts[outcome.id] = outcome.receipt
        return outcome.id

    @rule(target=comments, to=st.none() | comments, reader=st.sampled_from((None, *READERS)))
    def send_keyed(self, to: str | None, reader: Reader | None) -> Any:
        """A browser sends a comment under a key, for a guest or an account."""
        submission = Submission(
            story_url=STORY,
            name=self.another(),
            text=f"{COURTEOUS} {self.another()}",
            parent=to,
            reader=reader,
            sending_key=f"sending-{self.another()}",
        )
        try:
            outcome = self.room.desk.submit(submission, Visitor("a" * 32))
        except NoSuchParent:
            return multiple()
        assert outcome.receipt is not None
        self.receipts[outcome.id] = outcome.receipt
        self.sent[outcome.id] = submission
        if reader is not None:
            self.owners[outcome.id] = reader.key
        return outcome.id

    @rule(id=comments, others=st.booleans())
    def send_again(self, id: str, others: bool) -> None:
        """The browser sends it again, whatever became of it, from another address; or other words under its key."""
        if id not in self.sent:
            return
        comment, shown = self.room.store.comment(id), self.room.shown()
        assert comment is not None
        erased = comment.erased_at is not None
        again = dataclasses.replace(self.sent[id], text="Something else.") if others else self.sent[id]
        try:
            outcome = self.room.desk.submit(again, Visitor("b" * 32))
        except KeyReused:
            assert others
            assert not erased
        else:
            assert erased or not others
            assert (outcome.id, outcome.receipt) == (id, None if erased else self.receipts[id])
            assert erased == (outcome.text is None)
        assert (self.room.store.comment(id), self.room.shown()) == (comment, shown)

    @rule(target=comments, to=st.none() | comments, text=st.sampled_from((COURTEOUS, ABUSIVE)))
    def send_unconfirmed(self, to: str | None, text: str) -> Any:
        """A guest sends a comment where addresses have to be confirmed; the story asks for it no more afterwards."""
        desk = self.room.desk
        desk.change_story(STORY, {"guests": "verified"}, by="Zîn")
        try:
            outcome = self.room.send(
                f"{text} {self.another()}", parent=to, email=f"{self.another()}@square.example"
            )
        except NoSuchParent:
            return multiple()
        finally:
            desk.change_story(STORY, {"guests": None}, by="Zîn")
        assert outcome.receipt is not None
        assert outcome.holds == (Hold.UNVERIFIED,)
        self.receipts[outcome.id] = outcome.receipt
        self.unconfirmed.add(outcome.id)
        now = self.room.clock()
        for job in self.room.store.outbox.lease(at=now, until=now, limit=1000):
            if job.kind == "mail.verify" and job.subject == outcome.id:
                self.links[outcome.id] = job.body["link"].rsplit("/", 1)[1].partition("?")[0]
                self.room.store.outbox.finish(job, at=now)
        return outcome.id

    @rule(id=comments, open=st.booleans(), theirs=st.sampled_from((True, True, False)))
    def confirm(self, id: str, open: bool, theirs: bool) -> None:
        """Whoever reads the mailbox opens the link: it is theirs, or it is not; the story may have closed meanwhile."""
        if id not in self.links:
            return
        desk, before = self.room.desk, self.room.store.comment(id)
        assert before is not None
        desk.change_story(STORY, {"open": open}, by="Mem")
        try:
            desk.confirm(self.links[id]) if theirs else desk.disown(self.links[id])
        except NotFound:
            assert before.withdrawn_at or before.erased_at or id not in self.unconfirmed
            assert self.room.store.comment(id) == before
        else:
            assert id in self.unconfirmed
            assert before.withdrawn_at is None
            assert before.erased_at is None
            self.unconfirmed.discard(id)
            after = self.room.store.comment(id)
            assert after is not None
            assert Hold.UNVERIFIED not in after.holds
            assert (after.erased_at is None) == theirs
            key = self.room.store.readers.reader_of(id)
            assert (key is not None) == theirs
            if key is not None:
                self.owners[id] = key
        finally:
            desk.change_story(STORY, {"open": True}, by="Mem")

    @rule()
    def a_week_passes(self) -> None:
        """What nobody confirmed is erased; what was sent is not known by its key any more."""
        self.room.clock.now += CONFIRMED_WITHIN
        self.room.desk.expire(address_days=7)
        for id in self.unconfirmed:
            assert self.room.desk.status(id).erased
        self.unconfirmed.clear()
        self.sent.clear()

    @rule(id=comments, by=st.sampled_from(PEOPLE), picked=st.sampled_from((True, True, False)))
    def pick(self, id: str, by: str, picked: bool) -> None:
        """Somebody chooses a comment, shown or not."""
        before, shown = self.room.store.comment(id), self.room.shown()
        assert before is not None
        try:
            changed = self.room.desk.pick(id, picked=picked, by=by)
        except NotFound:
            assert before.text is None or before.text not in shown
        else:
            assert before.text in shown
            assert changed == (before.picked != picked)
        assert self.room.shown() == shown

    @rule(target=comments, to=comments, by=st.sampled_from(PEOPLE))
    def answer_as_the_publication(self, to: str, by: str) -> Any:
        """Somebody of the desk answers a comment, if readers see it."""
        try:
            outcome = self.room.desk.answer(to, f"{ABUSIVE} {self.another()}", by=by)
        except NoSuchParent:
            return multiple()
        assert outcome.receipt is not None
        assert outcome.text in self.room.shown()
        self.receipts[outcome.id] = outcome.receipt
        return outcome.id

    @rule(
        id=comments,
        by=st.sampled_from(PEOPLE),
        verdict=st.sampled_from((Verdict.APPROVE, Verdict.REJECT)),
        stale=st.sampled_from((0, 0, 0, 1, 2)),
    )
    def decide(self, id: str, by: str, verdict: Verdict, stale: int) -> None:
        """Somebody decides, with what they saw: the decision of now, or of a while ago."""
        before = self.room.store.comment(id)
        assert before is not None
        seen = before.seq - stale
        appealed = any(appeal.open for appeal in self.room.store.appeals(id))
        decider = self.room.store.decisions(id)[-1].decision.by if before.seq else None
        gone = before.withdrawn_at is not None or before.erased_at is not None
        own = before.written_by == by and (appealed or verdict is Verdict.APPROVE)
        try:
            self.room.desk.review(
                id, verdict, by=by, rules=["promotion"] if verdict is Verdict.REJECT else [], seen=seen
            )
        except AlreadyDecided as first:
            assert (stale > 0, first.seq) == (True, before.seq)  # noqa: PT017
        except NotFound:
            assert gone or before.escalated or id in self.unconfirmed
        except NotAllowed:
            assert own or (appealed and decider == by)
        else:
            assert not stale
            assert not gone
            assert id not in self.unconfirmed
            assert not (appealed and decider == by), "nobody decides their own appeal"
            assert not own, "nobody decides their own words, but to take them back"
            return
        assert self.room.store.comment(id) == before, "what is refused changes nothing"

    @rule(id=comments)
    def appeal(self, id: str) -> None:
        with contextlib.suppress(Refused):
            self.room.desk.appeal(id, receipt=self.receipts[id], words="It was a quotation.")

    @rule(id=comments, by=st.sampled_from(PEOPLE), again=st.sampled_from(PEOPLE))
    def dispute(self, id: str, by: str, again: str) -> None:
        """Somebody rejects, the author appeals, and somebody decides again, perhaps the same."""
        self.decide(id, by, Verdict.REJECT, 0)
        self.appeal(id)
        self.decide(id, again, Verdict.APPROVE, 0)

    @rule(
        id=comments,
        reader=st.sampled_from(("a", "b", "c")),
        under=st.sampled_from(("abuse", "promotion")),
    )
    def report(self, id: str, reader: str, under: str) -> None:
        """A reader reports a comment, shown or not."""
        before = self.room.store.comment(id)
        shown = self.room.shown()
        assert before is not None
        try:
            self.room.desk.report(id, rule=under, visitor=Visitor(address_key=reader), words=reader)
        except NotFound:
            assert before.text is None or before.text not in shown
        else:
            assert before.text in shown
        after = self.room.store.comment(id)
        assert after is not None
        assert dataclasses.replace(after, holds=before.holds) == before, "a report changes no comment"
        assert self.room.shown() == shown

    @rule(
        id=comments,
        by=st.sampled_from(PEOPLE),
        readers=st.lists(
            st.tuples(st.sampled_from(("a", "b", "c")), st.sampled_from(("abuse", "promotion"))),
            min_size=1,
            max_size=3,
        ),
        verdict=st.sampled_from((None, Verdict.APPROVE, Verdict.REJECT)),
    )
    def complain(self, id: str, by: str, readers: list[tuple[str, str]], verdict: Verdict | None) -> None:
        """Somebody approves, readers report, and the same person decides again, or not yet."""
        self.decide(id, by, Verdict.APPROVE, 0)
        for reader, under in readers:
            self.report(id, reader, under)
        if verdict is not None:
            self.decide(id, by, verdict, 0)

    @rule(id=comments)
    def withdraw(self, id: str) -> None:
        with contextlib.suppress(Refused):
            self.room.desk.withdraw(id, receipt=self.receipts[id])

    @rule(id=comments)
    def erase(self, id: str) -> None:
        try:
            self.room.desk.erase(id)
        except NotErasable:
            assert self.room.store.comment(id).escalated  # type: ignore[union-attr]

    @rule(id=comments, reader=st.sampled_from(READERS), erase=st.booleans())
    def end_own(self, id: str, reader: Reader, erase: bool) -> None:
        """A reader takes a comment back or erases it at their own page, theirs or not."""
        desk, before = self.room.desk, self.room.store.comment(id)
        assert before is not None
        try:
            (desk.erase_own if erase else desk.withdraw_own)(id, reader=reader.key)
        except NotErasable:
            assert before.escalated
        except NotFound:
            assert self.owners.get(id) != reader.key or before.erased_at
            assert self.room.store.comment(id) == before
        else:
            assert self.owners.get(id) == reader.key

    @rule(id=comments, by=st.sampled_from(PEOPLE))
    def escalate(self, id: str, by: str) -> None:
        with contextlib.suppress(Refused):
            self.room.desk.escalate(id, kind="threat-to-life", told="police", by=by)

    @rule(id=comments, by=st.sampled_from(PEOPLE))
    def end_hold(self, id: str, by: str) -> None:
        with contextlib.suppress(Refused):
            self.room.desk.end_hold(id, reason="It is over.", by=by)

    @rule(by=st.sampled_from(PEOPLE), version=st.integers(0, 2))
    def change_guidelines(self, by: str, version: int) -> None:
        desk, source = self.room.desk, VERSIONS[version]
        desk.take_effect(source, base=desk.guidelines.digest, by=by, note="Why not.")
        assert desk.guidelines.digest == digest_of(source)

    @rule(id=comments, by=st.sampled_from(PEOPLE))
    def look(self, id: str, by: str) -> None:
        self.room.desk.look_at(id, by=by)

    @rule()
    def restart(self) -> None:
        """The process ends and begins again, on the same database."""
        clock = self.room.clock
        self.room.store.close()
        self.room = Room(Store.open(self.url), JUDGE, GUIDELINES)
        self.room.clock.now = clock.now
        self.room.desk.mail_works = True
        self.room.desk.refresh_guidelines()
        self.room.desk.sweep()

    @invariant()
    def every_comment_has_one_current_decision(self) -> None:
        if not hasattr(self, "room"):
            return
        store = self.room.store
        waiting = {comment.id for comment in store.queue(limit=1000)[0]}
        for id in self.receipts:
            comment = store.comment(id)
            assert comment is not None
            decisions = store.decisions(id)
            assert [one.seq for one in decisions] == list(range(1, len(decisions) + 1))
            assert comment.seq == len(decisions)
            if decisions:
                assert comment.status is decisions[-1].decision.verdict.status
            else:
                assert comment.status is Status.HELD
            ended = comment.withdrawn_at is not None or comment.erased_at is not None or comment.escalated
            ended = ended or id in self.unconfirmed
            appealed = any(appeal.open for appeal in store.appeals(id))
            reports = store.reports(id)
            reported = comment.status is Status.APPROVED and reports is not None and reports.open > 0
            assert (id in waiting) == (not ended and (comment.status is Status.HELD or appealed or reported))
            assert not (reports and reports.open and comment.escalated), "escalating answers the reports"
            assert not (reports and reports.words and comment.erased_at), (
                "words are erased with what they are about"
            )

    @invariant()
    def nobody_at_the_desk_meets_what_is_not_confirmed(self) -> None:
        if not hasattr(self, "room"):
            return
        found = set(self.room.store.find(Sought(), limit=200)[0])
        for id in self.unconfirmed:
            comment = self.room.store.comment(id)
            assert comment is not None
            # Of what was erased nothing is left to read.
            assert id not in found or comment.erased_at
            assert (comment.status, comment.seq, comment.judged_at) == (Status.HELD, 0, None)
            assert (comment.escalated, self.room.store.evidence(id)) == (False, None)

    @invariant()
    def a_comment_is_its_readers_until_it_is_erased(self) -> None:
        if not hasattr(self, "room"):
            return
        for reader in READERS:
            own = [one.comment.id for one in self.room.desk.comments_of(reader.key, limit=200)[0]]
            there = [
                id
                for id, key in self.owners.items()
                if key == reader.key and not self.room.desk.status(id).erased
            ]
            assert own == there[::-1]

    @invariant()
    def only_what_is_shown_is_chosen(self) -> None:
        """What the editors chose is shown, the story counts it, and its page lists it."""
        if not hasattr(self, "room"):
            return
        page = self.room.store.page(STORY, sort="newest", after=None, limit=1000)
        chosen = [comment.id for comment in page.comments if comment.picked]
        assert all(comment.text is not None for comment in page.comments if comment.picked)
        assert chosen == [comment.id for comment in self.room.desk.picks(STORY).comments]
        assert len(chosen) == (page.story.picked if page.story else 0)
        picked = {id for id in self.receipts if self.room.store.comment(id).picked}  # type: ignore[union-attr]
        assert picked == set(chosen)

    @invariant()
    def branches_hold_all_that_readers_see(self) -> None:
        """What is kept of branches adds up, and read by branches in any order a story has the same comments."""
        if not hasattr(self, "room"):
            return
        check_branches(self.url)
        page = self.room.store.page(STORY, sort="oldest", after=None, limit=1000)
        shown = [one.id if one.text is not None else f"[{one.id}]" for one in page.comments]
        for sort in ("oldest", "newest", "replied"):
            assert sorted(read_through(self.room.store, sort, STORY)) == sorted(shown)

    @invariant()
    def the_journal_replays_to_the_same_state(self) -> None:
        if not hasattr(self, "room"):
            return
        store = self.room.store
        replayed: dict[str, tuple[int, str, str]] = {}
        escalated = set()
        ruling, ruled = "", {}
        reported = {id: Reported() for id in self.receipts}
        for entry in reversed(store.people.journal(limit=10_000)):
            match entry.action:
                case "decided":
                    replayed[entry.subject] = (entry.detail["seq"], entry.detail["verdict"], entry.actor)
                    ruled[entry.subject] = ruling
                case "escalated":
                    escalated.add(entry.subject)
                case "hold-ended":
                    escalated.discard(entry.subject)
                case "guidelines-changed":
                    assert entry.detail["before"] == ruling
                    ruling = entry.subject
                case "reported":
                    reported[entry.subject].take(entry.detail["rule"])
                case "reports-closed":
                    assert reported[entry.subject].close() == entry.detail["reports"]
        assert ruling == self.room.desk.guidelines.digest
        for id in self.receipts:
            decisions = store.decisions(id)
            comment = store.comment(id)
            assert comment is not None
            assert comment.escalated == (id in escalated)
            reports = store.reports(id)
            assert reported[id].told == ((reports.open, reports.closed) if reports else (0, 0))
            assert all(store.guidelines.of(one.decision.guidelines) for one in decisions)
            by_people = [one for one in decisions if one.decision.by in PEOPLE]
            if not by_people:
                assert id not in replayed
                continue
            last = by_people[-1]
            assert replayed[id] == (last.seq, last.decision.verdict.value, last.decision.by)
            assert ruled[id] == last.decision.guidelines
            # The machine never decides after a person.
            assert last is decisions[-1]


TestNewsroom = Newsroom.TestCase
TestNewsroom.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
