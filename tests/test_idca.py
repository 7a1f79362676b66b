"""The FROC model of Edwards et al. against worked numbers, numerical derivatives, simulation and its own limits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from evaluation.statistics import binormal, idca
from evaluation.statistics.binormal import Degenerate

RATINGS = binormal.fit_categories(np.array([30, 19, 8, 2, 1]), np.array([5, 6, 5, 12, 22]))
# 50 of 64 lesions hit, 60 false candidates in 20 images.
MODEL = idca.Idca(50 / 64, 3.0, RATINGS, 64, 20)


@pytest.mark.parametrize(
    ("rate", "value", "ends"),
    [
        (0.25, 0.53476, (0.4016, 0.6641)),
        (0.5, 0.60011, (0.4740, 0.7165)),
        (1, 0.66809, (0.5435, 0.7764)),
        (2, 0.73687, (0.6141, 0.8358)),
    ],
)
def test_worked_operating_points(rate, value, ends):
    one = MODEL.sensitivity(rate)
    assert one.value == pytest.approx(value, abs=1e-5)
    np.testing.assert_allclose([one.low, one.high], ends, atol=1e-4)
    assert float(MODEL.curve(rate)) == pytest.approx(one.value)


@pytest.mark.parametrize("rate", [0.05, 0.5, 1.5, 2.9])
def test_delta_method_equals_numerical_derivatives(rate):
    """The variance on the probit scale, from the curve's formula and central differences in its four parameters."""

    def w(parameters):
        detected, false_candidates, a, b = parameters
        return ndtri(detected * ndtr(a + b * ndtri(rate / false_candidates)))

    at = np.array([MODEL.detected, MODEL.false_candidates, RATINGS.a, RATINGS.b])
    step = 1e-6 * np.eye(4)
    gradient = np.array([(w(at + one) - w(at - one)) / 2e-6 for one in step])
    covariance = np.zeros((4, 4))
    covariance[0, 0] = (50 / 64) * (14 / 64) / 64
    covariance[1, 1] = 3 / 20
    covariance[2:, 2:] = RATINGS.covariance
    one = MODEL.sensitivity(rate)
    reach = np.ptp(ndtri([one.low, one.high])) / 2
    assert reach == pytest.approx(1.959964 * np.sqrt(gradient @ covariance @ gradient), rel=1e-5)


def test_curve_ends_at_its_candidates():
    curve = MODEL.curve(np.array([0.0, 3.0, 3.001]))
    np.testing.assert_array_equal(curve, [0, 50 / 64, np.nan])


@pytest.mark.parametrize("rate", [0.0, 3.0, 4.0])
def test_no_interval_where_the_model_has_no_variance(rate):
    assert not MODEL.sensitivity(rate).defined


def test_all_lesions_reached_keep_a_variance():
    every = dataclasses.replace(MODEL, detected=1.0)
    share = 64.5 / 65
    assert every.detected_deviation == pytest.approx(np.sqrt(share * (1 - share) / 64))
    assert every.sensitivity(2).defined


def drawn(generator, lesions=2000, images=800, a=1.6, b=0.8, detected=0.9, false_candidates=9.0):
    """Candidates of the model, by its own definition."""
    hit = np.flatnonzero(generator.random(lesions) < detected)
    false = generator.poisson(false_candidates * images)
    score = np.append((a + generator.normal(size=len(hit))) / b, generator.normal(size=false))
    return score, np.append(hit, np.full(false, -1)), lesions, images


def test_a_large_study_gives_the_parameters_back():
    found = idca.fit(*drawn(np.random.default_rng(1)))
    estimates = np.array([found.detected, found.false_candidates, found.ratings.a, found.ratings.b])
    error = [found.detected_deviation, found.false_candidates_deviation, *np.sqrt(np.diag(found.ratings.covariance))]
    assert np.all(np.abs(estimates - [0.9, 9, 1.6, 0.8]) < 3 * np.array(error))


def test_a_lesion_counts_by_its_best_candidate():
    score, lesion, lesions, images = drawn(np.random.default_rng(2), 200, 80)
    again = np.flatnonzero(lesion >= 0)
    more = idca.fit(np.append(score, score[again] - 0.5), np.append(lesion, lesion[again]), lesions, images)
    once = idca.fit(score, lesion, lesions, images)
    assert (more.detected, more.ratings.a, more.ratings.b) == (once.detected, once.ratings.a, once.ratings.b)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_only_the_order_of_scores_counts_and_not_that_of_rows(seed):
    generator = np.random.default_rng(seed)
    score, lesion, lesions, images = drawn(generator, 60, 20)
    rows = generator.permutation(len(score))
    once, moved, shuffled = (
        idca.fit(score, lesion, lesions, images).sensitivity(1),
        idca.fit(np.exp(score / 3), lesion, lesions, images).sensitivity(1),
        idca.fit(score[rows], lesion[rows], lesions, images).sensitivity(1),
    )
    assert once == moved == shuffled


@pytest.mark.parametrize(
    ("score", "lesion"),
    [
        ([3, 4, 1, 2], [0, 1, -1, -1]),
        ([3, 4], [0, 1]),
        ([1, 2], [-1, -1]),
        ([1, 1, 1], [0, -1, -1]),
        ([], []),
    ],
    ids=["parted", "no false candidates", "no hits", "all tied", "no candidates"],
)
def test_no_curve_is_said(score, lesion):
    with pytest.raises(Degenerate):
        idca.fit(np.array(score, dtype=float), np.array(lesion, dtype=int), lesions=3, images=2)
