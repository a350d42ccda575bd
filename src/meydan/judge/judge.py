"""
Gathers everything that can be known about a comment, and scores each label once.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

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
from meydan.errors import BadModel, ClassifierUnavailable
from meydan.judge import signals
from meydan.judge.blend import LABELS, odds_of
from meydan.judge.classifier import Classifier, digest_of
from meydan.judge.encoder import ALLEGATION, Encoder, Read
from meydan.judge.fusion import OFFENDS_FROM, fuse, is_clear
from meydan.judge.lexicon import Hit, Lexicon, Lexicons
from meydan.judge.mending import A_SENTENCE_FROM, Mending
from meydan.judge.occlusion import Weighed, weigh
from meydan.judge.reading import DISGUISED_FROM, as_written, opened, undisguised, undisguised_otherwise
from meydan.judge.relevance import Relevance
from meydan.text.fold import Folded, fold
from meydan.text.language import Language, identify

MODELS: Final = Path(__file__).parent / "models"
"""The models that come with the program."""

Tier = Literal["full", "fast"]
Seen = TypeVar("Seen", Finding, Span)

FAST_ALONE: Final = frozenset({"en"})
"""The languages in which the fast tier judges alone; in the others it only seconds the encoder."""

LONGEST = 20_000
"""Code points that are read; a longer text waits for a person (the doors refuse it much earlier)."""

SPAN_FROM = 0.2
"""What scores less is noise to the person who reads."""

SPANS_AT_MOST = 200
"""The strongest of more: nobody reads further, and all are stored."""

SHOWN_FROM = 0.3
"""What scores less keeps no comment waiting, so nobody has to see why."""

SEEN_THROUGH_BELOW: Final = 0.1
"""
What every label and any offence of a disguised comment must be below for the disguise alone not to keep it waiting,
where the full judge has undone it: it was read with it and without, and the worse counts.
"""

EXPLAINED = 3
"""The labels that are explained of one comment, the strongest: a person reads no further either."""

_STRETCH = 4_000
_OVERLAP = 400
"""What is surely read at once, in code points, and how far one such stretch reaches into the next."""

_GAPS_FROM = 3
_GAPS_OF_ALL = 2  # where there was none
_WINDOW = 200  # characters; a comment up to here is one window
_PATH = re.compile(r"(?<![\w.-])((?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,10})/[\w/.~:?#\[\]@!$&()*+;=%-]*")
_SENTENCE_END = re.compile(r"(?<=[.!?\n])\s+")


class Scorer(Protocol):
    """What the judge asks of a classifier."""

    labels: tuple[str, ...]
    model: str

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Calibrated probabilities, float32 (n, k); NaN where a label has no measured model."""

    def weigh(self, text: str, label: str) -> Sequence[tuple[int, int, float]]:
        """How much each word of one folded text moved a label: (begin, end, weight)."""


@runtime_checkable
class KnowsBeyondRules(Protocol):
    """A classifier that also has a word on what no rule asks for: offence and hatred of any kind."""

    aux: tuple[str, ...]

    def score_all(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `Scorer.score`, with a column for each of `aux` behind those of `labels`."""


class _Taken(NamedTuple):
    """A text as it is read; `mended` is None where it has no slips, or where none are looked for."""

    folded: Folded
    language: Language
    mended: Folded | None


class Judge:
    """Evidence from text. Holds a classifier (or none: then nothing is scored) and the lexicons."""

    def __init__(
        self,
        classifier: Scorer | None,
        lexicon: Lexicon | Lexicons,
        encoder: Encoder | None = None,
        relevance: Relevance | None = None,
        mending: Mending | None = None,
    ) -> None:
        """
        Args:
            classifier: the fast tier; None: nothing is scored.
            encoder: with it the judge is the full one; without, the fast tier judges alone.
            mending: reads English slips; None: they are read as they are.
            relevance: how the encoder's vectors tell what a comment is about; of another encoder it is left out.
        """
        self.labels = RULE_LABELS + WELCOME_LABELS
        self._classifier = classifier
        self._encoder = encoder
        self._lexicon = lexicon
        self._mending = mending
        ours = encoder is not None and relevance is not None and relevance.graph == encoder.graph
        self._relevance = relevance if ours else None
        models = [model.model for model in (classifier, encoder) if model is not None]
        parts = [
            *models,
            lexicon.digest,
            *([self._relevance.digest] if self._relevance else []),
            *([mending.form] if mending else []),
        ]
        self.model = digest_of("\n".join(parts).encode())
        """Digest of all that produces scores: the models' and the lexicons' together."""

    @classmethod
    def load(cls, directory: Path | None = None, *, tier: Tier = "full") -> Judge:
        """
        Load the models and the shipped lexicons.

        Args:
            directory: a folder with the models' folders `fast` and `encoder`; None: the shipped one.
            tier: "full", or "fast" for the fast tier alone.

        Raises:
            BadModel: the directory does not hold the models.
        """
        models = MODELS if directory is None else directory
        encoder = Encoder.load(models / "encoder") if tier == "full" else None
        told = models / "relevance.json"
        relevance = Relevance.load(told) if encoder is not None and told.exists() else None
        return cls.of(Classifier.load(models / "fast"), encoder, relevance)

    @classmethod
    def of(cls, classifier: Scorer, encoder: Encoder | None, relevance: Relevance | None = None) -> Judge:
        """
        A judge of these models, with the shipped lexicons; with an encoder it mends slips too.

        Raises:
            BadModel: a lexicon is not there, or is none.
        """
        try:
            lexicons = Lexicons.load()
            mending = None if encoder is None else Mending.load(lexicons.english_words)
        except Exception as fault:  # noqa: BLE001 - whatever the files are, they are no lexicons
            raise BadModel(f"The lexicons cannot be read ({type(fault).__name__}).") from None
        return cls(classifier, lexicons, encoder, relevance, mending)

    @property
    def languages(self) -> frozenset[str]:
        """The languages in which texts get scores."""
        return FAST_ALONE if self._encoder is None else self._encoder.languages

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
            story: what the newsroom registered; without its title, relevance is not measured.
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
        places: bool = True,
    ) -> list[Evidence]:
        """
        Gather the evidence on many comments at once, in their order; see `evidence`.

        Args:
            places: whether to say where in each text it is; without, `spans` are empty and nothing else differs.
        """
        if not texts:
            return []
        given = self._taken(texts, language, expected)
        scored, read = self._scored(given)
        welcome = self._welcome(given, read, story)
        alleging = self._alleging(len(texts), read)
        cut = [False] * len(texts) if read is None else read.cut.tolist()
        return [
            self._one(
                text,
                one,
                None if scored is None else scored[i],
                welcome[i],
                history,
                alleging=alleging[i],
                cut=cut[i],
                at_once=read is None or int(read.windows[i]) == 1,
                places=places,
            )
            for i, (text, one) in enumerate(zip(texts, given, strict=True))
        ]

    def whole(
        self,
        text: str,
        *,
        language: str | None = None,
        story: Story | None = None,
        expected: Sequence[str] = (),
        places: bool = True,
    ) -> Evidence:
        """
        As `evidence`, but the whole of a long text is read: in stretches, the worst of which counts for each rule's label.

        Args:
            places: as for `evidence_of`.

        Raises:
            ClassifierUnavailable: the model failed.
        """
        if len(text) <= _STRETCH:
            [whole] = self.evidence_of(
                [text], language=language, story=story, expected=expected, places=places
            )
            return whole
        starts = range(0, len(text) - _OVERLAP, _STRETCH - _OVERLAP)
        stretches = [text[start : start + _STRETCH] for start in starts]
        read = self.evidence_of(stretches, language=language, story=story, expected=expected, places=places)
        scores: dict[str, float | None] = {}
        for label in self.labels:
            known = [score for one in read if (score := one.scores.get(label)) is not None]
            # What one stretch is in that nobody reads is a part of the text that was not measured.
            scores[label] = max(known) if len(known) == len(read) else None
        tongue = identify(fold(text), language, expected)
        # Each once: stretches overlap, and what was seen in one of them was seen.
        findings = dict.fromkeys(
            _moved(one, start)
            for start, evidence in zip(starts, read, strict=True)
            for one in evidence.findings
        )
        spans = dict.fromkeys(
            _moved(one, start) for start, evidence in zip(starts, read, strict=True) for one in evidence.spans
        )
        return replace(
            read[0],
            language=tongue.tag,
            language_score=tongue.score,
            scores=scores,
            findings=tuple(findings),
            spans=tuple(spans)[:SPANS_AT_MOST],
        )

    def explain(
        self, text: str, label: str, *, language: str | None = None, expected: Sequence[str] = ()
    ) -> tuple[Weighed, ...]:
        """
        Which words of a text weighed for one of the rules' labels; reads it up to occlusion.READINGS times.

        Args:
            text: as sent.
            language, expected: as for `evidence`.

        Raises:
            ClassifierUnavailable: the model failed.
        """
        if self._classifier is None or label not in RULE_LABELS:
            return ()
        column = RULE_LABELS.index(label)
        read_text = text[:LONGEST]
        tongue = self._taken([read_text], language, expected)[0].language

        def read(texts: Sequence[str]) -> NDArray[np.float32]:
            # In the language of the whole: what is left of it may be too little to have one.
            scored, _ = self._scored([self._taken_in(tongue, one) for one in texts])
            assert scored is not None
            return scored[:, column]

        return weigh(read_text, label, read)

    def why(self, text: str, evidence: Evidence, *, expected: Sequence[str] = ()) -> tuple[Weighed, ...]:
        """
        Which words weighed for the labels that may keep a comment waiting, the strongest EXPLAINED of them.

        Args:
            evidence: what `evidence` said of this text.
        """
        scores = ((evidence.scores.get(label) or 0.0, label) for label in RULE_LABELS)
        high = sorted((pair for pair in scores if pair[0] >= SHOWN_FROM), reverse=True)[:EXPLAINED]
        language = evidence.language if evidence.language != UNKNOWN_LANGUAGE else None
        return tuple(
            found
            for _, label in high
            for found in self.explain(text, label, language=language, expected=expected)
        )

    def hatred(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """
        The probability that each text hates any group at all: what public tests of hate ask, and no rule does.

        Returns:
            float32 (n,); NaN without a full judge.
        """
        return self._beyond_rules(texts, "hate")

    def offence(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """
        The probability that each text offends in any way: what public tests call toxic, and no rule asks.

        Returns:
            float32 (n,); NaN without a full judge.
        """
        return self._beyond_rules(texts, "toxic")

    def _beyond_rules(self, texts: Sequence[str], label: str) -> NDArray[np.float32]:
        scored, _ = self._scored(self._taken(texts), by_length=True)
        if scored is None or self._encoder is None:
            return np.full(len(texts), np.nan, np.float32)
        found: NDArray[np.float32] = scored[:, LABELS.index(label)]
        return found

    def witnesses(
        self, texts: Sequence[str]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """
        What the encoder and the fast tier say of each text before they are blended, for those who learn the blend.

        Returns:
            Log-odds, float32 (n, k) each, in the order of judge.blend.LABELS; NaN where a tier has no opinion. And
            int (n,), in how many windows the encoder read each.
        """
        given = self._taken(texts)
        fast = self._fast(given)
        read = self._read(given)
        if read is None:
            nothing = np.full((len(given), len(LABELS)), np.nan, np.float32)
            return nothing, fast, np.ones(len(given), np.int64)
        return self._blended(read), fast, read.windows

    def _taken(
        self, texts: Sequence[str], language: str | None = None, expected: Sequence[str] = ()
    ) -> list[_Taken]:
        """Texts as they are read: folded, with their language, and with their slips mended."""
        taken = []
        for text in texts:
            folded = fold(text[:LONGEST])
            tongue = identify(folded, language, expected)
            mended = self._mended(folded, tongue)
            if mended is not None and tongue.tag == UNKNOWN_LANGUAGE:
                assert self._mending is not None
                if _run_together(folded, mended) or self._mending.is_english(folded.unmasked.text):
                    tongue = identify(mended, None, expected)
            taken.append(_Taken(folded, tongue, mended))
        return taken

    def _taken_in(self, language: Language, text: str) -> _Taken:
        folded = fold(text)
        return _Taken(folded, language, self._mended(folded, language))

    def _mended(self, folded: Folded, language: Language) -> Folded | None:
        """The text with its slips mended, where the full judge reads English or what may be English run together."""
        if self._mending is None or language.tag not in ("en", UNKNOWN_LANGUAGE) or language.others:
            return None
        return self._mending.mended(folded)

    def _scored(
        self, given: Sequence[_Taken], *, by_length: bool = False
    ) -> tuple[NDArray[np.float32] | None, Read | None]:
        """
        The model's probabilities of texts, one column a label, and what the encoder read; None where nothing does.

        With the encoder the columns are those of LABELS, without it the rules' labels only. `by_length` weighs a long
        text's worst stretch by how many there are; what is decided is decided by the worst as if it stood alone.
        """
        if self._classifier is None:
            return None, None
        try:
            read = self._read(given)
            if self._encoder is None or read is None:
                return self._fast_scores(given)[:, : len(RULE_LABELS)], None
            tags = [one.language.tag for one in given]
            windows = read.windows if by_length else np.ones(len(given), np.int64)
            blended = self._encoder.blend.probabilities(self._blended(read), self._fast(given), tags, windows)
            return blended, read
        except Exception as fault:  # noqa: BLE001
            # Whatever broke in there, the answer is the same: hold. No reader's word may be in the message.
            raise ClassifierUnavailable(f"The classifier failed ({type(fault).__name__}).") from None

    def _knows(self, language: Language) -> bool:
        """Whether the models have learned a text's languages, all of them. What is not calibrated is held later."""
        known = FAST_ALONE if self._encoder is None else self._encoder.languages
        return language.tag in known and known.issuperset(language.others)

    def _reads(self, language: Language) -> bool:
        """
        Whether a text gets scores: one whose languages are known, and with the encoder one of no language that is recognised.

        Such a text is mostly a few words of a known one. It waits for a person, who then sees what was found.
        """
        if self._knows(language):
            return True
        known = frozenset() if self._encoder is None else self._encoder.languages | {UNKNOWN_LANGUAGE}
        return language.tag in known and known.issuperset(language.others)

    def _fast(self, given: Sequence[_Taken]) -> NDArray[np.float32]:
        """The fast tier's log-odds, in the order of LABELS; NaN where it has no opinion."""
        if self._classifier is None:
            return np.full((len(given), len(LABELS)), np.nan, np.float32)
        return odds_of(self._fast_scores(given))

    def _fast_scores(self, given: Sequence[_Taken]) -> NDArray[np.float32]:
        """The fast tier's probabilities, its worst window's, in the order of LABELS; NaN where it has none."""
        classifier = self._classifier
        assert classifier is not None
        windows: list[str] = []
        begins = []
        for one in given:
            begins.append(len(windows))
            for reading in _readings_of(one):
                windows += _windows_of(_without_paths(reading))
        if not windows:
            return np.zeros((0, len(LABELS)), np.float32)
        if isinstance(classifier, KnowsBeyondRules):
            names, scored = classifier.labels + classifier.aux, classifier.score_all(windows)
        else:
            names, scored = classifier.labels, classifier.score(windows)
        by_label = np.full((len(windows), len(LABELS)), np.nan, np.float32)
        for column, label in enumerate(names):
            if label in LABELS:
                by_label[:, LABELS.index(label)] = scored[:, column]
        worst: NDArray[np.float32] = np.maximum.reduceat(by_label, begins, axis=0)
        return worst

    def _offence_where_listed(self, text: str, given: _Taken, hits: Sequence[Hit]) -> float:
        """
        How sure the models are that a sentence with something clearly listed in it offends, read alone; 0 without one.

        Politeness around it makes it seem less than it is.
        """
        clear = [hit.begin for hit in hits if is_clear(hit)]
        if not clear:
            return 0.0
        ends = [*(end.end() for end in _SENTENCE_END.finditer(text)), len(text)]
        begins = [0, *ends]
        places = {bisect_right(ends, begin) for begin in clear}
        alone = {text[begins[place] : ends[place]] for place in places} - {text}
        if not alone:
            return 0.0
        scored, _ = self._scored([self._taken_in(given.language, one) for one in sorted(alone)])
        return 0.0 if scored is None else float(scored[:, LABELS.index("toxic")].max())

    def _welcome(
        self,
        given: Sequence[_Taken],
        read: Read | None,
        story: Story | None,
    ) -> list[dict[str, float | None]]:
        """The scores of what is welcome, for each text; what cannot be said is None."""
        encoder, relevance = self._encoder, self._relevance
        found: list[dict[str, float | None]] = [dict.fromkeys(WELCOME_LABELS) for _ in given]
        if encoder is None or read is None:
            return found
        if encoder.constructive is not None:
            slope, bias = encoder.constructive
            odds = slope * read.odds[:, encoder.labels.index("constructive")].astype(np.float64) + bias
            for scores, one in zip(found, odds.tolist(), strict=True):
                scores["constructive"] = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, one))))
        if relevance is not None and relevance.asks(story):
            for i, one in enumerate(given):
                try:
                    found[i]["relevance"] = relevance.probability(
                        one.folded.original,
                        read.meaning[i],
                        one.language.tag,
                        story,
                        lambda t: encoder.read(t).meaning,
                    )
                except Exception as fault:  # noqa: BLE001 - no reader's word may be in the message
                    raise ClassifierUnavailable(f"The encoder failed ({type(fault).__name__}).") from None
        return found

    def _alleging(self, number: int, read: Read | None) -> list[bool]:
        """Whether the encoder reads a crime alleged of a named private person, for each text."""
        encoder = self._encoder
        if encoder is None or read is None or encoder.alleges_from is None:
            return [False] * number
        odds = read.odds[:, encoder.labels.index(ALLEGATION)]
        said: list[bool] = (~(odds < encoder.alleges_from)).tolist()
        return said

    def _blended(self, read: Read) -> NDArray[np.float32]:
        """The log-odds of what is blended, in the order of LABELS."""
        assert self._encoder is not None
        return read.odds[:, [self._encoder.labels.index(label) for label in LABELS]]

    def _read(self, given: Sequence[_Taken]) -> Read | None:
        """
        What the encoder says.

        A disguised or misspelled text is read again without that, and one with words inside its addresses with
        them; the worse of a label counts.
        """
        if self._encoder is None:
            return None
        texts = [as_written(one.folded.original) for one in given]
        seconds = []
        for i, one in enumerate(given):
            bare = {
                undisguised(one.folded),
                undisguised_otherwise(one.folded),
                opened(one.folded.original),
                None if one.mended is None else as_written(one.mended.text),
            }
            for other in sorted(bare - {None, texts[i]}, key=str):
                seconds.append(i)
                texts.append(str(other))
        read = self._encoder.read(texts)
        n = len(given)
        odds = read.odds[:n]
        labels = self._encoder.labels
        # What may breach a rule or has to be held: a disguise does not make a comment constructive.
        columns = [labels.index(label) for label in (*LABELS, *({ALLEGATION} & set(labels)))]
        for i, other_odds, other_cut in zip(seconds, read.odds[n:], read.cut[n:], strict=True):
            odds[i, columns] = np.maximum(odds[i, columns], other_odds[columns])
            read.cut[i] |= other_cut
        return Read(odds, read.meaning[:n], read.windows[:n], read.cut[:n])

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
        given: _Taken,
        classified: NDArray[np.float32] | None,
        welcome: dict[str, float | None],
        history: History,
        *,
        alleging: bool,
        cut: bool,
        at_once: bool,
        places: bool,
    ) -> Evidence:
        folded, language = given.folded, given.language
        seen = signals.read(text[:LONGEST], obfuscation=folded.obfuscation, history=history)
        hits = self._lexicon.find(folded, language.tag, given.mended)
        findings = list(seen.findings)
        if alleging and not any(finding.hold is Hold.ALLEGATION for finding in findings):
            findings.append(
                Finding(ALLEGATION, "it may allege a crime of a named person", hold=Hold.ALLEGATION)
            )
        if cut or len(text) > LONGEST:
            findings.append(Finding("long", "longer than the judge reads", hold=Hold.LENGTH))
        scores: dict[str, float | None] = dict.fromkeys(self.labels)
        if not self._knows(language):
            findings.append(_language_finding(language))
        if classified is not None and self._reads(language):
            by_label: dict[str, list[Hit]] = {}
            for hit in hits:
                by_label.setdefault(hit.label, []).append(hit)
            scores.update(welcome)
            full = self._encoder is not None
            offence = float(classified[LABELS.index("toxic")]) if full else 0.0
            if full and not offence >= OFFENDS_FROM:
                offence = max(offence, self._offence_where_listed(text[:LONGEST], given, hits))
            for label, probability in zip(RULE_LABELS, classified.tolist(), strict=False):
                if not math.isnan(probability):
                    scores[label] = fuse(
                        by_label.get(label, ()),
                        _signal(seen, label),
                        probability,
                        full=full,
                        # Advertising offends nobody.
                        offence=None if label == "promotion" else offence,
                        at_once=at_once,
                    )
            # Asked last whether the disguise is undone: it reads the whole text again.
            disguised = full and any(finding.kind == "obfuscated" for finding in findings)
            if disguised and _harmless(scores, offence) and folded.is_undone:
                findings = [_seen_through(finding) for finding in findings]
        spans = _spans_of(hits) if places else ()
        seen_labels = {span.label for span in spans}
        for label in RULE_LABELS if places else ():
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


def _run_together(folded: Folded, mended: Folded) -> bool:
    """Whether gaps were left out of a comment: it has a language once it has them. One mended word has none."""
    plain = folded.unmasked.text
    gaps = plain.count(" ")
    whole_sentence = not gaps and len(plain) >= A_SENTENCE_FROM
    return mended.text.count(" ") >= gaps + (_GAPS_OF_ALL if whole_sentence else _GAPS_FROM)


def _readings_of(given: _Taken) -> list[str]:
    """What the fast tier reads of a text: as it is, and without its disguise and its slips."""
    readings = [given.folded.text]
    if given.folded.obfuscation >= DISGUISED_FROM:
        readings.append(given.folded.unmasked.text)
    if given.mended is not None:
        readings.append(given.mended.text)
    return readings


def _harmless(scores: Mapping[str, float | None], offence: float) -> bool:
    """Whether nothing that was measured speaks against a comment, everything having been measured."""
    said = [offence, *(scores[label] for label in RULE_LABELS)]
    return all(score is not None and score < SEEN_THROUGH_BELOW for score in said)


def _moved(seen: Seen, start: int) -> Seen:
    """What was seen in a stretch, with its place in the whole text."""
    if seen.begin is None or seen.end is None:
        return seen
    return replace(seen, begin=seen.begin + start, end=seen.end + start)


def _seen_through(finding: Finding) -> Finding:
    """The finding; of a disguise that was undone before the comment was read, without its reason to wait."""
    return replace(finding, hold=None) if finding.kind == "obfuscated" else finding


def _signal(seen: signals.Signals, label: str) -> float:
    """What certain signs say about a label; so far they only know advertising."""
    return seen.promotion if label == "promotion" else 0.0


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
