"""
Finding comments, waiting and decided, by what is known of them; and deciding several of what waits at once.

Deciding several is asked twice: the second page says what will happen to which comments, and only then it does. Each is
decided by itself, with the number of the decision that was looked at: what somebody else has decided meanwhile stays
theirs, and is told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, urlencode

from meydan.comment import LANGUAGES, Status, Verdict
from meydan.desk import DeskItem, Sought, asked_for
from meydan.errors import (
    AlreadyDecided,
    Malformed,
    MeydanError,
    MissingFields,
    NotAllowed,
    NotFound,
    UnknownRule,
)
from meydan.policy import words
from meydan.staff import Session
from meydan.web.desk.frame import Answer, Asked, Frame, Page, iso, when
from meydan.web.desk.room import OPENING, Room, rules_view
from meydan.web.desk.tongue import by_of, said, sentence_of
from meydan.web.errors import status_of

FOUND: Final = 30
SEVERAL_AT_MOST: Final = 50
STATUSES: Final = (Status.HELD, Status.APPROVED, Status.REJECTED)


def pages(frame: Frame, room: Room) -> list[Page]:
    """Finding, and deciding several at once."""
    finding = _Finding(frame, room)
    return [
        Page("GET", "/desk/find", finding.find),
        Page("POST", "/desk/several", finding.ask, "decide"),
        Page("POST", "/desk/several/decide", finding.decide, "decide"),
    ]


class _Finding:
    def __init__(self, frame: Frame, room: Room) -> None:
        self._frame = frame
        self._desk = frame.desk
        self._room = room

    def find(self, asked: Asked, session: Session) -> Answer:
        query = {name: asked.query.get(name, "").strip() for name in _ASKED}
        sought = _sought(query)
        # What was typed and holds no word finds nothing, and is not taken for "everything".
        nothing_asked = bool(query["words"]) and not sought.words
        items, further = (
            ((), None) if nothing_asked else self._desk.find(sought, limit=FOUND, before=asked.before)
        )
        typed = {name: value for name, value in query.items() if value}
        w = said()
        return Answer(
            self._frame.rendered(
                "find",
                session,
                here="find",
                asked=query,
                nothing_asked=nothing_asked,
                statuses=[(status.value, w[f"states.{status.value}"]) for status in STATUSES],
                languages=[(tag, w[f"languages.{tag}"]) for tag in (*LANGUAGES, "und")],
                known_rules=[
                    (rule.id, words(rule.title, w.language)) for rule in self._desk.guidelines.rules
                ],
                items=[self._view(item, session) for item in items],
                further=f"/desk/find?{urlencode({**typed, 'before': further})}" if further else "",
                several=session.may("decide"),
                rules=rules_view(self._desk.guidelines.rules, {}, set()),
            )
        )

    def ask(self, asked: Asked, session: Session) -> Answer:
        """Say what will happen, before anything does."""
        chosen, rules, verdict = self._chosen(asked)
        titles = self._titles(rules)
        return Answer(
            self._frame.rendered(
                "several",
                session,
                here="find",
                items=[self._view(item, session) for item in chosen],
                verdict=verdict.value,
                rules=rules,
                titles=titles,
                note=asked.value("note"),
            )
        )

    def decide(self, asked: Asked, session: Session) -> Answer:
        chosen, rules, verdict = self._chosen(asked)
        seen = dict(one.rpartition(" ")[::2] for one in asked.form.get("seen", ()))
        done: list[dict[str, object]] = []
        refused: list[dict[str, object]] = []
        for item in chosen:
            id = item.comment.id
            try:
                number = int(seen.get(id, ""))
                self._desk.review(
                    id,
                    verdict,
                    by=session.moderator,
                    rules=rules,
                    note=asked.value("note") or None,
                    seen=number,
                )
            except AlreadyDecided as error:
                told: str = said().html(f"several.first_{error.verdict}", by=by_of(error.by))
                refused.append({**self._view(item, session), "trouble": told})
            except NotAllowed as error:
                told = sentence_of(error) if "own" in error.fields else said()["several.not_yours"]
                refused.append({**self._view(item, session), "trouble": told})
            except (NotFound, ValueError):
                told = said()["several.gone"]
                refused.append({**self._view(item, session), "trouble": told})
            except MeydanError as error:
                if not done and not refused:
                    # The same for every one of them: nothing was done.
                    return self._not_taken(session, error)
                told = said()["several.not_now"]
                refused.append({**self._view(item, session), "trouble": told})
            else:
                done.append(self._view(item, session))
        return Answer(
            self._frame.rendered(
                "several_done", session, here="find", done=done, refused=refused, verdict=verdict.value
            ),
            409 if refused and not done else 200,
        )

    # -- inside ------------------------------------------------------------------

    def _chosen(self, asked: Asked) -> tuple[list[DeskItem], tuple[str, ...], Verdict]:
        ids = tuple(dict.fromkeys(asked.form.get("comments", ())))
        rules = tuple(asked.form.get("rules", ()))
        if not ids:
            raise MissingFields(["comments"])
        if len(ids) > SEVERAL_AT_MOST:
            raise Malformed(f"At most {SEVERAL_AT_MOST} comments are decided at once.", fields=("comments",))
        try:
            verdict = Verdict(asked.value("verdict"))
        except ValueError:
            raise Malformed("The form is not complete; nothing was recorded.", fields=("verdict",)) from None
        if verdict is Verdict.HOLD:
            raise Malformed("A verdict is 'approve' or 'reject'. Nothing was recorded.", fields=("verdict",))
        if verdict is Verdict.REJECT and not rules:
            raise MissingFields(["rules"])
        if verdict is Verdict.APPROVE:
            rules = ()
        found = []
        for id in ids:
            with contextlib.suppress(NotFound):
                # What was escalated meanwhile is nobody's to decide here; the others are.
                found.append(self._desk.item(id))
        if not found:
            raise NotFound("None of these comments is here to be decided.")
        return found, rules, verdict

    def _titles(self, rules: Sequence[str]) -> list[str]:
        w = said()
        known = {rule.id: words(rule.title, w.language) for rule in self._desk.guidelines.rules}
        titles = []
        for rule in rules:
            id, _, ground = rule.partition(":")
            if id not in known:
                raise UnknownRule("The guidelines have no such rule.", fields=("rules",))
            titles.append(
                w.fill("desk.ground", rule=known[id], ground=w.called("grounds", ground))
                if ground
                else known[id]
            )
        return titles

    def _not_taken(self, session: Session, error: MeydanError) -> Answer:
        return self._frame.says(
            session,
            said()["trouble.not_taken"],
            [sentence_of(error), said()["trouble.not_recorded"]],
            ways=[("/desk/find", said()["find.look_again"])],
            status=status_of(error),
            code=error.code,
        )

    def _view(self, item: DeskItem, session: Session) -> dict[str, object]:
        comment = item.comment
        settled = item.decisions[-1] if item.decisions else None
        return {
            "id": comment.id,
            "seq": comment.seq,
            "address": f"/desk/comments/{quote(comment.id, safe='')}",
            "name": self._room.name(comment),
            "opening": self._room.opening(item, session, 2 * OPENING),
            "iso": iso(comment.submitted_at),
            "when": when(comment.submitted_at),
            "language": said().called("languages", comment.language),
            "state": said()[f"states.{comment.status.value}"],
            "reports": item.reports.open + item.reports.closed if item.reports else 0,
            "decidable": comment.text is not None and comment.withdrawn_at is None,
            "decision": self._room.settled_view(settled) if settled else None,
            "story": (item.story.title if item.story else None) or comment.story_url,
            "more_of_author": f"/desk/find?{urlencode({'author': comment.id})}",
            "more_of_story": f"/desk/find?{urlencode({'story': comment.story_url})}",
        }


_ASKED: Final = ("words", "story", "author", "language", "status", "by", "rule", "since", "until", "reported")


def _sought(query: dict[str, str]) -> Sought:
    """What an address asks for; what can be nothing is left out."""
    until = day_of(query["until"])
    return Sought(
        words=asked_for(query["words"]),
        story=query["story"] or None,
        author=query["author"] or None,
        language=query["language"] or None,
        status=Status(query["status"]) if query["status"] in set(Status) else None,
        by=query["by"] or None,
        rule=query["rule"] or None,
        since=day_of(query["since"]),
        until=until + timedelta(days=1) if until else None,
        reported=bool(query["reported"]),
    )


def day_of(written: str) -> datetime | None:
    """Midnight UTC of a day written as 2026-11-28; None for anything else."""
    try:
        day = datetime.strptime(written, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    # A day that has a day after it, and one before.
    return day if 1970 <= day.year < 9999 else None
