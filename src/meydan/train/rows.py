"""
Labelled rows: read, repaired, completed where that is safe.

An absent label is unknown, never 0. What is known to be wrong with a source is
put right here, once, and nowhere else; docs/model-card.md lists it.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from meydan.comment import RULE_LABELS

HEADS: Final = (*RULE_LABELS, "toxic", "hate")
"""Every label that can be learned, in the order of the model's columns."""

GROUP_HATE: Final = (
    "sexism",
    "racism",
    "homophobia",
    "xenophobia",
    "religion_hate",
    "disability_hate",
)

OWN: Final = "meydan"
"""The source name of rows that this project wrote."""

WRITTEN: Final = "-written-"
"""What the names of files have in them whose sentences were written one by one, and not made from templates."""


@dataclass(frozen=True, slots=True)
class Row:
    """
    One text and what is known of it.

    `labels` maps names of HEADS (and "constructive", for who asks) to a share of raters in [0, 1]; `assumed` holds the
    names whose value was concluded from another label rather than given by a rater.
    """

    text: str
    language: str
    source: str
    labels: Mapping[str, float]
    licence: str = ""
    assumed: frozenset[str] = frozenset()
    group: str | None = None
    id: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """How far a source is believed: `weight` multiplies its rows, `clean_is_clean` lets a clean row speak for every label."""

    weight: float = 1.0
    clean_is_clean: bool = True
    no_promotion: bool = False


SOURCES: Final[Mapping[str, Source]] = {
    # "Offensive" is mostly swearing, with a known bias against African American English.
    "davidson": Source(weight=0.3),
    "context_toxicity": Source(weight=0.7, no_promotion=True),
    # Rows without a toxic label are unreliable as negatives of toxic; the shares of raters hold.
    "toxic_spans": Source(weight=1.5, no_promotion=True),
    "paradetox": Source(weight=0.6, no_promotion=True),
    "fox_news": Source(weight=0.5),
    "jigsaw_samples": Source(no_promotion=True),
    "surge_toxicity": Source(weight=1.5, no_promotion=True),
    # Harsh jokes about emoji are "not hateful", which says nothing about swearing.
    "hatemoji_build": Source(clean_is_clean=False),
    "edos": Source(weight=0.8, clean_is_clean=False),
    "guest_misogyny": Source(weight=0.7, clean_is_clean=False),
    "stormfront": Source(weight=0.7, clean_is_clean=False),
    "hatexplain": Source(weight=0.7),
    "mlma": Source(weight=0.4),
    "toxigen_demos": Source(weight=1.0),
    "sms_spam": Source(weight=0.7),
    "youtube_spam": Source(weight=1.5),
    "lingda_tr": Source(weight=0.3),
    OWN: Source(weight=4.0),
}
"""Sources by name; one that is not listed counts as Source()."""

_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_SPLIT_NOT = re.compile(r"\s+n(['’])t\b", re.IGNORECASE)
_RETWEET = re.compile(r"\bRT\b:?")


def read_rows(data: Path, split: str, languages: frozenset[str]) -> Iterator[Row]:
    """
    The rows of `data`/`split`.jsonl.gz in the given languages, in file order.

    Raises:
        FileNotFoundError: there is no such file in the folder.
        ValueError: a line is not a labelled row.
    """
    with gzip.open(data / f"{split}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry["lang"] in languages:
                yield _row_of(entry, str(entry["source"]))


def read_own(
    folder: Path, split: str, languages: frozenset[str], names: tuple[str, ...] = HEADS
) -> Iterator[Row]:
    """
    The rows that this project wrote: every *.jsonl in `folder`, by file name; none when there is no file.

    Args:
        names: the labels that are kept; the folder `constructive` has one more than HEADS.
    """
    for path in sorted(folder.glob("*.jsonl")):
        yield from read_own_file(path, split, languages, names)


def read_own_file(
    path: Path, split: str, languages: frozenset[str], names: tuple[str, ...] = HEADS
) -> Iterator[Row]:
    """The rows of one file that this project wrote; see `read_own`."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip():
            entry = json.loads(line)
            if entry["split"] == split and entry["lang"] in languages:
                yield _row_of(entry, OWN, names)


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as decisions and manifests write it."""
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def files_of(data: Path, own: Path) -> list[dict[str, Any]]:
    """What a model was trained on, for its manifest: each file with its digest, and whether it is our own."""
    ours = [path for folder in (own, own / "constructive") for path in sorted(folder.glob("*.jsonl"))]
    return [
        {
            "file": path.relative_to(own).as_posix() if path in ours else path.name,
            "digest": digest_of_file(path),
            "own": path in ours,
        }
        for path in (data / "train.jsonl.gz", data / "dev.jsonl.gz", *ours)
    ]


def sources_of(taught: Sequence[Row], held_out: Sequence[Row]) -> list[dict[str, Any]]:
    """Each source with its licence and its numbers of rows, our own first."""
    licences = {row.source: row.licence for row in (*taught, *held_out)}
    numbers = (Counter(row.source for row in taught), Counter(row.source for row in held_out))
    return [
        {"source": name, "licence": licences[name], "train": numbers[0][name], "dev": numbers[1][name]}
        for name in sorted(licences, key=lambda name: (name != OWN, name))
    ]


def positives_of(rows: Sequence[Row], name: str) -> int:
    """How many rows breach a label."""
    return sum(row.labels.get(name, 0.0) >= 0.5 for row in rows)


def _row_of(entry: Mapping[str, Any], source: str, names: tuple[str, ...] = HEADS) -> Row:
    labels = {name: float(share) for name, share in entry["labels"].items() if name in names}
    assumed: set[str] = set()
    trust = SOURCES.get(source, Source())

    def conclude(names: tuple[str, ...]) -> None:
        for name in names:
            if name not in labels:
                labels[name] = 0.0
                assumed.add(name)

    if source == "toxic_spans":
        labels = {name: share for name, share in labels.items() if name != "toxic" or share >= 0.5}
    if labels.get("hate") == 0.0 and source not in ("davidson", "mlma", "hatexplain"):
        # Nothing hateful about any group means nothing hateful about each of them.
        conclude(GROUP_HATE)
    if labels.get("toxic") == 0.0 and trust.clean_is_clean:
        conclude((*(name for name in RULE_LABELS if name != "promotion"), "hate"))
    if any(labels.get(name, 0.0) >= 0.5 for name in GROUP_HATE):
        for name in ("hate", "toxic"):
            if name not in labels:
                labels[name] = 1.0
                assumed.add(name)
    if trust.no_promotion:
        conclude(("promotion",))
    return Row(
        text=_repaired(str(entry["text"]), source),
        language=str(entry["lang"]),
        source=source,
        labels=labels,
        licence="Apache-2.0 (written by this project)" if source == OWN else str(entry.get("licence", "")),
        assumed=frozenset(assumed),
        group=entry.get("group"),
        id=str(entry.get("id", "")),
    )


def _repaired(text: str, source: str) -> str:
    """Undo what a collection did to its texts, so that no model learns the collection."""
    if source == OWN:
        return text
    text = _ESCAPED.sub(lambda match: chr(int(match.group(1), 16)), text)
    text = html.unescape(text)
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = _RETWEET.sub(" ", text)
    return _SPLIT_NOT.sub(r"n\1t", text)
