"""Boundary error, thickness and box plots against closed forms and matplotlib's own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib import cbook

from evaluation.statistics.boundary import boundary_error, thickness, trace
from evaluation.statistics.boxplot import box

NAN = np.nan


def test_error_is_over_the_columns_that_both_have():
    traced = np.array([NAN, 10.0, 12.0, 9.0, 20.0])
    reference = np.array([7.0, 11.0, 10.0, 9.0, NAN])
    found = boundary_error(traced, reference)
    assert found.signed == pytest.approx((-1 + 2 + 0) / 3)
    assert found.absolute == pytest.approx((1 + 2 + 0) / 3)
    assert (found.columns, found.left_out, found.unit) == (3, 2, "px")


@pytest.mark.parametrize(("unit", "scale"), [("mm", 0.09), ("µm", 90.0)])
def test_a_pixels_height_calibrates(unit, scale):
    found = boundary_error(np.array([3.0, 1.0]), np.array([1.0, 2.0])).calibrated(0.09, unit)
    assert (found.signed, found.absolute, found.unit) == (
        pytest.approx(0.5 * scale),
        pytest.approx(1.5 * scale),
        unit,
    )
    wall = thickness(np.array([3.0, 1.0]), np.array([10.0, 6.0])).calibrated(0.09, unit)
    assert (wall.mean, wall.least, wall.most) == pytest.approx((6 * scale, 5 * scale, 7 * scale))


def test_thickness_of_a_slanting_wall_is_vertical():
    upper = 20 + 0.5 * np.arange(92)
    wall = thickness(upper, upper + 8)
    assert (wall.mean, wall.least, wall.most, wall.columns, wall.crossed) == pytest.approx((8, 8, 8, 92, 0))


def test_columns_in_which_the_interfaces_cross_are_counted():
    wall = thickness(np.array([5.0, 5.0, 5.0, NAN]), np.array([9.0, 4.0, 5.0, 8.0]))
    assert (wall.crossed, wall.columns, wall.left_out) == (1, 3, 1)
    assert (wall.least, wall.mean) == pytest.approx((-1, 1))


def test_a_trace_is_straight_between_its_points():
    expected = [NAN, NAN, 10, 11, 12, 13, 11, NAN]
    np.testing.assert_allclose(trace(np.array([2, 5, 6]), np.array([10, 13, 11]), 8), expected)
    np.testing.assert_allclose(trace(np.array([6, 5, 2]), np.array([11, 13, 10]), 8), expected)


@pytest.mark.parametrize(
    ("column", "row", "message"),
    [
        ([1], [1], "two or more points"),
        ([1, 2], [1], r"columns \(2,\) and rows \(1,\)"),
        ([1, NAN], [1, 2], "not finite"),
        ([1, 5, 4, 6], [1, 2, 3, 4], "turns back at column 5"),
        ([3, 3], [1, 2], "turns back at column 3"),
    ],
)
def test_points_that_are_no_trace(column, row, message):
    with pytest.raises(ValueError, match=message):
        trace(np.array(column), np.array(row), 10)


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (np.ones(3), np.ones(4), "not of the same columns"),
        (np.array([1, NAN]), np.array([NAN, 1]), "no column in common"),
        (np.array([1, np.inf]), np.ones(2), "infinite"),
    ],
)
def test_traces_that_cannot_be_compared(one, other, message):
    for measure in (boundary_error, thickness):
        with pytest.raises(ValueError, match=message):
            measure(one, other)


@pytest.mark.parametrize(("spacing", "unit"), [(0, "mm"), (-1, "mm"), (NAN, "mm"), (0.1, "inch")])
def test_calibrations_that_are_none(spacing, unit):
    with pytest.raises(ValueError, match=r"positive number of millimetres|one of mm, µm"):
        boundary_error(np.ones(2), np.ones(2)).calibrated(spacing, unit)


def test_what_is_calibrated_is_not_calibrated_again():
    with pytest.raises(ValueError, match="already, in mm"):
        boundary_error(np.ones(2), np.ones(2)).calibrated(0.1).calibrated(0.1)


rows = arrays(float, 6, elements=st.floats(0, 60) | st.just(NAN))


@given(rows, rows, st.permutations(range(6)))
def test_error_has_a_direction_and_no_order_of_columns(one, other, order):
    if not (~np.isnan(one) & ~np.isnan(other)).any():
        return
    there, back = boundary_error(one, other), boundary_error(other, one)
    assert back.signed == pytest.approx(-there.signed)
    assert back.absolute == pytest.approx(there.absolute)
    assert there.absolute >= abs(there.signed) - 1e-9
    assert boundary_error(one[order], other[order]).signed == pytest.approx(there.signed)
    assert thickness(one, other).mean == pytest.approx(back.signed)


# Box plots


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 11, 132])
@pytest.mark.parametrize("draw", ["normal", "standard_cauchy", "standard_exponential"])
def test_boxes_match_matplotlib(draw, count):
    values = getattr(np.random.default_rng(count), draw)(size=count)
    found, (theirs,) = box(values), cbook.boxplot_stats(values)
    for ours, name in (("first", "q1"), ("median", "med"), ("third", "q3"), ("low", "whislo"), ("high", "whishi")):
        assert getattr(found, ours) == pytest.approx(theirs[name])
    np.testing.assert_allclose(found.outliers, np.sort(theirs["fliers"]))
    assert found.mean == pytest.approx(values.mean())


def test_a_box_by_hand():
    found = box(np.array([9.0, 1, 2, 3, 4, 5, 6, 7, 30]))
    assert (found.low, found.first, found.median, found.third, found.high) == (1, 3, 5, 7, 9)
    assert found.outliers.tolist() == [30]
    assert (found.count, found.deviation) == (9, pytest.approx(np.sqrt(700 / 9)))


def test_the_deviation_of_one_value_is_not_known():
    assert np.isnan(box(np.array([3.0])).deviation)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40))
def test_whiskers_hold_the_box_and_part_the_outliers(values):
    found = box(np.array(values))
    assert found.low <= found.first <= found.median <= found.third <= found.high
    inside = sum(found.low <= value <= found.high for value in values)
    assert inside + len(found.outliers) == found.count == len(values)


@pytest.mark.parametrize("values", [[], [1, NAN], [[1, 2]]])
def test_samples_that_have_no_box(values):
    with pytest.raises(ValueError, match="one or more values, all finite"):
        box(np.array(values, dtype=float))
