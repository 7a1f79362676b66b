"""Figures of FROC and ROC curves: the steps that were counted, the curve that was fitted, and how sure either is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter
from matplotlib.transforms import ScaledTranslation

from evaluation.comparing.result import Band, OperatingPoint
from evaluation.drawing.style import FAINT, Style, by_share
from evaluation.statistics.binormal import Binormal
from evaluation.statistics.froc import Froc
from evaluation.statistics.idca import Idca
from evaluation.statistics.interval import Interval
from evaluation.statistics.roc import Roc

Window = tuple[tuple[float, float], tuple[float, float]]
WHOLE: Window = ((0, 1), (0, 1))
# The part of the ROC plane that the paper's Fig. 6 shows: false-positive rates, sensitivities.
PART: Window = ((0.05, 0.5), (0.5, 1))

_PERCENT = FuncFormatter(lambda value, _: f"{100 * value:.0f} %")
_PLAIN = FuncFormatter(lambda value, _: f"{value:g}")
_SPREAD = 14.0  # points of type that the error bars of all curves at one rate may take up side by side
_APART = 2.0  # between two of them, at most
_FINE = 400  # points of a fitted curve


@dataclass(frozen=True, eq=False)
class Curve:
    """A curve, its name in the legend and its look.

    empirical : what was counted; every threshold is drawn.
    points : operating points, drawn with their intervals as error bars.
    band : pointwise intervals, drawn as a shade.
    fitted : the model's curve, drawn over the empirical one, which is then thin: `Idca` of FROC, `Binormal` of ROC.
    """

    label: str
    style: Style
    empirical: Froc | Roc
    points: tuple[OperatingPoint, ...] = ()
    band: Band | None = None
    fitted: Idca | Binormal | None = None

    def __post_init__(self) -> None:
        model = Idca if isinstance(self.empirical, Froc) else Binormal
        if not isinstance(self.fitted, model | None):
            kind = type(self.empirical).__name__.upper()
            raise ValueError(
                f"{self.label}: a fitted {kind} curve is {model.__name__}, not {type(self.fitted).__name__}"
            )


def froc(curves: Sequence[Curve], ax: Axes, image: str = "image") -> Axes:
    """FROC curves, false positives per image on a logarithmic axis.

    The axis starts where the set's resolution does: below one false positive in all its images there is nothing. A
    bar across the end of a curve says that the last candidate is reported there: nothing is known beyond.
    """
    _of_kind(curves, Froc)
    start = min(1 / curve.empirical.images for curve in curves if isinstance(curve.empirical, Froc))
    stop = max(max(curve.empirical.false_positives[-1], 2 * start) for curve in curves)
    for curve in curves:
        _empirical(curve, ax, start)
        if isinstance(curve.fitted, Idca) and start < curve.fitted.false_candidates:
            _fitted(curve, ax, np.geomspace(start, curve.fitted.false_candidates, _FINE))
        ax.plot(
            curve.empirical.false_positives[-1],
            curve.empirical.sensitivity[-1],
            "|",
            ms=13,
            mew=1.8,
            color=curve.style.color,
            clip_on=False,
            zorder=3,
        )
    ax.set_xscale("log")
    ax.set_xlim(start, stop * 1.05)
    ax.set_ylim(0, 1)
    _uncertainty(curves, ax)
    ax.plot([], [], "|", ms=10, mew=1.8, color=FAINT, label="curve ends")
    ax.set_xlabel(f"false positives per {image}")
    ax.set_ylabel("lesions found")
    ax.xaxis.set_major_formatter(_PLAIN)
    ax.yaxis.set_major_formatter(_PERCENT)
    return ax


def roc(curves: Sequence[Curve], ax: Axes, window: Window = WHOLE) -> Axes:
    """ROC curves, with the diagonal of chance; equal scores are a slanting step.

    Parameters
    ----------
    window : the part that is shown, `PART` as in the paper's Fig. 6.
    """
    _of_kind(curves, Roc)
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, zorder=1)
    for curve in curves:
        _empirical(curve, ax, 0.0)
        if curve.fitted is not None:
            # Even steps of the probit, so that the steep beginning is as fine as the rest.
            _fitted(curve, ax, np.concatenate([[0], np.geomspace(1e-6, 0.05, _FINE), np.linspace(0.05, 1, _FINE)]))
    ax.set_xlim(*window[0])
    ax.set_ylim(*window[1])
    _uncertainty(curves, ax)
    ax.set_xlabel("false-positive rate")
    ax.set_ylabel("sensitivity")
    ax.xaxis.set_major_formatter(_PLAIN)
    ax.yaxis.set_major_formatter(_PERCENT)
    return ax


def reduced(curves: Sequence[tuple[float, Curve]]) -> list[Curve]:
    """Curves of methods on less and less training data, for one figure (the paper's Figs. 2b, 4b and 6b).

    A method keeps its colour; the less data, the more broken the line, by the place of the share among all of them.

    Parameters
    ----------
    curves : share of the training data, and the curve under its method's name and look.
    """
    shares = sorted({share for share, _ in curves}, reverse=True)
    methods = list(dict.fromkeys(curve.label for _, curve in curves))
    ordered = sorted(curves, key=lambda one: (methods.index(one[1].label), -one[0]))
    return [
        replace(
            curve,
            label=f"{curve.label}, {100 * share:g} %",
            style=by_share(curve.style, shares.index(share)),
        )
        for share, curve in ordered
    ]


def band(model: Idca | Binormal, rates: np.ndarray, level: float = 0.95) -> Band:
    """Pointwise intervals of a fitted curve at rates (k,) of false positives; nan where the curve has ended."""
    rates = np.asarray(rates, dtype=float)
    found = [_interval(model, float(rate), level) for rate in rates]
    return Band(rates, np.array([one.low for one in found]), np.array([one.high for one in found]))


def _interval(model: Idca | Binormal, rate: float, level: float) -> Interval:
    if isinstance(model, Binormal) and not 0 < rate < 1:
        return Interval(float("nan"), float("nan"), float("nan"), "binormal")
    return model.sensitivity(rate, level)


def _of_kind(curves: Sequence[Curve], kind: type[Froc] | type[Roc]) -> None:
    """The axes of the two kinds have different units, so neither is drawn on the other's."""
    for curve in curves:
        if not isinstance(curve.empirical, kind):
            raise ValueError(f"{curve.label} is no {kind.__name__.upper()} curve")


def _empirical(curve: Curve, ax: Axes, start: float) -> None:
    """What was counted: of FROC the step function from `start` on, of ROC the points joined."""
    x, y = curve.empirical.false_positives, curve.empirical.sensitivity
    steps = isinstance(curve.empirical, Froc)
    if steps:
        keep = x > start
        first = y[np.searchsorted(x, start, side="right") - 1]
        x, y = np.append(start, x[keep]), np.append(first, y[keep])
    alone = curve.fitted is None
    ax.plot(
        x,
        y,
        drawstyle="steps-post" if steps else "default",
        color=curve.style.color,
        linestyle=curve.style.line if alone else "-",
        linewidth=curve.style.width if alone else 0.7,
        alpha=1 if alone else 0.6,
    )


def _fitted(curve: Curve, ax: Axes, rate: np.ndarray) -> None:
    assert curve.fitted is not None
    ax.plot(
        rate,
        curve.fitted.curve(rate),
        color=curve.style.color,
        linestyle=curve.style.line,
        linewidth=curve.style.width,
    )


def _uncertainty(curves: Sequence[Curve], ax: Axes) -> None:
    """Shades, operating points with error bars, and the curves' names.

    Dots are where they belong. The bars of several curves at one rate would hide one another: they stand side by
    side, in the order of the curves.
    """
    apart = min(_APART, _SPREAD / max(1, len(curves) - 1))
    figure = ax.get_figure()
    assert figure is not None
    for number, curve in enumerate(curves):
        look = curve.style
        ax.plot(
            [],
            [],
            color=look.color,
            linestyle=look.line,
            linewidth=look.width,
            marker=look.marker if curve.points else None,
            ms=5.2,
            mec="white",
            mew=0.7,
            label=curve.label,
        )
        if curve.band is not None:
            shade, steps = curve.band, isinstance(curve.empirical, Froc) and curve.fitted is None
            # All is reported at a false-positive rate of 1: nothing is estimated there.
            inside = shade.rate < (np.inf if isinstance(curve.empirical, Froc) else 1)
            ax.fill_between(
                shade.rate[inside],
                shade.low[inside],
                shade.high[inside],
                step="post" if steps else None,
                color=look.color,
                alpha=0.13,
                linewidth=0,
            )
        beside = ScaledTranslation((number - (len(curves) - 1) / 2) * apart / 72, 0, figure.dpi_scale_trans)
        for point in curve.points:
            one = point.sensitivity
            if np.isnan(one.value):
                continue
            if one.defined:
                place = ax.transData + beside
                ax.plot([point.rate] * 2, [one.low, one.high], color=look.color, linewidth=1.1, transform=place)
            ax.plot(
                point.rate,
                one.value,
                look.marker,
                ms=5.2,
                mec="white",
                mew=0.7,
                zorder=4,
                color=look.color,
            )
