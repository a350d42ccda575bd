"""The metrics agree with another library's, and say "no meaning" instead of guessing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as theirs

from meydan.evaluate import metrics as ours
from meydan.evaluate.figures import average

ROWS = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])), min_size=2, max_size=60
).filter(lambda rows: len({positive for positive, _ in rows}) == 2)


def _split(rows: list[tuple[bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([p for p, _ in rows]), np.array([s for _, s in rows])


@given(ROWS)
def test_metrics_agree_with_scikit_learn(rows: list[tuple[bool, float]]) -> None:
    """If both classes are there, then AUC, average precision and macro-F1 are those of scikit-learn."""
    positive, score = _split(rows)
    assert ours.auc(positive, score) == pytest.approx(theirs.roc_auc_score(positive, score))
    assert ours.average_precision(positive, score) == pytest.approx(
        theirs.average_precision_score(positive, score)
    )
    assert ours.macro_f1(positive, score) == pytest.approx(
        theirs.f1_score(positive, score >= 0.5, average="macro")
    )


@given(ROWS, st.sampled_from([0.0, 0.1, 0.5]))
def test_recall_is_what_the_roc_curve_allows(rows: list[tuple[bool, float]], fpr: float) -> None:
    """If some false positives are allowed, then the recall is the highest on the ROC curve within them."""
    positive, score = _split(rows)
    false, true, _ = theirs.roc_curve(positive, score, drop_intermediate=False)
    assert ours.recall_at_fpr(positive, score, fpr=fpr) == pytest.approx(true[false <= fpr + 1e-12].max())


@pytest.mark.parametrize("metric", [ours.auc, ours.average_precision, ours.recall_at_fpr, ours.macro_f1])
@pytest.mark.parametrize("positive", [[], [True, True], [False, False]], ids=str)
def test_one_class_has_no_figure(metric: ours.Metric, positive: list[bool]) -> None:
    """If a class is missing, then the figure is NaN, and so is its interval."""
    truth, score = np.array(positive, bool), np.linspace(0, 1, len(positive))
    assert np.isnan(metric(truth, score))
    assert str(ours.bootstrap(metric, truth, score)) == "–"


def test_the_interval_holds_the_figure_and_narrows() -> None:
    """If there are more rows, then the interval is narrower, and it holds the figure."""
    rng = np.random.default_rng(0)

    def interval(n: int) -> ours.Interval:
        positive = rng.random(n) < 0.3
        return ours.bootstrap(ours.auc, positive, positive + rng.normal(0, 1, n), resamples=200)

    few, many = interval(80), interval(4000)
    assert few.low < few.value < few.high
    assert many.high - many.low < (few.high - few.low) / 3


def test_the_interval_is_the_same_each_time() -> None:
    """If the seed is the same, then so is the interval."""
    positive = np.arange(40) % 3 == 0
    score = np.sin(np.arange(40))
    assert ours.bootstrap(ours.auc, positive, score) == ours.bootstrap(ours.auc, positive, score)


def test_rows_of_one_template_count_as_one() -> None:
    """If rows are copies of few templates, then drawing the templates together gives the wider, honest interval."""
    rng = np.random.default_rng(1)
    positive, score = np.repeat(rng.random(20) < 0.5, 50), np.repeat(rng.random(20), 50)
    groups = [str(i // 50) for i in range(1000)]
    alone = ours.bootstrap(ours.auc, positive, score, resamples=200)
    together = ours.bootstrap(ours.auc, positive, score, groups=groups, resamples=200)
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_the_quick_intervals_are_the_slow_ones() -> None:
    """If AUC and average precision are drawn by weight, then figures and intervals are those of drawing rows."""
    rng = np.random.default_rng(3)
    score = rng.integers(0, 20, 300) / 20
    positive = rng.random(300) < score * 0.4
    groups = [f"g{i % 170}" for i in range(300)]
    quick = ours.auc_and_precision(positive, score, groups=groups)
    slow = [
        ours.bootstrap(metric, positive, score, groups=groups)
        for metric in (ours.auc, ours.average_precision)
    ]
    for one, other in zip(quick, slow, strict=True):
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
    alone = ours.auc_and_precision(np.ones(3, bool), np.zeros(3), groups=["a", "b", "c"])
    assert all(np.isnan(one.value) for one in alone)


def test_a_quick_mean_is_the_slow_one() -> None:
    """If a mean is drawn by sums of groups, then its interval is that of drawing rows."""
    values = np.arange(40) % 7 / 7
    groups = [f"g{i // 3}" for i in range(40)]
    slow = ours.bootstrap(lambda _, some: float(some.mean()), np.ones(40, bool), values, groups=groups)
    quick = average(values.tolist(), groups)
    assert (quick.value, quick.low, quick.high) == pytest.approx((slow.value, slow.low, slow.high))
