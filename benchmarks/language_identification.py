"""
Which language is it? Our identifier beside two libraries, on sentences none was trained on.

    python benchmarks/language_identification.py [--data FOLDER]

Libraries that are not installed are left out (`pip install py3langid
lingua-language-detector` brings both). With the data folder, also the share of
its non-English comments that each would hand to an English judge, and of its
English ones that each would keep from it. Prints tables; changes nothing.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import importlib.util
import json
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from meydan.text import identify

CASES = Path(__file__).parents[1] / "tests" / "text" / "language_cases.jsonl"
MAIN = ("en", "tr", "kmr-Latn", "ckb", "kmr-Arab", "ar", "fa")
PER_SOURCE = 1000
# What a library that knows no scripts or dialects of Kurdish may call it.
ACCEPTED = {"kmr-Latn": {"kmr-Latn", "ku"}, "kmr-Arab": {"kmr-Arab", "ku"}, "ckb": {"ckb", "ku"}}

Namer = Callable[[str], str]


def namers() -> dict[str, Namer]:
    """Every identifier that can be measured here, by name."""
    found: dict[str, Namer] = {"meydan": lambda text: identify(text).tag}
    if importlib.util.find_spec("py3langid"):
        import py3langid

        found["py3langid"] = lambda text: str(py3langid.classify(text)[0])
    if importlib.util.find_spec("lingua"):
        from lingua import LanguageDetectorBuilder

        detector = LanguageDetectorBuilder.from_all_languages().build()

        def lingua(text: str) -> str:
            language = detector.detect_language_of(text)
            return language.iso_code_639_1.name.lower() if language else "und"

        found["lingua"] = lingua
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="the data folder, with dev.jsonl.gz and test.jsonl.gz")
    options = parser.parse_args(arguments)
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    measured = namers()
    for part in ("development", "held-out"):
        chosen = [case for case in cases if case["part"] == part and case["set"] in ("plain", "not-english")]
        print(f"\n{part}: right answers, of sentences")
        print("".join(f"{head:>14}" for head in ("", "n", *measured)))
        for tag in MAIN:
            texts = [case["text"] for case in chosen if case["tag"] == tag]
            right = [
                sum(name(text) in ACCEPTED.get(tag, {tag}) for text in texts) for name in measured.values()
            ]
            print("".join(f"{cell:>14}" for cell in (tag, len(texts), *right)))
        foreign = [
            case["text"]
            for case in chosen
            if case["tag"] != "en" and any("a" <= c <= "z" for c in case["text"].lower())
        ]
        wrong = [sum(name(text) == "en" for text in foreign) for name in measured.values()]
        print("".join(f"{cell:>14}" for cell in ("false en", len(foreign), *wrong)))
    texts = [case["text"] for case in cases] * 3
    print("\ntexts a second, one core, of the sentences above")
    for title, name in measured.items():
        begin = time.process_time()
        for text in texts:
            name(text)
        print(f"{title:>14}{len(texts) / (time.process_time() - begin):>14.0f}")
    if options.data:
        _comments(options.data, measured)


def _comments(data: Path, measured: dict[str, Namer]) -> None:
    print("\ncomments of the data folder called English, per cent")
    print("".join(f"{head:>28}" if not i else f"{head:>12}" for i, head in enumerate(("", "n", *measured))))
    for part in ("dev", "test"):
        texts: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
        with gzip.open(data / f"{part}.jsonl.gz", "rt", encoding="utf-8") as rows:
            for row in map(json.loads, rows):
                if row["lang"] == "en" or row["lang"] not in ("zh", "hi"):
                    texts[(row["lang"], row["source"])].append(row["text"])
        for (tag, source), found in sorted(texts.items()):
            random.Random(1).shuffle(found)
            found = found[:PER_SOURCE]
            shares = [
                100 * sum(name(text) == "en" for text in found) / len(found) for name in measured.values()
            ]
            print(
                f"{f'{part} {tag} {source}':>28}{len(found):>12}"
                + "".join(f"{share:>12.2f}" for share in shares)
            )


if __name__ == "__main__":
    main()
