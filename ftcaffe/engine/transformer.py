"""The transformation of images on their way into a net: mean, crop, mirror, scale, in Caffe's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ftcaffe.engine import mode
from ftcaffe.engine.random import Random
from ftcaffe.errors import Error
from ftcaffe.store import mean
from ftcaffe.store.image import Colors


class DataTransformer:
    """value = (pixel − mean) · scale of a crop, mirrored left to right or not.

    Training crops at random places, testing in the middle; `mirror` mirrors half of the images at random in both
    phases. `mean_file` is cropped with the image; `mean_value` is one for all channels or one each.

    Parameters
    ----------
    message : TransformationParameter.
    training : whether crops are random.

    Attributes
    ----------
    colors : how encoded images are decoded: `force_color`, `force_gray`, or as they are.
    """

    def __init__(self, message: Any, training: bool) -> None:
        if message.mean_file and message.mean_value:
            raise Error("mean_file and mean_value exclude each other")
        if message.force_color and message.force_gray:
            raise Error("force_color and force_gray exclude each other")
        self.scale, self.crop, self.mirror = np.float32(message.scale), message.crop_size, message.mirror
        self.colors: Colors = "color" if message.force_color else "gray" if message.force_gray else "as is"
        self._mean_file = message.mean_file
        self._mean = mean.read(message.mean_file) if message.mean_file else None
        self._values = np.array(message.mean_value, np.float32)
        self._crops_at_random = training and self.crop > 0
        self._words_an_image = self.mirror + 2 * self._crops_at_random

    def seed(self) -> None:
        """Take a seed for the random crops and mirrors from Caffe's own random numbers, if there will be any."""
        if self._words_an_image:
            self._random = Random(mode.random.word())

    def shape(self, image: Sequence[int]) -> tuple[int, ...]:
        """Shape of the result for an image of that shape (channels, height, width); `Error` where it does not fit."""
        channels, height, width = image
        if self.crop and (height < self.crop or width < self.crop):
            raise Error(f"crop_size {self.crop} is larger than an image of {height} × {width}")
        if self._mean is not None and self._mean.shape != tuple(image):
            raise Error(f"the mean has shape {self._mean.shape}, the images {tuple(image)}", self._mean_file)
        if len(self._values) not in (0, 1, channels):
            raise Error(f"mean_value is given {len(self._values)} times for {channels} channels")
        return (channels, self.crop or height, self.crop or width)

    def into(self, places: np.ndarray, images: Sequence[np.ndarray] | np.ndarray) -> None:
        """Write transformed images.

        Parameters
        ----------
        places : float32, images × the shape that `shape` gives.
        images : as many, uint8 or float32, channels × height × width; an array of them is taken in one go.
        """
        count = len(images)
        drawn = self._random.words(count * self._words_an_image).reshape(count, -1) if self._words_an_image else None
        flips = drawn[:, 0] % 2 == 1 if drawn is not None and self.mirror else np.zeros(count, bool)
        for image in images[:1] if isinstance(images, np.ndarray) else images:
            if self.shape(image.shape) != places.shape[1:]:
                what = f"an image of shape {image.shape} in a batch of {places.shape[1:]}; a batch needs one shape"
                raise Error(what)
        if isinstance(images, np.ndarray) and not self._crops_at_random:
            self._write(places, images, flips, self._window(images.shape[1:], None))
            return
        windows = [
            self._window(image.shape, drawn[number, -2:] if drawn is not None else None)
            for number, image in enumerate(images)
        ]
        if isinstance(images, np.ndarray) and self._mean is None:
            cut = np.stack([image[window] for image, window in zip(images, windows, strict=True)])
            self._write(places, cut, flips, ())
            return
        for number, window in enumerate(windows):
            one = slice(number, number + 1)
            self._write(places[one], images[number][None], flips[one], window)

    def _window(self, image: Sequence[int], words: np.ndarray | None) -> tuple[Any, ...]:
        if not self.crop:
            return ()
        spare = [length - self.crop for length in image[1:]]
        if self._crops_at_random and words is not None:
            starts = [int(word) % (n + 1) for word, n in zip(words, spare, strict=True)]
        else:
            starts = [n // 2 for n in spare]
        return (..., *(slice(start, start + self.crop) for start in starts))

    def _write(self, places: np.ndarray, images: np.ndarray, flips: np.ndarray, window: tuple[Any, ...]) -> None:
        places[...] = images[window]
        if self._mean is not None:
            places -= self._mean[window]
        elif self._values.size:
            places -= self._values[:, None, None]
        if self.scale != 1:
            places *= self.scale
        if flips.any():
            places[flips] = places[flips][..., ::-1]
