"""
WXR, which WordPress exports: RSS with the comments of each post inside of it, of any version of the format.

Comments have their time twice, in UTC and in the site's own; where the first is missing, the second needs a zone. What
was approved is approved, what waited waits, what is in the trash or among spam was rejected. Pingbacks, trackbacks and notes are
no comments of readers and are left out, each with a line that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final

from meydan.exchange.reading import Taken
from meydan.exchange.record import CommentRecord, Fault, State, StoryRecord
from meydan.exchange.spelling import with_beyond
from meydan.exchange.xml import Element, elements

_WP: Final = "http://wordpress.org/export/"
"""How the namespace begins, of 1.0, 1.1, 1.2 and what comes after it."""

_WANTED: Final = {"item": "channel", "comment": "item"}
_STATES: Final[dict[str, State]] = {
    "1": "approved",
    "approve": "approved",
    "0": "held",
    "hold": "held",
    "spam": "rejected",
    "trash": "rejected",
    # The comments of a post that is in the trash went with it.
    "post-trashed": "withdrawn",
}
_META: Final = "_meydan"
_NEVER: Final = "0000-00-00"


def read_wordpress(path: Path, *, zone: tzinfo | None = None) -> Iterator[Taken]:
    """
    Stories that have comments, and these.

    Args:
        zone: the site's own, for times that are not in UTC as well.

    Raises:
        NotThatFormat: it is no WXR. FileCutShort: it ends in its middle, or goes wrong there; what came before was given.
    """
    told: Element | None = None
    numbered = 0
    waiting: Element | None = None
    for element in elements(path, root="rss", wanted=_WANTED):
        if element.name == "item":
            if waiting is element:
                yield _story(element, numbered)
                waiting = None
            numbered += 1
            continue
        item = element.parent
        if item is None or not element.space.startswith(_WP):
            continue
        if item is not told:
            told = item
            if item.said("link"):
                yield _story(item, numbered)
            else:
                # It may come after its comments.
                waiting = item
        yield _comment(element, _key(item, numbered), zone)


def _key(item: Element, numbered: int) -> str:
    return item.said("post_id", _WP) or f"item {numbered + 1}"


def _story(item: Element, numbered: int) -> StoryRecord:
    return StoryRecord(
        key=_key(item, numbered),
        url=item.said("link"),
        title=item.said("title") or None,
        closed=item.said("comment_status", _WP) == "closed",
        created_at=_time(item.said("post_date_gmt", _WP), UTC),
    )


def _comment(element: Element, story: str, zone: tzinfo | None) -> CommentRecord | Fault:
    place = f"line {element.line}"
    key = element.said("comment_id", _WP)
    if not key:
        return Fault(
            place, "no-id", "The comment has no id; it could not be told from one that is here already."
        )
    kind = element.said("comment_type", _WP)
    if kind not in ("", "comment"):
        return Fault(
            place, "no-comment", "It is a pingback, trackback or note, and not a reader's comment.", key
        )
    content = element.child("comment_content", _WP)
    if content is not None and content.cut:
        return Fault(place, "too-long", "Its body is longer than that of any comment.", key)
    own = element.said("comment_date", _WP)
    at = _time(element.said("comment_date_gmt", _WP), UTC)
    if at is None and own and not own.startswith(_NEVER):
        if zone is None:
            return Fault(
                place,
                "no-zone",
                "It has its time in the site's own zone only. Say which it is: --zone Asia/Baghdad.",
                key,
            )
        at = _time(own, zone)
    if at is None:
        return Fault(place, "no-time", "It has no time that can be read, such as 2015-03-08 16:04:35.", key)
    approved = element.said("comment_approved", _WP)
    # Whatever a plug-in calls it: who does not know it does not publish it.
    state: State = _STATES.get(approved, "held")
    body = "" if content is None else content.text
    if state == "withdrawn" and not body:
        state = "erased"
    author = element.child("comment_author", _WP)
    parent, user = element.said("comment_parent", _WP), element.said("comment_user_id", _WP)
    record = CommentRecord(
        key=key,
        story=story,
        name="" if author is None else author.text,
        body=body,
        submitted_at=at,
        state=state,
        parent=parent if parent not in ("", "0") else None,
        body_format="html",
        email=element.said("comment_author_email", _WP) or None,
        author_key=user if user not in ("", "0") else None,
        reason="spam" if approved == "spam" else None,
        place=place,
    )
    for meta in element.children:
        if meta.name == "commentmeta" and meta.said("meta_key", _WP) == _META:
            value = meta.child("meta_value", _WP)
            return record if value is None else with_beyond(record, value.text)
    return record


def _time(said: str, zone: tzinfo) -> datetime | None:
    if said.startswith(_NEVER):
        return None
    try:
        at = datetime.fromisoformat(said)
        return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
