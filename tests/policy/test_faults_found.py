"""The checker is total, finds what was broken where it was broken, and finds nothing in what is right."""

from __future__ import annotations

import string
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from meydan import policy
from meydan.errors import BadGuidelines
from meydan.judge.calibration import APPROVALS
from meydan.judge.watch import EVERY_RULE
from meydan.policy.check import MAX_BYTES, MAX_FAULTS

DEFAULT = policy.DEFAULT.read_bytes()
GOLDEN = Path(__file__).with_name("golden")
PLAIN = (GOLDEN / "no_faults.toml").read_text(encoding="utf-8")

# What TOML is made of, and what breaks it: drawn often, so that they meet.
CRUMBS = st.sampled_from(
    [
        *"[]{}=,.#\"'\\\n\r\t \0",
        '"""',
        "'''",
        "[[rule]]",
        "[rule]",
        "[rule.title]",
        "[[rule.example]]",
        "[publication]",
        "[intro]",
        "\n",
        "labels",
        "hold_from",
        "title",
        "format",
        "id",
        "1",
        "0.5",
        "nan",
        "true",
        "2026-01-01",
        "rule.id",
        "é",
        "سەلام",
        "\u202e",
        "\N{BYTE ORDER MARK}",
        "\\u0041",
        "\\ud800",
    ]
)
CRUMBLED = st.lists(CRUMBS, max_size=40).map("".join)


def checked(source: bytes) -> list[policy.Fault]:
    """Check, and hold the result against what every result promises."""
    faults = policy.check(source, "x.toml")
    lines = source.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    assert [(f.line, f.column) for f in faults] == sorted((f.line, f.column) for f in faults)
    for fault in faults:
        assert 1 <= fault.line <= len(lines)
        assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1
        assert fault.width >= 1
        assert fault.excerpt in ("", lines[fault.line - 1].replace("\0", "\N{REPLACEMENT CHARACTER}"))
        assert fault.message
        assert fault.remedy
        drawn = fault.render("x.toml")
        assert len(drawn.split("\n")) == 4
        assert "\x1b" not in drawn
        assert "\u202e" not in drawn
        assert "^" in drawn.split("\n")[2]
    if faults:
        with pytest.raises(BadGuidelines) as refused:
            policy.parse(source, "x.toml")
        assert list(refused.value.findings) == faults
    else:
        assert policy.parse(source, "x.toml").source == source
    return faults


@given(st.binary(max_size=400))
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe")
@example(b"a = " + b"[" * 3000)
@example(b"a = " + b"1" * 5000)
@example(b'"\\ud800" = 1')
@example(b"\r")
@example(b'a."b\n"')
@example(b"[[rule]]\n[rule]\nrule = 3")
@example(b"rule = [1, {}, [[]], {id = []}]")
@example(b"[rule.example]\n[[rule]]")
@example(b"publication = {origins = [[]], languages = [1e400]}")
@example(b"format = 1979-05-27T07:32:00Z")
def test_any_bytes_at_all(source: bytes) -> None:
    """If the file holds any bytes at all, then check answers with faults that stand in it, and never raises."""
    checked(source)


@given(CRUMBLED)
def test_any_crumbs_of_toml(text: str) -> None:
    """If the file is broken TOML, then check answers with faults that stand in it, and never raises."""
    checked(text.encode("utf-8", "replace"))


@settings(max_examples=150)
@given(st.integers(0, len(PLAIN)), st.integers(0, 12), CRUMBLED)
def test_any_mistake_in_a_good_file(at: int, cut: int, put: str) -> None:
    """If anything is cut from or put into a good file, then check still answers, and parse agrees with it."""
    checked((PLAIN[:at] + put + PLAIN[at + cut :]).encode("utf-8", "replace"))


@given(st.data())
def test_a_removed_line_is_noticed(data: st.DataObject) -> None:
    """If a line that says something is taken out of a good file, then at least one fault says so."""
    lines = PLAIN.split("\n")
    optional = ("story =", "hold_below", "[[welcome]]")
    said = [i for i, line in enumerate(lines) if line.strip() and not line.startswith(optional)]
    gone = data.draw(st.sampled_from(said))
    assert checked("\n".join(lines[:gone] + lines[gone + 1 :]).encode())


@given(st.sampled_from(["hold_from", "reject_from", "hold_below", "audit", "confidence"]), st.floats())
def test_numbers_outside_their_range(key: str, number: float) -> None:
    """If a probability is below 0, above 1 or no number, then the fault stands at that number."""
    lines = PLAIN.split("\n")
    index = next(i for i, line in enumerate(lines) if line.startswith(key))
    lines[index] = f"{key} = {number!r}"
    faults = checked("\n".join(lines).encode())
    if not 0.0 <= number <= 1.0:
        assert any(f.line == index + 1 and f.column == len(key) + 4 and key in f.message for f in faults)


@pytest.mark.parametrize("name", [APPROVALS, EVERY_RULE])
def test_no_rule_is_called_as_all_of_them_are(name: str) -> None:
    """If a rule's id is what the counts of all approvals or rejections are kept under, then it is refused where it stands."""
    lines = PLAIN.split("\n")
    rule = lines.index("[[rules]]") if "[[rules]]" in lines else lines.index("[[rule]]")
    index = next(i for i, line in enumerate(lines) if i > rule and line.startswith("id ="))
    lines[index] = f'id = "{name}"'
    assert any(f.line == index + 1 and name in f.message for f in checked("\n".join(lines).encode()))


@given(st.text(string.ascii_lowercase + "_", min_size=1, max_size=12), st.sampled_from(PLAIN.split("\n")))
def test_unknown_keys_stand_where_they_are_written(key: str, after: str) -> None:
    """If a key that nobody knows is written anywhere, then a fault stands at its first character."""
    key = f"x_{key}"
    before = PLAIN.split("\n")
    index = before.index(after) + 1
    lines = [*before[:index], f"{key} = 1", *before[index:]]
    assert any(
        f.line == index + 1 and f.column == 1 and key in f.excerpt for f in checked("\n".join(lines).encode())
    )


def test_the_shipped_file_has_no_faults() -> None:
    """If nothing was changed, then the shipped guidelines have no faults."""
    assert checked(DEFAULT) == []


def test_line_ends_do_not_matter() -> None:
    """If the file was saved with Windows line ends, then it reads the same."""
    ours = policy.parse(PLAIN.encode(), "x.toml")
    theirs = policy.parse(PLAIN.replace("\n", "\r\n").encode(), "x.toml")
    assert theirs.rules == ours.rules
    assert theirs.digest != ours.digest


def test_a_huge_file_is_refused_unread() -> None:
    """If the file is larger than the limit, then the only fault says how large it may be."""
    (fault,) = policy.check(b"#" * (MAX_BYTES + 1), "x.toml")
    assert "1,048,576" in fault.message


@pytest.mark.parametrize(
    "filling",
    [
        b"[[rule]]\n",
        b"x\n",
        b"[x]\n",
        b"a = [1]\n",
        b"\xff\n",
        b"\0\n",
        b"'\n",
        b'"""\n',
        b"{",
        b"[",
        b"a.",
        b'a = "\\',
    ],
)
def test_a_large_broken_file_is_answered_soon(filling: bytes) -> None:
    """If a file of a mebibyte is nothing but faults, then check still answers within seconds, and briefly."""
    began = time.perf_counter()
    faults = policy.check(filling * ((1 << 20) // len(filling)), "x.toml")
    assert 1 <= len(faults) <= MAX_FAULTS + 1
    assert time.perf_counter() - began < 60


def test_a_long_list_of_origins_is_answered_soon() -> None:
    """If a list holds tens of thousands of entries, then checking stays linear."""
    origins = ", ".join(f'"https://n{i}.example"' for i in range(25_000))
    source = PLAIN.replace('"https://lantern.example"', origins).encode()
    began = time.perf_counter()
    assert policy.check(source, "x.toml") == []
    assert time.perf_counter() - began < 30


def test_every_fault_at_once() -> None:
    """If several independent things are wrong, then each is named in one go."""
    source = PLAIN.replace('"The Lantern"', "The Lantern").replace("0.20", "2").replace('"threat"', '"thret"')
    assert [fault.line for fault in checked(source.encode())] == [4, 23, 24]
