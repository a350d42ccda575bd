"""The fast tier: loading refuses what is not whole; scoring is total, and the same alone and in company."""

from __future__ import annotations

import json
import shutil
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meydan.comment import RULE_LABELS
from meydan.errors import BadModel
from meydan.judge.classifier import (
    AUX_LABELS,
    COLUMNS,
    GROUP_LABELS,
    SHIPPED,
    Classifier,
    blanked,
    features_of,
    level,
    odds_of,
)
from meydan.judge.groups import BLANK, COMPANIONS, GROUP_NAMES
from meydan.text.fold import fold

PLAIN = [
    "Thank you for a careful piece.",
    "you are an idiot and everybody knows it",
    "",
    "   ...  ",
    "The ministry has not answered since March, and neither has the governor.",
    "I don't agree with one word of this.",
    "x" * 5000,
    "idiot " * 800,
    "سوپاس بۆ ئەم بابەتە",
    "🙂",
]


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier.load()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "fast"))


def test_scores_are_probabilities_of_every_label(classifier: Classifier) -> None:
    """If texts are scored, then each row has a probability for each rule label, and for each training head."""
    scores, aux = classifier.score(PLAIN), classifier.score_aux(PLAIN)
    assert classifier.labels == RULE_LABELS
    assert classifier.aux == AUX_LABELS
    assert scores.shape == (len(PLAIN), len(RULE_LABELS))
    assert aux.shape == (len(PLAIN), len(AUX_LABELS))
    assert scores.dtype == aux.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    assert ((aux >= 0) & (aux <= 1)).all()


def test_nothing_scores_as_nothing(classifier: Classifier) -> None:
    """If there is no text, then there is no row."""
    assert classifier.score([]).shape == (0, len(RULE_LABELS))
    assert classifier.score_aux([]).shape == (0, len(AUX_LABELS))


def test_company_changes_no_score(classifier: Classifier) -> None:
    """If a text is scored in a batch, then its scores are those it has alone, wherever the batch is cut."""
    many = PLAIN * 30
    alone = np.concatenate([classifier.score_all([text]) for text in PLAIN])
    np.testing.assert_array_equal(classifier.score_all(many), np.tile(alone, (30, 1)))


@settings(deadline=None)
@given(st.lists(st.text(alphabet=st.characters(), max_size=40), max_size=6))
def test_any_text_has_scores(texts: list[str]) -> None:
    """If a text is any str at all, lone surrogates included, then it has scores, the same alone and in company."""
    classifier = _shipped()
    together = classifier.score_all(texts)
    assert together.shape == (len(texts), len(RULE_LABELS) + len(AUX_LABELS))
    assert not np.isnan(together).any()
    for text, row in zip(texts, together, strict=True):
        np.testing.assert_array_equal(classifier.score_all([text])[0], row)


WORDS = st.sampled_from(
    ["you", "idiot", "don't", "women", "arab", "people", "a", "🙂", "7", "'", "@you", "…", "\n"]
)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_words_weigh_where_they_stand(text: str) -> None:
    """If a text's words are weighed, then each has its own place in it, in order, and their sum is the whole score."""
    classifier = _shipped()
    weighed = classifier.weigh(text, "personal_attack")
    assert all(text[begin:end].strip() == text[begin:end] != "" for begin, end, _ in weighed)
    assert all(end <= begin for (_, end, _), (begin, _, _) in pairwise(weighed))
    column = RULE_LABELS.index("personal_attack")
    odds = _odds(classifier.score([text])[0, column]) - _odds(classifier.score([""])[0, column])
    assert sum(weight for *_, weight in weighed) == pytest.approx(odds, abs=5e-3)


@pytest.mark.parametrize("label", GROUP_LABELS)
def test_hate_of_a_group_weighs_on_the_hateful_words(label: str) -> None:
    """If hatred of a group is weighed, then every word has a weight, and taking the heaviest away lowers the score."""
    classifier = _shipped()
    text = "i think that all these filthy women arabs gays migrants muslims and cripples are vermin and should be shot"
    weighed = classifier.weigh(text, label)
    assert [text[begin:end] for begin, end, _ in weighed] == text.split()
    begin, end, weight = max(weighed, key=lambda word: word[2])
    assert weight > 0
    column = RULE_LABELS.index(label)
    before, after = classifier.score([text, text[:begin] + text[end:]])[:, column]
    assert after < before


@settings(deadline=None)
@given(st.lists(st.sampled_from([-9.0, -1.0, 0.0, 1.0, 9.0]), min_size=len(COLUMNS), max_size=len(COLUMNS)))
def test_a_group_needs_both_hate_and_its_name(raw: list[float]) -> None:
    """If nothing hateful is said, or it is not about the group, then the odds are no higher than that one half says."""
    row = np.array([raw], np.float32)
    odds = odds_of(row)[0]
    hate = row[0, COLUMNS.index("hate")]
    for label in GROUP_LABELS:
        column = RULE_LABELS.index(label)
        about = row[0, COLUMNS.index(f"about {label}")]
        assert odds[column] <= min(hate + row[0, column] / 2, about) + 1e-5
    others = [i for i, name in enumerate(COLUMNS[: len(odds)]) if name not in GROUP_LABELS]
    np.testing.assert_array_equal(odds[others], row[0, others])


@pytest.mark.parametrize("label", [name for name in RULE_LABELS if name not in GROUP_LABELS])
def test_names_of_groups_say_nothing_about_other_labels(classifier: Classifier, label: str) -> None:
    """If only the name of a group differs, then no label but hatred of a group differs."""
    column = RULE_LABELS.index(label)
    texts = [
        f"why do {group} never answer our letters" for group in ("muslims", "women", "deaf people", "kurds")
    ]
    assert len(set(classifier.score(texts)[:, column].tolist())) == 1


@pytest.mark.parametrize("name", ["Muslims", "Refugees.", "The disabled?", "Women, women!", "Black people"])
def test_a_name_alone_is_no_evidence(classifier: Classifier, name: str) -> None:
    """If a text is little more than the name of a group, then no label is more likely than not."""
    assert np.nanmax(classifier.score([fold(name).text])) < 0.5


def test_names_of_groups_are_taken_out_with_their_company() -> None:
    """If a text names groups, then each stands as one blank; if it names none, then it is the very same text."""
    text = level("black people and trans women met the children of a deaf man")
    assert blanked(text) == f" {BLANK} and {BLANK} met the children of a {BLANK} "
    plain = level("people and children met")
    assert blanked(plain) is plain
    assert not {name for name in GROUP_NAMES | COMPANIONS if name != name.lower() or not name.isalpha()}


def test_the_insult_weighs_most(classifier: Classifier) -> None:
    """If one word of a sentence is the insult, then it is the word that weighs most."""
    text = "the mayor answered and what an idiot he is about the water"
    begin, end, weight = max(classifier.weigh(text, "personal_attack"), key=lambda word: word[2])
    assert text[begin:end] == "idiot"
    assert weight > 0


def test_an_unknown_label_is_a_key_error(classifier: Classifier) -> None:
    """If a label is none of the model's, then weighing for it is refused."""
    with pytest.raises(KeyError):
        classifier.weigh("a word", "relevance")


@pytest.mark.parametrize(
    "text",
    [
        "My neighbours are Syrian refugees and they run the best bakery in town.",
        "She is a Muslim and a teacher.",
        "Gay men asked the mayor for a safer street.",
        "A deaf woman won the race.",
        "Arabs, Kurds and Turkmens share this city.",
        "Black and white photographs of the old market, lovely.",
    ],
)
def test_naming_a_group_is_far_from_a_rejection(classifier: Classifier, text: str) -> None:
    """If a group is named and nothing more, then no label comes near the threshold for rejecting."""
    assert np.nanmax(classifier.score([fold(text).text])) < 0.6


def test_plain_words_part_abuse_from_reporting(classifier: Classifier) -> None:
    """If sentences are plainly abusive or plainly not, then the abusive ones score higher, killed and attacked included."""
    fair = [
        "Two soldiers were killed when militants attacked a checkpoint near the border.",
        "I disagree with the minister, and the article is too kind to him.",
        "My neighbours are Syrian refugees and they run the best bakery in town.",
        "The militia fired rockets at the base; nobody was hurt.",
    ]
    foul = [
        "You are a stupid disgusting idiot.",
        "Shut up you filthy lying moron.",
        "I will find you and kill you, you bastard.",
        "Fuck off you worthless piece of shit.",
    ]
    folded = [fold(text).text for text in fair + foul]
    worst = np.nanmax(classifier.score(folded), axis=1)
    assert worst[: len(fair)].max() < 0.9
    assert worst[len(fair) :].min() > worst[: len(fair)].max()


def test_features_count_once() -> None:
    """If a word is repeated, then its features count once, so that a flood weighs no more than its text."""
    once, flood = features_of([level("idiot")]), features_of([level("idiot idiot idiot idiot")])
    assert len(flood.buckets) == len(set(flood.buckets.tolist()))
    assert set(once.buckets.tolist()) < set(flood.buckets.tolist())


def test_mentions_and_addresses_are_not_words() -> None:
    """If a text holds a mention or an address, then no word is read inside it."""
    assert level("see https://idiot.example/idiot @idiot www.idiot.example now") == " see now "


def test_apostrophes_and_numbers_are_levelled() -> None:
    """If only apostrophes or numbers differ, then the words are the same to the model; a number in a word stays."""
    assert level("don’t call 07701234567 at 5") == level("don't call 2,000 at") == " dont call at "
    assert level("h8 4ever") == " h8 4ever "


@pytest.mark.parametrize("name", ["manifest.json", "weights.z"])
def test_a_missing_file_is_a_bad_model(copy: Path, name: str) -> None:
    """If a file of the model is missing, then loading refuses and says which model."""
    (copy / name).unlink()
    with pytest.raises(BadModel, match="fast"):
        Classifier.load(copy)


@pytest.mark.parametrize("where", [0, 1000, -1])
def test_a_changed_byte_is_a_bad_model(copy: Path, where: int) -> None:
    """If one bit of the weights differs, then loading refuses."""
    weights = bytearray((copy / "weights.z").read_bytes())
    weights[where] ^= 1
    (copy / "weights.z").write_bytes(weights)
    with pytest.raises(BadModel):
        Classifier.load(copy)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 1},
        {"columns": ["toxic"]},
        {"buckets_log2": 40},
        {"buckets_log2": "many"},
        {"buckets_log2": -1},
        {"buckets_log2": 1e400},
        {"features": {"letters": [9]}},
        {"scale": None},
        {"scale": [1.0]},
        {"bias": [0.0]},
        {"bias": [float("nan")] * len(COLUMNS)},
        {"calibration": [[1.0]]},
        {"weights": {}},
        {"weights": {"file": "../../../fast/weights.z"}},
        {"measured": 5},
    ],
    ids=str,
)
def test_a_manifest_that_does_not_fit_is_a_bad_model(copy: Path, change: dict[str, object]) -> None:
    """If the manifest says something that the weights or this program are not, then loading refuses."""
    path = copy / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **change}))
    with pytest.raises(BadModel):
        Classifier.load(copy)


@pytest.mark.parametrize("source", [b"", b"[]", b"{", b"\xff", b"null", b"9" * 100])
def test_a_manifest_that_is_none_is_a_bad_model(copy: Path, source: bytes) -> None:
    """If the manifest is not one at all, then loading refuses."""
    (copy / "manifest.json").write_bytes(source)
    with pytest.raises(BadModel):
        Classifier.load(copy)


def test_an_unmeasured_label_is_not_a_number(copy: Path) -> None:
    """If a label had no usable training data, then its column is NaN, its words weigh nothing, and the rest is unchanged."""
    path = copy / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["measured"] = [name for name in manifest["measured"] if name != "threat"]
    path.write_text(json.dumps(manifest))
    less = Classifier.load(copy)
    column = RULE_LABELS.index("threat")
    scores, before = less.score_all(PLAIN), _shipped().score_all(PLAIN)
    assert np.isnan(scores[:, column]).all()
    np.testing.assert_array_equal(np.delete(scores, column, 1), np.delete(before, column, 1))
    assert less.weigh("i will hurt you", "threat")[-1] == (12, 15, 0.0)


def test_the_digest_names_the_model(copy: Path, classifier: Classifier) -> None:
    """If the calibration changes, then so does the digest that decisions record."""
    assert classifier.model.startswith("sha256:")
    assert Classifier.load(copy).model == classifier.model
    path = copy / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["calibration"][0][1] += 0.5
    path.write_text(json.dumps(manifest))
    assert Classifier.load(copy).model != classifier.model


def test_the_shipped_model_is_small() -> None:
    """If the model ships, then its files together stay under eight megabytes."""
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 8_000_000


def test_scoring_is_fast_enough_for_archives(classifier: Classifier) -> None:
    """If an archive is scored, then a core reads thousands of comments in a second, even a busy one."""
    text = fold(
        "The governor promised water in spring, and the taps are still dry in every house of our street. "
    ).text
    batch = [f"{text} {i} it is a disgrace and somebody should resign" for i in range(4000)]
    classifier.score(batch[:10])
    begin = time.process_time()
    classifier.score(batch)
    assert len(batch) / (time.process_time() - begin) > 4000


def _shipped() -> Classifier:
    global _CLASSIFIER
    if _CLASSIFIER is None:
        _CLASSIFIER = Classifier.load()
    return _CLASSIFIER


_CLASSIFIER: Classifier | None = None


def _odds(p: float) -> float:
    return float(np.log(p / (1 - p)))
