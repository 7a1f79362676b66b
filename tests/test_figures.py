"""Figures draw the numbers that they are given; movement and filters are those of the weights."""

from __future__ import annotations

import numpy as np
import pytest
from made_runs import made_patches, made_weights

from evaluation.comparing.examples import examples
from evaluation.drawing import figures, style
from evaluation.drawing.figures import Training
from evaluation.scoring import testset, weights
from evaluation.scoring.runs import Trace
from evaluation.scoring.scores import Scores
from evaluation.statistics.interval import Interval
from ftcaffe.errors import Error
from ftcaffe.nets.depths import DEPTHS


@pytest.fixture
def ax():
    with style.figure(3) as (_, axes):
        yield axes


def plain(number: int = 0) -> style.Style:
    return style.of_other(number)


def test_a_run_has_its_depths_colour_whatever_its_data():
    for depth in DEPTHS:
        of_fractions = [style.of_run(depth, "gaussian", fraction) for fraction in (1.0, 0.5, 0.25)]
        assert len({str(look.color) for look in of_fractions}) == 1
        assert len({str(look.line) for look in of_fractions}) == 3
    looks = {(str(look.color), str(look.line)) for look in map(style.of_run, DEPTHS)}
    assert len(looks) == len(DEPTHS)


def test_depths_run_from_the_deepest_to_scratch():
    assert sorted(reversed(DEPTHS), key=style.order) == list(DEPTHS)


@pytest.mark.parametrize(
    ("one", "texts"),
    [
        (Interval(0.71, 0.62, 0.79), ["71 % [62, 79]"]),
        (Interval(0.71, np.nan, np.nan), ["71 %"]),
        (Interval(np.nan, np.nan, np.nan), []),
    ],
)
def test_intervals_are_written_beside_their_bars(ax, one, texts):
    figures.intervals([("a", plain(), one)], ax, "found")
    assert [text.get_text() for text in ax.texts] == texts


def trace(losses: np.ndarray) -> Trace:
    column = np.array([10.0, 20.0, 30.0])
    return Trace(column, column / 10, 1 / column, 2 / column, np.array([0.6, 0.8, 0.7]), column, losses)


def test_the_chosen_snapshot_is_marked(ax):
    figures.by_snapshot([Training("a", plain(), trace(np.ones(30)), best=20)], ax, "val_auc", "AUC")
    curve, dot = ax.get_lines()
    assert curve.get_xydata().tolist() == [[10, 0.6], [20, 0.8], [30, 0.7]]
    assert dot.get_xydata().tolist() == [[20, 0.8]]


def test_the_iteration_within_the_tolerance_is_marked(ax):
    figures.convergence([Training("a", plain(), trace(np.ones(30)), best=20)], ax, tolerance=0.15)
    marks = {line.get_marker(): line.get_xydata().tolist() for line in ax.get_lines() if len(line.get_xdata()) == 1}
    assert marks == {"o": [[20, 0.8]], "D": [[20, 0.8]]}
    assert [[20, ax.get_ylim()[0]], [20, 0.8]] in [line.get_xydata().tolist() for line in ax.get_lines()]
    figures.convergence([Training("b", plain(), trace(np.ones(30)), best=20)], ax, tolerance=0.25)
    assert [10, 0.6] in [
        line.get_xydata()[0].tolist() for line in ax.get_lines() if line.get_marker() == "D" and len(line.get_xdata())
    ]
    assert [text.get_text() for text in figures.legend(ax).get_legend().get_texts()] == [
        "a", "b", "chosen", "within 0.15 of its best", "within 0.25 of its best",
    ]  # fmt: skip


def test_training_loss_is_the_mean_of_the_last_fifth_so_far(ax):
    losses = np.random.default_rng(0).random(200)
    figures.training_loss([Training("a", plain(), trace(losses), best=20)], ax)
    x, y = ax.get_lines()[0].get_data()
    assert x.tolist() == list(range(1, 201))
    expected = [losses[min(done - 1, int(0.8 * done)) : done].mean() for done in range(1, 201)]
    np.testing.assert_allclose(y, expected, rtol=1e-9)


def test_movement_says_frozen_and_new(ax):
    figures.movement({"a": {"conv1": 0.0, "fc7": 0.031}, "b": {"conv1": 0.42, "fc7": float("nan")}}, ax)
    assert [text.get_text() for text in ax.texts] == ["frozen", "3.1 %", "42 %", "–"]


def test_movement_is_the_relative_distance(tmp_path):
    start = made_weights(tmp_path / "start.caffemodel", np.random.default_rng(0))
    read = weights.weights(tmp_path / "start.caffemodel")
    end = {name: value.copy() for name, value in read.items()}
    end["conv2"] *= 1.5
    end["fc7"] = -end["fc7"]
    end["fc8_polyp"] = start["fc8_polyp"]
    moved = weights.movement(read, end)
    assert "fc8_polyp" not in moved
    assert moved == pytest.approx(dict.fromkeys(moved, 0) | {"conv2": 0.5, "fc7": 2})
    assert moved["conv1"] == 0


def test_filters_are_rgb_with_zero_at_mid_grey():
    bank = np.zeros((2, 3, 1, 2), np.float32)
    bank[0, 0, 0, 1] = 4  # blue of BGR, the largest value of its filter
    bank[0, 2, 0, 1] = -2
    pictures = weights.filters({"conv1": bank})
    assert pictures[0, 0].tolist() == [[0.5, 0.5, 0.5], [0.25, 0.5, 1.0]]
    assert np.all(pictures[1] == 0.5)


def test_filters_of_many_channels_are_refused():
    with pytest.raises(Error, match=r"layer 'conv2' of shape \(4, 12, 5, 5\)"):
        weights.filters({"conv2": np.zeros((4, 12, 5, 5))}, "conv2")


def test_the_same_figure_is_the_same_file(tmp_path):
    for name in ("one", "two"):
        with style.figure(2) as (drawn, axes):
            axes.plot([0, 1], [0, 1])
            figures.save(drawn, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")


def scored(tests: testset.TestSet, score: list[float], **changes: np.ndarray) -> Scores:
    columns = {name: tests.columns[name] for name in ("unit", "image", "candidate", "lesion")}
    return Scores(**(columns | changes), label=tests.columns["label"], score=np.array(score), images=tests.images)


def test_the_worst_cases_are_the_boxes_themselves_in_rgb(tmp_path):
    patches = made_patches(tmp_path)
    tests = testset.read(tmp_path)
    worst = examples(scored(tests, [0.4, 0.7, 0.9, 0.8, 0.2]), tests, count=3)
    assert [(one.place, one.score) for one in worst.false_alarms] == [("a, 0", 0.9), ("b, 0", 0.2)]
    assert [(one.place, one.score) for one in worst.weak_hits] == [("a, 0", 0.4)]
    # Two patches a candidate: candidate 2's first is the fifth, the hit's the first.
    np.testing.assert_array_equal(worst.false_alarms[0].picture, patches[4][::-1].transpose(1, 2, 0))
    np.testing.assert_array_equal(worst.weak_hits[0].picture, patches[0][::-1].transpose(1, 2, 0))


def test_examples_of_other_candidates_are_refused(tmp_path):
    made_patches(tmp_path)
    tests = testset.read(tmp_path)
    other = np.array(["0", "1", "2", "3", "9"])
    with pytest.raises(Error, match="is of other candidates than the data folder holds"):
        examples(scored(tests, [0.4, 0.7, 0.9, 0.8, 0.2], candidate=other), tests, count=3)
