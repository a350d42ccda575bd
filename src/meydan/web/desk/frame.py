"""
What every page of the desk has in common: how it is asked, who asks and with what right, and how it answers.

A page is a plain function of what was asked and of who asks, run in a thread. Which right it needs stands beside its
address, in one table, so that no page can forget to ask.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from litestar import Request, Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.datastructures import Cookie, UploadFile
from litestar.handlers import HTTPRouteHandler

from meydan.errors import (
    ForgedForm,
    IssuerUnavailable,
    Malformed,
    MeydanError,
    NotAllowed,
    Overloaded,
    SignInNeeded,
    TooFast,
)
from meydan.staff import Session
from meydan.web import access
from meydan.web.desk.device import device_of
from meydan.web.desk.tongue import said, sentence_of, speaking, tongue_of, tongues
from meydan.web.doors import Doors
from meydan.web.errors import headers_of, status_of
from meydan.web.pages import template

if TYPE_CHECKING:
    from meydan.web.issuer import Issuer

FORM_BYTES: Final = 65_536
LONGEST_WAY_BACK: Final = 500
KEPT: Final = frozenset({"verdict", "rules", "note", "seen", "line", "next"})
"""The fields of a verdict, which are shown again after signing in; no password is ever written into a page."""

APART: Final = ("password", "issuer")
"""What takes long and is done in threads of its own: hashing a password, asking an issuer."""

PORTERS: Final = 4
MOST_WAITING: Final = 32
"""How many threads each of these has, and how many may be with them or wait for them: some seconds' work. Whoever comes
then is asked to try again."""

_UTF_8: Final = re.compile(rb'charset=(?:utf-8|"utf-8")(?![^\s;])')

STATE_COOKIE: Final = "meydan_state"
STATE_S: Final = 600

HEADINGS: Final = {
    409: "trouble.first",
    403: "trouble.not_taken",
    404: "trouble.nothing_here",
    503: "trouble.not_now",
}

AnyRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """
    One request, read.

    Attributes:
        form: the fields of a form that was sent.
        query: those of the address.
        named: what the address names, by the name in the page's own address.
        path: the address without its query.
        token: what the session's cookie holds, None without one.
        device: the browser and system, in a few words.
        posted: whether something is to change.
        state: what was given to this browser when it was sent to an issuer.
    """

    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    named: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    token: str | None = None
    device: str = ""
    posted: bool = False
    state: str = ""

    def value(self, name: str) -> str:
        """A form field's only or first value; "" when it was not sent."""
        return next(iter(self.form.get(name, ())), "")

    @property
    def before(self) -> int | None:
        """Where a list goes on from, as its address says; None from the beginning."""
        written = self.query.get("before", "")
        return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None

    @property
    def comment_id(self) -> str:
        """The comment that the address names."""
        return self.named.get("comment_id", "")


@dataclass(frozen=True, slots=True)
class Answer:
    """A page, or the way to the next one."""

    html: str | bytes = ""
    status: int = 200
    to: str | None = None
    cookies: tuple[Cookie, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "text/html"


@dataclass(frozen=True, slots=True)
class Page:
    """
    One page of who is signed in: its method and address, what makes it, and the right of staff.RIGHTS that it needs.

    `form_bytes` is the longest form that it takes, as a browser writes it; one that takes more than others takes a file
    too. `keep` keeps what was typed for whoever the form was given to, when it is not taken, and says whether it could.
    `apart` names the threads of APART that make it, where they do.
    """

    method: str
    address: str
    make: Callable[[Asked, Session], Answer]
    right: str = "read"
    form_bytes: int = FORM_BYTES
    keep: Callable[[Asked], bool] | None = None
    apart: str = ""


@dataclass(frozen=True, slots=True)
class OpenPage:
    """
    One page that is open to everybody, made of the request alone.

    One that is made `apart`, as Page has it, an address may ask for at a pace; whoever comes too often or finds no room
    is shown what `not_now` makes of TooFast or Overloaded.
    """

    method: str
    address: str
    make: Callable[[Asked], Answer]
    apart: str = ""
    not_now: Callable[[Asked, MeydanError], Answer] | None = None


class Frame:
    """The desk's pages with the desk, the staff and the templates behind them."""

    def __init__(self, doors: Doors) -> None:
        meydan = doors.meydan
        self._doors = doors
        self._porters = {what: _Porters(what) for what in APART}
        self.desk = meydan.desk
        self.staff = meydan.staff
        self.own = meydan.settings.own_url
        self.zone = meydan.settings.zone
        self.https = self.own.startswith("https:")
        self.issuer: Issuer | None = None

    def handlers(self, pages: Sequence[Page | OpenPage]) -> list[HTTPRouteHandler]:
        """The pages, for the application to include."""
        return [self._handler(page) for page in pages]

    def _handler(self, page: Page | OpenPage) -> HTTPRouteHandler:
        async def handle(request: AnyRequest) -> Response[str | bytes]:
            with speaking(tongue_of(request)):
                return await self._answer(request, page)

        if page.method == "GET":
            return get(page.address, include_in_schema=False)(handle)
        if isinstance(page, Page) and page.form_bytes > FORM_BYTES:
            return post(
                page.address,
                include_in_schema=False,
                status_code=200,
                request_max_body_size=page.form_bytes,
            )(handle)
        return post(page.address, include_in_schema=False, status_code=200)(handle)

    async def _answer(self, request: AnyRequest, page: Page | OpenPage) -> Response[str | bytes]:
        """Read the request, run the page off the event loop, and dress what it answers."""
        form: Mapping[str, Sequence[str]] = {}
        asked = Asked()
        try:
            if request.method == "POST":
                self._check_own(request)
                form = await _form_of(request, page.form_bytes if isinstance(page, Page) else FORM_BYTES)
            asked = Asked(
                form,
                dict(request.query_params),
                {name: str(value) for name, value in request.path_params.items()},
                request.scope["path"],
                request.cookies.get(access.SESSION_COOKIE),
                device_of(request.headers.get("user-agent", "")),
                request.method == "POST",
                request.cookies.get(STATE_COOKIE, ""),
            )
            answer = await self._making(request, page, asked)
        except MeydanError as error:
            answer = await sync_to_thread(self._refused, error, request, page, asked)
        headers = {"cache-control": "no-store", "content-language": said().language, **answer.headers}
        status = answer.status
        if answer.to is not None:
            headers["location"], status = answer.to, 303
        return Response(
            answer.html,
            status_code=status,
            media_type=answer.media_type,
            headers=headers,
            cookies=list(answer.cookies),
        )

    async def _making(self, request: AnyRequest, page: Page | OpenPage, asked: Asked) -> Answer:
        """Make a page in a thread, of those apart where the page says so and whoever asks may."""
        if not page.apart:
            return await sync_to_thread(self._made, page, asked)
        porters = self._porters[page.apart]
        if isinstance(page, Page):
            session = await sync_to_thread(self._admitted, page, asked)
            return await porters.do(page.make, asked, session)
        try:
            # Any page may have a browser ask for the issuer's: they have a pace of their own, and none where there is no issuer.
            if page.apart != "issuer" or self.issuer is not None:
                await self._doors.check_coming_in(request, page.apart)
            return await porters.do(page.make, asked)
        except (TooFast, Overloaded) as error:
            if page.not_now is None:
                raise
            return await sync_to_thread(page.not_now, asked, error)

    def _made(self, page: Page | OpenPage, asked: Asked) -> Answer:
        if isinstance(page, OpenPage):
            return page.make(asked)
        return page.make(asked, self._admitted(page, asked))

    def _admitted(self, page: Page, asked: Asked) -> Session:
        session = self.session(asked)
        self.staff.check(session, page.right)
        return session

    def session(self, asked: Asked) -> Session:
        """
        Who asks, by the cookie; what changes something carries the session's own token too.

        Raises:
            SignInNeeded: nobody, or not any more. ForgedForm: the form is not one that this session was given.
        """
        if not asked.token:
            raise SignInNeeded("Sign in to use the desk.")
        session = self.staff.session(asked.token)
        if asked.posted:
            access.check_csrf(session, asked.value(access.CSRF_FIELD))
        return session

    def _check_own(self, request: AnyRequest) -> None:
        """Only our own pages may send the desk's forms; a browser always says where a form comes from."""
        origin = request.headers.get("origin", "")
        own = origin == self.own or access.same_host(origin, request.headers.get("host", ""))
        if not own or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise ForgedForm("This form was not sent from the desk. Open the desk and try again.")

    def signed_in(self, asked: Asked, session: Session, back: str) -> Answer:
        """On to the page that was asked for; whoever was signed in here before is not any longer."""
        if asked.token:
            self.staff.sign_out(asked.token)
        return Answer(to=way_back(back), cookies=(access.session_cookie(session, https=self.https),))

    def state_cookie(self, state: str) -> Cookie:
        """What an issuer has to bring back to this very browser; Lax, because it comes back from another site."""
        return Cookie(
            key=STATE_COOKIE,
            value=state,
            path="/desk/sign-in",
            httponly=True,
            secure=self.https,
            samesite="lax",
            max_age=STATE_S,
        )

    # -- answering -------------------------------------------------------------

    def rendered(self, page: str, session: Session | None, /, *, here: str = "", **values: object) -> str:
        """A template of the desk, filled in; `w` are its words in the language of whoever asks."""
        values.setdefault("waiting_count", None)
        return template(f"desk/{page}.html").render(
            publication=self.desk.guidelines.publication.name,
            session=session,
            here=here,
            mail=self.desk.mail_works,
            w=said(),
            tongues=tongues(),
            **values,
        )

    def says(
        self,
        session: Session | None,
        heading: str,
        sentences: Sequence[str],
        *,
        ways: Sequence[tuple[str, str]],
        status: int = 200,
        code: str = "",
        headers: Mapping[str, str] | None = None,
        typed: str = "",
    ) -> Answer:
        """A page of a few sentences, and where to go from it; `typed` is given back, where it could not be kept."""
        html = self.rendered(
            "trouble", session, heading=heading, sentences=sentences, ways=ways, code=code, typed=typed
        )
        return Answer(html, status, headers=headers or {})

    def _refused(
        self, error: MeydanError, request: AnyRequest, page: Page | OpenPage, asked: Asked
    ) -> Answer:
        """Say an error as a page: what happened, what was kept, what to do."""
        # Not request.url: it is made of the Host header too, which may name a port that is none.
        path, form = request.scope["path"], asked.form
        kept = _kept(page, asked)
        if isinstance(error, SignInNeeded) and not path.startswith("/desk/sign-in"):
            if request.method == "GET":
                query = request.scope["query_string"].decode("latin-1")
                return Answer(to=door_to(path + (f"?{query}" if query else "")))
            return self._session_over(path, form, kept=kept)
        session = None
        token = request.cookies.get(access.SESSION_COOKIE)
        if token:
            try:
                session = self.staff.session(token)
            except MeydanError:
                session = None
        status = status_of(error)
        # Of a database, the operator's log says why it does not answer; whoever knocks learns that it does not.
        hidden = status >= 500 and not isinstance(error, IssuerUnavailable)
        w = said()
        sentences = [w["trouble.cannot"] if hidden else sentence_of(error)]
        if request.method == "POST" and not isinstance(error, NotAllowed):
            sentences.append(w["trouble.only_draft" if kept else "trouble.not_recorded"])
        if status == 503:
            sentences.append(w["trouble.kept"])
        return self.says(
            session,
            w[HEADINGS.get(status, "trouble.not_understood")],
            sentences,
            ways=[("/desk/sign-in", w["trouble.sign_in"])]
            if isinstance(error, SignInNeeded)
            else [("/desk", w["trouble.to_desk"])],
            status=status,
            code=error.code,
            headers=headers_of(error),
            typed=asked.value("text") if kept is False else "",
        )

    def _session_over(
        self, path: str, form: Mapping[str, Sequence[str]], *, kept: bool | None = None
    ) -> Answer:
        """
        What was typed of a verdict goes with whoever signs in again: it is shown once more, and not sent by itself.
        A long text is `kept` as a draft instead; where it could not be (False), it is given back.
        """
        w = said()
        if kept is False:
            return self.says(
                None,
                w["sign_in.over"],
                [w["sign_in.over_why"], w["sign_in.over_copy"]],
                ways=[(door_to(_page_of(path)[0]), w["sign_in.again"])],
                status=401,
                typed=next(iter(form.get("text", ())), ""),
            )
        back, restored = _page_of(path)
        carried = {name: values for name, values in form.items() if name in KEPT} if restored else {}
        html = self.rendered(
            "sign_in",
            None,
            heading=w["sign_in.over"],
            sentences=[
                w["sign_in.over_why"],
                w["sign_in.over_kept" if carried or kept else "sign_in.again"],
            ],
            trouble="",
            link="",
            name="",
            half_way="",
            back=way_back(back),
            kept=urlencode(carried, doseq=True),
            issuer="",
        )
        return Answer(html, 401)


class _Porters:
    """
    Threads for what takes long at the door, or readers' pages and forms would stand behind whoever waits for it.

    Used from the event loop.
    """

    def __init__(self, what: str) -> None:
        self._threads = ThreadPoolExecutor(PORTERS, thread_name_prefix=what)
        self._under_way = 0

    async def do(self, make: Callable[..., Answer], *given: object) -> Answer:
        """Make a page of what is given in one of these threads; Overloaded where too many wait for one."""
        if self._under_way >= MOST_WAITING:
            raise Overloaded("More people are coming in than there is room for. Try again.", retry_after_s=5)
        self._under_way += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, copy_context().run, make, *given)
        finally:
            self._under_way -= 1


def _page_of(path: str) -> tuple[str, bool]:
    """The page that a form stands on, by where it is sent, and whether what was typed there can be shown again."""
    parts = path.split("/")
    if len(parts) >= 4 and parts[2] == "escalated":
        return "/".join(parts[:4]), False
    if len(parts) >= 4 and parts[2] in ("comments", "audits", "second-looks"):
        return "/".join(parts[:4]), len(parts) == 4
    if parts[2:4] == ["guidelines", "change"]:
        return "/desk/guidelines/change", False
    if len(parts) >= 3 and parts[2] in ("account", "people", "stories"):
        return "/".join(parts[:3]), False
    return ("/desk/find", False) if parts[2:3] == ["several"] else ("/desk", False)


def when(moment: datetime) -> str:
    """A moment for people of the desk, in UTC and in their language."""
    return said().date(moment)


def iso(moment: datetime) -> str:
    """The same for machines (RFC 3339), to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def door_to(path: str) -> str:
    """Where to sign in, to land on a page of the desk afterwards."""
    back = way_back(path)
    return "/desk/sign-in" if back == "/desk" else f"/desk/sign-in?{urlencode({'back': back})}"


def way_back(path: str) -> str:
    """
    A page of this desk to land on; "/desk" for everything else.

    What an address asks for is never believed: only a path of ours, without a host, a scheme or a way up.
    """
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/desk"
    ours = parts.path == "/desk" or parts.path.startswith("/desk/")
    plain = not parts.scheme and not parts.netloc and path.isascii() and path.isprintable()
    if not ours or not plain or "\\" in path or ".." in parts.path or "//" in parts.path:
        return "/desk"
    if parts.path.startswith(("/desk/sign-in", "/desk/sign-out")) or len(path) > LONGEST_WAY_BACK:
        return "/desk"
    return path


def _kept(page: Page | OpenPage, asked: Asked) -> bool | None:
    """Whether what was typed into a page that keeps it is kept; None where there was nothing, or the page keeps nothing."""
    if not isinstance(page, Page) or page.keep is None or not asked.value("text"):
        return None
    try:
        return page.keep(asked)
    except MeydanError:
        return False


async def _form_of(request: AnyRequest, most: int = FORM_BYTES) -> Mapping[str, Sequence[str]]:
    kind = request.headers.get("content-type", "")
    if most > FORM_BYTES and kind.startswith("multipart/form-data"):
        return await _parts_of(request)
    if not kind.startswith("application/x-www-form-urlencoded"):
        raise Malformed("This form is not of the kind that the desk sends.")
    body = await request.body()
    if len(body) > most:
        raise Malformed(f"This form has more than {most} bytes.")
    try:
        return fields_of(body.decode("ascii"))
    except ValueError:
        raise Malformed("This form could not be read.") from None


def _names_another_encoding(head: bytes) -> bool:
    """Whether a part's head says anything of an encoding but UTF-8; what its file is called says nothing of it."""
    lines = [line for line in head.lower().split(b"\r\n") if not line.startswith(b"content-disposition:")]
    return b"charset" in _UTF_8.sub(b"", b"\n".join(lines))


async def _parts_of(request: AnyRequest) -> Mapping[str, Sequence[str]]:
    """The fields of a form with a file, the file's text among them; Malformed where they are not UTF-8."""
    found: dict[str, list[str]] = {}
    boundary = request.content_type[1].get("boundary", "")
    parts = (await request.body()).split(b"--" + boundary.encode())
    # A part that names another encoding would be read in it: there are some that take time by the square of what they
    # read, and some that give halves of characters. No browser names any.
    if any(_names_another_encoding(part.partition(b"\r\n\r\n")[0]) for part in parts):
        raise Malformed("This form is not in UTF-8, as the desk sends it.")
    try:
        for name, part in (await request.form()).multi_items():
            value = (await part.read()).decode() if isinstance(part, UploadFile) else str(part)
            found.setdefault(name, []).append(value)
    except UnicodeDecodeError:
        raise Malformed("The file is not UTF-8. Save it as UTF-8 and upload it again.") from None
    except LookupError:
        raise Malformed("This form is in an encoding that there is not.") from None
    return found


def fields_of(sent: str) -> dict[str, list[str]]:
    """The fields of a form as a browser writes it; ValueError where it is none."""
    return parse_qs(sent, keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=200)
