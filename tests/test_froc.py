"""FROC and its bootstrap by unit against hand-worked numbers, a brute force and a plain loop."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evaluation.scoring.scores import Detections
from evaluation.statistics.bootstrap import area_interval, interval, measure, resample
from evaluation.statistics.froc import CPM_RATES, area, cpm, froc, sensitivity_at
from evaluation.statistics.interval import Interval
from evaluation.statistics.roc import roc

# Six candidates in four images with three lesions: 0 is hit twice, 1 once, and none hits the third.
SCORE = np.array([0.9, 0.8, 0.8, 0.6, 0.4, 0.4])
LESION = np.array([0, -1, 0, 1, -1, -1])


def test_a_worked_example():
    curve = froc(SCORE, LESION, lesions=3, images=4)
    assert curve.threshold.tolist() == [np.inf, 0.9, 0.8, 0.6, 0.4]
    assert curve.false_positives.tolist() == [0, 0, 1 / 4, 1 / 4, 3 / 4]
    assert curve.sensitivity.tolist() == [0, 1 / 3, 1 / 3, 2 / 3, 2 / 3]
    assert (curve.reached, curve.false_candidates) == (2, 3)


@pytest.mark.parametrize(
    ("rate", "sensitivity"),
    [(0, 1 / 3), (0.2499, 1 / 3), (0.25, 2 / 3), (0.7499, 2 / 3), (0.75, 2 / 3), (0.76, np.nan)],
)
def test_sensitivity_is_a_step_function_and_is_not_extrapolated(rate, sensitivity):
    curve = froc(SCORE, LESION, lesions=3, images=4)
    np.testing.assert_equal(float(sensitivity_at(curve, rate)), sensitivity)


@pytest.mark.parametrize(("limit", "mean"), [(0.25, 1 / 3), (0.5, 1 / 2), (0.75, 5 / 9), (0.8, np.nan)])
def test_area_to_a_limit(limit, mean):
    np.testing.assert_allclose(area(froc(SCORE, LESION, lesions=3, images=4), limit), mean, rtol=1e-12)


def test_equal_scores_come_in_together():
    curve = froc(np.full(4, 0.5), np.array([0, -1, 1, -1]), lesions=2, images=1)
    assert list(zip(curve.false_positives, curve.sensitivity, strict=True)) == [(0, 0), (2, 1)]


@st.composite
def candidates(draw):
    """Scores with many ties, lesions with several hits, lesions that nothing hits."""
    count = draw(st.integers(0, 25))
    score = np.array(draw(st.lists(st.integers(0, 6), min_size=count, max_size=count)), dtype=float) / 7
    lesion = np.array(draw(st.lists(st.integers(-1, 4), min_size=count, max_size=count)), dtype=int)
    return score, lesion, draw(st.integers(5, 8)), draw(st.integers(1, 9))


@given(candidates())
def test_froc_equals_counting_at_every_threshold(case):
    score, lesion, lesions, images = case
    curve = froc(score, lesion, lesions, images)
    for threshold, false_positives, sensitivity in zip(
        curve.threshold, curve.false_positives, curve.sensitivity, strict=True
    ):
        reported = [hit for hit, value in zip(lesion, score, strict=True) if value >= threshold]
        assert false_positives == reported.count(-1) / images
        assert sensitivity == len(set(reported) - {-1}) / lesions
    assert set(curve.threshold[1:]) == set(score)


@given(candidates(), st.integers(0, 2**32 - 1))
def test_froc_rises_and_does_not_depend_on_the_order(case, seed):
    score, lesion, lesions, images = case
    curve = froc(score, lesion, lesions, images)
    order = np.random.default_rng(seed).permutation(len(score))
    other = froc(score[order], lesion[order], lesions, images)
    assert np.all(np.diff(curve.false_positives) >= 0)
    assert np.all(np.diff(curve.sensitivity) >= 0)
    for name in ("threshold", "false_positives", "sensitivity"):
        np.testing.assert_array_equal(getattr(curve, name), getattr(other, name))


@pytest.mark.parametrize(("lesions", "images"), [(0, 4), (3, 0)])
def test_froc_needs_lesions_and_images(lesions, images):
    with pytest.raises(ValueError, match="needs lesions and images"):
        froc(SCORE, LESION, lesions, images)


def test_cpm_is_the_mean_at_seven_rates():
    """Eight images: the rates are 1, 2, 4 … 64 false candidates; one more lesion comes in before each ends."""
    score = np.append(-np.arange(64.0), [-0.5, -1.5, -3.5, -7.5, -15.5, -31.5, -62.5])
    lesion = np.append(np.full(64, -1), np.arange(7))
    found = cpm(froc(score, lesion, lesions=10, images=8))
    assert found.sensitivity == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    assert found.value == pytest.approx(0.4)
    assert found.not_reached == ()


def test_cpm_says_which_rates_are_not_reached():
    found = cpm(froc(SCORE, LESION, lesions=3, images=4))
    assert np.isnan(found.value)
    np.testing.assert_array_equal(found.sensitivity, [1 / 3, 2 / 3, 2 / 3, *[np.nan] * 4])
    assert found.not_reached == (1, 2, 4, 8)


def made(units: int, count: int, seed: int, levels: int = 40) -> Detections:
    """Candidates in units of unequal size, with ties, and a unit without any lesion."""
    generator = np.random.default_rng(seed)
    unit = generator.integers(units, size=count)
    lesions = generator.integers(1, 9, size=units)
    lesions[0] = 0
    first = np.concatenate([[0], np.cumsum(lesions)[:-1]])
    hit = (generator.random(count) < 0.4) & (lesions[unit] > 0)
    lesion = np.where(hit, first[unit] + generator.integers(10**6, size=count) % np.maximum(lesions[unit], 1), -1)
    score = generator.integers(levels, size=count) / levels + 0.2 * hit
    return Detections(score, lesion, unit, lesions, generator.integers(5, 20, size=units))


def drawn_by_hand(found: Detections, weight: np.ndarray, rates: np.ndarray) -> tuple[np.ndarray, float]:
    """Sensitivities and AUC of one draw, from a data set in which each unit stands `weight` times, renamed."""
    score, lesion, lesions, images = [], [], 0, 0
    for unit, times in enumerate(weight):
        mine = found.unit == unit
        for _ in range(times):
            score.append(found.score[mine])
            lesion.append(np.where(found.lesion[mine] >= 0, found.lesion[mine] + 1000 * (len(lesion) + 1), -1))
            lesions += found.lesions[unit]
            images += found.images[unit]
    score, lesion = np.concatenate(score), np.concatenate(lesion)
    return sensitivity_at(froc(score, lesion, lesions, images), rates), roc(score, lesion >= 0).area


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_resampling_equals_a_plain_loop(seed):
    found = made(units=6, count=90, seed=seed)
    rates = np.array([0.0, 0.05, 0.2, 0.5, 0.8, 3.0])
    draws = resample(found, rates, 5, np.random.default_rng(seed))
    generator = np.random.default_rng(seed)
    for draw in range(5):
        weight = generator.multinomial(6, np.full(6, 1 / 6))
        sensitivity, auc = drawn_by_hand(found, weight, rates)
        np.testing.assert_allclose(draws.sensitivity[draw], sensitivity, rtol=1e-12)
        np.testing.assert_allclose(draws.auc[draw], auc, rtol=1e-12)


def test_a_draw_without_lesions_or_hits_is_not_defined():
    found = Detections(np.array([0.3, 0.7]), np.array([-1, 0]), np.array([0, 1]), np.array([0, 1]), np.array([2, 2]))
    draws = resample(found, np.array([0.0]), 60, np.random.default_rng(0))
    generator = np.random.default_rng(0)
    weights = generator.multinomial(2, [0.5, 0.5], size=60)
    np.testing.assert_array_equal(np.isnan(draws.sensitivity[:, 0]), weights[:, 1] == 0)
    np.testing.assert_array_equal(np.isnan(draws.auc), weights.min(axis=1) == 0)


def test_twenty_thousand_candidates_are_resampled_a_thousand_times_in_seconds():
    found = made(units=40, count=20_000, seed=3, levels=10**6)
    started = time.perf_counter()
    resample(found, np.geomspace(0.01, 10, 90), 1000, np.random.default_rng(0))
    assert time.perf_counter() - started < 10


def test_the_interval_holds_the_middle_of_the_draws():
    assert interval(400.0, np.arange(1001.0)) == Interval(400.0, pytest.approx(25), pytest.approx(975), "bootstrap")


@pytest.mark.parametrize(("undefined", "defined"), [(50, True), (51, False)])
def test_no_interval_where_more_than_a_twentieth_of_the_draws_is_undefined(undefined, defined):
    draws = np.append(np.full(undefined, np.nan), np.linspace(0, 1, 1000 - undefined))
    assert interval(0.5, draws).defined is defined


def test_resampling_units_is_wider_than_resampling_their_correlated_candidates():
    """Candidates of a unit that rise and fall together tell less than as many independent ones."""
    generator = np.random.default_rng(2)
    unit = np.repeat(np.arange(20), 50)
    lesion = np.where(np.arange(1000) % 2 == 0, np.arange(1000), -1)
    score = generator.normal(size=1000) + (lesion >= 0) * generator.normal(1, 1.5, size=20)[unit]
    one = Detections(score, lesion, unit, np.full(20, 25), np.full(20, 25))
    each = Detections(score, lesion, np.arange(1000) // 2, np.ones(500, int), np.ones(500, int))
    widths = [
        np.ptp(np.quantile(resample(case, np.array([0.5]), 200, generator).auc, [0.025, 0.975]))
        for case in (one, each)
    ]
    assert widths[0] > 2 * widths[1]


@pytest.mark.parametrize("units", [2, 5, 30])
def test_few_units_move_the_percentiles_out_by_students_quantile(units):
    draws = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    one = interval(0.0, draws, units=units)
    wide = np.sqrt(units / (units - 1)) * stats.t.ppf(0.975, units - 1)
    expected = min(wide, draws[-1])  # percentiles end with the draws
    np.testing.assert_allclose([-one.low, one.high], expected, rtol=0.02)


def test_area_interval_is_students_on_the_logit_scale():
    draws = np.array([0.8, 0.85, 0.9, 0.95, np.nan] + [0.87, 0.88] * 50)
    one = area_interval(0.88, draws, units=10)
    deviation = np.nanstd(draws, ddof=1) * np.sqrt(10 / 9)
    ends = np.log([one.low / (1 - one.low), one.high / (1 - one.high)])
    expected = np.log(0.88 / 0.12) + stats.t.ppf(0.975, 9) * deviation / (0.88 * 0.12) * np.array([-1, 1])
    np.testing.assert_allclose(ends, expected)


@pytest.mark.parametrize(
    ("value", "draws", "units"),
    [
        (1.0, [0.9, 1.0], 9),
        (np.nan, [0.9, 1.0], 9),
        (0.9, [0.9, 0.9], 9),
        (0.9, [0.8, 0.9], 1),
        (0.9, [np.nan, 0.9], 9),
    ],
    ids=["at the end", "not defined", "no variance", "one unit", "too few draws"],
)
def test_area_without_a_variance_has_no_interval(value, draws, units):
    assert not area_interval(value, np.array(draws), units).defined


def test_measured_quantities_are_the_curves_own_and_those_of_its_draws():
    found = made(units=6, count=900, seed=4)
    rates = np.array([0.1, 0.7])
    measured = measure(found, rates, draws=40, seed=7)
    curve = froc(found.score, found.lesion, int(found.lesions.sum()), int(found.images.sum()))
    np.testing.assert_array_equal(measured.sensitivity, sensitivity_at(curve, rates))
    assert measured.auc == roc(found.score, found.lesion >= 0).area
    np.testing.assert_array_equal(measured.cpm, cpm(curve).value)
    drawn = resample(found, np.append(rates, CPM_RATES), 40, np.random.default_rng(7))
    np.testing.assert_array_equal(measured.drawn_sensitivity, drawn.sensitivity[:, :2])
    np.testing.assert_array_equal(measured.drawn_auc, drawn.auc)
    np.testing.assert_array_equal(measured.drawn_cpm, drawn.sensitivity[:, 2:].mean(axis=1))
