"""
The fast tier: hashed words and letter groups, one linear weight per label.

Reads folded text, answers calibrated probabilities; numpy only, and total on
any str. Every label is read from the text without the names of groups, so that
naming a people never counts as abusing it; hatred of one group is hatred there,
and that group in the whole text. What it was trained on and how well it does:
docs/model-card.md.

The model is two files: `manifest.json` (labels, scales, calibration, where it
comes from) and the weights it names, checked against its SHA-256 when loaded.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meydan.comment import GROUNDS, RULE_LABELS
from meydan.errors import BadModel
from meydan.judge.groups import BLANK, COMPANIONS, GROUP_NAMES, without_names

SHIPPED: Final = Path(__file__).parent / "models" / "fast"
"""The model that comes with the program."""

AUX_LABELS: Final = ("toxic", "hate")
"""Training heads: evidence to fuse with others, never a rule's label."""

GROUP_LABELS: Final = tuple(label for label in RULE_LABELS if label in GROUNDS)
"""Hatred of one group each: hate, and about that group."""

COLUMNS: Final = (
    *RULE_LABELS,
    *AUX_LABELS,
    *(f"about {label}" for label in GROUP_LABELS),
)
"""The columns of the weights; the last ones say which group hateful words are about, given that they are."""

FORMAT: Final = 2
LETTERS: Final = (2, 3, 4, 5, 6)
"""Letter groups, in code points, inside a word with one space on either side."""

WORDS: Final = (1, 2, 3)
"""Words in a row."""

BUCKETS_LOG2: Final = 19

# Addresses and mentions say where a text was collected, not what it says; they
# are matched first so that no word is found inside them. Numbers would say only
# that advertisements have many. Links, telephone numbers and prices are found
# with certainty by judge/signals.
_TOKEN = re.compile(
    r"(?:https?://|www\.)[^\s,،؛—–\u2800\u200c]+|[@#]?[<\[](?:user|url|number)[>\]]|@\w+|\d+(?![\w*'’])"
    r"|([^\W_](?:[\w*'’]*[^\W_])?|[☀-➿\U0001f000-\U0001faff])"
)

_BASE = np.uint64(0x9E3779B97F4A7C15)
# The inverse of an odd number modulo 2**64 exists, so the hash of any stretch of
# a long buffer can be moved to position 0 with one multiplication.
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_SPACE = 0x20
_CHUNK = 24_000  # characters scored at once; keeps the work inside the processor's cache


@dataclass(frozen=True, slots=True)
class Features:
    """
    What is present in n texts, each feature once per text.

    `buckets` (int32) lists text 0's features, then text 1's; text i owns
    `buckets[starts[i]:starts[i + 1]]`. A text without words owns none.
    """

    buckets: NDArray[np.int32]
    starts: NDArray[np.int64]


class Classifier:
    """A loaded model. Immutable and safe to share between threads."""

    def __init__(
        self,
        table: NDArray[np.int8],
        *,
        scale: NDArray[np.float32],
        bias: NDArray[np.float32],
        calibration: NDArray[np.float32],
        measured: Sequence[str],
        model: str,
    ) -> None:
        """
        Args:
            table: int8 weights (2**b, 19), in the order of COLUMNS.
            scale: float32 (19,), what one step of a column's weights is worth.
            bias: float32 (19,), what a text without features has.
            calibration: float32 (13, 2), Platt: p = 1 / (1 + exp(-(slope * odds + offset))).
            measured: the labels that had usable training data; others score NaN.
            model: digest of the manifest that describes all this.
        """
        self.labels: tuple[str, ...] = RULE_LABELS
        self.aux: tuple[str, ...] = AUX_LABELS
        self.model = model
        self._table = table
        self._bits = int(table.shape[0]).bit_length() - 1
        self._scale, self._bias, self._calibration = scale, bias, calibration
        self._missing = np.array([name not in measured for name in self.labels + self.aux])

    @classmethod
    def load(cls, directory: Path | None = None) -> Classifier:
        """
        Load a model directory (None: the shipped one).

        Raises:
            BadModel: a file is missing, or is not what the manifest describes.
        """
        directory = SHIPPED if directory is None else directory
        name = directory.name
        try:
            source = (directory / "manifest.json").read_bytes()
            manifest: dict[str, Any] = json.loads(source)
            if manifest["format"] != FORMAT:
                raise BadModel(f"{name}/manifest.json: format {manifest['format']}, not {FORMAT}.")
            packed = (directory / manifest["weights"]["file"]).read_bytes()
            if digest_of(packed) != manifest["weights"]["digest"]:
                raise BadModel(f"{name}: the weights are not those that the manifest describes.")
            if tuple(manifest["columns"]) != COLUMNS or manifest["features"] != recipe():
                raise BadModel(f"{name}: made for other labels or features; train it again.")
            rows = 1 << int(manifest["buckets_log2"])
            size = rows * len(COLUMNS)
            # Bounded: a crafted file must not fill the memory.
            raw = zlib.decompressobj().decompress(packed, size + 1)
            if len(raw) != size:
                raise BadModel(f"{name}: {len(raw)} bytes of weights where {size} belong.")
            table = np.frombuffer(raw, np.int8).reshape(len(COLUMNS), rows).T
            numbers = {key: np.array(manifest[key], np.float32) for key in ("scale", "bias", "calibration")}
            shapes = {
                "scale": (len(COLUMNS),),
                "bias": (len(COLUMNS),),
                "calibration": (len(RULE_LABELS + AUX_LABELS), 2),
            }
            for key, shape in shapes.items():
                if numbers[key].shape != shape or not np.isfinite(numbers[key]).all():
                    raise BadModel(f"{name}/manifest.json: {key} does not fit the labels.")
            return cls(
                np.ascontiguousarray(table),
                scale=numbers["scale"],
                bias=numbers["bias"],
                calibration=numbers["calibration"],
                measured=tuple(manifest["measured"]),
                model=digest_of(source),
            )
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            OverflowError,
            zlib.error,
        ) as fault:
            raise BadModel(
                f"The model in {directory} cannot be read ({type(fault).__name__}). "
                "Install Meydan again, or train it with `meydan train fast`."
            ) from fault

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """
        Score folded texts against every rule label.

        Args:
            texts: n folded texts; n may be 0. One text is one window: the caller
                cuts long texts, as a few bad words weigh little among thousands.

        Returns:
            float32 (n, k): calibrated probabilities, columns in the order of
            `labels`. A column is NaN where the label was not measured.

        Source:
            Feature hashing: Weinberger et al. (2009). Calibration: Platt (1999),
            figures in docs/model-card.md.
        """
        return self.score_all(texts)[:, : len(self.labels)]

    def score_aux(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Score folded texts against the training heads: float32 (n, 2), columns in the order of `aux`."""
        return self.score_all(texts)[:, len(self.labels) :]

    def score_all(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Both at once, rule labels first: float32 (n, k + 2). The features are computed once."""
        odds = odds_of(self.raw(texts)) * self._calibration[:, 0] + self._calibration[:, 1]
        scores: NDArray[np.float32] = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
        scores[:, self._missing] = np.nan
        return scores

    def raw(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """
        What every column says, before it is put together and calibrated: float32 (n, 19).

        The sum of a text's weights by the root of their number. The last columns read
        the whole text, the others the text without the names of groups.
        """
        out = np.empty((len(texts), len(COLUMNS)), np.float32)
        blind = len(self.labels) + len(self.aux)
        levelled = [level(text) for text in texts]
        begin = 0
        for end in _chunk_ends(levelled):
            piece = levelled[begin:end]
            views = [blanked(text) for text in piece]
            # Where no group is named, both readings are the same.
            naming = [i for i, (view, text) in enumerate(zip(views, piece, strict=True)) if view != text]
            sums = self._sums(features_of([*views, *(piece[i] for i in naming)], self._bits))
            out[begin:end] = sums[: len(piece)]
            out[[begin + i for i in naming], blind:] = sums[len(piece) :, blind:]
            begin = end
        return out * self._scale + self._bias

    def _sums(self, found: Features) -> NDArray[np.float32]:
        number = np.diff(found.starts)
        sums = np.zeros((len(number), self._table.shape[1]), np.float32)
        some = np.flatnonzero(number)
        if len(some):
            weights = self._table[found.buckets]
            total = np.add.reduceat(weights, found.starts[some], axis=0, dtype=np.int32)
            sums[some] = total / np.sqrt(number[some], dtype=np.float32)[:, None]
        return sums

    def weigh(self, text: str, label: str) -> list[tuple[int, int, float]]:
        """
        How much each word moved a label, in the unit of the calibrated log-odds.

        Args:
            text: one folded text.
            label: a name from `labels` or `aux`; KeyError otherwise.

        Returns:
            (begin, end, weight) of every word in code points of `text`, in its order. A
            feature's weight is shared evenly by the characters it covers. The weights of
            hatred of one group are those of a small step from where the text stands.
        """
        heads = self.labels + self.aux
        if label not in heads:
            raise KeyError(label)
        places = [match.span(1) for match in _TOKEN.finditer(text) if match.group(1)]
        if not places or self._missing[heads.index(label)]:
            return [(begin, end, 0.0) for begin, end in places]
        whole = level(text)
        raw = self.raw([text])[0]
        weights = np.zeros(len(places))
        for column, slope in _slopes_of(raw, label).items():
            blind = column < len(heads)
            view = blanked(whole) if blind else whole
            along = self._along(view, column) * slope * self._calibration[heads.index(label), 0]
            shares = [number for _, number in without_names(whole.split())] if blind else [1] * len(places)
            weights += np.repeat(along / shares, shares)
        return [(begin, end, float(w)) for (begin, end), w in zip(places, weights, strict=True)]

    def _along(self, levelled: str, column: int) -> NDArray[np.float64]:
        """What each word of a levelled text adds to the raw sum of a column."""
        all_begins, all_ends, buckets = _spans_of([levelled], self._bits)
        # A repeated feature counts once; its first occurrence shows it.
        _, first = np.unique(buckets, return_index=True)
        each = self._table[buckets[first], column] * (self._scale[column] / np.sqrt(max(len(first), 1)))
        begins, ends = all_begins[first], all_ends[first]
        rate = np.zeros(len(levelled) + 1)
        np.add.at(rate, begins, each / (ends - begins))
        np.add.at(rate, ends, -each / (ends - begins))
        sums = np.concatenate(([0.0], np.cumsum(np.cumsum(rate)[:-1])))
        # The space before a word is that word's, and the last word has the last space too.
        edges = [
            *np.flatnonzero(_codes_of(levelled) == _SPACE)[:-1].tolist(),
            len(levelled),
        ]
        return np.diff(sums[edges])


def odds_of(raw: NDArray[np.float32]) -> NDArray[np.float32]:
    """
    From 19 columns to 13 heads: hatred of one group is hate (blind to names), and about that group.

    Args:
        raw: float32 (n, 19), in the order of COLUMNS.

    Returns:
        float32 (n, 13): uncalibrated log-odds of RULE_LABELS and AUX_LABELS. For a group,
        those of the product of both probabilities, so that neither alone is enough.
    """
    odds = raw[:, : len(RULE_LABELS) + len(AUX_LABELS)].copy()
    for label in GROUP_LABELS:
        column = RULE_LABELS.index(label)
        hateful = raw[:, _HATE] + _OWN_SHARE * raw[:, column]
        about = raw[:, COLUMNS.index(f"about {label}")]
        odds[:, column] = -np.logaddexp(np.logaddexp(-hateful, -about), -hateful - about)
    return odds


def _slopes_of(raw: NDArray[np.float32], label: str) -> dict[int, float]:
    """How fast `odds_of` moves with each column that a label reads."""
    column = (RULE_LABELS + AUX_LABELS).index(label)
    if label not in GROUP_LABELS:
        return {column: 1.0}
    about = COLUMNS.index(f"about {label}")
    hateful, named = 1 / (1 + np.exp(-np.clip([raw[_HATE] + _OWN_SHARE * raw[column], raw[about]], -30, 30)))
    rest = 1 - hateful * named
    return {
        _HATE: float((1 - hateful) / rest),
        column: float((1 - hateful) / rest) * _OWN_SHARE,
        about: float((1 - named) / rest),
    }


_HATE = COLUMNS.index("hate")
_OWN_SHARE = 0.5
"""How much a group's own blind column adds to the general one, which learned from far more rows."""


def digest_of(source: bytes) -> str:
    """SHA-256 in the form that decisions record."""
    return "sha256:" + hashlib.sha256(source).hexdigest()


def level(text: str) -> str:
    """The words of a folded text, one space around each, without apostrophes, numbers, mentions and addresses."""
    words = " ".join(filter(None, _TOKEN.findall(text)))
    if not words:
        return ""
    words = words.replace("'", "").replace("’", "")
    return f" {words} "


def blanked(levelled: str) -> str:
    """A levelled text without the names of groups; the very same where it names none."""
    words = levelled.split()
    if GROUP_NAMES.isdisjoint(words):
        return levelled
    return f" {' '.join(word for word, _ in without_names(words))} "


def features_of(levelled: Sequence[str], bits: int = BUCKETS_LOG2) -> Features:
    """
    Hash levelled texts into buckets, each bucket at most once per text.

    Args:
        levelled: n outputs of `level` or `blanked`.
        bits: base-two logarithm of the number of buckets.
    """
    begins, _, buckets = _spans_of(levelled, bits)
    lengths = np.fromiter(map(len, levelled), np.int64, len(levelled))
    keys = np.sort((np.repeat(np.arange(len(levelled)), lengths)[begins] << bits) | buckets)
    if len(keys):
        keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
    starts = np.searchsorted(keys, np.arange(len(levelled) + 1, dtype=np.int64) << bits)
    return Features((keys & ((1 << bits) - 1)).astype(np.int32), starts.astype(np.int64))


def recipe() -> dict[str, Any]:
    """What turns a text into features; a model fits only the recipe that it was trained with."""
    return {
        "letters": list(LETTERS),
        "words": list(WORDS),
        "names": _names_digest(),
        "hash": "poly64/1",
    }


def _names_digest() -> str:
    return digest_of(" ".join(sorted(GROUP_NAMES | COMPANIONS)).encode())


def _codes_of(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _spans_of(
    levelled: Sequence[str], bits: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Every feature of the joined texts: its begin, its end (code points of the joined text) and its bucket."""
    codes = _codes_of("".join(levelled))
    size = len(codes)
    if not size:
        none = np.zeros(0, np.int64)
        return none, none, none
    forward, backward = _powers(size)
    prefix = np.zeros(size + 1, np.uint64)
    np.cumsum((codes.astype(np.uint64) + np.uint64(1)) * forward[:size], out=prefix[1:])

    space = codes == _SPACE
    spaces = np.concatenate(([0], np.cumsum(space)))
    # That a group is named is no evidence: what stands for it counts only beside other words.
    unnamed = codes == ord(BLANK)
    unnameds = np.concatenate(([0], np.cumsum(unnamed)))
    all_begins, all_ends, all_salts = [], [], []
    for n in LETTERS:
        if size < n:
            break
        # Texts begin and end with a space, so a group with a space inside would reach into the next word or text.
        inner = spaces[n - 1 : size] - spaces[1 : size - n + 2]
        inner += unnameds[n : size + 1] - unnameds[: size - n + 1]
        begins = np.flatnonzero(inner == 0)
        if n == 2:
            begins = begins[~(space[begins] & space[begins + 1])]
        all_begins.append(begins)
        all_ends.append(begins + n)
        all_salts.append(np.full(len(begins), n, np.uint64))
    edges = np.flatnonzero(space)
    left, right = edges[:-1] + 1, edges[1:]
    real = np.flatnonzero(right > left)
    left, right = left[real], right[real]
    # Two words are neighbours when one space is between them; between two texts there are two.
    joined = np.concatenate(([0], np.cumsum(left[1:] != right[:-1] + 1))) if len(left) else left
    for n in WORDS:
        if len(left) < n:
            break
        same = joined[n - 1 :] == joined[: len(joined) - n + 1]
        if n == 1:
            same &= ~unnamed[left]
        all_begins.append(left[: len(left) - n + 1][same])
        all_ends.append(right[n - 1 :][same])
        all_salts.append(np.full(int(same.sum()), 100 + n, np.uint64))
    begins, ends = np.concatenate(all_begins), np.concatenate(all_ends)
    mixed = (prefix[ends] - prefix[begins]) * backward[begins]
    mixed ^= np.concatenate(all_salts) * _MIX_A
    mixed = (mixed ^ (mixed >> np.uint64(31))) * _MIX_A
    mixed = (mixed ^ (mixed >> np.uint64(29))) * _MIX_B
    return begins, ends, (mixed >> np.uint64(64 - bits)).astype(np.int64)


def _powers(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Powers of the base and of its inverse, 0 up to at least `size`, modulo 2**64."""
    global _POWERS
    powers = _POWERS
    if len(powers[0]) < size:
        length = max(size, 2 * _CHUNK)
        steps = np.empty((2, length), np.uint64)
        steps[:, 0] = 1
        steps[0, 1:] = _BASE
        steps[1, 1:] = _INVERSE
        done = np.multiply.accumulate(steps, axis=1)
        # One assignment of a finished pair: another thread sees the old or the new one.
        powers = _POWERS = (done[0], done[1])
    return powers


_POWERS: tuple[NDArray[np.uint64], NDArray[np.uint64]] = (
    np.ones(1, np.uint64),
    np.ones(1, np.uint64),
)


def _chunk_ends(levelled: Sequence[str]) -> list[int]:
    """Where to cut a batch so that each piece has about `_CHUNK` characters, and at least one text."""
    ends: list[int] = []
    size = 0
    for i, text in enumerate(levelled):
        size += len(text)
        if size >= _CHUNK:
            ends.append(i + 1)
            size = 0
    if levelled and (not ends or ends[-1] < len(levelled)):
        ends.append(len(levelled))
    return ends
