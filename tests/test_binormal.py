"""The binormal fit against a published example, a general optimiser, recovery; and where there is no fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from evaluation.statistics import binormal
from evaluation.statistics.binormal import Degenerate

# Five categories, lowest first, as published with the fit of ROCFIT (D. P. Chakraborty, Observer Performance Methods
# for Diagnostic Imaging, 2017, with RJafroc).
NEGATIVES, POSITIVES = np.array([30, 19, 8, 2, 1]), np.array([5, 6, 5, 12, 22])


@pytest.fixture(scope="module")
def published() -> binormal.Binormal:
    return binormal.fit_categories(NEGATIVES, POSITIVES)


def test_published_estimates(published):
    np.testing.assert_allclose([published.a, published.b], [1.32045, 0.60749], atol=1e-5)
    np.testing.assert_allclose(published.cutoffs, [0.00768, 0.89627, 1.51565, 2.39672], atol=1e-5)
    assert published.area().value == pytest.approx(0.870452, abs=1e-6)
    assert published.log_likelihood == pytest.approx(-141.43545, abs=1e-5)
    assert (published.negatives, published.positives) == (60, 50)


def test_published_standard_error_is_the_observed_informations(published):
    """Ours is the expected information's, which differs in the fourth digit."""
    assert published.area_deviation == pytest.approx(0.037904, abs=2e-4)
    np.testing.assert_allclose(published.covariance, [[0.065561, 0.025943], [0.025943, 0.025363]], atol=1e-6)


@pytest.mark.parametrize(
    ("rate", "ends"),
    [(0.10, (0.7061, 0.5582, 0.8257)), (0.15, (0.7552, 0.6193, 0.8595)), (0.20, (0.7908, 0.6620, 0.8850))],
)
def test_interval_of_sensitivity(published, rate, ends):
    one = published.sensitivity(rate)
    np.testing.assert_allclose([one.value, one.low, one.high], ends, atol=1e-4)
    assert one.value == pytest.approx(float(published.curve(np.array([rate]))[0]))


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.6])
def test_both_directions_are_of_one_curve_and_one_band(published, rate):
    """The false-positive rate at a sensitivity is the curve's inverse; its deviation the other's by the slope."""
    there = published.sensitivity(rate)
    back = published.false_positive_rate(there.value)
    assert back.value == pytest.approx(rate)
    reach = [np.ptp(stats.norm.ppf([one.low, one.high])) for one in (there, back)]
    assert reach[0] == pytest.approx(reach[1] * published.b)


def negative_log_likelihood(free: np.ndarray, k: np.ndarray, m: np.ndarray) -> float:
    """Of a, log b, the first cutoff and the logarithms of the gaps, written down from the definition."""
    a, b = free[0], np.exp(free[1])
    t = np.concatenate([[-np.inf], np.cumsum(np.append(free[2], np.exp(free[3:]))), [np.inf]])
    return -float(k @ np.log(np.diff(stats.norm.cdf(t))) + m @ np.log(np.diff(stats.norm.cdf(b * t - a))))


@pytest.mark.parametrize(
    ("k", "m"),
    [(NEGATIVES, POSITIVES), ([12, 9, 4, 1], [2, 3, 6, 20]), ([200, 60, 25, 14, 9, 2], [1, 2, 4, 4, 7, 9])],
    ids=["published", "four", "six"],
)
def test_maximum_equals_a_general_optimisers(k, m):
    k, m = np.array(k), np.array(m)
    ours = binormal.fit_categories(k, m)
    start = np.concatenate([[1.0, 0.0, -0.5], np.full(len(k) - 2, -0.5)])
    theirs = optimize.minimize(negative_log_likelihood, start, (k, m), "BFGS", options={"gtol": 1e-7})
    assert ours.log_likelihood == pytest.approx(-theirs.fun, abs=1e-8)
    np.testing.assert_allclose([ours.a, ours.b], [theirs.x[0], np.exp(theirs.x[1])], rtol=1e-4)


@pytest.mark.parametrize(("a", "b"), [(1.6, 0.8), (0.5, 1.3), (2.5, 0.6)])
def test_many_cases_give_the_parameters_back(a, b):
    generator = np.random.default_rng(3)
    positive = np.arange(40_000) >= 30_000
    latent = generator.normal(size=len(positive))
    found = binormal.fit(np.where(positive, (a + latent) / b, latent), positive)
    error = np.sqrt(np.diag(found.covariance))
    assert np.all(np.abs([found.a - a, found.b - b]) < 3 * error)
    assert np.all(error < 0.04)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_only_the_order_of_scores_counts_and_not_that_of_rows(seed):
    generator = np.random.default_rng(seed)
    positive = np.arange(150) < 50
    score = np.round(generator.normal(size=150) + positive, 1)
    rows = generator.permutation(150)
    one, moved, shuffled = (
        binormal.fit(score, positive),
        binormal.fit(np.arctan(score) * 9, positive),
        binormal.fit(score[rows], positive[rows]),
    )
    for other in (moved, shuffled):
        assert (one.a, one.b, one.log_likelihood) == (other.a, other.b, other.log_likelihood)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 40))
def test_categories_hold_every_case_in_order(seed, categories):
    generator = np.random.default_rng(seed)
    score, positive = generator.integers(60, size=300), generator.random(300) < 0.3
    k, m = binormal.binned(score, positive, categories)
    assert (k.sum(), m.sum()) == ((~positive).sum(), positive.sum())
    assert len(k) <= categories
    assert ((k + m) > 0).all()
    # Each bound of the categories is a point of the empirical curve.
    points = {(int((~positive & (score < s)).sum()), int((positive & (score < s)).sum())) for s in range(61)}
    assert set(zip(np.cumsum(k)[:-1].tolist(), np.cumsum(m)[:-1].tolist(), strict=True)) <= points


def test_runs_of_one_truth_are_one_category():
    score = np.arange(8.0)
    positive = np.array([0, 0, 1, 1, 0, 1, 1, 1], dtype=bool)
    k, m = binormal.binned(score, positive, 20)
    assert (k.tolist(), m.tolist()) == ([2, 0, 1, 0], [0, 2, 0, 3])


@pytest.mark.parametrize(
    ("k", "m", "why"),
    [
        ([5, 0, 0, 0], [0, 3, 3, 3], "part"),
        ([0, 0, 0], [3, 3, 3], "one class"),
        ([3, 3, 3], [0, 0, 0], "one class"),
        ([9], [7], "three categories"),
        ([9, 4], [2, 7], "three categories"),
        ([9, 0, 4], [2, 0, 7], "three categories"),
    ],
    ids=["parted", "no negatives", "no positives", "all tied", "two categories", "an empty category"],
)
def test_no_curve_is_said_and_why(k, m, why):
    with pytest.raises(Degenerate, match=why):
        binormal.fit_categories(np.array(k), np.array(m))


@pytest.mark.parametrize("positives", [1, 2, 3, 25])
@pytest.mark.parametrize("shift", [0.0, 1.0, 3.0, 8.0])
def test_small_sets_give_a_finite_curve_or_none(positives, shift):
    """No nan and no warning comes out, whatever goes in."""
    generator = np.random.default_rng(positives)
    for _ in range(8):
        positive = np.arange(25 + positives) >= 25
        score = np.round(generator.normal(size=len(positive)) + shift * positive, 1)
        try:
            found = binormal.fit(score, positive)
        except Degenerate:
            continue
        assert found.sensitivity(0.1).defined
        assert found.area().defined
