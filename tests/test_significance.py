"""Paired tests and corrections against statsmodels, R, SciPy and an exact enumeration; the paper's rule."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from references import CASES, PYTHON, R
from scipy import stats

from evaluation.scoring.scores import Detections
from evaluation.statistics.bootstrap import interval, measure
from evaluation.statistics.interval import Interval
from evaluation.statistics.significance import difference, differences, holm, intervals_part, paired_errors

NAN = float("nan")
DRAWS = 400


def made(units: int, seed: int, worse: float = 0.0) -> tuple[Detections, Detections]:
    """Two systems' scores of the same candidates."""
    generator = np.random.default_rng(seed)
    count = units * 30
    unit = np.repeat(np.arange(units), 30)
    lesion = np.where(np.arange(count) % 3 == 0, np.arange(count), -1)
    latent = generator.normal(size=count) + 1.5 * (lesion >= 0)
    other = latent + generator.normal(size=count) * 0.5 - worse * (lesion >= 0)
    counts = np.full(units, 10), np.full(units, 4)
    return Detections(latent, lesion, unit, *counts), Detections(other, lesion, unit, *counts)


@pytest.mark.parametrize(
    ("one", "other", "part"),
    [
        ((0.6, 0.5, 0.7), (0.8, 0.71, 0.9), True),
        ((0.8, 0.71, 0.9), (0.6, 0.5, 0.7), True),
        ((0.6, 0.5, 0.7), (0.8, 0.7, 0.9), False),
        ((0.6, 0.5, 0.7), (NAN, NAN, NAN), False),
        ((NAN, NAN, NAN), (0.6, 0.5, 0.7), False),
    ],
    ids=["below", "above", "touching", "other not reached", "not reached"],
)
def test_the_papers_rule(one, other, part):
    assert intervals_part(Interval(*one), Interval(*other)) is part


def test_the_papers_rule_is_far_stricter_than_its_level():
    """0.6 % of pairs of equal, independent estimates part: 2 · Φ(-1.96 · 2 / √2)."""
    assert 2 * stats.norm.cdf(-1.959964 * np.sqrt(2)) == pytest.approx(0.0056, abs=1e-4)
    pairs = np.random.default_rng(0).normal(size=(20_000, 2))
    reach = 1.959964
    parted = [intervals_part(Interval(a, a - reach, a + reach), Interval(b, b - reach, b + reach)) for a, b in pairs]
    assert np.mean(parted) == pytest.approx(0.0056, abs=0.0016)


def test_paired_draws_are_differences_of_the_same_draws():
    one, other = (measure(system, np.array([0.25, 1.0]), DRAWS, seed=5) for system in made(12, 1, worse=0.4))
    found = differences(one, other)
    for place, (gap, rate) in enumerate(zip(found.sensitivity, (0.25, 1.0), strict=True)):
        drawn = one.drawn_sensitivity[:, place] - other.drawn_sensitivity[:, place]
        assert gap.value == pytest.approx(one.sensitivity[place] - other.sensitivity[place]), rate
        assert gap.deviation == pytest.approx(drawn.std(ddof=1) * np.sqrt(12 / 11))
    assert found.auc.value == pytest.approx(one.auc - other.auc)
    assert found.auc.low < found.auc.value < found.auc.high
    # Twenty false candidates in four images: the curve ends at 5, below the last of the rates of the CPM.
    assert np.isnan([found.cpm.value, found.cpm.low, found.cpm.high, found.cpm.p_value]).all()


def test_pairing_sees_what_overlapping_intervals_hide():
    better, worse = (measure(system, np.array([1.0]), DRAWS) for system in made(40, 2))
    gap = differences(better, worse).auc
    apart = [interval(system.auc, system.drawn_auc, units=40) for system in (better, worse)]
    assert apart[0].overlaps(apart[1])
    assert gap.p_value < 0.01


def test_a_system_does_not_differ_from_itself():
    one = measure(made(12, 3)[0], np.array([1.0]), DRAWS)
    (gap,) = differences(one, one).sensitivity
    assert (gap.value, gap.low, gap.high, gap.p_value) == (0, 0, 0, 1)


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"rates": [0.5]}, "rates"), ({"seed": 1}, "seed"), ({"draws": 50}, "draws"), ({"units": 11}, "lesions")],
)
def test_what_was_not_drawn_together_is_refused(changes, what):
    given = {"rates": [1.0], "seed": 0, "draws": DRAWS, "units": 12} | changes
    one = measure(made(12, 3)[0], np.array([1.0]), DRAWS)
    other = measure(made(given["units"], 3)[1], np.array(given["rates"]), given["draws"], given["seed"])
    with pytest.raises(ValueError, match=what):
        differences(one, other)


def test_difference_of_means_over_units_is_the_paired_t_test():
    """Resampling whole units of one case each: the draws' variance is (n - 1) / n of the squared standard error."""
    generator = np.random.default_rng(6)
    gap = generator.normal(0.05, 0.1, size=15)
    weight = generator.multinomial(15, np.full(15, 1 / 15), size=100_000)
    found = difference(gap.mean(), weight @ gap / 15, units=15)
    expected = stats.ttest_1samp(gap, 0)
    assert found.p_value == pytest.approx(expected.pvalue, rel=0.03)
    ends = expected.confidence_interval()
    np.testing.assert_allclose([found.low, found.high], [ends.low, ends.high], atol=5e-4)
    assert found.test == "bootstrap"


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.floats(-3, 3))
def test_p_is_below_five_percent_just_where_the_interval_leaves_zero_out(seed, units, shift):
    draws = (np.random.default_rng(seed).normal(size=50) + shift) / 100
    gap = difference(shift / 100, draws, units)
    assert 0 < gap.p_value <= 1
    assert (gap.low > 0 or gap.high < 0) == (gap.p_value < 0.05)


@pytest.mark.parametrize(
    ("value", "units", "expected"),
    [(0.3, 1, (0.3, -1, 1, 1)), (0.0, 9, (0, 0, 0, 1)), (0.3, 5, (0.3, 0.3, 0.3, 0.0625))],
    ids=["one unit", "equal", "every unit the same"],
)
def test_without_a_variance(value, units, expected):
    gap = difference(value, np.full(999, value), units)
    assert (gap.value, gap.low, gap.high, gap.p_value) == expected


@pytest.mark.parametrize(("undefined", "defined"), [(50, True), (51, False)])
def test_no_test_where_more_than_a_twentieth_of_the_draws_is_undefined(undefined, defined):
    draws = np.append(np.full(undefined, np.nan), np.linspace(-0.1, 0.3, 1000 - undefined))
    gap = difference(0.1, draws, 30)
    assert np.isnan([gap.value, gap.low, gap.high, gap.p_value]).tolist() == [not defined] * 4


@pytest.mark.parametrize("place", range(len(CASES["p_values"])))
@pytest.mark.parametrize("reference", [R, PYTHON], ids=["R", "statsmodels"])
def test_holm(reference, place):
    expected = np.atleast_1d(reference["holm"][place])
    np.testing.assert_allclose(holm(CASES["p_values"][place]), expected, rtol=1e-12)


def test_holm_leaves_out_what_is_no_test():
    np.testing.assert_allclose(holm([0.01, NAN, 0.04]), [0.02, NAN, 0.04])
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_the_closed_test_of_bonferroni(p_values):
    """A hypothesis is rejected when Bonferroni rejects every intersection that holds it (Marcus et al., 1976)."""
    count = len(p_values)
    corrected = holm(p_values)
    for place in range(min(count, 4)):
        others = [p for index, p in enumerate(p_values) if index != place]
        largest = max(
            min(1.0, (size + 1) * min([p_values[place], *sorted(others, reverse=True)[:size]]))
            for size in range(count)
        )
        assert corrected[place] == pytest.approx(largest)


@pytest.mark.parametrize("name", CASES["errors"])
def test_paired_errors_equal_r(name):
    case = CASES["errors"][name]
    found = paired_errors(case["one"], case["other"])
    reference = R["errors"][name]
    np.testing.assert_allclose(found.mean, reference["mean"], rtol=1e-10)
    np.testing.assert_allclose([found.low, found.high], reference["interval"], rtol=1e-6)
    np.testing.assert_allclose(found.t_test, reference["t_test"], rtol=1e-10)
    np.testing.assert_allclose(found.t_test, PYTHON["errors"][name]["t_test"], rtol=1e-10)
    np.testing.assert_allclose(found.wilcoxon, reference["wilcoxon"], rtol=1e-10)
    assert found.regions == len(case["one"])


def test_signed_rank_test_equals_enumerating_every_sign():
    gap = np.array([0.3, -0.1, 0.7, 1.1, 0.9, -0.2, 0.4])
    ranks = stats.rankdata(np.abs(gap))
    sums = np.array([np.dot(ranks, signs) for signs in itertools.product([0, 1], repeat=len(gap))])
    mine = ranks[gap > 0].sum()
    expected = min(1, 2 * min(np.mean(sums >= mine), np.mean(sums <= mine)))
    assert paired_errors(gap, np.zeros(7)).wilcoxon == pytest.approx(expected)


def test_equal_errors_do_not_differ():
    found = paired_errors(np.arange(5.0), np.arange(5.0))
    assert (found.mean, found.t_test, found.wilcoxon) == (0, 1, 1)


@pytest.mark.parametrize(("one", "other"), [([1.0], [2.0]), ([1.0, 2.0], [1.0, 2.0, 3.0])], ids=["one", "unequal"])
def test_errors_of_other_regions_are_refused(one, other):
    with pytest.raises(ValueError, match="same two or more regions"):
        paired_errors(np.array(one), np.array(other))
