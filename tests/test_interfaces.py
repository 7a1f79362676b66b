"""Both interfaces from maps and from grey values, against exhaustive search and walls that are known."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter

from evaluation.segmenting import interfaces, named, snake, wall_edges
from evaluation.segmenting.interfaces import maxima, ordered_maxima
from evaluation.statistics.boundary import boundary_error
from ftcaffe.errors import Error

HEIGHT, WIDTH = 60, 92
COLUMNS = np.arange(WIDTH)
LI = 22 + 3 * np.sin(COLUMNS / 20) + 0.05 * COLUMNS
MA = LI + 11 + np.cos(COLUMNS / 15)


def _maps(seed: int, outliers: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidence maps: bands about the interfaces, noise, columns with a stronger maximum somewhere else."""
    rng = np.random.default_rng(seed)
    rows = np.arange(HEIGHT)[:, None]
    maps = []
    for line in (LI, MA):
        image = 0.8 * np.exp(-((rows - line) ** 2) / (2 * 2.5**2)) + 0.15 * rng.random((HEIGHT, WIDTH))
        image[rng.integers(0, HEIGHT, outliers), rng.choice(WIDTH, outliers, replace=False)] = 1
        maps.append(image / 2)
    return maps[0], maps[1]


def test_maxima_are_rows_of_columns_and_ties_their_mean():
    image = np.zeros((6, 4))
    image[2, 0] = image[[1, 4], 1] = image[5, 2] = 0.7
    np.testing.assert_allclose(maxima(image), [2, 2.5, 5, 2.5])


values = arrays(float, (7, 3), elements=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9]))


@given(values, values, st.integers(0, 3))
def test_ordered_maxima_are_those_of_all_pairs(upper, lower, gap):
    firsts, seconds = ordered_maxima(upper, lower, gap)
    for column in range(3):
        pairs = {
            (r1, r2): upper[r1, column] * lower[r2, column]
            for r1, r2 in product(range(7), repeat=2)
            if r2 >= r1 + gap
        }
        best = [pair for pair, value in pairs.items() if value == max(pairs.values())]
        assert (firsts[column], seconds[column]) == pytest.approx(tuple(np.mean(best, axis=0)))


def test_ordered_maxima_do_not_take_one_interface_for_the_other():
    """Where each map has its maximum on the other interface."""
    upper, lower = np.zeros((20, 1)), np.zeros((20, 1))
    upper[5], upper[12] = 0.4, 0.5
    lower[12], lower[5] = 0.4, 0.5
    assert (maxima(upper)[0], maxima(lower)[0]) == (12, 5)
    assert [rows[0] for rows in ordered_maxima(upper, lower)] == [5, 12]


@pytest.mark.parametrize("seed", range(5))
def test_snakes_come_closer_than_the_maxima(seed):
    """With a tenth of the columns outliers: within a quarter of a pixel, where the maxima are off by a pixel."""
    found = interfaces.trace(*_maps(seed, 9))
    for start, traced, truth in ((found.start_li, found.li, LI), (found.start_ma, found.ma, MA)):
        assert traced.converged
        error = boundary_error(traced.rows, truth).absolute
        assert error < 0.3
        assert error < boundary_error(start, truth).absolute / 2
    assert found.thickness.mean == pytest.approx((MA - LI).mean(), abs=0.2)
    assert found.thickness.columns == WIDTH
    assert found.thickness.crossed == 0


def test_settings_reach_both_steps():
    li, ma = _maps(0, 0)
    free = interfaces.trace(li, ma, interfaces.Settings(ordered=False, snake=snake.Settings(steps=1)))
    np.testing.assert_array_equal(free.start_li, maxima(li))
    assert free.li.steps == free.ma.steps == 1


@pytest.mark.parametrize(
    ("li", "ma", "message"),
    [
        (np.ones((9, 5)), np.ones((9, 6)), "too small to trace in, or not of one region"),
        (np.ones((2, 5)), np.ones((2, 5)), "too small to trace in"),
        (np.ones((9, 2)), np.ones((9, 2)), "too small to trace in"),
        (np.full((9, 5), np.nan), np.ones((9, 5)), "numbers from 0 on"),
        (-np.ones((9, 5)), np.ones((9, 5)), "numbers from 0 on"),
        (np.ones(9), np.ones(9), "rows × columns"),
    ],
)
def test_maps_that_hold_no_interfaces(li, ma, message):
    with pytest.raises(ValueError, match=message):
        interfaces.trace(li, ma)


def test_settings_are_read_from_text():
    found = named.settings("rigidity=10,ordered=0,gap=3,steps=50", interfaces.Settings)
    assert found == interfaces.Settings(False, 3, snake.Settings(rigidity=10, steps=50))
    assert named.settings("", interfaces.Settings) == interfaces.Settings()
    edges = named.settings("edge_sigma=3,sigma=2,together=0", wall_edges.Settings)
    assert edges == wall_edges.Settings(edge_sigma=3, together=False, snake=snake.Settings(sigma=2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stiffness=3", "'stiffness=3' sets nothing of the tracing; write NAME=VALUE, of: ordered, gap, tension"),
        ("gap", "'gap' sets no number; gap is a number"),
        ("ordered=no", "'ordered=no' sets no number"),
        ("steps=2.5", "'steps=2.5' sets no number"),
        ("tension=-1", "a snake's tension"),
    ],
)
def test_text_that_sets_nothing(text, message):
    with pytest.raises(Error, match=message):
        named.settings(text, interfaces.Settings)


def test_a_gap_below_zero():
    with pytest.raises(Error, match="0 or more pixels"):
        interfaces.Settings(gap=-1)


# The handcrafted rival


def _wall(seed: int, speckle: float) -> np.ndarray:
    """Lumen, intima-media and adventitia in grey values, with multiplicative speckle."""
    rows = np.arange(HEIGHT)[:, None]
    clean = np.where(rows < LI, 15.0, np.where(rows < MA, 70.0, 160.0))
    noise = np.random.default_rng(seed).rayleigh(0.8, (HEIGHT, WIDTH))
    return gaussian_filter(clean * (1 - speckle + speckle * noise), 1)


def test_the_rival_finds_a_clear_wall():
    """An edge between rows r − 1 and r lies at r − ½."""
    found = wall_edges.trace(_wall(0, 0))
    for traced, truth in ((found.li, LI), (found.ma, MA)):
        assert boundary_error(traced.rows, np.ceil(truth) - 0.5).absolute < 0.5
        assert traced.converged


def test_the_rival_is_imperfect_in_speckle():
    """It stays on the wall, and is worse than on a clear one."""
    clear, noisy = wall_edges.trace(_wall(0, 0)), wall_edges.trace(_wall(0, 1))
    errors = [boundary_error(found.li.rows, LI).absolute for found in (clear, noisy)]
    assert errors[0] < errors[1] < 6


def test_the_rivals_edges_keep_their_gap_and_do_not_jump():
    choices = (wall_edges.Settings(), wall_edges.Settings(gap=9, upper=0.5), wall_edges.Settings(together=False))
    for seed, settings in product(range(3), choices):
        image = np.random.default_rng(seed).random((HEIGHT, WIDTH))
        found = wall_edges.trace(image, settings)
        assert (found.start_ma - found.start_li).min() >= settings.gap
        assert found.start_ma.min() >= settings.upper * HEIGHT
        assert max(np.abs(np.diff(found.start_li)).max(), np.abs(np.diff(found.start_ma)).max()) <= 1


def test_an_even_region_has_no_edges_and_does_not_fail():
    found = wall_edges.trace(np.full((30, 10), 7.0))
    assert found.thickness.least >= 4 - 1e-9


LINES = np.array([rows for rows in product(range(5), repeat=5) if np.abs(np.diff(rows)).max() <= 1])


@given(arrays(float, (5, 5), elements=st.floats(-5, 5)))
def test_the_best_line_is_that_of_all_lines(score):
    found = wall_edges.best_line(score)
    assert np.abs(np.diff(found)).max() <= 1
    assert score[found, range(5)].sum() == pytest.approx(score[LINES, range(5)].sum(axis=1).max())


small = arrays(float, (5, 4), elements=st.floats(-5, 5))
SHORT = np.array([rows for rows in product(range(5), repeat=4) if np.abs(np.diff(rows)).max() <= 1])


@given(small, small, st.integers(1, 3))
def test_the_best_lines_are_those_of_all_pairs(upper, lower, gap):
    one, other = wall_edges.best_lines(upper, lower, gap)
    assert max(np.abs(np.diff(one)).max(), np.abs(np.diff(other)).max()) <= 1
    assert (other - one).min() >= gap
    sums = upper[SHORT, range(4)].sum(axis=1)[:, None] + lower[SHORT, range(4)].sum(axis=1)
    apart = (SHORT[None] - SHORT[:, None]).min(axis=2) >= gap
    assert upper[one, range(4)].sum() + lower[other, range(4)].sum() == pytest.approx(sums[apart].max())


def test_the_stronger_echo_of_the_intima_is_not_taken_for_the_adventitia():
    """Unless the media-adventitia line is chosen first, with a region in whose lower part both lie."""
    rows = np.arange(HEIGHT)[:, None]
    image = gaussian_filter(np.where(rows < LI, 10.0, np.where(rows < MA, 150.0, 220.0)), 1)
    together = wall_edges.trace(image)
    first = wall_edges.trace(image, wall_edges.Settings(together=False))
    assert boundary_error(together.ma.rows, MA).absolute < 1.5
    assert boundary_error(first.ma.rows, LI).absolute < 1.5


def test_no_line_passes():
    score = np.full((4, 3), -np.inf)
    score[0, 0] = score[3, 1] = score[3, 2] = 1
    with pytest.raises(ValueError, match="no line passes"):
        wall_edges.best_line(score)


@pytest.mark.parametrize(
    ("region", "settings", "message"),
    [
        (np.ones((9, 20)), wall_edges.Settings(), "no room for two edges"),
        (np.ones((60, 2)), wall_edges.Settings(), "three or more columns"),
        (np.ones((60, 20, 3)), wall_edges.Settings(), "three or more columns"),
    ],
)
def test_regions_that_the_rival_cannot_trace_in(region, settings, message):
    with pytest.raises(ValueError, match=message):
        wall_edges.trace(region, settings)


@pytest.mark.parametrize("wrong", [{"edge_sigma": -1}, {"upper": 1}, {"gap": 0}])
def test_settings_of_the_rival(wrong):
    with pytest.raises(Error, match="edges need"):
        replace(wall_edges.Settings(), **wrong)
