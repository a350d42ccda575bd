"""
What the shipped calibration rests on: development rows whose truth the guidelines settle.

Our own development rows, written to the guidelines; the sentences that languages are told
apart by, as `corpus/sentences/verdicts.toml` judges them, few of which are training rows
too; and from the collections what every rater found clean, so that other people's writing
counts too. The violations of the collections do not: what raters called toxic, no guideline
may forbid.

Rows of one template with the same labels stand or fall together, and share a `group`.

    python -m meydan.train.known --data FOLDER --out development-rows.jsonl
    meydan calibrate --from development-rows.jsonl --out src/meydan/judge/models/calibration.json
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from meydan import text
from meydan.comment import RULE_LABELS
from meydan.train.rows import read_own, read_rows

CORPUS: Final = Path(__file__).parent / "corpus"
LANGUAGES: Final = frozenset({"en", "ar", "tr", "ckb", "kmr-Latn", "kmr-Arab"})
SENTENCES: Final = Path(text.__file__).parent / "data"
VERDICTS: Final = CORPUS / "sentences" / "verdicts.toml"
CLEAN: Final = frozenset({"context_toxicity", "fox_news", "surge_toxicity", "jigsaw_samples"})
"""Collections of comments in which clean means clean; the others ask about one kind of abuse only."""


def known_rows(data: Path, own: Path = CORPUS) -> Iterator[dict[str, str]]:
    """`text`, `lang`, `verdict` (approve or reject) and, where several share one, `group` of each row."""
    for row in read_own(own, "dev", LANGUAGES):
        breached = [label for label in RULE_LABELS if row.labels.get(label, 0.0) >= 0.5]
        verdict = "reject" if breached else "approve"
        group = "/".join((row.language, row.group or row.text, *breached))
        yield {"text": row.text, "lang": row.language, "verdict": verdict, "group": group}
    verdicts = tomllib.loads(VERDICTS.read_text(encoding="utf-8"))
    for language in sorted(LANGUAGES):
        rejected, unclear = verdicts[language]["reject"], verdicts[language]["unclear"]
        for line in (SENTENCES / f"{language}.txt").read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#") and line not in unclear:
                verdict = "reject" if line in rejected else "approve"
                yield {"text": line, "lang": language, "verdict": verdict}
    for row in read_rows(data, "dev", LANGUAGES):
        if row.source in CLEAN and row.labels.get("toxic") == 0.0:
            yield {"text": row.text, "lang": row.language, "verdict": "approve"}


def main() -> None:
    """Write the file that the calibration is made from."""
    parser = argparse.ArgumentParser(description="Development rows with a known verdict, as JSON Lines.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    with given.out.open("w", encoding="utf-8") as lines:
        for row in known_rows(given.data):
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
