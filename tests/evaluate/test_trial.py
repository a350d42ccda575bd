"""A trial: its parts know nothing of each other, and its bounds and intervals hold where the truth is known."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from benchmarks import trial as simulated
from hypothesis import given
from hypothesis import strategies as st

from meydan.comment import RULE_LABELS, Evidence, Finding, Hold, Verdict
from meydan.errors import OneSided
from meydan.evaluate.trial import NOT_OURS, Plan, share_of, trial_of, truth_of, worth_of
from meydan.evaluate.trial_rows import NotTaken, Past
from meydan.evaluate.trial_sample import SPLITS, Chosen, choose, groups_of, held_out
from meydan.evaluate.trial_telling import answer_of, limits_of, rows_of
from meydan.judge import Calibrations
from meydan.policy import load

RULES = load()
JANUARY = datetime(2025, 1, 1, tzinfo=UTC)


def tried(chosen: Chosen, evidence: Any, plan: Plan = Plan(), **more: Any) -> Any:
    return trial_of(
        chosen, evidence, RULES, plan,
        **{"before": Calibrations(), "model": "m", "source": "s", "today": date(2026, 11, 29), "steps": (), **more},
    )  # fmt: skip


@pytest.fixture(scope="module")
def archive() -> simulated.Archive:
    return simulated.archive(3_000, np.random.default_rng(4), alike=0.4, tongues=("en", "tr"))


# -- the guarantee -----------------------------------------------------------


def test_bounds_and_intervals_hold_where_the_truth_is_known() -> None:
    """If archives are tried whose stories each have something of their own, then what is promised and what is seen both hold."""
    found = simulated.bounds(10, 2_400, alike=1.8, seed=11, tongues=("en",))
    # Counted one by one, as if no comment had to do with another, the intervals hold in seven of these ten.
    assert found["told"]["en"] >= 6
    assert found["bounds_hold"]["en"] >= 0.9
    assert found["intervals_hold"]["en"] >= 0.9
    assert found["kept_though_broken"] == 0


def test_what_is_held_out_calibrates_nothing(archive: simulated.Archive) -> None:
    """If every decision about held-out comments had been the other one, then the calibration would be the same to the last digit."""
    before = tried(archive.chosen, archive.evidence)
    turned = tuple(
        replace(one, approved=not one.approved, rules=()) if outcome.held_out else one
        for one, outcome in zip(archive.chosen.past, before.outcomes, strict=True)
    )
    after = tried(replace(archive.chosen, past=turned), archive.evidence)
    assert before.calibrations.by_language
    assert after.calibrations == before.calibrations
    assert after.wrongly_rejected.count != before.wrongly_rejected.count or after.overall != before.overall


@pytest.mark.parametrize("split", SPLITS)
def test_nothing_that_belongs_together_is_torn_apart(archive: simulated.Archive, split: Any) -> None:
    """If a part is held out, then no thread is on both sides, about the share asked for is, and the same again the next time."""
    past = archive.chosen.past
    groups = groups_of(past, split)
    aside = held_out(past, groups, split, 0.4)
    sides = {(group, side) for group, side in zip(groups, aside, strict=True)}
    assert len(sides) == len(set(groups))
    assert aside == held_out(past, groups, split, 0.4)
    assert 0.25 < sum(aside) / len(aside) < 0.55
    if split == "time":
        began: dict[str, datetime] = {}
        for one, group in zip(past, groups, strict=True):
            assert one.at is not None
            began.setdefault(group, one.at)
        side = dict(zip(groups, aside, strict=True))
        assert max(at for group, at in began.items() if not side[group]) < min(
            at for group, at in began.items() if side[group]
        )


def test_what_is_held_is_what_decide_says(archive: simulated.Archive) -> None:
    """If a trial counts, then approved, held and rejected are all there is, and both kinds add up to what was held out."""
    found = tried(archive.chosen, archive.evidence)
    assert found.overall.acceptable.of + found.overall.violations.of == found.held_out
    decided = Counter(outcome.decision.verdict for outcome in found.outcomes if outcome.decision is not None)
    assert sum(decided.values()) == found.held_out
    assert decided[Verdict.HOLD] == found.overall.acceptable.held + found.overall.violations.held
    wrong = Counter(one.kind for one in found.disagreements)
    assert wrong["wrongly_rejected"] == found.wrongly_rejected.count
    assert wrong["wrongly_approved"] == found.wrongly_approved.count
    by_year = sum(part.acceptable.of + part.violations.of for part in found.years)
    assert by_year == found.held_out
    assert [part.name for part in found.rules] == ["threats"]
    assert found.rules[0].named is not None
    assert found.rules[0].named.value == 1.0


# -- shares --------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=1, max_size=80),
    st.sampled_from((0.005, 0.05)),
)
def test_an_interval_holds_what_was_seen(rows: list[tuple[bool, int]], tail: float) -> None:
    """If a share is told, then its interval holds it, and is never narrower than were each comment a thread of its own."""
    hit = np.array([hits for hits, _ in rows], bool)
    member = np.array([group for _, group in rows], np.int64)
    told = share_of(hit, member, tail)
    alone = share_of(hit, np.arange(len(rows)), tail)
    assert 0 <= told.low <= told.value <= told.high <= 1
    assert alone.worth == len(rows)
    assert 1 <= told.worth <= len(rows)
    assert told.low <= alone.low + 1e-9
    assert told.high >= alone.high - 1e-9


def test_threads_that_decide_as_one_count_as_one_each() -> None:
    """If all comments of a thread are hit or none, then they tell about as much as there are threads."""
    member = np.repeat(np.arange(100), 20)
    hit = member % 5 == 0
    assert worth_of(hit, member, 0.05) == pytest.approx(1 / 20, rel=0.05)
    mixed = np.arange(2_000) % 5 == 0
    assert worth_of(mixed, member, 0.05) > 0.95
    assert worth_of(hit, np.zeros(2_000, int), 0.05) == 1 / 2_000
    assert share_of(np.zeros(0, bool), np.zeros(0, int), 0.05).of == 0


# -- which comments ------------------------------------------------------------


def past(number: int, **more: Any) -> Past:
    return Past(
        **{
            "text": f"Words {number}",
            "approved": number % 3 > 0,
            "id": str(number),
            "place": f"row {number}",
            **more,
        }
    )


@given(st.permutations(range(40)), st.integers(1, 60))
def test_the_order_of_a_file_draws_no_lots(order: list[int], sample: int) -> None:
    """If the same comments come in another order, then the same are drawn, as many as asked for or all."""
    drawn = choose((past(number) for number in order), sample=sample)
    expected = choose((past(number) for number in range(40)), sample=sample)
    assert {one.id for one in drawn.past} == {one.id for one in expected.past}
    assert len(drawn.past) == min(sample, 40)
    assert (drawn.rows, drawn.decided) == (40, 40)


def test_lots_fall_evenly() -> None:
    """If half are drawn of many, then about half of the first and of the second half are, and other lots with another number."""
    drawn = choose((past(number) for number in range(4_000)), sample=2_000)
    assert 900 < sum(int(one.id) < 2_000 for one in drawn.past) < 1_100
    other = choose((past(number) for number in range(4_000)), sample=2_000, seed=1)
    assert {one.id for one in other.past} != {one.id for one in drawn.past}


def test_a_sample_of_a_large_archive_takes_little_memory() -> None:
    """If a hundred are drawn of an archive of 30 MB, then no more than those are held in memory."""
    tracemalloc.start()
    try:
        drawn = choose(
            (past(number, text=f"{number} " + "x" * 1_000) for number in range(30_000)), sample=100
        )
        assert tracemalloc.get_traced_memory()[1] < 1_500_000
    finally:
        tracemalloc.stop()
    assert len(drawn.past) == 100
    assert drawn.drawn


def test_a_comment_counts_once() -> None:
    """If a comment was decided twice the last decision counts, of copies one stands for all, and both are told."""
    rows: list[Past | NotTaken] = [
        past(1, approved=True, moderator="Leyla"),
        past(1, approved=False, moderator="Dara"),
        past(2, approved=True, moderator="Leyla"),
        past(2, approved=True, moderator="Leyla"),
        past(3, text="Win a telephone now", approved=True),
        past(4, text="win a  telephone NOW", approved=False),
        NotTaken("row 9", "no-text", "…"),
        NotTaken("row 10", "no-text", "…"),
    ]
    chosen = choose(rows, sample=None)
    assert {one.id: one.approved for one in chosen.past if one.id in "12"} == {"1": False, "2": True}
    assert (len(chosen.past), chosen.copies, chosen.both_ways) == (3, 1, 1)
    assert [(first.moderator, last.moderator) for first, last in chosen.twice] == [("Leyla", "Dara")]
    assert [(one.kind, one.rows, one.places) for one in chosen.untaken] == [
        ("no-text", 2, ("row 9", "row 10"))
    ]


# -- what it rests on ----------------------------------------------------------


@pytest.mark.parametrize(
    ("approved", "rules", "truth"),
    [
        (True, (), False),
        (False, (), True),
        (False, ("threats",), True),
        (False, ("private-data",), None),
        (False, ("Off topic",), None),
        (False, ("Off topic", "swearing"), True),
        (False, ("something of their own",), True),
    ],
)
def test_what_moderators_meant(approved: bool, rules: tuple[str, ...], truth: bool | None) -> None:
    """If a reason means no rule that the machine judges by, then the comment is neither acceptable nor a violation."""
    mapped = {"off topic": NOT_OURS, "swearing": "profanity"}
    assert truth_of(past(1, approved=approved, rules=rules), RULES, mapped) is truth


def evidence(score: float, language: str = "en", **more: Any) -> Evidence:
    return Evidence(
        language=language, scores={**dict.fromkeys(RULE_LABELS, 0.0), "threat": score}, model="m", **more
    )


def test_one_kind_alone_is_refused() -> None:
    """If all were approved, or all rejected, or all of a kind are on one side, then it is refused with what to do."""
    rows = [past(number, approved=True) for number in range(50)]
    with pytest.raises(OneSided, match=r"none was rejected .* --rejected"):
        tried(choose(rows, sample=None), [evidence(0.0)] * 50)
    with pytest.raises(OneSided, match=r"none was approved .* --approved"):
        tried(choose([replace(one, approved=False) for one in rows], sample=None), [evidence(0.0)] * 50)
    one_story = choose([past(number, story="the only one") for number in range(50)], sample=None)
    with pytest.raises(OneSided, match="--split row"):
        tried(one_story, [evidence(0.0)] * 50)


def test_what_it_does_not_know_is_said() -> None:
    """If a language, a rule, the moderators' words or the threads are too few or unknown, then each is told, with what to do."""
    rows = [
        past(number, rules=("their own",) if number % 3 == 0 else (), language="ku" if number % 2 else "tr")
        for number in range(900)
    ]
    rows[0] = replace(rows[0], rules=("private-data",))
    chosen = choose(rows, sample=None)
    seen = [
        evidence(0.001 if one.approved else 0.999, "ckb" if int(one.id) % 4 else "xx") for one in chosen.past
    ]
    found = tried(chosen, seen)
    told = dict(limits_of(found))
    assert {
        "truth",
        "moderators",
        "reasons",
        "base-rate",
        "threads",
        "stories",
        "life",
        "language xx",
        "rules",
    } <= set(told)
    assert "“their own”" in told["reasons"]
    assert '--rule "THEIRS=RULE"' in told["reasons"]
    assert "all of its" in told["language xx"]
    assert "more acceptable comments" in told["language xx"]
    assert "33.3 %" in told["base-rate"]
    # Arabic-script Kurdish is what "ku" may say; Turkish is not.
    assert found.other_language == sum(one.language == "tr" for one in chosen.past) + sum(
        one.language == "ku" and found.language == "xx" for one, found in zip(chosen.past, seen, strict=True)
    )
    assert sum(found.beyond.of for _ in (0,)) <= 1


def test_what_holds_or_is_too_few_decides_nothing_alone() -> None:
    """If every comment has something that holds it, or there are too few, then nothing is decided alone, and nothing is promised."""
    rows = choose([past(number) for number in range(60)], sample=None)
    seen = [evidence(0.001, findings=(Finding("flood", "", hold=Hold.FLOOD),))] * 60
    found = tried(rows, seen)
    assert found.overall.alone.count == 0
    assert {side.standing for one in found.tongues for side in (one.rejecting, one.approving)} == {"idle"}
    assert math.isclose(found.cost.hours_with, found.cost.hours_without)


def test_answers_and_rows_hold_no_words(archive: simulated.Archive) -> None:
    """If programs are told, then every figure is JSON without NaN, and neither it nor the rows hold a reader's word."""
    hostile = replace(archive.chosen.past[0], id="=HYPERLINK(1)", rules=("+one",), approved=False)
    chosen = replace(
        archive.chosen, past=(hostile, *archive.chosen.past[1:]), months={"2025-01": 3_000},
        twice=((past(1, moderator="Leyla"), past(1, moderator="Dara", approved=False)),),
    )  # fmt: skip
    found = tried(chosen, archive.evidence, steps=(1.0,), measured_seconds=12.0)
    told = json.dumps(answer_of(found), allow_nan=False)
    rows = list(rows_of(found))
    assert len(rows) == 1 + len(chosen.past)
    assert "comment 1" not in told + "".join(rows)
    assert "'=HYPERLINK(1)" in rows[1]
    assert ",'+one," in rows[1]
    assert answer_of(found)["cost"]["compute_seconds"] == 12.0
    within = found.within[0]
    assert within.alone.count == found.overall.alone.count
    assert within.seen_rejected == found.wrongly_rejected
    assert within.seen_approved == found.wrongly_approved
    assert answer_of(found)["moderators"]["comments"] == 1
    assert timedelta(hours=found.cost.hours_without) == timedelta(seconds=20 * 3_000)
