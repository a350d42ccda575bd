"""
Notices: what the newsroom's own programs and channels are told, where, and what becomes of it.

    add, remove, rotate, endpoints     where: endpoints, with their secrets sealed
    lease, finish, put_off, bury, end  for whoever carries notices out (post/webhooks.py)
    told_of                            what a notice has to tell, looked up at the last moment
    look                               how things stand, told to who asked when it is worth it
    try_again, try_all_again           for the people who look after them

What happens is posted in the store, in the transaction of what it tells of. Knows no HTTP. A notice holds ids, verdicts,
rules, times and addresses of stories; never an e-mail or network address, and a reader's words only where an endpoint was
given them, and then only of a comment that everybody sees at that moment.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
from cryptography.fernet import Fernet, InvalidToken

from meydan.comment import Comment, Settled, Status
from meydan.errors import Malformed, MissingFields, WebhookRefused
from meydan.locale.desk import DESK
from meydan.outgoing import NotLetOut, Outgoing
from meydan.store import Endpoint as Endpoint
from meydan.store import Job as Job
from meydan.store import NewEndpoint, Store, seen_until

FORMS: Final = ("standard", "slack")

EVENTS: Final[Mapping[str, str]] = {
    "comment.held": "a comment waits for a person",
    "comment.approved": "a decision approved a comment",
    "comment.rejected": "a decision rejected a comment",
    "decision.superseded": "a decision took the place of an earlier one, whatever it says",
    "comment.withdrawn": "its author took a comment back",
    "comment.erased": "a comment's words were erased",
    "comment.reported": "enough readers reported a comment for a person to look at it",
    "comment.appealed": "an author appealed against a rejection",
    "comment.escalated": "somebody escalated a comment",
    "machine.withdrawn": "the machine no longer decides something in a language, because it was wrong too often",
    "queue.waiting": "too much waits for a person, or for too long",
    "letters.dead": "letters or notices could not be delivered",
}
"""What can be told, and when it is."""

TO_CHANNELS: Final = ("queue.waiting", "comment.escalated", "machine.withdrawn", "letters.dead")
"""What a channel can be told: what somebody has to do something about. A channel is no log."""

WITH_WORDS: Final = frozenset({"comment.approved", "decision.superseded"})

HELD_FOR: Final = timedelta(minutes=5)
"""For how long a worker has notices to itself; afterwards they are anybody's again."""

WAITS: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""How long after each attempt the next one comes: the schedule that Standard Webhooks recommends. After the last, it is dead."""

ATTEMPTS: Final = len(WAITS) + 1

LONGEST_WAIT: Final = WAITS[-1]

TOO_LATE: Final = timedelta(days=5)
"""After how long nothing is tried any more: longer than all attempts take, and not for ever where a receiver is away."""

LONGEST_NAME: Final = 80
LONGEST_URL: Final = 2000
SECRET_BYTES: Final = 32
SECRET_PREFIX: Final = "whsec_"  # noqa: S105
KEPT_HOURS: Final = 24
"""How long a secret still signs after another took its place."""


@dataclass(frozen=True, slots=True)
class Where:
    """An endpoint's whole address, and the secrets that sign what is sent there: the newest first."""

    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """What a notice tells: of what happened when, and the facts; a channel's sentence is made of the same."""

    event: str
    at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From when on it is told that much waits, and how long nothing is told again."""

    waiting: int = 100
    oldest: timedelta = timedelta(hours=12)
    quiet: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """An endpoint, and how many notices to it wait and are dead."""

    endpoint: Endpoint
    waiting: int
    dead: int


class Notices:
    """
    What is told to the newsroom's own programs. Safe to use from many threads.

    Args:
        own_url: where this server is reached, without a slash at its end.
        former: the secret before this one; what was sealed with it is opened, and sealed anew.
        out: the way out, asked whether an address may be told anything.
    """

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        secret: bytes,
        own_url: str,
        out: Outgoing,
        thresholds: Thresholds | None = None,
        publication: Callable[[], str] = lambda: "",
        former: bytes | None = None,
    ) -> None:
        self.own_url = own_url
        self.out = out
        self._store = store
        self._outbox = store.outbox
        self._endpoints = store.endpoints
        self._clock = clock
        self._entropy = entropy
        self._seal = _box(secret)
        self._former = _box(former) if former else None
        self._thresholds = thresholds or Thresholds()
        self._publication = publication

    @property
    def publication(self) -> str:
        """The name that notices come from."""
        return self._publication()

    def now(self) -> datetime:
        """The time by the house's clock."""
        return self._clock()

    # -- where ------------------------------------------------------------------

    def add(
        self,
        name: str,
        url: str,
        *,
        by: str,
        events: Sequence[str] = (),
        form: str = "standard",
        words: bool = False,
        language: str = "en",
    ) -> tuple[Endpoint, str | None]:
        """
        Add an endpoint.

        Args:
            url: https on the Internet, or whatever is in the setting `outgoing_networks`.
            events: of EVENTS; all that its form can be told, when there are none.
            form: "standard", or "slack" for a channel's incoming webhook.
            words: whether it is given the words of comments that readers see.
            language: in which a channel is spoken to.

        Returns:
            The endpoint, and its secret, which is shown this once; None for a channel, whose address is the secret.

        Raises:
            MissingFields, Malformed: no name, or one too long; no such form, event or language.
            WebhookRefused: nothing is sent to such an address. AlreadyExists: the name is taken.
        """
        name, url = name.strip(), url.strip()
        if missing := [field for field, value in (("name", name), ("url", url)) if not value]:
            raise MissingFields(missing)
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise Malformed(f"A name has at most {LONGEST_NAME} characters, on one line.", fields=("name",))
        if form not in FORMS:
            raise Malformed(f"The form of an endpoint is one of: {', '.join(FORMS)}.", fields=("form",))
        known = TO_CHANNELS if form == "slack" else tuple(EVENTS)
        if strangers := sorted(set(events) - set(known)):
            raise Malformed(
                f"{', '.join(strangers)}: no event that "
                f"{'a channel' if form == 'slack' else 'an endpoint'} is told of. There are: {', '.join(known)}.",
                fields=("event",),
            )
        if words and form == "slack":
            raise Malformed("A channel is given no readers' words.", fields=("words",))
        if language not in DESK:
            raise Malformed(f"Notices are written in: {', '.join(DESK)}.", fields=("language",))
        place = self._check_place(url)
        secret = None if form == "slack" else self._new_secret()
        endpoint = self._endpoints.add(
            NewEndpoint(
                id=base64.b32encode(self._entropy(10)).decode("ascii").lower(),
                name=name,
                form="slack" if form == "slack" else "standard",
                place=place,
                sealed=self._closed(url, [] if secret is None else [(secret, None)]),
                events=tuple(event for event in known if event in events or not events),
                words=words,
                language=language,
            ),
            at=self._clock(),
            by=by,
        )
        return endpoint, secret

    def _check_place(self, url: str) -> str:
        """Scheme, host and port of an address that may be told something, as people are shown it."""
        try:
            asked = httpx.URL(url)
            self.out.check(asked)
            if len(url) > LONGEST_URL:
                raise NotLetOut(f"An address has at most {LONGEST_URL} characters.", cause="address")
            port = asked.port or (443 if asked.scheme == "https" else 80)
            for address in self._looked_up(asked.host, port):
                self.out.check_place(address, scheme=asked.scheme, port=port)
        except httpx.InvalidURL:
            raise WebhookRefused("This is not an address.", fields=("url",)) from None
        except NotLetOut as error:
            raise WebhookRefused(str(error), fields=("url",)) from None
        return f"{asked.scheme}://{asked.netloc.decode('ascii')}"

    def _looked_up(self, host: str, port: int) -> Sequence[str]:
        """Where a host is now; nowhere, where that is not known. It is looked at again whenever something is sent."""
        try:
            return self.out.look_up(host, port, within_s=5.0)
        except Exception:  # noqa: BLE001 - whatever a resolver says: it may be set up later than this
            return ()

    def remove(self, name: str, *, by: str) -> None:
        """Tell an endpoint nothing any more, not even what waits for it; NotFound where there is none of this name."""
        self._endpoints.end(self._endpoints.named(name).number, why="removed", by=by, at=self._clock())

    def rotate(self, name: str, *, by: str, kept: timedelta = timedelta(hours=KEPT_HOURS)) -> str:
        """
        Give an endpoint another secret; the ones before go on signing beside it for as long as they are `kept`.

        Returns:
            The secret, which is shown this once.

        Raises:
            NotFound: no such endpoint. Malformed: it is a channel, which has none.
        """
        endpoint = self._endpoints.named(name)
        if endpoint.form == "slack":
            raise Malformed(
                "A channel's address is its secret: make another there, remove this endpoint and add it anew.",
                fields=("name",),
            )
        now = self._clock()
        secret = self._new_secret()
        for _ in range(3):
            url, secrets = self._opened(endpoint)
            until = now + kept
            ending = [
                (old, min(until, ends) if ends else until)
                for old, ends in secrets
                if ends is None or ends > now
            ]
            closed = self._closed(url, [(secret, None), *((old, ends) for old, ends in ending if ends > now)])
            if self._endpoints.seal(endpoint, closed, by=by, at=now):
                return secret
            endpoint = self._endpoints.named(name)
        raise Malformed("Somebody else gave it another secret at the same moment; look, and try again.")

    def named(self, name: str) -> Endpoint:
        """The endpoint of this name; NotFound where there is none."""
        return self._endpoints.named(name)

    def endpoints(self) -> Sequence[Endpoint]:
        """All that are told."""
        return self._endpoints.all()

    def standings(self) -> Sequence[Standing]:
        """Every endpoint, those too that their receivers ended lately, with what waits and what is dead."""
        counted = self._endpoints.standing()
        return [
            Standing(endpoint, *counted.get(endpoint.number, (0, 0)))
            for endpoint in self._endpoints.all(ended_since=seen_until(self._clock()))
        ]

    def where(self, endpoint: Endpoint) -> Where:
        """
        An endpoint's address and the secrets that sign now.

        Raises:
            Malformed: they were sealed with another secret than the server has.
        """
        url, secrets = self._opened(endpoint)
        now = self._clock()
        return Where(url, tuple(secret for secret, ends in secrets if ends is None or ends > now))

    def _new_secret(self) -> str:
        return SECRET_PREFIX + base64.b64encode(self._entropy(SECRET_BYTES)).decode("ascii")

    def _closed(self, url: str, secrets: Iterable[tuple[str, datetime | None]]) -> str:
        kept = [[secret, ends.isoformat() if ends else None] for secret, ends in secrets]
        return self._seal.encrypt(json.dumps({"url": url, "secrets": kept}).encode()).decode("ascii")

    def _opened(self, endpoint: Endpoint) -> tuple[str, list[tuple[str, datetime | None]]]:
        sealed, former = endpoint.sealed.encode("ascii"), False
        try:
            body = self._seal.decrypt(sealed)
        except InvalidToken:
            try:
                if self._former is None:
                    raise
                body, former = self._former.decrypt(sealed), True
            except InvalidToken:
                raise Malformed(
                    "The endpoint's address was sealed with another secret than this server has. "
                    "Put the former one into the setting 'former_secret', or remove the endpoint and add it anew.",
                    fields=("secret",),
                ) from None
        told = json.loads(body)
        secrets = [
            (secret, datetime.fromisoformat(ends) if ends else None) for secret, ends in told["secrets"]
        ]
        if former:
            # As soon as it is used: one day the former secret is no setting any more.
            self._endpoints.seal(endpoint, self._closed(told["url"], secrets))
        return told["url"], secrets

    # -- carrying out -------------------------------------------------------------

    def lease(self, endpoint: Endpoint, *, limit: int = 20) -> tuple[Job, ...]:
        """Take what is due for an endpoint, to be finished within HELD_FOR."""
        now = self._clock()
        return self._outbox.lease(at=now, until=now + HELD_FOR, limit=limit, endpoint=endpoint.number)

    def told_of(self, job: Job, endpoint: Endpoint) -> Told | None:
        """What a notice tells its endpoint; None where there is nothing to tell any more."""
        body = job.body
        at = _time(body["at"])
        event = job.kind
        if event in ("queue.waiting", "letters.dead"):
            facts = {name: value for name, value in body.items() if name != "at"}
            return Told(event, at, facts | {"desk": self._desk_of(event)})
        if event in TO_CHANNELS and endpoint.form == "slack":
            return self._told_together(event, at, int(body["since"]), int(body["until"]))
        if event == "machine.withdrawn":
            facts = {name: body[name] for name in ("language", "rule", "wrong", "audits")}
            return Told(event, at, facts | {"desk": self._desk_of(event)})
        comment = self._store.comment(job.subject)
        if comment is None:
            return None
        if event == "comment.escalated":
            # What was escalated is for editors alone: which one, and where they find it.
            return Told(
                event, at, {"comment": comment.id, "desk": f"{self.own_url}/desk/escalated/{comment.id}"}
            )
        facts = {
            "comment": comment.id,
            "story": comment.story_url,
            "parent": comment.parent,
            "language": comment.language,
            "submitted_at": _moment(comment.submitted_at),
            "desk": f"{self.own_url}/desk/comments/{comment.id}",
        }
        if event == "comment.held":
            facts["holds"] = body["holds"]
        elif event == "comment.reported":
            facts |= {"rule": body["rule"], "reports": body["reports"]}
        elif "seq" in body:
            decisions = {one.seq: one for one in self._store.decisions(comment.id)}
            decision = decisions[int(body["seq"])]
            facts["decision"] = _decision(decision)
            if event == "decision.superseded":
                facts["superseded"] = _decision(decisions[decision.seq - 1])
            if event in WITH_WORDS and endpoint.words and _is_shown_by(comment, decision):
                facts["words"] = {"name": comment.name, "text": comment.text}
        return Told(event, at, facts)

    def _told_together(self, event: str, at: datetime, since: int, until: int) -> Told | None:
        if event == "comment.escalated":
            number = self._endpoints.escalated_between(since, until)
            return Told(event, at, {"number": number, "desk": self._desk_of(event)}) if number else None
        withdrawn = self._endpoints.machine_withdrawn_between(since, until)
        lines = [
            {"language": language, "rule": rule, "wrong": wrong, "audits": audits}
            for language, rule, wrong, audits in withdrawn
        ]
        return Told(event, at, {"withdrawn": lines, "desk": self._desk_of(event)}) if lines else None

    def _desk_of(self, event: str) -> str:
        page = {
            "queue.waiting": "/desk",
            "letters.dead": "/desk/letters",
            "comment.escalated": "/desk/escalated",
            "machine.withdrawn": "/desk/figures",
        }[event]
        return f"{self.own_url}{page}"

    def trial(self, endpoint: Endpoint) -> Told:
        """What an endpoint is told to see whether it answers."""
        return Told("test", self._clock(), {"endpoint": endpoint.name, "desk": f"{self.own_url}/desk"})

    def trial_key(self) -> str:
        """The id of one such trial."""
        return f"test-{base64.b32encode(self._entropy(10)).decode('ascii').lower()}"

    def is_too_late(self, job: Job) -> bool:
        """Whether nobody has taken it for so long that it is not tried any more."""
        return self._clock() - job.at > TOO_LATE

    def finish(self, job: Job) -> bool:
        """It has left. False where another worker has it by now."""
        return self._outbox.finish(job, at=self._clock())

    def put_off(self, job: Job, cause: str, *, after: timedelta = timedelta(0)) -> bool:
        """
        It has not left: later again, not sooner than `after`; or after ATTEMPTS a dead notice. Returns whether it is one now.
        """
        now = self._clock()
        if job.attempt >= ATTEMPTS:
            self._outbox.bury(job, error=cause, at=now)
            return True
        # Up to a tenth sooner, so that what failed together does not come back together.
        wait = WAITS[job.attempt - 1] * (1 - 0.1 * int.from_bytes(self._entropy(2)) / 2**16)
        self._outbox.fail(job, error=cause, again_at=now + min(max(wait, after), LONGEST_WAIT))
        return False

    def bury(self, job: Job, cause: str) -> None:
        """It has not left and never will by itself."""
        self._outbox.bury(job, error=cause, at=self._clock())

    def let_go(self, jobs: Iterable[Job], *, after: timedelta) -> None:
        """Give back what was not tried."""
        self._outbox.let_go(jobs, again_at=self._clock() + after)

    def is_gone(self, endpoint: Endpoint) -> bool:
        """Its receiver said that it is there no more: nothing is sent to it any more. False where it had ended."""
        return self._endpoints.end(endpoint.number, why="gone", by="machine", at=self._clock())

    # -- how things stand ---------------------------------------------------------

    def look(self) -> None:
        """Tell who asked for it that much waits, or for long, or that something died; not again for a while."""
        now, at = self._thresholds, self._clock()
        if self._endpoints.asked_for("queue.waiting"):
            waiting, since = self._endpoints.waiting()
            long = since is not None and at - since > now.oldest
            if waiting >= now.waiting or long:
                told = {"waiting": waiting, "oldest": _moment(since) if since else None}
                self._endpoints.announce_quietly("queue.waiting", told, at=at, quiet=now.quiet)
        if self._endpoints.asked_for("letters.dead"):
            died = self._endpoints.died_since(at - now.quiet)
            if died:
                self._endpoints.announce_quietly("letters.dead", {"dead": died}, at=at, quiet=now.quiet)

    # -- looking after ------------------------------------------------------------

    def try_all_again(self, number: int, *, by: str) -> int:
        """Let all that died on its way to an endpoint be tried anew; returns how many."""
        return self._endpoints.try_all_again(number, by=by, at=self._clock())


def _box(secret: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"endpoint\x00" + secret).digest()))


def _is_shown_by(comment: Comment, decision: Settled) -> bool:
    """Whether everybody sees a comment at this moment, and by this decision."""
    return (
        comment.status is Status.APPROVED
        and comment.seq == decision.seq
        and comment.withdrawn_at is None
        and comment.erased_at is None
        and not comment.escalated
        and comment.text is not None
    )


def _decision(settled: Settled) -> dict[str, Any]:
    decision = settled.decision
    return {
        "seq": settled.seq,
        "verdict": decision.verdict.value,
        # Who it was at the desk is the newsroom's own business.
        "decided_by": decision.decided_by.value,
        "decided_at": _moment(settled.decided_at),
        "rules": list(dict.fromkeys(reason.rule for reason in decision.reasons)),
        "grounds": list(dict.fromkeys(reason.ground for reason in decision.reasons if reason.ground)),
        "guidelines": decision.guidelines,
    }


def _time(micros: Any) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros))


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
