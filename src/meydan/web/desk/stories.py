"""
Stories, for the newsroom: how each one stands, and for editors what readers are told there and when it takes comments.

Times are written in the newsroom's own time zone, which the page names, and shown in UTC beside. Only what somebody has
changed on the page is changed: what another editor or a program changed meanwhile stays.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from meydan.comment import Story
from meydan.desk import GUESTS, STORY_LENGTHS, StoryLine, story_address
from meydan.errors import ForeignStory, Malformed, MeydanError, NotFound, NotText, TooLong
from meydan.staff import Session
from meydan.web.desk.frame import Answer, Asked, Frame, Page, when
from meydan.web.desk.tongue import said, sentence_of
from meydan.web.errors import status_of

LISTED: Final = 50
CHANGED: Final = ("open", "closed_reason", "opens_at", "closes_at", "guests", "question")
"""What is changed here; a story's title and text come from the newsroom's own system."""


def pages(frame: Frame) -> list[Page]:
    """The list for everybody, and the form for those who may change a story."""
    stories = _Stories(frame)
    return [
        Page("GET", "/desk/stories", stories.look),
        Page("GET", "/desk/stories/change", stories.open, "stories"),
        Page("POST", "/desk/stories/change", stories.change, "stories"),
    ]


class _Stories:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._desk = frame.desk

    def look(self, asked: Asked, session: Session) -> Answer:
        sought = asked.query.get("sought", "").strip()
        lines, further = self._desk.stories(sought, limit=LISTED, before=asked.before)
        fresh = "" if lines or not session.may("stories") else self._address(sought)
        return Answer(
            self._frame.rendered(
                "stories",
                session,
                here="stories",
                sought=sought,
                lines=[self._line(line) for line in lines],
                fresh=_change_address(fresh) if fresh else "",
                further=f"/desk/stories?{urlencode({'sought': sought, 'before': further})}"
                if further
                else "",
            )
        )

    def open(self, asked: Asked, session: Session) -> Answer:
        if not asked.query.get("story"):
            return Answer(to="/desk/stories")
        told = said()["stories.told"] if asked.query.get("told") else ""
        return self._form(session, self._story(asked.query["story"]), told=told)

    def change(self, asked: Asked, session: Session) -> Answer:
        story = self._story(asked.value("story"))
        typed = {name: asked.value(name) for name in CHANGED}
        try:
            changed = {
                name: self._read(name, typed[name])
                for name in CHANGED
                if typed[name] != asked.value(f"was_{name}")
            }
            self._desk.change_story(story.url, changed, by=session.moderator, own=(self._frame.own,))
        except (TooLong, NotText, Malformed) as error:
            was = {name: asked.value(f"was_{name}") for name in CHANGED}
            return self._form(session, story, typed=typed, was=was, error=error)
        return Answer(to=f"{_change_address(story.url)}&told=1")

    # -- inside ------------------------------------------------------------------

    def _story(self, address: str) -> Story:
        """A story, known here or still to be; NotFound where it is not of this publication."""
        url = self._address(address)
        if not url:
            raise NotFound("There is no story of this publication at this address.")
        return self._desk.story(url) or Story(id=0, url=url)

    def _address(self, sought: str) -> str:
        """A story's address, where what was typed is one of this publication's; "" for everything else."""
        try:
            url = story_address(sought)
            return url if self._desk.guidelines.allows(url, (self._frame.own,)) else ""
        except (Malformed, NotText, ForeignStory, TooLong):
            return ""

    def _read(self, name: str, typed: str) -> Any:
        if name == "open":
            return typed == "yes"
        if name in ("opens_at", "closes_at"):
            return self._moment(name, typed) if typed.strip() else None
        return typed.strip() or None

    def _moment(self, name: str, typed: str) -> datetime:
        """A moment as a form's field writes it, in the newsroom's time zone."""
        zone = self._frame.zone
        try:
            written = datetime.strptime(typed.strip()[:16], "%Y-%m-%dT%H:%M").replace(tzinfo=zone)
            at = written.astimezone(UTC)
        except (ValueError, OverflowError):
            raise Malformed("Say the day and the time as 2026-11-28T18:30.", fields=(name,)) from None
        # Clocks that go forward leave an hour out.
        if f"{at.astimezone(zone):%H:%M}" != f"{written:%H:%M}" or not 1970 <= at.year < 9999:
            raise Malformed("There is no such time in the newsroom's time zone.", fields=(name,))
        return at

    def _written(self, at: datetime | None) -> str:
        return f"{at.astimezone(self._frame.zone):%Y-%m-%dT%H:%M}" if at else ""

    def _form(
        self,
        session: Session,
        story: Story,
        *,
        told: str = "",
        typed: dict[str, str] | None = None,
        was: dict[str, str] | None = None,
        error: MeydanError | None = None,
    ) -> Answer:
        w = said()
        stands = {
            "open": "yes" if story.open else "no",
            "closed_reason": story.closed_reason or "",
            "opens_at": self._written(story.opens_at),
            "closes_at": self._written(story.closes_at),
            "guests": story.guests or "",
            "question": story.question or "",
        }
        html = self._frame.rendered(
            "story",
            session,
            here="stories",
            told=told,
            trouble=w.fill("stories.not_changed", sentence=sentence_of(error)) if error else "",
            fields=error.fields if error else (),
            url=story.url,
            title=story.title or story.url,
            state=self._state(story),
            typed=typed or stands,
            was=was or stands,
            zone=str(self._frame.zone),
            in_utc={
                name: when(at) if at else ""
                for name, at in (("opens_at", story.opens_at), ("closes_at", story.closes_at))
            },
            guests=[
                ("", w["stories.guests_guidelines"]),
                *((one, w[f"stories.guests_{one}"]) for one in GUESTS),
            ],
            longest=STORY_LENGTHS,
        )
        return Answer(html, status_of(error) if error else 200)

    def _line(self, line: StoryLine) -> dict[str, object]:
        story = line.story
        return {
            "title": story.title or story.url,
            "url": story.url,
            "address": _change_address(story.url),
            "comments": f"/desk/find?{urlencode({'story': story.url})}",
            "state": self._state(story),
            "question": story.question or "",
            "shown": line.shown,
            "lately": line.lately,
            "picked": story.picked,
        }

    def _state(self, story: Story) -> list[str]:
        """How a story stands, in sentences."""
        w, now = said(), self._desk.now()
        closed = story.closes_at is not None and story.closes_at <= now
        if not story.open or closed:
            told = [w["stories.closed"]]
            if story.closed_reason:
                told.append(w.html("stories.because", reason=story.closed_reason))
        elif story.opens_at is not None and story.opens_at > now:
            told = [w.html("stories.opens", time=_time(story.opens_at))]
        else:
            told = [w["stories.open"]]
        if story.open and story.closes_at is not None and not closed:
            told.append(w.html("stories.closes", time=_time(story.closes_at)))
        if story.guests:
            told.append(w["stories.says_guests_" + story.guests])
        return told


def _time(at: datetime) -> Any:
    return said().own(when(at)) if at else ""


def _change_address(url: str) -> str:
    return f"/desk/stories/change?{urlencode({'story': url})}"
