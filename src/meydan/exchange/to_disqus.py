"""
Disqus' export format: what `meydan import disqus` reads, and what the importers of many other systems do.

Disqus itself does not import it; it takes WXR (to_wordpress.py). All stories come first, as threads, then all comments, as
posts. It has no word for a comment that waits: those are left out, for whoever reads the rest would publish them.

What it has a place for is in its elements; the rest stands beside it in an element of our own, `meydan:beyond`, that
others pass over; see spelling.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import BinaryIO, Final

from meydan.exchange.meydan import Told, Written
from meydan.exchange.record import CommentRecord, State, StoryRecord
from meydan.exchange.spelling import beyond, html_of, quoted, spellable, spelled

NAMESPACE: Final = "urn:meydan:export"
BEYOND: Final = "beyond"
"""Our element, in NAMESPACE."""

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals" xmlns:meydan="urn:meydan:export">\n'
    '<category dsq:id="1"><forum>{forum}</forum><title>General</title><isDefault>true</isDefault></category>\n'
)
_FOOT = "</disqus>\n"
_DELETED: Final = ("withdrawn", "erased")


def write_disqus(
    out: BinaryIO,
    records: Iterable[StoryRecord | CommentRecord],
    told: Told,
    *,
    at: datetime,
    forum: str = "meydan",
) -> Written:
    """
    Write stories as threads and comments as posts, in the order in which they come.

    Args:
        at: when; stands where a thread has to have a time and none is known. forum: the short name in it.
    """
    written = Written()
    numbers: dict[str, int] = {}
    forum = spelled(forum)
    _say(out, _HEAD.format(forum=forum))
    for record in records:
        if isinstance(record, StoryRecord):
            written.stories += 1
            numbers[record.key] = written.stories
            _say(out, _thread(written.stories, record, forum, at))
            continue
        told(1)
        if record.state == "held":
            written.leave_out("held")
            continue
        _say(out, _post(record, numbers[record.story], written))
        written.comments += 1
    _say(out, _FOOT)
    return written


def as_disqus(record: CommentRecord, *, thread: str) -> CommentRecord:
    """What a post's elements say of a comment, and nothing beyond."""
    html = spellable(html_of(record, breaks=True))
    # Of what is deleted it is only told whether its words are there.
    gone: State = "withdrawn" if html else "erased"
    return CommentRecord(
        key=spellable(record.key),
        story=thread,
        name=spellable(record.name),
        body=html,
        submitted_at=record.submitted_at.replace(microsecond=0),
        state=gone if record.state in _DELETED else record.state,
        parent=None if record.parent is None else spellable(record.parent),
        body_format="html",
        email=spellable(record.email) if record.email else None,
        reason="spam" if record.state == "rejected" else None,
    )


def _thread(number: int, story: StoryRecord, forum: str, at: datetime) -> str:
    created = story.created_at or at
    return (
        f'<thread dsq:id="{number}"><id>{spelled(story.key)}</id><forum>{forum}</forum><category dsq:id="1"/>'
        f"<link>{spelled(story.url)}</link><title>{spelled(story.title or '')}</title><message/>"
        f"<createdAt>{_time(created)}</createdAt>"
        "<author><name/><isAnonymous>true</isAnonymous></author>"
        f"<isClosed>{_flag(story.closed)}</isClosed><isDeleted>false</isDeleted></thread>\n"
    )


def _post(record: CommentRecord, thread: int, written: Written) -> str:
    plain = as_disqus(record, thread=str(thread))
    said = beyond(replace(record, story=plain.story), plain)
    if plain.body != html_of(record, breaks=True) or plain.name != record.name:
        written.respelled += 1
    email = f"<email>{spelled(record.email)}</email>" if record.email else "<email/>"
    parent = "" if record.parent is None else f"<parent dsq:id={quoted(record.parent)}/>"
    told = "" if said is None else f"<meydan:{BEYOND}>{spelled(said)}</meydan:{BEYOND}>"
    return (
        f"<post dsq:id={quoted(record.key)}><id/><message>{spelled(html_of(record, breaks=True))}</message>"
        f"<createdAt>{_time(record.submitted_at)}</createdAt>"
        f"<isDeleted>{_flag(record.state in _DELETED)}</isDeleted><isSpam>{_flag(record.state == 'rejected')}</isSpam>"
        f"<author>{email}<name>{spelled(record.name)}</name><isAnonymous>true</isAnonymous></author>"
        f'<thread dsq:id="{thread}"/>{parent}{told}</post>\n'
    )


def _flag(yes: bool) -> str:
    return "true" if yes else "false"


def _time(at: datetime) -> str:
    at = at.astimezone(UTC)
    return f"{at.year:04}-{at:%m-%dT%H:%M:%S}Z"


def _say(out: BinaryIO, text: str) -> None:
    out.write(text.encode())
