"""Following by e-mail: nobody is written to who did not say yes, what is new is told once, and who ends it is forgotten."""

from __future__ import annotations

import secrets
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from meydan.comment import DecidedBy, Decision, Reader, Verdict
from meydan.desk import Visitor
from meydan.errors import Malformed, NotFound
from meydan.judge import Judge
from meydan.letters import Letters
from meydan.passes import Seal
from meydan.policy import Guidelines
from meydan.post.courier import Courier
from meydan.post.mail import Mailer
from meydan.settings import MailServer
from meydan.store import Store
from tests.desk.conftest import STORY, UNMEASURED, Room
from tests.store.making import around

ADDRESS = "zin@reader.example"


class Post:
    """A desk that mail works for, its letters, and what the courier brought to whom."""

    def __init__(self, store: Store, judge: Judge, guidelines: Guidelines) -> None:
        self.room = Room(store, judge, guidelines)
        self.desk = self.room.desk
        self.desk.mail_works = True
        self.letters = Letters(
            store,
            clock=self.room.clock,
            entropy=secrets.token_bytes,
            secret=b"s" * 32,
            guidelines=lambda: guidelines,
            own_url="https://comments.example",
            works=True,
        )
        self.sent: list[EmailMessage] = []
        self.courier = Courier(self.letters, _Basket(self.sent))

    def carry(self, **after: float) -> list[str]:
        """Carry out all that is due after a while; the kinds of letter by their subjects."""
        self.room.clock.forward(**after)
        before = len(self.sent)
        while self.courier.carry_out():
            pass
        return [str(message["subject"]).partition(":")[0].partition("?")[0] for message in self.sent[before:]]

    def link(self, what: str) -> str:
        """The token of a link in the letter sent last."""
        body = self.sent[-1].get_body(("plain",))
        assert body is not None
        return str(body.get_content()).partition(f"/{what}/")[2].split()[0]

    def follow(self, address: str = ADDRESS, *, comment: str | None = None) -> str:
        """Ask, say yes, and return the token that ends it."""
        self.letters.ask(STORY, comment=comment, email=address, language="en")
        assert self.carry() == ["May we write to you"]
        assert self.letters.confirm(self.link("follow"))
        return self.letters.followed_by(address)[0][1]

    def shown(self, **more: Any) -> str:
        """A comment that readers see."""
        id = self.room.send(UNMEASURED, visitor=Visitor(secrets.token_hex(16)), **more).id
        self.desk.review(id, Verdict.APPROVE, by="Mem")
        return id


class _Basket(Mailer):
    """Keeps what it is handed; the server itself is tests/post's subject."""

    def __init__(self, sent: list[EmailMessage]) -> None:
        super().__init__(MailServer("nowhere.example", 25, "off"), "comments@news.example")
        self._sent = sent

    def line(self) -> Any:
        return self

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def send(self, message: EmailMessage) -> None:
        self._sent.append(message)


@pytest.fixture
def post(store: Store, judge: Judge, guidelines: Guidelines) -> Post:
    return Post(store, judge, guidelines)


def test_nobody_is_written_to_who_did_not_say_yes(post: Post) -> None:
    """If somebody types an address, then it gets one letter that asks, and nothing else, and is forgotten after two days."""
    for _ in range(5):
        post.letters.ask(STORY, comment=None, email=ADDRESS, language="ckb")
    post.shown()
    assert len(post.carry(hours=1)) == 1
    assert post.sent[0]["content-language"] == "ckb"
    token = post.link("follow")
    post.room.clock.forward(days=3)
    post.letters.expire()
    assert not post.letters.confirm(token)
    assert post.letters.followed_by(ADDRESS) == []


def test_one_address_is_asked_seldom(post: Post) -> None:
    """If an address is typed in for story after story, then it is asked three times a day, however it is spelt."""
    for number in range(10):
        spelt = ADDRESS if number % 2 else ADDRESS.upper()
        post.letters.ask(f"{STORY}/{number}", comment=None, email=spelt, language="en")
    assert len(post.carry()) == 3


def test_what_is_new_is_told_together(post: Post) -> None:
    """If several comments are shown within a quarter of an hour, then there is one letter, with their number and no word of them."""
    post.follow()
    for _ in range(3):
        post.shown(name="Dilan Secret")
    assert post.carry(minutes=16) == ["New comments"]
    text = post.sent[-1].as_string()
    assert "New comments: 3" in text
    assert "Dilan" not in text
    assert UNMEASURED[:10] not in text
    assert post.carry(minutes=16) == []
    post.shown()
    assert post.carry(minutes=16) == ["New comments"]


def test_what_is_shown_while_the_news_are_gathered_is_told_with_the_next(post: Post) -> None:
    """If a comment comes to be shown when a courier has its time's news in hand already, then it is not lost."""
    post.follow()
    store, clock = post.room.store, post.room.clock
    late = post.room.send(UNMEASURED, visitor=Visitor(secrets.token_hex(16))).id
    post.shown()
    decided_at = clock.now
    clock.forward(minutes=16)
    (job,) = post.letters.lease()
    post.letters.spread(job)
    # Decided a moment before the quarter of an hour was over, and written only now.
    decision = Decision(Verdict.APPROVE, decided_by=DecidedBy.MODERATOR, by="Mem", guidelines="sha256:1")
    store.settle(late, decision, leaf=b"late", at=decided_at, expected_seq=0)
    post.letters.finish(job)
    assert post.carry() == ["New comments"]
    assert post.carry(minutes=16) == ["New comments"]


def test_what_was_told_is_not_told_again(post: Post) -> None:
    """If a shown comment is approved once more, was never shown, or is one's own, then nobody is told of it."""
    post.follow()
    id = post.shown()
    assert post.carry(minutes=16) == ["New comments"]
    post.desk.review(id, Verdict.APPROVE, by="Zîn")
    rejected = post.room.send(UNMEASURED, visitor=Visitor("b" * 32)).id
    post.desk.review(rejected, Verdict.REJECT, rules=["profanity"], by="Mem")
    post.shown(email=ADDRESS)
    assert post.carry(minutes=16) == []


def test_who_is_known_is_not_told_of_their_own(post: Post) -> None:
    """If who follows by their address writes as who proved it, or with an account that has it, then they are told once of others alone."""
    post.follow()
    guest = Seal(b"s" * 32).verified(ADDRESS.upper(), "Zîn")
    known = Reader("k" * 32, "Zîn", ADDRESS, email_verified=True)
    for reader in (guest, known):
        post.shown(reader=reader, follow=True)
    assert post.carry(minutes=16) == ["May we write to you", "May we write to you"]
    assert post.letters.confirm(post.link("follow"))
    assert post.carry(minutes=16) == ["Your comment was decided"]
    post.shown()
    assert post.carry(minutes=16) == ["New comments"]
    assert len(post.letters.followed_by(ADDRESS)) == 2


def test_replies_are_told_to_who_follows_them(post: Post) -> None:
    """If somebody follows one comment, then only what stands under it is told, however deep."""
    root, other = post.shown(), post.shown()
    post.follow(comment=root)
    post.shown(parent=other)
    assert post.carry(minutes=16) == []
    reply = post.shown(parent=root)
    post.shown(parent=reply)
    assert post.carry(minutes=16) == ["New replies"]
    assert "New replies: 2" in post.sent[-1].as_string()
    assert f"meydan-{root}" in post.sent[-1].as_string().replace("=\n", "")


def test_whoever_ends_it_is_forgotten(post: Post, database_url: str) -> None:
    """If somebody ends a follow, then nothing that waits is sent any more, and no table has the address; again is no error."""
    token = post.follow()
    post.shown()
    assert post.letters.end(token)
    assert not post.letters.end(token)
    assert post.carry(minutes=16) == []
    with around(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM follow").fetchone() == (0,)
        bodies = connection.execute("SELECT body FROM outbox").fetchall()
    assert ADDRESS not in repr(bodies)


@pytest.mark.parametrize("token", ["", "x" * 56, "é" * 56, "\ud800" * 56])
def test_a_forged_link_opens_nothing(post: Post, token: str) -> None:
    """If a link is not ours, or is for something else, then it does nothing."""
    unfollow = post.follow()
    for purpose in (post.letters.confirm, post.letters.end):
        with pytest.raises(NotFound):
            purpose(token)
    with pytest.raises(NotFound):
        post.letters.confirm(unfollow)


def test_an_author_is_told_how_it_was_decided(post: Post) -> None:
    """If somebody ticked the box and said yes, then each decision of a person is told, with the rule and without the receipt."""
    sent = post.room.send(UNMEASURED, email=ADDRESS, follow=True)
    assert post.carry() == ["May we write to you"]
    assert post.letters.confirm(post.link("follow"))
    post.desk.review(sent.id, Verdict.REJECT, rules=["profanity"], by="Mem")
    assert post.carry() == []
    assert post.carry(minutes=2) == ["Your comment was decided"]
    body = post.sent[-1].get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "No swearing" in text
    assert f"/status/{sent.id}?" in text
    assert sent.receipt is not None
    assert sent.receipt not in text
    assert UNMEASURED[:10] not in text
    post.desk.review(sent.id, Verdict.APPROVE, by="Zîn")
    assert post.carry(minutes=2) == ["Your comment was decided"]


def test_what_was_decided_while_they_were_asked_is_told(post: Post) -> None:
    """If a comment is decided before its author said yes, then they are told when they do; without a yes, never."""
    sent = post.room.send(UNMEASURED, email=ADDRESS, follow=True)
    post.carry()
    post.desk.review(sent.id, Verdict.APPROVE, by="Mem")
    assert post.carry(minutes=2) == []
    post.letters.confirm(post.link("follow"))
    assert post.carry(minutes=2) == ["Your comment was decided"]


def test_an_escalation_is_not_told(post: Post) -> None:
    """If a comment is escalated, then no letter tells its author, although it was rejected a moment before."""
    sent = post.room.send(UNMEASURED, email=ADDRESS, follow=True)
    post.carry()
    post.letters.confirm(post.link("follow"))
    post.desk.escalate(sent.id, kind="threat-to-life", told="", by="Mem")
    assert post.carry(minutes=5) == []


def test_erasing_ends_what_hangs_on_it(post: Post, database_url: str) -> None:
    """If a comment is erased, then who follows its replies, and what was to be sent about it, is gone with it."""
    id = post.room.send(UNMEASURED, email=ADDRESS, follow=True).id
    post.desk.review(id, Verdict.APPROVE, by="Mem")
    post.desk.erase(id)
    assert post.carry(minutes=16) == []
    with around(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM follow").fetchone() == (0,)


def test_without_mail_nothing_is_kept(post: Post, database_url: str) -> None:
    """If no mail is sent here, or the address is none, then no wish is kept, and the comment is taken all the same."""
    post.room.send(UNMEASURED, email="zin@reader.example,x@y.example", follow=True)
    post.desk.mail_works = post.letters.works = False
    post.room.send(UNMEASURED, email=ADDRESS, follow=True)
    with pytest.raises(NotFound):
        post.letters.ask(STORY, comment=None, email=ADDRESS, language="en")
    post.letters.works = True
    with pytest.raises(Malformed):
        post.letters.ask(STORY, comment=None, email="a@b.example\r\nBcc: c@d.example", language="en")
    with around(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM follow").fetchone() == (0,)


def test_many_followers_are_told_in_pieces(post: Post, store: Store) -> None:
    """If a story has more followers than one piece of work, then each is told once; a worker that falls repeats nobody."""
    for number in range(7):
        post.letters.ask(
            STORY, comment=None, email=f"r{number}@reader.example", language="en", confirmed=True
        )
    post.shown()
    now = post.room.clock.now + timedelta(minutes=16)
    after: int | None = 0
    for _ in range(2):
        after = store.followers.spread(1, since=0, at=now, after=after or 0, limit=3)
    post.carry(minutes=16)
    assert sorted(str(message["to"]) for message in post.sent) == [f"r{n}@reader.example" for n in range(7)]


def test_links_in_letters_that_left_outlive_a_change_of_the_secret(
    post: Post, store: Store, guidelines: Guidelines
) -> None:
    """If the secret is another and the former one is named, then who wants no more letters can still say so."""
    link = post.follow()

    def under_another(former: bytes | None) -> Letters:
        return Letters(
            store,
            clock=post.room.clock,
            entropy=secrets.token_bytes,
            secret=b"n" * 32,
            former=former,
            guidelines=lambda: guidelines,
            own_url="https://comments.example",
            works=True,
        )

    with pytest.raises(NotFound):
        under_another(None).end(link)
    assert under_another(b"s" * 32).end(link)
