"""The tree of errors, its page in the documentation and the table of statuses say the same."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from meydan import errors
from meydan.errors import MeydanError
from meydan.web.errors import STATUS, UNEXPECTED, status_of

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([A-Z]\d{3}) \| `(\w+)` \| (\d{3}) \| (.+?) \| (.+?) \|$", re.M)
DOCUMENTED = {code: (name, int(status)) for code, name, status, _, _ in ROW.findall(PAGE)}

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, MeydanError)]
LEAVES = [
    kind for kind in CLASSES if not any(other is not kind and issubclass(other, kind) for other in CLASSES)
]
FAMILIES = {"R1": errors.Refused, "U2": errors.Unavailable, "M3": errors.Misconfigured, "T4": errors.Tampered}


def test_the_tree_has_leaves() -> None:
    """If the tree is walked, then its leaves are all there, and a family is none."""
    assert len(LEAVES) >= 27
    assert not set(LEAVES) & {MeydanError, *FAMILIES.values()}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_every_leaf_is_documented_under_its_code(leaf: type[MeydanError]) -> None:
    """If an error can be raised, then docs/errors.md lists its code, with this class and this status."""
    assert "code" in vars(leaf), "a leaf has a code of its own"
    assert issubclass(leaf, FAMILIES[leaf.code[:2]])
    name, status = DOCUMENTED[leaf.code]
    assert name == leaf.__name__
    assert status == status_of(leaf.__new__(leaf))


def test_no_code_is_used_twice() -> None:
    """If two errors differ, then their codes differ; and the page lists each code once."""
    codes = [leaf.code for leaf in LEAVES]
    assert len(codes) == len(set(codes))
    listed = [code for code, *_ in ROW.findall(PAGE)]
    assert len(listed) == len(set(listed))
    assert listed == sorted(listed, key=lambda code: ("RUMT".index(code[0]), code))


def test_no_code_on_the_page_is_unknown() -> None:
    """If the page mentions a code, then an error of ours has it."""
    mentioned = set(re.findall(r"\b[A-Z]\d{3}\b", PAGE))
    assert mentioned == {leaf.code for leaf in LEAVES} | {UNEXPECTED}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_the_tree_is_drawn_as_it_is(leaf: type[MeydanError]) -> None:
    """If an error is in the module, then the drawing in its docstring shows it with its code."""
    assert re.search(rf"\+ {leaf.__name__}\s+{leaf.code}\b", errors.__doc__ or "")


def test_statuses_fit_their_family() -> None:
    """If the asker can fix it, then the status is 4xx; if not, then 5xx."""
    for leaf in LEAVES:
        status = status_of(leaf.__new__(leaf))
        assert status // 100 == (4 if issubclass(leaf, errors.Refused) else 5), leaf
    assert set(STATUS) <= set(CLASSES)


def test_what_messages_say() -> None:
    """If an error builds its own message, then the message names the field, the limit and what to do."""
    too_long = errors.TooLong("comment", limit=5000, size=5001)
    assert (too_long.fields, too_long.limit, too_long.size) == (("comment",), 5000, 5001)
    assert "5001" in too_long.message
    assert "5000" in too_long.message
    missing = errors.MissingFields(["name", "text"])
    assert missing.fields == ("name", "text")
    assert "name, text" in missing.message
    first = errors.AlreadyDecided("Decided already.", seq=2, verdict="reject", by="Nadia")
    assert (first.seq, first.verdict, first.by, first.fields) == (2, "reject", "Nadia", ("seen",))
    assert errors.StoreUnavailable("Not now.").retry_after_s > 0
    assert errors.TooFast("Slow down.", retry_after_s=7).retry_after_s == 7
    assert errors.BadGuidelines("Bad.", findings=[1]).findings == (1,)
