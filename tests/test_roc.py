"""The ROC curve against scikit-learn; ROC cases counted as FROC counts candidates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from references import CASES, PYTHON, ROC

from evaluation.statistics.bootstrap import resample
from evaluation.statistics.froc import froc, sensitivity_at
from evaluation.statistics.roc import detections, mirrored, roc


@pytest.mark.parametrize("levels", [5, 100_000], ids=["ties", "distinct"])
def test_roc_equals_scikit_learn(levels):
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(1)
    score, positive = generator.integers(levels, size=300) / levels, generator.random(300) < 0.3
    curve = roc(score, positive)
    false_positives, sensitivity, threshold = metrics.roc_curve(positive, score, drop_intermediate=False)
    np.testing.assert_allclose(curve.false_positives, false_positives, rtol=1e-12)
    np.testing.assert_allclose(curve.sensitivity, sensitivity, rtol=1e-12)
    np.testing.assert_array_equal(curve.threshold[1:], threshold[1:])
    np.testing.assert_allclose(curve.area, metrics.roc_auc_score(positive, score), rtol=1e-12)


@pytest.mark.parametrize("name", ROC)
def test_recorded_areas(name):
    case = CASES["roc"][name]
    truth = np.array(case["truth"], dtype=bool)
    for system in ("one", "other"):
        assert roc(np.array(case[system]), truth).area == pytest.approx(PYTHON["roc"][name][system], rel=1e-12)


@pytest.mark.parametrize("positive", [[1, 1], [0, 0]], ids=["no negatives", "no positives"])
def test_roc_needs_both_classes(positive):
    with pytest.raises(ValueError, match="needs both classes"):
        roc(np.array([0.1, 0.2]), np.array(positive, dtype=bool))


@st.composite
def cases(draw):
    """Scores with ties, both classes, and the unit of each case."""
    count = draw(st.integers(2, 40))
    score = np.array(draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)), dtype=float) / 3
    positive = np.array([*draw(st.lists(st.booleans(), min_size=count - 2, max_size=count - 2)), True, False])
    unit = np.array(draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)))
    return score, positive, unit


@given(cases())
def test_cases_have_one_curve_in_either_form(case):
    score, positive, unit = case
    found = detections(score, positive, unit)
    curve = roc(score, positive)
    same = froc(found.score, found.lesion, int(found.lesions.sum()), int(found.images.sum()))
    for name in ("threshold", "false_positives", "sensitivity"):
        np.testing.assert_array_equal(getattr(same, name), getattr(curve, name))


@given(cases())
def test_every_unit_keeps_its_cases(case):
    score, positive, unit = case
    found = detections(score, positive, np.array([f"video {number}" for number in unit]))
    names = np.unique(unit)
    assert found.lesions.tolist() == [int((positive & (unit == name)).sum()) for name in names]
    assert found.images.tolist() == [int((~positive & (unit == name)).sum()) for name in names]
    np.testing.assert_array_equal(names[found.unit], unit)


@given(cases(), st.integers(1, 20))
def test_mirrored_cases_give_the_lowest_false_positive_rate_of_a_sensitivity(case, twentieths):
    score, positive, _ = case
    wanted = twentieths / 20
    curve = roc(score, positive)
    lowest = curve.false_positives[curve.sensitivity >= wanted - 1e-12].min()
    other = mirrored(detections(score, positive))
    back = froc(other.score, other.lesion, int(other.lesions.sum()), int(other.images.sum()))
    assert 1 - float(sensitivity_at(back, 1 - wanted + 1e-12)) == pytest.approx(lowest)


def test_a_draw_of_cases_equals_their_own_curve():
    """A draw counts its own negatives; units of one class are drawn with the others."""
    generator = np.random.default_rng(4)
    unit = np.repeat(np.arange(8), 5)
    positive = np.where(unit < 2, False, np.where(unit == 2, True, generator.random(40) < 0.4))
    score = np.round(generator.normal(size=40) + positive, 1)
    rates = np.array([0.0, 0.1, 0.3, 1.0])
    draws = resample(detections(score, positive, unit), rates, 30, np.random.default_rng(5))
    for weight, sensitivity, auc in zip(
        np.random.default_rng(5).multinomial(8, np.full(8, 1 / 8), size=30), draws.sensitivity, draws.auc, strict=True
    ):
        rows = np.repeat(np.arange(40), weight[unit])
        curve = roc(score[rows], positive[rows])
        point = np.searchsorted(curve.false_positives, rates, side="right") - 1
        np.testing.assert_allclose(sensitivity, curve.sensitivity[point], rtol=1e-12)
        assert auc == pytest.approx(curve.area)


def test_a_draw_without_one_class_is_not_defined():
    found = detections(np.array([1.0, 2.0]), np.array([False, True]))
    draws = resample(found, np.array([0.5]), 50, np.random.default_rng(0))
    weights = np.random.default_rng(0).multinomial(2, [0.5, 0.5], size=50)
    np.testing.assert_array_equal(np.isnan(draws.auc), weights.min(axis=1) == 0)
    np.testing.assert_array_equal(np.isnan(draws.sensitivity[:, 0]), weights.min(axis=1) == 0)
