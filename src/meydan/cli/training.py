"""`meydan train fast` and `meydan train encoder`: labelled data in, a model directory out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from meydan.cli.speech import JsonOption, errors, refusals, say
from meydan.errors import BadSettings

app = typer.Typer(
    help="Train the judge's models (needs the extra: pip install meydan\\[train]).", no_args_is_help=True
)


@app.callback()
def train() -> None:
    """Train the judge's models."""


@app.command("fast")
def fast(
    data: Annotated[Path, typer.Option("--data", help="The folder with train.jsonl.gz and dev.jsonl.gz.")],
    out: Annotated[Path, typer.Option("--out", help="Where the model directory is written.")] = Path(
        "model-fast"
    ),
    seed: Annotated[int, typer.Option("--seed", help="The same seed and data give the same weights.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Train the fast tier: hashed n-grams, a linear model per label."""
    with refusals(as_json=as_json):
        try:
            from meydan.train import fast as fast_tier
        except ModuleNotFoundError as error:
            raise BadSettings(f"Training needs {error.name}: pip install 'meydan[train]'.") from error
        metrics = fast_tier.train(data, out, seed=seed, progress=not as_json and errors.is_terminal)
        say({"out": str(out), "metrics": metrics}, as_json=as_json, text=f"The model is in {out}.")


@app.command("encoder")
def encoder(
    data: Annotated[Path, typer.Option("--data", help="The folder with train.jsonl.gz and dev.jsonl.gz.")],
    out: Annotated[Path, typer.Option("--out", help="Where the model directory is written.")] = Path(
        "model-encoder"
    ),
    run: Annotated[
        Path, typer.Option("--run", help="Where the run is kept; the same folder again goes on with it.")
    ] = Path("run-encoder"),
    seed: Annotated[
        int, typer.Option("--seed", help="The same seed and data give nearly the same weights.")
    ] = 0,
    samples: Annotated[
        str,
        typer.Option(
            "--samples", help="Texts that the three phases see, when not the usual: 288000,384000,128000."
        ),
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Train the full judge's encoder; it can be stopped at any point and started again."""
    with refusals(as_json=as_json):
        try:
            from meydan.train import model
            from meydan.train.encoder import Recipe
        except ModuleNotFoundError as error:
            raise BadSettings(f"Training needs {error.name}: pip install 'meydan[train]'.") from error
        recipe = Recipe(seed=seed)
        if samples:
            try:
                first, second, third = (int(number) for number in samples.split(","))
            except ValueError:
                raise BadSettings("--samples takes three numbers with commas: 288000,384000,128000") from None
            seen = (first, second, third)
            recipe = replace(recipe, samples=seen, falls_over=seen)
        about = model.make(data, out, run=run, recipe=recipe, progress=not as_json and errors.is_terminal)
        say({"out": str(out), "manifest": about}, as_json=as_json, text=f"The model is in {out}.")
