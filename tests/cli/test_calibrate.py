"""`meydan calibrate`: from decisions to a file that the running server takes up."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meydan.comment import Hold, Status, Submission, Verdict
from meydan.desk import VIOLATION, Suggestion, Visitor
from meydan.judge.calibration import APPROVALS, load, shipped
from meydan.policy import load as load_guidelines
from meydan.settings import Settings
from meydan.wiring import Meydan, build
from tests.cli.test_cli import ABUSIVE, COURTEOUS, answer, run

STORY = "http://localhost/story"


def decided(path: Path, acceptable: int, violations: int, lang: str = "en") -> Path:
    rows = [
        {"text": f"{COURTEOUS} That was in {i}.", "lang": lang, "verdict": "approve"}
        for i in range(acceptable)
    ]
    rows += [
        {"text": f"{ABUSIVE} I said it {i} times.", "lang": lang, "verdict": "reject"}
        for i in range(violations)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def meydan(tmp_path: Path) -> Iterator[Meydan]:
    """A newsroom whose comments are all decided by people, and all drawn once they are not."""
    guidelines = tmp_path / "guidelines.toml"
    source = load_guidelines().source.replace(b"audit = 0.02", b"audit = 1.0")
    guidelines.write_bytes(source)
    unhurried = {"flood_per_minute": 100_000, "submissions_per_minute": 100_000, "near_repeats": 100_000}
    built = build(Settings(data=tmp_path / "data", guidelines=guidelines, **unhurried))
    yield built
    built.close()


def send(meydan: Meydan, text: str) -> str:
    visitor = Visitor(address_key=secrets.token_hex(16))
    return meydan.desk.submit(Submission(story_url=STORY, name="Rojin", text=text), visitor).id


def calibrate(meydan: Meydan, *options: str) -> Any:
    guidelines = str(meydan.settings.guidelines)
    return answer("calibrate", "--guidelines", guidelines, "--json", *options, data=meydan.settings.data)


def test_a_file_of_decisions_calibrates_a_language(tmp_path: Path) -> None:
    """If there are decisions enough, then the language has an entry that says what it rests on."""
    file = decided(tmp_path / "decided.jsonl", 320, 64)
    data = tmp_path / "data"
    shown = run("calibrate", "--from", str(file), "--dry-run", data=data).stdout
    assert "promised at most 1 %" in shown
    assert "Would write: en." in shown
    assert not data.exists()
    told = answer("calibrate", "--from", str(file), "--json", data=data)
    english = told["languages"][0]
    assert (english["language"], english["comments"], english["kept"]) == ("en", 384, True)
    assert english["automated"] > 0.9
    entry = load(data / "calibration.json").of("en")
    assert entry is not None
    assert (entry.acceptable, entry.violations, entry.source) == (320, 64, "decided.jsonl")
    assert (entry.bounded, entry.digest) == (True, english["calibration"])
    assert "en calibrated" in run("doctor", data=data).stdout


def test_what_others_found_counts_where_asked(meydan: Meydan) -> None:
    """If other systems' moderators found something, then it counts with --suggested, beside the newsroom's own."""
    for i in range(12):
        labels = {VIOLATION: float(i % 3 == 0)}
        text = f"{ABUSIVE if i % 3 == 0 else COURTEOUS} It was {i}."
        meydan.desk.suggest(Suggestion(source="perspective:coral", text=text, labels=labels, subject=str(i)))
    assert calibrate(meydan, "--dry-run")["languages"] == []
    (english,) = calibrate(meydan, "--suggested", "--dry-run")["languages"]
    assert (english["language"], english["comments"]) == ("en", 12)


def test_too_few_decisions_say_how_many_more(tmp_path: Path) -> None:
    """If there are too few decisions, then it says how many are missing, and the shipped entry stays."""
    file = decided(tmp_path / "decided.jsonl", 20, 10)
    ran = run("calibrate", "--from", str(file), data=tmp_path / "data")
    assert ran.returncode == 0
    assert "279 more acceptable comments" in ran.stdout
    assert "49 more violations" in ran.stdout
    assert "stays as it is" in ran.stdout
    assert not (tmp_path / "data" / "calibration.json").exists()


def test_a_bad_file_is_refused(tmp_path: Path) -> None:
    """If the file holds something else, or the calibration is damaged, then it is refused with its code."""
    file = tmp_path / "decided.jsonl"
    file.write_text('{"text": 1}\n')
    ran = run("calibrate", "--from", str(file), data=tmp_path)
    assert (ran.returncode, "R113" in ran.stderr, "line 1" in ran.stderr) == (1, True, True)
    (tmp_path / "calibration.json").write_text("{}")
    for command in (("check", COURTEOUS), ("serve", "--port", "0"), ("calibrate", "--status")):
        ran = run(*command, data=tmp_path)
        assert (ran.returncode, "M306" in ran.stderr) == (2, True), command


def test_a_newsrooms_own_decisions_calibrate_it(meydan: Meydan) -> None:
    """If people have decided enough, then their decisions calibrate the machine, and a running server takes it up."""
    meydan.desk.register_story(STORY, mode="off")
    for i in range(320):
        meydan.desk.review(send(meydan, f"{COURTEOUS} It was {i}."), Verdict.APPROVE, by="Leyla")
    for i in range(60):
        id = send(meydan, f"{ABUSIVE} It was {i}.")
        meydan.desk.review(id, Verdict.REJECT, by="Leyla", rules=["personal-attacks"])
    # Neither is said of the machine's own rules.
    meydan.desk.review(send(meydan, COURTEOUS), Verdict.REJECT, by="Leyla", rules=["private-data"])
    told = calibrate(meydan)
    english = told["languages"][0]
    assert (english["rejecting"]["of"], english["approving"]["of"]) == (320, 60)
    assert english["kept"]

    assert meydan.refresh_calibration()
    assert not meydan.refresh_calibration()
    assert meydan.desk.calibrations.of("en").digest == english["calibration"]  # type: ignore[union-attr]
    meydan.desk.register_story(STORY, mode="assisted")
    outcome = send(meydan, COURTEOUS + " Indeed.")
    assert meydan.desk.item(outcome).decisions[0].decision.calibration == english["calibration"]

    # From now on only what was drawn is a fair sample.
    assert calibrate(meydan, "--dry-run")["languages"][0]["comments"] == 380
    meydan.desk.audit(outcome, Verdict.APPROVE, by="Leyla")
    assert calibrate(meydan, "--dry-run")["languages"][0]["comments"] == 381


def test_a_damaged_calibration_never_takes_effect(meydan: Meydan) -> None:
    """If the file is damaged while the server runs, then the old calibration stays in force."""
    before = meydan.desk.calibrations
    meydan.settings.calibration_file.write_text("{}")
    assert not meydan.refresh_calibration()
    assert meydan.desk.calibrations == before
    meydan.settings.calibration_file.unlink()
    meydan.tend()
    assert meydan.desk.calibrations.by_language == shipped().by_language


def test_the_status_says_what_is_withdrawn(meydan: Meydan) -> None:
    """If the machine was wrong too often, then the status says so, and a restart does not forget it."""
    for i in range(20):
        id = send(meydan, f"{COURTEOUS} It was {i}.")
        if meydan.desk.status(id).status is Status.HELD:
            break
        meydan.desk.audit(id, Verdict.REJECT, by="Leyla", rules=["threats"])
    assert meydan.desk.status(id).holds == (Hold.WITHDRAWN,)
    told = next(one for one in calibrate(meydan, "--status")["languages"] if one["language"] == "en")
    assert [one["rule"] for one in told["withdrawn"]] == [APPROVALS]
    assert told["reviews"]["approve"] == {"decisions": i, "overturned": i}
    guidelines = str(meydan.settings.guidelines)
    shown = run("calibrate", "--status", "--guidelines", guidelines, data=meydan.settings.data).stdout
    assert "WITHDRAWN" in shown
    again = build(meydan.settings)
    try:
        assert again.desk.status(send(again, COURTEOUS)).status is Status.HELD
    finally:
        again.close()
