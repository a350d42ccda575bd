"""
Gathers everything that can be known about a comment, and scores each label once.
"""

from __future__ import annotations

import hashlib
import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from meydan.comment import (
    RULE_LABELS,
    UNKNOWN_LANGUAGE,
    WELCOME_LABELS,
    Evidence,
    Finding,
    History,
    Hold,
    Span,
    Story,
)
from meydan.errors import ClassifierUnavailable
from meydan.judge import signals
from meydan.judge.classifier import Classifier
from meydan.judge.decide import MEASURED
from meydan.judge.fusion import fuse
from meydan.judge.lexicon import Hit, Lexicon, Lexicons
from meydan.text.fold import Folded, fold
from meydan.text.language import Language, identify

LONGEST = 20_000
"""Code points that are read; a longer text waits for a person (the doors refuse it much earlier)."""

SPAN_FROM = 0.2
"""What scores less is noise to the person who reads."""

SPANS_AT_MOST = 200
"""The strongest of more: nobody reads further, and all are stored."""

SHOWN_FROM = 0.3
"""What scores less keeps no comment waiting, so nobody has to see why."""

_WINDOW = 200  # characters; a comment up to here is one window
_PATH = re.compile(r"(?<![\w.-])((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,10})/\S+")
_SENTENCE_END = re.compile(r"(?<=[.!?\n])\s+")


class Scorer(Protocol):
    """What the judge asks of a classifier."""

    labels: tuple[str, ...]
    model: str

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Calibrated probabilities, float32 (n, k); NaN where a label has no measured model."""

    def weigh(self, text: str, label: str) -> Sequence[tuple[int, int, float]]:
        """How much each word of one folded text moved a label: (begin, end, weight)."""


class Judge:
    """Evidence from text. Holds a classifier (or none: then nothing is scored) and the lexicons."""

    def __init__(self, classifier: Scorer | None, lexicon: Lexicon | Lexicons) -> None:
        self.labels = RULE_LABELS + WELCOME_LABELS
        self._classifier = classifier
        self._lexicon = lexicon
        parts = (classifier.model if classifier is not None else "", lexicon.digest)
        self.model = "sha256:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()
        """Digest of all that produces scores: the classifier's and the lexicon's together."""

    @classmethod
    def load(cls, directory: Path | None = None) -> Judge:
        """
        Load a model directory (None: the shipped one) and the shipped lexicons.

        Raises:
            BadModel: the directory does not hold a model.
        """
        return cls(Classifier.load(directory), Lexicons.load())

    def evidence(
        self,
        text: str,
        *,
        language: str | None = None,
        story: Story | None = None,
        history: History = History(),
        expected: Sequence[str] = (),
    ) -> Evidence:
        """
        Gather the evidence on one comment.

        Args:
            text: as sent; any string.
            language: what the page claims; a hint.
            story: not consulted yet: relevance is not measured.
            history: what came before, read by desk.py.
            expected: the publication's languages.

        Raises:
            ClassifierUnavailable: the model failed; the caller holds the comment.
        """
        return self.evidence_of([text], language=language, story=story, history=history, expected=expected)[0]

    def evidence_of(
        self,
        texts: Sequence[str],
        *,
        language: str | None = None,
        story: Story | None = None,
        history: History = History(),
        expected: Sequence[str] = (),
    ) -> list[Evidence]:
        """Gather the evidence on many comments at once, in their order; see `evidence`."""
        del story
        folded = [fold(text[:LONGEST]) for text in texts]
        windows: list[str] = []
        bounds = [0]
        for one in folded:
            windows += _windows_of(_without_paths(one.text))
            bounds.append(len(windows))
        scored = self._classified(windows)
        return [
            self._one(
                text,
                one,
                identify(one, language, expected),
                None if scored is None else scored[bounds[i] : bounds[i + 1]].max(axis=0),
                history,
            )
            for i, (text, one) in enumerate(zip(texts, folded, strict=True))
        ]

    def name_evidence(self, name: str) -> Evidence:
        """
        Gather the evidence on a display name: listed words and certain signs only.

        A name is too short to have a language, and a classifier knows nothing of names.
        """
        folded = fold(name[:LONGEST])
        seen = signals.read(name, obfuscation=folded.obfuscation)
        hits = self._lexicon.find(folded)
        scores: dict[str, float | None] = dict.fromkeys(WELCOME_LABELS)
        for label in RULE_LABELS:
            scores[label] = fuse([hit for hit in hits if hit.label == label], _signal(seen, label), 0.0)
        return Evidence(scores=scores, spans=_spans_of(hits), findings=seen.findings, model=self.model)

    def _classified(self, windows: Sequence[str]) -> NDArray[np.float32] | None:
        """The classifier's scores of each window, one column a rule label; None without a classifier."""
        if self._classifier is None:
            return None
        try:
            scored = self._classifier.score(windows)
        except Exception as fault:  # noqa: BLE001
            # Whatever broke in there, the answer is the same: hold. No reader's word may be in the message.
            raise ClassifierUnavailable(f"The classifier failed ({type(fault).__name__}).") from None
        if self._classifier.labels == RULE_LABELS:
            return scored
        by_label = np.full((len(windows), len(RULE_LABELS)), np.nan, np.float32)
        for column, label in enumerate(self._classifier.labels):
            if label in RULE_LABELS:
                by_label[:, RULE_LABELS.index(label)] = scored[:, column]
        return by_label

    def _alarming(self, folded: Folded, label: str) -> tuple[Span, ...]:
        """The words that moved the classifier most, two at most, in text order."""
        if self._classifier is None:
            return ()
        weighed = sorted(self._classifier.weigh(folded.text, label), key=lambda word: -word[2])[:2]
        heaviest = weighed[0][2] if weighed else 0.0
        places = sorted(word[:2] for word in weighed if word[2] > 0.0 and word[2] >= 0.5 * heaviest)
        return tuple(Span(label, *folded.span(*place), "classifier") for place in places)

    def _one(
        self,
        text: str,
        folded: Folded,
        language: Language,
        classified: NDArray[np.float32] | None,
        history: History,
    ) -> Evidence:
        seen = signals.read(text[:LONGEST], obfuscation=folded.obfuscation, history=history)
        hits = self._lexicon.find(folded, language.tag)
        findings = list(seen.findings)
        if len(text) > LONGEST:
            findings.append(Finding("long", "longer than the judge reads", hold=Hold.LENGTH))
        scores: dict[str, float | None] = dict.fromkeys(self.labels)
        if not _measured(language):
            findings.append(_language_finding(language))
        elif classified is not None:
            by_label: dict[str, list[Hit]] = {}
            for hit in hits:
                by_label.setdefault(hit.label, []).append(hit)
            for label, probability in zip(RULE_LABELS, classified.tolist(), strict=True):
                if not math.isnan(probability):
                    scores[label] = fuse(by_label.get(label, ()), _signal(seen, label), probability)
        spans = _spans_of(hits)
        seen_labels = {span.label for span in spans}
        for label in RULE_LABELS:
            # Whoever decides sees what alarmed the classifier, where the lexicon has nothing to show.
            room = len(spans) < SPANS_AT_MOST - 1
            if room and label not in seen_labels and (scores[label] or 0.0) >= SHOWN_FROM:
                spans += self._alarming(folded, label)
        return Evidence(
            language=language.tag,
            language_score=language.score,
            scores=scores,
            spans=spans,
            findings=tuple(findings),
            model=self.model,
        )


def _signal(seen: signals.Signals, label: str) -> float:
    """What certain signs say about a label; so far they only know advertising."""
    return seen.promotion if label == "promotion" else 0.0


def _measured(language: Language) -> bool:
    return language.tag in MEASURED and not language.others


def _language_finding(language: Language) -> Finding:
    if language.tag == UNKNOWN_LANGUAGE:
        detail = "no language that is recognised"
    elif language.others:
        detail = f"partly in another language ({', '.join(language.others)})"
    else:
        detail = f"in a language whose judging is not measured ({language.tag})"
    return Finding("language", detail, hold=Hold.LANGUAGE_NOT_MEASURED)


def _without_paths(text: str) -> str:
    """The text with no more of an address than its host: what an editor put into a path is nobody's opinion."""
    return _PATH.sub(r"\1", text) if "/" in text else text


def _windows_of(text: str) -> list[str]:
    """
    The stretches to score: the whole, and for a longer text its sentences as well.

    One vile sentence among ten polite ones weighs little in the whole; in its own
    window it weighs what it weighs alone. Short neighbours share a window.
    """
    if len(text) <= _WINDOW:
        return [text]
    windows = [text]
    current = ""
    for sentence in _SENTENCE_END.split(text):
        pieces = (sentence[i : i + 2 * _WINDOW] for i in range(0, len(sentence), 2 * _WINDOW))
        for piece in pieces:
            if current and len(current) + len(piece) > _WINDOW:
                windows.append(current)
                current = ""
            current = f"{current} {piece}" if current else piece
    windows.append(current)
    return windows


def _spans_of(hits: Sequence[Hit]) -> tuple[Span, ...]:
    """Where the evidence is, once a place: of stretches with one label that overlap, the strongest, then widest."""
    kept: list[Hit] = []
    taken: dict[str, list[tuple[int, int]]] = {}  # by label, in order, without overlap
    for hit in sorted(hits, key=lambda hit: (-hit.score, hit.begin - hit.end)):
        if hit.score < SPAN_FROM or len(kept) == SPANS_AT_MOST:
            break
        places = taken.setdefault(hit.label, [])
        at = bisect_left(places, (hit.begin, hit.end))
        if (at and places[at - 1][1] > hit.begin) or (at < len(places) and places[at][0] < hit.end):
            continue
        places.insert(at, (hit.begin, hit.end))
        kept.append(hit)
    return tuple(
        Span(hit.label, hit.begin, hit.end, hit.source)
        for hit in sorted(kept, key=lambda hit: (hit.begin, hit.end, hit.label))
    )
