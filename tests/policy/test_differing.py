"""How one file differs from another, line by line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meydan.policy import difference, lines_of

FILES = st.lists(st.sampled_from(["", "a", "b = 1", "ç", "[[rule]]"]), max_size=12).map(
    lambda lines: "".join(f"{line}\n" for line in lines).encode()
)


@given(FILES, FILES, st.integers(0, 3))
def test_both_files_are_in_it(old: bytes, new: bytes, context: int) -> None:
    """If two files differ, then without what was added it is the old one, without what was removed the new, each line at its number."""
    lines = difference(old, new, context=context)
    for source, kind, number in ((old, "added", "old"), (new, "removed", "new")):
        rest, at = lines_of(source), 0
        for line in lines:
            if line.kind == kind:
                continue
            if line.kind != "left-out":
                assert (rest[at], at + 1) == (line.text, getattr(line, number))
            at += line.count
        assert at == len(rest) or not lines
    assert bool(lines) == (lines_of(old) != lines_of(new))


def test_only_what_is_near_a_change_is_shown() -> None:
    """If one line of many changes, then it is shown with three lines around it, and the rest is counted."""
    old = b"".join(b"line %d\n" % number for number in range(100))
    told = difference(old, old.replace(b"line 50\n", b"line fifty\n"))
    assert [(line.kind, line.count) for line in told] == [
        ("left-out", 47),
        *[("same", 1)] * 3,
        ("removed", 1),
        ("added", 1),
        *[("same", 1)] * 3,
        ("left-out", 46),
    ]
