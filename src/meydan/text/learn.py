"""
Learns the tables of language.py: `python -m meydan.text.learn --data FOLDER`.

Two sources: the sentences in `data/`, written for this project, one file a
language; and, for English, Turkish, Arabic and French, labelled comments of the data
folder, of which only weights and a list of common English words remain.
Deterministic: the same files give the same bytes. Takes about a minute.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import json
import random
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meydan.comment import LANGUAGES
from meydan.text.fold import fold
from meydan.text.language import _BARE, _TABLES, _WORD, NOTHING, grams

_SENTENCES: Final = Path(__file__).with_name("data")
_GROUPS: Final = {"Arab": ("ar", "ckb", "fa", "kmr-Arab", "ps", "ur"), "Cyrl": ("bg", "ru", "uk")}
_FROM_COMMENTS: Final = {"en": 20_000, "tr": 8_000, "ar": 3_000, "fr": 2_000}
_NOT_WORDS = re.compile(r"https?\S+|@\w+|&\w+;|#\w+|\bURL\b|\bUSER\b|\bRT\b")
_LARGEST: Final = 45_000
_LEAST_ENGLISH: Final = 8

# Named in every language alike, so that a name never decides.
_NAMES: Final = [
    "erbil",
    "hewlêr",
    "duhok",
    "dohuk",
    "kirkuk",
    "mosul",
    "baghdad",
    "barzani",
    "talabani",
    "masrour",
    "nechirvan",
    "bafel",
    "öcalan",
    "erdoğan",
    "erdogan",
    "ağrı",
    "van",
    "diyarbakır",
    "istanbul",
    "ankara",
    "sudani",
    "maliki",
    "sadr",
    "kadhimi",
    "halabja",
    "sinjar",
    "shingal",
    "rojava",
    "kobani",
    "zakho",
    "sulaymaniyah",
    "slemani",
    "pkk",
    "kdp",
    "puk",
    "krg",
    "isis",
    "daesh",
    "trump",
    "biden",
    "putin",
    "netanyahu",
    "iran",
    "iraq",
    "syria",
    "turkey",
    "karwan",
    "azad",
    "hiwa",
    "rebwar",
    "ahmed",
    "mohammed",
    "ali",
    "hassan",
    "fatima",
    "zana",
    "soran",
    "imamoğlu",
    "demirtaş",
    "mazlum",
    "abdi",
    "kani",
]

_ARABIC_OF: Final = dict(
    zip(
        "abcçdeêfghiîjklmnopqrsştuûvwxyz",
        [
            "ا",
            "ب",
            "ج",
            "چ",
            "د",
            "ە",
            "ێ",
            "ف",
            "گ",
            "ه",
            "-",
            "ی",
            "ژ",
            "ک",
            "ل",
            "م",
            "ن",
            "ۆ",
            "پ",
            "ق",
            "ر",
            "س",
            "ش",
            "ت",
            "و",
            "وو",
            "ڤ",
            "و",
            "خ",
            "ی",
            "ز",
        ],
        strict=True,
    )
) | {"i": ""}


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn the tables and write them beside this module."""
    parser = argparse.ArgumentParser(prog="python -m meydan.text.learn", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the data folder, with train.jsonl.gz")
    parser.add_argument("--out", type=Path, default=_TABLES)
    options = parser.parse_args(arguments)
    write_tables(learn_tables(options.data), options.out)


def learn_tables(data: Path) -> dict[str, Any]:
    """Learn every table from the sentences here and the labelled comments in `data`."""
    chance = random.Random(7)  # noqa: S311 - repeatable on purpose
    own = read_sentences()
    comments, english, foreign = read_comments(data / "train.jsonl.gz", chance)
    lines = {tag: own[tag] * 16 + comments[tag] if tag in comments else own[tag] for tag in own}
    groups = dict(_GROUPS)
    rest = tuple(sorted(tag for tag in own if not any(tag in tags for tags in _GROUPS.values())))
    groups["Latn"] = (*rest, NOTHING)
    arrays: dict[str, Any] = {}
    meta: dict[str, Any] = {"tags": {}, "scale": {}}
    for script, tags in sorted(groups.items()):
        examples: list[list[str]] = []
        answers: list[int] = []
        for column, tag in enumerate(tags):
            if tag == NOTHING:
                new = _gibberish([w for t in rest for line in own[t][:100] for w in line], 3000, chance)
            else:
                new = _snippets(
                    tag, lines[tag], 14_000 if tag == "en" else 7000 if tag in LANGUAGES else 2500, chance
                )
            examples += new
            answers += [column] * len(new)
        vocabulary, weights, bias = _fit(examples, np.array(answers), len(tags))
        scale = float(np.abs(weights).max()) / 127
        meta["tags"][script] = list(tags)
        meta["scale"][script] = scale
        arrays[f"{script}_vocabulary"] = _bytes_of(vocabulary)
        arrays[f"{script}_weights"] = np.rint(weights / scale).astype(np.int8)
        arrays[f"{script}_bias"] = bias
    written = {word for tag in rest if tag != "en" for line in own[tag] for word in line}
    foreign |= written | {_bare(word) for word in written}
    kept = sorted(w for w, n in english.items() if n >= _LEAST_ENGLISH and (n >= 40 or w not in foreign))
    kept = sorted({*kept, *(w for line in own["en"] for w in line)})
    arrays["english"] = _bytes_of(kept)
    arrays["shared"] = _bytes_of(sorted(w for w in kept if w in foreign))
    arrays["meta"] = np.frombuffer(json.dumps(meta, sort_keys=True).encode("utf-8"), np.uint8)
    return arrays


def write_tables(arrays: dict[str, Any], path: Path) -> None:
    """Write learned tables as one compressed file."""
    np.savez_compressed(path, **arrays)


def read_sentences() -> dict[str, list[list[str]]]:
    """Read our own sentences: words of each line, by tag. Kurmanji is also read into Arabic letters."""
    own = {
        path.stem: [
            words for line in path.read_text(encoding="utf-8").splitlines() if (words := words_of(line))
        ]
        for path in sorted(_SENTENCES.glob("*.txt"))
    }
    own["kmr-Arab"] = own["kmr-Arab"] * 2 + [[in_arabic_letters(w) for w in line] for line in own["kmr-Latn"]]
    return own


def read_comments(
    path: Path, chance: random.Random
) -> tuple[dict[str, list[list[str]]], collections.Counter[str], set[str]]:
    """
    Read words of labelled comments.

    Returns:
        lines of words by tag; English words that two sources use, with the number
        of comments that do; and words that Turkish or French use as often.
    """
    found: dict[str, list[list[str]]] = {tag: [] for tag in _FROM_COMMENTS}
    counts: dict[str, collections.Counter[str]] = {tag: collections.Counter() for tag in _FROM_COMMENTS}
    sources: dict[str, set[str]] = collections.defaultdict(set)
    with gzip.open(path, "rt", encoding="utf-8") as rows:
        for row in map(json.loads, rows):
            tag = row["lang"]
            # English has enough that may be passed on; weakly labelled Turkish is not all Turkish.
            if (
                tag not in found
                or (tag == "en" and row["redistribute"] != "yes")
                or row["source"] == "lingda_tr"
            ):
                continue
            words = words_of(_NOT_WORDS.sub(" ", row["text"]))
            if len(words) >= 3:
                found[tag].append(words[:40])
            counts[tag].update(set(words))
            if tag == "en":
                for word in words:
                    sources[word].add(row["source"])
    size = {tag: len(lines) for tag, lines in found.items()}
    english = collections.Counter(
        {w: n for w, n in counts["en"].items() if len(sources[w]) > 1 and w.isascii()}
    )
    foreign = {
        word
        for tag in ("tr", "fr")
        for word, n in counts[tag].items()
        if n >= 5 and n / size[tag] > 0.2 * english[word] / size["en"]
    }
    for tag, most in _FROM_COMMENTS.items():
        chance.shuffle(found[tag])
        del found[tag][most:]
    return found, english, foreign


def words_of(text: str) -> list[str]:
    """Split a text into words as language.py does."""
    plain = text.translate(_BARE)
    if not any("\u0600" <= c <= "\u08ff" for c in plain):
        plain = fold(plain).text
    return [w for w in _WORD.findall(plain) if not w.isdigit()]


def _snippets(tag: str, lines: list[list[str]], count: int, chance: random.Random) -> list[list[str]]:
    """Cut stretches of one to twenty words, spelled as carelessly as readers spell them."""
    latin = not any(tag in tags for tags in _GROUPS.values())
    arabic = tag in _GROUPS["Arab"]
    out = []
    for _ in range(count):
        line = chance.choice(lines)
        size = chance.choice((1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 10, 12, 20))
        if len(line) > size:
            begin = chance.randrange(len(line) - size + 1)
            line = line[begin : begin + size]
        if latin and tag != "en" and chance.random() < 0.3:
            line = [_bare(word) for word in line]
        if arabic and chance.random() < 0.3:
            line = _respelled(line, "يكةأإ\u200c", "یکهاا")
        if tag in ("ckb", "kmr-Arab", "fa") and chance.random() < 0.2:
            line = _respelled(line, "یک", "يك")
        if tag in ("ckb", "kmr-Arab") and chance.random() < 0.15:
            line = _respelled(line, "ەێۆڕڵ", "هیورل")
        if latin and chance.random() < 0.15:
            line = [*line, chance.choice(_NAMES)]
        out.append([word for word in line if word])
    return out


def _gibberish(words: list[str], count: int, chance: random.Random) -> list[list[str]]:
    out = []
    for _ in range(count):
        line = []
        for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
            kind = chance.random()
            if kind < 0.25:
                line.append(chance.choice(_NAMES))
            elif kind < 0.6:
                letters = list(chance.choice(words))
                chance.shuffle(letters)
                line.append("".join(letters))
            else:
                line.append("".join(chance.choices("asdfghjklqwertyuiopzxcvbnm", k=chance.randint(1, 9))))
        out.append(line)
    return out


def _respelled(line: Iterable[str], old: str, new: str) -> list[str]:
    table = str.maketrans(old[: len(new)], new, old[len(new) :])
    return [word.translate(table) for word in line]


def _bare(word: str) -> str:
    plain = word.translate(str.maketrans("ıəøđł", "ieodl"))
    return "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))


def in_arabic_letters(word: str) -> str:
    """A Kurmanji word in small Latin letters as Duhok writes it, nearly."""
    written = "".join(_ARABIC_OF.get(c, "") for c in word)
    return "ئ" + written if word[0] in "aeêiîouû" else written


def _bytes_of(words: Iterable[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(words).encode("utf-8"), np.uint8)


def _fit(
    examples: list[list[str]], answers: NDArray[np.int64], size: int
) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32]]:
    """Fit a softmax regression over n-grams (AdaGrad); weights of shape (n-grams, languages)."""
    from scipy.sparse import csr_matrix  # only learning needs it

    counted = [collections.Counter(g for word in line for g in grams(word)) for line in examples]
    spread: collections.Counter[str] = collections.Counter()
    for counts in counted:
        spread.update(counts.keys())
    # Ties are broken by spelling, so that the result does not depend on the order of reading.
    ranked = sorted(spread.items(), key=lambda item: (-item[1], item[0]))
    vocabulary = [gram for gram, n in ranked[:_LARGEST] if n >= 4]
    index = {gram: i for i, gram in enumerate(vocabulary)}
    rows, columns, values = [], [], []
    for i, counts in enumerate(counted):
        for gram, n in counts.items():
            if gram in index:
                rows.append(i)
                columns.append(index[gram])
                values.append(n)
    features = csr_matrix(
        (np.array(values, np.float32), (rows, columns)), shape=(len(examples), len(vocabulary))
    )
    share = np.bincount(answers, minlength=size)
    importance = (len(answers) / size / share)[answers] ** 0.5
    weights = np.zeros((len(vocabulary), size), np.float32)
    bias = np.zeros(size, np.float32)
    squares, bias_squares = np.full_like(weights, 1e-3), np.full_like(bias, 1e-3)
    order = np.random.default_rng(1)
    passes = 8
    for done in range(passes):
        rate = 0.25 * (1 - done / (passes + 1))
        shuffled = order.permutation(len(examples))
        for begin in range(0, len(examples), 512):
            batch = shuffled[begin : begin + 512]
            part = features[batch]
            scores = part @ weights + bias
            scores -= scores.max(axis=1, keepdims=True)
            wrong = np.exp(scores)
            wrong /= wrong.sum(axis=1, keepdims=True)
            wrong[np.arange(len(batch)), answers[batch]] -= 1
            wrong *= (importance[batch] / len(batch))[:, None].astype(np.float32)
            slope = part.T @ wrong + 2e-6 * weights
            squares += slope * slope
            weights -= rate * slope / np.sqrt(squares)
            bias_slope = wrong.sum(axis=0)
            bias_squares += bias_slope * bias_slope
            bias -= rate * bias_slope / np.sqrt(bias_squares)
    return vocabulary, weights, bias


if __name__ == "__main__":
    main()
