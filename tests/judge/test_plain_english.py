"""
How the shipped judge does on plain English, with the shipped guidelines.

`plain_english.jsonl` was written before the lexicon, by somebody else. The lists
beside it, `innocent_news.txt` and `abuse_forms.txt`, were written with it; they
keep what was learned. Figures: docs/decisions/0006-lexicon.md.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from meydan import policy
from meydan.comment import Decision, Verdict
from meydan.judge import Judge, decide

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def guidelines() -> policy.Guidelines:
    return policy.load()


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


def decisions_on(texts: list[str], judge: Judge, guidelines: policy.Guidelines) -> list[Decision]:
    return [decide(evidence, guidelines) for evidence in judge.evidence_of(texts)]


def lines_of(name: str) -> list[str]:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def table(counts: Counter[tuple[str, Verdict]]) -> str:
    """What was decided, by kind of comment, for the test's output."""
    kinds = sorted({kind for kind, _ in counts})
    rows = [f"{'':18}" + "".join(f"{verdict.value:>9}" for verdict in Verdict)]
    rows += [f"{kind:18}" + "".join(f"{counts[kind, verdict]:9}" for verdict in Verdict) for kind in kinds]
    return "\n".join(rows)


def test_two_hundred_plain_sentences(judge, guidelines):
    """
    If 200 plain sentences are judged, then at least 70 % are decided, no innocent one
    is rejected, at most 5 % of the violations are approved, and rejections name the rule.
    """
    rows = [json.loads(line) for line in lines_of("plain_english.jsonl")]
    decisions = decisions_on([row["text"] for row in rows], judge, guidelines)
    counts: Counter[tuple[str, Verdict]] = Counter()
    misnamed = []
    for row, decision in zip(rows, decisions, strict=True):
        counts[row["rule"] or "innocent", decision.verdict] += 1
        if decision.verdict is Verdict.REJECT and row["violation"]:
            named = {reason.rule for reason in decision.reasons}
            grounds = {reason.ground for reason in decision.reasons if reason.ground}
            if row["rule"] not in named or (row["ground"] and row["ground"] not in grounds):
                misnamed.append(row["id"])
    print(table(counts))
    violations = sum(row["violation"] for row in rows)
    waiting = sum(n for (_, verdict), n in counts.items() if verdict is Verdict.HOLD)
    let_through = sum(n for (kind, v), n in counts.items() if kind != "innocent" and v is Verdict.APPROVE)
    assert len(rows) == 200
    assert counts["innocent", Verdict.REJECT] == 0
    assert waiting <= 0.30 * len(rows)
    assert let_through <= 0.05 * violations
    # "deserves to be beaten" is a threat as much as contempt; one such rule beside the expected one is fair.
    assert len(misnamed) <= 1


def test_innocent_news(judge, guidelines):
    """If news, war, criticism, idioms and counter-speech are judged, then none is rejected and 75 % are approved."""
    texts = lines_of("innocent_news.txt")
    decisions = decisions_on(texts, judge, guidelines)
    rejected = [text for text, made in zip(texts, decisions, strict=True) if made.verdict is Verdict.REJECT]
    approved = sum(made.verdict is Verdict.APPROVE for made in decisions)
    print(f"innocent: {len(texts)}, approved {approved}, rejected {len(rejected)}")
    assert len(texts) >= 150
    assert rejected == []
    assert approved >= 0.75 * len(texts)


def test_abuse_plain_and_in_disguise(judge, guidelines):
    """If abuse is judged, plain or disguised, then 5 % at most is approved, and most is rejected for the right rule."""
    rows = [line.split("\t") for line in lines_of("abuse_forms.txt")]
    decisions = decisions_on([text for _, text in rows], judge, guidelines)
    counts: Counter[tuple[str, Verdict]] = Counter()
    right = 0
    for (rule, _), made in zip(rows, decisions, strict=True):
        counts[rule, made.verdict] += 1
        right += rule in {reason.rule for reason in made.reasons}
    print(table(counts))
    let_through = sum(n for (_, verdict), n in counts.items() if verdict is Verdict.APPROVE)
    assert len(rows) >= 300
    assert let_through <= 0.05 * len(rows)
    assert right >= 0.85 * len(rows)


def test_the_guidelines_own_examples(judge, guidelines):
    """
    If the shipped guidelines promise a verdict for an example, then the shipped judge gives no other.

    What it is not sure of waits for a person: in English at most one in ten.
    """
    broken, waiting = [], []
    english = [example for _, example in guidelines.examples if example.lang == "en"]
    for rule, example in guidelines.examples:
        made = decide(judge.evidence(example.text, language=example.lang), guidelines)
        named = {reason.rule for reason in made.reasons}
        if made.verdict is Verdict.HOLD and example.expect is not Verdict.HOLD:
            waiting += [example.line] if example.lang == "en" else []
        elif made.verdict is not example.expect or (made.verdict is Verdict.REJECT and rule.id not in named):
            broken.append((rule.id, example.line, example.expect.value, made.verdict.value))
    assert broken == []
    assert len(waiting) <= 0.1 * len(english)
