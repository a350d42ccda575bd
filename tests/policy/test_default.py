"""The shipped guidelines say what the design promises, in words that readers can use."""

from __future__ import annotations

import re

import pytest

from meydan import policy
from meydan.comment import GROUNDS, LANGUAGES, RULE_LABELS, Verdict
from meydan.policy import Rule, Welcome, words

DEFAULT = policy.load()
RULES = {
    "profanity": {"profanity"},
    "threats": {"threat"},
    "personal-attacks": {"personal_attack"},
    "vulgarity": {"vulgarity"},
    "abuse": set(GROUNDS),
    "promotion": {"promotion"},
    "unlawful": set(),
    "private-data": set(),
}
JUDGED = [rule for rule in DEFAULT.rules if not rule.people_only]


def test_the_rules_are_those_of_the_design() -> None:
    """If the shipped file is loaded, then it has the rules of the design, each with its labels."""
    assert {rule.id: set(rule.labels) for rule in DEFAULT.rules} == RULES
    assert [welcome.id for welcome in DEFAULT.welcomes] == [
        "relevance",
        "discussion",
        "constructive-criticism",
    ]


def test_every_label_breaches_a_rule() -> None:
    """If the judge scores a label, then a rule of the shipped file asks about it."""
    assert {label for rule in DEFAULT.rules for label in rule.labels} == set(RULE_LABELS)


def test_it_serves_only_this_machine() -> None:
    """If nobody has said otherwise, then only the server itself and loopback may embed."""
    assert DEFAULT.publication.origins == ("self", "http://localhost", "http://127.0.0.1")
    assert DEFAULT.publication.required == ("name", "text")
    assert DEFAULT.allows("http://127.0.0.1:43210/story")
    assert not DEFAULT.allows("https://news.example/story")


def test_automation_is_as_the_design_says() -> None:
    """If nobody has said otherwise, then the machine assists within the design's bounds."""
    assert DEFAULT.automation == policy.Automation("assisted", 0.01, 0.05, 0.90, 0.02)


@pytest.mark.parametrize("rule", JUDGED, ids=lambda rule: rule.id)
def test_every_judged_rule_has_examples_and_near_misses(rule: Rule) -> None:
    """If the machine applies a rule, then at least six English examples show it, near misses among them."""
    english = [example for example in rule.examples if example.lang == "en"]
    expected = [example.expect for example in english]
    assert len(english) >= 6
    assert expected.count(Verdict.REJECT) >= 3
    assert expected.count(Verdict.APPROVE) >= 3


def test_doubt_has_examples_too() -> None:
    """If something is neither plainly allowed nor plainly not, then examples say that a person decides."""
    assert sum(example.expect is Verdict.HOLD for _, example in DEFAULT.examples) >= 5


@pytest.mark.parametrize("rule", JUDGED, ids=lambda rule: rule.id)
def test_thresholds_leave_room_for_a_person(rule: Rule) -> None:
    """If the machine applies a rule, then between approving and rejecting a person decides."""
    assert 0 < rule.hold_from < rule.reject_from < 1
    assert rule.reject_from >= 0.9


def test_each_example_is_there_once() -> None:
    """If an example illustrates a rule, then no other rule claims the same sentence."""
    texts = [example.text for _, example in DEFAULT.examples]
    assert len(texts) == len(set(texts))


def test_a_line_is_where_the_example_stands() -> None:
    """If an example fails, then the line reported is the line of its header."""
    lines = DEFAULT.source.decode().split("\n")
    for _, example in DEFAULT.examples:
        assert lines[example.line - 1] == "[[rule.example]]"
        block = "\n".join(lines[example.line : example.line + 5])
        assert example.text.replace('"', '\\"') in block


def test_promotion_is_commercial_and_personal() -> None:
    """If somebody advertises, then the examples cover a shop as well as oneself."""
    texts = " ".join(example.text for example in DEFAULT.rule("promotion").examples).lower()
    for word in ("shop", "buy", "my youtube channel", "follow me", "my new book"):
        assert word in texts
    told = words(DEFAULT.rule("promotion").text, "en").lower()
    assert "shops" in told
    assert "yourself" in told


def test_abuse_names_its_grounds() -> None:
    """If readers ask what counts as hatred of a people, then the rule names every ground."""
    told = words(DEFAULT.rule("abuse").text, "en")
    for ground in (
        "sex or gender",
        "skin or ethnic origin",
        "whom they love",
        "come from",
        "religion",
        "disability",
    ):
        assert ground in told


def test_criticism_is_welcome() -> None:
    """If a reader wonders whether criticism is allowed, then the first thing they read says that it is welcome."""
    intro = words(DEFAULT.intro, "en")
    assert "Criticism is welcome" in intro
    for whom in ("this publication", "governments", "parties", "armies"):
        assert whom in intro
    abuse = words(DEFAULT.rule("abuse").text, "en")
    assert "Naming a group" in abuse
    assert "quoting abuse in order to condemn it" in abuse
    assert "Reporting violence" in words(DEFAULT.rule("threats").text, "en")


def entries() -> list[Rule | Welcome]:
    return [*DEFAULT.rules, *DEFAULT.welcomes]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.id)
def test_what_readers_are_told_is_short_and_plain(entry: Rule | Welcome) -> None:
    """If readers are told something, then it is a few whole sentences without jargon."""
    for told in entry.text.values():
        assert 60 <= len(told) <= 600
        assert told.endswith(".")
        assert not re.search(r"\b(users?|content|toxic|algorithm|violat\w+|policy violation)\b", told, re.I)
    assert set(entry.title) == set(entry.text) >= set(DEFAULT.publication.languages)


def test_people_only_rules_never_expect_a_rejection() -> None:
    """If only people apply a rule, then no example asks a machine to reject for it, and one shows what is held."""
    assert [rule.id for rule in DEFAULT.rules if rule.people_only] == ["unlawful", "private-data"]
    expected = {example.expect for rule in DEFAULT.rules if rule.people_only for example in rule.examples}
    assert expected == {Verdict.HOLD, Verdict.APPROVE}


def test_languages_are_known() -> None:
    """If the file names a language, then Meydan knows it."""
    assert set(DEFAULT.publication.languages) <= set(LANGUAGES)


def test_it_can_be_described_in_a_terminal() -> None:
    """If the guidelines are shown in a terminal, then every rule, its figures and the digest are there in 80 columns."""
    shown = policy.describe(DEFAULT, "en")
    assert max(map(len, shown.split("\n"))) <= 80
    for entry in entries():
        assert f"{words(entry.title, 'en')}  [{entry.id}]" in shown
    assert "Held from 0.30, rejected from 0.90, by profanity." in shown
    assert shown.count("Only people apply this rule.") == 2
    assert DEFAULT.digest in shown
    off = policy.parse(DEFAULT.source.replace(b'mode = "assisted"', b'mode = "off"'), "off.toml")
    assert "A person decides every comment" in policy.describe(off, "ckb")
