"""
What a refusal looks like from outside: one table turns a class into an HTTP status.

The same JSON on every JSON route, a page everywhere else. Whatever is not in
the tree of errors.py is answered as X500, without a word of what it was.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException

from meydan import errors
from meydan.locale import Words, accepted, words
from meydan.web.pages import template

STATUS: Mapping[type[errors.MeydanError], int] = {
    errors.StoryClosed: 409,
    errors.TooLong: 422,
    errors.TooFast: 429,
    errors.MissingFields: 422,
    errors.NotText: 422,
    errors.ForeignStory: 403,
    errors.NoSuchParent: 404,
    errors.NotFound: 404,
    errors.SignInNeeded: 401,
    errors.NotAllowed: 403,
    errors.AlreadyDecided: 409,
    errors.UnknownRule: 422,
    errors.Malformed: 400,
    errors.TooLarge: 413,
    errors.ForgedForm: 403,
    errors.NotAppealable: 409,
    errors.NotErasable: 409,
    errors.AlreadyExists: 409,
    errors.Blocked: 403,
    errors.KeyReused: 422,
    errors.ProofNeeded: 428,
    errors.BadAccount: 401,
    errors.AccountNeeded: 403,
    errors.DisposableAddress: 422,
    errors.NotServed: 400,
    errors.BadSignature: 401,
    errors.WebhookRefused: 422,
    errors.GuidelinesChanged: 409,
    errors.StoryNotOpen: 409,
    errors.Unavailable: 503,
    errors.Misconfigured: 500,
    errors.Tampered: 500,
}
"""The nearest class in an error's ancestry decides; a class that is not here is a fault of ours, 500."""

UNEXPECTED = "X500"
CODE_HEADER = "x-meydan-code"
"""The header that says a refusal's code, on pages too; what counts refusals reads it."""

JSON_PATHS = (
    *("/api/", "/embed/", "/feeds/", "/healthz", "/readyz", "/metrics", "/desk/live"),
    # The ledger's files, and not its pages; a later ledger's address begins with its number.
    *("/ledger/checkpoint", "/ledger/tile/", "/ledger/key", *(f"/ledger/{digit}" for digit in range(1, 10))),
)

log = structlog.get_logger("meydan.web")


class Problem(msgspec.Struct, omit_defaults=True):
    """
    An error as JSON. `fields` names what was at fault; `seq`, `verdict` and `by` say who decided first. `challenge`
    is what to solve (altcha, version 2). `wrong` says in words why a node is not ready, by what `fields` names.
    """

    code: str
    message: str
    fields: list[str] = []
    seq: int | None = None
    verdict: str | None = None
    by: str | None = None
    challenge: dict[str, Any] | None = None
    wrong: dict[str, str] | None = None


class WrongMethod(errors.Refused):
    """The address exists and does not take this method."""

    code = "R113"


def status_of(error: Exception) -> int:
    """The HTTP status an error is answered with."""
    if isinstance(error, WrongMethod):
        return 405
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem_of(error: Exception, said: Words) -> Problem:
    """
    What the asker is told of an error, in the words of a catalogue.

    English keeps the error's own message, which names limits and fields; other
    languages say the same more shortly.
    """
    if not isinstance(error, errors.MeydanError) or status_of(error) == 500:
        return Problem(UNEXPECTED, said["errors.X5"])
    keys = [f"errors.{error.code}", f"errors.{error.code[:2]}"]
    message = next((said[key] for key in keys if key in said), error.message)
    if isinstance(error, errors.Blocked):
        # In the newsroom's own words, whatever language those are in.
        message = (
            said.fill("blocked_until", until=said.date(error.until), reason=error.reason)
            if error.until
            else said.fill("blocked", reason=error.reason)
        )
    if isinstance(error, errors.StoryClosed) and error.reason:
        message = f"{message} {said.fill('closed_reason', reason=error.reason)}"
    if isinstance(error, errors.StoryNotOpen):
        message = said.fill("opens_on", date=said.date(error.opens_at))
    # Of a database, a reader learns that it does not answer; the operator's log and `doctor` say why.
    operators = isinstance(error, errors.Unavailable) and message
    if (said.language == "en" and not operators) or not message:
        message = error.message
    problem = Problem(error.code, message, list(error.fields))
    if isinstance(error, errors.AlreadyDecided):
        problem.seq, problem.verdict, problem.by = error.seq, error.verdict, error.by
    if isinstance(error, errors.ProofNeeded):
        problem.challenge = dict(error.challenge)
    return problem


def code_of(error: Exception) -> str:
    """The stable code of an error, as the asker is told it."""
    if not isinstance(error, errors.MeydanError) or status_of(error) == 500:
        return UNEXPECTED
    return error.code


def headers_of(error: Exception) -> dict[str, str]:
    """Headers that belong to the answer: its code, when to come back, how to sign in, never to be kept."""
    headers = {"cache-control": "no-store", CODE_HEADER: code_of(error)}
    if isinstance(error, errors.TooFast | errors.Unavailable):
        headers["retry-after"] = str(max(1, error.retry_after_s))
    if isinstance(error, errors.SignInNeeded | errors.BadAccount):
        headers["www-authenticate"] = 'Bearer realm="meydan"'
    return headers


def language_asked(request: Request[Any, Any, Any]) -> Words:
    """The reader's language: `lang` in the address, else what the browser prefers, else English."""
    asked = request.query_params.get("lang")
    return words(asked or accepted(request.headers.get("accept-language", "")))


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """
    Answer any exception: JSON on the JSON routes, a page elsewhere. The one exception handler of the app.

    Never raises: an error that cannot be told is told as a fault of ours.
    """
    try:
        return _told(request, error)
    except Exception as untold:  # noqa: BLE001 - nobody is left who would answer it
        log.error("unexpected", error=type(untold).__name__, at=where(untold))
        problem = Problem(UNEXPECTED, words(None)["errors.X5"])
        if request.scope["path"].startswith(JSON_PATHS):
            body, kind = msgspec.json.encode(problem), MediaType.JSON
        else:
            body, kind = f"{problem.code}  {problem.message}\n".encode(), MediaType.TEXT
        return Response(body, status_code=500, media_type=kind, headers=headers_of(untold))


def _told(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    headers: dict[str, str] = {}
    if isinstance(error, HTTPException):
        headers = {key: value for key, value in (error.headers or {}).items() if key.lower() == "allow"}
        error = from_framework(error)
    status = status_of(error)
    headers |= headers_of(error)
    if status == 500:
        log.error("unexpected", error=type(error).__name__, at=where(error))
    elif isinstance(error, errors.StoreUnavailable):
        # The asker learns that it does not answer; what to do about it is the operator's.
        log.warning("unavailable", code=error.code, cause=error.message)
    said = language_asked(request)
    problem = problem_of(error, said)
    if request.scope["path"].startswith(JSON_PATHS):
        body = msgspec.json.encode(problem)
        return Response(body, status_code=status, media_type=MediaType.JSON, headers=headers)
    page = template("reader/error.html").render(t=said, problem=problem).encode()
    return Response(page, status_code=status, media_type=MediaType.HTML, headers=headers)


def from_framework(error: HTTPException) -> Exception:
    """The refusal of ours that an exception of the web framework stands for; itself when it is a fault."""
    if isinstance(error, ValidationException):
        fields = _fields_in(error)
        if missing := re.match(r"Missing required (?:query )?parameter '?\"?(\w+)", error.detail):
            return errors.MissingFields([missing[1]])
        named = ", ".join(fields)
        return errors.Malformed(
            f"Not of the right kind: {named}." if named else "The request could not be read.", fields=fields
        )
    if error.status_code == 404:
        return errors.NotFound("There is nothing at this address.")
    if error.status_code == 405:
        return WrongMethod("This address does not take that method.")
    if error.status_code == 413:
        return errors.TooLarge("The request is too large to be a comment.")
    if 400 <= error.status_code < 500:
        return errors.Malformed("The request could not be read.")
    return error


def _fields_in(error: ValidationException) -> list[str]:
    extra = error.extra if isinstance(error.extra, list) else []
    named = [str(entry.get("key", "")).split("[")[0] for entry in extra if isinstance(entry, dict)]
    return [field for field in dict.fromkeys(named) if field and field != "data"]


def where(error: Exception) -> str:
    """The last lines of code that an error came through."""
    # Frames only: an exception's message may quote the reader, a database's its parameters.
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " < ".join(f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno}" for frame in reversed(frames))
