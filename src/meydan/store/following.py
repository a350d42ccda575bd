"""
Who asked to be written to, about what: a story's new comments, or the replies to one comment.

Nobody is written to but once, to be asked, until they have said yes. What is new is told a quarter of an hour at a time:
the first comment that is shown posts one job for all that come with it (`spread_later`), and that job posts one letter
for each follower (`spread`). A letter in the outbox names the follow, never the address: who ends it is not written to
any more, whatever waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from meydan.comment import DecidedBy
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.exact import AHEAD, MICROSECOND, check_text, micros, time_of, time_or_none
from meydan.store.hand import Hand, Leaf, Row
from meydan.store.outbox import post
from meydan.store.values import Follow, NewFollow
from meydan.store.writer import Writer

NEWS: Final = "follow.news"
"""The kind of the job that tells all followers of a story what is new."""

TOGETHER: Final = timedelta(minutes=15) // MICROSECOND
"""What is shown within so long is told in one letter."""

RECONSIDERED: Final = timedelta(minutes=1) // MICROSECOND
"""How long a letter to an author waits: a decision may be followed by another, or by an escalation."""

TOLD_ON_SCREEN: Final = timedelta(minutes=1) // MICROSECOND
"""A machine's decision within so long of sending was on the page that its author saw."""

ASKED_FOR: Final = timedelta(days=2)
"""How long somebody may take to say yes; then they are forgotten."""

FOLLOWED_FOR: Final = timedelta(days=365)
"""How long somebody follows of whom nothing was heard and to whom nothing was written."""

ASKED_A_DAY: Final = 3
"""How often within a day one address is asked whether it may be written to, whoever types it in."""

MOST: Final = 200
"""Follows of one address."""

_DAY: Final = timedelta(days=1) // MICROSECOND
_ANCESTORS: Final = 64
_NEWS_READ: Final = 5000


def ask(
    hand: Hand,
    new: NewFollow,
    *,
    story: int,
    comment: int | None,
    subject: str,
    at: int,
    confirmed: bool = False,
) -> None:
    """
    Keep a wish, and post the letter that asks whether it is one; within a transaction.

    Does nothing where they follow it already, were asked within a day, or were asked about too much.

    Args:
        subject: the comment's id, "" for a story.
        confirmed: the address is known to be theirs, so nobody has to be asked.
    """
    hand.lock_key("recipient", new.recipient)
    known = hand.all(sql.FOLLOWS_BY, recipient=new.recipient, limit=MOST)
    if len(known) >= MOST:
        return
    lately = at - _DAY
    for number, of, about, confirmed_at, asked_at in known:
        if (of, about) == (story, comment):
            if confirmed_at is not None or (lately < asked_at < at + AHEAD and not confirmed):
                return
            hand.run(sql.END_FOLLOW_NUMBER, number=number)
    asked = sum(row[3] is None and lately < row[4] < at + AHEAD for row in known)
    if asked >= ASKED_A_DAY and not confirmed:
        return
    hand.run(
        sql.ADD_FOLLOW,
        id=new.id,
        story=story,
        comment=comment,
        own=int(new.own),
        recipient=new.recipient,
        email=new.email,
        language=new.language,
        at=at,
    )
    if confirmed:
        hand.write_numbers()
        hand.one(sql.CONFIRM_FOLLOW, id=new.id, at=at)
        return
    post(hand, "mail.confirm-follow", subject or new.id, {"follow": new.id}, at, f"follow:{new.id}")


def tell(
    hand: Hand,
    comment: int,
    id: str,
    *,
    story: int,
    seq: int,
    by: DecidedBy,
    at: int,
    leaf: Leaf,
    shown: bool,
) -> None:
    """
    A comment was decided: post what its author and the followers of its story are to be told; within a transaction.

    Args:
        leaf: of the decision. shown: whether the comment is shown by it, and was not before.
    """
    asked = hand.all(sql.TO_BE_TOLD, story=story, comment=comment)
    if shown and any(not follow for follow, _ in asked):
        spread_later(hand, story, leaf=leaf, at=at)
    tell_author(hand, [one for one in asked if one[0]], id, seq=seq, by=by, decided_at=at)


def tell_author(
    hand: Hand,
    asked: Sequence[Row],
    id: str,
    *,
    seq: int,
    by: DecidedBy,
    decided_at: int,
    now: int | None = None,
) -> None:
    """Post the letters to who sent a comment and `asked` to be told how it is decided; within a transaction."""
    for follow, asked_at in asked:
        if by is DecidedBy.MACHINE and decided_at - asked_at < TOLD_ON_SCREEN:
            continue
        at = decided_at if now is None else now
        body = {"follow": follow, "seq": seq}
        post(hand, "mail.decided", id, body, at, f"decided:{follow}:{seq}", at + RECONSIDERED)


def spread_later(hand: Hand, story: int, *, leaf: Leaf, at: int) -> None:
    """A comment of a story that has followers is shown from now on: post the job that tells them."""
    end = (at // TOGETHER + 1) * TOGETHER
    if hand.dialect == "postgresql":
        # Which leaf it is, and so whose news it is, is known in the last step.
        hand.later(
            sql.POST_NEWS["postgresql"], kind=NEWS, story=story, leaf=leaf, at=at, due=end, every=TOGETHER
        )
        return
    # Where that time's job is in hand or has run, the clock being behind the writing, the next one tells it: what is
    # in hand may have looked for news before this one was written.
    while not post(hand, NEWS, "", {"story": story, "since": leaf.number}, at, f"news:{story}:{end}", end):
        if hand.one(sql.POSTED_UNTOUCHED, key=f"news:{story}:{end}") is not None:
            break
        end += TOGETHER


class Followers:
    """Who follows what. Safe to use from many threads and nodes."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def ask(
        self, new: NewFollow, *, story_url: str, comment: str | None, at: datetime, confirmed: bool = False
    ) -> None:
        """As the function `ask`; does nothing where readers do not see such a comment."""
        check_text("email", new.email)
        check_text("story", story_url)
        check_text("comment", comment)

        def work(hand: Hand) -> None:
            story = hand.story(story_url)
            number: int | None = None
            if comment is not None:
                # Whoever erases it now takes this wish away with it.
                hand.lock_above(comment)
                found = hand.one(sql.STANDING, id=comment)
                if found is None or found[2] != story or found[7] is not None:
                    return
                number = found[0]
            ask(
                hand,
                new,
                story=story,
                comment=number,
                subject=comment or "",
                at=micros(at),
                confirmed=confirmed,
            )

        self._writer.write(work)

    def one(self, id: str) -> Follow | None:
        """A follow as it stands; None once it ended."""
        row = self._database.one(sql.FOLLOW, id=id)
        return None if row is None else _follow_of(row)

    def of(self, recipient: str) -> Sequence[Follow]:
        """What an address follows and has said yes to, the latest first."""
        return [_follow_of(row) for row in self._database.all(sql.FOLLOWED, recipient=recipient, limit=MOST)]

    def confirm(self, id: str, *, at: datetime) -> bool:
        """They said yes: what is shown from now on is told. False where there is nothing to confirm."""
        when = micros(at)

        def work(hand: Hand) -> bool:
            wish = hand.one(sql.FOLLOW, id=id)
            if wish is not None and wish[3] is not None:
                # Whoever decides upon the comment now either sees this wish, or is seen here.
                hand.lock_above(wish[3])
            hand.write_numbers()
            row = hand.one(sql.CONFIRM_FOLLOW, id=id, at=when)
            if row is None:
                return False
            comment, own = row
            if own and comment is not None:
                # What was decided while they were asked.
                decided = hand.one(sql.CURRENT_DECISION, number=comment)
                if decided is not None:
                    public, seq, by, decided_at = decided
                    asked = hand.all(sql.AUTHORS_FOLLOW, comment=comment)
                    tell_author(
                        hand, asked, public, seq=seq, by=DecidedBy(by), decided_at=decided_at, now=when
                    )
            return True

        return self._writer.write(work)

    def end(self, id: str) -> bool:
        """Write to them no more about this, and forget the address; False where it ended before."""

        def work(hand: Hand) -> bool:
            ended = hand.run(sql.END_FOLLOW, id=id) == 1
            if ended and hand.dialect == "sqlite":
                hand.run(sql.NOW_STALE)
            return ended

        return self._writer.write(work, scrub=True)

    def spread(self, story: int, *, since: int, at: datetime, after: int = 0, limit: int = 500) -> int | None:
        """
        Post a letter for each follower to whom something is new, some followers at a time.

        Args:
            since: the leaf from which on something is new.
            after: what the last call gave.

        Returns:
            What to go on after; None once all are told.
        """
        when = micros(at)
        # Who posted the job, and who found it posted, may not have committed yet.
        self._database.wait_for_numbers()

        def work(hand: Hand) -> int | None:
            rows = hand.all(sql.FOLLOWERS, story=story, after=after, limit=limit)
            if not rows:
                return None
            news = [
                (leaf, author, (address or "").casefold(), _above(hand, parent))
                for leaf, parent, author, address in hand.all(
                    sql.NEWS_SINCE, story=story, since=since, limit=_NEWS_READ
                )
            ]
            for number, id, comment, public, recipient, email, told, whole in rows:
                # Who proved who they are is known as an author by another key than their address gives.
                own = email.casefold()
                fresh = [
                    leaf
                    for leaf, author, address, above in news
                    if leaf > told
                    and author != recipient
                    and address != own
                    and (comment is None or comment in above)
                ]
                # Who is told of every comment need not be told of the replies among them as well.
                if not fresh or (comment is not None and whole):
                    continue
                if not hand.run(sql.TOLD_UP_TO, number=number, leaf=max(fresh), at=when):
                    continue
                post(
                    hand,
                    "mail.thread" if comment is None else "mail.reply",
                    public or id,
                    {"follow": id, "count": len(fresh)},
                    when,
                    f"thread:{id}:{max(fresh)}",
                )
            return int(rows[-1][0]) if len(rows) == limit else None

        return self._writer.write(work)

    def expire(self, at: datetime) -> None:
        """Forget who did not say yes, and who was not written to for a year."""
        asked, written = micros(at - ASKED_FOR), micros(at - FOLLOWED_FOR)

        def work(hand: Hand) -> None:
            hand.run(sql.FORGET_ASKED, before=asked)
            hand.run(sql.FORGET_FOLLOWS, before=written)

        self._writer.write(work)


def _above(hand: Hand, parent: str | None) -> frozenset[int]:
    """The numbers of all comments that one replies to, directly or not."""
    above: list[int] = []
    while parent is not None and len(above) < _ANCESTORS:
        row = hand.one(sql.PARENT_OF, id=parent)
        if row is None:
            break
        above.append(row[0])
        parent = row[1]
    return frozenset(above)


def _follow_of(row: Row | Sequence[Any]) -> Follow:
    id, url, title, comment, own, email, language, asked_at, confirmed_at = row
    return Follow(
        id, url, title, comment, bool(own), email, language, time_of(asked_at), time_or_none(confirmed_at)
    )
