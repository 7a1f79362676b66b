"""From two confidence maps to the lumen-intima and the media-adventitia interface of the far wall (section VI-D).

In each column the row of the maximum for either interface, a step-like line; then an open snake for each, which
begins on that line and is drawn by that interface's map. Rows grow downwards: in the far wall the media-adventitia
interface (MA) lies below the lumen-intima interface (LI).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from evaluation.segmenting import snake
from evaluation.segmenting.snake import Snake
from evaluation.statistics.boundary import Thickness, thickness
from ftcaffe.errors import Error


@dataclass(frozen=True)
class Settings:
    """How interfaces are traced.

    ordered : the maxima of a column are chosen together, MA below LI; else each by itself (assumed).
    gap : least distance of the two then, in pixels (assumed).
    snake : of both curves.
    """

    ordered: bool = True
    gap: int = 2
    snake: snake.Settings = field(default_factory=snake.Settings)

    def __post_init__(self) -> None:
        if self.gap < 0:
            raise Error(f"the gap between the interfaces is 0 or more pixels, not {self.gap}")


@dataclass(frozen=True, eq=False)
class Interfaces:
    """Both interfaces of a region, rows counted from its first.

    start_li, start_ma : (width,) the rows from which the snakes began.
    li, ma : the snakes.
    """

    start_li: np.ndarray
    start_ma: np.ndarray
    li: Snake
    ma: Snake

    @property
    def thickness(self) -> Thickness:
        """The intima-media thickness, in pixels: the mean vertical distance over the columns."""
        return thickness(self.li.rows, self.ma.rows)


def maxima(confidence: np.ndarray) -> np.ndarray:
    """(width,) the row of the maximum in each column of a map (height × width); the mean of those that tie."""
    top = _map(confidence) == confidence.max(axis=0)
    return np.arange(len(confidence)) @ top / top.sum(axis=0)


def ordered_maxima(upper: np.ndarray, lower: np.ndarray, gap: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """(width,) rows r₁ and r₂ of each column that maximise upper(r₁) · lower(r₂) among r₂ ≥ r₁ + gap.

    Of pairs that tie, the mean rows.

    Parameters
    ----------
    upper, lower : (height × width) the confidence in either interface, 0 or more.
    gap : in pixels, less than the height.
    """
    upper, lower = _map(upper), _map(lower)
    height = len(upper)
    if upper.shape != lower.shape or not 0 <= gap < height:
        raise ValueError(f"maps of {upper.shape} and {lower.shape} hold no interfaces {gap} rows apart")
    rows = np.arange(height)
    allowed = rows[None, :] >= rows[:, None] + gap
    firsts, seconds = np.empty(upper.shape[1]), np.empty(upper.shape[1])
    for column in range(upper.shape[1]):
        joint = np.where(allowed, upper[:, column, None] * lower[None, :, column], -1.0)
        first, second = np.nonzero(joint == joint.max())
        firsts[column], seconds[column] = first.mean(), second.mean()
    return firsts, seconds


def trace(li: np.ndarray, ma: np.ndarray, how: Settings | None = None) -> Interfaces:
    """Trace both interfaces in their confidence maps (height × width).

    Raises
    ------
    ValueError : maps of different shapes, values that are no confidences, or a region too small to trace in.
    """
    how = how or Settings()
    li, ma = _map(li), _map(ma)
    if li.shape != ma.shape or li.shape[0] <= max(how.gap, 1) or li.shape[1] < 3:
        raise ValueError(f"maps of {li.shape} and {ma.shape} are too small to trace in, or not of one region")
    starts = ordered_maxima(li, ma, how.gap) if how.ordered else (maxima(li), maxima(ma))
    snakes = (snake.settle(image, start, how.snake) for image, start in zip((li, ma), starts, strict=True))
    return Interfaces(*starts, *snakes)


def _map(confidence: np.ndarray) -> np.ndarray:
    confidence = np.asarray(confidence, dtype=float)
    if confidence.ndim != 2 or not (np.isfinite(confidence).all() and (confidence >= 0).all()):
        raise ValueError(f"a confidence map is of rows × columns of numbers from 0 on, not {confidence.shape}")
    return confidence
