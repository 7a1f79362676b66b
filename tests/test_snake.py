"""Open snakes against closed forms, minimisation by SciPy and scikit-image's active contour."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import RectBivariateSpline, make_smoothing_spline
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize
from skimage.segmentation import active_contour

from evaluation.segmenting import snake
from evaluation.segmenting.snake import Settings
from ftcaffe.errors import Error

PATIENT = Settings(tolerance=1e-9, steps=200_000)


def _dense(columns: int, tension: float, rigidity: float) -> np.ndarray:
    """K by its definition."""
    first, second = (np.diff(np.eye(columns), order, axis=0) for order in (1, 2))
    return tension * first.T @ first + rigidity * second.T @ second


def _still(rows: np.ndarray) -> np.ndarray:
    return np.zeros_like(rows)


@pytest.mark.parametrize("columns", [3, 4, 92])
def test_stiffness_is_that_of_the_differences(columns):
    bands, whole = snake.stiffness(columns, 0.5, 5), _dense(columns, 0.5, 5)
    for offset in range(3):
        np.testing.assert_allclose(bands[2 - offset, offset:], np.diagonal(whole, offset), atol=1e-12)
    assert not np.triu(whole, 3).any()


@pytest.mark.parametrize("slope", [0.0, 0.4])
def test_a_straight_line_stays_under_rigidity(slope):
    """Free ends: a tilted one too, for whose ends a curve with clamped or closed ends would have to bend."""
    line = 10 + slope * np.arange(92)
    moved = snake.deform(line, _still, Settings(tension=0, rigidity=50))
    np.testing.assert_allclose(moved.rows, line, atol=1e-9)
    assert moved.converged
    assert moved.steps == 1


def test_tension_levels_a_line_about_its_mean():
    moved = snake.deform(10 + 0.4 * np.arange(30), _still, replace(PATIENT, rigidity=0, tension=2))
    np.testing.assert_allclose(moved.rows, 10 + 0.4 * 14.5, atol=1e-5)


def test_rigidity_alone_leaves_the_straight_line_of_least_squares():
    rows = 20 + np.random.default_rng(0).standard_normal(40)
    line = np.polyval(np.polyfit(np.arange(40), rows, 1), np.arange(40))
    np.testing.assert_allclose(snake.deform(rows, _still, PATIENT).rows.mean(), rows.mean(), atol=1e-6)
    bent = snake.deform(rows, _still, replace(PATIENT, tension=0, time_step=1e4))
    np.testing.assert_allclose(bent.rows, line, atol=1e-5)


@pytest.mark.parametrize("time_step", [0.1, 1])
def test_a_step_relaxes_to_the_analytic_smoothing_spline(time_step):
    """Drawn to a step by springs of stiffness w: y = 1 − ½ exp(−u) cos u at u = x / (√2 λ), λ = (b/w)^¼.

    This is the step response of the cubic smoothing spline (B. W. Silverman, Ann. Statist. 12, 1984, equation 1.5).
    """
    half, length = 150, 12.0
    x = np.arange(2 * half) - half + 0.5
    step = 20.0 + (x > 0)
    weight = 5 / length**4
    settings = Settings(tension=0, rigidity=5, time_step=time_step / weight, tolerance=1e-10, steps=100_000)
    found = snake.deform(step, lambda rows: weight * (step - rows), settings)
    u = np.abs(x) / (np.sqrt(2) * length)
    expected = 20.5 + np.sign(x) * (0.5 - 0.5 * np.exp(-u) * np.cos(u))
    assert found.converged
    np.testing.assert_allclose(found.rows, expected, atol=2e-3)


def test_tension_alone_relaxes_a_step_exponentially():
    """y = 1 − ½ exp(−x / λ), λ = √(a/w)."""
    x = np.arange(200) - 99.5
    step, weight = 20.0 + (x > 0), 1 / 15**2
    settings = Settings(tension=1, rigidity=0, time_step=100, tolerance=1e-10, steps=100_000)
    found = snake.deform(step, lambda rows: weight * (step - rows), settings)
    expected = 20.5 + np.sign(x) * (0.5 - 0.5 * np.exp(-np.abs(x) / 15))
    np.testing.assert_allclose(found.rows, expected, atol=1e-3)


def test_noise_relaxes_to_scipys_smoothing_spline():
    """SciPy's is continuous, the snake its finite differences; both have natural ends."""
    x = np.arange(92.0)
    rows = 30 + 4 * np.sin(x / 12) + np.random.default_rng(1).standard_normal(92)
    settings = replace(PATIENT, tension=0, rigidity=300)
    found = snake.deform(rows, lambda now: rows - now, settings)
    np.testing.assert_allclose(found.rows, make_smoothing_spline(x, rows, lam=300)(x), atol=0.02)


def test_the_ends_do_not_curl():
    """A ridge along a tilted line that the outer fifteen columns do not have: there the curve goes straight on."""
    rows, columns = np.mgrid[:80, :120]
    line = 20 + 0.3 * np.arange(120)
    ridge = np.exp(-((rows - line) ** 2) / 18) * ((columns >= 15) & (columns < 105))
    settings = Settings(tension=0, rigidity=50, weight=10, sigma=0, steps=20_000, tolerance=1e-6)
    found = snake.settle(ridge, np.rint(line) + np.where(np.arange(120) % 2, 1, -1), settings)
    assert found.converged
    np.testing.assert_allclose(found.rows, line, atol=0.1)


def _energy(rows: np.ndarray, potential, tension: float, rigidity: float) -> float:
    stretch, bend = np.diff(rows), np.diff(rows, 2)
    return 0.5 * tension * stretch @ stretch + 0.5 * rigidity * bend @ bend + potential(rows).sum()


def test_it_comes_to_rest_at_a_minimum_of_the_energy():
    """SciPy's minimiser, from where the snake came to rest, finds nothing lower by more than rounding."""
    rng = np.random.default_rng(4)
    centre, strength = 30 + 5 * np.sin(np.arange(60) / 9), rng.uniform(0.5, 2, 60)

    def potential(rows):
        return -5 * strength * np.exp(-((rows - centre) ** 2) / 8)

    def force(rows):
        return potential(rows) * (rows - centre) / 4

    found = snake.deform(np.full(60, 30.0), force, replace(PATIENT, time_step=0.5))
    start = _energy(np.full(60, 30.0), potential, 0.5, 5)
    least = minimize(_energy, found.rows, (potential, 0.5, 5), tol=1e-12)
    here = _energy(found.rows, potential, 0.5, 5)
    assert found.converged
    assert here < start - 50
    assert here == pytest.approx(least.fun, abs=1e-4)
    np.testing.assert_allclose(found.rows, least.x, atol=1e-2)


def test_it_agrees_with_scikit_images_active_contour():
    """On the same energy with free ends. Its rows for the ends leave out the tension and have a rigidity of 1; they
    give its matrix a negative eigenvalue, -1/3, so that it comes to rest in small moves alone.

    Its points move along the rows as well: each has forty columns alike about it here, so that nothing draws it
    there. The outer columns are empty, since it doubles the force at the ends.
    """
    columns, pitch = 24, 40
    rows, column = np.mgrid[:50, :columns]
    image = np.exp(-((rows - 25 - 6 * np.sin(column / 4)) ** 2) / 40) * ((column > 1) & (column < columns - 2))
    image = np.repeat(image, pitch, axis=1)
    points = pitch * (np.arange(columns) + 0.5)
    spline = RectBivariateSpline(np.arange(50), np.arange(columns * pitch), image, kx=2, ky=2, s=0)
    start = np.full(columns, 24.0)
    theirs = active_contour(
        image,
        np.column_stack([start, points]).astype(float),
        alpha=0,
        beta=1,
        w_line=2,
        w_edge=0,
        gamma=0.1,
        max_px_move=0.3,
        max_num_iter=1000,
        convergence=0,
        boundary_condition="free",
    )
    settings = replace(PATIENT, tension=0, rigidity=1)
    ours = snake.deform(start, lambda now: 2 * spline(now, points, dx=1, grid=False), settings)
    np.testing.assert_allclose(theirs[:, 1], points, atol=1e-6)
    assert np.ptp(ours.rows) > 8
    np.testing.assert_allclose(ours.rows, theirs[:, 0], atol=1e-5)


def test_the_attraction_is_the_slope_of_the_smoothed_map():
    image = np.random.default_rng(6).random((40, 20))
    settings = Settings(weight=3, sigma=2)
    smooth = gaussian_filter(image, 2, mode="nearest")
    force = snake.attraction(image, settings)
    rows, columns = np.full(20, 12.0), np.arange(20)
    np.testing.assert_allclose(force(rows), 1.5 * (smooth[13] - smooth[11]))
    between = 0.75 * force(rows) + 0.25 * force(rows + 1)
    np.testing.assert_allclose(force(rows + 0.25), between)
    np.testing.assert_allclose(force(np.full(20, 99.0)), 3 * (smooth[39, columns] - smooth[38, columns]))


def test_it_does_not_leave_the_map():
    image = np.tile(np.linspace(0, 50, 20)[:, None], (1, 10))
    found = snake.settle(image, np.full(10, 15.0), Settings())
    np.testing.assert_allclose(found.rows, 19)
    np.testing.assert_allclose(snake.settle(image[::-1], np.full(10, 5.0), Settings()).rows, 0)


def test_one_that_does_not_come_to_rest_says_so():
    found = snake.deform(np.full(5, 10.0), lambda rows: np.ones(5), Settings(steps=7))
    assert (found.converged, found.steps) == (False, 7)


@pytest.mark.parametrize("start", [[1.0, 2.0], [1.0, np.nan, 2.0], [[1.0, 2.0, 3.0]]])
def test_rows_that_are_no_snake(start):
    with pytest.raises(ValueError, match="three or more finite rows"):
        snake.deform(np.array(start), _still, Settings())


@pytest.mark.parametrize("start", [np.ones(9), np.ones((10, 1))])
def test_a_snake_has_a_row_for_each_column(start):
    with pytest.raises(ValueError, match="a row for each column"):
        snake.settle(np.ones((20, 10)), start, Settings())


@pytest.mark.parametrize("wrong", [{"tension": -1}, {"time_step": 0}, {"steps": 0}, {"sigma": -0.1}])
def test_settings_that_move_no_snake(wrong):
    with pytest.raises(Error, match="a snake's"):
        Settings(**wrong)
