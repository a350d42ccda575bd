"""Coral's export comes over as it is, as tables or as documents."""

from __future__ import annotations

import csv
import gzip
import io
import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meydan.errors import FileCutShort, NotThatFormat
from meydan.exchange import coral
from meydan.exchange.coral import RULES, read_coral
from meydan.exchange.reading import Taken
from meydan.exchange.record import CommentRecord, Fault, StoryRecord
from meydan.policy import load
from meydan.text import table
from tests.exchange.made import SAMPLES

CSV, MONGO = SAMPLES / "coral-csv", SAMPLES / "coral-mongo"


def comments_in(taken: list[Taken]) -> dict[str, CommentRecord]:
    return {one.key: one for one in taken if isinstance(one, CommentRecord)}


def faults_in(taken: list[Taken]) -> list[tuple[str, str]]:
    return [(one.place, one.kind) for one in taken if isinstance(one, Fault)]


def zipped(folder: Path, to: Path) -> Path:
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.iterdir()):
            packed.write(path, f"export/{path.name}")
    return to


@pytest.mark.parametrize("packed", [False, True])
def test_tables_come_over_as_they_are(tmp_path: Path, packed: bool) -> None:
    """If the three tables are read, from a folder or a zip, then stories, threads, authors and words are as they were."""
    taken = list(read_coral(zipped(CSV, tmp_path / "coral.zip") if packed else CSV))
    assert faults_in(taken) == []
    assert [(one.key, one.url, one.title, one.closed) for one in taken if isinstance(one, StoryRecord)] == [
        ("s-1", "https://news.example/library", "The library, rebuilt", False),
        ("s-2", "https://news.example/old-gate", "The old gate", True),
    ]
    comments = comments_in(taken)
    assert {key: (one.parent, one.state, one.name) for key, one in comments.items()} == {
        "c-2": ("c-1", "approved", "Rebin"),
        "c-1": (None, "approved", "Ayşe"),
        "c-3": (None, "rejected", "Ayşe"),
    }
    assert comments["c-2"].body == '<div>It is, and it\nhas <b>two</b> floors, "really".</div>'
    assert comments["c-1"].submitted_at == datetime(2021, 2, 1, 7, 0, 0, 250_000, tzinfo=UTC)
    assert (comments["c-1"].email, comments["c-2"].email) == ("ayse@reader.example", None)


def test_documents_come_over_with_what_was_decided(tmp_path: Path) -> None:
    """If mongoexport's files are read, then the last revision counts, and the last decision with its reason as our rule."""
    folder = tmp_path / "coral"
    shutil.copytree(MONGO, folder)
    comments = folder / "comments.json"
    (folder / "comments.json.gz").write_bytes(gzip.compress(comments.read_bytes()))
    comments.unlink()
    taken = list(read_coral(folder))
    assert faults_in(taken) == []
    found = comments_in(taken)
    assert {key: (one.parent, one.state) for key, one in found.items()} == {
        "c-2": ("c-1", "approved"),
        "c-1": (None, "approved"),
        "c-3": (None, "rejected"),
        "c-4": ("c-3", "erased"),
        "c-5": (None, "held"),
    }
    assert found["c-2"].body == "<div>It is, from nine.</div>"
    assert found["c-1"].submitted_at == datetime(2021, 2, 1, 7, 0, 0, 250_000, tzinfo=UTC)
    assert (found["c-3"].reason, found["c-3"].rules) == ("AD", ("promotion",))
    assert found["c-3"].decided_at == datetime(2021, 2, 3, 7, 30, tzinfo=UTC)
    assert (found["c-4"].name, found["c-4"].body) == ("", "")
    assert [one.closed for one in taken if isinstance(one, StoryRecord)] == [False, True]


def test_reasons_are_rules_of_ours() -> None:
    """If a reason of Coral's stands for rules of ours, then the default guidelines have them."""
    assert {rule for rules in RULES.values() for rule in rules} <= {rule.id for rule in load().rules}


BAD_ROWS = [
    (b"c-9,u-1,s-1,2021-02-01T07:00:00Z,<p>Short</p>,,NONE\n", "not-a-row"),
    (b'c-9,u-1,s-1,2021-02-01T07:00:00Z,"x"y,,NONE,\n', "not-a-row"),
    (b"c-9,u-1,s-1,2021-02-01T07:00:00,<p>x</p>,,NONE,\n", "no-zone"),
    (b"c-9,u-1,s-1,,<p>x</p>,,NONE,\n", "no-time"),
    (b"c-9,u-1,,2021-02-01T07:00:00Z,<p>x</p>,,NONE,\n", "no-story"),
    (b",u-1,s-1,2021-02-01T07:00:00Z,<p>x</p>,,NONE,\n", "no-id"),
    (b"c-9,u-1,s-1,2021-02-01T07:00:00Z,,,NONE,5\n", "no-body"),
    (b"c-9,u-1,s-1,2021-02-01T07:00:00Z,<p>x</p>,,FEATURED,\n", "unknown-state"),
    (b'c-9,u-1,s-1,2021-02-01T07:00:00Z,"two\n\xff\nlines",,NONE,\n', "not-utf8"),
    (b'c-9,u-1,s-1,2021-02-01T07:00:00Z,"a\x00b",,NONE,\n', "not-text"),
    (b'c-9,u-1,s-1,2021-02-01T07:00:00Z,"' + b"x" * 17 * 2**20 + b'",,NONE,\n', "too-long"),
    (b'{"id": "c-9", "storyID": "s-1"}\n', "not-a-row"),
]


@pytest.mark.parametrize(
    ("row", "kind"), BAD_ROWS, ids=[f"{kind}-{n}" for n, (_, kind) in enumerate(BAD_ROWS)]
)
def test_a_bad_row_is_named_and_the_rest_comes_over(tmp_path: Path, row: bytes, kind: str) -> None:
    """If a row cannot be taken, then it is a fault with its line, and the rows around it come over."""
    folder = tmp_path / "coral"
    shutil.copytree(CSV, folder)
    table = folder / "comments.csv"
    table.write_bytes(row + table.read_bytes())
    taken = list(read_coral(folder))
    (fault,) = faults_in(taken)
    assert fault[0].startswith("comments.csv, line ")
    assert fault[1] == kind
    assert set(comments_in(taken)) == {"c-1", "c-2", "c-3"}


def test_a_bad_document_is_named_and_the_rest_comes_over(tmp_path: Path) -> None:
    """If a document cannot be taken, in any of the files, then it is a fault with its line, and the others come over."""
    folder = tmp_path / "coral"
    shutil.copytree(MONGO, folder)
    for name, bad in {
        "users.json": '{"username": "x"}\n[]\n',
        "stories.json": '{"id": "s-9"}\n',
        "commentModerationActions.json": '{"commentID": "c-1", "status": "APPROVED", "createdAt": {"$date": "2021"}}\n{}\n',
        "comments.json": '{"id": "c-8", "storyID": "s-1", "status": "NONE", "createdAt": {"$date": {"$numberLong": "9e9"}}}\n{\n'
        '{"id": "c-7", "storyID": "s-1", "status": "NONE", "createdAt": {"$date": 99999999999999999}}\n',
    }.items():
        path = folder / name
        path.write_text(bad + path.read_text())
    taken = list(read_coral(folder))
    assert [kind for _, kind in faults_in(taken)] == [
        "no-id", "not-a-document", "no-time", "no-id", "no-url", "no-time", "not-a-document", "no-time",
    ]  # fmt: skip
    assert len(comments_in(taken)) == 5


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    """If a file is missing, both kinds are there, or it is no export at all, then the error says what is wrong."""
    with pytest.raises(NotThatFormat, match="neither"):
        list(read_coral(tmp_path))
    with pytest.raises(NotThatFormat, match="zip"):
        list(read_coral(CSV / "users.csv"))
    with pytest.raises(NotThatFormat):
        list(read_coral(tmp_path / "missing"))
    folder = tmp_path / "coral"
    shutil.copytree(CSV, folder)
    shutil.copy(MONGO / "comments.json", folder)
    with pytest.raises(NotThatFormat, match="both"):
        list(read_coral(folder))
    (folder / "comments.json").unlink()
    (folder / "users.csv").unlink()
    with pytest.raises(NotThatFormat, match=r"lacks users\.csv"):
        list(read_coral(folder))
    array = tmp_path / "array"
    shutil.copytree(MONGO, array)
    (array / "comments.json").write_text("[" + (array / "comments.json").read_text())
    with pytest.raises(NotThatFormat, match="--jsonArray"):
        list(read_coral(array))
    (array / "comments.json").write_bytes("{}".encode("utf-16"))
    with pytest.raises(NotThatFormat, match="UTF-16"):
        list(read_coral(array))


def test_files_that_end_in_their_middle_are_told(tmp_path: Path) -> None:
    """If a table ends inside a quotation, or a packed one is cut short, then the error says that it was not all."""
    folder = tmp_path / "coral"
    shutil.copytree(CSV, folder)
    table = folder / "comments.csv"
    sound = table.read_bytes()
    table.write_bytes(sound + b'c-9,u-1,s-1,2021-02-01T07:00:00Z,"and then')
    with pytest.raises(FileCutShort):
        list(read_coral(folder))
    (folder / "comments.csv.gz").write_bytes(gzip.compress(sound * 50)[:-40])
    table.unlink()
    with pytest.raises(FileCutShort):
        list(read_coral(folder))


FORGED = "c-8,u-1,s-1,2021-02-01T07:00:00Z,<p>Forged</p>,,NONE,\n"


@pytest.mark.parametrize("size", [200_000, 17 * 2**20])
def test_a_long_body_is_never_split_into_rows(tmp_path: Path, size: int) -> None:
    """If a body is longer than anybody reads, then it is whole or a fault, and no line of it becomes a comment of its own."""
    folder = tmp_path / "coral"
    shutil.copytree(CSV, folder)
    table = folder / "comments.csv"
    body = f"<p>{'x' * size}\n{FORGED}{FORGED}</p>"
    table.write_text(f'c-9,u-1,s-1,2021-02-01T07:00:00Z,"{body}",,NONE,\n' + table.read_text())
    taken = list(read_coral(folder))
    comments = comments_in(taken)
    whole = size < 2**20
    assert set(comments) == {"c-1", "c-2", "c-3"} | ({"c-9"} if whole else set())
    assert faults_in(taken) == ([] if whole else [("comments.csv, line 4", "too-long")])
    if whole:
        assert comments["c-9"].body == body


pieces = st.sampled_from(['"', '""', ",", "\n", "\r\n", FORGED, '"\n' + FORGED, "x" * 30, "é", "<p>"])


@settings(max_examples=60)
@given(
    bodies=st.lists(st.lists(pieces, min_size=1, max_size=8).map("".join), min_size=1, max_size=4),
    longest=st.sampled_from([90, 150, 10_000]),
    piece=st.sampled_from([1, 2, 7, 10_000]),
)
def test_no_body_forges_a_row(
    tmp_path_factory: pytest.TempPathFactory, bodies: list[str], longest: int, piece: int
) -> None:
    """If bodies hold quotation marks, commas, line ends and rows, then each is whole or a fault, wherever it is cut to be read."""
    folder = tmp_path_factory.mktemp("coral")
    for name in ("users", "stories"):
        shutil.copy(CSV / f"{name}.csv", folder)
    made = {f"k-{number}": body for number, body in enumerate(bodies)}
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        [key, "u-1", "s-1", "2021-02-01T07:00:00Z", body, "", "NONE", ""] for key, body in made.items()
    )
    (folder / "comments.csv").write_bytes(out.getvalue().encode())
    with pytest.MonkeyPatch.context() as shorter:
        shorter.setattr(coral, "LONGEST_LINE", longest)
        shorter.setattr(table, "_PIECE", piece)
        # So that files of few lines are read a piece at a time; users and stories fit in either.
        taken = list(read_coral(folder))
    comments = comments_in(taken)
    assert {key: one.body for key, one in comments.items()}.items() <= made.items()
    faults = faults_in(taken)
    assert {kind for _, kind in faults} <= {"too-long"}
    assert len([place for place, _ in faults if place.startswith("comments")]) + len(comments) == len(made)
