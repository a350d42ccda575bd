"""
Which of our own rows say, word for word, what a public test row says.

"I hate them all" is written by everybody. Whoever writes our rows has not read the tests, so such
rows are found afterwards and left out when rows are made: a test then measures what was never
learned. Kept are digests, no texts, in `corpus/coinciding.txt`.

    python -m meydan.train.coinciding --data FOLDER
    python -m meydan.train.corpus.generate
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from pathlib import Path

from meydan.train.corpus.generate import COINCIDING, HERE, languages_of, make, same_words


def coinciding(data: Path, folder: Path = HERE) -> list[str]:
    """
    The digests of the rows' words that are a test row's too, what is left out already among them, in order.

    Raises:
        FileNotFoundError: the data folder has no test rows.
    """
    with gzip.open(data / "test.jsonl.gz", "rt", encoding="utf-8") as lines:
        tested = {same_words(str(json.loads(line)["text"])) for line in lines}
    made = {
        same_words(str(row["text"]))
        for language in languages_of(folder)
        for rows in make(language, folder, every=True).values()
        for row in rows
    }
    return sorted(tested & made)


def main() -> None:
    """Write the list."""
    parser = argparse.ArgumentParser(description="List our own rows that are a public test's too, by digest.")
    parser.add_argument("--data", type=Path, required=True)
    found = coinciding(parser.parse_args().data)
    COINCIDING.write_text("".join(f"{digest}\n" for digest in found), "utf-8")
    sys.stdout.write(f"{len(found)} rows are left out.\n")


if __name__ == "__main__":
    main()
