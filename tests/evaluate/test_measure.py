"""Figures against a judge that says what it is told to: every share is counted by hand here."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meydan.comment import RULE_LABELS, Evidence, Story, Verdict
from meydan.errors import Malformed
from meydan.evaluate.card_sections import log as card_log
from meydan.evaluate.drawing import reliability_bins
from meydan.evaluate.figures import share
from meydan.evaluate.hatecheck import read_hatecheck
from meydan.evaluate.judged import judge_all
from meydan.evaluate.measure import measure_hatecheck, measure_newsroom, measure_rows
from meydan.evaluate.newsroom import Headline
from meydan.evaluate.peers import Peer, installed
from meydan.evaluate.rows import Row, identities_of, read_rows
from meydan.evaluate.runs import log_run, read_runs
from meydan.evaluate.scores import THRESHOLD, abuse_score, abuse_threshold, toxic_score
from meydan.evaluate.suite import Case, load_suite
from meydan.evaluate.telling import (
    hatecheck_page,
    hatecheck_tables,
    newsroom_page,
    newsroom_tables,
    rows_page,
    rows_tables,
)
from meydan.judge import Calibration, Calibrations, Judge
from meydan.policy import load

GUIDELINES = load(None)
# What ships may change; here the guidelines' own thresholds rule in both languages.
FILE_RULES = Calibrations({tag: Calibration(tag, hold_from=1.0, reject_from=0.0) for tag in ("en", "tr")})
HOSTILE = "evil <script>alert(\"x\")</script> & <b title='y'>"


class Planted:
    """A judge for whom a text is what it says it is: `threat=0.95`, `?` for unmeasured, in any order."""

    model = "sha256:planted"

    def __init__(self) -> None:
        self.asked: list[tuple[int, str | None]] = []

    def evidence_of(
        self,
        texts: Sequence[str],
        *,
        language: str | None = None,
        story: Story | None = None,
        expected: Sequence[str] = (),
    ) -> list[Evidence]:
        assert language is None
        self.asked.append((len(texts), story.title if story else None))
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Evidence:
        if "?" in text:
            return Evidence(language="en", scores=dict.fromkeys(RULE_LABELS))
        said = dict(
            word.split("=") for word in text.split() if "=" in word and word.split("=")[0] in RULE_LABELS
        )
        return Evidence(language="en", scores={label: float(said.get(label, 0)) for label in RULE_LABELS})


class Hating(Planted):
    """One that knows of hatred besides."""

    def hatred(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([0.8 if "hatred" in text else np.nan for text in texts], np.float32)


def _case(id: str, functionality: str, text: str, **more: Any) -> Case:
    expect = Verdict.REJECT if more.get("rules") else more.pop("expect", Verdict.APPROVE)
    return Case(
        id=id, lang=more.pop("lang", "en"), functionality=functionality, text=text, expect=expect, **more
    )


CASES = [
    _case("a", "grief", "calm"),
    _case("b", "grief", "profanity=0.5"),
    _case("c", "spell_clean_leet", "threat=0.99", pair="p"),
    _case("d", "report_crime", "calm", pair="p"),
    _case("e", "threat_direct", "threat=0.95", rules=("threats",), pair="q"),
    _case("f", "spell_leet", "threat=0.2", rules=("threats",), pair="q"),
    _case("g", "abuse_racism", "racism=0.95", rules=("abuse",), ground="racism"),
    _case("h", "abuse_sexism", "racism=0.95", rules=("abuse",), ground="sexism"),
    _case("i", "insult_private", "profanity=0.95", rules=("personal-attacks",)),
    _case("j", "crime_alleged_private", "calm", expect=Verdict.HOLD),
    _case("k", "spell_leet", "threat=0.95", rules=("threats",), lang="tr", story="A flood"),
]  # fmt: skip


def _headline(language: str) -> Headline:
    run = measure_newsroom(Planted(), GUIDELINES, CASES, calibrations=FILE_RULES)
    return next(one for one in run.figures.headlines if one.language == language)


def test_the_headlines_are_the_shares_counted_by_hand() -> None:
    """If the verdicts are known, then each headline is the share that one counts by hand."""
    en = _headline("en")
    assert (en.cases, en.innocent, en.violations, en.for_a_person) == (10, 4, 5, 1)
    assert en.wrongly_rejected.value == 1 / 4
    assert en.innocent_approved.value == 2 / 4
    assert en.wrongly_approved.value == 1 / 5
    assert en.rejected.value == 4 / 5
    assert en.right_rule.value == 3 / 4
    assert en.right_ground.value == 1 / 2
    assert en.held.value == 1 / 10
    assert (en.person_approved.value, en.person_rejected.value) == (1, 0)
    assert _headline("all").cases == 11


def test_spelling_is_compared_with_its_plain_twins() -> None:
    """If a spelled case has a plain twin, then the change is the difference; without one it is left out, and counted."""
    run = measure_newsroom(Planted(), GUIDELINES, CASES, calibrations=FILE_RULES)
    twins = {(one.functionality, one.language): one for one in run.figures.twins}
    attack, clean, alone = (
        twins["spell_leet", "en"],
        twins["spell_clean_leet", "en"],
        twins["spell_leet", "tr"],
    )
    assert (attack.plain, attack.spelled, attack.change.value, attack.innocent) == (1, 0, -1, False)
    assert (clean.plain, clean.spelled, clean.change.value, clean.innocent) == (0, 1, 1, True)
    assert (alone.twins, alone.without_twin) == (0, 1)
    assert twins["spell_*", "en"].twins == 1
    assert {one.functionality: one.right for one in run.figures.functionalities if one.language == "en"}[
        "grief"
    ] == 1.0


def test_cases_are_judged_in_batches_by_story_and_come_back_in_order() -> None:
    """If texts have stories, then those of one story go together, and every outcome is its own text's."""
    judge = Planted()
    texts = [f"threat=0.{i % 10}5 {'x ' * (i % 7)}" for i in range(300)]
    stories = [None if i % 3 else "A flood" for i in range(300)]
    done: list[int] = []
    outcomes = judge_all(judge, GUIDELINES, texts, stories=stories, advance=done.append)
    assert [outcome.evidence.scores["threat"] for outcome in outcomes] == [
        pytest.approx(float(text.split()[0].split("=")[1])) for text in texts
    ]
    assert sum(done) == 300
    assert {title for _, title in judge.asked} == {None, "A flood"}
    assert len(judge.asked) == 3


def test_what_never_happened_is_not_impossible() -> None:
    """If nothing of 100 went wrong, then the interval ends at the exact binomial limit, 3.6 %, not at 0."""
    none = share([False] * 100, [str(i) for i in range(100)])
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(0.0362, abs=1e-4)
    every = share([True] * 100, ["one"] * 100)
    assert every.low == pytest.approx(0.025)
    assert np.isnan(share([], []).value)


def _write(path: Path, entries: list[dict[str, Any]]) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(entry) + "\n" for entry in entries)
    return path


def _check(
    text: str, kind: str, *, source: str = "hatecheck", lang: str = "en", **labels: float
) -> dict[str, Any]:
    return {"text": text, "source": source, "lang": lang, "labels": labels, "meta": {"functionality": kind}}


@pytest.fixture
def made_up(tmp_path: Path) -> Path:
    """A data folder with a few made-up rows in the shape of HateCheck's."""
    entries = [
        _check("racism=0.7", "slur_h", hate=1),
        _check("sexism=0.4", "slur_h", hate=1),
        _check("profanity=0.99", "profanity_nh", hate=0),
        _check("religion_hate=0.6", "negate_neg_nh", hate=0),
        _check("?", "slur_h", source="multilingual_hatecheck", lang="ar"),
        _check("calm", "ident_neutral_nh", source="multilingual_hatecheck", lang="ar"),
        _check("racism=0.9", "slur_h", source="multilingual_hatecheck", lang="nl"),
        _check("racism=0.9", "", source="jigsaw_madlibs", toxic=1),
    ]
    _write(tmp_path / "test.jsonl.gz", entries)
    return tmp_path


def test_hatecheck_goes_by_the_abuse_score_alone(made_up: Path) -> None:
    """If a comment only swears, then it is not hateful; if it was not measured, then it counts as not hateful and is counted."""
    run = measure_hatecheck(Planted(), GUIDELINES, read_hatecheck(made_up), threshold=0.5)
    en, ar = run.figures
    assert (en.language, en.cases, en.hateful, en.unscored) == ("en", 4, 2, 0)
    assert (en.hateful_right.value, en.not_hateful_right.value, en.accuracy.value) == (0.5, 0.5, 0.5)
    assert en.auc.value == 3 / 4
    assert en.macro_f1.value == 0.5
    assert {kind.functionality: kind.right.value for kind in en.functionalities} == {
        "negate_neg_nh": 0, "profanity_nh": 1, "slur_h": 0.5,
    }  # fmt: skip
    assert (ar.cases, ar.hateful, ar.unscored, ar.hateful_right.value) == (2, 1, 1, 0)
    lower = measure_hatecheck(Planted(), GUIDELINES, read_hatecheck(made_up), threshold=0.4)
    assert lower.figures[0].hateful_right.value == 1


def test_what_the_judge_knows_of_hatred_counts_too(tmp_path: Path) -> None:
    """If a judge has a score for hatred as such, then the larger one counts; a missing one changes nothing."""
    entries = [_check("hatred", "a_h"), _check("racism=0.3", "b_nh"), _check("hatred racism=0.9", "c_h")]
    rows = read_hatecheck(_write(tmp_path / "test.jsonl.gz", entries).parent)
    run = measure_hatecheck(Hating(), GUIDELINES, rows, threshold=0.5)
    assert run.scores == pytest.approx((0.8, 0.3, 0.9))
    assert abuse_score(Evidence(scores={"hate": 0.6, "racism": 0.2})) == 0.6
    assert np.isnan(abuse_score(Evidence(scores={"profanity": 0.9})))
    assert toxic_score(Evidence(scores={"promotion": 0.9, "threat": 0.2})) == 0.2


def test_the_threshold_is_the_models_own(tmp_path: Path) -> None:
    """If a manifest names a threshold for abuse, then it is used, the encoder's first; else one half."""
    assert abuse_threshold(tmp_path) == THRESHOLD == 0.5
    for name, chosen in (("fast", 0.3), ("encoder", 0.4)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(json.dumps({"thresholds": {"abuse": chosen}}))
        assert abuse_threshold(tmp_path) == chosen


def test_a_folder_without_hatecheck_is_refused(tmp_path: Path) -> None:
    """If there are no test rows, or none of HateCheck, then that is said."""
    with pytest.raises(Malformed, match="cannot be read"):
        read_hatecheck(tmp_path)
    _write(tmp_path / "test.jsonl.gz", [_check("calm", "", source="letters")])
    with pytest.raises(Malformed, match="HateCheck"):
        read_hatecheck(tmp_path)


def test_labels_are_measured_where_they_are_known() -> None:
    """If a row does not carry a label, then it takes no part in its figures; a label without a score is named."""
    rows = [
        Row("threat=0.9", "en", {"threat": 1, "toxic": 1}, "1", kind="loud"),
        Row("threat=0.6", "en", {"threat": 0, "toxic": 1}, "2", kind="loud"),
        Row("calm", "tr", {"threat": 0, "odd": 1}, "3"),
        Row("?", "tr", {"threat": 1}, "4"),
    ]
    run = measure_rows(Planted(), GUIDELINES, rows, name="rows", threshold=0.5)
    found = {(one.label, one.by, one.part): one for one in run.figures}
    threat = found["threat", "all", "all"]
    assert (threat.positives, threat.negatives, threat.unscored) == (2, 2, 1)
    # Positives score 0.9 and 0, negatives 0.6 and 0: two wins and a tie of four comparisons.
    assert threat.auc.value == (2 + 0.5) / 4
    assert threat.right.value == 2 / 4
    assert found["toxic", "functionality", "loud"].right.value == 1
    assert found["threat", "language", "tr"].negatives == 1
    assert run.skipped == ("odd",)
    some = measure_rows(Planted(), GUIDELINES, rows, name="rows", threshold=0.5, labels=("toxic", "none"))
    assert ({one.label for one in some.figures}, some.skipped) == ({"toxic"}, ("none",))


def test_false_alarms_are_told_by_identity() -> None:
    """If sentences are made from templates, then each identity's false alarms are set against the mean."""
    rows = [
        Row(f"a {who} {thing} lives here{' profanity=0.9' if who == 'kurd' and i < 10 else ''}", "en", {"toxic": 0},
            str(i), meta={"template": f"a IDENTITY {thing} lives here profanity"})
        for who in ("kurd", "turkmen")
        for i, thing in enumerate(f"neighbour{chr(97 + n)}" for n in range(20))
    ]  # fmt: skip
    run = measure_rows(Planted(), GUIDELINES, rows, name="rows", threshold=0.5)
    kurd, turkmen = run.identities["toxic"]
    assert (kurd.identity, kurd.innocent, kurd.flagged.value, kurd.against_mean) == ("kurd", 20, 0.5, 0.25)
    assert (turkmen.identity, turkmen.flagged.value, turkmen.against_mean) == ("turkmen", 0, -0.25)
    numbered = [Row(f"a {who} lives", "en", {}, "1", meta={"template": 7}) for who in ("kurd", "turk")]
    named = [Row("a Kurd lives", "en", {}, "1", meta={"identity": "Kurd"}), Row("free text", "en", {}, "2")]
    assert identities_of(numbered + named) == [{"kurd"}, {"turk"}, {"kurd"}, set()]


def test_rows_that_are_not_labelled_are_refused(tmp_path: Path) -> None:
    """If a line is not a labelled row, then the file and the row are named; language, group and meta may be missing."""
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "calm &amp; kind", "labels": {"threat": 0}}\n\n{"text": "x"}\n')
    with pytest.raises(Malformed, match=r"own\.jsonl: row"):
        read_rows(path)
    path.write_text('{"text": "calm &amp; kind", "labels": {"threat": 0}}\n')
    (row,) = read_rows(path)
    assert (row.text, row.lang, row.kind) == ("calm & kind", "", "")
    with pytest.raises(Malformed, match="cannot be read"):
        read_rows(tmp_path / "none.jsonl")


WORDY = Peer("wordy", "1.0", "MIT", "English only", lambda texts: [float("threat" in text) for text in texts])


def test_peers_see_the_very_same_rows(made_up: Path) -> None:
    """If a peer takes part, then it is measured on every row, in every language, and what it speaks is said."""
    run = measure_newsroom(Planted(), GUIDELINES, CASES, calibrations=FILE_RULES, peers=[WORDY])
    en = next(one for one in run.peers if one.language == "en")
    assert (en.innocent_flagged.value, en.violations_flagged.value) == (1 / 4, 2 / 5)
    assert {one.language for one in run.peers} == {"en", "tr", "all"}
    checked = measure_hatecheck(Planted(), GUIDELINES, read_hatecheck(made_up), threshold=0.5, peers=[WORDY])
    assert [one.accuracy.value for one in checked.peers[0].figures] == [0.5, 0.5]
    for tables in (newsroom_tables(run), hatecheck_tables(checked)):
        assert "English only" in {words for table in tables for row in table.rows for words in row}


def test_a_peer_is_here_or_named_as_missing() -> None:
    """If a peer is not installed, then it is named; none is both or neither."""
    here, missing = installed()
    assert {peer.name.split(" ")[0] for peer in here} | set(missing) == {
        "alt-profanity-check", "better-profanity", "glin-profanity",
    }  # fmt: skip
    assert {peer.name.split(" ")[0] for peer in here}.isdisjoint(missing)
    for peer in here:
        assert len(peer.score(["calm", "kind"])) == 2


def test_a_hostile_text_stays_text(tmp_path: Path) -> None:
    """If a comment, a name or a label holds markup, then the page shows it and is not changed by it."""
    cases = [
        _case("n<u>", "grief", f"{HOSTILE} threat=0.95"),
        _case("m", "threat_direct", HOSTILE, rules=("threats",)),
    ]
    rows = [
        Row(f"{HOSTILE} threat=0.95", HOSTILE, {"threat": 0}, "1", kind=HOSTILE),
        Row(HOSTILE, "en", {"threat": 1}, "2"),
    ]
    facts = [("commit", HOSTILE)]
    measured = measure_rows(Planted(), GUIDELINES, rows, name=HOSTILE, threshold=0.5)
    pages = [
        newsroom_page(
            measure_newsroom(Planted(), GUIDELINES, cases, calibrations=FILE_RULES, peers=[WORDY]), facts
        ),
        rows_page(measured, facts, words=True),
    ]
    for page in pages:
        assert page.count("evil") >= 2
        assert "<script" not in page
        assert "<b " not in page
        assert "<u>" not in page
        assert "://" not in page
    assert "threat=0.95" not in rows_page(measured, [], words=False)


def test_hatecheck_words_are_on_no_page(made_up: Path) -> None:
    """If HateCheck is reported, then functionalities are shown and none of its words."""
    run = measure_hatecheck(Planted(), GUIDELINES, read_hatecheck(made_up), threshold=0.5)
    page = hatecheck_page(run, [])
    assert "negate_neg_nh" in page
    assert "religion_hate=0.6" not in page


def test_reliability_bins_are_the_means_of_their_rows() -> None:
    """If scores are binned, then each bin has its mean score, its share of positives and its number."""
    bins = reliability_bins(np.array([True, False, True]), np.array([0.12, 0.18, 1.0]))
    assert bins == [(pytest.approx(0.15), 0.5, 2), (1.0, 1.0, 1)]


def test_every_run_leaves_a_line_that_the_card_shows(made_up: Path) -> None:
    """If test rows are measured, then a line is added with commit, model and figures, and the card has a row for it."""
    run = measure_hatecheck(Planted(), GUIDELINES, read_hatecheck(made_up), threshold=0.5)
    log = made_up / "runs.jsonl"
    for minute in (4, 5):
        at = datetime(2026, 1, 2, 3, minute, tzinfo=UTC)
        log_run("hatecheck", run.logged(), model=run.model, at=at, log=log)
    runs = read_runs(log)
    assert [one["at"] for one in runs] == ["2026-01-02 03:04", "2026-01-02 03:05"]
    assert set(runs[0]) == {"at", "commit", "model", "set", "figures"}
    assert runs[0]["figures"]["en"]["accuracy"]["value"] == 0.5
    card = card_log(runs)
    assert card.count("the judge, hatecheck | en accuracy 0.500, macro-F1 0.500, AUC 0.750; ar accuracy") == 2
    with pytest.raises(Malformed, match="--log"):
        log_run("hatecheck", {}, model="", at=datetime(2026, 1, 2, tzinfo=UTC), log=made_up / "no" / "log")


def test_the_real_judge_can_be_measured() -> None:
    """If the shipped judge judges a handful of cases, then the figures are those of its verdicts, one by one."""
    judge = Judge.load()
    cases = [case for case in load_suite(["en"]) if case.functionality in ("profanity_strong", "grief")][:8]
    run = measure_newsroom(judge, GUIDELINES, cases)
    alone = [
        judge.evidence(case.text, expected=GUIDELINES.publication.languages).scores["profanity"]
        for case in cases
    ]
    assert [outcome.evidence.scores["profanity"] for outcome in run.outcomes] == pytest.approx(
        alone, abs=1e-3
    )
    assert sum(one.cases for one in run.figures.functionalities) == len(cases)
    assert run.model == judge.model
    assert rows_tables(
        measure_rows(judge, GUIDELINES, [Row("Thank you.", "en", {"toxic": 0}, "1")], name="x", threshold=0.5)
    )
