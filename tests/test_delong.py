"""DeLong's variance and paired test against R's pROC, scikit-learn and the definition; where there is no variance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from references import CASES, PYTHON, ROC, R
from scipy import stats

from evaluation.statistics import delong
from evaluation.statistics.interval import exact


def case(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found = CASES["roc"][name]
    return np.array(found["one"]), np.array(found["other"]), np.array(found["truth"], dtype=bool)


@pytest.mark.parametrize("name", ROC)
@pytest.mark.parametrize("system", ["one", "other"])
def test_area_and_variance_equal_proc(name, system):
    truth = np.array(CASES["roc"][name]["truth"], dtype=bool)
    area = delong.area(np.array(CASES["roc"][name][system]), truth)
    reference = R["roc"][name][system]
    np.testing.assert_allclose(area.value, reference["auc"], rtol=1e-12)
    np.testing.assert_allclose(area.value, PYTHON["roc"][name][system], rtol=1e-12)
    np.testing.assert_allclose(area.deviation**2, reference["variance"], rtol=1e-10)


@pytest.mark.parametrize("name", ROC)
def test_interval_has_procs_width_at_its_centre(name):
    """pROC's is symmetric, cut at 1, and takes the variance for known; ours is on the logit scale, with Student's."""
    one, _, truth = case(name)
    area = delong.area(one, truth)
    interval = area.interval()
    low, centre, _ = R["roc"][name]["one"]["interval"]
    ends = np.log([interval.low / (1 - interval.low), interval.high / (1 - interval.high)])
    wider = stats.t.ppf(0.975, min(truth.sum(), (~truth).sum()) - 1) / stats.norm.ppf(0.975)
    np.testing.assert_allclose(np.diff(ends) / 2 * centre * (1 - centre), wider * (centre - low), rtol=1e-9)
    assert interval.method == "delong"


@pytest.mark.parametrize("name", ROC)
def test_paired_test_equals_proc(name):
    one, other, truth = case(name)
    found = delong.difference(one, other, truth)
    reference = R["roc"][name]
    variance = reference["one"]["variance"] + reference["other"]["variance"] - 2 * reference["test"]["covariance"]
    np.testing.assert_allclose(found.value / found.deviation, reference["test"]["statistic"], rtol=1e-9)
    np.testing.assert_allclose(found.p_value, reference["test"]["p_value"], rtol=1e-9)
    np.testing.assert_allclose(found.deviation**2, variance, rtol=1e-9)
    np.testing.assert_allclose(found.high - found.low, 2 * 1.959963985 * found.deviation, rtol=1e-8)
    assert found.test == "delong"


@pytest.mark.parametrize("levels", [3, 10**6], ids=["ties", "distinct"])
def test_midranks_equal_comparing_every_pair(levels):
    generator = np.random.default_rng(levels)
    score, positive = generator.integers(levels, size=80), generator.random(80) < 0.3
    high, low = score[positive], score[~positive]
    won = (high[:, None] > low) + 0.5 * (high[:, None] == low)
    variance = won.mean(axis=1).var(ddof=1) / len(high) + won.mean(axis=0).var(ddof=1) / len(low)
    area = delong.area(score, positive)
    np.testing.assert_allclose([area.value, area.deviation**2], [won.mean(), variance], rtol=1e-12)


@pytest.mark.parametrize(
    ("score", "positive", "value", "trials"),
    [
        ([1, 2, 3, 4, 5], [0, 0, 0, 1, 1], 1.0, 2),
        ([4, 5, 1, 2, 3], [0, 0, 1, 1, 1], 0.0, 2),
        ([1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 1, 1], 0.5, 2),
        ([1, 3, 2], [0, 0, 1], 0.5, 1),
        ([1, 2, 3, 4, 2.5], [0, 0, 0, 0, 1], 0.5, 1),
    ],
    ids=["parted", "parted the wrong way", "all tied", "one positive", "one positive of five"],
)
def test_without_a_variance_the_interval_is_exact(score, positive, value, trials):
    interval = delong.area(np.array(score, dtype=float), np.array(positive, dtype=bool)).interval()
    assert interval == exact(value * trials, trials)
    assert interval.defined


def test_equal_scores_do_not_differ():
    one, _, truth = case("continuous")
    found = delong.difference(one, one, truth)
    assert (found.value, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_difference_without_variance_is_judged_by_the_smaller_class():
    positive = np.arange(12) >= 7
    found = delong.difference(positive.astype(float), np.zeros(12), positive)
    assert (found.value, found.p_value) == (0.5, stats.binomtest(5, 5).pvalue)


@given(st.integers(0, 2**32 - 1))
def test_only_the_order_of_scores_counts_and_not_that_of_rows(seed):
    generator = np.random.default_rng(seed)
    score, positive = generator.integers(30, size=60) / 7.0, np.arange(60) < 20
    rows = generator.permutation(60)
    ours, moved, shuffled = (
        delong.area(np.exp(score) - 3, positive),
        delong.area(score, positive),
        delong.area(score[rows], positive[rows]),
    )
    assert ours == moved
    np.testing.assert_allclose([shuffled.value, shuffled.deviation], [ours.value, ours.deviation], rtol=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_turning_the_scores_round_turns_the_area_round(seed):
    generator = np.random.default_rng(seed)
    score, positive = generator.integers(9, size=40), np.arange(40) < 15
    there, back = delong.area(score, positive), delong.area(-score, positive)
    assert there.value + back.value == pytest.approx(1)
    assert there.deviation == pytest.approx(back.deviation)


def test_one_class_has_no_area():
    with pytest.raises(ValueError, match="both classes"):
        delong.area(np.arange(3.0), np.ones(3, dtype=bool))
