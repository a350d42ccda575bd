"""
The model card of the full judge: measured, and written as docs/model-card.md.

What is measured here, on development rows and the newsroom suite, is kept beside the models
(card.json), so that the words can be written anew without measuring. What was measured on
test rows comes from their log, and what the models are from their manifests.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from meydan.comment import LANGUAGES, RULE_LABELS
from meydan.errors import Malformed
from meydan.evaluate import card_sections as sections
from meydan.evaluate.drawing import reliabilities
from meydan.evaluate.figures import plain
from meydan.evaluate.labelled import read_entries
from meydan.evaluate.measure import SILENT, Progress, measure_newsroom
from meydan.evaluate.peers import Peer
from meydan.evaluate.report import as_learned, measure_dev, read_dev
from meydan.evaluate.runs import LOG, commit_of, read_runs
from meydan.evaluate.scores import MODELS
from meydan.evaluate.suite import Case
from meydan.judge import Judge, calibration, lexicon
from meydan.policy import load

FORMAT: Final = 1

FIGURES: Final = "card.json"
"""Beside the models: what was measured for the card."""

CORPUS: Final = MODELS.parents[1] / "train" / "corpus"
"""Our own rows as they are now."""

_INTRO: Final = """\
# Model card: the judge

What reads a comment before anybody else does: what it is made of, how well it does, and where it fails.
Written by `python -m meydan.evaluate`; every figure comes from a run, none is typed in by hand.
"""

_FAILURES: Final = """\
## Known failures

- **It was taught by us.** Most violations of a rule in the languages besides English, and most of vulgarity, threat and hatred of
  people with disabilities in every language, are rows that we wrote. None is a reader's comment. Figures on them are optimistic.
- **Kurdish is ours alone.** No public collection labels Sorani or Kurmanji, so no figure on Kurdish rests on anybody else's rows.
  A reading of samples found errors of language and of labels: the [review of our own rows](corpus-review.md) has the numbers.
- **Little of it is news.** The collections are social media and talk pages; few of their rows are comments under stories, and
  transfer from the one to the other is known to be poor. A newsroom should calibrate on its own decisions before it trusts it.
- **What is meant and not said**: irony, implication, comparisons without listed words and threats put as hints are often
  missed. The functionalities of the newsroom suite say how often.
- **It rejects what is listed**, mostly. A rejection needs the lexicon, alone or seconded, certain signs of advertising, or an
  encoder that is sure both of a label and that the comment offends at all, which is rare. Other abuse in words that no list has is at best held.
- **Its hard examples share few voices.** The sentences written one by one come from few writers, and the judge may have learned
  their manner: that wit is innocent.
- **A name beside a deed** may be held as an allegation though the deed is harmless: one innocent comment in twenty-five that names somebody.
- **Groups that are named** raise scores where the collections name them in abuse. The fast tier reads without the names on one
  English list (`judge/groups`); the encoder reads every name. Runs on identity templates say what is left of it.
- **Quoting, condemning, denying** is seen as far as the neighbouring words show it; a hold is then more likely than a rejection.
- **The worst stretch counts**, so a long comment has more chances to be held than a short one.
- **Spelling tricks** are partly undone before it reads; what is left lowers its scores ("What spelling changes" has figures).
- **Several languages in one comment**, or one that it does not recognise, is held; a dialect far from what it learned is held or
  read as its neighbour.
- **Swearing in African American English**: one collection marks it "offensive" far too often. It weighs little here, and the
  bias is not measured.
- **It reads words only**: no picture, no page behind a link, no earlier comment of the thread.
"""

_NO_REVIEW: Final = (
    "\n  A reading of samples found errors of language and of labels: the [review of our own rows](corpus-review.md) has the "
    "numbers."
)

_USE: Final = """\
## Use

To approve, hold or reject readers' comments under written guidelines, where people see what is held, audit what is decided
and hear appeals. Not for judging people, and not for any text but reader comments. A label that is not measured, a language
that is not calibrated or a model that fails holds the comment; nothing is rejected for want of knowledge.
"""


def write_card(
    card: Path,
    *,
    data: Path | None,
    own: Path,
    cases: Sequence[Case],
    at: datetime,
    models: Path = MODELS,
    peers: Sequence[Peer] = (),
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """
    Write the card, and its drawing beside it.

    Args:
        card: the file to write.
        data: the data folder (`dev.jsonl.gz`), to measure anew; None: with the figures that are kept beside the models.
        own: the folder of our own rows as the models learned from them; their dev part is measured.
        cases: the newsroom suite.
        at: the time of the measurement.
        models: the folder with the models, their logs and their calibration.
        peers: other filters, measured on the newsroom suite; none: their figures stay as they are.

    Returns:
        The figures, as they are kept.

    Raises:
        Malformed: there are no figures to write with, or they are another judge's.
    """
    judge = Judge.load(None if models == MODELS else models)
    kept_at = models / FIGURES
    kept: dict[str, Any] = json.loads(kept_at.read_bytes()) if kept_at.exists() else {}
    if data is not None:
        found = _measure(judge, data, own, cases, models, peers=peers, progress=progress)
        found = {"format": FORMAT, "at": f"{at:%Y-%m-%d %H:%M}", **found}
        found["peers"] = {"at": found["at"], "rows": found["peers"]} if peers else kept.get("peers")
        kept = found
        fresh = kept_at.with_name(kept_at.name + ".new")
        fresh.write_text(json.dumps(kept, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        fresh.replace(kept_at)
    elif kept.get("format") != FORMAT or kept["model"] != judge.model:
        raise Malformed(
            "There are no figures of this judge yet: measure it with --data FOLDER.", fields=("data",)
        )
    drawing = card.with_name(card.stem + "-reliability.svg")
    drawing.write_text(_drawing(kept["development"]) + "\n", encoding="utf-8")
    card.write_text(card_of(kept, models, card=card, drawing=drawing.name), encoding="utf-8")
    return kept


def card_of(figures: Mapping[str, Any], models: Path, *, card: Path, drawing: str) -> str:
    """
    The card's text, from figures and from what lies beside the models.

    Args:
        card: where it will be, for what it links to.
        drawing: the file of the drawing, beside it.
    """
    encoder = json.loads((models / "encoder" / "manifest.json").read_bytes())
    fast_source = (models / "fast" / "manifest.json").read_bytes()
    calibrated = _entries(models)
    relevance = _json(models / "relevance.json").get("languages", {})
    runs = read_runs(models / LOG.name)
    latest = list({run["set"]: run for run in runs}.values())
    failures = _FAILURES
    if not (card.parent / "corpus-review.md").exists():
        failures = failures.replace(_NO_REVIEW, "")
    parts = [
        _INTRO,
        failures
        + sections.changed(figures["changed"])
        + sections.unmeasured(figures["development"], calibrated, relevance)
        + sections.weakest(figures["newsroom"], latest),
        _USE,
        sections.model(
            figures["model"],
            json.loads(fast_source),
            "sha256:" + hashlib.sha256(fast_source).hexdigest(),
            encoder,
            _lexicons(),
        ),
        sections.newsroom(figures["newsroom"]),
        sections.test_runs(latest, figures["model"]),
        sections.development(figures["development"]),
        sections.reliability(figures["development"], drawing),
        sections.calibration(calibrated),
        sections.peers(figures.get("peers"), runs),
        sections.sources(encoder, figures["corpus"]),
        sections.training(encoder),
        sections.log(runs, read_runs(models / "fast" / LOG.name)),
        f"Development rows and the newsroom suite were measured on {figures['at']} UTC, commit {figures['commit'] or '–'}, in "
        f"{figures['seconds']} seconds.\n",
    ]
    return "\n".join(parts)


def _measure(
    judge: Judge,
    data: Path,
    own: Path,
    cases: Sequence[Case],
    models: Path,
    *,
    peers: Sequence[Peer],
    progress: Progress,
) -> dict[str, Any]:
    begun = time.monotonic()
    guidelines = load(None)
    shipped = models / calibration.SHIPPED.name
    calibrations = calibration.load(shipped) if shipped.exists() else None
    rows, left_out = read_dev(data, own, _learned(models))
    development = measure_dev(
        judge, guidelines, rows, calibrations=calibrations, left_out=left_out, progress=progress
    )
    newsroom = measure_newsroom(
        judge, guidelines, cases, calibrations=calibrations, peers=peers, progress=progress
    ).answer()
    said = newsroom.pop("peers")
    # Every case that goes wrong would be a line; `meydan evaluate newsroom --html` shows them.
    newsroom.pop("mistakes")
    return {
        "commit": commit_of(Path(__file__).parent),
        "seconds": round(time.monotonic() - begun),
        "model": judge.model,
        "guidelines": guidelines.digest,
        "development": plain(development),
        "newsroom": newsroom,
        "peers": said,
        "corpus": corpus_of(own),
        "changed": _changed(CORPUS, _learned(models)),
    }


def corpus_of(own: Path) -> dict[str, Any]:
    """Our own rows by language: how many train and dev, and the violations of each label among both."""
    found: dict[str, Any] = {}
    for path in sorted(own.glob("*.jsonl")):
        for entry in read_entries(path):
            here = found.setdefault(entry["lang"], {"train": 0, "dev": 0, "violations": {}})
            here[entry["split"]] += 1
            for label, share in entry["labels"].items():
                if share is not None and share >= 0.5:
                    here["violations"][label] = here["violations"].get(label, 0) + 1
    return found


def _learned(models: Path) -> list[dict[str, str]]:
    """Of each model, the digests of our own files that it learned from, by name."""
    manifests = [_json(models / name / "manifest.json") for name in ("fast", "encoder")]
    return [
        {one["file"]: one["digest"] for one in manifest["trained"]["files"] if one["own"]}
        for manifest in manifests
    ]


def _changed(own: Path, learned: Sequence[Mapping[str, str]]) -> dict[str, int]:
    """By language, the development rows in files that a model learned another state of."""
    found: dict[str, int] = {}
    for path in sorted(own.glob("*.jsonl")):
        if not as_learned(path, learned):
            for entry in read_entries(path):
                if entry["split"] == "dev":
                    found[entry["lang"]] = found.get(entry["lang"], 0) + 1
    return {language: found[language] for language in LANGUAGES if language in found}


def _drawing(development: Mapping[str, Any]) -> str:
    curves = {
        one["label"]: [(tenth["said"], tenth["seen"], tenth["rows"]) for tenth in one["bins"] if tenth]
        for one in development["reliability"]
    }
    ordered = {label: curves[label] for label in RULE_LABELS if label in curves}
    return reliabilities(ordered, about="Of the rows scored about so much, how many breach the label")


def _entries(models: Path) -> dict[str, Any]:
    entries: dict[str, Any] = _json(models / calibration.SHIPPED.name).get("languages", {})
    return {language: entries[language] for language in LANGUAGES if language in entries}


def _lexicons() -> dict[str, tuple[str, int]]:
    """The lexicons' files, each with its digest and size."""
    files = sorted(Path(lexicon.__file__).parent.glob("*.toml"))
    return {
        path.name: (hashlib.sha256(source := path.read_bytes()).hexdigest(), len(source)) for path in files
    }


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes()) if path.exists() else {}
