"""
WXR, the file that WordPress imports; with Disqus' additions, so that Disqus takes it, too.

Every story is an item with its comments in it, so records come story by story: a StoryRecord, then all of its comments.
Comments have numbers there, from 1 on in this file.

What WXR has a place for is in its elements. The rest (our id, the state in full, fractions of a second, the text before it
was made HTML, characters that XML cannot spell) stands beside it as the comment's meta field `_meydan`; see spelling.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import BinaryIO, Final

from meydan.exchange.meydan import Told, Written
from meydan.exchange.record import CommentRecord, State, StoryRecord
from meydan.exchange.spelling import beyond, html_of, spellable, spelled

META: Final = "_meydan"
"""The comment's meta field; WordPress shows none that begins so."""

_APPROVED: Final = {
    "approved": "1",
    "held": "0",
    "rejected": "trash",
    "withdrawn": "trash",
    "erased": "trash",
}
_READ_AS: Final[dict[str, State]] = {"1": "approved", "0": "held", "trash": "rejected", "spam": "rejected"}
_NEVER: Final = "0000-00-00 00:00:00"

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dsq="http://www.disqus.com/" xmlns:wfw="http://wellformedweb.org/CommentAPI/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:wp="http://wordpress.org/export/1.2/">
<channel>
<title>{title}</title>
<link>{link}</link>
<description></description>
<pubDate>{at}</pubDate>
<language></language>
<wp:wxr_version>1.2</wp:wxr_version>
<wp:base_site_url>{link}</wp:base_site_url>
<wp:base_blog_url>{link}</wp:base_blog_url>
<generator>Meydan</generator>
"""
_FOOT = "</channel>\n</rss>\n"


def write_wxr(
    out: BinaryIO,
    records: Iterable[StoryRecord | CommentRecord],
    told: Told,
    *,
    at: datetime,
    site: str = "",
    title: str = "",
) -> Written:
    """
    Write stories, each followed by its comments.

    Args:
        at: when; site, title: the publication's address and name, for whoever reads the file.

    Raises:
        ValueError: a comment does not come after its own story.
    """
    written = Written()
    _say(out, _HEAD.format(title=spelled(title), link=spelled(site), at=_rfc2822(at)))
    number = 0
    for story, comments in _by_story(records):
        first = next(comments, None)
        written.stories += 1
        _say(out, _item(written.stories, story, first))
        numbers: dict[str, int] = {}
        for record in comments if first is None else chain((first,), comments):
            number += 1
            numbers[record.key] = number
            _say(out, _comment(record, number, numbers.get(record.parent or "", 0), written))
            written.comments += 1
            told(1)
        _say(out, "</item>\n")
    _say(out, _FOOT)
    return written


def as_wxr(record: CommentRecord, *, key: str, parent: str | None, story: str) -> CommentRecord:
    """What a comment's elements say of it, and nothing beyond."""
    approved = _approved(record)
    return CommentRecord(
        key=key,
        story=story,
        name=spellable(record.name),
        body=spellable(html_of(record, breaks=False)),
        submitted_at=record.submitted_at.replace(microsecond=0),
        state=_READ_AS[approved],
        parent=parent,
        body_format="html",
        email=spellable(record.email) if record.email else None,
        reason="spam" if approved == "spam" else None,
    )


def _approved(record: CommentRecord) -> str:
    if record.state == "rejected" and record.reason == "spam":
        return "spam"
    return _APPROVED[record.state]


def _by_story(
    records: Iterable[StoryRecord | CommentRecord],
) -> Iterator[tuple[StoryRecord, Iterator[CommentRecord]]]:
    coming = iter(records)
    ahead = next(coming, None)

    def comments(story: StoryRecord) -> Iterator[CommentRecord]:
        nonlocal ahead
        while isinstance(ahead := next(coming, None), CommentRecord):
            if ahead.story != story.key:
                raise ValueError("a comment has to come after its own story")
            yield ahead

    while ahead is not None:
        if not isinstance(ahead, StoryRecord):
            raise ValueError("a comment has to come after its own story")
        yield ahead, comments(ahead)


def _item(number: int, story: StoryRecord, first: CommentRecord | None) -> str:
    written_at = story.created_at or (None if first is None else first.submitted_at)
    date = _NEVER if written_at is None else _date(written_at)
    return (
        "<item>\n"
        f"<title>{spelled(story.title or '')}</title>\n"
        f"<link>{spelled(story.url)}</link>\n"
        f"<pubDate>{'' if written_at is None else _rfc2822(written_at)}</pubDate>\n"
        "<dc:creator></dc:creator>\n"
        f'<guid isPermaLink="true">{spelled(story.url)}</guid>\n'
        "<description></description>\n"
        "<content:encoded></content:encoded>\n"
        "<excerpt:encoded></excerpt:encoded>\n"
        f"<dsq:thread_identifier>{spelled(story.key)}</dsq:thread_identifier>\n"
        f"<wp:post_id>{number}</wp:post_id>\n"
        f"<wp:post_date>{date}</wp:post_date>\n"
        f"<wp:post_date_gmt>{date}</wp:post_date_gmt>\n"
        f"<wp:comment_status>{'closed' if story.closed else 'open'}</wp:comment_status>\n"
        "<wp:ping_status>closed</wp:ping_status>\n"
        "<wp:post_name></wp:post_name>\n"
        "<wp:status>publish</wp:status>\n"
        "<wp:post_parent>0</wp:post_parent>\n"
        "<wp:menu_order>0</wp:menu_order>\n"
        "<wp:post_type>post</wp:post_type>\n"
        "<wp:post_password></wp:post_password>\n"
        "<wp:is_sticky>0</wp:is_sticky>\n"
    )


def _comment(record: CommentRecord, number: int, parent: int, written: Written) -> str:
    plain = as_wxr(
        record, key=str(number), parent=str(parent) if parent else None, story=str(written.stories)
    )
    # In a record the story is known by its key, which is its URL; here by the item that it is in.
    said = beyond(replace(record, story=plain.story), plain)
    if plain.body != html_of(record, breaks=False) or plain.name != record.name:
        written.respelled += 1
    date = _date(record.submitted_at)
    meta = "" if said is None else (
        f"<wp:commentmeta><wp:meta_key>{META}</wp:meta_key><wp:meta_value>{spelled(said)}</wp:meta_value></wp:commentmeta>\n"
    )  # fmt: skip
    return (
        "<wp:comment>\n"
        f"<wp:comment_id>{number}</wp:comment_id>\n"
        f"<wp:comment_author>{spelled(record.name)}</wp:comment_author>\n"
        f"<wp:comment_author_email>{spelled(record.email or '')}</wp:comment_author_email>\n"
        "<wp:comment_author_url></wp:comment_author_url>\n"
        "<wp:comment_author_IP></wp:comment_author_IP>\n"
        f"<wp:comment_date>{date}</wp:comment_date>\n"
        f"<wp:comment_date_gmt>{date}</wp:comment_date_gmt>\n"
        f"<wp:comment_content>{spelled(html_of(record, breaks=False))}</wp:comment_content>\n"
        f"<wp:comment_approved>{_approved(record)}</wp:comment_approved>\n"
        "<wp:comment_type>comment</wp:comment_type>\n"
        f"<wp:comment_parent>{parent}</wp:comment_parent>\n"
        "<wp:comment_user_id>0</wp:comment_user_id>\n"
        f"{meta}"
        "</wp:comment>\n"
    )


def _date(at: datetime) -> str:
    at = at.astimezone(UTC)
    # strftime leaves the year of 999 with three digits.
    return f"{at.year:04}-{at:%m-%d %H:%M:%S}"


_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _rfc2822(at: datetime) -> str:
    # In English whatever the machine's language is.
    at = at.astimezone(UTC)
    return f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} +0000"


def _say(out: BinaryIO, text: str) -> None:
    out.write(text.encode())
