"""
Who works at the desk, for editors; and the journal of what everybody did, for editors and auditors.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import quote, urlencode

from markupsafe import Markup

from meydan.comment import LANGUAGES
from meydan.errors import AlreadyExists, Malformed, MeydanError, MissingFields, NotAllowed, NotText
from meydan.policy import words
from meydan.staff import ROLES, Entry, Session
from meydan.web.desk.finding import day_of
from meydan.web.desk.frame import Answer, Asked, Frame, Page, iso, when
from meydan.web.desk.room import version_address
from meydan.web.desk.tongue import by_of, said, sentence_of
from meydan.web.errors import status_of

LINES: Final = 100

ACTIONS: Final = (
    "signed-in",
    "signed-out",
    "sign-in-failed",
    "session-ended",
    "decided",
    "looked-again",
    "audit-agreed",
    "reported",
    "reports-closed",
    "picked",
    "pick-ended",
    "story-changed",
    "escalated",
    "escalated-seen",
    "escalated-exported",
    "told",
    "hold-ended",
    "erasure-postponed",
    "exported",
    "erased",
    "account-bound",
    "author-blocked",
    "author-unblocked",
    "refused",
    "moderator-added",
    "moderator-removed",
    "role-given",
    "languages-given",
    "address-given",
    "link-made",
    "password-set",
    "password-removed",
    "second-factor-set",
    "second-factor-removed",
    "recovery-code-used",
    "guidelines-changed",
    "letter-tried-again",
    "letter-given-up",
    "ledger-begun",
    "endpoint-added",
    "endpoint-removed",
    "endpoint-rotated",
    "endpoint-gone",
    "notices-tried-again",
    "token-added",
    "token-revoked",
)
"""What the journal's actions are, for whoever searches it; what they are called is among the desk's words."""


PLACES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "decided",
            "reported",
            "reports-closed",
            "audit-agreed",
            "looked-again",
            "author-blocked",
            "author-unblocked",
            "picked",
            "pick-ended",
        ),
        "/desk/comments",
    ),
    **dict.fromkeys(
        ("escalated", "escalated-seen", "escalated-exported", "told", "hold-ended", "erasure-postponed"),
        "/desk/escalated",
    ),
}
"""Where that to which an action was done can be looked at."""

TOLD: Final = {
    "removed": "people.told_removed",
    "changed": "people.told_changed",
    "codes": "people.told_codes",
}


def pages(frame: Frame) -> list[Page]:
    """People and the journal."""
    people = _People(frame)
    return [
        Page("GET", "/desk/people", people.look, "people"),
        Page("POST", "/desk/people", people.add, "people"),
        Page("POST", "/desk/people/change", people.change, "people"),
        Page("GET", "/desk/journal", people.journal, "journal"),
    ]


class _People:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._staff = frame.staff

    def look(self, asked: Asked, session: Session) -> Answer:
        return self._page(asked, session, told=TOLD.get(asked.query.get("told", ""), ""))

    def add(self, asked: Asked, session: Session) -> Answer:
        """Whoever is added gets a link that works once; it is on this one answer."""
        name = asked.value("name")
        try:
            if not name.strip():
                raise MissingFields(["name"])
            link = self._staff.add_moderator(
                name,
                role=asked.value("role"),
                languages=tuple(asked.form.get("languages", ())),
                email=asked.value("email") or None,
                by=session.moderator,
            )
        except (AlreadyExists, Malformed, MissingFields, NotText) as error:
            return self._page(asked, session, error=error)
        return self._page(Asked(), session, link=self._link(link), link_for=name.strip())

    def change(self, asked: Asked, session: Session) -> Answer:
        name, by = asked.value("name"), session.moderator
        what = asked.value("what")
        try:
            if what == "role":
                self._staff.give_role(name, asked.value("role"), by=by)
            elif what == "languages":
                self._staff.give_languages(name, tuple(asked.form.get("languages", ())), by=by)
            elif what == "link":
                return self._page(
                    asked, session, link=self._link(self._staff.new_link(name, by=by)), link_for=name
                )
            elif what == "address":
                self._staff.give_address(name, asked.value("email"), by=by)
            elif what == "codes":
                self._staff.remove_second(name, by=by)
            elif what == "remove" and name == by:
                raise NotAllowed("You cannot remove yourself; another editor can.")
            elif what == "remove":
                self._staff.remove_moderator(name, by=by)
            else:
                raise Malformed("The form is not complete; nothing was changed.", fields=("what",))
        except (AlreadyExists, Malformed, MissingFields, NotAllowed, NotText) as error:
            return self._page(Asked(), session, error=error)
        told = {"remove": "removed", "codes": "codes"}.get(what, "changed")
        return Answer(to=f"/desk/people?told={told}")

    def journal(self, asked: Asked, session: Session) -> Answer:
        asks = {name: asked.query.get(name, "").strip() for name in ("actor", "action", "subject")}
        since, until = day_of(asked.query.get("since", "")), day_of(asked.query.get("until", ""))
        entries = self._staff.journal(
            limit=LINES + 1,
            before=asked.before,
            since=since,
            until=until + timedelta(days=1) if until else None,
            **asks,
        )
        more = len(entries) > LINES
        entries = entries[:LINES]
        on = {**asks, "since": asked.query.get("since", ""), "until": asked.query.get("until", "")}
        further = (
            urlencode({**{k: v for k, v in on.items() if v}, "before": entries[-1].number}) if more else ""
        )
        titles = {rule.id: words(rule.title, said().language) for rule in self._frame.desk.guidelines.rules}
        html = self._frame.rendered(
            "journal",
            session,
            here="journal",
            asked=on,
            actions=[(action, said()["actions." + action]) for action in ACTIONS],
            entries=[entry_view(entry, titles) for entry in entries],
            further=f"/desk/journal?{further}" if further else "",
        )
        return Answer(html)

    # -- inside ------------------------------------------------------------------

    def _link(self, token: str) -> str:
        return f"{self._frame.own}/desk/sign-in?link={quote(token, safe='')}"

    def _page(
        self,
        asked: Asked,
        session: Session,
        *,
        told: str = "",
        error: MeydanError | None = None,
        link: str = "",
        link_for: str = "",
    ) -> Answer:
        w = said()
        html = self._frame.rendered(
            "people",
            session,
            here="people",
            told=w[told] if told else "",
            trouble=w.fill("people.not_changed", sentence=sentence_of(error)) if error else "",
            fields=error.fields if error else (),
            link=link,
            link_for=link_for,
            name=asked.value("name") if error else "",
            email=asked.value("email") if error else "",
            roles=[(role, w[f"roles.{role}_may"]) for role in ROLES],
            languages=[(tag, w["languages." + tag]) for tag in LANGUAGES],
            people=[
                {
                    "name": row.name,
                    "role": row.role,
                    "languages": row.languages,
                    "may": w.html(
                        "people.role_for",
                        role=w["roles." + row.role],
                        languages=w.listed([w["languages." + tag] for tag in row.languages])
                        or w["people.every_language"],
                    ),
                    "since": when(row.added_at),
                    "password": row.password is not None,
                    "codes": row.second_on,
                    "email": row.email or "",
                    "own": row.name == session.moderator,
                }
                for row in self._staff.moderators()
            ],
        )
        return Answer(html, status_of(error) if error else 200)


def entry_view(entry: Entry, titles: Mapping[str, str], *, whom: str = "") -> dict[str, object]:
    """
    One entry as it is read: who, what, to whom, and what else there is to say.

    Args:
        titles: the rules' by id.
        whom: what to call that to which it was done, on a page of its own; else it is named and can be opened.
    """
    w = said()
    subject = entry.subject if entry.subject != entry.actor else ""
    address = _place_of(entry)
    if whom:
        subject = Markup.escape(whom)
    elif address:
        subject = Markup('<a href="{}"><bdi>{}</bdi></a>').format(address, subject)
    return {
        "number": entry.number,
        "iso": iso(entry.at),
        "when": when(entry.at),
        "words": w.html(
            "actions.line_subject" if subject else "actions.line",
            actor=Markup("<b><bdi>{}</bdi></b>").format(by_of(entry.actor)),
            action=Markup.escape(w.called("actions", entry.action)),
            subject=subject,
        ),
        "detail": [
            w.html("actions.detail", name=w.called("noted", name), value=_told(name, value, titles))
            for name, value in sorted(entry.detail.items())
        ],
    }


def _place_of(entry: Entry) -> str:
    """Where that to which something was done can be looked at; "" for nowhere."""
    if entry.action == "guidelines-changed":
        return version_address(entry.subject)
    if entry.action == "story-changed":
        return f"/desk/stories?{urlencode({'sought': entry.subject})}"
    place = PLACES.get(entry.action)
    return f"{place}/{quote(entry.subject, safe='')}" if place else ""


def _told(name: str, value: object, titles: Mapping[str, str]) -> str:
    w = said()
    if isinstance(value, list):
        if name == "fields":
            return w.listed(w.called("fields", str(one)) for one in value)
        if name == "languages":
            return w.listed(w.called("languages", str(one)) for one in value) or "–"
        return w.listed(titles.get(str(one), str(one)) for one in value) or "–"
    if isinstance(value, bool):
        return w["journal.yes" if value else "journal.no"]
    if name == "rule":
        return titles.get(str(value), str(value))
    if name == "kind":
        return w.called("room", str(value))
    told = f"noted.value_{value}"
    return w[told] if told in w else str(value)
