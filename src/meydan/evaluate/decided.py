"""
Comments whose truth is known, judged by the present judge: what a calibration rests on.

From a file of decided or labelled comments, or from a newsroom's own decisions.
"""

from __future__ import annotations

import hashlib
import html
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from meydan.comment import DecidedBy, Verdict
from meydan.errors import Malformed
from meydan.evaluate.calibrate import Reviewed, label_truth, reviewed_of
from meydan.evaluate.judged import Advance, Judging, judge_all
from meydan.evaluate.labelled import known_labels, read_entries
from meydan.judge.decide import score_of
from meydan.judge.watch import is_violation
from meydan.policy import Guidelines
from meydan.store import VIOLATION, DecidedRow, Store

AT_MOST: Final = 20_000
"""Comments of one language; of more, the newest. The past is not what will be written."""

_AT_ONCE: Final = 2_000


@dataclass(frozen=True, slots=True)
class Known:
    """A text and whether it is a violation; `language` is what its source says, "" where it says nothing."""

    text: str
    violation: bool
    language: str = ""


def load_known(path: Path, guidelines: Guidelines) -> list[Known]:
    """
    Read decided or labelled comments, *.jsonl or *.jsonl.gz: `text`, and `verdict` or `labels`; `lang` if known.

    Left out are rows that say neither (a verdict of "hold", labels that tell nothing), and rows that the
    judge was trained on or must not be tuned to (`use`, else `split`, is "train" or "test"). Rows of one
    `group` were made from one template and stand or fall together: one of them, by lot, stands for all.

    Raises:
        Malformed: the file cannot be read, or a line is no such row.
    """
    rows: dict[str, tuple[bytes, Known]] = {}
    line = 1
    try:
        for entry in read_entries(path):
            text, violation = _known(entry, guidelines)
            if violation is not None and entry.get("use", entry.get("split")) not in ("train", "test"):
                group = str((entry.get("meta") or {}).get("template") or entry.get("group") or f"line {line}")
                lot = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
                if group not in rows or lot < rows[group][0]:
                    rows[group] = lot, Known(text, violation, str(entry.get("lang", "")))
            line += 1
    except (OSError, zlib.error) as error:
        raise Malformed(f"{path.name} cannot be read ({type(error).__name__}).", fields=("file",)) from error
    except (ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise Malformed(
            f"{path.name}: line {line} is not an object with text, and verdict (approve, reject) or labels.",
            fields=("file",),
        ) from error
    return [known for _, known in rows.values()]


def judged_of(
    judge: Judging, guidelines: Guidelines, rows: Sequence[Known], *, advance: Advance | None = None
) -> dict[str, list[Reviewed]]:
    """
    Judge known comments as they go in life, by the language that the judge sees in them.

    Raises:
        ClassifierUnavailable: the model failed.
    """
    outcomes = judge_all(judge, guidelines, [row.text for row in rows], advance=advance)
    found: dict[str, list[Reviewed]] = {}
    for row, outcome in zip(rows, outcomes, strict=True):
        one = reviewed_of(outcome.evidence, guidelines, violation=row.violation)
        found.setdefault(outcome.evidence.language, []).append(one)
    return found


def own_of(
    store: Store, judge: Judging, guidelines: Guidelines, *, languages: Collection[str] = ()
) -> dict[str, list[Reviewed]]:
    """
    A newsroom's own decided comments, by language, from the evidence kept where this judge made it.

    Only what is a fair sample of everything readers write: all that people decided while the machine
    decided nothing in the language, and from then on what was drawn for audits. What people decide
    besides is what the machine found doubtful, and says little about the rest.

    Raises:
        ClassifierUnavailable: the model failed.
        StoreUnavailable: the database did not answer.
    """
    truths: dict[str, dict[str, bool | None]] = {}
    machines: set[str] = set()
    for row in _decisions(store):
        if row.decided_by is DecidedBy.MACHINE:
            machines.add(row.language)
        truth, breached = row.verdict, row.rules
        if row.drawn and row.answer is not None:
            truth, breached = row.answer, row.breached
        elif row.decided_by is not DecidedBy.MODERATOR:
            continue
        here = truths.setdefault(row.language, {})
        if row.language in machines and row.id not in here and not (row.drawn and row.answer is not None):
            continue
        # Taken out and put in again: the newest decision last.
        here.pop(row.id, None)
        here[row.id] = is_violation(truth, breached, guidelines)
    asked = [label for rule in guidelines.rules for label in rule.labels]
    found: dict[str, list[Reviewed]] = {}
    for language, decided in truths.items():
        if languages and language not in languages:
            continue
        again: list[Known] = []
        for id, violation in list(decided.items())[-AT_MOST:]:
            evidence = store.evidence(id)
            if violation is None or evidence is None:
                continue
            if evidence.model == judge.model and all(
                score_of(evidence, label) is not None for label in asked
            ):
                found.setdefault(language, []).append(reviewed_of(evidence, guidelines, violation=violation))
                continue
            comment = store.comment(id)
            if comment is not None and comment.text is not None:
                again.append(Known(comment.text, violation, language))
        for seen, some in judged_of(judge, guidelines, again).items():
            found.setdefault(seen, []).extend(some)
    return found


def suggested(store: Store, guidelines: Guidelines) -> list[Known]:
    """
    What other systems' people found of their comments (desk.suggest), where it says whether one is a violation.

    It is what those people looked at and no fair sample: it counts where the operator says so.

    Raises:
        StoreUnavailable: the database did not answer.
    """
    known = []
    for one in store.suggestions.all():
        verdict = one.labels.get(VIOLATION)
        violation = label_truth(one.labels, guidelines) if verdict is None else verdict >= 0.5
        if violation is not None:
            known.append(Known(one.text, violation, one.language))
    return known


def overturned_of(store: Store) -> dict[tuple[str, Verdict], tuple[int, int]]:
    """
    By language and the machine's verdict: how many of its decisions there are, and how many people overturned.

    A count of what somebody looked at, by appeal or by chance: no share of everything, unlike an audit.
    """
    machine: dict[str, Verdict] = {}
    counts: dict[tuple[str, Verdict], list[int]] = {}
    for row in _decisions(store):
        if row.decided_by is DecidedBy.MACHINE:
            machine[row.id] = row.verdict
            counts.setdefault((row.language, row.verdict), [0, 0])[0] += 1
        elif machine.get(row.id, row.verdict) is not row.verdict:
            counts[row.language, machine.pop(row.id)][1] += 1
    return {what: (made, overturned) for what, (made, overturned) in counts.items()}


def _decisions(store: Store) -> Iterator[DecidedRow]:
    after = -1
    while rows := store.decided(after=after, limit=_AT_ONCE):
        yield from rows
        after = rows[-1].leaf


def _known(entry: Mapping[str, Any], guidelines: Guidelines) -> tuple[str, bool | None]:
    text = entry["text"]
    if not isinstance(text, str):
        raise TypeError("text")
    if "verdict" in entry:
        return text, {"approve": False, "reject": True, "hold": None}[entry["verdict"]]
    known = {name: float(share) for name, share in known_labels(entry).items() if share is not None}
    # Data sets often keep what a page had made of a comment.
    return html.unescape(text), label_truth(known, guidelines)
