"""
Letters: what the newsroom writes to readers, and what becomes of it.

    ask, confirm, end              who is written to: whoever asked, and said yes when asked back
    lease, finish, put_off, bury   for whoever carries letters out (post/)
    told_of, spread                what a letter has to tell, looked up at the last moment
    standing, dead, ...            for the people who look after them

Posting happens in the store, in the transaction of what a letter tells of. Knows no mail server and no web.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from urllib.parse import urlencode

from meydan.comment import Hold
from meydan.errors import Malformed, NotFound
from meydan.locale import words
from meydan.policy import Guidelines
from meydan.policy import words as pick
from meydan.policy.address import site_of
from meydan.settings import is_address
from meydan.store import NEWS as NEWS
from meydan.store import DeadJob as DeadJob
from meydan.store import Follow as Follow
from meydan.store import Job as Job
from meydan.store import NewFollow, Store
from meydan.store import Standing as Standing

_ID: Final = 24
_MARK: Final = 32

HELD_FOR: Final = timedelta(minutes=5)
"""For how long a worker has letters to itself; afterwards they are anybody's again."""

ATTEMPTS: Final = 14
"""How often a letter is tried: over about a day, at growing distances."""

FIRST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(hours=4)

TOO_LATE: Final[Mapping[str, timedelta]] = {"mail.sign-in": timedelta(minutes=30)}
"""After how long a letter of a kind is of no use any more."""

TOO_LATE_FOR_ALL: Final = timedelta(days=3)


class Letters:
    """
    The outbox as the rooms above the store see it. Safe to use from many threads.

    Args:
        works: whether mail is sent here; where it is not, nothing that needs it is offered.
        own_url: where readers reach this server, without a slash at its end.
        former: the secret before this one; links that were made with it still end and confirm.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        secret: bytes,
        guidelines: Callable[[], Guidelines],
        own_url: str,
        works: bool,
        former: bytes | None = None,
    ) -> None:
        self.works = works
        self.own_url = own_url
        self._store = store
        self._outbox = store.outbox
        self._followers = store.followers
        self._clock = clock
        self._entropy = entropy
        self._secret = secret
        self._secrets = (secret, former) if former else (secret,)
        self._guidelines = guidelines

    @property
    def publication(self) -> str:
        """The name that letters come from."""
        return self._guidelines().publication.name

    def now(self) -> datetime:
        """The time by the house's clock."""
        return self._clock()

    # -- who is written to ------------------------------------------------------

    def ask(
        self, story_url: str, *, comment: str | None, email: str, language: str, confirmed: bool = False
    ) -> None:
        """
        Ask somebody back whether they want to follow a story, or the replies to one of its comments.

        Answers the same whatever was before: that somebody follows something is nobody else's to learn.

        Args:
            story_url: its one address, of this publication.
            comment: the id of a comment that readers see there; None for the whole story.
            confirmed: the address is known to be theirs: they follow from now on, and are not asked.

        Raises:
            NotFound: no mail is sent here. Malformed: no address that mail can be sent to.
        """
        if not self.works:
            raise NotFound("Nothing can be followed by e-mail here.")
        if not is_address(email):
            raise Malformed("The e-mail address is not of the form name@example.org.", fields=("email",))
        new = NewFollow(
            id=base64.b32encode(self._entropy(15)).decode("ascii").lower(),
            recipient=self._recipient(email),
            email=email,
            language=words(language).language,
        )
        self._followers.ask(new, story_url=story_url, comment=comment, at=self._clock(), confirmed=confirmed)

    def follow_of(self, token: str, purpose: Literal["follow", "unfollow"]) -> Follow | None:
        """
        The follow that a link is about; None where it has ended.

        Raises:
            NotFound: the link is none of ours for this purpose.
        """
        return self._followers.one(self._id_in(token, purpose))

    def confirm(self, token: str) -> bool:
        """They said yes. False where it has ended, or they had said so before; NotFound as for `follow_of`."""
        return self._followers.confirm(self._id_in(token, "follow"), at=self._clock())

    def end(self, token: str) -> bool:
        """They want no more of it: at once, and the address is deleted. False where it had ended; NotFound as for `follow_of`."""
        return self._followers.end(self._id_in(token, "unfollow"))

    def followed_by(self, email: str) -> Sequence[tuple[Follow, str]]:
        """What somebody follows whose address it is, and by which token each can be ended."""
        return [
            (follow, self._token(follow.id, "unfollow"))
            for follow in self._followers.of(self._recipient(email))
        ]

    def _recipient(self, email: str) -> str:
        """As the desk knows an author by their address, so that nobody is told of their own comments."""
        return self._keyed("author", email.casefold())

    def _token(self, id: str, purpose: str) -> str:
        """What a link carries: made of the id and the server's secret, so that the database alone opens nothing."""
        return id + self._keyed(purpose, id)

    def _id_in(self, token: str, purpose: str) -> str:
        id, mark = token[:_ID], token[_ID:]
        # Of letters that left under the former secret too: who wants no more of them has to be able to say so.
        ours = token.isascii() and any(
            hmac.compare_digest(_mark(secret, purpose, id), mark) for secret in self._secrets
        )
        if not ours:
            raise NotFound("This link is none of ours.")
        return id

    def _keyed(self, purpose: str, value: str) -> str:
        return _mark(self._secret, purpose, value)

    # -- carrying out ---------------------------------------------------------

    def lease(self, *, limit: int = 20) -> tuple[Job, ...]:
        """Take what is due, to be finished within HELD_FOR."""
        now = self._clock()
        return self._outbox.lease(at=now, until=now + HELD_FOR, limit=limit)

    def told_of(self, job: Job) -> Mapping[str, Any] | None:
        """What a letter tells, as post.mail.compose takes it; None where there is nobody to tell any more."""
        if "follow" not in job.body:
            return None if job.kind == "mail.verify" and self._is_settled(job.subject) else job.body
        follow = self._followers.one(str(job.body["follow"]))
        if follow is None:
            return None
        told: dict[str, Any] = {
            "to": follow.email,
            "language": follow.language,
            "story": follow.story_title or follow.story_url,
            "stop": f"{self.own_url}/unfollow/{self._token(follow.id, 'unfollow')}",
        }
        if job.kind == "mail.confirm-follow":
            if follow.confirmed_at is not None:
                return None
            of = "own" if follow.own else "story" if follow.comment is None else "replies"
            # Not a subscription yet: nothing to end.
            del told["stop"]
            # Whoever asked has typed the address of the story, and may have written anything into it.
            told["story"] = follow.story_title or site_of(follow.story_url)
            return told | {"of": of, "link": f"{self.own_url}/follow/{self._token(follow.id, 'follow')}"}
        if job.kind == "mail.decided":
            standing = self._standing_of(job, follow)
            return None if standing is None else told | standing
        thread = {"story": follow.story_url, "lang": follow.language}
        if follow.comment is None:
            where = urlencode(thread | {"sort": "newest"})
        else:
            where = f"{urlencode(thread | {'at': follow.comment})}#meydan-{follow.comment}"
        return told | {"count": job.body["count"], "link": f"{self.own_url}/comments?{where}"}

    def _standing_of(self, job: Job, follow: Follow) -> dict[str, Any] | None:
        """How an author's comment was decided; None where it was decided otherwise since, or is nobody's to hear of."""
        comment = self._store.comment(job.subject)
        if (
            comment is None
            or comment.seq != job.body["seq"]
            or comment.withdrawn_at is not None
            or comment.erased_at is not None
            or comment.escalated
        ):
            return None
        decision = self._store.decisions(comment.id)[-1].decision
        guidelines = self._guidelines()
        reasons = []
        for reason in decision.reasons:
            try:
                rule = guidelines.rule(reason.rule)
            except KeyError:
                # Taken out of the guidelines since; the page tells what there is to tell.
                continue
            reasons.append((pick(rule.title, follow.language), pick(rule.text, follow.language)))
        # Without the receipt: a mailbox is read by others, and the address was typed, not proven, by whoever wrote.
        link = f"{self.own_url}/status/{comment.id}?{urlencode({'lang': follow.language})}"
        return {"status": comment.status.value, "reasons": reasons, "link": link}

    def _is_settled(self, comment: str) -> bool:
        """Whether a comment waits no more for its author to confirm their address: confirmed, withdrawn, erased."""
        kept = self._store.comment(comment)
        return kept is not None and (kept.withdrawn_at is not None or Hold.UNVERIFIED not in kept.holds)

    def spread(self, job: Job) -> None:
        """Post a letter to each follower of a story to whom something is new. Again posts nothing twice."""
        after: int | None = 0
        while after is not None:
            after = self._followers.spread(
                int(job.body["story"]), since=int(job.body["since"]), at=self._clock(), after=after
            )

    def is_too_late(self, job: Job) -> bool:
        """Whether it would be of no use any more."""
        return self._clock() - job.at > TOO_LATE.get(job.kind, TOO_LATE_FOR_ALL)

    def finish(self, job: Job) -> bool:
        """It has left. False where another worker has it by now."""
        return self._outbox.finish(job, at=self._clock())

    def put_off(self, job: Job, cause: str) -> bool:
        """It has not left: later again, or after ATTEMPTS a dead letter; returns whether it is one now."""
        now = self._clock()
        if job.attempt >= ATTEMPTS:
            self._outbox.bury(job, error=cause, at=now)
            return True
        self._outbox.fail(job, error=cause, again_at=now + self._wait(job.attempt))
        return False

    def bury(self, job: Job, cause: str) -> None:
        """It has not left and never will by itself."""
        self._outbox.bury(job, error=cause, at=self._clock())

    def let_go(self, jobs: Iterable[Job], *, after: timedelta) -> None:
        """Give back what was not tried."""
        self._outbox.let_go(jobs, again_at=self._clock() + after)

    def _wait(self, attempt: int) -> timedelta:
        """Twice as long after each attempt, between half and all of that: letters that failed together come back apart."""
        longest = min(FIRST_WAIT * (1 << min(attempt - 1, 16)), LONGEST_WAIT)
        return longest * (0.5 + int.from_bytes(self._entropy(2)) / 2**17)

    # -- looking after --------------------------------------------------------

    def standing(self) -> Standing:
        """How much waits, is due, and is dead."""
        return self._outbox.standing(self._clock())

    def dead(self, *, limit: int = 100) -> Sequence[DeadJob]:
        """Letters that were given up by the machine, the latest first."""
        return self._outbox.dead(limit=limit)

    def try_again(self, number: int, *, by: str) -> None:
        """Let a dead letter be tried anew; NotFound where there is none."""
        self._outbox.try_again(number, by=by, at=self._clock())

    def give_up(self, number: int, *, by: str) -> None:
        """Take a dead letter away, with the address it holds; NotFound where there is none."""
        self._outbox.give_up(number, by=by, at=self._clock())

    def expire(self) -> None:
        """Forget what has served, and who did not say yes."""
        self._outbox.expire(self._clock())
        self._followers.expire(self._clock())


def _mark(secret: bytes, purpose: str, value: str) -> str:
    message = f"{purpose}\x00{value}".encode("utf-8", "surrogatepass")
    return hmac.new(secret, message, hashlib.sha256).hexdigest()[:_MARK]
