"""Square windows about the pixels of an image, enlarged to a net's input: what is classified pixel by pixel.

The window of pixel (r, c) has the pixel's centre for its own, and a side of `side` pixels, which need not be whole.
Sample k of an axis of the enlarged window lies at r + (2k + 1 − size) · side / (2 · size), in coordinates in which
pixel (0, 0) has its centre at 0, 0. Where size / side is a whole number f, the windows of neighbouring pixels are
cuts of one enlarged image, f samples apart: with the default of 28.375 pixels and an input of 227, f is 8, and sample
113 of every window is its pixel itself.

Values between pixels are bilinear, those outside the image are mirrored about its outermost pixels. Places are
computed from whole numbers, so that a window is its cut of the enlarged image to the last bit.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

SIDE = 28.375
"""Of the window, in pixels: 227 / 8 (assumed; the paper gives no size)."""


def factor(side: float, size: int) -> int | None:
    """How many samples of the enlarged image a pixel is, or None where that is no whole number.

    Parameters
    ----------
    side : of the window, in pixels.
    size : of the net's input.
    """
    ratio = _ratio(side, size)
    return ratio.numerator if ratio.denominator == 1 else None


def window(image: np.ndarray, row: int, column: int, side: float, size: int) -> np.ndarray:
    """The enlarged window (uint8, size × size) of a pixel of an image (uint8, height × width)."""
    return enlarged(image, row, column, 1, 1, side, size)


def enlarged(image: np.ndarray, row: int, column: int, height: int, width: int, side: float, size: int) -> np.ndarray:
    """A region of an image, enlarged, with the context that the windows of its pixels need.

    Parameters
    ----------
    image : uint8, height × width, of the whole frame.
    row, column, height, width : of the region, in pixels.
    side : of the window, in pixels. Where `factor` is None the region must be one pixel.
    size : of the net's input.

    Returns
    -------
    uint8, (f · (height − 1) + size) × (f · (width − 1) + size); the window of pixel (i, j) of the region begins at
    (f · i, f · j).

    Raises
    ------
    ValueError : an image of another kind, or a region that has no common enlargement.
    """
    if image.ndim != 2 or image.dtype != np.uint8:
        raise ValueError(f"an image is uint8 of two axes, not {image.dtype} {image.shape}")
    step = factor(side, size)
    if step is None and (height, width) != (1, 1):
        raise ValueError(f"windows of {side:g} pixels enlarged to {size} have no common image: no whole factor")
    ratio, step = _ratio(side, size), step or 1
    upper, lower, down = _places(image.shape[0], row, step * (height - 1) + size, ratio, size)
    left, right, along = _places(image.shape[1], column, step * (width - 1) + size, ratio, size)
    first, last = min(left.min(), right.min()), max(left.max(), right.max()) + 1
    part = image[:, first:last].astype(np.float64)
    rows = part[upper] + down[:, None] * (part[lower] - part[upper])
    left, right = left - first, right - first
    return np.rint(rows[:, left] + along * (rows[:, right] - rows[:, left])).astype(np.uint8)


def _ratio(side: float, size: int) -> Fraction:
    """Samples a pixel; the side as the simple fraction that was meant, since 227 / 7 is no floating-point number."""
    return Fraction(size) / Fraction(side).limit_denominator(1000)


def _places(
    length: int, start: int, count: int, ratio: Fraction, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both pixels that each of `count` samples of an axis lies between, and the second one's weight."""
    over, under = ratio.numerator, ratio.denominator  # sample k lies at (2k + 1 − size) · under / (2 · over)
    numerator = (2 * np.arange(count, dtype=np.int64) + 1 - size) * under
    whole, rest = np.divmod(numerator, 2 * over)
    place = start + whole
    return _mirrored(place, length), _mirrored(place + 1, length), rest / (2 * over)


def _mirrored(place: np.ndarray, length: int) -> np.ndarray:
    """… 2 1 0 1 2 … length−1 length−2 …"""
    if length == 1:
        return np.zeros_like(place)
    turned = np.mod(place, 2 * (length - 1))
    return np.minimum(turned, 2 * (length - 1) - turned)
