"""
What is kept of readers who have proved who they are: keyed hashes, digests and times, and no name and no address.

A link counts for its mailbox even when it was used, so that nobody can have one address written to without end.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from meydan.errors import NotFound, TooFast
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.exact import AHEAD, MICROSECOND, micros, time_of
from meydan.store.hand import Hand
from meydan.store.outbox import post
from meydan.store.values import Confirmation, Doorway
from meydan.store.writer import Writer
from meydan.text.exact import is_exact

_HOUR = timedelta(hours=1) // MICROSECOND
_DAY = 24 * _HOUR
_FOREVER = 2**63 - 1

NOT_CONFIRMED = "unverified"
"""The first of a comment's holds while its author has not confirmed their address."""


class Readers:
    """Links, sessions and doorways of readers, and whose a comment is."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    # -- links ---------------------------------------------------------------

    def add_link(
        self,
        digest: str,
        *,
        who: str,
        at: datetime,
        expires_at: datetime,
        at_most: int,
        mail: Mapping[str, str],
    ) -> bool:
        """Keep a link and post its mail, together; False, and nothing, where `at_most` were mailed there within an hour."""
        when = micros(at)

        def work(hand: Hand) -> bool:
            hand.lock_key("mailbox", who)
            if links_sent(hand, who, when) >= at_most:
                return False
            hand.run(
                sql.ADD_READER_LINK,
                digest=digest,
                who=who,
                comment=None,
                at=when,
                expires_at=micros(expires_at),
            )
            post(hand, "mail.sign-in", "", dict(mail), when, f"mail.sign-in {digest}")
            return True

        return self._writer.write(work)

    def link_opens(self, digest: str, at: datetime) -> bool:
        """Whether a sign-in link would be taken now."""
        return self._database.one(sql.READER_LINK_OPENS, digest=digest, at=micros(at)) is not None

    def use_link(self, digest: str, at: datetime) -> bool:
        """Use a sign-in link up; False where there is none that opens any more. Of two at once, one is told True."""
        when = micros(at)
        return bool(self._writer.write(lambda hand: hand.run(sql.USE_READER_LINK, digest=digest, at=when)))

    # -- confirming a comment ------------------------------------------------

    def awaits(self, digest: str, at: datetime) -> tuple[str, str, str] | None:
        """
        The comment that a link would confirm, by id; None where none would.

        Returns also the mailbox's key, and the key under which its author is known until then.
        """
        row = self._database.one(sql.READER_LINK_COMMENT, digest=digest, at=micros(at))
        return None if row is None else (row[0], row[1], row[4])

    def confirm(self, digest: str, *, author_key: str, at: datetime) -> str:
        """
        Take a guest's address for theirs: the comment waits to be judged from now on, and is under their key.

        Returns:
            The comment's id.

        Raises:
            NotFound: no such link, used or too old; or the comment was withdrawn or erased.
        """
        when = micros(at)

        def work(hand: Hand) -> str:
            row = hand.one(sql.READER_LINK_COMMENT, digest=digest, at=when)
            if row is not None:
                # Read again when nobody else decides upon the comment.
                hand.lock_comment(row[0])
                row = hand.one(sql.READER_LINK_COMMENT, digest=digest, at=when)
            if row is None or not hand.run(sql.USE_READER_LINK, digest=digest, at=when):
                raise NotFound("This link was used already, or it is too old.")
            id, who, number, holds, _ = row
            others = ",".join(hold for hold in holds.split(",") if hold != NOT_CONFIRMED)
            hand.run(sql.CONFIRM, number=number, reader_key=who, author_key=author_key, holds=others)
            return str(id)

        return self._writer.write(work)

    def unconfirmed(self, limit: int, *, before: datetime) -> tuple[str, ...]:
        """Ids of comments sent before then whose authors have not confirmed their address, oldest first."""
        rows = self._database.all(sql.UNCONFIRMED, before=micros(before), limit=limit)
        return tuple(row[0] for row in rows)

    # -- whose a comment is --------------------------------------------------

    def comments(
        self, key: str, *, limit: int, before: int | None = None
    ) -> tuple[tuple[str, ...], int | None]:
        """Ids of a reader's comments, the latest first, and what to go on from; None at the end."""
        rows = self._database.all(
            sql.COMMENTS_OF_READER,
            reader_key=key,
            before=_FOREVER if before is None else before,
            limit=limit + 1,
        )
        more = len(rows) > limit
        del rows[limit:]
        return tuple(row[0] for row in rows), rows[-1][1] if more else None

    def reader_of(self, id: str) -> str | None:
        """The key of the reader whose comment it is; None for a guest's, and once erased."""
        row = None if not is_exact(id) else self._database.one(sql.READER_OF, id=id)
        return None if row is None else row[0]

    # -- sessions ------------------------------------------------------------

    def add_session(self, digest: str, key: str, *, at: datetime, expires_at: datetime) -> None:
        """Keep that somebody is signed in."""
        began, ends = micros(at), micros(expires_at)
        self._writer.write(
            lambda hand: hand.run(
                sql.ADD_READER_SESSION, digest=digest, reader_key=key, at=began, expires_at=ends
            )
        )

    def session_stands(self, digest: str, at: datetime) -> bool:
        """Whether a session was begun and has not ended."""
        return self._database.one(sql.READER_SESSION, digest=digest, at=micros(at)) is not None

    def end_session(self, digest: str) -> None:
        """End one session."""
        self._writer.write(lambda hand: hand.run(sql.END_READER_SESSION, digest=digest))

    def end_all(self, key: str, at: datetime) -> None:
        """End every session of a reader, and all that was given to them before now."""
        when = micros(at)

        def work(hand: Hand) -> None:
            hand.run(sql.END_READER_SESSIONS, reader_key=key)
            hand.run(sql.COUNT_FROM, reader_key=key, at=when)

        self._writer.write(work)

    def since(self, key: str) -> datetime | None:
        """From when on what is given to a reader counts; None: from ever."""
        row = self._database.one(sql.COUNTS_FROM, reader_key=key)
        return None if row is None else time_of(row[0])

    def counts(self, key: str, given_at: datetime) -> bool:
        """Whether what was given to a reader then still counts."""
        since = self.since(key)
        return since is None or given_at > since

    # -- doorways ------------------------------------------------------------

    def add_doorway(self, digest: str, doorway: Doorway, expires_at: datetime) -> None:
        """Keep what a sign-in at an issuer has to come back with."""
        ends = micros(expires_at)
        self._writer.write(
            lambda hand: hand.run(
                sql.ADD_DOORWAY,
                digest=digest,
                nonce=doorway.nonce,
                verifier=doorway.verifier,
                back=doorway.back,
                expires_at=ends,
            )
        )

    def use_doorway(self, digest: str, at: datetime) -> Doorway | None:
        """Take it away again; None if there is none, or too late."""
        when = micros(at)
        row = self._writer.write(lambda hand: hand.one(sql.USE_DOORWAY, digest=digest, at=when))
        return None if row is None else Doorway(*row)

    def expire(self, at: datetime) -> None:
        """Forget sessions that have ended, and links that neither open anything nor count any more."""
        when = micros(at)

        def work(hand: Hand) -> None:
            hand.run(sql.FORGET_READER_SESSIONS, at=when)
            hand.run(sql.FORGET_READER_LINKS, at=when, before=when - _DAY)

        self._writer.write(work)


# -- within a transaction ---------------------------------------------------


def links_sent(hand: Hand, who: str, at: int) -> int:
    """How many links were mailed to one mailbox within an hour."""
    row = hand.one(sql.READER_LINKS_SENT, who=who, since=at - _HOUR, until=at + AHEAD)
    return 0 if row is None else int(row[0])


def await_confirmation(hand: Hand, comment: int, asked: Confirmation, at: int) -> None:
    """
    Keep the link by which the author of a comment confirms their address, and post the mail to them.

    Raises:
        TooFast: enough was mailed there within an hour.
    """
    hand.lock_key("mailbox", asked.who)
    if links_sent(hand, asked.who, at) >= asked.at_most:
        raise TooFast(
            "Enough mails were sent to this address within an hour. Confirm one of them first; nothing was kept.",
            retry_after_s=3600,
        )
    hand.run(
        sql.ADD_READER_LINK,
        digest=asked.digest,
        who=asked.who,
        comment=comment,
        at=at,
        expires_at=micros(asked.expires_at),
    )
    post(hand, "mail.verify", asked.mail["comment"], dict(asked.mail), at, f"mail.verify {asked.digest}")
