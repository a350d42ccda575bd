"""
Answers kept as bytes: made once, sent many times, taken down when readers would see a difference.

Everything that readers read comes from here. An answer is known by what it
shows (its subject) and found by the raw address that asked for it; a story's
change takes down every answer about that story, also one still being made.

While nobody can say whether the kept answers are the newest (the database does not answer), they are sent all the same,
marked as stale with the seconds since somebody could, for `most_stale_s` at most: then they are taken down.

Used from the event loop only. Making an answer happens in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

import structlog
from litestar.concurrency import sync_to_thread

Subject = tuple[str, ...]
"""What an answer shows: its kind, its story's address, then whatever else tells it from others."""

RawHeaders = list[tuple[bytes, bytes]]
Send = Callable[[Any], Awaitable[None]]

ALIASES_KEPT = 20_000
LONGEST_ALIAS = 2048
SMALLEST_TO_PACK = 256
SURE_AFTER_S = 1.0
TOGETHER_S = 0.02

LATE_S = 2.0
"""A look at the changes that takes longer than this is not waited for: until it ends, nothing is sure."""

STALE = b"x-meydan-stale"

EVERY_STORY = ""
"""The second word of a subject that shows something of all stories: any story's change takes it down."""

log = structlog.get_logger("meydan.web")


@dataclass(frozen=True, slots=True)
class Made:
    """
    An answer as its maker gives it.

    Attributes:
        expires_at: when it ends by itself (Unix time), if it does.
        dated: it says when it was last modified, for those who know no ETag.
    """

    body: bytes
    content_type: str
    expires_at: float | None = None
    dated: bool = False


def surrogate_key(story: str) -> str:
    """By what a CDN is told to forget all that is about a story: its address's digest, which is short and has no blanks."""
    return f"story-{hashlib.sha256(story.encode()).hexdigest()[:16]}"


class Kept:
    """
    One answer, ready to send plain or gzipped, with a strong ETag for each form.

    `headers` are the ones it always carries; what depends on the asker (CORS) is
    added when it is sent. `up` turns false when it is taken down; `addresses` are those that find it until then.
    """

    __slots__ = (
        "_etag",
        "_gzip",
        "_gzip_etag",
        "_gzip_headers",
        "_gzip_unchanged",
        "_made_at",
        "_plain",
        "_plain_headers",
        "_plain_unchanged",
        "addresses",
        "expires_at",
        "up",
    )

    def __init__(self, made: Made, headers: Mapping[str, str]) -> None:
        digest = hashlib.sha256(made.body).hexdigest()[:24]
        common = [(name.encode(), value.encode()) for name, value in headers.items()]
        common.append((b"content-type", made.content_type.encode()))
        packed = b""
        if len(made.body) >= SMALLEST_TO_PACK:
            # mtime 0, so that the same words are the same bytes on every node.
            packed = gzip.compress(made.body, compresslevel=6, mtime=0)
        self._plain = made.body
        self._etag = f'"{digest}"'.encode()
        self._plain_headers = [*common, (b"etag", self._etag), (b"content-length", b"%d" % len(made.body))]
        self._gzip = packed if packed and len(packed) < len(made.body) else b""
        self._gzip_etag = f'"{digest}-gz"'.encode()
        self._gzip_headers = [
            *common,
            (b"etag", self._gzip_etag),
            (b"content-encoding", b"gzip"),
            (b"content-length", b"%d" % len(self._gzip)),
        ]
        self._plain_unchanged = _of_unchanged(self._plain_headers)
        self._gzip_unchanged = _of_unchanged(self._gzip_headers)
        self.expires_at = made.expires_at
        self.up = True
        self.addresses: set[tuple[str, bytes]] = set()
        self._made_at = time.time() if made.dated else None

    @property
    def size_bytes(self) -> int:
        """What it weighs in memory, nearly."""
        return len(self._plain) + len(self._gzip) + 1024

    async def send(
        self, asked: RawHeaders, send: Send, *, more: Iterable[tuple[bytes, bytes]] = (), head: bool = False
    ) -> int:
        """
        Send it: whole, gzipped or as 304, by the request's headers. Returns the status.

        Args:
            more: headers that this asker gets besides.
            head: headers only.
        """
        accepts = known = b""
        for name, value in asked:
            if name == b"accept-encoding":
                accepts = value
            elif name == b"if-none-match":
                known = value
        packed = bool(self._gzip) and b"gzip" in accepts and accepts_gzip(accepts)
        headers = self._gzip_headers if packed else self._plain_headers
        status = 200
        body = b"" if head else self._gzip if packed else self._plain
        if self._made_at is not None:
            headers, unchanged = self._dated(asked, headers, known=bool(known))
            known = b"*" if unchanged else known
        # A proxy may have weakened the tag; comparing the part in quotes is the weak comparison of RFC 9110.
        if known and (self._etag in known or self._gzip_etag in known or known.strip() == b"*"):
            status, body = 304, b""
            if self._made_at is None:
                headers = self._gzip_unchanged if packed else self._plain_unchanged
            else:
                headers = _of_unchanged(headers)
        if more:
            headers = [*headers, *more]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
        return status

    def _dated(self, asked: RawHeaders, headers: RawHeaders, *, known: bool) -> tuple[RawHeaders, bool]:
        """The headers with Last-Modified, and whether nothing changed since the date that was asked with."""
        assert self._made_at is not None
        if time.time() - self._made_at < SURE_AFTER_S:
            # The date tells seconds only. One that is given away now could still be that of another answer.
            return headers, False
        modified = int(self._made_at)
        headers = [*headers, (b"last-modified", formatdate(modified, usegmt=True).encode())]
        since = next((value for name, value in asked if name == b"if-modified-since"), None)
        if known or since is None:
            return headers, False
        try:
            return headers, parsedate_to_datetime(since.decode("latin-1")).timestamp() >= modified
        except (ValueError, OverflowError):
            return headers, False


OF_UNCHANGED = frozenset(
    (
        b"etag",
        b"last-modified",
        b"cache-control",
        b"vary",
        b"cdn-cache-control",
        b"surrogate-control",
        b"surrogate-key",
        b"x-content-type-options",
        # Origins may have been taken off since: with the same page, a browser would go by the policy it has (RFC 9111, 3.2).
        b"content-security-policy",
    )
)
"""What a 304 carries: all else that was said with the answer that is kept stands as it was said (RFC 9110, 15.4.5)."""


def _of_unchanged(headers: RawHeaders) -> RawHeaders:
    return [header for header in headers if header[0] in OF_UNCHANGED]


_gzip_answers: dict[bytes, bool] = {}


def accepts_gzip(header: bytes) -> bool:
    """Whether an Accept-Encoding header takes gzip (a quality of zero refuses it)."""
    known = _gzip_answers.get(header)
    if known is None:
        known = False
        for part in header.lower().split(b","):
            coding, _, quality = part.partition(b";")
            if coding.strip() == b"gzip":
                known = quality.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
        if len(_gzip_answers) < 1000 and len(header) <= 200:
            _gzip_answers[header] = known
    return known


def _heard(task: asyncio.Task[Any]) -> None:
    """Whoever waits for it is told of a failure; one that nobody waited for is not worth a warning."""
    if not task.cancelled():
        task.exception()


class Shelf:
    """
    The kept answers, at most `most_bytes` of them; the one unread longest goes first.

    Args:
        changes: (since) -> (newest change number, stories changed since); see Desk.changes.
        edition: what every answer depends on besides its story, such as the
            guidelines' digest; when it changes, everything is taken down.
        headers: the headers of an answer, by its subject.
        on_change: told which stories' answers were taken down, once they are; None when all were.
        most_stale_s: for how long answers are sent of which it is unknown whether they are the newest.
        ticks: seconds that only go on, whatever becomes of the clock.

    Attributes:
        found, found_unsure: kept answers that `fetch` found, in all and while nothing was sure.
        made: answers that it had made.
    """

    def __init__(
        self,
        *,
        changes: Callable[[int], tuple[int, tuple[str, ...]]],
        edition: Callable[[], str],
        headers: Callable[[Subject], Mapping[str, str]],
        most_bytes: int = 64 * 1024 * 1024,
        clock: Callable[[], float] = time.time,
        on_change: Callable[[Collection[str] | None], None] = lambda stories: None,
        most_stale_s: float = 600.0,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most_stale_s = most_stale_s
        self._ticks = ticks
        self._sure_at = ticks()
        self.unsure = False
        self.found = self.found_unsure = self.made = 0
        self._on_change = on_change
        self._changes = changes
        self._edition = edition
        self._headers = headers
        self._most_bytes = most_bytes
        self._clock = clock
        self._kept: OrderedDict[Subject, Kept] = OrderedDict()
        self._by_story: dict[str, set[Subject]] = {}
        self._by_address: dict[tuple[str, bytes], Kept] = {}
        self._making: dict[Subject, asyncio.Task[Kept]] = {}
        self._bytes = 0
        self._since: int | None = None
        self._edition_seen = edition()
        self._asking: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._heard = asyncio.Event()

    # -- reading ---------------------------------------------------------------

    def find(self, path: str, query: bytes) -> Kept | None:
        """The answer last sent for exactly this address, if it still stands. The hot path."""
        kept = self._by_address.get((path, query))
        if kept is None:
            return None
        if not kept.up or (
            kept.expires_at is not None and kept.expires_at <= self._clock() and not self.unsure
        ):
            del self._by_address[path, query]
            return None
        return kept

    def remember(self, path: str, query: bytes, kept: Kept) -> None:
        """From now on this address is answered with `kept`, while it stands; a very long address is not remembered."""
        if kept.up and len(query) <= LONGEST_ALIAS:
            if len(self._by_address) >= ALIASES_KEPT:
                self._forget_addresses()
            self._by_address[path, query] = kept
            kept.addresses.add((path, query))

    async def fetch(self, subject: Subject, make: Callable[[], Made]) -> Kept:
        """
        The answer on a subject: the kept one, or one made now in a thread.

        Askers who meet while it is made wait for the same one, unless the story
        changed after the making began: then they get a newer one.
        """
        kept = self._kept.get(subject)
        if kept is not None and (kept.expires_at is None or kept.expires_at > self._clock() or self.unsure):
            self._kept.move_to_end(subject)
            self.found += 1
            self.found_unsure += self.unsure
            return kept
        making = self._making.get(subject)
        if making is None:
            self.made += 1
            making = self._making[subject] = asyncio.ensure_future(self._make(subject, make))
            making.add_done_callback(lambda done: self._made(subject, done))
        # Shielded: an asker who hangs up does not take the answer from the others.
        return await asyncio.shield(making)

    async def _make(self, subject: Subject, make: Callable[[], Made]) -> Kept:
        headers = self._headers(subject)
        # In the thread too: packing a long page takes longer than a hundred answers.
        kept = await sync_to_thread(lambda: Kept(make(), headers))
        if self._making.get(subject) is asyncio.current_task():
            self._put(subject, kept)
        else:
            # The story changed while this was made. It is what was true when it was asked
            # for; nobody who asks from now on gets it.
            kept.up = False
        return kept

    def _made(self, subject: Subject, task: asyncio.Task[Kept]) -> None:
        if self._making.get(subject) is task:
            del self._making[subject]
        _heard(task)

    def _put(self, subject: Subject, kept: Kept) -> None:
        self._drop(subject)
        if kept.size_bytes > self._most_bytes // 4:
            kept.up = False
            return
        self._kept[subject] = kept
        self._bytes += kept.size_bytes
        self._by_story.setdefault(subject[1], set()).add(subject)
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    # -- taking down -----------------------------------------------------------

    def forget(self, stories: Collection[str]) -> None:
        """Take down every answer about these stories, made or still being made."""
        about = {*stories, EVERY_STORY}
        for story in about:
            for subject in tuple(self._by_story.get(story, ())):
                self._drop(subject)
        for subject in tuple(self._making):
            if subject[1] in about:
                del self._making[subject]
        self._on_change(stories)

    def clear(self) -> None:
        """Take down everything."""
        for subject in tuple(self._kept):
            self._drop(subject)
        self._making.clear()
        self._forget_addresses()
        self._on_change(None)

    def _forget_addresses(self) -> None:
        self._by_address.clear()
        for kept in self._kept.values():
            kept.addresses.clear()

    def _drop(self, subject: Subject) -> None:
        kept = self._kept.pop(subject, None)
        if kept is None:
            return
        kept.up = False
        # Its addresses too, or they would hold its bytes for as long as nobody asks for them.
        for address in kept.addresses:
            if self._by_address.get(address) is kept:
                del self._by_address[address]
        kept.addresses.clear()
        self._bytes -= kept.size_bytes
        about = self._by_story[subject[1]]
        about.discard(subject)
        if not about:
            del self._by_story[subject[1]]

    # -- following -------------------------------------------------------------

    async def follow(self, *, every_s: Callable[[], float] = lambda: 0.2) -> None:
        """
        Take down what other processes changed, until cancelled; a database that does not answer is asked again.

        Args:
            every_s: how long until the next look, where nothing is heard meanwhile.
        """
        while True:
            self._heard.clear()
            await self.try_to_catch_up()
            # What is heard within a moment is looked for together.
            await asyncio.sleep(TOGETHER_S)
            with contextlib.suppress(TimeoutError):
                # While nothing is sure, it is asked for soon: readers are told how old their page is.
                async with asyncio.timeout(min(every_s(), 0.2) if self.unsure else every_s()):
                    await self._heard.wait()

    def hear(self, change: int | None) -> None:
        """Another process tells of a change (None: it may have told of one): look now, unless it was seen already."""
        if change is None or self._since is None or change > self._since:
            self._heard.set()

    async def try_to_catch_up(self, *, within_s: float = LATE_S) -> bool:
        """
        As `catch_up`; where that fails, or takes longer, nothing that is kept is sure until somebody succeeds.

        Returns whether everything that is kept is the newest.
        """
        try:
            async with asyncio.timeout(within_s):
                await self.catch_up()
        except Exception as error:  # noqa: BLE001 - whatever it was, the next look may succeed
            if not self.unsure:
                log.warning("changes_unknown", error=type(error).__name__)
            self.unsure = True
            if self._kept and self.unsure_s > self._most_stale_s:
                log.error("stale_pages_taken_down", after_s=round(self.unsure_s))
                self.clear()
            return False
        return True

    @property
    def unsure_s(self) -> float:
        """For how long it has been unknown whether what is kept is the newest; 0.0 while it is known."""
        return self._ticks() - self._sure_at if self.unsure else 0.0

    def doubts(self) -> RawHeaders:
        """The header of an answer of which it is unknown whether it is the newest; none while it is known."""
        return [(STALE, b"%d" % self.unsure_s)] if self.unsure else []

    @property
    def size_bytes(self) -> int:
        """What everything that is kept weighs."""
        return self._bytes

    async def catch_up(self) -> None:
        """
        Take down what changed up to now, whoever changed it.

        Every caller waits for a look at the database that began after the call:
        the one under way may have looked too early. Callers who wait share one.
        """
        if self._asking is None or self._asking.done():
            self._asking = self._looking(self._look())
            await asyncio.shield(self._asking)
            return
        if self._next is None or self._next.done():
            self._next = self._looking(self._look_after(self._asking))
        await asyncio.shield(self._next)

    @staticmethod
    def _looking(look: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(look)
        task.add_done_callback(_heard)
        return task

    async def _look_after(self, earlier: asyncio.Task[None]) -> None:
        await asyncio.wait({earlier})
        # From here on this is the look under way, and a new caller needs another.
        self._asking, self._next = asyncio.current_task(), None
        await self._look()

    async def _look(self) -> None:
        began = self._ticks()
        await self._look_at_changes()
        # As it was when the look began: what changed since is for the next one.
        self._sure_at, self.unsure = began, False

    async def _look_at_changes(self) -> None:
        edition = self._edition()
        if edition != self._edition_seen:
            self._edition_seen = edition
            self.clear()
        if self._since is None:
            # Nothing that was kept before the first look can be trusted.
            newest, _ = await sync_to_thread(self._changes, 2**62)
            self._since = newest
            self.clear()
            return
        newest, stories = await sync_to_thread(self._changes, self._since)
        if newest < self._since:
            # The database is an older copy of itself: a backup was put back.
            self.clear()
        elif stories:
            self.forget(set(stories))
        self._since = newest
