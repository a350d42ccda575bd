"""
In which language the desk speaks to whoever asks: the one they chose, else the one their browser likes best.

The choice is a cookie of this browser, because it is needed before anybody has signed in. One request is answered in
one language, so it is set once where the request is read, and every page says `said()` to speak.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from litestar import Request
from litestar.datastructures import Cookie

from meydan.errors import MeydanError
from meydan.locale import accepted, words
from meydan.locale.desk import DESK, DeskWords, desk_words, spoken_for
from meydan.staff import NO_PERSON

TONGUE_COOKIE: Final = "meydan_desk_language"
KEPT_S: Final = 365 * 86_400

_spoken: ContextVar[str] = ContextVar("spoken", default=DESK[0])


def said() -> DeskWords:
    """The desk's words for whoever is answered now."""
    return desk_words(_spoken.get())


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Answer one request in a language of the desk."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def tongue_of(request: Request[Any, Any, Any]) -> str:
    """The language of the desk that a request is answered in."""
    chosen = spoken_for(request.cookies.get(TONGUE_COOKIE))
    return chosen or spoken_for(accepted(request.headers.get("accept-language", ""))) or DESK[0]


def tongue_cookie(language: str, *, https: bool) -> Cookie:
    """The choice, for a year. Lax: whoever follows a sign-in link from a letter is spoken to in their language too."""
    return Cookie(
        key=TONGUE_COOKIE,
        value=language,
        path="/desk",
        httponly=True,
        secure=https,
        samesite="lax",
        max_age=KEPT_S,
    )


def tongues() -> list[tuple[str, str]]:
    """The languages to choose from: tag, and what its speakers call it."""
    return [(tag, words(tag)["self_name"]) for tag in DESK]


def by_of(name: str) -> str:
    """Who did something, by the name on record: a person's own, or what the desk calls whoever is no person."""
    return said().called("actors", name) if name in NO_PERSON else name


def sentence_of(error: MeydanError) -> str:
    """What an error says, in the desk's language; in English where that has no words for it."""
    return said().again(f"errors.{error.code}", error.message)
