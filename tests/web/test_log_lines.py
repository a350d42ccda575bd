"""Log lines: one line of JSON each, with nothing that a terminal could take for a command."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meydan.web.serve import _encode_line


@pytest.mark.parametrize(
    "fact",
    [
        "a line\nand another\r\n",
        "\x1b[2J\x07",
        "\x9b2J",
        "\u202eright to left",
        "ساحة",
        "\ud800",
        "\u2028",
        2**80,
        {"deep": ["ê"]},
    ],
)
def test_a_line_is_one_line_of_ascii_that_says_what_was_logged(fact: Any) -> None:
    """If a fact holds anything at all, then its line holds nothing but ASCII, and reads as that fact."""
    line = _encode_line({"event": "told", "fact": fact})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"event": "told", "fact": fact}


@pytest.mark.parametrize("fact", [object, {"a"}, ValueError("x"), b"\xff", float("nan")])
def test_what_is_no_json_is_logged_all_the_same(fact: Any) -> None:
    """If a fact is of a kind that JSON knows nothing of, then there is a line of it."""
    assert json.loads(_encode_line({"event": "told", "fact": fact}))["event"] == "told"
