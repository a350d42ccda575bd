"""What a store promises, on each database: the way of a comment, the page, the queue, the staff."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meydan.comment import Comment, DecidedBy, Evidence, History, Hold, Settled, Status, Story, Verdict
from meydan.errors import (
    AlreadyDecided,
    AlreadyExists,
    BadSchema,
    BadSettings,
    Malformed,
    NoSuchParent,
    NotAllowed,
    NotAppealable,
    NotErasable,
    NotFound,
    NotText,
)
from meydan.store import Appeal, Escalation, ModeratorRow, NewComment, Page, SessionRow, Store, TokenRow
from tests.store.making import (
    APPROVE,
    EVIDENCE,
    HOLD,
    NOON,
    REJECT,
    REJECT_BY_ANOTHER,
    STORY,
    approved,
    around,
    decide,
    later,
    leaf_numbers,
    new_comment,
    receive,
    shown,
)

# -- receiving ----------------------------------------------------------------


def test_received_is_held(store: Store) -> None:
    """If a submission is received, then all of it is kept, held, and its receipt has the next leaf."""
    new = new_comment("Sağ olun.", email="d@example.org")
    assert store.receive(new) == (new.id, 0)
    assert store.comment(new.id) == Comment(
        id=new.id,
        story_url=STORY,
        parent=None,
        name="Dilan",
        text="Sağ olun.",
        status=Status.HELD,
        submitted_at=new.submitted_at,
        email="d@example.org",
    )
    assert store.words_proof(new.id) == (new.salt, new.commitment)
    assert store.commitment(new.id) == new.commitment
    assert store.leaves(0, 10) == [(0, new.leaf)]
    assert store.story(STORY) == Story(id=1, url=STORY)
    assert shown(store) == []
    assert store.decisions(new.id) == ()
    assert store.evidence(new.id) is None


def test_known_to_wait_before_judging(store: Store) -> None:
    """If there is a reason to wait before anything is judged, then it is kept with the comment."""
    comment = store.comment(receive(store, holds=(Hold.SUSPICIOUS_FORM, Hold.FLOOD)))
    assert comment is not None
    assert (comment.holds, comment.judged_at) == ((Hold.SUSPICIOUS_FORM, Hold.FLOOD), None)


@pytest.mark.parametrize("ask", ["nothing", "", "a\0b", "\ud800", "x" * 10_000])
def test_what_was_never_received(store: Store, ask: str) -> None:
    """If an id or URL is not known, or could not be one, then there is nothing there, and nothing breaks."""
    assert store.comment(ask) is None
    assert store.words_proof(ask) is None
    assert store.commitment(ask) is None
    assert store.evidence(ask) is None
    assert store.decisions(ask) == ()
    assert store.appeals(ask) == ()
    assert store.escalations(ask) == ()
    assert store.story(ask) is None
    assert store.counts([ask]) == {ask: 0}
    assert store.page(ask, sort="oldest", after=None, limit=5) == Page(None, (), 0, None)
    assert store.people.session(ask, NOON) is None
    assert store.people.token(ask) is None
    assert store.people.use_link(ask, NOON) is None
    with pytest.raises(NotFound):
        store.people.remove_moderator(ask, NOON, by="operator")
    with pytest.raises(NotFound):
        store.people.revoke_token(ask, NOON, by="operator")
    store.hold(ask, HOLD, evidence=EVIDENCE, at=NOON)
    with pytest.raises(NotFound):
        decide(store, ask)
    with pytest.raises(NotFound):
        store.withdraw(ask, leaf=b"", at=NOON)
    with pytest.raises(NotFound):
        store.erase(ask, leaf=b"", at=NOON)
    with pytest.raises(NotFound):
        store.escalate(ask, kind="threat", told="", by="Zîn", at=NOON)
    with pytest.raises(NotFound):
        store.appeal(ask, words="why?", at=NOON)
    with pytest.raises(NoSuchParent):
        receive(store, parent=ask)
    assert leaf_numbers(store) == []


KEEPABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)


@given(text=KEEPABLE, name=KEEPABLE, email=st.none() | KEEPABLE)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
def test_words_come_back_exactly(store: Store, text: str, name: str, email: str | None) -> None:
    """If any text at all is received and approved, then it is read back character for character."""
    id = approved(store, text, name=name, email=email)
    kept = store.comment(id)
    assert kept is not None
    assert (kept.text, kept.name, kept.email) == (text, name, email)
    page = store.page(STORY, sort="newest", after=None, limit=1)
    assert (page.comments[0].text, page.comments[0].name) == (text, name)


@pytest.mark.parametrize("field", ["text", "name", "email", "story_url"])
@pytest.mark.parametrize("value", ["a\0b", "\ud83d", "\udc00\ud800"])
def test_what_cannot_be_kept_exactly_is_refused(store: Store, field: str, value: str) -> None:
    """If a field holds a NUL or a lone surrogate, then it is refused on both databases and nothing is kept."""
    with pytest.raises(NotText) as refusal:
        store.receive(new_comment(**{field: value}))
    assert value not in refusal.value.message
    assert leaf_numbers(store) == []


def test_an_id_is_taken_once(store: Store) -> None:
    """If two submissions come with one id, then the second is refused and the first stays."""
    id = receive(store, "the first")
    with pytest.raises(AlreadyExists):
        receive(store, "the second", id=id)
    # Its story is known by now, so that nothing is asked before.
    assert store.story_of_late(STORY) is not None
    with pytest.raises(AlreadyExists):
        receive(store, "the third", id=id)
    kept = store.comment(id)
    assert kept is not None
    assert kept.text == "the first"
    assert leaf_numbers(store) == [0]


def test_a_commitment_has_32_bytes(store: Store) -> None:
    """If a commitment has another size, then it is a mistake of ours, and nothing is kept."""
    with pytest.raises(ValueError, match="32 bytes"):
        receive(store, commitment=b"short")
    assert leaf_numbers(store) == []


def test_a_time_needs_its_zone(store: Store) -> None:
    """If a time comes without its zone, then it is a mistake of ours, and nothing is kept."""
    with pytest.raises(TypeError):
        receive(store, submitted_at=datetime(2026, 11, 23, 12))  # noqa: DTZ001
    assert leaf_numbers(store) == []


def test_a_reply_needs_a_parent_that_readers_see(store: Store) -> None:
    """If the parent is held, rejected, withdrawn, erased, escalated or elsewhere, then the reply is refused."""
    held, rejected = receive(store), receive(store)
    decide(store, rejected, REJECT)
    elsewhere = approved(store, story_url=STORY + "/other")
    withdrawn, erased, escalated = approved(store), approved(store), approved(store)
    store.withdraw(withdrawn, leaf=b"", at=later())
    store.erase(erased, leaf=b"", at=later())
    store.escalate(escalated, kind="threat", told="", by="Zîn", at=later())
    for parent in (held, rejected, elsewhere, withdrawn, erased, escalated):
        with pytest.raises(NoSuchParent):
            receive(store, parent=parent)
    reply = receive(store, parent=approved(store))
    assert (store.comment(reply) or new_comment()).parent is not None


# -- settling -----------------------------------------------------------------


def test_settled_once_and_told_whole(store: Store) -> None:
    """If a decision is settled, then it, its note, its evidence and its leaf are kept as they were given."""
    id = receive(store)
    at = later()
    settled = store.settle(
        id, REJECT, leaf=b"the leaf", at=at, expected_seq=0, evidence=EVIDENCE, note="Seen twice before."
    )
    assert settled == Settled(1, at, 1, REJECT, "Seen twice before.")
    assert store.decisions(id) == (settled,)
    assert store.evidence(id) == EVIDENCE
    assert store.leaves(1, 1) == [(1, b"the leaf")]
    kept = store.comment(id)
    assert kept is not None
    assert (kept.status, kept.seq, kept.judged_at, kept.language) == (Status.REJECTED, 1, at, "kmr-Latn")
    assert shown(store) == []


def test_a_later_decision_supersedes(store: Store) -> None:
    """If a comment is decided again, then the new decision counts and the earlier one stays on record."""
    id = approved(store)
    assert shown(store) == [id]
    decide(store, id, REJECT, expected_seq=1)
    assert shown(store) == []
    decide(store, id, APPROVE, expected_seq=2)
    assert shown(store) == [id]
    assert [one.decision for one in store.decisions(id)] == [APPROVE, REJECT, APPROVE]
    assert leaf_numbers(store) == [0, 1, 2, 3]


def test_someone_decided_since(store: Store) -> None:
    """If someone decided since it was looked at, then the second decision is refused and told who was first."""
    id = receive(store)
    decide(store, id, REJECT, expected_seq=0)
    with pytest.raises(AlreadyDecided) as refusal:
        decide(store, id, APPROVE, expected_seq=0)
    assert (refusal.value.seq, refusal.value.verdict, refusal.value.by) == (1, "reject", "Zîn")
    assert len(store.decisions(id)) == 1
    assert leaf_numbers(store) == [0, 1]


def test_a_hold_settles_nothing(store: Store) -> None:
    """If a hold is to be settled, or a verdict held, then it is a mistake of ours, and nothing changes."""
    id = receive(store)
    with pytest.raises(ValueError, match="settles nothing"):
        decide(store, id, HOLD)
    with pytest.raises(ValueError, match="only a HOLD"):
        store.hold(id, APPROVE, evidence=EVIDENCE, at=later())
    assert store.decisions(id) == ()


def test_holding_keeps_why(store: Store) -> None:
    """If a comment is held, then why it waits and what is known are kept, and no decision is made; held again, the first stays."""
    id = receive(store)
    at = later()
    store.hold(id, HOLD, evidence=EVIDENCE, at=at)
    kept = store.comment(id)
    assert kept is not None
    assert (kept.status, kept.seq, kept.holds, kept.judged_at) == (Status.HELD, 0, HOLD.holds, at)
    assert store.evidence(id) == EVIDENCE
    assert leaf_numbers(store) == [0]
    assert not store.hold(
        id, replace(HOLD, holds=()), evidence=replace(EVIDENCE, model="sha256:9"), at=later()
    )
    assert (store.comment(id), store.evidence(id)) == (kept, EVIDENCE)


def test_the_machine_does_not_overrule_its_own_hold(store: Store) -> None:
    """If the machine left a comment to people, then another look of its own, begun before that, settles nothing; a person does."""
    id = receive(store)
    store.hold(id, HOLD, evidence=EVIDENCE, at=later())
    machine = replace(APPROVE, decided_by=DecidedBy.MACHINE, by="")
    with pytest.raises(AlreadyDecided):
        decide(store, id, machine, expected_seq=0)
    assert (shown(store), leaf_numbers(store)) == ([], [0])
    decide(store, id, replace(APPROVE, decided_by=DecidedBy.MODERATOR, by="Mem"), expected_seq=0)
    assert shown(store) == [id]


def test_holding_what_was_decided_changes_nothing(store: Store) -> None:
    """If a moderator decided while the machine was judging, then the machine's hold changes nothing."""
    id = receive(store)
    decide(store, id, REJECT)
    before = store.comment(id)
    store.hold(id, HOLD, evidence=EVIDENCE, at=later())
    assert store.comment(id) == before
    assert store.evidence(id) is None


def test_not_measured_stays_not_measured(store: Store) -> None:
    """If a score was not measured, then it is read back as not measured, and never as zero."""
    id = receive(store)
    store.hold(id, HOLD, evidence=Evidence(scores={"threat": None, "racism": 0.1}), at=later())
    kept = store.evidence(id)
    assert kept is not None
    assert kept.scores == {"threat": None, "racism": 0.1}


# -- the page -----------------------------------------------------------------


def test_readers_see_only_what_is_approved(store: Store) -> None:
    """If comments are in every state, then page and counts show the approved ones and no other."""
    visible = approved(store, "shown")
    receive(store, "held")
    decide(store, receive(store, "rejected"), REJECT)
    for end in (store.withdraw, store.erase):
        end(approved(store, "ended"), leaf=b"", at=later())
        end(receive(store, "ended while held"), leaf=b"", at=later())
    store.escalate(approved(store, "escalated"), kind="threat", told="", by="Zîn", at=later())
    overturned = approved(store, "approved, then rejected")
    decide(store, overturned, REJECT)
    assert shown(store) == [visible]
    assert store.counts([STORY, STORY + "/2"]) == {STORY: 1, STORY + "/2": 0}
    page = store.page(STORY, sort="newest", after=None, limit=50)
    assert (page.count, page.next) == (1, None)


def test_readers_never_get_an_address(store: Store) -> None:
    """If an author left an e-mail address, then it is on no page."""
    approved(store, email="d@example.org")
    (comment,) = store.page(STORY, sort="oldest", after=None, limit=5).comments
    assert comment.email is None


@pytest.mark.parametrize("sort", ["oldest", "newest"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_follow_on_without_gap_or_repeat(store: Store, sort: str, limit: int) -> None:
    """If a thread is read page by page, then each comment comes once and in order, whatever arrives between."""
    at = later()
    # Three with one and the same time: their order is still one.
    ids = [
        approved(store, submitted_at=at if 2 <= number < 5 else at + timedelta(seconds=number - 3))
        for number in range(7)
    ]
    seen: list[str] = []
    after: str | None = None
    while True:
        page = store.page(STORY, sort=sort, after=after, limit=limit)
        assert 1 <= len(page.comments) <= limit
        seen += [comment.id for comment in page.comments]
        # Arrives before where the reader is, and must not push anything onto the next page twice.
        approved(store, submitted_at=at + timedelta(days=1 if sort == "newest" else -1))
        if page.next is None:
            break
        after = page.next
    expected = ids if sort == "oldest" else ids[::-1]
    assert seen == expected


@pytest.mark.parametrize(
    "cursor", ["", "x", "b2xk", "====", "\ud800", "b.1.2", "a" * 5000, "bi4xLjI", "é", "a\0"]
)
def test_a_forged_cursor_is_refused(store: Store, cursor: str) -> None:
    """If a cursor is not one that the list gave, then it is refused, not guessed at."""
    approved(store)
    with pytest.raises(Malformed):
        store.page(STORY, sort="oldest", after=cursor, limit=5)
    with pytest.raises(Malformed):
        store.held(after=cursor, limit=5)


@given(cursor=st.text(st.characters(codec="ascii"), max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
def test_no_cursor_breaks_the_page(store: Store, cursor: str) -> None:
    """If any characters come as a cursor, then they are a cursor or they are refused."""
    with suppress(Malformed):
        assert store.page(STORY, sort="oldest", after=cursor, limit=5).count == 0


def test_a_cursor_belongs_to_its_order(store: Store) -> None:
    """If a cursor of one order is used in the other, then it is refused."""
    approved(store)
    approved(store)
    cursor = store.page(STORY, sort="oldest", after=None, limit=1).next
    assert cursor is not None
    with pytest.raises(Malformed):
        store.page(STORY, sort="newest", after=cursor, limit=1)
    with pytest.raises(Malformed):
        store.page(STORY, sort="best", after=None, limit=1)


def test_replies_keep_a_tombstone(store: Store) -> None:
    """If a comment with shown replies is withdrawn or erased, then a tombstone keeps its place, uncounted."""
    for end in (store.withdraw, store.erase):
        parent = approved(store, "will go", email="d@example.org")
        reply = approved(store, "stays", parent=parent)
        end(parent, leaf=b"", at=later())
        assert shown(store) == [f"[{parent}]", reply]
        page = store.page(STORY, sort="oldest", after=None, limit=5)
        assert page.count == 1
        tombstone = page.comments[0]
        assert (tombstone.name, tombstone.text, tombstone.email) == (None, None, None)
        assert tombstone.withdrawn_at or tombstone.erased_at
        # With its last reply it goes too.
        decide(store, reply, REJECT)
        assert shown(store) == []
        decide(store, reply, APPROVE)
        assert shown(store) == [f"[{parent}]", reply]
        store.withdraw(reply, leaf=b"", at=later())
        assert shown(store) == []
        assert store.counts([STORY]) == {STORY: 0}


def test_a_chain_of_tombstones(store: Store) -> None:
    """If whole branches end from the top, then tombstones stand as long as something below them is shown."""
    top = approved(store)
    middle = approved(store, parent=top)
    last = approved(store, parent=middle)
    store.withdraw(top, leaf=b"", at=later())
    store.erase(middle, leaf=b"", at=later())
    assert shown(store) == [f"[{top}]", f"[{middle}]", last]
    before, _ = store.changes(0)
    store.withdraw(last, leaf=b"", at=later())
    assert shown(store) == []
    assert store.changes(before) == (before + 1, (STORY,))


def test_a_reply_approved_after_its_parent_ended(store: Store) -> None:
    """If a reply waited while its parent was withdrawn, then approving it brings the parent's tombstone."""
    parent = approved(store)
    reply = receive(store, parent=parent)
    store.withdraw(parent, leaf=b"", at=later())
    assert shown(store) == []
    decide(store, reply)
    assert shown(store) == [f"[{parent}]", reply]


def test_a_rejected_parent_leaves_no_tombstone(store: Store) -> None:
    """If a comment with replies is rejected after all, then nothing of it is on the page; its replies are."""
    parent = approved(store)
    reply = approved(store, parent=parent)
    decide(store, parent, REJECT)
    assert shown(store) == [reply]
    store.withdraw(parent, leaf=b"", at=later())
    assert shown(store) == [reply]


def test_a_rejected_tombstone_goes(store: Store) -> None:
    """If a withdrawn comment with replies is rejected after all, then its tombstone goes, and that is a change."""
    parent = approved(store)
    reply = approved(store, parent=parent)
    store.withdraw(parent, leaf=b"", at=later())
    latest, _ = store.changes(0)
    decide(store, parent, REJECT)
    assert shown(store) == [reply]
    assert store.changes(latest) == (latest + 1, (STORY,))
    assert store.counts([STORY]) == {STORY: 1}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["approve", "reject", "withdraw", "erase", "escalate", "reply"]), st.integers(0, 5)
    ),
    max_size=25,
)


@given(steps=STEPS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
def test_the_page_agrees_with_the_comments(store: Store, steps: list[tuple[str, int]]) -> None:
    """If anything happens to comments and replies in any order, then page, count and revision follow from them."""
    url = f"{STORY}/{new_comment().id}"
    ids = [receive(store, story_url=url) for _ in range(2)]
    for step, which in steps:
        id = ids[which % len(ids)]
        before, latest = shown(store, url), store.changes(0)[0]
        try:
            if step == "reply":
                ids.append(receive(store, story_url=url, parent=id))
            elif step == "withdraw":
                store.withdraw(id, leaf=b"", at=later())
            elif step == "erase":
                store.erase(id, leaf=b"", at=later())
            elif step == "escalate":
                store.escalate(id, kind="threat", told="", by="Zîn", at=later())
            else:
                decide(store, id, APPROVE if step == "approve" else REJECT)
        except (NoSuchParent, NotFound, NotErasable):
            pass
        changed = store.changes(latest)[1] == (url,)
        assert changed == (shown(store, url) != before)
    kept = [comment for comment in map(store.comment, ids) if comment is not None]
    ended = {one.id for one in kept if one.withdrawn_at or one.erased_at}
    approved_ids = {one.id for one in kept if one.status is Status.APPROVED and not one.escalated}
    expected: set[str] = set()
    # Children come after their parents, so one pass from the end sees every reply before its parent.
    for one in reversed(kept):
        if one.id in approved_ids and (
            one.id not in ended or any(other.parent == one.id and other.id in expected for other in kept)
        ):
            expected.add(one.id)
    assert shown(store, url) == [
        f"[{one.id}]" if one.id in ended else one.id for one in kept if one.id in expected
    ]
    assert store.counts([url]) == {url: len(expected - ended)}


# -- changes ------------------------------------------------------------------


def test_changes_name_the_stories(store: Store) -> None:
    """If what readers see of a story changes, then `changes` names it from any earlier number."""
    assert store.changes(0) == (0, ())
    one, two = approved(store), approved(store, story_url=STORY + "/2")
    assert store.changes(0) == (2, (STORY, STORY + "/2"))
    assert store.changes(1) == (2, (STORY + "/2",))
    decide(store, one, REJECT)
    assert store.changes(2) == (3, (STORY,))
    store.withdraw(two, leaf=b"", at=later())
    store.upsert_story(
        STORY, title="T", text=None, language="en", open=True, closes_at=None, mode=None, at=NOON
    )
    assert store.changes(3) == (5, (STORY + "/2", STORY))
    assert store.changes(5) == (5, ())
    assert store.changes(10**30) == (5, ())
    assert store.changes(-(10**30))[0] == 5
    story = store.story(STORY)
    assert story is not None
    assert story.revision == 3


def test_the_latest_of_all_stories_come_by_approval(store: Store) -> None:
    """If comments of many stories are approved, rejected again, withdrawn or held, then the latest are those that readers see, each once, the last approved first."""
    waited = receive(store, "It waited.")
    first, other = approved(store), approved(store, story_url=STORY + "/2")
    undone, gone = approved(store), approved(store)
    decide(store, undone, REJECT)
    receive(store, parent=gone)
    store.withdraw(gone, leaf=b"", at=later())
    store.upsert_story(
        STORY, title="T", text=None, language="en", open=True, closes_at=None, mode=None, at=later()
    )
    decide(store, waited)
    latest = store.latest(limit=50)
    assert [comment.id for comment in latest.comments] == [waited, other, first]
    assert [comment.story_url for comment in latest.comments] == [STORY, STORY + "/2", STORY]
    assert {url: story.title for url, story in latest.stories.items()} == {STORY: "T", STORY + "/2": None}
    assert [comment.id for comment in store.latest(limit=2).comments] == [waited, other]
    # Of one story they come as they were sent.
    of_one = store.latest(limit=50, url=STORY)
    assert {comment.id for comment in of_one.comments} == {waited, first}
    assert of_one.comments == tuple(sorted(of_one.comments, key=lambda one: one.submitted_at, reverse=True))
    assert store.latest(limit=50, url=STORY + "/3") == store.latest(limit=50, url="\x00")
    told = store.announced([STORY, STORY + "/3", "\x00"])
    assert (told[STORY].count, told[STORY + "/3"].revision, told["\x00"].count) == (2, 0, 0)
    assert told[STORY].revision == getattr(store.story(STORY), "revision", None)


def test_what_readers_do_not_see_is_no_change(store: Store) -> None:
    """If something happens that no reader can see, then no story changes."""
    id = receive(store)
    store.hold(id, HOLD, evidence=EVIDENCE, at=later())
    decide(store, id, REJECT)
    store.appeal(id, words="why?", at=later())
    decide(store, id, REJECT_BY_ANOTHER)
    store.withdraw(id, leaf=b"", at=later())
    store.erase(id, leaf=b"", at=later())
    again = approved(store)
    latest, _ = store.changes(0)
    decide(store, again, APPROVE)
    assert (latest, store.changes(0)) == (1, (1, (STORY,)))


def test_a_story_is_registered(store: Store) -> None:
    """If the newsroom registers a story, then it is kept as told, and told anew replaces it."""
    closes = datetime(2027, 1, 1, tzinfo=UTC)
    story = store.upsert_story(
        STORY,
        title="Görüşme",
        text="Tam metin.",
        language="tr",
        open=False,
        closes_at=closes,
        mode="off",
        at=NOON,
    )
    assert story == Story(story.id, STORY, "Görüşme", "Tam metin.", "tr", False, closes, "off", 1)
    assert store.story(STORY) == story
    again = store.upsert_story(
        STORY,
        title="Görüşme",
        text="Düzeltildi.",
        language="tr",
        open=False,
        closes_at=closes,
        mode=None,
        at=NOON,
    )
    assert again == replace(story, text="Düzeltildi.", mode=None)
    approved(store)
    assert store.story(STORY) == replace(again, revision=2)
    with pytest.raises(NotText):
        store.upsert_story(
            STORY, title="\0", text=None, language=None, open=True, closes_at=None, mode=None, at=NOON
        )


# -- the queue ----------------------------------------------------------------


def queue(store: Store, *, newest: bool = False, limit: int = 2) -> list[str]:
    """The whole queue, read piece by piece."""
    ids: list[str] = []
    after: str | None = None
    while True:
        comments, after = store.held(after=after, limit=limit, newest=newest)
        ids += [comment.id for comment in comments]
        if after is None:
            return ids


def test_the_queue_is_what_waits(store: Store) -> None:
    """If comments wait, judged or not, then the queue has them in order, and each leaves it when it need not wait."""
    assert store.held(after=None, limit=5) == ((), None)
    ids = [receive(store) for _ in range(5)]
    store.hold(ids[1], HOLD, evidence=EVIDENCE, at=later())
    assert queue(store) == ids
    assert queue(store, newest=True) == ids[::-1]
    assert store.held_count() == 5
    decide(store, ids[0], APPROVE)
    decide(store, ids[1], REJECT)
    store.withdraw(ids[2], leaf=b"", at=later())
    store.erase(ids[3], leaf=b"", at=later())
    assert queue(store) == ids[4:]
    store.escalate(ids[4], kind="threat", told="", by="Zîn", at=later())
    assert queue(store) == []
    assert store.held_count() == 0


def test_what_was_never_judged(store: Store) -> None:
    """If a crash left comments unjudged, then they are found, oldest first, and others are not."""
    ids = [receive(store) for _ in range(6)]
    decide(store, ids[1])
    store.hold(ids[2], HOLD, evidence=EVIDENCE, at=later())
    store.withdraw(ids[3], leaf=b"", at=later())
    store.erase(ids[4], leaf=b"", at=later())
    first = store.comment(ids[0])
    assert first is not None
    taken = {"at": later(), "until": later() + timedelta(seconds=30)}
    assert store.take_up(10, before=first.submitted_at, **taken) == ()
    assert store.take_up(1, before=later(), **taken) == (ids[0],)
    assert store.take_up(10, before=later(), **taken) == (ids[5],)
    assert store.take_up(10, before=later(), **taken) == ()
    again = {"at": later() + timedelta(seconds=31), "until": later() + timedelta(seconds=61)}
    assert store.take_up(10, before=later(), **again) == (ids[0], ids[5])


def test_what_its_receiver_left_is_taken_up_at_once(store: Store) -> None:
    """If whoever received a comment does not judge it, then it is taken up however young it is, by one of those who come."""
    young = {"before": later() - timedelta(days=1), "at": later(), "until": later() + timedelta(seconds=30)}
    left, kept = receive(store, left=True), receive(store)
    assert store.take_up(10, **young) == (left,)
    assert store.take_up(10, **young) == ()
    store.leave(kept)
    assert store.take_up(10, **young) == (kept,)
    for id in (left, kept):
        store.hold(id, HOLD, evidence=EVIDENCE, at=later())
    store.tidy(later() + timedelta(seconds=31))
    assert store.take_up(10, before=later(), at=later() + timedelta(days=1), until=later()) == ()


def test_what_was_decided_last(store: Store) -> None:
    """If comments were decided, then the last ones are told, newest first, each once, none that is restricted."""
    ids = [approved(store) for _ in range(4)]
    decide(store, ids[0], REJECT)
    store.erase(ids[2], leaf=b"", at=later())
    store.escalate(ids[3], kind="threat", told="", by="Zîn", at=later())
    receive(store)
    assert store.recently_decided(10) == (ids[0], ids[1])
    assert store.recently_decided(1) == (ids[0],)


def test_history_counts_what_came_before(store: Store) -> None:
    """If the same was said before, or much on this story, then history counts it, from then on, without itself."""
    start = later()
    for story in ("/1", "/1", "/2"):
        receive(store, story_url=STORY + story, fingerprint="same")
    middle = later()
    last = receive(store, story_url=STORY + "/1", fingerprint="same")
    ask: dict[str, Any] = {"story_url": STORY + "/1", "fingerprint": "same"}
    assert store.history(**ask, since=start) == History(repeats=4, on_story=3)
    assert store.history(**ask, since=start, besides=last) == History(repeats=3, on_story=2)
    assert store.history(**ask, since=start, story_since=middle) == History(repeats=4, on_story=1)
    assert store.history(**ask, since=later()) == History()
    assert store.history(story_url="https://elsewhere.example", fingerprint="other", since=start) == History()


# -- appeal, withdrawal, erasure, escalation ------------------------------------


def test_an_appeal_waits_for_another_person(store: Store) -> None:
    """If an author appeals a rejection, then it joins the queue, once per decision, until it is decided."""
    id = receive(store)
    decide(store, id, REJECT)
    at = later()
    store.appeal(id, words="Ez ne wisa bûm.", at=at)
    comment = store.comment(id)
    assert comment is not None
    assert (comment.status, comment.holds) == (Status.REJECTED, (Hold.APPEAL,))
    assert queue(store) == [id]
    assert store.appeals(id) == (Appeal(1, at, "Ez ne wisa bûm.", True),)
    with pytest.raises(NotAppealable):
        store.appeal(id, words="again", at=later())
    with pytest.raises(NotAllowed):
        decide(store, id, replace(APPROVE, decided_by=DecidedBy.MODERATOR, by=REJECT.by))
    assert queue(store) == [id]
    decide(store, id, REJECT_BY_ANOTHER)
    assert queue(store) == []
    assert store.appeals(id) == (Appeal(1, at, "Ez ne wisa bûm.", False),)
    store.appeal(id, words="Once more.", at=later())
    assert [appeal.open for appeal in store.appeals(id)] == [False, True]
    decide(store, id, APPROVE)
    assert shown(store) == [id]


def test_what_cannot_be_appealed(store: Store) -> None:
    """If a comment is not rejected, or was withdrawn or escalated, then there is nothing to appeal."""
    rejected = [receive(store) for _ in range(2)]
    for id in rejected:
        decide(store, id, REJECT)
    store.withdraw(rejected[0], leaf=b"", at=later())
    store.escalate(rejected[1], kind="threat", told="", by="Zîn", at=later())
    for id in (receive(store), approved(store), *rejected):
        with pytest.raises(NotAppealable):
            store.appeal(id, words="why?", at=later())
        assert store.appeals(id) == ()
    id = receive(store)
    decide(store, id, REJECT)
    with pytest.raises(NotText):
        store.appeal(id, words="\0", at=later())


def test_withdrawn_once(store: Store) -> None:
    """If an author withdraws, then the showing ends, the decision stays, and again changes nothing."""
    id = approved(store)
    at = later()
    store.withdraw(id, leaf=b"withdrawal", at=at)
    store.withdraw(id, leaf=b"withdrawal", at=later())
    comment = store.comment(id)
    assert comment is not None
    assert (comment.withdrawn_at, comment.status, comment.text) == (at, Status.APPROVED, "Well said.")
    assert leaf_numbers(store) == [0, 1, 2]
    assert shown(store) == []


def test_erased_is_gone(store: Store) -> None:
    """If a comment is erased, then its words and all about them are gone; its decisions and leaves stay."""
    id = receive(store, "the words", email="d@example.org", fingerprint="same")
    store.hold(id, HOLD, evidence=EVIDENCE, at=later())
    decide(store, id, REJECT, note="the note", evidence=EVIDENCE)
    store.appeal(id, words="the appeal", at=later())
    commitment = store.commitment(id)
    at = later()
    store.erase(id, leaf=b"erasure", at=at)
    store.erase(id, leaf=b"erasure", at=later())
    comment = store.comment(id)
    assert comment is not None
    assert (comment.text, comment.name, comment.email, comment.holds) == (None, None, None, ())
    assert (comment.erased_at, comment.status, comment.seq) == (at, Status.REJECTED, 1)
    assert store.words_proof(id) is None
    assert store.commitment(id) == commitment
    assert store.evidence(id) is None
    assert [(one.decision, one.note) for one in store.decisions(id)] == [(REJECT, None)]
    assert [appeal.words for appeal in store.appeals(id)] == [None]
    assert store.history(story_url=STORY, fingerprint="same", since=NOON).repeats == 0
    assert store.leaves(2, 10) == [(2, b"erasure")]
    for change in (
        lambda: decide(store, id, APPROVE),
        lambda: store.withdraw(id, leaf=b"", at=later()),
        lambda: store.appeal(id, words="why?", at=later()),
        lambda: store.escalate(id, kind="threat", told="", by="Zîn", at=later()),
    ):
        with pytest.raises(NotFound):
            change()
    store.hold(id, HOLD, evidence=EVIDENCE, at=later())
    assert store.evidence(id) is None
    assert queue(store) == []
    assert leaf_numbers(store) == [0, 1, 2]


def test_escalated_is_kept(store: Store) -> None:
    """If a comment was escalated, then nobody is shown it, who was told is on record, and it cannot be erased."""
    id = approved(store)
    at = later()
    store.escalate(id, kind="threat-to-life", told="the police", by="Zîn", at=at)
    assert store.escalations(id) == (Escalation("threat-to-life", "the police", "Zîn", at),)
    assert shown(store) == []
    with pytest.raises(NotErasable):
        store.erase(id, leaf=b"", at=later())
    comment = store.comment(id)
    assert comment is not None
    assert (comment.escalated, comment.text) == (True, "Well said.")
    with pytest.raises(NotFound):
        decide(store, id, APPROVE)
    assert shown(store) == []
    assert leaf_numbers(store) == [0, 1]


def test_addresses_are_forgotten_in_time(store: Store, database_url: str) -> None:
    """If a comment is older than addresses are kept, then its address key and fingerprint are gone, and younger ones stay."""
    for _ in range(3):
        receive(store, address_key="old")
    border = later()
    receive(store, address_key="young")
    assert store.expire(before=border) == 3
    assert store.expire(before=border) == 0
    with around(database_url) as connection:
        keys = connection.execute("SELECT address_key FROM comment WHERE address_key IS NOT NULL").fetchall()
        kept = connection.execute("SELECT count(*) FROM comment WHERE fingerprint IS NOT NULL").fetchone()
    assert keys == [("young",)]
    assert kept == (1,)


def test_leaves_are_read_in_order(store: Store) -> None:
    """If leaves are asked for from any number, then they come in order, and past the end there are none."""
    for _ in range(3):
        approved(store)
    assert [number for number, _ in store.leaves(2, 3)] == [2, 3, 4]
    assert [number for number, _ in store.leaves(-(10**30), 2)] == [0, 1]
    assert store.leaves(6, 5) == []
    assert store.leaves(10**30, 5) == []


# -- staff --------------------------------------------------------------------


def test_moderators_come_and_go(store: Store) -> None:
    """If a moderator is removed, then sessions and links end at once; the name may come back, without them."""
    at = later()
    store.people.add_moderator("Zîn", at, by="operator")
    assert store.people.moderators() == (ModeratorRow("Zîn", "moderator", (), at),)
    with pytest.raises(AlreadyExists):
        store.people.add_moderator("Zîn", later(), by="operator")
    store.people.add_link("Zîn", "link", later(hours=1), later(), by="operator")
    store.people.add_session("session", "Zîn", "csrf", later(hours=1), at)
    store.people.remove_moderator("Zîn", later(), by="operator")
    assert store.people.moderators() == ()
    assert store.people.use_link("link", later()) is None
    assert store.people.session("session", later()) is None
    changes: tuple[Callable[[], None], ...] = (
        lambda: store.people.remove_moderator("Zîn", later(), by="operator"),
        lambda: store.people.add_link("Zîn", "another", later(hours=1), later(), by="operator"),
        lambda: store.people.add_session("another", "Zîn", "csrf", later(hours=1), later()),
        lambda: store.people.add_link("Mem", "another", later(hours=1), later(), by="operator"),
    )
    for change in changes:
        with pytest.raises(NotFound):
            change()
    back = later()
    store.people.add_moderator("Zîn", back, by="operator")
    assert store.people.moderators() == (ModeratorRow("Zîn", "moderator", (), back),)
    assert store.people.use_link("link", later()) is None


def test_a_link_works_once(store: Store) -> None:
    """If a sign-in link is used, unknown or too old, then it signs nobody in."""
    store.people.add_moderator("Zîn", later(), by="operator")
    store.people.add_link("Zîn", "fresh", later(hours=1), later(), by="operator")
    store.people.add_link("Zîn", "stale", later(), later(), by="operator")
    assert store.people.use_link("fresh", later()) == "Zîn"
    assert store.people.use_link("fresh", later()) is None
    assert store.people.use_link("stale", later()) is None
    assert store.people.use_link("unknown", later()) is None


def test_a_session_ends(store: Store) -> None:
    """If a session was ended or its time is over, then it is none; old ones are forgotten."""
    at, end = later(), later(hours=1)
    store.people.add_moderator("Zîn", at, by="operator")
    store.people.add_session("one", "Zîn", "csrf", end, at)
    assert store.people.session("one", later()) == SessionRow(
        "Zîn", "csrf", at, end, "link", "", at, "moderator", ()
    )
    assert store.people.session("one", end) is None
    store.people.end_session("one", later())
    store.people.end_session("one", later())
    assert store.people.session("one", later()) is None
    store.people.add_session("two", "Zîn", "csrf", end, at)
    store.people.add_link("Zîn", "link", end, later(), by="operator")
    store.expire(before=end + timedelta(seconds=1))
    # Asked about a time when they were still good: they are not refused, they are gone.
    assert store.people.session("two", at) is None
    assert store.people.use_link("link", at) is None


def test_tokens_are_given_and_revoked(store: Store) -> None:
    """If a token is revoked, then it opens nothing, and its name may be given to a new one."""
    at = later()
    store.people.add_token("archive", "digest", ("judge", "stories"), at, by="operator")
    assert store.people.token("digest") == TokenRow("archive", ("judge", "stories"), at)
    assert store.people.tokens() == (TokenRow("archive", ("judge", "stories"), at),)
    with pytest.raises(AlreadyExists):
        store.people.add_token("archive", "other", ("judge",), later(), by="operator")
    assert store.people.token("other") is None
    store.people.revoke_token("archive", later(), by="operator")
    assert store.people.token("digest") is None
    assert store.people.tokens() == ()
    with pytest.raises(NotFound):
        store.people.revoke_token("archive", later(), by="operator")
    store.people.add_token("archive", "new", (), later(), by="operator")
    assert store.people.token("digest") is None
    assert store.people.token("new") is not None


# -- the whole ------------------------------------------------------------------


def test_reopened_is_the_same(store: Store, database_url: str) -> None:
    """If the store is closed and opened again, then all is as it was."""
    id = approved(store, "kept", name="Dilan")
    before = (store.comment(id), store.decisions(id), store.leaves(0, 9), store.changes(0))
    store.close()
    again = Store.open(database_url, migrate=False)
    assert (again.comment(id), again.decisions(id), again.leaves(0, 9), again.changes(0)) == before
    assert again.receive(new_comment()).leaf == 2
    again.close()


def test_a_store_answers_to_ping(store: Store) -> None:
    """If all is well, then a ping returns, and the store says which database it is on."""
    store.ping()
    assert store.dialect in ("sqlite", "postgresql")
    assert leaf_numbers(store) == []


@pytest.mark.parametrize(
    "url",
    ["", "mysql://host/name", "sqlite://", "sqlite:///:memory:", "nonsense", "postgresql+asyncpg://h/n"],
)
def test_another_kind_of_database(url: str) -> None:
    """If the database is of a kind that Meydan does not keep comments in, then it refuses to start."""
    with pytest.raises(BadSettings):
        Store.open(url)


def test_values_do_not_tell_words(store: Store) -> None:
    """If a value of the store is printed, then no words, name, address or key of the reader is in it."""
    new = new_comment("a secret thing", name="Rojda", email="r@example.org", address_key="addresskey")
    assert not {"secret", "Rojda", "example.org", "addresskey"} & set(repr(new).replace("'", " ").split())
    for word in ("a secret thing", "Rojda", "r@example.org", "addresskey"):
        assert word not in repr(new)
    assert "the appeal" not in repr(Appeal(1, NOON, "the appeal", True))
    assert isinstance(new, NewComment)
    assert Verdict.HOLD not in (APPROVE.verdict, REJECT.verdict)


def test_a_newer_database(store: Store, database_url: str) -> None:
    """If a newer program migrated the database, then this one works with it if that one says so, and else refuses it."""
    id = receive(store)
    store.close()
    with around(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for migrate in (True, False):
        older = Store.open(database_url, migrate=migrate)
        decide(older, id)
        older.close()
    for oldest in (
        "UPDATE meta SET value = '9998' WHERE key = 'oldest'",
        "DELETE FROM meta WHERE key = 'oldest'",
    ):
        with around(database_url) as connection:
            connection.execute(oldest)
        for migrate in (True, False):
            with pytest.raises(BadSchema, match="newer"):
                Store.open(database_url, migrate=migrate)
