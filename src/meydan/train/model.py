"""
From a finished run to a model directory: cut, rounded, blended on development rows, described.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console

from meydan.judge.blend import LABELS as BLENDED
from meydan.judge.blend import Blend
from meydan.judge.classifier import Classifier
from meydan.judge.encoder import ALLEGATION, FORMAT, Encoder
from meydan.judge.judge import Judge
from meydan.train import allegation, blend, constructive, relevance
from meydan.train.base import FILE, PACKAGE, base_file, narrowed, read_base, tokenizer_of
from meydan.train.encoder import CORPUS, LABELS, LANGUAGES, Recipe, own_rows, train
from meydan.train.export import cut_tokenizer, pieces_to_keep, write_graph, write_manifest
from meydan.train.net import Net
from meydan.train.noise import latin_rows
from meydan.train.rows import OWN, Row, digest_of_file, files_of, positives_of, read_rows, sources_of

JUDGED: Final = LANGUAGES - {"fr"}
"""The languages that are blended and measured; French rows only teach."""

IN_OTHER_LETTERS: Final = frozenset({"ar-Latn"})
"""What our rows of a language are written in besides its own letters: scored, so that a person sees why, and held."""


def make(
    data: Path,
    out: Path,
    *,
    run: Path,
    own: Path = CORPUS,
    recipe: Recipe | None = None,
    base: Path | None = None,
    fast: Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """
    Train what is not trained yet, and write the model directory.

    Args:
        data: the data folder.
        out: the model directory; written over when it is there, and `relevance.json` beside it.
        run: where the run is kept, so that it can be stopped and gone on with.
        fast: the fast tier that the encoder is blended with; None: the shipped one.

    Returns:
        What `manifest.json` says.
    """
    recipe = recipe or Recipe()
    base = base or base_file()
    kept = train(data, run, own=own, recipe=recipe, base=base, progress=progress)
    told = Console(stderr=True, quiet=not progress)
    told.print("Cutting the vocabulary and rounding the weights")
    taught = [*read_rows(data, "train", LANGUAGES), *own_rows(own, "train")]
    origin = read_base(base)
    # Which neurons stayed is in the weights that were learned; only their number matters here.
    inner = range(min(recipe.inner, len(origin.layers[0].up)))
    net = Net.of(narrowed(origin, recipe.layers, [inner] * len(recipe.layers)), len(LABELS))
    net.load_state_dict(torch.load(kept, weights_only=True)["net"], strict=False)
    texts: dict[str, list[str]] = {}
    for row in taught:
        texts.setdefault(row.language, []).append(row.text)
    keep = pieces_to_keep(texts, tokenizer_of(origin.pieces, origin.scores.tolist()))
    fresh = out.with_name(out.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    cut_tokenizer(origin, keep).save(str(fresh / "tokenizer.json"), pretty=False)
    write_graph(net, keep, fresh / "encoder.onnx")

    told.print("Blending on development rows")
    held_out = [*read_rows(data, "dev", JUDGED), *own_rows(own, "dev")]
    about: dict[str, Any] = {
        "format": FORMAT,
        "labels": list(LABELS),
        "languages": sorted({*JUDGED, *IN_OTHER_LETTERS}),
        "blend": _alone().to_dict(),
    }
    write_manifest(fresh, about)
    spelled = [*held_out, *latin_rows(held_out)]
    heard = _witnesses(fresh, fast, spelled)
    learned = blend.learn(spelled, *heard)
    about["blend"] = learned.blend.to_dict()
    everywhere, by_language = blend.abuse_thresholds(spelled, learned.blend, *heard)
    about["thresholds"] = {"abuse": everywhere, "abuse_in": by_language}
    known = constructive.learn_from(Encoder.load(fresh), own / "constructive")
    if known.pop("measured"):
        about["constructive"] = known
    alleging = allegation.learn_from(Encoder.load(fresh), held_out)
    if alleging is not None:
        about[ALLEGATION] = alleging
    about["trained"] = {
        "recipe": asdict(recipe),
        "base": {"package": PACKAGE, "file": FILE, "digest": digest_of_file(base)},
        "pieces": len(keep),
        "files": files_of(data, own),
        "sources": sources_of(taught, held_out),
        "positives": {name: [positives_of(taught, name), positives_of(held_out, name)] for name in LABELS},
        "own_rows": _by_language(taught, held_out),
        "blended_on": learned.evidence,
    }
    write_manifest(fresh, about)
    Encoder.load(fresh)
    shutil.rmtree(out, ignore_errors=True)
    fresh.rename(out)
    told.print("Measuring relevance on stories of our own")
    relevance.write(out, folder=own / "stories")
    return about


def _alone() -> Blend:
    """The encoder's word as it is, until a blend is learned."""
    weights = np.tile(np.array([[1.0, 0.0]], np.float32), (len(BLENDED), 1))
    return Blend(weights, np.zeros(len(BLENDED), np.float32), {})


def _witnesses(model: Path, fast: Path | None, rows: Sequence[Row]) -> tuple[Any, Any, Any]:
    judge = Judge.of(Classifier.load(fast), Encoder.load(model))
    return judge.witnesses([row.text for row in rows])


def _by_language(taught: Sequence[Row], held_out: Sequence[Row]) -> dict[str, list[int]]:
    numbers = [Counter(row.language for row in rows if row.source == OWN) for rows in (taught, held_out)]
    return {language: [part[language] for part in numbers] for language in sorted(numbers[0])}
