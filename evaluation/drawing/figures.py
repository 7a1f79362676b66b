"""Figures: each takes what was measured and an axes, and returns the axes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from evaluation.comparing.engines import Parting, against
from evaluation.comparing.examples import Example
from evaluation.drawing.style import FAINT, INK, Style
from evaluation.scoring.runs import Trace
from evaluation.statistics import convergence as convergences
from evaluation.statistics.convergence import TOLERANCE
from evaluation.statistics.interval import Interval
from ftcaffe.store import atomic

_PERCENT = FuncFormatter(lambda value, _: f"{100 * value:.0f} %")
_PLAIN = FuncFormatter(lambda value, _: f"{value:g}")
_LAST_DIGIT = 1e-8  # differences below it are drawn at it
_LEGEND = 25  # characters a line


@dataclass(frozen=True, eq=False)
class Training:
    """A run's training, its name in the legend and its look.

    best : iteration of the chosen snapshot.
    """

    label: str
    style: Style
    trace: Trace
    best: int


def intervals(rows: Sequence[tuple[str, Style, Interval]], ax: Axes, label: str) -> Axes:
    """A dot with its 95 % interval for each row, the first row at the top."""
    for place, (_, style, one) in enumerate(rows):
        ax.plot([one.low, one.high], [place, place], color=style.color, linewidth=2.2, solid_capstyle="butt")
        hollow = style.line != "-"
        ax.plot(one.value, place, "o", ms=6.5, color=style.color, mfc="white" if hollow else style.color, mew=1.8)
        edge = one.high if one.defined else one.value
        if not np.isnan(edge):
            ax.annotate(one.percent(), (edge, place), (7, 0), textcoords="offset points", va="center", fontsize=8.5)
    ax.set_yticks(range(len(rows)), [name for name, _, _ in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(0, 1)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", visible=False)
    ax.xaxis.set_major_formatter(_PERCENT)
    ax.set_xlabel(label)
    return ax


def training_loss(trainings: Sequence[Training], ax: Axes) -> Axes:
    """Training loss by mini-batch, smoothed over a window that grows with the iteration (as a log axis wants)."""
    for training in trainings:
        loss = training.trace.losses
        ax.plot(
            np.arange(1, len(loss) + 1),
            _smooth(loss),
            color=training.style.color,
            linestyle=training.style.line,
            label=training.label,
        )
    ax.set_ylim(bottom=0)
    ax.set_ylabel("training loss")
    return _by_iteration(ax)


def _smooth(loss: np.ndarray) -> np.ndarray:
    """Mean over the last fifth of the iterations so far: one at first, hundreds at the end."""
    index = np.arange(1, len(loss) + 1)
    total = np.append(0, np.cumsum(loss))
    start = np.minimum(index - 1, (index * 0.8).astype(int))
    return (total[index] - total[start]) / (index - start)


def by_snapshot(trainings: Sequence[Training], ax: Axes, column: str, label: str) -> Axes:
    """A column of the log by snapshot; the chosen snapshot of each run is marked."""
    for training in trainings:
        iteration, value = training.trace.iteration, getattr(training.trace, column)
        color = training.style.color
        ax.plot(iteration, value, color=color, linestyle=training.style.line, label=training.label)
        best = iteration == training.best
        ax.plot(iteration[best], value[best], "o", ms=5, mec="white", mew=0.8, color=color, zorder=3)
    ax.set_ylabel(label)
    return _by_iteration(ax)


def convergence(trainings: Sequence[Training], ax: Axes, tolerance: float = TOLERANCE) -> Axes:
    """AUC by snapshot (the paper's Fig. 10): a dot on the chosen snapshot, and a line down to the iteration at which
    each run first comes within `tolerance` of its best.
    """
    by_snapshot(trainings, ax, "val_auc", "validation AUC by snapshot")
    bottom = ax.get_ylim()[0]
    for training in trainings:
        found = convergences.convergence(training.trace.iteration, training.trace.val_auc, tolerance)
        look = training.style
        place = found.within_iteration
        ax.plot([place, place], [bottom, found.within], color=look.color, linewidth=0.8, linestyle=(0, (1, 1.5)))
        ax.plot(place, found.within, "D", ms=7.5, mfc="white", mew=1.3, color=look.color, zorder=2.5)
    ax.set_ylim(bottom=bottom)
    ax.plot([], [], "o", ms=5, color=FAINT, label="chosen")
    ax.plot([], [], "D", ms=7.5, mfc="white", mew=1.3, color=FAINT, label=f"within {tolerance:g} of its best")
    return ax


def _by_iteration(ax: Axes) -> Axes:
    """A logarithmic axis of mini-batches, labelled also when it spans less than a decade."""
    ax.set_xscale("log")
    ax.set_xlabel("mini-batches")
    first, last = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if last < 60 * first else (1.0,)))
    ax.xaxis.set_major_formatter(_PLAIN)
    ax.xaxis.set_minor_formatter(NullFormatter())
    return ax


def movement(moved: Mapping[str, Mapping[str, float]], ax: Axes) -> Axes:
    """How far each layer moved, as a table of shades: a row a run, a column a layer; frozen ones are left blank."""
    layers = list(dict.fromkeys(layer for row in moved.values() for layer in row))
    table = np.array([[row.get(layer, np.nan) for layer in layers] for row in moved.values()])
    shown = np.ma.masked_where(~(table > 0), table)
    ax.imshow(shown, cmap="Blues", vmin=0, vmax=max(float(np.nanmax(table)) * 1.25, 1e-9), aspect="auto")
    for (row, column), value in np.ndenumerate(table):
        text, color = (f"{100 * value:.1f} %" if value < 0.1 else f"{100 * value:.0f} %"), INK
        if value == 0:
            text, color = "frozen", FAINT
        elif np.isnan(value):
            text, color = "–", FAINT
        elif value > 0.75 * np.nanmax(table):
            color = "white"
        ax.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
    ax.set_xticks(range(len(layers)), layers)
    ax.set_yticks(range(len(moved)), list(moved))
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)
    return ax


def partings(found: Sequence[Parting], colors: Sequence[Any], axes: Sequence[Axes]) -> Sequence[Axes]:
    """Where engines part: losses by mini-batch, weights by snapshot, scores by candidate; a colour a pair."""
    losses, moved, scores = axes
    for one, color in zip(found, colors, strict=True):
        losses.plot(np.arange(1, len(one.losses) + 1), _above(one.loss_difference), color=color, linewidth=1)
        iterations = list(one.farthest)
        moved.plot(iterations, _above([value for _, value in one.farthest.values()]), "o-", ms=4, color=color)
        ordered = np.sort(np.abs(one.score_difference))[::-1]
        scores.plot(
            np.arange(1, len(ordered) + 1), _above(ordered), color=color, label=textwrap.fill(against(one), _LEGEND)
        )
    names = ("training loss, mini-batches", "weights, mini-batches", "scores, candidates by rank")
    for ax, name in zip(axes, names, strict=True):
        ax.set_yscale("log")
        ax.set_ylim(_LAST_DIGIT / 2, 2)
        ax.set_xlabel(name)
        ax.set_xlim(left=0)
    losses.set_ylabel("difference")
    scores.legend(fontsize=6.5, loc="upper right", handlelength=1.5)
    return axes


def _above(values: Sequence[float] | np.ndarray) -> np.ndarray:
    return np.maximum(values, _LAST_DIGIT)


def filters(pictures: np.ndarray, ax: Axes, title: str) -> Axes:
    """First-layer filters (count, height, width, 3) as a grid of pictures, half as wide again as it is high."""
    count, height, width, _ = pictures.shape
    columns = math.ceil(math.sqrt(1.5 * count))
    rows = -(-count // columns)
    canvas = np.ones((rows * (height + 1) - 1, columns * (width + 1) - 1, 3))
    for number, picture in enumerate(pictures):
        top, left = number // columns * (height + 1), number % columns * (width + 1)
        canvas[top : top + height, left : left + width] = picture
    ax.imshow(canvas, interpolation="nearest")
    ax.set_title(title, fontsize=8.5)
    ax.set_axis_off()
    return ax


def example(one: Example, ax: Axes) -> Axes:
    """A candidate's patch, its score above and where it is from below."""
    grey = one.picture.shape[-1] == 1
    ax.imshow(one.picture[..., 0] if grey else one.picture, cmap="gray" if grey else None, vmin=0, vmax=255)
    ax.set_title(f"{one.score:.2f}", fontsize=8.5, loc="center", pad=3)
    ax.set_xlabel(one.place, fontsize=6.5, color=FAINT, labelpad=2)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)
    for side in ax.spines.values():
        side.set_visible(False)
    return ax


def legend(ax: Axes, panels: Iterable[Axes] = ()) -> Axes:
    """A legend right of the axes, where it hides nothing, of each label that they or other `panels` show.

    Long names are broken into lines, so that the curves keep most of the width; what the marks mean comes last.
    """
    shown: dict[str, Any] = {
        label: line for panel in (*panels, ax) for line, label in zip(*panel.get_legend_handles_labels(), strict=True)
    }
    entries = sorted(shown.items(), key=lambda entry: entry[1].get_color() == FAINT)
    names = [textwrap.fill(name, _LEGEND) for name, _ in entries]
    lines = [line for _, line in entries]
    ax.legend(lines, names, handlelength=3.4, loc="upper left", bbox_to_anchor=(1.0, 1.02))
    return ax


def save(drawn: Figure, path: Path) -> tuple[Path, Path]:
    """Save as ``path.png`` and ``path.svg``, whole; returns both paths."""
    png, svg = path.with_name(f"{path.name}.png"), path.with_name(f"{path.name}.svg")
    metadata: dict[str, Any] = {"Date": None}
    with atomic.whole(png) as beside:
        drawn.savefig(beside, format="png")
    with atomic.whole(svg) as beside:
        drawn.savefig(beside, format="svg", metadata=metadata, transparent=True)
    return png, svg
