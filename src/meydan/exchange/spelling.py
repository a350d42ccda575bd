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
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Final

from meydan.exchange.record import CommentRecord

_UNSPELLABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MARKUP: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_QUOTES: Final = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;", '"': "&quot;"}
)
_TIMES: Final = ("submitted_at", "decided_at")


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


def beyond(record: CommentRecord, plain: CommentRecord) -> str | None:
    """
    What `plain`, which is all that a comment's elements say, does not say of `record`; None where it says everything.
    """
    told: dict[str, Any] = {}
    for one in fields(CommentRecord):
        value = getattr(record, one.name)
        if one.name != "place" and value != getattr(plain, one.name):
            told[one.name] = value.isoformat() if isinstance(value, datetime) else value
    if not told:
        return None
    if "body" in told and record.body_format != "html" and text_in(plain.body) == record.body:
        # Every comment of ours: it need not be said twice.
        del told["body"]
        told["unmarked"] = True
    return json.dumps({"beside": _digest(plain), **told}, ensure_ascii=True)


def with_beyond(plain: CommentRecord, said: str) -> CommentRecord:
    """The record whose elements say `plain`, and that told `said` beside them; `plain` where that does not belong to them."""
    try:
        told = json.loads(said)
        if told.pop("beside") != _digest(plain):
            return plain
        for name in _TIMES:
            if told.get(name) is not None:
                told[name] = datetime.fromisoformat(told[name])
        if told.pop("unmarked", False):
            told["body"] = text_in(plain.body)
        if "rules" in told:
            told["rules"] = tuple(told["rules"])
        record = replace(plain, **told)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return plain
    return record if _is_whole(record) else plain


def _digest(plain: CommentRecord) -> str:
    said = [plain.name, plain.body, plain.state, plain.submitted_at.isoformat()]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _is_whole(record: CommentRecord) -> bool:
    """Whether each field is what it has to be: the JSON may be anybody's."""
    texts = (record.key, record.story, record.name, record.body)
    perhaps = (record.parent, record.email, record.author_key, record.language, record.reason)
    return (
        all(isinstance(one, str) for one in (*texts, *record.rules))
        and all(one is None or isinstance(one, str) for one in perhaps)
        and record.state in ("approved", "rejected", "held", "withdrawn", "erased")
        and record.body_format in ("text", "html", "markdown")
        and all(at is None or at.tzinfo is not None for at in (record.submitted_at, record.decided_at))
    )
