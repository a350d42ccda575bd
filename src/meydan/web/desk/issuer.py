"""Signing in at the desk with the newsroom's own account, through the issuer of web/issuer.py."""

from __future__ import annotations

from meydan.errors import NotFound, SignInNeeded
from meydan.web.desk.door import Door
from meydan.web.desk.frame import Answer, Asked, Frame, OpenPage, way_back
from meydan.web.issuer import NOT_THIS_TIME, Issuer, new_doorway


def pages(frame: Frame, door: Door) -> list[OpenPage]:
    """The way to the issuer and back; the issuer is another server, and something is kept until somebody comes back."""
    gate = _Gate(frame)
    return [
        OpenPage("GET", "/desk/sign-in/issuer", gate.go, apart="issuer", not_now=door.not_now),
        OpenPage("GET", "/desk/sign-in/back", gate.back, apart="issuer", not_now=door.not_now),
    ]


class _Gate:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    @property
    def _issuer(self) -> Issuer:
        if self._frame.issuer is None:
            raise NotFound("This desk has no issuer to sign in with; the setting is 'issuer'.")
        return self._frame.issuer

    def go(self, asked: Asked) -> Answer:
        state, doorway = new_doorway(way_back(asked.query.get("back", "")))
        address = self._issuer.begin(doorway, state)
        self._frame.staff.open_doorway(state, doorway)
        # The state is in this browser's cookie too: nobody can be made to come back with another's.
        return Answer(to=address, cookies=(self._frame.state_cookie(state),))

    def back(self, asked: Asked) -> Answer:
        state = asked.query.get("state", "")
        if not state or asked.state != state:
            raise SignInNeeded("This sign-in was not begun in this browser. Begin again.")
        doorway = self._frame.staff.come_back(state)
        code = asked.query.get("code", "")
        if not code:
            raise SignInNeeded(NOT_THIS_TIME)
        vouched = self._issuer.vouch(code, doorway)
        session = self._frame.staff.sign_in_through(
            self._issuer.address, vouched.subject, vouched.email, device=asked.device
        )
        return self._frame.signed_in(asked, session, doorway.back)
