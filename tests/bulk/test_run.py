"""Runs that are begun, ended in every way, gone on with and refused; what comes out is always the same."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from meydan.bulk.part import PART
from meydan.bulk.partition import Scoring
from meydan.bulk.plan import Asked
from meydan.bulk.run import Place, Rules
from meydan.errors import BadArchive, EngineUnavailable, NotKept, OtherRun, WorkerLost
from meydan.policy import load
from tests.bulk.archive import Here, files, rules, scored, written


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("archive") / "years.csv")


@pytest.fixture(scope="module")
def whole(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out"
    scored(archive, out)
    return out


def test_if_an_archive_is_scored_then_every_row_is_in_a_part_or_set_aside(archive: Path, whole: Path) -> None:
    manifest = json.loads((whole / "manifest.json").read_bytes())
    counts = manifest["counts"]
    assert (counts["rows"], counts["scored"], counts["rejected"], counts["blank"]) == (60, 57, 3, 0)
    assert sum(counts["verdicts"].values()) == 57
    rows = [row for part in manifest["parts"] for row in pq.read_table(whole / part["name"]).to_pylist()]
    aside = [
        json.loads(line)
        for path in sorted(whole.glob("rejected-*"))
        for line in path.read_bytes().splitlines()
    ]
    assert [row["row"] for row in rows] == [n for n in range(1, 61) if n % 20 != 8]
    assert [(one["row"], one["fault"]) for one in aside] == [(8, "no-text"), (28, "no-text"), (48, "no-text")]
    assert [row["id"] for row in rows] == [f"c{row['row'] - 1}" for row in rows]
    assert {row["language"] for row in rows} >= {"en", "ar"}
    assert manifest["model"] == rules().model
    assert manifest["guidelines"] == load().digest
    assert manifest["calibration"]["en"].startswith("sha256:")
    assert manifest["inputs"][0]["digest"].startswith("sha256:")
    # What was set aside is told of by place and reason, never by its words.
    assert set(aside[0]) == {"file", "row", "byte", "fault", "reason"}


@pytest.mark.parametrize("after", [0, 1, 4, 7])
def test_if_a_run_ends_anywhere_then_the_same_again_ends_as_if_nothing_had_been(
    archive: Path, whole: Path, tmp_path: Path, after: int
) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        scored(archive, out, Here(most=after))
    assert not (out / "manifest.json").exists()
    # Where nothing was finished, nothing is left to go on with.
    assert out.exists() == (after > 0)
    # What a kill leaves of a part that was being written, and one that was torn after it was entered.
    if after:
        (out / ".part-00000-x.parquet.0000.unfinished").write_bytes(b"half")
    if after == 4:
        torn = min(out.glob("part-*.parquet"))
        torn.write_bytes(torn.read_bytes()[:-9])
    manifest = scored(archive, out)
    assert manifest["run"]["parts_from_before"] == after - (after == 4)
    assert files(out) == files(whole)
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_if_it_is_finished_then_the_same_again_does_nothing(archive: Path, whole: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in whole.iterdir()}
    manifest = scored(archive, whole, Here(most=0))
    assert manifest["counts"]["rows"] == 60
    assert {path.name: path.stat().st_mtime_ns for path in whole.iterdir()} == before


def test_if_what_is_finished_was_changed_since_then_that_is_said(archive: Path, tmp_path: Path) -> None:
    scored(archive, tmp_path / "out")
    part = min((tmp_path / "out").glob("part-*"))
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(OtherRun, match="not as it was written"):
        scored(archive, tmp_path / "out")


def _another_input(archive: Path, tmp_path: Path) -> tuple[Path, Rules, Asked]:
    changed = tmp_path / archive.name
    changed.write_bytes(archive.read_bytes().replace(b"(3)", b"(4)"))
    return changed, rules(), Asked(rows_per_part=8)


def _other_guidelines(archive: Path, tmp_path: Path) -> tuple[Path, Rules, Asked]:
    stricter = tmp_path / "guidelines.toml"
    stricter.write_bytes(load().source.replace(b"hold_from = 0.", b"hold_from = 0.0", 1))
    return archive, rules(load(stricter)), Asked(rows_per_part=8)


def _another_judge(archive: Path, tmp_path: Path) -> tuple[Path, Rules, Asked]:
    known = rules()
    return archive, Rules("fast", "sha256:00", known.guidelines, known.calibrations), Asked(rows_per_part=8)


def _other_parts(archive: Path, tmp_path: Path) -> tuple[Path, Rules, Asked]:
    return archive, rules(), Asked(rows_per_part=9)


@pytest.mark.parametrize("finished", [False, True], ids=["begun", "finished"])
@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (_another_input, r"another input \(years.csv\)"), (_other_guidelines, "other guidelines"),
        (_another_judge, "another judge"), (_other_parts, "another --rows-per-part"),
    ],
)  # fmt: skip
def test_if_something_else_is_asked_then_it_is_refused_and_nothing_is_touched(
    archive: Path, tmp_path: Path, changed, told: str, finished: bool
) -> None:  # type: ignore[no-untyped-def]
    out = tmp_path / "out"
    if finished:
        scored(archive, out)
    else:
        with pytest.raises(KeyboardInterrupt):
            scored(archive, out, Here(most=2))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    path, given, asked = changed(archive, tmp_path)
    with pytest.raises(OtherRun, match=told):
        scored(path, out, given=given, asked=asked)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_if_the_input_changes_meanwhile_then_that_is_said_and_no_manifest_is_written(
    archive: Path, tmp_path: Path
) -> None:
    changing = tmp_path / "changing.csv"
    changing.write_bytes(archive.read_bytes())

    class Changes(Here):
        def made(self, work, partitions):  # type: ignore[no-untyped-def, override]
            yield from super().made(work, partitions)
            changing.write_bytes(changing.read_bytes() + b"new,row,en\n")

    with pytest.raises(BadArchive, match="was changed while"):
        scored(changing, tmp_path / "out", Changes())
    assert not (tmp_path / "out").exists()


def test_if_the_input_is_only_written_anew_meanwhile_then_its_scores_are_kept(
    archive: Path, whole: Path, tmp_path: Path
) -> None:
    touched = tmp_path / archive.name
    touched.write_bytes(archive.read_bytes())

    class Touches(Here):
        def made(self, work, partitions):  # type: ignore[no-untyped-def, override]
            yield from super().made(work, partitions)
            os.utime(touched, ns=(1, 1))

    scored(touched, tmp_path / "out", Touches())
    assert files(tmp_path / "out") == files(whole)


class _Refuses(Here):
    def made(self, work, partitions):  # type: ignore[no-untyped-def, override]
        raise EngineUnavailable("The cluster is away.")


@pytest.mark.parametrize("name", ["out", "out.csv"])
def test_if_nothing_was_made_then_nothing_is_left(archive: Path, tmp_path: Path, name: str) -> None:
    """If a run is refused once it has begun, then no folder is left of it; an empty one that was there stays."""
    with pytest.raises(EngineUnavailable):
        scored(archive, tmp_path / name, _Refuses())
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").mkdir()
    with pytest.raises(EngineUnavailable):
        scored(archive, tmp_path / "mine", _Refuses())
    assert [list(one.iterdir()) for one in tmp_path.iterdir()] == [[]]
    # What is finished is kept for the next.
    with pytest.raises(KeyboardInterrupt):
        scored(archive, tmp_path / name, Here(most=2))
    with pytest.raises(EngineUnavailable):
        scored(archive, tmp_path / name, _Refuses())
    assert scored(archive, tmp_path / name)["run"]["parts_from_before"] == 2


@pytest.mark.parametrize("name", ["out", "out.csv"])
def test_if_a_run_ends_between_its_manifest_and_its_end_then_the_next_tidies_up(
    archive: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("meydan.bulk.run._clear", ends)
        patched.setattr("shutil.rmtree", ends)
        with pytest.raises(KeyboardInterrupt):
            scored(archive, tmp_path / name)
    place = Place.of(tmp_path / name, None)
    assert place.manifest.exists()
    assert place.aside.exists()
    scored(archive, tmp_path / name, Here(most=0))
    assert not place.aside.exists()
    assert place.parts.exists() == (name == "out")
    assert place.merged is None or place.merged.exists()


def test_if_rejected_rows_of_something_else_are_there_then_they_are_left_alone(
    archive: Path, tmp_path: Path
) -> None:
    (tmp_path / "out.rejected.jsonl").write_text("mine")
    with pytest.raises(OtherRun, match="nothing is written over"):
        scored(archive, tmp_path / "out.csv")
    assert (tmp_path / "out.rejected.jsonl").read_text() == "mine"


def test_if_something_else_is_there_then_it_is_left_alone(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "there.csv").write_text("mine")
    for out in (tmp_path / "full", tmp_path / "there.csv"):
        with pytest.raises(OtherRun):
            scored(archive, out)
    assert (tmp_path / "there.csv").read_text() == "mine"
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine.txt"]


def test_if_another_run_writes_there_then_this_one_is_refused(archive: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    class Meanwhile(Here):
        def made(self, work, partitions):  # type: ignore[no-untyped-def, override]
            with pytest.raises(OtherRun, match="Another `meydan score`"):
                scored(archive, out)
            return super().made(work, partitions)

    scored(archive, out, Meanwhile())


def test_if_a_folder_cannot_be_written_then_that_is_said(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NotKept):
        scored(archive, tmp_path / "file" / "out")


@pytest.mark.parametrize("format", ["parquet", "csv", "jsonl"])
def test_if_one_file_is_asked_for_then_it_has_the_parts_in_their_order(
    archive: Path, whole: Path, tmp_path: Path, format: str
) -> None:
    out = tmp_path / f"out.{format}"
    with pytest.raises(KeyboardInterrupt):
        scored(archive, out, Here(most=3))
    scored(archive, out)
    parts = json.loads((whole / "manifest.json").read_bytes())["parts"]
    expected = [row for part in parts for row in pq.read_table(whole / part["name"]).to_pylist()]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted([out.name, "out.manifest.json", "out.rejected.jsonl"])
    assert len((tmp_path / "out.rejected.jsonl").read_bytes().splitlines()) == 3
    if format == "parquet":
        assert pq.read_table(out).to_pylist() == expected
        return
    if format == "jsonl":
        found = [json.loads(line) for line in out.read_bytes().splitlines()]
        assert [(row["row"], row["verdict"], row["reasons"]) for row in found] == [
            (row["row"], row["verdict"], row["reasons"]) for row in expected
        ]
    else:
        with out.open(encoding="utf-8", newline="") as file:
            found = list(csv.DictReader(file))
        assert list(found[0]) == PART.names
        assert [(int(row["row"]), row["reasons"]) for row in found] == [
            (row["row"], " ".join(row["reasons"])) for row in expected
        ]
    # With the decimals that are kept, and nothing where nothing was measured.
    for row, known in zip(found, expected, strict=True):
        score = known["score_personal_attack"]
        assert (row["score_personal_attack"] or None) == (
            None if score is None else str(round(score, 4)) if format == "csv" else round(score, 4)
        )
    # Again: nothing to do.
    assert scored(archive, out, Here(most=0))["counts"]["rows"] == 60


def test_if_an_id_begins_like_a_formula_then_csv_says_that_it_is_none(tmp_path: Path) -> None:
    """If ids of an archive begin like formulas, then CSV tells a spreadsheet not to compute them, and JSON Lines has each as it is."""
    ids = ["=HYPERLINK(1)", "-12", "+3.5", "@a", "-1+1", "c7"]
    path = tmp_path / "=years.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "text"], *([one, "Thank you for this report."] for one in ids)])
    scored(path, tmp_path / "out.csv")
    scored(path, tmp_path / "exact.jsonl")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["'=HYPERLINK(1)", "-12", "+3.5", "'@a", "'-1+1", "c7"]
    assert {row["file"] for row in rows} == {"'=years.csv"}
    exact = [json.loads(line) for line in (tmp_path / "exact.jsonl").read_bytes().splitlines()]
    assert [row["id"] for row in exact] == ids


def test_if_a_name_and_a_format_disagree_then_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OtherRun, match="no name for csv"):
        Place.of(tmp_path / "out.parquet", "csv")


def test_if_files_are_in_a_folder_then_each_has_parts_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    written(tmp_path / "in" / "a.csv", 10)
    (tmp_path / "in" / "b.jsonl").write_text('{"text": "Thank you for the report."}\n\n{"no": 1}\n')
    (tmp_path / "in" / "empty.csv").write_text("id,text\n")
    manifest = scored(tmp_path / "in", tmp_path / "out")
    assert [(part["input"], part["rows"]) for part in manifest["parts"]] == [
        ("a.csv", 8),
        ("a.csv", 2),
        ("b.jsonl", 3),
    ]
    assert manifest["counts"]["by_input"] == [
        {"name": "a.csv", "scored": 9, "rejected": 1},
        {"name": "b.jsonl", "scored": 1, "rejected": 1},
        {"name": "empty.csv", "scored": 0, "rejected": 0},
    ]
    assert manifest["counts"]["blank"] == 1


def test_if_the_judge_breaks_in_an_unforeseen_way_then_the_rows_are_named_and_no_words(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: object, rows: object) -> None:
        raise RuntimeError("Thank you for this careful report")

    monkeypatch.setattr(Scoring, "__call__", breaks)
    with pytest.raises(WorkerLost, match=r"Rows 1 to 8 of years.csv .*\(RuntimeError\)") as told:
        scored(archive, tmp_path / "out")
    assert "careful" not in told.value.message
    assert told.value.__suppress_context__


def test_if_a_file_name_is_no_utf_8_then_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    written(tmp_path / "in" / "caf\udce9.csv", 2)
    with pytest.raises(BadArchive, match="no UTF-8"):
        scored(tmp_path / "in", tmp_path / "out")
