"""
Feeds of what readers see: Atom 1.0 (RFC 4287) and JSON Feed 1.1.

    /feeds/story.atom, /feeds/story.json   a story's newest comments
    /feeds/site.atom, /feeds/site.json     of all stories, the ones approved last

Approved comments only, as plain text: a feed never holds markup that somebody wrote. JSON carries every character
that was sent. XML has no form for most control characters, escaped or not; in Atom each stands as U+FFFD, and the
entry's page shows what was sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

import msgspec
from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from meydan.comment import UNKNOWN_LANGUAGE, Comment, Story
from meydan.locale import Words, interface_of
from meydan.policy import Guidelines
from meydan.web.access import AnyRequest
from meydan.web.doors import Doors
from meydan.web.embed import KeptAnswer, query_of, story_of
from meydan.web.reading import View, language_for
from meydan.web.shelf import EVERY_STORY, Made

Form = Literal["atom", "json"]

FORMS: Final[tuple[Form, ...]] = ("atom", "json")
TYPES: Final[Mapping[Form, str]] = {
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json",
}
NEWEST: Final = 50
JSON_FEED: Final = "https://jsonfeed.org/version/1.1"
ATOM: Final = "http://www.w3.org/2005/Atom"
LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"

MINTED: Final = "2026"
"""The date in every tag URI (RFC 4151). It never changes, or readers' programs would take every comment for a new one."""

NOTHING_YET: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When a feed without comments was updated: a moment that is the same at every node and at every asking."""

_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

ElementTree.register_namespace("", ATOM)


def routes(doors: Doors) -> list[HTTPRouteHandler]:
    """The feeds, for the application to include."""
    return [route for form in FORMS for route in (_story(doors, form), _site(doors, form))]


def _story(doors: Doors, form: Form) -> HTTPRouteHandler:
    desk, own_url = doors.meydan.desk, doors.meydan.settings.own_url

    async def story(request: AnyRequest) -> ASGIApp:
        asked = query_of(request)
        url = story_of(asked, desk.guidelines, doors.origins.own)
        language = interface_of(asked.get("lang")) or ""

        def make() -> Made:
            latest = desk.latest(url=url, limit=NEWEST)
            known = latest.stories.get(url)
            said = language_for(language, known, desk.guidelines)
            view = View(url, said, base=own_url)
            return feed_of(
                latest.comments,
                said.fill("feed_story", story=title_of(known, url)),
                view.feed(form),
                form=form,
                id=tag_of(own_url, "story", url),
                page_url=view.link(),
                said=said,
                base=own_url,
                stories=latest.stories,
            )

        return KeptAnswer(await doors.shelf.fetch(("feed", url, form, language), make), doors.shelf)

    return get(f"/feeds/story.{form}", include_in_schema=False)(story)


def _site(doors: Doors, form: Form) -> HTTPRouteHandler:
    desk, own_url = doors.meydan.desk, doors.meydan.settings.own_url

    async def site(request: AnyRequest) -> ASGIApp:
        language = interface_of(query_of(request).get("lang")) or ""

        def make() -> Made:
            latest = desk.latest(limit=NEWEST)
            said = language_for(language, None, desk.guidelines)
            return feed_of(
                latest.comments,
                said.fill("feed_site", publication=desk.guidelines.publication.name),
                f"{own_url}/feeds/site.{form}?{urlencode({'lang': said.language})}",
                form=form,
                id=tag_of(own_url, "site"),
                page_url=_home(desk.guidelines, own_url),
                said=said,
                base=own_url,
                stories=latest.stories,
            )

        return KeptAnswer(await doors.shelf.fetch(("feed", EVERY_STORY, form, language), make), doors.shelf)

    return get(f"/feeds/site.{form}", include_in_schema=False)(site)


def tag_of(own_url: str, kind: str, name: str = "") -> str:
    """The tag URI of something that this server tells of: the same for ever, wherever it is read."""
    authority = urlsplit(own_url).hostname or "localhost"
    if ":" in authority:
        # RFC 4151 takes names and IPv4 addresses only.
        authority = "localhost"
    return f"tag:{authority},{MINTED}:{kind}" + (f"/{quote(name, safe='')}" if name else "")


def title_of(story: Story | None, url: str) -> str:
    """What a story is called: as the newsroom registered it, else its address. Isolated, to stand in a sentence."""
    return _isolated(story.title if story and story.title else url)


def feed_of(
    comments: Sequence[Comment],
    title: str,
    self_url: str,
    *,
    form: Form,
    id: str,
    page_url: str,
    said: Words,
    base: str,
    stories: Mapping[str, Story] = MappingProxyType({}),
) -> Made:
    """
    Comments as a feed. Who calls it answers for their being shown; a tombstone or a comment without a name is left out.

    Args:
        comments: in the order of the feed.
        title: as it is shown, in the language of `said`.
        self_url: where this feed is read, absolute.
        id: the feed's own tag URI; see tag_of.
        page_url: the page that shows the same to people, absolute.
        base: our own address, without a trailing slash.
        stories: address -> story, for the titles of the entries; a story that is not in it goes by its address.
    """
    entries = [
        _Entry(
            id=tag_of(base, "comment", comment.id),
            url=f"{base}/comments/{quote(comment.id, safe='')}",
            title=said.fill(
                "feed_entry",
                name=_isolated(comment.name),
                story=title_of(stories.get(comment.story_url), comment.story_url),
            ),
            name=comment.name,
            text=comment.text,
            language=None if comment.language == UNKNOWN_LANGUAGE else comment.language,
            at=comment.submitted_at,
        )
        for comment in comments
        if comment.text is not None and comment.name is not None
    ]
    made = _atom if form == "atom" else _json
    return Made(made(entries, title, self_url, id, page_url, said.language), TYPES[form], dated=True)


class _Entry(msgspec.Struct, frozen=True):
    id: str
    url: str
    title: str
    name: str
    text: str
    language: str | None
    at: datetime


def _atom(
    entries: Sequence[_Entry], title: str, self_url: str, id: str, page_url: str, language: str
) -> bytes:
    feed = ElementTree.Element(f"{{{ATOM}}}feed", {LANG: language})
    put(feed, "id", id)
    put(feed, "title", title)
    put(feed, "updated", _moment(max((entry.at for entry in entries), default=NOTHING_YET)))
    put(feed, "link", rel="self", type="application/atom+xml", href=self_url)
    put(feed, "link", rel="alternate", type="text/html", href=page_url)
    for entry in entries:
        made = ElementTree.SubElement(feed, f"{{{ATOM}}}entry")
        put(made, "id", entry.id)
        put(made, "title", entry.title)
        put(made, "link", rel="alternate", type="text/html", href=entry.url)
        # Never edited: it is what it was when it was sent.
        put(made, "published", _moment(entry.at))
        put(made, "updated", _moment(entry.at))
        put(ElementTree.SubElement(made, f"{{{ATOM}}}author"), "name", entry.name)
        content = put(made, "content", entry.text, type="text")
        content.set(LANG, entry.language or UNKNOWN_LANGUAGE)
    written: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    # A bare carriage return is read as a line feed; what a reader sent is not changed on the way.
    return written.replace(b"\r", b"&#13;")


def put(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> ElementTree.Element:
    """One element of Atom within another; what XML has no form for stands as U+FFFD."""
    put = ElementTree.SubElement(
        parent, f"{{{ATOM}}}{name}", {key: _NO_XML.sub("\ufffd", value) for key, value in attributes.items()}
    )
    put.text = _NO_XML.sub("\ufffd", text) or None
    return put


def _json(
    entries: Sequence[_Entry], title: str, self_url: str, id: str, page_url: str, language: str
) -> bytes:
    # JSON Feed has no id of the feed itself: its address is that.
    del id
    feed: dict[str, Any] = {
        "version": JSON_FEED,
        "title": title,
        "home_page_url": page_url,
        "feed_url": self_url,
        "language": language,
        "items": [
            {
                "id": entry.id,
                "url": entry.url,
                "title": entry.title,
                "content_text": entry.text,
                "date_published": _moment(entry.at),
                "authors": [{"name": entry.name}],
            }
            | ({"language": entry.language} if entry.language else {})
            for entry in entries
        ],
    }
    return msgspec.json.encode(feed)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _isolated(words: str) -> str:
    """Somebody's words within a sentence, whatever direction they are written in; what they opened ends with them."""
    return f"\u2068{words}\u2069"


def _home(guidelines: Guidelines, own_url: str) -> str:
    """The publication's own site: the first of its origins, else this server."""
    return next((origin for origin in guidelines.publication.origins if origin != "self"), own_url)
