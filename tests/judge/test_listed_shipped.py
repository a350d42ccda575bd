"""
The shipped lexicon files of the languages read by lists: each finds what it lists, and rejects nothing clean.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from meydan.comment import LANGUAGES
from meydan.judge.lexicon import Lexicon, Lexicons, Listed
from meydan.text import fold
from meydan.train.corpus import generate

FOLDER = Path(str(generate.__file__)).parents[2] / "judge" / "lexicon"
SHIPPED = sorted(path.stem for path in FOLDER.glob("*.toml") if path.stem != "en")
REJECTS = 0.9
FALSE_AT_MOST = 0.003


@pytest.mark.parametrize("language", SHIPPED)
def test_every_listed_word_and_phrase_finds_itself(language: str) -> None:
    """If a word or the shortest reading of a phrase is sent alone, then it is found under its label."""
    assert language in LANGUAGES
    listed = Listed.load(language)
    lost = [
        (sample.text, sample.labels)
        for sample in listed.samples
        if not set(sample.labels) & {hit.label for hit in listed.find(fold(sample.text), language)}
    ]
    assert listed.samples
    assert lost == []


@pytest.mark.parametrize("language", SHIPPED)
def test_clean_rows_are_not_rejected(language: str) -> None:
    """If our own clean rows are read, then hardly one scores so high that it would be rejected by itself."""
    lexicon = Lexicon.load(language)
    rows = [
        json.loads(line)
        for path in sorted(generate.HERE.glob(f"{language}-*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    clean = [row["text"] for row in rows if not any(row["labels"].values())]
    if not clean:
        pytest.skip("no rows of this language yet")
    wrong = [
        (text, [(hit.label, text[hit.begin : hit.end]) for hit in hits])
        for text in clean
        if (hits := [hit for hit in lexicon.find(fold(text), language) if hit.score >= REJECTS])
    ]
    assert len(wrong) <= FALSE_AT_MOST * len(clean), wrong


def test_all_lexicons_are_fast() -> None:
    """If an ordinary comment is read with every language's words, then that takes a fraction of a millisecond."""
    listed = Listed.load()
    folded = [
        fold(
            "Bugün Erbil'de toplanan bakanlar kurulu maaşlar için yeni bir karar aldı, halk bunu yeterli bulmuyor ve bekliyor."
        ),
        fold(
            "ئەمڕۆ ئەنجوومەنی وەزیران لە هەولێر کۆبووەوە و بڕیارێکی نوێی دەربارەی مووچە دا، بەڵام خەڵک ڕازی نین و چاوەڕێن."
        ),
        fold(
            "اجتمع مجلس الوزراء اليوم في أربيل واتخذ قرارا جديدا بشأن الرواتب لكن الناس غير راضين عنه وما زالوا ينتظرون."
        ),
    ]
    for tag, one in zip(("tr", "ckb", "ar"), folded, strict=True):
        listed.find(one, tag)
        best = float("inf")
        for _ in range(20):
            begin = time.process_time()
            for _ in range(10):
                listed.find(one, tag)
            best = min(best, (time.process_time() - begin) / 10)
        # A generous bound: what else runs on the machine makes this slower.
        assert best < 0.0006, tag


def test_every_shipped_file_is_asked() -> None:
    """If all lexicons are loaded, then each shipped file is among them."""
    assert Listed.load().languages == tuple(SHIPPED)
    assert Lexicons.load().digest == Lexicons(Lexicon.load("en"), Listed.load()).digest
