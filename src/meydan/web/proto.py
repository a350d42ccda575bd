"""
JSON as Google's APIs take it and give it: messages by their fields, a tolerant reader, partial answers, errors.

Pure. What a message may hold is data (`Field`), from which both the reading here and a discovery document come. What is
not strict JSON is read once more, tolerantly: such clients leave the quotes off names. Nothing here repeats a value that
somebody sent, only names of fields, cut short.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

DEEPEST: Final = 32
"""Brackets within brackets, in a body that is read tolerantly, and in a message."""

MOST_TOLERATED: Final = 262_144
"""Characters of a body that is read tolerantly: character by character, which takes its time."""

LONGEST_MASK: Final = 2_000
"""Characters of a `fields` parameter."""

DEEPEST_MASK: Final = 16
LONGEST_NAME: Final = 100

TYPE_URL: Final = "type.googleapis.com/"

Kind = Literal["string", "boolean", "float", "integer", "enum", "message"]


@dataclass(frozen=True, slots=True)
class Field:
    """
    A field of a message.

    Attributes:
        kind: of its value, or of each of its values where it is `many` ("list", or "map" from any name).
        of: the message, for that kind. names: those of an enumeration.
    """

    kind: Kind
    told: str = ""
    of: str = ""
    many: Literal["", "list", "map"] = ""
    names: tuple[str, ...] = ()


Messages = Mapping[str, Mapping[str, Field]]


class Refusal(Exception):
    """
    A request that is answered with an error.

    Attributes:
        http: the status. status: the same as Google's codes are named. code: the same as ours are, for who counts.
        details: as the error carries them.
    """

    def __init__(
        self,
        message: str,
        *,
        http: int = 400,
        status: str = "INVALID_ARGUMENT",
        details: list[dict[str, Any]] | None = None,
        code: str = "R113",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.http = http
        self.status = status
        self.details = details
        self.code = code
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """What the asker is told."""
        error: dict[str, Any] = {"code": self.http, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = self.details
        return {"error": error}


def bad_request(field: str, said: str) -> Refusal:
    """What is answered to a body of the wrong form."""
    violation = {"description": said, **({"field": field} if field else {})}
    return Refusal(
        said, details=[{"@type": f"{TYPE_URL}google.rpc.BadRequest", "fieldViolations": [violation]}]
    )


# -- JSON in -------------------------------------------------------------------


def read_json(body: bytes) -> Any:
    """
    A body's value; an empty one is an empty message.

    Raises:
        Refusal: it is neither JSON nor nearly so.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise bad_request("", "Invalid JSON payload received. It is not UTF-8.") from None
    if not text.strip():
        return {}
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        pass
    if len(text) > MOST_TOLERATED:
        raise bad_request(
            "", "Invalid JSON payload received. It is no strict JSON, and too long for any other."
        )
    try:
        return _Tolerant(text).read()
    except ValueError as fault:
        raise bad_request("", f"Invalid JSON payload received. {fault}") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)


_SPACE = re.compile(r"[ \t\r\n]*")
_BARE = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]{0,199}")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,4})?(?![A-Za-z0-9_.])")
_SINGLE = re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)|(\")", re.DOTALL)
_STRINGS = json.JSONDecoder(strict=False)
_WORDS: Final[Mapping[str, Any]] = {"true": True, "false": False, "null": None}


class _Tolerant:
    """JSON whose names may stand without quotes, whose strings may stand in single ones, and lists may end in a comma."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def read(self) -> Any:
        value = self._value(0)
        if self._next():
            raise ValueError("Something follows the end of the value.")
        return value

    def _next(self) -> str:
        """The next character that is no space, "" at the end; it is not taken."""
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _take(self, pattern: re.Pattern[str], wanted: str) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise ValueError(f"Expected {wanted} at character {self._at}.")
        self._at = match.end()
        return match[0]

    def _value(self, depth: int) -> Any:
        if depth > DEEPEST:
            raise ValueError("It is nested too deeply.")
        next = self._next()
        if next == "{":
            return self._many("}", lambda into: self._pair(into, depth), {})
        if next == "[":
            return self._many("]", lambda into: into.append(self._value(depth + 1)), [])
        if next in ('"', "'"):
            return self._string(next)
        if next == "-" or next.isdigit():
            number = self._take(_NUMBER, "a number")
            return int(number) if re.fullmatch(r"-?[0-9]+", number) else float(number)
        word = self._take(_BARE, "a value") if next else ""
        if word not in _WORDS:
            raise ValueError(f"Expected a value at character {self._at}.")
        return _WORDS[word]

    def _many(self, end: str, one: Callable[[Any], None], into: Any) -> Any:
        self._at += 1
        while self._next() != end:
            one(into)
            if self._next() == ",":
                self._at += 1
            elif self._next() != end:
                raise ValueError(f"Expected , or {end} at character {self._at}.")
        self._at += 1
        return into

    def _pair(self, into: dict[str, Any], depth: int) -> None:
        next = self._next()
        name = self._string(next) if next in ('"', "'") else self._take(_BARE, "a name")
        if self._next() != ":":
            raise ValueError(f"Expected : at character {self._at}.")
        self._at += 1
        into[name] = self._value(depth + 1)

    def _string(self, quote: str) -> str:
        try:
            if quote == '"':
                value, self._at = _STRINGS.raw_decode(self._text, self._at)
                return str(value)
            inside = self._take(_SINGLE, "the end of a string")[1:-1]
            return str(_STRINGS.decode(f'"{_ESCAPED.sub(_requoted, inside)}"'))
        except json.JSONDecodeError:
            raise ValueError(f"A string at character {self._at} is none.") from None


def _requoted(match: re.Match[str]) -> str:
    """A character of a string in single quotes as it stands in double ones."""
    if match[2]:
        return '\\"'
    return "'" if match[1] == "'" else match[0]


def read_message(value: Any, message: str, messages: Messages, *, path: str = "") -> dict[str, Any]:
    """
    A value as a message: only fields that it has, by their own names, each of its kind; what is null is not there.

    Names are taken as they are and in snake_case. Numbers may stand in strings. An enumeration's value is left as it is,
    text or number: what is not among its names is for who asked to refuse.

    Raises:
        Refusal: naming the field.
    """
    if not isinstance(value, dict):
        raise bad_request(path, f"Invalid value{_at(path)}: it has to be an object.")
    fields = messages[message]
    found: dict[str, Any] = {}
    for given, one in value.items():
        name = given if given in fields else _camel(given)
        if name not in fields:
            raise bad_request(
                path,
                f'Invalid JSON payload received. Unknown name "{shown(given)}"{_at(path)}: Cannot find field.',
            )
        if one is not None:
            found[name] = _read_field(one, fields[name], messages, f"{path}.{name}" if path else name)
    return found


def _read_field(value: Any, field: Field, messages: Messages, path: str) -> Any:
    if field.many == "map":
        if not isinstance(value, dict):
            raise bad_request(path, f"Invalid value{_at(path)}: it has to be an object.")
        return {
            _text(name, path): _read_one(one, field, messages, f"{path}[{shown(name)}]")
            for name, one in value.items()
        }
    if field.many == "list":
        values = value if isinstance(value, list) else [value]
        return [_read_one(one, field, messages, f"{path}[{i}]") for i, one in enumerate(values)]
    return _read_one(value, field, messages, path)


def _read_one(value: Any, field: Field, messages: Messages, path: str) -> Any:
    match field.kind:
        case "message":
            return read_message(value, field.of, messages, path=path)
        case "string" if isinstance(value, str):
            return _text(value, path)
        case "boolean" if isinstance(value, bool):
            return value
        case "enum" if isinstance(value, str | int) and not isinstance(value, bool):
            named = isinstance(value, int) and 0 <= value < len(field.names)
            return field.names[int(value)] if named else _text(str(value), path)
        case "float" | "integer" if isinstance(value, int | float | str) and not isinstance(value, bool):
            number = _number(value)
            if number is not None and (field.kind == "float" or number == int(number)):
                return number if field.kind == "float" else int(number)
    raise bad_request(path, f"Invalid value{_at(path)} ({_KINDS[field.kind]}).")


_KINDS: Final[Mapping[Kind, str]] = {
    "string": "TYPE_STRING",
    "boolean": "TYPE_BOOL",
    "float": "TYPE_FLOAT",
    "integer": "TYPE_INT32",
    "enum": "TYPE_ENUM",
    "message": "TYPE_MESSAGE",
}


def _number(value: float | str) -> float | None:
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and abs(number) < 1e300 else None


def _text(value: str, path: str) -> str:
    """A string that is text: halves of characters are none."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise bad_request(path, f"Invalid value{_at(path)}: a string with half of a character.") from None
    return value


def _at(path: str) -> str:
    return f" at '{path}'" if path else ""


def shown(name: str) -> str:
    """A name that somebody sent, as an answer may repeat it."""
    cut = name if len(name) <= LONGEST_NAME else name[:LONGEST_NAME] + "…"
    return cut.encode("utf-8", "replace").decode()


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in others)


# -- partial answers -----------------------------------------------------------

Mask = dict[str, "Mask"]
"""Which fields of an answer are wanted, and of these which; all of one that says no more."""


def mask_of(fields: str, message: str, messages: Messages) -> Mask:
    """
    What a `fields` parameter asks for: names by commas, below one another by "/" or ".", several in brackets, "*" for all.

    Raises:
        Refusal: it is none, or names what the answer does not have.
    """
    if len(fields) > LONGEST_MASK:
        raise bad_request("fields", "Invalid field selection: it is too long.")
    tokens = re.findall(r"[^,/.()\s]+|[,/.()]", fields)
    mask, rest = _selection(tokens, 0, 0)
    if rest != len(tokens):
        raise bad_request("fields", "Invalid field selection: brackets that do not match.")
    _check_mask(mask, Field("message", of=message), messages)
    return mask


def _selection(tokens: list[str], at: int, depth: int) -> tuple[Mask, int]:
    if depth > DEEPEST_MASK:
        raise bad_request("fields", "Invalid field selection: it is nested too deeply.")
    mask: Mask = {}
    while True:
        path: list[str] = []
        while True:
            if at >= len(tokens) or tokens[at] in ",/.()" or len(path) >= DEEPEST_MASK:
                raise bad_request("fields", "Invalid field selection: a name is missing.")
            path.append(tokens[at])
            at += 1
            if at >= len(tokens) or tokens[at] not in "/.":
                break
            at += 1
        inner: Mask = {}
        if at < len(tokens) and tokens[at] == "(":
            inner, at = _selection(tokens, at + 1, depth + 1)
            if at >= len(tokens) or tokens[at] != ")":
                raise bad_request("fields", "Invalid field selection: brackets that do not match.")
            at += 1
        for name in reversed(path[1:]):
            inner = {name: inner}
        _join(mask, {path[0]: inner})
        if at >= len(tokens) or tokens[at] != ",":
            return mask, at
        at += 1


def _join(mask: Mask, more: Mask) -> None:
    for name, inner in more.items():
        if name not in mask:
            mask[name] = inner
        elif not mask[name] or not inner:
            # Asked for whole somewhere: then it is whole.
            mask[name] = {}
        else:
            _join(mask[name], inner)


def _check_mask(mask: Mask, field: Field, messages: Messages) -> None:
    for name, inner in mask.items():
        if field.many == "map":
            _check_mask(inner, Field(field.kind, of=field.of), messages)
        elif field.kind != "message" or (name != "*" and name not in messages[field.of]):
            raise bad_request("fields", f"Invalid field selection {shown(name)}")
        else:
            below = messages[field.of].values() if name == "*" else [messages[field.of][name]]
            if inner:
                for one in below:
                    _check_mask(inner, one, messages)


def chosen(value: Any, mask: Mask) -> Any:
    """Of an answer, what a mask asks for."""
    if not mask:
        return value
    if isinstance(value, list):
        return [chosen(one, mask) for one in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, one in value.items():
        inner = mask.get(name, mask.get("*"))
        if inner is not None:
            found[name] = chosen(one, inner)
    return found
