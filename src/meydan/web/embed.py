"""
The readers' doors: the fragment, the page without JavaScript, the form, reporting, and how a comment stands.

A form relies on Origin and Sec-Fetch-Site, not on cookies: readers get none.
Whatever goes wrong with a form, what was typed comes back with the answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast, get_args
from urllib.parse import unquote_to_bytes, urlencode

from litestar import MediaType, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.types import ASGIApp

from meydan.comment import Submission
from meydan.desk import Thread, story_address
from meydan.errors import (
    Malformed,
    MeydanError,
    MissingFields,
    NotAppealable,
    NotFound,
    Refused,
    SignInNeeded,
    TooFast,
    Unavailable,
    UnknownRule,
)
from meydan.locale import Words, accepted, interface_of
from meydan.policy import Guidelines
from meydan.web import reading
from meydan.web.access import AnyRequest
from meydan.web.doors import Doors
from meydan.web.errors import headers_of, problem_of, status_of
from meydan.web.reading import Sort, Typed, View
from meydan.web.shelf import Kept, Made, Send, Shelf

FORM = "application/x-www-form-urlencoded"
PARTS = ("after", "at", "branch")
"""Which part of a thread an address asks for."""
LONGEST_CURSOR = 400

PRIVATE = {"cache-control": "no-store", "x-robots-tag": "noindex"}


def routes(doors: Doors) -> list[HTTPRouteHandler]:
    """The readers' pages, for the application to include."""
    rooms = _Readers(doors)

    @get("/embed/comments", include_in_schema=False)
    async def fragment(request: AnyRequest) -> ASGIApp:
        return await rooms.fragment(request)

    @get("/comments", include_in_schema=False)
    async def page(request: AnyRequest) -> ASGIApp:
        return await rooms.page(request)

    @get("/comments/{comment_id:str}", include_in_schema=False)
    async def permalink(request: AnyRequest, comment_id: FromPath[str]) -> Response[None]:
        return await rooms.permalink(request, comment_id)

    @post("/comments", include_in_schema=False)
    async def send(request: AnyRequest) -> Response[str]:
        return await rooms.send(request)

    @get("/comments/{comment_id:str}/report", include_in_schema=False)
    async def to_report(request: AnyRequest, comment_id: FromPath[str]) -> Response[str]:
        return await rooms.to_report(request, comment_id)

    @post("/comments/{comment_id:str}/report", include_in_schema=False)
    async def report(request: AnyRequest, comment_id: FromPath[str]) -> Response[str]:
        return await rooms.report(request, comment_id)

    @get("/status/{comment_id:str}", include_in_schema=False)
    async def status(request: AnyRequest, comment_id: FromPath[str]) -> Response[str]:
        return await rooms.status(request, comment_id)

    @post("/status/{comment_id:str}/appeal", include_in_schema=False)
    async def appeal(request: AnyRequest, comment_id: FromPath[str]) -> Response[str]:
        return await rooms.appeal(request, comment_id)

    @post("/status/{comment_id:str}/withdraw", include_in_schema=False)
    async def withdraw(request: AnyRequest, comment_id: FromPath[str]) -> Response[str]:
        return await rooms.withdraw(request, comment_id)

    return [fragment, page, permalink, send, to_report, report, status, appeal, withdraw]


class KeptAnswer:
    """A kept answer as an ASGI application; with a shelf, its address is answered without the framework from now on."""

    def __init__(self, kept: Kept, shelf: Shelf | None) -> None:
        self._kept = kept
        self._shelf = shelf

    async def __call__(self, scope: Any, _receive: Any, send: Send) -> None:
        if self._shelf is None:
            await self._kept.send(scope["headers"], send)
            return
        self._shelf.remember(scope["path"], scope["query_string"], self._kept)
        await self._kept.send(scope["headers"], send, more=self._shelf.doubts())


class _Readers:
    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._desk = doors.meydan.desk
        self._limits = {"name": self._desk.limits.name, "text": self._desk.limits.text}

    # -- reading ---------------------------------------------------------------

    async def fragment(self, request: AnyRequest) -> KeptAnswer:
        asked = query_of(request)
        subject = self._subject("embed", asked)
        base = self._doors.meydan.settings.own_url

        def make() -> Made:
            found, view, guidelines = self._found(asked, base)
            return reading.fragment(found, view, guidelines, self._limits)

        return KeptAnswer(await self._doors.shelf.fetch(subject, make), self._doors.shelf)

    async def page(self, request: AnyRequest) -> KeptAnswer:
        asked = query_of(request)
        subject = self._subject("page", asked)
        if asked.get("reply"):
            made = await sync_to_thread(self._page_to_reply, asked)
            # One reader's own page: made for this answer, and not kept.
            return KeptAnswer(Kept(made, PRIVATE), None)

        def make() -> Made:
            found, view, guidelines = self._found(asked, "")
            return reading.whole_page(found, view, guidelines, self._limits)

        return KeptAnswer(await self._doors.shelf.fetch(subject, make), self._doors.shelf)

    async def permalink(self, request: AnyRequest, comment_id: str) -> Response[None]:
        language = query_of(request).get("lang")
        comment = await sync_to_thread(self._desk.reportable, comment_id)
        view = View(comment.story_url, reading.words_for(language, self._desk.guidelines))
        where = view.link(lang=language or None, at=comment.id)
        # Found rather than moved: what is found there now may be withdrawn tomorrow.
        return Response(
            None,
            status_code=302,
            headers={"location": f"{where}#meydan-{comment.id}", "cache-control": "no-store"},
        )

    def _subject(self, kind: str, asked: dict[str, str]) -> tuple[str, ...]:
        url = story_of(asked, self._desk.guidelines, self._doors.origins.own)
        # As language_for reads it: a language we do not have is as if none were asked for.
        language = interface_of(asked.get("lang")) or ""
        return (kind, url, language, _sort(asked), *_parts(asked), _picks(asked))

    def _found(self, asked: dict[str, str], base: str) -> tuple[Thread, View, Guidelines]:
        guidelines = self._desk.guidelines
        sort, picks = _sort(asked), bool(_picks(asked))
        if picks:
            thread = reading.chosen(self._desk.picks(asked["story"]))
        else:
            after, at, branch = (part or None for part in _parts(asked))
            thread = self._desk.thread(asked["story"], sort=sort, after=after, at=at, branch=branch)
        said = reading.language_for(asked.get("lang"), thread.story, guidelines)
        view = View(
            story_address(asked["story"]),
            said,
            sort,
            base,
            picks=picks,
            mail=self._desk.mail_works,
            own=self._desk.mail_works or bool(self._doors.meydan.settings.reader_issuer),
        )
        return thread, view, guidelines

    def _page_to_reply(self, asked: dict[str, str]) -> Made:
        thread, view, guidelines = self._found(asked, "")
        parent = self._desk.shown(asked["reply"], story_url=view.url)
        return reading.whole_page(thread, view, guidelines, self._limits, parent=parent)

    # -- sending ---------------------------------------------------------------

    async def send(self, request: AnyRequest) -> Response[str]:
        self._doors.origins.check_form(request)
        form = await form_of(request)
        said = self._said(request, form)
        submission = Submission(
            story_url=form.get("story", ""),
            name=form.get("name", ""),
            text=form.get("text", ""),
            email=form.get("email") or None,
            parent=form.get("parent") or None,
            language=said.language,
            suspicious=bool(form.get("website")),
            follow=bool(form.get("follow")),
        )
        try:
            visitor = await self._doors.sender_soon(request)
            outcome = await sync_to_thread(self._desk.submit, submission, visitor)
        except MeydanError as error:
            return await self._sent_back(submission, error, said)
        page = reading.outcome_page(outcome, said, self._desk.guidelines, sent=True)
        return Response(page, status_code=201, media_type=MediaType.HTML, headers=PRIVATE)

    async def _sent_back(self, submission: Submission, error: MeydanError, said: Words) -> Response[str]:
        """The page with the form as it was filled in, and what was wrong with it."""
        if status_of(error) == 500:
            raise error
        problem = problem_of(error, said)
        problems = {
            name: _what_to_do(name, error, said)
            for name in problem.fields
            if name in ("name", "text", "email")
        }
        typed = Typed(
            name=_printable(submission.name),
            text=_printable(submission.text),
            email=_printable(submission.email or ""),
            parent=submission.parent or "",
            problems=problems,
            message=problem.message if not isinstance(error, MissingFields) else said["errors.R104"],
            code=problem.code,
            follow=submission.follow,
        )
        try:
            made = await sync_to_thread(self._page_sent_back, submission, said, typed)
        except Refused:
            # The story itself is not ours, or not an address: there is no page to show it on.
            raise error from None
        headers = PRIVATE | headers_of(error)
        return Response(
            made.body.decode(), status_code=status_of(error), media_type=MediaType.HTML, headers=headers
        )

    def _page_sent_back(self, submission: Submission, said: Words, typed: Typed) -> Made:
        url = reading.our_story(submission.story_url, self._desk.guidelines, self._doors.origins.own)
        # Without the comments: what was typed is what matters now, and it is shown even
        # when the database does not answer.
        view = View(url, said, mail=self._desk.mail_works)
        return reading.form_page(view, self._desk.guidelines, self._limits, typed)

    # -- reporting -------------------------------------------------------------

    async def to_report(self, request: AnyRequest, comment_id: str) -> Response[str]:
        asked = query_of(request)
        said = self._said(request, asked)
        comment = await sync_to_thread(self._desk.reportable, comment_id)
        page = reading.report_page(comment, said, self._desk.guidelines)
        return Response(page, media_type=MediaType.HTML, headers=PRIVATE)

    async def report(self, request: AnyRequest, comment_id: str) -> Response[str]:
        self._doors.origins.check_form(request)
        form = await form_of(request)
        said = self._said(request, form)
        rule, typed = form.get("rule", ""), form.get("words", "")
        comment = await sync_to_thread(self._desk.reportable, comment_id)
        status, headers, again = 201, PRIVATE, None
        try:
            visitor = await self._doors.sender_soon(request)
            await sync_to_thread(
                lambda: self._desk.report(comment_id, rule=rule, words=typed, visitor=visitor)
            )
        except NotFound:
            # Gone since the page was opened: there is nothing left to show.
            raise
        except (Refused, Unavailable) as error:
            # Whatever it was, what the reader chose and typed is still there.
            again = Typed(text=_printable(typed), message=_what_of_report(error, said))
            status, headers = status_of(error), PRIVATE | headers_of(error)
        page = reading.report_page(
            comment, said, self._desk.guidelines, received=again is None, chosen=rule, typed=again
        )
        return Response(page, status_code=status, media_type=MediaType.HTML, headers=headers)

    # -- how it stands ---------------------------------------------------------

    async def status(self, request: AnyRequest, comment_id: str) -> Response[str]:
        asked = query_of(request)
        said = self._said(request, asked)
        receipt = asked.get("receipt") or None
        outcome = await sync_to_thread(self._desk.status, comment_id, receipt=receipt)
        page = reading.outcome_page(outcome, said, self._desk.guidelines, sent=False)
        return Response(page, media_type=MediaType.HTML, headers=PRIVATE)

    async def appeal(self, request: AnyRequest, comment_id: str) -> Response[str]:
        self._doors.origins.check_form(request)
        form = await form_of(request)
        said = self._said(request, form)
        receipt, typed = _receipt(form), form.get("words", "")
        try:
            await self._doors.sender_soon(request)
            await sync_to_thread(self._desk.appeal, comment_id, receipt=receipt, words=typed)
        except NotAppealable:
            # No form to send again, and the words are nobody's to hear.
            raise
        except Refused as error:
            outcome = await sync_to_thread(self._desk.status, comment_id, receipt=receipt)
            # A form has no name for its field but the label above it.
            missing = isinstance(error, MissingFields)
            message = said["errors.R104"] if missing else problem_of(error, said).message
            again = Typed(text=_printable(typed), message=message)
            page = reading.outcome_page(outcome, said, self._desk.guidelines, sent=False, typed=again)
            headers = PRIVATE | headers_of(error)
            return Response(page, status_code=status_of(error), media_type=MediaType.HTML, headers=headers)
        return _see(comment_id, receipt, said)

    async def withdraw(self, request: AnyRequest, comment_id: str) -> Response[str]:
        self._doors.origins.check_form(request)
        await self._doors.sender_soon(request)
        form = await form_of(request)
        said = self._said(request, form)
        receipt = _receipt(form)
        await sync_to_thread(self._desk.withdraw, comment_id, receipt=receipt)
        return _see(comment_id, receipt, said)

    def _said(self, request: AnyRequest, form: dict[str, str]) -> Words:
        language = form.get("lang") or accepted(request.headers.get("accept-language", ""))
        return reading.words_for(language, self._desk.guidelines)


def _sort(asked: dict[str, str]) -> Sort:
    """The order that is asked for; Malformed for one that there is not."""
    for sort in get_args(Sort):
        if sort == (asked.get("sort") or "oldest"):
            return cast("Sort", sort)
    raise Malformed("Sort by 'oldest', 'newest' or 'replied'.", fields=("sort",))


def _parts(asked: dict[str, str]) -> tuple[str, ...]:
    """
    The parts of a thread that are asked for, "" for what is not, or counts for nothing beside the others: whoever makes
    that up must not have the same answer kept a thousand times.
    """
    counts: tuple[str, ...] = PARTS
    if _picks(asked):
        counts = ()
    elif asked.get("at"):
        counts = ("at",)
    if len(asked.get("after", "")) > LONGEST_CURSOR and "after" in counts:
        raise Malformed(
            "The cursor is not one that this list gave; start again without it.", fields=("after",)
        )
    return tuple(asked.get(part, "") if part in counts else "" for part in PARTS)


def _picks(asked: dict[str, str]) -> str:
    """ "1" where only what the editors chose is asked for."""
    return "1" if asked.get("picks") == "1" else ""


def query_of(request: AnyRequest) -> dict[str, str]:
    """The address's parameters; the first of each name. Malformed where they are not UTF-8."""
    return decoded(request.scope["query_string"])


def story_of(query: Mapping[str, str], guidelines: Guidelines, own: Iterable[str]) -> str:
    """The story that an address asks for; as reading.our_story, and MissingFields where it names none."""
    if not query.get("story"):
        raise MissingFields(["story"])
    return reading.our_story(query["story"], guidelines, own)


async def form_of(request: AnyRequest) -> dict[str, str]:
    """
    A form's fields, decoded and otherwise untouched; the first of each name.

    Raises:
        Malformed: another content type, or percent-encoded bytes that are not UTF-8.
        Too large a body is refused while it is read.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != FORM:
        raise Malformed(f"A form is sent as {FORM}.")
    return decoded(await request.body())


def decoded(source: bytes) -> dict[str, str]:
    """URL-encoded fields as text; Malformed, naming the field, where the bytes are not UTF-8."""
    fields: dict[str, str] = {}
    for pair in source.split(b"&"):
        raw_name, _, raw_value = pair.partition(b"=")
        try:
            name = unquote_to_bytes(raw_name.replace(b"+", b" ")).decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("A field's name is not UTF-8.") from None
        if not name or name in fields:
            continue
        try:
            fields[name] = unquote_to_bytes(raw_value.replace(b"+", b" ")).decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed(
                "The text sent is not UTF-8.", fields=(name,) if name.isidentifier() else ()
            ) from None
    return fields


def _what_to_do(field: str, error: MeydanError, said: Words) -> str:
    if isinstance(error, MissingFields):
        return said[f"missing_{field}"]
    return problem_of(error, said).message


def _what_of_report(error: MeydanError, said: Words) -> str:
    if isinstance(error, MissingFields | UnknownRule):
        return said["report_missing"]
    return said["report_enough"] if isinstance(error, TooFast) else problem_of(error, said).message


def _printable(value: str) -> str:
    # A null byte cannot stand in HTML; everything else comes back as it was typed.
    return value.replace("\x00", "\ufffd")


def _receipt(form: dict[str, str]) -> str:
    receipt = form.get("receipt")
    if not receipt:
        raise SignInNeeded("This needs the receipt that came when the comment was sent.", fields=("receipt",))
    return receipt


def _see(comment_id: str, receipt: str, said: Words) -> Response[str]:
    query = urlencode({"lang": said.language, "receipt": receipt})
    # The id is one the desk has just found, so it is safe in an address.
    return Response("", status_code=303, headers=PRIVATE | {"location": f"/status/{comment_id}?{query}"})
