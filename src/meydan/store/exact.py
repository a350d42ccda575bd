"""
What every table keeps alike: times as microseconds, and text that both databases give back as it was.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from meydan.errors import NotText
from meydan.text.exact import is_exact

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)

AHEAD: Final = timedelta(minutes=1) // MICROSECOND
"""How far ahead of this node's clock what another wrote may be, in microseconds; what is further was written before a clock went back."""


def check_text(field: str, value: str | None) -> None:
    """
    Refuse what PostgreSQL cannot keep (NUL) and UTF-8 cannot write (lone surrogates), on either database.

    Raises:
        NotText: names the field, not the characters.
    """
    if value is not None and not is_exact(value):
        raise NotText(f"The {field} holds characters that cannot be kept exactly.", fields=(field,))


def micros(at: datetime) -> int:
    """Microseconds since 1970; a time without its zone is a TypeError."""
    return (at - EPOCH) // MICROSECOND


def time_of(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def time_or_none(micros: int | None) -> datetime | None:
    return None if micros is None else EPOCH + timedelta(microseconds=micros)
