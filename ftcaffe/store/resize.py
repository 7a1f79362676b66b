"""Bilinear resizing of 8-bit images, equal to the bit to OpenCV's, which is what the original resizes with."""

from __future__ import annotations

import numpy as np

_ONE = 2048  # weights are whole numbers of eleven bits


def bilinear(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """A uint8 image (… × h × w) of another size, as OpenCV's INTER_LINEAR makes it; the image itself if of that size.

    Pixel (y, x) is taken from ((y + ½) · h / height − ½, (x + ½) · w / width − ½) between its four neighbours, in
    fixed point. Halving both sides exactly is another rule there: the rounded mean of each 2 × 2.
    """
    if image.shape[-2:] == (height, width):
        return image
    if image.shape[-2:] == (2 * height, 2 * width):
        pairs = image.reshape(*image.shape[:-2], height, 2, width, 2).astype(np.uint16)
        return ((pairs.sum(axis=(-3, -1), dtype=np.uint16) + 2) >> 2).astype(np.uint8)
    left, right, along = _places(image.shape[-1], width, clamped=True)
    upper, lower, down = _places(image.shape[-2], height, clamped=False)
    used, place = np.unique(np.concatenate([upper, lower]), return_inverse=True)
    rows = image[..., used, :]
    across = rows[..., left] * (_ONE - along) + rows[..., right] * along >> 4  # int32
    upper, lower = place.reshape(2, -1)
    down = down[:, None]
    mixed = (across[..., upper, :] * (_ONE - down) >> 16) + (across[..., lower, :] * down >> 16)
    return (mixed + 2 >> 2).astype(np.uint8)


def _places(length: int, wanted: int, *, clamped: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both neighbours of each wanted place along an axis, and the second one's weight, 0 to 2048.

    `clamped`: at the rims all weight is the first one's; else both are the rim, and each rounds its share.
    """
    scale = 1.0 / (wanted / length)
    place = ((np.arange(wanted) + 0.5) * scale - 0.5).astype(np.float32)
    first = np.floor(place).astype(np.int64)
    share = place - first.astype(np.float32)
    if clamped:
        share[(first < 0) | (first >= length - 1)] = 0
    weight = np.rint(share * np.float32(_ONE)).astype(np.int32)
    return np.clip(first, 0, length - 1), np.clip(first + 1, 0, length - 1), weight
