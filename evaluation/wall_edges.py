"""The handcrafted rival on carotid images: both interfaces from the gradient of the grey values.

Stands for the boundary tracing of reference [73] of the paper, of which only the outline is known: the smoothed
vertical derivative, the strongest dark-to-bright edge of the columns as one line (dynamic programming across them),
then the snake that the CNN's maps get, on the gradient. Every number is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter

from evaluation import snake
from evaluation.interfaces import Interfaces
from ftcaffe.errors import Error


@dataclass(frozen=True)
class Settings:
    """How edges are found.

    sigma : of the Gaussian before the derivative, in pixels.
    upper : the media-adventitia edge lies below this part of the region's height.
    gap : the lumen-intima edge lies at least so many pixels above it.
    snake : of both curves.
    """

    sigma: float = 2.0
    upper: float = 1 / 3
    gap: int = 4
    snake: snake.Settings = field(default_factory=snake.Settings)

    def __post_init__(self) -> None:
        if self.sigma < 0 or not 0 <= self.upper < 1 or self.gap < 1:
            raise Error("edges need a sigma of 0 or more, an upper part below 1 and a gap of 1 or more pixels")


def trace(region: np.ndarray, settings: Settings | None = None) -> Interfaces:
    """Trace both interfaces in a region (height × width, grey values).

    MA is the strongest line among the rows from upper · height down, LI the strongest that stays `gap` above it. The
    snakes are drawn by the dark-to-bright gradient, as a share of its maximum in the region.

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
    edge = rising(image, settings.sigma)
    rows = np.arange(len(image))[:, None]
    ma = best_line(np.where(rows >= first, edge, -np.inf))
    li = best_line(np.where(rows <= ma - settings.gap, edge, -np.inf))
    strength = edge / edge.max() if edge.max() > 0 else edge
    snakes = (snake.settle(strength, start, settings.snake) for start in (li, ma))
    return Interfaces(li.astype(float), ma.astype(float), *snakes)


def rising(image: np.ndarray, sigma: float) -> np.ndarray:
    """max(0, ∂(G_σ ∗ image)/∂row): from dark to bright downwards, as at both interfaces of the far wall."""
    return np.maximum(np.gradient(gaussian_filter(image, sigma, mode="nearest"), axis=0), 0)


def best_line(score: np.ndarray) -> np.ndarray:
    """(width,) integers, the rows r[x] that maximise Σ score[r[x], x] with |r[x+1] − r[x]| ≤ 1.

    Parameters
    ----------
    score : height × width; −∞ where the line may not pass.

    Raises
    ------
    ValueError : no line may pass.
    """
    height, width = score.shape
    best = score[:, 0]
    came = np.zeros((height, width), dtype=int)
    for column in range(1, width):
        padded = np.pad(best, 1, constant_values=-np.inf)
        sides = np.stack([padded[1:-1], padded[:-2], padded[2:]])  # straight on where they tie
        choice = sides.argmax(axis=0)
        came[:, column] = np.array([0, -1, 1])[choice]
        best = sides.max(axis=0) + score[:, column]
    if best.max() == -np.inf:
        raise ValueError("no line passes through the rows that are allowed")
    rows = np.empty(width, dtype=int)
    rows[-1] = best.argmax()
    for column in range(width - 1, 0, -1):
        rows[column - 1] = rows[column] + came[rows[column], column]
    return rows
