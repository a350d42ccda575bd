"""
Labelled rows to measure with: what raters said, nothing concluded from it.

An absent label is unknown (NaN), never 0.
"""

from __future__ import annotations

import gzip
import html
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SELF_WRITTEN = "self-written"
"""The source name of rows that this project wrote."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """
    n texts and what is known of them.

    `values[name]` is float32 (n,): a share of raters in [0, 1], NaN where unknown.
    `groups` names what rows have in common (template, article); such rows are not
    independent. `kinds` is a test suite's own name for what a row tries, or "".
    """

    texts: tuple[str, ...]
    sources: NDArray[np.str_]
    groups: NDArray[np.str_]
    kinds: NDArray[np.str_]
    values: Mapping[str, NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.texts)

    def where(self, keep: Callable[[str], bool]) -> Labelled:
        """The rows of the sources that `keep` accepts."""
        rows = np.flatnonzero([keep(str(source)) for source in self.sources])
        return Labelled(
            tuple(self.texts[i] for i in rows),
            self.sources[rows],
            self.groups[rows],
            self.kinds[rows],
            {name: values[rows] for name, values in self.values.items()},
        )


def load_rows(path: Path, *, language: str = "en", split: str | None = None, source: str = "") -> Labelled:
    """
    Read labelled rows, *.jsonl or *.jsonl.gz.

    Args:
        split: only rows of this split; None takes all.
        source: the name of rows that carry none.

    Raises:
        OSError, ValueError: the file is missing, or a line is not a labelled row.
    """
    return _labelled(
        {"source": source, **entry}
        for entry in read_entries(path)
        if entry["lang"] == language and split in (None, entry["split"])
    )


def read_entries(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a *.jsonl or *.jsonl.gz file, in its order."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def known_labels(entry: Mapping[str, Any]) -> dict[str, float]:
    """The labels of an entry that can be relied on."""
    labels = dict(entry["labels"])
    # Its rows without toxic spans were never judged clean.
    if entry.get("source") == "toxic_spans" and labels.get("toxic", 1) < 0.5:
        del labels["toxic"]
    return labels


def join(parts: Iterable[Labelled]) -> Labelled:
    """Rows one after another; a label that a part does not know is unknown there."""
    parts = list(parts)
    names = {name: None for part in parts for name in part.values}
    return Labelled(
        tuple(text for part in parts for text in part.texts),
        np.concatenate([part.sources for part in parts]) if parts else np.zeros(0, np.str_),
        np.concatenate([part.groups for part in parts]) if parts else np.zeros(0, np.str_),
        np.concatenate([part.kinds for part in parts]) if parts else np.zeros(0, np.str_),
        {
            name: np.concatenate(
                [part.values.get(name, np.full(len(part), np.nan, np.float32)) for part in parts]
            )
            for name in names
        },
    )


def _labelled(entries: Iterable[Mapping[str, Any]]) -> Labelled:
    entries = list(entries)
    known = [known_labels(entry) for entry in entries]
    names = {name: None for entry in entries for name in entry["labels"]}
    values = {name: np.array([labels.get(name, np.nan) for labels in known], np.float32) for name in names}
    return Labelled(
        tuple(html.unescape(str(entry["text"])) for entry in entries),
        np.array([entry["source"] for entry in entries], np.str_),
        np.array([_group_of(entry, i) for i, entry in enumerate(entries)], np.str_),
        np.array([str((entry.get("meta") or {}).get("functionality", "")) for entry in entries], np.str_),
        values,
    )


def _group_of(entry: Mapping[str, Any], number: int) -> str:
    meta = entry.get("meta") or {}
    return str(meta.get("template") or entry.get("group") or f"{entry['source']}:{number}")
