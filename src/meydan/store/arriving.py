"""
Comments of other systems, put in by the thousand: all that a comment has that came by the ordinary way, in one transaction.

The guards hold here too: a comment is put in held, and then becomes what was decided elsewhere. What came is remembered
under the name it had there, in the same transaction; so whenever this was cut short, all of a batch is there, or nothing.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple

from meydan.comment import Status
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.hand import Hand
from meydan.store.writer import Writer

HIDDEN, SHOWN, TOMBSTONE = 0, 1, 2
"""Values of comment.showing."""

_COMMENT = (
    "number", "id", "story", "parent", "root", "submitted_at", "due", "commitment", "receipt", "holds", "waiting", "language",
    "judged_at", "withdrawn_at", "erased_at", "author_key", "replies", "branch",
)  # fmt: skip
_DECISION = (
    "comment", "seq", "leaf", "decided_at", "verdict", "decided_by", "actor", "reasons", "guidelines", "model", "calibration",
)  # fmt: skip
_ID_LENGTH = 24
_ID = re.compile("[a-z2-7]{24}")
LEFT_TO_OTHERS = 0.5
"""The share of a batch's time for which a server has SQLite's lock to itself, where the disk is what an import waits for."""

LONGEST_PAUSE_S = 0.1
SERVES_FOR_S = 2.0
"""How long what was found out about a server holds."""

_VERDICT = {Status.APPROVED: "approve", Status.REJECTED: "reject"}


class Known(NamedTuple):
    """A comment that is here: as `imported` has it, without a digest where it did not come so. `gone`: withdrawn or erased."""

    digest: bytes | None
    number: int
    id: str
    root: int | None
    url: str
    status: str
    showing: int
    gone: bool


@dataclass(slots=True)
class Arrival:
    """
    A comment of another system, ready to be put in; times in microseconds.

    `above` is what it replies to: one that is there, or one that comes before it. `receipt`, `decision` and `end` are leaves'
    bodies, None where there is none: a held one has no decision, and only what was withdrawn or erased has an end.
    `text` is None of what is erased. `note` is the other system's own word for why it was decided so.
    """

    key: str
    digest: bytes
    id: str
    url: str
    above: Arrival | Known | None
    submitted_at: int
    decided_at: int
    status: Status
    name: str = field(repr=False)
    text: str | None = field(repr=False)
    format: str | None
    email: str | None = field(repr=False)
    salt: bytes = field(repr=False)
    commitment: bytes
    language: str
    author_key: str | None
    holds: str
    lookup: str = field(repr=False)
    receipt: bytes
    decision: bytes | None
    reasons: str
    rules: tuple[str, ...]
    end: bytes | None
    note: str | None = field(default=None, repr=False)
    gone: bool = False
    number: int = 0
    root: int | None = None
    showing: int = HIDDEN
    replies: int = 0
    branch: int = 0


@dataclass(frozen=True, slots=True)
class ArrivingStory:
    """A story as another system had it; what the newsroom says of it already stands."""

    url: str
    title: str | None
    open: bool


class Met(Exception):
    """Some of these came meanwhile, by another import; nothing of them was put in."""


class Arrivals:
    """What came from other systems, and the way in for more of it. Not for two threads at once."""

    def __init__(self, database: Database, writer: Writer, stand_again: Callable[[Hand, str], None]) -> None:
        self._database = database
        self._writer = writer
        self._stand_again = stand_again
        self._stories: dict[str, int] = {}
        self._served = (-SERVES_FOR_S, False)

    def newest(self) -> int:
        """The highest number of a comment: what comes from now on has a higher one."""
        row = self._database.one(sql.NEWEST_COMMENT)
        return 0 if row is None else int(row[0])

    def known(self, source: str, keys: Iterable[str]) -> dict[str, Known]:
        """
        Which of these are here, by the name that they have there, or by their own id.

        An id is random and nobody else's: what has one went out from here in an export, and is not to be there twice.
        """
        asked = list(keys)
        known = self._asked(sql.IMPORTED, asked, origin=source)
        ours = [key for key in asked if len(key) == _ID_LENGTH and key not in known and _ID.fullmatch(key)]
        return self._asked(sql.OF_IDS, ours) | known if ours else known

    def _asked(self, question: Mapping[str, str], keys: Sequence[str], **more: str) -> dict[str, Known]:
        rows = self._database.all(question[self._database.dialect], keys=self._array(keys), **more)
        return {
            key: Known(
                None if digest is None else bytes(digest), number, id, root, url, status, showing, bool(gone)
            )
            for key, digest, number, id, root, url, status, showing, gone in rows
        }

    def prepare(self) -> None:
        """Let the thread that writes take more memory, for as long as this process lives: it is here for this alone."""

        def work(hand: Hand) -> None:
            if hand.dialect == "sqlite":
                # In KiB; and pages go from the journal into the file seldom, not with every batch.
                hand.run("PRAGMA cache_size = -32000")
                hand.run("PRAGMA wal_autocheckpoint = 8000")

        self._writer.write(work)

    def hand_over(
        self, source: str, arrivals: Sequence[Arrival], stories: Sequence[ArrivingStory]
    ) -> Callable[[], None]:
        """
        Put comments in, each after what it replies to; all of them, or none. Returns once they are written, so that what
        follows is made ready while the disk is waited for; nothing more is handed over before they are durable.

        Returns:
            What waits until they are, and their numbers stand in them. Raises Met where some of them are there already,
            StoreUnavailable where nothing was kept.

        Raises:
            StoreUnavailable: nothing was kept.
        """
        keys = [one.key for one in arrivals]
        written, ended = Event(), Event()
        begun = 0.0
        outcome: list[tuple[dict[str, int], BaseException | None]] = []

        def work(hand: Hand) -> dict[str, int]:
            nonlocal begun
            begun = time.monotonic()
            hand.lock_key("import", source)
            if hand.all(sql.IMPORTED[hand.dialect], origin=source, keys=_array(hand.dialect, keys)):
                raise Met
            ids = self._put(hand, source, arrivals, stories)
            written.set()
            return ids

        def then(ids: dict[str, int], error: BaseException | None) -> None:
            outcome.append((ids, error))
            written.set()
            ended.set()

        def durable() -> None:
            if not ended.is_set():
                ended.wait()
                if self._serves():
                    # The next batch is ready, and would have the file's one lock again at once. The server, whom readers
                    # wait for, looks for it now and then: it is left alone for a while.
                    time.sleep(min((time.monotonic() - begun) * LEFT_TO_OTHERS, LONGEST_PAUSE_S))
            ids, error = outcome[0]
            if error is not None:
                raise error
            self._stories.update(ids)
            if len(self._stories) > _STORIES_REMEMBERED:
                self._stories.clear()
            for one in arrivals:
                # What replies to it may come with the next batch, and needs no more of it than where it stands.
                one.above, one.text, one.lookup, one.name = None, None, "", ""

        if not arrivals:
            return lambda: None
        self._writer.write_soon(work, then)
        written.wait()
        return durable

    def _serves(self) -> bool:
        """Whether a server has this SQLite file, too."""
        now = time.monotonic()
        if now - self._served[0] >= SERVES_FOR_S:
            self._served = (now, self._database.is_served())
        return self._served[1]

    def _put(
        self, hand: Hand, source: str, arrivals: Sequence[Arrival], stories: Sequence[ArrivingStory]
    ) -> dict[str, int]:
        ids = self._story_ids(hand, arrivals, stories)
        _number(hand, arrivals)
        above, again, shown = _arrange(arrivals, ids)
        for id in sorted(one.id for one in above.values()):
            hand.lock_above(id)
        bodies = [
            body for one in arrivals for body in (one.receipt, one.decision, one.end) if body is not None
        ]
        leaves = iter(hand.leaves(bodies))
        rows, decisions = [], []
        for one in arrivals:
            receipt = next(leaves)
            rows.append(_row(one, ids[one.url], hand.receipt(receipt)))
            hand.names_receipt(receipt, one.number)
            if one.decision is not None:
                leaf = hand.decided(next(leaves), one.number, 1)
                decisions.append(
                    (one.number, 1, leaf, one.decided_at, _VERDICT[one.status], "import", "import", one.reasons, "", "", None)
                )  # fmt: skip
            if one.end is not None:
                next(leaves)
        hand.put("comment", _COMMENT, rows)
        worded = [one for one in arrivals if one.text is not None]
        hand.put(
            "words",
            ("comment", "text", "name", "email", "salt", "format"),
            [(one.number, one.text, one.name, one.email, one.salt, one.format) for one in worded],
        )
        _put_lookup(hand, [(one.number, one.lookup) for one in worded if one.lookup])
        hand.put("decision", _DECISION, decisions)
        hand.put(
            "note",
            ("comment", "seq", "words"),
            [(one.number, 1, one.note) for one in arrivals if one.note is not None],
        )
        hand.put(
            "breach", ("rule", "comment", "seq"), [(r, one.number, 1) for one in arrivals for r in one.rules]
        )
        hand.put(
            "imported",
            ("source", "key", "comment", "digest"),
            [(source, one.key, one.number, one.digest) for one in arrivals],
        )
        _become(hand, arrivals)
        for number, (replies, branch) in sorted(_counts(above, arrivals).items()):
            hand.counts(number, replies=replies, branch=branch)
        for id in again:
            self._stand_again(hand, id)
        for story, delta in sorted(shown.items()):
            hand.changed(story, shown=delta)
        if any(one.status is Status.HELD for one in arrivals):
            hand.stirs()
        return ids

    def _story_ids(
        self, hand: Hand, arrivals: Sequence[Arrival], stories: Sequence[ArrivingStory]
    ) -> dict[str, int]:
        told = {story.url: story for story in stories}
        ids = {}
        for url in dict.fromkeys(one.url for one in arrivals):
            if (id := self._stories.get(url)) is None:
                story = told.get(url) or ArrivingStory(url, None, True)
                hand.run(sql.ADD_IMPORTED_STORY, url=url, title=story.title, open=int(story.open))
                row = hand.one(sql.STORY_ID, url=url)
                assert row is not None
                id = int(row[0])
                if story.title is not None:
                    # A story's row comes after the counter, in the order of commits: others wait for it there.
                    hand.later(sql.TITLE_STORY, number=id, title=story.title)
            ids[url] = id
        return ids

    def _array(self, values: Iterable[object]) -> object:
        return _array(self._database.dialect, values)


_LOOKED = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS looked (comment BIGINT, words TEXT) ON COMMIT DROP",
    "INSERT INTO lookup SELECT comment, to_tsvector('simple', words) FROM looked",
    "TRUNCATE looked",
)
_STORIES_REMEMBERED = 50_000


def _array(dialect: str, values: Iterable[object]) -> object:
    return json.dumps(list(values)) if dialect == "sqlite" else list(values)


def _number(hand: Hand, arrivals: Sequence[Arrival]) -> None:
    rows = hand.all(
        sql.NUMBERS[hand.dialect], **({} if hand.dialect == "sqlite" else {"many": len(arrivals)})
    )
    first = int(rows[0][0])
    numbers = range(first, first + len(arrivals)) if len(rows) == 1 else sorted(int(row[0]) for row in rows)
    for one, number in zip(arrivals, numbers, strict=True):
        above = one.above
        one.number, one.replies, one.branch, one.showing = number, 0, 0, HIDDEN
        # The number of what came with the batch before was not known when it was named as what this replies to.
        one.root = None if above is None else above.number if above.root is None else above.root


def _arrange(
    arrivals: Sequence[Arrival], ids: dict[str, int]
) -> tuple[dict[int, Arrival | Known], list[str], dict[int, int]]:
    """
    How each shows, and what that does to those above it in the same batch.

    Returns:
        What was there before and has replies here, by number; the ids of those that may be tombstones now; and how many
        more are shown, by the number of each story that readers see otherwise.
    """
    here = {one.number for one in arrivals}
    above: dict[int, Arrival | Known] = {}
    again: dict[str, None] = {}
    shown: dict[int, int] = {}
    by_number = {one.number: one for one in arrivals}
    for one in arrivals:
        if one.above is not None and one.above.number not in here:
            above[one.above.number] = one.above
        if one.status is not Status.APPROVED or one.gone:
            continue
        one.showing = SHOWN
        shown[ids[one.url]] = shown.get(ids[one.url], 0) + 1
        parent = one.above
        if parent is not None and parent.number in by_number:
            by_number[parent.number].replies += 1
        # A tombstone stands while something below it does.
        while parent is not None and parent.gone and parent.status == Status.APPROVED:
            if not isinstance(parent, Arrival) or parent.number not in here:
                again[parent.id] = None
                break
            if parent.showing == TOMBSTONE:
                break
            parent.showing = TOMBSTONE
            parent = parent.above
    for one in arrivals:
        if one.showing != HIDDEN:
            top = by_number.get(one.number if one.root is None else one.root)
            if top is not None:
                top.branch += 1
    return above, list(again), shown


def _counts(above: dict[int, Arrival | Known], arrivals: Sequence[Arrival]) -> dict[int, list[int]]:
    """What is added to comments that were there before: replies and places in the branch, by number."""
    here = {one.number for one in arrivals}
    counted: dict[int, list[int]] = {}
    for one in arrivals:
        if one.showing == SHOWN and one.above is not None and one.above.number in above:
            counted.setdefault(one.above.number, [0, 0])[0] += 1
        if one.showing != HIDDEN and one.root is not None and one.root not in here:
            counted.setdefault(one.root, [0, 0])[1] += 1
    return counted


def _row(one: Arrival, story: int, receipt: int) -> tuple[object, ...]:
    held = one.status is Status.HELD
    return (
        one.number, one.id, story, None if one.above is None else one.above.id, one.root, one.submitted_at, one.submitted_at,
        one.commitment, receipt, one.holds, int(held and not one.gone), one.language,
        None if held else one.decided_at, one.decided_at if one.gone and one.text is not None else None,
        one.decided_at if one.gone and one.text is None else None, one.author_key, one.replies, one.branch,
    )  # fmt: skip


def _put_lookup(hand: Hand, looked: list[tuple[int, str]]) -> None:
    if hand.dialect == "sqlite":
        hand.put("lookup", ("rowid", "words"), looked)
        return
    make, carry, empty = _LOOKED
    hand.run(make)
    hand.put("looked", ("comment", "words"), looked)
    hand.run(carry)
    hand.run(empty)


def _become(hand: Hand, arrivals: Sequence[Arrival]) -> None:
    """What was put in held becomes what was decided."""
    groups: dict[tuple[Status, int], list[int]] = {}
    for one in arrivals:
        if one.status is not Status.HELD:
            groups.setdefault((one.status, one.showing), []).append(one.number)
    for (status, showing), numbers in groups.items():
        hand.run(
            sql.BECOME[hand.dialect],
            status=status.value,
            showing=showing,
            numbers=_array(hand.dialect, numbers),
        )
