"""Square sub-images at random places of an image, the same ones wherever they are cut from the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SubImages:
    """How test images are cut while they are scored, as ``dataset.json`` says under ``test``.

    count : sub-images of each image. size : their side, pixels. seed : of their places.
    """

    count: int
    size: int
    seed: int

    def cut(self, image: np.ndarray, number: int) -> Iterator[np.ndarray]:
        """The sub-images (channels × size × size) of record `number` (channels × height × width)."""
        for x, y in places(image.shape[1:], self.size, self.count, np.random.default_rng([self.seed, number])):
            yield image[:, y : y + self.size, x : x + self.size]


def places(shape: tuple[int, ...], size: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 2) x and y of the upper left corners, uniform over every place where the sub-image lies inside.

    Parameters
    ----------
    shape : height and width of the image, pixels; neither below `size`.
    size : side of a sub-image, pixels.
    """
    height, width = shape
    if min(height, width) < size:
        raise ValueError(f"no sub-image of {size} × {size} lies in an image of {width} × {height}")
    return rng.integers(0, (width - size + 1, height - size + 1), (count, 2))
