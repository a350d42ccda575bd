"""
The feed of decisions, for the newsroom: Atom 1.0 (RFC 4287), in pages (RFC 5005).

    /api/v1/decisions.atom   the latest ones; for a token of the scope `decisions`, or for whoever is signed in at the desk

What was decided, by which rules, by a machine or at the desk, on which story, and where to look; no reader's words, no
name, and nothing of what was escalated. Each decision is an entry of its own and never changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from litestar import Response, get
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler

from meydan.comment import UNKNOWN_LANGUAGE
from meydan.desk import ToldDecision
from meydan.errors import Malformed
from meydan.locale.desk import DESK, DeskWords, desk_words, spoken_for
from meydan.policy import Guidelines, words
from meydan.web import access
from meydan.web.access import AnyRequest
from meydan.web.doors import Doors
from meydan.web.feeds import ATOM, LANG, NOTHING_YET, put, tag_of

PAGE: Final = 50
PATH: Final = "/api/v1/decisions.atom"
TYPE: Final = "application/atom+xml; charset=utf-8"


def routes(doors: Doors) -> list[HTTPRouteHandler]:
    """The feed, for the application to include."""
    desk, staff, own_url = doors.meydan.desk, doors.meydan.staff, doors.meydan.settings.own_url

    def made(request: AnyRequest) -> Response[bytes]:
        secret = access.feed_token_of(request)
        if secret is not None:
            staff.bearer(secret, "decisions")
        else:
            staff.check(access.session_of(request, staff), "read")
        asked = request.query_params
        before = _before(asked.get("before"))
        w = desk_words(spoken_for(asked.get("lang")) or DESK[0])
        found = desk.decisions_told(limit=PAGE + 1, before=before)
        body = feed_of(
            found[:PAGE],
            guidelines=desk.guidelines,
            base=own_url,
            w=w,
            before=before,
            more=len(found) > PAGE,
        )
        mark = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {"cache-control": "private, no-cache", "etag": mark, "vary": "authorization, cookie"}
        if mark in request.headers.get("if-none-match", ""):
            return Response(b"", status_code=304, headers=headers, media_type=TYPE)
        return Response(body, headers=headers, media_type=TYPE)

    async def decisions(request: AnyRequest) -> Response[bytes]:
        return await sync_to_thread(made, request)

    return [get(PATH, include_in_schema=False)(decisions)]


def feed_of(
    decisions: Sequence[ToldDecision],
    *,
    guidelines: Guidelines,
    base: str,
    w: DeskWords,
    before: int | None,
    more: bool,
) -> bytes:
    """
    One page of the feed.

    Args:
        base: our own address, without a trailing slash.
        before: the leaf that the page goes on from, None for the first page. more: whether another page follows.
    """
    feed = ElementTree.Element(f"{{{ATOM}}}feed", {LANG: w.language})
    put(feed, "id", tag_of(base, "decisions"))
    put(feed, "title", w.fill("decisions.title", publication=guidelines.publication.name))
    put(feed, "updated", _moment(max((one.decided_at for one in decisions), default=NOTHING_YET)))
    put(ElementTree.SubElement(feed, f"{{{ATOM}}}author"), "name", guidelines.publication.name)
    put(feed, "link", rel="self", type="application/atom+xml", href=_page(base, w, before))
    put(feed, "link", rel="alternate", type="text/html", href=f"{base}/desk/decided")
    put(feed, "link", rel="first", type="application/atom+xml", href=_page(base, w, None))
    if more:
        href = _page(base, w, decisions[-1].leaf)
        put(feed, "link", rel="next", type="application/atom+xml", href=href)
    for one in decisions:
        _entry(feed, one, guidelines=guidelines, base=base, w=w)
    written: bytes = ElementTree.tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _entry(
    feed: ElementTree.Element, one: ToldDecision, *, guidelines: Guidelines, base: str, w: DeskWords
) -> None:
    verdict = w[f"states.{one.verdict.status.value}"]
    story = one.story_title or one.story_url
    rules = list(dict.fromkeys(reason.rule for reason in one.reasons))
    entry = ElementTree.SubElement(feed, f"{{{ATOM}}}entry")
    put(entry, "id", tag_of(base, "decision", f"{one.comment}/{one.seq}"))
    put(entry, "title", w.fill("decisions.entry", verdict=verdict, story=_isolated(story)))
    put(
        entry,
        "link",
        rel="alternate",
        type="text/html",
        href=f"{base}/desk/comments/{quote(one.comment, safe='')}",
    )
    put(entry, "link", rel="related", type="text/html", href=one.story_url)
    # Never altered: another decision is another entry.
    put(entry, "published", _moment(one.decided_at))
    put(entry, "updated", _moment(one.decided_at))
    put(entry, "category", term=one.verdict.value, scheme=tag_of(base, "verdict"), label=verdict)
    put(entry, "category", term=one.decided_by.value, scheme=tag_of(base, "decided-by"))
    for rule in rules:
        put(entry, "category", term=rule, scheme=tag_of(base, "rule"), label=_title(guidelines, rule, w))
    if one.language != UNKNOWN_LANGUAGE:
        put(entry, "category", term=one.language, scheme=tag_of(base, "language"))
    sentences = [w[f"decisions.{one.decided_by.value}"]]
    if rules:
        titles = w.listed(_isolated(_title(guidelines, rule, w)) for rule in rules)
        sentences.append(w.fill("decisions.rules", rules=titles))
    if one.seq > 1:
        sentences.append(w.fill("decisions.superseded", number=one.seq - 1))
    put(entry, "content", " ".join(sentences), type="text")


def _title(guidelines: Guidelines, rule: str, w: DeskWords) -> str:
    try:
        return words(guidelines.rule(rule).title, w.language)
    except KeyError:
        # Taken out of the guidelines since.
        return rule


def _page(base: str, w: DeskWords, before: int | None) -> str:
    asked = {"lang": w.language} | ({} if before is None else {"before": str(before)})
    return f"{base}{PATH}?{urlencode(asked)}"


def _before(written: str | None) -> int | None:
    if written is None:
        return None
    if not (written.isascii() and written.isdigit() and len(written) < 19):
        raise Malformed("A page of the feed goes on from a number.", fields=("before",))
    return int(written)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _isolated(words: str) -> str:
    return f"\u2068{words}\u2069"
