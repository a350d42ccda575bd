"""
What a channel of the newsroom is told, in a sentence of its own language.

Numbers, rules' ids and addresses of the desk; no reader's words, and not what a comment or a story is called.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from meydan.locale.desk import DeskWords, desk_words
from meydan.notices import Told

ESCAPED: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""What means something in such a line: a name with < in it calls nobody and links nowhere."""


def sentence(told: Told, *, publication: str, language: str) -> str:
    """One line for a channel, and where to look; escaped as Slack asks."""
    w = desk_words(language)
    lines = [f"{_isolated(publication)}: {_said(told, w)}"]
    if desk := told.facts.get("desk"):
        lines.append(str(desk))
    return "\n".join(lines).translate(ESCAPED)


def _said(told: Told, w: DeskWords) -> str:
    facts = told.facts
    if told.event == "queue.waiting":
        waiting = w.fill("notices.waiting", number=facts["waiting"])
        if not facts["oldest"]:
            return waiting
        since = datetime.fromisoformat(str(facts["oldest"])).astimezone(UTC)
        return f"{waiting} {w.fill('notices.oldest', when=_isolated(f'{since:%Y-%m-%d %H:%M} UTC'))}"
    if told.event == "letters.dead":
        return w.fill("notices.dead", number=facts["dead"])
    if told.event == "comment.escalated":
        return w.fill("notices.escalated", number=facts["number"])
    if told.event == "machine.withdrawn":
        return " ".join(
            w.fill(
                "notices.withdrawn",
                rule=_isolated(str(one["rule"])),
                language=w.called("languages", str(one["language"])),
                wrong=one["wrong"],
                audits=one["audits"],
            )
            for one in facts["withdrawn"]
        )
    return w["notices.test"]


def _isolated(words: str) -> str:
    """Somebody's words within a sentence, whatever direction they are written in."""
    return f"\u2068{words}\u2069"
