"""
A reader's own pages: coming in, what they wrote and how it stands, taking it along, taking it back, erasing it.

Nobody needs them to read or to write. Whoever comes in gets a cookie that only these addresses see. A link that was
mailed shows a button and changes nothing: programs that look into mail open links too. Everything that changes
something is a form of our own with the session's token; only an account's token is handed over from another page, and
that page has to be one of the publication's.

A comment of somebody else's is answered as one that does not exist.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from litestar import Response, get, post
from litestar.concurrency import sync_to_thread
from litestar.datastructures import Cookie
from litestar.handlers import HTTPRouteHandler

from meydan.comment import Comment, Hold
from meydan.desk import Own
from meydan.errors import (
    BadAccount,
    ForgedForm,
    Malformed,
    MeydanError,
    NotErasable,
    NotFound,
    SignInNeeded,
    Unavailable,
)
from meydan.locale import Words, accepted
from meydan.readers import SESSION_LIFE, Session
from meydan.staff import same_secret
from meydan.text import render
from meydan.web import access, feeds, reading
from meydan.web.access import AnyRequest
from meydan.web.doors import Doors
from meydan.web.embed import PRIVATE, form_of, query_of
from meydan.web.errors import headers_of, problem_of, status_of
from meydan.web.issuer import NOT_THIS_TIME, Issuer, new_doorway
from meydan.web.pages import template

COOKIE: Final = "meydan_reader"
STATE_COOKIE: Final = "meydan_reader_state"
STATE_S: Final = 600
ON_A_PAGE: Final = 20
IN_A_FEED: Final = 30
AT_ONCE: Final = 200
ISSUER_SCOPE: Final = "openid email profile"


@dataclass(frozen=True, slots=True)
class Asked:
    """
    One request, read: what its address and its form say, what the cookies hold, and the words to answer in.

    `named` is the part of the address that names something; "" where there is none.
    """

    said: Words
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    named: str = ""
    token: str = field(default="", repr=False)
    state: str = field(default="", repr=False)

    def here(self, path: str) -> str:
        """An address of ours that goes on in the same language."""
        return f"{path}?{urlencode({'lang': self.said.language})}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A page, a file, or the way to the next page."""

    body: str | bytes = ""
    status: int = 200
    to: str | None = None
    cookies: tuple[Cookie, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "text/html"


def routes(doors: Doors) -> list[HTTPRouteHandler]:
    """A reader's own pages, for the application to include."""
    own = _Own(doors)
    return [
        _handler(doors, method, path, own.answering(make))
        for method, path, make in (
            ("GET", "/me", own.page),
            ("POST", "/me/sign-in", own.ask_for_link),
            ("GET", "/me/link/{named:str}", own.link),
            ("POST", "/me/link/{named:str}", own.use_link),
            ("GET", "/me/issuer", own.to_issuer),
            ("GET", "/me/back", own.back),
            ("POST", "/me/account", own.account),
            ("POST", "/me/sign-out", own.sign_out),
            ("POST", "/me/sign-out/everywhere", own.sign_out_everywhere),
            ("GET", "/me/export", own.export),
            ("GET", "/me/receipts", own.receipts),
            ("GET", "/me/feed/{named:str}", own.feed),
            ("POST", "/me/comments/{named:str}/withdraw", own.withdraw),
            ("GET", "/me/comments/{named:str}/erase", own.to_erase),
            ("POST", "/me/comments/{named:str}/erase", own.erase),
            ("GET", "/me/erase", own.to_erase_all),
            ("POST", "/me/erase", own.erase_all),
            ("GET", "/me/confirm/{named:str}", own.to_confirm),
            ("POST", "/me/confirm/{named:str}", own.confirm),
        )
    ]


def _handler(doors: Doors, method: str, path: str, make: Callable[[Asked], Answer]) -> HTTPRouteHandler:
    async def handle(request: AnyRequest) -> Response[str | bytes]:
        query = query_of(request)
        form: Mapping[str, str] = {}
        if path == "/me/account":
            doors.origins.check_form(request)
        elif method == "POST":
            _check_own(request, doors)
        if method == "POST" or path == "/me/issuer":
            # The issuer is another server, and something is kept until its reader comes back.
            await doors.sender_soon(request)
        if method == "POST":
            form = await form_of(request)
        asked = Asked(
            reading.words_for(
                query.get("lang") or accepted(request.headers.get("accept-language", "")),
                doors.meydan.desk.guidelines,
            ),
            query,
            form,
            str(request.path_params.get("named", "")),
            request.cookies.get(COOKIE, ""),
            request.cookies.get(STATE_COOKIE, ""),
        )
        answer = await sync_to_thread(make, asked)
        headers = PRIVATE | {"content-language": asked.said.language} | dict(answer.headers)
        status = answer.status
        if answer.to is not None:
            headers["location"], status = answer.to, 303
        return Response(
            answer.body,
            status_code=status,
            media_type=answer.media_type,
            headers=headers,
            cookies=list(answer.cookies),
        )

    if method == "GET":
        return get(path, include_in_schema=False)(handle)
    return post(path, include_in_schema=False, status_code=200)(handle)


def _check_own(request: AnyRequest, doors: Doors) -> None:
    """Only our own pages send these forms; a browser always says where a form comes from."""
    origin = request.headers.get("origin", "")
    own = origin in doors.origins.own or access.same_host(origin, request.headers.get("host", ""))
    if not own or request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise ForgedForm("This form was not sent from this page. Open it and send it from there.")


class _Own:
    def __init__(self, doors: Doors) -> None:
        self._desk = doors.meydan.desk
        self._readers = doors.meydan.readers
        self._letters = doors.meydan.letters
        self._https = doors.https
        given = doors.meydan.settings
        self._base = given.own_url
        self._issuer: Issuer | None = None
        if given.reader_issuer:
            self._issuer = Issuer(
                given.reader_issuer,
                given.reader_issuer_client,
                given.reader_issuer_secret,
                back=f"{given.own_url}/me/back",
                scope=ISSUER_SCOPE,
                networks=given.outgoing_networks,
            )

    def answering(self, make: Callable[[Asked], Answer]) -> Callable[[Asked], Answer]:
        """What makes a page; whose session has ended is shown the way in instead."""

        def made(asked: Asked) -> Answer:
            try:
                return make(asked)
            except SignInNeeded:
                return self._door(asked, asked.said["me_over"], status=401)

        return made

    # -- coming in -------------------------------------------------------------

    def page(self, asked: Asked) -> Answer:
        try:
            session = self._readers.session(asked.token)
        except SignInNeeded:
            return self._door(asked)
        return self._comments(asked, session)

    def ask_for_link(self, asked: Asked) -> Answer:
        """The same page for every address there can be: whether anybody is known by it is nobody's to learn."""
        email = asked.form.get("email", "")
        if not self._desk.mail_works:
            raise NotFound("This server sends no mail.")
        try:
            self._readers.send_link(email, language=asked.said.language)
        except Malformed as error:
            return self._door(asked, asked.said["me_email_wrong"], status=status_of(error), email=email)
        said = asked.said
        return self._says(asked, said["me_sent"], [said["me_sent_note"]])

    def link(self, asked: Asked) -> Answer:
        """Shows whose link it is, and uses nothing up."""
        said, mailbox = asked.said, self._readers.mailbox_of_link(asked.named)
        if mailbox is None:
            return self._link_gone(asked)
        return self._says(
            asked,
            said["me_door"],
            [],
            who=mailbox,
            presses=[(asked.here(f"/me/link/{quote(asked.named, safe='')}"), said["me_sign_in"], {})],
        )

    def use_link(self, asked: Asked) -> Answer:
        try:
            return self._in(asked, self._readers.sign_in(asked.named))
        except SignInNeeded:
            return self._link_gone(asked)

    def account(self, asked: Asked) -> Answer:
        try:
            return self._in(asked, self._readers.sign_in_by_account(asked.form.get("account", "")))
        except (BadAccount, Unavailable) as error:
            return self._door_with(asked, error)

    def to_issuer(self, asked: Asked) -> Answer:
        issuer = self._known_issuer()
        state, doorway = new_doorway(asked.said.language)
        try:
            address = issuer.begin(doorway, state)
        except Unavailable as error:
            return self._door_with(asked, error)
        self._readers.open_doorway(state, doorway)
        # In this browser's cookie too: nobody can be made to come back with another's.
        return Answer(
            to=address, cookies=(self._cookie(STATE_COOKIE, state, path="/me/back", max_age=STATE_S),)
        )

    def back(self, asked: Asked) -> Answer:
        issuer, state = self._known_issuer(), asked.query.get("state", "")
        try:
            if not state or not same_secret(asked.state, state):
                raise SignInNeeded("This sign-in was not begun in this browser. Begin again.")
            doorway = self._readers.come_back(state)
            if not asked.query.get("code"):
                raise SignInNeeded(NOT_THIS_TIME)
            vouched = issuer.vouch(asked.query["code"], doorway)
            session = self._readers.sign_in_through(
                issuer.address,
                vouched.subject,
                name=vouched.name or vouched.email or vouched.subject,
                email=vouched.email,
            )
        except (SignInNeeded, BadAccount, Unavailable) as error:
            return self._door_with(asked, error)
        return self._in(
            Asked(reading.words_for(doorway.back, self._desk.guidelines), token=asked.token), session
        )

    # -- going out -------------------------------------------------------------

    def sign_out(self, asked: Asked) -> Answer:
        session = self._session(asked)
        self._readers.sign_out(session.token)
        return self._out(asked)

    def sign_out_everywhere(self, asked: Asked) -> Answer:
        session = self._session(asked)
        self._readers.sign_out_everywhere(session.reader)
        return self._out(asked)

    # -- taking it along -------------------------------------------------------

    def export(self, asked: Asked) -> Answer:
        """Everything as one file: exact words, states, reasons, times, receipts."""
        reader = self._session(asked, posted=False).reader
        told = {
            "format": 1,
            "publication": self._desk.guidelines.publication.name,
            "exported_at": self._desk.now().isoformat(),
            "reader": {"kind": reader.kind, "name": reader.name, "email": reader.email},
            "comments": [self._exported(one, asked.said) for one in self._all(reader.key)],
        }
        return _file(told, "meydan-comments.json")

    def receipts(self, asked: Asked) -> Answer:
        reader = self._session(asked, posted=False).reader
        told = {
            "format": 1,
            "receipts": [
                {"comment": one.comment.id, "story": one.comment.story_url, "receipt": one.outcome.receipt}
                for one in self._all(reader.key)
            ],
        }
        return _file(told, "meydan-receipts.json")

    def feed(self, asked: Asked) -> Answer:
        """What of a reader's is published, for whoever has its address: Atom (RFC 4287)."""
        reader = self._readers.reader_of_feed(asked.named)
        if reader is None:
            raise NotFound("There is no such feed, or its address was ended.")
        shown = [one for one in self._desk.comments_of(reader, limit=AT_ONCE)[0] if _is_published(one)]
        publication = self._desk.guidelines.publication.name
        made = feeds.feed_of(
            [one.comment for one in shown[:IN_A_FEED]],
            f"{asked.said['me_title']} · {publication}",
            f"{self._base}/me/feed/{quote(asked.named, safe='.')}",
            form="atom",
            # Never the key itself: whoever has the feed is not told whose it is anywhere else.
            id=feeds.tag_of(self._base, "own", hashlib.sha256(asked.named.encode()).hexdigest()[:32]),
            page_url=f"{self._base}/me",
            said=asked.said,
            base=self._base,
        )
        return Answer(made.body, media_type=made.content_type)

    # -- taking it back --------------------------------------------------------

    def withdraw(self, asked: Asked) -> Answer:
        session = self._session(asked)
        self._desk.withdraw_own(asked.named, reader=session.reader.key)
        return Answer(to=asked.here("/me"))

    def to_erase(self, asked: Asked) -> Answer:
        session, said = self._session(asked, posted=False), asked.said
        own = self._desk.own_comment(asked.named, reader=session.reader.key)
        return self._says(
            asked,
            said["me_erase_ask"],
            [said["me_erase_note"]],
            comment=own.comment,
            presses=[
                (
                    asked.here(f"/me/comments/{quote(own.comment.id, safe='')}/erase"),
                    said["me_erase_yes"],
                    {"csrf": session.csrf},
                )
            ],
            home=True,
        )

    def erase(self, asked: Asked) -> Answer:
        session, said = self._session(asked), asked.said
        try:
            self._desk.erase_own(asked.named, reader=session.reader.key)
        except NotErasable as error:
            return self._says(
                asked, said["me_kept"], [said["me_kept_note"]], status=status_of(error), home=True
            )
        return self._says(asked, said["me_erased"], [], home=True)

    def to_erase_all(self, asked: Asked) -> Answer:
        session = self._session(asked, posted=False)
        return self._ask_to_erase_all(
            asked, session, [asked.said["me_erase_all_note"], asked.said["me_erase_note"]]
        )

    def erase_all(self, asked: Asked) -> Answer:
        session, said = self._session(asked), asked.said
        erased, kept, more = self._desk.erase_all_own(session.reader.key)
        sentences = [said.fill("me_erased_number", number=erased)]
        if kept:
            sentences += [said.fill("me_kept_number", number=kept), said["me_kept_note"]]
        if more:
            return self._ask_to_erase_all(asked, session, [*sentences, said["me_erase_more"]])
        return self._says(asked, said["me_erased"], sentences, home=True)

    def _ask_to_erase_all(self, asked: Asked, session: Session, sentences: Sequence[str]) -> Answer:
        said = asked.said
        press = (asked.here("/me/erase"), said["me_erase_all_yes"], {"csrf": session.csrf})
        return self._says(asked, said["me_erase_all"], sentences, presses=[press], home=True)

    # -- confirming a comment --------------------------------------------------

    def to_confirm(self, asked: Asked) -> Answer:
        said, comment = asked.said, self._desk.to_confirm(asked.named)
        if comment is None:
            return self._says(asked, said["me_link_gone"], [said["me_link_gone_note"]], status=404)
        to = asked.here(f"/me/confirm/{quote(asked.named, safe='')}")
        return self._says(
            asked,
            said["me_confirm"],
            [said["me_confirm_note"]],
            comment=comment,
            presses=[
                (to, said["me_confirm_yes"], {"mine": "yes"}),
                (to, said["me_confirm_no"], {"mine": "no"}),
            ],
        )

    def confirm(self, asked: Asked) -> Answer:
        said = asked.said
        try:
            if asked.form.get("mine") == "no":
                self._desk.disown(asked.named)
                return self._says(asked, said["me_erased"], [said["me_unread"]])
            outcome = self._desk.confirm(asked.named)
        except NotFound as error:
            return self._says(
                asked, said["me_link_gone"], [said["me_link_gone_note"]], status=status_of(error)
            )
        return self._says(
            asked,
            said["me_confirmed"],
            [said[outcome.status.value]],
            ways=[
                (reading.View(outcome.story_url, said).link(), said["back"]),
                (reading.status_link(outcome, said.language), said["me_stands"]),
            ],
        )

    # -- inside ----------------------------------------------------------------

    def _session(self, asked: Asked, *, posted: bool = True) -> Session:
        """Who asks; what changes something carries the session's own token too."""
        session = self._readers.session(asked.token)
        if posted and not same_secret(asked.form.get("csrf", ""), session.csrf):
            raise ForgedForm("This form is out of date. Reload the page and try again.")
        return session

    def _known_issuer(self) -> Issuer:
        if self._issuer is None:
            raise NotFound("There is no issuer here that readers sign in with.")
        return self._issuer

    def _in(self, asked: Asked, session: Session) -> Answer:
        """On to one's own page; whoever was signed in here before is not any longer."""
        if asked.token:
            self._readers.sign_out(asked.token)
        life = int(SESSION_LIFE.total_seconds())
        return Answer(to=asked.here("/me"), cookies=(self._cookie(COOKIE, session.token, max_age=life),))

    def _out(self, asked: Asked) -> Answer:
        answer = self._says(asked, asked.said["me_signed_out"], [])
        return Answer(answer.body, cookies=(self._cookie(COOKIE, "", max_age=0),))

    def _cookie(self, key: str, value: str, *, max_age: int, path: str = "/me") -> Cookie:
        return Cookie(
            key=key,
            value=value,
            path=path,
            httponly=True,
            secure=self._https,
            # Lax: an issuer, and the publication's page, send people here from another site.
            samesite="lax",
            max_age=max_age,
        )

    def _all(self, reader: str) -> list[Own]:
        found: list[Own] = []
        before: int | None = None
        while True:
            some, before = self._desk.comments_of(reader, limit=AT_ONCE, before=before)
            found += some
            if before is None:
                return found

    def _exported(self, one: Own, said: Words) -> dict[str, Any]:
        comment, outcome = one.comment, one.outcome
        return {
            "id": comment.id,
            "story": comment.story_url,
            "parent": comment.parent,
            "name": comment.name,
            "email": comment.email,
            "text": comment.text,
            "language": comment.language,
            "sent_at": comment.submitted_at.isoformat(),
            "status": outcome.status.value,
            "reasons": reading.reasons_given(outcome, said.language, self._desk.guidelines),
            "decided_by": outcome.decided_by.value if outcome.decided_by else None,
            "decided_at": outcome.decided_at.isoformat() if outcome.decided_at else None,
            "note": outcome.note,
            "appeals": [{"at": at.isoformat(), "words": said_then} for at, said_then in one.appeals],
            "withdrawn_at": comment.withdrawn_at.isoformat() if comment.withdrawn_at else None,
            "receipt": outcome.receipt,
            "status_url": self._base + outcome.status_path,
        }

    # -- answering -------------------------------------------------------------

    def _comments(self, asked: Asked, session: Session) -> Answer:
        said, reader = asked.said, session.reader
        written = asked.query.get("before", "")
        before = int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None
        own, further = self._desk.comments_of(reader.key, limit=ON_A_PAGE, before=before)
        guidelines = self._desk.guidelines
        body = template("reader/me.html").render(
            t=said,
            publication=guidelines.publication.name,
            who=reader.name,
            csrf=session.csrf,
            comments=[
                {
                    "own": one,
                    "reasons": reading.reasons_given(one.outcome, said.language, guidelines),
                    "thread": reading.View(one.comment.story_url, said).link(),
                    "stands": reading.status_link(one.outcome, said.language),
                    "path": f"/me/comments/{quote(one.comment.id, safe='')}",
                    "unverified": Hold.UNVERIFIED in one.outcome.holds,
                }
                for one in own
            ],
            older=f"{asked.here('/me')}&before={further}" if further is not None else "",
            begun=before is not None,
            follows=self._follows(asked, session),
            feed=f"{self._base}/me/feed/{self._readers.feed_of(reader)}",
            here=asked.here,
            render=render,
        )
        return Answer(body)

    def _follows(self, asked: Asked, session: Session) -> list[dict[str, Any]]:
        """What a reader follows by e-mail, each with the way to end it; only where the address is proved to be theirs."""
        reader = session.reader
        if not (reader.email and reader.email_verified):
            return []
        return [
            {"follow": follow, "end": asked.here(f"/unfollow/{quote(token, safe='')}")}
            for follow, token in self._letters.followed_by(reader.email)
        ]

    def _door(self, asked: Asked, message: str = "", *, status: int = 200, email: str = "") -> Answer:
        body = template("reader/me_door.html").render(
            t=asked.said,
            publication=self._desk.guidelines.publication.name,
            message=message,
            email=email.replace("\x00", "\ufffd"),
            mail=self._desk.mail_works,
            issuer=asked.here("/me/issuer") if self._issuer else "",
            accounts=self._readers.has_accounts,
            action=asked.here("/me/sign-in"),
        )
        return Answer(body, status)

    def _door_with(self, asked: Asked, error: MeydanError) -> Answer:
        """The way in again, and why it was not taken."""
        message = (
            asked.said["me_not_in"]
            if isinstance(error, SignInNeeded)
            else problem_of(error, asked.said).message
        )
        answer = self._door(asked, message, status=status_of(error))
        return Answer(answer.body, answer.status, headers=headers_of(error))

    def _link_gone(self, asked: Asked) -> Answer:
        said = asked.said
        ways = [(asked.here("/me"), said["me_door"])]
        return self._says(asked, said["me_link_gone"], [said["me_link_gone_note"]], status=401, ways=ways)

    def _says(
        self,
        asked: Asked,
        heading: str,
        sentences: Sequence[str],
        *,
        status: int = 200,
        who: str = "",
        comment: Comment | None = None,
        presses: Sequence[tuple[str, str, Mapping[str, str]]] = (),
        ways: Sequence[tuple[str, str]] = (),
        home: bool = False,
    ) -> Answer:
        """
        A page of a heading, a few sentences, perhaps a comment, and what can be done.

        Args:
            presses: buttons: where each is sent, its word, and what it carries.
            home: there is a way back to one's own page.
        """
        back = [(asked.here("/me"), asked.said["me_back"])] if home else []
        body = template("reader/me_says.html").render(
            t=asked.said,
            publication=self._desk.guidelines.publication.name,
            heading=heading,
            sentences=sentences,
            who=who,
            comment=comment,
            presses=presses,
            ways=[*ways, *back],
            render=render,
        )
        return Answer(body, status)


def _is_published(one: Own) -> bool:
    outcome = one.outcome
    return outcome.status.value == "approved" and not outcome.withdrawn and not one.comment.escalated


def _file(told: Mapping[str, Any], name: str) -> Answer:
    body = json.dumps(told, ensure_ascii=False, indent=1).encode()
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Answer(body, headers=headers, media_type="application/json")
