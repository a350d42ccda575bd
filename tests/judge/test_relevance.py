"""Whether a comment is about its story: what is said, what is left unsaid, and what is kept in mind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from meydan.comment import Story
from meydan.errors import BadModel, ClassifierUnavailable
from meydan.judge import Judge
from meydan.judge.blend import LABELS, Blend
from meydan.judge.encoder import Encoder, Read
from meydan.judge.lexicon import Lexicon
from meydan.judge.relevance import STORIES, Measure, Relevance

WATER = Story(id=1, url="", title="The water stations are broken", text="Water will be back in ten days.")
COMMENT = "The water in our street was brown again this morning."
ASIDE = "Real Madrid will surely win the final on Saturday night."


class Topics(Encoder):
    """An encoder that knows two subjects, and nothing else; counts what it reads."""

    def __init__(self, *, constructive: tuple[float, float] | None = None, broken: bool = False) -> None:
        self.blend = Blend(
            np.tile(np.array([[1.0, 0.0]], np.float32), (len(LABELS), 1)),
            np.zeros(len(LABELS), np.float32),
            {},
        )
        self.labels = (*LABELS, "constructive")
        self.languages = frozenset({"en"})
        self.model = self.graph = "sha256:topics"
        self.constructive = constructive
        self.alleges_from = None
        self.asked: list[str] = []
        self._broken = broken

    def read(self, texts: Sequence[str]) -> Read:
        if self._broken and any("stations" in text for text in texts):
            raise RuntimeError(f"cannot read {texts[0]}")
        self.asked.extend(texts)
        vectors = np.array([[1.0, "water" in one, "madrid" in one] for one in texts], np.float32)
        odds = np.full((len(texts), len(self.labels)), -8.0, np.float32)
        odds[:, -1] = ["because" in one for one in texts]
        return Read(odds, vectors, np.ones(len(texts), np.int64), np.zeros(len(texts), np.bool_))


class Quiet:
    """A fast tier without an opinion."""

    labels: tuple[str, ...] = ()
    model = "sha256:quiet"

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.zeros((len(texts), 0), np.float32)

    def weigh(self, text: str, label: str) -> Sequence[tuple[int, int, float]]:
        return []


def relevance(*languages: str) -> Relevance:
    common = np.array([1.0, 0.0, 0.0], np.float32)
    measure = Measure(common, common, 8.0, -4.0)
    return Relevance(dict.fromkeys(languages or ("en",), measure), graph="sha256:topics", digest="sha256:r")


def judge_of(encoder: Encoder | None = None, known: Relevance | None = None) -> Judge:
    return Judge(Quiet(), Lexicon.load(), encoder or Topics(), known or relevance())


def test_a_comment_on_the_story_is_relevant() -> None:
    """If comments are about the story and about something else, then the first scores high, the second low."""
    judge = judge_of()
    on, off = judge.evidence_of([COMMENT, ASIDE], story=WATER, expected=("en",))
    assert (on.scores["relevance"] or 0) > 0.9
    assert (off.scores["relevance"] or 1) < 0.1


UNSAID = [
    ("no story", COMMENT, None, "en"),
    ("a story without a title", COMMENT, Story(id=1, url="", text="Water."), "en"),
    ("a blank title", COMMENT, Story(id=1, url="", title="  "), "en"),
    ("under five words", "The water was brown.", WATER, "en"),
    ("another language", COMMENT, WATER, "tr"),
]


@pytest.mark.parametrize(
    ("text", "story", "measured"), [row[1:] for row in UNSAID], ids=[r[0] for r in UNSAID]
)
def test_what_cannot_be_said_is_not_said(text: str, story: Story | None, measured: str) -> None:
    """If the story, the words or the measure are missing, then relevance is None, which is never zero."""
    evidence = judge_of(known=relevance(measured)).evidence(text, story=story, expected=("en",))
    assert evidence.scores["relevance"] is None


def test_another_encoders_measure_is_left_out() -> None:
    """If the measure was made for other vectors, then nothing is said, and the judge's digest is without it."""
    other = Relevance({}, graph="sha256:other", digest="sha256:x")
    strange = Relevance(relevance()._measures, graph="sha256:other", digest="sha256:x")
    judge = judge_of(known=strange)
    assert judge.evidence(COMMENT, story=WATER, expected=("en",)).scores["relevance"] is None
    assert judge.model == judge_of(known=other).model != judge_of().model


def test_a_story_is_read_once() -> None:
    """If many comments come on a story, then it is read once; when it changes, once more."""
    encoder = Topics()
    judge = judge_of(encoder)
    for _ in range(3):
        judge.evidence(COMMENT, story=WATER, expected=("en",))
    assert encoder.asked.count("the water stations are broken") == 1
    judge.evidence(COMMENT, story=Story(id=1, url="", title=WATER.title, text="New."), expected=("en",))
    assert encoder.asked.count("the water stations are broken") == 2


def test_few_stories_are_kept_by_many_threads() -> None:
    """If many threads ask about many stories, then every answer is right, and no more than STORIES are kept."""
    known = relevance()

    def means(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[1.0, float(one.split()[1]) % 2, 0.0] for one in texts], np.float32)

    def ask(i: int) -> bool:
        story = Story(id=i, url="", title=f"Story {i}")
        found = known.probability(COMMENT, np.array([1, 1, 0], np.float32), "en", story, means)
        return found is not None and (found > 0.5) == (i % 2 == 1)

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, [i % 300 for i in range(1500)]))
    assert len(known._stories) == STORIES


def test_no_words_in_a_failure() -> None:
    """If the encoder fails on a story, then the comment is held, and the message has none of the words."""
    with pytest.raises(ClassifierUnavailable) as failed:
        judge_of(Topics(broken=True)).evidence(COMMENT, story=WATER, expected=("en",))
    assert "water" not in str(failed.value).lower()


def test_constructive_needs_its_numbers() -> None:
    """If the manifest has no numbers for it, then constructiveness is not measured; with them it is a probability."""
    text = "I disagree because the bridge was closed for nine months in 2019."
    assert judge_of().evidence(text).scores["constructive"] is None
    judge = judge_of(Topics(constructive=(4.0, -2.0)))
    reasoned, bare = judge.evidence_of([text, "I disagree with every single word of this report."])
    assert (reasoned.scores["constructive"] or 0) > 0.8
    assert (bare.scores["constructive"] or 1) < 0.2


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """If the file is no measure of relevance, then loading says so by name, and of a language not measured nothing is kept."""
    path = tmp_path / "relevance.json"
    for source in ("", "[]", '{"format": 9}', '{"format": 1, "graph": "x"}'):
        path.write_text(source)
        with pytest.raises(BadModel, match=r"relevance\.json"):
            Relevance.load(path)
    stored = {"format": 1, "graph": "g", "languages": {"ckb": {"measured": False, "slope": 1, "bias": 0}}}
    path.write_text(json.dumps(stored))
    assert not Relevance.load(path).asks(WATER)
