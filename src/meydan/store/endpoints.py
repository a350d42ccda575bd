"""
Where the newsroom's own programs and channels are told what happens, and the posting of what they are told.

    announce            within the transaction of what happened: a job for each endpoint that asked for it
    announce_quietly    of how things stand: not again to the same endpoint for a while

A job names what happened and the comment, by id; what there is to tell of it is looked up when it is carried out
(meydan/notices.py). An address and its secrets are sealed before they come here. An endpoint that ended keeps its row and
nothing that could open anything; what waited for it is gone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from meydan.errors import AlreadyExists, NotFound
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.exact import MICROSECOND, check_text, micros, time_of, time_or_none
from meydan.store.hand import Hand, Row
from meydan.store.outbox import DEAD_KEPT
from meydan.store.people import enter
from meydan.store.writer import Writer

TOGETHER: Final = timedelta(minutes=1) // MICROSECOND
"""What a channel is told of within so long is one message."""

TOLD_TOGETHER: Final = frozenset({"comment.escalated", "machine.withdrawn"})
"""Of what happens, what a channel can be told."""

DEAD_NOTICE: Final = "letters.dead"
"""The event that tells of dead letters; one that died of its own is none to tell of."""

_encode = msgspec.json.Encoder(order="sorted").encode


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    One place that is told. `form` is "standard" (a signed JSON object) or "slack" (a line of text).

    `place` says where it is, for people; `sealed` holds its whole address and its secrets, "" once it ended. With `words`
    it is given readers' words that everybody sees. `ended_why` is "removed", or "gone" where its receiver said so.
    """

    number: int
    id: str
    name: str
    form: Literal["standard", "slack"]
    place: str
    sealed: str = field(repr=False)
    events: tuple[str, ...]
    words: bool
    language: str
    added_at: datetime
    ended_at: datetime | None = None
    ended_why: str | None = None


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint that is to be added; as `Endpoint`."""

    id: str
    name: str
    form: Literal["standard", "slack"]
    place: str
    sealed: str = field(repr=False)
    events: tuple[str, ...]
    words: bool
    language: str


def announce(
    hand: Hand, event: str, subject: str, key: str, at: int, told: Mapping[str, Any] | None = None
) -> None:
    """
    Let every endpoint that asked for it be told what happened, if the transaction that this is called in is committed.

    Args:
        event: what happened, such as "comment.approved".
        subject: a comment's id: the job is gone with its words. "" where it is about none.
        key: once under this key, whichever endpoint; letters, digits and "-" only, because it is signed with a full stop after it.
        at: when it happened, in microseconds.
        told: what cannot be looked up afterwards; small, no reader's words.
    """
    body = _encode({"at": at, **(told or {})}).decode()
    # Nobody waits for it: on PostgreSQL it travels with what is asked next.
    hand.send(sql.ANNOUNCE, kind=event, subject=subject, body=body, key=key, at=at)
    if event in TOLD_TOGETHER:
        begin = at - at % TOGETHER
        due = begin + TOGETHER
        body = _encode({"at": at, "since": begin, "until": due}).decode()
        key = f"{event.replace('.', '-')}-{due}"
        hand.send(sql.ANNOUNCE_TOGETHER, kind=event, body=body, key=key, at=at, due=due)


def announce_decided(hand: Hand, id: str, *, seq: int, verdict: str, at: int) -> None:
    """Announce a decision, and that it supersedes one where it does; within its transaction."""
    event = "comment.approved" if verdict == "approve" else "comment.rejected"
    announce(hand, event, id, f"decided-{id}-{seq}", at, {"seq": seq})
    if seq > 1:
        announce(hand, "decision.superseded", id, f"superseded-{id}-{seq}", at, {"seq": seq})


class Endpoints:
    """The endpoints of one publication. Safe to use from many threads and nodes."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    def add(self, new: NewEndpoint, *, at: datetime, by: str) -> Endpoint:
        """
        Raises:
            AlreadyExists: an endpoint that has not ended has this name.
        """
        check_text("name", new.name)
        when = micros(at)

        def work(hand: Hand) -> Endpoint:
            row = hand.one(
                sql.ADD_ENDPOINT,
                id=new.id,
                name=new.name,
                form=new.form,
                place=new.place,
                sealed=new.sealed,
                events=f" {' '.join(new.events)} ",
                words=int(new.words),
                language=new.language,
                at=when,
            )
            if row is None:
                raise AlreadyExists(
                    "An endpoint has this name already. Take another, or remove that one first: "
                    "meydan webhooks remove NAME.",
                    fields=("name",),
                )
            # Not its address: for a channel, that is as good as a password.
            enter(hand, when, by, "endpoint-added", new.name, events=list(new.events), words=new.words)
            return _endpoint_of(row)

        added: Endpoint = self._writer.write(work)
        return added

    def all(self, *, ended_since: datetime | None = None) -> Sequence[Endpoint]:
        """Those that are told, by name; also those whose receiver ended them since then, if a time is given."""
        rows = (
            self._database.all(sql.ENDPOINTS)
            if ended_since is None
            else self._database.all(sql.ENDPOINTS_OF_LATE, since=micros(ended_since))
        )
        return [_endpoint_of(row) for row in rows]

    def named(self, name: str) -> Endpoint:
        """
        Raises:
            NotFound: none that has not ended has this name.
        """
        row = self._database.one(sql.ENDPOINT_NAMED, name=name)
        if row is None:
            raise NotFound("No endpoint has this name; `meydan webhooks list` says which there are.")
        return _endpoint_of(row)

    def asked_for(self, event: str) -> bool:
        """Whether anybody wants to be told of this."""
        return self._database.one(sql.ANY_ENDPOINT, kind=event) is not None

    def end(self, number: int, *, why: Literal["removed", "gone"], by: str, at: datetime) -> bool:
        """Tell it nothing any more, and forget its address, its secrets and what waited for it; False where it had ended."""
        when = micros(at)

        def work(hand: Hand) -> bool:
            row = hand.one(sql.END_ENDPOINT, number=number, why=why, at=when)
            if row is None:
                return False
            hand.run(sql.END_NOTICES, number=number)
            hand.run(sql.END_DEAD_NOTICES, number=number)
            ended = "endpoint-gone" if why == "gone" else "endpoint-removed"
            enter(hand, when, by, ended, row[0])
            return True

        ended: bool = self._writer.write(work)
        return ended

    def seal(
        self, endpoint: Endpoint, sealed: str, *, by: str | None = None, at: datetime | None = None
    ) -> bool:
        """Keep other secrets, unless somebody else did meanwhile; `by` whoever asked for it, None where nobody did."""

        def work(hand: Hand) -> bool:
            kept = hand.run(sql.SEAL_ENDPOINT, number=endpoint.number, sealed=sealed, former=endpoint.sealed)
            if kept and by is not None and at is not None:
                enter(hand, micros(at), by, "endpoint-rotated", endpoint.name)
            return bool(kept)

        kept: bool = self._writer.write(work)
        return kept

    def announce_quietly(
        self, event: str, told: Mapping[str, Any], *, at: datetime, quiet: timedelta
    ) -> bool:
        """Tell how something stands to who asked for it and was not told within `quiet`; returns whether anybody is."""
        when = micros(at)
        body = _encode({"at": when, **told}).decode()
        key = f"{event.replace('.', '-')}-{when}"

        def work(hand: Hand) -> int:
            # Of two nodes that both believe they lead, the second one sees what the first has posted.
            hand.lock_key("notice", event)
            return hand.run(
                sql.ANNOUNCE_QUIETLY, kind=event, body=body, key=key, at=when, since=micros(at - quiet)
            )

        posted: int = self._writer.write(work)
        return posted > 0

    def try_all_again(self, number: int, *, by: str, at: datetime) -> int:
        """Let all that died on its way to an endpoint be tried anew; returns how many."""
        when = micros(at)

        def work(hand: Hand) -> int:
            tried = hand.run(sql.TRY_ALL_AGAIN, number=number, at=when)
            named = hand.one(sql.ENDPOINT_NAME, number=number) if tried else None
            if named is not None:
                enter(hand, when, by, "notices-tried-again", named[0], notices=tried)
            return tried

        again: int = self._writer.write(work)
        return again

    def standing(self) -> Mapping[int, tuple[int, int]]:
        """By endpoint's number, how many notices wait and how many are dead."""
        standing: dict[int, tuple[int, int]] = {}
        for number, waiting, dead in self._database.all(sql.NOTICES_STANDING):
            before = standing.get(number, (0, 0))
            standing[number] = before[0] + waiting, before[1] + dead
        return standing

    # -- how things stand -------------------------------------------------------

    def waiting(self) -> tuple[int, datetime | None]:
        """How many comments wait for a person, and since when the first of them."""
        row = self._database.one(sql.WAITING_SINCE) or (0, None)
        return int(row[0]), time_or_none(row[1])

    def died_since(self, since: datetime) -> int:
        """How many letters and notices died since then."""
        row = self._database.one(sql.DEAD_SINCE, since=micros(since), kind=DEAD_NOTICE)
        return 0 if row is None else int(row[0])

    def escalated_between(self, since: int, until: int) -> int:
        """How often somebody escalated a comment; times in microseconds."""
        row = self._database.one(sql.ESCALATED_BETWEEN, since=since, until=until)
        return 0 if row is None else int(row[0])

    def machine_withdrawn_between(self, since: int, until: int) -> Sequence[tuple[str, str, int, int]]:
        """From what the machine was withdrawn: language, rule, how many of how many audits were wrong."""
        return [
            (language, rule, wrong, audits)
            for language, rule, _, wrong, audits, _ in self._database.all(
                sql.MACHINE_WITHDRAWN_BETWEEN, since=since, until=until
            )
        ]


def seen_until(at: datetime) -> datetime:
    """Since when an ended endpoint is still shown."""
    return at - DEAD_KEPT


def _endpoint_of(row: Row) -> Endpoint:
    number, id, name, form, place, sealed, events, words, language, added_at, ended_at, why = row
    return Endpoint(
        number,
        id,
        name,
        form,
        place,
        sealed,
        tuple(events.split()),
        bool(words),
        language,
        time_of(added_at),
        time_or_none(ended_at),
        why,
    )
