"""Places are held against tomllib: what stands at a place is the key or value that tomllib read there."""

from __future__ import annotations

import math
import tomllib
from typing import Any

import tomlkit
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meydan.policy import DEFAULT
from meydan.policy.places import KeyPath, Places

KEYS = st.sampled_from(["a", "b-1", "kmr-Latn", "with space", 'quo"te', "ژ", "", "dotted.key", "back\\slash"])
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12),
    st.sampled_from(['"""', "'''", "# no", "[x]", "a = 1", "line\nline", "\\", "}", "],"]),
)
SCALARS = st.one_of(
    TEXTS, st.integers(-(2**40), 2**40), st.floats(allow_nan=False), st.booleans(), st.datetimes()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)


def leaves(value: Any, path: KeyPath = ()) -> list[tuple[KeyPath, Any]]:
    """Every key path of a parsed document with its value, tables and lists included."""
    found: list[tuple[KeyPath, Any]] = [(path, value)] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += leaves(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            found += leaves(inner, (*path, number))
    return found


def same(one: Any, other: Any) -> bool:
    return one == other or (isinstance(one, float) and isinstance(other, float) and math.isnan(one))


def hold_against_tomllib(text: str) -> None:
    """Every scalar's place holds exactly its characters; every key's place holds exactly its name."""
    places = Places(text)
    for path, value in leaves(tomllib.loads(text)):
        place = places.of_value(path)
        written = text[place.begin : place.end]
        if not isinstance(value, dict | list):
            assert same(tomllib.loads(f"v = {written}")["v"], value), path
        elif written[:1] == "[" and isinstance(value, list) and not written.startswith("[["):
            assert len(tomllib.loads(f"v = {written}")["v"]) == len(value), path
        key = places.of_key(path)
        if isinstance(path[-1], str) and text[key.begin] != "[":
            assert list(tomllib.loads(f"{text[key.begin : key.end]} = 1")) == [path[-1]], path
        line, column = places.line_and_column(place.begin)
        assert places.offset_of(line, column) == place.begin
        assert places.line(line)[column - 1 :].startswith(written.split("\n")[0])
    assert places.twice == []


@settings(max_examples=200)
@given(DOCUMENTS)
def test_every_value_is_found_where_it_stands(document: dict[str, Any]) -> None:
    """If tomllib reads a value, then its place holds the very characters that it was read from."""
    hold_against_tomllib(tomlkit.dumps(document).replace("\r\n", "\n"))


@given(st.lists(st.dictionaries(KEYS, SCALARS, max_size=3), min_size=1, max_size=4))
@example([{}, {}])
def test_every_table_of_an_array_has_its_own_header(tables: list[dict[str, Any]]) -> None:
    """If a table stands in an array of tables, then its place is its own header."""
    text = "".join(f"[[rule]]\n{tomlkit.dumps(table)}\n  [[rule.example]]\n  x = 1\n" for table in tables)
    hold_against_tomllib(text)
    places = Places(text)
    headers = [
        i for i in range(len(text)) if text.startswith("[[rule]]", i) and (i == 0 or text[i - 1] == "\n")
    ]
    inner = [places.of_table(("rule", number, "example", 0)).begin for number in range(len(tables))]
    assert all(text.startswith("[[rule.example]]", begin) for begin in inner)
    assert inner == sorted(set(inner))
    assert len(headers) >= len(tables)


def test_the_shipped_file() -> None:
    """If the shipped guidelines are walked, then every key and value is found."""
    hold_against_tomllib(DEFAULT.read_text(encoding="utf-8"))


def test_hard_corners_of_the_grammar() -> None:
    """If TOML is written in its stranger ways, then places are still right."""
    hold_against_tomllib(
        "\n".join(
            [
                "a.b . 'c'=1 # note",
                '"q\\"".x = """a ""quoted"" \\""" b"""""',
                "l = '''it's ''two'' '''''",
                "dates = [1979-05-27 07:32:00, 1979-05-27T07:32:00Z, 07:32:00]",
                "deep = [ [1, 2], # one",
                "  { k = 'v', n.m = [] }, # two",
                "]",
                "[ tab . 'le' ]",
                "x={}",
                "[[t]]",
                "[[t.u]]",
                "k=1",
                "[t.w]",
                "k=2",
                "[[t]]",
                "[t.w]",
                "k=3",
            ]
        )
    )


@given(st.text("ab.=[]{}\"'#\n ,\\1", max_size=60))
def test_any_text_can_be_walked(text: str) -> None:
    """If the text is anything at all, then walking it ends, and every place asked for lies in it."""
    places = Places(text)
    for path in [(), ("a",), ("a", 0, "b"), ("b", "a")]:
        for place in (places.of_key(path), places.of_value(path), places.of_table(path)):
            assert 0 <= place.begin <= len(text)
    for statement in places.statements:
        assert 0 <= statement.begin <= statement.end <= len(text)


@given(st.text("ab.=[]{}\"'#\n ,1", max_size=40))
def test_walking_agrees_with_tomllib(text: str) -> None:
    """If tomllib accepts a text, then walking it reaches its end and finds nothing given twice."""
    try:
        tomllib.loads(text)
    except ValueError:
        return
    hold_against_tomllib(text)
