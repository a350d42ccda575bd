"""Whose a comment is: accounts, guests who confirm their address, and everybody else; on both databases."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meydan.comment import Hold, Reader, Status, Verdict
from meydan.desk import CONFIRMED_WITHIN, MAILS_AN_HOUR, Visitor
from meydan.errors import AccountNeeded, Blocked, Malformed, MissingFields, NotErasable, NotFound, TooFast
from meydan.letters import Letters
from meydan.passes import Seal, mailbox_of
from meydan.policy import Guidelines
from meydan.readers import LINK_GOOD_FOR, LINKS_AN_HOUR, Readers
from meydan.store import Sought
from tests.desk.conftest import ABUSIVE, COURTEOUS, STORY, Room
from tests.proportion import in_proportion

ROJIN = Reader("a" * 32, "Rojîn", "rojin@square.example", email_verified=True)
OWN = "http://localhost"


def at(address: str = "1") -> Visitor:
    return Visitor(address_key=address * 32, own=(OWN,))


@pytest.fixture
def guests(room_with: Callable[..., Room], guidelines: Guidelines) -> Callable[[str], Room]:
    """A room whose guidelines say who may write without an account."""

    def made(who: str) -> Room:
        publication = replace(guidelines.publication, guests=who)
        room = room_with(guidelines=replace(guidelines, publication=publication))
        room.desk.mail_works = True
        return room

    return made


def mailed(room: Room) -> list[dict[str, Any]]:
    """What was posted since this was last asked."""
    now = room.clock.now + timedelta(seconds=1)
    jobs = room.store.outbox.lease(at=now, until=now + timedelta(days=9), limit=100)
    return [dict(job.body) for job in jobs]


def token_in(mail: dict[str, Any]) -> str:
    return str(mail["link"]).rsplit("/", 1)[1].partition("?")[0]


def readers_of(room: Room) -> Readers:
    return Readers(room.store, clock=room.clock, secret=b"s" * 32, own_url=OWN)


# -- accounts ---------------------------------------------------------------------


def test_an_account_writes_under_its_own_name(room: Room) -> None:
    """If an account sends a comment, then the form's name and address count for nothing, and it is the account's."""
    sent = room.send(name="Mallory", email="mallory@evil.example", reader=ROJIN)
    comment = room.desk.item(sent.id).comment
    assert (comment.name, comment.email) == ("Rojîn", "rojin@square.example")
    (own,), _ = room.desk.comments_of(ROJIN.key)
    assert own.comment.id == sent.id
    assert own.outcome.receipt == sent.receipt
    assert own.outcome.text == COURTEOUS


def test_a_block_of_an_account_holds_wherever_it_writes_from(room: Room) -> None:
    """If an account's author is blocked, then nothing is taken from it from any address, and guests are not meant."""
    sent = room.send(reader=ROJIN, visitor=at("1"))
    room.desk.block(sent.id, by="Zîn", reason="Enough.")
    with pytest.raises(Blocked):
        room.send(reader=ROJIN, visitor=at("2"))
    assert room.send(name="Rojîn", email="rojin@square.example", visitor=at("1")).id


def test_somebody_elses_comment_is_not_there(room: Room) -> None:
    """If a comment is another reader's, a guest's, or carries an address that was only typed, then it is nobody else's."""
    theirs = room.send(reader=replace(ROJIN, key="b" * 32))
    typed = room.send(name="Rojîn", email="rojin@square.example")
    assert room.desk.comments_of(ROJIN.key) == ((), None)
    for id in (theirs.id, typed.id, "never-there", "\x00"):
        for attempt in (room.desk.own_comment, room.desk.withdraw_own, room.desk.erase_own):
            with pytest.raises(NotFound):
                attempt(id, reader=ROJIN.key)
    assert room.desk.pass_for(typed.id) is None
    assert room.desk.pass_for("never-there") is None


def test_erasing_leaves_nothing_of_a_reader(room: Room) -> None:
    """If readers erase their comments, then words, name and key are gone, and what is held for the law goes with its end."""
    kept, gone = room.send(reader=ROJIN).id, [room.send(reader=ROJIN).id for _ in range(3)]
    room.desk.escalate(kept, kind="private-data", told="", by="Zîn")
    assert room.desk.erase_all_own(ROJIN.key) == (3, 1, False)
    for id in gone:
        comment = room.store.comment(id)
        assert comment is not None
        assert (comment.text, comment.name, comment.email) == (None, None, None)
        assert room.store.readers.reader_of(id) is None
    assert [own.comment.id for own in room.desk.comments_of(ROJIN.key)[0]] == [kept]
    with pytest.raises(NotErasable):
        room.desk.erase_own(kept, reader=ROJIN.key)
    room.desk.end_hold(kept, reason="The authorities have it.", by="Mem")
    assert room.desk.comments_of(ROJIN.key) == ((), None)


def test_where_guests_are_not_taken_only_accounts_write(guests: Callable[[str], Room]) -> None:
    """If guests are off, then a guest is refused, with a confirmed address too, and an account is taken."""
    room = guests("off")
    for reader in (None, replace(ROJIN, kind="verified")):
        with pytest.raises(AccountNeeded):
            room.send(reader=reader)
    assert room.send(reader=replace(ROJIN, email=None)).status is not Status.REJECTED


# -- guests who confirm their address -----------------------------------------------


def test_nobody_reads_what_is_not_confirmed(guests: Callable[[str], Room]) -> None:
    """If a guest has not confirmed their address, then neither machine nor person gets to see or decide the comment."""
    room = guests("verified")
    sent = room.send(ABUSIVE, email="Zara@Square.example", visitor=at())
    assert (sent.status, sent.holds) == (Status.HELD, (Hold.UNVERIFIED,))
    room.desk.judge(sent.id)
    assert room.desk.sweep() == 0
    assert room.desk.held() == ((), None)
    assert room.desk.queue() == ((), None)
    assert room.desk.held_count() == 0
    assert room.desk.find(Sought())[0] == ()
    assert room.store.evidence(sent.id) is None
    for attempt in (
        lambda: room.desk.item(sent.id),
        lambda: room.desk.review(sent.id, Verdict.APPROVE, by="Zîn"),
        lambda: room.desk.escalate(sent.id, kind="terrorism", told="", by="Zîn"),
    ):
        with pytest.raises(NotFound):
            attempt()
    assert room.desk.status(sent.id, receipt=sent.receipt).text == ABUSIVE


def test_a_confirmed_comment_is_judged_like_any_other(guests: Callable[[str], Room]) -> None:
    """If the mailed link is used, then the comment is judged, is its author's by every spelling, and earns a pass."""
    room = guests("verified")
    sent = room.send(email="Zara@Square.example", visitor=at(), suspicious=True)
    (mail,) = mailed(room)
    assert (mail["to"], mail["comment"]) == ("zara@square.example", sent.id)
    assert not {COURTEOUS, "Rojin"} & set(mail.values()), "nothing of a reader's words leaves"
    assert mail["link"].startswith(f"{OWN}/me/confirm/")
    assert room.desk.pass_for(sent.id) is None
    shown = room.desk.to_confirm(token_in(mail))
    assert shown is not None
    assert shown.text == COURTEOUS
    assert room.desk.confirm(token_in(mail)).status is Status.HELD
    # What was known when it came still counts.
    assert room.desk.item(sent.id).comment.holds[0] is Hold.SUSPICIOUS_FORM
    with pytest.raises(NotFound):
        room.desk.confirm(token_in(mail))
    assert room.desk.to_confirm(token_in(mail)) is None
    readers = readers_of(room)
    reader = readers.identify(f"Bearer {room.desk.pass_for(sent.id)}")
    assert reader is not None
    assert (reader.name, reader.email, reader.kind) == ("Rojin", "zara@square.example", "verified")
    again = room.send(name="Another", reader=reader, visitor=at("2"))
    assert room.desk.item(again.id).comment.name == "Rojin"
    assert [own.comment.id for own in room.desk.comments_of(reader.key)[0]] == [again.id, sent.id]
    room.desk.block(again.id, by="Zîn", reason="Enough.")
    with pytest.raises(Blocked):
        room.send(email="ZARA@square.example", visitor=at("3"))


def test_what_is_not_confirmed_is_erased_unread(guests: Callable[[str], Room]) -> None:
    """If nobody confirms a comment in time, or somebody says that it is not theirs, then it is erased."""
    room = guests("verified")
    first, second = (room.send(email=f"{name}@square.example", visitor=at()) for name in ("a", "b"))
    mails = {mail["comment"]: mail for mail in mailed(room)}
    room.desk.disown(token_in(mails[second.id]))
    assert room.desk.status(second.id).erased
    room.clock.forward(days=CONFIRMED_WITHIN.days - 1)
    room.desk.expire(address_days=7)
    assert not room.desk.status(first.id).erased
    room.clock.forward(days=1)
    room.desk.expire(address_days=7)
    assert room.desk.status(first.id).erased
    with pytest.raises(NotFound):
        room.desk.confirm(token_in(mails[first.id]))


@pytest.mark.parametrize("who", ["the machine", "the letter"])
def test_what_is_confirmed_in_the_last_moment_stays(
    guests: Callable[[str], Room], monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """If an author confirms while their comment is about to be erased, then it is not."""
    room = guests("verified")
    sent = room.send(email="a@square.example", visitor=at())
    (mail,) = mailed(room)
    room.clock.forward(days=CONFIRMED_WITHIN.days - 1)
    erase = room.store.erase

    def late(id: str, **how: Any) -> None:
        room.desk.confirm(token_in(mail))
        erase(id, **how)

    monkeypatch.setattr(room.store, "erase", late)
    if who == "the machine":
        monkeypatch.setattr(room.store.readers, "unconfirmed", lambda limit, *, before: (sent.id,))
        room.desk.expire(address_days=7)
    else:
        with pytest.raises(NotFound):
            room.desk.disown(token_in(mail))
    assert (room.desk.status(sent.id).status, room.shown()) == (Status.APPROVED, [COURTEOUS])


def test_an_address_is_not_written_to_without_end(guests: Callable[[str], Room]) -> None:
    """If one address is given again and again, then comments are refused from some number on, whoever sends them."""
    room = guests("verified")
    for number in range(MAILS_AN_HOUR):
        room.send(f"{COURTEOUS} {number}", email="victim@square.example", visitor=at(str(number)))
    with pytest.raises(TooFast):
        room.send(email="VICTIM@square.example", visitor=at("9"))
    assert len(mailed(room)) == MAILS_AN_HOUR
    assert room.send(email="other@square.example", visitor=at("9")).id


def test_a_block_meanwhile_holds_for_what_is_confirmed_later(
    guests: Callable[[str], Room],
) -> None:
    """If a guest is blocked while their comment waits to be confirmed, then confirming it is no way around the block."""
    room = guests("named")
    seen = room.send(email="zara@square.example", visitor=at("1"))
    room.desk.change_story(STORY, {"guests": "verified"}, by="Zîn")
    room.send(f"{COURTEOUS} Again.", email="zara@square.example", visitor=at("1"))
    room.desk.block(seen.id, by="Zîn", reason="Enough.")
    (mail,) = mailed(room)
    with pytest.raises(Blocked):
        room.desk.confirm(token_in(mail))
    room.desk.unblock(seen.id, by="Zîn")
    room.desk.confirm(token_in(mail))


def test_a_letter_in_hand_is_not_sent_for_a_comment_that_is_gone(guests: Callable[[str], Room]) -> None:
    """If a comment is erased, taken back or confirmed while the courier has its letter in hand, then nobody is written to."""
    room = guests("verified")
    letters = Letters(
        room.store,
        clock=room.clock,
        entropy=secrets.token_bytes,
        secret=b"s" * 32,
        guidelines=lambda: room.desk.guidelines,
        own_url=OWN,
        works=True,
    )
    sent = [room.send(email=f"{name}@square.example", visitor=at()) for name in "abcd"]
    jobs = {job.subject: job for job in letters.lease()}
    room.desk.erase(sent[0].id)
    room.desk.withdraw(sent[1].id, receipt=sent[1].receipt or "")
    room.desk.confirm(token_in(dict(jobs[sent[2].id].body)))
    assert [letters.told_of(jobs[one.id]) is not None for one in sent] == [False, False, False, True]


def test_where_no_mail_is_sent_no_guest_waits_in_vain(guests: Callable[[str], Room]) -> None:
    """If an address has to be confirmed and none is given, or none could be, then the comment is refused and not kept."""
    room = guests("verified")
    with pytest.raises(MissingFields) as missing:
        room.send(visitor=at())
    assert missing.value.fields == ("email",)
    room.desk.mail_works = False
    with pytest.raises(AccountNeeded):
        room.send(email="zara@square.example", visitor=at())
    assert room.desk.page(STORY).story is None


# -- links, sessions, passes ----------------------------------------------------------


def test_a_link_signs_in_once(room: Room) -> None:
    """If a mailed link is used, then it signs in, once; looking at it changes nothing; late or changed it opens nothing."""
    readers = readers_of(room)
    readers.send_link("Zara@Square.example", language="en")
    token = token_in(mailed(room)[0])
    assert readers.mailbox_of_link(token) == "zara@square.example"
    assert readers.mailbox_of_link(token) == "zara@square.example"
    session = readers.sign_in(token)
    assert readers.session(session.token).reader.email == "zara@square.example"
    with pytest.raises(Exception, match="used already"):
        readers.sign_in(token)
    assert readers.mailbox_of_link(token) is None
    readers.send_link("zara@square.example", language="en")
    late = token_in(mailed(room)[0])
    room.clock.now += LINK_GOOD_FOR
    room.clock.forward(seconds=2)
    for other in (late, late[:-3] + "AAA", session.token, "", "x" * 9000, "\udc00"):
        assert readers.mailbox_of_link(other) is None
        with pytest.raises(Exception, match="used already"):
            readers.sign_in(other)
    for number in range(LINKS_AN_HOUR + 3):
        readers.send_link("zara@square.example", language=("en", "ckb")[number % 2])
    assert len(mailed(room)) == LINKS_AN_HOUR - 2


def test_signing_out_everywhere_ends_all_that_was_given(guests: Callable[[str], Room]) -> None:
    """If readers sign out everywhere, then their sessions, passes and feed address end, and what they get later counts."""
    room = guests("verified")
    readers = readers_of(room)
    sent = room.send(email="zara@square.example", visitor=at())
    room.desk.confirm(token_in(mailed(room)[0]))
    given = room.desk.pass_for(sent.id)
    reader = readers.identify(f"Bearer {given}")
    assert reader is not None
    feed = readers.feed_of(reader)
    assert readers.reader_of_feed(feed) == reader.key
    readers.send_link("zara@square.example", language="en")
    session = readers.sign_in(token_in(mailed(room)[0]))
    assert session.reader.key == reader.key
    readers.send_link("zara@square.example", language="en")
    lying = token_in(mailed(room)[0])
    room.clock.forward(seconds=5)
    readers.sign_out_everywhere(session.reader)
    with pytest.raises(Exception, match="Sign in"):
        readers.session(session.token)
    with pytest.raises(Exception, match="ended"):
        readers.identify(f"Bearer {given}")
    assert readers.reader_of_feed(feed) is None
    assert room.desk.pass_for(sent.id) is None
    assert readers.reader_of_feed(readers.feed_of(reader)) == reader.key
    # What lay in the mailbox before opens nothing, what comes later does.
    with pytest.raises(Exception, match="used already"):
        readers.sign_in(lying)
    room.clock.forward(seconds=2)
    readers.send_link("zara@square.example", language="en")
    assert readers.sign_in(token_in(mailed(room)[0])).reader.key == reader.key
    # A session is no pass, and a pass no session.
    for wrong in (f"mp1.{session.token}", "mp1.", "mp1.x", f"{given}x"):
        with pytest.raises(Exception, match="ended"):
            readers.identify(f"Bearer {wrong}")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Zara@Square.Example", "zara@square.example", True),
        (" zara@square.example ", "zara@square.example", True),
        ("z\u00e9@square.example", "ze\u0301@square.example", True),
        # The Kelvin sign is a K, by Unicode's own word; mail goes to the K.
        ("mi\u212ae@square.example", "mike@square.example", True),
        # What a mail server may tell apart is never taken for one.
        ("\u0131van@square.example", "ivan@square.example", False),
        ("\u0130van@square.example", "ivan@square.example", False),
        ("zara@stra\u00dfe.example", "zara@strasse.example", False),
        ("\uff5aara@square.example", "zara@square.example", False),
    ],
)
def test_an_address_is_the_same_only_where_it_is(one: str, other: str, same: bool) -> None:
    """If two spellings reach one mailbox for certain, then they are one reader; by a letter that looks alike they are not."""
    seal = Seal(b"s" * 32)
    assert (seal.verified(one, "A").key == seal.verified(other, "B").key) is same


@pytest.mark.parametrize(
    "wrong",
    [
        "", "zara", "zara@", "@square.example", "zara@localhost", "a@b.example,c@d.example", "a@b@square.example",
        "za ra@square.example", "zara@square.example\r\nBcc: x@y.example", "zara@square.example\x00", "<z@s.example>",
        "zara@\u202esquare.example", '"z"@square.example', f"{'z' * 250}@s.example", "zara@.example",
    ],
)  # fmt: skip
def test_what_is_no_plain_address_is_refused(wrong: str) -> None:
    """If something could be two addresses, another header or none, then it is not taken for one."""
    with pytest.raises(Exception, match="of the form"):
        Seal(b"s" * 32).verified(wrong, "A")


def test_an_address_of_marks_takes_time_in_proportion() -> None:
    """If somebody sends an address that is a pile of marks, then it is refused before they are put in order."""

    def refused(address: str) -> None:
        with pytest.raises(Malformed, match="of the form"):
            mailbox_of(address)

    assert in_proportion(refused, lambda size: "a" + "\u0301\u0323" * (size // 2), 60_000)
    # Each letter is composed of as many signs as any can be.
    assert (
        mailbox_of("\u03b1\u0313\u0300\u0345" * 239 + "@square.example") == "\u1f82" * 239 + "@square.example"
    )


def test_a_pass_outlives_a_change_of_the_secret() -> None:
    """If the secret is another and the former one is named, then a pass is believed, under the key that its reader had."""
    now = datetime(2026, 11, 1, tzinfo=UTC)
    reader = Seal(b"s" * 32).verified("zin@square.example", "Zîn")
    given = Seal(b"s" * 32).pass_of(reader, now)
    assert Seal(b"n" * 32).read_pass(given, now) is None
    after = Seal(b"n" * 32, former=b"s" * 32).read_pass(given, now)
    assert after is not None
    assert (after.reader.key, after.reader.name) == (reader.key, "Zîn")
    assert Seal(b"n" * 32, former=b"o" * 32).read_pass(given, now) is None


def test_who_confirms_is_not_told_that_judging_failed(
    guests: Callable[[str], Room], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If judging fails once an address is confirmed, whatever it was, then the comment waits, and the next sweep judges it."""
    room = guests("verified")
    sent = room.send(email="zara@square.example", visitor=at())
    (mail,) = mailed(room)
    with monkeypatch.context() as broken:
        broken.setattr(room.store, "settle", lambda *_given, **_more: 1 // 0)
        assert room.desk.confirm(token_in(mail)).status is Status.HELD
    assert room.desk.sweep() == 1
    assert room.desk.status(sent.id).status is Status.APPROVED
