"""Limits of agreement and the intraclass correlation, against R, published tables and simulated studies."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from references import FOLDER

from evaluation.statistics.agreement import bland_altman, intraclass_correlation

R = json.loads((FOLDER / "agreement.json").read_text(encoding="utf-8"))

# Factors k of one-sided normal tolerance limits that hold 95 % with 95 % confidence (M. G. Natrella, Experimental
# Statistics, NBS Handbook 91, 1963, Table A-7): the mean plus k standard deviations.
TOLERANCE = {10: 2.911, 20: 2.396, 50: 2.065}


@pytest.mark.parametrize("name", list(R["ratings"]))
def test_intraclass_correlation_matches_psych(name):
    case = R["ratings"][name]
    one = intraclass_correlation(np.array(case["ratings"]))
    np.testing.assert_allclose([one.value, one.low, one.high], case["icc"], rtol=1e-9, atol=1e-9)


def test_intraclass_correlation_falls_with_a_bias_that_correlation_does_not_see():
    things = np.linspace(0.4, 1.2, 30)
    for bias in (0.1, 0.5, 2.0):
        one = intraclass_correlation(np.stack([things, things + bias], axis=1))
        variance = things.var(ddof=1)
        assert one.value == pytest.approx(variance / (variance + bias**2 / 2))  # (R - E) / (R + E + 2 (C - E) / n)
        assert one.low <= one.value <= one.high


def test_methods_that_agree_to_the_last_digit():
    one = intraclass_correlation(np.repeat(np.arange(5.0)[:, None], 3, axis=1))
    assert (one.value, one.low, one.high) == (1, 1, 1)


def test_things_that_do_not_differ_do_not_correlate():
    one = intraclass_correlation(np.array([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]))
    assert (one.value, one.low, one.high) == pytest.approx((0, 0, 0), abs=1e-12)


@pytest.mark.parametrize(
    ("ratings", "message"),
    [
        (np.ones((3, 2)), "no variance"),
        (np.ones(3), r"not \(3,\)"),
        (np.ones((3, 1)), r"not \(3, 1\)"),
        (np.array([[1, np.nan], [2, 3]]), "all finite"),
    ],
)
def test_ratings_that_are_none(ratings, message):
    with pytest.raises(ValueError, match=message):
        intraclass_correlation(ratings)


def test_bias_of_independent_pairs_matches_t_test():
    case = R["pairs"]
    one, other = np.array(case["pairs"]).T
    found = bland_altman(one, other)
    assert found.bias.value == pytest.approx(case["bias"])
    assert (found.bias.low, found.bias.high) == pytest.approx(case["interval"])
    assert found.deviation == pytest.approx(case["deviation"])
    assert found.lower.value == pytest.approx(case["bias"] - 1.959964 * case["deviation"])
    assert found.upper.value == pytest.approx(case["bias"] + 1.959964 * case["deviation"])


def test_repeated_pairs_match_the_variance_components_of_aov():
    case = R["repeated"]
    gap = np.array(case["difference"])
    found = bland_altman(gap, np.zeros_like(gap), np.array(case["unit"]))
    assert found.units == 9
    assert found.bias.value == pytest.approx(case["bias"])
    assert (found.bias.low, found.bias.high) == pytest.approx(case["interval"])
    assert found.deviation == pytest.approx(case["deviation"])


@pytest.mark.parametrize("count", list(TOLERANCE))
def test_limits_lie_by_published_tolerance_factors(count):
    """The exact upper bound is the mean plus the factor; the recovered variance comes within 2 % of the factor."""
    gap = np.random.default_rng(count).normal(size=count)
    found = bland_altman(gap, np.zeros(count), level=0.90, share=0.90)
    factor = (found.upper.high - gap.mean()) / gap.std(ddof=1)
    assert factor == pytest.approx(TOLERANCE[count], rel=0.02)
    assert (gap.mean() - found.lower.low) / gap.std(ddof=1) == pytest.approx(factor)


@pytest.mark.parametrize(("units", "pairs"), [(10, 1), (8, 6), (25, 4)])
def test_intervals_of_the_limits_cover(units, pairs):
    generator = np.random.default_rng(units)
    unit = np.repeat(np.arange(units), pairs)
    upper = 0.3 + 1.959964 * (np.sqrt(2) if pairs > 1 else 1)
    covered = np.zeros(2)
    for _ in range(1000):
        gap = 0.3 + generator.normal(size=units)[unit] + (generator.normal(size=len(unit)) if pairs > 1 else 0)
        found = bland_altman(gap, np.zeros(len(gap)), unit)
        covered += [found.bias.low < 0.3 < found.bias.high, found.upper.low < upper < found.upper.high]
    assert (covered >= 930).all()
    assert (covered <= 980).all()


def test_several_regions_of_a_unit_are_no_independent_witnesses():
    generator = np.random.default_rng(0)
    unit = np.repeat(np.arange(6), 12)
    gap = generator.normal(size=6)[unit] + 0.1 * generator.normal(size=72)
    by_unit, by_pair = bland_altman(gap, 0 * gap, unit), bland_altman(gap, 0 * gap)
    assert by_unit.bias.high - by_unit.bias.low > 3 * (by_pair.bias.high - by_pair.bias.low)


values = st.lists(st.floats(-100, 100), min_size=3, max_size=12)


@given(values, st.floats(0.01, 100), st.floats(-50, 50))
def test_agreement_goes_with_scale_and_shift(drawn, scale, shift):
    one = np.array(drawn)
    plain, moved = bland_altman(one, 0 * one), bland_altman(scale * one + shift, 0 * one)
    for name in ("bias", "lower", "upper"):
        ours, theirs = getattr(plain, name), getattr(moved, name)
        for end in ("low", "value", "high"):
            assert getattr(theirs, end) == pytest.approx(scale * getattr(ours, end) + shift, rel=1e-6, abs=1e-6)
        assert ours.low <= ours.value <= ours.high


@given(values, st.randoms(use_true_random=False))
def test_the_order_of_pairs_does_not_matter(drawn, random):
    gap = np.array(drawn)
    unit = np.arange(len(gap)) // 2
    order = random.sample(range(len(gap)), len(gap))
    plain, mixed = bland_altman(gap, 0 * gap, unit), bland_altman(gap[order], 0 * gap, unit[order])
    for name in ("bias", "lower", "upper"):
        assert getattr(mixed, name).low == pytest.approx(getattr(plain, name).low, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    ("one", "other", "unit", "message"),
    [
        ([1, 2], [1, 2, 3], None, r"\(2,\) and \(3,\)"),
        ([1, np.nan], [1, 2], None, "not finite"),
        ([1], [2], None, "two or more units"),
        ([1, 2], [1, 2], ["a", "a"], "two or more units"),
        ([1, 2], [1, 2], ["a"], "a unit for each of 2 pairs"),
    ],
)
def test_pairs_that_are_none(one, other, unit, message):
    with pytest.raises(ValueError, match=message):
        bland_altman(np.array(one), np.array(other), None if unit is None else np.array(unit))


@pytest.mark.parametrize(
    ("things", "methods", "of_methods", "of_rest"), [(20, 2, 0.2, 0.5), (10, 3, 0.3, 0.5), (30, 2, 0.0, 0.4)]
)
def test_the_interval_of_the_intraclass_correlation_covers(things, methods, of_methods, of_rest):
    generator = np.random.default_rng(1)
    truth, covered = 1 / (1 + of_methods**2 + of_rest**2), 0
    for _ in range(1000):
        shift = of_methods * generator.normal(size=methods)
        noise = of_rest * generator.normal(size=(things, methods))
        one = intraclass_correlation(generator.normal(size=things)[:, None] + shift + noise)
        covered += one.low < truth < one.high
    assert 930 <= covered <= 970
