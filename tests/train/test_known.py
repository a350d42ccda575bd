"""What the calibration rests on: the sentences of each language, and the verdicts on them."""

from __future__ import annotations

import gzip
import tomllib
from pathlib import Path

import pytest

from meydan.train.known import LANGUAGES, SENTENCES, VERDICTS, known_rows

JUDGED = tomllib.loads(VERDICTS.read_text(encoding="utf-8"))


def test_every_language_is_judged() -> None:
    assert set(JUDGED) == LANGUAGES


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_judged_line_is_a_sentence_of_its_language(language: str) -> None:
    lines = (SENTENCES / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    judged = JUDGED[language]["reject"] + JUDGED[language]["unclear"]
    assert not set(judged) - set(lines)
    assert len(set(judged)) == len(judged)


def test_rows_have_both_verdicts_and_leave_the_unclear_out(tmp_path: Path) -> None:
    gzip.open(tmp_path / "dev.jsonl.gz", "wb").close()
    rows = list(known_rows(tmp_path, own=tmp_path))
    for language in LANGUAGES:
        verdicts = {row["text"]: row["verdict"] for row in rows if row["lang"] == language}
        assert set(verdicts.values()) == {"approve", "reject"}
        assert {line for line, verdict in verdicts.items() if verdict == "reject"} == set(
            JUDGED[language]["reject"]
        )
        assert not verdicts.keys() & set(JUDGED[language]["unclear"])
