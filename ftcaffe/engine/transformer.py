"""The transformation of images on their way into a net: mean, crop, mirror, scale, in Caffe's order."""

from __future__ import annotations

from typing import Any

import numpy as np

from ftcaffe.engine import mode
from ftcaffe.engine.random import Random
from ftcaffe.errors import Error
from ftcaffe.store import mean


class DataTransformer:
    """value = (pixel − mean) · scale of a crop, mirrored left to right or not.

    Training crops at random places, testing in the middle; `mirror` mirrors half of the images at random in both
    phases. `mean_file` is cropped with the image; `mean_value` is one for all channels or one each.

    Parameters
    ----------
    message : TransformationParameter.
    training : whether crops are random.
    """

    def __init__(self, message: Any, training: bool) -> None:
        if message.mean_file and message.mean_value:
            raise Error("mean_file and mean_value exclude each other")
        self.scale, self.crop, self.mirror = np.float32(message.scale), message.crop_size, message.mirror
        self.force_color, self.force_gray = message.force_color, message.force_gray
        self._mean_file = message.mean_file
        self._mean = mean.read(message.mean_file) if message.mean_file else None
        self._values = np.array(message.mean_value, np.float32)
        self._crops_at_random = training and self.crop > 0
        # One word is drawn even for a seed that the second then replaces: Caffe's data layers begin twice.
        self._random = None
        if self.mirror or self._crops_at_random:
            mode.random.word()
            self._random = Random(mode.random.word())

    def shape(self, image: np.ndarray) -> tuple[int, ...]:
        """Shape of the result for an image of channels × height × width; `Error` where it does not fit."""
        channels, height, width = image.shape
        if self.crop and (height < self.crop or width < self.crop):
            raise Error(f"crop_size {self.crop} is larger than an image of {height} × {width}")
        if self._mean is not None and self._mean.shape != image.shape:
            raise Error(f"the mean has shape {self._mean.shape}, the images {image.shape}", self._mean_file)
        if len(self._values) not in (0, 1, channels):
            raise Error(f"mean_value is given {len(self._values)} times for {channels} channels")
        return (channels, self.crop or height, self.crop or width)

    def into(self, place: np.ndarray, image: np.ndarray) -> None:
        """Write the transformed image to `place`, float32 of the shape that `shape` gives."""
        mirrored = self.mirror and self._draw(2)
        window: tuple[slice, ...] = ()
        if self.crop:
            spare = (image.shape[1] - self.crop, image.shape[2] - self.crop)
            top, left = (self._draw(n + 1) if self._crops_at_random else n // 2 for n in spare)
            window = (slice(None), slice(top, top + self.crop), slice(left, left + self.crop))
        place[...] = image[window]
        if self._mean is not None:
            place -= self._mean[window]
        elif self._values.size:
            place -= self._values[:, None, None]
        if self.scale != 1:
            place *= self.scale
        if mirrored:
            place[...] = place[..., ::-1].copy()

    def _draw(self, below: int) -> int:
        assert self._random is not None
        return self._random.word() % below
