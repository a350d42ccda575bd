"""
The fast tier: hashed words and letter groups, one linear weight per label.

Reads folded text, answers calibrated probabilities; numpy only, and total on
any str. What it was trained on and how well it does: docs/model-card.md.
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
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meydan.comment import RULE_LABELS
from meydan.errors import BadModel

SHIPPED: Final = Path(__file__).parent / "models" / "fast"
"""The model that comes with the program."""

AUX_LABELS: Final = ("toxic", "hate")
"""Training heads: evidence to fuse with others, never a rule's label."""

FORMAT: Final = 1
LETTERS: Final = (3, 4, 5)
"""Letter groups, in code points, inside a word with one space on either side."""

WORDS: Final = (1, 2, 3)
"""Words in a row."""

BUCKETS_LOG2: Final = 19

# Addresses and mentions say where a text was collected, not what it says; they
# are matched first so that no word is found inside them. Links are found with
# certainty by judge/signals.
_TOKEN = re.compile(
    r"(?:https?://|www\.)\S+|[@#]?[<\[](?:user|url|number)[>\]]|@\w+"
    r"|([^\W_](?:[\w*'’]*[^\W_])?|[☀-➿\U0001f000-\U0001faff])"
)
_LONG_NUMBER = re.compile(r"\d{5,}")

_BASE = np.uint64(0x9E3779B97F4A7C15)
# The inverse of an odd number modulo 2**64 exists, so the hash of any stretch of
# a long buffer can be moved to position 0 with one multiplication.
_INVERSE = np.uint64(pow(0x9E3779B97F4A7C15, -1, 2**64))
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_SPACE = 0x20
_CHUNK = 48_000  # characters scored at once; keeps the work inside the processor's cache


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
        slope: NDArray[np.float32],
        offset: NDArray[np.float32],
        measured: Sequence[str],
        model: str,
    ) -> None:
        """
        Args:
            table: int8 weights (2**b, k + a), columns RULE_LABELS then AUX_LABELS.
            scale: float32 (k + a,), what one step of a column's weights is worth.
            slope, offset: Platt calibration, p = 1 / (1 + exp(-(slope * raw + offset))).
            measured: the labels that had usable training data; others score NaN.
            model: digest of the manifest that describes all this.
        """
        self.labels: tuple[str, ...] = RULE_LABELS
        self.aux: tuple[str, ...] = AUX_LABELS
        self.model = model
        self._table = table
        self._bits = int(table.shape[0]).bit_length() - 1
        self._gain = (scale * slope).astype(np.float32)
        self._offset = offset.astype(np.float32)
        columns = self.labels + self.aux
        self._missing = np.array([name not in measured for name in columns])

    @classmethod
    def load(cls, directory: Path | None = None) -> Classifier:
        """
        Load a model directory (None: the shipped one).

        Raises:
            BadModel: a file is missing, or is not what the manifest describes.
        """
        directory = SHIPPED if directory is None else directory
        try:
            source = (directory / "manifest.json").read_bytes()
            manifest: dict[str, Any] = json.loads(source)
            if manifest["format"] != FORMAT:
                raise BadModel(f"{directory.name}/manifest.json: format {manifest['format']}, not {FORMAT}.")
            packed = (directory / manifest["weights"]["file"]).read_bytes()
            if digest_of(packed) != manifest["weights"]["digest"]:
                raise BadModel(f"{directory.name}: the weights are not those that the manifest describes.")
            columns = RULE_LABELS + AUX_LABELS
            if tuple(manifest["columns"]) != columns or manifest["features"] != recipe():
                raise BadModel(f"{directory.name}: made for other labels or features; train it again.")
            rows = 1 << int(manifest["buckets_log2"])
            size = rows * len(columns)
            # Bounded: a crafted file must not fill the memory.
            raw = zlib.decompressobj().decompress(packed, size + 1)
            if len(raw) != size:
                raise BadModel(f"{directory.name}: {len(raw)} bytes of weights where {size} belong.")
            table = np.frombuffer(raw, np.int8).reshape(len(columns), rows).T
            scale = np.array(manifest["scale"], np.float32)
            calibration = np.array(manifest["calibration"], np.float32)
            if scale.shape != (len(columns),) or calibration.shape != (len(columns), 2):
                raise BadModel(f"{directory.name}: scales or calibration do not fit the labels.")
            if not (np.isfinite(scale).all() and np.isfinite(calibration).all()):
                raise BadModel(f"{directory.name}: scales or calibration are not numbers.")
            return cls(
                np.ascontiguousarray(table),
                scale=scale,
                slope=calibration[:, 0],
                offset=calibration[:, 1],
                measured=tuple(manifest["measured"]),
                model=digest_of(source),
            )
        except (OSError, ValueError, KeyError, TypeError, zlib.error) as fault:
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
        out = self.raw(texts) * self._gain + self._offset
        np.clip(out, -30, 30, out=out)
        scores: NDArray[np.float32] = 1 / (1 + np.exp(-out))
        scores[:, self._missing] = np.nan
        return scores

    def raw(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Sums of int8 weights over features, by the root of their number: float32 (n, k + 2), uncalibrated."""
        out = np.zeros((len(texts), self._table.shape[1]), np.float32)
        levelled = [level(text) for text in texts]
        begin = 0
        for end in _chunk_ends(levelled):
            found = features_of(levelled[begin:end], self._bits)
            number = np.diff(found.starts)
            some = np.flatnonzero(number)
            if len(some):
                weights = self._table[found.buckets]
                sums = np.add.reduceat(weights, found.starts[some], axis=0, dtype=np.int32)
                out[begin + some] = sums / np.sqrt(number[some], dtype=np.float32)[:, None]
            begin = end
        return out

    def weigh(self, text: str, label: str) -> list[tuple[int, int, float]]:
        """
        How much each word moved a label, in the unit of the calibrated log-odds.

        Args:
            text: one folded text.
            label: a name from `labels` or `aux`; KeyError otherwise.

        Returns:
            (begin, end, weight) of every word in code points of `text`, in its
            order. A feature's weight is shared evenly by the characters it covers.
        """
        columns = self.labels + self.aux
        if label not in columns:
            raise KeyError(label)
        column = columns.index(label)
        words = [match.span(1) for match in _TOKEN.finditer(text) if match.group(1)]
        if not words or self._missing[column]:
            return [(begin, end, 0.0) for begin, end in words]
        levelled = level(text)
        all_begins, all_ends, buckets = _spans_of([levelled], self._bits)
        _, first, times = np.unique(buckets, return_index=True, return_counts=True)
        # A repeated feature counts once; its first occurrence shows it.
        each = self._table[buckets[first], column] * (self._gain[column] / np.sqrt(len(times)))
        begins, ends = all_begins[first], all_ends[first]
        rate = np.zeros(len(levelled) + 1)
        np.add.at(rate, begins, each / (ends - begins))
        np.add.at(rate, ends, -each / (ends - begins))
        sums = np.concatenate(([0.0], np.cumsum(np.cumsum(rate)[:-1])))
        codes = np.frombuffer(levelled.encode("utf-32-le", "surrogatepass"), np.uint32)
        # The space before a word is that word's, and the last word has the last space too.
        edges = [*np.flatnonzero(codes == _SPACE)[:-1].tolist(), len(levelled)]
        return [
            (begin, end, float(sums[right] - sums[left]))
            for (begin, end), (left, right) in zip(words, pairwise(edges), strict=True)
        ]


def digest_of(source: bytes) -> str:
    """SHA-256 in the form that decisions record."""
    return "sha256:" + hashlib.sha256(source).hexdigest()


def level(text: str) -> str:
    """The words of a folded text, one space around each; apostrophes and long numbers levelled."""
    words = " ".join(filter(None, _TOKEN.findall(text)))
    if not words:
        return ""
    words = words.replace("'", "").replace("’", "")
    return f" {_LONG_NUMBER.sub('00000', words)} "


def features_of(levelled: Sequence[str], bits: int = BUCKETS_LOG2) -> Features:
    """
    Hash levelled texts into buckets, each bucket at most once per text.

    Args:
        levelled: n outputs of `level`.
        bits: base-two logarithm of the number of buckets.
    """
    begins, _, buckets = _spans_of(levelled, bits)
    lengths = np.fromiter(map(len, levelled), np.int64, len(levelled))
    owner = np.repeat(np.arange(len(levelled)), lengths)[begins]
    keys = np.sort((owner << bits) | buckets)
    if len(keys):
        keys = keys[np.concatenate(([True], keys[1:] != keys[:-1]))]
    starts = np.searchsorted(keys, np.arange(len(levelled) + 1, dtype=np.int64) << bits)
    return Features((keys & ((1 << bits) - 1)).astype(np.int32), starts.astype(np.int64))


def recipe() -> dict[str, Any]:
    """What turns a text into features; a model fits only the recipe that it was trained with."""
    return {"letters": list(LETTERS), "words": list(WORDS), "hash": "poly64/1"}


def _spans_of(
    levelled: Sequence[str], bits: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Every feature of the joined texts: its begin, its end (code points of the joined text) and its bucket."""
    codes = np.frombuffer("".join(levelled).encode("utf-32-le", "surrogatepass"), np.uint32)
    size = len(codes)
    if not size:
        none = np.zeros(0, np.int64)
        return none, none, none
    forward, backward = _powers(size)
    prefix = np.zeros(size + 1, np.uint64)
    np.cumsum((codes.astype(np.uint64) + np.uint64(1)) * forward[:size], out=prefix[1:])

    blank = codes == _SPACE
    blanks = np.concatenate(([0], np.cumsum(blank)))
    all_begins, all_ends, all_salts = [], [], []
    for n in LETTERS:
        # Texts begin and end with a space, so a group never reaches into the next text.
        inner = blanks[n - 1 : size] - blanks[1 : size - n + 2]
        begins = np.flatnonzero(inner == 0)
        all_begins.append(begins)
        all_ends.append(begins + n)
        all_salts.append(np.full(len(begins), n, np.uint64))
    edges = np.flatnonzero(blank)
    left, right = edges[:-1] + 1, edges[1:]
    real = np.flatnonzero(right > left)
    left, right = left[real], right[real]
    # Two words are neighbours when one space is between them; between two texts there are two.
    joined = np.concatenate(([0], np.cumsum(left[1:] != right[:-1] + 1))) if len(left) else left
    for n in WORDS:
        if len(left) < n:
            break
        same = joined[n - 1 :] == joined[: len(joined) - n + 1]
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


_POWERS: tuple[NDArray[np.uint64], NDArray[np.uint64]] = (np.ones(1, np.uint64), np.ones(1, np.uint64))


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
