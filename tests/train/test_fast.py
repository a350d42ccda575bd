"""Training the fast tier, end to end, on rows that the tests write themselves."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meydan.comment import RULE_LABELS
from meydan.judge.classifier import Classifier
from meydan.text.fold import fold
from meydan.train import fast
from meydan.train.rows import OWN, read_own, read_rows

PLACES = ["ministry", "bazaar", "hospital", "stadium", "river", "university", "bridge", "archive"]
THINGS = ["water", "bread", "roads", "football", "schools", "weather", "trains", "music"]


def _sentence(rng: random.Random, *, insult: bool) -> str:
    place, thing = rng.choice(PLACES), rng.choice(THINGS)
    if insult:
        return f"you {rng.choice(['blithering', 'utter', 'rotten'])} nincompoop, leave the {place} and its {thing}"
    return f"{rng.choice(['people', 'children', 'guests'])} at the {place} talked about {thing} all day"


def _entry(rng: random.Random, *, insult: bool) -> dict[str, Any]:
    labels = {"personal_attack": 1, "toxic": 1} if insult else {"toxic": 0}
    return {
        "text": _sentence(rng, insult=insult),
        "lang": "en",
        "source": "letters",
        "licence": "CC0",
        "labels": labels,
    }


def _write(path: Path, entries: list[dict[str, Any]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(entry) + "\n" for entry in entries)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    rng = random.Random(7)
    _write(folder / "train.jsonl.gz", [_entry(rng, insult=i % 3 == 0) for i in range(600)])
    _write(folder / "dev.jsonl.gz", [_entry(rng, insult=i % 3 == 0) for i in range(200)])
    return folder


@pytest.fixture(scope="module")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model") / "fast"
    fast.train(data, out, seed=3, progress=False, own=data / "none")
    return out


def test_training_learns_what_the_rows_say(model: Path) -> None:
    """If a model is trained on insults, then new insults score high, and new talk low."""
    classifier = Classifier.load(model)
    rng = random.Random(99)
    foul = classifier.score([fold(_sentence(rng, insult=True)).text for _ in range(50)])
    fair = classifier.score([fold(_sentence(rng, insult=False)).text for _ in range(50)])
    column = RULE_LABELS.index("personal_attack")
    assert foul[:, column].min() > 0.5
    assert fair[:, column].max() < 0.1


def test_a_label_without_violations_stays_unmeasured(model: Path) -> None:
    """If no row violates a rule, then its label is not measured, however many rows keep it."""
    classifier = Classifier.load(model)
    scores = classifier.score(["people talked about bread"])
    measured = [name for name, score in zip(RULE_LABELS, scores[0], strict=True) if not np.isnan(score)]
    assert measured == ["personal_attack"]


def test_training_twice_gives_the_same_model(data: Path, model: Path, tmp_path: Path) -> None:
    """If the rows and the seed are the same, then so are the model's files, byte for byte."""
    fast.train(data, tmp_path, seed=3, progress=False, own=data / "none")
    for name in ("manifest.json", "weights.z"):
        assert (tmp_path / name).read_bytes() == (model / name).read_bytes()


def test_the_order_of_rows_follows_the_seed(data: Path, model: Path, tmp_path: Path) -> None:
    """If the seed differs, then so do the weights."""
    fast.train(data, tmp_path, seed=4, progress=False, own=data / "none")
    assert (tmp_path / "weights.z").read_bytes() != (model / "weights.z").read_bytes()


def test_the_manifest_says_what_it_was_made_of(data: Path, model: Path) -> None:
    """If a model was trained, then its manifest names every file with its digest, every source and its licence."""
    trained = json.loads((model / "manifest.json").read_bytes())["trained"]
    assert [file["file"] for file in trained["files"]] == ["train.jsonl.gz", "dev.jsonl.gz"]
    assert all(file["digest"].startswith("sha256:") for file in trained["files"])
    assert trained["sources"] == [{"source": "letters", "licence": "CC0", "train": 600, "dev": 200}]
    assert trained["positives"]["personal_attack"] == [200, 67]


def test_test_rows_are_never_read(data: Path, tmp_path: Path) -> None:
    """If the data folder holds a test file that is no file of rows, then training does not notice."""
    for name in ("train.jsonl.gz", "dev.jsonl.gz"):
        (tmp_path / name).write_bytes((data / name).read_bytes())
    (tmp_path / "test.jsonl.gz").write_bytes(b"not gzip")
    fast.train(tmp_path, tmp_path / "out", progress=False, own=tmp_path)
    assert (tmp_path / "out" / "manifest.json").exists()


def test_our_own_rows_are_heard(data: Path, tmp_path: Path) -> None:
    """If our own rows teach a label that the data lacks, then the model measures it."""
    rng = random.Random(1)
    rows = [
        {
            "text": f"my {rng.choice(['shop', 'channel', 'book'])} is on sale, order {rng.choice(THINGS)} today"
            if i % 2
            else _sentence(rng, insult=False),
            "lang": "en",
            "labels": {"promotion": i % 2},
            "split": "train" if i < 160 else "dev",
        }
        for i in range(240)
    ]
    (tmp_path / "en-own.jsonl").write_text("\n".join(map(json.dumps, rows)))
    manifest = fast.train(data, tmp_path / "out", progress=False, own=tmp_path)
    assert "promotion" in manifest["measured"]
    assert manifest["trained"]["sources"][0]["source"] == OWN
    classifier = Classifier.load(tmp_path / "out")
    scores = classifier.score(["my shop is on sale, order music today", "guests talked about music"])
    column = RULE_LABELS.index("promotion")
    assert scores[0, column] > 0.5 > scores[1, column]


def test_other_languages_are_left_alone(tmp_path: Path) -> None:
    """If rows are in languages not asked for, then they are not read."""
    rng = random.Random(0)
    _write(tmp_path / "train.jsonl.gz", [{**_entry(rng, insult=True), "lang": "tr"}])
    assert list(read_rows(tmp_path, "train", frozenset({"en"}))) == []
    assert len(list(read_rows(tmp_path, "train", frozenset({"tr"})))) == 1


@pytest.mark.parametrize(
    ("source", "labels", "known", "unknown"),
    [
        # a clean row speaks for every label of abuse, and not for promotion
        ("letters", {"toxic": 0}, {"threat": 0.0, "sexism": 0.0, "hate": 0.0}, {"promotion"}),
        ("jigsaw_samples", {"toxic": 0}, {"threat": 0.0, "promotion": 0.0}, set()),
        # what one source means by clean says nothing about swearing
        ("edos", {"toxic": 0}, {}, {"profanity", "threat"}),
        # no hate means no hate about any group, where hate means just that
        ("stormfront", {"hate": 0}, {"racism": 0.0, "religion_hate": 0.0}, {"personal_attack", "toxic"}),
        ("davidson", {"hate": 0}, {}, {"sexism", "racism"}),
        # unreliable as a negative, believed as a positive
        ("toxic_spans", {"toxic": 0}, {}, {"toxic"}),
        ("toxic_spans", {"toxic": 1, "threat": 0.667}, {"toxic": 1.0, "threat": 0.667}, {"sexism"}),
        # hatred of a group is hate, and toxic
        ("letters", {"sexism": 1}, {"hate": 1.0, "toxic": 1.0}, {"racism"}),
        # labels of no head are left out
        ("letters", {"constructive": 1}, {}, {"constructive"}),
    ],
)
def test_what_is_concluded_from_a_label(
    tmp_path: Path, source: str, labels: dict[str, float], known: dict[str, float], unknown: set[str]
) -> None:
    """If a label is given, then others follow exactly as far as its source can be believed."""
    entry = {"text": "words", "lang": "en", "source": source, "labels": labels}
    _write(tmp_path / "train.jsonl.gz", [entry])
    (row,) = read_rows(tmp_path, "train", frozenset({"en"}))
    assert {name: row.labels[name] for name in known} == known
    assert not unknown & set(row.labels)
    assert row.assumed.isdisjoint(labels)


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("it is n't so", "it isn't so"),
        ("it\\u2019s \\ud83d\\ude42", "it’s 🙂"),
        ("you &amp; me", "you & me"),
        ("RT @someone: hello", "  @someone: hello"),
    ],
)
def test_what_a_collection_did_is_undone(tmp_path: Path, text: str, repaired: str) -> None:
    """If a collection changed its texts, then the change is undone, so that no model learns the collection."""
    _write(tmp_path / "dev.jsonl.gz", [{"text": text, "lang": "en", "source": "letters", "labels": {}}])
    (row,) = read_rows(tmp_path, "dev", frozenset({"en"}))
    assert row.text == repaired


def test_our_own_rows_are_read_as_written(tmp_path: Path) -> None:
    """If a row is ours, then its text is untouched, and its split is respected."""
    row = {"text": "you &amp; me", "lang": "en", "labels": {"toxic": 0}, "split": "dev"}
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n\n")
    assert [found.text for found in read_own(tmp_path, "dev", frozenset({"en"}))] == ["you &amp; me"]
    assert list(read_own(tmp_path, "train", frozenset({"en"}))) == []


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    """If the data folder has no rows, then training says so and writes nothing."""
    with pytest.raises(FileNotFoundError):
        fast.train(tmp_path, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_the_heaviest_words_can_be_looked_at(model: Path) -> None:
    """If one asks what moves a label most, then the words of its violations come first."""
    words = ["bread", "nincompoop", "river", "people"]
    assert fast.heaviest(model, words, "personal_attack", limit=2)[0][0] == "nincompoop"
