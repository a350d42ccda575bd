"""
Train the fast tier: labelled rows in, `manifest.json` and weights out.

One logistic regression per label over the shared features of judge/classifier,
all fitted together by AdaGrad on mini-batches; a label that a row does not carry
takes no part. Deterministic for a seed on one machine. Test rows are never read.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from rich.progress import Progress

from meydan.judge.classifier import (
    BUCKETS_LOG2,
    COLUMNS,
    FORMAT,
    GROUP_LABELS,
    Classifier,
    blanked,
    digest_of,
    features_of,
    level,
    odds_of,
    recipe,
)
from meydan.text.fold import fold
from meydan.train.noise import latin_rows
from meydan.train.rows import (
    HEADS,
    SOURCES,
    Row,
    Source,
    files_of,
    positives_of,
    read_own,
    read_rows,
    sources_of,
)

CORPUS: Final = Path(__file__).parent / "corpus"
"""Our own rows."""

LANGUAGES: Final = frozenset({"en", "ar", "tr", "ckb", "kmr-Latn", "kmr-Arab"})
"""The languages that are read."""

PREVALENCE: Final[Mapping[str, float]] = {
    **dict.fromkeys(HEADS, 0.03),
    # Where a group is named, the collections are mostly hateful, and readers mostly are not.
    **dict.fromkeys(GROUP_LABELS, 0.015),
    "toxic": 0.15,
}
"""The share of violations that calibration assumes. Real threads lose 2 to 11 % in all, to rules that overlap."""

_HATE: Final = HEADS.index("hate")


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a training run; the shipped model used the defaults."""

    epochs: int = 8
    batch: int = 256
    rate: float = 0.3
    decay: float = 1e-3
    # A feature seen in fewer rows than this is a name or a typing error.
    seen_at_least: int = 3
    # The power of the inverse document frequency: how much rarer features count for more.
    rarity: float = 0.5
    assumed: float = 0.5
    # Fewer positives than this and the label stays unmeasured, in training and for calibration.
    positives_at_least: int = 30
    calibrated_on_at_least: int = 10


def train(
    data: Path,
    out: Path,
    *,
    seed: int = 0,
    progress: bool = True,
    own: Path = CORPUS,
    recipe_: Recipe | None = None,
) -> dict[str, Any]:
    """
    Train on `data` and our own rows, calibrate on their dev parts, write the model to `out`.

    Args:
        data: the data folder (`train.jsonl.gz`, `dev.jsonl.gz`).
        out: the model directory; made when missing, written over when not.
        seed: of the order of rows.
        progress: draw a progress bar.
        own: folder of our own rows, *.jsonl with a `split` of "train" or "dev".

    Returns:
        What `manifest.json` says: sources with digests and licences, settings, calibration.

    Raises:
        FileNotFoundError, ValueError: the data folder is not one.
    """
    settings = recipe_ or Recipe()
    languages = LANGUAGES
    taught = [*read_rows(data, "train", languages), *read_own(own, "train", languages)]
    held_out = [*read_rows(data, "dev", languages), *read_own(own, "dev", languages)]
    read = [*taught, *latin_rows(taught)]
    with Progress(disable=not progress, transient=True) as bar:
        reading = bar.add_task("Reading features", total=2 * (len(read) + len(held_out)))
        blind, whole, blind_dev, whole_dev = (
            _matrix(rows, lambda done: bar.advance(reading, done), names=names)
            for rows in (read, held_out)
            for names in (False, True)
        )
        y, w = _targets(read, settings)
        hateful = np.flatnonzero((y[:, _HATE] >= 0.5) & (w[:, _HATE] > 0))
        groups = np.array([HEADS.index(label) for label in GROUP_LABELS])
        learning = bar.add_task("Learning", total=settings.epochs * (len(read) + len(hateful)))
        weights, bias = _fit(blind, y, w, settings, seed, lambda done: bar.advance(learning, done))
        # Among hateful rows only: which group is it about? So the name alone is never the offence.
        about, about_bias = _fit(
            whole[hateful],
            y[np.ix_(hateful, groups)],
            w[np.ix_(hateful, groups)],
            settings,
            seed,
            lambda done: bar.advance(learning, done),
        )
    table, scale = _rounded(np.concatenate([weights, about], axis=1))
    bias = np.concatenate([bias, about_bias]).astype(np.float32)
    # Calibrated on what will be shipped: the rounded weights.
    k = len(HEADS)
    raw = np.concatenate(
        [
            blind_dev @ table[:, :k].astype(np.float32),
            whole_dev @ table[:, k:].astype(np.float32),
        ],
        axis=1,
    )
    odds = odds_of((raw * scale + bias).astype(np.float32))
    y_dev, w_dev = _targets(held_out, settings)
    measured, calibration = [], []
    for column, name in enumerate(HEADS):
        known = w_dev[:, column] > 0
        positive = y_dev[:, column] >= 0.5
        enough = (y[:, column] >= 0.5).sum() >= settings.positives_at_least
        if enough and (known & positive).sum() >= settings.calibrated_on_at_least:
            measured.append(name)
            share = PREVALENCE[name]
            calibration.append(_platt(odds[known, column], positive[known], w_dev[known, column], share))
        else:
            calibration.append((0.0, 0.0))
    out.mkdir(parents=True, exist_ok=True)
    packed = zlib.compress(np.ascontiguousarray(table.T).tobytes(), 9)
    (out / "weights.z").write_bytes(packed)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "columns": list(COLUMNS),
        "features": recipe(),
        "buckets_log2": BUCKETS_LOG2,
        "weights": {
            "file": "weights.z",
            "digest": digest_of(packed),
            "size_bytes": len(packed),
        },
        "scale": [float(s) for s in scale],
        "bias": [float(b) for b in bias],
        "calibration": calibration,
        "measured": measured,
        "languages": sorted(languages),
        "trained": {
            "seed": seed,
            "settings": {name: getattr(settings, name) for name in Recipe.__slots__},
            "prevalence": {name: PREVALENCE[name] for name in HEADS},
            "files": files_of(data, own),
            "sources": sources_of(taught, held_out),
            "positives": {name: [positives_of(taught, name), positives_of(held_out, name)] for name in HEADS},
        },
    }
    (out / "manifest.json").write_text(
        json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    Classifier.load(out)
    return manifest


def heaviest(model: Path, words: Sequence[str], label: str, limit: int = 30) -> list[tuple[str, float]]:
    """The `limit` words of `words` that move a label's log-odds most when they stand alone, heaviest first."""
    classifier = Classifier.load(model)
    column = HEADS.index(label)
    scores = classifier.score_all(words)[:, column].astype(np.float64)
    odds = np.log(scores / (1 - scores))
    order = np.argsort(-odds, kind="stable")[:limit]
    return [(words[i], float(odds[i])) for i in order]


def _matrix(rows: Sequence[Row], tell: Callable[[int], None], *, names: bool) -> sp.csr_matrix:
    """
    Rows by buckets, each feature 1 / sqrt(number of features of its row), as the classifier sums them.

    `names` reads the whole text; without, the names of groups are taken out.
    """
    parts, numbers = [], []
    for begin in range(0, len(rows), 256):
        piece = rows[begin : begin + 256]
        levelled = [level(fold(row.text).text) for row in piece]
        found = features_of(levelled if names else [blanked(text) for text in levelled])
        parts.append(found.buckets)
        numbers.append(np.diff(found.starts))
        tell(len(piece))
    number = np.concatenate(numbers) if numbers else np.zeros(0, np.int64)
    values = np.repeat(1 / np.sqrt(np.maximum(number, 1)), number).astype(np.float32)
    buckets = np.concatenate(parts) if parts else np.zeros(0, np.int32)
    starts = np.concatenate(([0], np.cumsum(number)))
    return sp.csr_matrix((values, buckets, starts), shape=(len(rows), 1 << BUCKETS_LOG2))


def _targets(rows: Sequence[Row], settings: Recipe) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Labels and how much each counts, rows by HEADS; what is unknown counts 0."""
    y = np.zeros((len(rows), len(HEADS)), np.float32)
    weight = np.zeros_like(y)
    columns = {name: column for column, name in enumerate(HEADS)}
    for i, row in enumerate(rows):
        trust = SOURCES.get(row.source, Source()).weight
        for name, share in row.labels.items():
            y[i, columns[name]] = share
            weight[i, columns[name]] = trust * (settings.assumed if name in row.assumed else 1.0)
    return y, weight


def _fit(
    x: sp.csr_matrix,
    y: NDArray[np.float32],
    weight: NDArray[np.float32],
    settings: Recipe,
    seed: int,
    tell: Callable[[int], None],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """
    Weights (buckets, k), with the inverse document frequency folded in, and biases (k,).

    Source:
        AdaGrad: Duchi, Hazan and Singer (2011).
    """
    rows, buckets = x.shape
    if not rows:
        return np.zeros((buckets, y.shape[1]), np.float32), np.zeros(y.shape[1], np.float32)
    seen = np.bincount(x.indices, minlength=buckets)
    rarity = np.where(
        seen >= settings.seen_at_least,
        (np.log((1 + rows) / (1 + seen)) + 1) ** settings.rarity,
        0.0,
    )
    rarity = (rarity / max(rarity[rarity > 0].mean(), 1e-9)).astype(np.float32)
    x = sp.csr_matrix(x @ sp.diags(rarity))
    x.eliminate_zeros()
    total = np.maximum(weight.sum(axis=0), 1e-9)
    base = np.clip((weight * y).sum(axis=0) / total, 1e-4, 1 - 1e-4)
    bias = np.log(base / (1 - base)).astype(np.float32)
    weights = np.zeros((buckets, y.shape[1]), np.float32)
    squares = np.full_like(weights, 1e-3)
    bias_squares = np.ones_like(bias)
    order = np.random.default_rng(seed)
    for _ in range(settings.epochs):
        shuffled = order.permutation(rows)
        for begin in range(0, rows, settings.batch):
            chosen = shuffled[begin : begin + settings.batch]
            piece = x[chosen]
            used, where = np.unique(piece.indices, return_inverse=True)
            piece = sp.csr_matrix((piece.data, where, piece.indptr), shape=(len(chosen), len(used)))
            now = weights[used]
            miss = (1 / (1 + np.exp(-(piece @ now + bias))) - y[chosen]) * weight[chosen]
            step = piece.T @ miss + settings.decay * now
            squares[used] += step * step
            weights[used] = now - settings.rate * step / np.sqrt(squares[used])
            # Ten times slower than the weights: every row touches the bias.
            lean = miss.sum(axis=0) / 10
            bias_squares += lean * lean
            bias -= settings.rate * lean / np.sqrt(bias_squares)
            tell(len(chosen))
    return weights * rarity[:, None], bias


def _rounded(
    weights: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """int8 weights and what one step is worth, per column."""
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-9) / 127
    return np.rint(weights / scale).astype(np.int8), scale.astype(np.float32)


def _platt(
    raw: NDArray[np.float32],
    positive: NDArray[np.bool_],
    weight: NDArray[np.float32],
    prevalence: float,
) -> tuple[float, float]:
    """
    Slope and offset so that 1 / (1 + exp(-(slope * raw + offset))) is a probability.

    Rows are weighted so that positives make up `prevalence`: the sources' own
    shares are those of their collectors, not of a comment section.

    Source:
        Platt (1999), with his smoothed targets; Newton's method.
    """
    p, n = int(positive.sum()), int((~positive).sum())
    target = np.where(positive, (p + 1) / (p + 2), 1 / (n + 2)).astype(np.float64)
    w = weight.astype(np.float64)
    w[positive] *= prevalence / w[positive].sum()
    w[~positive] *= (1 - prevalence) / w[~positive].sum()
    design = np.stack([raw.astype(np.float64), np.ones(len(raw))], axis=1)
    theta = np.array([1.0, 0.0])

    def loss(at: NDArray[np.float64]) -> float:
        z = design @ at
        return float((w * (np.logaddexp(0, z) - target * z)).sum())

    for _ in range(100):
        q = 1 / (1 + np.exp(-np.clip(design @ theta, -50, 50)))
        gradient = design.T @ (w * (q - target))
        curve = (design * (w * q * (1 - q))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curve, gradient)
        size = 1.0
        while size > 1e-6 and loss(theta - size * step) > loss(theta):
            size /= 2
        theta = theta - size * step
        if np.abs(size * step).max() < 1e-9:
            break
    # A slope below zero would say that more evidence means less; that is noise.
    return max(float(theta[0]), 0.0), float(theta[1])
