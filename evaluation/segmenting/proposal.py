"""Where the far wall of the carotid artery may be measured, for an image without a region: a proposal to look at.

The far wall lies under the lumen, the largest dark area with bright tissue below it. So a row is as good as the grey
levels of the tissue under it exceed those of the lumen over it; the best line across the image is the wall, and the
stretch over which it is clearest is proposed. All of it is assumed: the paper's regions were laid down by experts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from evaluation.segmenting.wall_edges import best_line
from ftcaffe.errors import Error
from ftcaffe.store.regions import Picture

_SIGMA = 1.5  # pixels
_LUMEN, _WALL, _TISSUE = (
    2.5,
    0.8,
    0.6,
)  # millimetres of lumen over the wall, of wall between, of bright tissue under it


@dataclass(frozen=True)
class Proposal:
    """A region, and how clear the wall is in it.

    box : x, y, width, height in pixels.
    contrast : mean grey levels by which the tissue under the wall exceeds the lumen over it.
    """

    box: tuple[int, int, int, int]
    contrast: float


def propose(picture: Picture, size: tuple[int, int]) -> Proposal:
    """The region of that (width, height) in which the far wall is clearest.

    Raises
    ------
    Error : an image that is too small for one, or without any dark area over a bright one.
    """
    rows, columns = picture.pixels.shape
    width, height = min(size[0], columns), size[1]
    lumen, wall, tissue = (max(2, round(mm / picture.spacing)) for mm in (_LUMEN, _WALL, _TISSUE))
    if rows < max(height, lumen + wall + tissue + 1):
        raise Error(f"is too small for a region: {columns}×{rows}", picture.path, remedy="give a larger image")
    contrast = _contrast(picture.pixels, lumen, wall, tissue)
    line = best_line(contrast)
    along = contrast[line, np.arange(columns)]
    support = np.convolve(along, np.full(width, 1 / width), "valid")
    x = int(support.argmax())
    if not support[x] > 0:
        raise Error("shows no dark lumen over a bright wall", picture.path, remedy="give the region: --roi x,y,w,h")
    y = int(np.clip(round(float(np.median(line[x : x + width])) - wall / 2 - height / 2), 0, rows - height))
    return Proposal((x, y, width, height), float(support[x]))


def _contrast(pixels: np.ndarray, lumen: int, wall: int, tissue: int) -> np.ndarray:
    """The mean of `tissue` rows from a pixel down less that of `lumen` rows that end `wall` rows above it."""
    smooth = gaussian_filter(pixels.astype(float), (_SIGMA, 3 * _SIGMA))
    total = np.vstack([np.zeros(smooth.shape[1]), np.cumsum(smooth, axis=0)])
    found = np.full(pixels.shape, -np.inf)
    first, last = lumen + wall, len(pixels) - tissue
    row = np.arange(first, last + 1)
    under = (total[row + tissue] - total[row]) / tissue
    over = (total[row - wall] - total[row - wall - lumen]) / lumen
    found[first : last + 1] = (under - over)[: len(pixels) - first]
    return found
