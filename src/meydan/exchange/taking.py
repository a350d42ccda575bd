"""
The intake of an archive: records of any system in, comments with their threads here, and a line for all that was not taken.

Streams: what can be taken is, a batch at a time, each batch one durable transaction; what has to wait for another comment
or its story waits in a file (aside.py). Each comment is remembered by the name that it had in the other system. So an import
that was cut short, wherever, is completed by running it again, and nothing is ever there twice.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, get_args

from meydan.errors import FileCutShort, ForeignStory, Malformed, MeydanError, NotThatFormat, StoreUnavailable
from meydan.exchange.aside import Aside, AsideStory
from meydan.exchange.record import CommentRecord, Fault, Format, State, StoryRecord
from meydan.intake import Arrival, ArrivingStory, Intake, Known, Met
from meydan.text.exact import is_blank, is_exact

Record = StoryRecord | CommentRecord | Fault | tuple[CommentRecord, str]
"""What is taken: a pair is a comment with what it is found by, where that was worked out already (apart.py)."""

Row = tuple[CommentRecord, str | None]

BATCH: Final = 1000
BATCH_CHARACTERS: Final = 4_000_000
"""Of which a batch has at most one more than this: so memory does not depend on how long comments are."""

LONGEST_BODY: Final = 100_000
LONGEST_NAME: Final = 300
LONGEST_KEY: Final = 200
LONGEST_TITLE: Final = 1000
LONGEST_EMAIL: Final = 320
LONGEST_REASON: Final = 2000
LONGEST_NAMED: Final = 2000
"""Of a story's key, of what is replied to and of an author's id: they name things, and are looked up."""
_TRIED: Final = 2**62
"""Stands for the number that a comment would get, were it put in."""

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,4}")
_STATES: Final = frozenset(get_args(State))
_FORMATS: Final = frozenset(get_args(Format))
_EARLIEST: Final = datetime(1990, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report: what was not taken, or (`taken`) not quite as it was there. No reader's words."""

    place: str
    key: str | None
    kind: str
    message: str
    taken: bool


@dataclass(slots=True)
class Summary:
    """
    What an import did. `taken` counts by state, `already` what an earlier one had put in; `not_taken` and `notes` by kind.

    `broken` is why the file could not be read on, None where it was read to its end; what came before was taken.
    """

    taken: Counter[str] = field(default_factory=Counter)
    already: int = 0
    not_taken: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    stories: int = 0
    broken: MeydanError | None = None

    @property
    def complete(self) -> bool:
        """Whether all of the file is here now."""
        return self.broken is None and not self.not_taken.keys() - LEFT_OUT


LEFT_OUT: Final = frozenset({"no-comment"})
"""Kinds of rows that are no readers' comments: without them an import is complete."""

_STORY_FAULTS: Final = {
    "not-text": "The address or title of its story has characters that are not text.",
    "no-address": "Its story has no address that a story can have, such as https://news.example/a-story.",
    "foreign-story": (
        "The address of its story is not of an origin in the guidelines. Add the origin there, or say --origin-map OLD=NEW."
    ),
}


def take(
    records: Iterable[Record],
    intake: Intake,
    *,
    report: Callable[[Line], None],
    origins: Mapping[str, str] | None = None,
    dry: bool = False,
    folder: Path | None = None,
    told: Callable[[int], None] = lambda _: None,
    batch: int = BATCH,
) -> Summary:
    """
    Take an archive in.

    Args:
        report: is given a line for every row that was not taken, and for every one that was taken otherwise than it stood.
        origins: see Intake.address_of.
        dry: nothing is put in; the report is the same.
        folder: where what waits is kept meanwhile.
        told: is told how many more comments were seen to.

    Raises:
        StoreUnavailable: the database failed, or what waits cannot be kept; what was put in before stays, and a second run
            goes on from there.
    """
    try:
        aside = Aside(folder)
    except (OSError, sqlite3.Error):
        raise StoreUnavailable(_NOT_ASIDE) from None
    try:
        taking = _Taking(intake, aside, report, dict(origins or {}), told, dry=dry, batch=batch)
        coming = iter(records)
        while True:
            try:
                record = next(coming)
            except StopIteration:
                break
            except (NotThatFormat, FileCutShort) as error:
                taking.summary.broken = error
                break
            taking.see(record)
        taking.end()
        return taking.summary
    except sqlite3.Error:
        raise StoreUnavailable(_NOT_ASIDE) from None
    finally:
        aside.close()


_NOT_ASIDE: Final = (
    "What has to wait for other comments cannot be kept in the data folder: it cannot be written, or has no room. Run it "
    "again when it has: it adds what is missing."
)


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A batch that is written, and that the disk is waited for; its comments by the names they had there."""

    durable: Callable[[], None]
    arrivals: Mapping[str, Arrival]
    states: Sequence[str]
    rows: int


class _Taking:
    def __init__(
        self,
        intake: Intake,
        aside: Aside,
        report: Callable[[Line], None],
        origins: dict[str, str],
        told: Callable[[int], None],
        *,
        dry: bool,
        batch: int,
    ) -> None:
        self.summary = Summary()
        self._intake = intake
        self._aside = aside
        self._report = report
        self._origins = origins
        self._told = told
        self._dry = dry
        self._batch = batch
        self._rows: list[Row] = []
        self._characters = 0
        self._before = intake.newest()
        self._latest = intake.now() + _AHEAD
        self._stories: set[str] = set()
        self._under_way: _UnderWay | None = None
        if not dry:
            intake.prepare()

    # -- what comes ------------------------------------------------------------------

    def see(self, record: Record) -> None:
        looked = None
        if isinstance(record, tuple):
            record, looked = record
        if isinstance(record, Fault):
            self._refuse(record.place, _named(record.key), record.kind, record.message)
        elif isinstance(record, StoryRecord):
            self._story(record)
        elif (wrong := self._wrong(record)) is not None:
            self._refuse(record.place, _named(record.key), *wrong)
        else:
            self._gather(record, looked, last=False)

    def end(self) -> None:
        """Take the rest, and then all that waited, each after what it replies to."""
        self._go(last=False)
        for record, was_circle in self._aside.waiting():
            if was_circle:
                self._note(
                    record,
                    "parent-circle",
                    "Its replies go round in a circle; it was put at the top of its thread.",
                )
                record = replace(record, parent=None)
            self._gather(record, None, last=True)
        self._go(last=True)
        self._await()
        self.summary.stories = len(self._stories)

    def _gather(self, record: CommentRecord, looked: str | None, *, last: bool) -> None:
        self._rows.append((record, looked))
        self._characters += len(record.body)
        if len(self._rows) >= self._batch or self._characters > BATCH_CHARACTERS:
            self._go(last=last)

    def _story(self, story: StoryRecord) -> None:
        kind = url = None
        if not is_exact(story.key) or not 0 < len(story.key) <= LONGEST_NAMED:
            self._refuse(
                "a story",
                None,
                "not-text",
                f"Its key has characters that are not text, or is not of 1 to {LONGEST_NAMED} characters.",
            )
            return
        if not is_exact(story.url) or not is_exact(story.title or ""):
            kind = "not-text"
        else:
            try:
                url = self._intake.address_of(story.url, self._origins)
            except Malformed:
                kind = "no-address"
            except ForeignStory:
                kind = "foreign-story"
        title = None if kind else " ".join((story.title or "").split())[:LONGEST_TITLE] or None
        # Of a story that is not taken its comments speak, each for itself: one without any is no loss.
        if not self._aside.add_story(story.key, AsideStory(url, title, not story.closed, kind)):
            self._refuse(
                f"story {_named(story.key)}",
                _named(story.key),
                "duplicate-id",
                "Another story has the same key; the first one counts.",
            )

    def _wrong(self, one: CommentRecord) -> tuple[str, str] | None:
        """Why a comment cannot be one here, whatever else is in the file."""
        if not one.key or len(one.key) > LONGEST_KEY:
            return "no-id", f"A comment has an id of 1 to {LONGEST_KEY} characters."
        texts = (
            one.key,
            one.story,
            one.name,
            one.body,
            one.email or "",
            one.parent or "",
            one.author_key or "",
            one.reason or "",
            *one.rules,
        )
        # All of them at once: this is asked of every comment.
        if not is_exact("".join(texts)):
            return "not-text", "It has a null byte, or half of a character; it could not be kept exactly."
        if len(one.body) > LONGEST_BODY:
            return "too-long", f"Its body has more than {LONGEST_BODY} characters."
        if len(one.name) > LONGEST_NAME or len(one.email or "") > LONGEST_EMAIL:
            return (
                "too-long",
                f"Its name has more than {LONGEST_NAME} characters, or its address more than {LONGEST_EMAIL}.",
            )
        if max(len(one.story), len(one.parent or ""), len(one.author_key or "")) > LONGEST_NAMED:
            return (
                "too-long",
                f"What it names (story, parent or author) has more than {LONGEST_NAMED} characters.",
            )
        if len(one.reason or "") > LONGEST_REASON:
            return "too-long", f"The reason of its decision has more than {LONGEST_REASON} characters."
        if one.language and not _LANGUAGE.fullmatch(one.language):
            return "no-language", "Its language is none: a language is a tag such as en, ckb or kmr-Latn."
        if one.state not in _STATES or one.body_format not in _FORMATS:
            return "unknown-state", "What became of it, or the form of its text, is none that is known here."
        if one.state not in ("withdrawn", "erased") and is_blank(one.body):
            return "empty", "It has no words."
        for at in (one.submitted_at, one.decided_at):
            if at is None:
                continue
            if at.tzinfo is None:
                return (
                    "no-zone",
                    "Its time says no zone. Say which one the file goes by: --zone Asia/Baghdad.",
                )
            if not _EARLIEST <= at <= self._latest:
                return "no-time", "Its time is before 1990, or to come."
        return None

    # -- a batch -----------------------------------------------------------------------

    def _go(self, *, last: bool) -> None:
        """Make what came ready, and put it in."""
        rows, self._rows, self._characters = self._rows, [], 0
        if not rows:
            return
        arrivals, states = self._plan(rows, self._known(rows), last=last)
        stories = [
            ArrivingStory(story.url, story.title, story.open)
            for key in dict.fromkeys(row.story for row, _ in rows)
            if (story := self._aside.story(key)) is not None and story.url is not None
        ]
        self._stories.update(one.url for one in arrivals)
        # This batch was made ready while the disk had the one before.
        self._await()
        if self._dry:
            self._aside.try_keys([(one.key, one.url, one.digest) for one in arrivals])
            self._count(states, len(rows))
        else:
            self._under_way = _UnderWay(
                self._intake.hand_over(arrivals, stories),
                {one.key: one for one in arrivals},
                states,
                len(rows),
            )

    def _await(self) -> None:
        """Until what was handed over is durable."""
        under_way, self._under_way = self._under_way, None
        if under_way is None:
            return
        try:
            under_way.durable()
        except Met:
            raise StoreUnavailable(
                "Another import of the same source is going on. When it has ended, run this one again: it adds what is missing."
            ) from None
        self._count(under_way.states, under_way.rows)

    def _count(self, states: Sequence[str], rows: int) -> None:
        # Durable by now: what a crash leaves out is what comes after this.
        self.summary.taken.update(states)
        self._told(rows)

    def _known(self, rows: Sequence[Row]) -> dict[str, Known | Arrival]:
        keys = dict.fromkeys(key for row, _ in rows for key in (row.key, row.parent) if key is not None)
        asked = list(keys)
        known: dict[str, Known | Arrival] = dict(self._intake.known(asked))
        if self._dry:
            for key, (url, digest) in self._aside.tried(asked).items():
                known[key] = Known(digest, _TRIED, "", None, url, "approved", 0, gone=False)
        if self._under_way is not None:
            # Until they are durable, the database does not tell of them. Where it does, nothing else is said.
            known.update(
                (key, one) for key in asked if (one := self._under_way.arrivals.get(key)) is not None
            )
        return known

    def _plan(
        self, rows: Sequence[Row], known: dict[str, Known | Arrival], *, last: bool
    ) -> tuple[list[Arrival], list[str]]:
        """What of these is put in now, each with its state; the rest is told of, passed over, or put aside."""
        arrivals: list[Arrival] = []
        states: list[str] = []
        for row, looked in rows:
            story = self._aside.story(row.story)
            if story is None:
                if not last:
                    self._put_aside(row)
                else:
                    self._refuse(
                        row.place, row.key, "no-story", "The file has no story of the key that it names."
                    )
                continue
            if story.url is None:
                kind = story.fault or "no-address"
                self._refuse(row.place, row.key, kind, _STORY_FAULTS[kind])
                continue
            digest = self._intake.digest_of(row, story.url)
            if (before := known.get(row.key)) is not None:
                self._again(row, before, digest)
                continue
            above = None
            if row.parent is not None:
                above = None if row.parent == row.key else known.get(row.parent)
                if above is None and not last:
                    self._put_aside(row)
                    continue
                if above is None:
                    self._note(
                        row,
                        "parent-missing",
                        "What it replies to is not here; it was put at the top of its thread.",
                    )
                elif above.url != story.url:
                    self._note(
                        row,
                        "parent-elsewhere",
                        "What it replies to is on another story; it was put at the top.",
                    )
                    above = None
            one = self._intake.ready(row, digest=digest, url=story.url, above=above, looked=looked)
            known[row.key] = one
            arrivals.append(one)
            states.append(row.state)
        return arrivals, states

    def _put_aside(self, row: CommentRecord) -> None:
        if not self._aside.add(row):
            self._refuse(
                row.place,
                row.key,
                "duplicate-id",
                "Another comment of the file has the same id; the first counts.",
            )

    def _again(self, row: CommentRecord, before: Known | Arrival, digest: bytes) -> None:
        """What has the name of something that is here."""
        if isinstance(before, Arrival) or before.number > self._before:
            self._refuse(
                row.place,
                row.key,
                "duplicate-id",
                "Another comment of the file has the same id; the first counts.",
            )
        elif before.digest is None or before.digest == digest:
            self.summary.already += 1
        else:
            self._refuse(
                row.place,
                row.key,
                "changed",
                "A comment of this id came with an earlier import and says something else, or is something else now; that one stays.",
            )

    # -- the report ----------------------------------------------------------------------

    def _refuse(self, place: str, key: str | None, kind: str, message: str) -> None:
        self.summary.not_taken[kind] += 1
        self._report(Line(place, key, kind, message, taken=False))

    def _note(self, row: CommentRecord, kind: str, message: str) -> None:
        self.summary.notes[kind] += 1
        self._report(Line(row.place, row.key, kind, message, taken=True))


def _named(key: str | None) -> str | None:
    """An id as a report can have it: of text, and no longer than one that is taken."""
    return key[:LONGEST_KEY] if key is not None and is_exact(key) else None
