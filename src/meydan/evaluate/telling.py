"""
What was measured, told to people: the same tables for the terminal and the page, and the page's drawings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from meydan.comment import Reason, Verdict
from meydan.evaluate import drawing, page
from meydan.evaluate.figures import percent
from meydan.evaluate.hatecheck import HateCheck, is_hateful
from meydan.evaluate.measure import HateCheckRun, NewsroomRun, RowsRun
from meydan.evaluate.newsroom import EVERY_ATTACK, EVERY_CLEAN, FunctionalityFigures, mistakes
from meydan.evaluate.rows import PartFigures
from meydan.evaluate.scores import counted

MOST_SHOWN: Final = 15
"""Mistakes shown of each kind and label."""


@dataclass(frozen=True, slots=True)
class Table:
    """Plain words in rows under a head; `note` says what the columns mean."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


# -- the newsroom suite ----------------------------------------------------------


def newsroom_tables(run: NewsroomRun) -> list[Table]:
    """Headlines, twins, functionalities and peers."""
    figures = run.figures
    tables = [
        Table(
            "Newsroom suite, by language",
            ("language", "cases", "innocent rejected", "violations approved", "violations rejected"),
            tuple(
                (one.language, str(one.cases), percent(one.wrongly_rejected), percent(one.wrongly_approved),
                 percent(one.rejected))
                for one in figures.headlines
            ),
            "In brackets: 95 % bootstrap intervals, cases of a pair drawn together. What is neither approved nor "
            "rejected is held for a person.",
        ),
        Table(
            "Besides",
            ("language", "held", "innocent approved", "right rule", "right ground"),
            tuple(
                (one.language, percent(one.held), percent(one.innocent_approved), percent(one.right_rule),
                 percent(one.right_ground))
                for one in figures.headlines
            ),
            "Held: of all cases. Right rule and ground: of the violations that were rejected.",
        ),
        Table(
            "Cases that a person must see",
            ("language", "cases", "approved", "rejected"),
            tuple(
                (one.language, str(one.for_a_person), percent(one.person_approved), percent(one.person_rejected))
                for one in figures.headlines
            ),
            "A crime alleged of a named private person; off-topic under a story.",
        ),
    ]  # fmt: skip
    twins = [one for one in figures.twins if one.twins]
    if twins:
        alone = sum(
            one.without_twin for one in figures.twins if one.functionality in (EVERY_ATTACK, EVERY_CLEAN)
        )
        tables.append(
            Table(
                "What spelling changes",
                ("spelling", "language", "twins", "plain", "spelled", "change"),
                tuple(
                    (one.functionality, one.language, str(one.twins), percent(one.plain), percent(one.spelled),
                     percent(one.change))
                    for one in twins
                ),
                "Shares rejected, of sentences that are also there in plain spelling. Violations: below zero an attack that works. "
                f"spell_clean: above zero false alarms. {alone} spelled cases have no plain twin and are left out.",
            )
        )  # fmt: skip
    tables.append(
        Table(
            "By functionality",
            ("functionality", "expected", "language", "cases", "right", "approved", "held", "rejected"),
            tuple(
                (one.functionality, one.expect, one.language, str(one.cases), percent(one.right),
                 percent(one.approved), percent(one.held), percent(one.rejected))
                for one in figures.functionalities
            ),
            "Right: innocent and not rejected; a violation rejected; held where a person must see it.",
        )
    )  # fmt: skip
    if run.peers:
        tables.append(
            Table(
                "Other filters on the same cases",
                ("filter", "speaks", "language", "innocent flagged", "violations flagged"),
                tuple(
                    (f"{one.peer} {one.version}", one.speaks, one.language, percent(one.innocent_flagged),
                     percent(one.violations_flagged))
                    for one in run.peers
                ),
                "They flag or do not: flagged is compared with rejected, there is no holding.",
            )
        )  # fmt: skip
    return tables


def newsroom_page(run: NewsroomRun, facts: Sequence[tuple[str, str]]) -> str:
    """The report on the newsroom suite, with the mistakes word for word."""
    tables = newsroom_tables(run)
    twins = [one for one in run.figures.twins if one.twins]
    sections = [_shown(table) for table in tables[:3]]
    if twins:
        sections.append(
            page.section(
                "What spelling changes",
                *(
                    page.figure(
                        drawing.twins(
                            [
                                drawing.Twin(
                                    f"{one.functionality} ({one.language})", one.plain, one.spelled,
                                    f"{100 * one.change.value:+.0f} points, {one.twins} twins",
                                )
                                for one in twins
                                if one.innocent is innocent
                            ],
                            about=f"Share rejected, plain and spelled differently: {name}",
                        ),
                        f"{name}: share rejected in plain spelling (ring) and so spelled (disc).",
                    )
                    for innocent, name in ((False, "Violations"), (True, "Innocent sentences"))
                    if any(one.innocent is innocent for one in twins)
                ),
                *(page.folded_away("The figures", _as_html(table)) for table in tables if table.title == "What spelling changes"),
            )
        )  # fmt: skip
    sections += [_functionalities(run), _reliability_of_newsroom(run)]
    sections += [_shown(table) for table in tables if table.title.startswith("Other filters")]
    sections.append(_mistakes(run))
    return page.page(
        "The judge on the newsroom suite",
        f"{len(run.cases)} comments written for this purpose, judged as a comment is in life, its language not told.",
        sections,
        facts=facts,
    )


def _functionalities(run: NewsroomRun) -> str:
    drawn = []
    for one in run.figures.headlines:
        here = [figures for figures in run.figures.functionalities if figures.language == one.language]
        parts = []
        for expect, name in (
            (Verdict.REJECT, "Violations: rejected, and faintly: held"),
            (Verdict.APPROVE, "Innocent comments: approved, and faintly: held"),
            (Verdict.HOLD, "For a person: held"),
        ):
            listed = [_bar(figures) for figures in here if figures.expect == expect.value]
            if listed:
                parts.append(page.figure(drawing.bars(listed, about=f"{name}, {one.language}"), f"{name}."))
        drawn.append(page.folded_away(f"Language: {one.language}", *parts))
    if drawn:
        # The last is all languages together, or the only one: what one looks at first.
        drawn[-1] = drawn[-1].replace("<details>", "<details open>", 1)
    table = next(table for table in newsroom_tables(run) if table.title == "By functionality")
    return page.section(
        "By functionality, worst first",
        *reversed(drawn),
        page.folded_away("The figures", page.paragraph(table.note), _as_html(table)),
    )


def _bar(one: FunctionalityFigures) -> drawing.Bar:
    done, kind = {
        "reject": (one.rejected, "found"),
        "approve": (one.approved, "right"),
    }.get(one.expect, (one.held, "right"))
    rest = one.held if one.expect != "hold" else 0.0
    return drawing.Bar(one.functionality, done, f"{percent(done)} of {one.cases}", kind, rest)


def _reliability_of_newsroom(run: NewsroomRun) -> str:
    known = [
        (case.expect is Verdict.REJECT, score)
        for case, score in zip(run.cases, run.likely, strict=True)
        if case.expect is not Verdict.HOLD and not np.isnan(score)
    ]
    return _reliability(
        [positive for positive, _ in known],
        [score for _, score in known],
        "The largest score of any rule's label, and the share of violations among comments so scored. "
        "Half of the suite are violations, far more than in a comment section: below the diagonal would be overconfident.",
    )


def _mistakes(run: NewsroomRun) -> str:
    wrong = mistakes(run.cases, run.outcomes)
    parts = []
    for expect, name in (
        (Verdict.APPROVE, "Innocent comments that were rejected"),
        (Verdict.REJECT, "Violations that were approved"),
    ):
        rows = [
            (case.id, case.functionality, ", ".join(_named(outcome.decision.reasons)) or "–", case.text)
            for case, outcome in wrong
            if case.expect is expect
        ]
        parts.append(
            page.folded_away(
                f"{name} ({len(rows)})",
                page.table(("case", "functionality", "reasons given", "comment"), rows, words_from=3),
            )
        )
    return page.section("Mistakes, word for word", *parts)


def _named(reasons: Sequence[Reason]) -> list[str]:
    return [f"{reason.rule}:{reason.ground}" if reason.ground else reason.rule for reason in reasons]


# -- HateCheck -------------------------------------------------------------------


def hatecheck_tables(run: HateCheckRun) -> list[Table]:
    """Headlines with the peers' below ours, and functionalities."""
    lines = [("Meydan", "English and Arabic", one) for one in run.figures]
    lines += [(f"{peer.peer} {peer.version}", peer.speaks, one) for peer in run.peers for one in peer.figures]
    unscored = "; ".join(
        f"{one.language}: {one.unscored} of {one.cases}" for one in run.figures if one.unscored
    )
    tables = [
        Table(
            "HateCheck, by the abuse criterion",
            ("judge", "language", "cases", "hateful right", "not hateful right", "accuracy"),
            tuple(
                (name, one.language, str(one.cases), percent(one.hateful_right),
                 percent(one.not_hateful_right), percent(one.accuracy))
                for name, _, one in lines
            ),
            f"Hateful: an abuse score from {run.threshold:g} on (other filters: from 0.5). In brackets: 95 % bootstrap "
            "intervals, cases of one template drawn together."
            + (f" Not measured, counted as not hateful: {unscored}." if unscored else ""),
        ),
        Table(
            "Besides",
            ("judge", "language", "macro-F1", "AUC", "speaks"),
            tuple((name, one.language, str(one.macro_f1), str(one.auc), speaks) for name, speaks, one in lines),
        ),
    ]  # fmt: skip
    tables += [
        Table(
            f"{one.source}, {one.language}: by functionality",
            ("functionality", "hateful", "cases", "right", *(peer.peer for peer in run.peers)),
            tuple(
                (kind.functionality, "yes" if kind.hateful else "no", str(kind.cases), percent(kind.right),
                 *(_peer_kind(peer.figures, one, kind.functionality) for peer in run.peers))
                for kind in one.functionalities
            ),
        )
        for one in run.figures
    ]  # fmt: skip
    return tables


def _peer_kind(figures: Sequence[HateCheck], ours: HateCheck, functionality: str) -> str:
    for one in figures:
        if one.language == ours.language:
            for kind in one.functionalities:
                if kind.functionality == functionality:
                    return percent(kind.right, short=True)
    return "–"


def hatecheck_page(run: HateCheckRun, facts: Sequence[tuple[str, str]]) -> str:
    """The report on HateCheck; none of its words are on it."""
    first, second, *others = hatecheck_tables(run)
    sections = [_shown(first), _shown(second)]
    for one, table in zip(run.figures, others, strict=True):
        bars = [
            drawing.Bar(
                kind.functionality,
                kind.right.value,
                f"{percent(kind.right, short=True)} of {kind.cases}",
                "found" if kind.hateful else "right",
            )
            for kind in one.functionalities
        ]
        places = [i for i, row in enumerate(run.rows) if (row.source, row.lang) == (one.source, one.language)]
        score, _ = counted([run.scores[i] for i in places])
        sections.append(
            page.section(
                f"{one.source}, {one.language}",
                page.figure(
                    drawing.bars(bars, about=f"Share right by functionality, {one.language}"),
                    "Share right, worst first. Names ending in _h are hateful, in _nh not.",
                ),
                _reliability_figure(
                    [is_hateful(run.rows[i]) for i in places],
                    score.tolist(),
                    "The abuse score, and the share of hateful cases among those so scored.",
                ),
                page.folded_away("The figures", _as_html(table)),
            )
        )
    return page.page(
        "The judge on HateCheck",
        "Test sentences on hatred of groups, scored by the abuse criterion. They are made to be hard, and say nothing "
        "about shares in a comment section.",
        sections,
        facts=facts,
    )


# -- any labelled rows -----------------------------------------------------------


def rows_tables(run: RowsRun) -> list[Table]:
    """By label, language and functionality; identities; peers."""
    tables = []
    for by, title in (
        ("all", "By label"),
        ("language", "By language"),
        ("functionality", "By functionality"),
    ):
        here = [one for one in run.figures if one.by == by]
        if here:
            tables.append(
                Table(
                    title,
                    ("label", by if by != "all" else "rows", "positive", "others", "AUC", "average precision",
                     f"macro-F1 at {run.threshold:g}", "recall at 1 %", "right"),
                    tuple(_part_line(one) for one in here),
                    "Recall is at 1 % false positives; right: on the right side of the threshold. In brackets: 95 % "
                    "bootstrap intervals, rows of one group drawn together." + _unscored(here),
                )
            )  # fmt: skip
    tables += [
        Table(
            f"False alarms by identity ({label})",
            ("identity", "innocent rows", "flagged", "against the mean"),
            tuple(
                (
                    one.identity,
                    str(one.innocent),
                    percent(one.flagged),
                    f"{100 * one.against_mean:+.1f} points",
                )
                for one in listed
            ),
            "Innocent sentences made from templates, by a word that they were filled with.",
        )
        for label, listed in run.identities.items()
    ]
    if run.peers:
        tables.append(
            Table(
                "Other filters on the same rows",
                ("filter", "speaks", "label", "rows", "AUC", "average precision", "macro-F1", "recall at 1 %", "right"),
                tuple(
                    (f"{peer.peer} {peer.version}", peer.speaks, one.label, one.part, str(one.auc),
                     str(one.average_precision), str(one.macro_f1), percent(one.recall), percent(one.right))
                    for peer in run.peers
                    for one in peer.figures
                    if one.by != "functionality"
                ),
                "One score for every label, flagged from 0.5.",
            )
        )  # fmt: skip
    return tables


def _part_line(one: PartFigures) -> tuple[str, ...]:
    return (
        one.label, one.part, f"{one.positives:,}", f"{one.negatives:,}", str(one.auc), str(one.average_precision),
        str(one.macro_f1), percent(one.recall), percent(one.right),
    )  # fmt: skip


def _unscored(figures: Sequence[PartFigures]) -> str:
    some = [f"{one.label} ({one.part}) {one.unscored:,}" for one in figures if one.unscored]
    return f" Not measured, counted as 0: {', '.join(some)}." if some else ""


def rows_page(run: RowsRun, facts: Sequence[tuple[str, str]], *, words: bool) -> str:
    """The report on labelled rows; `words` says whether the worst mistakes are shown word for word."""
    sections = [_shown(table) for table in rows_tables(run) if not table.title.endswith("functionality")]
    for label, values in run.scores.items():
        known = [i for i, row in enumerate(run.rows) if label in row.labels]
        score, _ = counted([values[i] for i in known])
        truth = [run.rows[i].labels[label] >= 0.5 for i in known]
        kinds = [one for one in run.figures if one.label == label and one.by == "functionality"]
        parts = [
            _reliability_figure(
                truth,
                score.tolist(),
                f"The score for {label}, and the share that has it among rows so scored.",
            )
        ]
        if kinds:
            parts.insert(
                0,
                page.figure(
                    drawing.bars(
                        [
                            drawing.Bar(
                                one.part,
                                one.right.value,
                                f"{percent(one.right, short=True)} of {one.positives + one.negatives}",
                                "found" if one.positives >= one.negatives else "right",
                            )
                            for one in kinds
                        ],
                        about=f"Share right by functionality: {label}",
                    ),
                    f"Share on the right side of {run.threshold:g}, worst first.",
                ),
            )
        if words:
            parts += _worst(run, [(score[n], truth[n], i) for n, i in enumerate(known)])
        sections.append(page.section(f"Label: {label}", *parts))
    sections += [_shown(table) for table in rows_tables(run) if table.title == "By functionality"]
    return page.page(f"The judge on {run.name}", f"{len(run.rows):,} labelled rows.", sections, facts=facts)


def _worst(run: RowsRun, known: Sequence[tuple[float, bool, int]]) -> list[str]:
    alarms = sorted((one for one in known if not one[1] and one[0] >= run.threshold), key=lambda one: -one[0])
    missed = sorted((one for one in known if one[1] and one[0] < run.threshold), key=lambda one: one[0])
    return [
        page.folded_away(
            f"{name} ({len(some)})",
            page.table(
                ("score", "language", "text"),
                [
                    (f"{score:.2f}", run.rows[i].lang or "–", run.rows[i].text)
                    for score, _, i in some[:MOST_SHOWN]
                ],
                words_from=2,
            ),
        )
        for name, some in (("False alarms, the surest first", alarms), ("Missed, the surest first", missed))
        if some
    ]


# -- both ------------------------------------------------------------------------


def _shown(table: Table) -> str:
    return page.section(table.title, _as_html(table), page.paragraph(table.note) if table.note else "")


def _as_html(table: Table) -> str:
    return page.table(table.head, table.rows)


def _reliability(truth: Sequence[bool], scores: Sequence[float], caption: str) -> str:
    return page.section("Reliability", _reliability_figure(truth, scores, caption))


def _reliability_figure(truth: Sequence[bool], scores: Sequence[float], caption: str) -> str:
    if not len(scores):
        return page.paragraph("Nothing was measured, so there is no reliability to draw.")
    drawn = drawing.reliability(np.asarray(truth, bool), np.asarray(scores, float), about=caption)
    return page.figure(drawn, f"{caption} A larger disc: more rows.")
