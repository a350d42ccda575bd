"""
Learn how the encoder's word on constructiveness becomes a probability: on our own development rows.

For each constructive row there is one as long that is not, so length says nothing. A model
that does not part them clearly enough gets no numbers, and the score stays unmeasured.

    python -m meydan.train.constructive --model DIR
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer
from numpy.typing import NDArray

from meydan.judge.encoder import Encoder
from meydan.judge.reading import as_written
from meydan.train.logistic import auc, auc_interval, fit
from meydan.train.rows import HEADS, Row, read_own

ROWS: Final = Path(__file__).parent / "corpus" / "constructive"
LANGUAGES: Final = frozenset({"en", "ar", "tr", "ckb", "kmr-Latn"})

LEAST: Final = 0.6
"""Where the interval of the AUC reaches below this, nothing is measured."""


def learn(rows: Sequence[Row], odds: NDArray[np.float32]) -> dict[str, Any]:
    """
    Learn slope and bias.

    Args:
        rows: development rows with the label "constructive".
        odds: float32 (n,), the encoder's log-odds of it.

    Returns:
        `measured`, `slope`, `bias`, and what it rests on: `auc` with its interval, in all and by language.
    """
    truth = np.array([row.labels["constructive"] >= 0.5 for row in rows])
    x = odds.astype(np.float64)
    slope, bias = fit(x, truth)
    groups = [row.group or str(i) for i, row in enumerate(rows)]
    low, high = auc_interval(x, truth, groups)
    by_language = {}
    for language in sorted({row.language for row in rows}):
        here = np.array([row.language == language for row in rows])
        by_language[language] = {"rows": int(here.sum()), "auc": round(auc(x[here], truth[here]), 3)}
    return {
        "measured": bool(low >= LEAST and slope > 0),
        "slope": round(slope, 5),
        "bias": round(bias, 5),
        "rows": len(rows),
        "auc": round(auc(x, truth), 3),
        "interval": [round(low, 3), round(high, 3)],
        "by_language": by_language,
    }


def learn_from(encoder: Encoder, folder: Path = ROWS) -> dict[str, Any]:
    """Learn from the development rows of a folder, as this encoder reads them."""
    rows = list(read_own(folder, "dev", LANGUAGES, (*HEADS, "constructive")))
    if not rows:
        return {"measured": False, "rows": 0}
    odds = encoder.read([as_written(row.text) for row in rows]).odds
    return learn(rows, odds[:, encoder.labels.index("constructive")])


def write(model: Path, folder: Path = ROWS) -> dict[str, Any]:
    """Learn, and write `constructive` into a model directory's manifest, or take it out where it is not measured."""
    found = learn_from(Encoder.load(model), folder)
    path = model / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest.pop("constructive", None)
    if found["measured"]:
        manifest["constructive"] = {name: value for name, value in found.items() if name != "measured"}
    fresh = path.with_name("manifest.json.new")
    fresh.write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(path)
    return found


def main(
    model: Annotated[Path, typer.Option("--model", help="The encoder's model directory.")],
) -> None:
    """Learn constructiveness for a model directory, and say how well it is known."""
    typer.echo(json.dumps(write(model), indent=1))


if __name__ == "__main__":
    typer.run(main)
