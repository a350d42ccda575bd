"""JSON as Google's APIs take it: what is strict is read strictly, what is nearly so is read the same, and all of it ends."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.web.discovery import MESSAGES
from meydan.web.proto import (
    DEEPEST,
    MOST_TOLERATED,
    Refusal,
    _Tolerant,
    chosen,
    mask_of,
    read_json,
    read_message,
)

NAMES = st.from_regex(r"[A-Za-z_$][A-Za-z0-9_$]{0,8}", fullmatch=True)
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.text("\\'\"\n{}:,ab", max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)


def loosely(value: Any) -> str:
    """A value as loosely as it may be written: names bare, strings in single quotes, a comma at the end of lists."""
    if isinstance(value, dict):
        return "{" + "".join(f"{name} : {loosely(one)},\n" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + "".join(f"{loosely(one)}, " for one in value) + "]"
    if isinstance(value, str):
        inside = json.dumps(value, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
        return f"'{inside}'"
    return json.dumps(value)


@given(VALUES)
def test_what_is_written_loosely_is_read_the_same(value: Any) -> None:
    """If the same value is written strictly and loosely, then both are read as this value."""
    assert read_json(loosely(value).encode()) == value or loosely(value).strip() == ""
    assert _Tolerant(json.dumps(value)).read() == value


@given(st.text("{}[]:,'\"\\ab1-e.tn \u00e9", max_size=40))
def test_what_is_no_json_is_refused(text: str) -> None:
    """If a body is neither JSON nor nearly so, then it is refused; nothing else is raised."""
    with contextlib.suppress(Refusal):
        read_json(text.encode())


@pytest.mark.parametrize(
    "body", ["[" * 100_000, "{a:" * 100_000, "[" * (DEEPEST + 2) + "]" * (DEEPEST + 2) + "x"]
)
def test_depth_is_bounded(body: str) -> None:
    """If brackets go on for ever, then the body is refused, and no stack ends."""
    with pytest.raises(Refusal):
        read_json(body.encode())


def test_only_so_much_is_read_tolerantly() -> None:
    """If a body is no strict JSON and very long, then it is refused at once; strictly written, it is read."""
    long = "[" + "1," * MOST_TOLERATED + "1]"
    assert len(read_json(long.encode())) == MOST_TOLERATED + 1
    with pytest.raises(Refusal, match="too long"):
        read_json(long.replace("1]", "1,]").encode())


def test_a_message_has_only_its_own_fields() -> None:
    """If a field is unknown or of another kind, then the refusal names it, and never a value."""
    read = read_message(
        {"comment": {"text": "a", "type": 1}, "requested_attributes": {"X": {"score_threshold": "0.5"}}, "context": None},
        "AnalyzeCommentRequest",
        MESSAGES,
    )  # fmt: skip
    assert read == {
        "comment": {"text": "a", "type": "PLAIN_TEXT"}, "requestedAttributes": {"X": {"scoreThreshold": 0.5}}
    }  # fmt: skip
    wrong = [
        ({"comment": "secret"}, "comment"),
        ({"comment": {"text": 17}}, "comment.text"),
        ({"comment": {"text": "\ud800"}}, "comment.text"),
        ({"spanAnnotations": "secret"}, "spanAnnotations"),
        (
            {"requestedAttributes": {"X": {"scoreThreshold": "secret"}}},
            "requestedAttributes[X].scoreThreshold",
        ),
        ({"requestedAttributes": {"X": {"scoreThreshold": 1e400}}}, "requestedAttributes[X].scoreThreshold"),
        ({"languages": [1]}, "languages[0]"),
    ]
    for value, named in wrong:
        with pytest.raises(Refusal, match=re.escape(f"'{named}'")) as refused:
            read_message(value, "AnalyzeCommentRequest", MESSAGES)
        assert "secret" not in json.dumps(refused.value.body())
    with pytest.raises(Refusal, match='Unknown name "coment": Cannot find field'):
        read_message({"coment": {}}, "AnalyzeCommentRequest", MESSAGES)


ANSWER = {
    "attributeScores": {
        "THREAT": {
            "summaryScore": {"value": 0.5, "type": "PROBABILITY"},
            "spanScores": [{"begin": 0, "end": 2}],
        }
    },
    "languages": ["en"],
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("languages", {"languages": ["en"]}),
        ("*", ANSWER),
        ("languages,attributeScores", ANSWER),
        ("attributeScores/THREAT/summaryScore/value", {"attributeScores": {"THREAT": {"summaryScore": {"value": 0.5}}}}),
        ("attributeScores.THREAT(spanScores/end)", {"attributeScores": {"THREAT": {"spanScores": [{"end": 2}]}}}),
        ("attributeScores(*(summaryScore(type)))", {"attributeScores": {"THREAT": {"summaryScore": {"type": "PROBABILITY"}}}}),
        ("attributeScores/THREAT/summaryScore/value,attributeScores/THREAT", {"attributeScores": ANSWER["attributeScores"]}),
    ],
)  # fmt: skip
def test_a_part_of_an_answer_can_be_asked_for(fields: str, expected: Any) -> None:
    """If `fields` names parts, then exactly these are given."""
    assert chosen(ANSWER, mask_of(fields, "AnalyzeCommentResponse", MESSAGES)) == expected


@pytest.mark.parametrize(
    "fields", ["", ",", "a(", "languages)", "languages(", "scores", "languages/x", "/", "(" * 50]
)
def test_a_part_that_there_is_not_is_refused(fields: str) -> None:
    """If `fields` is none, or names what no answer has, then it is refused."""
    with pytest.raises(Refusal):
        mask_of(fields, "AnalyzeCommentResponse", MESSAGES)
