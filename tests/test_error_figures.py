"""Box plots and limits of agreement draw the numbers that they are given."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from evaluation.drawing import error_figures, style
from evaluation.statistics.agreement import bland_altman
from evaluation.statistics.boxplot import box


@pytest.fixture
def ax():
    with style.figure(3) as (_, axes):
        yield axes


def test_mean_and_deviation_are_printed_above_each_box(ax):
    rows = [("a", style.of_other(0), box(np.array([1.0, 2, 3, 6]))), ("b", style.of_other(1), box(np.array([250.0])))]
    error_figures.boxes(rows, ax, "error (µm)")
    ax.figure.canvas.draw()
    assert [text.get_text() for text in ax.texts] == ["3.00\n± 2.16", "250"]
    top = ax.get_window_extent().y1
    for place, text in enumerate(ax.texts):
        around = text.get_window_extent()
        assert around.y0 > top
        middle = ax.transData.transform((place, 0))[0]
        assert (around.x0 + around.x1) / 2 == pytest.approx(middle, abs=1)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]


@pytest.mark.parametrize("log", [False, True])
def test_quartiles_whiskers_and_outliers_are_drawn(ax, log):
    one = box(np.array([9.0, 1, 2, 3, 4, 5, 6, 7, 30, 40]))
    error_figures.boxes([("a", style.of_other(0), one)], ax, "error", log=log)
    heights = [tuple(sorted(set(line.get_ydata()))) for line in ax.get_lines()]
    for expected in ((one.first, one.third), (one.median,), (one.low, one.first), (one.third, one.high), (30, 40)):
        assert expected in heights
    assert (one.mean,) in heights
    assert ax.get_yscale() == ("log" if log else "linear")


@pytest.mark.parametrize("count", [1, 12])
def test_what_is_printed_above_the_boxes_does_not_meet(count):
    generator = np.random.default_rng(0)
    with style.figure(3) as (drawn, axes):
        rows = [(f"conv{n}-fc8", style.of_other(n), box(generator.gamma(1, 100, 50))) for n in range(count)]
        error_figures.boxes(rows, axes, "error")
        drawn.canvas.draw()
        around = [text.get_window_extent() for text in axes.texts]
        assert all(one.x1 < other.x0 for one, other in itertools.pairwise(around))
        assert all(drawn.bbox.x0 <= one.x0 <= one.x1 <= drawn.bbox.x1 for one in around)


def test_limits_of_agreement_are_lines_with_their_intervals(ax):
    generator = np.random.default_rng(0)
    thickness = generator.normal(0.7, 0.1, 40)
    found = bland_altman(thickness + generator.normal(0.02, 0.03, 40), thickness)
    error_figures.bland_altman(found, ax, "intima-media thickness", "mm", style.of_other(0))
    dots = ax.get_lines()[0].get_xydata()
    np.testing.assert_array_equal(dots, np.stack([found.mean, found.difference], axis=1))
    level = [line.get_ydata()[0] for line in ax.get_lines()[1:]]
    assert level == [0, found.upper.value, found.bias.value, found.lower.value]
    said = [text.get_text() for text in ax.texts]
    assert said[1] == f"bias\n{found.bias.value:+.4f} [{found.bias.low:+.4f}, {found.bias.high:+.4f}]"
    assert said[2].startswith("lower limit\n−")
    low, high = ax.get_ylim()
    assert low < found.lower.low < found.upper.high < high
    shaded = [
        patch.get_window_extent().transformed(ax.transData.inverted()).intervaly.tolist() for patch in ax.patches
    ]
    for one in (found.upper, found.bias, found.lower):
        assert any(pytest.approx(ends) == [one.low, one.high] for ends in shaded)
