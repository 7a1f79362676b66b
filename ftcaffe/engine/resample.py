"""Resizing of images of floats as scikit-image 0.18 did it, by which ``caffe.io.resize_image`` got its numbers.

Later versions of scikit-image resize by splines, and not with the same numbers.
"""

from __future__ import annotations

import numpy as np


def resize(image: np.ndarray, height: int, width: int, order: int) -> np.ndarray:
    """An image of floats, h × w × channels, of another size; computed in its own precision.

    Smoothed first where it shrinks, by a Gaussian of deviation (factor − 1) / 2; beyond the image are zeros, which
    darken the rim of an image that grows; the result keeps to the range of the smoothed image.

    Parameters
    ----------
    order : 0 takes the nearest pixel, 1 is bilinear, 3 bicubic (Catmull-Rom's).
    """
    from scipy.ndimage import gaussian_filter  # not at the top: it takes longer than the engine's own modules

    factors = [old / new for old, new in zip(image.shape[:2], (height, width), strict=True)]
    image = gaussian_filter(image, [*(max(0.0, (factor - 1) / 2) for factor in factors), 0.0], mode="constant")
    rows = _mix(image, factors[1], width, order, axis=1)
    result = _mix(rows, factors[0], height, order, axis=0)
    low, high = image.min(), image.max()
    outside = result == 0 if not low <= 0 <= high else np.zeros(result.shape, bool)
    return np.where(outside, result, result.clip(low, high))


def _mix(image: np.ndarray, factor: float, length: int, order: int, axis: int) -> np.ndarray:
    """Interpolate along an axis: a weighted sum of one to four pixels for each of the wanted ones."""
    kind = image.dtype.type
    place = kind(factor) * np.arange(length, dtype=kind) + kind(factor * 0.5 - 0.5)
    first = np.floor(place + kind(0.5)) if order == 0 else np.floor(place)
    total = None
    for offset, weight in _weights(place - first, order):
        index = first.astype(int) + offset
        weight = np.where((index >= 0) & (index < image.shape[axis]), weight, kind(0))
        part = image.take(index.clip(0, image.shape[axis] - 1), axis)
        part *= weight.reshape([-1 if a == axis else 1 for a in range(3)])
        total = part if total is None else total + part
    assert total is not None
    return total


def _weights(x: np.ndarray, order: int) -> list[tuple[int, np.ndarray]]:
    """Offset and weight of each pixel used, for places `x` past the pixel of offset 0."""
    if order == 0:
        return [(0, np.ones_like(x))]
    if order == 1:
        return [(0, 1 - x), (1, x)]
    if order == 3:
        return [
            (-1, x * (-1 + x * (2 - x)) / 2),
            (0, 1 + x * x * (3 * x - 5) / 2),
            (1, x * (1 + x * (4 - 3 * x)) / 2),
            (2, x * x * (x - 1) / 2),
        ]
    raise ValueError(f"interp_order {order}: images of one or three channels are resized with 0, 1 or 3")
