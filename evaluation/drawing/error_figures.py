"""Figures of segmentation: box plots of the error, and how two ways of measuring agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from evaluation.drawing.style import FAINT, INK, Style
from evaluation.statistics.agreement import BlandAltman
from evaluation.statistics.boxplot import Box
from evaluation.statistics.interval import Interval

_HALF = 0.29  # of a box's width


def boxes(rows: Sequence[tuple[str, Style, Box]], ax: Axes, label: str, log: bool = False) -> Axes:
    """A box plot a run, with mean and standard deviation printed above each (the paper's Fig. 9, one interface).

    Whiskers end at the most extreme values within 1.5 interquartile ranges of the box, outliers are dots, and a
    diamond is the mean, which outliers can draw out of the box.

    Parameters
    ----------
    rows : name, look and numbers of each run, from left to right.
    label : what was measured, of which interface, with its unit.
    log : whether the axis is logarithmic, where one run's failures would squeeze the others.
    """
    for place, (_, look, one) in enumerate(rows):
        across = [place - _HALF, place + _HALF]
        ax.fill_between(across, one.first, one.third, color=look.color, alpha=0.25, linewidth=0)
        ax.plot(
            [across[0], across[1], across[1], across[0], across[0]],
            [one.first, one.first, one.third, one.third, one.first],
            color=look.color,
            linewidth=1.1,
        )
        ax.plot(across, [one.median] * 2, color=look.color, linewidth=2.2, solid_capstyle="butt")
        for quartile, end in ((one.first, one.low), (one.third, one.high)):
            ax.plot([place, place], [quartile, end], color=look.color, linewidth=1.1)
            ax.plot([place - _HALF / 2, place + _HALF / 2], [end, end], color=look.color, linewidth=1.1)
        ax.plot([place] * len(one.outliers), one.outliers, "o", ms=2.4, color=look.color, mew=0, alpha=0.7)
        ax.plot(place, one.mean, "D", ms=4, mfc="white", mew=1.1, color=look.color, zorder=3)
        digits = _digits(one.mean)
        spread = "" if np.isnan(one.deviation) else f"\n± {one.deviation:.{digits}f}"
        ax.annotate(
            f"{one.mean:.{digits}f}{spread}",
            (place, 1),
            (0, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=7.5,
            color=INK,
        )
    ax.set_xlim(-0.6, len(rows) - 0.4)
    ax.set_xticks(range(len(rows)), [name for name, _, _ in rows], rotation=30, ha="right", rotation_mode="anchor")
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="x", visible=False)
    ax.set_ylabel(label)
    if log:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    return ax


def bland_altman(found: BlandAltman, ax: Axes, quantity: str, unit: str, look: Style) -> Axes:
    """Difference by mean of each pair, with bias and limits of agreement and their intervals as shades.

    Parameters
    ----------
    quantity, unit : what was measured, and in what: ``intima-media thickness``, ``mm``; empty where it is not known.
    """
    of = f" ({unit})" if unit else ""
    ax.plot(found.mean, found.difference, "o", ms=3.6, mew=0, color=look.color, alpha=0.55)
    ax.axhline(0, color=FAINT, linewidth=0.8)
    limits = f"{100 * found.share:g} % of differences"
    digits = _digits(found.deviation)
    for one, line, name in (
        (found.upper, (0, (5, 2)), f"upper limit, {limits}"),
        (found.bias, "-", "bias"),
        (found.lower, (0, (5, 2)), "lower limit"),
    ):
        ax.axhline(one.value, color=INK, linewidth=1.1, linestyle=line)
        if one.defined:
            ax.axhspan(one.low, one.high, color=INK, alpha=0.08, linewidth=0)
        ax.annotate(
            f"{name}\n{_signed(one, digits)}",
            (1, one.value),
            (5, 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=INK,
            annotation_clip=False,
        )
    low = min(float(found.difference.min()), found.lower.low, 0.0)
    high = max(float(found.difference.max()), found.upper.high, 0.0)
    margin = 0.06 * (high - low)
    ax.set_ylim(low - margin, high + margin)
    ax.set_xlabel(f"mean of both: {quantity}{of}")
    ax.set_ylabel(f"difference{of}")
    return ax


def _signed(one: Interval, digits: int) -> str:
    return f"{one.value:+.{digits}f} [{one.low:+.{digits}f}, {one.high:+.{digits}f}]".replace("-", "−")


def _digits(value: float) -> int:
    """Decimals that show three significant digits."""
    return max(0, 2 - int(np.floor(np.log10(abs(value))))) if value else 0
