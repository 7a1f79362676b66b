"""The handcrafted rival on carotid images: both interfaces from the gradient of the grey values.

Stands for the boundary tracing of reference [73] of the paper, of which only the outline is known: the smoothed
vertical derivative, the strongest dark-to-bright edges of the columns as lines (dynamic programming across them),
then the snake that the CNN's maps get, on the gradient. Every number is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter

from evaluation.segmenting import snake
from evaluation.segmenting.interfaces import Interfaces
from ftcaffe.errors import Error


@dataclass(frozen=True)
class Settings:
    """How edges are found.

    edge_sigma : of the Gaussian before the derivative, in pixels.
    upper : the media-adventitia edge lies below this part of the region's height.
    gap : the lumen-intima edge lies at least so many pixels above it.
    together : both lines are the strongest pair; else MA is the strongest line, LI the strongest above it, and where
        the echo of the intima is the stronger one it is taken for MA.
    snake : of both curves.
    """

    edge_sigma: float = 2.0
    upper: float = 1 / 3
    gap: int = 4
    together: bool = True
    snake: snake.Settings = field(default_factory=snake.Settings)

    def __post_init__(self) -> None:
        if self.edge_sigma < 0 or not 0 <= self.upper < 1 or self.gap < 1:
            raise Error("edges need a sigma of 0 or more, an upper part below 1 and a gap of 1 or more pixels")


def trace(region: np.ndarray, settings: Settings | None = None) -> Interfaces:
    """Trace both interfaces in a region (height × width, grey values).

    MA lies among the rows from upper · height down, LI at least `gap` above it; a line's strength is the sum of the
    dark-to-bright gradient along it (`strength`). The snakes are drawn by that gradient.

    Raises
    ------
    ValueError : a region with no room for both lines.
    """
    settings = settings or Settings()
    image = np.asarray(region, dtype=float)
    if image.ndim != 2 or image.shape[1] < 3:
        raise ValueError(f"edges are traced in a region of three or more columns, not {image.shape}")
    first = int(np.ceil(settings.upper * len(image)))
    if not settings.gap <= first < len(image):
        raise ValueError(f"a region of {len(image)} rows has no room for two edges {settings.gap} rows apart")
    edge = strength(image, settings.edge_sigma)
    rows = np.arange(len(image))[:, None]
    lower = np.where(rows >= first, edge, -np.inf)
    if settings.together:
        li, ma = best_lines(edge, lower, settings.gap)
    else:
        ma = best_line(lower)
        li = best_line(np.where(rows <= ma - settings.gap, edge, -np.inf))
    snakes = (snake.settle(edge, start, settings.snake) for start in (li, ma))
    return Interfaces(li.astype(float), ma.astype(float), *snakes)


def strength(image: np.ndarray, sigma: float) -> np.ndarray:
    """max(0, ∂(G_σ ∗ image)/∂row), from dark to bright downwards as at both interfaces, as a share of its maximum."""
    edge = np.maximum(np.gradient(gaussian_filter(np.asarray(image, dtype=float), sigma, mode="nearest"), axis=0), 0)
    return edge / edge.max() if edge.max() > 0 else edge


def best_line(score: np.ndarray) -> np.ndarray:
    """(width,) integers, the rows r[x] that maximise Σ score[r[x], x] with |r[x+1] − r[x]| ≤ 1.

    Parameters
    ----------
    score : height × width; −∞ where the line may not pass.

    Raises
    ------
    ValueError : no line may pass.
    """
    best, came = score[:, 0], []
    for column in score.T[1:]:
        best, steps = _reached(best, 0)
        best = best + column
        came.append(steps)
    _passable(best)
    rows = [int(best.argmax())]
    for steps in reversed(came):
        rows.append(rows[-1] + int(steps[rows[-1]]))
    return np.array(rows[::-1])


def best_lines(upper: np.ndarray, lower: np.ndarray, gap: int) -> tuple[np.ndarray, np.ndarray]:
    """(width,) integers each, two lines as `best_line`'s with the greatest sum of scores, `gap` rows apart or more.

    Parameters
    ----------
    upper, lower : (height × width) the score of either line; −∞ where it may not pass.
    """
    rows = np.arange(len(upper))
    apart = np.where(rows >= rows[:, None] + gap, 0.0, -np.inf)
    best, came = apart + upper[:, :1] + lower[:, 0], []
    for one, other in zip(upper.T[1:], lower.T[1:], strict=True):
        best, first = _reached(best, 0)
        best, second = _reached(best, 1)
        best = best + apart + one[:, None] + other
        came.append((first, second))
    _passable(best)
    pairs = [tuple(int(row) for row in np.unravel_index(best.argmax(), best.shape))]
    for first, second in reversed(came):
        row, other_row = pairs[-1]
        other_row += int(second[row, other_row])
        pairs.append((row + int(first[row, other_row]), other_row))
    found = np.array(pairs[::-1])
    return found[:, 0], found[:, 1]


def _reached(best: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The best of each row and its two neighbours along an axis, and the step to where it is: 0 where they tie."""
    rows = np.moveaxis(best, axis, 0)
    edge = np.full_like(rows[:1], -np.inf)
    sides = np.stack([rows, np.concatenate([edge, rows[:-1]]), np.concatenate([rows[1:], edge])])
    steps = np.array([0, -1, 1], np.int8)[sides.argmax(axis=0)]
    return np.moveaxis(sides.max(axis=0), 0, axis), np.moveaxis(steps, 0, axis)


def _passable(best: np.ndarray) -> None:
    if best.max() == -np.inf:
        raise ValueError("no line passes through the rows that are allowed")
