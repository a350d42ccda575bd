"""What other guidelines would have made of decided comments."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from meydan.comment import RULE_LABELS, DecidedBy, Evidence, Finding, Hold, Verdict
from meydan.judge import decide
from meydan.judge.backtest import ERASED, JUDGE_FAILED, NO_EVIDENCE, backtest
from meydan.judge.calibration import shipped
from meydan.policy import Guidelines, load

RULES = load()
FEW = st.sampled_from([0.0, 0.25, 0.5, 0.75, 0.97, 0.99, 1.0, None])


@dataclass
class One:
    """A decided comment, as the store keeps it."""

    evidence: Evidence | None
    mode: str | None = None
    verdict: Verdict = Verdict.APPROVE
    decided_by: DecidedBy = DecidedBy.MACHINE
    rules: tuple[str, ...] = ()
    erased: bool = False
    id: str = "a"


def with_thresholds(rule_id: str, hold_from: float, reject_from: float) -> Guidelines:
    rules = tuple(
        replace(rule, hold_from=hold_from, reject_from=reject_from) if rule.id == rule_id else rule
        for rule in RULES.rules
    )
    return replace(RULES, rules=rules)


def evidence(**scores: float | None) -> Evidence:
    return Evidence("en", 1.0, {**dict.fromkeys(RULE_LABELS, 0.0), **scores}, model="sha256:m")


@given(
    st.fixed_dictionaries(dict.fromkeys(RULE_LABELS, FEW)),
    st.sampled_from([0.0, 0.3, 0.6, 1.0]),
    st.sampled_from([0.3, 0.9, 1.0]),
    st.sampled_from([None, "off", "assisted"]),
)
def test_it_decides_as_the_machine_does(
    scores: dict[str, float | None], hold_from: float, reject_from: float, mode: str | None
) -> None:
    """If a comment is decided again, then by `decide` itself, with its story's mode, and it is a change only if verdict or rules differ."""
    one = One(Evidence("en", 1.0, scores, model="sha256:m"), mode)
    other = with_thresholds("personal-attacks", hold_from, max(hold_from, reject_from))
    found = backtest([one], RULES, other, calibrations=shipped(), model="sha256:m")
    was, now = (
        decide(one.evidence, rules, mode=mode, calibrations=shipped())  # type: ignore[arg-type]
        for rules in (RULES, other)
    )
    differs = was.verdict is not now.verdict or {r.rule for r in was.reasons} != {r.rule for r in now.reasons}
    assert [(change.before, change.after) for change in found.changes] == ([(was, now)] if differs else [])
    assert found.decided == 1
    assert all(change.rules == {"personal-attacks"} for change in found.changes)


def test_it_says_which_rule_and_what_people_had_decided() -> None:
    """If a rule is made stricter, then the change is counted under it, and how often the machine and people are alike."""
    stricter = with_thresholds("personal-attacks", 0.01, 1.0)
    kept = [
        One(evidence(personal_attack=0.02), id="held now"),
        One(evidence(), verdict=Verdict.APPROVE, decided_by=DecidedBy.MODERATOR),
        One(evidence(personal_attack=0.02), decided_by=DecidedBy.MODERATOR, id="by a person"),
    ]
    found = backtest(kept, RULES, stricter, calibrations=shipped(), model="sha256:other")
    assert [change.rules_after for change in found.changes] == [("personal-attacks",)] * 2
    assert [change.id for change in found.changes] == ["held now", "by a person"]
    assert found.moves == {(Verdict.APPROVE, Verdict.HOLD): 2}
    assert found.by_rule == {"personal-attacks": 2}
    assert found.people == (2, 2, 1)
    assert found.other_model == 3


def test_a_rule_that_only_holds_now_makes_the_difference() -> None:
    """If what a rule rejected is held by it now, then the change is that rule's; if all is left to people, then it is no rule's."""
    laxer = with_thresholds("personal-attacks", 0.9, 1.0)
    kept = [One(evidence(personal_attack=0.995, threat=0.5))]
    (change,) = backtest(kept, RULES, laxer, calibrations=shipped(), model="").changes
    assert (change.before.verdict, change.after.verdict) == (Verdict.REJECT, Verdict.HOLD)
    assert change.rules_before == ("personal-attacks",)
    assert set(change.rules_after) == {"personal-attacks", "threats"}
    assert change.rules == {"personal-attacks"}
    by_hand = replace(RULES, automation=replace(RULES.automation, mode="off"))
    assert backtest(kept, RULES, by_hand, calibrations=shipped(), model="").by_rule == {"": 1}


def test_what_cannot_be_decided_again_is_counted_by_why() -> None:
    """If there is no evidence, then nothing is guessed: the comment is counted as not decided, with the reason."""
    seen = Evidence(findings=(Finding("flood", "", hold=Hold.FLOOD),))
    kept = [One(None), One(None, erased=True), One(Evidence()), One(seen)]
    found = backtest(kept, RULES, RULES, calibrations=shipped(), model="sha256:m")
    assert found.not_decided == {NO_EVIDENCE: 1, ERASED: 1, JUDGE_FAILED: 1}
    assert (found.decided, found.changes) == (1, ())
