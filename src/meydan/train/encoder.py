"""
Train the encoder of the full judge: labelled rows in, a model directory out.

Three phases. In the first the network learns from the data folder, and from the rows that
our templates make, what abuse looks like in many collections and languages; in the second
from all that we wrote, the sentences written one by one above all, with a part of the first
kind again so that nothing is forgotten: what a newsroom means by it. In the third, from the same rows, how else
they are written: misspelled more often, and the Arabic ones in Latin letters every other time. Each label that a row
does not carry takes no part. A part of the rows also teaches the network to keep the sentence
vectors of the base, by which relevance is measured. Test rows are never read.

Stops at any point and goes on from the last `Recipe.saved_every` steps as if it had
not stopped: the network, the optimiser, the step and every source of chance are kept.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as fn

from meydan.judge.encoder import ALLEGATION
from meydan.judge.reading import as_written, undisguised
from meydan.text.fold import fold
from meydan.train.base import Base, base_file, narrowed, read_base, tokenizer_of
from meydan.train.net import Net
from meydan.train.noise import in_latin_letters, in_other_letters, noisy
from meydan.train.rows import (
    HEADS,
    OWN,
    SOURCES,
    WRITTEN,
    Row,
    Source,
    files_of,
    read_own,
    read_own_file,
    read_rows,
)

CORPUS: Final = Path(__file__).parent / "corpus"
LABELS: Final = (*HEADS, "constructive", ALLEGATION)
"""What the network has a head for, in order; the last says that a crime is alleged of a named private person."""

LANGUAGES: Final = frozenset({"en", "ar", "tr", "fr", "ckb", "kmr-Latn", "kmr-Arab"})
CONSTRUCTIVE: Final = 4
"""How often a row on constructiveness comes in one pass: there are few, and nothing else teaches that head."""

LETTERS_CHANGED: Final = 0.3
"""How often a Kurmanji row in Latin letters is read in Arabic ones, of which there are fewer rows."""

_HEARD: Final = 100
"""Texts of each language by which the neurons that stay are chosen."""

_CHUNK: Final = 50  # batches that are sorted by length together


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a run; the shipped model used the defaults."""

    seed: int = 0
    layers: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    inner: int = 1152
    """How many of a layer's 1,536 inner neurons stay, those that say most."""
    longest: int = 80
    """Tokens of a text that are read at once."""
    batch: int = 64
    samples: tuple[int, int, int] = (384_000, 640_000, 320_000)
    """How many texts each phase sees."""
    falls_over: tuple[int, int, int] = (800_000, 640_000, 320_000)
    """Over how many texts each phase's rate falls: the first one ends before it has fallen far."""
    rates: tuple[float, float, float] = (2e-4, 1.2e-4, 8e-5)
    """The highest learning rate of each phase; the first falls towards a tenth, the others to nothing."""
    head_rates: tuple[float, float, float] = (1e-3, 3e-4, 2e-4)
    warm_up: int = 300
    noise: tuple[float, float, float] = (0.15, 0.3, 0.35)
    latin: tuple[float, float, float] = (0.0, 0.0, 0.5)
    """How often an Arabic row is read in Latin letters in each phase."""
    assumed: float = 0.5
    own: tuple[float, float, float] = (1.0, 1.5, 1.5)
    """How much a row of our own counts in each phase, where one of a collection counts once."""
    written: int = 3
    """How often a sentence that was written one by one comes in one pass of the later phases."""
    made: float = 0.5
    """The share of the rows that templates make which comes in one pass of the later phases."""
    again: float = 0.8
    """How many rows of collections come in one pass of the later phases, for each row of our own."""
    arabic: int = 3
    """How often an Arabic row of the data folder comes in one pass: there are few."""
    talk: int = 5
    """How often a row comes of the few that all raters of a talk page or a comment section found toxic or clean."""
    vectors: int = 30_000
    """Rows whose sentence vector is learned from the base."""
    vector_weight: float = 0.5
    saved_every: int = 500


@dataclass(slots=True)
class _Run:
    """What is kept of a run that is under way."""

    net: Net
    optimiser: torch.optim.Optimizer
    step: int = 0


def train(
    data: Path,
    out: Path,
    *,
    own: Path = CORPUS,
    recipe: Recipe | None = None,
    base: Path | None = None,
    phases: int = 3,
    threads: int | None = None,
    progress: bool = True,
) -> Path:
    """
    Train, or go on training, in the folder `out`; the result is `out`/net.pt, which `export` takes.

    Args:
        data: the data folder (`train.jsonl.gz`); its dev and test rows are not read.
        own: folder of our own rows.
        base: the weights to begin with; None: those of the installed package.
        phases: how many phases to run before returning.
        threads: None leaves it to torch.

    Raises:
        FileNotFoundError, ValueError: the data folder is not one, or `out` holds a run of another recipe.
        BadBase: the base weights are missing.
    """
    recipe = recipe or Recipe()
    if threads:
        torch.set_num_threads(threads)
    out.mkdir(parents=True, exist_ok=True)
    _same_recipe(out, recipe)
    for phase in range(phases):
        _same_rows(out, data, own, phase)
    origin = read_base(base or base_file())
    tokenizer = tokenizer_of(origin.pieces, origin.scores.tolist())
    public = list(read_rows(data, "train", LANGUAGES))
    made = own_rows(own, "train", written=False)
    torch.manual_seed(recipe.seed)
    net = Net.of(_thinned(origin, tokenizer, [*public, *made], recipe), len(LABELS))
    run = _Run(net, _optimiser(net, recipe))
    _resume(out, run)
    vectors = _vectors(out, origin, tokenizer, public, recipe)
    del origin
    steps = [samples // recipe.batch for samples in recipe.samples]
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps"),
        TimeRemainingColumn(),
        disable=not progress,
    ) as bar:
        for phase in range(phases):
            begin = sum(steps[:phase])
            end = begin + steps[phase]
            task = bar.add_task(
                ("Learning from the data folder", "Learning from our own rows", "Learning other spellings")[
                    phase
                ],
                total=steps[phase],
                completed=max(0, min(run.step, end) - begin),
            )
            if run.step >= end:
                continue
            written = own_rows(own, "train", written=True) * recipe.written if phase else []
            samples = _samples(
                public,
                made,
                written,
                vectors,
                tokenizer,
                recipe,
                phase,
                run.step - begin,
            )
            for batch in samples:
                fraction = (run.step - begin) * recipe.batch / recipe.falls_over[phase]
                loss = _learn(run, batch, recipe, phase, fraction, run.step - begin)
                run.step += 1
                bar.advance(task)
                if run.step % 100 == 0:
                    _note(out, run.step, phase, loss)
                if run.step % recipe.saved_every == 0 or run.step == end:
                    _save(out, run)
                if run.step == end:
                    break
    return out / "net.pt"


def own_rows(own: Path, split: str, *, written: bool | None = None) -> list[Row]:
    """
    What this project wrote: rows that break rules or keep them, and rows that are constructive or not.

    Args:
        written: only the sentences that were written one by one (True), or only the others (False).
    """
    rows: list[Row] = []
    for path in sorted(own.glob("*.jsonl")):
        if written is None or written == (WRITTEN in path.name):
            rows += read_own_file(path, split, LANGUAGES, LABELS)
    if written:
        return rows
    few = list(read_own(own / "constructive", split, LANGUAGES, LABELS))
    return rows + few * (CONSTRUCTIVE if split == "train" else 1)


@dataclass(frozen=True, slots=True)
class _Batch:
    ids: Tensor
    mask: Tensor
    targets: Tensor
    weights: Tensor
    vectors: Tensor
    has_vector: Tensor


def _samples(
    public: Sequence[Row],
    made: Sequence[Row],
    written: Sequence[Row],
    vectors: dict[int, NDArray[np.float16]],
    tokenizer: Tokenizer,
    recipe: Recipe,
    phase: int,
    skip: int,
) -> Iterator[_Batch]:
    """Batches for ever, the first `skip` left out; what a batch holds depends on seed, phase and its number only."""
    width = next(iter(vectors.values())).shape[0] if vectors else 1
    number = 0
    epoch = 0
    while True:
        chance = random.Random(f"{recipe.seed}/{phase}/{epoch}")  # noqa: S311 (repeatable, not secret)
        picked = _picked(public, made, written, recipe, phase, chance)
        for begin in range(0, len(picked), _CHUNK * recipe.batch):
            chunk = picked[begin : begin + _CHUNK * recipe.batch]
            batches = math.ceil(len(chunk) / recipe.batch)
            if number + batches <= skip:
                number += batches
                continue
            noise = random.Random(f"{recipe.seed}/{phase}/{epoch}/{begin}")  # noqa: S311
            texts = [_text_of(row, noise, recipe.noise[phase], recipe.latin[phase]) for _, row in chunk]
            ids = [
                _stretch(
                    encoding.ids, recipe.longest, noise if _is_clean(row) and place not in vectors else None
                )
                for encoding, (place, row) in zip(tokenizer.encode_batch(texts), chunk, strict=True)
            ]
            order = sorted(range(len(chunk)), key=lambda i: len(ids[i]))
            groups = [order[i : i + recipe.batch] for i in range(0, len(order), recipe.batch)]
            noise.shuffle(groups)
            for group in groups:
                number += 1
                if number > skip:
                    yield _batch(
                        [chunk[i] for i in group], [ids[i] for i in group], vectors, width, recipe, phase
                    )
        epoch += 1


def _picked(
    public: Sequence[Row],
    made: Sequence[Row],
    written: Sequence[Row],
    recipe: Recipe,
    phase: int,
    chance: random.Random,
) -> list[tuple[int, Row]]:
    """One pass: rows with their number among the public ones (-1: our own), shuffled."""
    ours = [*made, *written]
    numbered: list[tuple[int, Row]] = list(enumerate(public))
    numbered += [(i, row) for i, row in enumerate(public) if row.language == "ar"] * (recipe.arabic - 1)
    numbered += [(i, row) for i, row in enumerate(public) if _is_rare_talk(row)] * (recipe.talk - 1)
    if phase:
        ours = [*chance.sample(list(made), round(recipe.made * len(made))), *written]
        numbered = chance.sample(numbered, min(len(numbered), round(recipe.again * len(ours))))
    numbered += [(-1, row) for row in ours]
    chance.shuffle(numbered)
    return numbered


def _is_rare_talk(row: Row) -> bool:
    """Whether a row is of the sources nearest to comments, where those have few: all of two, what is toxic of a third."""
    if row.source == "context_toxicity":
        return row.labels.get("toxic", 0.0) >= 0.5
    return row.source in ("jigsaw_samples", "surge_toxicity")


def _is_clean(row: Row) -> bool:
    """Whether nothing that is known of a row speaks against it, nor for it."""
    return max(row.labels.values(), default=1.0) < 0.1


def _stretch(ids: Sequence[int], longest: int, chance: random.Random | None = None) -> list[int]:
    """
    What is read of a text at once: all of a short one, of a long one its beginning, or any stretch by `chance`.

    A long comment is judged by its worst stretch, wherever that begins: of one in which all is well, every stretch
    should be learned. In which stretch of the others something is wrong, nobody says.
    """
    if len(ids) <= longest:
        return list(ids)
    begin = 1 if chance is None else chance.randrange(1, len(ids) - longest + 2)
    return [ids[0], *ids[begin : begin + longest - 2], ids[-1]]


def _thinned(base: Base, tokenizer: Tokenizer, rows: Sequence[Row], recipe: Recipe) -> Base:
    """The base's layers of the recipe with the inner neurons that say most, each language being heard alike."""
    whole = narrowed(base, recipe.layers, [range(len(base.layers[i].up)) for i in recipe.layers])
    if recipe.inner >= len(whole.layers[0].up):
        return whole
    chance = random.Random(f"{recipe.seed}/neurons")  # noqa: S311
    heard: list[list[int]] = []
    for language in sorted({row.language for row in rows}):
        here = [row for row in rows if row.language == language]
        some = chance.sample(here, min(len(here), _HEARD))
        heard += [
            _stretch(e.ids, recipe.longest)
            for e in tokenizer.encode_batch([as_written(r.text) for r in some])
        ]
    said = Net.of(whole, 1).busy(heard)
    stay = [sorted(np.argsort(-one)[: recipe.inner].tolist()) for one in said]
    return narrowed(base, recipe.layers, stay)


def _text_of(row: Row, noise: random.Random, share: float, latin: float) -> str:
    text, language = row.text, row.language
    if language == "ar" and latin and noise.random() < latin:
        text, language = in_latin_letters(text, noise), "ar-Latn"
    if language == "kmr-Latn" and noise.random() < LETTERS_CHANGED:
        text, language = in_other_letters(text), "kmr-Arab"
    text = noisy(text, language, noise, share=share)
    if noise.random() < 0.3:
        return undisguised(fold(text)) or as_written(text)
    return as_written(text)


def _batch(
    rows: Sequence[tuple[int, Row]],
    ids: Sequence[Sequence[int]],
    vectors: dict[int, NDArray[np.float16]],
    width: int,
    recipe: Recipe,
    phase: int,
) -> _Batch:
    longest = max(len(one) for one in ids)
    padded = np.ones((len(rows), longest), np.int64)
    mask = np.zeros((len(rows), longest), np.int64)
    targets = np.zeros((len(rows), len(LABELS)), np.float32)
    weights = np.zeros((len(rows), len(LABELS)), np.float32)
    meant = np.zeros((len(rows), width), np.float32)
    has = np.zeros(len(rows), np.float32)
    for i, ((number, row), one) in enumerate(zip(rows, ids, strict=True)):
        padded[i, : len(one)] = one
        mask[i, : len(one)] = 1
        trust = recipe.own[phase] if row.source == OWN else SOURCES.get(row.source, Source()).weight
        for name, share in row.labels.items():
            column = LABELS.index(name)
            targets[i, column] = share
            weights[i, column] = trust * (recipe.assumed if name in row.assumed else 1.0)
        if number in vectors:
            meant[i] = vectors[number]
            has[i] = 1.0
    as_tensor = torch.from_numpy
    return _Batch(
        as_tensor(padded),
        as_tensor(mask),
        as_tensor(targets),
        as_tensor(weights),
        as_tensor(meant),
        as_tensor(has),
    )


def _learn(run: _Run, batch: _Batch, recipe: Recipe, phase: int, fraction: float, step: int) -> float:
    # The chance of this step is the step's own, so that a run that was stopped goes on alike.
    torch.manual_seed(recipe.seed * 1_000_003 + run.step)
    lowest = 0.0 if phase else 0.1
    falling = lowest + (1.0 - lowest) * max(0.0, 1.0 - fraction)
    for group in run.optimiser.param_groups:
        highest = (recipe.head_rates if group["head"] else recipe.rates)[phase]
        group["lr"] = highest * min(1.0, (step + 1) / recipe.warm_up) * falling
    run.net.train()
    with torch.autocast("cpu", torch.bfloat16):
        odds, vectors = run.net(batch.ids, batch.mask)
    each = fn.binary_cross_entropy_with_logits(odds.float(), batch.targets, reduction="none")
    loss = (each * batch.weights).sum() / batch.weights.sum().clamp(min=1.0)
    if batch.has_vector.any():
        apart = 1.0 - fn.cosine_similarity(vectors.float(), batch.vectors, dim=-1)
        loss = loss + recipe.vector_weight * (apart * batch.has_vector).sum() / len(batch.has_vector)
    if not torch.isfinite(loss):
        raise ArithmeticError(f"The loss of step {run.step} is no number; the last saved state is whole.")
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(run.net.parameters(), 1.0)
    run.optimiser.step()
    run.optimiser.zero_grad(set_to_none=True)
    return float(loss.detach())


def _optimiser(net: Net, recipe: Recipe) -> torch.optim.Optimizer:
    heads = {id(p) for p in net.head.parameters()}
    learned = [p for p in net.parameters() if p.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [p for p in learned if id(p) not in heads and p.ndim > 1], "head": False},
            {"params": [p for p in learned if id(p) not in heads and p.ndim == 1], "head": False, "weight_decay": 0.0},
            {"params": list(net.head.parameters()), "head": True},
        ],
        lr=recipe.rates[0],
        weight_decay=0.01,
        fused=True,
    )  # fmt: skip


def _vectors(
    out: Path, base: Base, tokenizer: Tokenizer, rows: Sequence[Row], recipe: Recipe
) -> dict[int, NDArray[np.float16]]:
    """The whole base's sentence vectors of some rows, by row number; computed once a run."""
    kept = out / "vectors.npz"
    if kept.exists():
        with np.load(kept) as stored:
            return dict(zip(stored["rows"].tolist(), _centred(stored["vectors"]), strict=True))
    chance = random.Random(f"{recipe.seed}/vectors")  # noqa: S311
    chosen = sorted(chance.sample(range(len(rows)), min(recipe.vectors, len(rows))))
    if not chosen:
        return {}
    teacher = Net.of(base, 1).eval()
    ids = [
        _stretch(e.ids, recipe.longest)
        for e in tokenizer.encode_batch(["query: " + as_written(rows[i].text) for i in chosen])
    ]
    found = np.zeros((len(chosen), base.words.shape[1]), np.float16)
    order = sorted(range(len(chosen)), key=lambda i: len(ids[i]))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for begin in range(0, len(order), 128):
            group = order[begin : begin + 128]
            longest = max(len(ids[i]) for i in group)
            padded = torch.ones(len(group), longest, dtype=torch.long)
            mask = torch.zeros(len(group), longest, dtype=torch.long)
            for k, i in enumerate(group):
                padded[k, : len(ids[i])] = torch.tensor(ids[i])
                mask[k, : len(ids[i])] = 1
            vectors = fn.normalize(teacher.pooled(padded, mask).float(), dim=-1)
            found[group] = vectors.numpy().astype(np.float16)
    fresh = out / "vectors.new.npz"
    np.savez(fresh, rows=np.array(chosen), vectors=found)
    fresh.replace(kept)
    return dict(zip(chosen, _centred(found), strict=True))


def _centred(vectors: NDArray[np.float16]) -> NDArray[np.float16]:
    """
    What tells the vectors apart.

    All of the base's vectors share most of their direction; whoever learns them as they are learns what they
    have in common, and no likeness of one text to another.
    """
    apart = vectors.astype(np.float32) - vectors.astype(np.float32).mean(0)
    length = np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-6)
    centred: NDArray[np.float16] = (apart / length).astype(np.float16)
    return centred


def _same_recipe(out: Path, recipe: Recipe) -> None:
    """A folder holds one run; going on with another recipe would be neither."""
    _same(out, "recipe.json", asdict(recipe), "with other settings")


def _same_rows(out: Path, data: Path, own: Path, phase: int) -> None:
    """
    A run that was stopped goes on with the rows that it began with: others would be another run.

    The sentences written one by one are read in the second phase only.
    """
    read = [one for one in files_of(data, own) if phase or WRITTEN not in one["file"]]
    _same(out, f"rows-{phase + 1}.json", [LABELS, read], "on other rows")


def _same(out: Path, name: str, what: object, otherwise: str) -> None:
    path = out / name
    text = json.dumps(what, indent=1) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise ValueError(f"{out} holds a run {otherwise}: give another folder, or delete it.")
    path.write_text(text, encoding="utf-8")


def _save(out: Path, run: _Run) -> None:
    frozen = ("words.", "places.")
    state = {name: value for name, value in run.net.state_dict().items() if not name.startswith(frozen)}
    kept = {"net": state, "optimiser": run.optimiser.state_dict(), "step": run.step}
    fresh = out / "net.pt.new"
    torch.save(kept, fresh)
    fresh.replace(out / "net.pt")


def _resume(out: Path, run: _Run) -> None:
    path = out / "net.pt"
    if not path.exists():
        return
    kept = torch.load(path, weights_only=True)
    run.net.load_state_dict(kept["net"], strict=False)
    run.optimiser.load_state_dict(kept["optimiser"])
    run.step = kept["step"]


def _note(out: Path, step: int, phase: int, loss: float) -> None:
    with (out / "progress.jsonl").open("a", encoding="utf-8") as lines:
        lines.write(
            json.dumps({"step": step, "phase": phase, "loss": round(loss, 5), "at": round(time.time())})
            + "\n"
        )
