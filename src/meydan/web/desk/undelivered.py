"""
What leaves the building and did not arrive, for editors: e-mails to readers, notices to programs and channels; what kind,
why, and whether to try again. Not to whom an e-mail was, and of an endpoint no more than its name and place.

Endpoints are added and removed by the operator (`meydan webhooks`): whoever adds one decides where things are sent to.
"""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from meydan.errors import NotFound
from meydan.letters import DeadJob, Letters
from meydan.notices import Endpoint, Notices, Standing
from meydan.staff import Session
from meydan.web.desk.frame import Answer, Asked, Frame, Page, iso, when
from meydan.web.desk.tongue import said

LINES: Final = 100

TOLD: Final = {
    "again": "letters.told_again",
    "all-again": "letters.told_all_again",
    "given-up": "letters.told_given_up",
}

ADDING: Final = Markup('<code dir="ltr">meydan webhooks add</code>')


def pages(frame: Frame, letters: Letters, notices: Notices) -> list[Page]:
    """The list of what did not arrive, and what is done with it."""
    room = _Undelivered(frame, letters, notices)
    return [
        Page("GET", "/desk/letters", room.look, "letters"),
        Page("POST", "/desk/letters", room.tend, "letters"),
    ]


class _Undelivered:
    def __init__(self, frame: Frame, letters: Letters, notices: Notices) -> None:
        self._frame = frame
        self._letters = letters
        self._notices = notices

    def look(self, asked: Asked, session: Session) -> Answer:
        told = TOLD.get(asked.query.get("told", ""), "")
        standing = self._letters.standing()
        endpoints = self._notices.standings()
        names = {one.endpoint.number: one.endpoint.name for one in endpoints}
        return Answer(
            self._frame.rendered(
                "letters",
                session,
                here="letters",
                told=said()[told] if told else "",
                works=self._letters.works,
                waiting=standing.waiting,
                dead=standing.dead + sum(one.dead for one in endpoints),
                letters=[_dead(job, names) for job in self._letters.dead(limit=LINES)],
                endpoints=[_endpoint(one) for one in endpoints],
                adding=ADDING,
            )
        )

    def tend(self, asked: Asked, session: Session) -> Answer:
        """Try one again or all to one endpoint, or give one up; NotFound where somebody else was first."""
        written = asked.value("number")
        number = int(written) if written.isascii() and written.isdigit() and len(written) < 19 else 0
        if asked.value("do") == "again":
            self._letters.try_again(number, by=session.moderator)
            return Answer(to="/desk/letters?told=again")
        if asked.value("do") == "all-again":
            if not self._notices.try_all_again(number, by=session.moderator):
                raise NotFound("There is no such dead letter.")
            return Answer(to="/desk/letters?told=all-again")
        if asked.value("do") == "give-up":
            self._letters.give_up(number, by=session.moderator)
            return Answer(to="/desk/letters?told=given-up")
        raise NotFound("There is no such dead letter.")


def _dead(job: DeadJob, names: dict[int, str]) -> dict[str, object]:
    group = "letters" if job.endpoint is None else "events"
    kind = said().called(group, job.kind.replace(".", "-"))
    return {
        "number": job.number,
        "kind": said().capital(kind),
        "to": "" if job.endpoint is None else names.get(job.endpoint, ""),
        "iso": iso(job.dead_at),
        "when": when(job.dead_at),
        "attempts": job.attempts,
        "cause": job.error,
    }


def _endpoint(standing: Standing) -> dict[str, object]:
    endpoint: Endpoint = standing.endpoint
    w = said()
    return {
        "number": endpoint.number,
        "name": endpoint.name,
        "place": endpoint.place,
        "events": w.own(w.listed(w[f"events.{event.replace('.', '-')}"] for event in endpoint.events)),
        "words": endpoint.words,
        "gone_iso": iso(endpoint.ended_at) if endpoint.ended_at else "",
        "gone": when(endpoint.ended_at) if endpoint.ended_at else "",
        "waiting": standing.waiting,
        "dead": standing.dead,
    }
