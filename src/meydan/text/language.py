"""
Names the language of a comment, or says honestly that it does not know.

A false "en" is the worst error: an English model would judge, and could approve,
what it cannot read. So English must be shown twice, by the spelling of the words
(a linear model over letter n-grams) and by the words themselves (a list of
common ones); everything else needs the first only. The tables are in
`languages.npz`, learned by `learn.py`; figures in
docs/decisions/0005-language-identification.md.
"""

from __future__ import annotations

import json
import re
import threading
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from meydan.comment import UNKNOWN_LANGUAGE
from meydan.text._disguise import addresses
from meydan.text.fold import Folded, fold

NOTHING: Final = "zxx"
"""The class of letters that are no language: names alone, keyboard mash. Never answered; it becomes "und"."""

_TABLES: Final = Path(__file__).with_name("languages.npz")

_WORD = re.compile(r"[^\W_]+(?:'[^\W\d_]+)*")
_KANA = re.compile("[\u3041-\u30fa]")
_PRESENTATION_FORM = re.compile("[\ufb50-\ufefc]")
_RUN = re.compile(r"[^\W\d_]+")
_SENTENCE_END = re.compile(r"(?<=[.!?؟۔;؛…:،,–—-])\s|[。！？\n]")
_HANDLE = re.compile(r"[@#]\w+")
# Dropped before Arabic-script words are compared: vowel marks, tatweel and invisible characters.
_BARE: Final = dict.fromkeys(
    (
        *range(0x0610, 0x061B),
        *range(0x064B, 0x0660),
        *(0x0670, 0x0640, 0x00AD, 0x061C, 0xFEFF, 0x200B, 0x200D, 0x200E, 0x200F),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
    )
)

_LONGEST_WORD: Final = 40
_CACHED_WORDS: Final = 25_000

# Where scripts begin, by code point. "" is no script: letters here decide nothing.
_SCRIPTS: Final = (
    (0x0000, "Latn"),
    (0x02B0, ""),
    (0x0370, "el"),
    (0x0400, "Cyrl"),
    (0x0530, "hy"),
    (0x0590, "he"),
    (0x0600, "Arab"),
    (0x0700, "syr"),
    (0x0750, "Arab"),
    (0x0780, ""),
    (0x0860, "syr"),
    (0x0870, "Arab"),
    (0x0900, "hi"),
    (0x0980, "bn"),
    (0x0A00, "pa"),
    (0x0A80, "gu"),
    (0x0B00, "or"),
    (0x0B80, "ta"),
    (0x0C00, "te"),
    (0x0C80, "kn"),
    (0x0D00, "ml"),
    (0x0D80, "si"),
    (0x0E00, "th"),
    (0x0E80, "lo"),
    (0x0F00, "bo"),
    (0x1000, "my"),
    (0x10A0, "ka"),
    (0x1100, "ko"),
    (0x1200, "am"),
    (0x13A0, ""),
    (0x1780, "km"),
    (0x1800, "mn"),
    (0x18B0, ""),
    (0x1C80, "Cyrl"),
    (0x1C90, "ka"),
    (0x1CC0, ""),
    (0x1D00, "Latn"),
    (0x1F00, "el"),
    (0x2000, ""),
    (0x2C60, "Latn"),
    (0x2C80, ""),
    (0x2DE0, "Cyrl"),
    (0x2E00, ""),
    (0x3040, "ja"),
    (0x3100, ""),
    (0x3130, "ko"),
    (0x3190, ""),
    (0x31F0, "ja"),
    (0x3200, ""),
    (0x3400, "zh"),
    (0xA000, ""),
    (0xA640, "Cyrl"),
    (0xA6A0, ""),
    (0xA720, "Latn"),
    (0xA800, ""),
    (0xAC00, "ko"),
    (0xD800, ""),
    (0xF900, "zh"),
    (0xFB00, "Latn"),
    (0xFB13, "hy"),
    (0xFB1D, "he"),
    (0xFB50, "Arab"),
    (0xFE00, ""),
    (0xFE70, "Arab"),
    (0xFF00, ""),
    (0x20000, "zh"),
    (0x32000, ""),
)
_BEGINS: Final = [begin for begin, _ in _SCRIPTS]
_LEARNED: Final = ("Latn", "Arab", "Cyrl")
_BRAILLE = re.compile("[\u2801-\u28ff]{2}")

# How sure, before a tag is answered at all; how much a claim of the page weighs (log odds).
_SURE: Final = 0.5
_SURE_OF_ENGLISH: Final = 0.75
_SURE_OF_OTHER: Final = 0.9
_SURE_OF_FEW: Final = 0.97
_HINT: Final = 1.0
_EXPECTED: Final = 0.5


@dataclass(frozen=True, slots=True)
class Language:
    """
    What a text is written in.

    `tag` is one of comment.LANGUAGES, a neighbour's tag ("de", "ru", "he", …, also
    "ar-Latn" and "ckb-Latn" for Arabic and Sorani in Latin letters) or "und";
    `score` is in [0, 1]; `others` are the tags of substantial segments (a clause of
    three words, or twelve letters) in another language, in the order they appear.
    An unknown language among them is "und".
    """

    tag: str = UNKNOWN_LANGUAGE
    score: float = 0.0
    others: tuple[str, ...] = ()


def identify(text: str | Folded, hint: str | None = None, expected: Sequence[str] = ()) -> Language:
    """
    Name the language of a text.

    Args:
        text: as sent, or already folded (which spares folding it twice).
        hint: the language that the page claims. It tips a balance; clear text of
            another language is never overruled by it.
        expected: the publication's languages; each tips less than a hint.

    Returns:
        The language; never raises, "und" where nothing is clear enough.
    """
    folded = text if isinstance(text, Folded) else fold(text)
    found = _identify(folded, folded.text, hint, expected)
    if found.tag in _MAY_BE_MASKED and folded.unmasked is not folded:
        # A disguise hides English from the first look ("y0u are an 1d10t"). Only English
        # is believed here: undoing leet would spoil the digits that Arabizi writes with.
        second = _identify(folded, folded.unmasked.text, hint, expected)
        if second.tag == "en":
            return second
    return found


_MAY_BE_MASKED: Final = (UNKNOWN_LANGUAGE, "ar-Latn")


@dataclass(frozen=True, slots=True)
class _Guess:
    tag: str
    score: float
    known: float = 0.0


def _identify(folded: Folded, reading: str, hint: str | None, expected: Sequence[str]) -> Language:
    text = _without_addresses(reading)
    if text.isascii():
        quick = _evident_english(text)
        if quick is not None:
            return quick
    by_script = _words_by_script(text)
    if not by_script:
        return Language()
    script = max(by_script, key=lambda s: sum(map(len, by_script[s])))
    guess = _guess(script, by_script[script], folded, hint, expected)
    others: list[str] = []
    for segment in _segments(text, mixed=len(by_script) > 1):
        for other_script, words in _words_by_script(segment).items():
            if len(words) < 3 and sum(map(len, words)) < 12:
                continue
            tag = _other(other_script, words, folded, guess, main_script=script)
            if tag is not None and tag not in others:
                others.append(tag)
    if guess.tag == "en":
        for run in _unknown_runs(text):
            tag = _other("Latn", run, folded, guess, main_script=script)
            if tag is not None and tag not in others:
                others.append(tag)
    others.extend(tag for tag in _unread(text) if tag != guess.tag and tag not in others)
    return Language(guess.tag, round(guess.score, 4), tuple(others))


def _unread(text: str) -> list[str]:
    """
    What a text is partly in that is in no script of the languages that are told apart by their words, however short.

    A sentence in Chinese is one word of eight letters, and a threat has four. One letter may be drawing.
    """
    if text.isascii():
        return []
    letters: dict[str, int] = {}
    for word in _WORD.findall(text):
        for letter in word:
            if letter.isalpha():
                script = _SCRIPTS[bisect_right(_BEGINS, ord(letter)) - 1][1]
                letters[script] = letters.get(script, 0) + 1
    if "zh" in letters and ("ja" in letters or _KANA.search(text)):
        letters["ja"] = letters.get("ja", 0) + letters.pop("zh")
    if _BRAILLE.search(text):
        letters[""] = letters.get("", 0) + 2
    strange = (script for script, many in letters.items() if many > 1 and script not in _LEARNED)
    return [script or UNKNOWN_LANGUAGE for script in strange]


def _without_addresses(text: str) -> str:
    if "@" in text or "#" in text:
        text = _HANDLE.sub(" ", text)
    for begin, end in reversed(addresses(text)):
        text = f"{text[:begin]} {text[end:]}"
    return text


def _words_by_script(text: str) -> dict[str, list[str]]:
    """Words of a text by their script, where they have one; Chinese beside kana is Japanese."""
    found: dict[str, list[str]] = {}
    if text.isascii():
        words = [w for w in _WORD.findall(text) if not w.isdigit()]
        return {"Latn": words} if words else {}
    for word in _WORD.findall(text):
        first = word[0] if word[0].isalpha() else next((c for c in word if c.isalpha()), "")
        if first:
            script = "Latn" if first < "\u02b0" else _SCRIPTS[bisect_right(_BEGINS, ord(first)) - 1][1]
            if script:
                found.setdefault(script, []).append(word)
    if "zh" in found and ("ja" in found or _KANA.search(text)):
        found["ja"] = [*found.get("ja", ()), *found.pop("zh")]
    return found


def _guess(
    script: str,
    words: list[str],
    folded: Folded | None,
    hint: str | None = None,
    expected: Sequence[str] = (),
) -> _Guess:
    if script not in _LEARNED:
        # One letter may be drawing: the smile of a shrug is a Japanese one.
        return (
            _Guess(script, 0.95)
            if script == "zh" or sum(map(len, words)) > 1
            else _Guess(UNKNOWN_LANGUAGE, 0.5)
        )
    if script == "Arab" and folded is not None:
        words = _arabic_words(folded.original) or words
    table = _tables().of[script]
    scores = table.score(words)
    for tag, weight in ((hint, _HINT), *((e, _EXPECTED) for e in expected)):
        if tag in table.columns:
            scores[table.columns[tag]] += weight
    scores -= scores.max()
    chances = np.exp(scores)
    chances /= chances.sum()
    best = int(chances.argmax())
    tag, chance = table.tags[best], float(chances[best])
    if script == "Latn":
        return _english_or(tag, chance, words, chances, table, hint)
    return _Guess(tag, chance) if chance >= _SURE else _Guess(UNKNOWN_LANGUAGE, chance)


def _english_or(
    tag: str,
    chance: float,
    words: list[str],
    chances: NDArray[np.float32],
    table: _Table,
    hint: str | None,
) -> _Guess:
    tables = _tables()
    size = len(words)
    common = sum(word in tables.english for word in words)
    known = common / size
    # Words that English has and its neighbours do not: "in" and "come" are Italian, too.
    own = sum(word in tables.english and word not in tables.shared for word in words)
    if size > 3:
        sure = (
            tag == "en"
            and chance >= _SURE_OF_ENGLISH
            and known >= 0.4
            and (own >= 0.2 * size or (own > 0 and known >= 0.75 and chance >= _SURE_OF_FEW))
        )
    else:
        # Few letters say little, so nearly every word must say the same.
        if tag == "en":
            sure = (common == size and (own > 0 or chance >= _SURE_OF_ENGLISH)) or (
                own > 0 and 3 * common >= size and chance >= _SURE_OF_FEW
            )
        else:
            sure = own == size and chances[table.columns["en"]] >= 0.1
        # "No." is Spanish, too; under an English story it is taken for what it seems.
        sure = sure or (hint == "en" and common == size and chance < _SURE_OF_OTHER)
    if sure:
        return _Guess("en", max(0.55, float(chances[table.columns["en"]])), known)
    if tag in (NOTHING, "en") or chance < _SURE:
        return _Guess(UNKNOWN_LANGUAGE, chance, known)
    return _Guess(tag, chance, known)


def _other(script: str, words: list[str], folded: Folded, main: _Guess, *, main_script: str) -> str | None:
    """Return the tag of a segment if it is in another language than the text, else None."""
    if script not in _LEARNED:
        return script if script != main.tag else None
    guess = _guess(script, words, None)
    if script != main_script:
        # Another script is another language even where it is not known which.
        if guess.score < _SURE_OF_OTHER and guess.tag != "en":
            return UNKNOWN_LANGUAGE
        return guess.tag if guess.tag != main.tag else None
    if guess.tag in (main.tag, UNKNOWN_LANGUAGE) or guess.score < _SURE_OF_OTHER:
        if main.tag == "en" and guess.tag == UNKNOWN_LANGUAGE and len(words) >= 5 and guess.known < 0.2:
            return None if _are_names(words, folded) else UNKNOWN_LANGUAGE
        return None
    if main.tag == "en" and (guess.known > 0.34 or _are_names(words, folded)):
        return None
    return guess.tag


def _segments(text: str, *, mixed: bool) -> list[str]:
    """Sentences, lines and clauses; [] where there is only one, in one script."""
    parts = _SENTENCE_END.split(text)
    return parts if mixed or len(parts) > 1 else []


def _unknown_runs(text: str) -> list[list[str]]:
    """Stretches of an English text of at least three words and twelve letters without an English word."""
    english = _tables().english
    runs: list[list[str]] = []
    run: list[str] = []
    for word in [*_WORD.findall(text), "the"]:
        if word in english or word.isdigit() or word[0] >= "\u02b0":
            if len(run) >= 3 and sum(map(len, run)) >= 12:
                runs.append(run)
            run = []
        else:
            run.append(word)
    return runs


def _are_names(words: list[str], folded: Folded) -> bool:
    """Tell whether most of these words were sent with a capital in a text that is not all capitals."""
    if folded.original.isupper():
        return False
    wanted = set(words)
    seen = capital = 0
    for match in _RUN.finditer(folded.original):
        word = match.group()
        if word.lower() in wanted:
            seen += 1
            capital += word[0].isupper()
    return seen > 0 and capital * 3 >= seen * 2


def _evident_english(text: str) -> Language | None:
    """Answer at once where nearly every word is a common English one, or None."""
    words = _WORD.findall(text)
    if len(words) < 3:
        return None
    tables = _tables()
    english = tables.english
    known = plain = missed = 0
    for word in words:
        if word in english:
            known += 1
            plain += word in _UNMISTAKABLE
            missed = 0
        elif not word.isdigit():
            missed += 1
            if missed == 3:
                return None
    if known >= 0.7 * len(words) and plain and (plain > 1 or len(words) <= 12):
        return Language("en", 0.99)
    return None


def _arabic_words(original: str) -> list[str]:
    """Words in Arabic letters, as sent but for marks: folding makes ة and ه one, and they tell languages apart."""
    text = original.translate(_BARE)
    if _PRESENTATION_FORM.search(text):
        return []
    return [w for w in _WORD.findall(text) if "\u0600" <= w[0] <= "\u08ff" and not w.isdigit()]


_UNMISTAKABLE: Final = frozenset(
    [
        "the",
        "and",
        "are",
        "you",
        "this",
        "that",
        "they",
        "with",
        "have",
        "not",
        "what",
        "your",
        "from",
        "would",
        "been",
        "who",
        "which",
        "their",
        "there",
        "don't",
        "it's",
        "i'm",
        "should",
        "about",
        "because",
        "only",
        "does",
        "when",
        "where",
        "my",
        "his",
        "our",
        "why",
        "how",
        "them",
        "could",
        "than",
        "then",
        "these",
        "those",
        "we",
        "it",
        "isn't",
        "didn't",
        "can't",
        "won't",
        "you're",
        "they're",
        "we're",
        "that's",
        "what's",
        "there's",
        "i've",
        "i'll",
        "it'll",
        "he's",
        "she's",
        "were",
        "being",
        "before",
        "after",
        "every",
        "never",
        "always",
        "people",
        "think",
        "know",
        "want",
        "nothing",
        "anything",
        "something",
    ]
)


# ---- the learned tables -----------------------------------------------------


def grams(word: str) -> list[str]:
    """List what is counted of a word: its letters, its stretches of two to four with its edges, itself."""
    edged = f"_{word}_"
    size = len(edged)
    return [
        *word,
        *[edged[i : i + 2] for i in range(size - 1)],
        *[edged[i : i + 3] for i in range(size - 2)],
        *[edged[i : i + 4] for i in range(size - 3)],
        f"={word}",
    ]


class _Table:
    """One script's languages: weights of shape (n-grams, languages), and the words already scored."""

    def __init__(
        self, tags: list[str], vocabulary: list[str], weights: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> None:
        self.tags = tags
        self.columns = {tag: i for i, tag in enumerate(tags)}
        self._index = {gram: i for i, gram in enumerate(vocabulary)}
        self._weights = weights
        self._bias = bias
        # Two generations: when the younger is full the elder is forgotten, so that a flood of
        # invented words costs no more than scoring them, and common words are soon back.
        self._seen: dict[str, NDArray[np.float32]] = {}
        self._seen_before: dict[str, NDArray[np.float32]] = {}

    def score(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Log odds of each language, float32 of shape (languages,), for words of this script."""
        seen = self._seen
        rows = []
        for word in words:
            row = seen.get(word)
            if row is None:
                row = self._score_word(word)
            rows.append(row)
        total: NDArray[np.float32] = np.add.reduce(rows) + self._bias
        return total

    def _score_word(self, word: str) -> NDArray[np.float32]:
        row = self._seen_before.get(word)
        if row is None:
            index = self._index
            found = [i for gram in grams(word[:_LONGEST_WORD]) if (i := index.get(gram)) is not None]
            row = np.add.reduce(self._weights.take(found, axis=0)) if found else np.zeros_like(self._bias)
        if len(self._seen) >= _CACHED_WORDS:
            self._seen_before, self._seen = self._seen, {}
        self._seen[word] = row
        return row


@dataclass(frozen=True, slots=True)
class _Tables:
    """Every table, the common English words, and those of them that a neighbouring language has, too."""

    of: dict[str, _Table]
    english: frozenset[str]
    shared: frozenset[str]


_loading = threading.Lock()


@cache
def _load() -> _Tables:
    with np.load(_TABLES, allow_pickle=False) as stored:
        meta = json.loads(bytes(stored["meta"]).decode("utf-8"))
        of = {}
        for script, tags in meta["tags"].items():
            vocabulary = bytes(stored[f"{script}_vocabulary"]).decode("utf-8").split("\n")
            weights = stored[f"{script}_weights"].astype(np.float32) * np.float32(meta["scale"][script])
            of[script] = _Table(tags, vocabulary, weights, stored[f"{script}_bias"].astype(np.float32))
        english = frozenset(bytes(stored["english"]).decode("utf-8").split("\n"))
        shared = frozenset(bytes(stored["shared"]).decode("utf-8").split("\n"))
    return _Tables(of, english, shared)


def _tables() -> _Tables:
    if not _load.cache_info().currsize:
        with _loading:
            return _load()
    return _load()
