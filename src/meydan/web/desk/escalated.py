"""
What was escalated: the list, and each case with its record, for those whose role allows it.

No page shows a word of an escalated comment by being opened. Whoever asks for the words sends a form, each time; that is
in the journal before they are shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup

from meydan.comment import Evidence
from meydan.desk import Case, Escalated
from meydan.errors import Malformed, MeydanError, MissingFields, NotAllowed, NotText, TooLong
from meydan.policy import words
from meydan.staff import RIGHTS, Session
from meydan.text import render
from meydan.web.desk.frame import Answer, Asked, Frame, Page, iso, when
from meydan.web.desk.people import entry_view
from meydan.web.desk.room import Room, case_address, found_of
from meydan.web.desk.tongue import said, sentence_of
from meydan.web.errors import status_of

LINES: Final = 50
DONE: Final = 100
SHOWN_FROM: Final = 0.1
"""Scores below are left out of what the machine had made of a comment."""

TOLD: Final = {
    "told": "escalated.told_told",
    "ended": "escalated.told_ended",
    "erased": "escalated.told_erased",
}


def pages(frame: Frame, room: Room) -> list[Page]:
    """The list for those who may see what was escalated; the words and all that is done for those whom they are open to."""
    escalated = _EscalatedRoom(frame, room)
    case = "/desk/escalated/{comment_id:str}"
    return [
        Page("GET", "/desk/escalated", escalated.look, "escalated"),
        Page("GET", case, escalated.case, "escalated"),
        Page("POST", f"{case}/uncover", escalated.uncover, "restricted"),
        Page("POST", f"{case}/told", escalated.tell, "restricted"),
        Page("POST", f"{case}/export", escalated.export, "restricted"),
        Page("POST", f"{case}/end", escalated.end, "restricted"),
    ]


class _EscalatedRoom:
    def __init__(self, frame: Frame, room: Room) -> None:
        self._frame = frame
        self._desk = frame.desk
        self._staff = frame.staff
        self._room = room

    def look(self, asked: Asked, session: Session) -> Answer:
        lines, further = self._desk.escalated(limit=LINES, before=asked.before)
        return Answer(
            self._frame.rendered(
                "escalated",
                session,
                here="escalated",
                lines=[_line_view(line) for line in lines],
                further=f"/desk/escalated?before={further}" if further else "",
            )
        )

    def case(self, asked: Asked, session: Session) -> Answer:
        case = self._desk.case(asked.comment_id)
        return self._page(asked, session, case, told=_told(asked))

    def uncover(self, asked: Asked, session: Session) -> Answer:
        """The words are on this one answer; whoever wants them again asks again."""
        return self._page(
            asked, session, self._desk.read_case(asked.comment_id, by=session.moderator), shown=True
        )

    def tell(self, asked: Asked, session: Session) -> Answer:
        try:
            self._desk.tell(
                asked.comment_id,
                office=asked.value("office"),
                at=_moment_of(asked.value("at")),
                by=session.moderator,
                channel=asked.value("channel"),
                reference=asked.value("reference"),
                sentence=asked.value("sentence"),
            )
        except (MissingFields, TooLong, NotText, Malformed) as error:
            return self._again(asked, session, error)
        return Answer(to=f"{case_address(asked.comment_id)}?told=told#told")

    def export(self, asked: Asked, session: Session) -> Answer:
        """The file for the authorities; who took which is in the journal before it is given out."""
        dossier = self._desk.dossier(asked.comment_id, by=session.moderator)
        headers = {"content-disposition": f'attachment; filename="{dossier.called}"'}
        return Answer(dossier.body, headers=headers, media_type="application/zip")

    def end(self, asked: Asked, session: Session) -> Answer:
        try:
            erased = self._desk.end_hold(asked.comment_id, reason=asked.value("reason"), by=session.moderator)
        except NotAllowed:
            self._staff.enter(session, "refused", asked.comment_id, what="end-own-hold")
            raise
        except (MissingFields, TooLong, NotText) as error:
            return self._again(asked, session, error)
        return Answer(to=f"{case_address(asked.comment_id)}?told={'erased' if erased else 'ended'}")

    # -- inside ------------------------------------------------------------------

    def _again(self, asked: Asked, session: Session, error: MeydanError) -> Answer:
        """The page once more, with what was typed and why it was not taken."""
        return self._page(asked, session, self._desk.case(asked.comment_id), error=error)

    def _page(
        self,
        asked: Asked,
        session: Session,
        case: Case,
        *,
        shown: bool = False,
        told: str = "",
        error: MeydanError | None = None,
    ) -> Answer:
        comment, story = case.item.comment, case.item.story
        held, w = case.held_by is not None, said()
        titles = {rule.id: words(rule.title, w.language) for rule in self._desk.guidelines.rules}
        typed = {
            name: asked.value(name) for name in ("office", "at", "channel", "reference", "sentence", "reason")
        }
        typed["at"] = typed["at"] or f"{self._desk.now().astimezone(UTC):%Y-%m-%dT%H:%M}"
        others = [
            row.name
            for row in self._staff.moderators()
            if row.role in RIGHTS["restricted"] and row.name not in case.bound
        ]
        html = self._frame.rendered(
            "case",
            session,
            here="escalated",
            told=told,
            trouble=w.fill("trouble.sentence_not_recorded", sentence=sentence_of(error)) if error else "",
            fields=error.fields if error else (),
            id=comment.id,
            address=case_address(comment.id),
            kind=w.called("room", case.escalations[-1].kind),
            state=_state(held=held, erased=comment.erased_at is not None),
            status=w[f"states.{comment.status.value}_long"],
            held=held,
            erased=comment.erased_at is not None,
            open=session.may("restricted"),
            words=self._words(case) if shown else None,
            escalations=[
                {
                    "kind": w.called("room", one.kind),
                    "by": one.by,
                    "iso": iso(one.at),
                    "when": when(one.at),
                }
                for one in case.escalations
            ],
            sent={"iso": iso(comment.submitted_at), "when": when(comment.submitted_at)},
            story={"url": comment.story_url, "title": (story.title if story else None) or comment.story_url},
            decisions=[self._room.settled_view(one) for one in case.item.decisions],
            evidence=_evidence_view(case.item.evidence) if case.item.evidence else [],
            record=[
                {
                    "office": one.office,
                    "iso": iso(one.told_at),
                    "when": when(one.told_at),
                    "channel": one.channel,
                    "reference": one.reference,
                    "sentence": one.sentence,
                    "by": one.by,
                    "entered": when(one.at),
                }
                for one in case.told
            ],
            endings=[
                {"by": one.by, "iso": iso(one.at), "when": when(one.at), "reason": one.reason}
                for one in case.endings
            ],
            reports=case.item.reports.open + case.item.reports.closed if case.item.reports else 0,
            erasure_asked=when(case.erasure_asked_at) if case.erasure_asked_at else "",
            begun_by=case.held_by,
            own=case.held_by == session.moderator,
            bound=session.moderator in case.bound,
            others=others,
            typed=typed,
            done=[
                entry_view(entry, titles, whom=w["escalated.it"])
                for entry in self._staff.journal(subject=comment.id, limit=DONE)
            ],
        )
        return Answer(html, status_of(error) if error else 200)

    def _words(self, case: Case) -> Mapping[str, object]:
        """The words of a case, for this one answer."""
        comment, parent = case.item.comment, case.item.parent
        return {
            "name": self._room.name(comment),
            "email": render.name(comment.email) if comment.email else None,
            "text": render.comment(comment.text, language=comment.language) if comment.text else Markup(""),
            "appeal": render.comment(case.item.appeal) if case.item.appeal else None,
            "parent": render.comment(parent.text, language=parent.language)
            if parent and parent.text
            else None,
        }


def _line_view(line: Escalated) -> dict[str, object]:
    return {
        "address": case_address(line.id),
        "kind": said().called("room", line.kind),
        "by": line.by,
        "iso": iso(line.at),
        "when": when(line.at),
        "story": line.story_title or line.story_url,
        "state": _state(held=line.held, erased=line.erased),
        "ended": when(line.ended_at) if line.ended_at and not line.held else "",
    }


def _state(*, held: bool, erased: bool) -> str:
    w = said()
    if held:
        return w["escalated.held"]
    return w["escalated.erased" if erased else "escalated.ended"]


def _told(asked: Asked) -> str:
    key = TOLD.get(asked.query.get("told", ""))
    return said()[key] if key else ""


def _evidence_view(known: Evidence) -> list[str]:
    """What the machine had made of a comment, strongest first: scores, what was not measured, what was seen."""
    w = said()
    measured = [(label, score) for label, score in known.scores.items() if score is not None]
    lines = [
        w.fill("actions.detail", name=w.capital(w.called("labels", label)), value=f"{score:.2f}")
        for label, score in sorted(measured, key=lambda pair: -pair[1])
        if score >= SHOWN_FROM
    ]
    if missing := [w.called("labels", label) for label, score in known.scores.items() if score is None]:
        lines.append(w.fill("room.not_measured", labels=w.listed(missing)))
    return lines + [w.capital(found_of(finding)) for finding in known.findings]


def _moment_of(written: str) -> datetime:
    """A moment as a form's field writes it, in UTC."""
    try:
        return datetime.strptime(written.strip()[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=UTC)
    except ValueError:
        raise Malformed("Say the day and the time, in UTC.", fields=("at",)) from None
