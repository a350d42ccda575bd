"""
The door for who spoke to the Perspective API: `comments:analyze` and `comments:suggestscore`, version v1alpha1.

    key -> pace -> body -> message -> desk.assess or desk.suggest -> answer, all refusals in that API's own shape

Raw ASGI, past the framework: what is answered here has no form but its own. `key` is a token of ours with the scope
judge, and like the rest of the address it is never logged. Nothing that is analyzed is kept.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
import tomllib
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

import msgspec
import structlog

from meydan import errors
from meydan.comment import Evidence
from meydan.desk import FEWEST_WORDS, VIOLATION, Assessed, Suggestion
from meydan.text.exact import is_blank
from meydan.web.discovery import MESSAGES as MESSAGES
from meydan.web.discovery import METHODS, TEXT_TYPES, document
from meydan.web.doors import Doors
from meydan.web.errors import CODE_HEADER, code_of, where
from meydan.web.proto import (
    TYPE_URL,
    Mask,
    Refusal,
    bad_request,
    chosen,
    mask_of,
    read_json,
    read_message,
    shown,
)
from meydan.web.sending import ROUTE, UNSEEN, body_of, in_thread

Scope = Any
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

PREFIXES: Final = ("/v1alpha1/", "/$discovery/")
"""Addresses that are answered here, whatever follows."""

DISCOVERY: Final = "/$discovery/rest"
LONGEST_COMMENT: Final = 20_480
"""Bytes of a comment, in UTF-8."""

LONGEST_CONTEXT: Final = 1_048_576
"""Bytes of one text of the context."""

LARGEST_BODY: Final = 4_194_304
AT_ONCE: Final = 8
"""Requests that are in threads at once: a few more than judge, so that there is always a next one, and no more."""

MOST_WAITING: Final = 64
WITHIN_S: Final = 0.5
"""How many wait before them at most, and how long one waits for a thread and a turn together."""

MOST_SPANS: Final = 50
"""Stretches that are scored on their own; of more sentences, neighbours are scored together."""

_ERROR: Final = f"{TYPE_URL}google.commentanalyzer.v1alpha1.Error"
_SERVICE: Final = "commentanalyzer.googleapis.com"
_SENTENCE_END: Final = re.compile(r"(?<=[.!?؟。！？…])\s+|\n")
"""Not the gaps around a line's end, which are cut off later: to try one at each place in a gap takes the square of its length."""

_NO: Final = frozenset({"false", "0"})

log = structlog.get_logger("meydan.web")


# -- the table -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attribute:
    """What an attribute is here; see attributes.toml."""

    name: str
    labels: tuple[str, ...]
    sentences: bool
    fit: Literal["same", "near", "part"]
    said: str
    inverted: bool = False
    suggests: str = ""
    suggests_from: float = 0.0

    def score(self, evidence: Evidence) -> float | None:
        """The score by what the judge found; None where a label of it was not measured."""
        found = [evidence.scores.get(label) for label in self.labels]
        known = [score for score in found if score is not None]
        if len(known) < len(found):
            return None
        return 1.0 - max(known) if self.inverted else max(known)


def _load_attributes() -> dict[str, Attribute]:
    rows = tomllib.loads(Path(__file__).with_name("attributes.toml").read_text(encoding="utf-8"))["attribute"]
    return {
        name: Attribute(
            name, tuple(row["labels"]), **{key: row[key] for key in row.keys() - {"names", "labels"}}
        )
        for row in rows
        for name in row["names"]
    }


ATTRIBUTES: Final[Mapping[str, Attribute]] = _load_attributes()


# -- the door ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request's address and head say."""

    key: str | None
    bearer: str | None
    mask: str
    pretty: bool


class Perspective:
    """What answers at PREFIXES. Of the event loop; judges in threads, a few at a time."""

    def __init__(self, doors: Doors) -> None:
        self._desk = doors.meydan.desk
        self._staff = doors.meydan.staff
        self._pace = doors.judge_pace
        self._own_url = doors.meydan.settings.own_url
        self._document = document(self._own_url)
        self._room = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Nothing here changes what readers see.
        scope[UNSEEN] = True
        pretty = True
        try:
            asked = _asked(scope)
            pretty = asked.pretty
            method, path = scope["method"], scope["path"]
            if path == DISCOVERY:
                scope[ROUTE] = DISCOVERY
                said = self._discovered(method, scope)
            else:
                said = await self._called(method, path, scope, asked, receive)
        except Exception as error:  # noqa: BLE001 - whatever it was, the asker is told so in their own shape
            await _refuse(error, send, pretty=pretty)
            return
        await _say(200, said, send, pretty=pretty)

    async def refuse(self, error: Exception, send: Send) -> None:
        """Say what kept a request from being asked at all."""
        await _refuse(error, send, pretty=True)

    async def _called(self, method: str, path: str, scope: Scope, asked: _Asked, receive: Receive) -> Any:
        verb = path.removeprefix("/v1alpha1/comments:")
        if verb not in METHODS or verb == path:
            raise Refusal("Requested entity was not found.", http=404, status="NOT_FOUND", code="R108")
        scope[ROUTE] = f"/v1alpha1/comments:{verb}"
        if method != "POST":
            raise _wrong_method("POST")
        return await self._answer(verb, asked, receive)

    def _discovered(self, method: str, scope: Scope) -> dict[str, Any]:
        if method != "GET":
            raise _wrong_method("GET, HEAD")
        version = dict(_parameters(scope)).get("version", "v1alpha1")
        if version != "v1alpha1":
            raise Refusal("Discovery document not found.", http=404, status="NOT_FOUND", code="R108")
        return self._document

    async def _answer(self, verb: str, asked: _Asked, receive: Receive) -> Any:
        request, response = METHODS[verb]
        # Before the body is read: whoever has no key should cost nothing more than this.
        holder = await in_thread(lambda: self._let_in(asked))
        body = await body_of(receive, LARGEST_BODY)
        if body is None:
            raise Refusal(f"Request payload size exceeds the limit: {LARGEST_BODY} bytes.", code="R114")

        def answer(within_s: float) -> Any:
            mask: Mask = mask_of(asked.mask, response, MESSAGES) if asked.mask else {}
            message = read_message(read_json(body), request, MESSAGES)
            if verb == "analyze":
                return chosen(self._analyze(message, within_s), mask)
            return chosen(self._suggest(message, holder), mask)

        until = time.monotonic() + WITHIN_S
        await self._enter()
        try:
            return await in_thread(lambda: answer(max(0.0, until - time.monotonic())))
        finally:
            self._room.release()

    async def _enter(self) -> None:
        """A place in a thread; Overloaded where none comes free in time, or too many wait for one."""
        if self._waiting >= MOST_WAITING:
            raise _too_much()
        self._waiting += 1
        try:
            async with asyncio.timeout(WITHIN_S):
                await self._room.acquire()
        except TimeoutError:
            raise _too_much() from None
        finally:
            self._waiting -= 1

    def _let_in(self, asked: _Asked) -> str:
        """The name of the token that was sent, if it may judge and has not judged too much of late."""
        secret = asked.key if asked.key is not None else asked.bearer
        if secret is None:
            raise Refusal(
                "Method doesn't allow unregistered callers (callers without established identity). "
                "Please use API Key or other form of API consumer identity to call this API.",
                http=403,
                status="PERMISSION_DENIED",
                code="R109",
            )
        try:
            name = self._staff.bearer(secret, "judge")
        except errors.SignInNeeded:
            raise _bad_key() if asked.key is not None else _bad_bearer() from None
        except errors.NotAllowed as error:
            raise Refusal(error.message, http=403, status="PERMISSION_DENIED", code=error.code) from None
        try:
            self._pace.check(name)
        except errors.TooFast as error:
            raise _quota(name, error, help=self._own_url) from None
        return name

    # -- analyze ---------------------------------------------------------------

    def _analyze(self, asked: Mapping[str, Any], within_s: float) -> dict[str, Any]:
        context = _context(asked)
        text = _comment(asked)
        attributes, dropping = _requested(asked), bool(asked.get("dropUnsupportedAttributes"))
        claimed: list[str] = asked.get("languages", [])
        # Once: it is the same for every attribute, and a body has room for very many of both.
        covered = {tag: _covers(self._desk.languages_judged, tag) for tag in dict.fromkeys(claimed)}
        unsupported = [tag for tag in claimed if not covered[tag]]
        if unsupported and attributes:
            if not dropping:
                raise _unsupported(next(iter(attributes)), unsupported, requested=claimed)
            attributes.clear()
        title, story = context if any("relevance" in a.labels for a in attributes) else (None, None)
        sentences = _sentences(text) if asked.get("spanAnnotations") else []
        assessed = self._desk.assess(
            text,
            parts=[text[begin:end] for begin, end in sentences],
            title=title,
            story=story,
            # Some say English of every language: that is no hint.
            language=next((tag for tag in claimed[:1] if _primary(tag) != "en"), None),
            within_s=within_s,
        )
        detected = list(assessed.languages)
        if not detected and not claimed:
            raise _invalid("LANGUAGE_DETECTION_FAILED", "Unable to detect language")
        offsets = _Utf16(text)
        scores: dict[str, Any] = {}
        for attribute, threshold in attributes.items():
            whole = attribute.score(assessed.evidence)
            if whole is None:
                if dropping:
                    continue
                raise _unmeasured(attribute, assessed, text, title=title, requested=claimed)
            spans = [(0, len(text), whole)]
            if attribute.sentences:
                alone = [attribute.score(part) for part in assessed.parts]
                # A sentence in a language that is not read has no score, and gets none.
                spans += [
                    (*place, score)
                    for place, score in zip(sentences, alone, strict=True)
                    if score is not None
                ]
            scores[attribute.name] = _scored(whole, spans, offsets, threshold)
        return _with_token(
            {
                "attributeScores": scores,
                "languages": claimed or detected[:1],
                "detectedLanguages": detected,
            },
            asked,
        )

    # -- suggestscore ----------------------------------------------------------

    def _suggest(self, asked: Mapping[str, Any], holder: str) -> dict[str, Any]:
        _context(asked)
        text = _comment(asked)
        given: Mapping[str, Any] = asked.get("attributeScores", {})
        if not given:
            raise _invalid("INVALID_REQUEST", "Missing attribute_scores")
        community = asked.get("communityId", "")
        token = asked.get("clientToken", "")
        coral = community.startswith("Coral:")
        length = _Utf16(text).length
        labels: dict[str, float] = {}
        for name, scores in given.items():
            if name not in ATTRIBUTES:
                raise _invalid("INVALID_REQUEST", f"Unknown requested attribute: {shown(name)}")
            attribute = ATTRIBUTES[name]
            _check_spans(scores, length)
            summary = scores.get("summaryScore")
            if summary is None:
                continue
            value = _suggested_value(summary, attribute)
            if coral:
                # What was found of the comment as a whole, under the name of whichever attribute is set there.
                labels[VIOLATION] = value
            elif attribute.suggests and value >= attribute.suggests_from:
                said = 1.0 - value if attribute.inverted else value
                labels[attribute.suggests] = max(said, labels.get(attribute.suggests, 0.0))
        subject = f"{community}|{token}" if coral and token.startswith("comment:") else ""
        if labels:
            suggestion = Suggestion(source=f"perspective:{holder}", text=text, labels=labels, subject=subject)
            detected = self._desk.suggest(suggestion)
        else:
            detected = self._desk.written_in(text)
        return _with_token(
            {
                "requestedLanguages": asked.get("languages", []),
                "detectedLanguages": list(detected),
            },
            asked,
        )


# -- what is asked -------------------------------------------------------------


def _parameters(scope: Scope) -> list[tuple[str, str]]:
    try:
        return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=64)
    except ValueError:
        raise bad_request("", "Invalid query: too many parameters.") from None


def _asked(scope: Scope) -> _Asked:
    """
    What a request says besides its body.

    Raises:
        Refusal: it asks for an answer of a form that there is not.
    """
    query: dict[str, str] = {}
    for name, value in _parameters(scope):
        query.setdefault(name.removeprefix("$") if name in ("$alt", "$fields", "$callback") else name, value)
    headers: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(bytes(name), bytes(value).decode("latin-1"))
    if "callback" in query:
        # A script that another site's page includes would be told the answer.
        raise bad_request("callback", "Answers as scripts (JSONP) are not given. Leave out callback.")
    if query.get("alt", "json") not in ("json", ""):
        raise bad_request("alt", f"Answers are given as json only, not as {shown(query['alt'])}.")
    kind, _, secret = headers.get(b"authorization", "").partition(" ")
    bearer = secret.strip() if kind.lower() == "bearer" else ""
    return _Asked(
        key=query.get("key", headers.get(b"x-goog-api-key")),
        bearer=bearer or query.get("access_token") or query.get("oauth_token") or None,
        mask=query.get("fields", ""),
        pretty=query.get("prettyPrint", "true").lower() not in _NO,
    )


def _comment(asked: Mapping[str, Any]) -> str:
    comment: Mapping[str, Any] = asked.get("comment", {})
    text: str = comment.get("text", "")
    if is_blank(text):
        raise _invalid("COMMENT_EMPTY", "Comment must be non-empty.", code="R104")
    kind = comment.get("type", "PLAIN_TEXT")
    if kind == "HTML":
        raise _invalid("INVALID_REQUEST", "Currently, only 'PLAIN_TEXT' comments are supported")
    if kind not in TEXT_TYPES:
        raise _invalid("INVALID_REQUEST", "Unknown text type")
    if len(text.encode()) > LONGEST_COMMENT:
        raise _invalid("COMMENT_TOO_LONG", "Comment text too long.", code="R102")
    return text


def _context(asked: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The article's title, and what is known of it and of the comment that is replied to; None where nothing is."""
    context: Mapping[str, Any] = asked.get("context", {})
    about: Mapping[str, Any] | None = context.get("articleAndParentComment")
    if about is not None and context.get("entries"):
        raise _invalid(
            "INVALID_REQUEST",
            "Context can have either entries or article_and_parent_comment, but both fields were populated.",
        )
    texts = [*context.get("entries", ()), *(about or {}).values()]
    if any(len(one.get("text", "").encode()) > LONGEST_CONTEXT for one in texts):
        raise _invalid("INVALID_REQUEST", "Context text too long.", code="R102")
    article, parent = (_plain((about or {}).get(name, {})) for name in ("article", "parentComment"))
    title, _, rest = article.partition("\n")
    if not title:
        return None, None
    # Only the beginning is read. Who replies is on the topic with what is replied to, too.
    return title[:_TITLE], "\n".join(part for part in (parent[:_PARENT], rest.strip()) if part) or None


_TITLE: Final = 300
_PARENT: Final = 200


def _plain(entry: Mapping[str, Any]) -> str:
    return "" if entry.get("type") == "HTML" else str(entry.get("text", "")).strip()


def _requested(asked: Mapping[str, Any]) -> dict[Attribute, float | None]:
    """The attributes that are asked for, each with the score below which it is not to be given."""
    requested: Mapping[str, Any] = asked.get("requestedAttributes", {})
    if not requested:
        raise _invalid("NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes", code="R104")
    found: dict[Attribute, float | None] = {}
    for name, parameters in requested.items():
        if name not in ATTRIBUTES:
            if asked.get("dropUnsupportedAttributes"):
                continue
            raise _invalid("INVALID_REQUEST", f"Unknown requested attribute: {shown(name)}")
        kind = parameters.get("scoreType", "PROBABILITY")
        if kind not in ("PROBABILITY", "SCORE_TYPE_UNSPECIFIED"):
            raise _invalid(
                "INVALID_REQUEST",
                f"Requested score type {shown(kind)} is not supported by attribute {name}",
            )
        found[ATTRIBUTES[name]] = parameters.get("scoreThreshold")
    return found


def _check_spans(scores: Mapping[str, Any], length: int) -> None:
    for span in scores.get("spanScores", ()):
        if "begin" not in span or "end" not in span:
            raise _invalid("INVALID_REQUEST", "Span scores must have both begin and end.")
        if not 0 <= span["begin"] <= span["end"] <= length:
            raise _invalid("INVALID_REQUEST", "Span scores must lie within the comment.")


def _suggested_value(score: Mapping[str, Any], attribute: Attribute) -> float:
    kind = score.get("type", "PROBABILITY")
    if kind not in ("PROBABILITY", "SCORE_TYPE_UNSPECIFIED"):
        raise _invalid(
            "INVALID_REQUEST",
            f"Requested score type {shown(kind)} is not supported by attribute {attribute.name}",
        )
    # Zero is what clients leave out.
    value = float(score.get("value", 0.0))
    if not 0.0 <= value <= 1.0:
        raise _invalid("INVALID_REQUEST", "Score values must lie between 0 and 1.")
    return value


def _primary(tag: str) -> str:
    return tag.replace("_", "-").partition("-")[0].lower()


_KURDISH: Final = {"ku": ("kmr", "ckb")}


def _covers(judged: frozenset[str], tag: str) -> bool:
    """Whether a language by this tag may be one that is judged; which one it is shows in the text."""
    primary = _primary(tag)
    return any(_primary(known) in _KURDISH.get(primary, (primary,)) for known in judged)


def _sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a text are, in code points, neighbours together where there are many; [] for one alone."""
    places, begin = [], 0
    for end, following in [*((m.start(), m.end()) for m in _SENTENCE_END.finditer(text)), (len(text), 0)]:
        stretch = text[begin:end]
        left, right = len(stretch) - len(stretch.lstrip()), len(stretch.rstrip())
        if right > left and not is_blank(stretch):
            places.append((begin + left, begin + right))
        begin = following
    if len(places) < 2:
        return []
    together = -(-len(places) // MOST_SPANS)
    return [
        (places[i][0], places[min(i + together, len(places)) - 1][1]) for i in range(0, len(places), together)
    ]


# -- what is answered ----------------------------------------------------------


class _Utf16:
    """Offsets into a text in UTF-16 code units."""

    def __init__(self, text: str) -> None:
        self._beyond = [i for i, c in enumerate(text) if c > "\uffff"]
        self.length = len(text) + len(self._beyond)

    def at(self, place: int) -> int:
        """Of an offset in code points."""
        return place + bisect_left(self._beyond, place)


def _scored(
    whole: float,
    spans: Sequence[tuple[int, int, float]],
    offsets: _Utf16,
    threshold: float | None,
) -> dict[str, Any]:
    least = 0.0 if threshold is None else threshold
    scored: dict[str, Any] = {
        "spanScores": [
            {"begin": offsets.at(begin), "end": offsets.at(end), "score": _score(score)}
            for begin, end, score in spans
            if score >= least
        ]
    }
    if whole >= least:
        scored["summaryScore"] = _score(whole)
    return {name: value for name, value in scored.items() if value}


def _score(value: float) -> dict[str, Any]:
    return {"value": round(value, 8), "type": "PROBABILITY"}


def _with_token(answer: dict[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    return {**answer, "clientToken": asked["clientToken"]} if asked.get("clientToken") else answer


def _invalid(kind: str, message: str, *, code: str = "R113", **more: Any) -> Refusal:
    return Refusal(message, details=[{"@type": _ERROR, "errorType": kind, **more}], code=code)


def _unsupported(attribute: Attribute, languages: Sequence[str], **named: Sequence[str]) -> Refusal:
    about = {f"{how}Languages": list(tags) for how, tags in named.items() if tags}
    listed = ", ".join(map(shown, languages))
    return _invalid(
        "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
        f"Attribute {attribute.name} does not support request languages: {listed}",
        languageNotSupportedByAttributeError={**about, "attribute": attribute.name},
    )


def _unmeasured(
    attribute: Attribute, assessed: Assessed, text: str, *, title: str | None, requested: Sequence[str]
) -> Refusal:
    """Why an attribute has no score."""
    if "relevance" in attribute.labels and (title is None or len(text.split()) < FEWEST_WORDS):
        return _invalid(
            "INVALID_REQUEST",
            f"Attribute {attribute.name} needs context.article_and_parent_comment.article in plain text, "
            f"and a comment of at least {FEWEST_WORDS} words",
        )
    if not assessed.languages:
        return _invalid("LANGUAGE_DETECTION_FAILED", "Unable to detect language")
    return _unsupported(attribute, assessed.languages, detected=assessed.languages, requested=requested)


def _info(reason: str, **metadata: str) -> dict[str, Any]:
    return {
        "@type": f"{TYPE_URL}google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": _SERVICE, **metadata},
    }


def _bad_key() -> Refusal:
    return Refusal(
        "API key not valid. Please pass a valid API key.",
        details=[_info("API_KEY_INVALID")],
        code="R109",
    )


def _bad_bearer() -> Refusal:
    return Refusal(
        "Request had invalid authentication credentials. Expected a token of this server with the scope judge.",
        http=401,
        status="UNAUTHENTICATED",
        details=[_info("ACCESS_TOKEN_TYPE_UNSUPPORTED")],
        code="R109",
        headers={"www-authenticate": 'Bearer realm="meydan"'},
    )


def _quota(holder: str, error: errors.TooFast, *, help: str) -> Refusal:
    quota = "Analysis requests (AnalyzeComment)"
    return Refusal(
        f"Quota exceeded for quota metric '{quota}' and limit '{quota} per minute' of service '{_SERVICE}' "
        f"for consumer 'token:{holder}'.",
        http=429,
        status="RESOURCE_EXHAUSTED",
        details=[
            _info(
                "RATE_LIMIT_EXCEEDED",
                consumer=f"token:{holder}",
                quota_limit="AnalyzeRequestsPerMinutePerProject",
                quota_metric="CommentAnalyzerService/analyze_requests",
            ),
            {
                "@type": f"{TYPE_URL}google.rpc.Help",
                "links": [
                    {
                        "description": "The setting judged_per_minute of this server says how many.",
                        "url": help,
                    }
                ],
            },
        ],
        code=error.code,
        headers={"retry-after": str(max(1, error.retry_after_s))},
    )


def _too_much() -> errors.Overloaded:
    return errors.Overloaded(
        "More is being judged than there is time for. Nothing was kept; try again.", retry_after_s=1
    )


def _wrong_method(allow: str) -> Refusal:
    return Refusal(
        "This address does not take that method.",
        http=405,
        status="UNIMPLEMENTED",
        headers={"allow": allow},
    )


def _refusal_of(error: Exception) -> Refusal:
    """An error of ours in the shape of the API's."""
    match error:
        case Refusal():
            return error
        case errors.Unavailable():
            wait = max(1, error.retry_after_s)
            return Refusal(
                "The service is currently unavailable."
                if isinstance(error, errors.StoreUnavailable)
                else error.message,
                http=503,
                status="UNAVAILABLE",
                details=[{"@type": f"{TYPE_URL}google.rpc.RetryInfo", "retryDelay": f"{wait}s"}],
                code=error.code,
                headers={"retry-after": str(wait)},
            )
        case errors.Refused():
            refusal = bad_request(".".join(error.fields), error.message)
            refusal.code = error.code
            return refusal
    return Refusal("Internal error encountered.", http=500, status="INTERNAL", code=code_of(error))


async def _refuse(error: Exception, send: Send, *, pretty: bool) -> None:
    refusal = _refusal_of(error)
    if refusal.http == 500:
        log.error("unexpected", error=type(error).__name__, at=where(error))
    elif isinstance(error, errors.StoreUnavailable):
        log.warning("unavailable", code=error.code, cause=error.message)
    headers = {CODE_HEADER: refusal.code, **refusal.headers}
    await _say(refusal.http, refusal.body(), send, pretty=pretty, headers=headers)


async def _say(
    status: int, value: Any, send: Send, *, pretty: bool, headers: Mapping[str, str] | None = None
) -> None:
    # Nothing in it but ASCII, so that whoever reads it in another encoding reads the same.
    written = json.dumps(value, separators=(",", ":")).encode("ascii")
    body = (msgspec.json.format(written, indent=2) if pretty else written) + b"\n"
    given = {
        "content-type": "application/json; charset=UTF-8",
        "cache-control": "no-store",
        "content-length": str(len(body)),
        **(headers or {}),
    }
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})
