"""
Letters that could not be delivered, for editors: what kind, why, and whether to try again. Not to whom, and not what about.
"""

from __future__ import annotations

from typing import Final

from meydan.errors import NotFound
from meydan.letters import Letters
from meydan.staff import Session
from meydan.web.desk.frame import Answer, Asked, Frame, Page, iso, when
from meydan.web.desk.tongue import said

LINES: Final = 100

TOLD: Final = {"again": "letters.told_again", "given-up": "letters.told_given_up"}


def pages(frame: Frame, letters: Letters) -> list[Page]:
    """The list of dead letters, and what is done with one."""
    room = _Undelivered(frame, letters)
    return [
        Page("GET", "/desk/letters", room.look, "letters"),
        Page("POST", "/desk/letters", room.tend, "letters"),
    ]


class _Undelivered:
    def __init__(self, frame: Frame, letters: Letters) -> None:
        self._frame = frame
        self._letters = letters

    def look(self, asked: Asked, session: Session) -> Answer:
        told = TOLD.get(asked.query.get("told", ""), "")
        standing = self._letters.standing()
        return Answer(
            self._frame.rendered(
                "letters",
                session,
                here="letters",
                told=said()[told] if told else "",
                works=self._letters.works,
                waiting=standing.waiting,
                dead=standing.dead,
                letters=[
                    {
                        "number": letter.number,
                        "kind": said().called("letters", letter.kind.replace(".", "-")),
                        "iso": iso(letter.dead_at),
                        "when": when(letter.dead_at),
                        "attempts": letter.attempts,
                        "cause": letter.error,
                    }
                    for letter in self._letters.dead(limit=LINES)
                ],
            )
        )

    def tend(self, asked: Asked, session: Session) -> Answer:
        """Try one again, or give it up; NotFound where somebody else was first."""
        written = asked.value("number")
        number = int(written) if written.isascii() and written.isdigit() and len(written) < 19 else 0
        if asked.value("do") == "again":
            self._letters.try_again(number, by=session.moderator)
            return Answer(to="/desk/letters?told=again")
        if asked.value("do") == "give-up":
            self._letters.give_up(number, by=session.moderator)
            return Answer(to="/desk/letters?told=given-up")
        raise NotFound("There is no such dead letter.")
