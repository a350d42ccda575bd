"""
Learn how near a comment's meaning must be to its story's: from stories and comments of our own.

For each language: what comments and what stories have in common, and two numbers that make a
probability of nearness. Off the subject are comments written for that (about something else
with a word or a place in common) and, as on a real page, comments that belong to other stories. A language in which even these are not parted clearly
is written down as not measured, and nothing is said of relevance in it.

    python -m meydan.train.relevance --model DIR
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from numpy.typing import NDArray

from meydan.judge.encoder import Encoder
from meydan.judge.reading import as_written
from meydan.judge.relevance import FORMAT, SHIPPED, Measure, readings_of
from meydan.train.logistic import auc, auc_interval, fit

STORIES: Final = Path(__file__).parent / "corpus" / "stories"

HELD_BELOW: Final = 0.15
"""Where the shipped guidelines hold a comment as off the subject."""

HELD_AT_MOST: Final = 0.02
"""The share of relevant comments that may score less: the bias is raised until they do."""

LEAST: Final = 0.65
"""Where the interval of the AUC among other stories' comments reaches below this, nothing is measured."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pairs:
    """
    One language's rows as vectors.

    `comments` (n, width); `story` (n,), each one's story; `stories` (m, readings, width);
    `relevant` (n,); `dev` (m,), the stories that are kept for measuring.
    """

    comments: Floats
    story: NDArray[np.int64]
    stories: Floats
    relevant: NDArray[np.bool_]
    dev: NDArray[np.bool_]


def read(path: Path, encoder: Encoder) -> Pairs:
    """Read a language's rows, as this encoder reads them."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    told = {row["group"]: row for row in rows}
    names = list(told)
    readings = [readings_of(told[name]["story"]["title"], told[name]["story"]["text"]) for name in names]
    flat = encoder.read([as_written(one) for some in readings for one in some]).meaning
    return Pairs(
        encoder.read([as_written(row["comment"]) for row in rows]).meaning,
        np.array([names.index(row["group"]) for row in rows]),
        flat.reshape(len(names), -1, flat.shape[1]),
        np.array([row["relevant"] == 1 for row in rows]),
        np.array([told[name]["split"] == "dev" for name in names]),
    )


def learn(pairs: Pairs) -> tuple[Measure, dict[str, Any]]:
    """Learn one language's measure on its training stories; returns it with what it reaches on the others."""
    taught = ~pairs.dev[pairs.story]
    flat = pairs.stories[~pairs.dev].reshape(-1, pairs.stories.shape[2])
    plain = Measure(pairs.comments[taught].mean(0), flat.mean(0), 1.0, 0.0)
    near = np.stack([plain.nearness(pairs.comments, story) for story in pairs.stories], axis=1)
    own = near[np.arange(len(near)), pairs.story].astype(np.float64)
    others = near.astype(np.float64)
    others[np.arange(len(near)), pairs.story] = np.nan

    asked = taught & pairs.relevant
    written = taught & ~pairs.relevant
    strange = others[asked][:, ~pairs.dev].ravel()
    strange = strange[~np.isnan(strange)]
    numbers = np.concatenate([own[asked], own[written], strange])
    truth = np.arange(len(numbers)) < asked.sum()
    weight = np.concatenate(
        [np.ones(asked.sum()), np.full(written.sum(), 1 / written.sum()), np.full(len(strange), 1 / len(strange))]
    )  # fmt: skip
    slope, bias = fit(numbers, truth, weight)
    # An aside must not be held: the least relevant of ours stay above where comments are held.
    lowest = float(np.quantile(own[asked], HELD_AT_MOST))
    bias = max(bias, math.log(HELD_BELOW / (1 - HELD_BELOW)) - slope * lowest + 1e-6)
    # As they are stored, so that what is measured is what judges.
    measure = Measure(plain.of_comments.round(4), plain.of_stories.round(4), round(slope, 4), round(bias, 4))
    return measure, _measured(pairs, measure)


def _measured(pairs: Pairs, measure: Measure) -> dict[str, Any]:
    near = np.stack([measure.nearness(pairs.comments, s) for s in pairs.stories], axis=1).astype(np.float64)
    own = near[np.arange(len(near)), pairs.story]
    kept = pairs.dev[pairs.story]
    asked = np.flatnonzero(kept & pairs.relevant)
    written = np.flatnonzero(kept & ~pairs.relevant)
    strange = np.array([near[i, j] for i in asked for j in range(near.shape[1]) if j != pairs.story[i]])
    of = [str(pairs.story[i]) for i in asked]
    groups = [*of, *(name for name in of for _ in range(near.shape[1] - 1))]
    numbers = np.concatenate([own[asked], strange])
    truth = np.arange(len(numbers)) < len(asked)
    hard = np.concatenate([own[asked], own[written]])
    hard_truth = np.arange(len(hard)) < len(asked)
    hard_groups = [*of, *(str(pairs.story[i]) for i in written)]

    def held(some: NDArray[np.float64]) -> float:
        return round(float(np.mean([measure.probability(x) < HELD_BELOW for x in some])), 3)

    low, high = auc_interval(numbers, truth, groups)
    return {
        "measured": bool(low >= LEAST and measure.slope > 0 and held(own[asked]) <= 0.03),
        "comments": len(asked),
        "auc": round(auc(numbers, truth), 3),
        "interval": [round(low, 3), round(high, 3)],
        "auc_written": round(auc(hard, hard_truth), 3),
        "interval_written": [round(x, 3) for x in auc_interval(hard, hard_truth, hard_groups)],
        "relevant_held": held(own[asked]),
        "others_held": held(strange),
        "written_held": held(own[written]),
    }


def write(model: Path, out: Path | None = None, folder: Path = STORIES) -> dict[str, Any]:
    """
    Learn every language for an encoder, and write the file that the judge reads.

    Args:
        model: the encoder's model directory.
        out: the file; None: `relevance.json` beside the model directory.

    Returns:
        By language what was measured.
    """
    encoder = Encoder.load(model)
    languages, figures = {}, {}
    for path in sorted(folder.glob("*.jsonl")):
        measure, about = learn(read(path, encoder))
        figures[path.stem] = about
        languages[path.stem] = {**about, "slope": measure.slope, "bias": measure.bias}
        if about["measured"]:
            for name, vector in (("of_comments", measure.of_comments), ("of_stories", measure.of_stories)):
                languages[path.stem][name] = [round(float(x), 4) for x in vector]
    text = json.dumps(
        {"format": FORMAT, "graph": encoder.graph, "held_below": HELD_BELOW, "languages": languages},
        ensure_ascii=False,
    )
    out = model.parent / SHIPPED.name if out is None else out
    fresh = out.with_name(out.name + ".new")
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(out)
    return figures


def main(
    model: Annotated[Path, typer.Option("--model", help="The encoder's model directory.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The file; else relevance.json beside the model.")
    ] = None,
) -> None:
    """Learn relevance for a model directory, and say how well it is known."""
    typer.echo(json.dumps(write(model, out), indent=1))


if __name__ == "__main__":
    typer.run(main)
