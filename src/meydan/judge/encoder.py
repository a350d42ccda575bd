"""
The full judge's model: a small transformer that reads five languages, run by onnxruntime.

Reads a comment as written (judge/reading), whole where it is short and in overlapping
windows where it is long, so that one vile sentence among ten polite ones is judged by
itself. Answers log-odds per label and a sentence vector. What it was trained on and
how well it does: docs/model-card.md.

A model directory is `manifest.json` and the files it names, each checked against its
SHA-256 when loaded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from meydan.errors import BadModel
from meydan.judge.blend import Blend
from meydan.judge.classifier import digest_of

SHIPPED: Final = Path(__file__).parent / "models" / "encoder"
"""The model that comes with the program."""

FORMAT: Final = 2

ALLEGATION: Final = "allegation"
"""The label of a crime alleged of a named private person, which is no rule's."""

WHOLE: Final = 80
"""Tokens up to which a text is read in one piece."""

WINDOW: Final = 64
STRIDE: Final = 40
"""Tokens in a window of a longer text, and from one window's beginning to the next's."""

MOST_WINDOWS: Final = 120
"""Windows of one text that are read; of a longer one `Read.cut` says so, and the comment waits."""

MOST_TOKENS: Final = (MOST_WINDOWS - 1) * STRIDE + WINDOW + 2
"""Tokens of one text that are read, its bounds among them."""


@dataclass(frozen=True, slots=True)
class Read:
    """
    What the encoder says of n texts.

    Attributes:
        odds: float32 (n, k), log-odds of each label, the worst window's.
        meaning: float32 (n, width), sentence vectors of length 1, the mean of the windows'.
        windows: int (n,), in how many windows each was read.
        cut: bool (n,), whether a text went on after the last window that was read.
    """

    odds: NDArray[np.float32]
    meaning: NDArray[np.float32]
    windows: NDArray[np.int64]
    cut: NDArray[np.bool_]


class Encoder:
    """A loaded model. Immutable and safe to share between threads; a call uses one core."""

    def __init__(
        self,
        session: ort.InferenceSession,
        tokenizer: Tokenizer,
        labels: Sequence[str],
        languages: Collection[str],
        blend: Blend,
        model: str,
        *,
        constructive: tuple[float, float] | None = None,
        alleges_from: float | None = None,
        graph: str = "",
    ) -> None:
        """
        Args:
            session: the graph: ids to odds and meaning.
            tokenizer: of the same vocabulary; neither truncates nor pads.
            labels: what the columns of `odds` are.
            languages: those it has learned.
            blend: how its word and the fast tier's become one.
            model: digest of the manifest that describes all this.
            constructive: slope and bias that make a probability of that label's log-odds; None: not measured.
            alleges_from: from which log-odds of "allegation" on a crime is alleged of a named person; None: not measured.
            graph: digest of the graph, which is what vectors may be compared by.
        """
        self.languages = frozenset(languages)
        self.blend = blend
        self.constructive = constructive
        self.alleges_from = alleges_from
        self.graph = graph
        self.labels = tuple(labels)
        self.model = model
        self._session = session
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, directory: Path | None = None) -> Encoder:
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
            parts = {}
            for file, about in manifest["files"].items():
                parts[file] = (directory / file).read_bytes()
                if digest_of(parts[file]) != about["digest"]:
                    raise BadModel(f"{name}/{file}: not the file that the manifest describes.")
            options = ort.SessionOptions()
            # One comment, one core: the server judges several at a time, each on its own.
            options.intra_op_num_threads = 1
            options.inter_op_num_threads = 1
            # Texts have all lengths: a plan of memory made for one fits no other.
            options.enable_mem_pattern = False
            options.log_severity_level = 3
            session = ort.InferenceSession(parts["encoder.onnx"], options, providers=["CPUExecutionProvider"])
            tokenizer = Tokenizer.from_buffer(parts["tokenizer.json"])
            labels = [str(label) for label in manifest["labels"]]
            languages = [str(language) for language in manifest["languages"]]
            blend = Blend.of(manifest["blend"])
            pair = manifest.get("constructive")
            constructive = None if pair is None else (float(pair["slope"]), float(pair["bias"]))
            alleging = manifest.get(ALLEGATION)
            alleges_from = None if alleging is None else float(alleging["from"])
            if not all(map(math.isfinite, (*(constructive or ()), alleges_from or 0.0))):
                raise BadModel(f"{name}/manifest.json: a number that is none.")
            if alleging is not None and ALLEGATION not in labels:
                raise BadModel(f"{name}/manifest.json: a line for allegations and no label of that name.")
            graph = str(manifest["files"]["encoder.onnx"]["digest"])
        except BadModel:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever the files are, they are not a model
            raise BadModel(f"{name}: not a model ({type(fault).__name__}).") from None
        model = digest_of(source)
        return cls(
            session,
            tokenizer,
            labels,
            languages,
            blend,
            model,
            constructive=constructive,
            alleges_from=alleges_from,
            graph=graph,
        )

    def read(self, texts: Sequence[str]) -> Read:
        """
        Read texts, each as judge/reading gives it.

        Returns:
            Log-odds and vectors, in the order of the texts. An empty text is read too, as nothing but its bounds.

        Raises:
            ValueError: the model answered something that is no number.
        """
        odds = np.full((len(texts), len(self.labels)), -np.inf, np.float32)
        numbers = np.zeros(len(texts), np.int64)
        cut = np.zeros(len(texts), np.bool_)
        meanings = []
        for i, text in enumerate(texts):
            meaning: NDArray[np.float32] | float = 0.0
            # One by one: rounding depends on what is read together, and a comment's score must not
            # depend on its neighbours. On one core nothing is lost by it.
            tokens = self._tokenizer.encode(text).ids
            cut[i] = len(tokens) > MOST_TOKENS
            for window in windows_of(tokens):
                ids = np.array([window], np.int64)
                said, meant = self._session.run(["odds", "meaning"], {"ids": ids})
                odds[i] = np.maximum(odds[i], said[0])
                meaning = meaning + meant[0]
                numbers[i] += 1
            meanings.append(meaning / max(float(np.linalg.norm(meaning)), 1e-9))
        found = np.array(meanings, np.float32) if meanings else np.zeros((0, 0), np.float32)
        if not (np.isfinite(odds).all() and np.isfinite(found).all()):
            raise ValueError("The encoder answered something that is no number.")
        return Read(odds, found, numbers, cut)


def windows_of(ids: Sequence[int]) -> list[list[int]]:
    """
    The stretches that are read of one text, as token ids with the text's bounds around each.

    A short text is one; a longer one overlapping windows, so that every sentence of up to
    WINDOW - STRIDE tokens is whole in one of them.
    """
    if len(ids) <= WHOLE:
        return [list(ids)]
    first, last, inside = ids[0], ids[-1], ids[1:-1]
    windows = []
    for begin in range(0, len(inside), STRIDE):
        windows.append([first, *inside[begin : begin + WINDOW], last])
        if begin + WINDOW >= len(inside) or len(windows) == MOST_WINDOWS:
            break
    return windows
