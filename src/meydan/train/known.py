"""
What the shipped calibration rests on: development rows whose truth the guidelines settle.

Our own development rows, written to the guidelines, those that allege a crime to be held, which no calibration counts; the sentences that languages are told
apart by, as `corpus/sentences/verdicts.toml` judges them, few of which are training rows
too; and from the collections what every rater found clean, so that other people's writing
counts too. The violations of the collections do not: what raters called toxic, no guideline
may forbid. The sentences written one by one are hard on purpose, violations without a bad word
beside innocent ones full of them: bounds that hold on them are on the safe side.

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
from meydan.judge.encoder import ALLEGATION
from meydan.judge.reading import as_written
from meydan.train.rows import WRITTEN, read_own, read_own_file, read_rows

CORPUS: Final = Path(__file__).parent / "corpus"
LANGUAGES: Final = frozenset({"en", "ar", "tr", "ckb", "kmr-Latn", "kmr-Arab"})
SENTENCES: Final = Path(text.__file__).parent / "data"
VERDICTS: Final = CORPUS / "sentences" / "verdicts.toml"
CLEAN: Final = frozenset(
    {"context_toxicity", "fox_news", "surge_toxicity", "jigsaw_samples", "offenseval_tr", "mpold"}
)
"""Collections of comments in which clean means clean; the others ask about one kind of abuse only."""

NOT_CLEAN: Final = frozenset(
    {
        "surge_toxicity:754",
        "surge_toxicity:909",
        "context_toxicity:gc235160570.34000.34000",
        "context_toxicity:gc244637955.56731.56731",
        "context_toxicity:gc733003516.1122.1122",
        "context_toxicity:gc830872241.51183.51183",
        "context_toxicity:gc87493343.37332.37332",
        "context_toxicity:gn561802156.8132.8132",
        "mpold:2989",
        "offenseval_tr:16124",
        "offenseval_tr:16892",
        "offenseval_tr:18757",
        "offenseval_tr:27308",
        "offenseval_tr:33596",
        "offenseval_tr:35827",
        "offenseval_tr:39535",
        "offenseval_tr:42443",
    }
)
"""
Rows among them that swear, advertise or slight a people, which their raters were not asked about.

Every row of these collections that the judge rejects was read by hand; those it does not reject
cannot count against it.
"""


UNCLEAR: Final = frozenset(
    {
        'He is what my grandmother called a "lamp without oil".',
        "It's not racism, it's zoology.",
        "The goat was the most natural thing in the photo.",
        "Well, what else will they grow into? You don't water thistles and wait for wheat.",
        "Two crows and a raven had tea.",
        "Don't you think? Ever?",
    }
)
"""
Sentences written one by one that breach a rule beside their twins and name neither target nor act without them.

Those English violations were read that the judge found least in; the rest of them stand.
"""


def known_rows(data: Path, own: Path = CORPUS) -> Iterator[dict[str, str]]:
    """`text`, `lang`, `verdict` (approve, reject or hold) and, where several share one, `group` of each row."""
    learned = {as_written(row.text) for row in read_own(own, "train", LANGUAGES)}
    for path in sorted(own.glob("*.jsonl")):
        for row in read_own_file(path, "dev", LANGUAGES, (*RULE_LABELS, ALLEGATION)):
            if row.text in UNCLEAR:
                continue
            breached = [label for label in RULE_LABELS if row.labels.get(label, 0.0) >= 0.5]
            verdict = "reject" if breached else "hold" if row.labels.get(ALLEGATION) else "approve"
            # What was written one by one stands for itself.
            same = row.text if WRITTEN in path.name else row.group or row.text
            group = "/".join((row.language, same, *breached))
            yield {"text": row.text, "lang": row.language, "verdict": verdict, "group": group}
    verdicts = tomllib.loads(VERDICTS.read_text(encoding="utf-8"))
    for language in sorted(LANGUAGES):
        rejected, unclear = verdicts[language]["reject"], verdicts[language]["unclear"]
        for line in (SENTENCES / f"{language}.txt").read_text(encoding="utf-8").splitlines():
            stands = line.strip() and not line.startswith("#") and line not in unclear
            if stands and as_written(line) not in learned:
                verdict = "reject" if line in rejected else "approve"
                yield {"text": line, "lang": language, "verdict": verdict}
    for row in read_rows(data, "dev", LANGUAGES):
        if row.source in CLEAN and row.labels.get("toxic") == 0.0 and row.id not in NOT_CLEAN:
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
