"""Intervals from counts and standard errors against R, statsmodels and their own definitions."""

from __future__ import annotations

import numpy as np
import pytest
from references import CASES, PYTHON, R
from scipy import stats

from evaluation.statistics.interval import Interval, exact, logit, normal_density, probit, quantile

NAN = float("nan")


@pytest.mark.parametrize("place", range(len(CASES["counts"])), ids=[f"{k}-of-{n}" for k, n in CASES["counts"]])
@pytest.mark.parametrize("reference", [R, PYTHON], ids=["R", "statsmodels"])
def test_exact_interval_of_a_proportion(reference, place):
    one = exact(*CASES["counts"][place])
    np.testing.assert_allclose([one.low, one.high], reference["counts"][place]["exact"], atol=1e-9)


@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_exact_interval_leaves_half_the_rest_beyond_either_end(level):
    one = exact(7, 20, level)
    assert stats.binom.sf(6, 20, one.low) == pytest.approx((1 - level) / 2)
    assert stats.binom.cdf(7, 20, one.high) == pytest.approx((1 - level) / 2)


def test_exact_interval_of_half_a_success_lies_between_its_neighbours():
    none, half, one = (exact(found, 10) for found in (0, 0.5, 1))
    assert none.low < half.low < one.low
    assert none.high < half.high < one.high


def test_density_and_quantile_are_the_normal_distributions():
    z = np.array([-np.inf, -3.0, 0.0, 0.5, np.inf])
    np.testing.assert_allclose(normal_density(z), stats.norm.pdf(z), rtol=1e-14)
    assert quantile(0.95) == pytest.approx(stats.norm.ppf(0.975))
    assert quantile(0.95, 7) == pytest.approx(stats.t.ppf(0.975, 7))


@pytest.mark.parametrize("deviation", [0.01, 0.3, 2.0])
def test_probit_interval_is_symmetric_on_its_scale_and_within_bounds(deviation):
    one = probit(0.7, deviation, 0.95, "idca")
    assert 0 <= one.low < one.value < one.high <= 1
    assert stats.norm.ppf([one.low, one.high]) == pytest.approx(0.7 + 1.959964 * deviation * np.array([-1, 1]), 1e-4)


def test_logit_interval_is_the_delta_methods():
    one = logit(0.9, 0.03, 0.95, "delong")
    ends = np.log([one.low / (1 - one.low), one.high / (1 - one.high)])
    assert ends == pytest.approx(np.log(9) + 1.959964 * 0.03 / 0.09 * np.array([-1, 1]), rel=1e-6)


@pytest.mark.parametrize(
    ("other", "shared"),
    [((0.5, 0.4, 0.6), True), ((0.9, 0.8, 1.0), True), ((0.9, 0.81, 1.0), False), ((0.1, NAN, NAN), True)],
    ids=["inside", "touching", "apart", "none"],
)
def test_intervals_overlap(other, shared):
    one = Interval(0.6, 0.3, 0.8)
    assert one.overlaps(Interval(*other)) is shared
    assert Interval(*other).overlaps(one) is shared


@pytest.mark.parametrize(
    ("one", "percent", "decimal"),
    [
        (Interval(0.714, 0.62, 0.79), "71 % [62, 79]", "0.714 [0.620, 0.790]"),
        (Interval(0.714, NAN, NAN), "71 %", "0.714"),
        (Interval(NAN, NAN, NAN), "not reached", "nan"),
    ],
)
def test_words(one, percent, decimal):
    assert (one.percent(), one.decimal()) == (percent, decimal)
