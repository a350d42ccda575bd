"""
The model card of the fast tier: measured, and written as docs/model-card.md.

Development rows may be measured at any time. Test rows are measured only when
asked for, and every such run is kept in the card's log, with those of `meydan evaluate`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from meydan.evaluate.labelled import SELF_WRITTEN, Labelled, join, load_rows
from meydan.evaluate.metrics import Interval
from meydan.evaluate.report import LabelFigures, Report, classifier_report
from meydan.evaluate.runs import LOG, read_runs
from meydan.judge.classifier import SHIPPED, Classifier
from meydan.text.fold import fold

RUNS: Final = "test-runs.jsonl"
"""Beside the manifest: every run on test rows, one a line, never rewritten."""

_INTRO: Final = """\
# Model card: the fast tier

What the machine's first reading of a comment is made of, how well it does, and where it fails.
Written by `python -m meydan.evaluate`; every figure comes from a run, none is typed in by hand.
"""

_FAILURES: Final = """\
## Known failures

- **It counts words; it does not understand.** Irony, implication, dehumanising comparisons without listed words
  and threats put as hints are mostly missed. Negation and quotation are seen only as far as neighbouring words show them.
- **Spelling tricks** inside words are partly undone before the model reads (`text/fold`); what is left lowers its scores.
- **It learned from social media and talk pages.** Few of its rows are comments under news stories, and transfer from
  social media to news comments is known to be poor. The figures on collected rows are figures about those collections.
- **Names of groups** are taken out before a label is read, and only the names on one English list (`judge/groups`) are.
  A group that is missing there is read like any word, and raises scores where the collections named it in abuse.
  Insults that are only a comparison, and hatred that is only in the choice of the group, are missed instead.
- **Vulgarity, threat, disability_hate and promotion** rest mostly on rows that we wrote ourselves, or on text messages and
  video comments. Figures on self-written rows are optimistic: the same hands wrote what it learned from.
- **English only.** Other languages are not measured, and the judge holds them.
- **Swearing in African American English**: one source marks it "offensive" far too often. It weighs little here, and
  the bias is not measured.
"""

_USE: Final = """\
## Use

Evidence for `judge.decide`, beside the lexicon and the signals; never a verdict by itself. Not for judging people, and
not for any text but reader comments. A label the model could not learn scores "not measured", which holds the comment.
"""


def write_card(
    card: Path, data: Path, *, own: Path, test: bool = False, model: Path | None = None, at: datetime
) -> list[tuple[str, Report]]:
    """
    Measure a model directory and write its card.

    Args:
        card: the file to write.
        data: the data folder (`dev.jsonl.gz`, and `test.jsonl.gz` when `test`).
        own: the folder of our own rows; only their dev part is measured.
        test: measure the test rows too, and log the run beside the manifest.
        model: None measures the shipped model.
        at: the time of the run.

    Returns:
        The reports behind the card, by the name of the rows they are about.
    """
    directory = SHIPPED if model is None else model
    classifier = Classifier.load(directory)
    manifest = json.loads((directory / "manifest.json").read_bytes())
    written = join(load_rows(path, split="dev", source=SELF_WRITTEN) for path in sorted(own.glob("*.jsonl")))
    reports = [("collected, dev", _measure(classifier, load_rows(data / "dev.jsonl.gz")))]
    if len(written):
        reports.append((f"{SELF_WRITTEN}, dev", _measure(classifier, written)))
    if test:
        run = _test_run(classifier, load_rows(data / "test.jsonl.gz"), at)
        with (directory / RUNS).open("a", encoding="utf-8") as log:
            log.write(json.dumps(run, ensure_ascii=False) + "\n")
    card.write_text(
        _card(
            manifest, classifier, reports, read_runs(directory / RUNS), read_runs(directory.parent / LOG.name)
        ),
        encoding="utf-8",
    )
    return reports


def _measure(classifier: Classifier, rows: Labelled) -> Report:
    return classifier_report(classifier, _folded(rows), rows)


def _folded(rows: Labelled) -> list[str]:
    return [fold(text).text for text in rows.texts]


def _test_run(classifier: Classifier, rows: Labelled, at: datetime) -> dict[str, Any]:
    sets = {}
    for source in np.unique(rows.sources).tolist():
        part = rows.where(lambda name, source=source: name == source)  # type: ignore[misc]
        sets[source] = _plain(_measure(classifier, part))
    return {
        "at": at.strftime("%Y-%m-%d %H:%M"),
        "model": classifier.model,
        "sets": sets,
        "hatecheck": _by_kind(classifier, rows.where(lambda name: name == "hatecheck")),
    }


def _by_kind(classifier: Classifier, rows: Labelled, hold_from: float = 0.30) -> dict[str, Any]:
    """For each kind of test sentence: how many, and the share on which any rule label reaches `hold_from`."""
    if not len(rows):
        return {}
    worst = np.nan_to_num(classifier.score(_folded(rows)), nan=0.0).max(axis=1)
    return {
        kind: [
            int((rows.kinds == kind).sum()),
            round(float((worst[rows.kinds == kind] >= hold_from).mean()), 4),
        ]
        for kind in np.unique(rows.kinds).tolist()
    }


def _plain(report: Report) -> dict[str, Any]:
    """A report as JSON keeps it: numbers to four digits, null where there is no meaning."""

    def tidy(value: Any) -> Any:
        if isinstance(value, float):
            return None if np.isnan(value) else round(value, 4)
        if isinstance(value, Mapping):
            if set(value) == {"value", "low", "high"}:
                return [tidy(value["value"]), tidy(value["low"]), tidy(value["high"])]
            return {name: tidy(each) for name, each in value.items()}
        return [tidy(each) for each in value] if isinstance(value, list | tuple) else value

    tidied: dict[str, Any] = tidy(asdict(report))
    return tidied


def _card(
    manifest: Mapping[str, Any],
    classifier: Classifier,
    reports: Sequence[tuple[str, Report]],
    runs: Sequence[Mapping[str, Any]],
    others: Sequence[Mapping[str, Any]],
) -> str:
    trained = manifest["trained"]
    last = next((run for run in reversed(runs) if run["model"] == classifier.model), None)
    parts = [_INTRO, _FAILURES + _weakest(last), _USE, "## Figures on development rows\n"]
    parts.append(
        "Rows that training did not see; calibration and the choice of settings did, so these figures are somewhat\n"
        "optimistic. In brackets: 95 % bootstrap intervals, rows of one template or article drawn together.\n"
        "*Within* is the mean AUC inside single sources: the pooled AUC also rewards telling sources apart.\n"
        "*Recall* is at 1 % false positives. *From 0.30* and *from 0.90* (the default guidelines' hold and reject\n"
        "thresholds) are the shares of violations and of other rows that reach them.\n"
    )
    for name, report in reports:
        parts += [f"### {name[0].upper()}{name[1:]} ({report.rows:,} rows)\n", _table(report), _whole(report)]
    parts.append("## Figures on test rows\n")
    if last:
        parts.append(
            f"Measured once for this model, on {last['at']}. The test rows were never trained on or tuned to. "
            "They were\nmade to be hard (templates, contrasts) or come from one site, and say little about shares "
            "in a comment section.\n"
        )
        parts += [_test_set(source, figures) for source, figures in sorted(last["sets"].items())]
        parts += [_kinds(last["hatecheck"])]
    else:
        parts.append("Not measured for this model.\n")
    parts += [_model(manifest, classifier), _sources(trained), _log(runs, others)]
    return "\n".join(parts)


def _weakest(run: Mapping[str, Any] | None) -> str:
    """The kinds of sentences of the last test run that go wrong most often."""
    if not run or not run["hatecheck"]:
        return ""
    right = {kind: _right(kind, share) for kind, (_, share) in run["hatecheck"].items()}
    missed = sorted((kind for kind in right if kind.endswith("_h")), key=right.__getitem__)[:4]
    alarmed = sorted((kind for kind in right if not kind.endswith("_h")), key=right.__getitem__)[:3]

    def listed(kinds: Sequence[str]) -> str:
        return ", ".join(f"{kind} {_percent(right[kind])}" for kind in kinds)

    return (
        "- **On HateCheck, alone**, it is right least often where hate is "
        f"{listed(missed)};\n  and where it is not, {listed(alarmed)}.\n"
    )


def _right(kind: str, reached: float) -> float:
    """The share of sentences of a kind that went right, given the share that reached the threshold."""
    return reached if kind.endswith("_h") else 1 - reached


def _table(report: Report) -> str:
    head = (
        "| label | violations | others | AUC | within | average precision | recall | macro-F1 at 0.5 "
        "| from 0.30 | from 0.90 |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    )
    return "\n".join([head, *(_line(figures) for figures in report.labels)]) + "\n"


def _line(one: LabelFigures) -> str:
    def pair(found: float, wrong: float) -> str:
        return f"{_percent(found)} / {_percent(wrong)}"

    within = "–" if np.isnan(one.within) else f"{one.within:.3f}"
    return (
        f"| {one.label} | {one.positives:,} | {one.negatives:,} | {one.auc} | {within} | {one.precision} "
        f"| {one.recall} | {one.macro_f1} | {pair(one.found_from_hold, one.wrong_from_hold)} "
        f"| {pair(one.found_from_reject, one.wrong_from_reject)} |"
    )


def _whole(report: Report) -> str:
    if not report.violations and not report.clean:
        return ""
    return (
        f"Any rule label, by this model alone: of {report.violations:,} violations {_span(report.caught)} reach 0.30 and "
        f"{_span(report.rejected)} reach 0.90;\nof {report.clean:,} clean rows {_span(report.clean_held)} reach 0.30 and "
        f"{_span(report.clean_rejected)} reach 0.90.\n"
    )


def _span(interval: Interval) -> str:
    if np.isnan(interval.value):
        return "–"
    return f"{_percent(interval.value)} ({_percent(interval.low)} to {_percent(interval.high)})"


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f} %"


def _test_set(source: str, figures: Mapping[str, Any]) -> str:
    labels = [
        LabelFigures(**_revived(one)) for one in figures["labels"] if one["positives"] and one["negatives"]
    ]
    report = Report(**{**_revived(figures), "labels": tuple(labels)})
    return "\n".join(
        [f"### {source} ({report.rows:,} rows)\n", _table(report) if labels else "", _whole(report)]
    )


def _revived(plain: Mapping[str, Any]) -> dict[str, Any]:
    def revive(value: Any) -> Any:
        if value is None:
            return float("nan")
        if isinstance(value, list) and len(value) == 3 and not isinstance(value[0], dict):
            return Interval(*(revive(each) for each in value))
        return value

    return {name: revive(value) for name, value in plain.items()}


def _kinds(kinds: Mapping[str, Sequence[float]]) -> str:
    lines = [
        f"| {kind} | {number:,} | {_percent(_right(kind, share))} |"
        for kind, (number, share) in sorted(kinds.items(), key=lambda item: (item[0].endswith("_h"), item[0]))
    ]
    return (
        "### HateCheck by functionality\n\nRight means: any rule label from 0.30 on for hateful sentences (`_h`), "
        "none for the others (`_nh`).\n\n| functionality | sentences | right |\n|---|--:|--:|\n"
        + "\n".join(lines)
        + "\n"
    )


def _model(manifest: Mapping[str, Any], classifier: Classifier) -> str:
    features, trained = manifest["features"], manifest["trained"]
    unmeasured = [name for name in classifier.labels + classifier.aux if name not in manifest["measured"]]
    return (
        "## The model\n\n"
        f"- Model: `{classifier.model}`; weights: {manifest['weights']['size_bytes']:,} bytes, int8, "
        f"2^{manifest['buckets_log2']} buckets.\n"
        "- Every label is read from the text without the names of groups. Hatred of one group is the product of two: "
        "that the words are hateful, and that hateful words in this text are about that group.\n"
        f"- Features: {', '.join(map(str, features['words']))} words in a row; {', '.join(map(str, features['letters']))} "
        "letters inside a word; each once per text, hashed.\n"
        "- One logistic regression per label, fitted together (AdaGrad); a label that a row does not carry takes no part.\n"
        "- Calibration: Platt, on the dev rows, weighted so that violations make up the share given below: "
        "a probability means what it says in a thread with that share.\n"
        f"- Not measured: {', '.join(unmeasured) or 'none'}.\n"
        f"- Settings: `{json.dumps(trained['settings'])}`, seed {trained['seed']}.\n\n"
        "| label | violations trained on | violations calibrated on | assumed share |\n|---|--:|--:|--:|\n"
        + "\n".join(
            f"| {name} | {taught:,} | {held:,} | {_percent(trained['prevalence'][name])} |"
            for name, (taught, held) in trained["positives"].items()
        )
        + "\n"
    )


def _sources(trained: Mapping[str, Any]) -> str:
    rows = "\n".join(
        f"| {one['source']} | {one['train']:,} | {one['dev']:,} | {one['licence']} |"
        for one in trained["sources"]
    )
    files = "\n".join(
        f"| {one['file']} | `{one['digest'].removeprefix('sha256:')}` |" for one in trained["files"]
    )
    return (
        "## Where it comes from\n\nNo text of these collections is part of Meydan; `meydan` are rows that this project "
        "wrote.\nRepaired on reading: unreliable negatives of toxic_spans are unknown; tokenised and escaped text is "
        "levelled;\nretweet marks, mentions and addresses are left out; a clean row counts, at half weight, as clean for "
        "every label.\n\n| source | train | dev | licence |\n|---|--:|--:|---|\n"
        f"{rows}\n\n| file | SHA-256 |\n|---|---|\n{files}\n"
    )


def _log(runs: Sequence[Mapping[str, Any]], others: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for run in runs:
        figures = "; ".join(
            f"{source} {one['label']} {one['auc'][0]:.3f}"
            for source, report in sorted(run["sets"].items())
            for one in report["labels"]
            if one["label"] in ("toxic", "hate") and one["auc"][0] is not None
        )
        lines.append((run["at"], "–", run["model"], "the fast tier alone, AUC", figures))
    for run in others:
        figures = "; ".join(f"{part} {_figures_in(given)}" for part, given in run["figures"].items())
        lines.append((run["at"], run["commit"] or "–", run["model"], f"the judge, {run['set']}", figures))
    return (
        "## Every run on test rows\n\n"
        "Runs of the fast tier alone are told in full above; `meydan evaluate` adds a line for each run of its own.\n\n"
        "| when (UTC) | commit | model | what | figures |\n|---|---|---|---|---|\n"
        + "\n".join(
            f"| {at} | {commit} | `{model.removeprefix('sha256:')[:12]}` | {what} | {figures} |"
            for at, commit, model, what, figures in sorted(lines, key=lambda line: line[0])
        )
        + "\n"
    )


_LOGGED: Final = {"accuracy": "accuracy", "right": "right", "macro_f1": "macro-F1", "auc": "AUC"}


def _figures_in(given: Mapping[str, Any]) -> str:
    """The figures of one part of a logged run that a line has room for."""
    return ", ".join(
        f"{told} {given[name]['value']:.3f}"
        for name, told in _LOGGED.items()
        if name in given and given[name]["value"] is not None
    )
