"""Figures of curves draw what was counted, what was fitted, and the intervals that they are given."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from made_runs import made_scores
from matplotlib import colors
from skimage.color import deltaE_ciede2000, rgb2lab

from evaluation.comparing.result import Band, OperatingPoint
from evaluation.drawing import curves, figures, style
from evaluation.drawing.curves import Curve
from evaluation.statistics import binormal, idca
from evaluation.statistics.froc import froc, sensitivity_at
from evaluation.statistics.interval import Interval
from evaluation.statistics.roc import roc
from ftcaffe.nets.depths import DEPTHS

# How colours look to eyes without the long-wave, middle-wave or short-wave cones, on linear RGB (G. M. Machado, M. M.
# Oliveira and L. A. F. Fernandes, IEEE TVCG 15, 2009, severity 1).
EYES = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


@pytest.fixture
def ax():
    with style.figure(3) as (_, axes):
        yield axes


@pytest.fixture(scope="module")
def detections():
    return made_scores(np.random.default_rng(0), 1.5).detections


def froc_of(found, **parts) -> Curve:
    counted = froc(found.score, found.lesion, int(found.lesions.sum()), int(found.images.sum()))
    return Curve("a", style.of_other(0), counted, **parts)


def idca_of(found):
    return idca.fit(found.score, found.lesion, int(found.lesions.sum()), int(found.images.sum()))


def cases(count=400, seed=0):
    generator = np.random.default_rng(seed)
    positive = np.arange(count) < count // 4
    return generator.normal(positive * 1.5, 1), positive


def longest(axes):
    """The line of the most points: an empirical or a fitted curve."""
    return max(axes.get_lines(), key=lambda line: len(line.get_xdata()))


def test_froc_draws_the_step_function_from_one_false_positive_on(ax, detections):
    curve = froc_of(detections)
    curves.froc([curve], ax, "frame")
    line = longest(ax)
    assert line.get_drawstyle() == "steps-post"
    start = 1 / curve.empirical.images
    assert ax.get_xlim()[0] == pytest.approx(start)
    x, y = line.get_data()
    assert x[0] == start
    assert set(curve.empirical.false_positives[curve.empirical.false_positives > start]) <= set(x)  # none thinned
    for rate, drawn in zip(x, y, strict=True):
        later = y[x == rate].max()  # where the curve rises at one rate, its upper end is what the rate buys
        assert drawn <= later == sensitivity_at(curve.empirical, rate)


def test_the_end_of_a_curve_is_marked_and_nothing_is_drawn_beyond(ax, detections):
    short = np.flatnonzero(detections.score > np.quantile(detections.score, 0.6))
    few = froc(detections.score[short], detections.lesion[short], 80, 160)
    curves.froc([froc_of(detections), Curve("few", style.of_other(1), few)], ax)
    ends = {
        tuple(line.get_xydata()[0]) for line in ax.get_lines() if line.get_marker() == "|" and len(line.get_xdata())
    }
    assert (few.false_positives[-1], few.sensitivity[-1]) in ends
    assert len(ends) == 2
    of_few = [line for line in ax.get_lines() if line.get_color() == style.of_other(1).color]
    assert max(line.get_xdata().max() for line in of_few if len(line.get_xdata())) == few.false_positives[-1]


def test_a_fitted_curve_lies_over_thin_steps_and_ends_where_the_model_does(ax, detections):
    model = idca_of(detections)
    curves.froc([froc_of(detections, fitted=model)], ax)
    fitted = next(line for line in ax.get_lines() if len(line.get_xdata()) == 400)
    steps = next(line for line in ax.get_lines() if line.get_drawstyle() == "steps-post")
    assert fitted.get_linewidth() > 2 * steps.get_linewidth()
    x, y = fitted.get_data()
    np.testing.assert_allclose(y, model.curve(x))
    assert (x[-1], y[-1]) == pytest.approx((model.false_candidates, model.detected))


POINTS = (
    OperatingPoint(0.1, Interval(0.4, 0.3, 0.5)),
    OperatingPoint(0.5, Interval(0.6, np.nan, np.nan)),
    OperatingPoint(9.0, Interval(np.nan, np.nan, np.nan)),
)


def test_operating_points_have_their_intervals_as_error_bars(ax, detections):
    curves.froc([froc_of(detections, points=POINTS)], ax)
    lines = [line.get_xydata().tolist() for line in ax.get_lines()]
    assert [[0.1, 0.3], [0.1, 0.5]] in lines
    assert [[0.1, 0.4]] in lines
    assert [[0.5, 0.6]] in lines  # an estimate without an interval has no bar
    assert not any(point[0] in (0.5, 9.0) for line in lines if len(line) == 2 for point in line)
    assert [[9.0, np.nan]] not in lines


def test_error_bars_of_several_curves_stand_side_by_side(ax, detections):
    count = 12
    curves.froc([froc_of(detections, points=POINTS[:1]) for _ in range(count)], ax)
    ax.figure.canvas.draw()
    bars = [line for line in ax.get_lines() if line.get_xydata().tolist() == [[0.1, 0.3], [0.1, 0.5]]]
    across = np.array([line.get_transform().transform(line.get_xydata())[0, 0] for line in bars])
    across = across / ax.figure.dpi * 72
    assert len(across) == count
    assert (np.diff(across) > 1).all()
    assert np.ptp(across) <= 14 + 1e-6
    assert across.mean() == pytest.approx(ax.transData.transform((0.1, 0))[0] / ax.figure.dpi * 72)


def test_a_band_is_drawn_between_its_ends(ax, detections):
    rates = np.array([0.05, 0.1, 0.5])
    curves.froc([froc_of(detections, band=Band(rates, rates / 2, np.sqrt(rates)))], ax)
    (shade,) = ax.collections
    corners = shade.get_paths()[0].vertices
    for rate in rates:
        assert {corners[corners[:, 0] == rate][:, 1].min(), corners[corners[:, 0] == rate][:, 1].max()} <= {
            *(rates / 2),
            *np.sqrt(rates),
        }


@pytest.mark.parametrize("model", ["idca", "binormal"])
def test_a_fitted_band_is_the_models_interval(detections, model):
    if model == "idca":
        fitted, rates = idca_of(detections), np.array([0.01, 0.5])
        beyond = [0.0, fitted.false_candidates]
    else:
        fitted, rates, beyond = binormal.fit(*cases()), np.array([0.1, 0.4]), [0.0, 1.0]
    found = curves.band(fitted, np.concatenate([rates, beyond]))
    expected = [fitted.sensitivity(rate) for rate in rates]
    np.testing.assert_array_equal(found.low[:2], [one.low for one in expected])
    np.testing.assert_array_equal(found.high[:2], [one.high for one in expected])
    assert np.isnan(found.low[2:]).all()


def test_roc_draws_every_threshold_and_the_fitted_curve(ax):
    score, positive = cases()
    counted, model = roc(score, positive), binormal.fit(score, positive)
    curves.roc([Curve("a", style.of_other(0), counted, fitted=model)], ax)
    chance, empirical, fitted = ax.get_lines()[:3]
    assert chance.get_xydata().tolist() == [[0, 0], [1, 1]]
    np.testing.assert_array_equal(empirical.get_xydata(), np.stack([counted.false_positives, counted.sensitivity], 1))
    np.testing.assert_allclose(fitted.get_ydata(), model.curve(fitted.get_xdata()))
    assert (ax.get_xlim(), ax.get_ylim()) == ((0, 1), (0, 1))


def test_roc_shows_the_part_that_the_paper_shows(ax):
    curves.roc([Curve("a", style.of_other(0), roc(*cases()))], ax, curves.PART)
    assert (ax.get_xlim(), ax.get_ylim()) == ((0.05, 0.5), (0.5, 1))


def test_curves_of_either_kind_stay_on_their_own_axes(ax, detections):
    score, positive = cases()
    of_roc = Curve("b", style.of_other(0), roc(score, positive))
    with pytest.raises(ValueError, match="b is no FROC curve"):
        curves.froc([froc_of(detections), of_roc], ax)
    with pytest.raises(ValueError, match="a is no ROC curve"):
        curves.roc([of_roc, froc_of(detections)], ax)
    with pytest.raises(ValueError, match="a: a fitted FROC curve is Idca, not Binormal"):
        froc_of(detections, fitted=binormal.fit(score, positive))


def test_less_data_keeps_the_methods_colour_and_breaks_its_line(detections):
    plain = froc_of(detections)
    asked = [
        (share, Curve(name, style.of_other(number), plain.empirical))
        for share in (0.1, 1.0, 0.01, 0.05)
        for number, name in enumerate(("deep tuning", "scratch"))
    ]
    found = curves.reduced(asked)
    shares = ("100 %", "10 %", "5 %", "1 %")
    assert [one.label for one in found] == [
        f"{name}, {share}" for name in ("deep tuning", "scratch") for share in shares
    ]
    for of_method in (found[:4], found[4:]):
        assert len({str(one.style.color) for one in of_method}) == 1
        assert len({str(one.style.line) for one in of_method}) == 4
        assert len({one.style.marker for one in of_method}) == 4
        assert of_method[0].style.line == "-"
    for tuned, scratch in zip(found[:4], found[4:], strict=True):
        assert tuned.style.line == scratch.style.line
        assert tuned.style.color != scratch.style.color


@pytest.mark.parametrize("count", [1, 2, 12])
def test_the_legend_names_each_curve_once_and_hides_none(detections, count):
    with style.figure(3.9) as (drawn, axes):
        named = [Curve(f"run {n}", style.of_other(n), froc_of(detections).empirical, POINTS) for n in range(count)]
        curves.froc(named, axes)
        figures.legend(axes)
        drawn.canvas.draw()
        box = axes.get_legend().get_window_extent()
        assert [text.get_text() for text in axes.get_legend().get_texts()] == [
            *(f"run {n}" for n in range(count)),
            "curve ends",
        ]
        assert box.x0 >= axes.get_window_extent().x1
        assert drawn.bbox.x1 >= box.x1
        assert box.y0 >= drawn.bbox.y0


def test_a_band_of_roc_ends_before_everything_is_reported(ax):
    rates = np.array([0.1, 0.5, 1.0])
    curves.roc([Curve("a", style.of_other(0), roc(*cases()), band=Band(rates, rates / 2, np.sqrt(rates)))], ax)
    assert ax.collections[0].get_paths()[0].vertices[:, 0].max() == 0.5


def test_a_long_name_leaves_the_curves_most_of_the_width(detections):
    name = "/data/study/work/runs/polyp/conv1-fc8_f100_s0_ca52a5c8/scores.h5"
    with style.figure(3.9) as (drawn, axes):
        curves.froc([Curve(name, style.of_other(0), froc_of(detections).empirical)], axes)
        figures.legend(axes)
        drawn.canvas.draw()
        said = axes.get_legend().get_texts()[0].get_text()
        assert said.replace("\n", "") == name
        assert axes.get_window_extent().width > 0.55 * drawn.bbox.width


# Looks


def seen(looks: list[style.Style], eyes: str) -> np.ndarray:
    """CIEDE2000 between each two colours, as these eyes see them."""
    rgb = np.array([colors.to_rgb(look.color) for look in looks])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.array(EYES[eyes]).T, 0, 1)
    lab = rgb2lab(np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)[None])[0]
    return deltaE_ciede2000(lab[:, None], lab[None])


DEPTH_LOOKS = [style.of_run(depth) for depth in DEPTHS if depth != "scratch"]
RUN_LOOKS = DEPTH_LOOKS + [style.of_run("scratch", init) for init in ("gaussian", "xavier", "msra")]


@pytest.mark.parametrize("eyes", list(EYES))
@pytest.mark.parametrize(
    ("looks", "least"), [(DEPTH_LOOKS, 6.5), ([style.of_other(n) for n in range(6)], 10)], ids=["depths", "others"]
)
def test_colours_are_told_apart_whatever_the_eyes(eyes, looks, least):
    """2.3 is just noticeable side by side (M. Mahy et al., Color Res. Appl. 19, 1994)."""
    apart = seen(looks, eyes)
    assert apart[np.triu_indices(len(looks), 1)].min() > least


@pytest.mark.parametrize("eyes", list(EYES))
def test_colours_stand_out_from_the_paper(eyes):
    looks = [*RUN_LOOKS, *(style.of_other(n) for n in range(6))]
    assert seen([*looks, style.Style("white", "-")], eyes)[-1, :-1].min() > 15


@pytest.mark.parametrize("looks", [RUN_LOOKS, [style.of_other(n) for n in range(12)]], ids=["runs", "others"])
def test_twelve_looks_are_told_apart_without_colour(looks):
    for one, other in itertools.combinations(looks, 2):
        assert (one.marker, one.line) != (other.marker, other.line)
