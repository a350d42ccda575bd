"""
POST /v1/moderations, as OpenAI's API has it: its clients ask here once their base address is set.

What is asked is judged by the guidelines and kept nowhere. A category that none of our labels measures is never scored:
it says that it was applied to nothing. docs/openai.md says what is the same and what differs.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import structlog

from meydan import errors
from meydan.comment import Verdict
from meydan.desk import Assessed, Desk
from meydan.text.exact import check_text, is_blank
from meydan.web.access import token_holder
from meydan.web.api import ApiRequest
from meydan.web.doors import Doors
from meydan.web.errors import UNEXPECTED, WrongMethod, headers_of, status_of, where
from meydan.web.sending import ROUTE, UNSEEN, answer, body_of, in_thread

PREFIX: Final = "/v1/"
PATH: Final = "/v1/moderations"

MODELS: Final = (
    "omni-moderation-latest",
    "omni-moderation-2024-09-26",
    "text-moderation-latest",
    "text-moderation-stable",
    "text-moderation-007",
)
"""The names that are taken and said back. They change nothing: one judge answers under all of them."""

CATEGORIES: Final[Mapping[str, tuple[str, ...]]] = {
    "harassment": ("personal_attack",),
    "harassment/threatening": ("threat",),
    "hate": ("sexism", "racism", "homophobia", "xenophobia", "religion_hate", "disability_hate"),
    "hate/threatening": (),
    "illicit": (),
    "illicit/violent": (),
    "self-harm": (),
    "self-harm/instructions": (),
    "self-harm/intent": (),
    "sexual": ("vulgarity",),
    "sexual/minors": (),
    "violence": (),
    "violence/graphic": (),
}
"""Category -> the labels that measure it, the highest of which is its score; none: it is not measured here."""

MAY_BE_NULL: Final = frozenset({"illicit", "illicit/violent"})
"""Categories that this API itself answers with null under the names of its older models."""

MOST_TEXTS: Final = 32
MOST_BYTES: Final = 1_048_576

AT_ONCE: Final = 4
"""Requests that are being judged, at most; the others wait without keeping a thread from readers."""

PATIENCE_S: Final = 10.0
"""How long a request waits for its place, and then each of its texts for its turn, before it is told to come again."""

Scope = Any
Receive = Callable[[], Any]
Send = Callable[[Any], Any]

log = structlog.get_logger("meydan.web")


class Asked(NamedTuple):
    """What a client wants judged: each of the texts by itself, under the name that it gave the model."""

    texts: tuple[str, ...]
    model: str


class Moderations:
    """What answers all addresses that begin with /v1/."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors
        self._desk = doors.meydan.desk
        self._at_once = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[UNSEEN] = True
        try:
            body = await self._answer(scope, receive)
        except Exception as error:  # noqa: BLE001 - the one table says what each is answered with
            await self.refuse(error, send)
            return
        await answer(200, {"content-type": "application/json", "cache-control": "no-store"}, body, send)

    async def refuse(self, error: Exception, send: Send) -> None:
        """Answer an error as OpenAI's API tells one."""
        status, told = problem_of(error)
        if status == 500:
            log.error("unexpected", error=type(error).__name__, at=where(error))
        elif isinstance(error, errors.StoreUnavailable):
            # The asker learns that it does not answer; what to do about it is the operator's.
            log.warning("unavailable", code=error.code, cause=error.message)
        headers = {"content-type": "application/json", **headers_of(error)}
        if isinstance(error, WrongMethod):
            headers["allow"] = "POST"
        await answer(status, headers, json.dumps(told, ensure_ascii=False).encode(), send)

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        if scope["path"] != PATH:
            raise errors.NotFound("There is no such address here; there is POST /v1/moderations.")
        scope[ROUTE] = PATH
        if scope["method"] != "POST":
            raise WrongMethod("This address takes POST.")
        request = ApiRequest(scope)
        # Who has no key costs nothing more than this.
        await in_thread(lambda: self._let_in(request))
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise errors.Malformed("Send JSON, as Content-Type: application/json.")
        body = await body_of(receive, MOST_BYTES)
        if body is None:
            raise errors.TooLarge(f"The request has more than {MOST_BYTES} bytes. Send fewer texts at once.")
        asked = await in_thread(lambda: read(body, longest=self._desk.limits.text))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._at_once.acquire()
        except TimeoutError:
            raise errors.Overloaded(
                "More is being judged than can be. Nothing was kept; try again.", retry_after_s=2
            ) from None
        try:
            return await in_thread(lambda: self._judged(asked))
        finally:
            self._at_once.release()

    def _let_in(self, request: ApiRequest) -> None:
        """Refuse whoever has no token with the right to ask, and who asks too often with it."""
        self._doors.judge_pace.check(token_holder(request, self._doors.meydan.staff, "judge"))

    def _judged(self, asked: Asked) -> bytes:
        """The answer. Each text takes a turn of its own, so that a long batch keeps no reader waiting."""
        results = [
            result_of(
                self._desk.assess(text, within_s=PATIENCE_S),
                self._desk,
                older=asked.model.startswith("text-"),
            )
            for text in asked.texts
        ]
        body = {"id": f"modr-{secrets.token_hex(16)}", "model": asked.model, "results": results}
        return json.dumps(body, ensure_ascii=False).encode()


def result_of(assessed: Assessed, desk: Desk, *, older: bool = False) -> dict[str, Any]:
    """
    What is said of one text.

    `flagged` wherever the machine would not approve it alone: it rejects it, or leaves it to a person. So what is not
    measured in the text's language is flagged, with no category and no score that anybody made up.

    Args:
        older: under the name of a model that does not know the illicit categories, and says null.
    """
    evidence, decision = assessed.evidence, assessed.decision
    doubted = desk.doubted(evidence)
    categories: dict[str, bool | None] = {}
    scores: dict[str, float] = {}
    applied: dict[str, list[str]] = {}
    for category, labels in CATEGORIES.items():
        found = [score for label in labels if (score := evidence.scores.get(label)) is not None]
        measured = bool(labels) and len(found) == len(labels)
        categories[category] = None if older and category in MAY_BE_NULL else not doubted.isdisjoint(labels)
        scores[category] = round(max(found, default=0.0), 6)
        applied[category] = ["text"] if measured else []
    return {
        "flagged": decision.verdict is not Verdict.APPROVE,
        "categories": categories,
        "category_scores": scores,
        "category_applied_input_types": applied,
        # Beyond that API: what the guidelines say, which has no place in its categories.
        "meydan": {
            "verdict": decision.verdict.value,
            "rules": [reason.rule for reason in decision.reasons],
            "holds": [hold.value for hold in decision.holds],
            "language": evidence.language,
        },
    }


def read(body: bytes, *, longest: int) -> Asked:
    """
    What a request's body asks for.

    Args:
        longest: the most characters that are read of one text.

    Raises:
        Malformed, MissingFields, NotText, TooLong: `fields` names what is at fault, such as "input[3]".
        NotServed: an image, or a model of another name.
        TooLarge: more texts than are taken at once.
    """
    try:
        asked = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise errors.Malformed("The body is not JSON, or is nested too deeply.") from None
    if not isinstance(asked, dict):
        raise errors.Malformed("The body has to be a JSON object.")
    model = asked.get("model")
    if model is None:
        model = MODELS[0]
    elif not isinstance(model, str):
        raise errors.Malformed("The model is told by its name.", fields=("model",))
    elif model not in MODELS:
        raise errors.NotServed(
            f"There is no such model here. There are: {', '.join(MODELS)}.", fields=("model",)
        )
    if asked.get("input") is None:
        raise errors.MissingFields(["input"])
    texts = _texts_in(asked["input"])
    for place, text in texts.items():
        check_text(place, text, longest)
        if is_blank(text):
            raise errors.Malformed("There is nothing in it that could be judged.", fields=(place,))
    return Asked(tuple(texts.values()), model)


def _texts_in(given: Any) -> dict[str, str]:
    """The texts of an `input` by where they stand in it: one, several, or the one whose parts are listed."""
    if isinstance(given, str):
        return {"input": given}
    if not isinstance(given, list) or not given:
        raise errors.Malformed(
            "The input is a text, a list of texts, or a list of parts with a type.", fields=("input",)
        )
    if len(given) > MOST_TEXTS:
        raise errors.Malformed(
            f"The input has {len(given)} entries; {MOST_TEXTS} are taken at once. Send the others after them.",
            fields=("input",),
        )
    if isinstance(given[0], str):
        for i, text in enumerate(given):
            if not isinstance(text, str):
                raise errors.Malformed("A list of texts holds nothing else.", fields=(f"input[{i}]",))
        return {f"input[{i}]": text for i, text in enumerate(given)}
    return {"input": "\n".join(_parts_in(given))}


def _parts_in(given: Sequence[Any]) -> list[str]:
    """The words of the parts of one thing that is to be judged."""
    words = []
    for i, part in enumerate(given):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "image_url":
            raise errors.NotServed(
                "Images are not judged here, only text. Leave the image out, or have a person look at it.",
                fields=(f"input[{i}]",),
            )
        if kind != "text" or not isinstance(part.get("text"), str):
            raise errors.Malformed(
                'A part is {"type": "text", "text": "…"}; of other types none is judged here.',
                fields=(f"input[{i}]",),
            )
        words.append(part["text"])
    return words


def problem_of(error: Exception) -> tuple[int, dict[str, Any]]:
    """An error as that API tells it, and the status it goes with; its own codes where it has one for the same."""
    status = status_of(error)
    fields = error.fields if isinstance(error, errors.MeydanError) else ()
    message = error.message if isinstance(error, errors.MeydanError) else ""
    kind, code = "invalid_request_error", None
    match error:
        case errors.NotServed() if fields == ("model",):
            status, code = 404, "model_not_found"
        case errors.NotServed():
            status, code = 400, "unsupported_value"
        case errors.TooLong():
            status, code = 400, "string_above_max_length"
        case errors.MissingFields():
            status, code = 400, "missing_required_parameter"
            message = f"Missing required parameter: '{fields[0]}'."
        case errors.NotText() | errors.Malformed() if status != 405:
            status = 400
        case errors.SignInNeeded():
            code = "invalid_api_key"
        case errors.NotAllowed():
            code = "insufficient_permissions"
        case errors.NotFound():
            code = "unknown_url"
        case errors.TooFast():
            kind, code = "requests", "rate_limit_exceeded"
        case errors.StoreUnavailable():
            kind, code = "server_error", "overloaded"
            message = "The server cannot look that up now. Nothing was kept; try again."
        case errors.Unavailable():
            kind, code = "server_error", "overloaded"
        case _ if status == 500:
            kind, message = "server_error", f"A fault of this server ({UNEXPECTED}); its log says more."
    return status, {
        "error": {"message": message, "type": kind, "param": fields[0] if fields else None, "code": code}
    }


def _no_constant(name: str) -> None:
    raise ValueError(name)
