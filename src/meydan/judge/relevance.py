"""
Whether a comment is about its story: how near their meanings are.

Compared are the encoder's sentence vectors of the comment and of the story (its title,
and its title with the beginning of its text), each without what all comments, or all
stories, of the language have in common. Only ever a reason for a person to look, so it
would rather say nothing: not of a few words, not without a title, not in a language in
which it is not measured (train/relevance), and nothing surprising of an aside.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from meydan.comment import Story
from meydan.errors import BadModel
from meydan.judge.classifier import digest_of
from meydan.judge.reading import as_written

SHIPPED: Final = Path(__file__).parent / "models" / "relevance.json"
"""The numbers that come with the program."""

FORMAT: Final = 1
FEWEST_WORDS: Final = 5
"""A shorter comment says too little to be about something else."""

BEGINNING: Final = 400
"""Code points of the story's text that are read."""

STORIES: Final = 256
"""Stories whose vectors are kept; a newsroom's threads of one day."""

Floats = NDArray[np.float32]
Means = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True, slots=True)
class Measure:
    """
    One language: what comments and what stories have in common, and how nearness becomes a probability.

    `of_comments` and `of_stories` are float32 (width,).
    """

    of_comments: Floats
    of_stories: Floats
    slope: float
    bias: float

    def nearness(self, comments: Floats, stories: Floats) -> Floats:
        """
        How near comments, float32 (n, width), are to a story or each to its own.

        Args:
            stories: float32 (m, width) for one story in m readings, or (n, m, width): the nearest counts.
        """
        apart = comments - self.of_comments
        known = stories - self.of_stories
        near: Floats = np.einsum("nd,md->nm" if known.ndim == 2 else "nd,nmd->nm", apart, known).max(axis=1)
        return near

    def probability(self, nearness: float) -> float:
        """The probability that a comment as near as this is about its story."""
        odds = self.slope * nearness + self.bias
        if not math.isfinite(odds):
            raise ValueError("How near a comment is to its story is no number.")
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, odds))))


class Relevance:
    """The measures of all languages. Safe to share between threads; keeps the vectors of recent stories."""

    def __init__(self, measures: Mapping[str, Measure], *, graph: str = "", digest: str = "") -> None:
        """
        Args:
            measures: by language.
            graph: digest of the encoder's graph whose vectors these are.
            digest: of the file they come from.
        """
        self.digest = digest
        self.graph = graph
        self._measures = dict(measures)
        self._stories: OrderedDict[bytes, Floats] = OrderedDict()
        self._lock = Lock()

    @classmethod
    def load(cls, path: Path | None = None) -> Relevance:
        """
        Read what train/relevance wrote (None: what is shipped).

        Raises:
            BadModel: the file is something else.
        """
        path = SHIPPED if path is None else path
        try:
            source = path.read_bytes()
            stored: dict[str, Any] = json.loads(source)
            if stored["format"] != FORMAT:
                raise BadModel(f"{path.name}: format {stored['format']}, not {FORMAT}.")
            measures = {
                str(language): Measure(
                    np.array(one["of_comments"], np.float32),
                    np.array(one["of_stories"], np.float32),
                    float(one["slope"]),
                    float(one["bias"]),
                )
                for language, one in stored["languages"].items()
                if one["measured"]
            }
            graph = str(stored["graph"])
        except BadModel:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever the file is, it holds no measures
            raise BadModel(f"{path.name}: not a measure of relevance ({type(fault).__name__}).") from None
        return cls(measures, graph=graph, digest=digest_of(source))

    def asks(self, story: Story | None) -> bool:
        """Whether anything can be said of comments on this story."""
        return story is not None and bool(story.title and story.title.strip()) and bool(self._measures)

    def probability(
        self, text: str, meaning: Floats, language: str, story: Story | None, means: Means
    ) -> float | None:
        """
        The probability that a comment is about its story, or None where that cannot be said.

        Args:
            text: the comment as sent.
            meaning: its vector, float32 (width,).
            means: vectors of texts as judge/reading gives them; asked once a story.
        """
        measure = self._measures.get(language)
        if measure is None or story is None or not self.asks(story) or len(text.split()) < FEWEST_WORDS:
            return None
        return measure.probability(float(measure.nearness(meaning[None], self._vectors(story, means))[0]))

    def _vectors(self, story: Story, means: Means) -> Floats:
        readings = readings_of(story.title or "", story.text)
        key = hashlib.sha256("\0".join(readings).encode("utf-8", "surrogatepass")).digest()
        with self._lock:
            kept = self._stories.get(key)
            if kept is not None:
                self._stories.move_to_end(key)
                return kept
        # Outside the lock: two threads may both read a new story, and nobody waits for either.
        vectors = means([as_written(reading) for reading in readings])
        with self._lock:
            self._stories[key] = vectors
            while len(self._stories) > STORIES:
                self._stories.popitem(last=False)
        return vectors


def readings_of(title: str, text: str | None) -> list[str]:
    """What is read of a story: its title, and with it the beginning of its text."""
    beginning = (text or "").strip()[:BEGINNING]
    return [title, f"{title}. {beginning}"] if beginning else [title]
