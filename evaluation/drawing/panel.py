"""A region as the paper's Fig. 8 shows it: image, confidence map, maxima, snakes, truth, side by side."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from evaluation.segmenting.tracing import Traced
from ftcaffe.store.regions import Region

TITLES = ("region", "confidence", "maxima", "snakes", "experts")
_UPPER, _LOWER = (70, 220, 90), (255, 70, 60)  # the paper's colours: LI green, MA red
_GAP = 2  # enlarged pixels of white between the parts


def panel(region: Region, found: Traced, factor: int = 3) -> np.ndarray:
    """The picture (uint8, RGB): `TITLES` from left to right, the last where the region was traced by experts.

    Parameters
    ----------
    factor : pixels of the picture a pixel of the region.
    """
    grey = _enlarged(np.repeat(region.pixels[..., None], 3, axis=2), factor)
    upper, lower = found.confidence
    colour = upper[..., None] * np.array(_UPPER) + lower[..., None] * np.array(_LOWER)
    parts = [
        grey,
        _enlarged(np.clip(colour, 0, 255).astype(np.uint8), factor),
        _dotted(grey, found.start, factor),
        _lined(grey, found.rows, factor),
    ]
    if region.truth is not None:
        parts.append(_lined(grey, region.truth, factor))
    gap = np.full((len(grey), _GAP, 3), 255, np.uint8)
    return np.concatenate([piece for part in parts for piece in (part, gap)][:-1], axis=1)


def _enlarged(pixels: np.ndarray, factor: int) -> np.ndarray:
    return pixels.repeat(factor, axis=0).repeat(factor, axis=1)


def _dotted(grey: np.ndarray, rows: np.ndarray, factor: int) -> np.ndarray:
    """A dot in each column, since maxima of neighbouring columns need not be of one line."""
    drawn = grey.copy()
    for line, colour in zip(rows, (_UPPER, _LOWER), strict=True):
        for column, row in enumerate(line):
            if not np.isnan(row):
                y = int(np.clip(round((row + 0.5) * factor - factor / 2), 0, len(grey) - factor))
                drawn[y : y + factor, column * factor : (column + 1) * factor] = colour
    return drawn


def _lined(grey: np.ndarray, rows: np.ndarray, factor: int) -> np.ndarray:
    picture = Image.fromarray(grey)
    pen = ImageDraw.Draw(picture)
    for line, colour in zip(rows, (_UPPER, _LOWER), strict=True):
        columns = np.flatnonzero(~np.isnan(line))
        for left, right in pairwise(columns):
            if right == left + 1:
                ends = [((column + 0.5) * factor, (line[column] + 0.5) * factor) for column in (left, right)]
                pen.line(ends, fill=colour, width=max(1, factor // 2))
    return np.asarray(picture)
