"""
The room: where moderators read what waits, and decide.

A verdict carries
the number of the decision that the moderator was looking at, so that nobody
overrules a colleague unawares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlencode

from markupsafe import Markup

from meydan.comment import (
    GROUNDS,
    LANGUAGES,
    WELCOME_LABELS,
    Comment,
    DecidedBy,
    Evidence,
    Finding,
    Hold,
    Settled,
    Span,
    Status,
    Verdict,
)
from meydan.desk import (
    APPROVALS,
    ESCALATIONS,
    EVERY_RULE,
    FEWEST,
    Agreement,
    Claim,
    DeskItem,
    Promises,
    Reliability,
    Strain,
    Weighed,
    agreement_between,
    agreement_on_rules,
    agreement_on_verdicts,
)
from meydan.errors import (
    AlreadyDecided,
    Malformed,
    MeydanError,
    MissingFields,
    NoSuchParent,
    NotAllowed,
    NotFound,
    NotText,
    StoryClosed,
    StoryNotOpen,
    TooLong,
    UnknownRule,
)
from meydan.policy import Rule, words
from meydan.staff import Session
from meydan.text import render
from meydan.web.desk.drawing import against
from meydan.web.desk.frame import Answer, Asked, Frame, Page, iso, when
from meydan.web.desk.tongue import by_of, said, sentence_of
from meydan.web.errors import status_of

QUEUE = 50
DECIDED = 30
OPENING = 90
STORY_OPENING = 420
WEIGHS_FROM = 0.05

POINTS_TO = {"threat-to-life": "room.points_threat", "private-data": "room.points_private"}
"""What is said where evidence may point to an escalation; the machine escalates nothing."""

EXPLAINED_KEPT = 256
RULE_KEYS = "123456789abcdefghijklmnopqrstuvwxyz"
"""The keys that choose a rule, in the order of the page."""
TOLD = ("agreed", "approve", "reject", "otherwise")
ORDERS = ("pressing", "oldest", "newest")
SECOND_TOLD = ("same", "rules", "verdict")
ADVICE = {
    "too few": "seconds.too_few",
    "good": "seconds.good",
    "fair": "seconds.fair",
    "talk": "seconds.talk",
}
BLOCK_DAYS = {
    "1": "room.block_1",
    "7": "room.block_7",
    "30": "room.block_30",
    "365": "room.block_365",
    "": "room.block_ever",
}


@dataclass(frozen=True, slots=True)
class Line:
    """
    How somebody goes through the queue, as the address says it: in which `order`, only what waits for `why`, `every`
    language or only those not assigned to others, and `after` which cursor.
    """

    order: str = "pressing"
    why: Hold | None = None
    every: bool = False
    after: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Line:
        """What an address asks for; what it asks for and cannot be is left out."""
        order, why = query.get("order", ""), query.get("why", "")
        return cls(
            order if order in ORDERS else "pressing",
            Hold(why) if why in set(Hold) else None,
            query.get("every", "") == "1",
            query.get("after", ""),
        )

    @classmethod
    def written(cls, query: str) -> Line:
        """The same of an address's query as text."""
        try:
            return cls.of(dict(parse_qsl(query, max_num_fields=20)))
        except ValueError:
            return cls()

    def query(self) -> dict[str, str]:
        """As an address says it, without what is so anyway."""
        said = {
            "order": "" if self.order == "pressing" else self.order,
            "why": self.why.value if self.why else "",
            "every": "1" if self.every else "",
            "after": self.after,
        }
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a verdict was not taken, said above the comment; `fields` are those to look at again."""

    heading: str
    sentence: str
    fields: tuple[str, ...] = ()


def pages(room: Room) -> list[Page]:
    """The queue, the room in which one comment is decided, what was decided, and the audits."""
    comment, audit = "/desk/comments/{comment_id:str}", "/desk/audits/{comment_id:str}"
    second = "/desk/second-looks/{comment_id:str}"
    return [
        Page("GET", "/desk", room.waiting),
        Page("GET", "/desk/decided", room.decided),
        Page("GET", comment, room.comment),
        Page("POST", comment, room.decide, "decide"),
        Page("POST", f"{comment}/look", room.look, "decide"),
        Page("POST", f"{comment}/uncover", room.uncover),
        Page("POST", f"{comment}/escalate", room.escalate, "decide"),
        Page("POST", f"{comment}/author", room.author, "decide"),
        Page("POST", f"{comment}/pick", room.pick, "decide"),
        Page("POST", f"{comment}/answer", room.answer, "decide"),
        Page("GET", "/desk/audits", room.audits),
        Page("GET", audit, room.audit, "decide"),
        Page("POST", audit, room.answer_audit, "decide"),
        Page("GET", "/desk/second-looks", room.seconds),
        Page("GET", second, room.second, "decide"),
        Page("POST", second, room.answer_second, "decide"),
    ]


class Room:
    """The pages of one comment at a time."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._desk = frame.desk
        # Places only, no words; by comment and judge, because opening a page must not read it again.
        self._why: dict[tuple[str, str], tuple[Weighed, ...]] = {}

    @staticmethod
    def name(comment: Comment) -> Markup:
        """A commenter's name as it is shown."""
        return _name(comment)

    def opening(self, item: DeskItem, session: Session, length: int = OPENING) -> Markup | str:
        """The first words of a comment for a list; of severe ones that somebody has not asked for, what they are likely to be."""
        covered = self._covered(item, session)
        text = item.comment.text
        return covered or (render.name(opening(text, length)) if text else "")

    # -- reading -----------------------------------------------------------------

    def waiting(self, asked: Asked, session: Session) -> Answer:
        """The first comment of the queue that nobody else has before them."""
        line, mark = Line.of(asked.query), self._desk.newest()
        held, later = self._held(line, session)
        claims = self._desk.claims()
        free = [one for one in held if one.id not in claims or claims[one.id].moderator == session.moderator]
        spared = self._desk.strain(session.moderator).enough
        item = None
        for comment in free or held:
            found = self._item(comment.id)
            # Who was shown enough for one shift is given what is not severe, as long as there is any.
            if found is not None and not (spared and self._desk.severe(found)):
                item = found
                break
            item = item or found
        return self._room(asked, session, item, held, later, line, mark)

    def comment(self, asked: Asked, session: Session) -> Answer:
        line, mark = Line.of(asked.query), self._desk.newest()
        held, later = self._held(line, session)
        return self._room(asked, session, self._desk.item(asked.comment_id), held, later, line, mark)

    def uncover(self, asked: Asked, session: Session) -> Answer:
        """Show the words of a severe comment to whoever asks for them."""
        self._desk.uncover(asked.comment_id, by=session.moderator)
        query = urlencode(Line.written(asked.value("line")).query())
        return Answer(
            to=f"/desk/comments/{quote(asked.comment_id, safe='')}" + (f"?{query}" if query else "")
        )

    def look(self, asked: Asked, session: Session) -> Answer:
        """Whoever has a comment before them says so again, or that they have not any more."""
        if asked.value("away"):
            self._desk.look_away(asked.comment_id, by=session.moderator)
        else:
            self._desk.look_at(asked.comment_id, by=session.moderator)
        return Answer(status=204)

    def _held(self, line: Line, session: Session) -> tuple[tuple[Comment, ...], str | None]:
        return self._desk.queue(
            order=line.order,
            after=line.after or None,
            limit=QUEUE,
            why=line.why,
            others=() if line.every else self._frame.staff.others_languages(session),
        )

    def decided(self, _: Asked, session: Session) -> Answer:
        items = [
            self._decided_view(item, session) for item in self._desk.recent(limit=DECIDED) if item.decisions
        ]
        return Answer(self._frame.rendered("decided", session, here="decided", items=items))

    def audits(self, asked: Asked, session: Session) -> Answer:
        """What waits to be decided blind, and how the machine keeps what it promised."""
        waiting = self._desk.audits(limit=QUEUE)
        return Answer(
            self._frame.rendered(
                "audits",
                session,
                here="audits",
                told=_told("audits", TOLD, asked),
                count=self._desk.audits_count(),
                audits=[self._blind_view(comment, "/desk/audits", session) for comment in waiting],
                promises=[_promise_view(promises) for promises in self._desk.promises()],
                scores=[_reliability_view(one) for one in self._desk.reliability()],
            )
        )

    def audit(self, asked: Asked, session: Session) -> Answer:
        return self._blind_room(asked, session, self._desk.audit_item(asked.comment_id))

    def seconds(self, asked: Asked, session: Session) -> Answer:
        """What waits for a second look by this person, and how far people agree."""
        judged = self._desk.looked_twice()
        titles = {rule.id: words(rule.title, said().language) for rule in self._desk.guidelines.rules}
        waiting = self._desk.seconds(session.moderator, limit=QUEUE) if session.may("decide") else ()
        return Answer(
            self._frame.rendered(
                "second_looks",
                session,
                here="seconds",
                told=_told("seconds", SECOND_TOLD, asked),
                count=self._desk.seconds_count(session.moderator),
                waiting=[self._blind_view(comment, "/desk/second-looks", session) for comment in waiting],
                share=self._desk.guidelines.people.second,
                verdicts=_agreement_view(agreement_on_verdicts(judged), said()["seconds.whether"])
                if judged
                else None,
                rules=[
                    _agreement_view(one, titles.get(one.about, one.about))
                    for one in agreement_on_rules(judged)
                ],
                pairs=[_agreement_view(one, one.about) for one in agreement_between(judged)],
            )
        )

    def second(self, asked: Asked, session: Session) -> Answer:
        item = self._desk.second_item(asked.comment_id, session.moderator)
        return self._blind_room(asked, session, item, second=True)

    def answer_second(self, asked: Asked, session: Session) -> Answer:
        """Only now is the second told what the first had found; the decision stays as it was."""
        try:
            verdict = Verdict(asked.value("verdict"))
        except ValueError:
            raise Malformed("The form is not complete; nothing was recorded.", fields=("verdict",)) from None
        # Whoever decides blind has read it, severe or not.
        self._desk.uncover(asked.comment_id, by=session.moderator)
        try:
            both = self._desk.look_again(
                asked.comment_id, verdict, by=session.moderator, rules=tuple(asked.form.get("rules", ()))
            )
        except (MissingFields, UnknownRule) as error:
            item = self._desk.second_item(asked.comment_id, session.moderator)
            room = self._blind_room(asked, session, item, trouble=_trouble(error), second=True)
            return Answer(room.html, status=status_of(error))
        if bool(both.first) != bool(both.second):
            told = "verdict"
        else:
            told = "same" if set(both.first) == set(both.second) else "rules"
        return Answer(to=f"/desk/second-looks?{urlencode({'told': told})}")

    # -- deciding ----------------------------------------------------------------

    def decide(self, asked: Asked, session: Session) -> Answer:
        try:
            verdict = Verdict(asked.value("verdict"))
            seen = int(asked.value("seen"))
        except ValueError:
            raise Malformed(
                "The form is not complete; nothing was recorded.", fields=("verdict", "seen")
            ) from None
        try:
            self._desk.review(
                asked.comment_id,
                verdict,
                by=session.moderator,
                rules=tuple(asked.form.get("rules", ())),
                note=asked.value("note") or None,
                seen=seen,
            )
        except AlreadyDecided as error:
            return self._conflict(asked, session, error)
        except (MissingFields, TooLong, NotText, UnknownRule, NotAllowed) as error:
            line, mark = Line.written(asked.value("line")), self._desk.newest()
            held, later = self._held(line, session)
            item = self._desk.item(asked.comment_id)
            room = self._room(asked, session, item, held, later, line, mark, trouble=_trouble(error))
            return Answer(room.html, status=status_of(error))
        return Answer(to=self._next_after(asked, session))

    def answer_audit(self, asked: Asked, session: Session) -> Answer:
        """Only now is the moderator told what the machine had made of it."""
        try:
            verdict = Verdict(asked.value("verdict"))
        except ValueError:
            raise Malformed("The form is not complete; nothing was recorded.", fields=("verdict",)) from None
        self._desk.uncover(asked.comment_id, by=session.moderator)
        try:
            outcome = self._desk.audit(
                asked.comment_id,
                verdict,
                by=session.moderator,
                rules=tuple(asked.form.get("rules", ())),
                note=asked.value("note") or None,
            )
        except AlreadyDecided as error:
            return self._frame.says(
                session,
                said()["room.first_heading"],
                [said()["audits.answered"], said()["audits.not_recorded"]],
                ways=[("/desk/audits", said()["audits.go_on"])],
                status=409,
                code=error.code,
            )
        except (MissingFields, TooLong, NotText, UnknownRule) as error:
            item = self._desk.audit_item(asked.comment_id)
            room = self._blind_room(asked, session, item, trouble=_trouble(error))
            return Answer(room.html, status=status_of(error))
        told = outcome.machine.value if outcome.superseded else "agreed"
        if outcome.superseded and outcome.machine is verdict:
            told = "otherwise"
        return Answer(to=f"/desk/audits?{urlencode({'told': told})}")

    def escalate(self, asked: Asked, session: Session) -> Answer:
        self._desk.escalate(
            asked.comment_id, kind=asked.value("kind"), told=asked.value("told"), by=session.moderator
        )
        return self._frame.says(
            session,
            said()["room.escalated"],
            [said()["room.escalated_what"], said()["room.escalated_who"]],
            ways=[
                *(
                    [(case_address(asked.comment_id), said()["room.open_case"])]
                    if session.may("escalated")
                    else []
                ),
                ("/desk", said()["room.go_on"]),
            ],
        )

    def author(self, asked: Asked, session: Session) -> Answer:
        """Block a comment's author, with a reason that they are told, or take their comments again."""
        back = f"/desk/comments/{quote(asked.comment_id, safe='')}"
        if asked.value("what") == "unblock":
            self._desk.unblock(asked.comment_id, by=session.moderator)
            return Answer(to=back)
        days = asked.value("days")
        if days not in BLOCK_DAYS:
            raise Malformed("Choose how long the block is to last.", fields=("days",))
        until = self._desk.now() + timedelta(days=int(days)) if days else None
        self._desk.block(asked.comment_id, by=session.moderator, reason=asked.value("reason"), until=until)
        return Answer(to=back)

    def pick(self, asked: Asked, session: Session) -> Answer:
        """Choose a shown comment for readers to see as chosen, or take that back."""
        self._desk.pick(asked.comment_id, picked=asked.value("picked") == "1", by=session.moderator)
        return Answer(to=comment_address(asked.comment_id, Line.written(asked.value("line"))))

    def answer(self, asked: Asked, session: Session) -> Answer:
        """Answer a shown comment as the publication; what was typed is kept where it is not taken."""
        try:
            outcome = self._desk.answer(asked.comment_id, asked.value("answer"), by=session.moderator)
        except (MissingFields, TooLong, NotText, StoryClosed, StoryNotOpen, NoSuchParent) as error:
            line, mark = Line.written(asked.value("line")), self._desk.newest()
            held, later = self._held(line, session)
            item, w = self._desk.item(asked.comment_id), said()
            sentence = w.fill("trouble.sentence_not_recorded", sentence=sentence_of(error))
            trouble = Trouble(w["trouble.not_taken"], sentence, ("answer",))
            room = self._room(asked, session, item, held, later, line, mark, trouble=trouble)
            return Answer(room.html, status=status_of(error))
        query = urlencode({**Line.written(asked.value("line")).query(), "done": outcome.id})
        return Answer(to=f"/desk/comments/{quote(outcome.id, safe='')}?{query}")

    # -- inside ------------------------------------------------------------------

    def _item(self, comment_id: str) -> DeskItem | None:
        try:
            return self._desk.item(comment_id)
        except NotFound:
            return None

    def _next_after(self, asked: Asked, session: Session) -> str:
        """The comment that followed in the queue, if it still waits; else the queue."""
        query = urlencode({**Line.written(asked.value("line")).query(), "done": asked.comment_id})
        item = self._item(asked.value("next")) if asked.value("next") else None
        claim = self._desk.claims().get(item.comment.id) if item is not None else None
        free = claim is None or claim.moderator == session.moderator
        if item is not None and _waits(item.comment) and free:
            return f"/desk/comments/{quote(item.comment.id, safe='')}?{query}"
        return f"/desk?{query}"

    def _conflict(self, asked: Asked, session: Session, error: AlreadyDecided) -> Answer:
        item = self._desk.item(asked.comment_id)
        last = item.decisions[-1] if item.decisions else None
        w = said()
        who = "you" if error.by == session.moderator else "other"
        rules = self._rules_said(last) if last and last.seq == error.seq else []
        sentences: list[str] = []
        if last:
            sentences.append(
                w.html(f"room.{who}_{error.verdict}", by=by_of(error.by), when=when(last.decided_at))
            )
        if rules:
            sentences.append(w.html("room.their_rules", rules=w["desk.semicolon"].join(rules)))
        return self._frame.says(
            session,
            w["room.first_heading" if who == "other" else "room.already_heading"],
            [*sentences, w["room.not_recorded_anew"]],
            ways=[
                (f"/desk/comments/{quote(asked.comment_id, safe='')}", w["room.as_it_stands"]),
                (self._next_after(asked, session).partition("?")[0], w["room.go_on"]),
            ],
            status=409,
            code=error.code,
        )

    # -- what the templates are given ---------------------------------------------

    def _room(
        self,
        asked: Asked,
        session: Session,
        item: DeskItem | None,
        held: Sequence[Comment],
        later: str | None,
        line: Line,
        mark: int,
        *,
        trouble: Trouble | None = None,
    ) -> Answer:
        """The room; `mark` is the newest comment as it was before `held` was read, so that none after it is missed."""
        if item is not None and session.may("decide") and _waits(item.comment):
            self._desk.look_at(item.comment.id, by=session.moderator)
        claims = {
            id: claim for id, claim in self._desk.claims().items() if claim.moderator != session.moderator
        }
        assigned = self._frame.staff.others_languages(session)
        others = () if line.every else assigned
        tally = self._desk.tally()
        ids = [comment.id for comment in held]
        here = ids.index(item.comment.id) if item and item.comment.id in ids else -1
        following = ids[here + 1] if here + 1 < len(ids) else ""
        before = ids[here - 1] if here > 0 else ""
        scores = item.evidence.scores if item and item.evidence else {}
        spans = {span.label for span in item.evidence.spans} if item and item.evidence else set()
        return Answer(
            self._frame.rendered(
                "room",
                session,
                here="waiting" if item is None or _waits(item.comment) else "",
                waiting_count=tally.waiting(line.why, others),
                live=_live(line, mark, item, claims.get(item.comment.id) if item else None),
                item=self._item_view(item) if item else None,
                queue=[self._queue_view(comment, line, claims, session) for comment in held],
                later=f"/desk?{urlencode({**line.query(), 'after': later})}" if later else None,
                covered=self._covered(item, session),
                blind=False,
                second=False,
                strain=_strain_view(self._desk.strain(session.moderator)),
                line=line,
                line_written=urlencode(line.query()),
                orders=[
                    (order, said()[f"room.{order}"], line_address(replace(line, order=order, after="")))
                    for order in ORDERS
                ],
                reasons=_reasons_view(line, tally.reasons(others)),
                narrowed=bool(assigned),
                every_address=line_address(replace(line, every=not line.every, after="")),
                looking=_looking(claims.get(item.comment.id), "room.also_looked_at") if item else None,
                next_id=following,
                next_address=comment_address(following, line),
                previous_address=comment_address(before, line),
                any_reason=line_address(replace(line, why=None, after="")),
                last_address=self._last(session),
                rules=rules_view(self._desk.guidelines.rules, scores, spans),
                chosen=set(asked.form.get("rules", ())),
                note=asked.value("note"),
                answer=asked.value("answer"),
                trouble=trouble,
                done=self._done_view(asked.query.get("done", ""), session),
                escalations=_escalations(),
                points_to=self._points_to(item) if item else "",
                weighs_from=f"{WEIGHS_FROM:.2f}",
            )
        )

    def _blind_room(
        self,
        asked: Asked,
        session: Session,
        item: DeskItem,
        *,
        trouble: Trouble | None = None,
        second: bool = False,
    ) -> Answer:
        """The room as it is where nobody has judged, and nobody is told that somebody has."""
        view = self._item_view(item)
        base = "/desk/second-looks" if second else "/desk/audits"
        others = (
            self._desk.seconds(session.moderator, limit=QUEUE) if second else self._desk.audits(limit=QUEUE)
        )
        view |= {
            "claimable": False,
            # Who wrote it, and what became of it and of their other comments, is no part of a blind look.
            "author": None,
            "shown": False,
            "badge": "",
            "address": f"{base}/{quote(item.comment.id, safe='')}",
            "state": said()["states.second" if second else "states.audit"],
            "no_evidence": said()["room.blind_second" if second else "room.blind_audit"],
            "not_yet": False,
        }
        return Answer(
            self._frame.rendered(
                "room",
                session,
                here="seconds" if second else "audits",
                waiting_count=self._desk.tally().waiting(None, self._frame.staff.others_languages(session)),
                # What somebody else decided meanwhile is not for whoever decides blind.
                live="/desk/live",
                item=view,
                queue=[self._blind_view(comment, base, session) for comment in others],
                later=None,
                covered="",
                blind=True,
                second=second,
                strain=None,
                line=None,
                line_written="",
                looking=None,
                next_id="",
                next_address="",
                previous_address="",
                last_address="",
                rules=rules_view(self._desk.guidelines.rules, {}, set()),
                chosen=set(asked.form.get("rules", ())),
                note=asked.value("note"),
                trouble=trouble,
                done=None,
                escalations=_escalations(),
                points_to="",
                weighs_from=f"{WEIGHS_FROM:.2f}",
            )
        )

    def _blind_view(self, comment: Comment, base: str, session: Session) -> dict[str, object]:
        return {
            **self._queue_view(comment, Line(), {}, session),
            # Covering severe ones alone would say what the machine made of them.
            "opening": "",
            "address": f"{base}/{quote(comment.id, safe='')}",
            "why": said().called("languages", comment.language),
        }

    def _item_view(self, item: DeskItem) -> dict[str, object]:
        comment, story, evidence = item.comment, item.story, item.evidence or Evidence()
        scored = any(score is not None for score in evidence.scores.values())
        begins = opening(story.text, STORY_OPENING) if story and story.text else ""
        title = (story.title if story else None) or comment.story_url
        appealed, reported = Hold.APPEAL in comment.holds, Hold.REPORT in comment.holds
        scores, others = self._scores(evidence)
        evidence = self._explained(comment, evidence)
        return {
            "id": comment.id,
            "claimable": _waits(comment),
            "address": comment_address(comment.id, Line()),
            "seq": comment.seq,
            "name": _name(comment),
            "iso": iso(comment.submitted_at),
            "when": when(comment.submitted_at),
            "language": said().called("languages", comment.language),
            "state": _state(comment, appealed=appealed, reported=reported),
            "words": _marked(comment, evidence),
            "holds": [_sentence(said().called("holds", hold)) for hold in comment.holds]
            if _waits(comment)
            else [],
            "appeal": render.comment(item.appeal) if item.appeal else None,
            "reports": self._reports_view(item),
            "decisions": [
                {**self.settled_view(settled), "ruled": self._ruled(settled)} for settled in item.decisions
            ],
            "decidable": comment.text is not None and comment.withdrawn_at is None,
            "closed": said()["room.closed_withdrawn" if comment.erased_at is None else "room.closed_erased"],
            "notes": _notes(comment, evidence),
            "findings": [
                _sentence(found_of(finding)) for finding in evidence.findings if finding.begin is None
            ],
            "scored": scored,
            "scores": scores,
            "others": others,
            "unmeasured": self._unmeasured(evidence) if scored else [],
            "uncalibrated": scored and not self._is_measured(evidence.language),
            "no_evidence": said()["room.no_evidence"],
            # Until then: nothing was found is another thing than nobody has looked.
            "not_yet": comment.status is Status.HELD and comment.judged_at is None,
            "author": self._author_view(comment),
            "shown": comment.status is Status.APPROVED
            and comment.text is not None
            and comment.withdrawn_at is None,
            "picked": comment.picked,
            "badge": self._badge(comment),
            "story_link": Markup('<a href="{}" rel="noreferrer"><bdi>{}</bdi></a>').format(
                comment.story_url, title
            ),
            "story_title": title,
            "story_lang": story.language if story else None,
            "story_direction": render.direction(title),
            "story_opening": begins,
            "parent": {
                "name": _name(item.parent),
                "words": _marked(item.parent, Evidence()),
            }
            if item.parent
            else None,
        }

    def _badge(self, comment: Comment) -> Markup | str:
        """That the publication's own people wrote it, and who of the desk where it is known; "" for a reader's."""
        if comment.badge is None:
            return ""
        w, publication = said(), self._desk.guidelines.publication.name
        if comment.written_by is None:
            return w.html("room.staff", publication=publication)
        return w.html("room.staff_by", publication=publication, by=by_of(comment.written_by))

    def _reports_view(self, item: DeskItem) -> dict[str, object] | None:
        """What readers reported of it, by rule, and in their words; never who."""
        if item.reports is None:
            return None
        titles = {rule.id: words(rule.title, said().language) for rule in self._desk.guidelines.rules}
        return {
            "open": item.reports.open,
            "rules": [(titles.get(rule, rule), number) for rule, number in item.reports.rules],
            "words": [(titles.get(rule, rule), render.comment(told)) for rule, told in item.reports.words],
            "closed": item.reports.closed,
        }

    def _author_view(self, comment: Comment) -> dict[str, object] | None:
        """What is known of who wrote it: how their earlier comments stand, and whether they are blocked."""
        record = self._desk.record(comment.id)
        if record is None:
            return None
        w, block = said(), record.block
        return {
            "record": w.html(
                "room.record",
                since=when(record.since),
                approved=record.approved,
                rejected=record.rejected,
                held=record.held,
            )
            if record.since
            else "",
            "more": f"/desk/find?{urlencode({'author': comment.id})}",
            "block": w.html(
                "room.blocked_until" if block.until else "room.blocked",
                by=block.by,
                since=when(block.at),
                until=when(block.until) if block.until else "",
                reason=render.name(block.reason),
            )
            if block
            else None,
            "days": [(days, w[called]) for days, called in BLOCK_DAYS.items()],
        }

    def _explained(self, comment: Comment, evidence: Evidence) -> Evidence:
        """The evidence with the words that weighed for its high scores, in place of a guess at them."""
        if comment.text is None:
            return evidence
        key = (comment.id, evidence.model)
        why = self._why.get(key)
        if why is None:
            try:
                why = self._desk.why(comment.text, evidence)
            except MeydanError:
                # The page is for deciding; that it cannot say more must not keep anybody from it.
                return evidence
            self._why[key] = why
            while len(self._why) > EXPLAINED_KEPT:
                self._why.pop(next(iter(self._why)), None)
        told = {one.label for one in why}
        spans = [span for span in evidence.spans if span.source != "classifier" or span.label not in told]
        listed = [(span.label, span.begin, span.end) for span in spans]
        spans += [
            Span(one.label, one.begin, one.end, "weighed")
            for one in why
            if not any(
                one.label == label and begin <= one.begin and one.end <= end for label, begin, end in listed
            )
        ]
        return replace(evidence, spans=tuple(spans))

    def _opening(self, comment: Comment, session: Session) -> Markup | str:
        """The same for the queue, which has no evidence at hand."""
        item = self._item(comment.id) if comment.judged_at is not None else None
        if item is not None:
            return self.opening(item, session)
        return render.name(opening(comment.text, OPENING)) if comment.text else ""

    def _covered(self, item: DeskItem | None, session: Session) -> str:
        """What a severe comment is likely to be, in place of its words until they are asked for; "" where they are shown."""
        found = self._desk.severe(item) if item else None
        if item is None or found is None or self._desk.uncovered(item.comment.id, by=session.moderator):
            return ""
        return said().fill("desk.likely", label=said().called("labels", found[0]), score=f"{found[1]:.2f}")

    def _queue_view(
        self, comment: Comment, line: Line, claims: Mapping[str, Claim], session: Session
    ) -> dict[str, object]:
        return {
            "id": comment.id,
            "address": comment_address(comment.id, line),
            "looking": _looking(claims.get(comment.id), "room.looked_at"),
            "name": _name(comment),
            "opening": self._opening(comment, session),
            "why": said().capital(said().called("holds", comment.holds[0]))
            if comment.holds
            else said()["room.not_judged"],
        }

    def _decided_view(self, item: DeskItem, session: Session) -> dict[str, object]:
        comment = item.comment
        return {
            "id": comment.id,
            "name": _name(comment),
            "words": self._covered(item, session) or _marked(comment, Evidence()),
            "story_title": (item.story.title if item.story else None) or comment.story_url,
            "decision": self.settled_view(item.decisions[-1]),
        }

    def settled_view(self, settled: Settled) -> dict[str, object]:
        """One decision as it is read: `said` by whom, `line` with its time and rules."""
        w, decision = said(), settled.decision
        outcome = w.html(f"decision.{decision.verdict.value}_by", by=by_of(decision.by))
        time = Markup('<time datetime="{}">{}</time>').format(
            iso(settled.decided_at), when(settled.decided_at)
        )
        rules = w["desk.semicolon"].join(self._rules_said(settled))
        return {
            "said": outcome,
            "said_rules": w.html("decision.of_rules", decision=outcome, rules=rules) if rules else outcome,
            "line": w.html(
                "decision.at_of_rules" if rules else "decision.at", decision=outcome, when=time, rules=rules
            ),
            "time": time,
            "note": render.name(settled.note) if settled.note else None,
            "uncalibrated": decision.decided_by is DecidedBy.MACHINE and decision.calibration is None,
        }

    def _points_to(self, item: DeskItem) -> str:
        key = POINTS_TO.get(self._desk.could_be_escalated(item) or "")
        return said()[key] if key else ""

    def _ruled(self, settled: Settled) -> dict[str, str]:
        """The version of the guidelines that a decision was made by, and where it is shown; "" where it is not kept."""
        digest = settled.decision.guidelines
        return {
            "short": digest.removeprefix("sha256:")[:12],
            "address": version_address(digest) if self._desk.knows_version(digest) else "",
        }

    def _rules_said(self, settled: Settled) -> list[str]:
        w = said()
        return [
            w.fill("desk.ground", rule=reason.title, ground=w.called("grounds", reason.ground))
            if reason.ground
            else reason.title
            for reason in self._desk.given_reasons(settled.decision, w.language)
        ]

    def _last(self, session: Session) -> str:
        """Where this person's last decision can be made again; "" before there is one."""
        for entry in self._frame.staff.journal(actor=session.moderator, action="decided", limit=1):
            if self._item(entry.subject) is not None:
                return f"/desk/comments/{quote(entry.subject, safe='')}"
        return ""

    def _done_view(self, comment_id: str, session: Session) -> dict[str, object] | None:
        """What this moderator has just done, for the line above the next comment."""
        item = self._item(comment_id) if comment_id else None
        if item is None or not item.decisions or item.decisions[-1].decision.by != session.moderator:
            return None
        verdict = item.decisions[-1].decision.verdict
        return {
            "id": item.comment.id,
            "said": said().html(f"room.done_{verdict.value}", name=_name(item.comment)),
        }

    def _asked(self) -> list[tuple[str, float | None, str]]:
        """Every label that the guidelines ask about: label, the number held from or below, and how that is written."""
        guidelines = self._desk.guidelines
        rules = [
            (label, rule.hold_from, f"{rule.hold_from:.2f}")
            for rule in guidelines.rules
            for label in rule.labels
        ]
        welcomes = [
            (
                label,
                welcome.hold_below,
                "–"
                if welcome.hold_below is None
                else said().fill("room.below", number=f"{welcome.hold_below:.2f}"),
            )
            for welcome in guidelines.welcomes
            for label in welcome.labels
        ]
        return [*rules, *welcomes]

    def _scores(self, evidence: Evidence) -> tuple[list[dict[str, object]], int]:
        """Labels that weigh, with the number that the guidelines hold from; and how many others were measured."""
        rows, others = [], 0
        for label, limit, written in self._asked():
            score = evidence.scores.get(label)
            if score is None:
                continue
            over = limit is not None and (score < limit if label in WELCOME_LABELS else score >= limit)
            if over or score >= WEIGHS_FROM:
                row = {"words": _called(label), "score": f"{score:.2f}", "limit": written, "over": over}
                rows.append((not over, -score, row))
            else:
                others += 1
        return [row for _, _, row in sorted(rows, key=lambda row: row[:2])], others

    def _is_measured(self, language: str) -> bool:
        """Whether it is known how often the judge of today is wrong in a language."""
        calibration = self._desk.calibrations.of(language)
        return calibration is not None and calibration.bounded

    def _unmeasured(self, evidence: Evidence) -> list[str]:
        return [
            said().called("labels", label)
            for label, _, _ in self._asked()
            if evidence.scores.get(label) is None
        ]


def _told(group: str, known: Sequence[str], asked: Asked) -> str:
    """What a page says of what was just done, where its address asks for it."""
    told = asked.query.get("told", "")
    return said()[f"{group}.told_{told}"] if told in known else ""


def _reasons_view(line: Line, counts: Mapping[Hold, int]) -> list[dict[str, object]]:
    """What the queue can be narrowed to: every reason that something waits for, the commonest first."""
    return [
        {
            "words": said().capital(said().called("holds", hold)),
            "count": count,
            "address": line_address(replace(line, why=hold, after="")),
            "chosen": line.why is hold,
        }
        for hold, count in sorted(counts.items(), key=lambda one: (-one[1], one[0].value))
    ]


def _promise_view(promises: Promises) -> dict[str, object]:
    """One language's line of the table: what was promised, what audits have shown, and what is withdrawn."""
    w = said()
    kept = {each.what: each for each in promises.kept}
    sides = [(APPROVALS, "audits.wrongly_approved"), (EVERY_RULE, "audits.wrongly_rejected")]
    return {
        "language": w.called("languages", promises.language),
        "bounded": promises.calibration.bounded,
        "sides": [
            {
                "words": w[called],
                "promised": _percent(kept[what].bound),
                "seen": w.fill("desk.of_number", part=kept[what].seen.wrong, whole=kept[what].seen.of),
                "between": w.fill(
                    "desk.from_to", low=_percent(kept[what].seen.low), high=_percent(kept[what].seen.high)
                )
                if kept[what].seen.of
                else "–",
            }
            for what, called in sides
        ],
        "withdrawn": [
            w["audits.withdrawn_approvals"]
            if rule == APPROVALS
            else w.html("audits.withdrawn_rule", rule=rule)
            for rule in sorted(promises.withdrawn)
        ],
    }


def _reliability_view(found: Reliability) -> dict[str, object]:
    """Scores against what people found, in one language: the drawing, what it says, and the table behind it."""
    w = said()
    drawn = found.said != "few"
    return {
        "language": w.called("languages", found.language) if found.language else w["audits.all_languages"],
        "of": f"{found.of:,}",
        "said": w.fill("audits.scores_few", number=FEWEST)
        if found.said == "few"
        else w[f"audits.scores_{found.said}"],
        "chart": against(
            [(step.score, step.share, *step.between) for step in found.steps],
            across=w["audits.across"],
            up=w["audits.up"],
        )
        if drawn
        else None,
        "rows": [
            {
                "scores": w.fill("desk.from_to", low=f"{step.low:.1f}", high=f"{step.high:.1f}"),
                "of": f"{step.of:,}",
                "mean": _whole_percent(step.score),
                "share": _whole_percent(step.share),
                "between": w.fill(
                    "desk.from_to", low=_whole_percent(step.between[0]), high=_whole_percent(step.between[1])
                ),
            }
            for step in found.steps
        ]
        if drawn
        else [],
    }


def _agreement_view(found: Agreement, called: str) -> dict[str, object]:
    w = said()
    return {
        "words": called,
        "same": w.fill("desk.of_number", part=found.same, whole=found.comments),
        # The mark keeps a minus sign before its number where lines run from the right.
        "alpha": "–" if found.alpha is None else f"\u200e{found.alpha:.2f}",
        "advice": w[ADVICE[found.advice]],
        "talk": found.advice == "talk",
    }


def _percent(share: float) -> str:
    return said().fill("desk.percent", number=f"{100 * share:.3g}")


def _whole_percent(share: float) -> str:
    return said().fill("desk.percent", number=f"{100 * share:.0f}")


def _trouble(error: MeydanError) -> Trouble:
    w = said()
    if isinstance(error, MissingFields):
        return Trouble(w["room.choose_rule"], w["room.choose_rule_why"], error.fields)
    if isinstance(error, UnknownRule):
        return Trouble(w["room.rule_gone"], w["room.rule_gone_why"], ("rules",))
    if isinstance(error, NotAllowed) and "own" not in error.fields:
        return Trouble(w["room.not_yours"], w["room.not_yours_why"])
    sentence = w.fill("trouble.sentence_not_recorded", sentence=sentence_of(error))
    return Trouble(w["trouble.not_taken"], sentence, error.fields)


def _waits(comment: Comment) -> bool:
    return (
        (comment.status is Status.HELD or not {Hold.APPEAL, Hold.REPORT}.isdisjoint(comment.holds))
        and comment.withdrawn_at is None
        and comment.erased_at is None
    )


def rules_view(
    rules: Sequence[Rule], scores: Mapping[str, float | None], spans: set[str]
) -> list[dict[str, object]]:
    """The rules to choose from, each or each of its grounds with the key that chooses it."""
    keys = iter(RULE_KEYS)

    def pointed(rule: Rule, label: str) -> bool:
        return label in spans or (scores.get(label) or 0.0) >= rule.hold_from

    views: list[dict[str, object]] = []
    for rule in rules:
        grounds = [
            {
                "value": f"{rule.id}:{GROUNDS[label]}",
                "words": said().called("grounds", GROUNDS[label]),
                "pointed": pointed(rule, label),
                "key": next(keys, ""),
            }
            for label in rule.labels
            if label in GROUNDS
        ]
        views.append(
            {
                "id": rule.id,
                "title": words(rule.title, said().language),
                "grounds": grounds,
                "pointed": any(pointed(rule, label) for label in rule.labels),
                "people_only": rule.people_only,
                "key": "" if grounds else next(keys, ""),
            }
        )
    return views


def _notes(comment: Comment, evidence: Evidence) -> list[dict[str, object]]:
    """What weighed or was seen at a place in the text, in the order of the words it concerns."""
    if comment.text is None:
        return []
    notes = [(span, _called(span.label), _source(span.source)) for span in evidence.spans]
    notes += [(span, said().capital(found_of(finding)), "") for finding, span in _placed(evidence)]
    notes.sort(key=lambda note: (note[0].begin, note[0].end, note[0].label))
    return [
        {
            "label": span.label,
            "begin": span.begin,
            "words": called,
            "quote": render.name(opening(comment.text[span.begin : span.end], OPENING)),
            "source": source,
        }
        for span, called, source in notes
    ]


def _source(source: str) -> str:
    return said().called("sources", source)


def _placed(evidence: Evidence) -> list[tuple[Finding, Span]]:
    """The findings that have a place in the text, as stretches to mark."""
    return [
        (finding, Span(finding.label or finding.kind, finding.begin, finding.end, "finding"))
        for finding in evidence.findings
        if finding.begin is not None and finding.end is not None
    ]


def _marked(comment: Comment, evidence: Evidence) -> Markup:
    if comment.text is None:
        return Markup('<p class="gone">{}</p>').format(said()["desk.words_erased"])
    spans = [*evidence.spans, *(span for _, span in _placed(evidence))]
    return render.highlighted(comment.text, spans, language=_tag(comment.language))


def _name(comment: Comment) -> Markup:
    return (
        render.name(comment.name)
        if comment.name is not None
        else Markup("<i>{}</i>").format(said()["desk.name_erased"])
    )


def _tag(language: str) -> str | None:
    return language if language in LANGUAGES else None


def _called(label: str) -> str:
    """What a label is called at the head of a line."""
    w = said()
    return w.capital(w.called("labels", label))


def version_address(digest: str) -> str:
    """Where a version of the guidelines is shown."""
    return f"/desk/guidelines/{quote(digest.removeprefix('sha256:'), safe='')}"


def opening(text: str, length: int) -> str:
    """The first words of a text, on one line."""
    flat = " ".join(text[: length * 2].split())
    if len(flat) <= length:
        return flat
    return flat[:length].rpartition(" ")[0] + " …"


def comment_address(comment_id: str, line: Line) -> str:
    if not comment_id:
        return ""
    query = urlencode(line.query())
    return f"/desk/comments/{quote(comment_id, safe='')}" + (f"?{query}" if query else "")


def case_address(comment_id: str) -> str:
    """Where the case of an escalated comment is."""
    return f"/desk/escalated/{quote(comment_id, safe='')}"


def line_address(line: Line) -> str:
    query = urlencode(line.query())
    return f"/desk?{query}" if query else "/desk"


def _live(line: Line, mark: int, item: DeskItem | None, looking: Claim | None) -> str:
    """Where this page hears the news: of its line, since it was made, and of its comment as it was then; see live.py."""
    asked: dict[str, object] = {**line.query(), "mark": mark}
    if item is not None:
        asked |= {"comment": item.comment.id, "seen": item.comment.seq}
    if looking is not None:
        asked["told"] = looking.moderator
    return f"/desk/live?{urlencode(asked)}"


def _strain_view(strain: Strain) -> dict[str, object]:
    """What somebody is told of their own shift, where there is something to tell."""
    w = said()
    return {
        "pause": w.html("room.pause", time=_clock(strain.working_since))
        if strain.pause_due and strain.working_since
        else "",
        "enough": w.html("room.enough", severe=strain.severe) if strain.enough else "",
    }


def _state(comment: Comment, *, appealed: bool, reported: bool) -> str:
    """How a comment stands, for who has it before them."""
    w = said()
    state = w[f"states.{comment.status.value}_{'appeal' if appealed else 'long'}"]
    return w["desk.semicolon"].join([state, w["states.reported"]]) if reported else state


def _escalations() -> list[tuple[str, str]]:
    return [(kind, said()[f"room.{kind}"]) for kind in ESCALATIONS]


def _looking(claim: Claim | None, key: str) -> Markup | str:
    """Who has a comment before them, for the others; "" for nobody."""
    return said().html(key, name=claim.moderator, time=_clock(claim.at)) if claim else ""


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M} UTC"


def found_of(finding: Finding) -> str:
    """What was seen of a comment, in the desk's language."""
    w, key = said(), f"findings.{finding.kind}"
    if key in w:
        return w[key]
    return w.again(key, finding.detail) if finding.detail else w.called("findings", finding.kind)


def _sentence(words: str) -> str:
    return f"{said().capital(words)}."
