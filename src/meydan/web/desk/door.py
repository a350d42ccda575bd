"""
Coming in at the desk, by a password and a code, by a link that works once, or through an issuer; and going out.

Whoever comes back after a session has ended lands on the page they were on, with what they had typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from litestar.datastructures import Cookie

from meydan.errors import Malformed, MeydanError, SignInNeeded, TooFast
from meydan.locale.desk import DESK
from meydan.staff import HalfWay, Session
from meydan.web import access
from meydan.web.desk.frame import (
    FORM_BYTES,
    Answer,
    Asked,
    Frame,
    OpenPage,
    Page,
    door_to,
    fields_of,
    way_back,
)
from meydan.web.desk.tongue import said, sentence_of, tongue_cookie
from meydan.web.errors import headers_of, status_of


def pages(door: Door) -> list[Page | OpenPage]:
    """The ways in and out."""
    return [
        OpenPage("GET", "/desk/sign-in", door.door),
        OpenPage("POST", "/desk/sign-in", door.sign_in, apart="password", not_now=door.not_now),
        OpenPage("POST", "/desk/sign-in/code", door.code, apart="password", not_now=door.not_now),
        OpenPage("POST", "/desk/language", door.language),
        Page("POST", "/desk/sign-out", door.sign_out, "read"),
    ]


class Door:
    """Where people come in."""

    def __init__(self, frame: Frame, rooms: Sequence[Page]) -> None:
        """
        Args:
            rooms: the pages on which something is typed; who signs in again is shown theirs as it was.
        """
        self._frame = frame
        self._staff = frame.staff
        self._rooms = {page.address.partition("{")[0]: page for page in rooms if page.method == "GET"}

    def door(self, asked: Asked) -> Answer:
        """A link only shows a button: whatever fetches links to look at them must not use them up."""
        link = asked.query.get("link", "")
        sentences = [said()["sign_in.link_once"]] if link else []
        return self._form(
            asked, said()["sign_in.heading"], sentences, link=link, back=asked.query.get("back", "")
        )

    def language(self, asked: Asked) -> Answer:
        """Speak another language to this browser from now on; it needs no session, and says nothing of one."""
        chosen, link, back = asked.value("language"), asked.value("link"), asked.value("back")
        if chosen not in DESK:
            raise Malformed("Choose one of the languages that are shown.", fields=("language",))
        if link:
            to = f"/desk/sign-in?link={quote(link, safe='')}"
        else:
            # Who has no session is brought to the door again, and keeps their way from there.
            to = way_back(back) if asked.token else door_to(back)
        return Answer(to=to, cookies=(tongue_cookie(chosen, https=self._frame.https),))

    def sign_in(self, asked: Asked) -> Answer:
        link = asked.value("link")
        try:
            if link:
                come = self._staff.sign_in(link, device=asked.device)
            else:
                come = self._staff.sign_in_by_password(
                    asked.value("name"), asked.value("password"), device=asked.device
                )
        except (SignInNeeded, TooFast) as error:
            if link:
                return self._form(
                    asked,
                    said()["sign_in.link_gone"],
                    [said()["sign_in.link_gone_why"], said()["sign_in.link_gone_next"]],
                    status=401,
                )
            return self._again(asked, error)
        if isinstance(come, HalfWay):
            return self._form(
                asked, said()["sign_in.one_more"], [said()["sign_in.enter_code"]], half_way=come.token
            )
        return self._in(asked, come)

    def code(self, asked: Asked) -> Answer:
        half_way = asked.value("half_way")
        try:
            session = self._staff.finish_sign_in(half_way, asked.value("code"), device=asked.device)
        except (SignInNeeded, TooFast) as error:
            over = "Begin again" in error.message
            return self._again(asked, error, half_way="" if over else half_way)
        return self._in(asked, session)

    def not_now(self, asked: Asked, error: MeydanError) -> Answer:
        """The form once more with all that was on it, for whom there is no room just now, or who came too often."""
        return self._again(asked, error, half_way=asked.value("half_way"), link=asked.value("link"))

    def sign_out(self, _: Asked, session: Session) -> Answer:
        self._staff.sign_out(session.token)
        gone = Cookie(
            key=access.SESSION_COOKIE, value="", path="/", max_age=0, httponly=True, secure=self._frame.https
        )
        letter = self._form(Asked(), said()["sign_in.out"], [said()["sign_in.out_kept"]])
        return Answer(letter.html, cookies=(gone,))

    # -- inside ------------------------------------------------------------------

    def _in(self, asked: Asked, session: Session) -> Answer:
        back = way_back(asked.value("back") or "/desk")
        landing = self._frame.signed_in(asked, session, back)
        typed = self._typed_again(asked, session, back)
        return landing if typed is None else Answer(typed.html, typed.status, cookies=landing.cookies)

    def _typed_again(self, asked: Asked, session: Session, back: str) -> Answer | None:
        """The page that was being filled in when the session ended, as it was; None where nothing was typed."""
        kept = asked.value("kept")
        if not kept or len(kept) > FORM_BYTES:
            return None
        for begin, page in self._rooms.items():
            id = back.removeprefix(begin)
            if begin.endswith("/") and id != back and id and "/" not in id and "?" not in id:
                try:
                    again = Asked(
                        form=fields_of(kept), named={"comment_id": id}, path=back, device=asked.device
                    )
                    if not session.may(page.right):
                        return None
                    return page.make(again, session)
                except (MeydanError, ValueError):
                    # Decided or gone meanwhile: the page itself says so.
                    return None
        return None

    def _again(self, asked: Asked, error: MeydanError, *, half_way: str = "", link: str = "") -> Answer:
        status = status_of(error)
        answer = self._form(
            asked,
            said()["sign_in.one_more" if half_way else "sign_in.heading"],
            [said()["sign_in.link_once"]] if link else [],
            trouble=sentence_of(error) if status < 500 else said()["trouble.cannot"],
            half_way=half_way,
            link=link,
            back=asked.query.get("back", ""),
            status=status,
        )
        return Answer(answer.html, answer.status, headers=headers_of(error))

    def _form(
        self,
        asked: Asked,
        heading: str,
        sentences: Sequence[str],
        *,
        link: str = "",
        half_way: str = "",
        trouble: str = "",
        back: str = "",
        status: int = 200,
    ) -> Answer:
        html = self._frame.rendered(
            "sign_in",
            None,
            heading=heading,
            sentences=sentences,
            trouble=trouble,
            link=link,
            half_way=half_way,
            name=asked.value("name"),
            back=way_back(back or asked.value("back") or "/desk"),
            kept=asked.value("kept"),
            issuer=self._issuer(back or asked.value("back")),
        )
        return Answer(html, status)

    def _issuer(self, back: str) -> str:
        """Where signing in through the issuer begins; "" without one."""
        if not self._frame.issuer:
            return ""
        return "/desk/sign-in/issuer?" + urlencode({"back": way_back(back or "/desk")})
