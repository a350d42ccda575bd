"""
What Disqus exports: XML with all threads, then all posts, usually packed with gzip.

Its times are in UTC. A post that is neither deleted nor spam was published; there is no word for one that waits. What is
deleted may have been deleted by its author or by a moderator: nobody knows, so it counts as taken back. Addresses of the
network, votes and pictures are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from meydan.exchange.reading import Taken
from meydan.exchange.record import CommentRecord, Fault, State, StoryRecord
from meydan.exchange.spelling import with_beyond
from meydan.exchange.xml import Element, elements

_WANTED: Final = {"thread": "disqus", "post": "disqus"}
_OURS: Final = "urn:meydan:export"


def read_disqus(path: Path) -> Iterator[Taken]:
    """
    Stories and comments of a Disqus export.

    Raises:
        NotThatFormat: it is none. FileCutShort: it ends in its middle, or goes wrong there; what came before was given.
    """
    for element in elements(path, root="disqus", wanted=_WANTED):
        yield _thread(element) if element.name == "thread" else _post(element)


def _thread(element: Element) -> StoryRecord | Fault:
    key = element.attributes.get("id") or element.said("id")
    if not key:
        return Fault(
            f"line {element.line}", "no-id", "The thread has no id, by which its posts would name it."
        )
    return StoryRecord(
        key=key,
        url=element.said("link"),
        title=element.said("title") or None,
        closed=element.said("isClosed") == "true",
        created_at=_time(element.said("createdAt")),
    )


def _post(element: Element) -> CommentRecord | Fault:
    place = f"line {element.line}"
    key = element.attributes.get("id") or element.said("id")
    if not key:
        return Fault(
            place, "no-id", "The post has no id; it could not be told from one that is here already."
        )
    message = element.child("message")
    if message is not None and message.cut:
        return Fault(place, "too-long", "Its body is longer than that of any comment.", key)
    thread = element.child("thread")
    story = "" if thread is None else thread.attributes.get("id", "")
    if not story:
        return Fault(place, "no-story", "The post does not say which thread it is in.", key)
    at = _time(element.said("createdAt"))
    if at is None:
        return Fault(place, "no-time", "It has no time that can be read, such as 2015-03-08T16:04:35Z.", key)
    parent = element.child("parent")
    author = element.child("author")
    name = email = username = ""
    if author is not None:
        email, username = author.said("email"), author.said("username")
        shown = author.child("name")
        # As it stands: a name that begins with a blank is another.
        name = ("" if shown is None else shown.text) or username
    body = "" if message is None else message.text
    state: State = "approved"
    if element.said("isSpam") == "true":
        state = "rejected"
    elif element.said("isDeleted") == "true":
        state = "withdrawn" if body else "erased"
    record = CommentRecord(
        key=key,
        story=story,
        name=name,
        body=body,
        submitted_at=at,
        state=state,
        parent=None if parent is None else parent.attributes.get("id") or None,
        body_format="html",
        email=email or None,
        author_key=username or None,
        reason="spam" if state == "rejected" else None,
        place=place,
    )
    beyond = element.child("beyond", _OURS)
    return record if beyond is None else with_beyond(record, beyond.text)


def _time(said: str) -> datetime | None:
    """UTC, as all of Disqus' times are, whether or not it says so."""
    try:
        at = datetime.fromisoformat(said)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
