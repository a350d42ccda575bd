"""
Who works at the desk, for editors; and the journal of what everybody did, for editors and auditors.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import quote, urlencode

from meydan.comment import LANGUAGES
from meydan.errors import AlreadyExists, Malformed, MeydanError, MissingFields, NotAllowed, NotText
from meydan.staff import ROLES, Entry, Session
from meydan.web.desk.finding import day_of
from meydan.web.desk.frame import Answer, Asked, Frame, Page, iso, when
from meydan.web.desk.room import LANGUAGE_NAMES, version_address
from meydan.web.errors import status_of

LINES: Final = 100

ROLE_WORDS: Final = {
    "moderator": "Moderator: decides comments",
    "editor": "Editor: decides, and answers for guidelines and people",
    "auditor": "Auditor: reads everything, changes nothing",
}

ACTIONS: Final[Mapping[str, str]] = {
    "signed-in": "signed in",
    "signed-out": "signed out",
    "sign-in-failed": "failed to sign in",
    "session-ended": "ended a session of",
    "decided": "decided",
    "looked-again": "looked again, blind, at",
    "audit-agreed": "agreed with the machine, blind, on",
    "reported": "reported",
    "reports-closed": "answered readers’ reports of",
    "escalated": "escalated",
    "escalated-seen": "asked for the words of",
    "escalated-exported": "took along the file for the authorities on",
    "told": "entered who was told of",
    "hold-ended": "ended the legal hold of",
    "erasure-postponed": "asked in vain to erase, until its legal hold ends,",
    "exported": "took along",
    "erased": "erased",
    "account-bound": "was bound to the newsroom’s account of",
    "author-blocked": "blocked the author of",
    "author-unblocked": "lifted the block of the author of",
    "refused": "was refused",
    "moderator-added": "added",
    "moderator-removed": "removed",
    "role-given": "gave another role to",
    "languages-given": "assigned languages to",
    "address-given": "entered an address for",
    "link-made": "made a sign-in link for",
    "password-set": "set the password of",
    "password-removed": "removed the password of",
    "second-factor-set": "set up one-time codes of",
    "second-factor-removed": "removed the one-time codes of",
    "recovery-code-used": "used a recovery code of",
    "guidelines-changed": "let guidelines take effect:",
    "token-added": "added the token",
    "token-revoked": "revoked the token",
}
"""What the journal's actions are called, before whom or what they were done to."""

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
    "removed": "Their rights, sessions and links have ended. Their decisions stay under their name.",
    "changed": "That is changed, from now on.",
    "codes": "They are asked for no codes until they set them up again.",
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
        html = self._frame.rendered(
            "journal",
            session,
            here="journal",
            asked=on,
            actions=ACTIONS,
            entries=[entry_view(entry) for entry in entries],
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
        html = self._frame.rendered(
            "people",
            session,
            here="people",
            told=told,
            trouble=error.message if error else "",
            fields=error.fields if error else (),
            link=link,
            link_for=link_for,
            name=asked.value("name") if error else "",
            email=asked.value("email") if error else "",
            roles=[(role, ROLE_WORDS[role]) for role in ROLES],
            languages=[(tag, LANGUAGE_NAMES[tag]) for tag in LANGUAGES],
            people=[
                {
                    "name": row.name,
                    "role": row.role,
                    "languages": row.languages,
                    "spoken": ", ".join(LANGUAGE_NAMES[tag] for tag in row.languages) or "every language",
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


def entry_view(entry: Entry) -> dict[str, object]:
    """One entry as it is read: who, what, to whom, and what else there is to say."""
    return {
        "number": entry.number,
        "iso": iso(entry.at),
        "when": when(entry.at),
        "actor": entry.actor,
        "words": ACTIONS.get(entry.action, entry.action),
        "subject": entry.subject if entry.subject != entry.actor else "",
        "address": _place_of(entry),
        "detail": "; ".join(
            f"{name.replace('_', ' ')}: {_told(value)}" for name, value in sorted(entry.detail.items())
        ),
    }


def _place_of(entry: Entry) -> str:
    """Where that to which something was done can be looked at; "" for nowhere."""
    if entry.action == "guidelines-changed":
        return version_address(entry.subject)
    place = PLACES.get(entry.action)
    return f"{place}/{quote(entry.subject, safe='')}" if place else ""


def _told(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
