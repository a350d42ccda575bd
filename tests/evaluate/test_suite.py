"""The newsroom suite that ships: every case is whole, and every functionality is tried."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from meydan.comment import Verdict
from meydan.errors import Malformed
from meydan.evaluate.suite import FUNCTIONALITIES, INNOCENT, VIOLATIONS, load_suite

LANGUAGES = {"en", "ar", "tr", "ckb", "kmr-Latn", "kmr-Arab"}


def test_the_suite_is_large_and_in_every_language() -> None:
    """If the suite is loaded, then it has 1,200 cases at least, some in each language, each id once, no text twice."""
    cases = load_suite()
    assert len(cases) >= 1200
    assert {case.lang for case in cases} == LANGUAGES
    assert len({case.id for case in cases}) == len(cases)
    assert [text for text, times in Counter(case.text for case in cases).items() if times > 1] == []


@pytest.mark.parametrize("language", ["en", "ar", "tr", "ckb"])
def test_every_functionality_is_tried(language: str) -> None:
    """If a language has a file of its own, then nearly every functionality is tried in it, violations and innocent alike."""
    times = Counter(case.functionality for case in load_suite([language]))
    # A word that is a slur elsewhere, or one taken back by those it named, is not in every language.
    assert set(FUNCTIONALITIES) - set(times) <= {"homonym", "reclaimed"}
    violations, innocent = (sum(times[name] for name in names) for names in (VIOLATIONS, INNOCENT))
    assert 0.35 < violations / (violations + innocent) < 0.65
    if language == "en":
        assert min(times.values()) >= 5


def test_violations_name_their_rule_and_pairs_are_pairs() -> None:
    """If a case is a violation, then it names a rule; if it has a pair, then another case has the same."""
    cases = load_suite()
    assert all(bool(case.rules) is (case.expect is Verdict.REJECT) for case in cases)
    pairs = Counter(case.pair for case in cases if case.pair)
    alone = [pair for pair, times in pairs.items() if times < 2]
    assert alone == []
    assert all(case.story for case in cases if case.functionality == "off_topic")


def _case(**changed: Any) -> dict[str, Any]:
    return {
        "id": "x-1", "lang": "en", "functionality": "abuse_racism", "text": "words", "expect": "reject",
        "rule": "abuse", "ground": "racism", "pair": None, "story": None, **changed,
    }  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"expect": "approve"},
        {"expect": "maybe"},
        {"lang": "xx"},
        {"functionality": "abuse_of_notation"},
        {"rule": None},
        {"rule": "manners"},
        {"also": ["manners"]},
        {"ground": "height"},
        {"rule": "threats"},
        {"text": "  "},
        {"text": None},
        {"extra": 1},
    ],
    ids=str,
)
def test_a_case_that_is_not_whole_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    """If a case has something wrong, then the file and line are named, and nothing is measured."""
    (tmp_path / "en.jsonl").write_text(f"{json.dumps(_case())}\n{json.dumps(_case(id='x-2', **changed))}\n")
    with pytest.raises(Malformed, match=r"en\.jsonl, line 2"):
        load_suite(folder=tmp_path)


def test_an_id_that_is_used_twice_is_refused(tmp_path: Path) -> None:
    """If two cases have one id, then the suite is refused; and so is a language that it does not have."""
    (tmp_path / "en.jsonl").write_text(f"{json.dumps(_case())}\n")
    assert len(load_suite(folder=tmp_path)) == 1
    with pytest.raises(Malformed, match="xx"):
        load_suite(["xx"], folder=tmp_path)
    (tmp_path / "tr.jsonl").write_text(f"{json.dumps(_case(lang='tr'))}\n")
    with pytest.raises(Malformed, match="x-1"):
        load_suite(folder=tmp_path)
