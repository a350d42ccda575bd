"""
HateCheck and the Arabic part of Multilingual HateCheck, by the abuse criterion.

These suites test hatred of groups. Some of their "not hateful" cases break a newsroom's rules
on swearing or on attacks at a person, so the decision to publish says nothing here: only the
abuse score does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from meydan.errors import Malformed
from meydan.evaluate.figures import share
from meydan.evaluate.metrics import Interval, auc, bootstrap, macro_f1
from meydan.evaluate.rows import Row, read_rows, right_of
from meydan.evaluate.scores import HATE, counted

SETS: Final = (("hatecheck", "en"), ("multilingual_hatecheck", "ar"))
"""The rows that are measured, by source and language."""

FILE: Final = "test.jsonl.gz"

_HATEFUL = "_h"


@dataclass(frozen=True, slots=True)
class KindFigures:
    """One functionality: how many cases, hateful or not, and the share that is right."""

    functionality: str
    hateful: bool
    cases: int
    right: Interval


@dataclass(frozen=True, slots=True)
class HateCheck:
    """One language's figures; `threshold` is that of texts which were found to be in it; `unscored` cases were not measured and count as not hateful."""

    source: str
    language: str
    threshold: float
    cases: int
    unscored: int
    hateful: int
    hateful_right: Interval
    not_hateful: int
    not_hateful_right: Interval
    accuracy: Interval
    macro_f1: Interval
    auc: Interval
    functionalities: tuple[KindFigures, ...]


def read_hatecheck(folder: Path) -> list[Row]:
    """
    The suites' rows in a data folder.

    Raises:
        Malformed: the folder has no test rows, or none of HateCheck.
    """
    rows = read_rows(folder / FILE, keep=_is_wanted)
    if not rows:
        raise Malformed(f"{FILE} has no rows of HateCheck.", fields=("data",))
    return rows


def hatecheck_figures(
    rows: Sequence[Row],
    scores: Sequence[float],
    *,
    threshold: float,
    by_language: Mapping[str, float] = MappingProxyType({}),
    recognised: Sequence[str] = (),
    seed: int = 0,
) -> tuple[HateCheck, ...]:
    """
    Figures by language, in the order of SETS.

    Args:
        scores: of abuse, one for each row; NaN where it was not measured.
        threshold: from which a row counts as hateful.
        by_language: languages in which it does from another one.
        recognised: in which language each row was found to be, as in life; none: in its own.
    """
    found = []
    for source, language in SETS:
        here = [i for i, row in enumerate(rows) if (row.source, row.lang) == (source, language)]
        if here:
            some = [rows[i] for i in here]
            begins = [by_language.get(recognised[i] if recognised else language, threshold) for i in here]
            begin = by_language.get(language, threshold)
            found.append(_language(source, language, some, [scores[i] for i in here], begins, begin, seed))
    return tuple(found)


def is_hateful(row: Row) -> bool:
    """What the suite says of a row: its label, or where it has none its functionality's name."""
    return row.labels[HATE] >= 0.5 if HATE in row.labels else row.kind.endswith(_HATEFUL)


def _language(
    source: str,
    language: str,
    rows: Sequence[Row],
    values: Sequence[float],
    begins: Sequence[float],
    threshold: float,
    seed: int,
) -> HateCheck:
    positive = np.array([is_hateful(row) for row in rows])
    score, unscored = counted(values)
    flagged = (score >= np.array(begins)).astype(np.float64)
    right = right_of(positive, flagged, 1.0)
    groups = np.array([row.group for row in rows])
    kinds = np.array([row.kind for row in rows])

    def share_of(chosen: np.ndarray[Any, np.dtype[np.bool_]]) -> Interval:
        return share(right[chosen].tolist(), groups[chosen].tolist(), seed=seed)

    listed = groups.tolist()
    return HateCheck(
        source=source,
        language=language,
        threshold=threshold,
        cases=len(rows),
        unscored=unscored,
        hateful=int(positive.sum()),
        hateful_right=share_of(positive),
        not_hateful=int((~positive).sum()),
        not_hateful_right=share_of(~positive),
        accuracy=share_of(np.ones(len(rows), bool)),
        macro_f1=bootstrap(partial(macro_f1, threshold=1.0), positive, flagged, groups=listed, seed=seed),
        auc=bootstrap(auc, positive, score, groups=listed, seed=seed),
        functionalities=tuple(
            KindFigures(
                kind, bool(positive[kinds == kind][0]), int((kinds == kind).sum()), share_of(kinds == kind)
            )
            for kind in np.unique(kinds).tolist()
        ),
    )


def _is_wanted(entry: Mapping[str, Any]) -> bool:
    return (entry.get("source"), entry.get("lang")) in SETS
