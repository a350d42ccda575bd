"""
The messages of the Perspective API, version v1alpha1, and its discovery document.

Data: the same fields are what the door reads (web/perspective) and what generated clients learn from the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from meydan.web.proto import Field, Messages

TEXT_TYPES: Final = ("TEXT_TYPE_UNSPECIFIED", "PLAIN_TEXT", "HTML")
SCORE_TYPES: Final = ("SCORE_TYPE_UNSPECIFIED", "PROBABILITY", "STD_DEV_SCORE", "PERCENTILE", "RAW")

_COMMENT = Field("message", "The comment.", of="TextEntry")
_CONTEXT = Field("message", "What the comment is about.", of="Context")
_LANGUAGES = Field("string", "What the comment is said to be written in (BCP 47).", many="list")
_TOKEN = Field("string", "Given back as it came.")
_COMMUNITY = Field("string", "Whose comments these are.")
_SESSION = Field("string", "Joins requests about the same comment.")
_SCORES = Field("message", "Scores by attribute.", of="AttributeScores", many="map")

MESSAGES: Final[Messages] = {
    "AnalyzeCommentRequest": {
        "comment": _COMMENT,
        "context": _CONTEXT,
        "requestedAttributes": Field(
            "message",
            "The attributes to score, by name. At least one.",
            of="AttributeParameters",
            many="map",
        ),
        "languages": _LANGUAGES,
        "doNotStore": Field("boolean", "Taken and without effect: nothing that is analyzed is ever stored."),
        "clientToken": _TOKEN,
        "sessionId": _SESSION,
        "communityId": _COMMUNITY,
        "spanAnnotations": Field("boolean", "Score each sentence too, where that means something."),
        "dropUnsupportedAttributes": Field(
            "boolean", "Leave attributes out that cannot be scored, instead of refusing."
        ),
    },
    "AnalyzeCommentResponse": {
        "attributeScores": _SCORES,
        "languages": Field(
            "string", "The languages of the request, else the one that was detected.", many="list"
        ),
        "detectedLanguages": Field(
            "string", "The languages the comment is written in, the surest first.", many="list"
        ),
        "clientToken": _TOKEN,
    },
    "ArticleAndParentComment": {
        "article": Field("message", "What is commented on.", of="TextEntry"),
        "parentComment": Field("message", "What is replied to.", of="TextEntry"),
    },
    "AttributeParameters": {
        "scoreType": Field("enum", "Only PROBABILITY is given.", names=SCORE_TYPES),
        "scoreThreshold": Field("float", "Scores below it are left out."),
    },
    "AttributeScores": {
        "summaryScore": Field("message", "The score of the whole comment.", of="Score"),
        "spanScores": Field("message", "Scores of stretches of it.", of="SpanScore", many="list"),
    },
    "Context": {
        "entries": Field("message", "Texts around the comment.", of="TextEntry", many="list"),
        "articleAndParentComment": Field(
            "message", "The article, and the comment that is replied to.", of="ArticleAndParentComment"
        ),
    },
    "Score": {
        "value": Field("float", "The score."),
        "type": Field("enum", "What kind of number it is.", names=SCORE_TYPES),
    },
    "SpanScore": {
        "begin": Field("integer", "Where the stretch begins, in UTF-16 code units."),
        "end": Field("integer", "Where it ends; what stands there is not part of it."),
        "score": Field("message", "Its score.", of="Score"),
    },
    "SuggestCommentScoreRequest": {
        "comment": _COMMENT,
        "context": _CONTEXT,
        "attributeScores": _SCORES,
        "languages": _LANGUAGES,
        "communityId": _COMMUNITY,
        "clientToken": _TOKEN,
        "sessionId": _SESSION,
    },
    "SuggestCommentScoreResponse": {
        "clientToken": _TOKEN,
        "requestedLanguages": Field("string", "The languages of the request.", many="list"),
        "detectedLanguages": Field(
            "string", "The languages the comment is written in, the surest first.", many="list"
        ),
    },
    "TextEntry": {
        "text": Field("string", "The text, of at most 20,480 bytes in UTF-8."),
        "type": Field("enum", "Only PLAIN_TEXT is read.", names=TEXT_TYPES),
    },
}

METHODS: Final[Mapping[str, tuple[str, str]]] = {
    "analyze": ("AnalyzeCommentRequest", "AnalyzeCommentResponse"),
    "suggestscore": ("SuggestCommentScoreRequest", "SuggestCommentScoreResponse"),
}
"""What each method takes and gives."""

_TOLD: Final[Mapping[str, str]] = {
    "analyze": "Scores a comment.",
    "suggestscore": "Takes scores that people gave a comment.",
}

PARAMETERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "key": {
        "type": "string",
        "description": "A token of this server with the scope judge.",
    },
    "access_token": {"type": "string", "description": "The same, as OAuth names it."},
    "oauth_token": {"type": "string", "description": "The same, as OAuth names it."},
    "alt": {"type": "string", "description": "The form of the answer.", "default": "json", "enum": ["json"]},
    "prettyPrint": {"type": "boolean", "description": "Answer with line breaks.", "default": "true"},
    "fields": {"type": "string", "description": "Which fields of the answer are wanted."},
    "quotaUser": {"type": "string", "description": "Taken and without effect."},
    "$.xgafv": {"type": "string", "description": "The form of errors.", "enum": ["1", "2"]},
    "uploadType": {"type": "string", "description": "Taken and without effect."},
    "upload_protocol": {"type": "string", "description": "Taken and without effect."},
}


def document(own_url: str) -> dict[str, Any]:
    """
    The discovery document of a server.

    Args:
        own_url: its public origin, without a slash at the end.
    """
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "commentanalyzer:v1alpha1",
        "name": "commentanalyzer",
        "canonicalName": "Comment Analyzer",
        "version": "v1alpha1",
        "revision": "20261129",
        "title": "Perspective Comment Analyzer API, as Meydan answers it",
        "description": "Judges comments by the publication's guidelines.",
        "protocol": "rest",
        "rootUrl": f"{own_url}/",
        "servicePath": "",
        "baseUrl": f"{own_url}/",
        "basePath": "",
        "batchPath": "batch",
        "fullyEncodeReservedExpansion": True,
        "parameters": {name: {"location": "query", **told} for name, told in PARAMETERS.items()},
        "schemas": {name: _schema(name, fields) for name, fields in MESSAGES.items()},
        "resources": {"comments": {"methods": {name: _method(name) for name in METHODS}}},
    }


def _method(name: str) -> dict[str, Any]:
    request, response = METHODS[name]
    path = f"v1alpha1/comments:{name}"
    return {
        "id": f"commentanalyzer.comments.{name}",
        "path": path,
        "flatPath": path,
        "httpMethod": "POST",
        "description": _TOLD[name],
        "parameters": {},
        "parameterOrder": [],
        "request": {"$ref": request},
        "response": {"$ref": response},
    }


def _schema(name: str, fields: Mapping[str, Field]) -> dict[str, Any]:
    return {
        "id": name,
        "type": "object",
        "properties": {field: _property(told) for field, told in fields.items()},
    }


def _property(field: Field) -> dict[str, Any]:
    one: dict[str, Any]
    match field.kind:
        case "message":
            one = {"$ref": field.of}
        case "enum":
            one = {"type": "string", "enum": list(field.names)}
        case "float":
            one = {"type": "number", "format": "float"}
        case "integer":
            one = {"type": "integer", "format": "int32"}
        case kind:
            one = {"type": kind}
    match field.many:
        case "list":
            one = {"type": "array", "items": one}
        case "map":
            one = {"type": "object", "additionalProperties": one}
    return {**one, "description": field.told}
