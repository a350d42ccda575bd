"""
What can be taken as it is: checks that refuse, and never change, what somebody wrote.

A text is refused rather than trimmed, normalised or repaired: what is kept has to be
what was sent, character for character, on every database.
"""

from __future__ import annotations

import unicodedata

from meydan.errors import MissingFields, NotText, TooLong

# Letters and symbols that print nothing: a comment made only of these is empty.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def check_words(text: str, *, longest: int) -> None:
    """Refuse a text that cannot be judged or kept: MissingFields, TooLong (in characters) or NotText."""
    if is_blank(text):
        raise MissingFields(["text"])
    check_text("text", text, longest)


def check_text(field: str, value: str, limit: int) -> None:
    """
    Refuse a value that is too long or cannot be kept exactly.

    Raises:
        TooLong: more than `limit` characters (code points).
        NotText: a null byte (PostgreSQL keeps none) or a lone surrogate (UTF-8 has no form for it).
    """
    if len(value) > limit:
        raise TooLong(field, limit=limit, size=len(value))
    if not is_exact(value):
        raise NotText(
            f"The {field} has characters that are not text (a null byte, or half of a character); "
            "they could not be kept exactly. Remove them and send again.",
            fields=(field,),
        )


def is_exact(value: str) -> bool:
    """Whether every database keeps it as it is: no null byte (PostgreSQL) and no lone surrogate (UTF-8)."""
    if "\x00" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_blank(value: str) -> bool:
    """Whether nothing of it could be read: spaces, controls, invisible and combining characters only."""
    return all(c in _BLANK or unicodedata.category(c) in ("Cc", "Cf", "Zs", "Zl", "Zp", "Mn") for c in value)


def looks_like_email(value: str) -> bool:
    """Whether it has the form of an address; whether mail arrives there, only mail can tell."""
    local, _, domain = value.rpartition("@")
    return bool(local) and "." in domain.strip(".") and not any(c.isspace() or c in '<>"' for c in value)
