"""Operating points by every method, and what stands in where a method has no answer."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import CASES, ROC, R

from evaluation.scoring.scores import Detections
from evaluation.statistics import binormal, bootstrap, delong, idca
from evaluation.statistics.froc import froc, sensitivity_at
from evaluation.statistics.interval import exact
from evaluation.statistics.operating import INTERVALS, candidates_area, false_positive_rates, operating_points
from evaluation.statistics.roc import detections, roc

DRAWS = 300


def made(seed: int = 0, units: int = 25) -> Detections:
    """Candidates of four lesions and six images a unit; some lesions are hit twice, some never."""
    generator = np.random.default_rng(seed)
    count = units * 12
    unit = np.repeat(np.arange(units), 12)
    lesion = np.where(generator.random(count) < 0.3, unit * 4 + generator.integers(4, size=count), -1)
    score = np.round(generator.normal(size=count) + 1.2 * (lesion >= 0), 2)
    return Detections(score, lesion, unit, np.full(units, 4), np.full(units, 6))


def few(score: list[float], lesion: list[int], unit: list[int], lesions: list[int], images: list[int]) -> Detections:
    return Detections(
        np.array(score, dtype=float), *(np.array(column, dtype=int) for column in (lesion, unit, lesions, images))
    )


def test_idca_is_the_fitted_curves():
    found = made()
    model = idca.fit(found.score, found.lesion, 100, 150)
    assert operating_points(found, (0.1, 0.5), "idca") == (model.sensitivity(0.1), model.sensitivity(0.5))


@pytest.mark.parametrize("interval", ["bootstrap", "delong"])
def test_bootstrap_is_of_the_empirical_curve_and_wider_for_few_units(interval):
    found = made()
    (one,) = operating_points(found, (0.5,), interval, DRAWS, seed=3)
    drawn = bootstrap.resample(found, np.array([0.5]), DRAWS, np.random.default_rng(3)).sensitivity[:, 0]
    assert one.value == sensitivity_at(froc(found.score, found.lesion, 100, 150), 0.5)
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert one.low <= low < one.value < high <= one.high
    assert one == bootstrap.interval(one.value, drawn, units=25)
    assert one.method == "bootstrap"


def test_binormal_is_the_fitted_curves_both_ways():
    found = made()
    hits = found.lesion >= 0
    cases = detections(found.score, hits, found.unit)
    curve = binormal.fit(found.score, hits)
    assert operating_points(cases, (0.2,), "binormal") == (curve.sensitivity(0.2),)
    (one,) = false_positive_rates(cases, (0.8,), "binormal")
    expected = curve.false_positive_rate(0.8)
    # The categories are cut from the other end, so that the fits are alike, not equal.
    np.testing.assert_allclose(
        [one.value, one.low, one.high], [expected.value, expected.low, expected.high], atol=0.03
    )


def test_binormal_of_froc_candidates_is_refused():
    with pytest.raises(ValueError, match="take idca"):
        operating_points(made(), (0.5,), "binormal")


@pytest.mark.parametrize("call", [operating_points, false_positive_rates])
def test_unknown_method_is_refused(call):
    with pytest.raises(ValueError, match="idca, binormal, delong, bootstrap"):
        call(made(), (0.5,), "wald")


@pytest.mark.parametrize("interval", ["idca", "bootstrap"])
def test_past_the_end_of_the_curve_is_not_reached(interval):
    found = made()
    end = (found.lesion < 0).sum() / 150
    at, past = operating_points(found, (end, end + 0.01), interval, DRAWS)
    reached = len(np.unique(found.lesion)) - 1
    assert at.defined
    assert at == exact(reached, 100)
    assert np.isnan([past.value, past.low, past.high]).all()
    assert past.method == interval
    assert past.percent() == "not reached"


EDGES = {
    "parted": (few([5, 6, 7, 1, 2, 3], [0, 1, 2, -1, -1, -1], [0, 1, 2, 0, 1, 2], [1, 1, 2], [2, 2, 2]), 0.5, 3, 4),
    "no false candidates, at none": (few([5, 6], [0, 1], [0, 1], [2, 2], [3, 3]), 0.0, 2, 4),
    "one lesion": (few([5, 6, 1, 7], [0, -1, -1, -1], [0, 0, 1, 1], [1, 0], [4, 4]), 0.25, 1, 1),
    "all tied": (few([1] * 6, [0, 1, -1, -1, -1, -1], [0, 1, 0, 0, 1, 1], [1, 1], [2, 2]), 1.0, 2, 2),
    "all tied, below them": (few([1] * 6, [0, 1, -1, -1, -1, -1], [0, 1, 0, 0, 1, 1], [1, 1], [2, 2]), 0.5, 0, 2),
    "one unit": (few([5, 3, 2, 1], [0, -1, 1, -1], [0, 0, 0, 0], [3], [4]), 0.25, 2, 3),
    "all reached": (few([5, 6, 7, 1, 2], [0, 1, 2, -1, -1], [0, 1, 2, 0, 1], [1, 1, 1], [2, 2, 2]), 0.1, 3, 3),
    "no candidates but false ones": (few([5, 6], [-1, -1], [0, 1], [2, 2], [3, 3]), 0.1, 0, 4),
}


# Only these have more to go by than the counts: three scores in a fit, or draws that differ.
ANSWERED = {("one unit", "idca"), ("parted", "bootstrap")}


@pytest.mark.parametrize("interval", ["idca", "bootstrap"])
@pytest.mark.parametrize("name", EDGES)
def test_where_there_is_no_answer_the_interval_is_the_exact_one(name, interval):
    found, rate, hit, of = EDGES[name]
    (one,) = operating_points(found, (rate,), interval, DRAWS)
    if (name, interval) in ANSWERED:
        assert one.method == interval
        assert 0 <= one.low < one.value <= one.high <= 1
        assert one.low < one.high
    else:
        assert one == exact(hit, of)


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("name", [name for name in EDGES if not name.startswith("no ")])
def test_area_has_an_interval_at_every_edge(name, interval):
    found = EDGES[name][0]
    hits = found.lesion >= 0
    one = candidates_area(found, interval, DRAWS)
    assert one.defined
    assert one.low < one.high
    assert one.method in (interval, "binormal", "delong", "exact")
    if one.method in ("delong", "exact"):
        assert one == delong.area(found.score, hits).interval()


@pytest.mark.parametrize("interval", INTERVALS)
def test_area_needs_both_classes(interval):
    with pytest.raises(ValueError, match="both classes"):
        candidates_area(EDGES["no candidates but false ones"][0], interval, DRAWS)


def test_methods_of_the_area_agree_on_many_independent_candidates():
    generator = np.random.default_rng(8)
    positive = np.arange(900) < 300
    cases = detections(generator.normal(size=900) + positive, positive)
    found = {interval: candidates_area(cases, interval, DRAWS) for interval in INTERVALS}
    assert [one.method for one in found.values()] == ["binormal", "binormal", "delong", "bootstrap"]
    for one in found.values():
        np.testing.assert_allclose(
            [one.value, one.low, one.high],
            [found["delong"].value, found["delong"].low, found["delong"].high],
            atol=0.01,
        )


@pytest.mark.parametrize("name", [name for name in ROC if name != "small"])
def test_bootstrap_of_a_sensitivity_agrees_with_proc(name):
    """pROC joins the points of the curve by lines, ours are steps: of ties it can say more than was observed."""
    case = CASES["roc"][name]
    cases = detections(np.array(case["one"]), np.array(case["truth"], dtype=bool))
    ours = operating_points(cases, (0.1, 0.2), "bootstrap", 2000)
    ties = len(np.unique(case["one"])) < 100
    for one, (low, _, high) in zip(ours, R["roc"][name]["one"]["sensitivity"], strict=True):
        np.testing.assert_allclose([one.low, one.high], [low, high], atol=0.3 if ties else 0.06)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_doubling_every_candidate_halves_no_variance(seed):
    """Twice the frames of the same units, or each candidate reported twice, are no more witnesses."""
    found = made(seed, units=12)
    again = Detections(
        np.append(found.score, found.score),
        np.append(found.lesion, np.where(found.lesion < 0, -1, found.lesion + 48)),
        np.append(found.unit, found.unit),
        2 * found.lesions,
        2 * found.images,
    )
    once, twice = (operating_points(one, (0.1, 0.5), "bootstrap", DRAWS) for one in (found, again))
    assert once == twice
    np.testing.assert_allclose(
        *(bootstrap.measure(one, np.zeros(0), DRAWS).drawn_auc for one in (found, again)), rtol=1e-12
    )


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["idca", "bootstrap"]))
def test_only_the_order_of_scores_counts_and_not_that_of_rows(seed, interval):
    found = made(seed % 1000)
    rows = np.random.default_rng(seed).permutation(len(found.score))
    shuffled = dataclasses.replace(found, score=found.score[rows], lesion=found.lesion[rows], unit=found.unit[rows])
    moved = dataclasses.replace(found, score=np.exp(found.score) - 7)
    expected = operating_points(found, (0.1, 0.5), interval, 60)
    assert operating_points(shuffled, (0.1, 0.5), interval, 60) == expected
    assert operating_points(moved, (0.1, 0.5), interval, 60) == expected


@pytest.mark.parametrize("interval", ["binormal", "bootstrap"])
def test_whole_sensitivity_has_an_exact_interval_of_the_negatives_or_the_bootstraps(interval):
    generator = np.random.default_rng(2)
    positive = np.arange(60) < 30
    score = generator.normal(size=60) + positive
    (one,) = false_positive_rates(detections(score, positive), (1.0,), interval, DRAWS)
    curve = roc(score, positive)
    assert one.value == pytest.approx(curve.false_positives[curve.sensitivity == 1].min())
    assert one.low <= one.value <= one.high
    assert one.method == ("exact" if interval == "binormal" else "bootstrap")
