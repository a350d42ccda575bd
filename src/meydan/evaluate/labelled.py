"""
Labelled rows as files hold them: what raters said, nothing concluded from it.

An absent label is unknown, never 0.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


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
