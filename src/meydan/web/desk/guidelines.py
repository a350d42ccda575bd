"""
The guidelines: what is in force and what was, for everybody here; trying the next version, and letting it take effect, for
editors.

What an editor types is kept as their draft before anything else is done with it. Nothing takes effect that the checker
finds a fault in, that was not looked at as it stands, or that was made from another version than rules by now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from meydan.comment import Decision, Verdict
from meydan.desk import (
    BACKTEST,
    ERASED,
    JUDGE_FAILED,
    LONGEST_REASON,
    NO_EVIDENCE,
    OPERATOR,
    Backtest,
    Change,
    Ruled,
    Tried,
    Version,
)
from meydan.errors import (
    BadGuidelines,
    GuidelinesChanged,
    Malformed,
    MissingFields,
    NotFound,
    NotText,
    TooLong,
)
from meydan.locale import direction_of, interface_of
from meydan.locale import words as interface
from meydan.policy import (
    MAX_BYTES,
    Fault,
    Guidelines,
    Line,
    check,
    difference,
    digest_of,
    lines_of,
    parse,
    words,
)
from meydan.staff import Session
from meydan.web.desk.frame import Answer, Asked, Frame, Page, iso, when
from meydan.web.desk.room import OPENING, Room, version_address
from meydan.web.desk.tongue import by_of, said, sentence_of
from meydan.web.errors import status_of

FORM_BYTES: Final = 4 * MAX_BYTES
"""A browser writes up to three bytes for one of the file."""

HISTORY: Final = 30
CHANGES_SHOWN: Final = 100
AROUND: Final = 3
"""Lines shown before and after one with a fault."""

NOT_DECIDED: Final = {
    ERASED: "guidelines.not_erased",
    NO_EVIDENCE: "guidelines.not_known",
    JUDGE_FAILED: "guidelines.not_judged",
}
TOLD: Final = {"effect": "guidelines.told_effect", "forgotten": "guidelines.told_forgotten"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something did not take effect, said above the editor."""

    heading: str
    sentences: tuple[str, ...]
    status: int = 422
    way: tuple[str, str] | None = None


def pages(frame: Frame, room: Room) -> list[Page]:
    """What is in force, every version, and changing it."""
    here = _Guidelines(frame, room)
    change, version = "/desk/guidelines/change", "/desk/guidelines/{digest:str}"
    return [
        Page("GET", "/desk/guidelines", here.in_force),
        Page("GET", version, here.version),
        Page("GET", f"{version}/file", here.file),
        Page("GET", change, here.editor, "guidelines"),
        Page("POST", change, here.change, "guidelines", FORM_BYTES, here.keep),
    ]


class _Guidelines:
    def __init__(self, frame: Frame, room: Room) -> None:
        self._frame = frame
        self._desk = frame.desk
        self._room = room

    # -- reading -----------------------------------------------------------------

    def in_force(self, asked: Asked, session: Session) -> Answer:
        """What rules now, and what ruled before."""
        versions = self._desk.versions(limit=HISTORY + 1, before=asked.before)
        further = f"/desk/guidelines?before={versions[HISTORY - 1].number}" if len(versions) > HISTORY else ""
        return self._shown(asked, session, self._desk.guidelines, versions[:HISTORY], further)

    def version(self, asked: Asked, session: Session) -> Answer:
        """One version, whenever it ruled."""
        ruled = self._desk.ruled(_digest(asked))
        return self._shown(asked, session, ruled.guidelines, (), "", ruled)

    def file(self, asked: Asked, _: Session) -> Answer:
        """A version as it stands in its file, to be taken along."""
        source = self._desk.source_of(_digest(asked))
        if source is None:
            raise NotFound("No guidelines of this digest are kept here.")
        name = f"guidelines-{_digest(asked).removeprefix('sha256:')[:12]}.toml"
        return Answer(
            source.decode(),
            media_type="text/plain; charset=utf-8",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )

    def _shown(
        self,
        asked: Asked,
        session: Session,
        guidelines: Guidelines,
        versions: Sequence[Version],
        further: str,
        ruled: Ruled | None = None,
    ) -> Answer:
        spoken = guidelines.publication.languages
        wanted = (asked.query.get("language", ""), said().language, spoken[0])
        language = next(tag for tag in wanted if tag in spoken)
        in_force = self._desk.guidelines.digest
        return Answer(
            self._frame.rendered(
                "guidelines",
                session,
                here="guidelines",
                told=_told(asked),
                digest=guidelines.digest,
                rules_now=guidelines.digest == in_force,
                whole=ruled is None,
                ruled=self._ruled_view(ruled) if ruled else None,
                file_address=f"{version_address(guidelines.digest)}/file",
                readers=_readers_view(guidelines, language),
                languages=[
                    (tag, said().called("languages", tag), f"{asked.path}?language={tag}") for tag in spoken
                ],
                language=language,
                file=_file_view(guidelines.source, ()),
                versions=[self._version_view(version, in_force) for version in versions],
                further=further,
            )
        )

    # -- changing ----------------------------------------------------------------

    def editor(self, _: Asked, session: Session) -> Answer:
        """The draft, or the version in force to begin from."""
        draft = self._desk.draft(session.moderator)
        if draft is None:
            text, note, base = _text_of(self._desk.guidelines.source), "", self._desk.guidelines.digest
        else:
            text, note, base = draft.text, draft.note, draft.base
        trouble = self._changed_meanwhile(base, session)
        drafted = when(draft.at) if draft else ""
        return self._edited(session, text, note, trouble=trouble, drafted=drafted, status=200)

    def change(self, asked: Asked, session: Session) -> Answer:
        """Keep what was typed; then check it, let it take effect, or forget it."""
        what = asked.value("what")
        if what == "forget":
            self._desk.end_draft(session.moderator)
            return Answer(to="/desk/guidelines?told=forgotten")
        base = asked.value("base") or self._desk.guidelines.digest
        if what == "upload":
            draft = self._desk.draft(session.moderator)
            text, note = _plain(asked.value("file")), draft.note if draft else ""
            if not text.strip():
                raise MissingFields(["file"])
        else:
            text, note = _plain(asked.value("text")), asked.value("note")
        self._desk.keep_draft(session.moderator, text, note=note, base=base)
        # Kept from here on, whatever is wrong with it.
        if what == "effect":
            return self._take_effect(asked, session, text, note, base)
        if what not in ("check", "upload"):
            raise Malformed("The form is not complete; nothing took effect.", fields=("what",))
        try:
            last = _last(asked.value("last"))
        except Malformed as error:
            trouble = Trouble(said()["guidelines.how_many"], (sentence_of(error),), status_of(error))
            return self._edited(session, text, note, trouble=trouble)
        return self._edited(
            session,
            text,
            note,
            last=last,
            checked=True,
            trouble=self._changed_meanwhile(base, session),
            status=200,
        )

    def keep(self, asked: Asked) -> bool:
        """Keep what was typed as the draft of whoever the form was given to; whether it could be."""
        name = self._frame.staff.kept_for(asked.value("keep"))
        if name is None:
            return False
        self._desk.keep_draft(
            name, _plain(asked.value("text")), note=asked.value("note"), base=asked.value("base")
        )
        return True

    def _take_effect(self, asked: Asked, session: Session, text: str, note: str, base: str) -> Answer:
        source, w = text.encode(), said()
        if asked.value("checked") != digest_of(source):
            trouble = Trouble(w["guidelines.check_first"], (w["guidelines.check_first_why"],))
            return self._edited(session, text, note, checked=True, trouble=trouble)
        try:
            self._desk.take_effect(source, base=base, by=session.moderator, note=note)
        except GuidelinesChanged as error:
            self._desk.refresh_guidelines()
            if error.by == session.moderator and self._desk.guidelines.digest == digest_of(source):
                # The same form, sent twice, perhaps to two servers: it is done, and so is its draft.
                self._desk.end_draft(session.moderator)
                return Answer(to="/desk/guidelines?told=effect")
            # None where this program goes on by the version before, because it does not understand the newest.
            trouble = self._changed_meanwhile(base, session) or Trouble(
                said()["guidelines.meanwhile"], (sentence_of(error), said()["guidelines.kept"]), 409
            )
            return self._edited(session, text, note, trouble=trouble)
        except BadGuidelines:
            trouble = Trouble(w["guidelines.faults"], (w["guidelines.faults_why"],))
            return self._edited(session, text, note, checked=True, trouble=trouble)
        except (MissingFields, TooLong, NotText) as error:
            missing = isinstance(error, MissingFields)
            trouble = Trouble(
                w["guidelines.note_missing" if missing else "guidelines.note_wrong"],
                (
                    w["guidelines.note_missing_why"] if missing else sentence_of(error),
                    w["guidelines.nothing_kept"],
                ),
                status_of(error),
            )
            return self._edited(session, text, note, checked=True, trouble=trouble)
        return Answer(to="/desk/guidelines?told=effect")

    def _changed_meanwhile(self, base: str, session: Session) -> Trouble | None:
        """That another version rules than the one that a draft was made from, with who and when."""
        if base == self._desk.guidelines.digest:
            return None
        now = next(iter(self._desk.versions(limit=1)), None)
        w = said()
        if now is None:
            who: str = w["guidelines.meanwhile_somebody"]
        elif now.by == session.moderator:
            who = w.html("guidelines.meanwhile_you", when=when(now.at))
        else:
            who = w.html("guidelines.meanwhile_other", by=w.capital(by_of(now.by)), when=when(now.at))
        return Trouble(
            w["guidelines.meanwhile"],
            (who, w["guidelines.meanwhile_why"]),
            409,
            (version_address(self._desk.guidelines.digest), w["guidelines.look_now"]),
        )

    def _edited(
        self,
        session: Session,
        text: str,
        note: str,
        *,
        last: int = BACKTEST[1],
        checked: bool = False,
        trouble: Trouble | None = None,
        drafted: str = "",
        status: int | None = None,
    ) -> Answer:
        ruling = self._desk.guidelines
        source = text.encode()
        found: dict[str, object] | None = None
        ready = False
        if checked:
            faults = check(source)
            ready = not faults and digest_of(source) != ruling.digest
            found = {
                "faults": [_fault_view(fault) for fault in faults],
                "file": _file_view(source, faults) if faults else (),
                "changes": [_line_view(line) for line in difference(ruling.source, source)],
                "same": digest_of(source) == ruling.digest,
            }
            if not faults:
                guidelines = parse(source, "guidelines.toml")
                titles = _titles(guidelines) | _titles(ruling)
                found |= {"examples": _examples_view(self._desk.try_examples(guidelines))}
                found |= {
                    "backtest": self._backtest_view(
                        self._desk.backtest(guidelines, last=last), titles, session
                    )
                }
        html = self._frame.rendered(
            "guidelines_change",
            session,
            here="guidelines",
            text=text,
            note=note,
            last=last,
            bounds=BACKTEST,
            longest_note=LONGEST_REASON,
            base=ruling.digest,
            checked=digest_of(source) if ready else "",
            digest=digest_of(source),
            keep=self._frame.staff.keeping(session),
            drafted=drafted,
            trouble=trouble,
            found=found,
        )
        return Answer(html, (trouble.status if trouble else 200) if status is None else status)

    # -- what the templates are given ---------------------------------------------

    def _version_view(self, version: Version, in_force: str) -> dict[str, object]:
        return {
            "address": version_address(version.digest),
            "short": version.digest.removeprefix("sha256:")[:12],
            "iso": iso(version.at),
            "when": when(version.at),
            "by": by_of(version.by),
            # What the program writes itself is said; what an editor wrote is theirs.
            "note": said().again("guidelines.entered", version.note)
            if version.by == OPERATOR
            else version.note,
            "in_force": version.digest == in_force,
            "same": version.digest == version.before,
        }

    def _ruled_view(self, ruled: Ruled) -> dict[str, object]:
        latest = ruled.times[0]
        before = self._desk.source_of(latest.before) if latest.before else None
        return {
            "times": [self._version_view(version, "") for version in ruled.times],
            "decisions": f"{ruled.decisions:,}",
            "first": latest.before is None,
            "before": version_address(latest.before) if latest.before else "",
            "changes": [_line_view(line) for line in difference(before or b"", ruled.guidelines.source)]
            if before is not None
            else [],
        }

    def _backtest_view(self, result: Backtest, titles: dict[str, str], session: Session) -> dict[str, object]:
        shown = []
        for change in result.changes[:CHANGES_SHOWN]:
            try:
                item = self._desk.item(change.id)
            except NotFound:
                # Escalated a moment ago: it is nobody's to see here.
                continue
            shown.append(
                {
                    "address": f"/desk/comments/{change.id}",
                    "name": self._room.name(item.comment),
                    "opening": self._room.opening(item, session, 2 * OPENING),
                    "before": _decided(change.before, change.rules_before, titles),
                    "after": _decided(change.after, change.rules_after, titles),
                    "stands": _stands(change),
                }
            )
        of, alike_before, alike_after = result.people
        return {
            "decided": f"{result.decided:,}",
            "changed": f"{len(result.changes):,}",
            "moves": [
                {"before": _outcome(was), "after": _outcome(now), "count": f"{count:,}"}
                for (was, now), count in result.moves.items()
            ],
            "rules": [
                {
                    "words": titles.get(rule, rule) if rule else said()["guidelines.no_rule"],
                    "count": f"{count:,}",
                }
                for rule, count in result.by_rule.items()
            ],
            "not_decided": [
                {"words": said()[NOT_DECIDED[why]] if why in NOT_DECIDED else why, "count": f"{count:,}"}
                for why, count in sorted(result.not_decided.items(), key=lambda one: -one[1])
            ],
            "other_model": f"{result.other_model:,}" if result.other_model else "",
            "people": {"of": f"{of:,}", "before": f"{alike_before:,}", "after": f"{alike_after:,}"}
            if of
            else None,
            "shown": shown,
            "more": f"{len(result.changes) - CHANGES_SHOWN:,}" if len(result.changes) > CHANGES_SHOWN else "",
        }


def _readers_view(guidelines: Guidelines, language: str) -> dict[str, object]:
    """The guidelines as readers are told them in one language, and what the machine does with each for those at the desk."""
    w = said()
    return {
        "language": language,
        "direction": direction_of(language),
        "t": interface(interface_of(language)),
        "intro": [part for part in words(guidelines.intro, language).split("\n\n") if part.strip()],
        "rules": [
            {
                "title": words(rule.title, language),
                "text": words(rule.text, language),
                "machine": w["guidelines.only_people"]
                if rule.people_only
                else w.fill(
                    "guidelines.held_rejected",
                    held=f"{rule.hold_from:.2f}",
                    rejected=f"{rule.reject_from:.2f}",
                    labels=w.listed(w.called("labels", label) for label in rule.labels),
                ),
            }
            for rule in guidelines.rules
        ],
        "welcomes": [
            {
                "title": words(welcome.title, language),
                "text": words(welcome.text, language),
                "machine": w["guidelines.not_held"]
                if welcome.hold_below is None
                else w.fill(
                    "guidelines.held_below",
                    below=f"{welcome.hold_below:.2f}",
                    labels=w.listed(w.called("labels", label) for label in welcome.labels),
                ),
            }
            for welcome in guidelines.welcomes
        ],
    }


def _file_view(source: bytes, faults: Sequence[Fault]) -> list[dict[str, object]]:
    """The lines with their numbers; where there are faults, those around each, with what is to be mended in it."""
    at: dict[int, list[str]] = {}
    for fault in faults:
        at.setdefault(fault.line, []).append(f"{fault.message} {fault.remedy}")
    shown: list[dict[str, object]] = []
    left_out = 0
    for number, text in enumerate(lines_of(source) or [""], 1):
        if at and not any(near in at for near in range(number - AROUND, number + AROUND + 1)):
            left_out += 1
            continue
        shown.append({"number": number, "text": text, "faults": at.get(number, ()), "left_out": left_out})
        left_out = 0
    return shown


def _fault_view(fault: Fault) -> dict[str, object]:
    return {"line": fault.line, "column": fault.column, "message": fault.message, "remedy": fault.remedy}


def _line_view(line: Line) -> dict[str, object]:
    if line.kind == "left-out":
        return {"kind": "left-out", "count": f"{line.count:,}"}
    number = line.old if line.kind == "removed" else line.new
    return {
        "kind": line.kind,
        "sign": {"added": "+", "removed": "−"}.get(line.kind, ""),
        "said": said().fill(f"guidelines.line_{line.kind}", line=number),
        "number": number,
        "text": line.text,
    }


def _examples_view(found: Sequence[Tried]) -> dict[str, object]:
    w = said()

    def row(one: Tried) -> dict[str, object]:
        return {
            "line": one.example.line,
            "rule": words(one.rule.title, w.language),
            "language": w.called("languages", one.example.lang),
            "expected": _outcome(one.example.expect),
            "got": _outcome(one.got.verdict),
            "because": w.listed(reason.rule for reason in one.got.reasons)
            or w["desk.semicolon"].join(w.called("holds", hold) for hold in one.got.holds),
        }

    failed, held = [one for one in found if one.fails], [one for one in found if one.held]
    return {
        "of": len(found),
        "failed": [row(one) for one in failed],
        "held": [row(one) for one in held],
        "passed": len(found) - len(failed) - len(held),
    }


def _told(asked: Asked) -> str:
    key = TOLD.get(asked.query.get("told", ""))
    return said()[key] if key else ""


def _outcome(verdict: Verdict) -> str:
    return said()[f"outcomes.{verdict.value}"]


def _decided(decision: Decision, rules: Sequence[str], titles: dict[str, str]) -> str:
    """A verdict with the rules that speak against the comment, or else with why it waits."""
    w, told = said(), _outcome(decision.verdict)
    because = w["desk.semicolon"].join(titles.get(rule, rule) for rule in rules)
    if because:
        return w.fill("decision.of_rules", decision=told, rules=because)
    if decision.verdict is Verdict.HOLD and decision.holds:
        because = w["desk.semicolon"].join(w.called("holds", hold) for hold in decision.holds)
        return w.fill("outcomes.hold_because", why=because)
    return told


def _stands(change: Change) -> str:
    return said()[f"outcomes.{change.stands.value}_{'person' if change.by_person else 'alone'}"]


def _titles(guidelines: Guidelines) -> dict[str, str]:
    return {rule.id: words(rule.title, said().language) for rule in guidelines.rules}


def _digest(asked: Asked) -> str:
    """The digest that the address names; with its kind or without."""
    return f"sha256:{asked.named.get('digest', '').removeprefix('sha256:')}"


def _plain(text: str) -> str:
    """What a browser sends, with a file's line ends: browsers send others than were typed."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _text_of(source: bytes) -> str:
    return _plain(source.decode("utf-8", "replace"))


def _last(written: str) -> int:
    least, usual, most = BACKTEST
    written = written.strip().replace(",", "")
    if not written:
        return usual
    last = int(written) if written.isascii() and written.isdigit() and len(written) < 9 else 0
    if not least <= last <= most:
        raise Malformed(f"Try it on {least} to {most:,} comments. Nothing took effect.", fields=("last",))
    return last
