"""One look for every figure: a depth has the same colour and line wherever it is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ftcaffe.nets.depths import DEPTHS

# From the shallowest tuning to the deepest. The map is viridis, whose eight shades any colour vision tells apart
# (CIEDE2000 of 6.5 and more), without its palest end, which white paper swallows; markers tell them apart in grey.
_DEPTHS = tuple(depth for depth in reversed(DEPTHS) if depth != "scratch")
_PALEST = 0.88
_SCRATCH = {"gaussian": "#111111", "xavier": "#5f5f5f", "msra": "#959595"}
# Okabe and Ito's palette, for scores that are of no run of ours.
_OTHERS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
# By how much of the training data there was: tuned runs, and runs from scratch, which are always broken.
_TUNED_LINES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)))
_SCRATCH_LINES: tuple[Any, ...] = ((0, (6, 2)), (0, (6, 1.5, 1, 1.5)), (0, (1, 2.2)))
# The same for figures in which the colour alone tells the methods apart.
_SHARE_LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1, 1.5)), (0, (1, 1.2)))
_MARKERS = "osD^vPXphd*<"

INK, FAINT = "#222222", "#8a8a8a"
WIDTH = 7.2  # inches: a page's width, at which the type below is as large as the page's own

_RC: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.7,
    "figure.dpi": 110,
    "savefig.dpi": 200,
    # Text stays text, and the ids are the same each time: a figure made again is the same file.
    "svg.fonttype": "none",
    "svg.hashsalt": "ftcaffe",
}


@dataclass(frozen=True)
class Style:
    """Colour and line of one curve, and the marker of its operating points."""

    color: Any
    line: Any
    width: float = 1.7
    marker: str = "o"


def of_run(depth: str, init: str | None = None, fraction: float = 1.0) -> Style:
    """The look of a run: scratch in blacks and dashed, depths along the map; less data is more broken a line."""
    amount = 0 if fraction > 0.75 else 1 if fraction > 0.3 else 2
    if depth == "scratch":
        marker = _MARKERS[len(_DEPTHS) + (list(_SCRATCH).index(init) if init in _SCRATCH else 0)]
        return Style(_SCRATCH.get(init or "", INK), _SCRATCH_LINES[amount], 1.9, marker)
    number = _DEPTHS.index(depth) if depth in _DEPTHS else len(_DEPTHS) // 2
    color = mpl.colormaps["viridis"](_PALEST * (1 - number / (len(_DEPTHS) - 1)))
    return Style(color, _TUNED_LINES[amount], marker=_MARKERS[number])


def of_other(number: int) -> Style:
    """The look of the `number`-th set of scores that is of no run of ours."""
    line = ("-", (0, (5, 1.5)), (0, (1, 1)))[number // len(_OTHERS) % 3]
    return Style(_OTHERS[number % len(_OTHERS)], line, marker=_MARKERS[number % len(_MARKERS)])


def by_share(look: Style, place: int) -> Style:
    """The look of a method on less training data, its colour kept: `place` 0 is the most, and a solid line."""
    return replace(look, line=_SHARE_LINES[min(place, len(_SHARE_LINES) - 1)], marker=_MARKERS[place % len(_MARKERS)])


def of_twin(look: Style, place: int) -> Style:
    """The look of the `place`-th run that another one differs from in its engine alone: its colour, dotted, wider."""
    return replace(look, line=(0, (1, 1 + place)), width=look.width + 0.8)


def order(depth: str) -> int:
    """Place of a depth from the deepest tuning, over the shallowest, to scratch."""
    return list(DEPTHS).index(depth) if depth in DEPTHS else len(DEPTHS)


@contextmanager
def figure(height: float, columns: int = 1, rows: int = 1, **options: Any) -> Iterator[tuple[Figure, Any]]:
    """A figure of the page's width in the house's look, closed afterwards; `height` in inches."""
    with mpl.rc_context(_RC):
        drawn, axes = plt.subplots(rows, columns, figsize=(WIDTH, height), layout="constrained", **options)
        try:
            yield drawn, axes
        finally:
            plt.close(drawn)
