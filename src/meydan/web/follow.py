"""
Following by e-mail: the page that asks for an address, and the two links that a letter carries.

A link opened is no answer: programs open links in mail before people do. So each leads to a page with a button.
The one that ends a subscription takes a POST from anywhere, without a cookie or an origin: mail providers send it for
their readers (RFC 8058).
"""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlencode

from litestar import MediaType, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from meydan.desk import story_address
from meydan.errors import Malformed, MissingFields, NotFound, Refused, TooFast
from meydan.letters import Follow
from meydan.locale import Words, accepted
from meydan.text.exact import is_blank
from meydan.web import reading
from meydan.web.access import AnyRequest
from meydan.web.doors import Doors
from meydan.web.embed import PRIVATE, form_of, query_of, story_of
from meydan.web.errors import headers_of, problem_of, status_of
from meydan.web.pages import template


def routes(doors: Doors) -> list[HTTPRouteHandler]:
    """The pages of following, for the application to include."""
    rooms = _Following(doors)

    @get("/comments/follow", include_in_schema=False)
    async def to_follow(request: AnyRequest) -> Response[str]:
        return await rooms.to_follow(request)

    @post("/comments/follow", include_in_schema=False)
    async def follow(request: AnyRequest) -> Response[str]:
        return await rooms.follow(request)

    @get("/follow/{token:str}", include_in_schema=False)
    async def to_confirm(request: AnyRequest, token: FromPath[str]) -> Response[str]:
        return await rooms.asked(request, token, "follow")

    @post("/follow/{token:str}", include_in_schema=False)
    async def confirm(request: AnyRequest, token: FromPath[str]) -> Response[str]:
        return await rooms.confirm(request, token)

    @get("/unfollow/{token:str}", include_in_schema=False)
    async def to_end(request: AnyRequest, token: FromPath[str]) -> Response[str]:
        return await rooms.asked(request, token, "unfollow")

    @post("/unfollow/{token:str}", include_in_schema=False)
    async def end(request: AnyRequest, token: FromPath[str]) -> Response[str]:
        return await rooms.end(request, token)

    return [to_follow, follow, to_confirm, confirm, to_end, end]


def ask(doors: Doors, *, story: str, comment: str | None, email: str, language: str) -> None:
    """
    Ask somebody back whether they want to be written to; the same for the page and the API.

    Raises:
        MissingFields, Malformed, ForeignStory, NoSuchParent: what they named is not there.
        NotFound: no mail is sent here.
    """
    missing = [name for name, value in (("story", story), ("email", email)) if is_blank(value)]
    if missing:
        raise MissingFields(missing)
    url = reading.our_story(story, doors.meydan.desk.guidelines, doors.origins.own)
    if comment is not None:
        doors.meydan.desk.shown(comment, story_url=url)
    doors.meydan.letters.ask(url, comment=comment, email=email.strip(), language=language)


class _Following:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._letters = doors.meydan.letters
        self._desk = doors.meydan.desk

    async def to_follow(self, request: AnyRequest) -> Response[str]:
        asked = query_of(request)
        if not self._letters.works:
            raise NotFound("Nothing can be followed by e-mail here.")
        url = story_of(asked, self._desk.guidelines, self._doors.origins.own)
        said = self._said(request, asked.get("lang"))
        return self._page(said, "form", story=url, comment=asked.get("comment", ""))

    async def follow(self, request: AnyRequest) -> Response[str]:
        self._doors.origins.check_form(request)
        form = await form_of(request)
        said = self._said(request, form.get("lang"))
        story, comment, email = form.get("story", ""), form.get("comment", ""), form.get("email", "")
        try:
            await self._doors.sender_soon(request)
            await sync_to_thread(
                lambda: ask(
                    self._doors, story=story, comment=comment or None, email=email, language=said.language
                )
            )
        except (TooFast, MissingFields, Malformed) as error:
            if "story" in error.fields:
                raise
            return self._again(said, error, story=story, comment=comment, email=email)
        return self._page(said, "sent", status=202, story=story_address(story))

    def _again(self, said: Words, error: Refused, *, story: str, comment: str, email: str) -> Response[str]:
        """The form as it was filled in, and what was wrong with it."""
        problem = problem_of(error, said).message if isinstance(error, TooFast) else said["missing_email"]
        return self._page(
            said,
            "form",
            status=status_of(error),
            headers=headers_of(error),
            story=story,
            comment=comment,
            email=email.replace("\x00", "\ufffd"),
            problem=problem,
        )

    async def asked(
        self, request: AnyRequest, token: str, purpose: Literal["follow", "unfollow"]
    ) -> Response[str]:
        """A link that was opened; nothing happens by that."""
        follow = await sync_to_thread(self._letters.follow_of, token, purpose)
        said = self._said(request, query_of(request).get("lang"), follow)
        if follow is None:
            # Ended before: who wanted that has it, and who wanted to begin begins anew.
            if purpose == "follow":
                raise NotFound("This link is not valid any more.")
            return self._page(said, "ended")
        state = "confirmed" if purpose == "follow" and follow.confirmed_at else purpose
        return self._page(said, state, story=follow.story_url, token=token)

    async def confirm(self, request: AnyRequest, token: str) -> Response[str]:
        self._doors.origins.check_form(request)
        await sync_to_thread(self._letters.confirm, token)
        follow = await sync_to_thread(self._letters.follow_of, token, "follow")
        if follow is None:
            raise NotFound("This link is not valid any more.")
        return self._page(self._said(request, None, follow), "confirmed", story=follow.story_url)

    async def end(self, request: AnyRequest, token: str) -> Response[str]:
        """At once, whoever sends it, and again the same: the link is the right to it."""
        follow = await sync_to_thread(self._letters.follow_of, token, "unfollow")
        await sync_to_thread(self._letters.end, token)
        return self._page(self._said(request, None, follow), "ended")

    def _said(self, request: AnyRequest, asked: str | None, follow: Follow | None = None) -> Words:
        language = asked or (follow.language if follow else None)
        language = language or accepted(request.headers.get("accept-language", ""))
        return reading.words_for(language, self._doors.meydan.desk.guidelines)

    def _page(
        self,
        said: Words,
        state: str,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        story: str = "",
        comment: str = "",
        token: str = "",
        email: str = "",
        problem: str = "",
    ) -> Response[str]:
        given: dict[str, Any] = {"story": story, "lang": said.language}
        page = template("reader/follow.html").render(
            t=said,
            state=state,
            publication=self._desk.guidelines.publication.name,
            story=story,
            comment=comment,
            token=token,
            email=email,
            problem=problem,
            back=f"/comments?{urlencode(given)}" if story else "",
        )
        return Response(
            page, status_code=status, media_type=MediaType.HTML, headers=PRIVATE | (headers or {})
        )
