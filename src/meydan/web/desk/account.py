"""
One's own account: password, one-time codes, and where one is signed in.
"""

from __future__ import annotations

from collections.abc import Sequence

import segno
from markupsafe import Markup

from meydan.desk import ESCALATIONS
from meydan.errors import Malformed, MeydanError, NotAllowed, NotFound, SignInNeeded, TooFast
from meydan.staff import LONGEST_PASSWORD, SHORTEST_PASSWORD, Session
from meydan.web.desk.frame import Answer, Asked, Frame, Page, when
from meydan.web.desk.tongue import said, sentence_of
from meydan.web.errors import headers_of, status_of

SINCE = {
    "password": "account.since_password",
    "password and code": "account.since_code",
    "link": "account.since_link",
    "issuer": "account.since_issuer",
}
TOLD = {
    "password": "account.told_password",
    "ended": "account.told_ended",
    "removed": "account.told_removed",
}


def pages(frame: Frame) -> list[Page]:
    """One's own account."""
    account = _Account(frame)
    return [
        Page("GET", "/desk/account", account.look),
        Page("POST", "/desk/account/password", account.password, apart="password"),
        Page("POST", "/desk/account/codes", account.begin_codes),
        Page("POST", "/desk/account/codes/confirm", account.confirm_codes),
        Page("POST", "/desk/account/codes/remove", account.remove_codes, apart="password"),
        Page("POST", "/desk/account/sessions", account.end_session),
    ]


class _Account:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._staff = frame.staff

    def look(self, asked: Asked, session: Session) -> Answer:
        return self._page(session, told=TOLD.get(asked.query.get("told", ""), ""))

    def password(self, asked: Asked, session: Session) -> Answer:
        new = asked.value("new")
        try:
            if new != asked.value("again"):
                raise Malformed("The two new passwords are not the same.", fields=("again",))
            self._staff.change_password(session, asked.value("old"), new)
        except (Malformed, SignInNeeded, TooFast) as error:
            return self._page(session, error=error, at="password")
        return Answer(to="/desk/account?told=password")

    def begin_codes(self, _: Asked, session: Session) -> Answer:
        try:
            self._staff.begin_second(session, self._publication)
        except NotAllowed as error:
            return self._page(session, error=error, at="codes")
        return Answer(to="/desk/account#codes")

    def confirm_codes(self, asked: Asked, session: Session) -> Answer:
        """Recovery codes are on this one answer, and nowhere afterwards."""
        try:
            codes = self._staff.confirm_second(session, asked.value("code"))
        except (SignInNeeded, TooFast, NotFound) as error:
            return self._page(session, error=error, at="codes")
        return self._page(session, recovery=codes)

    def remove_codes(self, asked: Asked, session: Session) -> Answer:
        """The password is asked for, or whoever finds an open desk could take the second lock off."""
        try:
            self._staff.check_password(session, asked.value("old"))
        except (SignInNeeded, TooFast) as error:
            return self._page(session, error=error, at="codes")
        self._staff.remove_second(session.moderator, by=session.moderator)
        return Answer(to="/desk/account?told=removed")

    def end_session(self, asked: Asked, session: Session) -> Answer:
        try:
            self._staff.end_session(session.moderator, asked.value("session"), by=session.moderator)
        except NotFound as error:
            return self._page(session, error=error, at="sessions")
        return Answer(to="/desk/account?told=ended#sessions")

    # -- inside ------------------------------------------------------------------

    @property
    def _publication(self) -> str:
        return self._frame.desk.guidelines.publication.name

    def _page(
        self,
        session: Session,
        *,
        told: str = "",
        error: MeydanError | None = None,
        at: str = "",
        recovery: Sequence[str] = (),
    ) -> Answer:
        person = self._staff.moderator(session.moderator)
        enrolment = self._staff.enrolment(session, self._publication)
        strain = self._frame.desk.strain(session.moderator)
        w = said()
        html = self._frame.rendered(
            "account",
            session,
            here="account",
            told=w[told] if told else "",
            trouble=sentence_of(error) if error else "",
            link="",
            back="/desk/account",
            you=w.html(f"account.you_{session.role}", name=session.moderator),
            at=at,
            has_password=person.password is not None,
            shortest=SHORTEST_PASSWORD,
            longest=LONGEST_PASSWORD,
            codes_on=person.second_on,
            secret=" ".join(enrolment.secret[i : i + 4] for i in range(0, 32, 4)) if enrolment else "",
            square=_square(enrolment.uri) if enrolment else None,
            left=self._staff.recovery_left(session) if person.second_on else 0,
            recovery=recovery,
            strain=strain,
            week=[
                # What was escalated is counted as what it was escalated for.
                (w.called("room" if label in ESCALATIONS else "labels", label), number)
                for label, number in sorted(strain.of_week.items(), key=lambda one: -one[1])
            ],
            most=self._frame.desk.care.severe_per_shift,
            sessions=[
                {
                    "handle": shown.handle,
                    "device": device,
                    "since": w.html(
                        SINCE.get(shown.how, "account.since_link"),
                        since=when(shown.added_at),
                        seen=when(shown.seen_at),
                    ),
                    "which": w.html("account.end_which", device=device, since=when(shown.added_at)),
                    "own": own,
                }
                for shown, own in self._staff.sessions(session)
                for device in [w.own(w.again("account.device", shown.device or "an unknown device"))]
            ],
        )
        return Answer(html, status_of(error) if error else 200, headers=headers_of(error) if error else {})


def _square(uri: str) -> Markup:
    """The square code that an authenticator app reads, as SVG of our own making: nothing in it is a reader's."""
    drawn = segno.make(uri, error="m").svg_inline(
        scale=4,
        border=4,
        dark="#000",
        light="#fff",
        title=said()["account.square"],
        svgclass="square",
        lineclass=None,
    )
    return Markup(drawn)  # noqa: S704
