"""
Text in XML 1.0, which cannot spell every character: what it can, so that a parser gives back the same; and what it cannot.

A carriage return is written as a reference, or a parser would make it a line feed. Control characters, U+FFFE and U+FFFF
have no spelling at all: in their place stands U+FFFD, and `beyond` tells the words as they are beside them.

`beyond` is what an element has no place for, as JSON that any XML can hold: which of a record's fields are otherwise than
its elements say. It is believed only beside the elements that it was written for: who changes those means the change.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, get_args

from meydan.exchange.record import CommentRecord, Format, State

_UNSPELLABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MARKUP: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_QUOTES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;", '"': "&quot;"}
)


def spellable(text: str) -> str:
    """The text with U+FFFD for each character that XML 1.0 cannot spell."""
    return _UNSPELLABLE.sub("\ufffd", text)


def spelled(text: str) -> str:
    """A text between tags."""
    return spellable(text).translate(_MARKUP)


def quoted(text: str) -> str:
    """A text as an attribute, quotation marks included."""
    return f'"{spellable(text).translate(_IN_QUOTES)}"'


def html_of(record: CommentRecord, *, breaks: bool) -> str:
    """
    A body as HTML: what is HTML is as it is, what is text or Markdown is spelled so that a page shows its characters.

    Args:
        breaks: whether line feeds are lost where the page is made, so that a line has to end with <br>.
    """
    if record.body_format == "html":
        return record.body
    html = record.body.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return html.replace("\n", "<br>") if breaks else html


def text_in(html: str) -> str:
    """The text that `html_of` made this of; something else for HTML that it did not make."""
    return html.replace("<br>", "\n").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _perhaps_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _time(value: object) -> datetime:
    at = datetime.fromisoformat(_text(value))
    if at.tzinfo is None:
        raise ValueError
    return at.astimezone(UTC)


def _perhaps_time(value: object) -> datetime | None:
    return None if value is None else _time(value)


def _rules(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError
    return tuple(map(_text, value))


def _one_of(known: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if (said := _text(value)) not in known:
            raise ValueError
        return said

    return read


# A story is named by the element that a comment stands in, and a place is where it was read.
_TOLD: Final[dict[str, Callable[[object], Any]]] = {
    "key": _text,
    "name": _text,
    "body": _text,
    "submitted_at": _time,
    "state": _one_of(get_args(State)),
    "parent": _perhaps_text,
    "body_format": _one_of(get_args(Format)),
    "email": _perhaps_text,
    "author_key": _perhaps_text,
    "language": _perhaps_text,
    "reason": _perhaps_text,
    "rules": _rules,
    "decided_at": _perhaps_time,
}
"""What may stand beside a comment's elements, and how each is read."""


def beyond(record: CommentRecord, plain: CommentRecord) -> str | None:
    """
    What `plain`, which is all that a comment's elements say, does not say of `record`; None where it says everything.

    Both are of one story, which is not said.
    """
    told: dict[str, Any] = {}
    for name in _TOLD:
        value = getattr(record, name)
        if value != getattr(plain, name):
            told[name] = value.isoformat() if isinstance(value, datetime) else value
    if not told:
        return None
    if "body" in told and record.body_format != "html" and text_in(plain.body) == record.body:
        # Every comment of ours: it need not be said twice.
        del told["body"]
        told["unmarked"] = True
    return json.dumps({"beside": _digest(plain), **told}, ensure_ascii=True)


def with_beyond(plain: CommentRecord, said: str) -> CommentRecord:
    """
    The record whose elements say `plain`, and that told `said` beside them.

    Whoever knows `plain` can make `said`: where it does not belong to these elements, or is anything that no export of
    ours says, it counts as if it were not there, and the record is `plain`.
    """
    try:
        told = json.loads(said)
        if not isinstance(told, dict) or told.pop("beside", None) != _digest(plain):
            return plain
        unmarked = told.pop("unmarked", False)
        if not isinstance(unmarked, bool):
            return plain
        read = {name: _TOLD[name](value) for name, value in told.items()}
    except (ValueError, KeyError, OverflowError, RecursionError):
        return plain
    if unmarked:
        read["body"] = text_in(plain.body)
    return replace(plain, **read)


def _digest(plain: CommentRecord) -> str:
    said = [plain.name, plain.body, plain.state, plain.submitted_at.isoformat()]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
