"""
The sections of the model card: figures in, Markdown out.

Figures come as programs keep them (evaluate/figures.plain): an interval is an object with
value, low and high, and null has no meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from meydan.comment import LANGUAGES, RULE_LABELS
from meydan.evaluate.newsroom import ALL
from meydan.evaluate.report import ASSUMED, BINS, SELF_WRITTEN

NAMES: Final[Mapping[str, str]] = {
    "en": "English",
    "ar": "Arabic",
    "tr": "Turkish",
    "ckb": "Sorani",
    "kmr-Latn": "Kurmanji, Latin letters",
    "kmr-Arab": "Kurmanji, Arabic letters",
    ALL: "all",
}

WEAK: Final = 0.6
"""What is right less often than this is named among the known failures."""

FEWEST: Final = 25
"""Violations of a label below which a language's figure says next to nothing."""

MOST_IDENTITIES: Final = 20

Figures = Mapping[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """A Markdown table; the first `words` columns are words, the others figures."""
    marks = ["---"] * words + ["--:"] * (len(head) - words)
    lines = [head, marks, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def percent(share: float | None) -> str:
    """A share for people; a dash where it has no meaning."""
    return "–" if share is None else f"{100 * share:.1f} %"


def spread(interval: Figures, *, of_hundred: bool = True) -> str:
    """A figure with its interval."""
    value, low, high = (interval[name] for name in ("value", "low", "high"))
    if value is None:
        return "–"
    if not of_hundred:
        return f"{value:.3f}" if low is None else f"{value:.3f} ({low:.3f} to {high:.3f})"
    return percent(value) if low is None else f"{percent(value)} ({100 * low:.1f} to {100 * high:.1f})"


def short(digest: str) -> str:
    """The beginning of a digest, as a log shows it."""
    return f"`{digest.removeprefix('sha256:')[:12]}`"


def named(language: str) -> str:
    """A language's name."""
    return NAMES.get(language, language)


# -- known failures ---------------------------------------------------------------


def weakest(newsroom: Figures, runs: Sequence[Figures]) -> str:
    """What goes wrong in the newsroom suite and in the latest run of each test set, one point each."""
    rejected = ", ".join(
        f"{named(one['language'])} {percent(one['rejected']['value'])}" for one in _headlines(newsroom)
    )
    held = ", ".join(
        f"{named(one['language'])} {percent(one['held']['value'])}" for one in _headlines(newsroom)
    )
    points = [
        f"**People do much of the work.** Of the newsroom suite's violations it rejects by itself: {rejected}. Of all its cases it "
        f"holds: {held}."
    ]
    for expect, verdict, most, told in (
        ("reject", "approved", 0.1, "It approves violations"),
        ("approve", "rejected", 0.05, "It rejects innocent comments"),
        ("hold", "approved", 0.1, "It approves what a person must see"),
    ):
        wrong: dict[str, list[tuple[float, str]]] = {}
        for one in newsroom["functionalities"]:
            if one["expect"] == expect and one["language"] != ALL and one[verdict] > most:
                wrong.setdefault(one["language"], []).append(
                    (one[verdict], f"{one['functionality']} {percent(one[verdict])} of {one['cases']}")
                )
        points += [
            f"**{told}** in {named(language)}, more than {100 * most:.0f} % of a functionality of the newsroom suite: "
            + ", ".join(name for _, name in sorted(wrong[language], key=lambda pair: (-pair[0], pair[1])))
            + "."
            for language in LANGUAGES
            if language in wrong
        ]
    for run in runs:
        for part, figures in run["figures"].items():
            found = [
                (one["right"]["value"], one["functionality"])
                for one in figures.get("functionalities", ())
                if one["right"]["value"] < WEAK
            ] + [
                (one["right"]["value"], one["part"])
                for one in figures.get("parts", ())
                if one["by"] == "functionality" and one["right"]["value"] < WEAK
            ]
            if found:
                listed = ", ".join(f"{name} {percent(right)}" for right, name in sorted(found))
                points.append(
                    f"**{run['set']}, {named(part)}**, right less often than {percent(WEAK)}: {listed}."
                )
    return "".join(f"- {point}\n" for point in points)


def _headlines(newsroom: Figures) -> list[Figures]:
    """By language in the order of LANGUAGES, all of them last."""
    order = (*LANGUAGES, ALL)
    return sorted(newsroom["headlines"], key=lambda one: order.index(one["language"]))


def changed(rows: Mapping[str, int]) -> str:
    """Of our own development rows as they are now, those in files that a model learned another state of; "" for none."""
    if not rows:
        return ""
    told = ", ".join(f"{named(language)} {number:,}" for language, number in rows.items())
    return (
        "- **Our rows have changed since the models learned from them**: of the development rows as they are now, these are in "
        f"files that were others then, and a model may have been trained on some: {told}. The figures below leave out what a model may know; "
        "a calibration that rests on them promises too much until the models are trained again.\n"
    )


def unmeasured(development: Figures, calibrated: Iterable[str], relevance: Mapping[str, Any]) -> str:
    """Languages and labels of which too little is known, one point each."""
    violations: dict[str, dict[str, int]] = {}
    for one in development["labels"]:
        if one["label"] in RULE_LABELS:
            here = violations.setdefault(one["language"], dict.fromkeys(RULE_LABELS, 0))
            here[one["label"]] += one["violations"]
    points = [
        f"**Hardly measured in {named(language)}**: fewer than {FEWEST} violations among the development rows for {', '.join(few)}."
        for language, counts in violations.items()
        if (few := [f"{label} ({number})" for label, number in counts.items() if number < FEWEST])
    ]
    held = [named(language) for language in LANGUAGES if language not in set(calibrated)]
    if held:
        names = ", ".join("Persian" if name == "fa" else name for name in held)
        points.append(
            f"**Not calibrated**, and so held whole: {names}, and every language that Meydan does not know."
        )
    measured = [named(language) for language, one in relevance.items() if one["measured"]]
    without = [
        f"{named(language)} (AUC {one['auc']:.2f})"
        for language, one in relevance.items()
        if not one["measured"]
    ]
    if without or not measured:
        points.append(
            f"**Whether a comment is about its story** is not measured in {', '.join(without) or 'any language'}: "
            "the vectors do not part comments on other stories well enough, so nothing is said of it there."
        )
    return "".join(f"- {point}\n" for point in points)


# -- figures ------------------------------------------------------------------------


def newsroom(figures: Figures) -> str:
    """The newsroom suite by language and by functionality."""
    headlines = _headlines(figures)
    languages = [one["language"] for one in headlines]
    by_name: dict[str, dict[str, Figures]] = {}
    for one in figures["functionalities"]:
        by_name.setdefault(one["functionality"], {})[one["language"]] = one
    parts = [
        "## The newsroom suite\n\n"
        f"{figures['cases']:,} comments written for this purpose, which the judge never learned from, judged as a comment is in "
        "life: its\nlanguage is not told, the shipped guidelines and the shipped calibration rule. What is neither approved nor "
        "rejected is\nheld for a person. Right rule: of the violations rejected, those for a rule that is right.\n\n",
        table(
            ("language", "innocent", "innocent rejected", "innocent approved", "violations", "violations approved",
             "violations rejected", "right rule", "right ground", "held, of all"),
            (
                (named(one["language"]), f"{one['innocent']:,}", spread(one["wrongly_rejected"]),
                 spread(one["innocent_approved"]), f"{one['violations']:,}", spread(one["wrongly_approved"]),
                 spread(one["rejected"]), spread(one["right_rule"]), spread(one["right_ground"]), spread(one["held"]))
                for one in headlines
            ),
        ),
        "\nWhat a person must see (a crime alleged of a named private person, what is off the subject):\n\n",
        table(
            ("language", "cases", "approved", "rejected"),
            (
                (named(one["language"]), str(one["for_a_person"]), spread(one["person_approved"]), spread(one["person_rejected"]))
                for one in headlines
            ),
        ),
    ]  # fmt: skip
    for expect, told in (
        ("reject", "Violations"),
        ("approve", "Innocent comments"),
        ("hold", "For a person"),
    ):
        some = {name: here for name, here in by_name.items() if next(iter(here.values()))["expect"] == expect}
        if some:
            parts += [
                f"\n### {told}, by functionality: rejected / approved, the rest held\n\n",
                table(
                    ("functionality", "cases", *map(named, languages)),
                    (
                        (name, str(max(one["cases"] for one in here.values())), *(_cell(here.get(tag)) for tag in languages))
                        for name, here in sorted(some.items())
                    ),
                ),
            ]  # fmt: skip
    spelled = [one for one in figures["twins"] if one["twins"]]
    if spelled:
        parts += [
            "\n### What spelling changes\n\nShares rejected, of sentences that are also there in plain spelling. Violations "
            "(`spell_`): below zero an attack that\nworks. Innocent sentences (`spell_clean_`): above zero false alarms.\n\n",
            table(
                ("spelling", "language", "twins", "plain", "spelled", "change"),
                (
                    (f"`{one['functionality']}`", named(one["language"]), str(one["twins"]), percent(one["plain"]),
                     percent(one["spelled"]), spread(one["change"]))
                    for one in spelled
                    if "*" in one["functionality"]
                ),
                words=2,
            ),
        ]  # fmt: skip
    return "".join(parts)


def _cell(one: Figures | None) -> str:
    return "–" if one is None else f"{100 * one['rejected']:.0f} / {100 * one['approved']:.0f}"


def test_runs(runs: Sequence[Figures], model: str) -> str:
    """The latest run of each test set, in full."""
    parts = [
        "## Test sets\n\nThe latest run on each; the rows were never trained on or tuned to. They were made to be hard "
        "(templates, contrasts) or\ncome from one site, and say little about shares in a comment section. Not the decision is "
        "scored but the score: on\nHateCheck hatred of any group, on other rows each label that they know.\n"
    ]
    if not runs:
        return parts[0] + "\nNot measured yet.\n"
    for run in runs:
        of = "this judge" if run["model"] == model else f"an earlier judge, {short(run['model'])}"
        parts.append(f"\n### {run['set']}\n\n{run['at']} UTC, commit {run['commit'] or '–'}, {of}.\n\n")
        parts.append(
            _hatecheck(run) if "functionalities" in next(iter(run["figures"].values()), {}) else _rows(run)
        )
    return "".join(parts)


def _hatecheck(run: Figures) -> str:
    figures = run["figures"]
    kinds: dict[str, dict[str, Figures]] = {}
    for language, one in figures.items():
        for kind in one["functionalities"]:
            kinds.setdefault(kind["functionality"], {})[language] = kind
    return (
        table(
            ("language", "cases", "hateful from", "AUC", "macro-F1", "accuracy", "hateful right", "not hateful right",
             "not scored"),
            (
                (named(language), f"{one['cases']:,}", f"{one['threshold']:g}", spread(one["auc"], of_hundred=False),
                 spread(one["macro_f1"], of_hundred=False), spread(one["accuracy"]), spread(one["hateful_right"]),
                 spread(one["not_hateful_right"]), str(one["unscored"]))
                for language, one in figures.items()
            ),
        )
        + "\n"
        + table(
            ("functionality", *(f"{named(language)}: {what}" for language in figures for what in ("cases", "right"))),
            (
                (name, *(
                    cell
                    for language in figures
                    for cell in ((str(here[language]["cases"]), spread(here[language]["right"])) if language in here else ("–", "–"))
                ))
                for name, here in sorted(kinds.items(), key=lambda item: (item[0].endswith("_h"), item[0]))
            ),
        )
    )  # fmt: skip


def _rows(run: Figures) -> str:
    figures = run["figures"]
    parts = [
        table(
            ("label", "rows", "positive", "AUC", "average precision", "macro-F1", "recall at 1 % false", "not scored"),
            (
                (label, f"{one['rows']:,}", str(one.get("positives", "–")), *(
                    spread(one[name], of_hundred=False) for name in ("auc", "average_precision", "macro_f1", "recall")
                ), str(one.get("unscored", "–")))
                for label, one in figures.items()
            ),
        )
    ]  # fmt: skip
    kinds = [one for figure in figures.values() for one in figure.get("parts", ())]
    if kinds:
        parts += [
            "\n",
            table(
                ("part", "label", "positive", "others", "right", "AUC"),
                (
                    (named(one["part"]), one["label"], str(one["positives"]), str(one["negatives"]), spread(one["right"]),
                     spread(one["auc"], of_hundred=False))
                    for one in kinds
                ),
                words=2,
            ),
        ]  # fmt: skip
    for label, one in figures.items():
        identities = one.get("identities", ())
        if identities:
            more = max(0, len(identities) - MOST_IDENTITIES)
            parts += [
                f"\nInnocent sentences of one template, by what they were filled with, flagged as {label} from "
                f"{one['threshold']:g} on, the most alarming first"
                + (f" ({more} less alarming are left out)" if more else "") + ":\n\n",
                table(
                    ("identity", "innocent", "flagged", "against the mean"),
                    (
                        (each["identity"], str(each["innocent"]), spread(each["flagged"]),
                         f"{100 * each['against_mean']:+.1f} points")
                        for each in identities[:MOST_IDENTITIES]
                    ),
                ),
            ]  # fmt: skip
    return "".join(parts)


def development(figures: Figures) -> str:
    """Development rows by verdict, and by language and label."""
    parts = [
        "## Development rows\n\n"
        f"{figures['rows']:,} rows that training did not see; the blend, the calibration and the choice of settings did, so these "
        "figures\nare somewhat optimistic. **Self-written rows are more so: the same hands wrote what the judge learned from.** "
        "Labels are\nwhat raters said, and where they said nothing the row takes no part. `toxic` is the judge's score for "
        "offence of any kind. In brackets: 95 % bootstrap intervals, rows of one template or article drawn together.\n\n"
        + (
            f"{figures['left_out']:,} more rows of our own are left out: their files are not those that both models learned from, "
            "so a model may know\nthem.\n\n"
            if figures["left_out"]
            else ""
        )
        + "### What becomes of them\n\nViolations breach a rule's label. Innocent rows breach none, and were rated on all but "
        "promotion; what raters called toxic\nwithout saying why is neither. Many collections asked about one kind of abuse only, so some of their innocent rows swear or\ninsult: the calibration rests on those in which clean means clean.\n\n",
        table(
            ("language", "rows", "what", "number", "approved", "held", "rejected"),
            (
                (named(one["language"]), one["origin"], "violations" if one["violations"] else "innocent", f"{one['rows']:,}",
                 spread(one["approved"]), spread(one["held"]), spread(one["rejected"]))
                for one in figures["verdicts"]
            ),
            words=3,
        ),
    ]  # fmt: skip
    seen: dict[tuple[str, str], list[Figures]] = {}
    for one in figures["labels"]:
        seen.setdefault((one["language"], one["origin"]), []).append(one)
    for (language, origin), labels in seen.items():
        parts += [
            f"\n### {named(language)}, {origin}\n\n",
            table(
                ("label", "violations", "others", "not scored", "AUC", "average precision"),
                (
                    (one["label"] + (" (self-written)" if origin == SELF_WRITTEN else ""), f"{one['violations']:,}",
                     f"{one['others']:,}", str(one["unscored"]), spread(one["auc"], of_hundred=False),
                     spread(one["precision"], of_hundred=False))
                    for one in labels
                ),
            ),
        ]  # fmt: skip
    return "".join(parts)


def reliability(figures: Figures, drawing: str) -> str:
    """What a probability is worth, tenth by tenth."""
    head = [f"{i / BINS:g} to {(i + 1) / BINS:g}" for i in range(BINS)]
    return (
        "## What a probability is worth\n\nOf the development rows that were scored about so much, how many breach the label, and "
        "in brackets how many rows were.\nRows are weighted so that violations make up "
        f"{100 * ASSUMED:.0f} % in every language, as the probabilities assume; real threads have\nfewer, and there a score "
        "promises too much. The lexicon's certainties are in the highest tenth, and what only the\nmodel thinks ends at 0.89.\n\n"
        f"![Scored against seen, by label]({drawing})\n\n"
        + table(
            ("label", *head),
            (
                (one["label"], *(
                    "–" if tenth is None else f"{100 * tenth['seen']:.0f} % ({tenth['rows']:,})" for tenth in one["bins"]
                ))
                for one in figures["reliability"]
            ),
        )
    )  # fmt: skip


def calibration(entries: Mapping[str, Figures]) -> str:
    """The shipped thresholds by language, what they promise and what that rests on."""
    bounded = {language: one for language, one in entries.items() if one.get("confidence") is not None}
    parts = [
        "## Shipped calibration\n\nFrom which score on people decide, and from which on the machine may reject, by language; the "
        "guidelines' own thresholds\nrule where they are stricter. Promised is, for comments like those it rests on: of the "
        "acceptable ones at most so many\nrejected, of the violations at most so many approved. A newsroom's own calibration "
        "(`meydan calibrate`) takes its place.\n\n",
        table(
            ("language", "held from", "rejected from", "acceptable", "of them rejected", "violations", "of them approved",
             "decided by the machine", "promised: rejected, approved, confidence", "made"),
            (
                (named(language), _thresholds(one.get("hold_from")), _thresholds(one.get("reject_from")),
                 f"{one['acceptable']:,}", str(one["rejected"]), f"{one['violations']:,}", str(one["approved"]),
                 percent(one.get("automated")),
                 f"{percent(one['wrongly_rejected'])}, {percent(one['wrongly_approved'])}, {percent(one['confidence'])}",
                 str(one.get("made_on", "–")))
                for language, one in bounded.items()
            ),
        ),
        "\nIt rests on our own development rows, on the sentences that languages are told apart by, and on rows of the collections "
        "that\nevery rater found clean; one row stands for all of a template (`src/meydan/train/known.py`). Violations are ours "
        "alone.\n",
    ]  # fmt: skip
    parts += [
        f"\n{named(language)}: {one.get('source') or 'not calibrated'}.\n"
        for language, one in entries.items()
        if language not in bounded
    ]
    return "".join(parts)


def _thresholds(side: Mapping[str, float] | float | None) -> str:
    if side is None:
        return "people decide"
    if not isinstance(side, Mapping):
        return f"{side:.3g}"
    by_value: dict[float, list[str]] = {}
    for label, value in side.items():
        by_value.setdefault(value, []).append(label)
    if len(by_value) == 1:
        return f"{next(iter(by_value)):.3g}"
    return "; ".join(f"{value:.3g} ({', '.join(labels)})" for value, labels in sorted(by_value.items()))


def peers(kept: Figures | None, runs: Sequence[Figures]) -> str:
    """Other filters on the same rows, from the last runs that had them."""
    parts = [
        "## Other filters on the same rows\n\nWhat anybody can install, from the last run that had it (`--peers`). They flag or do "
        "not: flagged is compared with rejected,\nand most know English words only.\n"
    ]
    if kept:
        parts += [
            f"\nThe newsroom suite, {kept['at']} UTC:\n\n",
            table(
                ("filter", "speaks", "language", "innocent flagged", "violations flagged"),
                (
                    (f"{one['peer']} {one['version']}", one["speaks"], named(one["language"]), spread(one["innocent_flagged"]),
                     spread(one["violations_flagged"]))
                    for one in kept["rows"]
                ),
                words=3,
            ),
        ]  # fmt: skip
    latest: dict[str, Figures] = {}
    for run in runs:
        if any(figures.get("peers") for figures in run["figures"].values()):
            latest[run["set"]] = run
    for run in latest.values():
        parts += [
            f"\n{run['set']}, {run['at']} UTC:\n\n",
            table(
                ("part", "filter", "AUC", "macro-F1"),
                (
                    (named(part), name, spread(said["auc"], of_hundred=False), spread(said["macro_f1"], of_hundred=False))
                    for part, figures in run["figures"].items()
                    for name, said in (
                        ("the judge", figures), *figures.get("peers", {}).items()
                    )
                ),
                words=2,
            ),
        ]  # fmt: skip
    if len(parts) == 1:
        parts.append("\nNot measured yet.\n")
    return "".join(parts)


_LOGGED: Final = {"accuracy": "accuracy", "right": "right", "macro_f1": "macro-F1", "auc": "AUC"}


def log(runs: Sequence[Figures], fast: Sequence[Figures] = ()) -> str:
    """
    Every run on test rows, one a line.

    Args:
        runs: those of `meydan evaluate`.
        fast: those of the fast tier alone, which earlier cards were about.
    """
    lines = []
    for run in fast:
        figures = "; ".join(
            f"{source} {one['label']} {one['auc'][0]:.3f}"
            for source, report in sorted(run["sets"].items())
            for one in report["labels"]
            if one["label"] in ("toxic", "hate") and one["auc"][0] is not None
        )
        lines.append((run["at"], "–", short(run["model"]), "the fast tier alone, AUC", figures))
    for run in runs:
        figures = "; ".join(f"{part} {_figures_in(given)}" for part, given in run["figures"].items())
        lines.append(
            (run["at"], run["commit"] or "–", short(run["model"]), f"the judge, {run['set']}", figures)
        )
    return "## Every run on test rows\n\n" + table(
        ("when (UTC)", "commit", "model", "what", "figures"), sorted(lines, key=lambda line: line[0]), words=5
    )


def _figures_in(given: Figures) -> str:
    """The figures of one part of a logged run that a line has room for."""
    return ", ".join(
        f"{told} {given[name]['value']:.3f}"
        for name, told in _LOGGED.items()
        if name in given and given[name]["value"] is not None
    )


# -- what it is made of -----------------------------------------------------------------


def model(
    judge: str, fast: Figures, fast_digest: str, encoder: Figures, lexicons: Mapping[str, tuple[str, int]]
) -> str:
    """The parts of the judge, their sizes and digests, and how they are put together."""
    trained, blend = encoder["trained"], encoder["blend"]
    recipe = trained["recipe"]
    layers = recipe["layers"]
    constructive = encoder.get("constructive")
    parts = [
        "## What it is\n\n"
        f"- **The judge**: `{judge}`, the digest of all that produces scores. Every decision names it.\n"
        f"- **Encoder**: {len(layers)} of the 12 layers of multilingual-e5-small (numbers {', '.join(map(str, layers))}) with "
        f"{recipe['inner']:,} of 1,536 inner neurons each, in eight "
        f"bits, {trained['pieces']:,} pieces of its vocabulary; it answers log-odds for {len(encoder['labels'])} labels and a "
        "sentence vector. It reads a comment as written, a long one in overlapping windows of which the worst counts, and a "
        "disguised one a second time without its disguise.\n"
        f"- **Fast tier**: one logistic regression a label over hashed words and letters of the folded text, "
        f"2^{fast['buckets_log2']} buckets, int8; the names of groups are taken out before a label is read. In the full judge it never decides "
        "alone, and is the judge's second witness. Model " + short(fast_digest) + ".\n"
        "- **Lexicons**: words and phrases with their company, one file a language; in languages other than the comment's only "
        "what is unmistakable counts.\n"
        "- **Blend**: per label a logistic rule of the two models' log-odds, weights never negative, with shifts by language; where offence or "
        "hatred as such is asked for, less what a longer text's worst stretch counts for; "
        "learned on development rows.\n"
        "- **Fusion** (`judge/fusion.py`): the lexicon's clear finding, a model that agrees with a doubt of the lexicon's, or "
        "certain signs of advertising can reject. What only the models think ends at 0.89 and holds, unless the encoder is "
        "also sure that the comment offends at all. An approval needs all to be low.\n"
        "- **Slips** of English spelling are read as what they hide (`judge/mending.py`), and count as a doubt.\n"
        "- **Calibration** by language sets from which score people decide; see below.\n\n",
        table(
            ("file", "SHA-256", "bytes"),
            [
                *(
                    (f"encoder/{name}", f"`{about['digest'].removeprefix('sha256:')}`", f"{about['size_bytes']:,}")
                    for name, about in encoder["files"].items()
                ),
                ("fast/" + fast["weights"]["file"], f"`{fast['weights']['digest'].removeprefix('sha256:')}`",
                 f"{fast['weights']['size_bytes']:,}"),
                *((f"lexicon/{name}", f"`{digest}`", f"{size:,}") for name, (digest, size) in lexicons.items()),
            ],
            words=2,
        ),
        "\nThe blend: what one unit of each model's log-odds adds, what each doubling of a text's windows takes off, and the "
        "languages with a shift of their own.\n\n",
        table(
            ("label", "encoder", "fast tier", "bias", "length", "shifts"),
            (
                (label, f"{weights[0]:.2f}", f"{weights[1]:.2f}", f"{bias:+.2f}", f"{-length:.2f}", ", ".join(
                    f"{language} {shift[i]:+.2f}" for language, shift in blend["shifts"].items() if shift[i]
                ) or "–")
                for i, (label, weights, bias, length) in enumerate(
                    zip(blend["labels"], blend["weights"], blend["bias"], blend["length"], strict=True)
                )
            ),
        ),
    ]  # fmt: skip
    if "thresholds" in encoder:
        parts.append(
            f"\nWhere a test asks for yes or no, hatred begins at {encoder['thresholds']['abuse']:g}"
            + "".join(
                f", in {language} at {begin:g}"
                for language, begin in encoder["thresholds"].get("abuse_in", {}).items()
            )
            + ", chosen on our own development rows.\n"
        )
    if constructive:
        low, high = constructive["interval"]
        parts.append(
            f"\nWhether a comment is constructive is measured on {constructive['rows']} self-written rows: AUC "
            f"{constructive['auc']:.3f} ({low:.3f} to {high:.3f}); "
            + ", ".join(
                f"{named(tag)} {one['auc']:.3f} of {one['rows']}"
                for tag, one in constructive["by_language"].items()
            )
            + ".\n"
        )
    return "".join(parts)


def sources(encoder: Figures, corpus: Mapping[str, Figures]) -> str:
    """What it learned from: collections, our own rows, the base."""
    trained = encoder["trained"]
    ours = [language for language in LANGUAGES if language in corpus]
    return "".join(
        [
            "## What it learned from\n\nNo text of these collections is part of Meydan; `meydan` are rows that this project wrote "
            "(`src/meydan/train/corpus`).\nRepaired on reading (`train/rows.py`): unreliable negatives of toxic_spans are unknown; "
            "tokenised and escaped text is levelled;\nretweet marks, mentions and addresses are left out; a clean row counts, at half "
            "weight, as clean for every label.\n\n",
            table(
                ("source", "licence", "train", "dev"),
                (
                    (one["source"], one["licence"], f"{one['train']:,}", f"{one['dev']:,}") for one in trained["sources"]
                ),
                words=2,
            ),
            "\nViolations that it was trained on, and that the blend was learned on:\n\n",
            table(
                ("label", "trained", "blended", "blended, by language: violations / others"),
                (
                    (label, f"{taught:,}", f"{held:,}", ", ".join(
                        f"{language} {numbers[0]:,} / {numbers[1]:,}"
                        for language, numbers in trained["blended_on"].get(label, {}).items()
                    ) or "–")
                    for label, (taught, held) in trained["positives"].items()
                ),
            ),
            "\n### Our own rows\n\nRows, and of each label the violations among them (train and dev together).\n\n",
            table(
                ("", *map(named, ours)),
                [
                    ("rows, train", *(f"{corpus[language]['train']:,}" for language in ours)),
                    ("rows, dev", *(f"{corpus[language]['dev']:,}" for language in ours)),
                    *(
                        (label, *(f"{corpus[language]['violations'].get(label, 0):,}" for language in ours))
                        for label in (*RULE_LABELS, "toxic", "hate")
                    ),
                ],
            ),
            "\n"
            "### The base\n\nThe encoder began with "
            "[multilingual-e5-small](https://huggingface.co/intfloat/multilingual-e5-small) (MIT; Wang et al. 2024,\narXiv "
            f"2402.05672) as the package `{trained['base']['package']}` (MIT) carries it: `{trained['base']['file']}`, matrices in "
            "blocks of 32 four-bit numbers with one\nscale each, so it began with rounded weights. SHA-256 "
            f"`{trained['base']['digest'].removeprefix('sha256:')}`.\n\n"
            "### Files\n\n",
            table(
                ("file", "SHA-256"),
                (
                    (one["file"], f"`{one['digest'].removeprefix('sha256:')}`")
                    for one in trained["files"]
                    if not one["own"]
                ),
                words=2,
            ),
            f"\nand {sum(one['own'] for one in trained['files'])} files of our own, whose digests `encoder/manifest.json` lists.\n",
        ]
    )  # fmt: skip


def training(encoder: Figures) -> str:
    """How it was trained, and how to do it again."""
    recipe = encoder["trained"]["recipe"]
    first, second, third = recipe["samples"]
    return (
        "## How it was trained\n\n"
        f"1. **From the collections**: {first:,} texts, highest rate {recipe['rates'][0]:g}, spelling noise on "
        f"{percent(recipe['noise'][0])}.\n"
        f"2. **From our own rows**, with as many of the collections again: {second:,} texts, highest rate {recipe['rates'][1]:g}, "
        f"spelling noise on {percent(recipe['noise'][1])}.\n"
        f"3. **Other spellings**, of the same rows: {third:,} texts, highest rate {recipe['rates'][2]:g}, spelling noise on "
        f"{percent(recipe['noise'][2])}, and {percent(recipe['latin'][2])} of the Arabic rows in Latin letters.\n\n"
        "A label that a row does not carry takes no part. A part of the rows also teaches the network to keep the sentence\n"
        "vectors of the base. Then the vocabulary is cut to what the texts use, weights are rounded to eight bits, and the blend\n"
        "is learned on development rows. Recipe: "
        + ", ".join(f"`{name}` {_told(value)}" for name, value in recipe.items())
        + ".\n\nAgain, from a data folder and an environment with PyTorch (see [CONTRIBUTING.md](../CONTRIBUTING.md)), "
        "`make model DATA=FOLDER`, or by hand:\n\n"
        "```sh\n"
        "meydan train fast --data FOLDER --out src/meydan/judge/models/fast\n"
        "meydan train encoder --data FOLDER --out src/meydan/judge/models/encoder --run run-encoder\n"
        "python -m meydan.train.relevance --model src/meydan/judge/models/encoder\n"
        "python -m meydan.train.known --data FOLDER --out development-rows.jsonl\n"
        "meydan calibrate --from development-rows.jsonl --out src/meydan/judge/models/calibration.json\n"
        "python -m meydan.evaluate --data FOLDER --progress\n"
        "```\n\nHow fast it is: [benchmarks](../benchmarks/README.md), measured on the machine that they name.\n"
    )


def _told(value: object) -> str:
    if isinstance(value, list):
        return "/".join(map(_told, value))
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
    )
